/* What the simulated broker does with orders: types, classes, replaces, refusals, sessions. */
#include "tests/unit/io/venue_fixture.h"

#define BUY  ATS_SIDE_BUY
#define SELL ATS_SIDE_SELL

/* ---- stops ---------------------------------------------------------------------------------- */

Test(venue_orders, a_stop_triggers_at_a_print_and_takes_the_quote)
{
    open_venue((ats_venue_sim_config){0});
    print(0, 10000, 1, ' ');
    quote(1, 9999, 50, 10001, 50);
    uint64_t id = accepted(stop(SELL, 10, 9990), 10);
    quote(100, 9980, 50, 9985, 50);
    expect_nothing(200); /* where there are prints, quotes trigger nothing */
    print(300, 9991, 1, ' ');
    expect_nothing(400);
    print(500, 9990, 1, 'Z'); /* reported late: forms no price */
    expect_nothing(600);
    print(700, 9990, 1, ' ');
    expect(id, ATS_EXEC_TRIGGERED, 800);
    expect_fill(id, 10, 9980, 800);
    cr_assert_eq(x.liquidity, 1);
}

Test(venue_orders, without_prints_the_quote_triggers)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 50);
    uint64_t sale = accepted(stop(SELL, 10, 9990), 1);
    quote(100, 9991, 50, 9993, 50);
    expect_nothing(200);
    quote(300, 9989, 4, 9991, 50);
    expect(sale, ATS_EXEC_TRIGGERED, 400);
    expect_fill(sale, 4, 9989, 400);
    quote(500, 9970, 50, 9991, 50); /* it works on as a market order until it is done */
    expect_fill(sale, 6, 9970, 600);
    expect_nothing(9999);
}

Test(venue_orders, a_stop_limit_does_not_fill_beyond_its_limit)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 50);
    ats_order o = order(BUY, 10, ATS_ORDER_STOP_LIMIT, ATS_TIF_DAY);
    o.stop_e9 = 10010 * CENT;
    o.limit_e9 = 10012 * CENT;
    uint64_t id = accepted(o, 1);
    quote(100, 10014, 50, 10016, 50);
    expect(id, ATS_EXEC_TRIGGERED, 200);
    expect_nothing(300);
    quote(400, 10008, 50, 10011, 50);
    expect_fill(id, 10, 10012, 500); /* at its own price: it rested */
}

Test(venue_orders, a_trailing_stop_follows_the_best_price_and_never_back)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 50);
    ats_order o = order(SELL, 10, ATS_ORDER_TRAILING_STOP, ATS_TIF_GTC);
    o.trail_e9 = 10 * CENT;
    uint64_t id = accepted(o, 1);
    const int64_t prints[] = {10000, 9995, 10020, 10011, 10015};
    for (int i = 0; i < 5; i++) {
        print(100 + 100 * i, prints[i], 1, ' ');
        expect_nothing(150 + 100 * i);
    }
    print(700, 10010, 1, ' '); /* 10020 less the trail */
    expect(id, ATS_EXEC_TRIGGERED, 800);
}

Test(venue_orders, stops_do_not_trigger_outside_the_regular_session)
{
    open_venue((ats_venue_sim_config){0});
    print(0, 10000, 1, ' ');
    ats_order o = stop(SELL, 10, 9990);
    o.tif = ATS_TIF_GTC;
    uint64_t id = accepted(o, 1);
    quote(DAY + 1000, 9900, 50, 9902, 50);
    print(DAY + 2000, 9900, 1, 'T');
    expect_nothing(DAY + 3000);
    print(NIGHT + 1000, 9900, 1, ' ');
    expect(id, ATS_EXEC_TRIGGERED, NIGHT + 2000);
}

/* ---- brackets, OCO, OTO --------------------------------------------------------------------- */

Test(venue_orders, legs_rest_after_the_head_has_filled_whole)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 4);
    uint64_t id = accepted(bracket(10, 10001, 10020, 9980), 1);
    expect_fill(id, 4, 10001, 100);
    quote(100, 10020, 50, 10022, 50); /* the target's price: it is held */
    expect_nothing(200);
    quote(300, 9999, 50, 10001, 50);
    expect_fill(id, 6, 10001, 400);
    expect(id + ATS_LEG_TARGET, ATS_EXEC_ACCEPTED, 400);
    cr_assert_eq(x.ref_order_id, id);
    expect(id + ATS_LEG_STOP, ATS_EXEC_ACCEPTED, 400);
    quote(500, 10020, 4, 10022, 50);
    expect_fill(id + ATS_LEG_TARGET, 4, 10020, 600);
    quote(700, 9985, 50, 9990, 50);
    print(800, 9980, 1, ' ');
    expect(id + ATS_LEG_STOP, ATS_EXEC_TRIGGERED, 1000);
    expect_fill(id + ATS_LEG_STOP, 6, 9985, 1000); /* of ten: the target has taken four */
    cr_assert_eq(x.leaves_qty_e9, 0);
    expect(id + ATS_LEG_TARGET, ATS_EXEC_CANCELED, 1000);
    cr_assert_eq(x.cum_qty_e9, 4 * E9);
    cr_assert_eq(ats_venue_sim_orders(venue)->count, 0);
}

Test(venue_orders, a_cancelled_head_takes_its_legs_with_it)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 4);
    uint64_t id = accepted(bracket(10, 10001, 10020, 9980), 1);
    expect_fill(id, 4, 10001, 100);
    cancel(id, 100);
    expect(id, ATS_EXEC_CANCELED, 200);
    cr_assert_eq(x.cum_qty_e9, 4 * E9);
    expect(id + ATS_LEG_TARGET, ATS_EXEC_CANCELED, 200);
    expect(id + ATS_LEG_STOP, ATS_EXEC_CANCELED, 200);
    cr_assert_eq(ats_venue_sim_orders(venue)->count, 0);
}

Test(venue_orders, a_cancelled_leg_takes_the_other_with_it)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 50);
    uint64_t id = accepted(bracket(10, 10001, 10020, 9980), 1);
    expect_fill(id, 10, 10001, 100);
    expect(id + ATS_LEG_TARGET, ATS_EXEC_ACCEPTED, 100);
    expect(id + ATS_LEG_STOP, ATS_EXEC_ACCEPTED, 100);
    cancel(id + ATS_LEG_STOP, 100);
    expect(id + ATS_LEG_STOP, ATS_EXEC_CANCELED, 200);
    expect(id + ATS_LEG_TARGET, ATS_EXEC_CANCELED, 200);
}

Test(venue_orders, the_legs_of_an_oco_rest_at_once_and_one_fill_ends_both)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 50);
    ats_order o = limit(SELL, 10, 10020, ATS_TIF_GTC);
    o.order_class = ATS_ORDER_CLASS_OCO;
    o.stop_leg_e9 = 9980 * CENT;
    uint64_t id = accepted(o, 1);
    expect(id + ATS_LEG_STOP, ATS_EXEC_ACCEPTED, 100);
    quote(200, 10020, 50, 10022, 50);
    expect_fill(id, 10, 10020, 300);
    expect(id + ATS_LEG_STOP, ATS_EXEC_CANCELED, 300);
    expect_nothing(9999);
}

Test(venue_orders, an_oto_has_one_leg_and_a_refused_head_refuses_it)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 50);
    ats_order o = limit(BUY, 10, 10001, ATS_TIF_IOC);
    o.order_class = ATS_ORDER_CLASS_OTO;
    o.stop_leg_e9 = 9980 * CENT;
    uint64_t id = accepted(o, 1);
    expect_fill(id, 10, 10001, 100);
    expect(id + ATS_LEG_STOP, ATS_EXEC_ACCEPTED, 100);
    cr_assert_eq(ats_order_table_find(ats_venue_sim_orders(venue), id + ATS_LEG_STOP)->tif,
                 ATS_TIF_GTC, "it outlives an entry at once");
    o.stop_leg_e9 += 1;
    expect_rejected(o, 200, ATS_CHECK_TICK);
    expect(last_id - 2 + ATS_LEG_STOP, ATS_EXEC_REJECTED, 300);
    o.target_e9 = 10020 * CENT; /* both: that is a bracket */
    expect_rejected(o, 400, ATS_CHECK_MALFORMED);
}

/* ---- replaces ------------------------------------------------------------------------------- */

Test(venue_orders, a_replace_ends_the_old_order_and_makes_the_new_one)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 50);
    uint64_t old = accepted(limit(BUY, 10, 9990, ATS_TIF_DAY), 1);
    uint64_t id = replace(old, limit(BUY, 12, 10001, ATS_TIF_DAY), 0, 100);
    expect(old, ATS_EXEC_REPLACED, 200);
    cr_assert_eq(x.ref_order_id, id);
    expect(id, ATS_EXEC_ACCEPTED, 200);
    expect_fill(id, 12, 10001, 200);
    uint64_t late = replace(old, limit(BUY, 12, 9990, ATS_TIF_DAY), 0, 300);
    expect(old, ATS_EXEC_REPLACE_REJECTED, 400);
    cr_assert_eq(x.ref_order_id, late);
    expect_nothing(9999);
}

Test(venue_orders, an_order_that_filled_further_than_was_known_is_not_replaced)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 4);
    uint64_t old = accepted(limit(BUY, 10, 10001, ATS_TIF_DAY), 1);
    expect_fill(old, 4, 10001, 100);
    replace(old, limit(BUY, 10, 10000, ATS_TIF_DAY), 0, 100);
    expect(old, ATS_EXEC_REPLACE_REJECTED, 200);
    uint64_t id = replace(old, limit(BUY, 6, 10000, ATS_TIF_DAY), 4, 200);
    expect(old, ATS_EXEC_REPLACED, 300);
    cr_assert_eq(x.cum_qty_e9, 4 * E9);
    expect(id, ATS_EXEC_ACCEPTED, 300);
    cr_assert_eq(x.leaves_qty_e9, 6 * E9);
}

Test(venue_orders, the_replacement_of_a_leg_takes_its_place_in_the_pair)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 50);
    uint64_t id = accepted(bracket(10, 10001, 10020, 9980), 1);
    expect_fill(id, 10, 10001, 100);
    expect(id + ATS_LEG_TARGET, ATS_EXEC_ACCEPTED, 100);
    expect(id + ATS_LEG_STOP, ATS_EXEC_ACCEPTED, 100);
    uint64_t raised = replace(id + ATS_LEG_STOP, stop(SELL, 10, 9995), 0, 100);
    expect(id + ATS_LEG_STOP, ATS_EXEC_REPLACED, 200);
    expect(raised, ATS_EXEC_ACCEPTED, 200);
    quote(300, 10020, 50, 10022, 50);
    expect_fill(id + ATS_LEG_TARGET, 10, 10020, 400);
    expect(raised, ATS_EXEC_CANCELED, 400);
}

/* ---- refusals ------------------------------------------------------------------------------- */

Test(venue_orders, what_is_refused)
{
    open_venue((ats_venue_sim_config){.hard_to_borrow = "ZZ AAA"});
    quote(0, 9999, 50, 10001, 50);
    ats_order o = limit(BUY, 10, 9990, ATS_TIF_DAY);
    o.h.symbol_id = 3;
    expect_rejected(o, 10, ATS_CHECK_UNKNOWN_SYMBOL);
    o = limit(BUY, 10, 9990, ATS_TIF_DAY);
    o.limit_e9 += CENT / 2;
    expect_rejected(o, 20, ATS_CHECK_TICK);
    expect_rejected(limit(BUY, 0, 9990, ATS_TIF_DAY), 30, ATS_CHECK_MALFORMED);
    expect_rejected(stop(BUY, 10, 0), 40, ATS_CHECK_MALFORMED);
    o = order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_DAY);
    o.intent_flags = ATS_INTENT_EXTENDED;
    expect_rejected(o, 50, ATS_CHECK_MALFORMED);
    o = limit(BUY, 10, 9990, ATS_TIF_OPG);
    o.h.symbol_id = 2;
    expect_rejected(o, 60, ATS_CHECK_MALFORMED); /* no auctions where there is no close */
    expect_rejected(limit(SELL, 10, 10010, ATS_TIF_DAY), 70, ATS_CHECK_SHORT);
    uint64_t id = accepted(limit(BUY, 10, 10001, ATS_TIF_DAY), 80);
    expect_fill(id, 10, 10001, 180);
    expect_rejected(limit(SELL, 11, 10010, ATS_TIF_DAY), 190, ATS_CHECK_SHORT);
    accepted(stop(SELL, 10, 9980), 200); /* what is held may be sold */
    expect_rejected(limit(BUY, 10, 9000, ATS_TIF_DAY), 220, ATS_CHECK_SELF_MATCH);
    status(400, ATS_STATUS_HALT, 0, 0);
    expect_rejected(limit(SELL, 10, 10010, ATS_TIF_DAY), 410, ATS_CHECK_HALTED);
}

Test(venue_orders, a_share_is_refused_by_chance_and_always_the_same)
{
    uint64_t refused[2] = {0, 0}, count = 0;
    for (int run = 0; run < 2; run++) {
        open_venue((ats_venue_sim_config){.seed = 5, .reject_share_bps = 2000});
        quote(0, 9999, 50, 10001, 50);
        for (int i = 0; i < 200; i++) {
            int64_t ms = 100 * (i + 1);
            uint64_t id = send(limit(BUY, 1, 9000, ATS_TIF_IOC), ms);
            bool no = next(ms + 50) == ATS_EXEC_REJECTED;
            refused[run] = refused[run] * 31 + (no ? id : 0);
            count += no;
            while (next(ms + 50)) {
            }
        }
    }
    cr_assert_eq(refused[0], refused[1]);
    cr_assert(count > 2 * 20 && count < 2 * 60, "%lu of 400", (unsigned long)count);
}

/* ---- sessions ------------------------------------------------------------------------------- */

Test(venue_orders, day_ends_at_the_close_and_gtc_does_not)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 50);
    uint64_t day = accepted(limit(BUY, 10, 9900, ATS_TIF_DAY), 1);
    accepted(limit(BUY, 10, 9900, ATS_TIF_GTC), 50);
    ats_order o = limit(BUY, 10, 9900, ATS_TIF_DAY);
    o.intent_flags = ATS_INTENT_EXTENDED;
    uint64_t extended = accepted(o, 100);
    expect_nothing(DAY);
    expect(day, ATS_EXEC_EXPIRED, DAY + 100);
    expect_nothing(DAY + 3 * 3600000);
    expect(extended, ATS_EXEC_EXPIRED, DAY + 4 * 3600000 + 100); /* 20:00 */
    expect_nothing(10 * NIGHT);
    cr_assert_eq(ats_venue_sim_orders(venue)->count, 1);
}

Test(venue_orders, outside_the_session_only_extended_orders_fill)
{
    open_venue((ats_venue_sim_config){0});
    quote(-60000, 9999, 50, 10001, 50);
    uint64_t waits = accepted(order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_DAY), -59000);
    uint64_t at_once = accepted(limit(BUY, 10, 10001, ATS_TIF_IOC), -58000);
    expect(at_once, ATS_EXEC_CANCELED, -57000);
    ats_order o = limit(BUY, 10, 10001, ATS_TIF_DAY);
    o.intent_flags = ATS_INTENT_EXTENDED;
    uint64_t early = accepted(o, -56000);
    expect_fill(early, 10, 10001, -55000);
    quote(-50000, 9999, 50, 10001, 51);
    expect_nothing(-1);
    quote(5, 10003, 50, 10005, 50);
    expect_fill(waits, 10, 10005, 100);
}

Test(venue_orders, auctions_take_the_marked_print_whole)
{
    open_venue((ats_venue_sim_config){0});
    uint64_t market = accepted(order(BUY, 500, ATS_ORDER_MARKET, ATS_TIF_OPG), -60000);
    uint64_t poor = accepted(limit(BUY, 10, 9990, ATS_TIF_OPG), -59000);
    uint64_t good = accepted(limit(BUY, 10, 10000, ATS_TIF_OPG), -58000);
    print(100, 10007, 1, ' ');
    expect_nothing(200);
    print(300, 10000, 1, 'O');
    expect_fill(market, 500, 10000, 400);
    expect(poor, ATS_EXEC_EXPIRED, 400);
    expect_fill(good, 10, 10000, 400);
    uint64_t closing = accepted(order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_CLS), 1000);
    print(DAY - 1000, 10050, 1, ' ');
    print(DAY + 2000, 10060, 1, '6');
    expect_fill(closing, 10, 10060, DAY + 3000);
}

Test(venue_orders, without_marked_prints_auctions_take_the_first_and_the_last)
{
    open_venue((ats_venue_sim_config){0});
    uint64_t opening = accepted(order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_OPG), -60000);
    print(100, 10007, 1, ' ');
    print(200, 10009, 1, ' ');
    expect_fill(opening, 10, 10007, 400000);
    uint64_t closing = accepted(order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_CLS), 500000);
    uint64_t tomorrow = accepted(order(BUY, 10, ATS_ORDER_MARKET, ATS_TIF_OPG), 500100);
    print(DAY - 1000, 10050, 1, ' ');
    print(DAY + 5000, 10070, 1, 'T');
    expect_fill(closing, 10, 10050, DAY + 400000);
    expect(tomorrow, ATS_EXEC_EXPIRED, NIGHT + 400000); /* no trade at all that day */
}

Test(venue_orders, a_split_cancels_and_a_dividend_does_not)
{
    open_venue((ats_venue_sim_config){0});
    quote(0, 9999, 50, 10001, 50);
    uint64_t id = accepted(limit(BUY, 10, 9900, ATS_TIF_GTC), 1);
    ats_market m = {
        .corporate_action = {
            .h = {.kind = ATS_KIND_CORPORATE_ACTION, .symbol_id = 1, .recv_ns = at(NIGHT / 2)},
            .action = ATS_ACTION_DIVIDEND,
            .cash_e9 = E9}};
    show(&m);
    expect_nothing(NIGHT / 2 + 1000);
    m.corporate_action.action = ATS_ACTION_SPLIT;
    m.corporate_action.ratio_numerator = 2;
    m.corporate_action.ratio_denominator = 1;
    m.h.recv_ns = at(NIGHT / 2 + 2000);
    show(&m);
    expect(id, ATS_EXEC_CANCELED, NIGHT);
}
