/* Determinism of the whole chain: the same records give the same decisions, whatever the thread
 * map, burst and batch limit. */
#include "tests/unit/stages/chain_run.h"

#include <criterion/criterion.h>

static ats_market *day;
static uint64_t day_count;
static ats_symbols day_symbols;

static void make_day(void)
{
    day = fixture_day(&day_count, &day_symbols);
    cr_assert_not_null(day, "%s", ats_error_line(0));
    cr_assert_gt(day_count, 10000);
}

/* A run that came to its end. */
static fixture_run go(const ats_run_config *config, uint32_t feed_burst)
{
    ats_chain_spec spec = {.feed_burst = feed_burst};
    fixture_run run = fixture_go(config, &spec, day, day_count, &day_symbols);
    cr_assert_eq(run.result, 0, "%s", ats_error_line(0));
    return run;
}

Test(chain, decides_the_same_on_every_legal_thread_map, .init = make_day)
{
    /* Digits: the thread of feed, feature, infer, strategy, risk, route. */
    static const char *const MAPS[] = {"000000", "000111", "011111", "011000",
                                       "012333", "001222", "010222", "101000"};
    ats_run_config config = fixture_config();
    fixture_run first = go(&config, 0);
    cr_assert_gt(first.orders, 100, "the day must trade: %lu orders", first.orders);
    cr_assert_gt(first.fills, 100);
    cr_assert_gt(first.passed, 100);
    for (size_t i = 0; i < sizeof MAPS / sizeof MAPS[0]; i++) {
        ats_run_config c = fixture_config();
        fixture_threads(&c, MAPS[i], ATS_WAIT_YIELD);
        for (uint32_t limit = 1; limit <= ATS_INFER_BATCH_MAX; limit *= 8) {
            c.batch_limit = limit;
            fixture_run run = go(&c, limit > ATS_BURST_MAX ? ATS_BURST_MAX : limit);
            cr_assert_str_eq(run.digest, first.digest, "map %s, batch %u: %s against %s", MAPS[i],
                             limit, run.digest, first.digest);
            cr_assert(run.equity_e18 == first.equity_e18);
        }
    }
}

Test(chain, another_tick_or_limit_gives_another_digest, .init = make_day)
{
    ats_run_config config = fixture_config();
    fixture_run first = go(&config, 0);
    fixture_run again = go(&config, 0);
    cr_assert_str_eq(first.digest, again.digest);
    config.limits.max_position_bps += 1;
    fixture_run limit = go(&config, 0);
    cr_assert_str_neq(first.digest, limit.digest);
    config.limits.max_position_bps -= 1;
    /* One exchange's bid raised to a cent below its own offer, in size. Not every such tick meets a
     * moment at which something is decided; many must. */
    int changed = 0;
    for (uint64_t k = 1; k <= 40; k++) {
        uint64_t at = day_count * k / 41;
        while (day[at].h.kind != ATS_KIND_QUOTE)
            at++;
        ats_market before = day[at];
        day[at].quote.bid_e9 = day[at].quote.ask_e9 - 10000000;
        day[at].quote.bid_size_e9 = 100000 * ATS_E9;
        changed += strcmp(go(&config, 0).digest, first.digest) != 0;
        day[at] = before;
    }
    cr_assert_geq(changed, 10, "%d of 40 ticks changed the digest", changed);
    cr_assert_str_eq(go(&config, 0).digest, first.digest, "and it is the ticks that did");
}
