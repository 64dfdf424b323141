#include "learn/train.h"

#include "core/error.h"

#if ATS_HAVE_XGBOOST

#include "learn/model_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

/* ---- the split ------------------------------------------------------------------------------ */

typedef struct split {
    uint64_t train_end;    /* rows [0, train_end) train */
    uint64_t test_begin;   /* rows [test_begin, rows) test */
    int64_t labels_end_ns; /* when the last label of the training rows was known */
} split;

static int split_by_time(const ats_dataset *d, const ats_train_options *o, split *s)
{
    if (d->seen == 0)
        return ats_error(ATS_EXIT_DATA, "the captures give no vector: without quotes one is made "
                                        "when a bar of the fastest timeframe closes; give "
                                        "timeframes no finer than the bars of the captures");
    if (d->rows < 1000)
        return ats_error(ATS_EXIT_DATA, "%llu labelled rows are too few to train on (1000)",
                         (unsigned long long)d->rows);
    int64_t first = d->recv_ns[0], span = d->recv_ns[d->rows - 1] - first;
    int64_t boundary = first + (int64_t)((double)span * o->train_share);
    while (s->train_end < d->rows && d->recv_ns[s->train_end] < boundary)
        s->train_end++;
    /* A label in thin markets is known later than one horizon; the test begins behind all of them.
     */
    s->labels_end_ns = boundary + o->horizon_ns;
    for (uint64_t i = 0; i < s->train_end; i++)
        if (d->label_ns[i] > s->labels_end_ns)
            s->labels_end_ns = d->label_ns[i];
    s->test_begin = s->train_end;
    while (s->test_begin < d->rows && d->recv_ns[s->test_begin] <= s->labels_end_ns)
        s->test_begin++;
    if (s->train_end < 500 || d->rows - s->test_begin < 100)
        return ats_error(ATS_EXIT_DATA,
                         "the split leaves %llu rows to train and %llu to test (500 and 100 are "
                         "the least)",
                         (unsigned long long)s->train_end,
                         (unsigned long long)(d->rows - s->test_begin));
    return 0;
}

/* ---- XGBoost -------------------------------------------------------------------------------- */

static int xgb_error(const char *what)
{
    const char *why = XGBGetLastError(); /* behind its first line comes a stack trace */
    return ats_error(ATS_EXIT_FAILED, "xgboost: %s: %.*s", what, (int)strcspn(why, "\n"), why);
}

static int make_matrix(const ats_dataset *d, uint64_t begin, uint64_t end, DMatrixHandle *m)
{
    if (XGDMatrixCreateFromMat(d->x + begin * d->features, end - begin, d->features, NAN, m) != 0)
        return xgb_error("matrix");
    if (XGDMatrixSetFloatInfo(*m, "label", d->y + begin, end - begin) != 0)
        return xgb_error("labels");
    return 0;
}

static int set_parameter(BoosterHandle b, const char *name, double value)
{
    char text[64];
    snprintf(text, sizeof text, "%.10g", value);
    return XGBoosterSetParam(b, name, text) == 0 ? 0 : xgb_error(name);
}

static int configure(BoosterHandle b, const ats_train_options *o)
{
    if (XGBoosterSetParam(b, "objective", "reg:squarederror") != 0 ||
        XGBoosterSetParam(b, "tree_method", "hist") != 0)
        return xgb_error("parameters");
    return set_parameter(b, "base_score", 0) || set_parameter(b, "max_depth", o->depth) ||
                   set_parameter(b, "eta", o->eta) ||
                   set_parameter(b, "min_child_weight", o->min_child_weight) ||
                   set_parameter(b, "nthread", o->threads) ||
                   set_parameter(b, "seed", (double)o->seed)
               ? -1
               : 0;
}

static int set_attribute(BoosterHandle b, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return XGBoosterSetAttr(b, name, text) == 0 ? 0 : xgb_error(name);
}

static int describe(BoosterHandle b, const ats_dataset *d, const ats_train_options *o,
                    const ats_train_result *r)
{
    char version[17];
    snprintf(version, sizeof version, "%016" PRIx64, d->feature_version);
    if (XGBoosterSetAttr(b, "ats_feature_version", version) != 0)
        return xgb_error("ats_feature_version");
    return set_attribute(b, "ats_train_first_ns", r->train_first_ns) ||
                   set_attribute(b, "ats_train_last_ns", r->train_last_ns) ||
                   set_attribute(b, "ats_horizon_ns", o->horizon_ns) ||
                   set_attribute(b, "ats_seed", (int64_t)o->seed)
               ? -1
               : 0;
}

/* ---- measures ------------------------------------------------------------------------------- */

static double rmse(const float *forecast, const float *y, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        double e = (double)y[i] - (forecast ? (double)forecast[i] : 0.0);
        sum += e * e;
    }
    return sqrt(sum / (double)n);
}

static double correlation(const float *a, const float *b, uint64_t n)
{
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (uint64_t i = 0; i < n; i++) {
        ma += a[i] / (double)n;
        mb += b[i] / (double)n;
    }
    for (uint64_t i = 0; i < n; i++) {
        double x = a[i] - ma, y = b[i] - mb;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

typedef struct ranked {
    float forecast, outcome;
} ranked;

static int by_forecast(const void *a, const void *b)
{
    float x = ((const ranked *)a)->forecast, y = ((const ranked *)b)->forecast;
    return (x > y) - (x < y);
}

static int deciles(const float *forecast, const float *y, uint64_t n, double out[10])
{
    ranked *rows = malloc(n * sizeof *rows);
    if (!rows)
        return ats_error(ATS_EXIT_FAILED, "train: out of memory");
    for (uint64_t i = 0; i < n; i++)
        rows[i] = (ranked){forecast[i], y[i]};
    qsort(rows, n, sizeof *rows, by_forecast);
    for (uint64_t d = 0; d < 10; d++) {
        uint64_t begin = n * d / 10, end = n * (d + 1) / 10;
        out[d] = 0;
        for (uint64_t i = begin; i < end; i++)
            out[d] += rows[i].outcome / (double)(end - begin);
    }
    free(rows);
    return 0;
}

/* Margins of a matrix; valid until the booster's next call. */
static const float *predict(BoosterHandle b, DMatrixHandle m, uint64_t rows)
{
    static const char CONFIG[] = "{\"type\":1,\"training\":false,\"iteration_begin\":0,"
                                 "\"iteration_end\":0,\"strict_shape\":false}";
    const bst_ulong *shape;
    bst_ulong dimensions;
    const float *out;
    if (XGBoosterPredictFromDMatrix(b, m, CONFIG, &shape, &dimensions, &out) != 0) {
        xgb_error("predict");
        return NULL;
    }
    if (dimensions < 1 || shape[0] != rows) {
        ats_error(ATS_EXIT_FAILED, "xgboost: predictions of another shape than asked for");
        return NULL;
    }
    return out;
}

/* The model as we read it must give XGBoost's margins to the bit. */
static int check_own_engine(const char *path, const ats_dataset *d, uint64_t begin,
                            const float *expected, ats_train_result *r)
{
    ats_forest forest;
    if (ats_model_load(&forest, path) != 0)
        return -1;
    r->check_rows = d->rows - begin;
    r->check_unequal = 0;
    for (uint64_t i = begin; i < d->rows; i++) {
        float margin;
        const float *row = d->x + i * d->features;
        ats_forest_score(&forest, &row, 1, &margin);
        r->check_unequal += memcmp(&margin, &expected[i - begin], sizeof margin) != 0;
    }
    ats_forest_free(&forest);
    return 0;
}

/* Total gain by feature, as a share of all of it. */
static int importance(BoosterHandle b, ats_train_result *r)
{
    bst_ulong n, dimensions;
    const bst_ulong *shape;
    const char **names;
    const float *scores;
    double sum = 0;
    memset(r->gain, 0, sizeof r->gain);
    if (XGBoosterFeatureScore(b, "{\"importance_type\":\"total_gain\"}", &n, &names, &dimensions,
                              &shape, &scores) != 0)
        return xgb_error("importance");
    for (bst_ulong i = 0; i < n; i++)
        sum += scores[i];
    for (bst_ulong i = 0; i < n && sum > 0; i++) {
        unsigned feature;
        if (sscanf(names[i], "f%u", &feature) == 1 && feature < ATS_FEATURES_MAX)
            r->gain[feature] = (float)(scores[i] / sum);
    }
    return 0;
}

static int measure(BoosterHandle b, const ats_dataset *d, const split *s, DMatrixHandle train,
                   DMatrixHandle test, const char *path, ats_train_result *r)
{
    const float *y = d->y + s->test_begin;
    const float *forecast = predict(b, train, r->train_rows);
    if (!forecast)
        return -1;
    r->train_rmse = rmse(forecast, d->y, r->train_rows);
    forecast = predict(b, test, r->test_rows);
    if (!forecast)
        return -1;
    r->test_rmse = rmse(forecast, y, r->test_rows);
    r->test_rmse_of_zero = rmse(NULL, y, r->test_rows);
    r->test_correlation = correlation(forecast, y, r->test_rows);
    if (deciles(forecast, y, r->test_rows, r->test_deciles) != 0)
        return -1;
    return check_own_engine(path, d, s->test_begin, forecast, r);
}

static int fit(BoosterHandle b, const ats_dataset *d, const ats_train_options *o, const split *s,
               DMatrixHandle train, DMatrixHandle test, const char *path, ats_train_result *r,
               ats_train_progress progress, void *context)
{
    if (configure(b, o) != 0)
        return -1;
    for (uint32_t tree = 0; tree < o->trees; tree++) {
        if (XGBoosterUpdateOneIter(b, (int)tree, train) != 0)
            return xgb_error("training");
        if (progress && progress(context, tree + 1, o->trees) != 0)
            return ats_error(ATS_EXIT_INTERRUPTED, "training interrupted; no model was written");
    }
    if (describe(b, d, o, r) != 0)
        return -1;
    if (XGBoosterSaveModel(b, path) != 0)
        return xgb_error("saving the model");
    return importance(b, r) != 0 ? -1 : measure(b, d, s, train, test, path, r);
}

int ats_train(const ats_dataset *d, const ats_train_options *o, const char *path,
              ats_train_result *r, ats_train_progress progress, void *context)
{
    split s = {0};
    DMatrixHandle train = NULL, test = NULL;
    BoosterHandle booster = NULL;
    memset(r, 0, sizeof *r);
    size_t n = strlen(path);
    if (n < 6 || strcmp(path + n - 5, ".json") != 0)
        return ats_error(ATS_EXIT_USAGE, "%s: a model's name must end in .json", path);
    if (split_by_time(d, o, &s) != 0)
        return -1;
    r->train_rows = s.train_end;
    r->gap_rows = s.test_begin - s.train_end;
    r->test_rows = d->rows - s.test_begin;
    r->train_first_ns = d->recv_ns[0];
    r->train_last_ns = s.labels_end_ns; /* labels reach that far */
    r->test_first_ns = d->recv_ns[s.test_begin];
    r->test_last_ns = d->recv_ns[d->rows - 1];
    int result =
        make_matrix(d, 0, s.train_end, &train) || make_matrix(d, s.test_begin, d->rows, &test) ? -1
                                                                                               : 0;
    if (result == 0 && XGBoosterCreate(&train, 1, &booster) != 0)
        result = xgb_error("booster");
    if (result == 0)
        result = fit(booster, d, o, &s, train, test, path, r, progress, context);
    XGBoosterFree(booster);
    XGDMatrixFree(train);
    XGDMatrixFree(test);
    return result;
}

#else

int ats_train(const ats_dataset *d, const ats_train_options *o, const char *path,
              ats_train_result *r, ats_train_progress progress, void *context)
{
    (void)d, (void)o, (void)path, (void)r, (void)progress, (void)context;
    return ats_error(ATS_EXIT_UNREACHABLE,
                     "this build has no XGBoost; install libxgboost-dev and build again");
}

#endif
