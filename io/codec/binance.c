#include "io/codec/binance.h"

#include "io/codec/decimal.h"
#include "io/codec/json.h"
#include "io/codec/symbol_text.h"

#include <string.h>

/* Fields that were seen; a type needs its own. */
enum {
    HAS_SYMBOL = 1 << 0,
    HAS_BID = 1 << 1, /* b as text: price */
    HAS_BID_SIZE = 1 << 2,
    HAS_ASK = 1 << 3,
    HAS_ASK_SIZE = 1 << 4,
    HAS_BIDS = 1 << 5, /* b or bids as a list */
    HAS_ASKS = 1 << 6,
    HAS_LAST_UPDATE = 1 << 7, /* u */
    HAS_FIRST_UPDATE = 1 << 8,
    HAS_TRADE_ID = 1 << 9,
    HAS_PRICE = 1 << 10,
    HAS_QTY = 1 << 11,
    HAS_MAKER = 1 << 12,
    HAS_EVENT_NAME = 1 << 13,
    HAS_SNAPSHOT_ID = 1 << 14 /* lastUpdateId */
};

#define NEED_BOOK_TICKER                                                                           \
    (HAS_SYMBOL | HAS_BID | HAS_BID_SIZE | HAS_ASK | HAS_ASK_SIZE | HAS_LAST_UPDATE)
#define NEED_TRADE    (HAS_SYMBOL | HAS_PRICE | HAS_QTY | HAS_TRADE_ID | HAS_MAKER)
#define NEED_DEPTH    (HAS_SYMBOL | HAS_BIDS | HAS_ASKS | HAS_FIRST_UPDATE | HAS_LAST_UPDATE)
#define NEED_SNAPSHOT (HAS_SNAPSHOT_ID | HAS_BIDS | HAS_ASKS)

typedef struct scan {
    ats_json json;
    ats_binance_message *message;
    uint32_t has;
    ats_line_reason bad;   /* first thing wrong with a value; told only if the message is ours */
    bool nested;           /* inside "data" */
    bool data;             /* there was one */
    ats_binance_type name; /* by "e" */
} scan;

static void note(scan *s, ats_line_reason reason)
{
    if (s->bad == ATS_LINE_OK)
        s->bad = reason;
}

static ats_line_reason decimal_reason(ats_decimal_result result)
{
    static const uint8_t reasons[ATS_DECIMAL_COUNT] = {ATS_LINE_OK, ATS_LINE_NUMBER, ATS_LINE_RANGE,
                                                       ATS_LINE_PRECISION};
    return reasons[result];
}

/* A price or size: text (or number) of the last token. */
static void take_value(scan *s, ats_json_token token, int64_t *out, uint32_t has)
{
    if (token != ATS_JSON_STRING && token != ATS_JSON_NUMBER) {
        note(s, ATS_LINE_NUMBER);
        ats_json_skip_rest(&s->json, token);
        return;
    }
    ats_decimal_result result = ats_decimal_e9(s->json.text, s->json.length, out);
    if (result != ATS_DECIMAL_OK)
        note(s, decimal_reason(result));
    else if (*out < 0)
        note(s, ATS_LINE_NEGATIVE);
    s->has |= has;
}

static void take_id(scan *s, uint64_t *out, uint32_t has)
{
    ats_json_token token = ats_json_next(&s->json);
    if (token != ATS_JSON_NUMBER ||
        ats_decimal_u64(s->json.text, s->json.length, out) != ATS_DECIMAL_OK) {
        note(s, ATS_LINE_NUMBER);
        ats_json_skip_rest(&s->json, token);
    }
    s->has |= has;
}

static void take_event_time(scan *s)
{
    uint64_t ms;
    ats_json_token token = ats_json_next(&s->json);
    if (token != ATS_JSON_NUMBER ||
        ats_decimal_u64(s->json.text, s->json.length, &ms) != ATS_DECIMAL_OK ||
        ms > (uint64_t)INT64_MAX / 1000000) {
        note(s, ATS_LINE_TIME);
        ats_json_skip_rest(&s->json, token);
        return;
    }
    s->message->event_ns = (int64_t)ms * 1000000;
}

static void take_symbol(scan *s)
{
    ats_json_token token = ats_json_next(&s->json);
    if (token != ATS_JSON_STRING) {
        note(s, ATS_LINE_SYMBOL);
        ats_json_skip_rest(&s->json, token);
        return;
    }
    bool sane = s->json.length > 0 && s->json.length < ATS_SYMBOL_TEXT && !s->json.escaped;
    if (!sane || !ats_symbol_text_fits(s->json.text, s->json.length)) {
        note(s, ATS_LINE_SYMBOL);
        return;
    }
    memset(s->message->symbol, 0, sizeof s->message->symbol);
    memcpy(s->message->symbol, s->json.text, s->json.length);
    s->has |= HAS_SYMBOL;
}

static void take_event_name(scan *s)
{
    ats_json_token token = ats_json_next(&s->json);
    s->has |= HAS_EVENT_NAME;
    s->name = ATS_BINANCE_NONE;
    if (token != ATS_JSON_STRING)
        ats_json_skip_rest(&s->json, token);
    else if (ats_json_is(&s->json, "bookTicker"))
        s->name = ATS_BINANCE_BOOK_TICKER;
    else if (ats_json_is(&s->json, "trade"))
        s->name = ATS_BINANCE_TRADE;
    else if (ats_json_is(&s->json, "depthUpdate"))
        s->name = ATS_BINANCE_DEPTH_UPDATE;
}

/* ["price","size", ...]: the opening bracket was read. false: malformed. */
static bool take_level(scan *s, ats_binance_level *level)
{
    for (uint32_t i = 0;; i++) {
        ats_json_token token = ats_json_next(&s->json);
        if (token == ATS_JSON_ERROR)
            return false;
        if (token == ATS_JSON_ARRAY_END) {
            if (i < 2)
                note(s, ATS_LINE_FIELD);
            return true;
        }
        if (i < 2)
            take_value(s, token, i == 0 ? &level->px_e9 : &level->qty_e9, 0);
        else
            ats_json_skip_rest(&s->json, token);
    }
}

/* [["price","size"], ...]: the opening bracket was read. */
static void take_levels(scan *s, bool bids)
{
    ats_binance_message *m = s->message;
    /* Bids come before asks; a list that comes twice or the other way round is none of the venue's.
     */
    bool usable = !(s->has & (HAS_ASKS | (bids ? HAS_BIDS : 0)));
    if (!usable)
        note(s, ATS_LINE_FIELD);
    for (;;) {
        ats_json_token token = ats_json_next(&s->json);
        if (token == ATS_JSON_ERROR)
            return;
        if (token == ATS_JSON_ARRAY_END)
            break;
        if (token != ATS_JSON_ARRAY) {
            note(s, ATS_LINE_FIELD);
            ats_json_skip_rest(&s->json, token);
            continue;
        }
        ats_binance_level spare, *level = &spare;
        if (m->level_count == ATS_BINANCE_LEVELS)
            note(s, ATS_LINE_EVENT_SIZE);
        else if (usable)
            level = &m->level[m->level_count++];
        if (!take_level(s, level))
            return;
    }
    s->has |= bids ? HAS_BIDS : HAS_ASKS;
    if (bids)
        m->bid_count = m->level_count;
}

/* "b" and "a" are a price in a ticker and a list in a depth update. */
static void take_side(scan *s, bool bids)
{
    ats_json_token token = ats_json_next(&s->json);
    if (token == ATS_JSON_ARRAY)
        take_levels(s, bids);
    else
        take_value(s, token, bids ? &s->message->bid_e9 : &s->message->ask_e9,
                   bids ? HAS_BID : HAS_ASK);
}

static void take_maker(scan *s)
{
    ats_json_token token = ats_json_next(&s->json);
    s->message->buyer_is_maker = token == ATS_JSON_TRUE;
    if (token != ATS_JSON_TRUE && token != ATS_JSON_FALSE) {
        note(s, ATS_LINE_FIELD);
        ats_json_skip_rest(&s->json, token);
    }
    s->has |= HAS_MAKER;
}

/* Fields whose names are one letter. */
static void take_letter(scan *s, char name)
{
    ats_binance_message *m = s->message;
    switch (name) {
    case 'e':
        take_event_name(s);
        break;
    case 'E':
        take_event_time(s);
        break;
    case 's':
        take_symbol(s);
        break;
    case 'u':
        take_id(s, &m->last_update_id, HAS_LAST_UPDATE);
        break;
    case 'U':
        take_id(s, &m->first_update_id, HAS_FIRST_UPDATE);
        break;
    case 't':
        take_id(s, &m->trade_id, HAS_TRADE_ID);
        break;
    case 'p':
        take_value(s, ats_json_next(&s->json), &m->px_e9, HAS_PRICE);
        break;
    case 'q':
        take_value(s, ats_json_next(&s->json), &m->qty_e9, HAS_QTY);
        break;
    case 'b':
        take_side(s, true);
        break;
    case 'a':
        take_side(s, false);
        break;
    case 'B':
        take_value(s, ats_json_next(&s->json), &m->bid_size_e9, HAS_BID_SIZE);
        break;
    case 'A':
        take_value(s, ats_json_next(&s->json), &m->ask_size_e9, HAS_ASK_SIZE);
        break;
    case 'm':
        take_maker(s);
        break;
    default:
        ats_json_skip(&s->json);
    }
}

static void take_object(scan *s);

static void take_field(scan *s)
{
    ats_json *j = &s->json;
    if (j->length == 1) {
        take_letter(s, j->text[0]);
    } else if (ats_json_is(j, "data") && !s->nested) {
        ats_json_token token = ats_json_next(j);
        if (token == ATS_JSON_OBJECT && !s->data) {
            s->nested = s->data = true;
            take_object(s);
            s->nested = false;
        } else {
            ats_json_skip_rest(j, token);
        }
    } else if (ats_json_is(j, "pu")) {
        take_id(s, &s->message->previous_update_id, 0);
    } else if (ats_json_is(j, "lastUpdateId")) {
        take_id(s, &s->message->last_update_id, HAS_SNAPSHOT_ID);
    } else if (ats_json_is(j, "bids")) {
        take_side(s, true);
    } else if (ats_json_is(j, "asks")) {
        take_side(s, false);
    } else if (ats_json_is(j, "symbol")) {
        take_symbol(s);
    } else {
        ats_json_skip(j);
    }
}

/* The opening brace was read. */
static void take_object(scan *s)
{
    while (ats_json_next(&s->json) == ATS_JSON_KEY)
        take_field(s);
}

static ats_binance_type type_of(const scan *s)
{
    if (s->has & HAS_EVENT_NAME)
        return s->name;
    if (s->has & HAS_SNAPSHOT_ID)
        return ATS_BINANCE_SNAPSHOT;
    /* Spot tickers carry no event name: known by their four fields. */
    if ((s->has & NEED_BOOK_TICKER) == NEED_BOOK_TICKER)
        return ATS_BINANCE_BOOK_TICKER;
    return ATS_BINANCE_NONE;
}

ats_line_reason ats_binance_decode(const char *text, size_t length, ats_binance_message *message)
{
    static const uint32_t need[] = {0, NEED_BOOK_TICKER, NEED_TRADE, NEED_DEPTH, NEED_SNAPSHOT};
    memset(message, 0, offsetof(ats_binance_message, level));
    scan s = {.message = message};
    ats_json_open(&s.json, text, length);
    if (ats_json_next(&s.json) == ATS_JSON_OBJECT)
        take_object(&s);
    while (s.json.depth) /* an array, say: well formed or not? */
        if (ats_json_next(&s.json) == ATS_JSON_ERROR)
            break;
    if (ats_json_next(&s.json) != ATS_JSON_END)
        return ATS_LINE_SYNTAX;
    message->type = type_of(&s);
    if (message->type == ATS_BINANCE_NONE)
        return ATS_LINE_IGNORED;
    if (s.bad != ATS_LINE_OK)
        return s.bad;
    if ((s.has & need[message->type]) != need[message->type])
        return ATS_LINE_FIELD;
    if (message->type == ATS_BINANCE_TRADE && (message->px_e9 == 0 || message->qty_e9 == 0))
        return ATS_LINE_ZERO;
    return ATS_LINE_OK;
}
