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
    ats_random random;
    ats_random_seed(&random, 8);
    double worst = 0;
    for (int i = 0; i < 500000; i++) {
        double a[4], b[4], got[4];
        for (int k = 0; k < 4; k++) {
            double by = (double)(ats_random_next(&random) >> 11) * 0x1p-53 - 0.5;
            b[k] = 1 + 1000 * (double)(ats_random_next(&random) >> 11) * 0x1p-53;
            a[k] = b[k] * (1 + by * (i % 3 == 0 ? 0.01 : i % 3 == 1 ? 1e-5 : 0.1));
        }
        ats_ln_ratios(a, b, got);
        for (int k = 0; k < 4; k++) {
            long double want = log1pl(((long double)a[k] - b[k]) / b[k]);
            long double ulp = fabsl(want) * DBL_EPSILON;
            /* Wide pairs go over the rounded ratio, whose error is an absolute one. */
            if (fabsl(want) > 0.03)
                ulp += 0.5L * DBL_EPSILON;
            double off = want == 0 ? fabs(got[k]) * 1e300 : (double)(fabsl(got[k] - want) / ulp);
            worst = off > worst ? off : worst;
        }
    }
    cr_assert_lt(worst, 2.5, "worst error %.3f ulp", worst);
}

Test(logarithm, ratios_corners)
{
    double a[4] = {3, 0, 8, NAN}, b[4] = {3, 1, 2, 1}, got[4];
    ats_ln_ratios(a, b, got);
    cr_assert_eq(got[0], 0.0);
    cr_assert(isnan(got[1]) && isnan(got[3]));
    cr_assert_eq(got[2], ats_ln(4.0));
    double c[4] = {1, 0, -2, INFINITY}, d[4] = {0, 0, 2, 1};
    ats_ln_ratios(c, d, got);
    for (int k = 0; k < 4; k++)
        cr_assert(isnan(got[k]), "pair %d", k);
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
