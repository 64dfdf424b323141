/* indicators.h: incremental formulas over ticks and bars.
 *
 * Each is a small struct and an update that costs O(1) and allocates nothing. A value that is not
 * ready is NaN, never zero. All arithmetic is IEEE double with +, -, *, / and sqrt only, so results
 * are the same on every compiler and host. Zeroed memory is the empty state of every struct.
 * Owner: the stage that holds the state. Inputs are prices in currency, sizes in units.
 */
#ifndef ATS_CALC_INDICATORS_H
#define ATS_CALC_INDICATORS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* Exponential moving average over events, alpha = 2 / (n + 1), seeded with the first value; ready
 * after n values (the convention of most charting packages; TA-Lib seeds with an SMA instead). */
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

/* Simple moving average over the last n <= ATS_WINDOW_MAX values. The running sum is rebuilt from
 * the window once a lap, so rounding does not build up. */
#define ATS_WINDOW_MAX 20u
typedef struct ats_window {
    double x[ATS_WINDOW_MAX];
    double sum;
    uint32_t at;
    uint32_t seen;
} ats_window;

static inline void ats_window_update(ats_window *w, double x, uint32_t n)
{
    w->sum += x - (w->seen >= n ? w->x[w->at] : 0.0);
    w->x[w->at] = x;
    w->at = w->at + 1 == n ? 0 : w->at + 1;
    w->seen += w->seen < n;
    if (w->at == 0) {
        w->sum = 0.0;
        for (uint32_t i = 0; i < w->seen; i++)
            w->sum += w->x[i];
    }
}
static inline double ats_window_mean(const ats_window *w, uint32_t n)
{
    return w->seen >= n ? w->sum / (double)n : NAN;
}

/* Relative strength index (Wilder, New Concepts in Technical Trading Systems, 1978): averages of
 * gains and losses seeded with the mean of the first n changes, then smoothed by 1/n. Agrees with
 * TA-Lib's RSI. 50 when nothing moved. */
typedef struct ats_rsi {
    double last;
    double gain;
    double loss;
    uint32_t seen; /* values */
} ats_rsi;

static inline void ats_rsi_update(ats_rsi *r, double x, uint32_t n)
{
    double change = x - r->last;
    double up = change > 0 ? change : 0.0, down = change < 0 ? -change : 0.0;
    if (r->seen == 0) {
        r->seen = 1;
    } else if (r->seen <= n) {
        r->gain += up / (double)n;
        r->loss += down / (double)n;
        r->seen++;
    } else {
        r->gain = (r->gain * ((double)n - 1.0) + up) / (double)n;
        r->loss = (r->loss * ((double)n - 1.0) + down) / (double)n;
    }
    r->last = x;
}
static inline double ats_rsi_value(const ats_rsi *r, uint32_t n)
{
    if (r->seen <= n)
        return NAN;
    double both = r->gain + r->loss;
    return both > 0 ? 100.0 * r->gain / both : 50.0;
}

/* Average true range (Wilder, 1978): true range = max(high, previous close) - min(low, previous
 * close); mean of the first n, then smoothed by 1/n. Agrees with TA-Lib's ATR. */
typedef struct ats_atr {
    double previous_close;
    double value;
    uint32_t seen; /* bars, the first of which only gives the previous close */
} ats_atr;

static inline void ats_atr_update(ats_atr *a, double high, double low, double close, uint32_t n)
{
    if (a->seen > 0) {
        double top = high > a->previous_close ? high : a->previous_close;
        double bottom = low < a->previous_close ? low : a->previous_close;
        double range = top - bottom;
        if (a->seen <= n)
            a->value += range / (double)n;
        else
            a->value = (a->value * ((double)n - 1.0) + range) / (double)n;
    }
    a->seen += a->seen <= n;
    a->previous_close = close;
}
static inline double ats_atr_value(const ats_atr *a, uint32_t n)
{
    return a->seen > n ? a->value : NAN;
}

/* A bar under construction, aligned on multiples of its period since the epoch (UTC). A period
 * without trades makes no bar. */
typedef struct ats_bar_builder {
    int64_t start_ns; /* of the bar under construction; 0 = none */
    double open, high, low, close, volume;
} ats_bar_builder;

/* Is the bar under construction over at this time? */
static inline bool ats_bar_is_over(const ats_bar_builder *b, int64_t now_ns, int64_t period_ns)
{
    return b->start_ns != 0 && now_ns >= b->start_ns + period_ns;
}

static inline void ats_bar_add(ats_bar_builder *b, int64_t now_ns, int64_t period_ns, double px,
                               double qty)
{
    if (b->start_ns == 0) {
        b->start_ns = now_ns - now_ns % period_ns;
        b->open = b->high = b->low = px;
        b->volume = 0.0;
    }
    b->high = px > b->high ? px : b->high;
    b->low = px < b->low ? px : b->low;
    b->close = px;
    b->volume += qty;
}

/* Order-flow imbalance of one change of the best quotes (Cont, Kukanov, Stoikov, The Price Impact
 * of Order Book Events, 2014, eq. 4): what arrived at the bid less what arrived at the ask. */
static inline double ats_order_flow(double bid0, double bid_size0, double ask0, double ask_size0,
                                    double bid1, double bid_size1, double ask1, double ask_size1)
{
    double bid = (bid1 >= bid0 ? bid_size1 : 0.0) - (bid1 <= bid0 ? bid_size0 : 0.0);
    double ask = (ask1 <= ask0 ? ask_size1 : 0.0) - (ask1 >= ask0 ? ask_size0 : 0.0);
    return bid - ask;
}

#endif
