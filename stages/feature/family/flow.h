/* flow.h: who pressed the market while the bar was made, and how far it gave way.
 *
 * Needs bars built from trades: a bar that came ready-made has no sides, and then these are NaN.
 */
#ifndef ATS_STAGES_FEATURE_FAMILY_FLOW_H
#define ATS_STAGES_FEATURE_FAMILY_FLOW_H

#include "stages/feature/family.h"

#define ATS_FLOW_FEATURES(X)                                                                       \
    X(signed_volume, "", "ratio", -1, 1, 1, bars, "trade, quote",                                  \
      "(bought - sold) / volume of the bar, signs by Lee and Ready 1991; no volume: 0",            \
      b->signed_volume != b->signed_volume ? NAN : ats_ratio_or(b->signed_volume, b->volume, 0.0)) \
    X(kyle_lambda_20, "n=20", "bps a mean bar's volume", -INFINITY, INFINITY, 21, bars,            \
      "trade, quote",                                                                              \
      "Kyle 1985: slope of return on signed volume over 20 bars, times their mean volume; no "     \
      "signed volume: NaN",                                                                        \
      self->known >= 20 ? ats_kyle_lambda(self) * ATS_BPS : NAN)

/* A bar's terms of the sums over 20. x: signed volume, y: return. */
typedef struct ats_flow_terms {
    double x, y, xx, xy, volume;
} ats_flow_terms;

typedef struct ats_flow_family {
    ats_flow_terms ring[ATS_ROLL], sum;
    uint32_t known; /* bars in a row with signed volume, up to 20 */
} ats_flow_family;

static inline void ats_flow_update(ats_flow_family *self, const ats_bar_facts *b)
{
    bool known = b->signed_volume == b->signed_volume;
    double x = known ? b->signed_volume : 0.0, y = b->ret;
    self->known = known ? self->known + (self->known < 20) : 0;
    ats_flow_terms terms = {.x = x, .y = y, .xx = x * x, .xy = x * y, .volume = b->volume};
    ATS_ROLL_UPDATE(self->ring, &self->sum, b->i, 20, &terms);
}

static inline double ats_kyle_lambda(const ats_flow_family *self)
{
    const ats_flow_terms *sum = &self->sum;
    double variance = 20 * sum->xx - sum->x * sum->x;
    /* Equal signed volumes, but for rounding, have no slope. */
    if (!(variance > 1e-12 * sum->xx))
        return NAN;
    return (20 * sum->xy - sum->x * sum->y) * sum->volume * (1.0 / 20) / variance;
}

static inline double *ats_flow_values(const ats_flow_family *self, const ats_bar_facts *b,
                                      const ats_seen *seen, double *out)
{
    ATS_FLOW_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
