#include "stages/strategy/strategy.h"

#include "core/error.h"

#define PORT_CHAIN    0
#define PORT_FEEDBACK 1 /* input */
#define PORT_TAP      1 /* output */

typedef struct strategy {
    const ats_strategy_config *config;
    const ats_context *context;
    ats_metrics_strategy *metrics;
    bool chain_ended, feedback_ended;
    ats_header last; /* of the last chain record */
    ats_digest digest;
    ats_strategies host;
    alignas(ATS_GUARD_BYTES) uint8_t memory[];
} strategy;

static size_t strategy_footprint(const void *configuration)
{
    const ats_strategy_config *config = configuration;
    uint32_t n = config->order_capacity;
    if (n == 0 || (n & (n - 1))) {
        ats_error(ATS_EXIT_CONFIG, "strategy: order_capacity %u is no power of two", n);
        return 0;
    }
    return sizeof(strategy) + ats_strategies_footprint(config);
}

static int strategy_init(void *state, const void *configuration, ats_io *io)
{
    strategy *s = state;
    s->config = configuration;
    s->context = s->config->context;
    s->metrics = &s->context->metrics->strategy;
    ats_digest_init(&s->digest);
    ats_strategies_init(&s->host, s->memory, s->config);
    s->host.clock = io->clock;
    return 0;
}

/* ---- out ---------------------------------------------------------------------------------- */

static void add_to_digest(strategy *s, const ats_intent *i)
{
    uint64_t words[] = {s->context->symbols->entry[i->h.symbol_id].key,
                        (uint64_t)i->h.recv_ns,
                        i->intent_id,
                        i->target_intent_id,
                        (uint64_t)i->qty_e9,
                        (uint64_t)i->limit_e9,
                        (uint64_t)i->stop_e9,
                        (uint64_t)i->stop_leg_e9,
                        (uint64_t)i->bid_e9,
                        (uint64_t)i->ask_e9,
                        (uint64_t)i->strategy_id << 32 | i->reason,
                        (uint64_t)i->action << 32 | (uint64_t)i->order_class << 24 |
                            (uint64_t)i->side << 16 | (uint64_t)i->type << 8 | i->tif,
                        ats_digest_float(i->score)};
    ats_digest_add(&s->digest, words, sizeof words / sizeof words[0]);
}

/* Passes on what is waiting. True once nothing is. */
static bool flush(strategy *s, ats_io *io)
{
    const ats_intent *waiting;
    while ((waiting = ats_desk_outbox(&s->host.desk)) != NULL) {
        if (!ats_io_room(io, PORT_CHAIN, 1) || !ats_io_room(io, PORT_TAP, 1))
            return false;
        ats_intent *i = ats_io_put(io, PORT_CHAIN, waiting, sizeof *waiting);
        i->h.stamp_ns[ATS_STAMP_STRATEGY] =
            ats_stamp_since(i->h.origin_ns, ats_clock_now(io->clock));
        add_to_digest(s, i);
        if (io->out[PORT_TAP])
            ats_io_put(io, PORT_TAP, i, ATS_RECORD_DERIVED);
        ats_count(&s->metrics->intents, 1);
        ats_desk_sent(&s->host.desk);
    }
    return true;
}

static void tap_suspended(strategy *s, ats_io *io, const ats_header *cause)
{
    for (; s->host.suspended && io->out[PORT_TAP] && ats_io_room(io, PORT_TAP, 1);
         s->host.suspended &= s->host.suspended - 1) {
        ats_env *e = ats_tx_stage(io->out[PORT_TAP]);
        memset(e, 0, sizeof *e);
        e->h = *cause;
        e->h.kind = ATS_KIND_ENV;
        e->after_seq = cause->event_seq;
        e->code = ATS_ENV_STRATEGY_SUSPENDED;
        e->value = __builtin_ctzll(s->host.suspended) + 1;
    }
}

/* ---- in ----------------------------------------------------------------------------------- */

static void on_market(strategy *s, ats_io *io, const ats_market *m)
{
    ats_market *out = ats_io_put(io, PORT_CHAIN, m, ATS_RECORD_MARKET);
    uint32_t now = ats_stamp_since(m->h.origin_ns, ats_clock_now(io->clock));
    out->h.stamp_ns[ATS_STAMP_STRATEGY] = now;
    ats_hop_record(s->context, ATS_HOP_STRATEGY, m->h.stamp_ns[ATS_STAMP_INFER], now);
    s->last = m->h;
    ats_strategies_market(&s->host, m);
    if (m->h.kind == ATS_KIND_CONTROL && io->out[PORT_TAP]) {
        void *slot = ats_tx_stage(io->out[PORT_TAP]);
        memset(slot, 0, ATS_RECORD_DERIVED); /* the audit file's records are all of this size */
        memcpy(slot, m, sizeof(ats_control));
    }
    if (m->h.kind == ATS_KIND_END) {
        s->chain_ended = true;
        if (io->out[PORT_TAP])
            ats_io_put(io, PORT_TAP, m, ATS_RECORD_MARKET);
    }
}

static uint32_t take_feedback(strategy *s, ats_io *io)
{
    ats_rx *in = io->in[PORT_FEEDBACK];
    uint64_t n = ats_rx_peek(in), done = 0;
    if (n > ATS_BURST_MAX)
        n = ATS_BURST_MAX;
    while (done < n && flush(s, io)) {
        const ats_exec *e = ats_rx_slot(in, done++);
        if (e->h.kind == ATS_KIND_EXEC)
            ats_strategies_exec(&s->host, e);
        else
            s->feedback_ended = true;
    }
    if (done)
        ats_rx_release(in, done);
    return (uint32_t)done;
}

static uint32_t take_chain(strategy *s, ats_io *io)
{
    ats_rx *in = io->in[PORT_CHAIN];
    uint64_t n = io->burst ? ats_rx_peek(in) : 0, done = 0;
    if (n > io->burst)
        n = io->burst;
    while (done < n && flush(s, io) && ats_io_room(io, PORT_CHAIN, 1) &&
           ats_io_room(io, PORT_TAP, 1)) {
        const ats_market *m = ats_rx_slot(in, done++);
        if (m->h.kind == ATS_KIND_SIGNAL) {
            ats_count(&s->metrics->signals, 1);
            ats_strategies_signal(&s->host, (const ats_signal *)m);
        } else {
            on_market(s, io, m);
        }
    }
    if (done) {
        ats_rx_release(in, done);
        ats_count(&s->metrics->events_in, done);
        ats_count(&s->metrics->batches, 1);
    }
    return (uint32_t)done;
}

static uint32_t strategy_work(void *state, ats_io *io)
{
    strategy *s = state;
    uint64_t before = s->metrics->intents;
    uint32_t done = take_feedback(s, io);
    done += take_chain(s, io);
    flush(s, io);
    if (s->host.suspended)
        tap_suspended(s, io, &s->last);
    done += (uint32_t)(s->metrics->intents - before);
    if (done)
        ats_io_publish(io);
    io->ended = s->chain_ended && s->feedback_ended && !ats_desk_outbox(&s->host.desk);
    return done;
}

/* Wishes of one moment are granted once the moment is over. */
static int64_t strategy_next_due(const void *state)
{
    return ats_strategies_next_due(&((const strategy *)state)->host);
}

static uint32_t strategy_run_due(void *state, ats_io *io)
{
    strategy *s = state;
    if (!flush(s, io))
        return 0;
    ats_strategies_run_due(&s->host);
    flush(s, io);
    ats_io_publish(io);
    return 1;
}

static void strategy_housekeep(void *state, ats_io *io)
{
    strategy *s = state;
    ats_recorder_poll(s->context->recorders[ATS_HOP_STRATEGY]);
    ats_store_relaxed(&s->metrics->stalls, io->out[PORT_CHAIN]->stalls);
    ats_store_relaxed(&s->metrics->stall_ns, io->out[PORT_CHAIN]->stall_ns);
    ats_store_relaxed(&s->metrics->events_out, io->out[PORT_CHAIN]->published);
}

const ats_digest *ats_strategy_digest(const void *state)
{
    return &((const strategy *)state)->digest;
}

const ats_strategies *ats_strategy_strategies(const void *state)
{
    return &((const strategy *)state)->host;
}

#define FEEDBACK_KINDS (ATS_KIND_BIT(ATS_KIND_EXEC) | ATS_KIND_BIT(ATS_KIND_END))

const ats_stage ats_stage_strategy = {
    .name = "strategy",
    .in = {{"chain", ATS_KINDS_CHAIN | ATS_KIND_BIT(ATS_KIND_SIGNAL), 0, false},
           {"feedback", FEEDBACK_KINDS, 0, false}},
    .out = {{"chain", ATS_KINDS_CHAIN | ATS_KIND_BIT(ATS_KIND_INTENT), ATS_BURST_MAX, false},
            {"tap",
             ATS_KIND_BIT(ATS_KIND_INTENT) | ATS_KIND_BIT(ATS_KIND_CONTROL) |
                 ATS_KIND_BIT(ATS_KIND_ENV) | ATS_KIND_BIT(ATS_KIND_END),
             ATS_BURST_MAX, true}},
    .footprint = strategy_footprint,
    .init = strategy_init,
    .work = strategy_work,
    .housekeep = strategy_housekeep,
    .next_due = strategy_next_due,
    .run_due = strategy_run_due,
};
