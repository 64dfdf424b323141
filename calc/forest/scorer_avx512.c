/* Compiled for AVX-512 with VBMI, BITALG and VPOPCNTDQ; reached through scorer.c only where the
 * processor has them. Row by row here; many rows at once in batch_avx512.c. */
#include "calc/forest/engine.h"

#if defined(__AVX512VBMI__) && defined(__AVX512BITALG__)

#include "calc/forest/engine_avx512.h"
#include "calc/forest/exits.h"
#include "calc/forest/walk.h"

#include <math.h>

#define LINE  ATS_FOREST_LINE_THRESHOLDS
#define BLOCK ATS_FOREST_BLOCK_TREES

#define INLINE __attribute__((always_inline)) static inline

/* ---- ranks ----------------------------------------------------------------------------------- */

/* How many of a line's thresholds are <= x. */
INLINE uint32_t count_line(const float *line, __m512 x)
{
    uint64_t below = _cvtmask16_u32(_mm512_cmp_ps_mask(_mm512_load_ps(line), x, _CMP_LE_OQ));
    __asm__("" : "+r"(below)); /* else a 16-bit count, which waits for its register's last writer */
    return (uint32_t)__builtin_popcountll(below);
}

/* Above every threshold where it is no number: the least of a NaN and another is the other. */
INLINE __m512 infinite_if_missing(__m512 x)
{
    return _mm512_min_ps(x, _mm512_set1_ps(INFINITY));
}

/* Ranks of the columns of one run. Every column is its own chain of two comparisons and two counts,
 * and the processor runs many of them at once. */
INLINE uint32_t rank_run(const ats_forest_image *image, uint32_t c, uint32_t run, const float *row,
                         bool wide, bool missing_right, uint8_t *ranks)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    uint32_t end = image->run_end[run];
#pragma GCC unroll 4
    for (; c < end; c++) {
        const float *cuts = ats_forest_image_at(image, columns[c].cuts);
        __m512 x = _mm512_set1_ps(row[columns[c].feature]);
        if (missing_right)
            x = infinite_if_missing(x);
        uint32_t rank = count_line(cuts, x);
        if (wide)
            rank = LINE * rank + count_line(cuts + LINE + LINE * rank, x);
        ranks[c] = (uint8_t)rank;
    }
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

/* ---- ranks of what changed ------------------------------------------------------------------- */

INLINE uint8_t rank_of(const ats_forest_image *image, const ats_forest_column *c, float value)
{
    const float *cuts = ats_forest_image_at(image, c->cuts);
    __m512 x = _mm512_set1_ps(value);
    uint32_t rank = count_line(cuts, x);
    if (c->threshold_count > LINE)
        rank = LINE * rank + count_line(cuts + LINE + LINE * rank, x);
    return value != value ? c->missing_rank : (uint8_t)rank;
}

/* Features whose bits differ from the remembered ones, which become those of the row; how many. All
 * of them first: a loop of unknown length for each sixteen would be guessed wrong each time. */
static uint32_t find_changed(uint32_t feature_count, const float *row, float *values,
                             uint16_t *changed)
{
    __m512i feature = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uint32_t count = 0;
    for (uint32_t f = 0; f < feature_count; f += 16) {
        uint32_t left = feature_count - f;
        __mmask16 live = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
        __m512i new = _mm512_maskz_loadu_epi32(live, row + f);
        __mmask16 differ = _mm512_mask_cmpneq_epi32_mask(live, new, _mm512_load_si512(values + f));
        _mm512_mask_store_epi32(values + f, live, new);
        _mm256_storeu_si256((__m256i *)(void *)(changed + count),
                            _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(differ, feature)));
        count += (uint32_t)__builtin_popcount(_cvtmask16_u32(differ));
        feature = _mm512_add_epi32(feature, _mm512_set1_epi32(16));
    }
    return count;
}

static void update(const ats_forest_image *image, const float *row, float *values, uint8_t *ranks)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    const uint16_t *begin = ats_forest_image_at(image, image->feature_columns);
    const uint16_t *of = ats_forest_image_at(image, image->column_of);
    uint16_t changed[ATS_FOREST_FEATURES_MAX + 16]; /* stored sixteen at a time */
    uint32_t count = find_changed(image->feature_count, row, values, changed);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t feature = changed[k];
        for (uint32_t i = begin[feature]; i < begin[feature + 1]; i++)
            ranks[of[i]] = rank_of(image, &columns[of[i]], row[feature]);
    }
}

/* ---- decisions ------------------------------------------------------------------------------- */

/* How a row's ranks are held: in one, two, four or six registers, or in memory as pairs. */
typedef enum row_width { WIDTH_64, WIDTH_128, WIDTH_256, WIDTH_384, WIDTH_PAIRS } row_width;

typedef struct row_ranks {
    __m512i r[6];
    const uint8_t *q;
    uint32_t pair_count;
} row_ranks;

INLINE row_ranks load_row(const ats_forest_image *image, const uint8_t *q, row_width width)
{
    row_ranks row = {.q = q, .pair_count = image->pair_count};
    row.r[0] = _mm512_load_si512(q);
    if (width != WIDTH_64 && width != WIDTH_PAIRS)
        row.r[1] = _mm512_load_si512(q + 64);
    if (width == WIDTH_256 || width == WIDTH_384) {
        row.r[2] = _mm512_load_si512(q + 128);
        row.r[3] = _mm512_load_si512(q + 192);
    }
    if (width == WIDTH_384) {
        row.r[4] = _mm512_load_si512(q + 256);
        row.r[5] = _mm512_load_si512(q + 320);
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
    } else if (width == WIDTH_384) {
        picked = _mm512_permutex2var_epi8(row->r[0], columns, row->r[1]);
        __m512i second = _mm512_permutex2var_epi8(row->r[2], columns, row->r[3]);
        __m512i third = _mm512_permutex2var_epi8(row->r[4], columns, row->r[5]);
        picked = _mm512_mask_mov_epi8(picked, pairs[1], second);
        picked = _mm512_mask_mov_epi8(picked, pairs[2], third);
    } else {
        picked = pick_pairs(row, columns, pairs);
    }
    return _cvtmask64_u64(_mm512_cmpgt_epu8_mask(picked, _mm512_load_si512(record + 64)));
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* What a block is scored with. */
typedef struct block_view {
    const uint8_t *records;
    const uint64_t *pairs;
    const void *leaves;
    uint32_t pair_step;
} block_view;

INLINE block_view view_of(const ats_forest_image *image, const ats_forest_block *block,
                          row_width width)
{
    bool paired = width >= WIDTH_384;
    return (block_view){.records = ats_forest_image_at(image, block->masks),
                        .pairs = paired ? ats_forest_image_at(image, block->pairs) : NULL,
                        .leaves = ats_forest_image_at(image, block->leaves),
                        .pair_step = width == WIDTH_384 ? 3
                                     : paired           ? image->pair_count
                                                        : 0};
}

INLINE uint64_t decide_record(const block_view *v, const row_ranks *row, uint32_t record,
                              row_width width)
{
    const uint64_t *pairs = width >= WIDTH_384 ? v->pairs + record * v->pair_step : NULL;
    return decide(row, v->records + record * 128, pairs, width);
}

/* The exit of tree t of a block that is not SMALL. */
INLINE uint32_t exit_of(const block_view *v, const row_ranks *row, uint32_t t, row_width width)
{
    return ats_exit_of(decide_record(v, row, t, width));
}

/* The exits of eight SMALL trees, a byte each: a lane's seven decisions are its field. */
INLINE uint64_t exits_of_eight(const block_view *v, const row_ranks *row, uint32_t record,
                               row_width width)
{
    uint64_t fields = decide_record(v, row, record, width);
    __m512i index = _mm512_and_si512(_mm512_castsi128_si512(_mm_cvtsi64_si128((int64_t)fields)),
                                     _mm512_set1_epi8(127));
    __m512i exits = _mm512_permutex2var_epi8(_mm512_load_si512(ATS_EXITS), index,
                                             _mm512_load_si512(ATS_EXITS + 64));
    return (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(exits));
}

/* Leaf values of a block's trees, given to `USE(t, value)` in their order. One loop a form: a
 * tree's decisions, exit and leaf form one chain, and those of many trees are in flight at once
 * while the sum waits for its adds. */
#define FOR_LEAVES(image, block, v, row, width, USE)                                               \
    if ((block)->form == ATS_FOREST_TOP) {                                                         \
        _Pragma("GCC unroll 16") for (uint32_t t = 0; t < BLOCK; t++)                              \
            USE(t, ((const float *)(v).leaves)[64 * t + exit_of(&(v), row, t, width)]);            \
    } else if ((block)->form == ATS_FOREST_RECORDS) {                                              \
        const ats_forest_record *records = (v).leaves;                                             \
        _Pragma("GCC unroll 4") for (uint32_t t = 0; t < BLOCK; t++)                               \
            USE(t, ats_walk_record(&records[64 * t + exit_of(&(v), row, t, width)], (row)->q));    \
    } else if ((block)->form == ATS_FOREST_SMALL) {                                                \
        for (uint32_t r = 0; r < 2; r++) {                                                         \
            uint64_t exits = exits_of_eight(&(v), row, r, width);                                  \
            _Pragma("GCC unroll 8") for (uint32_t k = 0; k < 8; k++, exits >>= 8)                  \
                USE(8 * r + k, ((const float *)(v).leaves)[64 * r + 8 * k + (exits & 255)]);       \
        }                                                                                          \
    } else {                                                                                       \
        float values[BLOCK];                                                                       \
        walk_on(image, block, &(v), row, width, values);                                           \
        for (uint32_t t = 0; t < BLOCK; t++)                                                       \
            USE(t, values[t]);                                                                     \
    }

/* ENTRIES and NODES: the rest is walked node by node. */
INLINE void walk_on(const ats_forest_image *image, const ats_forest_block *block,
                    const block_view *v, const row_ranks *row, row_width width, float *values)
{
    const uint32_t *entries = v->leaves;
    uint32_t from[BLOCK];
    for (uint32_t t = 0; t < BLOCK; t++)
        from[t] = block->form == ATS_FOREST_NODES ? entries[t]
                                                  : entries[64 * t + exit_of(v, row, t, width)];
    ats_walk_nodes(image, from, block->steps, row->q, values);
}

/* The sum, in order, of a margin and the leaves of a block's trees. */
INLINE float add_block(const ats_forest_image *image, const ats_forest_block *block,
                       const row_ranks *row, row_width width, float sum)
{
    block_view v = view_of(image, block, width);
#define ADD(t, value) sum += (value)
    FOR_LEAVES(image, block, v, row, width, ADD)
#undef ADD
    return sum;
}

INLINE void add_block_groups(const ats_forest_image *image, const ats_forest_block *block,
                             const uint8_t *groups, const row_ranks *row, row_width width,
                             float *margins)
{
    block_view v = view_of(image, block, width);
#define ADD(t, value) margins[groups[t]] += (value)
    FOR_LEAVES(image, block, v, row, width, ADD)
#undef ADD
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The records of a block's exits, and their lines on the way: a model of such trees is larger than
 * the nearest cache. A record may lie across two lines. */
INLINE void fetch_records(const ats_forest_image *image, const ats_forest_block *block,
                          const row_ranks *row, row_width width,
                          const ats_forest_record *found[BLOCK])
{
    block_view v = view_of(image, block, width);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < BLOCK; t++) {
        found[t] = (const ats_forest_record *)v.leaves + 64 * t + exit_of(&v, row, t, width);
        _mm_prefetch((const char *)found[t], _MM_HINT_T0);
        _mm_prefetch((const char *)(found[t] + 1) - 1, _MM_HINT_T0);
    }
}

/* A block of RECORDS for n rows of one group: those of the next row are on their way while this
 * one's are walked. */
INLINE void add_record_rows(const ats_forest_image *image, const ats_forest_block *block,
                            const uint8_t *ranks, uint32_t n, row_width width, float *margins)
{
    size_t stride = ats_forest_rank_stride(image);
    const ats_forest_record *found[2][BLOCK];
    row_ranks row = load_row(image, ranks, width);
    fetch_records(image, block, &row, width, found[0]);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *q = ranks + i * stride;
        if (i + 1 < n) {
            row = load_row(image, q + stride, width);
            fetch_records(image, block, &row, width, found[(i + 1) & 1]);
        }
        float sum = margins[i];
#pragma GCC unroll 8
        for (uint32_t t = 0; t < BLOCK; t++)
            sum += ats_walk_record(found[i & 1][t], q);
        margins[i] = sum;
    }
}

/* A block at a time, so that its records serve all rows while they are near. */
INLINE void score_rows(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,
                       row_width width, float *margins)
{
    const ats_forest_block *blocks = ats_forest_blocks(image);
    const uint8_t *groups = ats_forest_image_at(image, image->groups);
    size_t stride = ats_forest_rank_stride(image);
    for (uint32_t b = 0; b < image->block_count; b++) {
        if (image->group_count == 1 && blocks[b].form == ATS_FOREST_RECORDS) {
            add_record_rows(image, &blocks[b], ranks, n, width, margins);
            continue;
        }
        for (uint32_t i = 0; i < n; i++) {
            row_ranks row = load_row(image, ranks + i * stride, width);
            float *to = margins + (size_t)i * image->group_count;
            if (image->group_count == 1)
                *to = add_block(image, &blocks[b], &row, width, *to);
            else
                add_block_groups(image, &blocks[b], groups + b * BLOCK, &row, width, to);
        }
    }
}

/* A run of RECORDS blocks: the records of the next block are on their way while this one's are
 * walked. Returns the block behind the run. */
INLINE uint32_t add_record_run(const ats_forest_image *image, uint32_t b, const row_ranks *row,
                               row_width width, float *sum)
{
    const ats_forest_block *blocks = ats_forest_blocks(image);
    const ats_forest_record *found[2][BLOCK];
    float total = *sum;
    fetch_records(image, &blocks[b], row, width, found[b & 1]);
    for (bool more = true; more; b++) {
        more = b + 1 < image->block_count && blocks[b + 1].form == ATS_FOREST_RECORDS;
        if (more)
            fetch_records(image, &blocks[b + 1], row, width, found[(b + 1) & 1]);
#pragma GCC unroll 8
        for (uint32_t t = 0; t < BLOCK; t++)
            total += ats_walk_record(found[b & 1][t], row->q);
    }
    *sum = total;
    return b;
}

/* One row of one group: its ranks and its sum stay in registers. */
INLINE void score_row(const ats_forest_image *image, const uint8_t *ranks, row_width width,
                      float *margin)
{
    const ats_forest_block *blocks = ats_forest_blocks(image);
    row_ranks row = load_row(image, ranks, width);
    float sum = *margin;
    for (uint32_t b = 0; b < image->block_count;)
        if (blocks[b].form == ATS_FOREST_RECORDS)
            b = add_record_run(image, b, &row, width, &sum);
        else
            sum = add_block(image, &blocks[b++], &row, width, sum);
    *margin = sum;
}

#define SCORE(width)                                                                               \
    static void score_##width(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,     \
                              float *margins)                                                      \
    {                                                                                              \
        if (n == 1 && image->group_count == 1)                                                     \
            score_row(image, ranks, width, margins);                                               \
        else                                                                                       \
            score_rows(image, ranks, n, width, margins);                                           \
    }
SCORE(WIDTH_64)
SCORE(WIDTH_128)
SCORE(WIDTH_256)
SCORE(WIDTH_384)
SCORE(WIDTH_PAIRS)

static void score_ranks(const ats_forest_image *image, const uint8_t *ranks, uint32_t n,
                        float *margins)
{
    ats_walk_begin(image, n, margins);
    if (image->column_count <= 64)
        score_WIDTH_64(image, ranks, n, margins);
    else if (image->column_count <= 128)
        score_WIDTH_128(image, ranks, n, margins);
    else if (image->column_count <= 256)
        score_WIDTH_256(image, ranks, n, margins);
    else if (image->pair_count == 3)
        score_WIDTH_384(image, ranks, n, margins);
    else
        score_WIDTH_PAIRS(image, ranks, n, margins);
}

const ats_forest_engine ats_forest_engine_avx512 = {.quantise = quantise,
                                                    .score_ranks = score_ranks,
                                                    .score_batch = ats_avx512_score_batch,
                                                    .batch_rows = ats_avx512_batch_rows,
                                                    .update = update};

#endif
