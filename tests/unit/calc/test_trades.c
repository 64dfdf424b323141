/* Round trips against the sum of their cash, on cases worked out by hand and on random fills. */
#include "calc/trades.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define BUY  ATS_SIDE_BUY
#define SELL ATS_SIDE_SELL
#define UNIT ((ats_money_e18)ATS_E9 * ATS_E9)

static ats_trades *make(uint32_t strategies, uint32_t symbols)
{
    size_t bytes = ats_trades_footprint(strategies, symbols);
    void *memory = aligned_alloc(64, bytes);
    memset(memory, 0, bytes);
    return ats_trades_new(memory, strategies, symbols);
}

static ats_trade_fill fill(uint8_t side, int64_t qty, int64_t px, int64_t fee, int64_t second)
{
    return (ats_trade_fill){.strategy_id = 1,
                            .symbol_id = 1,
                            .recv_ns = second * ATS_E9,
                            .qty_e9 = qty * ATS_E9,
                            .px_e9 = px * ATS_E9,
                            .fee_e9 = fee * ATS_E9,
                            .reason = side == BUY ? ATS_REASON_ENTRY_LONG : ATS_REASON_EXIT_STOP,
                            .side = side};
}

Test(trades, a_trip_in_parts)
{
    ats_trades *t = make(1, 1);
    ats_round_trip trip;
    ats_trade_fill f[] = {fill(BUY, 10, 100, 1, 5), fill(BUY, 30, 104, 3, 6),
                          fill(SELL, 15, 106, 2, 7), fill(SELL, 25, 102, 4, 9)};
    for (int i = 0; i < 3; i++)
        cr_assert_not(ats_trades_fill(t, &f[i], &trip));
    cr_assert_eq(t->open_count, 1);
    cr_assert(ats_trades_open(t, 1, 1, 110 * ATS_E9, &trip));
    /* Cash so far -1000 - 3120 + 1590 - 6, and 25 left at 110. */
    cr_assert_eq((int64_t)(trip.profit_e18 / UNIT), -1000 - 3120 + 1590 - 6 + 2750);
    cr_assert(ats_trades_fill(t, &f[3], &trip));
    cr_assert_eq((int64_t)(trip.profit_e18 / UNIT), -1000 - 3120 + 1590 + 2550 - 10);
    cr_assert_eq(trip.entry_ns, 5 * ATS_E9);
    cr_assert_eq(trip.exit_ns, 9 * ATS_E9);
    cr_assert_eq(trip.entry_qty_e9, 40 * ATS_E9);
    cr_assert_eq(ats_round_trip_entry_e9(&trip), 103 * ATS_E9);
    cr_assert_eq(ats_round_trip_exit_e9(&trip), 1035 * ATS_E9 / 10);
    cr_assert_eq(trip.low_e9, 100 * ATS_E9);
    cr_assert_eq(trip.high_e9, 106 * ATS_E9);
    cr_assert_eq(trip.fills, 4);
    cr_assert_eq(trip.entry_reason, ATS_REASON_ENTRY_LONG);
    cr_assert_eq(trip.exit_reason, ATS_REASON_EXIT_STOP);
    cr_assert_eq(t->open_count, 0);
    cr_assert_not(ats_trades_open(t, 1, 1, ATS_E9, &trip));
    free(t);
}

Test(trades, through_zero_ends_one_and_begins_the_next)
{
    ats_trades *t = make(1, 1);
    ats_round_trip trip;
    ats_trade_fill in = fill(BUY, 10, 100, 0, 1), through = fill(SELL, 40, 90, 4, 2),
                   out = fill(BUY, 30, 80, 0, 3);
    cr_assert_not(ats_trades_fill(t, &in, &trip));
    cr_assert(ats_trades_fill(t, &through, &trip));
    cr_assert_eq((int64_t)(trip.profit_e18 / UNIT), -100 - 1, "a quarter of the fee");
    cr_assert_eq(trip.side, BUY);
    cr_assert(ats_trades_fill(t, &out, &trip));
    cr_assert_eq((int64_t)(trip.profit_e18 / UNIT), 300 - 3);
    cr_assert_eq(trip.side, SELL);
    cr_assert_eq(trip.entry_ns, 2 * ATS_E9);
    free(t);
}

Test(trades, prices_make_excursions_and_a_bar_counts_from_its_start)
{
    ats_trades *t = make(1, 2);
    ats_round_trip trip;
    ats_trade_fill in = fill(BUY, 1, 100, 0, 60), out = fill(SELL, 1, 101, 0, 200);
    in.event_ns = 50 * ATS_E9;
    ats_trades_price(t, 1, ATS_E9, 999 * ATS_E9, ATS_E9, 0); /* before it */
    ats_trades_fill(t, &in, &trip);
    ats_trades_price(t, 2, ATS_E9, 999 * ATS_E9, ATS_E9, INT64_MAX); /* another symbol */
    ats_trades_price(t, 1, 10 * ATS_E9, 300 * ATS_E9, 99 * ATS_E9, 49 * ATS_E9);
    ats_trades_price(t, 1, 97 * ATS_E9, 103 * ATS_E9, 99 * ATS_E9, 50 * ATS_E9);
    cr_assert(ats_trades_fill(t, &out, &trip));
    cr_assert_eq(trip.low_e9, 97 * ATS_E9);
    cr_assert_eq(trip.high_e9, 103 * ATS_E9);
    free(t);
}

Test(trades, splits_and_dividends_keep_the_money)
{
    ats_trades *t = make(2, 1);
    ats_round_trip trip, ended[2];
    ats_trade_fill in = fill(BUY, 5, 100, 0, 1), other = fill(SELL, 1, 100, 0, 1);
    other.strategy_id = 2;
    ats_trades_fill(t, &in, &trip);
    ats_trades_fill(t, &other, &trip);
    ats_trades_dividend(t, 1, 2 * ATS_E9);
    /* 3 for 2: 7.5 and -1.5; halves of a share are paid out at 60. */
    cr_assert_eq(ats_trades_split(t, 1, 3, 2, ATS_E9, 60 * ATS_E9, 5 * ATS_E9, ended), 0);
    cr_assert(ats_trades_open(t, 1, 1, 0, &trip));
    cr_assert_eq(ats_round_trip_held_e9(&trip), 7 * ATS_E9);
    cr_assert_eq((int64_t)(trip.profit_e18 / UNIT), -500 + 10 + 30);
    cr_assert_eq((int64_t)(trip.dividends_e18 / UNIT), 10);
    cr_assert(ats_trades_open(t, 2, 1, 0, &trip));
    cr_assert_eq(ats_round_trip_held_e9(&trip), -ATS_E9);
    cr_assert_eq((int64_t)(trip.profit_e18 / UNIT), 100 - 2 - 30);
    /* 1 for 10: nothing of the short is left but a tenth, which is paid out and ends it. */
    cr_assert_eq(ats_trades_split(t, 1, 1, 10, ATS_E9, 600 * ATS_E9, 6 * ATS_E9, ended), 2);
    cr_assert_eq(ended[1].strategy_id, 2);
    cr_assert_eq((int64_t)(ended[1].profit_e18 / UNIT), 100 - 2 - 30 - 60);
    cr_assert_eq(ended[1].exit_ns, 6 * ATS_E9);
    cr_assert_eq(t->open_count, 0);
    free(t);
}

Test(trades, what_names_nobody_is_counted)
{
    ats_trades *t = make(1, 1);
    ats_round_trip trip;
    ats_trade_fill bad[] = {fill(BUY, 1, 1, 0, 1), fill(BUY, 1, 1, 0, 1), fill(BUY, 0, 1, 0, 1),
                            fill(BUY, 1, 0, 0, 1), fill(0, 1, 1, 0, 1),   fill(BUY, 1, 1, 0, 1)};
    bad[0].strategy_id = 0;
    bad[1].symbol_id = 2;
    bad[5].strategy_id = 2;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(ats_trades_fill(t, &bad[i], &trip));
    cr_assert_eq(t->refused, sizeof bad / sizeof bad[0]);
    cr_assert_eq(t->open_count, 0);
    free(t);
}

/* Whatever the fills: trips that ended and trips that are open add up to cash and holdings. */
Test(trades, random_fills_add_up)
{
    enum { STRATEGIES = 3, SYMBOLS = 4 };
    ats_trades *t = make(STRATEGIES, SYMBOLS);
    ats_money_e18 cash = 0, profit = 0;
    int64_t held[SYMBOLS + 1] = {0};
    uint64_t seed = 7, trips = 0;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        uint32_t r = (uint32_t)(seed >> 33);
        ats_round_trip trip;
        ats_trade_fill f = {.strategy_id = 1 + r % STRATEGIES,
                            .symbol_id = 1 + r / 8 % SYMBOLS,
                            .recv_ns = i + 1,
                            .qty_e9 = 1 + r / 64 % 5 * 333333333,
                            .px_e9 = 1 + r / 1024 % 1000 * 1000001,
                            .fee_e9 = r % 7,
                            .reason = ATS_REASON_EXIT_RULE,
                            .side = (uint8_t)(r / 32 % 2 ? BUY : SELL)};
        ats_money_e18 value = ats_money_product(f.px_e9, f.qty_e9);
        cash += (f.side == BUY ? -value : value) - ats_money_from_e9(f.fee_e9);
        held[f.symbol_id] += f.side == BUY ? f.qty_e9 : -f.qty_e9;
        if (ats_trades_fill(t, &f, &trip)) {
            cr_assert_eq(ats_round_trip_held_e9(&trip), 0);
            profit += trip.profit_e18;
            trips++;
        }
    }
    const int64_t mark = 12345678;
    for (uint32_t s = 1; s <= SYMBOLS; s++) {
        cash += ats_money_product(mark, held[s]);
        for (uint32_t k = 1; k <= STRATEGIES; k++) {
            ats_round_trip trip;
            if (ats_trades_open(t, k, s, mark, &trip))
                profit += trip.profit_e18;
        }
    }
    cr_assert(cash == profit);
    cr_assert_gt(trips, 100);
    free(t);
}
