/* A gate of a few symbols with a market, for tests; every limit at its loosest unless the test
 * tightens it. */
#ifndef ATS_TESTS_GATE_FIXTURE_H
#define ATS_TESTS_GATE_FIXTURE_H

#include "core/random.h"
#include "io/calendar_file.h"
#include "stages/risk/gate_case.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define E9   ATS_E9
#define SEC  ATS_E9
#define CENT 10000000ll
#define NOW  (1704205800ll * SEC) /* 2024-01-02 09:30 in New York */
#define DAY  (86400 * SEC)

static ats_symbols symbols;
static ats_gate *gate;
static uint64_t next_id, next_exec;
static ats_gate_switches switches;
static ats_verdict verdict;
static ats_reference references[8];
static ats_reference_table table;
static int64_t now_ns;

static inline ats_risk_limits wide(void)
{
    ats_risk_limits l;
    ats_limits_loosest(&l);
    return l;
}

static inline void market(const ats_market *m)
{
    ats_gate_market(gate, m);
}

static inline void quote_at(uint32_t symbol, int64_t bid_e9, int64_t ask_e9, int64_t at_ns)
{
    ats_market m = {.quote = {.h = {.kind = ATS_KIND_QUOTE, .symbol_id = symbol, .recv_ns = at_ns},
                              .bid_e9 = bid_e9,
                              .ask_e9 = ask_e9,
                              .bid_size_e9 = 100 * E9,
                              .ask_size_e9 = 100 * E9}};
    now_ns = at_ns;
    market(&m);
}

static inline void quote(uint32_t symbol, int64_t bid_e9, int64_t ask_e9)
{
    quote_at(symbol, bid_e9, ask_e9, now_ns);
}

static inline void status(uint32_t symbol, uint32_t code, int64_t low_e9, int64_t high_e9)
{
    ats_market m = {
        .status = {.h = {.kind = ATS_KIND_STATUS, .symbol_id = symbol, .recv_ns = now_ns},
                   .code = code,
                   .band_low_e9 = low_e9,
                   .band_high_e9 = high_e9}};
    market(&m);
}

static inline void clock_at(int64_t at_ns)
{
    ats_market m = {.h = {.kind = ATS_KIND_CLOCK, .recv_ns = at_ns}};
    now_ns = at_ns;
    market(&m);
}

static inline void control(ats_control c)
{
    c.h = (ats_header){.kind = ATS_KIND_CONTROL, .recv_ns = now_ns};
    ats_gate_control(gate, &c);
}

static inline void open_gate_with(ats_gate_config config, int64_t at_ns)
{
    size_t bytes = (ats_gate_footprint(&config) + 63) & ~(size_t)63;
    free(gate);
    void *memory = aligned_alloc(64, bytes);
    memset(memory, 0, bytes);
    gate = ats_gate_new(memory, &config);
    next_id = next_exec = 0;
    switches = (ats_gate_switches){0};
    now_ns = at_ns;
    for (uint32_t s = 1; s <= symbols.count; s++)
        quote(s, 100 * E9, 100 * E9 + CENT);
}

/* Four equities at 100.00 x 100.01, then a crypto pair; 100,000 in cash. */
static inline ats_gate_config make_config(ats_risk_limits limits)
{
    static const char *const NAMES[] = {"AAA", "BBB", "CCC", "DDD", "XYZUSD"};
    ats_symbols_free(&symbols);
    symbols = (ats_symbols){0};
    for (uint32_t i = 0; i < 5; i++) {
        ats_symbol s = {.venue = "US",
                        .symbol_class = i < 4 ? ATS_CLASS_EQUITY : ATS_CLASS_CRYPTO_SPOT,
                        .tick_e9 = CENT,
                        .lot_e9 = E9};
        strcpy(s.text, NAMES[i]);
        ats_symbols_add(&symbols, &s);
    }
    return (ats_gate_config){.symbols = &symbols,
                             .limits = limits,
                             .start_cash_e9 = 100000 * E9,
                             .order_capacity = 64,
                             .fills_kept = 1024};
}

static inline void open_gate(ats_risk_limits limits)
{
    open_gate_with(make_config(limits), NOW);
}

/* With the calendar of the US exchanges, at this time. */
static inline void open_gate_on(ats_risk_limits limits, int64_t at_ns)
{
    static ats_calendar_table calendar;
    if (!calendar.session)
        cr_assert_eq(ats_calendar_load(&calendar, ""), 0);
    ats_gate_config config = make_config(limits);
    config.calendar = &calendar.calendar;
    open_gate_with(config, at_ns);
}

/* With a table of reference data, which the test has filled in. */
static inline void open_gate_knowing(ats_risk_limits limits)
{
    table = (ats_reference_table){.entry = references, .symbol_count = 5};
    ats_gate_config config = make_config(limits);
    config.reference = &table;
    open_gate_with(config, NOW);
}

static inline ats_intent order(uint8_t side, int64_t qty_e9, int64_t limit_e9)
{
    return (ats_intent){.h = {.kind = ATS_KIND_INTENT, .symbol_id = 1, .recv_ns = now_ns},
                        .qty_e9 = qty_e9,
                        .limit_e9 = limit_e9,
                        .action = ATS_INTENT_NEW,
                        .side = side,
                        .type = ATS_ORDER_LIMIT,
                        .tif = ATS_TIF_DAY,
                        .strategy_id = 1,
                        .stop_distance_e9 = E9};
}

static inline ats_intent buy(int64_t qty_e9, int64_t limit_e9)
{
    return order(ATS_SIDE_BUY, qty_e9, limit_e9);
}

static inline ats_intent sell(int64_t qty_e9, int64_t limit_e9)
{
    return order(ATS_SIDE_SELL, qty_e9, limit_e9);
}

static inline ats_intent reducing(ats_intent i)
{
    i.intent_flags |= ATS_INTENT_REDUCE_ONLY;
    return i;
}

static inline ats_check decide(ats_intent i)
{
    memset(&verdict, 0, sizeof verdict);
    i.intent_id = next_id += 3; /* room for legs */
    return ats_gate_decide(gate, &i, &switches, &verdict);
}

static inline ats_exec answer_of(uint64_t id, uint32_t type)
{
    const ats_order_entry *e = ats_order_table_find(gate->open, id);
    return (ats_exec){
        .h = {.kind = ATS_KIND_EXEC, .symbol_id = e ? e->symbol_id : 1, .recv_ns = now_ns},
        .order_id = id,
        .exec_id = ++next_exec,
        .type = type,
        .side = e ? e->side : ATS_SIDE_BUY};
}

static inline bool answer(uint64_t id, uint32_t type)
{
    ats_exec x = answer_of(id, type);
    return ats_gate_exec(gate, &x);
}

static inline bool fill(uint64_t id, int64_t qty_e9, int64_t px_e9)
{
    ats_exec x = answer_of(id, ATS_EXEC_FILL);
    x.last_qty_e9 = qty_e9;
    x.last_px_e9 = px_e9;
    return ats_gate_exec(gate, &x);
}

#define EXPECT(intent, check)                                                                      \
    do {                                                                                           \
        ats_check got_ = decide(intent);                                                           \
        cr_assert_eq(got_, check, "%s instead of %s", ats_check_label(got_),                       \
                     ats_check_label(check));                                                      \
        cr_assert(ats_gate_check(gate));                                                           \
    } while (0)
#define PASSES(intent) EXPECT(intent, ATS_CHECK_PASS)

/* Buys n of symbol 1 at the offer and gets them. */
static inline void hold(int64_t n)
{
    PASSES(buy(n * E9, gate->symbol[1].ask_e9));
    cr_assert(fill(next_id, n * E9, gate->symbol[1].ask_e9));
}

/* Was this told to the tap since the last look? Forgets what was. */
static inline bool told_env(uint32_t code)
{
    bool found = false;
    for (uint32_t i = 0; i < gate->event_count; i++)
        found |= gate->events[i].code == code;
    gate->event_count = 0;
    return found;
}

#endif
