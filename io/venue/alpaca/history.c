/* Market data by REST: what was recorded until now, page by page; the latest of each symbol. */
#include "io/base64.h"
#include "io/venue/alpaca/messages.h"
#include "io/venue/alpaca/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 1000u
#define LIMIT_MAX     10000u
#define MINUTE_NS     (60 * ATS_SECOND_NS)
#define TOKEN_BYTES   96u

typedef enum row_kind { BARS, TRADES, QUOTES } row_kind;

static const char *const KIND_TEXT[] = {"bars", "trades", "quotes"};

/* A bar's period: so many minutes, hours (as minutes), days, weeks or months. */
typedef struct timeframe {
    int64_t count;
    char unit; /* 'm', 'd', 'w', 'M' */
} timeframe;

/* Where a page begins. */
typedef struct page_start {
    char symbol[ATS_SYMBOL_TEXT];
    int64_t from_ns;
    uint32_t skip; /* records of that moment that earlier pages have */
} page_start;

typedef struct page {
    ats_paper *broker;
    row_kind kind;
    timeframe frame;
    int64_t start_ns, end_ns;
    uint64_t limit, count;
    broker_wire *out;
    page_start next; /* symbol "": it is the last page */
    /* of the symbol at hand */
    uint32_t symbol_id;
    page_start from;
    uint64_t rows;
    int64_t last_ns;
    uint32_t same; /* rows at last_ns */
    broker_bar bar;
    bool traded; /* its bars are made of trades */
} page;

/* ---- parameters ----------------------------------------------------------------------------- */

static bool read_timeframe(const char *text, timeframe *out)
{
    char unit[8] = "";
    long count = 0;
    static const struct {
        const char *name, *brief;
        char unit;
        int64_t times, most;
    } UNITS[] = {{"Min", "T", 'm', 1, 59},
                 {"Hour", "H", 'm', 60, 23},
                 {"Day", "D", 'd', 1, 1},
                 {"Week", "W", 'w', 1, 1},
                 {"Month", "M", 'M', 1, 12}};
    if (!text || sscanf(text, "%2ld%7s", &count, unit) != 2)
        return false;
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
        if ((strcmp(unit, UNITS[i].name) == 0 || strcmp(unit, UNITS[i].brief) == 0) && count >= 1 &&
            count <= UNITS[i].most && (UNITS[i].unit != 'M' || 12 % count == 0)) {
            *out = (timeframe){count * UNITS[i].times, UNITS[i].unit};
            return true;
        }
    return false;
}

/* Where the bar begins that holds a moment: minutes and hours count from UTC's midnight, days,
 * weeks (from Monday) and months from New York's. */
static int64_t bar_start(const ats_paper *b, timeframe f, int64_t ns)
{
    if (f.unit == 'm')
        return ns - ns % ATS_DAY_NS + ns % ATS_DAY_NS / (f.count * MINUTE_NS) * f.count * MINUTE_NS;
    int64_t midnight = broker_local_midnight(b, ns);
    if (f.unit == 'd')
        return midnight;
    uint32_t date = ats_date_of_ns(midnight + 12 * 3600 * ATS_SECOND_NS);
    if (f.unit == 'w') {
        date = ats_date_add(date, -(int64_t)ats_date_weekday(date));
    } else {
        uint32_t n = (uint32_t)f.count, month = (date / 100 % 100 - 1) / n * n + 1;
        date = date / 10000 * 10000 + month * 100 + 1;
    }
    return b->config.calendar ? ats_calendar_utc_ns(b->config.calendar, ats_date_ns(date))
                              : ats_date_ns(date);
}

/* A page token is where to go on, in Base64: clients are told not to read it. */
static void write_token(const page_start *next, char out[TOKEN_BYTES])
{
    char text[64];
    int n = snprintf(text, sizeof text, "%s|%lld|%u", next->symbol, (long long)next->from_ns,
                     next->skip);
    out[ats_base64_encode((const uint8_t *)text, (size_t)n, out)] = '\0';
}

static bool read_token(const char *token, page_start *out)
{
    uint8_t text[TOKEN_BYTES];
    long long ns;
    unsigned skip;
    ssize_t n = strlen(token) < TOKEN_BYTES ? ats_base64_decode(token, strlen(token), text) : -1;
    if (n < 0)
        return false;
    text[n] = '\0';
    if (sscanf((const char *)text, "%23[^|]|%lld|%u", out->symbol, &ns, &skip) != 3)
        return false;
    out->from_ns = ns;
    out->skip = skip;
    return true;
}

static bool read_parameters(ats_paper *b, rest_call *call, page *p)
{
    const char *token = rest_query(call, "page_token"), *sort = rest_query(call, "sort");
    const char *adjustment = rest_query(call, "adjustment");
    p->broker = b;
    p->out = &call->raw;
    p->start_ns = rest_query_time(call, "start", broker_local_midnight(b, b->now_ns));
    p->end_ns = rest_query_time(call, "end", b->now_ns);
    p->limit = rest_query_count(call, "limit", LIMIT_DEFAULT, LIMIT_MAX);
    if (p->kind == BARS && !read_timeframe(rest_query(call, "timeframe"), &p->frame))
        broker_refuse(&call->why, 400, 40010001, "invalid timeframe");
    else if (token && !read_token(token, &p->from))
        broker_refuse(&call->why, 400, 40010001, "invalid page_token");
    else if (sort && strcmp(sort, "asc") != 0)
        broker_refuse(&call->why, 400, 40010001, "this venue sorts asc only");
    else if (adjustment && strcmp(adjustment, "raw") != 0)
        broker_refuse(&call->why, 400, 40010001, "this venue has raw prices only");
    return call->why.status == 0;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* Begins a row at this moment; false: the page is full, and goes on here. */
static bool begin_row(page *p, int64_t ns)
{
    const char *symbol = p->broker->config.symbols->entry[p->symbol_id].text;
    if (ns == p->last_ns)
        p->same++;
    else
        p->same = 0;
    p->last_ns = ns;
    if (p->count == p->limit) {
        p->next = (page_start){.from_ns = ns, .skip = p->kind == BARS ? 0 : p->same};
        snprintf(p->next.symbol, sizeof p->next.symbol, "%s", symbol);
        return false;
    }
    if (p->rows++)
        broker_wire_bytes(p->out, ",", 1);
    p->count++;
    return true;
}

static bool end_bar(page *p)
{
    if (!broker_bar_is_there(&p->bar))
        return true;
    if (!begin_row(p, p->bar.bar.h.event_ns))
        return false;
    broker_put_bar(p->out, NULL, &p->bar.bar);
    p->bar.bar.period_s = 0;
    return true;
}

/* Bars are of trades, or where there are none of the finest bars that were recorded. */
static bool add_to_bar(page *p, const ats_market *m)
{
    bool trade = m->h.kind == ATS_KIND_TRADE;
    if (!trade && (m->h.kind != ATS_KIND_BAR || p->traded))
        return true;
    int64_t start = bar_start(p->broker, p->frame, m->h.event_ns);
    if (start < p->start_ns)
        return true; /* it began before what was asked for */
    if (p->bar.bar.h.event_ns != start && !end_bar(p))
        return false;
    p->traded |= trade;
    if (trade)
        broker_bar_add_trade(&p->bar, &m->trade, start, 60);
    else
        broker_bar_add_bar(&p->bar, &m->bar, start, 60);
    return true;
}

static bool visit(void *context, const ats_market *m)
{
    page *p = context;
    int64_t ns = m->h.event_ns;
    if (ns < p->from.from_ns || ns > p->end_ns)
        return true;
    if (p->kind == BARS)
        return add_to_bar(p, m);
    if (m->h.kind != (p->kind == TRADES ? ATS_KIND_TRADE : ATS_KIND_QUOTE))
        return true;
    if (ns == p->from.from_ns && p->from.skip) {
        p->from.skip--;
        p->same = ns == p->last_ns ? p->same + 1 : 0;
        p->last_ns = ns;
        return true;
    }
    if (!begin_row(p, ns))
        return false;
    if (p->kind == TRADES)
        broker_put_trade(p->out, NULL, &m->trade);
    else
        broker_put_quote(p->out, NULL, &m->quote);
    return true;
}

/* All rows of a symbol that the page has room for; 0, or -1: the recording cannot be read. */
static int put_symbol(page *p, uint32_t symbol_id, const page_start *from)
{
    const ats_paper_config *c = &p->broker->config;
    p->symbol_id = symbol_id;
    p->from = *from;
    p->rows = 0;
    p->last_ns = INT64_MIN;
    p->same = 0;
    p->traded = false;
    p->bar.bar.period_s = 0;
    int64_t to = p->end_ns < p->broker->now_ns ? p->end_ns : p->broker->now_ns;
    if (c->history(c->history_context, symbol_id, p->from.from_ns, to, visit, p) != 0)
        return -1;
    if (p->kind == BARS && p->next.symbol[0] == '\0')
        end_bar(p);
    return 0;
}

/* ---- pages ---------------------------------------------------------------------------------- */

static void put(broker_wire *w, const char *text)
{
    broker_wire_bytes(w, text, strlen(text));
}

static void put_string(broker_wire *w, const char *text)
{
    broker_wire_text(w, text, strlen(text));
}

static void put_next_token(page *p)
{
    char token[TOKEN_BYTES];
    put(p->out, ",\"next_page_token\":");
    if (p->next.symbol[0]) {
        write_token(&p->next, token);
        put_string(p->out, token);
    } else {
        put(p->out, "null");
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every symbol that was asked for and is known, by name; the caller frees. */
static const char **sorted_symbols(const ats_paper *b, const rest_call *call, uint32_t *n)
{
    const char **names = calloc(b->config.symbols->count + 1ull, sizeof *names);
    *n = 0;
    for (uint32_t id = 1; names && id <= b->config.symbols->count; id++)
        if (rest_lists(call, "symbols", b->config.symbols->entry[id].text))
            names[(*n)++] = b->config.symbols->entry[id].text;
    if (names)
        qsort(names, *n, sizeof *names, by_text);
    return names;
}

static void put_page(ats_paper *b, rest_call *call, page *p)
{
    uint32_t n;
    const page_start first = p->from;
    const char **names = sorted_symbols(b, call, &n);
    bool any = false;
    put(p->out, "{\"");
    put(p->out, KIND_TEXT[p->kind]);
    put(p->out, "\":{");
    for (uint32_t i = 0; names && i < n && !p->next.symbol[0]; i++) {
        size_t before = p->out->length;
        int order = strcmp(names[i], first.symbol);
        page_start from = {.from_ns = p->start_ns};
        if (order < 0)
            continue;
        if (any)
            put(p->out, ",");
        put_string(p->out, names[i]);
        put(p->out, ":[");
        if (put_symbol(p, ats_symbols_find(b->config.symbols, names[i], NULL),
                       order == 0 ? &first : &from) != 0)
            broker_refuse(&call->why, 500, 50010000, "internal server error occurred");
        put(p->out, "]");
        if (p->rows == 0)
            p->out->length = before; /* a symbol without rows is not named */
        any |= p->rows != 0;
    }
    put(p->out, "}");
    put_next_token(p);
    put(p->out, "}");
    if (!names)
        broker_refuse(&call->why, 500, 50010000, "internal server error occurred");
    free(names);
}

/* The call's path is .../bars, .../trades or .../quotes. */
static bool which(const rest_call *call, row_kind *out)
{
    for (row_kind w = BARS; w <= QUOTES; w++)
        if (strstr(call->path, KIND_TEXT[w])) {
            *out = w;
            return true;
        }
    return false;
}

json_t *rest_history(ats_paper *b, rest_call *call)
{
    page p = {0};
    if (!rest_query(call, "symbols"))
        broker_refuse(&call->why, 400, 40010001, "symbols is required");
    else if (!b->config.history)
        broker_refuse(&call->why, 404, REST_CODE_NOT_FOUND, "this venue keeps no history");
    else if (which(call, &p.kind) && read_parameters(b, call, &p))
        put_page(b, call, &p);
    return NULL;
}

/* ---- the latest ----------------------------------------------------------------------------- */

/* One of these of a symbol, as a value; false: there is none yet. */
static bool put_latest(broker_wire *w, const broker_symbol *s, row_kind kind)
{
    if (kind == TRADES && s->trade.h.recv_ns)
        broker_put_trade(w, NULL, &s->trade);
    else if (kind == QUOTES && s->quote.h.recv_ns)
        broker_put_quote(w, NULL, &s->quote);
    else if (kind == BARS && s->last_minute.open_e9 > 0)
        broker_put_bar(w, NULL, &s->last_minute);
    else
        return false;
    return true;
}

json_t *rest_latest(ats_paper *b, rest_call *call)
{
    row_kind kind;
    bool any = false;
    broker_wire *w = &call->raw;
    if (!which(call, &kind))
        return rest_not_found(call, "endpoint not found.");
    put(w, "{\"");
    put(w, KIND_TEXT[kind]);
    put(w, "\":{");
    for (uint32_t id = 1; id <= b->config.symbols->count; id++) {
        size_t before = w->length;
        if (!rest_lists(call, "symbols", b->config.symbols->entry[id].text))
            continue;
        if (any)
            put(w, ",");
        put_string(w, b->config.symbols->entry[id].text);
        put(w, ":");
        if (put_latest(w, &b->symbol[id], kind))
            any = true;
        else
            w->length = before;
    }
    put(w, "}}");
    return NULL;
}

static void put_snapshot(broker_wire *w, const broker_symbol *s)
{
    bool any = false;
    const struct {
        const char *key;
        const ats_bar *bar;
    } bars[] = {{"minuteBar", &s->last_minute},
                {"dailyBar", &s->day.bar},
                {"prevDailyBar", &s->previous_day}};
    put(w, "{");
    for (size_t i = 0; i < 5; i++) {
        bool is_bar = i >= 2;
        bool there = is_bar ? bars[i - 2].bar->open_e9 > 0
                            : (i ? s->quote.h.recv_ns : s->trade.h.recv_ns) != 0;
        if (!there)
            continue;
        if (any)
            put(w, ",");
        put_string(w, is_bar ? bars[i - 2].key : i ? "latestQuote" : "latestTrade");
        put(w, ":");
        if (is_bar)
            broker_put_bar(w, NULL, bars[i - 2].bar);
        else
            put_latest(w, s, i ? QUOTES : TRADES);
        any = true;
    }
    put(w, "}");
}

json_t *rest_snapshots(ats_paper *b, rest_call *call)
{
    broker_wire *w = &call->raw;
    bool any = false;
    put(w, "{");
    for (uint32_t id = 1; id <= b->config.symbols->count; id++) {
        if (!rest_lists(call, "symbols", b->config.symbols->entry[id].text))
            continue;
        if (any)
            put(w, ",");
        put_string(w, b->config.symbols->entry[id].text);
        put(w, ":");
        put_snapshot(w, &b->symbol[id]);
        any = true;
    }
    put(w, "}");
    return NULL;
}
