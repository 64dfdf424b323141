/* histogram.h: HDR histogram of latencies, and the recorder that hands whole intervals to a reader.
 *
 * The bucket layout is HdrHistogram's (Tene; Java AbstractHistogram), so that logs written from it
 * are read by every tool of that family. The histograms of this program have one layout, known at
 * compile time: lowest 1 ns, highest 3,600,000,000,000 ns (1 h, longer than any stall that a run
 * survives), 3 significant digits: 33,792 cells, 270,336 bytes, any value within 0.1 %. Other
 * layouts exist only for reading the logs of others.
 *
 * One thread records into a histogram. Cells are written with relaxed atomics, so another thread
 * may read a histogram while it grows; it then sees each cell at some recent moment, not all at
 * one. For whole intervals use ats_recorder.
 */
#ifndef ATS_CORE_HISTOGRAM_H
#define ATS_CORE_HISTOGRAM_H

#include "core/atomic.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATS_HISTOGRAM_LOWEST_NS      1ull
#define ATS_HISTOGRAM_HIGHEST_NS     3600000000000ull
#define ATS_HISTOGRAM_DIGITS         3u
#define ATS_HISTOGRAM_HALF_MAGNITUDE 10u    /* 2 * 10^3 sub-buckets need 2^11; half of them 2^10 */
#define ATS_HISTOGRAM_CELLS          33792u /* 32 doublings of 2048 pass 1 h: (32 + 1) * 1024 */

/* Most cells of a foreign layout: 8 MiB. Four digits over the whole 62 bits are 802,816 cells. */
#define ATS_HISTOGRAM_CELLS_MAX (1u << 20)

typedef struct ats_histogram_layout {
    uint64_t lowest;         /* lowest discernible value, >= 1 */
    uint64_t highest;        /* highest trackable value, >= 2 * lowest */
    uint32_t digits;         /* significant decimal digits, 1..5 */
    uint32_t unit_magnitude; /* floor(log2(lowest)) */
    uint32_t half_magnitude; /* log2(sub-buckets) - 1 */
    uint32_t buckets;
    uint32_t cells;
    uint32_t reserved;
} ats_histogram_layout;

typedef struct ats_histogram {
    alignas(64) ats_histogram_layout layout;
    uint64_t saturated; /* values above the highest, counted there and here */
    alignas(64) uint64_t count[];
} ats_histogram;

/* Derives a layout. False when the three do not make one or it has more cells than
 * ATS_HISTOGRAM_CELLS_MAX. */
bool ats_histogram_layout_of(ats_histogram_layout *layout, uint64_t lowest, uint64_t highest,
                             uint32_t digits);

/* Bytes of a histogram of this program's layout. */
size_t ats_histogram_footprint(void);

/* Lays an empty histogram into memory of ats_histogram_footprint bytes, aligned to 64. */
ats_histogram *ats_histogram_new(void *memory);

/* The same for any layout that ats_histogram_layout_of made. Never give one of these to
 * ats_histogram_record, which knows only this program's layout. */
size_t ats_histogram_layout_footprint(const ats_histogram_layout *layout);
ats_histogram *ats_histogram_layout_new(void *memory, const ats_histogram_layout *layout);

/* Hot. Counts one value; one above the highest is counted at the highest and in `saturated`.
 * Owner: the recording thread; h was made by ats_histogram_new. */
static inline void ats_histogram_record(ats_histogram *h, uint64_t value_ns)
{
    if (__builtin_expect(value_ns > ATS_HISTOGRAM_HIGHEST_NS, 0)) {
        value_ns = ATS_HISTOGRAM_HIGHEST_NS;
        ats_count(&h->saturated, 1);
    }
    /* The index formula of HdrHistogram with a unit of 1, its constants folded. */
    const uint64_t mask = (2ull << ATS_HISTOGRAM_HALF_MAGNITUDE) - 1;
    uint64_t bucket =
        63u - ATS_HISTOGRAM_HALF_MAGNITUDE - (uint64_t)__builtin_clzll(value_ns | mask);
    /* Relaxed: one writer; readers want the number, nothing that was written before it. */
    ats_count(&h->count[(bucket << ATS_HISTOGRAM_HALF_MAGNITUDE) + (value_ns >> bucket)], 1);
}

/* Cold. Counts a value n times, in a histogram of any layout. Owner: the recording thread. */
void ats_histogram_record_n(ats_histogram *h, uint64_t value, uint64_t n);

/* Sets all counts to 0. Owner: the recording thread, or who owns a retired histogram. */
void ats_histogram_reset(ats_histogram *h);

/* Adds the counts of `from` to `into`. Of another layout, each cell goes where its lowest value
 * belongs. Owner of `into`: the caller; `from` may be growing. */
void ats_histogram_add(ats_histogram *into, const ats_histogram *from);

/* Values recorded, and of them those above the highest. */
uint64_t ats_histogram_total(const ats_histogram *h);
uint64_t ats_histogram_saturated(const ats_histogram *h);

/* Lowest equivalent of the smallest and highest equivalent of the largest value; 0 when empty. */
uint64_t ats_histogram_min(const ats_histogram *h);
uint64_t ats_histogram_max(const ats_histogram *h);

/* Mean, and population standard deviation around it, with each cell at its middle; 0 when empty. */
double ats_histogram_mean(const ats_histogram *h);
double ats_histogram_stddev(const ats_histogram *h);

/* Value at a percentile of 0..100 (clamped), after Java's getValueAtPercentile: the highest
 * equivalent value of the first cell at which the cumulative count reaches
 * ceil(nextafter(percentile, -inf) * total / 100), at least 1; at 0 the lowest equivalent. The ulp
 * keeps 90 % of 10 values from landing on the tenth. 0 when empty. */
uint64_t ats_histogram_value_at(const ats_histogram *h, double percentile);

/* Cell of a value (<= highest), and the lowest, middle and highest value that share a cell. */
uint32_t ats_histogram_cell_of(const ats_histogram_layout *layout, uint64_t value);
uint64_t ats_histogram_cell_lowest(const ats_histogram_layout *layout, uint32_t cell);
uint64_t ats_histogram_cell_middle(const ats_histogram_layout *layout, uint32_t cell);
uint64_t ats_histogram_cell_highest(const ats_histogram_layout *layout, uint32_t cell);

/* Recorder: two histograms. The writer records into one; the reader owns the other. The reader asks
 * for a swap, the writer makes it at its next poll, and the reader then owns the interval that
 * ended there, complete. Nobody waits, and no count is lost or seen twice. */
typedef struct ats_recorder {
    alignas(128) ats_histogram *active; /* the writer's */
    uint64_t flips;                     /* the writer's: swaps made */
    ats_histogram *pair[2];             /* constant: pair[flips % 2] is active */
    alignas(128) uint64_t asked;        /* written by the reader: swaps asked for */
    alignas(128) uint64_t acknowledged; /* written by the writer: = flips */
} ats_recorder;

/* Bytes of a recorder with its histograms. */
size_t ats_recorder_footprint(void);

/* Lays a recorder into memory of ats_recorder_footprint bytes, aligned to 128. */
ats_recorder *ats_recorder_new(void *memory);

/* Hot. Owner: the writer. */
static inline void ats_recorder_record(ats_recorder *r, uint64_t ns)
{
    ats_histogram_record(r->active, ns);
}

void ats_recorder_swap(ats_recorder *r);

/* Warm: from the writer's housekeeping. One load and one branch when nothing was asked. */
static inline void ats_recorder_poll(ats_recorder *r)
{
    /* Acquire: partner of the release in ats_recorder_request_swap; the reader's reset of the
     * histogram that becomes active is done. */
    if (__builtin_expect(ats_load_acquire(&r->asked) != r->flips, 0))
        ats_recorder_swap(r);
}

/* Asks for a swap; gives up and clears the retired histogram that the reader held. False, and
 * nothing changes, while an earlier request waits. Owner: the reader (one thread). */
bool ats_recorder_request_swap(ats_recorder *r);

/* The retired histogram, once the last request has been answered; NULL while it waits and before
 * the first. The reader's until its next request. Owner: the reader. */
ats_histogram *ats_recorder_retired(ats_recorder *r);

/* Swap made on the reader's thread, for when the writer has stopped for good (its thread joined);
 * answers a waiting request or makes one. Returns the retired histogram. */
ats_histogram *ats_recorder_flip_now(ats_recorder *r);

#endif
