#include "bench/pipeline.h"

#include "bench/pipeline_run.h"
#include "core/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS    8u
#define MAX_EVENTS 2000000u /* at full speed: some 256 MB of records, two seconds a round */
#define MAX_ROUNDS 5u

typedef struct bench_pipeline {
    ats_bench_result *result;
    const ats_bench_options *options;
    ats_workload workload;
    ats_model *model;
    uint64_t *schedule_ns;
    uint64_t paced_events;
    uint64_t done, total; /* of runs, for the progress */
} bench_pipeline;

static int tell(bench_pipeline *b)
{
    const ats_bench_options *o = b->options;
    b->done++;
    if (o->progress && o->progress(o->context, b->done, b->total))
        return ats_error(ATS_EXIT_INTERRUPTED, "bench: interrupted");
    return 0;
}

static ats_histogram *new_histogram(void)
{
    void *memory = aligned_alloc(128, (ats_histogram_footprint() + 127) & ~(size_t)127);
    if (!memory)
        ats_error(ATS_EXIT_FAILED, "bench: out of memory");
    return memory ? ats_histogram_new(memory) : NULL;
}

static ats_pipeline_options run_options(const bench_pipeline *b, uint32_t threads)
{
    return (ats_pipeline_options){.workload = &b->workload,
                                  .threads = threads,
                                  .cpus = {b->result->cpus[0], b->result->cpus[1]},
                                  .wait = ATS_WAIT_SPIN};
}

/* ---- open loop ------------------------------------------------------------------------------ */

typedef struct open_loop_case {
    ats_arrivals arrivals;
    uint32_t threads;
    bool floor; /* empty stages */
    bool no_drain;
} open_loop_case;

static int add_open_loop(bench_pipeline *b, const open_loop_case *c, const char *threads)
{
    const ats_bench_options *bo = b->options;
    ats_pipeline_options o = run_options(b, c->threads);
    ats_pipeline_result r = {.latency = new_histogram()};
    char name[ATS_BENCH_NAME_BYTES];
    if (!r.latency || ats_workload_schedule(&b->workload, c->arrivals, bo->rate, b->paced_events, 7,
                                            b->schedule_ns) != 0)
        return -1;
    o.model = b->model;
    o.no_drain = c->no_drain;
    o.events = b->paced_events;
    o.schedule_ns = b->schedule_ns;
    int status = c->floor ? ats_pipeline_floor(&o, &r) : ats_pipeline_run(&o, &r);
    if (status == 0) {
        if (c->arrivals == ATS_ARRIVALS_CONSTANT)
            snprintf(name, sizeof name, "open-loop/%.0f/%s", bo->rate, threads);
        else
            snprintf(name, sizeof name, "open-loop/%.0f/%s/%s", bo->rate, threads,
                     ats_arrivals_label(c->arrivals));
        ats_bench_row *row =
            ats_bench_add_row(b->result, name,
                              c->floor      ? "empty-stages"
                              : c->no_drain ? "no-drain"
                                            : "ats",
                              r.latency, 1, (double)r.events / ((double)r.wall_ns / 1e9));
        if (row && c->floor)
            snprintf(row->note, sizeof row->note,
                     "the harness alone: intended arrival to last stage");
        else if (row)
            snprintf(row->note, sizeof row->note,
                     "%llu orders, each from its intended arrival; %ux%u; page faults %llu",
                     (unsigned long long)r.orders, bo->trees, bo->depth,
                     (unsigned long long)r.page_faults);
    }
    free(r.latency);
    return status == 0 ? tell(b) : -1;
}

/* ---- full speed ----------------------------------------------------------------------------- */

static int add_max(bench_pipeline *b, const char *name, bool scoring)
{
    ats_pipeline_options o = run_options(b, 1);
    double best = 0, sum = 0, worst = INFINITY;
    o.model = scoring ? b->model : NULL;
    o.vectors = true;
    o.quiet = true;
    o.events = b->workload.count < MAX_EVENTS ? b->workload.count : MAX_EVENTS;
    uint64_t signals = 0;
    for (uint32_t round = 0; round < MAX_ROUNDS; round++) {
        ats_pipeline_result r = {.latency = new_histogram()};
        if (!r.latency)
            return -1;
        int status = ats_pipeline_run(&o, &r);
        free(r.latency);
        if (status != 0 || tell(b) != 0)
            return -1;
        double rate = (double)r.events / ((double)r.wall_ns / 1e9);
        best = rate > best ? rate : best;
        worst = rate < worst ? rate : worst;
        sum += rate;
        signals = r.signals;
    }
    ats_bench_row *row = ats_bench_add_row(b->result, name, "ats", NULL, 1, sum / MAX_ROUNDS);
    if (row)
        snprintf(row->note, sizeof row->note,
                 "%.2f..%.2f M events/s in %u rounds, one core, %u features; %llu of %llu scored; "
                 "no latency: events queue",
                 worst / 1e6, best / 1e6, MAX_ROUNDS, b->model->feature_count,
                 (unsigned long long)signals, (unsigned long long)o.events);
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int measure(bench_pipeline *b)
{
    static const open_loop_case FUSED[] = {{ATS_ARRIVALS_CONSTANT, 1, true, false},
                                           {ATS_ARRIVALS_CONSTANT, 1, false, false},
                                           {ATS_ARRIVALS_POISSON, 1, false, false},
                                           {ATS_ARRIVALS_BURST, 1, false, false},
                                           {ATS_ARRIVALS_RECORDED, 1, false, false}};
    static const open_loop_case TWO[] = {{ATS_ARRIVALS_CONSTANT, 2, true, false},
                                         {ATS_ARRIVALS_CONSTANT, 2, false, false},
                                         {ATS_ARRIVALS_CONSTANT, 2, false, true}};
    char scored[ATS_BENCH_NAME_BYTES];
    snprintf(scored, sizeof scored, "max/%ux%u", b->options->trees, b->options->depth);
    b->total = sizeof FUSED / sizeof FUSED[0] + sizeof TWO / sizeof TWO[0] + 2 * MAX_ROUNDS;
    for (size_t i = 0; i < sizeof FUSED / sizeof FUSED[0]; i++)
        if (add_open_loop(b, &FUSED[i], "fused") != 0)
            return -1;
    if (b->result->cpu_count < 2)
        ats_bench_say(b->result, "One CPU only: no row on two threads.");
    for (size_t i = 0; b->result->cpu_count >= 2 && i < sizeof TWO / sizeof TWO[0]; i++)
        if (add_open_loop(b, &TWO[i], "2-threads") != 0)
            return -1;
    return add_max(b, "max/no-scoring", false) != 0 ? -1 : add_max(b, scored, true);
}

static int run(ats_bench_result *result, const ats_bench_options *options)
{
    bench_pipeline b = {.result = result, .options = options};
    b.paced_events = (uint64_t)(options->rate * options->duration_s);
    if (b.paced_events < 1000)
        return ats_error(ATS_EXIT_USAGE, "bench pipeline: --rate times --duration must give at "
                                         "least 1,000 events");
    uint64_t count = b.paced_events > MAX_EVENTS ? b.paced_events : MAX_EVENTS;
    ats_bench_say(result,
                  "Event to order, in process: from the intended arrival of an event to the "
                  "order handed to the simulated venue, behind gate and journal. The drain "
                  "runs beside. A made-up day of %u symbols; nearly every signal orders.",
                  SYMBOLS);
    b.schedule_ns = malloc(b.paced_events * sizeof *b.schedule_ns);
    int status = b.schedule_ns ? 0 : ats_error(ATS_EXIT_FAILED, "bench: out of memory");
    if (status == 0)
        status = ats_workload_make(&b.workload, count, SYMBOLS, 1);
    if (status == 0)
        status = ats_workload_model(&b.workload, options->trees, options->depth, 2, &b.model);
    if (status == 0)
        status = measure(&b);
    ats_model_free(b.model);
    ats_workload_free(&b.workload);
    free(b.schedule_ns);
    return status;
}

const ats_bench_module ats_bench_pipeline = {
    .name = "pipeline",
    .purpose = "the whole chain, open loop: event to order; and its throughput",
    .run = run,
};
