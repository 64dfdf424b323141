#include "io/codec/live/symbol_map.h"

#include "core/error.h"

#include <stdbool.h>

/* At most half full: a probe of a text that is not known ends after two slots on average. */
static uint32_t slot_count(uint32_t symbols)
{
    uint32_t slots = 8;
    while (slots < 2 * symbols)
        slots *= 2;
    return slots;
}

size_t ats_symbol_map_footprint(uint32_t count)
{
    return slot_count(count) * sizeof(ats_symbol_slot) +
           count * sizeof(uint64_t[ATS_SYMBOL_WORDS - 1]);
}

/* Odd numbers without pattern, one a try (Weyl sequence of the golden ratio). */
static uint64_t multiplier_of(uint32_t attempt)
{
    return (0x9e3779b97f4a7c15ull * (attempt + 1)) | 1;
}

/* Puts the text into the first free slot of its probe. Slots looked at, 0 when it is there. */
static uint32_t put(const ats_symbol_map *map, ats_symbol_slot *slots,
                    uint64_t (*tails)[ATS_SYMBOL_WORDS - 1], uint32_t *tail_count,
                    const ats_symbol *symbol, uint32_t id)
{
    uint64_t word[ATS_SYMBOL_WORDS];
    memcpy(word, symbol->text, sizeof word);
    if (ats_symbol_map_find(map, word[0], word[1], word[2]))
        return 0;
    uint32_t at = (uint32_t)((word[0] * map->multiplier) >> map->shift), looked = 1;
    while (slots[at & map->mask].first) {
        at++;
        looked++;
    }
    ats_symbol_slot *s = &slots[at & map->mask];
    *s = (ats_symbol_slot){.first = word[0], .id = id};
    if (word[1] | word[2]) {
        memcpy(tails[*tail_count], &word[1], sizeof tails[0]);
        s->tail = ++*tail_count;
    }
    return looked;
}

static int fill(ats_symbol_map *map, const ats_symbols *symbols, const char *venue)
{
    ats_symbol_slot *slots = (ats_symbol_slot *)map->slot;
    uint64_t(*tails)[ATS_SYMBOL_WORDS - 1] = (uint64_t(*)[ATS_SYMBOL_WORDS - 1]) map->tail;
    uint32_t tail_count = 0;
    memset(slots, 0, (map->mask + 1ull) * sizeof *slots);
    map->longest = 1;
    for (uint32_t id = 1; id <= symbols->count; id++) {
        const ats_symbol *s = &symbols->entry[id];
        if (venue && strcmp(venue, s->venue) != 0)
            continue;
        uint32_t looked = put(map, slots, tails, &tail_count, s, id);
        if (looked == 0)
            return ats_error(ATS_EXIT_DATA, "symbol %s names two instruments; name its venue",
                             s->text);
        if (looked > map->longest)
            map->longest = looked;
    }
    return 0;
}

int ats_symbol_map_build(ats_symbol_map *map, void *memory, const ats_symbols *symbols,
                         const char *venue)
{
    uint32_t slots = slot_count(symbols->count), best = 0, shortest = UINT32_MAX;
    *map = (ats_symbol_map){.slot = memory, .mask = slots - 1};
    map->tail = (const uint64_t(*)[ATS_SYMBOL_WORDS - 1])(map->slot + slots);
    map->shift = 64 - (uint32_t)__builtin_ctz(slots);
    /* 64 tries: beyond them the longest probe of some thousand symbols no longer gets shorter. */
    for (uint32_t attempt = 0; attempt < 64 && shortest > 1; attempt++) {
        map->multiplier = multiplier_of(attempt);
        if (fill(map, symbols, venue) != 0)
            return -1;
        if (map->longest < shortest) {
            shortest = map->longest;
            best = attempt;
        }
    }
    map->multiplier = multiplier_of(best);
    return fill(map, symbols, venue);
}
