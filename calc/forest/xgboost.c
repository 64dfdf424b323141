/* Reads XGBoost's model schema, the same in JSON and UBJSON. Facts relied on: split_conditions
 * holds the threshold of a split and the value of a leaf; a leaf has left child -1; default_left is
 * 0/1 or a boolean; base_score is a decimal string, from 3.1 perhaps a vector "[5E-1]", in the
 * space of the prediction (a probability for logistic objectives); tree_info names the class a tree
 * adds to; dart keeps its trees one level deeper ("gbtree") and a weight each, with which leaves
 * are multiplied before they are added. */
#include "calc/forest/forest.h"

#include "calc/ubjson.h"
#include "core/error.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REFUSE(...) ats_error(ATS_EXIT_DATA, "xgboost model: " __VA_ARGS__)

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

/* How base_score becomes a margin: ProbToMargin of the objective. */
typedef enum base_link { LINK_IDENTITY, LINK_LOGIT, LINK_LOG } base_link;

static const struct {
    const char *name;
    base_link link;
    ats_forest_output output;
} OBJECTIVES[] = {
    {"reg:squarederror", LINK_IDENTITY, ATS_FOREST_MARGIN},
    {"reg:linear", LINK_IDENTITY, ATS_FOREST_MARGIN},
    {"reg:squaredlogerror", LINK_IDENTITY, ATS_FOREST_MARGIN},
    {"reg:absoluteerror", LINK_IDENTITY, ATS_FOREST_MARGIN},
    {"reg:pseudohubererror", LINK_IDENTITY, ATS_FOREST_MARGIN},
    {"reg:quantileerror", LINK_IDENTITY, ATS_FOREST_MARGIN},
    {"rank:pairwise", LINK_IDENTITY, ATS_FOREST_MARGIN},
    {"rank:ndcg", LINK_IDENTITY, ATS_FOREST_MARGIN},
    {"rank:map", LINK_IDENTITY, ATS_FOREST_MARGIN},
    {"binary:logistic", LINK_LOGIT, ATS_FOREST_SIGMOID},
    {"reg:logistic", LINK_LOGIT, ATS_FOREST_SIGMOID},
    {"binary:logitraw", LINK_IDENTITY, ATS_FOREST_MARGIN}, /* from 1.7; see read_objective */
    {"binary:hinge", LINK_IDENTITY, ATS_FOREST_HINGE},
    {"count:poisson", LINK_LOG, ATS_FOREST_EXP},
    {"reg:gamma", LINK_LOG, ATS_FOREST_EXP},
    {"reg:tweedie", LINK_LOG, ATS_FOREST_EXP},
    {"survival:cox", LINK_LOG, ATS_FOREST_EXP},
    {"survival:aft", LINK_LOG, ATS_FOREST_EXP},
    {"multi:softprob", LINK_IDENTITY, ATS_FOREST_SOFTMAX},
    {"multi:softmax", LINK_IDENTITY, ATS_FOREST_ARGMAX},
};
#define OBJECTIVE_COUNT (sizeof OBJECTIVES / sizeof OBJECTIVES[0])

static int link_base(base_link how, float base, float *margin)
{
    if (how == LINK_LOGIT && !(base > 0.0f && base < 1.0f))
        return REFUSE("base_score %g is no probability", (double)base);
    if (how == LINK_LOG && !(base > 0.0f))
        return REFUSE("base_score %g has no logarithm", (double)base);
    *margin = how == LINK_LOGIT ? -logf(1.0f / base - 1.0f) : how == LINK_LOG ? logf(base) : base;
    return 0;
}

/* A decimal string, or several in brackets: one a class, or one for all. */
static int read_base_scores(ats_forest *forest, const char *text, base_link how)
{
    const char *at = *text == '[' ? text + 1 : text;
    uint32_t n = 0;
    for (;;) {
        char *end;
        errno = 0;
        double base = strtod(at, &end);
        if (end == at || errno || !isfinite(base) || n == forest->group_count)
            return REFUSE("base_score \"%s\" is not one number, or one a class", text);
        if (link_base(how, (float)base, &forest->base_margin[n++]) != 0)
            return -1;
        at = end;
        if (*at != ',')
            break;
        at++;
    }
    if (strcmp(at, *text == '[' ? "]" : "") != 0 || (n != 1 && n != forest->group_count))
        return REFUSE("base_score \"%s\" is not one number, or one a class", text);
    for (; n < forest->group_count; n++)
        forest->base_margin[n] = forest->base_margin[0];
    return 0;
}

static int64_t parse_attribute(json_t *learner, const char *path, int base)
{
    return (int64_t)strtoull(get_string(learner, path), NULL, base);
}

/* version: 100 * major + minor. */
static int read_objective(ats_forest *forest, json_t *learner, long version)
{
    const char *name = get_string(learner, "objective.name");
    for (size_t i = 0; i < OBJECTIVE_COUNT; i++) {
        if (strcmp(name, OBJECTIVES[i].name) != 0)
            continue;
        /* Its base_score is a margin in 1.7 and all that came after; before, it has not been seen.
         */
        if (!strcmp(name, "binary:logitraw") && version < 107)
            return REFUSE("binary:logitraw of XGBoost %ld.%ld is not supported", version / 100,
                          version % 100);
        forest->output = OBJECTIVES[i].output;
        return read_base_scores(forest, get_string(learner, "learner_model_param.base_score"),
                                OBJECTIVES[i].link);
    }
    return REFUSE("objective \"%s\" is not supported", name);
}

static int read_header(ats_forest *forest, json_t *learner, long version)
{
    long classes = atol(get_string(learner, "learner_model_param.num_class"));
    long targets = atol(get_string(learner, "learner_model_param.num_target"));
    long features = atol(get_string(learner, "learner_model_param.num_feature"));
    if (targets > 1)
        return REFUSE("%ld targets: only one is supported", targets);
    if (classes > (long)ATS_FOREST_GROUPS_MAX)
        return REFUSE("%ld classes: at most %u are supported", classes, ATS_FOREST_GROUPS_MAX);
    if (features < 1 || features > (long)ATS_FOREST_FEATURES_MAX)
        return REFUSE("%ld features: 1 to %u are supported", features, ATS_FOREST_FEATURES_MAX);
    forest->group_count = classes > 1 ? (uint32_t)classes : 1;
    forest->feature_count = (uint32_t)features;
    forest->feature_version =
        (uint64_t)parse_attribute(learner, "attributes.ats_feature_version", 16);
    forest->train_first_ns = parse_attribute(learner, "attributes.ats_train_first_ns", 10);
    forest->train_last_ns = parse_attribute(learner, "attributes.ats_train_last_ns", 10);
    return read_objective(forest, learner, version);
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

/* A whole number or a boolean; -2, which nothing accepts as a child, feature or class, for a number
 * beyond what any index can be. */
static long int_at(json_t *array, size_t i)
{
    json_t *v = json_array_get(array, i);
    double x = json_number_value(v);
    if (json_is_boolean(v))
        return json_is_true(v);
    return x >= -1e9 && x <= 1e9 ? (long)x : -2;
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
    json_t *condition = json_array_get(t->condition, p->from);
    float threshold = (float)json_number_value(condition);
    if (left < 0 || right < 0 || (size_t)left >= t->n || (size_t)right >= t->n)
        return REFUSE("tree %zu, node %u: no such child", index, p->from);
    if (feature < 0 || feature >= (long)forest->feature_count)
        return REFUSE("tree %zu, node %u: feature %ld of %u", index, p->from, feature,
                      forest->feature_count);
    if (!json_is_number(condition) || threshold != threshold)
        return REFUSE("tree %zu, node %u: its threshold is no number", index, p->from);
    /* A tree's nodes are used once each; more arrivals than nodes means a loop. */
    if (*tail + 2 > t->n || p->depth + 1 > ATS_FOREST_DEPTH_MAX)
        return REFUSE("tree %zu is no tree (a node is reached twice, or deeper than %u)", index,
                      ATS_FOREST_DEPTH_MAX);
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
static int flatten(ats_forest *forest, const tree_json *t, size_t index, float weight,
                   pending *queue)
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
            json_t *condition = json_array_get(t->condition, p.from);
            float value = (float)json_number_value(condition) * weight;
            if (!json_is_number(condition) || !isfinite(value))
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

/* The class of tree `index`; without tree_info there is one. */
static int read_group(ats_forest *forest, json_t *info, size_t index)
{
    if (!forest->group)
        return 0;
    long group = int_at(info, index);
    if (group < 0 || group >= (long)forest->group_count)
        return REFUSE("tree %zu is of class %ld of %u", index, group, forest->group_count);
    forest->group[index] = (uint16_t)group;
    return 0;
}

/* Weight of tree `index` of a dart model; 1 in any other. */
static int read_weight(json_t *weights, size_t index, float *weight)
{
    *weight = 1.0f;
    if (!weights)
        return 0;
    json_t *w = json_array_get(weights, index);
    *weight = (float)json_number_value(w);
    return json_is_number(w) && isfinite(*weight)
               ? 0
               : REFUSE("tree %zu: its weight is no number", index);
}

/* `model` holds trees and tree_info; `weights` is NULL unless the booster is dart. */
static int read_trees(ats_forest *forest, json_t *model, json_t *weights)
{
    json_t *trees = get(model, "trees"), *info = get(model, "tree_info");
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
    if (forest->group_count > 1)
        forest->group = calloc(count, sizeof *forest->group);
    pending *queue = malloc((largest + 1) * sizeof *queue);
    int result = 0;
    if (!forest->nodes || !forest->root || !forest->depth || !queue ||
        (forest->group_count > 1 && !forest->group))
        result = ats_error(ATS_EXIT_FAILED, "xgboost model: out of memory");
    for (size_t i = 0; result == 0 && i < count; i++) {
        tree_json t;
        float weight;
        result = open_tree(&t, json_array_get(trees, i), i);
        if (result == 0 && read_group(forest, info, i) == 0 &&
            read_weight(weights, i, &weight) == 0)
            result = flatten(forest, &t, i, weight, queue);
        else
            result = -1;
    }
    free(queue);
    return result;
}

/* The part that holds the trees: dart has gbtree's within its own. Named by weight_drop and not by
 * the booster's name, whose layout differs between versions. */
static int read_booster(ats_forest *forest, json_t *booster)
{
    json_t *weights = get(booster, "weight_drop");
    const char *name = get_string(booster, "name");
    if (weights)
        return read_trees(forest, get(booster, "gbtree.model"), weights);
    if (strcmp(name, "gbtree") != 0)
        return REFUSE("booster \"%s\" is not supported", name);
    return read_trees(forest, get(booster, "model"), NULL);
}

int ats_forest_parse_xgboost(ats_forest *forest, const void *model, size_t bytes)
{
    json_error_t error;
    memset(forest, 0, sizeof *forest);
    bool binary = ats_ubjson_looks_like(model, bytes);
    json_t *root = binary ? ats_ubjson_parse(model, bytes)
                          : json_loadb(model, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!root && binary)
        return REFUSE("it is damaged");
    if (!root)
        return REFUSE("line %d: %s", error.line, error.text);
    json_t *learner = get(root, "learner");
    json_t *numbers = get(root, "version");
    long version = 100 * int_at(numbers, 0) + int_at(numbers, 1);
    int result = -1;
    if (!learner)
        REFUSE("no \"learner\": this is not an XGBoost model");
    else if (read_header(forest, learner, version) == 0)
        result = read_booster(forest, get(learner, "gradient_booster"));
    json_decref(root);
    if (result != 0)
        ats_forest_free(forest);
    return result;
}
