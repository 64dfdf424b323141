/* broker_order.h: an order as Alpaca tells of it: the trade_updates stream, in text or binary
 * frames of JSON or in MessagePack, its SSE form, and the order objects of REST replies.
 *
 * Texts lie in the input as they stand, so it must stay while they are used. Numbers come as JSON
 * strings and are read exactly to 1e-9 units; the average fill price, which is computed, is rounded
 * half up. A field that is null or missing is 0, and its bit in `has` is not set. Times are UTC ns.
 *
 * An event, status, side, type, time in force or class whose word is not known is 0 and the
 * message stands: what a broker says is never dropped for a new word. A number, time or id that
 * cannot be read refuses the message, since half of it would be a lie about an order; the caller
 * then asks the broker. No allocation; one pass; the depth of JSON is bounded.
 */
#ifndef ATS_IO_CODEC_LIVE_BROKER_ORDER_H
#define ATS_IO_CODEC_LIVE_BROKER_ORDER_H

#include "io/codec/live/value.h"
#include "io/import/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What happened. Labels are the stream's words. */
typedef enum ats_broker_event {
    ATS_BROKER_EVENT_OTHER = 0,
    ATS_BROKER_EVENT_NEW,
    ATS_BROKER_EVENT_ACCEPTED,
    ATS_BROKER_EVENT_PENDING_NEW,
    ATS_BROKER_EVENT_HELD,
    ATS_BROKER_EVENT_RESTATED,
    ATS_BROKER_EVENT_PENDING_REVIEW,
    ATS_BROKER_EVENT_FILL,
    ATS_BROKER_EVENT_PARTIAL_FILL,
    ATS_BROKER_EVENT_CANCELED,
    ATS_BROKER_EVENT_EXPIRED,
    ATS_BROKER_EVENT_REPLACED,
    ATS_BROKER_EVENT_REJECTED,
    ATS_BROKER_EVENT_DONE_FOR_DAY,
    ATS_BROKER_EVENT_STOPPED,
    ATS_BROKER_EVENT_CALCULATED,
    ATS_BROKER_EVENT_SUSPENDED,
    ATS_BROKER_EVENT_PENDING_CANCEL,
    ATS_BROKER_EVENT_PENDING_REPLACE,
    ATS_BROKER_EVENT_REPLACE_REJECTED, /* order_replace_rejected */
    ATS_BROKER_EVENT_CANCEL_REJECTED,  /* order_cancel_rejected */
    ATS_BROKER_EVENT_TRADE_BUST,
    ATS_BROKER_EVENT_TRADE_CORRECT,
    ATS_BROKER_EVENT_COUNT
} ats_broker_event;
const char *ats_broker_event_label(uint32_t event);

typedef enum ats_broker_status {
    ATS_BROKER_STATUS_OTHER = 0,
    ATS_BROKER_STATUS_NEW,
    ATS_BROKER_STATUS_PARTIALLY_FILLED,
    ATS_BROKER_STATUS_FILLED,
    ATS_BROKER_STATUS_DONE_FOR_DAY,
    ATS_BROKER_STATUS_CANCELED,
    ATS_BROKER_STATUS_EXPIRED,
    ATS_BROKER_STATUS_REPLACED,
    ATS_BROKER_STATUS_PENDING_CANCEL,
    ATS_BROKER_STATUS_PENDING_REPLACE,
    ATS_BROKER_STATUS_ACCEPTED,
    ATS_BROKER_STATUS_PENDING_NEW,
    ATS_BROKER_STATUS_ACCEPTED_FOR_BIDDING,
    ATS_BROKER_STATUS_STOPPED,
    ATS_BROKER_STATUS_REJECTED,
    ATS_BROKER_STATUS_SUSPENDED,
    ATS_BROKER_STATUS_CALCULATED,
    ATS_BROKER_STATUS_HELD,
    ATS_BROKER_STATUS_PENDING_REVIEW,
    ATS_BROKER_STATUS_COUNT
} ats_broker_status;
const char *ats_broker_status_label(uint32_t status);

/* Nothing more will happen to an order in this status (filled, canceled, expired, rejected,
 * replaced). done_for_day is not among them: tomorrow it goes on. */
bool ats_broker_status_is_final(uint32_t status);

typedef struct ats_text {
    const char *at; /* NULL: not there */
    uint32_t length;
    bool escaped; /* holds JSON escapes, as they stand */
} ats_text;

static inline bool ats_text_is(const ats_text *text, const char *word)
{
    return text->length == strlen(word) && (!text->at || !memcmp(text->at, word, text->length));
}

/* Bits of ats_broker_order.has and ats_broker_update.has. */
#define ATS_BROKER_HAS_QTY           0x0001u
#define ATS_BROKER_HAS_NOTIONAL      0x0002u
#define ATS_BROKER_HAS_FILLED_QTY    0x0004u
#define ATS_BROKER_HAS_FILLED_PX     0x0008u
#define ATS_BROKER_HAS_LIMIT_PX      0x0010u
#define ATS_BROKER_HAS_STOP_PX       0x0020u
#define ATS_BROKER_HAS_TRAIL_PX      0x0040u
#define ATS_BROKER_HAS_TRAIL_PERCENT 0x0080u
#define ATS_BROKER_HAS_HIGH_WATER    0x0100u
#define ATS_BROKER_HAS_PX            0x0200u /* of this execution */
#define ATS_BROKER_HAS_POSITION      0x0400u

typedef struct ats_broker_order {
    ats_text id;
    ats_text client_order_id;
    ats_text replaces;    /* id of the order that this one took the place of */
    ats_text replaced_by; /* id of the order that took this one's place */
    ats_text symbol, asset_id, asset_class;
    ats_text status_text; /* for a status that is not known */
    uint32_t has;
    uint8_t status;      /* ats_broker_status */
    uint8_t side;        /* ATS_SIDE_*; NONE: not told */
    uint8_t type;        /* ats_order_type */
    uint8_t tif;         /* ats_tif */
    uint8_t order_class; /* ats_order_class; "" and "simple" are SIMPLE */
    bool class_is_known; /* false: another class, such as mleg */
    bool extended_hours;
    int64_t qty_e9;
    int64_t notional_e9;
    int64_t filled_qty_e9; /* in all */
    int64_t filled_px_e9;  /* average of all fills */
    int64_t limit_px_e9;
    int64_t stop_px_e9;
    int64_t trail_px_e9;
    int64_t trail_percent_e9;
    int64_t high_water_e9; /* hwm: the price that a trailing stop follows */
    int64_t created_ns, updated_ns, submitted_ns, filled_ns, expired_ns, expires_ns, canceled_ns,
        failed_ns, replaced_ns, cancel_requested_ns;
    ats_value legs; /* of a head with legs: a list for ats_list_open; each element for
                     * ats_broker_order_read */
} ats_broker_order;

typedef enum ats_broker_message {
    ATS_BROKER_MESSAGE_OTHER = 0,
    ATS_BROKER_MESSAGE_UPDATE = 1,
    ATS_BROKER_MESSAGE_AUTHORIZED = 2,
    ATS_BROKER_MESSAGE_UNAUTHORIZED = 3,
    ATS_BROKER_MESSAGE_LISTENING = 4,
    ATS_BROKER_MESSAGE_COUNT
} ats_broker_message;
const char *ats_broker_message_label(uint32_t message);

typedef struct ats_broker_update {
    uint32_t message; /* ats_broker_message; but for UPDATE and `streams` all else is 0 */
    uint32_t event;   /* ats_broker_event */
    uint32_t has;     /* QTY, PX: of this execution; POSITION */
    ats_text event_text;
    ats_text execution_id; /* a fill's key against telling it twice */
    ats_text event_id;     /* SSE: sortable, to resume from */
    ats_value streams;     /* LISTENING: a list of what is listened to */
    int64_t time_ns;       /* timestamp */
    int64_t at_ns;         /* SSE: when it was sent */
    int64_t px_e9, qty_e9;
    int64_t position_qty_e9; /* signed, after the event */
    ats_broker_order order;
} ats_broker_update;

/* A message of the stream or of the SSE form. OK; SYNTAX with *offset at the fault; or why a value
 * cannot be read (*offset 0). Binary frames with JSON in them, as the paper stream sends them, are
 * JSON. */
ats_line_reason ats_broker_update_json(const void *frame, size_t length, ats_broker_update *out,
                                       uint32_t *offset);
ats_line_reason ats_broker_update_msgpack(const void *frame, size_t length, ats_broker_update *out,
                                          uint32_t *offset);

/* A REST reply with one order, or with a list of them, each a value for ats_broker_order_read. */
ats_line_reason ats_broker_order_json(const void *body, size_t length, ats_broker_order *out,
                                      uint32_t *offset);
ats_line_reason ats_broker_orders_json(const void *body, size_t length, ats_list *list,
                                       uint32_t *offset);

/* One order of a list: of a reply, or of `legs`. */
ats_line_reason ats_broker_order_read(const ats_value *value, ats_broker_order *out);

#endif
