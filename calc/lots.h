/* lots.h: what a position was bought (or sold short) in, first in, first out.
 *
 * A pool of lots of fixed size serves many lists, one a position. A lot is a quantity and its total
 * cost, both without sign; lots of one price that follow each other are one. Taking from a list
 * takes from its oldest lot. The pool keeps one lot for every list that has none, so a position can
 * always be opened; when nothing else is left, what is bought joins the list's newest lot, whose
 * cost then is the sum of both (counted in `joined`).
 *
 * Owner: the stage's thread. Allocates nothing.
 */
#ifndef ATS_CALC_LOTS_H
#define ATS_CALC_LOTS_H

#include "calc/money.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ats_lot {
    ats_money_e18 cost_e18; /* of all of it, >= 0 */
    int64_t qty_e9;         /* > 0 */
    int64_t px_e9;          /* of a unit; 0: the cost is of more than one price, or was split */
    uint32_t next;          /* place in the pool + 1; 0 = the newest */
    uint32_t reserved[3];
} ats_lot;

/* Zeroed: empty. Known to its pool from ats_lots_new on. */
typedef struct ats_lot_list {
    uint32_t first, last; /* place in the pool + 1; 0 = none */
    uint32_t count;
    uint32_t reserved;
} ats_lot_list;

typedef struct ats_lots {
    ats_lot *pool;
    uint32_t free; /* place in the pool + 1 of the first free lot */
    uint32_t free_count;
    uint32_t empty_lists; /* each may still claim a lot */
    uint32_t capacity;
    uint64_t joined;
} ats_lots;

/* capacity > list_count. The memory is zeroed and aligned to 64. */
size_t ats_lots_footprint(uint32_t capacity);
ats_lots *ats_lots_new(void *memory, uint32_t capacity, uint32_t list_count);

/* Adds qty_e9 > 0 at px_e9 > 0. */
void ats_lots_add(ats_lots *lots, ats_lot_list *list, int64_t qty_e9, int64_t px_e9);

/* Takes 0 < qty_e9 <= the list's sum, oldest first, and returns what it cost. A part of a lot takes
 * its share of the cost: exact where the lot has one price, else half to even at 1e-18. */
ats_money_e18 ats_lots_take(ats_lots *lots, ats_lot_list *list, int64_t qty_e9);

/* numerator new units for denominator old ones. The sums of the quantities from the oldest lot on
 * are multiplied and cut to 1e-9, so the whole comes to the same as if it were one lot; a lot that
 * keeps nothing leaves its cost to the next one (the newest: to the one before it). Returns the new
 * sum. When that is 0 the list is empty and *lost_e18 is what it had cost. */
int64_t ats_lots_split(ats_lots *lots, ats_lot_list *list, int64_t numerator, int64_t denominator,
                       ats_money_e18 *lost_e18);

void ats_lots_clear(ats_lots *lots, ats_lot_list *list);

/* Makes `to` what `from` is. */
void ats_lots_copy(ats_lots *lots, ats_lot_list *to, const ats_lot_list *from);

/* Sums of a list, from scratch. */
int64_t ats_lots_qty_e9(const ats_lots *lots, const ats_lot_list *list);
ats_money_e18 ats_lots_cost_e18(const ats_lots *lots, const ats_lot_list *list);

#endif
