#include "bench/workload.h"

#include "core/error.h"
#include "core/random.h"
#include "io/market_source.h"
#include "io/synth.h"
#include "learn/dataset.h"
#include "stages/config.h"
#include "stages/feature/catalogue.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const ARRIVALS_LABELS[] = {"constant", "poisson", "burst", "recorded"};
static_assert(sizeof(ARRIVALS_LABELS) / sizeof(ARRIVALS_LABELS[0]) == ATS_ARRIVALS_COUNT,
              "a label each");

const char *ats_arrivals_label(uint32_t arrivals)
{
    return arrivals < ATS_ARRIVALS_COUNT ? ARRIVALS_LABELS[arrivals] : "?";
}

int ats_workload_make(ats_workload *w, uint64_t count, uint32_t symbols, uint64_t seed)
{
    /* 1,000 records/s for as long as it takes, with a tenth more: the rate is a mean. */
    ats_synth_options options = {.seed = seed,
                                 .symbols = symbols,
                                 .venues = 4,
                                 .rate = 1000,
                                 .start_ns = 1704205800ll * ATS_E9,
                                 .duration_ns = (int64_t)(count + count / 10 + 10000) * 1000000,
                                 .volatility_bps = 200,
                                 .signal_permille = 150,
                                 .trade_permille = 150};
    ats_synth *synth;
    memset(w, 0, sizeof *w);
    if (ats_synth_open(&synth, &options) != 0)
        return -1;
    const ats_symbols *table = ats_synth_symbols(synth);
    w->records = malloc(count * sizeof *w->records);
    int status = w->records ? 0 : ats_error(ATS_EXIT_FAILED, "workload: out of memory");
    for (uint32_t i = 1; status == 0 && i <= table->count; i++)
        status = ats_symbols_add(&w->symbols, &table->entry[i]) ? 0 : -1;
    while (status == 0 && w->count < count && ats_synth_next(synth, &w->records[w->count]) == 1)
        w->count++;
    ats_synth_close(synth);
    if (status == 0 && w->count < count)
        status = ats_error(ATS_EXIT_FAILED, "workload: the made-up day is too short");
    if (status != 0)
        ats_workload_free(w);
    return status;
}

void ats_workload_free(ats_workload *w)
{
    free(w->records);
    ats_symbols_free(&w->symbols);
    memset(w, 0, sizeof *w);
}

/* ---- arrivals ------------------------------------------------------------------------------- */

static void recorded(const ats_workload *w, double rate, uint64_t count, uint64_t *out)
{
    int64_t first = w->records[0].h.recv_ns, last = w->records[count - 1].h.recv_ns;
    double scale = last > first ? (double)count / rate * 1e9 / (double)(last - first) : 0;
    for (uint64_t i = 0; i < count; i++)
        out[i] = (uint64_t)((double)(w->records[i].h.recv_ns - first) * scale);
}

int ats_workload_schedule(const ats_workload *w, ats_arrivals arrivals, double rate, uint64_t count,
                          uint64_t seed, uint64_t *out)
{
    if (!(rate > 0) || count > w->count)
        return ats_error(ATS_EXIT_USAGE, "arrivals: a rate above 0 and at most %llu events",
                         (unsigned long long)w->count);
    ats_random random;
    ats_random_seed(&random, seed);
    double at_ns = 0, gap_ns = 1e9 / rate;
    if (arrivals == ATS_ARRIVALS_RECORDED) {
        recorded(w, rate, count, out);
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        out[i] = (uint64_t)at_ns;
        if (arrivals == ATS_ARRIVALS_POISSON)
            at_ns += gap_ns * (double)ats_random_exponential_q32(&random) / 4294967296.0;
        else if (arrivals == ATS_ARRIVALS_BURST)
            at_ns += (i + 1) % ATS_BURST_EVENTS == 0 ? gap_ns * ATS_BURST_EVENTS : 0;
        else
            at_ns = gap_ns * (double)(i + 1);
    }
    return 0;
}

/* ---- forests -------------------------------------------------------------------------------- */

#define SAMPLE_EVENTS 50000u

static int sample_vectors(const ats_workload *w, ats_dataset *d)
{
    ats_market_source source;
    uint64_t n = w->count < SAMPLE_EVENTS ? w->count : SAMPLE_EVENTS;
    if (ats_market_source_memory(&source, w->records, n, &w->symbols) != 0)
        return -1;
    ats_catalogue *catalogue = malloc(sizeof *catalogue);
    ats_dataset_options options = {.horizon_ns = 0,
                                   .stride = 7,
                                   .rows_max = SAMPLE_EVENTS,
                                   .clock_interval_ns = ATS_E9,
                                   .catalogue = catalogue};
    int status = catalogue && ats_catalogue_make(catalogue, NULL) == 0
                     ? ats_dataset_collect(d, &source, &options)
                     : -1;
    free(catalogue);
    ats_market_source_close(&source);
    if (status == 0 && d->rows < 100) {
        ats_dataset_free(d);
        return ats_error(ATS_EXIT_FAILED, "workload: too few vectors");
    }
    return status;
}

static void fill_tree(ats_forest *f, uint32_t tree, uint32_t depth, const ats_dataset *d,
                      ats_random *random)
{
    uint32_t splits = (1u << depth) - 1, nodes = 2 * splits + 1, base = tree * nodes;
    f->root[tree] = base;
    f->depth[tree] = (uint8_t)depth;
    for (uint32_t i = 0; i < nodes; i++) {
        ats_forest_node *node = &f->nodes[base + i];
        if (i >= splits) {
            float value = (float)(int64_t)(ats_random_next(random) % 2001) - 1000.0f;
            *node = (ats_forest_node){.threshold = NAN, .value = value * 1e-4f, .left = base + i};
            continue;
        }
        float threshold;
        uint32_t feature;
        do {
            feature = (uint32_t)(ats_random_next(random) % d->features);
            threshold = d->x[ats_random_next(random) % d->rows * d->features + feature];
        } while (threshold != threshold);
        *node = (ats_forest_node){.threshold = threshold,
                                  .left = base + 2 * i + 1,
                                  .feature = (uint16_t)feature,
                                  .default_right = (uint16_t)(ats_random_next(random) & 1)};
    }
}

int ats_workload_forest(const ats_workload *w, uint32_t trees, uint32_t depth, uint64_t seed,
                        ats_forest *f)
{
    ats_dataset d;
    ats_random random;
    uint32_t nodes = trees * ((2u << depth) - 1);
    memset(f, 0, sizeof *f);
    if (sample_vectors(w, &d) != 0)
        return -1;
    f->nodes = aligned_alloc(64, (nodes * sizeof *f->nodes + 127) & ~(size_t)63);
    f->root = calloc(trees, sizeof *f->root);
    f->depth = calloc(trees, sizeof *f->depth);
    if (!f->nodes || !f->root || !f->depth) {
        ats_forest_free(f);
        ats_dataset_free(&d);
        return ats_error(ATS_EXIT_FAILED, "workload: out of memory");
    }
    f->tree_count = trees;
    f->group_count = 1;
    f->node_count = nodes;
    f->feature_count = d.features;
    f->max_depth = depth;
    f->feature_version = d.feature_version;
    ats_random_seed(&random, seed);
    for (uint32_t t = 0; t < trees; t++)
        fill_tree(f, t, depth, &d, &random);
    ats_dataset_free(&d);
    return 0;
}

int ats_workload_model(const ats_workload *w, uint32_t trees, uint32_t depth, uint64_t seed,
                       ats_model **model)
{
    ats_forest forest;
    if (ats_workload_forest(w, trees, depth, seed, &forest) != 0)
        return -1;
    *model = ats_model_make(&forest, 1, &(ats_model_parts){.isa = ats_isa_best()});
    return *model ? 0 : -1;
}

/* ---- a strategy that always wants something ---------------------------------------------------
 */

static size_t eager_bytes(const ats_strategy_setup *setup)
{
    (void)setup;
    return 64;
}

static int eager_init(void *state, const ats_strategy_setup *setup, char *why, size_t why_bytes)
{
    (void)state, (void)setup, (void)why, (void)why_bytes;
    return 0;
}

/* Buys what it has not, leaves what it has: an order a signal, but while one is at work. */
static void eager_signal(void *state, const ats_strategy_host *host, const ats_signal_view *s)
{
    ats_position_view p;
    (void)state;
    host->position(host, s->symbol, &p);
    if (p.qty_e9 == 0 && !p.entering) {
        ats_entry e = {.symbol = s->symbol, .side = ATS_VIEW_BUY, .score = 1, .urgency = 1};
        host->enter(host, &e);
    } else if (p.qty_e9 != 0 && !p.leaving) {
        host->leave(host, s->symbol, 1, "eager");
    }
}

const ats_strategy_plugin ats_workload_plugin = {.abi = ATS_STRATEGY_ABI,
                                                 .bytes = sizeof(ats_strategy_plugin),
                                                 .name = "eager",
                                                 .wants = ATS_WANTS_SIGNALS,
                                                 .state_bytes = eager_bytes,
                                                 .init = eager_init,
                                                 .on_signal = eager_signal};

ats_run_config ats_workload_config(void)
{
    ats_run_config c;
    ats_config_defaults(&c);
    c.model_path[0] = 0;
    c.start_cash_e9 = 900000000ll * ATS_E9;
    c.batch_limit = 16;
    c.clock_interval_ns = ATS_E9;
    c.strategy.rules.protect = ATS_PROTECT_WATCH;
    c.strategy.rules.max_positions = 65536;
    c.strategy.rules.max_spread_bps = 20000;
    c.strategy.rules.cooldown_ms = 0;
    c.strategy.rules.avoid_open_s = c.strategy.rules.avoid_close_s = 0;
    c.strategy.rules.flat_before_close_s = 0;
    c.strategy.sizing.notional_e9 = 100 * ATS_E9;
    c.strategy.sizing.min_notional_e9 = 0;
    c.strategy.exits.max_stop_bps = 5000;
    c.strategy.execution.cross_bps = 1;
    c.strategy.count = 1;
    c.strategy.strategies[0] =
        (ats_strategy_spec){.name = "eager", .symbols = "all", .capital_bps = 10000};
    ats_limits_loosest(&c.limits);
    /* Answers come before the next event, so that the next signal may order again. */
    c.venue = (ats_venue_sim_config){.seed = 1,
                                     .out_base_ns = 1,
                                     .back_base_ns = 1,
                                     .fee_per_unit_e9 = 500000,
                                     .order_capacity = 1024};
    return c;
}
