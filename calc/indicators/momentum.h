/* momentum.h: RSI, MACD, stochastic, Williams %R, CCI, MFI, ultimate oscillator.
 *
 * Each agrees with TA-Lib's function of the same name and its warm-up (tests/parity) but where the
 * market did not move at all: TA-Lib answers 0 there, which for an index of 0..100 reads as
 * "oversold"; here it is the middle. All take the bar history after the newest bar was added;
 * i = history->count - 1 is that bar's number. O(1); zeroed memory is the empty state.
 */
#ifndef ATS_CALC_INDICATORS_MOMENTUM_H
#define ATS_CALC_INDICATORS_MOMENTUM_H

#include "calc/bar_history.h"
#include "calc/indicators/average.h"

/* a / b as a share of 100; the middle when there is nothing to share. */
static inline double ats_index_100(double part, double whole)
{
    return whole > 0 ? 100.0 * part / whole : 50.0;
}

/* Relative strength index (Wilder 1978). Ready after n changes. */
typedef struct ats_rsi {
    ats_wilder gain, loss;
} ats_rsi;

static inline void ats_rsi_update(ats_rsi *r, double change, uint32_t n)
{
    double gain = ats_where(change > 0, change);
    ats_wilder_update(&r->gain, gain, n);
    ats_wilder_update(&r->loss, gain - change, n);
}
static inline double ats_rsi_value(const ats_rsi *r)
{
    return ats_index_100(r->gain.value, r->gain.value + r->loss.value);
}

/* Moving average convergence-divergence (Appel 1979) of 12, 26 and 9. As in TA-Lib both averages
 * begin with the same bar, so the fast one is seeded with bars 15 to 26; the signal line with the
 * first nine differences. Line ready at bar 26, signal at bar 34. */
typedef struct ats_macd {
    ats_bar_ema fast, slow, signal;
} ats_macd;

static inline void ats_macd_update(ats_macd *m, double x, uint64_t i)
{
    if (i >= 26 - 12)
        ats_bar_ema_update(&m->fast, x, 12);
    ats_bar_ema_update(&m->slow, x, 26);
    if (i >= 26 - 1)
        ats_bar_ema_update(&m->signal, m->fast.value - m->slow.value, 9);
}

/* Where the close lies in the range of the last n bars, 0..100 (Lane's fast %K; Williams' %R is
 * this less 100). */
static inline double ats_range_position(double close, double lowest, double highest)
{
    return ats_index_100(close - lowest, highest - lowest);
}

/* Commodity channel index (Lambert 1980) over 20 typical prices. The mean deviation is from the
 * present mean, so all 20 are looked at. 0 when nothing moved. */
#define ATS_CCI_N 20u
typedef struct ats_cci {
    double typical[2 * ATS_ROLL]; /* twice over, so that every window lies in one piece */
    double sum;
} ats_cci;

static inline void ats_cci_update(ats_cci *c, uint64_t i, double typical)
{
    ats_roll_update(c->typical, &c->sum, 1, i, ATS_CCI_N, &typical);
    c->typical[ATS_ROLL + i % ATS_ROLL] = typical;
}
static inline double ats_cci_value(const ats_cci *c, uint64_t i)
{
    const double *window = &c->typical[(i - ATS_CCI_N + 1) % ATS_ROLL];
    /* A true division: the mean of equal prices must be that price. */
    double mean = c->sum / ATS_CCI_N, deviation[4] = {0.0, 0.0, 0.0, 0.0};
    for (uint32_t at = 0; at < ATS_CCI_N; at += 4)
        for (uint32_t lane = 0; lane < 4; lane++)
            deviation[lane] += fabs(window[at + lane] - mean);
    double all = (deviation[0] + deviation[1]) + (deviation[2] + deviation[3]);
    double away = window[ATS_CCI_N - 1] - mean;
    return all > 0 ? away * (ATS_CCI_N / 0.015) / all : 0.0;
}

/* Money flow index (Quong and Soudack 1989) over 14 changes of the typical price. Without volume:
 * the middle. */
typedef struct ats_mfi_terms {
    double up, down;
} ats_mfi_terms;
typedef struct ats_mfi {
    ats_mfi_terms ring[ATS_ROLL], sum;
} ats_mfi;

static inline void ats_mfi_update(ats_mfi *m, uint64_t i, double typical, double previous,
                                  double volume)
{
    double flow = typical * volume, step = typical - previous;
    /* The typical price is a rounded third: equal ones may differ in the last bit. */
    double tie = 1e-12 * typical;
    ats_mfi_terms terms = {.up = ats_where(step > tie, flow), .down = ats_where(step < -tie, flow)};
    ATS_ROLL_UPDATE(m->ring, &m->sum, i, 14, &terms);
}

/* Ultimate oscillator (Williams 1985): buying pressure over true range, of 7, 14 and 28 bars,
 * weighted 4, 2, 1. A span without any range counts as the middle. */
typedef struct ats_ultimate_terms {
    double pressure, range;
} ats_ultimate_terms;
typedef struct ats_ultimate {
    ats_ultimate_terms ring[ATS_ROLL], sum_7, sum_14, sum_28;
} ats_ultimate;

static inline void ats_ultimate_slide(ats_ultimate_terms *sum, const ats_ultimate_terms *ring,
                                      uint64_t i, uint32_t n, const ats_ultimate_terms *terms)
{
    const ats_ultimate_terms *leaving = &ring[(i - n) % ATS_ROLL];
    sum->pressure += terms->pressure - leaving->pressure;
    sum->range += terms->range - leaving->range;
}

static inline void ats_ultimate_update(ats_ultimate *u, uint64_t i, double pressure, double range)
{
    ats_ultimate_terms terms = {.pressure = pressure, .range = range};
    ats_ultimate_slide(&u->sum_7, u->ring, i, 7, &terms);
    ats_ultimate_slide(&u->sum_14, u->ring, i, 14, &terms);
    ATS_ROLL_UPDATE(u->ring, &u->sum_28, i, 28, &terms);
    if (__builtin_expect(i % ATS_ROLL == ATS_ROLL - 1, 0)) {
        ats_roll_add_up(&u->ring[0].pressure, &u->sum_7.pressure, 2, i, 7);
        ats_roll_add_up(&u->ring[0].pressure, &u->sum_14.pressure, 2, i, 14);
    }
}
static inline double ats_ultimate_value(const ats_ultimate *u)
{
    return (4.0 * ats_index_100(u->sum_7.pressure, u->sum_7.range) +
            2.0 * ats_index_100(u->sum_14.pressure, u->sum_14.range) +
            ats_index_100(u->sum_28.pressure, u->sum_28.range)) *
           (1.0 / 7);
}

#endif
