#include "learn/drift.h"

#include "core/error.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double ats_ks_statistic(const float *a, uint64_t a_count, const float *b, uint64_t b_count)
{
    uint64_t i = 0, k = 0;
    double most = 0;
    while (i < a_count && k < b_count) {
        float x = a[i] <= b[k] ? a[i] : b[k];
        while (i < a_count && a[i] <= x)
            i++;
        while (k < b_count && b[k] <= x)
            k++;
        most = fmax(most, fabs((double)i / (double)a_count - (double)k / (double)b_count));
    }
    return most;
}

double ats_ks_p_value(double statistic, double a_count, double b_count)
{
    double x = statistic * sqrt(a_count * b_count / (a_count + b_count)), sum = 0;
    if (!(x > 0.2)) /* 1 - p is below 1e-12, and the series converges too slowly */
        return isnan(x) ? x : 1;
    for (int n = 1; n <= 100; n++) {
        double term = exp(-2.0 * n * n * x * x);
        sum += n % 2 ? term : -term;
        if (term < 1e-18)
            break;
    }
    return fmin(1, fmax(0, 2 * sum));
}

double ats_psi(const uint64_t *actual, uint64_t actual_rows, const uint64_t *expected,
               uint64_t expected_rows, uint32_t bins)
{
    double sum = 0;
    for (uint32_t i = 0; i < bins; i++) {
        if (actual[i] == 0 && expected[i] == 0)
            continue;
        double a = fmax((double)actual[i] / (double)actual_rows, ATS_DRIFT_EPSILON);
        double e = fmax((double)expected[i] / (double)expected_rows, ATS_DRIFT_EPSILON);
        sum += (a - e) * log(a / e);
    }
    return sum;
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static int most_first(const void *a, const void *b)
{
    const ats_drift_row *x = a, *y = b;
    if (x->psi != y->psi)
        return x->psi < y->psi ? 1 : -1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

static void drift_of(const ats_distribution *d, uint32_t feature, const ats_dataset *dataset,
                     uint64_t begin, uint64_t end, float *values, ats_drift_row *out)
{
    const ats_feature_distribution *f = &d->feature[feature];
    uint64_t now[ATS_DISTRIBUTION_BINS + 1] = {0}, before[ATS_DISTRIBUTION_BINS + 1], n = 0;
    for (uint64_t i = begin; i < end; i++) {
        float x = dataset->x[i * dataset->features + feature];
        now[ats_distribution_bin(f, x)]++;
        if (isfinite(x))
            values[n++] = x;
    }
    qsort(values, n, sizeof *values, ascending);
    memcpy(before, f->count, sizeof f->count);
    before[ATS_DISTRIBUTION_BINS] = f->missing;
    uint64_t rows = end - begin;
    *out = (ats_drift_row){
        .feature = feature,
        .psi = ats_psi(now, rows, before, d->rows, ATS_DISTRIBUTION_BINS + 1),
        .ks = (double)NAN,
        .p_value = (double)NAN,
        .missing_before = (double)f->missing / (double)d->rows,
        .missing_now = (double)(rows - n) / (double)rows,
        .median_before = f->grid_count ? (double)f->grid[ATS_DISTRIBUTION_GRID / 2] : (double)NAN,
        .median_now = n ? (double)values[(n - 1) / 2] : (double)NAN};
    if (n == 0 || f->grid_count == 0)
        return;
    out->ks = ats_ks_statistic(f->grid, f->grid_count, values, n);
    out->p_value = ats_ks_p_value(out->ks, (double)(d->rows - f->missing), (double)n);
}

int ats_drift(const ats_distribution *d, const ats_dataset *dataset, uint64_t begin, uint64_t end,
              ats_drift_row *out)
{
    if (d->feature_version != dataset->feature_version || d->feature_count != dataset->features)
        return ats_error(ATS_EXIT_DATA,
                         "the distribution is of %u features, version %016" PRIx64
                         "; the chain computes %u, version %016" PRIx64,
                         d->feature_count, d->feature_version, dataset->features,
                         dataset->feature_version);
    float *values = malloc((end - begin) * sizeof *values);
    if (!values)
        return ats_error(ATS_EXIT_FAILED, "drift: out of memory");
    for (uint32_t i = 0; i < d->feature_count; i++)
        drift_of(d, i, dataset, begin, end, values, &out[i]);
    free(values);
    qsort(out, d->feature_count, sizeof *out, most_first);
    return 0;
}
