/* distribution.h: how each feature was distributed in training, to hold later data against.
 *
 * Of each feature: a grid of ATS_DISTRIBUTION_GRID + 1 order statistics at even ranks (the smallest
 * first, the largest last) of its finite values, bins between quantiles, and how many training rows
 * lay in each. Kept in MODEL.distribution.json beside the model and not in its attributes: the
 * model's file and its hash stay what XGBoost wrote, and a run does not read what it does not need.
 * Cold; allocates.
 */
#ifndef ATS_LEARN_DISTRIBUTION_H
#define ATS_LEARN_DISTRIBUTION_H

#include "learn/dataset.h"

/* 200 steps: a share is known to 1/200, a fifth of the KS distance of which 10,000 rows are sure
 * (1.36 / sqrt(5,000) = 0.019); 280 features are about 700 kB of JSON. */
#define ATS_DISTRIBUTION_GRID 200u

/* Bins of PSI: twentieths by the training rows, fewer where values are equal; and one of missing
 * values. */
#define ATS_DISTRIBUTION_BINS 20u

#define ATS_DISTRIBUTION_FEATURES_MAX 4096u
#define ATS_DISTRIBUTION_NAME         64u

typedef struct ats_feature_distribution {
    char name[ATS_DISTRIBUTION_NAME];
    uint64_t missing;                      /* rows whose value is not finite */
    uint32_t grid_count;                   /* 0: no finite value; else ATS_DISTRIBUTION_GRID + 1 */
    uint32_t edge_count;                   /* bins are edge_count + 1 */
    float grid[ATS_DISTRIBUTION_GRID + 1]; /* ascending */
    float edge[ATS_DISTRIBUTION_BINS - 1]; /* ascending; bin i has edge[i - 1] < x <= edge[i] */
    uint64_t count[ATS_DISTRIBUTION_BINS];
} ats_feature_distribution;

typedef struct ats_distribution {
    uint64_t rows;
    uint64_t feature_version;
    uint64_t source_hash;      /* ats_dataset.hash of what it was made from */
    int64_t first_ns, last_ns; /* of the rows */
    uint32_t feature_count;
    ats_feature_distribution *feature; /* [feature_count] */
} ats_distribution;

/* Bin of a value, or ATS_DISTRIBUTION_BINS when it is not finite. */
uint32_t ats_distribution_bin(const ats_feature_distribution *f, float x);

/* Of rows [0, rows) of a dataset, rows > 0. 0, or -1 with an error pushed and nothing to free. */
int ats_distribution_make(ats_distribution *d, const ats_dataset *dataset, uint64_t rows);

void ats_distribution_free(ats_distribution *d);

/* MODEL.json -> MODEL.distribution.json. */
int ats_distribution_path(const char *model, char *path, size_t capacity);

/* Writes the file, whole or not at all. -1 with an error pushed. */
int ats_distribution_write(const ats_distribution *d, const char *path);

/* Reads what ats_distribution_write wrote. -1 with an error pushed (ATS_EXIT_DATA) that says what
 * is wrong; `name` is that of the file, for messages. */
int ats_distribution_parse(ats_distribution *d, const char *name, const char *text, size_t length);
int ats_distribution_read(ats_distribution *d, const char *path);

#endif
