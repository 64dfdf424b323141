/* Windows of bars against the same looked at bar by bar. */
#include "calc/bar_history.h"
#include "calc/indicators/trend.h"
#include "core/random.h"

#include <criterion/criterion.h>

#define BARS 3000u

static struct {
    double high[BARS], low[BARS];
} bars;

/* A walk in whole ticks, so that equal extremes are common. */
static void make_bars(uint64_t seed)
{
    ats_random random;
    ats_random_seed(&random, seed);
    double px = 1000;
    for (uint32_t i = 0; i < BARS; i++) {
        px += (double)(ats_random_next(&random) % 7) - 3;
        bars.high[i] = px + (double)(ats_random_next(&random) % 3);
        bars.low[i] = px - (double)(ats_random_next(&random) % 3);
    }
}

static ats_extent scan(uint32_t last, uint32_t n)
{
    uint32_t first = last + 1 > n ? last + 1 - n : 0;
    ats_extent e = {bars.high[last], bars.low[last]};
    for (uint32_t i = first; i < last; i++) {
        e.highest = fmax(e.highest, bars.high[i]);
        e.lowest = fmin(e.lowest, bars.low[i]);
    }
    return e;
}

static void add(ats_bar_history *h, uint32_t i)
{
    ats_bar_history_add(h, &(ats_price_bar){.high = bars.high[i], .low = bars.low[i]});
}

Test(bar_history, extents_of_every_window)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        ats_bar_history h = {0};
        make_bars(seed);
        for (uint32_t i = 0; i < BARS; i++) {
            add(&h, i);
            for (uint32_t n = 1; n < 2 * ATS_EXTENT_LONGEST; n++)
                for (uint32_t back = 0; back < 2 && back <= i; back++) {
                    uint32_t length = 1u << (31 - __builtin_clz(n));
                    if (n + back >= 2 * length)
                        continue;
                    ats_extent got = ats_extent_of(&h, n, back), want = scan(i - back, n);
                    cr_assert(got.highest == want.highest && got.lowest == want.lowest,
                              "%u bars up to %u, %u back", n, i, back);
                }
        }
    }
}

Test(bar_history, latest_bar_of_an_extreme)
{
    ats_bar_history h = {0};
    uint64_t highest = 0, lowest = 0;
    make_bars(9);
    for (uint32_t i = 0; i < BARS; i++) {
        add(&h, i);
        ats_extent of_26 = ats_extent_of(&h, 26, 0);
        highest =
            ats_latest_index(highest, bars.high[i] >= of_26.highest, h.high, of_26.highest, i, 26);
        lowest = ats_latest_index(lowest, bars.low[i] <= of_26.lowest, h.low, of_26.lowest, i, 26);
        ats_extent want = scan(i, 26);
        uint32_t at_high = i, at_low = i;
        while (bars.high[at_high] != want.highest)
            at_high--;
        while (bars.low[at_low] != want.lowest)
            at_low--;
        cr_assert_eq(highest, at_high, "bar %u", i);
        cr_assert_eq(lowest, at_low, "bar %u", i);
    }
}

/* Whole numbers add up without rounding, so the sums are exact. */
Test(bar_history, sums_of_several_terms)
{
    typedef struct three_terms {
        double a, b, c;
    } three_terms;
    three_terms ring[ATS_ROLL] = {0}, sum = {0};
    static three_terms terms[BARS];
    ats_random random;
    ats_random_seed(&random, 4);
    for (uint32_t i = 0; i < BARS; i++) {
        terms[i] = (three_terms){(double)(ats_random_next(&random) % 1000),
                                 -(double)(ats_random_next(&random) % 1000), i};
        ATS_ROLL_UPDATE(ring, &sum, i, 20, &terms[i]);
        three_terms want = {0};
        for (uint32_t k = i + 1 > 20 ? i - 19 : 0; k <= i; k++) {
            want.a += terms[k].a;
            want.b += terms[k].b;
            want.c += terms[k].c;
        }
        cr_assert(sum.a == want.a && sum.b == want.b && sum.c == want.c, "bar %u", i);
    }
}
