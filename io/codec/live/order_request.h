/* order_request.h: what Alpaca is asked to do with an order, as the JSON body of its call. Hot: no
 * allocation, no locale, exact decimals.
 *
 * NEW is the body of POST /v2/orders, REPLACE that of PATCH /v2/orders/ID; a CANCEL (DELETE
 * /v2/orders/ID) has none. Legs go with their head.
 */
#ifndef ATS_IO_CODEC_LIVE_ORDER_REQUEST_H
#define ATS_IO_CODEC_LIVE_ORDER_REQUEST_H

#include "core/record.h"

#include <stddef.h>

/* Room for the longest: every field of an order with two legs, its numbers of 24 characters. */
#define ATS_ORDER_REQUEST_BYTES 768u

/* symbol: as the broker writes it, at most 24 characters of A-Z, 0-9, '.', '/'; client_order_id: at
 * most 55, without quotes or backslashes. Returns the length (no NUL), 0 for what has no body: a
 * CANCEL, or a value that is none of core/record.h's. */
size_t ats_order_request_json(const ats_order *order, const char *symbol,
                              const char *client_order_id, char out[ATS_ORDER_REQUEST_BYTES]);

#endif
