/* QuantConnect Lean's minute files: one CSV in a zip, named DATE_SYMBOL_minute_trade|quote.csv. */
#include "io/import/bar_file.h"

#include "core/error.h"
#include "io/codec/quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_NS (60 * ATS_SECOND_NS)

typedef struct lean_file {
    ats_import_symbols symbols;
    const char *symbol_class, *venue;
    char symbol[ATS_SYMBOL_TEXT];
    int64_t midnight_ns;
    bool quotes, named;
} lean_file;

static int lean_open(ats_import_file *file, const ats_import_options *options)
{
    lean_file *l = calloc(1, sizeof *l);
    if (!l)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", file->path);
    file->state = l;
    l->symbol_class = options->bars.symbol_class ? options->bars.symbol_class : "crypto";
    l->venue = options->venue ? options->venue : "COINBAS";
    /* Equity files are in New York time and ten-thousandths of a dollar: another format. */
    if (strcmp(l->symbol_class, "crypto") != 0 && strcmp(l->symbol_class, "fx") != 0)
        return ats_error(ATS_EXIT_USAGE, "--class %s: lean-minute reads crypto and fx only",
                         l->symbol_class);
    return ats_bar_symbol_like(&l->symbols.like, l->symbol_class, l->venue);
}

static void lean_close(ats_import_file *file)
{
    free(file->state);
}

static int lean_entry(ats_import_file *file, const char *path)
{
    lean_file *l = file->state;
    const char *name = ats_bar_base_name(path), *symbol = name + 9;
    const char *mark = strlen(name) > 9 ? strchr(symbol, '_') : NULL;
    char dashed[11] = "";
    if (mark && name[8] == '_')
        snprintf(dashed, sizeof dashed, "%.4s-%.2s-%.2s", name, name + 4, name + 6);
    ats_bar_time_format format;
    ats_bar_time_format_read(&format, "%Y-%m-%d");
    bool quotes = mark && strcmp(mark, "_minute_quote.csv") == 0;
    if (!mark || (!quotes && strcmp(mark, "_minute_trade.csv") != 0) ||
        !ats_bar_time(&format, dashed, strlen(dashed), &l->midnight_ns) ||
        !ats_bar_symbol_text(symbol, (size_t)(mark - symbol), l->symbol))
        return ats_error(ATS_EXIT_DATA,
                         "%s: entry %s: is not named YYYYMMDD_symbol_minute_trade|quote.csv",
                         file->path, path);
    l->quotes = quotes;
    l->named = true;
    size_t n = strlen(l->symbol);
    if (n > 3)
        snprintf(l->symbols.like.currency, sizeof l->symbols.like.currency, "%s",
                 l->symbol + n - 3);
    return 0;
}

static ats_line_reason lean_trade(const ats_csv_field *field, ats_market *r)
{
    ats_bar *bar = &r->bar;
    int64_t *const value[] = {&bar->open_e9, &bar->high_e9, &bar->low_e9, &bar->close_e9,
                              &bar->volume_e9};
    for (int i = 0; i < 5; i++) {
        int64_t most = i == 4 ? ATS_VOLUME_MAX_E9 : ATS_VALUE_MAX_E9;
        ats_line_reason reason =
            ats_bar_number(field[i + 1].text, field[i + 1].length, most, value[i]);
        if (reason != ATS_LINE_OK)
            return reason;
    }
    bar->h.kind = ATS_KIND_BAR;
    bar->period_s = 60;
    return ats_bar_check(bar);
}

/* The market as it stood when the bar ended. A side that is empty has no interest. */
static ats_line_reason lean_quote(const ats_csv_field *field, ats_market *r)
{
    ats_quote *q = &r->quote;
    const int at[] = {4, 5, 9, 10};
    int64_t *const value[] = {&q->bid_e9, &q->bid_size_e9, &q->ask_e9, &q->ask_size_e9};
    for (int i = 0; i < 4; i++) {
        const ats_csv_field *f = &field[at[i]];
        ats_line_reason reason =
            f->length ? ats_bar_number(f->text, f->length, ATS_VALUE_MAX_E9, value[i])
                      : ATS_LINE_OK;
        if (reason != ATS_LINE_OK)
            return reason;
    }
    if (q->bid_e9 == 0 && q->ask_e9 == 0)
        return ATS_LINE_ZERO;
    q->bid_size_e9 = q->bid_e9 ? q->bid_size_e9 : 0;
    q->ask_size_e9 = q->ask_e9 ? q->ask_size_e9 : 0;
    q->h.kind = ATS_KIND_QUOTE;
    q->h.event_ns = q->h.recv_ns;
    q->h.flags |= ATS_FLAG_RECV_IS_EVENT;
    q->source = ATS_SOURCE_BAR_FILE;
    q->quote_flags = ats_quote_flags(q->bid_e9, q->ask_e9);
    return ATS_LINE_OK;
}

static ats_line_reason lean_line(ats_import_file *file, char *text, size_t length)
{
    lean_file *l = file->state;
    ats_csv_field field[12];
    int64_t ms;
    ats_bar_time_format format;
    if (!l->named) {
        file->fatal = true;
        ats_error(ATS_EXIT_DATA, "%s: is no zip archive", file->path);
        return ATS_LINE_SYNTAX;
    }
    int count = ats_bar_split(text, length, ',', field, 12);
    if (count != (l->quotes ? 11 : 6))
        return ATS_LINE_SYNTAX;
    ats_bar_time_format_read(&format, "ms");
    if (!ats_bar_time(&format, field[0].text, field[0].length, &ms) || ms < 0 || ms >= ATS_DAY_NS)
        return ATS_LINE_TIME;
    ats_market record = {.h = {.event_ns = l->midnight_ns + ms,
                               .recv_ns = l->midnight_ns + ms + MINUTE_NS,
                               .flags = ATS_FLAG_END_OF_EVENT}};
    if (!ats_time_is_sane(record.h.event_ns) || !ats_time_is_sane(record.h.recv_ns))
        return ATS_LINE_TIME;
    ats_line_reason reason = l->quotes ? lean_quote(field, &record) : lean_trade(field, &record);
    if (reason != ATS_LINE_OK)
        return reason;
    record.h.symbol_id = ats_import_symbol(file, &l->symbols, l->symbol);
    ats_market *r = record.h.symbol_id ? ats_import_event_add(file) : NULL;
    if (!r)
        return ATS_LINE_SYMBOL;
    *r = record;
    return ATS_LINE_OK;
}

const ats_import_format ats_import_lean_minute = {
    .name = "lean-minute",
    .purpose = "QuantConnect Lean minute bars of crypto and fx: trade bars, quotes at bar ends",
    .input = ".zip with YYYYMMDD_symbol_minute_trade|quote.csv, ms since midnight UTC, bar start",
    .sorted = true,
    .open = lean_open,
    .close = lean_close,
    .entry = lean_entry,
    .line = lean_line,
};
