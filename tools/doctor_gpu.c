#include "tools/doctor_gpu.h"

#include "core/error.h"
#include "gpu/crossover.h"
#include "gpu/made_forest.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS 2000 /* twenty samples beyond the 99th percentile */

static const ats_made_forest SHAPE = {
    .tree_count = 500, .depth = 6, .feature_count = 64, .group_count = 1, .seed = 1};

typedef struct trial {
    ats_forest forest;
    ats_forest_image *image;
    ats_scorer scorer;
    bool scorer_open;
    ats_gpu *gpu;
    float values[ATS_GPU_ROWS_MAX * 64];
    const float *rows[ATS_GPU_ROWS_MAX];
} trial;

static int run_trial(trial *t, ats_gpu_crossover *crossover)
{
    ats_gpu_config config;
    ats_clock clock;
    ats_random random;
    uint32_t slot;
    ats_clock_calibrate(&clock);
    ats_random_seed(&random, SHAPE.seed);
    for (uint32_t i = 0; i < ATS_GPU_ROWS_MAX; i++) {
        t->rows[i] = &t->values[i * SHAPE.feature_count];
        ats_forest_make_row(&random, &t->values[i * SHAPE.feature_count], SHAPE.feature_count);
    }
    ats_gpu_config_init(&config);
    if (ats_forest_make(&t->forest, &SHAPE) != 0)
        return -1;
    t->image = ats_forest_compile(&t->forest);
    if (!t->image || ats_scorer_open(&t->scorer, t->image, ats_isa_best()) != 0)
        return -1;
    t->scorer_open = true;
    if (ats_gpu_open(&t->gpu, &config) != 0 || ats_gpu_load(t->gpu, t->image, &slot) != 0)
        return -1;
    return ats_gpu_crossover_measure(crossover, t->gpu, slot, &t->scorer, t->rows, ROUNDS, &clock);
}

static void end_trial(trial *t)
{
    ats_gpu_close(t->gpu);
    if (t->scorer_open)
        ats_scorer_close(&t->scorer);
    ats_forest_image_free(t->image);
    ats_forest_free(&t->forest);
}

/* "1 1.0/4.1, 2 2.0/4.1, ..." */
static void describe(const ats_gpu_crossover *crossover, char *text, size_t bytes)
{
    size_t n = 0;
    for (uint32_t i = 0; i < ATS_GPU_CROSSOVER_COUNTS && n < bytes; i++) {
        const ats_gpu_crossover_row *row = &crossover->row[i];
        char device[24] = "-";
        if (row->gpu_median_ns != UINT64_MAX)
            snprintf(device, sizeof device, "%.1f", (double)row->gpu_median_ns / 1e3);
        n += (size_t)snprintf(text + n, bytes - n, "%s%u %.1f/%s", i ? ", " : "", row->rows,
                              (double)row->cpu_median_ns / 1e3, device);
    }
}

static void add_crossover(ats_doctor_report *report)
{
    static trial t;
    ats_gpu_crossover crossover;
    char table[160], from[32] = "never";
    memset(&t, 0, sizeof t);
    ats_error_clear();
    if (run_trial(&t, &crossover) == 0) {
        describe(&crossover, table, sizeof table);
        if (crossover.use_from != ATS_GPU_NEVER)
            snprintf(from, sizeof from, "from %u rows", crossover.use_from);
        ats_doctor_add(report, "gpu or cpu", ATS_DOCTOR_OK, "gpu %s; rows, us cpu/gpu: %s", from,
                       table);
    } else {
        ats_doctor_finding *f =
            ats_doctor_add(report, "gpu or cpu", ATS_DOCTOR_WARN, "%s", ats_error_line(0));
        snprintf(f->advice, sizeof f->advice, "the CPU scores; docs/gpu.md says what can be done");
        ats_error_clear();
    }
    end_trial(&t);
}

void ats_doctor_gpu(ats_doctor_report *report, bool measure)
{
    ats_gpu_info info;
    ats_gpu_find(0, &info);
    if (!info.present) {
        ats_doctor_add(report, "gpu", ATS_DOCTOR_OK, "%s; the CPU scores", info.name);
        return;
    }
    ats_doctor_add(report, "gpu", ATS_DOCTOR_OK,
                   "%s, compute %u.%u, %u multiprocessors, %.1f GiB, driver for CUDA %u.%u%s",
                   info.name, info.major, info.minor, info.multiprocessors,
                   (double)info.memory_bytes / (1 << 30), info.driver / 1000,
                   info.driver % 1000 / 10, info.watchdog ? ", drives a display: graph" : "");
    if (measure)
        add_crossover(report);
}
