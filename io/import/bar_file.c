#include "io/import/bar_file.h"

#include "core/error.h"
#include "core/symbols.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const COLUMN_NAMES[] = {"time",   "open",   "high",     "low",  "close",
                                           "volume", "symbol", "dividend", "split"};
static_assert(sizeof COLUMN_NAMES / sizeof COLUMN_NAMES[0] == ATS_BAR_COLUMN_COUNT, "all named");

/* Other names of columns in header lines, without case and punctuation. */
static const struct {
    const char *name;
    ats_bar_column column;
} ALIASES[] = {{"date", ATS_BAR_TIME},       {"datetime", ATS_BAR_TIME},
               {"timestamp", ATS_BAR_TIME},  {"ticker", ATS_BAR_SYMBOL},
               {"stock", ATS_BAR_SYMBOL},    {"exdividend", ATS_BAR_DIVIDEND},
               {"splitratio", ATS_BAR_SPLIT}};

const char *ats_bar_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- instruments ----------------------------------------------------------------------------- */

bool ats_bar_symbol_text(const char *text, size_t length, char out[ATS_SYMBOL_TEXT])
{
    memset(out, 0, ATS_SYMBOL_TEXT);
    if (length == 0 || length >= ATS_SYMBOL_TEXT)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"\\:,", text[i]))
            return false;
        out[i] = (char)toupper((unsigned char)text[i]);
    }
    return true;
}

/* Steps: equities a cent (Rule 612) and 100 shares a round lot; the others the finest that vendors
 * print, as files of bars do not tell. */
int ats_bar_symbol_like(ats_symbol *like, const char *symbol_class, const char *venue)
{
    static const struct {
        const char *name, *venue;
        uint32_t symbol_class;
        int64_t tick_e9, lot_e9, round_lot_e9;
    } classes[] = {
        {"equity", "US", ATS_CLASS_EQUITY, ATS_E9 / 100, ATS_E9, 100 * ATS_E9},
        {"crypto", "CRYPTO", ATS_CLASS_CRYPTO_SPOT, 10, 10, 0},
        {"fx", "FX", ATS_CLASS_FX, 10000, ATS_E9, 0},
        {"index", "US", ATS_CLASS_INDEX, 1000000, ATS_E9, 0},
    };
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strcmp(classes[i].name, symbol_class) != 0)
            continue;
        const char *where = venue ? venue : classes[i].venue;
        if (!where[0] || strlen(where) >= sizeof like->venue)
            return ats_error(ATS_EXIT_USAGE, "venue %s: must be 1 to 7 characters", where);
        *like = (ats_symbol){.symbol_class = classes[i].symbol_class,
                             .tick_e9 = classes[i].tick_e9,
                             .lot_e9 = classes[i].lot_e9,
                             .round_lot_e9 = classes[i].round_lot_e9};
        strcpy(like->venue, where);
        strcpy(like->currency, "USD");
        return 0;
    }
    return ats_error(ATS_EXIT_USAGE, "--class %s: there are equity, crypto, fx, index",
                     symbol_class);
}

/* Pairs are quoted in what their text ends with. */
static void set_currency(ats_symbol *like, const char *text)
{
    static const char *const ends[] = {"USDT", "USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD"};
    size_t n = strlen(text);
    strcpy(like->currency, "USD");
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t k = strlen(ends[i]);
        if (like->symbol_class != ATS_CLASS_EQUITY && n > k && strcmp(text + n - k, ends[i]) == 0) {
            strcpy(like->currency, ends[i]);
            return;
        }
    }
}

/* ---- the layout ------------------------------------------------------------------------------ */

static int column_of(const char *name, size_t length, bool header)
{
    char plain[32];
    size_t n = 0;
    for (size_t i = 0; i < length && n + 1 < sizeof plain; i++)
        if (isalnum((unsigned char)name[i]))
            plain[n++] = (char)tolower((unsigned char)name[i]);
    plain[n] = 0;
    for (int c = 0; c < ATS_BAR_COLUMN_COUNT; c++)
        if (strcmp(plain, COLUMN_NAMES[c]) == 0)
            return c;
    for (size_t i = 0; header && i < sizeof ALIASES / sizeof ALIASES[0]; i++)
        if (strcmp(plain, ALIASES[i].name) == 0)
            return (int)ALIASES[i].column;
    return -1;
}

/* NULL, or what is wrong with the columns that were found. */
static const char *check_columns(const ats_bar_file *b)
{
    for (int c = ATS_BAR_TIME; c <= ATS_BAR_CLOSE; c++)
        if (b->column[c] < 0)
            return COLUMN_NAMES[c];
    return b->column[ATS_BAR_SYMBOL] < 0 && !b->symbol[0] ? "symbol (give --symbol)" : NULL;
}

static int read_columns(ats_bar_file *b, const char *columns)
{
    const char *p = columns;
    memset(b->column, -1, sizeof b->column);
    for (b->column_count = 0;; b->column_count++) {
        size_t n = strcspn(p, ",");
        int c = column_of(p, n, false);
        bool skip = n == 1 && *p == '-';
        if (b->column_count == ATS_BAR_COLUMNS_MAX || (c < 0 && !skip) ||
            (c >= 0 && b->column[c] >= 0))
            return ats_error(ATS_EXIT_USAGE,
                             "--columns: %.*s: unknown or there twice; names are time, open, high, "
                             "low, close, volume, symbol, dividend, split, and - for others",
                             (int)n, p);
        if (c >= 0)
            b->column[c] = (int8_t)b->column_count;
        p += n;
        if (!*p++)
            break;
    }
    b->column_count++;
    const char *missing = check_columns(b);
    return missing ? ats_error(ATS_EXIT_USAGE, "--columns: no column %s", missing) : 0;
}

static ats_line_reason read_header(ats_import_file *file, char *text, size_t length)
{
    ats_bar_file *b = file->state;
    ats_csv_field field[ATS_BAR_COLUMNS_MAX];
    file->has_header = false;
    if (b->columns_given)
        return ATS_LINE_OK; /* --columns says it */
    int count = ats_bar_split(text, length, b->delimiter, field, ATS_BAR_COLUMNS_MAX);
    memset(b->column, -1, sizeof b->column);
    for (int i = 0; i < count; i++) {
        int c = column_of(field[i].text, field[i].length, true);
        if (c >= 0 && b->column[c] < 0)
            b->column[c] = (int8_t)i;
    }
    const char *missing = count < 0 ? "" : check_columns(b);
    if (missing) {
        file->fatal = true;
        ats_error(ATS_EXIT_DATA, "%s: the header line names no column %s", file->path, missing);
        return ATS_LINE_SYNTAX;
    }
    b->column_count = (uint32_t)count;
    return ATS_LINE_OK;
}

static const char *choose(const char *option, const char *preset)
{
    return option ? option : preset;
}

static int read_scalars(ats_bar_file *b, const ats_import_bar_options *o, const ats_bar_preset *p,
                        const char *path)
{
    const char *format = choose(o->time_format, p->time_format), *zone = choose(o->zone, p->zone);
    const char *bar_time = choose(o->bar_time, p->bar_time);
    const char *delimiter = choose(o->delimiter, p->delimiter);
    int64_t period_ns = o->period_ns ? o->period_ns : p->period_ns;
    if (!format || !ats_bar_time_format_read(&b->time, format))
        return ats_error(ATS_EXIT_USAGE,
                         "--time-format %s: s, ms, us, ns, or a pattern with at "
                         "least %%Y, %%m, %%d (and %%H, %%M, %%S, %%f)",
                         format ? format : "is missing");
    if (!zone || (strcmp(zone, "UTC") != 0 && strcmp(zone, "America/New_York") != 0))
        return ats_error(ATS_EXIT_USAGE, "--zone %s: give UTC or America/New_York",
                         zone ? zone : "is missing");
    if (!bar_time || (strcmp(bar_time, "start") != 0 && strcmp(bar_time, "end") != 0))
        return ats_error(ATS_EXIT_USAGE, "--bar-time %s: give start or end",
                         bar_time ? bar_time : "is missing");
    if (delimiter && strcmp(delimiter, "tab") != 0 && (strlen(delimiter) != 1 || *delimiter < ' '))
        return ats_error(ATS_EXIT_USAGE, "--delimiter %s: one character, or tab", delimiter);
    if (period_ns < ATS_SECOND_NS || period_ns % ATS_SECOND_NS || period_ns > 366 * ATS_DAY_NS)
        return ats_error(ATS_EXIT_USAGE,
                         "%s: --period: give whole seconds up to 366 days, such as 15m", path);
    b->local = strcmp(zone, "UTC") != 0 && b->time.clock == ATS_BAR_PATTERN;
    b->bar_end = strcmp(bar_time, "end") == 0;
    b->delimiter = delimiter ? (strcmp(delimiter, "tab") == 0 ? '\t' : *delimiter) : ',';
    b->period_s = (uint32_t)(period_ns / ATS_SECOND_NS);
    b->has_header = o->header || (p->header && !o->no_header);
    return 0;
}

int ats_bar_file_open(ats_import_file *file, const ats_import_options *options,
                      const ats_bar_preset *preset)
{
    const ats_import_bar_options *o = &options->bars;
    const char *columns = choose(o->columns, preset->columns);
    const char *symbol_class = choose(o->symbol_class, preset->symbol_class);
    ats_bar_file *b = calloc(1, sizeof *b);
    if (!b)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", file->path);
    file->state = b;
    b->calendar = options->us_equity;
    if (!b->calendar)
        return ats_error(ATS_EXIT_USAGE, "%s: no calendar was given", file->path);
    if (!symbol_class)
        return ats_error(ATS_EXIT_USAGE, "--class is missing: equity, crypto, fx or index");
    if (o->header && o->no_header)
        return ats_error(ATS_EXIT_USAGE, "--header and --no-header are both there");
    if (read_scalars(b, o, preset, file->path) != 0 ||
        ats_bar_symbol_like(&b->symbols.like, symbol_class,
                            options->venue ? options->venue : preset->venue) != 0)
        return -1;
    if (o->symbol && !ats_bar_symbol_text(o->symbol, strlen(o->symbol), b->symbol))
        return ats_error(ATS_EXIT_USAGE, "--symbol %s: is none", o->symbol);
    if (b->symbol[0])
        set_currency(&b->symbols.like, b->symbol);
    file->has_header = b->has_header;
    b->columns_given = columns != NULL;
    b->symbol_given = o->symbol != NULL;
    if (columns)
        return read_columns(b, columns);
    return b->has_header
               ? 0
               : ats_error(ATS_EXIT_USAGE, "%s: without a header line give --columns", file->path);
}

int ats_bar_file_entry(ats_import_file *file, const char *name)
{
    ats_bar_file *b = file->state;
    (void)name;
    file->has_header = b->has_header;
    if (!b->columns_given)
        b->column_count = 0;
    return 0;
}

void ats_bar_file_close(ats_import_file *file)
{
    free(file->state);
}

/* ---- a row ----------------------------------------------------------------------------------- */

ats_line_reason ats_bar_check(const ats_bar *bar)
{
    if (bar->open_e9 == 0 || bar->high_e9 == 0 || bar->low_e9 == 0 || bar->close_e9 == 0)
        return ATS_LINE_ZERO;
    if (bar->high_e9 < bar->low_e9 || bar->high_e9 < bar->open_e9 || bar->high_e9 < bar->close_e9 ||
        bar->low_e9 > bar->open_e9 || bar->low_e9 > bar->close_e9)
        return ATS_LINE_BAR;
    return ats_time_is_sane(bar->h.event_ns) && ats_time_is_sane(bar->h.recv_ns) ? ATS_LINE_OK
                                                                                 : ATS_LINE_TIME;
}

ats_line_reason ats_bar_add_action(ats_import_file *file, const ats_calendar *calendar,
                                   uint32_t symbol_id, uint32_t date,
                                   const ats_corporate_action *action)
{
    int64_t ns = ats_calendar_utc_ns(calendar, ats_date_ns(date));
    if (!ats_time_is_sane(ns))
        return ATS_LINE_TIME;
    ats_market *r = ats_import_event_add(file);
    if (!r)
        return ATS_LINE_SYNTAX;
    r->corporate_action = *action;
    r->h = (ats_header){.event_ns = ns,
                        .recv_ns = ns,
                        .symbol_id = symbol_id,
                        .kind = ATS_KIND_CORPORATE_ACTION,
                        .flags = ATS_FLAG_END_OF_EVENT | ATS_FLAG_RECV_IS_EVENT};
    return ATS_LINE_OK;
}

static ats_line_reason number_of(const ats_bar_file *b, const ats_csv_field *field,
                                 ats_bar_column c, int64_t most_e9, int64_t *out)
{
    const ats_csv_field *f = b->column[c] < 0 ? NULL : &field[b->column[c]];
    *out = 0;
    return f ? ats_bar_number(f->text, f->length, most_e9, out) : ATS_LINE_OK;
}

/* Start and end of the bar, and the date a daily one is of. */
static ats_line_reason set_times(const ats_bar_file *b, const ats_csv_field *time, ats_bar *bar,
                                 uint32_t *date)
{
    int64_t ns;
    ats_session session;
    bool daily = b->period_s == 86400 && b->symbols.like.symbol_class == ATS_CLASS_EQUITY;
    if (!ats_bar_time(&b->time, time->text, time->length, &ns) || !ats_time_is_sane(ns))
        return ATS_LINE_TIME;
    *date = ats_date_of_ns(ns);
    if (daily) {
        if (*date < b->calendar->first_date || *date > b->calendar->last_date)
            return ATS_LINE_TIME;
        if (!ats_calendar_on(b->calendar, *date, &session))
            return ATS_LINE_CLOSED_DAY;
        bar->h.event_ns = session.open_ns;
        bar->h.recv_ns = session.close_ns;
        return ATS_LINE_OK;
    }
    if (b->local)
        ns = ats_calendar_utc_ns(b->calendar, ns);
    int64_t period_ns = b->period_s * ATS_SECOND_NS;
    bar->h.event_ns = b->bar_end ? ns - period_ns : ns;
    bar->h.recv_ns = bar->h.event_ns + period_ns;
    return ATS_LINE_OK;
}

static ats_line_reason read_bar(const ats_bar_file *b, const ats_csv_field *field, ats_bar *bar)
{
    int64_t *const price[] = {&bar->open_e9, &bar->high_e9, &bar->low_e9, &bar->close_e9};
    for (int i = 0; i < 4; i++) {
        ats_line_reason reason = number_of(b, field, ATS_BAR_OPEN + i, ATS_VALUE_MAX_E9, price[i]);
        if (reason != ATS_LINE_OK)
            return reason;
    }
    return number_of(b, field, ATS_BAR_VOLUME, ATS_VOLUME_MAX_E9, &bar->volume_e9);
}

/* What the row says of its ex-date. */
static ats_line_reason add_actions(ats_import_file *file, const ats_csv_field *field, uint32_t id,
                                   uint32_t date)
{
    ats_bar_file *b = file->state;
    int64_t cash_e9, split_e9;
    ats_line_reason reason = number_of(b, field, ATS_BAR_DIVIDEND, ATS_VALUE_MAX_E9, &cash_e9);
    if (reason == ATS_LINE_OK)
        reason = number_of(b, field, ATS_BAR_SPLIT, ATS_RATIO_MAX * ATS_E9, &split_e9);
    if (reason == ATS_LINE_OK && b->column[ATS_BAR_SPLIT] >= 0 && split_e9 != ATS_E9) {
        ats_corporate_action split = {.action = ATS_ACTION_SPLIT};
        reason = ats_bar_ratio(split_e9, &split.ratio_numerator, &split.ratio_denominator);
        if (reason == ATS_LINE_OK)
            reason = ats_bar_add_action(file, b->calendar, id, date, &split);
    }
    if (reason != ATS_LINE_OK || cash_e9 == 0)
        return reason;
    ats_corporate_action dividend = {.action = ATS_ACTION_DIVIDEND, .cash_e9 = cash_e9};
    return ats_bar_add_action(file, b->calendar, id, date, &dividend);
}

ats_line_reason ats_bar_file_line(ats_import_file *file, char *text, size_t length)
{
    ats_bar_file *b = file->state;
    ats_csv_field field[ATS_BAR_COLUMNS_MAX];
    char symbol[ATS_SYMBOL_TEXT];
    if (file->has_header)
        return read_header(file, text, length);
    int count = ats_bar_split(text, length, b->delimiter, field, ATS_BAR_COLUMNS_MAX);
    if (count != (int)b->column_count)
        return ATS_LINE_SYNTAX;
    int named = b->column[ATS_BAR_SYMBOL];
    memcpy(symbol, b->symbol, sizeof symbol);
    if (named >= 0 && !ats_bar_symbol_text(field[named].text, field[named].length, symbol))
        return ATS_LINE_SYMBOL;
    if (named >= 0)
        set_currency(&b->symbols.like, symbol);
    ats_bar bar = {.h = {.kind = ATS_KIND_BAR, .flags = ATS_FLAG_END_OF_EVENT},
                   .period_s = b->period_s};
    uint32_t date;
    ats_line_reason reason = set_times(b, &field[b->column[ATS_BAR_TIME]], &bar, &date);
    if (reason == ATS_LINE_OK)
        reason = read_bar(b, field, &bar);
    if (reason == ATS_LINE_OK)
        reason = ats_bar_check(&bar);
    if (reason != ATS_LINE_OK)
        return reason;
    bar.h.symbol_id = ats_import_symbol(file, &b->symbols, symbol);
    if (bar.h.symbol_id == 0)
        return ATS_LINE_SYMBOL;
    reason = add_actions(file, field, bar.h.symbol_id, date);
    if (reason != ATS_LINE_OK) {
        file->event.count = 0;
        return reason;
    }
    ats_market *r = ats_import_event_add(file);
    if (!r)
        return ATS_LINE_SYNTAX;
    r->bar = bar;
    return ATS_LINE_OK;
}
