/* Orders that belong together, limits that change, busts and corporate actions. */
#include "gate_fixture.h"

static int64_t open_sell(void)
{
    cr_assert(ats_gate_check(gate));
    return gate->symbol[1].open_sell_e9;
}

static ats_intent bracket(int64_t qty_e9)
{
    ats_intent i = buy(qty_e9, 100 * E9 + CENT);
    i.order_class = ATS_ORDER_CLASS_BRACKET;
    i.target_e9 = 105 * E9;
    i.stop_leg_e9 = 95 * E9;
    return i;
}

Test(gate_orders, the_legs_of_a_bracket_count_once_and_from_the_fill_on)
{
    open_gate(wide());
    PASSES(bracket(10 * E9));
    uint64_t head = next_id;
    cr_assert_eq(gate->open->count, 3);
    cr_assert_eq(open_sell(), 0);
    fill(head, 4 * E9, 100 * E9);
    cr_assert_eq(open_sell(), 0, "a part does not wake them");
    fill(head, 6 * E9, 100 * E9);
    cr_assert_eq(open_sell(), 10 * E9);
    cr_assert_eq(gate->open->count, 2);
    EXPECT(reducing(sell(E9, 101 * E9)), ATS_CHECK_NOT_REDUCING);
    answer(head + ATS_LEG_TARGET, ATS_EXEC_ACCEPTED);
    fill(head + ATS_LEG_TARGET, 3 * E9, 105 * E9);
    cr_assert_eq(open_sell(), 7 * E9);
    fill(head + ATS_LEG_STOP, 7 * E9, 95 * E9);
    cr_assert_eq(open_sell(), 0);
    cr_assert_eq(gate->open->count, 0);
    cr_assert_eq(gate->active_symbols, 0);
}

Test(gate_orders, a_leg_that_goes_leaves_the_other_to_count)
{
    open_gate(wide());
    PASSES(bracket(10 * E9));
    uint64_t head = next_id;
    fill(head, 10 * E9, 100 * E9);
    answer(head + ATS_LEG_TARGET, ATS_EXEC_CANCELED);
    cr_assert_eq(open_sell(), 10 * E9);
    answer(head + ATS_LEG_STOP, ATS_EXEC_CANCELED);
    cr_assert_eq(open_sell(), 0);
    PASSES(reducing(sell(10 * E9, 101 * E9)));
}

Test(gate_orders, legs_die_with_a_head_that_did_not_fill_whole)
{
    open_gate(wide());
    PASSES(bracket(10 * E9));
    uint64_t head = next_id;
    fill(head, 4 * E9, 100 * E9);
    answer(head, ATS_EXEC_CANCELED);
    cr_assert_eq(gate->open->count, 0);
    cr_assert_not(answer(head + ATS_LEG_STOP, ATS_EXEC_CANCELED), "it is gone");
    PASSES(bracket(10 * E9));
    head = next_id;
    answer(head + ATS_LEG_STOP, ATS_EXEC_REJECTED); /* one leg goes before */
    PASSES(buy(E9, 99 * E9)); /* and another order takes its place in the pool */
    fill(head, 10 * E9, 100 * E9);
    cr_assert_eq(open_sell(), 10 * E9);
    cr_assert_eq(gate->open->count, 2);
}

Test(gate_orders, an_oco_pair_holds_the_shares_once)
{
    open_gate(wide());
    hold(10);
    ats_intent i = reducing(sell(10 * E9, 105 * E9));
    i.order_class = ATS_ORDER_CLASS_OCO;
    i.target_e9 = 105 * E9;
    i.stop_leg_e9 = 95 * E9;
    PASSES(i);
    uint64_t head = next_id;
    cr_assert_eq(open_sell(), 10 * E9);
    fill(head + ATS_LEG_STOP, 4 * E9, 95 * E9);
    cr_assert_eq(open_sell(), 6 * E9);
    fill(head, 6 * E9, 105 * E9);
    cr_assert_eq(gate->open->count, 0);
    cr_assert_eq(gate->portfolio->holdings[1].qty_e9, 0);
}

Test(gate_orders, an_oto_has_one_leg)
{
    open_gate(wide());
    ats_intent i = buy(10 * E9, 100 * E9);
    i.order_class = ATS_ORDER_CLASS_OTO;
    i.stop_leg_e9 = 95 * E9;
    PASSES(i);
    uint64_t head = next_id;
    cr_assert_eq(gate->open->count, 2);
    fill(head, 10 * E9, 100 * E9);
    cr_assert_eq(open_sell(), 10 * E9);
    fill(head + ATS_LEG_STOP, 10 * E9, 95 * E9);
    cr_assert_eq(gate->open->count, 0);
}

/* ---- replacing --------------------------------------------------------------------------------
 */

static ats_intent replace(uint64_t target, int64_t qty_e9, int64_t limit_e9)
{
    ats_intent i = buy(qty_e9, limit_e9);
    i.action = ATS_INTENT_REPLACE;
    i.target_intent_id = target;
    return i;
}

static int64_t open_buy(void)
{
    cr_assert(ats_gate_check(gate));
    return gate->symbol[1].open_buy_e9;
}

Test(gate_orders, the_larger_of_two_stays_reserved_until_the_answer)
{
    ats_risk_limits l = wide();
    l.max_position_bps = 100; /* 1,000 */
    open_gate(l);
    PASSES(buy(8 * E9, 99 * E9));
    uint64_t old = next_id;
    EXPECT(buy(2 * E9, 98 * E9), ATS_CHECK_POSITION);
    PASSES(replace(old, 9 * E9, 98 * E9)); /* judged without the old one */
    uint64_t new = next_id;
    cr_assert_eq(open_buy(), 9 * E9);
    EXPECT(replace(old, E9, 98 * E9), ATS_CHECK_REPLACE_TARGET); /* one at a time */
    EXPECT(buy(E9, 98 * E9), ATS_CHECK_POSITION);
    ats_exec x = answer_of(old, ATS_EXEC_REPLACED);
    x.ref_order_id = new;
    ats_gate_exec(gate, &x);
    cr_assert_eq(open_buy(), 9 * E9);
    PASSES(replace(new, 2 * E9, 98 * E9));
    uint64_t smaller = next_id;
    cr_assert_eq(open_buy(), 9 * E9, "the old one still stands");
    x = answer_of(new, ATS_EXEC_REPLACED);
    x.ref_order_id = smaller;
    ats_gate_exec(gate, &x);
    cr_assert_eq(open_buy(), 2 * E9);
    cr_assert_eq(gate->open->count, 1);
}

Test(gate_orders, a_replacement_that_is_refused_leaves_the_old_one)
{
    open_gate(wide());
    PASSES(buy(8 * E9, 99 * E9));
    uint64_t old = next_id;
    PASSES(replace(old, 20 * E9, 98 * E9));
    answer(old, ATS_EXEC_REPLACE_REJECTED);
    cr_assert_eq(open_buy(), 8 * E9);
    PASSES(replace(old, 20 * E9, 98 * E9));
    answer(next_id, ATS_EXEC_REJECTED); /* it never left */
    cr_assert_eq(open_buy(), 8 * E9);
    PASSES(replace(old, 20 * E9, 98 * E9));
    fill(old, 8 * E9, 99 * E9); /* the old one fills meanwhile */
    cr_assert_eq(open_buy(), 20 * E9, "and the new one may still rest");
    answer(old, ATS_EXEC_REPLACE_REJECTED);
    cr_assert_eq(open_buy(), 0);
    EXPECT(replace(old, E9, 98 * E9), ATS_CHECK_REPLACE_TARGET);
    cr_assert_eq(gate->open->count, 0);
}

Test(gate_orders, a_replacement_that_the_gate_refuses_changes_nothing)
{
    ats_risk_limits l = wide();
    l.max_order_qty_e9 = 10 * E9;
    open_gate(l);
    PASSES(buy(8 * E9, 99 * E9));
    uint64_t old = next_id;
    EXPECT(replace(old, 11 * E9, 98 * E9), ATS_CHECK_MAX_QTY);
    cr_assert_eq(open_buy(), 8 * E9);
    ats_intent other = replace(old, E9, 98 * E9);
    other.h.symbol_id = 2;
    EXPECT(other, ATS_CHECK_REPLACE_TARGET);
    other = replace(old, E9, 101 * E9);
    other.side = ATS_SIDE_SELL;
    EXPECT(other, ATS_CHECK_REPLACE_TARGET);
}

Test(gate_orders, a_leg_that_is_replaced_stays_one_of_a_pair)
{
    open_gate(wide());
    PASSES(bracket(10 * E9));
    uint64_t head = next_id;
    fill(head, 10 * E9, 100 * E9);
    ats_intent i = reducing(replace(head + ATS_LEG_STOP, 10 * E9, 0));
    i.side = ATS_SIDE_SELL;
    i.type = ATS_ORDER_STOP;
    i.stop_e9 = 97 * E9;
    EXPECT(i, ATS_CHECK_NOT_REDUCING); /* the target holds the shares: the pair has them once */
    answer(head + ATS_LEG_TARGET, ATS_EXEC_CANCELED);
    PASSES(i);
    cr_assert_eq(open_sell(), 10 * E9);
}

/* ---- limits that change -----------------------------------------------------------------------
 */

static void limit(uint32_t id, int64_t value, int64_t until_ns)
{
    control((ats_control){.code = ATS_CONTROL_LIMIT,
                          .limit = {.value = value, .until_ns = until_ns, .limit_id = id}});
}

Test(gate_orders, a_limit_holds_until_its_time)
{
    ats_risk_limits l = wide();
    l.max_order_qty_e9 = 10 * E9;
    open_gate(l);
    limit(ATS_LIMIT_MAX_ORDER_QTY, 5 * E9, NOW + SEC);
    cr_assert(told_env(ATS_ENV_LIMIT));
    EXPECT(buy(6 * E9, 99 * E9), ATS_CHECK_MAX_QTY);
    clock_at(NOW + SEC - 1);
    EXPECT(buy(6 * E9, 99 * E9), ATS_CHECK_MAX_QTY);
    clock_at(NOW + SEC);
    cr_assert(told_env(ATS_ENV_LIMIT));
    PASSES(buy(6 * E9, 99 * E9));
    limit(ATS_LIMIT_MAX_ORDER_QTY, 20 * E9, 0);
    PASSES(buy(20 * E9, 99 * E9));
    gate->event_count = 0;
    limit(ATS_LIMIT_MAX_ORDER_QTY, 20 * E9 + 1, 0);
    cr_assert(told_env(ATS_ENV_LIMIT_REFUSED), "more than twice");
    limit(ATS_LIMIT_MAX_ORDER_QTY, 0, 0);
    cr_assert(told_env(ATS_ENV_LIMIT_REFUSED), "out of range");
    limit(ATS_LIMIT_MAX_ORDER_QTY, E9, now_ns);
    cr_assert(told_env(ATS_ENV_LIMIT_REFUSED), "over already");
    limit(ATS_LIMIT_COUNT, E9, 0);
    cr_assert(told_env(ATS_ENV_LIMIT_REFUSED), "no such limit");
    EXPECT(buy(21 * E9, 99 * E9), ATS_CHECK_MAX_QTY);
}

Test(gate_orders, every_limit_knows_which_way_is_looser)
{
    ats_risk_limits loose = wide();
    for (uint32_t id = 0; id < ATS_LIMIT_COUNT; id++) {
        const ats_limit *l = ats_limit_at(id);
        int64_t base = l->least < 1000 && l->most >= 1000 ? 1000 : l->least * 2;
        cr_expect_eq(ats_limit_find(l->name), (int)id);
        cr_expect_str_eq(ats_limit_label(id), l->name);
        cr_expect(ats_limit_allows(id, base, base), "%s", l->name);
        if (l->flags & ATS_LIMIT_LARGER_IS_LOOSER) {
            if (2 * base < l->most)
                cr_expect_not(ats_limit_allows(id, base, 2 * base + 1), "%s", l->name);
            cr_expect(ats_limit_allows(id, base, l->least > 1 ? l->least : 1), "%s", l->name);
        } else {
            cr_expect_not(ats_limit_allows(id, base, base / 2 - 1), "%s", l->name);
        }
        cr_expect_not(ats_limit_allows(id, base, l->most + 1), "%s", l->name);
        ats_limit_set(&loose, id, l->most + 1);
        if (l->most < UINT32_MAX)
            cr_expect_str_eq(ats_limits_check(&loose), l->name);
        ats_limit_set(&loose, id, l->most);
        cr_expect_eq(ats_limit_get(&loose, id), l->most);
    }
    cr_expect_null(ats_limits_check(&loose));
    cr_expect_not(ats_limit_allows(ATS_LIMIT_MAX_VOLUME_SHARE, 100, 0), "0 would be unlimited");
}

Test(gate_orders, safe_mode_halves)
{
    ats_risk_limits l = wide();
    l.max_order_qty_e9 = 10 * E9;
    l.safe_drawdown_bps = 50;
    open_gate(l);
    control((ats_control){.code = ATS_CONTROL_SAFE_MODE, .limit = {.value = 1}});
    cr_assert(told_env(ATS_ENV_SAFE_MODE));
    PASSES(buy(5 * E9, 99 * E9));
    EXPECT(buy(6 * E9, 99 * E9), ATS_CHECK_MAX_QTY);
    control((ats_control){.code = ATS_CONTROL_SAFE_MODE});
    PASSES(buy(10 * E9, 99 * E9));
    /* By drawdown: 0.5 % of 100,000, for the day. */
    ats_portfolio_fill(gate->portfolio, 2, 100 * E9, 100 * E9, 0, 0);
    gate_refresh(gate, 2);
    gate->event_count = 0;
    quote(2, 95 * E9, 95 * E9 + 2 * CENT); /* 499.50 below 100,000.50 */
    cr_assert_not(told_env(ATS_ENV_SAFE_MODE));
    quote(2, 94 * E9, 94 * E9 + CENT);
    cr_assert(told_env(ATS_ENV_SAFE_MODE));
    EXPECT(buy(6 * E9, 99 * E9), ATS_CHECK_MAX_QTY);
    clock_at(NOW + DAY);
    quote(1, 100 * E9, 100 * E9 + CENT);
    PASSES(buy(10 * E9, 99 * E9));
}

/* ---- what the broker and the calendar bring -----------------------------------------------------
 */

Test(gate_orders, busts_and_corrections)
{
    open_gate(wide());
    PASSES(buy(10 * E9, 100 * E9));
    fill(next_id, 10 * E9, 100 * E9);
    uint64_t exec = next_exec;
    ats_exec x = {.h = {.symbol_id = 1, .recv_ns = now_ns},
                  .type = ATS_EXEC_CORRECTED,
                  .ref_exec_id = exec,
                  .side = ATS_SIDE_BUY,
                  .last_qty_e9 = 8 * E9,
                  .last_px_e9 = 99 * E9};
    ats_gate_exec(gate, &x);
    cr_assert_eq(gate->portfolio->holdings[1].qty_e9, 8 * E9);
    x.type = ATS_EXEC_BUSTED;
    ats_gate_exec(gate, &x);
    cr_assert_eq(gate->portfolio->holdings[1].qty_e9, 0);
    cr_assert_eq(gate->active_symbols, 0);
    cr_assert(ats_portfolio_equity(gate->portfolio) == ats_money_from_e9(100000 * E9));
    ats_gate_exec(gate, &x);
    cr_assert_eq(gate->busts_refused, 1);
    cr_assert(told_env(ATS_ENV_BUST_UNKNOWN));
    cr_assert(ats_gate_check(gate));
}

Test(gate_orders, a_split_makes_old_prices_worthless)
{
    open_gate(wide());
    hold(10);
    ats_market m = {
        .corporate_action = {
            .h = {.kind = ATS_KIND_CORPORATE_ACTION, .symbol_id = 1, .recv_ns = NOW + DAY},
            .action = ATS_ACTION_SPLIT,
            .ratio_numerator = 4,
            .ratio_denominator = 1}};
    market(&m);
    now_ns = NOW + DAY;
    cr_assert_eq(gate->portfolio->holdings[1].qty_e9, 40 * E9);
    cr_assert_eq(gate->portfolio->holdings[1].mark_e9, 25 * E9 + CENT / 8);
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_NO_MARKET);
    quote(1, 25 * E9, 25 * E9 + CENT);
    PASSES(reducing(sell(40 * E9, 25 * E9)));
    m.corporate_action.ratio_numerator = 0;
    market(&m);
    cr_assert_eq(gate->actions_refused, 1);
    cr_assert(told_env(ATS_ENV_ACTION_REFUSED));
    m.corporate_action.action = ATS_ACTION_DIVIDEND;
    m.corporate_action.cash_e9 = E9;
    market(&m);
    cr_assert(gate->portfolio->dividends_e18 == ats_money_from_e9(40 * E9));
    cr_assert(ats_gate_check(gate));
}

Test(gate_orders, shorts_pay_for_what_they_borrow)
{
    memset(references, 0, sizeof references);
    references[1] = (ats_reference){
        .listed = true, .easy_to_borrow = true, .marginable = true, .borrow_rate_bps = 360};
    open_gate_knowing(wide());
    PASSES(sell(100 * E9, 100 * E9));
    fill(next_id, 100 * E9, 100 * E9);
    quote(1, 100 * E9 - CENT, 100 * E9 + CENT);
    clock_at(NOW + 3 * DAY); /* a weekend at 3.6 %: three days of one */
    cr_assert(gate->portfolio->borrow_e18 == ats_money_from_e9(3 * E9));
    cr_assert(ats_gate_check(gate));
}
