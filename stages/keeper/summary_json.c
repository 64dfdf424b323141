/* The JSON form of a run summary. A member that cannot be made leaves its object short and is
 * remembered, so that one look at the end is enough. */
#include "stages/keeper/summary.h"

#include "core/error.h"
#include "core/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits of a real: a double's 15 are exact to 1e-9 up to a million. */
#define REAL_DIGITS 15

typedef struct builder {
    bool failed; /* out of memory somewhere */
} builder;

/* Takes `value` over; NULL counts as a failure. */
static void put(builder *b, json_t *object, const char *key, json_t *value)
{
    b->failed |= json_object_set_new(object, key, value) != 0;
}

static void append(builder *b, json_t *array, json_t *value)
{
    b->failed |= json_array_append_new(array, value) != 0;
}

static void put_u64(builder *b, json_t *object, const char *key, uint64_t value)
{
    put(b, object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

/* NaN and infinities, which JSON has not, are null: not known. */
static void put_real(builder *b, json_t *object, const char *key, double value)
{
    put(b, object, key, isfinite(value) ? json_real(value) : json_null());
}

static void put_money(builder *b, json_t *object, const char *key, int64_t value_e9)
{
    put(b, object, key, json_real((double)value_e9 / 1e9));
}

/* Text of a file or of the firmware; one that is not UTF-8 has every byte above 127 replaced. */
static json_t *text(const char *value)
{
    json_t *plain = json_string(value ? value : "");
    if (plain)
        return plain;
    char *clean = strdup(value);
    if (!clean)
        return NULL;
    for (char *c = clean; *c; c++)
        if ((unsigned char)*c > 127)
            *c = '?';
    plain = json_string(clean);
    free(clean);
    return plain;
}

static void put_text(builder *b, json_t *object, const char *key, const char *value)
{
    put(b, object, key, text(value));
}

/* null for 0: there was none. */
static void put_time(builder *b, json_t *object, const char *key, int64_t utc_ns)
{
    char out[ATS_CLOCK_TEXT_BYTES];
    ats_clock_utc_text(utc_ns, out);
    put(b, object, key, utc_ns ? json_string(out) : json_null());
}

/* ---- sections ------------------------------------------------------------------------------ */

static json_t *host_json(builder *b, const ats_host *host)
{
    json_t *o = json_object();
    put_text(b, o, "cpu", host->cpu);
    put_u64(b, o, "cores", host->cores);
    put_u64(b, o, "cores_allowed", host->cores_allowed);
    put_text(b, o, "kernel", host->kernel);
    put_text(b, o, "governor", host->governor);
    put_text(b, o, "isolated_cpus", host->isolated_cpus);
    put_u64(b, o, "tsc_hz", host->tsc_hz);
    put_u64(b, o, "memory_bytes", host->memory_bytes);
    put(b, o, "virtual_machine", json_boolean(host->virtual_machine));
    return o;
}

static json_t *build_json(builder *b, const ats_build *build)
{
    json_t *o = json_object();
    put_text(b, o, "compiler", build->compiler);
    put_text(b, o, "isa", build->isa);
    put_text(b, o, "flags", build->flags);
    put(b, o, "cuda", json_boolean(build->cuda));
    return o;
}

static json_t *input_json(builder *b, const ats_summary_input *input)
{
    json_t *o = json_object(), *files = json_array();
    for (uint32_t i = 0; i < input->file_count; i++)
        append(b, files, text(input->files[i]));
    put(b, o, "files", files);
    put_u64(b, o, "symbols", input->symbols);
    put_u64(b, o, "events", input->events);
    put_u64(b, o, "quotes", input->quotes);
    put_u64(b, o, "trades", input->trades);
    put_u64(b, o, "bars", input->bars);
    put_time(b, o, "first_event_at", input->first_event_ns);
    put_time(b, o, "last_event_at", input->last_event_ns);
    return o;
}

static json_t *thread_json(builder *b, const ats_summary_thread *thread)
{
    json_t *o = json_object(), *stages = json_array();
    for (uint32_t i = 0; i < thread->stage_count; i++)
        append(b, stages, text(thread->stages[i]));
    put_text(b, o, "name", thread->name);
    put(b, o, "cpu", thread->cpu == ATS_CPU_ANY ? json_null() : json_integer(thread->cpu));
    put(b, o, "stages", stages);
    put_text(b, o, "wait", ats_wait_label(thread->wait));
    put_u64(b, o, "page_faults", thread->page_faults);
    return o;
}

static json_t *link_json(builder *b, const ats_summary_link *link)
{
    static const char *const FULL_LABELS[] = {[ATS_FULL_MUST_ARRIVE] = "must_arrive",
                                              [ATS_FULL_CONFLATE] = "conflate",
                                              [ATS_FULL_MAY_DROP] = "may_drop"};
    json_t *o = json_object();
    put_text(b, o, "name", link->name);
    put_text(b, o, "when_full", FULL_LABELS[link->full]);
    put_u64(b, o, "depth", link->depth);
    put_u64(b, o, "high_water", link->high_water);
    put_u64(b, o, "published", link->published);
    put_u64(b, o, "dropped", link->dropped);
    put_u64(b, o, "conflated", link->conflated);
    put_u64(b, o, "stalls", link->stalls);
    put_u64(b, o, "stall_ns", link->stall_ns);
    return o;
}

static json_t *topology_json(builder *b, const ats_run_summary *s)
{
    json_t *o = json_object(), *threads = json_array(), *links = json_array();
    for (uint32_t i = 0; i < s->thread_count; i++)
        append(b, threads, thread_json(b, &s->threads[i]));
    for (uint32_t i = 0; i < s->link_count; i++)
        append(b, links, link_json(b, &s->links[i]));
    put(b, o, "threads", threads);
    put(b, o, "links", links);
    put_text(b, o, "memory", s->arena_backing);
    put(b, o, "memory_locked", json_boolean(s->arena_locked));
    return o;
}

static json_t *model_json(builder *b, const ats_model_use *use, bool gpu)
{
    char version[24];
    snprintf(version, sizeof version, "%016llx", (unsigned long long)use->feature_version);
    json_t *o = json_object();
    put_u64(b, o, "id", use->model_id);
    put_text(b, o, "sha256", use->sha256);
    put_u64(b, o, "members", use->members);
    put_u64(b, o, "trees", use->trees);
    put_u64(b, o, "nodes", use->nodes);
    put_u64(b, o, "depth", use->depth);
    put_u64(b, o, "features", use->feature_count);
    put_text(b, o, "feature_version", version);
    put(b, o, "calibrated", json_boolean(use->calibrated));
    put_text(b, o, "backend", gpu && use->attached ? "gpu" : "cpu");
    put_text(b, o, "isa", ats_isa_label(use->isa));
    put_time(b, o, "train_first_at", use->train_first_ns);
    put_time(b, o, "train_last_at", use->train_last_ns);
    put_time(b, o, "from", use->from_ns);
    put_u64(b, o, "rows", use->rows);
    return o;
}

static json_t *gpu_json(builder *b, const ats_summary_models *m)
{
    if (!m->gpu)
        return json_null();
    const ats_gpu_metrics *g = &m->gpu_count;
    json_t *o = json_object(), *batches = json_object();
    for (uint32_t i = 0; i < ATS_GPU_STATUS_COUNT; i++)
        put_u64(b, batches, ats_gpu_status_label(i), g->batches[i]);
    put_text(b, o, "kind", m->gpu_kind);
    put(b, o, "from_rows",
        m->gpu_use_from == ATS_GPU_NEVER ? json_null() : json_integer(m->gpu_use_from));
    put_u64(b, o, "rows", g->rows);
    put(b, o, "batches", batches);
    put_u64(b, o, "downs", g->downs);
    put_u64(b, o, "ups", g->ups);
    put_u64(b, o, "restarts", g->restarts);
    put_u64(b, o, "down_ns", g->down_ns);
    return o;
}

/* Every model that scored, in order, and what infer made of its batches. */
static json_t *infer_json(builder *b, const ats_summary_models *m)
{
    json_t *o = json_object(), *models = json_array(), *rows = json_object();
    for (uint32_t i = 0; i < m->count; i++)
        append(b, models, model_json(b, &m->uses[i], m->gpu && m->gpu_count.rows));
    for (uint32_t i = 0; i < ATS_BATCH_BUCKETS; i++)
        if (m->infer->batch_rows[i])
            put_u64(b, rows, ats_batch_bucket_label(i), m->infer->batch_rows[i]);
    put_u64(b, o, "rows", m->infer->rows);
    put(b, o, "batches_by_rows", rows);
    put_u64(b, o, "model_changes", m->changes ? m->changes - 1 : 0);
    put_u64(b, o, "commands_refused", m->refused);
    put(b, o, "models", models);
    put(b, o, "gpu", gpu_json(b, m));
    return o;
}

static json_t *shadow_json(builder *b, const ats_summary_shadow *s)
{
    if (!s->present)
        return json_null();
    const ats_shadow_result *r = &s->result;
    double n = (double)r->rows;
    json_t *o = json_object();
    put_text(b, o, "sha256", s->sha256);
    put_u64(b, o, "trees", s->trees);
    put_u64(b, o, "rows", r->rows);
    put_u64(b, o, "dropped", s->dropped);
    put_real(b, o, "live_mean", r->sum_a / n);
    put_real(b, o, "shadow_mean", r->sum_b / n);
    put_real(b, o, "correlation", ats_shadow_correlation(r));
    put_real(b, o, "mean_difference", r->sum_away / n);
    put_real(b, o, "largest_difference", r->max_away);
    put_real(b, o, "entry_margin", (double)s->entry_margin);
    put_u64(b, o, "live_entries", r->live_entries);
    put_u64(b, o, "shadow_entries", r->shadow_entries);
    put_u64(b, o, "both_entries", r->both_entries);
    put_u64(b, o, "opposed_entries", r->opposed);
    return o;
}

static json_t *features_json(builder *b, const ats_summary_features *f)
{
    char version[24], timeframes[ATS_TIMEFRAMES_TEXT];
    json_t *o = json_object();
    if (!f->catalogue) {
        json_decref(o);
        return json_null();
    }
    snprintf(version, sizeof version, "%016llx", (unsigned long long)f->catalogue->version);
    ats_timeframes_print(&f->catalogue->options, timeframes);
    put_text(b, o, "version", version);
    put_u64(b, o, "count", f->catalogue->count);
    put_text(b, o, "timeframes", timeframes);
    put(b, o, "days", ats_vector_hash_json(f->vectors));
    return o;
}

static json_t *latency_json(builder *b, const ats_run_summary *s)
{
    json_t *o = json_object();
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++) {
        const ats_summary_latency *l = &s->latency[hop];
        json_t *row = json_object();
        put_u64(b, row, "count", l->count);
        put_u64(b, row, "p50_ns", l->p50_ns);
        put_u64(b, row, "p90_ns", l->p90_ns);
        put_u64(b, row, "p99_ns", l->p99_ns);
        put_u64(b, row, "p999_ns", l->p999_ns);
        put_u64(b, row, "p9999_ns", l->p9999_ns);
        put_u64(b, row, "max_ns", l->max_ns);
        put_real(b, row, "mean_ns", l->mean_ns);
        put(b, o, ats_hop_label(hop), row);
    }
    return o;
}

static json_t *throughput_json(builder *b, const ats_run_summary *s)
{
    json_t *o = json_object();
    put_real(b, o, "events_per_s", s->events_per_s);
    put_real(b, o, "wall_s", (double)s->wall_ns * 1e-9);
    put_text(b, o, "pace", s->pace);
    put(b, o, "speed", s->speed > 0 ? json_real(s->speed) : json_null());
    return o;
}

static json_t *decisions_json(builder *b, const ats_summary_decisions *d)
{
    json_t *o = json_object(), *rejected = json_object(), *wishes = json_object();
    uint64_t refused = 0;
    for (uint32_t check = ATS_CHECK_PASS + 1; check < ATS_CHECK_COUNT; check++) {
        refused += d->verdicts[check];
        if (d->verdicts[check])
            put_u64(b, rejected, ats_check_label(check), d->verdicts[check]);
    }
    for (uint32_t answer = 0; answer < ATS_ENTRY_ANSWERS; answer++)
        if (d->wishes[answer])
            put_u64(b, wishes, ats_entry_answer_label(answer), d->wishes[answer]);
    put(b, o, "wishes", wishes);
    put_u64(b, o, "signals", d->signals);
    put_u64(b, o, "intents", d->intents);
    put_u64(b, o, "passed", d->verdicts[ATS_CHECK_PASS]);
    put_u64(b, o, "rejected", refused);
    put(b, o, "rejected_by_reason", rejected);
    put_u64(b, o, "orders", d->orders);
    put_u64(b, o, "broker_rejects", d->broker_rejects);
    put_u64(b, o, "replaces", d->replaces);
    put_u64(b, o, "cancels", d->cancels);
    put_u64(b, o, "fills", d->fills);
    return o;
}

static json_t *position_json(builder *b, const ats_summary_position *p)
{
    json_t *o = json_object();
    put_text(b, o, "symbol", p->symbol);
    put_text(b, o, "venue", p->venue);
    put_money(b, o, "qty", p->qty_e9);
    put_money(b, o, "average", p->average_e9);
    put_money(b, o, "mark", p->mark_e9);
    put_money(b, o, "realized_pnl", p->realized_e9);
    put_money(b, o, "unrealized_pnl", p->unrealized_e9);
    put_money(b, o, "fees", p->fees_e9);
    put_u64(b, o, "fills", p->fills);
    return o;
}

static json_t *portfolio_json(builder *b, const ats_summary_portfolio *p)
{
    json_t *o = json_object(), *positions = json_array();
    for (uint32_t i = 0; i < p->position_count; i++)
        append(b, positions, position_json(b, &p->positions[i]));
    put_money(b, o, "start_equity", p->start_equity_e9);
    put_money(b, o, "end_equity", p->end_equity_e9);
    put_money(b, o, "cash", p->cash_e9);
    put_money(b, o, "realized_pnl", p->realized_e9);
    put_money(b, o, "unrealized_pnl", p->unrealized_e9);
    put_money(b, o, "fees", p->fees_e9);
    put_money(b, o, "gross_exposure", p->gross_e9);
    put_money(b, o, "net_exposure", p->net_e9);
    put_money(b, o, "dividends", p->dividends_e9);
    put_money(b, o, "borrow", p->borrow_e9);
    put(b, o, "positions", positions);
    return o;
}

static json_t *performance_json(builder *b, const ats_performance_result *p)
{
    json_t *o = json_object();
    put_real(b, o, "return", p->total_return);
    put_real(b, o, "annual_return", p->annual_return);
    put_real(b, o, "volatility", p->volatility);
    put_real(b, o, "sharpe", p->sharpe);
    put_real(b, o, "sortino", p->sortino);
    put_real(b, o, "max_drawdown", p->max_drawdown);
    put_real(b, o, "calmar", p->calmar);
    put_real(b, o, "profit_factor", p->profit_factor);
    put_real(b, o, "win_rate", p->win_rate);
    put_u64(b, o, "trades", p->trades);
    put_real(b, o, "turnover", p->turnover);
    put_u64(b, o, "days", p->days);
    put_u64(b, o, "days_a_year", p->days_a_year);
    put_u64(b, o, "days_to_annualise", ATS_PERFORMANCE_DAYS_MIN);
    return o;
}

static json_t *quality_json(builder *b, const ats_summary_quality *q)
{
    json_t *o = json_object(), *quarantined = json_object();
    put_u64(b, quarantined, "bad_price", q->bad_price);
    put_u64(b, quarantined, "bad_action", q->bad_action);
    put_u64(b, quarantined, "bad_size", q->bad_size);
    put_u64(b, quarantined, "bad_time", q->bad_time);
    put_u64(b, quarantined, "symbol", q->in_quarantine);
    put_u64(b, quarantined, "symbols", q->symbols_quarantined);
    put(b, o, "gaps", q->gaps < 0 ? json_null() : json_integer(q->gaps));
    put_u64(b, o, "out_of_order", q->out_of_order);
    put_u64(b, o, "crossed", q->crossed);
    put_u64(b, o, "locked", q->locked);
    put_u64(b, o, "stale", q->stale);
    put_u64(b, o, "stale_refused", q->stale_refused);
    put_u64(b, o, "unchanged", q->unchanged);
    put_u64(b, o, "conflated", q->conflated);
    put_u64(b, o, "cut_bytes", q->cut_bytes);
    put(b, o, "quarantined", quarantined);
    b->failed |= q->found && json_object_update(o, q->found) != 0;
    return o;
}

static json_t *faults_json(builder *b, const ats_summary_faults *f)
{
    json_t *o = json_object();
    put(b, o, "stage", f->stage[0] ? text(f->stage) : json_null());
    put(b, o, "disk", f->disk[0] ? text(f->disk) : json_null());
    put(b, o, "store", f->store[0] ? text(f->store) : json_null());
    put_u64(b, o, "disk_errors", f->disk_errors);
    put_u64(b, o, "store_errors", f->store_errors);
    put_u64(b, o, "tape_lost", f->tape_lost);
    put_u64(b, o, "audit_lost", f->audit_lost);
    put_u64(b, o, "journal_in_memory_only", f->journal_kept);
    put_u64(b, o, "executions_unknown", f->executions_unknown);
    put_u64(b, o, "executions_duplicate", f->executions_duplicate);
    put(b, o, "killed", json_boolean(f->killed));
    return o;
}

/* ---- whole --------------------------------------------------------------------------------- */

static json_t *warnings_json(builder *b, const ats_run_summary *s)
{
    json_t *warnings = json_array();
    for (uint32_t i = 0; i < s->warning_count; i++)
        append(b, warnings, text(s->warnings[i]));
    if (s->warnings_lost) {
        char more[64];
        snprintf(more, sizeof more, "more: %u warnings are not shown", s->warnings_lost);
        append(b, warnings, text(more));
    }
    return warnings;
}

json_t *ats_run_summary_json(const ats_run_summary *s)
{
    builder b = {false};
    json_t *o = json_object();
    put_u64(&b, o, "schema", ATS_RUN_SCHEMA);
    put_text(&b, o, "version", s->build.version);
    put_text(&b, o, "commit", s->build.commit);
    put_text(&b, o, "command", s->command);
    put_time(&b, o, "started_at", s->started_ns);
    put_time(&b, o, "finished_at", s->finished_ns);
    put(&b, o, "exit", json_integer(s->exit));
    put(&b, o, "host", host_json(&b, &s->host));
    put(&b, o, "build", build_json(&b, &s->build));
    put(&b, o, "input", input_json(&b, &s->input));
    put(&b, o, "topology", topology_json(&b, s));
    put(&b, o, "model",
        s->models.count ? model_json(&b, s->models.uses, s->models.gpu && s->models.gpu_count.rows)
                        : json_null());
    put(&b, o, "infer", infer_json(&b, &s->models));
    put(&b, o, "shadow", shadow_json(&b, &s->shadow));
    put(&b, o, "features", features_json(&b, &s->features));
    put(&b, o, "latency", latency_json(&b, s));
    put(&b, o, "throughput", throughput_json(&b, s));
    put(&b, o, "decisions", decisions_json(&b, &s->decisions));
    put_text(&b, o, "digest", s->digest);
    put_text(&b, o, "tape", s->tape);
    put(&b, o, "replayable", json_boolean(s->replayable));
    put(&b, o, "portfolio", portfolio_json(&b, &s->portfolio));
    put(&b, o, "performance", performance_json(&b, &s->performance));
    put(&b, o, "attribution", s->attribution ? json_incref(s->attribution) : json_null());
    put(&b, o, "execution", s->execution ? json_incref(s->execution) : json_null());
    put(&b, o, "data_quality", quality_json(&b, &s->quality));
    put(&b, o, "faults", faults_json(&b, &s->faults));
    put(&b, o, "warnings", warnings_json(&b, s));
    if (!b.failed)
        return o;
    json_decref(o);
    ats_error(ATS_EXIT_FAILED, "run.json: no memory");
    return NULL;
}

json_t *ats_host_json(const ats_host *host)
{
    builder b = {false};
    json_t *o = host_json(&b, host);
    if (!b.failed)
        return o;
    json_decref(o);
    return NULL;
}

json_t *ats_build_json(const ats_build *build)
{
    builder b = {false};
    json_t *o = build_json(&b, build);
    if (!b.failed)
        return o;
    json_decref(o);
    return NULL;
}

int ats_run_summary_write(const ats_run_summary *summary, const char *path)
{
    json_t *document = ats_run_summary_json(summary);
    if (!document)
        return -1;
    char *out = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(REAL_DIGITS));
    json_decref(document);
    if (!out)
        return ats_error(ATS_EXIT_FAILED, "run.json: no memory");
    size_t n = strlen(out);
    out[n] = '\n'; /* in place of the NUL: a text file ends in a line break */
    int failed = ats_file_replace(path, out, n + 1);
    free(out);
    return failed;
}
