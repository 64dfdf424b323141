/* ring.h: single-producer single-consumer ring of fixed-stride records, in place.
 *
 * The producer reserves slots, writes them where they lie and commits; the consumer peeks, reads
 * them where they lie and releases. There is no copying call. Each side owns its end (`ats_tx`,
 * `ats_rx`), which caches the other side's index, so that a side touches the other's line only when
 * its cached view runs out. The two indices lie on lines of their own with a guard line between
 * (the adjacent-line prefetcher pairs lines). What a record costs is lines moved between cores:
 * its own, plus index lines divided by the batch; so publish in batches where that costs no
 * latency, and fuse cheap stages on one thread.
 *
 * Indices count records for ever (64 bit); depth is a power of two. A ring loses nothing: a full
 * ring refuses, and the producer counts what it then drops or how long it waits.
 */
#ifndef ATS_CORE_RING_H
#define ATS_CORE_RING_H

#include "core/atomic.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATS_GUARD_BYTES 128u /* two lines */

typedef struct ats_ring {
    alignas(ATS_GUARD_BYTES) uint64_t head; /* written by the producer: records published */
    alignas(ATS_GUARD_BYTES) uint64_t tail; /* written by the consumer: records released */
    alignas(ATS_GUARD_BYTES) uint8_t *slots;
    uint64_t depth;
    uint64_t stride; /* bytes a slot, a multiple of a cache line */
} ats_ring;

/* Producer's end. Owner: the producing thread; the counters may be read by others. */
typedef struct ats_tx {
    alignas(ATS_GUARD_BYTES) uint8_t *slots;
    uint64_t head;        /* next slot to write */
    uint64_t published;   /* what the consumer has been told; head - published are staged */
    uint64_t tail_cached; /* the consumer's tail when last looked at */
    uint64_t mask;
    uint64_t stride;
    ats_ring *ring;
    uint64_t stall_since_ns; /* producer waits for room since then; 0 = it does not */
    alignas(ATS_GUARD_BYTES) uint64_t dropped; /* records that found no room on a MAY_DROP link */
    uint64_t stalls;     /* times the producer had to wait on a MUST_ARRIVE link */
    uint64_t stall_ns;   /* and for how long in all */
    uint64_t high_water; /* most records seen in the ring, sampled when the cached view runs out */
} ats_tx;

/* Consumer's end. Owner: the consuming thread. */
typedef struct ats_rx {
    alignas(ATS_GUARD_BYTES) uint8_t *slots;
    uint64_t tail;        /* next record to read */
    uint64_t head_cached; /* the producer's head when last looked at */
    uint64_t mask;
    uint64_t stride;
    ats_ring *ring;
} ats_rx;

/* Bytes of a ring with its slots; 0 when depth is no power of two, below 2, or the product does
 * not fit. stride is rounded up to whole lines. */
size_t ats_ring_footprint(uint64_t depth, uint64_t stride);

/* Lays a ring into memory of ats_ring_footprint bytes, aligned to ATS_GUARD_BYTES. */
ats_ring *ats_ring_new(void *memory, uint64_t depth, uint64_t stride);

void ats_tx_open(ats_tx *tx, ats_ring *ring);
void ats_rx_open(ats_rx *rx, ats_ring *ring);

/* Room for n more records behind those already written? Looks at the consumer's line only when the
 * cached view says no. */
static inline bool ats_tx_room(ats_tx *tx, uint64_t n)
{
    if (__builtin_expect(tx->head + n - tx->tail_cached <= tx->mask + 1, 1))
        return true;
    /* Acquire: partner of the release in ats_rx_release; the slots are the consumer's no more. */
    tx->tail_cached = ats_load_acquire(&tx->ring->tail);
    uint64_t used = tx->head - tx->tail_cached;
    if (used > tx->high_water)
        ats_store_relaxed(&tx->high_water, used);
    return used + n <= tx->mask + 1;
}

/* The i-th slot from the next one to write. The caller has asked ats_tx_room for more than i. */
static inline void *ats_tx_slot(const ats_tx *tx, uint64_t i)
{
    return tx->slots + ((tx->head + i) & tx->mask) * tx->stride;
}

/* Takes the next slot without publishing it; ats_tx_publish tells the consumer. */
static inline void *ats_tx_stage(ats_tx *tx)
{
    return tx->slots + (tx->head++ & tx->mask) * tx->stride;
}

/* Publishes everything written so far, in order. */
static inline void ats_tx_publish(ats_tx *tx)
{
    if (tx->head == tx->published)
        return;
    tx->published = tx->head;
    /* Release: partner of the acquire in ats_rx_peek; the records are written before the index. */
    ats_store_release(&tx->ring->head, tx->head);
}

/* Writes n slots from the next one on (already filled) and publishes them. */
static inline void ats_tx_commit(ats_tx *tx, uint64_t n)
{
    tx->head += n;
    ats_tx_publish(tx);
}

/* How many records are known to wait: 0 only when none does, but perhaps fewer than have been
 * published since, because the producer's line is looked at only when the cached view runs out. */
static inline uint64_t ats_rx_peek(ats_rx *rx)
{
    uint64_t n = rx->head_cached - rx->tail;
    if (__builtin_expect(n != 0, 1))
        return n;
    /* Acquire: partner of the release in ats_tx_publish. */
    rx->head_cached = ats_load_acquire(&rx->ring->head);
    return rx->head_cached - rx->tail;
}

/* The i-th waiting record. The caller has seen ats_rx_peek() > i. */
static inline const void *ats_rx_slot(const ats_rx *rx, uint64_t i)
{
    return rx->slots + ((rx->tail + i) & rx->mask) * rx->stride;
}

/* Gives the first n waiting records back to the producer. */
static inline void ats_rx_release(ats_rx *rx, uint64_t n)
{
    rx->tail += n;
    /* Release: partner of the acquire in ats_tx_room; our reads are done before the index moves. */
    ats_store_release(&rx->ring->tail, rx->tail);
}

#endif
