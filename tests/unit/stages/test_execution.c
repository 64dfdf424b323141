#include "core/random.h"
#include "stages/strategy/execution.h"

#include <criterion/criterion.h>

#define CENT      10000000ll
#define SECOND    ATS_E9
#define NOW_NS    (1704205800ll * ATS_E9)
#define SHARES(n) ((n)*ATS_E9)

static const ats_execution_settings SETTINGS = {.urgent_bps = 7000,
                                                .impact_bps = 1000,
                                                .horizon_s = 600,
                                                .cross_bps = 2,
                                                .offset_bps = 5,
                                                .timeout_ms = 60000,
                                                .accept_partial_bps = 8000,
                                                .entry_attempts = 2,
                                                .exit_attempts = 3,
                                                .twap_duration_s = 600,
                                                .twap_slices = 10,
                                                .iceberg_display_bps = 2000,
                                                .slice_interval_s = 30,
                                                .participation_bps = 1000,
                                                .peg_interval_ms = 1000};

static const ats_execution_market MARKET = {.bid_e9 = 10000 * CENT,
                                            .ask_e9 = 10004 * CENT,
                                            .price_e9 = 10002 * CENT,
                                            .tick_e9 = CENT,
                                            .lot_e9 = ATS_E9,
                                            .variance_per_s = 0,
                                            .volume_per_s = 100e9,
                                            .open = true};

static ats_parent buy(int64_t shares, double urgency, uint8_t algorithm)
{
    return (ats_parent){.id = 1,
                        .qty_e9 = SHARES(shares),
                        .start_ns = NOW_NS,
                        .urgency = urgency,
                        .side = ATS_SIDE_BUY,
                        .algorithm = algorithm};
}

static ats_step step(const ats_parent *p, const ats_execution_market *m, int64_t now_ns)
{
    return ats_execution_step(&SETTINGS, p, m, now_ns);
}

Test(execution, the_algorithm_follows_impact_and_urgency)
{
    /* 100 shares a second for 600 s are 60,000 expected; a tenth of them is the limit. */
    cr_expect_eq(ats_execution_choose(&SETTINGS, &MARKET, SHARES(6000), 1), ATS_ALGORITHM_DIRECT);
    cr_expect_eq(ats_execution_choose(&SETTINGS, &MARKET, SHARES(6001), 0.71), ATS_ALGORITHM_TWAP);
    cr_expect_eq(ats_execution_choose(&SETTINGS, &MARKET, SHARES(6001), 0.7),
                 ATS_ALGORITHM_ICEBERG);
    ats_execution_market bars = MARKET;
    bars.bid_e9 = bars.ask_e9 = 0;
    cr_expect_eq(ats_execution_choose(&SETTINGS, &bars, SHARES(60000), 1), ATS_ALGORITHM_DIRECT);
    ats_execution_settings forced = SETTINGS;
    forced.algorithm = ATS_ALGORITHM_PEG;
    cr_expect_eq(ats_execution_choose(&forced, &MARKET, SHARES(1), 1), ATS_ALGORITHM_PEG);
}

Test(execution, urgent_orders_cross_and_do_not_wait)
{
    ats_parent p = buy(100, 1, ATS_ALGORITHM_DIRECT);
    ats_step s = step(&p, &MARKET, NOW_NS);
    cr_expect_eq(s.kind, ATS_STEP_SEND);
    cr_expect_eq(s.qty_e9, SHARES(100));
    cr_expect_eq(s.limit_e9, 10007 * CENT); /* 2 bps of 100.04 are 2.0008 cents; the tick above */
    cr_expect_eq(s.tif, ATS_TIF_IOC);
    p.side = ATS_SIDE_SELL;
    cr_expect_eq(step(&p, &MARKET, NOW_NS).limit_e9, 9998 * CENT); /* 2 bps of 100 are 2 cents */
    p.cap_e9 = 9999 * CENT;
    cr_expect_eq(step(&p, &MARKET, NOW_NS).limit_e9, 9999 * CENT);
}

Test(execution, patient_orders_rest_inside_the_mid_then_at_the_touch_then_cross)
{
    ats_parent p = buy(100, 0.5, ATS_ALGORITHM_DIRECT);
    p.exit = true; /* three attempts */
    ats_step s = step(&p, &MARKET, NOW_NS);
    cr_expect_eq(s.limit_e9, 9996 * CENT); /* 5 bps of 100.02 are 5.001 cents */
    cr_expect_eq(s.tif, ATS_TIF_DAY);
    cr_expect_eq(s.next_ns, NOW_NS + 60 * SECOND);
    p.attempt = 1;
    cr_expect_eq(step(&p, &MARKET, NOW_NS).limit_e9, 10000 * CENT);
    p.attempt = 2;
    cr_expect_eq(step(&p, &MARKET, NOW_NS).tif, ATS_TIF_IOC);
    p.attempt = 3;
    s = step(&p, &MARKET, NOW_NS);
    cr_expect_eq(s.limit_e9, 0, "an exit ends in a market order");
    p.exit = false;
    cr_expect_eq(step(&p, &MARKET, NOW_NS).kind, ATS_STEP_DONE, "an entry is given up");
    /* Where the market hardly moves within the time-out the limit comes nearer:
     * half of sqrt(60 * 1e-10) is 3.87e-5, of 100.02 0.39 cents. */
    ats_execution_market calm = MARKET;
    calm.variance_per_s = 1e-10;
    p = buy(100, 0.5, ATS_ALGORITHM_DIRECT);
    cr_expect_eq(step(&p, &calm, NOW_NS).limit_e9, 10001 * CENT);
}

Test(execution, a_child_is_cancelled_at_its_time_out_and_once)
{
    ats_parent p = buy(100, 0.5, ATS_ALGORITHM_DIRECT);
    p.child = 7;
    p.attempt = 1;
    p.child_sent_ns = NOW_NS;
    p.child_left_e9 = SHARES(100);
    ats_step s = step(&p, &MARKET, NOW_NS + 60 * SECOND - 1);
    cr_expect_eq(s.kind, ATS_STEP_WAIT);
    cr_expect_eq(s.next_ns, NOW_NS + 60 * SECOND);
    cr_expect_eq(step(&p, &MARKET, NOW_NS + 60 * SECOND).kind, ATS_STEP_CANCEL);
    p.child_leaving = true;
    cr_expect_eq(step(&p, &MARKET, NOW_NS + 61 * SECOND).kind, ATS_STEP_WAIT);
}

Test(execution, four_fifths_filled_are_enough_for_an_entry_and_not_for_an_exit)
{
    ats_parent p = buy(100, 0.5, ATS_ALGORITHM_DIRECT);
    p.attempt = 1;
    p.filled_e9 = SHARES(80);
    cr_expect_eq(step(&p, &MARKET, NOW_NS).kind, ATS_STEP_DONE);
    p.filled_e9 = SHARES(79);
    cr_expect_eq(step(&p, &MARKET, NOW_NS).kind, ATS_STEP_SEND);
    p.filled_e9 = SHARES(99);
    p.exit = true;
    cr_expect_eq(step(&p, &MARKET, NOW_NS).qty_e9, SHARES(1));
}

Test(execution, decided_in_a_shut_market_is_for_its_opening)
{
    ats_execution_market shut = MARKET;
    shut.open = false;
    shut.bid_e9 = shut.ask_e9 = 0;
    ats_parent p = buy(100, 1, ATS_ALGORITHM_DIRECT);
    ats_step s = step(&p, &shut, NOW_NS);
    cr_expect_eq(s.tif, ATS_TIF_OPG);
    cr_expect_eq(s.limit_e9, 0);
    p.child = 7;
    p.child_sent_ns = NOW_NS;
    cr_expect_eq(step(&p, &shut, NOW_NS + 3600 * SECOND).kind, ATS_STEP_WAIT, "it waits for it");
}

Test(execution, a_peg_follows_the_touch_no_faster_than_its_interval)
{
    ats_parent p = buy(100, 0, ATS_ALGORITHM_PEG);
    cr_expect_eq(step(&p, &MARKET, NOW_NS).limit_e9, 10000 * CENT);
    p.child = 7;
    p.attempt = 1;
    p.child_sent_ns = NOW_NS;
    p.child_left_e9 = SHARES(100);
    p.child_limit_e9 = 10000 * CENT;
    ats_execution_market moved = MARKET;
    moved.bid_e9 += CENT;
    ats_step s = step(&p, &moved, NOW_NS + SECOND - 1);
    cr_expect_eq(s.kind, ATS_STEP_WAIT);
    cr_expect_eq(s.next_ns, NOW_NS + SECOND);
    s = step(&p, &moved, NOW_NS + SECOND);
    cr_expect_eq(s.kind, ATS_STEP_REPLACE);
    cr_expect_eq(s.limit_e9, 10001 * CENT);
    cr_expect_eq(step(&p, &moved, NOW_NS + 60 * SECOND).kind, ATS_STEP_CANCEL);
}

/* Plays a parent against a market that fills its children in part, in whole or not at all, until it
 * is done; checks what must hold at every step. Returns the quantity filled. */
static int64_t play(ats_random *r, ats_parent *p, uint32_t *children)
{
    int64_t now_ns = NOW_NS;
    *children = 0;
    for (uint32_t turn = 0; turn < 20000; turn++) {
        ats_step s = step(p, &MARKET, now_ns);
        if (s.kind == ATS_STEP_DONE)
            return p->filled_e9;
        if (s.kind == ATS_STEP_SEND) {
            cr_assert_eq(p->child, 0, "one child at a time");
            cr_assert(s.qty_e9 > 0 && p->filled_e9 + s.qty_e9 <= p->qty_e9,
                      "never more than asked");
            cr_assert(s.qty_e9 % ATS_E9 == 0 || s.qty_e9 == p->qty_e9 - p->filled_e9, "whole lots");
            cr_assert(s.limit_e9 % CENT == 0);
            p->child = ++*children;
            p->child_left_e9 = s.qty_e9;
            p->child_limit_e9 = s.limit_e9;
            p->child_sent_ns = now_ns;
            p->child_tif = s.tif;
            p->attempt++;
        } else if (s.kind == ATS_STEP_REPLACE) {
            p->child_limit_e9 = s.limit_e9;
            p->child_sent_ns = now_ns;
        }
        bool ends = s.kind == ATS_STEP_CANCEL || p->child_tif == ATS_TIF_IOC || !s.limit_e9;
        if (p->child) {
            int64_t part = p->child_left_e9 / ATS_E9;
            bool market = p->child_limit_e9 == 0;
            int64_t fill = market ? part : (int64_t)ats_random_below(r, (uint64_t)part + 1);
            if (market || ats_random_below(r, 3) == 0) {
                p->filled_e9 += SHARES(fill);
                p->child_left_e9 -= SHARES(fill);
            }
            if (p->child_left_e9 == 0 || ends)
                p->child = 0;
        }
        now_ns += 1 + (int64_t)ats_random_below(r, 20ull * SECOND);
    }
    cr_assert(false, "algorithm %s never ends", ats_algorithm_label(p->algorithm));
    return 0;
}

Test(execution, every_algorithm_ends_and_never_passes_its_parent)
{
    ats_random r;
    ats_random_seed(&r, 5);
    for (uint32_t round = 0; round < 3000; round++) {
        uint8_t algorithm = (uint8_t)(1 + ats_random_below(&r, ATS_ALGORITHM_COUNT - 1));
        ats_parent p = buy(1 + (int64_t)ats_random_below(&r, 5000),
                           (double)ats_random_below(&r, 101) / 100, algorithm);
        p.exit = ats_random_below(&r, 2);
        p.side = ats_random_below(&r, 2) ? ATS_SIDE_BUY : ATS_SIDE_SELL;
        uint32_t children;
        int64_t filled = play(&r, &p, &children);
        cr_assert_leq(filled, p.qty_e9);
        if (p.exit)
            cr_assert_eq(filled, p.qty_e9, "an exit ends whole");
    }
}

Test(execution, a_twap_sends_equal_parts_at_equal_times)
{
    ats_parent p = buy(1000, 1, ATS_ALGORITHM_TWAP);
    for (int64_t slice = 0; slice < 10; slice++) {
        int64_t now_ns = NOW_NS + slice * 60 * SECOND;
        ats_step s = step(&p, &MARKET, now_ns);
        cr_expect_eq(s.kind, ATS_STEP_SEND, "slice %lld", (long long)slice);
        cr_expect_eq(s.qty_e9, SHARES(100));
        p.attempt++;
        p.child_sent_ns = now_ns;
        p.child_tif = s.tif;
        p.filled_e9 += s.qty_e9;
        p.child_left_e9 = 0;
        ats_step next = step(&p, &MARKET, now_ns + SECOND);
        if (slice < 9)
            cr_expect_eq(next.next_ns, now_ns + 60 * SECOND);
    }
    cr_expect_eq(step(&p, &MARKET, NOW_NS + 600 * SECOND).kind, ATS_STEP_DONE);
}

Test(execution, an_iceberg_shows_a_fifth)
{
    ats_parent p = buy(1000, 0, ATS_ALGORITHM_ICEBERG);
    ats_step s = step(&p, &MARKET, NOW_NS);
    cr_expect_eq(s.qty_e9, SHARES(200));
    cr_expect_eq(s.limit_e9, 10000 * CENT);
}

Test(execution, a_slice_is_a_share_of_the_volume_expected)
{
    ats_parent p = buy(5000, 1, ATS_ALGORITHM_SLICE);
    ats_step s = step(&p, &MARKET, NOW_NS);
    cr_expect_eq(s.qty_e9, SHARES(300)); /* a tenth of 100 a second for 30 s */
    cr_expect_eq(s.tif, ATS_TIF_IOC);
    p.attempt = 1;
    p.child_sent_ns = NOW_NS;
    s = step(&p, &MARKET, NOW_NS + SECOND);
    cr_expect_eq(s.kind, ATS_STEP_WAIT);
    cr_expect_eq(s.next_ns, NOW_NS + 30 * SECOND);
}
