/* scorer.h: scores rows with a compiled forest (image.h); the one header the chain scores through.
 *
 * There are several ways through the same image, by instruction set. All give the same bits as
 * ats_forest_score, whatever the number of rows: per row and group, trees are added in file order
 * from the base margin in float32. Which one is fastest here is found out at run time.
 *
 *   portable  any machine: ranks by counting; walks of eight trees side by side, level by level
 *   avx2      a tree's 63 nodes decided by byte shuffles and comparisons (up to 96 columns; walks
 *             beyond); from 16 to 28 rows on, 64 rows side by side
 *   avx512    AVX-512 F, BW, DQ, VL, VBMI, BITALG, VPOPCNTDQ. Few rows: one byte permute and one
 *             comparison decide all 63 nodes of a tree (a permute a pair of registers beyond 128
 *             columns), two table look-ups find its exit. From 20 or 28 rows on: columns side by
 *             side, 64 rows in a register, every node decided for all of them and merged from the
 *             leaves up; 128 rows at a time where there are as many.
 *
 * Below the sixth level a tree goes on by records of two levels (depth 7 and 8) or by a walk of
 * fixed length. With more than 1,024 columns all trees are walked. Every model that parses is
 * scored.
 *
 * No path branches on data; the work of a row depends on the model only, so the tail of the times
 * is the machine's. One thread uses a scorer; any number of scorers share an image.
 */
#ifndef ATS_CALC_FOREST_SCORER_H
#define ATS_CALC_FOREST_SCORER_H

#include "calc/forest/image.h"

#include <stdbool.h>

#define ATS_SCORER_ROWS_MAX 256u /* of one call: the largest batch of the chain */

typedef enum ats_isa {
    ATS_ISA_PORTABLE = 0,
    ATS_ISA_AVX2 = 1,
    ATS_ISA_AVX512 = 2,
    ATS_ISA_COUNT
} ats_isa;

/* The best that this processor and this build have; whether one can be used; its name. */
ats_isa ats_isa_best(void);
bool ats_isa_supported(ats_isa isa);
const char *ats_isa_label(ats_isa isa);

typedef struct ats_scorer {
    const ats_forest_image *image;
    ats_isa isa;
    const struct ats_forest_engine *engine;
    uint8_t *scratch; /* ranks of the rows in hand, 64-byte aligned */
} ats_scorer;

/* Takes scratch memory: 128 ranks a column. The image must outlive the scorer; when it came from a
 * file, it must have passed ats_forest_image_check. 0, or -1 with an error pushed: the instruction
 * set is not supported here, or memory is short. Cold. */
int ats_scorer_open(ats_scorer *scorer, const ats_forest_image *image, ats_isa isa);
void ats_scorer_close(ats_scorer *scorer);

/* Margins of n rows (1..ATS_SCORER_ROWS_MAX); rows[i] points to feature_count floats, margins holds
 * n * group_count. Hot, allocates nothing. */
void ats_scorer_score(ats_scorer *scorer, const float *const *rows, uint32_t n, float *margins);

/* Ranks of n rows: ranks[i * stride .. + column_count). stride >= column_count; what lies between
 * is not written. The same bytes on every instruction set. Hot, pure. */
void ats_forest_quantise(const ats_forest_image *image, ats_isa isa, const float *const *rows,
                         uint32_t n, uint8_t *ranks, size_t stride);

/* Margins of n rows from ranks that ats_forest_quantise made, at a stride of
 * ats_forest_rank_stride(image), 64-byte aligned. Hot, pure. */
void ats_scorer_score_ranks(const ats_scorer *scorer, const uint8_t *ranks, uint32_t n,
                            float *margins);

/* ---- rows that change little ------------------------------------------------------------------
 */

/* What is remembered of the row scored last for one symbol: its values and their ranks, so that
 * only features that changed are quantised again. It pays when fewer than about a fifth of the
 * features change from row to row: 100 trees of depth 6 on AVX-512 take 0.17 us with 8 changed of
 * 64, where a fresh row takes 0.21 (`ats bench infer`, slow-rows); with many it is slower. A
 * feature that changes in any bit counts as changed. The margins are the same.
 *
 * Bytes of a memory, a multiple of 64; it must be 64-byte aligned and is made ready by
 * ats_forest_row_memory_reset. It belongs to one image. */
size_t ats_forest_row_memory_bytes(const ats_forest_image *image);
void ats_forest_row_memory_reset(const ats_forest_image *image, void *memory);

/* Margins of one row, through and into the memory. Hot, allocates nothing. */
void ats_scorer_score_row(ats_scorer *scorer, void *memory, const float *row, float *margins);

#endif
