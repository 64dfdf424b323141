/* A whole chain on records in memory, for tests: no files, no drain; no test framework, so that
 * plain programs may use it. */
#ifndef ATS_TESTS_CHAIN_RUN_H
#define ATS_TESTS_CHAIN_RUN_H

#include "core/error.h"
#include "io/synth.h"
#include "stages/chain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline const ats_catalogue *fixture_catalogue(void)
{
    static ats_catalogue catalogue;
    if (catalogue.count == 0 && ats_catalogue_make(&catalogue, NULL) != 0)
        abort();
    return &catalogue;
}

/* A copy of some bytes that free() may have. */
static inline void *fixture_copy(const void *bytes, size_t count)
{
    void *copy = aligned_alloc(64, (count + 63) & ~(size_t)63);
    return copy ? memcpy(copy, bytes, count) : NULL;
}

/* A model of one tree: buys when the queue leans to the bid, sells when it leans to the ask. Its
 * leaves are +-size. */
static inline ats_model *fixture_model(float size)
{
    const ats_forest_node nodes[] = {
        {.threshold = -0.5f, .left = 1, .feature = ATS_FEATURE_queue_imbalance},
        {.threshold = NAN, .value = -size, .left = 1},
        {.threshold = 0.5f, .left = 3, .feature = ATS_FEATURE_queue_imbalance},
        {.threshold = NAN, .value = 0.0f, .left = 3},
        {.threshold = NAN, .value = size, .left = 4},
    };
    const uint32_t root[] = {0};
    const uint8_t depth[] = {2};
    ats_forest forest = {.nodes = fixture_copy(nodes, sizeof nodes),
                         .root = fixture_copy(root, sizeof root),
                         .depth = fixture_copy(depth, sizeof depth),
                         .tree_count = 1,
                         .node_count = 5,
                         .feature_count = fixture_catalogue()->count,
                         .max_depth = 2,
                         .group_count = 1,
                         .feature_version = fixture_catalogue()->version};
    ats_model *model = ats_model_make(&forest, 1, &(ats_model_parts){.isa = ats_isa_best()});
    if (!model)
        abort();
    return model;
}

static inline ats_run_config fixture_config(void)
{
    ats_run_config c = {
        .start_cash_e9 = 100000 * ATS_E9,
        .account_id = 1,
        .batch_limit = 16,
        .clock_interval_ns = ATS_E9,
        .strategy = {.rules = {.max_positions = 30, .max_spread_bps = 100, .cooldown_ms = 500},
                     .sizing = {.notional_e9 = 2000 * ATS_E9,
                                .risk_per_trade_bps = 40,
                                .max_notional_e9 = 10000 * ATS_E9},
                     .exits = {.atr_multiple_e9 = 2 * ATS_E9,
                               .low_factor_e9 = ATS_E9,
                               .high_factor_e9 = ATS_E9,
                               .high_ratio_e9 = 100 * ATS_E9,
                               .min_stop_bps = 30,
                               .max_stop_bps = 300,
                               .max_hold_s = 60},
                     .execution = {.urgent_bps = 7000,
                                   .impact_bps = 10000,
                                   .horizon_s = 600,
                                   .cross_bps = 2,
                                   .offset_bps = 5,
                                   .timeout_ms = 60000,
                                   .accept_partial_bps = 8000,
                                   .entry_attempts = 1,
                                   .exit_attempts = 3,
                                   .twap_duration_s = 600,
                                   .twap_slices = 10,
                                   .iceberg_display_bps = 2000,
                                   .slice_interval_s = 30,
                                   .participation_bps = 1000,
                                   .peg_interval_ms = 1000},
                     .count = 1,
                     .strategies = {{.name = "model",
                                     .plugin = "model_signal",
                                     .symbols = "all",
                                     .capital_bps = 10000,
                                     .allow_short = true,
                                     .parameter_count = 2,
                                     .parameters = {{"exit_margin", 0.5}, {"max_hold_s", 60}}}}},
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
    ats_quality_defaults(&c.data);
    ats_limits_loosest(&c.limits);
    c.limits.collar_bps = 20;
    c.limits.max_data_age_ms = 2000;
    c.limits.max_order_qty_e9 = 1000 * ATS_E9;
    c.limits.max_order_notional_e9 = 5000 * ATS_E9;
    c.limits.duplicate_window_ms = 100;
    c.limits.max_orders_per_s = 50;
    c.limits.order_burst = 10;
    c.limits.max_position_bps = 500;
    c.limits.max_gross_bps = 5000;
    c.limits.max_short_bps = 5000;
    c.limits.max_positions = 30;
    c.limits.max_risk_per_trade_bps = 40;
    c.limits.max_drawdown_bps = 200;
    c.limits.max_loss_streak = 1000;
    c.limits.max_day_trades = 100000;
    return c;
}

/* Gives each stage its thread: digits for feed, feature, infer, strategy, risk, route. */
static inline void fixture_threads(ats_run_config *c, const char *map, ats_wait wait)
{
    c->thread_count = 0;
    memset(c->threads, 0, sizeof c->threads);
    for (uint32_t stage = 0; map[stage]; stage++) {
        uint32_t thread = (uint32_t)(map[stage] - '0');
        ats_thread_config *t = &c->threads[thread];
        snprintf(t->name, sizeof t->name, "t%u", thread);
        t->cpu = ATS_CPU_ANY;
        t->wait = wait;
        snprintf(t->stages[t->stage_count++], ATS_NAME_BYTES, "%s", ats_chain_stage_name(stage));
        if (c->thread_count <= thread)
            c->thread_count = thread + 1;
    }
}

/* A made-up quarter of an hour of four symbols; the caller frees. NULL with an error pushed. */
static inline ats_market *fixture_day(uint64_t *count, ats_symbols *symbols)
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
    if (ats_synth_open(&synth, &options) != 0)
        return NULL;
    ats_market *day = malloc(400000 * sizeof *day);
    *count = 0;
    while (day && *count < 400000 && ats_synth_next(synth, &day[*count]) == 1)
        ++*count;
    const ats_symbols *table = ats_synth_symbols(synth);
    for (uint32_t i = 1; i <= table->count; i++)
        ats_symbols_add(symbols, &table->entry[i]);
    ats_synth_close(synth);
    return day;
}

typedef struct fixture_run {
    char digest[33];
    uint64_t events, signals, intents, passed, orders, fills, page_faults;
    ats_money_e18 equity_e18;
    int result; /* 0, or -1 with an error pushed */
} fixture_run;

/* Of the journal that a run writes to and nobody drains: a run that fills it stands still. */
static uint64_t fixture_journal_entries = 65536;

/* Called after a run, before its chain goes; NULL: nothing. */
static void (*fixture_after)(ats_chain *chain);

/* Runs a chain on an open source to its end, and closes the source. The spec says where the taps
 * go; page faults are those of all threads but "side". */
static inline fixture_run fixture_go_from(const ats_run_config *config, ats_chain_spec *spec,
                                          ats_market_source *source)
{
    static int runs;
    char id[64];
    fixture_run out = {.result = -1};
    ats_journal journal;
    ats_model_table models = {0};
    ats_chain *chain = calloc(1, sizeof *chain);
    snprintf(id, sizeof id, "test-%d-%d", (int)getpid(), runs++);
    if (!chain || ats_journal_create(&journal, "/dev/shm", id, fixture_journal_entries) != 0)
        return out;
    unlink(journal.path);
    spec->config = config;
    spec->source = source;
    spec->journal = &journal;
    spec->models = &models;
    spec->model_id = ats_model_table_add(&models, fixture_model(1.0f), 0);
    if (spec->device &&
        ats_model_attach(ats_model_table_find(&models, spec->model_id), spec->device) != 0)
        return out;
    if (ats_chain_build(chain, spec) != 0 || ats_chain_start(chain) != 0)
        return out;
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
    if (fixture_after && out.result == 0)
        fixture_after(chain);
    for (uint32_t i = 0; i < chain->map.count; i++)
        if (strcmp(chain->map.threads[i].name, "side") != 0)
            out.page_faults += chain->engine.threads[i].minor_faults;
    ats_chain_destroy(chain);
    ats_model_table_clear(&models);
    ats_journal_close(&journal, false);
    ats_market_source_close(source);
    free(chain);
    return out;
}

/* Runs a chain on records in memory to its end, without taps. */
static inline fixture_run fixture_go(const ats_run_config *config, ats_chain_spec *spec,
                                     const ats_market *records, uint64_t count,
                                     const ats_symbols *symbols)
{
    ats_market_source source;
    if (ats_market_source_memory(&source, records, count, symbols) != 0)
        return (fixture_run){.result = -1};
    spec->journal_fd = spec->reserve_fd = -1;
    return fixture_go_from(config, spec, &source);
}

#endif
