/* How the simulated venue fills on quotes and trades: queue, shares, assumed levels, bands, fees,
 * latencies, lost answers. */
#include "tests/unit/io/venue_fixture.h"

#define BUY  ATS_SIDE_BUY
#define SELL ATS_SIDE_SELL

/* ---- the queue ------------------------------------------------------------------------------ */

Test(venue_market, an_order_stands_behind_what_was_displayed_when_it_joined)
{
    open_venue((ats_venue_sim_config){.queue = true});
    quote(0, 10000, 20, 10002, 50);
    uint64_t id = accepted(limit(BUY, 10, 10000, ATS_TIF_DAY), 1);
    quote(100, 10000, 60, 10002, 50); /* who comes later stands behind it */
    print(200, 10000, 15, ' ');
    expect_nothing(300);
    print(400, 10000, 8, ' '); /* five were before it */
    expect_fill(id, 3, 10000, 500);
    cr_assert_eq(x.liquidity, 2);
    print(600, 10000, 4, ' ');
    expect_fill(id, 4, 10000, 700);
}

Test(venue_market, a_smaller_size_displayed_brings_it_forward)
{
    open_venue((ats_venue_sim_config){.queue = true});
    quote(0, 10000, 20, 10002, 50);
    uint64_t id = accepted(limit(BUY, 10, 10000, ATS_TIF_DAY), 1);
    quote(100, 10000, 5, 10002, 50);
    print(200, 10000, 6, ' ');
    expect_fill(id, 1, 10000, 300);
    quote(400, 9999, 5, 10002, 50); /* its level is all its own now */
    print(500, 10000, 2, ' ');
    expect_fill(id, 2, 10000, 600);
}

Test(venue_market, a_level_that_is_not_displayed_is_behind_what_is_displayed_first)
{
    open_venue((ats_venue_sim_config){.queue = true});
    quote(0, 10000, 20, 10002, 50);
    uint64_t id = accepted(limit(BUY, 10, 9999, ATS_TIF_DAY), 1);
    print(100, 9999, 50, ' ');
    expect_nothing(150); /* its place is not known */
    quote(200, 9999, 30, 10001, 50);
    print(300, 9999, 31, ' ');
    expect_fill(id, 1, 9999, 400);
    print(500, 9998, 100, ' '); /* through it */
    expect_fill(id, 9, 9999, 600);
}

Test(venue_market, resting_orders_take_their_share_of_a_trade)
{
    open_venue((ats_venue_sim_config){.trade_share_bps = 2500});
    quote(0, 9999, 20, 10002, 50);
    uint64_t first = accepted(limit(BUY, 10, 10000, ATS_TIF_DAY), 1);
    uint64_t second = accepted(limit(BUY, 10, 10000, ATS_TIF_DAY), 50);
    print(200, 9998, 48, ' ');
    expect_fill(first, 10, 10000, 300);
    expect_fill(second, 2, 10000, 300);
    print(400, 9998, 400, 'B'); /* averaged: it traded nowhere in particular */
    expect_nothing(500);
}

/* ---- beyond the displayed size -------------------------------------------------------------- */

Test(venue_market, a_market_order_walks_assumed_levels_and_no_further)
{
    open_venue((ats_venue_sim_config){.book_levels = 2});
    quote(0, 9996, 10, 10000, 10);
    uint64_t id = accepted(order(BUY, 100, ATS_ORDER_MARKET, ATS_TIF_DAY), 1);
    expect_fill(id, 10, 10000, 100);
    expect_fill(id, 10, 10002, 100); /* half the spread of four further */
    expect_fill(id, 10, 10004, 100);
    expect(id, ATS_EXEC_CANCELED, 100);
    uint64_t poor = accepted(limit(BUY, 20, 10010, ATS_TIF_IOC), 200);
    expect(poor, ATS_EXEC_CANCELED, 300); /* all that was shown is taken; a limit sees no more */
}

Test(venue_market, restless_prices_put_the_levels_further_apart)
{
    open_venue((ats_venue_sim_config){.book_levels = 1});
    for (int i = 0; i < 200; i++)
        quote(i, 9996 + (i % 2) * 40, 10, 10000 + (i % 2) * 40, 10);
    quote(200, 9996, 10, 10000, 10);
    uint64_t id = accepted(order(BUY, 20, ATS_ORDER_MARKET, ATS_TIF_DAY), 201);
    expect_fill(id, 10, 10000, 300);
    expect(id, ATS_EXEC_FILL, 300);
    cr_assert(x.last_px_e9 > 10020 * CENT && x.last_px_e9 <= 10040 * CENT, "%g",
              (double)x.last_px_e9 / 1e9);
}

/* ---- halts and bands ------------------------------------------------------------------------ */

Test(venue_market, a_halt_fills_nothing_and_orders_rest_through_it)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10002, 50);
    uint64_t id = accepted(limit(BUY, 10, 10000, ATS_TIF_DAY), 1);
    status(100, ATS_STATUS_HALT, 0, 0);
    print(200, 9990, 100, ' ');
    quote(300, 9980, 50, 9990, 50);
    expect_nothing(400);
    status(500, ATS_STATUS_RESUME, 0, 0);
    quote(600, 9980, 50, 9991, 50);
    expect_fill(id, 10, 10000, 700);
}

Test(venue_market, nothing_fills_beyond_a_band)
{
    open_venue((ats_venue_sim_config){0});
    status(0, ATS_STATUS_NONE, 9950, 10050);
    quote(1, 10050, 50, 10060, 50);
    uint64_t id = accepted(limit(BUY, 10, 10070, ATS_TIF_IOC), 2);
    expect(id, ATS_EXEC_CANCELED, 100);
    id = accepted(limit(SELL, 10, 10040, ATS_TIF_IOC), 200);
    expect_fill(id, 10, 10050, 300);
    status(400, ATS_STATUS_NONE, 9950, 10100);
    id = accepted(limit(BUY, 10, 10070, ATS_TIF_IOC), 500);
    expect_fill(id, 10, 10060, 600);
}

/* ---- fees ----------------------------------------------------------------------------------- */

Test(venue_market, sales_pay_their_fees_on_top)
{
    open_venue((ats_venue_sim_config){
        .fee_per_unit_e9 = 1000000, .sell_fee_per_unit_e9 = 166000, .sell_fee_bps_e9 = 278000000});
    quote(0, 10000, 50, 10002, 50);
    uint64_t id = accepted(limit(BUY, 10, 10002, ATS_TIF_IOC), 1);
    expect_fill(id, 10, 10002, 100);
    cr_assert_eq(x.fee_e9, 10 * 1000000);
    id = accepted(limit(SELL, 10, 10000, ATS_TIF_IOC), 200);
    expect_fill(id, 10, 10000, 300);
    /* 10 x 0.001166, and 1,000.00 x 0.278 bps */
    cr_assert_eq(x.fee_e9, 11660000 + 27800000);
    cr_assert_eq(x.bid_e9, 10000 * CENT, "the market when it happened");
    cr_assert_eq(x.ask_e9, 10002 * CENT);
}

/* ---- latencies ------------------------------------------------------------------------------ */

/* Half of a lognormal tail lies below its median, about 2.3 % above e^2 of it, its mean is 1.6. */
Test(venue_market, the_tail_is_a_lognormal_one)
{
    open_venue((ats_venue_sim_config){.seed = 3, .out_tail_ns = MS});
    quote(0, 9999, 50, 10001, 50);
    uint32_t below_median = 0, far = 0;
    double sum = 0;
    for (int i = 0; i < 2000; i++) {
        int64_t ms = 100 * (i + 1);
        send(limit(BUY, 1, 9000, ATS_TIF_IOC), ms);
        int64_t tail = ats_venue_sim_next_due(venue) - at(ms + OUT);
        cr_assert(tail > 0 && tail < 12 * MS);
        below_median += tail < MS;
        far += tail > 7389000;
        sum += (double)tail / MS;
        while (next(ms + 99)) {
        }
    }
    cr_assert(below_median > 900 && below_median < 1100, "%u", below_median);
    cr_assert(far > 20 && far < 80, "%u", far);
    cr_assert(sum / 2000 > 1.5 && sum / 2000 < 1.75, "%g", sum / 2000);
}

/* ---- lost answers --------------------------------------------------------------------------- */

Test(venue_market, lost_answers_come_when_asked_for_and_in_order)
{
    open_venue((ats_venue_sim_config){.lost_share_bps = 10000});
    quote(0, 9999, 50, 10001, 4);
    uint64_t id = send(limit(BUY, 10, 10001, ATS_TIF_DAY), 1);
    expect_nothing(1000);
    quote(1001, 9999, 50, 10001, 50);
    expect_nothing(2000);
    ats_venue_sim_ask(venue, id, at(2000));
    expect(id, ATS_EXEC_ACCEPTED, 2000 + OUT + BACK);
    expect_fill(id, 4, 10001, 2000 + OUT + BACK);
    expect_fill(id, 6, 10001, 2000 + OUT + BACK);
    ats_venue_sim_ask(venue, id, at(3000));
    expect_nothing(4000); /* it is over and all of it was told */
}

Test(venue_market, who_asks_of_an_order_that_works_is_told_so)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 4);
    uint64_t id = accepted(limit(BUY, 10, 10001, ATS_TIF_DAY), 1);
    expect_fill(id, 4, 10001, 100);
    ats_venue_sim_ask(venue, id, at(1000));
    expect(id, ATS_EXEC_ACCEPTED, 2000);
    cr_assert_eq(x.cum_qty_e9, 4 * E9);
    cr_assert_eq(x.leaves_qty_e9, 6 * E9);
    ats_venue_sim_ask(venue, 999, at(3000));
    expect_nothing(4000);
}

Test(venue_market, one_lost_answer_keeps_back_all_that_follow_it)
{
    open_venue((ats_venue_sim_config){.seed = 1, .lost_share_bps = 3000});
    quote(0, 9999, 50, 10001, 50);
    uint32_t kept = 0;
    for (int i = 0; i < 100; i++) {
        int64_t ms = 1000 * (i + 1);
        uint64_t id = send(limit(BUY, 1, 10001, ATS_TIF_DAY), ms);
        uint32_t got = 0, type;
        while ((type = next(ms + 100)) != 0) {
            cr_assert_eq(type, got == 0 ? ATS_EXEC_ACCEPTED : ATS_EXEC_FILL);
            got++;
        }
        kept += got < 2;
        ats_venue_sim_ask(venue, id, at(ms + 100));
        while ((type = next(ms + 200)) != 0) {
            cr_assert_eq(type, got == 0 ? ATS_EXEC_ACCEPTED : ATS_EXEC_FILL);
            got++;
        }
        cr_assert_eq(got, 2);
        quote(ms + 300, 9999, 50, 10001, 51 + i);
    }
    cr_assert(kept > 20 && kept < 80, "%u", kept);
}
