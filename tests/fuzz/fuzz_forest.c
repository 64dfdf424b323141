/* Model files of XGBoost and LightGBM: any bytes give a forest or a refusal. A forest compiles to
 * an image that passes its check, and every way through it gives the plain walk's bits. */
#include "calc/forest/scorer.h"
#include "core/error.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* More than 64: rows side by side, and a rest. */
#define ROWS 70u

static void require(int holds)
{
    if (!holds)
        abort();
}

/* Rows of zeros, of missing and of large values, then of the forest's own thresholds and the floats
 * beside them. */
static float *make_rows(const ats_forest *f, const float *rows[ROWS])
{
    size_t width = f->feature_count;
    float *x = malloc((size_t)ROWS * width * sizeof *x + 1);
    require(x != NULL);
    for (uint32_t r = 0; r < ROWS; r++) {
        rows[r] = x + r * width;
        for (uint32_t i = 0; i < width; i++)
            x[r * width + i] = r == 0       ? 0.0f
                               : r % 5 == 1 ? NAN
                                            : ((float)i - 3.0f * (float)r) * 1e10f;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < f->node_count && at < 16 * ROWS; i++) {
        if (f->nodes[i].left == i)
            continue;
        float t = f->nodes[i].threshold;
        float near = at % 3 == 0 ? t : nextafterf(t, at % 3 == 1 ? INFINITY : -INFINITY);
        x[(2 + at % (ROWS - 2)) * width + f->nodes[i].feature] = near;
        at++;
    }
    return x;
}

/* Equal to the bit; a NaN equals any, whose payload depends on which of two comes first. */
static void require_equal(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        require(memcmp(&a[i], &b[i], sizeof a[i]) == 0 || (isnan(a[i]) && isnan(b[i])));
}

static void score_every_way(const ats_forest *f, const ats_forest_image *image)
{
    static const uint32_t counts[] = {1, 7, 20, 64, ROWS};
    static float expected[ROWS * ATS_FOREST_GROUPS_MAX], got[ROWS * ATS_FOREST_GROUPS_MAX];
    const float *rows[ROWS];
    float out[ATS_FOREST_GROUPS_MAX];
    float *x = make_rows(f, rows);
    ats_forest_score(f, rows, ROWS, expected);
    for (uint32_t r = 0; r < ROWS; r += 23)
        ats_forest_predict(f, expected + (size_t)r * f->group_count, out);
    for (uint32_t isa = 0; isa < ATS_ISA_COUNT; isa++) {
        ats_scorer scorer;
        if (!ats_isa_supported((ats_isa)isa))
            continue;
        require(ats_scorer_open(&scorer, image, (ats_isa)isa) == 0);
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            ats_scorer_score(&scorer, rows, counts[i], got);
            require_equal(got, expected, (size_t)counts[i] * f->group_count);
        }
        ats_scorer_close(&scorer);
    }
    free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ats_forest forest;
    ats_error_clear();
    if (ats_forest_parse(&forest, data, size) != 0) {
        require(ats_error_count() > 0); /* a refusal says why */
        return 0;
    }
    ats_forest_image *image = ats_forest_compile(&forest);
    require(image != NULL && ats_forest_image_check(image, (size_t)image->bytes) == 0);
    score_every_way(&forest, image);
    ats_forest_image_free(image);
    ats_forest_free(&forest);
    return 0;
}
