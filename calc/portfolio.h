/* portfolio.h: positions and one account, in integers.
 *
 * Average cost: a fill that adds to a position adds its price to the running total cost; one that
 * reduces it takes the same share of the total cost out and books the difference as realised. The
 * running total is kept, never the average. The identity
 *     equity = cash + sum(position * mark)
 * holds exactly after every call (ats_portfolio_check recomputes it from scratch).
 *
 * A symbol's mark is the mid of the last two-sided quote, floor((bid + ask) / 2) in 1e-9 units;
 * until there is one, the price of its first fill.
 */
#ifndef ATS_CALC_PORTFOLIO_H
#define ATS_CALC_PORTFOLIO_H

#include "calc/money.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ats_holding {
    int64_t qty_e9; /* > 0 long, < 0 short */
    int64_t mark_e9;
    ats_money_e18 cost_e18; /* total cost of what is held; negative for a short */
    ats_money_e18 realized_e18;
    ats_money_e18 fees_e18;
    uint64_t fills;
} ats_holding;

typedef struct ats_portfolio {
    ats_money_e18 start_e18;
    ats_money_e18 cash_e18;
    ats_money_e18 net_e18;   /* sum(position * mark) */
    ats_money_e18 gross_e18; /* sum|position * mark| */
    ats_money_e18 short_e18; /* sum|position * mark| of shorts */
    ats_money_e18 realized_e18;
    ats_money_e18 fees_e18;
    ats_money_e18 high_water_e18; /* of the day */
    uint32_t open_positions;
    uint32_t symbol_count;
    uint64_t fills;
    uint64_t round_trips;    /* positions that came back to zero */
    uint64_t winners;        /* of these, with realised - fees of the trip > 0 */
    uint32_t loss_streak;    /* losing round trips in a row */
    ats_holding *holdings;   /* [symbol_count + 1], by symbol_id */
    ats_money_e18 *trip_e18; /* realised - fees since the position was last flat, by symbol_id */
} ats_portfolio;

size_t ats_portfolio_footprint(uint32_t symbol_count);

/* Lays a portfolio with this starting cash into zeroed memory, aligned to 64. */
ats_portfolio *ats_portfolio_new(void *memory, uint32_t symbol_count, int64_t start_cash_e9);

/* Books a fill: qty_e9 > 0 bought, < 0 sold; fee_e9 >= 0 paid. Returns true when the position came
 * back to zero (a round trip ended). A fill through zero closes and opens at its price. */
bool ats_portfolio_fill(ats_portfolio *p, uint32_t symbol_id, int64_t qty_e9, int64_t px_e9,
                        int64_t fee_e9);

/* New mark of a symbol. */
void ats_portfolio_mark(ats_portfolio *p, uint32_t symbol_id, int64_t mark_e9);

/* A new trading day: the high-water mark starts at the present equity. */
void ats_portfolio_new_day(ats_portfolio *p);

static inline ats_money_e18 ats_portfolio_equity(const ats_portfolio *p)
{
    return p->cash_e18 + p->net_e18;
}

/* Below the day's high; >= 0. */
static inline ats_money_e18 ats_portfolio_drawdown(const ats_portfolio *p)
{
    return p->high_water_e18 - ats_portfolio_equity(p);
}

/* Unrealised profit of a symbol: position * mark - total cost. */
static inline ats_money_e18 ats_holding_unrealized(const ats_holding *h)
{
    return ats_money_product(h->mark_e9, h->qty_e9) - h->cost_e18;
}

/* Sum of unrealised profit over all symbols. */
ats_money_e18 ats_portfolio_unrealized(const ats_portfolio *p);

/* Recomputes every running sum; true when all agree. */
bool ats_portfolio_check(const ats_portfolio *p);

#endif
