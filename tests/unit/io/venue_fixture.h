/* A simulated venue with one equity (symbol 1), one that never closes (2), and the calendar: for
 * tests of the venue alone. Prices in cents, quantities in shares, times in ms after the open. */
#ifndef ATS_TESTS_VENUE_FIXTURE_H
#define ATS_TESTS_VENUE_FIXTURE_H

#include "calc/order_legs.h"
#include "io/calendar_file.h"
#include "io/venue/venue_sim.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define E9    ATS_E9
#define CENT  10000000ll
#define MS    1000000ll
#define OPEN  (1704205800ll * ATS_E9)   /* 2024-01-02 09:30 in New York */
#define DAY   (6 * 3600000ll + 1800000) /* ms of a regular session */
#define NIGHT (24 * 3600000ll)
#define OUT   10 /* ms to the venue, and back */
#define BACK  5
#define SOON  40 /* ms in which an order is answered that was sent while others were answered */

static ats_venue_sim *venue;
static ats_exec x;
static ats_symbols symbols;
static ats_calendar_table calendar;
static int64_t clock_ms;
static uint64_t last_id;

static inline int64_t at(int64_t ms)
{
    return OPEN + ms * MS;
}

/* What a test does not set is as before: no queue, no share, no slippage, nothing lost. */
static inline void open_venue(ats_venue_sim_config c)
{
    const ats_symbol equity = {.text = "AAA", .venue = "US", .symbol_class = ATS_CLASS_EQUITY};
    const ats_symbol coin = {
        .text = "BBB", .venue = "X", .tick_e9 = CENT, .symbol_class = ATS_CLASS_CRYPTO_SPOT};
    ats_symbols_add(&symbols, &equity);
    ats_symbols_add(&symbols, &coin);
    if (!calendar.session)
        cr_assert_eq(ats_calendar_load(&calendar, NULL), 0);
    c.out_base_ns = OUT * MS;
    c.back_base_ns = BACK * MS;
    c.order_capacity = 64;
    c.symbol_count = 2;
    c.symbols = &symbols;
    c.calendar = &calendar.calendar;
    size_t bytes = (ats_venue_sim_footprint(&c) + 127) & ~(size_t)127;
    free(venue); /* of the same test, before */
    void *memory = aligned_alloc(128, bytes);
    memset(memory, 0, bytes);
    venue = ats_venue_sim_new(memory, &c);
    clock_ms = 0;
    last_id = 0;
}

/* Runs to the next answer that is there by then; its type, or 0. */
static inline uint32_t next(int64_t until_ms)
{
    while (ats_venue_sim_next_due(venue) <= at(until_ms))
        if (ats_venue_sim_run_due(venue, &x))
            return x.type;
    return 0;
}

static inline void expect(uint64_t id, uint32_t type, int64_t until_ms)
{
    uint32_t got = next(until_ms);
    cr_assert_eq(got, type, "%s, not %s", ats_exec_type_label(got), ats_exec_type_label(type));
    cr_assert_eq(x.order_id, id, "of order %lu, not %lu", (unsigned long)x.order_id,
                 (unsigned long)id);
}

static inline void expect_fill(uint64_t id, int64_t shares, int64_t cents, int64_t until_ms)
{
    expect(id, ATS_EXEC_FILL, until_ms);
    cr_assert_eq(x.last_qty_e9, shares * E9, "%g shares", (double)x.last_qty_e9 / 1e9);
    cr_assert_eq(x.last_px_e9, cents * CENT, "at %g", (double)x.last_px_e9 / 1e9);
}

/* Nothing more by then. */
static inline void expect_nothing(int64_t until_ms)
{
    uint32_t got = next(until_ms);
    cr_assert_eq(got, 0, "%s of %lu", ats_exec_type_label(got), (unsigned long)x.order_id);
}

static inline void show(const ats_market *m)
{
    ats_venue_sim_foresee(venue, m);
    while (ats_venue_sim_next_due(venue) <= m->h.recv_ns)
        cr_assert_not(ats_venue_sim_run_due(venue, &x), "%s of %lu was not expected",
                      ats_exec_type_label(x.type), (unsigned long)x.order_id);
    ats_venue_sim_market(venue, m);
}

static inline void quote_of(uint32_t symbol, int64_t ms, int64_t bid, int64_t bid_size, int64_t ask,
                            int64_t ask_size)
{
    ats_market m = {.quote = {.h = {.kind = ATS_KIND_QUOTE, .symbol_id = symbol, .recv_ns = at(ms)},
                              .bid_e9 = bid * CENT,
                              .ask_e9 = ask * CENT,
                              .bid_size_e9 = bid_size * E9,
                              .ask_size_e9 = ask_size * E9}};
    show(&m);
}

static inline void quote(int64_t ms, int64_t bid, int64_t bid_size, int64_t ask, int64_t ask_size)
{
    quote_of(1, ms, bid, bid_size, ask, ask_size);
}

static inline void print(int64_t ms, int64_t cents, int64_t shares, char condition)
{
    ats_market m = {.trade = {.h = {.kind = ATS_KIND_TRADE, .symbol_id = 1, .recv_ns = at(ms)},
                              .px_e9 = cents * CENT,
                              .qty_e9 = shares * E9,
                              .condition = {(uint8_t)condition, ' ', ' ', ' '}}};
    show(&m);
}

static inline void status(int64_t ms, uint32_t code, int64_t low, int64_t high)
{
    ats_market m = {.status = {.h = {.kind = ATS_KIND_STATUS, .symbol_id = 1, .recv_ns = at(ms)},
                               .code = code,
                               .band_low_e9 = low * CENT,
                               .band_high_e9 = high * CENT}};
    show(&m);
}

static inline ats_order order(uint8_t side, int64_t shares, uint8_t type, uint8_t tif)
{
    return (ats_order){.h = {.kind = ATS_KIND_ORDER, .symbol_id = 1},
                       .qty_e9 = shares * E9,
                       .account_id = 7,
                       .action = ATS_INTENT_NEW,
                       .side = side,
                       .type = type,
                       .tif = tif};
}

static inline ats_order limit(uint8_t side, int64_t shares, int64_t cents, uint8_t tif)
{
    ats_order o = order(side, shares, ATS_ORDER_LIMIT, tif);
    o.limit_e9 = cents * CENT;
    return o;
}

static inline ats_order stop(uint8_t side, int64_t shares, int64_t cents)
{
    ats_order o = order(side, shares, ATS_ORDER_STOP, ATS_TIF_DAY);
    o.stop_e9 = cents * CENT;
    return o;
}

static inline ats_order bracket(int64_t shares, int64_t cents, int64_t target, int64_t stop_at)
{
    ats_order o = limit(ATS_SIDE_BUY, shares, cents, ATS_TIF_DAY);
    o.order_class = ATS_ORDER_CLASS_BRACKET;
    o.target_e9 = target * CENT;
    o.stop_leg_e9 = stop_at * CENT;
    return o;
}

/* Sends; its id. Ids leave room for legs. */
static inline uint64_t send(ats_order o, int64_t ms)
{
    o.h.recv_ns = at(ms);
    o.order_id = last_id + 1;
    last_id += ATS_LEG_IDS;
    ats_venue_sim_send(venue, &o);
    return o.order_id;
}

static inline void cancel(uint64_t target, int64_t ms)
{
    ats_order o = order(ATS_SIDE_BUY, 1, ATS_ORDER_LIMIT, ATS_TIF_DAY);
    o.action = ATS_INTENT_CANCEL;
    o.target_order_id = target;
    send(o, ms);
}

static inline uint64_t replace(uint64_t target, ats_order o, int64_t seen_filled, int64_t ms)
{
    o.action = ATS_INTENT_REPLACE;
    o.target_order_id = target;
    o.target_cum_qty_e9 = seen_filled * E9;
    return send(o, ms);
}

/* Sends, and takes its acceptance. */
static inline uint64_t accepted(ats_order o, int64_t ms)
{
    uint64_t id = send(o, ms);
    expect(id, ATS_EXEC_ACCEPTED, ms + SOON);
    return id;
}

static inline void expect_rejected(ats_order o, int64_t ms, uint32_t check)
{
    uint64_t id = send(o, ms);
    expect(id, ATS_EXEC_REJECTED, ms + SOON);
    cr_assert_eq(x.check, check, "%s, not %s", ats_check_label(x.check), ats_check_label(check));
}

#endif
