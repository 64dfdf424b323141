#include "calc/robust.h"

#include <assert.h>
#include <string.h>

/* How many elements are below x: the place of x. No branch depends on the data. */
static uint32_t place(const ats_robust *r, int64_t x)
{
    uint32_t below = 0;
    for (uint32_t i = 0; i < r->count; i++)
        below += r->sorted[i] < x;
    return below;
}

void ats_robust_add(ats_robust *r, int64_t x)
{
    if (r->count && x == r->last)
        return;
    r->last = x;
    uint32_t to = place(r, x);
    if (r->count < ATS_ROBUST_WINDOW) {
        memmove(&r->sorted[to + 1], &r->sorted[to], (r->count - to) * sizeof x);
        r->sorted[to] = x;
        r->recent[r->count++] = x;
        return;
    }
    uint32_t from = place(r, r->recent[r->next]);
    r->recent[r->next] = x;
    r->next = r->next + 1 < ATS_ROBUST_WINDOW ? r->next + 1 : 0;
    if (to > from) {
        to--; /* its place once the old one is gone */
        memmove(&r->sorted[from], &r->sorted[from + 1], (to - from) * sizeof x);
    } else {
        memmove(&r->sorted[to + 1], &r->sorted[to], (from - to) * sizeof x);
    }
    r->sorted[to] = x;
}

/* The distances from the median ascend to both sides of it: merging the two sides, the middle one
 * is the MAD. */
int64_t ats_robust_mad(const ats_robust *r)
{
    assert(r->count > 0);
    uint32_t middle = (r->count - 1) / 2, low = middle, high = middle + 1;
    int64_t median = r->sorted[middle], distance = 0;
    bool low_left = true;
    for (uint32_t taken = 0; taken <= middle; taken++) {
        int64_t down = low_left ? median - r->sorted[low] : INT64_MAX;
        int64_t up = high < r->count ? r->sorted[high] - median : INT64_MAX;
        if (down <= up) {
            distance = down;
            low_left = low > 0;
            low -= low_left;
        } else {
            distance = up;
            high++;
        }
    }
    return distance;
}

bool ats_robust_is_outlier(const ats_robust *r, int64_t x, int64_t k_e4, int64_t floor)
{
    if (!ats_robust_full(r))
        return false;
    int64_t median = ats_robust_median(r), distance = x > median ? x - median : median - x;
    if ((__int128)distance * 10000 <= (__int128)k_e4 * floor)
        return false;
    int64_t mad = ats_robust_mad(r);
    return (__int128)distance * 10000 > (__int128)k_e4 * (mad > floor ? mad : floor);
}
