/* The chain's own logarithm against the C library's in long double. */
#include "calc/logarithm.h"
#include "core/random.h"

#include <criterion/criterion.h>
#include <float.h>

static double ulps_off(double x)
{
    long double want = logl((long double)x);
    long double ulp = fabsl(want) * DBL_EPSILON;
    return want == 0 ? fabs(ats_ln(x)) * 1e300 : (double)(fabsl(ats_ln(x) - want) / ulp);
}

Test(logarithm, within_an_ulp_and_a_half)
{
    ats_random random;
    ats_random_seed(&random, 3);
    double worst = 0;
    for (int i = 0; i < 2000000; i++) {
        uint64_t bits = ats_random_next(&random);
        /* ratios of prices, near 1, and every magnitude */
        double x = i % 2 ? 1 + ((double)(bits >> 11) * 0x1p-53 - 0.5) * 0.02
                         : ldexp(1 + (double)(bits >> 12) * 0x1p-52, (int)(bits % 2000) - 1000);
        double off = ulps_off(x);
        worst = off > worst ? off : worst;
    }
    cr_assert_lt(worst, 1.5, "worst error %.3f ulp", worst);
}

/* Ratios of prices: the reference divides in long double, which has 11 bits to spare. */
Test(logarithm, ratios_within_two_and_a_half_ulps)
{
    static const double WIDTHS[] = {0.01, 1e-5, 0.1, 1.9};
    ats_random random;
    ats_random_seed(&random, 8);
    double worst = 0;
    for (int i = 0; i < 2000000; i++) {
        double by = (double)(ats_random_next(&random) >> 11) * 0x1p-53 - 0.5;
        double b = 1 + 1000 * (double)(ats_random_next(&random) >> 11) * 0x1p-53;
        double a = b * (1 + by * WIDTHS[i % 4]);
        long double want = log1pl(((long double)a - b) / b);
        long double ulp = fabsl(want) * DBL_EPSILON;
        /* Wide pairs go over the rounded ratio, whose error is an absolute one. */
        if (fabsl(want) > 0.03)
            ulp += 0.5L * DBL_EPSILON;
        double got = ats_ln_ratio(a, b);
        double off = want == 0 ? fabs(got) * 1e300 : (double)(fabsl(got - want) / ulp);
        worst = off > worst ? off : worst;
    }
    cr_assert_lt(worst, 2.5, "worst error %.3f ulp", worst);
}

Test(logarithm, ratios_corners)
{
    cr_assert_eq(ats_ln_ratio(3, 3), 0.0);
    cr_assert_eq(ats_ln_ratio(8, 2), ats_ln(4.0));
    cr_assert_eq(ats_ln_ratio(101, 100), -ats_ln_ratio(100, 101));
    const double unusable[][2] = {{0, 1},  {1, 0},        {0, 0},        {-2, 2},
                                  {1, -1}, {INFINITY, 1}, {1, INFINITY}, {NAN, 1}};
    for (size_t i = 0; i < sizeof unusable / sizeof unusable[0]; i++)
        cr_assert(isnan(ats_ln_ratio(unusable[i][0], unusable[i][1])), "pair %zu", i);
}

Test(logarithm, corners)
{
    cr_assert_eq(ats_ln(1.0), 0.0);
    cr_assert(isnan(ats_ln(0.0)) && isnan(ats_ln(-1.0)) && isnan(ats_ln(NAN)) &&
              isnan(ats_ln(INFINITY)) && isnan(ats_ln(4e-320)));
    cr_assert_lt(ulps_off(DBL_MIN), 1.5);
    cr_assert_lt(ulps_off(DBL_MAX), 1.5);
    cr_assert_float_eq(ats_ln(2.0), 0.69314718055994530942, 1e-16);
}
