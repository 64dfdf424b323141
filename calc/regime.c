#include "calc/regime.h"

#include "calc/logarithm.h"

#include <assert.h>
#include <math.h>

const ats_regime_settings ats_regime_defaults = {
    .quiet_ratio = 0.75, .wild_ratio = 1.5, .trend_t = 1.0};

const char *ats_regime_text(uint32_t label)
{
    static const char *const TEXTS[] = {"quiet down",  "quiet flat", "quiet up",  "normal down",
                                        "normal flat", "normal up",  "wild down", "wild flat",
                                        "wild up",     "unknown"};
    static_assert(sizeof TEXTS / sizeof TEXTS[0] == ATS_REGIME_COUNT + 1, "a text a label");
    return label <= ATS_REGIME_COUNT ? TEXTS[label] : "?";
}

/* ---- windows ------------------------------------------------------------------------------ */

static double return_at(const ats_regime *g, uint64_t i)
{
    return g->returns[i % ATS_REGIME_RETURNS];
}

/* Return number i has come into the ring; what lay there was older than any window. */
static void slide(const ats_regime *g, ats_regime_sums *s, uint64_t i, uint32_t n)
{
    double in = return_at(g, i), out = i >= n ? return_at(g, i - n) : 0.0;
    s->sum += in - out;
    s->square += in * in - out * out;
    if (i % ATS_REGIME_RETURNS != ATS_REGIME_RETURNS - 1)
        return;
    *s = (ats_regime_sums){0};
    for (uint32_t back = n; back-- > 0;) {
        double r = return_at(g, i - back);
        s->sum += r;
        s->square += r * r;
    }
}

/* Returns that were all the same have no variance, whatever rounding has left in the sums. */
static double variance(const ats_regime *g, const ats_regime_sums *s, uint32_t n)
{
    double v = (s->square - s->sum * s->sum / n) / (n - 1);
    return g->same + 1 >= n || !(v > 0) ? 0.0 : v;
}

static uint32_t count_same(uint32_t same, double x, double before)
{
    return x == before ? same + (same < ATS_REGIME_RETURNS) : 0;
}

static void add_pair(ats_regime *g, double own, double index)
{
    uint64_t i = g->pairs++;
    uint32_t at = (uint32_t)(i % ATS_REGIME_PAIRS), n = ATS_REGIME_CORRELATION_N;
    uint32_t old = (uint32_t)((i - n) % ATS_REGIME_PAIRS); /* 0 there at first */
    uint32_t last = (uint32_t)((i - 1) % ATS_REGIME_PAIRS);
    g->own_same = count_same(g->own_same, own, g->own[last]);
    g->index_same = count_same(g->index_same, index, g->index[last]);
    double x = g->own[old], y = g->index[old];
    g->own_sum += own - x;
    g->index_sum += index - y;
    g->own_square += own * own - x * x;
    g->index_square += index * index - y * y;
    g->product += own * index - x * y;
    g->own[at] = own;
    g->index[at] = index;
    if (at != ATS_REGIME_PAIRS - 1)
        return;
    g->own_sum = g->index_sum = g->own_square = g->index_square = g->product = 0.0;
    for (uint32_t back = n; back-- > 0;) {
        x = g->own[at - back];
        y = g->index[at - back];
        g->own_sum += x;
        g->index_sum += y;
        g->own_square += x * x;
        g->index_square += y * y;
        g->product += x * y;
    }
}

/* ---- values ------------------------------------------------------------------------------- */

double ats_regime_volatility(const ats_regime *g)
{
    if (g->count < ATS_REGIME_VOLATILITY_N)
        return NAN;
    return sqrt(variance(g, &g->fast, ATS_REGIME_VOLATILITY_N));
}

double ats_regime_ratio(const ats_regime *g)
{
    if (g->count < ATS_REGIME_SLOW_N)
        return NAN;
    double slow = variance(g, &g->slow, ATS_REGIME_SLOW_N);
    return slow > 0 ? sqrt(variance(g, &g->fast, ATS_REGIME_VOLATILITY_N) / slow) : 1.0;
}

double ats_regime_trend(const ats_regime *g)
{
    if (g->count < ATS_REGIME_TREND_N)
        return NAN;
    double v = variance(g, &g->trend, ATS_REGIME_TREND_N);
    return v > 0 ? g->trend.sum / sqrt(v * ATS_REGIME_TREND_N) : 0.0;
}

double ats_regime_correlation(const ats_regime *g)
{
    const double n = ATS_REGIME_CORRELATION_N;
    if (g->pairs < ATS_REGIME_CORRELATION_N)
        return NAN;
    double own = g->own_square - g->own_sum * g->own_sum / n;
    double index = g->index_square - g->index_sum * g->index_sum / n;
    if (g->own_same + 1 >= ATS_REGIME_CORRELATION_N || !(own > 0) ||
        g->index_same + 1 >= ATS_REGIME_CORRELATION_N || !(index > 0))
        return NAN;
    double c = (g->product - g->own_sum * g->index_sum / n) / sqrt(own * index);
    return c > 1.0 ? 1.0 : c < -1.0 ? -1.0 : c;
}

/* ---- labels ------------------------------------------------------------------------------- */

static uint32_t label_of(const ats_regime *g, const ats_regime_settings *s)
{
    double ratio = ats_regime_ratio(g), t = ats_regime_trend(g);
    uint32_t volatility = ratio < s->quiet_ratio ? 0 : ratio > s->wild_ratio ? 2 : 1;
    uint32_t direction = t < -s->trend_t ? 0 : t > s->trend_t ? 2 : 1;
    return 3 * volatility + direction;
}

uint32_t ats_regime_update(ats_regime *g, const ats_regime_settings *s, double close,
                           double index_return)
{
    double before = g->close;
    g->close = close;
    if (!(before > 0))
        return ATS_REGIME_UNKNOWN;
    double r = ats_ln_ratio(close, before);
    uint64_t i = g->count++;
    g->same = count_same(g->same, r, i ? return_at(g, i - 1) : NAN);
    g->returns[i % ATS_REGIME_RETURNS] = r;
    slide(g, &g->fast, i, ATS_REGIME_VOLATILITY_N);
    slide(g, &g->trend, i, ATS_REGIME_TREND_N);
    slide(g, &g->slow, i, ATS_REGIME_SLOW_N);
    if (index_return == index_return)
        add_pair(g, r, index_return);
    if (g->count < ATS_REGIME_SLOW_N)
        return ATS_REGIME_UNKNOWN;
    uint32_t label = label_of(g, s);
    if (g->known)
        g->followed[g->label][label]++;
    g->history[g->labelled++ % ATS_REGIME_HISTORY] = (uint8_t)label;
    g->label = label;
    g->known = true;
    return label;
}

void ats_regime_rescale(ats_regime *g, double factor)
{
    g->close *= factor;
}

uint32_t ats_regime_ago(const ats_regime *g, uint32_t back)
{
    if (back >= g->labelled || back >= ATS_REGIME_HISTORY)
        return ATS_REGIME_UNKNOWN;
    return g->history[(g->labelled - 1 - back) % ATS_REGIME_HISTORY];
}

double ats_regime_chance(const ats_regime *g, uint32_t from, uint32_t to)
{
    uint64_t all = 0;
    if (from >= ATS_REGIME_COUNT || to >= ATS_REGIME_COUNT)
        return NAN;
    for (uint32_t i = 0; i < ATS_REGIME_COUNT; i++)
        all += g->followed[from][i];
    return all ? (double)g->followed[from][to] / (double)all : NAN;
}
