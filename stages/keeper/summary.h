/* summary.h: what a run did, in one struct: the source of run.json.
 *
 * Collected once, after the chain has been joined and before it is destroyed. Money is in 1e-9 of
 * the account's currency here and in currency in the JSON; times are UTC nanoseconds here and RFC
 * 3339 there. Cold; owner: the thread that runs the command.
 */
#ifndef ATS_STAGES_KEEPER_SUMMARY_H
#define ATS_STAGES_KEEPER_SUMMARY_H

#include "calc/performance.h"
#include "core/host.h"
#include "stages/chain.h"

#include <jansson.h>

#define ATS_RUN_SCHEMA            1   /* of run.json */
#define ATS_SUMMARY_WARNINGS      24u /* further ones are counted only */
#define ATS_SUMMARY_WARNING_BYTES 256u
#define ATS_SUMMARY_FAULT_BYTES   512u

typedef struct ats_summary_input {
    const char *const *files; /* as given; borrowed, lives as long as the summary */
    uint32_t file_count;
    uint32_t symbols;
    uint64_t events; /* market events that the feed released */
    uint64_t quotes, trades, bars;
    int64_t first_event_ns, last_event_ns; /* of the input; 0 = it was empty */
} ats_summary_input;

typedef struct ats_summary_thread {
    char name[ATS_NAME_BYTES];
    int cpu; /* ATS_CPU_ANY: not pinned */
    ats_wait wait;
    uint32_t stage_count;
    const char *stages[ATS_STAGES_MAX]; /* constants */
    uint64_t page_faults;               /* between armed and end */
} ats_summary_thread;

typedef struct ats_summary_link {
    const char *name; /* a constant */
    ats_full full;
    uint64_t depth, high_water, published, dropped, conflated, stalls, stall_ns;
} ats_summary_link;

/* What scored. Points into the chain, which outlives the summary. */
typedef struct ats_summary_models {
    const ats_model_use *uses; /* in order; the first is the "model" of run.json */
    uint32_t count;
    uint64_t changes; /* all uses, more than count when they were too many to list */
    uint64_t refused; /* commands that named a model which was not loaded, or another file */
    const ats_metrics_infer *infer;
    bool gpu;                  /* a card took part; the rest counts then */
    const char *gpu_kind;      /* a constant */
    uint32_t gpu_use_from;     /* rows; ATS_GPU_NEVER: it was not worth the way */
    ats_gpu_metrics gpu_count; /* of its batches */
} ats_summary_models;

/* What the model on trial said. */
typedef struct ats_summary_shadow {
    bool present;
    char sha256[65];
    uint32_t trees;
    float entry_margin;
    uint64_t dropped; /* vectors it was too slow for */
    ats_shadow_result result;
} ats_summary_shadow;

/* What infer saw. Points into the chain, which outlives the summary. */
typedef struct ats_summary_features {
    const ats_catalogue *catalogue;
    const ats_vector_hash *vectors;
} ats_summary_features;

typedef struct ats_summary_latency {
    uint64_t count;
    uint64_t p50_ns, p90_ns, p99_ns, p999_ns, p9999_ns, max_ns; /* all 0 when count is */
    double mean_ns;
} ats_summary_latency;

typedef struct ats_summary_decisions {
    uint64_t signals, intents, orders, replaces, cancels, fills;
    uint64_t broker_rejects;
    uint64_t verdicts[ATS_CHECK_COUNT]; /* by first refusing check; [PASS] = sent on */
    uint64_t wishes[ATS_ENTRY_ANSWERS]; /* of strategies, by what became of them */
} ats_summary_decisions;

typedef struct ats_summary_position {
    const char *symbol, *venue; /* in the source's table: borrowed */
    int64_t qty_e9, average_e9, mark_e9, realized_e9, unrealized_e9, fees_e9;
    uint64_t fills;
} ats_summary_position;

typedef struct ats_summary_portfolio {
    int64_t start_equity_e9, end_equity_e9, cash_e9, realized_e9, unrealized_e9, fees_e9;
    int64_t gross_e9, net_e9;
    int64_t dividends_e9, borrow_e9; /* received less paid; paid */
    ats_summary_position *positions; /* symbols that were traded, in order of id */
    uint32_t position_count;
} ats_summary_portfolio;

typedef struct ats_summary_quality {
    uint64_t out_of_order, crossed, locked, unchanged, conflated;
    uint64_t stale;         /* sides and quotes that stood still while trades went on */
    uint64_t stale_refused; /* intents refused because the symbol's quote was too old */
    int64_t gaps;           /* silences and holes in dense ids; -1: not looked for */
    uint64_t bad_price, bad_size, bad_time, bad_action; /* records kept from the chain */
    uint64_t in_quarantine;
    uint64_t cut_bytes;           /* of torn ends of the input, not read */
    uint64_t symbols_quarantined; /* at some time */
    json_t *found;                /* by fault and symbol (quality.h); owned */
} ats_summary_quality;

typedef struct ats_summary_faults {
    char stage[ATS_SUMMARY_FAULT_BYTES];         /* why the chain failed; "" = it did not */
    char disk[ATS_SUMMARY_FAULT_BYTES];          /* first failure of the drain; "" = none */
    char store[ATS_SUMMARY_FAULT_BYTES];         /* first failure of the keeper; "" = none */
    uint64_t disk_errors, tape_lost, audit_lost; /* see ats_drain_result */
    uint64_t journal_kept; /* the same; 0 where the run has no journal on disk by choice */
    uint64_t store_errors;
    uint64_t executions_unknown, executions_duplicate;
    bool killed; /* the kill switch was thrown */
} ats_summary_faults;

typedef struct ats_run_summary {
    const char *command; /* "replay"; borrowed */
    int exit;
    int64_t started_ns, finished_ns;
    ats_host host;
    ats_build build;
    ats_summary_input input;
    ats_summary_thread threads[ATS_THREADS_MAX];
    uint32_t thread_count;
    ats_summary_link links[ATS_LINKS_MAX];
    uint32_t link_count;
    const char *arena_backing; /* of the chain's memory; a constant */
    bool arena_locked;
    ats_summary_models models;
    ats_summary_shadow shadow;
    ats_summary_features features;
    ats_summary_latency latency[ATS_HOP_COUNT];
    const char *pace; /* "max", "recorded", "schedule" */
    double speed;
    int64_t wall_ns; /* start of the chain to its end */
    double events_per_s;
    ats_summary_decisions decisions;
    char digest[33];
    const char *tape; /* "full", "reference", "none" */
    bool replayable;  /* the tape has no hole */
    ats_summary_portfolio portfolio;
    ats_performance_result performance;
    json_t *attribution, *execution; /* of run.json (analysis.h); owned; NULL: not to be had */
    ats_summary_quality quality;
    ats_summary_faults faults;
    char warnings[ATS_SUMMARY_WARNINGS][ATS_SUMMARY_WARNING_BYTES];
    uint32_t warning_count, warnings_lost;
} ats_run_summary;

/* What only the keeper knows (keeper.h); ats_keeper_finish fills it in, ats_keeper_result_free
 * frees it. */
typedef struct ats_keeper_result {
    ats_summary_latency latency[ATS_HOP_COUNT];
    ats_performance_result performance;
    json_t *attribution, *execution; /* of run.json (analysis.h); owned; NULL: not to be had */
    uint64_t records;                /* of the audit file, seen */
    uint64_t stored;                 /* of these, in store.db */
    uint64_t errors;                 /* of the database and of the latency log, each try counted */
    char error[ATS_SUMMARY_FAULT_BYTES]; /* the first; "" = none */
    bool complete; /* everything that the run left is in store.db and latency.hlog */
} ats_keeper_result;

/* What the collector cannot see. */
typedef struct ats_summary_options {
    const char *command;
    int exit;
    const char *stage_error; /* why ats_chain_join failed; NULL = it did not */
    const char *const *files;
    uint32_t file_count;
    const ats_keeper_result *kept; /* NULL: no keeper ran; latency and performance are empty */
} ats_summary_options;

/* Fills in *summary from a joined chain. The chain's symbols, the source, the files and the strings
 * of the options must outlive it. Warns by itself of: latencies of a run at full speed, a tape with
 * a hole, faults, a model trained on days of the input ("in_sample"), unpinned spinning threads, a
 * governor other than performance, a virtual machine. -1 with an error pushed when memory is
 * short. */
int ats_run_summary_collect(ats_run_summary *summary, const ats_chain *chain,
                            const ats_market_source *source, const ats_run_config *config,
                            const ats_summary_options *options);

/* Adds a warning: a short code, a colon, a sentence. The same text is kept once. */
void ats_run_summary_warn(ats_run_summary *summary, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Percentiles of a histogram; of any layout. */
void ats_summary_latency_of(ats_summary_latency *out, const ats_histogram *h);

void ats_run_summary_free(ats_run_summary *summary);

/* run.json as a document; NULL with an error pushed when memory is short. Text that is not UTF-8
 * has its bad bytes replaced by '?'. */
json_t *ats_run_summary_json(const ats_run_summary *summary);

/* Writes it to a file, whole or not at all. -1 with an error pushed. */
int ats_run_summary_write(const ats_run_summary *summary, const char *path);

/* The host{} and build{} objects, also of benchmarks. NULL when memory is short. */
json_t *ats_host_json(const ats_host *host);
json_t *ats_build_json(const ats_build *build);

#endif
