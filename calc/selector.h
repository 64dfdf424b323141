/* selector.h: which of several timeframes to trade on. Pure; any thread.
 *
 * Each gets a mark of 0..1 from four parts; a part that is not known is left out and the other
 * weights are shared anew:
 *     volatility  0.3  present range of a bar over its slow average, half of it, at most 1: what
 *                      moves more than it used to
 *     volume      0.2  present volume of a bar over its slow average, likewise
 *     spread      0.2  1 - spread / range: what is left of a bar's range after paying the spread
 *     performance 0.3  1/2 + 1/2 mean of the profits of the last 20 trades on this timeframe, each
 * in units of its risk and within -1..1; fewer than 20 count the missing as 0 The best mark is
 * chosen; the present choice stays unless another is better by `stay`.
 */
#ifndef ATS_CALC_SELECTOR_H
#define ATS_CALC_SELECTOR_H

#include <stdint.h>

#define ATS_SELECTOR_TRADES 20u
#define ATS_SELECTOR_NONE   UINT32_MAX

typedef struct ats_selector_trades {
    uint64_t count;
    double profit[ATS_SELECTOR_TRADES]; /* over risk, within -1..1 */
} ats_selector_trades;

/* A trade on this timeframe has closed. NaN is not counted. */
void ats_selector_add(ats_selector_trades *trades, double profit_over_risk);

/* 0 .. 1. */
double ats_selector_performance(const ats_selector_trades *trades);

/* NaN = not known. */
typedef struct ats_selector_case {
    double range, slow_range; /* of a bar, in one unit with the spread */
    double volume, slow_volume;
    double spread;
    double performance; /* 0 .. 1 */
} ats_selector_case;

/* 0 .. 1; NaN when nothing is known. */
double ats_selector_mark(const ats_selector_case *c);

/* Place of the best of `count` marks, the first of equals; NaN marks are passed over. present: the
 * choice until now, or NONE. NONE when no mark is known. */
uint32_t ats_selector_choose(const double *marks, uint32_t count, uint32_t present, double stay);

#endif
