/* nbbo.h: the national best bid and offer of one symbol from each exchange's own top of book.
 *
 * Rule (the consolidated tape's): the highest bid, the lowest offer; between exchanges at the same
 * price the larger size, then the one that was there first (a change of price or size there counts
 * as new). The size shown is that exchange's alone. A side quoted at price 0 or size 0 is
 * withdrawn. An exchange's quote replaces its former one whole.
 */
#ifndef ATS_CALC_NBBO_H
#define ATS_CALC_NBBO_H

#include "core/record.h"

#include <stdbool.h>
#include <stdint.h>

#define ATS_NBBO_VENUES 32u /* CTA and UTP participant ids are the letters A..Z */

typedef struct ats_nbbo_side {
    int64_t px_e9;
    int64_t size_e9;
    uint64_t since; /* arrival number of this price and size */
} ats_nbbo_side;

typedef struct ats_nbbo {
    ats_nbbo_side bid[ATS_NBBO_VENUES]; /* by letter: 'A' = 1; 0 = nobody */
    ats_nbbo_side ask[ATS_NBBO_VENUES];
    uint32_t bids_live; /* bit a venue with a bid */
    uint32_t asks_live;
    uint8_t best_bid; /* venue slot, 0 = no bid */
    uint8_t best_ask;
    uint64_t arrivals;
} ats_nbbo;

/* Slot of a participant letter (1..26), or 0 when it is none. */
static inline uint32_t ats_nbbo_slot(uint8_t letter)
{
    return letter >= 'A' && letter <= 'Z' ? (uint32_t)(letter - 'A' + 1) : 0;
}
static inline uint8_t ats_nbbo_letter(uint32_t slot)
{
    return slot ? (uint8_t)('A' + slot - 1) : 0;
}

/* Takes one exchange's quote. True when price, size or exchange of either best side changed. */
bool ats_nbbo_update(ats_nbbo *book, uint32_t slot, int64_t bid_e9, int64_t bid_size_e9,
                     int64_t ask_e9, int64_t ask_size_e9);

/* Takes a quote and makes it the market's: prices, sizes and exchanges of both best sides, marked
 * ATS_QUOTE_NATIONAL. A quote that names no exchange stays as it is. False: nothing has changed,
 * and neither has the quote. */
bool ats_nbbo_take(ats_nbbo *book, ats_quote *quote);

#endif
