/* importance.h: what a model uses its features for, by three measures.
 *
 * Splits: total gain (the loss that splits on the feature saved), weight (how many splits) and
 * total cover (rows that came to them, by second derivative), as XGBoost counts them in training.
 *
 * Permutation (Breiman 2001; Fisher, Rudin, Dominici 2019): by how much the metric gets worse when
 * the feature's values are dealt to other rows, mean and standard deviation of `repeats`. Rows of
 * ticks depend on their neighbours; block_ns deals whole stretches of time and keeps the order in
 * them, so that a feature is not made implausible within a moment. A feature without a split has 0.
 *
 * SHAP (Lundberg and others 2020, "TreeSHAP"): mean |contribution| to the margin.
 *
 * Cold; allocates; needs XGBoost (ATS_EXIT_UNREACHABLE where the build has none).
 */
#ifndef ATS_LEARN_IMPORTANCE_H
#define ATS_LEARN_IMPORTANCE_H

#include "learn/dataset.h"

typedef enum ats_importance_metric {
    ATS_IMPORTANCE_RMSE = 0, /* of margin and label; worse is more */
    ATS_IMPORTANCE_IC = 1,   /* Pearson correlation of margin and label; worse is less */
    ATS_IMPORTANCE_AUC = 2,  /* of the margin for label > 0; worse is less */
    ATS_IMPORTANCE_METRIC_COUNT
} ats_importance_metric;
const char *ats_importance_metric_label(uint32_t metric);

typedef struct ats_importance_options {
    ats_importance_metric metric;
    uint32_t repeats; /* 1 or more */
    uint64_t seed;
    int64_t block_ns; /* 0: rows one by one */
    uint32_t threads; /* of XGBoost */
} ats_importance_options;

typedef struct ats_importance_row {
    double total_gain, weight, total_cover;
    double permutation, permutation_spread; /* > 0: the metric gets worse; NaN: no metric */
    double shap;                            /* margin */
} ats_importance_row;

typedef struct ats_importance {
    uint32_t features;
    uint64_t rows;
    double metric; /* with nothing permuted; NaN: labels or margins are all equal */
    char sha256[65];
    ats_importance_row *row; /* [features], by feature */
} ats_importance;

/* The metric of margins and labels; NaN where it is not defined. */
double ats_importance_measure(ats_importance_metric metric, const float *margin, const float *y,
                              uint64_t rows);

/* The label horizon that a model file states (ats train writes it). -1 with an error pushed. */
int ats_importance_horizon(const char *model, int64_t *horizon_ns);

/* Of a model file on labelled rows, one or more, of the features it was trained on. 0, or -1 with
 * an error pushed and nothing to free. */
int ats_importance_make(ats_importance *out, const char *model, const ats_dataset *dataset,
                        const ats_importance_options *options);
void ats_importance_free(ats_importance *importance);

#endif
