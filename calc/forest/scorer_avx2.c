/* Compiled for AVX2 and BMI2; reached through scorer.c only where the processor has them. */
#include "calc/forest/engine.h"

#if defined(__AVX2__)

#include "calc/forest/batch.h"
#include "calc/forest/exits.h"
#include "calc/forest/walk.h"

#include <immintrin.h>
#include <math.h>

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

/* Above every threshold where it is no number: the least of a NaN and another is the other. */
INLINE __m256 infinite_if_missing(__m256 x)
{
    return _mm256_min_ps(x, _mm256_set1_ps(INFINITY));
}

INLINE uint8_t rank_of(const ats_forest_image *image, const ats_forest_column *c, const float *row,
                       bool wide, bool missing_right)
{
    const float *cuts = ats_forest_image_at(image, c->cuts);
    __m256 x = _mm256_broadcast_ss(&row[c->feature]);
    if (missing_right)
        x = infinite_if_missing(x);
    uint32_t rank = count_line(cuts, x);
    if (wide)
        rank = LINE * rank + count_line(cuts + LINE + LINE * rank, x);
    return (uint8_t)rank;
}

/* Ranks of the columns of one run. */
INLINE uint32_t rank_run(const ats_forest_image *image, uint32_t c, uint32_t run, const float *row,
                         uint8_t *ranks)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    uint32_t end = image->run_end[run];
#pragma GCC unroll 4
    for (; c < end; c++)
        ranks[c] = rank_of(image, &columns[c], row, run & 1, run >> 1);
    return end;
}

static void quantise(const ats_forest_image *image, const float *const *rows, uint32_t n,
                     uint8_t *ranks, size_t stride)
{
    for (uint32_t i = 0; i < n; i++, ranks += stride) {
        uint32_t c = rank_run(image, 0, 0, rows[i], ranks);
        c = rank_run(image, c, 1, rows[i], ranks);
        c = rank_run(image, c, 2, rows[i], ranks);
        rank_run(image, c, 3, rows[i], ranks);
    }
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

/* A node's decision is one average, rounded up, of its rank k and 255 - q: its highest bit is set
 * iff q <= k, where the node sends the row left, and no other bit of it is looked at. So rows stand
 * as 255 - q here. */

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
        row.of[i] = _mm256_xor_si256(
            _mm256_set1_epi8(-1), _mm256_broadcastsi128_si256(
                                      _mm_load_si128((const __m128i *)(const void *)(q + 16 * i))));
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

/* Bit i: the record's node i sends the row right. */
INLINE uint64_t decide(const row_tables *row, const uint8_t *record, uint32_t tables)
{
    uint32_t left[2];
#pragma GCC unroll 2
    for (uint32_t h = 0; h < 2; h++) {
        const __m256i *columns = (const __m256i *)(const void *)(record + 32 * h);
        const __m256i *ranks = columns + 2;
        __m256i picked = pick(row, _mm256_load_si256(columns), tables);
        left[h] = (uint32_t)_mm256_movemask_epi8(_mm256_avg_epu8(picked, _mm256_load_si256(ranks)));
    }
    return ~((uint64_t)left[1] << 32 | left[0]);
}

/* ---- rows ------------------------------------------------------------------------------------ */

INLINE uint32_t exit_of(const row_tables *row, const uint8_t *record, uint32_t tables)
{
    return ats_exit_of(decide(row, record, tables));
}

/* Adds the leaves of a block's trees in their order; `single`: to one margin, which stays in a
 * register. One loop a form: with exits or values on their way through memory a tree of depth 6
 * takes a third longer. */
INLINE void add_block(const ats_forest_image *image, uint32_t b, const row_tables *row,
                      const uint8_t *q, uint32_t tables, bool single, float *margins)
{
    const ats_forest_block *block = &ats_forest_blocks(image)[b];
    const uint8_t *masks = ats_forest_image_at(image, block->masks);
    const uint8_t *groups = (const uint8_t *)ats_forest_image_at(image, image->groups) + b * BLOCK;
    const void *leaves = ats_forest_image_at(image, block->leaves);
    float sum = *margins;
#define ADD(t, value) *(single ? &sum : &margins[groups[t]]) += (value)
    if (block->form == ATS_FOREST_TOP) {
#pragma GCC unroll 16
        for (uint32_t t = 0; t < BLOCK; t++)
            ADD(t, ((const float *)leaves)[64 * t + exit_of(row, masks + 128 * t, tables)]);
    } else if (block->form == ATS_FOREST_RECORDS) {
        const ats_forest_record *records = leaves;
#pragma GCC unroll 16
        for (uint32_t t = 0; t < BLOCK; t++)
            ADD(t, ats_walk_record(&records[64 * t + exit_of(row, masks + 128 * t, tables)], q));
    } else if (block->form == ATS_FOREST_SMALL) {
        for (uint32_t r = 0; r < 2; r++) {
            uint64_t fields = decide(row, masks + 128 * r, tables);
            for (uint32_t k = 0; k < 8; k++, fields >>= 8)
                ADD(8 * r + k, ((const float *)leaves)[64 * r + 8 * k + ATS_EXITS[fields & 127]]);
        }
    } else {
        uint32_t from[BLOCK];
        float values[BLOCK];
        for (uint32_t t = 0; t < BLOCK; t++)
            from[t] = ((const uint32_t *)leaves)[64 * t + exit_of(row, masks + 128 * t, tables)];
        ats_walk_nodes(image, from, block->steps, q, values);
        for (uint32_t t = 0; t < BLOCK; t++)
            ADD(t, values[t]);
    }
#undef ADD
    if (single)
        *margins = sum;
}

INLINE void score_tables(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,
                         uint32_t tables, float *margins)
{
    size_t stride = ats_forest_rank_stride(image);
    for (uint32_t b = 0; b < image->block_count; b++)
        for (uint32_t i = 0; i < n; i++) {
            const uint8_t *q = ranks + i * stride;
            row_tables row = load_tables(q, tables);
            if (image->group_count == 1)
                add_block(image, b, &row, q, tables, true, margins + i);
            else
                add_block(image, b, &row, q, tables, false,
                          margins + (size_t)i * image->group_count);
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

/* ---- ranks, columns side by side ------------------------------------------------------------- */

/* 8 rows of 8 floats into 8 columns of 8 rows. */
INLINE void transpose(__m256 r[8])
{
    __m256 t[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) { /* r[i + c]: rows i..i+3 of columns c and c + 4 */
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        __m256 low = _mm256_permute2f128_ps(r[c], r[4 + c], 0x20);
        r[4 + c] = _mm256_permute2f128_ps(r[c], r[4 + c], 0x31);
        r[c] = low;
    }
}

/* Thresholds of a search tree for the slots in `at`, which are all of level `level`: a permute of
 * each line of eight, and a tournament among the lines by the slots' bits from the fourth on. */
INLINE __m256 fetch(const float *search, uint32_t level, __m256i at)
{
    if (level == 0)
        return _mm256_broadcast_ss(&search[1]);
    if (level < 3)
        return _mm256_permutevar8x32_ps(_mm256_load_ps(search), at);
    const float *line = search + ((size_t)1 << level);
    uint32_t lines = 1u << (level - 3);
    __m256 found[4];
#pragma GCC unroll 4
    for (uint32_t i = 0; i < lines; i++)
        found[i] = _mm256_permutevar8x32_ps(_mm256_load_ps(line + 8 * i), at);
#pragma GCC unroll 2
    for (uint32_t bit = 3; bit < level; bit++) {
        __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(at, (int)(31 - bit)));
        lines /= 2;
#pragma GCC unroll 2
        for (uint32_t i = 0; i < lines; i++)
            found[i] = _mm256_blendv_ps(found[2 * i], found[2 * i + 1], upper);
    }
    return found[0];
}

/* Where `levels` levels of a search tree lead eight values, from 0; a NaN to 0. */
INLINE __m256i descend(const float *search, uint32_t levels, __m256 x)
{
    __m256i at = _mm256_set1_epi32(1);
#pragma GCC unroll 6
    for (uint32_t level = 0; level < levels; level++) {
        __m256 right = _mm256_cmp_ps(fetch(search, level, at), x, _CMP_LE_OQ);
        at = _mm256_sub_epi32(_mm256_add_epi32(at, at), _mm256_castps_si256(right));
    }
    return _mm256_sub_epi32(at, _mm256_set1_epi32(1 << levels));
}

/* Ranks of 64 rows in one column, up to 63 thresholds. */
INLINE void search_few(const float *search, uint32_t levels, const float *values, uint8_t *ranks)
{
    for (uint32_t i = 0; i < ROWS; i += 32) {
        __m256i rank[4];
#pragma GCC unroll 4
        for (uint32_t v = 0; v < 4; v++)
            rank[v] = descend(search, levels, _mm256_load_ps(values + i + 8 * v));
        __m256i packed = _mm256_packus_epi16(_mm256_packs_epi32(rank[0], rank[1]),
                                             _mm256_packs_epi32(rank[2], rank[3]));
        __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        _mm256_store_si256((__m256i *)(void *)(ranks + i),
                           _mm256_permutevar8x32_epi32(packed, order));
    }
}

/* The same with more thresholds: the last three levels of the tree would take more permutes than
 * all above them; instead the eight thresholds under each row's slot, which lie side by side among
 * the cuts, are compared at once. */
INLINE void search_many(const float *search, const float *thresholds, uint32_t levels,
                        const float *values, uint8_t *ranks)
{
    _Alignas(32) uint32_t eight[ROWS];
#pragma GCC unroll 4
    for (uint32_t i = 0; i < ROWS; i += 8)
        _mm256_store_si256((__m256i *)(void *)(eight + i),
                           descend(search, levels - 3, _mm256_load_ps(values + i)));
#pragma GCC unroll 8
    for (uint32_t i = 0; i < ROWS; i++) {
        __m256 line = _mm256_load_ps(thresholds + 8 * eight[i]);
        __m256 below = _mm256_cmp_ps(line, _mm256_broadcast_ss(&values[i]), _CMP_LE_OQ);
        uint32_t count = (uint32_t)__builtin_popcount((uint32_t)_mm256_movemask_ps(below));
        ranks[i] = (uint8_t)(8 * eight[i] + count);
    }
}

static void rank_column(const ats_forest_image *image, const ats_forest_column *c,
                        const float *values, uint8_t *ranks)
{
    const float *search = ats_forest_image_at(image, c->search);
    const float *cuts = ats_forest_image_at(image, c->cuts);
    _Alignas(32) float present[ROWS];
    if (c->missing_rank) {
        for (uint32_t i = 0; i < ROWS; i += 8)
            _mm256_store_ps(present + i, infinite_if_missing(_mm256_load_ps(values + i)));
        values = present;
    }
    if (c->search_levels == 4)
        search_few(search, 4, values, ranks);
    else if (c->search_levels == 5)
        search_few(search, 5, values, ranks);
    else if (c->search_levels == 6)
        search_few(search, 6, values, ranks);
    else if (c->search_levels == 7)
        search_many(search, cuts + LINE, 7, values, ranks);
    else
        search_many(search, cuts + LINE, 8, values, ranks);
}

/* Ranks of n <= 64 rows: column c at ranks + c * ROWS. Behind the last row the last one stands
 * again. */
static void rank_rows(const ats_forest_image *image, const float *const *rows, uint32_t n,
                      uint8_t *ranks)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    const uint16_t *begin = ats_forest_image_at(image, image->feature_columns);
    const uint16_t *of = ats_forest_image_at(image, image->column_of);
    _Alignas(64) float values[8][ROWS];
    for (uint32_t f = 0; f < image->feature_count; f += 8) {
        uint32_t some = image->feature_count - f < 8 ? image->feature_count - f : 8;
        if (begin[f] == begin[f + some])
            continue;
        __m256i live = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)some),
                                          _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        for (uint32_t v = 0; v < ROWS; v += 8) {
            __m256 block[8];
#pragma GCC unroll 8
            for (uint32_t i = 0; i < 8; i++)
                block[i] = _mm256_maskload_ps(rows[v + i < n ? v + i : n - 1] + f, live);
            transpose(block);
#pragma GCC unroll 8
            for (uint32_t i = 0; i < 8; i++)
                _mm256_store_ps(&values[i][v], block[i]);
        }
        for (uint32_t i = 0; i < some; i++)
            for (uint32_t k = begin[f + i]; k < begin[f + i + 1]; k++)
                rank_column(image, &columns[of[k]], values[i], ranks + (size_t)of[k] * ROWS);
    }
}

/* ---- many rows at once ----------------------------------------------------------------------- */

static_assert(2 * ROWS <= ATS_FOREST_SCRATCH_ROWS, "ranks, and 255 less each");

/* Ranks of a column side by side, a byte a row, as 255 - q; a blend looks at the highest bit of a
 * decision, too. Every node is decided for all rows, and exits are merged from the lowest level up:
 * a node's exit is its left child's, or its right child's. */

/* 64 rows, a byte each. */
typedef struct bytes_64 {
    __m256i of[2];
} bytes_64;

INLINE bytes_64 constant(char byte)
{
    return (bytes_64){{_mm256_set1_epi8(byte), _mm256_set1_epi8(byte)}};
}

INLINE void store_bytes(uint8_t to[ROWS], bytes_64 bytes)
{
    _mm256_store_si256((__m256i *)(void *)to, bytes.of[0]);
    _mm256_store_si256((__m256i *)(void *)(to + 32), bytes.of[1]);
}

/* a in the rows that a node sends left, b in the others. */
INLINE bytes_64 choose(const uint8_t *ranks, const ats_forest_heap_node *node, bytes_64 a,
                       bytes_64 b)
{
    const __m256i *q = (const __m256i *)(const void *)(ranks + node->column_offset);
    __m256i rank = _mm256_set1_epi32((int)node->rank_times_4);
#pragma GCC unroll 2
    for (uint32_t h = 0; h < 2; h++)
        a.of[h] =
            _mm256_blendv_epi8(b.of[h], a.of[h], _mm256_avg_epu8(rank, _mm256_load_si256(q + h)));
    return a;
}

/* Three levels under heap slot i: exits 0..7, times `step`. */
INLINE bytes_64 eight_exits(const uint8_t *ranks, const ats_forest_heap_node *heap, uint32_t i,
                            char step)
{
    bytes_64 half[2];
#pragma GCC unroll 2
    for (uint32_t h = 0; h < 2; h++) {
        bytes_64 pair[2];
#pragma GCC unroll 2
        for (uint32_t k = 0; k < 2; k++) {
            char exit = (char)(4 * h + 2 * k);
            pair[k] = choose(ranks, &heap[4 * i + 2 * h + k], constant((char)(exit * step)),
                             constant((char)((exit + 1) * step)));
        }
        half[h] = choose(ranks, &heap[2 * i + h], pair[0], pair[1]);
    }
    return choose(ranks, &heap[i], half[0], half[1]);
}

/* Exits of 64 rows of a small tree. */
static void find_exits_small(const uint8_t *ranks, const ats_forest_heap_node *heap,
                             uint8_t exit[ROWS])
{
    store_bytes(exit, eight_exits(ranks, heap, 1, 1));
}

/* Exits 0..63 of 64 rows. A function of its own: beside other loops its registers are spilled, for
 * an eighth of the time. */
__attribute__((noinline)) static void
find_exits(const uint8_t *ranks, const ats_forest_heap_node *heap, uint8_t exit[ROWS])
{
    bytes_64 half[2];
#pragma GCC unroll 2
    for (uint32_t h = 0; h < 2; h++) {
        bytes_64 quarter[2];
#pragma GCC unroll 2
        for (uint32_t k = 0; k < 2; k++) {
            uint32_t i = 4 + 2 * h + k;
            quarter[k] = choose(ranks, &heap[i], eight_exits(ranks, heap, 2 * i, 1),
                                eight_exits(ranks, heap, 2 * i + 1, 1));
        }
        half[h] = choose(ranks, &heap[2 + h], quarter[0], quarter[1]);
    }
    bytes_64 low = choose(ranks, &heap[1], half[0], half[1]);
    bytes_64 high = eight_exits(ranks, heap, 1, 8);
    for (uint32_t h = 0; h < 2; h++)
        low.of[h] = _mm256_or_si256(low.of[h], high.of[h]);
    store_bytes(exit, low);
}

/* Each row's leaf to its sum. One load a row is faster than a gather of eight. */
INLINE void add_leaves(const float *leaf, const uint8_t exit[ROWS], float *sums)
{
#pragma GCC unroll 4
    for (uint32_t i = 0; i < ROWS; i += 8) {
        const uint8_t *e = exit + i;
        __m256 some = _mm256_setr_ps(leaf[e[0]], leaf[e[1]], leaf[e[2]], leaf[e[3]], leaf[e[4]],
                                     leaf[e[5]], leaf[e[6]], leaf[e[7]]);
        _mm256_store_ps(sums + i, _mm256_add_ps(_mm256_load_ps(sums + i), some));
    }
}

/* Ranks of 64 rows: q itself, and for the exits 255 - q. */
static void add_block_rows(const ats_forest_image *image, uint32_t b, const uint8_t *ranks,
                           const uint8_t *inverse, uint32_t n, float *sums)
{
    const ats_forest_block *block = &ats_forest_blocks(image)[b];
    const uint8_t *groups = (const uint8_t *)ats_forest_image_at(image, image->groups) + b * BLOCK;
    const ats_forest_heap_node *heap = ats_forest_image_at(image, block->heap);
    const void *leaves = ats_forest_image_at(image, block->leaves);
    for (uint32_t t = 0; t < BLOCK; t++) {
        _Alignas(64) uint8_t exit[ROWS];
        float *to = sums + (size_t)groups[t] * ROWS;
        if (block->form == ATS_FOREST_SMALL) {
            find_exits_small(inverse, heap + 8 * t, exit);
            add_leaves((const float *)leaves + 8 * t, exit, to);
            continue;
        }
        if (block->form == ATS_FOREST_RECORDS)
            ats_batch_prefetch_records((const ats_forest_record *)leaves + 64 * (t + 1));
        find_exits(inverse, heap + 64 * t, exit);
        if (block->form == ATS_FOREST_TOP)
            add_leaves((const float *)leaves + 64 * t, exit, to);
        else if (block->form == ATS_FOREST_RECORDS)
            ats_batch_add_records((const ats_forest_record *)leaves + 64 * t, ranks, ROWS, exit, n,
                                  to);
        else
            ats_batch_add_entries(image, (const uint32_t *)leaves + 64 * t, block->steps, ranks,
                                  ROWS, exit, ROWS, to);
    }
}

/* 255 - q of every rank. */
static void invert(const uint8_t *ranks, uint8_t *inverse, uint32_t column_count)
{
    __m256i ones = _mm256_set1_epi8(-1);
    for (size_t i = 0; i < (size_t)column_count * ROWS; i += 32) {
        __m256i q = _mm256_load_si256((const __m256i *)(const void *)(ranks + i));
        _mm256_store_si256((__m256i *)(void *)(inverse + i), _mm256_xor_si256(q, ones));
    }
}

static void score_batch(const ats_forest_image *image, const float *const *rows, uint32_t n,
                        uint8_t *scratch, float *margins)
{
    uint32_t groups = image->group_count;
    float *sums =
        (float *)(void *)(scratch + ATS_FOREST_SCRATCH_ROWS * ats_forest_rank_stride(image));
    uint8_t *inverse = scratch + ROWS * ats_forest_rank_stride(image);
    for (uint32_t from = 0; from < n; from += ROWS) {
        uint32_t some = n - from < ROWS ? n - from : ROWS;
        rank_rows(image, rows + from, some, scratch);
        invert(scratch, inverse, image->column_count);
        for (uint32_t g = 0; g < groups; g++)
            for (uint32_t i = 0; i < ROWS; i++)
                sums[g * ROWS + i] = image->base_margin[g];
        for (uint32_t b = 0; b < image->block_count; b++)
            add_block_rows(image, b, scratch, inverse, some, sums);
        for (uint32_t i = 0; i < some; i++)
            for (uint32_t g = 0; g < groups; g++)
                margins[(size_t)(from + i) * groups + g] = sums[g * ROWS + i];
    }
}

/* Measured: even at 28 rows of 100 x 6 and 500 x 6, 20 of 500 x 8, 16 where a row is walked. */
static uint32_t batch_rows(const ats_forest_image *image)
{
    if (image->column_count > ATS_FOREST_MASK_COLUMNS_MAX)
        return UINT32_MAX;
    if (image->column_count > 16 * TABLES_MAX)
        return 16;
    return image->max_depth > 6 ? 20 : 28;
}

const ats_forest_engine ats_forest_engine_avx2 = {.quantise = quantise,
                                                  .score_ranks = score_ranks,
                                                  .score_batch = score_batch,
                                                  .batch_rows = batch_rows,
                                                  .update = update};

#endif
