/* bar_history.h: the last bars of one timeframe, and sums over the last n of them.
 *
 * What every bar indicator reads. A ring of ATS_HISTORY bars is enough for the longest window
 * (the 55 bars before the present one). Zeroed memory is empty. Owner: the feature stage.
 */
#ifndef ATS_CALC_BAR_HISTORY_H
#define ATS_CALC_BAR_HISTORY_H

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define ATS_HISTORY 64u /* a power of two > 55 + 1 */
static_assert((ATS_HISTORY & (ATS_HISTORY - 1)) == 0, "rings are indexed with a mask");

/* One finished bar. Prices in currency, volume in units, both on the scale of the symbol's first
 * record (splits and dividends taken out). */
typedef struct ats_price_bar {
    int64_t start_ns;
    double open, high, low, close;
    double volume;
    double signed_volume; /* bought less sold; NaN = the bar came ready-made, sides not known */
} ats_price_bar;

typedef struct ats_bar_history {
    uint64_t count; /* bars seen in all; the newest lies at [(count - 1) % ATS_HISTORY] */
    double open[ATS_HISTORY];
    double high[ATS_HISTORY];
    double low[ATS_HISTORY];
    double close[ATS_HISTORY];
    double volume[ATS_HISTORY];
} ats_bar_history;

static inline void ats_bar_history_add(ats_bar_history *h, const ats_price_bar *b)
{
    uint32_t at = (uint32_t)(h->count++ % ATS_HISTORY);
    h->open[at] = b->open;
    h->high[at] = b->high;
    h->low[at] = b->low;
    h->close[at] = b->close;
    h->volume[at] = b->volume;
}

/* series[back] bars before the newest; back < ATS_HISTORY and < count. */
static inline double ats_bar_ago(const ats_bar_history *h, const double *series, uint64_t back)
{
    return series[(h->count - 1 - back) % ATS_HISTORY];
}

/* ---- the sum of the last n <= 32 values ----------------------------------------------------- */

/* A running sum gathers rounding errors; once a lap of the ring it is added up afresh, so an error
 * lives for 32 values at most. All sums of one timeframe are fed once a bar, so they share the
 * bar's number as their index. */
#define ATS_ROLL 32u
typedef struct ats_roll {
    double x[ATS_ROLL];
    double sum;
} ats_roll;

/* The oldest of n values lies at [(i - n + 1) % ATS_ROLL]. */
static inline double ats_roll_add_up(const double *x, uint64_t i, uint32_t n)
{
    double sum = 0.0;
    for (uint32_t back = n; back-- > 0;)
        sum += x[(i - back) % ATS_ROLL];
    return sum;
}

/* Value number i (0, 1, ...); before n values the sum is over those there are. n <= ATS_ROLL. */
static inline void ats_roll_update(ats_roll *r, uint64_t i, uint32_t n, double x)
{
    uint32_t at = (uint32_t)(i % ATS_ROLL);
    double leaving = r->x[(i - n) % ATS_ROLL]; /* 0 until there are n: the ring starts zeroed */
    r->x[at] = x;
    r->sum += x - leaving;
    if (__builtin_expect(at == ATS_ROLL - 1, 0))
        r->sum = ats_roll_add_up(r->x, i, n);
}

/* ---- the highest and lowest of the last n --------------------------------------------------- */

/* Where the extreme of a window lies. The window is scanned only when its extreme has left it
 * (as TA-Lib does); at most n steps, n < ATS_HISTORY. */
typedef struct ats_extreme {
    double value;
    uint64_t index; /* number of its bar */
} ats_extreme;

/* After bar i was added to the ring: the highest of bars i - n + 1 .. i, the latest of equals. */
static inline void ats_highest_update(ats_extreme *e, const double *ring, uint64_t i, uint32_t n)
{
    double x = ring[i % ATS_HISTORY];
    if (i == 0 || x >= e->value) {
        e->value = x;
        e->index = i;
    } else if (__builtin_expect(i - e->index >= n, 0)) {
        uint64_t best = i - n + 1;
        for (uint64_t k = best + 1; k <= i; k++)
            if (ring[k % ATS_HISTORY] >= ring[best % ATS_HISTORY])
                best = k;
        e->index = best;
        e->value = ring[best % ATS_HISTORY];
    }
}

static inline void ats_lowest_update(ats_extreme *e, const double *ring, uint64_t i, uint32_t n)
{
    double x = ring[i % ATS_HISTORY];
    if (i == 0 || x <= e->value) {
        e->value = x;
        e->index = i;
    } else if (__builtin_expect(i - e->index >= n, 0)) {
        uint64_t best = i - n + 1;
        for (uint64_t k = best + 1; k <= i; k++)
            if (ring[k % ATS_HISTORY] <= ring[best % ATS_HISTORY])
                best = k;
        e->index = best;
        e->value = ring[best % ATS_HISTORY];
    }
}

#endif
