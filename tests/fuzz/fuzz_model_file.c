/* Model files and compiled images. The first byte says which:
 *   even  the rest is a model file: a refusal with a reason, or a model that scores, and what is
 *         written of it reads back to the same
 *   odd   the rest damages a sound image, three bytes a time: where (two), and what to add. With
 * its checksum made to fit, it is refused with a reason or safe to score in every way
 */
#include "calc/forest/checksum.h"
#include "core/error.h"
#include "learn/model_file.h"
#include "tests/unit/calc/forest_maker.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One of each form of a block, and one with masks in pairs of registers. */
static const forest_plan PLANS[] = {
    {"small", 5, 3, 4, 1, 12, 0, SHAPE_RANDOM, 2, 1},
    {"top", 3, 6, 6, 1, 40, 0, SHAPE_RANDOM, 2, 2},
    {"classes", 6, 2, 3, 3, 9, 0, SHAPE_COMPLETE, 1, 3},
    {"records", 2, 8, 7, 1, 60, 0, SHAPE_RANDOM, 2, 4},
    {"entries", 2, 11, 5, 1, 60, 0, SHAPE_SKEWED, 0, 5},
    {"pairs", 8, 6, 400, 1, 60, 0, SHAPE_COMPLETE, 2, 6},
    {"nodes", 20, 7, 1024, 1, 90, 0, SHAPE_COMPLETE, 2, 7},
};
#define PLAN_COUNT (sizeof PLANS / sizeof PLANS[0])
static ats_forest_image *sound[PLAN_COUNT];

static void require(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    setenv("ATS_CACHE_DIR", "", 1);
    for (size_t i = 0; i < PLAN_COUNT; i++) {
        ats_forest f;
        forest_make(&f, &PLANS[i]);
        sound[i] = ats_forest_compile(&f);
        require(sound[i] && ats_forest_image_check(sound[i], (size_t)sound[i]->bytes) == 0);
        ats_forest_free(&f);
    }
    return 0;
}

/* ---- model files ------------------------------------------------------------------------------
 */

static void write_and_read(const ats_model_file *file)
{
    char path[64];
    ats_model_file again;
    snprintf(path, sizeof path, "/dev/shm/fuzz-model-file-%d.json", (int)getpid());
    require(ats_model_file_write(file, path) == 0);
    require(ats_model_file_read(&again, path) == 0);
    require(again.ensemble && again.member_count == file->member_count &&
            memcmp(&again.calibration, &file->calibration, sizeof again.calibration) == 0);
    for (uint32_t i = 0; i < again.member_count; i++)
        require(again.member[i].weight == file->member[i].weight &&
                strcmp(again.member[i].sha256, file->member[i].sha256) == 0 &&
                strcmp(again.member[i].name, file->member[i].name) == 0);
    ats_model_file_free(&again);
    unlink(path);
}

static void read_file(const uint8_t *data, size_t size)
{
    ats_model_file file;
    if (ats_model_file_parse(&file, data, size) != 0) {
        require(ats_error_count() > 0);
        return;
    }
    ats_model *model = ats_model_file_compile(&file, ats_isa_best(), true);
    require(model || ats_error_count() > 0);
    if (model) {
        float scores[2], confidences[2];
        float *row = calloc(model->feature_count + 1, sizeof *row);
        const float *const rows[] = {row, row};
        ats_model_score(model, rows, NULL, 2, scores, confidences);
        require(memcmp(&scores[0], &scores[1], sizeof scores[0]) == 0);
        write_and_read(&file);
        ats_model_free(model);
        free(row);
    }
    ats_model_file_free(&file);
}

/* ---- images -----------------------------------------------------------------------------------
 */

static void score(const ats_forest_image *image)
{
    static float margins[64 * ATS_FOREST_GROUPS_MAX];
    const float *rows[64];
    size_t width = image->feature_count;
    float *x = malloc(64 * width * sizeof *x + 1);
    require(x != NULL);
    for (size_t i = 0; i < 64 * width; i++)
        x[i] = i % 11 == 0 ? NAN : (float)(i * 2654435761u % 4001) * 0.005f - 10.0f;
    for (size_t r = 0; r < 64; r++)
        rows[r] = x + r * width;
    for (uint32_t isa = 0; isa < ATS_ISA_COUNT; isa++) {
        ats_scorer scorer;
        if (!ats_isa_supported((ats_isa)isa))
            continue;
        require(ats_scorer_open(&scorer, image, (ats_isa)isa) == 0);
        ats_scorer_score(&scorer, rows, 3, margins);
        ats_scorer_score(&scorer, rows, 64, margins);
        ats_scorer_close(&scorer);
    }
    free(x);
}

static void damage(const uint8_t *data, size_t size)
{
    if (size == 0)
        return;
    const ats_forest_image *whole = sound[data[0] % PLAN_COUNT];
    size_t bytes = (size_t)whole->bytes;
    ats_forest_image *image = aligned_alloc(64, bytes);
    require(image != NULL);
    memcpy(image, whole, bytes);
    for (size_t i = 1; i + 3 <= size; i += 3) {
        /* The lower half of places is the header and its tables, where most of the checks are. */
        size_t at = (size_t)data[i] | (size_t)data[i + 1] << 8;
        at = at < 0x8000 ? at % 2048 : (at - 0x8000) * 64 + data[i + 2];
        ((uint8_t *)image)[at % bytes] += data[i + 2];
    }
    if (image->bytes == bytes) /* else the check must see it before it sums anything */
        image->checksum = ats_forest_image_checksum(image);
    if (ats_forest_image_check(image, bytes) == 0)
        score(image);
    else
        require(ats_error_count() > 0);
    free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ats_error_clear();
    if (size < 2)
        return 0;
    if (data[0] % 2 == 0)
        read_file(data + 1, size - 1);
    else
        damage(data + 1, size - 1);
    return 0;
}
