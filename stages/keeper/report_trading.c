/* The report's money, decisions and origins: what was traded, on what, by what. */
#include "stages/keeper/report_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A row of two cells: a name of ours, and a value. */
static void pair(FILE *out, const char *name, const char *value)
{
    fprintf(out, "<tr><td>%s</td><td class=\"wrap\">", name);
    ats_page_text(out, value);
    fputs("</td></tr>", out);
}

static void pair_count(FILE *out, const json_t *run, const char *name, const char *path)
{
    pair(out, name, ats_format_count(ats_page_number(run, path)).text);
}

static void pair_money(FILE *out, const json_t *run, const char *name, const char *path)
{
    pair(out, name, ats_format_money(ats_page_number(run, path), 0).text);
}

static void pair_real(FILE *out, const json_t *run, const char *name, const char *path)
{
    char value[32];
    double x = ats_page_number(run, path);
    snprintf(value, sizeof value, isfinite(x) ? "%.4g" : "-", x);
    pair(out, name, value);
}

static void pair_text(FILE *out, const json_t *run, const char *name, const char *path)
{
    const char *value = ats_page_string(run, path);
    pair(out, name, *value ? value : "\xe2\x80\x93");
}

static void open_pairs(FILE *out, const char *title)
{
    fprintf(out, "<div><h3>%s</h3><table>", title);
}

static void close_pairs(FILE *out)
{
    fputs("</table></div>", out);
}

/* ---- money --------------------------------------------------------------------------------- */

static void exposure_plot(FILE *out, const double *x, const double *gross, const double *net,
                          size_t n)
{
    const ats_plot_series series[] = {
        {.name = "gross", .x = x, .y = gross, .count = n, .color = 0, .steps = true, .area = true},
        {.name = "net", .x = x, .y = net, .count = n, .color = 1, .steps = true}};
    ats_plot_write(out, &(ats_plot){.title = "Exposure",
                                    .note = "of equity, at each fill",
                                    .x = ATS_PLOT_TIME_NS,
                                    .y = ATS_PLOT_LINEAR_SHARE,
                                    .series = series,
                                    .count = 2});
}

static void equity_plots(FILE *out, const ats_report *r)
{
    size_t n = r->equity_count;
    double *points = malloc((5 * n + 1) * sizeof *points);
    char note[96];
    if (!points)
        return;
    double *x = points, *equity = x + n, *drawdown = equity + n, *gross = drawdown + n,
           *net = gross + n;
    for (size_t i = 0; i < n; i++) {
        x[i] = r->equity[i].at_ns;
        equity[i] = r->equity[i].equity;
        drawdown[i] = r->equity[i].drawdown;
        gross[i] = r->equity[i].gross;
        net[i] = r->equity[i].net;
    }
    snprintf(note, sizeof note, "at each fill, recorded time, UTC; %s points",
             ats_format_count((double)r->equity_seen).text);
    const ats_plot_series up = {.x = x, .y = equity, .count = n, .color = 0, .steps = true};
    const ats_plot_series down = {
        .x = x, .y = drawdown, .count = n, .color = 4, .steps = true, .area = true};
    fputs("<div class=\"grid2\">", out);
    ats_plot_write(out, &(ats_plot){.title = "Equity",
                                    .note = note,
                                    .x = ATS_PLOT_TIME_NS,
                                    .y = ATS_PLOT_LINEAR_MONEY,
                                    .series = &up,
                                    .count = 1});
    ats_plot_write(out, &(ats_plot){.title = "Drawdown",
                                    .note = "below the highest equity so far",
                                    .x = ATS_PLOT_TIME_NS,
                                    .y = ATS_PLOT_LINEAR_PERCENT,
                                    .series = &down,
                                    .count = 1});
    exposure_plot(out, x, gross, net, n);
    ats_page_rolling_sharpe(out, r);
    fputs("</div>", out);
    free(points);
}

static void performance_tables(FILE *out, const json_t *run)
{
    const json_t *p = ats_page_member(run, "performance");
    double days = ats_page_number(p, "days"), least = ats_page_number(p, "days_to_annualise");
    fputs("<div class=\"grid2\">", out);
    open_pairs(out, "Account");
    pair_money(out, run, "equity at the start", "portfolio.start_equity");
    pair_money(out, run, "equity at the end", "portfolio.end_equity");
    pair_money(out, run, "realised profit", "portfolio.realized_pnl");
    pair_money(out, run, "unrealised profit", "portfolio.unrealized_pnl");
    pair_money(out, run, "fees", "portfolio.fees");
    pair_money(out, run, "gross exposure at the end", "portfolio.gross_exposure");
    pair_money(out, run, "net exposure at the end", "portfolio.net_exposure");
    pair(out, "turnover, of mean equity", ats_format_ratio(ats_page_number(p, "turnover")).text);
    close_pairs(out);
    open_pairs(out, "Performance");
    pair(out, "return", ats_format_percent(ats_page_number(p, "return"), 1).text);
    pair(out, "return a year", ats_format_percent(ats_page_number(p, "annual_return"), 1).text);
    pair(out, "volatility a year", ats_format_percent(ats_page_number(p, "volatility"), 0).text);
    pair(out, "Sharpe", ats_format_ratio(ats_page_number(p, "sharpe")).text);
    pair(out, "Sortino", ats_format_ratio(ats_page_number(p, "sortino")).text);
    pair(out, "Calmar", ats_format_ratio(ats_page_number(p, "calmar")).text);
    pair(out, "profit factor", ats_format_ratio(ats_page_number(p, "profit_factor")).text);
    char trips[128];
    snprintf(trips, sizeof trips, "%s of %s round trips",
             ats_format_percent(ats_page_number(p, "win_rate"), 0).text,
             ats_format_count(ats_page_number(p, "trades")).text);
    pair(out, "won", trips);
    close_pairs(out);
    fputs("</div>", out);
    if (days < least)
        fprintf(out,
                "<p class=\"none\">Figures a year need %.0f daily returns; this run has %.0f.</p>",
                least, days);
}

static void positions(FILE *out, const json_t *run)
{
    const json_t *list = ats_page_member(run, "portfolio.positions"), *p;
    size_t i;
    if (json_array_size(list) == 0)
        return;
    fputs("<h3>Symbols traded</h3><div class=\"scroll\"><table><thead><tr><th>symbol</th>"
          "<th>held</th><th>average</th><th>mark</th><th>realised</th><th>unrealised</th>"
          "<th>fees</th><th>fills</th></tr></thead><tbody>",
          out);
    json_array_foreach((json_t *)list, i, p)
    {
        double realized = ats_page_number(p, "realized_pnl");
        bool held = ats_page_number(p, "qty") != 0;
        fputs("<tr><td>", out);
        ats_page_text(out, ats_page_string(p, "symbol"));
        fprintf(out, "</td><td>%s</td><td>%s</td><td>%s</td><td class=\"%s\">%s</td>",
                ats_format_decimal(ats_page_number(p, "qty"), 0).text,
                ats_format_decimal(held ? ats_page_number(p, "average") : NAN, 2).text,
                ats_format_decimal(ats_page_number(p, "mark"), 2).text,
                realized < 0 ? "down" : "up", ats_format_money(realized, 1).text);
        fprintf(out, "<td>%s</td><td>%s</td><td>%s</td></tr>",
                ats_format_money(ats_page_number(p, "unrealized_pnl"), 1).text,
                ats_format_money(ats_page_number(p, "fees"), 0).text,
                ats_format_count(ats_page_number(p, "fills")).text);
    }
    fputs("</tbody></table></div>", out);
}

static void fill_rows(FILE *out, const ats_report_fill *fills, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const ats_report_fill *f = &fills[i];
        fputs("<tr><td>", out);
        ats_page_text(out, f->at);
        fputs("</td><td class=\"l\">", out);
        ats_page_text(out, f->symbol);
        fputs("</td><td class=\"l\">", out);
        ats_page_text(out, f->side);
        fprintf(out, "</td><td>%s</td><td>%s</td><td>%s</td><td class=\"l\">",
                ats_format_decimal(f->qty, 0).text, ats_format_decimal(f->price, 2).text,
                ats_format_decimal(f->fee, 2).text);
        ats_page_text(out, f->reason);
        fputs("</td><td class=\"l\">", out);
        ats_page_text(out, f->liquidity);
        fputs("</td></tr>", out);
    }
}

static void fills(FILE *out, const ats_report *r)
{
    if (r->fills == 0)
        return;
    uint64_t between = r->fills - r->first_count - r->last_count;
    fprintf(out, "<details><summary>Fills: %s</summary>", ats_format_count((double)r->fills).text);
    fputs("<div class=\"scroll\"><table><thead><tr><th>at (UTC)</th><th class=\"l\">symbol</th>"
          "<th class=\"l\">side</th><th>quantity</th><th>price</th><th>fee</th>"
          "<th class=\"l\">reason</th><th class=\"l\">liquidity</th></tr></thead><tbody>",
          out);
    fill_rows(out, r->first, r->first_count);
    if (between > 0)
        fprintf(out,
                "<tr><td class=\"few\" colspan=\"8\">%s more, in store.db: SELECT * FROM "
                "v_fills</td></tr>",
                ats_format_count((double)between).text);
    fill_rows(out, r->last, r->last_count);
    fputs("</tbody></table></div></details>", out);
}

void ats_report_money(FILE *out, const ats_report *r)
{
    fputs("<section class=\"card\"><h2>Money</h2>", out);
    equity_plots(out, r);
    ats_page_months(out, r);
    performance_tables(out, r->run);
    positions(out, r->run);
    fills(out, r);
    fputs("</section>\n", out);
}

/* ---- decisions ----------------------------------------------------------------------------- */

static void bar_row(FILE *out, const char *name, double value, double most)
{
    fputs("<tr><td>", out);
    ats_page_words(out, name, strlen(name));
    fprintf(out, "</td><td>%s</td><td class=\"l\" style=\"width:45%%\">",
            ats_format_count(value).text);
    ats_page_bar(out, value / most);
    fputs("</td></tr>", out);
}

/* What became of the entries that strategies asked for; what was taken became intents. */
static void wishes(FILE *out, const json_t *decisions)
{
    const json_t *list = ats_page_member(decisions, "wishes"), *value;
    const char *key;
    double all = 0;
    if (json_object_size(list) == 0)
        return;
    json_object_foreach((json_t *)list, key, value) all += json_number_value(value);
    fprintf(out, "<div><h3>Entries that strategies asked for: %s</h3><table>",
            ats_format_count(all).text);
    json_object_foreach((json_t *)list, key, value)
        bar_row(out, key, json_number_value(value), all);
    fputs("</table></div>", out);
}

void ats_report_decisions(FILE *out, const ats_report *r)
{
    static const char *const STEPS[] = {"signals", "intents", "passed", "orders", "fills"};
    const json_t *d = ats_page_member(r->run, "decisions"), *value;
    double intents = ats_page_number(d, "intents"), rejected = ats_page_number(d, "rejected");
    const char *key;
    fputs("<section class=\"card\"><h2>Decisions</h2><div class=\"grid2\"><div>"
          "<h3>From signals to fills</h3><table>",
          out);
    /* Signals outnumber all else a thousandfold: the bars are of the intents. */
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++)
        bar_row(out, STEPS[i], ats_page_number(d, STEPS[i]), i == 0 ? NAN : intents);
    fprintf(out, "</table></div><div><h3>Refused by risk: %s</h3>",
            ats_format_count(rejected).text);
    if (rejected > 0) {
        fputs("<table>", out);
        json_object_foreach((json_t *)ats_page_member(d, "rejected_by_reason"), key, value)
            bar_row(out, key, json_number_value(value), rejected);
        fputs("</table>", out);
    } else {
        fputs("<p class=\"none\">Every intent passed.</p>", out);
    }
    fputs("</div>", out);
    wishes(out, d);
    fputs("</div></section>\n", out);
}

/* ---- origins ------------------------------------------------------------------------------- */

static void input_table(FILE *out, const json_t *run)
{
    const json_t *files = ats_page_member(run, "input.files"), *file;
    size_t i, n = json_array_size(files);
    open_pairs(out, "Input");
    json_array_foreach((json_t *)files, i, file)
    {
        if (i == 8) {
            char more[32];
            snprintf(more, sizeof more, "and %zu more", n - 8);
            pair(out, "", more);
            break;
        }
        pair(out, i ? "" : "files", json_string_value(file));
    }
    pair_text(out, run, "first event", "input.first_event_at");
    pair_text(out, run, "last event", "input.last_event_at");
    pair_count(out, run, "events", "input.events");
    pair_count(out, run, "quotes", "input.quotes");
    pair_count(out, run, "trades", "input.trades");
    pair_count(out, run, "bars", "input.bars");
    pair_count(out, run, "symbols", "input.symbols");
    close_pairs(out);
}

static void quality_table(FILE *out, const json_t *run)
{
    open_pairs(out, "Data quality");
    pair_count(out, run, "gaps", "data_quality.gaps");
    pair_count(out, run, "out of order", "data_quality.out_of_order");
    pair_count(out, run, "crossed", "data_quality.crossed");
    pair_count(out, run, "locked", "data_quality.locked");
    pair_count(out, run, "stale quotes", "data_quality.stale");
    pair_count(out, run, "intents refused as stale", "data_quality.stale_refused");
    pair_count(out, run, "symbols in quarantine", "data_quality.quarantined.symbols");
    pair_count(out, run, "unchanged quotes", "data_quality.unchanged");
    pair_count(out, run, "conflated quotes", "data_quality.conflated");
    pair_count(out, run, "bad price, kept out", "data_quality.quarantined.bad_price");
    pair_count(out, run, "bad size, kept out", "data_quality.quarantined.bad_size");
    close_pairs(out);
}

static void model_table(FILE *out, const json_t *run)
{
    open_pairs(out, "Model");
    if (!json_is_object(ats_page_member(run, "model"))) {
        pair(out, "none", "nothing was scored");
    } else {
        pair_text(out, run, "sha256", "model.sha256");
        pair_count(out, run, "trees", "model.trees");
        pair_count(out, run, "depth", "model.depth");
        pair_count(out, run, "features", "model.features");
        pair_text(out, run, "feature version", "model.feature_version");
        pair_text(out, run, "trained from", "model.train_first_at");
        pair_text(out, run, "trained to", "model.train_last_at");
        pair_text(out, run, "backend", "model.backend");
        pair_text(out, run, "instructions", "model.isa");
        pair_count(out, run, "members", "model.members");
        pair_count(out, run, "model changes", "infer.model_changes");
    }
    close_pairs(out);
}

/* What the model on trial would have said beside the live one. */
static void shadow_table(FILE *out, const json_t *run)
{
    if (!json_is_object(ats_page_member(run, "shadow")))
        return;
    open_pairs(out, "Model on trial (shadow)");
    pair_text(out, run, "sha256", "shadow.sha256");
    pair_count(out, run, "trees", "shadow.trees");
    pair_count(out, run, "rows compared", "shadow.rows");
    pair_count(out, run, "rows dropped", "shadow.dropped");
    pair_real(out, run, "correlation of scores", "shadow.correlation");
    pair_real(out, run, "mean difference", "shadow.mean_difference");
    pair_real(out, run, "entry margin", "shadow.entry_margin");
    pair_count(out, run, "scores beyond it, live", "shadow.live_entries");
    pair_count(out, run, "scores beyond it, shadow", "shadow.shadow_entries");
    pair_count(out, run, "beyond it together", "shadow.both_entries");
    pair_count(out, run, "in opposite directions", "shadow.opposed_entries");
    close_pairs(out);
}

static void host_table(FILE *out, const json_t *run)
{
    double hz = ats_page_number(run, "host.tsc_hz");
    char clock[64];
    snprintf(clock, sizeof clock, "%s", hz > 0 ? "TSC" : "CLOCK_MONOTONIC");
    if (hz > 0)
        snprintf(clock, sizeof clock, "TSC, %.3f GHz", hz / 1e9);
    open_pairs(out, "Machine and build");
    pair_text(out, run, "CPU", "host.cpu");
    pair_count(out, run, "cores", "host.cores");
    pair_text(out, run, "kernel", "host.kernel");
    pair_text(out, run, "governor", "host.governor");
    pair_text(out, run, "isolated CPUs", "host.isolated_cpus");
    pair(out, "virtual machine",
         json_is_true(ats_page_member(run, "host.virtual_machine")) ? "yes" : "no");
    pair(out, "clock of stamps", clock);
    pair_text(out, run, "memory", "topology.memory");
    pair_text(out, run, "compiler", "build.compiler");
    pair_text(out, run, "ISA", "build.isa");
    pair_text(out, run, "flags", "build.flags");
    close_pairs(out);
}

void ats_report_origin(FILE *out, const ats_report *r)
{
    fputs("<section class=\"card\"><h2>Where it comes from</h2><div class=\"grid2\">", out);
    input_table(out, r->run);
    quality_table(out, r->run);
    model_table(out, r->run);
    shadow_table(out, r->run);
    host_table(out, r->run);
    fputs("</div>", out);
    if (r->config) {
        fputs("<details><summary>Configuration</summary><pre>", out);
        ats_page_text(out, r->config);
        fputs("</pre></details>", out);
    }
    fputs("</section>\n", out);
}
