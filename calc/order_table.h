/* order_table.h: open orders by id, and by symbol.
 *
 * A fixed pool with an open-addressing index (linear probing, backward-shift deletion: no
 * tombstones, so its cost does not creep up) and a doubly linked list of each symbol's orders in
 * the order of insertion. Used by risk (exposure), route (state) and the simulated venue (its own
 * side of the same orders), each with a table of its own. Owner: the stage's thread. Allocates
 * nothing.
 */
#ifndef ATS_CALC_ORDER_TABLE_H
#define ATS_CALC_ORDER_TABLE_H

#include "core/record.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ats_order_entry {
    uint64_t order_id; /* 0 = free */
    int64_t qty_e9;
    int64_t filled_e9;
    int64_t limit_e9; /* MARKET: the price the exposure was reserved at */
    int64_t stop_e9;  /* STOP, STOP_LIMIT */
    int64_t trail_e9; /* TRAILING_STOP */
    int64_t sent_ns;  /* recv_ns at which it was sent */
    uint64_t last_exec_id;
    uint64_t head_id;     /* of a leg: its head; 0 = none */
    uint64_t replaces_id; /* the order that it is to replace, until that is confirmed; 0 = none */
    uint32_t symbol_id;
    uint32_t account_id;
    uint32_t strategy_id;
    uint32_t reason;
    uint8_t side;
    uint8_t type;
    uint8_t tif;
    uint8_t state; /* ats_order_state */
    uint32_t next; /* of the same symbol; pool index + 1, 0 = none */
    uint32_t previous;
    uint32_t intent_flags;
    uint8_t order_class; /* ats_order_class */
    uint8_t leg;         /* ATS_LEG_*; 0 = no leg */
    uint8_t reserved8[6];
} ats_order_entry;

typedef struct ats_order_table {
    ats_order_entry *pool;
    uint32_t *index;     /* pool index + 1 by hash; 0 = empty */
    uint32_t *free_list; /* stack of pool indices */
    uint32_t *first;     /* by symbol_id: pool index + 1 */
    uint32_t *last;
    uint32_t capacity;
    uint32_t count;
    uint32_t mask; /* of index: its size is at least twice the capacity */
} ats_order_table;

/* capacity: a power of two. */
size_t ats_order_table_footprint(uint32_t capacity, uint32_t symbol_count);
ats_order_table *ats_order_table_new(void *memory, uint32_t capacity, uint32_t symbol_count);

/* A zeroed entry with id and symbol set, or NULL when the table is full or has the id. */
ats_order_entry *ats_order_table_insert(ats_order_table *t, uint64_t order_id, uint32_t symbol_id);
/* The same for an order that was sent, with all that it says, in this state. */
ats_order_entry *ats_order_table_enter(ats_order_table *t, const ats_order *order, uint8_t state);
ats_order_entry *ats_order_table_find(const ats_order_table *t, uint64_t order_id);
void ats_order_table_remove(ats_order_table *t, ats_order_entry *entry);

/* Fetches the lines that inserting this id will touch, for who has other things to do before. The
 * place in the pool that it would take; capacity: there is none. */
uint32_t ats_order_table_prefetch(const ats_order_table *t, uint64_t order_id, uint32_t symbol_id);

static inline ats_order_entry *ats_order_table_first(const ats_order_table *t, uint32_t symbol_id)
{
    return t->first[symbol_id] ? &t->pool[t->first[symbol_id] - 1] : NULL;
}
static inline ats_order_entry *ats_order_table_next(const ats_order_table *t,
                                                    const ats_order_entry *entry)
{
    return entry->next ? &t->pool[entry->next - 1] : NULL;
}

#endif
