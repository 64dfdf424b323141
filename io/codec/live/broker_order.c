#include "io/codec/live/broker_order.h"

#include "core/record.h"
#include "io/codec/json.h"
#include "io/codec/msgpack.h"

#include <string.h>

static const char *const EVENTS[] = {"other",
                                     "new",
                                     "accepted",
                                     "pending_new",
                                     "held",
                                     "restated",
                                     "pending_review",
                                     "fill",
                                     "partial_fill",
                                     "canceled",
                                     "expired",
                                     "replaced",
                                     "rejected",
                                     "done_for_day",
                                     "stopped",
                                     "calculated",
                                     "suspended",
                                     "pending_cancel",
                                     "pending_replace",
                                     "order_replace_rejected",
                                     "order_cancel_rejected",
                                     "trade_bust",
                                     "trade_correct"};
static_assert(sizeof EVENTS / sizeof EVENTS[0] == ATS_BROKER_EVENT_COUNT, "a word an event");

static const char *const STATUSES[] = {"other",
                                       "new",
                                       "partially_filled",
                                       "filled",
                                       "done_for_day",
                                       "canceled",
                                       "expired",
                                       "replaced",
                                       "pending_cancel",
                                       "pending_replace",
                                       "accepted",
                                       "pending_new",
                                       "accepted_for_bidding",
                                       "stopped",
                                       "rejected",
                                       "suspended",
                                       "calculated",
                                       "held",
                                       "pending_review"};
static_assert(sizeof STATUSES / sizeof STATUSES[0] == ATS_BROKER_STATUS_COUNT, "a word a status");

/* By the values of ATS_SIDE_*, ats_order_type, ats_tif and ats_order_class; 0 is not told. */
static const char *const SIDES[] = {NULL, "buy", "sell"};
static const char *const TYPES[] = {NULL, "limit", "market", "stop", "stop_limit", "trailing_stop"};
static const char *const TIFS[] = {NULL, "day", "ioc", "fok", "gtc", "opg", "cls"};
static const char *const CLASSES[] = {"simple", "bracket", "oco", "oto"};

const char *ats_broker_event_label(uint32_t event)
{
    return event < ATS_BROKER_EVENT_COUNT ? EVENTS[event] : "?";
}

const char *ats_broker_status_label(uint32_t status)
{
    return status < ATS_BROKER_STATUS_COUNT ? STATUSES[status] : "?";
}

bool ats_broker_status_is_final(uint32_t status)
{
    return status == ATS_BROKER_STATUS_FILLED || status == ATS_BROKER_STATUS_CANCELED ||
           status == ATS_BROKER_STATUS_EXPIRED || status == ATS_BROKER_STATUS_REJECTED ||
           status == ATS_BROKER_STATUS_REPLACED;
}

const char *ats_broker_message_label(uint32_t message)
{
    static const char *const labels[] = {"other", "update", "authorized", "unauthorized",
                                         "listening"};
    static_assert(sizeof labels / sizeof labels[0] == ATS_BROKER_MESSAGE_COUNT, "a label each");
    return message < ATS_BROKER_MESSAGE_COUNT ? labels[message] : "?";
}

/* ---- either format, member by member ----------------------------------------------------------
 */

typedef struct source {
    bool packed;
    ats_json json;
    ats_msgpack pack;
} source;

/* Opens the map that comes next: 1; 0 when something else was passed over; -1: malformed. */
static int enter(source *s, uint32_t *left)
{
    if (s->packed) {
        ats_msgpack_token token = ats_msgpack_next(&s->pack);
        *left = s->pack.length;
        if (token == ATS_MSGPACK_MAP)
            return 1;
        return ats_msgpack_skip_rest(&s->pack, token) ? 0 : -1;
    }
    ats_json_token token = ats_json_next(&s->json);
    if (token == ATS_JSON_OBJECT)
        return 1;
    return ats_json_skip_rest(&s->json, token) && token != ATS_JSON_END ? 0 : -1;
}

/* The next key: 1; 0 at the end of the map; -1: malformed. A key that is no text has length 0. */
static int next_key(source *s, uint32_t *left, const char **key, size_t *length)
{
    if (!s->packed) {
        ats_json_token token = ats_json_next(&s->json);
        *key = s->json.text;
        *length = s->json.length;
        return token == ATS_JSON_KEY ? 1 : token == ATS_JSON_OBJECT_END ? 0 : -1;
    }
    if (*left == 0)
        return 0;
    --*left;
    ats_msgpack_token token = ats_msgpack_next(&s->pack);
    *key = s->pack.text;
    *length = token == ATS_MSGPACK_STRING ? s->pack.length : 0;
    return ats_msgpack_skip_rest(&s->pack, token) ? 1 : -1;
}

static bool take_value(source *s, ats_value *out)
{
    return s->packed ? ats_value_scan_msgpack(&s->pack, out) : ats_value_scan_json(&s->json, out);
}

/* ---- fields ------------------------------------------------------------------------------------
 */

typedef enum field_type {
    TEXT,    /* ats_text */
    NUMBER,  /* int64_t, >= 0 */
    AVERAGE, /* the same, rounded */
    SIGNED,  /* int64_t */
    TIME,    /* int64_t ns */
    STATUS,  /* uint8_t from a word, the word itself behind in status_text */
    WORD,    /* uint8_t from a word */
    CLASS,   /* the same, "" being SIMPLE */
    FLAG,    /* bool */
    LIST,    /* ats_value */
    EVENT    /* uint32_t from a word, the word itself in event_text */
} field_type;

typedef struct field {
    const char *name;
    uint8_t length;
    uint8_t type;
    uint16_t offset;
    uint16_t has;
    uint8_t word_count;
    const char *const *words;
} field;

#define FIELD(name, type, struct_type, member, bit)                                                \
    {                                                                                              \
        name, sizeof(name) - 1, type, offsetof(struct_type, member), bit, 0, NULL                  \
    }
#define WORDS(name, member, table)                                                                 \
    {                                                                                              \
        name, sizeof(name) - 1, WORD, offsetof(ats_broker_order, member), 0,                       \
            sizeof(table) / sizeof(table)[0], table                                                \
    }
#define ORDER(name, type, member, bit)  FIELD(name, type, ats_broker_order, member, bit)
#define UPDATE(name, type, member, bit) FIELD(name, type, ats_broker_update, member, bit)

/* In the order in which the stream sends them: the search goes on where the last one was found. */
static const field ORDER_FIELDS[] = {
    ORDER("asset_class", TEXT, asset_class, 0),
    ORDER("asset_id", TEXT, asset_id, 0),
    ORDER("cancel_requested_at", TIME, cancel_requested_ns, 0),
    ORDER("canceled_at", TIME, canceled_ns, 0),
    ORDER("client_order_id", TEXT, client_order_id, 0),
    ORDER("created_at", TIME, created_ns, 0),
    ORDER("expired_at", TIME, expired_ns, 0),
    ORDER("expires_at", TIME, expires_ns, 0),
    ORDER("extended_hours", FLAG, extended_hours, 0),
    ORDER("failed_at", TIME, failed_ns, 0),
    ORDER("filled_at", TIME, filled_ns, 0),
    ORDER("filled_avg_price", AVERAGE, filled_px_e9, ATS_BROKER_HAS_FILLED_PX),
    ORDER("filled_qty", NUMBER, filled_qty_e9, ATS_BROKER_HAS_FILLED_QTY),
    ORDER("hwm", AVERAGE, high_water_e9, ATS_BROKER_HAS_HIGH_WATER),
    ORDER("id", TEXT, id, 0),
    ORDER("legs", LIST, legs, 0),
    ORDER("limit_price", NUMBER, limit_px_e9, ATS_BROKER_HAS_LIMIT_PX),
    ORDER("notional", AVERAGE, notional_e9, ATS_BROKER_HAS_NOTIONAL),
    ORDER("order_class", CLASS, order_class, 0),
    ORDER("qty", NUMBER, qty_e9, ATS_BROKER_HAS_QTY),
    ORDER("replaced_at", TIME, replaced_ns, 0),
    ORDER("replaced_by", TEXT, replaced_by, 0),
    ORDER("replaces", TEXT, replaces, 0),
    WORDS("side", side, SIDES),
    ORDER("status", STATUS, status, 0),
    ORDER("stop_price", NUMBER, stop_px_e9, ATS_BROKER_HAS_STOP_PX),
    ORDER("submitted_at", TIME, submitted_ns, 0),
    ORDER("symbol", TEXT, symbol, 0),
    WORDS("time_in_force", tif, TIFS),
    ORDER("trail_percent", NUMBER, trail_percent_e9, ATS_BROKER_HAS_TRAIL_PERCENT),
    ORDER("trail_price", NUMBER, trail_px_e9, ATS_BROKER_HAS_TRAIL_PX),
    WORDS("type", type, TYPES),
    ORDER("updated_at", TIME, updated_ns, 0),
};

static const field UPDATE_FIELDS[] = {
    UPDATE("at", TIME, at_ns, 0),
    UPDATE("event", EVENT, event, 0),
    UPDATE("event_id", TEXT, event_id, 0),
    UPDATE("execution_id", TEXT, execution_id, 0),
    UPDATE("position_qty", SIGNED, position_qty_e9, ATS_BROKER_HAS_POSITION),
    UPDATE("price", AVERAGE, px_e9, ATS_BROKER_HAS_PX),
    UPDATE("qty", NUMBER, qty_e9, ATS_BROKER_HAS_QTY),
    UPDATE("streams", LIST, streams, 0),
    UPDATE("timestamp", TIME, time_ns, 0),
};

/* The field of this name, looked for from *from on, which moves behind it; NULL: none of ours. */
static const field *find_field(const field *table, uint32_t count, uint32_t *from, const char *name,
                               size_t length)
{
    for (uint32_t i = 0, at = *from; i < count; i++, at++) {
        at = at >= count ? 0 : at;
        if (table[at].length == length && memcmp(table[at].name, name, length) == 0) {
            *from = at + 1;
            return &table[at];
        }
    }
    return NULL;
}

static ats_line_reason read_text(const ats_value *v, ats_text *out)
{
    *out = (ats_text){0};
    if (!ats_value_is_there(v))
        return ATS_LINE_OK;
    if (v->type != ATS_VALUE_STRING)
        return ATS_LINE_FIELD;
    *out = (ats_text){v->text, v->length, v->escaped};
    return ATS_LINE_OK;
}

static uint32_t read_word(const ats_value *v, const char *const *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (words[i] && ats_value_text_is(v, words[i], strlen(words[i])))
            return i;
    return 0;
}

static ats_line_reason read_class(const ats_value *v, ats_broker_order *order)
{
    uint32_t count = sizeof CLASSES / sizeof CLASSES[0];
    order->order_class = (uint8_t)read_word(v, CLASSES, count);
    order->class_is_known = order->order_class || !ats_value_is_there(v) || ats_value_is(v, "") ||
                            ats_value_is(v, "simple");
    return ATS_LINE_OK;
}

static ats_line_reason read_number(const ats_value *v, const field *f, uint8_t *base)
{
    int64_t *out = (int64_t *)(base + f->offset);
    *out = 0;
    if (!ats_value_is_there(v))
        return ATS_LINE_OK;
    return ats_value_amount_e9(v, f->type == AVERAGE, f->type == SIGNED, out);
}

/* A field's value into its struct, whose `has` gets the field's bit when there is one. */
static ats_line_reason read_field(const field *f, const ats_value *v, uint8_t *base, uint32_t *has)
{
    void *out = base + f->offset;
    bool there = ats_value_is_there(v);
    *has = there ? *has | f->has : *has & ~(uint32_t)f->has;
    switch ((field_type)f->type) {
    case TEXT:
        return read_text(v, out);
    case TIME:
        *(int64_t *)out = 0;
        return there ? ats_value_time(v, out) : ATS_LINE_OK;
    case STATUS:
        *(uint8_t *)out = (uint8_t)read_word(v, STATUSES, ATS_BROKER_STATUS_COUNT);
        return read_text(v, &((ats_broker_order *)base)->status_text);
    case EVENT:
        *(uint32_t *)out = read_word(v, EVENTS, ATS_BROKER_EVENT_COUNT);
        return read_text(v, &((ats_broker_update *)base)->event_text);
    case WORD:
        *(uint8_t *)out = (uint8_t)read_word(v, f->words, f->word_count);
        return ATS_LINE_OK;
    case CLASS:
        return read_class(v, (ats_broker_order *)base);
    case FLAG:
        *(bool *)out = v->type == ATS_VALUE_TRUE;
        return ATS_LINE_OK;
    case LIST: {
        ats_list list;
        *(ats_value *)out = *v;
        return ats_list_open(&list, v) ? ATS_LINE_OK : ATS_LINE_FIELD;
    }
    default:
        return read_number(v, f, base);
    }
}

/* ---- objects ------------------------------------------------------------------------------------
 */

static void note(ats_line_reason *first, ats_line_reason reason)
{
    if (*first == ATS_LINE_OK)
        *first = reason;
}

/* The members of an order, whose map was opened. False: malformed. */
static bool take_order(source *s, uint32_t left, ats_broker_order *out, ats_line_reason *bad)
{
    const char *key;
    size_t length;
    uint32_t from = 0;
    int more;
    *out = (ats_broker_order){.class_is_known = true};
    while ((more = next_key(s, &left, &key, &length)) == 1) {
        ats_value value;
        if (!take_value(s, &value))
            return false;
        const field *f = find_field(ORDER_FIELDS, sizeof ORDER_FIELDS / sizeof *ORDER_FIELDS, &from,
                                    key, length);
        if (f)
            note(bad, read_field(f, &value, (uint8_t *)out, &out->has));
    }
    if (!out->id.at || out->id.length == 0 || !out->status_text.at)
        note(bad, ATS_LINE_FIELD);
    return more == 0;
}

typedef struct envelope {
    ats_text stream, status;
    bool has_order;
} envelope;

static bool take_members(source *s, uint32_t left, bool nested, ats_broker_update *out, envelope *e,
                         ats_line_reason *bad);

/* A map behind a key: `data`, or `order`. */
static bool take_inner(source *s, bool order, ats_broker_update *out, envelope *e,
                       ats_line_reason *bad)
{
    uint32_t left = 0; /* counts in MessagePack only */
    int entered = enter(s, &left);
    if (entered != 1) {
        note(bad, ATS_LINE_FIELD);
        return entered == 0;
    }
    e->has_order |= order;
    return order ? take_order(s, left, &out->order, bad) : take_members(s, left, true, out, e, bad);
}

/* The envelope's members, or those of its data: no key is in both. False: malformed. */
static bool take_members(source *s, uint32_t left, bool nested, ats_broker_update *out, envelope *e,
                         ats_line_reason *bad)
{
    const char *key;
    size_t length;
    uint32_t from = 0;
    int more;
    while ((more = next_key(s, &left, &key, &length)) == 1) {
        bool data = length == 4 && !nested && memcmp(key, "data", 4) == 0;
        if (data || (length == 5 && memcmp(key, "order", 5) == 0)) {
            if (!take_inner(s, !data, out, e, bad))
                return false;
            continue;
        }
        ats_value value;
        if (!take_value(s, &value))
            return false;
        const field *f = find_field(UPDATE_FIELDS, sizeof UPDATE_FIELDS / sizeof *UPDATE_FIELDS,
                                    &from, key, length);
        if (f)
            note(bad, read_field(f, &value, (uint8_t *)out, &out->has));
        else if (length == 6 && memcmp(key, "stream", 6) == 0)
            note(bad, read_text(&value, &e->stream));
        else if (length == 6 && memcmp(key, "status", 6) == 0)
            note(bad, read_text(&value, &e->status));
    }
    return more == 0;
}

/* Which message it is; what an update must have. */
static ats_line_reason classify(ats_broker_update *out, const envelope *e, ats_line_reason bad)
{
    bool update = e->stream.at ? ats_text_is(&e->stream, "trade_updates") : e->has_order;
    if (update) {
        out->message = ATS_BROKER_MESSAGE_UPDATE;
        if (bad == ATS_LINE_OK &&
            (!e->has_order || !out->event_text.at || (out->time_ns == 0 && out->at_ns == 0)))
            return ATS_LINE_FIELD;
        bool fill =
            out->event == ATS_BROKER_EVENT_FILL || out->event == ATS_BROKER_EVENT_PARTIAL_FILL;
        uint32_t need = ATS_BROKER_HAS_PX | ATS_BROKER_HAS_QTY;
        return bad == ATS_LINE_OK && fill && (out->has & need) != need ? ATS_LINE_FIELD : bad;
    }
    ats_value streams = out->streams;
    *out = (ats_broker_update){.streams = streams};
    if (e->stream.at && ats_text_is(&e->stream, "authorization"))
        out->message = e->status.at && ats_text_is(&e->status, "authorized")
                           ? ATS_BROKER_MESSAGE_AUTHORIZED
                           : ATS_BROKER_MESSAGE_UNAUTHORIZED;
    else if (e->stream.at && ats_text_is(&e->stream, "listening"))
        out->message = ATS_BROKER_MESSAGE_LISTENING;
    return ATS_LINE_OK;
}

static uint32_t offset_of(const source *s, const void *start)
{
    const char *at = s->packed ? (const char *)s->pack.at : s->json.at;
    return (uint32_t)(at - (const char *)start);
}

/* Did the input end with the value? */
static bool at_end(source *s)
{
    return s->packed ? ats_msgpack_next(&s->pack) == ATS_MSGPACK_END
                     : ats_json_next(&s->json) == ATS_JSON_END;
}

static ats_line_reason read_update(source *s, const void *frame, ats_broker_update *out,
                                   uint32_t *offset)
{
    envelope e = {0};
    ats_line_reason bad = ATS_LINE_OK;
    uint32_t left = 0; /* counts in MessagePack only */
    *out = (ats_broker_update){0};
    *offset = 0;
    int entered = enter(s, &left);
    if (entered < 0 || (entered == 1 && !take_members(s, left, false, out, &e, &bad)) ||
        !at_end(s)) {
        *offset = offset_of(s, frame);
        return ATS_LINE_SYNTAX;
    }
    return entered == 0 ? ATS_LINE_FIELD : classify(out, &e, bad);
}

ats_line_reason ats_broker_update_json(const void *frame, size_t length, ats_broker_update *out,
                                       uint32_t *offset)
{
    source s = {.packed = false};
    ats_json_open(&s.json, frame, length);
    return read_update(&s, frame, out, offset);
}

ats_line_reason ats_broker_update_msgpack(const void *frame, size_t length, ats_broker_update *out,
                                          uint32_t *offset)
{
    source s = {.packed = true};
    ats_msgpack_open(&s.pack, frame, length);
    return read_update(&s, frame, out, offset);
}

ats_line_reason ats_broker_order_json(const void *body, size_t length, ats_broker_order *out,
                                      uint32_t *offset)
{
    source s = {.packed = false};
    ats_line_reason bad = ATS_LINE_OK;
    uint32_t left = 0; /* counts in MessagePack only */
    *offset = 0;
    ats_json_open(&s.json, body, length);
    int entered = enter(&s, &left);
    if (entered < 0 || (entered == 1 && !take_order(&s, left, out, &bad)) || !at_end(&s)) {
        *offset = offset_of(&s, body);
        return ATS_LINE_SYNTAX;
    }
    return entered == 0 ? ATS_LINE_FIELD : bad;
}

ats_line_reason ats_broker_orders_json(const void *body, size_t length, ats_list *list,
                                       uint32_t *offset)
{
    source s = {.packed = false};
    ats_value value;
    *offset = 0;
    ats_json_open(&s.json, body, length);
    if (!take_value(&s, &value) || !at_end(&s)) {
        *offset = offset_of(&s, body);
        return ATS_LINE_SYNTAX;
    }
    return value.type == ATS_VALUE_JSON_LIST && ats_list_open(list, &value) ? ATS_LINE_OK
                                                                            : ATS_LINE_FIELD;
}

ats_line_reason ats_broker_order_read(const ats_value *value, ats_broker_order *out)
{
    source s = {.packed = value->type == ATS_VALUE_MSGPACK_MAP};
    ats_line_reason bad = ATS_LINE_OK;
    uint32_t left = value->count;
    if (s.packed) {
        ats_msgpack_open(&s.pack, value->text, value->length);
    } else if (value->type == ATS_VALUE_OBJECT) {
        ats_json_open(&s.json, value->text, value->length);
        (void)enter(&s, &left); /* its brace */
    } else {
        return ATS_LINE_FIELD;
    }
    return take_order(&s, left, out, &bad) ? bad : ATS_LINE_SYNTAX;
}
