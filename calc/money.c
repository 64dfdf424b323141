#include "calc/money.h"

#include <assert.h>

typedef unsigned __int128 wide;

/* whole + n / d, rounded half to even; d > 0. */
static ats_money_e18 add_quotient(ats_money_e18 whole, ats_money_e18 n, ats_money_e18 d)
{
    ats_money_e18 q = n / d, r = n % d;
    if (r < 0) {
        r += d;
        q -= 1;
    }
    q += whole;
    return q + (r * 2 > d || (r * 2 == d && (q & 1)));
}

/* u / 1e9 with its remainder, for u whose quotient is below 2^64, by a multiplication with the
 * reciprocal (N. Möller, T. Granlund: Improved division by invariant integers, 2011, algorithm 4):
 * a tenth of what the compiler's library takes for 128 bits. */
static uint64_t divide_e9(wide u, uint64_t *rest)
{
    enum { SHIFT = 34 }; /* leading zeros of 1e9 in 64 bits */
    const uint64_t d = (uint64_t)ATS_E9 << SHIFT;
    const uint64_t reciprocal = (uint64_t)(~(wide)0 / d - ((wide)1 << 64));
    u <<= SHIFT;
    wide q = (wide)reciprocal * (uint64_t)(u >> 64) + u;
    uint64_t q1 = (uint64_t)(q >> 64) + 1, r = (uint64_t)u - q1 * d;
    if (r > (uint64_t)q) {
        q1--;
        r += d;
    }
    if (r >= d) {
        q1++;
        r -= d;
    }
    *rest = r >> SHIFT;
    return q1;
}

int64_t ats_money_round_e9(ats_money_e18 m)
{
    wide u = m < 0 ? -(wide)m : (wide)m;
    uint64_t rest, half = (uint64_t)ATS_E9 / 2;
    if ((uint64_t)(u >> 64) >= (uint64_t)ATS_E9)
        return m < 0 ? INT64_MIN : INT64_MAX;
    uint64_t q = divide_e9(u, &rest);
    if (q > INT64_MAX)
        return m < 0 ? INT64_MIN : INT64_MAX;
    int64_t rounded = (int64_t)q;
    if ((rest > half || (rest == half && (q & 1))) && rounded < INT64_MAX)
        rounded++;
    return m < 0 ? -rounded : rounded;
}

ats_money_e18 ats_money_share(ats_money_e18 m, int64_t numerator, int64_t denominator)
{
    assert(denominator > 0 && numerator >= -denominator && numerator <= denominator);
    return ats_money_scale(m, numerator, denominator);
}

ats_money_e18 ats_money_scale(ats_money_e18 m, int64_t numerator, int64_t denominator)
{
    assert(denominator > 0);
    /* m = q * denominator + r, so the product of m and numerator, which may not fit 128 bits, is
     * never formed: q * numerator is no larger than the result, r * numerator is below 2^126. */
    ats_money_e18 q = m / denominator, r = m % denominator;
    return add_quotient(q * numerator, r * numerator, denominator);
}

ats_money_e18 ats_money_bps(ats_money_e18 m, uint32_t bps)
{
    return m / 10000 * bps + m % 10000 * bps / 10000;
}
