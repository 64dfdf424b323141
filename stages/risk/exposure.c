/* What open orders and positions may come to. */
#include "stages/risk/gate_case.h"

#include <assert.h>

#define E9_PER_CENT 10000000

/* ---- a symbol ------------------------------------------------------------------------------- */

static void move(ats_gate *g, const ats_gate_symbol *s, ats_money_e18 gross)
{
    g->gross_e18 += gross;
    g->no_credit_e18 += s->no_credit ? gross : 0;
    g->sector_e18[s->sector] += gross;
}

void gate_refresh(ats_gate *g, uint32_t symbol_id)
{
    ats_gate_symbol *s = &g->symbol[symbol_id];
    const ats_holding *h = &g->portfolio->holdings[symbol_id];
    int64_t up = h->qty_e9 + s->open_buy_e9, down = h->qty_e9 - s->open_sell_e9;
    int64_t worst = gate_worst_e9(up, down);
    ats_money_e18 gross = ats_money_product(h->mark_e9, gate_magnitude(worst));
    ats_money_e18 shorted = down < 0 ? ats_money_product(h->mark_e9, -down) : 0;
    ats_money_e18 up_value = ats_money_product(h->mark_e9, up);
    ats_money_e18 down_value = ats_money_product(h->mark_e9, down);
    move(g, s, gross - s->gross_e18);
    g->short_e18 += shorted - s->short_e18;
    g->up_e18 += up_value - s->up_e18;
    g->down_e18 += down_value - s->down_e18;
    s->gross_e18 = gross;
    s->short_e18 = shorted;
    s->up_e18 = up_value;
    s->down_e18 = down_value;
    g->active_symbols += (worst != 0) - s->active;
    s->active = worst != 0;
    int64_t held = ats_money_round_e9(h->value_e18) / E9_PER_CENT;
    int64_t most = ats_money_round_e9(gross) / E9_PER_CENT, size = gate_magnitude(held);
    ats_covariance_hold(g->covariance, symbol_id, held, most > size ? most - size : 0);
}

/* ---- an order ------------------------------------------------------------------------------- */

static void count(ats_gate *g, ats_order_entry *e, int64_t qty_e9, ats_money_e18 cost)
{
    ats_gate_order *o = gate_order(g, e);
    ats_gate_symbol *s = &g->symbol[e->symbol_id];
    bool buy = e->side == ATS_SIDE_BUY;
    *(buy ? &s->open_buy_e9 : &s->open_sell_e9) += qty_e9 - o->counted_e9;
    g->open_cost_e18 += cost - o->counted_e18;
    o->counted_e9 = qty_e9;
    o->counted_e18 = cost;
    gate_refresh(g, e->symbol_id);
}

void gate_unreserve(ats_gate *g, ats_order_entry *e)
{
    count(g, e, 0, 0);
}

static ats_order_entry *at_place(const ats_gate *g, uint32_t place)
{
    return place ? &g->open->pool[place - 1] : NULL;
}

static int64_t left_e9(const ats_order_entry *e)
{
    return e->qty_e9 - e->filled_e9;
}

/* Of a pair the first counts, with the larger of the two (a replacement may have changed one). */
static int64_t reserved_e9(const ats_gate *g, const ats_order_entry *e)
{
    const ats_gate_order *o = gate_order(g, e);
    const ats_order_entry *twin = at_place(g, o->twin);
    if (o->held || (twin && o->second))
        return 0;
    int64_t left = left_e9(e);
    return twin && left_e9(twin) > left ? left_e9(twin) : left;
}

/* The replacement of an order that is on its way; NULL: none. */
static ats_order_entry *replacement_of(const ats_gate *g, const ats_order_entry *old)
{
    ats_order_entry *e = ats_order_table_first(g->open, old->symbol_id);
    for (; e; e = ats_order_table_next(g->open, e))
        if (gate_order(g, e)->target_id == old->order_id)
            return e;
    return NULL;
}

void gate_count_again(ats_gate *g, ats_order_entry *e)
{
    const ats_gate_order *o = gate_order(g, e);
    int64_t left = reserved_e9(g, e);
    ats_money_e18 cost = e->side == ATS_SIDE_BUY ? ats_money_product(o->price_e9, left) : 0;
    if (o->target_id) { /* what it takes beyond the one that it replaces */
        const ats_order_entry *old = ats_order_table_find(g->open, o->target_id);
        if (old) {
            const ats_gate_order *kept = gate_order(g, old);
            left -= left < kept->counted_e9 ? left : kept->counted_e9;
            cost -= cost < kept->counted_e18 ? cost : kept->counted_e18;
        }
    }
    count(g, e, left, cost);
    ats_order_entry *next = o->replaced ? replacement_of(g, e) : NULL;
    if (next) /* what it takes beyond this one has changed */
        gate_count_again(g, next);
}

static uint32_t place_of(const ats_gate *g, const ats_order_entry *e)
{
    return (uint32_t)(e - g->open->pool) + 1;
}

static ats_order_entry *enter(gate_case *c, uint64_t id, uint8_t side, uint8_t type,
                              int64_t limit_e9, int64_t price_e9)
{
    const ats_intent *i = c->i;
    ats_order_entry *e = ats_order_table_insert(c->g->open, id, i->h.symbol_id);
    assert(e && "the table was checked for room and the ids");
    e->qty_e9 = i->qty_e9;
    e->limit_e9 = limit_e9;
    e->side = side;
    e->type = type;
    e->tif = i->tif;
    e->account_id = i->account_id;
    e->strategy_id = i->strategy_id;
    e->sent_ns = i->h.recv_ns;
    *gate_order(c->g, e) = (ats_gate_order){.price_e9 = price_e9};
    c->s->open_orders[side == ATS_SIDE_SELL]++;
    return e;
}

static bool has_target(const ats_intent *i)
{
    return i->order_class == ATS_ORDER_CLASS_BRACKET ||
           (i->order_class == ATS_ORDER_CLASS_OTO && i->target_e9 > 0);
}

static bool has_stop(const ats_intent *i)
{
    return i->order_class == ATS_ORDER_CLASS_BRACKET || i->order_class == ATS_ORDER_CLASS_OCO ||
           (i->order_class == ATS_ORDER_CLASS_OTO && i->stop_leg_e9 > 0);
}

uint32_t gate_order_count(const ats_intent *i)
{
    return 1u + has_target(i) + has_stop(i);
}

static void enter_legs(gate_case *c, ats_order_entry *head)
{
    const ats_intent *i = c->i;
    bool oco = i->order_class == ATS_ORDER_CLASS_OCO;
    uint8_t side = oco ? i->side : c->buy ? ATS_SIDE_SELL : ATS_SIDE_BUY;
    ats_order_entry *target = NULL, *stop = NULL;
    if (has_target(i))
        target = enter(c, i->intent_id + ATS_LEG_TARGET, side, ATS_ORDER_LIMIT, i->target_e9,
                       i->target_e9);
    if (has_stop(i))
        stop = enter(c, i->intent_id + ATS_LEG_STOP, side,
                     i->stop_leg_limit_e9 ? ATS_ORDER_STOP_LIMIT : ATS_ORDER_STOP,
                     i->stop_leg_limit_e9 ? i->stop_leg_limit_e9 : i->stop_leg_e9, i->stop_leg_e9);
    ats_order_entry *first = oco ? head : target;
    if (first && stop) {
        gate_order(c->g, first)->twin = place_of(c->g, stop);
        gate_order(c->g, stop)->twin = place_of(c->g, first);
        gate_order(c->g, stop)->second = 1;
    }
    ats_order_entry *const legs[2] = {oco ? NULL : target, oco ? NULL : stop};
    for (int k = 0; k < 2; k++) {
        if (!legs[k])
            continue;
        legs[k]->state = ATS_ORDER_HELD;
        gate_order(c->g, legs[k])->held = 1;
        gate_order(c->g, legs[k])->head = place_of(c->g, head);
        gate_order(c->g, head)->legs[k] = place_of(c->g, legs[k]);
    }
}

void gate_reserve(gate_case *c)
{
    ats_gate *g = c->g;
    const ats_intent *i = c->i;
    ats_order_entry *e = enter(c, i->intent_id, i->side, i->type,
                               i->limit_e9 ? i->limit_e9 : c->price_e9, c->price_e9);
    ats_gate_order *o = gate_order(g, e);
    e->reason = i->reason;
    o->entry = !c->reduces;
    c->s->open_entries += o->entry;
    if (i->order_class != ATS_ORDER_CLASS_SIMPLE)
        enter_legs(c, e);
    if (c->target) {
        o->target_id = c->target->order_id;
        gate_order(g, c->target)->replaced = 1;
        gate_count_again(g, c->target);
    }
    gate_count_again(g, e);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void remove_order(ats_gate *g, ats_order_entry *e)
{
    ats_gate_order *o = gate_order(g, e);
    ats_gate_symbol *s = &g->symbol[e->symbol_id];
    count(g, e, 0, 0);
    s->open_entries -= o->entry;
    s->open_orders[e->side == ATS_SIDE_SELL]--;
    gate_watch_day_trade(g, s);
    *o = (ats_gate_order){0};
    ats_order_table_remove(g->open, e);
}

/* A leg that ends before its head is no leg of it any more. */
static void leave_head(ats_gate *g, const ats_order_entry *leg)
{
    ats_order_entry *head = at_place(g, gate_order(g, leg)->head);
    for (int k = 0; head && k < 2; k++)
        if (gate_order(g, head)->legs[k] == place_of(g, leg))
            gate_order(g, head)->legs[k] = 0;
}

void gate_end_order(ats_gate *g, ats_order_entry *e)
{
    ats_gate_order *o = gate_order(g, e);
    ats_order_entry *twin = at_place(g, o->twin);
    leave_head(g, e);
    for (int k = 0; k < 2; k++) {
        ats_order_entry *leg = at_place(g, o->legs[k]);
        o->legs[k] = 0;
        if (leg && gate_order(g, leg)->held) /* its head will never fill whole */
            gate_end_order(g, leg);
    }
    ats_order_entry *next = o->replaced ? replacement_of(g, e) : NULL;
    ats_order_entry *old = o->target_id ? ats_order_table_find(g->open, o->target_id) : NULL;
    if (old)
        gate_order(g, old)->replaced = 0;
    remove_order(g, e);
    if (twin) {
        gate_order(g, twin)->twin = 0;
        gate_count_again(g, twin);
    }
    if (next) /* stands alone now, until the broker has answered; its target_id finds it */
        gate_count_again(g, next);
}

/* The head has filled: its legs rest. */
static void release_legs(ats_gate *g, ats_gate_order *head)
{
    for (int k = 0; k < 2; k++) {
        ats_order_entry *leg = at_place(g, head->legs[k]);
        head->legs[k] = 0;
        if (!leg)
            continue;
        gate_order(g, leg)->held = 0;
        gate_order(g, leg)->head = 0;
        leg->state = ATS_ORDER_SENT;
        gate_count_again(g, leg);
    }
}

static void fill_part(ats_order_entry *e, int64_t qty_e9)
{
    e->filled_e9 += qty_e9 < left_e9(e) ? qty_e9 : left_e9(e);
}

void gate_fill_order(ats_gate *g, ats_order_entry *e, int64_t qty_e9)
{
    ats_gate_order *o = gate_order(g, e);
    ats_order_entry *twin = at_place(g, o->twin);
    o->held = 0;
    fill_part(e, qty_e9);
    if (twin) {
        fill_part(twin, qty_e9);
        gate_count_again(g, twin);
    }
    gate_count_again(g, e);
    if (left_e9(e) == 0) {
        release_legs(g, o);
        gate_end_order(g, e);
    }
    if (twin && left_e9(twin) == 0)
        gate_end_order(g, twin);
}

void gate_settle_replacement(ats_gate *g, ats_order_entry *e)
{
    ats_gate_order *o = gate_order(g, e);
    if (o->target_id && !ats_order_table_find(g->open, o->target_id))
        o->target_id = 0;
}

void gate_replaced(ats_gate *g, ats_order_entry *old, uint64_t new_id)
{
    ats_order_entry *e = ats_order_table_find(g->open, new_id);
    ats_gate_order *o = gate_order(g, old);
    ats_order_entry *twin = at_place(g, o->twin);
    if (e && gate_order(g, e)->target_id == old->order_id) {
        ats_gate_order *n = gate_order(g, e);
        n->target_id = 0;
        n->twin = o->twin;
        n->second = o->second;
        o->replaced = 0;
        o->twin = 0;
        if (twin)
            gate_order(g, twin)->twin = place_of(g, e);
    }
    gate_end_order(g, old);
    if (e)
        gate_count_again(g, e);
    if (e && twin)
        gate_count_again(g, twin);
}

void gate_replace_refused(ats_gate *g, uint32_t symbol_id, uint64_t old_id)
{
    ats_order_entry *e = ats_order_table_first(g->open, symbol_id);
    for (; e; e = ats_order_table_next(g->open, e))
        if (gate_order(g, e)->target_id == old_id)
            break;
    if (e)
        gate_end_order(g, e);
}
