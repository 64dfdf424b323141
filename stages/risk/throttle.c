#include "stages/risk/throttle.h"

#include <string.h>

#define REPEAT_PROBES 8u

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
    uint64_t hash =
        mix(mix(mix(key_of(strategy_id, symbol_id, side)) + (uint64_t)qty_e9) + (uint64_t)px_e9);
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

void ats_throttle_prefetch(const ats_recent_orders *recent, uint64_t hash,
                           const ats_repeats *repeats, uint32_t strategy_id, uint32_t symbol_id,
                           uint8_t side)
{
    uint64_t key = key_of(strategy_id, symbol_id, side);
    __builtin_prefetch(&recent->set[hash % ATS_RECENT_SETS], 1);
    __builtin_prefetch(&repeats->counter[mix(key) % ATS_REPEAT_KEYS], 1);
}

ats_repeat_counter *ats_repeats_at(ats_repeats *repeats, uint32_t strategy_id, uint32_t symbol_id,
                                   uint8_t side, int64_t now_ns, int64_t step_ns)
{
    uint64_t key = key_of(strategy_id, symbol_id, side);
    int64_t epoch = now_ns / step_ns;
    uint32_t home = (uint32_t)(mix(key) % ATS_REPEAT_KEYS);
    ats_repeat_counter *take = NULL;
    for (uint32_t i = 0; i < REPEAT_PROBES; i++) {
        ats_repeat_counter *c = &repeats->counter[(home + i) % ATS_REPEAT_KEYS];
        if (c->key == key) {
            bring_up(c, epoch);
            return c;
        }
        if (!take || (take->key != 0 && (c->key == 0 || c->epoch < take->epoch)))
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
        if (repeats->counter[i].key >> 32 == strategy_id)
            memset(repeats->counter[i].count, 0, sizeof repeats->counter[i].count);
}
