#include "calc/forest/scorer.h"

#include "calc/forest/engine.h"
#include "core/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- which instruction sets there are ---------------------------------------------------------
 */

static const struct {
    const char *label;
    const ats_forest_engine *engine;
} ENGINES[] = {
    [ATS_ISA_PORTABLE] = {"portable", &ats_forest_engine_portable},
#if defined(__x86_64__)
    [ATS_ISA_AVX2] = {"avx2", &ats_forest_engine_avx2},
    [ATS_ISA_AVX512] = {"avx512", &ats_forest_engine_avx512},
#else
    [ATS_ISA_AVX2] = {"avx2", NULL},
    [ATS_ISA_AVX512] = {"avx512", NULL},
#endif
};
static_assert(sizeof ENGINES / sizeof ENGINES[0] == ATS_ISA_COUNT, "a line each");

const char *ats_isa_label(ats_isa isa)
{
    return (uint32_t)isa < ATS_ISA_COUNT ? ENGINES[isa].label : "?";
}

bool ats_isa_supported(ats_isa isa)
{
    if (!ENGINES[isa].engine)
        return false;
#if defined(__x86_64__)
    if (isa == ATS_ISA_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bitalg") &&
               __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("bmi2");
    if (isa == ATS_ISA_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
               __builtin_cpu_supports("popcnt");
#endif
    return isa == ATS_ISA_PORTABLE;
}

ats_isa ats_isa_best(void)
{
    ats_isa best = ATS_ISA_PORTABLE;
    for (ats_isa isa = ATS_ISA_PORTABLE; isa < ATS_ISA_COUNT; isa++)
        best = ats_isa_supported(isa) ? isa : best;
    return best;
}

/* ---- opening ----------------------------------------------------------------------------------
 */

int ats_scorer_open(ats_scorer *scorer, const ats_forest_image *image, ats_isa isa)
{
    memset(scorer, 0, sizeof *scorer);
    if ((uint32_t)isa >= ATS_ISA_COUNT || !ats_isa_supported(isa))
        return ats_error(ATS_EXIT_CONFIG, "scorer: this processor has no %s", ats_isa_label(isa));
    size_t bytes = ATS_FOREST_SCRATCH_ROWS * ats_forest_rank_stride(image) +
                   image->group_count * ATS_FOREST_SCRATCH_GROUP_BYTES;
    scorer->scratch = aligned_alloc(64, bytes);
    if (!scorer->scratch)
        return ats_error(ATS_EXIT_FAILED, "scorer: out of memory");
    memset(scorer->scratch, 0, bytes); /* faulted in, and the bytes behind the last column set */
    scorer->image = image;
    scorer->isa = isa;
    scorer->engine = ENGINES[isa].engine;
    return 0;
}

void ats_scorer_close(ats_scorer *scorer)
{
    free(scorer->scratch);
    memset(scorer, 0, sizeof *scorer);
}

/* ---- scoring ----------------------------------------------------------------------------------
 */

void ats_scorer_score(ats_scorer *scorer, const float *const *rows, uint32_t n, float *margins)
{
    const ats_forest_engine *engine = scorer->engine;
    const ats_forest_image *image = scorer->image;
    assert(n >= 1 && n <= ATS_SCORER_ROWS_MAX);
    if (engine->score_batch && n >= engine->batch_rows(image)) {
        engine->score_batch(image, rows, n, scorer->scratch, margins);
        return;
    }
    size_t stride = ats_forest_rank_stride(image);
    for (uint32_t i = 0; i < n; i += ATS_FOREST_ROWS_AT_ONCE) {
        uint32_t some = n - i < ATS_FOREST_ROWS_AT_ONCE ? n - i : ATS_FOREST_ROWS_AT_ONCE;
        engine->quantise(image, rows + i, some, scorer->scratch, stride);
        engine->score_ranks(image, scorer->scratch, some, margins + (size_t)i * image->group_count);
    }
}

void ats_forest_quantise(const ats_forest_image *image, ats_isa isa, const float *const *rows,
                         uint32_t n, uint8_t *ranks, size_t stride)
{
    assert((uint32_t)isa < ATS_ISA_COUNT && stride >= image->column_count);
    ENGINES[isa].engine->quantise(image, rows, n, ranks, stride);
}

void ats_scorer_score_ranks(const ats_scorer *scorer, const uint8_t *ranks, uint32_t n,
                            float *margins)
{
    scorer->engine->score_ranks(scorer->image, ranks, n, margins);
}

/* ---- rows that change little ------------------------------------------------------------------
 */

/* A memory: the values of the last row, in whole lines, then its ranks. */
static size_t values_bytes(const ats_forest_image *image)
{
    return ((size_t)image->feature_count * sizeof(float) + 63) & ~(size_t)63;
}

size_t ats_forest_row_memory_bytes(const ats_forest_image *image)
{
    return values_bytes(image) + ats_forest_rank_stride(image);
}

void ats_forest_row_memory_reset(const ats_forest_image *image, void *memory)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    uint8_t *ranks = (uint8_t *)memory + values_bytes(image);
    memset(memory, 255, values_bytes(image)); /* a NaN, whose ranks follow */
    memset(ranks, 0, ats_forest_rank_stride(image));
    for (uint32_t c = 0; c < image->column_count; c++)
        ranks[c] = columns[c].missing_rank;
}

void ats_scorer_score_row(ats_scorer *scorer, void *memory, const float *row, float *margins)
{
    const ats_forest_image *image = scorer->image;
    uint8_t *ranks = (uint8_t *)memory + values_bytes(image);
    scorer->engine->update(image, row, memory, ranks);
    scorer->engine->score_ranks(image, ranks, 1, margins);
}
