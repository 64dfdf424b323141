/* Slippage, shortfall, fill rate and mark-outs on days worked out by hand. */
#include "calc/execution_quality.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNIT ((ats_money_e18)ATS_E9 * ATS_E9)
#define BUY  ATS_SIDE_BUY
#define SELL ATS_SIDE_SELL

static ats_execution_order rows[64];
static uint32_t row_count;

static void note(void *context, const ats_execution_order *row)
{
    (void)context;
    cr_assert_lt(row_count, 64);
    rows[row_count++] = *row;
}

static ats_execution_quality *make(uint32_t capacity)
{
    ats_execution_config c = {
        .strategy_count = 2, .symbol_count = 2, .capacity = capacity, .emit = note};
    size_t bytes = (ats_execution_quality_footprint(&c) + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, bytes);
    memset(memory, 0, bytes);
    row_count = 0;
    return ats_execution_quality_new(memory, &c);
}

static const ats_execution_order *row_of(uint64_t parent, uint64_t order)
{
    for (uint32_t i = 0; i < row_count; i++)
        if (rows[i].parent_id == parent && rows[i].order_id == order)
            return &rows[i];
    cr_assert_fail("no row of parent %lu, order %lu", parent, order);
    return NULL;
}

/* Thousandths of a unit: prices in mills. */
static int64_t mill(int64_t thousandths)
{
    return thousandths * 1000000;
}

static void price(ats_execution_quality *q, int64_t ms, int64_t mills)
{
    ats_execution_time(q, mill(ms));
    ats_execution_price(q, 1, mill(mills), true);
}

/* An intent and the order it becomes, at a mid. */
static void send(ats_execution_quality *q, int64_t ms, uint64_t parent, uint64_t id, uint8_t side,
                 int64_t qty, int64_t left, int64_t mid_mills)
{
    ats_execution_time(q, mill(ms));
    ats_intent i = {.h = {.recv_ns = mill(ms), .symbol_id = 1},
                    .intent_id = id,
                    .qty_e9 = qty * ATS_E9,
                    .parent_left_e9 = left * ATS_E9,
                    .bid_e9 = mill(mid_mills - 5),
                    .ask_e9 = mill(mid_mills + 5),
                    .strategy_id = 1,
                    .parent_id = parent,
                    .algorithm = 2,
                    .action = ATS_INTENT_NEW,
                    .side = side};
    ats_order o = {.h = i.h,
                   .order_id = id,
                   .qty_e9 = i.qty_e9,
                   .bid_e9 = i.bid_e9,
                   .ask_e9 = i.ask_e9,
                   .strategy_id = 1,
                   .parent_id = parent,
                   .algorithm = 2,
                   .action = ATS_INTENT_NEW,
                   .type = ATS_ORDER_LIMIT,
                   .side = side};
    ats_execution_intent(q, &i);
    ats_execution_order_sent(q, &o);
}

static void fill(ats_execution_quality *q, int64_t ms, uint64_t id, int64_t qty, int64_t left,
                 int64_t px_mills, int64_t mid_mills, uint8_t liquidity)
{
    ats_execution_time(q, mill(ms));
    ats_exec x = {.h = {.recv_ns = mill(ms), .symbol_id = 1},
                  .order_id = id,
                  .type = ATS_EXEC_FILL,
                  .strategy_id = 1,
                  .last_qty_e9 = qty * ATS_E9,
                  .last_px_e9 = mill(px_mills),
                  .leaves_qty_e9 = left * ATS_E9,
                  .fee_e9 = ATS_E9 / 100,
                  .bid_e9 = mill(mid_mills - 5),
                  .ask_e9 = mill(mid_mills + 5),
                  .liquidity = liquidity};
    ats_execution_exec(q, &x);
}

static void answer(ats_execution_quality *q, int64_t ms, uint64_t id, uint32_t type, uint64_t ref)
{
    ats_execution_time(q, mill(ms));
    ats_exec x = {.h = {.recv_ns = mill(ms), .symbol_id = 1},
                  .order_id = id,
                  .ref_order_id = ref,
                  .strategy_id = 1,
                  .type = type};
    ats_execution_exec(q, &x);
}

static int64_t mills_of(ats_money_e18 m)
{
    return (int64_t)(m / (UNIT / 1000));
}

/* Where the mid was five minutes before: at whole seconds, not beyond a split or the data. */
Test(execution_quality, the_mid_before)
{
    ats_execution_quality *q = make(16);
    price(q, 1500, 10000);
    price(q, 2000, 10010); /* just with the end of second 2 */
    price(q, 2500, 10020);
    price(q, 299000, 10100);
    send(q, 299500, 7, 1, BUY, 90, 0, 10100);
    fill(q, 301999, 1, 10, 80, 10100, 10100, 1); /* second 1: nothing was known */
    fill(q, 302000, 1, 10, 70, 10100, 10100, 1); /* second 2 */
    fill(q, 302999, 1, 10, 60, 10100, 10100, 2); /* the same */
    fill(q, 303000, 1, 10, 50, 10100, 10100, 2); /* second 3 */
    ats_execution_forget(q, 1);
    fill(q, 304000, 1, 10, 40, 10100, 10100, 1);
    fill(q, 902000, 1, 40, 0, 10200, 10200, 1); /* silent since: second 602 has what came last */
    ats_execution_end(q);
    const ats_execution_order *p = row_of(7, 0);
    cr_assert_eq(mills_of(p->sum.before[0].money_e18), 10 * 90 + 40 * 100);
    cr_assert_eq(mills_of(p->sum.before[0].base_e18), 10 * 10010 + 40 * 10100);
    cr_assert_eq(mills_of(p->sum.before[1].money_e18), 10 * 90 + 10 * 80);
    cr_assert_eq(mills_of(p->sum.before[1].base_e18), 10 * 10010 + 10 * 10020);
    free(q);
}

/* Buys 100: 60 in one child that fills in two parts, 40 in one that is cancelled unfilled. */
Test(execution_quality, a_parent_of_two_children)
{
    ats_execution_quality *q = make(16);
    price(q, 0, 10000);
    send(q, 10, 7, 1, BUY, 60, 40, 10000);
    price(q, 20, 10010);
    fill(q, 30, 1, 50, 10, 10020, 10010, 1);
    price(q, 40, 10030);
    fill(q, 50, 1, 10, 0, 10025, 10030, 2);
    send(q, 60, 7, 2, BUY, 40, 0, 10030);
    price(q, 1029, 10050); /* due of the first fill: 1030, the last known before or at it */
    price(q, 1031, 10060); /* after the first due; the second is due at 1050 */
    price(q, 2000, 10080);
    answer(q, 2500, 2, ATS_EXEC_CANCELED, 0);
    price(q, 40000, 10000);
    price(q, 400000, 9990);
    cr_assert_eq(ats_execution_waiting(q), 0);
    ats_execution_end(q);
    cr_assert_eq(row_count, 3);
    const ats_execution_order *p = row_of(7, 0), *a = row_of(7, 1), *b = row_of(7, 2);
    cr_assert_eq(p->qty_e9, 100 * ATS_E9);
    cr_assert_eq(p->filled_e9, 60 * ATS_E9);
    cr_assert_eq(p->decision_e9, mill(10000));
    cr_assert_eq(p->end_e9, mill(10080));
    cr_assert_eq(p->ended_ns, mill(2500));
    cr_assert_eq(p->sum.orders, 2);
    cr_assert_eq(p->sum.fills, 2);
    /* 50 x 0.020 + 10 x 0.025 */
    cr_assert_eq(mills_of(p->sum.cost[ATS_BENCHMARK_DECISION].money_e18), 1250);
    cr_assert_eq(mills_of(p->sum.cost[ATS_BENCHMARK_ARRIVAL].money_e18), 1250);
    /* 50 x 0.010 - 10 x 0.005 */
    cr_assert_eq(mills_of(p->sum.cost[ATS_BENCHMARK_MID].money_e18), 450);
    cr_assert_eq(mills_of(p->sum.opportunity_e18), 40 * 80);
    cr_assert_eq(mills_of(ats_execution_shortfall(&p->sum)), 1250 + 3200 + 20);
    cr_assert_eq(mills_of(p->sum.wanted_e18), 100 * 10000);
    cr_assert_eq(mills_of(p->sum.filled_e18), 60 * 10000);
    cr_assert_float_eq(ats_execution_bps(p->sum.cost[0]), 1e4 * 1.25 / 600, 1e-9);
    /* After 1 s: took 50 x (10.050 - 10.010), made 10 x (10.060 - 10.030). */
    cr_assert_eq(mills_of(p->sum.after[0][0].money_e18), 50 * 40);
    cr_assert_eq(mills_of(p->sum.after[1][0].money_e18), 10 * 30);
    cr_assert_eq(mills_of(p->sum.after[0][1].money_e18), 50 * 70, "30 s: still 10.080");
    cr_assert_eq(mills_of(p->sum.after[0][2].money_e18), 50 * -10, "5 min: 10.000");
    cr_assert_eq(mills_of(p->sum.after[1][2].base_e18), 10 * 10030);
    cr_assert_eq(a->filled_e9, 60 * ATS_E9);
    cr_assert_eq(mills_of(a->sum.opportunity_e18), 0, "what a child leaves its parent asks again");
    cr_assert_eq(b->filled_e9, 0);
    cr_assert_eq(b->arrival_e9, mill(10030));
    free(q);
}

Test(execution_quality, a_sale_has_the_other_sign_and_a_delay_is_seen)
{
    ats_execution_quality *q = make(16);
    price(q, 0, 20000);
    send(q, 10, 1, 1, SELL, 5, 5, 20000);
    answer(q, 20, 1, ATS_EXEC_EXPIRED, 0);
    send(q, 30, 1, 2, SELL, 10, 0, 19990); /* asked again, lower by then */
    fill(q, 40, 2, 10, 0, 19980, 19985, 1);
    ats_execution_end(q);
    const ats_execution_order *p = row_of(1, 0);
    cr_assert_eq(mills_of(p->sum.cost[ATS_BENCHMARK_DECISION].money_e18), 10 * 20);
    cr_assert_eq(mills_of(p->sum.cost[ATS_BENCHMARK_ARRIVAL].money_e18), 10 * 10);
    cr_assert_eq(mills_of(p->sum.cost[ATS_BENCHMARK_MID].money_e18), 10 * 5);
    cr_assert_eq(p->sum.opportunity_e18, 0);
    cr_assert(isnan(ats_execution_bps(ats_execution_after(&p->sum, 0))), "the data ended before");
    free(q);
}

Test(execution_quality, a_parent_that_never_traded_costs_what_it_missed)
{
    ats_execution_quality *q = make(16);
    price(q, 0, 10000);
    send(q, 5, 1, 1, BUY, 10, 0, 10000);
    price(q, 10, 10100);
    answer(q, 11, 1, ATS_EXEC_EXPIRED, 0);
    price(q, 12, 10200); /* after it was over */
    ats_intent next = {.h = {.recv_ns = mill(13), .symbol_id = 1},
                       .qty_e9 = 10 * ATS_E9,
                       .strategy_id = 1,
                       .parent_id = 2,
                       .action = ATS_INTENT_NEW,
                       .side = BUY};
    ats_execution_intent(q, &next); /* refused by the gate; the next parent ends the first */
    cr_assert_eq(row_count, 2);
    const ats_execution_order *p = row_of(1, 0);
    cr_assert_eq(mills_of(p->sum.opportunity_e18), 10 * 100);
    cr_assert_eq(p->filled_e9, 0);
    ats_execution_end(q);
    cr_assert_eq(row_count, 2, "what was never sent was not executed");
    cr_assert_eq(ats_execution_faults_of(q).unsent, 1);
    free(q);
}

/* Where no quotes come the last bar's close stands for the mid of a decision, and the mid at a fill
 * is not known; where they come, and the broker tells none, it is the last. */
static ats_execution_sum sum_without_quotes_told(bool is_mid)
{
    ats_execution_quality *q = make(16);
    ats_execution_price(q, 1, mill(10000), is_mid);
    ats_intent i = {.h = {.recv_ns = mill(5), .symbol_id = 1},
                    .qty_e9 = 10 * ATS_E9,
                    .strategy_id = 1,
                    .parent_id = 1,
                    .action = ATS_INTENT_NEW,
                    .side = BUY};
    ats_order o = {.h = i.h,
                   .order_id = 1,
                   .qty_e9 = i.qty_e9,
                   .strategy_id = 1,
                   .parent_id = 1,
                   .action = ATS_INTENT_NEW,
                   .type = ATS_ORDER_MARKET,
                   .side = BUY};
    ats_execution_intent(q, &i);
    ats_execution_order_sent(q, &o);
    ats_execution_time(q, mill(6));
    ats_execution_price(q, 1, mill(10500), is_mid);
    ats_exec x = {.h = {.recv_ns = mill(7), .symbol_id = 1},
                  .order_id = 1,
                  .type = ATS_EXEC_FILL,
                  .last_qty_e9 = i.qty_e9,
                  .last_px_e9 = mill(10510)};
    ats_execution_exec(q, &x);
    ats_execution_time(q, mill(5000));
    ats_execution_end(q);
    free(q);
    return row_of(1, 0)->sum;
}

Test(execution_quality, without_quotes)
{
    ats_execution_sum bars = sum_without_quotes_told(false), told = sum_without_quotes_told(true);
    cr_assert_eq(mills_of(bars.cost[ATS_BENCHMARK_DECISION].money_e18), 10 * 510);
    cr_assert_eq(mills_of(told.cost[ATS_BENCHMARK_DECISION].money_e18), 10 * 510);
    cr_assert_eq(mills_of(told.cost[ATS_BENCHMARK_MID].money_e18), 10 * 10);
    cr_assert_eq(mills_of(told.after[0][0].base_e18), 10 * 10500);
    cr_assert_eq(bars.cost[ATS_BENCHMARK_MID].base_e18, 0);
    cr_assert_eq(bars.after[0][0].base_e18, 0);
}

/* A stop is measured against its own price, and from its trigger; one that never fills is no row.
 */
Test(execution_quality, guards)
{
    ats_execution_quality *q = make(16);
    price(q, 0, 10000);
    ats_order stop = {.h = {.recv_ns = 1, .symbol_id = 1},
                      .order_id = 1,
                      .qty_e9 = 10 * ATS_E9,
                      .stop_e9 = mill(9900),
                      .bid_e9 = mill(9995),
                      .ask_e9 = mill(10005),
                      .strategy_id = 1,
                      .reason = ATS_REASON_EXIT_STOP,
                      .action = ATS_INTENT_NEW,
                      .type = ATS_ORDER_STOP,
                      .side = SELL};
    ats_execution_order_sent(q, &stop);
    ats_order moved = stop;
    moved.order_id = 2;
    moved.target_order_id = 1;
    moved.action = ATS_INTENT_REPLACE;
    moved.stop_e9 = mill(9950);
    ats_execution_order_sent(q, &moved);
    answer(q, 5, 1, ATS_EXEC_REPLACED, 2);
    ats_order never = moved;
    never.order_id = 3;
    never.target_order_id = 2;
    ats_execution_order_sent(q, &never);
    answer(q, 6, 2, ATS_EXEC_REPLACE_REJECTED, 3);
    price(q, 10, 9945);
    answer(q, 11, 2, ATS_EXEC_TRIGGERED, 0);
    fill(q, 12, 2, 10, 0, 9930, 9940, 1);
    ats_execution_end(q);
    cr_assert_eq(row_count, 1);
    const ats_execution_order *p = row_of(0, 2);
    cr_assert_eq(mills_of(p->sum.cost[ATS_BENCHMARK_DECISION].money_e18), 10 * 20);
    cr_assert_eq(mills_of(p->sum.cost[ATS_BENCHMARK_ARRIVAL].money_e18), 10 * 15);
    cr_assert_eq(mills_of(p->sum.cost[ATS_BENCHMARK_MID].money_e18), 10 * 10);
    free(q);
}

/* The legs of an OCO: the one that fills is a row, measured at its own price. */
Test(execution_quality, legs)
{
    ats_execution_quality *q = make(16);
    price(q, 0, 10000);
    ats_order head = {.h = {.recv_ns = 1, .symbol_id = 1},
                      .order_id = 10,
                      .qty_e9 = 4 * ATS_E9,
                      .limit_e9 = mill(10200),
                      .target_e9 = mill(10200),
                      .stop_leg_e9 = mill(9900),
                      .strategy_id = 1,
                      .reason = ATS_REASON_EXIT_TARGET,
                      .intent_flags = ATS_INTENT_PROTECTIVE,
                      .order_class = ATS_ORDER_CLASS_OCO,
                      .action = ATS_INTENT_NEW,
                      .type = ATS_ORDER_LIMIT,
                      .side = SELL};
    ats_execution_order_sent(q, &head);
    fill(q, 5, 10 + ATS_LEG_STOP, 4, 0, 9890, 9890, 1);
    answer(q, 6, 10, ATS_EXEC_CANCELED, 0);
    ats_execution_end(q);
    cr_assert_eq(row_count, 1);
    const ats_execution_order *p = row_of(0, 10 + ATS_LEG_STOP);
    cr_assert_eq(p->reason, ATS_REASON_EXIT_STOP);
    cr_assert_eq(mills_of(p->sum.cost[ATS_BENCHMARK_DECISION].money_e18), 4 * 10);
    free(q);
}

/* With little room fills are let go without their later mids, and nothing is lost of the rest. */
Test(execution_quality, little_room)
{
    ats_execution_quality *q = make(4);
    ats_execution_sum all = {0};
    price(q, 0, 10000);
    for (uint64_t i = 1; i <= 20; i++) {
        send(q, (int64_t)i, i, i, BUY, 1, 0, 10000);
        fill(q, (int64_t)i, i, 1, 0, 10010, 10000, 1);
    }
    price(q, 1000000, 10000);
    ats_execution_end(q);
    for (uint32_t i = 0; i < row_count; i++)
        if (rows[i].order_id == 0)
            ats_execution_add(&all, &rows[i].sum);
    cr_assert_eq(all.fills, 20);
    cr_assert_eq(all.orders, 20);
    cr_assert_eq(mills_of(all.cost[ATS_BENCHMARK_DECISION].money_e18), 20 * 10);
    ats_execution_faults f = ats_execution_faults_of(q);
    cr_assert_gt(f.cut, 0);
    cr_assert_eq(f.lost, 0);
    cr_assert_lt(all.after[0][2].base_e18, all.cost[0].base_e18);
    fill(q, 1000001, 999, 1, 0, 1, 1, 1);
    cr_assert_eq(ats_execution_faults_of(q).unknown, 1);
    free(q);
}
