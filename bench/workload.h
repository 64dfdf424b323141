/* workload.h: what the pipeline benchmark feeds the chain: market records, a forest of a given
 * shape, arrival times. All from seeds; needs no file. */
#ifndef ATS_BENCH_WORKLOAD_H
#define ATS_BENCH_WORKLOAD_H

#include "calc/forest/forest.h"
#include "stages/infer/model.h"
#include "core/record.h"
#include "core/symbols.h"
#include "stages/run_config.h"
#include "stages/strategy/ats_strategy.h"

#include <stdint.h>

typedef enum ats_arrivals {
    ATS_ARRIVALS_CONSTANT = 0, /* one every 1/rate */
    ATS_ARRIVALS_POISSON = 1,  /* exponential gaps */
    ATS_ARRIVALS_BURST = 2,    /* ATS_BURST_EVENTS at the same moment, at the same mean rate */
    ATS_ARRIVALS_RECORDED = 3, /* the records' own gaps, scaled to the rate */
    ATS_ARRIVALS_COUNT
} ats_arrivals;
const char *ats_arrivals_label(uint32_t arrivals);

#define ATS_BURST_EVENTS 32u /* an opening quote update of a few venues in a few symbols */

typedef struct ats_workload {
    ats_market *records;
    uint64_t count;
    ats_symbols symbols;
} ats_workload;

/* A made-up day of at least `count` records over `symbols` symbols. 0, or -1 with an error pushed.
 */
int ats_workload_make(ats_workload *workload, uint64_t count, uint32_t symbols, uint64_t seed);
void ats_workload_free(ats_workload *workload);

/* Moments after the start at which the first `count` events are due. */
int ats_workload_schedule(const ats_workload *workload, ats_arrivals arrivals, double rate,
                          uint64_t count, uint64_t seed, uint64_t *schedule_ns);

/* Complete trees of this depth over the chain's features. Thresholds are drawn from vectors that
 * the chain computes from the workload, so that walks take both sides; leaf values are small. */
int ats_workload_forest(const ats_workload *workload, uint32_t trees, uint32_t depth, uint64_t seed,
                        ats_forest *forest);

/* The same as a model to score with; the caller frees it. */
int ats_workload_model(const ats_workload *workload, uint32_t trees, uint32_t depth, uint64_t seed,
                       ats_model **model);

/* A configuration under which (nearly) every signal becomes an order that fills at once, with every
 * check of the gate on and none of its limits in the way; so that orders, not events, are plenty.
 */
ats_run_config ats_workload_config(void);

/* Of its strategy, which wants an order at every signal: ats_chain_spec.plugin. */
extern const ats_strategy_plugin ats_workload_plugin;

#endif
