/* digest.h: the running hash of what a stage decided.
 *
 * Equal inputs give equal digests, bit for bit, in every thread map, at every speed and on every
 * compiler. Only what is a decision goes in: instrument key, recv_ns, integers, the bits of a
 * score; never ids local to a run, stamps, symbol_id or origin. Owner: the stage's thread.
 */
#ifndef ATS_CORE_DIGEST_H
#define ATS_CORE_DIGEST_H

#include <stdint.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

typedef struct ats_digest {
    XXH3_state_t state;
    uint64_t count;
} ats_digest;

static inline void ats_digest_init(ats_digest *d)
{
    XXH3_INITSTATE(&d->state);
    XXH3_128bits_reset(&d->state);
    d->count = 0;
}

/* Hot. `words` is a whole decision, without padding. */
static inline void ats_digest_add(ats_digest *d, const uint64_t *words, size_t count)
{
    XXH3_128bits_update(&d->state, words, count * sizeof *words);
    d->count++;
}

static inline uint64_t ats_digest_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* 32 hex digits of all the digests in order, and NUL. */
void ats_digest_text(const ats_digest *const *digests, uint32_t n, char text[33]);

#endif
