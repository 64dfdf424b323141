/* pattern.h: support and resistance, breakouts, candlesticks. */
#ifndef ATS_STAGES_FEATURE_FAMILY_PATTERN_H
#define ATS_STAGES_FEATURE_FAMILY_PATTERN_H

#include "calc/indicators/candle.h"
#include "stages/feature/family.h"

#define ATS_PATTERN_FEATURES(X)                                                                    \
    X(resistance_55_bps, "n=55", "bps", -INFINITY, INFINITY, 56, bars, "bar",                      \
      "highest high of the 55 bars before / close - 1; below 0: broken; TA-Lib MAX",               \
      (self->of_55.highest - b->close) * b->inverse_close * ATS_BPS)                               \
    X(support_55_bps, "n=55", "bps", -INFINITY, INFINITY, 56, bars, "bar",                         \
      "close / lowest low of the 55 bars before - 1; below 0: broken; TA-Lib MIN",                 \
      ats_bps_from(b->close, self->of_55.lowest))                                                  \
    X(breakout_20, "n=20", "-1, 0 or 1", -1, 1, 21, bars, "bar",                                   \
      "1: close above the highest high of the 20 bars before; -1: below the lowest low "           \
      "(Donchian); TA-Lib MAX, MIN",                                                               \
      b->close > self->of_20.highest  ? 1.0                                                        \
      : b->close < self->of_20.lowest ? -1.0                                                       \
                                      : 0.0)                                                       \
    X(candle_doji, "TA-Lib settings", "confidence", 0, 1, 12, bars, "bar",                         \
      "Nison 1991; there when TA-Lib CDLDOJI says so; no direction", self->candles.doji)           \
    X(candle_hammer, "TA-Lib settings", "confidence", 0, 1, 12, bars, "bar",                       \
      "Nison 1991; there when TA-Lib CDLHAMMER says so; bullish", self->candles.hammer)            \
    X(candle_shooting_star, "TA-Lib settings", "confidence", -1, 0, 12, bars, "bar",               \
      "Nison 1991; there when TA-Lib CDLSHOOTINGSTAR says so; bearish",                            \
      self->candles.shooting_star)                                                                 \
    X(candle_engulfing, "", "direction x confidence", -1, 1, 3, bars, "bar",                       \
      "Nison 1991; there when TA-Lib CDLENGULFING says so", self->candles.engulfing)               \
    X(candle_harami, "TA-Lib settings", "direction x confidence", -1, 1, 12, bars, "bar",          \
      "Nison 1991; there when TA-Lib CDLHARAMI says so", self->candles.harami)

typedef struct ats_pattern_family {
    ats_extent of_20, of_55; /* of the bars before the last */
    ats_candles candles;
} ats_pattern_family;

static inline void ats_pattern_update(ats_pattern_family *self, const ats_bar_facts *b,
                                      const ats_bar_history *h)
{
    self->of_20 = ats_extent_of(h, 20, 1);
    self->of_55 = ats_extent_of(h, 55, 1);
    ats_candle candle = ats_candle_of(b->open, b->high, b->low, b->close);
    ats_candles_update(&self->candles, b->i, &candle);
}

static inline double *ats_pattern_values(const ats_pattern_family *self, const ats_bar_facts *b,
                                         const ats_seen *seen, double *out)
{
    ATS_PATTERN_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
