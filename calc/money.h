/* money.h: exact money in 1e-18 units.
 *
 * A price (1e-9) times a quantity (1e-9) is a 128-bit integer in 1e-18 units of currency. Sums stay
 * there; rounding happens once, half to even, where a figure leaves the chain.
 */
#ifndef ATS_CALC_MONEY_H
#define ATS_CALC_MONEY_H

#include "core/record.h"

#include <stdbool.h>
#include <stdint.h>

typedef __int128 ats_money_e18;

/* What a sum of money may come to where it is multiplied by basis points: 2^106 is 81e12 units of
 * currency, and times 2^20 it is inside 128 bits. */
#define ATS_MONEY_MAX_E18 ((ats_money_e18)1 << 106)

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

/* Is `part` more than bps / 10000 of `whole`? Exact, without a division. A whole of zero or less
 * has no parts: anything is too much. bps below 2^20. */
static inline bool ats_money_exceeds(ats_money_e18 part, ats_money_e18 whole, uint32_t bps)
{
    if (part <= 0)
        return false;
    if (whole <= 0 || part > ATS_MONEY_MAX_E18)
        return true;
    if (whole > ATS_MONEY_MAX_E18)
        whole = ATS_MONEY_MAX_E18;
    return part * 10000 > whole * bps;
}

/* bps / 10000 of m, towards zero: for a message; ats_money_exceeds decides. */
ats_money_e18 ats_money_bps(ats_money_e18 m, uint32_t bps);

/* Rounds to 1e-9 units, half to even; saturates at the ends of int64_t. */
int64_t ats_money_round_e9(ats_money_e18 m);

/* m * numerator / denominator, half to even, exact before rounding. denominator > 0; |numerator| <=
 * denominator, so the result is no larger than m. Both below 2^62. */
ats_money_e18 ats_money_share(ats_money_e18 m, int64_t numerator, int64_t denominator);

/* The same for a numerator of any size; the result must fit. */
ats_money_e18 ats_money_scale(ats_money_e18 m, int64_t numerator, int64_t denominator);

#endif
