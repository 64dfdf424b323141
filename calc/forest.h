/* forest.h: gradient-boosted trees, flattened for scoring.
 *
 * A model is parsed from XGBoost's JSON into the forest below; scoring a row gives its margin, bit
 * for bit what XGBoost's ordered float32 sum gives: trees in file order from the base margin, go
 * left iff x < threshold, a missing value (NaN) follows the node's default direction.
 *
 * Layout: nodes of all trees in one array, children side by side (right = left + 1). A leaf's
 * threshold is NaN and its `left` is itself, so that a walk of fixed length stays on it: no branch
 * depends on data, and eight trees are walked side by side to hide the latency of their loads.
 *
 * Scoring is hot, pure and thread-safe; parsing is cold and allocates.
 */
#ifndef ATS_CALC_FOREST_H
#define ATS_CALC_FOREST_H

#include <stddef.h>
#include <stdint.h>

/* Limits of what is accepted; more is refused with the figure. */
#define ATS_FOREST_TREES_MAX    10000u
#define ATS_FOREST_NODES_MAX    (1u << 24)
#define ATS_FOREST_FEATURES_MAX 1024u

typedef enum ats_forest_objective {
    ATS_FOREST_REGRESSION = 0, /* reg:squarederror and kin: the margin is the prediction */
    ATS_FOREST_LOGISTIC = 1    /* binary:logistic, reg:logistic: probability = sigmoid(margin) */
} ats_forest_objective;

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
    float base_margin;
    ats_forest_objective objective;
    uint64_t feature_version; /* learner attribute ats_feature_version; 0 = none */
    int64_t train_first_ns;   /* learner attributes ats_train_first_ns, ats_train_last_ns */
    int64_t train_last_ns;
    char sha256[65]; /* of the file, filled in by the loader */
} ats_forest;

/* Parses an XGBoost JSON model of 1.x to 3.x. Booster gbtree, one output group, numeric splits;
 * anything else is refused by name. 0, or -1 with an error (ATS_EXIT_DATA) pushed. */
int ats_forest_parse_xgboost_json(ats_forest *forest, const char *json, size_t bytes);

void ats_forest_free(ats_forest *forest);

/* Margins of n rows; rows[i] points to feature_count floats. A row's result does not depend on n.
 */
void ats_forest_score(const ats_forest *forest, const float *const *rows, uint32_t n,
                      float *margins);

#endif
