/* pipeline_run.h: one measured run of the chain, or of a chain of empty stages, open loop. */
#ifndef ATS_BENCH_PIPELINE_RUN_H
#define ATS_BENCH_PIPELINE_RUN_H

#include "bench/workload.h"
#include "core/histogram.h"
#include "stages/chain.h"

typedef struct ats_pipeline_options {
    const ats_workload *workload;
    ats_model *model; /* NULL: nothing is scored */
    bool no_drain;    /* no side thread: the journal stays in memory, nothing is tapped */
    bool quiet;       /* nothing is ordered: the model's margins are below every threshold */
    bool vectors;     /* vectors are computed even without a model */
    bool to_signal;   /* latency is to the signal that infer hands on, not to the order */
    const uint64_t *schedule_ns; /* NULL: at full speed */
    uint64_t events;             /* of the workload, from its start */
    uint32_t threads;            /* 1: fused; 2: feed to infer | strategy to route */
    int cpus[2];                 /* to pin to; ATS_CPU_ANY: not */
    ats_wait wait;
} ats_pipeline_options;

typedef struct ats_pipeline_result {
    ats_histogram *latency; /* intended arrival -> order given to the venue; of the floor: -> last
                               stage. The caller's; added to. */
    uint64_t events;        /* that the feed took in */
    uint64_t out;           /* records that it passed on */
    uint64_t signals, orders;
    uint64_t wall_ns;
    uint64_t page_faults;
    uint64_t stalls, stall_ns; /* of all links: waits for room downstream */
    uint64_t conflated;
} ats_pipeline_result;

/* Runs the chain once. 0, or -1 with an error pushed. */
int ats_pipeline_run(const ats_pipeline_options *options, ats_pipeline_result *result);

/* The same harness, feed, pacing, rings and stamps, with stages that only pass records on: what the
 * machine and the harness add to every figure. */
int ats_pipeline_floor(const ats_pipeline_options *options, ats_pipeline_result *result);

#endif
