/* The watch: a side thread that looks after a device's health and takes it back when it was down.
 */
#include "gpu/internal.h"

#include "core/error.h"
#include "core/log.h"

#include <stdlib.h>
#include <string.h>

#define ROUND_NS         1000000u /* between two rounds: when a device that went down is noticed */
#define QUIET_NS         100000000u /* a driver's queue of one batch is long empty by then */
#define WRONG_TO_RESTART 3u         /* rounds of probes without an answer: it is not merely slow */

static void sleep_ns(uint64_t ns)
{
    struct timespec pause = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    nanosleep(&pause, NULL);
}

static bool stopping(const ats_gpu *gpu)
{
    /* Relaxed: says only that the thread may end. */
    return ats_load_relaxed(&gpu->stop) != 0;
}

int ats_gpu_start(ats_gpu *gpu)
{
    size_t bytes = (sizeof(ats_gpu_mailbox) + 4095) & ~(size_t)4095;
    ats_gpu_mailbox *mailbox = aligned_alloc(4096, bytes);
    if (!mailbox)
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    memset(mailbox, 0, bytes);
    mailbox->doorbell = (uint64_t)gpu->sequence << 32;
    if (gpu->backend->start(gpu->backend_state, &gpu->config, mailbox, gpu->sequence) != 0) {
        free(mailbox);
        return -1;
    }
    gpu->mailbox = mailbox;
    gpu->started = true;
    for (uint32_t i = 0; i < gpu->config.slot_count; i++) {
        ats_gpu_slot *slot = &gpu->slot[i];
        /* The device's memory is new: nothing late reads it. */
        if (slot->use == ATS_GPU_SLOT_RETIRED)
            slot->use = ATS_GPU_SLOT_FREE;
        if (slot->use == ATS_GPU_SLOT_LOADED &&
            gpu->backend->upload(gpu->backend_state, i, slot->table, slot->table->bytes) != 0) {
            ats_gpu_stop(gpu);
            return -1;
        }
    }
    return 0;
}

void ats_gpu_stop(ats_gpu *gpu)
{
    ats_gpu_ring_stop(gpu);
    /* A card that did not stop may write for ever: its mailbox is never used again, nor freed. */
    if (gpu->backend->stop(gpu->backend_state) == 0) {
        free(gpu->mailbox);
    } else {
        ats_log(ATS_LOG_ERROR, "gpu.stop", ats_log_str("why", ats_error_line(0)));
        ats_error_clear();
    }
    gpu->mailbox = NULL;
    gpu->started = false;
}

/* Every row of a request is a canary, so every block answers: true when all are right. */
static bool probe_slot(ats_gpu *gpu, const ats_gpu_slot *slot, bool values, const ats_clock *clock)
{
    ats_gpu_request request;
    uint32_t words = values ? slot->value_words : slot->rank_words;
    const uint64_t *canaries = values ? slot->canary_value : slot->canary_rank;
    for (uint32_t row = 0; row < ATS_GPU_REQUEST_ROWS; row++)
        ats_gpu_put_row(gpu->mailbox, row, canaries + (size_t)(row % ATS_GPU_CANARIES) * words,
                        words);
    if (ats_gpu_send(gpu, slot, ATS_GPU_REQUEST_ROWS, values, &request) != 0)
        return false;
    uint64_t deadline_ns = ats_clock_now(clock) + gpu->config.probe_timeout_ns;
    if (ats_gpu_await(gpu, &request, deadline_ns, clock) != ATS_GPU_DONE)
        return false;
    for (uint32_t row = 0; row < ATS_GPU_REQUEST_ROWS; row++)
        if (!ats_gpu_canary_sings(gpu, &request, row, row % ATS_GPU_CANARIES))
            return false;
    return true;
}

static bool probe(ats_gpu *gpu, const ats_clock *clock)
{
    for (uint32_t i = 0; i < gpu->config.slot_count; i++) {
        const ats_gpu_slot *slot = &gpu->slot[i];
        if (slot->use == ATS_GPU_SLOT_LOADED &&
            !(probe_slot(gpu, slot, false, clock) && probe_slot(gpu, slot, true, clock)))
            return false;
    }
    return true;
}

static bool healthy(ats_gpu *gpu)
{
    if (gpu->backend->health(gpu->backend_state) == 0)
        return true;
    ats_log(ATS_LOG_WARN, "gpu.sick", ats_log_str("why", ats_error_line(0)));
    ats_error_clear();
    return false;
}

static bool restart(ats_gpu *gpu)
{
    if (gpu->started)
        ats_gpu_stop(gpu);
    gpu->right_in_row = gpu->wrong_in_row = 0;
    if (ats_gpu_start(gpu) != 0) {
        ats_count(&gpu->metrics.restarts_failed, 1);
        ats_log(ATS_LOG_WARN, "gpu.restart", ats_log_str("failed", ats_error_line(0)));
        ats_error_clear();
        return false;
    }
    ats_count(&gpu->metrics.restarts, 1);
    ats_log(ATS_LOG_INFO, "gpu.restart");
    gpu->must_restart = false;
    ats_store_relaxed(&gpu->sick, 0);
    return true;
}

/* A request that was given up may still be queued in the driver. */
static bool comes_to_rest(ats_gpu *gpu, const ats_clock *clock)
{
    uint64_t until_ns = ats_clock_now(clock) + QUIET_NS;
    while (!gpu->backend->quiet(gpu->backend_state)) {
        if (ats_clock_now(clock) > until_ns)
            return false;
        sleep_ns(ROUND_NS / 10);
    }
    return true;
}

static void bring_up(ats_gpu *gpu, const ats_clock *clock)
{
    uint64_t down_ns = ats_clock_now(clock) - gpu->since_ns;
    /* The probes made every block answer a newer request: nothing late reads a slot. */
    for (uint32_t i = 0; i < gpu->config.slot_count; i++)
        if (gpu->slot[i].use == ATS_GPU_SLOT_RETIRED)
            gpu->slot[i].use = ATS_GPU_SLOT_FREE;
    ats_count(&gpu->metrics.ups, 1);
    ats_count(&gpu->metrics.down_ns, down_ns);
    gpu->told_down = false;
    ats_log(ATS_LOG_INFO, "gpu.up", ats_log_u64("down_ns", down_ns));
    /* Hands the mailbox over. Partner: ats_gpu_score_ranks's acquire. */
    ats_store_release(&gpu->state, ATS_GPU_STATE_UP);
}

/* One attempt to take the device back. */
static void recover(ats_gpu *gpu, const ats_clock *clock)
{
    bool right =
        gpu->started && !gpu->must_restart && gpu->wrong_in_row < WRONG_TO_RESTART && healthy(gpu);
    if (right)
        ats_store_relaxed(&gpu->sick, 0);
    right = right || restart(gpu);
    right = right && probe(gpu, clock) && comes_to_rest(gpu, clock);
    if (right) {
        ats_count(&gpu->metrics.probes_right, 1);
        gpu->wrong_in_row = 0;
        gpu->wait_ns = gpu->config.probe_first_ns;
        if (++gpu->right_in_row >= gpu->config.probes_good)
            bring_up(gpu, clock);
    } else {
        ats_count(&gpu->metrics.probes_wrong, 1);
        gpu->right_in_row = 0;
        gpu->wrong_in_row++;
        gpu->wait_ns = gpu->wait_ns * 2 < gpu->config.probe_last_ns ? gpu->wait_ns * 2
                                                                    : gpu->config.probe_last_ns;
    }
    gpu->due_ns = ats_clock_now(clock) + gpu->wait_ns;
}

static void notice_down(ats_gpu *gpu, const ats_clock *clock)
{
    gpu->told_down = true;
    gpu->right_in_row = gpu->wrong_in_row = 0;
    gpu->wait_ns = gpu->config.probe_first_ns;
    gpu->due_ns = ats_clock_now(clock) + gpu->wait_ns;
    ats_log(ATS_LOG_WARN, "gpu.down",
            ats_log_str("reason", ats_gpu_status_label((uint32_t)gpu->reason)));
}

static void look_after(ats_gpu *gpu, const ats_clock *clock)
{
    uint64_t now_ns = ats_clock_now(clock);
    /* Partner: take_down's release. */
    if (ats_load_acquire(&gpu->state) == ATS_GPU_STATE_DOWN) {
        if (!gpu->told_down)
            notice_down(gpu, clock);
        if (now_ns >= gpu->due_ns)
            recover(gpu, clock);
    } else if (now_ns >= gpu->due_ns) {
        gpu->due_ns = now_ns + gpu->config.health_ns;
        /* Relaxed: the scoring thread need only see it some time; it then takes the device down. */
        if (!ats_load_relaxed(&gpu->sick) && !healthy(gpu))
            ats_store_relaxed(&gpu->sick, 1);
    }
}

void *ats_gpu_watch(void *argument)
{
    ats_gpu *gpu = argument;
    ats_clock clock;
    ats_clock_use_monotonic(&clock);
    ats_thread_name("ats-gpu-watch");
    while (!stopping(gpu)) {
        pthread_mutex_lock(&gpu->lock);
        look_after(gpu, &clock);
        pthread_mutex_unlock(&gpu->lock);
        sleep_ns(ROUND_NS);
    }
    return NULL;
}
