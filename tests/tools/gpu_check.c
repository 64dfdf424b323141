/* Holds a card against the CPU: bits of many models, then times of 1 to 256 rows, as a page of
 * Markdown. For a machine with a GPU:
 *   gpu_check [auto|persistent|graph|simulated] [rounds [blocks]]
 * Exit 0: all bits right; 1: not; 77: there is no such device (said on stderr). */
#include "core/error.h"
#include "gpu/crossover.h"
#include "gpu/made_forest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 128u

static float values[ATS_GPU_ROWS_MAX * COLUMNS_MAX];
static const float *rows[ATS_GPU_ROWS_MAX];

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, ats_error_count() ? ats_error_line(0) : "failed");
    return 1;
}

static void make_rows(uint32_t feature_count, uint64_t seed)
{
    ats_random random;
    ats_random_seed(&random, seed);
    for (uint32_t i = 0; i < ATS_GPU_ROWS_MAX; i++) {
        rows[i] = &values[i * feature_count];
        ats_forest_make_row(&random, &values[i * feature_count], feature_count);
    }
}

/* Every n from 1 to 256 of one model against the plain walk. */
static int check_model(ats_gpu *gpu, const ats_made_forest *shape, const ats_clock *clock)
{
    ats_forest forest;
    uint32_t slot;
    int wrong = 0;
    size_t bytes = (size_t)ATS_GPU_ROWS_MAX * shape->group_count * sizeof(float);
    float *want = malloc(bytes), *got = malloc(bytes);
    make_rows(shape->feature_count, shape->seed);
    if (!want || !got || ats_forest_make(&forest, shape) != 0)
        return fail("model");
    ats_forest_image *image = ats_forest_compile(&forest);
    if (!image || ats_gpu_load(gpu, image, &slot) != 0)
        return fail("load");
    ats_forest_score(&forest, rows, ATS_GPU_ROWS_MAX, want);
    for (uint32_t n = 1; n <= ATS_GPU_ROWS_MAX && !wrong; n++) {
        ats_gpu_status status =
            ats_gpu_score(gpu, slot, rows, n, ats_clock_now(clock) + 2000000000u, clock, got);
        wrong = status != ATS_GPU_DONE ||
                memcmp(got, want, (size_t)n * shape->group_count * sizeof(float)) != 0;
        if (wrong)
            fprintf(stderr, "model of seed %llu, %u rows: %s\n", (unsigned long long)shape->seed, n,
                    status == ATS_GPU_DONE ? "other bits" : ats_gpu_status_label(status));
    }
    ats_gpu_unload(gpu, slot);
    ats_forest_image_free(image);
    ats_forest_free(&forest);
    free(want);
    free(got);
    return wrong;
}

static int check_bits(ats_gpu *gpu, const ats_clock *clock)
{
    ats_random random;
    ats_random_seed(&random, 1);
    const int models = 40;
    for (int i = 0; i < models; i++) {
        ats_made_forest shape = {.tree_count = 1 + (uint32_t)ats_random_below(&random, 600),
                                 .depth = (uint32_t)ats_random_below(&random, 10),
                                 .feature_count = 1 + (uint32_t)ats_random_below(&random, 128),
                                 .group_count = 1 + (uint32_t)ats_random_below(&random, 4),
                                 .leaf_percent = (uint32_t)ats_random_below(&random, 40),
                                 .seed = (uint64_t)i};
        if (check_model(gpu, &shape, clock) != 0)
            return 1;
    }
    printf(
        "Bits: %d made-up models, every number of rows from 1 to 256, equal to the plain walk.\n",
        models);
    return 0;
}

static int time_model(ats_gpu *gpu, uint32_t trees, uint32_t depth, uint32_t rounds,
                      const ats_clock *clock)
{
    ats_made_forest shape = {trees, depth, 64, 1, 0, 7};
    ats_forest forest;
    ats_scorer scorer;
    ats_gpu_crossover c;
    uint32_t slot;
    make_rows(shape.feature_count, 7);
    if (ats_forest_make(&forest, &shape) != 0)
        return fail("model");
    ats_forest_image *image = ats_forest_compile(&forest);
    if (!image || ats_scorer_open(&scorer, image, ats_isa_best()) != 0 ||
        ats_gpu_load(gpu, image, &slot) != 0 ||
        ats_gpu_crossover_measure(&c, gpu, slot, &scorer, rows, rounds, clock) != 0)
        return fail("measure");
    printf("\n%u x depth %u, 64 features, CPU %s, %u rounds:\n\n"
           "| rows | CPU p50 us | CPU p99 | device p50 | device p99 | done |\n"
           "| ---: | ---: | ---: | ---: | ---: | ---: |\n",
           trees, depth, ats_isa_label(scorer.isa), rounds);
    for (uint32_t i = 0; i < ATS_GPU_CROSSOVER_COUNTS; i++) {
        const ats_gpu_crossover_row *r = &c.row[i];
        printf("| %u | %.2f | %.2f |", r->rows, (double)r->cpu_median_ns / 1e3,
               (double)r->cpu_p99_ns / 1e3);
        if (r->gpu_median_ns == UINT64_MAX)
            printf(" - | - | %u |\n", r->done);
        else
            printf(" %.2f | %.2f | %u |\n", (double)r->gpu_median_ns / 1e3,
                   (double)r->gpu_p99_ns / 1e3, r->done);
    }
    if (c.use_from == ATS_GPU_NEVER)
        printf("\nThe device is never used.\n");
    else
        printf("\nThe device is used from %u rows on.\n", c.use_from);
    ats_gpu_unload(gpu, slot);
    ats_scorer_close(&scorer);
    ats_forest_image_free(image);
    ats_forest_free(&forest);
    return 0;
}

static int take_arguments(int argc, char **argv, ats_gpu_config *config, uint32_t *rounds)
{
    ats_gpu_config_init(config);
    if (argc > 1) {
        uint32_t kind = 0;
        while (kind < ATS_GPU_KIND_COUNT && strcmp(argv[1], ats_gpu_kind_label(kind)) != 0)
            kind++;
        config->kind = (ats_gpu_kind)kind;
    }
    *rounds = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 5000;
    if (argc > 3)
        config->blocks = (uint32_t)strtoul(argv[3], NULL, 10);
    if (config->kind == ATS_GPU_SIMULATED) {
        config->wait = ATS_WAIT_YIELD;
        config->blocks = argc > 3 ? config->blocks : 4;
    }
    return *rounds < 1 || *rounds > ATS_GPU_CROSSOVER_ROUNDS_MAX ? -1 : 0;
}

int main(int argc, char **argv)
{
    ats_gpu_config config;
    ats_gpu_info info;
    ats_gpu *gpu;
    ats_clock clock;
    uint32_t rounds;
    ats_clock_calibrate(&clock);
    if (take_arguments(argc, argv, &config, &rounds) != 0) {
        fprintf(stderr, "gpu_check [auto|persistent|graph|simulated] [rounds [blocks]]\n");
        return 2;
    }
    ats_gpu_find(config.device, &info);
    if (ats_gpu_open(&gpu, &config) != 0) {
        fprintf(stderr, "skipped: %s\n", ats_error_line(0));
        return ats_error_code() == ATS_EXIT_UNREACHABLE ? 77 : 1;
    }
    uint32_t kind = ats_gpu_kind_of(gpu);
    if (kind == ATS_GPU_SIMULATED)
        printf("Simulated device, %u blocks.\n", config.blocks);
    else
        printf("%s, compute %u.%u, %u multiprocessors, driver for CUDA %u.%u; %s, %u blocks.\n",
               info.name, info.major, info.minor, info.multiprocessors, info.driver / 1000,
               info.driver % 1000 / 10, ats_gpu_kind_label(kind), config.blocks);
    int failed = check_bits(gpu, &clock);
    if (!failed)
        failed = time_model(gpu, 100, 6, rounds, &clock) ||
                 time_model(gpu, 500, 6, rounds, &clock) || time_model(gpu, 500, 8, rounds, &clock);
    const ats_gpu_metrics *m = ats_gpu_metrics_of(gpu);
    printf("\nBatches: done %llu, late %llu, wrong %llu, failed %llu, down %llu.\n",
           (unsigned long long)m->batches[ATS_GPU_DONE],
           (unsigned long long)m->batches[ATS_GPU_LATE],
           (unsigned long long)m->batches[ATS_GPU_WRONG],
           (unsigned long long)m->batches[ATS_GPU_FAILED],
           (unsigned long long)m->batches[ATS_GPU_DOWN]);
    ats_gpu_close(gpu);
    return failed;
}
