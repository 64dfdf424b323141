#include "core/random.h"
#include "io/venue/venue_sim.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define E9 ATS_E9

static ats_venue_sim *venue;
static ats_exec x;

static void open_venue_for(uint32_t orders, int64_t out_jitter_ns)
{
    ats_venue_sim_config c = {.seed = 3,
                              .out_base_ns = 100,
                              .out_jitter_ns = out_jitter_ns,
                              .back_base_ns = 50,
                              .fee_per_unit_e9 = 1000000,
                              .fee_bps_e9 = 1 * E9,
                              .order_capacity = orders,
                              .symbol_count = 2};
    size_t bytes = (ats_venue_sim_footprint(&c) + 127) & ~(size_t)127;
    void *memory = aligned_alloc(128, bytes);
    memset(memory, 0, bytes);
    venue = ats_venue_sim_new(memory, &c);
}

static void open_venue(int64_t out_jitter_ns)
{
    open_venue_for(64, out_jitter_ns);
}

static void quote(int64_t now, int64_t bid, int64_t bid_size, int64_t ask, int64_t ask_size)
{
    ats_market m = {.quote = {.h = {.kind = ATS_KIND_QUOTE, .symbol_id = 1, .recv_ns = now},
                              .bid_e9 = bid * E9,
                              .ask_e9 = ask * E9,
                              .bid_size_e9 = bid_size * E9,
                              .ask_size_e9 = ask_size * E9}};
    ats_venue_sim_market(venue, &m);
}

static void trade(int64_t now, int64_t px, int64_t qty)
{
    ats_market m = {.trade = {.h = {.kind = ATS_KIND_TRADE, .symbol_id = 1, .recv_ns = now},
                              .px_e9 = px * E9,
                              .qty_e9 = qty * E9}};
    ats_venue_sim_market(venue, &m);
}

static void send(uint64_t id, int64_t now, uint8_t side, int64_t qty, int64_t limit, uint8_t tif)
{
    ats_order o = {.h = {.kind = ATS_KIND_ORDER, .symbol_id = 1, .recv_ns = now},
                   .order_id = id,
                   .qty_e9 = qty * E9,
                   .limit_e9 = limit * E9,
                   .action = ATS_INTENT_NEW,
                   .side = side,
                   .type = ATS_ORDER_LIMIT,
                   .tif = tif};
    ats_venue_sim_send(venue, &o);
}

/* Runs to the next answer; its type, or 0 when nothing is due by then. */
static uint32_t next(int64_t until)
{
    while (ats_venue_sim_next_due(venue) <= until)
        if (ats_venue_sim_run_due(venue, &x))
            return x.type;
    return 0;
}

Test(venue_sim, crosses_the_spread_for_what_is_displayed_after_its_latency)
{
    open_venue(0);
    quote(0, 99, 10, 101, 7);
    send(1, 1000, ATS_SIDE_BUY, 10, 102, ATS_TIF_IOC);
    cr_assert_eq(ats_venue_sim_next_due(venue), 1100, "out");
    cr_assert_eq(next(1149), 0, "nothing is back yet");
    cr_assert_eq(next(1150), ATS_EXEC_ACCEPTED);
    cr_assert_eq(x.h.recv_ns, 1150);
    cr_assert_eq(x.h.event_ns, 1100);
    cr_assert_eq(next(1150), ATS_EXEC_FILL);
    cr_assert_eq(x.last_qty_e9, 7 * E9);
    cr_assert_eq(x.last_px_e9, 101 * E9, "at the offer, not at the limit");
    cr_assert_eq(x.leaves_qty_e9, 3 * E9);
    /* 7 x 0.001 + 707 x 1 bps */
    cr_assert_eq(x.fee_e9, 7000000 + 70700000);
    cr_assert_eq(next(1150), ATS_EXEC_CANCELED, "the rest of an IOC");
    cr_assert_eq(x.cum_qty_e9, 7 * E9);
    cr_assert_eq(ats_venue_sim_next_due(venue), INT64_MAX);
}

Test(venue_sim, what_was_taken_is_gone_until_the_next_quote)
{
    open_venue(0);
    quote(0, 99, 10, 101, 7);
    send(1, 1000, ATS_SIDE_BUY, 5, 101, ATS_TIF_IOC);
    send(2, 1001, ATS_SIDE_BUY, 5, 101, ATS_TIF_IOC);
    int64_t filled[3] = {0};
    while (next(5000))
        if (x.type == ATS_EXEC_FILL)
            filled[x.order_id] += x.last_qty_e9;
    cr_assert_eq(filled[1], 5 * E9);
    cr_assert_eq(filled[2], 2 * E9);
}

Test(venue_sim, the_same_side_quoted_again_does_not_give_it_back)
{
    open_venue(0);
    quote(0, 99, 10, 101, 7);
    send(1, 1000, ATS_SIDE_BUY, 5, 101, ATS_TIF_IOC);
    cr_assert_eq(next(5000), ATS_EXEC_ACCEPTED);
    cr_assert_eq(next(5000), ATS_EXEC_FILL);
    quote(6000, 99, 11, 101, 7); /* only the bid changed */
    send(2, 7000, ATS_SIDE_BUY, 5, 101, ATS_TIF_IOC);
    cr_assert_eq(next(9000), ATS_EXEC_ACCEPTED);
    cr_assert_eq(next(9000), ATS_EXEC_FILL);
    cr_assert_eq(x.last_qty_e9, 2 * E9);
    cr_assert_eq(next(9000), ATS_EXEC_CANCELED);
    quote(10000, 99, 11, 101, 8); /* the offer is a new one */
    send(3, 11000, ATS_SIDE_BUY, 5, 101, ATS_TIF_IOC);
    cr_assert_eq(next(20000), ATS_EXEC_ACCEPTED);
    cr_assert_eq(next(20000), ATS_EXEC_FILL);
    cr_assert_eq(x.last_qty_e9, 5 * E9);
}

Test(venue_sim, one_sided_and_crossed_markets_fill_nothing)
{
    const int64_t markets[][2] = {{105, 100}, {100, 100}, {0, 100}};
    for (size_t i = 0; i < 3; i++) {
        open_venue(0);
        quote(0, markets[i][0], markets[i][0] ? 10 : 0, markets[i][1], 10);
        send(1, 1000, ATS_SIDE_BUY, 5, 110, ATS_TIF_IOC);
        cr_assert_eq(next(5000), ATS_EXEC_ACCEPTED);
        cr_assert_eq(next(5000), ATS_EXEC_CANCELED, "market %zu", i);
        cr_assert_eq(x.cum_qty_e9, 0);
    }
}

Test(venue_sim, fok_takes_all_or_nothing)
{
    open_venue(0);
    quote(0, 99, 10, 101, 7);
    send(1, 1000, ATS_SIDE_BUY, 8, 101, ATS_TIF_FOK);
    cr_assert_eq(next(5000), ATS_EXEC_ACCEPTED);
    cr_assert_eq(next(5000), ATS_EXEC_CANCELED);
    cr_assert_eq(x.cum_qty_e9, 0);
}

Test(venue_sim, a_resting_limit_fills_at_its_price_when_reached_and_through_not_at_a_trade)
{
    open_venue(0);
    quote(0, 99, 10, 101, 7);
    send(1, 1000, ATS_SIDE_BUY, 5, 100, ATS_TIF_DAY);
    cr_assert_eq(next(2000), ATS_EXEC_ACCEPTED);
    trade(2000, 100, 50);
    cr_assert_eq(next(3000), 0, "at its price: the queue before it is not known");
    trade(3000, 99, 2);
    cr_assert_eq(next(4000), ATS_EXEC_FILL);
    cr_assert_eq(x.last_qty_e9, 2 * E9, "no more than was traded");
    cr_assert_eq(x.last_px_e9, 100 * E9);
    cr_assert_eq(x.liquidity, 2);
    quote(4000, 98, 10, 100, 7);
    cr_assert_eq(next(5000), ATS_EXEC_FILL);
    cr_assert_eq(x.last_qty_e9, 3 * E9);
    cr_assert_eq(x.leaves_qty_e9, 0);
}

Test(venue_sim, cancels_find_the_order_or_say_that_there_is_none)
{
    open_venue(0);
    quote(0, 99, 10, 101, 7);
    send(1, 1000, ATS_SIDE_BUY, 5, 100, ATS_TIF_DAY);
    ats_order cancel = {.h = {.symbol_id = 1, .recv_ns = 2000},
                        .order_id = 2,
                        .target_order_id = 1,
                        .action = ATS_INTENT_CANCEL};
    ats_venue_sim_send(venue, &cancel);
    cr_assert_eq(next(9000), ATS_EXEC_ACCEPTED);
    cr_assert_eq(next(9000), ATS_EXEC_CANCELED);
    cr_assert_eq(x.order_id, 1);
    cancel.h.recv_ns = 9000;
    ats_venue_sim_send(venue, &cancel);
    cr_assert_eq(next(20000), ATS_EXEC_CANCEL_REJECTED);
}

Test(venue_sim, a_halt_rejects_and_the_end_expires)
{
    open_venue(0);
    quote(0, 99, 10, 101, 7);
    send(1, 1000, ATS_SIDE_BUY, 5, 100, ATS_TIF_DAY);
    cr_assert_eq(next(2000), ATS_EXEC_ACCEPTED);
    ats_market halt = {
        .status = {.h = {.kind = ATS_KIND_STATUS, .symbol_id = 1}, .code = ATS_STATUS_HALT}};
    ats_venue_sim_market(venue, &halt);
    send(2, 3000, ATS_SIDE_BUY, 5, 102, ATS_TIF_IOC);
    cr_assert_eq(next(9000), ATS_EXEC_REJECTED);
    cr_assert(ats_venue_sim_expire_one(venue, 9000, &x));
    cr_assert_eq(x.type, ATS_EXEC_EXPIRED);
    cr_assert_eq(x.order_id, 1);
    cr_assert_not(ats_venue_sim_expire_one(venue, 9000, &x));
}

/* Random flow: no order fills more than it asked, cumulative quantity runs on, answers come in the
 * order of time, and nothing is taken that was not displayed or traded. */
Test(venue_sim, random_flow_keeps_its_books)
{
    open_venue_for(32768, 400); /* DAY orders far from the market stay */
    ats_random random;
    ats_random_seed(&random, 77);
    static int64_t asked[30001], got[30001];
    int64_t displayed = 0, filled = 0, last = 0;
    uint64_t id = 0;
    for (int64_t now = 1000; id < 30000; now += 1 + (int64_t)(ats_random_next(&random) % 300)) {
        while (ats_venue_sim_next_due(venue) <= now) {
            int64_t due = ats_venue_sim_next_due(venue);
            cr_assert_geq(due, last);
            last = due;
            if (!ats_venue_sim_run_due(venue, &x) || x.type != ATS_EXEC_FILL)
                continue;
            got[x.order_id] += x.last_qty_e9;
            filled += x.last_qty_e9;
            cr_assert_eq(x.cum_qty_e9, got[x.order_id]);
            cr_assert_eq(x.leaves_qty_e9, asked[x.order_id] - got[x.order_id]);
            cr_assert_geq(x.leaves_qty_e9, 0);
        }
        if (ats_random_next(&random) % 2) {
            int64_t b = 1 + (int64_t)(ats_random_next(&random) % 9);
            int64_t a = 1 + (int64_t)(ats_random_next(&random) % 9);
            int64_t bid = 97 + (int64_t)(ats_random_next(&random) % 4);
            quote(now, bid, b, bid + 2, a);
            displayed += (a + b) * E9;
            for (int64_t back = 0; back < 2 && id > 20 && ats_venue_sim_room(venue); back++) {
                ats_order cancel = {.h = {.symbol_id = 1, .recv_ns = now},
                                    .order_id = id,
                                    .target_order_id = id - ats_random_next(&random) % 20,
                                    .action = ATS_INTENT_CANCEL};
                ats_venue_sim_send(venue, &cancel);
            }
        } else if (ats_venue_sim_room(venue)) {
            uint8_t side = ats_random_next(&random) % 2 ? ATS_SIDE_BUY : ATS_SIDE_SELL;
            int64_t qty = 1 + (int64_t)(ats_random_next(&random) % 12);
            asked[++id] = qty * E9;
            send(id, now, side, qty, 97 + (int64_t)(ats_random_next(&random) % 6),
                 (uint8_t)(1 + ats_random_next(&random) % 3));
        }
    }
    cr_assert_leq(filled, displayed);
    cr_assert_gt(filled, 10000 * E9, "%ld units in %lu orders", (long)(filled / E9),
                 (unsigned long)id);
}
