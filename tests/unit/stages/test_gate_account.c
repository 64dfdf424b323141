/* Each check of the account at its limit, one step inside and one step outside: groups 8 to 11. */
#include "gate_fixture.h"

/* ---- 8 -------------------------------------------------------------------------------------- */

Test(gate_account, reduce_only_counts_what_is_open)
{
    open_gate(wide());
    hold(10);
    EXPECT(reducing(sell(11 * E9, 100 * E9)), ATS_CHECK_NOT_REDUCING);
    PASSES(reducing(sell(6 * E9, 100 * E9)));
    EXPECT(reducing(sell(5 * E9, 100 * E9)), ATS_CHECK_NOT_REDUCING);
    cr_assert_eq(verdict.limit_e9, 4 * E9);
    PASSES(reducing(sell(4 * E9, 100 * E9)));
    EXPECT(reducing(buy(E9, 90 * E9)), ATS_CHECK_NOT_REDUCING);
}

Test(gate_account, position_counts_what_is_open)
{
    ats_risk_limits l = wide();
    l.max_position_bps = 100; /* 1,000 of 100,000 */
    open_gate(l);
    /* At the offer, 100.01: nine shares are 900.09, ten are 1000.10. */
    PASSES(buy(9 * E9, 100 * E9));
    cr_assert_eq(verdict.measured_e9, 900 * E9 + 9 * CENT);
    cr_assert_eq(verdict.limit_e9, 1000 * E9);
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_POSITION);
    answer(next_id - 3, ATS_EXEC_CANCELED);
    PASSES(buy(E9, 100 * E9));
}

static ats_intent in(uint32_t symbol, ats_intent i)
{
    i.h.symbol_id = symbol;
    return i;
}

Test(gate_account, gross_and_net)
{
    ats_risk_limits l = wide();
    l.max_gross_bps = 200; /* 2,000 */
    open_gate(l);
    PASSES(buy(10 * E9, 99 * E9));
    PASSES(in(2, sell(9 * E9, 101 * E9)));
    EXPECT(in(3, buy(E9, 99 * E9)), ATS_CHECK_GROSS);
    l = wide();
    l.max_net_bps = 200;
    open_gate(l);
    PASSES(buy(10 * E9, 99 * E9));
    PASSES(in(3, buy(9 * E9, 99 * E9)));
    EXPECT(in(2, buy(E9, 99 * E9)), ATS_CHECK_NET);
    PASSES(in(2, sell(19 * E9, 101 * E9)));
    EXPECT(in(4, sell(E9, 101 * E9)), ATS_CHECK_NET); /* either side alone may fill */
}

Test(gate_account, shorts_are_a_share_of_what_gross_allows)
{
    ats_risk_limits l = wide();
    l.max_gross_bps = 200;
    l.max_short_bps = 5000; /* 1,000 */
    open_gate(l);
    PASSES(sell(9 * E9, 101 * E9));
    EXPECT(in(2, sell(E9, 101 * E9)), ATS_CHECK_SHORT);
    PASSES(in(2, buy(E9, 99 * E9)));
    l.max_short_bps = 0;
    open_gate(l);
    EXPECT(sell(E9, 101 * E9), ATS_CHECK_SHORT);
    hold(5);
    PASSES(sell(5 * E9, 101 * E9)); /* what is held is no short sale */
}

Test(gate_account, a_sector_and_the_number_of_positions)
{
    ats_risk_limits l = wide();
    l.max_sector_bps = 200;
    memset(references, 0, sizeof references);
    for (int s = 1; s <= 4; s++)
        references[s] =
            (ats_reference){.listed = true, .marginable = true, .sector = s == 4 ? 2 : 1};
    open_gate_knowing(l);
    PASSES(buy(10 * E9, 99 * E9));
    PASSES(in(2, buy(9 * E9, 99 * E9)));
    EXPECT(in(3, buy(E9, 99 * E9)), ATS_CHECK_CONCENTRATION);
    PASSES(in(4, buy(E9, 99 * E9)));
    PASSES(in(5, buy(15 * E9, 99 * E9))); /* of no known sector */
    l = wide();
    l.max_positions = 2;
    open_gate(l);
    PASSES(buy(E9, 99 * E9));
    PASSES(in(2, buy(E9, 99 * E9)));
    EXPECT(in(3, buy(E9, 99 * E9)), ATS_CHECK_POSITION_COUNT);
    PASSES(buy(E9, 98 * E9)); /* one more of the same is no further position */
}

Test(gate_account, an_unanswered_order_counts_at_full_size)
{
    ats_risk_limits l = wide();
    l.max_gross_bps = 200;
    open_gate(l);
    PASSES(buy(19 * E9, 99 * E9));
    uint64_t id = next_id;
    fill(id, 5 * E9, 99 * E9);
    answer(id, ATS_EXEC_CANCEL_REJECTED);
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_GROSS);
    answer(id, ATS_EXEC_EXPIRED);
    PASSES(buy(14 * E9, 99 * E9));
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_GROSS);
}

/* ---- 9 -------------------------------------------------------------------------------------- */

Test(gate_account, buying_power_of_a_margin_account)
{
    ats_risk_limits l = wide();
    l.buying_power_bps = 20000;
    l.max_order_notional_e9 = 1000000 * E9;
    open_gate(l);
    quote(5, 100 * E9, 100 * E9); /* locked, so that its value is round; reopened below */
    quote(5, 100 * E9 - CENT, 100 * E9);
    quote(1, 100 * E9 - CENT, 100 * E9);
    PASSES(buy(1999 * E9, 100 * E9)); /* the mark is 99.995 */
    EXPECT(in(2, buy(E9, 100 * E9 + CENT)), ATS_CHECK_PASS);
    EXPECT(in(3, buy(E9, 100 * E9 + CENT)), ATS_CHECK_BUYING_POWER);
    /* Crypto is paid for in full: it takes twice as much of the same. */
    open_gate(l);
    PASSES(in(5, buy(999 * E9, 100 * E9)));
    EXPECT(in(5, buy(2 * E9, 100 * E9)), ATS_CHECK_BUYING_POWER);
}

Test(gate_account, a_cash_account_buys_with_what_has_settled)
{
    ats_risk_limits l = wide();
    l.account_type = ATS_ACCOUNT_CASH;
    open_gate_on(l, NOW + 60 * SEC);
    EXPECT(sell(E9, 100 * E9), ATS_CHECK_SHORTABLE);
    PASSES(buy(999 * E9, 100 * E9 + CENT)); /* 99,909.99 of 100,000 */
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_SETTLED_CASH);
    cr_assert_eq(verdict.limit_e9, 100000 * E9);
    fill(next_id - 3, 999 * E9, 100 * E9);
    PASSES(sell(500 * E9, 100 * E9));
    fill(next_id, 500 * E9, 100 * E9);
    EXPECT(buy(2 * E9, 100 * E9), ATS_CHECK_SETTLED_CASH); /* 100 are left, 50,000 come later */
    quote_at(1, 100 * E9, 100 * E9 + CENT, NOW + DAY);     /* before 2024-05-28: two days */
    EXPECT(buy(2 * E9, 100 * E9), ATS_CHECK_SETTLED_CASH);
    quote_at(1, 100 * E9, 100 * E9 + CENT, NOW + 2 * DAY);
    PASSES(buy(2 * E9, 100 * E9));
}

Test(gate_account, sales_settle_on_the_next_day_since_2024_05_28)
{
    ats_risk_limits l = wide();
    l.account_type = ATS_ACCOUNT_CASH;
    const int64_t friday = 1717162200ll * SEC; /* 2024-05-31 09:30 in New York */
    open_gate_on(l, friday);
    PASSES(buy(999 * E9, 100 * E9));
    fill(next_id, 999 * E9, 100 * E9);
    PASSES(sell(500 * E9, 100 * E9));
    fill(next_id, 500 * E9, 100 * E9);
    quote_at(1, 100 * E9, 100 * E9 + CENT, friday + 2 * DAY);
    ats_intent i = buy(2 * E9, 100 * E9);
    i.tif = ATS_TIF_GTC;
    EXPECT(i, ATS_CHECK_SETTLED_CASH); /* a Sunday settles nothing */
    quote_at(1, 100 * E9, 100 * E9 + CENT, friday + 3 * DAY);
    PASSES(buy(2 * E9, 100 * E9));
}

Test(gate_account, short_sales)
{
    memset(references, 0, sizeof references);
    references[1] = (ats_reference){.listed = true, .marginable = true, .easy_to_borrow = true};
    references[2] = (ats_reference){.listed = true, .marginable = true};
    open_gate_knowing(wide());
    gate->symbol[1].lot_e9 = E9 / 10;
    PASSES(sell(E9, 100 * E9));
    EXPECT(sell(E9 + E9 / 10, 100 * E9), ATS_CHECK_SHORT_LOT);
    EXPECT(in(2, sell(E9, 100 * E9)), ATS_CHECK_SHORTABLE);
    EXPECT(in(3, sell(E9, 100 * E9)), ATS_CHECK_SHORTABLE); /* not in the table */
    open_gate(wide());
    PASSES(in(3, sell(E9, 100 * E9))); /* no table */
}

Test(gate_account, rule_201_holds_today_and_the_next_day)
{
    open_gate_on(wide(), NOW + 60 * SEC);
    status(1, ATS_STATUS_SHORT_RESTRICTED, 0, 0);
    EXPECT(sell(E9, 100 * E9), ATS_CHECK_SHORT_SALE_RULE);
    PASSES(sell(E9, 100 * E9 + CENT));
    ats_intent m = sell(E9, 0);
    m.type = ATS_ORDER_MARKET;
    EXPECT(m, ATS_CHECK_SHORT_SALE_RULE);
    PASSES(in(2, sell(E9, 100 * E9)));
    quote_at(1, 100 * E9, 100 * E9 + CENT, NOW + DAY + 60 * SEC);
    EXPECT(sell(E9, 100 * E9), ATS_CHECK_SHORT_SALE_RULE);
    quote_at(1, 100 * E9, 100 * E9 + CENT, NOW + 2 * DAY + 60 * SEC);
    PASSES(sell(E9, 100 * E9));
}

Test(gate_account, long_to_short_takes_two_orders)
{
    open_gate(wide());
    hold(10);
    PASSES(sell(10 * E9, 101 * E9));
    answer(next_id, ATS_EXEC_CANCELED);
    EXPECT(sell(11 * E9, 101 * E9), ATS_CHECK_THROUGH_ZERO);
    fill(999, E9, E9); /* a stranger's fill is booked all the same */
    cr_assert_eq(gate->fills_unknown, 1);
    open_gate(wide());
    PASSES(sell(5 * E9, 100 * E9));
    fill(next_id, 5 * E9, 100 * E9);
    EXPECT(buy(6 * E9, 100 * E9), ATS_CHECK_THROUGH_ZERO);
    PASSES(buy(5 * E9, 100 * E9));
}

static void day_trade(uint32_t symbol)
{
    PASSES(in(symbol, buy(2 * E9, 100 * E9)));
    uint64_t id = next_id;
    fill(id, E9, 100 * E9);
    fill(id, E9, 100 * E9);
    PASSES(in(symbol, reducing(sell(2 * E9, 100 * E9))));
    id = next_id;
    fill(id, E9, 100 * E9);
    fill(id, E9, 100 * E9); /* parts of one order are one day trade */
}

Test(gate_account, pattern_day_trades_before_2026_06_04)
{
    ats_risk_limits l = wide();
    l.pattern_day_trades = 3;
    l.pattern_day_equity_e9 = 200000 * E9;
    open_gate_on(l, NOW + 60 * SEC);
    day_trade(1);
    day_trade(1);
    PASSES(buy(E9, 100 * E9)); /* this may become the third */
    EXPECT(in(2, buy(E9, 100 * E9)), ATS_CHECK_PATTERN_DAY_TRADE);
    PASSES(in(5, buy(E9, 100 * E9))); /* crypto does not count */
    answer(next_id - 6, ATS_EXEC_CANCELED);
    day_trade(2);
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_PATTERN_DAY_TRADE);
}

Test(gate_account, day_trades_are_forgotten_after_five_sessions)
{
    ats_risk_limits l = wide();
    l.pattern_day_trades = 1;
    l.pattern_day_equity_e9 = 200000 * E9;
    open_gate_on(l, NOW + 60 * SEC); /* a Tuesday */
    day_trade(1);
    const int64_t monday = NOW + 60 * SEC + 6 * DAY;
    quote_at(1, 100 * E9, 100 * E9 + CENT, monday); /* the fifth day */
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_PATTERN_DAY_TRADE);
    quote_at(1, 100 * E9, 100 * E9 + CENT, monday + DAY);
    PASSES(buy(E9, 100 * E9));
    l.pattern_day_equity_e9 = 50000 * E9;
    open_gate_on(l, NOW + 60 * SEC);
    day_trade(1);
    PASSES(buy(E9, 100 * E9)); /* a large account may */
}

Test(gate_account, intraday_margin_from_2026_06_04)
{
    ats_risk_limits l = wide();
    l.maintenance_long_bps = 2500;
    l.maintenance_short_bps = 3000;
    l.pattern_day_trades = 0;
    l.pattern_day_equity_e9 = 200000 * E9;
    l.max_order_notional_e9 = ATS_VALUE_MAX_E9;
    const int64_t last = 1780493400ll * SEC; /* 2026-06-03 09:30 in New York */
    open_gate_on(l, last);
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_PATTERN_DAY_TRADE);
    open_gate_on(l, last + DAY);
    for (uint32_t s = 1; s <= 2; s++)
        quote(s, 100 * E9 - 2 * CENT, 100 * E9);
    PASSES(buy(3999 * E9, 100 * E9)); /* at its mark, 99.99, a quarter of it is 99,965.0025 */
    PASSES(in(2, buy(E9, 100 * E9)));
    EXPECT(in(2, buy(2 * E9, 99 * E9)), ATS_CHECK_INTRADAY_MARGIN);
    answer(next_id - 3, ATS_EXEC_CANCELED);
    EXPECT(in(2, sell(2 * E9, 101 * E9)), ATS_CHECK_INTRADAY_MARGIN);
    PASSES(in(2, sell(E9, 101 * E9)));
}

/* ---- 10 ------------------------------------------------------------------------------------- */

Test(gate_account, risk_per_trade_is_distance_times_size)
{
    ats_risk_limits l = wide();
    l.max_risk_per_trade_bps = 10; /* 100 of 100,000 */
    open_gate(l);
    PASSES(buy(100 * E9, 100 * E9));
    EXPECT(buy(101 * E9, 100 * E9), ATS_CHECK_RISK_PER_TRADE);
    ats_intent unprotected = buy(2 * E9, 100 * E9);
    unprotected.stop_distance_e9 = 0;
    EXPECT(unprotected, ATS_CHECK_RISK_PER_TRADE); /* all of it is at risk */
    unprotected.order_class = ATS_ORDER_CLASS_OTO;
    unprotected.stop_leg_e9 = 50 * E9;
    PASSES(unprotected); /* its own stop says how much */
    cr_assert_eq(verdict.risk_e9, 100 * E9);
    unprotected.stop_leg_e9 -= CENT;
    EXPECT(unprotected, ATS_CHECK_RISK_PER_TRADE);
}

static void covariance(uint32_t version, uint32_t entries, uint32_t a, uint32_t b,
                       int64_t value_e18)
{
    control((ats_control){.code = ATS_CONTROL_COVARIANCE,
                          .covariance = {.value_e18 = value_e18,
                                         .symbol_a = a,
                                         .symbol_b = b,
                                         .version = version,
                                         .entries = entries}});
}

/* Two symbols of 10 % a day with a correlation of a half. */
static void matrix(uint32_t version)
{
    covariance(version, 3, 1, 1, ATS_COVARIANCE_MAX_E18 / 100);
    covariance(version, 3, 2, 2, ATS_COVARIANCE_MAX_E18 / 100);
    covariance(version, 3, 2, 1, ATS_COVARIANCE_MAX_E18 / 200);
}

Test(gate_account, portfolio_risk_by_the_matrix)
{
    ats_risk_limits l = wide();
    l.max_portfolio_risk_bps = 100; /* 1,000: one position of 10,000, alone */
    open_gate(l);
    quote(1, 100 * E9 - CENT, 100 * E9);
    PASSES(buy(200 * E9, 99 * E9)); /* no matrix: passes, and is counted */
    cr_assert_eq(gate->without_covariance, 1);
    answer(next_id, ATS_EXEC_CANCELED);
    matrix(1);
    cr_assert(told_env(ATS_ENV_COVARIANCE));
    PASSES(buy(100 * E9, 99 * E9));
    answer(next_id, ATS_EXEC_CANCELED);
    EXPECT(buy(101 * E9, 99 * E9), ATS_CHECK_PORTFOLIO_RISK);
    cr_assert_eq(verdict.measured_e9, 1010 * E9);
    cr_assert_eq(verdict.limit_e9, 1000 * E9);
    /* Open orders count as one with the rest: 50 and 50 may, 50 and 51 may not. */
    PASSES(buy(50 * E9, 99 * E9));
    quote(2, 100 * E9 - CENT, 100 * E9);
    PASSES(in(2, buy(49 * E9, 99 * E9)));
    EXPECT(in(2, buy(2 * E9, 98 * E9)), ATS_CHECK_PORTFOLIO_RISK);
    answer(next_id - 3, ATS_EXEC_CANCELED);
    /* Held at a half: 50 and 60 are sqrt(25 + 36 + 30) = 9.54 times 100, 50 and 70 are 10.44. */
    fill(next_id - 6, 50 * E9, 99 * E9);
    PASSES(in(2, buy(60 * E9, 99 * E9)));
    EXPECT(in(2, buy(10 * E9, 98 * E9)), ATS_CHECK_PORTFOLIO_RISK);
    answer(next_id - 3, ATS_EXEC_CANCELED);
    PASSES(in(2, sell(70 * E9, 101 * E9))); /* a hedge takes risk away: sqrt(25 + 49 - 35) */
    PASSES(in(3, buy(500 * E9, 99 * E9)));  /* a symbol without a variance */
    cr_assert_eq(gate->without_covariance, 2);
}

Test(gate_account, correlation_with_a_position_of_the_same_direction)
{
    ats_risk_limits l = wide();
    l.max_correlation_bps = 5000;
    open_gate(l);
    matrix(1);
    hold(10);
    PASSES(in(2, buy(10 * E9, 99 * E9))); /* at the limit */
    answer(next_id, ATS_EXEC_CANCELED);
    covariance(2, 3, 1, 1, ATS_COVARIANCE_MAX_E18 / 100);
    covariance(2, 3, 2, 2, ATS_COVARIANCE_MAX_E18 / 100);
    PASSES(in(2, buy(10 * E9, 99 * E9))); /* a version counts when it is whole */
    answer(next_id, ATS_EXEC_CANCELED);
    covariance(2, 3, 1, 2, ATS_COVARIANCE_MAX_E18 / 200 + 2000000000000);
    EXPECT(in(2, buy(10 * E9, 99 * E9)), ATS_CHECK_CORRELATION);
    PASSES(in(2, sell(10 * E9, 101 * E9))); /* the other direction */
}

Test(gate_account, covariances_that_make_no_matrix_are_refused)
{
    open_gate(wide());
    matrix(5);
    gate->event_count = 0;
    covariance(5, 3, 1, 1, E9);
    cr_assert(told_env(ATS_ENV_COVARIANCE_REFUSED), "a version that is in use");
    covariance(6, 3, 1, 9, E9);
    cr_assert(told_env(ATS_ENV_COVARIANCE_REFUSED), "no such symbol");
    covariance(6, 3, 1, 1, -1);
    cr_assert(told_env(ATS_ENV_COVARIANCE_REFUSED), "no variance");
    covariance(6, 3, 1, 1, E9);
    covariance(6, 3, 1, 1, E9);
    cr_assert(told_env(ATS_ENV_COVARIANCE_REFUSED), "told twice");
    covariance(6, 3, 2, 1, E9);
    covariance(6, 3, 3, 1, E9);
    cr_assert(told_env(ATS_ENV_COVARIANCE_REFUSED), "three entries, one variance: not whole");
    cr_assert_eq(gate->covariance->version, 5);
    matrix(7);
    cr_assert_eq(gate->covariance->version, 7);
}

/* ---- 11 ------------------------------------------------------------------------------------- */

Test(gate_account, drawdown_latches_for_the_day)
{
    ats_risk_limits l = wide();
    l.max_drawdown_bps = 100; /* 1,000 */
    open_gate(l);
    PASSES(buy(1000 * E9, 100 * E9));
    fill(next_id, 1000 * E9, 100 * E9);
    int64_t high = 100000 * E9 + 5 * E9; /* marked at 100.005 */
    cr_assert_eq(ats_money_round_e9(gate->portfolio->high_water_e18), high);
    quote(1, 99 * E9, 99 * E9 + CENT); /* mid 99.005: 1,000.00 down, of 1,000.05 */
    PASSES(buy(E9, 99 * E9));
    quote(1, 99 * E9 - CENT, 99 * E9 + CENT); /* 99.000: 1,005 down */
    cr_assert(told_env(ATS_ENV_DRAWDOWN));
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_DRAWDOWN);
    PASSES(reducing(sell(E9, 100 * E9)));
    quote(1, 100 * E9, 100 * E9 + CENT);
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_DRAWDOWN); /* recovery does not undo it */
    control((ats_control){.code = ATS_CONTROL_REARM});
    EXPECT(buy(E9, 99 * E9), ATS_CHECK_DRAWDOWN); /* nor does a person, this day */
    quote_at(1, 100 * E9, 100 * E9 + CENT, NOW + DAY);
    PASSES(buy(E9, 99 * E9));
}

/* The first order of a new day must not wipe out what the morning lost. */
Test(gate_account, a_fall_before_the_first_order_of_a_day_counts)
{
    ats_risk_limits l = wide();
    l.max_drawdown_bps = 100;
    open_gate(l);
    hold(500);
    quote_at(1, 100 * E9, 100 * E9 + CENT, NOW + DAY);
    quote_at(1, 90 * E9, 90 * E9 + CENT, NOW + DAY + SEC);
    EXPECT(buy(E9, 90 * E9), ATS_CHECK_DRAWDOWN);
    cr_assert_gt(verdict.drawdown_e9, 4900 * E9);
}

Test(gate_account, the_trading_day_is_new_york_s)
{
    ats_risk_limits l = wide();
    l.max_day_trades = 1;
    open_gate_on(l, NOW + 60 * SEC);
    hold(1);
    ats_intent i = buy(E9, 100 * E9);
    i.tif = ATS_TIF_GTC;
    i.h.recv_ns = 1704240000ll * SEC + 4 * 3600 * SEC; /* 23:00 of the same day there */
    quote_at(1, 100 * E9, 100 * E9 + CENT, i.h.recv_ns);
    EXPECT(i, ATS_CHECK_DAY_TRADES);
    i.h.recv_ns += 3600 * SEC; /* midnight */
    quote_at(1, 100 * E9, 100 * E9 + CENT, i.h.recv_ns);
    PASSES(i);
}

Test(gate_account, losses_in_a_row_and_fills_a_day)
{
    ats_risk_limits l = wide();
    l.max_loss_streak = 2;
    open_gate(l);
    for (int n = 0; n < 2; n++) {
        hold(1);
        PASSES(reducing(sell(E9, 100 * E9)));
        fill(next_id, E9, 100 * E9);
    }
    cr_assert(told_env(ATS_ENV_LOSS_STREAK));
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_LOSS_STREAK);
    control((ats_control){.code = ATS_CONTROL_REARM});
    PASSES(buy(E9, 100 * E9));
    l = wide();
    l.max_day_trades = 3;
    open_gate(l);
    hold(1), hold(1);
    PASSES(buy(E9, 100 * E9));
    fill(next_id, E9, 100 * E9);
    EXPECT(buy(E9, 100 * E9), ATS_CHECK_DAY_TRADES);
}

Test(gate_account, a_full_table_refuses)
{
    open_gate(wide());
    for (int n = 0; n < 62; n++)
        PASSES(buy(E9, 99 * E9 - n * CENT));
    ats_intent i = buy(E9, 99 * E9);
    i.order_class = ATS_ORDER_CLASS_BRACKET;
    i.target_e9 = 101 * E9;
    i.stop_leg_e9 = 98 * E9;
    EXPECT(i, ATS_CHECK_ORDER_TABLE_FULL); /* three places are wanted */
    PASSES(buy(E9, 50 * E9));
    PASSES(buy(E9, 51 * E9));
    EXPECT(buy(E9, 52 * E9), ATS_CHECK_ORDER_TABLE_FULL);
}
