#include "stages/infer/infer.h"

#include "core/error.h"

#define PORT_CHAIN  0
#define RECORDS_MAX (2 * ATS_INFER_BATCH_MAX) /* a vector comes with its market record */

typedef struct infer {
    const ats_infer_config *config;
    const ats_context *context;
    ats_metrics_infer *metrics;
    float margins[ATS_INFER_BATCH_MAX];
    const float *rows[ATS_INFER_BATCH_MAX];
    ats_vector_hash vectors;
    ats_vector_sample *sample; /* behind this, or NULL */
} infer;

static size_t infer_footprint(const void *configuration)
{
    const ats_infer_config *config = configuration;
    return sizeof(infer) +
           (config->sample ? ats_vector_sample_footprint(config->feature_count) : 0);
}

static int infer_init(void *state, const void *configuration, ats_io *io)
{
    const ats_infer_config *config = configuration;
    infer *s = state;
    (void)io;
    s->config = config;
    s->context = config->context;
    s->metrics = &config->context->metrics->infer;
    if (config->sample) {
        s->sample = (ats_vector_sample *)(s + 1);
        ats_vector_sample_init(s->sample, config->feature_count);
    }
    if (config->batch_limit < 1 || config->batch_limit > ATS_INFER_BATCH_MAX)
        return ats_error(ATS_EXIT_CONFIG, "infer.batch_limit %u: 1 to %u are possible",
                         config->batch_limit, ATS_INFER_BATCH_MAX);
    const ats_forest *forest = config->forest;
    if (forest && forest->feature_version != config->feature_version)
        return ats_error(ATS_EXIT_CONFIG,
                         "model: made for feature version %016llx, this program computes %016llx; "
                         "train it again, or give features.timeframes, index and sectors as in "
                         "its training",
                         (unsigned long long)forest->feature_version,
                         (unsigned long long)config->feature_version);
    if (forest && forest->group_count > 1)
        return ats_error(ATS_EXIT_CONFIG, "model: has %u classes; the chain takes one margin a row",
                         forest->group_count);
    if (forest && forest->feature_count > config->feature_count)
        return ats_error(ATS_EXIT_CONFIG, "model: wants %u features, there are %u",
                         forest->feature_count, config->feature_count);
    return 0;
}

/* How many of the waiting records make the next batch, and its rows. Stops at END: the last record
 * is passed on alone, so that a call sees it at most once. */
static uint64_t gather(infer *s, const ats_rx *in, uint64_t waiting, uint32_t *rows)
{
    uint64_t n = 0;
    *rows = 0;
    for (; n < waiting && n < RECORDS_MAX && *rows < s->config->batch_limit; n++) {
        const ats_features *r = ats_rx_slot(in, n);
        if (r->h.kind == ATS_KIND_FEATURES) {
            ats_vector_hash_add(&s->vectors, r);
            s->rows[(*rows)++] = r->f;
        }
    }
    return n;
}

static void put_signal(infer *s, ats_io *io, const ats_features *in, float margin, uint32_t batch,
                       uint32_t took_ns, uint32_t now_ns)
{
    ats_signal *out = ats_tx_stage(io->out[PORT_CHAIN]);
    memset(out, 0, sizeof *out);
    out->h = in->h;
    out->h.kind = ATS_KIND_SIGNAL;
    out->h.stamp_ns[ATS_STAMP_INFER_TOOK] = took_ns;
    out->h.stamp_ns[ATS_STAMP_INFER] = now_ns;
    out->bid_e9 = in->bid_e9;
    out->ask_e9 = in->ask_e9;
    out->bid_size_e9 = in->bid_size_e9;
    out->ask_size_e9 = in->ask_size_e9;
    out->feature_version = in->version;
    out->model_id = s->config->model_id;
    out->batch = batch;
    out->score = margin;
    out->confidence = 1.0f;
    ats_recorder_record(s->context->recorders[ATS_HOP_EVENT_TO_SIGNAL], now_ns);
}

static void put_market(infer *s, ats_io *io, const ats_market *in, bool ends_event,
                       uint32_t took_ns, uint32_t now_ns)
{
    ats_market *out = ats_io_put(io, PORT_CHAIN, in, ATS_RECORD_MARKET);
    if (ends_event)
        out->h.flags |= ATS_FLAG_END_OF_EVENT;
    out->h.stamp_ns[ATS_STAMP_INFER_TOOK] = took_ns;
    out->h.stamp_ns[ATS_STAMP_INFER] = now_ns;
    ats_hop_record(s->context, ATS_HOP_INFER_WAIT, in->h.stamp_ns[ATS_STAMP_FEATURE], took_ns);
    ats_hop_record(s->context, ATS_HOP_INFER, took_ns, now_ns);
}

/* Passes the batch on in its order, vectors replaced by signals. */
static void pass_on(infer *s, ats_io *io, uint64_t n, uint32_t rows, uint64_t took_at_ns)
{
    const ats_rx *in = io->in[PORT_CHAIN];
    uint64_t now_at_ns = ats_clock_now(io->clock);
    uint32_t row = 0;
    for (uint64_t i = 0; i < n; i++) {
        const ats_market *m = ats_rx_slot(in, i);
        uint32_t took_ns = ats_stamp_since(m->h.origin_ns, took_at_ns);
        uint32_t now_ns = ats_stamp_since(m->h.origin_ns, now_at_ns);
        if (m->h.kind == ATS_KIND_FEATURES) {
            if (s->config->forest)
                put_signal(s, io, (const ats_features *)m, s->margins[row++], rows, took_ns,
                           now_ns);
        } else {
            /* A vector that is dropped leaves its market record as the last of its event; only a
             * book update, which has no vector, spans records. */
            bool ends_event = !s->config->forest && m->h.kind != ATS_KIND_BOOK_LEVEL;
            put_market(s, io, m, ends_event, took_ns, now_ns);
            io->ended = m->h.kind == ATS_KIND_END;
        }
    }
}

/* After the batch has been passed on, so that no event waits for it. */
static void sample_batch(infer *s, const ats_rx *in, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        const ats_features *f = ats_rx_slot(in, i);
        if (f->h.kind == ATS_KIND_FEATURES)
            ats_vector_sample_take(s->sample, f);
    }
}

static uint32_t infer_work(void *state, ats_io *io)
{
    infer *s = state;
    ats_rx *in = io->in[PORT_CHAIN];
    uint64_t waiting = ats_rx_peek(in);
    if (waiting == 0 || !ats_io_room(io, PORT_CHAIN, RECORDS_MAX))
        return 0;
    uint32_t rows;
    uint64_t took_ns = ats_clock_now(io->clock);
    uint64_t n = gather(s, in, waiting, &rows);
    if (rows && s->config->forest)
        ats_forest_score(s->config->forest, s->rows, rows, s->margins);
    pass_on(s, io, n, rows, took_ns);
    ats_tx_publish(io->out[PORT_CHAIN]);
    if (s->sample)
        sample_batch(s, in, n);
    ats_rx_release(in, n);
    ats_metrics_infer *metrics = s->metrics;
    ats_count(&metrics->events_in, n);
    ats_count(&metrics->batches, 1);
    ats_count(&metrics->rows, rows);
    ats_count(&metrics->signals, s->config->forest ? rows : 0);
    return (uint32_t)n;
}

static void infer_housekeep(void *state, ats_io *io)
{
    infer *s = state;
    ats_recorder_poll(s->context->recorders[ATS_HOP_INFER_WAIT]);
    ats_recorder_poll(s->context->recorders[ATS_HOP_INFER]);
    ats_recorder_poll(s->context->recorders[ATS_HOP_EVENT_TO_SIGNAL]);
    ats_store_relaxed(&s->metrics->stalls, io->out[PORT_CHAIN]->stalls);
    ats_store_relaxed(&s->metrics->stall_ns, io->out[PORT_CHAIN]->stall_ns);
    ats_store_relaxed(&s->metrics->events_out, io->out[PORT_CHAIN]->published);
}

const ats_vector_hash *ats_infer_vectors(const void *state)
{
    return &((const infer *)state)->vectors;
}

const ats_vector_sample *ats_infer_sample(const void *state)
{
    return ((const infer *)state)->sample;
}

const ats_stage ats_stage_infer = {
    .name = "infer",
    .in = {{"chain", ATS_KINDS_MARKET | ATS_KIND_BIT(ATS_KIND_FEATURES), 0, false}},
    .out = {{"chain", ATS_KINDS_MARKET | ATS_KIND_BIT(ATS_KIND_SIGNAL), RECORDS_MAX, false}},
    .footprint = infer_footprint,
    .init = infer_init,
    .work = infer_work,
    .housekeep = infer_housekeep,
};
