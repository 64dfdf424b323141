/* Intraday mean reversion: buys what has fallen far below the day's volume-weighted average price
 * and sells short what has risen far above it, for the way back.
 *
 * On bars of one timeframe, of the regular session alone. d = close - VWAP of the session so far
 * (typical prices); z = d / s, s the root of the mean of d^2 over the last `window` bars of this
 * session (Bollinger's width about the VWAP instead of about a moving average). Enters long at
 * z < -entry_z with RSI below rsi_low, short at z > entry_z with RSI above 100 - rsi_low (Connors
 * and Alvarez 2008: the oscillator says that the move is overdone); leaves at |z| < exit_z. The
 * stop is stop_atr average true ranges (Wilder 1978) from the entry. RSI and the range go on from
 * day to day; VWAP and the window begin with the session, so that nothing is entered before
 * `window` bars of it. Left before the close by the engine.
 *
 * Model filter: with model_margin above zero an entry also wants the model's last margin to agree
 * with its side by so much.
 */
#include "calc/indicators/momentum.h"
#include "calc/indicators/volatility.h"
#include "calc/indicators/volume.h"
#include "stages/strategy/builtin/builtin.h"

#include <stdbool.h>

#include <string.h>

enum {
    TIMEFRAME_S,
    WINDOW,
    ENTRY_Z,
    EXIT_Z,
    RSI_BARS,
    RSI_LOW,
    ATR_BARS,
    STOP_ATR,
    URGENCY,
    MODEL_MARGIN,
    PARAMETER_COUNT
};

#define WINDOW_MAX 256

static const ats_strategy_parameter PARAMETERS[] = {
    [TIMEFRAME_S] = {"timeframe_s", 60, 1, 14400, "seconds of a bar"},
    [WINDOW] = {"window", 20, 5, WINDOW_MAX, "bars of the session that z is measured against"},
    [ENTRY_Z] = {"entry_z", 2, 0.1, 20, "distance from the VWAP that opens a position"},
    [EXIT_Z] = {"exit_z", 0.5, 0, 20, "distance from the VWAP that closes it"},
    [RSI_BARS] = {"rsi_bars", 14, 2, 200, "bars of the RSI"},
    [RSI_LOW] = {"rsi_low", 35, 1, 50, "RSI below which to buy; 100 less it, above which to sell"},
    [ATR_BARS] = {"atr_bars", 14, 2, 200, "bars of the average true range"},
    [STOP_ATR] = {"stop_atr", 1.5, 0.1, 20, "stop, average true ranges from the entry"},
    [URGENCY] = {"urgency", 1, 0, 1, "0 waits for a better price, 1 pays the spread"},
    [MODEL_MARGIN] = {"model_margin", 0, 0, 100, "the model must agree by so much; 0: not asked"},
};

typedef struct symbol_state {
    int64_t session_open_ns; /* of the session that VWAP and window are of */
    ats_vwap vwap;
    ats_rsi rsi;
    ats_wilder range;
    double close; /* of the bar before; 0 = none */
    double z;     /* NaN = not known */
    float model_score;
    uint32_t count; /* bars of the session */
    double squares[WINDOW_MAX];
} symbol_state;

typedef struct mean_reversion {
    const double *p;
    int64_t open_ns[2], close_ns[2]; /* the session in hand, by `continuous` */
    const ats_strategy_symbol *symbols;
    symbol_state symbol[];
} mean_reversion;

static size_t state_bytes(const ats_strategy_setup *setup)
{
    return sizeof(mean_reversion) + (setup->symbol_count + 1) * sizeof(symbol_state);
}

static int init(void *state, const ats_strategy_setup *setup, char *why, size_t why_bytes)
{
    mean_reversion *m = state;
    (void)why;
    (void)why_bytes;
    m->p = setup->parameters;
    m->symbols = setup->symbols;
    return 0;
}

static void timeframes(const void *state, uint32_t out_s[8])
{
    out_s[0] = (uint32_t)((const mean_reversion *)state)->p[TIMEFRAME_S];
}

static void on_session(void *state, const ats_strategy_host *host, const ats_session_view *s)
{
    mean_reversion *m = state;
    (void)host;
    /* A closed stretch and the time before the open tell of a session to come: the bar that ends
     * the one before may be due yet. A bar that is the whole session comes after its close. */
    if (s->phase != ATS_VIEW_REGULAR && s->phase != ATS_VIEW_POST)
        return;
    m->open_ns[s->continuous] = s->open_ns;
    m->close_ns[s->continuous] = s->close_ns;
}

/* Sum of the squares of the last bars; short windows, and no sum that drifts. */
static double window_mean(const symbol_state *s, uint32_t window)
{
    double sum = 0;
    for (uint32_t i = 0; i < window; i++)
        sum += s->squares[(s->count - 1 - i) % window];
    return sum / window;
}

static void update(const mean_reversion *m, symbol_state *s, const ats_view_bar *b,
                   int64_t session_open_ns)
{
    double high = (double)b->high_e9 / 1e9, low = (double)b->low_e9 / 1e9;
    double close = (double)b->close_e9 / 1e9;
    uint32_t window = (uint32_t)m->p[WINDOW];
    if (s->session_open_ns != session_open_ns) {
        s->session_open_ns = session_open_ns;
        ats_vwap_reset(&s->vwap);
        s->count = 0;
    }
    if (s->close > 0) {
        ats_rsi_update(&s->rsi, close - s->close, (uint32_t)m->p[RSI_BARS]);
        ats_wilder_update(&s->range, ats_true_range(high, low, s->close), (uint32_t)m->p[ATR_BARS]);
    }
    s->close = close;
    ats_vwap_add(&s->vwap, (high + low + close) / 3, (double)b->volume_e9 / 1e9);
    double distance = close - ats_vwap_value(&s->vwap);
    s->squares[s->count % window] = distance * distance;
    s->count++;
    double spread = s->count >= window ? sqrt(window_mean(s, window)) : 0;
    s->z = spread > 0 ? distance / spread : NAN;
}

static bool ready(const mean_reversion *m, const symbol_state *s)
{
    return s->z == s->z && s->rsi.gain.seen >= (uint32_t)m->p[RSI_BARS] &&
           s->range.seen >= (uint32_t)m->p[ATR_BARS];
}

static void consider(const mean_reversion *m, const symbol_state *s, const ats_strategy_host *host,
                     uint32_t symbol)
{
    double rsi = ats_rsi_value(&s->rsi), margin = m->p[MODEL_MARGIN];
    bool buy = s->z < -m->p[ENTRY_Z] && rsi < m->p[RSI_LOW];
    bool sell = s->z > m->p[ENTRY_Z] && rsi > 100 - m->p[RSI_LOW];
    host->explain(host, symbol, "z", s->z);
    host->explain(host, symbol, "rsi", rsi);
    if (margin > 0) {
        host->explain(host, symbol, "model", (double)s->model_score);
        buy = buy && (double)s->model_score >= margin;
        sell = sell && (double)s->model_score <= -margin;
    }
    if (!buy && !sell)
        return;
    int64_t range_e9 = (int64_t)(s->range.value * 1e9);
    ats_entry entry = {.symbol = symbol,
                       .side = buy ? ATS_VIEW_BUY : ATS_VIEW_SELL,
                       .atr_e9 = range_e9,
                       .stop_distance_e9 = (int64_t)(s->range.value * m->p[STOP_ATR] * 1e9),
                       .score = buy ? -s->z : s->z,
                       .urgency = m->p[URGENCY],
                       .why = buy ? "below the VWAP" : "above the VWAP"};
    host->enter(host, &entry);
}

static void on_market(void *state, const ats_strategy_host *host, const ats_market_view *v)
{
    mean_reversion *m = state;
    symbol_state *s = &m->symbol[v->symbol];
    uint32_t kind = m->symbols[v->symbol].continuous;
    if (v->kind == ATS_VIEW_ACTION) {
        memset(s, 0, sizeof *s); /* overnight, and what is measured is of a day: begin again */
        return;
    }
    if (v->kind != ATS_VIEW_BAR || v->bar.period_s != (uint32_t)m->p[TIMEFRAME_S] ||
        v->bar.start_ns < m->open_ns[kind] || v->bar.start_ns >= m->close_ns[kind])
        return;
    update(m, s, &v->bar, m->open_ns[kind]);
    if (!ready(m, s))
        return;
    ats_position_view p;
    host->position(host, v->symbol, &p);
    if (p.qty_e9 == 0 && !p.entering)
        consider(m, s, host, v->symbol);
    else if (p.qty_e9 != 0 && !p.leaving && fabs(s->z) < m->p[EXIT_Z])
        host->leave(host, v->symbol, m->p[URGENCY], "back at the VWAP");
}

static void on_signal(void *state, const ats_strategy_host *host, const ats_signal_view *s)
{
    (void)host;
    ((mean_reversion *)state)->symbol[s->symbol].model_score = s->score;
}

const ats_strategy_plugin ats_strategy_mean_reversion = {
    .abi = ATS_STRATEGY_ABI,
    .bytes = sizeof(ats_strategy_plugin),
    .name = "mean_reversion",
    .help = "fades moves away from the session's VWAP, flat at the close",
    .wants = ATS_WANTS_BARS | ATS_WANTS_SIGNALS | ATS_WANTS_ACTIONS,
    .parameter_count = PARAMETER_COUNT,
    .parameters = PARAMETERS,
    .state_bytes = state_bytes,
    .init = init,
    .timeframes = timeframes,
    .on_market = on_market,
    .on_signal = on_signal,
    .on_session = on_session,
};
