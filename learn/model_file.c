#include "learn/model_file.h"

#include "core/error.h"
#include "core/file.h"
#include "io/base64.h"
#include "learn/model_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* A file as it was at one moment: hashed and parsed from a copy, so that one who writes over it
 * meanwhile can neither end the program nor slip in what the hash does not cover. */
typedef struct contents {
    void *bytes;
    size_t count;
    char sha256[65];
} contents;

static int read_file(const char *path, contents *c)
{
    struct stat st;
    /* Without O_NONBLOCK a FIFO would be waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_DATA, errno, "model %s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0 ||
        st.st_size > MODEL_BYTES_MAX) {
        close(fd);
        return ats_error(ATS_EXIT_DATA, "model %s: not a file of 1 byte to 2 GiB", path);
    }
    c->bytes = malloc((size_t)st.st_size);
    ssize_t n = c->bytes ? ats_file_read_at(fd, c->bytes, (size_t)st.st_size, 0) : -1;
    int e = errno;
    close(fd);
    c->count = n > 0 ? (size_t)n : 0;
    if (n > 0 && hash(c->bytes, c->count, c->sha256) == 0)
        return 0;
    free(c->bytes);
    return n > 0    ? -1
           : n == 0 ? ats_error(ATS_EXIT_DATA, "model %s: is empty", path)
                    : ats_error_errno(ATS_EXIT_FAILED, e, "model %s", path);
}

int ats_model_file_hash(const char *path, char sha256[65])
{
    contents m;
    if (read_file(path, &m) != 0)
        return -1;
    memcpy(sha256, m.sha256, sizeof m.sha256);
    free(m.bytes);
    return 0;
}

int ats_model_load(ats_forest *forest, const char *path)
{
    contents m;
    if (read_file(path, &m) != 0)
        return -1;
    int result = ats_forest_parse(forest, m.bytes, m.count);
    memcpy(forest->sha256, m.sha256, sizeof forest->sha256);
    free(m.bytes);
    return result == 0 ? 0 : ats_error(ATS_EXIT_DATA, "model %s cannot be used", path);
}

/* ---- taking apart --------------------------------------------------------------------------- */

/* Room before the marker: an object starts with it when this program wrote it. */
#define MARKER_WITHIN 64u

static bool is_ensemble(const void *bytes, size_t count)
{
    size_t n = count < MARKER_WITHIN ? count : MARKER_WITHIN;
    return memmem(bytes, n, "\"ats_model\"", strlen("\"ats_model\"")) != NULL;
}

/* Cut to what there is room for, between characters of UTF-8. */
static void copy_name(char to[ATS_MODEL_NAME_BYTES], const char *name)
{
    size_t n = strlen(name);
    if (n >= ATS_MODEL_NAME_BYTES)
        for (n = ATS_MODEL_NAME_BYTES - 1; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80; n--)
            ;
    memcpy(to, name, n);
    to[n] = 0;
}

static int read_member(const json_t *json, uint32_t number, ats_model_file_member *member)
{
    const json_t *weight = json_object_get(json, "weight"), *text = json_object_get(json, "model");
    const char *name = json_string_value(json_object_get(json, "name"));
    size_t length = json_string_length(text);
    ssize_t bytes;
    if (!json_is_number(weight) || !json_is_string(text))
        return ats_error(ATS_EXIT_DATA, "ensemble: member %u has no weight or no model", number);
    member->weight = json_number_value(weight);
    copy_name(member->name, name ? name : "");
    member->owned = malloc(length + 1);
    if (!member->owned)
        return ats_error(ATS_EXIT_FAILED, "ensemble: out of memory");
    if ((bytes = ats_base64_decode(json_string_value(text), length, member->owned)) < 0)
        return ats_error(ATS_EXIT_DATA, "ensemble: member %u is no base64", number);
    member->bytes = member->owned;
    member->count = (size_t)bytes;
    return hash(member->bytes, member->count, member->sha256);
}

static int read_calibration(const json_t *json, ats_calibration *table)
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

static int read_ensemble(ats_model_file *file, const json_t *root)
{
    const json_t *members = json_object_get(root, "members");
    const json_t *fit = json_object_get(root, "calibration");
    size_t n = json_array_size(members);
    if (json_integer_value(json_object_get(root, "ats_model")) != 1)
        return ats_error(ATS_EXIT_DATA, "ensemble: only \"ats_model\": 1 is known");
    if (n < 1 || n > ATS_MODEL_MEMBERS_MAX)
        return ats_error(ATS_EXIT_DATA, "ensemble: %zu members; 1 to %u are possible", n,
                         ATS_MODEL_MEMBERS_MAX);
    if (fit && read_calibration(fit, &file->calibration) != 0)
        return -1;
    file->ensemble = true;
    file->member_count = (uint32_t)n;
    for (uint32_t i = 0; i < n; i++)
        if (read_member(json_array_get(members, i), i + 1, &file->member[i]) != 0)
            return -1;
    return 0;
}

static int take_apart(ats_model_file *file, const void *bytes, size_t count)
{
    json_error_t error;
    file->count = count;
    if (!is_ensemble(bytes, count)) {
        ats_model_file_member *member = &file->member[file->member_count++];
        *member = (ats_model_file_member){.weight = 1, .bytes = bytes, .count = count};
        memcpy(member->sha256, file->sha256, sizeof member->sha256);
        return 0;
    }
    json_t *root = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return ats_error(ATS_EXIT_DATA, "ensemble: line %d: %s", error.line, error.text);
    int result = read_ensemble(file, root);
    json_decref(root);
    return result;
}

int ats_model_file_parse(ats_model_file *file, const void *bytes, size_t count)
{
    memset(file, 0, sizeof *file);
    if (hash(bytes, count, file->sha256) == 0 && take_apart(file, bytes, count) == 0)
        return 0;
    ats_model_file_free(file);
    return -1;
}

int ats_model_file_read(ats_model_file *file, const char *path)
{
    contents m;
    memset(file, 0, sizeof *file);
    if (read_file(path, &m) != 0)
        return -1;
    file->contents = m.bytes;
    memcpy(file->sha256, m.sha256, sizeof file->sha256);
    if (take_apart(file, m.bytes, m.count) == 0) {
        const char *slash = strrchr(path, '/');
        if (!file->ensemble)
            copy_name(file->member[0].name, slash ? slash + 1 : path);
        return 0;
    }
    ats_model_file_free(file);
    return ats_error(ATS_EXIT_DATA, "model %s cannot be used", path);
}

void ats_model_file_free(ats_model_file *file)
{
    for (uint32_t i = 0; i < ATS_MODEL_MEMBERS_MAX; i++)
        free(file->member[i].owned);
    free(file->contents);
    memset(file, 0, sizeof *file);
}

/* ---- compiling ------------------------------------------------------------------------------ */

/* A member's forest, compiled: from the cache, or parsed and kept there. */
static int take_forest(const ats_model_file_member *member, ats_forest *forest,
                       ats_forest_image **image)
{
    if (ats_model_cache_get(member->sha256, forest, image) == 0)
        return 0;
    if (ats_forest_parse(forest, member->bytes, member->count) != 0)
        return -1;
    memcpy(forest->sha256, member->sha256, sizeof forest->sha256);
    *image = ats_forest_compile(forest);
    if (*image) {
        ats_model_cache_put(forest, *image);
        return 0;
    }
    ats_forest_free(forest);
    return -1;
}

ats_model *ats_model_file_compile(const ats_model_file *file, ats_isa isa, bool calibrated)
{
    ats_forest forests[ATS_MODEL_MEMBERS_MAX] = {0};
    ats_forest_image *images[ATS_MODEL_MEMBERS_MAX] = {0};
    float weights[ATS_MODEL_MEMBERS_MAX];
    const ats_calibration *table =
        file->calibration.count && calibrated ? &file->calibration : NULL;
    for (uint32_t i = 0; i < file->member_count; i++) {
        weights[i] = (float)file->member[i].weight;
        if (take_forest(&file->member[i], &forests[i], &images[i]) == 0)
            continue;
        if (file->ensemble)
            ats_error(ATS_EXIT_DATA, "ensemble: member %u cannot be used", i + 1);
        for (uint32_t k = 0; k < i; k++) {
            ats_forest_free(&forests[k]);
            ats_forest_image_free(images[k]);
        }
        return NULL;
    }
    return ats_model_make(forests, file->member_count,
                          &(ats_model_parts){weights, table, file->sha256, isa, images});
}

ats_model *ats_model_open(const char *path, ats_isa isa)
{
    ats_model_file file;
    if (ats_model_file_read(&file, path) != 0)
        return NULL;
    ats_model *model = ats_model_file_compile(&file, isa, true);
    ats_model_file_free(&file);
    if (!model)
        ats_error(ATS_EXIT_DATA, "model %s cannot be used", path);
    return model;
}

/* ---- writing -------------------------------------------------------------------------------- */

static json_t *member_json(const ats_model_file_member *member)
{
    size_t length = ATS_BASE64_LENGTH(member->count);
    char *text = malloc(length + 1);
    if (!text)
        return NULL;
    ats_base64_encode(member->bytes, member->count, text);
    json_t *json = json_pack("{s:f, s:s, s:s%}", "weight", member->weight, "name", member->name,
                             "model", text, length);
    free(text);
    return json;
}

static json_t *calibration_json(const ats_calibration *table)
{
    json_t *score = json_array(), *chance = json_array();
    for (uint32_t i = 0; i < table->count; i++) {
        json_array_append_new(score, json_real((double)table->score[i]));
        json_array_append_new(chance, json_real((double)table->chance[i]));
    }
    return json_pack("{s:o, s:o}", "score", score, "chance", chance);
}

int ats_model_file_write(const ats_model_file *file, const char *path)
{
    json_t *members = json_array();
    int failed = 0;
    for (uint32_t i = 0; i < file->member_count; i++)
        failed |= json_array_append_new(members, member_json(&file->member[i]));
    json_t *root = json_pack("{s:i, s:o}", "ats_model", 1, "members", members);
    if (root && file->calibration.count)
        failed |= json_object_set_new(root, "calibration", calibration_json(&file->calibration));
    char *text = root && !failed ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    if (!text)
        return ats_error(ATS_EXIT_FAILED,
                         "model %s: out of memory, or a member's name is not UTF-8", path);
    int result = ats_file_replace(path, text, strlen(text));
    free(text);
    return result;
}
