#include "core/random.h"

#include <criterion/criterion.h>

Test(random, agrees_with_the_authors_generators)
{
    /* xoshiro256++ from state 1, 2, 3, 4, and splitmix64 from 1234567: published test vectors. */
    static const uint64_t want[] = {41943041ull,
                                    58720359ull,
                                    3588806011781223ull,
                                    3591011842654386ull,
                                    9228616714210784205ull,
                                    9973669472204895162ull,
                                    14011001112246962877ull,
                                    12406186145184390807ull,
                                    15849039046786891736ull,
                                    10450023813501588000ull};
    static const uint64_t seeds[] = {6457827717110365317ull, 3203168211198807973ull,
                                     9817491932198370423ull, 4593380528125082431ull};
    ats_random r = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        cr_assert_eq(ats_random_next(&r), want[i], "output %zu", i);
    ats_random_seed(&r, 1234567);
    cr_assert_arr_eq(r.s, seeds, sizeof seeds);
}

Test(random, below_is_even_and_within)
{
    ats_random r;
    ats_random_seed(&r, 1);
    uint64_t count[7] = {0};
    for (int i = 0; i < 700000; i++)
        count[ats_random_below(&r, 7)]++;
    for (int i = 0; i < 7; i++) /* deviation of a count: 293 */
        cr_assert(count[i] > 98500 && count[i] < 101500, "%d: %lu", i, count[i]);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(ats_random_below(&r, 1), 0);
}

Test(random, exponential_and_bell_have_their_moments)
{
    enum { N = 1000000 };
    ats_random r;
    ats_random_seed(&r, 2);
    double sum = 0, squares = 0, bell = 0, bell_squares = 0;
    for (int i = 0; i < N; i++) {
        double e = (double)ats_random_exponential_q32(&r) / 4294967296.0;
        double b = (double)ats_random_bell(&r) / ATS_RANDOM_BELL_SD;
        sum += e, squares += e * e, bell += b, bell_squares += b * b;
    }
    /* Mean 1, second moment 2; mean 0, second moment 1; bounds at five standard errors. */
    cr_assert_float_eq(sum / N, 1, 0.005);
    cr_assert_float_eq(squares / N, 2, 0.023);
    cr_assert_float_eq(bell / N, 0, 0.005);
    cr_assert_float_eq(bell_squares / N, 1, 0.006);
}
