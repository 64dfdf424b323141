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

typedef struct ats_flow_family {
    ats_roll x, y, xx, xy; /* x: signed volume, y: return; of 20 */
    ats_roll volume;
    uint32_t known; /* bars in a row with signed volume, up to 20 */
} ats_flow_family;

static inline void ats_flow_update(ats_flow_family *self, const ats_bar_facts *b)
{
    bool known = b->signed_volume == b->signed_volume;
    double x = known ? b->signed_volume : 0.0, y = b->ret;
    self->known = known ? self->known + (self->known < 20) : 0;
    ats_roll_update(&self->x, b->i, 20, x);
    ats_roll_update(&self->y, b->i, 20, y);
    ats_roll_update(&self->xx, b->i, 20, x * x);
    ats_roll_update(&self->xy, b->i, 20, x * y);
    ats_roll_update(&self->volume, b->i, 20, b->volume);
}

static inline double ats_kyle_lambda(const ats_flow_family *self)
{
    double variance = 20 * self->xx.sum - self->x.sum * self->x.sum;
    /* Equal signed volumes, but for rounding, have no slope. */
    if (!(variance > 1e-12 * self->xx.sum))
        return NAN;
    double slope = (20 * self->xy.sum - self->x.sum * self->y.sum) / variance;
    return slope * self->volume.sum / 20;
}

static inline double *ats_flow_values(const ats_flow_family *self, const ats_bar_facts *b,
                                      const ats_seen *seen, double *out)
{
    ATS_FLOW_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
