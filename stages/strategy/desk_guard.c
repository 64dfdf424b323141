/* What rests at the broker to guard a position: a stop, or a target and a stop of which one cancels
 * the other. */
#include "stages/strategy/desk.h"

#define SECOND_NS 1000000000ll

/* A stop that follows the market is moved at the broker when it has come a tenth of its trail
 * nearer, and not more than once a second: each move is an order of the account's budget. */
#define MOVE_SHARE 10
#define MOVE_NS    SECOND_NS

static int64_t magnitude(int64_t v)
{
    return v < 0 ? -v : v;
}

static bool is_long(const ats_slot *slot)
{
    return slot->qty_e9 > 0;
}

static int64_t tick_of(const ats_desk *d, const ats_slot *slot, int64_t px_e9)
{
    return ats_symbol_tick_e9(&d->config.symbols->entry[slot->symbol], px_e9);
}

/* On a tick, away from the market: the broker takes no other price, and none that is nearer. */
static int64_t stop_px(const ats_desk *d, const ats_slot *slot)
{
    int64_t tick = tick_of(d, slot, slot->stop_e9), rest = slot->stop_e9 % tick;
    return slot->stop_e9 - rest + (rest && !is_long(slot) ? tick : 0);
}

static int64_t target_px(const ats_desk *d, const ats_slot *slot)
{
    int64_t tick = tick_of(d, slot, slot->target_e9), rest = slot->target_e9 % tick;
    return slot->target_e9 - rest + (rest && is_long(slot) ? tick : 0);
}

/* A stop on the wrong side of the market would be refused; the watch leaves the position at once.
 */
static bool beyond(const ats_desk *d, const ats_slot *slot, int64_t px_e9)
{
    const ats_symbol_market *m = &d->markets->symbol[slot->symbol];
    int64_t bid = m->bid_e9 ? m->bid_e9 : m->price_e9, ask = m->ask_e9 ? m->ask_e9 : m->price_e9;
    return is_long(slot) ? px_e9 >= bid : px_e9 <= ask;
}

static void place_stop(ats_desk *d, ats_slot *slot, int64_t px_e9)
{
    uint32_t reason = slot->trailed ? ATS_REASON_EXIT_TRAILING : ATS_REASON_EXIT_STOP;
    ats_intent *i =
        ats_desk_order(d, slot, ATS_ROLE_STOP, is_long(slot) ? ATS_SIDE_SELL : ATS_SIDE_BUY,
                       magnitude(slot->qty_e9), reason);
    if (!i)
        return;
    i->type = ATS_ORDER_STOP;
    i->tif = ATS_TIF_GTC;
    i->stop_e9 = px_e9;
    i->intent_flags |= ATS_INTENT_PROTECTIVE;
    slot->stop = (ats_guard){
        .order = i->intent_id, .qty_e9 = i->qty_e9, .px_e9 = px_e9, .changed_ns = d->cause.recv_ns};
}

static void place_pair(ats_desk *d, ats_slot *slot, int64_t px_e9)
{
    if (d->orders->count + 2 > d->orders->capacity)
        return;
    ats_intent *i =
        ats_desk_order(d, slot, ATS_ROLE_TARGET, is_long(slot) ? ATS_SIDE_SELL : ATS_SIDE_BUY,
                       magnitude(slot->qty_e9), ATS_REASON_EXIT_TARGET);
    i->type = ATS_ORDER_LIMIT;
    i->tif = ATS_TIF_GTC;
    i->order_class = ATS_ORDER_CLASS_OCO;
    i->limit_e9 = target_px(d, slot);
    i->target_e9 = i->limit_e9;
    i->stop_leg_e9 = px_e9;
    i->intent_flags |= ATS_INTENT_PROTECTIVE;
    ats_desk_leg(d, slot, i, ATS_LEG_STOP, ATS_ROLE_STOP);
    slot->target = (ats_guard){.order = i->intent_id,
                               .qty_e9 = i->qty_e9,
                               .px_e9 = i->limit_e9,
                               .changed_ns = d->cause.recv_ns};
    slot->stop = (ats_guard){.order = i->intent_id + ATS_LEG_STOP,
                             .qty_e9 = i->qty_e9,
                             .px_e9 = px_e9,
                             .changed_ns = d->cause.recv_ns};
}

static void move_stop(ats_desk *d, ats_slot *slot, int64_t px_e9)
{
    uint32_t reason = slot->trailed ? ATS_REASON_EXIT_TRAILING : ATS_REASON_EXIT_STOP;
    ats_intent *i = ats_desk_replace(d, slot, slot->stop.order, magnitude(slot->qty_e9), reason);
    if (!i)
        return;
    i->type = ATS_ORDER_STOP;
    i->tif = ATS_TIF_GTC;
    i->side = is_long(slot) ? ATS_SIDE_SELL : ATS_SIDE_BUY;
    i->stop_e9 = px_e9;
    i->intent_flags |= ATS_INTENT_PROTECTIVE;
    slot->stop.successor = i->intent_id;
    slot->stop.next_qty_e9 = i->qty_e9;
    slot->stop.next_px_e9 = px_e9;
    slot->stop.changed_ns = d->cause.recv_ns;
}

static bool pending(const ats_guard *g)
{
    return g->order && (g->leaving || g->successor || !g->live);
}

/* By how much the stop must have moved to be moved at the broker. */
static int64_t step_of(const ats_desk *d, const ats_slot *slot, int64_t px_e9)
{
    int64_t tick = tick_of(d, slot, px_e9), step = slot->trail_e9 / MOVE_SHARE;
    return step > tick ? step : tick;
}

/* Is what rests for another quantity, or too far from where it should be? */
static bool differs(const ats_desk *d, const ats_slot *slot, int64_t px_e9)
{
    if (slot->stop.qty_e9 != magnitude(slot->qty_e9))
        return true;
    return magnitude(slot->stop.px_e9 - px_e9) >= step_of(d, slot, px_e9);
}

bool ats_guard_covers(const ats_desk *d, const ats_slot *slot)
{
    if (!slot->stop.order || !slot->stop.live)
        return false;
    int64_t behind =
        is_long(slot) ? slot->stop_e9 - slot->stop.px_e9 : slot->stop.px_e9 - slot->stop_e9;
    return behind < step_of(d, slot, slot->stop_e9);
}

void ats_guard_keep(ats_desk *d, ats_slot *slot)
{
    ats_protect_policy policy = d->config.settings->rules.protect;
    int64_t now_ns = d->cause.recv_ns;
    if (policy == ATS_PROTECT_WATCH || slot->stop_e9 <= 0 || now_ns < slot->guard_retry_ns ||
        pending(&slot->stop) || pending(&slot->target))
        return;
    int64_t px_e9 = stop_px(d, slot);
    if (px_e9 <= 0 || beyond(d, slot, px_e9))
        return;
    bool pair = policy == ATS_PROTECT_BRACKET && slot->target_e9 > 0;
    if (!slot->stop.order && slot->target.order) {
        ats_guard_clear(d, slot); /* half of a pair is left: begin again */
    } else if (!slot->stop.order) {
        if (pair)
            place_pair(d, slot, px_e9);
        else
            place_stop(d, slot, px_e9);
    } else if (now_ns >= slot->stop.changed_ns + MOVE_NS && differs(d, slot, px_e9)) {
        if (slot->target.order)
            ats_guard_clear(d, slot); /* a pair is not moved: it goes, and comes anew */
        else
            move_stop(d, slot, px_e9);
    }
}

static void take_back(ats_desk *d, ats_slot *slot, ats_guard *g)
{
    if (!g->order || g->leaving || g->successor)
        return; /* what is being replaced can be cancelled once that is answered */
    ats_desk_cancel(d, slot, g->order);
    g->leaving = true;
}

bool ats_guard_clear(ats_desk *d, ats_slot *slot)
{
    /* Of a pair the cancel of one takes the other along. */
    if (slot->target.order && slot->stop.order) {
        take_back(d, slot, &slot->target);
        slot->stop.leaving = true;
    } else {
        take_back(d, slot, &slot->stop);
        take_back(d, slot, &slot->target);
    }
    return !slot->stop.order && !slot->target.order;
}

void ats_guard_forget_successor(ats_slot *slot, const ats_exec *x)
{
    if (!slot->stop.successor || slot->stop.successor != x->ref_order_id)
        return;
    slot->stop.successor = 0;
    slot->guard_retry_ns = ats_slot_wait(slot, x->h.recv_ns);
}

void ats_guard_answer(ats_slot *slot, uint8_t role, const ats_exec *x, bool final)
{
    ats_guard *g = ats_guard_of(slot, role);
    bool refused = x->type == ATS_EXEC_REFUSED || x->type == ATS_EXEC_REJECTED;
    if (refused)
        slot->guard_retry_ns = ats_slot_wait(slot, x->h.recv_ns);
    if (g->successor && x->order_id == g->successor) {
        if (final)
            g->successor = 0; /* it never came to rest: the old one stands, or has ended */
        return;
    }
    if (x->order_id != g->order)
        return;
    switch (x->type) {
    case ATS_EXEC_ACCEPTED:
        slot->refusals = 0;
        g->live = true;
        break;
    case ATS_EXEC_FILL:
        g->qty_e9 -= x->last_qty_e9;
        if (role == ATS_ROLE_STOP && slot->target.order)
            slot->target.qty_e9 -= x->last_qty_e9;
        if (role == ATS_ROLE_TARGET && slot->stop.order)
            slot->stop.qty_e9 -= x->last_qty_e9;
        break;
    case ATS_EXEC_REPLACED:
        *g = (ats_guard){.order = g->successor,
                         .qty_e9 = g->next_qty_e9,
                         .px_e9 = g->next_px_e9,
                         .changed_ns = g->changed_ns,
                         .live = true};
        return;
    case ATS_EXEC_CANCEL_REJECTED:
        g->leaving = false;
        return;
    default:
        break;
    }
    if (final)
        *g = (ats_guard){0};
}
