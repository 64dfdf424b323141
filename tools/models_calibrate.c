/* ats models calibrate: what a model's scores are worth, as a table that goes with it. */
#include "core/clock.h"
#include "learn/calibrate.h"
#include "tools/models.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *reliability_json(const ats_reliability *r)
{
    json_t *bins = json_array();
    for (uint32_t i = 0; i < ATS_RELIABILITY_BINS; i++)
        if (r->bin[i].rows)
            json_array_append_new(bins, json_pack("{s:f, s:I, s:f, s:f}", "from",
                                                  (double)i / ATS_RELIABILITY_BINS, "rows",
                                                  (json_int_t)r->bin[i].rows, "chance",
                                                  r->bin[i].chance, "outcome", r->bin[i].outcome));
    return json_pack("{s:f, s:f, s:f, s:o}", "brier", r->brier, "expected_calibration_error",
                     r->expected_calibration_error, "log_loss", r->log_loss, "bins", bins);
}

static json_t *to_json(const ats_models_options *o, const ats_calibration *table,
                       const ats_calibrate_result *r, const char *sha256)
{
    return json_pack(
        "{s:i, s:s, s:s, s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I, "
        "s:i, s:f, s:f, s:o, s:o}",
        "schema", 1, "file", o->output, "sha256", sha256, "model", o->model[0], "horizon_s",
        (double)o->horizon_ns * 1e-9, "fit_rows", (json_int_t)r->fit_rows, "gap_rows",
        (json_int_t)r->gap_rows, "test_rows", (json_int_t)r->test_rows, "fit_first_ns",
        (json_int_t)r->fit_first_ns, "fit_last_ns", (json_int_t)r->fit_last_ns, "test_first_ns",
        (json_int_t)r->test_first_ns, "test_last_ns", (json_int_t)r->test_last_ns, "fit_flat_rows",
        (json_int_t)r->flat_rows, "base_rate", r->base_rate, "blocks", (json_int_t)r->blocks,
        "knots", (int)table->count, "least_chance", (double)table->chance[0], "greatest_chance",
        (double)table->chance[table->count - 1], "before", reliability_json(&r->constant), "after",
        reliability_json(&r->table));
}

static void print_text(const ats_models_options *o, const ats_calibration *table,
                       const ats_calibrate_result *r)
{
    printf("%s: %s with a table of %" PRIu32 " knots, chances of %.4f to %.4f, scores of %.4g to "
           "%.4g\n",
           o->output, o->model[0], table->count, (double)table->chance[0],
           (double)table->chance[table->count - 1], (double)table->score[0],
           (double)table->score[table->count - 1]);
    printf("rows        %" PRIu64 " to fit (%" PRIu64
           " with a label of 0, which counts half), %" PRIu64 " left out between, %" PRIu64
           " to test\n",
           r->fit_rows, r->flat_rows, r->gap_rows, r->test_rows);
    printf("on the test rows              Brier   log loss   calibration error\n");
    printf("  always the base rate %.4f %6.4f   %8.4f   %17.4f\n", r->base_rate, r->constant.brier,
           r->constant.log_loss, r->constant.expected_calibration_error);
    printf("  the table                   %6.4f   %8.4f   %17.4f\n", r->table.brier,
           r->table.log_loss, r->table.expected_calibration_error);
    printf("reliability   chances       rows   mean chance   outcome\n");
    for (uint32_t i = 0; i < ATS_RELIABILITY_BINS; i++) {
        const ats_reliability_bin *bin = &r->table.bin[i];
        if (bin->rows)
            printf("          %.2f to %.2f %10" PRIu64 "        %6.4f    %6.4f\n",
                   (double)i / ATS_RELIABILITY_BINS, (double)(i + 1) / ATS_RELIABILITY_BINS,
                   bin->rows, bin->chance, bin->outcome);
    }
    if (r->table.brier >= r->constant.brier)
        printf("on later rows the table is no better than the base rate: it is not worth using\n");
}

static int calibrate(const ats_cli *cli, const ats_models_options *o, ats_model_file *file,
                     ats_model *model)
{
    ats_dataset dataset;
    ats_calibrate_result result;
    ats_calibrate_options how = {.fit_share = (double)o->fit_share_millionths / 1e6,
                                 .block_rows_min = (uint64_t)o->block_rows};
    char sha256[65];
    if (o->fit_share_millionths <= 0 || o->fit_share_millionths >= 1000000)
        return ats_error(ATS_EXIT_USAGE, "--fit-share: must be above 0%% and below 100%%");
    if (ats_models_collect(&dataset, cli, o, &model, o->model, 1) != 0)
        return -1;
    int status = ats_calibrate(&file->calibration, &result, model, &dataset, &how);
    ats_dataset_free(&dataset);
    if (status != 0 || ats_model_file_write(file, o->output) != 0 ||
        ats_model_file_hash(o->output, sha256) != 0)
        return -1;
    if (cli->common.json)
        return ats_cli_print_json(to_json(o, &file->calibration, &result, sha256));
    if (!cli->common.quiet)
        print_text(o, &file->calibration, &result);
    return 0;
}

int ats_models_calibrate(const ats_cli *cli, const ats_models_options *o)
{
    ats_model_file file;
    if (ats_model_file_read(&file, o->model[0]) != 0)
        return -1;
    ats_model *model = ats_model_file_compile(&file, ats_isa_best(), false);
    int status = model ? calibrate(cli, o, &file, model)
                       : ats_error(ATS_EXIT_DATA, "model %s cannot be used", o->model[0]);
    ats_model_free(model);
    ats_model_file_free(&file);
    return status;
}
