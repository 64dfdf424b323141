/* forest.h: gradient-boosted trees, flattened for scoring.
 *
 * A model is parsed from XGBoost's JSON or UBJSON into the forest below; scoring a row gives its
 * margins, bit for bit what XGBoost's ordered float32 sums give: trees in file order from the base
 * margin, go left iff x < threshold, a missing value (NaN) follows the node's default direction. A
 * model of several classes has a margin each, to which its own trees add.
 *
 * Layout: nodes of all trees in one array, children side by side (right = left + 1). A leaf's
 * threshold is NaN and its `left` is itself, so that a walk of fixed length stays on it: no branch
 * depends on data, and eight trees are walked side by side to hide the latency of their loads.
 *
 * Scoring is hot, pure and thread-safe; parsing is cold and allocates.
 */
#ifndef ATS_CALC_FOREST_H
#define ATS_CALC_FOREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits of what is accepted; more is refused with the figure. */
#define ATS_FOREST_TREES_MAX    10000u
#define ATS_FOREST_NODES_MAX    (1u << 24)
#define ATS_FOREST_FEATURES_MAX 1024u

#define ATS_FOREST_GROUPS_MAX 64u

/* Longest walk. XGBoost's default is 6, leaf-wise trees of 255 leaves stay far below; a deeper one
 * is a damaged file. */
#define ATS_FOREST_DEPTH_MAX 64u

/* Rises whenever a parser reads a file otherwise than before: what was made of it is made anew. */
#define ATS_FOREST_PARSER_VERSION 1u

/* What an objective makes of margins. */
typedef enum ats_forest_output {
    ATS_FOREST_MARGIN = 0,  /* the margin itself: reg:squarederror, rank:*, binary:logitraw, ... */
    ATS_FOREST_SIGMOID = 1, /* binary:logistic, reg:logistic: a probability */
    ATS_FOREST_EXP = 2,     /* count:poisson, reg:gamma, reg:tweedie, survival:* */
    ATS_FOREST_HINGE = 3,   /* binary:hinge: 1 above 0, else 0 */
    ATS_FOREST_SOFTMAX = 4, /* multi:softprob: a probability each */
    ATS_FOREST_ARGMAX = 5   /* multi:softmax: the number of the largest, in the first place */
} ats_forest_output;

typedef struct ats_forest_node {
    float threshold; /* NaN: a leaf */
    float value;     /* of a leaf */
    uint32_t left;   /* index of the left child; of itself in a leaf */
    uint16_t feature;
    uint16_t default_right; /* 1: a missing value goes right */
} ats_forest_node;

typedef struct ats_forest {
    ats_forest_node *nodes;
    uint32_t *root; /* [tree_count] */
    uint8_t *depth; /* [tree_count] longest path */
    uint32_t tree_count;
    uint32_t node_count;
    uint32_t feature_count;
    uint32_t max_depth;
    uint32_t group_count; /* margins of a row: 1, or one a class */
    uint16_t *group;      /* [tree_count] which one a tree adds to; NULL when there is one */
    float base_margin[ATS_FOREST_GROUPS_MAX];
    ats_forest_output output;
    uint64_t feature_version; /* learner attribute ats_feature_version; 0 = none */
    int64_t train_first_ns;   /* learner attributes ats_train_first_ns, ats_train_last_ns */
    int64_t train_last_ns;
    char sha256[65]; /* of the file, filled in by the loader */
} ats_forest;

/* Parses a model file of either library, told apart by content. 0, or -1 with an error
 * (ATS_EXIT_DATA) pushed. */
int ats_forest_parse(ats_forest *forest, const void *model, size_t bytes);

/* Parses a LightGBM text model: gbdt, dart, random forests, several classes, numeric splits. Its
 * decisions are LightGBM's own; leaves are rounded to float32. */
int ats_forest_parse_lightgbm(ats_forest *forest, const void *model, size_t bytes);
bool ats_forest_looks_like_lightgbm(const void *model, size_t bytes);

/* Parses an XGBoost model of 1.x to 3.x, JSON or UBJSON: boosters gbtree and dart, random forests,
 * several classes, numeric splits; anything else is refused by name. 0, or -1 with an error
 * (ATS_EXIT_DATA) pushed. */
int ats_forest_parse_xgboost(ats_forest *forest, const void *model, size_t bytes);

void ats_forest_free(ats_forest *forest);

/* Margins of n rows, group_count each; rows[i] points to feature_count floats. A row's result does
 * not depend on n. */
void ats_forest_score(const ats_forest *forest, const float *const *rows, uint32_t n,
                      float *margins);

/* What the objective makes of one row's margins; out holds group_count floats. XGBoost's own
 * formulas, with the C library's expf: equal to a few units in the last place, not to the bit.
 * Cold: the chain compares margins. */
void ats_forest_predict(const ats_forest *forest, const float *margins, float *out);

#endif
