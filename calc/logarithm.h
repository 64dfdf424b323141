/* logarithm.h: a natural logarithm that is the same on every host.
 *
 * glibc's log differs in the last bit between hosts with and without FMA, and a replay must give
 * the same features everywhere; this one is +, -, *, / only. Error below 1.5 units in the last
 * place for normal x > 0 (tests/unit/calc/test_logarithm.c against long double). Hot; inline.
 */
#ifndef ATS_CALC_LOGARITHM_H
#define ATS_CALC_LOGARITHM_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* ln(x) for normal x > 0; NaN for anything else (zero, negative, subnormal, infinite, NaN).
 *
 * x = 2^k m with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.1716.
 * The series 2 (s + s^3/3 + s^5/5 + ...) is cut after s^21: s^22 / 23 is below 2^-57. */
static inline double ats_ln(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint64_t exponent = bits >> 52; /* with the sign: 0 is subnormal, 0x7ff and above unusable */
    if (exponent - 1 >= 0x7fe)
        return NAN;
    int64_t k = (int64_t)exponent - 1023;
    bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        k++;
    }
    double s = (m - 1.0) / (m + 1.0), z = s * s;
    double tail = 1.0 / 21;
    tail = tail * z + 1.0 / 19;
    tail = tail * z + 1.0 / 17;
    tail = tail * z + 1.0 / 15;
    tail = tail * z + 1.0 / 13;
    tail = tail * z + 1.0 / 11;
    tail = tail * z + 1.0 / 9;
    tail = tail * z + 1.0 / 7;
    tail = tail * z + 1.0 / 5;
    tail = tail * z + 1.0 / 3;
    /* ln 2 in two parts: the first has 32 trailing zero bits, so k times it is exact. */
    const double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    double kd = (double)k;
    return kd * ln2_high + (2.0 * s + (2.0 * s * z * tail + kd * ln2_low));
}

/* Of prices far apart; out of line, so that bars do not carry it along. */
static inline __attribute__((cold)) double ats_ln_far(double a, double b)
{
    return ats_ln(a / b);
}

/* ln(a / b) for normal positive a, b; NaN as ats_ln gives it.
 *
 * ln(a / b) = 2 atanh((a - b) / (a + b)): one division, and exact where a and b are near, for then
 * a - b is. Below |s| = 1/64 (prices within 3 %) the series may be cut after s^9: s^10 / 11 is
 * below 2^-63. A wider pair goes the longer way. */
static inline double ats_ln_ratio(double a, double b)
{
    double s = (a - b) / (a + b), z = s * s;
    if (__builtin_expect(!(z < 1.0 / (64 * 64)), 0))
        return ats_ln_far(a, b);
    double tail = (1.0 / 3 + 1.0 / 5 * z) + z * z * (1.0 / 7 + 1.0 / 9 * z);
    return 2.0 * s + 2.0 * s * z * tail;
}

#endif
