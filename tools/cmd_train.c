#include "core/affinity.h"
#include "io/calendar_file.h"
#include "learn/distribution.h"
#include "learn/train.h"
#include "tools/commands.h"
#include "tools/feature_flags.h"
#include "tools/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 1500000u /* x 320 features x 4 bytes = 1.9 GB */

typedef struct options {
    const char *output;
    int64_t trees, depth, eta_e9, min_child_weight_e9, share_millionths, threads, seed, stride,
        horizon_ns;
    ats_feature_flags flags;
} options;

static const ats_option OPTIONS[] = {
    {'o', "output", ATS_OPTION_TEXT, offsetof(options, output), NULL, "MODEL",
     "model file to write, ending in .json", 0, 0, true},
    {0, "trees", ATS_OPTION_INTEGER, offsetof(options, trees), "100", "N", "how many trees", 1,
     10000, false},
    {0, "depth", ATS_OPTION_INTEGER, offsetof(options, depth), "6", "N", "depth of a tree", 1, 12,
     false},
    {0, "eta", ATS_OPTION_DECIMAL, offsetof(options, eta_e9), "0.1", "X", "learning rate", 1,
     1000000000, false},
    {0, "min-child-weight", ATS_OPTION_DECIMAL, offsetof(options, min_child_weight_e9), "50", "X",
     "fewest rows in a leaf", 0, 1000000000000000000, false},
    {0, "horizon", ATS_OPTION_DURATION, offsetof(options, horizon_ns), "10s", "TIME",
     "how far ahead the label looks: forward return of the mid, in bps", 0, 0, false},
    {0, "train-share", ATS_OPTION_PERCENT, offsetof(options, share_millionths), "70%", "PERCENT",
     "of the time range; then a gap of one horizon; the rest tests", 0, 0, false},
    {0, "stride", ATS_OPTION_INTEGER, offsetof(options, stride), "1", "N",
     "keep every n-th vector of a symbol", 1, 1000000, false},
    ATS_FEATURE_FLAG_ROWS(options),
    {0, "threads", ATS_OPTION_INTEGER, offsetof(options, threads), "0", "N",
     "for XGBoost; 0 = all CPUs", 0, 256, false},
    {0, "seed", ATS_OPTION_INTEGER, offsetof(options, seed), "1", "N", "of XGBoost", 0, INT32_MAX,
     false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

static int tell(void *context, uint32_t tree, uint32_t trees)
{
    return ats_progress_tell(context, tree, trees, tree);
}

static json_t *to_json(const options *o, const ats_catalogue *c, const ats_dataset *d,
                       const ats_train_result *r)
{
    char version[17];
    snprintf(version, sizeof version, "%016" PRIx64, d->feature_version);
    json_t *deciles = json_array(), *gain = json_object();
    for (int i = 0; i < 10; i++)
        json_array_append_new(deciles, json_real(r->test_deciles[i]));
    for (uint32_t i = 0; i < c->count; i++)
        json_object_set_new(gain, c->feature[i].name, json_real(r->gain[i]));
    return json_pack(
        "{s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:o, s:I, "
        "s:I, s:o}",
        "schema", 1, "model", o->output, "feature_version", version, "vectors", (json_int_t)d->seen,
        "train_rows", (json_int_t)r->train_rows, "gap_rows", (json_int_t)r->gap_rows, "test_rows",
        (json_int_t)r->test_rows, "train_first_ns", (json_int_t)r->train_first_ns, "train_last_ns",
        (json_int_t)r->train_last_ns, "train_rmse_bps", r->train_rmse, "test_rmse_bps",
        r->test_rmse, "test_rmse_of_zero_bps", r->test_rmse_of_zero, "test_correlation",
        r->test_correlation, "test_deciles_bps", deciles, "checked_rows", (json_int_t)r->check_rows,
        "unequal_rows", (json_int_t)r->check_unequal, "gain", gain);
}

static void print_text(const options *o, const ats_catalogue *c, const ats_dataset *d,
                       const ats_train_result *r)
{
    bool shown[ATS_FEATURES_MAX] = {false};
    printf("%s: %" PRId64 " trees of depth %" PRId64 ", forward return over %g s in bps\n",
           o->output, o->trees, o->depth, (double)o->horizon_ns / 1e9);
    printf("rows        %" PRIu64 " to train, %" PRIu64 " left out between, %" PRIu64
           " to test (of %" PRIu64 " vectors)\n",
           r->train_rows, r->gap_rows, r->test_rows, d->seen);
    printf("error       %.4f bps in training; %.4f on the test rows, where always 0 has %.4f\n",
           r->train_rmse, r->test_rmse, r->test_rmse_of_zero);
    printf("correlation %.4f of forecast and outcome on the test rows\n", r->test_correlation);
    printf("deciles     mean outcome in bps, by forecast from lowest to highest:\n           ");
    for (int i = 0; i < 10; i++)
        printf(" %.2f", r->test_deciles[i]);
    printf("\ngain       ");
    for (int n = 0; n < 5; n++) {
        uint32_t best = 0;
        float top = -1;
        for (uint32_t i = 0; i < c->count; i++)
            if (!shown[i] && r->gain[i] > top) {
                top = r->gain[i];
                best = i;
            }
        shown[best] = true;
        printf(" %s %.0f %%%s", c->feature[best].name, top * 100, n < 4 ? "," : "\n");
    }
    printf("check       our engine gives XGBoost's margin to the bit in %" PRIu64 " of %" PRIu64
           " test rows\n",
           r->check_rows - r->check_unequal, r->check_rows);
}

/* What drift is measured against later. */
static int keep_distribution(const options *o, const ats_dataset *d, const ats_train_result *r)
{
    char path[4096];
    ats_distribution distribution;
    if (ats_distribution_path(o->output, path, sizeof path) != 0 ||
        ats_distribution_make(&distribution, d, r->train_rows) != 0)
        return -1;
    int status = ats_distribution_write(&distribution, path);
    ats_distribution_free(&distribution);
    return status;
}

/* Without its symbol the index's features are missing in every row: the user should know. */
static void warn_of_index(const char *index, const ats_symbols *symbols)
{
    if (index && *index && ats_symbols_find(symbols, index, NULL) == 0)
        fprintf(stderr, "warning: --index %s is in none of the captures: its features stay empty\n",
                index);
}

static int train(const ats_cli *cli, const options *o)
{
    ats_market_source source;
    ats_dataset dataset;
    ats_train_result result;
    int cpus[256];
    static ats_catalogue catalogue;
    if (ats_feature_flags_read(&o->flags, &catalogue) != 0)
        return -1;
    if (o->horizon_ns <= 0 || o->share_millionths <= 0 || o->share_millionths >= 1000000)
        return ats_error(ATS_EXIT_USAGE,
                         "--horizon and --train-share (below 100%%) must be above 0");
    ats_dataset_options dataset_options = {.horizon_ns = o->horizon_ns,
                                           .stride = (uint32_t)o->stride,
                                           .rows_max = ROWS_MAX,
                                           .catalogue = &catalogue};
    ats_train_options train_options = {
        .trees = (uint32_t)o->trees,
        .depth = (uint32_t)o->depth,
        .eta = (double)o->eta_e9 / 1e9,
        .min_child_weight = (double)o->min_child_weight_e9 / 1e9,
        .train_share = (double)o->share_millionths / 1e6,
        .threads = o->threads ? (uint32_t)o->threads : (uint32_t)ats_cpus_allowed(cpus, 256),
        .seed = (uint64_t)o->seed,
        .horizon_ns = o->horizon_ns};
    if (ats_output_check(o->output, ATS_OUTPUT_MODEL, (const char *const *)cli->argument,
                         cli->argument_count) != 0)
        return -1;
    if (ats_market_source_open(&source, (const char *const *)cli->argument, cli->argument_count))
        return -1;
    warn_of_index(o->flags.index, &source.symbols);
    ats_calendar_table calendar;
    int status = ats_calendar_load(&calendar, o->flags.calendar);
    if (status == 0) {
        dataset_options.equity_calendar = &calendar.calendar;
        status = ats_dataset_collect(&dataset, &source, &dataset_options);
        ats_calendar_free(&calendar);
    }
    ats_market_source_close(&source);
    if (status != 0)
        return -1;
    ats_progress progress;
    ats_progress_start(&progress, cli, "trees");
    status = ats_train(&dataset, &train_options, o->output, &result, tell, &progress);
    ats_progress_stop(&progress);
    if (status == 0 && result.check_unequal != 0)
        status = ats_error(ATS_EXIT_FAILED,
                           "%s: our engine differs from XGBoost in %" PRIu64 " of %" PRIu64
                           " rows; do not use this model",
                           o->output, result.check_unequal, result.check_rows);
    if (status == 0)
        status = keep_distribution(o, &dataset, &result);
    if (status == 0 && cli->common.json)
        status = ats_cli_print_json(to_json(o, &catalogue, &dataset, &result));
    else if (status == 0)
        print_text(o, &catalogue, &dataset, &result);
    ats_dataset_free(&dataset);
    return status;
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    int parsed = ats_cli_parse(&cli, &ats_command_train, &o, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? ATS_EXIT_OK : ats_cli_fail();
    return train(&cli, &o) == 0 && ats_cli_flush() == 0 ? ATS_EXIT_OK : ats_cli_fail();
}

const ats_command ats_command_train = {
    .name = "train",
    .purpose = "fit a forest on what the chain computes from captures",
    .synopsis = "-o MODEL [OPTION...] CAPTURE...",
    .detail =
        "The features come from the same stages that serve live. The label is the return of the\n"
        "mid over the horizon, in basis points, so a model's margin is a forecast in basis\n"
        "points. Rows are split by time with a gap of one horizon between; the figures shown\n"
        "are of the later part, which the model has not seen. MODEL.distribution.json tells how "
        "the\n"
        "features were distributed, for `ats features drift`. Captures are read in the order\n"
        "given and must follow each other in time.",
    .example = "ats train -o model.json --horizon 10s day1.cap day2.cap",
    .option = OPTIONS,
    .arguments_min = 1,
    .arguments_max = 1000,
    .run = run,
};
