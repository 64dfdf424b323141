/* Confluence: trades when several views of a market agree.
 *
 * On bars of the regular session, of one timeframe or of the best of up to three. Six views, each
 * -1 (sell) to 1 (buy), none where it is not ready:
 *
 *     trend      (EMA 20 - EMA 50) / 2 average true ranges of 14 bars
 *     momentum   (RSI 14 - 50) / 50
 *     reversion  -(close - mean of 20) / 2 standard deviations of them (Bollinger's bands)
 *     volume     on-balance volume of 20 bars over their volume (Granville 1963)
 *     pattern    the clearest of hammer, shooting star, engulfing and harami; none: no view
 *     model      margin m of the last signal: m / (1 + |m|); no signal: no view
 *
 * Their weighted mean is the score (calc/confluence.h). Opens long at a score of `entry`, short at
 * -entry; leaves when the score, seen from the position, falls below `exit`. With `adapt` weights
 * are multiplied by the regime (calc/regime.h): where there is a trend, trend by 1.5, momentum by
 * 1.25 and reversion by 0.5; where there is none, trend by 0.5 and reversion by 1.5; in wild
 * markets pattern by 0.5 besides. With `calibration_slope` an entry tells its chance to be right,
 * by which sizes are scaled (sizing.confidence, sizing.kelly_cap).
 *
 * A timeframe is traded on from its 50th bar on. Of several, the one with the best mark
 * (calc/selector.h: activity, volume, spread, the last 20 trades made on it) is; it is chosen anew
 * while there is no position.
 *
 * Other ways out: a peak (calc/peak.h) against a position that is in profit; max_hold_bars, or with
 * optimise_hold the time that would have been best for the last entries, once eight were watched to
 * their end (calc/holding.h); stop, trail and target in average true ranges, kept by the engine.
 *
 * Splits scale what comes in later, so nothing that is remembered changes. Model filter: as in mean
 * reversion.
 */
#include "calc/confluence.h"
#include "calc/holding.h"
#include "calc/indicators/candle.h"
#include "calc/indicators/momentum.h"
#include "calc/indicators/volatility.h"
#include "calc/indicators/volume.h"
#include "calc/peak.h"
#include "calc/selector.h"
#include "stages/strategy/builtin/builtin.h"

#include <stdbool.h>

enum {
    TIMEFRAME_S,
    TIMEFRAME_2_S,
    TIMEFRAME_3_S,
    STAY,
    ENTRY,
    EXIT,
    W_TREND,
    W_MOMENTUM,
    W_REVERSION,
    W_VOLUME,
    W_PATTERN,
    W_MODEL,
    LEAST_SHARE,
    ADAPT,
    STOP_ATR,
    TRAIL_ATR,
    TARGET_ATR,
    PEAK_SENSITIVITY,
    MAX_HOLD_BARS,
    OPTIMISE_HOLD,
    OVERNIGHT,
    URGENCY,
    MODEL_MARGIN,
    CALIBRATION_SLOPE,
    CALIBRATION_OFFSET,
    PARAMETER_COUNT
};

static const ats_strategy_parameter PARAMETERS[] = {
    [TIMEFRAME_S] = {"timeframe_s", 900, 1, 86400, "seconds of a bar"},
    [TIMEFRAME_2_S] = {"timeframe_2_s", 0, 0, 86400, "another to choose from; 0: none"},
    [TIMEFRAME_3_S] = {"timeframe_3_s", 0, 0, 86400, "a third; 0: none"},
    [STAY] = {"stay", 0.05, 0, 1, "how much better another timeframe's mark must be"},
    [ENTRY] = {"entry", 0.35, 0.01, 1, "score that opens a position"},
    [EXIT] = {"exit", 0, -1, 1, "score for the position below which it is closed"},
    [W_TREND] = {"w_trend", 1, 0, 100, "weight of the trend"},
    [W_MOMENTUM] = {"w_momentum", 1, 0, 100, "weight of momentum"},
    [W_REVERSION] = {"w_reversion", 0.5, 0, 100, "weight of reversion"},
    [W_VOLUME] = {"w_volume", 0.5, 0, 100, "weight of volume"},
    [W_PATTERN] = {"w_pattern", 0.5, 0, 100, "weight of candlestick patterns"},
    [W_MODEL] = {"w_model", 1, 0, 100, "weight of the model"},
    [LEAST_SHARE] = {"least_share", 0.5, 0, 1, "of all weight that must be ready"},
    [ADAPT] = {"adapt", 1, 0, 1, "1: weights by regime; 0: as they are"},
    [STOP_ATR] = {"stop_atr", 2, 0.1, 50, "stop, average true ranges from the entry"},
    [TRAIL_ATR] = {"trail_atr", 0, 0, 50, "trailing stop, average true ranges; 0: as for all"},
    [TARGET_ATR] = {"target_atr", 0, 0, 50, "profit target, average true ranges; 0: as for all"},
    [PEAK_SENSITIVITY] = {"peak_sensitivity", 0.7, 0, 1, "of the exit at a peak; 0: none"},
    [MAX_HOLD_BARS] = {"max_hold_bars", 0, 0, 100000, "bars after which it is closed; 0: any"},
    [OPTIMISE_HOLD] = {"optimise_hold", 0, 0, 1, "1: the holding time that was best of late"},
    [OVERNIGHT] = {"overnight", 0, 0, 1, "1: may be kept overnight, as days must be"},
    [URGENCY] = {"urgency", 1, 0, 1, "0 waits for a better price, 1 pays the spread"},
    [MODEL_MARGIN] = {"model_margin", 0, 0, 100, "the model must agree by so much; 0: not asked"},
    [CALIBRATION_SLOPE] = {"calibration_slope", 0, 0, 1000,
                           "of the chance to be right by score; 0: no chance is told"},
    [CALIBRATION_OFFSET] = {"calibration_offset", 0, -1000, 1000, "added to slope times score"},
};

enum { TREND, MOMENTUM, REVERSION, VOLUME, PATTERN, MODEL, TERMS };

#define FRAMES      3u
#define N_FAST      20u
#define N_SLOW      50u
#define N_WINDOW    20u
#define N_RSI       14u
#define N_RANGE     14u
#define N_ACTIVITY  100u /* bars of the slow averages that activity is measured against */
#define HOLD_SAMPLE 8u   /* entries watched to the end before their best time counts */

typedef struct window_terms {
    double away, square; /* close from the frame's first one, and that squared */
    double balance, volume;
} window_terms;

typedef struct frame {
    uint64_t count; /* bars */
    double first, close;
    ats_bar_ema fast, slow;
    ats_rsi rsi;
    ats_wilder range;
    ats_ema slow_range, volume, slow_volume;
    window_terms ring[ATS_ROLL], sum;
    ats_candles candles;
    ats_regime regime;
    ats_peak peak;
    ats_peak_marks marks;
    uint32_t label;
} frame;

typedef struct symbol_state {
    double factor; /* what comes in is multiplied by; 0 = 1 */
    float model_score;
    bool has_model;
    uint32_t chosen; /* frame; FRAMES = none yet */
    /* the position */
    bool watched;
    int32_t side;
    uint32_t held_bars;
    double risk;              /* of one unit, as the entry was asked for */
    double entry, left, sold; /* entry's price; quantity that has left, times price, and alone */
    frame frames[FRAMES];
} symbol_state;

typedef struct confluence {
    const double *p;
    const ats_strategy_symbol *symbols;
    ats_confluence_weights weights;
    uint32_t period_s[FRAMES]; /* 0 = none */
    int64_t open_ns[2], close_ns[2];
    ats_selector_trades trades[FRAMES];
    ats_holding_times times;
    symbol_state symbol[];
} confluence;

/* ---- set-up ------------------------------------------------------------------------------- */

static size_t state_bytes(const ats_strategy_setup *setup)
{
    return sizeof(confluence) + (setup->symbol_count + 1) * sizeof(symbol_state);
}

static void set_weights(confluence *m)
{
    ats_confluence_weights *w = &m->weights;
    w->count = TERMS;
    w->least_share = m->p[LEAST_SHARE];
    for (uint32_t i = 0; i < TERMS; i++)
        w->weight[i] = m->p[W_TREND + i];
    for (uint32_t label = 0; label < ATS_REGIME_COUNT && m->p[ADAPT] >= 0.5; label++) {
        bool flat = ats_regime_is_flat(label);
        double *factor = w->factor[label];
        for (uint32_t i = 0; i < TERMS; i++)
            factor[i] = 1;
        factor[TREND] = flat ? 0.5 : 1.5;
        factor[MOMENTUM] = flat ? 1 : 1.25;
        factor[REVERSION] = flat ? 1.5 : 0.5;
        factor[PATTERN] = ats_regime_is_wild(label) ? 0.5 : 1;
    }
}

static int init(void *state, const ats_strategy_setup *setup, char *why, size_t why_bytes)
{
    confluence *m = state;
    double all = 0;
    const char *reason = NULL;
    m->p = setup->parameters;
    m->symbols = setup->symbols;
    for (uint32_t i = 0; i < FRAMES; i++) {
        m->period_s[i] = (uint32_t)m->p[TIMEFRAME_S + i];
        for (uint32_t k = 0; k < i; k++)
            if (m->period_s[i] && m->period_s[i] == m->period_s[k])
                reason = "parameters.timeframe_s, _2_s and _3_s must differ";
    }
    for (uint32_t i = 0; i < TERMS; i++)
        all += m->p[W_TREND + i];
    if (all == 0)
        reason = "one of the weights must be above 0";
    if (m->p[EXIT] >= m->p[ENTRY])
        reason = "parameters.exit must be below parameters.entry";
    set_weights(m);
    for (uint32_t i = 0; i <= setup->symbol_count; i++) {
        m->symbol[i].factor = 1;
        m->symbol[i].chosen = FRAMES;
    }
    for (size_t i = 0; reason && i < why_bytes; i++) {
        why[i] = reason[i];
        if (!reason[i])
            break;
    }
    return reason ? -1 : 0;
}

static void timeframes(const void *state, uint32_t out_s[8])
{
    const confluence *m = state;
    uint32_t count = 0;
    for (uint32_t i = 0; i < FRAMES; i++)
        if (m->period_s[i])
            out_s[count++] = m->period_s[i];
}

static void on_session(void *state, const ats_strategy_host *host, const ats_session_view *s)
{
    confluence *m = state;
    (void)host;
    /* A closed stretch and the time before the open tell of a session to come: the bar that ends
     * the one before may be due yet. A bar that is the whole session comes after its close. */
    if (s->phase != ATS_VIEW_REGULAR && s->phase != ATS_VIEW_POST)
        return;
    m->open_ns[s->continuous] = s->open_ns;
    m->close_ns[s->continuous] = s->close_ns;
}

/* ---- a bar -------------------------------------------------------------------------------- */

static double stronger(double a, double b)
{
    return fabs(b) > fabs(a) ? b : a;
}

/* 0: there is none. */
static double pattern_of(const frame *f)
{
    const ats_candles *c = &f->candles;
    if (f->count < 12)
        return 0;
    return stronger(stronger(c->hammer, c->shooting_star), stronger(c->engulfing, c->harami));
}

static void update(frame *f, const ats_view_bar *b, double factor)
{
    double open = (double)b->open_e9 / 1e9 * factor, high = (double)b->high_e9 / 1e9 * factor;
    double low = (double)b->low_e9 / 1e9 * factor, close = (double)b->close_e9 / 1e9 * factor;
    double volume = (double)b->volume_e9 / 1e9 / factor, balance = 0;
    uint64_t i = f->count++;
    if (i == 0)
        f->first = close;
    else {
        double range = ats_true_range(high, low, f->close);
        balance = ats_on_balance(close, f->close, volume);
        ats_rsi_update(&f->rsi, close - f->close, N_RSI);
        ats_wilder_update(&f->range, range, N_RANGE);
        ats_ema_update(&f->slow_range, range, N_ACTIVITY);
    }
    ats_bar_ema_update(&f->fast, close, N_FAST);
    ats_bar_ema_update(&f->slow, close, N_SLOW);
    ats_ema_update(&f->volume, volume, N_WINDOW);
    ats_ema_update(&f->slow_volume, volume, N_ACTIVITY);
    double away = close - f->first;
    window_terms terms = {
        .away = away, .square = away * away, .balance = balance, .volume = volume};
    ATS_ROLL_UPDATE(f->ring, &f->sum, i, N_WINDOW, &terms);
    ats_candle candle = ats_candle_of(open, high, low, close);
    ats_candles_update(&f->candles, i, &candle);
    f->label = ats_regime_update(&f->regime, &ats_regime_defaults, close, NAN);
    double rsi = f->rsi.gain.seen >= N_RSI ? ats_rsi_value(&f->rsi) : NAN;
    f->marks = ats_peak_update(&f->peak, close, volume, rsi, pattern_of(f));
    f->close = close;
}

static void look(const symbol_state *s, const frame *f, double view[TERMS])
{
    double mean = f->sum.away / N_WINDOW;
    double width = ats_root(f->sum.square / N_WINDOW - mean * mean);
    double pattern = pattern_of(f);
    for (uint32_t i = 0; i < TERMS; i++)
        view[i] = NAN;
    if (f->slow.seen >= N_SLOW && f->range.seen >= N_RANGE)
        view[TREND] = ats_view_of_distance(f->fast.value - f->slow.value, f->range.value, 2);
    if (f->rsi.gain.seen >= N_RSI)
        view[MOMENTUM] = ats_view_of_index(ats_rsi_value(&f->rsi));
    if (f->count > N_WINDOW) {
        view[REVERSION] = ats_view_of_distance(f->close - f->first - mean, width, -2);
        view[VOLUME] = ats_view_of_distance(f->sum.balance, f->sum.volume, 1);
    }
    if (pattern != 0)
        view[PATTERN] = pattern;
    if (s->has_model)
        view[MODEL] = ats_view_of_margin((double)s->model_score);
}

/* The frame to trade on; FRAMES while none is ready. */
static uint32_t choose(const confluence *m, const symbol_state *s, const ats_market_view *v)
{
    double marks[FRAMES], spread = NAN;
    if (v->bid_e9 > 0 && v->ask_e9 > v->bid_e9)
        spread = (double)(v->ask_e9 - v->bid_e9) / 1e9 * s->factor;
    for (uint32_t i = 0; i < FRAMES; i++) {
        const frame *f = &s->frames[i];
        ats_selector_case c = {.range = f->range.value,
                               .slow_range = ats_ema_value(&f->slow_range, N_ACTIVITY),
                               .volume = ats_ema_value(&f->volume, N_WINDOW),
                               .slow_volume = ats_ema_value(&f->slow_volume, N_ACTIVITY),
                               .spread = spread,
                               .performance = ats_selector_performance(&m->trades[i])};
        marks[i] = m->period_s[i] && f->slow.seen >= N_SLOW ? ats_selector_mark(&c) : NAN;
    }
    uint32_t place = ats_selector_choose(marks, FRAMES, s->chosen, m->p[STAY]);
    return place == ATS_SELECTOR_NONE ? FRAMES : place;
}

/* ---- decisions ---------------------------------------------------------------------------- */

/* The chance that an entry is right, as its owner has fitted it to entries of before: a sigmoid of
 * the score (Platt 1999), with x / (1 + |x|) in the place of the logistic function, so that every
 * machine computes the same. 0: nothing was fitted. */
static double chance_of(const confluence *m, double score)
{
    double x = m->p[CALIBRATION_SLOPE] * score + m->p[CALIBRATION_OFFSET];
    return m->p[CALIBRATION_SLOPE] > 0 ? 0.5 + 0.5 * x / (1 + fabs(x)) : 0;
}

static void explain(const ats_strategy_host *host, uint32_t symbol, const ats_confluence *c,
                    const frame *f)
{
    static const char *const NAMES[TERMS] = {"trend",  "momentum", "reversion",
                                             "volume", "pattern",  "model"};
    host->explain(host, symbol, "confluence", c->score);
    for (uint32_t i = 0; i < TERMS; i++)
        host->explain(host, symbol, NAMES[i], c->contribution[i]);
    host->explain(host, symbol, "regime", f->label);
}

static void consider(const confluence *m, symbol_state *s, const frame *f, double score,
                     const ats_strategy_host *host, uint32_t symbol)
{
    double margin = m->p[MODEL_MARGIN], model = (double)s->model_score;
    bool buy = score >= m->p[ENTRY] && (margin == 0 || model >= margin);
    bool sell = score <= -m->p[ENTRY] && (margin == 0 || model <= -margin);
    if ((!buy && !sell) || f->range.seen < N_RANGE)
        return;
    double range = f->range.value / s->factor * 1e9;
    ats_entry entry = {.symbol = symbol,
                       .side = buy ? ATS_VIEW_BUY : ATS_VIEW_SELL,
                       .atr_e9 = (int64_t)range,
                       .stop_distance_e9 = (int64_t)(range * m->p[STOP_ATR]),
                       .trail_distance_e9 = (int64_t)(range * m->p[TRAIL_ATR]),
                       .target_distance_e9 = (int64_t)(range * m->p[TARGET_ATR]),
                       .score = fabs(score),
                       .confidence = chance_of(m, fabs(score)),
                       .urgency = m->p[URGENCY],
                       .why = buy ? "the views agree to buy" : "the views agree to sell",
                       .keep_overnight = m->p[OVERNIGHT] >= 0.5};
    s->risk = f->range.value * m->p[STOP_ATR];
    host->enter(host, &entry);
}

static uint32_t longest_hold(const confluence *m)
{
    double mean;
    uint32_t best =
        m->p[OPTIMISE_HOLD] >= 0.5 ? ats_holding_best(&m->times, HOLD_SAMPLE, &mean) : 0;
    return best ? best : (uint32_t)m->p[MAX_HOLD_BARS];
}

static void mind(const confluence *m, const symbol_state *s, const frame *f, double score,
                 const ats_strategy_host *host, const ats_position_view *p, uint32_t symbol)
{
    uint32_t longest = longest_hold(m);
    bool is_long = p->qty_e9 > 0;
    double sensitivity = m->p[PEAK_SENSITIVITY], mark = is_long ? f->marks.top : f->marks.bottom;
    bool gains = is_long ? f->close > s->entry : f->close < s->entry;
    if (p->leaving)
        return;
    if ((is_long ? score : -score) < m->p[EXIT])
        host->leave(host, symbol, m->p[URGENCY], "the views have turned");
    else if (sensitivity > 0 && gains && ats_peak_is(mark, sensitivity))
        host->leave(host, symbol, m->p[URGENCY], is_long ? "a top" : "a bottom");
    else if (longest && s->held_bars >= longest)
        host->leave(host, symbol, m->p[URGENCY], "held long enough");
}

/* A key a frame: the bars that count are those of the frame that was traded on. */
static uint32_t key_of(uint32_t symbol, uint32_t chosen)
{
    return symbol * FRAMES + chosen;
}

static void on_bar(confluence *m, symbol_state *s, const ats_strategy_host *host,
                   const ats_market_view *v, uint32_t at)
{
    frame *f = &s->frames[at];
    ats_position_view p;
    double view[TERMS];
    ats_confluence c;
    update(f, &v->bar, s->factor);
    ats_holding_bar(&m->times, key_of(v->symbol, at), f->close);
    host->position(host, v->symbol, &p);
    if (p.qty_e9 == 0 && !p.entering)
        s->chosen = choose(m, s, v);
    if (at != s->chosen)
        return;
    s->held_bars += p.qty_e9 != 0;
    look(s, f, view);
    ats_confluence_of(&m->weights, view, f->label, NULL, &c);
    if (c.score != c.score)
        return;
    explain(host, v->symbol, &c, f);
    if (p.qty_e9 != 0)
        mind(m, s, f, c.score, host, &p, v->symbol);
    else if (!p.entering)
        consider(m, s, f, c.score, host, v->symbol);
}

static void on_market(void *state, const ats_strategy_host *host, const ats_market_view *v)
{
    confluence *m = state;
    symbol_state *s = &m->symbol[v->symbol];
    uint32_t kind = m->symbols[v->symbol].continuous;
    if (v->kind == ATS_VIEW_ACTION) {
        if (v->split_numerator > 0)
            s->factor *= (double)v->split_numerator / (double)v->split_denominator;
        return;
    }
    if (v->kind != ATS_VIEW_BAR || v->bar.start_ns < m->open_ns[kind] ||
        v->bar.start_ns >= m->close_ns[kind])
        return;
    for (uint32_t i = 0; i < FRAMES; i++)
        if (m->period_s[i] == v->bar.period_s)
            on_bar(m, s, host, v, i);
}

static void on_signal(void *state, const ats_strategy_host *host, const ats_signal_view *v)
{
    symbol_state *s = &((confluence *)state)->symbol[v->symbol];
    (void)host;
    s->model_score = v->score;
    s->has_model = true;
}

/* What each trade has made is the selector's, how each entry goes on the holding times'. */
static void on_fill(void *state, const ats_strategy_host *host, const ats_fill_view *v)
{
    confluence *m = state;
    symbol_state *s = &m->symbol[v->symbol];
    double qty = (double)v->qty_e9 / s->factor, px = (double)v->px_e9 / 1e9 * s->factor;
    if (v->closes) {
        s->left += qty * px;
        s->sold += qty;
        if (v->position_e9 == 0 && s->watched && s->sold > 0 && s->risk > 0 && s->chosen < FRAMES)
            ats_selector_add(&m->trades[s->chosen],
                             s->side * (s->left / s->sold - s->entry) / s->risk);
        s->watched = s->watched && v->position_e9 != 0;
        return;
    }
    ats_position_view p;
    host->position(host, v->symbol, &p);
    s->entry = (double)p.average_e9 / 1e9 * s->factor;
    if (s->watched)
        return;
    s->watched = true;
    s->side = p.qty_e9 > 0 ? 1 : -1;
    s->held_bars = 0;
    s->left = s->sold = 0;
    if (s->chosen < FRAMES)
        ats_holding_enter(&m->times, key_of(v->symbol, s->chosen), s->side, s->entry, s->risk);
}

const ats_strategy_plugin ats_strategy_confluence = {
    .abi = ATS_STRATEGY_ABI,
    .bytes = sizeof(ats_strategy_plugin),
    .name = "confluence",
    .help = "trades when several views agree, weighted by regime, on the best timeframe",
    .wants = ATS_WANTS_BARS | ATS_WANTS_SIGNALS | ATS_WANTS_ACTIONS,
    .parameter_count = PARAMETER_COUNT,
    .parameters = PARAMETERS,
    .state_bytes = state_bytes,
    .init = init,
    .timeframes = timeframes,
    .on_market = on_market,
    .on_signal = on_signal,
    .on_fill = on_fill,
    .on_session = on_session,
};
