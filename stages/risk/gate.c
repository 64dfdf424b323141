#include "stages/risk/gate.h"

#include "core/memory.h"

#include <assert.h>
#include <string.h>

#define MS_NS     1000000ll
#define SECOND_NS 1000000000ll
#define DAY_NS    (86400 * SECOND_NS)

size_t ats_gate_footprint(uint32_t symbol_count, uint32_t order_capacity)
{
    return ats_whole_lines(sizeof(ats_gate)) +
           ats_whole_lines(ats_portfolio_footprint(symbol_count, ATS_FILLS_KEPT)) +
           ats_whole_lines(ats_order_table_footprint(order_capacity, symbol_count)) +
           ats_whole_lines((symbol_count + 1ull) * sizeof(ats_gate_symbol));
}

ats_gate *ats_gate_new(void *memory, const ats_symbols *symbols, const ats_risk_limits *limits,
                       int64_t start_cash_e9, uint32_t order_capacity)
{
    ats_gate *g = memory;
    uint8_t *at = (uint8_t *)memory + ats_whole_lines(sizeof *g);
    g->limits = *limits;
    g->symbols = symbols;
    g->portfolio = ats_portfolio_new(at, symbols->count, start_cash_e9, ATS_FILLS_KEPT);
    at += ats_whole_lines(ats_portfolio_footprint(symbols->count, ATS_FILLS_KEPT));
    g->open = ats_order_table_new(at, order_capacity, symbols->count);
    at += ats_whole_lines(ats_order_table_footprint(order_capacity, symbols->count));
    g->symbol = (ats_gate_symbol *)at;
    return g;
}

/* One order under examination. */
typedef struct gate_case {
    const ats_gate *g;
    const ats_intent *i;
    const ats_gate_symbol *s;
    const ats_symbol *symbol;
    const ats_gate_switches *switches;
    ats_verdict *v;
    ats_money_e18 notional;
    ats_money_e18 equity;
    int64_t
        grows_e9; /* by how much the symbol's largest possible |position| grows; 0 = not at all */
    bool reduces; /* asked to be reduce-only */
    bool buy;
} gate_case;

static int64_t magnitude(int64_t v)
{
    return v < 0 ? -v : v;
}

/* The largest |position| that the symbol may come to when everything open on one side fills. */
static int64_t worst_position(int64_t held, int64_t open_buy, int64_t open_sell)
{
    int64_t up = magnitude(held + open_buy), down = magnitude(held - open_sell);
    return up > down ? up : down;
}

static ats_check refuse(gate_case *c, ats_check check, int64_t measured_e9, int64_t limit_e9)
{
    c->v->measured_e9 = measured_e9;
    c->v->limit_e9 = limit_e9;
    return check;
}

static ats_check refuse_money(gate_case *c, ats_check check, ats_money_e18 measured,
                              ats_money_e18 limit)
{
    return refuse(c, check, ats_money_round_e9(measured), ats_money_round_e9(limit));
}

static ats_money_e18 of_equity(const gate_case *c, uint32_t bps)
{
    return c->equity > 0 ? c->equity / 10000 * bps : 0;
}

/* ---- 1: switches -------------------------------------------------------------------------- */

static ats_check check_state(gate_case *c)
{
    if (c->switches->killed)
        return ATS_CHECK_KILLED;
    if (c->switches->paused && !c->reduces)
        return ATS_CHECK_PAUSED;
    if (c->switches->storage_short && !c->reduces)
        return ATS_CHECK_TAP_CREDIT;
    return ATS_CHECK_PASS;
}

/* ---- 2: the market ------------------------------------------------------------------------ */

static ats_check check_market(gate_case *c)
{
    const ats_gate_symbol *s = c->s;
    /* A quote is marked when its data cannot be trusted: a way out stays open. */
    if (s->halted || ((s->quote_flags & ATS_QUOTE_HALTED) && !c->reduces))
        return ATS_CHECK_HALTED;
    if (s->quote_ns == 0 || s->bid_e9 <= 0 || s->ask_e9 <= 0)
        return ATS_CHECK_NO_MARKET;
    int64_t limit_ns = c->g->limits.max_data_age_ms * MS_NS;
    if (c->v->age_ns > limit_ns && !c->reduces)
        return refuse(c, ATS_CHECK_STALE_MARKET, c->v->age_ns, limit_ns);
    if (s->bid_e9 >= s->ask_e9 && !c->reduces)
        return refuse(c, ATS_CHECK_CROSSED, s->bid_e9 - s->ask_e9, 0);
    return ATS_CHECK_PASS;
}

/* ---- 3: price ----------------------------------------------------------------------------- */

static ats_check check_price(gate_case *c)
{
    int64_t limit = c->i->limit_e9, tick = ats_symbol_tick_e9(c->symbol, limit);
    if (limit % tick != 0)
        return refuse(c, ATS_CHECK_TICK, limit % tick, tick);
    /* Only paying worse than the market is a danger: above the offer, or below the bid. */
    int64_t worse = c->buy ? limit - c->v->reference_e9 : c->v->reference_e9 - limit;
    int64_t bps = (int64_t)c->g->limits.collar_bps * (c->reduces ? 2 : 1);
    int64_t collar = (int64_t)((__int128)c->v->reference_e9 * bps / 10000);
    if (worse > collar)
        return refuse(c, ATS_CHECK_COLLAR, worse, collar);
    return ATS_CHECK_PASS;
}

/* ---- 4: size ------------------------------------------------------------------------------ */

static ats_check check_size(gate_case *c)
{
    int64_t lot = ats_symbol_lot_e9(c->symbol);
    /* What is held can always be closed whole, whatever it was filled in. */
    bool whole = c->reduces && c->i->qty_e9 == magnitude(c->v->position_e9);
    if (c->i->qty_e9 % lot != 0 && !whole)
        return refuse(c, ATS_CHECK_LOT, c->i->qty_e9 % lot, lot);
    if (c->i->qty_e9 > c->g->limits.max_order_qty_e9)
        return refuse(c, ATS_CHECK_MAX_QTY, c->i->qty_e9, c->g->limits.max_order_qty_e9);
    ats_money_e18 limit = ats_money_from_e9(c->g->limits.max_order_notional_e9);
    if (c->notional > limit && !c->reduces)
        return refuse_money(c, ATS_CHECK_MAX_NOTIONAL, c->notional, limit);
    return ATS_CHECK_PASS;
}

/* ---- 5, 6, 7: duplicates, rate, self-match ------------------------------------------------ */

static ats_check check_duplicate(gate_case *c)
{
    const ats_gate_symbol *s = c->s;
    int64_t window_ns = c->g->limits.duplicate_window_ms * MS_NS;
    if (!c->reduces && s->last_side == c->i->side && s->last_qty_e9 == c->i->qty_e9 &&
        s->last_limit_e9 == c->i->limit_e9 && c->i->h.recv_ns - s->last_ns < window_ns)
        return refuse(c, ATS_CHECK_DUPLICATE, c->i->h.recv_ns - s->last_ns, window_ns);
    return ATS_CHECK_PASS;
}

static int64_t rate_interval_ns(const ats_gate *g)
{
    return SECOND_NS / g->limits.max_orders_per_s;
}

static ats_check check_rate(gate_case *c)
{
    int64_t interval = rate_interval_ns(c->g), burst = c->g->limits.order_burst;
    int64_t entries = burst > 1 ? burst - (burst + 4) / 5 : burst;
    int64_t ahead = c->g->rate_at_ns - c->i->h.recv_ns;
    int64_t tolerance = interval * ((c->reduces ? burst : entries) - 1);
    if (ahead > tolerance)
        return refuse(c, ATS_CHECK_RATE, ahead, tolerance);
    return ATS_CHECK_PASS;
}

static ats_check check_self_match(gate_case *c)
{
    const ats_order_entry *e = ats_order_table_first(c->g->open, c->i->h.symbol_id);
    for (; e; e = ats_order_table_next(c->g->open, e)) {
        if (e->side == c->i->side)
            continue;
        if (e->type == ATS_ORDER_MARKET ||
            (c->buy ? c->i->limit_e9 >= e->limit_e9 : c->i->limit_e9 <= e->limit_e9))
            return refuse(c, ATS_CHECK_SELF_MATCH, c->i->limit_e9, e->limit_e9);
    }
    return ATS_CHECK_PASS;
}

/* ---- 8: exposure -------------------------------------------------------------------------- */

static ats_check check_reducing(gate_case *c)
{
    if (!c->reduces)
        return ATS_CHECK_PASS;
    int64_t held = c->v->position_e9;
    int64_t room = c->buy ? -held - c->v->open_buy_e9 : held - c->v->open_sell_e9;
    if (c->i->qty_e9 > room)
        return refuse(c, ATS_CHECK_NOT_REDUCING, c->i->qty_e9, room > 0 ? room : 0);
    return ATS_CHECK_PASS;
}

static ats_check check_position(gate_case *c)
{
    if (c->grows_e9 == 0)
        return ATS_CHECK_PASS;
    __int128 after = c->buy ? (__int128)c->v->position_e9 + c->v->open_buy_e9 + c->i->qty_e9
                            : (__int128)c->v->position_e9 - c->v->open_sell_e9 - c->i->qty_e9;
    /* Reference prices and quantities are below 2^60, so four quantities' sum times one fits. */
    ats_money_e18 size = (after < 0 ? -after : after) * c->v->reference_e9;
    ats_money_e18 limit = of_equity(c, c->g->limits.max_position_bps);
    if (size > limit)
        return refuse_money(c, ATS_CHECK_POSITION, size, limit);
    c->v->measured_e9 = ats_money_round_e9(size);
    c->v->limit_e9 = ats_money_round_e9(limit);
    return ATS_CHECK_PASS;
}

static ats_check check_gross(gate_case *c)
{
    if (c->grows_e9 == 0)
        return ATS_CHECK_PASS;
    ats_money_e18 gross = c->g->portfolio->gross_e18 + c->g->open_notional_e18 +
                          ats_money_product(c->i->limit_e9, c->grows_e9);
    ats_money_e18 limit = of_equity(c, c->g->limits.max_gross_bps);
    if (gross > limit)
        return refuse_money(c, ATS_CHECK_GROSS, gross, limit);
    return ATS_CHECK_PASS;
}

static ats_check check_short(gate_case *c)
{
    int64_t covered = c->v->position_e9 - c->v->open_sell_e9;
    if (c->reduces || c->buy || covered >= c->i->qty_e9)
        return ATS_CHECK_PASS;
    int64_t shorted = c->i->qty_e9 - (covered > 0 ? covered : 0);
    ats_money_e18 after = c->g->portfolio->short_e18 + c->g->open_sell_notional_e18 +
                          ats_money_product(c->i->limit_e9, shorted);
    ats_money_e18 limit = of_equity(c, c->g->limits.max_short_bps);
    if (after > limit)
        return refuse_money(c, ATS_CHECK_SHORT, after, limit);
    return ATS_CHECK_PASS;
}

static ats_check check_position_count(gate_case *c)
{
    if (c->reduces || c->v->position_e9 != 0)
        return ATS_CHECK_PASS;
    /* Every open order may become a position of its own: the cautious count. */
    int64_t after = (int64_t)c->g->portfolio->open_positions + c->g->open->count + 1;
    if (after > (int64_t)c->g->limits.max_positions)
        return refuse(c, ATS_CHECK_POSITION_COUNT, after, c->g->limits.max_positions);
    return ATS_CHECK_PASS;
}

/* ---- 10, 11: risk and loss ---------------------------------------------------------------- */

static ats_check check_risk_per_trade(gate_case *c)
{
    if (c->reduces)
        return ATS_CHECK_PASS;
    ats_money_e18 risk = ats_money_product(c->i->stop_distance_e9, c->i->qty_e9);
    ats_money_e18 limit = of_equity(c, c->g->limits.max_risk_per_trade_bps);
    /* No stop: the whole notional is at risk. */
    if (c->i->stop_distance_e9 <= 0)
        risk = c->notional;
    if (risk > limit)
        return refuse_money(c, ATS_CHECK_RISK_PER_TRADE, risk, limit);
    return ATS_CHECK_PASS;
}

static ats_money_e18 drawdown_limit(const ats_gate *g)
{
    ats_money_e18 high = g->portfolio->high_water_e18;
    return high > 0 ? high / 10000 * g->limits.max_drawdown_bps : 0;
}

static ats_check check_loss(gate_case *c)
{
    if (c->reduces)
        return ATS_CHECK_PASS;
    const ats_gate *g = c->g;
    ats_money_e18 drawdown = ats_portfolio_drawdown(g->portfolio), limit = drawdown_limit(g);
    if (g->drawdown_latched || drawdown > limit)
        return refuse_money(c, ATS_CHECK_DRAWDOWN, drawdown, limit);
    if (g->portfolio->loss_streak >= g->limits.max_loss_streak)
        return refuse(c, ATS_CHECK_LOSS_STREAK, g->portfolio->loss_streak,
                      g->limits.max_loss_streak);
    if (g->day_fills >= g->limits.max_day_trades)
        return refuse(c, ATS_CHECK_DAY_TRADES, (int64_t)g->day_fills, g->limits.max_day_trades);
    return ATS_CHECK_PASS;
}

static ats_check check_table(gate_case *c)
{
    if (c->g->open->count == c->g->open->capacity)
        return refuse(c, ATS_CHECK_ORDER_TABLE_FULL, c->g->open->count, c->g->open->capacity);
    return ATS_CHECK_PASS;
}

/* The gate: first refusal wins. */
static ats_check (*const CHECKS[])(gate_case *) = {
    check_state, check_market,         check_price,          check_size,     check_duplicate,
    check_rate,  check_self_match,     check_reducing,       check_position, check_gross,
    check_short, check_position_count, check_risk_per_trade, check_loss,     check_table,
};

/* Well-formed, so that the checks need not fear overflow or a foreign symbol. */
static ats_check check_form(const ats_gate *g, const ats_intent *i)
{
    if (i->h.symbol_id == 0 || i->h.symbol_id > g->symbols->count)
        return ATS_CHECK_UNKNOWN_SYMBOL;
    if (g->symbols->entry[i->h.symbol_id].symbol_class == ATS_CLASS_CRYPTO_INVERSE)
        return ATS_CHECK_INSTRUMENT;
    bool ok = (i->side == ATS_SIDE_BUY || i->side == ATS_SIDE_SELL) && i->qty_e9 > 0 &&
              i->qty_e9 <= ATS_VALUE_MAX_E9 && i->type == ATS_ORDER_LIMIT && i->limit_e9 > 0 &&
              i->limit_e9 <= ATS_VALUE_MAX_E9 && i->tif >= ATS_TIF_DAY && i->tif <= ATS_TIF_FOK;
    return ok ? ATS_CHECK_PASS : ATS_CHECK_MALFORMED;
}

static void begin_day(ats_gate *g, int64_t now_ns)
{
    if (now_ns < g->day_end_ns)
        return;
    g->day_end_ns = (now_ns / DAY_NS + 1) * DAY_NS;
    g->day_fills = 0;
    g->drawdown_latched = false;
    g->portfolio->loss_streak = 0;
    ats_portfolio_new_day(g->portfolio);
}

/* Everything the verdict shows, whatever the outcome. */
static void measure(gate_case *c)
{
    ats_verdict *v = c->v;
    const ats_gate_symbol *s = c->s;
    v->reference_e9 = c->buy ? s->ask_e9 : s->bid_e9;
    v->notional_e9 = ats_money_round_e9(c->notional);
    v->position_e9 = c->g->portfolio->holdings[c->i->h.symbol_id].qty_e9;
    v->open_buy_e9 = s->open_buy_e9;
    v->open_sell_e9 = s->open_sell_e9;
    v->gross_e9 = ats_money_round_e9(c->g->portfolio->gross_e18);
    v->equity_e9 = ats_money_round_e9(c->equity);
    v->drawdown_e9 = ats_money_round_e9(ats_portfolio_drawdown(c->g->portfolio));
    v->age_ns = c->i->h.recv_ns - s->quote_ns;
}

static void reserve(ats_gate *g, const ats_intent *i, ats_money_e18 notional)
{
    ats_gate_symbol *s = &g->symbol[i->h.symbol_id];
    ats_order_entry *e = ats_order_table_insert(g->open, i->intent_id, i->h.symbol_id);
    assert(e && "intent ids are dense and the table was checked for room");
    e->qty_e9 = i->qty_e9;
    e->limit_e9 = i->limit_e9;
    e->side = i->side;
    e->type = i->type;
    e->tif = i->tif;
    e->sent_ns = i->h.recv_ns;
    *(i->side == ATS_SIDE_BUY ? &s->open_buy_e9 : &s->open_sell_e9) += i->qty_e9;
    g->open_notional_e18 += notional;
    if (i->side == ATS_SIDE_SELL)
        g->open_sell_notional_e18 += notional;
    s->last_ns = i->h.recv_ns;
    s->last_qty_e9 = i->qty_e9;
    s->last_limit_e9 = i->limit_e9;
    s->last_side = i->side;
    int64_t from = g->rate_at_ns > i->h.recv_ns ? g->rate_at_ns : i->h.recv_ns;
    g->rate_at_ns = from + rate_interval_ns(g);
}

ats_check ats_gate_decide(ats_gate *g, const ats_intent *intent, const ats_gate_switches *switches,
                          ats_verdict *verdict)
{
    verdict->intent_id = intent->intent_id;
    ats_check check = check_form(g, intent);
    if (check == ATS_CHECK_PASS) {
        begin_day(g, intent->h.recv_ns);
        gate_case c = {.g = g,
                       .i = intent,
                       .s = &g->symbol[intent->h.symbol_id],
                       .symbol = &g->symbols->entry[intent->h.symbol_id],
                       .switches = switches,
                       .v = verdict,
                       .notional = ats_money_product(intent->limit_e9, intent->qty_e9),
                       .equity = ats_portfolio_equity(g->portfolio),
                       .reduces = (intent->intent_flags & ATS_INTENT_REDUCE_ONLY) != 0,
                       .buy = intent->side == ATS_SIDE_BUY};
        measure(&c);
        int64_t buys = verdict->open_buy_e9, sells = verdict->open_sell_e9;
        int64_t before = worst_position(verdict->position_e9, buys, sells);
        *(c.buy ? &buys : &sells) += intent->qty_e9;
        c.grows_e9 = worst_position(verdict->position_e9, buys, sells) - before;
        for (uint32_t i = 0; check == ATS_CHECK_PASS && i < sizeof CHECKS / sizeof CHECKS[0]; i++)
            check = CHECKS[i](&c);
        if (check == ATS_CHECK_PASS)
            reserve(g, intent, c.notional);
    }
    verdict->check = check;
    return check;
}

void ats_gate_market(ats_gate *g, const ats_market *m)
{
    ats_gate_symbol *s = &g->symbol[m->h.symbol_id];
    begin_day(g, m->h.recv_ns);
    if (m->h.kind == ATS_KIND_QUOTE) {
        s->bid_e9 = m->quote.bid_e9;
        s->ask_e9 = m->quote.ask_e9;
        s->quote_ns = m->h.recv_ns;
        s->quote_flags = m->quote.quote_flags;
        if (s->bid_e9 > 0 && s->ask_e9 > 0) {
            ats_portfolio_mark(g->portfolio, m->h.symbol_id, (s->bid_e9 + s->ask_e9) >> 1);
            if (ats_portfolio_drawdown(g->portfolio) > drawdown_limit(g))
                g->drawdown_latched = true;
        }
    } else if (m->h.kind == ATS_KIND_STATUS) {
        if (m->status.code == ATS_STATUS_HALT)
            s->halted = true;
        else if (m->status.code == ATS_STATUS_RESUME)
            s->halted = false;
    }
}

static void release(ats_gate *g, const ats_order_entry *e, int64_t qty_e9)
{
    ats_gate_symbol *s = &g->symbol[e->symbol_id];
    ats_money_e18 notional = ats_money_product(e->limit_e9, qty_e9);
    *(e->side == ATS_SIDE_BUY ? &s->open_buy_e9 : &s->open_sell_e9) -= qty_e9;
    g->open_notional_e18 -= notional;
    if (e->side == ATS_SIDE_SELL)
        g->open_sell_notional_e18 -= notional;
}

static void book(ats_gate *g, const ats_exec *x)
{
    int64_t qty_e9 = x->side == ATS_SIDE_BUY ? x->last_qty_e9 : -x->last_qty_e9;
    g->day_fills++;
    ats_portfolio_fill(g->portfolio, x->h.symbol_id, qty_e9, x->last_px_e9, x->fee_e9, x->exec_id);
}

bool ats_gate_exec(ats_gate *g, const ats_exec *x)
{
    ats_order_entry *e = ats_order_table_find(g->open, x->order_id);
    begin_day(g, x->h.recv_ns);
    if (x->type == ATS_EXEC_FILL)
        book(g, x); /* money moved, whether or not we know the order */
    if (!e)
        return false;
    if (x->type == ATS_EXEC_FILL) {
        int64_t left = e->qty_e9 - e->filled_e9;
        int64_t part = x->last_qty_e9 < left ? x->last_qty_e9 : left;
        release(g, e, part);
        e->filled_e9 += part;
    }
    bool ended = x->type == ATS_EXEC_REJECTED || x->type == ATS_EXEC_CANCELED ||
                 x->type == ATS_EXEC_EXPIRED || e->filled_e9 == e->qty_e9;
    if (ended) {
        release(g, e, e->qty_e9 - e->filled_e9);
        ats_order_table_remove(g->open, e);
    }
    return true;
}
