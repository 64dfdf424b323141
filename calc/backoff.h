/* backoff.h: how long to wait before the next attempt: doubling, with jitter.
 *
 * Attempt n waits uniformly between half and all of min(first * 2^n, longest): clients that a fault
 * has cut off together come back apart ("equal jitter", M. Brooker, 2015), and none comes back at
 * once. Seeded: the same seed gives the same waits.
 */
#ifndef ATS_CALC_BACKOFF_H
#define ATS_CALC_BACKOFF_H

#include "core/random.h"

#include <stdint.h>

typedef struct ats_backoff {
    uint64_t first_ns, longest_ns;
    uint32_t attempts; /* since the last success */
    ats_random random;
} ats_backoff;

/* 1 <= first_ns <= longest_ns < 2^62. */
static inline void ats_backoff_start(ats_backoff *b, uint64_t first_ns, uint64_t longest_ns,
                                     uint64_t seed)
{
    *b = (ats_backoff){.first_ns = first_ns, .longest_ns = longest_ns};
    ats_random_seed(&b->random, seed);
}

/* The wait before the next attempt. */
static inline uint64_t ats_backoff_next_ns(ats_backoff *b)
{
    uint64_t wait = b->first_ns;
    for (uint32_t i = 0; i < b->attempts && wait < b->longest_ns; i++)
        wait *= 2;
    wait = wait < b->longest_ns ? wait : b->longest_ns;
    b->attempts += b->attempts < UINT32_MAX;
    return wait - ats_random_below(&b->random, wait / 2 + 1);
}

static inline void ats_backoff_succeeded(ats_backoff *b)
{
    b->attempts = 0;
}

#endif
