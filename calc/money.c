#include "calc/money.h"

#include <assert.h>

/* n / d rounded half to even; d > 0. */
static ats_money_e18 divide_half_even(ats_money_e18 n, ats_money_e18 d)
{
    ats_money_e18 q = n / d, r = n % d;
    if (r < 0) {
        r += d;
        q -= 1;
    }
    ats_money_e18 twice = r * 2;
    if (twice > d || (twice == d && (q & 1)))
        q += 1;
    return q;
}

int64_t ats_money_round_e9(ats_money_e18 m)
{
    ats_money_e18 q = divide_half_even(m, ATS_E9);
    if (q > INT64_MAX)
        return INT64_MAX;
    if (q < INT64_MIN)
        return INT64_MIN;
    return (int64_t)q;
}

ats_money_e18 ats_money_share(ats_money_e18 m, int64_t numerator, int64_t denominator)
{
    assert(denominator > 0 && numerator >= -denominator && numerator <= denominator);
    /* m = q * denominator + r, so the product of m and numerator, which may not fit 128 bits, is
     * never formed: q * numerator is no larger than m, r * numerator is below 2^124. */
    ats_money_e18 q = m / denominator, r = m % denominator;
    return q * numerator + divide_half_even(r * numerator, denominator);
}
