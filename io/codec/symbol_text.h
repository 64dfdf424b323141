/* symbol_text.h: which texts may name a symbol, a venue or a currency. Hot. */
#ifndef ATS_IO_CODEC_SYMBOL_TEXT_H
#define ATS_IO_CODEC_SYMBOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Printable ASCII without blanks, quotes, commas and backslashes: such a text goes to terminals,
 * CSV and JSON as it is. */
static inline bool ats_symbol_text_fits(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == ',' || text[i] == '\\')
            return false;
    return true;
}

#endif
