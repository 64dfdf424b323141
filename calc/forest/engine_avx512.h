/* engine_avx512.h: many rows at once, the other half of scorer_avx512.c. Internal to calc/forest.
 */
#ifndef ATS_CALC_FOREST_ENGINE_AVX512_H
#define ATS_CALC_FOREST_ENGINE_AVX512_H

#include "calc/forest/engine.h"

#include <immintrin.h>

/* From how many rows on a batch is faster than row by row. */
uint32_t ats_avx512_batch_rows(const ats_forest_image *image);

/* Margins of n rows, columns side by side. scratch: ATS_FOREST_SCRATCH_ROWS ranks a column. */
void ats_avx512_score_batch(const ats_forest_image *image, const float *const *rows, uint32_t n,
                            uint8_t *scratch, float *margins);

#endif
