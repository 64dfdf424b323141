#include "calc/portfolio.h"
#include "core/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define E9 ATS_E9

static ats_portfolio *make(uint32_t symbols)
{
    void *memory = aligned_alloc(64, ats_portfolio_footprint(symbols));
    memset(memory, 0, ats_portfolio_footprint(symbols));
    return ats_portfolio_new(memory, symbols, 100000 * E9);
}

Test(portfolio, average_cost_by_hand)
{
    ats_portfolio *p = make(1);
    cr_assert_not(ats_portfolio_fill(p, 1, 100 * E9, 10 * E9, E9));
    cr_assert_not(ats_portfolio_fill(p, 1, 100 * E9, 12 * E9, E9));
    cr_assert(p->holdings[1].cost_e18 == ats_money_from_e9(2200 * E9));
    /* Half sold at 13: cost 1100 leaves, 1300 come in. */
    cr_assert_not(ats_portfolio_fill(p, 1, -100 * E9, 13 * E9, E9));
    cr_assert(p->realized_e18 == ats_money_from_e9(200 * E9));
    ats_portfolio_mark(p, 1, 14 * E9);
    cr_assert(ats_holding_unrealized(&p->holdings[1]) == ats_money_from_e9(300 * E9));
    cr_assert(ats_portfolio_equity(p) == ats_money_from_e9((100000 + 200 + 300 - 3) * E9));
    cr_assert(ats_portfolio_fill(p, 1, -100 * E9, 14 * E9, 0));
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
    ats_portfolio_fill(p, 1, 10 * E9, 100 * E9, 0);
    cr_assert(ats_portfolio_fill(p, 1, -25 * E9, 90 * E9, 0));
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
    ats_portfolio_fill(p, 1, 100 * E9, 10 * E9, 0);
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
                               (int64_t)(ats_random_next(&random) % 1000000));
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
