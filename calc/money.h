/* money.h: exact money in 1e-18 units.
 *
 * A price (1e-9) times a quantity (1e-9) is a 128-bit integer in 1e-18 units of currency. Sums stay
 * there; rounding happens once, half to even, where a figure leaves the chain.
 */
#ifndef ATS_CALC_MONEY_H
#define ATS_CALC_MONEY_H

#include "core/record.h"

#include <stdint.h>

typedef __int128 ats_money_e18;

static inline ats_money_e18 ats_money_product(int64_t px_e9, int64_t qty_e9)
{
    return (ats_money_e18)px_e9 * qty_e9;
}

static inline ats_money_e18 ats_money_from_e9(int64_t value_e9)
{
    return (ats_money_e18)value_e9 * ATS_E9;
}

static inline ats_money_e18 ats_money_abs(ats_money_e18 m)
{
    return m < 0 ? -m : m;
}

/* Rounds to 1e-9 units, half to even; saturates at the ends of int64_t. */
int64_t ats_money_round_e9(ats_money_e18 m);

/* m * numerator / denominator, half to even, exact before rounding. denominator > 0; |numerator| <=
 * denominator, so the result is no larger than m. Both below 2^62. */
ats_money_e18 ats_money_share(ats_money_e18 m, int64_t numerator, int64_t denominator);

#endif
