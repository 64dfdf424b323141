/* iex.h: IEX's own feeds, TOPS (best quote and trades) and DEEP (price levels), as segments of
 * IEX-TP 1 (IEX TOPS Specification 1.6, IEX DEEP Specification 1.0). decoded.h says what comes out.
 *
 * What a message becomes:
 *   Q      ATS_KIND_QUOTE of venue V; flag 0x80 marks it ATS_QUOTE_HALTED
 *   T      ATS_KIND_TRADE; flags become sale conditions: 'F' intermarket sweep, 'T' extended hours,
 * 'I' odd lot, 'X' single-price cross, '@' when it is none of them B      ATS_DECODED_CANCEL,
 * action 'B' 8 5    ATS_KIND_BOOK_LEVEL of the buy and the sell side, its new total size;
 * END_OF_EVENT is set on the last one of its event H P    ATS_KIND_STATUS: halted (H, P) and
 * trading (T); short-sale restriction in effect. All else (order acceptance, restriction lifted),
 * and O, is ATS_DECODED_STATUS; note[0] is the letter or, of P, absent, note[2] the reason X
 * ATS_DECODED_REFERENCE: the official opening or closing price System events, directories, auction
 * information and security events are IGNORED.
 *
 * Messages are numbered. One that was seen (feeds come twice, over A and B) is passed over and
 * counted; a hole is counted and the messages behind it stand: venue_seq tells where it is.
 */
#ifndef ATS_IO_CODEC_LIVE_IEX_H
#define ATS_IO_CODEC_LIVE_IEX_H

#include "io/codec/live/decoded.h"

#define ATS_IEX_TOPS_1_5 0x8002u
#define ATS_IEX_TOPS_1_6 0x8003u
#define ATS_IEX_DEEP_1_0 0x8004u

typedef struct ats_iex {
    ats_decoder decoder; /* counters, faults, notes; set up by ats_decoder_init */
    uint32_t session;    /* of the last segment; 0: none yet */
    uint64_t next_seq;   /* number of the message that should come next */
    uint64_t at_seq;     /* number of the next message of the segment in hand */
    int64_t send_ns;     /* of the segment in hand */
    uint64_t duplicates; /* messages that were seen */
    uint64_t gaps, lost; /* holes, and the messages in them */
} ats_iex;

/* Takes up a segment (a UDP payload), which must stay until the last message was given out. False:
 * no segment of a version and protocol that are known, or its lengths are wrong; counted. */
bool ats_iex_open(ats_iex *iex, const void *segment, size_t length);

/* The next message into *out. False: the segment is done. Hot. */
bool ats_iex_next(ats_iex *iex, ats_decoded *out);

#endif
