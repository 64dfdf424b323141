/* keeper.h: the side thread that turns what a run leaves behind into stores and measures.
 *
 * Every interval it asks each hop's recorder for a swap, appends the interval to latency.hlog under
 * the hop's name and adds it to that hop's sum; it tails the audit file into store.db, and feeds
 * performance. It reads files, recorders and counters only, so neither a database nor a disk can
 * hold the chain through it.
 *
 * A database that fails is told once in the log, counted, and tried again every second; what waits
 * stays where it is, in the audit file. When it still fails at the end, the run says so and
 * everything else is whole.
 *
 *     ats_chain_build(chain, &spec);
 *     ats_keeper_start(&keeper, &options);
 *     ats_chain_start(chain); ...; ats_chain_join(chain);
 *     ats_keeper_finish(keeper, &result);
 *     ats_run_summary_collect(&summary, chain, source, config, {.kept = &result, ...});
 *     ats_run_summary_write(&summary, "run.json"), ats_report_write(...);
 *     ats_chain_destroy(chain);
 */
#ifndef ATS_STAGES_KEEPER_KEEPER_H
#define ATS_STAGES_KEEPER_KEEPER_H

#include "stages/chain.h"
#include "stages/keeper/summary.h"

typedef struct ats_keeper_options {
    const char *run_dir;    /* exists; latency.hlog, latency-*.hgrm and store.db are made in it */
    const char *run_id;     /* key of this run in store.db, e.g. the directory's name */
    const char *command;    /* "replay" */
    const char *audit_path; /* the drain's file, already created; NULL: the run has no drain */
    const ats_chain *chain; /* built, not started; outlives the keeper */
    int64_t interval_ns;    /* of latencies and metric samples; 0 = 1 s */
} ats_keeper_options;

typedef struct ats_keeper ats_keeper;

/* Opens everything and starts the thread. A store or a log that cannot be opened is a fault in the
 * result, not a failure; -1 with an error pushed only for what leaves no keeper: no memory, no
 * thread, an audit file that cannot be read. Text is copied. */
int ats_keeper_start(ats_keeper **out, const ats_keeper_options *options);

/* After ats_chain_join: ends the thread, takes what is left, goes through the run once more for its
 * round trips and execution quality (analysis.h; the chain's source is rewound for it), writes
 * latency-<hop>.hgrm of the hops that have values, closes and frees. Never fails: *result tells,
 * and is freed with ats_keeper_result_free. */
void ats_keeper_finish(ats_keeper *keeper, ats_keeper_result *result);

/* What a result owns; a result of zeros is allowed. */
void ats_keeper_result_free(ats_keeper_result *result);

/* When the chain never started: ends the thread and frees. NULL is allowed. */
void ats_keeper_abandon(ats_keeper *keeper);

#endif
