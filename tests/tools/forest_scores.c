/* Scores rows with a model file, for tests that hold the scores against XGBoost's own.
 *   forest_scores MODEL BATCH < rows > scores
 * In: float32 rows of the model's features. Out: of each row its margins, then what the objective
 * makes of them. Rows are scored BATCH at a time. Exit 3: the model is refused. */
#include "core/error.h"
#include "learn/model_file.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    ats_forest forest;
    if (argc != 3)
        return 2;
    if (ats_model_load(&forest, argv[1]) != 0) {
        for (size_t i = 0; i < ats_error_count(); i++)
            fprintf(stderr, "%s\n", ats_error_line(i));
        return 3;
    }
    size_t batch = strtoul(argv[2], NULL, 10), width = forest.feature_count, n;
    float *x = malloc(batch * width * sizeof *x);
    float *margins = malloc(batch * forest.group_count * sizeof *margins);
    const float **rows = malloc(batch * sizeof *rows);
    float out[ATS_FOREST_GROUPS_MAX];
    if (!x || !margins || !rows)
        return 1;
    for (size_t i = 0; i < batch; i++)
        rows[i] = x + i * width;
    while ((n = fread(x, width * sizeof *x, batch, stdin)) > 0) {
        ats_forest_score(&forest, rows, (uint32_t)n, margins);
        for (size_t i = 0; i < n; i++) {
            const float *m = margins + i * forest.group_count;
            ats_forest_predict(&forest, m, out);
            fwrite(m, sizeof *m, forest.group_count, stdout);
            fwrite(out, sizeof *out, forest.group_count, stdout);
        }
    }
    free(x), free(margins), free(rows);
    ats_forest_free(&forest);
    return fflush(stdout) != 0;
}
