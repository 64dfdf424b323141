/* token_bucket.h: how many requests may leave, as the server counts them.
 *
 * `burst` tokens at most, one more each interval_ns. What the server tells of its own count
 * (X-Ratelimit-Remaining, -Reset) takes tokens away, never adds any: requests that are on their way
 * are not in it. Times are ns on any one clock that does not go back. Integers only.
 */
#ifndef ATS_CALC_TOKEN_BUCKET_H
#define ATS_CALC_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ats_token_bucket {
    uint64_t interval_ns;
    uint64_t full_ns;    /* burst * interval_ns */
    uint64_t full_at_ns; /* it is full from then on, if nothing is taken */
    uint64_t shut_ns;    /* nothing before this: the server said so */
} ats_token_bucket;

/* Full at now_ns. burst >= 1, interval_ns >= 1, burst * interval_ns below 2^63. */
static inline void ats_token_bucket_start(ats_token_bucket *b, uint64_t burst, uint64_t interval_ns,
                                          uint64_t now_ns)
{
    *b = (ats_token_bucket){
        .interval_ns = interval_ns, .full_ns = burst * interval_ns, .full_at_ns = now_ns};
}

/* ns of filling that are in it at now_ns, at most full_ns. */
static inline uint64_t ats_token_bucket_level_ns(const ats_token_bucket *b, uint64_t now_ns)
{
    return now_ns >= b->full_at_ns ? b->full_ns : b->full_ns - (b->full_at_ns - now_ns);
}

/* ns until a token can be had; 0: now. */
static inline uint64_t ats_token_bucket_wait_ns(const ats_token_bucket *b, uint64_t now_ns)
{
    uint64_t level = ats_token_bucket_level_ns(b, now_ns);
    uint64_t fill = level < b->interval_ns ? b->interval_ns - level : 0;
    uint64_t shut = now_ns < b->shut_ns ? b->shut_ns - now_ns : 0;
    return fill > shut ? fill : shut;
}

/* Takes a token; false: there is none. */
static inline bool ats_token_bucket_take(ats_token_bucket *b, uint64_t now_ns)
{
    if (ats_token_bucket_wait_ns(b, now_ns) > 0)
        return false;
    uint64_t level = ats_token_bucket_level_ns(b, now_ns) - b->interval_ns;
    b->full_at_ns = now_ns + b->full_ns - level;
    return true;
}

/* The server says that `remaining` more are allowed until reset_ns (absolute; 0: it did not say).
 */
static inline void ats_token_bucket_learn(ats_token_bucket *b, uint64_t now_ns, uint64_t remaining,
                                          uint64_t reset_ns)
{
    uint64_t level = ats_token_bucket_level_ns(b, now_ns);
    if (remaining < level / b->interval_ns)
        b->full_at_ns = now_ns + b->full_ns - remaining * b->interval_ns;
    if (remaining == 0 && reset_ns > b->shut_ns)
        b->shut_ns = reset_ns;
}

#endif
