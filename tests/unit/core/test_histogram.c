#include "core/histogram.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static ats_histogram *make(void)
{
    return ats_histogram_new(aligned_alloc(64, ats_histogram_footprint()));
}

static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 11;
}

/* A value whose magnitude is uniform, so that every bucket is met. */
static uint64_t random_value(uint64_t *state)
{
    uint64_t bits = random_next(state) % 42;
    return random_next(state) & ((1ull << bits) | ((1ull << bits) - 1));
}

Test(histogram, the_layout_rule_gives_the_published_figures)
{
    ats_histogram_layout l;
    cr_assert(ats_histogram_layout_of(&l, 1, 3600000000ull, 3));
    cr_assert_eq(l.cells, 23552);
    cr_assert_eq(l.buckets, 22);
    cr_assert(ats_histogram_layout_of(&l, 20000, 3600000000000ull, 2));
    cr_assert_eq(l.unit_magnitude, 14);
    cr_assert_eq(l.half_magnitude, 7);
    cr_assert(ats_histogram_layout_of(&l, 1, INT64_MAX, 4));
    cr_assert_eq(l.cells, 50u << 14);
    cr_assert_not(ats_histogram_layout_of(&l, 0, 100, 3));
    cr_assert_not(ats_histogram_layout_of(&l, 60, 100, 3));
    cr_assert_not(ats_histogram_layout_of(&l, 1, 100, 0));
    cr_assert_not(ats_histogram_layout_of(&l, 1, 100, 6));
    cr_assert_not(ats_histogram_layout_of(&l, 1, INT64_MAX, 5), "50 MB of cells");
    cr_assert_not(ats_histogram_layout_of(&l, 1ull << 61, INT64_MAX, 3));
    cr_assert_not(ats_histogram_layout_of(&l, UINT64_MAX, UINT64_MAX, 3));
}

Test(histogram, cells_tile_the_range_without_gap_and_overlap)
{
    const uint64_t lowest[] = {1, 20000, 1000};
    for (int k = 0; k < 3; k++) {
        ats_histogram_layout l;
        cr_assert(ats_histogram_layout_of(&l, lowest[k], ATS_HISTOGRAM_HIGHEST_NS, 3));
        cr_assert_eq(ats_histogram_cell_lowest(&l, 0), 0);
        for (uint32_t i = 0; i < l.cells; i++) {
            uint64_t low = ats_histogram_cell_lowest(&l, i);
            uint64_t high = ats_histogram_cell_highest(&l, i);
            cr_assert_eq(ats_histogram_cell_of(&l, low), i);
            cr_assert_eq(ats_histogram_cell_of(&l, high), i);
            cr_assert(low <= ats_histogram_cell_middle(&l, i));
            cr_assert(ats_histogram_cell_middle(&l, i) <= high);
            if (i + 1 < l.cells)
                cr_assert_eq(ats_histogram_cell_lowest(&l, i + 1), high + 1);
            /* 3 digits: the width of a cell is at most a thousandth of its values, or one unit. */
            cr_assert(high - low < (1ull << l.unit_magnitude) || (high - low) * 1000 <= low);
        }
        cr_assert(ats_histogram_cell_of(&l, l.highest) < l.cells);
    }
}

Test(histogram, the_hot_record_and_the_general_one_agree)
{
    ats_histogram *fast = make(), *general = make();
    uint64_t state = 7;
    for (int i = 0; i < 200000; i++) {
        uint64_t v = random_value(&state);
        ats_histogram_record(fast, v);
        ats_histogram_record_n(general, v, 1);
    }
    const uint64_t edges[] = {0,
                              1,
                              2047,
                              2048,
                              2049,
                              4095,
                              4096,
                              ATS_HISTOGRAM_HIGHEST_NS - 1,
                              ATS_HISTOGRAM_HIGHEST_NS,
                              ATS_HISTOGRAM_HIGHEST_NS + 1,
                              UINT64_MAX};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        ats_histogram_record(fast, edges[i]);
        ats_histogram_record_n(general, edges[i], 1);
    }
    for (uint32_t i = 0; i < ATS_HISTOGRAM_CELLS; i++)
        cr_assert_eq(fast->count[i], general->count[i]);
    cr_assert_eq(ats_histogram_total(fast), 200000 + sizeof edges / sizeof edges[0]);
    cr_assert_eq(ats_histogram_saturated(fast), ats_histogram_saturated(general));
    free(fast);
    free(general);
}

Test(histogram, values_above_the_highest_are_clamped_and_counted_apart)
{
    ats_histogram *h = make();
    ats_histogram_record(h, ATS_HISTOGRAM_HIGHEST_NS);
    cr_assert_eq(ats_histogram_saturated(h), 0);
    ats_histogram_record(h, ATS_HISTOGRAM_HIGHEST_NS + 1);
    ats_histogram_record(h, UINT64_MAX);
    cr_assert_eq(ats_histogram_saturated(h), 2);
    cr_assert_eq(ats_histogram_total(h), 3);
    cr_assert(ats_histogram_max(h) >= ATS_HISTOGRAM_HIGHEST_NS);
    cr_assert_eq(ats_histogram_min(h),
                 ats_histogram_cell_lowest(
                     &h->layout, 31u * 1024u + (uint32_t)(ATS_HISTOGRAM_HIGHEST_NS >> 31)));
    free(h);
}

Test(histogram, vector_a_gives_its_published_statistics)
{
    ats_histogram *h = make();
    const uint64_t values[] = {1, 2, 2, 3, 1000, 2048, 4097, 1000000};
    for (int i = 0; i < 8; i++)
        ats_histogram_record(h, values[i]);
    cr_assert_eq(ats_histogram_total(h), 8);
    cr_assert_eq(ats_histogram_min(h), 1);
    cr_assert_eq(ats_histogram_max(h), 1000447);
    cr_assert_eq(ats_histogram_value_at(h, 50), 3);
    cr_assert_eq(ats_histogram_value_at(h, 99), 1000447);
    cr_assert_eq(ats_histogram_value_at(h, 75), 2049);
    cr_assert_float_eq(ats_histogram_mean(h), 125918.375, 1e-9);
    cr_assert_float_eq(ats_histogram_stddev(h), 330447.146225, 1e-6);
    free(h);
}

Test(histogram, percentiles_follow_the_rule_of_the_java_library)
{
    ats_histogram *h = make();
    for (uint64_t v = 1; v <= 10; v++)
        ats_histogram_record(h, v * 10000);
    /* Percentile 0 is the lowest equivalent value, all others the highest. */
    cr_assert_eq(ats_histogram_value_at(h, 0), 10000 / 8 * 8);
    cr_assert_eq(ats_histogram_value_at(h, 1e-9), 10000 / 8 * 8 + 7);
    cr_assert_eq(ats_histogram_value_at(h, 90), 90000 / 64 * 64 + 63, "not the tenth value");
    cr_assert_eq(ats_histogram_value_at(h, 90.000001), 100000 / 64 * 64 + 63);
    cr_assert_eq(ats_histogram_value_at(h, 100), 100000 / 64 * 64 + 63);
    cr_assert_eq(ats_histogram_value_at(h, 1000), ats_histogram_value_at(h, 100));
    cr_assert_eq(ats_histogram_value_at(h, -5), ats_histogram_value_at(h, 0));
    free(h);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

Test(histogram, percentiles_equal_those_of_the_sorted_values_within_a_cell)
{
    static uint64_t values[20001];
    const double percentiles[] = {0.01, 1, 10, 50, 90, 99, 99.9, 99.99, 100};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        ats_histogram *h = make();
        uint64_t state = seed;
        size_t n = 1 + random_next(&state) % 20000;
        for (size_t i = 0; i < n; i++) {
            values[i] = random_value(&state) % ATS_HISTOGRAM_HIGHEST_NS;
            ats_histogram_record(h, values[i]);
        }
        qsort(values, n, sizeof values[0], by_value);
        for (size_t k = 0; k < sizeof percentiles / sizeof percentiles[0]; k++) {
            double rank = ceil(nextafter(percentiles[k], -INFINITY) * (double)n / 100);
            uint64_t exact = values[rank < 1 ? 0 : (size_t)rank - 1];
            uint32_t cell = ats_histogram_cell_of(&h->layout, exact);
            cr_assert_eq(ats_histogram_value_at(h, percentiles[k]),
                         ats_histogram_cell_highest(&h->layout, cell));
        }
        free(h);
    }
}

Test(histogram, empty_and_reset_histograms_answer_zero)
{
    ats_histogram *h = make();
    for (int round = 0; round < 2; round++) {
        cr_assert_eq(ats_histogram_total(h), 0);
        cr_assert_eq(ats_histogram_min(h), 0);
        cr_assert_eq(ats_histogram_max(h), 0);
        cr_assert_eq(ats_histogram_value_at(h, 99), 0);
        cr_assert_eq(ats_histogram_mean(h), 0);
        cr_assert_eq(ats_histogram_stddev(h), 0);
        cr_assert_eq(ats_histogram_saturated(h), 0);
        ats_histogram_record(h, UINT64_MAX);
        ats_histogram_record(h, 5);
        cr_assert_eq(ats_histogram_total(h), 2);
        ats_histogram_reset(h);
    }
    free(h);
}

Test(histogram, adding_equals_recording_both)
{
    ats_histogram *a = make(), *b = make(), *both = make();
    uint64_t state = 99;
    for (int i = 0; i < 10000; i++) {
        uint64_t v = random_value(&state);
        ats_histogram_record(i % 3 ? a : b, v);
        ats_histogram_record(both, v);
    }
    ats_histogram_record(b, UINT64_MAX);
    ats_histogram_record(both, UINT64_MAX);
    ats_histogram_add(a, b);
    for (uint32_t i = 0; i < ATS_HISTOGRAM_CELLS; i++)
        cr_assert_eq(a->count[i], both->count[i]);
    cr_assert_eq(ats_histogram_saturated(a), ats_histogram_saturated(both));

    /* Into a coarser layout: no count is lost, and what lies above its range says so. */
    ats_histogram_layout coarse;
    cr_assert(ats_histogram_layout_of(&coarse, 1000, 1000000, 2));
    ats_histogram *c = ats_histogram_layout_new(
        aligned_alloc(64, (ats_histogram_layout_footprint(&coarse) + 63) & ~63ull), &coarse);
    ats_histogram_add(c, both);
    uint64_t above = 0;
    for (uint32_t i = 0; i < ATS_HISTOGRAM_CELLS; i++)
        if (ats_histogram_cell_lowest(&both->layout, i) > 1000000)
            above += both->count[i];
    cr_assert_eq(ats_histogram_total(c), ats_histogram_total(both));
    cr_assert_eq(ats_histogram_saturated(c), above + ats_histogram_saturated(both));
    cr_assert_gt(above, 0);
    free(a);
    free(b);
    free(c);
    free(both);
}

static ats_recorder *make_recorder(void)
{
    return ats_recorder_new(aligned_alloc(128, (ats_recorder_footprint() + 127) & ~127ull));
}

Test(recorder, hands_over_whole_intervals)
{
    ats_recorder *r = make_recorder();
    cr_assert_null(ats_recorder_retired(r));
    ats_recorder_record(r, 10);
    ats_recorder_poll(r);
    cr_assert(ats_recorder_request_swap(r));
    cr_assert_not(ats_recorder_request_swap(r), "one request at a time");
    cr_assert_null(ats_recorder_retired(r), "not before the writer polls");
    ats_recorder_record(r, 20);
    ats_recorder_poll(r);
    ats_recorder_record(r, 30);
    ats_histogram *first = ats_recorder_retired(r);
    cr_assert_not_null(first);
    cr_assert_eq(ats_histogram_total(first), 2);
    cr_assert_eq(ats_histogram_max(first), 20);
    ats_histogram *second = ats_recorder_flip_now(r);
    cr_assert_neq(first, second);
    cr_assert_eq(ats_histogram_total(second), 1);
    cr_assert_eq(ats_histogram_min(second), 30);
    ats_histogram *third = ats_recorder_flip_now(r);
    cr_assert_eq(third, first);
    cr_assert_eq(ats_histogram_total(third), 0);
    free(r);
}

Test(recorder, flip_now_answers_a_request_that_waits)
{
    ats_recorder *r = make_recorder();
    ats_recorder_record(r, 1);
    cr_assert(ats_recorder_request_swap(r));
    ats_recorder_record(r, 2);
    cr_assert_eq(ats_histogram_total(ats_recorder_flip_now(r)), 2);
    free(r);
}

#define STRESS_SWAPS 200

typedef struct stress {
    ats_recorder *recorder;
    uint64_t stop;     /* set by the reader */
    uint64_t recorded; /* read after the join */
} stress;

static void *record_until_stopped(void *argument)
{
    stress *s = argument;
    uint64_t n = 0;
    /* Relaxed: only the number matters; the join orders the rest. */
    while (!ats_load_relaxed(&s->stop)) {
        for (int i = 0; i < 64; i++)
            ats_recorder_record(s->recorder, n++ % 1024);
        ats_recorder_poll(s->recorder);
    }
    s->recorded = n;
    return NULL;
}

Test(recorder, two_threads_lose_no_count_and_see_none_twice)
{
    stress s = {.recorder = make_recorder()};
    ats_histogram *sum = make();
    pthread_t writer;
    cr_assert_eq(pthread_create(&writer, NULL, record_until_stopped, &s), 0);
    uint64_t last = 0, moved = 0;
    for (int swaps = 0; swaps < STRESS_SWAPS; swaps++) {
        cr_assert(ats_recorder_request_swap(s.recorder));
        ats_histogram *h;
        while (!(h = ats_recorder_retired(s.recorder)))
            ats_cpu_pause();
        uint64_t n = ats_histogram_total(h);
        cr_assert_eq(n % 64, 0, "swaps happen at polls only");
        ats_histogram_add(sum, h);
        cr_assert_eq(ats_histogram_total(h), n, "a retired histogram grows no more");
        moved += n != last;
        last = n;
    }
    ats_store_relaxed(&s.stop, 1);
    pthread_join(writer, NULL);
    ats_histogram_add(sum, ats_recorder_flip_now(s.recorder));
    cr_assert_eq(ats_histogram_total(sum), s.recorded);
    for (uint32_t i = 0; i < 1024; i++)
        cr_assert_eq(sum->count[i], s.recorded / 1024 + (i < s.recorded % 1024));
    cr_assert_gt(moved, STRESS_SWAPS / 10, "the intervals held values");
    free(sum);
    free(s.recorder);
}
