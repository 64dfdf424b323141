/* momentum.h: how fast the price goes, and how far into its own range. */
#ifndef ATS_STAGES_FEATURE_FAMILY_MOMENTUM_H
#define ATS_STAGES_FEATURE_FAMILY_MOMENTUM_H

#include "calc/indicators/momentum.h"
#include "stages/feature/family.h"

#define ATS_MOMENTUM_FEATURES(X)                                                                   \
    X(rsi_14, "n=14", "index", 0, 100, 15, bars, "bar",                                            \
      "relative strength index, Wilder 1978; TA-Lib RSI; no moves: 50", ats_rsi_value(&self->rsi)) \
    X(macd_bps, "n=12, 26", "bps", -INFINITY, INFINITY, 26, bars, "bar",                           \
      "Appel 1979; TA-Lib MACD, over close",                                                       \
      (self->macd.fast.value - self->macd.slow.value) * b->inverse_close * ATS_BPS)                \
    X(macd_signal_bps, "n=12, 26, 9", "bps", -INFINITY, INFINITY, 34, bars, "bar",                 \
      "Appel 1979; TA-Lib MACD signal, over close",                                                \
      self->macd.signal.value * b->inverse_close * ATS_BPS)                                        \
    X(macd_histogram_bps, "n=12, 26, 9", "bps", -INFINITY, INFINITY, 34, bars, "bar",              \
      "Aspray 1986; TA-Lib MACD histogram, over close",                                            \
      (self->macd.fast.value - self->macd.slow.value - self->macd.signal.value) *                  \
          b->inverse_close * ATS_BPS)                                                              \
    X(roc_10_bps, "n=10", "bps", -INFINITY, INFINITY, 11, bars, "bar", "TA-Lib ROC x 100",         \
      ats_bps_from(b->close, ats_bar_ago(h, h->close, 10)))                                        \
    X(stochastic_k_14_3, "n=14, 3", "index", 0, 100, 18, bars, "bar",                              \
      "Lane 1984, slow %K; TA-Lib STOCH (14, 3, 3); no range: 50", self->slow_k[0])                \
    X(stochastic_d_14_3, "n=14, 3, 3", "index", 0, 100, 18, bars, "bar",                           \
      "Lane 1984, slow %D; TA-Lib STOCH (14, 3, 3); no range: 50",                                 \
      (self->slow_k[0] + self->slow_k[1] + self->slow_k[2]) * (1.0 / 3))                           \
    X(williams_r_14, "n=14", "index", -100, 0, 14, bars, "bar",                                    \
      "Williams 1973; TA-Lib WILLR; no range: -50", self->position_14 - 100)                       \
    X(cci_20, "n=20", "index", -700, 700, 20, bars, "bar",                                         \
      "commodity channel index, Lambert 1980; TA-Lib CCI; within 20 / (2 x 0.015); no range: 0",   \
      ats_cci_value(&self->cci, b->i))                                                             \
    X(mfi_14, "n=14", "index", 0, 100, 15, bars, "bar",                                            \
      "money flow index, Quong and Soudack 1989; TA-Lib MFI; no volume: 50",                       \
      ats_index_100(self->mfi.sum.up, self->mfi.sum.up + self->mfi.sum.down))                      \
    X(ultimate_7_14_28, "n=7, 14, 28", "index", 0, 100, 29, bars, "bar",                           \
      "ultimate oscillator, Williams 1985; TA-Lib ULTOSC; no range: 50",                           \
      ats_ultimate_value(&self->ultimate))

typedef struct ats_momentum_family {
    ats_rsi rsi;
    ats_macd macd;
    double position_14;
    double fast_k[3], slow_k[3]; /* the last three, newest first */
    ats_cci cci;
    ats_mfi mfi;
    ats_ultimate ultimate;
} ats_momentum_family;

static inline void ats_momentum_update(ats_momentum_family *self, const ats_bar_facts *b,
                                       const ats_bar_history *h)
{
    if (b->i) {
        ats_rsi_update(&self->rsi, b->change, 14);
        double bottom = b->low < b->previous_close ? b->low : b->previous_close;
        ats_ultimate_update(&self->ultimate, b->i, b->close - bottom, b->true_range);
        ats_mfi_update(&self->mfi, b->i, b->typical, b->previous_typical, b->volume);
    }
    ats_macd_update(&self->macd, b->close, b->i);
    ats_extent of_14 = ats_extent_of(h, 14, 0);
    self->position_14 = ats_range_position(b->close, of_14.lowest, of_14.highest);
    self->fast_k[2] = self->fast_k[1];
    self->fast_k[1] = self->fast_k[0];
    self->fast_k[0] = self->position_14;
    self->slow_k[2] = self->slow_k[1];
    self->slow_k[1] = self->slow_k[0];
    self->slow_k[0] = (self->fast_k[0] + self->fast_k[1] + self->fast_k[2]) * (1.0 / 3);
    ats_cci_update(&self->cci, b->i, b->typical);
}

static inline double *ats_momentum_values(const ats_momentum_family *self, const ats_bar_facts *b,
                                          const ats_bar_history *h, const ats_seen *seen,
                                          double *out)
{
    ATS_MOMENTUM_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
