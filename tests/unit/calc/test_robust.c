/* The window against a sort of the same values. */
#include "calc/robust.h"
#include "core/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Lower median of a copy. */
static int64_t middle(const int64_t *values, uint32_t n)
{
    int64_t copy[ATS_ROBUST_WINDOW];
    memcpy(copy, values, n * sizeof *copy);
    qsort(copy, n, sizeof *copy, ascending);
    return copy[(n - 1) / 2];
}

typedef struct reference {
    int64_t values[20000]; /* different from their predecessor */
    uint32_t count;
} reference;

static void expect_equal(const ats_robust *r, const reference *all)
{
    uint32_t n = all->count < ATS_ROBUST_WINDOW ? all->count : ATS_ROBUST_WINDOW;
    const int64_t *window = all->values + all->count - n;
    int64_t distances[ATS_ROBUST_WINDOW], median = middle(window, n);
    for (uint32_t i = 0; i < n; i++)
        distances[i] = llabs(window[i] - median);
    cr_assert_eq(r->count, n);
    cr_assert_eq(ats_robust_median(r), median, "after %u values", all->count);
    cr_assert_eq(ats_robust_mad(r), middle(distances, n), "after %u values", all->count);
}

static void hold_to_a_sort(uint64_t seed, int64_t range)
{
    static reference all;
    ats_robust r = {0};
    ats_random random = {0};
    ats_random_seed(&random, seed);
    all.count = 0;
    int64_t x = 100000;
    for (int i = 0; i < 15000; i++) {
        if (ats_random_below(&random, 50) == 0)
            x += (int64_t)ats_random_below(&random, 2000) - 1000; /* a move of level */
        int64_t value = x + (int64_t)ats_random_below(&random, (uint64_t)range);
        if (all.count == 0 || value != all.values[all.count - 1])
            all.values[all.count++] = value;
        ats_robust_add(&r, value);
        expect_equal(&r, &all);
    }
}

Test(robust, median_and_mad_are_those_of_a_sort)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        hold_to_a_sort(seed, 2); /* ticks: nearly all equal */
        hold_to_a_sort(seed, 7);
        hold_to_a_sort(seed, 100000);
    }
}

static bool by_definition(const ats_robust *r, int64_t x, int64_t k_e4, int64_t floor)
{
    int64_t mad = ats_robust_mad(r) > floor ? ats_robust_mad(r) : floor;
    return (long double)llabs(x - ats_robust_median(r)) > (long double)k_e4 / 10000 * mad;
}

Test(robust, outliers_are_those_of_the_definition)
{
    ats_robust r = {0};
    ats_random random = {0};
    uint32_t outliers = 0;
    ats_random_seed(&random, 5);
    for (int i = 0; i < 50000; i++) {
        int64_t x = 1000000 + (int64_t)ats_random_below(&random, 2000);
        if (ats_random_below(&random, 20) == 0)
            x += (int64_t)ats_random_below(&random, 40000) - 20000;
        int64_t floor = 1 + (int64_t)ats_random_below(&random, 1500);
        bool is = ats_robust_is_outlier(&r, x, 5 * 14826, floor);
        cr_assert_eq(is, ats_robust_full(&r) && by_definition(&r, x, 5 * 14826, floor));
        outliers += is;
        ats_robust_add(&r, x);
    }
    cr_assert(outliers > 500 && outliers < 5000, "%u", outliers);
}

Test(robust, a_window_that_is_not_full_judges_nothing)
{
    ats_robust r = {0};
    for (int64_t i = 0; i < ATS_ROBUST_WINDOW; i++) {
        cr_assert_not(ats_robust_is_outlier(&r, 1000000000, 14826, 1));
        ats_robust_add(&r, 100 + i % 2);
    }
    cr_assert(ats_robust_is_outlier(&r, 1000000000, 14826, 1));
}

Test(robust, the_floor_keeps_a_quiet_market_quiet)
{
    ats_robust r = {0};
    for (int64_t i = 0; i < 2 * ATS_ROBUST_WINDOW; i++)
        ats_robust_add(&r, i % 2 ? 1000 : 1001);
    /* MAD is 0 or 1: without a floor of a tick of ten, 16 away would be an outlier at z = 10. */
    cr_assert(ats_robust_is_outlier(&r, 1017, 148260, 1));
    cr_assert_not(ats_robust_is_outlier(&r, 1017, 148260, 10));
    cr_assert(ats_robust_is_outlier(&r, 1200, 148260, 10));
}

Test(robust, a_move_of_level_is_accepted_after_half_a_window)
{
    ats_robust r = {0};
    uint32_t flagged = 0;
    for (int64_t i = 0; i < 3 * ATS_ROBUST_WINDOW; i++)
        ats_robust_add(&r, 1000 + i % 5);
    for (int64_t i = 0; i < 2 * ATS_ROBUST_WINDOW; i++) {
        flagged += ats_robust_is_outlier(&r, 2000 + i % 5, 148260, 1);
        ats_robust_add(&r, 2000 + i % 5);
    }
    cr_assert_eq(flagged, (ATS_ROBUST_WINDOW + 1) / 2, "%u", flagged);
}
