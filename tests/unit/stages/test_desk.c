/* The desk in a whole chain: strategies that do anything at all, every algorithm, every guard, and
 * commands at any moment. What must hold then: positions of strategies add up to the account's,
 * cash agrees to the last unit, nothing is left open, and a flatten ends flat. */
#include "tests/unit/stages/chain_run.h"

#include <criterion/criterion.h>

#define SECOND_NS   ATS_E9
#define DAY_RECORDS 30000u /* two minutes of the made-up day */

/* ---- a strategy that does anything ------------------------------------------------------------
 */

static size_t any_bytes(const ats_strategy_setup *setup)
{
    (void)setup;
    return 64;
}

static int any_init(void *state, const ats_strategy_setup *setup, char *why, size_t bytes)
{
    (void)state, (void)setup, (void)why, (void)bytes;
    return 0;
}

/* The states of the orders at the broker when a command came, a bit each. */
static int64_t command_ns;
static uint32_t states_at_command;

static void note_states(const ats_strategy_host *host)
{
    const ats_strategies *s = ((const ats_runner *)host->engine)->strategies;
    const ats_chain *chain =
        (const void *)((const char *)s->config.context - offsetof(ats_chain, context));
    const ats_order_table *orders = ats_route_orders(ats_chain_state(chain, ATS_CHAIN_ROUTE));
    states_at_command = 0;
    for (uint32_t i = 0; i < orders->capacity; i++)
        if (orders->pool[i].order_id != 0)
            states_at_command |= 1u << orders->pool[i].state;
}

static uint64_t below(const ats_strategy_host *host, uint64_t bound)
{
    return host->random(host) % bound;
}

static void any_market(void *state, const ats_strategy_host *host, const ats_market_view *v)
{
    ats_position_view p;
    (void)state;
    if (v->now_ns < command_ns && v->now_ns > command_ns - SECOND_NS)
        note_states(host);
    if (below(host, 40))
        return;
    host->position(host, v->symbol, &p);
    if (p.qty_e9 == 0 && !p.entering) {
        int64_t distance = v->price_e9 / 10000 * (int64_t)(1 + below(host, 60));
        ats_entry e = {.symbol = v->symbol,
                       .side = 1 + (uint32_t)below(host, 2),
                       .qty_e9 = (int64_t)below(host, 9) * ATS_E9,
                       .stop_distance_e9 = distance,
                       .target_distance_e9 = below(host, 2) ? distance : 0,
                       .trail_distance_e9 = below(host, 3) ? 0 : distance,
                       .hold_ns = (int64_t)below(host, 400) * SECOND_NS,
                       .score = (double)below(host, 100),
                       .confidence = (double)below(host, 100) / 100,
                       .urgency = (double)below(host, 101) / 100,
                       .keep_overnight = (uint32_t)below(host, 2)};
        host->enter(host, &e);
    } else if (below(host, 12) == 0) {
        host->leave(host, v->symbol, (double)below(host, 101) / 100, "any");
    } else if (p.qty_e9) {
        int64_t distance = v->price_e9 / 10000 * (int64_t)(1 + below(host, 30));
        host->set_stop(host, v->symbol,
                       p.qty_e9 > 0 ? v->price_e9 - distance : v->price_e9 + distance);
    }
}

static const ats_strategy_plugin ANY = {.abi = ATS_STRATEGY_ABI,
                                        .bytes = sizeof(ats_strategy_plugin),
                                        .name = "any",
                                        .wants = ATS_WANTS_QUOTES | ATS_WANTS_TRADES,
                                        .state_bytes = any_bytes,
                                        .init = any_init,
                                        .on_market = any_market};

/* ---- runs -------------------------------------------------------------------------------------
 */

static ats_market *day;
static uint64_t day_count;
static ats_symbols symbols;

static void make_day(void)
{
    day = fixture_day(&day_count, &symbols);
    cr_assert(day);
}

static void free_day(void)
{
    free(day);
    ats_symbols_free(&symbols);
}

static ats_run_config any_config(uint64_t seed)
{
    ats_run_config c = fixture_config();
    ats_strategy_settings *s = &c.strategy;
    ats_strategy_spec spec = {.symbols = "all", .capital_bps = 10000, .allow_short = true};
    s->count = 3;
    for (uint32_t i = 0; i < s->count; i++) {
        s->strategies[i] = spec;
        snprintf(s->strategies[i].name, sizeof spec.name, "any%u", i);
    }
    s->rules.protect = (ats_protect_policy)(seed % 3);
    s->rules.conflicts = s->rules.protect == ATS_PROTECT_WATCH && seed % 2 ? ATS_CONFLICT_SAME_SIDE
                                                                           : ATS_CONFLICT_FIRST;
    s->rules.rank = seed / 3 % 2;
    s->rules.cooldown_ms = 50;
    s->execution.algorithm = (uint32_t)(seed % ATS_ALGORITHM_COUNT);
    s->execution.timeout_ms = 700;
    s->execution.twap_duration_s = 4;
    s->execution.twap_slices = 4;
    s->execution.horizon_s = 5;
    s->execution.slice_interval_s = 1;
    s->execution.peg_interval_ms = 100;
    s->execution.entry_attempts = 2;
    c.limits.max_orders_per_s = 100000;
    c.limits.order_burst = 100000;
    c.limits.duplicate_window_ms = 0;
    c.venue.seed = seed;
    return c;
}

static uint64_t positions_left;

/* Strategies' positions against the account's. */
static void compare_books(ats_chain *chain)
{
    const ats_strategies *s = ats_strategy_strategies(ats_chain_state(chain, ATS_CHAIN_STRATEGY));
    const ats_portfolio *p = ats_risk_gate(ats_chain_state(chain, ATS_CHAIN_RISK))->portfolio;
    positions_left = 0;
    for (uint32_t i = 1; i <= symbols.count; i++) {
        int64_t sum = 0;
        for (uint32_t k = 0; k < chain->strategies.count; k++)
            sum += ats_desk_slot(&s->desk, k, i)->qty_e9;
        cr_expect_eq(sum, p->holdings[i].qty_e9, "symbol %u", i);
        positions_left += sum != 0;
    }
    cr_expect(s->desk.cash_e18 == p->cash_e18, "cash agrees to the last unit");
    cr_expect_eq(s->desk.orders->count, 0, "%u orders without an end", s->desk.orders->count);
    cr_expect_null(ats_desk_outbox(&s->desk));
}

static fixture_run run_any(const ats_run_config *config, const ats_control_due *commands,
                           uint32_t count)
{
    ats_chain_spec spec = {.plugin = &ANY, .commands = commands, .command_count = count};
    fixture_after = compare_books;
    fixture_run out =
        fixture_go(config, &spec, day, day_count < DAY_RECORDS ? day_count : DAY_RECORDS, &symbols);
    fixture_after = NULL;
    cr_assert_eq(out.result, 0, "%s", ats_error_count() ? ats_error_line(0) : "");
    return out;
}

TestSuite(desk, .init = make_day, .fini = free_day, .timeout = 300);

Test(desk, strategies_and_account_agree_whatever_they_do)
{
    uint64_t fills = 0, passed = 0;
    for (uint64_t seed = 0; seed < 36; seed++) {
        ats_run_config config = any_config(seed);
        fixture_run first = run_any(&config, NULL, 0);
        fixture_run again = run_any(&config, NULL, 0);
        cr_expect_str_eq(first.digest, again.digest, "seed %d", (int)seed);
        fills += first.fills;
        passed += first.passed;
    }
    cr_expect_gt(fills, 1000);
    cr_expect_gt(passed, fills / 2);
}

static ats_control_due command(uint64_t at, uint32_t code)
{
    return (ats_control_due){.at_ns = day[at].h.recv_ns, .command = {.code = code}};
}

Test(desk, a_flatten_ends_flat_from_wherever_it_comes)
{
    ats_random r;
    ats_random_seed(&r, 77);
    uint32_t held = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        ats_run_config config = any_config(seed);
        uint64_t at = 2000 + ats_random_below(&r, 20000);
        ats_control_due commands[] = {command(at, ATS_CONTROL_PAUSE),
                                      command(at, ATS_CONTROL_FLATTEN)};
        run_any(&config, NULL, 0);
        held += positions_left != 0;
        run_any(&config, commands, 2);
        cr_expect_eq(positions_left, 0, "seed %d: %d positions are left", (int)seed,
                     (int)positions_left);
    }
    cr_expect_gt(held, 5, "without it some run ends with positions, or nothing is shown");
}

Test(desk, after_a_halt_nothing_new_is_opened)
{
    for (uint64_t seed = 0; seed < 24; seed++) {
        ats_run_config config = any_config(seed);
        ats_control_due halt = command(2, ATS_CONTROL_HALT);
        fixture_run none = run_any(&config, &halt, 1);
        cr_expect_eq(none.fills, 0, "seed %d", (int)seed);
        ats_control_due both[] = {command(4000, ATS_CONTROL_HALT),
                                  command(8000, ATS_CONTROL_FLATTEN)};
        run_any(&config, both, 2);
        cr_expect_eq(positions_left, 0, "seed %d", (int)seed);
    }
}

/* A command, and one behind it after so many records. */
static void strike(ats_run_config *config, uint64_t at, uint32_t first, uint32_t second)
{
    ats_control_due commands[] = {command(at, first), command(at + 1500, second),
                                  command(at + 1500, ATS_CONTROL_FLATTEN)};
    command_ns = commands[0].at_ns;
    run_any(config, commands, second == ATS_CONTROL_FLATTEN ? 2 : second ? 3 : 1);
    command_ns = 0;
}

/* Answers are lost, requests wait, fills come in parts: the commands meet orders in every state. */
Test(desk, commands_end_flat_or_say_what_is_left_from_every_state)
{
    static const uint32_t FIRST[] = {ATS_CONTROL_PAUSE, ATS_CONTROL_HALT, ATS_CONTROL_FREEZE,
                                     ATS_CONTROL_KILL};
    const uint32_t wanted = 1u << ATS_ORDER_SENT | 1u << ATS_ORDER_ACCEPTED |
                            1u << ATS_ORDER_PARTIAL | 1u << ATS_ORDER_PENDING_CANCEL |
                            1u << ATS_ORDER_PENDING_REPLACE | 1u << ATS_ORDER_UNKNOWN |
                            1u << ATS_ORDER_CANCEL_UNKNOWN | 1u << ATS_ORDER_REPLACE_UNKNOWN;
    uint32_t seen = 0, left_after_kill = 0;
    ats_random r;
    ats_random_seed(&r, 4);
    for (uint64_t seed = 0; seed < 160; seed++) {
        ats_run_config config = any_config(seed);
        config.venue.lost_share_bps = 1500;
        config.venue.answer_timeout_ns = 100 * 1000000ll;
        config.venue.ask_interval_ns = 300 * 1000000ll;
        config.venue.out_base_ns = config.venue.back_base_ns = 30 * 1000000ll;
        config.strategy.execution.peg_interval_ms = 20;
        config.venue.queue = true;
        config.venue.trade_share_bps = 200; /* so that fills come in parts */
        uint32_t first = FIRST[seed % 4];
        bool kill = first == ATS_CONTROL_KILL, freeze = first == ATS_CONTROL_FREEZE;
        strike(&config, 3000 + ats_random_below(&r, 12000), first,
               kill     ? 0
               : freeze ? ATS_CONTROL_REARM
                        : ATS_CONTROL_FLATTEN);
        seen |= states_at_command;
        if (kill)
            left_after_kill += positions_left != 0; /* compare_books says exactly what */
        else if (!freeze) /* re-armed it trades on: what it holds then is no remainder */
            cr_expect_eq(positions_left, 0, "seed %d: %d positions are left", (int)seed,
                         (int)positions_left);
    }
    cr_expect_eq(seen & wanted, wanted, "states that no command met: %x", wanted & ~seen);
    cr_expect_gt(left_after_kill, 0, "a kill sends nothing more, also no way out");
}

/* Fills, busts and corrections in any order: quantity and cash are those of the fills that stand.
 */
Test(desk, what_the_broker_takes_back_or_corrects_is_followed)
{
    enum { EVENTS = 4000 };
    static ats_exec made[EVENTS]; /* as they stand now; last_qty_e9 0: taken back */
    static ats_metrics metrics;
    ats_run_config config = any_config(0);
    ats_desk_config desk_config = {.settings = &config.strategy,
                                   .symbols = &symbols,
                                   .metrics = &metrics.strategy,
                                   .start_cash_e9 = 100000 * ATS_E9,
                                   .account_id = 1,
                                   .strategy_count = 2,
                                   .order_capacity = 64};
    ats_markets markets;
    ats_desk desk;
    void *market_memory = calloc(1, ats_markets_footprint(symbols.count, 0) + 64);
    void *memory = calloc(1, ats_desk_footprint(&desk_config) + 64);
    ats_markets_init(&markets, market_memory, &symbols, &ats_calendar_continuous, NULL, 0);
    ats_desk_init(&desk, memory, &desk_config, &markets);
    desk.ended = true; /* books are kept, nothing is sent */
    ats_random r;
    ats_random_seed(&r, 9);
    uint32_t count = 0, amended = 0;
    for (uint32_t n = 0; n < EVENTS; n++) {
        bool amends = count > 0 && ats_random_below(&r, 4) == 0;
        uint32_t which = amends ? (uint32_t)ats_random_below(&r, count) : count;
        ats_exec x = {.h = {.kind = ATS_KIND_EXEC, .symbol_id = 1, .recv_ns = n + 1},
                      .exec_id = n + 1,
                      .order_id = n + 1,
                      .last_qty_e9 = (int64_t)(1 + ats_random_below(&r, 50)) * ATS_E9,
                      .last_px_e9 = (int64_t)(1 + ats_random_below(&r, 1000000)) * 1000000,
                      .fee_e9 = (int64_t)ats_random_below(&r, 1000000),
                      .strategy_id = 1 + (uint32_t)ats_random_below(&r, 2),
                      .side = ats_random_below(&r, 2) ? ATS_SIDE_BUY : ATS_SIDE_SELL,
                      .type = ATS_EXEC_FILL};
        if (amends) {
            x.type = ats_random_below(&r, 2) ? ATS_EXEC_BUSTED : ATS_EXEC_CORRECTED;
            x.ref_exec_id = made[which].exec_id;
            x.strategy_id = made[which].strategy_id;
            x.side = made[which].side;
            amended++;
        }
        int64_t changed_e9;
        cr_assert_not_null(ats_desk_exec(&desk, &x, &changed_e9));
        x.exec_id = amends ? made[which].exec_id : x.exec_id;
        made[which] = x;
        made[which].last_qty_e9 = x.type == ATS_EXEC_BUSTED ? 0 : x.last_qty_e9;
        made[which].fee_e9 = x.type == ATS_EXEC_BUSTED ? 0 : x.fee_e9;
        count += !amends;
    }
    ats_money_e18 cash = ats_money_from_e9(100000 * ATS_E9);
    int64_t qty[2] = {0};
    for (uint32_t i = 0; i < count; i++) {
        int64_t signed_e9 =
            made[i].side == ATS_SIDE_BUY ? made[i].last_qty_e9 : -made[i].last_qty_e9;
        cash -=
            ats_money_product(made[i].last_px_e9, signed_e9) + ats_money_from_e9(made[i].fee_e9);
        qty[made[i].strategy_id - 1] += signed_e9;
    }
    cr_expect_gt(amended, 500);
    cr_expect(desk.cash_e18 == cash, "cash agrees to the last unit");
    for (uint32_t s = 0; s < 2; s++)
        cr_expect_eq(ats_desk_slot(&desk, s, 1)->qty_e9, qty[s]);
    free(market_memory);
    free(memory);
}
