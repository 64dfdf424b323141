#include "stages/route/parts.h"

static uint32_t place_of(const route *r, const ats_order_entry *e)
{
    return (uint32_t)(e - r->orders->pool);
}

void route_watch(route *r, const ats_order_entry *e)
{
    watch_put(&r->watch, place_of(r, e),
              ats_order_is_awaited(e->state) ? WATCH_ANSWER
              : e->state == ATS_ORDER_HELD   ? WATCH_NONE
                                             : WATCH_REST,
              r->now_ns);
}

void route_forget(route *r, ats_order_entry *e)
{
    watch_put(&r->watch, place_of(r, e), WATCH_NONE, r->now_ns);
    ats_order_table_remove(r->orders, e);
    ats_store_relaxed(&r->metrics->orders_open, r->orders->count);
}

/* ---- what an answer means ------------------------------------------------------------------- */

static uint8_t event_of(const ats_exec *x, const ats_order_entry *e)
{
    switch (x->type) {
    case ATS_EXEC_ACCEPTED:
        return e && e->state == ATS_ORDER_HELD ? ATS_EVENT_ACTIVATED : ATS_EVENT_ACCEPTED;
    case ATS_EXEC_REJECTED:
        return ATS_EVENT_REJECTED;
    case ATS_EXEC_FILL:
        return x->leaves_qty_e9 == 0 ? ATS_EVENT_FULL_FILL : ATS_EVENT_PARTIAL_FILL;
    case ATS_EXEC_CANCELED:
        return ATS_EVENT_CANCELED;
    case ATS_EXEC_CANCEL_REJECTED:
        return ATS_EVENT_CANCEL_REJECTED;
    case ATS_EXEC_EXPIRED:
        return ATS_EVENT_EXPIRED;
    case ATS_EXEC_REPLACED:
        return ATS_EVENT_REPLACED;
    case ATS_EXEC_REPLACE_REJECTED:
        return ATS_EVENT_REPLACE_REJECTED;
    case ATS_EXEC_TRIGGERED:
        return ATS_EVENT_TRIGGERED;
    case ATS_EXEC_BUSTED:
        return ATS_EVENT_BUSTED;
    case ATS_EXEC_CORRECTED:
        return ATS_EVENT_CORRECTED;
    default:
        return ATS_EVENT_COUNT;
    }
}

static bool is_bust(const ats_exec *x)
{
    return x->type == ATS_EXEC_BUSTED || x->type == ATS_EXEC_CORRECTED;
}

/* Something that cannot be: no further order, and what moved money is booked all the same. */
static void distrust(route *r, ats_io *io, ats_exec *x)
{
    ats_count(&r->metrics->executions_unknown, 1);
    ats_store_release(&r->context->switches->kill, 1); /* partner: risk, route_is_killed */
    if (x->type == ATS_EXEC_FILL || is_bust(x)) {
        ats_count(&r->metrics->fills, x->type == ATS_EXEC_FILL);
        route_forward(r, io, x);
    }
}

/* The order that was to take another's place never was; its legs neither. */
static bool forget_replacement(route *r, uint64_t order_id)
{
    ats_order_entry *e = ats_order_table_find(r->orders, order_id);
    if (!e || e->replaces_id == 0)
        return false;
    for (uint64_t leg = ATS_LEG_TARGET; leg <= ATS_LEG_STOP; leg++) {
        ats_order_entry *held = ats_order_table_find(r->orders, order_id + leg);
        if (held && held->head_id == order_id)
            route_forget(r, held);
    }
    route_forget(r, e);
    return true;
}

/* An answer about an order that is not open: never ours, or ended. */
static void on_stranger(route *r, ats_io *io, ats_exec *x, uint8_t event)
{
    bool late = x->type == ATS_EXEC_CANCEL_REJECTED || x->type == ATS_EXEC_REPLACE_REJECTED;
    bool known = late || is_bust(x);
    route_journal_exec(
        r, x, event, (ats_transition){0, known ? ATS_TRANSITION_STALE : ATS_TRANSITION_IMPOSSIBLE});
    if (x->type == ATS_EXEC_REPLACE_REJECTED && forget_replacement(r, x->ref_order_id)) {
        x->order_state = ATS_ORDER_FILLED; /* the order ended first; its own end has been told */
        route_forward(r, io, x);
    } else if (is_bust(x)) { /* a fill of days ago may be taken back */
        ats_count(&r->metrics->busts, 1);
        route_forward(r, io, x);
    } else if (late) {
        ats_count(&r->metrics->executions_duplicate, 1); /* the order ended first */
    } else {
        distrust(r, io, x);
    }
}

/* ---- what follows from it ------------------------------------------------------------------- */

/* A fill of one leg takes its quantity off the other, here as at the broker. */
static void reduce_other_leg(route *r, const ats_order_entry *e, int64_t qty_e9)
{
    uint64_t head = e->head_id                              ? e->head_id
                    : e->order_class == ATS_ORDER_CLASS_OCO ? e->order_id
                                                            : 0;
    ats_order_entry *other = head ? ats_order_table_first(r->orders, e->symbol_id) : NULL;
    for (; other; other = ats_order_table_next(r->orders, other)) {
        bool pair = other->head_id == head ||
                    (other->order_id == head && other->order_class == ATS_ORDER_CLASS_OCO);
        /* Not one that waits to take a leg's place: its own quantity is what is wanted then. */
        if (other == e || !pair || other->replaces_id != 0)
            continue;
        int64_t left = other->qty_e9 - qty_e9;
        other->qty_e9 = left > other->filled_e9 ? left : other->filled_e9;
    }
}

/* A leg whose head is still open and no leg itself does not work yet. */
static bool waits_for_head(const route *r, const ats_order_entry *e)
{
    const ats_order_entry *head = e->head_id ? ats_order_table_find(r->orders, e->head_id) : NULL;
    return head && head->order_class != ATS_ORDER_CLASS_OCO;
}

/* The replacement is confirmed; one of a held leg is held in its turn. */
static void succeed(route *r, uint64_t order_id)
{
    ats_order_entry *e = ats_order_table_find(r->orders, order_id);
    if (!e)
        return;
    e->replaces_id = 0;
    ats_transition t = ats_order_transition(e->state, ATS_EVENT_HELD);
    if (waits_for_head(r, e) && t.kind == ATS_TRANSITION_MOVE) {
        route_journal_step(r, e, ATS_EVENT_HELD, t);
        e->state = t.next;
        route_watch(r, e);
    }
}

/* A refused request leaves the order as it was: partly filled or held, if it was. */
static uint8_t settled(const route *r, const ats_order_entry *e, uint8_t event, uint8_t next)
{
    if (next != ATS_ORDER_ACCEPTED)
        return next;
    if (e->filled_e9 > 0)
        return ATS_ORDER_PARTIAL;
    bool refused = event == ATS_EVENT_CANCEL_REJECTED || event == ATS_EVENT_REPLACE_REJECTED;
    return refused && waits_for_head(r, e) ? ATS_ORDER_HELD : next;
}

static void book(route *r, ats_order_entry *e, const ats_exec *x)
{
    e->last_exec_id = x->exec_id;
    if (x->type == ATS_EXEC_FILL) {
        e->filled_e9 = x->cum_qty_e9;
        reduce_other_leg(r, e, x->last_qty_e9);
    } else if (is_bust(x)) {
        e->filled_e9 = x->cum_qty_e9;
    } else if (x->type == ATS_EXEC_REPLACED) {
        succeed(r, x->ref_order_id);
    } else if (x->type == ATS_EXEC_REPLACE_REJECTED) {
        forget_replacement(r, x->ref_order_id);
    }
    ats_count(&r->metrics->fills, x->type == ATS_EXEC_FILL);
    ats_count(&r->metrics->rejects, x->type == ATS_EXEC_REJECTED);
    ats_count(&r->metrics->busts, is_bust(x));
}

void route_on_answer(route *r, ats_io *io, ats_exec *x)
{
    ats_order_entry *e = ats_order_table_find(r->orders, x->order_id);
    uint8_t event = event_of(x, e);
    if (!e) {
        on_stranger(r, io, x, event);
        return;
    }
    ats_transition t = ats_order_transition(e->state, event);
    bool seen = x->exec_id != 0 && x->exec_id <= e->last_exec_id;
    if (x->type == ATS_EXEC_FILL && !seen && x->cum_qty_e9 != e->filled_e9 + x->last_qty_e9)
        t.kind = ATS_TRANSITION_IMPOSSIBLE; /* cumulative quantity must run on */
    t.next = settled(r, e, event, t.next);
    route_journal_exec(r, x, event, t);
    if (!seen && t.kind == ATS_TRANSITION_STALE && x->type == ATS_EXEC_REPLACE_REJECTED &&
        forget_replacement(r, x->ref_order_id)) {
        /* News of the order that never was; the old one is being cancelled meanwhile. */
        e->last_exec_id = x->exec_id;
        x->order_state = e->state;
        route_forward(r, io, x);
        return;
    }
    if (seen || t.kind == ATS_TRANSITION_STALE) {
        ats_count(&r->metrics->executions_duplicate, 1);
        return;
    }
    if (t.kind == ATS_TRANSITION_IMPOSSIBLE) {
        distrust(r, io, x);
        return;
    }
    e->state = t.next;
    book(r, e, x);
    x->order_state = e->state;
    if (ats_order_is_final(e->state))
        route_forget(r, e);
    else
        route_watch(r, e);
    route_forward(r, io, x);
}

/* ---- no answer ------------------------------------------------------------------------------ */

void route_on_timeout(route *r, uint32_t place)
{
    ats_order_entry *e = &r->orders->pool[place];
    if (r->watch.at[place].queue == WATCH_ANSWER) {
        ats_transition t = ats_order_transition(e->state, ATS_EVENT_TIMED_OUT);
        if (t.kind == ATS_TRANSITION_MOVE) {
            route_journal_step(r, e, ATS_EVENT_TIMED_OUT, t);
            e->state = t.next;
            ats_count(&r->metrics->timeouts, 1);
        }
    }
    if (ats_venue_sim_room(r->venue)) {
        ats_venue_sim_ask(r->venue, e->order_id, r->now_ns);
        ats_count(&r->metrics->questions, 1);
    }
    route_watch(r, e); /* until it is known */
}
