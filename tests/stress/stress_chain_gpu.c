/* The whole chain with a device that fails in every way it can while the chain runs: no vector may
 * lose its signal, and the decisions must be those of the CPU alone, whoever scored which batch. */
#include "gpu/simulated.h"
#include "tests/unit/stages/chain_run.h"

#include <inttypes.h>
#include <pthread.h>

#define RUNS_MAX 100

static uint64_t stop;

/* A device that spoils single rows is found only when it spoils a canary (gpu/device.h), so it is
 * left out: what it harms before that, nobody can know but by scoring it all again. */
static const ats_gpu_trouble TROUBLES[] = {ATS_GPU_TROUBLE_HANG,  ATS_GPU_TROUBLE_ERROR,
                                           ATS_GPU_TROUBLE_WRONG, ATS_GPU_TROUBLE_LATE,
                                           ATS_GPU_TROUBLE_SLOW,  ATS_GPU_TROUBLE_DEAD};
#define TROUBLE_COUNT (sizeof TROUBLES / sizeof TROUBLES[0])

/* Goes round the troubles, with times in between in which the device can come back. */
static void *trouble(void *argument)
{
    const struct timespec pause = {0, 20000000};
    (void)argument;
    for (uint32_t i = 1; !ats_load_relaxed(&stop); i++) {
        ats_gpu_simulate(i % 2 ? TROUBLES[i / 2 % TROUBLE_COUNT] : ATS_GPU_TROUBLE_NONE);
        nanosleep(&pause, NULL);
    }
    ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
    return NULL;
}

static int open_device(ats_model_device *device)
{
    ats_gpu_config config;
    ats_gpu_config_init(&config);
    config.kind = ATS_GPU_SIMULATED;
    config.wait = ATS_WAIT_YIELD;
    config.blocks = 2;
    config.probe_first_ns = 1000000;
    config.probe_last_ns = 5000000;
    config.health_ns = 5000000;
    config.probes_good = 1;
    *device = (ats_model_device){.deadline_ns = 5000000, .use_from = 1};
    return ats_gpu_open(&device->gpu, &config);
}

/* One run over the day; the trouble goes on meanwhile. */
static fixture_run go(const char *map, ats_model_device *device, const ats_market *day,
                      uint64_t count, const ats_symbols *symbols)
{
    ats_run_config config = fixture_config();
    ats_chain_spec spec = {.device = device};
    fixture_threads(&config, map, ATS_WAIT_YIELD);
    return fixture_go(&config, &spec, day, count, symbols);
}

int main(void)
{
    ats_symbols symbols = {0};
    ats_model_device device;
    pthread_t thread;
    uint64_t count;
    int failed = 0;
    ats_market *day = fixture_day(&count, &symbols);
    if (!day || open_device(&device) != 0)
        return 1;
    count = count < 20000 ? count : 20000;
    fixture_run alone = go("000000", NULL, day, count, &symbols);
    pthread_create(&thread, NULL, trouble, NULL);
    const ats_gpu_metrics *m = ats_gpu_metrics_of(device.gpu);
    /* Until both have had their part: what the device does in one run hangs on the machine. */
    for (int i = 0; i < RUNS_MAX && (i < 4 || !ats_load_relaxed(&m->batches[ATS_GPU_DONE]) ||
                                     ats_load_relaxed(&m->downs) < 6);
         i++) {
        fixture_run run = go(i % 2 ? "000111" : "000000", &device, day, count, &symbols);
        printf("%s: %" PRIu64 " orders, digest %s\n", i % 2 ? "two threads" : "one thread",
               run.orders, run.digest);
        failed |= run.result != 0 || run.signals != alone.signals || run.orders != alone.orders ||
                  strcmp(run.digest, alone.digest) != 0;
    }
    ats_store_relaxed(&stop, 1);
    pthread_join(thread, NULL);
    ats_gpu_metrics seen;
    ats_gpu_metrics_read(device.gpu, &seen);
    for (uint32_t i = 0; i < ATS_GPU_STATUS_COUNT; i++)
        printf("%s %" PRIu64 ", ", ats_gpu_status_label(i), seen.batches[i]);
    printf("down %" PRIu64 " times, up %" PRIu64 "; %" PRIu64 " signals, digest %s\n", seen.downs,
           seen.ups, alone.signals, alone.digest);
    failed |= seen.batches[ATS_GPU_DONE] == 0 || seen.downs < 6 || alone.orders < 100;
    ats_gpu_close(device.gpu);
    free(day);
    ats_symbols_free(&symbols);
    return failed;
}
