#include "learn/model_file.h"

#include "core/error.h"
#include "io/base64.h"
#include "learn/model_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODEL_BYTES_MAX ((off_t)1 << 31) /* 2,000 trees of depth 12 are about 1 GiB of JSON */

static int hash(const void *bytes, size_t count, char text[65])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!EVP_Digest(bytes, count, digest, &n, EVP_sha256(), NULL) || n != 32)
        return ats_error(ATS_EXIT_FAILED, "model: SHA-256 failed");
    for (unsigned i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

typedef struct mapping {
    void *bytes;
    size_t count;
    char sha256[65];
} mapping;

static int map_file(const char *path, mapping *m)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_DATA, errno, "model %s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0 ||
        st.st_size > MODEL_BYTES_MAX) {
        close(fd);
        return ats_error(ATS_EXIT_DATA, "model %s: not a file of 1 byte to 2 GiB", path);
    }
    m->count = (size_t)st.st_size;
    m->bytes = mmap(NULL, m->count, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (m->bytes == MAP_FAILED)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "model %s", path);
    if (hash(m->bytes, m->count, m->sha256) == 0)
        return 0;
    munmap(m->bytes, m->count);
    return -1;
}

int ats_model_file_hash(const char *path, char sha256[65])
{
    mapping m;
    if (map_file(path, &m) != 0)
        return -1;
    memcpy(sha256, m.sha256, sizeof m.sha256);
    munmap(m.bytes, m.count);
    return 0;
}

int ats_model_load(ats_forest *forest, const char *path)
{
    mapping m;
    if (map_file(path, &m) != 0)
        return -1;
    int result = ats_forest_parse(forest, m.bytes, m.count);
    memcpy(forest->sha256, m.sha256, sizeof forest->sha256);
    munmap(m.bytes, m.count);
    return result == 0 ? 0 : ats_error(ATS_EXIT_DATA, "model %s cannot be used", path);
}

/* ---- ensembles ------------------------------------------------------------------------------ */

/* Room before the marker: an object starts with it when this program wrote it. */
#define MARKER_WITHIN 64u

static bool is_ensemble(const mapping *m)
{
    size_t n = m->count < MARKER_WITHIN ? m->count : MARKER_WITHIN;
    return memmem(m->bytes, n, "\"ats_model\"", strlen("\"ats_model\"")) != NULL;
}

/* A file's forest, compiled: from the cache, or parsed and kept there. */
static int take_forest(const void *bytes, size_t count, const char *sha256, ats_forest *forest,
                       ats_forest_image **image)
{
    if (ats_model_cache_get(sha256, forest, image) == 0)
        return 0;
    if (ats_forest_parse(forest, bytes, count) != 0)
        return -1;
    memcpy(forest->sha256, sha256, sizeof forest->sha256);
    *image = ats_forest_compile(forest);
    if (*image) {
        ats_model_cache_put(forest, *image);
        return 0;
    }
    ats_forest_free(forest);
    return -1;
}

static int read_member(json_t *member, uint32_t number, ats_forest *forest,
                       ats_forest_image **image, float *weight)
{
    char sha256[65];
    json_t *w = json_object_get(member, "weight"), *text = json_object_get(member, "model");
    size_t length = json_string_length(text);
    ssize_t bytes;
    if (!json_is_number(w) || !json_is_string(text))
        return ats_error(ATS_EXIT_DATA, "ensemble: member %u has no weight or no model", number);
    uint8_t *file = malloc(length + 1);
    if (!file)
        return ats_error(ATS_EXIT_FAILED, "ensemble: out of memory");
    int result = -1;
    if ((bytes = ats_base64_decode(json_string_value(text), length, file)) < 0)
        ats_error(ATS_EXIT_DATA, "ensemble: member %u is no base64", number);
    else if (hash(file, (size_t)bytes, sha256) == 0)
        result = take_forest(file, (size_t)bytes, sha256, forest, image);
    if (result != 0)
        ats_error(ATS_EXIT_DATA, "ensemble: member %u cannot be used", number);
    free(file);
    *weight = (float)json_number_value(w);
    return result;
}

static int read_calibration(json_t *json, ats_calibration *table)
{
    json_t *score = json_object_get(json, "score"), *chance = json_object_get(json, "chance");
    size_t n = json_array_size(score);
    if (n < 1 || n > ATS_CALIBRATION_KNOTS_MAX || json_array_size(chance) != n)
        return ats_error(ATS_EXIT_DATA, "ensemble: calibration: 1 to %u scores and as many chances",
                         ATS_CALIBRATION_KNOTS_MAX);
    table->count = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        json_t *x = json_array_get(score, i), *p = json_array_get(chance, i);
        if (!json_is_number(x) || !json_is_number(p))
            return ats_error(ATS_EXIT_DATA, "ensemble: calibration: knot %zu is no number", i);
        table->score[i] = (float)json_number_value(x);
        table->chance[i] = (float)json_number_value(p);
    }
    return 0;
}

static ats_model *make_ensemble(json_t *root, const char *sha256, ats_isa isa)
{
    ats_forest forests[ATS_MODEL_MEMBERS_MAX] = {0};
    ats_forest_image *images[ATS_MODEL_MEMBERS_MAX] = {0};
    float weights[ATS_MODEL_MEMBERS_MAX];
    ats_calibration table = {0};
    json_t *members = json_object_get(root, "members"), *fit = json_object_get(root, "calibration");
    size_t n = json_array_size(members);
    int result = 0;
    if (json_integer_value(json_object_get(root, "ats_model")) != 1)
        result = ats_error(ATS_EXIT_DATA, "ensemble: only \"ats_model\": 1 is known");
    else if (n < 1 || n > ATS_MODEL_MEMBERS_MAX)
        result = ats_error(ATS_EXIT_DATA, "ensemble: %zu members; 1 to %u are possible", n,
                           ATS_MODEL_MEMBERS_MAX);
    else if (fit)
        result = read_calibration(fit, &table);
    for (uint32_t i = 0; result == 0 && i < n; i++)
        result =
            read_member(json_array_get(members, i), i + 1, &forests[i], &images[i], &weights[i]);
    if (result == 0)
        return ats_model_make(
            forests, (uint32_t)n,
            &(ats_model_parts){weights, fit ? &table : NULL, sha256, isa, images});
    for (uint32_t i = 0; i < ATS_MODEL_MEMBERS_MAX; i++) {
        ats_forest_free(&forests[i]);
        ats_forest_image_free(images[i]);
    }
    return NULL;
}

ats_model *ats_model_open(const char *path, ats_isa isa)
{
    mapping m;
    json_error_t error;
    if (map_file(path, &m) != 0)
        return NULL;
    ats_model *model = NULL;
    if (is_ensemble(&m)) {
        json_t *root = json_loadb(m.bytes, m.count, JSON_REJECT_DUPLICATES, &error);
        if (root)
            model = make_ensemble(root, m.sha256, isa);
        else
            ats_error(ATS_EXIT_DATA, "ensemble: line %d: %s", error.line, error.text);
        json_decref(root);
    } else {
        ats_forest forest = {0};
        ats_forest_image *image;
        if (take_forest(m.bytes, m.count, m.sha256, &forest, &image) == 0)
            model = ats_model_make(
                &forest, 1, &(ats_model_parts){.sha256 = m.sha256, .isa = isa, .images = &image});
    }
    munmap(m.bytes, m.count);
    if (!model)
        ats_error(ATS_EXIT_DATA, "model %s cannot be used", path);
    return model;
}
