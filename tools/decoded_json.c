#include "tools/decoded_json.h"

#include <string.h>

typedef enum how { I64, U64, U32, U16, U8, LETTER, LETTERS4, SOURCE, STATUS } how;

typedef struct shown {
    const char *name;
    uint16_t offset;
    uint8_t how;
} shown;

#define F(type, name, how)                                                                         \
    {                                                                                              \
#name, offsetof(type, name), how                                                           \
    }

static const shown QUOTE[] = {F(ats_quote, bid_e9, I64),       F(ats_quote, bid_size_e9, I64),
                              F(ats_quote, ask_e9, I64),       F(ats_quote, ask_size_e9, I64),
                              F(ats_quote, venue, LETTER),     F(ats_quote, bid_venue, LETTER),
                              F(ats_quote, ask_venue, LETTER), F(ats_quote, condition, LETTER),
                              F(ats_quote, quote_flags, U8),   F(ats_quote, venue_seq, U64),
                              F(ats_quote, source, SOURCE),    {NULL, 0, 0}};
static const shown TRADE[] = {F(ats_trade, px_e9, I64),     F(ats_trade, qty_e9, I64),
                              F(ats_trade, trade_id, U64),  F(ats_trade, venue_seq, U64),
                              F(ats_trade, venue, LETTER),  F(ats_trade, condition, LETTERS4),
                              F(ats_trade, source, SOURCE), {NULL, 0, 0}};
static const shown BAR[] = {
    F(ats_bar, open_e9, I64),  F(ats_bar, high_e9, I64),     F(ats_bar, low_e9, I64),
    F(ats_bar, close_e9, I64), F(ats_bar, volume_e9, I64),   F(ats_bar, vwap_e9, I64),
    F(ats_bar, period_s, U32), F(ats_bar, trade_count, U32), {NULL, 0, 0}};
static const shown STATUS_FIELDS[] = {
    F(ats_status, code, STATUS), F(ats_status, source, SOURCE), {NULL, 0, 0}};
static const shown BAND[] = {F(ats_decoded_band, low_e9, I64),
                             F(ats_decoded_band, high_e9, I64),
                             F(ats_decoded_band, venue_seq, U64),
                             F(ats_decoded_band, indicator, LETTER),
                             F(ats_decoded_band, tape, LETTER),
                             F(ats_decoded_band, source, SOURCE),
                             {NULL, 0, 0}};
static const shown IMBALANCE[] = {F(ats_decoded_imbalance, px_e9, I64),
                                  F(ats_decoded_imbalance, imbalance_e9, I64),
                                  F(ats_decoded_imbalance, paired_e9, I64),
                                  F(ats_decoded_imbalance, venue_seq, U64),
                                  F(ats_decoded_imbalance, auction_hhmm, U32),
                                  F(ats_decoded_imbalance, auction, LETTER),
                                  F(ats_decoded_imbalance, tape, LETTER),
                                  F(ats_decoded_imbalance, source, SOURCE),
                                  {NULL, 0, 0}};
static const shown CANCEL[] = {
    F(ats_decoded_cancel, px_e9, I64),     F(ats_decoded_cancel, qty_e9, I64),
    F(ats_decoded_cancel, trade_id, U64),  F(ats_decoded_cancel, venue, LETTER),
    F(ats_decoded_cancel, action, LETTER), F(ats_decoded_cancel, tape, LETTER),
    F(ats_decoded_cancel, source, SOURCE), {NULL, 0, 0}};
static const shown CORRECTION[] = {F(ats_decoded_correction, original_id, U64),
                                   F(ats_decoded_correction, original_px_e9, I64),
                                   F(ats_decoded_correction, original_qty_e9, I64),
                                   F(ats_decoded_correction, original_condition, LETTERS4),
                                   F(ats_decoded_correction, corrected_id, U64),
                                   F(ats_decoded_correction, corrected_px_e9, I64),
                                   F(ats_decoded_correction, corrected_qty_e9, I64),
                                   F(ats_decoded_correction, corrected_condition, LETTERS4),
                                   F(ats_decoded_correction, venue, LETTER),
                                   F(ats_decoded_correction, tape, LETTER),
                                   F(ats_decoded_correction, source, SOURCE),
                                   {NULL, 0, 0}};
static const shown REFERENCE[] = {
    F(ats_decoded_reference, px_e9, I64), F(ats_decoded_reference, source, SOURCE), {NULL, 0, 0}};

static const shown *fields_of(uint32_t kind)
{
    switch (kind) {
    case ATS_KIND_QUOTE:
        return QUOTE;
    case ATS_KIND_TRADE:
        return TRADE;
    case ATS_KIND_BAR:
    case ATS_DECODED_BAR_UPDATED:
    case ATS_DECODED_BAR_DAILY:
        return BAR;
    case ATS_KIND_STATUS:
    case ATS_DECODED_STATUS:
        return STATUS_FIELDS;
    case ATS_DECODED_BAND:
        return BAND;
    case ATS_DECODED_IMBALANCE:
        return IMBALANCE;
    case ATS_DECODED_CANCEL:
        return CANCEL;
    case ATS_DECODED_CORRECTION:
        return CORRECTION;
    default:
        return REFERENCE;
    }
}

static json_t *text_json(const char *text, size_t length)
{
    json_t *out = json_stringn(text, length);
    return out ? out : json_string("?"); /* MessagePack text that is not UTF-8 */
}

static json_t *value_json(const ats_value *v)
{
    return v->type == ATS_VALUE_STRING ? text_json(v->text, v->length) : json_null();
}

static json_t *shown_json(const shown *f, const ats_decoded *m)
{
    static const char *const statuses[] = {"none",    "session_open",    "session_close",
                                           "halt",    "resume",          "feed_down",
                                           "feed_up", "short_restricted"};
    const uint8_t *at = (const uint8_t *)m + f->offset;
    uint64_t v = 0;
    switch ((how)f->how) {
    case LETTER:
        return text_json((const char *)at, *at != 0);
    case LETTERS4:
        return text_json((const char *)at, 4);
    case I64:
    case U64:
        memcpy(&v, at, 8);
        /* Ids beyond int64_t are none that a vendor has sent; as a text they keep their digits. */
        if (v > INT64_MAX) {
            char digits[24];
            snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
            return json_string(digits);
        }
        return json_integer((json_int_t)v);
    case STATUS:
        memcpy(&v, at, 4);
        return json_string(v < sizeof statuses / sizeof statuses[0] ? statuses[v] : "?");
    case U32:
        memcpy(&v, at, 4);
        return json_integer((json_int_t)v);
    case SOURCE:
        memcpy(&v, at, 2);
        return json_string(ats_source_label((uint32_t)v));
    case U16:
        memcpy(&v, at, 2);
        return json_integer((json_int_t)v);
    default:
        return json_integer(*at);
    }
}

static json_t *list_json(const ats_value *value)
{
    json_t *out = json_array();
    ats_list list;
    ats_value element;
    if (ats_list_open(&list, value))
        while (ats_list_next(&list, &element))
            json_array_append_new(out, value_json(&element));
    return out;
}

static void add_control(json_t *out, const ats_decoder *d, const ats_decoded_control *c)
{
    json_object_set_new(out, "message", json_string(ats_control_message_label(c->message)));
    json_object_set_new(out, "code", json_integer(c->code));
    json_object_set_new(out, "text", value_json(&d->note[0]));
    json_object_set_new(out, "source", json_string(ats_source_label(c->source)));
    if (c->subscription_id)
        json_object_set_new(out, "subscription_id", json_integer((json_int_t)c->subscription_id));
    if (c->source != ATS_SOURCE_ALPACA || c->message != ATS_MESSAGE_SUBSCRIPTION)
        return;
    for (uint32_t i = 0; i < ATS_CHANNEL_COUNT; i++)
        json_object_set_new(out, ats_channel_label(i), list_json(&d->list[i]));
}

json_t *ats_decoded_json(const ats_decoder *d, const ats_decoded *m, const ats_symbols *symbols)
{
    static const char *const notes[] = {"status_code", "status_text", "reason_code", "reason_text"};
    json_t *out = json_object();
    uint32_t kind = m->h.kind;
    json_object_set_new(out, "kind", json_string(ats_decoded_label(kind)));
    if (kind == ATS_DECODED_CONTROL) {
        add_control(out, d, &m->control);
        return out;
    }
    json_object_set_new(out, "symbol",
                        m->h.symbol_id ? json_string(symbols->entry[m->h.symbol_id].text)
                                       : value_json(&d->symbol));
    json_object_set_new(out, "event_ns", json_integer(m->h.event_ns));
    for (const shown *f = fields_of(kind); f->name; f++)
        json_object_set_new(out, f->name, shown_json(f, m));
    if (kind == ATS_KIND_STATUS || kind == ATS_DECODED_STATUS)
        for (uint32_t i = 0; i < 4; i++)
            json_object_set_new(out, notes[i], value_json(&d->note[i]));
    return out;
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void add_text(json_t *out, const char *name, const ats_text *text)
{
    json_object_set_new(out, name, text->at ? text_json(text->at, text->length) : json_null());
}

static void add_number(json_t *out, const char *name, uint32_t has, uint32_t bit, int64_t value)
{
    json_object_set_new(out, name, has & bit ? json_integer(value) : json_null());
}

static void add_time(json_t *out, const char *name, int64_t ns)
{
    json_object_set_new(out, name, ns ? json_integer(ns) : json_null());
}

static json_t *legs_json(const ats_value *legs)
{
    json_t *out = json_array();
    ats_list list;
    ats_value element;
    if (ats_list_open(&list, legs))
        while (ats_list_next(&list, &element)) {
            ats_broker_order leg;
            ats_line_reason bad = ats_broker_order_read(&element, &leg);
            json_array_append_new(out, bad == ATS_LINE_OK ? ats_broker_order_as_json(&leg)
                                                          : json_pack("{s:s}", "refused",
                                                                      ats_line_reason_label(bad)));
        }
    return out;
}

json_t *ats_broker_order_as_json(const ats_broker_order *o)
{
    static const char *const sides[] = {"", "buy", "sell"};
    json_t *out = json_object();
    add_text(out, "id", &o->id);
    add_text(out, "client_order_id", &o->client_order_id);
    add_text(out, "replaces", &o->replaces);
    add_text(out, "replaced_by", &o->replaced_by);
    add_text(out, "symbol", &o->symbol);
    add_text(out, "asset_id", &o->asset_id);
    add_text(out, "asset_class", &o->asset_class);
    json_object_set_new(out, "status", json_string(ats_broker_status_label(o->status)));
    json_object_set_new(out, "side", json_string(sides[o->side]));
    json_object_set_new(out, "type", json_string(o->type ? ats_order_type_label(o->type) : ""));
    json_object_set_new(out, "time_in_force", json_string(o->tif ? ats_tif_label(o->tif) : ""));
    json_object_set_new(
        out, "order_class",
        json_string(o->class_is_known ? ats_order_class_label(o->order_class) : ""));
    json_object_set_new(out, "extended_hours", json_boolean(o->extended_hours));
    add_number(out, "qty_e9", o->has, ATS_BROKER_HAS_QTY, o->qty_e9);
    add_number(out, "notional_e9", o->has, ATS_BROKER_HAS_NOTIONAL, o->notional_e9);
    add_number(out, "filled_qty_e9", o->has, ATS_BROKER_HAS_FILLED_QTY, o->filled_qty_e9);
    add_number(out, "filled_px_e9", o->has, ATS_BROKER_HAS_FILLED_PX, o->filled_px_e9);
    add_number(out, "limit_px_e9", o->has, ATS_BROKER_HAS_LIMIT_PX, o->limit_px_e9);
    add_number(out, "stop_px_e9", o->has, ATS_BROKER_HAS_STOP_PX, o->stop_px_e9);
    add_number(out, "trail_px_e9", o->has, ATS_BROKER_HAS_TRAIL_PX, o->trail_px_e9);
    add_number(out, "trail_percent_e9", o->has, ATS_BROKER_HAS_TRAIL_PERCENT, o->trail_percent_e9);
    add_number(out, "high_water_e9", o->has, ATS_BROKER_HAS_HIGH_WATER, o->high_water_e9);
    add_time(out, "created_ns", o->created_ns);
    add_time(out, "updated_ns", o->updated_ns);
    add_time(out, "submitted_ns", o->submitted_ns);
    add_time(out, "filled_ns", o->filled_ns);
    add_time(out, "expired_ns", o->expired_ns);
    add_time(out, "expires_ns", o->expires_ns);
    add_time(out, "canceled_ns", o->canceled_ns);
    add_time(out, "failed_ns", o->failed_ns);
    add_time(out, "replaced_ns", o->replaced_ns);
    add_time(out, "cancel_requested_ns", o->cancel_requested_ns);
    json_object_set_new(out, "legs", legs_json(&o->legs));
    return out;
}

json_t *ats_broker_update_as_json(const ats_broker_update *u)
{
    json_t *out = json_object();
    json_object_set_new(out, "kind", json_string(ats_broker_message_label(u->message)));
    if (u->message == ATS_BROKER_MESSAGE_LISTENING)
        json_object_set_new(out, "streams", list_json(&u->streams));
    if (u->message != ATS_BROKER_MESSAGE_UPDATE)
        return out;
    json_object_set_new(out, "event", json_string(ats_broker_event_label(u->event)));
    add_text(out, "execution_id", &u->execution_id);
    add_text(out, "event_id", &u->event_id);
    add_time(out, "time_ns", u->time_ns);
    add_time(out, "at_ns", u->at_ns);
    add_number(out, "px_e9", u->has, ATS_BROKER_HAS_PX, u->px_e9);
    add_number(out, "qty_e9", u->has, ATS_BROKER_HAS_QTY, u->qty_e9);
    add_number(out, "position_qty_e9", u->has, ATS_BROKER_HAS_POSITION, u->position_qty_e9);
    json_object_set_new(out, "order", ats_broker_order_as_json(&u->order));
    return out;
}
