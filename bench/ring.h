/* ring.h: what `ats bench ring` asks of a contender. Shared by C and C++.
 *
 * A contender moves records of 128 bytes from one thread to another. The producer writes all
 * sixteen words of each, the consumer reads them all: both ends add them up, and the sums must
 * agree.
 */
#ifndef ATS_BENCH_RING_H
#define ATS_BENCH_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "core/clock.h"
#include "core/histogram.h"

#define ATS_BENCH_RING_DEPTH 1024u /* records: 128 KiB, a quarter to an eighth of an L2 */
#define ATS_BENCH_RING_BATCH 16u   /* as the chain's bursts */
#define ATS_BENCH_RING_BLOCK 64u   /* records between two readings of the clock: < 1 ns a record */

typedef struct ats_bench_record {
    uint64_t word[16];
} ats_bench_record;

/* One measured transfer. The consumer's thread fills in the results. */
typedef struct ats_bench_transfer {
    const ats_clock *clock;
    uint64_t count;        /* records; a multiple of ATS_BENCH_RING_BLOCK */
    bool yield;            /* both threads share one CPU */
    ats_histogram *blocks; /* consumer: ns of each block */
    uint64_t sum;          /* consumer: of all words */
    uint64_t ns;           /* consumer: from the first record to the last */
} ats_bench_transfer;

typedef struct ats_bench_contender {
    const char *name;
    const char *note;    /* how it is used, for the row */
    void *(*make)(void); /* an empty ring; NULL: out of memory */
    void (*drop)(void *ring);
    void (*produce)(void *ring, const ats_bench_transfer *transfer);
    void (*consume)(void *ring, ats_bench_transfer *transfer);
    /* Sends a record there and waits for it to come back, count times; and the other end. The sum
     * is of what came back. */
    void (*ping)(void *there, void *back, ats_bench_transfer *transfer);
    void (*pong)(void *there, void *back, const ats_bench_transfer *transfer);
} ats_bench_contender;

/* What record number i holds. */
static inline void ats_bench_fill(ats_bench_record *record, uint64_t i)
{
    for (unsigned w = 0; w < 16; w++)
        record->word[w] = i + w;
}

static inline uint64_t ats_bench_sum(const ats_bench_record *record)
{
    uint64_t sum = 0;
    for (unsigned w = 0; w < 16; w++)
        sum += record->word[w];
    return sum;
}

/* Sum of the records 0..count-1, modulo 2^64. */
static inline uint64_t ats_bench_expected(uint64_t count)
{
    return 16 * (count / 2 * (count - 1)) + 120 * count; /* count is even */
}

/* Contenders written in C++ (ring_peers.cpp); NULL where the library was not there. */
const ats_bench_contender *ats_bench_boost(bool batch);
const ats_bench_contender *ats_bench_moodycamel(void);

void ats_bench_wait(bool yield);

#ifdef __cplusplus
}
#endif

struct ats_bench_module;
extern const struct ats_bench_module ats_bench_ring;

#endif
