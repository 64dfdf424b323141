#include "stages/feature/benchmarks.h"

#include "core/error.h"

#include <stdbool.h>
#include <string.h>

#define BLANKS " \t,"

/* Takes the next word at *at into `word`; false at the end of the text or at a separator. */
static bool next_word(const char **at, char word[ATS_SYMBOL_TEXT], bool *too_long)
{
    *at += strspn(*at, BLANKS);
    size_t length = strcspn(*at, BLANKS ":;");
    *too_long = length >= ATS_SYMBOL_TEXT;
    if (length == 0 || *too_long)
        return false;
    memcpy(word, *at, length);
    word[length] = 0;
    *at += length + strspn(*at + length, BLANKS);
    return true;
}

const char *ats_sectors_check(const char *sectors)
{
    char word[ATS_SYMBOL_TEXT];
    bool too_long;
    for (const char *at = sectors; at[strspn(at, BLANKS)]; at += *at == ';') {
        uint32_t members = 0;
        if (!next_word(&at, word, &too_long) || *at != ':')
            return "lacks a sector's symbol or the colon behind it";
        at++;
        while (next_word(&at, word, &too_long))
            members++;
        if (members == 0 || too_long || (*at != ';' && *at != 0))
            return "has a sector without members, or a symbol that is none";
    }
    return NULL;
}

/* "XLK: AAPL MSFT", up to ';' or the end. */
static int read_sector(ats_benchmarks *b, const char **at, const ats_symbols *symbols)
{
    char sector[ATS_SYMBOL_TEXT], member[ATS_SYMBOL_TEXT];
    bool too_long;
    if (!next_word(at, sector, &too_long) || **at != ':')
        return ats_error(ATS_EXIT_CONFIG,
                         "sectors: at \"%.20s\": wanted SYMBOL: MEMBER MEMBER; ...", *at);
    ++*at;
    uint32_t sector_id = ats_symbols_find(symbols, sector, NULL), members = 0;
    for (; next_word(at, member, &too_long); members++) {
        uint32_t id = ats_symbols_find(symbols, member, NULL);
        if (id && b->sector[id])
            return ats_error(ATS_EXIT_CONFIG, "sectors: %s is in two of them", member);
        if (id && id != sector_id)
            b->sector[id] = sector_id;
    }
    if (members == 0 || too_long || (**at != ';' && **at != 0))
        return ats_error(ATS_EXIT_CONFIG, "sectors: %s: at \"%.20s\": wanted members, then ;",
                         sector, *at);
    *at += **at == ';';
    return 0;
}

int ats_benchmarks_find(ats_benchmarks *b, const ats_feature_options *options,
                        const ats_symbols *symbols)
{
    memset(b->index, 0, (symbols->count + 1ull) * sizeof *b->index);
    memset(b->sector, 0, (symbols->count + 1ull) * sizeof *b->sector);
    uint32_t index = options->index[0] ? ats_symbols_find(symbols, options->index, NULL) : 0;
    for (uint32_t id = 1; id <= symbols->count; id++)
        b->index[id] = id == index ? 0 : index;
    for (const char *at = options->sectors; at[strspn(at, BLANKS)];)
        if (read_sector(b, &at, symbols) != 0)
            return -1;
    return 0;
}
