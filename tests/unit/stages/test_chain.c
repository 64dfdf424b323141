/* Determinism of the whole chain: the same records give the same decisions, whatever the thread map,
 * burst and batch limit. */
#include "tests/unit/stages/chain_fixture.h"

#include "io/synth.h"

static ats_market *day;
static uint64_t day_count;
static ats_symbols day_symbols;

static void make_day(void)
{
    ats_synth *synth;
    ats_synth_options options = {.seed = 11,
                                 .symbols = 4,
                                 .venues = 3,
                                 .rate = 200,
                                 .start_ns = 1704205800ll * ATS_E9,
                                 .duration_ns = 900ll * ATS_E9,
                                 .volatility_bps = 200,
                                 .signal_permille = 300,
                                 .trade_permille = 150};
    cr_assert_eq(ats_synth_open(&synth, &options), 0, "%s", ats_error_line(0));
    day = malloc(400000 * sizeof *day);
    while (ats_synth_next(synth, &day[day_count]) == 1)
        day_count++;
    const ats_symbols *symbols = ats_synth_symbols(synth);
    for (uint32_t i = 1; i <= symbols->count; i++)
        cr_assert_neq(ats_symbols_add(&day_symbols, &symbols->entry[i]), 0);
    ats_synth_close(synth);
    cr_assert_gt(day_count, 10000);
}

static void set_threads(ats_run_config *c, const char *map)
{
    c->thread_count = 0;
    memset(c->threads, 0, sizeof c->threads);
    for (uint32_t stage = 0; map[stage]; stage++) {
        uint32_t thread = (uint32_t)(map[stage] - '0');
        ats_thread_config *t = &c->threads[thread];
        snprintf(t->name, sizeof t->name, "t%u", thread);
        t->cpu = ATS_CPU_ANY;
        t->wait = ATS_WAIT_YIELD;
        snprintf(t->stages[t->stage_count++], ATS_NAME_BYTES, "%s", ats_chain_stage_name(stage));
        if (c->thread_count <= thread)
            c->thread_count = thread + 1;
    }
}

Test(chain, decides_the_same_on_every_legal_thread_map, .init = make_day)
{
    /* Digits: the thread of feed, feature, infer, strategy, risk, route. */
    static const char *const MAPS[] = {"000000", "000111", "011111", "011000", "012333", "001222",
                                       "010222", "101000"};
    ats_run_config config = fixture_config();
    ats_chain_spec spec = {0};
    fixture_run first = fixture_go(&config, &spec, day, day_count, &day_symbols);
    cr_assert_gt(first.orders, 100, "the day must trade: %lu orders", first.orders);
    cr_assert_gt(first.fills, 100);
    cr_assert_gt(first.passed, 100);
    for (size_t i = 0; i < sizeof MAPS / sizeof MAPS[0]; i++) {
        ats_run_config c = fixture_config();
        set_threads(&c, MAPS[i]);
        for (uint32_t limit = 1; limit <= ATS_INFER_BATCH_MAX; limit *= 8) {
            c.batch_limit = limit;
            ats_chain_spec s = {.feed_burst = limit > ATS_BURST_MAX ? ATS_BURST_MAX : limit};
            fixture_run run = fixture_go(&c, &s, day, day_count, &day_symbols);
            cr_assert_str_eq(run.digest, first.digest, "map %s, batch %u: %s against %s",
                             MAPS[i], limit, run.digest, first.digest);
            cr_assert(run.equity_e18 == first.equity_e18);
        }
    }
}

Test(chain, another_tick_or_limit_gives_another_digest, .init = make_day)
{
    ats_run_config config = fixture_config();
    ats_chain_spec spec = {0};
    fixture_run first = fixture_go(&config, &spec, day, day_count, &day_symbols);
    fixture_run again = fixture_go(&config, &spec, day, day_count, &day_symbols);
    cr_assert_str_eq(first.digest, again.digest);
    config.limits.max_position_bps += 1;
    fixture_run limit = fixture_go(&config, &spec, day, day_count, &day_symbols);
    cr_assert_str_neq(first.digest, limit.digest);
    config.limits.max_position_bps -= 1;
    uint64_t middle = day_count / 2;
    while (day[middle].h.kind != ATS_KIND_QUOTE)
        middle++;
    /* One exchange's bid a cent below its own offer, in size: the best bid of that moment. */
    day[middle].quote.bid_e9 = day[middle].quote.ask_e9 - 10000000;
    day[middle].quote.bid_size_e9 = 100000 * ATS_E9;
    fixture_run tick = fixture_go(&config, &spec, day, day_count, &day_symbols);
    cr_assert_str_neq(first.digest, tick.digest);
}
