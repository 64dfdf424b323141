#include "calc/forest/engine.h"
#include "calc/forest/walk.h"

#define LINE ATS_FOREST_LINE_THRESHOLDS

/* How many of a line's thresholds are <= x; a NaN among them or in x counts nothing. */
static inline uint32_t count_line(const float *line, float x)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < LINE; i++)
        n += line[i] <= x;
    return n;
}

static inline uint8_t rank_of(const ats_forest_image *image, const ats_forest_column *c, float x,
                              bool wide)
{
    const float *cuts = ats_forest_image_at(image, c->cuts);
    uint32_t rank = count_line(cuts, x);
    if (wide)
        rank = LINE * rank + count_line(cuts + LINE + LINE * rank, x);
    return x != x ? c->missing_rank : (uint8_t)rank;
}

static void quantise(const ats_forest_image *image, const float *const *rows, uint32_t n,
                     uint8_t *ranks, size_t stride)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t c = 0;
        for (uint32_t run = 0; run < 4; run++)
            for (; c < image->run_end[run]; c++)
                ranks[i * stride + c] =
                    rank_of(image, &columns[c], rows[i][columns[c].feature], run & 1);
    }
}

/* A block at a time, so that its nodes serve all rows while they are near. */
static void score_ranks(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,
                        float *margins)
{
    size_t stride = ats_forest_rank_stride(image);
    float values[ATS_WALK_BLOCK];
    ats_walk_begin(image, n, margins);
    for (uint32_t b = 0; b < image->block_count; b++)
        for (uint32_t i = 0; i < n; i++) {
            ats_walk_block(image, b, ranks + i * stride, values);
            ats_walk_add(image, b, values, margins + (size_t)i * image->group_count);
        }
}

static void update(const ats_forest_image *image, const float *row, float *values, uint8_t *ranks)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    const uint16_t *begin = ats_forest_image_at(image, image->feature_columns);
    const uint16_t *of = ats_forest_image_at(image, image->column_of);
    for (uint32_t f = 0; f < image->feature_count; f++) {
        if (memcmp(&values[f], &row[f], sizeof *row) == 0)
            continue;
        values[f] = row[f];
        for (uint32_t i = begin[f]; i < begin[f + 1]; i++) {
            const ats_forest_column *c = &columns[of[i]];
            ranks[of[i]] = rank_of(image, c, row[f], c->threshold_count > LINE);
        }
    }
}

const ats_forest_engine ats_forest_engine_portable = {
    .quantise = quantise, .score_ranks = score_ranks, .update = update};
