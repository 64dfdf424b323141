/* band.h: Bollinger, Keltner and Donchian bands. */
#ifndef ATS_STAGES_FEATURE_FAMILY_BAND_H
#define ATS_STAGES_FEATURE_FAMILY_BAND_H

#include "stages/feature/family.h"

#define ATS_BAND_FEATURES(X)                                                                       \
    X(deviation_20_bps, "n=20", "bps", 0, INFINITY, 20, bars, "bar",                               \
      "population standard deviation of 20 closes; TA-Lib STDDEV, over close",                     \
      self->deviation * b->inverse_close * ATS_BPS)                                                \
    X(bollinger_position_20, "n=20, 2 deviations", "ratio", -0.6, 1.6, 20, bars, "bar",            \
      "%b: (close - lower) / (upper - lower), Bollinger 1983; TA-Lib BBANDS; always within "       \
      "0.5 +- sqrt(19) / 4; no width: 0.5",                                                        \
      ats_bollinger_position(self, b->close))                                                      \
    X(bollinger_width_20_bps, "n=20, 2 deviations", "bps", 0, INFINITY, 20, bars, "bar",           \
      "(upper - lower) / middle, Bollinger 1983; TA-Lib BBANDS",                                   \
      4 * self->deviation / self->mean * ATS_BPS)                                                  \
    X(keltner_position_20, "n=20, 2 ATR(14)", "ratio", -INFINITY, INFINITY, 20, bars, "bar",       \
      "(close - lower) / (upper - lower) of EMA(20) +- 2 ATR(14), Raschke's form of Keltner "      \
      "1960; no width: 0.5",                                                                       \
      ats_place(b->close, ema_20 - 2 * atr_14, ema_20 + 2 * atr_14))                               \
    X(keltner_width_20_bps, "n=20, 2 ATR(14)", "bps", 0, INFINITY, 20, bars, "bar",                \
      "4 ATR(14) / EMA(20)", 4 * atr_14 / ema_20 * ATS_BPS)                                        \
    X(donchian_position_20, "n=20", "ratio", 0, 1, 20, bars, "bar",                                \
      "(close - lowest low) / (highest high - lowest low); TA-Lib MIN, MAX; no range: 0.5",        \
      ats_place(b->close, self->of_20.lowest, self->of_20.highest))                                \
    X(donchian_width_20_bps, "n=20", "bps", 0, INFINITY, 20, bars, "bar",                          \
      "(highest high - lowest low) / close; TA-Lib MIN, MAX",                                      \
      (self->of_20.highest - self->of_20.lowest) * b->inverse_close * ATS_BPS)

typedef struct ats_band_family {
    double origin, away, square; /* sums of 20 closes about a recent one, so nothing cancels */
    double mean, deviation;
    ats_extent of_20;
} ats_band_family;

static inline void ats_band_sums(ats_band_family *self, const ats_bar_facts *b,
                                 const ats_bar_history *h)
{
    if (__builtin_expect(b->i % ATS_ROLL == 0, 0)) {
        self->origin = b->close;
        self->away = self->square = 0.0;
        for (uint64_t back = h->count < 20 ? h->count : 20; back-- > 0;) {
            double away = ats_bar_ago(h, h->close, back) - self->origin;
            self->away += away;
            self->square += away * away;
        }
        return;
    }
    double away = b->close - self->origin;
    double left = b->i >= 20 ? ats_bar_ago(h, h->close, 20) - self->origin : 0.0;
    self->away += away - left;
    self->square += away * away - left * left;
}

static inline void ats_band_update(ats_band_family *self, const ats_bar_facts *b,
                                   const ats_bar_history *h)
{
    ats_band_sums(self, b, h);
    double mean = self->away * (1.0 / 20), variance = self->square * (1.0 / 20) - mean * mean;
    self->mean = self->origin + mean;
    /* Rounding leaves up to 1e-16 of the squares when all closes are equal. */
    self->deviation = variance > 1e-15 * self->square ? sqrt(variance) : 0.0;
    self->of_20 = ats_extent_of(h, 20, 0);
}

static inline double ats_bollinger_position(const ats_band_family *self, double close)
{
    return self->deviation > 0 ? 0.5 + (close - self->mean) / (4 * self->deviation) : 0.5;
}

static inline double *ats_band_values(const ats_band_family *self, const ats_bar_facts *b,
                                      double ema_20, double atr_14, const ats_seen *seen,
                                      double *out)
{
    ATS_BAND_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
