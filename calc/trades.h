/* trades.h: the round trips of strategies, from their fills.
 *
 * A round trip is what one strategy does in one symbol from flat to flat: its virtual position
 * (stages/strategy/desk.h). Strategies that hold one symbol at once have a trip each, whatever the
 * account's sum is. Average cost: a trip's profit is what its sales brought less what its purchases
 * cost less its fees, with dividends received less paid,
 *
 *     profit = sum over fills(-signed quantity * price - fee) + dividends,
 *
 * exact in 1e-18. One that is still open is valued at a mark: + signed quantity left * mark. So the
 * trips of a run add up to what it earned, whatever rounding its averages have. A fill through zero
 * ends one trip and begins the next at its price; its fee is shared by quantity.
 *
 * Excursions (Sweeney 1985): the lowest and the highest price while the trip was open, those of its
 * fills and the mids at them included; against the average entry they are its largest open loss and
 * gain a unit. Of a bar counts the whole range when it began at or after the entry, else its close
 * alone.
 *
 * Busts and corrections: whoever feeds this leaves out a fill that was taken back and tells a
 * corrected one as it was corrected; then the trips are what they would be had it been told right
 * at once, as in calc/portfolio.h.
 *
 * Memory: a place a strategy and symbol, nothing for trips that ended. Owner: one thread. Allocates
 * nothing.
 */
#ifndef ATS_CALC_TRADES_H
#define ATS_CALC_TRADES_H

#include "calc/money.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ats_round_trip {
    uint32_t strategy_id;      /* from 1 */
    uint32_t symbol_id;        /* from 1 */
    int64_t entry_ns;          /* recv_ns of the first fill */
    int64_t entry_event_ns;    /* the venue's time of it, or the same */
    int64_t exit_ns;           /* of the last fill; 0 = open */
    int64_t entry_qty_e9;      /* all that was entered; splits adjust it */
    int64_t exit_qty_e9;       /* of these, left again */
    ats_money_e18 entered_e18; /* sum of price * quantity of entries, >= 0 */
    ats_money_e18 left_e18;    /* of exits */
    ats_money_e18 fees_e18;
    ats_money_e18 dividends_e18;
    ats_money_e18 profit_e18; /* after fees; of an open one at its mark */
    int64_t low_e9, high_e9;  /* price while it was open */
    uint32_t entry_reason;    /* ats_reason of the first fill */
    uint32_t exit_reason;     /* of the fill that ended it */
    uint32_t fills;
    uint32_t model_id; /* of the first fill; 0 = none */
    uint8_t side;      /* ATS_SIDE_BUY = long */
    uint8_t reserved8[7];
} ats_round_trip;

typedef struct ats_trade_fill {
    uint32_t strategy_id;
    uint32_t symbol_id;
    int64_t recv_ns;
    int64_t event_ns; /* 0 = not told */
    int64_t qty_e9;   /* > 0 */
    int64_t px_e9;    /* > 0 */
    int64_t fee_e9;
    uint32_t reason;   /* ats_reason of the order */
    uint32_t model_id; /* that the order was decided by; 0 = none */
    uint8_t side;
    uint8_t reserved8[7];
} ats_trade_fill;

typedef struct ats_trades {
    uint32_t strategy_count, symbol_count;
    ats_round_trip *places; /* [symbol_count + 1][strategy_count]; entry_qty_e9 0 = flat */
    uint32_t *open;         /* by symbol: trips that are open */
    uint64_t open_count;
    uint64_t refused; /* fills that name no strategy or symbol, or have no quantity or price */
} ats_trades;

size_t ats_trades_footprint(uint32_t strategy_count, uint32_t symbol_count);

/* Lays out in zeroed memory, aligned to 64. */
ats_trades *ats_trades_new(void *memory, uint32_t strategy_count, uint32_t symbol_count);

/* Books a fill. True when it ended a trip, which is then in *ended. */
bool ats_trades_fill(ats_trades *t, const ats_trade_fill *fill, ats_round_trip *ended);

/* The symbol traded, or was quoted, between low and high since began_ns (a bar's start; INT64_MAX:
 * at one moment) and ended at close. */
void ats_trades_price(ats_trades *t, uint32_t symbol_id, int64_t low_e9, int64_t high_e9,
                      int64_t close_e9, int64_t began_ns);

/* A split: quantities are multiplied, prices divided; what is no whole lot_e9 is paid out at
 * mark_e9 (already of the new units). Returns how many trips it ended; their rows are in ended[],
 * which has a place a strategy. */
uint32_t ats_trades_split(ats_trades *t, uint32_t symbol_id, int64_t numerator, int64_t denominator,
                          int64_t lot_e9, int64_t mark_e9, int64_t recv_ns, ats_round_trip *ended);

/* A dividend in cash a unit: long trips receive it, short ones pay. */
void ats_trades_dividend(ats_trades *t, uint32_t symbol_id, int64_t cash_e9);

/* Signed quantity that is held; 0 = flat. */
static inline int64_t ats_round_trip_held_e9(const ats_round_trip *trip)
{
    int64_t left = trip->entry_qty_e9 - trip->exit_qty_e9;
    return trip->side == ATS_SIDE_BUY ? left : -left;
}

/* Average prices, towards zero; that of exits is 0 when there was none. */
static inline int64_t ats_round_trip_entry_e9(const ats_round_trip *trip)
{
    return trip->entry_qty_e9 ? (int64_t)(trip->entered_e18 / trip->entry_qty_e9) : 0;
}
static inline int64_t ats_round_trip_exit_e9(const ats_round_trip *trip)
{
    return trip->exit_qty_e9 ? (int64_t)(trip->left_e18 / trip->exit_qty_e9) : 0;
}

/* The open trip of a strategy in a symbol, valued at a mark. False: it is flat. */
bool ats_trades_open(const ats_trades *t, uint32_t strategy_id, uint32_t symbol_id, int64_t mark_e9,
                     ats_round_trip *trip);

#endif
