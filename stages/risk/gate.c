#include "stages/risk/gate_case.h"

#include "core/memory.h"

#include <assert.h>
#include <string.h>

const char *ats_latch_label(uint32_t latch)
{
    static const char *const LABELS[] = {"none", "halt", "freeze"};
    return latch <= ATS_LATCH_FREEZE ? LABELS[latch] : "?";
}

/* ---- building ------------------------------------------------------------------------------- */

size_t ats_gate_footprint(const ats_gate_config *config)
{
    uint32_t n = config->symbols->count;
    return ats_whole_lines(sizeof(ats_gate)) + (n + 1ull) * sizeof(ats_gate_symbol) +
           config->order_capacity * sizeof(ats_gate_order) +
           ats_whole_lines(ats_portfolio_footprint(n, config->fills_kept)) +
           ats_whole_lines(ats_order_table_footprint(config->order_capacity, n)) +
           ats_whole_lines(ats_covariance_footprint(n)) + sizeof(ats_recent_orders) +
           sizeof(ats_repeats);
}

static void *take(uint8_t **at, size_t bytes)
{
    void *here = *at;
    *at += ats_whole_lines(bytes);
    return here;
}

static void make_symbol(ats_gate *g, uint32_t id)
{
    const ats_symbol *symbol = &g->symbols->entry[id];
    ats_gate_symbol *s = &g->symbol[id];
    bool equity = symbol->symbol_class == ATS_CLASS_EQUITY;
    s->tick_e9 = symbol->tick_e9;
    s->lot_e9 = ats_symbol_lot_e9(symbol);
    s->symbol_class = (uint8_t)symbol->symbol_class;
    s->no_credit = symbol->symbol_class == ATS_CLASS_CRYPTO_SPOT;
    g->equities = g->equities || equity || symbol->symbol_class == ATS_CLASS_INDEX;
    if (!g->reference || !g->reference->entry)
        return;
    const ats_reference *r = &g->reference->entry[id];
    s->sector = r->sector;
    s->restricted = r->restricted;
    s->no_credit = s->no_credit || (equity && !r->marginable);
    s->not_shortable = equity && !r->easy_to_borrow;
}

ats_gate *ats_gate_new(void *memory, const ats_gate_config *config)
{
    uint8_t *at = memory;
    uint32_t n = config->symbols->count;
    ats_gate *g = take(&at, sizeof *g);
    g->symbols = config->symbols;
    g->reference = config->reference;
    g->calendar = config->calendar ? config->calendar : &ats_calendar_continuous;
    g->configured = config->limits;
    g->symbol = take(&at, (n + 1ull) * sizeof(ats_gate_symbol));
    g->order = take(&at, config->order_capacity * sizeof(ats_gate_order));
    g->portfolio = ats_portfolio_new(take(&at, ats_portfolio_footprint(n, config->fills_kept)), n,
                                     config->start_cash_e9, config->fills_kept);
    g->open = ats_order_table_new(take(&at, ats_order_table_footprint(config->order_capacity, n)),
                                  config->order_capacity, n);
    g->covariance = ats_covariance_new(take(&at, ats_covariance_footprint(n)), n);
    g->recent = take(&at, sizeof(ats_recent_orders));
    g->repeats = take(&at, sizeof(ats_repeats));
    g->reconciled = true;
    for (uint32_t id = 1; id <= n; id++)
        make_symbol(g, id);
    gate_apply_limits(g);
    return g;
}

/* ---- limits --------------------------------------------------------------------------------- */

static int64_t max_volume_e9(const ats_gate *g, uint32_t id)
{
    if (g->limits.max_volume_share_bps == 0 || !g->reference || !g->reference->entry)
        return INT64_MAX;
    return (int64_t)((__int128)g->reference->entry[id].adv_e9 * g->limits.max_volume_share_bps /
                     10000);
}

void gate_apply_limits(ats_gate *g)
{
    ats_limits_resolve(&g->limits, &g->configured, g->overrides,
                       g->safe_by_hand || g->safe_by_drawdown);
    const ats_risk_limits *l = &g->limits;
    g->interval_ns = GATE_SECOND_NS / l->max_orders_per_s;
    g->symbol_interval_ns = GATE_SECOND_NS / l->max_symbol_orders_per_s;
    g->strategy_interval_ns = GATE_SECOND_NS / l->max_strategy_orders_per_s;
    g->repeat_step_ns = l->repeat_window_ms * GATE_MS_NS / ATS_REPEAT_STEPS;
    ats_covariance_limit(g->covariance, l->max_correlation_bps);
    g->short_bps = (uint32_t)((uint64_t)l->max_gross_bps * l->max_short_bps / 10000);
    for (uint32_t id = 1; id <= g->symbols->count; id++)
        g->symbol[id].max_volume_e9 = max_volume_e9(g, id);
}

void gate_tell(ats_gate *g, uint32_t code, uint32_t subject, int64_t value)
{
    if (g->event_count == ATS_GATE_EVENTS_MAX) {
        g->events_lost++;
        return;
    }
    g->events[g->event_count++] = (ats_gate_event){code, subject, value};
}

void gate_watch_losses(ats_gate *g)
{
    const ats_portfolio *p = g->portfolio;
    const ats_risk_limits *l = &g->limits;
    ats_money_e18 drawdown = ats_portfolio_drawdown(p);
    if (!g->drawdown_latched &&
        ats_money_exceeds(drawdown, p->high_water_e18, l->max_drawdown_bps)) {
        g->drawdown_latched = true;
        gate_tell(g, ATS_ENV_DRAWDOWN, 0, ats_money_round_e9(drawdown));
    }
    if (!g->safe_by_drawdown && l->safe_drawdown_bps != 0 &&
        ats_money_exceeds(drawdown, p->high_water_e18, l->safe_drawdown_bps)) {
        g->safe_by_drawdown = true;
        gate_apply_limits(g);
        gate_tell(g, ATS_ENV_SAFE_MODE, 1, 1);
    }
    if (!g->streak_told && p->loss_streak >= l->max_loss_streak) {
        g->streak_told = true;
        gate_tell(g, ATS_ENV_LOSS_STREAK, 0, p->loss_streak);
    }
}

/* ---- deciding ------------------------------------------------------------------------------- */

/* At which price an order is judged and reserved, and where its collar begins. */
static void price_order(gate_case *c)
{
    const ats_intent *i = c->i;
    c->reference_e9 = c->buy ? c->s->ask_e9 : c->s->bid_e9;
    c->base_e9 = c->reference_e9;
    switch (i->type) {
    case ATS_ORDER_LIMIT:
        c->price_e9 = i->limit_e9;
        c->resting_limit = true;
        break;
    case ATS_ORDER_MARKET:
        c->price_e9 = c->reference_e9;
        break;
    case ATS_ORDER_TRAILING_STOP:
        c->stops = true;
        c->price_e9 = c->buy ? c->reference_e9 + i->trail_e9 : c->reference_e9 - i->trail_e9;
        break;
    default:
        c->stops = true;
        c->base_e9 = i->stop_e9;
        c->price_e9 = i->limit_e9 ? i->limit_e9 : i->stop_e9;
        break;
    }
    int64_t mark = c->held->mark_e9;
    c->unit_e9 = c->price_e9 > c->reference_e9 ? c->price_e9 : c->reference_e9;
    c->unit_e9 = c->unit_e9 > mark ? c->unit_e9 : mark;
    c->notional_e18 = ats_money_product(c->price_e9, i->qty_e9);
}

/* By how much the order may enlarge the position, and how much of it would be sold short. */
static void size_order(gate_case *c)
{
    int64_t held = c->held->qty_e9, qty = c->i->qty_e9;
    int64_t up = held + c->s->open_buy_e9, down = held - c->s->open_sell_e9;
    int64_t before = gate_magnitude(gate_worst_e9(up, down));
    int64_t after = c->buy ? gate_worst_e9(up + qty, down) : gate_worst_e9(up, down - qty);
    c->grows_e9 = gate_magnitude(after) - before;
    if (!c->buy && down < qty)
        c->shorted_e9 = qty - (down > 0 ? down : 0);
}

/* Everything the verdict shows, whatever the outcome. */
static void measure(gate_case *c)
{
    ats_verdict *v = c->v;
    const ats_gate *g = c->g;
    const ats_gate_symbol *s = c->s;
    const ats_portfolio *p = g->portfolio;
    c->equity_e18 = ats_portfolio_equity(p);
    c->equity_e9 = ats_money_round_e9(c->equity_e18);
    c->drawdown_e18 = p->high_water_e18 - c->equity_e18;
    int64_t slow_age_ns = c->now_ns - s->slow_ns;
    *c->sums = (ats_gate_sums){.notional_e18 = c->notional_e18,
                               .gross_e18 = g->gross_e18,
                               .net_e18 = p->net_e18,
                               .short_e18 = g->short_e18,
                               .cash_e18 = p->cash_e18,
                               .equity_e18 = c->equity_e18,
                               .drawdown_e18 = c->drawdown_e18};
    v->reference_e9 = c->base_e9;
    v->price_e9 = c->price_e9;
    v->position_e9 = c->held->qty_e9;
    v->open_buy_e9 = s->open_buy_e9;
    v->open_sell_e9 = s->open_sell_e9;
    v->age_ns = c->now_ns - s->market_ns;
    /* A price from long ago, such as before a night, says nothing of drift. */
    if (s->slow_ns && slow_age_ns <= 4 * g->limits.drift_window_s * GATE_SECOND_NS)
        v->slow_e9 = s->slow_e9;
    v->rate_ahead_ns = ats_rate_ahead_ns(g->rate_at_ns, c->now_ns);
    v->positions = g->active_symbols;
    v->loss_streak = p->loss_streak;
    v->day_fills = g->day_fills;
}

void ats_gate_explain(ats_verdict *v, const ats_gate_sums *s)
{
    v->notional_e9 = ats_money_round_e9(s->notional_e18);
    v->gross_e9 = ats_money_round_e9(s->gross_e18);
    v->net_e9 = ats_money_round_e9(s->net_e18);
    v->short_e9 = ats_money_round_e9(s->short_e18);
    v->cash_e9 = ats_money_round_e9(s->cash_e18);
    v->equity_e9 = ats_money_round_e9(s->equity_e18);
    v->drawdown_e9 = ats_money_round_e9(s->drawdown_e18);
    v->risk_e9 = ats_money_round_e9(s->risk_e18);
    if (v->check == ATS_CHECK_PASS && s->position_bps) {
        v->measured_e9 = ats_money_round_e9(s->position_e18);
        v->limit_e9 = gate_bps_e9(v->equity_e9, s->position_bps);
    }
}

static ats_check check_table(gate_case *c)
{
    uint32_t count = gate_order_count(c->i), room = c->g->open->capacity - c->g->open->count;
    if (count > room)
        return gate_refuse(c, ATS_CHECK_ORDER_TABLE_FULL, count, room);
    for (uint32_t k = 0; k < ATS_LEG_IDS && (k == 0 || count > 1); k++)
        if (ats_order_table_find(c->g->open, c->i->intent_id + k))
            return ATS_CHECK_MALFORMED; /* an id that is in use */
    return ATS_CHECK_PASS;
}

/* The gate: first refusal wins. */
static ats_check check_all(gate_case *c)
{
    ats_check check = gate_check_state(c);
    if (check == ATS_CHECK_PASS)
        check = gate_check_market(c);
    if (check == ATS_CHECK_PASS)
        check = gate_check_price(c);
    if (check == ATS_CHECK_PASS)
        check = gate_check_size(c);
    if (check == ATS_CHECK_PASS)
        check = gate_check_repeats(c);
    if (check == ATS_CHECK_PASS)
        check = gate_check_own(c);
    if (check == ATS_CHECK_PASS)
        check = gate_check_exposure(c);
    if (check == ATS_CHECK_PASS)
        check = gate_check_broker(c);
    if (check == ATS_CHECK_PASS)
        check = gate_check_risk(c);
    if (check == ATS_CHECK_PASS)
        check = gate_check_loss(c);
    return check == ATS_CHECK_PASS ? check_table(c) : check;
}

/* The order went: it counts towards rates, duplicates and repeats. */
static void count_order(gate_case *c)
{
    ats_gate *g = c->g;
    g->rate_at_ns = ats_rate_after_ns(g->rate_at_ns, c->now_ns, g->interval_ns);
    c->s->rate_at_ns = ats_rate_after_ns(c->s->rate_at_ns, c->now_ns, g->symbol_interval_ns);
    c->strategy->rate_at_ns =
        ats_rate_after_ns(c->strategy->rate_at_ns, c->now_ns, g->strategy_interval_ns);
    ats_recent_add(g->recent, c->hash, c->now_ns);
    if (c->repeats)
        ats_repeats_add(c->repeats);
}

/* A replacement is judged as if the order in whose place it goes were not there. */
static void find_target(gate_case *c)
{
    ats_order_entry *e = ats_order_table_find(c->g->open, c->i->target_intent_id);
    const ats_gate_order *o = e ? gate_order(c->g, e) : NULL;
    /* One replacement at a time: what is being replaced, or replaces, has no answer yet. */
    bool fits = e && e->symbol_id == c->i->h.symbol_id && e->side == c->i->side && !o->held &&
                !o->replaced && o->target_id == 0;
    c->target = fits ? e : NULL;
    if (fits)
        gate_unreserve(c->g, e);
}

/* What an order of this symbol reads, before anything waits for it. */
static void prefetch(const ats_gate *g, const ats_intent *i)
{
    const uint8_t *s = (const uint8_t *)&g->symbol[i->h.symbol_id];
    const uint8_t *held = (const uint8_t *)&g->portfolio->holdings[i->h.symbol_id];
    for (size_t at = 0; at < sizeof(ats_gate_symbol); at += ATS_CACHE_LINE)
        __builtin_prefetch(s + at, 1);
    for (size_t at = 0; at < sizeof(ats_holding); at += ATS_CACHE_LINE)
        __builtin_prefetch(held + at);
    ats_covariance_prefetch(g->covariance, i->h.symbol_id);
    uint32_t place = ats_order_table_prefetch(g->open, i->intent_id, i->h.symbol_id);
    if (place < g->open->capacity)
        __builtin_prefetch(&g->order[place], 1);
}

static ats_check decide(ats_gate *g, const ats_intent *i, const ats_gate_switches *switches,
                        ats_verdict *v, ats_gate_sums *sums)
{
    prefetch(g, i);
    gate_case c = {.g = g,
                   .i = i,
                   .s = &g->symbol[i->h.symbol_id],
                   .switches = switches,
                   .v = v,
                   .sums = sums,
                   .held = &g->portfolio->holdings[i->h.symbol_id],
                   .strategy = &g->strategy[i->strategy_id],
                   .now_ns = i->h.recv_ns,
                   .buy = i->side == ATS_SIDE_BUY};
    c.hash = ats_recent_hash(i->strategy_id, i->h.symbol_id, i->side, i->qty_e9,
                             i->limit_e9 + (i->stop_e9 << 1) + (i->trail_e9 << 2));
    ats_throttle_prefetch(g->recent, c.hash, g->repeats, i->strategy_id, i->h.symbol_id, i->side);
    c.reduces = (i->intent_flags &
                 (ATS_INTENT_REDUCE_ONLY | ATS_INTENT_PROTECTIVE | ATS_INTENT_EMERGENCY)) != 0;
    c.emergency = (i->intent_flags & ATS_INTENT_EMERGENCY) != 0;
    c.equity_class = c.s->symbol_class == ATS_CLASS_EQUITY;
    if (i->action == ATS_INTENT_REPLACE)
        find_target(&c);
    price_order(&c);
    size_order(&c);
    measure(&c);
    ats_check check = check_all(&c);
    if (check == ATS_CHECK_PASS) {
        count_order(&c);
        gate_reserve(&c);
        gate_watch_day_trade(g, c.s);
    } else if (c.target) {
        gate_count_again(g, c.target);
    }
    return check;
}

ats_check ats_gate_judge(ats_gate *g, const ats_intent *intent, const ats_gate_switches *switches,
                         ats_verdict *verdict, ats_gate_sums *sums)
{
    verdict->intent_id = intent->intent_id;
    gate_time(g, intent->h.recv_ns);
    ats_check check = gate_check_form(g, intent);
    if (check == ATS_CHECK_PASS)
        check = decide(g, intent, switches, verdict, sums);
    else
        *sums = (ats_gate_sums){0};
    verdict->check = check;
    return check;
}

ats_check ats_gate_decide(ats_gate *g, const ats_intent *intent, const ats_gate_switches *switches,
                          ats_verdict *verdict)
{
    ats_gate_sums sums;
    ats_check check = ats_gate_judge(g, intent, switches, verdict, &sums);
    ats_gate_explain(verdict, &sums);
    return check;
}

void ats_gate_cancel(ats_gate *g, const ats_intent *intent)
{
    int64_t now_ns = intent->h.recv_ns, most = now_ns + g->interval_ns * g->limits.order_burst;
    gate_time(g, now_ns);
    g->rate_at_ns = ats_rate_after_ns(g->rate_at_ns, now_ns, g->interval_ns);
    g->rate_at_ns = g->rate_at_ns < most ? g->rate_at_ns : most;
}

/* ---- the market ----------------------------------------------------------------------------- */

/* The new price of a symbol: for marks, and for what was so a while ago. */
static void take_price(ats_gate *g, uint32_t id, int64_t px_e9, int64_t now_ns)
{
    ats_gate_symbol *s = &g->symbol[id];
    if (now_ns - s->next_slow_ns >= g->limits.drift_window_s * GATE_SECOND_NS) {
        s->slow_e9 = s->next_slow_e9;
        s->slow_ns = s->next_slow_ns;
        s->next_slow_e9 = px_e9;
        s->next_slow_ns = now_ns;
    }
    ats_portfolio_mark(g->portfolio, id, px_e9);
    if (!s->active)
        return;
    gate_refresh(g, id);
    gate_watch_losses(g);
}

static void take_quote(ats_gate *g, const ats_quote *q)
{
    ats_gate_symbol *s = &g->symbol[q->h.symbol_id];
    s->bid_e9 = q->bid_e9;
    s->ask_e9 = q->ask_e9;
    s->market_ns = q->h.recv_ns;
    s->quote_flags = q->quote_flags;
    s->bars_only = s->daily_bars = false;
    if (s->bid_e9 > 0 && s->ask_e9 > 0)
        take_price(g, q->h.symbol_id, (s->bid_e9 + s->ask_e9) >> 1, q->h.recv_ns);
}

static void take_bar(ats_gate *g, const ats_bar *b)
{
    ats_gate_symbol *s = &g->symbol[b->h.symbol_id];
    if ((s->market_ns != 0 && !s->bars_only) || b->close_e9 <= 0)
        return;
    s->bars_only = true;
    s->daily_bars = b->period_s >= 86400;
    s->bid_e9 = s->ask_e9 = b->close_e9;
    s->market_ns = b->h.recv_ns;
    take_price(g, b->h.symbol_id, b->close_e9, b->h.recv_ns);
}

static void take_status(ats_gate *g, const ats_status *m)
{
    ats_gate_symbol *s = &g->symbol[m->h.symbol_id];
    if (m->code == ATS_STATUS_HALT)
        s->halted = true;
    else if (m->code == ATS_STATUS_RESUME)
        s->halted = false;
    else if (m->code == ATS_STATUS_SHORT_RESTRICTED)
        s->short_restricted_until_ns = gate_short_restriction_end_ns(g, m->h.recv_ns);
    if (m->band_low_e9 > 0 || m->band_high_e9 > 0) {
        s->band_low_e9 = m->band_low_e9;
        s->band_high_e9 = m->band_high_e9;
    } else if (m->code == ATS_STATUS_SESSION_OPEN || m->code == ATS_STATUS_SESSION_CLOSE) {
        s->band_low_e9 = s->band_high_e9 = 0;
    }
}

static void take_action(ats_gate *g, const ats_corporate_action *a)
{
    uint32_t id = a->h.symbol_id;
    ats_gate_symbol *s = &g->symbol[id];
    if (a->action == ATS_ACTION_DIVIDEND && a->cash_e9 >= 0) {
        ats_portfolio_dividend(g->portfolio, id, a->cash_e9);
    } else if (a->action == ATS_ACTION_SPLIT &&
               ats_portfolio_split(g->portfolio, id, a->ratio_numerator, a->ratio_denominator,
                                   s->lot_e9)) {
        /* Prices of before mean nothing. Open orders stay as they are until the broker says what
         * became of them. */
        s->bid_e9 = s->ask_e9 = s->market_ns = 0;
        s->slow_ns = s->next_slow_ns = 0;
        s->band_low_e9 = s->band_high_e9 = 0;
        s->opened_today_e9 = 0;
        gate_watch_day_trade(g, s);
    } else {
        g->actions_refused++;
        gate_tell(g, ATS_ENV_ACTION_REFUSED, id, a->action);
    }
    gate_refresh(g, id);
    gate_watch_losses(g);
}

void ats_gate_market(ats_gate *g, const ats_market *m)
{
    gate_time(g, m->h.recv_ns);
    if (m->h.symbol_id == 0 || m->h.symbol_id > g->symbols->count)
        return;
    if (m->h.kind == ATS_KIND_QUOTE)
        take_quote(g, &m->quote);
    else if (m->h.kind == ATS_KIND_BAR)
        take_bar(g, &m->bar);
    else if (m->h.kind == ATS_KIND_STATUS)
        take_status(g, &m->status);
    else if (m->h.kind == ATS_KIND_CORPORATE_ACTION)
        take_action(g, &m->corporate_action);
}

/* ---- commands ------------------------------------------------------------------------------- */

void ats_gate_latch(ats_gate *g, ats_latch latch)
{
    if (latch <= g->latch)
        return;
    g->latch = latch;
    gate_tell(g, latch == ATS_LATCH_FREEZE ? ATS_ENV_FROZEN : ATS_ENV_HALTED, 0, 0);
}

static void pause(ats_gate *g, uint32_t strategy_id, bool on)
{
    if (strategy_id == 0)
        g->paused = on;
    else if (strategy_id < ATS_GATE_STRATEGIES)
        g->strategy[strategy_id].paused = on;
    if (strategy_id == 0 && !on) /* everything goes on */
        for (uint32_t i = 0; i < ATS_GATE_STRATEGIES; i++)
            g->strategy[i].paused = false;
    gate_tell(g, on ? ATS_ENV_PAUSED : ATS_ENV_RESUMED, strategy_id, 0);
}

static void rearm(ats_gate *g, uint32_t strategy_id)
{
    if (strategy_id == 0) {
        g->latch = ATS_LATCH_NONE;
        g->portfolio->loss_streak = 0;
        g->streak_told = false;
        for (uint32_t i = 0; i < ATS_GATE_STRATEGIES; i++)
            g->strategy[i].tripped = false;
        memset(g->repeats, 0, sizeof *g->repeats);
    } else if (strategy_id < ATS_GATE_STRATEGIES) {
        g->strategy[strategy_id].tripped = false;
        ats_repeats_forget(g->repeats, strategy_id);
    }
    gate_tell(g, ATS_ENV_REARMED, strategy_id, 0);
}

static void set_limit(ats_gate *g, const ats_control *c)
{
    uint32_t id = c->limit.limit_id;
    int64_t until_ns = c->limit.until_ns;
    if (id >= ATS_LIMIT_COUNT || (until_ns != 0 && until_ns <= c->h.recv_ns) || until_ns < 0 ||
        !ats_limit_allows(id, ats_limit_get(&g->configured, id), c->limit.value)) {
        gate_tell(g, ATS_ENV_LIMIT_REFUSED, id, c->limit.value);
        return;
    }
    g->overrides[id] = (ats_limit_override){c->limit.value, until_ns, true};
    gate_apply_limits(g);
    if (until_ns != 0 && until_ns < g->wake_ns)
        g->wake_ns = until_ns;
    gate_tell(g, ATS_ENV_LIMIT, id, ats_limit_get(&g->limits, id));
}

static void take_covariance(ats_gate *g, const ats_control *c)
{
    ats_covariance_answer answer = ats_covariance_take(g->covariance, c);
    if (answer == ATS_COVARIANCE_WHOLE)
        gate_tell(g, ATS_ENV_COVARIANCE, c->covariance.version, c->covariance.entries);
    else if (answer == ATS_COVARIANCE_REFUSED)
        gate_tell(g, ATS_ENV_COVARIANCE_REFUSED, c->covariance.version, c->covariance.value_e18);
}

void ats_gate_control(ats_gate *g, const ats_control *c)
{
    gate_time(g, c->h.recv_ns);
    switch (c->code) {
    case ATS_CONTROL_PAUSE:
    case ATS_CONTROL_RESUME:
        pause(g, c->strategy_id, c->code == ATS_CONTROL_PAUSE);
        break;
    case ATS_CONTROL_HALT:
        ats_gate_latch(g, ATS_LATCH_HALT);
        break;
    case ATS_CONTROL_KILL:
    case ATS_CONTROL_FREEZE:
        ats_gate_latch(g, ATS_LATCH_FREEZE);
        break;
    case ATS_CONTROL_REARM:
        rearm(g, c->strategy_id);
        break;
    case ATS_CONTROL_LIMIT:
        set_limit(g, c);
        break;
    case ATS_CONTROL_SAFE_MODE:
        g->safe_by_hand = c->limit.value != 0;
        gate_apply_limits(g);
        gate_tell(g, ATS_ENV_SAFE_MODE, 0, g->safe_by_hand || g->safe_by_drawdown);
        break;
    case ATS_CONTROL_COVARIANCE:
        take_covariance(g, c);
        break;
    default:
        break;
    }
}

/* ---- answers -------------------------------------------------------------------------------- */

static int64_t signed_qty(const ats_exec *x)
{
    return x->side == ATS_SIDE_BUY ? x->last_qty_e9 : -x->last_qty_e9;
}

static void book(ats_gate *g, const ats_exec *x)
{
    if (x->last_qty_e9 <= 0 || x->last_px_e9 <= 0)
        return;
    gate_count_day(g, x, signed_qty(x));
    ats_portfolio_fill(g->portfolio, x->h.symbol_id, signed_qty(x), x->last_px_e9, x->fee_e9,
                       x->exec_id);
}

static void take_back(ats_gate *g, const ats_exec *x)
{
    uint32_t id = x->h.symbol_id;
    bool known = x->type == ATS_EXEC_BUSTED
                     ? ats_portfolio_bust(g->portfolio, id, x->ref_exec_id)
                     : x->last_qty_e9 > 0 && x->last_px_e9 > 0 &&
                           ats_portfolio_correct(g->portfolio, id, x->ref_exec_id, signed_qty(x),
                                                 x->last_px_e9, x->fee_e9);
    if (!known) {
        g->busts_refused++;
        gate_tell(g, ATS_ENV_BUST_UNKNOWN, id, (int64_t)x->ref_exec_id);
    }
}

static bool answer_order(ats_gate *g, const ats_exec *x, ats_order_entry *e)
{
    if (x->type == ATS_EXEC_FILL || x->type == ATS_EXEC_ACCEPTED)
        gate_settle_replacement(g, e);
    switch (x->type) {
    case ATS_EXEC_FILL:
        gate_fill_order(g, e, x->last_qty_e9);
        break;
    case ATS_EXEC_REJECTED:
    case ATS_EXEC_CANCELED:
    case ATS_EXEC_EXPIRED:
        gate_end_order(g, e);
        break;
    case ATS_EXEC_REPLACED:
        gate_replaced(g, e, x->ref_order_id);
        break;
    case ATS_EXEC_REPLACE_REJECTED:
        gate_replace_refused(g, e->symbol_id, e->order_id);
        break;
    default:
        break;
    }
    return true;
}

bool ats_gate_exec(ats_gate *g, const ats_exec *x)
{
    ats_order_entry *e = ats_order_table_find(g->open, x->order_id);
    gate_time(g, x->h.recv_ns);
    if (x->h.symbol_id == 0 || x->h.symbol_id > g->symbols->count)
        return false;
    if (x->type == ATS_EXEC_FILL) {
        book(g, x); /* money moved, whether or not we know the order */
        g->fills_unknown += e == NULL;
    } else if (x->type == ATS_EXEC_BUSTED || x->type == ATS_EXEC_CORRECTED) {
        take_back(g, x);
    }
    if (e)
        answer_order(g, x, e);
    else if (x->type == ATS_EXEC_REPLACE_REJECTED)
        gate_replace_refused(g, x->h.symbol_id, x->order_id); /* the old order has ended */
    gate_refresh(g, x->h.symbol_id);
    gate_watch_losses(g);
    return e != NULL;
}

/* ---- checking ------------------------------------------------------------------------------- */

bool ats_gate_check(const ats_gate *g)
{
    ats_money_e18 gross = 0, shorted = 0, up = 0, down = 0, cost = 0;
    uint32_t active = 0, entries = 0;
    for (uint32_t id = 1; id <= g->symbols->count; id++) {
        const ats_gate_symbol *s = &g->symbol[id];
        const ats_holding *h = &g->portfolio->holdings[id];
        int64_t buys = 0, sells = 0;
        uint32_t orders[2] = {0, 0};
        const ats_order_entry *e = ats_order_table_first(g->open, id);
        for (; e; e = ats_order_table_next(g->open, e)) {
            *(e->side == ATS_SIDE_BUY ? &buys : &sells) += gate_order(g, e)->counted_e9;
            orders[e->side == ATS_SIDE_SELL]++;
            cost += gate_order(g, e)->counted_e18;
        }
        int64_t highest = h->qty_e9 + buys, lowest = h->qty_e9 - sells;
        int64_t worst = gate_magnitude(gate_worst_e9(highest, lowest));
        if (buys != s->open_buy_e9 || sells != s->open_sell_e9 ||
            orders[0] != s->open_orders[0] || orders[1] != s->open_orders[1])
            return false;
        gross += ats_money_product(h->mark_e9, worst);
        shorted += lowest < 0 ? ats_money_product(h->mark_e9, -lowest) : 0;
        up += ats_money_product(h->mark_e9, highest);
        down += ats_money_product(h->mark_e9, lowest);
        active += worst != 0;
        entries += s->may_day_trade;
    }
    return gross == g->gross_e18 && shorted == g->short_e18 && up == g->up_e18 &&
           down == g->down_e18 && cost == g->open_cost_e18 && active == g->active_symbols &&
           entries == g->day_entries && ats_covariance_check(g->covariance) &&
           ats_portfolio_check(g->portfolio);
}
