#include "gpu/simulated.h"

#include "core/error.h"
#include "gpu/backend.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* Fewer than a card has: what matters is that there are several of each, and that neither divides
 * what it works on. */
#define THREADS   24u
#define STAGE_MAX (160u << 10) /* about a card's shared memory */
#define SLOW_NS   2000000

static uint64_t trouble_now; /* ats_gpu_trouble; relaxed: takes effect some time */

void ats_gpu_simulate(ats_gpu_trouble trouble)
{
    ats_store_relaxed(&trouble_now, trouble);
}

static ats_gpu_trouble trouble(void)
{
    return (ats_gpu_trouble)ats_load_relaxed(&trouble_now);
}

typedef struct simulated {
    ats_gpu_parameters parameters;
    ats_gpu_mailbox *shadow; /* results that are spoiled before anyone sees them */
    unsigned char *tables;
    unsigned char *memory; /* of the blocks, shared_bytes each */
    size_t shared_bytes;
    uint32_t blocks;
    uint64_t stop; /* by the thread that stops it */
    pthread_t thread;
} simulated;

static ats_gpu_shared *memory_of(simulated *s, uint32_t block)
{
    return (ats_gpu_shared *)(void *)(s->memory + block * s->shared_bytes);
}

static void answer(simulated *s, const ats_gpu_parameters *parameters, uint64_t bell)
{
    for (uint32_t block = 0; block < s->blocks; block++)
        ats_gpu_answer(parameters, memory_of(s, block), block, s->blocks, THREADS, bell);
}

/* Works on a copy, flips a bit in each result of the first `spoiled` rows, and hands all out. */
static void answer_wrong(simulated *s, uint64_t bell, uint32_t spoiled)
{
    ats_gpu_mailbox *mailbox = s->parameters.mailbox;
    ats_gpu_parameters parameters = s->parameters;
    uint32_t rows = ats_gpu_bell_rows(bell);
    uint32_t slot = ats_gpu_bell_load(bell) % parameters.slot_count;
    const ats_gpu_table *table = (const void *)(parameters.tables + slot * parameters.slot_bytes);
    parameters.mailbox = s->shadow;
    for (uint32_t i = 0; i < ATS_GPU_REQUEST_ROWS * ATS_GPU_ROW_WORDS_MAX; i++)
        s->shadow->row[i] = ats_load_relaxed(&mailbox->row[i]);
    answer(s, &parameters, bell);
    for (uint32_t i = 0; i < rows * table->group_count; i++) {
        bool flip = i / table->group_count < spoiled;
        ats_gpu_store_result(&mailbox->result[i], s->shadow->result[i] ^ (flip ? 1u << 20 : 0));
    }
}

static bool stopping(const simulated *s)
{
    return ats_load_relaxed(&s->stop) != 0;
}

static uint64_t wait_for_bell(simulated *s, uint32_t last)
{
    uint64_t bell;
    while (ats_gpu_bell_sequence(bell = ats_gpu_load_acquire(&s->parameters.mailbox->doorbell)) ==
               last &&
           !stopping(s))
        sched_yield();
    return bell;
}

/* Gives a request the answer that the trouble of the hour allows. */
static void serve(simulated *s, uint64_t bell)
{
    uint32_t sequence = ats_gpu_bell_sequence(bell);
    struct timespec slow = {0, SLOW_NS};
    switch (trouble()) {
    case ATS_GPU_TROUBLE_HANG:
    case ATS_GPU_TROUBLE_DEAD:
        return;
    case ATS_GPU_TROUBLE_ERROR:
        ats_gpu_store_result(&s->parameters.mailbox->fault,
                             (uint64_t)sequence << 32 | ATS_GPU_FAULT_INJECTED);
        return;
    case ATS_GPU_TROUBLE_WRONG:
        answer_wrong(s, bell, ats_gpu_bell_rows(bell));
        return;
    case ATS_GPU_TROUBLE_SPOIL:
        answer_wrong(s, bell, 1);
        return;
    case ATS_GPU_TROUBLE_LATE:
        /* The ranks may have changed by then: the answer is nonsense under an old sequence. */
        if (ats_gpu_bell_rows(wait_for_bell(s, sequence)) == 0 || stopping(s))
            return;
        break;
    case ATS_GPU_TROUBLE_SLOW:
        nanosleep(&slow, NULL);
        break;
    default:
        break;
    }
    answer(s, &s->parameters, bell);
}

static void *run(void *argument)
{
    simulated *s = argument;
    uint32_t last = s->parameters.sequence;
    while (!stopping(s)) {
        uint64_t bell = wait_for_bell(s, last);
        if (stopping(s) || ats_gpu_bell_rows(bell) == 0)
            break;
        last = ats_gpu_bell_sequence(bell);
        serve(s, bell);
    }
    return NULL;
}

static void free_all(simulated *s)
{
    free(s->shadow);
    free(s->tables);
    free(s->memory);
    memset(s, 0, sizeof *s);
}

static int start(void *state, const ats_gpu_config *config, ats_gpu_mailbox *mailbox,
                 uint32_t sequence)
{
    simulated *s = state;
    if (trouble() == ATS_GPU_TROUBLE_DEAD)
        return ats_error(ATS_EXIT_UNREACHABLE, "simulated device: dead");
    uint32_t stage = config->stage_bytes < STAGE_MAX ? config->stage_bytes / 8 * 8 : STAGE_MAX;
    s->blocks = config->blocks;
    s->shared_bytes = (sizeof(ats_gpu_shared) + stage + 63) & ~(size_t)63;
    s->memory = aligned_alloc(64, s->blocks * s->shared_bytes);
    s->tables = aligned_alloc(256, config->slot_count * config->slot_bytes);
    s->shadow = aligned_alloc(128, sizeof *s->shadow);
    if (!s->memory || !s->tables || !s->shadow) {
        free_all(s);
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    }
    memset(s->memory, 0, s->blocks * s->shared_bytes);
    memset(s->tables, 0, config->slot_count * config->slot_bytes);
    memset(s->shadow, 0, sizeof *s->shadow);
    s->parameters = (ats_gpu_parameters){.mailbox = mailbox,
                                         .tables = s->tables,
                                         .slot_bytes = config->slot_bytes,
                                         .slot_count = config->slot_count,
                                         .sequence = sequence,
                                         .stage_bytes = stage};
    int failed = pthread_create(&s->thread, NULL, run, s);
    if (failed) {
        free_all(s);
        return ats_error_errno(ATS_EXIT_FAILED, failed, "simulated device");
    }
    return 0;
}

static int stop(void *state)
{
    simulated *s = state;
    ats_store_relaxed(&s->stop, 1);
    pthread_join(s->thread, NULL);
    free_all(s);
    return 0;
}

static int upload(void *state, uint32_t slot, const void *table, size_t bytes)
{
    simulated *s = state;
    if (trouble() == ATS_GPU_TROUBLE_DEAD)
        return ats_error(ATS_EXIT_UNREACHABLE, "simulated device: dead");
    memcpy(s->tables + slot * s->parameters.slot_bytes, table, bytes);
    return 0;
}

static int health(void *state)
{
    (void)state;
    if (trouble() == ATS_GPU_TROUBLE_DEAD)
        return ats_error(ATS_EXIT_UNREACHABLE, "simulated device: dead");
    return 0;
}

/* One request is answered after the other, and probes were answered. */
static bool quiet(void *state)
{
    (void)state;
    return true;
}

const ats_gpu_backend ats_gpu_backend_simulated = {.state_bytes = sizeof(simulated),
                                                   .start = start,
                                                   .stop = stop,
                                                   .upload = upload,
                                                   .health = health,
                                                   .quiet = quiet};
