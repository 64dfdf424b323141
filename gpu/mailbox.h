/* mailbox.h: how the CPU and a device speak to each other while rows are scored.
 *
 * One mailbox lies in host memory that the device has mapped (pinned; zero copy). The CPU writes
 * the rows' ranks and then the doorbell; every block of threads of the device reads the doorbell,
 * scores the rows that are its own (row r belongs to block r % blocks, and to no other) and writes
 * their results. Blocks never speak to each other, so none waits for one that is not running.
 *
 * Order, CPU to device. The rows are relaxed stores before the doorbell's store with release. A
 * block loads the doorbell with acquire at system scope in one thread, then passes a barrier of the
 * block, then loads its rows. So who sees a doorbell sees its rows. The doorbell is one aligned
 * 64-bit word, written and read whole: sequence, number of rows and the model come together or not
 * at all.
 *
 * Order, device to CPU. A result is one 64-bit word: the sequence of its request in the upper half,
 * the bits of the float in the lower. Value and flag are one store, so nothing has to be ordered
 * across the bus: neither fence nor second trip. A word whose upper half is the sequence that the
 * CPU waits for is the result of that very request.
 *
 * Late answers. A request that the CPU has given up on may still be in work when the rows are
 * overwritten by the next one. The block then reads a mixture, which is harmless (any byte is a
 * rank, any bits are a float), and writes it under the old sequence, which nobody accepts. It
 * cannot overwrite a newer result: a row has one block, which answers requests one after the other.
 *
 * Sequences are 32 bits and come round after 4.3e9 requests (12 hours at 100 k/s). So that a word
 * of the lap before is never taken for a new one, the CPU wipes all result words every 2^31
 * requests, between two requests, when nothing is in work. Sequence 0 is never used.
 *
 * Written to be read by C and by CUDA C++ alike.
 */
#ifndef ATS_GPU_MAILBOX_H
#define ATS_GPU_MAILBOX_H

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#define ATS_GPU_ROWS_MAX     256u                    /* rows of a batch */
#define ATS_GPU_REQUEST_ROWS (ATS_GPU_ROWS_MAX + 1u) /* and the canary */
#define ATS_GPU_GROUPS_MAX   64u                     /* margins of a row */
#define ATS_GPU_INPUTS_MAX   1024u                   /* features that a model uses */
#define ATS_GPU_COLUMNS_MAX  1024u                   /* ranks of a row: 16 lines over the bus */

/* A row is its ranks, or the float values of the features that the model uses; it begins at row *
 * stride, a multiple of 64 bytes that the model's table says. */
#define ATS_GPU_ROW_WORDS_MAX (ATS_GPU_INPUTS_MAX / 2)
#define ATS_GPU_RESULT_WORDS  (ATS_GPU_REQUEST_ROWS * ATS_GPU_GROUPS_MAX)

typedef struct ats_gpu_mailbox {
    alignas(128) uint64_t doorbell;                     /* CPU writes, device reads */
    alignas(128) uint64_t fault;                        /* device writes: sequence, ats_gpu_fault */
    alignas(128) uint64_t result[ATS_GPU_RESULT_WORDS]; /* [row * group_count + group] */
    alignas(128) uint64_t row[ATS_GPU_REQUEST_ROWS * ATS_GPU_ROW_WORDS_MAX];
} ats_gpu_mailbox;

/* Why a device refused a request, in the lower half of `fault`. */
typedef enum ats_gpu_fault {
    ATS_GPU_FAULT_NONE = 0,
    ATS_GPU_FAULT_ROWS = 1,     /* more rows than a request holds */
    ATS_GPU_FAULT_TABLE = 2,    /* the slot does not hold the model that was asked for */
    ATS_GPU_FAULT_INJECTED = 3, /* the simulated device was told to fail */
    ATS_GPU_FAULT_COUNT
} ats_gpu_fault;

/* A doorbell: sequence 63..32, bit 31 "rows are values", rows 30..20, load 19..0. `load` numbers
 * the models in the order of their loading, from 1; a model lies in slot load % slot_count. No
 * rows: the device stops. */
#define ATS_GPU_BELL_VALUES (1ull << 31)
#define ATS_GPU_BELL_ROWS   0x7ffu
#define ATS_GPU_LOADS_MAX   0xfffffu
static_assert(ATS_GPU_REQUEST_ROWS <= ATS_GPU_BELL_ROWS, "rows of a doorbell");

#endif
