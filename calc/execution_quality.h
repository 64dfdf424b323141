/* execution_quality.h: what it cost to turn decisions into positions.
 *
 * Two levels. A *parent* is what an execution algorithm slices (ats_intent.parent_id): its decision
 * is the first intent's. A *single* order has no parent: a guard that rested, or an order sent as
 * it was. Both have orders as rows of their own. Parents and singles add up to the run; children
 * are in their parents.
 *
 * With side s (+1 bought, -1 sold), fills i at price p_i of quantity q_i, and > 0 a cost:
 *
 *     decision slippage
 *         sum s (p_i - D) q_i, D the mid that the decision saw. An order that waits for a price was
 *         decided at that price: the stop price of a stop, the limit of a target that rests at the
 *         broker.
 *
 *     arrival slippage
 *         sum s (p_i - A) q_i, A the mid when the order that filled was sent; of a stop, when it
 *         was triggered. What is between decision and arrival is delay.
 *
 *     mid slippage
 *         sum s (p_i - M_i) q_i, M_i the mid at the fill: the effective half spread (Huang and
 *         Stoll 1996).
 *
 *     opportunity cost
 *         s (E - D) (Q - sum q_i), Q what was wanted, E the mid when the parent ended.
 *
 *     shortfall
 *         decision slippage + opportunity cost + fees: implementation shortfall against a paper
 *         portfolio that traded all of it at D (Perold 1988).
 *
 *     fill rate
 *         D sum q_i / (D Q), by value at the decision.
 *
 *     after h
 *         sum s (M_i(h) - M_i) q_i, M_i(h) the last mid known h after the fill: > 0 the market went
 *         on the way of the trade (impact of one that took, or foresight), < 0 against it: adverse
 *         selection of one that rested (Glosten and Milgrom 1985; mark-outs).
 *
 *     before 5 min
 *         sum s (M_i - M_i(-h)) q_i, M_i(-h) the last mid known at the whole second that is 5 min
 *         before the fill, or less than a second earlier: > 0 the trade ran after the market, or
 *         after what its own earlier slices had moved.
 *
 * Before and after are kept apart for fills that took and fills that made.
 *
 * A cost is kept with the value it is of (benchmark times quantity, of the fills whose benchmark is
 * known), so its basis points are 1e4 * money / base. Everything is exact in 1e-18 and adds up; a
 * mid is rounded down to 1e-9. Where no quotes come, the last bar's close stands for the mid of a
 * decision, an arrival and an end; the mid at a fill, within a bar, is then not known.
 *
 * A parent of which every order was refused by the gate has not been executed: it is counted
 * (`unsent`) and in no sum, for a decision that is refused and made again each second would else
 * be wanted each time.
 *
 * A fill's time is its recv_ns. A mid that the data ends before is not known.
 *
 * Feed it in order of recv_ns, prices before what was decided on them:
 *     ats_execution_time, then ats_execution_price; ats_execution_intent, _order, _exec.
 * Busts and corrections are the feeder's, as in calc/trades.h. Rows come out through `emit` once an
 * order or parent is over and its last mid is there.
 *
 * Memory is bounded: `capacity` orders, as many parents, and as many fills that wait for a mid.
 * When one is used up the fill that waits longest is let go without its later mids (`cut`), then
 * what has no room is left out (`lost`). Owner: one thread. Allocates nothing.
 */
#ifndef ATS_CALC_EXECUTION_QUALITY_H
#define ATS_CALC_EXECUTION_QUALITY_H

#include "calc/money.h"
#include "calc/order_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ats_benchmark {
    ATS_BENCHMARK_DECISION = 0,
    ATS_BENCHMARK_ARRIVAL = 1,
    ATS_BENCHMARK_MID = 2,
    ATS_BENCHMARK_COUNT
} ats_benchmark;

#define ATS_EXECUTION_BEFORE_S 300
#define ATS_HORIZON_COUNT      3u
extern const int64_t ats_execution_horizons_ns[ATS_HORIZON_COUNT]; /* 1 s, 30 s, 5 min */

/* Money and the value that it is of. */
typedef struct ats_execution_part {
    ats_money_e18 money_e18;
    ats_money_e18 base_e18;
} ats_execution_part;

/* What adds up. */
typedef struct ats_execution_sum {
    ats_money_e18 wanted_e18; /* value at the decision: of all, and of what was filled */
    ats_money_e18 filled_e18;
    ats_money_e18 value_e18; /* at the prices of the fills */
    ats_money_e18 fees_e18;
    ats_execution_part cost[ATS_BENCHMARK_COUNT];
    ats_money_e18 opportunity_e18;
    ats_execution_part before[2]; /* [0] took, [1] made */
    ats_execution_part after[2][ATS_HORIZON_COUNT];
    uint64_t orders; /* sent */
    uint64_t fills;
} ats_execution_sum;

typedef struct ats_execution_order {
    uint64_t parent_id; /* 0: a single order */
    uint64_t order_id;  /* 0: a parent */
    uint32_t strategy_id, symbol_id;
    uint32_t reason;
    uint8_t side;
    uint8_t algorithm;
    uint8_t reserved8[2];
    int64_t decided_ns, ended_ns;
    int64_t decision_e9; /* 0 = not known */
    int64_t arrival_e9;  /* of the order; of a parent its first */
    int64_t end_e9;      /* mid when it ended */
    int64_t qty_e9;      /* wanted */
    int64_t filled_e9;
    ats_execution_sum sum;
} ats_execution_order;

typedef void ats_execution_emit(void *context, const ats_execution_order *row);

typedef struct ats_execution_config {
    uint32_t strategy_count, symbol_count;
    uint32_t capacity; /* a power of two */
    ats_execution_emit *emit;
    void *context;
} ats_execution_config;

typedef struct ats_execution_quality ats_execution_quality;

size_t ats_execution_quality_footprint(const ats_execution_config *config);

/* Lays out in zeroed memory, aligned to 64. */
ats_execution_quality *ats_execution_quality_new(void *memory, const ats_execution_config *config);

/* Time has come to recv_ns: mids that were due before it are taken. */
void ats_execution_time(ats_execution_quality *q, int64_t recv_ns);

/* New price of a symbol; > 0: a mid, or the close of a bar. */
void ats_execution_price(ats_execution_quality *q, uint32_t symbol_id, int64_t price_e9,
                         bool is_mid);
int64_t ats_execution_price_of(const ats_execution_quality *q, uint32_t symbol_id);

/* Earlier prices of the symbol are in another measure now: a split. */
void ats_execution_forget(ats_execution_quality *q, uint32_t symbol_id);

void ats_execution_intent(ats_execution_quality *q, const ats_intent *intent);
void ats_execution_order_sent(ats_execution_quality *q, const ats_order *order);
void ats_execution_exec(ats_execution_quality *q, const ats_exec *exec);

/* Fills that still wait for a mid: how many. */
uint64_t ats_execution_waiting(const ats_execution_quality *q);

/* The data is at its end: emits what is left. */
void ats_execution_end(ats_execution_quality *q);

typedef struct ats_execution_faults {
    uint64_t cut;     /* fills let go before their last mid, for want of room */
    uint64_t lost;    /* orders and parents left out, for want of room */
    uint64_t unknown; /* fills of orders that are not known here */
    uint64_t unsent;  /* parents of which no order was sent: refused, which is no execution */
} ats_execution_faults;
ats_execution_faults ats_execution_faults_of(const ats_execution_quality *q);

void ats_execution_add(ats_execution_sum *to, const ats_execution_sum *from);

/* Mid of a two-sided market that is not crossed; else 0. */
static inline int64_t ats_execution_mid_e9(int64_t bid_e9, int64_t ask_e9)
{
    return bid_e9 > 0 && ask_e9 >= bid_e9 ? bid_e9 + (ask_e9 - bid_e9) / 2 : 0;
}

static inline ats_money_e18 ats_execution_shortfall(const ats_execution_sum *sum)
{
    return sum->cost[ATS_BENCHMARK_DECISION].money_e18 + sum->opportunity_e18 + sum->fees_e18;
}

/* Of fills that took and fills that made together. */
static inline ats_execution_part ats_execution_after(const ats_execution_sum *sum, uint32_t horizon)
{
    const ats_execution_part *took = &sum->after[0][horizon], *made = &sum->after[1][horizon];
    return (ats_execution_part){took->money_e18 + made->money_e18, took->base_e18 + made->base_e18};
}

static inline ats_execution_part ats_execution_before(const ats_execution_sum *sum)
{
    const ats_execution_part *took = &sum->before[0], *made = &sum->before[1];
    return (ats_execution_part){took->money_e18 + made->money_e18, took->base_e18 + made->base_e18};
}

/* 1e4 * money / base; not a number when nothing is known. */
double ats_execution_bps(ats_execution_part part);

#endif
