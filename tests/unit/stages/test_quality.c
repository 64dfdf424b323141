/* The checks of market data alone: each fault made to appear and not to appear, quarantine and its
 * end, and random records of which every one is accounted for. */
#include "core/random.h"
#include "stages/feed/quality.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define E9   ATS_E9
#define CENT 10000000ll
#define SEC  ATS_E9
#define DAY  (86400 * SEC)
#define NOW  (1704205800ll * SEC)

enum { STOCK = 1, COIN = 2 };

static ats_symbols symbols;
static ats_metrics metrics;
/* Two days of which the second is cut short: 14:30 to 21:00 and to 18:00 UTC. */
static const ats_session SESSIONS[] = {
    {NOW - 19800 * SEC, NOW, NOW + 23400 * SEC, NOW + 37800 * SEC, 20240102, 0},
    {NOW + DAY - 19800 * SEC, NOW + DAY, NOW + DAY + 12600 * SEC, NOW + DAY + 25200 * SEC, 20240103,
     ATS_SESSION_EARLY_CLOSE}};
static const ats_calendar CALENDAR = {
    .name = "test", .session = SESSIONS, .count = 2, .first_date = 20240102, .last_date = 20240103};
static ats_quality_config config;
static ats_quality *q;
static int64_t now;

static void open_quality(void)
{
    ats_symbol stock = {
        .text = "AAA", .venue = "US", .tick_e9 = CENT, .symbol_class = ATS_CLASS_EQUITY};
    ats_symbol coin = {
        .text = "BTC", .venue = "X", .tick_e9 = CENT, .symbol_class = ATS_CLASS_CRYPTO_SPOT};
    cr_assert_eq(ats_symbols_add(&symbols, &stock), STOCK);
    cr_assert_eq(ats_symbols_add(&symbols, &coin), COIN);
    ats_quality_defaults(&config);
    config.mode = ATS_DATA_STRICT;
    q = calloc(1, ats_quality_footprint(symbols.count));
    ats_quality_init(q, &config, NULL, &symbols, &metrics.feed);
    now = NOW;
}

static void use_calendar(void)
{
    memset(q, 0, ats_quality_footprint(symbols.count));
    ats_quality_init(q, &config, &CALENDAR, &symbols, &metrics.feed);
}

static void close_quality(void)
{
    free(q);
    ats_symbols_free(&symbols);
}

TestSuite(quality, .init = open_quality, .fini = close_quality);

static ats_market record(uint8_t kind, uint32_t symbol_id)
{
    return (ats_market){.h = {.kind = kind, .symbol_id = symbol_id, .recv_ns = now}};
}

static ats_market quote_of(uint32_t symbol_id, int64_t bid_e9, int64_t ask_e9)
{
    ats_market m = record(ATS_KIND_QUOTE, symbol_id);
    m.quote.bid_e9 = bid_e9;
    m.quote.ask_e9 = ask_e9;
    m.quote.bid_size_e9 = m.quote.ask_size_e9 = E9;
    m.quote.quote_flags = bid_e9 > ask_e9    ? ATS_QUOTE_CROSSED
                          : bid_e9 == ask_e9 ? ATS_QUOTE_LOCKED
                                             : 0;
    return m;
}

/* Passes a quote; is it marked? */
static bool quote(uint32_t symbol_id, int64_t bid_e9, int64_t ask_e9)
{
    ats_market m = quote_of(symbol_id, bid_e9, ask_e9);
    cr_assert(ats_quality_admit(q, &m));
    ats_quality_quote(q, &m.quote);
    return (m.quote.quote_flags & ATS_QUOTE_HALTED) != 0;
}

static ats_market trade_of(uint32_t symbol_id, int64_t px_e9)
{
    ats_market m = record(ATS_KIND_TRADE, symbol_id);
    m.trade.px_e9 = px_e9;
    m.trade.qty_e9 = E9;
    return m;
}

static void trade(uint32_t symbol_id, int64_t px_e9)
{
    ats_market m = trade_of(symbol_id, px_e9);
    cr_assert(ats_quality_admit(q, &m));
}

static uint64_t count(uint32_t symbol_id, ats_data_fault fault)
{
    return q->symbol[symbol_id].fault[fault].count;
}

/* Nothing but this, n times. */
static void expect_only(uint32_t symbol_id, ats_data_fault fault, uint64_t n)
{
    for (uint32_t i = 0; i < ATS_DATA_FAULT_COUNT; i++) {
        cr_assert_eq(count(symbol_id, i), i == fault ? n : 0, "%s: %llu", ats_data_fault_label(i),
                     (unsigned long long)count(symbol_id, i));
        cr_assert_eq(metrics.feed.data_faults[i], i == fault ? n : 0);
    }
}

/* A steady market, long enough to fill the windows. */
static void settle(uint32_t symbol_id, int64_t px_e9)
{
    for (int i = 0; i < 80; i++) {
        now += SEC / 10;
        int64_t step = (i % 3) * CENT;
        cr_assert_not(quote(symbol_id, px_e9 - CENT + step, px_e9 + CENT + step));
        trade(symbol_id, px_e9 + step);
    }
    expect_only(symbol_id, ATS_DATA_FAULT_COUNT, 0);
}

/* ---- numbers --------------------------------------------------------------------------------- */

Test(quality, a_number_with_the_same_content_again_is_dropped)
{
    ats_market m = trade_of(COIN, 100 * E9);
    m.trade.venue_seq = 7;
    cr_assert(ats_quality_admit(q, &m));
    m.h.recv_ns = now += 5; /* the second line brings it later */
    cr_assert_not(ats_quality_admit(q, &m));
    m.trade.venue = 'N'; /* another venue counts for itself */
    cr_assert(ats_quality_admit(q, &m));
    expect_only(COIN, ATS_DATA_DUPLICATE, 1);
    cr_assert_eq(q->symbol[COIN].quarantines, 0);
}

Test(quality, a_number_with_other_content_is_passed_and_counted)
{
    ats_market m = quote_of(COIN, 99 * E9, 101 * E9);
    m.quote.venue_seq = 7;
    cr_assert(ats_quality_admit(q, &m));
    m.quote.bid_e9 += CENT;
    cr_assert(ats_quality_admit(q, &m));
    expect_only(COIN, ATS_DATA_RENUMBERED, 1);
}

Test(quality, numbers_are_remembered_for_eight_records)
{
    for (uint64_t distance = 1; distance <= 10; distance++) {
        memset(&q->symbol[COIN], 0, sizeof q->symbol[COIN]);
        for (uint64_t i = 0; i <= distance; i++) {
            ats_market m = trade_of(COIN, 100 * E9);
            m.trade.venue_seq = i == distance ? 1 : i + 1;
            cr_assert_eq(ats_quality_admit(q, &m), i != distance || distance > 8,
                         "again after %llu", (unsigned long long)distance);
        }
    }
}

Test(quality, without_a_number_equal_records_of_one_time_are_counted)
{
    trade(COIN, 100 * E9);
    trade(COIN, 100 * E9);
    now++;
    trade(COIN, 100 * E9); /* of another time */
    expect_only(COIN, ATS_DATA_REPEATED, 1);
}

Test(quality, a_hole_in_dense_trade_ids_is_told)
{
    const uint64_t ids[] = {5, 6, 7, 9, 8, 10};
    for (unsigned i = 0; i < 6; i++) {
        ats_market m = trade_of(COIN, 100 * E9);
        m.trade.source = ATS_SOURCE_BINANCE_WS;
        m.trade.trade_id = ids[i];
        cr_assert(ats_quality_admit(q, &m));
    }
    expect_only(COIN, ATS_DATA_LOST_TRADES, 1);
    cr_assert_eq(q->example[ATS_DATA_LOST_TRADES][0].value_e9, 9);
    cr_assert_eq(q->example[ATS_DATA_LOST_TRADES][0].reference_e9, 7);
}

Test(quality, a_record_older_than_the_chain_is_told)
{
    trade(COIN, 100 * E9);
    ats_market m = trade_of(COIN, 101 * E9);
    m.h.recv_ns = now - 1;
    cr_assert(ats_quality_admit(q, &m));
    expect_only(COIN, ATS_DATA_OUT_OF_ORDER, 1);
}

/* ---- prices ---------------------------------------------------------------------------------- */

Test(quality, outliers_of_trades_and_mids_are_told_and_ticks_are_not)
{
    settle(COIN, 100 * E9);
    trade(COIN, 100 * E9 + 5 * CENT);
    cr_assert_eq(count(COIN, ATS_DATA_TRADE_OUTLIER), 0);
    trade(COIN, 110 * E9);
    expect_only(COIN, ATS_DATA_TRADE_OUTLIER, 1);
    cr_assert_eq(q->example[ATS_DATA_TRADE_OUTLIER][0].value_e9, 110 * E9);
    cr_assert(quote(COIN, 100 * E9 - CENT, 100 * E9 + CENT), "in quarantine");
    now += config.good_for_ns;
    cr_assert_not(quote(COIN, 100 * E9, 100 * E9 + 2 * CENT));
    cr_assert(quote(COIN, 90 * E9, 90 * E9 + CENT));
    cr_assert_eq(count(COIN, ATS_DATA_QUOTE_OUTLIER), 1);
}

Test(quality, trades_at_prices_of_another_time_are_not_judged)
{
    settle(STOCK, 100 * E9);
    const char *const conditions[] = {"4 B ", "7 V ", "   Z", " P  "};
    for (unsigned i = 0; i < 4; i++) {
        ats_market m = trade_of(STOCK, 110 * E9);
        memcpy(m.trade.condition, conditions[i], 4);
        cr_assert(ats_quality_admit(q, &m));
    }
    ats_market m = trade_of(STOCK, 110 * E9);
    m.trade.correction = 8;
    cr_assert(ats_quality_admit(q, &m));
    cr_assert_eq(count(STOCK, ATS_DATA_TRADE_OUTLIER), 0);
    m.trade.correction = 0;
    memcpy(m.trade.condition, " F I", 4);
    cr_assert(ats_quality_admit(q, &m));
    cr_assert_eq(count(STOCK, ATS_DATA_TRADE_OUTLIER), 1);
}

/* Opens a new day at this price after a close at 100; how many jumps, and the ratio. */
static uint64_t jump_at(int64_t open_e9, uint16_t *to, uint16_t *from)
{
    memset(&q->symbol[STOCK].fault, 0, sizeof q->symbol[STOCK].fault);
    q->example_count[ATS_DATA_JUMP] = 0;
    trade(STOCK, 100 * E9);
    now += DAY;
    trade(STOCK, open_e9);
    *to = q->example[ATS_DATA_JUMP][0].ratio[0];
    *from = q->example[ATS_DATA_JUMP][0].ratio[1];
    return count(STOCK, ATS_DATA_JUMP);
}

Test(quality, opens_at_the_ratio_of_a_split_are_told_with_it)
{
    const struct {
        int64_t open_e9;
        uint16_t to, from; /* 0: no jump */
    } cases[] = {{50 * E9, 2, 1},           {50500 * E9 / 1000, 2, 1}, {51500 * E9 / 1000, 0, 0},
                 {33400 * E9 / 1000, 3, 1}, {67 * E9, 3, 2},           {25 * E9, 4, 1},
                 {20 * E9, 5, 1},           {14200 * E9 / 1000, 7, 1}, {10 * E9, 10, 1},
                 {5 * E9, 20, 1},           {200 * E9, 1, 2},          {150 * E9, 2, 3},
                 {1000 * E9, 1, 10},        {80 * E9, 0, 0},           {100 * E9, 0, 0},
                 {120 * E9, 0, 0}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint16_t to, from;
        cr_assert_eq(jump_at(cases[i].open_e9, &to, &from), cases[i].to != 0, "case %u", i);
        cr_assert(!cases[i].to || (to == cases[i].to && from == cases[i].from), "case %u", i);
        now += DAY;
        q->symbol[STOCK].close_e9 = 0;
    }
}

Test(quality, a_told_split_is_no_jump_and_ends_its_quarantine)
{
    trade(STOCK, 100 * E9);
    now += DAY;
    ats_market split = record(ATS_KIND_CORPORATE_ACTION, STOCK);
    split.corporate_action.action = 1;
    split.corporate_action.ratio_numerator = 4;
    split.corporate_action.ratio_denominator = 1;
    cr_assert(ats_quality_admit(q, &split));
    trade(STOCK, 25 * E9);
    expect_only(STOCK, ATS_DATA_FAULT_COUNT, 0);
    now += DAY;
    trade(STOCK, 12500 * E9 / 1000); /* again, untold */
    expect_only(STOCK, ATS_DATA_JUMP, 1);
    now += 3600 * SEC;
    cr_assert(quote(STOCK, 12 * E9, 13 * E9), "an unexplained jump holds");
    split.h.recv_ns = now;
    cr_assert(ats_quality_admit(q, &split));
    now += config.good_for_ns;
    cr_assert_not(quote(STOCK, 12 * E9, 13 * E9));
}

Test(quality, an_action_that_two_sources_tell_is_applied_once)
{
    ats_market split = record(ATS_KIND_CORPORATE_ACTION, STOCK), dividend = split;
    split.corporate_action.action = ATS_ACTION_SPLIT;
    split.corporate_action.ratio_numerator = 4;
    split.corporate_action.ratio_denominator = 1;
    dividend.corporate_action.action = ATS_ACTION_DIVIDEND;
    dividend.corporate_action.cash_e9 = E9;
    trade(STOCK, 100 * E9);
    cr_assert(ats_quality_admit(q, &split));
    cr_assert(ats_quality_admit(q, &dividend));
    cr_assert_not(ats_quality_admit(q, &split));
    cr_assert_not(ats_quality_admit(q, &dividend));
    cr_assert_eq(q->symbol[STOCK].close_e9, 24 * E9);
    expect_only(STOCK, ATS_DATA_DUPLICATE, 2);
    now += DAY;
    split.h.recv_ns = now; /* another one */
    cr_assert(ats_quality_admit(q, &split));
}

Test(quality, quotes_of_before_a_split_are_no_side_to_trade_through)
{
    quote(STOCK, 99 * E9, 101 * E9);
    ats_market split = record(ATS_KIND_CORPORATE_ACTION, STOCK);
    split.corporate_action.action = ATS_ACTION_SPLIT;
    split.corporate_action.ratio_numerator = 4;
    split.corporate_action.ratio_denominator = 1;
    cr_assert(ats_quality_admit(q, &split));
    for (int i = 0; i < 10; i++, now += SEC)
        trade(STOCK, 25 * E9);
    expect_only(STOCK, ATS_DATA_FAULT_COUNT, 0);
}

Test(quality, a_symbol_without_quotes_leaves_quarantine_with_a_bar)
{
    const int64_t close_e9[] = {100 * E9, 50 * E9, 50 * E9, 50 * E9};
    for (int i = 0; i < 4; i++, now += DAY) {
        ats_market m = record(ATS_KIND_BAR, STOCK);
        m.bar.open_e9 = m.bar.high_e9 = m.bar.low_e9 = m.bar.close_e9 = close_e9[i];
        m.bar.period_s = 86400;
        cr_assert(ats_quality_admit(q, &m));
        cr_assert_eq(q->symbol[STOCK].until_ns != 0, i == 1, "day %d", i);
    }
    ats_quality_finish(q);
    expect_only(STOCK, ATS_DATA_JUMP, 1);
    cr_assert_eq(q->symbol[STOCK].quarantined_ns, DAY);
    cr_assert_eq(metrics.feed.symbols_quarantined, 0);
}

Test(quality, within_a_day_and_of_coins_there_are_no_jumps)
{
    now = NOW - NOW % DAY;
    trade(STOCK, 100 * E9);
    now += 3600 * SEC;
    trade(STOCK, 50 * E9);
    trade(COIN, 100 * E9);
    now += DAY;
    trade(COIN, 50 * E9);
    cr_assert_eq(count(STOCK, ATS_DATA_JUMP) + count(COIN, ATS_DATA_JUMP), 0);
}

/* ---- time ------------------------------------------------------------------------------------ */

Test(quality, silence_beyond_the_limit_is_a_gap)
{
    trade(COIN, 100 * E9);
    now += config.gap_after_ns;
    trade(COIN, 100 * E9);
    expect_only(COIN, ATS_DATA_FAULT_COUNT, 0);
    now += config.gap_after_ns + 1;
    trade(COIN, 100 * E9);
    expect_only(COIN, ATS_DATA_GAP, 1);
    cr_assert_eq(q->symbol[COIN].longest_silence_ns, config.gap_after_ns + 1);
    cr_assert(quote(COIN, 99 * E9, 100 * E9));
    now += 10 * config.gap_after_ns;
    trade(STOCK, 100 * E9);
    ats_quality_finish(q); /* and what was silent to the end */
    cr_assert_eq(count(COIN, ATS_DATA_GAP), 2);
}

Test(quality, a_stock_is_silent_in_regular_hours_only)
{
    trade(STOCK, 100 * E9);
    now += 3600 * SEC;
    trade(STOCK, 100 * E9); /* no calendar: nothing is known */
    expect_only(STOCK, ATS_DATA_FAULT_COUNT, 0);
    use_calendar();
    const struct {
        int64_t from_ns, to_ns;
        uint64_t gaps;
    } cases[] = {
        {NOW - 3600 * SEC, NOW + 60 * SEC, 0}, /* before the open, and a minute of it */
        {NOW - 3600 * SEC, NOW + 61 * SEC, 1},
        {NOW + 23400 * SEC - 60 * SEC, NOW + DAY + 60 * SEC, 0}, /* the night, a minute each side */
        {NOW + 23400 * SEC - 61 * SEC, NOW + 37800 * SEC, 1},
        {NOW + DAY + 12600 * SEC, NOW + DAY + 23400 * SEC, 0}, /* after an early close */
        {NOW + DAY, NOW + DAY + 3600 * SEC, 1}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        use_calendar();
        now = cases[i].from_ns;
        trade(STOCK, 100 * E9);
        now = cases[i].to_ns;
        trade(STOCK, 100 * E9);
        cr_assert_eq(count(STOCK, ATS_DATA_GAP), cases[i].gaps, "case %u", i);
    }
}

Test(quality, a_jump_is_from_a_regular_close_to_a_regular_open)
{
    use_calendar();
    trade(STOCK, 100 * E9);
    now += 30000 * SEC;
    trade(STOCK, 50 * E9); /* after the close: no close */
    now = NOW + DAY - 600 * SEC;
    trade(STOCK, 50 * E9); /* before the open: no open */
    cr_assert_eq(count(STOCK, ATS_DATA_JUMP), 0);
    now = NOW + DAY;
    trade(STOCK, 50 * E9);
    cr_assert_eq(count(STOCK, ATS_DATA_JUMP), 1);
}

Test(quality, a_halt_explains_silence)
{
    trade(COIN, 100 * E9);
    ats_market m = record(ATS_KIND_STATUS, COIN);
    m.status.code = ATS_STATUS_HALT;
    cr_assert(ats_quality_admit(q, &m));
    now += 10 * config.gap_after_ns;
    m.h.recv_ns = now;
    m.status.code = ATS_STATUS_RESUME;
    cr_assert(ats_quality_admit(q, &m));
    trade(COIN, 100 * E9);
    expect_only(COIN, ATS_DATA_HALT, 1);
}

Test(quality, bars_may_be_as_far_apart_as_they_are_long)
{
    for (int i = 0; i < 10; i++, now += 300 * SEC) {
        ats_market m = record(ATS_KIND_BAR, COIN);
        m.bar.open_e9 = m.bar.high_e9 = m.bar.low_e9 = m.bar.close_e9 = 100 * E9 + i;
        m.bar.period_s = 300;
        cr_assert(ats_quality_admit(q, &m));
    }
    expect_only(COIN, ATS_DATA_FAULT_COUNT, 0);
    now += 600 * SEC;
    trade(COIN, 100 * E9);
    expect_only(COIN, ATS_DATA_GAP, 1);
}

Test(quality, a_market_crossed_for_long_is_told_once)
{
    quote(COIN, 101 * E9, 100 * E9);
    now += config.crossed_after_ns;
    cr_assert_not(quote(COIN, 102 * E9, 100 * E9));
    now += 1;
    cr_assert(quote(COIN, 101 * E9, 100 * E9));
    quote(COIN, 102 * E9, 100 * E9);
    cr_assert_eq(count(COIN, ATS_DATA_CROSSED), 4);
    cr_assert_eq(count(COIN, ATS_DATA_CROSSED_LONG), 1);
    now += 5 * SEC;
    cr_assert(quote(COIN, 99 * E9, 100 * E9), "the quarantine lasts from the end of it");
    now += config.good_for_ns - 1;
    cr_assert(quote(COIN, 99 * E9, 101 * E9));
    now += 1;
    cr_assert_not(quote(COIN, 99 * E9, 100 * E9));
    cr_assert_eq(q->symbol[COIN].crossed_ns, config.crossed_after_ns + 1 + 5 * SEC);
    cr_assert_eq(q->symbol[COIN].longest_crossed_ns, q->symbol[COIN].crossed_ns);
}

Test(quality, locked_markets_are_timed)
{
    quote(COIN, 100 * E9, 100 * E9);
    now += 3 * SEC;
    quote(COIN, 100 * E9, 101 * E9);
    now += 3 * SEC;
    quote(COIN, 100 * E9, 100 * E9);
    now += SEC;
    trade(STOCK, 100 * E9);
    ats_quality_finish(q);
    expect_only(COIN, ATS_DATA_LOCKED, 2);
    cr_assert_eq(q->symbol[COIN].locked_ns, 4 * SEC);
}

Test(quality, trades_beyond_a_side_that_stays_are_told_once)
{
    quote(COIN, 99 * E9, 100 * E9);
    for (unsigned i = 0; i < ATS_QUALITY_BEYOND_TRADES; i++, now++)
        trade(COIN, 101 * E9);
    expect_only(COIN, ATS_DATA_FAULT_COUNT, 0); /* a sweep */
    now += ATS_QUALITY_BEYOND_NS;
    trade(COIN, 101 * E9);
    trade(COIN, 101 * E9 + 1);
    expect_only(COIN, ATS_DATA_STALE_SIDE, 1);
    quote(COIN, 100 * E9, 101 * E9 + 2); /* it moved */
    now += 2 * ATS_QUALITY_BEYOND_NS;
    for (unsigned i = 0; i < 2 * ATS_QUALITY_BEYOND_TRADES; i++, now += SEC)
        trade(COIN, 101 * E9);
    expect_only(COIN, ATS_DATA_STALE_SIDE, 1);
}

Test(quality, a_quote_that_is_old_while_trades_go_on_is_told_once)
{
    quote(COIN, 99 * E9, 101 * E9);
    for (int i = 0; i < 40; i++, now += SEC)
        trade(COIN, 100 * E9);
    expect_only(COIN, ATS_DATA_STALE_QUOTE, 1);
    quote(COIN, 99 * E9, 101 * E9); /* the same again is a sign of life */
    for (int i = 0; i < 30; i++, now += SEC)
        trade(COIN, 100 * E9);
    expect_only(COIN, ATS_DATA_STALE_QUOTE, 1);
}

/* ---- quarantine ------------------------------------------------------------------------------ */

Test(quality, lenient_counts_and_marks_nothing)
{
    config.mode = ATS_DATA_LENIENT;
    settle(COIN, 100 * E9);
    trade(COIN, 200 * E9);
    cr_assert_not(quote(COIN, 100 * E9, 101 * E9));
    cr_assert_eq(count(COIN, ATS_DATA_TRADE_OUTLIER), 1);
    cr_assert_eq(q->symbol[COIN].quarantines, 0);
    cr_assert_eq(metrics.feed.symbols_quarantined, 0);
}

Test(quality, a_fault_in_quarantine_begins_it_anew_and_other_symbols_are_free)
{
    cr_assert_not(ats_quality_note(q, COIN, ATS_DATA_BAD_PRICE, now, 0, 0));
    now += config.good_for_ns - 1;
    cr_assert(quote(COIN, 99 * E9, 100 * E9));
    cr_assert_not(quote(STOCK, 99 * E9, 100 * E9));
    cr_assert_not(ats_quality_note(q, COIN, ATS_DATA_BAD_PRICE, now, 0, 0));
    cr_assert_eq(metrics.feed.symbols_quarantined, 1);
    now += config.good_for_ns - 1;
    cr_assert(quote(COIN, 99 * E9, 100 * E9));
    now += 1;
    cr_assert_not(quote(COIN, 99 * E9, 100 * E9));
    cr_assert_eq(q->symbol[COIN].quarantines, 1);
    cr_assert_eq(q->symbol[COIN].quarantined_ns, 2 * config.good_for_ns - 1);
    cr_assert_eq(metrics.feed.symbols_quarantined, 0);
    cr_assert_eq(metrics.feed.quarantined, 2);
}

/* ---- any records ----------------------------------------------------------------------------- */

static int64_t random_value(ats_random *r)
{
    switch (ats_random_below(r, 6)) {
    case 0:
        return 0;
    case 1:
        return ATS_VALUE_MAX_E9;
    case 2:
        return (int64_t)ats_random_below(r, (uint64_t)ATS_VALUE_MAX_E9);
    default:
        return 100 * E9 + (int64_t)ats_random_below(r, 100) * CENT;
    }
}

static ats_market random_record(ats_random *r)
{
    ats_market m;
    uint64_t *words = (uint64_t *)&m;
    for (size_t i = 0; i < sizeof m / 8; i++)
        words[i] = ats_random_next(r);
    m.h.kind = (uint8_t)(1 + ats_random_below(r, 8));
    m.h.symbol_id = (uint32_t)ats_random_below(r, 3);
    m.h.recv_ns = now;
    if (m.h.kind == ATS_KIND_QUOTE) {
        m.quote.bid_e9 = random_value(r), m.quote.ask_e9 = random_value(r);
        m.quote.venue_seq = ats_random_below(r, 5);
    } else if (m.h.kind == ATS_KIND_TRADE) {
        m.trade.px_e9 = 1 + random_value(r), m.trade.trade_id = ats_random_below(r, 5);
        m.trade.correction = 0;
    } else if (m.h.kind == ATS_KIND_BAR) {
        m.bar.open_e9 = random_value(r), m.bar.close_e9 = random_value(r);
    }
    return m;
}

/* What sanitizers would see is the point; beyond it, sums must hold. */
Test(quality, any_sound_record_is_accounted_for)
{
    ats_random r;
    uint64_t records[3] = {0}, dropped = 0;
    ats_random_seed(&r, 3);
    for (int i = 0; i < 300000; i++) {
        now += (int64_t)ats_random_below(&r, ats_random_below(&r, 100) ? SEC : 3 * DAY);
        ats_market m = random_record(&r);
        records[m.h.symbol_id]++;
        bool admitted = ats_quality_admit(q, &m);
        dropped += !admitted;
        if (admitted && m.h.kind == ATS_KIND_QUOTE)
            ats_quality_quote(q, &m.quote);
    }
    ats_quality_finish(q);
    cr_assert_eq(q->symbol[STOCK].records, records[STOCK]);
    cr_assert_eq(q->symbol[COIN].records, records[COIN]);
    cr_assert_eq(dropped, count(STOCK, ATS_DATA_DUPLICATE) + count(COIN, ATS_DATA_DUPLICATE));
    for (uint32_t i = 0; i < ATS_DATA_FAULT_COUNT; i++)
        cr_assert_eq(metrics.feed.data_faults[i], count(STOCK, i) + count(COIN, i));
    for (uint32_t s = STOCK; s <= COIN; s++)
        cr_assert(q->symbol[s].quarantined_ns >= 0 && q->symbol[s].quarantined_ns <= now - NOW);
}

Test(quality, every_fault_has_a_label_a_meaning_and_actions)
{
    for (uint32_t i = 0; i < ATS_DATA_FAULT_COUNT; i++) {
        cr_assert(strlen(ats_data_fault_label(i)) > 2 && strlen(ats_data_fault_what(i)) > 10);
        cr_assert_eq(ats_data_fault_action(i, ATS_DATA_LENIENT) & ATS_DATA_QUARANTINE, 0);
        /* What is dropped does not depend on the mode: features are the same in both. */
        cr_assert_eq(ats_data_fault_action(i, ATS_DATA_LENIENT) & ATS_DATA_DROP,
                     ats_data_fault_action(i, ATS_DATA_STRICT) & ATS_DATA_DROP);
        for (uint32_t k = 0; k < i; k++)
            cr_assert_str_neq(ats_data_fault_label(i), ats_data_fault_label(k));
    }
    cr_assert_str_eq(ats_data_fault_label(ATS_DATA_FAULT_COUNT), "?");
}
