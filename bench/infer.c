#include "bench/infer.h"

#include "bench/infer_load.h"
#include "bench/infer_models.h"
#include "core/affinity.h"
#include "core/error.h"
#include "core/random.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* What scoring costs, a call at a time.
 *
 * TREESxDEPTH/Bn: n rows in a call, every call other rows, independent of each other; 64 features,
 * in TREESxDEPTH/315/Bn as many as the chain's vectors have.
 * .../slow-rows: one row a call, of which 8 of 64 features moved since the call before: what a
 * symbol's vector does from tick to tick. The rows of a call are copied to the same place before
 * it, so that all contenders find them near, as the chain does.
 *
 * ats           the best instruction set here     ats-avx2, ats-portable   the others
 * ats-memory    ats with a memory of the last row (slow-rows)
 * walk          the plain walk over the parsed forest
 * xgboost       XGBoosterPredictFromDense of the installed library, nthread 1
 * tl2cgen       the model as C code, compiled (bench/infer_peers.py)
 * lleaves       the same by lleaves, from the model rewritten for LightGBM; takes doubles
 * empty         the harness around nothing; it is in every figure and subtracted from none
 * TREESxDEPTH/load: bench/infer_load.h
 *
 * Every contender's margins are held against XGBoost's to the bit before it is timed; without
 * XGBoost, against the plain walk's. Compiled code need only be near: it may add in another order.
 */

#define ROWS        ATS_INFER_ROWS
#define SLICE_NS    12000000u /* of a contender in a round: about 150 ms a round and case */
#define CALLS_LEAST 20u
/* A tail is told of the calls of one round: enough of them for p99.9. */
#define CALLS_TAIL 10000u
#define MOVED      8u /* features of a slow row that move */
#define CONTENDERS 9u

/* Row counts of the calls, 0 behind the last; the slow rows as well; the time to load it. Goals: ns
 * at one row; the ratio to XGBoost at 1 and 64 rows; NaN: none. */
static const struct {
    const char *title; /* of its cases */
    ats_infer_shape shape;
    uint32_t batches[5];
    bool slow, load;
    double ns, stretch_ns, one_row, many_rows;
} SHAPES[] = {
    {"100x6", {"100x6", 100, 6, 64}, {1, 8, 64, 256}, true, false, 250, 180, 80, 18},
    {"500x6", {"500x6", 500, 6, 64}, {1, 8, 64, 256}, true, false, 1000, 700, 35, 20},
    {"500x8", {"500x8", 500, 8, 64}, {1, 8, 64, 256}, true, true, 1700, 1200, 30, 8.5},
    {"100x6/315", {"100x6-315", 100, 6, 315}, {1, 64}, false, false, NAN, NAN, NAN, NAN},
};
#define SHAPE_COUNT 4u
static_assert(sizeof SHAPES / sizeof SHAPES[0] == SHAPE_COUNT, "its count");

typedef struct infer_bench {
    ats_bench_result *result;
    const ats_bench_options *options;
    const ats_infer_model *model;
    uint32_t shape, n, features;
    bool slow;
    float *rows; /* [ROWS][features] */
    float *hot;  /* [256][features]: the rows of the call in hand */
    const float *pointers[ATS_SCORER_ROWS_MAX];
    char interface[128];
    ats_scorer scorers[ATS_ISA_COUNT];
    void *memory;
    float out[ATS_SCORER_ROWS_MAX];
    double *hot64; /* hot as doubles, for who takes those; made outside of what is timed */
    double out64[ATS_SCORER_ROWS_MAX];
    ats_random random; /* of slow rows */
    cpu_set_t before;  /* where this process may run */
    uint64_t done, total;
    int failed;
} infer_bench;

/* ---- contenders ------------------------------------------------------------------------------ */

typedef struct contender {
    const char *name;
    void (*call)(infer_bench *b);
    bool inexact; /* may differ from XGBoost in the last places */
} contender;

static void call_ours(infer_bench *b, ats_isa isa)
{
    ats_scorer_score(&b->scorers[isa], b->pointers, b->n, b->out);
}

static void call_best(infer_bench *b)
{
    call_ours(b, ats_isa_best());
}

static void call_avx2(infer_bench *b)
{
    call_ours(b, ATS_ISA_AVX2);
}

static void call_portable(infer_bench *b)
{
    call_ours(b, ATS_ISA_PORTABLE);
}

static void call_memory(infer_bench *b)
{
    ats_scorer_score_row(&b->scorers[ats_isa_best()], b->memory, b->hot, b->out);
}

static void call_walk(infer_bench *b)
{
    ats_forest_score(&b->model->forest, b->pointers, b->n, b->out);
}

static void call_xgboost(infer_bench *b)
{
    const float *out = ats_infer_xgboost(b->model, b->interface, b->n);
    if (out)
        memcpy(b->out, out, b->n * sizeof *out);
    else
        b->failed = -1;
}

static void call_compiled(infer_bench *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        b->model->compiled(b->hot + (size_t)i * b->features, 1, &b->out[i]);
}

static void call_lleaves(infer_bench *b)
{
    b->model->lleaves(b->hot64, b->out64, 0, (int)b->n);
    for (uint32_t i = 0; i < b->n; i++)
        b->out[i] = (float)b->out64[i];
}

/* The rows in hand as their contender takes them; its making is not timed. */
static void prepare(infer_bench *b, const contender *c)
{
    if (c->call == call_lleaves)
        for (uint32_t i = 0; i < b->n * b->features; i++)
            b->hot64[i] = (double)b->hot[i];
}

static void call_nothing(infer_bench *b)
{
    (void)b;
}

/* Who takes part in the case in hand; `ats` comes first. */
static uint32_t choose(const infer_bench *b, contender *c)
{
    uint32_t n = 0;
    c[n++] = (contender){"ats", call_best, false};
    if (b->slow)
        c[n++] = (contender){"ats-memory", call_memory, false};
    if (ats_isa_best() > ATS_ISA_AVX2 && !b->slow)
        c[n++] = (contender){"ats-avx2", call_avx2, false};
    if (ats_isa_best() > ATS_ISA_PORTABLE && !b->slow)
        c[n++] = (contender){"ats-portable", call_portable, false};
    c[n++] = (contender){"walk", call_walk, false};
    if (b->model->booster)
        c[n++] = (contender){"xgboost", call_xgboost, false};
    if (b->model->compiled)
        c[n++] = (contender){"tl2cgen", call_compiled, true};
    if (b->model->lleaves)
        c[n++] = (contender){"lleaves", call_lleaves, true};
    c[n++] = (contender){"empty", call_nothing, false};
    return n;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void next_rows(infer_bench *b, uint64_t call)
{
    if (!b->slow) {
        uint64_t from = call * b->n % (ROWS - b->n + 1);
        memcpy(b->hot, b->rows + from * b->features, sizeof *b->hot * b->n * b->features);
        return;
    }
    for (uint32_t k = 0; k < MOVED; k++) {
        uint64_t word = ats_random_next(&b->random);
        float *x = &b->hot[word % b->features];
        *x = *x * 0.99f + ((float)(word >> 40) * 0x1p-24f - 0.5f) * 0.3f;
    }
}

static void first_rows(infer_bench *b)
{
    ats_random_seed(&b->random, 9); /* the same rows for every contender */
    memcpy(b->hot, b->rows, sizeof *b->hot * b->n * b->features);
    ats_forest_row_memory_reset(b->model->image, b->memory);
}

/* ---- equality -------------------------------------------------------------------------------- */

/* Every eighth value becomes one that a careless comparison gets wrong: missing, a threshold of the
 * model, the float below it, a zero, a denormal. */
static void spoil(infer_bench *b)
{
    const ats_forest *f = &b->model->forest;
    for (uint32_t i = 0; i < b->n * b->features;
         i += 1 + (uint32_t)(ats_random_next(&b->random) % 15)) {
        const ats_forest_node *node = &f->nodes[ats_random_below(&b->random, f->node_count)];
        static const float values[] = {NAN, 0.0f, -0.0f, 1e-42f};
        uint64_t kind = ats_random_below(&b->random, 6);
        float *x = kind < 4 ? &b->hot[i] : &b->hot[i / b->features * b->features + node->feature];
        if (kind < 4)
            *x = values[kind];
        else if (node->threshold == node->threshold) /* a split */
            *x = kind == 4 ? node->threshold : nextafterf(node->threshold, -INFINITY);
    }
}

/* Rows of 300 calls whose margins differ from the reference's; -1: it could not score. */
static int64_t count_unequal(infer_bench *b, const contender *c, double *largest)
{
    float want[ATS_SCORER_ROWS_MAX];
    int64_t unequal = 0;
    *largest = 0;
    first_rows(b);
    for (uint32_t call = 0; call < 300; call++) {
        next_rows(b, call);
        if (!c->inexact) /* compiled code takes another bit pattern for a missing value */
            spoil(b);
        (b->model->booster ? call_xgboost : call_walk)(b);
        memcpy(want, b->out, b->n * sizeof *want);
        memset(b->out, 0, sizeof b->out);
        prepare(b, c);
        c->call(b);
        if (b->failed)
            return -1;
        for (uint32_t i = 0; i < b->n; i++) {
            unequal += memcmp(&want[i], &b->out[i], sizeof *want) != 0;
            double apart = fabs((double)want[i] - (double)b->out[i]);
            *largest = apart > *largest ? apart : *largest;
        }
    }
    return unequal;
}

static int check(infer_bench *b, const contender *c, uint32_t count, const char *name)
{
    for (uint32_t k = 0; k < count; k++) {
        double largest;
        if (c[k].call == call_nothing)
            continue;
        int64_t unequal = count_unequal(b, &c[k], &largest);
        if (unequal < 0)
            return -1;
        if (unequal > 0 && (!c[k].inexact || largest > 1e-3))
            return ats_error(ATS_EXIT_FAILED,
                             "infer %s: %s differs from the reference in %lld of %u margins, by up "
                             "to %g",
                             name, c[k].name, (long long)unequal, 300 * b->n, largest);
    }
    return 0;
}

/* ---- timing ---------------------------------------------------------------------------------- */

/* Nothing of the call may begin before the clock is read, or end after it is read again. */
static inline void fence(void)
{
#if defined(__x86_64__)
    __builtin_ia32_lfence();
#endif
}

static uint64_t timed_call(infer_bench *b, const contender *c, uint64_t call)
{
    next_rows(b, call);
    prepare(b, c);
    fence();
    uint64_t start = ats_clock_now(&b->result->clock);
    fence();
    c->call(b);
    fence();
    return ats_clock_now(&b->result->clock) - start;
}

typedef struct slices {
    ats_histogram *all[CONTENDERS];
    ats_histogram *round; /* of the slice in hand */
    uint32_t calls[CONTENDERS];
    double p50_ns[CONTENDERS][ATS_BENCH_ROUNDS_MAX];
    double p999_ns[CONTENDERS][ATS_BENCH_ROUNDS_MAX];
} slices;

static uint32_t calls_for(infer_bench *b, const contender *c)
{
    uint64_t best = UINT64_MAX;
    first_rows(b);
    for (uint64_t i = 0; i < 20; i++) {
        uint64_t ns = timed_call(b, c, i);
        best = ns < best ? ns : best;
    }
    uint64_t calls = SLICE_NS / (best + 60); /* the copy between calls */
    bool tail =
        b->n == 1 && (c->call == call_best || c->call == call_memory || c->call == call_nothing);
    uint64_t least = tail ? CALLS_TAIL : CALLS_LEAST;
    return (uint32_t)(calls < least ? least : calls);
}

static void run_slice(infer_bench *b, const contender *c, slices *s, uint32_t k, uint32_t round)
{
    ats_histogram_reset(s->round);
    first_rows(b);
    for (uint32_t i = 0; i < s->calls[k] / 10 + 3; i++)
        timed_call(b, c, i);
    for (uint32_t i = 0; i < s->calls[k]; i++)
        ats_histogram_record(s->round, timed_call(b, c, i + 1000ull * round));
    s->p50_ns[k][round] = (double)ats_histogram_value_at(s->round, 50);
    s->p999_ns[k][round] = (double)ats_histogram_value_at(s->round, 99.9);
    ats_histogram_add(s->all[k], s->round);
}

/* ---- rows and ratios of the result ----------------------------------------------------------- */

static uint32_t find(const contender *c, uint32_t count, const char *name)
{
    uint32_t k = 0;
    while (k < count && strcmp(c[k].name, name) != 0)
        k++;
    return k;
}

/* The round in which the empty harness had the shortest tail: what the machine did not disturb. */
static void note_tail(const infer_bench *b, const slices *s, uint32_t k, uint32_t empty,
                      ats_bench_row *row)
{
    uint32_t quiet = 0;
    for (uint32_t r = 1; r < b->options->rounds; r++)
        quiet = s->p999_ns[empty][r] < s->p999_ns[empty][quiet] ? r : quiet;
    size_t at = strlen(row->note);
    snprintf(row->note + at, sizeof row->note - at,
             "; quietest round: p50 %.0f ns, p99.9 %.0f (harness %.0f)", s->p50_ns[k][quiet],
             s->p999_ns[k][quiet], s->p999_ns[empty][quiet]);
}

static void add_rows(infer_bench *b, const contender *c, uint32_t count, const slices *s,
                     const char *name)
{
    uint32_t empty = find(c, count, "empty");
    for (uint32_t k = 0; k < count; k++) {
        double p50 = (double)ats_histogram_value_at(s->all[k], 50);
        ats_bench_row *row = ats_bench_add_row(b->result, name, c[k].name, s->all[k], 1,
                                               k == empty ? NAN : 1e9 * b->n / p50);
        if (strncmp(c[k].name, "ats", 3) == 0)
            snprintf(row->note, sizeof row->note, "image %llu KiB, %u columns",
                     (unsigned long long)b->model->image->bytes / 1024,
                     b->model->image->column_count);
        if (k == 0)
            snprintf(row->note + strlen(row->note), sizeof row->note - strlen(row->note), ", %s",
                     ats_isa_label(ats_isa_best()));
        if (b->n == 1 && (k == 0 || c[k].call == call_memory))
            note_tail(b, s, k, empty, row);
    }
}

static void add_ratio(infer_bench *b, const contender *c, uint32_t count, const slices *s,
                      const char *name, const char *ours, const char *theirs, double least)
{
    uint32_t a = find(c, count, ours), z = find(c, count, theirs);
    if (a < count && z < count)
        ats_bench_add_ratio(b->result, name, ours, s->p50_ns[a], theirs, s->p50_ns[z],
                            b->options->rounds, least);
}

static void add_ratios(infer_bench *b, const contender *c, uint32_t count, const slices *s,
                       const char *name)
{
    double xgboost = b->slow      ? NAN
                     : b->n == 1  ? SHAPES[b->shape].one_row
                     : b->n == 64 ? SHAPES[b->shape].many_rows
                                  : NAN;
    const char *ours = b->slow ? "ats-memory" : "ats";
    add_ratio(b, c, count, s, name, ours, "xgboost", xgboost);
    add_ratio(b, c, count, s, name, ours, "tl2cgen", b->slow ? 1.5 : b->n == 1 ? 10 : NAN);
    add_ratio(b, c, count, s, name, ours, "lleaves", b->slow ? 1.5 : b->n == 1 ? 10 : NAN);
    add_ratio(b, c, count, s, name, ours, "walk", NAN);
    add_ratio(b, c, count, s, name, "ats-avx2", "ats", 0.5);
    add_ratio(b, c, count, s, name, "ats-memory", "ats", NAN);
    if (b->n == 1 && !b->slow && !isnan(SHAPES[b->shape].ns)) {
        double p50 = (double)ats_histogram_value_at(s->all[0], 50);
        ats_bench_say(b->result, "%s: p50 %.0f ns, goal %.0f (stretch %.0f): %s.", name, p50,
                      SHAPES[b->shape].ns, SHAPES[b->shape].stretch_ns,
                      p50 <= SHAPES[b->shape].ns ? "met" : "missed");
    }
}

/* ---- cases ----------------------------------------------------------------------------------- */

static int tell(infer_bench *b)
{
    b->done++;
    if (b->options->progress && b->options->progress(b->options->context, b->done, b->total))
        return ats_error(ATS_EXIT_INTERRUPTED, "infer: interrupted");
    return 0;
}

static int measure(infer_bench *b, const contender *c, uint32_t count, slices *s, const char *name)
{
    for (uint32_t k = 0; k < count; k++)
        s->calls[k] = calls_for(b, &c[k]);
    for (uint32_t round = 0; round < b->options->rounds; round++)
        for (uint32_t k = 0; k < count; k++) /* each begins a round once in a while */
            run_slice(b, &c[(k + round) % count], s, (k + round) % count, round);
    if (b->failed)
        return -1;
    add_rows(b, c, count, s, name);
    add_ratios(b, c, count, s, name);
    return tell(b);
}

static int run_case(infer_bench *b, uint32_t n, bool slow)
{
    contender c[CONTENDERS];
    char name[ATS_BENCH_NAME_BYTES];
    slices *s = calloc(1, sizeof *s);
    size_t bytes = (ats_histogram_footprint() + 63) & ~(size_t)63;
    uint8_t *memory = aligned_alloc(64, (CONTENDERS + 1) * bytes);
    int failed = -1;
    b->n = n;
    b->slow = slow;
    ats_infer_interface(b->interface, b->hot, n, b->features);
    snprintf(name, sizeof name, "%s/B%u%s", SHAPES[b->shape].title, n, slow ? "/slow-rows" : "");
    if (s && memory) {
        for (uint32_t k = 0; k < CONTENDERS; k++)
            s->all[k] = ats_histogram_new(memory + k * bytes);
        s->round = ats_histogram_new(memory + CONTENDERS * bytes);
        uint32_t count = choose(b, c);
        failed = check(b, c, count, name) != 0 ? -1 : measure(b, c, count, s, name);
    } else {
        ats_error(ATS_EXIT_FAILED, "infer: out of memory");
    }
    free(memory);
    free(s);
    return failed;
}

static int run_model(infer_bench *b)
{
    int failed = 0;
    b->memory = aligned_alloc(64, ats_forest_row_memory_bytes(b->model->image));
    if (!b->memory)
        return ats_error(ATS_EXIT_FAILED, "infer: out of memory");
    for (ats_isa isa = 0; isa < ATS_ISA_COUNT && !failed; isa++)
        if (ats_isa_supported(isa))
            failed = ats_scorer_open(&b->scorers[isa], b->model->image, isa);
    for (const uint32_t *n = SHAPES[b->shape].batches; *n && !failed; n++)
        failed = run_case(b, *n, false);
    if (!failed && SHAPES[b->shape].slow)
        failed = run_case(b, 1, true);
    if (!failed && SHAPES[b->shape].load)
        failed = ats_infer_load(b->result, b->options, b->model);
    for (ats_isa isa = 0; isa < ATS_ISA_COUNT; isa++)
        ats_scorer_close(&b->scorers[isa]);
    free(b->memory);
    return failed;
}

static int run_shapes(infer_bench *b)
{
    for (uint32_t i = 0; i < SHAPE_COUNT; i++) {
        ats_infer_model model;
        const ats_infer_shape *shape = &SHAPES[i].shape;
        b->shape = i;
        b->features = shape->features;
        b->model = &model;
        for (uint32_t k = 0; k < ATS_SCORER_ROWS_MAX; k++)
            b->pointers[k] = b->hot + (size_t)k * b->features;
        ats_infer_rows(b->rows, b->features);
        int failed = ats_infer_model_make(&model, shape, b->options->peers);
        if (!failed && i == 0)
            ats_bench_say(b->result, "Models %s%s.", model.source,
                          model.booster ? " by the installed XGBoost" : "; no XGBoost beside");
        if (!failed && !model.compiled)
            ats_bench_say(b->result, "%s: no compiled peer %s/%s.so (bench/infer_peers.py).",
                          shape->name, b->options->peers, shape->name);
        /* Training has two threads; pinned to one CPU they would wait for each other. */
        failed = failed || ats_thread_pin(b->result->cpus[0]) != 0 ? -1 : run_model(b);
        sched_setaffinity(0, sizeof b->before, &b->before); /* the caller's, as it was */
        ats_infer_model_free(&model);
        if (failed)
            return -1;
    }
    return 0;
}

static int run(ats_bench_result *result, const ats_bench_options *options)
{
    infer_bench *b = calloc(1, sizeof *b);
    cpu_set_t before;
    int failed = -1;
    for (uint32_t i = 0; options->write_models && i < SHAPE_COUNT; i++)
        if (ats_infer_model_write(&SHAPES[i].shape, options->write_models) != 0) {
            free(b);
            return -1;
        }
    if (options->write_models) {
        ats_bench_say(result, "Models written to %s; nothing was measured.", options->write_models);
        free(b);
        return 0;
    }
    float *rows = malloc(sizeof *rows * ROWS * ATS_INFER_FEATURES_MAX);
    float *hot = aligned_alloc(64, sizeof *hot * ATS_SCORER_ROWS_MAX * ATS_INFER_FEATURES_MAX);
    double *hot64 = aligned_alloc(64, sizeof *hot64 * ATS_SCORER_ROWS_MAX * ATS_INFER_FEATURES_MAX);
    if (!b || !rows || !hot || !hot64 || sched_getaffinity(0, sizeof before, &before) != 0) {
        ats_error(ATS_EXIT_FAILED, "infer: out of memory");
    } else {
        *b = (infer_bench){
            .result = result, .options = options, .rows = rows, .hot = hot, .hot64 = hot64};
        for (uint32_t i = 0; i < SHAPE_COUNT; i++) {
            b->total += SHAPES[i].slow;
            for (const uint32_t *n = SHAPES[i].batches; *n; n++)
                b->total++;
        }
        b->before = before;
        failed = run_shapes(b);
    }
    free(hot64);
    free(hot);
    free(rows);
    free(b);
    return failed;
}

const ats_bench_module ats_bench_infer = {
    .name = "infer",
    .purpose = "scoring with a forest, one row to 256; against XGBoost and compiled code",
    .run = run,
};
