/* robust.h: the exact median and MAD of the last ATS_ROBUST_WINDOW different prices, and whether a
 * price is an outlier of them.
 *
 * Robust z (Hampel 1974; Iglewicz and Hoaglin 1993): |x - median| / (1.4826 MAD), where MAD is the
 * median of |x_i - median| and 1.4826 makes it the standard deviation of a normal distribution. A
 * price equal to the one before it is not a new value: most quotes change sizes alone, and a window
 * of equal prices would call every tick an outlier. For the same reason MAD has a floor.
 *
 * A price enters the window after it was judged, outlier or not, so that a true move of level is
 * accepted once it has made half of the window. O(window), no division, integers only. Owner: one
 * thread.
 */
#ifndef ATS_CALC_ROBUST_H
#define ATS_CALC_ROBUST_H

#include <stdbool.h>
#include <stdint.h>

/* Odd, so that the median is an element. 31 changes of a price: a level move is accepted after 16,
 * seconds in a quoted stock; a MAD of fewer than about 20 values is off by a quarter or more. */
#define ATS_ROBUST_WINDOW 31u

typedef struct ats_robust {
    int64_t sorted[ATS_ROBUST_WINDOW];
    int64_t recent[ATS_ROBUST_WINDOW]; /* in the order of arrival, the oldest at `next` when full */
    int64_t last;
    uint32_t count;
    uint32_t next;
} ats_robust;

/* Takes a price in. No-op when it equals the last one. */
void ats_robust_add(ats_robust *r, int64_t x);

static inline bool ats_robust_full(const ats_robust *r)
{
    return r->count == ATS_ROBUST_WINDOW;
}

/* Median of what is in the window, the lower one of an even count; count > 0. */
static inline int64_t ats_robust_median(const ats_robust *r)
{
    return r->sorted[(r->count - 1) / 2];
}

/* Median of |x_i - median|, the lower one of an even count; count > 0. */
int64_t ats_robust_mad(const ats_robust *r);

/* Is |x - median| * 10000 > k_e4 * max(MAD, floor)? k_e4 is z x 14826; floor > 0. False while the
 * window is not full. The MAD is not computed where the floor alone decides: nearly always. */
bool ats_robust_is_outlier(const ats_robust *r, int64_t x, int64_t k_e4, int64_t floor);

#endif
