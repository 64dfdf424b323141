/* The report in short, for a terminal. */
#include "core/error.h"
#include "stages/keeper/report_page.h"

#include <math.h>
#include <string.h>

typedef struct terminal {
    FILE *out;
    bool color;
} terminal;

/* Text of the run on a terminal: what would move the cursor is shown as '?'. */
static void put_text(FILE *out, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; c && *c; c++)
        putc(*c < 0x20 || *c == 0x7f ? '?' : *c, out);
}

/* Columns a UTF-8 text takes: our figures have no wide or combining characters. */
static int columns(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void right(FILE *out, const char *text, int width)
{
    fprintf(out, "%*s%s", width > columns(text) ? width - columns(text) : 0, "", text);
}

static void title(const terminal *t, const char *text)
{
    fprintf(t->out, t->color ? "\033[1m%s\033[0m" : "%s", text);
}

static void latency_line(const terminal *t, const json_t *run, uint32_t hop)
{
    static const char *const KEYS[] = {"p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"};
    char path[64];
    snprintf(path, sizeof path, "latency.%s", ats_hop_label(hop));
    const json_t *row = ats_page_member(run, path);
    double count = ats_page_number(row, "count");
    fprintf(t->out, "  %-16s", ats_hop_label(hop));
    right(t->out, ats_format_count(count).text, 12);
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++)
        right(t->out, ats_format_ns(count > 0 ? ats_page_number(row, KEYS[i]) : NAN).text, 11);
    putc('\n', t->out);
}

static void latency(const terminal *t, const json_t *run)
{
    title(t, "latency");
    fprintf(t->out, "%23s%11s%11s%11s%11s%11s\n", "count", "p50", "p90", "p99", "p99.9", "max");
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++)
        latency_line(t, run, hop);
}

static void head(const terminal *t, const json_t *run)
{
    title(t, "run      ");
    put_text(t->out, ats_page_string(run, "command"));
    fprintf(t->out, ", %s, %s events, %s events/s\n",
            ats_format_ns(ats_page_number(run, "throughput.wall_s") * 1e9).text,
            ats_format_count(ats_page_number(run, "input.events")).text,
            ats_format_rate(ats_page_number(run, "throughput.events_per_s")).text);
    fprintf(t->out, "  input    %s symbols, ",
            ats_format_count(ats_page_number(run, "input.symbols")).text);
    put_text(t->out, ats_page_string(run, "input.first_event_at"));
    fputs(" to ", t->out);
    put_text(t->out, ats_page_string(run, "input.last_event_at"));
    fputs("\n  digest   ", t->out);
    put_text(t->out, ats_page_string(run, "digest"));
    putc('\n', t->out);
}

static void decisions(const terminal *t, const json_t *run)
{
    const json_t *reasons = ats_page_member(run, "decisions.rejected_by_reason"), *value;
    const char *key;
    bool first = true;
    title(t, "decided  ");
    fprintf(t->out, "%s signals, %s intents, %s orders, %s fills\n",
            ats_format_count(ats_page_number(run, "decisions.signals")).text,
            ats_format_count(ats_page_number(run, "decisions.intents")).text,
            ats_format_count(ats_page_number(run, "decisions.orders")).text,
            ats_format_count(ats_page_number(run, "decisions.fills")).text);
    if (json_object_size(reasons) == 0)
        return;
    fputs("  refused  ", t->out);
    json_object_foreach((json_t *)reasons, key, value)
    {
        if (!first)
            fputs(", ", t->out);
        put_text(t->out, key);
        fprintf(t->out, " %s", ats_format_count(json_number_value(value)).text);
        first = false;
    }
    putc('\n', t->out);
}

static void money(const terminal *t, const json_t *run)
{
    double start = ats_page_number(run, "portfolio.start_equity"),
           end = ats_page_number(run, "portfolio.end_equity");
    title(t, "money    ");
    fprintf(t->out, "equity %s, profit %s (%s), fees %s\n", ats_format_money(end, 0).text,
            ats_format_money(end - start, 1).text,
            ats_format_percent(ats_page_number(run, "performance.return"), 1).text,
            ats_format_money(ats_page_number(run, "portfolio.fees"), 0).text);
    fprintf(t->out, "  trips    %s, won %s, profit factor %s, largest drawdown %s, Sharpe %s\n",
            ats_format_count(ats_page_number(run, "performance.trades")).text,
            ats_format_percent(ats_page_number(run, "performance.win_rate"), 0).text,
            ats_format_ratio(ats_page_number(run, "performance.profit_factor")).text,
            ats_format_percent(ats_page_number(run, "performance.max_drawdown"), 0).text,
            ats_format_ratio(ats_page_number(run, "performance.sharpe")).text);
}

static void bps(FILE *out, const json_t *run, const char *path)
{
    double value = ats_page_number(run, path);
    if (isfinite(value) && fabs(value) < 1e9)
        fprintf(out, "%.2f bps", value);
    else
        fputs("\xe2\x80\x93", out);
}

/* Two lines: what trades came to by what ended them, and what trading cost. */
static void trades(const terminal *t, const json_t *run)
{
    const json_t *reasons = ats_page_member(run, "attribution.reasons"), *row;
    size_t i;
    if (json_array_size(reasons) > 0) {
        title(t, "trades   ");
        json_array_foreach((json_t *)reasons, i, row)
        {
            fputs(i ? ", " : "", t->out);
            put_text(t->out, ats_page_string(row, "reason"));
            fprintf(t->out, " %s (%s)", ats_format_money(ats_page_number(row, "profit"), 1).text,
                    ats_format_count(ats_page_number(row, "trades")).text);
        }
        putc('\n', t->out);
    }
    if (!(ats_page_number(run, "execution.total.fills") > 0))
        return;
    title(t, "executed ");
    fprintf(t->out, "%s of what was wanted, slippage ",
            ats_format_percent(ats_page_number(run, "execution.total.fill_rate"), 0).text);
    bps(t->out, run, "execution.total.decision_bps");
    fputs(" from the decision, ", t->out);
    bps(t->out, run, "execution.total.mid_bps");
    fprintf(t->out, " from the mid; shortfall %s\n",
            ats_format_money(ats_page_number(run, "execution.total.shortfall"), 0).text);
}

static void data(const terminal *t, const json_t *run)
{
    title(t, "data     ");
    fprintf(t->out, "%s out of order, %s crossed, %s locked, %s bad price, %s bad size\n",
            ats_format_count(ats_page_number(run, "data_quality.out_of_order")).text,
            ats_format_count(ats_page_number(run, "data_quality.crossed")).text,
            ats_format_count(ats_page_number(run, "data_quality.locked")).text,
            ats_format_count(ats_page_number(run, "data_quality.quarantined.bad_price")).text,
            ats_format_count(ats_page_number(run, "data_quality.quarantined.bad_size")).text);
}

static void warnings(const terminal *t, const json_t *run)
{
    const json_t *list = ats_page_member(run, "warnings"), *w;
    size_t i;
    json_array_foreach((json_t *)list, i, w)
    {
        fputs(t->color ? "\033[33mwarning\033[0m  " : "warning  ", t->out);
        put_text(t->out, json_string_value(w));
        putc('\n', t->out);
    }
}

int ats_report_text(FILE *out, const json_t *run, bool color)
{
    const terminal t = {out, color};
    head(&t, run);
    latency(&t, run);
    decisions(&t, run);
    money(&t, run);
    trades(&t, run);
    data(&t, run);
    warnings(&t, run);
    if (fflush(out) != 0 || ferror(out))
        return ats_error(ATS_EXIT_FAILED, "report: cannot be written");
    return 0;
}
