#include "gpu/crossover.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>

#define DEADLINE_NS 1000000000u /* what is being measured must not end it */

typedef struct bench {
    ats_gpu *gpu;
    uint32_t slot;
    ats_scorer *scorer;
    const float *const *rows;
    const ats_clock *clock;
    float *cpu_margins, *gpu_margins;
    uint64_t *cpu_ns, *gpu_ns; /* [rounds] */
} bench;

static bool wins(const ats_gpu_crossover_row *row, uint32_t before)
{
    uint32_t margin = row->rows >= before ? 0 : ATS_GPU_CROSSOVER_MARGIN_PERCENT;
    if (row->gpu_median_ns == UINT64_MAX || row->gpu_p99_ns > row->cpu_p99_ns)
        return false;
    return row->gpu_median_ns * (100 + margin) <= row->cpu_median_ns * 100;
}

uint32_t ats_gpu_crossover_decide(const ats_gpu_crossover *crossover, uint32_t before)
{
    uint32_t use_from = ATS_GPU_NEVER;
    for (uint32_t i = ATS_GPU_CROSSOVER_COUNTS; i-- > 0 && wins(&crossover->row[i], before);)
        use_from = crossover->row[i].rows;
    return use_from;
}

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts; the value at a rank of `percent`, rounded up (nearest rank). */
static uint64_t percentile(uint64_t *ns, uint32_t n, uint32_t percent)
{
    qsort(ns, n, sizeof *ns, by_time);
    uint64_t rank = ((uint64_t)n * percent + 99) / 100;
    return ns[rank > 0 ? rank - 1 : 0];
}

/* One round of both. Returns 1 when the device was DONE, 0 when not, -1 when the bits differ. */
static int one_round(bench *b, uint32_t n, uint64_t *cpu_ns, uint64_t *gpu_ns)
{
    uint64_t t0 = ats_clock_now(b->clock);
    ats_scorer_score(b->scorer, b->rows, n, b->cpu_margins);
    uint64_t t1 = ats_clock_now(b->clock);
    ats_gpu_status status =
        ats_gpu_score(b->gpu, b->slot, b->rows, n, t1 + DEADLINE_NS, b->clock, b->gpu_margins);
    uint64_t t2 = ats_clock_now(b->clock);
    *cpu_ns = t1 - t0;
    *gpu_ns = t2 - t1;
    if (status != ATS_GPU_DONE)
        return 0;
    size_t bytes = (size_t)n * b->scorer->image->group_count * sizeof(float);
    if (memcmp(b->cpu_margins, b->gpu_margins, bytes) != 0)
        return ats_error(ATS_EXIT_DATA, "gpu: margins of %u rows are not those of the CPU", n);
    return 1;
}

static int measure_row(bench *b, ats_gpu_crossover_row *row, uint32_t rounds)
{
    uint64_t cpu_ns, gpu_ns;
    for (uint32_t i = 0; i < rounds / 10; i++)
        if (one_round(b, row->rows, &cpu_ns, &gpu_ns) < 0)
            return -1;
    row->rounds = rounds;
    row->done = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        int done = one_round(b, row->rows, &b->cpu_ns[i], &gpu_ns);
        if (done < 0)
            return -1;
        if (done)
            b->gpu_ns[row->done++] = gpu_ns;
    }
    row->cpu_median_ns = percentile(b->cpu_ns, rounds, 50);
    row->cpu_p99_ns = percentile(b->cpu_ns, rounds, 99);
    bool reliable = (uint64_t)row->done * 100 >= (uint64_t)rounds * 99;
    row->gpu_median_ns = reliable ? percentile(b->gpu_ns, row->done, 50) : UINT64_MAX;
    row->gpu_p99_ns = reliable ? percentile(b->gpu_ns, row->done, 99) : UINT64_MAX;
    return 0;
}

int ats_gpu_crossover_measure(ats_gpu_crossover *crossover, ats_gpu *gpu, uint32_t slot,
                              ats_scorer *scorer, const float *const *rows, uint32_t rounds,
                              const ats_clock *clock)
{
    assert(rounds >= 1 && rounds <= ATS_GPU_CROSSOVER_ROUNDS_MAX);
    size_t margins = (size_t)ATS_GPU_ROWS_MAX * scorer->image->group_count;
    bench b = {.gpu = gpu,
               .slot = slot,
               .scorer = scorer,
               .rows = rows,
               .clock = clock,
               .cpu_margins = malloc(margins * sizeof(float)),
               .gpu_margins = malloc(margins * sizeof(float)),
               .cpu_ns = malloc(rounds * sizeof(uint64_t)),
               .gpu_ns = malloc(rounds * sizeof(uint64_t))};
    int failed = 0;
    memset(crossover, 0, sizeof *crossover);
    crossover->use_from = ATS_GPU_NEVER;
    if (!b.cpu_margins || !b.gpu_margins || !b.cpu_ns || !b.gpu_ns)
        failed = ats_error(ATS_EXIT_FAILED, "out of memory");
    for (uint32_t i = 0; i < ATS_GPU_CROSSOVER_COUNTS && !failed; i++) {
        crossover->row[i].rows = 1u << i;
        failed = measure_row(&b, &crossover->row[i], rounds);
    }
    if (!failed)
        crossover->use_from = ats_gpu_crossover_decide(crossover, ATS_GPU_NEVER);
    free(b.cpu_margins);
    free(b.gpu_margins);
    free(b.cpu_ns);
    free(b.gpu_ns);
    return failed;
}
