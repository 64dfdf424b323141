#include "io/codec/live/symbol_map.h"

#include "core/error.h"
#include "core/random.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t add(ats_symbols *symbols, const char *text, const char *venue)
{
    ats_symbol s = {.symbol_class = ATS_CLASS_EQUITY};
    snprintf(s.text, sizeof s.text, "%s", text);
    snprintf(s.venue, sizeof s.venue, "%s", venue);
    return ats_symbols_add(symbols, &s);
}

static uint32_t find(const ats_symbol_map *map, const char *text)
{
    return ats_symbol_map_find_text(map, text, strlen(text));
}

Test(symbol_map, finds_every_symbol_and_no_other)
{
    enum { COUNT = 8000 };
    ats_symbols symbols = {0};
    ats_random r;
    ats_random_seed(&r, 7);
    for (uint32_t i = 0; i < COUNT; i++) {
        char text[ATS_SYMBOL_TEXT];
        /* Of 1 to 23 letters that differ in few places: the hard case for a hash. */
        int n =
            snprintf(text, sizeof text, "%c%c%u", 'A' + (int)(i % 26), 'A' + (int)(i / 26 % 26), i);
        for (uint64_t pad = ats_random_below(&r, 23 - (uint64_t)n); pad; pad--)
            text[n++] = 'Z';
        text[n] = 0;
        cr_assert_eq(add(&symbols, text, "US"), i + 1);
    }
    ats_symbol_map map;
    void *memory = malloc(ats_symbol_map_footprint(symbols.count));
    cr_assert_eq(ats_symbol_map_build(&map, memory, &symbols, "US"), 0);
    for (uint32_t i = 1; i <= COUNT; i++) {
        char text[ATS_SYMBOL_TEXT + 8];
        snprintf(text, sizeof text, "%s", symbols.entry[i].text);
        cr_assert_eq(find(&map, text), i);
        size_t length = strlen(text);
        strcpy(text + length, "!");
        cr_assert_eq(find(&map, text), 0, "%s", text);
        text[length] = 0;
        text[length - 1] ^= 0x40;
        cr_assert_eq(find(&map, text), 0, "%s", text);
    }
    cr_assert_eq(find(&map, ""), 0);
    cr_assert_eq(
        ats_symbol_map_find_text(&map, symbols.entry[1].text, strlen(symbols.entry[1].text) + 1), 0,
        "a NUL is a letter that no symbol has");
    cr_assert_eq(find(&map, "ABCDEFGHIJKLMNOPQRSTUVWX"), 0, "24 letters are no symbol");
    cr_assert_leq(map.longest, 24, "%u slots", map.longest);
    free(memory);
    ats_symbols_free(&symbols);
}

Test(symbol_map, a_few_hundred_symbols_probe_hardly)
{
    ats_symbols symbols = {0};
    for (uint32_t i = 0; i < 500; i++) {
        char text[8] = {(char)('A' + i % 26), (char)('A' + i / 26 % 26), (char)('A' + i * 7 % 26)};
        add(&symbols, text, "US");
    }
    ats_symbol_map map;
    void *memory = malloc(ats_symbol_map_footprint(symbols.count));
    cr_assert_eq(ats_symbol_map_build(&map, memory, &symbols, NULL), 0);
    cr_assert_leq(map.longest, 5, "%u slots", map.longest);
    free(memory);
    ats_symbols_free(&symbols);
}

Test(symbol_map, a_text_of_two_venues_needs_its_venue)
{
    ats_symbols symbols = {0};
    add(&symbols, "ABC", "US");
    uint32_t other = add(&symbols, "ABC", "XETRA");
    ats_symbol_map map;
    void *memory = malloc(ats_symbol_map_footprint(symbols.count));
    cr_assert_eq(ats_symbol_map_build(&map, memory, &symbols, NULL), -1);
    ats_error_clear();
    cr_assert_eq(ats_symbol_map_build(&map, memory, &symbols, "XETRA"), 0);
    cr_assert_eq(find(&map, "ABC"), other);
    cr_assert_eq(ats_symbol_map_build(&map, memory, &symbols, "NONE"), 0);
    cr_assert_eq(find(&map, "ABC"), 0);
    free(memory);
    ats_symbols_free(&symbols);
}
