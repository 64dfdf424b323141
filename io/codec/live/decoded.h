/* decoded.h: what the decoders of live market data give out, and the state that they share.
 *
 * A decoder takes one frame (a WebSocket message) and gives its messages one by one into a place of
 * the caller's, which may be the slot of a ring:
 *
 *     ats_decoder_open(&d, frame, length);
 *     while (ats_alpaca_json_next(&d, slot))
 *         slot = publish(slot);
 *
 * What core/record.h has a kind for comes as that record, complete but for what feed assigns
 * (event_seq, recv_ns, origin_ns, flags, stamps: all 0). The rest comes as a struct of this file,
 * told apart by h.kind. All are 128 bytes. Prices and quantities are in 1e-9 units, >= 0 and at
 * most ATS_VALUE_MAX_E9; times are UTC ns.
 *
 * A message that cannot be taken is counted by its reason and passed over; the others of its frame
 * stand. When the frame itself is malformed, what came before the fault has been given out and the
 * rest is lost, which is counted as ATS_LINE_SYNTAX. Nothing is given out in part. A type of
 * message that is not known counts as ATS_LINE_IGNORED, a symbol that the map does not have in
 * unknown_symbols.
 *
 * Owner: one thread a decoder. Hot: no allocation, no floating point in text formats, one pass,
 * time and depth bounded by the length of the frame and ATS_JSON_DEPTH.
 */
#ifndef ATS_IO_CODEC_LIVE_DECODED_H
#define ATS_IO_CODEC_LIVE_DECODED_H

#include "core/record.h"
#include "io/codec/live/symbol_map.h"
#include "io/codec/live/value.h"
#include "io/import/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes behind a frame that must be readable. Their content means nothing. Wide loads may touch
 * them. */
#define ATS_DECODER_PADDING 64u

/* The longest frame that is taken: sixteen times what clients of these streams allow (1 MB). */
#define ATS_DECODER_FRAME_MAX (16u << 20)

/* Values of h.kind beside ats_kind. */
typedef enum ats_decoded_kind {
    ATS_DECODED_BAR_UPDATED = 128, /* ats_bar: takes the place of the bar of the same event_ns */
    ATS_DECODED_BAR_DAILY = 129,   /* ats_bar: the day so far; event_ns is its local midnight */
    ATS_DECODED_STATUS = 130,      /* ats_status with code NONE: a status that neither halts nor
                                    * resumes; its code is in note[] */
    ATS_DECODED_BAND = 131,
    ATS_DECODED_IMBALANCE = 132,
    ATS_DECODED_CANCEL = 133,
    ATS_DECODED_CORRECTION = 134,
    ATS_DECODED_REFERENCE = 135,
    ATS_DECODED_CONTROL = 136,
    ATS_DECODED_END = 137
} ats_decoded_kind;
static_assert((int)ATS_KIND_COUNT <= (int)ATS_DECODED_BAR_UPDATED, "kinds of both do not meet");

/* Label of a kind of either enum, e.g. "quote", "correction". */
const char *ats_decoded_label(uint32_t kind);

/* Limit up, limit down: the band within which the symbol may trade. */
typedef struct ats_decoded_band {
    ats_header h;
    int64_t low_e9;
    int64_t high_e9;
    uint64_t venue_seq; /* 0 = none */
    uint16_t source;
    uint8_t indicator; /* letter of the tape, or 0 */
    uint8_t tape;      /* A, B, C ...; 0 = not told */
    uint32_t reserved32;
    uint64_t reserved[4];
} ats_decoded_band;

/* Order imbalance before an auction. Alpaca tells the price only. */
typedef struct ats_decoded_imbalance {
    ats_header h;
    int64_t px_e9;        /* at which the auction would clear; 0 = not told */
    int64_t imbalance_e9; /* shares; 0 = not told */
    int64_t paired_e9;
    uint64_t venue_seq;
    uint32_t auction_hhmm; /* New York time; 0 = not told */
    uint16_t source;
    uint8_t auction; /* letter: O M H C P R, or 0 */
    uint8_t tape;
    uint64_t reserved[3];
} ats_decoded_imbalance;

/* An earlier trade is taken back. */
typedef struct ats_decoded_cancel {
    ats_header h;
    int64_t px_e9;
    int64_t qty_e9;
    uint64_t trade_id; /* 0 = not told (Tiingo): only price, size and time find the trade */
    uint16_t source;
    uint8_t venue;
    uint8_t action; /* 'C' cancelled, 'E' error, 'B' broken */
    uint8_t tape;
    uint8_t reserved8[3];
    uint64_t reserved[4];
} ats_decoded_cancel;

/* An earlier trade was another one. */
typedef struct ats_decoded_correction {
    ats_header h;
    uint64_t original_id;
    int64_t original_px_e9;
    int64_t original_qty_e9;
    uint64_t corrected_id;
    int64_t corrected_px_e9;
    int64_t corrected_qty_e9;
    uint8_t original_condition[4]; /* as in ats_trade */
    uint8_t corrected_condition[4];
    uint16_t source;
    uint8_t venue;
    uint8_t tape;
    uint32_t reserved32;
} ats_decoded_correction;

/* A price that nobody traded at: fair value, reference price. */
typedef struct ats_decoded_reference {
    ats_header h;
    int64_t px_e9;
    uint16_t source;
    uint16_t reserved16;
    uint32_t reserved32;
    uint64_t reserved[6];
} ats_decoded_reference;

typedef enum ats_control_message {
    ATS_MESSAGE_OTHER = 0,         /* a success or status of a wording that is not known */
    ATS_MESSAGE_CONNECTED = 1,     /* the server's greeting: authenticate */
    ATS_MESSAGE_AUTHENTICATED = 2, /* subscribe */
    ATS_MESSAGE_AUTH_FAILED = 3,
    ATS_MESSAGE_SUBSCRIPTION = 4, /* Alpaca: list[] has the whole set */
    ATS_MESSAGE_ERROR = 5,        /* code and note[0] say which */
    ATS_MESSAGE_HEARTBEAT = 6,
    ATS_MESSAGE_COUNT
} ats_control_message;
const char *ats_control_message_label(uint32_t message);

/* A message of the session. Its text is in the decoder's note[0]. */
typedef struct ats_decoded_control {
    ats_header h;
    uint32_t message; /* ats_control_message */
    int32_t code;     /* of an error (docs of the vendor); 0 = none */
    uint64_t subscription_id;
    uint16_t source;
    uint16_t reserved16;
    uint32_t reserved32;
    uint64_t reserved[5];
} ats_decoded_control;

typedef union ats_decoded {
    ats_header h;
    ats_market market;
    ats_quote quote;
    ats_trade trade;
    ats_bar bar;
    ats_status status;
    ats_book_level book_level;
    ats_decoded_band band;
    ats_decoded_imbalance imbalance;
    ats_decoded_cancel cancel;
    ats_decoded_correction correction;
    ats_decoded_reference reference;
    ats_decoded_control control;
} ats_decoded;
ATS_ASSERT_RECORD(ats_decoded_band, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_decoded_imbalance, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_decoded_cancel, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_decoded_correction, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_decoded_reference, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_decoded_control, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_decoded, ATS_RECORD_MARKET);

/* Channels of an Alpaca subscription, in the order of ats_decoder.list. */
typedef enum ats_channel {
    ATS_CHANNEL_TRADES = 0,
    ATS_CHANNEL_QUOTES,
    ATS_CHANNEL_BARS,
    ATS_CHANNEL_UPDATED_BARS,
    ATS_CHANNEL_DAILY_BARS,
    ATS_CHANNEL_STATUSES,
    ATS_CHANNEL_LULDS,
    ATS_CHANNEL_IMBALANCES,
    ATS_CHANNEL_CORRECTIONS,
    ATS_CHANNEL_CANCEL_ERRORS,
    ATS_CHANNEL_COUNT
} ats_channel;
const char *ats_channel_label(uint32_t channel); /* as in the protocol: "updatedBars" */

typedef struct ats_decoder_options {
    const ats_symbol_map *symbols; /* must outlive the decoder */
    /* What a unit of a quote's size is, in shares: 1 since 2025-11-03, 100 (the round lot) in
     * recordings from before, both for Alpaca and for Polygon. */
    uint32_t quote_lot;
    bool national;     /* quotes are the national best (SIP), not one exchange's (IEX) */
    bool keep_unknown; /* give out messages of unknown symbols, with symbol_id 0 */
    bool general_only; /* take no fast path: for tests and comparisons */
} ats_decoder_options;

typedef struct ats_decode_fault {
    uint32_t reason; /* ats_line_reason; OK: none yet */
    uint32_t offset; /* into the frame: of the message, or of the fault when it is SYNTAX */
    uint64_t frame;  /* its number, from 1 */
} ats_decode_fault;

typedef enum ats_frame_state {
    ATS_FRAME_DONE = 0,
    ATS_FRAME_FIRST,  /* in an array, before its first element */
    ATS_FRAME_NEXT,   /* at an element */
    ATS_FRAME_SINGLE, /* the frame is one message, no array */
} ats_frame_state;

typedef struct ats_decoder {
    ats_decoder_options options;
    /* the frame in hand */
    const char *start, *at, *end;
    uint32_t left;  /* elements, where the format counts them */
    uint32_t state; /* ats_frame_state */
    /* Times of a stream share their minute: 16 letters that were read once, and their ns. */
    char minute_text[16];
    int64_t minute_ns;
    /* beside the last message; texts lie in the frame as they stand (JSON escapes not resolved) */
    ats_value symbol;  /* its symbol */
    ats_value note[4]; /* a control's text; a status's code, its text, reason code, its text */
    ats_value list[ATS_CHANNEL_COUNT]; /* of a SUBSCRIPTION: ABSENT, or a list for ats_list_open */
    /* counters */
    uint64_t frames, messages, taken, unknown_symbols;
    uint64_t refused[ATS_LINE_REASON_COUNT]; /* IGNORED: of types that are not known */
    ats_decode_fault fault;                  /* the last one that was not IGNORED */
} ats_decoder;

/* Cold. Asserts that there are symbols and a lot. */
void ats_decoder_init(ats_decoder *decoder, const ats_decoder_options *options);

/* Takes up a frame: ATS_DECODER_PADDING bytes behind frame[0..length) must be readable, and all of
 * it must stay until the last message was given out. What was left of the frame before is dropped.
 */
void ats_decoder_open(ats_decoder *decoder, const void *frame, size_t length);

/* ---- for decoders -----------------------------------------------------------------------------
 */

/* Reads the members of a message, whose brace was read, into *out. OK, IGNORED, BLANK (not wanted),
 * a reason; SYNTAX when the text is malformed at json->at. */
typedef ats_line_reason ats_message_reader(ats_decoder *decoder, struct ats_json *json,
                                           ats_decoded *out);

/* The next message of a frame of JSON, an array of messages or one alone, that `reader` takes and,
 * if not NULL, `fast` is not sure of (see ats_alpaca_fast). False: the frame is done. */
bool ats_decoder_next_json(ats_decoder *decoder, ats_decoded *out, ats_message_reader *reader,
                           const char *(*fast)(ats_decoder *, const char *, ats_decoded *));

/* Counts a message at `at` that is not given out. */
void ats_decoder_refuse(ats_decoder *decoder, ats_line_reason reason, const char *at);

/* Counts a malformed frame and drops the rest of it. */
void ats_decoder_abandon(ats_decoder *decoder, const char *at);

/* The symbol of a message into out->h.symbol_id. OK; SYMBOL; or BLANK: not known, and not wanted.
 */
ats_line_reason ats_decoder_symbol(ats_decoder *decoder, const ats_value *symbol, ats_decoded *out);

/* Quote sizes and flags from what was read: units to shares, no size without a price, one-sided,
 * locked, crossed; national or one venue's. OK, or RANGE. */
ats_line_reason ats_decoder_finish_quote(const ats_decoder *decoder, ats_quote *quote);

#endif
