/* Compiled for AVX2 and BMI2; reached through scorer.c only where the processor has them. */
#include "calc/forest/engine.h"

#if defined(__AVX2__)

#include "calc/forest/walk.h"

#include <immintrin.h>

#define LINE ATS_FOREST_LINE_THRESHOLDS

/* How many of a line's thresholds are <= x. */
static inline uint32_t count_line(const float *line, __m256 x)
{
    __m256 low = _mm256_cmp_ps(_mm256_load_ps(line), x, _CMP_LE_OQ);
    __m256 high = _mm256_cmp_ps(_mm256_load_ps(line + 8), x, _CMP_LE_OQ);
    uint32_t mask = (uint32_t)_mm256_movemask_ps(low) | (uint32_t)_mm256_movemask_ps(high) << 8;
    return (uint32_t)__builtin_popcount(mask);
}

static inline uint8_t rank_of(const ats_forest_image *image, const ats_forest_column *c,
                              const float *row, bool wide, bool missing_right)
{
    const float *cuts = ats_forest_image_at(image, c->cuts);
    __m256 x = _mm256_broadcast_ss(&row[c->feature]);
    uint32_t rank = count_line(cuts, x);
    if (wide)
        rank = LINE * rank + count_line(cuts + LINE + LINE * rank, x);
    if (missing_right) /* all ones where x is no number */
        rank |= (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return (uint8_t)rank;
}

static void quantise(const ats_forest_image *image, const float *const *rows, uint32_t n,
                     uint8_t *ranks, size_t stride)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    for (uint32_t i = 0; i < n; i++) {
        const float *row = rows[i];
        uint8_t *q = ranks + i * stride;
        uint32_t c = 0;
        for (; c < image->run_end[0]; c++)
            q[c] = rank_of(image, &columns[c], row, false, false);
        for (; c < image->run_end[1]; c++)
            q[c] = rank_of(image, &columns[c], row, true, false);
        for (; c < image->run_end[2]; c++)
            q[c] = rank_of(image, &columns[c], row, false, true);
        for (; c < image->run_end[3]; c++)
            q[c] = rank_of(image, &columns[c], row, true, true);
    }
}

static void score_ranks(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,
                        float *margins)
{
    ats_walk_score(image, ranks, ats_forest_rank_stride(image), n, margins);
}

/* A feature's columns again. */
static void update_feature(const ats_forest_image *image, const float *row, uint32_t feature,
                           uint8_t *ranks)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    const uint16_t *begin = ats_forest_image_at(image, image->feature_columns);
    const uint16_t *of = ats_forest_image_at(image, image->column_of);
    for (uint32_t i = begin[feature]; i < begin[feature + 1]; i++) {
        const ats_forest_column *c = &columns[of[i]];
        ranks[of[i]] = rank_of(image, c, row, c->threshold_count > LINE, c->missing_rank != 0);
    }
}

static void update(const ats_forest_image *image, const float *row, float *values, uint8_t *ranks)
{
    uint32_t f = 0;
    for (; f + 8 <= image->feature_count; f += 8) {
        __m256i new = _mm256_loadu_si256((const __m256i *)(row + f));
        __m256i old = _mm256_load_si256((const __m256i *)(values + f));
        __m256i same = _mm256_cmpeq_epi32(new, old);
        uint32_t changed = ~(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(same)) & 255;
        _mm256_store_si256((__m256i *)(values + f), new);
        for (; changed; changed &= changed - 1)
            update_feature(image, row, f + (uint32_t)__builtin_ctz(changed), ranks);
    }
    for (; f < image->feature_count; f++)
        if (memcmp(&values[f], &row[f], sizeof *row) != 0) {
            values[f] = row[f];
            update_feature(image, row, f, ranks);
        }
}

const ats_forest_engine ats_forest_engine_avx2 = {
    .quantise = quantise, .score_ranks = score_ranks, .update = update};

#endif
