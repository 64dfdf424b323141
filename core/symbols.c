#include "core/symbols.h"

#include "core/error.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static_assert(sizeof(ats_symbol) == 80, "symbol entries are written to files as they are");

static uint64_t instrument_key(const ats_symbol *symbol)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%.8s:%u:%.24s", symbol->venue, symbol->symbol_class,
                     symbol->text);
    return XXH3_64bits(text, (size_t)n);
}

void ats_symbols_free(ats_symbols *symbols)
{
    free(symbols->entry);
    memset(symbols, 0, sizeof *symbols);
}

static int grow(ats_symbols *symbols)
{
    uint32_t capacity = symbols->capacity ? symbols->capacity * 2 : 16;
    ats_symbol *entry = realloc(symbols->entry, (size_t)(capacity + 1) * sizeof *entry);
    if (!entry)
        return ats_error(ATS_EXIT_FAILED, "symbol table: out of memory");
    symbols->entry = entry;
    symbols->capacity = capacity;
    return 0;
}

uint32_t ats_symbols_add(ats_symbols *symbols, const ats_symbol *symbol)
{
    ats_symbol s = *symbol;
    if (s.text[0] == 0 || s.text[ATS_SYMBOL_TEXT - 1] != 0 || s.venue[sizeof s.venue - 1] != 0) {
        ats_error(ATS_EXIT_DATA, "symbol table: a name is empty or too long");
        return 0;
    }
    s.key = instrument_key(&s);
    for (uint32_t id = 1; id <= symbols->count; id++)
        if (symbols->entry[id].key == s.key)
            return id;
    if (symbols->count == ATS_SYMBOLS_MAX) {
        ats_error(ATS_EXIT_DATA, "symbol table: more than %u symbols", ATS_SYMBOLS_MAX);
        return 0;
    }
    if (symbols->count == symbols->capacity && grow(symbols) != 0)
        return 0;
    symbols->entry[++symbols->count] = s;
    return symbols->count;
}

uint32_t ats_symbols_find(const ats_symbols *symbols, const char *text, const char *venue)
{
    for (uint32_t id = 1; id <= symbols->count; id++)
        if (!strcmp(symbols->entry[id].text, text) &&
            (!venue || !strcmp(symbols->entry[id].venue, venue)))
            return id;
    return 0;
}
