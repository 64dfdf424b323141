/* run.json and the report: the contract's keys, sums that agree, and hostile text as data. */
#include "tests/unit/stages/keeper_fixture.h"

#include "stages/keeper/format.h"
#include "stages/keeper/report.h"
#include "stages/keeper/report_page.h"

#include <sqlite3.h>

static char *page_of(const char *run_dir)
{
    char *page = NULL;
    size_t bytes;
    ats_report *report = malloc(sizeof *report);
    cr_assert_eq(ats_report_open(report, run_dir), 0, "%s", ats_error_line(0));
    FILE *out = open_memstream(&page, &bytes);
    cr_assert_eq(ats_report_html(out, report), 0);
    fclose(out);
    ats_report_close(report);
    free(report);
    return page;
}

static void write_file(const char *dir, const char *name, const char *text, size_t n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, n, file), n);
    fclose(file);
}

/* Every key that the command line's contract names. */
static const char *const KEYS[] = {"schema",
                                   "version",
                                   "commit",
                                   "command",
                                   "started_at",
                                   "finished_at",
                                   "exit",
                                   "host.cpu",
                                   "host.cores",
                                   "host.kernel",
                                   "host.governor",
                                   "host.isolated_cpus",
                                   "host.tsc_hz",
                                   "build.compiler",
                                   "build.isa",
                                   "build.flags",
                                   "build.cuda",
                                   "input.files",
                                   "input.symbols",
                                   "input.events",
                                   "input.quotes",
                                   "input.trades",
                                   "input.bars",
                                   "input.first_event_at",
                                   "input.last_event_at",
                                   "topology.threads",
                                   "topology.links",
                                   "model.id",
                                   "model.sha256",
                                   "model.trees",
                                   "model.features",
                                   "model.feature_version",
                                   "model.backend",
                                   "throughput.events_per_s",
                                   "throughput.wall_s",
                                   "decisions.signals",
                                   "decisions.intents",
                                   "decisions.orders",
                                   "decisions.rejected_by_reason",
                                   "decisions.cancels",
                                   "decisions.fills",
                                   "digest",
                                   "portfolio.start_equity",
                                   "portfolio.end_equity",
                                   "portfolio.realized_pnl",
                                   "portfolio.unrealized_pnl",
                                   "portfolio.fees",
                                   "portfolio.gross_exposure",
                                   "portfolio.net_exposure",
                                   "portfolio.positions",
                                   "performance.return",
                                   "performance.annual_return",
                                   "performance.volatility",
                                   "performance.sharpe",
                                   "performance.sortino",
                                   "performance.max_drawdown",
                                   "performance.calmar",
                                   "performance.profit_factor",
                                   "performance.win_rate",
                                   "performance.trades",
                                   "performance.turnover",
                                   "performance.days_a_year",
                                   "decisions.wishes",
                                   "portfolio.dividends",
                                   "portfolio.borrow",
                                   "attribution.profit",
                                   "attribution.borrow",
                                   "attribution.unattributed",
                                   "attribution.trades.win_rate",
                                   "attribution.strategies",
                                   "attribution.models",
                                   "attribution.symbols",
                                   "attribution.reasons",
                                   "attribution.hours",
                                   "execution.total.fill_rate",
                                   "execution.total.decision_bps",
                                   "execution.total.arrival_bps",
                                   "execution.total.mid_bps",
                                   "execution.total.opportunity_cost",
                                   "execution.total.shortfall",
                                   "execution.total.before.before_5m_bps",
                                   "execution.total.after.took_5m_bps",
                                   "execution.total.after.made_1s_bps",
                                   "execution.days",
                                   "execution.strategies",
                                   "execution.symbols",
                                   "execution.algorithms",
                                   "data_quality.gaps",
                                   "data_quality.out_of_order",
                                   "data_quality.crossed",
                                   "data_quality.stale",
                                   "data_quality.quarantined",
                                   "faults",
                                   "warnings"};

Test(summary, has_every_key_of_the_contract)
{
    keeper_run *r = keeper_prepare(60);
    keeper_go(r, r->dir);
    json_t *run = ats_run_summary_json(&r->summary);
    cr_assert_not_null(run);
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++)
        cr_assert_not_null(ats_page_member(run, KEYS[i]), "%s", KEYS[i]);
    static const char *const QUANTILES[] = {"count",   "p50_ns",   "p90_ns", "p99_ns",
                                            "p999_ns", "p9999_ns", "max_ns"};
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++)
        for (size_t q = 0; q < sizeof QUANTILES / sizeof QUANTILES[0]; q++) {
            char path[96];
            snprintf(path, sizeof path, "latency.%s.%s", ats_hop_label(hop), QUANTILES[q]);
            cr_assert(json_is_integer(ats_page_member(run, path)), "%s", path);
        }
    json_decref(run);
    keeper_end(r);
}

Test(summary, sums_agree)
{
    keeper_run *r = keeper_prepare(300);
    keeper_go(r, r->dir);
    const ats_summary_portfolio *p = &r->summary.portfolio;
    cr_assert_gt(p->position_count, 0);
    /* Each figure is rounded once: a unit of 1e-9 for each. */
    int64_t gain = p->realized_e9 + p->unrealized_e9 - p->fees_e9;
    cr_assert_leq(llabs(p->end_equity_e9 - p->start_equity_e9 - gain), 3);
    cr_assert_leq(llabs(p->cash_e9 + p->net_e9 - p->end_equity_e9), 2);
    int64_t realized = 0, fees = 0;
    for (uint32_t i = 0; i < p->position_count; i++) {
        realized += p->positions[i].realized_e9;
        fees += p->positions[i].fees_e9;
    }
    cr_assert_leq(llabs(realized - p->realized_e9), (long long)p->position_count);
    cr_assert_leq(llabs(fees - p->fees_e9), (long long)p->position_count);
    json_t *run = ats_run_summary_json(&r->summary);
    /* Exact to 1e-9 at this size. */
    cr_assert_eq(llround(ats_page_number(run, "portfolio.end_equity") * 1e9), p->end_equity_e9);
    cr_assert_eq(ats_page_number(run, "decisions.intents"),
                 ats_page_number(run, "decisions.passed") +
                     ats_page_number(run, "decisions.rejected"));
    cr_assert(json_is_null(ats_page_member(run, "performance.sharpe")), "one day has none");
    json_decref(run);
    keeper_end(r);
}

static bool has_warning(const ats_run_summary *s, const char *code)
{
    for (uint32_t i = 0; i < s->warning_count; i++)
        if (!strncmp(s->warnings[i], code, strlen(code)))
            return true;
    return false;
}

Test(summary, warns_of_queueing_and_of_days_it_was_trained_on)
{
    keeper_run *r = keeper_prepare(30);
    keeper_go(r, r->dir);
    cr_assert_not(has_warning(&r->summary, "queueing: "));
    cr_assert_not(has_warning(&r->summary, "in_sample: "));
    ats_run_summary_free(&r->summary);
    r->chain.feed.pace = ATS_PACE_MAX;
    /* What it scored with is noted when it starts; one instant in common is enough. */
    uint32_t count;
    uint64_t changes;
    ats_model_use *use = (ats_model_use *)ats_infer_uses(
        ats_chain_state(&r->chain, ATS_CHAIN_INFER), &count, &changes);
    cr_assert_eq(count, 1);
    use->train_first_ns = r->source.first_ns - ATS_E9;
    use->train_last_ns = r->source.first_ns;
    ats_summary_options how = {.command = "replay", .kept = &r->kept};
    cr_assert_eq(ats_run_summary_collect(&r->summary, &r->chain, &r->source, &r->config, &how), 0);
    cr_assert(has_warning(&r->summary, "queueing: "));
    cr_assert(has_warning(&r->summary, "in_sample: "));
    for (uint32_t i = 0; i < 2 * ATS_SUMMARY_WARNINGS; i++)
        ats_run_summary_warn(&r->summary, "test: %u", i / 2);
    cr_assert_eq(r->summary.warning_count, ATS_SUMMARY_WARNINGS);
    cr_assert_gt(r->summary.warnings_lost, 0);
    keeper_end(r);
}

Test(report, is_made_of_the_run_and_needs_nothing_else)
{
    keeper_run *r = keeper_prepare(300);
    char path[160];
    keeper_go(r, r->dir);
    snprintf(path, sizeof path, "%s/run.json", r->dir);
    cr_assert_eq(ats_run_summary_write(&r->summary, path), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_report_write(r->dir), 0, "%s", ats_error_line(0));
    snprintf(path, sizeof path, "%s/report.html", r->dir);
    cr_assert_eq(access(path, R_OK), 0);
    char *page = page_of(r->dir);
    cr_assert_not_null(strstr(page, r->summary.digest));
    cr_assert_not_null(strstr(page, "SYN001"));
    cr_assert_not_null(strstr(page, "End to end, by percentile"));
    cr_assert_null(strstr(page, "left out"), "everything was there");
    static const char *const PARTS[] = {"By strategy",       "By what ended the trade",
                                        "By symbol",         "By hour of the entry",
                                        "Round trips: ",     "Results of round trips",
                                        "Execution quality", "Exposure",
                                        "adverse selection", "Entries that strategies asked for"};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++)
        cr_assert_not_null(strstr(page, PARTS[i]), "%s", PARTS[i]);
    cr_assert_null(strstr(page, "No values."), "every plot has a curve");
    /* Nothing is fetched and nothing runs. */
    static const char *const NEVER[] = {"http://", "https://", "<script", "src=", "url(",
                                        "@import", "onload",   "nan",     "inf<"};
    for (size_t i = 0; i < sizeof NEVER / sizeof NEVER[0]; i++)
        cr_assert_null(strstr(page, NEVER[i]), "%s", NEVER[i]);
    free(page);
    keeper_end(r);
}

Test(report, hostile_text_is_data)
{
    char dir[] = "/tmp/ats-report-XXXXXX", *page;
    cr_assert_not_null(mkdtemp(dir));
    static const char RUN[] =
        "{\"command\": \"<script>alert(1)</script>\", \"exit\": 1, \"digest\": \"\\\"><img "
        "src=x>\","
        "\"warnings\": [\"a_b: <b onload='x'>&\", \"no colon\", 7, null],"
        "\"input\": {\"files\": [\"<i>\", 3]}, \"latency\": {\"feed\": {\"count\": -1e300,"
        "\"p50_ns\": 1e308}, \"event_to_order\": 5},"
        "\"topology\": {\"threads\": [{\"name\": \"<u>\", \"cpu\": \"x\", \"stages\": [\"<s>\", "
        "1]}, 2],"
        "\"links\": [null, {\"name\": \"<q>\", \"depth\": 0, \"high_water\": -5}]},"
        "\"attribution\": {\"strategies\": [{\"strategy\": \"<h1>\", \"trades\": \"x\"}, 3],"
        "\"hours\": [{\"hour\": 1e300}, {\"hour\": -4}], \"reasons\": {}},"
        "\"execution\": {\"total\": {\"decisions\": 1, \"decision_bps\": 1e300},"
        "\"days\": [{\"day\": \"<h2 x>\"}, null], \"algorithms\": [[]]},"
        "\"portfolio\": {\"positions\": [{\"symbol\": \"<script>x</script>\", \"qty\": 1e40}, []]},"
        "\"decisions\": {\"rejected\": 1, \"rejected_by_reason\": {\"<em>\": \"x\"}}}";
    write_file(dir, "run.json", RUN, sizeof RUN - 1);
    static const char CONFIG[] = "a: </pre><script>\xff\xc0\x80\xed\xa0\x80\x01 \xe2\x82\xac";
    write_file(dir, "config.yaml", CONFIG, sizeof CONFIG - 1);
    write_file(dir, "store.db", "not a database, but long enough to look", 39);
    write_file(dir, "latency.hlog", "garbage,1,2,3\n\"more", 19);
    page = page_of(dir);
    static const char *const NEVER[] = {"<script", "<img",     "<i>",      "<b onload",
                                        "<u>",     "<s>",      "<q>",      "<em>",
                                        "\xff",    "\xc0\x80", "<td><h1>", "<h2 x>"};
    for (size_t i = 0; i < sizeof NEVER / sizeof NEVER[0]; i++)
        cr_assert_null(strstr(page, NEVER[i]), "%s", NEVER[i]);
    cr_assert_not_null(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    cr_assert_not_null(strstr(page, "&lt;em&gt;"));
    cr_assert_not_null(strstr(page, "\xe2\x82\xac"), "sound UTF-8 stays");
    cr_assert_not_null(strstr(page, "left out"));
    cr_assert_not_null(strstr(page, "store.db: "));
    cr_assert_not_null(strstr(page, "latency.hlog: "));
    free(page);
    nftw(dir, keeper_remove, 16, FTW_DEPTH | FTW_PHYS);
}

Test(report, symbols_in_the_store_are_data_too)
{
    keeper_run *r = keeper_prepare(120);
    char path[160];
    keeper_go(r, r->dir);
    snprintf(path, sizeof path, "%s/run.json", r->dir);
    cr_assert_eq(ats_run_summary_write(&r->summary, path), 0);
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/store.db", r->dir);
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "UPDATE symbols SET symbol = '<script>' || CAST(x'ff41' AS TEXT)",
                              NULL, NULL, NULL),
                 SQLITE_OK);
    sqlite3_close(db);
    char *page = page_of(r->dir);
    cr_assert_null(strstr(page, "<script"));
    cr_assert_not_null(strstr(page, "&lt;script&gt;\xef\xbf\xbd"
                                    "A"));
    free(page);
    keeper_end(r);
}

Test(report, run_json_that_is_none_is_refused)
{
    static const char *const BAD[] = {"", "[]", "{", "{\"a\": 1, \"a\": 2}", "7", "\xff"};
    char dir[] = "/tmp/ats-report-XXXXXX";
    ats_report *report = malloc(sizeof *report);
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(ats_report_open(report, dir), -1, "no run.json at all");
    cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
    ats_error_clear();
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        write_file(dir, "run.json", BAD[i], strlen(BAD[i]));
        cr_assert_eq(ats_report_open(report, dir), -1, "%s", BAD[i]);
        cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
        ats_error_clear();
    }
    /* An empty object is a run that says nothing. */
    write_file(dir, "run.json", "{}", 2);
    free(page_of(dir));
    free(report);
    nftw(dir, keeper_remove, 16, FTW_DEPTH | FTW_PHYS);
}

Test(report, text_is_short_and_moves_no_cursor)
{
    json_t *run =
        json_loads("{\"command\": \"\\u001b[2J\\u0007x\", \"warnings\": [\"a\\u001bb\"]}", 0, NULL);
    char *text = NULL;
    size_t bytes, lines = 0;
    FILE *out = open_memstream(&text, &bytes);
    cr_assert_eq(ats_report_text(out, run, false), 0);
    fclose(out);
    cr_assert_null(strchr(text, '\033'));
    cr_assert_null(strchr(text, '\007'));
    cr_assert_not_null(strstr(text, "warning  a?b"));
    for (size_t i = 0; i < bytes; i++)
        lines += text[i] == '\n';
    cr_assert_leq(lines, 25);
    free(text);
    json_decref(run);
}

Test(format, figures_for_people)
{
    cr_assert_str_eq(ats_format_ns(812).text, "812 ns");
    cr_assert_str_eq(ats_format_ns(999.6).text, "1.00 \xc2\xb5s");
    cr_assert_str_eq(ats_format_ns(12345).text, "12.3 \xc2\xb5s");
    cr_assert_str_eq(ats_format_ns(999600).text, "1.00 ms");
    cr_assert_str_eq(ats_format_ns(3.2e9).text, "3.20 s");
    cr_assert_str_eq(ats_format_ns(3725e9).text, "1 h 2 min");
    cr_assert_str_eq(ats_format_ns(NAN).text, "\xe2\x80\x93");
    cr_assert_str_eq(ats_format_count(1234567).text, "1,234,567");
    cr_assert_str_eq(ats_format_count(999).text, "999");
    cr_assert_str_eq(ats_format_money(-1234.567, 0).text, "\xe2\x88\x92"
                                                          "1,234.57");
    cr_assert_str_eq(ats_format_money(-0.004, 1).text, "0.00", "zero has no sign");
    cr_assert_str_eq(ats_format_money(0.5, 1).text, "+0.50");
    cr_assert_str_eq(ats_format_money(1e300, 0).text, "\xe2\x80\x93");
    cr_assert_str_eq(ats_format_decimal(353.895, 2).text, "353.895");
    cr_assert_str_eq(ats_format_decimal(100, 2).text, "100.00");
    cr_assert_str_eq(ats_format_decimal(5, 0).text, "5");
    cr_assert_str_eq(ats_format_percent(0.1234, 1).text, "+12.34 %");
    cr_assert_str_eq(ats_format_rate(887654).text, "888 k");
}
