/* analysis.h: the last pass of a run: round trips, attribution, execution quality.
 *
 * Cold, once, after the chain was joined. Reads the audit file again, in three streams (intents,
 * orders, executions) that it brings together by recv_ns, and the market data that the run had, as
 * far as symbols were traded: mids after each fill, prices while a trip was open, splits and
 * dividends. Raw quotes are consolidated as the feed does (calc/nbbo.h); what a feed would have
 * kept from the chain counts too, but for markets that are one-sided or crossed. The pass ends with
 * the last fill that waits for a mid and the last trip that is open.
 *
 * Trips and orders go to the store as they end, so memory does not grow with the run.
 *
 * Attribution. Every trip, one that is still open at its last mark, is in one row of each table
 * (strategy, model, symbol, reason of its end or "open", UTC hour of its entry), so each table adds
 * up to the profit of all trips; with borrowing costs, and what no trip explains (unattributed:
 * money that the account has from fills, splits or busts outside of the record), that is the
 * account's:
 *
 *     profit = equity at the end - at the start - deposits
 *            = sum of a table's profit - borrow + unattributed
 */
#ifndef ATS_STAGES_KEEPER_ANALYSIS_H
#define ATS_STAGES_KEEPER_ANALYSIS_H

#include "io/run_store.h"
#include "stages/chain.h"

#include <jansson.h>

/* A fill that was taken back, or corrected. */
typedef struct ats_bust {
    uint64_t exec_id;
    int64_t qty_e9, px_e9, fee_e9; /* qty_e9 0: it never was */
} ats_bust;

/* Adds what an execution says of an earlier fill; the same fill is taken back once. 0, or -1 with
 * an error pushed when memory is short. Starts with NULL and 0; the caller frees. */
int ats_busts_add(ats_bust **busts, size_t *count, const ats_exec *exec);

typedef struct ats_analysis_input {
    const ats_chain *chain; /* joined */
    const char *audit_path;
    const ats_bust *busts;
    size_t bust_count;
    const uint8_t *traded; /* [symbol_count + 1]: not 0 where an intent or execution names it */
    ats_run_store *store;  /* NULL: nothing is stored */
} ats_analysis_input;

typedef struct ats_analysis_result {
    json_t *attribution; /* of run.json; owned by the caller */
    json_t *execution;
    bool stored; /* all rows are in the store */
} ats_analysis_result;

/* 0, or -1 with an error pushed: no memory, or the audit file is damaged; the result is then empty.
 * A store that fails is told by `stored` and the error stack. Rewinds the chain's source. */
int ats_analyse(const ats_analysis_input *input, ats_analysis_result *result);

#endif
