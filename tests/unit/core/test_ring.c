#include "core/ring.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

static ats_ring *make(uint64_t depth, uint64_t stride)
{
    void *memory =
        aligned_alloc(ATS_GUARD_BYTES, (ats_ring_footprint(depth, stride) + 127) & ~127ull);
    return ats_ring_new(memory, depth, stride);
}

Test(ring, footprint_refuses_what_is_no_ring)
{
    cr_assert_eq(ats_ring_footprint(0, 128), 0);
    cr_assert_eq(ats_ring_footprint(1, 128), 0);
    cr_assert_eq(ats_ring_footprint(3, 128), 0);
    cr_assert_eq(ats_ring_footprint(8, 0), 0);
    cr_assert_eq(ats_ring_footprint(1ull << 63, 128), 0);
    cr_assert_eq(ats_ring_footprint(8, 100), sizeof(ats_ring) + 8 * 128);
}

Test(ring, fills_drains_and_wraps)
{
    ats_ring *ring = make(4, 64);
    ats_tx tx;
    ats_rx rx;
    ats_tx_open(&tx, ring);
    ats_rx_open(&rx, ring);
    uint64_t next = 0, seen = 0;
    for (int round = 0; round < 100; round++) {
        while (ats_tx_room(&tx, 1)) {
            *(uint64_t *)ats_tx_slot(&tx, 0) = next++;
            ats_tx_commit(&tx, 1);
        }
        cr_assert_eq(next - seen, 4);
        cr_assert_not(ats_tx_room(&tx, 1));
        uint64_t take = 1 + (uint64_t)round % 4;
        while (take--) {
            cr_assert_geq(ats_rx_peek(&rx), 1);
            cr_assert_eq(*(const uint64_t *)ats_rx_slot(&rx, 0), seen++);
            ats_rx_release(&rx, 1);
        }
    }
    free(ring);
}

Test(ring, a_batch_is_seen_whole_after_commit_and_not_before)
{
    ats_ring *ring = make(8, 128);
    ats_tx tx;
    ats_rx rx;
    ats_tx_open(&tx, ring);
    ats_rx_open(&rx, ring);
    cr_assert(ats_tx_room(&tx, 5));
    for (uint64_t i = 0; i < 5; i++)
        *(uint64_t *)ats_tx_slot(&tx, i) = 10 + i;
    cr_assert_eq(ats_rx_peek(&rx), 0);
    ats_tx_commit(&tx, 5);
    cr_assert_eq(ats_rx_peek(&rx), 5);
    cr_assert_eq(*(const uint64_t *)ats_rx_slot(&rx, 4), 14);
    cr_assert(ats_tx_room(&tx, 3));
    cr_assert_not(ats_tx_room(&tx, 4));
    free(ring);
}

#define STRESS_RECORDS 400000u

static void *produce(void *ring)
{
    ats_tx tx;
    ats_tx_open(&tx, ring);
    uint64_t next = 0;
    uint32_t random = 1;
    while (next < STRESS_RECORDS) {
        random = random * 1664525u + 1013904223u;
        uint64_t n = 1 + (random >> 29);
        if (n > STRESS_RECORDS - next)
            n = STRESS_RECORDS - next;
        while (!ats_tx_room(&tx, n))
            ats_cpu_pause();
        for (uint64_t i = 0; i < n; i++) {
            uint64_t *slot = ats_tx_slot(&tx, i);
            for (int w = 0; w < 16; w++)
                slot[w] = (next + i) * 16 + (uint64_t)w;
        }
        ats_tx_commit(&tx, n);
        next += n;
    }
    return NULL;
}

Test(ring, two_threads_lose_and_tear_nothing)
{
    ats_ring *ring = make(16, 128);
    ats_rx rx;
    ats_rx_open(&rx, ring);
    pthread_t producer;
    cr_assert_eq(pthread_create(&producer, NULL, produce, ring), 0);
    uint64_t seen = 0, wrong = 0;
    while (seen < STRESS_RECORDS) {
        uint64_t n = ats_rx_peek(&rx);
        if (n == 0) {
            ats_cpu_pause();
            continue;
        }
        for (uint64_t i = 0; i < n; i++) {
            const uint64_t *slot = ats_rx_slot(&rx, i);
            for (int w = 0; w < 16; w++)
                wrong += slot[w] != (seen + i) * 16 + (uint64_t)w;
        }
        ats_rx_release(&rx, n);
        seen += n;
    }
    pthread_join(producer, NULL);
    cr_assert_eq(wrong, 0);
    cr_assert_eq(ats_rx_peek(&rx), 0);
    free(ring);
}
