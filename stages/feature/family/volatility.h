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
      "root of the mean of 20 squared log returns",                                                \
      ats_root(self->squared_return.sum / 20) * ATS_BPS)                                           \
    X(parkinson_20_bps, "n=20", "bps a bar", 0, INFINITY, 20, bars, "bar", "Parkinson 1980",       \
      ats_root(self->parkinson.sum / 20) * ATS_BPS)                                                \
    X(garman_klass_20_bps, "n=20", "bps a bar", 0, INFINITY, 20, bars, "bar",                      \
      "Garman and Klass 1980", ats_root(self->garman_klass.sum / 20) * ATS_BPS)                    \
    X(rogers_satchell_20_bps, "n=20", "bps a bar", 0, INFINITY, 20, bars, "bar",                   \
      "Rogers and Satchell 1991", ats_root(self->rogers_satchell.sum / 20) * ATS_BPS)              \
    X(yang_zhang_20_bps, "n=20", "bps a bar", 0, INFINITY, 21, bars, "bar", "Yang and Zhang 2000", \
      ats_root(ats_yang_zhang(20, self->overnight.sum, self->overnight2.sum, self->body.sum,       \
                              self->body2.sum, self->rogers_satchell.sum)) *                       \
          ATS_BPS)                                                                                 \
    X(volatility_regime, "n=20, 100", "ratio", 0, INFINITY, 119, bars, "bar",                      \
      "realised_20 / its EMA of 100; a market that stood still: 1",                                \
      ats_ratio_or(ats_root(self->squared_return.sum / 20), self->usual.value, 1.0))

typedef struct ats_volatility_family {
    ats_wilder atr;
    ats_roll squared_return, parkinson, garman_klass, rogers_satchell; /* of 20 */
    ats_roll overnight, overnight2, body, body2;
    ats_ema usual; /* of the realised volatility, over 100 */
} ats_volatility_family;

static inline void ats_volatility_update(ats_volatility_family *self, const ats_bar_facts *b)
{
    const ats_log_bar *l = &b->log;
    double log_return = b->i ? l->overnight + l->body : 0.0;
    if (b->i)
        ats_wilder_update(&self->atr, b->true_range, 14);
    ats_roll_update(&self->squared_return, b->i, 20, log_return * log_return);
    ats_roll_update(&self->parkinson, b->i, 20, ats_parkinson_term(l));
    ats_roll_update(&self->garman_klass, b->i, 20, ats_garman_klass_term(l));
    ats_roll_update(&self->rogers_satchell, b->i, 20, ats_rogers_satchell_term(l));
    ats_roll_update(&self->overnight, b->i, 20, l->overnight);
    ats_roll_update(&self->overnight2, b->i, 20, l->overnight * l->overnight);
    ats_roll_update(&self->body, b->i, 20, l->body);
    ats_roll_update(&self->body2, b->i, 20, l->body * l->body);
    if (b->i >= 20)
        ats_ema_update(&self->usual, ats_root(self->squared_return.sum / 20), 100);
}

static inline double *ats_volatility_values(const ats_volatility_family *self,
                                            const ats_bar_facts *b, const ats_seen *seen,
                                            double *out)
{
    ATS_VOLATILITY_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
