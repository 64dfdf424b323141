#include "calc/lots.h"

#include "core/memory.h"

#include <assert.h>

size_t ats_lots_footprint(uint32_t capacity)
{
    return ats_whole_lines(sizeof(ats_lots)) + ats_whole_lines(capacity * sizeof(ats_lot));
}

ats_lots *ats_lots_new(void *memory, uint32_t capacity, uint32_t list_count)
{
    assert(capacity > list_count);
    ats_lots *lots = memory;
    lots->pool = (ats_lot *)((uint8_t *)memory + ats_whole_lines(sizeof *lots));
    lots->capacity = lots->free_count = capacity;
    lots->empty_lists = list_count;
    lots->free = 1;
    for (uint32_t i = 0; i + 1 < capacity; i++)
        lots->pool[i].next = i + 2;
    return lots;
}

static ats_lot *lot_at(const ats_lots *lots, uint32_t place)
{
    return &lots->pool[place - 1];
}

static ats_lot *append(ats_lots *lots, ats_lot_list *list)
{
    uint32_t place = lots->free;
    ats_lot *lot = lot_at(lots, place);
    lots->free = lot->next;
    lots->free_count--;
    lots->empty_lists -= list->count == 0;
    *lot = (ats_lot){0};
    if (list->last)
        lot_at(lots, list->last)->next = place;
    else
        list->first = place;
    list->last = place;
    list->count++;
    return lot;
}

static void drop_first(ats_lots *lots, ats_lot_list *list)
{
    uint32_t place = list->first;
    ats_lot *lot = lot_at(lots, place);
    list->first = lot->next;
    if (!list->first)
        list->last = 0;
    list->count--;
    lots->empty_lists += list->count == 0;
    lot->next = lots->free;
    lots->free = place;
    lots->free_count++;
}

/* A lot more for the list, or its newest where the others' claims leave none. */
static ats_lot *newest_for(ats_lots *lots, ats_lot_list *list)
{
    if (list->count == 0 || lots->free_count > lots->empty_lists)
        return append(lots, list);
    lots->joined++;
    ats_lot *lot = lot_at(lots, list->last);
    lot->px_e9 = 0;
    return lot;
}

void ats_lots_add(ats_lots *lots, ats_lot_list *list, int64_t qty_e9, int64_t px_e9)
{
    assert(qty_e9 > 0 && px_e9 > 0);
    ats_lot *lot = list->last ? lot_at(lots, list->last) : NULL;
    if (!lot || lot->px_e9 != px_e9) {
        lot = newest_for(lots, list);
        if (lot->qty_e9 == 0)
            lot->px_e9 = px_e9;
    }
    lot->qty_e9 += qty_e9;
    lot->cost_e18 += ats_money_product(px_e9, qty_e9);
}

ats_money_e18 ats_lots_take(ats_lots *lots, ats_lot_list *list, int64_t qty_e9)
{
    ats_money_e18 cost = 0;
    while (qty_e9 > 0) {
        assert(list->first);
        ats_lot *lot = lot_at(lots, list->first);
        if (qty_e9 >= lot->qty_e9) {
            qty_e9 -= lot->qty_e9;
            cost += lot->cost_e18;
            drop_first(lots, list);
            continue;
        }
        ats_money_e18 part = lot->px_e9 ? ats_money_product(lot->px_e9, qty_e9)
                                        : ats_money_share(lot->cost_e18, qty_e9, lot->qty_e9);
        lot->qty_e9 -= qty_e9;
        lot->cost_e18 -= part;
        return cost + part;
    }
    return cost;
}

int64_t ats_lots_split(ats_lots *lots, ats_lot_list *list, int64_t numerator, int64_t denominator,
                       ats_money_e18 *lost_e18)
{
    __int128 before = 0;
    int64_t after = 0;
    ats_money_e18 carried = 0; /* cost of lots that kept nothing */
    uint32_t kept = 0, last = 0;
    for (uint32_t place = list->first, next; place; place = next) {
        ats_lot *lot = lot_at(lots, place);
        next = lot->next;
        before += lot->qty_e9;
        int64_t sum = (int64_t)(before * numerator / denominator);
        carried += lot->cost_e18;
        if (sum > after) {
            *lot = (ats_lot){.cost_e18 = carried, .qty_e9 = sum - after, .next = lot->next};
            carried = 0;
            after = sum;
            if (last)
                lot_at(lots, last)->next = place;
            else
                list->first = place;
            last = place;
            kept++;
        } else {
            lot->next = lots->free;
            lots->free = place;
            lots->free_count++;
        }
    }
    lots->empty_lists += list->count != 0 && kept == 0;
    list->count = kept;
    list->last = last;
    *lost_e18 = last ? 0 : carried;
    if (last) {
        lot_at(lots, last)->next = 0;
        lot_at(lots, last)->cost_e18 += carried;
    } else {
        list->first = 0;
    }
    return after;
}

void ats_lots_clear(ats_lots *lots, ats_lot_list *list)
{
    while (list->count)
        drop_first(lots, list);
}

void ats_lots_copy(ats_lots *lots, ats_lot_list *to, const ats_lot_list *from)
{
    ats_lots_clear(lots, to);
    for (uint32_t place = from->first; place; place = lot_at(lots, place)->next) {
        const ats_lot *lot = lot_at(lots, place);
        ats_lot *copy = newest_for(lots, to);
        copy->px_e9 = copy->qty_e9 == 0 ? lot->px_e9 : 0;
        copy->qty_e9 += lot->qty_e9;
        copy->cost_e18 += lot->cost_e18;
    }
}

int64_t ats_lots_qty_e9(const ats_lots *lots, const ats_lot_list *list)
{
    int64_t sum = 0;
    for (uint32_t place = list->first; place; place = lot_at(lots, place)->next)
        sum += lot_at(lots, place)->qty_e9;
    return sum;
}

ats_money_e18 ats_lots_cost_e18(const ats_lots *lots, const ats_lot_list *list)
{
    ats_money_e18 sum = 0;
    for (uint32_t place = list->first; place; place = lot_at(lots, place)->next)
        sum += lot_at(lots, place)->cost_e18;
    return sum;
}
