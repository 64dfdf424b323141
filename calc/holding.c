#include "calc/holding.h"

#define PLACES (2 * ATS_HOLDING_ENTRIES)

void ats_holding_enter(ats_holding_times *t, uint32_t key, int side, double price, double risk)
{
    if (!(price > 0) || !(risk > 0))
        return;
    ats_holding_entry *e = &t->entries[t->count++ % PLACES];
    e->key = key;
    e->side = side < 0 ? -1 : 1;
    e->price = price;
    e->risk = risk;
    e->bars = e->stopped = 0;
}

void ats_holding_bar(ats_holding_times *t, uint32_t key, double close)
{
    for (uint32_t i = 0; i < PLACES; i++) {
        ats_holding_entry *e = &t->entries[i];
        if (!(e->risk > 0) || e->key != key || e->bars == ATS_HOLDING_BARS_MAX)
            continue;
        double profit = e->side * (close - e->price) / e->risk;
        if (e->stopped || profit <= -1.0) {
            e->stopped = 1;
            profit = -1.0;
        }
        e->profit[e->bars++] = (float)profit;
    }
}

void ats_holding_rescale(ats_holding_times *t, uint32_t key, double factor)
{
    for (uint32_t i = 0; i < PLACES; i++) {
        ats_holding_entry *e = &t->entries[i];
        if (e->key != key)
            continue;
        e->price *= factor;
        e->risk *= factor;
    }
}

/* The last ones that were watched to the end, latest first. */
static uint32_t finished(const ats_holding_times *t, const ats_holding_entry **out)
{
    uint32_t found = 0;
    uint64_t there = t->count < PLACES ? t->count : PLACES;
    for (uint64_t back = 0; back < there && found < ATS_HOLDING_ENTRIES; back++) {
        const ats_holding_entry *e = &t->entries[(t->count - 1 - back) % PLACES];
        if (e->bars == ATS_HOLDING_BARS_MAX)
            out[found++] = e;
    }
    return found;
}

uint32_t ats_holding_best(const ats_holding_times *t, uint32_t least, double *mean)
{
    const ats_holding_entry *entries[ATS_HOLDING_ENTRIES];
    uint32_t count = finished(t, entries), best = 0;
    double best_sum = 0;
    *mean = 0;
    if (count == 0 || count < least)
        return 0;
    for (uint32_t n = 0; n < ATS_HOLDING_BARS_MAX; n++) {
        double sum = 0;
        for (uint32_t i = 0; i < count; i++)
            sum += (double)entries[i]->profit[n];
        if (best == 0 || sum > best_sum) {
            best = n + 1;
            best_sum = sum;
        }
    }
    *mean = best_sum / count;
    return best;
}
