/* A whole chain on records in memory, for tests: no files, no drain. */
#ifndef ATS_TESTS_CHAIN_FIXTURE_H
#define ATS_TESTS_CHAIN_FIXTURE_H

#include "core/error.h"
#include "stages/chain.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* A forest of three nodes: buys when the queue leans to the bid, sells when it leans to the ask. */
static ats_forest_node fixture_nodes[] = {
    {.threshold = -0.5f, .left = 1, .feature = ATS_FEATURE_queue_imbalance},
    {.threshold = NAN, .value = -1.0f, .left = 1},
    {.threshold = 0.5f, .left = 3, .feature = ATS_FEATURE_queue_imbalance},
    {.threshold = NAN, .value = 0.0f, .left = 3},
    {.threshold = NAN, .value = 1.0f, .left = 4},
};
static uint32_t fixture_root[] = {0};
static uint8_t fixture_depth[] = {2};

static inline ats_forest fixture_forest(void)
{
    return (ats_forest){.nodes = fixture_nodes,
                        .root = fixture_root,
                        .depth = fixture_depth,
                        .tree_count = 1,
                        .node_count = 5,
                        .feature_count = ATS_FEATURE_COUNT,
                        .max_depth = 2,
                        .feature_version = ats_feature_version()};
}

static inline ats_run_config fixture_config(void)
{
    ats_run_config c = {
        .start_cash_e9 = 100000 * ATS_E9,
        .account_id = 1,
        .batch_limit = 16,
        .clock_interval_ns = ATS_E9,
        .strategy = {.entry_margin = 0.5f,
                     .exit_margin = 0.5f,
                     .notional_e9 = 2000 * ATS_E9,
                     .stop_bps = 30,
                     .max_hold_s = 60,
                     .offset_bps = 2,
                     .cooldown_ms = 500,
                     .flat_at_s = -1,
                     .allow_short = true},
        .limits = {.collar_bps = 20,
                   .max_data_age_ms = 2000,
                   .max_order_qty_e9 = 1000 * ATS_E9,
                   .max_order_notional_e9 = 5000 * ATS_E9,
                   .duplicate_window_ms = 100,
                   .max_orders_per_s = 50,
                   .order_burst = 10,
                   .max_position_bps = 500,
                   .max_gross_bps = 5000,
                   .max_short_bps = 2500,
                   .max_positions = 30,
                   .max_risk_per_trade_bps = 40,
                   .max_drawdown_bps = 200,
                   .max_loss_streak = 1000,
                   .max_day_trades = 100000},
        .venue = {.seed = 7,
                  .out_base_ns = 150000,
                  .out_jitter_ns = 100000,
                  .back_base_ns = 150000,
                  .back_jitter_ns = 100000,
                  .fee_per_unit_e9 = 500000,
                  .fee_bps_e9 = 0,
                  .order_capacity = 1024},
        .thread_count = 1,
        .threads = {{.name = "hot",
                     .cpu = ATS_CPU_ANY,
                     .wait = ATS_WAIT_YIELD,
                     .stage_count = 6,
                     .stages = {"feed", "feature", "infer", "strategy", "risk", "route"}}},
    };
    return c;
}

typedef struct fixture_run {
    char digest[33];
    uint64_t events, signals, intents, passed, orders, fills;
    ats_money_e18 equity_e18;
    int result;
} fixture_run;

/* Runs a chain to its end. */
static inline fixture_run fixture_go(const ats_run_config *config, ats_chain_spec *spec,
                                     const ats_market *records, uint64_t count,
                                     const ats_symbols *symbols)
{
    static int runs;
    char id[64];
    fixture_run out = {0};
    ats_market_source source;
    ats_journal journal;
    ats_forest forest = fixture_forest();
    ats_chain *chain = calloc(1, sizeof *chain);
    snprintf(id, sizeof id, "test-%d-%d", (int)getpid(), runs++);
    cr_assert_eq(ats_market_source_memory(&source, records, count, symbols), 0);
    cr_assert_eq(ats_journal_create(&journal, "/dev/shm", id, 65536), 0);
    unlink(journal.path);
    spec->config = config;
    spec->source = &source;
    spec->journal = &journal;
    if (!spec->forest)
        spec->forest = &forest;
    spec->journal_fd = spec->reserve_fd = -1;
    out.result = ats_chain_build(chain, spec);
    cr_assert_eq(out.result, 0, "%s", ats_error_line(0));
    out.result = ats_chain_start(chain);
    cr_assert_eq(out.result, 0, "%s", ats_error_line(0));
    out.result = ats_chain_join(chain);
    ats_chain_digest(chain, out.digest);
    const ats_metrics *m = chain->context.metrics;
    out.events = m->feed.events_out;
    out.signals = m->infer.signals;
    out.intents = m->strategy.intents;
    out.passed = m->risk.verdicts[ATS_CHECK_PASS];
    out.orders = m->route.orders;
    out.fills = m->route.fills;
    out.equity_e18 =
        ats_portfolio_equity(ats_risk_gate(ats_chain_state(chain, ATS_CHAIN_RISK))->portfolio);
    ats_chain_destroy(chain);
    ats_journal_close(&journal, false);
    ats_market_source_close(&source);
    free(chain);
    if (spec->forest == &forest)
        spec->forest = NULL;
    return out;
}

#endif
