#include "io/codec/csv.h"

/* The quoted field at *at (its opening quote): unquotes it in place and moves *at behind it. */
static bool unquote(char **at, char *end, ats_csv_field *field)
{
    char *from = *at + 1, *to = from;
    field->text = to;
    for (;;) {
        if (from == end)
            return false;
        if (*from == '"') {
            if (from + 1 == end || from[1] != '"')
                break;
            from++;
        }
        *to++ = *from++;
    }
    field->length = (size_t)(to - field->text);
    *at = from + 1;
    return *at == end || **at == ',';
}

int ats_csv_split(char *line, size_t length, ats_csv_field *field, uint32_t capacity)
{
    char *at = line, *end = line + length;
    for (uint32_t n = 0; n < capacity; n++) {
        if (at < end && *at == '"') {
            if (!unquote(&at, end, &field[n]))
                return -1;
        } else {
            char *comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL;
            char *stop = comma ? comma : end;
            if (at < end && memchr(at, '"', (size_t)(stop - at)))
                return -1;
            field[n].text = at;
            field[n].length = (size_t)(stop - at);
            at = stop;
        }
        if (at == end)
            return (int)n + 1;
        at++;
    }
    return -1;
}
