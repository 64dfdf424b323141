#include "core/digest.h"

#include <assert.h>
#include <stdio.h>

#define DIGESTS_MAX 8u

void ats_digest_text(const ats_digest *const *digests, uint32_t n, char text[33])
{
    uint64_t words[DIGESTS_MAX * 3];
    assert(n <= DIGESTS_MAX);
    for (uint32_t i = 0; i < n; i++) {
        XXH128_hash_t h = XXH3_128bits_digest(&digests[i]->state);
        words[i * 3] = digests[i]->count;
        words[i * 3 + 1] = h.low64;
        words[i * 3 + 2] = h.high64;
    }
    XXH128_hash_t all = XXH3_128bits(words, n * 3 * sizeof words[0]);
    snprintf(text, 33, "%016llx%016llx", (unsigned long long)all.high64,
             (unsigned long long)all.low64);
}
