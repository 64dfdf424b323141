/* price.h: returns, gaps and the shape of the last bar. */
#ifndef ATS_STAGES_FEATURE_FAMILY_PRICE_H
#define ATS_STAGES_FEATURE_FAMILY_PRICE_H

#include "stages/feature/family.h"

#define ATS_PRICE_FEATURES(X)                                                                      \
    X(return_1_bps, "n=1", "bps", -INFINITY, INFINITY, 2, bars, "bar",                             \
      "close / previous close - 1", b->ret *ATS_BPS)                                               \
    X(return_5_bps, "n=5", "bps", -INFINITY, INFINITY, 6, bars, "bar",                             \
      "close / close 5 bars ago - 1; TA-Lib ROCP",                                                 \
      ats_bps_from(b->close, ats_bar_ago(h, h->close, 5)))                                         \
    X(return_20_bps, "n=20", "bps", -INFINITY, INFINITY, 21, bars, "bar",                          \
      "close / close 20 bars ago - 1; TA-Lib ROCP",                                                \
      ats_bps_from(b->close, ats_bar_ago(h, h->close, 20)))                                        \
    X(log_return_1_bps, "n=1", "bps", -INFINITY, INFINITY, 2, bars, "bar",                         \
      "ln(close / previous close)", (b->log.overnight + b->log.body) * ATS_BPS)                    \
    X(gap_bps, "", "bps", -INFINITY, INFINITY, 2, bars, "bar", "open / previous close - 1",        \
      ats_bps_from(b->open, b->previous_close))                                                    \
    X(close_location, "", "ratio", 0, 1, 1, bars, "bar",                                           \
      "(close - low) / (high - low); no range: 0.5", ats_place(b->close, b->low, b->high))         \
    X(balance_of_power, "", "ratio", -1, 1, 1, bars, "bar",                                        \
      "(close - open) / (high - low), Livshin 2001; TA-Lib BOP; no range: 0",                      \
      ats_ratio_or(b->close - b->open, b->high - b->low, 0.0))

static inline double *ats_price_values(const ats_bar_facts *b, const ats_bar_history *h,
                                       const ats_seen *seen, double *out)
{
    ATS_PRICE_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
