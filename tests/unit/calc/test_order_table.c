#include "calc/order_table.h"
#include "core/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 64u
#define SYMBOLS  3u

static ats_order_table *make(void)
{
    size_t bytes = (ats_order_table_footprint(CAPACITY, SYMBOLS) + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, bytes);
    memset(memory, 0, bytes);
    return ats_order_table_new(memory, CAPACITY, SYMBOLS);
}

Test(order_table, refuses_what_does_not_fit)
{
    ats_order_table *t = make();
    cr_assert_null(ats_order_table_insert(t, 0, 1));
    for (uint64_t id = 1; id <= CAPACITY; id++)
        cr_assert_not_null(ats_order_table_insert(t, id, 1));
    cr_assert_null(ats_order_table_insert(t, CAPACITY + 1, 1), "full");
    ats_order_table_remove(t, ats_order_table_find(t, 7));
    cr_assert_null(ats_order_table_insert(t, 8, 1), "there already");
    cr_assert_not_null(ats_order_table_insert(t, CAPACITY + 1, 1));
    free(t);
}

/* A model that cannot be wrong: an array of what should be there, in the order of insertion. */
Test(order_table, agrees_with_a_plain_list)
{
    ats_random random;
    ats_random_seed(&random, 9);
    ats_order_table *t = make();
    uint64_t ids[CAPACITY], next = 1;
    uint32_t symbols[CAPACITY], n = 0;
    for (int i = 0; i < 100000; i++) {
        if (n < CAPACITY && ats_random_next(&random) % 100 < 52) {
            symbols[n] = 1 + (uint32_t)(ats_random_next(&random) % SYMBOLS);
            ids[n] = next += 1 + ats_random_next(&random) % 3;
            cr_assert_not_null(ats_order_table_insert(t, ids[n], symbols[n]));
            n++;
        } else if (n > 0) {
            uint32_t at = (uint32_t)(ats_random_next(&random) % n);
            ats_order_entry *e = ats_order_table_find(t, ids[at]);
            cr_assert_not_null(e);
            ats_order_table_remove(t, e);
            cr_assert_null(ats_order_table_find(t, ids[at]));
            n--;
            memmove(ids + at, ids + at + 1, (n - at) * sizeof ids[0]);
            memmove(symbols + at, symbols + at + 1, (n - at) * sizeof symbols[0]);
        }
        cr_assert_eq(t->count, n);
        for (uint32_t s = 1; s <= SYMBOLS; s++) {
            ats_order_entry *e = ats_order_table_first(t, s);
            for (uint32_t k = 0; k < n; k++) {
                if (symbols[k] != s)
                    continue;
                cr_assert_not_null(e);
                cr_assert_eq(e->order_id, ids[k]);
                cr_assert_eq(ats_order_table_find(t, ids[k]), e);
                e = ats_order_table_next(t, e);
            }
            cr_assert_null(e);
        }
    }
    free(t);
}
