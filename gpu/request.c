/* Requests, by whoever owns the mailbox. Hot. */
#include "gpu/internal.h"

#include <string.h>

#define LOOKS_A_CLOCK 16u /* looks at the results between two looks at the clock: about 0.1 us */

void ats_gpu_put_row(ats_gpu_mailbox *mailbox, uint32_t row, const uint64_t *from, uint32_t words)
{
    /* Relaxed: ordered by the doorbell; atomic because a device that is late may still read. */
    for (uint32_t i = 0; i < words; i++)
        ats_store_relaxed(&mailbox->row[row * words + i], from[i]);
}

/* The next sequence. Half a lap on, all results are wiped, so that none is left of the lap before:
 * nothing is in work now. */
static uint32_t next_sequence(ats_gpu *gpu)
{
    if (++gpu->sequence == 0)
        gpu->sequence = 1;
    if ((gpu->sequence & 0x7fffffffu) == 1) {
        for (uint32_t i = 0; i < ATS_GPU_RESULT_WORDS; i++)
            ats_store_relaxed(&gpu->mailbox->result[i], 0);
        ats_store_relaxed(&gpu->mailbox->fault, 0);
    }
    return gpu->sequence;
}

int ats_gpu_send(ats_gpu *gpu, const ats_gpu_slot *slot, uint32_t row_count, bool values,
                 ats_gpu_request *request)
{
    request->slot = slot;
    request->sequence = next_sequence(gpu);
    request->row_count = row_count;
    uint64_t load = ats_load_relaxed(&slot->load);
    /* Partner: ats_gpu_load_acquire of every block. */
    ats_store_release(&gpu->mailbox->doorbell, (uint64_t)request->sequence << 32 |
                                                   (values ? ATS_GPU_BELL_VALUES : 0) |
                                                   (uint64_t)row_count << 20 | load);
    return gpu->backend->launch ? gpu->backend->launch(gpu->backend_state) : 0;
}

void ats_gpu_ring_stop(ats_gpu *gpu)
{
    ats_store_release(&gpu->mailbox->doorbell, (uint64_t)next_sequence(gpu) << 32);
}

ats_gpu_status ats_gpu_await(ats_gpu *gpu, const ats_gpu_request *request, uint64_t deadline_ns,
                             const ats_clock *clock)
{
    const ats_gpu_mailbox *mailbox = gpu->mailbox;
    uint32_t words = request->row_count * request->slot->group_count, looks = 0;
    for (uint32_t i = 0; i < words;) {
        /* Partner: ats_gpu_store_result. Value and sequence are one word; acquire is for what the
         * device read before, which may be overwritten after this. */
        if (ats_load_acquire(&mailbox->result[i]) >> 32 == request->sequence) {
            i++;
            continue;
        }
        if (++looks % LOOKS_A_CLOCK == 0 || gpu->config.wait >= ATS_WAIT_YIELD) {
            if (ats_load_relaxed(&mailbox->fault) >> 32 == request->sequence)
                return ATS_GPU_FAILED;
            /* Partner: the watch's store after a look at the driver. */
            if (ats_load_relaxed(&gpu->sick))
                return ATS_GPU_FAILED;
            if (ats_clock_now(clock) >= deadline_ns)
                return ATS_GPU_LATE;
        }
        ats_wait_idle(gpu->config.wait, looks);
    }
    return ATS_GPU_DONE;
}

bool ats_gpu_canary_sings(const ats_gpu *gpu, const ats_gpu_request *request, uint32_t row,
                          uint32_t canary)
{
    uint32_t groups = request->slot->group_count, different = 0;
    const uint32_t *bits = &request->slot->canary_bits[canary * groups];
    for (uint32_t g = 0; g < groups; g++)
        different |= (uint32_t)ats_load_relaxed(&gpu->mailbox->result[row * groups + g]) ^ bits[g];
    return different == 0;
}

/* ---- scoring -----------------------------------------------------------------------------------
 */

/* The next sequence's canary: which of them, and the row it takes. The place moves so that every
 * block and lane has its turn. */
static uint32_t canary_of(const ats_gpu *gpu)
{
    return (gpu->sequence + 1) % ATS_GPU_CANARIES;
}

static uint32_t canary_row(const ats_gpu *gpu, uint32_t n)
{
    return (gpu->sequence + 1) % (n + 1);
}

/* What a batch consists of: values by row pointers, or ranks one row after the other. */
typedef struct batch {
    const float *const *rows; /* NULL: ranks */
    const uint64_t *ranks;
    uint32_t n;
} batch;

/* The values that the model uses, two a word. */
static void put_values(ats_gpu_mailbox *mailbox, uint32_t row, const ats_gpu_slot *slot,
                       const float *values)
{
    uint64_t *to = &mailbox->row[(size_t)row * slot->value_words];
    const uint16_t *input = slot->input;
    uint32_t count = slot->input_count, i = 0;
    if (slot->side_by_side && count % 2 == 0) {
        for (; i < count; i += 2) {
            uint64_t both;
            memcpy(&both, &values[input[0] + i], sizeof both);
            ats_store_relaxed(&to[i / 2], both);
        }
        return;
    }
    for (; i + 2 <= count; i += 2) {
        uint64_t low = ats_gpu_bits_of(values[input[i]]);
        uint64_t high = ats_gpu_bits_of(values[input[i + 1]]);
        /* Relaxed, as in ats_gpu_put_row. */
        ats_store_relaxed(&to[i / 2], high << 32 | low);
    }
    if (i < count)
        ats_store_relaxed(&to[i / 2], ats_gpu_bits_of(values[input[i]]));
}

static void put_batch(ats_gpu *gpu, const ats_gpu_slot *slot, const batch *b, uint32_t hole)
{
    uint32_t words = b->rows ? slot->value_words : slot->rank_words;
    const uint64_t *canaries = b->rows ? slot->canary_value : slot->canary_rank;
    for (uint32_t i = 0; i < b->n; i++) {
        uint32_t row = i + (i >= hole);
        if (b->rows)
            put_values(gpu->mailbox, row, slot, b->rows[i]);
        else
            ats_gpu_put_row(gpu->mailbox, row, b->ranks + (size_t)i * words, words);
    }
    ats_gpu_put_row(gpu->mailbox, hole, canaries + (size_t)canary_of(gpu) * words, words);
}

static void take_margins(const ats_gpu *gpu, const ats_gpu_slot *slot, uint32_t n, uint32_t hole,
                         float *margins)
{
    uint32_t groups = slot->group_count, before = hole * groups;
    for (uint32_t i = 0; i < n * groups; i++) {
        uint32_t word = i + (i >= before ? groups : 0);
        margins[i] = ats_gpu_float_of((uint32_t)ats_load_relaxed(&gpu->mailbox->result[word]));
    }
}

/* Hands the mailbox to the watch. */
static ats_gpu_status take_down(ats_gpu *gpu, ats_gpu_status status, const ats_clock *clock)
{
    ats_count(&gpu->metrics.downs, 1);
    gpu->reason = status;
    gpu->since_ns = ats_clock_now(clock);
    /* Partner: the watch's acquire. */
    ats_store_release(&gpu->state, ATS_GPU_STATE_DOWN);
    return status;
}

static ats_gpu_status attempt(ats_gpu *gpu, const ats_gpu_slot *slot, const batch *b,
                              uint64_t deadline_ns, const ats_clock *clock, float *margins)
{
    ats_gpu_request request;
    uint32_t canary = canary_of(gpu), hole = canary_row(gpu, b->n);
    if (ats_load_relaxed(&gpu->sick))
        return ATS_GPU_FAILED;
    put_batch(gpu, slot, b, hole);
    if (ats_gpu_send(gpu, slot, b->n + 1, b->rows != NULL, &request) != 0)
        return ATS_GPU_FAILED;
    ats_gpu_status status = ats_gpu_await(gpu, &request, deadline_ns, clock);
    if (status != ATS_GPU_DONE)
        return status;
    if (!ats_gpu_canary_sings(gpu, &request, hole, canary))
        return ATS_GPU_WRONG;
    take_margins(gpu, slot, b->n, hole, margins);
    return ATS_GPU_DONE;
}

static ats_gpu_status score(ats_gpu *gpu, uint32_t slot, const batch *b, uint64_t deadline_ns,
                            const ats_clock *clock, float *margins)
{
    ats_gpu_status status = ATS_GPU_DOWN;
    assert(b->n >= 1 && b->n <= ATS_GPU_ROWS_MAX && slot < gpu->config.slot_count);
    /* Partner: the watch's release when it hands the mailbox over. */
    if (ats_load_acquire(&gpu->state) == ATS_GPU_STATE_UP) {
        const ats_gpu_slot *of = &gpu->slot[slot];
        /* Partner: ats_gpu_load's release. */
        uint64_t load = ats_load_acquire(&of->load);
        assert(load != 0 && "scoring with a slot that holds no model");
        (void)load;
        status = attempt(gpu, of, b, deadline_ns, clock, margins);
        if (status != ATS_GPU_DONE)
            take_down(gpu, status, clock);
    }
    ats_count(&gpu->metrics.batches[status], 1);
    ats_count(&gpu->metrics.rows, status == ATS_GPU_DONE ? b->n : 0);
    return status;
}

ats_gpu_status ats_gpu_score(ats_gpu *gpu, uint32_t slot, const float *const *rows, uint32_t n,
                             uint64_t deadline_ns, const ats_clock *clock, float *margins)
{
    const batch b = {.rows = rows, .n = n};
    return score(gpu, slot, &b, deadline_ns, clock, margins);
}

ats_gpu_status ats_gpu_score_ranks(ats_gpu *gpu, uint32_t slot, const uint8_t *ranks, uint32_t n,
                                   uint64_t deadline_ns, const ats_clock *clock, float *margins)
{
    const batch b = {.ranks = (const uint64_t *)(const void *)ranks, .n = n};
    return score(gpu, slot, &b, deadline_ns, clock, margins);
}
