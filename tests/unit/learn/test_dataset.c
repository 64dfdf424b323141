/* Datasets of hand-made records: which events make a vector, what price it is of, and labels across
 * corporate actions. tests/python holds whole days to what infer saw. */
#include "learn/dataset.h"

#include "io/calendar_file.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SECOND  ATS_E9
#define MINUTE  (60 * SECOND)
#define OPEN    ((1704240000ll + 14 * 3600 + 1800) * SECOND) /* 2024-01-03, 09:30 in New York */
#define DAY_MAX 512

enum { AAA = 1, SPY = 2 };

static ats_symbols symbols;
static ats_catalogue catalogue;
static ats_calendar_table us;
static ats_market day[DAY_MAX];
static uint64_t day_count;
static ats_dataset dataset;

static void open_dataset(void)
{
    ats_symbol stock = {.venue = "US",
                        .currency = "USD",
                        .tick_e9 = ATS_E9 / 100,
                        .lot_e9 = ATS_E9,
                        .symbol_class = ATS_CLASS_EQUITY};
    strcpy(stock.text, "AAA");
    cr_assert_eq(ats_symbols_add(&symbols, &stock), AAA);
    strcpy(stock.text, "SPY");
    cr_assert_eq(ats_symbols_add(&symbols, &stock), SPY);
    ats_feature_options options = ats_feature_options_default();
    cr_assert_eq(ats_timeframes_parse("1m", &options), 0);
    strcpy(options.index, "SPY");
    cr_assert_eq(ats_catalogue_make(&catalogue, &options), 0);
    cr_assert_eq(ats_calendar_load(&us, NULL), 0);
    day_count = 0;
}

static void close_dataset(void)
{
    ats_dataset_free(&dataset);
    ats_calendar_free(&us);
    ats_symbols_free(&symbols);
}

TestSuite(dataset, .init = open_dataset, .fini = close_dataset);

static ats_market *add(uint8_t kind, uint32_t symbol_id, int64_t at_ns)
{
    cr_assert_lt(day_count, DAY_MAX);
    ats_market *m = &day[day_count++];
    *m = (ats_market){.h = {.kind = kind, .symbol_id = symbol_id, .recv_ns = at_ns}};
    return m;
}

static ats_trade *add_trade(uint32_t symbol_id, int64_t at_ns, int64_t px_e9)
{
    ats_trade *t = &add(ATS_KIND_TRADE, symbol_id, at_ns)->trade;
    t->px_e9 = px_e9;
    t->qty_e9 = 100 * ATS_E9;
    memset(t->condition, ' ', sizeof t->condition);
    return t;
}

static void add_action(uint32_t action, int64_t at_ns, int64_t numerator, int64_t cash_e9)
{
    ats_corporate_action *a = &add(ATS_KIND_CORPORATE_ACTION, AAA, at_ns)->corporate_action;
    a->action = action;
    a->ratio_numerator = numerator;
    a->ratio_denominator = 1;
    a->cash_e9 = cash_e9;
}

static uint64_t vectors_of[3];
static int64_t last_price_e9[3];

static void visit(void *context, const ats_features *f)
{
    (void)context;
    vectors_of[f->h.symbol_id]++;
    last_price_e9[f->h.symbol_id] = f->price_e9;
}

static void collect(int64_t horizon_ns)
{
    ats_market_source source;
    memset(vectors_of, 0, sizeof vectors_of);
    ats_dataset_options options = {.horizon_ns = horizon_ns,
                                   .stride = 1,
                                   .rows_max = DAY_MAX,
                                   .catalogue = &catalogue,
                                   .equity_calendar = &us.calendar,
                                   .visit = visit};
    cr_assert_eq(ats_market_source_memory(&source, day, day_count, &symbols), 0);
    cr_assert_eq(ats_dataset_collect(&dataset, &source, &options), 0);
    ats_market_source_close(&source);
}

/* A bar of the index is closed by whoever is first in the new minute. */
Test(dataset, an_index_without_quotes_has_as_many_vectors_as_its_members)
{
    for (int m = 0; m < 30; m++) {
        add_trade(AAA, OPEN + m * MINUTE, (100 + m % 3) * ATS_E9);
        add_trade(SPY, OPEN + m * MINUTE + SECOND, (400 + m % 5) * ATS_E9);
    }
    collect(0);
    cr_assert_eq(vectors_of[AAA], 29);
    cr_assert_eq(vectors_of[SPY], 29);
}

Test(dataset, a_vector_is_not_of_a_price_that_its_print_may_not_form)
{
    add_trade(AAA, OPEN, 100 * ATS_E9);
    add_trade(AAA, OPEN + SECOND, 101 * ATS_E9);
    add_trade(AAA, OPEN + MINUTE, 150 * ATS_E9)->condition[0] = 'W'; /* an average price */
    collect(0);
    cr_assert_eq(vectors_of[AAA], 1);
    cr_assert_eq(last_price_e9[AAA], 101 * ATS_E9, "and not 150");
    add_trade(AAA, OPEN + 2 * MINUTE, 102 * ATS_E9);
    add_trade(AAA, OPEN + 3 * MINUTE, 90 * ATS_E9)->correction = 10; /* a cancel */
    ats_dataset_free(&dataset);
    collect(0);
    cr_assert_eq(last_price_e9[AAA], 102 * ATS_E9, "and not 90");
}

Test(dataset, a_label_of_seconds_is_not_the_return_of_a_night)
{
    const int64_t next_day = OPEN + 1440 * MINUTE;
    for (int m = 0; m < 3; m++)
        add_trade(AAA, OPEN + m * MINUTE, 100 * ATS_E9);
    for (int m = 0; m < 3; m++)
        add_trade(AAA, next_day + m * MINUTE, 90 * ATS_E9);
    /* Vectors at minutes 1 and 2, at the open that closes the last bar, and at 1 and 2 again. */
    collect(10 * SECOND);
    cr_assert_eq(vectors_of[AAA], 5);
    cr_assert_eq(dataset.rows, 3);
    for (uint64_t i = 0; i < dataset.rows; i++)
        cr_assert_float_eq((double)dataset.y[i], 0, 1e-3, "row %u", (unsigned)i);
    ats_dataset_free(&dataset);
    collect(1380 * MINUTE);
    cr_assert_eq(dataset.rows, 2, "a horizon of 23 hours is over by the next open");
    cr_assert_float_eq((double)dataset.y[0], -1000, 1e-2);
}

/* 400 before; four for one and a dividend of 1 a new share; 99 after is no return. */
Test(dataset, labels_go_on_across_a_split_and_a_dividend_of_one_day)
{
    const int64_t next_day = OPEN + 1440 * MINUTE, midnight = next_day - 570 * MINUTE;
    add_trade(AAA, OPEN, 400 * ATS_E9);
    add_trade(AAA, OPEN + MINUTE, 400 * ATS_E9);
    add_action(ATS_ACTION_SPLIT, midnight, 4, 0);
    add_action(ATS_ACTION_DIVIDEND, midnight, 0, ATS_E9);
    add_trade(AAA, next_day, 99 * ATS_E9);
    add_trade(AAA, next_day + MINUTE, 99 * ATS_E9);
    collect(23 * 60 * MINUTE);
    cr_assert_geq(dataset.rows, 1);
    cr_assert_float_eq((double)dataset.y[0], 0, 1e-3);
}
