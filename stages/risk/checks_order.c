/* Groups 1 to 7: the state of things, the market, price, size, repeats, rates, own orders. */
#include "stages/risk/gate_case.h"

/* ---- the order itself ----------------------------------------------------------------------- */

static bool price_fits(int64_t px_e9, bool wanted)
{
    return wanted ? px_e9 > 0 && px_e9 <= ATS_VALUE_MAX_E9 : px_e9 == 0;
}

static bool prices_fit(const ats_intent *i)
{
    bool limit = i->type == ATS_ORDER_LIMIT || i->type == ATS_ORDER_STOP_LIMIT;
    bool stop = i->type == ATS_ORDER_STOP || i->type == ATS_ORDER_STOP_LIMIT;
    return price_fits(i->limit_e9, limit) && price_fits(i->stop_e9, stop) &&
           price_fits(i->trail_e9, i->type == ATS_ORDER_TRAILING_STOP);
}

static bool legs_fit(const ats_intent *i)
{
    bool reduces =
        i->intent_flags & (ATS_INTENT_REDUCE_ONLY | ATS_INTENT_PROTECTIVE | ATS_INTENT_EMERGENCY);
    bool target = price_fits(i->target_e9, true), stop = price_fits(i->stop_leg_e9, true);
    bool no_target = i->target_e9 == 0, no_stop = i->stop_leg_e9 == 0;
    if (!price_fits(i->stop_leg_limit_e9, i->stop_leg_limit_e9 != 0 && stop))
        return false;
    switch (i->order_class) {
    case ATS_ORDER_CLASS_SIMPLE:
        return no_target && no_stop;
    case ATS_ORDER_CLASS_BRACKET:
        return target && stop && !reduces;
    case ATS_ORDER_CLASS_OCO:
        return i->type == ATS_ORDER_LIMIT && stop && (no_target || i->target_e9 == i->limit_e9);
    case ATS_ORDER_CLASS_OTO:
        return ((target && no_stop) || (no_target && stop)) && !reduces;
    default:
        return false;
    }
}

ats_check gate_check_form(const ats_gate *g, const ats_intent *i)
{
    if (i->h.symbol_id == 0 || i->h.symbol_id > g->symbols->count)
        return ATS_CHECK_UNKNOWN_SYMBOL;
    if (g->symbol[i->h.symbol_id].symbol_class == ATS_CLASS_CRYPTO_INVERSE)
        return ATS_CHECK_INSTRUMENT;
    bool ok = (i->side == ATS_SIDE_BUY || i->side == ATS_SIDE_SELL) && i->qty_e9 > 0 &&
              i->qty_e9 <= ATS_VALUE_MAX_E9 && i->type >= ATS_ORDER_LIMIT &&
              i->type <= ATS_ORDER_TRAILING_STOP && i->tif >= ATS_TIF_DAY &&
              i->tif <= ATS_TIF_CLS && i->strategy_id < ATS_GATE_STRATEGIES && i->intent_id != 0 &&
              i->intent_id <= UINT64_MAX - ATS_LEG_IDS;
    return ok && prices_fit(i) && legs_fit(i) ? ATS_CHECK_PASS : ATS_CHECK_MALFORMED;
}

/* ---- 1: the state of things ----------------------------------------------------------------- */

/* Equities: orders that wait for an auction or the next session may be given at any time. A daily
 * bar comes at the close: what is decided on it can only be for the next session. */
static bool may_trade_now(const gate_case *c)
{
    uint32_t phase = c->g->phase;
    const ats_intent *i = c->i;
    if (!c->equity_class || phase == ATS_PHASE_REGULAR)
        return true;
    if (i->tif == ATS_TIF_OPG || i->tif == ATS_TIF_CLS || i->tif == ATS_TIF_GTC ||
        (i->intent_flags & ATS_INTENT_PROTECTIVE) || c->s->daily_bars)
        return true;
    return (i->intent_flags & ATS_INTENT_EXTENDED) && c->resting_limit && phase != ATS_PHASE_CLOSED;
}

ats_check gate_check_state(gate_case *c)
{
    const ats_gate *g = c->g;
    if (c->switches->killed || g->latch == ATS_LATCH_FREEZE)
        return ATS_CHECK_KILLED;
    if (!c->reduces) {
        if (g->latch == ATS_LATCH_HALT)
            return ATS_CHECK_HALT_LATCH;
        if (g->paused)
            return ATS_CHECK_PAUSED;
        if (c->strategy->paused)
            return ATS_CHECK_STRATEGY_PAUSED;
        if (c->switches->storage_short)
            return ATS_CHECK_TAP_CREDIT;
    }
    if (!g->reconciled)
        return ATS_CHECK_UNRECONCILED;
    if (!may_trade_now(c))
        return gate_refuse(c, ATS_CHECK_SESSION, g->phase, ATS_PHASE_REGULAR);
    if (c->s->restricted && !c->reduces)
        return ATS_CHECK_RESTRICTED;
    return ATS_CHECK_PASS;
}

/* ---- 2: the market -------------------------------------------------------------------------- */

ats_check gate_check_market(gate_case *c)
{
    const ats_gate_symbol *s = c->s;
    /* A quote is marked when its data cannot be trusted: a way out stays open. */
    if (s->halted || ((s->quote_flags & ATS_QUOTE_HALTED) && !c->reduces))
        return ATS_CHECK_HALTED;
    if (s->market_ns == 0 || s->bid_e9 <= 0 || s->ask_e9 <= 0)
        return ATS_CHECK_NO_MARKET;
    int64_t limit_ns = c->g->limits.max_data_age_ms * GATE_MS_NS;
    if (c->v->age_ns > limit_ns && !c->reduces)
        return gate_refuse(c, ATS_CHECK_STALE_MARKET, c->v->age_ns, limit_ns);
    /* What a stop does is decided when it triggers. */
    if (!c->stops) {
        if (c->buy && s->band_high_e9 > 0 && c->price_e9 > s->band_high_e9)
            return gate_refuse(c, ATS_CHECK_LULD_BAND, c->price_e9, s->band_high_e9);
        if (!c->buy && c->price_e9 < s->band_low_e9)
            return gate_refuse(c, ATS_CHECK_LULD_BAND, c->price_e9, s->band_low_e9);
    }
    if (s->bid_e9 >= s->ask_e9 && !s->bars_only && !c->reduces)
        return gate_refuse(c, ATS_CHECK_CROSSED, s->bid_e9 - s->ask_e9, 0);
    return ATS_CHECK_PASS;
}

/* ---- 3: price ------------------------------------------------------------------------------- */

static ats_check check_tick(gate_case *c, int64_t px_e9)
{
    if (px_e9 == 0)
        return ATS_CHECK_PASS;
    int64_t tick = gate_tick_e9(c->s, px_e9);
    if (px_e9 % tick != 0)
        return gate_refuse(c, ATS_CHECK_TICK, px_e9 % tick, tick);
    return ATS_CHECK_PASS;
}

static ats_check check_ticks(gate_case *c)
{
    const ats_intent *i = c->i;
    ats_check check = check_tick(c, i->limit_e9);
    if (check == ATS_CHECK_PASS && c->stops)
        check = check_tick(c, i->stop_e9 ? i->stop_e9 : i->trail_e9);
    if (i->order_class == ATS_ORDER_CLASS_SIMPLE)
        return check;
    const int64_t legs[] = {i->target_e9, i->stop_leg_e9, i->stop_leg_limit_e9};
    for (uint32_t k = 0; check == ATS_CHECK_PASS && k < 3; k++)
        check = check_tick(c, legs[k]);
    return check;
}

/* A buy stop lies above the offer, a sell stop below the bid: else it is a market order. */
static bool stop_is_ahead(const gate_case *c, bool buy, int64_t stop_e9)
{
    return buy ? stop_e9 > c->s->ask_e9 : stop_e9 < c->s->bid_e9;
}

static int64_t beyond(bool buy, int64_t px_e9, int64_t base_e9)
{
    return buy ? px_e9 - base_e9 : base_e9 - px_e9;
}

/* Only paying worse than the market is a danger: above the offer, or below the bid. */
static ats_check check_collar(gate_case *c, bool buy, int64_t px_e9, int64_t base_e9)
{
    int64_t bps = (int64_t)c->g->limits.collar_bps * (c->reduces ? 2 : 1);
    int64_t worse = beyond(buy, px_e9, base_e9);
    if ((__int128)worse * 10000 > (__int128)base_e9 * bps)
        return gate_refuse(c, ATS_CHECK_COLLAR, worse, (int64_t)((__int128)base_e9 * bps / 10000));
    return ATS_CHECK_PASS;
}

/* A target lies on the gaining side of its head, a stop on the losing side; the stop of an OCO pair
 * on the other side of the market. */
static ats_check check_legs(gate_case *c)
{
    const ats_intent *i = c->i;
    bool oco = i->order_class == ATS_ORDER_CLASS_OCO, leg_buys = oco ? c->buy : !c->buy;
    if (!oco && i->target_e9 && beyond(c->buy, i->target_e9, c->price_e9) <= 0)
        return gate_refuse(c, ATS_CHECK_LEG_PRICE, i->target_e9, c->price_e9);
    if (!oco && i->stop_leg_e9 && beyond(c->buy, i->stop_leg_e9, c->price_e9) >= 0)
        return gate_refuse(c, ATS_CHECK_LEG_PRICE, i->stop_leg_e9, c->price_e9);
    if (oco && !stop_is_ahead(c, leg_buys, i->stop_leg_e9))
        return gate_refuse(c, ATS_CHECK_LEG_PRICE, i->stop_leg_e9, c->reference_e9);
    if (oco && beyond(leg_buys, i->stop_leg_e9, i->limit_e9) <= 0)
        return gate_refuse(c, ATS_CHECK_LEG_PRICE, i->stop_leg_e9, i->limit_e9);
    if (i->stop_leg_limit_e9)
        return check_collar(c, leg_buys, i->stop_leg_limit_e9, i->stop_leg_e9);
    return ATS_CHECK_PASS;
}

ats_check gate_check_price(gate_case *c)
{
    const ats_gate_symbol *s = c->s;
    ats_check check = check_ticks(c);
    if (check != ATS_CHECK_PASS)
        return check;
    if (c->price_e9 <= 0) /* trails by more than the price */
        return gate_refuse(c, ATS_CHECK_STOP_SIDE, c->price_e9, 0);
    if (c->stops && !stop_is_ahead(c, c->buy, c->i->stop_e9 ? c->i->stop_e9 : c->price_e9))
        return gate_refuse(c, ATS_CHECK_STOP_SIDE, c->price_e9, c->reference_e9);
    if (c->i->order_class != ATS_ORDER_CLASS_SIMPLE) {
        check = check_legs(c);
        if (check != ATS_CHECK_PASS)
            return check;
    }
    if (c->i->limit_e9) {
        check = check_collar(c, c->buy, c->i->limit_e9, c->base_e9);
        if (check != ATS_CHECK_PASS)
            return check;
    }
    if (c->v->slow_e9 > 0 && !c->reduces) {
        int64_t moved = gate_magnitude(c->reference_e9 - s->slow_e9);
        uint32_t bps = c->g->limits.max_drift_bps;
        if ((__int128)moved * 10000 > (__int128)s->slow_e9 * bps)
            return gate_refuse(c, ATS_CHECK_DRIFT, moved,
                               (int64_t)((__int128)s->slow_e9 * bps / 10000));
    }
    return ATS_CHECK_PASS;
}

/* ---- 4: size -------------------------------------------------------------------------------- */

ats_check gate_check_size(gate_case *c)
{
    const ats_risk_limits *l = &c->g->limits;
    int64_t qty = c->i->qty_e9, lot = c->s->lot_e9;
    /* What is held can always be closed whole, whatever it was filled in. */
    bool whole = c->reduces && qty == gate_magnitude(c->v->position_e9);
    if (qty % lot != 0 && !whole)
        return gate_refuse(c, ATS_CHECK_LOT, qty % lot, lot);
    if (qty < l->min_order_qty_e9 && !c->reduces)
        return gate_refuse(c, ATS_CHECK_MIN_QTY, qty, l->min_order_qty_e9);
    /* Nor does a limit that was made smaller since, or in safe mode, hold a position in. */
    if (c->reduces)
        return ATS_CHECK_PASS;
    if (qty > l->max_order_qty_e9)
        return gate_refuse(c, ATS_CHECK_MAX_QTY, qty, l->max_order_qty_e9);
    if (c->notional_e18 < ats_money_from_e9(l->min_order_notional_e9))
        return gate_refuse(c, ATS_CHECK_MIN_NOTIONAL, ats_money_round_e9(c->notional_e18),
                           l->min_order_notional_e9);
    if (c->notional_e18 > ats_money_from_e9(l->max_order_notional_e9))
        return gate_refuse(c, ATS_CHECK_MAX_NOTIONAL, ats_money_round_e9(c->notional_e18),
                           l->max_order_notional_e9);
    if (qty > c->s->max_volume_e9)
        return gate_refuse(c, ATS_CHECK_VOLUME_SHARE, qty, c->s->max_volume_e9);
    return ATS_CHECK_PASS;
}

/* ---- 5, 6: repeats and rates ---------------------------------------------------------------- */

static ats_check check_throttle(gate_case *c)
{
    const ats_intent *i = c->i;
    uint32_t most = c->g->limits.max_repeats;
    if (c->strategy->tripped)
        return gate_refuse(c, ATS_CHECK_THROTTLE, 0, most);
    c->repeats = ats_repeats_at(c->g->repeats, i->strategy_id, i->h.symbol_id, i->side, c->now_ns,
                                c->g->repeat_step_ns);
    uint32_t count = ats_repeats_sum(c->repeats);
    if (count < most)
        return ATS_CHECK_PASS;
    c->strategy->tripped = true;
    gate_tell(c->g, ATS_ENV_THROTTLE, i->strategy_id, (int64_t)count + 1);
    return gate_refuse(c, ATS_CHECK_THROTTLE, (int64_t)count + 1, most);
}

/* Entries leave the last fifth of the account's burst to cancels and to orders that reduce. Of a
 * symbol's and a strategy's what reduces has a second burst: eight entries of one moment want eight
 * stops a moment later. */
static int64_t tolerance_ns(const gate_case *c, int64_t interval_ns, bool shared)
{
    int64_t burst = c->g->limits.order_burst;
    if (!shared && c->reduces)
        burst *= 2;
    if (shared && !c->reduces && burst > 1)
        burst -= (burst + 4) / 5;
    return interval_ns * (burst - 1);
}

static ats_check check_rate(gate_case *c, ats_check check, int64_t at_ns, int64_t tolerance)
{
    int64_t ahead = ats_rate_ahead_ns(at_ns, c->now_ns);
    if (ahead > tolerance)
        return gate_refuse(c, check, ahead, tolerance);
    return ATS_CHECK_PASS;
}

ats_check gate_check_repeats(gate_case *c)
{
    const ats_gate *g = c->g;
    ats_check check = ATS_CHECK_PASS;
    if (c->emergency)
        return check;
    if (!c->reduces) {
        int64_t window_ns = g->limits.duplicate_window_ms * GATE_MS_NS;
        int64_t last_ns = ats_recent_find(g->recent, c->hash);
        if (last_ns && c->now_ns - last_ns < window_ns)
            return gate_refuse(c, ATS_CHECK_DUPLICATE, c->now_ns - last_ns, window_ns);
        check = check_throttle(c);
    }
    if (check == ATS_CHECK_PASS)
        check = check_rate(c, ATS_CHECK_RATE_SYMBOL, c->s->rate_at_ns,
                           tolerance_ns(c, g->symbol_interval_ns, false));
    if (check == ATS_CHECK_PASS)
        check = check_rate(c, ATS_CHECK_RATE_STRATEGY, c->strategy->rate_at_ns,
                           tolerance_ns(c, g->strategy_interval_ns, false));
    if (check == ATS_CHECK_PASS)
        check = check_rate(c, ATS_CHECK_RATE, g->rate_at_ns, tolerance_ns(c, g->interval_ns, true));
    return check;
}

/* ---- 7: own orders -------------------------------------------------------------------------- */

/* Would the two meet? Market and stop orders meet at any price; a leg that waits for its head does
 * not rest, and an order that is being replaced is judged by its replacement. */
ats_check gate_check_own(gate_case *c)
{
    const ats_gate *g = c->g;
    if (c->s->open_orders[c->buy] == 0)
        return ATS_CHECK_PASS;
    const ats_order_entry *e = ats_order_table_first(g->open, c->i->h.symbol_id);
    for (; e; e = ats_order_table_next(g->open, e)) {
        if (e->side == c->i->side || gate_order(g, e)->held || e == c->target)
            continue;
        bool any_price = e->type != ATS_ORDER_LIMIT || !c->resting_limit;
        if (any_price || (c->buy ? c->price_e9 >= e->limit_e9 : c->price_e9 <= e->limit_e9))
            return gate_refuse(c, ATS_CHECK_SELF_MATCH, c->price_e9, e->limit_e9);
    }
    return ATS_CHECK_PASS;
}
