#include "io/codec/live/iex.h"

#include "io/codec/quote.h"

#include <string.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        ats_line_reason bad_ = (call);                                                             \
        if (bad_ != ATS_LINE_OK)                                                                   \
            return bad_;                                                                           \
    } while (0)

#define HEADER_BYTES 40u

/* Where a message has what; its type is its first byte. */
enum {
    AT_FLAGS = 1,
    AT_TIME = 2,
    AT_SYMBOL = 10,
    AT_SIZE = 18,   /* Q: of the bid */
    AT_REASON = 18, /* H */
    AT_OFFICIAL = 18,
    AT_PRICE = 22, /* Q: of the bid */
    AT_TRADE_ID = 30,
    AT_ASK = 30,
    AT_ASK_SIZE = 38
};

static inline uint64_t load(const uint8_t *p, uint32_t bytes)
{
    uint64_t v = 0;
    memcpy(&v, p, bytes); /* little-endian, as this host is */
    return v;
}

/* Four implied decimals to 1e-9 units. */
static ats_line_reason read_price(const uint8_t *p, int64_t *out)
{
    int64_t price = (int64_t)load(p, 8);
    if (price < 0)
        return ATS_LINE_NEGATIVE;
    if (price > ATS_VALUE_MAX_E9 / 100000)
        return ATS_LINE_RANGE;
    *out = price * 100000;
    return ATS_LINE_OK;
}

static ats_line_reason read_size(const uint8_t *p, int64_t *out)
{
    int64_t size = (int64_t)load(p, 4);
    if (size > ATS_VALUE_MAX_E9 / ATS_E9)
        return ATS_LINE_RANGE;
    *out = size * ATS_E9;
    return ATS_LINE_OK;
}

/* Time and symbol, which all messages have that are taken. */
static ats_line_reason read_head(ats_decoder *d, const uint8_t *p, uint32_t kind, ats_decoded *out)
{
    uint32_t length = 8;
    memset(out, 0, sizeof *out);
    out->h.kind = (uint8_t)kind;
    out->h.event_ns = (int64_t)load(p + AT_TIME, 8);
    if (!ats_time_is_sane(out->h.event_ns))
        return ATS_LINE_TIME;
    while (length && p[AT_SYMBOL + length - 1] == ' ')
        length--;
    ats_value symbol = {
        .text = (const char *)p + AT_SYMBOL, .length = length, .type = ATS_VALUE_STRING};
    return ats_decoder_symbol(d, &symbol, out);
}

static ats_line_reason read_quote(const uint8_t *p, uint64_t seq, ats_quote *q)
{
    TRY(read_size(p + AT_SIZE, &q->bid_size_e9));
    TRY(read_price(p + AT_PRICE, &q->bid_e9));
    TRY(read_price(p + AT_ASK, &q->ask_e9));
    TRY(read_size(p + AT_ASK_SIZE, &q->ask_size_e9));
    if (q->bid_e9 == 0)
        q->bid_size_e9 = 0;
    if (q->ask_e9 == 0)
        q->ask_size_e9 = 0;
    q->quote_flags = ats_quote_flags(q->bid_e9, q->ask_e9);
    if (p[AT_FLAGS] & 0x80)
        q->quote_flags |= ATS_QUOTE_HALTED;
    q->venue = q->bid_venue = q->ask_venue = 'V';
    q->venue_seq = seq;
    q->source = ATS_SOURCE_IEX;
    return ATS_LINE_OK;
}

static ats_line_reason read_traded(const uint8_t *p, int64_t *px, int64_t *qty, uint64_t *id)
{
    TRY(read_price(p + AT_PRICE, px));
    TRY(read_size(p + AT_SIZE, qty));
    *id = load(p + AT_TRADE_ID, 8);
    return *px && *qty ? ATS_LINE_OK : ATS_LINE_ZERO;
}

static ats_line_reason read_trade(const uint8_t *p, uint64_t seq, ats_trade *t)
{
    static const struct {
        uint8_t flag, letter;
    } conditions[] = {{0x80, 'F'}, {0x40, 'T'}, {0x20, 'I'}, {0x08, 'X'}};
    uint32_t n = 0;
    TRY(read_traded(p, &t->px_e9, &t->qty_e9, &t->trade_id));
    memset(t->condition, ' ', sizeof t->condition);
    for (uint32_t i = 0; i < 4; i++)
        if (p[AT_FLAGS] & conditions[i].flag)
            t->condition[n++] = conditions[i].letter;
    if (n == 0)
        t->condition[0] = '@';
    t->venue = 'V';
    t->venue_seq = seq;
    t->source = ATS_SOURCE_IEX;
    return ATS_LINE_OK;
}

static ats_line_reason read_break(const uint8_t *p, ats_decoded_cancel *c)
{
    TRY(read_traded(p, &c->px_e9, &c->qty_e9, &c->trade_id));
    c->action = 'B';
    c->venue = 'V';
    c->source = ATS_SOURCE_IEX;
    return ATS_LINE_OK;
}

static ats_line_reason read_level(const uint8_t *p, uint64_t seq, ats_book_level *l)
{
    TRY(read_size(p + AT_SIZE, &l->qty_e9));
    TRY(read_price(p + AT_PRICE, &l->px_e9));
    if (l->px_e9 == 0)
        return ATS_LINE_ZERO;
    l->side = *p == '8' ? ATS_SIDE_BUY : ATS_SIDE_SELL;
    l->first_update_id = l->last_update_id = seq;
    l->source = ATS_SOURCE_IEX;
    if (p[AT_FLAGS] & 1)
        l->h.flags = ATS_FLAG_END_OF_EVENT;
    return ATS_LINE_OK;
}

static ats_value text_of(const uint8_t *p, uint32_t length)
{
    return (ats_value){.text = (const char *)p, .length = length, .type = ATS_VALUE_STRING};
}

static ats_line_reason read_status(ats_decoder *d, const uint8_t *p, ats_decoded *out)
{
    uint8_t letter = p[AT_FLAGS];
    uint32_t code = ATS_STATUS_NONE;
    memset(d->note, 0, sizeof d->note);
    if (*p == 'P') {
        code = letter == 1 ? ATS_STATUS_SHORT_RESTRICTED : ATS_STATUS_NONE;
    } else {
        d->note[0] = text_of(p + AT_FLAGS, 1);
        if (*p == 'H') {
            d->note[2] = text_of(p + AT_REASON, 4);
            code = letter == 'H' || letter == 'P' ? ATS_STATUS_HALT
                   : letter == 'T'                ? ATS_STATUS_RESUME
                                                  : ATS_STATUS_NONE;
        }
    }
    out->h.kind = code == ATS_STATUS_NONE ? ATS_DECODED_STATUS : ATS_KIND_STATUS;
    out->status.code = code;
    out->status.source = ATS_SOURCE_IEX;
    return ATS_LINE_OK;
}

/* Kind and least number of bytes by type; 0 bytes: none of ours. Messages may have grown at their
 * end. */
static const struct {
    uint8_t kind, bytes;
} TYPES[128] = {['Q'] = {ATS_KIND_QUOTE, 42},       ['T'] = {ATS_KIND_TRADE, 38},
                ['B'] = {ATS_DECODED_CANCEL, 38},   ['8'] = {ATS_KIND_BOOK_LEVEL, 30},
                ['5'] = {ATS_KIND_BOOK_LEVEL, 30},  ['H'] = {ATS_KIND_STATUS, 22},
                ['P'] = {ATS_KIND_STATUS, 19},      ['O'] = {ATS_KIND_STATUS, 18},
                ['X'] = {ATS_DECODED_REFERENCE, 26}};

static ats_line_reason read_message(ats_decoder *d, const uint8_t *p, uint32_t length, uint64_t seq,
                                    ats_decoded *out)
{
    uint32_t type = length ? *p : 0;
    if (type >= 128 || TYPES[type].bytes == 0)
        return length ? ATS_LINE_IGNORED : ATS_LINE_FIELD;
    if (length < TYPES[type].bytes)
        return ATS_LINE_FIELD;
    TRY(read_head(d, p, TYPES[type].kind, out));
    switch (type) {
    case 'Q':
        return read_quote(p, seq, &out->quote);
    case 'T':
        return read_trade(p, seq, &out->trade);
    case 'B':
        return read_break(p, &out->cancel);
    case '8':
    case '5':
        return read_level(p, seq, &out->book_level);
    case 'X':
        out->reference.source = ATS_SOURCE_IEX;
        TRY(read_price(p + AT_OFFICIAL, &out->reference.px_e9));
        return out->reference.px_e9 ? ATS_LINE_OK : ATS_LINE_ZERO;
    default:
        return read_status(d, p, out);
    }
}

/* ---- segments ----------------------------------------------------------------------------------
 */

static void note_sequence(ats_iex *x, uint32_t session, uint64_t first)
{
    if (session != x->session) {
        x->session = session;
        x->next_seq = first;
    }
    if (first > x->next_seq) {
        x->gaps++;
        x->lost += first - x->next_seq;
        x->next_seq = first;
    }
    x->at_seq = first;
}

bool ats_iex_open(ats_iex *x, const void *segment, size_t length)
{
    ats_decoder *d = &x->decoder;
    const uint8_t *p = segment;
    ats_decoder_open(d, segment, length);
    if (d->state == ATS_FRAME_DONE)
        return false;
    uint32_t protocol = length < HEADER_BYTES ? 0 : (uint32_t)load(p + 2, 2);
    if (protocol < ATS_IEX_TOPS_1_5 || protocol > ATS_IEX_DEEP_1_0 || *p != 1 ||
        load(p + 12, 2) != length - HEADER_BYTES || load(p + 24, 8) > INT64_MAX) {
        ats_decoder_abandon(d, d->start);
        return false;
    }
    d->at = d->start + HEADER_BYTES;
    d->left = (uint32_t)load(p + 14, 2);
    d->state = ATS_FRAME_NEXT;
    x->send_ns = (int64_t)load(p + 32, 8);
    note_sequence(x, (uint32_t)load(p + 8, 4), load(p + 24, 8));
    return true;
}

bool ats_iex_next(ats_iex *x, ats_decoded *out)
{
    ats_decoder *d = &x->decoder;
    while (d->state == ATS_FRAME_NEXT) {
        const char *at = d->at;
        size_t rest = (size_t)(d->end - at);
        uint32_t length = rest < 2 ? 0 : (uint32_t)load((const uint8_t *)at, 2);
        if (d->left == 0 && rest == 0) {
            d->state = ATS_FRAME_DONE;
            return false;
        }
        if (d->left == 0 || rest < 2 || rest - 2 < length) {
            ats_decoder_abandon(d, at);
            return false;
        }
        d->at = at + 2 + length;
        d->left--;
        uint64_t seq = x->at_seq++;
        if (seq < x->next_seq) {
            x->duplicates++;
            continue;
        }
        x->next_seq = seq + 1;
        d->messages++;
        ats_line_reason reason = read_message(d, (const uint8_t *)at + 2, length, seq, out);
        if (reason == ATS_LINE_OK) {
            d->taken++;
            return true;
        }
        if (reason != ATS_LINE_BLANK)
            ats_decoder_refuse(d, reason, at);
    }
    return false;
}
