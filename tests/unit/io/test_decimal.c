#include "core/record.h"
#include "io/codec/decimal.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void expect(const char *text, ats_decimal_result result, int64_t value)
{
    int64_t got = 77;
    cr_assert_eq(ats_decimal_e9(text, strlen(text), &got), result, "%s", text);
    cr_assert_eq(got, result == ATS_DECIMAL_OK ? value : 77, "%s: %" PRId64, text, got);
}

Test(decimal, exact_values)
{
    expect("0", 0, 0);
    expect("-0", 0, 0);
    expect("1", 0, ATS_E9);
    expect("+1", 0, ATS_E9);
    expect("00012.5", 0, 12500000000ll);
    expect("0.000000001", 0, 1);
    expect("-0.000000001", 0, -1);
    expect("61837.63000000", 0, 61837630000000ll);
    expect("0.1234567890000000000000000000000", 0, 123456789);
    expect("1000000000", 0, ATS_VALUE_MAX_E9);
    expect("1000000000.000000000", 0, ATS_VALUE_MAX_E9);
    expect("-1000000000", 0, -ATS_VALUE_MAX_E9);
    expect("1e+05", 0, 100000 * ATS_E9);
    expect("1.5E-3", 0, 1500000);
    expect("1000000000000e-12", 0, ATS_E9);
    expect("0e999999999999999", 0, 0);
}

Test(decimal, what_cannot_be_told_exactly_is_an_error)
{
    expect("0.0000000001", ATS_DECIMAL_PRECISION, 0);
    expect("1.2345678901", ATS_DECIMAL_PRECISION, 0);
    expect("1e-10", ATS_DECIMAL_PRECISION, 0);
    expect("1e-999999999999", ATS_DECIMAL_PRECISION, 0);
    expect("1000000000.000000001", ATS_DECIMAL_RANGE, 0);
    expect("1000000001", ATS_DECIMAL_RANGE, 0);
    expect("18446744074", ATS_DECIMAL_RANGE, 0);
    expect("18446744073709551616", ATS_DECIMAL_RANGE, 0);
    expect("99999999999999999999999999999999999999", ATS_DECIMAL_RANGE, 0);
    expect("1e10", ATS_DECIMAL_RANGE, 0);
    expect("1e99999999999999999999", ATS_DECIMAL_RANGE, 0);
}

Test(decimal, what_is_no_number_is_an_error)
{
    static const char *const texts[] = {"",    "-",  "+",   ".",    ".5",    "5.",   "1.2.3",
                                        " 1",  "1 ", "1,0", "0x10", "NaN",   "inf",  "1e",
                                        "1e+", "e5", "--1", "1-",   "1e5.5", "1e 5", "\xc2\xb2"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect(texts[i], ATS_DECIMAL_SYNTAX, 0);
    int64_t v;
    cr_assert_eq(ats_decimal_e9("1\0002", 3, &v), ATS_DECIMAL_SYNTAX);
}

Test(decimal, printing_and_reading_are_inverse)
{
    uint64_t x = 88172645463325252ull; /* xorshift64 */
    char text[ATS_DECIMAL_BYTES];
    for (int i = 0; i < 200000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        int64_t v = (int64_t)(x % (2 * (uint64_t)ATS_VALUE_MAX_E9 + 1)) - ATS_VALUE_MAX_E9, got;
        v >>= x % 61;
        size_t n = ats_decimal_print(v, text);
        cr_assert_eq(n, strlen(text));
        cr_assert_eq(ats_decimal_e9(text, n, &got), ATS_DECIMAL_OK, "%s", text);
        cr_assert_eq(got, v, "%s", text);
    }
    ats_decimal_print(INT64_MIN, text);
    cr_assert_str_eq(text, "-9223372036.854775808");
}

Test(decimal, integers_end_where_their_types_do)
{
    uint64_t u;
    int64_t i;
    cr_assert_eq(ats_decimal_u64("18446744073709551615", 20, &u), ATS_DECIMAL_OK);
    cr_assert_eq(u, UINT64_MAX);
    cr_assert_eq(ats_decimal_u64("18446744073709551616", 20, &u), ATS_DECIMAL_RANGE);
    cr_assert_eq(ats_decimal_u64("", 0, &u), ATS_DECIMAL_SYNTAX);
    cr_assert_eq(ats_decimal_u64("-1", 2, &u), ATS_DECIMAL_SYNTAX);
    cr_assert_eq(ats_decimal_i64("-9223372036854775808", 20, &i), ATS_DECIMAL_OK);
    cr_assert_eq(i, INT64_MIN);
    cr_assert_eq(ats_decimal_i64("9223372036854775808", 19, &i), ATS_DECIMAL_RANGE);
    cr_assert_eq(ats_decimal_i64("-", 1, &i), ATS_DECIMAL_SYNTAX);
}
