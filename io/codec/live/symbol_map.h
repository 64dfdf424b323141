/* symbol_map.h: symbol text to symbol_id, for decoders. Built cold, read hot.
 *
 * An open table of 16-byte slots, at most half full, whose multiplier is chosen when it is built so
 * that the longest probe is shortest (for a few hundred symbols it is usually one slot). A text is
 * looked up as three little-endian words, NUL-padded: eight letters name nearly every instrument,
 * so a slot holds the first word and the others lie apart.
 */
#ifndef ATS_IO_CODEC_LIVE_SYMBOL_MAP_H
#define ATS_IO_CODEC_LIVE_SYMBOL_MAP_H

#include "core/symbols.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ATS_SYMBOL_WORDS 3u
static_assert(ATS_SYMBOL_WORDS * sizeof(uint64_t) == ATS_SYMBOL_TEXT, "a text is three words");

typedef struct ats_symbol_slot {
    uint64_t first; /* 0: empty */
    uint32_t id;
    uint32_t tail; /* 1 + index into `tail`; 0: the text is of at most eight letters */
} ats_symbol_slot;

typedef struct ats_symbol_map {
    const ats_symbol_slot *slot;
    const uint64_t (*tail)[ATS_SYMBOL_WORDS - 1];
    uint64_t multiplier;
    uint32_t shift; /* of the product: 64 - log2 of the slots */
    uint32_t mask;
    uint32_t longest; /* slots that the longest probe of a known text looks at */
} ats_symbol_map;

/* Bytes that a map of this many symbols needs, aligned as malloc aligns. */
size_t ats_symbol_map_footprint(uint32_t count);

/* Builds the map of the symbols of one venue (NULL: of all) in memory of
 * ats_symbol_map_footprint(symbols->count) bytes, which must outlive it. 0, or -1 with an error
 * pushed when one text names two instruments. */
int ats_symbol_map_build(ats_symbol_map *map, void *memory, const ats_symbols *symbols,
                         const char *venue);

/* id of the text in these words, 0 when it is not known. Hot. */
static inline uint32_t ats_symbol_map_find(const ats_symbol_map *map, uint64_t first,
                                           uint64_t second, uint64_t third)
{
    uint32_t at = (uint32_t)((first * map->multiplier) >> map->shift);
    for (;; at++) {
        const ats_symbol_slot *s = &map->slot[at & map->mask];
        if (s->first == first) {
            if (s->tail == 0 && (second | third) == 0)
                return s->id; /* of an empty slot, 0 */
            if (s->tail && map->tail[s->tail - 1][0] == second &&
                map->tail[s->tail - 1][1] == third)
                return s->id;
        }
        if (s->first == 0)
            return 0;
    }
}

/* The same for text[0..length): 0 when it is too long to be a symbol, or ends in a NUL, which is no
 * padding there. */
static inline uint32_t ats_symbol_map_find_text(const ats_symbol_map *map, const char *text,
                                                size_t length)
{
    uint64_t word[ATS_SYMBOL_WORDS] = {0};
    if (length == 0 || length >= ATS_SYMBOL_TEXT || text[length - 1] == 0)
        return 0;
    memcpy(word, text, length);
    return ats_symbol_map_find(map, word[0], word[1], word[2]);
}

#endif
