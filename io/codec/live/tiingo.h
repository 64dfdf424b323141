/* tiingo.h: Tiingo's WebSocket streams of US stocks, JSON text frames of one message. decoded.h
 * says what comes out.
 *
 * What a message becomes:
 *   A, 16 positions   level 0 and 5 of /iex: "Q" ATS_KIND_QUOTE of venue V, "T" ATS_KIND_TRADE,
 *                     "B" ATS_DECODED_CANCEL (action 'B', no id: the feed gives none)
 *   A, 8 positions    level 4 of /equity/intraday: ATS_KIND_QUOTE, the national best
 *   A, 3 positions    level 6: ATS_DECODED_REFERENCE; no quote and no trade stand behind it
 *   I H E             ATS_DECODED_CONTROL; note[0] is the message. Any response code but 200 is an
 *                     ERROR, also of an I message
 *
 * Flags of a trade become sale conditions: 'T' after hours, 'F' intermarket sweep, 'I' odd lot, '@'
 * when it is none of them. Nulls are sides without interest. Tickers are lower case on the wire and
 * are looked up in upper case; a message of another service is IGNORED. Sizes are shares: quote_lot
 * does not count here. Time is the epoch time where there is one, else the text.
 */
#ifndef ATS_IO_CODEC_LIVE_TIINGO_H
#define ATS_IO_CODEC_LIVE_TIINGO_H

#include "io/codec/live/decoded.h"

/* The next message of a frame into *out. False: the frame is done. Hot. */
bool ats_tiingo_next(ats_decoder *decoder, ats_decoded *out);

#endif
