#include "calc/money.h"
#include "calc/order_legs.h"
#include "io/venue/parts.h"

#include <assert.h>

#define REJECT_SALT 0x72656a656374ull

ats_order_entry *venue_find(const ats_venue_sim *v, uint64_t order_id)
{
    ats_order_entry *e = ats_order_table_find(v->orders, order_id);
    return e && !venue_beside(v, e)->over ? e : NULL;
}

static bool is_stop(uint8_t type)
{
    return type == ATS_ORDER_STOP || type == ATS_ORDER_STOP_LIMIT ||
           type == ATS_ORDER_TRAILING_STOP;
}

uint8_t venue_works_as(const ats_venue_sim *v, const ats_order_entry *e)
{
    if (!is_stop(e->type))
        return e->type;
    if (!venue_beside(v, e)->triggered)
        return 0;
    return e->type == ATS_ORDER_STOP_LIMIT ? ATS_ORDER_LIMIT : ATS_ORDER_MARKET;
}

int64_t venue_stop_price(const ats_venue_sim *v, const ats_order_entry *e)
{
    if (e->type != ATS_ORDER_TRAILING_STOP)
        return e->stop_e9;
    int64_t best = venue_beside(v, e)->best_e9;
    if (best == 0)
        return 0;
    return e->side == ATS_SIDE_BUY ? best + e->trail_e9 : larger(best - e->trail_e9, 1);
}

/* ---- who lives and dies with whom ----------------------------------------------------------- */

/* The other leg of a pair, of which the head of an OCO is one; NULL: it has none, or it is over. */
static ats_order_entry *partner_of(const ats_venue_sim *v, const ats_order_entry *e)
{
    uint64_t head = e->head_id                              ? e->head_id
                    : e->order_class == ATS_ORDER_CLASS_OCO ? e->order_id
                                                            : 0;
    ats_order_entry *other = head ? ats_order_table_first(v->orders, e->symbol_id) : NULL;
    for (; other; other = ats_order_table_next(v->orders, other)) {
        bool pair = other->head_id == head ||
                    (other->order_id == head && other->order_class == ATS_ORDER_CLASS_OCO);
        if (other != e && pair && !venue_beside(v, other)->over)
            return other;
    }
    return NULL;
}

static void mark_over(ats_venue_sim *v, const ats_order_entry *e)
{
    venue_beside(v, e)->over = true;
    v->symbols[e->symbol_id].over_count++;
}

static void end_legs(ats_venue_sim *v, const ats_order_entry *head, int64_t at_ns, uint32_t type)
{
    ats_order_entry *e = ats_order_table_first(v->orders, head->symbol_id);
    for (; e; e = ats_order_table_next(v->orders, e))
        if (e->head_id == head->order_id && !venue_beside(v, e)->over) {
            venue_answer(v, e, at_ns, type);
            mark_over(v, e);
        }
}

void venue_end(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns, uint32_t exec_type)
{
    ats_order_entry *partner = partner_of(v, e);
    venue_answer(v, e, at_ns, exec_type);
    mark_over(v, e);
    if (e->order_class != ATS_ORDER_CLASS_SIMPLE)
        end_legs(v, e, at_ns, exec_type);
    else if (partner) {
        venue_answer(v, partner, at_ns, exec_type);
        mark_over(v, partner);
    }
}

static void activate(ats_venue_sim *v, ats_order_entry *leg, int64_t at_ns)
{
    leg->state = ATS_ORDER_ACCEPTED;
    venue_beside(v, leg)->entry = v->entry;
    venue_answer(v, leg, at_ns, ATS_EXEC_ACCEPTED);
}

static void activate_legs(ats_venue_sim *v, const ats_order_entry *head, int64_t at_ns)
{
    int64_t answer_ns = venue_beside(v, head)->answer_ns;
    ats_order_entry *e = ats_order_table_first(v->orders, head->symbol_id);
    for (; e; e = ats_order_table_next(v->orders, e)) {
        venue_order *x = venue_beside(v, e);
        if (e->head_id == head->order_id && !x->over && e->state == ATS_ORDER_HELD) {
            x->answer_ns = larger(x->answer_ns, answer_ns);
            activate(v, e, at_ns);
        }
    }
}

void venue_sweep(ats_venue_sim *v, uint32_t symbol_id)
{
    venue_symbol *s = &v->symbols[symbol_id];
    if (s->over_count == 0)
        return;
    ats_order_entry *e = ats_order_table_first(v->orders, symbol_id);
    while (e) {
        ats_order_entry *next = ats_order_table_next(v->orders, e);
        if (venue_beside(v, e)->over)
            ats_order_table_remove(v->orders, e);
        e = next;
    }
    s->over_count = 0;
}

/* ---- fills ---------------------------------------------------------------------------------- */

static int64_t fee_of(const ats_venue_sim *v, uint8_t side, int64_t px_e9, int64_t qty_e9)
{
    const ats_venue_sim_config *c = &v->config;
    bool sale = side == ATS_SIDE_SELL;
    int64_t bps_e9 = c->fee_bps_e9 + (sale ? c->sell_fee_bps_e9 : 0);
    int64_t per_unit_e9 = c->fee_per_unit_e9 + (sale ? c->sell_fee_per_unit_e9 : 0);
    /* notional (1e-18) x bps (1e-9) / 1e4 / 1e9, and units x fee per unit, both in 1e-18 */
    ats_money_e18 notional = ats_money_product(px_e9, qty_e9);
    return ats_money_round_e9(notional / 10000 * bps_e9 / ATS_E9 +
                              ats_money_product(per_unit_e9, qty_e9));
}

void venue_fill(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns, int64_t px_e9, int64_t qty_e9,
                uint8_t liquidity)
{
    venue_symbol *s = &v->symbols[e->symbol_id];
    assert(qty_e9 > 0 && qty_e9 <= venue_left(e));
    e->filled_e9 += qty_e9;
    s->held_e9 += e->side == ATS_SIDE_BUY ? qty_e9 : -qty_e9;
    ats_exec *exec = venue_answer(v, e, at_ns, ATS_EXEC_FILL);
    exec->last_qty_e9 = qty_e9;
    exec->last_px_e9 = px_e9;
    exec->liquidity = liquidity;
    exec->fee_e9 = fee_of(v, e->side, px_e9, qty_e9);
    exec->bid_e9 = s->bid_e9;
    exec->ask_e9 = s->ask_e9;
    ats_order_entry *partner = partner_of(v, e);
    if (partner && partner->state != ATS_ORDER_HELD) {
        partner->qty_e9 = larger(partner->qty_e9 - qty_e9, partner->filled_e9);
        if (venue_left(partner) == 0) {
            venue_answer(v, partner, at_ns, ATS_EXEC_CANCELED);
            mark_over(v, partner);
        }
    }
    if (venue_left(e) == 0) {
        mark_over(v, e);
        if (e->order_class != ATS_ORDER_CLASS_SIMPLE)
            activate_legs(v, e, at_ns);
    }
}

void venue_trigger(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns)
{
    venue_beside(v, e)->triggered = true;
    venue_answer(v, e, at_ns, ATS_EXEC_TRIGGERED);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static bool is_price(int64_t px_e9)
{
    return px_e9 > 0 && px_e9 <= ATS_VALUE_MAX_E9;
}

static bool is_well_formed(const ats_order *o, uint32_t leg_count)
{
    bool limit = o->type == ATS_ORDER_LIMIT || o->type == ATS_ORDER_STOP_LIMIT;
    bool stop = o->type == ATS_ORDER_STOP || o->type == ATS_ORDER_STOP_LIMIT;
    bool in_auction = o->tif == ATS_TIF_OPG || o->tif == ATS_TIF_CLS;
    bool at_once = o->tif == ATS_TIF_IOC || o->tif == ATS_TIF_FOK;
    if (o->type < ATS_ORDER_LIMIT || o->type > ATS_ORDER_TRAILING_STOP || o->tif < ATS_TIF_DAY ||
        o->tif > ATS_TIF_CLS || (o->side != ATS_SIDE_BUY && o->side != ATS_SIDE_SELL))
        return false;
    if (o->qty_e9 <= 0 || o->qty_e9 > ATS_VALUE_MAX_E9 || (limit && !is_price(o->limit_e9)) ||
        (stop && !is_price(o->stop_e9)) ||
        (o->type == ATS_ORDER_TRAILING_STOP && !is_price(o->trail_e9)))
        return false;
    if (is_stop(o->type) && (in_auction || at_once))
        return false;
    if ((o->intent_flags & ATS_INTENT_EXTENDED) &&
        (o->type != ATS_ORDER_LIMIT || in_auction || at_once))
        return false;
    if (o->order_class == ATS_ORDER_CLASS_OCO &&
        (o->type != ATS_ORDER_LIMIT || in_auction || at_once))
        return false;
    return o->order_class == ATS_ORDER_CLASS_SIMPLE || leg_count > 0;
}

static bool is_on_tick(const ats_venue_sim *v, const ats_order *o)
{
    return o->limit_e9 % venue_tick(v, o->h.symbol_id, o->limit_e9) == 0 &&
           o->stop_e9 % venue_tick(v, o->h.symbol_id, o->stop_e9) == 0;
}

/* A broker refuses an order while a market or stop order of the same account works on the other
 * side: the two might meet. Legs that are held do not count yet. */
static bool is_wash(const ats_venue_sim *v, const ats_order *o, const ats_order_entry *target)
{
    const ats_order_entry *e = ats_order_table_first(v->orders, o->h.symbol_id);
    for (; e; e = ats_order_table_next(v->orders, e))
        if (e != target && e->side != o->side && venue_is_live(v, e) &&
            e->account_id == o->account_id && e->type != ATS_ORDER_LIMIT)
            return true;
    return false;
}

static uint32_t refusal(const ats_venue_sim *v, const ats_order *o, const ats_order_entry *target,
                        const ats_order *legs, uint32_t leg_count)
{
    const venue_symbol *s = &v->symbols[o->h.symbol_id];
    bool leg_of_leg = target && target->head_id && o->order_class != ATS_ORDER_CLASS_SIMPLE;
    if (!is_well_formed(o, leg_count) || leg_of_leg)
        return ATS_CHECK_MALFORMED;
    if ((o->tif == ATS_TIF_OPG || o->tif == ATS_TIF_CLS) && !venue_has_sessions(s))
        return ATS_CHECK_MALFORMED;
    if (s->halted)
        return ATS_CHECK_HALTED;
    if (!is_on_tick(v, o))
        return ATS_CHECK_TICK;
    for (uint32_t i = 0; i < leg_count; i++)
        if (!is_on_tick(v, &legs[i]))
            return ATS_CHECK_TICK;
    if (is_wash(v, o, target))
        return ATS_CHECK_SELF_MATCH;
    if (s->hard_to_borrow && o->side == ATS_SIDE_SELL && o->qty_e9 > s->held_e9)
        return ATS_CHECK_SHORT;
    if (v->orders->count + 1 + leg_count > v->orders->capacity || !venue_has_room(v))
        return ATS_CHECK_ORDER_TABLE_FULL;
    for (uint32_t i = 0; i <= leg_count; i++)
        if (ats_order_table_find(v->orders, i ? legs[i - 1].order_id : o->order_id))
            return ATS_CHECK_DUPLICATE;
    return ATS_CHECK_PASS;
}

/* ---- arrivals ------------------------------------------------------------------------------- */

static ats_order_entry *enter(ats_venue_sim *v, const ats_order *o, uint64_t family)
{
    ats_order_entry *e = ats_order_table_enter(v->orders, o, ATS_ORDER_ACCEPTED);
    assert(e && "room and the id were looked at");
    venue_order *x = venue_beside(v, e);
    *x = (venue_order){.family = family, .ahead_e9 = -1};
    return e;
}

static bool enter_legs(ats_venue_sim *v, const ats_order_entry *head, const ats_order *o,
                       const ats_order *legs, uint32_t leg_count)
{
    bool planned = true;
    for (uint32_t i = 0; i < leg_count; i++) {
        ats_order_entry *e = enter(v, &legs[i], venue_beside(v, head)->family);
        e->head_id = o->order_id;
        e->leg = ats_order_leg_role(o, &legs[i]);
        e->state = ATS_ORDER_HELD;
        planned &= venue_plan(v, &v->symbols[e->symbol_id], e, venue_beside(v, e));
    }
    return planned;
}

/* The old order ends, its legs with it; a leg's place in its pair goes to the new one. */
static void succeed(ats_venue_sim *v, ats_order_entry *old, ats_order_entry *e, int64_t at_ns)
{
    e->head_id = old->head_id;
    e->leg = old->leg;
    e->state = old->state == ATS_ORDER_HELD ? ATS_ORDER_HELD : ATS_ORDER_ACCEPTED;
    venue_answer(v, old, at_ns, ATS_EXEC_REPLACED)->ref_order_id = e->order_id;
    venue_beside(v, e)->answer_ns = venue_beside(v, old)->answer_ns;
    mark_over(v, old);
    if (old->order_class != ATS_ORDER_CLASS_SIMPLE)
        end_legs(v, old, at_ns, ATS_EXEC_CANCELED);
}

static void work(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns)
{
    const venue_symbol *s = &v->symbols[e->symbol_id];
    bool at_once = e->tif == ATS_TIF_IOC || e->tif == ATS_TIF_FOK;
    if (e->state == ATS_ORDER_HELD || e->tif == ATS_TIF_OPG || e->tif == ATS_TIF_CLS ||
        venue_trades_on_bars(s))
        return;
    bool open = venue_may_trade(s, e);
    if (open && venue_works_as(v, e) != 0)
        venue_take(v, e, at_ns);
    if (venue_beside(v, e)->over)
        return;
    /* Where there are prints and no quotes a market order waits for the next print. */
    bool waits = e->type != ATS_ORDER_MARKET || !open || (s->traded && !s->quoted);
    if (at_once || !waits)
        venue_end(v, e, at_ns, ATS_EXEC_CANCELED);
    else
        venue_join_queue(v, e);
}

void venue_arrive(ats_venue_sim *v, const action *a)
{
    const ats_order *o = &a->order;
    bool replaces = o->action == ATS_INTENT_REPLACE;
    uint32_t refused = replaces ? ATS_EXEC_REPLACE_REJECTED : ATS_EXEC_REJECTED;
    uint64_t family = replaces ? o->target_order_id : o->order_id;
    ats_order legs[ATS_LEGS_MAX];
    if (o->h.symbol_id == 0 || o->h.symbol_id > v->config.symbol_count) {
        venue_answer_stranger(v, o, family, a->due_ns, refused, ATS_CHECK_UNKNOWN_SYMBOL);
        return;
    }
    venue_symbol *s = &v->symbols[o->h.symbol_id];
    venue_look_at_calendar(s, a->due_ns);
    ats_order_entry *old = replaces ? venue_find(v, o->target_order_id) : NULL;
    int64_t late_ns = venue_end_of_bar(s, o->h.recv_ns);
    if (old && a->kind == ACTION_ARRIVE && late_ns > a->due_ns) {
        action *again = venue_schedule(v, late_ns, ACTION_ARRIVE_LATE);
        again->symbol_id = a->symbol_id;
        again->order = *o;
        again->order.h.recv_ns = late_ns - 1;
        return;
    }
    if (old)
        family = venue_beside(v, old)->family;
    uint32_t leg_count = ats_order_legs(o, legs);
    uint32_t check = refusal(v, o, old, legs, leg_count);
    bool gone = replaces && (!old || old->filled_e9 > o->target_cum_qty_e9);
    if (gone || check != ATS_CHECK_PASS ||
        venue_chance(v, o->order_id, REJECT_SALT, v->config.reject_share_bps)) {
        venue_answer_stranger(v, o, family, a->due_ns, refused, check);
        for (uint32_t i = 0; i < leg_count && !replaces; i++)
            venue_answer_stranger(v, &legs[i], family, a->due_ns, refused, check);
        return;
    }
    ats_order_entry *e = enter(v, o, family);
    if (old)
        succeed(v, old, e, a->due_ns);
    bool planned = venue_plan(v, s, e, venue_beside(v, e));
    if (e->state != ATS_ORDER_HELD)
        venue_answer(v, e, a->due_ns, ATS_EXEC_ACCEPTED);
    planned &= enter_legs(v, e, o, legs, leg_count);
    if (!planned) { /* the calendar knows no session that it could be for */
        venue_end(v, e, a->due_ns, ATS_EXEC_EXPIRED);
        return;
    }
    if (e->order_class == ATS_ORDER_CLASS_OCO)
        activate_legs(v, e, a->due_ns);
    work(v, e, a->due_ns);
}

void venue_cancel(ats_venue_sim *v, const action *a)
{
    const ats_order *o = &a->order;
    ats_order_entry *e = venue_find(v, o->target_order_id);
    if (!e) {
        venue_answer_stranger(v, o, o->target_order_id, a->due_ns, ATS_EXEC_CANCEL_REJECTED,
                              ATS_CHECK_PASS);
        return;
    }
    venue_symbol *s = &v->symbols[e->symbol_id];
    venue_look_at_calendar(s, a->due_ns);
    int64_t late_ns = venue_end_of_bar(s, o->h.recv_ns);
    if (a->kind == ACTION_CANCEL && late_ns > a->due_ns) {
        action *again = venue_schedule(v, late_ns, ACTION_CANCEL_LATE);
        again->symbol_id = e->symbol_id;
        again->order = *o;
        return;
    }
    venue_end(v, e, a->due_ns, ATS_EXEC_CANCELED);
}
