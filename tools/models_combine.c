/* ats models combine: one ensemble file of several models. */
#include "io/codec/decimal.h"
#include "learn/evaluation.h"
#include "learn/importance.h"
#include "tools/models.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct input {
    ats_model_file file;
    ats_model *model; /* without its table */
    double weight;    /* of all inputs they sum to 1 */
    float *scores;    /* [rows] of the data */
    double rmse, correlation;
    uint64_t opposed; /* rows whose sign is not the ensemble's */
} input;

typedef struct combination {
    const ats_models_options *options;
    input input[ATS_MODEL_MEMBERS_MAX];
    uint32_t count;
    uint32_t tables_dropped;
    ats_model_file out;
    uint64_t rows; /* 0: no data were given */
    double rmse, correlation;
    uint64_t split; /* rows in which inputs have both signs */
} combination;

/* ---- what goes in ---------------------------------------------------------------------------- */

static int open_inputs(combination *c)
{
    for (; c->count < c->options->model_count; c->count++) {
        input *in = &c->input[c->count];
        const char *path = c->options->model[c->count];
        if (ats_model_file_read(&in->file, path) != 0)
            return -1;
        in->model = ats_model_file_compile(&in->file, ats_isa_best(), false);
        if (!in->model) {
            ats_model_file_free(&in->file);
            return ats_error(ATS_EXIT_DATA, "model %s cannot be used", path);
        }
        c->tables_dropped += in->file.calibration.count > 0;
    }
    return 0;
}

static void close_all(combination *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        ats_model_free(c->input[i].model);
        ats_model_file_free(&c->input[i].file);
        free(c->input[i].scores);
    }
    free(c); /* `out` refers to the inputs' members and owns nothing */
}

/* "2,1,0.5", one for each input. */
static int read_weights(combination *c)
{
    const char *at = c->options->weights;
    for (uint32_t i = 0; i < c->count; i++) {
        int64_t e9;
        size_t n = strcspn(at, ",");
        if (ats_decimal_e9(at, n, &e9) != ATS_DECIMAL_OK || e9 <= 0)
            return ats_error(ATS_EXIT_USAGE,
                             "--weights %s: want %" PRIu32 " numbers above 0 with commas between",
                             c->options->weights, c->count);
        c->input[i].weight = (double)e9 / 1e9;
        at += n + (at[n] == ',');
    }
    return *at ? ats_error(ATS_EXIT_USAGE, "--weights %s: more than %" PRIu32 " numbers",
                           c->options->weights, c->count)
               : 0;
}

/* ---- by error -------------------------------------------------------------------------------- */

/* Is a score a forecast of the label, in bps? Errors of anything else do not compare. */
static int check_forecast(const input *in, const char *path)
{
    for (uint32_t i = 0; i < in->model->member_count; i++) {
        const ats_forest *f = &in->model->members[i].forest;
        if (f->group_count != 1 || f->output != ATS_FOREST_MARGIN)
            return ats_error(ATS_EXIT_DATA,
                             "%s forecasts no return but a class or a chance: its error in bps "
                             "means nothing; give --weights",
                             path);
    }
    return 0;
}

static int measure_inputs(combination *c, const ats_dataset *d)
{
    for (uint32_t i = 0; i < c->count; i++) {
        input *in = &c->input[i];
        in->scores = malloc(d->rows * sizeof *in->scores);
        if (!in->scores)
            return ats_error(ATS_EXIT_FAILED, "combine: out of memory");
        ats_evaluation_scores(in->model, d, in->scores);
        in->rmse = ats_importance_measure(ATS_IMPORTANCE_RMSE, in->scores, d->y, d->rows);
        in->correlation = ats_importance_measure(ATS_IMPORTANCE_IC, in->scores, d->y, d->rows);
        if (!c->options->weights && !(in->rmse > 0))
            return ats_error(ATS_EXIT_DATA,
                             "%s has no error on these data: all labels are equal, or it has seen "
                             "them; give --weights",
                             c->options->model[i]);
        if (!c->options->weights)
            in->weight = 1 / (in->rmse * in->rmse);
    }
    return 0;
}

/* ---- what comes out -------------------------------------------------------------------------- */

static void scale_weights(combination *c)
{
    double sum = 0;
    for (uint32_t i = 0; i < c->count; i++)
        sum += c->input[i].weight;
    for (uint32_t i = 0; i < c->count; i++)
        c->input[i].weight /= sum;
}

static int add_member(combination *c, const ats_model_file_member *member, double weight)
{
    ats_model_file *out = &c->out;
    for (uint32_t i = 0; i < out->member_count; i++)
        if (strcmp(out->member[i].sha256, member->sha256) == 0)
            return ats_error(ATS_EXIT_DATA,
                             "%s and %s are the same model: that they agree would say nothing",
                             out->member[i].name, member->name);
    if (out->member_count == ATS_MODEL_MEMBERS_MAX)
        return ats_error(ATS_EXIT_DATA, "more than %u members", ATS_MODEL_MEMBERS_MAX);
    out->member[out->member_count] = *member;
    out->member[out->member_count++].weight = weight;
    return 0;
}

/* Members of ensembles become members, with the share that they had of it. */
static int join(combination *c)
{
    c->out = (ats_model_file){.ensemble = true};
    for (uint32_t i = 0; i < c->count; i++) {
        const input *in = &c->input[i];
        double sum = 0;
        for (uint32_t k = 0; k < in->file.member_count; k++)
            sum += in->file.member[k].weight;
        for (uint32_t k = 0; k < in->file.member_count; k++)
            if (add_member(c, &in->file.member[k], in->weight * in->file.member[k].weight / sum) !=
                0)
                return -1;
    }
    return 0;
}

/* Scores what was made as a run would. */
static int measure_output(combination *c, ats_model *model, const ats_dataset *d)
{
    const float *by_input[ATS_MODEL_MEMBERS_MAX];
    float *scores = malloc(d->rows * sizeof *scores);
    if (!scores)
        return ats_error(ATS_EXIT_FAILED, "combine: out of memory");
    ats_evaluation_scores(model, d, scores);
    c->rows = d->rows;
    c->rmse = ats_importance_measure(ATS_IMPORTANCE_RMSE, scores, d->y, d->rows);
    c->correlation = ats_importance_measure(ATS_IMPORTANCE_IC, scores, d->y, d->rows);
    for (uint32_t i = 0; i < c->count; i++) {
        by_input[i] = c->input[i].scores;
        c->input[i].opposed = ats_evaluation_opposed_rows(by_input[i], scores, d->rows);
    }
    c->split = ats_evaluation_split_rows(by_input, c->count, d->rows);
    free(scores);
    return 0;
}

static int make(combination *c, const ats_dataset *d)
{
    if (d && measure_inputs(c, d) != 0)
        return -1;
    scale_weights(c);
    if (join(c) != 0)
        return -1;
    ats_model *model = ats_model_file_compile(&c->out, ats_isa_best(), false);
    if (!model)
        return ats_error(ATS_EXIT_DATA, "the models do not go together");
    int status = d ? measure_output(c, model, d) : 0;
    ats_model_free(model);
    return status == 0 ? ats_model_file_write(&c->out, c->options->output) : -1;
}

static int make_on_data(combination *c, const ats_cli *cli)
{
    ats_model *models[ATS_MODEL_MEMBERS_MAX];
    ats_dataset dataset;
    for (uint32_t i = 0; i < c->count; i++) {
        models[i] = c->input[i].model;
        if (!c->options->weights && check_forecast(&c->input[i], c->options->model[i]) != 0)
            return -1;
    }
    if (ats_models_collect(&dataset, cli, c->options, models, c->options->model, c->count) != 0)
        return -1;
    int status = make(c, &dataset);
    ats_dataset_free(&dataset);
    return status;
}

/* ---- showing --------------------------------------------------------------------------------- */

static json_t *input_json(const combination *c, uint32_t i)
{
    const input *in = &c->input[i];
    json_t *row = json_pack("{s:s, s:s, s:f}", "model", c->options->model[i], "sha256",
                            in->file.sha256, "weight", in->weight);
    if (c->rows) {
        json_object_set_new(row, "rmse_bps", ats_models_number(in->rmse));
        json_object_set_new(row, "correlation", ats_models_number(in->correlation));
        json_object_set_new(row, "opposed_rows", json_integer((json_int_t)in->opposed));
    }
    return row;
}

static json_t *to_json(const combination *c, const char *sha256)
{
    json_t *inputs = json_array(), *members = json_array();
    for (uint32_t i = 0; i < c->count; i++)
        json_array_append_new(inputs, input_json(c, i));
    for (uint32_t i = 0; i < c->out.member_count; i++)
        json_array_append_new(members, json_pack("{s:s, s:s, s:f}", "name", c->out.member[i].name,
                                                 "sha256", c->out.member[i].sha256, "weight",
                                                 c->out.member[i].weight));
    json_t *root = json_pack("{s:i, s:s, s:s, s:o, s:o, s:i}", "schema", 1, "file",
                             c->options->output, "sha256", sha256, "models", inputs, "members",
                             members, "tables_left_out", (int)c->tables_dropped);
    if (c->rows) {
        json_object_set_new(root, "rows", json_integer((json_int_t)c->rows));
        json_object_set_new(root, "rmse_bps", ats_models_number(c->rmse));
        json_object_set_new(root, "correlation", ats_models_number(c->correlation));
        json_object_set_new(root, "split_rows", json_integer((json_int_t)c->split));
    }
    return root;
}

static void print_text(const combination *c)
{
    printf("%s: %" PRIu32 " members\n", c->options->output, c->out.member_count);
    printf("%-28s %8s%s\n", "model", "weight",
           c->rows ? "   error, bps   correlation   sign is not the ensemble's" : "");
    for (uint32_t i = 0; i < c->count; i++) {
        const input *in = &c->input[i];
        printf("%-28s %8.4f", c->options->model[i], in->weight);
        if (c->rows)
            printf("   %10.4f   %11.4f   %25.2f%%", in->rmse, in->correlation,
                   100 * (double)in->opposed / (double)c->rows);
        putchar('\n');
    }
    if (c->rows) {
        printf("%-28s %8s   %10.4f   %11.4f\n", "the ensemble", "", c->rmse, c->correlation);
        printf("on %" PRIu64 " rows%s; the models disagree in sign on %.2f%% of them\n", c->rows,
               c->options->weights ? "" : ", of which the weights are also",
               100 * (double)c->split / (double)c->rows);
    }
    if (c->tables_dropped)
        printf("the calibration of %" PRIu32 " of the models does not hold for all of them and is "
               "left out: `ats models calibrate` makes a new one\n",
               c->tables_dropped);
}

int ats_models_combine(const ats_cli *cli, const ats_models_options *o)
{
    char sha256[65];
    combination *c = calloc(1, sizeof *c);
    if (!c)
        return ats_error(ATS_EXIT_FAILED, "combine: out of memory");
    c->options = o;
    int status = open_inputs(c);
    for (uint32_t i = 0; i < c->count; i++)
        c->input[i].weight = 1;
    if (status == 0 && o->weights)
        status = read_weights(c);
    if (status == 0)
        status = o->on.count ? make_on_data(c, cli) : make(c, NULL);
    if (status == 0)
        status = ats_model_file_hash(o->output, sha256);
    if (status == 0 && cli->common.json)
        status = ats_cli_print_json(to_json(c, sha256));
    else if (status == 0 && !cli->common.quiet)
        print_text(c);
    close_all(c);
    return status;
}
