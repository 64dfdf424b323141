/* Swing trend: joins a trend of days on a pull-back and follows it with a trailing stop.
 *
 * On bars of one timeframe, a day unless configured otherwise. The trend is up when the fast
 * exponential average lies above the slow one and the directional index ADX (Wilder 1978, 14 bars)
 * is above adx_min; down the other way round. A pull-back is a bar that touched the fast average
 * (its low at or below it, in an up-trend) and closed beyond it again. Enters with the trend at the
 * next opening; the stop is trail_atr average true ranges away and follows the best price, which on
 * bars is the best close; leaves when the averages cross, after max_hold_bars (the bar of the entry
 * is the first), and by no rule of its own before min_hold_bars. Begins once the slow average, the
 * range and the ADX are there.
 * Splits rescale what it knows, so an average goes on over them.
 *
 * Model filter: as in mean reversion.
 */
#include "calc/indicators/momentum.h"
#include "calc/indicators/trend.h"
#include "calc/indicators/volatility.h"
#include "stages/strategy/builtin/builtin.h"

#include <stdbool.h>

enum {
    TIMEFRAME_S,
    FAST,
    SLOW,
    ADX_MIN,
    ATR_BARS,
    TRAIL_ATR,
    MIN_HOLD_BARS,
    MAX_HOLD_BARS,
    URGENCY,
    MODEL_MARGIN,
    PARAMETER_COUNT
};

static const ats_strategy_parameter PARAMETERS[] = {
    [TIMEFRAME_S] = {"timeframe_s", 86400, 60, 86400, "seconds of a bar; 86400: daily"},
    [FAST] = {"fast", 20, 2, 400, "bars of the fast exponential average"},
    [SLOW] = {"slow", 50, 3, 1000, "bars of the slow one"},
    [ADX_MIN] = {"adx_min", 20, 0, 100, "ADX above which there is a trend"},
    [ATR_BARS] = {"atr_bars", 14, 2, 200, "bars of the average true range"},
    [TRAIL_ATR] = {"trail_atr", 3, 0.1, 50, "trailing stop, average true ranges"},
    [MIN_HOLD_BARS] = {"min_hold_bars", 1, 0, 1000, "bars before a crossing closes a position"},
    [MAX_HOLD_BARS] = {"max_hold_bars", 10, 1, 100000, "bars after which it is closed"},
    [URGENCY] = {"urgency", 1, 0, 1, "0 waits for a better price, 1 takes the market's"},
    [MODEL_MARGIN] = {"model_margin", 0, 0, 100, "the model must agree by so much; 0: not asked"},
};

typedef struct symbol_state {
    ats_bar_ema fast, slow;
    ats_wilder range;
    ats_dmi dmi;
    int64_t high_e9,
        low_e9; /* of the bar before: which of two moves is larger is decided exactly */
    double high, low, close; /* close 0 = none */
    float model_score;
    uint32_t held_bars; /* since the position was seen first */
} symbol_state;

typedef struct swing_trend {
    const double *p;
    symbol_state symbol[];
} swing_trend;

static size_t state_bytes(const ats_strategy_setup *setup)
{
    return sizeof(swing_trend) + (setup->symbol_count + 1) * sizeof(symbol_state);
}

static int init(void *state, const ats_strategy_setup *setup, char *why, size_t why_bytes)
{
    swing_trend *t = state;
    t->p = setup->parameters;
    if (t->p[FAST] < t->p[SLOW])
        return 0;
    const char reason[] = "parameters.fast must be below parameters.slow";
    for (size_t i = 0; i < why_bytes && i < sizeof reason; i++)
        why[i] = reason[i];
    return -1;
}

static void timeframes(const void *state, uint32_t out_s[8])
{
    out_s[0] = (uint32_t)((const swing_trend *)state)->p[TIMEFRAME_S];
}

static void update(const swing_trend *t, symbol_state *s, const ats_view_bar *b)
{
    double high = (double)b->high_e9 / 1e9, low = (double)b->low_e9 / 1e9;
    double close = (double)b->close_e9 / 1e9;
    if (s->close > 0) {
        double range = ats_true_range(high, low, s->close);
        ats_wilder_update(&s->range, range, (uint32_t)t->p[ATR_BARS]);
        ats_dmi_update(&s->dmi, (double)(b->high_e9 - s->high_e9) / 1e9,
                       (double)(s->low_e9 - b->low_e9) / 1e9, range);
    }
    ats_bar_ema_update(&s->fast, close, (uint32_t)t->p[FAST]);
    ats_bar_ema_update(&s->slow, close, (uint32_t)t->p[SLOW]);
    s->high_e9 = b->high_e9;
    s->low_e9 = b->low_e9;
    s->high = high;
    s->low = low;
    s->close = close;
}

static bool ready(const swing_trend *t, const symbol_state *s)
{
    return s->slow.seen >= (uint32_t)t->p[SLOW] && s->range.seen >= (uint32_t)t->p[ATR_BARS] &&
           s->dmi.seen >= 2 * ATS_DMI_N;
}

static void consider(const swing_trend *t, const symbol_state *s, const ats_strategy_host *host,
                     uint32_t symbol)
{
    double fast = s->fast.value, slow = s->slow.value, margin = t->p[MODEL_MARGIN];
    bool trend = s->dmi.adx > t->p[ADX_MIN];
    bool buy = trend && fast > slow && s->low <= fast && s->close > fast;
    bool sell = trend && fast < slow && s->high >= fast && s->close < fast;
    host->explain(host, symbol, "ema_fast", fast);
    host->explain(host, symbol, "ema_slow", slow);
    host->explain(host, symbol, "adx", s->dmi.adx);
    if (margin > 0) {
        host->explain(host, symbol, "model", (double)s->model_score);
        buy = buy && (double)s->model_score >= margin;
        sell = sell && (double)s->model_score <= -margin;
    }
    if (!buy && !sell)
        return;
    int64_t trail_e9 = (int64_t)(s->range.value * t->p[TRAIL_ATR] * 1e9);
    ats_entry entry = {.symbol = symbol,
                       .side = buy ? ATS_VIEW_BUY : ATS_VIEW_SELL,
                       .atr_e9 = (int64_t)(s->range.value * 1e9),
                       .stop_distance_e9 = trail_e9,
                       .trail_distance_e9 = trail_e9,
                       .score = s->dmi.adx,
                       .urgency = t->p[URGENCY],
                       .why = buy ? "pull-back in an up-trend" : "pull-back in a down-trend",
                       .keep_overnight = 1};
    host->enter(host, &entry);
}

static void mind(const swing_trend *t, symbol_state *s, const ats_strategy_host *host,
                 const ats_position_view *p, uint32_t symbol)
{
    s->held_bars++;
    if (p->leaving)
        return;
    bool crossed = p->qty_e9 > 0 ? s->fast.value < s->slow.value : s->fast.value > s->slow.value;
    if (s->held_bars >= (uint32_t)t->p[MAX_HOLD_BARS])
        host->leave(host, symbol, t->p[URGENCY], "held long enough");
    else if (crossed && s->held_bars >= (uint32_t)t->p[MIN_HOLD_BARS])
        host->leave(host, symbol, t->p[URGENCY], "averages crossed");
}

/* A split changes the unit of every price. */
static void rescale(symbol_state *s, double factor)
{
    double *prices[] = {&s->fast.value, &s->slow.value, &s->range.value,
                        &s->dmi.plus,   &s->dmi.minus,  &s->dmi.range,
                        &s->high,       &s->low,        &s->close};
    for (size_t i = 0; i < sizeof prices / sizeof prices[0]; i++)
        *prices[i] *= factor;
    s->high_e9 = (int64_t)(s->high * 1e9 + 0.5);
    s->low_e9 = (int64_t)(s->low * 1e9 + 0.5);
}

static void on_market(void *state, const ats_strategy_host *host, const ats_market_view *v)
{
    swing_trend *t = state;
    symbol_state *s = &t->symbol[v->symbol];
    if (v->kind == ATS_VIEW_ACTION) {
        if (v->split_numerator > 0)
            rescale(s, (double)v->split_denominator / (double)v->split_numerator);
        return;
    }
    if (v->kind != ATS_VIEW_BAR || v->bar.period_s != (uint32_t)t->p[TIMEFRAME_S])
        return;
    update(t, s, &v->bar);
    ats_position_view p;
    host->position(host, v->symbol, &p);
    if (p.qty_e9 != 0) {
        mind(t, s, host, &p, v->symbol);
        return;
    }
    s->held_bars = 0;
    if (ready(t, s) && !p.entering)
        consider(t, s, host, v->symbol);
}

static void on_signal(void *state, const ats_strategy_host *host, const ats_signal_view *s)
{
    (void)host;
    ((swing_trend *)state)->symbol[s->symbol].model_score = s->score;
}

const ats_strategy_plugin ats_strategy_swing_trend = {
    .abi = ATS_STRATEGY_ABI,
    .bytes = sizeof(ats_strategy_plugin),
    .name = "swing_trend",
    .help = "joins trends of days on a pull-back, with a trailing stop",
    .wants = ATS_WANTS_BARS | ATS_WANTS_SIGNALS | ATS_WANTS_ACTIONS,
    .parameter_count = PARAMETER_COUNT,
    .parameters = PARAMETERS,
    .state_bytes = state_bytes,
    .init = init,
    .timeframes = timeframes,
    .on_market = on_market,
    .on_signal = on_signal,
};
