#include "calc/portfolio.h"
#include "core/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define E9 ATS_E9

static ats_portfolio *make(uint32_t symbols)
{
    void *memory = aligned_alloc(64, ats_portfolio_footprint(symbols, 64));
    memset(memory, 0, ats_portfolio_footprint(symbols, 64));
    return ats_portfolio_new(memory, symbols, 100000 * E9, 64);
}

Test(portfolio, average_cost_by_hand)
{
    ats_portfolio *p = make(1);
    cr_assert_not(ats_portfolio_fill(p, 1, 100 * E9, 10 * E9, E9, 0));
    cr_assert_not(ats_portfolio_fill(p, 1, 100 * E9, 12 * E9, E9, 0));
    cr_assert(p->holdings[1].cost_e18 == ats_money_from_e9(2200 * E9));
    /* Half sold at 13: cost 1100 leaves, 1300 come in. */
    cr_assert_not(ats_portfolio_fill(p, 1, -100 * E9, 13 * E9, E9, 0));
    cr_assert(p->realized_e18 == ats_money_from_e9(200 * E9));
    ats_portfolio_mark(p, 1, 14 * E9);
    cr_assert(ats_holding_unrealized(&p->holdings[1]) == ats_money_from_e9(300 * E9));
    cr_assert(ats_portfolio_equity(p) == ats_money_from_e9((100000 + 200 + 300 - 3) * E9));
    cr_assert(ats_portfolio_fill(p, 1, -100 * E9, 14 * E9, 0, 0));
    cr_assert_eq(p->round_trips, 1);
    cr_assert_eq(p->winners, 1);
    cr_assert_eq(p->open_positions, 0);
    cr_assert(p->holdings[1].cost_e18 == 0);
    cr_assert(ats_portfolio_check(p));
    free(p);
}

Test(portfolio, a_fill_through_zero_closes_and_opens)
{
    ats_portfolio *p = make(1);
    ats_portfolio_fill(p, 1, 10 * E9, 100 * E9, 0, 0);
    cr_assert(ats_portfolio_fill(p, 1, -25 * E9, 90 * E9, 0, 0));
    cr_assert_eq(p->holdings[1].qty_e9, -15 * E9);
    cr_assert(p->holdings[1].cost_e18 == ats_money_from_e9(-1350 * E9));
    cr_assert(p->realized_e18 == ats_money_from_e9(-100 * E9));
    cr_assert_eq(p->loss_streak, 1);
    ats_portfolio_mark(p, 1, 80 * E9);
    cr_assert(p->short_e18 == ats_money_from_e9(1200 * E9));
    cr_assert(p->gross_e18 == ats_money_from_e9(1200 * E9));
    cr_assert(p->net_e18 == ats_money_from_e9(-1200 * E9));
    cr_assert(ats_holding_unrealized(&p->holdings[1]) == ats_money_from_e9(150 * E9));
    cr_assert(ats_portfolio_check(p));
    free(p);
}

Test(portfolio, high_water_and_drawdown)
{
    ats_portfolio *p = make(1);
    ats_portfolio_fill(p, 1, 100 * E9, 10 * E9, 0, 0);
    ats_portfolio_mark(p, 1, 15 * E9);
    ats_portfolio_mark(p, 1, 12 * E9);
    cr_assert(ats_portfolio_drawdown(p) == ats_money_from_e9(300 * E9));
    ats_portfolio_new_day(p);
    cr_assert(ats_portfolio_drawdown(p) == 0);
    free(p);
}

/* I8 after every one of many random events, and the running sums against a recount. */
Test(portfolio, equity_is_cash_plus_marked_positions_after_every_event)
{
    ats_random random;
    ats_random_seed(&random, 17);
    ats_portfolio *p = make(8);
    for (int i = 0; i < 200000; i++) {
        uint32_t symbol = 1 + (uint32_t)(ats_random_next(&random) % 8);
        int64_t px = 1 + (int64_t)(ats_random_next(&random) % (500 * (uint64_t)E9));
        if (ats_random_next(&random) % 3 == 0) {
            int64_t qty = (int64_t)(ats_random_next(&random) % 2000000000000ull) - 1000000000000ll;
            int64_t held = p->holdings[symbol].qty_e9;
            if (held != 0 && ats_random_next(&random) % 4 == 0)
                qty = -held;
            ats_portfolio_fill(p, symbol, qty ? qty : 1, px,
                               (int64_t)(ats_random_next(&random) % 1000000), 0);
        } else {
            ats_portfolio_mark(p, symbol, px);
        }
        ats_money_e18 value = 0;
        for (uint32_t s = 1; s <= 8; s++)
            value += ats_money_product(p->holdings[s].mark_e9, p->holdings[s].qty_e9);
        cr_assert(ats_portfolio_equity(p) == p->cash_e18 + value, "event %d", i);
        if (i % 64 == 0)
            cr_assert(ats_portfolio_check(p), "event %d", i);
        cr_assert(ats_portfolio_drawdown(p) >= 0);
    }
    cr_assert_gt(p->round_trips, 1000);
    free(p);
}

/* ---- the record of fills ----------------------------------------------------------------------
 */

Test(portfolio, a_bust_makes_it_as_if_the_fill_had_never_been)
{
    ats_portfolio *p = make(1), *q = make(1);
    ats_portfolio_fill(p, 1, 100 * E9, 10 * E9, E9, 1);
    ats_portfolio_fill(p, 1, 100 * E9, 20 * E9, E9, 2);
    ats_portfolio_fill(p, 1, -150 * E9, 15 * E9, E9, 3);
    cr_assert(ats_portfolio_bust(p, 1, 2));
    ats_portfolio_fill(q, 1, 100 * E9, 10 * E9, E9, 1);
    ats_portfolio_fill(q, 1, -150 * E9, 15 * E9, E9, 3);
    const ats_holding *a = &p->holdings[1], *b = &q->holdings[1];
    cr_assert_eq(a->qty_e9, -50 * E9);
    cr_assert(a->cost_e18 == b->cost_e18 && a->realized_e18 == b->realized_e18);
    cr_assert(a->realized_fifo_e18 == b->realized_fifo_e18 && a->fees_e18 == b->fees_e18);
    cr_assert(p->cash_e18 == q->cash_e18);
    cr_assert(ats_portfolio_check(p));
    cr_assert_not(ats_portfolio_bust(p, 1, 2), "only once");
    cr_assert_not(ats_portfolio_bust(p, 1, 9), "unknown");
    cr_assert_not(ats_portfolio_bust(p, 1, 0), "nameless");
    cr_assert_eq(p->busts, 1);
    cr_assert_eq(p->busts_unknown, 3);
    free(p);
    free(q);
}

Test(portfolio, a_correction_changes_the_fill_in_its_place)
{
    ats_portfolio *p = make(1);
    ats_portfolio_fill(p, 1, 100 * E9, 10 * E9, 0, 1);
    ats_portfolio_fill(p, 1, -100 * E9, 12 * E9, 0, 2);
    cr_assert(p->realized_e18 == ats_money_from_e9(200 * E9));
    cr_assert(ats_portfolio_correct(p, 1, 1, 100 * E9, 11 * E9, E9));
    cr_assert(p->realized_e18 == ats_money_from_e9(100 * E9));
    cr_assert(p->fees_e18 == ats_money_from_e9(E9));
    cr_assert(ats_portfolio_equity(p) == ats_money_from_e9(100099 * E9));
    cr_assert_eq(p->corrections, 1);
    free(p);
}

/* The record holds 64 fills: the 65th makes the first one history. */
Test(portfolio, what_has_left_the_record_can_no_more_be_taken_back)
{
    ats_portfolio *p = make(2);
    for (uint64_t i = 1; i <= 65; i++)
        ats_portfolio_fill(p, 1 + i % 2, E9, 10 * E9, 0, i);
    cr_assert_not(ats_portfolio_bust(p, 2, 1));
    cr_assert(ats_portfolio_bust(p, 1, 2));
    cr_assert(ats_portfolio_bust(p, 2, 65));
    cr_assert_eq(p->holdings[2].qty_e9, 32 * E9);
    cr_assert_eq(p->holdings[1].qty_e9, 31 * E9);
    cr_assert(ats_portfolio_check(p));
    free(p);
}

/* ---- actions, borrowing, deposits ---------------------------------------------------------------
 */

Test(portfolio, a_split_keeps_the_cost_and_pays_for_the_rest)
{
    ats_portfolio *p = make(1);
    ats_portfolio_fill(p, 1, 10 * E9, 90 * E9, 0, 1);
    cr_assert(ats_portfolio_split(p, 1, 1, 4, E9)); /* 2.5 shares at 360: two, and 180 in cash */
    const ats_holding *h = &p->holdings[1];
    cr_assert_eq(h->qty_e9, 2 * E9);
    cr_assert_eq(h->mark_e9, 360 * E9);
    cr_assert(h->cost_e18 == ats_money_from_e9(720 * E9));
    cr_assert(ats_portfolio_equity(p) == ats_money_from_e9(100000 * E9));
    cr_assert(p->cash_e18 == ats_money_from_e9(99280 * E9));
    cr_assert_eq(p->fills, 1, "cash in lieu is no trade");
    cr_assert_not(ats_portfolio_split(p, 1, 0, 1, E9));
    cr_assert_not(ats_portfolio_split(p, 1, ATS_RATIO_MAX + 1, 1, E9));
    cr_assert_eq(p->actions_refused, 2);
    cr_assert(ats_portfolio_check(p));
    free(p);
}

Test(portfolio, a_short_pays_dividends_and_borrowing)
{
    ats_portfolio *p = make(1);
    ats_portfolio_fill(p, 1, -10 * E9, 90 * E9, 0, 1);
    ats_portfolio_dividend(p, 1, E9 / 2);
    cr_assert(p->dividends_e18 == ats_money_from_e9(-5 * E9));
    ats_portfolio_accrue_borrow(p, 1, 400, 3); /* 900 at 4 % for 3 of 360 days: 0.30 */
    cr_assert(p->borrow_e18 == ats_money_from_e9(E9 * 3 / 10));
    ats_portfolio_fill(p, 1, 20 * E9, 90 * E9, 0, 2);
    ats_portfolio_accrue_borrow(p, 1, 400, 3);
    cr_assert(p->borrow_e18 == ats_money_from_e9(E9 * 3 / 10), "a long position borrows nothing");
    ats_portfolio_dividend(p, 1, E9);
    cr_assert(p->dividends_e18 == ats_money_from_e9(5 * E9));
    cr_assert(ats_portfolio_check(p));
    free(p);
}

Test(portfolio, deposits_and_withdrawals_are_no_drawdown)
{
    ats_portfolio *p = make(1);
    ats_portfolio_fill(p, 1, 10 * E9, 90 * E9, 0, 1);
    ats_portfolio_mark(p, 1, 80 * E9);
    ats_portfolio_deposit(p, -5000 * E9);
    cr_assert(ats_portfolio_drawdown(p) == ats_money_from_e9(100 * E9));
    ats_portfolio_deposit(p, 9000 * E9);
    cr_assert(ats_portfolio_drawdown(p) == ats_money_from_e9(100 * E9));
    cr_assert(ats_portfolio_check(p));
    free(p);
}
