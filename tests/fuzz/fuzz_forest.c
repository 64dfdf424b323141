/* Model files of XGBoost and LightGBM: any bytes give a forest that can be scored, or a refusal. */
#include "calc/forest/forest.h"
#include "core/error.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

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
    for (int pass = 0; pass < 3; pass++) {
        for (uint32_t i = 0; i < forest.feature_count; i++)
            row[i] = pass == 0 ? 0.0f : pass == 1 ? NAN : (float)i * 1e10f;
        ats_forest_score(&forest, &rows, 1, margins);
        ats_forest_predict(&forest, margins, out);
    }
    ats_forest_free(&forest);
    return 0;
}
