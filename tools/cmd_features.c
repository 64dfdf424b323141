/* ats features: one table of actions; each lives in a file of its own. */
#include "tools/features.h"

#include "io/calendar_file.h"
#include "tools/commands.h"

#include <stdio.h>
#include <string.h>

static const ats_option OPTIONS[] = {
    ATS_FEATURE_FLAG_ROWS(ats_features_options),
    {'o', "output", ATS_OPTION_TEXT, offsetof(ats_features_options, output), NULL, "FILE",
     "dump: where to (default: standard output)", 0, 0, false},
    {0, "symbol", ATS_OPTION_TEXT, offsetof(ats_features_options, symbol), NULL, "SYMBOL",
     "dump: only this symbol", 0, 0, false},
    {0, "format", ATS_OPTION_TEXT, offsetof(ats_features_options, format), "csv", "csv|hash",
     "dump: the vectors, or only their hash for each day", 0, 0, false},
    {0, "run", ATS_OPTION_TEXT, offsetof(ats_features_options, run), NULL, "DIRECTORY",
     "dump: the vectors that infer saw in this run, computed from its tape and held to its hash", 0,
     0, false},
    {'m', "model", ATS_OPTION_TEXT, offsetof(ats_features_options, model), NULL, "MODEL",
     "drift, importance: the model, as `ats train` wrote it", 0, 0, false},
    {'n', "rows", ATS_OPTION_INTEGER, offsetof(ats_features_options, rows), "20000", "N",
     "most vectors to look at, taken evenly (check looks at all)", 100, 4000000, false},
    {0, "by", ATS_OPTION_TEXT, offsetof(ats_features_options, by), NULL, "day",
     "drift: a table for each UTC day (days of few rows are joined)", 0, 0, false},
    {0, "threshold", ATS_OPTION_DECIMAL, offsetof(ats_features_options, threshold_e9), "0.95", "X",
     "correlate: |rho| from which features are of one group", 0, 1000000000, false},
    {0, "history", ATS_OPTION_TEXT, offsetof(ats_features_options, history), NULL, "FILE",
     "importance: add a line to it; without captures: show how ranks changed", 0, 0, false},
    {0, "metric", ATS_OPTION_TEXT, offsetof(ats_features_options, metric), "rmse", "NAME",
     "importance: what a permutation makes worse: rmse, ic, or auc (of the sign)", 0, 0, false},
    {0, "repeats", ATS_OPTION_INTEGER, offsetof(ats_features_options, repeats), "5", "N",
     "importance: permutations of each feature", 1, 1000, false},
    {0, "block", ATS_OPTION_DURATION, offsetof(ats_features_options, block_ns), "0s", "TIME",
     "importance: move whole stretches of this time, because rows depend on their neighbours", 0, 0,
     false},
    {0, "horizon", ATS_OPTION_DURATION, offsetof(ats_features_options, horizon_ns), "0s", "TIME",
     "importance: of the label; 0s: the one that the model states", 0, 0, false},
    {0, "seed", ATS_OPTION_INTEGER, offsetof(ats_features_options, seed), "1", "N",
     "importance: of the permutations", 0, INT32_MAX, false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

static const ats_features_action ACTIONS[] = {
    {"list", ats_features_list, 0, false},
    {"show", ats_features_show, 1, false},
    {"docs", ats_features_docs, 0, false},
    {"dump", ats_features_dump, 0, false},
    {"check", ats_features_check, 1, false},
    {"drift", ats_features_drift, 1, true},
    {"importance", ats_features_importance, 0, false},
    {"correlate", ats_features_correlate, 1, false},
};
#define ACTION_COUNT (sizeof ACTIONS / sizeof ACTIONS[0])

int ats_features_collect(ats_dataset *dataset, const ats_cli *cli,
                         const ats_features_options *options, int64_t horizon_ns)
{
    ats_dataset_options how = {.horizon_ns = horizon_ns,
                               .catalogue = options->catalogue,
                               .equity_calendar = options->calendar};
    return ats_dataset_sample(dataset, (const char *const *)cli->argument + 1,
                              cli->argument_count - 1, (uint64_t)options->rows, &how);
}

static int run_action(const ats_cli *cli, const ats_features_options *options)
{
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        const ats_features_action *a = &ACTIONS[i];
        if (strcmp(cli->argument[0], a->name) != 0)
            continue;
        if (cli->argument_count - 1 < a->captures_min)
            return ats_error(ATS_EXIT_USAGE, "%s: which %s?", a->name,
                             a->run == ats_features_show ? "feature" : "capture");
        if (a->needs_model && !options->model)
            return ats_error(ATS_EXIT_USAGE, "%s: which model? --model MODEL", a->name);
        return a->run(cli, options) != 0 ? -1 : ats_cli_flush();
    }
    char names[256] = "";
    for (size_t i = 0; i < ACTION_COUNT; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "",
                 ACTIONS[i].name);
    return ats_error(ATS_EXIT_USAGE, "%s: no such action; there are %s", cli->argument[0], names);
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    ats_features_options options = {0};
    int parsed = ats_cli_parse(&cli, &ats_command_features, &options, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? ATS_EXIT_OK : ats_cli_fail();
    static ats_catalogue catalogue;
    ats_calendar_table calendar;
    if (ats_feature_flags_read(&options.flags, &catalogue) != 0 ||
        ats_calendar_load(&calendar, options.flags.calendar) != 0)
        return ats_cli_fail();
    options.catalogue = &catalogue;
    options.calendar = &calendar.calendar;
    int status = run_action(&cli, &options);
    ats_calendar_free(&calendar);
    return status == 0 ? ATS_EXIT_OK : ats_cli_fail();
}

const ats_command ats_command_features = {
    .name = "features",
    .purpose = "what features there are, what they were, how they drift, which matter",
    .synopsis = "list|show|docs|dump|check|drift|importance|correlate [OPTION...] [ARGUMENT...]",
    .detail =
        "list        every feature of a vector with its unit, range and warm-up; the version\n"
        "show        one feature by name: all that is known of it, with the formula's source\n"
        "docs        the catalogue as a page (docs/features.md)\n"
        "dump        vectors of captures, or with --run of a run, and their hash for each day\n"
        "check       every vector: not ready, infinite, outside of the declared range; exit 4 "
        "when\n"
        "            a value is infinite or out of range\n"
        "drift       PSI and KS of each feature against its distribution in training; a warning\n"
        "            names those with a PSI of 0.25 or more\n"
        "importance  gain, cover and weight of the model's splits, permutation, and SHAP values\n"
        "correlate   groups of features that say the same: Spearman or Pearson beyond --threshold\n"
        "Captures are read in the order given and must follow each other in time.",
    .example = "ats features show rsi_14_5m",
    .option = OPTIONS,
    .arguments_min = 1,
    .arguments_max = 1000,
    .run = run,
};
