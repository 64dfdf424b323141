#include "bench/features.h"

#include "bench/talib.h"
#include "core/affinity.h"
#include "core/error.h"
#include "core/random.h"
#include "io/synth.h"
#include "stages/feature/symbol.h"

#include <assert.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What a feature costs.
 *
 * quote, trade, bar-close: one symbol that stays in the nearest cache, the full set of the default
 * timeframes. tick/500-symbols: a made-up market of 500 symbols, every tick another one, with the
 * vector copied out as the stage does: what a tick costs, bars and all, amortised.
 * history: what all bar families share, the last bars and their extents; facts, logarithms and the
 * bar's own making are in bar-close only.
 * family/...: one bar family's update and values on each bar, less the row before.
 * tick-family/...: one tick family's update by a quote or trade, and its values.
 * series, update: a bar's close with every value of ours, against TA-Lib's C functions of which the
 * families hold the values. series: each called once over the whole series, which only a batch can
 * do. update: each called again at each bar over the shortest window that gives its value to 1e-9,
 * which is how a library of batches serves a bar that has just closed. */

#define BARS         16384u /* 16,384 x 5 doubles: 640 KiB, within the second-level cache */
#define UPDATES      256u   /* bars at which TA-Lib computes afresh, in a round */
#define TICKS        2000000u
#define TICK_SYMBOLS 500u
#define BLOCK        1000u

typedef struct feature_bench {
    ats_bench_result *result;
    const ats_bench_options *options;
    ats_catalogue catalogue;
    double *open, *high, *low, *close, *volume; /* [BARS] */
    ats_bar_facts *facts;                       /* [BARS] */
    double *scratch;                            /* [3 BARS] */
    ats_histogram *samples;
    uint64_t done, total;
} feature_bench;

static double ns_since(const feature_bench *b, uint64_t start)
{
    return (double)(ats_clock_now(&b->result->clock) - start);
}

static uint64_t now(const feature_bench *b)
{
    return ats_clock_now(&b->result->clock);
}

static int tell(feature_bench *b)
{
    b->done++;
    if (b->options->progress && b->options->progress(b->options->context, b->done, b->total))
        return ats_error(ATS_EXIT_INTERRUPTED, "features: interrupted");
    return 0;
}

/* The compiler must believe that a value is used. */
static inline void use(const void *p)
{
    __asm__ volatile("" : : "r"(p) : "memory");
}

/* ---- a made-up series -------------------------------------------------------------------------
 */

static double uniform(ats_random *random)
{
    return (double)(ats_random_next(random) >> 11) * 0x1p-53;
}

static void make_series(feature_bench *b)
{
    ats_random random;
    ats_random_seed(&random, 5);
    double px = 100;
    for (uint32_t i = 0; i < BARS; i++) {
        b->open[i] = px;
        px *= 1 + (uniform(&random) + uniform(&random) - 1) * 0.004;
        b->close[i] = px;
        b->high[i] = fmax(b->open[i], px) * (1 + uniform(&random) * 0.001);
        b->low[i] = fmin(b->open[i], px) * (1 - uniform(&random) * 0.001);
        b->volume[i] = 100 + 10000 * uniform(&random) * uniform(&random);
    }
}

static void put_bar(const feature_bench *b, ats_frame *f, uint32_t i)
{
    f->builder = (ats_bar_builder){.start_ns = i * 60 * ATS_E9,
                                   .end_ns = (i + 1) * 60 * ATS_E9,
                                   .open = b->open[i],
                                   .high = b->high[i],
                                   .low = b->low[i],
                                   .close = b->close[i],
                                   .volume = b->volume[i],
                                   .signed_volume = b->volume[i] * 0.1,
                                   .priced = true};
}

/* ---- one family at a time -----------------------------------------------------------------------
 */

/* A family's update and values over the whole series; the history, which all share, is kept by
 * each loop and measured by the first. */
typedef double (*family_loop)(feature_bench *b, ats_frame *f);

#define LOOP(id, update, values)                                                                   \
    static double loop_##id(feature_bench *b, ats_frame *f)                                        \
    {                                                                                              \
        double out[ATS_BAR_FEATURE_COUNT];                                                         \
        ats_bar_history *h = &f->history;                                                          \
        memset(f, 0, sizeof *f);                                                                   \
        uint64_t start = now(b);                                                                   \
        for (uint32_t i = 0; i < BARS; i++) {                                                      \
            const ats_bar_facts *facts = &b->facts[i];                                             \
            ats_seen seen = {.bars = i + 1, .paired = i, .sectored = i};                           \
            ats_price_bar bar = {                                                                  \
                0, facts->open, facts->high, facts->low, facts->close, facts->volume, 0};          \
            ats_bar_history_add(h, &bar);                                                          \
            (void)seen;                                                                            \
            update;                                                                                \
            values;                                                                                \
            use(out);                                                                              \
        }                                                                                          \
        return ns_since(b, start) / BARS;                                                          \
    }
LOOP(none, (void)0, (void)0)
LOOP(price, (void)0, ats_price_values(facts, h, &seen, out))
LOOP(volume, ats_volume_update(&f->volume, facts), ats_volume_values(&f->volume, facts, &seen, out))
LOOP(volatility, ats_volatility_update(&f->volatility, facts),
     ats_volatility_values(&f->volatility, facts, &seen, out))
LOOP(momentum, ats_momentum_update(&f->momentum, facts, h),
     ats_momentum_values(&f->momentum, facts, h, &seen, out))
LOOP(trend, ats_trend_update(&f->trend, facts, h), ats_trend_values(&f->trend, facts, &seen, out))
LOOP(band, ats_band_update(&f->band, facts, h),
     ats_band_values(&f->band, facts, facts->close, facts->true_range, &seen, out))
LOOP(pattern, ats_pattern_update(&f->pattern, facts, h),
     ats_pattern_values(&f->pattern, facts, &seen, out))
LOOP(flow, ats_flow_update(&f->flow, facts), ats_flow_values(&f->flow, facts, &seen, out))
LOOP(benchmark, ats_pairing_update(&f->benchmark.index, facts->ret, facts->change),
     ats_benchmark_values(&f->benchmark, &seen, out))

/* All families, as a bar's close runs them. */
static double loop_all(feature_bench *b, ats_frame *f)
{
    double out[ATS_BAR_FEATURE_COUNT];
    memset(f, 0, sizeof *f);
    uint64_t start = now(b);
    for (uint32_t i = 0; i < BARS; i++) {
        put_bar(b, f, i);
        ats_frame_close(f);
        ats_frame_values(f, out);
        use(out);
    }
    return ns_since(b, start) / BARS;
}

/* What the families are given, bar by bar. */
static void make_facts(feature_bench *b, ats_frame *f)
{
    memset(f, 0, sizeof *f);
    for (uint32_t i = 0; i < BARS; i++) {
        put_bar(b, f, i);
        ats_frame_close(f);
        b->facts[i] = f->last;
    }
}

/* ---- one tick family at a time ------------------------------------------------------------------
 */

/* Quotes or trades of one symbol, converted beforehand. */
typedef struct tick_input {
    int64_t ns;
    double bid, bid_size, ask, ask_size; /* of a quote */
    double px, size, mid;                /* of a trade, and the mid it met */
    int told;
} tick_input;

typedef double (*tick_loop)(feature_bench *b, ats_symbol_state *s, const tick_input *in,
                            uint32_t count);

static double loop_book(feature_bench *b, ats_symbol_state *s, const tick_input *in, uint32_t count)
{
    double out[ATS_TICK_FEATURE_COUNT];
    ats_book *book = &s->book;
    memset(book, 0, sizeof *book);
    uint64_t start = now(b);
    for (uint32_t i = 0; i < count; i++) {
        ats_book_update(book, in[i].ns, in[i].bid, in[i].bid_size, in[i].ask, in[i].ask_size);
        ats_seen seen = {
            .quotes = book->quotes, .seconds = book->seconds.seen, .changes = book->changes};
        ats_book_values(book, &seen, out);
        use(out);
    }
    return ns_since(b, start) / count;
}

static double loop_tape(feature_bench *b, ats_symbol_state *s, const tick_input *in, uint32_t count)
{
    double out[ATS_TICK_FEATURE_COUNT];
    ats_tape *tape = &s->tape;
    memset(tape, 0, sizeof *tape);
    uint64_t start = now(b);
    for (uint32_t i = 0; i < count; i++) {
        s->book.mid = in[i].mid;
        s->book.two_sided = true;
        ats_realised_settle(&tape->realised, in[i].ns, in[i].mid);
        ats_tape_update(tape, &s->book, in[i].ns, in[i].px, in[i].size, in[i].told);
        ats_seen seen = {.trades = tape->trades,
                         .seconds = s->book.seconds.seen,
                         .buckets = tape->vpin.seen,
                         .settled = tape->realised.spread.seen};
        ats_tape_values(tape, &s->book, &seen, out);
        use(out);
    }
    return ns_since(b, start) / count;
}

static double loop_session(feature_bench *b, ats_symbol_state *s, const tick_input *in,
                           uint32_t count)
{
    double out[ATS_TICK_FEATURE_COUNT];
    ats_session_family *session = &s->session;
    memset(session, 0, sizeof *session);
    ats_calendar_segment(&ats_calendar_continuous, in[0].ns, &s->segment);
    ats_session_enter(session, &s->segment);
    uint64_t start = now(b);
    for (uint32_t i = 0; i < count; i++) {
        ats_session_print(session, in[i].px, in[i].size, true);
        ats_seen seen = {.prints = session->prints, .segments = 1};
        ats_session_values(session, &s->segment, in[i].ns, in[i].px, &seen, out);
        use(out);
    }
    return ns_since(b, start) / count;
}

static const struct {
    const char *name;
    uint32_t kind; /* of the ticks it is updated by */
    tick_loop loop;
} TICK_FAMILIES[] = {{"book", ATS_KIND_QUOTE, loop_book},
                     {"tape", ATS_KIND_TRADE, loop_tape},
                     {"session", ATS_KIND_TRADE, loop_session}};
#define TICK_FAMILY_COUNT (sizeof TICK_FAMILIES / sizeof TICK_FAMILIES[0])

static const struct {
    const char *name;
    family_loop loop;
} FAMILIES[] = {
    {"price", loop_price},       {"volume", loop_volume}, {"volatility", loop_volatility},
    {"momentum", loop_momentum}, {"trend", loop_trend},   {"band", loop_band},
    {"pattern", loop_pattern},   {"flow", loop_flow},     {"benchmark", loop_benchmark}};
#define FAMILY_COUNT (sizeof FAMILIES / sizeof FAMILIES[0])

/* ---- TA-Lib -------------------------------------------------------------------------------------
 */

static bool in_family(const ats_talib_function *f, const char *family)
{
    return !family || !strcmp(f->family, family);
}

/* Every function of a family (NULL: all) over the whole series; ns a bar. */
static double talib_series(feature_bench *b, const char *family)
{
    ats_talib_bars bars = {b->open, b->high, b->low, b->close, b->volume};
    uint64_t start = now(b);
    for (uint32_t i = 0; i < ats_talib_function_count; i++)
        if (in_family(&ats_talib_functions[i], family))
            ats_talib_functions[i].call(&bars, BARS, b->scratch);
    return ns_since(b, start) / BARS;
}

/* Every function again at each of UPDATES bars, over its own window; ns a bar. */
static double talib_updates(feature_bench *b)
{
    uint64_t start = now(b);
    for (uint32_t end = 1024; end < 1024 + UPDATES; end++)
        for (uint32_t i = 0; i < ats_talib_function_count; i++) {
            const ats_talib_function *f = &ats_talib_functions[i];
            uint32_t from = end - f->bars;
            ats_talib_bars bars = {b->open + from, b->high + from, b->low + from, b->close + from,
                                   b->volume + from};
            f->call(&bars, (int)f->bars, b->scratch);
        }
    return ns_since(b, start) / UPDATES;
}

/* ---- cases
 * ---------------------------------------------------------------------------------------- */

static void add_row(feature_bench *b, const char *name, const char *contender, const double *ns,
                    uint32_t rounds, const char *note)
{
    double sum = 0;
    ats_histogram_reset(b->samples);
    for (uint32_t i = 0; i < rounds; i++) {
        sum += ns[i];
        ats_histogram_record(b->samples, (uint64_t)(ns[i] + 0.5));
    }
    ats_bench_row *row =
        ats_bench_add_row(b->result, name, contender, b->samples, 1, 1e9 / (sum / rounds));
    snprintf(row->note, sizeof row->note, "mean %.1f ns%s%s", sum / rounds, *note ? "; " : "",
             note);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *ns, uint32_t rounds)
{
    double sorted[ATS_BENCH_ROUNDS_MAX];
    memcpy(sorted, ns, rounds * sizeof *ns);
    qsort(sorted, rounds, sizeof *sorted, by_size);
    return sorted[rounds / 2];
}

static void add_talib_ratio(feature_bench *b, const char *name, const double *ours,
                            const double *theirs, double least, const char *note)
{
    uint32_t rounds = b->options->rounds, values = 0;
    for (uint32_t i = 0; i < ats_talib_function_count; i++)
        values += ats_talib_functions[i].values;
    ats_bench_ratio *ratio =
        ats_bench_add_ratio(b->result, name, "ats", ours, "ta-lib", theirs, rounds, least);
    snprintf(ratio->note, sizeof ratio->note,
             "%s; medians a value: ours %.2f ns (of %u), TA-Lib's %.2f ns (of %u)", note,
             median(ours, rounds) / ATS_BAR_FEATURE_COUNT, (unsigned)ATS_BAR_FEATURE_COUNT,
             median(theirs, rounds) / values, values);
}

static int bar_cases(feature_bench *b, ats_frame *f, bool talib)
{
    uint32_t rounds = b->options->rounds;
    static double all[ATS_BENCH_ROUNDS_MAX], none[ATS_BENCH_ROUNDS_MAX],
        family[FAMILY_COUNT][ATS_BENCH_ROUNDS_MAX], theirs[FAMILY_COUNT][ATS_BENCH_ROUNDS_MAX],
        series[ATS_BENCH_ROUNDS_MAX], updates[ATS_BENCH_ROUNDS_MAX];
    make_facts(b, f);
    loop_all(b, f); /* warm */
    for (uint32_t r = 0; r < rounds; r++) {
        all[r] = loop_all(b, f);
        none[r] = loop_none(b, f);
        for (uint32_t k = 0; k < FAMILY_COUNT; k++) {
            family[k][r] = fmax(FAMILIES[k].loop(b, f) - none[r], 0.01);
            theirs[k][r] = talib ? talib_series(b, FAMILIES[k].name) : NAN;
        }
        series[r] = talib ? talib_series(b, NULL) : NAN;
        updates[r] = talib ? talib_updates(b) : NAN;
        if (tell(b) != 0)
            return -1;
    }
    add_row(b, "bar-close", "ats", all, rounds, "one timeframe, every family");
    add_row(b, "history", "ats", none, rounds, "a bar's entry into what the families share");
    for (uint32_t k = 0; k < FAMILY_COUNT; k++) {
        char name[ATS_BENCH_NAME_BYTES];
        snprintf(name, sizeof name, "family/%s", FAMILIES[k].name);
        add_row(b, name, "ats", family[k], rounds, "a bar, without the history all share");
        if (talib && theirs[k][0] > 1) {
            add_row(b, name, "ta-lib", theirs[k], rounds, "its functions over the whole series");
            ats_bench_add_ratio(b->result, name, "ats", family[k], "ta-lib", theirs[k], rounds,
                                NAN);
        }
    }
    if (!talib)
        return 0;
    char note[64];
    snprintf(note, sizeof note, "%u functions over the whole series, a bar",
             ats_talib_function_count);
    add_row(b, "series", "ta-lib", series, rounds, note);
    add_talib_ratio(b, "series", all, series, 3, "bar by bar against one batch");
    snprintf(note, sizeof note, "%u functions again at each bar", ats_talib_function_count);
    add_row(b, "update", "ta-lib", updates, rounds, note);
    add_talib_ratio(b, "update", all, updates, 50, "each bar by itself");
    return 0;
}

/* ---- ticks
 * --------------------------------------------------------------------------------------- */

typedef struct tick_market {
    ats_market *records;
    uint64_t count;
    char *states;
    size_t bytes; /* of one state */
    uint32_t symbols;
    char *slots; /* where vectors are copied to: a ring of 256 */
} tick_market;

static void tick_market_free(tick_market *m)
{
    free(m->records);
    free(m->states);
    free(m->slots);
}

static int tick_market_make(feature_bench *b, tick_market *m, uint32_t symbols, uint64_t count)
{
    *m = (tick_market){.symbols = symbols, .bytes = ats_symbol_bytes(&b->catalogue)};
    m->records = malloc(count * sizeof *m->records);
    /* On huge pages where there are any, as the engine's arena lies. */
    size_t huge = 2ull << 20, bytes = ((symbols + 1ull) * m->bytes + huge - 1) & ~(huge - 1);
    m->states = aligned_alloc(huge, bytes);
    if (m->states)
        (void)madvise(m->states, bytes, MADV_HUGEPAGE);
    m->slots = aligned_alloc(64, 256ull * 64 * (b->catalogue.count / 16 + 1));
    ats_synth_options options = {.seed = 9,
                                 .symbols = symbols,
                                 .venues = 1,
                                 .rate = 400,
                                 .start_ns = 1704205800ll * ATS_E9,
                                 .duration_ns = 20000ll * ATS_E9,
                                 .volatility_bps = 200,
                                 .signal_permille = 300,
                                 .trade_permille = 300};
    ats_synth *synth;
    if (!m->records || !m->states || !m->slots || ats_synth_open(&synth, &options) != 0) {
        tick_market_free(m);
        return ats_error(ATS_EXIT_FAILED, "features: no made-up market of %u symbols", symbols);
    }
    while (m->count < count && ats_synth_next(synth, &m->records[m->count]) == 1)
        m->count++;
    ats_synth_close(synth);
    return 0;
}

static void tick_market_reset(feature_bench *b, tick_market *m)
{
    memset(m->states, 0, (m->symbols + 1ull) * m->bytes);
    for (uint32_t id = 1; id <= m->symbols; id++)
        ats_symbol_init((ats_symbol_state *)(m->states + id * m->bytes), &b->catalogue,
                        &ats_calendar_continuous, NULL, NULL);
}

/* One tick as the stage takes it, vector and all. */
static inline void tick(feature_bench *b, tick_market *m, uint64_t i)
{
    const ats_market *r = &m->records[i];
    ats_symbol_state *s = (ats_symbol_state *)(m->states + r->h.symbol_id * m->bytes);
    if (i + 1 < m->count)
        ats_symbol_prefetch(
            (ats_symbol_state *)(m->states + m->records[i + 1].h.symbol_id * m->bytes));
    if (r->h.kind == ATS_KIND_TRADE) {
        ats_symbol_trade(s, &r->trade);
        return;
    }
    ats_symbol_quote(s, &r->quote);
    if (!s->book.two_sided)
        return;
    ats_symbol_vector(s, r->h.recv_ns);
    memcpy(m->slots + i % 256 * 64 * (b->catalogue.count / 16 + 1), s->vector,
           b->catalogue.count * sizeof(float));
}

/* All ticks once; mean ns a tick, and blocks of 1,000 into samples. */
static double run_ticks(feature_bench *b, tick_market *m, ats_histogram *samples)
{
    tick_market_reset(b, m);
    uint64_t start = now(b), block = start;
    for (uint64_t i = 0; i < m->count; i++) {
        tick(b, m, i);
        if (samples && i % BLOCK == BLOCK - 1) {
            uint64_t t = now(b);
            ats_histogram_record(samples, t - block);
            block = t;
        }
    }
    return ns_since(b, start) / (double)m->count;
}

static int tick_500(feature_bench *b)
{
    tick_market m;
    if (tick_market_make(b, &m, TICK_SYMBOLS, TICKS) != 0)
        return -1;
    double sum = 0;
    uint32_t rounds = 5;
    ats_histogram_reset(b->samples);
    run_ticks(b, &m, NULL);
    for (uint32_t r = 0; r < rounds; r++)
        sum += run_ticks(b, &m, b->samples) / rounds;
    ats_bench_row *row =
        ats_bench_add_row(b->result, "tick/500-symbols", "ats", b->samples, BLOCK, 1e9 / sum);
    snprintf(row->note, sizeof row->note,
             "mean %.1f ns a tick; blocks of 1,000; %u features, %zu KiB a symbol; made-up market",
             sum, b->catalogue.count, m.bytes / 1024);
    tick_market_free(&m);
    return tell(b);
}

/* One kind of tick of one symbol, all in the nearest cache. */
static int tick_one(feature_bench *b, uint32_t kind, const char *name)
{
    tick_market m;
    if (tick_market_make(b, &m, 1, 200000) != 0)
        return -1;
    static double ns[ATS_BENCH_ROUNDS_MAX];
    uint32_t rounds = b->options->rounds;
    for (uint32_t r = 0; r < rounds; r++) {
        tick_market_reset(b, &m);
        double spent = 0;
        uint64_t n = 0, start = 0;
        /* Runs of one kind are timed together, so that the clock is read seldom. */
        for (uint64_t i = 0; i < m.count;) {
            uint64_t end = i;
            while (end < m.count && m.records[end].h.kind == m.records[i].h.kind)
                end++;
            bool timed = m.records[i].h.kind == kind && end - i >= 4;
            start = timed ? now(b) : 0;
            for (uint64_t k = i; k < end; k++)
                tick(b, &m, k);
            if (timed) {
                spent += ns_since(b, start);
                n += end - i;
            }
            i = end;
        }
        ns[r] = n ? spent / (double)n : NAN;
    }
    add_row(b, name, "ats", ns, rounds, kind == ATS_KIND_QUOTE ? "with its vector" : "");
    tick_market_free(&m);
    return tell(b);
}

/* Converts the market's ticks of a kind; how many there are. */
static uint32_t tick_inputs(const tick_market *m, uint32_t kind, tick_input *in)
{
    double mid = 0;
    uint32_t n = 0;
    for (uint64_t i = 0; i < m->count; i++) {
        const ats_quote *q = &m->records[i].quote;
        const ats_trade *t = &m->records[i].trade;
        if (m->records[i].h.kind == ATS_KIND_QUOTE) {
            mid = (double)(q->bid_e9 + q->ask_e9) / 2e9;
            if (kind == ATS_KIND_QUOTE)
                in[n++] = (tick_input){.ns = q->h.recv_ns,
                                       .bid = (double)q->bid_e9 / 1e9,
                                       .bid_size = (double)q->bid_size_e9 / 1e9,
                                       .ask = (double)q->ask_e9 / 1e9,
                                       .ask_size = (double)q->ask_size_e9 / 1e9};
        } else if (m->records[i].h.kind == ATS_KIND_TRADE && kind == ATS_KIND_TRADE && mid > 0) {
            in[n++] = (tick_input){.ns = t->h.recv_ns,
                                   .px = (double)t->px_e9 / 1e9,
                                   .size = (double)t->qty_e9 / 1e9,
                                   .mid = mid,
                                   .told = t->aggressor == ATS_SIDE_BUY    ? 1
                                           : t->aggressor == ATS_SIDE_SELL ? -1
                                                                           : 0};
        }
    }
    return n;
}

static int tick_families(feature_bench *b)
{
    tick_market m;
    if (tick_market_make(b, &m, 1, 200000) != 0)
        return -1;
    tick_input *in = malloc(m.count * sizeof *in);
    if (!in) {
        tick_market_free(&m);
        return ats_error(ATS_EXIT_FAILED, "features: out of memory");
    }
    static double ns[ATS_BENCH_ROUNDS_MAX];
    for (size_t k = 0; k < TICK_FAMILY_COUNT; k++) {
        uint32_t count = tick_inputs(&m, TICK_FAMILIES[k].kind, in);
        tick_market_reset(b, &m);
        ats_symbol_state *s = (ats_symbol_state *)(m.states + m.bytes);
        for (uint32_t r = 0; r < b->options->rounds; r++)
            ns[r] = TICK_FAMILIES[k].loop(b, s, in, count);
        char name[ATS_BENCH_NAME_BYTES];
        snprintf(name, sizeof name, "tick-family/%s", TICK_FAMILIES[k].name);
        add_row(b, name, "ats", ns, b->options->rounds,
                TICK_FAMILIES[k].kind == ATS_KIND_QUOTE ? "update and values, a quote"
                                                        : "update and values, a trade");
    }
    free(in);
    tick_market_free(&m);
    return tell(b);
}

/* ---- the module
 * ------------------------------------------------------------------------------------ */

static int run_cases(feature_bench *b, ats_frame *f)
{
    char why[200];
    bool talib = ats_talib_load(why, sizeof why);
    if (!talib)
        ats_bench_say(b->result, "%s", why);
    if (b->result->cpu_count && ats_thread_pin(b->result->cpus[0]) != 0)
        return -1;
    b->total = b->options->rounds + 4;
    return tick_one(b, ATS_KIND_QUOTE, "quote") != 0 || tick_one(b, ATS_KIND_TRADE, "trade") != 0 ||
                   tick_families(b) != 0 || bar_cases(b, f, talib) != 0 || tick_500(b) != 0
               ? -1
               : 0;
}

static int run(ats_bench_result *result, const ats_bench_options *options)
{
    assert(options->rounds >= ATS_BENCH_ROUNDS_MIN && options->rounds <= ATS_BENCH_ROUNDS_MAX);
    feature_bench *b = calloc(1, sizeof *b);
    double *memory = malloc(8ull * BARS * sizeof *memory);
    ats_bar_facts *facts = malloc(BARS * sizeof *facts);
    ats_frame *frame = aligned_alloc(64, (sizeof *frame + 63) & ~(size_t)63);
    uint8_t *histogram = aligned_alloc(64, (ats_histogram_footprint() + 63) & ~(size_t)63);
    cpu_set_t before;
    int failed = -1;
    if (!b || !memory || !facts || !frame || !histogram ||
        sched_getaffinity(0, sizeof before, &before) != 0) {
        ats_error(ATS_EXIT_FAILED, "features: out of memory");
    } else {
        b->result = result;
        b->options = options;
        b->open = memory;
        b->high = memory + BARS;
        b->low = memory + 2 * BARS;
        b->close = memory + 3 * BARS;
        b->volume = memory + 4 * BARS;
        b->scratch = memory + 5 * BARS;
        b->facts = facts;
        b->samples = ats_histogram_new(histogram);
        make_series(b);
        failed = ats_catalogue_make(&b->catalogue, NULL) != 0 ? -1 : run_cases(b, frame);
        sched_setaffinity(0, sizeof before, &before); /* the caller's, as it was */
    }
    free(histogram);
    free(frame);
    free(facts);
    free(memory);
    free(b);
    return failed;
}

const ats_bench_module ats_bench_features = {
    .name = "features",
    .purpose = "what a feature costs: a quote, a trade, a bar, 500 symbols; against TA-Lib",
    .run = run,
};
