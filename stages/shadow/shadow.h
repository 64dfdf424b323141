/* shadow.h: scores the vectors that infer scored, with a model on trial, off the hot path.
 *
 * In:  vectors (FEATURES with the live score, copied by infer after it has passed its batch on).
 * Out: nothing: a shadow decides nothing; what it would have said is compared and counted.
 *
 * Runs on a side thread. When it falls behind, infer drops its copies and counts them (paced runs),
 * or waits (runs as fast as possible, so that a replay compares every row).
 */
#ifndef ATS_STAGES_SHADOW_SHADOW_H
#define ATS_STAGES_SHADOW_SHADOW_H

#include "stages/context.h"
#include "stages/infer/model.h"

typedef struct ats_shadow_config {
    const ats_context *context;
    ats_model *model;   /* of the stage's own; its owner frees it after the run */
    float entry_margin; /* of the strategy: from here a score would have entered */
    uint32_t feature_count;
    uint64_t feature_version;
} ats_shadow_config;

extern const ats_stage ats_stage_shadow;

/* Sums over all rows compared; a is the live score, b the shadow's. */
typedef struct ats_shadow_result {
    uint64_t rows;
    uint64_t live_entries, shadow_entries, both_entries; /* |score| at or above the margin */
    uint64_t opposed;                                    /* both, but in opposite directions */
    double sum_a, sum_b, sum_aa, sum_bb, sum_ab;
    double sum_away, max_away; /* |a - b| */
} ats_shadow_result;

/* Pearson's correlation of live and shadow scores; NaN where one of them never changed. */
double ats_shadow_correlation(const ats_shadow_result *result);

/* After the run. */
const ats_shadow_result *ats_shadow_outcome(const void *state);

#endif
