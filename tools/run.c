#include "tools/run.h"

#include "core/log.h"
#include "io/latch.h"
#include "learn/drift.h"
#include "stages/config.h"
#include "stages/keeper/keeper.h"
#include "stages/keeper/report.h"
#include "tools/record_text.h"
#include "tools/run_commands.h"
#include "tools/run_covariance.h"
#include "tools/run_dir.h"
#include "tools/run_keep.h"
#include "tools/run_models.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INPUTS_MAX 1000u
#define POLL_NS    20000000l /* how soon Ctrl-C is seen and the end noticed */

typedef struct run {
    const ats_cli *cli;
    const ats_run_options *options;
    ats_run_config config;
    ats_market_source source;
    ats_run_models models;
    ats_run_commands commands;
    ats_distribution distribution; /* of the model's training; no features: not known */
    char distribution_fault[192];  /* why it could not be read, or "" */
    ats_run_dir dir;
    ats_chain chain;
    ats_keeper *keeper;
    ats_keeper_result kept;
    uint32_t latch; /* that a run before has left: ats_latch */
    bool started;   /* the chain ran: its drain has closed what it wrote */
    bool interrupted;
    char stage_error[512]; /* why the chain failed, or "" */
    int stage_code;        /* and the exit code of it */
    char *repeat_inputs[INPUTS_MAX];
    const char *const *inputs;
    uint32_t input_count;
    uint64_t released_max; /* of a run that was stopped and is repeated; 0 = its input ended it */
    ats_progress progress; /* takes Ctrl-C from before the directory is made until the report is */
} run;

/* ---- before --------------------------------------------------------------------------------- */

static int find_inputs(run *r)
{
    const ats_run_options *o = r->options;
    r->inputs = o->inputs;
    r->input_count = o->input_count;
    if (!o->repeat)
        return 0;
    if (ats_run_dir_inputs(o->repeat, r->repeat_inputs, INPUTS_MAX, &r->input_count) != 0)
        return -1;
    r->inputs = (const char *const *)r->repeat_inputs;
    return 0;
}

/* The distribution beside the model, where there is one. A run does not fail for want of it. */
static void read_distribution(run *r)
{
    char path[ATS_CONFIG_PATH_BYTES + 32];
    const ats_model *first = ats_model_table_find(&r->models.table, r->models.first_id);
    if (first && ats_distribution_path(r->config.model_path, path, sizeof path) == 0 &&
        access(path, F_OK) == 0 && ats_distribution_read(&r->distribution, path) == 0 &&
        r->distribution.feature_version != first->feature_version) {
        ats_error(ATS_EXIT_DATA, "%s: is of other features than the model", path);
        ats_distribution_free(&r->distribution);
    }
    if (ats_error_count())
        snprintf(r->distribution_fault, sizeof r->distribution_fault, "%.160s", ats_error_line(0));
    ats_error_clear();
}

/* A latch of a run before: after a FREEZE or a kill nothing starts, after a HALT only ways out
 * pass. A repeated run decides as the first did. */
static int look_at_latch(run *r)
{
    ats_latch_line last;
    char at[ATS_TIME_TEXT_BYTES];
    const char *path = r->config.latch_path;
    if (!path[0] || r->options->repeat)
        return 0;
    if (ats_latch_read(path, &last) != 0)
        return -1;
    ats_time_text(last.at_ns, at);
    if (last.latch > ATS_LATCH_HALT)
        return ats_error(
            ATS_EXIT_REFUSED,
            "%s: FREEZE since %s by %s: %s; `ats rearm %s --reason TEXT` takes it back", path, at,
            last.who[0] ? last.who : "?", last.why, path);
    r->latch = last.latch;
    if (r->latch && !r->cli->common.quiet)
        fprintf(stderr, "%s: HALT since %s by %s: only ways out pass; `ats rearm` takes it back\n",
                path, at, last.who);
    return 0;
}

/* What the run is told beforehand: its covariances, the changes of its model, its commands. */
static int load_commands(run *r)
{
    uint32_t count, models = r->models.command_count;
    ats_control_due *all;
    if (ats_run_covariance_load(r->config.covariance_path, &r->source.symbols, &all, &count) != 0) {
        free(all);
        return -1;
    }
    ats_control_due *given = realloc(all, ((size_t)count + models + 2) * sizeof *given);
    if (!given) {
        free(all);
        return ats_error(ATS_EXIT_FAILED, "run: out of memory");
    }
    if (r->latch) /* as a command, so that tape and replay have it */
        given[count++] = (ats_control_due){.command = {.code = ATS_CONTROL_HALT}};
    memcpy(given + count, r->models.commands, models * sizeof *given);
    int status = ats_run_commands_load(&r->commands, &r->config, given, count + models);
    free(given);
    return status;
}

static int load(run *r)
{
    const ats_run_options *o = r->options;
    char path[ATS_RUN_PATH_BYTES];
    snprintf(path, sizeof path, "%.480s", o->config_path ? o->config_path : "");
    if (o->repeat)
        snprintf(path, sizeof path, "%.480s/config.yaml", o->repeat);
    if (o->repeat && access(path, R_OK) != 0)
        return ats_error(ATS_EXIT_DATA, "%s is no run directory: there is no %s", o->repeat, path);
    if (ats_config_load(&r->config, path) != 0 || find_inputs(r) != 0 ||
        (o->repeat && ats_run_dir_stop(o->repeat, &r->released_max) != 0))
        return -1;
    if (o->fused) {
        int cpus[ATS_THREADS_MAX];
        int n = ats_cpus_allowed(cpus, ATS_THREADS_MAX);
        ats_config_threads_fused(&r->config, cpus, n > 0 ? n : 1);
    }
    if (o->reference_tape)
        r->config.tape = ATS_TAPE_REFERENCE;
    if (ats_market_source_open(&r->source, r->inputs, r->input_count) != 0)
        return -1;
    /* Where the tape itself is repeated, it commands; where its inputs are, the schedule does. */
    if (ats_run_models_load(&r->models, &r->config, r->source.symbols.count,
                            o->repeat && r->source.tape ? o->repeat : NULL) != 0)
        return -1;
    if (look_at_latch(r) != 0 || load_commands(r) != 0)
        return -1;
    read_distribution(r);
    if (r->source.total == 0)
        return ats_error(ATS_EXIT_DATA, "the input holds no records");
    if (o->silent) /* a run for a look at it is nobody's halt */
        r->config.latch_path[0] = 0;
    ats_market_source_disturb(&r->source, o->disturb_after_ns);
    if (o->trace) {
        o->trace->symbol_id = ats_symbols_find(&r->source.symbols, o->trace_symbol, NULL);
        if (o->trace->symbol_id == 0)
            return ats_error(ATS_EXIT_DATA, "%s: no symbol of this run is called so",
                             o->trace_symbol);
        if (ats_catalogue_make(o->trace_catalogue, &r->config.features) != 0)
            return -1;
    }
    return 0;
}

static int prepare(run *r)
{
    const ats_run_options *o = r->options;
    ats_run_config kept = r->config;
    if (ats_run_dir_create(&r->dir, o->run_dir, o->command) != 0 ||
        ats_run_models_keep(&r->models, &r->dir, &kept) != 0 ||
        ats_run_keep_files(&r->dir, &kept, r->latch != 0) != 0 ||
        ats_run_dir_keep_inputs(&r->dir, &kept, &r->source) != 0 ||
        ats_run_dir_open_files(&r->dir, &r->config, &r->source) != 0)
        return -1;
    ats_chain_spec spec = {.config = &r->config,
                           .source = &r->source,
                           .pace = o->pace,
                           .speed = o->speed,
                           .released_max = r->released_max,
                           .models = &r->models.table,
                           .model_id = r->models.first_id,
                           .vectors = r->models.table.last_id > 0, /* a tape may bring them in */
                           .device = r->models.device.device.gpu ? &r->models.device.device : NULL,
                           .shadow = r->models.shadow,
                           .commands = r->commands.due,
                           .command_count = r->commands.count,
                           .trace = o->trace,
                           .run_name = r->dir.path,
                           .sample = r->distribution.feature_count > 0,
                           .journal = &r->dir.journal,
                           .tape = r->dir.tape,
                           .audit = &r->dir.audit,
                           .journal_fd = r->dir.journal_fd,
                           .reserve_fd = r->dir.reserve_fd,
                           .stop_on_error = true};
    if (ats_chain_build(&r->chain, &spec) != 0)
        return -1;
    char audit[ATS_RUN_PATH_BYTES];
    ats_run_dir_join(&r->dir, "audit.bin", audit);
    ats_keeper_options keeper = {.run_dir = r->dir.path,
                                 .run_id = r->dir.id,
                                 .command = o->command,
                                 .audit_path = audit,
                                 .chain = &r->chain};
    return ats_keeper_start(&r->keeper, &keeper);
}

/* ---- while it runs -------------------------------------------------------------------------- */

static volatile sig_atomic_t reload_wanted; /* written by the handler, as C11 7.14.1.1 demands */

static void on_reload(int number)
{
    (void)number;
    reload_wanted = 1;
}

/* SIGUSR1: the model's file has been replaced; what it holds now takes over. A run whose tape only
 * names its inputs could not be repeated after that, so it keeps its model. */
static void reload_model(run *r)
{
    reload_wanted = 0;
    if (r->source.tape)
        ats_error(ATS_EXIT_CONFIG, "model: a tape has its own commands; its models stay");
    else if (r->config.tape != ATS_TAPE_FULL)
        ats_error(ATS_EXIT_CONFIG, "model: a run without a full tape (run.tape) keeps its model");
    else if (!r->config.model_path[0])
        ats_error(ATS_EXIT_CONFIG, "model: model.path is empty");
    else
        ats_run_models_swap(&r->models, &r->dir, &r->chain, r->config.model_path);
    if (ats_error_count())
        ats_log(ATS_LOG_ERROR, "model.refused", ats_log_str("error", ats_error_line(0)),
                ats_log_str("why", ats_error_line(ats_error_count() - 1)));
    else
        ats_log(ATS_LOG_INFO, "model.sent", ats_log_str("file", r->config.model_path),
                ats_log_u64("id", r->models.table.last_id));
    ats_error_clear();
}

/* Shows progress and takes Ctrl-C: once ends the run in band; twice ends the program (the journal
 * is in shared memory either way). */
static void watch(run *r)
{
    struct timespec pause = {0, POLL_NS};
    while (!ats_engine_is_over(&r->chain.engine)) {
        uint64_t done = ats_load_relaxed(&r->chain.context.metrics->feed.events_in);
        if (ats_progress_tell(&r->progress, done, r->source.total, done) && !r->interrupted) {
            r->interrupted = true;
            ats_log(ATS_LOG_INFO, "run.interrupted", ats_log_u64("events", done));
            ats_chain_stop(&r->chain);
        }
        if (reload_wanted)
            reload_model(r);
        ats_run_models_collect(&r->models);
        nanosleep(&pause, NULL);
    }
    if (r->progress.visible)
        fprintf(stderr, "\r\033[K");
    r->progress.visible = false;
}

static int go(run *r)
{
    ats_log(ATS_LOG_INFO, "run.start", ats_log_str("command", r->options->command),
            ats_log_str("directory", r->dir.path), ats_log_u64("symbols", r->source.symbols.count),
            ats_log_u64("records", r->source.total));
    if (ats_chain_start(&r->chain) != 0)
        return -1;
    r->started = true;
    watch(r);
    if (ats_chain_join(&r->chain) != 0) {
        snprintf(r->stage_error, sizeof r->stage_error, "%.500s", ats_error_line(0));
        r->stage_code = (int)ats_error_code();
        ats_error_clear();
        ats_log(ATS_LOG_ERROR, "run.stage_failed", ats_log_str("error", r->stage_error));
    }
    ats_keeper_finish(r->keeper, &r->kept);
    r->keeper = NULL;
    return 0;
}

/* ---- after ---------------------------------------------------------------------------------- */

static int exit_code(run *r)
{
    const ats_drain_result *drained =
        ats_drain_outcome(ats_chain_state(&r->chain, ATS_CHAIN_DRAIN));
    if (r->stage_error[0])
        return r->stage_code;
    if (drained->error[0] != 0)
        return ATS_EXIT_FAILED;
    return r->interrupted ? ATS_EXIT_INTERRUPTED : ATS_EXIT_OK;
}

/* The repeated run must have decided what the first did. */
static int compare_digest(run *r, const char *digest)
{
    char path[ATS_RUN_PATH_BYTES];
    snprintf(path, sizeof path, "%.480s/run.json", r->options->repeat);
    json_t *document = json_load_file(path, 0, NULL);
    const char *expected = json_string_value(json_object_get(document, "digest"));
    int status = 0;
    if (!expected)
        status = ats_error(ATS_EXIT_DATA, "%s: no digest to compare with", path);
    else if (strcmp(expected, digest) != 0)
        status = ats_error(ATS_EXIT_FAILED,
                           "the repeated run decided differently: digest %s, the run's was %s",
                           digest, expected);
    else if (!r->cli->common.quiet)
        fprintf(stderr, "the repeated run decided the same: digest %s\n", digest);
    json_decref(document);
    return status;
}

/* run.json, or the short form of the report. */
/* Rows below which PSI says more of chance than of drift: 21 bins / 500 rows are 0.04. */
#define DRIFT_ROWS_MIN 500u

/* The even part of the vectors' sample as a dataset, which borrows nothing. */
static int sample_rows(const ats_vector_sample *s, const ats_catalogue *c, ats_dataset *d)
{
    *d = (ats_dataset){.features = s->features, .catalogue = c, .feature_version = c->version};
    d->x = malloc(((size_t)s->count + 1) * s->features * sizeof *d->x);
    if (!d->x)
        return ats_error(ATS_EXIT_FAILED, "drift: out of memory");
    for (uint32_t i = 0; i < s->count; i++)
        if (ats_vector_sample_is_even(s, i))
            memcpy(d->x + d->rows++ * s->features, s->x + (size_t)i * s->features,
                   s->features * sizeof *d->x);
    return 0;
}

/* "drift: 3 of 20 features ...: a 0.51, b 0.40, c 0.33". */
static void warn_of_rows(run *r, ats_run_summary *summary, const ats_drift_row *rows)
{
    char names[160] = "";
    uint32_t drifted = 0, count = r->distribution.feature_count;
    while (drifted < count && rows[drifted].psi >= ATS_DRIFT_DRIFTED)
        drifted++;
    for (uint32_t i = 0; i < drifted && i < 4; i++) {
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%.40s %.2f", i ? ", " : "",
                 r->distribution.feature[rows[i].feature].name, rows[i].psi);
    }
    if (drifted)
        ats_run_summary_warn(summary, "drift: %u of %u features are not as in training (PSI): %s",
                             drifted, count, names);
}

static void warn_of_drift(run *r, ats_run_summary *summary)
{
    const ats_vector_sample *sample = ats_infer_sample(ats_chain_state(&r->chain, ATS_CHAIN_INFER));
    ats_dataset now;
    if (r->distribution_fault[0])
        ats_run_summary_warn(summary, "drift_unknown: %s", r->distribution_fault);
    if (!sample || sample_rows(sample, &r->chain.catalogue, &now) != 0)
        return;
    ats_drift_row *rows = calloc(now.features, sizeof *rows);
    if (now.rows >= DRIFT_ROWS_MIN && rows &&
        ats_drift(&r->distribution, &now, 0, now.rows, rows) == 0)
        warn_of_rows(r, summary, rows);
    free(rows);
    ats_dataset_free(&now);
    ats_error_clear();
}

static int print_result(const run *r, const ats_run_summary *summary)
{
    json_t *document = ats_run_summary_json(summary);
    if (!document)
        return -1;
    if (r->cli->common.json)
        return ats_cli_print_json(document);
    int status = ats_report_text(stdout, document, r->cli->color && isatty(STDOUT_FILENO));
    json_decref(document);
    printf("\n%s\n", r->dir.path);
    return status;
}

/* Strategies that nothing could reach: a slip in the configuration or in the input. */
static void warn_of_idle_strategies(run *r, ats_run_summary *summary)
{
    const ats_strategy_set *set = &r->chain.strategies;
    bool scored = r->models.first_id || r->chain.context.metrics->infer.signals != 0;
    if (set->count == 0)
        ats_run_summary_warn(summary,
                             "no_strategy: the configuration names no strategy, so nothing "
                             "was traded");
    for (uint32_t i = 0; i < set->count; i++) {
        const ats_strategy_instance *in = &set->instances[i];
        uint32_t wanted = 0;
        for (uint32_t s = 1; s <= r->source.symbols.count; s++)
            wanted += in->symbols[s].wanted;
        if (in->plugin->wants == ATS_WANTS_SIGNALS && !scored)
            ats_run_summary_warn(summary,
                                 "no_model: strategy %s follows a model, and model.path is "
                                 "empty and no schedule brought one; `ats train` makes one",
                                 in->spec->name);
        if (wanted == 0)
            ats_run_summary_warn(summary, "no_symbol: the input holds no symbol of strategy %s",
                                 in->spec->name);
    }
}

/* Every entry was refused before it became an order: the configuration, most likely. */
static void warn_of_refused_wishes(run *r, ats_run_summary *summary)
{
    const ats_metrics_strategy *m = &r->chain.context.metrics->strategy;
    uint64_t worst = 0, all = 0;
    uint32_t answer = 0;
    for (uint32_t i = ATS_ANSWER_BAD; i < ATS_ANSWER_COUNT; i++) {
        all += m->wishes[i];
        if (m->wishes[i] > worst) {
            worst = m->wishes[i];
            answer = i;
        }
    }
    if (m->intents == 0 && all > 0)
        ats_run_summary_warn(summary,
                             "no_entry: strategies asked for %" PRIu64
                             " positions and got none; most "
                             "were refused as %s (ats_strategy.h says what each answer means)",
                             all, ats_entry_answer_label(answer));
}

static int report(run *r, int code, ats_run_summary *summary)
{
    char path[ATS_RUN_PATH_BYTES];
    ats_summary_options options = {.command = r->options->command,
                                   .exit = code,
                                   .stage_error = r->stage_error[0] ? r->stage_error : NULL,
                                   .files = r->inputs,
                                   .file_count = r->input_count,
                                   .kept = &r->kept};
    if (ats_run_summary_collect(summary, &r->chain, &r->source, &r->config, &options) != 0)
        return -1;
    warn_of_idle_strategies(r, summary);
    warn_of_refused_wishes(r, summary);
    uint64_t limits = r->chain.context.metrics->risk.environment[ATS_ENV_LIMIT_REFUSED];
    if (limits)
        ats_run_summary_warn(summary,
                             "limit_refused: %" PRIu64
                             " commands to change a limit changed nothing: "
                             "looser than twice the configuration, or for a time that was over",
                             limits);
    const char *index = r->config.features.index;
    if (*index && ats_symbols_find(&r->source.symbols, index, NULL) == 0)
        ats_run_summary_warn(summary, "no_index: features.index is no symbol of the input, so its "
                                      "features were missing");
    ats_run_dir_join(&r->dir, "run.json", path);
    warn_of_drift(r, summary);
    int status = ats_run_summary_write(summary, path);
    if (status == 0)
        status = ats_report_write(r->dir.path);
    return status == 0 && !r->options->silent ? print_result(r, summary) : status;
}

static void release(run *r)
{
    bool built = r->chain.engine.instances != NULL, safe = true;
    if (r->started) {
        const ats_drain_result *drained =
            ats_drain_outcome(ats_chain_state(&r->chain, ATS_CHAIN_DRAIN));
        safe = drained->journal_kept == 0 && !drained->sync_failed;
    }
    ats_keeper_abandon(r->keeper);
    ats_keeper_result_free(&r->kept);
    if (built)
        ats_chain_destroy(&r->chain);
    ats_run_dir_close(&r->dir, safe);
    if (!r->started)
        ats_run_dir_discard(&r->dir);
    ats_market_source_close(&r->source);
    ats_distribution_free(&r->distribution);
    ats_run_models_free(&r->models);
    ats_run_commands_free(&r->commands);
    for (uint32_t i = 0; i < INPUTS_MAX; i++)
        free(r->repeat_inputs[i]);
}

/* What went wrong while all else went on: after the report, so that it is the last thing read. */
static void tell_faults(run *r)
{
    const ats_drain_result *drained =
        ats_drain_outcome(ats_chain_state(&r->chain, ATS_CHAIN_DRAIN));
    bool kept = drained->journal_kept != 0 || drained->sync_failed;
    if (drained->error[0])
        ats_error(ATS_EXIT_FAILED,
                  "trading stopped: %.200s; %" PRIu64 " decisions and %" PRIu64
                  " market records are missing from the run directory%s%.150s",
                  drained->error, drained->audit_lost, drained->tape_lost,
                  kept ? "; the order journal is kept in " : "", kept ? r->dir.journal.path : "");
    if (r->kept.error[0])
        ats_error(ATS_EXIT_FAILED, "the store is incomplete: %.300s", r->kept.error);
}

static int run_all(run *r)
{
    ats_run_summary *summary = calloc(1, sizeof *summary);
    if (!summary)
        return ats_error(ATS_EXIT_FAILED, "run: out of memory"), ATS_EXIT_FAILED;
    int code = ATS_EXIT_FAILED;
    ats_progress_start(&r->progress, r->cli, "records");
    if (load(r) == 0 && prepare(r) == 0 && go(r) == 0) {
        code = exit_code(r);
        ats_error_clear();
        int status = report(r, code, summary);
        if (status == 0 && r->options->repeat && !r->options->silent && code == ATS_EXIT_OK)
            status = compare_digest(r, summary->digest);
        tell_faults(r);
        if (r->stage_error[0])
            ats_error((ats_exit)code, "%s", r->stage_error);
        if (code == ATS_EXIT_OK && ats_error_count() != 0)
            code = (int)ats_error_code();
        if (status != 0 && code == ATS_EXIT_OK)
            code = ATS_EXIT_FAILED;
        ats_run_summary_free(summary);
        free(summary);
        return code;
    }
    free(summary);
    return (int)ats_error_code();
}

int ats_run(const ats_cli *cli, const ats_run_options *options)
{
    run *r = calloc(1, sizeof *r); /* the chain holds pointers into itself: it must not move */
    if (!r)
        return ATS_EXIT_FAILED;
    r->cli = cli;
    r->options = options;
    r->dir.journal_fd = r->dir.reserve_fd = -1;
    /* From here on, so that one that comes too early waits instead of ending the program. */
    struct sigaction action = {.sa_handler = on_reload};
    sigaction(SIGUSR1, &action, NULL);
    int code = run_all(r);
    release(r);
    ats_progress_stop(&r->progress);
    free(r);
    if (ats_error_count() != 0)
        ats_cli_fail();
    if (ats_cli_flush() != 0 && code == ATS_EXIT_OK)
        code = ats_cli_fail();
    return code;
}
