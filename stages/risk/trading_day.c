/* What time brings: trading days, sessions, settlement, limits that fall back. */
#include "stages/risk/gate_case.h"

/* From these dates on (yyyymmdd): sales settle on the next session instead of the one after (SEC
 * Rule 15c6-1), and margin is watched all day instead of day trades counted (FINRA Rule 4210). */
#define T_PLUS_ONE_FROM      20240528u
#define INTRADAY_MARGIN_FROM 20260604u

#define EXPIRIES_PER_RECORD 4u

static const ats_calendar *calendar_of(const ats_gate *g)
{
    return g->equities ? g->calendar : &ats_calendar_continuous;
}

/* ---- days ----------------------------------------------------------------------------------- */

static void accrue_borrow(ats_gate *g, uint32_t days)
{
    if (!g->reference || !g->reference->entry)
        return;
    for (uint32_t id = 1; id <= g->symbols->count; id++)
        if (g->portfolio->holdings[id].qty_e9 < 0)
            ats_portfolio_accrue_borrow(g->portfolio, id, g->reference->entry[id].borrow_rate_bps,
                                        days);
}

/* One session has passed. */
static void pass_session(ats_gate *g)
{
    g->unsettled_e18[0] = g->unsettled_e18[1];
    g->unsettled_e18[1] = 0;
    for (uint32_t i = ATS_DAY_TRADE_DAYS - 1; i > 0; i--)
        g->day_trades[i] = g->day_trades[i - 1];
    g->day_trades[0] = 0;
}

static void begin_symbols(ats_gate *g)
{
    for (uint32_t id = 1; id <= g->symbols->count; id++) {
        ats_gate_symbol *s = &g->symbol[id];
        s->opened_today_e9 = 0;
        s->day_traded_by = 0;
        gate_watch_day_trade(g, s);
    }
}

static void begin_day(ats_gate *g, int64_t now_ns)
{
    const ats_calendar *calendar = calendar_of(g);
    int64_t local_ns = now_ns + ats_calendar_offset_s(calendar, now_ns) * ATS_SECOND_NS;
    uint32_t date = ats_date_of_ns(local_ns);
    if (g->day != 0) {
        int64_t days = ats_date_days(date) - ats_date_days(g->day);
        accrue_borrow(g, days > 0 ? (uint32_t)days : 0);
        uint32_t sessions =
            ats_calendar_days(calendar, ats_date_add(g->day, 1), ats_date_add(date, 1));
        /* All that is remembered has left after as many. */
        sessions = sessions < ATS_DAY_TRADE_DAYS ? sessions : ATS_DAY_TRADE_DAYS;
        for (; sessions > 0; sessions--)
            pass_session(g);
    }
    g->day = date;
    g->day_end_ns = ats_calendar_utc_ns(calendar, ats_date_ns(ats_date_add(date, 1)));
    if (g->day_end_ns <= now_ns) /* where clocks are set at midnight */
        g->day_end_ns = now_ns + ATS_DAY_NS;
    g->day_fills = 0;
    g->drawdown_latched = g->streak_told = false;
    g->portfolio->loss_streak = 0;
    ats_portfolio_new_day(g->portfolio);
    begin_symbols(g);
    if (g->safe_by_drawdown) {
        g->safe_by_drawdown = false;
        gate_apply_limits(g);
        gate_tell(g, ATS_ENV_SAFE_MODE, 1, g->safe_by_hand);
    }
}

/* ---- limits --------------------------------------------------------------------------------- */

/* Lets what is over fall back; the next moment at which one does. */
static int64_t expire_limits(ats_gate *g, int64_t now_ns)
{
    int64_t next = INT64_MAX;
    uint32_t fallen = 0;
    for (uint32_t id = 0; id < ATS_LIMIT_COUNT; id++) {
        ats_limit_override *o = &g->overrides[id];
        if (!o->set || o->until_ns == 0)
            continue;
        if (o->until_ns <= now_ns && fallen < EXPIRIES_PER_RECORD) {
            *o = (ats_limit_override){0};
            fallen++;
            gate_tell(g, ATS_ENV_LIMIT, id, ats_limit_get(&g->configured, id));
        } else if (o->until_ns < next) {
            next = o->until_ns;
        }
    }
    if (fallen)
        gate_apply_limits(g);
    return next;
}

void gate_wake(ats_gate *g, int64_t now_ns)
{
    g->wake_ns = INT64_MAX;
    if (now_ns >= g->day_end_ns)
        begin_day(g, now_ns);
    if (g->equities) {
        if (now_ns < g->segment.start_ns || now_ns >= g->segment.end_ns)
            ats_calendar_segment(g->calendar, now_ns, &g->segment);
        g->phase = g->segment.phase;
        g->wake_ns = g->segment.end_ns;
    }
    int64_t limit_ns = expire_limits(g, now_ns);
    g->wake_ns = limit_ns < g->wake_ns ? limit_ns : g->wake_ns;
    g->wake_ns = g->day_end_ns < g->wake_ns ? g->day_end_ns : g->wake_ns;
}

/* ---- the broker's dated rules --------------------------------------------------------------- */

bool gate_pattern_rule_holds(const gate_case *c)
{
    return c->equity_class && c->g->day < INTRADAY_MARGIN_FROM &&
           c->g->limits.account_type == ATS_ACCOUNT_MARGIN &&
           c->equity_e18 < ats_money_from_e9(c->g->limits.pattern_day_equity_e9);
}

bool gate_intraday_rule_holds(const gate_case *c)
{
    return c->g->day >= INTRADAY_MARGIN_FROM && c->g->limits.account_type == ATS_ACCOUNT_MARGIN;
}

int64_t gate_short_restriction_end_ns(const ats_gate *g, int64_t now_ns)
{
    ats_session next;
    const ats_calendar *calendar = calendar_of(g);
    uint32_t today =
        ats_date_of_ns(now_ns + ats_calendar_offset_s(calendar, now_ns) * ATS_SECOND_NS);
    if (ats_calendar_next(calendar, today, &next))
        return next.post_ns;
    return now_ns + 4 * ATS_DAY_NS; /* beyond the table: longer than any weekend */
}

void gate_watch_day_trade(ats_gate *g, ats_gate_symbol *s)
{
    bool may =
        s->symbol_class == ATS_CLASS_EQUITY && (s->opened_today_e9 > 0 || s->open_entries > 0);
    g->day_entries += may - s->may_day_trade;
    s->may_day_trade = may;
}

static void count_day_trade(ats_gate *g, ats_gate_symbol *s, const ats_exec *x, int64_t signed_qty)
{
    int64_t held = g->portfolio->holdings[x->h.symbol_id].qty_e9, size = gate_magnitude(signed_qty);
    bool closes = held != 0 && (held < 0) != (signed_qty < 0);
    int64_t closed = closes ? (size < gate_magnitude(held) ? size : gate_magnitude(held)) : 0;
    if (closed > 0 && s->opened_today_e9 > 0) {
        s->opened_today_e9 -= closed < s->opened_today_e9 ? closed : s->opened_today_e9;
        /* Parts of one order are one day trade. */
        g->day_trades[0] += s->day_traded_by != x->order_id;
        s->day_traded_by = x->order_id;
    }
    s->opened_today_e9 += size - closed;
    gate_watch_day_trade(g, s);
}

void gate_count_day(ats_gate *g, const ats_exec *x, int64_t signed_qty_e9)
{
    ats_gate_symbol *s = &g->symbol[x->h.symbol_id];
    g->day_fills++;
    if (s->symbol_class != ATS_CLASS_EQUITY)
        return;
    if (signed_qty_e9 < 0)
        g->unsettled_e18[g->day < T_PLUS_ONE_FROM] +=
            ats_money_product(x->last_px_e9, -signed_qty_e9);
    count_day_trade(g, s, x, signed_qty_e9);
}
