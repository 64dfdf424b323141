/* trend.h: averages, directional movement, and the slope of the price. */
#ifndef ATS_STAGES_FEATURE_FAMILY_TREND_H
#define ATS_STAGES_FEATURE_FAMILY_TREND_H

#include "calc/indicators/trend.h"
#include "stages/feature/family.h"

#define ATS_TREND_FEATURES(X)                                                                      \
    X(sma_20_bps, "n=20", "bps", -INFINITY, INFINITY, 20, bars, "bar",                             \
      "close / mean of 20 closes - 1; TA-Lib SMA",                                                 \
      ats_bps_from(b->close, self->sma_20 *(1.0 / 20)))                                            \
    X(sma_50_bps, "n=50", "bps", -INFINITY, INFINITY, 50, bars, "bar",                             \
      "close / mean of 50 closes - 1; TA-Lib SMA",                                                 \
      ats_bps_from(b->close, self->sma_50 *(1.0 / 50)))                                            \
    X(ema_20_bps, "n=20", "bps", -INFINITY, INFINITY, 20, bars, "bar",                             \
      "close / EMA - 1; TA-Lib EMA", ats_bps_from(b->close, self->ema_20.value))                   \
    X(ema_50_bps, "n=50", "bps", -INFINITY, INFINITY, 50, bars, "bar",                             \
      "close / EMA - 1; TA-Lib EMA", ats_bps_from(b->close, self->ema_50.value))                   \
    X(ema_cross_20_50_bps, "n=20, 50", "bps", -INFINITY, INFINITY, 50, bars, "bar",                \
      "EMA(20) / EMA(50) - 1; TA-Lib EMA", ats_bps_from(self->ema_20.value, self->ema_50.value))   \
    X(adx_14, "n=14", "index", 0, 100, 28, bars, "bar",                                            \
      "average directional index, Wilder 1978; TA-Lib ADX", self->dmi.adx)                         \
    X(plus_di_14, "n=14", "index", 0, 100, 15, bars, "bar", "Wilder 1978; TA-Lib PLUS_DI",         \
      ats_dmi_index(self->dmi.plus, self->dmi.range))                                              \
    X(minus_di_14, "n=14", "index", 0, 100, 15, bars, "bar", "Wilder 1978; TA-Lib MINUS_DI",       \
      ats_dmi_index(self->dmi.minus, self->dmi.range))                                             \
    X(aroon_up_25, "n=25", "index", 0, 100, 26, bars, "bar", "Chande 1995; TA-Lib AROON up",       \
      ats_aroon(b->i, self->highest_index, 25))                                                    \
    X(aroon_down_25, "n=25", "index", 0, 100, 26, bars, "bar", "Chande 1995; TA-Lib AROON down",   \
      ats_aroon(b->i, self->lowest_index, 25))                                                     \
    X(slope_14_bps, "n=14", "bps a bar", -INFINITY, INFINITY, 14, bars, "bar",                     \
      "least-squares slope of the close; TA-Lib LINEARREG_SLOPE, over close",                      \
      ats_slope_value(&self->slope) * b->inverse_close * ATS_BPS)                                  \
    X(trend_regime, "n=20, 50, 14", "-1, 0 or 1", -1, 1, 50, bars, "bar",                          \
      "sign of EMA(20) - EMA(50) while ADX(14) is above 25 (Wilder's trending market), else 0",    \
      self->dmi.adx > 25 ? (self->ema_20.value > self->ema_50.value ? 1.0 : -1.0) : 0.0)

typedef struct ats_trend_family {
    double sma_20, sma_50; /* sums */
    ats_bar_ema ema_20, ema_50;
    ats_dmi dmi;
    uint64_t highest_index, lowest_index; /* bars of the extremes of the last 26 */
    ats_slope slope;
} ats_trend_family;

static inline double ats_trend_add_up(const ats_bar_history *h, uint64_t n)
{
    double sum = 0.0;
    for (uint64_t back = h->count < n ? h->count : n; back-- > 0;)
        sum += ats_bar_ago(h, h->close, back);
    return sum;
}

static inline void ats_trend_update(ats_trend_family *self, const ats_bar_facts *b,
                                    const ats_bar_history *h)
{
    /* Once a lap of the history the sums are added up afresh, so rounding does not build up. */
    if (__builtin_expect(b->i % ATS_HISTORY == 0, 0)) {
        self->sma_20 = ats_trend_add_up(h, 20);
        self->sma_50 = ats_trend_add_up(h, 50);
    } else {
        self->sma_20 += b->close - (b->i >= 20 ? ats_bar_ago(h, h->close, 20) : 0.0);
        self->sma_50 += b->close - (b->i >= 50 ? ats_bar_ago(h, h->close, 50) : 0.0);
    }
    ats_bar_ema_update(&self->ema_20, b->close, 20);
    ats_bar_ema_update(&self->ema_50, b->close, 50);
    if (b->i)
        ats_dmi_update(&self->dmi, b->high - ats_bar_ago(h, h->high, 1),
                       ats_bar_ago(h, h->low, 1) - b->low, b->true_range);
    ats_extent of_26 = ats_extent_of(h, 26, 0);
    self->highest_index = ats_latest_index(self->highest_index, b->high >= of_26.highest, h->high,
                                           of_26.highest, b->i, 26);
    self->lowest_index = ats_latest_index(self->lowest_index, b->low <= of_26.lowest, h->low,
                                          of_26.lowest, b->i, 26);
    ats_slope_update(&self->slope, b->i, b->close);
}

static inline double *ats_trend_values(const ats_trend_family *self, const ats_bar_facts *b,
                                       const ats_seen *seen, double *out)
{
    ATS_TREND_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
