/* Scores rows with a model file, for tests that hold the scores against XGBoost's own.
 *   forest_scores MODEL BATCH[,BATCH...] [WAY] < rows > scores
 * In: float32 rows of the model's features. Out: of each row its margins, then what the objective
 * makes of them. Rows are scored BATCH at a time; with several, batches of these sizes take turns,
 * so that one run meets all of them. WAY is walk (the plain walk over the parsed model, the
 * default), portable, avx2, avx512, best, or memory (row by row, through a memory of the last one).
 *   forest_scores --ways          prints the ways that this processor has, a line each
 * Exit 3: the model is refused. 4: this processor does not have that way. */
#include "calc/forest/scorer.h"
#include "core/error.h"
#include "learn/model_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCHES_MAX 64u

typedef struct scoring {
    ats_forest forest;
    ats_forest_image *image;
    ats_scorer scorer;
    void *memory; /* of the last row, or NULL */
    bool walk;    /* the plain walk */
    uint32_t batch[BATCHES_MAX], batch_count;
} scoring;

static int tell(int code)
{
    for (size_t i = 0; i < ats_error_count(); i++)
        fprintf(stderr, "%s\n", ats_error_line(i));
    return code;
}

static int list_ways(void)
{
    puts("walk");
    for (ats_isa isa = 0; isa < ATS_ISA_COUNT; isa++)
        if (ats_isa_supported(isa))
            puts(ats_isa_label(isa));
    puts("memory");
    return 0;
}

static int choose_way(scoring *s, const char *way)
{
    ats_isa isa = ats_isa_best();
    s->walk = strcmp(way, "walk") == 0;
    if (s->walk)
        return 0;
    bool memory = strcmp(way, "memory") == 0;
    if (!memory && strcmp(way, "best") != 0)
        for (isa = 0; isa < ATS_ISA_COUNT && strcmp(way, ats_isa_label(isa)) != 0;)
            isa++;
    s->image = ats_forest_compile(&s->forest);
    if (!s->image || ats_forest_image_check(s->image, s->image->bytes) != 0 ||
        ats_scorer_open(&s->scorer, s->image, isa) != 0)
        return -1;
    if (memory) {
        s->memory = aligned_alloc(64, ats_forest_row_memory_bytes(s->image));
        if (!s->memory)
            return ats_error(ATS_EXIT_FAILED, "out of memory");
        ats_forest_row_memory_reset(s->image, s->memory);
    }
    return 0;
}

static bool read_batches(scoring *s, const char *text)
{
    uint32_t limit = ATS_SCORER_ROWS_MAX;
    for (const char *at = text; s->batch_count < BATCHES_MAX;) {
        char *end;
        unsigned long n = strtoul(at, &end, 10);
        if (end == at || n < 1 || n > limit)
            return false;
        s->batch[s->batch_count++] = (uint32_t)n;
        if (*end != ',')
            return *end == 0;
        at = end + 1;
    }
    return false;
}

static void score(scoring *s, const float *const *rows, uint32_t n, float *margins)
{
    if (s->walk)
        ats_forest_score(&s->forest, rows, n, margins);
    else if (!s->memory)
        ats_scorer_score(&s->scorer, rows, n, margins);
    else
        for (uint32_t i = 0; i < n; i++)
            ats_scorer_score_row(&s->scorer, s->memory, rows[i],
                                 margins + (size_t)i * s->forest.group_count);
}

static int score_all(scoring *s)
{
    size_t width = s->forest.feature_count, groups = s->forest.group_count, n;
    float *x = malloc(ATS_SCORER_ROWS_MAX * width * sizeof *x);
    float *margins = malloc(ATS_SCORER_ROWS_MAX * groups * sizeof *margins);
    const float *rows[ATS_SCORER_ROWS_MAX];
    float out[ATS_FOREST_GROUPS_MAX];
    if (!x || !margins)
        return 1;
    for (size_t i = 0; i < ATS_SCORER_ROWS_MAX; i++)
        rows[i] = x + i * width;
    for (uint32_t turn = 0;; turn++) {
        n = fread(x, width * sizeof *x, s->batch[turn % s->batch_count], stdin);
        if (n == 0)
            break;
        score(s, rows, (uint32_t)n, margins);
        for (size_t i = 0; i < n; i++) {
            ats_forest_predict(&s->forest, margins + i * groups, out);
            fwrite(margins + i * groups, sizeof *margins, groups, stdout);
            fwrite(out, sizeof *out, groups, stdout);
        }
    }
    free(x), free(margins);
    return fflush(stdout) != 0;
}

int main(int argc, char **argv)
{
    static scoring s;
    if (argc == 2 && strcmp(argv[1], "--ways") == 0)
        return list_ways();
    if (argc < 3 || argc > 4 || !read_batches(&s, argv[2]))
        return 2;
    if (ats_model_load(&s.forest, argv[1]) != 0)
        return tell(3);
    if (choose_way(&s, argc == 4 ? argv[3] : "walk") != 0)
        return tell(4);
    int status = score_all(&s);
    free(s.memory);
    if (s.image)
        ats_scorer_close(&s.scorer);
    ats_forest_image_free(s.image);
    ats_forest_free(&s.forest);
    return status;
}
