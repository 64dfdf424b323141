/* Compiled for AVX-512 with VBMI, BITALG and VPOPCNTDQ; reached through scorer.c only where the
 * processor has them. Row by row here; many rows at once in batch_avx512.c. */
#include "calc/forest/engine.h"

#if defined(__AVX512VBMI__) && defined(__AVX512BITALG__)

#include "calc/forest/engine_avx512.h"
#include "calc/forest/walk.h"

#define LINE  ATS_FOREST_LINE_THRESHOLDS
#define BLOCK ATS_FOREST_BLOCK_TREES

/* ---- ranks ------------------------------------------------------------------------------------
 */

/* Columns whose ranks are made at once: the 16-bit lanes of a register. */
#define COLUMNS_AT_ONCE 32u

/* One lane a column: bit i is set when threshold i is <= x. */
typedef struct column_masks {
    _Alignas(64) uint16_t mask[COLUMNS_AT_ONCE];
} column_masks;

static inline __m512i popcount(const column_masks *l)
{
    return _mm512_popcnt_epi16(_mm512_load_si512(l->mask));
}

/* Ranks of up to 32 columns of one run: masks go through memory, so that counting, scaling and
 * packing is done for all of them at once. */
__attribute__((always_inline)) static inline void
rank_columns(const ats_forest_image *image, const ats_forest_column *columns, uint32_t n,
             const float *row, bool wide, bool missing_right, uint8_t *ranks)
{
    column_masks first = {{0}}, second = {{0}}, missing = {{0}};
    _Alignas(64) uint16_t offset[COLUMNS_AT_ONCE];
#pragma GCC unroll 8
    for (uint32_t c = 0; c < n; c++) {
        __m512 x = _mm512_set1_ps(row[columns[c].feature]);
        const float *cuts = ats_forest_image_at(image, columns[c].cuts);
        first.mask[c] = _cvtmask16_u32(_mm512_cmp_ps_mask(_mm512_load_ps(cuts), x, _CMP_LE_OQ));
        if (missing_right)
            missing.mask[c] = _cvtmask16_u32(_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q));
    }
    __m512i rank = popcount(&first);
    if (wide) {
        /* In bytes, the line after the pivots' own. */
        _mm512_store_si512(offset, _mm512_slli_epi16(rank, 6));
#pragma GCC unroll 8
        for (uint32_t c = 0; c < n; c++) {
            __m512 x = _mm512_set1_ps(row[columns[c].feature]);
            const char *cuts = ats_forest_image_at(image, columns[c].cuts + 1);
            second.mask[c] =
                _cvtmask16_u32(_mm512_cmp_ps_mask(_mm512_load_ps(cuts + offset[c]), x, _CMP_LE_OQ));
        }
        rank = _mm512_add_epi16(_mm512_slli_epi16(rank, 4), popcount(&second));
    }
    if (missing_right)
        rank = _mm512_or_si512(rank, _mm512_load_si512(missing.mask));
    __mmask32 live = n == COLUMNS_AT_ONCE ? UINT32_MAX : (1u << n) - 1;
    _mm256_mask_storeu_epi8(ranks, live, _mm512_cvtepi16_epi8(rank));
}

__attribute__((always_inline)) static inline uint32_t rank_run(const ats_forest_image *image,
                                                               uint32_t c, uint32_t run,
                                                               const float *row, bool wide,
                                                               bool missing_right, uint8_t *ranks)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    uint32_t end = image->run_end[run];
    for (; c + COLUMNS_AT_ONCE <= end; c += COLUMNS_AT_ONCE)
        rank_columns(image, columns + c, COLUMNS_AT_ONCE, row, wide, missing_right, ranks + c);
    if (c < end)
        rank_columns(image, columns + c, end - c, row, wide, missing_right, ranks + c);
    return end;
}

static void quantise(const ats_forest_image *image, const float *const *rows, uint32_t n,
                     uint8_t *ranks, size_t stride)
{
    for (uint32_t i = 0; i < n; i++, ranks += stride) {
        uint32_t c = rank_run(image, 0, 0, rows[i], false, false, ranks);
        c = rank_run(image, c, 1, rows[i], true, false, ranks);
        c = rank_run(image, c, 2, rows[i], false, true, ranks);
        rank_run(image, c, 3, rows[i], true, true, ranks);
    }
}

/* ---- ranks of what changed ---------------------------------------------------------------------
 */

static inline uint8_t rank_of(const ats_forest_image *image, const ats_forest_column *c,
                              float value)
{
    const float *cuts = ats_forest_image_at(image, c->cuts);
    __m512 x = _mm512_set1_ps(value);
    uint32_t rank = (uint32_t)__builtin_popcount(
        _cvtmask16_u32(_mm512_cmp_ps_mask(_mm512_load_ps(cuts), x, _CMP_LE_OQ)));
    if (c->threshold_count > LINE) {
        __m512 line = _mm512_load_ps(cuts + LINE + LINE * rank);
        rank = LINE * rank + (uint32_t)__builtin_popcount(
                                 _cvtmask16_u32(_mm512_cmp_ps_mask(line, x, _CMP_LE_OQ)));
    }
    return value != value ? c->missing_rank : (uint8_t)rank;
}

static void update(const ats_forest_image *image, const float *row, float *values, uint8_t *ranks)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    const uint16_t *begin = ats_forest_image_at(image, image->feature_columns);
    const uint16_t *of = ats_forest_image_at(image, image->column_of);
    for (uint32_t f = 0; f < image->feature_count; f += 16) {
        uint32_t left = image->feature_count - f;
        __mmask16 live = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
        __m512i new = _mm512_maskz_loadu_epi32(live, row + f);
        uint32_t changed = _mm512_mask_cmpneq_epi32_mask(live, new, _mm512_load_si512(values + f));
        _mm512_mask_store_epi32(values + f, live, new);
        for (; changed; changed &= changed - 1) {
            uint32_t feature = f + (uint32_t)__builtin_ctz(changed);
            for (uint32_t i = begin[feature]; i < begin[feature + 1]; i++)
                ranks[of[i]] = rank_of(image, &columns[of[i]], row[feature]);
        }
    }
}

/* ---- decisions ---------------------------------------------------------------------------------
 */

/* How a row's ranks are held: in one, two or four registers, or in memory as pairs. */
typedef enum row_width { WIDTH_64, WIDTH_128, WIDTH_256, WIDTH_PAIRS } row_width;

typedef struct row_ranks {
    __m512i r[4];
    const uint8_t *q;
    uint32_t pair_count;
} row_ranks;

#define INLINE __attribute__((always_inline)) static inline

INLINE row_ranks load_row(const ats_forest_image *image, const uint8_t *q, row_width width)
{
    row_ranks row = {.q = q, .pair_count = image->pair_count};
    row.r[0] = _mm512_load_si512(q);
    if (width == WIDTH_128 || width == WIDTH_256)
        row.r[1] = _mm512_load_si512(q + 64);
    if (width == WIDTH_256) {
        row.r[2] = _mm512_load_si512(q + 128);
        row.r[3] = _mm512_load_si512(q + 192);
    }
    return row;
}

/* Ranks of the columns that a mask record names, from memory, a pair of registers at a time. */
INLINE __m512i pick_pairs(const row_ranks *row, __m512i columns, const uint64_t *pairs)
{
    __m512i picked = _mm512_setzero_si512();
    for (uint32_t p = 0; p < row->pair_count; p++) {
        const uint8_t *q = row->q + (size_t)p * 128;
        __m512i both =
            _mm512_permutex2var_epi8(_mm512_load_si512(q), columns, _mm512_load_si512(q + 64));
        picked = _mm512_mask_mov_epi8(picked, pairs[p], both);
    }
    return picked;
}

/* Bit i: the record's node i sends the row right. */
INLINE uint64_t decide(const row_ranks *row, const uint8_t *record, const uint64_t *pairs,
                       row_width width)
{
    __m512i columns = _mm512_load_si512(record), picked;
    if (width == WIDTH_64) {
        picked = _mm512_permutexvar_epi8(columns, row->r[0]);
    } else if (width == WIDTH_128) {
        picked = _mm512_permutex2var_epi8(row->r[0], columns, row->r[1]);
    } else if (width == WIDTH_256) {
        __m512i low = _mm512_permutex2var_epi8(row->r[0], columns, row->r[1]);
        __m512i high = _mm512_permutex2var_epi8(row->r[2], columns, row->r[3]);
        picked = _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(columns), high);
    } else {
        picked = pick_pairs(row, columns, pairs);
    }
    return _cvtmask64_u64(_mm512_cmpgt_epu8_mask(picked, _mm512_load_si512(record + 64)));
}

/* ---- walks --------------------------------------------------------------------------------------
 */

/* By the seven decisions of a field: the exit e; and 7 + 7 e, where the field under it begins. */
#define EXIT(m)                                                                                    \
    (((m)&1)          ? ((m) >> 2 & 1) ? 6 + ((m) >> 6 & 1) : 4 + ((m) >> 5 & 1)                   \
              : ((m) >> 1 & 1) ? 2 + ((m) >> 4 & 1)                                                \
                      : 0 + ((m) >> 3 & 1))
#define EXIT_4(f, m)  f(m), f((m) + 1), f((m) + 2), f((m) + 3)
#define EXIT_16(f, m) EXIT_4(f, m), EXIT_4(f, (m) + 4), EXIT_4(f, (m) + 8), EXIT_4(f, (m) + 12)
#define EXIT_64(f, m)                                                                              \
    EXIT_16(f, m), EXIT_16(f, (m) + 16), EXIT_16(f, (m) + 32), EXIT_16(f, (m) + 48)
#define EXIT_TIMES_8(m) (8 * EXIT(m))
#define FIELD_AT(m)     (7 + 7 * EXIT(m))

static const _Alignas(64) uint8_t EXITS[128] = {EXIT_64(EXIT, 0), EXIT_64(EXIT, 64)};
static const _Alignas(64) uint8_t EXITS_TIMES_8[128] = {EXIT_64(EXIT_TIMES_8, 0),
                                                        EXIT_64(EXIT_TIMES_8, 64)};
static const _Alignas(64) uint8_t FIELDS[128] = {EXIT_64(FIELD_AT, 0), EXIT_64(FIELD_AT, 64)};

INLINE __m512i look_up(const uint8_t table[128], __m512i index)
{
    return _mm512_permutex2var_epi8(_mm512_load_si512(table), index, _mm512_load_si512(table + 64));
}

/* Exits (0..63) of eight trees from their 63 decisions each: the top field, then the one under its
 * exit. Only the low byte of each 64-bit lane counts. */
INLINE __m128i walk_eight(const uint64_t *masks)
{
    const __m512i field = _mm512_set1_epi64(127);
    __m512i mask = _mm512_load_si512(masks);
    __m512i top = _mm512_and_si512(mask, field);
    __m512i under = _mm512_multishift_epi64_epi8(look_up(FIELDS, top), mask);
    __m512i exit = _mm512_add_epi8(look_up(EXITS_TIMES_8, top),
                                   look_up(EXITS, _mm512_and_si512(under, field)));
    return _mm512_cvtepi64_epi8(exit);
}

/* What is known of a block's trees once its mask records are decided. */
typedef struct exits {
    _Alignas(16) uint8_t of[BLOCK];
} exits;

INLINE void find_exits(const ats_forest_image *image, const ats_forest_block *block,
                       const row_ranks *row, row_width width, exits *out)
{
    const uint8_t *records = ats_forest_image_at(image, block->masks);
    /* Without pairs their place is 0, the image's start, which decide does not read: a null pointer
     * may not even be moved by 0. */
    const uint64_t *pairs = ats_forest_image_at(image, block->pairs);
    uint32_t step = width == WIDTH_PAIRS ? row->pair_count : 0;
    _Alignas(64) uint64_t masks[BLOCK];
    if (block->form == ATS_FOREST_SMALL) {
        masks[0] = decide(row, records, pairs, width);
        masks[1] = decide(row, records + 128, pairs + step, width);
        __m512i lanes = _mm512_castsi128_si512(_mm_load_si128((const __m128i *)masks));
        __m512i exit = look_up(EXITS, _mm512_and_si512(lanes, _mm512_set1_epi8(127)));
        _mm_store_si128((__m128i *)out->of, _mm512_castsi512_si128(exit));
        return;
    }
#pragma GCC unroll 16
    for (uint32_t t = 0; t < BLOCK; t++)
        masks[t] = decide(row, records + t * 128, pairs + t * step, width);
    __m128i low = walk_eight(masks), high = walk_eight(masks + 8);
    _mm_store_si128((__m128i *)out->of, _mm_unpacklo_epi64(low, high));
}

/* ---- leaves and sums
 * ----------------------------------------------------------------------------- */

typedef struct block_values {
    _Alignas(64) float of[BLOCK];
} block_values;

INLINE void walk_on(const ats_forest_image *image, const ats_forest_block *block, const exits *e,
                    const uint8_t *q, block_values *out)
{
    const uint32_t *entries = ats_forest_image_at(image, block->leaves);
    uint32_t from[BLOCK];
    for (uint32_t t = 0; t < BLOCK; t++)
        from[t] = block->form == ATS_FOREST_NODES ? entries[t] : entries[64 * t + e->of[t]];
    ats_walk_nodes(image, from, block->steps, q, out->of);
}

/* The sum, in order, of one margin and the leaves of a block's trees. */
INLINE float add_block(const ats_forest_image *image, const ats_forest_block *block, const exits *e,
                       const uint8_t *q, float sum)
{
    const void *leaves = ats_forest_image_at(image, block->leaves);
    if (block->form == ATS_FOREST_TOP) {
        const float *leaf = leaves;
#pragma GCC unroll 16
        for (uint32_t t = 0; t < BLOCK; t++)
            sum += leaf[64 * t + e->of[t]];
    } else if (block->form == ATS_FOREST_RECORDS) {
        const ats_forest_record *records = leaves;
#pragma GCC unroll 16
        for (uint32_t t = 0; t < BLOCK; t++)
            sum += ats_walk_record(&records[64 * t + e->of[t]], q);
    } else if (block->form == ATS_FOREST_SMALL) {
        const float *leaf = leaves;
#pragma GCC unroll 16
        for (uint32_t t = 0; t < BLOCK; t++)
            sum += leaf[8 * t + e->of[t]];
    } else {
        block_values values;
        walk_on(image, block, e, q, &values);
        for (uint32_t t = 0; t < BLOCK; t++)
            sum += values.of[t];
    }
    return sum;
}

static void add_block_groups(const ats_forest_image *image, uint32_t b, const exits *e,
                             const uint8_t *q, float *margins)
{
    const ats_forest_block *block = &ats_forest_blocks(image)[b];
    const uint8_t *groups = (const uint8_t *)ats_forest_image_at(image, image->groups) + b * BLOCK;
    const void *leaves = ats_forest_image_at(image, block->leaves);
    block_values values;
    if (block->form == ATS_FOREST_TOP || block->form == ATS_FOREST_SMALL) {
        uint32_t exits_each = block->form == ATS_FOREST_TOP ? 64 : 8;
        for (uint32_t t = 0; t < BLOCK; t++)
            values.of[t] = ((const float *)leaves)[exits_each * t + e->of[t]];
    } else if (block->form == ATS_FOREST_RECORDS) {
        for (uint32_t t = 0; t < BLOCK; t++)
            values.of[t] =
                ats_walk_record((const ats_forest_record *)leaves + 64 * t + e->of[t], q);
    } else {
        walk_on(image, block, e, q, &values);
    }
    for (uint32_t t = 0; t < BLOCK; t++)
        margins[groups[t]] += values.of[t];
}

/* ---- rows
 * ------------------------------------------------------------------------------------------ */

INLINE void exits_of(const ats_forest_image *image, uint32_t b, const row_ranks *row,
                     row_width width, exits *out)
{
    const ats_forest_block *block = &ats_forest_blocks(image)[b];
    if (block->form != ATS_FOREST_NODES)
        find_exits(image, block, row, width, out);
}

/* One row: the decisions of the next block stand before the sum of this one, so that the sum's
 * latency is filled. */
INLINE void score_row(const ats_forest_image *image, const uint8_t *q, row_width width,
                      float *margins)
{
    const ats_forest_block *blocks = ats_forest_blocks(image);
    row_ranks row = load_row(image, q, width);
    exits e[2] = {{{0}}, {{0}}};
    float sum = margins[0];
    exits_of(image, 0, &row, width, &e[0]);
    for (uint32_t b = 0; b < image->block_count; b++) {
        if (b + 1 < image->block_count)
            exits_of(image, b + 1, &row, width, &e[(b + 1) & 1]);
        if (image->group_count == 1)
            sum = add_block(image, &blocks[b], &e[b & 1], q, sum);
        else
            add_block_groups(image, b, &e[b & 1], q, margins);
    }
    if (image->group_count == 1)
        margins[0] = sum;
}

/* Several: a block at a time, so that its records serve all rows while they are near. */
INLINE void score_rows(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,
                       row_width width, float *margins)
{
    const ats_forest_block *blocks = ats_forest_blocks(image);
    size_t stride = ats_forest_rank_stride(image);
    for (uint32_t b = 0; b < image->block_count; b++)
        for (uint32_t i = 0; i < n; i++) {
            const uint8_t *q = ranks + i * stride;
            row_ranks row = load_row(image, q, width);
            float *to = margins + (size_t)i * image->group_count;
            exits e = {{0}};
            exits_of(image, b, &row, width, &e);
            if (image->group_count == 1)
                *to = add_block(image, &blocks[b], &e, q, *to);
            else
                add_block_groups(image, b, &e, q, to);
        }
}

#define SCORE(width)                                                                               \
    static void score_##width(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,     \
                              float *margins)                                                      \
    {                                                                                              \
        if (n == 1)                                                                                \
            score_row(image, ranks, width, margins);                                               \
        else                                                                                       \
            score_rows(image, ranks, n, width, margins);                                           \
    }
SCORE(WIDTH_64)
SCORE(WIDTH_128)
SCORE(WIDTH_256)
SCORE(WIDTH_PAIRS)

static void score_ranks(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,
                        float *margins)
{
    for (uint32_t i = 0; i < n; i++)
        memcpy(margins + (size_t)i * image->group_count, image->base_margin,
               image->group_count * sizeof *margins);
    if (image->column_count <= 64)
        score_WIDTH_64(image, ranks, n, margins);
    else if (image->column_count <= 128)
        score_WIDTH_128(image, ranks, n, margins);
    else if (image->column_count <= 256)
        score_WIDTH_256(image, ranks, n, margins);
    else
        score_WIDTH_PAIRS(image, ranks, n, margins);
}

const ats_forest_engine ats_forest_engine_avx512 = {.quantise = quantise,
                                                    .score_ranks = score_ranks,
                                                    .score_batch = ats_avx512_score_batch,
                                                    .batch_rows = ats_avx512_batch_rows,
                                                    .update = update};

#endif
