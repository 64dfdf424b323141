/* ats models: one table of actions; each lives in a file of its own. */
#include "core/clock.h"
#include "io/calendar_file.h"
#include "io/capture_format.h"
#include "tools/commands.h"
#include "tools/models.h"
#include "tools/output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const ats_option OPTIONS[] = {
    {'o', "output", ATS_OPTION_TEXT, offsetof(ats_models_options, output), NULL, "FILE",
     "combine, calibrate: ensemble file to write", 0, 0, false},
    {0, "weights", ATS_OPTION_TEXT, offsetof(ats_models_options, weights), NULL, "LIST",
     "combine: one above 0 for each model, \"2,1,1\"; else equal, or with --on by error", 0, 0,
     false},
    {0, "on", ATS_OPTION_LIST, offsetof(ats_models_options, on), NULL, "CAPTURE",
     "combine, calibrate: data that the models were not trained on; more may follow", 0, 0, false},
    {0, "horizon", ATS_OPTION_DURATION, offsetof(ats_models_options, horizon_ns), "0s", "TIME",
     "combine, calibrate: how far ahead the label looks, as in `ats train`", 0, 0, false},
    {'n', "rows", ATS_OPTION_INTEGER, offsetof(ats_models_options, rows), "200000", "N",
     "combine, calibrate: most vectors to look at, taken evenly", 100, 4000000, false},
    {0, "fit-share", ATS_OPTION_PERCENT, offsetof(ats_models_options, fit_share_millionths), "70%",
     "PERCENT", "calibrate: of the time range, to fit; then a gap of one horizon; the rest tests",
     0, 0, false},
    {0, "block-rows", ATS_OPTION_INTEGER, offsetof(ats_models_options, block_rows), "0", "N",
     "calibrate: fewest rows that a chance is taken from; 0: a fiftieth of them, at least 100", 0,
     1000000, false},
    {0, "allow-in-sample", ATS_OPTION_FLAG, offsetof(ats_models_options, allow_in_sample), NULL,
     NULL, "combine, calibrate: also on data that a model was trained on", 0, 0, false},
    ATS_FEATURE_FLAG_ROWS(ats_models_options),
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

static const ats_models_action ACTIONS[] = {
    {"show", ats_models_show, 1, 1000, false, false},
    {"combine", ats_models_combine, 2, ATS_MODEL_MEMBERS_MAX, true, false},
    {"calibrate", ats_models_calibrate, 1, 1, true, true},
};
#define ACTION_COUNT (sizeof ACTIONS / sizeof ACTIONS[0])

json_t *ats_models_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

void ats_models_version_text(uint64_t version, char text[17])
{
    snprintf(text, 17, "%016" PRIx64, version);
}

/* ---- data ------------------------------------------------------------------------------------ */

/* Is a row, or the price that its label is taken from, of the time that this forest has seen? */
static bool has_seen(const ats_forest *forest, const ats_dataset *d)
{
    for (uint64_t i = 0; i < d->rows; i++)
        if (d->recv_ns[i] <= forest->train_last_ns && d->label_ns[i] >= forest->train_first_ns)
            return true;
    return false;
}

static int check_unseen(const ats_model *model, const char *name, const ats_dataset *d, bool quiet)
{
    bool told = true;
    for (uint32_t i = 0; i < model->member_count; i++) {
        const ats_forest *f = &model->members[i].forest;
        char first[ATS_CLOCK_TEXT_BYTES], last[ATS_CLOCK_TEXT_BYTES];
        told &= f->train_last_ns > 0;
        if (f->train_last_ns <= 0 || !has_seen(f, d))
            continue;
        ats_clock_utc_text(f->train_first_ns, first);
        ats_clock_utc_text(f->train_last_ns, last);
        return ats_error(ATS_EXIT_REFUSED,
                         "%s was trained on %.19sZ to %.19sZ, which the captures overlap: figures "
                         "from there would flatter it; give other captures, or --allow-in-sample",
                         name, first, last);
    }
    if (!told && !quiet)
        fprintf(stderr,
                "warning: %s does not tell the time it was trained on: make sure that the captures "
                "are of another\n",
                name);
    return 0;
}

int ats_models_collect(ats_dataset *d, const ats_cli *cli, const ats_models_options *o,
                       ats_model *const *models, const char *const *names, uint32_t count)
{
    if (o->horizon_ns <= 0)
        return ats_error(ATS_EXIT_USAGE, "--horizon: how far ahead does the label look? give the "
                                         "one that the models were trained with");
    for (uint32_t i = 0; i < count; i++)
        if (ats_model_check(models[i], o->catalogue->count, o->catalogue->version) != 0)
            return ats_error(ATS_EXIT_CONFIG, "%s", names[i]);
    ats_dataset_options how = {
        .horizon_ns = o->horizon_ns, .catalogue = o->catalogue, .equity_calendar = o->calendar};
    if (ats_dataset_sample(d, o->on.item, o->on.count, (uint64_t)o->rows, &how) != 0)
        return -1;
    for (uint32_t i = 0; i < count && !o->allow_in_sample; i++)
        if (check_unseen(models[i], names[i], d, cli->common.quiet) != 0) {
            ats_dataset_free(d);
            return -1;
        }
    return 0;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static bool is_capture(const char *path)
{
    uint64_t magic = 0;
    FILE *f = fopen(path, "rb");
    bool found = f && fread(&magic, sizeof magic, 1, f) == 1 && magic == ATS_CAPTURE_MAGIC;
    if (f)
        fclose(f);
    return found;
}

/* `--on day*.cap model.json`: the shell gives --on one capture and leaves the others among the
 * arguments; what is a capture belongs to it. */
static int sort_arguments(const ats_cli *cli, ats_models_options *o)
{
    uint32_t models = 0;
    char **argument = cli->argument + 1;
    for (uint32_t i = 0; i + 1 < cli->argument_count; i++) {
        if (o->on.count == 0 || !is_capture(argument[i]))
            argument[models++] = argument[i];
        else if (o->on.count < ATS_OPTION_LIST_MAX)
            o->on.item[o->on.count++] = argument[i];
        else
            return ats_error(ATS_EXIT_USAGE, "more than %u captures", ATS_OPTION_LIST_MAX);
    }
    o->model = (const char *const *)argument;
    o->model_count = models;
    return 0;
}

static int check_usage(const ats_models_action *a, const ats_models_options *o)
{
    if (o->model_count < a->models_min)
        return ats_error(ATS_EXIT_USAGE, "%s: %s", a->name,
                         a->models_min > 1 ? "give two models or more" : "which model?");
    if (o->model_count > a->models_max)
        return ats_error(ATS_EXIT_USAGE, "%s: %u models; %u %s the most", a->name, o->model_count,
                         a->models_max, a->models_max == 1 ? "is" : "are");
    if (!a->writes)
        return o->output || o->on.count || o->weights
                   ? ats_error(ATS_EXIT_USAGE, "%s: takes no --output, --on or --weights", a->name)
                   : 0;
    if (!o->output)
        return ats_error(ATS_EXIT_USAGE, "%s: where to? --output FILE", a->name);
    if (a->needs_data && o->on.count == 0)
        return ats_error(ATS_EXIT_USAGE, "%s: on which data? --on CAPTURE", a->name);
    if (ats_output_check(o->output, ATS_OUTPUT_ENSEMBLE, o->model, o->model_count) != 0)
        return -1;
    return ats_output_check(o->output, ATS_OUTPUT_ENSEMBLE, o->on.item, o->on.count);
}

static int run_action(const ats_cli *cli, ats_models_options *o)
{
    char names[256] = "";
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        const ats_models_action *a = &ACTIONS[i];
        if (strcmp(cli->argument[0], a->name) == 0) {
            if (sort_arguments(cli, o) != 0 || check_usage(a, o) != 0)
                return -1;
            return a->run(cli, o) != 0 ? -1 : ats_cli_flush();
        }
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "",
                 a->name);
    }
    return ats_error(ATS_EXIT_USAGE, "%s: no such action; there are %s", cli->argument[0], names);
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    static ats_models_options options; /* its list of captures is 8 KiB */
    static ats_catalogue catalogue;
    ats_calendar_table calendar;
    memset(&options, 0, sizeof options);
    int parsed = ats_cli_parse(&cli, &ats_command_models, &options, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? ATS_EXIT_OK : ats_cli_fail();
    if (ats_feature_flags_read(&options.flags, &catalogue) != 0 ||
        ats_calendar_load(&calendar, options.flags.calendar) != 0)
        return ats_cli_fail();
    options.catalogue = &catalogue;
    options.calendar = &calendar.calendar;
    int status = run_action(&cli, &options);
    ats_calendar_free(&calendar);
    return status == 0 ? ATS_EXIT_OK : ats_cli_fail();
}

const ats_command ats_command_models = {
    .name = "models",
    .purpose = "look at model files, combine them, find out what their scores are worth",
    .synopsis = "show|combine|calibrate [OPTION...] MODEL...",
    .detail =
        "show        what a file is: members, trees, features, training, and how fast it scores\n"
        "combine     an ensemble of models. Weights are given, equal, or with --on the inverse of\n"
        "            each model's squared error on data it was not trained on. Ensembles among "
        "the\n"
        "            models are taken apart, their weights multiplied; their tables are left out\n"
        "calibrate   an isotonic table from score to the chance that the label is above 0 (one of\n"
        "            exactly 0 counts half), fitted on the first part of the data and judged on "
        "the\n"
        "            rest; infer makes a signal's confidence of it\n"
        "The label is the forward return of the mid over --horizon, in basis points. Data that "
        "overlap\n"
        "what a model was trained on are refused (exit 6). Captures are read in the order given "
        "and\n"
        "must follow each other in time.",
    .example = "ats models calibrate -o live.json --on day3.cap --horizon 10s model.json",
    .option = OPTIONS,
    .arguments_min = 1,
    .arguments_max = 2000,
    .run = run,
};
