/* The report's round trips and execution quality: where the profit came from, and what trading
 * cost.
 */
#include "stages/keeper/report_page.h"

#include <math.h>
#include <string.h>

#define ROWS_MAX 40 /* of a table by symbol or day; run.json and the store have all */

static void signed_cell(FILE *out, double value)
{
    fprintf(out, "<td class=\"%s\">%s</td>", value < 0 ? "down" : "up",
            ats_format_money(value, 1).text);
}

/* Basis points to a hundredth, larger ones to a tenth. */
static void bps_cell(FILE *out, double value)
{
    int decimals = fabs(value) < 10 ? 2 : 1;
    bool negative = value < (decimals == 2 ? -0.005 : -0.05);
    if (!isfinite(value) || fabs(value) >= 1e9)
        fputs("<td>\xe2\x80\x93</td>", out);
    else
        fprintf(out, "<td>%s%.*f</td>", negative ? "\xe2\x88\x92" : "", decimals, fabs(value));
}

static void more_row(FILE *out, size_t left, int columns, const char *where)
{
    fprintf(out, "<tr><td class=\"few l\" colspan=\"%d\">%s more, in %s</td></tr>", columns,
            ats_format_count((double)left).text, where);
}

/* A row's name: text of the run, the beginning of a model's hash, or an hour. */
static void name_cell(FILE *out, const json_t *row, const char *key)
{
    const char *text = ats_page_string(row, key);
    double number = ats_page_number(row, key);
    fputs("<td>", out);
    if (isfinite(number))
        fprintf(out, "%02d:00", (int)fmax(0, fmin(number, 23)));
    else
        ats_page_words(out, text, strcmp(key, "model") != 0 ? strlen(text) : strnlen(text, 12));
    fputs("</td>", out);
}

/* ---- attribution ---------------------------------------------------------------------------- */

static void trip_row(FILE *out, const json_t *row, const char *key)
{
    fputs("<tr>", out);
    name_cell(out, row, key);
    fprintf(out, "<td>%s</td>", ats_format_count(ats_page_number(row, "trades")).text);
    fprintf(out, "<td>%s</td>", ats_format_percent(ats_page_number(row, "win_rate"), 0).text);
    signed_cell(out, ats_page_number(row, "profit"));
    fprintf(out, "<td>%s</td>", ats_format_ratio(ats_page_number(row, "profit_factor")).text);
    bps_cell(out, ats_page_number(row, "profit_bps"));
    fputs("</tr>", out);
}

static void trip_table(FILE *out, const json_t *run, const char *title, const char *path,
                       const char *key)
{
    const json_t *list = ats_page_member(run, path), *row;
    size_t i, n = json_array_size(list);
    if (n == 0)
        return;
    fprintf(out,
            "<div><h3>%s</h3><div class=\"scroll\"><table><thead><tr><th></th><th>trades</th>"
            "<th>won</th><th>profit</th><th title=\"gains / losses\">factor</th><th title=\"profit "
            "of the value "
            "entered\">bps</th></tr></thead>"
            "<tbody>",
            title);
    json_array_foreach((json_t *)list, i, row)
    {
        if (i == ROWS_MAX) {
            more_row(out, n - i, 6, "run.json");
            break;
        }
        trip_row(out, row, key);
    }
    fputs("</tbody></table></div></div>", out);
}

static void pair_row(FILE *out, const char *name, const char *value)
{
    fprintf(out, "<tr><td>%s</td><td>%s</td></tr>", name, value);
}

static void trips_in_short(FILE *out, const ats_report *r)
{
    const json_t *t = ats_page_member(r->run, "attribution.trades");
    char count[ATS_FORMAT_BYTES * 2 + 16];
    fputs("<h3>All round trips</h3><table>", out);
    snprintf(count, sizeof count, "%s, %s open",
             ats_format_count(ats_page_number(t, "trades")).text,
             ats_format_count(ats_page_number(t, "open")).text);
    pair_row(out, "trades", count);
    pair_row(out, "won", ats_format_percent(ats_page_number(t, "win_rate"), 0).text);
    pair_row(out, "average gain", ats_format_money(ats_page_number(t, "average_gain"), 1).text);
    pair_row(out, "average loss", ats_format_money(ats_page_number(t, "average_loss"), 1).text);
    pair_row(out, "largest gain", ats_format_money(ats_page_number(t, "largest_gain"), 1).text);
    pair_row(out, "largest loss", ats_format_money(ats_page_number(t, "largest_loss"), 1).text);
    pair_row(out, "mean time held", ats_format_ns(ats_page_number(t, "mean_held_s") * 1e9).text);
    pair_row(out, "mean gross exposure, of equity", ats_format_percent(r->exposure, 0).text);
    fputs("</table>", out);
}

static void costs(FILE *out, const json_t *run)
{
    fputs("<h3>From trades to the account</h3><table>", out);
    pair_row(out, "before costs, against the mids decided on",
             ats_format_money(ats_page_number(run, "attribution.trades.profit") +
                                  ats_page_number(run, "attribution.trades.fees") +
                                  ats_page_number(run, "execution.total.decision_cost"),
                              1)
                 .text);
    pair_row(out, "slippage",
             ats_format_money(-ats_page_number(run, "execution.total.decision_cost"), 1).text);
    pair_row(out, "fees",
             ats_format_money(-ats_page_number(run, "attribution.trades.fees"), 1).text);
    pair_row(out, "profit of all trades, dividends included",
             ats_format_money(ats_page_number(run, "attribution.trades.profit"), 1).text);
    pair_row(out, "borrowing",
             ats_format_money(-ats_page_number(run, "attribution.borrow"), 1).text);
    pair_row(out, "not explained by a trade",
             ats_format_money(ats_page_number(run, "attribution.unattributed"), 1).text);
    pair_row(out, "profit of the account",
             ats_format_money(ats_page_number(run, "attribution.profit"), 1).text);
    fputs("</table>", out);
}

/* ---- results -------------------------------------------------------------------------------- */

static void results_plot(FILE *out, const ats_report *r)
{
    const ats_report_results *d = &r->results;
    double x[ATS_REPORT_BINS + 1], lost[ATS_REPORT_BINS + 1], won[ATS_REPORT_BINS + 1];
    double width = (d->to_bps - d->from_bps) / ATS_REPORT_BINS;
    if (d->trades == 0)
        return;
    /* The edge at zero is drawn in both colours. */
    for (size_t i = 0; i <= ATS_REPORT_BINS; i++) {
        double count = i < ATS_REPORT_BINS ? d->count[i] : 0;
        bool gain = d->from_bps + ((double)i + 0.5) * width > 0;
        x[i] = d->from_bps + (double)i * width;
        lost[i] =
            gain ? (i > 0 && isfinite(lost[i - 1]) && lost[i - 1] > 0 ? 0 : (double)NAN) : count;
        won[i] = gain ? count : (double)NAN;
    }
    const ats_plot_series series[] = {{.name = "lost",
                                       .x = x,
                                       .y = lost,
                                       .count = ATS_REPORT_BINS + 1,
                                       .color = 4,
                                       .steps = true,
                                       .area = true},
                                      {.name = "won",
                                       .x = x,
                                       .y = won,
                                       .count = ATS_REPORT_BINS + 1,
                                       .color = 2,
                                       .steps = true,
                                       .area = true}};
    ats_plot_write(out, &(ats_plot){.title = "Results of round trips",
                                    .note = "trades by profit, basis points of the entry; the "
                                            "outer ones with all beyond",
                                    .x = ATS_PLOT_LINEAR_BPS,
                                    .y = ATS_PLOT_LINEAR_COUNT,
                                    .series = series,
                                    .count = 2});
}

static void trade_rows(FILE *out, const ats_report_trade *trades, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const ats_report_trade *t = &trades[i];
        fputs("<tr><td>", out);
        ats_page_text(out, t->entry_at);
        fputs("</td><td class=\"l\">", out);
        ats_page_text(out, t->symbol);
        fputs("</td><td class=\"l\">", out);
        ats_page_text(out, t->strategy);
        fputs("</td><td class=\"l\">", out);
        ats_page_text(out, t->side);
        fprintf(out, "</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td>",
                ats_format_decimal(t->qty, 0).text, ats_format_decimal(t->entry_price, 2).text,
                ats_format_decimal(t->exit_price, 2).text, ats_format_ns(t->held_s * 1e9).text);
        signed_cell(out, t->profit);
        bps_cell(out, t->adverse_bps);
        bps_cell(out, t->favourable_bps);
        fputs("<td class=\"l\">", out);
        ats_page_words(out, t->exit_reason, strlen(t->exit_reason));
        fputs("</td></tr>", out);
    }
}

static void trade_list(FILE *out, const ats_report *r)
{
    if (r->trades == 0)
        return;
    uint64_t between = r->trades - r->first_trade_count - r->last_trade_count;
    fprintf(out, "<details><summary>Round trips: %s</summary>",
            ats_format_count((double)r->trades).text);
    fputs(
        "<div class=\"scroll\"><table><thead><tr><th>entered (UTC)</th><th class=\"l\">symbol</th>"
        "<th class=\"l\">strategy</th><th class=\"l\">side</th><th>quantity</th><th>in</th>"
        "<th>out</th><th>held</th><th>profit</th><th>worst, bps</th><th>best, bps</th>"
        "<th class=\"l\">left by</th></tr></thead><tbody>",
        out);
    trade_rows(out, r->first_trades, r->first_trade_count);
    if (between > 0)
        more_row(out, (size_t)between, 12, "store.db: SELECT * FROM v_trades");
    trade_rows(out, r->last_trades, r->last_trade_count);
    fputs("</tbody></table></div></details>", out);
}

void ats_report_trades(FILE *out, const ats_report *r)
{
    if (!json_is_object(ats_page_member(r->run, "attribution")))
        return;
    fputs("<section class=\"card\"><h2>Where the profit came from</h2><div class=\"grid2\">", out);
    trip_table(out, r->run, "By strategy", "attribution.strategies", "strategy");
    if (json_array_size(ats_page_member(r->run, "attribution.models")) > 1)
        trip_table(out, r->run, "By model", "attribution.models", "model");
    trip_table(out, r->run, "By what ended the trade", "attribution.reasons", "reason");
    trip_table(out, r->run, "By symbol", "attribution.symbols", "symbol");
    trip_table(out, r->run, "By hour of the entry, UTC", "attribution.hours", "hour");
    results_plot(out, r);
    fputs("<div>", out);
    trips_in_short(out, r);
    costs(out, r->run);
    fputs("</div></div>", out);
    trade_list(out, r);
    fputs("</section>\n", out);
}

/* ---- execution quality ---------------------------------------------------------------------- */

static void order_row(FILE *out, const json_t *row, const char *key, const char *name)
{
    static const char *const BPS[] = {
        "decision_bps",       "arrival_bps",         "mid_bps",            "before.before_5m_bps",
        "after.after_1s_bps", "after.after_30s_bps", "after.after_5m_bps", "shortfall_bps"};
    fputs(name ? "<tr class=\"head\">" : "<tr>", out);
    if (name)
        fprintf(out, "<td>%s</td>", name);
    else
        name_cell(out, row, key);
    fprintf(out, "<td>%s</td><td>%s</td><td>%s</td>",
            ats_format_count(ats_page_number(row, "decisions")).text,
            ats_format_count(ats_page_number(row, "fills")).text,
            ats_format_percent(ats_page_number(row, "fill_rate"), 0).text);
    for (size_t i = 0; i < sizeof BPS / sizeof BPS[0]; i++)
        bps_cell(out, ats_page_number(row, BPS[i]));
    fprintf(out, "<td>%s</td></tr>", ats_format_money(ats_page_number(row, "shortfall"), 0).text);
}

/* Of more rows than there is room for the last: of days these are the latest. */
static void order_rows(FILE *out, const json_t *run, const char *title, const char *path,
                       const char *key)
{
    const json_t *list = ats_page_member(run, path);
    size_t n = json_array_size(list), first = n > ROWS_MAX ? n - ROWS_MAX : 0;
    if (n == 0)
        return;
    fprintf(out, "<tr><td class=\"l few\" colspan=\"13\">%s</td></tr>", title);
    if (first)
        more_row(out, first, 13, "run.json");
    for (size_t i = first; i < n; i++)
        order_row(out, json_array_get(list, i), key, NULL);
}

static void liquidity_row(FILE *out, const json_t *total, const char *name, const char *const *keys)
{
    fprintf(out, "<tr><td>%s</td>", name);
    for (size_t i = 0; i < 4; i++)
        bps_cell(out, ats_page_number(total, keys[i]));
    fputs("</tr>", out);
}

void ats_report_execution(FILE *out, const ats_report *r)
{
    static const char *const TOOK[] = {"before.took_5m_bps", "after.took_1s_bps",
                                       "after.took_30s_bps", "after.took_5m_bps"};
    static const char *const MADE[] = {"before.made_5m_bps", "after.made_1s_bps",
                                       "after.made_30s_bps", "after.made_5m_bps"};
    const json_t *total = ats_page_member(r->run, "execution.total");
    if (!(ats_page_number(total, "decisions") > 0))
        return;
    fputs(
        "<section class=\"card\"><h2>Execution quality</h2><p class=\"none\">Basis points, a cost "
        "above zero: of the fills against the mid decided on, the mid when the order was sent, "
        "and the mid at the fill; then where the mid went in the 5 minutes before the fill, and "
        "after it, on the side of the trade; and the shortfall of all that was wanted, unfilled "
        "parts and fees included.</p>"
        "<div class=\"scroll\"><table><thead><tr><th></th><th>decisions</th><th>fills</th>"
        "<th>filled</th><th>decision</th><th>arrival</th><th>mid</th><th>5 min before</th>"
        "<th>after 1 s</th><th>30 s</th><th>5 min</th><th>shortfall</th><th>in money</th></tr>"
        "</thead><tbody>",
        out);
    order_row(out, total, NULL, "all");
    order_rows(out, r->run, "by algorithm", "execution.algorithms", "algorithm");
    order_rows(out, r->run, "by strategy", "execution.strategies", "strategy");
    order_rows(out, r->run, "by day of the decision", "execution.days", "day");
    fputs("</tbody></table></div><div class=\"grid2\"><div><h3>Where the mid went about a fill"
          "</h3><table><thead><tr><th></th><th>5 min before</th><th>after 1 s</th><th>30 s</th>"
          "<th>5 min</th></tr></thead>",
          out);
    liquidity_row(out, total, "that took: impact, or foresight", TOOK);
    liquidity_row(out, total, "that made: below zero, adverse selection", MADE);
    fputs("</table></div></div></section>\n", out);
}
