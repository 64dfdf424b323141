/* Compiled for AVX2 and BMI2; reached through scorer.c only where the processor has them. */
#include "calc/forest/engine.h"

#if defined(__AVX2__)

#include "calc/forest/batch.h"
#include "calc/forest/exits.h"
#include "calc/forest/walk.h"

#include <immintrin.h>

#define LINE   ATS_FOREST_LINE_THRESHOLDS
#define BLOCK  ATS_FOREST_BLOCK_TREES
#define ROWS   64u /* of a batch: two registers */
#define INLINE __attribute__((always_inline)) static inline

/* ---- ranks ----------------------------------------------------------------------------------- */

/* How many of a line's thresholds are <= x: two bits of the mask each. */
INLINE uint32_t count_line(const float *line, __m256 x)
{
    __m256 low = _mm256_cmp_ps(_mm256_load_ps(line), x, _CMP_LE_OQ);
    __m256 high = _mm256_cmp_ps(_mm256_load_ps(line + 8), x, _CMP_LE_OQ);
    __m256i both = _mm256_packs_epi32(_mm256_castps_si256(low), _mm256_castps_si256(high));
    return (uint32_t)__builtin_popcount((uint32_t)_mm256_movemask_epi8(both)) / 2;
}

INLINE uint8_t rank_of(const ats_forest_image *image, const ats_forest_column *c, const float *row,
                       bool wide, bool missing_right)
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

/* One row's ranks, `pitch` bytes apart. */
INLINE void rank_row(const ats_forest_image *image, const float *row, uint8_t *q, size_t pitch)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    uint32_t c = 0;
#pragma GCC unroll 4
    for (; c < image->run_end[0]; c++)
        q[c * pitch] = rank_of(image, &columns[c], row, false, false);
#pragma GCC unroll 4
    for (; c < image->run_end[1]; c++)
        q[c * pitch] = rank_of(image, &columns[c], row, true, false);
#pragma GCC unroll 4
    for (; c < image->run_end[2]; c++)
        q[c * pitch] = rank_of(image, &columns[c], row, false, true);
#pragma GCC unroll 4
    for (; c < image->run_end[3]; c++)
        q[c * pitch] = rank_of(image, &columns[c], row, true, true);
}

static void quantise(const ats_forest_image *image, const float *const *rows, uint32_t n,
                     uint8_t *ranks, size_t stride)
{
    for (uint32_t i = 0; i < n; i++)
        rank_row(image, rows[i], ranks + i * stride, 1);
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

/* ---- decisions ------------------------------------------------------------------------------- */

/* A row of up to 96 ranks as tables of sixteen, each in both halves of a register: a byte shuffle
 * looks at the low four bits of a column's number, and the bits above choose among the tables. With
 * 128 columns, eight tables take longer than walking. */
#define TABLES_MAX 6u

typedef struct row_tables {
    __m256i of[TABLES_MAX];
} row_tables;

INLINE row_tables load_tables(const uint8_t *q, uint32_t tables)
{
    row_tables row;
#pragma GCC unroll 6
    for (uint32_t i = 0; i < tables; i++)
        row.of[i] = _mm256_broadcastsi128_si256(
            _mm_load_si128((const __m128i *)(const void *)(q + 16 * i)));
    return row;
}

/* Of two tables, by bit 4 of the column's number. */
INLINE __m256i pick_of_two(const __m256i *t, __m256i columns)
{
    return _mm256_blendv_epi8(_mm256_shuffle_epi8(t[0], columns),
                              _mm256_shuffle_epi8(t[1], columns), _mm256_slli_epi16(columns, 3));
}

/* Ranks of 32 columns; tables is 4 or 6. */
INLINE __m256i pick(const row_tables *row, __m256i columns, uint32_t tables)
{
    __m256i low =
        _mm256_blendv_epi8(pick_of_two(row->of, columns), pick_of_two(row->of + 2, columns),
                           _mm256_slli_epi16(columns, 2));
    return tables == 4 ? low
                       : _mm256_blendv_epi8(low, pick_of_two(row->of + 4, columns),
                                            _mm256_slli_epi16(columns, 1));
}

/* All ones where rank q does not exceed k: the greater of both is k. */
INLINE __m256i not_right(__m256i q, __m256i k)
{
    return _mm256_cmpeq_epi8(_mm256_max_epu8(q, k), k);
}

/* Bit i: the record's node i sends the row right. */
INLINE uint64_t decide(const row_tables *row, const uint8_t *record, uint32_t tables)
{
    uint32_t left[2];
#pragma GCC unroll 2
    for (uint32_t h = 0; h < 2; h++) {
        const __m256i *columns = (const __m256i *)(const void *)(record + 32 * h);
        const __m256i *ranks = columns + 2;
        left[h] = (uint32_t)_mm256_movemask_epi8(
            not_right(pick(row, _mm256_load_si256(columns), tables), _mm256_load_si256(ranks)));
    }
    return ~((uint64_t)left[1] << 32 | left[0]);
}

/* ---- rows ------------------------------------------------------------------------------------ */

INLINE void block_exits(const ats_forest_block *block, const uint8_t *masks, const row_tables *row,
                        uint32_t tables, uint32_t exit[BLOCK])
{
    if (block->form == ATS_FOREST_SMALL) {
        for (uint32_t r = 0; r < 2; r++) {
            uint64_t fields = decide(row, masks + 128 * r, tables);
            for (uint32_t k = 0; k < 8; k++, fields >>= 8)
                exit[8 * r + k] = ATS_EXITS[fields & 127];
        }
        return;
    }
#pragma GCC unroll 4
    for (uint32_t t = 0; t < BLOCK; t++)
        exit[t] = ats_exit_of(decide(row, masks + 128 * t, tables));
}

INLINE void score_tables(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,
                         uint32_t tables, float *margins)
{
    size_t stride = ats_forest_rank_stride(image);
    uint32_t exit[BLOCK];
    float values[BLOCK];
    for (uint32_t b = 0; b < image->block_count; b++) {
        const ats_forest_block *block = &ats_forest_blocks(image)[b];
        const uint8_t *masks = ats_forest_image_at(image, block->masks);
        for (uint32_t i = 0; i < n; i++) {
            const uint8_t *q = ranks + i * stride;
            row_tables row = load_tables(q, tables);
            block_exits(block, masks, &row, tables, exit);
            ats_walk_leaves(image, block, exit, q, values);
            ats_walk_add(image, b, values, margins + (size_t)i * image->group_count);
        }
    }
}

/* More columns than six tables hold: plain walks. */
static void score_walks(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,
                        float *margins)
{
    size_t stride = ats_forest_rank_stride(image);
    float values[BLOCK];
    for (uint32_t b = 0; b < image->block_count; b++)
        for (uint32_t i = 0; i < n; i++) {
            ats_walk_block(image, b, ranks + i * stride, values);
            ats_walk_add(image, b, values, margins + (size_t)i * image->group_count);
        }
}

static void score_ranks(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,
                        float *margins)
{
    ats_walk_begin(image, n, margins);
    if (image->column_count <= 64)
        score_tables(image, ranks, n, 4, margins);
    else if (image->column_count <= 16 * TABLES_MAX)
        score_tables(image, ranks, n, TABLES_MAX, margins);
    else
        score_walks(image, ranks, n, margins);
}

/* ---- many rows at once ----------------------------------------------------------------------- */

/* Ranks of a column side by side, a byte a row; every node is decided for 32 rows, and exits are
 * merged from the lowest level up: a node's exit is its left child's, or its right child's. Two
 * registers of rows at once would not leave room for the exits of six levels. */

/* All ones in the rows that a node does not send right. */
INLINE __m256i decide_rows(const uint8_t *ranks, const ats_forest_heap_node *node)
{
    __m256i q = _mm256_load_si256((const __m256i *)(const void *)(ranks + node->column_offset));
    return not_right(q, _mm256_set1_epi32((int)node->rank_times_4));
}

/* Both sides number their exits from -`bit` + 1 to 0, so that the mask of a lowest node is its
 * exit: those of the left side move `bit` down. */
INLINE __m256i join(__m256i left, __m256i a, __m256i b, char bit)
{
    __m256i lower = _mm256_and_si256(left, _mm256_set1_epi8(bit));
    return _mm256_sub_epi8(_mm256_blendv_epi8(b, a, left), lower);
}

/* Three levels under heap slot i: exits -7..0. */
INLINE __m256i eight_exits(const uint8_t *ranks, const ats_forest_heap_node *heap, uint32_t i)
{
    __m256i pair[2];
#pragma GCC unroll 2
    for (uint32_t k = 0; k < 2; k++)
        pair[k] =
            join(decide_rows(ranks, &heap[2 * i + k]), decide_rows(ranks, &heap[4 * i + 2 * k]),
                 decide_rows(ranks, &heap[4 * i + 2 * k + 1]), 2);
    return join(decide_rows(ranks, &heap[i]), pair[0], pair[1], 4);
}

/* Six levels: exits -63..0. */
INLINE __m256i all_exits(const uint8_t *ranks, const ats_forest_heap_node *heap)
{
    __m256i half[2];
#pragma GCC unroll 2
    for (uint32_t h = 0; h < 2; h++) {
        __m256i quarter[2];
#pragma GCC unroll 2
        for (uint32_t k = 0; k < 2; k++) {
            uint32_t i = 4 + 2 * h + k;
            quarter[k] = join(decide_rows(ranks, &heap[i]), eight_exits(ranks, heap, 2 * i),
                              eight_exits(ranks, heap, 2 * i + 1), 8);
        }
        half[h] = join(decide_rows(ranks, &heap[2 + h]), quarter[0], quarter[1], 16);
    }
    return join(decide_rows(ranks, &heap[1]), half[0], half[1], 32);
}

/* Exits of 64 rows, from 0. */
INLINE void find_exits(const uint8_t *ranks, const ats_forest_heap_node *heap, bool small,
                       uint8_t exit[ROWS])
{
    __m256i last = _mm256_set1_epi8(small ? 7 : 63);
    for (uint32_t i = 0; i < ROWS; i += 32) {
        __m256i e = small ? eight_exits(ranks + i, heap, 1) : all_exits(ranks + i, heap);
        _mm256_store_si256((__m256i *)(void *)(exit + i), _mm256_add_epi8(e, last));
    }
}

/* Each row's leaf to its sum. One load a row is faster than a gather of eight. */
INLINE void add_leaves(const float *leaf, const uint8_t exit[ROWS], float *sums)
{
#pragma GCC unroll 16
    for (uint32_t i = 0; i < ROWS; i++)
        sums[i] += leaf[exit[i]];
}

static void add_block_rows(const ats_forest_image *image, uint32_t b, const uint8_t *ranks,
                           uint32_t n, float *sums)
{
    const ats_forest_block *block = &ats_forest_blocks(image)[b];
    const uint8_t *groups = (const uint8_t *)ats_forest_image_at(image, image->groups) + b * BLOCK;
    const ats_forest_heap_node *heap = ats_forest_image_at(image, block->heap);
    const void *leaves = ats_forest_image_at(image, block->leaves);
    bool small = block->form == ATS_FOREST_SMALL;
    for (uint32_t t = 0; t < BLOCK; t++) {
        _Alignas(64) uint8_t exit[ROWS];
        float *to = sums + (size_t)groups[t] * ROWS;
        find_exits(ranks, heap + (small ? 8 : 64) * t, small, exit);
        if (block->form == ATS_FOREST_RECORDS)
            ats_batch_add_records((const ats_forest_record *)leaves + 64 * t, ranks, ROWS, exit, n,
                                  to);
        else if (block->form == ATS_FOREST_ENTRIES)
            ats_batch_add_entries(image, (const uint32_t *)leaves + 64 * t, block->steps, ranks,
                                  ROWS, exit, ROWS, to);
        else
            add_leaves((const float *)leaves + (small ? 8 : 64) * t, exit, to);
    }
}

static void score_batch(const ats_forest_image *image, const float *const *rows, uint32_t n,
                        uint8_t *scratch, float *margins)
{
    uint32_t groups = image->group_count;
    float *sums =
        (float *)(void *)(scratch + ATS_FOREST_SCRATCH_ROWS * ats_forest_rank_stride(image));
    for (uint32_t from = 0; from < n; from += ROWS) {
        uint32_t some = n - from < ROWS ? n - from : ROWS;
        for (uint32_t i = 0; i < some; i++)
            rank_row(image, rows[from + i], scratch + i, ROWS);
        for (uint32_t g = 0; g < groups; g++)
            for (uint32_t i = 0; i < ROWS; i++)
                sums[g * ROWS + i] = image->base_margin[g];
        for (uint32_t b = 0; b < image->block_count; b++)
            add_block_rows(image, b, scratch, some, sums);
        for (uint32_t i = 0; i < some; i++)
            for (uint32_t g = 0; g < groups; g++)
                margins[(size_t)(from + i) * groups + g] = sums[g * ROWS + i];
    }
}

static uint32_t batch_rows(const ats_forest_image *image)
{
    return image->column_count > ATS_FOREST_MASK_COLUMNS_MAX ? UINT32_MAX : 20;
}

const ats_forest_engine ats_forest_engine_avx2 = {.quantise = quantise,
                                                  .score_ranks = score_ranks,
                                                  .score_batch = score_batch,
                                                  .batch_rows = batch_rows,
                                                  .update = update};

#endif
