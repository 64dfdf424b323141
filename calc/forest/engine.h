/* engine.h: what an instruction set gives to scorer.c. Internal to calc/forest. */
#ifndef ATS_CALC_FOREST_ENGINE_H
#define ATS_CALC_FOREST_ENGINE_H

#include "calc/forest/scorer.h"

/* Rows whose ranks are made before they are walked; rows of ranks that the scratch memory holds. */
#define ATS_FOREST_ROWS_AT_ONCE 16u
#define ATS_FOREST_SCRATCH_ROWS 128u
/* Behind them, a group: its margins of these rows. */
#define ATS_FOREST_SCRATCH_GROUP_BYTES (ATS_FOREST_SCRATCH_ROWS * sizeof(float))

typedef struct ats_forest_engine {
    /* Ranks of rows, row-major. */
    void (*quantise)(const ats_forest_image *image, const float *const *rows, uint32_t n,
                     uint8_t *ranks, size_t stride);
    /* Margins from row-major ranks at the image's own stride; any n. */
    void (*score_ranks)(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,
                        float *margins);
    /* Margins of many rows at once, NULL: there is no better way than row by row. Used from
     * batch_rows(image) rows on. scratch is the scorer's. */
    void (*score_batch)(const ats_forest_image *image, const float *const *rows, uint32_t n,
                        uint8_t *scratch, float *margins);
    uint32_t (*batch_rows)(const ats_forest_image *image);
    /* Ranks again of what differs between row and memory (values and ranks of the last row). */
    void (*update)(const ats_forest_image *image, const float *row, float *values, uint8_t *ranks);
} ats_forest_engine;

extern const ats_forest_engine ats_forest_engine_portable;
extern const ats_forest_engine ats_forest_engine_avx2;
extern const ats_forest_engine ats_forest_engine_avx512;

#endif
