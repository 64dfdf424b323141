/* across.h: what the timeframes say together. Computed when any of them closes a bar. */
#ifndef ATS_STAGES_FEATURE_FAMILY_ACROSS_H
#define ATS_STAGES_FEATURE_FAMILY_ACROSS_H

#include "stages/feature/family.h"

#define ATS_ACROSS_FEATURES(X)                                                                     \
    X(trend_agreement, "all timeframes", "ratio", -1, 1, 50, bars, "bar",                          \
      "mean of the sign of EMA(20) - EMA(50)", self->trend)                                        \
    X(momentum_agreement, "all timeframes", "ratio", -1, 1, 15, bars, "bar",                       \
      "mean of (RSI(14) - 50) / 50", self->momentum)                                               \
    X(return_agreement, "all timeframes", "ratio", -1, 1, 2, bars, "bar",                          \
      "mean of the sign of the last bar's return", self->direction)                                \
    X(position_agreement, "all timeframes", "ratio", -1, 1, 20, bars, "bar",                       \
      "mean of 2 x Donchian position(20) - 1", self->position)                                     \
    X(rsi_difference, "fastest less slowest", "index", -100, 100, 15, bars, "bar",                 \
      "RSI(14) of the fastest timeframe - RSI(14) of the slowest", self->rsi_difference)           \
    X(volatility_term, "fastest over slowest", "ratio", 0, INFINITY, 21, bars, "bar",              \
      "realised_20 of the fastest timeframe x root of bars in a slow bar / realised_20 of the "    \
      "slowest: 1 for a random walk (variance ratio, Lo and MacKinlay 1988, under a root); the "   \
      "slowest stood still: 1",                                                                    \
      self->volatility_term)

typedef struct ats_across {
    double trend, momentum, direction, position, rsi_difference, volatility_term;
} ats_across;

static inline double *ats_across_values(const ats_across *self, const ats_seen *seen, double *out)
{
    ATS_ACROSS_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
