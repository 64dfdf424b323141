#include "bench/gate.h"

#include "bench/gate_kill.h"
#include "core/affinity.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/random.h"
#include "io/calendar_file.h"
#include "stages/risk/gate.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* all-limits: 500 symbols, 1,000 open orders, 30 positions, a matrix of all 500, every limit on and
 * none in the way. Orders are due every 20 us, open loop; between two of them quotes of five other
 * symbols arrive and an older order ends, as they would in a busy market, so that the gate's memory
 * is as cold as it would be. burst: the same, due every 2 us, which leaves others on the machine no
 * time to push it out of the cache: the difference is memory. kill: see gate_kill.h. */

#define SYMBOLS      500u
#define OPEN_ORDERS  1000u
#define POSITIONS    30u
#define STEP_NS      20000 /* of the gate's own time, from order to order */
#define ORDERS       100000u
#define ROUNDS       10u
#define QUOTES       5u
#define THROWS       200u
#define KILL_EVENTS  400000u
#define KILL_GOAL_NS 1000000u
#define START_NS     (1704205800ll * ATS_E9) /* 2024-01-02 09:30 in New York */
#define CENT         10000000ll

typedef struct bench_gate {
    ats_bench_result *result;
    const ats_bench_options *options;
    ats_symbols symbols;
    ats_calendar_table calendar;
    ats_reference *references;
    ats_reference_table table;
    ats_arena arena; /* as a run has its memory from */
    ats_gate *gate;
    ats_random random;
    uint64_t ids[OPEN_ORDERS]; /* open orders, the oldest at `oldest` */
    uint32_t oldest;
    uint64_t next_id, refused;
    int64_t now_ns;
    int64_t mid_e9[SYMBOLS + 1];
    uint64_t done, total;
} bench_gate;

typedef struct order_flow {
    const char *name;
    uint64_t interval_ns;
} order_flow;

static const order_flow FLOWS[] = {{"all-limits", 20000}, {"burst", 2000}};
#define FLOW_COUNT (sizeof FLOWS / sizeof FLOWS[0])

static int tell(bench_gate *b)
{
    const ats_bench_options *o = b->options;
    b->done++;
    if (o->progress && o->progress(o->context, b->done, b->total))
        return ats_error(ATS_EXIT_INTERRUPTED, "bench: interrupted");
    return 0;
}

static uint32_t below(bench_gate *b, uint32_t n)
{
    return (uint32_t)ats_random_below(&b->random, n);
}

/* ---- setting up ----------------------------------------------------------------------------- */

/* All limits on, as a fund of ten million has them; wide where the load itself would reach them. */
static ats_risk_limits limits(void)
{
    ats_risk_limits l;
    ats_limits_loosest(&l);
    l.collar_bps = 20;
    l.max_drift_bps = 500;
    l.drift_window_s = 300;
    l.max_data_age_ms = 60000;
    l.min_order_qty_e9 = ATS_E9;
    l.max_order_qty_e9 = 10000 * ATS_E9;
    l.min_order_notional_e9 = ATS_E9;
    l.max_order_notional_e9 = 100000 * ATS_E9;
    l.max_volume_share_bps = 100;
    l.duplicate_window_ms = 1;
    l.max_repeats = 60000;
    l.repeat_window_ms = 60000;
    l.max_orders_per_s = 100000;
    l.max_position_bps = 500;
    l.max_gross_bps = 20000;
    l.max_net_bps = 20000;
    l.max_short_bps = 5000;
    l.max_sector_bps = 5000;
    l.max_positions = 500;
    l.buying_power_bps = 40000;
    l.maintenance_long_bps = 2500;
    l.maintenance_short_bps = 3000;
    l.pattern_day_equity_e9 = 25000 * ATS_E9;
    l.max_risk_per_trade_bps = 40;
    l.max_portfolio_risk_bps = 500;
    l.max_correlation_bps = 9000;
    l.max_drawdown_bps = 200;
    l.safe_drawdown_bps = 100;
    return l;
}

static int make_symbols(bench_gate *b)
{
    b->references = calloc(SYMBOLS + 1, sizeof *b->references);
    if (!b->references)
        return ats_error(ATS_EXIT_FAILED, "bench gate: out of memory");
    for (uint32_t i = 1; i <= SYMBOLS; i++) {
        ats_symbol s = {.venue = "US", .symbol_class = ATS_CLASS_EQUITY, .lot_e9 = ATS_E9};
        snprintf(s.text, sizeof s.text, "S%u", i);
        if (!ats_symbols_add(&b->symbols, &s))
            return -1;
        b->references[i] = (ats_reference){.adv_e9 = 1000000 * ATS_E9,
                                           .sector = (uint8_t)(1 + i % 11),
                                           .listed = true,
                                           .easy_to_borrow = true,
                                           .marginable = true};
        b->mid_e9[i] = (20 + (int64_t)below(b, 200)) * ATS_E9;
    }
    b->table = (ats_reference_table){.entry = b->references, .symbol_count = SYMBOLS};
    return ats_calendar_load(&b->calendar, "");
}

static int make_gate(bench_gate *b)
{
    ats_gate_config config = {.symbols = &b->symbols,
                              .limits = limits(),
                              .start_cash_e9 = 10000000 * ATS_E9,
                              .order_capacity = 2048,
                              .fills_kept = ATS_FILLS_KEPT,
                              .calendar = &b->calendar.calendar,
                              .reference = &b->table};
    size_t bytes = ats_gate_footprint(&config);
    if (ats_arena_create(&b->arena, bytes + 64) != 0)
        return -1;
    b->gate = ats_gate_new(ats_arena_take(&b->arena, bytes, 64), &config);
    ats_memory_prefault_code();
    ats_memory_prefault_stack();
    return 0;
}

static void quote(bench_gate *b, uint32_t symbol)
{
    b->mid_e9[symbol] += (int64_t)below(b, 3) * CENT - CENT;
    int64_t mid = b->mid_e9[symbol];
    ats_market m = {
        .quote = {.h = {.kind = ATS_KIND_QUOTE, .symbol_id = symbol, .recv_ns = b->now_ns},
                  .bid_e9 = mid - CENT,
                  .ask_e9 = mid + CENT,
                  .bid_size_e9 = 100 * ATS_E9,
                  .ask_size_e9 = 100 * ATS_E9}};
    ats_gate_market(b->gate, &m);
}

/* Variances of 2 % a day and correlations of 0.3. */
static void send_matrix(bench_gate *b)
{
    for (uint32_t i = 1; i <= SYMBOLS; i++)
        for (uint32_t j = i; j <= SYMBOLS; j++) {
            ats_control c = {
                .h = {.kind = ATS_KIND_CONTROL, .recv_ns = b->now_ns},
                .code = ATS_CONTROL_COVARIANCE,
                .covariance = {.value_e18 = i == j ? 400000000000000ll : 120000000000000ll,
                               .symbol_a = i,
                               .symbol_b = j,
                               .version = 1,
                               .entries = SYMBOLS * (SYMBOLS + 1) / 2}};
            ats_gate_control(b->gate, &c);
            b->gate->event_count = 0;
        }
}

/* An entry a few cents below the market, of some 2,000 in value, by one of 30 strategies. */
static ats_intent entry(bench_gate *b)
{
    uint32_t symbol = 1 + below(b, SYMBOLS);
    int64_t px = b->mid_e9[symbol] - CENT - (int64_t)below(b, 10) * CENT;
    int64_t lots = 1 + (int64_t)below(b, 20);
    return (ats_intent){.h = {.kind = ATS_KIND_INTENT, .symbol_id = symbol, .recv_ns = b->now_ns},
                        .intent_id = b->next_id += ATS_LEG_IDS,
                        .qty_e9 = lots * ATS_E9,
                        .limit_e9 = px,
                        .strategy_id = 1 + below(b, 30),
                        .reason = ATS_REASON_ENTRY_LONG,
                        .action = ATS_INTENT_NEW,
                        .side = ATS_SIDE_BUY,
                        .type = ATS_ORDER_LIMIT,
                        .tif = ATS_TIF_DAY,
                        .stop_distance_e9 = ATS_E9};
}

static void answer(bench_gate *b, uint64_t id, uint32_t symbol, uint32_t type, int64_t qty_e9)
{
    ats_exec x = {.h = {.kind = ATS_KIND_EXEC, .symbol_id = symbol, .recv_ns = b->now_ns},
                  .order_id = id,
                  .exec_id = id,
                  .type = type,
                  .side = ATS_SIDE_BUY,
                  .last_qty_e9 = qty_e9,
                  .last_px_e9 = b->mid_e9[symbol]};
    ats_gate_exec(b->gate, &x);
}

static const ats_gate_switches NONE;

static int fill_gate(bench_gate *b)
{
    uint32_t held = 0, open = 0;
    for (uint32_t i = 1; i <= SYMBOLS; i++)
        quote(b, i);
    for (uint32_t tries = 0; open < OPEN_ORDERS && tries < 100000; tries++) {
        b->now_ns += STEP_NS;
        ats_intent i = entry(b);
        ats_verdict v = {0};
        if (held < POSITIONS)
            i.h.symbol_id = 1 + held * 16, i.limit_e9 = b->mid_e9[i.h.symbol_id] - CENT;
        if (ats_gate_decide(b->gate, &i, &NONE, &v) != ATS_CHECK_PASS)
            continue;
        if (held < POSITIONS) {
            answer(b, i.intent_id, i.h.symbol_id, ATS_EXEC_FILL, i.qty_e9);
            held++;
        } else {
            b->ids[open++] = i.intent_id;
        }
    }
    if (open < OPEN_ORDERS || b->gate->portfolio->open_positions != POSITIONS)
        return ats_error(ATS_EXIT_FAILED, "bench gate: %u orders and %u positions only", open,
                         b->gate->portfolio->open_positions);
    return 0;
}

/* ---- all-limits, burst ---------------------------------------------------------------------- */

/* What happens in the market until the next order. */
static void between(bench_gate *b)
{
    for (uint32_t q = 0; q < QUOTES; q++)
        quote(b, 1 + below(b, SYMBOLS));
    const ats_order_entry *e = ats_order_table_find(b->gate->open, b->ids[b->oldest]);
    if (e)
        answer(b, e->order_id, e->symbol_id, ATS_EXEC_CANCELED, 0);
    b->gate->event_count = 0;
}

/* What is timed of an order. */
enum { JUDGED, EXPLAINED, NOTHING, WAYS };

/* One order, from the moment it was due. */
static void one_order(bench_gate *b, const ats_clock *clock, uint64_t due_ns, int way,
                      ats_histogram *latency)
{
    ats_verdict v = {0};
    ats_gate_sums sums;
    b->now_ns += STEP_NS;
    between(b);
    ats_intent i = entry(b);
    quote(b, i.h.symbol_id); /* what the order is a reaction to */
    uint64_t now;
    while ((now = ats_clock_now(clock)) < due_ns)
        ;
    if (way != NOTHING)
        ats_gate_judge(b->gate, &i, &NONE, &v, &sums);
    if (way == EXPLAINED)
        ats_gate_explain(&v, &sums);
    uint64_t done = ats_clock_now(clock);
    ats_histogram_record(latency, done - due_ns);
    if (way == NOTHING)
        ats_gate_judge(b->gate, &i, &NONE, &v, &sums);
    b->refused += v.check != ATS_CHECK_PASS;
    b->ids[b->oldest] = v.check == ATS_CHECK_PASS ? i.intent_id : 0;
    b->oldest = (b->oldest + 1) % OPEN_ORDERS;
}

static ats_histogram *new_histogram(void)
{
    void *memory = aligned_alloc(128, (ats_histogram_footprint() + 127) & ~(size_t)127);
    if (!memory)
        ats_error(ATS_EXIT_FAILED, "bench: out of memory");
    return memory ? ats_histogram_new(memory) : NULL;
}

static void add_orders_rows(bench_gate *b, const order_flow *flow,
                            ats_histogram *const latency[WAYS], double seconds)
{
    static const char *const CONTENDERS[] = {"ats", "ats, verdict", "no gate"};
    for (int way = 0; way < WAYS; way++) {
        ats_bench_row *row =
            ats_bench_add_row(b->result, flow->name, CONTENDERS[way], latency[way], 1,
                              way == JUDGED ? (double)WAYS * ORDERS / seconds : 0);
        if (!row)
            continue;
        if (way == JUDGED)
            snprintf(row->note, sizeof row->note,
                     "due every %llu us; %u symbols, %u open orders, %u positions, a matrix of %u; "
                     "%llu of %u refused",
                     (unsigned long long)flow->interval_ns / 1000, SYMBOLS, b->gate->open->count,
                     b->gate->portfolio->open_positions, SYMBOLS, (unsigned long long)b->refused,
                     WAYS * ORDERS);
        else if (way == EXPLAINED)
            snprintf(row->note, sizeof row->note, "with the sums of its verdict rounded, for which "
                                                  "no order waits");
        else
            snprintf(row->note, sizeof row->note, "the harness alone: two looks at the clock");
    }
}

static int add_orders(bench_gate *b, const order_flow *flow)
{
    ats_histogram *latency[WAYS] = {new_histogram(), new_histogram(), new_histogram()};
    const ats_clock *clock = &b->result->clock;
    cpu_set_t all;
    pthread_getaffinity_np(pthread_self(), sizeof all, &all);
    int status = latency[0] && latency[1] && latency[2] ? ats_thread_pin(b->result->cpus[0]) : -1;
    uint64_t start = ats_clock_now(clock);
    b->refused = 0;
    for (uint64_t round = 0; status == 0 && round < ROUNDS; round++) {
        for (int way = 0; way < WAYS; way++) {
            uint64_t due = ats_clock_now(clock) + 10 * flow->interval_ns;
            for (uint64_t k = 0; k < ORDERS / ROUNDS; k++, due += flow->interval_ns)
                one_order(b, clock, due, way, latency[way]);
        }
        status = tell(b);
    }
    double seconds = (double)(ats_clock_now(clock) - start) / 1e9;
    pthread_setaffinity_np(pthread_self(), sizeof all, &all);
    if (status == 0)
        add_orders_rows(b, flow, latency, seconds);
    if (status == 0 && !ats_gate_check(b->gate))
        status = ats_error(ATS_EXIT_FAILED, "bench gate: the gate's sums do not hold");
    for (int way = 0; way < WAYS; way++)
        free(latency[way]);
    return status;
}

/* ---- kill ----------------------------------------------------------------------------------- */

static int add_kill(bench_gate *b)
{
    ats_workload workload = {0};
    ats_model *model = NULL;
    ats_histogram *latency = new_histogram();
    uint64_t late = 0, slow = 0;
    int status = latency ? ats_workload_make(&workload, KILL_EVENTS, 8, 1) : -1;
    if (status == 0)
        status = ats_workload_model(&workload, 10, 4, 2, &model);
    for (uint32_t i = 0; status == 0 && i < THROWS; i++) {
        uint64_t last_ns = 0, orders = 0;
        status = ats_gate_kill_throw(&workload, model, b->result->cpus, i, &last_ns, &orders);
        ats_histogram_record(latency, last_ns);
        late += orders;
        slow += last_ns > KILL_GOAL_NS;
        if (status == 0)
            status = tell(b);
    }
    if (status == 0) {
        ats_bench_row *row = ats_bench_add_row(b->result, "kill", "ats", latency, 1, 0);
        if (row)
            snprintf(row->note, sizeof row->note,
                     "throw to the last order seen sent; %u throws into a flood: %llu orders "
                     "after, %llu "
                     "throws over 1 ms; one hot thread",
                     THROWS, (unsigned long long)late, (unsigned long long)slow);
    }
    ats_model_free(model);
    ats_workload_free(&workload);
    free(latency);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int run(ats_bench_result *result, const ats_bench_options *options)
{
    bench_gate *b = calloc(1, sizeof *b);
    if (!b)
        return ats_error(ATS_EXIT_FAILED, "bench gate: out of memory");
    b->result = result;
    b->options = options;
    b->now_ns = START_NS;
    bool two = result->cpu_count >= 2;
    b->total = FLOW_COUNT * ROUNDS + (two ? THROWS : 0);
    ats_random_seed(&b->random, 5);
    ats_bench_say(result, "An order through all checks of the gate, from the moment it was due.");
    int status = make_symbols(b);
    if (status == 0)
        status = make_gate(b);
    if (status == 0) {
        send_matrix(b);
        status = fill_gate(b);
    }
    for (size_t i = 0; status == 0 && i < FLOW_COUNT; i++)
        status = add_orders(b, &FLOWS[i]);
    if (status == 0 && two)
        status = add_kill(b);
    else if (status == 0)
        ats_bench_say(result, "One CPU only: no kill switch.");
    ats_arena_destroy(&b->arena);
    free(b->references);
    ats_calendar_free(&b->calendar);
    ats_symbols_free(&b->symbols);
    free(b);
    return status;
}

const ats_bench_module ats_bench_gate = {
    .name = "gate",
    .purpose = "an order through all checks, open loop; and the kill switch under load",
    .run = run,
};
