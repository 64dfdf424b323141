/* Model files of XGBoost and LightGBM: any bytes give a forest that can be scored, or a refusal;
 * and every way through its image gives the bits of the plain walk. */
#include "calc/forest/scorer.h"
#include "core/error.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One row among 1 and among 33: both sides of where batches begin. */
static void score_image(const ats_forest *forest, const ats_forest_image *image, const float *row,
                        const float *want)
{
    static float margins[33 * ATS_FOREST_GROUPS_MAX];
    const float *rows[33];
    for (size_t i = 0; i < 33; i++)
        rows[i] = row;
    for (ats_isa isa = 0; isa < ATS_ISA_COUNT; isa++) {
        ats_scorer scorer;
        if (!ats_isa_supported(isa))
            continue;
        if (ats_scorer_open(&scorer, image, isa) != 0)
            abort();
        for (uint32_t n = 1; n <= 33; n += 32) {
            ats_scorer_score(&scorer, rows, n, margins);
            if (memcmp(margins + (n - 1) * forest->group_count, want,
                       forest->group_count * sizeof *want) != 0)
                abort();
        }
        ats_scorer_close(&scorer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ats_forest forest;
    ats_error_clear();
    if (ats_forest_parse(&forest, data, size) != 0) {
        if (ats_error_count() == 0)
            abort(); /* a refusal says why */
        return 0;
    }
    float row[ATS_FOREST_FEATURES_MAX], margins[ATS_FOREST_GROUPS_MAX], out[ATS_FOREST_GROUPS_MAX];
    const float *rows = row;
    ats_forest_image *image = ats_forest_compile(&forest);
    if (!image || ats_forest_image_check(image, image->bytes) != 0)
        abort(); /* what was compiled is sound */
    for (int pass = 0; pass < 3; pass++) {
        for (uint32_t i = 0; i < forest.feature_count; i++)
            row[i] = pass == 0 ? 0.0f : pass == 1 ? NAN : (float)i * 1e10f;
        ats_forest_score(&forest, &rows, 1, margins);
        ats_forest_predict(&forest, margins, out);
        score_image(&forest, image, row, margins);
    }
    ats_forest_image_free(image);
    ats_forest_free(&forest);
    return 0;
}
