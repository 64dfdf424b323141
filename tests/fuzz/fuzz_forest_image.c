/* Images of forests: whatever the check lets through can be scored without reading outside. Length
 * and checksum are made to fit, or the fuzzer would never come past them. */
#include "calc/forest/checksum.h"
#include "calc/forest/scorer.h"
#include "core/error.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float row[ATS_FOREST_FEATURES_MAX], margins[33 * ATS_FOREST_GROUPS_MAX];
    size_t bytes = size & ~(size_t)63;
    if (bytes < sizeof(ats_forest_image))
        return 0;
    ats_forest_image *image = aligned_alloc(64, bytes);
    if (!image)
        return 0;
    memcpy(image, data, bytes);
    memcpy(image->magic, ATS_FOREST_IMAGE_MAGIC, sizeof image->magic);
    image->layout_version = ATS_FOREST_IMAGE_VERSION;
    image->bytes = bytes;
    image->checksum = ats_forest_image_checksum(image);
    ats_error_clear();
    if (ats_forest_image_check(image, bytes) != 0) {
        if (ats_error_count() == 0)
            abort(); /* a refusal says why */
        free(image);
        return 0;
    }
    const float *rows[33];
    for (size_t i = 0; i < 33; i++)
        rows[i] = row;
    for (ats_isa isa = 0; isa < ATS_ISA_COUNT; isa++) {
        ats_scorer scorer;
        if (!ats_isa_supported(isa) || ats_scorer_open(&scorer, image, isa) != 0)
            continue;
        ats_scorer_score(&scorer, rows, 33, margins);
        ats_scorer_score(&scorer, rows, 1, margins);
        ats_scorer_close(&scorer);
    }
    free(image);
    return 0;
}
