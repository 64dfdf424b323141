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

static void bring_up(ats_repeat_counter *c, int64_t epoch)
{
    const int64_t steps = ATS_REPEAT_STEPS + 1;
    /* Behind: the window has been changed, and what was counted means nothing. */
    if (epoch - c->epoch >= steps || epoch < c->epoch) {
        memset(c->count, 0, sizeof c->count);
        c->epoch = epoch;
    }
    while (c->epoch < epoch)
        c->count[++c->epoch % steps] = 0;
}

static uint32_t repeat_key(uint32_t strategy_id, uint32_t symbol_id, uint8_t side)
{
    return strategy_id << 24 | symbol_id << 2 | side;
}

static uint32_t repeat_set(uint32_t key)
{
    return (uint32_t)(mix(key) % ATS_REPEAT_SETS);
}

void ats_throttle_prefetch(const ats_recent_orders *recent, uint64_t hash,
                           const ats_repeats *repeats, uint32_t strategy_id, uint32_t symbol_id,
                           uint8_t side)
{
    uint32_t set = repeat_set(repeat_key(strategy_id, symbol_id, side));
    __builtin_prefetch(&recent->set[hash % ATS_RECENT_SETS], 1);
    __builtin_prefetch(&repeats->keys[set], 1);
    for (uint32_t way = 0; way < ATS_REPEAT_WAYS; way += 2)
        __builtin_prefetch(&repeats->counter[set][way], 1);
}

/* Its place in the set; ATS_REPEAT_WAYS: none. */
static uint32_t find_way(const ats_repeat_keys *keys, uint32_t key)
{
    uint32_t way = 0;
    while (way < ATS_REPEAT_WAYS && keys->key[way] != key)
        way++;
    return way;
}

/* A free one, or the one that has been silent longest. */
static uint32_t choose_way(const ats_repeat_keys *keys, uint32_t epoch)
{
    uint32_t take = find_way(keys, 0);
    if (take < ATS_REPEAT_WAYS)
        return take;
    take = 0;
    for (uint32_t way = 1; way < ATS_REPEAT_WAYS; way++)
        if (epoch - keys->epoch[way] > epoch - keys->epoch[take])
            take = way;
    return take;
}

ats_repeat_counter *ats_repeats_at(ats_repeats *repeats, uint32_t strategy_id, uint32_t symbol_id,
                                   uint8_t side, int64_t now_ns, int64_t step_ns)
{
    uint32_t key = repeat_key(strategy_id, symbol_id, side), set = repeat_set(key);
    ats_repeat_keys *keys = &repeats->keys[set];
    int64_t epoch = now_ns / step_ns;
    uint32_t way = find_way(keys, key);
    if (way == ATS_REPEAT_WAYS) {
        way = choose_way(keys, (uint32_t)epoch);
        keys->key[way] = key;
        repeats->counter[set][way] = (ats_repeat_counter){.epoch = epoch};
    }
    keys->epoch[way] = (uint32_t)epoch;
    bring_up(&repeats->counter[set][way], epoch);
    return &repeats->counter[set][way];
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
    for (uint32_t set = 0; set < ATS_REPEAT_SETS; set++)
        for (uint32_t way = 0; way < ATS_REPEAT_WAYS; way++)
            if (repeats->keys[set].key[way] >> 24 == strategy_id)
                memset(repeats->counter[set][way].count, 0,
                       sizeof repeats->counter[set][way].count);
}
