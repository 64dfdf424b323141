#include "learn/correlation.h"

#include "core/error.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One column and what pairs need of it. */
typedef struct column {
    double *value;   /* [rows] NaN: missing */
    uint32_t *order; /* [finite] rows by value */
    double *rank;    /* [rows] among the finite ones */
    uint64_t finite;
} column;

typedef struct work {
    uint64_t rows;
    column *columns;
    uint32_t count;
    double *a, *b; /* [rows] of a pair */
    double *rank;  /* [rows] */
} work;

static double pearson(const double *a, const double *b, uint64_t n)
{
    double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;
    if (n < 3)
        return (double)NAN;
    for (uint64_t i = 0; i < n; i++) {
        mean_a += a[i];
        mean_b += b[i];
    }
    mean_a /= (double)n;
    mean_b /= (double)n;
    for (uint64_t i = 0; i < n; i++) {
        double x = a[i] - mean_a, y = b[i] - mean_b;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    /* What rounding leaves of a constant is no variance. */
    double least_a = 1e-26 * (double)n * mean_a * mean_a;
    double least_b = 1e-26 * (double)n * mean_b * mean_b;
    if (!(aa > least_a) || !(bb > least_b))
        return (double)NAN;
    double r = ab / (sqrt(aa) * sqrt(bb));
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

/* Ranks of the rows of `order` whose other side is finite, too; NULL: of all. */
static void rank_rows(const column *c, const double *other, double *rank)
{
    uint64_t ranked = 0, i = 0;
    while (i < c->finite) {
        double value = c->value[c->order[i]];
        uint64_t end = i, members = 0;
        for (; end < c->finite && c->value[c->order[end]] == value; end++)
            members += !other || isfinite(other[c->order[end]]);
        double mean = (double)ranked + ((double)members + 1) / 2;
        for (; i < end; i++)
            rank[c->order[i]] = mean;
        ranked += members;
    }
}

static int by_value(const void *a, const void *b, void *context)
{
    const double *values = context;
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    double x = values[i], y = values[k];
    return x != y ? (x > y) - (x < y) : (i > k) - (i < k);
}

static int fill_column(column *c, const float *x, uint64_t rows, uint32_t features, uint32_t i)
{
    c->value = malloc(rows * sizeof *c->value);
    c->order = malloc(rows * sizeof *c->order);
    c->rank = malloc(rows * sizeof *c->rank);
    if (!c->value || !c->order || !c->rank)
        return -1;
    for (uint64_t row = 0; row < rows; row++) {
        float value = x[row * features + i];
        c->value[row] = isfinite(value) ? (double)value : (double)NAN;
        if (isfinite(value))
            c->order[c->finite++] = (uint32_t)row;
    }
    qsort_r(c->order, c->finite, sizeof *c->order, by_value, c->value);
    rank_rows(c, NULL, c->rank);
    return 0;
}

static void correlate_pair(work *w, uint32_t i, uint32_t k, ats_correlation *out)
{
    const column *a = &w->columns[i], *b = &w->columns[k];
    const double *rank_a = a->rank, *rank_b = b->rank;
    uint64_t n = 0;
    for (uint64_t row = 0; row < w->rows; row++)
        if (isfinite(a->value[row]) && isfinite(b->value[row])) {
            w->a[n] = a->value[row];
            w->b[n++] = b->value[row];
        }
    uint64_t at = (uint64_t)i * w->count + k, mirror = (uint64_t)k * w->count + i;
    out->complete[at] = out->complete[mirror] = n;
    out->pearson[at] = out->pearson[mirror] = pearson(w->a, w->b, n);
    /* A column's own ranks serve where the pair leaves none of its rows out. */
    if (n < a->finite) {
        rank_rows(a, b->value, w->rank);
        rank_a = w->rank;
    }
    n = 0;
    for (uint64_t row = 0; row < w->rows; row++)
        if (isfinite(a->value[row]) && isfinite(b->value[row]))
            w->a[n++] = rank_a[row];
    if (n < b->finite) {
        rank_rows(b, a->value, w->rank);
        rank_b = w->rank;
    }
    n = 0;
    for (uint64_t row = 0; row < w->rows; row++)
        if (isfinite(a->value[row]) && isfinite(b->value[row]))
            w->b[n++] = rank_b[row];
    out->spearman[at] = out->spearman[mirror] = pearson(w->a, w->b, n);
}

static int correlate(work *w, const float *x, ats_correlation *out)
{
    w->columns = calloc(w->count, sizeof *w->columns);
    w->a = malloc(w->rows * sizeof *w->a);
    w->b = malloc(w->rows * sizeof *w->b);
    w->rank = malloc(w->rows * sizeof *w->rank);
    if (!w->columns || !w->a || !w->b || !w->rank)
        return -1;
    for (uint32_t i = 0; i < w->count; i++)
        if (fill_column(&w->columns[i], x, w->rows, w->count, i) != 0)
            return -1;
    for (uint32_t i = 0; i < w->count; i++)
        for (uint32_t k = i; k < w->count; k++)
            correlate_pair(w, i, k, out);
    return 0;
}

int ats_correlation_make(ats_correlation *c, const float *x, uint64_t rows, uint32_t features)
{
    uint64_t pairs = (uint64_t)features * features;
    work w = {.rows = rows, .count = features};
    *c = (ats_correlation){.features = features,
                           .pearson = malloc(pairs * sizeof(double)),
                           .spearman = malloc(pairs * sizeof(double)),
                           .complete = malloc(pairs * sizeof(uint64_t))};
    int status = -1;
    if (rows <= UINT32_MAX && c->pearson && c->spearman && c->complete)
        status = correlate(&w, x, c);
    for (uint32_t i = 0; w.columns && i < features; i++) {
        free(w.columns[i].value);
        free(w.columns[i].order);
        free(w.columns[i].rank);
    }
    free(w.columns), free(w.a), free(w.b), free(w.rank);
    if (status == 0)
        return 0;
    ats_correlation_free(c);
    return ats_error(ATS_EXIT_FAILED, "correlation: %llu rows of %u features do not fit memory",
                     (unsigned long long)rows, features);
}

void ats_correlation_free(ats_correlation *c)
{
    free(c->pearson);
    free(c->spearman);
    free(c->complete);
    memset(c, 0, sizeof *c);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static uint32_t root_of(uint32_t *group, uint32_t i)
{
    while (group[i] != i)
        i = group[i] = group[group[i]];
    return i;
}

uint32_t ats_correlation_groups(const ats_correlation *c, const double *of, double threshold,
                                uint32_t *group)
{
    uint32_t n = c->features, groups = 0;
    for (uint32_t i = 0; i < n; i++)
        group[i] = i;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = i + 1; k < n; k++) {
            if (!(fabs(of[(uint64_t)i * n + k]) > threshold))
                continue;
            uint32_t a = root_of(group, i), b = root_of(group, k);
            group[a > b ? a : b] = a < b ? a : b;
        }
    for (uint32_t i = 0; i < n; i++)
        group[i] = root_of(group, i);
    for (uint32_t i = 0; i < n; i++) {
        bool joined = false;
        for (uint32_t k = i + 1; k < n && group[i] == i; k++)
            joined |= group[k] == i;
        groups += joined;
    }
    return groups;
}
