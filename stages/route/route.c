#include "stages/route/route.h"

#include "core/error.h"
#include "core/memory.h"
#include "stages/route/parts.h"

static size_t venue_bytes(const ats_route_config *config)
{
    return ats_whole_lines(ats_venue_sim_footprint(&config->venue));
}

static size_t table_bytes(const ats_route_config *config)
{
    const ats_venue_sim_config *c = &config->venue;
    return ats_whole_lines(ats_order_table_footprint(c->order_capacity, c->symbol_count));
}

static size_t route_footprint(const void *configuration)
{
    const ats_route_config *config = configuration;
    uint32_t n = config->venue.order_capacity;
    if (n == 0 || (n & (n - 1))) {
        ats_error(ATS_EXIT_CONFIG, "venue: order_capacity %u is no power of two", n);
        return 0;
    }
    return sizeof(route) + venue_bytes(config) + table_bytes(config) + n * sizeof(watched);
}

static int route_init(void *state, const void *configuration, ats_io *io)
{
    route *r = state;
    (void)io;
    r->config = configuration;
    const ats_venue_sim_config *c = &r->config->venue;
    if (c->lost_share_bps > 0 && c->answer_timeout_ns <= 0)
        return ats_error(ATS_EXIT_CONFIG,
                         "venue: answers are lost (lost_share) and nobody would ask for them; set "
                         "answer_timeout");
    r->context = r->config->context;
    r->metrics = &r->context->metrics->route;
    r->journal = r->config->journal;
    ats_venue_sim_config venue = *c;
    venue.symbols = r->context->symbols;
    venue.calendar = r->config->calendar;
    r->venue = ats_venue_sim_new(r->memory, &venue);
    r->orders =
        ats_order_table_new(r->memory + venue_bytes(r->config), c->order_capacity, c->symbol_count);
    r->watch.at = (watched *)(r->memory + venue_bytes(r->config) + table_bytes(r->config));
    r->watch.interval_ns[WATCH_ANSWER] = c->answer_timeout_ns;
    /* Where no answer is lost there is nothing to be learnt of an order that rests. */
    r->watch.interval_ns[WATCH_REST] = c->lost_share_bps > 0 ? c->ask_interval_ns : 0;
    ats_digest_init(&r->digest);
    return 0;
}

/* ---- flow --------------------------------------------------------------------------------- */

static bool room(route *r, ats_io *io, uint32_t fed_back, uint32_t tapped, uint32_t journaled)
{
    if (!ats_io_room(io, PORT_FEEDBACK, fed_back) || !ats_io_room(io, PORT_TAP, tapped))
        return false;
    if (ats_journal_room(r->journal, journaled))
        return true;
    io->blocked = true;
    return false;
}

/* Room for a record and for the step of a kill that comes with it. */
static bool room_for(route *r, ats_io *io, const ats_market *m)
{
    uint32_t steps = route_is_killed(r) && !r->kill_done ? KILL_CANCELS : 0;
    uint32_t told = steps ? steps + 1 : 0; /* the cancels, or that the kill is done */
    if (m->h.kind != ATS_KIND_ORDER)
        return steps == 0 || room(r, io, 0, told, steps);
    uint32_t n = route_records_of((const ats_order *)m);
    return room(r, io, n, n + told, n + 1 + steps);
}

/* The first order that has waited too long; after END those that rest are left in peace. */
static int64_t first_timeout(const route *r, uint32_t *place)
{
    uint32_t rests = 0;
    int64_t answer_ns = watch_due(&r->watch, WATCH_ANSWER, place);
    int64_t rest_ns = r->closing ? INT64_MAX : watch_due(&r->watch, WATCH_REST, &rests);
    if (rest_ns < answer_ns) {
        *place = rests;
        return rest_ns;
    }
    return answer_ns;
}

static int64_t route_next_due(const void *state)
{
    const route *r = state;
    uint32_t place;
    int64_t venue_ns = ats_venue_sim_next_due(r->venue), wait_ns = first_timeout(r, &place);
    return wait_ns < venue_ns ? wait_ns : venue_ns;
}

static uint32_t route_run_due(void *state, ats_io *io)
{
    route *r = state;
    ats_exec x;
    uint32_t place;
    if (!room(r, io, 1, 1, 2))
        return 0;
    int64_t venue_ns = ats_venue_sim_next_due(r->venue), wait_ns = first_timeout(r, &place);
    int64_t due_ns = wait_ns < venue_ns ? wait_ns : venue_ns;
    r->now_ns = due_ns > r->now_ns ? due_ns : r->now_ns;
    if (wait_ns < venue_ns) {
        route_on_timeout(r, place);
    } else if (ats_venue_sim_run_due(r->venue, &x)) {
        x.h.event_seq = r->last_seq;
        x.h.origin_ns = ats_clock_now(io->clock); /* what follows from it is timed from here */
        route_on_answer(r, io, &x);
        ats_io_publish(io);
    }
    return 1;
}

static void route_foresee(void *state, const ats_market *next)
{
    route *r = state;
    r->closing |= next->h.kind == ATS_KIND_END;
    ats_venue_sim_foresee(r->venue, next);
}

/* Passes what the end of the run still owes: expiries, then END. Returns how many records. */
static uint32_t finish(route *r, ats_io *io)
{
    ats_exec x;
    uint32_t done = 0;
    while (room(r, io, 1, 1, 2)) {
        done++;
        if (ats_venue_sim_expire_one(r->venue, r->last_ns, &x)) {
            x.h.event_seq = r->last_seq;
            route_on_answer(r, io, &x);
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

static void take_market(route *r, const ats_market *m)
{
    r->last_seq = m->h.event_seq;
    r->last_ns = m->h.recv_ns;
    if (m->h.kind == ATS_KIND_END) {
        r->ending = true;
        r->end = m->h;
    }
    ats_venue_sim_market(r->venue, m);
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
        if (!room_for(r, io, m))
            break;
        r->now_ns = m->h.recv_ns > r->now_ns ? m->h.recv_ns : r->now_ns;
        if (m->h.kind == ATS_KIND_ORDER)
            route_on_order(r, io, (const ats_order *)m);
        else
            take_market(r, m);
        if (!r->ending && route_is_killed(r))
            route_kill_step(r, io);
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

const ats_order_table *ats_route_orders(const void *state)
{
    return ((const route *)state)->orders;
}

const ats_venue_sim *ats_route_venue(const void *state)
{
    return ((const route *)state)->venue;
}

#define BIT(kind) ATS_KIND_BIT(ATS_KIND_##kind)

const ats_stage ats_stage_route = {
    .name = "route",
    .in = {{"chain", ATS_KINDS_CHAIN | BIT(ORDER), 0, false}},
    .out = {{"feedback", BIT(EXEC) | BIT(END), (1 + ATS_LEGS_MAX) * ATS_BURST_MAX, false},
            {"tap", BIT(ORDER) | BIT(EXEC) | BIT(ENV) | BIT(END),
             (2 + ATS_LEGS_MAX + KILL_CANCELS) * ATS_BURST_MAX, true}},
    .footprint = route_footprint,
    .init = route_init,
    .work = route_work,
    .housekeep = route_housekeep,
    .next_due = route_next_due,
    .run_due = route_run_due,
    .foresee = route_foresee,
};
