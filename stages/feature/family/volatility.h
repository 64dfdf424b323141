/* volatility.h: how much the price moves, by closes, by ranges and by both. */
#ifndef ATS_STAGES_FEATURE_FAMILY_VOLATILITY_H
#define ATS_STAGES_FEATURE_FAMILY_VOLATILITY_H

#include "calc/indicators/volatility.h"
#include "stages/feature/family.h"

#define ATS_VOLATILITY_FEATURES(X)                                                                 \
    X(range_bps, "", "bps", 0, INFINITY, 1, bars, "bar", "(high - low) / close",                   \
      (b->high - b->low) * b->inverse_close * ATS_BPS)                                             \
    X(true_range_bps, "", "bps", 0, INFINITY, 2, bars, "bar",                                      \
      "Wilder 1978; TA-Lib TRANGE, over close", b->true_range * b->inverse_close * ATS_BPS)        \
    X(atr_14_bps, "n=14", "bps", 0, INFINITY, 15, bars, "bar", "Wilder 1978; TA-Lib NATR x 100",   \
      self->atr.value * b->inverse_close * ATS_BPS)                                                \
    X(realised_20_bps, "n=20", "bps a bar", 0, INFINITY, 21, bars, "bar",                          \
      "root of the mean of 20 squared log returns", self->realised *ATS_BPS)                       \
    X(parkinson_20_bps, "n=20", "bps a bar", 0, INFINITY, 20, bars, "bar", "Parkinson 1980",       \
      ats_root(self->sum.parkinson *(1.0 / 20)) * ATS_BPS)                                         \
    X(garman_klass_20_bps, "n=20", "bps a bar", 0, INFINITY, 20, bars, "bar",                      \
      "Garman and Klass 1980", ats_root(self->sum.garman_klass *(1.0 / 20)) * ATS_BPS)             \
    X(rogers_satchell_20_bps, "n=20", "bps a bar", 0, INFINITY, 20, bars, "bar",                   \
      "Rogers and Satchell 1991", ats_root(self->sum.rogers_satchell *(1.0 / 20)) * ATS_BPS)       \
    X(yang_zhang_20_bps, "n=20", "bps a bar", 0, INFINITY, 21, bars, "bar", "Yang and Zhang 2000", \
      ats_root(ats_yang_zhang(20, self->sum.overnight, self->sum.overnight2, self->sum.body,       \
                              self->sum.body2, self->sum.rogers_satchell)) *                       \
          ATS_BPS)                                                                                 \
    X(volatility_regime, "n=20, 100", "ratio", 0, INFINITY, 119, bars, "bar",                      \
      "realised_20 / its EMA of 100; a market that stood still: 1",                                \
      ats_ratio_or(self->realised, self->usual.value, 1.0))

/* A bar's terms of the sums over 20. */
typedef struct ats_volatility_terms {
    double squared_return, parkinson, garman_klass, rogers_satchell;
    double overnight, overnight2, body, body2;
} ats_volatility_terms;

typedef struct ats_volatility_family {
    ats_volatility_terms ring[ATS_ROLL], sum;
    double realised; /* volatility of 20 bars */
    ats_wilder atr;
    ats_ema usual; /* of the realised volatility, over 100 */
} ats_volatility_family;

static inline void ats_volatility_update(ats_volatility_family *self, const ats_bar_facts *b)
{
    const ats_log_bar *l = &b->log;
    double log_return = b->i ? l->overnight + l->body : 0.0;
    if (b->i)
        ats_wilder_update(&self->atr, b->true_range, 14);
    ats_volatility_terms terms = {.squared_return = log_return * log_return,
                                  .parkinson = ats_parkinson_term(l),
                                  .garman_klass = ats_garman_klass_term(l),
                                  .rogers_satchell = ats_rogers_satchell_term(l),
                                  .overnight = l->overnight,
                                  .overnight2 = l->overnight * l->overnight,
                                  .body = l->body,
                                  .body2 = l->body * l->body};
    ATS_ROLL_UPDATE(self->ring, &self->sum, b->i, 20, &terms);
    self->realised = ats_root(self->sum.squared_return * (1.0 / 20));
    if (b->i >= 20)
        ats_ema_update(&self->usual, self->realised, 100);
}

static inline double *ats_volatility_values(const ats_volatility_family *self,
                                            const ats_bar_facts *b, const ats_seen *seen,
                                            double *out)
{
    ATS_VOLATILITY_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
