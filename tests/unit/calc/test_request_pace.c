#include "calc/backoff.h"
#include "calc/circuit_breaker.h"
#include "calc/token_bucket.h"

#include <criterion/criterion.h>
#include <math.h>

/* ---- token bucket --------------------------------------------------------------------------- */

/* Against the definition in floating point: level = min(burst, level + elapsed / interval). */
Test(token_bucket, agrees_with_its_definition)
{
    ats_random random;
    ats_random_seed(&random, 1);
    uint32_t refused = 0;
    for (int round = 0; round < 200; round++) {
        uint64_t burst = 1 + ats_random_below(&random, 200);
        uint64_t interval = 1 + ats_random_below(&random, 1000000);
        uint64_t now = ats_random_below(&random, 1u << 30);
        ats_token_bucket b;
        ats_token_bucket_start(&b, burst, interval, now);
        double level = (double)burst;
        uint32_t taken = 0;
        for (int step = 0; step < 2000; step++) {
            uint64_t elapsed = ats_random_below(&random, interval + interval / 2 + 1);
            now += elapsed;
            level = fmin((double)burst, level + (double)elapsed / (double)interval);
            if (step % 97 == 0) {
                uint64_t remaining = ats_random_below(&random, burst + 1);
                ats_token_bucket_learn(&b, now, remaining, 0);
                if ((double)remaining < floor(level + 1e-9))
                    level = (double)remaining;
            }
            if (fabs(level - 1) < 1e-6)
                continue; /* the reference cannot tell */
            uint64_t wait = ats_token_bucket_wait_ns(&b, now);
            cr_assert_eq(wait == 0, level > 1, "level %f", level);
            bool took = ats_token_bucket_take(&b, now);
            cr_assert_eq(took, level > 1);
            level -= took;
            taken += took;
            refused += !took;
            if (!took) {
                ats_token_bucket later = b;
                cr_assert_not(ats_token_bucket_take(&later, now + wait - 1));
                cr_assert(ats_token_bucket_take(&later, now + wait), "after the wait it told");
            }
        }
        cr_assert_gt(taken, 0);
    }
    cr_expect_gt(refused, 10000);
}

Test(token_bucket, never_more_than_the_burst_and_the_rate_in_any_window)
{
    ats_token_bucket b;
    ats_token_bucket_start(&b, 200, 300000000, 0); /* 200 a minute */
    uint32_t taken = 0;
    for (uint64_t now = 0; now < 60000000000ull; now += 1000000)
        taken += ats_token_bucket_take(&b, now);
    cr_expect_eq(taken, 200 + 199);
}

Test(token_bucket, the_servers_count_takes_away_and_never_adds)
{
    ats_token_bucket b;
    ats_token_bucket_start(&b, 10, 1000, 5000);
    ats_token_bucket_learn(&b, 5000, 1000, 0);
    for (int i = 0; i < 10; i++)
        cr_expect(ats_token_bucket_take(&b, 5000));
    cr_expect_not(ats_token_bucket_take(&b, 5000), "no more than the burst, whatever it says");
    ats_token_bucket_learn(&b, 5000, 10, 0);
    cr_expect_not(ats_token_bucket_take(&b, 5000));
    ats_token_bucket_learn(&b, 20000, 0, 90000);
    cr_expect_eq(ats_token_bucket_wait_ns(&b, 20000), 70000, "none until the reset");
    cr_expect_not(ats_token_bucket_take(&b, 89999));
    cr_expect(ats_token_bucket_take(&b, 90000));
}

/* ---- back-off ------------------------------------------------------------------------------- */

Test(backoff, doubles_to_its_longest_within_half_and_all)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        ats_backoff b, same;
        ats_backoff_start(&b, 100, 5000, seed);
        ats_backoff_start(&same, 100, 5000, seed);
        static const uint64_t all[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
        for (int i = 0; i < 9; i++) {
            uint64_t wait = ats_backoff_next_ns(&b);
            cr_assert_leq(wait, all[i]);
            cr_assert_geq(wait, all[i] / 2);
            cr_assert_eq(wait, ats_backoff_next_ns(&same), "the same seed, the same waits");
        }
        ats_backoff_succeeded(&b);
        cr_assert_leq(ats_backoff_next_ns(&b), 100);
    }
}

Test(backoff, its_jitter_is_spread_over_all_of_the_half)
{
    uint32_t cells[10] = {0};
    for (uint64_t seed = 0; seed < 20000; seed++) {
        ats_backoff b;
        ats_backoff_start(&b, 2000, 2000, seed);
        uint64_t wait = ats_backoff_next_ns(&b);
        cells[wait == 2000 ? 9 : (wait - 1000) / 100]++;
    }
    for (int i = 0; i < 10; i++) /* 2,000 each; 42 is one standard deviation */
        cr_expect(cells[i] > 1780 && cells[i] < 2220, "cell %d: %u", i, cells[i]);
}

/* ---- circuit breaker ------------------------------------------------------------------------ */

Test(circuit_breaker, opens_probes_and_closes)
{
    ats_circuit_breaker c;
    ats_circuit_breaker_start(&c, 3, 1000, 8000, 7);
    ats_circuit_breaker_failed(&c, 0);
    ats_circuit_breaker_failed(&c, 0);
    ats_circuit_breaker_succeeded(&c);
    ats_circuit_breaker_failed(&c, 0);
    ats_circuit_breaker_failed(&c, 0);
    cr_expect(ats_circuit_breaker_allows(&c, 0), "two in a row are not three");
    ats_circuit_breaker_failed(&c, 10);
    cr_expect_eq(c.state, ATS_CIRCUIT_OPEN);
    cr_expect_not(ats_circuit_breaker_allows(&c, 10 + 499));
    ats_circuit_breaker_succeeded(&c);
    cr_expect_eq(c.state, ATS_CIRCUIT_OPEN, "an answer from before does not close it");
    cr_expect(ats_circuit_breaker_allows(&c, 10 + 1000), "one may try");
    cr_expect_eq(c.state, ATS_CIRCUIT_HALF_OPEN);
    cr_expect_not(ats_circuit_breaker_allows(&c, 1000000), "and no other");
    ats_circuit_breaker_failed(&c, 2000);
    cr_expect_eq(c.state, ATS_CIRCUIT_OPEN);
    cr_expect_not(ats_circuit_breaker_allows(&c, 2000 + 999), "longer than the first time");
    cr_expect(ats_circuit_breaker_allows(&c, 2000 + 2000));
    ats_circuit_breaker_succeeded(&c);
    cr_expect_eq(c.state, ATS_CIRCUIT_CLOSED);
    cr_expect(ats_circuit_breaker_allows(&c, 4001) && ats_circuit_breaker_allows(&c, 4001));
    for (int i = 0; i < 3; i++)
        ats_circuit_breaker_failed(&c, 5000);
    cr_expect(ats_circuit_breaker_allows(&c, 6000), "the waits begin anew after a success");
}
