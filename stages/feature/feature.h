/* feature.h: keeps each symbol's state and publishes its vector.
 *
 * In:  chain (market records).
 * Out: chain (the same records, then one FEATURES record where the event changed a two-sided best
 *      quote; it carries END_OF_EVENT then).
 */
#ifndef ATS_STAGES_FEATURE_FEATURE_H
#define ATS_STAGES_FEATURE_FEATURE_H

#include "stages/context.h"
#include "stages/feature/catalogue.h"

typedef struct ats_feature_config {
    const ats_context *context;
    uint32_t symbol_count;
    bool vectors; /* false: keep state but publish no FEATURES (a chain without a model) */
} ats_feature_config;

extern const ats_stage ats_stage_feature;

#endif
