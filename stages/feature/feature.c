#include "stages/feature/feature.h"

#include "stages/feature/symbol.h"

#define PORT_CHAIN 0

typedef struct feature {
    const ats_context *context;
    ats_metrics_feature *metrics;
    uint64_t version;
    bool vectors;
    ats_symbol_state symbols[]; /* by symbol_id */
} feature;

static size_t feature_footprint(const void *configuration)
{
    const ats_feature_config *config = configuration;
    return sizeof(feature) + (config->symbol_count + 1ull) * sizeof(ats_symbol_state);
}

static int feature_init(void *state, const void *configuration, ats_io *io)
{
    const ats_feature_config *config = configuration;
    feature *f = state;
    (void)io;
    f->context = config->context;
    f->metrics = &config->context->metrics->feature;
    f->version = ats_feature_version();
    f->vectors = config->vectors;
    return 0;
}

/* Writes the FEATURES record that ends the event. */
static void put_vector(feature *f, ats_io *io, const ats_symbol_state *s, const ats_market *m)
{
    ats_features *out = ats_tx_stage(io->out[PORT_CHAIN]);
    memset(out, 0, sizeof *out);
    out->h = m->h;
    out->h.kind = ATS_KIND_FEATURES;
    out->h.sub = 1;
    out->h.flags |= ATS_FLAG_END_OF_EVENT;
    out->bid_e9 = m->quote.bid_e9;
    out->ask_e9 = m->quote.ask_e9;
    out->bid_size_e9 = m->quote.bid_size_e9;
    out->ask_size_e9 = m->quote.ask_size_e9;
    out->version = f->version;
    out->count = ATS_FEATURE_COUNT;
    out->ready = ats_symbol_vector(s, out->f);
    ats_count(&f->metrics->rows, 1);
}

static void take(feature *f, ats_io *io, const ats_market *in)
{
    ats_symbol_state *s = &f->symbols[in->h.symbol_id];
    ats_market *out = ats_tx_stage(io->out[PORT_CHAIN]);
    *out = *in;
    bool vector = false;
    if (in->h.kind == ATS_KIND_QUOTE) {
        ats_symbol_quote(s, &in->quote);
        vector = f->vectors && s->two_sided;
        ats_count(&f->metrics->not_ready, f->vectors && !s->two_sided);
    } else if (in->h.kind == ATS_KIND_TRADE && in->trade.correction == 0) {
        ats_symbol_trade(s, &in->trade);
    }
    if (vector)
        put_vector(f, io, s, in);
    uint32_t now = ats_stamp_since(in->h.origin_ns, ats_clock_now(io->clock));
    out->h.stamp_ns[ATS_STAMP_FEATURE] = now;
    if (vector) {
        out->h.flags &= (uint8_t)~ATS_FLAG_END_OF_EVENT;
        ((ats_header *)ats_tx_slot(io->out[PORT_CHAIN], (uint64_t)-1))
            ->stamp_ns[ATS_STAMP_FEATURE] = now;
    }
    ats_hop_record(f->context, ATS_HOP_FEATURE, in->h.stamp_ns[ATS_STAMP_FEED], now);
}

static uint32_t feature_work(void *state, ats_io *io)
{
    feature *f = state;
    ats_rx *in = io->in[PORT_CHAIN];
    uint64_t n = ats_rx_peek(in), done = 0;
    if (n > io->burst)
        n = io->burst;
    while (done < n && ats_io_room(io, PORT_CHAIN, 2)) {
        const ats_market *m = ats_rx_slot(in, done++);
        take(f, io, m);
        io->ended = m->h.kind == ATS_KIND_END;
    }
    if (done) {
        ats_rx_release(in, done);
        ats_tx_publish(io->out[PORT_CHAIN]);
        ats_count(&f->metrics->events_in, done);
        ats_count(&f->metrics->batches, 1);
    }
    return (uint32_t)done;
}

static void feature_housekeep(void *state, ats_io *io)
{
    feature *f = state;
    ats_recorder_poll(f->context->recorders[ATS_HOP_FEATURE]);
    ats_store_relaxed(&f->metrics->stalls, io->out[PORT_CHAIN]->stalls);
    ats_store_relaxed(&f->metrics->stall_ns, io->out[PORT_CHAIN]->stall_ns);
    ats_store_relaxed(&f->metrics->events_out, io->out[PORT_CHAIN]->published);
}

const ats_stage ats_stage_feature = {
    .name = "feature",
    .in = {{"chain", ATS_KINDS_MARKET, 0, false}},
    .out = {{"chain", ATS_KINDS_MARKET | ATS_KIND_BIT(ATS_KIND_FEATURES), 2 * ATS_BURST_MAX,
             false}},
    .footprint = feature_footprint,
    .init = feature_init,
    .work = feature_work,
    .housekeep = feature_housekeep,
};
