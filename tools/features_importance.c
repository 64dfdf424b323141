/* ats features importance: what a model uses, now and over time. */
#include "core/affinity.h"
#include "core/clock.h"
#include "learn/importance.h"
#include "tools/features.h"
#include "tools/output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES ((size_t)1 << 20) /* 4,096 features of 200 bytes */

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* ---- showing --------------------------------------------------------------------------------- */

typedef struct ranked {
    double key;
    uint32_t feature;
} ranked;

static int most_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? 1 : -1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

static ranked *rank_by_shap(const ats_importance *m)
{
    ranked *rank = malloc(m->features * sizeof *rank);
    for (uint32_t i = 0; rank && i < m->features; i++)
        rank[i] = (ranked){m->row[i].shap, i};
    if (rank)
        qsort(rank, m->features, sizeof *rank, most_first);
    return rank;
}

static json_t *to_json(const ats_importance *m, const ats_features_options *o, const ats_dataset *d,
                       const ranked *rank)
{
    char version[17], at[ATS_CLOCK_TEXT_BYTES];
    json_t *features = json_array();
    snprintf(version, sizeof version, "%016" PRIx64, d->feature_version);
    ats_clock_utc_text(ats_clock_wall_ns(), at);
    for (uint32_t i = 0; i < m->features; i++) {
        const ats_importance_row *r = &m->row[rank[i].feature];
        json_array_append_new(
            features, json_pack("{s:s, s:f, s:f, s:o, s:o, s:f, s:f}", "feature",
                                ats_dataset_name(d, rank[i].feature), "shap", r->shap, "total_gain",
                                r->total_gain, "permutation", number(r->permutation),
                                "permutation_spread", number(r->permutation_spread), "weight",
                                r->weight, "total_cover", r->total_cover));
    }
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:s, s:o, s:I, s:I, s:f, s:o}", "schema", 1,
                     "at", at, "model", o->model, "sha256", m->sha256, "feature_version", version,
                     "rows", (json_int_t)m->rows, "metric", o->metric, "metric_value",
                     number(m->metric), "repeats", (json_int_t)o->repeats, "seed",
                     (json_int_t)o->seed, "block_s", (double)o->block_ns * 1e-9, "features",
                     features);
}

static void print_text(const ats_importance *m, const ats_features_options *o, const ats_dataset *d,
                       const ranked *rank)
{
    double gain = 0, splits = 0;
    for (uint32_t i = 0; i < m->features; i++) {
        gain += m->row[i].total_gain;
        splits += m->row[i].weight;
    }
    printf("%s on %" PRIu64 " rows: %s %.6g\n", o->model, m->rows, o->metric, m->metric);
    printf("%-28s %12s %8s %8s %14s %12s\n", "feature", "|SHAP|", "gain", "splits", "permuted",
           "+-");
    for (uint32_t i = 0; i < m->features; i++) {
        const ats_importance_row *r = &m->row[rank[i].feature];
        printf("%-28s %12.6g %7.2f%% %7.2f%% %14.6g %12.3g\n", ats_dataset_name(d, rank[i].feature),
               r->shap, gain > 0 ? 100 * r->total_gain / gain : 0,
               splits > 0 ? 100 * r->weight / splits : 0, r->permutation, r->permutation_spread);
    }
}

/* ---- history --------------------------------------------------------------------------------- */

static int append_history(const char *path, const json_t *document)
{
    char *line = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(9));
    FILE *out = line ? fopen(path, "a") : NULL;
    if (!out) {
        free(line);
        return ats_error(ATS_EXIT_FAILED, "%s: cannot be written", path);
    }
    bool failed = fprintf(out, "%s\n", line) < 0;
    failed |= fclose(out) != 0;
    free(line);
    return failed ? ats_error(ATS_EXIT_FAILED, "%s: cannot be written", path) : 0;
}

/* The lines of a history, as an array. */
static json_t *read_history(const char *path)
{
    json_t *all = json_array();
    char *line = malloc(LINE_BYTES);
    FILE *in = fopen(path, "r");
    int number_of = 0, status = 0;
    if (!in || !line)
        status = ats_error(ATS_EXIT_DATA, "%s: cannot be opened", path);
    while (status == 0 && fgets(line, LINE_BYTES, in)) {
        json_error_t why;
        json_t *o = json_loads(line, 0, &why);
        number_of++;
        if (!o || !json_is_array(json_object_get(o, "features")))
            status = ats_error(ATS_EXIT_DATA, "%s:%d: is no line of a history", path, number_of);
        json_array_append_new(all, o);
    }
    if (in)
        fclose(in);
    free(line);
    if (status == 0 && json_array_size(all) == 0)
        status = ats_error(ATS_EXIT_DATA, "%s: is empty", path);
    if (status == 0)
        return all;
    json_decref(all);
    return NULL;
}

/* Place of a feature in an entry, from 1; 0: not in it. */
static uint32_t place_of(const json_t *entry, const char *name)
{
    const json_t *f;
    size_t i;
    json_array_foreach((json_t *)json_object_get(entry, "features"), i, f)
    {
        const char *other = json_string_value(json_object_get(f, "feature"));
        if (other && strcmp(other, name) == 0)
            return (uint32_t)i + 1;
    }
    return 0;
}

static json_t *changes_json(const json_t *all)
{
    size_t n = json_array_size(all), i;
    const json_t *last = json_array_get(all, n - 1), *first = json_array_get(all, 0);
    const json_t *before = json_array_get(all, n > 1 ? n - 2 : 0), *f;
    json_t *rows = json_array();
    json_array_foreach((json_t *)json_object_get(last, "features"), i, f)
    {
        const char *name = json_string_value(json_object_get(f, "feature"));
        if (!name)
            continue;
        json_array_append_new(rows,
                              json_pack("{s:s, s:i, s:i, s:i}", "feature", name, "rank", (int)i + 1,
                                        "rank_before", (int)place_of(before, name), "rank_first",
                                        (int)place_of(first, name)));
    }
    const char *at = json_string_value(json_object_get(last, "at"));
    return json_pack("{s:i, s:I, s:s, s:o}", "schema", 1, "entries", (json_int_t)n, "last_at",
                     at ? at : "", "features", rows);
}

static void print_changes(const json_t *changes)
{
    const json_t *f;
    size_t i;
    printf("%" JSON_INTEGER_FORMAT " entries, the last of %s; 0: the feature was not in it\n",
           json_integer_value(json_object_get(changes, "entries")),
           json_string_value(json_object_get(changes, "last_at")));
    printf("%-28s %6s %8s %8s %8s\n", "feature", "rank", "before", "first", "change");
    json_array_foreach((json_t *)json_object_get(changes, "features"), i, f)
    {
        int rank = (int)json_integer_value(json_object_get(f, "rank"));
        int before = (int)json_integer_value(json_object_get(f, "rank_before"));
        printf("%-28s %6d %8d %8d %+8d\n", json_string_value(json_object_get(f, "feature")), rank,
               before, (int)json_integer_value(json_object_get(f, "rank_first")),
               before ? before - rank : 0);
    }
}

static int show_history(const ats_cli *cli, const char *path)
{
    json_t *all = read_history(path);
    if (!all)
        return -1;
    json_t *changes = changes_json(all);
    int status = 0;
    if (cli->common.json)
        status = ats_cli_print_json(json_incref(changes));
    else
        print_changes(changes);
    json_decref(changes);
    json_decref(all);
    return status;
}

/* ---- the action ------------------------------------------------------------------------------ */

static int show(const ats_cli *cli, const ats_importance *m, const ats_features_options *o,
                const ats_dataset *d)
{
    ranked *rank = rank_by_shap(m);
    if (!rank)
        return ats_error(ATS_EXIT_FAILED, "importance: out of memory");
    json_t *document = to_json(m, o, d, rank);
    int status = o->history ? append_history(o->history, document) : 0;
    if (status == 0 && cli->common.json)
        status = ats_cli_print_json(json_incref(document));
    else if (status == 0)
        print_text(m, o, d, rank);
    json_decref(document);
    free(rank);
    return status;
}

static int read_metric(const char *name, ats_importance_metric *metric)
{
    for (uint32_t i = 0; i < ATS_IMPORTANCE_METRIC_COUNT; i++)
        if (strcmp(name, ats_importance_metric_label(i)) == 0) {
            *metric = (ats_importance_metric)i;
            return 0;
        }
    return ats_error(ATS_EXIT_USAGE, "--metric %s: there are rmse, ic, auc", name);
}

int ats_features_importance(const ats_cli *cli, const ats_features_options *o)
{
    ats_dataset dataset;
    ats_importance m;
    int cpus[256];
    int64_t horizon_ns = o->horizon_ns;
    ats_importance_options how = {.repeats = (uint32_t)o->repeats,
                                  .seed = (uint64_t)o->seed,
                                  .block_ns = o->block_ns,
                                  .threads = (uint32_t)ats_cpus_allowed(cpus, 256)};
    if (cli->argument_count == 1 && o->history)
        return show_history(cli, o->history);
    if (cli->argument_count == 1 || !o->model)
        return ats_error(ATS_EXIT_USAGE,
                         "importance: give --model MODEL and captures, or --history "
                         "FILE alone");
    if (o->history &&
        ats_output_check(o->history, ATS_OUTPUT_HISTORY, (const char *const *)cli->argument + 1,
                         cli->argument_count - 1) != 0)
        return -1;
    if (read_metric(o->metric, &how.metric) != 0 ||
        (horizon_ns == 0 && ats_importance_horizon(o->model, &horizon_ns) != 0) ||
        ats_features_collect(&dataset, cli, o, horizon_ns) != 0)
        return -1;
    int status = ats_importance_make(&m, o->model, &dataset, &how);
    if (status == 0) {
        status = show(cli, &m, o, &dataset);
        ats_importance_free(&m);
    }
    ats_dataset_free(&dataset);
    return status;
}
