/* format.h: numbers for people, in reports. Cold. Not-a-number becomes a dash. */
#ifndef ATS_STAGES_KEEPER_FORMAT_H
#define ATS_STAGES_KEEPER_FORMAT_H

#include <stdint.h>

#define ATS_FORMAT_BYTES 48

/* A small value type, so that several can stand in one call of printf: ats_format_ns(x).text. */
typedef struct ats_formatted {
    char text[ATS_FORMAT_BYTES];
} ats_formatted;

/* "812 ns", "12.4 µs", "3.21 ms", "4.20 s", "3 h 12 min": three digits, UTF-8. */
ats_formatted ats_format_ns(double ns);

/* "1,234,567". */
ats_formatted ats_format_count(double n);

/* "12.3 M", "450 k", "999". */
ats_formatted ats_format_rate(double per_second);

/* "1,234.57", "-3.10"; with a sign always when `sign`. */
ats_formatted ats_format_money(double amount, int sign);

/* A price or quantity: up to nine decimals, no trailing zeros, at least two for prices. */
ats_formatted ats_format_decimal(double value, int least_decimals);

/* "12.34 %" of 0.1234; with a sign always when `sign`. */
ats_formatted ats_format_percent(double share, int sign);

/* "1.87"; two decimals. */
ats_formatted ats_format_ratio(double ratio);

#endif
