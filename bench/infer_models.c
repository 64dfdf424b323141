#include "bench/infer_models.h"

#include "core/error.h"
#include "core/random.h"
#include "learn/model_file.h"

#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRAIN_ROWS 20000u

/* ---- made-up rows ---------------------------------------------------------------------------- */

static float uniform(ats_random *random)
{
    return (float)(ats_random_next(random) >> 40) * 0x1p-24f;
}

/* Nearly normal: the sum of four uniforms, scaled to a deviation of 1. */
static float normal(ats_random *random)
{
    float sum = uniform(random) + uniform(random) + uniform(random) + uniform(random);
    return (sum - 2.0f) * 1.7320508f;
}

static void draw(float *rows, size_t count, uint64_t seed)
{
    ats_random random;
    ats_random_seed(&random, seed);
    for (size_t i = 0; i < count; i++)
        rows[i] = normal(&random);
}

void ats_infer_rows(float *rows, uint32_t features)
{
    draw(rows, (size_t)ATS_INFER_ROWS * features, 77);
}

/* A function of a shared object; a peer that is not there is a row less. */
static int open_peer(const char *folder, const char *name, const char *ending, const char *function,
                     void **library, void *out)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
    *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*library)
        return 0;
    void *symbol = dlsym(*library, function);
    if (!symbol)
        return ats_error(ATS_EXIT_DATA, "%s: no function `%s`", path, function);
    memcpy(out, &symbol, sizeof symbol);
    return 0;
}

static int open_peers(ats_infer_model *m, const char *folder)
{
    const char *name = m->shape->name;
    return open_peer(folder, name, ".so", "predict", &m->library, &m->compiled) == 0 &&
                   open_peer(folder, name, ".lleaves.so", "forest_root", &m->lleaves_library,
                             &m->lleaves) == 0
               ? 0
               : -1;
}

void ats_infer_interface(char text[128], const float *rows, uint32_t n, uint32_t features)
{
    snprintf(text, 128,
             "{\"data\":[%llu,true],\"shape\":[%u,%u],\"typestr\":\"<f4\",\"version\":3}",
             (unsigned long long)(uintptr_t)rows, n, features);
}

#if ATS_HAVE_XGBOOST

#include <xgboost/c_api.h>

/* ---- XGBoost --------------------------------------------------------------------------------- */

static int xgb_error(const char *what)
{
    const char *why = XGBGetLastError(); /* behind its first line comes a stack trace */
    return ats_error(ATS_EXIT_FAILED, "xgboost: %s: %.*s", what, (int)strcspn(why, "\n"), why);
}

/* A signal in every feature, with interactions, under noise of the same size: trees of any depth
 * find splits, so that they are (nearly) complete, as those of real models are. */
static void label(const float *x, float *y, uint32_t n, uint32_t features)
{
    ats_random random;
    ats_random_seed(&random, 78);
    for (uint32_t i = 0; i < n; i++) {
        const float *row = x + (size_t)i * features;
        float sum = 0;
        for (uint32_t f = 0; f + 1 < features; f++)
            sum += row[f] * (f % 3 ? row[f + 1] : 1.0f) * (1.0f - (float)f / (float)features);
        y[i] = sum * 0.2f + normal(&random);
    }
}

static int set(BoosterHandle b, const char *name, const char *value)
{
    return XGBoosterSetParam(b, name, value) == 0 ? 0 : xgb_error(name);
}

static int grow(BoosterHandle b, DMatrixHandle data, const ats_infer_shape *shape)
{
    char depth[16];
    snprintf(depth, sizeof depth, "%u", shape->depth);
    if (set(b, "objective", "reg:squarederror") || set(b, "tree_method", "hist") ||
        set(b, "eta", "0.05") || set(b, "max_depth", depth) || set(b, "nthread", "2") ||
        set(b, "seed", "5"))
        return -1;
    for (uint32_t tree = 0; tree < shape->trees; tree++)
        if (XGBoosterUpdateOneIter(b, (int)tree, data) != 0)
            return xgb_error("training");
    return 0;
}

static BoosterHandle train(const ats_infer_shape *shape)
{
    uint32_t features = shape->features;
    float *x = malloc(sizeof *x * TRAIN_ROWS * features), *y = malloc(sizeof *y * TRAIN_ROWS);
    DMatrixHandle data = NULL;
    BoosterHandle booster = NULL;
    int failed = -1;
    if (!x || !y) {
        ats_error(ATS_EXIT_FAILED, "infer: out of memory");
    } else {
        draw(x, (size_t)TRAIN_ROWS * features, 76);
        label(x, y, TRAIN_ROWS, features);
        if (XGDMatrixCreateFromMat(x, TRAIN_ROWS, features, NAN, &data) != 0 ||
            XGDMatrixSetFloatInfo(data, "label", y, TRAIN_ROWS) != 0 ||
            XGBoosterCreate(&data, 1, &booster) != 0)
            xgb_error("training data");
        else
            failed = grow(booster, data, shape);
    }
    XGDMatrixFree(data);
    free(x);
    free(y);
    if (failed && booster) {
        XGBoosterFree(booster);
        booster = NULL;
    }
    return booster;
}

/* The bytes of a model to a booster that only scores, and to a forest of ours. */
static int load(ats_infer_model *m, const void *bytes, size_t count)
{
    BoosterHandle b = NULL;
    if (ats_forest_parse_xgboost(&m->forest, bytes, count) != 0)
        return -1;
    if (XGBoosterCreate(NULL, 0, &b) != 0)
        return xgb_error("booster");
    m->booster = b;
    if (XGBoosterLoadModelFromBuffer(b, bytes, count) != 0)
        return xgb_error("loading the model");
    return set(b, "nthread", "1");
}

static int train_and_load(ats_infer_model *m)
{
    BoosterHandle b = train(m->shape);
    bst_ulong count;
    const char *bytes;
    if (!b)
        return -1;
    int failed = XGBoosterSaveModelToBuffer(b, "{\"format\":\"ubj\"}", &count, &bytes) != 0
                     ? xgb_error("model")
                     : load(m, bytes, count);
    XGBoosterFree(b);
    return failed;
}

/* 1: there is no such file. */
static int read_and_load(ats_infer_model *m, const char *path)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        return 1;
    int failed = -1;
    long size = fseek(in, 0, SEEK_END) == 0 ? ftell(in) : -1;
    char *bytes = size > 0 ? malloc((size_t)size) : NULL;
    rewind(in);
    if (!bytes || fread(bytes, 1, (size_t)size, in) != (size_t)size)
        ats_error(ATS_EXIT_DATA, "%s: cannot be read", path);
    else
        failed = load(m, bytes, (size_t)size);
    free(bytes);
    fclose(in);
    return failed;
}

static int make(ats_infer_model *m, const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.json", folder, m->shape->name);
    int failed = read_and_load(m, path);
    m->source = failed == 1 ? "trained" : "read";
    return failed == 1 ? train_and_load(m) : failed;
}

int ats_infer_model_write(const ats_infer_shape *shape, const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.json", folder, shape->name);
    BoosterHandle b = train(shape);
    if (!b)
        return -1;
    int failed = XGBoosterSaveModel(b, path) == 0 ? 0 : xgb_error(path);
    XGBoosterFree(b);
    return failed;
}

int ats_infer_model_save(const ats_infer_model *m, const char *path)
{
    return XGBoosterSaveModel(m->booster, path) == 0 ? 0 : xgb_error(path);
}

const float *ats_infer_xgboost(const ats_infer_model *m, const char *interface, uint32_t n)
{
    static const char CONFIG[] = "{\"type\":1,\"training\":false,\"iteration_begin\":0,"
                                 "\"iteration_end\":0,\"strict_shape\":false,\"missing\":NaN,"
                                 "\"cache_id\":0}";
    const bst_ulong *shape;
    bst_ulong dimensions;
    const float *out;
    if (XGBoosterPredictFromDense(m->booster, interface, CONFIG, NULL, &shape, &dimensions, &out) !=
            0 ||
        dimensions < 1 || shape[0] != n) {
        xgb_error("predict");
        return NULL;
    }
    return out;
}

static void free_booster(ats_infer_model *m)
{
    if (m->booster)
        XGBoosterFree(m->booster);
}

#else

/* ---- without XGBoost ------------------------------------------------------------------------- */

static void draw_tree(ats_forest *f, uint32_t tree, uint32_t depth, ats_random *random)
{
    uint32_t splits = (1u << depth) - 1, nodes = 2 * splits + 1, base = tree * nodes;
    f->root[tree] = base;
    f->depth[tree] = (uint8_t)depth;
    for (uint32_t i = 0; i < nodes; i++)
        f->nodes[base + i] =
            i >= splits ? (ats_forest_node){.threshold = NAN,
                                            .value = normal(random) * 0.01f,
                                            .left = base + i}
                        : (ats_forest_node){
                              .threshold = roundf(normal(random) * 40.0f) / 40.0f,
                              .left = base + 2 * i + 1,
                              .feature = (uint16_t)ats_random_below(random, f->feature_count)};
}

static int make(ats_infer_model *m, const char *folder)
{
    ats_forest *f = &m->forest;
    ats_random random;
    uint32_t trees = m->shape->trees, depth = m->shape->depth;
    (void)folder;
    f->nodes = calloc((size_t)trees * ((2u << depth) - 1), sizeof *f->nodes);
    f->root = calloc(trees, sizeof *f->root);
    f->depth = calloc(trees, sizeof *f->depth);
    if (!f->nodes || !f->root || !f->depth)
        return ats_error(ATS_EXIT_FAILED, "infer: out of memory");
    f->tree_count = trees;
    f->node_count = trees * ((2u << depth) - 1);
    f->feature_count = m->shape->features;
    f->max_depth = depth;
    f->group_count = 1;
    ats_random_seed(&random, trees + depth);
    for (uint32_t t = 0; t < trees; t++)
        draw_tree(f, t, depth, &random);
    m->source = "drawn";
    return 0;
}

int ats_infer_model_write(const ats_infer_shape *shape, const char *folder)
{
    (void)shape, (void)folder;
    return ats_error(ATS_EXIT_UNREACHABLE, "this build has no XGBoost to train models with");
}

int ats_infer_model_save(const ats_infer_model *m, const char *path)
{
    (void)m, (void)path;
    return ats_error(ATS_EXIT_UNREACHABLE, "this build has no XGBoost to write models with");
}

const float *ats_infer_xgboost(const ats_infer_model *m, const char *interface, uint32_t n)
{
    (void)m, (void)interface, (void)n;
    ats_error(ATS_EXIT_UNREACHABLE, "this build has no XGBoost");
    return NULL;
}

static void free_booster(ats_infer_model *m)
{
    (void)m;
}

#endif

/* ---- a model --------------------------------------------------------------------------------- */

int ats_infer_model_make(ats_infer_model *m, const ats_infer_shape *shape, const char *folder)
{
    memset(m, 0, sizeof *m);
    m->shape = shape;
    if (make(m, folder) != 0 || open_peers(m, folder) != 0)
        return -1;
    m->image = ats_forest_compile(&m->forest);
    return m->image ? 0 : -1;
}

void ats_infer_model_free(ats_infer_model *m)
{
    ats_forest_image_free(m->image);
    if (m->forest.nodes)
        ats_forest_free(&m->forest);
    free_booster(m);
    if (m->library)
        dlclose(m->library);
    if (m->lleaves_library)
        dlclose(m->lleaves_library);
    memset(m, 0, sizeof *m);
}
