/* decimal.h: exact decimal text to integers. No locale, no floating point, no allocation. Hot. */
#ifndef ATS_IO_CODEC_DECIMAL_H
#define ATS_IO_CODEC_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

typedef enum ats_decimal_result {
    ATS_DECIMAL_OK = 0,
    ATS_DECIMAL_SYNTAX = 1,    /* empty, or anything but [+-]digits[.digits][e[+-]digits] */
    ATS_DECIMAL_RANGE = 2,     /* beyond ATS_VALUE_MAX_E9, or the integer type */
    ATS_DECIMAL_PRECISION = 3, /* a digit other than 0 behind the ninth fraction digit */
    ATS_DECIMAL_COUNT
} ats_decimal_result;

/* Label of a result, e.g. "range". */
const char *ats_decimal_label(uint32_t result);

/* text[0..length) in 1e-9 units, exact: what cannot be told exactly is an error. *out is written
 * only on OK. */
ats_decimal_result ats_decimal_e9(const char *text, size_t length, int64_t *out);

/* Plain digits, no sign, 1..20 of them, up to UINT64_MAX. */
ats_decimal_result ats_decimal_u64(const char *text, size_t length, uint64_t *out);

/* The same with an optional '-', within int64_t. */
ats_decimal_result ats_decimal_i64(const char *text, size_t length, int64_t *out);

/* Longest text of ats_decimal_print with its NUL: sign, 10 digits, point, 9 digits; more for values
 * beyond the range, which print as they are. */
#define ATS_DECIMAL_BYTES 24

/* Shortest exact text of a value in 1e-9 units: "1.5", "-0.000000001", "100". Returns its length.
 */
size_t ats_decimal_print(int64_t value_e9, char out[ATS_DECIMAL_BYTES]);

#endif
