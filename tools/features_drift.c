/* ats features drift: features now against the same in training. */
#include "core/clock.h"
#include "learn/drift.h"
#include "tools/features.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_NS (86400ll * ATS_E9)

/* PSI of two equal distributions is about bins / rows by chance: 0.1, the lower band. Days of fewer
 * rows are joined. */
#define DAY_ROWS_MIN (ATS_DISTRIBUTION_BINS * 10u)

typedef struct table {
    uint64_t begin, end; /* rows */
    ats_drift_row *rows; /* [features] */
} table;

static const char *band(double psi)
{
    return psi >= ATS_DRIFT_DRIFTED ? "drifted" : psi >= ATS_DRIFT_MOVED ? "moved" : "stable";
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static void day_text(const ats_dataset *d, const table *t, char text[11])
{
    char full[ATS_CLOCK_TEXT_BYTES];
    ats_clock_utc_text(d->recv_ns[t->begin], full);
    snprintf(text, 11, "%.10s", full);
}

static json_t *table_json(const ats_dataset *d, const table *t, bool by_day)
{
    json_t *features = json_array();
    char day[11];
    for (uint32_t i = 0; i < d->features; i++) {
        const ats_drift_row *r = &t->rows[i];
        json_array_append_new(
            features,
            json_pack("{s:s, s:f, s:s, s:o, s:o, s:f, s:f, s:o, s:o}", "feature",
                      ats_dataset_name(d, r->feature), "psi", r->psi, "band", band(r->psi), "ks",
                      number(r->ks), "p_value", number(r->p_value), "missing_in_training",
                      r->missing_before, "missing", r->missing_now, "median_in_training",
                      number(r->median_before), "median", number(r->median_now)));
    }
    json_t *o =
        json_pack("{s:I, s:o}", "rows", (json_int_t)(t->end - t->begin), "features", features);
    day_text(d, t, day);
    if (by_day)
        json_object_set_new(o, "day", json_string(day));
    return o;
}

static json_t *to_json(const ats_distribution *before, const ats_dataset *d, const table *tables,
                       uint32_t count, bool by_day)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(list, table_json(d, &tables[i], by_day));
    return json_pack("{s:i, s:I, s:I, s:I, s:o}", "schema", 1, "training_rows",
                     (json_int_t)before->rows, "training_first_ns", (json_int_t)before->first_ns,
                     "training_last_ns", (json_int_t)before->last_ns, "tables", list);
}

static void print_table(const ats_dataset *d, const table *t, bool by_day)
{
    char day[11];
    day_text(d, t, day);
    printf("%s%s%llu rows\n%-28s %8s %-8s %7s %10s %9s %9s %12s %12s\n", by_day ? day : "",
           by_day ? ", " : "", (unsigned long long)(t->end - t->begin), "feature", "PSI", "", "KS",
           "p", "missing", "in train", "median", "in train");
    for (uint32_t i = 0; i < d->features; i++) {
        const ats_drift_row *r = &t->rows[i];
        printf("%-28s %8.4f %-8s %7.4f %10.3g %8.2f%% %8.2f%% %12.5g %12.5g\n",
               ats_dataset_name(d, r->feature), r->psi, band(r->psi), r->ks, r->p_value,
               100 * r->missing_now, 100 * r->missing_before, r->median_now, r->median_before);
    }
}

/* One line on stderr: the result stays a table or a document. */
static void warn(const ats_cli *cli, const ats_dataset *d, const table *tables, uint32_t count)
{
    uint32_t drifted = 0;
    for (uint32_t t = 0; t < count; t++)
        for (uint32_t i = 0; i < d->features; i++)
            drifted += tables[t].rows[i].psi >= ATS_DRIFT_DRIFTED;
    if (drifted == 0 || cli->common.quiet)
        return;
    fprintf(stderr,
            "warning: %u of %u features have drifted (PSI of %.2f or more), most of all %s\n",
            drifted, d->features * count, ATS_DRIFT_DRIFTED,
            ats_dataset_name(d, tables[0].rows[0].feature));
}

static int make_tables(const ats_distribution *before, const ats_dataset *d, bool by_day,
                       table **tables, uint32_t *count)
{
    uint64_t begin = 0;
    while (begin < d->rows) {
        uint64_t end = d->rows;
        if (by_day)
            for (end = begin + 1;
                 end < d->rows && (end - begin < DAY_ROWS_MIN ||
                                   d->recv_ns[end] / DAY_NS == d->recv_ns[end - 1] / DAY_NS);)
                end++;
        table *more = realloc(*tables, (*count + 1) * sizeof *more);
        if (!more)
            return ats_error(ATS_EXIT_FAILED, "drift: out of memory");
        *tables = more;
        more[*count] = (table){begin, end, calloc(d->features, sizeof(ats_drift_row))};
        if (!more[(*count)++].rows)
            return ats_error(ATS_EXIT_FAILED, "drift: out of memory");
        if (ats_drift(before, d, begin, end, more[*count - 1].rows) != 0)
            return -1;
        begin = end;
    }
    return 0;
}

static int drift(const ats_cli *cli, const ats_distribution *before, const ats_dataset *d,
                 bool by_day)
{
    table *tables = NULL;
    uint32_t count = 0;
    int status = make_tables(before, d, by_day, &tables, &count);
    if (status == 0 && cli->common.json)
        status = ats_cli_print_json(to_json(before, d, tables, count, by_day));
    else
        for (uint32_t i = 0; status == 0 && i < count; i++)
            print_table(d, &tables[i], by_day);
    if (status == 0)
        warn(cli, d, tables, count);
    for (uint32_t i = 0; i < count; i++)
        free(tables[i].rows);
    free(tables);
    return status;
}

int ats_features_drift(const ats_cli *cli, const ats_features_options *options)
{
    char path[4096];
    ats_distribution before;
    ats_dataset dataset;
    if (options->by && strcmp(options->by, "day") != 0)
        return ats_error(ATS_EXIT_USAGE, "--by %s: there is day", options->by);
    if (ats_distribution_path(options->model, path, sizeof path) != 0 ||
        ats_distribution_read(&before, path) != 0)
        return -1;
    int status = ats_features_collect(&dataset, cli, options, 0);
    if (status == 0) {
        status = drift(cli, &before, &dataset, options->by != NULL);
        ats_dataset_free(&dataset);
    }
    ats_distribution_free(&before);
    return status;
}
