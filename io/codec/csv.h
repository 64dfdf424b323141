/* csv.h: splits one line of comma-separated values (RFC 4180) where it lies.
 *
 * A field in double quotes may hold commas and doubled quotes; blanks are part of a field. A field
 * that goes on in the next line, which the RFC allows, is an error here: no market data has them,
 * and a lost quote would swallow the rest of a file.
 */
#ifndef ATS_IO_CODEC_CSV_H
#define ATS_IO_CODEC_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct ats_csv_field {
    const char *text;
    size_t length;
} ats_csv_field;

/* Splits line[0..length), without its line end, into up to `capacity` fields; quoted fields are
 * unquoted in place. Returns their number (at least 1: an empty line is one empty field), or -1 for
 * a stray or unclosed quote or too many fields. */
int ats_csv_split(char *line, size_t length, ats_csv_field *field, uint32_t capacity);

static inline bool ats_csv_is(const ats_csv_field *field, const char *text)
{
    return strlen(text) == field->length && memcmp(field->text, text, field->length) == 0;
}

#endif
