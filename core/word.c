#include "core/word.h"

#include <stdint.h>
#include <string.h>

size_t ats_word_distance(const char *a, const char *b)
{
    size_t row[ATS_WORD_BYTES], n = strlen(b);
    if (n >= ATS_WORD_BYTES || strlen(a) >= ATS_WORD_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; *a; a++, i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t change = corner + (*a != b[j - 1]);
            corner = row[j];
            size_t least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = least < change ? least : change;
        }
    }
    return row[n];
}
