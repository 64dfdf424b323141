/* Models are swapped as fast as they are taken, while the chain runs at full load on two threads.
 * Each model's leaves are its own number, so that a score tells which model made it: every signal
 * must name that one, models must come in order, no vector may lose its signal, and every model
 * must be freed.
 *   stress_swap [SWAPS] */
#include "tests/unit/stages/chain_run.h"

#include <inttypes.h>
#include <sched.h>

#define SWAPS 5000u /* 100,000 take half a minute */

typedef struct checker {
    uint64_t signals, wrong, backwards, scored; /* scored: not 0, so that it tells its model */
    uint32_t last_model;
    uint64_t last_took; /* when the batch of the last signal was taken up: tells batches apart */
    /* What infer took, a batch each (a command is one of its own). */
    ats_histogram *commands, *first_batches, *other_batches;
} checker;

static checker seen;

static size_t checker_footprint(const void *config)
{
    (void)config;
    return 64;
}

static int checker_init(void *state, const void *config, ats_io *io)
{
    (void)state, (void)config, (void)io;
    seen.last_model = 0; /* ids begin anew with each run */
    return 0;
}

/* By infer's own stamps: the command itself, the first batch behind it, all other batches. */
static void time_batch(const ats_header *h, bool first)
{
    uint64_t took = h->origin_ns + h->stamp_ns[ATS_STAMP_INFER_TOOK];
    uint64_t ns = h->stamp_ns[ATS_STAMP_INFER] - h->stamp_ns[ATS_STAMP_INFER_TOOK];
    if (took == seen.last_took)
        return;
    seen.last_took = took;
    ats_histogram_record(h->kind == ATS_KIND_CONTROL ? seen.commands
                         : first                     ? seen.first_batches
                                                     : seen.other_batches,
                         ns);
}

static void check(const ats_signal *s)
{
    time_batch(&s->h, s->model_id != seen.last_model);
    seen.signals++;
    seen.scored += s->score != 0.0f;
    seen.wrong += s->score != 0.0f && fabsf(s->score) != (float)s->model_id;
    seen.backwards += s->model_id < seen.last_model;
    seen.last_model = s->model_id;
}

static uint32_t checker_work(void *state, ats_io *io)
{
    (void)state;
    uint64_t n = ats_rx_peek(io->in[0]);
    for (uint64_t i = 0; i < n; i++) {
        const ats_header *h = ats_rx_slot(io->in[0], i);
        if (h->kind == ATS_KIND_SIGNAL)
            check((const ats_signal *)h);
        else if (h->kind == ATS_KIND_CONTROL)
            time_batch(h, true);
        io->ended = h->kind == ATS_KIND_END;
    }
    if (n)
        ats_rx_release(io->in[0], n);
    return (uint32_t)n;
}

static const ats_stage CHECKER = {
    .name = "checker",
    .in = {{"chain", ATS_KINDS_CHAIN | ATS_KIND_BIT(ATS_KIND_SIGNAL), 0, false}},
    .footprint = checker_footprint,
    .init = checker_init,
    .work = checker_work,
};

static const ats_stage *const STAGES[] = {&ats_stage_feed, &ats_stage_feature, &ats_stage_infer,
                                          &CHECKER};
static const ats_link_spec LINKS[] = {{"feed-feature", 0, 0, 1, 0, ATS_FULL_MUST_ARRIVE, 256},
                                      {"feature-infer", 1, 0, 2, 0, ATS_FULL_MUST_ARRIVE, 256},
                                      {"infer-checker", 2, 0, 3, 0, ATS_FULL_MUST_ARRIVE, 256}};

/* Until the last model sent has scored something, so that every one has its turn. */
static void wait_for_score(const ats_engine *engine, const ats_metrics_infer *infer, uint64_t sent)
{
    while (ats_load_relaxed(&infer->swaps) < sent && !ats_engine_is_over(engine))
        sched_yield();
    uint64_t rows = ats_load_relaxed(&infer->rows);
    while (ats_load_relaxed(&infer->rows) == rows && !ats_engine_is_over(engine))
        sched_yield();
}

/* Swaps while the engine runs; how many were sent, and freed. */
static void swap_until_over(ats_engine *engine, ats_model_table *models, ats_context *context,
                            uint64_t most, uint64_t *sent, uint64_t *freed)
{
    while (!ats_engine_is_over(engine) && *sent < most) {
        ats_model *model = fixture_model((float)(models->last_id + 1));
        ats_control command = {.code = ATS_CONTROL_MODEL};
        while (!(command.model_id = ats_model_table_add(models, model, 0)) &&
               !ats_engine_is_over(engine)) {
            ats_error_clear();
            *freed += ats_model_table_collect(models);
            sched_yield();
        }
        if (command.model_id == 0) {
            ats_model_free(model);
            break;
        }
        while (ats_control_send(context->inbox, &command) != 0 && !ats_engine_is_over(engine)) {
            ats_error_clear();
            *freed += ats_model_table_collect(models);
            sched_yield();
        }
        ++*sent;
        wait_for_score(engine, &context->metrics->infer, *sent);
    }
    ats_error_clear();
}

/* One pass over the day with swaps; how many the chain took. */
static uint64_t run(const ats_market *day, uint64_t count, const ats_symbols *symbols,
                    uint64_t most, uint64_t *vectors)
{
    ats_model_table models = {0};
    ats_market_source source;
    ats_arena arena;
    ats_context context;
    ats_engine engine;
    ats_clock clock;
    uint64_t sent = 0, freed = 0;
    ats_clock_calibrate(&clock);
    if (ats_market_source_memory(&source, day, count, symbols) != 0 ||
        ats_context_make(&context, &arena, &source.symbols) != 0)
        abort();
    ats_topology topology = {STAGES, 4, LINKS, 3};
    ats_thread_map map = {
        .count = 2,
        .threads = {
            {.name = "a", .cpu = -1, .wait = ATS_WAIT_YIELD, .stage_count = 2, .stages = {0, 1}},
            {.name = "b", .cpu = -1, .wait = ATS_WAIT_YIELD, .stage_count = 2, .stages = {2, 3}}}};
    ats_feed_config feed = {.context = &context,
                            .source = &source,
                            .burst = ATS_BURST_MAX,
                            .symbol_count = source.symbols.count};
    ats_feature_config feature = {.context = &context,
                                  .catalogue = fixture_catalogue(),
                                  .symbol_count = source.symbols.count,
                                  .vectors = true};
    ats_infer_config infer = {.context = &context,
                              .models = &models,
                              .model_id = ats_model_table_add(&models, fixture_model(1.0f), 0),
                              .batch_limit = 16,
                              .feature_count = fixture_catalogue()->count,
                              .feature_version = fixture_catalogue()->version};
    ats_engine_spec spec = {.topology = &topology,
                            .map = &map,
                            .configs = {&feed, &feature, &infer, NULL},
                            .feature_count = fixture_catalogue()->count,
                            .clock = &clock};
    if (ats_engine_build(&engine, &spec) != 0 || ats_engine_start(&engine) != 0)
        abort();
    swap_until_over(&engine, &models, &context, most, &sent, &freed);
    if (ats_engine_join(&engine) != 0)
        abort();
    uint64_t taken = context.metrics->infer.swaps;
    *vectors += context.metrics->feature.rows;
    freed += ats_model_table_collect(&models);
    /* Every model but the last is retired when its follower is taken. */
    if (freed != taken || context.metrics->infer.swaps_refused || taken > sent)
        seen.wrong++;
    ats_engine_destroy(&engine);
    ats_model_table_clear(&models);
    ats_arena_destroy(&arena);
    ats_market_source_close(&source);
    return taken;
}

static ats_histogram *new_histogram(void)
{
    size_t bytes = (ats_histogram_footprint() + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory ? ats_histogram_new(memory) : NULL;
}

static void print_times(const char *what, const ats_histogram *h)
{
    printf("%-28s %9" PRIu64 "   p50 %6" PRIu64 "   p90 %6" PRIu64 "   p99 %6" PRIu64 " ns\n", what,
           ats_histogram_total(h), ats_histogram_value_at(h, 50), ats_histogram_value_at(h, 90),
           ats_histogram_value_at(h, 99));
}

int main(int argc, char **argv)
{
    uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : SWAPS;
    uint64_t swaps = 0, vectors = 0, runs = 0, count;
    ats_symbols symbols = {0};
    ats_market *day = fixture_day(&count, &symbols);
    seen.commands = new_histogram();
    seen.first_batches = new_histogram();
    seen.other_batches = new_histogram();
    if (!day || !seen.commands || !seen.first_batches || !seen.other_batches)
        return 1;
    for (; swaps < wanted; runs++)
        swaps += run(day, count, &symbols, wanted - swaps, &vectors);
    printf("%" PRIu64 " swaps in %" PRIu64 " runs; %" PRIu64 " vectors, %" PRIu64
           " signals, %" PRIu64 " of them tell their model; %" PRIu64 " wrong, %" PRIu64
           " out of order\n",
           swaps, runs, vectors, seen.signals, seen.scored, seen.wrong, seen.backwards);
    print_times("a command", seen.commands);
    print_times("the first batch behind one", seen.first_batches);
    print_times("all other batches", seen.other_batches);
    free(day);
    free(seen.commands), free(seen.first_batches), free(seen.other_batches);
    ats_symbols_free(&symbols);
    return seen.wrong || seen.backwards || seen.signals != vectors || seen.scored < swaps;
}
