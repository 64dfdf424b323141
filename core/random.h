/* random.h: seeded random numbers, the same on every compiler and machine: integers only.
 *
 * xoshiro256++ (D. Blackman, S. Vigna: Scrambled linear pseudorandom number generators, 2021),
 * seeded through splitmix64 as its authors advise. Not for secrets.
 */
#ifndef ATS_CORE_RANDOM_H
#define ATS_CORE_RANDOM_H

#include <stdint.h>

typedef struct ats_random {
    uint64_t s[4];
} ats_random;

static inline void ats_random_seed(ats_random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15ull;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ z >> 27) * 0x94d049bb133111ebull;
        random->s[i] = z ^ z >> 31;
    }
}

/* 64 random bits. */
static inline uint64_t ats_random_next(ats_random *random)
{
    uint64_t *s = random->s, sum = s[0] + s[3];
    uint64_t result = (sum << 23 | sum >> 41) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 45 | s[3] >> 19;
    return result;
}

/* Uniform in 0 .. bound - 1, bound > 0, without bias (D. Lemire, 2019). */
static inline uint64_t ats_random_below(ats_random *random, uint64_t bound)
{
    unsigned __int128 m = (unsigned __int128)ats_random_next(random) * bound;
    if ((uint64_t)m < bound) {
        uint64_t floor = (0 - bound) % bound;
        while ((uint64_t)m < floor)
            m = (unsigned __int128)ats_random_next(random) * bound;
    }
    return (uint64_t)(m >> 64);
}

/* Exponential with mean 2^32, exact to its last bit, by comparisons alone (J. von Neumann, 1951):
 * runs of falling uniforms; one of odd length keeps the first of them, an even one adds one. */
static inline uint64_t ats_random_exponential_q32(ats_random *random)
{
    for (uint64_t whole = 0;; whole += 1ull << 32) {
        uint32_t first = (uint32_t)(ats_random_next(random) >> 32), last = first;
        for (uint32_t length = 1;; length++) {
            uint32_t next = (uint32_t)(ats_random_next(random) >> 32);
            if (next > last) {
                if (length % 2)
                    return whole + first;
                break;
            }
            last = next;
        }
    }
}

/* Nearly normal: the sum of four uniforms, mean 0, standard deviation ATS_RANDOM_BELL_SD. Its tails
 * end at 3.46 of them. */
#define ATS_RANDOM_BELL_SD 37837
static inline int64_t ats_random_bell(ats_random *random)
{
    uint64_t r = ats_random_next(random);
    return (int64_t)((r & 0xffff) + (r >> 16 & 0xffff) + (r >> 32 & 0xffff) + (r >> 48)) - 131070;
}

#endif
