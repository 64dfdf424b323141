/* What the tests of the device share: a made-up model, compiled, rows for it, and their margins. */
#ifndef ATS_TESTS_GPU_FIXTURE_H
#define ATS_TESTS_GPU_FIXTURE_H

#include "calc/forest/scorer.h"
#include "core/error.h"
#include "gpu/made_forest.h"
#include "gpu/simulated.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* No test waits so long unless something is broken; none passes by being fast. */
#define FAR_NS  60000000000ull
#define NEAR_NS 30000000ull /* a batch that nobody answers ends after this */

typedef struct fixture {
    ats_forest forest;
    ats_forest_image *image;
    float *values;
    const float *rows[ATS_GPU_ROWS_MAX];
    float *margins; /* of all rows, by ats_forest_score */
    float *got;
    ats_clock clock;
} fixture;

static inline void fixture_make(fixture *f, const ats_made_forest *shape)
{
    ats_random random;
    ats_random_seed(&random, shape->seed + 1);
    ats_clock_use_monotonic(&f->clock);
    cr_assert_eq(ats_forest_make(&f->forest, shape), 0);
    f->image = ats_forest_compile(&f->forest);
    cr_assert_not_null(f->image);
    f->values = malloc(ATS_GPU_ROWS_MAX * shape->feature_count * sizeof(float));
    f->margins = malloc(ATS_GPU_ROWS_MAX * shape->group_count * sizeof(float));
    f->got = malloc(ATS_GPU_ROWS_MAX * shape->group_count * sizeof(float));
    for (uint32_t i = 0; i < ATS_GPU_ROWS_MAX; i++) {
        f->rows[i] = f->values + i * shape->feature_count;
        ats_forest_make_row(&random, f->values + i * shape->feature_count, shape->feature_count);
    }
    ats_forest_score(&f->forest, f->rows, ATS_GPU_ROWS_MAX, f->margins);
}

static inline void fixture_free(fixture *f)
{
    ats_forest_image_free(f->image);
    ats_forest_free(&f->forest);
    free(f->values);
    free(f->margins);
    free(f->got);
}

/* Scores rows from..from+n and, when they are DONE, holds them to the bit. */
static inline ats_gpu_status fixture_score(fixture *f, ats_gpu *gpu, uint32_t slot, uint32_t from,
                                           uint32_t n, uint64_t within_ns)
{
    uint32_t groups = f->forest.group_count;
    memset(f->got, 0xa5, n * groups * sizeof(float));
    ats_gpu_status status = ats_gpu_score(gpu, slot, f->rows + from, n,
                                          ats_clock_now(&f->clock) + within_ns, &f->clock, f->got);
    if (status == ATS_GPU_DONE)
        cr_assert_arr_eq(f->got, f->margins + from * groups, n * groups * sizeof(float));
    return status;
}

/* The same from ranks made on the CPU. */
static inline ats_gpu_status fixture_score_ranks(fixture *f, ats_gpu *gpu, uint32_t slot,
                                                 uint32_t from, uint32_t n, uint64_t within_ns)
{
    uint32_t groups = f->forest.group_count;
    size_t stride = ats_forest_rank_stride(f->image) ? ats_forest_rank_stride(f->image) : 64;
    uint8_t *ranks = aligned_alloc(64, n * stride);
    memset(ranks, 0xee, n * stride);
    ats_forest_quantise(f->image, ats_isa_best(), f->rows + from, n, ranks, stride);
    memset(f->got, 0xa5, n * groups * sizeof(float));
    ats_gpu_status status = ats_gpu_score_ranks(
        gpu, slot, ranks, n, ats_clock_now(&f->clock) + within_ns, &f->clock, f->got);
    if (status == ATS_GPU_DONE)
        cr_assert_arr_eq(f->got, f->margins + from * groups, n * groups * sizeof(float));
    free(ranks);
    return status;
}

static inline ats_gpu_config simulated_config(void)
{
    ats_gpu_config config;
    ats_gpu_config_init(&config);
    config.kind = ATS_GPU_SIMULATED;
    config.blocks = 5;
    config.wait = ATS_WAIT_YIELD;
    config.probe_first_ns = 1000000;
    config.probe_last_ns = 20000000;
    config.probe_timeout_ns = 300000000;
    config.health_ns = 1000000;
    return config;
}

/* Waits until the device has been taken back; fails after a minute. */
static inline void wait_until_up(ats_gpu *gpu)
{
    struct timespec pause = {0, 1000000};
    for (int i = 0; i < 60000 && !ats_gpu_is_up(gpu); i++)
        nanosleep(&pause, NULL);
    cr_assert(ats_gpu_is_up(gpu), "the device was not taken back");
}

#endif
