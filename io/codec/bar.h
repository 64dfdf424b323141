/* bar.h: numbers, times and ratios as files of bars write them. Cold, no allocation. */
#ifndef ATS_IO_CODEC_BAR_H
#define ATS_IO_CODEC_BAR_H

#include "io/codec/csv.h"
#include "io/import/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* text[0..length) in 1e-9 units, 0..most_e9. Vendors print doubles ("171.46099999999998"): digits
 * behind the ninth are rounded, half up. OK, or NUMBER (empty, no number), NEGATIVE, RANGE. */
ats_line_reason ats_bar_number(const char *text, size_t length, int64_t most_e9, int64_t *out);

/* A split as decimal number of new shares for one old ("7.0", "1.5", "0.1") to a ratio in lowest
 * terms, both parts 1..ATS_RATIO_MAX: exact where it can be, else the continued fraction's last
 * convergent within the limit. */
ats_line_reason ats_bar_ratio(int64_t value_e9, int64_t *numerator, int64_t *denominator);

/* How a time is written. `text` is a pattern of %Y %m %d %H %M %S %f (1 to 9 fraction digits) and
 * other characters as they are, or one of "s", "ms", "us", "ns": a count since 1970, UTC. */
typedef enum ats_bar_clock { ATS_BAR_PATTERN = 0, ATS_BAR_UNIX = 1 } ats_bar_clock;
typedef struct ats_bar_time_format {
    ats_bar_clock clock;
    int64_t unit_ns; /* UNIX */
    const char *pattern;
    bool has_time; /* PATTERN: a time of day, not only a date */
} ats_bar_time_format;

/* False: no such format; a pattern needs %Y, %m and %d. `text` must outlive *out. */
bool ats_bar_time_format_read(ats_bar_time_format *out, const char *text);

/* A time in ns as if its digits were UTC; with UNIX it is UTC. False: it is none. */
bool ats_bar_time(const ats_bar_time_format *format, const char *text, size_t length, int64_t *ns);

/* Splits a line at `delimiter`: ',' as ats_csv_split does, others without quotes. Fields, or -1. */
int ats_bar_split(char *line, size_t length, char delimiter, ats_csv_field *field,
                  uint32_t capacity);

#endif
