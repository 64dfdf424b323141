/* Three threads on one simulated device, as a plain program (ThreadSanitizer cannot run under the
 * unit tests' framework): one scores, one exchanges models, one makes faults. Fails when a batch
 * that is DONE has other bits than the plain walk, when the device is not taken back in the end, or
 * when nothing was exchanged; under TSan also when there is a race. */
#include "core/error.h"
#include "gpu/made_forest.h"
#include "gpu/simulated.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODELS  3
#define ROWS    64
#define BATCHES 3000
#define NEAR_NS 20000000ull
#define FAR_NS  20000000000ull

typedef struct model {
    ats_forest forest;
    ats_forest_image *image;
    float margins[ROWS * 3];
} model;

typedef struct stress {
    ats_gpu *gpu;
    model models[MODELS];
    float values[ROWS * 20];
    const float *rows[ROWS];
    /* What to score with: slot and model. Control writes `wanted`, scoring answers in `taken` when
     * it will not use an older one any more. */
    uint64_t wanted, taken, stop;
    uint64_t exchanges;
    uint64_t ended[ATS_GPU_STATUS_COUNT];
} stress;

static void nap(long ns)
{
    struct timespec pause = {0, ns};
    nanosleep(&pause, NULL);
}

static uint64_t ticket(uint32_t number, uint32_t slot, uint32_t of)
{
    return (uint64_t)number << 16 | slot << 8 | of;
}

/* One batch; 0 when it is DONE and wrong. */
static int batch(stress *s, uint64_t with, uint32_t n, uint64_t within_ns, const ats_clock *clock)
{
    const model *m = &s->models[with & 0xff];
    float got[ROWS * 3];
    ats_gpu_status status = ats_gpu_score(s->gpu, with >> 8 & 0xff, s->rows, n,
                                          ats_clock_now(clock) + within_ns, clock, got);
    s->ended[status]++;
    return status != ATS_GPU_DONE ||
           memcmp(got, m->margins, n * m->forest.group_count * sizeof *got) == 0;
}

static void *exchange(void *argument)
{
    stress *s = argument;
    uint32_t number = 1, at = 0;
    uint64_t now = ats_load_relaxed(&s->wanted);
    while (!ats_load_relaxed(&s->stop)) {
        uint32_t slot, next = (at + 1) % MODELS;
        if (ats_gpu_load(s->gpu, s->models[next].image, &slot) != 0) {
            /* The other slot may be read by a late batch still. */
            ats_error_clear();
            nap(1000000);
            continue;
        }
        uint64_t before = now;
        now = ticket(++number, slot, next);
        /* Partner: the scoring thread's acquire. */
        ats_store_release(&s->wanted, now);
        while (ats_load_acquire(&s->taken) != now && !ats_load_relaxed(&s->stop))
            nap(100000);
        if (ats_load_acquire(&s->taken) != now)
            break;
        ats_gpu_unload(s->gpu, before >> 8 & 0xff);
        s->exchanges++;
        at = next;
    }
    return NULL;
}

static void *trouble(void *argument)
{
    stress *s = argument;
    ats_random random;
    ats_random_seed(&random, 7);
    while (!ats_load_relaxed(&s->stop)) {
        ats_gpu_trouble one = (ats_gpu_trouble)ats_random_below(&random, ATS_GPU_TROUBLE_COUNT);
        /* What harms one row is not known to the canary in another. */
        ats_gpu_simulate(one == ATS_GPU_TROUBLE_SPOIL ? ATS_GPU_TROUBLE_WRONG : one);
        nap(3000000);
        ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
        nap(20000000);
    }
    return NULL;
}

static int prepare(stress *s)
{
    ats_random random;
    ats_random_seed(&random, 3);
    for (uint32_t i = 0; i < ROWS; i++) {
        s->rows[i] = &s->values[i * 20];
        ats_forest_make_row(&random, &s->values[i * 20], 20);
    }
    for (uint32_t i = 0; i < MODELS; i++) {
        ats_made_forest shape = {20 + 10 * i, 3 + i, 20, 1 + i, 10, i};
        model *m = &s->models[i];
        if (ats_forest_make(&m->forest, &shape) != 0)
            return -1;
        m->image = ats_forest_compile(&m->forest);
        if (!m->image)
            return -1;
        ats_forest_score(&m->forest, s->rows, ROWS, m->margins);
    }
    ats_gpu_config config;
    ats_gpu_config_init(&config);
    config.kind = ATS_GPU_SIMULATED;
    config.blocks = 3;
    config.slot_bytes = 1u << 20;
    config.stage_bytes = 8192;
    config.wait = ATS_WAIT_YIELD;
    config.probe_first_ns = 1000000;
    config.probe_last_ns = 10000000;
    config.health_ns = 1000000;
    uint32_t slot;
    if (ats_gpu_open(&s->gpu, &config) != 0 || ats_gpu_load(s->gpu, s->models[0].image, &slot) != 0)
        return -1;
    s->wanted = s->taken = ticket(1, slot, 0);
    return 0;
}

int main(void)
{
    static stress s;
    ats_clock clock;
    ats_random random;
    pthread_t control, chaos;
    int right = 1;
    ats_random_seed(&random, 1);
    ats_clock_use_monotonic(&clock);
    if (prepare(&s) != 0 || pthread_create(&control, NULL, exchange, &s) != 0 ||
        pthread_create(&chaos, NULL, trouble, &s) != 0) {
        printf("not ready: %s\n", ats_error_count() ? ats_error_line(0) : "");
        return 1;
    }
    for (int i = 0; i < BATCHES && right; i++) {
        uint64_t with = ats_load_acquire(&s.wanted);
        /* Partner: the control thread's acquire before it unloads. */
        ats_store_release(&s.taken, with);
        right = batch(&s, with, 1 + (uint32_t)ats_random_below(&random, ROWS), NEAR_NS, &clock);
        if (!ats_gpu_is_up(s.gpu))
            nap(300000);
    }
    ats_store_relaxed(&s.stop, 1);
    pthread_join(chaos, NULL);
    pthread_join(control, NULL);
    ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
    for (int i = 0; i < 30000 && !ats_gpu_is_up(s.gpu); i++)
        nap(1000000);
    int back = ats_gpu_is_up(s.gpu);
    right = right && batch(&s, ats_load_relaxed(&s.taken), ROWS, FAR_NS, &clock);
    printf("done %llu, late %llu, wrong %llu, failed %llu, down %llu; %llu exchanges; %s, %s\n",
           (unsigned long long)s.ended[0], (unsigned long long)s.ended[1],
           (unsigned long long)s.ended[2], (unsigned long long)s.ended[3],
           (unsigned long long)s.ended[4], (unsigned long long)s.exchanges,
           right ? "bits right" : "WRONG BITS", back ? "taken back" : "NOT TAKEN BACK");
    ats_gpu_close(s.gpu);
    for (uint32_t i = 0; i < MODELS; i++) {
        ats_forest_image_free(s.models[i].image);
        ats_forest_free(&s.models[i].forest);
    }
    return !(right && back && s.exchanges > 0 && s.ended[ATS_GPU_DONE] > 0);
}
