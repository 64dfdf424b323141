/* ats features dump: vectors as the chain computes them, and their hash for each day. */
#include "io/calendar_file.h"
#include "stages/config.h"
#include "tools/features.h"
#include "tools/output.h"
#include "tools/run_dir.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define INPUTS_MAX 1024u
#define DAYS_SHOWN 5u /* at either end of a long list */

typedef struct dumping {
    const ats_features_options *options;
    const ats_symbols *symbols;
    uint32_t symbol_id; /* 0 = all */
    FILE *out;          /* NULL: hashes only */
    uint64_t written;
    ats_vector_hash hash;
} dumping;

static void print_head(const dumping *d, const ats_catalogue *c)
{
    fputs("recv_ns,symbol,price,ready", d->out);
    for (uint32_t i = 0; i < c->count; i++)
        fprintf(d->out, ",%s", c->feature[i].name);
    fputc('\n', d->out);
}

static void take(void *context, const ats_features *f)
{
    dumping *d = context;
    ats_vector_hash_add(&d->hash, f);
    if (!d->out || (d->symbol_id && f->h.symbol_id != d->symbol_id))
        return;
    fprintf(d->out, "%" PRId64 ",%s,%.9f,%u", f->h.recv_ns, d->symbols->entry[f->h.symbol_id].text,
            (double)f->price_e9 / 1e9, f->ready);
    for (uint32_t i = 0; i < f->count; i++)
        if (f->f[i] == f->f[i])
            fprintf(d->out, ",%.9g", (double)f->f[i]);
        else
            fputc(',', d->out);
    fputc('\n', d->out);
    d->written++;
}

static int find_symbol(dumping *d, const ats_market_source *source)
{
    const char *name = d->options->symbol;
    d->symbols = &source->symbols;
    d->symbol_id = name ? ats_symbols_find(&source->symbols, name, NULL) : 0;
    return name && d->symbol_id == 0
               ? ats_error(ATS_EXIT_USAGE, "--symbol %s: is not in the captures", name)
               : 0;
}

static int compute(dumping *d, const char *const *paths, uint32_t count,
                   const ats_dataset_options *how)
{
    ats_market_source source;
    ats_dataset dataset;
    if (ats_market_source_open(&source, paths, count) != 0)
        return -1;
    int status = find_symbol(d, &source);
    if (status == 0 && d->out)
        print_head(d, how->catalogue);
    if (status == 0 && (status = ats_dataset_collect(&dataset, &source, how)) == 0)
        ats_dataset_free(&dataset);
    ats_market_source_close(&source);
    return status;
}

/* ---- of a run -----------------------------------------------------------------------------------
 */

/* Holds what was computed to what the run's infer saw. */
static int hold_to_run(const dumping *d, const char *run)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%.4000s/run.json", run);
    json_t *document = json_load_file(path, 0, NULL);
    json_t *seen = json_object_get(json_object_get(document, "features"), "days");
    json_t *now = ats_vector_hash_json(&d->hash);
    int status = 0;
    if (!json_is_array(seen) || json_array_size(seen) == 0)
        status =
            ats_error(ATS_EXIT_DATA, "%s: tells no hash of vectors: the run had no model", path);
    else if (!json_equal(seen, now))
        status = ats_error(ATS_EXIT_DATA, "%s: infer saw other vectors than its tape gives", path);
    json_decref(now);
    json_decref(document);
    return status;
}

/* The run's own features, calendar and checks, over its own tape. */
static int dump_run(dumping *d, const char *run)
{
    static ats_catalogue catalogue;
    ats_run_config config;
    ats_calendar_table calendar;
    char path[PATH_BYTES], *inputs[INPUTS_MAX] = {NULL};
    uint32_t count = 0;
    uint64_t released = 0;
    snprintf(path, sizeof path, "%.4000s/config.yaml", run);
    if (access(path, R_OK) != 0)
        return ats_error(ATS_EXIT_DATA, "%s is no run directory: there is no %s", run, path);
    if (ats_config_load(&config, path) != 0 ||
        ats_catalogue_make(&catalogue, &config.features) != 0 ||
        ats_run_dir_inputs(run, inputs, INPUTS_MAX, &count) != 0 ||
        ats_run_dir_stop(run, &released) != 0 ||
        ats_calendar_load(&calendar, config.calendar_path) != 0)
        return -1;
    /* What the feed released counts its CLOCK records, too. */
    ats_dataset_options how = {.catalogue = &catalogue,
                               .clock_interval_ns = config.clock_interval_ns,
                               .released_max = released,
                               .equity_calendar = &calendar.calendar,
                               .quality = &config.data,
                               .visit = take,
                               .visit_context = d};
    int status = compute(d, (const char *const *)inputs, count, &how);
    ats_calendar_free(&calendar);
    for (uint32_t i = 0; i < count; i++)
        free(inputs[i]);
    return status == 0 ? hold_to_run(d, run) : -1;
}

/* ---- the action
 * ---------------------------------------------------------------------------------- */

/* All days, or, where there are many and not every one was asked for, the first and last ones. */
static void print_days(FILE *to, const ats_vector_hash *h, bool all)
{
    json_t *days = ats_vector_hash_json(h), *day;
    size_t i, count = json_array_size(days),
              ends = all || count <= 2 * DAYS_SHOWN ? count : DAYS_SHOWN;
    json_array_foreach(days, i, day)
    {
        if (i >= ends && i < count - ends) {
            if (i == ends)
                fprintf(to, "...         %zu days more; --format hash shows all\n",
                        count - 2 * ends);
            continue;
        }
        fprintf(to, "%s  %s  %" JSON_INTEGER_FORMAT " vectors\n",
                json_string_value(json_object_get(day, "day")),
                json_string_value(json_object_get(day, "hash")),
                json_integer_value(json_object_get(day, "vectors")));
    }
    json_decref(days);
}

/* Vectors go to the file or stdout; their hashes to stdout, or, where vectors go there, stderr. */
static int finish(const ats_cli *cli, dumping *d)
{
    bool to_stdout = d->out == stdout;
    FILE *file = to_stdout ? NULL : d->out;
    bool failed = file && ferror(file);
    d->out = NULL;
    if (file && (fclose(file) != 0 || failed))
        return ats_error(ATS_EXIT_FAILED, "%s: cannot be written", d->options->output);
    if (cli->common.json && !to_stdout)
        return ats_cli_print_json(
            json_pack("{s:i, s:o}", "schema", 1, "days", ats_vector_hash_json(&d->hash)));
    if (!cli->common.quiet)
        print_days(to_stdout ? stderr : stdout, &d->hash, !strcmp(d->options->format, "hash"));
    return 0;
}

static int open_output(dumping *d, const ats_cli *cli)
{
    const ats_features_options *o = d->options;
    if (!strcmp(o->format, "hash"))
        return 0;
    if (strcmp(o->format, "csv") != 0)
        return ats_error(ATS_EXIT_USAGE, "--format %s: there are csv and hash", o->format);
    if (o->output &&
        ats_output_check(o->output, ATS_OUTPUT_VECTORS, (const char *const *)cli->argument + 1,
                         cli->argument_count - 1) != 0)
        return -1;
    d->out = o->output ? fopen(o->output, "w") : stdout;
    return d->out ? 0 : ats_error(ATS_EXIT_FAILED, "%s: cannot be written", o->output);
}

int ats_features_dump(const ats_cli *cli, const ats_features_options *o)
{
    if ((cli->argument_count > 1) == (o->run != NULL))
        return ats_error(ATS_EXIT_USAGE, "dump: give captures, or --run DIRECTORY");
    dumping *d = calloc(1, sizeof *d);
    if (!d)
        return ats_error(ATS_EXIT_FAILED, "dump: out of memory");
    d->options = o;
    ats_dataset_options how = {.catalogue = o->catalogue,
                               .equity_calendar = o->calendar,
                               .visit = take,
                               .visit_context = d};
    int status = open_output(d, cli);
    if (status == 0)
        status = o->run ? dump_run(d, o->run)
                        : compute(d, (const char *const *)cli->argument + 1,
                                  cli->argument_count - 1, &how);
    if (status == 0)
        status = finish(cli, d);
    if (d->out && d->out != stdout)
        fclose(d->out);
    free(d);
    return status;
}
