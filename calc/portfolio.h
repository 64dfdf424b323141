/* portfolio.h: positions and one account, in integers.
 *
 * Two ways of cost are kept beside each other. Average cost: a fill that adds to a position adds
 * its price to the running total cost; one that reduces it takes the same share of the total cost
 * out and books the difference as realised. The running total is kept, never the average. First
 * in, first out (lots.h): one that reduces takes out its oldest lots. Both come to the same once
 * the position is flat, and at every moment
 *     realised - cost is the same in both, and  equity = cash + sum(position * mark)
 * holds exactly after every call (ats_portfolio_check recomputes it from scratch).
 *
 * A symbol's mark is what ats_portfolio_mark was told last; until then, the price of its first
 * fill.
 *
 * Busts and corrections. The last fills of the account are kept, and what each symbol was before
 * the oldest of these. A fill that is taken back or corrected is so in that record, and its symbol
 * is worked out anew: position, costs, realised profit and fees are then what they would be had the
 * fill been told right at once. What was counted meanwhile stays: the high-water mark, dividends
 * that were paid, round trips and losses in a row.
 *
 * Owner: the stage's thread. Allocates nothing.
 */
#ifndef ATS_CALC_PORTFOLIO_H
#define ATS_CALC_PORTFOLIO_H

#include "calc/lots.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills that can still be taken back: a busy account's day and more; 4 MiB. A power of two. */
#define ATS_FILLS_KEPT 65536u

typedef struct ats_holding {
    int64_t qty_e9; /* > 0 long, < 0 short */
    int64_t mark_e9;
    ats_money_e18 value_e18; /* qty * mark */
    ats_money_e18 cost_e18;  /* total cost of what is held; negative for a short */
    ats_money_e18 realized_e18;
    ats_money_e18 realized_fifo_e18;
    ats_money_e18 fees_e18;
    ats_money_e18 trip_e18;      /* realised - fees since the position was last flat */
    ats_money_e18 dividends_e18; /* received less paid */
    ats_money_e18 borrow_e18;    /* paid for what was sold short */
    uint64_t fills;
    ats_lot_list lots;
    uint32_t first_kept, last_kept; /* of its fills in the record; place + 1 */
} ats_holding;

typedef struct ats_kept_fill ats_kept_fill;

typedef struct ats_portfolio {
    ats_money_e18 start_e18;
    ats_money_e18 cash_e18;
    ats_money_e18 net_e18;        /* sum(position * mark) */
    ats_money_e18 gross_e18;      /* sum|position * mark| */
    ats_money_e18 short_e18;      /* sum|position * mark| of shorts */
    ats_money_e18 high_water_e18; /* of the day */
    ats_money_e18 realized_e18;
    ats_money_e18 realized_fifo_e18;
    ats_money_e18 fees_e18;
    ats_money_e18 dividends_e18;
    ats_money_e18 borrow_e18;
    ats_money_e18 deposits_e18; /* less withdrawals */
    uint32_t open_positions;
    uint32_t symbol_count;
    uint64_t fills;
    uint64_t round_trips; /* positions that came back to zero */
    uint64_t winners;     /* of these, with realised - fees of the trip > 0 */
    uint32_t loss_streak; /* losing round trips in a row */
    uint32_t reserved32;
    uint64_t busts, corrections;
    uint64_t busts_unknown;   /* busts and corrections of fills that are not in the record */
    uint64_t actions_refused; /* splits that no position of ours can follow */
    ats_holding *holdings;    /* [symbol_count + 1], by symbol_id */
    ats_holding *before;      /* the same before the oldest fill that is kept */
    ats_lots *lots;
    ats_kept_fill *kept; /* ring */
    uint64_t kept_head, kept_tail;
    uint32_t kept_mask;
} ats_portfolio;

/* fills_kept: a power of two. */
size_t ats_portfolio_footprint(uint32_t symbol_count, uint32_t fills_kept);

/* Lays a portfolio with this starting cash into zeroed memory, aligned to 64. */
ats_portfolio *ats_portfolio_new(void *memory, uint32_t symbol_count, int64_t start_cash_e9,
                                 uint32_t fills_kept);

/* Books a fill: qty_e9 > 0 bought, < 0 sold; px_e9 > 0; fee_e9 >= 0 paid; exec_id names it to a
 * later bust (0: none can). Returns true when the position came back to zero (a round trip ended).
 * A fill through zero closes and opens at its price. */
bool ats_portfolio_fill(ats_portfolio *p, uint32_t symbol_id, int64_t qty_e9, int64_t px_e9,
                        int64_t fee_e9, uint64_t exec_id);

/* The fill exec_id of this symbol never was; or was of this signed quantity, price and fee. False,
 * counted and nothing changed: it is not in the record, or was taken back before. Takes time in
 * proportion to the symbol's fills in the record: some 50 ns each. */
bool ats_portfolio_bust(ats_portfolio *p, uint32_t symbol_id, uint64_t exec_id);
bool ats_portfolio_correct(ats_portfolio *p, uint32_t symbol_id, uint64_t exec_id, int64_t qty_e9,
                           int64_t px_e9, int64_t fee_e9);

/* New mark of a symbol. */
void ats_portfolio_mark(ats_portfolio *p, uint32_t symbol_id, int64_t mark_e9);

/* A split of numerator new units for denominator old ones: the quantity is multiplied and cut to
 * 1e-9; the mark divided, half to even, and not below 1e-9; the cost stays. What is no whole
 * lot_e9 of the new quantity is paid out at the new mark, without fee, as if it were sold (bought
 * back). False and counted, and nothing changed: a ratio out of range, or a quantity or mark that
 * would leave the range of int64_t. */
bool ats_portfolio_split(ats_portfolio *p, uint32_t symbol_id, int64_t numerator,
                         int64_t denominator, int64_t lot_e9);

/* A dividend of cash_e9 a unit: a long position receives it, a short one pays. */
void ats_portfolio_dividend(ats_portfolio *p, uint32_t symbol_id, int64_t cash_e9);

/* Charges a short position for `days` of borrowing at rate_bps a year of 360 days, of its value at
 * its mark, half to even at 1e-18; 0 for a long one. rate_bps * days below 2^40. */
void ats_portfolio_accrue_borrow(ats_portfolio *p, uint32_t symbol_id, uint32_t rate_bps,
                                 uint32_t days);

/* Money that came in (> 0) or went out (< 0): moves the high-water mark by as much, so that it is
 * neither gain nor drawdown. */
void ats_portfolio_deposit(ats_portfolio *p, int64_t amount_e9);

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

/* Recomputes every running sum, and both costs of every position; true when all agree. */
bool ats_portfolio_check(const ats_portfolio *p);

#endif
