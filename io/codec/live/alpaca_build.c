#include "io/codec/live/alpaca.h"

#include <string.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        ats_line_reason bad_ = (call);                                                             \
        if (bad_ != ATS_LINE_OK)                                                                   \
            return bad_;                                                                           \
    } while (0)

/* Keys of one letter. */
static const uint8_t LETTER[128] = {
    ['T'] = ATS_ALPACA_T,      ['S'] = ATS_ALPACA_SYMBOL, ['t'] = ATS_ALPACA_TIME,
    ['i'] = ATS_ALPACA_ID,     ['x'] = ATS_ALPACA_VENUE,  ['p'] = ATS_ALPACA_PRICE,
    ['s'] = ATS_ALPACA_SIZE,   ['c'] = ATS_ALPACA_C,      ['z'] = ATS_ALPACA_TAPE,
    ['o'] = ATS_ALPACA_OPEN,   ['h'] = ATS_ALPACA_HIGH,   ['l'] = ATS_ALPACA_LOW,
    ['v'] = ATS_ALPACA_VOLUME, ['n'] = ATS_ALPACA_COUNT,  ['u'] = ATS_ALPACA_UP,
    ['d'] = ATS_ALPACA_DOWN,   ['a'] = ATS_ALPACA_ACTION};

#define PAIR(first, second) ((uint32_t)(first) << 8 | (uint32_t)(second))

static ats_alpaca_field pair_field(const char *key)
{
    switch (PAIR((unsigned char)key[0], (unsigned char)key[1])) {
    case PAIR('b', 'x'):
        return ATS_ALPACA_BID_VENUE;
    case PAIR('b', 'p'):
        return ATS_ALPACA_BID;
    case PAIR('b', 's'):
        return ATS_ALPACA_BID_SIZE;
    case PAIR('a', 'x'):
        return ATS_ALPACA_ASK_VENUE;
    case PAIR('a', 'p'):
        return ATS_ALPACA_ASK;
    case PAIR('a', 's'):
        return ATS_ALPACA_ASK_SIZE;
    case PAIR('v', 'w'):
        return ATS_ALPACA_VWAP;
    case PAIR('s', 'c'):
        return ATS_ALPACA_STATUS_CODE;
    case PAIR('s', 'm'):
        return ATS_ALPACA_STATUS_TEXT;
    case PAIR('r', 'c'):
        return ATS_ALPACA_REASON_CODE;
    case PAIR('r', 'm'):
        return ATS_ALPACA_REASON_TEXT;
    case PAIR('o', 'i'):
        return ATS_ALPACA_ORIGINAL_ID;
    case PAIR('o', 'p'):
        return ATS_ALPACA_ORIGINAL_PRICE;
    case PAIR('o', 's'):
        return ATS_ALPACA_ORIGINAL_SIZE;
    case PAIR('o', 'c'):
        return ATS_ALPACA_ORIGINAL_CONDITIONS;
    case PAIR('c', 'i'):
        return ATS_ALPACA_CORRECTED_ID;
    case PAIR('c', 'p'):
        return ATS_ALPACA_CORRECTED_PRICE;
    case PAIR('c', 's'):
        return ATS_ALPACA_CORRECTED_SIZE;
    case PAIR('c', 'c'):
        return ATS_ALPACA_CORRECTED_CONDITIONS;
    default:
        return ATS_ALPACA_NONE;
    }
}

ats_alpaca_field ats_alpaca_field_of(const char *key, size_t length)
{
    if (length == 1)
        return (ats_alpaca_field)LETTER[*key & 0x7f & -((unsigned char)*key < 0x80)];
    if (length == 2)
        return pair_field(key);
    if (length == 3 && memcmp(key, "msg", 3) == 0)
        return ATS_ALPACA_MSG;
    if (length == 4 && memcmp(key, "code", 4) == 0)
        return ATS_ALPACA_CODE;
    for (uint32_t c = 0; c < ATS_CHANNEL_COUNT; c++) {
        const char *label = ats_channel_label(c);
        if (strlen(label) == length && memcmp(key, label, length) == 0)
            return (ats_alpaca_field)(ATS_ALPACA_CHANNEL + c);
    }
    return ATS_ALPACA_NONE;
}

static inline const ats_value *get(const ats_alpaca_fields *f, uint32_t field)
{
    static const ats_value absent;
    return f->seen >> field & 1 ? &f->value[field] : &absent;
}

/* A price or size of a trade: 0 is none. */
static ats_line_reason positive_e9(const ats_value *v, int64_t *out)
{
    TRY(ats_value_e9(v, ATS_VALUE_MAX_E9, out));
    return *out == 0 ? ATS_LINE_ZERO : ATS_LINE_OK;
}

/* Symbol and time, which all market messages have. */
static ats_line_reason read_head(ats_decoder *d, const ats_alpaca_fields *f, uint32_t kind,
                                 ats_decoded *out)
{
    memset(out, 0, sizeof *out);
    out->h.kind = (uint8_t)kind;
    TRY(ats_value_time(get(f, ATS_ALPACA_TIME), &out->h.event_ns));
    return ats_decoder_symbol(d, get(f, ATS_ALPACA_SYMBOL), out);
}

static ats_line_reason build_trade(ats_decoder *d, const ats_alpaca_fields *f, ats_decoded *out)
{
    TRY(read_head(d, f, ATS_KIND_TRADE, out));
    ats_trade *t = &out->trade;
    t->source = ATS_SOURCE_ALPACA;
    TRY(positive_e9(get(f, ATS_ALPACA_PRICE), &t->px_e9));
    TRY(positive_e9(get(f, ATS_ALPACA_SIZE), &t->qty_e9));
    TRY(ats_value_u64(get(f, ATS_ALPACA_ID), UINT64_MAX, &t->trade_id));
    TRY(ats_value_letter(get(f, ATS_ALPACA_VENUE), &t->venue));
    return ats_value_conditions(get(f, ATS_ALPACA_C), t->condition);
}

static ats_line_reason build_quote(ats_decoder *d, const ats_alpaca_fields *f, ats_decoded *out)
{
    uint8_t condition[4];
    TRY(read_head(d, f, ATS_KIND_QUOTE, out));
    ats_quote *q = &out->quote;
    q->source = ATS_SOURCE_ALPACA;
    TRY(ats_value_e9(get(f, ATS_ALPACA_BID), ATS_VALUE_MAX_E9, &q->bid_e9));
    TRY(ats_value_e9(get(f, ATS_ALPACA_BID_SIZE), ATS_VALUE_MAX_E9, &q->bid_size_e9));
    TRY(ats_value_e9(get(f, ATS_ALPACA_ASK), ATS_VALUE_MAX_E9, &q->ask_e9));
    TRY(ats_value_e9(get(f, ATS_ALPACA_ASK_SIZE), ATS_VALUE_MAX_E9, &q->ask_size_e9));
    TRY(ats_value_letter(get(f, ATS_ALPACA_BID_VENUE), &q->bid_venue));
    TRY(ats_value_letter(get(f, ATS_ALPACA_ASK_VENUE), &q->ask_venue));
    TRY(ats_value_conditions(get(f, ATS_ALPACA_C), condition));
    q->condition = ats_alpaca_quote_condition(condition);
    return ats_decoder_finish_quote(d, q);
}

static ats_line_reason build_bar(ats_decoder *d, const ats_alpaca_fields *f, uint32_t kind,
                                 ats_decoded *out)
{
    uint64_t count = 0;
    TRY(read_head(d, f, kind, out));
    ats_bar *b = &out->bar;
    TRY(ats_value_e9(get(f, ATS_ALPACA_OPEN), ATS_VALUE_MAX_E9, &b->open_e9));
    TRY(ats_value_e9(get(f, ATS_ALPACA_HIGH), ATS_VALUE_MAX_E9, &b->high_e9));
    TRY(ats_value_e9(get(f, ATS_ALPACA_LOW), ATS_VALUE_MAX_E9, &b->low_e9));
    TRY(ats_value_e9(get(f, ATS_ALPACA_C), ATS_VALUE_MAX_E9, &b->close_e9));
    TRY(ats_value_rounded_e9(get(f, ATS_ALPACA_VOLUME), ATS_VOLUME_MAX_E9, &b->volume_e9));
    if (ats_value_is_there(get(f, ATS_ALPACA_VWAP)))
        TRY(ats_value_rounded_e9(get(f, ATS_ALPACA_VWAP), ATS_VALUE_MAX_E9, &b->vwap_e9));
    if (ats_value_is_there(get(f, ATS_ALPACA_COUNT)))
        TRY(ats_value_u64(get(f, ATS_ALPACA_COUNT), UINT32_MAX, &count));
    b->trade_count = (uint32_t)count;
    b->period_s = kind == ATS_DECODED_BAR_DAILY ? 86400 : 60;
    return ATS_LINE_OK;
}

static uint32_t status_code(const ats_value *v)
{
    if (v->length != 1)
        return ATS_STATUS_NONE;
    switch (*v->text) {
    case '2':
    case 'H':
    case 'P':
        return ATS_STATUS_HALT;
    case '3':
    case 'T':
        return ATS_STATUS_RESUME;
    case 'E':
        return ATS_STATUS_SHORT_RESTRICTED;
    default:
        return ATS_STATUS_NONE;
    }
}

static ats_line_reason build_status(ats_decoder *d, const ats_alpaca_fields *f, ats_decoded *out)
{
    const ats_value *code = get(f, ATS_ALPACA_STATUS_CODE);
    TRY(read_head(d, f, ATS_KIND_STATUS, out));
    if (code->type != ATS_VALUE_STRING)
        return ATS_LINE_FIELD;
    out->status.source = ATS_SOURCE_ALPACA;
    out->status.code = status_code(code);
    if (out->status.code == ATS_STATUS_NONE)
        out->h.kind = ATS_DECODED_STATUS;
    for (uint32_t i = 0; i < 4; i++)
        d->note[i] = *get(f, ATS_ALPACA_STATUS_CODE + i);
    return ATS_LINE_OK;
}

static ats_line_reason build_band(ats_decoder *d, const ats_alpaca_fields *f, ats_decoded *out)
{
    TRY(read_head(d, f, ATS_DECODED_BAND, out));
    out->band.source = ATS_SOURCE_ALPACA;
    TRY(ats_value_e9(get(f, ATS_ALPACA_UP), ATS_VALUE_MAX_E9, &out->band.high_e9));
    TRY(ats_value_e9(get(f, ATS_ALPACA_DOWN), ATS_VALUE_MAX_E9, &out->band.low_e9));
    TRY(ats_value_letter(get(f, ATS_ALPACA_ID), &out->band.indicator));
    return ats_value_letter(get(f, ATS_ALPACA_TAPE), &out->band.tape);
}

static ats_line_reason build_imbalance(ats_decoder *d, const ats_alpaca_fields *f, ats_decoded *out)
{
    TRY(read_head(d, f, ATS_DECODED_IMBALANCE, out));
    out->imbalance.source = ATS_SOURCE_ALPACA;
    TRY(ats_value_e9(get(f, ATS_ALPACA_PRICE), ATS_VALUE_MAX_E9, &out->imbalance.px_e9));
    return ats_value_letter(get(f, ATS_ALPACA_TAPE), &out->imbalance.tape);
}

static ats_line_reason build_cancel(ats_decoder *d, const ats_alpaca_fields *f, ats_decoded *out)
{
    TRY(read_head(d, f, ATS_DECODED_CANCEL, out));
    ats_decoded_cancel *c = &out->cancel;
    c->source = ATS_SOURCE_ALPACA;
    TRY(positive_e9(get(f, ATS_ALPACA_PRICE), &c->px_e9));
    TRY(positive_e9(get(f, ATS_ALPACA_SIZE), &c->qty_e9));
    TRY(ats_value_u64(get(f, ATS_ALPACA_ID), UINT64_MAX, &c->trade_id));
    TRY(ats_value_letter(get(f, ATS_ALPACA_VENUE), &c->venue));
    TRY(ats_value_letter(get(f, ATS_ALPACA_ACTION), &c->action));
    return ats_value_letter(get(f, ATS_ALPACA_TAPE), &c->tape);
}

static ats_line_reason build_correction(ats_decoder *d, const ats_alpaca_fields *f,
                                        ats_decoded *out)
{
    TRY(read_head(d, f, ATS_DECODED_CORRECTION, out));
    ats_decoded_correction *c = &out->correction;
    c->source = ATS_SOURCE_ALPACA;
    TRY(ats_value_u64(get(f, ATS_ALPACA_ORIGINAL_ID), UINT64_MAX, &c->original_id));
    TRY(positive_e9(get(f, ATS_ALPACA_ORIGINAL_PRICE), &c->original_px_e9));
    TRY(positive_e9(get(f, ATS_ALPACA_ORIGINAL_SIZE), &c->original_qty_e9));
    TRY(ats_value_u64(get(f, ATS_ALPACA_CORRECTED_ID), UINT64_MAX, &c->corrected_id));
    TRY(positive_e9(get(f, ATS_ALPACA_CORRECTED_PRICE), &c->corrected_px_e9));
    TRY(positive_e9(get(f, ATS_ALPACA_CORRECTED_SIZE), &c->corrected_qty_e9));
    TRY(ats_value_conditions(get(f, ATS_ALPACA_ORIGINAL_CONDITIONS), c->original_condition));
    TRY(ats_value_conditions(get(f, ATS_ALPACA_CORRECTED_CONDITIONS), c->corrected_condition));
    TRY(ats_value_letter(get(f, ATS_ALPACA_VENUE), &c->venue));
    return ats_value_letter(get(f, ATS_ALPACA_TAPE), &c->tape);
}

static ats_line_reason build_control(ats_decoder *d, const ats_alpaca_fields *f,
                                     ats_control_message message, ats_decoded *out)
{
    uint64_t code = 0;
    const ats_value *text = get(f, ATS_ALPACA_MSG);
    if (message == ATS_MESSAGE_ERROR)
        TRY(ats_value_u64(get(f, ATS_ALPACA_CODE), 999999, &code));
    if (message == ATS_MESSAGE_OTHER && ats_value_is(text, "connected"))
        message = ATS_MESSAGE_CONNECTED;
    else if (message == ATS_MESSAGE_OTHER && ats_value_is(text, "authenticated"))
        message = ATS_MESSAGE_AUTHENTICATED;
    for (uint32_t c = 0; c < ATS_CHANNEL_COUNT; c++) {
        ats_list list;
        d->list[c] = *get(f, ATS_ALPACA_CHANNEL + c);
        if (!ats_list_open(&list, &d->list[c]))
            return ATS_LINE_FIELD;
    }
    memset(out, 0, sizeof *out);
    out->h.kind = ATS_DECODED_CONTROL;
    out->control.message = message;
    out->control.code = (int32_t)code;
    out->control.source = ATS_SOURCE_ALPACA;
    d->note[0] = *text;
    return ATS_LINE_OK;
}

ats_line_reason ats_alpaca_build(ats_decoder *d, const ats_alpaca_fields *f, ats_decoded *out)
{
    const ats_value *type = get(f, ATS_ALPACA_T);
    if (type->type != ATS_VALUE_STRING)
        return ATS_LINE_FIELD;
    if (type->length != 1)
        return ats_value_is(type, "success") ? build_control(d, f, ATS_MESSAGE_OTHER, out)
               : ats_value_is(type, "error") ? build_control(d, f, ATS_MESSAGE_ERROR, out)
               : ats_value_is(type, "subscription")
                   ? build_control(d, f, ATS_MESSAGE_SUBSCRIPTION, out)
                   : ATS_LINE_IGNORED;
    switch (*type->text) {
    case 't':
        return build_trade(d, f, out);
    case 'q':
        return build_quote(d, f, out);
    case 'b':
        return build_bar(d, f, ATS_KIND_BAR, out);
    case 'u':
        return build_bar(d, f, ATS_DECODED_BAR_UPDATED, out);
    case 'd':
        return build_bar(d, f, ATS_DECODED_BAR_DAILY, out);
    case 's':
        return build_status(d, f, out);
    case 'l':
        return build_band(d, f, out);
    case 'i':
        return build_imbalance(d, f, out);
    case 'x':
        return build_cancel(d, f, out);
    case 'c':
        return build_correction(d, f, out);
    default:
        return ATS_LINE_IGNORED;
    }
}
