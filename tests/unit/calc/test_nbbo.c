#include "calc/nbbo.h"
#include "core/random.h"

#include <criterion/criterion.h>
#include <string.h>

Test(nbbo, price_then_size_then_time)
{
    ats_nbbo b = {0};
    cr_assert(ats_nbbo_update(&b, 1, 100, 5, 110, 5));
    cr_assert_not(ats_nbbo_update(&b, 2, 100, 5, 110, 5), "same price and size, later: no change");
    cr_assert(ats_nbbo_update(&b, 3, 100, 6, 111, 9), "same price, larger: best");
    cr_assert_eq(b.best_bid, 3);
    cr_assert_eq(b.best_ask, 1);
    cr_assert(ats_nbbo_update(&b, 3, 99, 6, 111, 9), "the best steps back: the first at 100 again");
    cr_assert_eq(b.best_bid, 1);
    cr_assert(ats_nbbo_update(&b, 1, 0, 0, 110, 5), "withdrawn");
    cr_assert_eq(b.best_bid, 2);
    cr_assert(ats_nbbo_update(&b, 2, 0, 5, 110, 5), "price 0 with a size is withdrawn, too");
    cr_assert_eq(b.best_bid, 3);
    cr_assert(ats_nbbo_update(&b, 3, 99, 0, 111, 9), "size 0 is withdrawn");
    cr_assert_eq(b.best_bid, 0);
}

/* The best side by looking at every exchange, with the rule stated once more. */
static uint32_t brute(const ats_nbbo_side *sides, int sign)
{
    uint32_t best = 0;
    for (uint32_t s = 1; s < ATS_NBBO_VENUES; s++) {
        if (sides[s].px_e9 == 0)
            continue;
        int64_t gain = best ? (sides[s].px_e9 - sides[best].px_e9) * sign : 1;
        if (gain == 0)
            gain = sides[s].size_e9 - sides[best].size_e9;
        if (gain == 0)
            gain = sides[s].since < sides[best].since ? 1 : -1;
        if (gain > 0)
            best = s;
    }
    return best;
}

Test(nbbo, agrees_with_a_search_of_all_exchanges)
{
    ats_random random;
    ats_random_seed(&random, 3);
    ats_nbbo b = {0};
    for (int i = 0; i < 300000; i++) {
        ats_nbbo before = b;
        uint32_t slot = 1 + (uint32_t)(ats_random_next(&random) % 12);
        int64_t bid = 90 + (int64_t)(ats_random_next(&random) % 8);
        int64_t ask = 96 + (int64_t)(ats_random_next(&random) % 8);
        bool changed = ats_nbbo_update(&b, slot, ats_random_next(&random) % 10 ? bid : 0,
                                       (int64_t)(ats_random_next(&random) % 4), ask,
                                       (int64_t)(ats_random_next(&random) % 4));
        cr_assert_eq(b.best_bid, brute(b.bid, 1), "step %d", i);
        cr_assert_eq(b.best_ask, brute(b.ask, -1), "step %d", i);
        bool differs = before.best_bid != b.best_bid || before.best_ask != b.best_ask ||
                       before.bid[before.best_bid].px_e9 != b.bid[b.best_bid].px_e9 ||
                       before.bid[before.best_bid].size_e9 != b.bid[b.best_bid].size_e9 ||
                       before.ask[before.best_ask].px_e9 != b.ask[b.best_ask].px_e9 ||
                       before.ask[before.best_ask].size_e9 != b.ask[b.best_ask].size_e9;
        cr_assert(changed || !differs, "step %d: a change was not told", i);
    }
}
