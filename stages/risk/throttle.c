#include "stages/risk/throttle.h"

#include <string.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull; /* splitmix64's finaliser */
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static uint64_t key_of(uint32_t strategy_id, uint32_t symbol_id, uint8_t side)
{
    return (uint64_t)strategy_id << 32 | (uint64_t)symbol_id << 2 | side;
}

uint64_t ats_recent_hash(uint32_t strategy_id, uint32_t symbol_id, uint8_t side, int64_t qty_e9,
                         int64_t px_e9)
{
    /* Three odd constants (of xxHash64), so that one mix at the end is enough. */
    uint64_t hash = mix(key_of(strategy_id, symbol_id, side) * 0x9e3779b185ebca87ull +
                        (uint64_t)qty_e9 * 0xc2b2ae3d27d4eb4full +
                        (uint64_t)px_e9 * 0x165667b19e3779f9ull);
    return hash ? hash : 1;
}

int64_t ats_recent_find(const ats_recent_orders *recent, uint64_t hash)
{
    uint32_t at = (uint32_t)(hash % ATS_RECENT_SETS);
    for (uint32_t way = 0; way < ATS_RECENT_WAYS; way++)
        if (recent->set[at].hash[way] == hash)
            return recent->set[at].at_ns[way];
    return 0;
}

void ats_recent_add(ats_recent_orders *recent, uint64_t hash, int64_t now_ns)
{
    uint32_t at = (uint32_t)(hash % ATS_RECENT_SETS), oldest = 0;
    for (uint32_t way = 0; way < ATS_RECENT_WAYS; way++) {
        if (recent->set[at].hash[way] == hash) {
            oldest = way;
            break;
        }
        if (recent->set[at].at_ns[way] < recent->set[at].at_ns[oldest])
            oldest = way;
    }
    recent->set[at].hash[oldest] = hash;
    recent->set[at].at_ns[oldest] = now_ns;
}

/* What is older than a window, or from before the window was changed, means nothing. Only a counter
 * that was silent for just 2^32 steps, fifty days of the shortest, would still be believed. */
static void bring_up(ats_repeat_counter *c, uint32_t epoch)
{
    const uint32_t steps = ATS_REPEAT_STEPS + 1;
    if (epoch - c->epoch >= steps) {
        memset(c->count, 0, sizeof c->count);
        c->epoch = epoch;
    }
    while (c->epoch != epoch)
        c->count[++c->epoch % steps] = 0;
}

static uint32_t repeat_key(uint32_t strategy_id, uint32_t symbol_id, uint8_t side)
{
    return strategy_id << 24 | symbol_id << 2 | side;
}

static uint32_t repeat_home(uint32_t key)
{
    return (uint32_t)(mix(key) % ATS_REPEAT_KEYS);
}

void ats_throttle_prefetch(const ats_recent_orders *recent, uint64_t hash,
                           const ats_repeats *repeats, uint32_t strategy_id, uint32_t symbol_id,
                           uint8_t side)
{
    uint32_t home = repeat_home(repeat_key(strategy_id, symbol_id, side));
    __builtin_prefetch(&recent->set[hash % ATS_RECENT_SETS], 1);
    __builtin_prefetch(&repeats->counter[home], 1);
    __builtin_prefetch(&repeats->counter[(home + 2) % ATS_REPEAT_KEYS], 1);
}

ats_repeat_counter *ats_repeats_at(ats_repeats *repeats, uint32_t strategy_id, uint32_t symbol_id,
                                   uint8_t side, int64_t now_ns, int64_t step_ns)
{
    uint32_t key = repeat_key(strategy_id, symbol_id, side), home = repeat_home(key);
    uint32_t epoch = (uint32_t)(now_ns / step_ns);
    ats_repeat_counter *take = NULL;
    for (uint32_t i = 0; i < ATS_REPEAT_PROBES; i++) {
        ats_repeat_counter *c = &repeats->counter[(home + i) % ATS_REPEAT_KEYS];
        if (c->key == key) {
            bring_up(c, epoch);
            return c;
        }
        if (c->key == 0) { /* none is given up, so it lies nowhere behind */
            take = c;
            break;
        }
        if (!take || epoch - c->epoch > epoch - take->epoch)
            take = c;
    }
    *take = (ats_repeat_counter){.key = key, .epoch = epoch};
    return take;
}

uint32_t ats_repeats_sum(const ats_repeat_counter *counter)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i <= ATS_REPEAT_STEPS; i++)
        sum += counter->count[i];
    return sum;
}

void ats_repeats_add(ats_repeat_counter *counter)
{
    uint16_t *newest = &counter->count[counter->epoch % (ATS_REPEAT_STEPS + 1)];
    *newest = (uint16_t)(*newest + (*newest < UINT16_MAX));
}

void ats_repeats_forget(ats_repeats *repeats, uint32_t strategy_id)
{
    for (uint32_t i = 0; i < ATS_REPEAT_KEYS; i++)
        if (repeats->counter[i].key >> 24 == strategy_id)
            memset(repeats->counter[i].count, 0, sizeof repeats->counter[i].count);
}
