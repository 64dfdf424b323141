#include "bench/infer_load.h"

#include "core/error.h"
#include "learn/model_cache.h"
#include "learn/model_file.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOADS 3u /* of a contender in a round */

enum { CACHED, PARSED, KINDS };
static const char *const NAMES[KINDS] = {"ats-cached", "ats-parsed"};

typedef struct load_bench {
    ats_bench_result *result;
    const ats_bench_options *options;
    char name[ATS_BENCH_NAME_BYTES];
    char path[160], cache[128];
    ats_histogram *samples[KINDS];
    double round_ns[KINDS][ATS_BENCH_ROUNDS_MAX]; /* the median of its loads */
} load_bench;

/* An empty name is no cache. 0, or -1 with an error pushed. */
static int load(load_bench *b, uint32_t kind, uint64_t *ns)
{
    if (setenv("ATS_CACHE_DIR", kind == CACHED ? b->cache : "", 1) != 0)
        return ats_error(ATS_EXIT_FAILED, "infer: out of memory");
    uint64_t start = ats_clock_now(&b->result->clock);
    ats_model *model = ats_model_open(b->path, ats_isa_best());
    *ns = ats_clock_now(&b->result->clock) - start;
    if (!model)
        return -1;
    ats_model_free(model);
    return 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int run_round(load_bench *b, uint32_t kind, uint32_t round)
{
    uint64_t ns[LOADS];
    for (uint32_t i = 0; i < LOADS; i++) {
        if (load(b, kind, &ns[i]) != 0)
            return -1;
        ats_histogram_record(b->samples[kind], ns[i]);
    }
    qsort(ns, LOADS, sizeof ns[0], compare);
    b->round_ns[kind][round] = (double)ns[LOADS / 2];
    return 0;
}

/* The first load fills the cache; that the second finds the forest there is seen before timing. */
static int fill_cache(load_bench *b)
{
    char sha256[65];
    ats_forest forest;
    ats_forest_image *image;
    uint64_t ns;
    if (load(b, CACHED, &ns) != 0 || ats_model_file_hash(b->path, sha256) != 0)
        return -1;
    if (ats_model_cache_get(sha256, &forest, &image) != 0)
        return ats_error(ATS_EXIT_FAILED, "%s: the cache in %s holds no forest", b->name, b->cache);
    ats_forest_image_free(image);
    return 0;
}

static int measure(load_bench *b)
{
    if (fill_cache(b) != 0)
        return -1;
    for (uint32_t round = 0; round < b->options->rounds; round++)
        for (uint32_t k = 0; k < KINDS; k++)
            if (run_round(b, (k + round) % KINDS, round) != 0)
                return -1;
    for (uint32_t k = 0; k < KINDS; k++)
        ats_bench_add_row(b->result, b->name, NAMES[k], b->samples[k], 1, NAN);
    ats_bench_add_ratio(b->result, b->name, NAMES[CACHED], b->round_ns[CACHED], NAMES[PARSED],
                        b->round_ns[PARSED], b->options->rounds, NAN);
    return 0;
}

static void remove_files(const char *folder)
{
    char path[512];
    DIR *dir = opendir(folder);
    for (const struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
}

/* ATS_CACHE_DIR as it was. */
static void restore(char *before)
{
    if (before)
        setenv("ATS_CACHE_DIR", before, 1);
    else
        unsetenv("ATS_CACHE_DIR");
    free(before);
}

static int run_in(load_bench *b, const ats_infer_model *model, const char *folder)
{
    const char *set = getenv("ATS_CACHE_DIR");
    char *before = set ? strdup(set) : NULL;
    if (set && !before)
        return ats_error(ATS_EXIT_FAILED, "infer: out of memory");
    snprintf(b->path, sizeof b->path, "%s/model.json", folder);
    snprintf(b->cache, sizeof b->cache, "%s/cache", folder);
    int failed = ats_infer_model_save(model, b->path) != 0 || measure(b) != 0 ? -1 : 0;
    restore(before);
    remove_files(b->cache);
    remove_files(folder);
    return failed;
}

int ats_infer_load(ats_bench_result *result, const ats_bench_options *options,
                   const ats_infer_model *model)
{
    char folder[] = "/tmp/ats-bench-XXXXXX";
    load_bench b = {.result = result, .options = options};
    snprintf(b.name, sizeof b.name, "%s/load", model->shape->name);
    if (!model->booster) {
        ats_bench_say(result, "%s: no XGBoost to write the file with.", b.name);
        return 0;
    }
    size_t bytes = (ats_histogram_footprint() + 63) & ~(size_t)63;
    uint8_t *memory = aligned_alloc(64, KINDS * bytes);
    if (!memory)
        return ats_error(ATS_EXIT_FAILED, "infer: out of memory");
    for (uint32_t k = 0; k < KINDS; k++)
        b.samples[k] = ats_histogram_new(memory + k * bytes);
    int failed = !mkdtemp(folder) ? ats_error(ATS_EXIT_FAILED, "infer: no temporary folder")
                                  : run_in(&b, model, folder);
    free(memory);
    return failed;
}
