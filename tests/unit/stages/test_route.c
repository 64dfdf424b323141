/* The route stage alone: what is journaled and when, the kill switch, the end of a run, and what a
 * full journal or output holds up. */
#include "tests/unit/stages/stage_fixture.h"

#include "calc/order_state.h"
#include "stages/route/route.h"

#include <stdio.h>
#include <unistd.h>

#define E9   ATS_E9
#define CENT 10000000ll
#define SEC  ATS_E9
#define NOW  (1704205800ll * SEC)
#define OUT  150000ll /* latency of an order and of an answer */
#define BACK 250000ll

enum { CHAIN = 0, FEEDBACK = 0, TAP = 1 };

static stage_fixture fixture;
static ats_route_config config;
static ats_journal journal;
static char directory[64];
static uint64_t event_seq, orders, journal_read;

static void open_with(uint64_t journal_capacity, uint32_t order_capacity)
{
    stage_fixture_symbol(&fixture, "AAA", CENT, E9);
    stage_fixture_symbol(&fixture, "BBB", CENT, E9);
    stage_fixture_context(&fixture);
    snprintf(directory, sizeof directory, "/tmp/ats-test-route-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(ats_journal_create(&journal, directory, "route", journal_capacity), 0);
    config = (ats_route_config){.context = &fixture.context,
                                .journal = &journal,
                                .venue = {.seed = 1,
                                          .out_base_ns = OUT,
                                          .back_base_ns = BACK,
                                          .order_capacity = order_capacity,
                                          .symbol_count = 2}};
    cr_assert_eq(stage_fixture_start(&fixture, &ats_stage_route, &config, 256, 64), 0);
    event_seq = orders = journal_read = 0;
}

static void close_route(void)
{
    ats_journal_close(&journal, true);
    rmdir(directory);
    stage_fixture_close(&fixture);
}

TestSuite(route, .fini = close_route);

/* Both sides show this many shares, at 100.00 and 100.01. */
static void quote(int64_t shares, int64_t at_ns)
{
    ats_market m = {.quote = {.h = {.kind = ATS_KIND_QUOTE,
                                    .symbol_id = 1,
                                    .event_seq = ++event_seq,
                                    .recv_ns = at_ns},
                              .bid_e9 = 100 * E9,
                              .ask_e9 = 100 * E9 + CENT,
                              .bid_size_e9 = shares * E9,
                              .ask_size_e9 = shares * E9}};
    stage_fixture_put(&fixture, CHAIN, &m);
    cr_assert_eq(stage_fixture_work(&fixture), 1);
}

static ats_order buy(int64_t shares, int64_t limit_e9, uint8_t tif, int64_t at_ns)
{
    return (ats_order){.h = {.kind = ATS_KIND_ORDER, .symbol_id = 1, .sub = 2, .recv_ns = at_ns},
                       .order_id = ++orders,
                       .qty_e9 = shares * E9,
                       .limit_e9 = limit_e9,
                       .account_id = 7,
                       .strategy_id = 3,
                       .reason = ATS_REASON_ENTRY_LONG,
                       .action = ATS_INTENT_NEW,
                       .side = ATS_SIDE_BUY,
                       .type = ATS_ORDER_LIMIT,
                       .tif = tif};
}

/* An order that finds the offer, and one that rests below it. */
static ats_order crossing(int64_t shares, int64_t at_ns)
{
    return buy(shares, 101 * E9, ATS_TIF_IOC, at_ns);
}

static ats_order resting(int64_t at_ns)
{
    return buy(1, 90 * E9, ATS_TIF_DAY, at_ns);
}

static ats_order cancel_of(uint64_t target, int64_t at_ns)
{
    ats_order o = resting(at_ns);
    o.action = ATS_INTENT_CANCEL;
    o.target_order_id = target;
    return o;
}

static uint32_t give(ats_order o)
{
    stage_fixture_put(&fixture, CHAIN, &o);
    return stage_fixture_work(&fixture);
}

/* Does all that falls due up to a moment, as the group does. */
static void run_until(int64_t at_ns)
{
    while (ats_stage_route.next_due(fixture.state) <= at_ns)
        cr_assert_eq(ats_stage_route.run_due(fixture.state, &fixture.io), 1);
}

/* The next journal entry must be whole, in number, of this order and this step. */
static const ats_journal_entry *expect_journal(uint64_t order_id, uint8_t event, uint8_t state)
{
    cr_assert_lt(journal_read, journal.header->head, "the journal has no entry %s",
                 ats_order_event_label(event));
    const ats_journal_entry *e = &journal.entries[journal_read & journal.mask];
    cr_assert(ats_journal_entry_is_whole(e, ++journal_read));
    cr_assert_eq(e->order_id, order_id);
    cr_assert_eq(e->event, event, "%s, not %s", ats_order_event_label(e->event),
                 ats_order_event_label(event));
    cr_assert_eq(e->state, state, "%s, not %s", ats_order_state_label(e->state),
                 ats_order_state_label(state));
    cr_assert_eq(e->after_seq, event_seq);
    return e;
}

static void expect_journal_over(void)
{
    cr_assert_eq(journal.header->head, journal_read);
}

/* The next EXEC, the same on feedback and tap. */
static const ats_exec *expect_exec(uint64_t order_id, uint32_t type, uint8_t state)
{
    ats_exec tapped;
    const ats_exec *x = stage_fixture_take(&fixture, TAP);
    cr_assert_not_null(x);
    memcpy(&tapped, x, sizeof tapped);
    x = stage_fixture_take(&fixture, FEEDBACK);
    cr_assert_not_null(x);
    cr_assert(!memcmp(x, &tapped, sizeof tapped));
    cr_assert_eq(x->h.kind, ATS_KIND_EXEC);
    cr_assert_eq(x->order_id, order_id);
    cr_assert_eq(x->type, type, "%s, not %s", ats_exec_type_label(x->type),
                 ats_exec_type_label(type));
    cr_assert_eq(x->order_state, state, "%s, not %s", ats_order_state_label(x->order_state),
                 ats_order_state_label(state));
    cr_assert_eq(x->after_seq, event_seq);
    return x;
}

static void expect_order_tapped(uint64_t order_id)
{
    const ats_order *o = stage_fixture_take(&fixture, TAP);
    cr_assert(o && o->h.kind == ATS_KIND_ORDER && o->order_id == order_id);
}

/* A kill has nothing left to cancel, and asked for this many. */
static void expect_kill_done(int64_t asked)
{
    const ats_env *env = stage_fixture_take(&fixture, TAP);
    cr_assert_not_null(env);
    cr_assert_eq(env->h.kind, ATS_KIND_ENV);
    cr_assert_eq(env->code, ATS_ENV_KILL_DONE);
    cr_assert_eq(env->value, asked);
}

static void expect_quiet(void)
{
    expect_journal_over();
    cr_assert_null(stage_fixture_take(&fixture, FEEDBACK));
    cr_assert_null(stage_fixture_take(&fixture, TAP));
}

/* ---- an order's life ------------------------------------------------------------------------ */

Test(route, journals_the_order_before_it_is_sent_and_each_answer_with_it)
{
    open_with(64, 16);
    quote(100, NOW);
    cr_assert_eq(give(crossing(10, NOW)), 1);
    const ats_journal_entry *e = expect_journal(1, ATS_EVENT_JOURNALED, ATS_ORDER_JOURNALED);
    cr_assert_eq(e->qty_e9, 10 * E9);
    cr_assert_eq(e->limit_e9, 101 * E9);
    cr_assert_eq(e->instrument_key, fixture.symbols.entry[1].key);
    cr_assert_eq(e->recv_ns, NOW);
    cr_assert_eq(e->side, ATS_SIDE_BUY);
    cr_assert_eq(e->tif, ATS_TIF_IOC);
    cr_assert_eq(e->account_id, 7);
    cr_assert_eq(e->exec_id, 0, "our own step");
    expect_journal(1, ATS_EVENT_SENT, ATS_ORDER_SENT);
    expect_order_tapped(1);
    expect_quiet();
    cr_assert_eq(fixture.context.metrics->route.orders_open, 1);
    cr_assert_eq(ats_stage_route.next_due(fixture.state), NOW + OUT);
    run_until(NOW + OUT + BACK - 1);
    expect_quiet();
    run_until(NOW + OUT + BACK);
    e = expect_journal(1, ATS_EVENT_ACCEPTED, ATS_ORDER_ACCEPTED);
    cr_assert_eq(e->recv_ns, NOW + OUT + BACK);
    uint64_t first_exec = e->exec_id;
    e = expect_journal(1, ATS_EVENT_FULL_FILL, ATS_ORDER_FILLED);
    cr_assert_gt(e->exec_id, first_exec);
    cr_assert_eq(e->last_qty_e9, 10 * E9);
    cr_assert_eq(e->last_px_e9, 100 * E9 + CENT);
    cr_assert_eq(e->cum_qty_e9, 10 * E9);
    expect_exec(1, ATS_EXEC_ACCEPTED, ATS_ORDER_ACCEPTED);
    const ats_exec *x = expect_exec(1, ATS_EXEC_FILL, ATS_ORDER_FILLED);
    cr_assert_eq(x->leaves_qty_e9, 0);
    cr_assert_eq(x->reason, ATS_REASON_ENTRY_LONG);
    expect_quiet();
    cr_assert_eq(fixture.context.metrics->route.orders_open, 0);
    cr_assert_eq(fixture.context.metrics->route.orders, 1);
    cr_assert_eq(fixture.context.metrics->route.fills, 1);
    cr_assert_eq(fixture.context.metrics->route.journal_bytes, 4 * sizeof *e);
}

Test(route, an_order_larger_than_the_market_fills_in_part_and_ends)
{
    open_with(64, 16);
    quote(4, NOW);
    give(crossing(10, NOW));
    run_until(NOW + SEC);
    expect_journal(1, ATS_EVENT_JOURNALED, ATS_ORDER_JOURNALED);
    expect_journal(1, ATS_EVENT_SENT, ATS_ORDER_SENT);
    expect_journal(1, ATS_EVENT_ACCEPTED, ATS_ORDER_ACCEPTED);
    expect_journal(1, ATS_EVENT_PARTIAL_FILL, ATS_ORDER_PARTIAL);
    expect_journal(1, ATS_EVENT_CANCELED, ATS_ORDER_CANCELED);
    expect_order_tapped(1);
    expect_exec(1, ATS_EXEC_ACCEPTED, ATS_ORDER_ACCEPTED);
    cr_assert_eq(expect_exec(1, ATS_EXEC_FILL, ATS_ORDER_PARTIAL)->leaves_qty_e9, 6 * E9);
    expect_exec(1, ATS_EXEC_CANCELED, ATS_ORDER_CANCELED);
    expect_quiet();
    cr_assert_eq(fixture.context.metrics->route.orders_open, 0);
}

Test(route, a_cancel_is_journaled_and_one_that_comes_too_late_harms_nothing)
{
    open_with(64, 16);
    quote(100, NOW);
    give(resting(NOW));
    run_until(NOW + SEC);
    give(cancel_of(1, NOW + SEC));
    give(cancel_of(1, NOW + SEC));
    run_until(NOW + 2 * SEC);
    expect_journal(1, ATS_EVENT_JOURNALED, ATS_ORDER_JOURNALED);
    expect_journal(1, ATS_EVENT_SENT, ATS_ORDER_SENT);
    expect_journal(1, ATS_EVENT_ACCEPTED, ATS_ORDER_ACCEPTED);
    expect_journal(2, ATS_EVENT_CANCEL_SENT, ATS_ORDER_PENDING_CANCEL);
    expect_journal(3, ATS_EVENT_CANCEL_SENT, ATS_ORDER_PENDING_CANCEL);
    expect_journal(1, ATS_EVENT_CANCELED, ATS_ORDER_CANCELED);
    const ats_journal_entry *e = &journal.entries[journal_read++];
    cr_assert_eq(e->event, ATS_EVENT_CANCEL_REJECTED);
    cr_assert_eq(e->transition, ATS_TRANSITION_STALE);
    expect_order_tapped(1);
    expect_exec(1, ATS_EXEC_ACCEPTED, ATS_ORDER_ACCEPTED);
    expect_order_tapped(2);
    expect_order_tapped(3);
    expect_exec(1, ATS_EXEC_CANCELED, ATS_ORDER_CANCELED);
    expect_quiet();
    cr_assert_eq(fixture.context.metrics->route.cancels, 2);
    cr_assert_eq(fixture.context.metrics->route.executions_duplicate, 1);
    cr_assert_eq(fixture.context.metrics->route.executions_unknown, 0);
    cr_assert_eq(fixture.context.switches->kill, 0);
}

/* ---- what does not leave -------------------------------------------------------------------- */

Test(route, a_killed_order_is_journaled_answered_and_never_sent)
{
    open_with(64, 16);
    quote(100, NOW);
    fixture.context.switches->kill = 1;
    cr_assert_eq(give(crossing(10, NOW)), 1);
    expect_journal(1, ATS_EVENT_JOURNALED, ATS_ORDER_JOURNALED);
    expect_journal(1, ATS_EVENT_REJECTED, ATS_ORDER_REJECTED);
    const ats_exec *x = expect_exec(1, ATS_EXEC_REJECTED, ATS_ORDER_REJECTED);
    cr_assert_eq(x->check, ATS_CHECK_KILLED);
    cr_assert_eq(x->reason, ATS_REASON_ENTRY_LONG);
    cr_assert_eq(x->h.symbol_id, 1);
    cr_assert_eq(x->h.recv_ns, NOW);
    expect_kill_done(0);
    expect_quiet();
    cr_assert_eq(ats_stage_route.next_due(fixture.state), INT64_MAX, "nothing at the venue");
    cr_assert_eq(fixture.context.metrics->route.orders, 0);
    cr_assert_eq(fixture.context.metrics->route.orders_open, 0);
    cr_assert_eq(fixture.context.metrics->route.rejects, 1);
}

Test(route, a_cancel_passes_the_kill_switch)
{
    open_with(64, 16);
    quote(100, NOW);
    give(resting(NOW));
    run_until(NOW + SEC);
    fixture.context.switches->kill = 1;
    give(cancel_of(1, NOW + SEC));
    run_until(NOW + 2 * SEC);
    journal_read = 3; /* journaled, sent, accepted */
    expect_journal(2, ATS_EVENT_CANCEL_SENT, ATS_ORDER_PENDING_CANCEL);
    expect_journal(1, ATS_EVENT_CANCELED, ATS_ORDER_CANCELED);
    expect_order_tapped(1);
    expect_exec(1, ATS_EXEC_ACCEPTED, ATS_ORDER_ACCEPTED);
    expect_order_tapped(2);
    expect_exec(1, ATS_EXEC_CANCELED, ATS_ORDER_CANCELED);
    expect_quiet();
}

Test(route, an_order_that_the_venue_has_no_room_for_is_refused_not_kept_waiting)
{
    open_with(256, 16);
    quote(100, NOW);
    for (int i = 0; i < 64; i++) { /* eight actions an order, half of them for answers */
        cr_assert_eq(give(i < 16 ? resting(NOW) : cancel_of(1, NOW)), 1);
        expect_order_tapped((uint64_t)i + 1);
    }
    journal_read = journal.header->head;
    cr_assert_eq(give(crossing(1, NOW)), 1);
    expect_journal(65, ATS_EVENT_JOURNALED, ATS_ORDER_JOURNALED);
    expect_journal(65, ATS_EVENT_REJECTED, ATS_ORDER_REJECTED);
    cr_assert_eq(expect_exec(65, ATS_EXEC_REJECTED, ATS_ORDER_REJECTED)->check,
                 ATS_CHECK_ORDER_TABLE_FULL);
    expect_quiet();
}

/* ---- the end -------------------------------------------------------------------------------- */

static void put_end(int64_t at_ns)
{
    ats_market end = {.h = {.kind = ATS_KIND_END, .event_seq = ++event_seq, .recv_ns = at_ns}};
    stage_fixture_put(&fixture, CHAIN, &end);
}

static void expect_end(void)
{
    const ats_market *m = stage_fixture_take(&fixture, FEEDBACK);
    cr_assert(m && m->h.kind == ATS_KIND_END && m->h.event_seq == event_seq);
    m = stage_fixture_take(&fixture, TAP);
    cr_assert(m && m->h.kind == ATS_KIND_END && m->h.event_seq == event_seq);
    expect_quiet();
}

Test(route, the_end_expires_what_rests_and_then_ends_both_outputs)
{
    open_with(64, 16);
    quote(100, NOW);
    give(resting(NOW));
    ats_order other = resting(NOW);
    other.h.symbol_id = 2;
    give(other);
    run_until(NOW + SEC);
    journal_read = 6;
    put_end(NOW + 2 * SEC);
    stage_fixture_work(&fixture);
    cr_assert(fixture.io.ended);
    cr_assert_eq(expect_journal(1, ATS_EVENT_EXPIRED, ATS_ORDER_EXPIRED)->recv_ns, NOW + 2 * SEC);
    expect_journal(2, ATS_EVENT_EXPIRED, ATS_ORDER_EXPIRED);
    expect_order_tapped(1);
    expect_order_tapped(2);
    event_seq--; /* the acceptances came before END */
    expect_exec(1, ATS_EXEC_ACCEPTED, ATS_ORDER_ACCEPTED);
    expect_exec(2, ATS_EXEC_ACCEPTED, ATS_ORDER_ACCEPTED);
    event_seq++;
    expect_exec(1, ATS_EXEC_EXPIRED, ATS_ORDER_EXPIRED);
    expect_exec(2, ATS_EXEC_EXPIRED, ATS_ORDER_EXPIRED);
    expect_end();
    cr_assert_eq(fixture.context.metrics->route.orders_open, 0);
    cr_assert_eq(stage_fixture_work(&fixture), 0, "once");
}

Test(route, the_end_waits_for_room_in_the_journal)
{
    open_with(4, 16);
    quote(100, NOW);
    give(resting(NOW));
    run_until(NOW + SEC);
    put_end(NOW + 2 * SEC);
    stage_fixture_work(&fixture);
    cr_assert(!fixture.io.ended && fixture.io.blocked, "three of four entries are taken");
    ats_journal_drained(&journal, 3);
    stage_fixture_work(&fixture);
    cr_assert(fixture.io.ended);
    journal_read = 3;
    expect_journal(1, ATS_EVENT_EXPIRED, ATS_ORDER_EXPIRED);
    expect_journal_over();
}

/* ---- back pressure -------------------------------------------------------------------------- */

Test(route, a_full_journal_holds_orders_and_answers_and_loses_none)
{
    open_with(4, 16);
    quote(100, NOW);
    cr_assert_eq(give(crossing(1, NOW)), 1);
    cr_assert_eq(give(crossing(1, NOW)), 1);
    cr_assert_eq(give(crossing(1, NOW)), 0);
    cr_assert(fixture.io.blocked);
    cr_assert_eq(ats_rx_peek(&fixture.in_rx[CHAIN]), 1, "the third was not consumed");
    cr_assert_eq(journal.header->head, 4);
    int64_t due_ns = ats_stage_route.next_due(fixture.state);
    fixture.io.blocked = false;
    cr_assert_eq(ats_stage_route.run_due(fixture.state, &fixture.io), 0);
    cr_assert(fixture.io.blocked);
    cr_assert_eq(ats_stage_route.next_due(fixture.state), due_ns, "nothing was done");
    expect_journal(1, ATS_EVENT_JOURNALED, ATS_ORDER_JOURNALED);
    expect_journal(1, ATS_EVENT_SENT, ATS_ORDER_SENT);
    expect_journal(2, ATS_EVENT_JOURNALED, ATS_ORDER_JOURNALED);
    expect_journal(2, ATS_EVENT_SENT, ATS_ORDER_SENT);
    ats_journal_drained(&journal, 1);
    cr_assert_eq(stage_fixture_work(&fixture), 0, "an order takes two entries");
    ats_journal_drained(&journal, 1);
    cr_assert_eq(stage_fixture_work(&fixture), 1);
    expect_journal(3, ATS_EVENT_JOURNALED, ATS_ORDER_JOURNALED);
    expect_journal(3, ATS_EVENT_SENT, ATS_ORDER_SENT);
    expect_journal_over();
    for (uint64_t id = 1; id <= 3; id++)
        expect_order_tapped(id);
}

Test(route, a_full_output_holds_orders_and_answers)
{
    open_with(1024, 64);
    quote(100, NOW);
    for (int i = 0; i < 64; i++)
        cr_assert_eq(give(crossing(1, NOW)), 1);
    cr_assert_eq(give(crossing(1, NOW)), 0, "the tap has 64 records");
    cr_assert(fixture.io.blocked);
    cr_assert_eq(journal.header->head, 128, "nothing is journaled that cannot be told");
    int64_t due_ns = ats_stage_route.next_due(fixture.state);
    cr_assert_eq(ats_stage_route.run_due(fixture.state, &fixture.io), 0);
    cr_assert_eq(ats_stage_route.next_due(fixture.state), due_ns);
    expect_order_tapped(1);
    cr_assert_eq(ats_stage_route.run_due(fixture.state, &fixture.io), 1);
}

/* ---- digest and configuration --------------------------------------------------------------- */

static void digest_of(ats_order order, char text[33])
{
    open_with(64, 16);
    quote(100, NOW);
    order.order_id = 1;
    give(order);
    run_until(NOW + 10 * SEC);
    const ats_digest *d = ats_route_digest(fixture.state);
    ats_digest_text(&d, 1, text);
    close_route();
}

Test(route, the_digest_is_of_the_decisions_and_of_nothing_else)
{
    char base[33], other[33];
    ats_order plain = crossing(10, NOW), same = plain, changed[8];
    digest_of(plain, base);
    same.h.origin_ns = 12345;
    same.h.stamp_ns[ATS_STAMP_RISK] = 99;
    same.score = 0.25f;
    digest_of(same, other);
    cr_assert_str_eq(base, other, "times of this run and what no broker sees");
    for (unsigned i = 0; i < 8; i++)
        changed[i] = plain;
    changed[0].qty_e9 += E9;
    changed[1].limit_e9 += CENT;
    changed[2].side = ATS_SIDE_SELL;
    changed[3].tif = ATS_TIF_FOK;
    changed[4].type = ATS_ORDER_MARKET;
    changed[5].h.recv_ns += 1;
    changed[6].h.symbol_id = 2;
    changed[7].action = ATS_INTENT_CANCEL;
    for (unsigned i = 0; i < 8; i++) {
        digest_of(changed[i], other);
        cr_assert_str_neq(base, other, "change %u", i);
    }
    open_with(64, 16);
}

Test(route, wants_a_power_of_two_of_orders)
{
    open_with(64, 16);
    const uint32_t bad[] = {0, 3, 1000};
    for (unsigned i = 0; i < 3; i++) {
        config.venue.order_capacity = bad[i];
        cr_assert_eq(ats_stage_route.footprint(&config), 0, "%u", bad[i]);
    }
}
