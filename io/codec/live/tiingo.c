#include "io/codec/live/tiingo.h"

#include "io/codec/json.h"
#include "io/codec/quote.h"

#include <string.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        ats_line_reason bad_ = (call);                                                             \
        if (bad_ != ATS_LINE_OK)                                                                   \
            return bad_;                                                                           \
    } while (0)

#define POSITIONS 16u

/* Positions of level 0 and 5. */
enum {
    AT_KIND,
    AT_TIME,
    AT_EPOCH,
    AT_TICKER,
    AT_BID_SIZE,
    AT_BID,
    AT_MID,
    AT_ASK,
    AT_ASK_SIZE,
    AT_LAST,
    AT_LAST_SIZE,
    AT_HALTED,
    AT_AFTER_HOURS,
    AT_SWEEP,
    AT_ODD_LOT,
    AT_EXEMPT
};

typedef struct message {
    ats_value service, type, data, code, text, subscription;
} message;

/* A price or size that may be null. */
static ats_line_reason amount(const ats_value *v, int64_t *out)
{
    *out = 0;
    return ats_value_is_there(v) ? ats_value_e9(v, ATS_VALUE_MAX_E9, out) : ATS_LINE_OK;
}

static ats_line_reason flag(const ats_value *v, bool *out)
{
    uint64_t bit = 0;
    if (ats_value_is_there(v))
        TRY(ats_value_u64(v, 1, &bit));
    *out = bit;
    return ATS_LINE_OK;
}

/* The ticker, in upper case, as symbol_id. d->symbol stays as the frame has it. */
static ats_line_reason read_ticker(ats_decoder *d, const ats_value *v, ats_decoded *out)
{
    char upper[ATS_SYMBOL_TEXT];
    if (v->type != ATS_VALUE_STRING || v->length >= sizeof upper)
        return ATS_LINE_SYMBOL;
    for (uint32_t i = 0; i < v->length; i++)
        upper[i] = v->text[i] >= 'a' && v->text[i] <= 'z' ? (char)(v->text[i] - 32) : v->text[i];
    ats_value ticker = *v;
    ticker.text = upper;
    TRY(ats_decoder_symbol(d, &ticker, out));
    d->symbol = *v;
    return ATS_LINE_OK;
}

static ats_line_reason read_time(const ats_value *epoch, const ats_value *text, int64_t *out)
{
    if (!ats_value_is_there(epoch))
        return ats_value_time(text, out);
    uint64_t ns;
    if (ats_value_u64(epoch, INT64_MAX, &ns) != ATS_LINE_OK || !ats_time_is_sane((int64_t)ns))
        return ATS_LINE_TIME;
    *out = (int64_t)ns;
    return ATS_LINE_OK;
}

static void finish_quote(ats_quote *q)
{
    if (q->bid_e9 == 0)
        q->bid_size_e9 = 0;
    if (q->ask_e9 == 0)
        q->ask_size_e9 = 0;
    q->quote_flags |= ats_quote_flags(q->bid_e9, q->ask_e9);
    q->source = ATS_SOURCE_TIINGO;
    q->h.kind = ATS_KIND_QUOTE;
}

static ats_line_reason read_quote(const ats_value *at, ats_quote *q)
{
    bool halted;
    TRY(amount(&at[AT_BID], &q->bid_e9));
    TRY(amount(&at[AT_BID_SIZE], &q->bid_size_e9));
    TRY(amount(&at[AT_ASK], &q->ask_e9));
    TRY(amount(&at[AT_ASK_SIZE], &q->ask_size_e9));
    TRY(flag(&at[AT_HALTED], &halted));
    q->venue = q->bid_venue = q->ask_venue = 'V';
    q->quote_flags = halted ? ATS_QUOTE_HALTED : 0;
    finish_quote(q);
    return ATS_LINE_OK;
}

static ats_line_reason read_last(const ats_value *at, int64_t *px, int64_t *qty)
{
    TRY(ats_value_e9(&at[AT_LAST], ATS_VALUE_MAX_E9, px));
    TRY(ats_value_e9(&at[AT_LAST_SIZE], ATS_VALUE_MAX_E9, qty));
    return *px && *qty ? ATS_LINE_OK : ATS_LINE_ZERO;
}

static ats_line_reason read_trade(const ats_value *at, ats_trade *t)
{
    static const char letters[] = "TFI"; /* by position, from AT_AFTER_HOURS on */
    uint32_t n = 0;
    TRY(read_last(at, &t->px_e9, &t->qty_e9));
    memset(t->condition, ' ', sizeof t->condition);
    for (uint32_t i = 0; i < 3; i++) {
        bool is;
        TRY(flag(&at[AT_AFTER_HOURS + i], &is));
        if (is)
            t->condition[n++] = (uint8_t)letters[i];
    }
    if (n == 0)
        t->condition[0] = '@';
    t->venue = 'V';
    t->source = ATS_SOURCE_TIINGO;
    t->h.kind = ATS_KIND_TRADE;
    return ATS_LINE_OK;
}

static ats_line_reason read_break(const ats_value *at, ats_decoded_cancel *c)
{
    TRY(read_last(at, &c->px_e9, &c->qty_e9));
    c->action = 'B';
    c->venue = 'V';
    c->source = ATS_SOURCE_TIINGO;
    c->h.kind = ATS_DECODED_CANCEL;
    return ATS_LINE_OK;
}

/* [kind, time, epoch, ticker, ...] */
static ats_line_reason read_top(ats_decoder *d, const ats_value *at, ats_decoded *out)
{
    TRY(read_time(&at[AT_EPOCH], &at[AT_TIME], &out->h.event_ns));
    TRY(read_ticker(d, &at[AT_TICKER], out));
    if (ats_value_is(&at[AT_KIND], "Q"))
        return read_quote(at, &out->quote);
    if (ats_value_is(&at[AT_KIND], "T"))
        return read_trade(at, &out->trade);
    return ats_value_is(&at[AT_KIND], "B") ? read_break(at, &out->cancel) : ATS_LINE_IGNORED;
}

/* [time, ticker, reference] and [time, ticker, spread, bid size, bid, reference, ask, ask size] */
static ats_line_reason read_consolidated(ats_decoder *d, const ats_value *at, uint32_t count,
                                         ats_decoded *out)
{
    TRY(ats_value_time(&at[0], &out->h.event_ns));
    TRY(read_ticker(d, &at[1], out));
    if (count == 3) {
        out->reference.source = ATS_SOURCE_TIINGO;
        out->h.kind = ATS_DECODED_REFERENCE;
        TRY(ats_value_rounded_e9(&at[2], ATS_VALUE_MAX_E9, &out->reference.px_e9));
        return out->reference.px_e9 ? ATS_LINE_OK : ATS_LINE_ZERO;
    }
    ats_quote *q = &out->quote;
    TRY(amount(&at[3], &q->bid_size_e9));
    TRY(amount(&at[4], &q->bid_e9));
    TRY(amount(&at[6], &q->ask_e9));
    TRY(amount(&at[7], &q->ask_size_e9));
    q->quote_flags = ATS_QUOTE_NATIONAL;
    finish_quote(q);
    return ATS_LINE_OK;
}

static ats_line_reason read_data(ats_decoder *d, const message *m, ats_decoded *out)
{
    ats_value at[POSITIONS], more;
    ats_list list;
    uint32_t n = 0;
    bool iex = ats_value_is(&m->service, "iex");
    if (!iex && !ats_value_is(&m->service, "cons"))
        return ATS_LINE_IGNORED;
    if (m->data.type != ATS_VALUE_JSON_LIST || !ats_list_open(&list, &m->data))
        return ATS_LINE_FIELD;
    while (n < POSITIONS && ats_list_next(&list, &at[n]))
        n++;
    memset(out, 0, sizeof *out);
    if (n == 3 || (n == 8 && !iex))
        return read_consolidated(d, at, n, out);
    return n == POSITIONS && iex && !ats_list_next(&list, &more) ? read_top(d, at, out)
                                                                 : ATS_LINE_FIELD;
}

static ats_line_reason read_session(ats_decoder *d, const message *m, ats_decoded *out)
{
    uint64_t code = 0, id = 0;
    if (ats_value_is_there(&m->code))
        TRY(ats_value_u64(&m->code, 999999, &code));
    ats_value subscription = m->subscription; /* a number, or one in quotes */
    if (subscription.type == ATS_VALUE_STRING)
        subscription.type = ATS_VALUE_NUMBER;
    if (ats_value_u64(&subscription, UINT64_MAX, &id) != ATS_LINE_OK)
        id = 0;
    memset(out, 0, sizeof *out);
    out->h.kind = ATS_DECODED_CONTROL;
    out->control.source = ATS_SOURCE_TIINGO;
    out->control.subscription_id = id;
    bool fine = (code == 200 || code == 0) && !ats_value_is(&m->type, "E");
    out->control.code = fine ? 0 : (int32_t)code;
    out->control.message = !fine                         ? ATS_MESSAGE_ERROR
                           : ats_value_is(&m->type, "H") ? ATS_MESSAGE_HEARTBEAT
                           : id                          ? ATS_MESSAGE_SUBSCRIPTION
                                                         : ATS_MESSAGE_OTHER;
    d->note[0] = m->text;
    return ATS_LINE_OK;
}

/* The members of `response` and of a `data` that is an object. False: malformed. */
static bool scan_inner(ats_json *j, message *m)
{
    ats_json_token token;
    while ((token = ats_json_next(j)) == ATS_JSON_KEY) {
        ats_value ignored, *to = &ignored;
        if (ats_json_is(j, "code"))
            to = &m->code;
        else if (ats_json_is(j, "message"))
            to = &m->text;
        else if (ats_json_is(j, "subscriptionId"))
            to = &m->subscription;
        if (!ats_value_scan_json(j, to))
            return false;
    }
    return token == ATS_JSON_OBJECT_END;
}

/* A value that may be an object of the session's. */
static bool scan_value(ats_json *j, message *m, ats_value *to)
{
    ats_json inner = *j;
    if (!ats_value_scan_json(j, to))
        return false;
    if (to->type != ATS_VALUE_OBJECT)
        return true;
    return ats_json_next(&inner) == ATS_JSON_OBJECT && scan_inner(&inner, m);
}

static ats_line_reason read_message(ats_decoder *d, ats_json *j, ats_decoded *out)
{
    message m;
    ats_json_token token;
    memset(&m, 0, sizeof m);
    while ((token = ats_json_next(j)) == ATS_JSON_KEY) {
        ats_value ignored, *to = &ignored;
        if (ats_json_is(j, "service"))
            to = &m.service;
        else if (ats_json_is(j, "messageType"))
            to = &m.type;
        else if (ats_json_is(j, "data"))
            to = &m.data;
        if (!(to == &m.data || ats_json_is(j, "response") ? scan_value(j, &m, to)
                                                          : ats_value_scan_json(j, to)))
            return ATS_LINE_SYNTAX;
    }
    if (token != ATS_JSON_OBJECT_END)
        return ATS_LINE_SYNTAX;
    if (m.type.type != ATS_VALUE_STRING)
        return ATS_LINE_FIELD;
    if (ats_value_is(&m.type, "A"))
        return read_data(d, &m, out);
    if (ats_value_is(&m.type, "I") || ats_value_is(&m.type, "H") || ats_value_is(&m.type, "E"))
        return read_session(d, &m, out);
    return ATS_LINE_IGNORED;
}

bool ats_tiingo_next(ats_decoder *d, ats_decoded *out)
{
    return ats_decoder_next_json(d, out, read_message, NULL);
}
