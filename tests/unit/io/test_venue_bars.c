/* What the simulated venue makes of bars. One-minute bars; times in ms after the open. */
#include "tests/unit/io/venue_fixture.h"

#define BUY    ATS_SIDE_BUY
#define SELL   ATS_SIDE_SELL
#define MINUTE 60000

static void bar_of(int64_t start_ms, int64_t period_ms, int64_t open, int64_t high, int64_t low,
                   int64_t close, int64_t volume)
{
    ats_market m = {.bar = {.h = {.kind = ATS_KIND_BAR,
                                  .symbol_id = 1,
                                  .event_ns = at(start_ms),
                                  .recv_ns = at(start_ms + period_ms)},
                            .open_e9 = open * CENT,
                            .high_e9 = high * CENT,
                            .low_e9 = low * CENT,
                            .close_e9 = close * CENT,
                            .volume_e9 = volume * E9,
                            .period_s = (uint32_t)(period_ms / 1000)}};
    ats_venue_sim_foresee(venue, &m);
}

/* Foresees a bar; what it brings is then there by its end. */
static void bar(int64_t minute, int64_t open, int64_t high, int64_t low, int64_t close)
{
    bar_of(minute * MINUTE, MINUTE, open, high, low, close, 1000000);
}

#define END(minute) ((minute)*MINUTE + MINUTE)

static void open_on_bars(ats_venue_sim_config c)
{
    open_venue(c);
    bar(0, 10000, 10000, 10000, 10000);
    expect_nothing(END(0));
}

Test(venue_bars, a_marketable_order_sent_by_the_start_fills_at_the_open)
{
    open_on_bars((ats_venue_sim_config){.bar_slippage_bps = 2});
    uint64_t market = accepted(order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_DAY), END(0));
    uint64_t good = accepted(limit(BUY, 10, 10010, ATS_TIF_DAY), END(0));
    bar(1, 10003, 10020, 10001, 10015);
    expect_fill(market, 10, 10006, END(1)); /* 2 bps of 100.03, up to the tick */
    cr_assert_eq(x.h.recv_ns, at(END(1)), "told at the bar's end");
    cr_assert_eq(x.h.event_ns, at(END(0)), "of its start");
    expect_fill(good, 10, 10003, END(1));
}

Test(venue_bars, one_that_waited_for_one_answer_fills_at_the_open_too)
{
    open_on_bars((ats_venue_sim_config){0});
    uint64_t id = accepted(order(SELL, 10, ATS_ORDER_MARKET, ATS_TIF_DAY), END(0) + OUT + BACK);
    bar(1, 10003, 10020, 10001, 10015);
    expect_fill(id, 10, 10003, END(1));
}

Test(venue_bars, one_sent_later_waits_for_the_next_bar)
{
    open_on_bars((ats_venue_sim_config){0});
    uint64_t id = accepted(limit(BUY, 10, 10010, ATS_TIF_IOC), END(0) + OUT + BACK + 1);
    bar(1, 10003, 10020, 10001, 10015);
    expect_nothing(END(1));
    bar(2, 10004, 10020, 10001, 10015);
    expect_fill(id, 10, 10004, END(2));
}

Test(venue_bars, a_limit_needs_a_trade_through_its_price)
{
    open_on_bars((ats_venue_sim_config){0});
    uint64_t buy = accepted(limit(BUY, 10, 9990, ATS_TIF_DAY), END(0));
    uint64_t sale = accepted(limit(SELL, 10, 10010, ATS_TIF_DAY), END(0));
    bar(1, 10000, 10010, 9990, 10000);
    expect_nothing(END(1)); /* touched, not traded through */
    bar(2, 10000, 10011, 9989, 10000);
    expect_fill(buy, 10, 9990, END(2));
    expect_fill(sale, 10, 10010, END(2));
    cr_assert_eq(x.liquidity, 2);
}

Test(venue_bars, stops_fill_at_the_stop_or_at_an_open_beyond_it)
{
    open_on_bars((ats_venue_sim_config){.bar_slippage_bps = 10});
    uint64_t a = accepted(stop(SELL, 10, 9990), END(0));
    uint64_t b = accepted(stop(SELL, 10, 9950), END(0));
    bar(1, 10000, 10010, 9990, 10000);
    expect(a, ATS_EXEC_TRIGGERED, END(1));
    expect_fill(a, 10, 9980, END(1)); /* 9.99 of slippage, down to the tick */
    bar(2, 9900, 9910, 9890, 9900);
    expect(b, ATS_EXEC_TRIGGERED, END(2));
    expect_fill(b, 10, 9890, END(2)); /* the open, and 9.9 */
}

Test(venue_bars, a_stop_limit_fills_in_its_bar_only_beyond_its_stop)
{
    open_on_bars((ats_venue_sim_config){0});
    ats_order o = order(BUY, 10, ATS_ORDER_STOP_LIMIT, ATS_TIF_DAY);
    o.stop_e9 = 10010 * CENT;
    o.limit_e9 = 10015 * CENT;
    uint64_t roomy = accepted(o, END(0));
    o.limit_e9 = 10010 * CENT;
    uint64_t tight = accepted(o, END(0));
    bar(1, 10000, 10020, 9990, 10018);
    expect(roomy, ATS_EXEC_TRIGGERED, END(1));
    expect_fill(roomy, 10, 10010, END(1));
    expect(tight, ATS_EXEC_TRIGGERED, END(1));
    expect_nothing(END(1)); /* the low of 9990 may have been before it */
    bar(2, 10018, 10020, 10005, 10006);
    expect_fill(tight, 10, 10010, END(2));
}

Test(venue_bars, the_stop_comes_before_the_target)
{
    open_on_bars((ats_venue_sim_config){0});
    uint64_t id = accepted(bracket(10, 10005, 10020, 9980), END(0));
    bar(1, 10000, 10030, 9970, 10000); /* both are inside; the entry was at the open */
    expect_fill(id, 10, 10000, END(1));
    expect(id + ATS_LEG_TARGET, ATS_EXEC_ACCEPTED, END(1));
    expect(id + ATS_LEG_STOP, ATS_EXEC_ACCEPTED, END(1));
    expect(id + ATS_LEG_STOP, ATS_EXEC_TRIGGERED, END(1));
    expect_fill(id + ATS_LEG_STOP, 10, 9980, END(1));
    expect(id + ATS_LEG_TARGET, ATS_EXEC_CANCELED, END(1));
}

Test(venue_bars, after_an_entry_at_the_open_the_target_may_fill_in_the_bar)
{
    open_on_bars((ats_venue_sim_config){0});
    uint64_t id = accepted(bracket(10, 10005, 10020, 9980), END(0));
    bar(1, 10000, 10030, 9990, 10025);
    expect_fill(id, 10, 10000, END(1));
    expect(id + ATS_LEG_TARGET, ATS_EXEC_ACCEPTED, END(1));
    expect(id + ATS_LEG_STOP, ATS_EXEC_ACCEPTED, END(1));
    expect_fill(id + ATS_LEG_TARGET, 10, 10020, END(1));
    expect(id + ATS_LEG_STOP, ATS_EXEC_CANCELED, END(1));
}

Test(venue_bars, after_an_entry_inside_the_bar_the_target_waits_and_the_stop_does_not)
{
    open_on_bars((ats_venue_sim_config){0});
    uint64_t id = accepted(bracket(10, 9995, 10020, 9980), END(0));
    bar(1, 10000, 10030, 9990, 10025);
    expect_fill(id, 10, 9995, END(1));
    expect(id + ATS_LEG_TARGET, ATS_EXEC_ACCEPTED, END(1));
    expect(id + ATS_LEG_STOP, ATS_EXEC_ACCEPTED, END(1));
    expect_nothing(END(1)); /* the high may have been before the entry */
    bar(2, 10025, 10026, 10010, 10020);
    expect_fill(id + ATS_LEG_TARGET, 10, 10025, END(2));
    expect(id + ATS_LEG_STOP, ATS_EXEC_CANCELED, END(2));
    id = accepted(bracket(10, 10015, 10040, 10000), END(2));
    bar(3, 10020, 10030, 9990, 10010);
    expect_fill(id, 10, 10015, END(3));
    expect(id + ATS_LEG_TARGET, ATS_EXEC_ACCEPTED, END(3));
    expect(id + ATS_LEG_STOP, ATS_EXEC_ACCEPTED, END(3));
    expect(id + ATS_LEG_STOP, ATS_EXEC_TRIGGERED, END(3));
    expect_fill(id + ATS_LEG_STOP, 10, 10000, END(3));
}

Test(venue_bars, a_trailing_stop_is_held_against_the_worst_first_and_then_the_close)
{
    open_on_bars((ats_venue_sim_config){0});
    ats_order o = order(SELL, 10, ATS_ORDER_TRAILING_STOP, ATS_TIF_GTC);
    o.trail_e9 = 20 * CENT;
    uint64_t id = accepted(o, END(0));
    bar(1, 10000, 10050, 9981, 10040); /* 9980 is not reached; the best is 10050 then */
    expect_nothing(END(1));
    uint64_t other = accepted(o, END(1));
    bar(2, 10045, 10080, 10035, 10055); /* 10030 is not, but of 10080 the close is short */
    expect(id, ATS_EXEC_TRIGGERED, END(2));
    expect_fill(id, 10, 10060, END(2));
    expect(other, ATS_EXEC_TRIGGERED, END(2));
    expect_fill(other, 10, 10060, END(2));
}

Test(venue_bars, volume_caps_what_fills_and_the_rest_stays)
{
    open_on_bars((ats_venue_sim_config){.bar_share_bps = 1000});
    uint64_t id = accepted(limit(BUY, 10, 10010, ATS_TIF_DAY), END(0));
    uint64_t all = accepted(limit(BUY, 10, 10010, ATS_TIF_FOK), END(0));
    bar_of(MINUTE, MINUTE, 10000, 10001, 9999, 10000, 70);
    expect_fill(id, 7, 10000, END(1));
    expect(all, ATS_EXEC_CANCELED, END(1));
    bar_of(2 * MINUTE, MINUTE, 10002, 10003, 10001, 10002, 1000);
    expect_fill(id, 3, 10002, END(2));
}

Test(venue_bars, coarser_bars_and_symbols_with_quotes_do_not_trade)
{
    open_on_bars((ats_venue_sim_config){0});
    uint64_t id = accepted(limit(BUY, 10, 10010, ATS_TIF_DAY), END(0));
    bar_of(MINUTE, 5 * MINUTE, 10000, 10001, 9999, 10000, 1000);
    expect_nothing(6 * MINUTE);
    bar(6, 10000, 10001, 9999, 10000);
    expect_fill(id, 10, 10000, END(6));
    quote(END(6) + 1, 9999, 50, 10001, 50);
    id = accepted(limit(BUY, 10, 9990, ATS_TIF_DAY), END(6) + 2);
    bar(7, 9000, 9001, 8999, 9000);
    expect_nothing(END(7));
}

Test(venue_bars, auctions_are_the_open_of_the_first_and_the_close_of_the_last_bar)
{
    open_on_bars((ats_venue_sim_config){0});
    uint64_t closing = accepted(order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_CLS), END(0));
    uint64_t opening = accepted(order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_OPG), END(0));
    bar(1, 10000, 10001, 9999, 10000);
    expect_nothing(END(1));
    bar(DAY / MINUTE - 1, 10030, 10050, 10020, 10040);
    expect_fill(closing, 10, 10040, DAY);
    bar(NIGHT / MINUTE, 10100, 10110, 10090, 10100);
    expect_fill(opening, 10, 10100, NIGHT + MINUTE);
}

Test(venue_bars, daily_bars_have_both_auctions_and_day_orders_end_with_them)
{
    open_venue((ats_venue_sim_config){0});
    bar_of(0, DAY, 10000, 10001, 9999, 10000, 1000);
    expect_nothing(DAY);
    uint64_t opening = accepted(order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_OPG), DAY);
    uint64_t closing = accepted(order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_CLS), DAY);
    uint64_t day = accepted(limit(BUY, 10, 9000, ATS_TIF_DAY), DAY);
    uint64_t market = accepted(order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_DAY), DAY);
    bar_of(NIGHT, DAY, 10100, 10200, 10050, 10150, 1000);
    expect_fill(opening, 10, 10100, NIGHT + DAY);
    expect_fill(market, 10, 10100, NIGHT + DAY);
    expect_fill(closing, 10, 10150, NIGHT + DAY);
    expect_nothing(NIGHT + DAY);
    expect(day, ATS_EXEC_EXPIRED, NIGHT + DAY + 100);
}

Test(venue_bars, a_cancel_from_inside_a_bar_acts_at_its_end)
{
    open_on_bars((ats_venue_sim_config){0});
    uint64_t early = accepted(limit(BUY, 10, 9990, ATS_TIF_DAY), END(0));
    uint64_t filled = accepted(limit(BUY, 10, 10010, ATS_TIF_DAY), END(0) + 0);
    cancel(early, END(0));
    expect(early, ATS_EXEC_CANCELED, END(0) + 100); /* sent at the start: at once */
    cancel(filled, END(0) + 30000);
    expect_nothing(END(1) - 1); /* what has happened by then is not known yet */
    bar(1, 10000, 10001, 9980, 10000);
    expect_fill(filled, 10, 10000, END(1));
    expect(filled, ATS_EXEC_CANCEL_REJECTED, END(1) + 100);
    uint64_t quiet = accepted(limit(BUY, 10, 9000, ATS_TIF_DAY), END(1));
    cancel(quiet, END(1) + 30000); /* and where no bar comes, when it would have ended */
    expect_nothing(END(2));
    expect(quiet, ATS_EXEC_CANCELED, END(2) + 100);
}

Test(venue_bars, a_halted_symbol_does_not_trade_on_its_bar)
{
    open_on_bars((ats_venue_sim_config){0});
    uint64_t id = accepted(limit(BUY, 10, 10010, ATS_TIF_DAY), END(0));
    status(END(0) + 100, ATS_STATUS_HALT, 0, 0);
    bar(1, 10000, 10001, 9999, 10000);
    expect_nothing(END(1));
    status(END(1) + 100, ATS_STATUS_RESUME, 0, 0);
    bar(2, 10002, 10003, 10001, 10002);
    expect_fill(id, 10, 10002, END(2));
}
