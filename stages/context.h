/* context.h: what all stages of one engine share: symbols, counters, latency recorders, switches.
 *
 * Built cold before the engine; each stage writes only its own metric block and its own hops.
 */
#ifndef ATS_STAGES_CONTEXT_H
#define ATS_STAGES_CONTEXT_H

#include "core/histogram.h"
#include "core/memory.h"
#include "core/metrics.h"
#include "core/stage.h"
#include "core/symbols.h"
#include "stages/control.h"

/* The hops whose latency a run reports; also the tags of latency.hlog. */
typedef enum ats_hop {
    ATS_HOP_FEED = 0,            /* origin -> feed handed it on */
    ATS_HOP_FEATURE = 1,         /* -> feature handed it on */
    ATS_HOP_INFER_WAIT = 2,      /* -> infer took it */
    ATS_HOP_INFER = 3,           /* -> infer handed it on, batch included */
    ATS_HOP_STRATEGY = 4,        /* -> strategy handed it on */
    ATS_HOP_RISK = 5,            /* -> risk handed it on */
    ATS_HOP_ROUTE = 6,           /* risk handed the order on -> route gave it to the broker */
    ATS_HOP_EVENT_TO_SIGNAL = 7, /* origin -> infer handed the signal on */
    ATS_HOP_EVENT_TO_ORDER = 8,  /* origin -> order or request given to the broker: the headline */
    ATS_HOP_COUNT
} ats_hop;
const char *ats_hop_label(uint32_t hop);

/* Switches that other threads throw and hot stages look at. Each word has a line of its own. */
typedef struct ats_switches {
    alignas(128) uint64_t stop;       /* feed ends the run at the next record */
    alignas(128) uint64_t kill;       /* risk and route let no order pass; one way */
    alignas(128) uint64_t disk_short; /* drain cannot write: risk refuses entries */
} ats_switches;

typedef struct ats_context {
    const ats_symbols *symbols;
    ats_metrics *metrics;
    ats_recorder *recorders[ATS_HOP_COUNT];
    ats_switches *switches;
    ats_control_inbox *inbox; /* commands on their way to feed */
} ats_context;

/* Takes recorders, counters, switches and the inbox from a new arena, which the caller destroys. 0,
 * or -1 with an error pushed. Cold. */
int ats_context_make(ats_context *context, ats_arena *arena, const ats_symbols *symbols);

/* Records the time between two stamps of a record, and nothing when either is missing. Hot. */
static inline void ats_hop_record(const ats_context *context, ats_hop hop, uint32_t from_ns,
                                  uint32_t to_ns)
{
    ats_recorder_record(context->recorders[hop], to_ns > from_ns ? to_ns - from_ns : 0);
}

#endif
