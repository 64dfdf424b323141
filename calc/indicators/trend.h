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
    double plus = up > 0 && up > down ? up : 0.0, minus = down > 0 && down > up ? down : 0.0;
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
        d->adx += dx / ATS_DMI_N;
    else
        d->adx = (d->adx * (ATS_DMI_N - 1) + dx) / ATS_DMI_N;
}
static inline double ats_dmi_index(double movement, double range)
{
    return range > 0 ? 100.0 * movement / range : 0.0;
}

/* Aroon (Chande 1995): 100 (n - bars since the extreme of the last n + 1) / n. */
static inline double ats_aroon(uint64_t i, const ats_extreme *extreme, uint32_t n)
{
    return 100.0 * (double)(n - (i - extreme->index)) / (double)n;
}

/* Least-squares slope of the last n values against 0 .. n - 1, per bar, from running sums of y and
 * of x y. Sliding one on: every x falls by one, so sum(x y) loses the sum of the y that stay, and
 * the new y comes in at x = n - 1. Added up afresh once a lap. */
#define ATS_SLOPE_N 14u
typedef struct ats_slope {
    ats_roll y;
    double xy;
} ats_slope;

static inline void ats_slope_update(ats_slope *s, uint64_t i, double y)
{
    const uint32_t n = ATS_SLOPE_N;
    if (__builtin_expect(i < n, 0)) {
        s->xy += (double)i * y;
    } else {
        double leaving = s->y.x[(i - n) % ATS_ROLL];
        s->xy += (double)(n - 1) * y - (s->y.sum - leaving);
    }
    ats_roll_update(&s->y, i, n, y);
    if (__builtin_expect(i % ATS_ROLL == ATS_ROLL - 1, 0)) {
        s->xy = 0.0;
        for (uint32_t x = 0; x < n; x++)
            s->xy += (double)x * s->y.x[(i - (n - 1) + x) % ATS_ROLL];
    }
}
/* n sum(x^2) - sum(x)^2 = n^2 (n^2 - 1) / 12. */
static inline double ats_slope_value(const ats_slope *s)
{
    const double n = ATS_SLOPE_N, x = n * (n - 1) / 2;
    return (n * s->xy - x * s->y.sum) / (n * n * (n * n - 1) / 12);
}

#endif
