/* circuit_breaker.h: stops asking a server that fails (M. Nygard, Release It!, 2007).
 *
 * Closed, requests go. After `most` failures in a row it opens, and none go for as long as its
 * back-off says; then one is let through (half open): if it succeeds all go again, if it fails it
 * opens for longer. Times are ns on any one clock that does not go back.
 */
#ifndef ATS_CALC_CIRCUIT_BREAKER_H
#define ATS_CALC_CIRCUIT_BREAKER_H

#include "calc/backoff.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum ats_circuit {
    ATS_CIRCUIT_CLOSED,
    ATS_CIRCUIT_OPEN,
    ATS_CIRCUIT_HALF_OPEN
} ats_circuit;

typedef struct ats_circuit_breaker {
    ats_circuit state;
    uint32_t most, failures; /* failures in a row */
    uint64_t until_ns;       /* open: none before this */
    ats_backoff backoff;
} ats_circuit_breaker;

/* most >= 1; the rest as ats_backoff_start. */
static inline void ats_circuit_breaker_start(ats_circuit_breaker *c, uint32_t most,
                                             uint64_t first_ns, uint64_t longest_ns, uint64_t seed)
{
    *c = (ats_circuit_breaker){.most = most};
    ats_backoff_start(&c->backoff, first_ns, longest_ns, seed);
}

/* May a request go? Half open, the first one that asks is the one that may: whoever is told true
 * sends, and tells how it ended. */
static inline bool ats_circuit_breaker_allows(ats_circuit_breaker *c, uint64_t now_ns)
{
    if (c->state == ATS_CIRCUIT_CLOSED)
        return true;
    if (c->state == ATS_CIRCUIT_HALF_OPEN || now_ns < c->until_ns)
        return false;
    c->state = ATS_CIRCUIT_HALF_OPEN;
    return true;
}

/* A request succeeded. One that had left before the breaker opened does not close it. */
static inline void ats_circuit_breaker_succeeded(ats_circuit_breaker *c)
{
    if (c->state == ATS_CIRCUIT_OPEN)
        return;
    c->state = ATS_CIRCUIT_CLOSED;
    c->failures = 0;
    ats_backoff_succeeded(&c->backoff);
}

static inline void ats_circuit_breaker_failed(ats_circuit_breaker *c, uint64_t now_ns)
{
    if (c->state == ATS_CIRCUIT_OPEN)
        return;
    c->failures++;
    if (c->state == ATS_CIRCUIT_CLOSED && c->failures < c->most)
        return;
    c->state = ATS_CIRCUIT_OPEN;
    c->until_ns = now_ns + ats_backoff_next_ns(&c->backoff);
}

#endif
