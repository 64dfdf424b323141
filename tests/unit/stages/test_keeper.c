/* A run with a keeper: everything that the chain counted is in the files, once. */
#include "tests/unit/stages/keeper_fixture.h"

#include "io/hlog.h"
#include "io/run_store.h"

#include <sqlite3.h>

static int64_t query(const char *dir, const char *sql)
{
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *s;
    snprintf(path, sizeof path, "%s/store.db", dir);
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK, "%s: %s", sql,
                 sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(s), SQLITE_ROW, "%s", sql);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return value;
}

Test(keeper, stores_what_the_chain_counted)
{
    keeper_run *r = keeper_prepare(600);
    keeper_go(r, r->dir);
    const ats_metrics *m = r->chain.context.metrics;
    cr_assert(r->kept.complete, "%s", r->kept.error);
    cr_assert_eq(r->kept.errors, 0);
    cr_assert_gt(m->route.fills, 50, "the day must trade");
    cr_assert_eq(query(r->dir, "SELECT count(*) FROM intents"), (int64_t)m->strategy.intents);
    cr_assert_eq(query(r->dir, "SELECT count(*) FROM verdicts"), (int64_t)m->risk.intents);
    cr_assert_eq(query(r->dir, "SELECT count(*) FROM verdicts WHERE verdict = 'pass'"),
                 (int64_t)m->risk.verdicts[ATS_CHECK_PASS]);
    cr_assert_eq(query(r->dir, "SELECT count(*) FROM v_fills"), (int64_t)m->route.fills);
    cr_assert_eq(query(r->dir, "SELECT count(*) FROM positions"), (int64_t)m->route.fills);
    /* Each fill, and the end. */
    cr_assert_eq(query(r->dir, "SELECT count(*) FROM equity"), (int64_t)m->route.fills + 1);
    cr_assert_eq(query(r->dir, "SELECT equity_e9 FROM equity ORDER BY seq DESC LIMIT 1"),
                 r->summary.portfolio.end_equity_e9);
    cr_assert_eq(query(r->dir, "SELECT end_equity_e9 FROM runs"),
                 r->summary.portfolio.end_equity_e9);
    /* Cash by hand, from the executions: what was sold less what was bought less fees; one part in
     * 1e9 a fill is rounding. */
    int64_t cash = query(r->dir, "SELECT start_equity_e9 + (SELECT sum(CAST(CASE side WHEN 'sell' "
                                 "THEN 1 ELSE -1 END * (last_qty_e9 / 1000000000) * last_px_e9 AS "
                                 "INTEGER) - fee_e9) FROM executions WHERE type = 'fill') FROM "
                                 "runs");
    cr_assert_eq(cash, r->summary.portfolio.cash_e9);
    cr_assert_eq(query(r->dir, "SELECT value FROM metrics WHERE name = 'route.fills' ORDER BY "
                               "at_ns DESC LIMIT 1"),
                 (int64_t)m->route.fills);
    keeper_end(r);
}

Test(keeper, every_latency_is_in_the_log_once)
{
    keeper_run *r = keeper_prepare(600);
    keeper_go(r, r->dir);
    char path[128];
    uint64_t counts[ATS_HOP_COUNT] = {0}, intervals = 0;
    snprintf(path, sizeof path, "%s/latency.hlog", r->dir);
    ats_hlog_reader reader;
    ats_hlog_interval interval;
    cr_assert_eq(ats_hlog_open(&reader, path), 0, "%s", ats_error_line(0));
    while (ats_hlog_next(&reader, &interval) == 1) {
        uint32_t hop = 0;
        while (strcmp(ats_hop_label(hop), interval.tag) != 0)
            cr_assert_lt(++hop, ATS_HOP_COUNT, "%s", interval.tag);
        counts[hop] += ats_histogram_total(interval.histogram);
        intervals++;
    }
    ats_hlog_reader_close(&reader);
    cr_assert_geq(intervals, ATS_HOP_COUNT, "an interval a hop at least: %lu", intervals);
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++) {
        cr_assert_eq(counts[hop], r->kept.latency[hop].count, "%s", ats_hop_label(hop));
        cr_assert_gt(counts[hop], 0, "%s", ats_hop_label(hop));
        char name[160];
        snprintf(name, sizeof name, "%s/latency-%s.hgrm", r->dir, ats_hop_label(hop));
        cr_assert_eq(access(name, R_OK), 0, "%s", name);
    }
    const ats_metrics_route *m = &r->chain.context.metrics->route;
    cr_assert_eq(counts[ATS_HOP_EVENT_TO_ORDER], m->orders + m->replaces + m->cancels);
    keeper_end(r);
}

Test(keeper, performance_agrees_with_the_portfolio)
{
    keeper_run *r = keeper_prepare(600);
    keeper_go(r, r->dir);
    const ats_portfolio *p = ats_risk_gate(ats_chain_state(&r->chain, ATS_CHAIN_RISK))->portfolio;
    const ats_performance_result *f = &r->summary.performance;
    cr_assert_gt(p->round_trips, 10);
    cr_assert_eq(f->trades, p->round_trips);
    cr_assert_float_eq(f->win_rate, (double)p->winners / (double)p->round_trips, 1e-12);
    cr_assert_float_eq(f->total_return,
                       (double)r->summary.portfolio.end_equity_e9 /
                               (double)r->summary.portfolio.start_equity_e9 -
                           1.0,
                       1e-12);
    cr_assert(isnan(f->sharpe), "one day has no Sharpe ratio");
    cr_assert_lt(f->max_drawdown, 0.0);
    cr_assert_gt(f->turnover, 0.0);
    keeper_end(r);
}

Test(keeper, a_store_that_cannot_be_written_is_told_and_holds_nothing_up)
{
    keeper_run *r = keeper_prepare(120);
    char missing[128];
    snprintf(missing, sizeof missing, "%s/not-there", r->dir);
    keeper_go(r, missing);
    cr_assert_not(r->kept.complete);
    cr_assert_gt(r->kept.errors, 0);
    cr_assert_neq(r->kept.error[0], 0);
    cr_assert_eq(r->kept.stored, 0);
    /* Measures do not need the store. */
    cr_assert_gt(r->kept.records, 100);
    cr_assert_gt(r->kept.latency[ATS_HOP_EVENT_TO_ORDER].count, 0);
    cr_assert_gt(r->summary.performance.trades, 0);
    bool warned = false;
    for (uint32_t i = 0; i < r->summary.warning_count; i++)
        warned |= strncmp(r->summary.warnings[i], "store: ", 7) == 0;
    cr_assert(warned);
    keeper_end(r);
}

Test(keeper, a_store_that_comes_back_gets_everything)
{
    keeper_run *r = keeper_prepare(120);
    char path[160];
    /* Another process's lock, until after the chain has ended. */
    sqlite3 *other;
    snprintf(path, sizeof path, "%s/store.db", r->dir);
    cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    ats_keeper *keeper;
    char audit[160];
    snprintf(audit, sizeof audit, "%s/audit", r->dir);
    ats_keeper_options options = {.run_dir = r->dir,
                                  .run_id = "test-run",
                                  .command = "replay",
                                  .audit_path = audit,
                                  .chain = &r->chain,
                                  .interval_ns = 20000000};
    cr_assert_eq(ats_keeper_start(&keeper, &options), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_chain_start(&r->chain), 0);
    cr_assert_eq(ats_chain_join(&r->chain), 0);
    cr_assert_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    ats_keeper_finish(keeper, &r->kept);
    cr_assert(r->kept.complete, "%s", r->kept.error);
    cr_assert_gt(r->kept.errors, 0, "the lock was felt");
    cr_assert_eq(r->kept.stored, r->kept.records);
    cr_assert_eq(query(r->dir, "SELECT count(*) FROM verdicts"),
                 (int64_t)r->chain.context.metrics->risk.intents);
    keeper_end(r);
}

Test(keeper, an_audit_file_of_another_run_is_refused)
{
    keeper_run *r = keeper_prepare(10);
    char path[160];
    ats_audit_writer other;
    ats_symbols one = {0};
    cr_assert_neq(ats_symbols_add(&one, &r->symbols.entry[1]), 0);
    snprintf(path, sizeof path, "%s/other", r->dir);
    cr_assert_eq(ats_audit_create(&other, path, &one, 1), 0);
    cr_assert_eq(ats_audit_close(&other), 0);
    ats_keeper *keeper = NULL;
    ats_keeper_options options = {.run_dir = r->dir,
                                  .run_id = "x",
                                  .command = "replay",
                                  .audit_path = path,
                                  .chain = &r->chain};
    cr_assert_eq(ats_keeper_start(&keeper, &options), -1);
    cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
    cr_assert_null(keeper);
    cr_assert_eq(ats_audit_close(&r->audit), 0, "no drain ran that would have closed it");
    ats_symbols_free(&one);
    keeper_end(r);
}
