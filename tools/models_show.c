/* ats models show: what a model file is, and how fast it loads and scores here. */
#include "calc/ubjson.h"
#include "core/clock.h"
#include "core/random.h"
#include "learn/model_cache.h"
#include "tools/models.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Quick medians, to tell 1 us from 10: `ats bench infer` measures. */
#define LOADS_MAX     5u
#define LOAD_NS_MAX   1000000000ull /* a model that takes longer is loaded once */
#define ROUNDS        51u
#define MADE_ROWS     256u
#define FEATURES_TEXT 10u /* features with the most splits that the text names */

static const char *const OUTPUTS[] = {"margin", "probability",         "exp(margin)",
                                      "0 or 1", "probability a class", "class"};

typedef struct speed {
    double one_ns, many_ns; /* of one row; of 64 rows, all of them; 0: not here */
} speed;

typedef struct member_facts {
    const char *format;
    ats_forest forest; /* with its nodes */
    uint64_t image_bytes;
    uint32_t columns, used;
    uint32_t splits[ATS_FOREST_FEATURES_MAX];
} member_facts;

typedef struct facts {
    const char *path;
    ats_model_file file;
    ats_model *model;
    member_facts member[ATS_MODEL_MEMBERS_MAX];
    uint32_t splits[ATS_FOREST_FEATURES_MAX]; /* of all members */
    uint32_t used;
    double parse_ns, cache_ns; /* to load; cache 0: there is no cache */
    speed speed[ATS_ISA_COUNT];
} facts;

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *of, uint32_t n)
{
    qsort(of, n, sizeof *of, by_size);
    return n % 2 ? of[n / 2] : (of[n / 2 - 1] + of[n / 2]) / 2;
}

/* ---- what it is ------------------------------------------------------------------------------ */

static const char *format_of(const void *bytes, size_t count)
{
    if (ats_forest_looks_like_lightgbm(bytes, count))
        return "LightGBM text";
    return ats_ubjson_looks_like(bytes, count) ? "XGBoost UBJSON" : "XGBoost JSON";
}

static int read_member(member_facts *m, const ats_model_file_member *file)
{
    m->format = format_of(file->bytes, file->count);
    if (ats_forest_parse(&m->forest, file->bytes, file->count) != 0)
        return -1;
    for (uint32_t i = 0; i < m->forest.node_count; i++)
        if (m->forest.nodes[i].left != i)
            m->splits[m->forest.nodes[i].feature]++;
    for (uint32_t i = 0; i < m->forest.feature_count; i++)
        m->used += m->splits[i] > 0;
    return 0;
}

/* ---- how long it takes ----------------------------------------------------------------------- */

static int load_once(const facts *f, bool cached, double *took_ns)
{
    uint64_t start = ats_clock_monotonic_ns();
    int status = 0;
    for (uint32_t i = 0; status == 0 && i < f->file.member_count; i++) {
        const ats_model_file_member *member = &f->file.member[i];
        ats_forest forest = {0};
        ats_forest_image *image = NULL;
        if (cached) {
            status = ats_model_cache_get(member->sha256, &forest, &image);
        } else {
            status = ats_forest_parse(&forest, member->bytes, member->count);
            image = status == 0 ? ats_forest_compile(&forest) : NULL;
            status = image ? 0 : -1;
        }
        ats_forest_free(&forest);
        ats_forest_image_free(image);
    }
    *took_ns = (double)(ats_clock_monotonic_ns() - start);
    return status;
}

/* Median, or 0 when it cannot be loaded so. */
static double load_time(const facts *f, bool cached)
{
    double took[LOADS_MAX], all = 0;
    uint32_t n = 0;
    while (n < LOADS_MAX && all < (double)LOAD_NS_MAX) {
        if (load_once(f, cached, &took[n]) != 0)
            return 0;
        all += took[n++];
    }
    return median(took, n);
}

/* Values about the thresholds of the model, so that rows go every way: of each feature one
 * threshold or one near it; one in sixteen is missing. */
static float *make_rows(const facts *f)
{
    uint32_t width = f->model->feature_count;
    float *rows = calloc((size_t)MADE_ROWS * (width + 1), sizeof *rows);
    ats_random random;
    ats_random_seed(&random, 1);
    for (uint32_t r = 0; rows && r < MADE_ROWS; r++) {
        float *row = rows + (size_t)r * width;
        for (uint32_t k = 0; k < f->file.member_count; k++) {
            const ats_forest *forest = &f->member[k].forest;
            for (uint32_t i = (uint32_t)ats_random_below(&random, 97); i < forest->node_count;
                 i += 1 + (uint32_t)ats_random_below(&random, 193))
                if (forest->nodes[i].left != i)
                    row[forest->nodes[i].feature] = forest->nodes[i].threshold;
        }
        for (uint32_t i = 0; i < width; i++)
            if (ats_random_below(&random, 16) == 0)
                row[i] = NAN;
    }
    return rows;
}

/* Median time of one call with n rows, over rounds long enough for the clock. */
static double score_time(ats_model *model, const float *made, uint32_t n)
{
    float scores[64], confidences[64];
    const float *rows[MADE_ROWS + 64];
    double took[ROUNDS];
    uint32_t calls = n == 1 ? MADE_ROWS : 8;
    for (uint32_t i = 0; i < MADE_ROWS + 64; i++)
        rows[i] = made + (size_t)(i % MADE_ROWS) * model->feature_count;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t start = ats_clock_monotonic_ns();
        for (uint32_t i = 0; i < calls; i++)
            ats_model_score(model, rows + (i * n) % MADE_ROWS, NULL, n, scores, confidences);
        took[round] = (double)(ats_clock_monotonic_ns() - start) / calls;
    }
    return median(took, ROUNDS);
}

static int measure(facts *f)
{
    float *rows = make_rows(f);
    int status = rows ? 0 : ats_error(ATS_EXIT_FAILED, "out of memory");
    for (uint32_t isa = 0; status == 0 && isa < ATS_ISA_COUNT; isa++) {
        if (!ats_isa_supported((ats_isa)isa))
            continue;
        ats_model *model = ats_model_file_compile(&f->file, (ats_isa)isa, true);
        if (!model) {
            status = -1;
            break;
        }
        f->speed[isa].one_ns = score_time(model, rows, 1);
        f->speed[isa].many_ns = score_time(model, rows, 64);
        ats_model_free(model);
    }
    free(rows);
    if (status != 0)
        return -1;
    f->parse_ns = load_time(f, false);
    f->cache_ns = load_time(f, true);
    return 0;
}

/* ---- gathering ------------------------------------------------------------------------------- */

static void forget(facts *f)
{
    for (uint32_t i = 0; i < ATS_MODEL_MEMBERS_MAX; i++)
        ats_forest_free(&f->member[i].forest);
    ats_model_free(f->model);
    ats_model_file_free(&f->file);
}

static int gather(facts *f, const char *path)
{
    memset(f, 0, sizeof *f);
    f->path = path;
    if (ats_model_file_read(&f->file, path) != 0)
        return -1;
    f->model = ats_model_file_compile(&f->file, ats_isa_best(), true);
    if (!f->model)
        return ats_error(ATS_EXIT_DATA, "model %s cannot be used", path);
    for (uint32_t k = 0; k < f->file.member_count; k++) {
        member_facts *m = &f->member[k];
        const ats_forest_image *image = f->model->members[k].image;
        if (read_member(m, &f->file.member[k]) != 0)
            return ats_error(ATS_EXIT_DATA, "model %s cannot be used", path);
        m->image_bytes = image->bytes;
        m->columns = image->column_count;
        for (uint32_t i = 0; i < m->forest.feature_count; i++)
            f->splits[i] += m->splits[i];
    }
    for (uint32_t i = 0; i < f->model->feature_count; i++)
        f->used += f->splits[i] > 0;
    return measure(f);
}

/* ---- showing --------------------------------------------------------------------------------- */

/* Name of a feature, or NULL where the model's features are not this program's. */
static const char *name_of(const facts *f, const ats_models_options *o, uint32_t feature)
{
    bool ours = f->model->feature_version == o->catalogue->version && feature < o->catalogue->count;
    return ours ? o->catalogue->feature[feature].name : NULL;
}

static json_t *moment(int64_t ns)
{
    char text[ATS_CLOCK_TEXT_BYTES];
    if (ns <= 0)
        return json_null();
    ats_clock_utc_text(ns, text);
    return json_string(text);
}

static json_t *member_json(const facts *f, uint32_t k)
{
    const member_facts *m = &f->member[k];
    return json_pack("{s:s, s:s, s:f, s:s, s:i, s:i, s:i, s:i, s:s, s:i, s:i, s:i, s:I, s:o, s:o}",
                     "name", f->file.member[k].name, "format", m->format, "weight",
                     (double)f->model->members[k].weight, "sha256", f->file.member[k].sha256,
                     "trees", (int)m->forest.tree_count, "nodes", (int)m->forest.node_count,
                     "depth", (int)m->forest.max_depth, "classes", (int)m->forest.group_count,
                     "output", OUTPUTS[m->forest.output], "features", (int)m->forest.feature_count,
                     "features_used", (int)m->used, "columns", (int)m->columns, "image_bytes",
                     (json_int_t)m->image_bytes, "train_first_at", moment(m->forest.train_first_ns),
                     "train_last_at", moment(m->forest.train_last_ns));
}

static json_t *features_json(const facts *f, const ats_models_options *o)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < f->model->feature_count; i++)
        if (f->splits[i])
            json_array_append_new(rows, json_pack("{s:i, s:s?, s:i}", "number", (int)i, "name",
                                                  name_of(f, o, i), "splits", (int)f->splits[i]));
    return rows;
}

static json_t *to_json(const facts *f, const ats_models_options *o)
{
    char version[17];
    json_t *members = json_array(), *speeds = json_object();
    ats_models_version_text(f->model->feature_version, version);
    for (uint32_t k = 0; k < f->file.member_count; k++)
        json_array_append_new(members, member_json(f, k));
    for (uint32_t i = 0; i < ATS_ISA_COUNT; i++)
        if (f->speed[i].one_ns > 0)
            json_object_set_new(speeds, ats_isa_label((ats_isa)i),
                                json_pack("{s:f, s:f}", "one_row_ns", f->speed[i].one_ns,
                                          "rows_64_ns", f->speed[i].many_ns));
    return json_pack(
        "{s:s, s:s, s:I, s:b, s:o, s:s, s:b, s:i, s:i, s:o, s:o, s:o, s:b, s:i, s:{s:f, s:o}, s:o}",
        "file", f->path, "sha256", f->file.sha256, "bytes", (json_int_t)f->file.count, "ensemble",
        f->file.ensemble, "members", members, "feature_version", version, "feature_version_is_ours",
        f->model->feature_version == o->catalogue->version, "features",
        (int)f->model->feature_count, "features_used", (int)f->used, "used", features_json(f, o),
        "train_first_at", moment(f->model->train_first_ns), "train_last_at",
        moment(f->model->train_last_ns), "calibrated", f->model->calibration.count > 0, "knots",
        (int)f->model->calibration.count, "load", "parsed_ns", f->parse_ns, "cached_ns",
        f->cache_ns > 0 ? json_real(f->cache_ns) : json_null(), "score", speeds);
}

static void print_member(const facts *f, uint32_t k)
{
    const member_facts *m = &f->member[k];
    const ats_forest *t = &m->forest;
    printf("%-12s", k == 0 ? (f->file.ensemble ? "members" : "forest") : "");
    if (f->file.ensemble)
        printf("%.4f %s (%.12s): ", (double)f->model->members[k].weight, f->file.member[k].name,
               f->file.member[k].sha256);
    printf("%s, %" PRIu32 " tree%s of depth %" PRIu32 ", %" PRIu32 " nodes, ", m->format,
           t->tree_count, t->tree_count == 1 ? "" : "s", t->max_depth, t->node_count);
    if (t->group_count > 1)
        printf("%" PRIu32 " classes, ", t->group_count);
    printf("output %s; %" PRIu32 " of %" PRIu32 " features in %" PRIu32 " columns, %" PRIu64
           " bytes compiled\n",
           OUTPUTS[t->output], m->used, t->feature_count, m->columns, m->image_bytes);
}

static void print_features(const facts *f, const ats_models_options *o)
{
    bool shown[ATS_FOREST_FEATURES_MAX] = {false};
    printf("features    %" PRIu32 " of %" PRIu32 " are used; most splits:", f->used,
           f->model->feature_count);
    for (uint32_t n = 0; n < FEATURES_TEXT && n < f->used; n++) {
        uint32_t best = 0, most = 0;
        for (uint32_t i = 0; i < f->model->feature_count; i++)
            if (!shown[i] && f->splits[i] > most) {
                most = f->splits[i];
                best = i;
            }
        shown[best] = true;
        const char *name = name_of(f, o, best);
        printf("%s %" PRIu32 "%s%s (%" PRIu32 ")", n ? "," : "", best, name ? " " : "",
               name ? name : "", most);
    }
    printf("%s\n", f->used > FEATURES_TEXT ? ", ... (all: --json)" : "");
}

static void print_training(const facts *f)
{
    char first[ATS_CLOCK_TEXT_BYTES], last[ATS_CLOCK_TEXT_BYTES];
    if (f->model->train_last_ns <= 0) {
        printf("trained     on a time that the file does not tell\n");
        return;
    }
    ats_clock_utc_text(f->model->train_first_ns, first);
    ats_clock_utc_text(f->model->train_last_ns, last);
    printf("trained     on %.19sZ to %.19sZ\n", first, last);
}

static void print_text(const facts *f, const ats_models_options *o)
{
    bool ours = f->model->feature_version == o->catalogue->version;
    printf("%s: %s, %zu bytes, sha256 %s\n", f->path,
           f->file.ensemble ? "ensemble" : f->member[0].format, f->file.count, f->file.sha256);
    for (uint32_t k = 0; k < f->file.member_count; k++)
        print_member(f, k);
    print_features(f, o);
    printf("version     %016" PRIx64 " of the features, ", f->model->feature_version);
    if (ours)
        printf("which this program computes\n");
    else
        printf("this program computes %016" PRIx64 ": a run refuses it%s\n", o->catalogue->version,
               f->model->feature_version ? " (or --timeframes, --index, --sectors were others)"
                                         : "; it must carry ats_feature_version");
    print_training(f);
    if (f->model->calibration.count)
        printf("calibrated  with %" PRIu32 " knots, chances of %.4f to %.4f\n",
               f->model->calibration.count, (double)f->model->calibration.chance[0],
               (double)f->model->calibration.chance[f->model->calibration.count - 1]);
    else
        printf("calibrated  no\n");
    printf("loading     %.3f ms parsed, ", f->parse_ns / 1e6);
    if (f->cache_ns > 0)
        printf("%.3f ms from the cache\n", f->cache_ns / 1e6);
    else
        printf("no cache\n");
    for (uint32_t i = 0; i < ATS_ISA_COUNT; i++)
        if (f->speed[i].one_ns > 0)
            printf("%-12s%-9s %8.3f us a row alone, %8.3f us for 64 rows\n",
                   i == 0 ? "scoring" : "", ats_isa_label((ats_isa)i), f->speed[i].one_ns / 1e3,
                   f->speed[i].many_ns / 1e3);
    printf("            quick medians of made-up rows; `ats bench infer` measures\n");
}

int ats_models_show(const ats_cli *cli, const ats_models_options *o)
{
    json_t *documents = json_array();
    int status = 0;
    facts *f = malloc(sizeof *f);
    if (!f) {
        json_decref(documents);
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    }
    for (uint32_t i = 0; status == 0 && i < o->model_count; i++) {
        status = gather(f, o->model[i]);
        if (status == 0 && cli->common.json)
            json_array_append_new(documents, to_json(f, o));
        else if (status == 0)
            print_text(f, o);
        if (status == 0 && !cli->common.json && i + 1 < o->model_count)
            printf("\n");
        forget(f);
    }
    free(f);
    if (status == 0 && cli->common.json)
        return ats_cli_print_json(json_pack("{s:i, s:o}", "schema", 1, "models", documents));
    json_decref(documents);
    return status;
}
