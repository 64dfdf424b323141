/* trend.h: directional movement, Aroon, linear regression.
 *
 * Each agrees with TA-Lib's function of the same name and its warm-up (tests/parity). O(1); zeroed
 * memory is the empty state.
 */
#ifndef ATS_CALC_INDICATORS_TREND_H
#define ATS_CALC_INDICATORS_TREND_H

#include "calc/bar_history.h"
#include "calc/indicators/average.h"

/* Directional movement (Wilder 1978), n = 14: +DI, -DI and ADX. The sums are of n - 1 bars at
 * first, then Wilder's running sums (TA-Lib's convention). DI ready after n changes, ADX, the mean
 * of n directional indices first, after 2n - 1. Without any range or movement DI is 0 and ADX stays
 * where it was. */
#define ATS_DMI_N 14u
typedef struct ats_dmi {
    double plus, minus, range; /* smoothed sums */
    double adx;                /* until ready: the sum of the indices over n */
    uint32_t seen;             /* changes */
} ats_dmi;

static inline void ats_dmi_update(ats_dmi *d, double up, double down, double true_range)
{
    double plus = ats_where((up > 0) & (up > down), up);
    double minus = ats_where((down > 0) & (down > up), down);
    const double keep = d->seen < ATS_DMI_N - 1 ? 1.0 : 1.0 - 1.0 / ATS_DMI_N;
    d->plus = d->plus * keep + plus;
    d->minus = d->minus * keep + minus;
    d->range = d->range * keep + true_range;
    d->seen += d->seen < 2 * ATS_DMI_N;
    double both = d->plus + d->minus;
    if (d->seen < ATS_DMI_N || !(both > 0) || !(d->range > 0))
        return;
    double dx = 100.0 * fabs(d->plus - d->minus) / both;
    if (d->seen < 2 * ATS_DMI_N)
        d->adx += dx * (1.0 / ATS_DMI_N);
    else
        d->adx += (dx - d->adx) * (1.0 / ATS_DMI_N);
}
static inline double ats_dmi_index(double movement, double range)
{
    return range > 0 ? 100.0 * movement / range : 0.0;
}

/* Aroon (Chande 1995): 100 (n - bars since the extreme of the last n + 1) / n. `index` is the
 * number of the bar of that extreme. */
static inline double ats_aroon(uint64_t i, uint64_t index, uint32_t n)
{
    return (double)(n - (i - index)) * (100.0 / n);
}

/* After bar i was added to the ring: number of the latest of bars i - n + 1 .. i that holds the
 * extreme of them. `index` is the answer at the bar before; `newest`: bar i holds it. */
static inline uint64_t ats_latest_index(uint64_t index, bool newest, const double *ring,
                                        double extreme, uint64_t i, uint32_t n)
{
    index ^= (index ^ i) & (0 - (uint64_t)newest);
    if (__builtin_expect(i - index >= n, 0)) /* it has left the window: few bars do that */
        for (index = i - 1; i - index < n - 1 && ring[index % ATS_HISTORY] != extreme;)
            index--;
    return index;
}

/* Least-squares slope of the last n values against 0 .. n - 1, per bar, from running sums of y and
 * of x y. Sliding one on: every x falls by one, so sum(x y) loses the sum of the y that stay, and
 * the new y comes in at x = n - 1. Added up afresh once a lap. */
#define ATS_SLOPE_N 14u
typedef struct ats_slope {
    double y[ATS_ROLL], sum, xy;
} ats_slope;

static inline void ats_slope_update(ats_slope *s, uint64_t i, double y)
{
    const uint32_t n = ATS_SLOPE_N;
    if (__builtin_expect(i < n, 0)) {
        s->xy += (double)i * y;
    } else {
        double leaving = s->y[(i - n) % ATS_ROLL];
        s->xy += (double)(n - 1) * y - (s->sum - leaving);
    }
    ats_roll_update(s->y, &s->sum, 1, i, n, &y);
    if (__builtin_expect(i % ATS_ROLL == ATS_ROLL - 1, 0)) {
        s->xy = 0.0;
        for (uint32_t x = 0; x < n; x++)
            s->xy += (double)x * s->y[(i - (n - 1) + x) % ATS_ROLL];
    }
}
/* n sum(x^2) - sum(x)^2 = n^2 (n^2 - 1) / 12. */
static inline double ats_slope_value(const ats_slope *s)
{
    const double n = ATS_SLOPE_N, x = n * (n - 1) / 2;
    return (n * s->xy - x * s->sum) * (12 / (n * n * (n * n - 1)));
}

#endif
