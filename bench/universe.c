#include "bench/universe.h"

#include "bench/pipeline_run.h"
#include "core/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A whole market: 500 symbols whose quotes and trades come at 200,000 a second in all, open loop,
 * for ten seconds, through feed, features, scoring and the order side (nothing is ordered). Does
 * the chain keep up? Latency is from the intended arrival of a quote to its signal; the last row is
 * the harness alone. */

#define SYMBOLS 500u
#define RATE    200000.0
#define SECONDS 10.0

typedef struct universe {
    ats_bench_result *result;
    const ats_bench_options *options;
    ats_workload workload;
    ats_model *model;
    uint64_t *schedule_ns;
    uint64_t events, done, total;
} universe;

static ats_histogram *new_histogram(void)
{
    void *memory = aligned_alloc(128, (ats_histogram_footprint() + 127) & ~(size_t)127);
    if (!memory)
        ats_error(ATS_EXIT_FAILED, "universe: out of memory");
    return memory ? ats_histogram_new(memory) : NULL;
}

static int tell(universe *u)
{
    u->done++;
    if (u->options->progress && u->options->progress(u->options->context, u->done, u->total))
        return ats_error(ATS_EXIT_INTERRUPTED, "universe: interrupted");
    return 0;
}

static void add_row(universe *u, const char *threads, bool floor, const ats_pipeline_result *r)
{
    char name[ATS_BENCH_NAME_BYTES];
    double intended_ns = (double)u->schedule_ns[u->events - 1];
    snprintf(name, sizeof name, "open-loop/%.0f/%u-symbols/%s", RATE, SYMBOLS, threads);
    ats_bench_row *row =
        ats_bench_add_row(u->result, name, floor ? "empty-stages" : "ats", r->latency, 1,
                          (double)r->events / (double)r->wall_ns * 1e9);
    if (floor)
        snprintf(row->note, sizeof row->note, "the harness alone: intended arrival to last stage");
    else
        snprintf(row->note, sizeof row->note,
                 "%llu ticks, %llu scored; done %.1f ms after the last was due; %llu stalls "
                 "(%.1f ms), %llu conflated",
                 (unsigned long long)r->events, (unsigned long long)r->signals,
                 ((double)r->wall_ns - intended_ns) / 1e6, (unsigned long long)r->stalls,
                 (double)r->stall_ns / 1e6, (unsigned long long)r->conflated);
}

static int run_case(universe *u, uint32_t threads, bool floor)
{
    ats_pipeline_options o = {.workload = &u->workload,
                              .model = u->model,
                              .quiet = true,
                              .to_signal = true,
                              .schedule_ns = u->schedule_ns,
                              .events = u->events,
                              .threads = threads,
                              .cpus = {u->result->cpus[0], u->result->cpus[1]},
                              .wait = ATS_WAIT_SPIN};
    ats_pipeline_result r = {.latency = new_histogram()};
    if (!r.latency)
        return -1;
    int status = floor ? ats_pipeline_floor(&o, &r) : ats_pipeline_run(&o, &r);
    if (status == 0)
        add_row(u, threads == 1 ? "fused" : "2-threads", floor, &r);
    free(r.latency);
    return status == 0 ? tell(u) : -1;
}

static int measure(universe *u)
{
    uint32_t most = u->result->cpu_count < 2 ? 1 : 2;
    u->total = 2 * most;
    for (uint32_t threads = 1; threads <= most; threads++)
        if (run_case(u, threads, false) != 0 || run_case(u, threads, true) != 0)
            return -1;
    return 0;
}

static int run(ats_bench_result *result, const ats_bench_options *options)
{
    universe u = {.result = result, .options = options, .events = (uint64_t)(RATE * SECONDS)};
    ats_bench_say(result,
                  "A made-up market of %u symbols, each quoted on four exchanges: no recorded set "
                  "here has so many. Scored by %u trees of depth %u.",
                  SYMBOLS, options->trees, options->depth);
    u.schedule_ns = malloc(u.events * sizeof *u.schedule_ns);
    int status = u.schedule_ns ? 0 : ats_error(ATS_EXIT_FAILED, "universe: out of memory");
    if (status == 0)
        status = ats_workload_make(&u.workload, u.events, SYMBOLS, 3);
    if (status == 0)
        status = ats_workload_model(&u.workload, options->trees, options->depth, 2, &u.model);
    if (status == 0)
        status = ats_workload_schedule(&u.workload, ATS_ARRIVALS_CONSTANT, RATE, u.events, 7,
                                       u.schedule_ns);
    if (status == 0)
        status = measure(&u);
    ats_model_free(u.model);
    ats_workload_free(&u.workload);
    free(u.schedule_ns);
    return status;
}

const ats_bench_module ats_bench_universe = {
    .name = "universe",
    .purpose = "500 symbols at 200,000 ticks a second for ten seconds, open loop: does it keep up?",
    .run = run,
};
