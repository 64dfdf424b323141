#include "tools/record_text.h"

#include "core/clock.h"
#include "io/codec/decimal.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

typedef enum field_type {
    E9,
    U8,
    U16,
    U32,
    U64,
    I64,
    LETTER,
    LETTERS4,
    SOURCE,
    SIDE,
    ACTION,
    CONTROL,
    SHA256
} field_type;

#define VALUE_BYTES (2 * ATS_SHA256_BYTES + 1) /* the longest: a hash */

typedef struct field {
    const char *name;
    uint16_t offset;
    uint8_t type;
} field;

#define F(type, name, how)                                                                         \
    {                                                                                              \
#name, offsetof(type, name), how                                                           \
    }

/* What of each kind is shown, in order; ended by a NULL name. */
static const field FIELDS[ATS_KIND_CONTROL + 1][14] = {
    [ATS_KIND_QUOTE] = {F(ats_quote, bid_e9, E9), F(ats_quote, bid_size_e9, E9),
                        F(ats_quote, ask_e9, E9), F(ats_quote, ask_size_e9, E9),
                        F(ats_quote, venue, LETTER), F(ats_quote, bid_venue, LETTER),
                        F(ats_quote, ask_venue, LETTER), F(ats_quote, condition, LETTER),
                        F(ats_quote, quote_flags, U8), F(ats_quote, venue_seq, U64),
                        F(ats_quote, source, SOURCE)},
    [ATS_KIND_TRADE] = {F(ats_trade, px_e9, E9), F(ats_trade, qty_e9, E9),
                        F(ats_trade, aggressor, SIDE), F(ats_trade, venue, LETTER),
                        F(ats_trade, condition, LETTERS4), F(ats_trade, correction, U8),
                        F(ats_trade, trf, LETTER), F(ats_trade, trade_id, U64),
                        F(ats_trade, venue_seq, U64), F(ats_trade, source, SOURCE)},
    [ATS_KIND_BAR] = {F(ats_bar, open_e9, E9), F(ats_bar, high_e9, E9), F(ats_bar, low_e9, E9),
                      F(ats_bar, close_e9, E9), F(ats_bar, volume_e9, E9), F(ats_bar, vwap_e9, E9),
                      F(ats_bar, period_s, U32), F(ats_bar, trade_count, U32)},
    [ATS_KIND_BOOK_LEVEL] = {F(ats_book_level, side, SIDE), F(ats_book_level, px_e9, E9),
                             F(ats_book_level, qty_e9, E9), F(ats_book_level, first_update_id, U64),
                             F(ats_book_level, last_update_id, U64),
                             F(ats_book_level, previous_update_id, U64),
                             F(ats_book_level, source, SOURCE)},
    [ATS_KIND_STATUS] = {F(ats_status, code, U32), F(ats_status, source, SOURCE),
                         F(ats_status, band_low_e9, E9), F(ats_status, band_high_e9, E9)},
    [ATS_KIND_CORPORATE_ACTION] = {F(ats_corporate_action, action, ACTION),
                                   F(ats_corporate_action, ratio_numerator, I64),
                                   F(ats_corporate_action, ratio_denominator, I64),
                                   F(ats_corporate_action, cash_e9, E9)},
    [ATS_KIND_CONTROL] = {F(ats_control, code, CONTROL), F(ats_control, model_id, U32),
                          F(ats_control, model_sha256, SHA256)},
};

void ats_time_text(int64_t ns, char out[ATS_TIME_TEXT_BYTES])
{
    ats_clock_utc_text(ns, out);
}

/* Value as text without quotes; returns whether JSON has to quote it. Letters are what a file says,
 * so anything that does not print is shown as '?'. */
static bool value_text(const field *f, const ats_market *record, bool json, char out[VALUE_BYTES])
{
    const uint8_t *at = (const uint8_t *)record + f->offset;
    static const char *const sides[] = {"none", "buy", "sell"};
    static const char *const actions[] = {"none", "split", "dividend"};
    uint64_t v = 0;
    size_t bytes = f->type == U8 || f->type == SIDE                            ? 1
                   : f->type == U16 || f->type == SOURCE                       ? 2
                   : f->type == U32 || f->type == ACTION || f->type == CONTROL ? 4
                                                                               : 8;
    if (f->type != LETTER && f->type != LETTERS4)
        memcpy(&v, at, bytes);
    switch (f->type) {
    case E9:
        if (json)
            snprintf(out, VALUE_BYTES, "%lld", (long long)v);
        else
            ats_decimal_print((int64_t)v, out);
        return false;
    case I64:
        snprintf(out, VALUE_BYTES, "%lld", (long long)v);
        return false;
    case LETTER:
    case LETTERS4: {
        size_t n = f->type == LETTER ? 1 : 4, used = 0;
        for (size_t i = 0; i < n && at[i]; i++)
            out[used++] =
                at[i] >= ' ' && at[i] <= '~' && at[i] != '"' && at[i] != '\\' ? (char)at[i] : '?';
        while (used && out[used - 1] == ' ')
            used--;
        out[used] = 0;
        return true;
    }
    case SHA256:
        for (size_t i = 0; i < ATS_SHA256_BYTES; i++)
            snprintf(out + 2 * i, 3, "%02x", at[i]);
        return true;
    case CONTROL:
        snprintf(out, VALUE_BYTES, "%s", ats_control_label((uint32_t)v));
        return true;
    case SOURCE:
        snprintf(out, VALUE_BYTES, "%s", ats_source_label((uint32_t)v));
        return true;
    case ACTION:
        snprintf(out, VALUE_BYTES, "%s", v < 3 ? actions[v] : "?");
        return true;
    case SIDE:
        snprintf(out, VALUE_BYTES, "%s", v < 3 ? sides[v] : "?");
        return true;
    default:
        snprintf(out, VALUE_BYTES, "%llu", (unsigned long long)v);
        return false;
    }
}

void ats_record_print_header(FILE *to)
{
    fputs("recv_time,event_ns,event_seq,sub,flags,kind,venue,symbol,fields\n", to);
}

void ats_record_print(FILE *to, const ats_market *r, const ats_symbols *symbols)
{
    char time[ATS_TIME_TEXT_BYTES], value[VALUE_BYTES];
    uint32_t id = r->h.symbol_id;
    ats_time_text(r->h.recv_ns, time);
    fprintf(to, "%s,%lld,%llu,%u,%u,%s,%s,%s,", time, (long long)r->h.event_ns,
            (unsigned long long)r->h.event_seq, r->h.sub, r->h.flags, ats_kind_label(r->h.kind),
            id ? symbols->entry[id].venue : "", id ? symbols->entry[id].text : "");
    for (const field *f = FIELDS[r->h.kind]; f->name; f++) {
        value_text(f, r, false, value);
        int name = (int)strlen(f->name);
        if (f->type == E9)
            name -= 3; /* shown as a decimal: without its _e9 */
        fprintf(to, "%s%.*s=%s", f == FIELDS[r->h.kind] ? "" : " ", name, f->name, value);
    }
    putc('\n', to);
}

void ats_record_print_json(FILE *to, const ats_market *r, const ats_symbols *symbols)
{
    char value[VALUE_BYTES];
    uint32_t id = r->h.symbol_id;
    fprintf(to,
            "{\"recv_ns\":%lld,\"event_ns\":%lld,\"event_seq\":%llu,\"sub\":%u,\"flags\":%u,"
            "\"kind\":\"%s\"",
            (long long)r->h.recv_ns, (long long)r->h.event_ns, (unsigned long long)r->h.event_seq,
            r->h.sub, r->h.flags, ats_kind_label(r->h.kind));
    if (id)
        fprintf(to, ",\"symbol_venue\":\"%s\",\"symbol\":\"%s\"", symbols->entry[id].venue,
                symbols->entry[id].text);
    for (const field *f = FIELDS[r->h.kind]; f->name; f++) {
        bool quoted = value_text(f, r, true, value);
        fprintf(to, ",\"%s\":%s%s%s", f->name, quoted ? "\"" : "", value, quoted ? "\"" : "");
    }
    putc('}', to);
}
