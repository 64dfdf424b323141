#include "stages/feed/feed.h"

#include "calc/nbbo.h"
#include "core/error.h"

#define PORT_CHAIN 0
#define PORT_TAPE  1

typedef struct feed {
    const ats_feed_config *config;
    const ats_context *context;
    ats_metrics_feed *metrics;
    ats_market_source *source;
    uint64_t event_seq;
    uint64_t events;       /* market events released */
    int64_t recv_ns;       /* of the last record */
    uint32_t next_command; /* of the schedule */
    uint32_t gap_clocks;   /* CLOCK records since the last market record */
    int64_t next_clock_ns; /* 0 = no market record seen yet */
    uint64_t start_ns;     /* monotonic time of the first record's due moment; 0 = not started */
    int64_t start_recv_ns;
    uint64_t previous_ns;     /* end of the last record's handling */
    uint64_t event_origin_ns; /* origin of the event under way */
    double ns_per_recorded_ns;
    bool event_open; /* a record of the event under way has gone out */
    bool ended;
    ats_quality *quality;
    ats_segment segment; /* of the calendar, at the last quote of a symbol that follows it */
    uint32_t *dates;     /* by symbol_id: trading date of the quotes in its book; 0 = none yet */
    ats_nbbo books[];    /* by symbol_id; the quality's state and the dates follow */
} feed;

static size_t books_end(uint32_t symbol_count)
{
    return sizeof(feed) + (symbol_count + 1ull) * sizeof(ats_nbbo);
}

static size_t feed_footprint(const void *configuration)
{
    const ats_feed_config *config = configuration;
    return books_end(config->symbol_count) + ats_quality_footprint(config->symbol_count) +
           (config->symbol_count + 1ull) * sizeof(uint32_t);
}

static int feed_init(void *state, const void *configuration, ats_io *io)
{
    feed *f = state;
    (void)io;
    f->config = configuration;
    f->context = f->config->context;
    f->metrics = &f->context->metrics->feed;
    f->source = f->config->source;
    f->quality = (ats_quality *)((char *)f + books_end(f->config->symbol_count));
    f->dates = (uint32_t *)((char *)f->quality + ats_quality_footprint(f->config->symbol_count));
    ats_quality_init(f->quality, &f->config->quality, f->config->calendar, f->context->symbols,
                     f->metrics);
    if (f->config->pace == ATS_PACE_RECORDED && !(f->config->speed > 0))
        return ats_error(ATS_EXIT_USAGE, "feed: speed must be above 0");
    f->ns_per_recorded_ns = f->config->pace == ATS_PACE_RECORDED ? 1.0 / f->config->speed : 0.0;
    return 0;
}

/* ---- pacing ------------------------------------------------------------------------------- */

/* Monotonic time at which a record with this recv_ns is due; in SCHEDULE, the next event. */
static uint64_t due_ns(const feed *f, int64_t recv_ns)
{
    if (f->config->pace == ATS_PACE_SCHEDULE)
        return f->start_ns + f->config->schedule_ns[f->events];
    return f->start_ns + (uint64_t)((double)(recv_ns - f->start_recv_ns) * f->ns_per_recorded_ns);
}

/* Sets the origin of the record about to go out; false when it is not due yet. */
static bool is_due(feed *f, ats_io *io, int64_t recv_ns, bool continues_event)
{
    if (continues_event)
        return true;
    uint64_t now_ns = f->previous_ns;
    if (f->config->pace == ATS_PACE_MAX) {
        f->event_origin_ns = now_ns ? now_ns : ats_clock_now(io->clock);
        return true;
    }
    now_ns = ats_clock_now(io->clock);
    if (f->start_ns == 0) {
        f->start_ns = now_ns;
        f->start_recv_ns = recv_ns;
    }
    f->event_origin_ns = due_ns(f, recv_ns);
    return now_ns >= f->event_origin_ns;
}

/* ---- hot: one record ---------------------------------------------------------------------- */

static bool price_ok(int64_t px_e9)
{
    return px_e9 >= 0 && px_e9 <= ATS_VALUE_MAX_E9;
}

static bool bar_ok(const ats_bar *b)
{
    return b->low_e9 > 0 && b->high_e9 <= ATS_VALUE_MAX_E9 && b->low_e9 <= b->open_e9 &&
           b->open_e9 <= b->high_e9 && b->low_e9 <= b->close_e9 && b->close_e9 <= b->high_e9;
}

static bool ratio_ok(int64_t part)
{
    return part >= 1 && part <= ATS_RATIO_MAX;
}

static bool action_ok(const ats_corporate_action *a)
{
    return a->action == ATS_ACTION_SPLIT
               ? ratio_ok(a->ratio_numerator) && ratio_ok(a->ratio_denominator)
               : a->action == ATS_ACTION_DIVIDEND && price_ok(a->cash_e9);
}

/* Counts and refuses what no stage behind may see. */
static bool is_sound(feed *f, const ats_market *m)
{
    bool price = true, size = true;
    switch (m->h.kind) {
    case ATS_KIND_QUOTE:
        price = price_ok(m->quote.bid_e9) && price_ok(m->quote.ask_e9);
        size = price_ok(m->quote.bid_size_e9) && price_ok(m->quote.ask_size_e9);
        break;
    case ATS_KIND_TRADE:
        price = m->trade.px_e9 > 0 && price_ok(m->trade.px_e9);
        size = m->trade.qty_e9 > 0 && price_ok(m->trade.qty_e9);
        break;
    case ATS_KIND_BOOK_LEVEL:
        price = m->book_level.px_e9 > 0 && price_ok(m->book_level.px_e9);
        size = price_ok(m->book_level.qty_e9);
        break;
    case ATS_KIND_BAR:
        price = bar_ok(&m->bar);
        size = m->bar.volume_e9 >= 0 && m->bar.volume_e9 <= ATS_VOLUME_MAX_E9;
        break;
    case ATS_KIND_CONTROL: /* a tape's; no other file may command */
        return f->source->tape;
    case ATS_KIND_CORPORATE_ACTION:
        if (__builtin_expect(!action_ok(&m->corporate_action), 0)) {
            ats_count(&f->metrics->bad_action, 1);
            if (!f->source->tape)
                ats_quality_note(f->quality, m->h.symbol_id, ATS_DATA_BAD_ACTION, m->h.recv_ns, 0,
                                 0);
            return false;
        }
        break;
    default:
        break;
    }
    if (__builtin_expect(price && size, 1))
        return true;
    ats_count(price ? &f->metrics->bad_size : &f->metrics->bad_price, 1);
    if (!f->source->tape)
        ats_quality_note(f->quality, m->h.symbol_id, price ? ATS_DATA_BAD_SIZE : ATS_DATA_BAD_PRICE,
                         m->h.recv_ns, 0, 0);
    return false;
}

/* May the chain see it? A tape's records were looked at when it was recorded. */
static bool is_fit(feed *f, const ats_market *m)
{
    return is_sound(f, m) && (f->source->tape || ats_quality_admit(f->quality, m));
}

static uint8_t quote_state(int64_t bid_e9, int64_t ask_e9)
{
    if (bid_e9 == 0 || ask_e9 == 0)
        return ATS_QUOTE_ONE_SIDED;
    return bid_e9 > ask_e9 ? ATS_QUOTE_CROSSED : bid_e9 == ask_e9 ? ATS_QUOTE_LOCKED : 0;
}

/* Exchanges' quotes are for the day: those of the trading date before are no offers any more, also
 * where the record of their end is missing (a capture cut at the close). */
static void begin_date(feed *f, uint32_t symbol_id, int64_t now_ns)
{
    const ats_calendar *calendar = f->config->calendar;
    if (__builtin_expect(now_ns >= f->segment.end_ns || now_ns < f->segment.start_ns, 0))
        ats_calendar_segment(calendar, now_ns, &f->segment);
    /* What comes at night (withdrawals) is of the date before. */
    uint32_t date = f->segment.date, before = f->dates[symbol_id];
    if (__builtin_expect(date == before, 1) || f->segment.phase == ATS_PHASE_CLOSED)
        return;
    uint32_t class = f->context->symbols->entry[symbol_id].symbol_class;
    if (before && !ats_calendar_for(class, calendar)->continuous)
        memset(&f->books[symbol_id], 0, sizeof f->books[0]);
    f->dates[symbol_id] = date;
}

/* Turns an exchange's quote into the national one in place. False when nothing changed. */
static bool consolidate(feed *f, ats_quote *q)
{
    uint32_t slot = ats_nbbo_slot(q->venue);
    if (slot != 0 && !f->source->tape) {
        ats_nbbo *book = &f->books[q->h.symbol_id];
        if (f->config->calendar)
            begin_date(f, q->h.symbol_id, q->h.recv_ns);
        if (!ats_nbbo_take(book, q))
            return false;
    }
    uint8_t state = quote_state(q->bid_e9, q->ask_e9);
    q->quote_flags = (uint8_t)((q->quote_flags & (ATS_QUOTE_NATIONAL | ATS_QUOTE_HALTED)) | state);
    ats_count(&f->metrics->locked, state == ATS_QUOTE_LOCKED);
    ats_count(&f->metrics->crossed, state == ATS_QUOTE_CROSSED);
    if (!f->source->tape)
        ats_quality_quote(f->quality, q);
    return true;
}

/* What exchanges quoted before a split is of another share: they are heard afresh. */
static void apply_action(feed *f, const ats_corporate_action *a)
{
    if (a->action == ATS_ACTION_SPLIT)
        memset(&f->books[a->h.symbol_id], 0, sizeof f->books[0]);
}

/* Numbers, stamps and stages a record that lies in the next slot of the chain. A tape's records
 * keep the numbers they had. */
static void release(feed *f, ats_io *io, ats_market *m, bool continues_event)
{
    ats_header *h = &m->h;
    if (h->recv_ns < f->recv_ns) {
        ats_count(&f->metrics->out_of_order, 1);
        h->recv_ns = f->recv_ns;
    }
    f->recv_ns = h->recv_ns;
    f->event_seq = f->source->tape && h->event_seq ? h->event_seq : f->event_seq + !continues_event;
    h->event_seq = f->event_seq;
    f->event_open = !(h->flags & ATS_FLAG_END_OF_EVENT);
    h->origin_ns = f->event_origin_ns;
    memset(h->stamp_ns, 0, sizeof h->stamp_ns);
    f->previous_ns = ats_clock_now(io->clock);
    h->stamp_ns[ATS_STAMP_FEED] = ats_stamp_since(h->origin_ns, f->previous_ns);
    ats_hop_record(f->context, ATS_HOP_FEED, 0, h->stamp_ns[ATS_STAMP_FEED]);
    if (io->out[PORT_TAPE])
        ats_io_put(io, PORT_TAPE, m, ATS_RECORD_MARKET);
    ats_tx_stage(io->out[PORT_CHAIN]);
    ats_count(&f->metrics->events_out, 1);
}

static void release_marker(feed *f, ats_io *io, uint8_t kind, int64_t recv_ns, uint16_t sub)
{
    ats_market *m = ats_tx_slot(io->out[PORT_CHAIN], 0);
    memset(m, 0, sizeof *m);
    m->h.kind = kind;
    m->h.flags = ATS_FLAG_END_OF_EVENT;
    m->h.recv_ns = recv_ns;
    m->h.sub = sub;
    release(f, io, m, sub != 0);
}

/* Passes one market record on, or counts why not. */
static void release_market(feed *f, ats_io *io, const ats_market *record)
{
    ats_metrics_feed *metrics = f->metrics;
    ats_count(&metrics->events_in, 1);
    if (!is_fit(f, record)) {
        /* An event that lost its last record still needs an end. */
        if (f->event_open && (record->h.flags & ATS_FLAG_END_OF_EVENT))
            release_marker(f, io, ATS_KIND_CLOCK, record->h.recv_ns, record->h.sub);
        return;
    }
    ats_market *m = ats_tx_slot(io->out[PORT_CHAIN], 0);
    *m = *record;
    if (m->h.kind == ATS_KIND_QUOTE && !consolidate(f, &m->quote)) {
        ats_count(&metrics->unchanged, 1);
        return;
    }
    if (__builtin_expect(m->h.kind == ATS_KIND_CORPORATE_ACTION, 0))
        apply_action(f, &m->corporate_action);
    ats_count(&metrics->quotes, m->h.kind == ATS_KIND_QUOTE);
    ats_count(&metrics->trades, m->h.kind == ATS_KIND_TRADE);
    ats_count(&metrics->bars, m->h.kind == ATS_KIND_BAR);
    /* Only a book update spans records; everything else is a whole event. */
    if (m->h.kind != ATS_KIND_BOOK_LEVEL)
        m->h.flags |= ATS_FLAG_END_OF_EVENT;
    release(f, io, m, f->event_open);
}

/* Most CLOCK records in one gap: a day of seconds and some. A longer gap (a week-end, captures of
 * different weeks) gets them from its start, then one at its end. */
#define CLOCKS_PER_GAP 100000u

/* Is there a CLOCK record to come before this moment of recorded time? */
static bool clock_before(feed *f, int64_t recv_ns)
{
    int64_t interval = f->config->clock_interval_ns;
    if (interval == 0 || f->source->tape)
        return false;
    if (f->next_clock_ns == 0)
        f->next_clock_ns = recv_ns - recv_ns % interval + interval;
    if (f->gap_clocks >= CLOCKS_PER_GAP && f->next_clock_ns <= recv_ns)
        f->next_clock_ns = recv_ns - recv_ns % interval;
    return f->next_clock_ns <= recv_ns;
}

/* ---- commands ----------------------------------------------------------------------------- */

static void release_command(feed *f, ats_io *io, const ats_control *command, int64_t recv_ns)
{
    ats_control *c = ats_tx_slot(io->out[PORT_CHAIN], 0);
    *c = *command;
    memset(&c->h, 0, sizeof c->h);
    c->h.kind = ATS_KIND_CONTROL;
    c->h.flags = ATS_FLAG_END_OF_EVENT;
    c->h.recv_ns = recv_ns;
    ats_count(&f->metrics->commands, 1);
    release(f, io, (ats_market *)c, false);
}

/* Releases a command whose time has come, if there is one: between events, and not before the first
 * record, which gives the run its time. A tape holds those of its run. */
static bool take_command(feed *f, ats_io *io, int64_t next_ns)
{
    const ats_feed_config *config = f->config;
    const ats_control *sent;
    if (f->source->tape || f->event_open)
        return false;
    if (f->next_command < config->command_count &&
        config->commands[f->next_command].at_ns <= next_ns) {
        const ats_control_due *due = &config->commands[f->next_command];
        int64_t recv_ns = due->at_ns > f->recv_ns && f->recv_ns ? due->at_ns : f->recv_ns;
        if (recv_ns == 0)
            recv_ns = next_ns;
        if (!is_due(f, io, recv_ns, false))
            return false;
        release_command(f, io, &due->command, recv_ns);
        f->next_command++;
        return true;
    }
    if (f->recv_ns == 0 || !(sent = ats_control_peek(f->context->inbox)))
        return false;
    f->event_origin_ns = ats_clock_now(io->clock);
    release_command(f, io, sent, f->recv_ns);
    ats_control_pop(f->context->inbox);
    return true;
}

static void end_run(feed *f, ats_io *io)
{
    f->event_origin_ns = ats_clock_now(io->clock);
    if (!f->source->tape)
        ats_quality_finish(f->quality);
    release_marker(f, io, ATS_KIND_END, f->recv_ns, 0);
    f->ended = true;
    io->ended = true;
}

/* Releases one record. False when there is nothing to do now. */
static bool step(feed *f, ats_io *io)
{
    const ats_market *next;
    if (!ats_io_room(io, PORT_CHAIN, 1) || !ats_io_room(io, PORT_TAPE, 1))
        return false;
    bool schedule_over =
        f->config->pace == ATS_PACE_SCHEDULE && f->events == f->config->schedule_count;
    bool stopped_here =
        f->config->released_max != 0 && f->metrics->events_out == f->config->released_max;
    /* Relaxed: any moment will do; main throws the switch. */
    if (ats_load_relaxed(&f->context->switches->stop) || schedule_over || stopped_here ||
        ats_market_source_peek(f->source, &next) != 1) {
        end_run(f, io);
        return true;
    }
    if (!ats_time_is_sane(next->h.recv_ns)) {
        ats_count(&f->metrics->events_in, 1);
        ats_count(&f->metrics->bad_time, 1);
        if (!f->source->tape)
            ats_quality_note(f->quality, next->h.symbol_id, ATS_DATA_BAD_TIME, f->recv_ns, 0, 0);
        ats_market_source_pop(f->source);
        return true;
    }
    bool clock = clock_before(f, next->h.recv_ns);
    if (take_command(f, io, clock ? f->next_clock_ns : next->h.recv_ns))
        return true;
    if (clock) {
        if (!is_due(f, io, f->next_clock_ns, false))
            return false;
        release_marker(f, io, ATS_KIND_CLOCK, f->next_clock_ns, 0);
        f->next_clock_ns += f->config->clock_interval_ns;
        f->gap_clocks++;
        return true;
    }
    bool continues_event = next->h.sub != 0;
    if (next->h.kind == ATS_KIND_END) { /* a tape's own END: ours follows */
        ats_market_source_pop(f->source);
        return true;
    }
    if (!is_due(f, io, next->h.recv_ns, continues_event))
        return false;
    f->gap_clocks = 0;
    release_market(f, io, next);
    f->events += !continues_event;
    ats_market_source_pop(f->source);
    return true;
}

static uint32_t feed_work(void *state, ats_io *io)
{
    feed *f = state;
    uint32_t done = 0;
    while (!f->ended && done < f->config->burst && step(f, io))
        done++;
    if (done) {
        ats_count(&f->metrics->batches, 1);
        ats_io_publish(io);
    } else {
        f->previous_ns = 0;
    }
    return done;
}

static void feed_housekeep(void *state, ats_io *io)
{
    feed *f = state;
    ats_recorder_poll(f->context->recorders[ATS_HOP_FEED]);
    ats_store_relaxed(&f->metrics->stalls, io->out[PORT_CHAIN]->stalls);
    ats_store_relaxed(&f->metrics->stall_ns, io->out[PORT_CHAIN]->stall_ns);
}

static int feed_fini(void *state)
{
    const feed *f = state;
    if (f->source->failed)
        return ats_error(ATS_EXIT_DATA, "input damaged: %s", ats_market_source_reason(f->source));
    return 0;
}

uint64_t ats_feed_events(const void *state)
{
    return ((const feed *)state)->events;
}

const ats_quality *ats_feed_quality(const void *state)
{
    return ((const feed *)state)->quality;
}

const ats_stage ats_stage_feed = {
    .name = "feed",
    .out = {{"chain", ATS_KINDS_CHAIN, ATS_BURST_MAX, false},
            {"tape", ATS_KINDS_CHAIN, ATS_BURST_MAX, true}},
    .footprint = feed_footprint,
    .init = feed_init,
    .work = feed_work,
    .housekeep = feed_housekeep,
    .fini = feed_fini,
};
