/* polygon.h: the stocks stream of Polygon (now Massive), JSON text frames. decoded.h says what
 * comes out.
 *
 * What an event becomes:
 *   T            ATS_KIND_TRADE; size from ds (exact) where it is there; an id that is no number
 *                is 0; venue_seq = q
 *   Q            ATS_KIND_QUOTE, the national best; conditions are numbers of the vendor's, not
 * kept A AM         ATS_KIND_BAR of 1 s and 60 s LULD NOI FMV ATS_DECODED_BAND, _IMBALANCE,
 * _REFERENCE status       ATS_DECODED_CONTROL; note[0] is message, note[1] status
 *
 * Fields that are 0, false or empty are left out by the server: what is missing is 0, so a quote
 * without ap has no ask. Times are told apart by magnitude: 13 digits are ms, 16 us, 19 ns; others
 * are refused, whatever the documents say of the field.
 *
 * Exchange numbers become the participant letters of the tapes, condition numbers of trades their
 * sale condition letters (vendor's reference lists "exchanges" and "conditions"). A condition that
 * is not in our table becomes '?', which counts in volume only (calc/sale_condition.h); 41, an
 * exemption from the trade-through rule, says nothing of the price and is left out.
 */
#ifndef ATS_IO_CODEC_LIVE_POLYGON_H
#define ATS_IO_CODEC_LIVE_POLYGON_H

#include "io/codec/live/decoded.h"

/* The next message of a frame into *out. False: the frame is done. Hot. */
bool ats_polygon_next(ats_decoder *decoder, ats_decoded *out);

#endif
