#include "stages/feature/feature.h"

#include "core/error.h"
#include "stages/feature/benchmarks.h"
#include "stages/feature/symbol.h"

#define PORT_CHAIN 0

typedef struct feature {
    const ats_context *context;
    ats_metrics_feature *metrics;
    const ats_catalogue *catalogue;
    bool vectors;
    size_t symbol_bytes;
    char *symbols; /* by symbol_id, symbol_bytes each, on a line */
} feature;

static ats_symbol_state *symbol_at(const feature *f, uint32_t id)
{
    return (ats_symbol_state *)(f->symbols + id * f->symbol_bytes);
}

/* ---- cold ------------------------------------------------------------------------------------ */

/* The stage, the table of benchmarks (index and sector by symbol), the symbols. */
static size_t head_bytes(const ats_feature_config *config)
{
    size_t bytes = sizeof(feature) + 2 * (config->symbol_count + 1ull) * sizeof(uint32_t);
    return (bytes + 63) & ~(size_t)63;
}

static size_t feature_footprint(const void *configuration)
{
    const ats_feature_config *config = configuration;
    return head_bytes(config) + (config->symbol_count + 1ull) * ats_symbol_bytes(config->catalogue);
}

static const ats_calendar *calendar_of(const ats_feature_config *config, uint32_t id)
{
    uint32_t class = config->context->symbols->entry[id].symbol_class;
    const ats_calendar *equity = config->equity_calendar;
    return equity ? ats_calendar_for(class, equity) : &ats_calendar_continuous;
}

static int feature_init(void *state, const void *configuration, ats_io *io)
{
    const ats_feature_config *config = configuration;
    feature *f = state;
    (void)io;
    f->context = config->context;
    f->metrics = &config->context->metrics->feature;
    f->catalogue = config->catalogue;
    f->vectors = config->vectors;
    f->symbol_bytes = ats_symbol_bytes(config->catalogue);
    f->symbols = (char *)state + head_bytes(config);
    uint32_t *table = (uint32_t *)(f + 1);
    ats_benchmarks b = {.index = table, .sector = table + config->symbol_count + 1};
    if (ats_benchmarks_find(&b, &config->catalogue->options, config->context->symbols) != 0)
        return -1;
    for (uint32_t id = 1; id <= config->symbol_count; id++)
        ats_symbol_init(symbol_at(f, id), config->catalogue, calendar_of(config, id),
                        b.index[id] ? symbol_at(f, b.index[id]) : NULL,
                        b.sector[id] ? symbol_at(f, b.sector[id]) : NULL);
    return 0;
}

/* ---- hot ------------------------------------------------------------------------------------- */

/* What a vector is of where no quotes come: the price of its record, or, where that formed none (a
 * cancel, an average price), the last close. */
static int64_t last_price_e9(const ats_symbol_state *s, const ats_market *m, bool forms_price)
{
    if (forms_price)
        return m->h.kind == ATS_KIND_BAR ? m->bar.close_e9 : m->trade.px_e9;
    return (int64_t)(s->price / s->price_scale * 1e9 + 0.5);
}

/* Writes the FEATURES record that ends the event. */
static void put_vector(feature *f, ats_io *io, ats_symbol_state *s, const ats_market *m,
                       bool forms_price)
{
    ats_features *out = ats_tx_stage(io->out[PORT_CHAIN]);
    memset(out, 0, sizeof *out);
    out->h = m->h;
    out->h.kind = ATS_KIND_FEATURES;
    out->h.sub = 1;
    out->h.flags |= ATS_FLAG_END_OF_EVENT;
    if (m->h.kind == ATS_KIND_QUOTE) {
        out->bid_e9 = m->quote.bid_e9;
        out->ask_e9 = m->quote.ask_e9;
        out->bid_size_e9 = m->quote.bid_size_e9;
        out->ask_size_e9 = m->quote.ask_size_e9;
        out->price_e9 = m->quote.bid_e9 + (m->quote.ask_e9 - m->quote.bid_e9) / 2;
    } else {
        out->price_e9 = last_price_e9(s, m, forms_price);
    }
    out->version = f->catalogue->version;
    out->count = f->catalogue->count;
    out->ready = ats_symbol_vector(s, m->h.recv_ns);
    memcpy(out->f, s->vector, f->catalogue->count * sizeof(float));
    ats_count(&f->metrics->rows, 1);
}

/* Counts what became of the record. Did it form a price? */
static bool count_result(feature *f, ats_symbol_result result)
{
    ats_count(&f->metrics->late, result == ATS_SYMBOL_LATE);
    ats_count(&f->metrics->volume_only, result == ATS_SYMBOL_NO_PRICE);
    ats_count(&f->metrics->reversed, result == ATS_SYMBOL_REVERSED);
    ats_count(&f->metrics->ignored, result == ATS_SYMBOL_IGNORED);
    return result == ATS_SYMBOL_TAKEN;
}

/* Has a bar closed since the last vector? Others may have closed it: a symbol that has this one as
 * its index, or a corporate action. */
static bool tell_bars(ats_symbol_state *s)
{
    uint64_t bars = s->frames[0].history.count;
    bool news = bars != s->bars_told;
    s->bars_told = bars;
    return news;
}

/* Updates the symbol's state. True when the event makes a vector: its two-sided best quote changed,
 * or, as long as no quotes come, a bar has closed. */
static bool update(feature *f, ats_symbol_state *s, const ats_market *m, bool *forms_price)
{
    switch (m->h.kind) {
    case ATS_KIND_QUOTE:
        ats_symbol_quote(s, &m->quote);
        ats_count(&f->metrics->not_ready, f->vectors && !s->book.two_sided);
        return s->book.two_sided;
    case ATS_KIND_TRADE:
        *forms_price = count_result(f, ats_symbol_trade(s, &m->trade));
        break;
    case ATS_KIND_BAR:
        *forms_price = count_result(f, ats_symbol_bar(s, &m->bar));
        break;
    case ATS_KIND_CORPORATE_ACTION:
        count_result(f, ats_symbol_action(s, &m->corporate_action));
        return false;
    default:
        return false;
    }
    return s->book.quotes == 0 && tell_bars(s);
}

static void take(feature *f, ats_io *io, const ats_market *in)
{
    ats_symbol_state *s = symbol_at(f, in->h.symbol_id);
    ats_market *out = ats_tx_stage(io->out[PORT_CHAIN]);
    *out = *in;
    /* symbol 0 is nobody's: CLOCK, END */
    bool forms_price = false;
    bool vector = in->h.symbol_id && update(f, s, in, &forms_price) && f->vectors;
    if (vector)
        put_vector(f, io, s, in, forms_price);
    uint32_t now = ats_stamp_since(in->h.origin_ns, ats_clock_now(io->clock));
    out->h.stamp_ns[ATS_STAMP_FEATURE] = now;
    if (vector) {
        out->h.flags &= (uint8_t)~ATS_FLAG_END_OF_EVENT;
        ((ats_header *)ats_tx_slot(io->out[PORT_CHAIN], (uint64_t)-1))
            ->stamp_ns[ATS_STAMP_FEATURE] = now;
    }
    ats_hop_record(f->context, ATS_HOP_FEATURE, in->h.stamp_ns[ATS_STAMP_FEED], now);
}

/* The next record is mostly of another symbol, whose state is far away. */
static inline void prefetch(feature *f, const ats_market *next)
{
    if (next->h.symbol_id)
        ats_symbol_prefetch(symbol_at(f, next->h.symbol_id));
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
        if (done < n)
            prefetch(f, ats_rx_slot(in, done));
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
    .in = {{"chain", ATS_KINDS_CHAIN, 0, false}},
    .out = {{"chain", ATS_KINDS_CHAIN | ATS_KIND_BIT(ATS_KIND_FEATURES), 2 * ATS_BURST_MAX, false}},
    .footprint = feature_footprint,
    .init = feature_init,
    .work = feature_work,
    .housekeep = feature_housekeep,
};
