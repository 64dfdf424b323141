#include "io/run_store.h"

#include "core/error.h"
#include "core/record.h"

#include <assert.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which field of a record goes into which column ---------------------------------------- */

typedef enum column_type {
    I64, /* also u64: ids and sequences stay below 2^63 */
    U32,
    U8,
    F32, /* not a number becomes NULL */
    LABEL32,
    LABEL8,
    BLOB32 /* 32 bytes */
} column_type;

typedef struct column {
    uint16_t offset;
    uint8_t type;
    const char *(*label)(uint32_t value);
} column;

#define COLUMNS_MAX 36

/* One kind's table; columns follow run, seq, event_seq, recv_ns, symbol_id. */
typedef struct table {
    const char *insert; /* up to the parameters */
    column columns[COLUMNS_MAX];
    uint32_t count;
} table;

static const char *side_label(uint32_t side)
{
    return side == ATS_SIDE_BUY ? "buy" : side == ATS_SIDE_SELL ? "sell" : "";
}

static const char *action_label(uint32_t action)
{
    static const char *const LABELS[] = {"?", "new", "cancel", "replace"};
    return action <= ATS_INTENT_REPLACE ? LABELS[action] : "?";
}

#define C(record, field, type_)                                                                    \
    {                                                                                              \
        offsetof(record, field), type_, NULL                                                       \
    }
#define L(record, field, type_, label)                                                             \
    {                                                                                              \
        offsetof(record, field), type_, label                                                      \
    }
#define STAMP(i)                                                                                   \
    {                                                                                              \
        offsetof(ats_order, h.stamp_ns) + 4 * (i), U32, NULL                                       \
    }

static const table TABLES[ATS_KIND_COUNT] = {
    [ATS_KIND_INTENT] = {"INSERT OR IGNORE INTO intents VALUES ",
                         {C(ats_intent, intent_id, I64),
                          C(ats_intent, target_intent_id, I64),
                          C(ats_intent, qty_e9, I64),
                          C(ats_intent, limit_e9, I64),
                          C(ats_intent, bid_e9, I64),
                          C(ats_intent, ask_e9, I64),
                          C(ats_intent, account_id, U32),
                          C(ats_intent, strategy_id, U32),
                          C(ats_intent, model_id, U32),
                          C(ats_intent, score, F32),
                          L(ats_intent, reason, LABEL32, ats_reason_label),
                          L(ats_intent, action, LABEL8, action_label),
                          L(ats_intent, side, LABEL8, side_label),
                          L(ats_intent, type, LABEL8, ats_order_type_label),
                          L(ats_intent, tif, LABEL8, ats_tif_label),
                          C(ats_intent, intent_flags, U32),
                          C(ats_intent, stop_distance_e9, I64),
                          C(ats_intent, stop_e9, I64),
                          C(ats_intent, trail_e9, I64),
                          C(ats_intent, target_e9, I64),
                          C(ats_intent, stop_leg_e9, I64),
                          C(ats_intent, stop_leg_limit_e9, I64),
                          L(ats_intent, order_class, LABEL8, ats_order_class_label),
                          C(ats_intent, algorithm, U8),
                          C(ats_intent, parent_id, I64),
                          C(ats_intent, parent_left_e9, I64),
                          C(ats_intent, confidence, F32)},
                         27},
    [ATS_KIND_VERDICT] = {"INSERT OR IGNORE INTO verdicts VALUES ",
                          {C(ats_verdict, intent_id, I64),
                           L(ats_verdict, check, LABEL32, ats_check_label),
                           C(ats_verdict, measured_e9, I64), C(ats_verdict, limit_e9, I64),
                           C(ats_verdict, reference_e9, I64), C(ats_verdict, notional_e9, I64),
                           C(ats_verdict, position_e9, I64), C(ats_verdict, open_buy_e9, I64),
                           C(ats_verdict, open_sell_e9, I64), C(ats_verdict, gross_e9, I64),
                           C(ats_verdict, equity_e9, I64), C(ats_verdict, drawdown_e9, I64),
                           C(ats_verdict, age_ns, I64)},
                          13},
    [ATS_KIND_ORDER] = {"INSERT OR IGNORE INTO orders VALUES ",
                        {C(ats_order, order_id, I64),
                         C(ats_order, target_order_id, I64),
                         C(ats_order, qty_e9, I64),
                         C(ats_order, limit_e9, I64),
                         C(ats_order, account_id, U32),
                         C(ats_order, strategy_id, U32),
                         L(ats_order, reason, LABEL32, ats_reason_label),
                         L(ats_order, action, LABEL8, action_label),
                         L(ats_order, side, LABEL8, side_label),
                         L(ats_order, type, LABEL8, ats_order_type_label),
                         L(ats_order, tif, LABEL8, ats_tif_label),
                         L(ats_order, state, LABEL32, ats_order_state_label),
                         C(ats_order, bid_e9, I64),
                         C(ats_order, ask_e9, I64),
                         C(ats_order, score, F32),
                         STAMP(ATS_STAMP_FEED),
                         STAMP(ATS_STAMP_FEATURE),
                         STAMP(ATS_STAMP_INFER_TOOK),
                         STAMP(ATS_STAMP_INFER),
                         STAMP(ATS_STAMP_STRATEGY),
                         STAMP(ATS_STAMP_RISK),
                         C(ats_order, route_took_ns, U32),
                         C(ats_order, journaled_ns, U32),
                         C(ats_order, sent_ns, U32),
                         C(ats_order, stop_e9, I64),
                         C(ats_order, trail_e9, I64),
                         C(ats_order, target_e9, I64),
                         C(ats_order, stop_leg_e9, I64),
                         C(ats_order, stop_leg_limit_e9, I64),
                         L(ats_order, order_class, LABEL8, ats_order_class_label),
                         C(ats_order, algorithm, U8),
                         C(ats_order, parent_id, I64),
                         C(ats_order, intent_flags, U32)},
                        33},
    [ATS_KIND_EXEC] = {"INSERT OR IGNORE INTO executions VALUES ",
                       {C(ats_exec, order_id, I64),
                        C(ats_exec, exec_id, I64),
                        C(ats_exec, after_seq, I64),
                        L(ats_exec, type, LABEL32, ats_exec_type_label),
                        L(ats_exec, side, LABEL8, side_label),
                        L(ats_exec, order_state, LABEL8, ats_order_state_label),
                        C(ats_exec, last_qty_e9, I64),
                        C(ats_exec, last_px_e9, I64),
                        C(ats_exec, cum_qty_e9, I64),
                        C(ats_exec, leaves_qty_e9, I64),
                        C(ats_exec, fee_e9, I64),
                        C(ats_exec, account_id, U32),
                        C(ats_exec, strategy_id, U32),
                        L(ats_exec, reason, LABEL32, ats_reason_label),
                        C(ats_exec, liquidity, U8),
                        C(ats_exec, ref_exec_id, I64),
                        C(ats_exec, ref_order_id, I64),
                        C(ats_exec, bid_e9, I64),
                        C(ats_exec, ask_e9, I64),
                        L(ats_exec, check, LABEL32, ats_check_label),
                        C(ats_exec, h.event_ns, I64)},
                       21},
    [ATS_KIND_POSITION] = {"INSERT OR IGNORE INTO positions VALUES ",
                           {C(ats_position, qty_e9, I64), C(ats_position, average_e9, I64),
                            C(ats_position, mark_e9, I64), C(ats_position, realized_e9, I64),
                            C(ats_position, unrealized_e9, I64), C(ats_position, fees_e9, I64),
                            C(ats_position, account_id, U32), C(ats_position, trades, U32)},
                           8},
    [ATS_KIND_ENV] = {"INSERT OR IGNORE INTO env VALUES ",
                      {C(ats_env, after_seq, I64), C(ats_env, code, U32), C(ats_env, stage, U32),
                       C(ats_env, value, I64), C(ats_env, subject, U32)},
                      5},
    [ATS_KIND_CONTROL] = {"INSERT OR IGNORE INTO controls VALUES ",
                          {L(ats_control, code, LABEL32, ats_control_label),
                           C(ats_control, account_id, U32), C(ats_control, model_id, U32),
                           C(ats_control, strategy_id, U32), C(ats_control, model_sha256, BLOB32)},
                          5},
};

#define LEADING 5u /* run, seq, event_seq, recv_ns, symbol_id */

/* ---- the store ----------------------------------------------------------------------------- */

/* Numbers in all metrics: a bound for the sample kept to tell what changed. */
#define METRIC_NUMBERS (sizeof(ats_metrics) / sizeof(uint64_t))

struct ats_run_store {
    sqlite3 *db;
    sqlite3_stmt *insert[ATS_KIND_COUNT];
    sqlite3_stmt *equity, *metric;
    int64_t run;
    uint64_t sampled[METRIC_NUMBERS];
    char path[512];
};

static int fail(const ats_run_store *store, const char *what)
{
    return ats_error(ATS_EXIT_FAILED, "%.300s: %s: %.150s", store->path, what,
                     store->db ? sqlite3_errmsg(store->db) : "no memory");
}

static int execute(ats_run_store *store, const char *sql, const char *what)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(store, what);
}

static int prepare(ats_run_store *store, const char *sql, sqlite3_stmt **statement)
{
    int rc = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return rc == SQLITE_OK ? 0 : fail(store, "statement");
}

/* Runs a bound statement to its end and makes it ready again. */
static int step(ats_run_store *store, sqlite3_stmt *statement, const char *what)
{
    int rc = sqlite3_step(statement);
    int failed = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : fail(store, what);
    sqlite3_reset(statement);
    return failed;
}

static int begin(ats_run_store *store)
{
    return execute(store, "BEGIN IMMEDIATE", "cannot begin");
}

/* Commits when nothing failed; takes everything back when something did. */
static int end(ats_run_store *store, int failed)
{
    if (!failed && execute(store, "COMMIT", "cannot commit") == 0)
        return 0;
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

static int pragma_i64(ats_run_store *store, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement;
    *value = 0;
    if (prepare(store, sql, &statement) != 0)
        return -1;
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    int failed = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : fail(store, "cannot be read");
    sqlite3_finalize(statement);
    return failed;
}

static int make_schema(ats_run_store *store)
{
    int64_t version, tables;
    if (execute(store,
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF",
                "cannot be opened") != 0 ||
        begin(store) != 0)
        return -1;
    int failed = pragma_i64(store, "PRAGMA user_version", &version) != 0 ||
                 pragma_i64(store, "SELECT count(*) FROM sqlite_master", &tables) != 0;
    if (!failed && (version < 0 || version > ATS_RUN_STORE_VERSION || (version == 0) != !tables))
        failed = ats_error(ATS_EXIT_DATA,
                           "%.300s: has schema version %lld; this program writes version %d",
                           store->path, (long long)version, ATS_RUN_STORE_VERSION) != 0;
    for (; !failed && version < ATS_RUN_STORE_VERSION; version++)
        failed = execute(store, ats_run_store_steps[version], "schema") != 0;
    return end(store, failed);
}

static int prepare_inserts(ats_run_store *store)
{
    for (uint32_t kind = 0; kind < ATS_KIND_COUNT; kind++) {
        const table *t = &TABLES[kind];
        if (!t->insert)
            continue;
        char sql[256];
        int n = snprintf(sql, sizeof sql, "%s(?", t->insert);
        for (uint32_t i = 1; i < LEADING + t->count; i++)
            n += snprintf(sql + n, sizeof sql - (size_t)n, ",?");
        snprintf(sql + n, sizeof sql - (size_t)n, ")");
        if (prepare(store, sql, &store->insert[kind]) != 0)
            return -1;
    }
    return prepare(store, "INSERT OR REPLACE INTO equity VALUES (?,?,?,?,?,?,?,?)",
                   &store->equity) != 0 ||
                   prepare(store, "INSERT OR REPLACE INTO metrics VALUES (?,?,?,?,?)",
                           &store->metric) != 0
               ? -1
               : 0;
}

int ats_run_store_open(ats_run_store **out, const char *path, int busy_ms)
{
    ats_run_store *store = calloc(1, sizeof *store);
    if (!store)
        return ats_error(ATS_EXIT_FAILED, "%s: no memory", path);
    snprintf(store->path, sizeof store->path, "%s", path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int failed = sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK
                     ? fail(store, "cannot be opened")
                     : 0;
    if (!failed) {
        sqlite3_busy_timeout(store->db, busy_ms);
        failed = make_schema(store) != 0 || prepare_inserts(store) != 0;
    }
    if (failed) {
        ats_run_store_close(store);
        return -1;
    }
    *out = store;
    return 0;
}

int ats_run_store_close(ats_run_store *store)
{
    if (!store)
        return 0;
    for (uint32_t kind = 0; kind < ATS_KIND_COUNT; kind++)
        sqlite3_finalize(store->insert[kind]);
    sqlite3_finalize(store->equity);
    sqlite3_finalize(store->metric);
    /* One file again: a WAL database does not open on media that cannot be written. */
    int failed = store->run && execute(store,
                                       "PRAGMA wal_checkpoint(TRUNCATE);"
                                       "PRAGMA journal_mode = DELETE",
                                       "cannot be closed") != 0;
    sqlite3_close(store->db);
    free(store);
    return failed ? -1 : 0;
}

/* ---- writing ------------------------------------------------------------------------------- */

static int store_run(ats_run_store *store, const ats_run_row *row)
{
    sqlite3_stmt *s;
    if (prepare(store,
                "INSERT INTO runs (run_id, command, version, build_commit, started_ns,"
                " start_equity_e9) VALUES (?,?,?,?,?,?) ON CONFLICT (run_id) DO UPDATE SET"
                " finished_ns = NULL RETURNING run",
                &s) != 0)
        return -1;
    sqlite3_bind_text(s, 1, row->run_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, row->command, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, row->version, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 4, row->commit, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 5, row->started_ns);
    sqlite3_bind_int64(s, 6, row->start_equity_e9);
    int failed = sqlite3_step(s) == SQLITE_ROW ? 0 : fail(store, "runs");
    if (!failed)
        store->run = sqlite3_column_int64(s, 0);
    if (!failed && sqlite3_step(s) != SQLITE_DONE)
        failed = fail(store, "runs");
    sqlite3_finalize(s);
    return failed;
}

static int store_symbols(ats_run_store *store, const ats_symbols *symbols)
{
    sqlite3_stmt *s;
    if (prepare(store, "INSERT OR IGNORE INTO symbols VALUES (?,?,?,?,?,?,?,?)", &s) != 0)
        return -1;
    int failed = 0;
    for (uint32_t id = 1; !failed && id <= symbols->count; id++) {
        const ats_symbol *e = &symbols->entry[id];
        sqlite3_bind_int64(s, 1, store->run);
        sqlite3_bind_int64(s, 2, id);
        sqlite3_bind_text(s, 3, e->text, (int)strnlen(e->text, sizeof e->text), SQLITE_STATIC);
        sqlite3_bind_text(s, 4, e->venue, (int)strnlen(e->venue, sizeof e->venue), SQLITE_STATIC);
        sqlite3_bind_text(s, 5, e->currency, (int)strnlen(e->currency, sizeof e->currency),
                          SQLITE_STATIC);
        sqlite3_bind_int64(s, 6, e->symbol_class);
        sqlite3_bind_int64(s, 7, e->tick_e9);
        sqlite3_bind_int64(s, 8, e->lot_e9);
        failed = step(store, s, "symbols");
    }
    sqlite3_finalize(s);
    return failed;
}

int ats_run_store_begin(ats_run_store *store, const ats_run_row *row, const ats_symbols *symbols)
{
    if (begin(store) != 0)
        return -1;
    int failed = store_run(store, row) != 0 || store_symbols(store, symbols) != 0;
    if (end(store, failed) == 0)
        return 0;
    store->run = 0;
    return -1;
}

static void bind_column(sqlite3_stmt *s, int at, const void *record, const column *c)
{
    const uint8_t *field = (const uint8_t *)record + c->offset;
    uint32_t u32;
    int64_t i64;
    float f32;
    switch ((column_type)c->type) {
    case I64:
        memcpy(&i64, field, sizeof i64);
        sqlite3_bind_int64(s, at, i64);
        break;
    case U32:
        memcpy(&u32, field, sizeof u32);
        sqlite3_bind_int64(s, at, u32);
        break;
    case U8:
        sqlite3_bind_int(s, at, *field);
        break;
    case F32:
        memcpy(&f32, field, sizeof f32);
        if (isfinite(f32))
            sqlite3_bind_double(s, at, (double)f32);
        else
            sqlite3_bind_null(s, at);
        break;
    case LABEL32:
        memcpy(&u32, field, sizeof u32);
        sqlite3_bind_text(s, at, c->label(u32), -1, SQLITE_STATIC);
        break;
    case LABEL8:
        sqlite3_bind_text(s, at, c->label(*field), -1, SQLITE_STATIC);
        break;
    case BLOB32:
        sqlite3_bind_blob(s, at, field, 32, SQLITE_STATIC);
        break;
    }
}

static int put_equity(ats_run_store *store, const ats_equity_row *row)
{
    sqlite3_stmt *s = store->equity;
    sqlite3_bind_int64(s, 1, store->run);
    sqlite3_bind_int64(s, 2, (int64_t)row->seq);
    sqlite3_bind_int64(s, 3, row->recv_ns);
    sqlite3_bind_int64(s, 4, row->equity_e9);
    sqlite3_bind_int64(s, 5, row->cash_e9);
    sqlite3_bind_int64(s, 6, row->gross_e9);
    sqlite3_bind_int64(s, 7, row->net_e9);
    sqlite3_bind_int64(s, 8, row->drawdown_e9);
    return step(store, s, "equity");
}

static int put_record(ats_run_store *store, const ats_header *h, uint64_t seq)
{
    const table *t = &TABLES[h->kind];
    sqlite3_stmt *s = store->insert[h->kind];
    if (!s)
        return 0;
    sqlite3_bind_int64(s, 1, store->run);
    sqlite3_bind_int64(s, 2, (int64_t)seq);
    sqlite3_bind_int64(s, 3, (int64_t)h->event_seq);
    sqlite3_bind_int64(s, 4, h->recv_ns);
    sqlite3_bind_int64(s, 5, h->symbol_id);
    for (uint32_t i = 0; i < t->count; i++)
        bind_column(s, (int)(LEADING + 1 + i), h, &t->columns[i]);
    if (step(store, s, "record") != 0)
        return -1;
    if (h->kind != ATS_KIND_POSITION)
        return 0;
    const ats_position *p = (const ats_position *)h;
    return put_equity(store, &(ats_equity_row){seq, h->recv_ns, p->equity_e9, p->cash_e9,
                                               p->gross_e9, p->net_e9, p->drawdown_e9});
}

int ats_run_store_records(ats_run_store *store, const void *records, uint32_t n, uint64_t first)
{
    assert(store->run && "ats_run_store_begin comes first");
    if (begin(store) != 0)
        return -1;
    int failed = 0;
    for (uint32_t i = 0; !failed && i < n; i++) {
        const ats_header *h =
            (const ats_header *)((const uint8_t *)records + (size_t)i * ATS_RECORD_DERIVED);
        failed = h->kind < ATS_KIND_COUNT ? put_record(store, h, first + i) : 0;
    }
    return end(store, failed);
}

int ats_run_store_equity(ats_run_store *store, const ats_equity_row *row)
{
    assert(store->run && "ats_run_store_begin comes first");
    if (begin(store) != 0)
        return -1;
    return end(store, put_equity(store, row));
}

static int put_metric(ats_run_store *store, int64_t at_ns, const ats_metric *m, uint32_t i,
                      uint64_t value)
{
    sqlite3_stmt *s = store->metric;
    char name[64];
    snprintf(name, sizeof name, "%s.%s", ats_metric_stage_label(m->stage), m->field);
    sqlite3_bind_int64(s, 1, store->run);
    sqlite3_bind_int64(s, 2, at_ns);
    sqlite3_bind_text(s, 3, name, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(s, 4, m->label ? m->label_of(i) : "", -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 5, (int64_t)value);
    return step(store, s, "metrics");
}

int ats_run_store_metrics(ats_run_store *store, int64_t at_ns, const ats_metrics *metrics)
{
    assert(store->run && "ats_run_store_begin comes first");
    uint64_t sample[METRIC_NUMBERS];
    uint32_t at = 0;
    if (begin(store) != 0)
        return -1;
    int failed = 0;
    for (size_t m = 0; m < ats_metric_count(); m++) {
        const ats_metric *metric = ats_metric_at(m);
        for (uint32_t i = 0; i < metric->length; i++, at++) {
            sample[at] = ats_metric_value(metrics, metric, i);
            if (!failed && sample[at] != store->sampled[at])
                failed = put_metric(store, at_ns, metric, i, sample[at]);
        }
    }
    if (end(store, failed) != 0)
        return -1;
    memcpy(store->sampled, sample, at * sizeof sample[0]);
    return 0;
}

int ats_run_store_end(ats_run_store *store, int64_t finished_ns, int64_t end_equity_e9,
                      const char *digest)
{
    sqlite3_stmt *s;
    if (begin(store) != 0)
        return -1;
    int failed = prepare(store,
                         "UPDATE runs SET finished_ns = ?, end_equity_e9 = ?, digest = ?"
                         " WHERE run = ?",
                         &s);
    if (!failed) {
        sqlite3_bind_int64(s, 1, finished_ns);
        sqlite3_bind_int64(s, 2, end_equity_e9);
        sqlite3_bind_text(s, 3, digest, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 4, store->run);
        failed = step(store, s, "runs");
        sqlite3_finalize(s);
    }
    return end(store, failed);
}

/* ---- the analysis --------------------------------------------------------------------------- */

static int64_t e9(ats_money_e18 m)
{
    return ats_money_round_e9(m);
}

/* Runs one statement for each of n rows, in one transaction. */
static int store_rows(ats_run_store *store, const char *sql, const void *rows, size_t row_bytes,
                      uint32_t n, void (*bind)(sqlite3_stmt *s, const void *row))
{
    assert(store->run && "ats_run_store_begin comes first");
    sqlite3_stmt *s;
    if (begin(store) != 0)
        return -1;
    int failed = prepare(store, sql, &s);
    for (uint32_t i = 0; !failed && i < n; i++) {
        sqlite3_bind_int64(s, 1, store->run);
        bind(s, (const uint8_t *)rows + i * row_bytes);
        failed = step(store, s, "row");
    }
    if (!failed)
        sqlite3_finalize(s);
    return end(store, failed);
}

static void bind_strategy(sqlite3_stmt *s, const void *row)
{
    const ats_strategy_row *r = row;
    sqlite3_bind_int64(s, 2, r->strategy_id);
    sqlite3_bind_text(s, 3, r->strategy, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 4, r->plugin, -1, SQLITE_STATIC);
}

int ats_run_store_strategies(ats_run_store *store, const ats_strategy_row *rows, uint32_t n)
{
    return store_rows(store, "INSERT OR REPLACE INTO strategies VALUES (?,?,?,?)", rows,
                      sizeof *rows, n, bind_strategy);
}

static void bind_day(sqlite3_stmt *s, const void *row)
{
    const ats_day_row *r = row;
    sqlite3_bind_int64(s, 2, r->day);
    sqlite3_bind_int64(s, 3, r->equity_e9);
}

int ats_run_store_days(ats_run_store *store, const ats_day_row *rows, uint32_t n)
{
    return store_rows(store,
                      "INSERT OR REPLACE INTO days VALUES (?, date(?2 * 86400, 'unixepoch'), ?3)",
                      rows, sizeof *rows, n, bind_day);
}

static void bind_trade(sqlite3_stmt *s, const void *row)
{
    const ats_trade_row *r = row;
    const ats_round_trip *t = &r->trip;
    bool closed = t->exit_ns != 0;
    sqlite3_bind_int64(s, 2, (int64_t)r->trade);
    sqlite3_bind_int64(s, 3, t->strategy_id);
    sqlite3_bind_int64(s, 4, t->symbol_id);
    sqlite3_bind_text(s, 5, t->side == ATS_SIDE_BUY ? "long" : "short", -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 6, t->entry_ns);
    if (closed)
        sqlite3_bind_int64(s, 7, t->exit_ns);
    else
        sqlite3_bind_null(s, 7);
    sqlite3_bind_int64(s, 8, t->entry_qty_e9);
    sqlite3_bind_int64(s, 9, t->exit_qty_e9);
    sqlite3_bind_int64(s, 10, ats_round_trip_entry_e9(t));
    if (t->exit_qty_e9 > 0)
        sqlite3_bind_int64(s, 11, ats_round_trip_exit_e9(t));
    else
        sqlite3_bind_null(s, 11);
    sqlite3_bind_int64(s, 12, e9(t->fees_e18));
    sqlite3_bind_int64(s, 13, e9(t->dividends_e18));
    sqlite3_bind_int64(s, 14, e9(t->profit_e18));
    sqlite3_bind_int64(s, 15, t->low_e9);
    sqlite3_bind_int64(s, 16, t->high_e9);
    sqlite3_bind_int64(s, 17, t->fills);
    sqlite3_bind_text(s, 18, ats_reason_label(t->entry_reason), -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 19, closed ? ats_reason_label(t->exit_reason) : "open", -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 20, t->model_id);
}

int ats_run_store_trades(ats_run_store *store, const ats_trade_row *rows, uint32_t n)
{
    return store_rows(store,
                      "INSERT OR REPLACE INTO trades VALUES"
                      " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                      rows, sizeof *rows, n, bind_trade);
}

static void bind_quality(sqlite3_stmt *s, const void *row)
{
    const ats_quality_row *r = row;
    const ats_execution_order *o = &r->order;
    const ats_execution_sum *m = &o->sum;
    int at = 2;
    sqlite3_bind_int64(s, at++, (int64_t)o->parent_id);
    sqlite3_bind_int64(s, at++, (int64_t)o->order_id);
    sqlite3_bind_int64(s, at++, o->strategy_id);
    sqlite3_bind_int64(s, at++, o->symbol_id);
    sqlite3_bind_text(s, at++, side_label(o->side), -1, SQLITE_STATIC);
    sqlite3_bind_text(s, at++, r->algorithm, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, at++, ats_reason_label(o->reason), -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, at++, o->decided_ns);
    sqlite3_bind_int64(s, at++, o->ended_ns);
    sqlite3_bind_int64(s, at++, o->qty_e9);
    sqlite3_bind_int64(s, at++, o->filled_e9);
    sqlite3_bind_int64(s, at++, (int64_t)m->fills);
    sqlite3_bind_int64(s, at++, o->decision_e9);
    sqlite3_bind_int64(s, at++, o->end_e9);
    sqlite3_bind_int64(s, at++, e9(m->value_e18));
    sqlite3_bind_int64(s, at++, e9(m->fees_e18));
    for (uint32_t b = 0; b < ATS_BENCHMARK_COUNT; b++) {
        sqlite3_bind_int64(s, at++, e9(m->cost[b].money_e18));
        sqlite3_bind_int64(s, at++, e9(m->cost[b].base_e18));
    }
    sqlite3_bind_int64(s, at++, e9(m->opportunity_e18));
    sqlite3_bind_int64(s, at++, e9(ats_execution_shortfall(m)));
    ats_execution_part before = ats_execution_before(m);
    sqlite3_bind_int64(s, at++, e9(before.money_e18));
    sqlite3_bind_int64(s, at++, e9(before.base_e18));
    for (uint32_t h = 0; h < ATS_HORIZON_COUNT; h++) {
        ats_execution_part after = ats_execution_after(m, h);
        sqlite3_bind_int64(s, at++, e9(after.money_e18));
        sqlite3_bind_int64(s, at++, e9(after.base_e18));
    }
}

int ats_run_store_quality(ats_run_store *store, const ats_quality_row *rows, uint32_t n)
{
    return store_rows(store,
                      "INSERT OR REPLACE INTO execution_quality VALUES"
                      " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                      rows, sizeof *rows, n, bind_quality);
}
