#include "stages/keeper/summary.h"

#include "core/error.h"
#include "stages/keeper/quality.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const PACE_LABELS[] = {
    [ATS_PACE_MAX] = "max", [ATS_PACE_RECORDED] = "recorded", [ATS_PACE_SCHEDULE] = "schedule"};
static const char *const BACKING_LABELS[] = {[ATS_BACKING_PAGES] = "pages",
                                             [ATS_BACKING_TRANSPARENT_HUGE] = "transparent-huge",
                                             [ATS_BACKING_HUGE] = "huge"};

void ats_run_summary_warn(ats_run_summary *summary, const char *format, ...)
{
    char text[ATS_SUMMARY_WARNING_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (uint32_t i = 0; i < summary->warning_count; i++)
        if (!strcmp(summary->warnings[i], text))
            return;
    if (summary->warning_count == ATS_SUMMARY_WARNINGS) {
        summary->warnings_lost++;
        return;
    }
    memcpy(summary->warnings[summary->warning_count++], text, sizeof text);
}

void ats_summary_latency_of(ats_summary_latency *out, const ats_histogram *h)
{
    *out = (ats_summary_latency){.count = ats_histogram_total(h)};
    if (out->count == 0)
        return;
    out->p50_ns = ats_histogram_value_at(h, 50);
    out->p90_ns = ats_histogram_value_at(h, 90);
    out->p99_ns = ats_histogram_value_at(h, 99);
    out->p999_ns = ats_histogram_value_at(h, 99.9);
    out->p9999_ns = ats_histogram_value_at(h, 99.99);
    out->max_ns = ats_histogram_max(h);
    out->mean_ns = ats_histogram_mean(h);
}

/* ---- the machine's part -------------------------------------------------------------------- */

static void collect_topology(ats_run_summary *s, const ats_chain *chain)
{
    s->thread_count = chain->map.count;
    for (uint32_t t = 0; t < chain->map.count; t++) {
        const ats_thread_spec *from = &chain->map.threads[t];
        ats_summary_thread *to = &s->threads[t];
        memcpy(to->name, from->name, sizeof to->name);
        to->cpu = from->cpu;
        to->wait = from->wait;
        to->stage_count = from->stage_count;
        for (uint32_t i = 0; i < from->stage_count; i++)
            to->stages[i] = ats_chain_stage_name(from->stages[i]);
        to->page_faults = chain->engine.threads[t].minor_faults;
    }
    s->link_count = chain->topology.link_count;
    for (uint32_t i = 0; i < s->link_count; i++) {
        const ats_link_spec *spec = &chain->links[i];
        const ats_tx *tx = &chain->engine.links[i].tx;
        s->links[i] = (ats_summary_link){.name = spec->name,
                                         .full = spec->full,
                                         .depth = spec->depth,
                                         .high_water = tx->high_water,
                                         .published = tx->published,
                                         .dropped = tx->dropped,
                                         .stalls = tx->stalls,
                                         .stall_ns = tx->stall_ns};
        /* Only the feed conflates, and only on its way into the chain. */
        if (spec->from == ATS_CHAIN_FEED && spec->from_port == 0)
            s->links[i].conflated = chain->context.metrics->feed.conflated;
    }
    s->arena_backing = BACKING_LABELS[chain->engine.arena.backing];
    s->arena_locked = chain->engine.arena.locked;
}

static void collect_input(ats_run_summary *s, const ats_chain *chain,
                          const ats_market_source *source, const ats_summary_options *options)
{
    const ats_metrics_feed *feed = &chain->context.metrics->feed;
    s->input =
        (ats_summary_input){.files = options->files,
                            .file_count = options->file_count,
                            .symbols = source->symbols.count,
                            .events = ats_feed_events(ats_chain_state(chain, ATS_CHAIN_FEED)),
                            .quotes = feed->quotes,
                            .trades = feed->trades,
                            .bars = feed->bars,
                            .first_event_ns = source->first_ns,
                            .last_event_ns = source->last_ns};
    s->quality = (ats_summary_quality){
        .out_of_order = feed->out_of_order,
        .crossed = feed->crossed,
        .locked = feed->locked,
        .unchanged = feed->unchanged,
        .conflated = feed->conflated,
        .stale = feed->data_faults[ATS_DATA_STALE_SIDE] + feed->data_faults[ATS_DATA_STALE_QUOTE],
        .stale_refused = chain->context.metrics->risk.verdicts[ATS_CHECK_STALE_MARKET],
        .gaps = source->tape || chain->feed.quality.gap_after_ns == 0
                    ? -1
                    : (int64_t)(feed->data_faults[ATS_DATA_GAP] +
                                feed->data_faults[ATS_DATA_LOST_TRADES]),
        .bad_price = feed->bad_price,
        .bad_action = feed->bad_action,
        .bad_size = feed->bad_size,
        .bad_time = feed->bad_time,
        .cut_bytes = source->cut_bytes,
        .in_quarantine = feed->quarantined};
}

static int collect_quality(ats_run_summary *s, const ats_chain *chain,
                           const ats_market_source *source)
{
    const ats_quality *q = ats_feed_quality(ats_chain_state(chain, ATS_CHAIN_FEED));
    for (uint32_t id = 1; id <= q->symbol_count; id++)
        s->quality.symbols_quarantined += q->symbol[id].quarantines > 0;
    s->quality.found = ats_quality_json(q, source->tape);
    return s->quality.found ? 0 : -1;
}

static void collect_models(ats_run_summary *s, const ats_chain *chain)
{
    ats_summary_models *m = &s->models;
    m->uses = ats_infer_uses(ats_chain_state(chain, ATS_CHAIN_INFER), &m->count, &m->changes);
    m->infer = &chain->context.metrics->infer;
    m->refused = m->infer->swaps_refused;
    if (chain->device) {
        m->gpu = true;
        m->gpu_kind = ats_gpu_kind_label(ats_gpu_kind_of(chain->device->gpu));
        m->gpu_use_from = chain->device->use_from;
        ats_gpu_metrics_read(chain->device->gpu, &m->gpu_count);
    }
}

static void collect_shadow(ats_run_summary *s, const ats_chain *chain)
{
    const ats_model *model = chain->shadow.model;
    if (!model)
        return;
    s->shadow = (ats_summary_shadow){
        .present = true,
        .entry_margin = chain->shadow.entry_margin,
        .dropped = chain->context.metrics->infer.tap_dropped,
        .result = *ats_shadow_outcome(ats_chain_state(chain, ATS_CHAIN_SHADOW))};
    memcpy(s->shadow.sha256, model->sha256, sizeof s->shadow.sha256);
    for (uint32_t i = 0; i < model->member_count; i++)
        s->shadow.trees += model->members[i].forest.tree_count;
}

/* ---- the trading part ---------------------------------------------------------------------- */

static void collect_decisions(ats_run_summary *s, const ats_chain *chain)
{
    const ats_metrics *m = chain->context.metrics;
    s->decisions = (ats_summary_decisions){.signals = m->infer.signals,
                                           .intents = m->strategy.intents,
                                           .orders = m->route.orders,
                                           .replaces = m->route.replaces,
                                           .cancels = m->route.cancels,
                                           .fills = m->route.fills,
                                           .broker_rejects = m->route.rejects};
    memcpy(s->decisions.verdicts, m->risk.verdicts, sizeof s->decisions.verdicts);
    memcpy(s->decisions.wishes, m->strategy.wishes, sizeof s->decisions.wishes);
    ats_chain_digest(chain, s->digest);
}

static void collect_position(ats_summary_position *to, const ats_symbol *symbol,
                             const ats_holding *h)
{
    *to = (ats_summary_position){
        .symbol = symbol->text,
        .venue = symbol->venue,
        .qty_e9 = h->qty_e9,
        /* cost_e18 / qty_e9 is in 1e-9, of the sign of a price for a short too */
        .average_e9 = h->qty_e9 ? (int64_t)(h->cost_e18 / h->qty_e9) : 0,
        .mark_e9 = h->mark_e9,
        .realized_e9 = ats_money_round_e9(h->realized_e18),
        .unrealized_e9 = ats_money_round_e9(ats_holding_unrealized(h)),
        .fees_e9 = ats_money_round_e9(h->fees_e18),
        .fills = h->fills};
}

static int collect_portfolio(ats_run_summary *s, const ats_chain *chain,
                             const ats_market_source *source)
{
    const ats_portfolio *p = ats_risk_gate(ats_chain_state(chain, ATS_CHAIN_RISK))->portfolio;
    s->portfolio =
        (ats_summary_portfolio){.start_equity_e9 = ats_money_round_e9(p->start_e18),
                                .end_equity_e9 = ats_money_round_e9(ats_portfolio_equity(p)),
                                .cash_e9 = ats_money_round_e9(p->cash_e18),
                                .realized_e9 = ats_money_round_e9(p->realized_e18),
                                .unrealized_e9 = ats_money_round_e9(ats_portfolio_unrealized(p)),
                                .fees_e9 = ats_money_round_e9(p->fees_e18),
                                .gross_e9 = ats_money_round_e9(p->gross_e18),
                                .net_e9 = ats_money_round_e9(p->net_e18),
                                .dividends_e9 = ats_money_round_e9(p->dividends_e18),
                                .borrow_e9 = ats_money_round_e9(p->borrow_e18)};
    uint32_t traded = 0, n = 0;
    for (uint32_t id = 1; id <= p->symbol_count; id++)
        traded += p->holdings[id].fills > 0;
    if (traded == 0)
        return 0;
    s->portfolio.positions = calloc(traded, sizeof *s->portfolio.positions);
    if (!s->portfolio.positions)
        return ats_error(ATS_EXIT_FAILED, "run summary: no memory for %u positions", traded);
    for (uint32_t id = 1; id <= p->symbol_count; id++)
        if (p->holdings[id].fills > 0)
            collect_position(&s->portfolio.positions[n++], &source->symbols.entry[id],
                             &p->holdings[id]);
    s->portfolio.position_count = n;
    return 0;
}

static void collect_faults(ats_run_summary *s, const ats_chain *chain,
                           const ats_summary_options *options)
{
    const ats_metrics *m = chain->context.metrics;
    ats_summary_faults *f = &s->faults;
    f->executions_unknown = m->route.executions_unknown;
    f->executions_duplicate = m->route.executions_duplicate;
    f->disk_errors = m->drain.write_errors;
    f->killed = ats_load_relaxed(&chain->context.switches->kill) != 0;
    if (options->stage_error)
        snprintf(f->stage, sizeof f->stage, "%s", options->stage_error);
    if (chain->topology.stage_count > ATS_CHAIN_DRAIN) {
        const ats_drain_result *d = ats_drain_outcome(ats_chain_state(chain, ATS_CHAIN_DRAIN));
        memcpy(f->disk, d->error, sizeof f->disk);
        f->tape_lost = d->tape_lost;
        f->audit_lost = d->audit_lost;
        f->journal_kept = chain->drain.journal_fd >= 0 ? d->journal_kept : 0;
    }
    if (options->kept) {
        memcpy(f->store, options->kept->error, sizeof f->store);
        f->store_errors = options->kept->errors;
    }
    if (chain->drain.tape)
        s->tape = "full";
    s->replayable = f->tape_lost == 0 && f->audit_lost == 0 && !f->disk[0];
}

/* ---- warnings ------------------------------------------------------------------------------ */

static void warn_of_faults(ats_run_summary *s, const ats_summary_options *options)
{
    const ats_summary_faults *f = &s->faults;
    if (f->stage[0])
        ats_run_summary_warn(s, "failed: %.200s", f->stage);
    if (f->killed)
        ats_run_summary_warn(s, "killed: the kill switch was thrown; no order passed after it");
    if (f->disk[0])
        ats_run_summary_warn(s, "disk: %.200s", f->disk);
    if (f->tape_lost || f->audit_lost)
        ats_run_summary_warn(s,
                             "not_replayable: %llu market and %llu derived records did not reach "
                             "the disk",
                             (unsigned long long)f->tape_lost, (unsigned long long)f->audit_lost);
    if (s->quality.cut_bytes)
        ats_run_summary_warn(
            s, "cut_input: the input ends early: %llu bytes of a torn end were not read",
            (unsigned long long)s->quality.cut_bytes);
    if (s->quality.symbols_quarantined)
        ats_run_summary_warn(s, "data_quality: %llu symbols were in quarantine for a time",
                             (unsigned long long)s->quality.symbols_quarantined);
    if (f->journal_kept)
        ats_run_summary_warn(s, "journal: %llu entries are in shared memory only",
                             (unsigned long long)f->journal_kept);
    if (options->kept && !options->kept->complete)
        ats_run_summary_warn(s, "store: store.db or latency.hlog is not complete: %.150s",
                             f->store[0] ? f->store : "records were lost");
    if (s->portfolio.gross_e9)
        ats_run_summary_warn(s, "open_positions: the run ended with positions; their profit is "
                                "at the last mark");
}

static void warn_of_measurement(ats_run_summary *s, const ats_chain *chain)
{
    if (chain->feed.pace == ATS_PACE_MAX)
        ats_run_summary_warn(s, "queueing: the input came as fast as the chain took it; latencies "
                                "are time in queues, not the time the chain needs for an event");
    for (uint32_t t = 0; t < s->thread_count; t++)
        if (s->threads[t].cpu == ATS_CPU_ANY && s->threads[t].wait <= ATS_WAIT_PAUSE)
            ats_run_summary_warn(s, "unpinned: thread %s spins but has no CPU of its own",
                                 s->threads[t].name);
    if (s->host.virtual_machine)
        ats_run_summary_warn(s, "virtual_machine: the hypervisor's pauses are in every tail");
    if (s->host.governor[0] && strcmp(s->host.governor, "performance") != 0)
        ats_run_summary_warn(s, "governor: %.31s; set performance for a steady clock",
                             s->host.governor);
}

/* A model may only score what came after its training. */
static void warn_of_models(ats_run_summary *s)
{
    const ats_summary_models *m = &s->models;
    bool in_sample = false;
    for (uint32_t i = 0; i < m->count; i++) {
        const ats_model_use *use = &m->uses[i];
        int64_t from_ns = use->from_ns ? use->from_ns : s->input.first_event_ns;
        int64_t to_ns = i + 1 < m->count ? use[1].from_ns : s->input.last_event_ns;
        in_sample |= use->train_last_ns && to_ns && use->train_first_ns <= to_ns &&
                     use->train_last_ns >= from_ns;
    }
    if (in_sample)
        ats_run_summary_warn(s, "in_sample: a model scored days that it was trained on; the "
                                "results say nothing of the future");
    if (m->refused)
        ats_run_summary_warn(s,
                             "model_unknown: %llu commands named a model that this run has not, "
                             "and the one before went on; `ats replay --run` loads a run's models",
                             (unsigned long long)m->refused);
    if (m->gpu && m->gpu_count.downs)
        ats_run_summary_warn(s,
                             "gpu_down: the GPU was taken out %llu times (late, wrong or failed) "
                             "and the CPU scored meanwhile",
                             (unsigned long long)m->gpu_count.downs);
    if (s->shadow.present && s->shadow.dropped)
        ats_run_summary_warn(s, "shadow_dropped: the model on trial was too slow for %llu vectors",
                             (unsigned long long)s->shadow.dropped);
}

/* ---- all of it ----------------------------------------------------------------------------- */

int ats_run_summary_collect(ats_run_summary *s, const ats_chain *chain,
                            const ats_market_source *source, const ats_run_config *config,
                            const ats_summary_options *options)
{
    memset(s, 0, sizeof *s);
    s->command = options->command;
    s->exit = options->exit;
    s->wall_ns = (int64_t)(chain->ended_ns - chain->started_ns);
    s->started_ns =
        ats_clock_wall_ns() - (int64_t)(ats_clock_now(&chain->clock) - chain->started_ns);
    s->finished_ns = s->started_ns + s->wall_ns;
    ats_host_read(&s->host, &chain->clock);
    s->build = ats_build_info();
    collect_input(s, chain, source, options);
    collect_topology(s, chain);
    collect_models(s, chain);
    collect_shadow(s, chain);
    s->features = (ats_summary_features){
        .catalogue = &chain->catalogue,
        .vectors = ats_infer_vectors(ats_chain_state(chain, ATS_CHAIN_INFER))};
    s->pace = PACE_LABELS[chain->feed.pace];
    s->speed = chain->feed.pace == ATS_PACE_RECORDED ? chain->feed.speed : 0;
    if (s->wall_ns > 0)
        s->events_per_s = (double)s->input.events / ((double)s->wall_ns * 1e-9);
    collect_decisions(s, chain);
    s->tape = config->tape == ATS_TAPE_REFERENCE ? "reference" : "none";
    collect_faults(s, chain, options);
    if (collect_portfolio(s, chain, source) != 0 || collect_quality(s, chain, source) != 0)
        return -1;
    if (options->kept) {
        memcpy(s->latency, options->kept->latency, sizeof s->latency);
        s->performance = options->kept->performance;
        s->attribution = json_incref(options->kept->attribution);
        s->execution = json_incref(options->kept->execution);
    } else {
        ats_performance none;
        ats_performance_init(&none, s->portfolio.start_equity_e9, false);
        ats_performance_finish(&none, &s->performance);
    }
    warn_of_faults(s, options);
    warn_of_models(s);
    warn_of_measurement(s, chain);
    return 0;
}

void ats_run_summary_free(ats_run_summary *s)
{
    free(s->portfolio.positions);
    json_decref(s->attribution);
    json_decref(s->execution);
    s->attribution = s->execution = NULL;
    s->portfolio.positions = NULL;
    s->portfolio.position_count = 0;
    json_decref(s->quality.found);
    s->quality.found = NULL;
}
