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
    x->ref_exec_id = 43;
    x->ref_order_id = 44;
    x->bid_e9 = 45;
    x->ask_e9 = 46;
    x->check = ATS_CHECK_COLLAR;
    ats_intent *in = (ats_intent *)records;
    in->stop_e9 = 21;
    in->trail_e9 = 22;
    in->target_e9 = 23;
    in->stop_leg_e9 = 24;
    in->stop_leg_limit_e9 = 25;
    in->order_class = ATS_ORDER_CLASS_OCO;
    in->algorithm = 5;
    in->parent_id = 26;
    in->parent_left_e9 = 27;
    in->confidence = 0.5f;
    o->stop_e9 = 31;
    o->trail_e9 = 32;
    o->target_e9 = 33;
    o->stop_leg_e9 = 34;
    o->stop_leg_limit_e9 = 35;
    o->order_class = ATS_ORDER_CLASS_BRACKET;
    o->algorithm = 4;
    o->parent_id = 36;
    o->intent_flags = 37;
    ats_env *e = (ats_env *)(records + 5 * ATS_RECORD_DERIVED);
    e->subject = 51;
    ats_control *c = (ats_control *)(records + 6 * ATS_RECORD_DERIVED);
    c->code = ATS_CONTROL_LIMIT;
    c->strategy_id = 52;
    c->limit.value = 1;
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
    cr_assert_eq(query("SELECT count(*) FROM intents WHERE stop_e9 = 21 AND trail_e9 = 22 AND "
                       "target_e9 = 23 AND stop_leg_e9 = 24 AND stop_leg_limit_e9 = 25 AND class = "
                       "'oco' AND algorithm = 5 AND parent_id = 26 AND parent_left_e9 = 27 AND "
                       "confidence = 0.5"),
                 1);
    cr_assert_eq(query("SELECT count(*) FROM orders WHERE stop_e9 = 31 AND trail_e9 = 32 AND "
                       "target_e9 = 33 AND stop_leg_e9 = 34 AND stop_leg_limit_e9 = 35 AND class = "
                       "'bracket' AND algorithm = 4 AND parent_id = 36 AND flags = 37"),
                 1);
    cr_assert_eq(
        query("SELECT count(*) FROM executions WHERE ref_exec_id = 43 AND ref_order_id = "
              "44 AND bid_e9 = 45 AND ask_e9 = 46 AND refusal = 'collar' AND event_ns = 0"),
        1);
    cr_assert_eq(query("SELECT subject FROM env"), 51);
    cr_assert_eq(
        query("SELECT count(*) FROM controls WHERE code = 'limit' AND strategy_id = 52 AND "
              "payload = CAST(x'01' || zeroblob(31) AS BLOB)"),
        1);
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

/* ---- versions ------------------------------------------------------------------------------- */

/* A file as the program of version 1 left it. */
static void make_version_1(void)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, ats_run_store_steps[0], NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(db));
    cr_assert_eq(
        sqlite3_exec(
            db,
            "INSERT INTO runs VALUES (1, 'old', 'replay', '0.1', 'c', 5, 6, 7, 8, 'd');"
            "INSERT INTO intents VALUES (1, 2, 3, 4, 1, 9, 0, 10, 11, 12, 13, 1, 1, 1, 0.5,"
            " 'entry_long', 'new', 'buy', 'limit', 'ioc', 0, 14);"
            "INSERT INTO executions VALUES (1, 3, 3, 4, 1, 9, 77, 0, 'fill', 'buy',"
            " 'filled', 10, 11, 10, 0, 1, 1, 1, 'entry_long', 1);",
            NULL, NULL, NULL),
        SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    cr_assert_eq(query("PRAGMA user_version"), 1);
}

Test(run_store, a_file_of_version_1_is_brought_up_with_what_it_holds, .init = make_dir,
     .fini = remove_dir)
{
    uint8_t records[8 * ATS_RECORD_DERIVED];
    make_version_1();
    ats_run_store *store = open_run("new");
    cr_assert_eq(ats_run_store_records(store, records, make_records(records), 0), 0, "%s",
                 ats_error_line(0));
    cr_assert_eq(ats_run_store_close(store), 0);
    cr_assert_eq(query("PRAGMA user_version"), ATS_RUN_STORE_VERSION);
    cr_assert_eq(query("SELECT count(*) FROM schema_version"), ATS_RUN_STORE_VERSION);
    cr_assert_eq(query("SELECT count(*) FROM runs"), 2);
    cr_assert_eq(query("SELECT count(*) FROM intents WHERE run = 1 AND intent_id = 9 AND "
                       "stop_distance_e9 = 14 AND stop_e9 = 0 AND class = 'simple' AND parent_id = "
                       "0 AND confidence IS NULL"),
                 1);
    cr_assert_eq(query("SELECT count(*) FROM executions WHERE run = 1 AND exec_id = 77 AND "
                       "ref_exec_id = 0 AND bid_e9 = 0"),
                 1);
    cr_assert_eq(query("SELECT count(*) FROM v_fills"), 2);
    /* Brought up or made new: the same tables with the same columns. */
    int64_t columns = query("SELECT sum(length(p.name) + p.cid) FROM sqlite_master m, "
                            "pragma_table_info(m.name) p WHERE m.type IN ('table', 'view')");
    unlink(path);
    cr_assert_eq(ats_run_store_close(open_run("fresh")), 0);
    cr_assert_eq(query("SELECT sum(length(p.name) + p.cid) FROM sqlite_master m, "
                       "pragma_table_info(m.name) p WHERE m.type IN ('table', 'view')"),
                 columns);
}

Test(run_store, a_step_that_fails_leaves_the_file_as_it_was, .init = make_dir, .fini = remove_dir)
{
    ats_run_store *store;
    sqlite3 *db;
    make_version_1();
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    /* The last thing that the step makes is here already: all before it must go. */
    cr_assert_eq(sqlite3_exec(db, "CREATE VIEW v_execution_quality AS SELECT 1", NULL, NULL, NULL),
                 SQLITE_OK);
    sqlite3_close(db);
    cr_assert_eq(ats_run_store_open(&store, path, 50), -1);
    ats_error_clear();
    cr_assert_eq(query("PRAGMA user_version"), 1);
    cr_assert_eq(query("SELECT count(*) FROM sqlite_master WHERE name IN ('trades', 'days')"), 0);
    cr_assert_eq(query("SELECT count(*) FROM pragma_table_info('intents') WHERE name = 'stop_e9'"),
                 0);
}

Test(run_store, results_of_the_analysis_are_in_their_columns, .init = make_dir, .fini = remove_dir)
{
    ats_run_store *store = open_run("a");
    const ats_strategy_row strategy = {1, "trend", "swing_trend"};
    const ats_day_row days[] = {{19724, 11}, {19725, 12}};
    ats_trade_row trade = {.trade = 1,
                           .trip = {.strategy_id = 1,
                                    .symbol_id = 1,
                                    .entry_ns = 1704207600000000000ll,
                                    .exit_ns = 1704207601500000000ll,
                                    .entry_qty_e9 = 2 * ATS_E9,
                                    .exit_qty_e9 = 2 * ATS_E9,
                                    .entered_e18 = (ats_money_e18)200 * ATS_E9 * ATS_E9,
                                    .left_e18 = (ats_money_e18)190 * ATS_E9 * ATS_E9,
                                    .fees_e18 = (ats_money_e18)ATS_E9 * ATS_E9,
                                    .profit_e18 = (ats_money_e18)9 * ATS_E9 * ATS_E9,
                                    .low_e9 = 94 * ATS_E9,
                                    .high_e9 = 101 * ATS_E9,
                                    .entry_reason = ATS_REASON_ENTRY_SHORT,
                                    .exit_reason = ATS_REASON_EXIT_TARGET,
                                    .fills = 2,
                                    .model_id = 6,
                                    .side = ATS_SIDE_SELL}};
    ats_quality_row quality = {.algorithm = "twap",
                               .order = {.parent_id = 3,
                                         .strategy_id = 1,
                                         .symbol_id = 1,
                                         .side = ATS_SIDE_BUY,
                                         .reason = ATS_REASON_ENTRY_LONG,
                                         .qty_e9 = 4 * ATS_E9,
                                         .filled_e9 = ATS_E9,
                                         .decision_e9 = 10 * ATS_E9}};
    ats_execution_sum *sum = &quality.order.sum;
    ats_money_e18 unit = (ats_money_e18)ATS_E9 * ATS_E9;
    sum->value_e18 = 11 * unit;
    sum->fees_e18 = 2 * unit;
    for (int64_t b = 0; b < ATS_BENCHMARK_COUNT; b++)
        sum->cost[b] = (ats_execution_part){(b + 1) * unit, 10 * unit};
    sum->opportunity_e18 = 6 * unit;
    sum->before[0] = (ats_execution_part){2 * unit, 5 * unit};
    sum->before[1] = (ats_execution_part){-8 * unit, 5 * unit};
    for (uint32_t h = 0; h < ATS_HORIZON_COUNT; h++) {
        sum->after[0][h] = (ats_execution_part){(h + 1) * unit, 5 * unit};
        sum->after[1][h] = (ats_execution_part){-10 * unit, 5 * unit};
    }
    cr_assert_eq(ats_run_store_strategies(store, &strategy, 1), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_run_store_days(store, days, 2), 0, "%s", ats_error_line(0));
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(ats_run_store_trades(store, &trade, 1), 0, "%s", ats_error_line(0));
        cr_assert_eq(ats_run_store_quality(store, &quality, 1), 0, "%s", ats_error_line(0));
    }
    trade.trade = 2;
    trade.trip.exit_ns = trade.trip.exit_qty_e9 = 0;
    cr_assert_eq(ats_run_store_trades(store, &trade, 1), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_run_store_close(store), 0);
    cr_assert_eq(query("SELECT count(*) FROM days WHERE day = '2024-01-02' AND equity_e9 = 11"), 1);
    cr_assert_eq(query("SELECT count(*) FROM v_trades WHERE trade = 1 AND strategy = 'trend' AND "
                       "side = 'short' AND qty = 2 AND entry_price = 100 AND exit_price = 95 AND "
                       "fees = 1 AND profit = 9 AND held_s = 1.5 AND entry_at = "
                       "'2024-01-02T15:00:00.000Z' AND exit_at = '2024-01-02T15:00:01.500Z' AND "
                       "adverse_bps = -100 AND favourable_bps = 600 AND entry_reason = "
                       "'entry_short' AND exit_reason = 'exit_target' AND model_id = 6"),
                 1);
    cr_assert_eq(query("SELECT count(*) FROM v_trades WHERE trade = 2 AND exit_at IS NULL AND "
                       "exit_price IS NULL AND exit_reason = 'open'"),
                 1);
    cr_assert_eq(query("SELECT count(*) FROM v_execution_quality WHERE level = 'parent' AND "
                       "algorithm = 'twap' AND fill_rate = 0.25 AND decision_price = 10 AND "
                       "average_price = 11 AND shortfall = 9 AND decision_bps = 1000 AND "
                       "arrival_bps = 2000 AND mid_bps = 3000 AND "
                       "before_5m_bps = -6000 AND after_1s_bps = -9000 AND "
                       "after_30s_bps = -8000 AND after_5m_bps = -7000"),
                 1);
    cr_assert_eq(query("SELECT count(*) FROM execution_quality"), 1);
}
