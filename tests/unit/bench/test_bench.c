#include "bench/bench.h"
#include "bench/ring.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static ats_bench_result result;

static ats_histogram *histogram(void)
{
    return ats_histogram_new(aligned_alloc(64, (ats_histogram_footprint() + 63) & ~(size_t)63));
}

/* The interval by its textbook formula, with the quantile of t to more digits than the table has.
 */
Test(bench, paired_ratio_agrees_with_t_test)
{
    const double a[] = {10, 12, 11, 13, 12, 11, 14, 12, 10};
    const double b[] = {9, 10, 10, 11, 12, 10, 11, 11, 9};
    double ratio, low, high, mean = 0, square = 0;
    ats_bench_paired(a, b, 9, &ratio, &low, &high);
    for (int i = 0; i < 9; i++)
        mean += log(a[i] / b[i]) / 9;
    for (int i = 0; i < 9; i++)
        square += pow(log(a[i] / b[i]) - mean, 2);
    double half = 2.306004 * sqrt(square / 8 / 9); /* qt(0.975, 8) */
    cr_expect_float_eq(ratio, exp(mean), 1e-12);
    cr_expect_float_eq(low, exp(mean - half), 1e-5);
    cr_expect_float_eq(high, exp(mean + half), 1e-5);
    cr_expect(low < ratio && ratio < high);
}

Test(bench, equal_rounds_have_no_width)
{
    const double a[] = {2, 4, 8}, b[] = {1, 2, 4};
    double ratio, low, high;
    ats_bench_paired(a, b, 3, &ratio, &low, &high);
    cr_expect_float_eq(low, 2, 1e-12);
    cr_expect_float_eq(high, 2, 1e-12);
}

Test(bench, quantiles_of_too_few_samples_are_empty)
{
    cr_expect_eq(ats_bench_samples_for(0.5), 20);
    cr_expect_eq(ats_bench_samples_for(0.9), 100);
    cr_expect_eq(ats_bench_samples_for(0.99), 1000);
    cr_expect_eq(ats_bench_samples_for(0.999), 10000);
    ats_histogram *h = histogram();
    for (uint64_t i = 0; i < 999; i++)
        ats_histogram_record(h, 100);
    ats_bench_row *row = ats_bench_add_row(&result, "x", "ats", h, 1, 5);
    cr_expect_eq(row->n, 999);
    cr_expect_float_eq(row->p90_ns, 100, 1e-9);
    cr_expect(isnan(row->p99_ns));
    ats_histogram_record(h, 100);
    row = ats_bench_add_row(&result, "x", "ats", h, 4, 5);
    cr_expect_float_eq(row->p99_ns, 25, 1e-9);
    cr_expect(isnan(row->p999_ns));
    row = ats_bench_add_row(&result, "x", "ats", NULL, 1, 5);
    cr_expect(isnan(row->max_ns) && row->n == 0);
    free(h);
}

Test(bench, json_has_the_keys_of_the_contract)
{
    static const char *const keys[] = {"case",   "contender", "n",      "p50_ns",     "p90_ns",
                                       "p99_ns", "p999_ns",   "max_ns", "per_second", "note"};
    const double a[] = {1, 2}, b[] = {2, 4};
    result.name = "ring";
    result.build = ats_build_info();
    memcpy(result.host.cpu, "bad \xff cpu\n", 11);
    ats_bench_add_row(&result, "throughput/128B", "ats", NULL, 1, 1e6);
    ats_bench_add_ratio(&result, "throughput/128B", "ats", a, "other", b, 2, 1.0);
    json_t *j = ats_bench_json(&result);
    cr_assert(j);
    json_t *row = json_array_get(json_object_get(j, "rows"), 0);
    cr_expect_eq(json_object_size(row), 10);
    for (size_t i = 0; i < 10; i++)
        cr_expect(json_object_get(row, keys[i]), "%s", keys[i]);
    cr_expect(json_is_null(json_object_get(row, "p50_ns")));
    cr_expect_float_eq(
        json_real_value(json_object_get(json_array_get(json_object_get(j, "ratios"), 0), "low")), 2,
        1e-9);
    cr_expect(json_object_get(json_object_get(j, "noise_floor"), "p999_ns"));
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(j, "host"), "cpu")),
                     "bad ? cpu?");
    json_decref(j);
}

Test(bench, modules_have_names_of_their_own)
{
    cr_expect(ats_bench_find("ring"));
    cr_expect_not(ats_bench_find("no such"));
    for (const ats_bench_module *const *m = ats_bench_modules; *m; m++)
        cr_expect_eq(ats_bench_find((*m)->name), *m);
}

Test(bench, the_sum_of_records_is_as_expected)
{
    ats_bench_record record;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        ats_bench_fill(&record, i);
        sum += ats_bench_sum(&record);
    }
    cr_expect_eq(sum, ats_bench_expected(1000));
}
