/* run_store.h: the SQLite database of runs: what was decided, sent, filled, held, and measured.
 *
 * The schema is one SQL text, io/run_store_schema.c. Amounts are INTEGER in 1e-9 units (`_e9`) and
 * times INTEGER in UTC ns, exact; the views named v_* show units of currency and text times. Every
 * row of a record has the key (run, seq), seq being the record's index in the run's audit file, so
 * that storing the same records again changes nothing.
 *
 * While a run is written the file is in WAL mode, so readers neither wait nor hold; closing puts it
 * back into one file that opens on read-only media. Cold; owner: one thread. Every call that fails
 * pushes an error, leaves the database as it was before the call, and may be made again.
 */
#ifndef ATS_IO_RUN_STORE_H
#define ATS_IO_RUN_STORE_H

#include "calc/execution_quality.h"
#include "calc/trades.h"
#include "core/metrics.h"
#include "core/symbols.h"

#include <stdint.h>

#define ATS_RUN_STORE_VERSION 2 /* of the schema */

/* The schema in steps: [v] is the SQL that makes version v + 1 out of version v; 0 is an empty
 * file. */
extern const char *const ats_run_store_steps[ATS_RUN_STORE_VERSION];

typedef struct ats_run_store ats_run_store;

/* One run; text is copied. */
typedef struct ats_run_row {
    const char *run_id; /* names the run for ever; a second start with it continues the same run */
    const char *command;
    const char *version, *commit;
    int64_t started_ns;
    int64_t start_equity_e9;
} ats_run_row;

/* A strategy of the run; text is copied. */
typedef struct ats_strategy_row {
    uint32_t strategy_id;
    const char *strategy, *plugin;
} ats_strategy_row;

typedef struct ats_equity_row {
    uint64_t seq; /* of the record it was seen in */
    int64_t recv_ns;
    int64_t equity_e9, cash_e9, gross_e9, net_e9, drawdown_e9;
} ats_equity_row;

/* A round trip with its number, 1, 2, ... in the order of its end. */
typedef struct ats_trade_row {
    uint64_t trade;
    ats_round_trip trip;
} ats_trade_row;

/* An executed order with the name of what made it. */
typedef struct ats_quality_row {
    const char *algorithm; /* a constant */
    ats_execution_order order;
} ats_quality_row;

/* Opens or makes the file and its schema. A file of an older version is brought up to this one,
 * whole or not at all; one of a later version, or a file that is no database, is refused. A lock
 * that another process holds is waited for at most busy_ms. */
int ats_run_store_open(ats_run_store **out, const char *path, int busy_ms);

/* Makes or finds the run and its symbols; all later calls store under it. */
int ats_run_store_begin(ats_run_store *store, const ats_run_row *row, const ats_symbols *symbols);

/* Stores n derived records (ats_audit_next's blocks), the first of which has index `first` in the
 * audit file, in one transaction. Kinds without a table (signals) are passed over. */
int ats_run_store_records(ats_run_store *store, const void *records, uint32_t n, uint64_t first);

/* Stores points of the equity curve besides those of POSITION records: the run's last one. */
int ats_run_store_equity(ats_run_store *store, const ats_equity_row *row);

/* Equity at the end of a UTC day, in days since the epoch. */
typedef struct ats_day_row {
    int64_t day;
    int64_t equity_e9;
} ats_day_row;

/* Results of the analysis at the end of a run. Each call is one transaction of n rows and replaces
 * rows of the same key: trades by number, quality by parent and order. */
int ats_run_store_strategies(ats_run_store *store, const ats_strategy_row *rows, uint32_t n);
int ats_run_store_days(ats_run_store *store, const ats_day_row *rows, uint32_t n);
int ats_run_store_trades(ats_run_store *store, const ats_trade_row *rows, uint32_t n);
int ats_run_store_quality(ats_run_store *store, const ats_quality_row *rows, uint32_t n);

/* Stores the values of all metrics that changed since this store's last sample. */
int ats_run_store_metrics(ats_run_store *store, int64_t at_ns, const ats_metrics *metrics);

/* Marks the run as ended. */
int ats_run_store_end(ats_run_store *store, int64_t finished_ns, int64_t end_equity_e9,
                      const char *digest);

/* Closes and frees in any case; NULL is allowed. -1 with an error pushed when the last pages could
 * not be moved into the file (they are then in the -wal file beside it, and whole). */
int ats_run_store_close(ats_run_store *store);

#endif
