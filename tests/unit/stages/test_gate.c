/* Each check of one order at its limit, one step inside and one step outside: groups 1 to 7. */
#include "gate_fixture.h"

/* ---- the order itself ----------------------------------------------------------------------- */

Test(gate, malformed_orders)
{
    open_gate(wide());
    ats_intent i = buy(E9, 100 * E9);
    i.h.symbol_id = 6;
    EXPECT(i, ATS_CHECK_UNKNOWN_SYMBOL);
    i.h.symbol_id = 0;
    EXPECT(i, ATS_CHECK_UNKNOWN_SYMBOL);
    EXPECT(buy(0, 100 * E9), ATS_CHECK_MALFORMED);
    EXPECT(buy(-E9, 100 * E9), ATS_CHECK_MALFORMED);
    EXPECT(buy(E9, 0), ATS_CHECK_MALFORMED);
    EXPECT(buy(INT64_MAX, 100 * E9), ATS_CHECK_MALFORMED);
    EXPECT(order(7, E9, 100 * E9), ATS_CHECK_MALFORMED);
    i = buy(E9, 100 * E9);
    i.tif = ATS_TIF_CLS + 1;
    EXPECT(i, ATS_CHECK_MALFORMED);
    i = buy(E9, 100 * E9);
    i.strategy_id = ATS_GATE_STRATEGIES;
    EXPECT(i, ATS_CHECK_MALFORMED);
    i = buy(E9, 100 * E9);
    i.type = ATS_ORDER_MARKET;
    EXPECT(i, ATS_CHECK_MALFORMED); /* a market order has no limit */
    i.limit_e9 = 0;
    PASSES(i);
    i.type = ATS_ORDER_STOP;
    EXPECT(i, ATS_CHECK_MALFORMED); /* and a stop has a stop */
    i = buy(E9, 100 * E9);
    i.stop_leg_e9 = 99 * E9;
    EXPECT(i, ATS_CHECK_MALFORMED); /* a leg wants a class */
    i.order_class = ATS_ORDER_CLASS_BRACKET;
    EXPECT(i, ATS_CHECK_MALFORMED); /* of two legs */
    i.target_e9 = 101 * E9;
    PASSES(i);
    i.intent_flags = ATS_INTENT_REDUCE_ONLY;
    EXPECT(i, ATS_CHECK_MALFORMED); /* its legs would open */
    symbols.entry[1].symbol_class = ATS_CLASS_CRYPTO_INVERSE;
    gate->symbol[1].symbol_class = ATS_CLASS_CRYPTO_INVERSE;
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_INSTRUMENT);
}

Test(gate, an_id_in_use_is_malformed)
{
    open_gate(wide());
    PASSES(buy(E9, 100 * E9));
    next_id -= 3;
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_MALFORMED);
}

/* ---- 1 -------------------------------------------------------------------------------------- */

Test(gate, the_kill_switch_and_the_latches)
{
    open_gate(wide());
    hold(10);
    ats_intent out = reducing(sell(E9, 100 * E9));
    switches.killed = true;
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_KILLED);
    EXPECT(out, ATS_CHECK_KILLED);
    switches.killed = false;
    control((ats_control){.code = ATS_CONTROL_HALT});
    cr_assert(told_env(ATS_ENV_HALTED));
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_HALT_LATCH);
    PASSES(out);
    out.qty_e9 = 10 * E9;
    EXPECT(out, ATS_CHECK_NOT_REDUCING); /* never through zero */
    control((ats_control){.code = ATS_CONTROL_FREEZE});
    cr_assert(told_env(ATS_ENV_FROZEN));
    out.qty_e9 = E9;
    EXPECT(out, ATS_CHECK_KILLED);
    out.intent_flags |= ATS_INTENT_EMERGENCY;
    EXPECT(out, ATS_CHECK_KILLED);
    ats_intent cancel = {.h = {.recv_ns = now_ns}, .action = ATS_INTENT_CANCEL};
    int64_t before = gate->rate_at_ns;
    ats_gate_cancel(gate, &cancel);
    cr_assert_gt(gate->rate_at_ns, before, "it passes, and counts");
    control((ats_control){.code = ATS_CONTROL_HALT});
    cr_assert_eq(gate->latch, ATS_LATCH_FREEZE, "a weaker latch does not undo a stronger one");
    control((ats_control){.code = ATS_CONTROL_REARM});
    cr_assert(told_env(ATS_ENV_REARMED));
    PASSES(buy(E9, 99 * E9));
    control((ats_control){.code = ATS_CONTROL_KILL});
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_KILLED);
}

Test(gate, pauses_and_storage)
{
    open_gate(wide());
    hold(10);
    ats_intent out = reducing(sell(E9, 100 * E9)), other = buy(E9, 99 * E9);
    other.strategy_id = 2;
    control((ats_control){.code = ATS_CONTROL_PAUSE, .strategy_id = 1});
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_STRATEGY_PAUSED);
    PASSES(other);
    PASSES(out);
    control((ats_control){.code = ATS_CONTROL_PAUSE});
    EXPECT(other, ATS_CHECK_PAUSED);
    control((ats_control){.code = ATS_CONTROL_RESUME});
    PASSES(buy(E9, 99 * E9));
    switches.storage_short = true;
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_TAP_CREDIT);
    PASSES(out);
    switches.storage_short = false;
    gate->reconciled = false;
    EXPECT(out, ATS_CHECK_UNRECONCILED);
}

Test(gate, sessions_of_the_exchanges)
{
    const int64_t open = NOW, close = NOW + 23400 * SEC;
    open_gate_on(wide(), open - 1);
    ats_intent i = buy(E9, 100 * E9);
    EXPECT(i, ATS_CHECK_SESSION);
    i.intent_flags = ATS_INTENT_EXTENDED;
    PASSES(i);
    i.type = ATS_ORDER_MARKET;
    i.limit_e9 = 0;
    EXPECT(i, ATS_CHECK_SESSION); /* only limits trade before and after */
    i = buy(E9, 100 * E9);
    for (uint8_t tif = ATS_TIF_GTC; tif <= ATS_TIF_CLS; tif++) {
        i.tif = tif;
        PASSES(i); /* they wait */
    }
    i.tif = ATS_TIF_IOC;
    EXPECT(i, ATS_CHECK_SESSION);
    i.h.symbol_id = 5;
    PASSES(i); /* crypto never closes */
    quote_at(1, 100 * E9, 100 * E9 + CENT, open);
    PASSES(buy(E9, 100 * E9));
    quote_at(1, 100 * E9, 100 * E9 + CENT, close - 1);
    PASSES(buy(E9, 100 * E9));
    quote_at(1, 100 * E9, 100 * E9 + CENT, close);
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_SESSION);
    quote_at(1, 100 * E9, 100 * E9 + CENT, close + 5 * 3600 * SEC); /* 21:00: nothing trades */
    i = buy(E9, 100 * E9);
    i.intent_flags = ATS_INTENT_EXTENDED;
    EXPECT(i, ATS_CHECK_SESSION);
}

Test(gate, the_restricted_list)
{
    memset(references, 0, sizeof references);
    for (int s = 1; s <= 4; s++)
        references[s] = (ats_reference){.listed = true, .marginable = true, .easy_to_borrow = true};
    references[1].restricted = true;
    open_gate_knowing(wide());
    ats_portfolio_fill(gate->portfolio, 1, 10 * E9, 100 * E9, 0, 0);
    gate_refresh(gate, 1);
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_RESTRICTED);
    PASSES(reducing(sell(E9, 100 * E9)));
}

/* ---- 2 -------------------------------------------------------------------------------------- */

Test(gate, market_data_must_be_fresh_two_sided_and_uncrossed)
{
    ats_risk_limits l = wide();
    l.max_data_age_ms = 1000;
    open_gate(l);
    ats_intent i = buy(E9, 100 * E9);
    i.h.recv_ns = NOW + SEC;
    PASSES(i);
    i.h.recv_ns = NOW + SEC + 1;
    EXPECT(i, ATS_CHECK_STALE_MARKET);
    cr_assert_eq(verdict.measured_e9, SEC + 1);
    cr_assert_eq(verdict.limit_e9, SEC);
    quote_at(1, 100 * E9, 100 * E9, NOW + SEC);
    EXPECT(i, ATS_CHECK_CROSSED);
    quote(1, 101 * E9, 100 * E9);
    EXPECT(i, ATS_CHECK_CROSSED);
    quote(1, 0, 100 * E9);
    EXPECT(i, ATS_CHECK_NO_MARKET);
    quote(1, 100 * E9, 100 * E9 + CENT);
    PASSES(i);
}

Test(gate, a_halt_holds_everything_and_a_marked_quote_entries)
{
    open_gate(wide());
    hold(10);
    ats_intent out = reducing(sell(E9, 100 * E9));
    status(1, ATS_STATUS_HALT, 0, 0);
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_HALTED);
    EXPECT(out, ATS_CHECK_HALTED);
    status(1, ATS_STATUS_RESUME, 0, 0);
    PASSES(buy(E9, 99 * E9));
    ats_market m = {.quote = {.h = {.kind = ATS_KIND_QUOTE, .symbol_id = 1, .recv_ns = now_ns},
                              .bid_e9 = 100 * E9,
                              .ask_e9 = 100 * E9 + CENT,
                              .quote_flags = ATS_QUOTE_HALTED}};
    market(&m);
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_HALTED);
    PASSES(out);
}

Test(gate, the_band_of_limit_up_limit_down)
{
    open_gate(wide());
    status(1, ATS_STATUS_NONE, 95 * E9, 105 * E9);
    PASSES(buy(E9, 105 * E9));
    answer(next_id, ATS_EXEC_CANCELED);
    EXPECT(buy(E9, 105 * E9 + CENT), ATS_CHECK_LULD_BAND);
    PASSES(sell(E9, 95 * E9));
    answer(next_id, ATS_EXEC_CANCELED);
    EXPECT(sell(E9, 95 * E9 - CENT), ATS_CHECK_LULD_BAND);
    PASSES(buy(E9, 90 * E9)); /* far below is no danger to a buyer */
}

Test(gate, bars_are_a_market_until_a_quote_comes)
{
    ats_risk_limits l = wide();
    l.max_data_age_ms = 1000;
    open_gate(l);
    gate->symbol[2].market_ns = gate->symbol[2].bid_e9 = gate->symbol[2].ask_e9 = 0;
    ats_market bar = {.bar = {.h = {.kind = ATS_KIND_BAR, .symbol_id = 2, .recv_ns = NOW},
                              .close_e9 = 50 * E9,
                              .period_s = 60}};
    market(&bar);
    ats_intent i = buy(E9, 0);
    i.h.symbol_id = 2;
    i.type = ATS_ORDER_MARKET;
    PASSES(i);
    cr_assert_eq(verdict.reference_e9, 50 * E9);
    i.h.recv_ns = NOW + SEC + 1;
    EXPECT(i, ATS_CHECK_STALE_MARKET);
    quote(2, 60 * E9, 60 * E9 + CENT);
    market(&bar);
    i.h.recv_ns = NOW;
    PASSES(i);
    cr_assert_eq(verdict.reference_e9, 60 * E9 + CENT, "a bar stands behind quotes");
}

/* What is decided at a daily bar, at the close, is for the next session. */
Test(gate, daily_bars_trade_at_the_close)
{
    open_gate_on(wide(), NOW + 23400 * SEC);
    gate->symbol[2].market_ns = 0;
    ats_market bar = {.bar = {.h = {.kind = ATS_KIND_BAR, .symbol_id = 2, .recv_ns = now_ns},
                              .close_e9 = 50 * E9,
                              .period_s = 86400}};
    market(&bar);
    ats_intent i = buy(E9, 50 * E9);
    i.h.symbol_id = 2;
    PASSES(i);
    bar.bar.period_s = 60;
    market(&bar);
    EXPECT(i, ATS_CHECK_SESSION);
}

/* ---- 3 -------------------------------------------------------------------------------------- */

Test(gate, every_price_on_the_tick)
{
    open_gate(wide());
    EXPECT(buy(E9, 100 * E9 + 1), ATS_CHECK_TICK);
    ats_intent i = buy(E9, 0);
    i.type = ATS_ORDER_STOP;
    i.stop_e9 = 101 * E9 + 1;
    EXPECT(i, ATS_CHECK_TICK);
    i.type = ATS_ORDER_TRAILING_STOP;
    i.stop_e9 = 0;
    i.trail_e9 = E9 + 1;
    EXPECT(i, ATS_CHECK_TICK);
    i = buy(E9, 100 * E9);
    i.order_class = ATS_ORDER_CLASS_BRACKET;
    i.target_e9 = 101 * E9 + 1;
    i.stop_leg_e9 = 99 * E9;
    EXPECT(i, ATS_CHECK_TICK);
    i.target_e9 = 101 * E9;
    i.stop_leg_e9 = 99 * E9 + 1;
    EXPECT(i, ATS_CHECK_TICK);
    /* Without a tick of its own: a cent, and a hundredth of one below a dollar. */
    gate->symbol[1].tick_e9 = 0;
    quote(1, 99 * E9 / 100, E9);
    PASSES(buy(E9, 999900000));
    EXPECT(buy(E9, 999910000), ATS_CHECK_TICK);
    EXPECT(buy(E9, 1000100000), ATS_CHECK_TICK);
}

Test(gate, the_collar_is_about_the_worse_side)
{
    ats_risk_limits l = wide();
    l.collar_bps = 100;
    open_gate(l);
    int64_t ask = 100 * E9 + CENT; /* 100 bps: 1.0001 */
    PASSES(buy(E9, ask + E9));
    EXPECT(buy(E9, ask + E9 + CENT), ATS_CHECK_COLLAR);
    cr_assert_eq(verdict.measured_e9, E9 + CENT);
    cr_assert_eq(verdict.limit_e9, ask / 100);
    PASSES(buy(E9, 10 * E9));
    open_gate(l);
    PASSES(sell(E9, 99 * E9));
    EXPECT(sell(E9, 99 * E9 - CENT), ATS_CHECK_COLLAR);
    open_gate(l);
    hold(10);
    PASSES(reducing(sell(E9, 98 * E9))); /* a way out is twice as wide */
    EXPECT(reducing(sell(E9, 98 * E9 - CENT)), ATS_CHECK_COLLAR);
}

Test(gate, stops_lie_ahead_of_the_market_and_their_limits_near_them)
{
    ats_risk_limits l = wide();
    l.collar_bps = 100;
    open_gate(l);
    ats_intent i = buy(E9, 0);
    i.type = ATS_ORDER_STOP;
    i.stop_e9 = 100 * E9 + CENT;
    EXPECT(i, ATS_CHECK_STOP_SIDE); /* at the offer */
    i.stop_e9 += CENT;
    PASSES(i);
    i.stop_e9 = 150 * E9;
    PASSES(i); /* far away is no danger */
    cr_assert_eq(verdict.price_e9, 150 * E9);
    i.type = ATS_ORDER_STOP_LIMIT;
    i.limit_e9 = 151 * E9 + 50 * CENT;
    PASSES(i);
    i.limit_e9 += CENT;
    EXPECT(i, ATS_CHECK_COLLAR);
    open_gate(l);
    i = sell(E9, 0);
    i.type = ATS_ORDER_STOP;
    i.stop_e9 = 100 * E9;
    EXPECT(i, ATS_CHECK_STOP_SIDE);
    i.stop_e9 -= CENT;
    PASSES(i);
    i.type = ATS_ORDER_TRAILING_STOP;
    i.stop_e9 = 0;
    i.trail_e9 = 2 * E9;
    PASSES(i);
    cr_assert_eq(verdict.price_e9, 98 * E9);
    i.trail_e9 = 100 * E9;
    EXPECT(i, ATS_CHECK_STOP_SIDE);
}

Test(gate, legs_lie_on_their_sides)
{
    ats_risk_limits l = wide();
    l.collar_bps = 100;
    open_gate(l);
    ats_intent i = buy(E9, 100 * E9);
    i.order_class = ATS_ORDER_CLASS_BRACKET;
    i.target_e9 = 100 * E9;
    i.stop_leg_e9 = 99 * E9;
    EXPECT(i, ATS_CHECK_LEG_PRICE);
    i.target_e9 += CENT;
    i.stop_leg_e9 = 100 * E9;
    EXPECT(i, ATS_CHECK_LEG_PRICE);
    i.stop_leg_e9 -= CENT;
    i.stop_leg_limit_e9 = 98 * E9;
    EXPECT(i, ATS_CHECK_COLLAR); /* the leg's limit too far from its stop */
    i.stop_leg_limit_e9 = 99 * E9;
    PASSES(i);
    open_gate(l);
    hold(10);
    i = reducing(sell(E9, 101 * E9));
    i.order_class = ATS_ORDER_CLASS_OCO;
    i.stop_leg_e9 = 100 * E9;
    EXPECT(i, ATS_CHECK_LEG_PRICE); /* at the bid */
    i.stop_leg_e9 -= CENT;
    PASSES(i);
}

Test(gate, drift_from_a_price_of_a_while_ago)
{
    ats_risk_limits l = wide();
    l.max_drift_bps = 100;
    l.drift_window_s = 60;
    l.max_data_age_ms = 3600000;
    open_gate(l);
    quote_at(1, 100 * E9, 100 * E9 + CENT, NOW + 60 * SEC);
    quote_at(1, 100 * E9, 101 * E9, NOW + 61 * SEC);
    PASSES(buy(E9, 100 * E9)); /* 100.005 a minute ago: 0.995 away */
    quote(1, 100 * E9, 101 * E9 + CENT);
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_DRIFT);
    quote_at(1, 100 * E9, 101 * E9 + CENT, NOW + 120 * SEC);
    quote_at(1, 100 * E9, 101 * E9 + CENT, NOW + 180 * SEC);
    PASSES(buy(E9, 100 * E9)); /* it has become the price of a while ago */
}

/* ---- 4 -------------------------------------------------------------------------------------- */

Test(gate, sizes)
{
    ats_risk_limits l = wide();
    l.min_order_qty_e9 = 2 * E9;
    l.max_order_qty_e9 = 10 * E9;
    open_gate(l);
    EXPECT(buy(2 * E9 + E9 / 2, 100 * E9), ATS_CHECK_LOT);
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_MIN_QTY);
    PASSES(buy(2 * E9, 100 * E9));
    PASSES(buy(10 * E9, 100 * E9));
    EXPECT(buy(11 * E9, 100 * E9), ATS_CHECK_MAX_QTY);
    l = wide();
    l.min_order_notional_e9 = 200 * E9;
    l.max_order_notional_e9 = 1000 * E9;
    open_gate(l);
    EXPECT(buy(2 * E9, 100 * E9 - CENT), ATS_CHECK_MIN_NOTIONAL);
    PASSES(buy(2 * E9, 100 * E9));
    PASSES(buy(10 * E9, 100 * E9));
    EXPECT(buy(10 * E9, 100 * E9 + CENT), ATS_CHECK_MAX_NOTIONAL);
}

Test(gate, what_is_held_can_be_closed_whole)
{
    ats_risk_limits l = wide();
    l.min_order_qty_e9 = 2 * E9;
    open_gate(l);
    /* As a venue of smaller lots would leave it. */
    ats_portfolio_fill(gate->portfolio, 1, 10 * E9 - E9 / 4, 100 * E9, 0, 0);
    gate_refresh(gate, 1);
    ats_intent out = reducing(sell(E9 / 2, 100 * E9));
    EXPECT(out, ATS_CHECK_LOT);
    out.qty_e9 = 10 * E9 - E9 / 4;
    PASSES(out);
}

Test(gate, share_of_the_daily_volume)
{
    ats_risk_limits l = wide();
    l.max_volume_share_bps = 100;
    memset(references, 0, sizeof references);
    references[1] = (ats_reference){.listed = true, .marginable = true, .adv_e9 = 1000 * E9};
    open_gate_knowing(l);
    PASSES(buy(10 * E9, 100 * E9));
    EXPECT(buy(11 * E9, 100 * E9), ATS_CHECK_VOLUME_SHARE);
    ats_intent unknown = buy(E9, 100 * E9);
    unknown.h.symbol_id = 2;
    EXPECT(unknown, ATS_CHECK_VOLUME_SHARE);
    open_gate(l);
    PASSES(buy(11 * E9, 100 * E9)); /* no table, no check */
    l.max_volume_share_bps = 0;
    open_gate_knowing(l);
    PASSES(buy(11 * E9, 100 * E9));
}

/* ---- 5 -------------------------------------------------------------------------------------- */

Test(gate, duplicates_within_the_window)
{
    ats_risk_limits l = wide();
    l.duplicate_window_ms = 100;
    open_gate(l);
    ats_intent i = buy(E9, 100 * E9), other = i;
    PASSES(i);
    EXPECT(i, ATS_CHECK_DUPLICATE);
    other.qty_e9 = 2 * E9;
    PASSES(other);                  /* another size */
    EXPECT(i, ATS_CHECK_DUPLICATE); /* and one in between does not hide the first */
    other.strategy_id = 2;
    PASSES(other);
    other.limit_e9 -= CENT;
    PASSES(other);
    other.h.symbol_id = 2;
    PASSES(other);
    i.h.recv_ns = NOW + 100000000 - 1;
    EXPECT(i, ATS_CHECK_DUPLICATE);
    i.h.recv_ns = NOW + 100000000;
    PASSES(i);
}

Test(gate, a_strategy_that_repeats_itself_is_stopped_until_a_person_rearms)
{
    ats_risk_limits l = wide();
    l.max_repeats = 3;
    l.repeat_window_ms = 8000;
    open_gate(l);
    for (int n = 0; n < 3; n++)
        PASSES(buy((n + 1) * E9, 99 * E9));
    cr_assert_not(told_env(ATS_ENV_THROTTLE));
    ats_intent other = buy(E9, 99 * E9);
    other.strategy_id = 2;
    EXPECT(buy(4 * E9, 99 * E9), ATS_CHECK_THROTTLE);
    cr_assert(told_env(ATS_ENV_THROTTLE));
    PASSES(other);
    clock_at(NOW + 3600 * SEC);
    quote(1, 100 * E9, 100 * E9 + CENT);
    quote(2, 100 * E9, 100 * E9 + CENT);
    ats_intent elsewhere = buy(E9, 99 * E9);
    elsewhere.h.symbol_id = 2;
    EXPECT(elsewhere, ATS_CHECK_THROTTLE); /* the strategy, not the symbol; and time is no person */
    control((ats_control){.code = ATS_CONTROL_REARM, .strategy_id = 1});
    PASSES(elsewhere);
}

Test(gate, repeats_leave_the_window)
{
    ats_risk_limits l = wide();
    l.max_repeats = 2;
    l.repeat_window_ms = 8000;
    open_gate(l);
    for (int n = 0; n < 20; n++) {
        quote_at(1, 100 * E9, 100 * E9 + CENT, NOW + n * 5 * SEC);
        PASSES(buy(E9, 99 * E9)); /* two in nine seconds at most */
    }
    quote_at(1, 100 * E9, 100 * E9 + CENT, now_ns + SEC);
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_THROTTLE);
}

/* ---- 6 -------------------------------------------------------------------------------------- */

/* The same a moment later, so that the rates of symbol and strategy (one in 10 us) have room. */
static ats_intent a_moment_later(ats_intent i)
{
    i.h.recv_ns = now_ns += 20000;
    return i;
}

Test(gate, the_account_s_rate_keeps_a_fifth)
{
    ats_risk_limits l = wide();
    l.max_orders_per_s = 10;
    l.order_burst = 10;
    open_gate(l);
    hold(5);
    for (int n = 1; n < 8; n++)
        PASSES(a_moment_later(buy(E9, 99 * E9 - n * CENT)));
    EXPECT(a_moment_later(buy(E9, 99 * E9)), ATS_CHECK_RATE);
    ats_intent out = reducing(sell(E9, 101 * E9));
    PASSES(a_moment_later(out));
    PASSES(a_moment_later(out));
    EXPECT(a_moment_later(out), ATS_CHECK_RATE);
    out.intent_flags |= ATS_INTENT_EMERGENCY;
    PASSES(a_moment_later(out)); /* flatten does not wait */
    out = reducing(sell(E9, 101 * E9));
    out.h.recv_ns = NOW + 2 * SEC / 10 - 1;
    EXPECT(out, ATS_CHECK_RATE); /* the emergency one counted, too */
    out.h.recv_ns++;
    PASSES(out);
}

Test(gate, cancels_count_and_do_not_lock_out)
{
    ats_risk_limits l = wide();
    l.max_orders_per_s = 10;
    l.order_burst = 10;
    open_gate(l);
    ats_intent cancel = {.h = {.recv_ns = NOW}, .action = ATS_INTENT_CANCEL};
    for (int n = 0; n < 8; n++)
        ats_gate_cancel(gate, &cancel);
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_RATE);
    for (int n = 0; n < 1000; n++)
        ats_gate_cancel(gate, &cancel);
    cr_assert_eq(gate->rate_at_ns, NOW + SEC, "at most a burst ahead");
}

Test(gate, rates_of_a_symbol_and_of_a_strategy)
{
    ats_risk_limits l = wide();
    l.max_symbol_orders_per_s = 10;
    l.order_burst = 2;
    open_gate(l);
    PASSES(a_moment_later(buy(E9, 99 * E9)));
    PASSES(a_moment_later(buy(E9, 98 * E9)));
    EXPECT(a_moment_later(buy(E9, 97 * E9)), ATS_CHECK_RATE_SYMBOL);
    ats_intent other = buy(E9, 97 * E9);
    other.h.symbol_id = 2;
    PASSES(a_moment_later(other));
    l = wide();
    l.max_strategy_orders_per_s = 10;
    l.order_burst = 3;
    open_gate(l);
    for (uint32_t s = 1; s <= 3; s++) {
        ats_intent i = buy(E9, 99 * E9);
        i.h.symbol_id = s;
        PASSES(a_moment_later(i));
    }
    ats_intent i = buy(E9, 99 * E9);
    i.h.symbol_id = 4;
    EXPECT(a_moment_later(i), ATS_CHECK_RATE_STRATEGY);
    i.strategy_id = 2;
    PASSES(a_moment_later(i));
}

/* ---- 7 -------------------------------------------------------------------------------------- */

Test(gate, never_against_an_own_order)
{
    open_gate(wide());
    PASSES(buy(E9, 100 * E9));
    EXPECT(sell(E9, 100 * E9), ATS_CHECK_SELF_MATCH);
    PASSES(sell(E9, 100 * E9 + CENT));
    ats_intent other = sell(E9, 100 * E9);
    other.h.symbol_id = 2;
    PASSES(other);
    ats_intent m = sell(E9, 0);
    m.type = ATS_ORDER_MARKET;
    EXPECT(m, ATS_CHECK_SELF_MATCH); /* a market order meets any */
    open_gate(wide());
    hold(10);
    ats_intent stop = reducing(sell(E9, 0));
    stop.type = ATS_ORDER_STOP;
    stop.stop_e9 = 90 * E9;
    PASSES(stop);
    EXPECT(buy(E9, 50 * E9), ATS_CHECK_SELF_MATCH); /* an own stop may become one */
    answer(next_id - 3, ATS_EXEC_CANCELED);
    PASSES(buy(E9, 50 * E9));
}
