#include "learn/dataset.h"

#include "calc/corporate_action.h"
#include "core/engine.h"
#include "core/error.h"
#include "stages/chain.h"

#include <stdlib.h>

/* ---- a sink in the place of infer ---------------------------------------------------------- */

typedef struct sink_config {
    ats_dataset *dataset;
    double *prices; /* [rows_max] of the rows, on the scale of the symbol's first */
    uint64_t rows_max;
    const ats_dataset_options *options;
    uint32_t stride;
    uint32_t symbol_count;
} sink_config;

typedef struct sink_symbol {
    double scale;     /* corporate actions so far: labels go on across them; 0 = none yet */
    double last;      /* price of the last vector, as it came */
    uint32_t skipped; /* vectors since the last one kept */
} sink_symbol;

typedef struct sink {
    const sink_config *config;
    bool overflow;
    sink_symbol symbol[]; /* by symbol_id */
} sink;

static size_t sink_footprint(const void *configuration)
{
    const sink_config *c = configuration;
    return sizeof(sink) + (c->symbol_count + 1ull) * sizeof(sink_symbol);
}

static int sink_init(void *state, const void *configuration, ats_io *io)
{
    (void)io;
    ((sink *)state)->config = configuration;
    return 0;
}

static void keep(sink *s, const ats_features *f)
{
    ats_dataset *d = s->config->dataset;
    ats_vector_hash_add(d->vectors, f);
    d->hash = d->vectors->day[d->vectors->count - 1].hash;
    if (d->seen++ == 0)
        d->feature_version = f->version;
    sink_symbol *symbol = &s->symbol[f->h.symbol_id];
    symbol->last = (double)f->price_e9 / 1e9;
    if (s->config->options->visit)
        s->config->options->visit(s->config->options->visit_context, f);
    if (s->config->options->rows_max == 0)
        return;
    if (symbol->skipped++ % s->config->stride != 0)
        return;
    if (d->rows == s->config->rows_max) {
        s->overflow = true;
        return;
    }
    memcpy(d->x + d->rows * d->features, f->f, d->features * sizeof(float));
    d->recv_ns[d->rows] = f->h.recv_ns;
    d->symbol_id[d->rows] = f->h.symbol_id;
    s->config->prices[d->rows] = symbol->last * (symbol->scale > 0 ? symbol->scale : 1.0);
    d->rows++;
}

static void apply(sink *s, const ats_corporate_action *a)
{
    sink_symbol *symbol = &s->symbol[a->h.symbol_id];
    double factor = ats_action_factor(a, symbol->last);
    if (!(factor > 0))
        return;
    symbol->scale = (symbol->scale > 0 ? symbol->scale : 1.0) * factor;
    symbol->last /= factor; /* what a dividend of the same day is held against */
}

static uint32_t sink_work(void *state, ats_io *io)
{
    sink *s = state;
    uint64_t n = ats_rx_peek(io->in[0]);
    for (uint64_t i = 0; i < n; i++) {
        const ats_features *f = ats_rx_slot(io->in[0], i);
        if (f->h.kind == ATS_KIND_FEATURES)
            keep(s, f);
        else if (f->h.kind == ATS_KIND_CORPORATE_ACTION)
            apply(s, (const ats_corporate_action *)f);
        io->ended = f->h.kind == ATS_KIND_END;
    }
    if (n)
        ats_rx_release(io->in[0], n);
    return (uint32_t)n;
}

static int sink_fini(void *state)
{
    const sink *s = state;
    const sink_config *c = s->config;
    if (!s->overflow)
        return 0;
    return ats_error(ATS_EXIT_DATA, "more than %llu rows; take fewer with a stride of %llu or more",
                     (unsigned long long)c->rows_max,
                     (unsigned long long)(c->dataset->seen / c->rows_max + 1));
}

static const ats_stage SINK = {
    .name = "sink",
    .in = {{"chain", ATS_KINDS_CHAIN | ATS_KIND_BIT(ATS_KIND_FEATURES), 0, false}},
    .footprint = sink_footprint,
    .init = sink_init,
    .work = sink_work,
    .fini = sink_fini,
};

/* ---- the short chain ------------------------------------------------------------------------ */

static const ats_stage *const STAGES[] = {&ats_stage_feed, &ats_stage_feature, &SINK};
static const ats_link_spec LINKS[] = {{"feed-feature", 0, 0, 1, 0, ATS_FULL_MUST_ARRIVE, 256},
                                      {"feature-sink", 1, 0, 2, 0, ATS_FULL_MUST_ARRIVE, 256}};

static int run_stages(ats_context *context, ats_market_source *source,
                      const ats_dataset_options *options, const sink_config *sink_configuration)
{
    ats_clock clock;
    ats_clock_calibrate(&clock);
    ats_topology topology = {STAGES, 3, LINKS, 2};
    ats_thread_map map = {.count = 1,
                          .threads = {{.name = "dataset",
                                       .cpu = ATS_CPU_ANY,
                                       .wait = ATS_WAIT_YIELD,
                                       .stage_count = 3,
                                       .stages = {0, 1, 2}}}};
    ats_feed_config feed = {.context = context,
                            .source = source,
                            .pace = ATS_PACE_MAX,
                            .clock_interval_ns = options->clock_interval_ns,
                            .released_max = options->released_max,
                            .burst = ATS_BURST_MAX,
                            .calendar = options->equity_calendar,
                            .symbol_count = source->symbols.count};
    if (options->quality)
        feed.quality = *options->quality;
    else
        ats_quality_defaults(&feed.quality); /* what is dropped is no row in a run, either */
    ats_feature_config feature = {.context = context,
                                  .catalogue = options->catalogue,
                                  .equity_calendar = options->equity_calendar,
                                  .symbol_count = source->symbols.count,
                                  .vectors = true};
    ats_engine_spec spec = {.topology = &topology,
                            .map = &map,
                            .configs = {&feed, &feature, sink_configuration},
                            .feature_count = options->catalogue->count,
                            .clock = &clock};
    ats_engine engine;
    if (ats_engine_build(&engine, &spec) != 0)
        return -1;
    int result = ats_engine_start(&engine);
    if (result == 0)
        result = ats_engine_join(&engine);
    ats_engine_destroy(&engine);
    return result;
}

/* Gives the stages what they share, and runs them. */
static int run_chain(ats_market_source *source, const ats_dataset_options *options,
                     const sink_config *sink_configuration)
{
    ats_arena arena;
    ats_context context;
    if (ats_context_make(&context, &arena, &source->symbols) != 0)
        return -1;
    int result = run_stages(&context, source, options, sink_configuration);
    ats_arena_destroy(&arena);
    return result;
}

/* ---- labels --------------------------------------------------------------------------------- */

#define NO_ROW    UINT64_MAX
#define NOT_BEGUN (UINT64_MAX - 1)

#define HOUR_NS (3600ll * ATS_E9)
#define DAY_NS  (24 * HOUR_NS)

/* How much later than one horizon a label may come. Within a day: as much again, or an hour in thin
 * markets; so no label of seconds is the return of a night. Labels of days wait for the next
 * session (the longest closure in the calendar is that of September 2001, seven days). */
static int64_t patience_of(int64_t horizon_ns)
{
    if (horizon_ns >= DAY_NS)
        return 8 * DAY_NS;
    return horizon_ns > HOUR_NS ? horizon_ns : HOUR_NS;
}

/* Fills in y and drops rows without a label. `ahead` is, by symbol, the row that labels the one in
 * hand; it only moves on, because rows of a symbol are in the order of time. */
static int label(ats_dataset *d, const double *prices, int64_t horizon_ns, uint32_t symbol_count)
{
    uint64_t *next = malloc((d->rows + 1) * sizeof *next); /* next row of the same symbol */
    uint64_t *last = malloc((symbol_count + 1ull) * sizeof *last);
    uint64_t *ahead = malloc((symbol_count + 1ull) * sizeof *ahead);
    uint64_t kept = 0;
    if (!next || !last || !ahead) {
        free(next), free(last), free(ahead);
        return ats_error(ATS_EXIT_FAILED, "dataset: out of memory");
    }
    for (uint32_t s = 0; s <= symbol_count; s++) {
        last[s] = NO_ROW;
        ahead[s] = NOT_BEGUN;
    }
    for (uint64_t i = d->rows; i-- > 0;) {
        next[i] = last[d->symbol_id[i]];
        last[d->symbol_id[i]] = i;
    }
    for (uint64_t i = 0; i < d->rows; i++) {
        uint32_t s = d->symbol_id[i];
        uint64_t j = ahead[s] == NOT_BEGUN ? i : ahead[s];
        while (j != NO_ROW && d->recv_ns[j] - d->recv_ns[i] < horizon_ns)
            j = next[j];
        ahead[s] = j;
        if (j == NO_ROW ||
            (horizon_ns && d->recv_ns[j] - d->recv_ns[i] - horizon_ns > patience_of(horizon_ns)))
            continue;
        memmove(d->x + kept * d->features, d->x + i * d->features, d->features * sizeof(float));
        d->y[kept] = (float)((prices[j] / prices[i] - 1) * 1e4);
        d->label_ns[kept] = d->recv_ns[j];
        d->recv_ns[kept] = d->recv_ns[i];
        d->symbol_id[kept] = s;
        kept++;
    }
    d->rows = kept;
    free(next), free(last), free(ahead);
    return 0;
}

int ats_dataset_collect(ats_dataset *d, ats_market_source *source,
                        const ats_dataset_options *options)
{
    memset(d, 0, sizeof *d);
    uint64_t max = options->rows_max < source->total ? options->rows_max : source->total;
    d->catalogue = options->catalogue;
    d->features = options->catalogue->count;
    d->x = malloc((max + 1) * d->features * sizeof *d->x);
    d->y = malloc((max + 1) * sizeof *d->y);
    d->recv_ns = malloc((max + 1) * sizeof *d->recv_ns);
    d->label_ns = malloc((max + 1) * sizeof *d->label_ns);
    d->vectors = calloc(1, sizeof *d->vectors);
    d->symbol_id = malloc((max + 1) * sizeof *d->symbol_id);
    double *prices = malloc((max + 1) * sizeof *prices);
    int result = -1;
    if (!d->vectors || !d->x || !d->y || !d->recv_ns || !d->label_ns || !d->symbol_id || !prices) {
        ats_error(ATS_EXIT_FAILED, "dataset: %llu rows do not fit memory", (unsigned long long)max);
    } else {
        sink_config sink_configuration = {.dataset = d,
                                          .prices = prices,
                                          .rows_max = max,
                                          .options = options,
                                          .stride = options->stride ? options->stride : 1,
                                          .symbol_count = source->symbols.count};
        result = run_chain(source, options, &sink_configuration);
        if (result == 0)
            result = label(d, prices, options->horizon_ns, source->symbols.count);
    }
    free(prices);
    if (result != 0)
        ats_dataset_free(d);
    return result;
}

static int collect_from(ats_dataset *d, const char *const *captures, uint32_t count,
                        const ats_dataset_options *options, uint32_t *symbols)
{
    ats_market_source source;
    if (ats_market_source_open(&source, captures, count) != 0)
        return -1;
    *symbols = source.symbols.count;
    int status = ats_dataset_collect(d, &source, options);
    ats_market_source_close(&source);
    return status;
}

int ats_dataset_sample(ats_dataset *d, const char *const *captures, uint32_t count, uint64_t rows,
                       const ats_dataset_options *options)
{
    ats_dataset_options how = *options;
    uint32_t symbols = 0;
    how.rows_max = 0;
    how.horizon_ns = 0;
    if (collect_from(d, captures, count, &how, &symbols) != 0)
        return -1;
    how.stride = (uint32_t)(d->seen / rows + (d->seen % rows != 0));
    ats_dataset_free(d);
    how.rows_max = rows + symbols; /* each symbol's first, too */
    how.horizon_ns = options->horizon_ns;
    if (collect_from(d, captures, count, &how, &symbols) != 0)
        return -1;
    if (d->rows > 0)
        return 0;
    ats_dataset_free(d);
    return ats_error(ATS_EXIT_DATA, "the captures give no vector%s",
                     how.horizon_ns ? " with a label" : "");
}

void ats_dataset_free(ats_dataset *d)
{
    free(d->x);
    free(d->y);
    free(d->recv_ns);
    free(d->label_ns);
    free(d->symbol_id);
    free(d->vectors);
    memset(d, 0, sizeof *d);
}
