#include "calc/order_table.h"

#include "core/memory.h"

#include <assert.h>
#include <string.h>

static uint32_t index_size(uint32_t capacity)
{
    return capacity * 2;
}

size_t ats_order_table_footprint(uint32_t capacity, uint32_t symbol_count)
{
    return ats_whole_lines(sizeof(ats_order_table)) +
           ats_whole_lines(capacity * sizeof(ats_order_entry)) +
           ats_whole_lines(index_size(capacity) * sizeof(uint32_t)) +
           ats_whole_lines(capacity * sizeof(uint32_t)) +
           2 * ats_whole_lines((symbol_count + 1ull) * sizeof(uint32_t));
}

ats_order_table *ats_order_table_new(void *memory, uint32_t capacity, uint32_t symbol_count)
{
    assert(capacity && (capacity & (capacity - 1)) == 0);
    ats_order_table *t = memory;
    uint8_t *at = (uint8_t *)memory + ats_whole_lines(sizeof *t);
    t->pool = (ats_order_entry *)at;
    at += ats_whole_lines(capacity * sizeof(ats_order_entry));
    t->index = (uint32_t *)at;
    at += ats_whole_lines(index_size(capacity) * sizeof(uint32_t));
    t->free_list = (uint32_t *)at;
    at += ats_whole_lines(capacity * sizeof(uint32_t));
    t->first = (uint32_t *)at;
    t->last = (uint32_t *)(at + ats_whole_lines((symbol_count + 1ull) * sizeof(uint32_t)));
    t->capacity = capacity;
    t->mask = index_size(capacity) - 1;
    for (uint32_t i = 0; i < capacity; i++)
        t->free_list[i] = capacity - 1 - i;
    return t;
}

/* splitmix64's finaliser: dense ids spread over the whole index. */
static uint32_t slot_of(const ats_order_table *t, uint64_t id)
{
    id = (id ^ (id >> 30)) * 0xbf58476d1ce4e5b9ull;
    id = (id ^ (id >> 27)) * 0x94d049bb133111ebull;
    return (uint32_t)(id ^ (id >> 31)) & t->mask;
}

uint32_t ats_order_table_prefetch(const ats_order_table *t, uint64_t order_id, uint32_t symbol_id)
{
    __builtin_prefetch(&t->index[slot_of(t, order_id)], 1);
    __builtin_prefetch(&t->last[symbol_id], 1);
    if (t->count == t->capacity)
        return t->capacity;
    uint32_t place = t->free_list[t->capacity - 1 - t->count];
    const uint8_t *entry = (const uint8_t *)&t->pool[place];
    for (size_t at = 0; at < sizeof(ats_order_entry); at += ATS_CACHE_LINE)
        __builtin_prefetch(entry + at, 1);
    return place;
}

ats_order_entry *ats_order_table_find(const ats_order_table *t, uint64_t order_id)
{
    for (uint32_t slot = slot_of(t, order_id); t->index[slot]; slot = (slot + 1) & t->mask) {
        ats_order_entry *entry = &t->pool[t->index[slot] - 1];
        if (entry->order_id == order_id)
            return entry;
    }
    return NULL;
}

ats_order_entry *ats_order_table_insert(ats_order_table *t, uint64_t order_id, uint32_t symbol_id)
{
    if (t->count == t->capacity || order_id == 0)
        return NULL;
    uint32_t slot = slot_of(t, order_id);
    for (; t->index[slot]; slot = (slot + 1) & t->mask)
        if (t->pool[t->index[slot] - 1].order_id == order_id)
            return NULL;
    uint32_t at = t->free_list[t->capacity - 1 - t->count++];
    t->index[slot] = at + 1;
    ats_order_entry *entry = &t->pool[at];
    memset(entry, 0, sizeof *entry);
    entry->order_id = order_id;
    entry->symbol_id = symbol_id;
    entry->previous = t->last[symbol_id];
    if (entry->previous)
        t->pool[entry->previous - 1].next = at + 1;
    else
        t->first[symbol_id] = at + 1;
    t->last[symbol_id] = at + 1;
    return entry;
}

ats_order_entry *ats_order_table_enter(ats_order_table *t, const ats_order *o, uint8_t state)
{
    ats_order_entry *e = ats_order_table_insert(t, o->order_id, o->h.symbol_id);
    if (!e)
        return NULL;
    e->qty_e9 = o->qty_e9;
    e->limit_e9 = o->limit_e9;
    e->stop_e9 = o->stop_e9;
    e->trail_e9 = o->trail_e9;
    e->sent_ns = o->h.recv_ns;
    e->account_id = o->account_id;
    e->strategy_id = o->strategy_id;
    e->reason = o->reason;
    e->intent_flags = o->intent_flags;
    e->order_class = o->order_class;
    e->side = o->side;
    e->type = o->type;
    e->tif = o->tif;
    e->state = state;
    return e;
}

/* Closes the gap at `slot`: moves back every later entry of the run that may lie there. */
static void unindex(ats_order_table *t, uint32_t slot)
{
    uint32_t hole = slot;
    for (uint32_t at = (hole + 1) & t->mask; t->index[at]; at = (at + 1) & t->mask) {
        uint32_t home = slot_of(t, t->pool[t->index[at] - 1].order_id);
        if (((at - home) & t->mask) >= ((at - hole) & t->mask)) {
            t->index[hole] = t->index[at];
            hole = at;
        }
    }
    t->index[hole] = 0;
}

void ats_order_table_remove(ats_order_table *t, ats_order_entry *entry)
{
    uint32_t at = (uint32_t)(entry - t->pool), slot = slot_of(t, entry->order_id);
    assert(entry->order_id != 0);
    while (t->index[slot] != at + 1)
        slot = (slot + 1) & t->mask;
    unindex(t, slot);
    if (entry->previous)
        t->pool[entry->previous - 1].next = entry->next;
    else
        t->first[entry->symbol_id] = entry->next;
    if (entry->next)
        t->pool[entry->next - 1].previous = entry->previous;
    else
        t->last[entry->symbol_id] = entry->previous;
    entry->order_id = 0;
    t->free_list[t->capacity - t->count--] = at;
}
