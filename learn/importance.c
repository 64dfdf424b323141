#include "learn/importance.h"

#include "core/error.h"
#include "core/random.h"
#include "learn/model_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *ats_importance_metric_label(uint32_t metric)
{
    static const char *const LABELS[] = {"rmse", "ic", "auc"};
    static_assert(sizeof LABELS / sizeof LABELS[0] == ATS_IMPORTANCE_METRIC_COUNT, "a label each");
    return metric < ATS_IMPORTANCE_METRIC_COUNT ? LABELS[metric] : "?";
}

void ats_importance_free(ats_importance *importance)
{
    free(importance->row);
    memset(importance, 0, sizeof *importance);
}

/* ---- metrics --------------------------------------------------------------------------------- */

static double rmse(const float *margin, const float *y, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        double e = (double)y[i] - (double)margin[i];
        sum += e * e;
    }
    return sqrt(sum / (double)n);
}

static double correlation(const float *a, const float *b, uint64_t n)
{
    double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;
    for (uint64_t i = 0; i < n; i++) {
        mean_a += (double)a[i] / (double)n;
        mean_b += (double)b[i] / (double)n;
    }
    for (uint64_t i = 0; i < n; i++) {
        double x = (double)a[i] - mean_a, y = (double)b[i] - mean_b;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : (double)NAN;
}

typedef struct ranked {
    float margin;
    bool up;
} ranked;

static int by_margin(const void *a, const void *b)
{
    float x = ((const ranked *)a)->margin, y = ((const ranked *)b)->margin;
    return (x > y) - (x < y);
}

/* Mann and Whitney 1947: the share of pairs of an up and a down row whose margins are in that
 * order, a tie being half. */
static double auc(const float *margin, const float *y, uint64_t n)
{
    ranked *rows = malloc(n * sizeof *rows);
    double ups = 0, sum = 0;
    if (!rows)
        return (double)NAN;
    for (uint64_t i = 0; i < n; i++) {
        rows[i] = (ranked){margin[i], y[i] > 0};
        ups += rows[i].up;
    }
    qsort(rows, n, sizeof *rows, by_margin);
    for (uint64_t i = 0, end; i < n; i = end) {
        uint64_t members = 0;
        for (end = i; end < n && rows[end].margin == rows[i].margin; end++)
            members += rows[end].up;
        sum += (double)members * ((double)i + ((double)(end - i) + 1) / 2);
    }
    free(rows);
    double downs = (double)n - ups;
    return ups > 0 && downs > 0 ? (sum - ups * (ups + 1) / 2) / (ups * downs) : (double)NAN;
}

double ats_importance_measure(ats_importance_metric metric, const float *margin, const float *y,
                              uint64_t rows)
{
    switch (metric) {
    case ATS_IMPORTANCE_RMSE:
        return rmse(margin, y, rows);
    case ATS_IMPORTANCE_IC:
        return correlation(margin, y, rows);
    default:
        return auc(margin, y, rows);
    }
}

#if ATS_HAVE_XGBOOST

#include <xgboost/c_api.h>

static int xgb_error(const char *what)
{
    const char *why = XGBGetLastError(); /* behind its first line comes a stack trace */
    return ats_error(ATS_EXIT_FAILED, "xgboost: %s: %.*s", what, (int)strcspn(why, "\n"), why);
}

/* ---- permutation ----------------------------------------------------------------------------- */

/* Rows that are scored at once: their copies fit the cache of a core. */
#define SCORE_ROWS 64u

typedef struct dealing {
    const ats_dataset *d;
    const ats_forest *forest;
    const ats_importance_options *options;
    float *margin;      /* [rows] */
    uint64_t *from;     /* [rows] whose value a row gets */
    uint64_t *begin;    /* [blocks + 1] */
    uint64_t *shuffled; /* [blocks] */
    uint64_t blocks;
    float *copy; /* [SCORE_ROWS][features] */
} dealing;

static void find_blocks(dealing *w)
{
    const ats_dataset *d = w->d;
    int64_t block_ns = w->options->block_ns;
    for (uint64_t i = 0; i < d->rows; i++)
        if (i == 0 || block_ns == 0 ||
            (d->recv_ns[i] - d->recv_ns[0]) / block_ns !=
                (d->recv_ns[i - 1] - d->recv_ns[0]) / block_ns)
            w->begin[w->blocks++] = i;
    w->begin[w->blocks] = d->rows;
}

/* Fisher and Yates; each feature and repeat has a sequence of its own. */
static void deal(dealing *w, uint32_t feature, uint32_t repeat)
{
    ats_random random;
    uint64_t n = 0;
    ats_random_seed(&random,
                    w->options->seed * 0x9e3779b97f4a7c15ull + feature * 1000003ull + repeat);
    for (uint64_t i = 0; i < w->blocks; i++)
        w->shuffled[i] = i;
    for (uint64_t i = w->blocks; i > 1; i--) {
        uint64_t k = ats_random_below(&random, i), block = w->shuffled[i - 1];
        w->shuffled[i - 1] = w->shuffled[k];
        w->shuffled[k] = block;
    }
    for (uint64_t i = 0; i < w->blocks; i++)
        for (uint64_t row = w->begin[w->shuffled[i]]; row < w->begin[w->shuffled[i] + 1]; row++)
            w->from[n++] = row;
}

/* Margins of all rows with this column dealt; column == features: none is. */
static void score(dealing *w, uint32_t column)
{
    const ats_dataset *d = w->d;
    const float *rows[SCORE_ROWS];
    for (uint64_t at = 0; at < d->rows; at += SCORE_ROWS) {
        uint32_t n = d->rows - at < SCORE_ROWS ? (uint32_t)(d->rows - at) : SCORE_ROWS;
        memcpy(w->copy, d->x + at * d->features, (size_t)n * d->features * sizeof(float));
        for (uint32_t i = 0; i < n; i++) {
            float *row = w->copy + (size_t)i * d->features;
            if (column < d->features)
                row[column] = d->x[w->from[at + i] * d->features + column];
            rows[i] = row;
        }
        ats_forest_score(w->forest, rows, n, w->margin + at);
    }
}

static double worse_by(const dealing *w, double base)
{
    double now = ats_importance_measure(w->options->metric, w->margin, w->d->y, w->d->rows);
    return w->options->metric == ATS_IMPORTANCE_RMSE ? now - base : base - now;
}

static void permute(dealing *w, uint32_t feature, double base, ats_importance_row *out)
{
    double sum = 0, squares = 0;
    uint32_t n = w->options->repeats;
    for (uint32_t repeat = 0; repeat < n; repeat++) {
        deal(w, feature, repeat);
        score(w, feature);
        double x = worse_by(w, base);
        sum += x;
        squares += x * x;
    }
    out->permutation = sum / n;
    double variance = n > 1 ? (squares - sum * sum / n) / (n - 1) : 0;
    out->permutation_spread = sqrt(fmax(0, variance));
}

static int permutation(ats_importance *out, const ats_forest *forest, const ats_dataset *d,
                       const ats_importance_options *options)
{
    dealing w = {.d = d,
                 .forest = forest,
                 .options = options,
                 .margin = malloc(d->rows * sizeof(float)),
                 .from = malloc(d->rows * sizeof(uint64_t)),
                 .begin = malloc((d->rows + 1) * sizeof(uint64_t)),
                 .shuffled = malloc(d->rows * sizeof(uint64_t)),
                 .copy = malloc((size_t)SCORE_ROWS * d->features * sizeof(float))};
    int status = 0;
    if (!w.margin || !w.from || !w.begin || !w.shuffled || !w.copy) {
        status = ats_error(ATS_EXIT_FAILED, "importance: out of memory");
    } else {
        find_blocks(&w);
        score(&w, d->features);
        out->metric = ats_importance_measure(options->metric, w.margin, d->y, d->rows);
        for (uint32_t i = 0; i < d->features; i++)
            if (out->row[i].weight > 0)
                permute(&w, i, out->metric, &out->row[i]);
    }
    free(w.margin), free(w.from), free(w.begin), free(w.shuffled), free(w.copy);
    return status;
}

/* ---- XGBoost's measures ---------------------------------------------------------------------- */

static int split_scores(BoosterHandle b, const char *type, ats_importance *out, size_t offset)
{
    bst_ulong n, dimensions;
    const bst_ulong *shape;
    const char **names;
    const float *scores;
    char config[64];
    snprintf(config, sizeof config, "{\"importance_type\":\"%s\"}", type);
    if (XGBoosterFeatureScore(b, config, &n, &names, &dimensions, &shape, &scores) != 0)
        return xgb_error(type);
    for (bst_ulong i = 0; i < n; i++) {
        unsigned feature;
        if (sscanf(names[i], "f%u", &feature) != 1 || feature >= out->features)
            return ats_error(ATS_EXIT_DATA, "the model has a feature %.60s that rows have not",
                             names[i]);
        *(double *)((char *)&out->row[feature] + offset) = (double)scores[i];
    }
    return 0;
}

/* Contributions are rows x (features + 1) floats: so many rows at once. */
#define SHAP_ROWS 4096u

static int shap_of_rows(BoosterHandle b, const ats_dataset *d, uint64_t begin, uint64_t n,
                        ats_importance *out)
{
    static const char CONFIG[] = "{\"type\":2,\"training\":false,\"iteration_begin\":0,"
                                 "\"iteration_end\":0,\"strict_shape\":false}";
    DMatrixHandle m;
    const bst_ulong *shape;
    bst_ulong dimensions;
    const float *values;
    if (XGDMatrixCreateFromMat(d->x + begin * d->features, n, d->features, NAN, &m) != 0)
        return xgb_error("rows");
    int status = 0;
    if (XGBoosterPredictFromDMatrix(b, m, CONFIG, &shape, &dimensions, &values) != 0)
        status = xgb_error("contributions");
    else if (dimensions != 2 || shape[0] != n || shape[1] != d->features + 1ull)
        status = ats_error(ATS_EXIT_FAILED, "xgboost: contributions of another shape");
    for (uint64_t i = 0; status == 0 && i < n; i++)
        for (uint32_t k = 0; k < d->features; k++)
            out->row[k].shap += fabs((double)values[i * (d->features + 1ull) + k]);
    XGDMatrixFree(m);
    return status;
}

static int shap(BoosterHandle b, const ats_dataset *d, ats_importance *out)
{
    for (uint64_t at = 0; at < d->rows; at += SHAP_ROWS) {
        uint64_t n = d->rows - at < SHAP_ROWS ? d->rows - at : SHAP_ROWS;
        if (shap_of_rows(b, d, at, n, out) != 0)
            return -1;
    }
    for (uint32_t k = 0; k < d->features; k++)
        out->row[k].shap /= (double)d->rows;
    return 0;
}

static int open_booster(BoosterHandle *b, const char *model)
{
    if (access(model, R_OK) != 0)
        return ats_error_errno(ATS_EXIT_DATA, errno, "model %s", model);
    if (XGBoosterCreate(NULL, 0, b) != 0)
        return xgb_error("booster");
    if (XGBoosterLoadModel(*b, model) == 0)
        return 0;
    XGBoosterFree(*b);
    return xgb_error(model);
}

int ats_importance_horizon(const char *model, int64_t *horizon_ns)
{
    BoosterHandle b;
    const char *text = NULL;
    int found = 0;
    if (open_booster(&b, model) != 0)
        return -1;
    int failed = XGBoosterGetAttr(b, "ats_horizon_ns", &text, &found) != 0;
    *horizon_ns = !failed && found ? strtoll(text, NULL, 10) : 0;
    XGBoosterFree(b);
    if (*horizon_ns > 0)
        return 0;
    return ats_error(ATS_EXIT_DATA, "%s: does not state the horizon of its label; give --horizon",
                     model);
}

static int measure(ats_importance *out, BoosterHandle b, const ats_forest *forest,
                   const ats_dataset *d, const ats_importance_options *options)
{
    char threads[16];
    snprintf(threads, sizeof threads, "%u", options->threads);
    if (XGBoosterSetParam(b, "nthread", threads) != 0)
        return xgb_error("nthread");
    if (split_scores(b, "total_gain", out, offsetof(ats_importance_row, total_gain)) != 0 ||
        split_scores(b, "weight", out, offsetof(ats_importance_row, weight)) != 0 ||
        split_scores(b, "total_cover", out, offsetof(ats_importance_row, total_cover)) != 0)
        return -1;
    return shap(b, d, out) != 0 ? -1 : permutation(out, forest, d, options);
}

int ats_importance_make(ats_importance *out, const char *model, const ats_dataset *d,
                        const ats_importance_options *options)
{
    ats_forest forest;
    BoosterHandle b;
    *out = (ats_importance){.features = d->features, .rows = d->rows};
    if (ats_model_load(&forest, model) != 0)
        return -1;
    memcpy(out->sha256, forest.sha256, sizeof out->sha256);
    int status = -1;
    out->row = calloc(d->features, sizeof *out->row);
    if (!out->row)
        ats_error(ATS_EXIT_FAILED, "importance: out of memory");
    else if (forest.feature_count != d->features || forest.feature_version != d->feature_version)
        ats_error(ATS_EXIT_DATA, "%s was trained on other features than the chain computes", model);
    else if (open_booster(&b, model) == 0) {
        status = measure(out, b, &forest, d, options);
        XGBoosterFree(b);
    }
    ats_forest_free(&forest);
    if (status != 0)
        ats_importance_free(out);
    return status;
}

#else

int ats_importance_horizon(const char *model, int64_t *horizon_ns)
{
    (void)model, (void)horizon_ns;
    return ats_error(ATS_EXIT_UNREACHABLE,
                     "this build has no XGBoost; install libxgboost-dev and build again");
}

int ats_importance_make(ats_importance *out, const char *model, const ats_dataset *d,
                        const ats_importance_options *options)
{
    (void)out, (void)model, (void)d, (void)options;
    return ats_error(ATS_EXIT_UNREACHABLE,
                     "this build has no XGBoost; install libxgboost-dev and build again");
}

#endif
