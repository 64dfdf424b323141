/* The strategy alone: each rule at its threshold, one step inside and one step outside. */
#include "tests/unit/stages/stage_fixture.h"

#include "stages/strategy/strategy.h"

#include <math.h>

#define E9    ATS_E9
#define CENT  10000000ll
#define SEC   ATS_E9
#define MS    1000000ll
#define NOW   (1704205800ll * SEC) /* 14:30:00 UTC */
#define NOW_S (14 * 3600 + 30 * 60)

enum { CHAIN = 0, FEEDBACK = 1, TAP = 1 };
/* AAA: tick 0.01, lot 1. PENNY: no tick of its own, lot 300. The others are as AAA. */
enum { AAA = 1, PENNY = 2, SYMBOLS = 20 };

static stage_fixture fixture;
static ats_strategy_config config;
static uint64_t intents;  /* seen so far */
static ats_intent intent; /* the last one */
static uint64_t event_seq;

static void open_strategy(void)
{
    stage_fixture_symbol(&fixture, "AAA", CENT, E9);
    stage_fixture_symbol(&fixture, "PENNY", 0, 300 * E9);
    for (char text[] = "QA"; fixture.symbols.count < SYMBOLS; text[1]++)
        stage_fixture_symbol(&fixture, text, CENT, E9);
    stage_fixture_context(&fixture);
    config = (ats_strategy_config){.context = &fixture.context,
                                   .params = {.entry_margin = 0.5f,
                                              .exit_margin = 0.25f,
                                              .notional_e9 = 2000 * E9,
                                              .stop_bps = 30,
                                              .max_hold_s = 60,
                                              .offset_bps = 2,
                                              .max_spread_bps = 10,
                                              .cooldown_ms = 500,
                                              .flat_at_s = -1,
                                              .allow_short = true},
                                   .account_id = 7,
                                   .strategy_id = 3};
    cr_assert_eq(stage_fixture_start(&fixture, &ats_stage_strategy, &config, 64, 64), 0);
}

static void close_strategy(void)
{
    stage_fixture_close(&fixture);
}

TestSuite(strategy, .init = open_strategy, .fini = close_strategy);

/* Runs what waits. True when it made an intent, which is then in `intent`; the tap has the same. */
static bool decides(void)
{
    uint64_t before = intents;
    while (stage_fixture_work(&fixture) > 0) {
    }
    const ats_header *h;
    while ((h = stage_fixture_take(&fixture, CHAIN)) != NULL) {
        if (h->kind != ATS_KIND_INTENT)
            continue;
        memcpy(&intent, h, sizeof intent);
        intents++;
        const ats_intent *tapped = stage_fixture_take(&fixture, TAP);
        cr_assert(tapped && !memcmp(tapped, &intent, sizeof intent), "the tap has it, too");
    }
    cr_assert_leq(intents - before, 1);
    return intents > before;
}

static uint8_t quote_flags; /* of the quotes to come */

static bool quote_of(uint32_t symbol, int64_t bid_e9, int64_t ask_e9, int64_t at_ns)
{
    ats_market m = {.quote = {.h = {.kind = ATS_KIND_QUOTE,
                                    .flags = ATS_FLAG_END_OF_EVENT,
                                    .symbol_id = symbol,
                                    .event_seq = ++event_seq,
                                    .recv_ns = at_ns},
                              .bid_e9 = bid_e9,
                              .ask_e9 = ask_e9,
                              .quote_flags = quote_flags}};
    stage_fixture_put(&fixture, CHAIN, &m);
    return decides();
}

static bool quote(int64_t bid_e9, int64_t ask_e9, int64_t at_ns)
{
    return quote_of(AAA, bid_e9, ask_e9, at_ns);
}

static float confidence; /* of the signals to come */

static bool signal_of(uint32_t symbol, float score, int64_t at_ns)
{
    ats_signal s = {.h = {.kind = ATS_KIND_SIGNAL,
                          .flags = ATS_FLAG_END_OF_EVENT,
                          .symbol_id = symbol,
                          .sub = 1,
                          .event_seq = event_seq,
                          .recv_ns = at_ns},
                    .model_id = 4,
                    .score = score,
                    .confidence = confidence};
    stage_fixture_put(&fixture, CHAIN, &s);
    return decides();
}

static bool scored(float score, int64_t at_ns)
{
    return signal_of(AAA, score, at_ns);
}

/* The broker's or the gate's answer to the last intent. */
static void answer(uint32_t type, int64_t qty_e9, int64_t px_e9, int64_t leaves_e9, int64_t at_ns)
{
    ats_exec x = {.h = {.kind = ATS_KIND_EXEC, .symbol_id = intent.h.symbol_id, .recv_ns = at_ns},
                  .order_id = intent.intent_id,
                  .type = type,
                  .last_qty_e9 = qty_e9,
                  .last_px_e9 = px_e9,
                  .leaves_qty_e9 = leaves_e9,
                  .side = intent.side,
                  .reason = intent.reason};
    stage_fixture_put(&fixture, FEEDBACK, &x);
    cr_assert(!decides(), "an answer alone decides nothing");
}

static void filled(int64_t px_e9, int64_t at_ns)
{
    answer(ATS_EXEC_FILL, intent.qty_e9, px_e9, 0, at_ns);
}

/* Holds 19 shares, long or short, from NOW on at 100.00. */
static void hold(bool is_long)
{
    cr_assert(!quote(100 * E9, 100 * E9 + CENT, NOW));
    cr_assert(scored(is_long ? 0.5f : -0.5f, NOW));
    cr_assert_eq(intent.qty_e9, (is_long ? 19 : 20) * E9);
    filled(100 * E9, NOW);
}

static float just_below(float x)
{
    return nextafterf(x, -INFINITY);
}

static float just_above(float x)
{
    return nextafterf(x, INFINITY);
}

/* ---- entries -------------------------------------------------------------------------------- */

Test(strategy, enters_with_the_confidence_wanted_and_not_below)
{
    config.params.min_confidence = 0.75f;
    quote(100 * E9, 100 * E9 + CENT, NOW);
    confidence = just_below(0.75f);
    cr_assert(!scored(9.0f, NOW));
    confidence = NAN;
    cr_assert(!scored(9.0f, NOW));
    confidence = 0.75f;
    cr_assert(scored(9.0f, NOW));
    filled(100 * E9, NOW);
    confidence = 0.0f; /* what was bought is sold without it */
    cr_assert(scored(-9.0f, NOW + E9));
    cr_assert_eq(intent.reason, ATS_REASON_EXIT_SIGNAL);
}

Test(strategy, enters_long_at_the_margin_and_not_below)
{
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(!scored(just_below(0.5f), NOW));
    cr_assert(!scored(NAN, NOW), "a score that is none is no reason");
    cr_assert(scored(0.5f, NOW));
    cr_assert_eq(intent.reason, ATS_REASON_ENTRY_LONG);
    cr_assert_eq(intent.side, ATS_SIDE_BUY);
    cr_assert_eq(intent.action, ATS_INTENT_NEW);
    cr_assert_eq(intent.type, ATS_ORDER_LIMIT);
    cr_assert_eq(intent.tif, ATS_TIF_IOC);
    cr_assert_eq(intent.intent_flags, 0);
    cr_assert_eq(intent.intent_id, 1);
    cr_assert_eq(intent.h.symbol_id, AAA);
    cr_assert_eq(intent.h.event_seq, event_seq, "it belongs to the event that caused it");
    cr_assert_eq(intent.h.sub, 2, "and comes behind the signal");
    cr_assert_eq(intent.h.recv_ns, NOW);
    cr_assert_eq(intent.account_id, 7);
    cr_assert_eq(intent.strategy_id, 3);
    cr_assert_eq(intent.model_id, 4);
    cr_assert_eq(intent.score, 0.5f);
    cr_assert_eq(intent.bid_e9, 100 * E9);
    cr_assert_eq(intent.ask_e9, 100 * E9 + CENT);
    cr_assert_eq(intent.stop_distance_e9, intent.limit_e9 * 30 / 10000);
}

Test(strategy, enters_short_at_the_margin_and_not_above)
{
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(!scored(just_above(-0.5f), NOW));
    cr_assert(scored(-0.5f, NOW));
    cr_assert_eq(intent.reason, ATS_REASON_ENTRY_SHORT);
    cr_assert_eq(intent.side, ATS_SIDE_SELL);
    cr_assert_eq(intent.intent_flags, 0);
}

Test(strategy, sells_nothing_short_where_that_is_not_allowed)
{
    config.params.allow_short = false;
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(!scored(-0.5f, NOW));
    cr_assert(!scored(-100.0f, NOW));
    cr_assert(scored(0.5f, NOW), "but it buys");
}

Test(strategy, enters_at_the_widest_spread_and_no_wider)
{
    /* 0.10 of a mid of 100: 10 bps. */
    quote(100 * E9 - 5 * CENT, 100 * E9 + 5 * CENT + 1, NOW);
    cr_assert(!scored(1.0f, NOW));
    cr_assert(!scored(-1.0f, NOW));
    quote(100 * E9 - 5 * CENT, 100 * E9 + 5 * CENT, NOW);
    cr_assert(scored(1.0f, NOW));
}

Test(strategy, needs_a_market_of_two_sides_that_do_not_touch)
{
    cr_assert(!scored(1.0f, NOW), "no quote yet");
    quote(0, 100 * E9, NOW);
    cr_assert(!scored(1.0f, NOW));
    quote(100 * E9, 0, NOW);
    cr_assert(!scored(1.0f, NOW));
    quote(100 * E9, 100 * E9, NOW);
    cr_assert(!scored(1.0f, NOW), "locked");
    quote(100 * E9 + CENT, 100 * E9, NOW);
    cr_assert(!scored(1.0f, NOW), "crossed");
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(scored(1.0f, NOW));
}

Test(strategy, enters_nothing_on_a_marked_quote_but_leaves)
{
    quote_flags = ATS_QUOTE_HALTED;
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(!scored(1.0f, NOW));
    quote_flags = 0;
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(scored(1.0f, NOW));
    answer(ATS_EXEC_FILL, intent.qty_e9, intent.limit_e9, 0, NOW);
    quote_flags = ATS_QUOTE_HALTED;
    cr_assert(quote(90 * E9, 90 * E9 + CENT, NOW + SEC), "the stop does not wait");
    quote_flags = 0;
}

Test(strategy, prices_on_the_tick_that_is_further_away)
{
    /* 2 bps beyond 100.01: 0.020002. */
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(scored(0.5f, NOW));
    cr_assert_eq(intent.limit_e9, 100 * E9 + 4 * CENT, "100.030002, up to the next cent");
    answer(ATS_EXEC_REFUSED, 0, 0, 0, NOW - SEC);
    quote(100 * E9 + CENT, 100 * E9 + 2 * CENT, NOW);
    cr_assert(scored(-0.5f, NOW));
    cr_assert_eq(intent.limit_e9, 99 * E9 + 98 * CENT, "99.989998, down to the next cent");
    answer(ATS_EXEC_REFUSED, 0, 0, 0, NOW - SEC);
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(scored(-0.5f, NOW));
    cr_assert_eq(intent.limit_e9, 99 * E9 + 98 * CENT, "on a cent it stays");
}

Test(strategy, takes_the_price_step_of_rule_612_where_the_symbol_has_none)
{
    const int64_t step = 100000; /* 0.0001 below one dollar */
    config.params.notional_e9 = 2000 * E9;
    quote_of(PENNY, E9 / 2, E9 / 2 + step, NOW);
    cr_assert(signal_of(PENNY, 0.5f, NOW));
    cr_assert_eq(intent.limit_e9, E9 / 2 + 3 * step, "0.50020002, up to the next 0.0001");
    answer(ATS_EXEC_REFUSED, 0, 0, 0, NOW - SEC);
    quote_of(PENNY, 2 * E9, 2 * E9 + step, NOW);
    cr_assert(signal_of(PENNY, 0.5f, NOW));
    cr_assert_eq(intent.limit_e9, 2 * E9 + CENT, "2.00050002, up to the next cent");
}

Test(strategy, sizes_in_whole_lots_that_the_notional_pays)
{
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(scored(0.5f, NOW));
    cr_assert_eq(intent.qty_e9, 19 * E9, "2000 / 100.01 = 19.998");
    answer(ATS_EXEC_REFUSED, 0, 0, 0, NOW - SEC);
    cr_assert(scored(-0.5f, NOW));
    cr_assert_eq(intent.qty_e9, 20 * E9, "2000 / 100.00");
    quote_of(PENNY, E9 / 2, E9 / 2 + 100000, NOW);
    cr_assert(signal_of(PENNY, 0.5f, NOW));
    cr_assert_eq(intent.qty_e9, 3900 * E9, "3999.2 shares in lots of 300");
}

Test(strategy, enters_nothing_when_the_notional_does_not_pay_a_lot)
{
    quote(2000 * E9, 2000 * E9 + CENT, NOW);
    cr_assert(!scored(1.0f, NOW), "2000.01 a share");
    cr_assert(scored(-1.0f, NOW), "2000.00 a share");
    cr_assert_eq(intent.qty_e9, E9);
    quote_of(PENNY, 6 * E9 + 66 * CENT, 6 * E9 + 67 * CENT, NOW);
    cr_assert(!signal_of(PENNY, 1.0f, NOW), "300 shares at 6.67 are 2001.00");
}

/* ---- one working order ---------------------------------------------------------------------- */

Test(strategy, has_one_working_order_a_symbol)
{
    quote(100 * E9, 100 * E9 + CENT, NOW);
    quote_of(PENNY, E9 / 2, E9 / 2 + 100000, NOW);
    cr_assert(scored(1.0f, NOW));
    ats_intent first = intent;
    cr_assert(!scored(1.0f, NOW + SEC));
    cr_assert(signal_of(PENNY, 1.0f, NOW + SEC), "another symbol's is its own");
    cr_assert_eq(intent.intent_id, first.intent_id + 1, "dense");
    answer(ATS_EXEC_CANCELED, 0, 0, 0, NOW + SEC);
    cr_assert(!scored(1.0f, NOW + 2 * SEC), "the end of another order frees nothing");
    intent = first;
    answer(ATS_EXEC_ACCEPTED, 0, 0, first.qty_e9, NOW + 2 * SEC);
    cr_assert(!scored(-1.0f, NOW + 3 * SEC), "accepted is at work");
    answer(ATS_EXEC_FILL, 5 * E9, 100 * E9, 14 * E9, NOW + 3 * SEC);
    cr_assert(!scored(-1.0f, NOW + 4 * SEC), "filled in part is at work");
    answer(ATS_EXEC_FILL, 14 * E9, 100 * E9, 0, NOW + 4 * SEC);
    cr_assert(scored(-1.0f, NOW + 4 * SEC), "filled whole is over, with no rest");
    cr_assert_eq(intent.reason, ATS_REASON_EXIT_SIGNAL);
    cr_assert_eq(intent.qty_e9, 19 * E9, "all that was filled");
}

/* ---- exits ---------------------------------------------------------------------------------- */

static void expect_exit(uint32_t reason, uint8_t side, int64_t qty_e9)
{
    cr_assert_eq(intent.reason, reason, "%s, not %s", ats_reason_label(intent.reason),
                 ats_reason_label(reason));
    cr_assert_eq(intent.side, side);
    cr_assert_eq(intent.qty_e9, qty_e9);
    cr_assert_eq(intent.intent_flags, ATS_INTENT_REDUCE_ONLY);
    cr_assert_eq(intent.stop_distance_e9, 0);
}

Test(strategy, a_long_leaves_when_the_margin_turns)
{
    hold(true);
    cr_assert(!scored(just_above(-0.25f), NOW + SEC));
    cr_assert(!scored(5.0f, NOW + SEC), "and adds nothing");
    cr_assert(scored(-0.25f, NOW + SEC));
    expect_exit(ATS_REASON_EXIT_SIGNAL, ATS_SIDE_SELL, 19 * E9);
}

Test(strategy, a_short_leaves_when_the_margin_turns)
{
    hold(false);
    cr_assert(!scored(just_below(0.25f), NOW + SEC));
    cr_assert(!scored(-5.0f, NOW + SEC), "and adds nothing");
    cr_assert(scored(0.25f, NOW + SEC));
    expect_exit(ATS_REASON_EXIT_SIGNAL, ATS_SIDE_BUY, 20 * E9);
}

/* 30 bps of 100.00 are 0.30. No signal is needed, and no spread is too wide to get out. */
Test(strategy, a_long_is_stopped_at_the_edge)
{
    hold(true);
    cr_assert(!quote(99 * E9, 100 * E9 + 40 * CENT + 2, NOW + SEC), "mid 99.700000001");
    cr_assert(quote(99 * E9, 100 * E9 + 40 * CENT, NOW + SEC), "mid 99.70");
    expect_exit(ATS_REASON_EXIT_STOP, ATS_SIDE_SELL, 19 * E9);
    cr_assert_eq(intent.limit_e9, 98 * E9 + 98 * CENT, "99.00 less 2 bps, further away");
}

Test(strategy, a_short_is_stopped_at_the_edge)
{
    hold(false);
    cr_assert(!quote(100 * E9 + 20 * CENT, 100 * E9 + 40 * CENT - 2, NOW + SEC));
    cr_assert(quote(100 * E9 + 20 * CENT, 100 * E9 + 40 * CENT, NOW + SEC), "mid 100.30");
    expect_exit(ATS_REASON_EXIT_STOP, ATS_SIDE_BUY, 20 * E9);
}

Test(strategy, the_stop_is_measured_from_the_average_entry)
{
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(scored(0.5f, NOW));
    answer(ATS_EXEC_FILL, 9 * E9, 100 * E9, 10 * E9, NOW);
    answer(ATS_EXEC_FILL, 10 * E9, 119 * E9, 0, NOW);
    /* (9 x 100 + 10 x 119) / 19 = 110 exactly; 30 bps of it are 0.33. */
    cr_assert(!quote(109 * E9 + 66 * CENT, 109 * E9 + 68 * CENT + 2, NOW + SEC));
    cr_assert(quote(109 * E9 + 66 * CENT, 109 * E9 + 68 * CENT, NOW + SEC));
    expect_exit(ATS_REASON_EXIT_STOP, ATS_SIDE_SELL, 19 * E9);
}

Test(strategy, nothing_is_stopped_without_a_stop)
{
    config.params.stop_bps = 0;
    hold(true);
    cr_assert_eq(intent.stop_distance_e9, 0);
    cr_assert(!quote(E9, E9 + CENT, NOW + SEC));
}

Test(strategy, a_position_leaves_after_its_time)
{
    hold(true);
    cr_assert(!quote(100 * E9, 100 * E9 + CENT, NOW + 60 * SEC - 1));
    cr_assert(quote(100 * E9, 100 * E9 + CENT, NOW + 60 * SEC));
    expect_exit(ATS_REASON_EXIT_TIME, ATS_SIDE_SELL, 19 * E9);
}

Test(strategy, zero_seconds_are_no_time_limit)
{
    config.params.max_hold_s = 0;
    hold(true);
    cr_assert(!quote(100 * E9, 100 * E9 + CENT, NOW + 86400 * SEC));
}

Test(strategy, nothing_is_held_or_begun_from_the_flat_time_on)
{
    config.params.flat_at_s = NOW_S + 10;
    hold(false);
    cr_assert(!quote(100 * E9, 100 * E9 + CENT, NOW + 10 * SEC - 1));
    cr_assert(quote(100 * E9, 100 * E9 + CENT, NOW + 10 * SEC));
    expect_exit(ATS_REASON_EXIT_SESSION, ATS_SIDE_BUY, 20 * E9);
    filled(100 * E9, NOW + 10 * SEC);
    cr_assert(!scored(1.0f, NOW + 20 * SEC));
    cr_assert(!scored(-1.0f, NOW + 20 * SEC));
    int64_t tomorrow = NOW + 86400 * SEC;
    quote(100 * E9, 100 * E9 + CENT, tomorrow);
    cr_assert(scored(1.0f, tomorrow), "the next day is another");
}

Test(strategy, the_gravest_reason_is_the_one_named)
{
    config.params.flat_at_s = NOW_S + 60;
    hold(true);
    int64_t late = NOW + 60 * SEC;
    /* Session, time and signal at once; then the stop besides. */
    cr_assert(scored(-1.0f, late));
    expect_exit(ATS_REASON_EXIT_SESSION, ATS_SIDE_SELL, 19 * E9);
    answer(ATS_EXEC_REFUSED, 0, 0, 0, late);
    cr_assert(quote(90 * E9, 90 * E9 + CENT, late + SEC));
    expect_exit(ATS_REASON_EXIT_STOP, ATS_SIDE_SELL, 19 * E9);
}

Test(strategy, leaves_what_is_still_held_after_a_partial_exit)
{
    hold(true);
    cr_assert(scored(-1.0f, NOW + SEC));
    answer(ATS_EXEC_FILL, 7 * E9, 100 * E9, 12 * E9, NOW + SEC);
    answer(ATS_EXEC_CANCELED, 0, 0, 0, NOW + SEC);
    cr_assert(!scored(-1.0f, NOW + SEC + 500 * MS - 1), "it rests");
    cr_assert(scored(-1.0f, NOW + SEC + 500 * MS));
    expect_exit(ATS_REASON_EXIT_SIGNAL, ATS_SIDE_SELL, 12 * E9);
    filled(100 * E9, NOW + 2 * SEC);
    cr_assert(scored(1.0f, NOW + 3 * SEC), "and then it is flat");
    cr_assert_eq(intent.reason, ATS_REASON_ENTRY_LONG);
}

Test(strategy, a_touching_market_keeps_nobody_in_but_one_side_alone_does)
{
    hold(true);
    quote(0, 100 * E9, NOW + SEC);
    cr_assert(!scored(-1.0f, NOW + SEC), "no bid to sell to");
    quote(100 * E9, 0, NOW + SEC);
    cr_assert(!scored(-1.0f, NOW + SEC), "nor is this a market");
    cr_assert(quote(100 * E9, 100 * E9, NOW + SEC), "locked; the last score still holds");
    expect_exit(ATS_REASON_EXIT_SIGNAL, ATS_SIDE_SELL, 19 * E9);
    answer(ATS_EXEC_REFUSED, 0, 0, 0, NOW + SEC);
    cr_assert(quote(99 * E9, 98 * E9, NOW + 2 * SEC), "crossed");
    expect_exit(ATS_REASON_EXIT_STOP, ATS_SIDE_SELL, 19 * E9);
}

static bool clock_record(int64_t at_ns)
{
    ats_market m = {.h = {.kind = ATS_KIND_CLOCK,
                          .flags = ATS_FLAG_END_OF_EVENT,
                          .event_seq = ++event_seq,
                          .recv_ns = at_ns}};
    stage_fixture_put(&fixture, CHAIN, &m);
    return decides();
}

Test(strategy, time_runs_out_in_a_quiet_market_too)
{
    hold(true);
    quote_of(PENNY, E9 / 2, E9 / 2 + 100000, NOW);
    cr_assert(!clock_record(NOW + 60 * SEC - 1));
    cr_assert(clock_record(NOW + 60 * SEC));
    expect_exit(ATS_REASON_EXIT_TIME, ATS_SIDE_SELL, 19 * E9);
    cr_assert_eq(intent.h.symbol_id, AAA);
    cr_assert_eq(intent.h.event_seq, event_seq, "the CLOCK caused it");
    cr_assert(!clock_record(NOW + 61 * SEC), "one order at work");
    filled(100 * E9, NOW + 61 * SEC);
    cr_assert(!clock_record(NOW + 100 * SEC), "nothing is held any more");
}

Test(strategy, clocks_go_round_more_positions_than_one_of_them_looks_at)
{
    for (uint32_t symbol = 1; symbol <= SYMBOLS; symbol++) {
        cr_assert(!quote_of(symbol, 100 * E9, 100 * E9 + CENT, NOW));
        config.params.notional_e9 = symbol == PENNY ? 100000 * E9 : 2000 * E9;
        cr_assert(signal_of(symbol, 1.0f, NOW));
        filled(100 * E9, NOW);
    }
    ats_market m = {.h = {.kind = ATS_KIND_CLOCK, .recv_ns = NOW + 60 * SEC}};
    bool left[SYMBOLS + 1] = {false};
    uint32_t exits = 0;
    for (int clocks = 0; clocks < 2; clocks++) {
        stage_fixture_put(&fixture, CHAIN, &m);
        cr_assert_eq(stage_fixture_work(&fixture), 1);
        uint32_t made = 0;
        const ats_intent *i;
        while ((i = stage_fixture_take(&fixture, CHAIN)) != NULL) {
            if (i->h.kind != ATS_KIND_INTENT)
                continue;
            cr_assert_eq(i->reason, ATS_REASON_EXIT_TIME);
            cr_assert(!left[i->h.symbol_id], "none twice");
            left[i->h.symbol_id] = true;
            made++;
        }
        cr_assert_leq(made + 1, ats_stage_strategy.out[CHAIN].burst);
        exits += made;
    }
    cr_assert_eq(exits, SYMBOLS);
}

/* ---- rest ----------------------------------------------------------------------------------- */

/* No intent until cooldown_ms after this moment, and one at it. */
static void expect_rest_from(int64_t from_ns, float score)
{
    cr_assert(!scored(score, from_ns));
    cr_assert(!scored(score, from_ns + 500 * MS - 1));
    cr_assert(scored(score, from_ns + 500 * MS));
}

Test(strategy, rests_after_an_exit)
{
    hold(true);
    cr_assert(scored(-1.0f, NOW + SEC));
    filled(100 * E9, NOW + SEC + MS);
    expect_rest_from(NOW + SEC + MS, 1.0f);
}

Test(strategy, rests_after_each_way_not_to_fill)
{
    const uint32_t ends[] = {ATS_EXEC_REFUSED, ATS_EXEC_REJECTED, ATS_EXEC_CANCELED,
                             ATS_EXEC_EXPIRED};
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(scored(1.0f, NOW));
    int64_t at_ns = NOW;
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        at_ns += SEC;
        answer(ends[i], 0, 0, 0, at_ns);
        expect_rest_from(at_ns, 1.0f);
        cr_assert_eq(intent.reason, ATS_REASON_ENTRY_LONG, "%s", ats_exec_type_label(ends[i]));
    }
}

Test(strategy, rests_after_an_entry_that_did_not_fill_whole)
{
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(scored(1.0f, NOW));
    answer(ATS_EXEC_FILL, 4 * E9, 100 * E9, 15 * E9, NOW + MS);
    answer(ATS_EXEC_CANCELED, 0, 0, 0, NOW + 2 * MS);
    expect_rest_from(NOW + 2 * MS, -1.0f);
    expect_exit(ATS_REASON_EXIT_SIGNAL, ATS_SIDE_SELL, 4 * E9);
}

Test(strategy, an_answer_to_another_order_frees_nothing)
{
    quote(100 * E9, 100 * E9 + CENT, NOW);
    cr_assert(scored(1.0f, NOW));
    ats_intent first = intent;
    answer(ATS_EXEC_REFUSED, 0, 0, 0, NOW);
    cr_assert(scored(1.0f, NOW + SEC));
    ats_intent second = intent;
    intent = first;
    answer(ATS_EXEC_CANCELED, 0, 0, 0, NOW + SEC);
    cr_assert(!scored(1.0f, NOW + 2 * SEC), "the second is still at work");
    intent = second;
    answer(ATS_EXEC_CANCELED, 0, 0, 0, NOW + 2 * SEC);
    cr_assert(scored(1.0f, NOW + 3 * SEC));
}

/* ---- flow ----------------------------------------------------------------------------------- */

Test(strategy, passes_the_market_on_in_order)
{
    const uint8_t kinds[] = {ATS_KIND_QUOTE, ATS_KIND_TRADE, ATS_KIND_CLOCK, ATS_KIND_STATUS};
    for (unsigned i = 0; i < sizeof kinds; i++) {
        ats_market m = {.h = {.kind = kinds[i], .symbol_id = AAA, .event_seq = i + 1}};
        stage_fixture_put(&fixture, CHAIN, &m);
    }
    cr_assert_eq(stage_fixture_work(&fixture), sizeof kinds);
    for (unsigned i = 0; i < sizeof kinds; i++) {
        const ats_market *m = stage_fixture_take(&fixture, CHAIN);
        cr_assert(m && m->h.kind == kinds[i] && m->h.event_seq == i + 1);
        cr_assert_gt(m->h.stamp_ns[ATS_STAMP_STRATEGY], 0);
    }
    cr_assert_null(stage_fixture_take(&fixture, CHAIN));
    cr_assert_null(stage_fixture_take(&fixture, TAP), "the tap has decisions only");
}

Test(strategy, takes_nothing_while_an_output_is_full)
{
    ats_market m = {.h = {.kind = ATS_KIND_TRADE, .symbol_id = AAA}};
    uint32_t taken = 0;
    for (int i = 0; i < 64; i++) {
        stage_fixture_put(&fixture, CHAIN, &m);
        taken += stage_fixture_work(&fixture);
        if (fixture.io.blocked)
            break;
    }
    cr_assert(fixture.io.blocked);
    cr_assert_eq(taken, 64 - ats_stage_strategy.out[CHAIN].burst + 1, "as long as a burst fits");
    cr_assert_eq(stage_fixture_work(&fixture), 0);
    cr_assert_eq(ats_rx_peek(&fixture.in_rx[CHAIN]), 1, "what found no room waits");
    cr_assert_eq(fixture.out_tx[CHAIN].stalls, 1, "one stall, however often it was looked at");
    cr_assert_not_null(stage_fixture_take(&fixture, CHAIN));
    cr_assert_eq(stage_fixture_work(&fixture), 1);
}

Test(strategy, ends_when_both_inputs_have)
{
    ats_market end = {.h = {.kind = ATS_KIND_END, .flags = ATS_FLAG_END_OF_EVENT}};
    stage_fixture_put(&fixture, CHAIN, &end);
    stage_fixture_work(&fixture);
    cr_assert(!fixture.io.ended, "orders may still be answered");
    const ats_market *out = stage_fixture_take(&fixture, CHAIN);
    cr_assert(out && out->h.kind == ATS_KIND_END);
    out = stage_fixture_take(&fixture, TAP);
    cr_assert(out && out->h.kind == ATS_KIND_END);
    stage_fixture_put(&fixture, FEEDBACK, &end);
    stage_fixture_work(&fixture);
    cr_assert(fixture.io.ended);
}

Test(strategy, refuses_a_configuration_without_margin_or_notional)
{
    const ats_strategy_params good = config.params;
    ats_io io = fixture.io;
    config.params.entry_margin = NAN;
    cr_assert_eq(ats_stage_strategy.init(fixture.state, &config, &io), -1);
    config.params = good;
    config.params.notional_e9 = 0;
    cr_assert_eq(ats_stage_strategy.init(fixture.state, &config, &io), -1);
    config.params = good;
    cr_assert_eq(ats_stage_strategy.init(fixture.state, &config, &io), 0);
}
