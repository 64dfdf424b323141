/* alpaca.h: Alpaca's market data stream (v2 stocks): trades, quotes, bars, statuses, LULD bands,
 * imbalances, cancels, corrections and the messages of the session, as JSON text frames or as
 * MessagePack binary frames. decoded.h says what comes out.
 *
 * What a message becomes:
 *   t             ATS_KIND_TRADE; up to four conditions; without price or size it is refused
 *   q             ATS_KIND_QUOTE; a price of 0 is a side without interest. One condition letter is
 *                 kept: the first that is not 'R' (regular), since of two, bid's and ask's, the
 *                 irregular one decides
 *   b, u, d       ATS_KIND_BAR of 60 s, ATS_DECODED_BAR_UPDATED, ATS_DECODED_BAR_DAILY
 *   s             ATS_KIND_STATUS for halts (2 H P), resumption of trade (3 T) and the short-sale
 *                 restriction (E); else ATS_DECODED_STATUS. note[] holds sc, sm, rc, rm
 *   l i x c       ATS_DECODED_BAND, _IMBALANCE, _CANCEL, _CORRECTION
 *   success error subscription   ATS_DECODED_CONTROL; note[0] holds msg, list[] the channels
 *
 * Keys may come in any order, T too; of a key that comes twice the last counts; unknown keys are
 * passed over whatever their value. Prices and sizes are exact: a tenth fraction digit refuses the
 * message; vw and v of bars, which are computed, are rounded half up. Sizes and volumes are in
 * shares (ats_decoder_options.quote_lot for quotes).
 */
#ifndef ATS_IO_CODEC_LIVE_ALPACA_H
#define ATS_IO_CODEC_LIVE_ALPACA_H

#include "io/codec/live/decoded.h"

/* The next message of a text frame into *out. False: the frame is done. Hot.
 *
 * Quotes, trades and minute bars in the server's own order of keys, without blanks, take a path
 * that reads them in one go (alpaca_fast.c); all others, and whatever that path is not sure of,
 * take the general one, with equal results. */
bool ats_alpaca_json_next(ats_decoder *decoder, ats_decoded *out);

/* The same for a binary frame. Time extension or RFC 3339 text; any width of number. */
bool ats_alpaca_msgpack_next(ats_decoder *decoder, ats_decoded *out);

/* ---- parts ------------------------------------------------------------------------------------
 */

/* Fields of all messages, as the general path notes them. */
typedef enum ats_alpaca_field {
    ATS_ALPACA_NONE = 0, /* a key that is not ours */
    ATS_ALPACA_T,
    ATS_ALPACA_SYMBOL,    /* S */
    ATS_ALPACA_TIME,      /* t */
    ATS_ALPACA_ID,        /* i: trade id, or the LULD indicator */
    ATS_ALPACA_VENUE,     /* x */
    ATS_ALPACA_PRICE,     /* p */
    ATS_ALPACA_SIZE,      /* s */
    ATS_ALPACA_C,         /* c: conditions, or the close */
    ATS_ALPACA_TAPE,      /* z */
    ATS_ALPACA_OPEN,      /* o */
    ATS_ALPACA_HIGH,      /* h */
    ATS_ALPACA_LOW,       /* l */
    ATS_ALPACA_VOLUME,    /* v */
    ATS_ALPACA_COUNT,     /* n */
    ATS_ALPACA_UP,        /* u */
    ATS_ALPACA_DOWN,      /* d */
    ATS_ALPACA_ACTION,    /* a */
    ATS_ALPACA_VWAP,      /* vw */
    ATS_ALPACA_BID_VENUE, /* bx bp bs ax ap as */
    ATS_ALPACA_BID,
    ATS_ALPACA_BID_SIZE,
    ATS_ALPACA_ASK_VENUE,
    ATS_ALPACA_ASK,
    ATS_ALPACA_ASK_SIZE,
    ATS_ALPACA_STATUS_CODE, /* sc sm rc rm */
    ATS_ALPACA_STATUS_TEXT,
    ATS_ALPACA_REASON_CODE,
    ATS_ALPACA_REASON_TEXT,
    ATS_ALPACA_ORIGINAL_ID, /* oi op os oc */
    ATS_ALPACA_ORIGINAL_PRICE,
    ATS_ALPACA_ORIGINAL_SIZE,
    ATS_ALPACA_ORIGINAL_CONDITIONS,
    ATS_ALPACA_CORRECTED_ID, /* ci cp cs cc */
    ATS_ALPACA_CORRECTED_PRICE,
    ATS_ALPACA_CORRECTED_SIZE,
    ATS_ALPACA_CORRECTED_CONDITIONS,
    ATS_ALPACA_MSG,
    ATS_ALPACA_CODE,
    ATS_ALPACA_CHANNEL, /* the first of ATS_CHANNEL_COUNT */
    ATS_ALPACA_FIELD_COUNT = ATS_ALPACA_CHANNEL + ATS_CHANNEL_COUNT
} ats_alpaca_field;
static_assert((int)ATS_ALPACA_FIELD_COUNT <= 64, "a bit a field");

typedef struct ats_alpaca_fields {
    uint64_t seen; /* bit f: value[f] is set */
    ats_value value[ATS_ALPACA_FIELD_COUNT];
} ats_alpaca_fields;

/* Which field a key names. */
ats_alpaca_field ats_alpaca_field_of(const char *key, size_t length);

/* The letter of a quote that is kept, 0 = none. */
static inline uint8_t ats_alpaca_quote_condition(const uint8_t condition[4])
{
    uint8_t c = condition[0] == 'R' && condition[1] != ' ' ? condition[1] : condition[0];
    return c == ' ' ? 0 : c;
}

/* A message from its fields. OK with *out whole, IGNORED, BLANK (symbol not wanted), or a reason.
 */
ats_line_reason ats_alpaca_build(ats_decoder *decoder, const ats_alpaca_fields *fields,
                                 ats_decoded *out);

/* A message of the server's own layout at `p`. Behind its '}' with *out whole, or NULL: the general
 * path decides. May read ATS_DECODER_PADDING bytes behind decoder->end; what it gives lies before.
 */
const char *ats_alpaca_fast(ats_decoder *decoder, const char *p, ats_decoded *out);

/* The same for MessagePack: `T` first, texts, doubles and unsigned integers of the usual widths. */
const char *ats_alpaca_msgpack_fast(ats_decoder *decoder, const char *p, ats_decoded *out);

#endif
