#include "calc/money.h"

#include <assert.h>

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

int64_t ats_money_round_e9(ats_money_e18 m)
{
    ats_money_e18 q = add_quotient(0, m, ATS_E9);
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
    return add_quotient(q * numerator, r * numerator, denominator);
}
