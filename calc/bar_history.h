/* bar_history.h: the last bars of one timeframe, and sums over the last n of them.
 *
 * What every bar indicator reads. A ring of ATS_HISTORY bars is enough for the longest window
 * (the 55 bars before the present one). Zeroed memory is empty. Owner: the feature stage.
 */
#ifndef ATS_CALC_BAR_HISTORY_H
#define ATS_CALC_BAR_HISTORY_H

#include "calc/select.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

/* The highest high and the lowest low of some bars in a row. */
typedef struct ats_extent {
    double highest, lowest;
} ats_extent;

#define ATS_EXTENT_LONGEST 32u /* a power of two; windows are shorter than twice that */

typedef struct ats_bar_history {
    uint64_t count; /* bars seen in all; the newest lies at [(count - 1) % ATS_HISTORY] */
    double high[ATS_HISTORY];
    double low[ATS_HISTORY];
    double close[ATS_HISTORY];
    /* extent[L + i % L]: of the L bars up to bar i, for L = 1, 2, 4, ... ATS_EXTENT_LONGEST */
    ats_extent extent[2 * ATS_EXTENT_LONGEST];
} ats_bar_history;

static inline ats_extent ats_extent_join(ats_extent a, ats_extent b)
{
    return (ats_extent){.highest = a.highest > b.highest ? a.highest : b.highest,
                        .lowest = a.lowest < b.lowest ? a.lowest : b.lowest};
}

/* Each length is two of the one before it, of which the older lies where the newer will. No branch
 * depends on the prices: whether a bar is an extreme of its window is a guess lost too often. */
static inline void ats_extent_add(ats_bar_history *h, uint64_t i, ats_extent bar)
{
    if (__builtin_expect(i == 0, 0))
        for (uint32_t at = 1; at < 2 * ATS_EXTENT_LONGEST; at++)
            h->extent[at] = bar;
#pragma GCC unroll 6
    for (uint32_t length = 1; length <= ATS_EXTENT_LONGEST; length *= 2) {
        ats_extent *at = &h->extent[length + i % length], before = *at;
        *at = bar;
        bar = ats_extent_join(bar, before);
    }
}

static inline void ats_bar_history_add(ats_bar_history *h, const ats_price_bar *b)
{
    uint32_t at = (uint32_t)(h->count++ % ATS_HISTORY);
    h->high[at] = b->high;
    h->low[at] = b->low;
    h->close[at] = b->close;
    ats_extent_add(h, h->count - 1, (ats_extent){b->high, b->low});
}

/* series[back] bars before the newest; back < ATS_HISTORY and < count. */
static inline double ats_bar_ago(const ats_bar_history *h, const double *series, uint64_t back)
{
    return series[(h->count - 1 - back) % ATS_HISTORY];
}

/* Extent of the n bars of which the last lies `back` before the newest (of those there are, when
 * they are fewer): two shorter windows that overlap. n + back is less than twice the greatest power
 * of two that is not above n. */
static inline ats_extent ats_extent_of(const ats_bar_history *h, uint32_t n, uint32_t back)
{
    uint32_t length = 1u << (31 - __builtin_clz(n));
    uint64_t newer = h->count - 1 - back, older = newer - (n - length);
    return ats_extent_join(h->extent[length + newer % length], h->extent[length + older % length]);
}

/* ---- sums over the last n < 32 bars ---------------------------------------------------------- */

/* Terms that are summed over one window are fed together, so they lie together: a struct of doubles
 * is one bar's terms, ATS_ROLL of them the ring, one more the sums. A bar then touches two rows and
 * not two lines a term, and the compiler adds several terms at once.
 *
 * A running sum gathers rounding errors; once a lap of the ring it is added up afresh, so an error
 * lives for 32 bars at most. */
#define ATS_ROLL 32u

/* Of a struct `terms` that holds nothing but doubles. */
#define ATS_ROLL_TERMS(terms) ((uint32_t)(sizeof(terms) / sizeof(double)))

/* sum[k] of rows i - n + 1 .. i. */
static inline void ats_roll_add_up(const double *ring, double *sum, uint32_t terms, uint64_t i,
                                   uint32_t n)
{
    for (uint32_t k = 0; k < terms; k++) {
        sum[k] = 0.0;
        for (uint32_t back = n; back-- > 0;)
            sum[k] += ring[(i - back) % ATS_ROLL * terms + k];
    }
}

/* Row number i (0, 1, ...) of the ring becomes x, sums become those of the last n; before n bars
 * they are over those there are. n < ATS_ROLL, and at every call the same. */
static inline void ats_roll_update(double *restrict ring, double *restrict sum, uint32_t terms,
                                   uint64_t i, uint32_t n, const double *restrict x)
{
    const double *leaving = ring + (i - n) % ATS_ROLL * terms; /* 0 at first: the ring is zeroed */
    double *row = ring + i % ATS_ROLL * terms;
#pragma GCC unroll 8
    for (uint32_t k = 0; k < terms; k++) {
        sum[k] += x[k] - leaving[k];
        row[k] = x[k];
    }
    if (__builtin_expect(i % ATS_ROLL == ATS_ROLL - 1, 0))
        ats_roll_add_up(ring, sum, terms, i, n);
}

/* The same for a family's `terms`: its ring, its sums. */
#define ATS_ROLL_UPDATE(ring, sum, i, n, terms)                                                    \
    ats_roll_update((double *)(ring), (double *)(sum), ATS_ROLL_TERMS(*(terms)), i, n,             \
                    (const double *)(terms))

#endif
