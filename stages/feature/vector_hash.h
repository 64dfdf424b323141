/* vector_hash.h: the proof that training and serving compute the same vectors: a hash a UTC day.
 *
 * Every vector that infer scores, and every one that a dataset is made of, goes through the same
 * sum: xxh3 over the bits of its floats (all NaN are one NaN), seeded with the hash so far. So two
 * days agree only when every vector of them does, in one order. Owner: the stage that holds it.
 */
#ifndef ATS_STAGES_FEATURE_VECTOR_HASH_H
#define ATS_STAGES_FEATURE_VECTOR_HASH_H

#include "core/record.h"

#include <jansson.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define ATS_VECTOR_DAYS 8192u /* 22 years of days; later ones are added to the last */

typedef struct ats_vector_day {
    int64_t day; /* since 1970-01-01, of recv_ns */
    uint64_t vectors;
    uint64_t hash;
} ats_vector_day;

typedef struct ats_vector_hash {
    uint32_t count; /* of days */
    ats_vector_day day[ATS_VECTOR_DAYS];
} ats_vector_hash;

/* Hot: some 50 ns for 315 floats. */
static inline void ats_vector_hash_add(ats_vector_hash *h, const ats_features *f)
{
    int64_t day = f->h.recv_ns / 86400000000000ll;
    if (__builtin_expect(h->count == 0 || h->day[h->count - 1].day != day, 0) &&
        h->count < ATS_VECTOR_DAYS)
        h->day[h->count++] = (ats_vector_day){.day = day};
    ats_vector_day *d = &h->day[h->count - 1];
    d->vectors++;
    d->hash = XXH3_64bits_withSeed(f->f, f->count * sizeof(float), d->hash);
}

/* [{day, vectors, hash}, ...], a new reference. Cold. */
json_t *ats_vector_hash_json(const ats_vector_hash *h);

#endif
