#include "stages/strategy/desk.h"

#include "core/memory.h"

#include <assert.h>
#include <string.h>

#define SECOND_NS    1000000000ll
#define MS_NS        1000000ll
#define RETRY_NS     SECOND_NS /* before what was refused is asked for again, at first */
#define REFUSALS_MAX 5u        /* doublings: 32 s */

/* Orders that one position may have at once: a child, its replacement, two guards and one's
 * replacement. An entry wants as much room. */
#define ORDERS_A_SLOT 5u

/* ---- memory ------------------------------------------------------------------------------- */

typedef struct layout {
    size_t slots, active, first_active, flows, parents, free_parents, orders, order_slot,
        order_role, fills, outbox, bytes;
} layout;

static size_t take(size_t *at, size_t bytes)
{
    size_t here = *at;
    *at += ats_whole_lines(bytes);
    return here;
}

static layout lay_out(const ats_desk_config *c)
{
    size_t symbols = c->symbols->count + 1ull, slots = symbols * c->strategy_count, at = 0;
    size_t orders = c->order_capacity;
    layout l = {.slots = take(&at, slots * sizeof(ats_slot)),
                .active = take(&at, slots * sizeof(uint32_t)),
                .first_active = take(&at, symbols * sizeof(uint32_t)),
                .flows = take(&at, c->strategy_count * sizeof(ats_money_e18)),
                .parents = take(&at, orders * sizeof(ats_parent)),
                .free_parents = take(&at, orders * sizeof(uint32_t)),
                .orders =
                    take(&at, ats_order_table_footprint(c->order_capacity, c->symbols->count)),
                .order_slot = take(&at, orders * sizeof(uint32_t)),
                .order_role = take(&at, orders),
                .fills = take(&at, ATS_DESK_FILLS * sizeof(ats_desk_fill)),
                .outbox = take(&at, 2 * orders * sizeof(ats_intent))};
    l.bytes = at;
    return l;
}

size_t ats_desk_footprint(const ats_desk_config *config)
{
    return lay_out(config).bytes;
}

void ats_desk_init(ats_desk *d, void *memory, const ats_desk_config *config, ats_markets *markets)
{
    layout l = lay_out(config);
    uint8_t *at = memory;
    *d = (ats_desk){.config = *config,
                    .markets = markets,
                    .cash_e18 = ats_money_from_e9(config->start_cash_e9),
                    .slots = (ats_slot *)(at + l.slots),
                    .active = (uint32_t *)(at + l.active),
                    .first_active = (uint32_t *)(at + l.first_active),
                    .flows_e18 = (ats_money_e18 *)(at + l.flows),
                    .parents = (ats_parent *)(at + l.parents),
                    .free_parents = (uint32_t *)(at + l.free_parents),
                    .orders = ats_order_table_new(at + l.orders, config->order_capacity,
                                                  config->symbols->count),
                    .order_slot = (uint32_t *)(at + l.order_slot),
                    .order_role = at + l.order_role,
                    .fills = (ats_desk_fill *)(at + l.fills),
                    .outbox = (ats_intent *)(at + l.outbox),
                    .outbox_mask = 2 * config->order_capacity - 1};
    for (uint32_t i = 0; i < config->order_capacity; i++)
        d->free_parents[i] = config->order_capacity - 1 - i;
    for (uint32_t s = 0; s < config->strategy_count; s++)
        for (uint32_t i = 0; i <= config->symbols->count; i++) {
            ats_slot *slot = ats_desk_slot(d, s, i);
            slot->strategy = s;
            slot->symbol = i;
            slot->hold_until_ns = INT64_MAX;
        }
}

/* ---- active slots ------------------------------------------------------------------------- */

static uint32_t place_of(const ats_desk *d, const ats_slot *slot)
{
    return (uint32_t)(slot - d->slots);
}

static void activate(ats_desk *d, ats_slot *slot)
{
    if (slot->active)
        return;
    uint32_t place = place_of(d, slot), first = d->first_active[slot->symbol];
    slot->active = true;
    slot->active_at = d->active_count;
    d->active[d->active_count++] = place;
    slot->previous = 0;
    slot->next = first;
    if (first)
        d->slots[first - 1].previous = place + 1;
    d->first_active[slot->symbol] = place + 1;
}

static void deactivate(ats_desk *d, ats_slot *slot)
{
    uint32_t last = d->active[--d->active_count];
    slot->active = false;
    d->active[slot->active_at] = last;
    d->slots[last].active_at = slot->active_at;
    if (slot->previous)
        d->slots[slot->previous - 1].next = slot->next;
    else
        d->first_active[slot->symbol] = slot->next;
    if (slot->next)
        d->slots[slot->next - 1].previous = slot->previous;
}

/* ---- money -------------------------------------------------------------------------------- */

static int64_t magnitude(int64_t v)
{
    return v < 0 ? -v : v;
}

ats_money_e18 ats_desk_equity(const ats_desk *d)
{
    ats_money_e18 equity = d->cash_e18;
    for (uint32_t i = 0; i < d->active_count; i++) {
        const ats_slot *slot = &d->slots[d->active[i]];
        equity += ats_money_product(d->markets->symbol[slot->symbol].price_e9, slot->qty_e9);
    }
    return equity;
}

ats_money_e18 ats_desk_profit(const ats_desk *d, uint32_t strategy)
{
    ats_money_e18 profit = d->flows_e18[strategy];
    for (uint32_t i = 0; i < d->active_count; i++) {
        const ats_slot *slot = &d->slots[d->active[i]];
        if (slot->strategy == strategy)
            profit += ats_money_product(d->markets->symbol[slot->symbol].price_e9, slot->qty_e9);
    }
    return profit;
}

static void pay(ats_desk *d, const ats_slot *slot, ats_money_e18 amount)
{
    d->cash_e18 += amount;
    d->flows_e18[slot->strategy] += amount;
}

ats_money_e18 ats_desk_used(const ats_desk *d, uint32_t strategy)
{
    ats_money_e18 used = 0;
    for (uint32_t i = 0; i < d->active_count; i++) {
        const ats_slot *slot = &d->slots[d->active[i]];
        if (slot->strategy != strategy)
            continue;
        int64_t units = magnitude(slot->qty_e9);
        const ats_parent *p = slot->parent ? &d->parents[slot->parent - 1] : NULL;
        if (p && !p->exit)
            units += p->qty_e9 - p->filled_e9;
        used += ats_money_product(d->markets->symbol[slot->symbol].price_e9, units);
    }
    return used;
}

int64_t ats_slot_average_e9(const ats_slot *slot)
{
    return slot->qty_e9 ? (int64_t)(slot->cost_e18 / slot->qty_e9) : 0;
}

/* Stop and target lie at their distances from the average entry, wherever it came to be. */
static void place_exits(ats_slot *slot)
{
    int64_t average = ats_slot_average_e9(slot), sign = slot->qty_e9 > 0 ? 1 : -1;
    if (slot->stop_distance_e9 && !slot->trailed)
        slot->stop_e9 = average - sign * slot->stop_distance_e9;
    if (slot->target_distance_e9)
        slot->target_e9 = average + sign * slot->target_distance_e9;
}

static void come_flat(ats_desk *d, ats_slot *slot)
{
    slot->cost_e18 = 0;
    slot->stop_e9 = slot->target_e9 = slot->trail_e9 = 0;
    slot->stop_distance_e9 = slot->target_distance_e9 = 0;
    slot->best_e9 = slot->entry_ns = 0;
    slot->hold_until_ns = INT64_MAX;
    slot->trailed = slot->overnight = slot->emergency = false;
    slot->leave_reason = ATS_REASON_NONE;
    slot->refusals = 0;
    slot->rest_until_ns = d->cause.recv_ns + d->config.settings->rules.cooldown_ms * MS_NS;
}

/* Adds qty_e9 (its sign: bought or sold) at a price to a slot. */
static void book(ats_desk *d, ats_slot *slot, int64_t qty_e9, int64_t px_e9, int64_t fee_e9)
{
    pay(d, slot, -ats_money_product(px_e9, qty_e9) - ats_money_from_e9(fee_e9));
    activate(d, slot);
    if (slot->qty_e9 != 0 && (slot->qty_e9 < 0) != (qty_e9 < 0)) {
        int64_t closed = magnitude(qty_e9) < magnitude(slot->qty_e9) ? qty_e9 : -slot->qty_e9;
        slot->cost_e18 -=
            ats_money_share(slot->cost_e18, magnitude(closed), magnitude(slot->qty_e9));
        slot->qty_e9 += closed;
        qty_e9 -= closed;
        if (slot->qty_e9 == 0)
            come_flat(d, slot);
    }
    if (qty_e9 == 0)
        return;
    if (slot->qty_e9 == 0) {
        slot->entry_ns = d->cause.recv_ns;
        slot->best_e9 = px_e9;
    }
    slot->cost_e18 += ats_money_product(px_e9, qty_e9);
    slot->qty_e9 += qty_e9;
    place_exits(slot);
}

int64_t ats_slot_wait(ats_slot *slot, int64_t now_ns)
{
    uint32_t doubled = slot->refusals < REFUSALS_MAX ? slot->refusals++ : REFUSALS_MAX;
    return now_ns + (RETRY_NS << (slot->emergency ? 0 : doubled));
}

/* ---- parents ------------------------------------------------------------------------------ */

static ats_parent *parent_of(ats_desk *d, const ats_slot *slot)
{
    return slot->parent ? &d->parents[slot->parent - 1] : NULL;
}

static ats_parent *begin_parent(ats_desk *d, ats_slot *slot, uint8_t side, int64_t qty_e9,
                                double urgency)
{
    if (d->parent_count == d->config.order_capacity)
        return NULL;
    ats_execution_market m = ats_markets_view(d->markets, slot->symbol);
    uint32_t place = d->free_parents[d->config.order_capacity - 1 - d->parent_count++];
    ats_parent *p = &d->parents[place];
    *p = (ats_parent){
        .id = ++d->parent_ids,
        .qty_e9 = qty_e9,
        .start_ns = d->cause.recv_ns,
        .next_ns = d->cause.recv_ns,
        .decision_price_e9 = m.price_e9,
        .urgency = urgency,
        .slot = place_of(d, slot),
        .side = side,
        .algorithm = ats_execution_choose(&d->config.settings->execution, &m, qty_e9, urgency)};
    slot->parent = place + 1;
    activate(d, slot);
    return p;
}

static void end_parent(ats_desk *d, ats_slot *slot)
{
    uint32_t place = slot->parent - 1;
    bool entry = !d->parents[place].exit;
    d->parents[place].id = 0;
    d->free_parents[d->config.order_capacity - d->parent_count--] = place;
    slot->parent = 0;
    if (entry && slot->qty_e9 == 0)
        come_flat(d, slot);
    else if (!entry && slot->qty_e9 != 0)
        slot->retry_ns = ats_slot_wait(slot, d->cause.recv_ns);
}

static void describe(ats_intent *i, const ats_parent *p, const ats_step *step)
{
    i->type = step->limit_e9 ? ATS_ORDER_LIMIT : ATS_ORDER_MARKET;
    i->tif = step->tif;
    i->limit_e9 = step->limit_e9;
    i->side = p->side;
    i->parent_id = p->id;
    i->algorithm = p->algorithm;
    i->parent_left_e9 = p->qty_e9 - p->filled_e9 - i->qty_e9;
    assert(i->parent_left_e9 >= 0 && "children never pass their parent");
    if (p->emergency)
        i->intent_flags |= ATS_INTENT_EMERGENCY;
}

static bool send_child(ats_desk *d, ats_slot *slot, ats_parent *p, const ats_step *step)
{
    assert(!p->child);
    ats_intent *i = ats_desk_order(d, slot, ATS_ROLE_CHILD, p->side, step->qty_e9, p->reason);
    if (!i)
        return false;
    describe(i, p, step);
    if (!p->exit)
        i->stop_distance_e9 = slot->stop_distance_e9;
    p->child = i->intent_id;
    p->child_left_e9 = step->qty_e9;
    p->child_limit_e9 = step->limit_e9;
    p->child_sent_ns = d->cause.recv_ns;
    p->child_type = i->type;
    p->child_tif = i->tif;
    p->attempt++;
    return true;
}

static bool replace_child(ats_desk *d, ats_slot *slot, ats_parent *p, const ats_step *step)
{
    ats_intent *i = ats_desk_replace(d, slot, p->child, step->qty_e9, p->reason);
    if (!i)
        return false;
    describe(i, p, step);
    if (!p->exit)
        i->stop_distance_e9 = slot->stop_distance_e9;
    p->successor = i->intent_id;
    p->successor_limit_e9 = step->limit_e9;
    p->child_leaving = true;
    return true;
}

/* Does what the algorithm says until it waits or is done. */
static void step_parent(ats_desk *d, ats_slot *slot)
{
    ats_parent *p = parent_of(d, slot);
    ats_execution_market m = ats_markets_view(d->markets, slot->symbol);
    if (p->successor)
        return; /* both ids may be at the broker: the answer decides */
    ats_step step = ats_execution_step(&d->config.settings->execution, p, &m, d->cause.recv_ns);
    p->next_ns = step.next_ns;
    switch (step.kind) {
    case ATS_STEP_WAIT:
        return;
    case ATS_STEP_SEND:
        if (!send_child(d, slot, p, &step))
            end_parent(d, slot);
        return;
    case ATS_STEP_CANCEL:
        ats_desk_cancel(d, slot, p->child);
        p->child_leaving = true;
        return;
    case ATS_STEP_REPLACE:
        if (!replace_child(d, slot, p, &step))
            p->next_ns = d->cause.recv_ns + RETRY_NS;
        return;
    case ATS_STEP_DONE:
        if (p->child) { /* filled by more than was asked for: the rest must not stay */
            ats_desk_cancel(d, slot, p->child);
            p->child_leaving = true;
            p->give_up = true;
        } else {
            end_parent(d, slot);
        }
        return;
    }
}

/* ---- exits -------------------------------------------------------------------------------- */

/* What the position could be left at now: the quote's near side, or the last price. */
static int64_t way_out_e9(const ats_desk *d, const ats_slot *slot)
{
    const ats_symbol_market *m = &d->markets->symbol[slot->symbol];
    if (m->bid_e9 <= 0 || m->ask_e9 <= 0)
        return m->price_e9;
    return slot->qty_e9 > 0 ? m->bid_e9 : m->ask_e9;
}

static void trail(ats_slot *slot, int64_t px_e9)
{
    bool is_long = slot->qty_e9 > 0;
    if (slot->best_e9 == 0 || (is_long ? px_e9 > slot->best_e9 : px_e9 < slot->best_e9))
        slot->best_e9 = px_e9;
    if (!slot->trail_e9)
        return;
    int64_t stop = is_long ? slot->best_e9 - slot->trail_e9 : slot->best_e9 + slot->trail_e9;
    if (slot->stop_e9 == 0 || (is_long ? stop > slot->stop_e9 : stop < slot->stop_e9)) {
        slot->stop_e9 = stop;
        slot->trailed = true;
    }
}

static bool day_is_over(const ats_desk *d, const ats_slot *slot)
{
    const ats_strategy_rules *r = &d->config.settings->rules;
    const ats_segment *s = &d->markets->segments[0];
    if (slot->overnight || r->flat_before_close_s == 0 || s->date == 0 ||
        ats_markets_calendar(d->markets, slot->symbol) != 0)
        return false;
    return s->phase != ATS_PHASE_REGULAR ||
           d->cause.recv_ns >= s->close_ns - r->flat_before_close_s * SECOND_NS;
}

static uint32_t exit_that_is_due(ats_desk *d, ats_slot *slot)
{
    int64_t px = way_out_e9(d, slot), now_ns = d->cause.recv_ns;
    bool is_long = slot->qty_e9 > 0;
    if (px <= 0)
        return ATS_REASON_NONE;
    trail(slot, px);
    /* What rests at the broker is the broker's to trigger. */
    if (!ats_guard_covers(d, slot) && slot->stop_e9 &&
        (is_long ? px <= slot->stop_e9 : px >= slot->stop_e9))
        return slot->trailed ? ATS_REASON_EXIT_TRAILING : ATS_REASON_EXIT_STOP;
    if (!(slot->target.order && slot->target.live) && slot->target_e9 &&
        (is_long ? px >= slot->target_e9 : px <= slot->target_e9))
        return ATS_REASON_EXIT_TARGET;
    if (day_is_over(d, slot))
        return ATS_REASON_EXIT_SESSION;
    if (now_ns >= slot->hold_until_ns)
        return ATS_REASON_EXIT_TIME;
    return ATS_REASON_NONE;
}

static void want_out(ats_slot *slot, uint32_t reason, double urgency)
{
    if (slot->leave_reason != ATS_REASON_NONE)
        return; /* the first reason is the one that counts */
    slot->leave_reason = reason;
    slot->leave_urgency = urgency;
}

static void begin_exit(ats_desk *d, ats_slot *slot)
{
    bool is_long = slot->qty_e9 > 0;
    ats_parent *p = begin_parent(d, slot, is_long ? ATS_SIDE_SELL : ATS_SIDE_BUY,
                                 magnitude(slot->qty_e9), slot->leave_urgency);
    if (!p) {
        slot->retry_ns = ats_slot_wait(slot, d->cause.recv_ns);
        return;
    }
    p->exit = true;
    p->reason = slot->leave_reason;
    p->emergency = slot->emergency;
    p->attempt = slot->refusals; /* what was refused so far counts: it ends in a market order */
    step_parent(d, slot);
}

/* Brings a slot a step on: the one place where it moves. */
static void look(ats_desk *d, ats_slot *slot)
{
    if (d->ended || d->frozen)
        return;
    if (slot->qty_e9 != 0 && slot->leave_reason == ATS_REASON_NONE) {
        uint32_t due = exit_that_is_due(d, slot);
        if (due != ATS_REASON_NONE)
            want_out(slot, due, 1);
    }
    ats_parent *p = parent_of(d, slot);
    if (p) {
        if (!p->exit && slot->leave_reason != ATS_REASON_NONE)
            p->give_up = true;
        if (p->exit && slot->emergency)
            p->emergency = true;
        if (p->exit && magnitude(slot->qty_e9) < p->qty_e9 - p->filled_e9)
            p->give_up = true; /* a late fill, a bust: it would sell more than there is */
        step_parent(d, slot);
        if (slot->parent)
            return;
    }
    if (slot->qty_e9 == 0) {
        slot->leave_reason = ATS_REASON_NONE;
        if (ats_guard_clear(d, slot))
            deactivate(d, slot);
        return;
    }
    bool halted =
        d->markets->symbol[slot->symbol].halted; /* nothing would be sold: keep the guard */
    bool out = slot->leave_reason != ATS_REASON_NONE && !halted;
    if (!out || d->cause.recv_ns < slot->retry_ns)
        ats_guard_keep(d, slot);
    else if (ats_guard_clear(d, slot))
        begin_exit(d, slot);
}

/* ---- what the host asks ------------------------------------------------------------------- */

bool ats_desk_has_room(const ats_desk *d)
{
    return d->orders->count + (d->active_count + 1ull) * ORDERS_A_SLOT <= d->orders->capacity;
}

void ats_desk_enter(ats_desk *d, ats_slot *slot, const ats_desk_entry *e)
{
    assert(slot->qty_e9 == 0 && !slot->parent);
    ats_parent *p = begin_parent(d, slot, e->side, e->qty_e9, e->urgency);
    if (!p)
        return;
    p->cap_e9 = e->cap_e9;
    p->reason = e->side == ATS_SIDE_BUY ? ATS_REASON_ENTRY_LONG : ATS_REASON_ENTRY_SHORT;
    slot->stop_distance_e9 = e->stop_distance_e9;
    slot->target_distance_e9 = e->target_distance_e9;
    slot->trail_e9 = e->trail_e9;
    bool forever = e->hold_ns <= 0 || e->hold_ns > INT64_MAX - d->cause.recv_ns;
    slot->hold_until_ns = forever ? INT64_MAX : d->cause.recv_ns + e->hold_ns;
    slot->overnight = e->overnight;
    slot->score = e->score;
    slot->confidence = e->confidence;
    slot->model = e->model;
    slot->retry_ns = 0;
    step_parent(d, slot);
}

bool ats_desk_leave(ats_desk *d, ats_slot *slot, uint32_t reason, double urgency, bool emergency)
{
    if (slot->qty_e9 == 0 && !slot->parent)
        return false;
    if (emergency && !slot->emergency) {
        slot->emergency = true;
        slot->leave_reason = ATS_REASON_NONE; /* an exit at work goes on under the new reason */
        slot->retry_ns = 0;
    }
    want_out(slot, reason, urgency);
    look(d, slot);
    return true;
}

void ats_desk_set_stop(ats_desk *d, ats_slot *slot, int64_t stop_e9)
{
    slot->stop_e9 = stop_e9;
    slot->stop_distance_e9 = 0;
    look(d, slot);
}

void ats_desk_look_at_symbol(ats_desk *d, uint32_t symbol_id)
{
    for (uint32_t at = d->first_active[symbol_id], next; at; at = next) {
        next = d->slots[at - 1].next; /* a look may take the slot off the list */
        look(d, &d->slots[at - 1]);
    }
}

void ats_desk_look_at_all(ats_desk *d)
{
    /* Backwards: what leaves the list is replaced by one that was looked at already. */
    for (uint32_t i = d->active_count; i-- > 0;)
        if (i < d->active_count)
            look(d, &d->slots[d->active[i]]);
}

/* ---- answers ------------------------------------------------------------------------------ */

/* The replacement is the child now. */
static void adopt_successor(ats_desk *d, ats_parent *p)
{
    const ats_order_entry *e = ats_order_table_find(d->orders, p->successor);
    p->child = p->successor;
    p->child_left_e9 = e ? e->qty_e9 - e->filled_e9 : p->child_left_e9;
    p->child_limit_e9 = p->successor_limit_e9;
    p->child_sent_ns = d->cause.recv_ns;
    p->child_leaving = false;
    p->successor = 0;
}

static void child_answer(ats_desk *d, ats_slot *slot, const ats_exec *x, bool final)
{
    ats_parent *p = parent_of(d, slot);
    if (!p)
        return;
    bool refused = x->type == ATS_EXEC_REFUSED || x->type == ATS_EXEC_REJECTED;
    if (p->successor && x->order_id == p->successor) {
        if (x->type == ATS_EXEC_FILL) {
            adopt_successor(d, p); /* told before the old one was said to be replaced */
            p->filled_e9 += x->last_qty_e9;
            p->child_left_e9 -= x->last_qty_e9;
            if (final)
                p->child = 0;
        } else if (final) {
            p->successor = 0; /* the replacement never came to be */
            p->child_leaving = false;
            p->child_sent_ns = d->cause.recv_ns;
        }
        return;
    }
    if (x->order_id != p->child) {
        if (x->type == ATS_EXEC_FILL)
            p->filled_e9 += x->last_qty_e9; /* late, of a child that was thought over */
        return;
    }
    if (x->type == ATS_EXEC_FILL) {
        p->filled_e9 += x->last_qty_e9;
        p->child_left_e9 -= x->last_qty_e9;
    } else if (x->type == ATS_EXEC_REPLACED) {
        adopt_successor(d, p);
        return;
    } else if (x->type == ATS_EXEC_CANCEL_REJECTED) {
        p->child_leaving = false;
        p->child_sent_ns = d->cause.recv_ns;
    }
    if (!final)
        return;
    p->child = 0;
    p->child_leaving = false;
    if (refused) {
        p->give_up = true; /* asking the same again at once would be answered the same */
        slot->retry_ns = ats_slot_wait(slot, d->cause.recv_ns);
    }
}

static bool is_final(const ats_exec *x)
{
    switch (x->type) {
    case ATS_EXEC_REFUSED:
    case ATS_EXEC_REJECTED:
    case ATS_EXEC_CANCELED:
    case ATS_EXEC_EXPIRED:
    case ATS_EXEC_REPLACED:
        return true;
    case ATS_EXEC_FILL:
        return x->leaves_qty_e9 == 0;
    default:
        return false;
    }
}

/* The slot of an answer: of the order, or (an order that was thought over) of its strategy. */
static ats_slot *slot_of(ats_desk *d, const ats_exec *x, const ats_order_entry *e)
{
    if (e)
        return &d->slots[d->order_slot[e - d->orders->pool]];
    if (x->strategy_id == 0 || x->strategy_id > d->config.strategy_count || x->h.symbol_id == 0 ||
        x->h.symbol_id > d->config.symbols->count)
        return NULL;
    return ats_desk_slot(d, x->strategy_id - 1, x->h.symbol_id);
}

static void keep_fill(ats_desk *d, const ats_exec *x, int64_t qty_e9)
{
    d->fills[d->fill_count++ % ATS_DESK_FILLS] = (ats_desk_fill){
        .exec_id = x->exec_id, .qty_e9 = qty_e9, .px_e9 = x->last_px_e9, .fee_e9 = x->fee_e9};
}

/* Cold: brokers take hardly a fill back. NULL: it is too old, or never was. */
static ats_desk_fill *find_fill(ats_desk *d, uint64_t exec_id)
{
    uint64_t kept = d->fill_count < ATS_DESK_FILLS ? d->fill_count : ATS_DESK_FILLS;
    for (uint64_t i = 1; i <= kept; i++) {
        ats_desk_fill *f = &d->fills[(d->fill_count - i) % ATS_DESK_FILLS];
        if (f->exec_id == exec_id)
            return f;
    }
    return NULL;
}

/* Takes a fill back and, where it is corrected, books it as it was. Returns what the position
 * changed by. */
static int64_t amend(ats_desk *d, ats_slot *slot, const ats_exec *x, int64_t qty_e9)
{
    ats_desk_fill *f = find_fill(d, x->ref_exec_id);
    if (!f)
        return 0; /* the gate refuses it as well, and says so */
    int64_t taken_e9 = f->qty_e9, now_e9 = x->type == ATS_EXEC_CORRECTED ? qty_e9 : 0;
    if (taken_e9)
        book(d, slot, -taken_e9, f->px_e9, -f->fee_e9);
    if (now_e9)
        book(d, slot, now_e9, x->last_px_e9, x->fee_e9);
    *f = (ats_desk_fill){
        .exec_id = f->exec_id, .qty_e9 = now_e9, .px_e9 = x->last_px_e9, .fee_e9 = x->fee_e9};
    /* It may bring back what was left, or turn what was held: nobody decided on that. */
    if (slot->qty_e9 != 0 && slot->stop_e9 == 0)
        want_out(slot, ATS_REASON_EXIT_RULE, 1);
    return now_e9 - taken_e9;
}

static int64_t book_answer(ats_desk *d, ats_slot *slot, const ats_exec *x)
{
    int64_t qty_e9 = x->side == ATS_SIDE_BUY ? x->last_qty_e9 : -x->last_qty_e9;
    if (x->type == ATS_EXEC_BUSTED || x->type == ATS_EXEC_CORRECTED)
        return amend(d, slot, x, qty_e9);
    if (x->type != ATS_EXEC_FILL)
        return 0;
    ats_markets_take_fill(d->markets, slot->symbol, x->last_px_e9);
    book(d, slot, qty_e9, x->last_px_e9, x->fee_e9);
    keep_fill(d, x, qty_e9);
    /* A fill of an order that was thought over opens what nobody decided on. */
    if (slot->qty_e9 != 0 && slot->stop_e9 == 0 && !slot->parent)
        want_out(slot, ATS_REASON_EXIT_RULE, 1);
    return qty_e9;
}

/* A replacement that the broker did not take has no answer of its own, and the order that it was to
 * replace may have ended before: both are told by the one answer. */
static ats_slot *forget_successor(ats_desk *d, const ats_exec *x)
{
    ats_order_entry *e = ats_order_table_find(d->orders, x->ref_order_id);
    if (!e)
        return NULL;
    ats_slot *slot = &d->slots[d->order_slot[e - d->orders->pool]];
    ats_parent *p = parent_of(d, slot);
    if (p && p->successor == x->ref_order_id) {
        p->successor = 0;
        p->child_leaving = false;
        p->child_sent_ns = d->cause.recv_ns;
    }
    ats_guard_forget_successor(slot, x);
    ats_order_table_remove(d->orders, e);
    return slot;
}

/* The gate refuses a pair as one, and says so of its head. */
static void forget_leg(ats_desk *d, ats_slot *slot, const ats_exec *x)
{
    uint64_t leg = x->order_id + ATS_LEG_STOP;
    if (x->type != ATS_EXEC_REFUSED || slot->target.order != x->order_id || slot->stop.order != leg)
        return;
    ats_order_entry *e = ats_order_table_find(d->orders, leg);
    if (e)
        ats_order_table_remove(d->orders, e);
    slot->stop = (ats_guard){0};
}

ats_slot *ats_desk_exec(ats_desk *d, const ats_exec *x, int64_t *fill_qty_e9)
{
    ats_order_entry *e = ats_order_table_find(d->orders, x->order_id);
    ats_slot *slot = slot_of(d, x, e);
    *fill_qty_e9 = 0;
    d->cause = x->h;
    if (x->type == ATS_EXEC_REPLACE_REJECTED) {
        slot = forget_successor(d, x);
        e = NULL;
    }
    if (x->check == ATS_CHECK_KILLED)
        d->frozen = true; /* the switch was thrown beside the chain */
    if (!slot)
        return NULL;
    *fill_qty_e9 = book_answer(d, slot, x);
    forget_leg(d, slot, x);
    if (e) {
        bool final = is_final(x);
        uint8_t role = d->order_role[e - d->orders->pool];
        if (x->type == ATS_EXEC_FILL)
            e->filled_e9 += x->last_qty_e9;
        if (role == ATS_ROLE_CHILD)
            child_answer(d, slot, x, final);
        else
            ats_guard_answer(slot, role, x, final);
        if (final)
            ats_order_table_remove(d->orders, e);
    }
    if (slot->active)
        look(d, slot);
    return slot;
}

/* ---- corporate actions -------------------------------------------------------------------- */

static int64_t ratio(int64_t value, int64_t numerator, int64_t denominator)
{
    return (int64_t)((__int128)value * numerator / denominator);
}

/* What the slots before this one, and with it, come to after a split: exactly, and in whole lots.
 */
typedef struct split_sum {
    __int128 old_e9;
    int64_t exact_e9, whole_e9;
} split_sum;

/* Lots are cut off the symbol's total, as the broker cuts them off the account's, so the slots
 * still add up to the position: what one of them lacks of a lot goes to the next, for its price,
 * and the broker pays the last rest out. */
static void split_quantity(ats_desk *d, ats_slot *slot, const ats_corporate_action *a,
                           split_sum *sum)
{
    int64_t lot_e9 = ats_symbol_lot_e9(&d->config.symbols->entry[slot->symbol]);
    sum->old_e9 += slot->qty_e9;
    int64_t exact_e9 = (int64_t)(sum->old_e9 * a->ratio_numerator / a->ratio_denominator);
    int64_t whole_e9 = exact_e9 - exact_e9 % lot_e9;
    int64_t before_e9 = exact_e9 - sum->exact_e9, after_e9 = whole_e9 - sum->whole_e9;
    sum->exact_e9 = exact_e9;
    sum->whole_e9 = whole_e9;
    if (slot->qty_e9 == 0)
        return;
    int64_t price_e9 = d->markets->symbol[slot->symbol].price_e9, rest_e9 = before_e9 - after_e9;
    if ((rest_e9 > 0) == (before_e9 > 0) && before_e9 != 0)
        slot->cost_e18 -= ats_money_share(slot->cost_e18, magnitude(rest_e9), magnitude(before_e9));
    else
        slot->cost_e18 -= ats_money_product(price_e9, rest_e9);
    slot->qty_e9 = after_e9;
    pay(d, slot, ats_money_product(price_e9, rest_e9));
}

static void split(ats_desk *d, ats_slot *slot, const ats_corporate_action *a, split_sum *sum)
{
    int64_t numerator = a->ratio_numerator, denominator = a->ratio_denominator;
    ats_parent *p = parent_of(d, slot);
    split_quantity(d, slot, a, sum);
    slot->stop_e9 = ratio(slot->stop_e9, denominator, numerator);
    slot->target_e9 = ratio(slot->target_e9, denominator, numerator);
    slot->trail_e9 = ratio(slot->trail_e9, denominator, numerator);
    slot->best_e9 = ratio(slot->best_e9, denominator, numerator);
    slot->stop_distance_e9 = ratio(slot->stop_distance_e9, denominator, numerator);
    slot->target_distance_e9 = ratio(slot->target_distance_e9, denominator, numerator);
    if (slot->qty_e9 == 0 && !p)
        come_flat(d, slot);
    if (p)
        p->give_up = true; /* its prices and quantity are of before */
}

void ats_desk_action(ats_desk *d, const ats_corporate_action *a)
{
    split_sum sum = {0};
    for (uint32_t at = d->first_active[a->h.symbol_id]; at; at = d->slots[at - 1].next) {
        ats_slot *slot = &d->slots[at - 1];
        if (a->action == ATS_ACTION_DIVIDEND)
            pay(d, slot, ats_money_product(a->cash_e9, slot->qty_e9));
        else if (a->action == ATS_ACTION_SPLIT)
            split(d, slot, a, &sum);
    }
    ats_desk_look_at_symbol(d, a->h.symbol_id);
}
