#include "bench/pipeline_run.h"

#include "core/error.h"
#include "io/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the chain ------------------------------------------------------------------------------ */

/* The drain runs as it would: on a thread of its own, not pinned, parked when idle. */
static void map_chain(ats_run_config *c, const ats_pipeline_options *o)
{
    memset(c->threads, 0, sizeof c->threads);
    c->thread_count = o->threads + !o->no_drain;
    for (uint32_t t = 0; t < o->threads; t++) {
        snprintf(c->threads[t].name, ATS_NAME_BYTES, "hot%u", t);
        c->threads[t].cpu = o->cpus[t];
        c->threads[t].wait = o->wait;
    }
    ats_thread_config *side = &c->threads[o->threads];
    snprintf(side->name, ATS_NAME_BYTES, "side");
    side->cpu = ATS_CPU_ANY;
    side->wait = ATS_WAIT_PARK;
    for (uint32_t s = 0; s < ATS_CHAIN_STAGE_COUNT; s++) {
        ats_thread_config *t =
            s == ATS_CHAIN_DRAIN ? side : &c->threads[o->threads == 2 && s >= ATS_CHAIN_STRATEGY];
        snprintf(t->stages[t->stage_count++], ATS_NAME_BYTES, "%s", ats_chain_stage_name(s));
    }
}

/* What the drain writes to: a folder that goes when the run is over. */
typedef struct scratch {
    char path[64], audit_path[96], journal_path[96];
    ats_audit_writer audit;
    ats_journal journal;
    int journal_fd;
    bool audit_unused; /* no drain closed it */
} scratch;

static int open_scratch(scratch *s, const ats_symbols *symbols, uint64_t journal_entries)
{
    snprintf(s->path, sizeof s->path, "/tmp/ats-bench-XXXXXX");
    if (!mkdtemp(s->path))
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s", s->path);
    snprintf(s->audit_path, sizeof s->audit_path, "%s/audit.bin", s->path);
    snprintf(s->journal_path, sizeof s->journal_path, "%s/journal", s->path);
    s->journal_fd = open(s->journal_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->journal_fd < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s", s->journal_path);
    return ats_audit_create(&s->audit, s->audit_path, symbols, ats_clock_wall_ns()) != 0
               ? -1
               : ats_journal_create(&s->journal, "/dev/shm", strrchr(s->path, '/') + 1,
                                    journal_entries);
}

/* Without a drain nothing is taken out: two entries an order out, three back, and every second
 * event at most an order. */
static uint64_t journal_entries(const ats_pipeline_options *o)
{
    uint64_t entries = 65536;
    while (o->no_drain && entries < o->events * 5 / 2)
        entries *= 2;
    return entries;
}

static void close_scratch(scratch *s)
{
    ats_journal_close(&s->journal, true);
    if (s->audit_unused && s->audit.block)
        ats_audit_close(&s->audit);
    if (s->journal_fd >= 0)
        close(s->journal_fd);
    unlink(s->audit_path);
    unlink(s->journal_path);
    rmdir(s->path);
}

static void take_result(const ats_chain *chain, const ats_pipeline_options *o,
                        ats_pipeline_result *result)
{
    const ats_metrics *m = chain->context.metrics;
    result->events = m->feed.events_in;
    result->out = m->feed.events_out;
    result->signals = m->infer.signals;
    result->orders = m->route.orders;
    result->wall_ns = chain->ended_ns - chain->started_ns;
    result->stalls = m->feed.stalls + m->feature.stalls + m->infer.stalls;
    result->stall_ns = m->feed.stall_ns + m->feature.stall_ns + m->infer.stall_ns;
    result->conflated = m->feed.conflated;
    for (uint32_t i = 0; i < o->threads; i++)
        result->page_faults += chain->engine.threads[i].minor_faults;
    ats_hop hop = o->to_signal ? ATS_HOP_EVENT_TO_SIGNAL : ATS_HOP_EVENT_TO_ORDER;
    ats_histogram_add(result->latency, ats_recorder_flip_now(chain->context.recorders[hop]));
}

static int run_chain(const ats_pipeline_options *o, ats_chain *chain, ats_market_source *source,
                     scratch *s, ats_pipeline_result *result)
{
    ats_run_config config = ats_workload_config();
    if (o->quiet) /* no strategy, no order */
        config.strategy.count = 0;
    map_chain(&config, o);
    ats_model_table models = {0}; /* holds the caller's model, so it is not cleared */
    ats_chain_spec spec = {.config = &config,
                           .plugin = &ats_workload_plugin,
                           .source = source,
                           .pace = o->schedule_ns ? ATS_PACE_SCHEDULE : ATS_PACE_MAX,
                           .schedule_ns = o->schedule_ns,
                           .schedule_count = o->events,
                           .models = o->model ? &models : NULL,
                           .model_id = o->model ? ats_model_table_add(&models, o->model, 0) : 0,
                           .vectors = o->vectors,
                           .journal = &s->journal,
                           .audit = o->no_drain ? NULL : &s->audit,
                           .journal_fd = s->journal_fd,
                           .reserve_fd = -1,
                           .stop_on_error = true};
    if (ats_chain_build(chain, &spec) != 0)
        return -1;
    int status = ats_chain_start(chain) == 0 ? ats_chain_join(chain) : -1;
    if (status == 0)
        take_result(chain, o, result);
    if (status == 0 && !o->no_drain) {
        const ats_drain_result *drained =
            ats_drain_outcome(ats_chain_state(chain, ATS_CHAIN_DRAIN));
        if (drained->error[0])
            status = ats_error(ATS_EXIT_FAILED, "bench: %s", drained->error);
    }
    ats_chain_destroy(chain);
    return status;
}

int ats_pipeline_run(const ats_pipeline_options *o, ats_pipeline_result *result)
{
    ats_market_source source;
    ats_chain *chain = calloc(1, sizeof *chain);
    scratch *s = calloc(1, sizeof *s);
    int status = -1;
    if (!chain || !s) {
        free(chain), free(s);
        return ats_error(ATS_EXIT_FAILED, "bench: out of memory");
    }
    s->journal_fd = -1;
    s->audit_unused = o->no_drain;
    if (ats_market_source_memory(&source, o->workload->records, o->events, &o->workload->symbols) ==
        0) {
        if (open_scratch(s, &source.symbols, journal_entries(o)) == 0)
            status = run_chain(o, chain, &source, s, result);
        close_scratch(s);
        ats_market_source_close(&source);
    }
    free(chain), free(s);
    return status;
}

/* ---- the floor ------------------------------------------------------------------------------ */

typedef struct empty_state {
    const ats_context *context;
} empty_state;

static size_t empty_footprint(const void *configuration)
{
    (void)configuration;
    return sizeof(empty_state);
}

static int empty_init(void *state, const void *configuration, ats_io *io)
{
    (void)io;
    ((empty_state *)state)->context = configuration;
    return 0;
}

static uint32_t forward_work(void *state, ats_io *io)
{
    (void)state;
    uint64_t n = ats_rx_peek(io->in[0]), done = 0;
    while (done < n && done < ATS_BURST_MAX && ats_io_room(io, 0, 1)) {
        const ats_market *m = ats_rx_slot(io->in[0], done++);
        ats_io_put(io, 0, m, ATS_RECORD_MARKET);
        io->ended = m->h.kind == ATS_KIND_END;
    }
    if (done) {
        ats_rx_release(io->in[0], done);
        ats_io_publish(io);
    }
    return (uint32_t)done;
}

static uint32_t last_work(void *state, ats_io *io)
{
    const empty_state *s = state;
    uint64_t n = ats_rx_peek(io->in[0]);
    for (uint64_t i = 0; i < n; i++) {
        const ats_market *m = ats_rx_slot(io->in[0], i);
        ats_hop_record(s->context, ATS_HOP_EVENT_TO_ORDER, 0,
                       ats_stamp_since(m->h.origin_ns, ats_clock_now(io->clock)));
        io->ended = m->h.kind == ATS_KIND_END;
    }
    if (n)
        ats_rx_release(io->in[0], n);
    return (uint32_t)n;
}

#define FORWARD                                                                                    \
    {                                                                                              \
        .name = "empty", .in = {{"chain", ATS_KINDS_CHAIN, 0, false}},                             \
        .out = {{"chain", ATS_KINDS_CHAIN, ATS_BURST_MAX, false}}, .footprint = empty_footprint,   \
        .init = empty_init, .work = forward_work                                                   \
    }
static const ats_stage FORWARD_STAGE = FORWARD;
static const ats_stage LAST_STAGE = {.name = "last",
                                     .in = {{"chain", ATS_KINDS_CHAIN, 0, false}},
                                     .footprint = empty_footprint,
                                     .init = empty_init,
                                     .work = last_work};

static const ats_stage *const FLOOR_STAGES[] = {&ats_stage_feed, &FORWARD_STAGE, &FORWARD_STAGE,
                                                &FORWARD_STAGE,  &FORWARD_STAGE, &LAST_STAGE};
static const ats_link_spec FLOOR_LINKS[] = {{"0-1", 0, 0, 1, 0, ATS_FULL_MUST_ARRIVE, 256},
                                            {"1-2", 1, 0, 2, 0, ATS_FULL_MUST_ARRIVE, 256},
                                            {"2-3", 2, 0, 3, 0, ATS_FULL_MUST_ARRIVE, 256},
                                            {"3-4", 3, 0, 4, 0, ATS_FULL_MUST_ARRIVE, 256},
                                            {"4-5", 4, 0, 5, 0, ATS_FULL_MUST_ARRIVE, 256}};

static int run_floor(const ats_pipeline_options *o, ats_market_source *source, ats_context *context,
                     ats_pipeline_result *result)
{
    ats_clock clock;
    ats_clock_calibrate(&clock);
    ats_topology topology = {FLOOR_STAGES, 6, FLOOR_LINKS, 5};
    ats_thread_map map = {.count = o->threads};
    for (uint32_t s = 0; s < 6; s++) {
        ats_thread_spec *t = &map.threads[o->threads == 2 && s >= 3];
        t->stages[t->stage_count++] = (uint8_t)s;
    }
    for (uint32_t t = 0; t < o->threads; t++) {
        snprintf(map.threads[t].name, ATS_NAME_BYTES, "hot%u", t);
        map.threads[t].cpu = o->cpus[t];
        map.threads[t].wait = o->wait;
    }
    ats_feed_config feed = {.context = context,
                            .source = source,
                            .pace = o->schedule_ns ? ATS_PACE_SCHEDULE : ATS_PACE_MAX,
                            .schedule_ns = o->schedule_ns,
                            .schedule_count = o->events,
                            .burst = ATS_BURST_MAX,
                            .symbol_count = source->symbols.count};
    ats_engine_spec spec = {.topology = &topology,
                            .map = &map,
                            .configs = {&feed, context, context, context, context, context},
                            .clock = &clock};
    ats_engine engine;
    if (ats_engine_build(&engine, &spec) != 0)
        return -1;
    uint64_t begin_ns = ats_clock_now(&clock);
    int status = ats_engine_start(&engine) == 0 ? ats_engine_join(&engine) : -1;
    result->wall_ns = ats_clock_now(&clock) - begin_ns;
    result->events = context->metrics->feed.events_in;
    result->out = context->metrics->feed.events_out;
    ats_histogram_add(result->latency,
                      ats_recorder_flip_now(context->recorders[ATS_HOP_EVENT_TO_ORDER]));
    ats_engine_destroy(&engine);
    return status;
}

int ats_pipeline_floor(const ats_pipeline_options *o, ats_pipeline_result *result)
{
    ats_market_source source;
    ats_context context;
    ats_arena shared;
    if (ats_market_source_memory(&source, o->workload->records, o->events, &o->workload->symbols) !=
        0)
        return -1;
    int status = -1;
    if (ats_context_make(&context, &shared, &source.symbols) == 0) {
        status = run_floor(o, &source, &context, result);
        ats_arena_destroy(&shared);
    }
    ats_market_source_close(&source);
    return status;
}
