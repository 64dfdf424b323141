#include "stages/strategy/strategy.h"

#include "core/error.h"

#define PORT_CHAIN    0
#define PORT_FEEDBACK 1 /* input */
#define PORT_TAP      1 /* output */
#define SECOND_NS     1000000000ll
#define DAY_S         86400

/* With a CLOCK a second, 16 looks a CLOCK go round 30 positions, the default limit, in two seconds.
 */
#define EXITS_PER_CLOCK 16u

typedef struct symbol_view {
    int64_t bid_e9, ask_e9;
    int64_t qty_e9;
    int64_t entry_px_e9; /* average of the entry, rounded down; for the stop only */
    int64_t entry_ns;
    int64_t rest_until_ns;
    uint32_t held_at; /* place in the list of held symbols, when qty_e9 is not 0 */
    uint64_t working; /* intent_id of the order at work; 0 = none */
    float score;      /* of the last signal */
    bool scored;
    bool marked; /* its data cannot be trusted: no entry */
} symbol_view;

typedef struct strategy {
    const ats_strategy_config *config;
    const ats_context *context;
    ats_metrics_strategy *metrics;
    uint64_t intents;
    bool chain_ended, feedback_ended;
    ats_digest digest;
    uint32_t *held; /* symbol_ids with a position */
    uint32_t held_count, next_held;
    symbol_view symbols[];
} strategy;

static size_t strategy_footprint(const void *configuration)
{
    const ats_strategy_config *config = configuration;
    return sizeof(strategy) +
           (config->context->symbols->count + 1ull) * (sizeof(symbol_view) + sizeof(uint32_t));
}

static int strategy_init(void *state, const void *configuration, ats_io *io)
{
    strategy *s = state;
    (void)io;
    s->config = configuration;
    s->context = s->config->context;
    s->metrics = &s->context->metrics->strategy;
    ats_digest_init(&s->digest);
    s->held = (uint32_t *)(s->symbols + s->context->symbols->count + 1);
    const ats_strategy_params *p = &s->config->params;
    if (!(p->entry_margin == p->entry_margin) || p->notional_e9 <= 0)
        return ats_error(ATS_EXIT_CONFIG, "strategy: entry_margin and notional must be given");
    return 0;
}

/* ---- prices and sizes --------------------------------------------------------------------- */

/* offset_bps beyond the opposite quote, on the tick that is further away. */
static int64_t limit_price(const strategy *s, uint32_t symbol_id, uint8_t side)
{
    const symbol_view *v = &s->symbols[symbol_id];
    int64_t px = side == ATS_SIDE_BUY ? v->ask_e9 : v->bid_e9;
    int64_t tick = ats_symbol_tick_e9(&s->context->symbols->entry[symbol_id], px);
    int64_t away = (int64_t)((__int128)px * s->config->params.offset_bps / 10000);
    int64_t limit = side == ATS_SIDE_BUY ? px + away : px - away;
    int64_t rest = limit % tick;
    if (rest && side == ATS_SIDE_BUY)
        limit += tick - rest;
    else
        limit -= rest;
    return limit > 0 ? limit : tick;
}

/* Units for the configured notional, whole lots; 0 when it does not buy one. */
static int64_t entry_qty(const strategy *s, uint32_t symbol_id, int64_t px_e9)
{
    int64_t lot = ats_symbol_lot_e9(&s->context->symbols->entry[symbol_id]);
    __int128 qty = (__int128)s->config->params.notional_e9 * ATS_E9 / px_e9;
    if (qty > ATS_VALUE_MAX_E9)
        qty = ATS_VALUE_MAX_E9;
    return (int64_t)(qty - qty % lot);
}

/* ---- decisions ---------------------------------------------------------------------------- */

static void add_to_digest(strategy *s, const ats_intent *i)
{
    uint64_t words[] = {s->context->symbols->entry[i->h.symbol_id].key,
                        (uint64_t)i->h.recv_ns,
                        i->intent_id,
                        (uint64_t)i->qty_e9,
                        (uint64_t)i->limit_e9,
                        (uint64_t)i->bid_e9,
                        (uint64_t)i->ask_e9,
                        (uint64_t)i->side << 8 | i->reason,
                        ats_digest_float(i->score)};
    ats_digest_add(&s->digest, words, sizeof words / sizeof words[0]);
}

static void send(strategy *s, ats_io *io, const ats_header *cause, uint8_t side, int64_t qty_e9,
                 uint32_t reason, uint32_t model_id)
{
    symbol_view *v = &s->symbols[cause->symbol_id];
    ats_intent *i = ats_tx_stage(io->out[PORT_CHAIN]);
    memset(i, 0, sizeof *i);
    i->h = *cause;
    i->h.kind = ATS_KIND_INTENT;
    i->h.sub = (uint16_t)(cause->sub + 1);
    i->h.flags = 0;
    i->intent_id = ++s->intents;
    i->qty_e9 = qty_e9;
    i->limit_e9 = limit_price(s, cause->symbol_id, side);
    i->bid_e9 = v->bid_e9;
    i->ask_e9 = v->ask_e9;
    i->account_id = s->config->account_id;
    i->strategy_id = s->config->strategy_id;
    i->model_id = model_id;
    i->score = v->score;
    i->reason = reason;
    i->action = ATS_INTENT_NEW;
    i->side = side;
    i->type = ATS_ORDER_LIMIT;
    i->tif = ATS_TIF_IOC;
    if (reason >= ATS_REASON_EXIT_SIGNAL)
        i->intent_flags = ATS_INTENT_REDUCE_ONLY;
    else
        i->stop_distance_e9 = (int64_t)((__int128)i->limit_e9 * s->config->params.stop_bps / 10000);
    v->working = i->intent_id;
    add_to_digest(s, i);
    i->h.stamp_ns[ATS_STAMP_STRATEGY] = ats_stamp_since(i->h.origin_ns, ats_clock_now(io->clock));
    if (io->out[PORT_TAP])
        ats_io_put(io, PORT_TAP, i, ATS_RECORD_DERIVED);
    ats_count(&s->metrics->intents, 1);
}

static bool past_flat_time(const strategy *s, int64_t now_ns)
{
    int32_t flat_at_s = s->config->params.flat_at_s;
    return flat_at_s >= 0 && now_ns / SECOND_NS % DAY_S >= flat_at_s;
}

/* Why a position should be left now; NONE = it stays. */
static uint32_t exit_reason(const strategy *s, const symbol_view *v, int64_t now_ns)
{
    const ats_strategy_params *p = &s->config->params;
    bool is_long = v->qty_e9 > 0;
    int64_t mid = (v->bid_e9 + v->ask_e9) / 2;
    int64_t stop = (int64_t)((__int128)v->entry_px_e9 * p->stop_bps / 10000);
    if (p->stop_bps && (is_long ? mid <= v->entry_px_e9 - stop : mid >= v->entry_px_e9 + stop))
        return ATS_REASON_EXIT_STOP;
    if (past_flat_time(s, now_ns))
        return ATS_REASON_EXIT_SESSION;
    if (p->max_hold_s && now_ns - v->entry_ns >= p->max_hold_s * SECOND_NS)
        return ATS_REASON_EXIT_TIME;
    if (v->scored && (is_long ? v->score <= -p->exit_margin : v->score >= p->exit_margin))
        return ATS_REASON_EXIT_SIGNAL;
    return ATS_REASON_NONE;
}

/* No order at work, not resting, and both sides of the market there. */
static bool can_act(const symbol_view *v, int64_t now_ns)
{
    return v->working == 0 && v->bid_e9 > 0 && v->ask_e9 > 0 && now_ns >= v->rest_until_ns;
}

/* An entry also wants a market that is not locked, crossed or marked; an exit does not wait. */
static bool can_enter(const strategy *s, const symbol_view *v, int64_t now_ns)
{
    return can_act(v, now_ns) && !v->marked && v->ask_e9 > v->bid_e9 && !past_flat_time(s, now_ns);
}

static bool spread_is_fair(const strategy *s, const symbol_view *v)
{
    /* (ask - bid) / mid <= limit, with mid = (bid + ask) / 2 and no division */
    return (__int128)(v->ask_e9 - v->bid_e9) * 20000 <=
           (__int128)(v->ask_e9 + v->bid_e9) * s->config->params.max_spread_bps;
}

static void consider_exit(strategy *s, ats_io *io, const ats_header *cause, uint32_t model_id)
{
    symbol_view *v = &s->symbols[cause->symbol_id];
    if (v->qty_e9 == 0 || !can_act(v, cause->recv_ns))
        return;
    uint32_t reason = exit_reason(s, v, cause->recv_ns);
    if (reason == ATS_REASON_NONE)
        return;
    bool is_long = v->qty_e9 > 0;
    send(s, io, cause, is_long ? ATS_SIDE_SELL : ATS_SIDE_BUY, is_long ? v->qty_e9 : -v->qty_e9,
         reason, model_id);
}

static void on_signal(strategy *s, ats_io *io, const ats_signal *signal)
{
    const ats_strategy_params *p = &s->config->params;
    symbol_view *v = &s->symbols[signal->h.symbol_id];
    ats_count(&s->metrics->signals, 1);
    v->score = signal->score;
    v->scored = true;
    if (v->qty_e9 != 0) {
        consider_exit(s, io, &signal->h, signal->model_id);
        return;
    }
    if (!(signal->confidence >= p->min_confidence) || !can_enter(s, v, signal->h.recv_ns) ||
        !spread_is_fair(s, v))
        return;
    bool buy = signal->score >= p->entry_margin;
    bool sell = p->allow_short && signal->score <= -p->entry_margin;
    int64_t qty_e9 = entry_qty(s, signal->h.symbol_id, buy ? v->ask_e9 : v->bid_e9);
    if ((buy || sell) && qty_e9 > 0)
        send(s, io, &signal->h, buy ? ATS_SIDE_BUY : ATS_SIDE_SELL, qty_e9,
             buy ? ATS_REASON_ENTRY_LONG : ATS_REASON_ENTRY_SHORT, signal->model_id);
}

/* Timers in quiet markets: looks at up to EXITS_PER_CLOCK held symbols, going round, so that a
 * record makes a bounded number of orders. */
static void on_clock(strategy *s, ats_io *io, const ats_header *cause)
{
    uint32_t looks = s->held_count < EXITS_PER_CLOCK ? s->held_count : EXITS_PER_CLOCK;
    for (; looks > 0; looks--) {
        s->next_held = s->next_held + 1 < s->held_count ? s->next_held + 1 : 0;
        ats_header h = *cause;
        h.symbol_id = s->held[s->next_held];
        consider_exit(s, io, &h, 0);
    }
}

static void on_market(strategy *s, ats_io *io, const ats_market *m)
{
    if (m->h.kind == ATS_KIND_QUOTE) {
        symbol_view *v = &s->symbols[m->h.symbol_id];
        v->bid_e9 = m->quote.bid_e9;
        v->ask_e9 = m->quote.ask_e9;
        v->marked = (m->quote.quote_flags & ATS_QUOTE_HALTED) != 0;
    }
    ats_market *out = ats_io_put(io, PORT_CHAIN, m, ATS_RECORD_MARKET);
    uint32_t now = ats_stamp_since(m->h.origin_ns, ats_clock_now(io->clock));
    out->h.stamp_ns[ATS_STAMP_STRATEGY] = now;
    ats_hop_record(s->context, ATS_HOP_STRATEGY, m->h.stamp_ns[ATS_STAMP_INFER], now);
    /* A signal, if one comes, decides with the same quote; without one the stop and the clock do.
     */
    if (m->h.kind == ATS_KIND_QUOTE && (m->h.flags & ATS_FLAG_END_OF_EVENT))
        consider_exit(s, io, &m->h, 0);
    if (m->h.kind == ATS_KIND_CLOCK)
        on_clock(s, io, &m->h);
    if (m->h.kind == ATS_KIND_CONTROL && io->out[PORT_TAP]) {
        void *slot = ats_tx_stage(io->out[PORT_TAP]);
        memset(slot, 0, ATS_RECORD_DERIVED); /* the audit file's records are all of this size */
        memcpy(slot, m, sizeof(ats_control));
    }
    if (m->h.kind == ATS_KIND_END) {
        s->chain_ended = true;
        if (io->out[PORT_TAP])
            ats_io_put(io, PORT_TAP, m, ATS_RECORD_MARKET);
    }
}

/* ---- feedback ----------------------------------------------------------------------------- */

/* Keeps the list of held symbols in step with a position that came from or went to zero. */
static void keep_held(strategy *s, uint32_t symbol_id)
{
    symbol_view *v = &s->symbols[symbol_id];
    if (v->qty_e9 != 0) {
        v->held_at = s->held_count;
        s->held[s->held_count++] = symbol_id;
    } else {
        uint32_t last = s->held[--s->held_count];
        s->held[v->held_at] = last;
        s->symbols[last].held_at = v->held_at;
    }
}

static void book_fill(symbol_view *v, const ats_exec *e)
{
    int64_t signed_qty = e->side == ATS_SIDE_BUY ? e->last_qty_e9 : -e->last_qty_e9;
    bool adds = v->qty_e9 == 0 || (v->qty_e9 > 0) == (signed_qty > 0);
    if (adds) {
        __int128 before = (__int128)v->entry_px_e9 * (v->qty_e9 < 0 ? -v->qty_e9 : v->qty_e9);
        __int128 all = before + (__int128)e->last_px_e9 * e->last_qty_e9;
        if (v->qty_e9 == 0)
            v->entry_ns = e->h.recv_ns;
        v->qty_e9 += signed_qty;
        v->entry_px_e9 = (int64_t)(all / (v->qty_e9 < 0 ? -v->qty_e9 : v->qty_e9));
    } else {
        v->qty_e9 += signed_qty;
    }
    if (v->qty_e9 == 0)
        v->entry_px_e9 = 0;
}

static void on_exec(strategy *s, const ats_exec *e)
{
    symbol_view *v = &s->symbols[e->h.symbol_id];
    if (e->type == ATS_EXEC_FILL) {
        bool held = v->qty_e9 != 0;
        book_fill(v, e);
        if (held != (v->qty_e9 != 0))
            keep_held(s, e->h.symbol_id);
    }
    bool over = e->type == ATS_EXEC_REFUSED || e->type == ATS_EXEC_REJECTED ||
                e->type == ATS_EXEC_CANCELED || e->type == ATS_EXEC_EXPIRED ||
                (e->type == ATS_EXEC_FILL && e->leaves_qty_e9 == 0);
    if (!over || v->working != e->order_id)
        return;
    v->working = 0;
    bool is_exit = e->reason >= ATS_REASON_EXIT_SIGNAL;
    if (is_exit || e->type != ATS_EXEC_FILL)
        v->rest_until_ns = e->h.recv_ns + s->config->params.cooldown_ms * 1000000ll;
}

static uint32_t take_feedback(strategy *s, ats_io *io)
{
    ats_rx *in = io->in[PORT_FEEDBACK];
    uint64_t n = ats_rx_peek(in);
    if (n > ATS_BURST_MAX)
        n = ATS_BURST_MAX;
    for (uint64_t i = 0; i < n; i++) {
        const ats_exec *e = ats_rx_slot(in, i);
        if (e->h.kind == ATS_KIND_EXEC)
            on_exec(s, e);
        else
            s->feedback_ended = true;
    }
    if (n)
        ats_rx_release(in, n);
    return (uint32_t)n;
}

static uint32_t take_chain(strategy *s, ats_io *io)
{
    ats_rx *in = io->in[PORT_CHAIN];
    uint64_t n = io->burst ? ats_rx_peek(in) : 0, done = 0;
    if (n > io->burst)
        n = io->burst;
    /* A CLOCK record is the one that makes most. */
    while (done < n && ats_io_room(io, PORT_CHAIN, 1 + EXITS_PER_CLOCK) &&
           ats_io_room(io, PORT_TAP, EXITS_PER_CLOCK)) {
        const ats_market *m = ats_rx_slot(in, done++);
        if (m->h.kind == ATS_KIND_SIGNAL)
            on_signal(s, io, (const ats_signal *)m);
        else
            on_market(s, io, m);
    }
    if (done) {
        ats_rx_release(in, done);
        ats_io_publish(io);
        ats_count(&s->metrics->events_in, done);
        ats_count(&s->metrics->batches, 1);
    }
    return (uint32_t)done;
}

static uint32_t strategy_work(void *state, ats_io *io)
{
    strategy *s = state;
    uint32_t done = take_feedback(s, io);
    done += take_chain(s, io);
    io->ended = s->chain_ended && s->feedback_ended;
    return done;
}

static void strategy_housekeep(void *state, ats_io *io)
{
    strategy *s = state;
    ats_recorder_poll(s->context->recorders[ATS_HOP_STRATEGY]);
    ats_store_relaxed(&s->metrics->stalls, io->out[PORT_CHAIN]->stalls);
    ats_store_relaxed(&s->metrics->stall_ns, io->out[PORT_CHAIN]->stall_ns);
    ats_store_relaxed(&s->metrics->events_out, io->out[PORT_CHAIN]->published);
}

const ats_digest *ats_strategy_digest(const void *state)
{
    return &((const strategy *)state)->digest;
}

#define FEEDBACK_KINDS (ATS_KIND_BIT(ATS_KIND_EXEC) | ATS_KIND_BIT(ATS_KIND_END))

const ats_stage ats_stage_strategy = {
    .name = "strategy",
    .in = {{"chain", ATS_KINDS_CHAIN | ATS_KIND_BIT(ATS_KIND_SIGNAL), 0, false},
           {"feedback", FEEDBACK_KINDS, 0, false}},
    .out = {{"chain", ATS_KINDS_CHAIN | ATS_KIND_BIT(ATS_KIND_INTENT), 1 + EXITS_PER_CLOCK, false},
            {"tap",
             ATS_KIND_BIT(ATS_KIND_INTENT) | ATS_KIND_BIT(ATS_KIND_CONTROL) |
                 ATS_KIND_BIT(ATS_KIND_END),
             ATS_BURST_MAX, true}},
    .footprint = strategy_footprint,
    .init = strategy_init,
    .work = strategy_work,
    .housekeep = strategy_housekeep,
};
