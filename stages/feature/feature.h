/* feature.h: keeps each symbol's state and publishes its vector.
 *
 * In:  chain (market records).
 * Out: chain (the same records, then one FEATURES record where the event changed a two-sided best
 *      quote, or, for a symbol without quotes, closed a bar; it carries END_OF_EVENT then).
 */
#ifndef ATS_STAGES_FEATURE_FEATURE_H
#define ATS_STAGES_FEATURE_FEATURE_H

#include "calc/calendar.h"
#include "stages/context.h"
#include "stages/feature/catalogue.h"

typedef struct ats_feature_config {
    const ats_context *context;
    const ats_catalogue *catalogue;
    const ats_calendar *equity_calendar; /* of equities and indices, everything else is
                                            24/7; NULL: these are, too */
    uint32_t symbol_count;
    bool vectors; /* false: keep state but publish no FEATURES (a chain without a model) */
} ats_feature_config;

extern const ats_stage ats_stage_feature;

#endif
