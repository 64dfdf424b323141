/* Many rows at once: ranks of a column side by side, a byte a row, 64 rows in a register. Every
 * node is decided for all of them; a node's exit is that of its left child, or where the row goes
 * right that of its right child, so exits are merged from the lowest level up. */
#include "calc/forest/engine.h"

#if defined(__AVX512VBMI__) && defined(__AVX512BITALG__)

#include "calc/forest/batch.h"
#include "calc/forest/engine_avx512.h"

#include <string.h>

#define BLOCK  ATS_FOREST_BLOCK_TREES
#define ROWS   64u
#define INLINE __attribute__((always_inline)) static inline

/* ---- ranks, columns side by side ------------------------------------------------------------- */

/* 16 rows of 16 floats into 16 columns of 16 rows. */
INLINE void transpose(__m512 r[16])
{
    __m512 t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) { /* r[i + c]: rows i..i+3 of columns c, c + 4, ... */
        __m512d a = _mm512_castps_pd(t[i]), b = _mm512_castps_pd(t[i + 1]);
        __m512d c = _mm512_castps_pd(t[i + 2]), d = _mm512_castps_pd(t[i + 3]);
        r[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        r[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        r[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        r[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        __m512 even_low = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88);
        __m512 odd_low = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xdd);
        __m512 even_high = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
        __m512 odd_high = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xdd);
        t[c] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
        t[8 + c] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
        t[4 + c] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
        t[12 + c] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        r[i] = t[i];
}

/* Thresholds of a search tree for the slots in `at`, which are all of level `level`. */
INLINE __m512 fetch(const float *search, uint32_t level, __m512i at)
{
    const float *line = search + (level < 4 ? 0 : (size_t)1 << level);
#define AT(i) _mm512_load_ps(line + 16 * (i))
    if (level == 0)
        return _mm512_set1_ps(search[1]);
    if (level <= 4)
        return _mm512_permutexvar_ps(at, AT(0));
    __m512 low = _mm512_permutex2var_ps(AT(0), at, AT(1));
    if (level == 5)
        return low;
    __mmask16 bit5 = _mm512_test_epi32_mask(at, _mm512_set1_epi32(32));
    low = _mm512_mask_blend_ps(bit5, low, _mm512_permutex2var_ps(AT(2), at, AT(3)));
    if (level == 6)
        return low;
    __mmask16 bit6 = _mm512_test_epi32_mask(at, _mm512_set1_epi32(64));
    __m512 high = _mm512_mask_blend_ps(bit5, _mm512_permutex2var_ps(AT(4), at, AT(5)),
                                       _mm512_permutex2var_ps(AT(6), at, AT(7)));
    return _mm512_mask_blend_ps(bit6, low, high);
#undef AT
}

/* Ranks of 64 rows in one column. */
INLINE void search_column(const float *search, uint32_t levels, uint8_t missing_rank,
                          const float *values, uint8_t *ranks)
{
#pragma GCC unroll 4
    for (uint32_t v = 0; v < 4; v++) {
        __m512 x = _mm512_load_ps(values + 16 * v);
        __m512i at = _mm512_set1_epi32(1);
#pragma GCC unroll 8
        for (uint32_t level = 0; level < levels; level++) {
            __mmask16 right = _mm512_cmp_ps_mask(fetch(search, level, at), x, _CMP_LE_OQ);
            at = _mm512_add_epi32(at, at);
            at = _mm512_mask_add_epi32(at, right, at, _mm512_set1_epi32(1));
        }
        at = _mm512_sub_epi32(at, _mm512_set1_epi32(1 << levels));
        __mmask16 missing = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
        at = _mm512_mask_set1_epi32(at, missing, missing_rank);
        _mm_store_si128((__m128i *)(ranks + 16 * v), _mm512_cvtepi32_epi8(at));
    }
}

static void rank_column(const ats_forest_image *image, const ats_forest_column *c,
                        const float *values, uint8_t *ranks)
{
    const float *search = ats_forest_image_at(image, c->search);
    switch (c->search_levels) {
    case 4:
        search_column(search, 4, c->missing_rank, values, ranks);
        break;
    case 5:
        search_column(search, 5, c->missing_rank, values, ranks);
        break;
    case 6:
        search_column(search, 6, c->missing_rank, values, ranks);
        break;
    case 7:
        search_column(search, 7, c->missing_rank, values, ranks);
        break;
    default:
        search_column(search, 8, c->missing_rank, values, ranks);
        break;
    }
}

/* Ranks of n <= 64 rows: column c at ranks + c * pitch. Behind the last row the last one stands
 * again. */
static void rank_rows(const ats_forest_image *image, const float *const *rows, uint32_t n,
                      uint8_t *ranks, size_t pitch)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    const uint16_t *begin = ats_forest_image_at(image, image->feature_columns);
    const uint16_t *of = ats_forest_image_at(image, image->column_of);
    _Alignas(64) float values[16][ROWS];
    for (uint32_t f = 0; f < image->feature_count; f += 16) {
        uint32_t some = image->feature_count - f < 16 ? image->feature_count - f : 16;
        if (begin[f] == begin[f + some])
            continue;
        __mmask16 live = (__mmask16)((1u << some) - 1);
        for (uint32_t v = 0; v < ROWS; v += 16) {
            __m512 block[16];
#pragma GCC unroll 16
            for (uint32_t i = 0; i < 16; i++)
                block[i] = _mm512_maskz_loadu_ps(live, rows[v + i < n ? v + i : n - 1] + f);
            transpose(block);
#pragma GCC unroll 16
            for (uint32_t i = 0; i < 16; i++)
                _mm512_store_ps(&values[i][v], block[i]);
        }
        for (uint32_t i = 0; i < some; i++)
            for (uint32_t k = begin[f + i]; k < begin[f + i + 1]; k++)
                rank_column(image, &columns[of[k]], values[i], ranks + of[k] * pitch);
    }
}

/* ---- exits ----------------------------------------------------------------------------------- */

/* Exits of 64 or 128 rows. */
typedef struct exits {
    __m512i of[2];
} exits;

typedef struct mask2 {
    __mmask64 of[2];
} mask2;

/* Which rows a node sends right; `wide` registers of them. */
INLINE mask2 decide(const uint8_t *ranks, const ats_forest_heap_node *node, uint32_t wide)
{
    const uint8_t *q = ranks + (size_t)node->column_offset * wide;
    __m512i rank = _mm512_set1_epi32((int)node->rank_times_4);
    mask2 right = {{0, 0}};
    right.of[0] = _mm512_cmpgt_epu8_mask(_mm512_load_si512(q), rank);
    if (wide == 2)
        right.of[1] = _mm512_cmpgt_epu8_mask(_mm512_load_si512(q + 64), rank);
    return right;
}

INLINE exits choose(mask2 right, exits a, exits b, uint32_t wide)
{
    a.of[0] = _mm512_mask_mov_epi8(a.of[0], right.of[0], b.of[0]);
    if (wide == 2)
        a.of[1] = _mm512_mask_mov_epi8(a.of[1], right.of[1], b.of[1]);
    return a;
}

/* The same where both sides number their exits from 0: the right ones are `bit` higher. */
INLINE exits join(mask2 right, exits a, exits b, char bit, uint32_t wide)
{
    exits e = choose(right, a, b, wide);
    e.of[0] = _mm512_mask_add_epi8(e.of[0], right.of[0], e.of[0], _mm512_set1_epi8(bit));
    if (wide == 2)
        e.of[1] = _mm512_mask_add_epi8(e.of[1], right.of[1], e.of[1], _mm512_set1_epi8(bit));
    return e;
}

INLINE exits constant(char a)
{
    return (exits){{_mm512_set1_epi8(a), _mm512_set1_epi8(a)}};
}

/* Three levels under heap slot i: exits 0..7, whose numbers are in registers. */
INLINE exits eight_exits(const uint8_t *ranks, const ats_forest_heap_node *heap, uint32_t i,
                         uint32_t wide)
{
    exits pair[4];
#pragma GCC unroll 4
    for (uint32_t k = 0; k < 4; k++)
        pair[k] = choose(decide(ranks, &heap[4 * i + k], wide), constant((char)(2 * k)),
                         constant((char)(2 * k + 1)), wide);
    exits left = choose(decide(ranks, &heap[2 * i], wide), pair[0], pair[1], wide);
    exits right = choose(decide(ranks, &heap[2 * i + 1], wide), pair[2], pair[3], wide);
    return choose(decide(ranks, &heap[i], wide), left, right, wide);
}

/* Six levels: exits 0..63. */
INLINE exits all_exits(const uint8_t *ranks, const ats_forest_heap_node *heap, uint32_t wide)
{
    exits quarter[4];
#pragma GCC unroll 4
    for (uint32_t k = 0; k < 4; k++)
        quarter[k] =
            join(decide(ranks, &heap[4 + k], wide), eight_exits(ranks, heap, 8 + 2 * k, wide),
                 eight_exits(ranks, heap, 9 + 2 * k, wide), 8, wide);
    exits left = join(decide(ranks, &heap[2], wide), quarter[0], quarter[1], 16, wide);
    exits right = join(decide(ranks, &heap[3], wide), quarter[2], quarter[3], 16, wide);
    return join(decide(ranks, &heap[1], wide), left, right, 32, wide);
}

/* ---- leaves ---------------------------------------------------------------------------------- */

/* Margins of a group: 64 or 128 rows. */
typedef struct margin_rows {
    _Alignas(64) float of[128];
} margin_rows;
static_assert(sizeof(margin_rows) == ATS_FOREST_SCRATCH_GROUP_BYTES, "scorer.c takes room for it");

INLINE void add_leaves_64(const float *leaf, exits e, margin_rows *to, uint32_t wide)
{
    __m512 a = _mm512_load_ps(leaf), b = _mm512_load_ps(leaf + 16);
    __m512 c = _mm512_load_ps(leaf + 32), d = _mm512_load_ps(leaf + 48);
#pragma GCC unroll 8
    for (uint32_t v = 0; v < 4 * wide; v++) {
        __m128i some = v % 4 == 0   ? _mm512_castsi512_si128(e.of[v / 4])
                       : v % 4 == 1 ? _mm512_extracti32x4_epi32(e.of[v / 4], 1)
                       : v % 4 == 2 ? _mm512_extracti32x4_epi32(e.of[v / 4], 2)
                                    : _mm512_extracti32x4_epi32(e.of[v / 4], 3);
        __m512i index = _mm512_cvtepu8_epi32(some);
        __m512 value = _mm512_mask_blend_ps(_mm512_test_epi32_mask(index, _mm512_set1_epi32(32)),
                                            _mm512_permutex2var_ps(a, index, b),
                                            _mm512_permutex2var_ps(c, index, d));
        __m512 sum = _mm512_add_ps(_mm512_load_ps(to->of + 16 * v), value);
        _mm512_store_ps(to->of + 16 * v, sum);
    }
}

INLINE void add_leaves_8(const float *leaf, exits e, margin_rows *to, uint32_t wide)
{
    __m512 all = _mm512_castps256_ps512(_mm256_load_ps(leaf));
#pragma GCC unroll 8
    for (uint32_t v = 0; v < 4 * wide; v++) {
        __m128i some = v % 4 == 0   ? _mm512_castsi512_si128(e.of[v / 4])
                       : v % 4 == 1 ? _mm512_extracti32x4_epi32(e.of[v / 4], 1)
                       : v % 4 == 2 ? _mm512_extracti32x4_epi32(e.of[v / 4], 2)
                                    : _mm512_extracti32x4_epi32(e.of[v / 4], 3);
        __m512 value = _mm512_permutexvar_ps(_mm512_cvtepu8_epi32(some), all);
        __m512 sum = _mm512_add_ps(_mm512_load_ps(to->of + 16 * v), value);
        _mm512_store_ps(to->of + 16 * v, sum);
    }
}

/* Exits as bytes, for what is done row by row. */
INLINE void store_exits(exits e, uint8_t out[128], uint32_t wide)
{
    _mm512_store_si512(out, e.of[0]);
    if (wide == 2)
        _mm512_store_si512(out + 64, e.of[1]);
}

INLINE void add_block(const ats_forest_image *image, uint32_t b, const uint8_t *ranks,
                      margin_rows *sums, uint32_t wide, uint32_t n)
{
    const ats_forest_block *block = &ats_forest_blocks(image)[b];
    const uint8_t *groups = (const uint8_t *)ats_forest_image_at(image, image->groups) + b * BLOCK;
    const ats_forest_heap_node *heap = ats_forest_image_at(image, block->heap);
    const void *leaves = ats_forest_image_at(image, block->leaves);
    for (uint32_t t = 0; t < BLOCK; t++) {
        margin_rows *to = &sums[groups[t]];
        if (block->form == ATS_FOREST_SMALL) {
            exits e = eight_exits(ranks, heap + 8 * t, 1, wide);
            add_leaves_8((const float *)leaves + 8 * t, e, to, wide);
            continue;
        }
        if (block->form == ATS_FOREST_RECORDS)
            ats_batch_prefetch_records((const ats_forest_record *)leaves + 64 * (t + 1));
        exits e = all_exits(ranks, heap + 64 * t, wide);
        _Alignas(64) uint8_t exit[128];
        uint32_t pitch = ROWS * wide;
        if (block->form == ATS_FOREST_TOP) {
            add_leaves_64((const float *)leaves + 64 * t, e, to, wide);
            continue;
        }
        store_exits(e, exit, wide);
        if (block->form == ATS_FOREST_RECORDS)
            ats_batch_add_records((const ats_forest_record *)leaves + 64 * t, ranks, pitch, exit, n,
                                  to->of);
        else
            ats_batch_add_entries(image, (const uint32_t *)leaves + 64 * t, block->steps, ranks,
                                  pitch, exit, pitch, to->of);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* n <= 64 * wide rows. */
INLINE void score_some(const ats_forest_image *image, const float *const *rows, uint32_t n,
                       uint8_t *ranks, float *margins, uint32_t wide)
{
    uint32_t groups = image->group_count;
    margin_rows *sums =
        (margin_rows *)(ranks + ATS_FOREST_SCRATCH_ROWS * ats_forest_rank_stride(image));
    for (uint32_t i = 0; i < n; i += ROWS)
        rank_rows(image, rows + i, n - i < ROWS ? n - i : ROWS, ranks + i, ROWS * wide);
    for (uint32_t g = 0; g < groups; g++)
        for (uint32_t i = 0; i < ROWS * wide; i += 16)
            _mm512_store_ps(sums[g].of + i, _mm512_set1_ps(image->base_margin[g]));
    for (uint32_t b = 0; b < image->block_count; b++)
        add_block(image, b, ranks, sums, wide, n);
    if (groups == 1) {
        memcpy(margins, sums[0].of, n * sizeof *margins);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t g = 0; g < groups; g++)
            margins[(size_t)i * groups + g] = sums[g].of[i];
}

static void score_64(const ats_forest_image *image, const float *const *rows, uint32_t n,
                     uint8_t *scratch, float *margins)
{
    score_some(image, rows, n, scratch, margins, 1);
}

static void score_128(const ats_forest_image *image, const float *const *rows, uint32_t n,
                      uint8_t *scratch, float *margins)
{
    score_some(image, rows, n, scratch, margins, 2);
}

void ats_avx512_score_batch(const ats_forest_image *image, const float *const *rows, uint32_t n,
                            uint8_t *scratch, float *margins)
{
    while (n > 0) {
        uint32_t some = n > ROWS ? (n < 2 * ROWS ? n : 2 * ROWS) : n;
        (some > ROWS ? score_128 : score_64)(image, rows, some, scratch, margins);
        rows += some;
        margins += (size_t)some * image->group_count;
        n -= some;
    }
}

/* Measured: even at 25 rows of 100 x 6, 28 of 500 x 6, 31 of 500 x 8; at 21 over 315 features, at
 * 17 where a row's ranks are more than its registers hold. */
uint32_t ats_avx512_batch_rows(const ats_forest_image *image)
{
    return image->column_count > ATS_FOREST_MASK_COLUMNS_MAX ? UINT32_MAX
           : image->pair_count                               ? 20
                                                             : 28;
}

#endif
