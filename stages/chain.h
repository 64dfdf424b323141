/* chain.h: the whole system in one table: which stages there are and which feeds which.
 *
 * ats_chain_build wires a run from its resolved configuration; the tables in chain.c are the place
 * to see how the parts hang together.
 */
#ifndef ATS_STAGES_CHAIN_H
#define ATS_STAGES_CHAIN_H

#include "core/engine.h"
#include "io/calendar_file.h"
#include "io/reference_file.h"
#include "stages/drain/drain.h"
#include "stages/feature/feature.h"
#include "stages/feed/feed.h"
#include "stages/infer/infer.h"
#include "stages/risk/risk.h"
#include "stages/route/route.h"
#include "stages/run_config.h"
#include "stages/shadow/shadow.h"
#include "stages/strategy/strategy.h"

/* Stages in the order of the chain: indices of ATS_CHAIN_STAGES. */
typedef enum ats_chain_stage {
    ATS_CHAIN_FEED = 0,
    ATS_CHAIN_FEATURE = 1,
    ATS_CHAIN_INFER = 2,
    ATS_CHAIN_STRATEGY = 3,
    ATS_CHAIN_RISK = 4,
    ATS_CHAIN_ROUTE = 5,
    ATS_CHAIN_DRAIN = 6,
    ATS_CHAIN_SHADOW = 7,
    ATS_CHAIN_STAGE_COUNT = 8
} ats_chain_stage;

typedef struct ats_chain_spec {
    const ats_run_config *config;
    ats_market_source *source; /* open */
    ats_pace pace;
    double speed;
    const uint64_t *schedule_ns;
    uint64_t schedule_count;
    uint64_t released_max;    /* 0 = all; see ats_feed_config */
    ats_model_table *models;  /* NULL: none. The caller's, who adds and collects. */
    uint32_t model_id;        /* scores from the start; 0: none, or the first command names it */
    ats_model_device *device; /* that models are attached to; NULL: none. Gets the chain's clock. */
    ats_model *shadow;        /* on trial beside it; NULL: none. Wants a drain. */
    const ats_control_due *commands; /* ascending at_ns */
    uint32_t command_count;
    const char *run_name;              /* for the latch file */
    const ats_strategy_plugin *plugin; /* of strategies that name none: a test's or a bench's */
    ats_trace *trace;                  /* NULL: nobody asks why */
    bool vectors;                      /* compute vectors even without a model */
    bool sample;                       /* keep a sample of the vectors, to see drift by */
    uint32_t feed_burst;               /* 0 = ATS_BURST_MAX */
    ats_journal *journal;
    ats_capture_writer *tape; /* NULL: no tape tap */
    ats_audit_writer *audit;  /* NULL: no drain stage and no taps at all */
    int journal_fd, reserve_fd;
    bool stop_on_error;
    ats_engine_hooks hooks;
} ats_chain_spec;

typedef struct ats_chain {
    ats_clock clock;
    ats_context context;
    ats_arena shared; /* recorders, metrics, switches */
    ats_catalogue catalogue;
    ats_calendar_table calendar; /* of the equity exchanges */
    ats_reference_file reference;
    ats_topology topology;
    ats_link_spec links[ATS_LINKS_MAX];
    ats_thread_map map;
    ats_feed_config feed;
    ats_feature_config feature;
    ats_infer_config infer;
    ats_strategy_set strategies;
    ats_strategy_config strategy;
    ats_risk_config risk;
    ats_route_config route;
    ats_drain_config drain;
    ats_shadow_config shadow;
    const ats_model_device *device; /* NULL: none */
    ats_engine engine;
    uint64_t started_ns; /* monotonic */
    uint64_t ended_ns;
} ats_chain;

/* 0, or -1 with errors pushed and nothing left behind. The spec's pointers must outlive the chain.
 */
int ats_chain_build(ats_chain *chain, const ats_chain_spec *spec);

/* Starts, and waits for the end. ats_chain_stop may be called from another thread or a signal
 * handler's helper meanwhile. -1 with errors pushed when a stage failed. */
int ats_chain_start(ats_chain *chain);
int ats_chain_join(ats_chain *chain);

/* Lets a model that is in the table score from the next event on, while the run goes on. When the
 * chain has taken it up, the one before is retired (ats_model_table_collect). 0, or -1 with an
 * error pushed: it does not fit the chain's features, or the inbox is full. The table's control
 * thread. */
int ats_chain_swap_model(ats_chain *chain, const ats_model *model);

/* Asks the feed to end the run, or throws the kill switch. Any thread. */
void ats_chain_stop(ats_chain *chain);
void ats_chain_kill(ats_chain *chain);

void ats_chain_destroy(ats_chain *chain);

/* After join: the digest of all decisions, 32 hex digits. */
void ats_chain_digest(const ats_chain *chain, char text[33]);

/* After join, or at any time for the counters of links. */
static inline void *ats_chain_state(const ats_chain *chain, ats_chain_stage stage)
{
    return chain->engine.instances[stage].state;
}

/* Name of a chain stage, and the number behind a name; -1 when there is none. */
const char *ats_chain_stage_name(uint32_t stage);
int ats_chain_stage_index(const char *name);

#endif
