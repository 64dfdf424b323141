/* internal.h: the device as its own files see it. Fields are grouped by the thread that writes. */
#ifndef ATS_GPU_INTERNAL_H
#define ATS_GPU_INTERNAL_H

#include "gpu/backend.h"

#include <pthread.h>

typedef enum ats_gpu_state { ATS_GPU_STATE_DOWN = 0, ATS_GPU_STATE_UP = 1 } ats_gpu_state;

typedef enum ats_gpu_slot_use {
    ATS_GPU_SLOT_FREE = 0,
    ATS_GPU_SLOT_LOADED = 1,
    ATS_GPU_SLOT_RETIRED = 2 /* unloaded; a late batch may still read it */
} ats_gpu_slot_use;

/* A loaded model: constant from the store of `load` until it is unloaded. */
typedef struct ats_gpu_slot {
    uint64_t load; /* number of its load; 0 = none. Release by control, acquire by scoring */
    ats_gpu_slot_use use;
    ats_gpu_table *table; /* the host's copy, for a fresh start */
    uint32_t group_count;
    uint32_t rank_words;  /* of a row in a request of ranks */
    uint32_t value_words; /* and of values */
    uint32_t input_count;
    bool side_by_side;      /* the inputs are features that follow each other */
    uint16_t *input;        /* [input_count] the feature that an input is */
    uint64_t *canary_value; /* [ATS_GPU_CANARIES][value_words] */
    uint64_t *canary_rank;  /* [ATS_GPU_CANARIES][rank_words] */
    uint32_t *canary_bits;  /* [ATS_GPU_CANARIES][group_count]: margins of each */
} ats_gpu_slot;

struct ats_gpu {
    ats_gpu_config config;
    ats_gpu_kind kind;
    const ats_gpu_backend *backend;
    void *backend_state;
    ats_gpu_metrics metrics;

    /* UP: the scoring thread owns `mailbox`, `sequence` and the rows below; DOWN: the watch does.
     * Release by whoever hands over, acquire by whoever takes over. */
    alignas(128) uint64_t state;
    uint64_t reason; /* ats_gpu_status of the batch that took it down; before `state` */
    uint64_t since_ns;
    alignas(128) ats_gpu_mailbox *mailbox;
    uint32_t sequence;

    /* By the watch. */
    alignas(128) uint64_t sick; /* the driver reported an error; read by scoring, relaxed */
    bool started;               /* the backend runs */
    uint32_t right_in_row, wrong_in_row;
    uint64_t wait_ns, due_ns;
    bool told_down;
    pthread_t watch;

    /* By control and watch, under the lock. */
    pthread_mutex_t lock;
    ats_gpu_slot slot[ATS_GPU_SLOTS_MAX];
    uint32_t last_load;
    bool must_restart; /* an upload failed: the device's memory is not what it should be */

    uint64_t stop; /* by control: the watch ends */
};

/* ---- request.c: what the owner of the mailbox does ---------------------------------------------
 */

/* What is being waited for. */
typedef struct ats_gpu_request {
    const ats_gpu_slot *slot;
    uint32_t sequence;
    uint32_t row_count; /* canaries included */
} ats_gpu_request;

/* Rings the doorbell for `row_count` rows, whose ranks or values are in the mailbox, and starts the
 * work. 0, or -1 when the launch failed. */
int ats_gpu_send(ats_gpu *gpu, const ats_gpu_slot *slot, uint32_t row_count, bool values,
                 ats_gpu_request *request);

/* Waits for all results: DONE, LATE or FAILED. */
ats_gpu_status ats_gpu_await(ats_gpu *gpu, const ats_gpu_request *request, uint64_t deadline_ns,
                             const ats_clock *clock);

/* Copies `words` 64-bit words of ranks or values to row `row` of the mailbox. */
void ats_gpu_put_row(ats_gpu_mailbox *mailbox, uint32_t row, const uint64_t *from, uint32_t words);

/* Did row `row` get the margins of canary `canary`? */
bool ats_gpu_canary_sings(const ats_gpu *gpu, const ats_gpu_request *request, uint32_t row,
                          uint32_t canary);

/* Tells the device to end: a doorbell without rows. */
void ats_gpu_ring_stop(ats_gpu *gpu);

/* ---- watch.c -----------------------------------------------------------------------------------
 */

/* Starts the backend with a fresh mailbox and uploads what is loaded. 0, or -1 with an error. */
int ats_gpu_start(ats_gpu *gpu);

/* Stops it. The mailbox is freed unless the device may still write to it. */
void ats_gpu_stop(ats_gpu *gpu);

void *ats_gpu_watch(void *gpu);

/* ---- slot.c ------------------------------------------------------------------------------------
 */

/* Fills a slot's table and canaries from an image. 0, or -1 with an error pushed and nothing held.
 */
int ats_gpu_slot_fill(ats_gpu_slot *slot, const ats_forest_image *image, uint32_t load,
                      uint64_t bytes_max);
void ats_gpu_slot_clear(ats_gpu_slot *slot);

#endif
