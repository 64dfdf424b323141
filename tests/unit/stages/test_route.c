/* The route stage alone: what is journaled and when, the kill switch, the end of a run, and what a
 * full journal or output holds up. */
#include "tests/unit/stages/stage_fixture.h"

#include "calc/order_state.h"
#include "stages/route/parts.h"

#include <stdio.h>
#include <unistd.h>

#define E9   ATS_E9
#define CENT 10000000ll
#define SEC  ATS_E9
#define NOW  (1704205800ll * SEC)
#define OUT  150000ll /* latency of an order and of an answer */
#define BACK 250000ll

enum { CHAIN = 0, FEEDBACK = 0, TAP = 1 };

static ats_venue_sim_config more; /* what open_with adds to the venue's settings */

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
    config = (ats_route_config){.context = &fixture.context, .journal = &journal, .venue = more};
    config.venue.seed = 1;
    config.venue.out_base_ns = OUT;
    config.venue.back_base_ns = BACK;
    config.venue.order_capacity = order_capacity;
    config.venue.symbol_count = 2;
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

/* ---- replaces ------------------------------------------------------------------------------- */

static ats_order replacement(uint64_t target, int64_t limit_e9, int64_t at_ns)
{
    ats_order o = buy(1, limit_e9, ATS_TIF_DAY, at_ns);
    o.action = ATS_INTENT_REPLACE;
    o.target_order_id = target;
    return o;
}

/* Forgets what has come so far. */
static void skip_all(void)
{
    while (stage_fixture_take(&fixture, FEEDBACK)) {
    }
    while (stage_fixture_take(&fixture, TAP)) {
    }
    journal_read = journal.header->head;
}

static uint8_t state_of(uint64_t order_id)
{
    const ats_order_entry *e = ats_order_table_find(ats_route_orders(fixture.state), order_id);
    return e ? e->state : ATS_ORDER_NEW;
}

Test(route, a_replace_is_journaled_as_an_order_and_ends_the_old_one)
{
    open_with(64, 16);
    quote(100, NOW);
    give(resting(NOW));
    run_until(NOW + SEC);
    skip_all();
    give(replacement(1, 91 * E9, NOW + SEC));
    cr_assert_eq(state_of(1), ATS_ORDER_PENDING_REPLACE);
    cr_assert_eq(state_of(2), ATS_ORDER_SENT);
    const ats_journal_entry *e = expect_journal(2, ATS_EVENT_JOURNALED, ATS_ORDER_JOURNALED);
    cr_assert_eq(e->action, ATS_INTENT_REPLACE);
    cr_assert_eq(e->other_id, 1);
    expect_journal(2, ATS_EVENT_SENT, ATS_ORDER_SENT);
    expect_order_tapped(2);
    run_until(NOW + 2 * SEC);
    cr_assert_eq(expect_journal(1, ATS_EVENT_REPLACED, ATS_ORDER_REPLACED)->other_id, 2);
    expect_journal(2, ATS_EVENT_ACCEPTED, ATS_ORDER_ACCEPTED);
    cr_assert_eq(expect_exec(1, ATS_EXEC_REPLACED, ATS_ORDER_REPLACED)->ref_order_id, 2);
    expect_exec(2, ATS_EXEC_ACCEPTED, ATS_ORDER_ACCEPTED);
    expect_quiet();
    cr_assert_eq(fixture.context.metrics->route.orders_open, 1);
    cr_assert_eq(fixture.context.metrics->route.replaces, 1);
}

Test(route, a_refused_replace_leaves_the_old_order_and_forgets_the_new_one)
{
    open_with(64, 16);
    quote(100, NOW);
    give(resting(NOW));
    run_until(NOW + SEC);
    skip_all();
    give(replacement(1, 91 * E9 + 1, NOW + SEC)); /* off the tick */
    run_until(NOW + 2 * SEC);
    expect_order_tapped(2);
    const ats_exec *x = expect_exec(1, ATS_EXEC_REPLACE_REJECTED, ATS_ORDER_ACCEPTED);
    cr_assert_eq(x->ref_order_id, 2);
    cr_assert_eq(x->check, ATS_CHECK_TICK);
    cr_assert_eq(state_of(1), ATS_ORDER_ACCEPTED);
    cr_assert_eq(state_of(2), ATS_ORDER_NEW, "it never was");
}

Test(route, what_is_being_cancelled_or_is_over_is_not_replaced)
{
    open_with(64, 16);
    quote(100, NOW);
    give(resting(NOW));
    run_until(NOW + SEC);
    give(cancel_of(1, NOW + SEC));
    skip_all();
    give(replacement(1, 91 * E9, NOW + SEC));
    expect_journal(3, ATS_EVENT_JOURNALED, ATS_ORDER_JOURNALED);
    expect_journal(3, ATS_EVENT_REJECTED, ATS_ORDER_REJECTED);
    cr_assert_eq(expect_exec(1, ATS_EXEC_REPLACE_REJECTED, ATS_ORDER_PENDING_CANCEL)->ref_order_id,
                 3);
    expect_quiet();
    run_until(NOW + 2 * SEC);
    skip_all();
    give(replacement(1, 91 * E9, NOW + 2 * SEC));
    expect_exec(1, ATS_EXEC_REPLACE_REJECTED, ATS_ORDER_UNKNOWN);
    cr_assert_eq(fixture.context.metrics->route.replaces, 0);
}

/* ---- legs ----------------------------------------------------------------------------------- */

static ats_order bracket(int64_t shares, int64_t at_ns)
{
    ats_order o = buy(shares, 101 * E9, ATS_TIF_DAY, at_ns);
    o.order_class = ATS_ORDER_CLASS_BRACKET;
    o.target_e9 = 110 * E9;
    o.stop_leg_e9 = 95 * E9;
    orders += ATS_LEG_IDS - 1;
    return o;
}

Test(route, legs_are_journaled_held_and_activated)
{
    open_with(64, 16);
    quote(100, NOW);
    give(bracket(10, NOW));
    const ats_journal_entry *e = expect_journal(1, ATS_EVENT_JOURNALED, ATS_ORDER_JOURNALED);
    cr_assert_eq(e->order_class, ATS_ORDER_CLASS_BRACKET);
    cr_assert_eq(e->target_e9, 110 * E9);
    cr_assert_eq(e->stop_leg_e9, 95 * E9);
    expect_journal(1, ATS_EVENT_SENT, ATS_ORDER_SENT);
    cr_assert_eq(expect_journal(2, ATS_EVENT_HELD, ATS_ORDER_HELD)->limit_e9, 110 * E9);
    cr_assert_eq(expect_journal(3, ATS_EVENT_HELD, ATS_ORDER_HELD)->stop_e9, 95 * E9);
    cr_assert_eq(fixture.context.metrics->route.orders_open, 3);
    run_until(NOW + SEC);
    expect_journal(1, ATS_EVENT_ACCEPTED, ATS_ORDER_ACCEPTED);
    expect_journal(1, ATS_EVENT_FULL_FILL, ATS_ORDER_FILLED);
    expect_journal(2, ATS_EVENT_ACTIVATED, ATS_ORDER_ACCEPTED);
    expect_journal(3, ATS_EVENT_ACTIVATED, ATS_ORDER_ACCEPTED);
    expect_order_tapped(1);
    expect_exec(1, ATS_EXEC_ACCEPTED, ATS_ORDER_ACCEPTED);
    expect_exec(1, ATS_EXEC_FILL, ATS_ORDER_FILLED);
    cr_assert_eq(expect_exec(2, ATS_EXEC_ACCEPTED, ATS_ORDER_ACCEPTED)->ref_order_id, 1);
    expect_exec(3, ATS_EXEC_ACCEPTED, ATS_ORDER_ACCEPTED);
    expect_quiet();
}

/* ---- no answer ------------------------------------------------------------------------------ */

Test(route, an_order_without_an_answer_is_unknown_and_asked_for_and_not_sent_again)
{
    more = (ats_venue_sim_config){.lost_share_bps = 5000, .answer_timeout_ns = SEC};
    open_with(4096, 64);
    uint32_t unknown = 0;
    for (uint64_t i = 0; i < 40; i++) {
        int64_t now_ns = NOW + (int64_t)i * 10 * SEC;
        quote(100 + (int64_t)i, now_ns);
        give(crossing(1, now_ns));
        run_until(now_ns + SEC - 1);
        bool silent = state_of(i + 1) == ATS_ORDER_SENT;
        run_until(now_ns + SEC);
        cr_assert_eq(state_of(i + 1) == ATS_ORDER_UNKNOWN, silent);
        unknown += silent;
        run_until(now_ns + 9 * SEC);
        if (silent)
            cr_assert_eq(state_of(i + 1), ATS_ORDER_NEW, "it is over: asked, it was told");
        skip_all();
    }
    cr_assert_geq(unknown, 5);
    cr_assert_eq(fixture.context.metrics->route.timeouts, unknown);
    cr_assert_eq(fixture.context.metrics->route.questions, unknown);
    cr_assert_eq(fixture.context.metrics->route.orders, 40);
    cr_assert_eq(fixture.context.switches->kill, 0);
    more = (ats_venue_sim_config){0};
}

Test(route, what_was_lost_of_a_resting_order_is_asked_for_at_intervals)
{
    more = (ats_venue_sim_config){
        .lost_share_bps = 1, .answer_timeout_ns = SEC, .ask_interval_ns = 30 * SEC};
    open_with(64, 16);
    quote(100, NOW);
    give(resting(NOW));
    run_until(NOW + 95 * SEC);
    cr_assert_eq(fixture.context.metrics->route.questions, 3);
    cr_assert_eq(fixture.context.metrics->route.timeouts, 0);
    cr_assert_eq(state_of(1), ATS_ORDER_ACCEPTED);
    ats_market end = {.h = {.kind = ATS_KIND_END, .recv_ns = NOW + 95 * SEC}};
    ats_stage_route.foresee(fixture.state, &end);
    cr_assert_eq(ats_stage_route.next_due(fixture.state), INT64_MAX, "and not for ever");
    more = (ats_venue_sim_config){0};
}

Test(route, losses_without_a_timeout_are_a_configuration_error)
{
    more = (ats_venue_sim_config){.lost_share_bps = 1, .answer_timeout_ns = SEC};
    open_with(64, 16);
    config.venue.answer_timeout_ns = 0;
    cr_assert_eq(ats_stage_route.init(fixture.state, &config, &fixture.io), -1);
    cr_assert_eq(ats_error_code(), ATS_EXIT_CONFIG);
    more = (ats_venue_sim_config){0};
}

/* ---- a kill --------------------------------------------------------------------------------- */

Test(route, a_kill_cancels_what_adds_exposure_a_few_a_record_and_keeps_what_protects)
{
    open_with(256, 64);
    quote(100, NOW);
    for (int i = 0; i < 6; i++)
        give(resting(NOW));
    ats_order o = resting(NOW);
    o.intent_flags = ATS_INTENT_REDUCE_ONLY | ATS_INTENT_PROTECTIVE;
    give(o);
    run_until(NOW + SEC);
    skip_all();
    fixture.context.switches->kill = 1;
    quote(101, NOW + SEC);
    cr_assert_eq(journal.header->head - journal_read, 4, "four a record");
    for (uint64_t id = 1; id <= 4; id++) {
        expect_journal(id, ATS_EVENT_CANCEL_SENT, ATS_ORDER_PENDING_CANCEL);
        expect_order_tapped(id);
    }
    quote(102, NOW + SEC);
    for (uint64_t id = 5; id <= 6; id++) {
        expect_journal(id, ATS_EVENT_CANCEL_SENT, ATS_ORDER_PENDING_CANCEL);
        expect_order_tapped(id);
    }
    quote(103, NOW + SEC);
    expect_quiet(); /* asked once, and not yet told */
    run_until(NOW + 2 * SEC);
    skip_all();
    quote(104, NOW + 2 * SEC);
    expect_kill_done(6);
    quote(105, NOW + 2 * SEC);
    expect_quiet();
    cr_assert_eq(state_of(7), ATS_ORDER_ACCEPTED);
    cr_assert_eq(fixture.context.metrics->route.kill_cancels, 6);
}

/* ---- what a broker may say ------------------------------------------------------------------ */

static void hear(ats_exec x)
{
    x.h = (ats_header){.kind = ATS_KIND_EXEC, .symbol_id = 1, .recv_ns = NOW + 5 * SEC};
    route_on_answer(fixture.state, &fixture.io, &x);
    ats_io_publish(&fixture.io);
}

Test(route, a_bust_is_passed_on_for_open_orders_and_for_those_that_are_over)
{
    open_with(64, 16);
    quote(4, NOW);
    give(buy(10, 101 * E9, ATS_TIF_DAY, NOW));
    run_until(NOW + SEC);
    skip_all();
    hear((ats_exec){.order_id = 1,
                    .exec_id = 900,
                    .ref_exec_id = 2,
                    .type = ATS_EXEC_BUSTED,
                    .last_qty_e9 = 4 * E9,
                    .leaves_qty_e9 = 10 * E9});
    cr_assert_eq(expect_journal(1, ATS_EVENT_BUSTED, ATS_ORDER_PARTIAL)->ref_exec_id, 2);
    expect_exec(1, ATS_EXEC_BUSTED, ATS_ORDER_PARTIAL);
    hear((ats_exec){.order_id = 77, .exec_id = 901, .ref_exec_id = 3, .type = ATS_EXEC_CORRECTED});
    expect_exec(77, ATS_EXEC_CORRECTED, 0);
    cr_assert_eq(fixture.context.metrics->route.busts, 2);
    cr_assert_eq(fixture.context.switches->kill, 0);
}

Test(route, a_fill_of_no_order_of_ours_is_booked_and_kills)
{
    open_with(64, 16);
    quote(4, NOW);
    hear((ats_exec){.order_id = 77, .exec_id = 1, .type = ATS_EXEC_ACCEPTED});
    cr_assert_eq(fixture.context.switches->kill, 1);
    cr_assert_null(stage_fixture_take(&fixture, FEEDBACK));
    hear((ats_exec){.order_id = 77, .exec_id = 2, .type = ATS_EXEC_FILL, .last_qty_e9 = E9});
    cr_assert_not_null(stage_fixture_take(&fixture, FEEDBACK));
    cr_assert_eq(fixture.context.metrics->route.executions_unknown, 2);
}

Test(route, an_execution_that_comes_twice_counts_once)
{
    open_with(64, 16);
    quote(4, NOW);
    give(buy(10, 101 * E9, ATS_TIF_DAY, NOW));
    run_until(NOW + SEC);
    skip_all();
    ats_exec fill = {.order_id = 1,
                     .exec_id = 900,
                     .type = ATS_EXEC_FILL,
                     .last_qty_e9 = E9,
                     .last_px_e9 = 100 * E9,
                     .cum_qty_e9 = 5 * E9,
                     .leaves_qty_e9 = 5 * E9};
    hear(fill);
    expect_exec(1, ATS_EXEC_FILL, ATS_ORDER_PARTIAL);
    hear(fill);
    cr_assert_null(stage_fixture_take(&fixture, FEEDBACK));
    cr_assert_eq(fixture.context.metrics->route.executions_duplicate, 1);
    cr_assert_eq(fixture.context.switches->kill, 0);
}

/* ---- bars ----------------------------------------------------------------------------------- */

Test(route, what_happened_inside_a_bar_is_told_before_the_bar)
{
    open_with(64, 16);
    ats_market bar = {.bar = {.h = {.kind = ATS_KIND_BAR,
                                    .symbol_id = 1,
                                    .event_seq = ++event_seq,
                                    .event_ns = NOW - 60 * SEC,
                                    .recv_ns = NOW},
                              .open_e9 = 100 * E9,
                              .high_e9 = 102 * E9,
                              .low_e9 = 99 * E9,
                              .close_e9 = 101 * E9,
                              .volume_e9 = 1000 * E9,
                              .period_s = 60}};
    ats_stage_route.foresee(fixture.state, &bar);
    run_until(NOW);
    stage_fixture_put(&fixture, CHAIN, &bar);
    stage_fixture_work(&fixture);
    give(crossing(10, NOW)); /* sent at the close of one bar, that is the open of the next */
    run_until(NOW + 30 * SEC);
    expect_order_tapped(1);
    expect_exec(1, ATS_EXEC_ACCEPTED, ATS_ORDER_ACCEPTED);
    bar.h.event_ns = NOW;
    bar.h.recv_ns = NOW + 60 * SEC;
    ats_stage_route.foresee(fixture.state, &bar);
    run_until(NOW + 60 * SEC);
    const ats_exec *x = expect_exec(1, ATS_EXEC_FILL, ATS_ORDER_FILLED);
    cr_assert_eq(x->last_px_e9, 100 * E9);
    cr_assert_eq(x->h.recv_ns, NOW + 60 * SEC);
    cr_assert_eq(x->h.event_seq, event_seq, "of the record before the bar");
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
