/* Reads XGBoost's JSON model schema. Facts relied on: split_conditions holds the threshold of a
 * split and the value of a leaf; a leaf has left child -1; default_left is 0/1 or a boolean;
 * base_score is a decimal string, from 3.1 perhaps a vector "[5E-1]", in probability space for
 * logistic objectives. */
#include "calc/forest.h"

#include "core/error.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REFUSE(...) ats_error(ATS_EXIT_DATA, "xgboost model: " __VA_ARGS__)

/* Longest walk accepted. XGBoost's own default is 6; deeper than this is a damaged file. */
#define DEPTH_MAX 64u

typedef struct tree_json {
    json_t *left, *right, *feature, *condition, *default_left;
    size_t n;
} tree_json;

static json_t *get(json_t *object, const char *path)
{
    char key[64];
    while (object && *path) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof key)
            return NULL;
        memcpy(key, path, n);
        key[n] = 0;
        object = json_object_get(object, key);
        path += n + (path[n] == '.');
    }
    return object;
}

static const char *get_string(json_t *object, const char *path)
{
    const char *s = json_string_value(get(object, path));
    return s ? s : "";
}

/* A decimal string, perhaps in brackets with one element. */
static int parse_base_score(const char *text, double *out)
{
    char *end;
    const char *start = *text == '[' ? text + 1 : text;
    errno = 0;
    *out = strtod(start, &end);
    if (end == start || errno || !isfinite(*out) || (*end && *end != ']'))
        return REFUSE("base_score \"%s\" is no single number", text);
    return 0;
}

static int64_t parse_attribute(json_t *learner, const char *path, int base)
{
    return (int64_t)strtoull(get_string(learner, path), NULL, base);
}

static int read_objective(ats_forest *forest, json_t *learner)
{
    const char *name = get_string(learner, "objective.name");
    double base;
    if (parse_base_score(get_string(learner, "learner_model_param.base_score"), &base) != 0)
        return -1;
    if (!strcmp(name, "binary:logistic") || !strcmp(name, "reg:logistic")) {
        forest->objective = ATS_FOREST_LOGISTIC;
        float b = (float)base;
        if (!(b > 0.0f && b < 1.0f))
            return REFUSE("base_score %g is no probability", base);
        forest->base_margin = -logf(1.0f / b - 1.0f);
    } else if (!strcmp(name, "reg:squarederror") || !strcmp(name, "reg:absoluteerror") ||
               !strcmp(name, "reg:pseudohubererror")) {
        forest->objective = ATS_FOREST_REGRESSION;
        forest->base_margin = (float)base;
    } else {
        return REFUSE("objective \"%s\" is not supported", name);
    }
    return 0;
}

static int read_header(ats_forest *forest, json_t *learner)
{
    const char *booster = get_string(learner, "gradient_booster.name");
    if (strcmp(booster, "gbtree") != 0)
        return REFUSE("booster \"%s\" is not supported", booster);
    long classes = atol(get_string(learner, "learner_model_param.num_class"));
    long targets = atol(get_string(learner, "learner_model_param.num_target"));
    long features = atol(get_string(learner, "learner_model_param.num_feature"));
    if (classes > 1 || targets > 1)
        return REFUSE("%ld classes and %ld targets: only one output is supported", classes,
                      targets);
    if (features < 1 || features > (long)ATS_FOREST_FEATURES_MAX)
        return REFUSE("%ld features: 1 to %u are supported", features, ATS_FOREST_FEATURES_MAX);
    forest->feature_count = (uint32_t)features;
    forest->feature_version =
        (uint64_t)parse_attribute(learner, "attributes.ats_feature_version", 16);
    forest->train_first_ns = parse_attribute(learner, "attributes.ats_train_first_ns", 10);
    forest->train_last_ns = parse_attribute(learner, "attributes.ats_train_last_ns", 10);
    return read_objective(forest, learner);
}

static bool any_nonzero(json_t *array)
{
    size_t i;
    json_t *v;
    json_array_foreach(array, i, v)
    {
        if (json_number_value(v) != 0)
            return true;
    }
    return false;
}

static int open_tree(tree_json *t, json_t *json, size_t index)
{
    t->left = get(json, "left_children");
    t->right = get(json, "right_children");
    t->feature = get(json, "split_indices");
    t->condition = get(json, "split_conditions");
    t->default_left = get(json, "default_left");
    t->n = json_array_size(t->left);
    if (t->n == 0 || json_array_size(t->right) != t->n || json_array_size(t->feature) != t->n ||
        json_array_size(t->condition) != t->n || json_array_size(t->default_left) != t->n)
        return REFUSE("tree %zu: its arrays are missing or of unequal length", index);
    if (any_nonzero(get(json, "split_type")))
        return REFUSE("tree %zu has categorical splits, which are not supported", index);
    if (atol(get_string(json, "tree_param.size_leaf_vector")) > 1)
        return REFUSE("tree %zu has vector leaves, which are not supported", index);
    return 0;
}

static long int_at(json_t *array, size_t i)
{
    json_t *v = json_array_get(array, i);
    return json_is_boolean(v) ? json_is_true(v) : (long)json_number_value(v);
}

typedef struct pending {
    uint32_t from; /* node of the file */
    uint32_t to;   /* node of the forest */
    uint32_t depth;
} pending;

static int fill_split(ats_forest *forest, const tree_json *t, size_t index, const pending *p,
                      pending *queue, size_t *tail)
{
    long left = int_at(t->left, p->from), right = int_at(t->right, p->from);
    long feature = int_at(t->feature, p->from);
    float threshold = (float)json_number_value(json_array_get(t->condition, p->from));
    if (left < 0 || right < 0 || (size_t)left >= t->n || (size_t)right >= t->n)
        return REFUSE("tree %zu, node %u: no such child", index, p->from);
    if (feature < 0 || feature >= (long)forest->feature_count)
        return REFUSE("tree %zu, node %u: feature %ld of %u", index, p->from, feature,
                      forest->feature_count);
    if (threshold != threshold)
        return REFUSE("tree %zu, node %u: its threshold is no number", index, p->from);
    /* A tree's nodes are used once each; more arrivals than nodes means a loop. */
    if (*tail + 2 > t->n || p->depth + 1 > DEPTH_MAX)
        return REFUSE("tree %zu is no tree (a node is reached twice, or deeper than %u)", index,
                      DEPTH_MAX);
    uint32_t child = forest->node_count;
    forest->nodes[p->to] = (ats_forest_node){.threshold = threshold,
                                             .left = child,
                                             .feature = (uint16_t)feature,
                                             .default_right = !int_at(t->default_left, p->from)};
    forest->node_count += 2;
    queue[(*tail)++] = (pending){(uint32_t)left, child, p->depth + 1};
    queue[(*tail)++] = (pending){(uint32_t)right, child + 1, p->depth + 1};
    return 0;
}

/* Lays one tree out breadth first behind the nodes already there; room for t->n more is sure. */
static int flatten(ats_forest *forest, const tree_json *t, size_t index, pending *queue)
{
    size_t head = 0, tail = 0;
    uint32_t depth = 0;
    forest->root[index] = forest->node_count;
    queue[tail++] = (pending){0, forest->node_count++, 0};
    while (head < tail) {
        pending p = queue[head++];
        if (p.depth > depth)
            depth = p.depth;
        if (int_at(t->left, p.from) == -1) {
            float value = (float)json_number_value(json_array_get(t->condition, p.from));
            if (!isfinite(value))
                return REFUSE("tree %zu, node %u: its value is no number", index, p.from);
            forest->nodes[p.to] = (ats_forest_node){.threshold = NAN, .value = value, .left = p.to};
        } else if (fill_split(forest, t, index, &p, queue, &tail) != 0) {
            return -1;
        }
    }
    forest->depth[index] = (uint8_t)depth;
    if (depth > forest->max_depth)
        forest->max_depth = depth;
    return 0;
}

static int read_trees(ats_forest *forest, json_t *trees)
{
    size_t count = json_array_size(trees), nodes = 0, largest = 0;
    if (count == 0 || count > ATS_FOREST_TREES_MAX)
        return REFUSE("%zu trees: 1 to %u are supported", count, ATS_FOREST_TREES_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t n = json_array_size(get(json_array_get(trees, i), "left_children"));
        nodes += n;
        largest = n > largest ? n : largest;
    }
    if (nodes > ATS_FOREST_NODES_MAX)
        return REFUSE("%zu nodes: at most %u are supported", nodes, ATS_FOREST_NODES_MAX);
    forest->tree_count = (uint32_t)count;
    forest->nodes = aligned_alloc(64, (nodes * sizeof *forest->nodes + 127) & ~(size_t)63);
    forest->root = calloc(count, sizeof *forest->root);
    forest->depth = calloc(count, sizeof *forest->depth);
    pending *queue = malloc((largest + 1) * sizeof *queue);
    int result = 0;
    if (!forest->nodes || !forest->root || !forest->depth || !queue)
        result = ats_error(ATS_EXIT_FAILED, "xgboost model: out of memory");
    for (size_t i = 0; result == 0 && i < count; i++) {
        tree_json t;
        result = open_tree(&t, json_array_get(trees, i), i);
        if (result == 0)
            result = flatten(forest, &t, i, queue);
    }
    free(queue);
    return result;
}

int ats_forest_parse_xgboost_json(ats_forest *forest, const char *json, size_t bytes)
{
    json_error_t error;
    memset(forest, 0, sizeof *forest);
    json_t *root = json_loadb(json, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return REFUSE("line %d: %s", error.line, error.text);
    json_t *learner = get(root, "learner");
    int result = -1;
    if (!learner)
        REFUSE("no \"learner\": this is not an XGBoost JSON model");
    else if (read_header(forest, learner) == 0)
        result = read_trees(forest, get(learner, "gradient_booster.model.trees"));
    json_decref(root);
    if (result != 0)
        ats_forest_free(forest);
    return result;
}
