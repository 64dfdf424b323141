/* messages.h: market records as Alpaca writes them.
 *
 * symbol: of a stream's message, which names its kind and symbol; NULL: of a REST answer, where
 * both are said outside.
 */
#ifndef ATS_IO_VENUE_ALPACA_MESSAGES_H
#define ATS_IO_VENUE_ALPACA_MESSAGES_H

#include "core/record.h"
#include "io/venue/alpaca/wire.h"

void broker_put_trade(broker_wire *w, const char *symbol, const ats_trade *t);
void broker_put_quote(broker_wire *w, const char *symbol, const ats_quote *q);
void broker_put_bar(broker_wire *w, const char *symbol, const ats_bar *bar);
/* Trading status of the UTP tapes: halted, resumed. */
void broker_put_status(broker_wire *w, const char *symbol, const ats_status *status);
/* A LULD band. */
void broker_put_band(broker_wire *w, const char *symbol, const ats_status *status);

#endif
