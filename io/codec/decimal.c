#include "io/codec/decimal.h"

#include "core/record.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const uint64_t POWER[19] = {1ull,
                                   10ull,
                                   100ull,
                                   1000ull,
                                   10000ull,
                                   100000ull,
                                   1000000ull,
                                   10000000ull,
                                   100000000ull,
                                   1000000000ull,
                                   10000000000ull,
                                   100000000000ull,
                                   1000000000000ull,
                                   10000000000000ull,
                                   100000000000000ull,
                                   1000000000000000ull,
                                   10000000000000000ull,
                                   100000000000000000ull,
                                   1000000000000000000ull};

const char *ats_decimal_label(uint32_t result)
{
    static const char *const labels[] = {"ok", "syntax", "range", "precision"};
    static_assert(sizeof labels / sizeof labels[0] == ATS_DECIMAL_COUNT, "a label a result");
    return result < ATS_DECIMAL_COUNT ? labels[result] : "?";
}

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static inline ats_decimal_result finish(uint64_t magnitude, bool negative, int64_t *out)
{
    if (magnitude > (uint64_t)ATS_VALUE_MAX_E9)
        return ATS_DECIMAL_RANGE;
    *out = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return ATS_DECIMAL_OK;
}

/* [e|E][+-]digits up to the end; what is large is clamped to 1000, beyond any range. */
static bool read_exponent(const char *p, const char *end, int *out)
{
    bool negative = false;
    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    if (p == end)
        return false;
    int e = 0;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        e = e < 100 ? e * 10 + (*p - '0') : 1000;
    }
    *out = negative ? -e : e;
    return true;
}

/* Digits with an exponent: rare (spreadsheets and R print them), so not fast. `digits` may hold a
 * point; whole is the number of digits before it. */
static ats_decimal_result scaled(const char *digits, const char *end, int64_t whole, int exponent,
                                 bool negative, int64_t *out)
{
    uint64_t sum = 0;
    int64_t power = whole - 1 + exponent + 9;
    for (const char *p = digits; p < end; p++) {
        if (*p == '.')
            continue;
        if (*p != '0') {
            if (power < 0)
                return ATS_DECIMAL_PRECISION;
            if (power > 18)
                return ATS_DECIMAL_RANGE;
            sum += (uint64_t)(*p - '0') * POWER[power]; /* < 1e19 in all */
        }
        power--;
    }
    return finish(sum, negative, out);
}

ats_decimal_result ats_decimal_e9(const char *text, size_t length, int64_t *out)
{
    const char *p = text, *end = text + length;
    bool negative = false;
    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    const char *digits = p;
    uint64_t value = 0;
    bool large = false, precise = true;
    for (; p < end && is_digit(*p); p++) {
        value = value * 10 + (uint64_t)(*p - '0');
        large |= value > 1000000000u; /* checked at each digit: it cannot wrap unseen */
    }
    int64_t whole = p - digits;
    if (whole == 0)
        return ATS_DECIMAL_SYNTAX;
    int64_t fraction = 0;
    if (p < end && *p == '.') {
        for (p++; p < end && is_digit(*p); p++, fraction++) {
            if (fraction < 9)
                value = value * 10 + (uint64_t)(*p - '0');
            else
                precise &= *p == '0';
        }
        if (fraction == 0)
            return ATS_DECIMAL_SYNTAX;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        int exponent;
        if (!read_exponent(p + 1, end, &exponent))
            return ATS_DECIMAL_SYNTAX;
        return scaled(digits, p, whole, exponent, negative, out);
    }
    if (p != end)
        return ATS_DECIMAL_SYNTAX;
    if (large)
        return ATS_DECIMAL_RANGE;
    if (!precise)
        return ATS_DECIMAL_PRECISION;
    return finish(value * POWER[fraction < 9 ? 9 - fraction : 0], negative, out);
}

ats_decimal_result ats_decimal_u64(const char *text, size_t length, uint64_t *out)
{
    if (length == 0)
        return ATS_DECIMAL_SYNTAX;
    uint64_t value = 0;
    bool large = false;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i]))
            return ATS_DECIMAL_SYNTAX;
        large |= __builtin_mul_overflow(value, 10u, &value);
        large |= __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value);
    }
    if (large || length > 20)
        return ATS_DECIMAL_RANGE;
    *out = value;
    return ATS_DECIMAL_OK;
}

ats_decimal_result ats_decimal_i64(const char *text, size_t length, int64_t *out)
{
    bool negative = length && text[0] == '-';
    uint64_t magnitude;
    ats_decimal_result result = ats_decimal_u64(text + negative, length - negative, &magnitude);
    if (result != ATS_DECIMAL_OK)
        return result;
    if (magnitude > (uint64_t)INT64_MAX + negative)
        return ATS_DECIMAL_RANGE;
    *out = (int64_t)(negative ? 0 - magnitude : magnitude);
    return ATS_DECIMAL_OK;
}

size_t ats_decimal_print(int64_t value_e9, char out[ATS_DECIMAL_BYTES])
{
    uint64_t magnitude = value_e9 < 0 ? 0 - (uint64_t)value_e9 : (uint64_t)value_e9;
    int n = snprintf(out, ATS_DECIMAL_BYTES, "%s%llu.%09llu", value_e9 < 0 ? "-" : "",
                     (unsigned long long)(magnitude / (uint64_t)ATS_E9),
                     (unsigned long long)(magnitude % (uint64_t)ATS_E9));
    while (out[n - 1] == '0')
        n--;
    if (out[n - 1] == '.')
        n--;
    out[n] = 0;
    return (size_t)n;
}
