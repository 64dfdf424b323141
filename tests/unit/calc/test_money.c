#include "calc/money.h"
#include "core/random.h"

#include <criterion/criterion.h>

Test(money, rounds_half_to_even_and_saturates)
{
    cr_assert_eq(ats_money_round_e9(500000000), 0);
    cr_assert_eq(ats_money_round_e9(1500000000), 2);
    cr_assert_eq(ats_money_round_e9(2500000000), 2);
    cr_assert_eq(ats_money_round_e9(2500000001), 3);
    cr_assert_eq(ats_money_round_e9(-500000000), 0);
    cr_assert_eq(ats_money_round_e9(-1500000000), -2);
    cr_assert_eq(ats_money_round_e9(-2500000001), -3);
    cr_assert_eq(ats_money_round_e9((ats_money_e18)1 << 126), INT64_MAX);
    cr_assert_eq(ats_money_round_e9(-((ats_money_e18)1 << 126)), INT64_MIN);
}

/* A share of a sum against long division done digit by digit in another way. */
Test(money, a_share_is_exact_before_it_is_rounded)
{
    ats_random random;
    ats_random_seed(&random, 5);
    for (int i = 0; i < 200000; i++) {
        int64_t d = 1 + (int64_t)(ats_random_next(&random) % 1000000000000000000ull);
        int64_t n = (int64_t)(ats_random_next(&random) % ((uint64_t)d + 1));
        ats_money_e18 m = (ats_money_e18)(int64_t)ats_random_next(&random) * 1000000007;
        ats_money_e18 share = ats_money_share(m, n, d);
        /* share * d must lie within half a unit of m * n; compare modulo 2^128, where both wrap. */
        unsigned __int128 left = (unsigned __int128)share * (unsigned __int128)d;
        unsigned __int128 right = (unsigned __int128)m * (unsigned __int128)n;
        __int128 difference = (__int128)(left - right);
        cr_assert(2 * difference <= d && 2 * difference >= -d, "case %d", i);
    }
}

Test(money, all_of_it_and_nothing_of_it)
{
    ats_money_e18 m = ((ats_money_e18)1 << 100) + 12345;
    cr_assert(ats_money_share(m, 1000, 1000) == m);
    cr_assert(ats_money_share(m, 0, 1000) == 0);
    cr_assert(ats_money_share(-m, 1000, 1000) == -m);
    cr_assert(ats_money_share(10, 1, 4) == 2); /* 2.5, half to even */
    cr_assert(ats_money_share(14, 1, 4) == 4); /* 3.5 */
    cr_assert(ats_money_share(-10, 1, 4) == -2);
}

/* The quick division by 1e9 against the compiler's own, half to even, over all sizes and ties. */
Test(money, rounding_agrees_with_plain_division)
{
    ats_random random;
    ats_random_seed(&random, 6);
    for (int i = 0; i < 500000; i++) {
        ats_money_e18 m = (ats_money_e18)((unsigned __int128)ats_random_next(&random) << 64 |
                                          ats_random_next(&random));
        m >>= ats_random_below(&random, 127);
        if (i % 3 == 0)
            m = m / ATS_E9 * ATS_E9 + ATS_E9 / 2; /* a tie */
        ats_money_e18 q = m / ATS_E9, r = m % ATS_E9;
        if (r < 0) {
            r += ATS_E9;
            q--;
        }
        q += 2 * r > ATS_E9 || (2 * r == ATS_E9 && (q & 1));
        int64_t want = q > INT64_MAX ? INT64_MAX : q < INT64_MIN ? INT64_MIN : (int64_t)q;
        cr_assert_eq(ats_money_round_e9(m), want, "case %d", i);
    }
}

Test(money, more_than_a_part)
{
    ats_money_e18 whole = ats_money_from_e9(100000 * ATS_E9);
    cr_assert_not(ats_money_exceeds(ats_money_from_e9(500 * ATS_E9), whole, 50));
    cr_assert(ats_money_exceeds(ats_money_from_e9(500 * ATS_E9) + 1, whole, 50));
    cr_assert(ats_money_exceeds(1, 0, 100000), "of nothing anything is too much");
    cr_assert(ats_money_exceeds(1, -whole, 100000));
    cr_assert_not(ats_money_exceeds(0, 0, 1));
    cr_assert_not(ats_money_exceeds(-1, whole, 1));
    cr_assert(ats_money_exceeds(ATS_MONEY_MAX_E18 + 1, ATS_MONEY_MAX_E18 * 4, 1000000));
    cr_assert(ats_money_bps(ats_money_from_e9(-3 * ATS_E9), 1) == -300000000000000);
}
