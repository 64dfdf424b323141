/* Drift and correlation on numbers that were worked out by hand; tests/python compares with numpy
 * and scipy. */
#include "learn/correlation.h"
#include "learn/drift.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

Test(drift, psi_of_hand_made_counts)
{
    const uint64_t before[] = {50, 30, 20, 0}, now[] = {20, 30, 50, 0};
    cr_assert_float_eq(ats_psi(before, 100, before, 100, 4), 0, 1e-15);
    /* -0.3 ln 0.4 + 0.3 ln 2.5 */
    cr_assert_float_eq(ats_psi(now, 100, before, 100, 4), 0.5497744391, 1e-9);
    const uint64_t gone[] = {0, 50, 50, 0};
    /* (1e-4 - 0.5) ln(1e-4 / 0.5) + 0.2 ln(5/3) + 0.3 ln 2.5 */
    cr_assert_float_eq(ats_psi(gone, 100, before, 100, 4), 4.6347972, 1e-6);
}

Test(drift, ks_of_hand_made_samples)
{
    const float a[] = {1, 2, 3, 4}, b[] = {3, 4, 5, 6}, c[] = {10, 11}, d[] = {2, 2, 2, 2};
    cr_assert_float_eq(ats_ks_statistic(a, 4, a, 4), 0, 0);
    cr_assert_float_eq(ats_ks_statistic(a, 4, b, 4), 0.5, 1e-15);
    cr_assert_float_eq(ats_ks_statistic(a, 4, c, 2), 1, 1e-15);
    cr_assert_float_eq(ats_ks_statistic(a, 4, d, 4), 0.5, 1e-15);
    /* Smirnov's table: 1.3581 is the 5 % point, 1.6276 the 1 % point. */
    cr_assert_float_eq(ats_ks_p_value(1.3581 / sqrt(5000), 10000, 10000), 0.05, 1e-4);
    cr_assert_float_eq(ats_ks_p_value(1.6276 / sqrt(5000), 10000, 10000), 0.01, 1e-4);
    cr_assert_float_eq(ats_ks_p_value(0, 100, 100), 1, 0);
}

static ats_dataset dataset_of(float *x, uint64_t rows, uint32_t features)
{
    return (ats_dataset){
        .x = x, .rows = rows, .features = features, .recv_ns = calloc(rows, sizeof(int64_t))};
}

Test(drift, bins_are_twentieths_and_ties_make_fewer)
{
    static float x[10000][3];
    for (int i = 0; i < 10000; i++) {
        x[i][0] = (float)((i * 7919) % 10000); /* every number once */
        x[i][1] = (float)(i % 2);
        x[i][2] = i % 4 ? 3.0f : NAN;
    }
    ats_dataset d = dataset_of(x[0], 10000, 3);
    ats_distribution made;
    cr_assert_eq(ats_distribution_make(&made, &d, d.rows), 0);
    cr_assert_eq(made.feature[0].edge_count, ATS_DISTRIBUTION_BINS - 1);
    for (uint32_t i = 0; i < ATS_DISTRIBUTION_BINS; i++)
        cr_assert_leq(llabs((long long)made.feature[0].count[i] - 500), 26);
    cr_assert_eq(made.feature[1].edge_count, 1);
    cr_assert_eq(made.feature[1].count[0], 5000);
    cr_assert_eq(made.feature[2].edge_count, 0);
    cr_assert_eq(made.feature[2].missing, 2500);
    ats_drift_row rows[3];
    cr_assert_eq(ats_drift(&made, &d, 0, 10000, rows), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_float_eq(rows[i].psi, 0, 1e-12);
    for (int i = 0; i < 10000; i++)
        x[i][1] = (float)(i % 10 == 0); /* was half, is a tenth */
    cr_assert_eq(ats_drift(&made, &d, 0, 10000, rows), 0);
    cr_assert_eq(rows[0].feature, 1);
    cr_assert_float_eq(rows[0].psi, 0.4 * log(9), 1e-9);
    d.features = 2;
    cr_assert_eq(ats_drift(&made, &d, 0, 10000, rows), -1, "other features");
    ats_distribution_free(&made);
    free(d.recv_ns);
}

Test(correlation, chains_of_pairs_are_groups)
{
    static float x[2000][5];
    for (int i = 0; i < 2000; i++) {
        double a = (double)((i * 7919) % 2000), b = (double)((i * 104729 + 37) % 2000);
        x[i][0] = (float)a;
        x[i][1] = (float)(-a * a * a); /* monotone: Spearman -1, Pearson less */
        x[i][2] = (float)b;
        x[i][3] = i % 5 ? (float)(a + 100) : NAN;
        x[i][4] = 4;
    }
    ats_correlation c;
    uint32_t group[5];
    cr_assert_eq(ats_correlation_make(&c, x[0], 2000, 5), 0);
    cr_assert_float_eq(c.spearman[0 * 5 + 1], -1, 1e-12);
    cr_assert_float_eq(c.spearman[1 * 5 + 0], -1, 1e-12);
    cr_assert_gt(c.pearson[0 * 5 + 1], -0.95);
    cr_assert_float_eq(c.spearman[1 * 5 + 3], -1, 1e-12);
    cr_assert_eq(c.complete[1 * 5 + 3], 1600);
    cr_assert_lt(fabs(c.spearman[0 * 5 + 2]), 0.2);
    cr_assert(isnan(c.spearman[0 * 5 + 4]) && isnan(c.pearson[4 * 5 + 4]));
    cr_assert_eq(ats_correlation_groups(&c, c.spearman, 0.95, group), 1);
    const uint32_t expected[] = {0, 0, 2, 0, 4};
    cr_assert_arr_eq(group, expected, sizeof expected);
    cr_assert_eq(ats_correlation_groups(&c, c.pearson, 0.95, group), 1);
    cr_assert(group[3] == 0 && group[1] == 1, "a cube is no line");
    ats_correlation_free(&c);
}
