/* Groups 8 to 11: exposure, the broker's rules, risk, loss. */
#include "stages/risk/gate_case.h"

#define E9_PER_CENT 10000000

/* ---- 8: exposure ---------------------------------------------------------------------------- */

static ats_check check_reducing(gate_case *c)
{
    int64_t held = c->v->position_e9;
    int64_t room = c->buy ? -held - c->v->open_buy_e9 : held - c->v->open_sell_e9;
    if (c->i->qty_e9 > room)
        return gate_refuse(c, ATS_CHECK_NOT_REDUCING, c->i->qty_e9, room > 0 ? room : 0);
    return ATS_CHECK_PASS;
}

/* What this order adds to a sum of values. */
static ats_money_e18 added(const gate_case *c, int64_t qty_e9)
{
    return ats_money_product(c->unit_e9, qty_e9);
}

static ats_check check_position(gate_case *c)
{
    const ats_risk_limits *l = &c->g->limits;
    int64_t after = c->buy ? c->v->position_e9 + c->v->open_buy_e9 + c->i->qty_e9
                           : c->v->position_e9 - c->v->open_sell_e9 - c->i->qty_e9;
    ats_money_e18 size = added(c, gate_magnitude(after));
    if (ats_money_exceeds(size, c->equity_e18, l->max_position_bps))
        return gate_refuse_share(c, ATS_CHECK_POSITION, size, l->max_position_bps);
    c->sums->position_e18 = size;
    c->sums->position_bps = l->max_position_bps;
    return ATS_CHECK_PASS;
}

static ats_check check_net(gate_case *c)
{
    uint32_t bps = c->g->limits.max_net_bps;
    ats_money_e18 own = added(c, c->i->qty_e9);
    ats_money_e18 after = c->buy ? c->g->up_e18 + own : -(c->g->down_e18 - own);
    if (ats_money_exceeds(after, c->equity_e18, bps))
        return gate_refuse_share(c, ATS_CHECK_NET, after, bps);
    return ATS_CHECK_PASS;
}

static ats_check check_sums(gate_case *c)
{
    const ats_gate *g = c->g;
    const ats_risk_limits *l = &g->limits;
    ats_money_e18 own = added(c, c->grows_e9);
    if (ats_money_exceeds(g->gross_e18 + own, c->equity_e18, l->max_gross_bps))
        return gate_refuse_share(c, ATS_CHECK_GROSS, g->gross_e18 + own, l->max_gross_bps);
    ats_check check = check_net(c);
    if (check != ATS_CHECK_PASS)
        return check;
    if (c->shorted_e9 > 0) {
        ats_money_e18 after = g->short_e18 + added(c, c->shorted_e9);
        if (ats_money_exceeds(after, c->equity_e18, g->short_bps))
            return gate_refuse_share(c, ATS_CHECK_SHORT, after, g->short_bps);
    }
    if (c->s->sector) {
        ats_money_e18 after = g->sector_e18[c->s->sector] + own;
        if (ats_money_exceeds(after, c->equity_e18, l->max_sector_bps))
            return gate_refuse_share(c, ATS_CHECK_CONCENTRATION, after, l->max_sector_bps);
    }
    uint32_t symbols = g->active_symbols + !c->s->active;
    if (symbols > l->max_positions)
        return gate_refuse(c, ATS_CHECK_POSITION_COUNT, symbols, l->max_positions);
    return ATS_CHECK_PASS;
}

ats_check gate_check_exposure(gate_case *c)
{
    if (c->i->action == ATS_INTENT_REPLACE && !c->target)
        return ATS_CHECK_REPLACE_TARGET;
    if (c->reduces)
        return check_reducing(c);
    if (c->grows_e9 == 0)
        return ATS_CHECK_PASS;
    ats_check check = check_position(c);
    return check != ATS_CHECK_PASS ? check : check_sums(c);
}

/* ---- 9: the broker's rules ------------------------------------------------------------------ */

static ats_check check_short_sale(gate_case *c)
{
    const ats_gate_symbol *s = c->s;
    if (s->not_shortable || c->g->limits.account_type == ATS_ACCOUNT_CASH)
        return ATS_CHECK_SHORTABLE;
    if (!c->equity_class)
        return ATS_CHECK_PASS;
    if (c->i->qty_e9 % ATS_E9 != 0)
        return gate_refuse(c, ATS_CHECK_SHORT_LOT, c->i->qty_e9 % ATS_E9, ATS_E9);
    /* A market order, and a stop when it triggers, sells at the bid. */
    bool above_bid = c->i->limit_e9 > s->bid_e9;
    if (c->now_ns < s->short_restricted_until_ns && !above_bid)
        return gate_refuse(c, ATS_CHECK_SHORT_SALE_RULE, c->price_e9, s->bid_e9);
    return ATS_CHECK_PASS;
}

static ats_check check_through_zero(gate_case *c)
{
    int64_t held = c->v->position_e9, qty = c->i->qty_e9;
    bool through = c->buy ? held < 0 && qty > -held : held > 0 && qty > held;
    if (through)
        return gate_refuse(c, ATS_CHECK_THROUGH_ZERO, qty, gate_magnitude(held));
    return ATS_CHECK_PASS;
}

/* What must be paid for in full takes as much of the equity as it costs; the rest, as much less as
 * the credit goes. */
static ats_check check_buying_power(gate_case *c)
{
    const ats_gate *g = c->g;
    uint32_t bps = g->limits.buying_power_bps;
    ats_money_e18 own = added(c, c->grows_e9);
    ats_money_e18 full = g->no_credit_e18 + (c->s->no_credit ? own : 0);
    ats_money_e18 part = g->gross_e18 + own - full;
    uint32_t weight = bps > 10000 ? bps : 10000;
    bool fits = c->equity_e18 > 0 && full < ATS_MONEY_MAX_E18 && part < ATS_MONEY_MAX_E18 &&
                c->equity_e18 < ATS_MONEY_MAX_E18;
    if (fits && part * 10000 + full * weight <= c->equity_e18 * bps)
        return ATS_CHECK_PASS;
    return gate_refuse_share(c, ATS_CHECK_BUYING_POWER, part + full, bps);
}

static ats_check check_settled_cash(gate_case *c)
{
    const ats_gate *g = c->g;
    if (!c->buy)
        return ATS_CHECK_PASS;
    ats_money_e18 cost = g->open_cost_e18 + added(c, c->i->qty_e9);
    ats_money_e18 settled = g->portfolio->cash_e18 - g->unsettled_e18[0] - g->unsettled_e18[1];
    if (cost > settled)
        return gate_refuse(c, ATS_CHECK_SETTLED_CASH, ats_money_round_e9(cost),
                           ats_money_round_e9(settled));
    return ATS_CHECK_PASS;
}

/* Each symbol opened today may come to be a day trade. */
static ats_check check_pattern(gate_case *c)
{
    uint32_t trades = c->g->day_entries + !c->s->may_day_trade;
    for (uint32_t i = 0; i < ATS_DAY_TRADE_DAYS; i++)
        trades += c->g->day_trades[i];
    if (trades > c->g->limits.pattern_day_trades)
        return gate_refuse(c, ATS_CHECK_PATTERN_DAY_TRADE, trades, c->g->limits.pattern_day_trades);
    return ATS_CHECK_PASS;
}

static ats_check check_intraday_margin(gate_case *c)
{
    const ats_gate *g = c->g;
    const ats_risk_limits *l = &g->limits;
    ats_money_e18 shorted = g->short_e18 + added(c, c->shorted_e9);
    ats_money_e18 gross = g->gross_e18 + added(c, c->grows_e9);
    ats_money_e18 longs = gross > shorted ? gross - shorted : 0;
    if (gross < ATS_MONEY_MAX_E18 && c->equity_e18 < ATS_MONEY_MAX_E18 &&
        longs * l->maintenance_long_bps + shorted * l->maintenance_short_bps <=
            c->equity_e18 * 10000)
        return ATS_CHECK_PASS;
    ats_money_e18 needed = ats_money_bps(longs, l->maintenance_long_bps) +
                           ats_money_bps(shorted, l->maintenance_short_bps);
    return gate_refuse(c, ATS_CHECK_INTRADAY_MARGIN, ats_money_round_e9(needed), c->equity_e9);
}

ats_check gate_check_broker(gate_case *c)
{
    if (c->reduces)
        return ATS_CHECK_PASS;
    ats_check check = ATS_CHECK_PASS;
    bool margin = c->g->limits.account_type == ATS_ACCOUNT_MARGIN;
    if (c->equity_class)
        check = check_through_zero(c);
    if (check == ATS_CHECK_PASS && c->shorted_e9 > 0)
        check = check_short_sale(c);
    if (check == ATS_CHECK_PASS && !margin)
        check = check_settled_cash(c);
    if (check != ATS_CHECK_PASS || c->grows_e9 == 0)
        return check;
    if (margin)
        check = check_buying_power(c);
    if (check == ATS_CHECK_PASS && gate_pattern_rule_holds(c))
        check = check_pattern(c);
    if (check == ATS_CHECK_PASS && gate_intraday_rule_holds(c))
        check = check_intraday_margin(c);
    return check;
}

/* ---- 10: risk ------------------------------------------------------------------------------- */

static ats_check check_matrix(gate_case *c)
{
    const ats_gate *g = c->g;
    const ats_risk_limits *l = &g->limits;
    int64_t up = c->v->position_e9 + c->v->open_buy_e9 + (c->buy ? c->i->qty_e9 : 0);
    int64_t down = c->v->position_e9 - c->v->open_sell_e9 - (c->buy ? 0 : c->i->qty_e9);
    int64_t worst = gate_worst_e9(up, down);
    int64_t cents = ats_money_round_e9(added(c, worst)) / E9_PER_CENT;
    ats_covariance_look look = ats_covariance_at(g->covariance, c->i->h.symbol_id, cents);
    if (ats_covariance_exceeds(&look, c->equity_e9, l->max_portfolio_risk_bps))
        return gate_refuse(c, ATS_CHECK_PORTFOLIO_RISK, ats_covariance_deviation_e9(&look),
                           gate_bps_e9(c->equity_e9, l->max_portfolio_risk_bps));
    if (look.correlated_with)
        return gate_refuse(c, ATS_CHECK_CORRELATION, look.correlation_bps, l->max_correlation_bps);
    return ATS_CHECK_PASS;
}

ats_check gate_check_risk(gate_case *c)
{
    ats_gate *g = c->g;
    if (c->reduces)
        return ATS_CHECK_PASS;
    int64_t distance = c->i->stop_distance_e9;
    if (distance <= 0 && c->i->stop_leg_e9 > 0)
        distance = gate_magnitude(c->price_e9 - c->i->stop_leg_e9);
    /* No stop: the whole notional is at risk. */
    ats_money_e18 risk = distance > 0 ? ats_money_product(distance, c->i->qty_e9) : c->notional_e18;
    c->sums->risk_e18 = risk;
    if (ats_money_exceeds(risk, c->equity_e18, g->limits.max_risk_per_trade_bps))
        return gate_refuse_share(c, ATS_CHECK_RISK_PER_TRADE, risk,
                                 g->limits.max_risk_per_trade_bps);
    if (c->grows_e9 == 0)
        return ATS_CHECK_PASS;
    if (ats_covariance_knows(g->covariance, c->i->h.symbol_id))
        return check_matrix(c);
    g->without_covariance++;
    return ATS_CHECK_PASS;
}

/* ---- 11: loss ------------------------------------------------------------------------------- */

ats_check gate_check_loss(gate_case *c)
{
    const ats_gate *g = c->g;
    const ats_risk_limits *l = &g->limits;
    const ats_portfolio *p = g->portfolio;
    if (c->reduces)
        return ATS_CHECK_PASS;
    if (g->drawdown_latched ||
        ats_money_exceeds(c->drawdown_e18, p->high_water_e18, l->max_drawdown_bps)) {
        ats_money_e18 high = p->high_water_e18 > 0 ? p->high_water_e18 : 0;
        return gate_refuse(c, ATS_CHECK_DRAWDOWN, ats_money_round_e9(c->drawdown_e18),
                           ats_money_round_e9(ats_money_bps(high, l->max_drawdown_bps)));
    }
    if (p->loss_streak >= l->max_loss_streak)
        return gate_refuse(c, ATS_CHECK_LOSS_STREAK, p->loss_streak, l->max_loss_streak);
    if (g->day_fills >= l->max_day_trades)
        return gate_refuse(c, ATS_CHECK_DAY_TRADES, (int64_t)g->day_fills, l->max_day_trades);
    return ATS_CHECK_PASS;
}
