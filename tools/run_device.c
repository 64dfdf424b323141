#include "tools/run_device.h"

#include "core/error.h"
#include "core/log.h"
#include "core/random.h"

#include <stdlib.h>

#define ROUNDS 1000u /* for a 99th percentile of each number of rows; about a second in all */

int ats_run_device_open(ats_run_device *d, const ats_run_config *config)
{
    ats_gpu_config gpu;
    d->device = (ats_model_device){
        .deadline_ns = (uint64_t)config->gpu_deadline_ns,
        .use_from = config->model_backend == ATS_BACKEND_GPU ? 1 : ATS_GPU_NEVER};
    if (config->model_backend == ATS_BACKEND_CPU)
        return 0;
    ats_gpu_find(0, &d->info);
    if (!d->info.present)
        return config->model_backend == ATS_BACKEND_AUTO
                   ? 0
                   : ats_error(ATS_EXIT_CONFIG, "model.backend is gpu, and there is none: %s",
                               d->info.name);
    ats_gpu_config_init(&gpu);
    gpu.slot_count = ATS_GPU_SLOTS_MAX;
    if (ats_gpu_open(&d->device.gpu, &gpu) == 0)
        return 0;
    if (config->model_backend == ATS_BACKEND_GPU)
        return -1;
    ats_log(ATS_LOG_WARN, "gpu.not_used", ats_log_str("why", ats_error_line(0)));
    ats_error_clear();
    return 0;
}

/* Rows for the race: what a card or a core takes for a row does not depend on its values. */
static float *make_rows(uint32_t features, const float *rows[ATS_GPU_ROWS_MAX])
{
    ats_random random;
    float *x = malloc((size_t)ATS_GPU_ROWS_MAX * features * sizeof *x);
    ats_random_seed(&random, 1);
    for (uint32_t i = 0; x && i < ATS_GPU_ROWS_MAX; i++) {
        rows[i] = x + (size_t)i * features;
        for (uint32_t f = 0; f < features; f++)
            x[(size_t)i * features + f] = (float)(int32_t)ats_random_next(&random) * 0x1p-31f;
    }
    return x;
}

/* A batch that takes longer than the deadline is scored twice: what is slower than that never wins.
 */
static void hold_to_deadline(ats_gpu_crossover *c, uint64_t deadline_ns)
{
    for (uint32_t i = 0; i < ATS_GPU_CROSSOVER_COUNTS; i++)
        if (c->row[i].gpu_p99_ns >= deadline_ns)
            c->row[i].gpu_median_ns = c->row[i].gpu_p99_ns = UINT64_MAX;
    c->use_from = ats_gpu_crossover_decide(c, ATS_GPU_NEVER);
}

void ats_run_device_race(ats_run_device *d, const ats_run_config *config, ats_model *model)
{
    const float *rows[ATS_GPU_ROWS_MAX];
    ats_clock clock;
    if (!d->device.gpu || !model->device || config->model_backend != ATS_BACKEND_AUTO ||
        d->measured)
        return;
    float *x = make_rows(model->feature_count, rows);
    ats_clock_calibrate(&clock);
    d->measured =
        x && ats_gpu_crossover_measure(&d->crossover, d->device.gpu, model->members[0].slot,
                                       &model->members[0].scorer, rows, ROUNDS, &clock) == 0;
    free(x);
    if (d->measured)
        hold_to_deadline(&d->crossover, d->device.deadline_ns);
    if (d->measured)
        d->device.use_from = d->crossover.use_from;
    else
        ats_log(ATS_LOG_WARN, "gpu.not_used", ats_log_str("why", ats_error_line(0)));
    ats_error_clear();
}

int ats_run_device_take(ats_run_device *d, const ats_run_config *config, ats_model *model)
{
    if (!d->device.gpu || ats_model_attach(model, &d->device) == 0)
        return 0;
    if (config->model_backend == ATS_BACKEND_GPU)
        return ats_error(ATS_EXIT_CONFIG,
                         "model.backend is gpu, and the card has no room for model %u", model->id);
    ats_log(ATS_LOG_WARN, "gpu.no_room", ats_log_u64("model", model->id),
            ats_log_str("why", ats_error_line(0)));
    ats_error_clear();
    return 0;
}

void ats_run_device_close(ats_run_device *d)
{
    ats_gpu_close(d->device.gpu);
    d->device.gpu = NULL;
}
