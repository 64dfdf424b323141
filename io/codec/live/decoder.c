#include "io/codec/live/decoded.h"

#include "io/codec/json.h"
#include "io/codec/quote.h"
#include "io/codec/symbol_text.h"

const char *ats_decoded_label(uint32_t kind)
{
    static const char *const labels[] = {"bar_updated", "bar_daily", "status_other",
                                         "band",        "imbalance", "cancel",
                                         "correction",  "reference", "session"};
    static_assert(sizeof labels / sizeof labels[0] == ATS_DECODED_END - ATS_DECODED_BAR_UPDATED,
                  "a label a kind");
    if (kind < ATS_DECODED_BAR_UPDATED)
        return ats_kind_label(kind);
    return kind < ATS_DECODED_END ? labels[kind - ATS_DECODED_BAR_UPDATED] : "?";
}

const char *ats_control_message_label(uint32_t message)
{
    static const char *const labels[] = {
        "other", "connected", "authenticated", "auth_failed", "subscription", "error", "heartbeat"};
    static_assert(sizeof labels / sizeof labels[0] == ATS_MESSAGE_COUNT, "a label a message");
    return message < ATS_MESSAGE_COUNT ? labels[message] : "?";
}

const char *ats_channel_label(uint32_t channel)
{
    static const char *const labels[] = {"trades",      "quotes",      "bars",  "updatedBars",
                                         "dailyBars",   "statuses",    "lulds", "imbalances",
                                         "corrections", "cancelErrors"};
    static_assert(sizeof labels / sizeof labels[0] == ATS_CHANNEL_COUNT, "a label a channel");
    return channel < ATS_CHANNEL_COUNT ? labels[channel] : "?";
}

void ats_decoder_init(ats_decoder *d, const ats_decoder_options *options)
{
    assert(options->symbols && options->quote_lot > 0 && options->quote_lot <= 1000);
    *d = (ats_decoder){.options = *options};
}

void ats_decoder_open(ats_decoder *d, const void *frame, size_t length)
{
    d->frames++;
    d->start = d->at = frame;
    d->end = d->start + length;
    d->state = ATS_FRAME_FIRST;
    if (length > ATS_DECODER_FRAME_MAX) {
        d->end = d->start;
        d->state = ATS_FRAME_DONE;
        ats_decoder_refuse(d, ATS_LINE_TOO_LONG, d->start);
    }
}

void ats_decoder_refuse(ats_decoder *d, ats_line_reason reason, const char *at)
{
    d->refused[reason]++;
    if (reason != ATS_LINE_IGNORED)
        d->fault = (ats_decode_fault){reason, (uint32_t)(at - d->start), d->frames};
}

void ats_decoder_abandon(ats_decoder *d, const char *at)
{
    ats_decoder_refuse(d, ATS_LINE_SYNTAX, at);
    d->state = ATS_FRAME_DONE;
}

/* ---- frames of JSON -------------------------------------------------------------------------- */

static const char *behind_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* The frame ended at p: nothing may follow. */
static void finish_json(ats_decoder *d, const char *p)
{
    d->state = ATS_FRAME_DONE;
    p = behind_blanks(p, d->end);
    if (p != d->end)
        ats_decoder_abandon(d, p);
}

static void open_json(ats_decoder *d)
{
    const char *p = behind_blanks(d->at, d->end);
    d->at = p;
    d->state = ATS_FRAME_SINGLE;
    if (p == d->end) {
        ats_decoder_abandon(d, p);
    } else if (*p == '[') {
        d->state = ATS_FRAME_NEXT;
        d->at = behind_blanks(p + 1, d->end);
        if (d->at < d->end && *d->at == ']')
            finish_json(d, d->at + 1);
    }
}

/* Goes on behind a message that ended at `at`. */
static void step_json(ats_decoder *d, const char *at)
{
    if (d->state == ATS_FRAME_SINGLE) {
        finish_json(d, at);
        return;
    }
    at = behind_blanks(at, d->end);
    if (at == d->end || (*at != ',' && *at != ']'))
        ats_decoder_abandon(d, at);
    else if (*at == ']')
        finish_json(d, at + 1);
    else
        d->at = behind_blanks(at + 1, d->end);
}

/* The message at d->at, of any layout. True: given out. */
static bool take_json(ats_decoder *d, ats_decoded *out, ats_message_reader *reader)
{
    ats_json j;
    const char *at = d->at;
    ats_json_open(&j, at, (size_t)(d->end - at));
    ats_json_token token = ats_json_next(&j);
    ats_line_reason reason = ATS_LINE_FIELD; /* an element that is no object */
    if (token == ATS_JSON_OBJECT)
        reason = reader(d, &j, out);
    else if (!ats_json_skip_rest(&j, token))
        reason = ATS_LINE_SYNTAX;
    if (reason == ATS_LINE_SYNTAX) {
        ats_decoder_abandon(d, j.at);
        return false;
    }
    d->messages++;
    step_json(d, j.at);
    if (reason == ATS_LINE_OK) {
        d->taken++;
        return true;
    }
    if (reason != ATS_LINE_BLANK)
        ats_decoder_refuse(d, reason, at);
    return false;
}

bool ats_decoder_next_json(ats_decoder *d, ats_decoded *out, ats_message_reader *reader,
                           const char *(*fast)(ats_decoder *, const char *, ats_decoded *))
{
    if (d->state == ATS_FRAME_FIRST)
        open_json(d);
    while (d->state != ATS_FRAME_DONE) {
        const char *behind = fast ? fast(d, d->at, out) : NULL;
        if (behind && behind <= d->end) {
            d->messages++;
            d->taken++;
            step_json(d, behind);
            return true;
        }
        if (take_json(d, out, reader))
            return true;
    }
    return false;
}

/* ---- what all vendors share ------------------------------------------------------------------ */

ats_line_reason ats_decoder_symbol(ats_decoder *d, const ats_value *symbol, ats_decoded *out)
{
    if (symbol->type != ATS_VALUE_STRING || symbol->escaped)
        return ATS_LINE_SYMBOL;
    uint32_t id = ats_symbol_map_find_text(d->options.symbols, symbol->text, symbol->length);
    if (id == 0) {
        if (symbol->length == 0 || symbol->length >= ATS_SYMBOL_TEXT ||
            !ats_symbol_text_fits(symbol->text, symbol->length))
            return ATS_LINE_SYMBOL;
        d->unknown_symbols++;
        if (!d->options.keep_unknown)
            return ATS_LINE_BLANK;
    }
    d->symbol = *symbol;
    out->h.symbol_id = id;
    return ATS_LINE_OK;
}

ats_line_reason ats_decoder_finish_quote(const ats_decoder *d, ats_quote *q)
{
    int64_t lot = d->options.quote_lot;
    if (q->bid_size_e9 > ATS_VALUE_MAX_E9 / lot || q->ask_size_e9 > ATS_VALUE_MAX_E9 / lot)
        return ATS_LINE_RANGE;
    q->bid_size_e9 = q->bid_e9 ? q->bid_size_e9 * lot : 0;
    q->ask_size_e9 = q->ask_e9 ? q->ask_size_e9 * lot : 0;
    q->quote_flags = ats_quote_flags(q->bid_e9, q->ask_e9);
    if (d->options.national)
        q->quote_flags |= ATS_QUOTE_NATIONAL;
    else
        q->venue = q->bid_venue ? q->bid_venue : q->ask_venue;
    return ATS_LINE_OK;
}
