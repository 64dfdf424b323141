/* The report's head, latencies and topology: how the machine did. */
#include "stages/keeper/report_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- head ---------------------------------------------------------------------------------- */

static void tile(FILE *out, const char *class, const char *value, const char *label)
{
    fprintf(out, "<div class=\"tile%s%s\"><b>", *class ? " " : "", class);
    ats_page_text(out, value);
    fputs("</b><span>", out);
    ats_page_text(out, label);
    fputs("</span></div>", out);
}

static void status(FILE *out, const json_t *run)
{
    double exit_code = ats_page_number(run, "exit");
    if (exit_code == 0)
        fputs("<span class=\"pill good\">completed</span>", out);
    else if (exit_code == 130)
        fputs("<span class=\"pill bad\">interrupted, state saved</span>", out);
    else
        fprintf(out, "<span class=\"pill bad\">failed, exit %.0f</span>", exit_code);
    if (json_is_false(ats_page_member(run, "replayable")))
        fputs("<span class=\"pill bad\">not replayable</span>", out);
}

static void notes(FILE *out, const ats_report *r)
{
    const json_t *warnings = ats_page_member(r->run, "warnings"), *w;
    size_t i, n = json_array_size(warnings);
    if (n == 0 && !r->missing[0])
        return;
    fputs("<section class=\"card notes\"><h2>Read this first</h2><ul>", out);
    json_array_foreach((json_t *)warnings, i, w)
    {
        const char *text = json_string_value(w), *colon = text ? strstr(text, ": ") : NULL;
        fputs("<li>", out);
        if (colon && colon - text < 40) {
            fputs("<b>", out);
            ats_page_words(out, text, (size_t)(colon - text));
            fputs("</b>: ", out);
            text = colon + 2;
        }
        ats_page_text(out, text);
        fputs("</li>", out);
    }
    if (r->missing[0]) {
        fputs("<li><b>left out</b>: ", out);
        ats_page_text(out, r->missing);
        fputs("</li>", out);
    }
    fputs("</ul></section>\n", out);
}

static bool is_full_speed(const json_t *run)
{
    return !strcmp(ats_page_string(run, "throughput.pace"), "max");
}

static void tiles(FILE *out, const json_t *run)
{
    char label[192];
    double start = ats_page_number(run, "portfolio.start_equity"),
           end = ats_page_number(run, "portfolio.end_equity"),
           gain = ats_page_number(run, "performance.return");
    fputs("<section class=\"tiles\">", out);
    if (is_full_speed(run)) {
        snprintf(label, sizeof label, "events/s at full speed, %s events in %s",
                 ats_format_count(ats_page_number(run, "input.events")).text,
                 ats_format_ns(ats_page_number(run, "throughput.wall_s") * 1e9).text);
        tile(out, "head", ats_format_rate(ats_page_number(run, "throughput.events_per_s")).text,
             label);
    } else {
        const char *const hop = ats_page_number(run, "latency.event_to_order.count") > 0
                                    ? "event_to_order"
                                    : "event_to_signal";
        const char *const shown =
            hop[9] == 'o' ? "event \xe2\x86\x92 order" : "event \xe2\x86\x92 signal";
        static const char *const KEYS[] = {"p50_ns", "p99_ns", "p999_ns"};
        static const char *const NAMES[] = {"p50", "p99", "p99.9"};
        static const double ENOUGH[] = {20, 1000, 10000}; /* 10 / (1 - q) */
        for (size_t i = 0; i < 3; i++) {
            char path[64];
            snprintf(path, sizeof path, "latency.%s.%s", hop, KEYS[i]);
            double count = ats_page_number(run, "latency.event_to_order.count") > 0
                               ? ats_page_number(run, "latency.event_to_order.count")
                               : ats_page_number(run, "latency.event_to_signal.count");
            snprintf(label, sizeof label, "%s, %s%s", shown, NAMES[i],
                     count < ENOUGH[i] ? " (few values)" : "");
            tile(out, "head", ats_format_ns(count > 0 ? ats_page_number(run, path) : NAN).text,
                 label);
        }
    }
    snprintf(label, sizeof label, "profit, %s of equity", ats_format_percent(gain, 1).text);
    tile(out, end - start < 0 ? "down" : "", ats_format_money(end - start, 1).text, label);
    tile(out, "", ats_format_percent(ats_page_number(run, "performance.max_drawdown"), 0).text,
         "largest drawdown");
    snprintf(label, sizeof label, "fills of %s orders",
             ats_format_count(ats_page_number(run, "decisions.orders")).text);
    tile(out, "", ats_format_count(ats_page_number(run, "decisions.fills")).text, label);
    fputs("</section>\n", out);
}

void ats_report_headline(FILE *out, const ats_report *r)
{
    const char *command = ats_page_string(r->run, "command");
    fputs("<header><h1>ATS ", out);
    ats_page_text(out, *command ? command : "run");
    fputs("</h1>", out);
    status(out, r->run);
    fputs("</header><p class=\"sub\">", out);
    ats_page_text(out, ats_page_string(r->run, "started_at"));
    fputs(" \xc2\xb7 ", out);
    ats_page_text(out, ats_format_ns(ats_page_number(r->run, "throughput.wall_s") * 1e9).text);
    fputs(" \xc2\xb7 version ", out);
    ats_page_text(out, ats_page_string(r->run, "version"));
    fputs(" (", out);
    ats_page_text(out, ats_page_string(r->run, "commit"));
    fputs(") \xc2\xb7 decision digest <code>", out);
    ats_page_text(out, ats_page_string(r->run, "digest"));
    fputs("</code></p>\n", out);
    notes(out, r);
    tiles(out, r->run);
}

/* ---- latency ------------------------------------------------------------------------------- */

static const struct {
    ats_hop hop;
    const char *name, *what;
} HOPS[] = {
    {ATS_HOP_FEED, "feed", "taken up \xe2\x86\x92 handed on"},
    {ATS_HOP_FEATURE, "feature", "state and vector updated"},
    {ATS_HOP_INFER_WAIT, "infer: wait", "until scoring takes it"},
    {ATS_HOP_INFER, "infer", "scored, batch included"},
    {ATS_HOP_STRATEGY, "strategy", "decided"},
    {ATS_HOP_RISK, "risk", "checked"},
    {ATS_HOP_ROUTE, "route", "journaled and sent"},
    {ATS_HOP_EVENT_TO_SIGNAL, "event \xe2\x86\x92 signal", "from the market event's origin"},
    {ATS_HOP_EVENT_TO_ORDER, "event \xe2\x86\x92 order", "from the market event's origin"},
};
#define HOP_ROWS (sizeof HOPS / sizeof HOPS[0])

static void latency_row(FILE *out, const json_t *run, size_t i)
{
    /* A quantile q says something from 10 / (1 - q) values on; of fewer it is pale. */
    static const struct {
        const char *key;
        double enough;
    } COLUMNS[] = {{"p50_ns", 20},     {"p90_ns", 100},      {"p99_ns", 1000},
                   {"p999_ns", 10000}, {"p9999_ns", 100000}, {"max_ns", 1}};
    char path[64];
    snprintf(path, sizeof path, "latency.%s", ats_hop_label(HOPS[i].hop));
    const json_t *row = ats_page_member(run, path);
    double count = ats_page_number(row, "count");
    fprintf(out, "<tr%s><td>%s</td><td>%s</td>",
            HOPS[i].hop >= ATS_HOP_EVENT_TO_SIGNAL ? " class=\"head\"" : "", HOPS[i].name,
            ats_format_count(count).text);
    for (size_t c = 0; c < sizeof COLUMNS / sizeof COLUMNS[0]; c++)
        fprintf(out, "<td%s>%s</td>",
                count < COLUMNS[c].enough ? " class=\"few\" title=\"few values\"" : "",
                ats_format_ns(count > 0 ? ats_page_number(row, COLUMNS[c].key) : NAN).text);
    fprintf(out, "<td class=\"l few\">%s</td></tr>", HOPS[i].what);
}

#define CURVE_POINTS 160

/* The percentile curve of a histogram, up to the quantile at which one value is left. */
static size_t percentile_curve(const ats_histogram *h, double *x, double *y)
{
    double total = (double)ats_histogram_total(h), last = fmin(log10(total), 7);
    size_t n = 0;
    for (; n < CURVE_POINTS; n++) {
        x[n] = last * (double)n / (CURVE_POINTS - 1);
        y[n] = (double)ats_histogram_value_at(h, 100.0 * (1.0 - pow(10, -x[n])));
    }
    return n;
}

static void percentile_plot(FILE *out, const ats_report *r, size_t first, size_t last,
                            const char *title)
{
    static const uint32_t COLORS[HOP_ROWS] = {0, 1, 2, 3, 4, 5, 6, 1, 0};
    ats_plot_series series[HOP_ROWS];
    double *points = malloc(HOP_ROWS * 2 * CURVE_POINTS * sizeof *points);
    size_t n = 0;
    for (size_t i = first; points && i <= last; i++) {
        const ats_histogram *h = r->hops[HOPS[i].hop];
        if (!h)
            continue;
        double *x = points + n * 2 * CURVE_POINTS, *y = x + CURVE_POINTS;
        size_t count = percentile_curve(h, x, y);
        series[n++] = (ats_plot_series){
            .name = HOPS[i].name, .x = x, .y = y, .count = count, .color = COLORS[i]};
    }
    ats_plot_write(out, &(ats_plot){.title = title,
                                    .note = "percentile, logarithmic on both axes",
                                    .x = ATS_PLOT_PERCENTILE,
                                    .y = ATS_PLOT_LOG_NS,
                                    .series = series,
                                    .count = n});
    free(points);
}

static void latency_over_time(FILE *out, const ats_report *r)
{
    size_t n = r->course ? r->course->count : 0;
    if (n < 2) /* a run shorter than two intervals has no course */
        return;
    double *points = malloc(4 * n * sizeof *points);
    if (!points)
        return;
    double *x = points, *p50 = x + n, *p99 = p50 + n, *most = p99 + n;
    for (size_t i = 0; i < n; i++) {
        const ats_report_interval *in = &r->course->intervals[i];
        x[i] = in->at_ns + in->length_ns / 2;
        p50[i] = in->p50_ns;
        p99[i] = in->p99_ns;
        most[i] = in->max_ns;
    }
    const ats_plot_series series[] = {{.name = "p50", .x = x, .y = p50, .count = n, .color = 0},
                                      {.name = "p99", .x = x, .y = p99, .count = n, .color = 1},
                                      {.name = "max", .x = x, .y = most, .count = n, .color = 4}};
    char title[96];
    size_t row = 0;
    while (HOPS[row].hop != r->course->hop)
        row++;
    snprintf(title, sizeof title, "%s over the run", HOPS[row].name);
    ats_plot_write(out, &(ats_plot){.title = title,
                                    .note = "by interval, UTC",
                                    .x = ATS_PLOT_TIME_NS,
                                    .y = ATS_PLOT_LOG_NS,
                                    .series = series,
                                    .count = 3});
    free(points);
}

/* The median of each hop on one scale: where an undisturbed event's time goes. */
static void hop_bars(FILE *out, const json_t *run)
{
    double most = 0;
    char path[64];
    for (size_t i = 0; i < ATS_HOP_EVENT_TO_SIGNAL; i++) {
        snprintf(path, sizeof path, "latency.%s.p50_ns", ats_hop_label(HOPS[i].hop));
        most = fmax(most, ats_page_number(run, path));
    }
    fputs("<figure><figcaption><b>Where the time goes</b><small>median of each hop</small>"
          "</figcaption><div class=\"scroll\"><table>",
          out);
    for (size_t i = 0; i < ATS_HOP_EVENT_TO_SIGNAL; i++) {
        snprintf(path, sizeof path, "latency.%s", ats_hop_label(HOPS[i].hop));
        const json_t *row = ats_page_member(run, path);
        double p50 = ats_page_number(row, "count") > 0 ? ats_page_number(row, "p50_ns") : NAN;
        fprintf(out, "<tr><td>%s</td><td class=\"l\" style=\"width:60%%\">", HOPS[i].name);
        ats_page_bar(out, p50 / most);
        fprintf(out, "</td><td>%s</td></tr>", ats_format_ns(p50).text);
    }
    fputs("</table></div></figure>\n", out);
}

void ats_report_latency(FILE *out, const ats_report *r)
{
    fputs("<section class=\"card\"><h2>Latency</h2><div class=\"scroll\"><table><thead><tr>"
          "<th>hop</th><th>count</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th>"
          "<th>p99.99</th><th>max</th><th class=\"l\"></th></tr></thead><tbody>",
          out);
    for (size_t i = 0; i < HOP_ROWS; i++)
        latency_row(out, r->run, i);
    fputs("</tbody></table></div>", out);
    if (is_full_speed(r->run))
        fputs("<p class=\"none\">The input came as fast as the chain took it: these are times in "
              "queues. For the time an event needs, replay at recorded speed.</p>",
              out);
    fputs("<div class=\"grid2\" style=\"margin-top:18px\">", out);
    percentile_plot(out, r, ATS_HOP_EVENT_TO_SIGNAL, ATS_HOP_EVENT_TO_ORDER,
                    "End to end, by percentile");
    percentile_plot(out, r, ATS_HOP_FEED, ATS_HOP_ROUTE, "Each hop, by percentile");
    latency_over_time(out, r);
    hop_bars(out, r->run);
    fputs("</div></section>\n", out);
}

/* ---- topology ------------------------------------------------------------------------------ */

static void lanes(FILE *out, const json_t *threads)
{
    const json_t *thread, *stage;
    size_t i, j;
    fputs("<div class=\"lanes\">", out);
    json_array_foreach((json_t *)threads, i, thread)
    {
        double cpu = ats_page_number(thread, "cpu");
        fputs("<div class=\"lane\"><b>", out);
        ats_page_text(out, ats_page_string(thread, "name"));
        fputs("</b><small>", out);
        if (isfinite(cpu))
            fprintf(out, "CPU %.0f", cpu);
        else
            fputs("any CPU", out);
        fputs(", ", out);
        ats_page_text(out, ats_page_string(thread, "wait"));
        fprintf(out, ", %s page faults</small><div class=\"chips\">",
                ats_format_count(ats_page_number(thread, "page_faults")).text);
        json_array_foreach((json_t *)ats_page_member(thread, "stages"), j, stage)
        {
            fputs("<span>", out);
            ats_page_text(out, json_string_value(stage));
            fputs("</span>", out);
        }
        fputs("</div></div>", out);
    }
    fputs("</div>", out);
}

static void link_row(FILE *out, const json_t *link)
{
    double depth = ats_page_number(link, "depth"), high = ats_page_number(link, "high_water");
    fputs("<tr><td>", out);
    ats_page_text(out, ats_page_string(link, "name"));
    fprintf(out, "</td><td>%s</td><td>%s</td><td>%s <span class=\"track\">",
            ats_format_count(ats_page_number(link, "published")).text, ats_format_count(depth).text,
            ats_format_count(high).text);
    ats_page_bar(out, high / depth);
    fputs("</span></td>", out);
    fprintf(out, "<td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>",
            ats_format_count(ats_page_number(link, "stalls")).text,
            ats_format_ns(ats_page_number(link, "stall_ns")).text,
            ats_format_count(ats_page_number(link, "dropped")).text,
            ats_format_count(ats_page_number(link, "conflated")).text);
}

void ats_report_topology(FILE *out, const ats_report *r)
{
    const json_t *links = ats_page_member(r->run, "topology.links"), *link;
    size_t i;
    fputs("<section class=\"card\"><h2>Threads and links</h2>", out);
    lanes(out, ats_page_member(r->run, "topology.threads"));
    fputs("<div class=\"scroll\"><table><thead><tr><th>link</th><th>records</th><th>depth</th>"
          "<th>high water "
          "(sampled)</th><th>stalls</th><th>stalled</th><th>dropped</th><th>conflated</th>"
          "</tr></thead><tbody>",
          out);
    json_array_foreach((json_t *)links, i, link) link_row(out, link);
    fputs("</tbody></table></div></section>\n", out);
}
