/* What learn/ computes, for tests that compute the same with libraries this project did not write.
 *   learn_vectors sample HORIZON_NS ROWS CAPTURE OUT   the vectors a command looks at
 *   learn_vectors drift TRAINING NOW                   a line a feature: psi ks p exact_ks exact_p
 *   learn_vectors correlate ROWS                       pearson, then spearman, a line a row
 *   learn_vectors labels HORIZON_NS ROWS CAPTURE OUT   sample's file, then recv_ns and label_ns
 *   learn_vectors isotonic POINTS ROWS_MIN KNOTS_MAX   a line a knot: score chance; then "at", and
 * a chance a query learn_vectors reliability PAIRS                    brier, log loss, expected
 * calibration error POINTS: uint64 n, uint64 queries, float x[n], double y[n], double weight[n],
 * float query[queries]. PAIRS: uint64 n, float chance[n], double outcome[n]. Files: uint64 rows,
 * uint64 features, float x[rows][features], float y[rows], all little-endian.
 */
#include "core/error.h"
#include "io/calendar_file.h"
#include "learn/correlation.h"
#include "learn/drift.h"
#include "learn/evaluation.h"
#include "learn/isotonic.h"
#include "learn/model_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(void)
{
    fprintf(stderr, "learn_vectors: %s\n", ats_error_line(0));
    return 1;
}

static int save(const ats_dataset *d, const char *path)
{
    uint64_t shape[2] = {d->rows, d->features};
    FILE *out = fopen(path, "wb");
    return !out || fwrite(shape, sizeof shape, 1, out) != 1 ||
           fwrite(d->x, sizeof(float) * d->features, d->rows, out) != d->rows ||
           fwrite(d->y, sizeof(float), d->rows, out) != d->rows || fclose(out) != 0;
}

static int load(ats_dataset *d, const char *path)
{
    uint64_t shape[2];
    FILE *in = fopen(path, "rb");
    if (!in || fread(shape, sizeof shape, 1, in) != 1)
        return -1;
    *d = (ats_dataset){.rows = shape[0], .features = (uint32_t)shape[1]};
    d->x = malloc(shape[0] * shape[1] * sizeof(float));
    d->y = malloc(shape[0] * sizeof(float));
    d->recv_ns = calloc(shape[0], sizeof(int64_t));
    if (!d->x || !d->y || !d->recv_ns ||
        fread(d->x, sizeof(float) * shape[1], shape[0], in) != shape[0] ||
        fread(d->y, sizeof(float), shape[0], in) != shape[0])
        return -1;
    return fclose(in);
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The finite values of a column, sorted. */
static uint64_t column_of(const ats_dataset *d, uint32_t column, float *out)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < d->rows; i++)
        if (isfinite(d->x[i * d->features + column]))
            out[n++] = d->x[i * d->features + column];
    qsort(out, n, sizeof *out, ascending);
    return n;
}

static int drift(const char *before_path, const char *now_path)
{
    ats_dataset before, now;
    ats_distribution made, distribution;
    char path[4096];
    if (load(&before, before_path) != 0 || load(&now, now_path) != 0)
        return 1;
    snprintf(path, sizeof path, "%s.distribution.json", before_path);
    /* By way of the file, as a command would. */
    if (ats_distribution_make(&made, &before, before.rows) != 0 ||
        ats_distribution_write(&made, path) != 0 || ats_distribution_read(&distribution, path) != 0)
        return fail();
    ats_drift_row *rows = calloc(now.features, sizeof *rows);
    float *a = malloc(before.rows * sizeof *a), *b = malloc(now.rows * sizeof *b);
    if (ats_drift(&distribution, &now, 0, now.rows, rows) != 0)
        return fail();
    for (uint32_t i = 0; i < now.features; i++) {
        uint64_t n = column_of(&before, rows[i].feature, a),
                 m = column_of(&now, rows[i].feature, b);
        double exact = n && m ? ats_ks_statistic(a, n, b, m) : (double)NAN;
        printf("%u %.17g %.17g %.17g %.17g %.17g\n", rows[i].feature, rows[i].psi, rows[i].ks,
               rows[i].p_value, exact, ats_ks_p_value(exact, (double)n, (double)m));
    }
    free(rows), free(a), free(b);
    ats_distribution_free(&made);
    ats_distribution_free(&distribution);
    ats_dataset_free(&before);
    ats_dataset_free(&now);
    return 0;
}

static void print_matrix(const double *of, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++)
            printf("%.17g%c", of[(uint64_t)i * n + k], k + 1 < n ? ' ' : '\n');
}

static int correlate(const char *path)
{
    ats_dataset d;
    ats_correlation c;
    if (load(&d, path) != 0)
        return 1;
    if (ats_correlation_make(&c, d.x, d.rows, d.features) != 0)
        return fail();
    print_matrix(c.pearson, c.features);
    print_matrix(c.spearman, c.features);
    ats_correlation_free(&c);
    ats_dataset_free(&d);
    return 0;
}

static int save_times(const ats_dataset *d, const char *path)
{
    FILE *out = fopen(path, "ab");
    return !out || fwrite(d->recv_ns, sizeof(int64_t), d->rows, out) != d->rows ||
           fwrite(d->label_ns, sizeof(int64_t), d->rows, out) != d->rows || fclose(out) != 0;
}

static int sample(char **argument, bool times)
{
    ats_dataset d;
    const char *captures[] = {argument[2]};
    static ats_catalogue catalogue;
    ats_calendar_table calendar;
    if (ats_catalogue_make(&catalogue, NULL) != 0 || ats_calendar_load(&calendar, NULL) != 0)
        return fail();
    ats_dataset_options options = {.horizon_ns = strtoll(argument[0], NULL, 10),
                                   .clock_interval_ns = ATS_E9,
                                   .catalogue = &catalogue,
                                   .equity_calendar = &calendar.calendar};
    if (ats_dataset_sample(&d, captures, 1, strtoull(argument[1], NULL, 10), &options) != 0)
        return fail();
    int failed = save(&d, argument[3]) || (times && save_times(&d, argument[3]));
    ats_calendar_free(&calendar);
    ats_dataset_free(&d);
    return failed;
}

static void *take(FILE *in, size_t size, uint64_t n)
{
    void *out = malloc((n + 1) * size);
    if (!out || fread(out, size, n, in) != n) {
        fprintf(stderr, "learn_vectors: the file is short\n");
        exit(1);
    }
    return out;
}

static int isotonic(const char *path, const char *rows_min, const char *knots_max)
{
    ats_isotonic fit;
    ats_calibration table;
    FILE *in = fopen(path, "rb");
    if (!in)
        return 1;
    uint64_t *n = take(in, sizeof *n, 2);
    float *x = take(in, sizeof *x, n[0]);
    double *y = take(in, sizeof *y, n[0]), *weight = take(in, sizeof *weight, n[0]);
    float *query = take(in, sizeof *query, n[1]);
    fclose(in);
    if (ats_isotonic_fit(&fit, x, y, weight, n[0]) != 0)
        return fail();
    ats_isotonic_simplify(&fit, strtoull(rows_min, NULL, 10),
                          (uint32_t)strtoul(knots_max, NULL, 10));
    if (ats_isotonic_table(&fit, &table) != 0)
        return fail();
    for (uint32_t i = 0; i < table.count; i++)
        printf("%.9g %.9g\n", (double)table.score[i], (double)table.chance[i]);
    printf("at\n");
    for (uint64_t i = 0; i < n[1]; i++)
        printf("%.9g\n", (double)ats_calibration_chance(&table, query[i]));
    ats_isotonic_free(&fit);
    free(n), free(x), free(y), free(weight), free(query);
    return 0;
}

static int reliability(const char *path)
{
    ats_reliability r;
    FILE *in = fopen(path, "rb");
    if (!in)
        return 1;
    uint64_t *n = take(in, sizeof *n, 1);
    float *chance = take(in, sizeof *chance, *n);
    double *outcome = take(in, sizeof *outcome, *n);
    fclose(in);
    ats_reliability_measure(&r, chance, outcome, *n);
    printf("%.17g %.17g %.17g\n", r.brier, r.log_loss, r.expected_calibration_error);
    free(n), free(chance), free(outcome);
    return 0;
}

/* As infer has them. */
static int confidence(const char *model_path, const char *rows_path)
{
    ats_dataset d;
    ats_model *model = ats_model_open(model_path, ats_isa_best());
    if (!model)
        return fail();
    if (load(&d, rows_path) != 0 || d.features < model->feature_count)
        return 1;
    for (uint64_t i = 0; i < d.rows; i++) {
        const float *row = d.x + i * d.features;
        float score, sure;
        ats_model_score(model, &row, NULL, 1, &score, &sure);
        printf("%.9g %.9g\n", (double)score, (double)sure);
    }
    ats_model_free(model);
    ats_dataset_free(&d);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "sample") == 0)
        return sample(argv + 2, false);
    if (argc == 6 && strcmp(argv[1], "labels") == 0)
        return sample(argv + 2, true);
    if (argc == 5 && strcmp(argv[1], "isotonic") == 0)
        return isotonic(argv[2], argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "confidence") == 0)
        return confidence(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "reliability") == 0)
        return reliability(argv[2]);
    if (argc == 4 && strcmp(argv[1], "drift") == 0)
        return drift(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "correlate") == 0)
        return correlate(argv[2]);
    return 2;
}
