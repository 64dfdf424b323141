#include "core/ring.h"

#include "core/memory.h"

#include <string.h>

size_t ats_ring_footprint(uint64_t depth, uint64_t stride)
{
    size_t bytes;
    if (depth < 2 || (depth & (depth - 1)) || stride == 0 || stride > (1u << 20))
        return 0;
    if (__builtin_mul_overflow(depth, ats_whole_lines(stride), &bytes) ||
        __builtin_add_overflow(bytes, sizeof(ats_ring), &bytes))
        return 0;
    return bytes;
}

ats_ring *ats_ring_new(void *memory, uint64_t depth, uint64_t stride)
{
    assert(((uintptr_t)memory & (ATS_GUARD_BYTES - 1)) == 0);
    assert(ats_ring_footprint(depth, stride) != 0);
    ats_ring *ring = memory;
    memset(ring, 0, sizeof *ring);
    ring->slots = (uint8_t *)memory + sizeof *ring;
    ring->depth = depth;
    ring->stride = ats_whole_lines(stride);
    return ring;
}

void ats_tx_open(ats_tx *tx, ats_ring *ring)
{
    memset(tx, 0, sizeof *tx);
    tx->slots = ring->slots;
    tx->mask = ring->depth - 1;
    tx->stride = ring->stride;
    tx->ring = ring;
}

void ats_rx_open(ats_rx *rx, ats_ring *ring)
{
    memset(rx, 0, sizeof *rx);
    rx->slots = ring->slots;
    rx->mask = ring->depth - 1;
    rx->stride = ring->stride;
    rx->ring = ring;
}
