/* device.h: scoring of batches on a GPU, with the CPU ready to do the same.
 *
 * A device is opened once, models are loaded into its slots, and one thread scores batches. Every
 * batch ends by its deadline, and its result is either the bits that ats_forest_score gives or a
 * status other than DONE, upon which the caller scores the same rows on the CPU: no row is lost,
 * and none is later than the deadline and the time the CPU takes.
 *
 * Three roles, each one thread at a time:
 *   scoring   calls ats_gpu_score; takes no lock, allocates nothing. (Of the kernel only what
 *             config.wait asks for, and with ATS_GPU_GRAPH what cuGraphLaunch does.)
 *   control   opens, loads, unloads, closes. May load and unload while the scoring thread scores
 *             with other slots: that is how a model is exchanged in a running engine.
 *   watch     a thread of the device's own. Looks after its health, probes it when it is down, and
 *             takes it back.
 *
 * Up and down. The scoring thread alone takes the device down, at the first batch that is not DONE;
 * the watch alone brings it up again. Whoever's turn it is owns the mailbox, so the two never write
 * to it at once. While the device is down ats_gpu_score returns DOWN at once (one load). The watch
 * then probes with rows of every loaded model whose margins are known, waits longer after each
 * failure, starts the device afresh (new context, new mailbox, models uploaded again) when it does
 * not answer, and brings it up after config.probes_good rounds of right answers in a row.
 *
 * What can be told. Each request carries, at a place that moves from batch to batch, one of 16
 * canary rows whose margins were worked out on the CPU when the model was loaded. A device that
 * computes wrongly in general is found by it in the first batch; one that spoils single rows is
 * found when it spoils a canary, so about one batch in (n + 1) of those it harms.
 */
#ifndef ATS_GPU_DEVICE_H
#define ATS_GPU_DEVICE_H

#include "calc/forest/image.h"
#include "core/affinity.h"
#include "core/clock.h"
#include "gpu/mailbox.h"

#include <stdbool.h>

#define ATS_GPU_SLOTS_MAX  8u
#define ATS_GPU_BLOCKS_MAX 256u
#define ATS_GPU_NAME_BYTES 128u
#define ATS_GPU_CANARIES   16u

typedef enum ats_gpu_kind {
    ATS_GPU_AUTO = 0,       /* persistent where nothing speaks against it, else graph */
    ATS_GPU_PERSISTENT = 1, /* one kernel stays and polls the mailbox: least latency; the blocks'
                               multiprocessors are never free */
    ATS_GPU_GRAPH = 2,     /* one launch of a captured graph a batch: for cards that drive a display
                              (their watchdog ends a kernel that stays) or have other work */
    ATS_GPU_SIMULATED = 3, /* a thread of this process in the place of a card */
    ATS_GPU_KIND_COUNT
} ats_gpu_kind;
const char *ats_gpu_kind_label(uint32_t kind);

typedef enum ats_gpu_status {
    ATS_GPU_DONE = 0,   /* margins are written */
    ATS_GPU_LATE = 1,   /* not all results by the deadline */
    ATS_GPU_WRONG = 2,  /* the canary's margins are not what they must be */
    ATS_GPU_FAILED = 3, /* the device or its driver reported an error */
    ATS_GPU_DOWN = 4,   /* marked bad before; nothing was sent */
    ATS_GPU_STATUS_COUNT
} ats_gpu_status;
const char *ats_gpu_status_label(uint32_t status);

typedef struct ats_gpu_config {
    ats_gpu_kind kind;
    uint32_t device;         /* index of the CUDA device */
    uint32_t blocks;         /* 1..BLOCKS_MAX blocks of threads, at most one a multiprocessor */
    uint32_t slot_count;     /* 1..SLOTS_MAX models at once; two to exchange one */
    uint64_t slot_bytes;     /* room on the device for one model's table */
    uint32_t stage_bytes;    /* at most so much of a table in a block's shared memory */
    uint32_t idle_ns;        /* persistent: sleep of a block between two looks at the doorbell */
    ats_wait wait;           /* what the scoring thread does between two looks at the results */
    uint64_t health_ns;      /* while up: time between two looks at the driver's state */
    uint64_t probe_first_ns; /* while down: first wait; doubled after each failure ... */
    uint64_t probe_last_ns;  /* ... up to this */
    uint64_t probe_timeout_ns;
    uint32_t probes_good; /* rounds of right answers in a row that bring the device up */
} ats_gpu_config;

/* The values for a card of its own: kind AUTO, device 0, 32 blocks (each polls the doorbell once a
 * bus round trip: 32 x 50 bytes a us = 1.6 GB/s, a tenth of a PCIe 4.0 x16 link, and each then
 * takes 2 rows of 64, 8 of 256), 2 slots of 16 MiB, no sleep, wait SPIN, health every 50
 * ms, probes from 10 ms up to 5 s apart, 100 ms for each, 3 good ones. */
void ats_gpu_config_init(ats_gpu_config *config);

/* Counters; each is written by one thread (ats_count) and read by any (ats_load_relaxed). */
typedef struct ats_gpu_metrics {
    /* by the scoring thread */
    alignas(128) uint64_t batches[ATS_GPU_STATUS_COUNT]; /* by how they ended */
    uint64_t rows;                                       /* of batches DONE */
    uint64_t downs;                                      /* times taken down */
    /* by the watch */
    alignas(128) uint64_t ups; /* times brought up again */
    uint64_t probes_right;     /* rounds of probes */
    uint64_t probes_wrong;
    uint64_t restarts;        /* times the device was started afresh */
    uint64_t restarts_failed; /* times that did not succeed */
    uint64_t down_ns;         /* time from down to up, closed ones only */
} ats_gpu_metrics;

/* What is known of a card. */
typedef struct ats_gpu_info {
    char name[ATS_GPU_NAME_BYTES]; /* "NVIDIA H200"; of none: why there is none, one line */
    bool present;
    uint32_t major, minor; /* compute capability */
    uint32_t driver;       /* CUDA version the driver speaks: 1000 * major + 10 * minor */
    uint32_t multiprocessors;
    uint64_t memory_bytes;
    uint32_t shared_bytes; /* of a block, at most */
    bool watchdog;         /* drives a display: a kernel that stays is ended */
} ats_gpu_info;

typedef struct ats_gpu ats_gpu;

/* Looks for CUDA device `device`, makes no context. `info` is always filled in: without a card,
 * `present` is false and `name` says why (no nvcc at build, no driver library, no device, ...).
 * Cold; loads the driver library. */
void ats_gpu_find(uint32_t device, ats_gpu_info *info);

/* Opens a device and starts its watch. 0, or -1 with an error pushed (ATS_EXIT_CONFIG for values
 * out of range, ATS_EXIT_UNREACHABLE when there is no such device or it does not start). */
int ats_gpu_open(ats_gpu **gpu, const ats_gpu_config *config);

/* Stops the watch and the device. No other thread may be in a call. Should the driver hang, memory
 * that a card may still write to is left allocated. NULL is nothing. */
void ats_gpu_close(ats_gpu *gpu);

/* Puts a model into a free slot; *slot names it. The image is copied. Control
 * thread; may be called while the device is down: the model is then uploaded when it comes back.
 * -1 with an error pushed: no free slot (a slot that was unloaded while the device was down stays
 * taken until it is up), more than ATS_GPU_COLUMNS_MAX columns or slot_bytes, device busy. */
int ats_gpu_load(ats_gpu *gpu, const ats_forest_image *image, uint32_t *slot);

/* Frees a slot. The scoring thread must have had its last call with it, and the control thread must
 * know so (by an acknowledgement through a ring or a join). -1 with an error pushed when the driver
 * hangs: the slot stays taken. */
int ats_gpu_unload(ats_gpu *gpu, uint32_t slot);

/* Scores n rows, 1..ATS_GPU_ROWS_MAX, as ats_forest_score does: rows[i] points to feature_count
 * floats, margins takes n * group_count. deadline_ns is a time of `clock`, ahead of now: a batch
 * that has not come back by then is LATE. margins are written with DONE and otherwise untouched.
 * Scoring thread; hot. */
ats_gpu_status ats_gpu_score(ats_gpu *gpu, uint32_t slot, const float *const *rows, uint32_t n,
                             uint64_t deadline_ns, const ats_clock *clock, float *margins);

/* The same from ranks that the caller has (ats_forest_quantise, at a stride of
 * ats_forest_rank_stride(image), 8-byte aligned), as where features are quantised when they change;
 * ats_scorer_score_ranks takes the same ranks when the device does not come back in time. Making
 * them only for this does not pay: a core takes 5 to 11 us for 64 rows of 64 features, which is as
 * long as the whole trip should take. */
ats_gpu_status ats_gpu_score_ranks(ats_gpu *gpu, uint32_t slot, const uint8_t *ranks, uint32_t n,
                                   uint64_t deadline_ns, const ats_clock *clock, float *margins);

/* Would ats_gpu_score send a batch now? Any thread. */
bool ats_gpu_is_up(const ats_gpu *gpu);

/* The kind that AUTO came to. */
ats_gpu_kind ats_gpu_kind_of(const ats_gpu *gpu);

const ats_gpu_metrics *ats_gpu_metrics_of(const ats_gpu *gpu);

/* A copy of the counters as they are now. Any thread. */
void ats_gpu_metrics_read(const ats_gpu *gpu, ats_gpu_metrics *copy);

#endif
