#include "learn/distribution.h"

#include "core/error.h"
#include "core/file.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA     1
#define FILE_BYTES ((size_t)64 << 20) /* 4,096 features of 3 kB and room */

/* ---- making ---------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

uint32_t ats_distribution_bin(const ats_feature_distribution *f, float x)
{
    if (!isfinite(x))
        return ATS_DISTRIBUTION_BINS;
    uint32_t bin = 0;
    while (bin < f->edge_count && x > f->edge[bin])
        bin++;
    return bin;
}

static void make_feature(ats_feature_distribution *f, const ats_dataset *d, uint32_t column,
                         uint64_t rows, float *values)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < rows; i++) {
        float x = d->x[i * d->features + column];
        if (isfinite(x))
            values[n++] = x;
    }
    f->missing = rows - n;
    if (n == 0)
        return;
    qsort(values, n, sizeof *values, ascending);
    f->grid_count = ATS_DISTRIBUTION_GRID + 1;
    for (uint32_t i = 0; i < f->grid_count; i++)
        f->grid[i] = values[((n - 1) * i + ATS_DISTRIBUTION_GRID / 2) / ATS_DISTRIBUTION_GRID];
    for (uint32_t b = 1; b < ATS_DISTRIBUTION_BINS; b++) {
        float edge = f->grid[b * ATS_DISTRIBUTION_GRID / ATS_DISTRIBUTION_BINS];
        /* An edge at the largest value would leave nothing above it. */
        if (edge < values[n - 1] && (f->edge_count == 0 || edge > f->edge[f->edge_count - 1]))
            f->edge[f->edge_count++] = edge;
    }
    for (uint64_t i = 0; i < n; i++)
        f->count[ats_distribution_bin(f, values[i])]++;
}

int ats_distribution_make(ats_distribution *d, const ats_dataset *dataset, uint64_t rows)
{
    *d = (ats_distribution){.rows = rows,
                            .feature_version = dataset->feature_version,
                            .source_hash = dataset->hash,
                            .first_ns = dataset->recv_ns[0],
                            .last_ns = dataset->recv_ns[rows - 1],
                            .feature_count = dataset->features,
                            .feature = calloc(dataset->features, sizeof *d->feature)};
    float *values = malloc(rows * sizeof *values);
    if (!d->feature || !values) {
        free(values);
        ats_distribution_free(d);
        return ats_error(ATS_EXIT_FAILED, "distribution: out of memory");
    }
    for (uint32_t i = 0; i < d->feature_count; i++) {
        snprintf(d->feature[i].name, sizeof d->feature[i].name, "%s", ats_dataset_name(dataset, i));
        make_feature(&d->feature[i], dataset, i, rows, values);
    }
    free(values);
    return 0;
}

void ats_distribution_free(ats_distribution *d)
{
    free(d->feature);
    memset(d, 0, sizeof *d);
}

/* ---- writing --------------------------------------------------------------------------------- */

int ats_distribution_path(const char *model, char *path, size_t capacity)
{
    size_t n = strlen(model);
    if (n > 5 && strcmp(model + n - 5, ".json") == 0)
        n -= 5;
    if (snprintf(path, capacity, "%.*s.distribution.json", (int)n, model) >= (int)capacity)
        return ats_error(ATS_EXIT_USAGE, "%s: the name is too long", model);
    return 0;
}

static json_t *floats_json(const float *x, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        json_array_append_new(list, json_real((double)x[i]));
    return list;
}

static json_t *feature_json(const ats_feature_distribution *f)
{
    json_t *count = json_array();
    for (uint32_t b = 0; f->grid_count && b <= f->edge_count; b++)
        json_array_append_new(count, json_integer((json_int_t)f->count[b]));
    return json_pack("{s:s, s:I, s:o, s:o, s:o}", "name", f->name, "missing",
                     (json_int_t)f->missing, "edges", floats_json(f->edge, f->edge_count), "counts",
                     count, "grid", floats_json(f->grid, f->grid_count));
}

int ats_distribution_write(const ats_distribution *d, const char *path)
{
    char version[17], hash[17];
    snprintf(version, sizeof version, "%016" PRIx64, d->feature_version);
    snprintf(hash, sizeof hash, "%016" PRIx64, d->source_hash);
    json_t *features = json_array();
    for (uint32_t i = 0; i < d->feature_count; i++)
        json_array_append_new(features, feature_json(&d->feature[i]));
    json_t *o =
        json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:o}", "schema", SCHEMA, "feature_version",
                  version, "source_hash", hash, "rows", (json_int_t)d->rows, "first_ns",
                  (json_int_t)d->first_ns, "last_ns", (json_int_t)d->last_ns, "features", features);
    /* Nine digits give a float back to the bit. */
    char *text = o && json_array_size(features) == d->feature_count
                     ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9))
                     : NULL;
    int failed = text ? ats_file_replace(path, text, strlen(text))
                      : ats_error(ATS_EXIT_FAILED, "%s: no memory", path);
    free(text);
    json_decref(o);
    return failed ? -1 : 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_floats(const json_t *list, float *out, uint32_t max, uint32_t *count)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > max)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(list, i);
        double x = json_number_value(value);
        if (!json_is_number(value) || !(fabs(x) <= (double)HUGE_VALF) || isinf((float)x))
            return false;
        out[i] = (float)x;
        if (i > 0 && out[i] < out[i - 1])
            return false;
    }
    *count = (uint32_t)n;
    return true;
}

/* What is wrong with a feature's entry, or NULL. */
static const char *read_feature(const json_t *o, uint64_t rows, ats_feature_distribution *f)
{
    const char *name = json_string_value(json_object_get(o, "name"));
    const json_t *counts = json_object_get(o, "counts");
    json_int_t missing = json_integer_value(json_object_get(o, "missing"));
    if (!name || strlen(name) >= sizeof f->name)
        return "has no name, or one too long";
    snprintf(f->name, sizeof f->name, "%s", name);
    if (!json_is_integer(json_object_get(o, "missing")) || missing < 0 || (uint64_t)missing > rows)
        return "missing is no number of its rows";
    f->missing = (uint64_t)missing;
    if (!read_floats(json_object_get(o, "grid"), f->grid, ATS_DISTRIBUTION_GRID + 1,
                     &f->grid_count) ||
        (f->grid_count && f->grid_count != ATS_DISTRIBUTION_GRID + 1) ||
        (f->grid_count == 0) != (f->missing == rows))
        return "grid is not ascending numbers, or not as many as it must have";
    if (!read_floats(json_object_get(o, "edges"), f->edge, ATS_DISTRIBUTION_BINS - 1,
                     &f->edge_count))
        return "edges are not ascending numbers";
    if (json_array_size(counts) != (f->grid_count ? f->edge_count + 1 : 0))
        return "counts are not as many as its bins";
    uint64_t sum = f->missing;
    for (uint32_t b = 0; b < json_array_size(counts); b++) {
        json_int_t n = json_integer_value(json_array_get(counts, b));
        if (n < 0 || (uint64_t)n > rows)
            return "a count is no number of its rows";
        f->count[b] = (uint64_t)n;
        sum += (uint64_t)n;
    }
    return sum == rows ? NULL : "counts do not sum to its rows";
}

static int read_document(ats_distribution *d, const char *name, const json_t *o)
{
    const json_t *features = json_object_get(o, "features");
    json_int_t rows = json_integer_value(json_object_get(o, "rows"));
    const char *version = json_string_value(json_object_get(o, "feature_version"));
    const char *hash = json_string_value(json_object_get(o, "source_hash"));
    size_t n = json_array_size(features);
    if (json_integer_value(json_object_get(o, "schema")) != SCHEMA)
        return ats_error(ATS_EXIT_DATA, "%s: is no distribution of schema %d", name, SCHEMA);
    if (rows < 1 || n < 1 || n > ATS_DISTRIBUTION_FEATURES_MAX || !version || !hash)
        return ats_error(ATS_EXIT_DATA,
                         "%s: rows, features, feature_version or source_hash is "
                         "missing or wrong",
                         name);
    d->rows = (uint64_t)rows;
    d->feature_version = strtoull(version, NULL, 16);
    d->source_hash = strtoull(hash, NULL, 16);
    d->first_ns = json_integer_value(json_object_get(o, "first_ns"));
    d->last_ns = json_integer_value(json_object_get(o, "last_ns"));
    d->feature_count = (uint32_t)n;
    d->feature = calloc(n, sizeof *d->feature);
    if (!d->feature)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", name);
    for (size_t i = 0; i < n; i++) {
        const char *why = read_feature(json_array_get(features, i), d->rows, &d->feature[i]);
        if (why)
            return ats_error(ATS_EXIT_DATA, "%s: feature %zu: %s", name, i, why);
    }
    return 0;
}

int ats_distribution_parse(ats_distribution *d, const char *name, const char *text, size_t length)
{
    json_error_t why;
    memset(d, 0, sizeof *d);
    json_t *o = json_loadb(text, length, 0, &why);
    if (!o)
        return ats_error(ATS_EXIT_DATA, "%s:%d: %s", name, why.line, why.text);
    int failed = read_document(d, name, o);
    json_decref(o);
    if (failed)
        ats_distribution_free(d);
    return failed ? -1 : 0;
}

int ats_distribution_read(ats_distribution *d, const char *path)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        return ats_error(ATS_EXIT_DATA,
                         "%s: cannot be opened; `ats train` writes it beside the "
                         "model",
                         path);
    char *text = malloc(FILE_BYTES);
    size_t n = text ? fread(text, 1, FILE_BYTES, in) : 0;
    bool whole = text && !ferror(in) && n < FILE_BYTES;
    fclose(in);
    int failed = !whole ? ats_error(ATS_EXIT_DATA, "%s: cannot be read, or is too large", path)
                        : ats_distribution_parse(d, path, text, n);
    free(text);
    return failed ? -1 : 0;
}
