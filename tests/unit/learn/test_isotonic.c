/* Isotonic regression: what must hold of any fit, and the least squared error against trying all
 * divisions into blocks. */
#include "learn/isotonic.h"

#include "core/error.h"
#include "core/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#define ROWS_MAX 2000

static float X[ROWS_MAX];
static double Y[ROWS_MAX], W[ROWS_MAX];

/* Few values, so that ties are many. */
static void make_rows(uint64_t n, uint64_t seed, uint32_t values, bool binary)
{
    ats_random r;
    ats_random_seed(&r, seed);
    for (uint64_t i = 0; i < n; i++) {
        X[i] = ((float)ats_random_below(&r, values) - (float)values / 2) * 0.37f;
        Y[i] =
            binary ? (double)ats_random_below(&r, 3) / 2 : (double)ats_random_below(&r, 1000) / 999;
        W[i] = (double)(1 + ats_random_below(&r, 9)) / 3;
    }
}

static double value_at(const ats_isotonic *fit, float x)
{
    for (uint64_t i = 0; i < fit->count; i++)
        if (x >= fit->block[i].low && x <= fit->block[i].high)
            return fit->block[i].mean;
    cr_assert_fail("a row is in no block");
    return (double)NAN;
}

static double error_of(const ats_isotonic *fit, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        double e = Y[i] - value_at(fit, X[i]);
        sum += W[i] * e * e;
    }
    return sum;
}

/* Every block has the weighted mean and the count of its rows; means rise; none overlaps. */
static void expect_sound(const ats_isotonic *fit, uint64_t n)
{
    uint64_t rows = 0;
    for (uint64_t b = 0; b < fit->count; b++) {
        const ats_isotonic_block *block = &fit->block[b];
        double sum = 0, weight = 0;
        uint64_t count = 0;
        for (uint64_t i = 0; i < n; i++)
            if (X[i] >= block->low && X[i] <= block->high) {
                sum += W[i] * Y[i];
                weight += W[i];
                count++;
            }
        cr_expect_eq(count, block->rows);
        cr_expect_float_eq(sum / weight, block->mean, 1e-12);
        cr_expect_float_eq(weight, block->weight, 1e-9);
        cr_expect(b == 0 || (block->mean > block[-1].mean && block->low > block[-1].high));
        rows += count;
    }
    cr_expect_eq(rows, n);
}

Test(isotonic, blocks_have_the_means_of_their_rows_and_rise)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        ats_isotonic fit;
        uint64_t n = 1 + seed * 31;
        make_rows(n, seed, 1 + (uint32_t)(seed * 7), seed % 2);
        cr_assert_eq(ats_isotonic_fit(&fit, X, Y, W, n), 0);
        expect_sound(&fit, n);
        ats_isotonic_free(&fit);
    }
}

/* Least error of a rising step function over distinct values of x: all divisions into runs, each at
 * its mean, that rise. */
static double least_error(uint64_t n)
{
    double least = INFINITY;
    float value[8];
    uint32_t values = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t k = 0;
        while (k < values && value[k] < X[i])
            k++;
        if (k < values && value[k] == X[i])
            continue;
        for (uint32_t j = values++; j > k; j--)
            value[j] = value[j - 1];
        value[k] = X[i];
    }
    for (uint32_t cuts = 0; cuts < 1u << (values - 1); cuts++) {
        double total = 0, before = -INFINITY;
        for (uint32_t from = 0, to; from < values; from = to) {
            double sum = 0, weight = 0, squares = 0;
            for (to = from + 1; to < values && !(cuts >> (to - 1) & 1); to++)
                ;
            for (uint64_t i = 0; i < n; i++)
                if (X[i] >= value[from] && X[i] <= value[to - 1]) {
                    sum += W[i] * Y[i];
                    squares += W[i] * Y[i] * Y[i];
                    weight += W[i];
                }
            total += sum / weight >= before ? squares - sum * sum / weight : INFINITY;
            before = sum / weight;
        }
        least = fmin(least, total);
    }
    return least;
}

Test(isotonic, no_rising_function_fits_better)
{
    for (uint64_t seed = 0; seed < 400; seed++) {
        ats_isotonic fit;
        uint64_t n = 1 + seed % 20;
        make_rows(n, 1000 + seed, 8, seed % 3 == 0);
        cr_assert_eq(ats_isotonic_fit(&fit, X, Y, W, n), 0);
        cr_expect_float_eq(error_of(&fit, n), least_error(n), 1e-9);
        ats_isotonic_free(&fit);
    }
}

Test(isotonic, fewer_blocks_keep_their_means_and_the_limits)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        ats_isotonic fit;
        uint64_t n = 1500, rows_min = seed * 3;
        uint32_t knots_max = 2 + (uint32_t)seed;
        make_rows(n, seed, 1200, false);
        for (uint64_t i = 0; i < n; i++) /* rises, so that there are many blocks */
            Y[i] = 0.8 * ((double)X[i] / 444 + 0.5) + 0.1 * Y[i];
        cr_assert_eq(ats_isotonic_fit(&fit, X, Y, W, n), 0);
        uint64_t knots = ats_isotonic_knots(&fit);
        cr_expect_gt(knots, knots_max);
        double error = error_of(&fit, n);
        ats_isotonic_simplify(&fit, rows_min, knots_max);
        expect_sound(&fit, n);
        cr_expect_geq(error_of(&fit, n), error - 1e-9);
        cr_expect_leq(ats_isotonic_knots(&fit), knots_max);
        for (uint64_t i = 0; i < fit.count; i++)
            cr_expect_geq(fit.block[i].rows, rows_min);
        ats_isotonic_free(&fit);
    }
}

Test(isotonic, what_is_within_the_limits_stays_as_it_is)
{
    ats_isotonic fit;
    static const float x[] = {3, 1, 2, 2};
    static const double y[] = {1, 0, 0.5, 0.5};
    cr_assert_eq(ats_isotonic_fit(&fit, x, y, NULL, 4), 0);
    ats_isotonic_simplify(&fit, 1, 3);
    cr_expect_eq(fit.count, 3);
    ats_isotonic_simplify(&fit, 2, 2); /* 1 and 3 are poor: all become one */
    cr_expect_leq(ats_isotonic_knots(&fit), 2);
    ats_isotonic_free(&fit);
}

Test(isotonic, a_table_has_both_ends_of_a_block)
{
    ats_isotonic fit;
    ats_calibration table;
    static const float x[] = {-1, 0, 1, 2};
    static const double y[] = {0.25, 0.75, 0.25, 1};
    cr_assert_eq(ats_isotonic_fit(&fit, x, y, NULL, 4), 0);
    cr_assert_eq(ats_isotonic_table(&fit, &table), 0);
    cr_assert_eq(table.count, 4);
    cr_expect_eq(ats_calibration_chance(&table, -5), 0.25f);
    cr_expect_eq(ats_calibration_chance(&table, -0.5f), 0.375f);
    cr_expect_eq(ats_calibration_chance(&table, 0.5f), 0.5f);
    cr_expect_eq(ats_calibration_chance(&table, 1.5f), 0.75f);
    cr_expect_eq(ats_calibration_chance(&table, 9), 1.0f);
    ats_isotonic_free(&fit);
}

Test(isotonic, what_cannot_be_fitted_is_refused)
{
    ats_isotonic fit;
    ats_calibration table;
    static const float x[] = {0, NAN}, two[] = {0, 1};
    static const double y[] = {0, 1}, wild[] = {0, 1.5}, w[] = {1, 0}, bad[] = {INFINITY, 0};
    cr_expect_eq(ats_isotonic_fit(&fit, x, y, NULL, 0), -1);
    cr_expect_eq(ats_isotonic_fit(&fit, x, y, NULL, 2), -1);
    cr_expect_eq(ats_isotonic_fit(&fit, two, y, w, 2), -1);
    cr_expect_eq(ats_isotonic_fit(&fit, two, bad, NULL, 2), -1);
    cr_expect_eq(ats_error_code(), ATS_EXIT_DATA);
    cr_expect_null(fit.block);
    cr_assert_eq(ats_isotonic_fit(&fit, two, wild, NULL, 2), 0);
    cr_expect_eq(ats_isotonic_table(&fit, &table), -1, "1.5 is no chance");
    ats_isotonic_free(&fit);
}
