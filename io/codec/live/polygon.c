#include "io/codec/live/polygon.h"

#include "io/codec/json.h"

#include <string.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        ats_line_reason bad_ = (call);                                                             \
        if (bad_ != ATS_LINE_OK)                                                                   \
            return bad_;                                                                           \
    } while (0)

/* Keys that are read; `T` is the ticker of LULD and NOI, other letters mean what the event says. */
typedef enum field {
    F_NONE = 0,
    F_EV,
    F_SYM,
    F_TICKER,
    F_STATUS,
    F_MESSAGE,
    F_FMV,
    F_AT,
    F_DS,
    F_DV,
    F_VW,
    F_BX,
    F_BP,
    F_BS,
    F_AX,
    F_AP,
    F_AS,
    F_A,
    F_B,
    F_C,
    F_E,
    F_H,
    F_I,
    F_L,
    F_O,
    F_P,
    F_Q,
    F_S,
    F_T,
    F_V,
    F_X,
    F_Z,
    F_COUNT
} field;

static const struct {
    char name[8];
    uint8_t length;
} NAMES[F_COUNT] = {
    [F_EV] = {"ev", 2},
    [F_SYM] = {"sym", 3},
    [F_TICKER] = {"T", 1},
    [F_STATUS] = {"status", 6},
    [F_MESSAGE] = {"message", 7},
    [F_FMV] = {"fmv", 3},
    [F_AT] = {"at", 2},
    [F_DS] = {"ds", 2},
    [F_DV] = {"dv", 2},
    [F_VW] = {"vw", 2},
    [F_BX] = {"bx", 2},
    [F_BP] = {"bp", 2},
    [F_BS] = {"bs", 2},
    [F_AX] = {"ax", 2},
    [F_AP] = {"ap", 2},
    [F_AS] = {"as", 2},
    [F_A] = {"a", 1},
    [F_B] = {"b", 1},
    [F_C] = {"c", 1},
    [F_E] = {"e", 1},
    [F_H] = {"h", 1},
    [F_I] = {"i", 1},
    [F_L] = {"l", 1},
    [F_O] = {"o", 1},
    [F_P] = {"p", 1},
    [F_Q] = {"q", 1},
    [F_S] = {"s", 1},
    [F_T] = {"t", 1},
    [F_V] = {"v", 1},
    [F_X] = {"x", 1},
    [F_Z] = {"z", 1},
};

typedef struct fields {
    ats_value value[F_COUNT]; /* ABSENT where it did not come */
} fields;

static field field_of(const char *key, size_t length)
{
    for (uint32_t f = 1; f < F_COUNT; f++)
        if (NAMES[f].length == length && memcmp(NAMES[f].name, key, length) == 0)
            return (field)f;
    return F_NONE;
}

/* ---- numbers that may be left out -------------------------------------------------------------
 */

static ats_line_reason amount(const fields *f, field which, int64_t *out)
{
    *out = 0;
    return f->value[which].type == ATS_VALUE_ABSENT
               ? ATS_LINE_OK
               : ats_value_e9(&f->value[which], ATS_VALUE_MAX_E9, out);
}

static ats_line_reason count(const fields *f, field which, uint64_t most, uint64_t *out)
{
    *out = 0;
    return f->value[which].type == ATS_VALUE_ABSENT ? ATS_LINE_OK
                                                    : ats_value_u64(&f->value[which], most, out);
}

/* ms, us or ns by the number of digits: 13, 16 or 19. */
static ats_line_reason read_time(const ats_value *v, int64_t *out_ns)
{
    uint64_t t;
    if (!ats_value_is_there(v))
        return ATS_LINE_FIELD;
    if (ats_value_u64(v, INT64_MAX, &t) != ATS_LINE_OK)
        return ATS_LINE_TIME;
    if (t >= 1000000000000ull && t < 10000000000000ull)
        t *= 1000000; /* below 1e19: it fits */
    else if (t >= 1000000000000000ull && t < 10000000000000000ull)
        t *= 1000;
    else if (t < 1000000000000000000ull)
        return ATS_LINE_TIME;
    if (t >= (uint64_t)ATS_TIME_MAX_NS || !ats_time_is_sane((int64_t)t))
        return ATS_LINE_TIME;
    *out_ns = (int64_t)t;
    return ATS_LINE_OK;
}

/* ---- numbers to letters -----------------------------------------------------------------------
 */

static ats_line_reason read_venue(const fields *f, field which, uint8_t *out)
{
    static const char letters[] = "\0ABCDEIJKMNPTSLVWXYZHU"; /* by the vendor's exchange id */
    uint64_t id;
    TRY(count(f, which, UINT32_MAX, &id));
    *out = id < sizeof letters - 1 ? (uint8_t)letters[id] : 0;
    return ATS_LINE_OK;
}

static ats_line_reason read_tape(const fields *f, uint8_t *out)
{
    uint64_t tape;
    TRY(count(f, F_Z, UINT32_MAX, &tape));
    *out = tape >= 1 && tape <= 3 ? (uint8_t)('A' + tape - 1) : 0;
    return ATS_LINE_OK;
}

static char condition_letter(uint64_t id)
{
    static const char letters[] = {
        [0] = '@',  [1] = 'A',  [2] = 'W',  [4] = 'B',  [5] = 'G',  [7] = 'C',  [8] = '6',
        [9] = 'X',  [10] = '4', [11] = 'D', [12] = 'T', [13] = 'U', [14] = 'F', [15] = 'M',
        [16] = 'Q', [20] = 'N', [21] = 'H', [22] = 'P', [37] = 'I', [41] = ' '};
    return id < sizeof letters && letters[id] ? letters[id] : '?';
}

static ats_line_reason read_conditions(const ats_value *v, uint8_t out[4])
{
    ats_list list;
    ats_value element;
    uint32_t n = 0;
    memset(out, ' ', 4);
    if (!ats_list_open(&list, v))
        return ATS_LINE_FIELD;
    while (ats_list_next(&list, &element)) {
        uint64_t id;
        TRY(ats_value_u64(&element, UINT32_MAX, &id));
        char letter = condition_letter(id);
        if (letter == ' ')
            continue;
        if (n == 4)
            return ATS_LINE_FIELD;
        out[n++] = (uint8_t)letter;
    }
    return ATS_LINE_OK;
}

/* ---- events -----------------------------------------------------------------------------------
 */

static ats_line_reason read_head(ats_decoder *d, const fields *f, field symbol, field time,
                                 uint32_t kind, ats_decoded *out)
{
    memset(out, 0, sizeof *out);
    out->h.kind = (uint8_t)kind;
    TRY(read_time(&f->value[time], &out->h.event_ns));
    return ats_decoder_symbol(d, &f->value[symbol], out);
}

static ats_line_reason read_trade(ats_decoder *d, const fields *f, ats_decoded *out)
{
    TRY(read_head(d, f, F_SYM, F_T, ATS_KIND_TRADE, out));
    ats_trade *t = &out->trade;
    t->source = ATS_SOURCE_POLYGON;
    TRY(amount(f, F_P, &t->px_e9));
    if (ats_value_is_there(&f->value[F_DS]))
        TRY(ats_value_amount_e9(&f->value[F_DS], false, false, &t->qty_e9));
    else
        TRY(amount(f, F_S, &t->qty_e9));
    if (t->px_e9 == 0 || t->qty_e9 == 0)
        return ATS_LINE_ZERO;
    ats_value id = f->value[F_I]; /* digits in quotes */
    if (id.type == ATS_VALUE_STRING) {
        id.type = ATS_VALUE_NUMBER;
        if (ats_value_u64(&id, UINT64_MAX, &t->trade_id) != ATS_LINE_OK)
            t->trade_id = 0;
    } else {
        TRY(count(f, F_I, UINT64_MAX, &t->trade_id));
    }
    TRY(count(f, F_Q, UINT64_MAX, &t->venue_seq));
    TRY(read_venue(f, F_X, &t->venue));
    return read_conditions(&f->value[F_C], t->condition);
}

static ats_line_reason read_quote(ats_decoder *d, const fields *f, ats_decoded *out)
{
    TRY(read_head(d, f, F_SYM, F_T, ATS_KIND_QUOTE, out));
    ats_quote *q = &out->quote;
    q->source = ATS_SOURCE_POLYGON;
    TRY(amount(f, F_BP, &q->bid_e9));
    TRY(amount(f, F_BS, &q->bid_size_e9));
    TRY(amount(f, F_AP, &q->ask_e9));
    TRY(amount(f, F_AS, &q->ask_size_e9));
    TRY(read_venue(f, F_BX, &q->bid_venue));
    TRY(read_venue(f, F_AX, &q->ask_venue));
    TRY(count(f, F_Q, UINT64_MAX, &q->venue_seq));
    return ats_decoder_finish_quote(d, q);
}

static ats_line_reason read_bar(ats_decoder *d, const fields *f, uint32_t period_s,
                                ats_decoded *out)
{
    TRY(read_head(d, f, F_SYM, F_S, ATS_KIND_BAR, out));
    ats_bar *b = &out->bar;
    int64_t end_ns;
    b->period_s = period_s;
    TRY(amount(f, F_O, &b->open_e9));
    TRY(amount(f, F_H, &b->high_e9));
    TRY(amount(f, F_L, &b->low_e9));
    TRY(amount(f, F_C, &b->close_e9));
    if (ats_value_is_there(&f->value[F_V]))
        TRY(ats_value_rounded_e9(&f->value[F_V], ATS_VOLUME_MAX_E9, &b->volume_e9));
    if (ats_value_is_there(&f->value[F_VW]))
        TRY(ats_value_rounded_e9(&f->value[F_VW], ATS_VALUE_MAX_E9, &b->vwap_e9));
    TRY(read_time(&f->value[F_E], &end_ns));
    return end_ns - b->h.event_ns == (int64_t)period_s * ATS_E9 ? ATS_LINE_OK : ATS_LINE_TIME;
}

static ats_line_reason read_band(ats_decoder *d, const fields *f, ats_decoded *out)
{
    TRY(read_head(d, f, F_TICKER, F_T, ATS_DECODED_BAND, out));
    out->band.source = ATS_SOURCE_POLYGON;
    TRY(amount(f, F_H, &out->band.high_e9));
    TRY(amount(f, F_L, &out->band.low_e9));
    TRY(count(f, F_Q, UINT64_MAX, &out->band.venue_seq));
    return read_tape(f, &out->band.tape);
}

static ats_line_reason read_imbalance(ats_decoder *d, const fields *f, ats_decoded *out)
{
    uint64_t at;
    TRY(read_head(d, f, F_TICKER, F_T, ATS_DECODED_IMBALANCE, out));
    ats_decoded_imbalance *i = &out->imbalance;
    i->source = ATS_SOURCE_POLYGON;
    TRY(amount(f, F_O, &i->imbalance_e9));
    TRY(amount(f, F_P, &i->paired_e9));
    TRY(amount(f, F_B, &i->px_e9));
    TRY(count(f, F_I, UINT64_MAX, &i->venue_seq));
    TRY(count(f, F_AT, 2359, &at));
    i->auction_hhmm = (uint32_t)at;
    return ats_value_letter(&f->value[F_A], &i->auction);
}

static ats_line_reason read_reference(ats_decoder *d, const fields *f, ats_decoded *out)
{
    TRY(read_head(d, f, F_SYM, F_T, ATS_DECODED_REFERENCE, out));
    out->reference.source = ATS_SOURCE_POLYGON;
    TRY(ats_value_rounded_e9(&f->value[F_FMV], ATS_VALUE_MAX_E9, &out->reference.px_e9));
    return out->reference.px_e9 ? ATS_LINE_OK : ATS_LINE_ZERO;
}

static ats_line_reason read_status(ats_decoder *d, const fields *f, ats_decoded *out)
{
    static const struct {
        const char *word;
        uint32_t message;
    } words[] = {{"connected", ATS_MESSAGE_CONNECTED},
                 {"auth_success", ATS_MESSAGE_AUTHENTICATED},
                 {"auth_failed", ATS_MESSAGE_AUTH_FAILED},
                 {"auth_timeout", ATS_MESSAGE_ERROR},
                 {"auth_required", ATS_MESSAGE_ERROR},
                 {"max_connections", ATS_MESSAGE_ERROR},
                 {"error", ATS_MESSAGE_ERROR}};
    memset(out, 0, sizeof *out);
    out->h.kind = ATS_DECODED_CONTROL;
    out->control.source = ATS_SOURCE_POLYGON;
    for (uint32_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (ats_value_text_is(&f->value[F_STATUS], words[i].word, strlen(words[i].word)))
            out->control.message = words[i].message;
    d->note[0] = f->value[F_MESSAGE];
    d->note[1] = f->value[F_STATUS];
    return ATS_LINE_OK;
}

static ats_line_reason read_event(ats_decoder *d, const fields *f, ats_decoded *out)
{
    const ats_value *ev = &f->value[F_EV];
    if (ev->type != ATS_VALUE_STRING)
        return ATS_LINE_FIELD;
    if (ats_value_is(ev, "Q"))
        return read_quote(d, f, out);
    if (ats_value_is(ev, "T"))
        return read_trade(d, f, out);
    if (ats_value_is(ev, "AM"))
        return read_bar(d, f, 60, out);
    if (ats_value_is(ev, "A"))
        return read_bar(d, f, 1, out);
    if (ats_value_is(ev, "LULD"))
        return read_band(d, f, out);
    if (ats_value_is(ev, "NOI"))
        return read_imbalance(d, f, out);
    if (ats_value_is(ev, "FMV"))
        return read_reference(d, f, out);
    return ats_value_is(ev, "status") ? read_status(d, f, out) : ATS_LINE_IGNORED;
}

static ats_line_reason read_message(ats_decoder *d, ats_json *j, ats_decoded *out)
{
    fields f;
    ats_json_token token;
    memset(&f, 0, sizeof f);
    while ((token = ats_json_next(j)) == ATS_JSON_KEY)
        if (!ats_value_scan_json(j, &f.value[field_of(j->text, j->length)]))
            return ATS_LINE_SYNTAX;
    return token == ATS_JSON_OBJECT_END ? read_event(d, &f, out) : ATS_LINE_SYNTAX;
}

bool ats_polygon_next(ats_decoder *d, ats_decoded *out)
{
    return ats_decoder_next_json(d, out, read_message, NULL);
}
