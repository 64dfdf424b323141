/* decoded_json.h: what decoders of live feeds give out, as JSON for people and pipes. Cold.
 *
 * Integers are as they are stored (_e9, _ns); letters are texts, "" for none; what a broker left
 * out is null. New references.
 */
#ifndef ATS_TOOLS_DECODED_JSON_H
#define ATS_TOOLS_DECODED_JSON_H

#include "io/codec/live/broker_order.h"
#include "io/codec/live/decoded.h"

#include <jansson.h>

/* The last message that the decoder gave; its symbol_id is of `symbols`. */
json_t *ats_decoded_json(const ats_decoder *decoder, const ats_decoded *message,
                         const ats_symbols *symbols);

json_t *ats_broker_order_as_json(const ats_broker_order *order);
json_t *ats_broker_update_as_json(const ats_broker_update *update);

#endif
