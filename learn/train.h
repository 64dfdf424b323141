/* train.h: fits a gradient-boosted forest on a dataset through the XGBoost C API.
 *
 * The rows are split by time: the first part trains, then a gap of one label horizon is left out (a
 * training label reaches that far ahead), the rest tests. The model file carries the feature
 * version, the range of times it was trained on and the horizon as attributes; a run on data inside
 * that range is reported as in-sample. Cold.
 */
#ifndef ATS_LEARN_TRAIN_H
#define ATS_LEARN_TRAIN_H

#include "learn/dataset.h"

#include <stdbool.h>

typedef struct ats_train_options {
    uint32_t trees;
    uint32_t depth;
    double eta;
    double min_child_weight;
    double train_share; /* of the time range, 0..1 */
    uint32_t threads;
    uint64_t seed;
    int64_t horizon_ns;
} ats_train_options;

typedef struct ats_train_result {
    uint64_t train_rows, gap_rows, test_rows;
    int64_t train_first_ns, train_last_ns, test_first_ns, test_last_ns;
    double train_rmse, test_rmse;
    double test_rmse_of_zero;     /* of always saying 0: the naive forecast */
    double test_correlation;      /* of forecast and outcome (information coefficient) */
    double test_deciles[10];      /* mean outcome by decile of the forecast, bps */
    uint64_t check_rows;          /* test rows scored by both engines */
    uint64_t check_unequal;       /* of them, margins that differ in a bit */
    float gain[ATS_FEATURES_MAX]; /* importance by feature: total gain, sums to 1 */
} ats_train_result;

/* Called after each tree; non-zero stops. */
typedef int (*ats_train_progress)(void *context, uint32_t tree, uint32_t trees);

/* Trains, writes the model as XGBoost JSON to `path`, reads it back with our own engine and
 * compares the two on the test rows. 0; -1 with an error pushed, also when this build has no
 * XGBoost (ATS_EXIT_UNREACHABLE). */
int ats_train(const ats_dataset *dataset, const ats_train_options *options, const char *path,
              ats_train_result *result, ats_train_progress progress, void *context);

#endif
