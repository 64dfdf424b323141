/* crossover.h: from how many rows on a device is worth its trip over the bus, found by measuring.
 *
 * A device's time hardly grows with the rows of a batch, a core's does; where the two cross depends
 * on the model, the card and the machine. So both score the same rows in turns, round by round, and
 * the device is used from the smallest number of rows from which on it wins at every larger one,
 * too. To win it must have the lower median by a margin, and a 99th percentile that is not above
 * the CPU's: a device that is faster most of the time and slow in the tail is no gain.
 *
 * The time is that of the whole call: from rows of floats to margins.
 */
#ifndef ATS_GPU_CROSSOVER_H
#define ATS_GPU_CROSSOVER_H

#include "calc/forest/scorer.h"
#include "gpu/device.h"

#define ATS_GPU_CROSSOVER_COUNTS 9u /* 1, 2, 4, ... 256 rows */
#define ATS_GPU_NEVER            UINT32_MAX
/* Both times wander by several percent from run to run (docs/latency.md); less than this is no
 * difference. */
#define ATS_GPU_CROSSOVER_MARGIN_PERCENT 20u
#define ATS_GPU_CROSSOVER_ROUNDS_MAX     100000u

typedef struct ats_gpu_crossover_row {
    uint32_t rows;
    uint32_t rounds;
    uint32_t done; /* of them, those in which the device's batch was DONE */
    uint64_t cpu_median_ns, cpu_p99_ns;
    uint64_t gpu_median_ns, gpu_p99_ns; /* of those DONE; UINT64_MAX when fewer than 99 % were */
} ats_gpu_crossover_row;

typedef struct ats_gpu_crossover {
    ats_gpu_crossover_row row[ATS_GPU_CROSSOVER_COUNTS];
    uint32_t use_from; /* rows; ATS_GPU_NEVER */
} ats_gpu_crossover;

/* Fills in the table and decides. `scorer` and slot hold the same model; rows: ATS_GPU_ROWS_MAX of
 * them; rounds 1..ROUNDS_MAX for each number of rows (1,000 and more give a p99), a tenth as many
 * to warm up. In the place of the scoring thread, before the engine is armed; takes about rounds *
 * 1 ms. -1 with an error pushed: memory, or ATS_EXIT_DATA when device and CPU differ in a bit. */
int ats_gpu_crossover_measure(ats_gpu_crossover *crossover, ats_gpu *gpu, uint32_t slot,
                              ats_scorer *scorer, const float *const *rows, uint32_t rounds,
                              const ats_clock *clock);

/* Decides from the table. `before` is what was in use, or ATS_GPU_NEVER: a number of rows that was
 * the device's stays so until it is slower, one that was the CPU's must be won by the margin; so
 * times that lie near each other do not swing the choice. */
uint32_t ats_gpu_crossover_decide(const ats_gpu_crossover *crossover, uint32_t before);

#endif
