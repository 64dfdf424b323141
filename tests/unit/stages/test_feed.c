/* The feed alone: what it lets through, how it numbers and marks it, its CLOCK and END records, and
 * the moment it says each record was due. */
#include "tests/unit/stages/stage_fixture.h"

#include "stages/feed/feed.h"

#include <math.h>

#define E9   ATS_E9
#define CENT 10000000ll
#define SEC  ATS_E9
#define MS   1000000ll
#define NOW  (1704205800ll * SEC)

enum { CHAIN = 0, TAPE = 1, DAY_MAX = 64 };

static stage_fixture fixture;
static ats_feed_config config;
static ats_market_source source;
static ats_market day[DAY_MAX], seen[2 * DAY_MAX];
static uint64_t day_count, seen_count;

static void open_feed(void)
{
    stage_fixture_symbol(&fixture, "AAA", CENT, E9);
    stage_fixture_symbol(&fixture, "BBB", CENT, E9);
    stage_fixture_context(&fixture);
    config = (ats_feed_config){
        .context = &fixture.context, .source = &source, .burst = ATS_BURST_MAX, .symbol_count = 2};
    day_count = seen_count = 0;
}

static void close_feed(void)
{
    ats_market_source_close(&source);
    stage_fixture_close(&fixture);
}

TestSuite(feed, .init = open_feed, .fini = close_feed);

static ats_market *add(uint8_t kind, int64_t at_ns)
{
    cr_assert_lt(day_count, DAY_MAX);
    ats_market *m = &day[day_count++];
    *m = (ats_market){.h = {.kind = kind, .symbol_id = 1, .recv_ns = at_ns}};
    return m;
}

static ats_market *add_quote(int64_t bid_e9, int64_t ask_e9, int64_t at_ns)
{
    ats_market *m = add(ATS_KIND_QUOTE, at_ns);
    m->quote.bid_e9 = bid_e9;
    m->quote.ask_e9 = ask_e9;
    m->quote.bid_size_e9 = m->quote.ask_size_e9 = 100 * E9;
    return m;
}

static ats_market *add_trade(int64_t px_e9, int64_t qty_e9, int64_t at_ns)
{
    ats_market *m = add(ATS_KIND_TRADE, at_ns);
    m->trade.px_e9 = px_e9;
    m->trade.qty_e9 = qty_e9;
    return m;
}

static ats_market *add_bar(int64_t px_e9)
{
    ats_market *m = add(ATS_KIND_BAR, NOW);
    m->bar.open_e9 = m->bar.high_e9 = m->bar.low_e9 = m->bar.close_e9 = px_e9;
    return m;
}

static ats_market *add_level(uint16_t sub, int64_t px_e9, bool last, int64_t at_ns)
{
    ats_market *m = add(ATS_KIND_BOOK_LEVEL, at_ns);
    m->h.sub = sub;
    m->h.flags = last ? ATS_FLAG_END_OF_EVENT : 0;
    m->book_level.px_e9 = px_e9;
    m->book_level.qty_e9 = E9;
    m->book_level.side = ATS_SIDE_BUY;
    return m;
}

static void start(void)
{
    cr_assert_eq(ats_market_source_memory(&source, day, day_count, &fixture.symbols), 0);
    cr_assert_eq(stage_fixture_start(&fixture, &ats_stage_feed, &config, 2, 256), 0);
}

/* Takes what came out; tape and chain must say the same. */
static void collect(void)
{
    const ats_market *m;
    while ((m = stage_fixture_take(&fixture, CHAIN)) != NULL) {
        cr_assert_lt(seen_count, 2 * DAY_MAX);
        seen[seen_count] = *m;
        m = stage_fixture_take(&fixture, TAPE);
        cr_assert(m && !memcmp(m, &seen[seen_count], sizeof *m));
        seen_count++;
    }
}

/* Runs the day to its END, which must be the last record and the only one of its kind. What came
 * before it is then seen[0] .. seen[seen_count - 1]. */
static void run_day(void)
{
    start();
    while (!fixture.io.ended) {
        stage_fixture_work(&fixture);
        collect();
    }
    cr_assert_eq(stage_fixture_work(&fixture), 0);
    cr_assert_eq(seen[--seen_count].h.kind, ATS_KIND_END);
    cr_assert(seen[seen_count].h.flags & ATS_FLAG_END_OF_EVENT);
    for (uint64_t i = 0; i < seen_count; i++)
        cr_assert_neq(seen[i].h.kind, ATS_KIND_END);
}

/* Numbers are 1, 2, ... without a hole, a number more after each END_OF_EVENT and only there; time
 * never goes back. The END has the last number. */
static void expect_dense(void)
{
    uint64_t number = 1;
    for (uint64_t i = 0; i <= seen_count; i++) {
        const ats_header *h = &seen[i].h;
        cr_assert_eq(h->event_seq, number, "record %llu", (unsigned long long)i);
        cr_assert(i == 0 || h->recv_ns >= seen[i - 1].h.recv_ns);
        number += (h->flags & ATS_FLAG_END_OF_EVENT) != 0;
    }
}

/* ---- what is let through -------------------------------------------------------------------- */

Test(feed, counts_bad_prices_and_passes_none)
{
    const int64_t bad[] = {-1, ATS_VALUE_MAX_E9 + 1, INT64_MIN, INT64_MAX};
    for (unsigned i = 0; i < 4; i++) {
        add_quote(bad[i], 100 * E9, NOW);
        add_quote(100 * E9, bad[i], NOW);
        add_trade(bad[i], E9, NOW);
        add_level(0, bad[i], true, NOW);
    }
    add_trade(0, E9, NOW);
    add_level(0, 0, true, NOW);
    ats_market *bar = add(ATS_KIND_BAR, NOW);
    bar->bar.low_e9 = 2 * E9, bar->bar.high_e9 = E9; /* upside down */
    bar = add_bar(E9);
    bar->bar.close_e9 = 0;
    bar = add_bar(E9);
    bar->bar.open_e9 = 2 * E9;
    run_day();
    cr_assert_eq(seen_count, 0);
    cr_assert_eq(fixture.context.metrics->feed.bad_price, day_count);
    cr_assert_eq(fixture.context.metrics->feed.bad_size, 0);
    cr_assert_eq(fixture.context.metrics->feed.events_in, day_count);
    expect_dense();
}

Test(feed, counts_bad_sizes_and_passes_none)
{
    const int64_t bad[] = {-1, ATS_VALUE_MAX_E9 + 1, INT64_MIN, INT64_MAX};
    for (unsigned i = 0; i < 4; i++) {
        add_quote(99 * E9, 100 * E9, NOW)->quote.bid_size_e9 = bad[i];
        add_quote(99 * E9, 100 * E9, NOW)->quote.ask_size_e9 = bad[i];
        add_trade(100 * E9, bad[i], NOW);
        add_level(0, 100 * E9, true, NOW)->book_level.qty_e9 = bad[i];
    }
    add_trade(100 * E9, 0, NOW);
    add_bar(E9)->bar.volume_e9 = -1;
    run_day();
    cr_assert_eq(seen_count, 0);
    cr_assert_eq(fixture.context.metrics->feed.bad_size, day_count);
    cr_assert_eq(fixture.context.metrics->feed.bad_price, 0);
}

static void add_action(uint32_t action, int64_t numerator, int64_t denominator, int64_t cash_e9)
{
    ats_corporate_action *a = &add(ATS_KIND_CORPORATE_ACTION, NOW)->corporate_action;
    a->action = action;
    a->ratio_numerator = numerator;
    a->ratio_denominator = denominator;
    a->cash_e9 = cash_e9;
}

Test(feed, checks_corporate_actions)
{
    const int64_t bad[] = {0, -1, ATS_RATIO_MAX + 1, INT64_MIN, INT64_MAX};
    for (unsigned i = 0; i < 5; i++) {
        add_action(ATS_ACTION_SPLIT, bad[i], 1, 0);
        add_action(ATS_ACTION_SPLIT, 1, bad[i], 0);
        if (bad[i])
            add_action(ATS_ACTION_DIVIDEND, 0, 0, i == 2 ? ATS_VALUE_MAX_E9 + 1 : bad[i]);
        add_action(i == 0 ? 0 : 2 + i, 1, 1, 0);
    }
    unsigned refused = day_count;
    add_action(ATS_ACTION_SPLIT, ATS_RATIO_MAX, 1, 0);
    add_action(ATS_ACTION_DIVIDEND, 0, 0, ATS_VALUE_MAX_E9);
    add_bar(E9)->bar.volume_e9 = ATS_VOLUME_MAX_E9;
    run_day();
    cr_assert_eq(fixture.context.metrics->feed.bad_action, refused);
    cr_assert_eq(seen_count, 3);
    for (unsigned i = 0; i < 3; i++)
        cr_expect(seen[i].h.flags & ATS_FLAG_END_OF_EVENT);
    expect_dense();
}

Test(feed, passes_what_is_at_the_edge_of_the_range)
{
    add_quote(0, ATS_VALUE_MAX_E9, NOW);
    add_quote(1, ATS_VALUE_MAX_E9, NOW)->quote.bid_size_e9 = 0;
    add_trade(1, 1, NOW);
    add_trade(ATS_VALUE_MAX_E9, ATS_VALUE_MAX_E9, NOW);
    add_level(0, ATS_VALUE_MAX_E9, true, NOW)->book_level.qty_e9 = 0; /* the level is gone */
    run_day();
    cr_assert_eq(seen_count, 5);
    cr_assert_eq(fixture.context.metrics->feed.quotes, 2);
    cr_assert_eq(fixture.context.metrics->feed.trades, 2);
    cr_assert_eq(fixture.context.metrics->feed.events_out, 6, "END is one");
    expect_dense();
}

Test(feed, counts_times_that_cannot_be_and_passes_none)
{
    add_trade(E9, E9, NOW);
    add_trade(E9, E9, -1);
    add_trade(E9, E9, INT64_MAX);
    add_trade(E9, E9, INT64_MIN);
    add_trade(E9, E9, NOW + 1);
    config.clock_interval_ns = SEC; /* a time far away must not be walked to */
    run_day();
    cr_assert_eq(seen_count, 2);
    cr_assert_eq(fixture.context.metrics->feed.bad_time, 3);
    cr_assert_eq(fixture.context.metrics->feed.out_of_order, 0);
    expect_dense();
}

Test(feed, does_not_repeat_a_national_quote_that_did_not_change)
{
    add_quote(99 * E9, 101 * E9, NOW)->quote.venue = 'N';
    add_quote(99 * E9, 101 * E9, NOW)->quote.venue = 'N'; /* the same again */
    add_quote(98 * E9, 102 * E9, NOW)->quote.venue = 'Q'; /* worse on both sides */
    add_quote(98 * E9, 100 * E9, NOW)->quote.venue = 'Q'; /* the best offer */
    run_day();
    cr_assert_eq(fixture.context.metrics->feed.unchanged, 2);
    cr_assert_eq(fixture.context.metrics->feed.quotes, 2);
    cr_assert_eq(seen_count, 2);
    const ats_quote *q = &seen[1].quote;
    cr_assert_eq(q->bid_e9, 99 * E9);
    cr_assert_eq(q->ask_e9, 100 * E9);
    cr_assert_eq(q->bid_venue, 'N');
    cr_assert_eq(q->ask_venue, 'Q');
    cr_assert_eq(q->quote_flags, ATS_QUOTE_NATIONAL);
    expect_dense();
}

Test(feed, a_split_takes_the_quotes_of_before_it_out_of_the_national_one)
{
    add_quote(399 * E9, 401 * E9, NOW)->quote.venue = 'N';
    add_quote(398 * E9, 402 * E9, NOW)->quote.venue = 'Q';
    add_action(ATS_ACTION_SPLIT, 4, 1, 0);
    add_quote(99 * E9, 101 * E9, NOW)->quote.venue = 'Q';
    add_quote(100 * E9, 102 * E9, NOW)->quote.venue = 'N';
    run_day();
    const ats_quote *first = &seen[2].quote, *second = &seen[3].quote;
    cr_assert_eq(seen_count, 4, "the action and three best quotes");
    cr_assert_eq(first->bid_e9, 99 * E9, "and not 399");
    cr_assert_eq(first->ask_e9, 101 * E9);
    cr_assert_eq(second->bid_e9, 100 * E9);
    cr_assert_eq(second->ask_e9, 101 * E9);
    cr_assert_eq(fixture.context.metrics->feed.crossed, 0);
    expect_dense();
}

/* Two trading dates; the first one's quotes are not withdrawn before it ends. */
Test(feed, quotes_are_for_their_trading_date)
{
    const int64_t hour = 3600 * SEC, next = NOW + 24 * hour;
    const ats_session sessions[] = {
        {NOW - 5 * hour, NOW, NOW + 6 * hour, NOW + 10 * hour, 20240102, 0},
        {next - 5 * hour, next, next + 6 * hour, next + 10 * hour, 20240103, 0}};
    const ats_calendar calendar = {.name = "test",
                                   .session = sessions,
                                   .count = 2,
                                   .first_date = 20240102,
                                   .last_date = 20240103};
    config.calendar = &calendar;
    add_quote(399 * E9, 401 * E9, NOW)->quote.venue = 'N';
    add_quote(398 * E9, 400 * E9, NOW + 9 * hour)->quote.venue = 'Q';  /* after hours: one date */
    add_quote(398 * E9, 402 * E9, NOW + 11 * hour)->quote.venue = 'Q'; /* still, at night */
    add_quote(299 * E9, 301 * E9, next - hour)->quote.venue = 'Q';
    run_day();
    cr_assert_eq(seen_count, 4);
    cr_assert_eq(seen[1].quote.bid_e9, 399 * E9);
    cr_assert_eq(seen[1].quote.ask_e9, 400 * E9);
    cr_assert_eq(seen[2].quote.bid_e9, 399 * E9);
    cr_assert_eq(seen[2].quote.ask_e9, 401 * E9);
    cr_assert_eq(seen[3].quote.bid_e9, 299 * E9, "and not yesterday's 399");
    cr_assert_eq(seen[3].quote.ask_e9, 301 * E9);
    cr_assert_eq(fixture.context.metrics->feed.crossed, 0);
}

Test(feed, tells_locked_crossed_and_one_sided)
{
    add_quote(100 * E9, 100 * E9 + 1, NOW);
    add_quote(100 * E9, 100 * E9, NOW);
    add_quote(100 * E9 + 1, 100 * E9, NOW);
    add_quote(0, 100 * E9, NOW);
    add_quote(100 * E9, 0, NOW);
    add_quote(0, 0, NOW);
    /* What a source claims does not count, but for a halt. */
    add_quote(99 * E9, 100 * E9, NOW)->quote.quote_flags = ATS_QUOTE_CROSSED | ATS_QUOTE_HALTED;
    run_day();
    const uint8_t expected[] = {0,
                                ATS_QUOTE_LOCKED,
                                ATS_QUOTE_CROSSED,
                                ATS_QUOTE_ONE_SIDED,
                                ATS_QUOTE_ONE_SIDED,
                                ATS_QUOTE_ONE_SIDED,
                                ATS_QUOTE_HALTED};
    cr_assert_eq(seen_count, sizeof expected);
    for (unsigned i = 0; i < sizeof expected; i++)
        cr_assert_eq(seen[i].quote.quote_flags, expected[i], "quote %u: %x", i,
                     seen[i].quote.quote_flags);
    cr_assert_eq(fixture.context.metrics->feed.locked, 1);
    cr_assert_eq(fixture.context.metrics->feed.crossed, 1);
}

/* What quality.c finds is tested alone; here, that the feed asks it and does as it says. */
Test(feed, tells_faults_of_the_data_and_drops_what_is_to_be_dropped)
{
    ats_quality_defaults(&config.quality);
    config.quality.mode = ATS_DATA_STRICT;
    add_trade(100 * E9, E9, NOW)->trade.venue_seq = 5;
    add_trade(100 * E9, E9, NOW)->trade.venue_seq = 5;
    add_level(0, 99 * E9, false, NOW);
    add_trade(-1, E9, NOW + 1);
    add_quote(99 * E9, 101 * E9, NOW + 2);
    add_quote(99 * E9, 102 * E9, NOW + 2 + config.quality.good_for_ns);
    ats_market *split = add(ATS_KIND_CORPORATE_ACTION, NOW + 20 * SEC);
    split->corporate_action.action = ATS_ACTION_SPLIT; /* 0 for 0 */
    run_day();
    const uint64_t *faults = fixture.context.metrics->feed.data_faults;
    cr_assert_eq(faults[ATS_DATA_DUPLICATE], 1);
    cr_assert_eq(faults[ATS_DATA_BAD_PRICE], 1);
    cr_assert_eq(faults[ATS_DATA_BAD_ACTION], 1);
    uint64_t all = 0, marked = 0;
    for (uint32_t i = 0; i < ATS_DATA_FAULT_COUNT; i++)
        all += faults[i];
    cr_assert_eq(all, 3);
    for (uint64_t i = 0; i < seen_count; i++)
        marked +=
            seen[i].h.kind == ATS_KIND_QUOTE && (seen[i].quote.quote_flags & ATS_QUOTE_HALTED) != 0;
    cr_assert_eq(marked, 1, "the first quote after the bad price, and not the one when it is over");
    cr_assert_eq(ats_feed_quality(fixture.state)->symbol[1].quarantines, 2);
    cr_assert_eq(fixture.context.metrics->feed.trades, 1);
}

Test(feed, a_tape_is_not_checked_again)
{
    ats_quality_defaults(&config.quality);
    add_trade(100 * E9, E9, NOW)->trade.venue_seq = 5;
    add_trade(100 * E9, E9, NOW)->trade.venue_seq = 5;
    start();
    source.tape = true;
    while (!fixture.io.ended) {
        stage_fixture_work(&fixture);
        collect();
    }
    cr_assert_eq(fixture.context.metrics->feed.trades, 2);
    cr_assert_eq(fixture.context.metrics->feed.data_faults[ATS_DATA_DUPLICATE], 0);
}

/* ---- time and numbers ----------------------------------------------------------------------- */

Test(feed, time_never_goes_back)
{
    add_trade(E9, E9, NOW + 5);
    add_trade(E9, E9, NOW);
    add_trade(E9, E9, NOW + 5);
    add_trade(E9, E9, NOW + 6);
    run_day();
    const int64_t expected[] = {NOW + 5, NOW + 5, NOW + 5, NOW + 6};
    cr_assert_eq(seen_count, 4);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(seen[i].h.recv_ns, expected[i]);
    cr_assert_eq(fixture.context.metrics->feed.out_of_order, 1);
    cr_assert_eq(seen[4].h.recv_ns, NOW + 6, "END has the last time");
    expect_dense();
}

Test(feed, clocks_stand_at_every_multiple_with_or_without_a_market)
{
    config.clock_interval_ns = SEC;
    add_trade(E9, E9, NOW);           /* on a multiple: the first clock is the next one */
    add_trade(E9, E9, NOW + SEC / 2); /* nothing between */
    add_trade(E9, E9, NOW + SEC);     /* on it: the clock is first */
    add_trade(E9, E9, NOW + 4 * SEC + 1);
    add_trade(E9, E9, NOW + 5 * SEC - 1);
    run_day();
    const struct {
        uint8_t kind;
        int64_t at_ns;
    } expected[] = {{ATS_KIND_TRADE, NOW},
                    {ATS_KIND_TRADE, NOW + SEC / 2},
                    {ATS_KIND_CLOCK, NOW + SEC},
                    {ATS_KIND_TRADE, NOW + SEC},
                    {ATS_KIND_CLOCK, NOW + 2 * SEC},
                    {ATS_KIND_CLOCK, NOW + 3 * SEC},
                    {ATS_KIND_CLOCK, NOW + 4 * SEC},
                    {ATS_KIND_TRADE, NOW + 4 * SEC + 1},
                    {ATS_KIND_TRADE, NOW + 5 * SEC - 1}};
    cr_assert_eq(seen_count, sizeof expected / sizeof expected[0]);
    for (unsigned i = 0; i < seen_count; i++) {
        cr_assert_eq(seen[i].h.kind, expected[i].kind, "record %u", i);
        cr_assert_eq(seen[i].h.recv_ns, expected[i].at_ns, "record %u", i);
        cr_assert_eq(seen[i].h.flags & ATS_FLAG_END_OF_EVENT, ATS_FLAG_END_OF_EVENT);
        cr_assert(seen[i].h.kind != ATS_KIND_CLOCK || seen[i].h.symbol_id == 0);
    }
    expect_dense();
}

Test(feed, the_records_are_the_same_however_many_a_call_may_take)
{
    static ats_market first[2 * DAY_MAX];
    uint64_t first_count = 0;
    for (uint32_t burst = 1; burst <= ATS_BURST_MAX; burst += 5) {
        if (burst > 1) {
            close_feed();
            open_feed();
        }
        config.clock_interval_ns = 7 * MS;
        config.burst = burst;
        for (int i = 0; i < 40; i++)
            add_trade((100 + i) * E9, E9, NOW + i * i * MS / 10);
        run_day();
        cr_assert_gt(seen_count, 50);
        for (uint64_t i = 0; i < seen_count; i++) { /* of this run alone */
            seen[i].h.origin_ns = 0;
            memset(seen[i].h.stamp_ns, 0, sizeof seen[i].h.stamp_ns);
        }
        if (burst == 1) {
            memcpy(first, seen, sizeof seen);
            first_count = seen_count;
        }
        cr_assert_eq(seen_count, first_count);
        cr_assert(!memcmp(first, seen, seen_count * sizeof seen[0]), "burst %u", burst);
    }
}

Test(feed, a_book_update_is_one_event_and_its_last_level_ends_it)
{
    add_level(0, 99 * E9, false, NOW);
    add_level(1, 98 * E9, false, NOW);
    add_level(2, 97 * E9, true, NOW);
    add_trade(99 * E9, E9, NOW);
    add_level(0, 96 * E9, true, NOW);
    run_day();
    const uint64_t numbers[] = {1, 1, 1, 2, 3};
    const bool ends[] = {false, false, true, true, true};
    cr_assert_eq(seen_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        cr_assert_eq(seen[i].h.event_seq, numbers[i]);
        cr_assert_eq((seen[i].h.flags & ATS_FLAG_END_OF_EVENT) != 0, ends[i]);
    }
    cr_assert_eq(seen[0].h.origin_ns, seen[2].h.origin_ns, "one event, one origin");
    cr_assert_eq(ats_feed_events(fixture.state), 3);
    expect_dense();
}

/* An event that has begun must be ended, or the stages behind wait for ever. */
Test(feed, a_book_update_that_loses_levels_still_ends)
{
    add_level(0, 99 * E9, false, NOW);
    add_level(1, -1, false, NOW); /* the middle */
    add_level(2, -1, true, NOW);  /* the last */
    add_level(0, -1, false, NOW); /* the first */
    add_level(1, 98 * E9, true, NOW);
    add_level(0, -1, false, NOW); /* all of it */
    add_level(1, -1, true, NOW);
    add_trade(99 * E9, E9, NOW);
    run_day();
    const uint8_t kinds[] = {ATS_KIND_BOOK_LEVEL, ATS_KIND_CLOCK, ATS_KIND_BOOK_LEVEL,
                             ATS_KIND_TRADE};
    const uint64_t numbers[] = {1, 1, 2, 3};
    const bool ends[] = {false, true, true, true};
    cr_assert_eq(seen_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(seen[i].h.kind, kinds[i], "record %u", i);
        cr_assert_eq(seen[i].h.event_seq, numbers[i], "record %u", i);
        cr_assert_eq((seen[i].h.flags & ATS_FLAG_END_OF_EVENT) != 0, ends[i], "record %u", i);
    }
    cr_assert_eq(fixture.context.metrics->feed.bad_price, 5);
    expect_dense();
}

/* ---- the end and room ----------------------------------------------------------------------- */

Test(feed, an_empty_input_is_an_end_alone)
{
    run_day();
    cr_assert_eq(seen_count, 0);
    expect_dense();
}

Test(feed, the_stop_switch_ends_the_run_at_the_next_record)
{
    for (int i = 0; i < 40; i++)
        add_trade(E9, E9, NOW + i);
    config.burst = 4;
    start();
    cr_assert_eq(stage_fixture_work(&fixture), 4);
    fixture.context.switches->stop = 1;
    cr_assert_eq(stage_fixture_work(&fixture), 1);
    cr_assert(fixture.io.ended);
    collect();
    cr_assert_eq(seen_count, 5);
    cr_assert_eq(seen[4].h.kind, ATS_KIND_END);
    cr_assert_eq(seen[4].h.recv_ns, NOW + 3);
    seen_count--;
    expect_dense();
}

Test(feed, takes_nothing_while_an_output_is_full)
{
    for (int i = 0; i < 20; i++)
        add_trade((1 + i) * E9, E9, NOW + i);
    cr_assert_eq(ats_market_source_memory(&source, day, day_count, &fixture.symbols), 0);
    cr_assert_eq(stage_fixture_start(&fixture, &ats_stage_feed, &config, 2, 16), 0);
    cr_assert_eq(stage_fixture_work(&fixture), 16);
    cr_assert_eq(stage_fixture_work(&fixture), 0);
    cr_assert(fixture.io.blocked && !fixture.io.ended);
    const ats_market *m = stage_fixture_take(&fixture, CHAIN);
    cr_assert(m && m->trade.px_e9 == E9);
    cr_assert_eq(stage_fixture_work(&fixture), 0, "the tape must arrive, too");
    stage_fixture_take(&fixture, TAPE);
    cr_assert_eq(stage_fixture_work(&fixture), 1);
    collect();
    cr_assert_eq(seen_count, 16);
    cr_assert_eq(seen[15].trade.px_e9, 17 * E9, "the next one, none lost");
}

/* ---- pace ----------------------------------------------------------------------------------- */

/* Runs the day paced; no record may be seen before the moment it was due. */
static void run_paced(void)
{
    start();
    uint64_t began_ns = ats_clock_now(&fixture.clock);
    while (!fixture.io.ended) {
        uint64_t from = seen_count;
        stage_fixture_work(&fixture);
        collect();
        uint64_t now_ns = ats_clock_now(&fixture.clock);
        cr_assert_lt(now_ns - began_ns, 10ull * SEC, "the run does not end");
        for (; from < seen_count; from++) {
            cr_assert_leq(seen[from].h.origin_ns, now_ns);
            cr_assert_geq(seen[from].h.origin_ns, began_ns);
        }
    }
    seen_count--;
}

Test(feed, recorded_pace_dates_records_to_the_moment_they_were_due)
{
    const int64_t at_ms[] = {0, 1, 1, 30, 31, 80};
    config.pace = ATS_PACE_RECORDED;
    config.speed = 4;
    for (unsigned i = 0; i < 6; i++)
        add_trade((1 + i) * E9, E9, NOW + at_ms[i] * MS);
    run_paced();
    cr_assert_eq(seen_count, 6);
    for (unsigned i = 1; i < 6; i++)
        cr_assert_eq(seen[i].h.origin_ns - seen[0].h.origin_ns, (uint64_t)(at_ms[i] * MS / 4),
                     "record %u", i);
    expect_dense();
}

Test(feed, a_scheduled_event_is_dated_to_its_schedule_also_after_a_stall)
{
    static const uint64_t schedule[] = {0, 50 * MS, 60 * MS, 70 * MS, 150 * MS};
    config.pace = ATS_PACE_SCHEDULE;
    config.schedule_ns = schedule;
    config.schedule_count = 5;
    for (int i = 0; i < 20; i++) /* recorded times do not matter, and more than are scheduled */
        add_trade((1 + i) * E9, E9, NOW + i * 60 * SEC);
    start();
    cr_assert_eq(stage_fixture_work(&fixture), 1, "the others are not due");
    collect();
    uint64_t until_ns = seen[0].h.origin_ns + 110 * MS; /* the consumer sleeps over three of them */
    while (ats_clock_now(&fixture.clock) < until_ns) {
    }
    while (!fixture.io.ended) {
        stage_fixture_work(&fixture);
        collect();
    }
    seen_count--;
    cr_assert_eq(seen_count, 5, "and then the schedule is over");
    for (unsigned i = 0; i < 5; i++) {
        cr_assert_eq(seen[i].h.origin_ns - seen[0].h.origin_ns, schedule[i], "event %u", i);
        cr_assert_eq(seen[i].trade.px_e9, (1 + (int64_t)i) * E9);
    }
    /* The second was due 60 ms before the stall was over: its stamp shows the wait. */
    cr_assert_geq(seen[1].h.stamp_ns[ATS_STAMP_FEED], 60 * MS);
    expect_dense();
}

Test(feed, refuses_a_speed_that_is_none)
{
    config.pace = ATS_PACE_RECORDED;
    const double bad[] = {0.0, -1.0, NAN};
    for (unsigned i = 0; i < 3; i++) {
        config.speed = bad[i];
        ats_io io = {0};
        void *state = calloc(1, ats_stage_feed.footprint(&config));
        cr_assert_eq(ats_stage_feed.init(state, &config, &io), -1, "%f", bad[i]);
        free(state);
    }
}

/* ---- commands ------------------------------------------------------------------------------- */

static ats_control_due due_at(int64_t at_ns, uint32_t model_id)
{
    return (ats_control_due){at_ns, {.code = ATS_CONTROL_MODEL, .model_id = model_id}};
}

static void expect_command(uint64_t at, int64_t recv_ns, uint32_t model_id)
{
    cr_assert_lt(at, seen_count);
    cr_expect_eq(seen[at].h.kind, ATS_KIND_CONTROL, "record %llu", (unsigned long long)at);
    cr_expect_eq(seen[at].h.recv_ns, recv_ns, "record %llu", (unsigned long long)at);
    cr_expect_eq(seen[at].control.model_id, model_id, "record %llu", (unsigned long long)at);
    cr_expect(seen[at].h.flags & ATS_FLAG_END_OF_EVENT);
}

Test(feed, a_schedule_is_released_before_the_first_event_at_or_after_its_time)
{
    const ats_control_due due[] = {due_at(NOW - E9, 1), due_at(NOW + 2 * MS, 2),
                                   due_at(NOW + 4 * MS, 3), due_at(NOW + 5 * MS, 4),
                                   due_at(NOW + E9, 5)};
    config.commands = due;
    config.command_count = 5;
    config.clock_interval_ns = 3 * MS;
    for (int i = 0; i < 3; i++)
        add_trade(100 * E9, E9, NOW + i * 2 * MS)->trade.trade_id = (uint64_t)i + 1;
    add_trade(100 * E9, E9, NOW + 7 * MS);
    run_day();
    expect_dense();
    /* NOW is a multiple of the clock's 3 ms: the first CLOCK is at +3. */
    cr_assert_eq(NOW % (3 * MS), 0);
    expect_command(0, NOW, 1); /* its time had passed: the first record's */
    cr_expect_eq(seen[1].trade.trade_id, 1);
    expect_command(2, NOW + 2 * MS, 2); /* at the same time, before the event */
    cr_expect_eq(seen[3].trade.trade_id, 2);
    cr_expect_eq(seen[4].h.kind, ATS_KIND_CLOCK);
    expect_command(5, NOW + 4 * MS, 3);
    cr_expect_eq(seen[6].trade.trade_id, 3);
    expect_command(7, NOW + 5 * MS, 4);
    cr_expect_eq(seen[8].h.kind, ATS_KIND_CLOCK);
    cr_expect_eq(seen[9].h.kind, ATS_KIND_TRADE);
    cr_expect_eq(seen_count, 10, "the fifth falls due after the end");
    cr_expect_eq(fixture.context.metrics->feed.commands, 4);
    cr_expect_eq(ats_feed_events(fixture.state), 4);
}

Test(feed, a_sent_command_stands_between_events)
{
    const ats_control command = {.code = ATS_CONTROL_MODEL, .model_id = 9};
    config.burst = 1;
    add_level(0, 100 * E9, false, NOW);
    add_level(1, 99 * E9, false, NOW);
    add_level(2, 98 * E9, true, NOW);
    add_trade(100 * E9, E9, NOW + MS);
    start();
    cr_assert_eq(ats_control_send(fixture.context.inbox, &command), 0);
    while (!fixture.io.ended) {
        stage_fixture_work(&fixture);
        collect();
    }
    seen_count--;
    expect_dense();
    /* It had come before the first record, which gives the run its time; the book's update is not
     * torn. */
    expect_command(3, NOW, 9);
    cr_expect_eq(seen[4].h.kind, ATS_KIND_TRADE);
    cr_expect_eq(seen_count, 5);
}

Test(feed, an_inbox_holds_only_so_many_and_a_tape_brings_its_own)
{
    const ats_control_due due[] = {due_at(NOW, 1)};
    const ats_control command = {.code = ATS_CONTROL_MODEL, .model_id = 9};
    config.commands = due;
    config.command_count = 1;
    add(ATS_KIND_CONTROL, NOW)->control = (ats_control){
        .h = {.kind = ATS_KIND_CONTROL, .recv_ns = NOW, .event_seq = 1}, .model_id = 7};
    add_trade(100 * E9, E9, NOW)->h.event_seq = 2;
    start();
    source.tape = true;
    for (uint32_t i = 0; i < ATS_CONTROL_WAITING_MAX; i++)
        cr_assert_eq(ats_control_send(fixture.context.inbox, &command), 0);
    cr_assert_eq(ats_control_send(fixture.context.inbox, &command), -1);
    ats_error_clear();
    while (!fixture.io.ended) {
        stage_fixture_work(&fixture);
        collect();
    }
    seen_count--;
    cr_assert_eq(seen_count, 2);
    expect_command(0, NOW, 7);
    cr_expect_eq(fixture.context.metrics->feed.commands, 0);
}

Test(feed, only_a_tape_may_command)
{
    add(ATS_KIND_CONTROL, NOW)->control.model_id = 7;
    add_trade(100 * E9, E9, NOW);
    run_day();
    cr_expect_eq(seen_count, 1);
    cr_expect_eq(seen[0].h.kind, ATS_KIND_TRADE);
}
