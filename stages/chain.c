#include "stages/chain.h"

#include "core/error.h"
#include "stages/strategy/builtin/builtin.h"

#include <assert.h>
#include <stdio.h>

/* ---- the wiring --------------------------------------------------------------------------- */

static const ats_stage *const STAGES[] = {
    [ATS_CHAIN_FEED] = &ats_stage_feed,   [ATS_CHAIN_FEATURE] = &ats_stage_feature,
    [ATS_CHAIN_INFER] = &ats_stage_infer, [ATS_CHAIN_STRATEGY] = &ats_stage_strategy,
    [ATS_CHAIN_RISK] = &ats_stage_risk,   [ATS_CHAIN_ROUTE] = &ats_stage_route,
    [ATS_CHAIN_DRAIN] = &ats_stage_drain, [ATS_CHAIN_SHADOW] = &ats_stage_shadow,
};
static_assert(sizeof(STAGES) / sizeof(STAGES[0]) == ATS_CHAIN_STAGE_COUNT, "a line a stage");

/* Depths. Chain links: 256 records of 128 to 256 bytes keep a link within a quarter of an L2 and
 * hold 16 bursts; more would only let a queue grow that the feed should feel. Taps: the tape holds
 * a second at 200,000 events/s; decisions are a hundred times fewer. */
#define CHAIN_DEPTH 256u
#define TAPE_DEPTH  262144u
#define TAP_DEPTH   16384u

/* Vectors are 1.4 KB: 2 MiB that the hot thread writes only when a model is on trial. */
#define SHADOW_DEPTH 1024u

enum { INFER_IN = 1, INFER_OUT = 2, TAPE_LINK = 6, SHADOW_LINK = 11 };
/* clang-format off */
static const ats_link_spec LINKS[] = {
    /* name                 from               port  to                  port  when full   depth */
    {"feed-feature",      ATS_CHAIN_FEED,     0, ATS_CHAIN_FEATURE,  0, ATS_FULL_MUST_ARRIVE, CHAIN_DEPTH},
    [INFER_IN] =
    {"feature-infer",     ATS_CHAIN_FEATURE,  0, ATS_CHAIN_INFER,    0, ATS_FULL_MUST_ARRIVE, CHAIN_DEPTH},
    [INFER_OUT] =
    {"infer-strategy",    ATS_CHAIN_INFER,    0, ATS_CHAIN_STRATEGY, 0, ATS_FULL_MUST_ARRIVE, CHAIN_DEPTH},
    {"strategy-risk",     ATS_CHAIN_STRATEGY, 0, ATS_CHAIN_RISK,     0, ATS_FULL_MUST_ARRIVE, CHAIN_DEPTH},
    {"risk-route",        ATS_CHAIN_RISK,     0, ATS_CHAIN_ROUTE,    0, ATS_FULL_MUST_ARRIVE, CHAIN_DEPTH},
    {"route-risk",        ATS_CHAIN_ROUTE,    0, ATS_CHAIN_RISK,     1, ATS_FULL_MUST_ARRIVE, CHAIN_DEPTH},
    [TAPE_LINK] =
    {"feed-drain",        ATS_CHAIN_FEED,     1, ATS_CHAIN_DRAIN,    0, ATS_FULL_MUST_ARRIVE, TAPE_DEPTH},
    {"risk-strategy",     ATS_CHAIN_RISK,     1, ATS_CHAIN_STRATEGY, 1, ATS_FULL_MUST_ARRIVE, CHAIN_DEPTH},
    {"strategy-drain",    ATS_CHAIN_STRATEGY, 1, ATS_CHAIN_DRAIN,    1, ATS_FULL_MUST_ARRIVE, TAP_DEPTH},
    {"risk-drain",        ATS_CHAIN_RISK,     2, ATS_CHAIN_DRAIN,    2, ATS_FULL_MUST_ARRIVE, TAP_DEPTH},
    {"route-drain",       ATS_CHAIN_ROUTE,    1, ATS_CHAIN_DRAIN,    3, ATS_FULL_MUST_ARRIVE, TAP_DEPTH},
    [SHADOW_LINK] =
    {"infer-shadow",      ATS_CHAIN_INFER,    1, ATS_CHAIN_SHADOW,   0, ATS_FULL_MAY_DROP,    SHADOW_DEPTH},
};
/* clang-format on */

/* Stages that share simulated time. */
#define LOCKSTEP ((1u << ATS_CHAIN_STRATEGY) | (1u << ATS_CHAIN_RISK) | (1u << ATS_CHAIN_ROUTE))

/* ---- building ----------------------------------------------------------------------------- */

const char *ats_chain_stage_name(uint32_t stage)
{
    return stage < ATS_CHAIN_STAGE_COUNT ? STAGES[stage]->name : "?";
}

int ats_chain_stage_index(const char *name)
{
    for (uint32_t i = 0; i < ATS_CHAIN_STAGE_COUNT; i++)
        if (!strcmp(STAGES[i]->name, name))
            return (int)i;
    return -1;
}

/* A run as fast as possible waits for its shadow, so that every row is compared. */
static bool shadow_may_block(const ats_chain_spec *spec)
{
    return spec->shadow && spec->pace == ATS_PACE_MAX;
}

/* One moment may leave or enter every position there is (a close, a flatten): an order and a cancel
 * for each open one, and an answer to each. Lockstep stages wait for each other within the moment,
 * so a link between them that fills up would never empty. */
static uint32_t depth_for_orders(uint32_t depth, uint32_t order_capacity)
{
    while (depth < 2 * order_capacity)
        depth *= 2;
    return depth;
}

/* Infer asks for room for a whole batch and the market records between its vectors; half of a link
 * is left for the other side to work on. */
static uint32_t depth_for_batch(uint32_t depth, uint32_t batch_limit)
{
    while (depth < 4 * batch_limit)
        depth *= 2;
    return depth;
}

/* The links of this run: without a drain no taps, without a tape no tape link, without a model on
 * trial no shadow. */
static void choose_links(ats_chain *chain, const ats_chain_spec *spec)
{
    bool drain = spec->audit != NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < sizeof LINKS / sizeof LINKS[0]; i++) {
        if (LINKS[i].to == ATS_CHAIN_DRAIN && (!drain || (i == TAPE_LINK && !spec->tape)))
            continue;
        if (i == SHADOW_LINK && !spec->shadow)
            continue;
        ats_link_spec *link = &chain->links[n++];
        *link = LINKS[i];
        if (i == INFER_IN || i == INFER_OUT)
            link->depth = depth_for_batch(link->depth, spec->config->batch_limit);
        if ((LOCKSTEP >> link->from & 1) && (LOCKSTEP >> link->to & 1))
            link->depth = depth_for_orders(link->depth, spec->config->venue.order_capacity);
        if (i == SHADOW_LINK && shadow_may_block(spec))
            link->full = ATS_FULL_MUST_ARRIVE;
    }
    uint32_t stages = spec->shadow ? ATS_CHAIN_STAGE_COUNT
                      : drain      ? ATS_CHAIN_SHADOW
                                   : ATS_CHAIN_DRAIN;
    chain->topology = (ats_topology){STAGES, stages, chain->links, n};
}

/* A thread of its own for the shadow, unless the configuration gives it one. */
static void map_shadow(ats_chain *chain)
{
    ats_thread_map *map = &chain->map;
    for (uint32_t t = 0; t < map->count; t++)
        for (uint32_t i = 0; i < map->threads[t].stage_count; i++)
            if (map->threads[t].stages[i] == ATS_CHAIN_SHADOW)
                return;
    if (map->count == ATS_THREADS_MAX)
        return; /* the topology check says what is missing */
    map->threads[map->count++] = (ats_thread_spec){.name = "shadow",
                                                   .cpu = ATS_CPU_ANY,
                                                   .wait = ATS_WAIT_PARK,
                                                   .stage_count = 1,
                                                   .stages = {ATS_CHAIN_SHADOW}};
}

static int map_threads(ats_chain *chain, const ats_run_config *config)
{
    chain->map = (ats_thread_map){.lockstep = LOCKSTEP};
    for (uint32_t t = 0; t < config->thread_count; t++) {
        const ats_thread_config *in = &config->threads[t];
        ats_thread_spec *out = &chain->map.threads[chain->map.count];
        *out = (ats_thread_spec){.cpu = in->cpu, .wait = in->wait};
        /* A thread that floats is a side thread: it must not take a hot one's CPU. */
        out->priority = in->cpu == ATS_CPU_ANY ? 0 : config->realtime_priority;
        snprintf(out->name, sizeof out->name, "%s", in->name);
        /* In the order of the chain, whatever order the configuration has. */
        for (uint32_t stage = 0; stage < chain->topology.stage_count; stage++)
            for (uint32_t i = 0; i < in->stage_count; i++)
                if (!strcmp(in->stages[i], STAGES[stage]->name))
                    out->stages[out->stage_count++] = (uint8_t)stage;
        chain->map.count += out->stage_count > 0;
    }
    if (chain->map.count == 0)
        return ats_error(ATS_EXIT_CONFIG, "threads: none runs any stage");
    if (chain->topology.stage_count > ATS_CHAIN_SHADOW)
        map_shadow(chain);
    return 0;
}

/* Margin from which a model's score opens a position, for the comparison with one on trial: that of
 * the first strategy which follows the model. */
static float entry_margin(const ats_strategy_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (set->instances[i].plugin == &ats_strategy_model_signal)
            return (float)set->instances[i].parameters[0];
    return 0;
}

static void configure_market_side(ats_chain *chain, const ats_chain_spec *spec)
{
    uint32_t symbols = spec->source->symbols.count;
    chain->feed = (ats_feed_config){.context = &chain->context,
                                    .source = spec->source,
                                    .pace = spec->pace,
                                    .speed = spec->speed,
                                    .schedule_ns = spec->schedule_ns,
                                    .schedule_count = spec->schedule_count,
                                    .released_max = spec->released_max,
                                    .clock_interval_ns = spec->config->clock_interval_ns,
                                    .burst = spec->feed_burst ? spec->feed_burst : ATS_BURST_MAX,
                                    .symbol_count = symbols,
                                    .commands = spec->commands,
                                    .command_count = spec->command_count,
                                    .quality = spec->config->data,
                                    .calendar = &chain->calendar.calendar};
    chain->feature =
        (ats_feature_config){.context = &chain->context,
                             .catalogue = &chain->catalogue,
                             .equity_calendar = &chain->calendar.calendar,
                             .symbol_count = symbols,
                             .vectors = spec->model_id || spec->vectors || spec->command_count};
    chain->infer = (ats_infer_config){.context = &chain->context,
                                      .models = spec->models,
                                      .model_id = spec->model_id,
                                      .batch_limit = spec->config->batch_limit,
                                      .feature_count = chain->catalogue.count,
                                      .feature_version = chain->catalogue.version,
                                      .trace = spec->trace,
                                      .sample = spec->sample,
                                      .shadow_may_block = shadow_may_block(spec)};
    chain->shadow = (ats_shadow_config){.context = &chain->context,
                                        .model = spec->shadow,
                                        .entry_margin = entry_margin(&chain->strategies),
                                        .feature_count = chain->catalogue.count,
                                        .feature_version = chain->catalogue.version};
}

static void configure_order_side(ats_chain *chain, const ats_chain_spec *spec)
{
    const ats_run_config *c = spec->config;
    chain->strategy = (ats_strategy_config){.context = &chain->context,
                                            .settings = &c->strategy,
                                            .set = &chain->strategies,
                                            .equity_calendar = &chain->calendar.calendar,
                                            .trace = spec->trace,
                                            .start_cash_e9 = c->start_cash_e9,
                                            .account_id = c->account_id,
                                            .order_capacity = c->venue.order_capacity};
    chain->risk = (ats_risk_config){.context = &chain->context,
                                    .limits = c->limits,
                                    .start_cash_e9 = c->start_cash_e9,
                                    .account_id = c->account_id,
                                    .order_capacity = c->venue.order_capacity,
                                    .calendar = &chain->calendar.calendar,
                                    .reference = &chain->reference.table};
    chain->route = (ats_route_config){.context = &chain->context,
                                      .journal = spec->journal,
                                      .venue = c->venue,
                                      .calendar = &chain->calendar.calendar};
    chain->route.venue.symbol_count = spec->source->symbols.count;
    chain->drain = (ats_drain_config){.context = &chain->context,
                                      .tape = spec->tape,
                                      .audit = spec->audit,
                                      .journal = spec->journal,
                                      .journal_fd = spec->journal_fd,
                                      .reserve_fd = spec->reserve_fd,
                                      .latch_path = c->latch_path,
                                      .run_name = spec->run_name,
                                      .stop_on_error = spec->stop_on_error};
}

int ats_chain_build(ats_chain *chain, const ats_chain_spec *spec)
{
    memset(chain, 0, sizeof *chain);
    ats_clock_calibrate(&chain->clock);
    assert(!spec->shadow || spec->audit);
    chain->device = spec->device;
    if (spec->device)
        spec->device->clock = &chain->clock;
    choose_links(chain, spec);
    if (map_threads(chain, spec->config) != 0 ||
        ats_catalogue_make(&chain->catalogue, &spec->config->features) != 0 ||
        ats_calendar_load(&chain->calendar, spec->config->calendar_path) != 0)
        return -1;
    if (ats_strategies_load(&chain->strategies, &spec->config->strategy, &spec->source->symbols,
                            spec->config->venue.seed, spec->plugin) != 0) {
        ats_calendar_free(&chain->calendar);
        return -1;
    }
    if (ats_reference_load(&chain->reference, spec->config->reference_path,
                           &spec->source->symbols) != 0 ||
        ats_context_make(&chain->context, &chain->shared, &spec->source->symbols) != 0) {
        ats_reference_free(&chain->reference);
        ats_strategies_free(&chain->strategies);
        ats_calendar_free(&chain->calendar);
        return -1;
    }
    configure_market_side(chain, spec);
    configure_order_side(chain, spec);
    ats_engine_spec engine = {.topology = &chain->topology,
                              .map = &chain->map,
                              .configs = {[ATS_CHAIN_FEED] = &chain->feed,
                                          [ATS_CHAIN_FEATURE] = &chain->feature,
                                          [ATS_CHAIN_INFER] = &chain->infer,
                                          [ATS_CHAIN_STRATEGY] = &chain->strategy,
                                          [ATS_CHAIN_RISK] = &chain->risk,
                                          [ATS_CHAIN_ROUTE] = &chain->route,
                                          [ATS_CHAIN_DRAIN] = &chain->drain,
                                          [ATS_CHAIN_SHADOW] = &chain->shadow},
                              .feature_count = chain->catalogue.count,
                              .clock = &chain->clock,
                              .hooks = spec->hooks};
    if (ats_engine_build(&chain->engine, &engine) != 0) {
        ats_strategies_free(&chain->strategies);
        ats_reference_free(&chain->reference);
        ats_calendar_free(&chain->calendar);
        ats_arena_destroy(&chain->shared);
        return -1;
    }
    return 0;
}

int ats_chain_start(ats_chain *chain)
{
    chain->started_ns = ats_clock_now(&chain->clock);
    return ats_engine_start(&chain->engine);
}

int ats_chain_join(ats_chain *chain)
{
    int result = ats_engine_join(&chain->engine);
    chain->ended_ns = ats_clock_now(&chain->clock);
    return result;
}

int ats_chain_swap_model(ats_chain *chain, const ats_model *model)
{
    ats_control command = {.code = ATS_CONTROL_MODEL, .model_id = model->id};
    memcpy(command.model_sha256, model->sha256_bytes, ATS_SHA256_BYTES);
    if (ats_model_check(model, chain->infer.feature_count, chain->infer.feature_version) != 0)
        return -1;
    return ats_control_send(chain->context.inbox, &command);
}

void ats_chain_stop(ats_chain *chain)
{
    ats_store_release(&chain->context.switches->stop, 1); /* partner: feed's look at it */
}

void ats_chain_kill(ats_chain *chain)
{
    ats_store_release(&chain->context.switches->kill, 1); /* partner: risk, route */
}

void ats_chain_destroy(ats_chain *chain)
{
    ats_engine_destroy(&chain->engine);
    ats_strategies_free(&chain->strategies);
    ats_reference_free(&chain->reference);
    ats_calendar_free(&chain->calendar);
    ats_arena_destroy(&chain->shared);
}

void ats_chain_digest(const ats_chain *chain, char text[33])
{
    const ats_digest *const digests[] = {
        ats_strategy_digest(ats_chain_state(chain, ATS_CHAIN_STRATEGY)),
        ats_risk_digest(ats_chain_state(chain, ATS_CHAIN_RISK)),
        ats_route_digest(ats_chain_state(chain, ATS_CHAIN_ROUTE))};
    ats_digest_text(digests, 3, text);
}
