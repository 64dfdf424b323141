/* The last pass of a run: its tables add up to the account, and a fill taken back is as if it never
 * was. */
#include "tests/unit/stages/keeper_fixture.h"

#include "stages/keeper/analysis.h"
#include "stages/keeper/report_page.h"

#include <sqlite3.h>

static double sum_of(const json_t *document, const char *list, const char *key)
{
    const json_t *row;
    size_t i;
    double sum = 0;
    json_array_foreach((json_t *)ats_page_member(document, list), i, row)
    {
        double value = ats_page_number(row, key);
        cr_assert(isfinite(value), "%s[%zu].%s", list, i, key);
        sum += value;
    }
    return sum;
}

static const char *const TRIP_TABLES[] = {"strategies", "models", "symbols", "reasons", "hours"};
static const char *const ORDER_TABLES[] = {"days", "strategies", "symbols", "algorithms"};

Test(analysis, every_table_adds_up_to_the_account)
{
    keeper_run *r = keeper_prepare(600);
    keeper_go(r, r->dir);
    const json_t *a = r->kept.attribution, *e = r->kept.execution;
    const ats_summary_portfolio *p = &r->summary.portfolio;
    cr_assert_not_null(a);
    double profit = (double)(p->end_equity_e9 - p->start_equity_e9) / 1e9;
    cr_assert_neq(profit, 0.0);
    cr_assert_float_eq(ats_page_number(a, "profit"), profit, 2e-9);
    cr_assert_float_eq(ats_page_number(a, "unattributed"), 0.0, 1e-9, "every fill has a trip");
    cr_assert_float_eq(ats_page_number(a, "trades.profit"), profit, 2e-9);
    cr_assert_eq(ats_page_number(a, "fills_without_strategy"), 0);
    const json_t *models = ats_page_member(a, "models");
    cr_assert_eq(json_array_size(models), 1, "one model decided all");
    cr_assert_str_eq(ats_page_string(json_array_get(models, 0), "model"),
                     r->summary.models.uses[0].sha256);
    double trades = ats_page_number(a, "trades.trades");
    cr_assert_gt(trades, 20);
    for (size_t i = 0; i < sizeof TRIP_TABLES / sizeof TRIP_TABLES[0]; i++) {
        /* Each row is rounded once. */
        cr_assert_float_eq(sum_of(a, TRIP_TABLES[i], "profit"), profit, 1e-7, "%s", TRIP_TABLES[i]);
        cr_assert_float_eq(sum_of(a, TRIP_TABLES[i], "fees"), (double)p->fees_e9 / 1e9, 1e-7);
        cr_assert_eq(sum_of(a, TRIP_TABLES[i], "trades"), trades, "%s", TRIP_TABLES[i]);
    }
    for (size_t i = 0; i < sizeof ORDER_TABLES / sizeof ORDER_TABLES[0]; i++) {
        cr_assert_float_eq(sum_of(e, ORDER_TABLES[i], "shortfall"),
                           ats_page_number(e, "total.shortfall"), 1e-6, "%s", ORDER_TABLES[i]);
        cr_assert_eq(sum_of(e, ORDER_TABLES[i], "fills"), ats_page_number(e, "total.fills"));
    }
    cr_assert_eq(ats_page_number(e, "total.fills"), (double)r->chain.context.metrics->route.fills);
    cr_assert_float_eq(ats_page_number(e, "total.fees"), (double)p->fees_e9 / 1e9, 1e-7);
    cr_assert_eq(ats_page_number(e, "fills_of_unknown_orders"), 0);
    cr_assert_gt(ats_page_number(e, "total.mid_bps"), 0.0, "orders that take pay half a spread");
    cr_assert(isfinite(ats_page_number(e, "total.after.after_5m_bps")));
    keeper_end(r);
}

Test(analysis, the_store_has_what_the_summary_says)
{
    static const struct {
        const char *sql, *path;
    } SAME[] = {
        {"SELECT count(*) FROM trades", "trades.trades"},
        {"SELECT sum(profit_e9) / 1e9 FROM trades", "trades.profit"},
        {"SELECT sum(profit_e9 > 0) FROM trades WHERE exit_ns IS NOT NULL", "trades.winners"},
        {"SELECT count(*) FROM v_trades WHERE exit_at IS NULL", "trades.open"},
        {"SELECT count(*) FROM v_execution_quality WHERE level <> 'child'", "total.decisions"},
        {"SELECT sum(shortfall_e9) / 1e9 FROM execution_quality WHERE order_id = 0 OR parent_id = "
         "0",
         "total.shortfall"},
        {"SELECT 1e4 * sum(mid_cost_e9) / sum(mid_value_e9) FROM execution_quality WHERE order_id "
         "<> 0",
         "total.mid_bps"}};
    keeper_run *r = keeper_prepare(300);
    char path[128];
    keeper_go(r, r->dir);
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/store.db", r->dir);
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof SAME / sizeof SAME[0]; i++) {
        sqlite3_stmt *s;
        const json_t *in = SAME[i].path[1] == 'r' ? r->kept.attribution : r->kept.execution;
        cr_assert_eq(sqlite3_prepare_v2(db, SAME[i].sql, -1, &s, NULL), SQLITE_OK, "%s",
                     sqlite3_errmsg(db));
        cr_assert_eq(sqlite3_step(s), SQLITE_ROW);
        cr_assert_float_eq(sqlite3_column_double(s, 0), ats_page_number(in, SAME[i].path), 1e-6,
                           "%s", SAME[i].sql);
        sqlite3_finalize(s);
    }
    sqlite3_close(db);
    keeper_end(r);
}

/* The first fill of a kind that the audit file has. */
static ats_exec fill_of(const keeper_run *r, uint64_t number)
{
    ats_audit_reader reader;
    char path[128];
    const void *block;
    uint32_t count;
    ats_exec found = {0};
    snprintf(path, sizeof path, "%s/audit", r->dir);
    cr_assert_eq(ats_audit_open(&reader, path), 0);
    while (number && ats_audit_next(&reader, &block, &count) == 1)
        for (uint32_t i = 0; i < count && number; i++) {
            const ats_exec *x = (const ats_exec *)((const uint8_t *)block + i * sizeof *x);
            if (x->h.kind == ATS_KIND_EXEC && x->type == ATS_EXEC_FILL && --number == 0)
                found = *x;
        }
    ats_audit_reader_close(&reader);
    cr_assert_eq(number, 0);
    return found;
}

static double profit_with(const keeper_run *r, const ats_bust *busts, size_t n, double *fills)
{
    char path[128];
    uint8_t traded[64];
    ats_analysis_result found;
    memset(traded, 1, sizeof traded);
    snprintf(path, sizeof path, "%s/audit", r->dir);
    ats_analysis_input in = {
        .chain = &r->chain, .audit_path = path, .busts = busts, .bust_count = n, .traded = traded};
    cr_assert_eq(ats_analyse(&in, &found), 0, "%s", ats_error_line(0));
    double profit = ats_page_number(found.attribution, "trades.profit");
    *fills = ats_page_number(found.execution, "total.fills");
    cr_assert_float_eq(profit + ats_page_number(found.attribution, "unattributed"),
                       ats_page_number(found.attribution, "profit"), 1e-8);
    json_decref(found.attribution);
    json_decref(found.execution);
    return profit;
}

Test(analysis, a_fill_taken_back_is_as_if_it_never_was)
{
    keeper_run *r = keeper_prepare(300);
    keeper_go(r, r->dir);
    const ats_portfolio *p = ats_risk_gate(ats_chain_state(&r->chain, ATS_CHAIN_RISK))->portfolio;
    double fills, fewer;
    double plain = profit_with(r, NULL, 0, &fills);
    cr_assert_float_eq(plain, ats_page_number(r->kept.attribution, "trades.profit"), 1e-12,
                       "a second pass finds the same");
    for (uint64_t n = 1; n < 40; n += 13) {
        ats_exec x = fill_of(r, n);
        double mark = (double)p->holdings[x.h.symbol_id].mark_e9 / 1e9;
        double px = (double)x.last_px_e9 / 1e9, qty = (double)x.last_qty_e9 / 1e9;
        double fee = (double)x.fee_e9 / 1e9, sign = x.side == ATS_SIDE_BUY ? 1 : -1;
        ats_exec bust = {.type = ATS_EXEC_BUSTED, .ref_exec_id = x.exec_id};
        ats_exec corrected = {.type = ATS_EXEC_CORRECTED,
                              .ref_exec_id = x.exec_id,
                              .last_qty_e9 = x.last_qty_e9,
                              .last_px_e9 = x.last_px_e9 + ATS_E9,
                              .fee_e9 = 0};
        ats_bust *busts = NULL;
        size_t count = 0;
        cr_assert_eq(ats_busts_add(&busts, &count, &corrected), 0);
        double told = profit_with(r, busts, count, &fewer);
        cr_assert_float_eq(told, plain - sign * qty + fee, 1e-6);
        cr_assert_eq(fewer, fills);
        cr_assert_eq(ats_busts_add(&busts, &count, &bust), 0);
        cr_assert_eq(ats_busts_add(&busts, &count, &corrected), 0, "it is gone for good");
        cr_assert_eq(count, 1);
        told = profit_with(r, busts, count, &fewer);
        cr_assert_float_eq(told, plain - (sign * qty * (mark - px) - fee), 1e-6);
        cr_assert_eq(fewer, fills - 1);
        free(busts);
    }
    keeper_end(r);
}

Test(analysis, what_cannot_be_read_is_told)
{
    keeper_run *r = keeper_prepare(30);
    keeper_go(r, r->dir);
    uint8_t traded[64] = {0};
    ats_analysis_result found;
    ats_analysis_input in = {.chain = &r->chain, .audit_path = "/nowhere/audit", .traded = traded};
    cr_assert_eq(ats_analyse(&in, &found), -1);
    cr_assert_null(found.attribution);
    cr_assert_null(found.execution);
    ats_error_clear();
    keeper_end(r);
}
