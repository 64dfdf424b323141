#include "stages/route/route.h"

#include "calc/order_state.h"
#include "core/error.h"

#define PORT_CHAIN    0
#define PORT_FEEDBACK 0
#define PORT_TAP      1

/* Journal entries one order takes on its way out: journaled, sent or refused. */
#define JOURNAL_PER_ORDER 2u

typedef struct route {
    const ats_route_config *config;
    const ats_context *context;
    ats_metrics_route *metrics;
    ats_journal *journal;
    ats_venue_sim *venue;
    ats_order_table *orders;
    uint64_t last_seq;
    int64_t last_ns;
    bool ending;
    ats_header end;
    ats_digest digest;
    alignas(ATS_GUARD_BYTES) uint8_t memory[];
} route;

static size_t venue_bytes(const ats_route_config *config)
{
    return (ats_venue_sim_footprint(&config->venue) + 63) & ~(size_t)63;
}

static size_t route_footprint(const void *configuration)
{
    const ats_route_config *config = configuration;
    uint32_t n = config->venue.order_capacity;
    if (n == 0 || (n & (n - 1))) {
        ats_error(ATS_EXIT_CONFIG, "venue: order_capacity %u is no power of two", n);
        return 0;
    }
    return sizeof(route) + venue_bytes(config) +
           ats_order_table_footprint(n, config->venue.symbol_count);
}

static int route_init(void *state, const void *configuration, ats_io *io)
{
    route *r = state;
    (void)io;
    r->config = configuration;
    r->context = r->config->context;
    r->metrics = &r->context->metrics->route;
    r->journal = r->config->journal;
    r->venue = ats_venue_sim_new(r->memory, &r->config->venue);
    r->orders = ats_order_table_new(r->memory + venue_bytes(r->config),
                                    r->config->venue.order_capacity, r->config->venue.symbol_count);
    ats_digest_init(&r->digest);
    return 0;
}

/* ---- journal and digest ------------------------------------------------------------------- */

static uint64_t key_of(const route *r, uint32_t symbol_id)
{
    return symbol_id <= r->context->symbols->count ? r->context->symbols->entry[symbol_id].key : 0;
}

static void journal(route *r, ats_journal_entry *e)
{
    e->instrument_key = e->symbol_id ? key_of(r, e->symbol_id) : 0;
    e->after_seq = r->last_seq;
    ats_journal_append(r->journal, e);
    ats_count(&r->metrics->journal_bytes, sizeof *e);
}

static void journal_order(route *r, const ats_order *o, uint8_t event, uint8_t state)
{
    ats_journal_entry e = {.order_id = o->order_id,
                           .recv_ns = o->h.recv_ns,
                           .qty_e9 = o->qty_e9,
                           .limit_e9 = o->limit_e9,
                           .account_id = o->account_id,
                           .strategy_id = o->strategy_id,
                           .symbol_id = o->h.symbol_id,
                           .event = event,
                           .state = state,
                           .side = o->side,
                           .type = o->type,
                           .tif = o->tif,
                           .action = o->action};
    journal(r, &e);
}

static void journal_exec(route *r, const ats_exec *x, uint8_t event, ats_transition t)
{
    ats_journal_entry e = {.order_id = x->order_id,
                           .exec_id = x->exec_id,
                           .recv_ns = x->h.recv_ns,
                           .last_qty_e9 = x->last_qty_e9,
                           .last_px_e9 = x->last_px_e9,
                           .cum_qty_e9 = x->cum_qty_e9,
                           .fee_e9 = x->fee_e9,
                           .account_id = x->account_id,
                           .strategy_id = x->strategy_id,
                           .symbol_id = x->h.symbol_id,
                           .event = event,
                           .state = t.next,
                           .side = x->side,
                           .transition = t.kind};
    journal(r, &e);
}

static void digest_order(route *r, const ats_order *o)
{
    uint64_t words[] = {key_of(r, o->h.symbol_id),
                        (uint64_t)o->h.recv_ns,
                        o->order_id,
                        o->target_order_id,
                        (uint64_t)o->qty_e9,
                        (uint64_t)o->limit_e9,
                        (uint64_t)o->action << 24 | (uint64_t)o->side << 16 |
                            (uint64_t)o->type << 8 | o->tif};
    ats_digest_add(&r->digest, words, sizeof words / sizeof words[0]);
}

static void digest_exec(route *r, const ats_exec *x)
{
    uint64_t words[] = {key_of(r, x->h.symbol_id),
                        (uint64_t)x->h.recv_ns,
                        x->order_id,
                        x->exec_id,
                        x->type,
                        (uint64_t)x->last_qty_e9,
                        (uint64_t)x->last_px_e9,
                        (uint64_t)x->cum_qty_e9,
                        (uint64_t)x->fee_e9,
                        x->order_state};
    ats_digest_add(&r->digest, words, sizeof words / sizeof words[0]);
}

/* ---- orders out --------------------------------------------------------------------------- */

static void forward(route *r, ats_io *io, ats_exec *x)
{
    x->after_seq = r->last_seq;
    digest_exec(r, x);
    ats_io_put(io, PORT_FEEDBACK, x, sizeof *x);
    if (io->out[PORT_TAP])
        ats_io_put(io, PORT_TAP, x, sizeof *x);
}

/* Answers an order, or a request to cancel one, that never left. */
static void reject_here(route *r, ats_io *io, const ats_order *o, uint32_t check)
{
    bool is_new = o->action == ATS_INTENT_NEW;
    const ats_order_entry *target = ats_order_table_find(r->orders, o->target_order_id);
    uint8_t state = is_new ? ATS_ORDER_REJECTED : target ? target->state : ATS_ORDER_UNKNOWN;
    ats_exec x = {.h = o->h,
                  .order_id = is_new ? o->order_id : o->target_order_id,
                  .type = is_new ? ATS_EXEC_REJECTED : ATS_EXEC_CANCEL_REJECTED,
                  .check = check,
                  .account_id = o->account_id,
                  .strategy_id = o->strategy_id,
                  .side = o->side,
                  .order_state = state,
                  .reason = o->reason};
    x.h.kind = ATS_KIND_EXEC;
    journal_order(r, o, is_new ? ATS_EVENT_REJECTED : ATS_EVENT_CANCEL_REJECTED, state);
    ats_count(&r->metrics->rejects, is_new);
    forward(r, io, &x);
}

static void remember(route *r, const ats_order *o)
{
    ats_order_entry *e = ats_order_table_insert(r->orders, o->order_id, o->h.symbol_id);
    if (!e)
        return; /* the gate's table is as large and has this order: cannot be; answers will show */
    e->qty_e9 = o->qty_e9;
    e->limit_e9 = o->limit_e9;
    e->sent_ns = o->h.recv_ns;
    e->account_id = o->account_id;
    e->strategy_id = o->strategy_id;
    e->reason = o->reason;
    e->side = o->side;
    e->type = o->type;
    e->tif = o->tif;
    e->state = ATS_ORDER_SENT;
    ats_store_relaxed(&r->metrics->orders_open, r->orders->count);
}

static void stamp_sent(route *r, ats_io *io, ats_order *o)
{
    o->sent_ns = ats_stamp_since(o->h.origin_ns, ats_clock_now(io->clock));
    ats_hop_record(r->context, ATS_HOP_ROUTE, o->h.stamp_ns[ATS_STAMP_RISK], o->sent_ns);
    ats_hop_record(r->context, ATS_HOP_EVENT_TO_ORDER, 0, o->sent_ns);
}

static void on_order(route *r, ats_io *io, const ats_order *in)
{
    ats_order o = *in;
    bool is_new = o.action == ATS_INTENT_NEW;
    o.route_took_ns = ats_stamp_since(o.h.origin_ns, ats_clock_now(io->clock));
    journal_order(r, &o, is_new ? ATS_EVENT_JOURNALED : ATS_EVENT_CANCEL_SENT,
                  is_new ? ATS_ORDER_JOURNALED : ATS_ORDER_PENDING_CANCEL);
    o.journaled_ns = ats_stamp_since(o.h.origin_ns, ats_clock_now(io->clock));
    /* Acquire: partner of the release by whoever throws the switch. Cancels pass. */
    if (is_new && ats_load_acquire(&r->context->switches->kill)) {
        reject_here(r, io, &o, ATS_CHECK_KILLED);
        return;
    }
    if (!ats_venue_sim_room(r->venue)) {
        /* Not "wait": what frees the agenda is time, and time waits for this record. */
        reject_here(r, io, &o, ATS_CHECK_ORDER_TABLE_FULL);
        return;
    }
    ats_venue_sim_send(r->venue, &o);
    stamp_sent(r, io, &o);
    o.state = is_new ? ATS_ORDER_SENT : ATS_ORDER_PENDING_CANCEL;
    if (is_new) {
        journal_order(r, &o, ATS_EVENT_SENT, ATS_ORDER_SENT);
        remember(r, &o);
    } else {
        ats_order_entry *e = ats_order_table_find(r->orders, o.target_order_id);
        if (e)
            e->state = ats_order_transition(e->state, ATS_EVENT_CANCEL_SENT).next;
    }
    digest_order(r, &o);
    ats_count(is_new ? &r->metrics->orders : &r->metrics->cancels, 1);
    if (io->out[PORT_TAP])
        ats_io_put(io, PORT_TAP, &o, sizeof o);
}

/* ---- answers ------------------------------------------------------------------------------ */

static uint8_t event_of(const ats_exec *x)
{
    switch (x->type) {
    case ATS_EXEC_ACCEPTED:
        return ATS_EVENT_ACCEPTED;
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
    default:
        return ATS_EVENT_COUNT;
    }
}

/* Something that cannot be: no further order, and a fill is booked all the same, because money
 * moved. */
static void distrust(route *r, ats_io *io, ats_exec *x)
{
    ats_count(&r->metrics->executions_unknown, 1);
    ats_store_release(&r->context->switches->kill, 1); /* partner: risk, on_order */
    if (x->type == ATS_EXEC_FILL) {
        ats_count(&r->metrics->fills, 1);
        forward(r, io, x);
    }
}

/* An answer to an order that is not open: never ours, or ended. */
static void on_stranger(route *r, ats_io *io, ats_exec *x, uint8_t event)
{
    bool late_cancel = x->type == ATS_EXEC_CANCEL_REJECTED;
    journal_exec(
        r, x, event,
        (ats_transition){0, late_cancel ? ATS_TRANSITION_STALE : ATS_TRANSITION_IMPOSSIBLE});
    if (late_cancel)
        ats_count(&r->metrics->executions_duplicate, 1); /* the order ended first */
    else
        distrust(r, io, x);
}

static void on_answer(route *r, ats_io *io, ats_exec *x)
{
    ats_order_entry *e = ats_order_table_find(r->orders, x->order_id);
    uint8_t event = event_of(x);
    if (!e) {
        on_stranger(r, io, x, event);
        return;
    }
    ats_transition t = ats_order_transition(e->state, event);
    bool seen = x->exec_id != 0 && x->exec_id <= e->last_exec_id;
    if (x->type == ATS_EXEC_FILL && !seen && x->cum_qty_e9 != e->filled_e9 + x->last_qty_e9)
        t.kind = ATS_TRANSITION_IMPOSSIBLE; /* cumulative quantity must run on */
    journal_exec(r, x, event, t);
    if (seen || t.kind == ATS_TRANSITION_STALE) {
        ats_count(&r->metrics->executions_duplicate, 1);
        return;
    }
    if (t.kind == ATS_TRANSITION_IMPOSSIBLE) {
        distrust(r, io, x);
        return;
    }
    /* A refused cancel leaves the order as it was: partly filled, if it was. */
    e->state = t.next == ATS_ORDER_ACCEPTED && e->filled_e9 > 0 ? ATS_ORDER_PARTIAL : t.next;
    e->last_exec_id = x->exec_id;
    if (x->type == ATS_EXEC_FILL)
        e->filled_e9 = x->cum_qty_e9;
    x->order_state = e->state;
    ats_count(&r->metrics->fills, x->type == ATS_EXEC_FILL);
    ats_count(&r->metrics->rejects, x->type == ATS_EXEC_REJECTED);
    if (ats_order_is_final(e->state))
        ats_order_table_remove(r->orders, e);
    ats_store_relaxed(&r->metrics->orders_open, r->orders->count);
    forward(r, io, x);
}

/* ---- flow --------------------------------------------------------------------------------- */

static bool room(route *r, ats_io *io)
{
    if (!ats_io_room(io, PORT_FEEDBACK, 1) || !ats_io_room(io, PORT_TAP, 1))
        return false;
    if (ats_journal_room(r->journal, JOURNAL_PER_ORDER))
        return true;
    io->blocked = true;
    return false;
}

static int64_t route_next_due(const void *state)
{
    return ats_venue_sim_next_due(((const route *)state)->venue);
}

static uint32_t route_run_due(void *state, ats_io *io)
{
    route *r = state;
    ats_exec x;
    if (!room(r, io))
        return 0;
    if (ats_venue_sim_run_due(r->venue, &x)) {
        x.h.event_seq = r->last_seq;
        on_answer(r, io, &x);
        ats_io_publish(io);
    }
    return 1;
}

/* Passes what the end of the run still owes: expiries, then END. Returns how many records. */
static uint32_t finish(route *r, ats_io *io)
{
    ats_exec x;
    uint32_t done = 0;
    while (room(r, io)) {
        done++;
        if (ats_venue_sim_expire_one(r->venue, r->last_ns, &x)) {
            x.h.event_seq = r->last_seq;
            on_answer(r, io, &x);
            continue;
        }
        ats_market end = {.h = r->end};
        ats_io_put(io, PORT_FEEDBACK, &end, ATS_RECORD_MARKET);
        if (io->out[PORT_TAP])
            ats_io_put(io, PORT_TAP, &end, ATS_RECORD_MARKET);
        io->ended = true;
        break;
    }
    return done;
}

static uint32_t route_work(void *state, ats_io *io)
{
    route *r = state;
    ats_rx *in = io->in[PORT_CHAIN];
    uint64_t n = ats_rx_peek(in);
    uint32_t done = 0;
    if (n > io->burst)
        n = io->burst;
    while (done < n && !r->ending) {
        const ats_market *m = ats_rx_slot(in, done);
        if (m->h.kind == ATS_KIND_ORDER) {
            if (!room(r, io))
                break;
            on_order(r, io, (const ats_order *)m);
        } else {
            r->last_seq = m->h.event_seq;
            r->last_ns = m->h.recv_ns;
            if (m->h.kind == ATS_KIND_END) {
                r->ending = true;
                r->end = m->h;
            }
            ats_venue_sim_market(r->venue, m);
        }
        done++;
    }
    if (done) {
        ats_rx_release(in, done);
        ats_count(&r->metrics->events_in, done);
        ats_count(&r->metrics->batches, 1);
    }
    if (r->ending && !io->ended)
        done += finish(r, io);
    if (done)
        ats_io_publish(io);
    return done;
}

static void route_housekeep(void *state, ats_io *io)
{
    route *r = state;
    ats_recorder_poll(r->context->recorders[ATS_HOP_ROUTE]);
    ats_recorder_poll(r->context->recorders[ATS_HOP_EVENT_TO_ORDER]);
    ats_store_relaxed(&r->metrics->stalls, io->out[PORT_FEEDBACK]->stalls);
    ats_store_relaxed(&r->metrics->stall_ns, io->out[PORT_FEEDBACK]->stall_ns);
    ats_store_relaxed(&r->metrics->events_out, io->out[PORT_FEEDBACK]->published);
}

const ats_digest *ats_route_digest(const void *state)
{
    return &((const route *)state)->digest;
}

#define BIT(kind) ATS_KIND_BIT(ATS_KIND_##kind)

const ats_stage ats_stage_route = {
    .name = "route",
    .in = {{"chain", ATS_KINDS_CHAIN | BIT(ORDER), 0, false}},
    .out = {{"feedback", BIT(EXEC) | BIT(END), 2 * ATS_BURST_MAX, false},
            {"tap", BIT(ORDER) | BIT(EXEC) | BIT(END), 2 * ATS_BURST_MAX, true}},
    .footprint = route_footprint,
    .init = route_init,
    .work = route_work,
    .housekeep = route_housekeep,
    .next_due = route_next_due,
    .run_due = route_run_due,
};
