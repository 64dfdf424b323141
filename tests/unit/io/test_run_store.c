/* store.db: the same records twice are there once; what it cannot do it says, and leaves whole. */
#include "io/run_store.h"

#include "core/error.h"
#include "core/record.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[128];
static ats_symbols symbols;

static void make_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/ats-store-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/store.db", dir);
    ats_symbol s = {.text = "AB'C\"<&>", .venue = "US", .currency = "USD", .symbol_class = 1};
    cr_assert_eq(ats_symbols_add(&symbols, &s), 1);
}

static void remove_dir(void)
{
    static const char *const ENDINGS[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof ENDINGS / sizeof ENDINGS[0]; i++) {
        char name[160];
        snprintf(name, sizeof name, "%s%s", path, ENDINGS[i]);
        unlink(name);
    }
    rmdir(dir);
    ats_symbols_free(&symbols);
}

static int64_t query(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(s), SQLITE_ROW, "%s", sql);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return value;
}

static ats_run_store *open_run(const char *run_id)
{
    ats_run_store *store;
    ats_run_row row = {run_id, "replay", "0.1.0", "abc", 1704207600000000000ll, 5 * ATS_E9};
    cr_assert_eq(ats_run_store_open(&store, path, 50), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_run_store_begin(store, &row, &symbols), 0, "%s", ats_error_line(0));
    return store;
}

/* One record of each kind that has a table, all fields with values that show a swapped column. */
static uint32_t make_records(uint8_t *records)
{
    static const uint8_t KINDS[] = {ATS_KIND_INTENT, ATS_KIND_VERDICT,  ATS_KIND_ORDER,
                                    ATS_KIND_EXEC,   ATS_KIND_POSITION, ATS_KIND_ENV,
                                    ATS_KIND_CONTROL};
    uint32_t n = sizeof KINDS / sizeof KINDS[0];
    memset(records, 0, n * ATS_RECORD_DERIVED);
    for (uint32_t i = 0; i < n; i++) {
        ats_header *h = (ats_header *)(records + i * ATS_RECORD_DERIVED);
        *h = (ats_header){.event_seq = 100 + i,
                          .recv_ns = 1704207600000000001ll + i,
                          .symbol_id = 1,
                          .kind = KINDS[i],
                          .stamp_ns = {11, 12, 13, 14, 15, 16}};
    }
    ats_order *o = (ats_order *)(records + 2 * ATS_RECORD_DERIVED);
    o->order_id = 7;
    o->qty_e9 = -3;
    o->limit_e9 = 9007199254740993ll; /* no double holds it */
    o->side = ATS_SIDE_SELL;
    o->action = ATS_INTENT_NEW;
    o->type = ATS_ORDER_LIMIT;
    o->tif = ATS_TIF_IOC;
    o->state = ATS_ORDER_SENT;
    o->route_took_ns = 17;
    o->journaled_ns = 18;
    o->sent_ns = 19;
    o->score = 0.0f / 0.0f;
    ats_exec *x = (ats_exec *)(records + 3 * ATS_RECORD_DERIVED);
    x->type = ATS_EXEC_FILL;
    x->side = ATS_SIDE_BUY;
    x->last_qty_e9 = 2 * ATS_E9;
    x->last_px_e9 = 12345678901;
    x->fee_e9 = 42;
    x->liquidity = 2;
    ats_position *p = (ats_position *)(records + 4 * ATS_RECORD_DERIVED);
    p->equity_e9 = 123;
    p->cash_e9 = 124;
    p->gross_e9 = 125;
    p->net_e9 = -126;
    p->drawdown_e9 = 127;
    p->qty_e9 = 128;
    return n;
}

Test(run_store, each_field_is_in_its_column, .init = make_dir, .fini = remove_dir)
{
    uint8_t records[8 * ATS_RECORD_DERIVED];
    uint32_t n = make_records(records);
    ats_run_store *store = open_run("a");
    cr_assert_eq(ats_run_store_records(store, records, n, 1000), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_run_store_close(store), 0, "%s", ats_error_line(0));
    cr_assert_eq(query("SELECT count(*) FROM orders WHERE seq = 1002 AND event_seq = 102 AND "
                       "recv_ns = 1704207600000000003 AND order_id = 7 AND qty_e9 = -3 AND "
                       "limit_e9 = 9007199254740993 AND side = 'sell' AND action = 'new' AND type "
                       "= 'limit' AND tif = 'ioc' AND score IS NULL AND feed_ns = 11 AND "
                       "feature_ns = 12 AND infer_took_ns = 13 AND infer_ns = 14 AND strategy_ns "
                       "= 15 AND risk_ns = 16 AND route_took_ns = 17 AND journaled_ns = 18 AND "
                       "sent_ns = 19"),
                 1);
    cr_assert_eq(query("SELECT count(*) FROM v_fills WHERE symbol = 'AB''C\"<&>' AND side = 'buy' "
                       "AND qty = 2.0 AND price = 12.345678901 AND liquidity = 'made' AND at = "
                       "'2024-01-02T15:00:00.000000004Z'"),
                 1);
    cr_assert_eq(query("SELECT count(*) FROM equity WHERE equity_e9 = 123 AND cash_e9 = 124 AND "
                       "gross_e9 = 125 AND net_e9 = -126 AND drawdown_e9 = 127"),
                 1);
    cr_assert_eq(query("SELECT (SELECT count(*) FROM intents) + (SELECT count(*) FROM verdicts) + "
                       "(SELECT count(*) FROM env)"),
                 3);
}

Test(run_store, the_same_again_changes_nothing, .init = make_dir, .fini = remove_dir)
{
    uint8_t records[8 * ATS_RECORD_DERIVED];
    uint32_t n = make_records(records);
    ats_metrics *metrics = aligned_alloc(128, (sizeof *metrics + 127) & ~(size_t)127);
    memset(metrics, 0, sizeof *metrics);
    metrics->risk.verdicts[ATS_CHECK_COLLAR] = 3;
    for (int time = 0; time < 2; time++) { /* the second time as after a crash: a new process */
        ats_run_store *store = open_run("a");
        for (int again = 0; again < 2; again++)
            cr_assert_eq(ats_run_store_records(store, records, n, 0), 0);
        cr_assert_eq(ats_run_store_metrics(store, 50, metrics), 0);
        cr_assert_eq(ats_run_store_metrics(store, 51, metrics), 0, "unchanged: no row");
        cr_assert_eq(ats_run_store_end(store, 60, 70, "digest"), 0);
        cr_assert_eq(ats_run_store_close(store), 0);
        cr_assert_eq(query("SELECT count(*) FROM runs"), 1);
        cr_assert_eq(query("SELECT count(*) FROM orders"), 1);
        cr_assert_eq(query("SELECT count(*) FROM executions"), 1);
        cr_assert_eq(query("SELECT count(*) FROM equity"), 1);
        cr_assert_eq(query("SELECT count(*) FROM metrics WHERE name = 'risk.verdicts' AND label = "
                           "'collar' AND value = 3"),
                     1);
        cr_assert_eq(query("SELECT count(*) FROM metrics"), 1);
        cr_assert_eq(query("SELECT end_equity_e9 FROM runs WHERE digest = 'digest'"), 70);
    }
    ats_run_store *other = open_run("b"); /* another run in the same file */
    cr_assert_eq(ats_run_store_records(other, records, n, 0), 0);
    cr_assert_eq(ats_run_store_close(other), 0);
    cr_assert_eq(query("SELECT count(*) FROM orders"), 2);
    cr_assert_eq(query("SELECT count(DISTINCT run) FROM orders"), 2);
    free(metrics);
}

Test(run_store, a_failed_block_is_taken_back_whole, .init = make_dir, .fini = remove_dir)
{
    uint8_t records[8 * ATS_RECORD_DERIVED];
    uint32_t n = make_records(records);
    ats_run_store *store = open_run("a");
    sqlite3 *other;
    cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(ats_run_store_records(store, records, n, 0), -1, "another process writes");
    cr_assert_not_null(strstr(ats_error_line(0), "locked"), "%s", ats_error_line(0));
    ats_error_clear();
    /* A trigger that fails on the third record's table: the two before must go, too. */
    cr_assert_eq(sqlite3_exec(other,
                              "CREATE TRIGGER no BEFORE INSERT ON orders BEGIN SELECT "
                              "RAISE(ABORT, 'no'); END; COMMIT",
                              NULL, NULL, NULL),
                 SQLITE_OK);
    cr_assert_eq(ats_run_store_records(store, records, n, 0), -1);
    ats_error_clear();
    cr_assert_eq(query("SELECT count(*) FROM intents"), 0);
    cr_assert_eq(sqlite3_exec(other, "DROP TRIGGER no", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    cr_assert_eq(ats_run_store_records(store, records, n, 0), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_run_store_close(store), 0);
    cr_assert_eq(query("SELECT count(*) FROM intents"), 1);
}

Test(run_store, refuses_what_is_no_store_of_its_version, .init = make_dir, .fini = remove_dir)
{
    ats_run_store *store;
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("no database at all\n", file);
    fclose(file);
    cr_assert_eq(ats_run_store_open(&store, path, 50), -1);
    ats_error_clear();
    unlink(path);
    cr_assert_eq(ats_run_store_close(open_run("a")), 0);
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    cr_assert_eq(ats_run_store_open(&store, path, 50), -1);
    cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
    cr_assert_not_null(strstr(ats_error_line(0), "version 99"), "%s", ats_error_line(0));
    ats_error_clear();
    char missing[160];
    snprintf(missing, sizeof missing, "%s/no/store.db", dir);
    cr_assert_eq(ats_run_store_open(&store, missing, 50), -1);
}

Test(run_store, a_closed_store_is_one_file_that_opens_read_only, .init = make_dir,
     .fini = remove_dir)
{
    uint8_t records[8 * ATS_RECORD_DERIVED];
    ats_run_store *store = open_run("a");
    cr_assert_eq(ats_run_store_records(store, records, make_records(records), 0), 0);
    cr_assert_eq(ats_run_store_close(store), 0);
    char wal[160];
    snprintf(wal, sizeof wal, "%s-wal", path);
    cr_assert_neq(access(wal, F_OK), 0);
    uint8_t header[20];
    FILE *file = fopen(path, "r");
    cr_assert_eq(fread(header, 1, sizeof header, file), sizeof header);
    fclose(file);
    /* Offsets 18 and 19 of a database: 1 = rollback journal, 2 = WAL, which wants a writable dir.
     */
    cr_assert_eq(header[18], 1);
    cr_assert_eq(header[19], 1);
}
