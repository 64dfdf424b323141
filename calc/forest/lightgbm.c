/* Reads LightGBM's text models (version v3 and v4). Facts relied on, from its source (tree.h,
 * gbdt_model_text.cpp): a value goes left iff it is <= a threshold in double; a negative child is
 * the leaf ~child; decision_type has bit 0 categorical, bit 1 default left, bits 2..3 what is
 * missing: nothing (NaN counts as 0), zero, or NaN; leaves hold the shrinkage already; tree i adds
 * to class i mod num_tree_per_iteration; "average_output" (random forests) divides by the
 * iterations.
 *
 * A float x is <= a double threshold exactly when it is < the least float above it, so decisions
 * are LightGBM's own,
 * but for +infinity at a split that only parts missing values from all others (threshold inf): it
 * goes with the missing. Leaves are rounded to float32 and added in float32, where LightGBM adds
 * doubles: margins agree to rounding. A file may carry ats_feature_version, ats_train_first_ns and
 * ats_train_last_ns as lines of its own, which LightGBM passes over. */
#include "calc/forest/forest.h"

#include "core/error.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REFUSE(...) ats_error(ATS_EXIT_DATA, "lightgbm model: " __VA_ARGS__)

#define IS_CATEGORICAL(type)  ((type)&1)
#define IS_DEFAULT_LEFT(type) ((type)&2)
#define MISSING(type)         ((type) >> 2 & 3)
enum { MISSING_NONE = 0, MISSING_ZERO = 1, MISSING_NAN = 2 };
#define ZERO_WITHIN ((double)1e-35f) /* kZeroThreshold: a row's nearer values are 0 to it */

/* ---- lines ---------------------------------------------------------------------------------- */

typedef struct reader {
    char *at; /* NUL-terminated copy of the file */
} reader;

/* The next line, cut off in place; NULL at the end. */
static char *next_line(reader *r)
{
    char *line = r->at;
    if (*line == 0)
        return NULL;
    size_t n = strcspn(line, "\n");
    r->at = line + n + (line[n] == '\n');
    line[n] = 0;
    if (n && line[n - 1] == '\r')
        line[n - 1] = 0;
    return line;
}

/* What follows "key=" when the line begins so, else NULL. */
static char *value_of(char *line, const char *key)
{
    size_t n = strlen(key);
    return strncmp(line, key, n) == 0 && line[n] == '=' ? line + n + 1 : NULL;
}

/* Exactly n numbers parted by blanks. */
static int read_doubles(const char *text, double *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *end;
        out[i] = strtod(text ? text : "", &end);
        if (!text || end == text || out[i] != out[i])
            return -1;
        text = end;
    }
    return text && text[strspn(text, " ")] ? -1 : 0;
}

static int read_integers(const char *text, int32_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *end;
        errno = 0;
        long v = strtol(text ? text : "", &end, 10);
        if (!text || end == text || errno || v < INT32_MIN || v > INT32_MAX)
            return -1;
        out[i] = (int32_t)v;
        text = end;
    }
    return text && text[strspn(text, " ")] ? -1 : 0;
}

/* ---- header --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    ats_forest_output output;
} OBJECTIVES[] = {
    {"regression", ATS_FOREST_MARGIN},     {"regression_l2", ATS_FOREST_MARGIN},
    {"regression_l1", ATS_FOREST_MARGIN},  {"huber", ATS_FOREST_MARGIN},
    {"fair", ATS_FOREST_MARGIN},           {"quantile", ATS_FOREST_MARGIN},
    {"mape", ATS_FOREST_MARGIN},           {"lambdarank", ATS_FOREST_MARGIN},
    {"rank_xendcg", ATS_FOREST_MARGIN},    {"custom", ATS_FOREST_MARGIN},
    {"poisson", ATS_FOREST_EXP},           {"gamma", ATS_FOREST_EXP},
    {"tweedie", ATS_FOREST_EXP},           {"binary", ATS_FOREST_SIGMOID},
    {"cross_entropy", ATS_FOREST_SIGMOID}, {"multiclassova", ATS_FOREST_SIGMOID},
    {"multiclass", ATS_FOREST_SOFTMAX},
};
#define OBJECTIVE_COUNT (sizeof OBJECTIVES / sizeof OBJECTIVES[0])

/* "binary sigmoid:1": a name, and parameters of which only the sigmoid's slope changes the output.
 */
static int read_objective(ats_forest *forest, const char *text)
{
    size_t n = strcspn(text, " ");
    const char *slope = strstr(text, "sigmoid:");
    if (strstr(text, " sqrt") || (slope && strtod(slope + 8, NULL) != 1.0))
        return REFUSE("objective \"%.60s\" is not supported", text);
    for (size_t i = 0; i < OBJECTIVE_COUNT; i++)
        if (strlen(OBJECTIVES[i].name) == n && !strncmp(OBJECTIVES[i].name, text, n)) {
            forest->output = OBJECTIVES[i].output;
            return 0;
        }
    return REFUSE("objective \"%.60s\" is not supported", text);
}

typedef struct header {
    bool average;
    long groups, features;
} header;

/* The number that follows the one in the text; no text makes it overflow. */
static long number_after(const char *text)
{
    long n = strtol(text, NULL, 10);
    return n < LONG_MAX ? n + 1 : n;
}

static int read_header_line(ats_forest *forest, header *h, char *line)
{
    char *v;
    if ((v = value_of(line, "num_tree_per_iteration")))
        h->groups = strtol(v, NULL, 10);
    else if ((v = value_of(line, "max_feature_idx")))
        h->features = number_after(v);
    else if ((v = value_of(line, "objective")))
        return read_objective(forest, v);
    else if ((v = value_of(line, "linear_tree")) && *v == '1')
        return REFUSE("linear trees are not supported");
    else if (!strcmp(line, "average_output"))
        h->average = true;
    return 0;
}

/* Anywhere in the file: LightGBM passes over what it does not know. */
static void read_attribute(ats_forest *forest, char *line)
{
    char *v;
    if ((v = value_of(line, "ats_feature_version")))
        forest->feature_version = strtoull(v, NULL, 16);
    else if ((v = value_of(line, "ats_train_first_ns")))
        forest->train_first_ns = strtoll(v, NULL, 10);
    else if ((v = value_of(line, "ats_train_last_ns")))
        forest->train_last_ns = strtoll(v, NULL, 10);
}

static int check_header(ats_forest *forest, const header *h)
{
    if (h->groups < 1 || h->groups > (long)ATS_FOREST_GROUPS_MAX)
        return REFUSE("%ld classes: 1 to %u are supported", h->groups, ATS_FOREST_GROUPS_MAX);
    if (h->features < 1 || h->features > (long)ATS_FOREST_FEATURES_MAX)
        return REFUSE("%ld features: 1 to %u are supported", h->features, ATS_FOREST_FEATURES_MAX);
    forest->group_count = (uint32_t)h->groups;
    forest->feature_count = (uint32_t)h->features;
    return 0;
}

/* ---- trees ---------------------------------------------------------------------------------- */

typedef struct tree_text {
    char *leaves, *split_feature, *threshold, *decision_type, *left, *right, *value;
    bool linear;
} tree_text;

/* One tree's numbers; n leaves, n - 1 splits. */
typedef struct tree {
    uint32_t n;
    int32_t *feature, *type, *left, *right;
    double *threshold, *value;
} tree;

static void read_tree_line(tree_text *t, char *line)
{
    const struct {
        const char *key;
        char **to;
    } keys[] = {{"num_leaves", &t->leaves},   {"split_feature", &t->split_feature},
                {"threshold", &t->threshold}, {"decision_type", &t->decision_type},
                {"left_child", &t->left},     {"right_child", &t->right},
                {"leaf_value", &t->value}};
    char *v;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if ((v = value_of(line, keys[i].key)))
            *keys[i].to = v;
    if ((v = value_of(line, "is_linear")))
        t->linear = *v == '1';
}

static void free_tree(tree *t)
{
    free(t->feature);
    free(t->threshold);
    memset(t, 0, sizeof *t);
}

static int read_tree(const tree_text *text, uint32_t index, tree *t)
{
    long n = text->leaves ? strtol(text->leaves, NULL, 10) : 0;
    memset(t, 0, sizeof *t);
    if (n < 1 || n > (long)(ATS_FOREST_NODES_MAX / 2))
        return REFUSE("tree %u: %ld leaves", index, n);
    if (text->linear)
        return REFUSE("tree %u is linear, which is not supported", index);
    t->n = (uint32_t)n;
    t->feature = malloc(4 * (size_t)n * sizeof *t->feature);
    t->threshold = malloc(2 * (size_t)n * sizeof *t->threshold);
    if (!t->feature || !t->threshold) {
        free_tree(t);
        return ats_error(ATS_EXIT_FAILED, "lightgbm model: out of memory");
    }
    t->type = t->feature + n;
    t->left = t->type + n;
    t->right = t->left + n;
    t->value = t->threshold + n;
    size_t splits = (size_t)n - 1;
    if (read_doubles(text->value, t->value, (size_t)n) == 0 &&
        (splits == 0 || (read_integers(text->split_feature, t->feature, splits) == 0 &&
                         read_integers(text->decision_type, t->type, splits) == 0 &&
                         read_integers(text->left, t->left, splits) == 0 &&
                         read_integers(text->right, t->right, splits) == 0 &&
                         read_doubles(text->threshold, t->threshold, splits) == 0)))
        return 0;
    free_tree(t);
    return REFUSE("tree %u is damaged: its lists are not of %ld leaves", index, n);
}

/* The float from which a value goes right: the least above the threshold, since x <= threshold in
 * double iff x is below it. What LightGBM takes for zero all goes where zero goes. */
static float least_above(double threshold)
{
    if (threshold >= -ZERO_WITHIN && threshold <= ZERO_WITHIN)
        return threshold < 0 ? -(float)ZERO_WITHIN : nextafterf((float)ZERO_WITHIN, INFINITY);
    float f = threshold > (double)HUGE_VALF ? INFINITY : (float)threshold;
    return (double)f > threshold ? f : nextafterf(f, INFINITY);
}

/* Where a missing value goes. -1 with an error pushed where that cannot be said of NaN alone. */
static int default_right(const tree *t, uint32_t split, uint32_t index, uint16_t *right)
{
    int32_t type = t->type[split];
    bool zero_right = !(0.0 <= t->threshold[split]);
    *right = MISSING(type) == MISSING_NONE ? zero_right : !IS_DEFAULT_LEFT(type);
    if (IS_CATEGORICAL(type))
        return REFUSE("tree %u splits by category, which is not supported", index);
    if (MISSING(type) > MISSING_NAN)
        return REFUSE("tree %u, split %u: decision_type %d is none", index, split, type);
    /* Zeros are missing, too; the same thing when that is where they would go anyway. */
    if (MISSING(type) == MISSING_ZERO && zero_right != *right)
        return REFUSE("tree %u treats zeros as missing (zero_as_missing), which is not supported",
                      index);
    return 0;
}

/* What was reserved for the forest. */
typedef struct tree_room {
    uint32_t trees;
    uint64_t nodes;
} tree_room;

typedef struct pending {
    int32_t from; /* split, or ~leaf */
    uint32_t to, depth;
} pending;

static int fill_split(ats_forest *forest, const tree *t, uint32_t index, const pending *p,
                      pending *queue, uint32_t *tail)
{
    uint32_t split = (uint32_t)p->from, child = forest->node_count;
    int64_t left = t->left[split], right = t->right[split];
    uint16_t missing;
    if (left >= (int64_t)t->n - 1 || right >= (int64_t)t->n - 1 || ~left >= (int64_t)t->n ||
        ~right >= (int64_t)t->n)
        return REFUSE("tree %u, split %u: no such child", index, split);
    if (t->feature[split] < 0 || (uint32_t)t->feature[split] >= forest->feature_count)
        return REFUSE("tree %u, split %u: feature %d of %u", index, split, t->feature[split],
                      forest->feature_count);
    /* n leaves and n - 1 splits, each used once; more arrivals mean a loop. */
    if (*tail + 2 > 2 * t->n - 1 || p->depth + 1 > ATS_FOREST_DEPTH_MAX)
        return REFUSE("tree %u is no tree (a node is reached twice, or deeper than %u)", index,
                      ATS_FOREST_DEPTH_MAX);
    if (default_right(t, split, index, &missing) != 0)
        return -1;
    forest->nodes[p->to] = (ats_forest_node){.threshold = least_above(t->threshold[split]),
                                             .left = child,
                                             .feature = (uint16_t)t->feature[split],
                                             .default_right = missing};
    forest->node_count += 2;
    queue[(*tail)++] = (pending){(int32_t)left, child, p->depth + 1};
    queue[(*tail)++] = (pending){(int32_t)right, child + 1, p->depth + 1};
    return 0;
}

static int add_tree(ats_forest *forest, const tree_room *room, const tree *t, double scale)
{
    uint32_t index = forest->tree_count, head = 0, tail = 0, depth = 0;
    pending *queue = malloc(2ull * t->n * sizeof *queue);
    int result = 0;
    if (!queue)
        return ats_error(ATS_EXIT_FAILED, "lightgbm model: out of memory");
    if (index == room->trees || forest->node_count + 2ull * t->n > room->nodes) {
        free(queue);
        return REFUSE("tree %u is damaged: it is more than the file announces", index);
    }
    forest->root[index] = forest->node_count;
    queue[tail++] = (pending){t->n == 1 ? ~0 : 0, forest->node_count++, 0};
    while (result == 0 && head < tail) {
        pending p = queue[head++];
        depth = p.depth > depth ? p.depth : depth;
        if (p.from >= 0) {
            result = fill_split(forest, t, index, &p, queue, &tail);
            continue;
        }
        float value = (float)(t->value[~p.from] * scale);
        if (!isfinite(value))
            result = REFUSE("tree %u: leaf %d is no number", index, ~p.from);
        forest->nodes[p.to] = (ats_forest_node){.threshold = NAN, .value = value, .left = p.to};
    }
    free(queue);
    if (result != 0)
        return -1;
    forest->depth[index] = (uint8_t)depth;
    if (depth > forest->max_depth)
        forest->max_depth = depth;
    if (forest->group)
        forest->group[index] = (uint16_t)(index % forest->group_count);
    forest->tree_count++;
    return 0;
}

/* ---- the file ------------------------------------------------------------------------------- */

/* Memory for all trees that the text holds. */
static int reserve(ats_forest *forest, tree_room *room, const char *text, size_t bytes)
{
    uint64_t trees = 0, leaves = 0;
    for (const char *at = text; (at = strstr(at, "\nTree=")); at++)
        trees++;
    for (const char *at = text; (at = strstr(at, "\nnum_leaves=")); at++) {
        long n = strtol(at + strlen("\nnum_leaves="), NULL, 10);
        leaves += n > 0 && (size_t)n < bytes ? (uint64_t)n : 0; /* each has a value in the text */
    }
    if (trees == 0 || trees > ATS_FOREST_TREES_MAX || 2 * leaves > ATS_FOREST_NODES_MAX)
        return REFUSE("%llu trees, %llu leaves: 1 to %u trees and %u nodes are supported",
                      (unsigned long long)trees, (unsigned long long)leaves, ATS_FOREST_TREES_MAX,
                      ATS_FOREST_NODES_MAX);
    size_t nodes = (size_t)(2 * leaves);
    room->trees = (uint32_t)trees;
    room->nodes = nodes;
    forest->nodes = aligned_alloc(64, (nodes * sizeof *forest->nodes + 127) & ~(size_t)63);
    forest->root = calloc(trees, sizeof *forest->root);
    forest->depth = calloc(trees, sizeof *forest->depth);
    if (forest->group_count > 1)
        forest->group = calloc(trees, sizeof *forest->group);
    return forest->nodes && forest->root && forest->depth &&
                   (forest->group_count == 1 || forest->group)
               ? 0
               : ats_error(ATS_EXIT_FAILED, "lightgbm model: out of memory");
}

static int end_tree(ats_forest *forest, const tree_room *room, tree_text *text, double scale)
{
    tree t;
    int result = read_tree(text, forest->tree_count, &t);
    if (result == 0)
        result = add_tree(forest, room, &t, scale);
    free_tree(&t);
    memset(text, 0, sizeof *text);
    return result;
}

/* From behind the first "Tree=" line on. */
static int read_trees(ats_forest *forest, const tree_room *room, reader *r, double scale)
{
    tree_text text = {0};
    for (char *line; (line = next_line(r)) && strcmp(line, "end of trees") != 0;) {
        if (value_of(line, "Tree") && end_tree(forest, room, &text, scale) != 0)
            return -1;
        read_tree_line(&text, line);
    }
    if (end_tree(forest, room, &text, scale) != 0)
        return -1;
    for (char *line; (line = next_line(r));)
        read_attribute(forest, line);
    return forest->tree_count % forest->group_count == 0
               ? 0
               : REFUSE("%u trees for %u classes", forest->tree_count, forest->group_count);
}

static int read_file(ats_forest *forest, char *text, size_t bytes)
{
    header h = {.groups = 1};
    tree_room room;
    char *trees = strstr(text, "\nTree=");
    if (!trees)
        return REFUSE("it holds no tree");
    *trees = 0; /* the header ends here */
    reader r = {text};
    for (char *line; (line = next_line(&r));) {
        read_attribute(forest, line);
        if (read_header_line(forest, &h, line) != 0)
            return -1;
    }
    *trees = '\n';
    if (check_header(forest, &h) != 0 ||
        reserve(forest, &room, trees, bytes - (size_t)(trees - text)) != 0)
        return -1;
    r.at = trees + 1;
    next_line(&r);
    double iterations = (double)(room.trees / forest->group_count);
    return read_trees(forest, &room, &r, h.average && iterations > 0 ? 1.0 / iterations : 1.0);
}

bool ats_forest_looks_like_lightgbm(const void *model, size_t bytes)
{
    return bytes >= 5 && (!memcmp(model, "tree\n", 5) || !memcmp(model, "tree\r", 5));
}

int ats_forest_parse_lightgbm(ats_forest *forest, const void *model, size_t bytes)
{
    memset(forest, 0, sizeof *forest);
    char *text = malloc(bytes + 1);
    if (!text)
        return ats_error(ATS_EXIT_FAILED, "lightgbm model: out of memory");
    memcpy(text, model, bytes);
    text[bytes] = 0;
    int result =
        strlen(text) == bytes ? read_file(forest, text, bytes) : REFUSE("it holds a zero byte");
    free(text);
    if (result != 0)
        ats_forest_free(forest);
    return result;
}
