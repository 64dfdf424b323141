#include "stages/infer/infer.h"

#include "core/error.h"

#define PORT_CHAIN  0
#define PORT_SHADOW 1 /* output */

typedef struct infer {
    const ats_infer_config *config;
    const ats_context *context;
    ats_metrics_infer *metrics;
    ats_model *model; /* NULL: none */
    uint32_t rows_max;
    uint32_t records_max; /* a vector comes with its market record */
    float scores[ATS_INFER_BATCH_MAX];
    float confidences[ATS_INFER_BATCH_MAX];
    const float *rows[ATS_INFER_BATCH_MAX];
    uint32_t symbols[ATS_INFER_BATCH_MAX];
    ats_vector_hash vectors;
    uint32_t use_count;
    uint64_t changes;
    ats_model_use uses[ATS_MODELS_MAX];
    ats_vector_sample *sample; /* behind this, or NULL */
} infer;

static size_t infer_footprint(const void *configuration)
{
    const ats_infer_config *config = configuration;
    return sizeof(infer) +
           (config->sample ? ats_vector_sample_footprint(config->feature_count) : 0);
}

/* ---- models --------------------------------------------------------------------------------- */

static void begin_use(infer *s, ats_model *model, int64_t from_ns)
{
    s->model = model;
    s->changes++;
    if (s->use_count == ATS_MODELS_MAX)
        return;
    ats_model_use *use = &s->uses[s->use_count++];
    *use = (ats_model_use){.model_id = model->id,
                           .members = model->member_count,
                           .feature_count = model->feature_count,
                           .feature_version = model->feature_version,
                           .train_first_ns = model->train_first_ns,
                           .train_last_ns = model->train_last_ns,
                           .from_ns = from_ns,
                           .calibrated = model->calibration.count > 0,
                           .isa = model->isa,
                           .attached = model->device != NULL};
    for (uint32_t i = 0; i < model->member_count; i++) {
        const ats_forest *forest = &model->members[i].forest;
        use->trees += forest->tree_count;
        use->nodes += forest->node_count;
        if (forest->max_depth > use->depth)
            use->depth = forest->max_depth;
    }
    memcpy(use->sha256, model->sha256, sizeof use->sha256);
}

/* A command for infer? The sender has checked the model; one that is not there changes nothing. */
static void take_command(infer *s, const ats_control *command)
{
    if (command->code != ATS_CONTROL_MODEL)
        return;
    ats_model *model = ats_model_table_find(s->config->models, command->model_id);
    if (model && memcmp(model->sha256_bytes, command->model_sha256, ATS_SHA256_BYTES) != 0)
        model = NULL; /* another file under this number: the tape of a run with other models */
    ats_count(&s->metrics->swaps, model != NULL);
    ats_count(&s->metrics->swaps_refused, model == NULL);
    if (!model || model == s->model)
        return;
    uint32_t before = s->model ? s->model->id : 0;
    begin_use(s, model, command->h.recv_ns);
    ats_model_table_retire(s->config->models, before);
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
    s->rows_max = config->batch_limit;
    s->records_max = 2 * config->batch_limit;
    for (uint32_t i = 0; config->models && i < ATS_MODELS_MAX; i++) {
        const ats_model *model = config->models->slots[i].model;
        if (model && ats_model_check(model, config->feature_count, config->feature_version) != 0)
            return -1;
    }
    ats_model *first =
        config->models ? ats_model_table_find(config->models, config->model_id) : NULL;
    if (config->model_id && !first)
        return ats_error(ATS_EXIT_FAILED, "infer: model %u is not loaded", config->model_id);
    if (first)
        begin_use(s, first, 0);
    return 0;
}

/* Cold: only while someone asks why. */
static void note_vector(ats_trace *t, const ats_features *f)
{
    if (!t->vector || t->symbol_id != f->h.symbol_id || f->h.recv_ns >= t->vector_until_ns)
        return;
    t->vector_count = f->count < t->vector_capacity ? f->count : t->vector_capacity;
    t->vector_ns = f->h.recv_ns;
    memcpy(t->vector, f->f, t->vector_count * sizeof *t->vector);
}

/* ---- batches: hot --------------------------------------------------------------------------- */

/* How many of the waiting records make the next batch, and its rows. A command stands alone: what
 * was before it belongs to the model before. */
static uint64_t gather(infer *s, const ats_rx *in, uint64_t waiting, uint32_t *rows)
{
    uint64_t n = 0;
    *rows = 0;
    for (; n < waiting && n < s->records_max && *rows < s->rows_max; n++) {
        const ats_features *r = ats_rx_slot(in, n);
        if (r->h.kind == ATS_KIND_FEATURES) {
            ats_vector_hash_add(&s->vectors, r);
            if (__builtin_expect(s->config->trace != NULL, 0))
                note_vector(s->config->trace, r);
            s->symbols[*rows] = r->h.symbol_id;
            s->rows[(*rows)++] = r->f;
        } else if (__builtin_expect(r->h.kind == ATS_KIND_CONTROL, 0)) {
            return n ? n : 1;
        }
    }
    return n;
}

static void put_signal(infer *s, ats_io *io, const ats_features *in, uint32_t row, uint32_t batch,
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
    out->model_id = s->model->id;
    out->batch = batch;
    out->score = s->scores[row];
    out->confidence = s->confidences[row];
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
            if (s->model)
                put_signal(s, io, (const ats_features *)m, row++, rows, took_ns, now_ns);
        } else {
            /* A vector that is dropped leaves its market record as the last of its event; only a
             * book update, which has no vector, spans records. */
            bool ends_event = !s->model && m->h.kind != ATS_KIND_BOOK_LEVEL;
            put_market(s, io, m, ends_event, took_ns, now_ns);
            io->ended = m->h.kind == ATS_KIND_END;
        }
    }
}

/* What is done with a batch's vectors after it has been passed on, so that no event waits for it.
 */
static void keep_batch(infer *s, ats_io *io, uint64_t n)
{
    const ats_rx *in = io->in[PORT_CHAIN];
    ats_tx *shadow = s->model ? io->out[PORT_SHADOW] : NULL;
    uint32_t row = 0;
    for (uint64_t i = 0; i < n; i++) {
        const ats_features *f = ats_rx_slot(in, i);
        bool ends = f->h.kind == ATS_KIND_END;
        if (f->h.kind != ATS_KIND_FEATURES && !(ends && io->out[PORT_SHADOW]))
            continue;
        if (ends) {
            memcpy(ats_tx_stage(io->out[PORT_SHADOW]), f, ATS_RECORD_MARKET);
            break;
        }
        if (s->sample)
            ats_vector_sample_take(s->sample, f);
        if (!shadow)
            continue;
        /* The last slot is END's. */
        if (!ats_tx_room(shadow, 2)) {
            ats_count(&shadow->dropped, 1);
            row++;
            continue;
        }
        ats_features *out = ats_tx_stage(shadow);
        memcpy(out, f, ats_record_bytes(ATS_KIND_FEATURES, f->count));
        out->live_score = s->scores[row++];
    }
    if (io->out[PORT_SHADOW])
        ats_tx_publish(io->out[PORT_SHADOW]);
}

static bool has_room(const infer *s, ats_io *io)
{
    return ats_io_room(io, PORT_CHAIN, s->records_max) &&
           (!s->config->shadow_may_block || ats_io_room(io, PORT_SHADOW, s->rows_max + 1));
}

static void count_batch(infer *s, uint64_t n, uint32_t rows)
{
    ats_metrics_infer *metrics = s->metrics;
    ats_count(&metrics->events_in, n);
    ats_count(&metrics->batches, 1);
    if (rows == 0)
        return;
    ats_count(&metrics->rows, rows);
    ats_count(&metrics->batch_rows[32 - __builtin_clz(rows) - 1], 1);
    ats_count(&metrics->signals, s->model ? rows : 0);
    if (s->model && s->changes <= ATS_MODELS_MAX)
        s->uses[s->use_count - 1].rows += rows;
}

static uint32_t infer_work(void *state, ats_io *io)
{
    infer *s = state;
    ats_rx *in = io->in[PORT_CHAIN];
    uint64_t waiting = ats_rx_peek(in);
    if (waiting == 0 || !has_room(s, io))
        return 0;
    uint32_t rows;
    uint64_t took_ns = ats_clock_now(io->clock);
    uint64_t n = gather(s, in, waiting, &rows);
    if (rows && s->model)
        ats_model_score(s->model, s->rows, s->symbols, rows, s->scores, s->confidences);
    else if (__builtin_expect(((const ats_header *)ats_rx_slot(in, 0))->kind == ATS_KIND_CONTROL,
                              0))
        take_command(s, ats_rx_slot(in, 0));
    pass_on(s, io, n, rows, took_ns);
    ats_tx_publish(io->out[PORT_CHAIN]);
    if (s->sample || io->out[PORT_SHADOW])
        keep_batch(s, io, n);
    ats_rx_release(in, n);
    count_batch(s, n, rows);
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
    if (io->out[PORT_SHADOW])
        ats_store_relaxed(&s->metrics->tap_dropped, io->out[PORT_SHADOW]->dropped);
}

const ats_vector_hash *ats_infer_vectors(const void *state)
{
    return &((const infer *)state)->vectors;
}

const ats_vector_sample *ats_infer_sample(const void *state)
{
    return ((const infer *)state)->sample;
}

const ats_model_use *ats_infer_uses(const void *state, uint32_t *count, uint64_t *changes)
{
    const infer *s = state;
    *count = s->use_count;
    *changes = s->changes;
    return s->uses;
}

/* The burst is that of a batch of 64; a larger limit wants deeper links (chain.c) and is asked for
 * at each call. */
const ats_stage ats_stage_infer = {
    .name = "infer",
    .in = {{"chain", ATS_KINDS_CHAIN | ATS_KIND_BIT(ATS_KIND_FEATURES), 0, false}},
    .out = {{"chain", ATS_KINDS_CHAIN | ATS_KIND_BIT(ATS_KIND_SIGNAL), 128, false},
            {"shadow", ATS_KIND_BIT(ATS_KIND_FEATURES) | ATS_KIND_BIT(ATS_KIND_END), 128, true}},
    .footprint = infer_footprint,
    .init = infer_init,
    .work = infer_work,
    .housekeep = infer_housekeep,
};
