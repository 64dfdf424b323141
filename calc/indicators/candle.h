/* candle.h: candlestick patterns, each with a direction and a confidence.
 *
 * When a pattern is there is decided exactly as by TA-Lib's CDL functions with its default settings
 * (a body is short when below the mean of the ten before it, a shadow very short when below a tenth
 * of the mean range, and so on). TA-Lib answers 100 or -100; here the size is a confidence of 0.5
 * to 1, from how clear the pattern is, and 0 is no pattern. Patterns: Nison, Japanese Candlestick
 * Charting Techniques, 1991. O(1); zeroed memory is the empty state.
 */
#ifndef ATS_CALC_INDICATORS_CANDLE_H
#define ATS_CALC_INDICATORS_CANDLE_H

#include "calc/bar_history.h"

typedef struct ats_candle {
    double open, high, low, close;
    double body, top, bottom; /* |close - open|, the higher and the lower of the two */
} ats_candle;

static inline ats_candle ats_candle_of(double open, double high, double low, double close)
{
    double top = close > open ? close : open, bottom = close < open ? close : open;
    return (ats_candle){.open = open,
                        .high = high,
                        .low = low,
                        .close = close,
                        .body = top - bottom,
                        .top = top,
                        .bottom = bottom};
}

typedef struct ats_candle_terms {
    double body, range;
} ats_candle_terms;

/* Ready after 12 bars. */
typedef struct ats_candles {
    ats_candle last;
    ats_candle_terms ring[ATS_ROLL], sum; /* of ten */
    double range_5;                       /* of five */
    /* as they were before the last bar: TA-Lib compares a bar with those before it */
    double body_before, range_5_before;
    double doji, hammer, shooting_star, engulfing, harami;
} ats_candles;

/* Of a share of at most 1, below 0 or NaN for none. */
static inline double ats_confidence(double share)
{
    return 0.5 + 0.5 * ats_where(share > 0, share);
}

/* 1 bullish, -1 bearish, 0 not there. Conditions are joined with & and not &&: each is as likely as
 * not, and a wrong guess costs more than all of them. */
static inline int ats_engulfing(const ats_candle *c, const ats_candle *p)
{
    bool up = c->close >= c->open, up_before = p->close >= p->open;
    bool covers = ((c->top >= p->top) & (c->bottom < p->bottom)) |
                  ((c->top > p->top) & (c->bottom <= p->bottom));
    return ((up != up_before) & covers) * (up - !up);
}

static inline int ats_harami(const ats_candle *c, const ats_candle *p, double long_body,
                             double short_body)
{
    bool up_before = p->close >= p->open;
    bool inside = (c->top <= p->top) & (c->bottom >= p->bottom);
    return ((p->body > long_body) & (c->body <= short_body) & inside) * (!up_before - up_before);
}

static inline void ats_candles_update(ats_candles *s, uint64_t i, const ats_candle *c)
{
    const ats_candle *p = &s->last;
    double range = c->high - c->low, upper = c->high - c->top, lower = c->bottom - c->low;
    double body_mean = s->sum.body * 0.1, tenth = s->sum.range * 0.01; /* of the mean range */
    double near = s->range_5_before * 0.04;                            /* a fifth of the mean */
    bool small = c->body < body_mean;
    bool hammer = small & (lower > c->body) & (upper < tenth) & (c->bottom <= p->low + near);
    bool star = small & (upper > c->body) & (lower < tenth) & (c->bottom > p->top);
    s->doji = ats_where(c->body <= tenth, ats_confidence(1.0 - c->body / tenth));
    s->hammer = s->shooting_star = 0.0;
    if (hammer)
        s->hammer = ats_confidence(2.0 * lower / range - 1.0);
    if (star)
        s->shooting_star = -ats_confidence(2.0 * upper / range - 1.0);
    /* Both are the clearer the less of the greater body the lesser one is. */
    double lesser = c->body < p->body ? c->body : p->body;
    double greater = c->body > p->body ? c->body : p->body;
    double contrast = ats_confidence(1.0 - lesser / greater);
    s->engulfing = contrast * ats_engulfing(c, p);
    s->harami = contrast * ats_harami(c, p, s->body_before * 0.1, body_mean);
    s->body_before = s->sum.body;
    s->range_5_before = s->range_5;
    ats_candle_terms terms = {.body = c->body, .range = range};
    s->range_5 += range - s->ring[(i - 5) % ATS_ROLL].range;
    ATS_ROLL_UPDATE(s->ring, &s->sum, i, 10, &terms);
    if (__builtin_expect(i % ATS_ROLL == ATS_ROLL - 1, 0)) {
        ats_candle_terms of_5;
        ats_roll_add_up(&s->ring[0].body, &of_5.body, 2, i, 5);
        s->range_5 = of_5.range;
    }
    s->last = *c;
}

#endif
