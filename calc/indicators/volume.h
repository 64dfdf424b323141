/* volume.h: what volume says about price: on-balance volume, accumulation-distribution, VWAP.
 *
 * O(1); zeroed memory is the empty state. A bar without volume adds nothing; a bar without range
 * has no accumulation.
 */
#ifndef ATS_CALC_INDICATORS_VOLUME_H
#define ATS_CALC_INDICATORS_VOLUME_H

#include "calc/bar_history.h"

/* On-balance volume (Granville 1963) gains or loses a bar's volume with the close; TA-Lib's OBV.
 * The running total never ends, so what a window of it gained is kept instead. */
static inline double ats_on_balance(double close, double previous_close, double volume)
{
    return volume * ((close > previous_close) - (close < previous_close));
}

/* Chaikin's money flow volume: volume times where the close lies in the range, -1..1 (TA-Lib's AD
 * is its running total). */
static inline double ats_accumulation(double high, double low, double close, double volume)
{
    double range = high - low;
    return range > 0 ? ((close - low) - (high - close)) / range * volume : 0.0;
}

/* Chaikin oscillator: EMA(3) - EMA(10) of the accumulation-distribution line, both seeded with its
 * first value (TA-Lib's ADOSC). The line is a running total; only its distance to the averages
 * matters, and that is all that is kept: each step, both distances grow by the new accumulation
 * and shrink by their share. Ready after 10 bars. */
typedef struct ats_chaikin {
    double fast, slow; /* line - average */
} ats_chaikin;

static inline void ats_chaikin_update(ats_chaikin *c, uint64_t i, double accumulation)
{
    if (i == 0) /* line and averages begin at one point */
        return;
    c->fast = (c->fast + accumulation) * (1.0 - 2.0 / (3 + 1));
    c->slow = (c->slow + accumulation) * (1.0 - 2.0 / (10 + 1));
}
static inline double ats_chaikin_value(const ats_chaikin *c)
{
    return c->slow - c->fast;
}

/* Volume-weighted average price since a reset, and its volume-weighted deviation. Prices are taken
 * from the first one, so that squares of what is small are summed. */
typedef struct ats_vwap {
    double origin;
    double volume, value, square; /* sums of v, v (p - origin), v (p - origin)^2 */
} ats_vwap;

static inline void ats_vwap_reset(ats_vwap *w)
{
    *w = (ats_vwap){0};
}
static inline void ats_vwap_add(ats_vwap *w, double px, double volume)
{
    if (w->origin == 0.0)
        w->origin = px;
    double away = px - w->origin;
    w->volume += volume;
    w->value += volume * away;
    w->square += volume * away * away;
}
/* NaN without volume. */
static inline double ats_vwap_value(const ats_vwap *w)
{
    return w->volume > 0 ? w->origin + w->value / w->volume : NAN;
}
static inline double ats_vwap_deviation(const ats_vwap *w)
{
    if (!(w->volume > 0))
        return NAN;
    double mean = w->value / w->volume, variance = w->square / w->volume - mean * mean;
    return variance > 0 ? sqrt(variance) : 0.0;
}

#endif
