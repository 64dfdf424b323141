#include "stages/feature/symbol.h"

#define MINUTE_NS 60000000000ll
#define DAY_NS    (1440 * MINUTE_NS)
#define BPS       1e4
#define FAST      20u
#define SLOW      100u
#define TRADES    50u
#define RETURNS   100u
#define WILDER    14u

static double from_e9(int64_t v_e9)
{
    return (double)v_e9 / 1e9;
}

/* ---- bars --------------------------------------------------------------------------------- */

static void close_bar(ats_timeframe *t)
{
    const ats_bar_builder *b = &t->bar;
    t->previous_close = t->last_close;
    t->last_close = b->close;
    t->last_range = b->high - b->low;
    t->last_volume = b->volume;
    t->close_5_before = t->recent[t->bars % 5];
    t->recent[t->bars % 5] = b->close;
    t->bars++;
    ats_rsi_update(&t->rsi, b->close, WILDER);
    ats_atr_update(&t->atr, b->high, b->low, b->close, WILDER);
    ats_window_update(&t->closes, b->close, ATS_WINDOW_MAX);
    ats_window_update(&t->volumes, b->volume, ATS_WINDOW_MAX);
    t->bar.start_ns = 0;
}

static void pass_time(ats_symbol_state *s, int64_t now_ns)
{
    if (ats_bar_is_over(&s->minute.bar, now_ns, MINUTE_NS))
        close_bar(&s->minute);
    if (ats_bar_is_over(&s->five_minutes.bar, now_ns, 5 * MINUTE_NS))
        close_bar(&s->five_minutes);
    int64_t day = now_ns / DAY_NS;
    if (day != s->day) {
        s->day = day;
        s->traded_value = s->traded_volume = 0;
    }
}

/* ---- ticks -------------------------------------------------------------------------------- */

void ats_symbol_quote(ats_symbol_state *s, const ats_quote *q)
{
    double bid = from_e9(q->bid_e9), ask = from_e9(q->ask_e9);
    double bid_size = from_e9(q->bid_size_e9), ask_size = from_e9(q->ask_size_e9);
    pass_time(s, q->h.recv_ns);
    bool two_sided = q->bid_e9 > 0 && q->ask_e9 > 0;
    if (two_sided) {
        double mid = (bid + ask) / 2;
        if (s->two_sided) {
            double flow = ats_order_flow(s->bid, s->bid_size, s->ask, s->ask_size, bid, bid_size,
                                         ask, ask_size);
            ats_ema_update(&s->flow, flow, FAST);
            ats_ema_update(&s->flow_size, flow < 0 ? -flow : flow, FAST);
            if (mid != s->mid) {
                double r = mid / s->mid - 1;
                ats_ema_update(&s->squared_return, r * r, RETURNS);
            }
        }
        ats_ema_update(&s->mid_fast, mid, FAST);
        ats_ema_update(&s->mid_slow, mid, SLOW);
        s->mid = mid;
        s->quotes++;
    }
    s->two_sided = two_sided;
    s->bid = bid;
    s->ask = ask;
    s->bid_size = bid_size;
    s->ask_size = ask_size;
}

/* +1 bought, -1 sold, 0 unknown: told by the venue, else the quote rule, at the mid the tick rule
 * (Lee and Ready 1991, without their five-second lag: quotes and trades are now in one order). */
static int trade_sign(const ats_symbol_state *s, const ats_trade *t, double px)
{
    if (t->aggressor != ATS_SIDE_NONE)
        return t->aggressor == ATS_SIDE_BUY ? 1 : -1;
    if (s->two_sided && px != s->mid)
        return px > s->mid ? 1 : -1;
    return s->last_tick;
}

void ats_symbol_trade(ats_symbol_state *s, const ats_trade *t)
{
    double px = from_e9(t->px_e9), qty = from_e9(t->qty_e9);
    pass_time(s, t->h.recv_ns);
    if (s->trades && px != s->last_price)
        s->last_tick = px > s->last_price ? 1 : -1;
    int sign = trade_sign(s, t, px);
    ats_ema_update(&s->signed_size, sign * qty, TRADES);
    ats_ema_update(&s->size, qty, TRADES);
    if (s->trades)
        ats_ema_update(&s->tick, px == s->last_price ? 0.0 : (double)s->last_tick, TRADES);
    double away = px > s->mid ? px - s->mid : s->mid - px;
    s->last_effective_spread = s->two_sided ? 2 * away / s->mid : NAN;
    s->last_price = px;
    s->trades++;
    s->traded_value += px * qty;
    s->traded_volume += qty;
    ats_bar_add(&s->minute.bar, t->h.recv_ns, MINUTE_NS, px, qty);
    ats_bar_add(&s->five_minutes.bar, t->h.recv_ns, 5 * MINUTE_NS, px, qty);
}

/* ---- the vector --------------------------------------------------------------------------- */

static double ratio(double a, double b)
{
    return b > 0 ? a / b : NAN;
}

static double bps_from(double x, double reference)
{
    return reference > 0 ? (x / reference - 1) * BPS : NAN;
}

static void bar_features(const ats_symbol_state *s, float *f)
{
    const ats_timeframe *m = &s->minute, *five = &s->five_minutes;
    f[ATS_FEATURE_return_1m_bps] =
        (float)(m->bars >= 2 ? bps_from(m->last_close, m->previous_close) : NAN);
    f[ATS_FEATURE_return_5x1m_bps] =
        (float)(m->bars >= 6 ? bps_from(m->last_close, m->close_5_before) : NAN);
    f[ATS_FEATURE_range_1m_bps] = (float)(m->bars >= 1 ? m->last_range / m->last_close * BPS : NAN);
    f[ATS_FEATURE_volume_ratio_1m] =
        (float)ratio(m->last_volume, ats_window_mean(&m->volumes, ATS_WINDOW_MAX));
    f[ATS_FEATURE_rsi14_1m] = (float)ats_rsi_value(&m->rsi, WILDER);
    f[ATS_FEATURE_sma20_1m_bps] =
        (float)bps_from(s->mid, ats_window_mean(&m->closes, ATS_WINDOW_MAX));
    f[ATS_FEATURE_atr14_1m_bps] = (float)(ats_atr_value(&m->atr, WILDER) / m->last_close * BPS);
    f[ATS_FEATURE_return_5m_bps] =
        (float)(five->bars >= 2 ? bps_from(five->last_close, five->previous_close) : NAN);
    f[ATS_FEATURE_rsi14_5m] = (float)ats_rsi_value(&five->rsi, WILDER);
}

static void tick_features(const ats_symbol_state *s, float *f)
{
    double mid = s->mid, sizes = s->bid_size + s->ask_size;
    double micro = (s->bid * s->ask_size + s->ask * s->bid_size) / sizes;
    f[ATS_FEATURE_spread_bps] = (float)((s->ask - s->bid) / mid * BPS);
    f[ATS_FEATURE_microprice_bps] = (float)(sizes > 0 ? (micro - mid) / mid * BPS : NAN);
    f[ATS_FEATURE_queue_imbalance] = (float)ratio(s->bid_size - s->ask_size, sizes);
    f[ATS_FEATURE_mid_ema20_bps] = (float)bps_from(mid, ats_ema_value(&s->mid_fast, FAST));
    f[ATS_FEATURE_mid_ema100_bps] = (float)bps_from(mid, ats_ema_value(&s->mid_slow, SLOW));
    f[ATS_FEATURE_order_flow_imbalance] =
        (float)ratio(ats_ema_value(&s->flow, FAST), s->flow_size.value);
    f[ATS_FEATURE_trade_flow_imbalance] =
        (float)ratio(ats_ema_value(&s->signed_size, TRADES), s->size.value);
    f[ATS_FEATURE_tick_imbalance] = (float)ats_ema_value(&s->tick, TRADES);
    f[ATS_FEATURE_effective_spread_bps] = (float)(s->trades ? s->last_effective_spread * BPS : NAN);
    f[ATS_FEATURE_volatility_bps] = (float)(sqrt(ats_ema_value(&s->squared_return, RETURNS)) * BPS);
    f[ATS_FEATURE_vwap_distance_bps] =
        (float)(s->traded_volume > 0 ? bps_from(mid, s->traded_value / s->traded_volume) : NAN);
}

uint32_t ats_symbol_vector(const ats_symbol_state *s, float *f)
{
    uint32_t ready = 0;
    if (s->two_sided) {
        tick_features(s, f);
        bar_features(s, f);
    } else {
        for (uint32_t i = 0; i < ATS_FEATURE_COUNT; i++)
            f[i] = NAN;
    }
    for (uint32_t i = 0; i < ATS_FEATURE_COUNT; i++)
        ready += f[i] == f[i];
    return ready;
}
