/* The feature stage: bars on session time, prints by the tape's rules, corporate actions, what is
 * ready when, and what thin markets give. Formulas are held to other people's in tests/python. */
#include "stages/feature/feature.h"

#include "core/error.h"
#include "io/calendar_file.h"
#include "stages/feature/symbol.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE (60 * ATS_E9)
#define HOUR   (60 * MINUTE)

static ats_catalogue catalogue;
static ats_calendar_table us;

/* One symbol (and an index for it) on the calendar of the US exchanges. */
static ats_symbol_state *symbol, *other;

static ats_symbol_state *fresh(const ats_calendar *calendar, ats_symbol_state *index)
{
    ats_symbol_state *s = aligned_alloc(64, ats_symbol_bytes(&catalogue));
    memset(s, 0, ats_symbol_bytes(&catalogue));
    ats_symbol_init(s, &catalogue, calendar, index, NULL);
    return s;
}

static void set_up_with(const char *timeframes)
{
    ats_feature_options options = ats_feature_options_default();
    cr_assert_eq(ats_timeframes_parse(timeframes, &options), 0);
    cr_assert_eq(ats_catalogue_make(&catalogue, &options), 0);
    cr_assert_eq(ats_calendar_load(&us, NULL), 0);
    other = fresh(&us.calendar, NULL);
    symbol = fresh(&us.calendar, other);
}

static void set_up(void)
{
    set_up_with("1m,1h");
}

static void tear_down(void)
{
    free(symbol);
    free(other);
    ats_calendar_free(&us);
}

TestSuite(feature, .init = set_up, .fini = tear_down);

static int64_t e9(double x)
{
    return (int64_t)(x * 1e9 + 0.5);
}

/* 09:30 in New York of 2024-01-03, in winter. */
#define OPEN ((1704240000ll + 14 * 3600 + 1800) * ATS_E9)

static ats_symbol_result print_at(int64_t ns, double px, double qty, const char *condition,
                                  uint8_t correction)
{
    ats_trade t = {.h = {.recv_ns = ns, .kind = ATS_KIND_TRADE},
                   .px_e9 = e9(px),
                   .qty_e9 = e9(qty),
                   .condition = {' ', ' ', ' ', ' '},
                   .correction = correction};
    memcpy(t.condition, condition, strlen(condition));
    return ats_symbol_trade(symbol, &t);
}

static ats_symbol_result trade_at(int64_t ns, double px, double qty)
{
    return print_at(ns, px, qty, "", 0);
}

static void quote_at(int64_t ns, double bid, double ask, double size)
{
    ats_quote q = {.h = {.recv_ns = ns, .kind = ATS_KIND_QUOTE},
                   .bid_e9 = e9(bid),
                   .ask_e9 = e9(ask),
                   .bid_size_e9 = e9(bid > 0 ? size : 0),
                   .ask_size_e9 = e9(ask > 0 ? size : 0)};
    ats_symbol_quote(symbol, &q);
}

static ats_symbol_result bar_at(ats_symbol_state *s, int64_t start_ns, uint32_t period_s,
                                double open, double high, double low, double close, double volume)
{
    ats_bar b = {
        .h = {.recv_ns = start_ns + period_s * ATS_E9, .event_ns = start_ns, .kind = ATS_KIND_BAR},
        .open_e9 = e9(open),
        .high_e9 = e9(high),
        .low_e9 = e9(low),
        .close_e9 = e9(close),
        .volume_e9 = e9(volume),
        .period_s = period_s};
    return ats_symbol_bar(s, &b);
}

static double value(const char *name, int64_t now_ns)
{
    static double values[ATS_FEATURES_MAX];
    int i = ats_catalogue_find(&catalogue, name);
    cr_assert_geq(i, 0, "%s", name);
    ats_symbol_values(symbol, now_ns, values);
    return values[i];
}

/* ---- bars ---------------------------------------------------------------------------------------
 */

Test(feature, bars_lie_on_session_time)
{
    /* A winter and a summer day: 09:30 in New York is 14:30 and 13:30 UTC. */
    free(symbol);
    for (int summer = 0; summer < 2; summer++) {
        ats_symbol_state *s = symbol = fresh(&us.calendar, NULL);
        int64_t open = summer ? (1719964800ll + 13 * 3600 + 1800) * ATS_E9 : OPEN;
        trade_at(open + 59 * MINUTE, 100, 100);
        cr_assert_eq(s->frames[1].builder.start_ns, open, "hours begin with the session");
        cr_assert_eq(s->frames[1].builder.end_ns, open + HOUR);
        trade_at(open + HOUR, 101, 100);
        cr_assert_eq(s->frames[1].history.count, 1);
        cr_assert_eq(s->frames[1].last.close, 100);
        /* 2024-07-03 closes early, at 13:00; the last hour is half an hour. */
        int64_t close = summer ? open + 210 * MINUTE : open + 390 * MINUTE;
        trade_at(close - MINUTE, 102, 100);
        cr_assert_eq(s->frames[1].builder.end_ns, close, "cut off at the close");
        free(s);
    }
    symbol = NULL;
}

Test(feature, a_bar_closes_with_the_first_record_at_its_end)
{
    trade_at(OPEN + 1, 100, 10);
    quote_at(OPEN + MINUTE - 1, 100, 101, 100);
    cr_assert_eq(symbol->frames[0].history.count, 0);
    quote_at(OPEN + MINUTE, 100, 101, 100);
    cr_assert_eq(symbol->frames[0].history.count, 1);
    /* Minutes without a print make no bar. */
    trade_at(OPEN + 10 * MINUTE, 100, 10);
    quote_at(OPEN + 11 * MINUTE, 100, 101, 100);
    cr_assert_eq(symbol->frames[0].history.count, 2);
}

Test(feature, extended_hours_have_their_own_bars)
{
    int64_t pre = OPEN - HOUR - 30 * MINUTE; /* 08:00 */
    cr_assert_eq(print_at(pre, 100, 100, "T", 0), ATS_SYMBOL_TAKEN);
    cr_assert_eq(print_at(pre + 1, 120, 100, "U", 0), ATS_SYMBOL_NO_PRICE, "out of sequence");
    quote_at(OPEN - MINUTE, 100, 101, 100);
    cr_assert_eq(symbol->frames[0].last.high, 100);
    /* In the regular session a T is volume only. */
    cr_assert_eq(print_at(OPEN + 1, 90, 100, "T", 0), ATS_SYMBOL_NO_PRICE);
    cr_assert_eq(value("session_phase", OPEN + 1), ATS_PHASE_REGULAR);
}

Test(feature, ready_made_bars_build_coarser_ones)
{
    for (int m = 0; m < 120; m++)
        bar_at(symbol, OPEN + m * MINUTE, 60, 100 + m, 100 + m + 0.5, 100 + m - 0.25, 100 + m, 10);
    const ats_frame *hour = &symbol->frames[1];
    cr_assert_eq(symbol->frames[0].history.count, 120);
    cr_assert_eq(hour->history.count, 2);
    cr_assert_eq(hour->last.open, 160);
    cr_assert_eq(hour->last.high, 219.5);
    cr_assert_eq(hour->last.low, 159.75);
    cr_assert_eq(hour->last.close, 219);
    cr_assert_eq(hour->last.volume, 600);
    cr_assert(isnan(value("signed_volume_1h", OPEN + 2 * HOUR)), "sides are not known");
    cr_assert_eq(bar_at(symbol, OPEN + 2 * HOUR, 300, 1, 1, 1, 1, 1), ATS_SYMBOL_IGNORED,
                 "one period a symbol");
    trade_at(OPEN + 2 * HOUR + 1, 220, 10);
    cr_assert_eq(bar_at(symbol, OPEN + 2 * HOUR, 60, 1, 1, 1, 1, 1), ATS_SYMBOL_IGNORED,
                 "bars are built from trades where there are trades");
}

Test(feature, the_session_before_is_yesterdays_all_day)
{
    int64_t day = 24 * HOUR;
    trade_at(OPEN + 1, 100, 100); /* a Wednesday */
    trade_at(OPEN + HOUR, 110, 100);
    print_at(OPEN + day - 90 * MINUTE, 120, 10, "T",
             0); /* before the market: still of Wednesday's close */
    cr_assert_float_eq(value("overnight_gap_bps", OPEN + day - 90 * MINUTE), 1e4 * 10 / 110, 1e-6);
    trade_at(OPEN + day + 1, 121, 50);
    cr_assert_float_eq(value("overnight_gap_bps", OPEN + day + 1), 1000, 1e-6);
    cr_assert_float_eq(value("session_volume_ratio", OPEN + day + 1), 0.25, 1e-9);
    trade_at(OPEN + day + HOUR, 130, 50);
    int64_t after = OPEN + day + 390 * MINUTE + 1;
    quote_at(after, 129, 131, 100);
    cr_assert_float_eq(value("overnight_gap_bps", after), 1000, 1e-6, "after hours, too");
    cr_assert_float_eq(value("session_volume_ratio", after), 0.5, 1e-9);
}

Test(feature, a_daily_bar_is_the_regular_session)
{
    tear_down();
    set_up_with("1d");
    print_at(OPEN - HOUR, 90, 100, "T", 0);
    trade_at(OPEN + 1, 100, 100);
    trade_at(OPEN + 6 * HOUR, 104, 100);
    print_at(OPEN + 390 * MINUTE + 1, 120, 100, "T", 0);
    cr_assert_eq(symbol->frames[0].history.count, 1);
    cr_assert_eq(symbol->frames[0].last.open, 100);
    cr_assert_eq(symbol->frames[0].last.high, 104);
}

/* ---- prints -------------------------------------------------------------------------------------
 */

Test(feature, conditions_decide_what_forms_a_price)
{
    trade_at(OPEN + 1, 100, 100);
    cr_assert_eq(print_at(OPEN + 2, 130, 5, "I", 0), ATS_SYMBOL_NO_PRICE);
    cr_assert_eq(print_at(OPEN + 3, 105, 100, "Z", 0), ATS_SYMBOL_TAKEN, "may be the high");
    cr_assert_eq(print_at(OPEN + 4, 140, 1000, "7", 0), ATS_SYMBOL_NO_PRICE);
    cr_assert_eq(print_at(OPEN + 5, 99, 1000, "M", 0), ATS_SYMBOL_NO_PRICE);
    quote_at(OPEN + MINUTE, 100, 101, 100);
    const ats_bar_facts *b = &symbol->frames[0].last;
    cr_assert_eq(b->open, 100);
    cr_assert_eq(b->high, 105);
    cr_assert_eq(b->close, 100, "a late print is no last price");
    cr_assert_eq(b->volume, 100 + 5 + 100 + 1000, "the official close repeats a print");
}

Test(feature, late_prints_count_in_volume_only)
{
    trade_at(OPEN + 10 * MINUTE, 100, 100);
    ats_trade late = {.h = {.recv_ns = OPEN + 10 * MINUTE + 1, .event_ns = OPEN + 5 * MINUTE},
                      .px_e9 = e9(150),
                      .qty_e9 = e9(40)};
    cr_assert_eq(ats_symbol_trade(symbol, &late), ATS_SYMBOL_LATE);
    late.h.event_ns = OPEN + 10 * MINUTE - 9 * ATS_E9; /* within what may be reported */
    cr_assert_eq(ats_symbol_trade(symbol, &late), ATS_SYMBOL_TAKEN);
    cr_assert_float_eq(symbol->session.vwap.volume, 180, 1e-9);
    quote_at(OPEN + 11 * MINUTE, 100, 101, 100);
    cr_assert_eq(symbol->frames[0].last.volume, 140);
}

Test(feature, a_cancel_takes_its_print_back)
{
    trade_at(OPEN + 1, 100, 100);
    print_at(OPEN + 2, 110, 50, "", 8); /* to be cancelled; live could not know */
    cr_assert_eq(symbol->session.vwap.volume, 150);
    cr_assert_eq(print_at(OPEN + 3, 110, 50, "", 10), ATS_SYMBOL_REVERSED);
    cr_assert_eq(symbol->session.vwap.volume, 100);
    cr_assert_float_eq(ats_vwap_value(&symbol->session.vwap), 100, 1e-12);
    cr_assert_eq(print_at(OPEN + 4, 110, 50, "", 12), ATS_SYMBOL_IGNORED);
    print_at(OPEN + 5, 100, 1e6, "", 10);
    cr_assert_eq(symbol->session.vwap.volume, 0, "never below nothing");
}

/* ---- corporate actions
 * ------------------------------------------------------------------------------ */

static void act(uint32_t action, int64_t ns, int64_t numerator, int64_t denominator, double cash)
{
    ats_corporate_action a = {.h = {.recv_ns = ns},
                              .action = action,
                              .ratio_numerator = numerator,
                              .ratio_denominator = denominator,
                              .cash_e9 = e9(cash)};
    ats_symbol_action(symbol, &a);
}

/* Days of minutes in two worlds, one with a 4:1 split and a dividend in it, must give one vector.
 */
Test(feature, nothing_jumps_at_an_ex_date)
{
    static float plain[ATS_FEATURES_MAX];
    double scale = 1;
    free(symbol);
    for (int world = 0; world < 2; world++) {
        symbol = fresh(&ats_calendar_continuous, NULL);
        scale = 1;
        for (int m = 0; m < 2000; m++) {
            int64_t ns = OPEN + m * MINUTE;
            if (world && m == 900) {
                act(ATS_ACTION_SPLIT, ns - 1, 4, 1, 0);
                scale = 4;
            }
            double px = 400 + (m * 37 % 101) / 4.0, qty = 100 + m % 7;
            trade_at(ns, px / scale, qty * scale);
            quote_at(ns + ATS_E9, (px - 0.04) / scale, (px + 0.04) / scale, 400 * scale);
        }
        ats_symbol_vector(symbol, OPEN + 2000 * MINUTE);
        for (uint32_t i = 0; i < catalogue.count; i++)
            if (world == 0)
                plain[i] = symbol->vector[i];
            else
                cr_assert(plain[i] == symbol->vector[i] ||
                              (isnan(plain[i]) && isnan(symbol->vector[i])) ||
                              fabsf(plain[i] - symbol->vector[i]) <=
                                  1e-5f * fabsf(plain[i]) + 1e-4f,
                          "%s: %.9g, with a split %.9g", catalogue.feature[i].name, plain[i],
                          symbol->vector[i]);
        free(symbol);
    }
    symbol = NULL;
}

Test(feature, a_dividend_is_no_return)
{
    trade_at(OPEN + 1, 100, 10);
    trade_at(OPEN + MINUTE, 100, 10);
    act(ATS_ACTION_DIVIDEND, OPEN + MINUTE + 1, 0, 0, 2);
    trade_at(OPEN + 2 * MINUTE, 98, 10);
    trade_at(OPEN + 3 * MINUTE, 98, 10);
    cr_assert_float_eq(value("return_1_bps_1m", OPEN + 3 * MINUTE), 0, 1e-9);
    act(ATS_ACTION_DIVIDEND, OPEN + 3 * MINUTE + 1, 0, 0, 500);
    cr_assert_float_eq(symbol->price_scale, 100.0 / 98, 1e-12, "more than the price: nothing");
}

/* ---- thin markets
 * ---------------------------------------------------------------------------------- */

Test(feature, not_warm_is_nan_and_counted)
{
    quote_at(OPEN, 100, 101, 100);
    uint32_t ready = ats_symbol_vector(symbol, OPEN), counted = 0;
    for (uint32_t i = 0; i < catalogue.count; i++) {
        counted += !isnan(symbol->vector[i]);
        if (catalogue.feature[i].timeframe_s)
            cr_assert(isnan(symbol->vector[i]), "%s", catalogue.feature[i].name);
    }
    cr_assert_eq(ready, counted);
    cr_assert(ready > 5 && ready < 20, "%u", ready);
}

Test(feature, one_sided_books_hold_the_averages_and_have_no_spread)
{
    for (int i = 0; i < 30; i++)
        quote_at(OPEN + i * ATS_E9, 100, 101, 100);
    double before = value("mid_ema_20_bps", OPEN + 30 * ATS_E9);
    quote_at(OPEN + 30 * ATS_E9, 0, 101, 100);
    cr_assert(isnan(value("spread_bps", OPEN + 30 * ATS_E9)));
    cr_assert_not(ats_symbol_has_price(symbol));
    quote_at(OPEN + 31 * ATS_E9, 100, 101, 100);
    cr_assert_float_eq(value("mid_ema_20_bps", OPEN + 31 * ATS_E9), before, 1e-9);
    quote_at(OPEN + 32 * ATS_E9, 101, 101, 100);
    cr_assert_eq(value("spread_bps", OPEN + 32 * ATS_E9), 0, "locked");
    quote_at(OPEN + 33 * ATS_E9, 101, 100, 100);
    cr_assert_lt(value("spread_bps", OPEN + 33 * ATS_E9), 0, "crossed");
}

/* Every value of a market that never moves, with single-print bars of no volume, is defined: NaN
 * only where the catalogue says so, and within its range. */
Test(feature, a_market_that_stands_still_is_defined)
{
    static const char *const NAN_HERE[] = {"vwap_20_distance_bps", "signed_volume", "kyle_lambda",
                                           "index_", "sector_"};
    for (int m = 0; m < 7300; m++)
        bar_at(symbol, OPEN + m * MINUTE, 60, 50, 50, 50, 50, 0);
    static double values[ATS_FEATURES_MAX];
    ats_symbol_values(symbol, OPEN + 7300 * MINUTE, values);
    for (uint32_t i = 0; i < catalogue.count; i++) {
        const ats_feature_def *f = &catalogue.feature[i];
        if (f->timeframe_s != 60)
            continue;
        bool may_be_nan = false;
        for (size_t k = 0; k < sizeof NAN_HERE / sizeof NAN_HERE[0]; k++)
            may_be_nan |= strncmp(f->name, NAN_HERE[k], strlen(NAN_HERE[k])) == 0;
        cr_assert_eq(isnan(values[i]), may_be_nan, "%s is %g", f->name, values[i]);
        cr_assert(isnan(values[i]) || (values[i] >= f->low && values[i] <= f->high), "%s is %g",
                  f->name, values[i]);
    }
    cr_assert_eq(value("rsi_14_1m", OPEN + 7300 * MINUTE), 50);
    cr_assert_eq(value("bollinger_position_20_1m", OPEN + 7300 * MINUTE), 0.5);
}

Test(feature, volume_without_a_price_stands_where_the_price_stood)
{
    print_at(OPEN + 1, 100, 5, "I", 0);
    quote_at(OPEN + MINUTE, 99, 101, 100);
    cr_assert_eq(symbol->frames[0].history.count, 0, "no price yet: no bar");
    trade_at(OPEN + MINUTE + 1, 100, 100);
    print_at(OPEN + 2 * MINUTE, 130, 5, "I", 0);
    quote_at(OPEN + 3 * MINUTE, 99, 101, 100);
    cr_assert_eq(symbol->frames[0].history.count, 2);
    cr_assert_eq(symbol->frames[0].last.high, 100);
    cr_assert_eq(symbol->frames[0].last.volume, 5);
}

/* ---- benchmarks
 * -------------------------------------------------------------------------------------- */

Test(feature, pairs_wait_for_an_index_that_comes_later)
{
    for (int m = 0; m < 40; m++) {
        double px = 100 + m % 5;
        /* The symbol's bar is always in the file before the index's of the same minute. */
        bar_at(symbol, OPEN + m * MINUTE, 60, px, px, px, px, 10);
        bar_at(other, OPEN + m * MINUTE, 60, px * 2, px * 2, px * 2, px * 2, 10);
    }
    cr_assert_geq(symbol->frames[0].benchmark.index.count, 37);
    cr_assert_float_eq(value("index_beta_20_1m", OPEN + 40 * MINUTE), 1, 1e-9);
    cr_assert_float_eq(value("index_correlation_20_1m", OPEN + 40 * MINUTE), 1, 1e-9);
}

/* ---- the catalogue
 * ------------------------------------------------------------------------------------ */

Test(catalogue, a_hundred_and_more_each_named_once)
{
    cr_assert_eq(ats_catalogue_make(&catalogue, NULL), 0);
    cr_assert_geq(catalogue.count, 100);
    for (uint32_t i = 0; i < catalogue.count; i++) {
        const ats_feature_def *f = &catalogue.feature[i];
        cr_assert_eq(ats_catalogue_find(&catalogue, f->name), (int)i, "%s", f->name);
        cr_assert(*f->source && *f->unit && *f->inputs && f->warm_up >= 1 && f->low <= f->high,
                  "%s", f->name);
    }
    ats_feature_options options = ats_feature_options_default();
    cr_assert_eq(ats_timeframes_parse("1m,5m,15m,30m,1h,1d", &options), 0);
    cr_assert_leq(ats_symbol_bytes(&catalogue), 64 * 1024, "64 KiB a symbol");
    cr_assert_eq(ats_catalogue_make(&catalogue, &options), 0);
    cr_assert_leq(ats_symbol_bytes(&catalogue), 96 * 1024, "and with as many as there may be");
}

Test(catalogue, the_version_is_of_everything)
{
    static ats_catalogue a, b;
    ats_feature_options options = ats_feature_options_default();
    cr_assert_eq(ats_catalogue_make(&a, NULL), 0);
    cr_assert_eq(ats_catalogue_make(&b, &options), 0);
    cr_assert_eq(a.version, b.version);
    strcpy(options.index, "SPY");
    ats_catalogue_make(&b, &options);
    cr_assert_neq(a.version, b.version);
    options = ats_feature_options_default();
    ats_timeframes_parse("1m,5m", &options);
    ats_catalogue_make(&b, &options);
    cr_assert_neq(a.version, b.version);
}

Test(catalogue, timeframes)
{
    ats_feature_options o = ats_feature_options_default();
    static const char *const bad[] = {"",    "5m,1m", "1m,1m", "7m",
                                      "0m",  "1w",    "1m,,",  "m",
                                      "-1m", "2d",    "1m,",   "1s,2s,3s,4s,5s,6s,8s"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ats_error_clear();
        cr_assert_eq(ats_timeframes_parse(bad[i], &o), -1, "\"%s\"", bad[i]);
    }
    char text[ATS_TIMEFRAMES_TEXT];
    cr_assert_eq(ats_timeframes_parse("30s,1m,90m,1d", &o), 0);
    ats_timeframes_print(&o, text);
    cr_assert_str_eq(text, "30s,1m,90m,1d");
}
