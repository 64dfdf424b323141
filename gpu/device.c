#include "gpu/internal.h"

#include "core/error.h"
#include "core/log.h"

#include <stdlib.h>
#include <string.h>

#define BUSY_S  5  /* a watch that starts a card anew holds the lock for about a second */
#define CLOSE_S 10 /* beyond, a driver call hangs */

const char *ats_gpu_kind_label(uint32_t kind)
{
    static const char *const labels[] = {"auto", "persistent", "graph", "simulated"};
    static_assert(sizeof labels / sizeof labels[0] == ATS_GPU_KIND_COUNT, "a label each");
    return kind < ATS_GPU_KIND_COUNT ? labels[kind] : "unknown";
}

const char *ats_gpu_status_label(uint32_t status)
{
    static const char *const labels[] = {"done", "late", "wrong", "failed", "down"};
    static_assert(sizeof labels / sizeof labels[0] == ATS_GPU_STATUS_COUNT, "a label each");
    return status < ATS_GPU_STATUS_COUNT ? labels[status] : "unknown";
}

void ats_gpu_config_init(ats_gpu_config *config)
{
    *config = (ats_gpu_config){.kind = ATS_GPU_AUTO,
                               .blocks = 32,
                               .slot_count = 2,
                               .slot_bytes = 16u << 20,
                               .stage_bytes = UINT32_MAX,
                               .wait = ATS_WAIT_SPIN,
                               .health_ns = 50000000,
                               .probe_first_ns = 10000000,
                               .probe_last_ns = 5000000000,
                               .probe_timeout_ns = 100000000,
                               .probes_good = 3};
}

static int check_config(const ats_gpu_config *c)
{
    if (c->kind >= ATS_GPU_KIND_COUNT)
        return ats_error(ATS_EXIT_CONFIG, "gpu: no such kind");
    if (c->blocks < 1 || c->blocks > ATS_GPU_BLOCKS_MAX)
        return ats_error(ATS_EXIT_CONFIG, "gpu.blocks %u: 1 to %u are possible", c->blocks,
                         ATS_GPU_BLOCKS_MAX);
    if (c->slot_count < 1 || c->slot_count > ATS_GPU_SLOTS_MAX)
        return ats_error(ATS_EXIT_CONFIG, "gpu.slot_count %u: 1 to %u are possible", c->slot_count,
                         ATS_GPU_SLOTS_MAX);
    if (c->slot_bytes < 4096 || c->slot_bytes > 1u << 31 || c->slot_bytes % 256)
        return ats_error(ATS_EXIT_CONFIG,
                         "gpu.slot_bytes %llu: 4096 to 2 GiB in steps of 256 are possible",
                         (unsigned long long)c->slot_bytes);
    if (c->wait >= ATS_WAIT_COUNT)
        return ats_error(ATS_EXIT_CONFIG, "gpu: no such wait");
    if (c->probes_good < 1 || c->probe_first_ns == 0 || c->probe_last_ns < c->probe_first_ns ||
        c->probe_timeout_ns == 0 || c->health_ns == 0)
        return ats_error(ATS_EXIT_CONFIG, "gpu: probes need times above 0, the last wait not "
                                          "below the first, and one good round or more");
    return 0;
}

static void free_all(ats_gpu *gpu)
{
    for (uint32_t i = 0; i < ATS_GPU_SLOTS_MAX; i++)
        ats_gpu_slot_clear(&gpu->slot[i]);
    free(gpu->backend_state);
    pthread_mutex_destroy(&gpu->lock);
    free(gpu);
}

static int start_all(ats_gpu *gpu)
{
    gpu->backend_state = calloc(1, gpu->backend->state_bytes);
    if (!gpu->backend_state)
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    if (ats_gpu_start(gpu) != 0)
        return -1;
    gpu->state = ATS_GPU_STATE_UP;
    int failed = pthread_create(&gpu->watch, NULL, ats_gpu_watch, gpu);
    if (failed) {
        ats_gpu_stop(gpu);
        return ats_error_errno(ATS_EXIT_FAILED, failed, "gpu: the watch thread does not start");
    }
    return 0;
}

int ats_gpu_open(ats_gpu **out, const ats_gpu_config *config)
{
    *out = NULL;
    if (check_config(config) != 0)
        return -1;
    ats_gpu_kind kind = config->kind;
    const ats_gpu_backend *backend = kind == ATS_GPU_SIMULATED
                                         ? &ats_gpu_backend_simulated
                                         : ats_gpu_backend_cuda(&kind, config->device);
    if (!backend)
        return -1;
    size_t bytes = (sizeof(ats_gpu) + 127) & ~(size_t)127;
    ats_gpu *gpu = aligned_alloc(128, bytes);
    if (!gpu)
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    memset(gpu, 0, bytes);
    gpu->config = *config;
    gpu->kind = kind;
    gpu->backend = backend;
    pthread_mutex_init(&gpu->lock, NULL);
    if (start_all(gpu) != 0) {
        free_all(gpu);
        return -1;
    }
    *out = gpu;
    return 0;
}

/* The time `seconds` from now on the clock that POSIX waits by. */
static struct timespec in_seconds(int seconds)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += seconds;
    return at;
}

void ats_gpu_close(ats_gpu *gpu)
{
    if (!gpu)
        return;
    struct timespec until = in_seconds(CLOSE_S);
    ats_store_relaxed(&gpu->stop, 1);
    if (pthread_timedjoin_np(gpu->watch, NULL, &until) != 0) {
        /* A call into the driver hangs; what it may touch stays. */
        ats_log(ATS_LOG_ERROR, "gpu.close", ats_log_str("why", "the driver does not return"));
        pthread_detach(gpu->watch);
        return;
    }
    if (gpu->started)
        ats_gpu_stop(gpu);
    free_all(gpu);
}

static int take_lock(ats_gpu *gpu)
{
    struct timespec until = in_seconds(BUSY_S);
    if (pthread_mutex_timedlock(&gpu->lock, &until) != 0)
        return ats_error(ATS_EXIT_UNREACHABLE, "gpu: the driver does not return; the CPU scores");
    return 0;
}

/* The next load's number: the model goes to slot number % slot_count, which must be free. */
static int choose_slot(const ats_gpu *gpu, uint32_t *load)
{
    uint32_t count = gpu->config.slot_count;
    for (uint32_t n = gpu->last_load + 1; n <= gpu->last_load + count; n++) {
        if (n > ATS_GPU_LOADS_MAX)
            return ats_error(ATS_EXIT_FAILED, "gpu: %u models were loaded; open the device anew",
                             gpu->last_load);
        if (gpu->slot[n % count].use == ATS_GPU_SLOT_FREE) {
            *load = n;
            return 0;
        }
    }
    return ats_error(ATS_EXIT_CONFIG, "gpu: all %u slots are taken", count);
}

static int load_locked(ats_gpu *gpu, const ats_forest_image *image, uint32_t *slot_out)
{
    uint32_t load = 0;
    if (choose_slot(gpu, &load) != 0)
        return -1;
    ats_gpu_slot *slot = &gpu->slot[load % gpu->config.slot_count];
    if (ats_gpu_slot_fill(slot, image, load, gpu->config.slot_bytes) != 0)
        return -1;
    if (gpu->started && gpu->backend->upload(gpu->backend_state, load % gpu->config.slot_count,
                                             slot->table, slot->table->bytes) != 0) {
        /* The model is loaded all the same: the watch starts the device anew and uploads it then.
         */
        ats_log(ATS_LOG_WARN, "gpu.upload", ats_log_str("why", ats_error_line(0)));
        ats_error_clear();
        gpu->must_restart = true;
        ats_store_relaxed(&gpu->sick, 1);
    }
    slot->use = ATS_GPU_SLOT_LOADED;
    gpu->last_load = load;
    *slot_out = load % gpu->config.slot_count;
    /* Partner: the acquire in ats_gpu_score. */
    ats_store_release(&slot->load, load);
    return 0;
}

int ats_gpu_load(ats_gpu *gpu, const ats_forest_image *image, uint32_t *slot)
{
    if (take_lock(gpu) != 0)
        return -1;
    int failed = load_locked(gpu, image, slot);
    pthread_mutex_unlock(&gpu->lock);
    return failed;
}

int ats_gpu_unload(ats_gpu *gpu, uint32_t slot)
{
    assert(slot < gpu->config.slot_count);
    if (take_lock(gpu) != 0)
        return -1;
    ats_gpu_slot *s = &gpu->slot[slot];
    assert(s->use == ATS_GPU_SLOT_LOADED);
    ats_store_relaxed(&s->load, 0);
    ats_gpu_slot_clear(s);
    /* Up: all batches with it were DONE, so no block reads it. Down: the last of them may be at
     * work still, until the device has answered probes or has been started anew. */
    if (ats_load_acquire(&gpu->state) == ATS_GPU_STATE_DOWN)
        s->use = ATS_GPU_SLOT_RETIRED;
    pthread_mutex_unlock(&gpu->lock);
    return 0;
}

bool ats_gpu_is_up(const ats_gpu *gpu)
{
    return ats_load_acquire(&gpu->state) == ATS_GPU_STATE_UP;
}

ats_gpu_kind ats_gpu_kind_of(const ats_gpu *gpu)
{
    return gpu->kind;
}

const ats_gpu_metrics *ats_gpu_metrics_of(const ats_gpu *gpu)
{
    return &gpu->metrics;
}

void ats_gpu_metrics_read(const ats_gpu *gpu, ats_gpu_metrics *copy)
{
    const uint64_t *from = (const uint64_t *)ats_gpu_metrics_of(gpu);
    uint64_t *to = (uint64_t *)copy;
    static_assert(sizeof *copy % sizeof *to == 0, "nothing but counters");
    for (size_t i = 0; i < sizeof *copy / sizeof *to; i++)
        to[i] = ats_load_relaxed(&from[i]);
}
