/* The sample of vectors: even, bounded, and a function of the order of the vectors alone. */
#include "stages/infer/sample.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { FEATURES = 3 };

static ats_vector_sample *sample;
static ats_features *vector;

static void open_sample(void)
{
    sample = calloc(1, ats_vector_sample_footprint(FEATURES));
    vector = calloc(1, sizeof *vector + FEATURES * sizeof(float));
    ats_vector_sample_init(sample, FEATURES);
}

static void close_sample(void)
{
    free(sample);
    free(vector);
}

TestSuite(sample, .init = open_sample, .fini = close_sample);

static void see(uint64_t count)
{
    while (sample->seen < count) {
        vector->h.recv_ns = (int64_t)sample->seen;
        for (int i = 0; i < FEATURES; i++)
            vector->f[i] = (float)(sample->seen % 1000003) + (float)i / 4;
        ats_vector_sample_take(sample, vector);
    }
}

/* Every stride-th of the vectors seen, once each, with its own values. */
static void expect_even(void)
{
    static bool there[ATS_SAMPLE_ROWS + 1];
    uint64_t expected = (sample->seen + sample->stride - 1) / sample->stride, found = 0;
    cr_assert_leq(expected, ATS_SAMPLE_ROWS);
    for (uint64_t i = 0; i < expected; i++)
        there[i] = false;
    for (uint32_t i = 0; i < sample->count; i++) {
        if (!ats_vector_sample_is_even(sample, i))
            continue;
        uint64_t at = sample->number[i] / sample->stride;
        cr_assert(at < expected && !there[at]);
        there[at] = true;
        found++;
        for (int k = 0; k < FEATURES; k++)
            cr_assert_eq(sample->x[i * FEATURES + (uint32_t)k],
                         (float)(sample->number[i] % 1000003) + (float)k / 4);
        cr_assert_eq(sample->recv_ns[i], (int64_t)sample->number[i]);
    }
    cr_assert_eq(found, expected, "of %llu", (unsigned long long)sample->seen);
}

Test(sample, holds_every_stride_th_vector_at_any_time)
{
    expect_even();
    for (uint64_t count = 1; count < 3000000; count += count / 7 + 1) {
        see(count);
        expect_even();
        /* Half of its room is in use from the first time it was full. */
        uint64_t full = (uint64_t)ATS_SAMPLE_ROWS * ATS_SAMPLE_STRIDE;
        cr_assert(count <= full || count / sample->stride >= ATS_SAMPLE_ROWS / 2 - 1);
    }
    cr_assert_gt(sample->stride, 16 * ATS_SAMPLE_STRIDE);
}
