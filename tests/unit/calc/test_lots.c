#include "calc/lots.h"
#include "core/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define E9 ATS_E9

static ats_lots *make(uint32_t capacity, uint32_t lists)
{
    size_t bytes = (ats_lots_footprint(capacity) + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, bytes);
    memset(memory, 0, bytes);
    return ats_lots_new(memory, capacity, lists);
}

Test(lots, first_in_first_out)
{
    ats_lots *lots = make(8, 1);
    ats_lot_list list = {0};
    ats_lots_add(lots, &list, 10 * E9, 5 * E9);
    ats_lots_add(lots, &list, 10 * E9, 5 * E9);
    ats_lots_add(lots, &list, 10 * E9, 7 * E9);
    cr_assert_eq(list.count, 2, "one price is one lot");
    cr_assert(ats_lots_take(lots, &list, 25 * E9) == ats_money_from_e9(135 * E9));
    cr_assert_eq(ats_lots_qty_e9(lots, &list), 5 * E9);
    cr_assert(ats_lots_take(lots, &list, 5 * E9) == ats_money_from_e9(35 * E9));
    cr_assert_eq(list.count + list.first + list.last, 0);
    cr_assert_eq(lots->free_count, 8);
    free(lots);
}

Test(lots, a_split_carries_the_cost_of_what_vanishes)
{
    ats_lots *lots = make(8, 1);
    ats_lot_list list = {0};
    ats_money_e18 lost;
    ats_lots_add(lots, &list, 1, 5 * E9); /* a billionth */
    ats_lots_add(lots, &list, 10 * E9, 7 * E9);
    ats_lots_add(lots, &list, 1, 9 * E9);
    ats_money_e18 cost = ats_lots_cost_e18(lots, &list);
    cr_assert_eq(ats_lots_split(lots, &list, 1, 2, &lost), 5 * E9 + 1);
    cr_assert_eq(list.count, 2);
    cr_assert(ats_lots_cost_e18(lots, &list) == cost);
    cr_assert(lost == 0);
    cr_assert_eq(ats_lots_split(lots, &list, 1, 1000000, &lost), 5000);
    cr_assert_eq(ats_lots_split(lots, &list, 1, 1000000, &lost), 0);
    cr_assert(lost == cost);
    cr_assert_eq(list.count, 0);
    cr_assert_eq(lots->free_count, 8);
    free(lots);
}

/* Every list can open, however much the others hold; a list that gets no lot joins its newest. */
Test(lots, a_full_pool_joins_and_never_fails)
{
    ats_lots *lots = make(6, 4);
    ats_lot_list list[4] = {0};
    for (int i = 1; i <= 10; i++)
        ats_lots_add(lots, &list[0], E9, i * E9);
    cr_assert_eq(list[0].count, 3, "three are kept for the others");
    cr_assert_eq(lots->joined, 7);
    for (int i = 1; i < 4; i++)
        ats_lots_add(lots, &list[i], E9, E9);
    cr_assert_eq(lots->free_count, 0);
    cr_assert(ats_lots_take(lots, &list[0], 10 * E9) == ats_money_from_e9(55 * E9));
    cr_assert_eq(lots->free_count, 3);
    cr_assert_eq(lots->empty_lists, 1);
    free(lots);
}

Test(lots, random_lists_keep_every_unit_and_every_cent)
{
    ats_random random;
    ats_random_seed(&random, 3);
    ats_lots *lots = make(40, 4);
    ats_lot_list list[4] = {0};
    ats_money_e18 cost[4] = {0};
    for (int i = 0; i < 100000; i++) {
        uint32_t at = (uint32_t)ats_random_below(&random, 4);
        int64_t qty = 1 + (int64_t)ats_random_below(&random, 5 * (uint64_t)E9);
        int64_t held = ats_lots_qty_e9(lots, &list[at]);
        if (held >= qty && ats_random_below(&random, 2)) {
            cost[at] -= ats_lots_take(lots, &list[at], qty);
        } else if (held && ats_random_below(&random, 8) == 0) {
            ats_money_e18 lost;
            ats_lots_split(lots, &list[at], 1 + (int64_t)ats_random_below(&random, 3), 2, &lost);
            cost[at] -= lost;
        } else if (ats_random_below(&random, 50) == 0) {
            uint32_t to = (uint32_t)ats_random_below(&random, 4);
            if (to != at) {
                ats_lots_copy(lots, &list[to], &list[at]);
                cost[to] = cost[at];
            }
        } else {
            int64_t px = 1 + (int64_t)ats_random_below(&random, 9) * E9;
            ats_lots_add(lots, &list[at], qty, px);
            cost[at] += ats_money_product(px, qty);
        }
        uint32_t used = 0;
        for (uint32_t l = 0; l < 4; l++) {
            cr_assert(ats_lots_cost_e18(lots, &list[l]) == cost[l], "step %d", i);
            used += list[l].count;
        }
        cr_assert_eq(used + lots->free_count, 40);
    }
    cr_assert_gt(lots->joined, 0);
    free(lots);
}
