/* average.h: exponential averages.
 *
 * Updates are O(1) and allocate nothing; zeroed memory is the empty state. n is a constant at every
 * call, so the divisions by it are folded away.
 */
#ifndef ATS_CALC_INDICATORS_AVERAGE_H
#define ATS_CALC_INDICATORS_AVERAGE_H

#include <math.h>
#include <stdint.h>

/* Exponential moving average over events, alpha = 2 / (n + 1), seeded with the first value: the
 * form for ticks, which have no beginning that a mean could be taken of. Ready after n values. */
typedef struct ats_ema {
    double value;
    uint32_t seen;
} ats_ema;

static inline void ats_ema_update(ats_ema *e, double x, uint32_t n)
{
    double alpha = 2.0 / ((double)n + 1.0);
    e->value = e->seen ? e->value + alpha * (x - e->value) : x;
    e->seen += e->seen < n;
}
static inline double ats_ema_value(const ats_ema *e, uint32_t n)
{
    return e->seen >= n ? e->value : NAN;
}

/* The form for bars: alpha = 2 / (n + 1), seeded with the mean of the first n values (TA-Lib's
 * EMA). Until then `value` holds their sum over n. */
typedef struct ats_bar_ema {
    double value;
    uint32_t seen;
} ats_bar_ema;

static inline void ats_bar_ema_update(ats_bar_ema *e, double x, uint32_t n)
{
    if (__builtin_expect(e->seen < n, 0)) {
        e->value += x / (double)n;
        e->seen++;
        return;
    }
    e->value += 2.0 / ((double)n + 1.0) * (x - e->value);
}

/* Wilder's smoothing (New Concepts in Technical Trading Systems, 1978): mean of the first n, then
 * 1/n of the new value and the rest of the old. */
typedef struct ats_wilder {
    double value;
    uint32_t seen;
} ats_wilder;

static inline void ats_wilder_update(ats_wilder *w, double x, uint32_t n)
{
    const double share = 1.0 / (double)n;
    if (__builtin_expect(w->seen < n, 0)) {
        w->value += x * share;
        w->seen++;
        return;
    }
    w->value = w->value * (1.0 - share) + x * share;
}

#endif
