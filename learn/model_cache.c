#include "learn/model_cache.h"

#include "core/error.h"
#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC      "ATSMODL"
#define VERSION    1u
#define PATH_BYTES 512

/* What an image does not hold of its forest; the image follows. No padding: the hash covers all. */
typedef struct entry {
    char magic[8];
    uint32_t version;
    uint32_t image_version;
    char sha256[72];
    uint64_t image_bytes;
    uint64_t feature_version;
    int64_t train_first_ns, train_last_ns;
    uint32_t tree_count, node_count, feature_count, max_depth, group_count, output;
    uint32_t parser_version, reserved32;
    float base_margin[ATS_FOREST_GROUPS_MAX];
    uint64_t hash; /* of all before it; the image carries its own */
} entry;
static_assert(offsetof(entry, hash) == 408, "no padding");

/* ---- the directory -------------------------------------------------------------------------- */

static int make_dirs(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int failed = mkdir(path, 0700) != 0 && errno != EEXIST;
        *slash = '/';
        if (failed)
            return -1;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

static int directory(char path[PATH_BYTES])
{
    const char *own = getenv("ATS_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int n = own             ? snprintf(path, PATH_BYTES, "%s", own)
            : xdg && *xdg   ? snprintf(path, PATH_BYTES, "%s/ats/forests", xdg)
            : home && *home ? snprintf(path, PATH_BYTES, "%s/.cache/ats/forests", home)
                            : 0;
    return n > 0 && n < PATH_BYTES - 96 ? 0 : -1;
}

static int file_of(const char *sha256, char path[PATH_BYTES + 96])
{
    char folder[PATH_BYTES];
    if (directory(folder) != 0 || strlen(sha256) != 64)
        return -1;
    snprintf(path, PATH_BYTES + 96, "%s/%s.forest", folder, sha256);
    return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool is_sound(const entry *e, const char *sha256, uint64_t file_bytes)
{
    return !memcmp(e->magic, MAGIC, sizeof e->magic) && e->version == VERSION &&
           e->image_version == ATS_FOREST_IMAGE_VERSION &&
           e->parser_version == ATS_FOREST_PARSER_VERSION &&
           e->hash == XXH3_64bits(e, offsetof(entry, hash)) && !strcmp(e->sha256, sha256) &&
           e->image_bytes % 64 == 0 && e->image_bytes + sizeof *e == file_bytes;
}

static void describe(const entry *e, ats_forest *f)
{
    *f = (ats_forest){.tree_count = e->tree_count,
                      .node_count = e->node_count,
                      .feature_count = e->feature_count,
                      .max_depth = e->max_depth,
                      .group_count = e->group_count,
                      .output = (ats_forest_output)e->output,
                      .feature_version = e->feature_version,
                      .train_first_ns = e->train_first_ns,
                      .train_last_ns = e->train_last_ns};
    memcpy(f->base_margin, e->base_margin, sizeof f->base_margin);
    memcpy(f->sha256, e->sha256, sizeof f->sha256);
}

/* What the entry says of the forest must be what the image holds: scratch is sized by it. */
static bool is_of(const entry *e, const ats_forest_image *image)
{
    return e->tree_count == image->tree_count && e->feature_count == image->feature_count &&
           e->group_count == image->group_count && e->max_depth == image->max_depth &&
           e->output <= ATS_FOREST_ARGMAX &&
           !memcmp(e->base_margin, image->base_margin, sizeof e->base_margin);
}

static ats_forest_image *read_image(int fd, const entry *e)
{
    void *image = ats_forest_image_memory((size_t)e->image_bytes);
    if (!image)
        return NULL;
    if (ats_file_read_at(fd, image, (size_t)e->image_bytes, sizeof *e) == (ssize_t)e->image_bytes &&
        ats_forest_image_check(image, (size_t)e->image_bytes) == 0 && is_of(e, image))
        return image;
    ats_error_clear();
    ats_forest_image_free(image);
    return NULL;
}

int ats_model_cache_get(const char *sha256, ats_forest *forest, ats_forest_image **image)
{
    char path[PATH_BYTES + 96];
    entry e;
    struct stat st;
    *image = NULL;
    int fd = file_of(sha256, path) == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && ats_file_read_at(fd, &e, sizeof e, 0) == (ssize_t)sizeof e &&
        is_sound(&e, sha256, (uint64_t)st.st_size))
        *image = read_image(fd, &e);
    close(fd);
    if (!*image)
        return -1;
    describe(&e, forest);
    return 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Removes the oldest forest when there are too many. */
static void make_room(const char *folder)
{
    char path[PATH_BYTES + 288], oldest[PATH_BYTES + 288] = "";
    struct timespec least = {0};
    uint32_t count = 0;
    DIR *d = opendir(folder);
    for (struct dirent *f; d && (f = readdir(d));) {
        struct stat st;
        size_t n = strlen(f->d_name);
        if (n != 64 + strlen(".forest") || strcmp(f->d_name + 64, ".forest") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
        if (stat(path, &st) != 0)
            continue;
        count++;
        if (!oldest[0] || st.st_mtim.tv_sec < least.tv_sec ||
            (st.st_mtim.tv_sec == least.tv_sec && st.st_mtim.tv_nsec < least.tv_nsec)) {
            least = st.st_mtim;
            snprintf(oldest, sizeof oldest, "%s", path);
        }
    }
    if (d)
        closedir(d);
    if (count >= ATS_MODEL_CACHE_FILES)
        unlink(oldest);
}

void ats_model_cache_put(const ats_forest *f, const ats_forest_image *image)
{
    char folder[PATH_BYTES], path[PATH_BYTES + 96];
    if (file_of(f->sha256, path) != 0 || directory(folder) != 0 || make_dirs(folder) != 0)
        return;
    make_room(folder);
    size_t bytes = sizeof(entry) + (size_t)image->bytes;
    char *file = malloc(bytes);
    if (!file)
        return;
    entry e = {.magic = MAGIC,
               .version = VERSION,
               .image_version = ATS_FOREST_IMAGE_VERSION,
               .image_bytes = image->bytes,
               .feature_version = f->feature_version,
               .train_first_ns = f->train_first_ns,
               .train_last_ns = f->train_last_ns,
               .tree_count = f->tree_count,
               .node_count = f->node_count,
               .feature_count = f->feature_count,
               .max_depth = f->max_depth,
               .group_count = f->group_count,
               .output = (uint32_t)f->output,
               .parser_version = ATS_FOREST_PARSER_VERSION};
    memcpy(e.base_margin, f->base_margin, sizeof e.base_margin);
    memcpy(e.sha256, f->sha256, sizeof f->sha256);
    e.hash = XXH3_64bits(&e, offsetof(entry, hash));
    memcpy(file, &e, sizeof e);
    memcpy(file + sizeof e, image, (size_t)image->bytes);
    if (ats_file_replace(path, file, bytes) != 0)
        ats_error_clear();
    free(file);
}
