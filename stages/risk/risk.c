#include "stages/risk/risk.h"

#include "core/error.h"

#define PORT_CHAIN      0
#define PORT_FEEDBACK   1
#define PORT_TAP        2
#define HOUSEKEEP_CHECK 1024u /* about a second of housekeeping between two full recounts */

/* A verdict or a position, what the gate tells, and the two switches. */
#define TAP_PER_RECORD (1u + ATS_GATE_EVENTS_MAX + 2u)

/* A decision whose verdict is not whole yet: the order goes first. */
typedef struct judged {
    const ats_intent *intent;
    ats_verdict *verdict; /* its slot at the tap, or `unseen` */
    ats_gate_sums sums;
} judged;

typedef struct risk {
    const ats_risk_config *config;
    const ats_context *context;
    ats_metrics_risk *metrics;
    ats_gate *gate;
    ats_gate_switches switches;
    uint64_t last_seq; /* of the last chain record */
    uint32_t housekeeps;
    bool chain_ended, feedback_ended;
    ats_digest digest;
    uint32_t judged_count;
    judged judged[ATS_BURST_MAX];
    ats_verdict unseen[ATS_BURST_MAX]; /* without a tap */
    alignas(ATS_GUARD_BYTES) uint8_t memory[];
} risk;

static ats_gate_config gate_config(const ats_risk_config *config)
{
    return (ats_gate_config){.symbols = config->context->symbols,
                             .limits = config->limits,
                             .start_cash_e9 = config->start_cash_e9,
                             .order_capacity = config->order_capacity,
                             .fills_kept = ATS_FILLS_KEPT,
                             .calendar = config->calendar,
                             .reference = config->reference};
}

static size_t risk_footprint(const void *configuration)
{
    const ats_risk_config *config = configuration;
    uint32_t n = config->order_capacity;
    if (n == 0 || (n & (n - 1))) {
        ats_error(ATS_EXIT_CONFIG, "risk: order_capacity %u is no power of two", n);
        return 0;
    }
    ats_gate_config gate = gate_config(config);
    return sizeof(risk) + ats_gate_footprint(&gate);
}

static int risk_init(void *state, const void *configuration, ats_io *io)
{
    risk *r = state;
    (void)io;
    r->config = configuration;
    r->context = r->config->context;
    r->metrics = &r->context->metrics->risk;
    const char *unset = ats_limits_check(&r->config->limits);
    if (unset)
        return ats_error(ATS_EXIT_CONFIG,
                         "risk.%s: is not given or out of range; no limit has a default", unset);
    if (r->config->start_cash_e9 <= 0)
        return ats_error(ATS_EXIT_CONFIG, "risk: the account has no cash");
    ats_gate_config gate = gate_config(r->config);
    r->gate = ats_gate_new(r->memory, &gate);
    ats_digest_init(&r->digest);
    return 0;
}

/* ---- the tap ------------------------------------------------------------------------------ */

static void tap_env(risk *r, ats_io *io, const ats_header *cause, uint32_t code, uint32_t subject,
                    int64_t value)
{
    ats_count(&r->metrics->environment[code], 1);
    if (!io->out[PORT_TAP])
        return;
    ats_env *e = ats_tx_stage(io->out[PORT_TAP]);
    memset(e, 0, sizeof *e);
    e->h = *cause;
    e->h.kind = ATS_KIND_ENV;
    e->after_seq = r->last_seq;
    e->code = code;
    e->subject = subject;
    e->value = value;
}

/* What the gate latched, tripped or changed on this record. */
static void tap_events(risk *r, ats_io *io, const ats_header *cause)
{
    ats_gate *g = r->gate;
    for (uint32_t i = 0; i < g->event_count; i++)
        tap_env(r, io, cause, g->events[i].code, g->events[i].subject, g->events[i].value);
    g->event_count = 0;
}

static void tap_position(risk *r, ats_io *io, const ats_exec *x)
{
    if (!io->out[PORT_TAP])
        return;
    const ats_portfolio *p = r->gate->portfolio;
    const ats_holding *h = &p->holdings[x->h.symbol_id];
    ats_position *out = ats_tx_stage(io->out[PORT_TAP]);
    memset(out, 0, sizeof *out);
    out->h = x->h;
    out->h.kind = ATS_KIND_POSITION;
    out->qty_e9 = h->qty_e9;
    out->average_e9 = h->qty_e9 ? (int64_t)(h->cost_e18 / h->qty_e9) : 0;
    out->mark_e9 = h->mark_e9;
    out->realized_e9 = ats_money_round_e9(h->realized_e18);
    out->unrealized_e9 = ats_money_round_e9(ats_holding_unrealized(h));
    out->fees_e9 = ats_money_round_e9(h->fees_e18);
    out->equity_e9 = ats_money_round_e9(ats_portfolio_equity(p));
    out->cash_e9 = ats_money_round_e9(p->cash_e18);
    out->gross_e9 = ats_money_round_e9(p->gross_e18);
    out->net_e9 = ats_money_round_e9(p->net_e18);
    out->drawdown_e9 = ats_money_round_e9(ats_portfolio_drawdown(p));
    out->account_id = r->config->account_id;
    out->trades = (uint32_t)r->gate->day_fills;
}

/* ---- intents ------------------------------------------------------------------------------ */

static void look_at_switches(risk *r, ats_io *io, const ats_header *cause)
{
    const ats_switches *s = r->context->switches;
    /* Acquire: partner of the release by whoever throws the switch, so that what made them is seen.
     */
    bool killed = ats_load_acquire(&s->kill) != 0, short_of_room = ats_load_acquire(&s->disk_short);
    if (killed != r->switches.killed)
        tap_env(r, io, cause, ATS_ENV_KILLED, 0, 1);
    if (short_of_room != r->switches.storage_short)
        tap_env(r, io, cause, short_of_room ? ATS_ENV_DISK_SHORT : ATS_ENV_DISK_CLEAR, 0, 0);
    r->switches.killed = killed;
    r->switches.storage_short = short_of_room;
}

static void add_to_digest(risk *r, const ats_intent *i, const ats_verdict *v)
{
    uint32_t id = i->h.symbol_id;
    bool known = id != 0 && id <= r->context->symbols->count;
    uint64_t words[] = {known ? r->context->symbols->entry[id].key : 0,
                        (uint64_t)i->h.recv_ns,
                        v->intent_id,
                        v->check,
                        (uint64_t)v->measured_e9,
                        (uint64_t)v->limit_e9,
                        (uint64_t)v->reference_e9,
                        (uint64_t)v->notional_e9,
                        (uint64_t)v->position_e9,
                        (uint64_t)v->gross_e9,
                        (uint64_t)v->equity_e9,
                        (uint64_t)v->drawdown_e9,
                        (uint64_t)v->age_ns};
    ats_digest_add(&r->digest, words, sizeof words / sizeof words[0]);
}

static void put_refusal(ats_io *io, const ats_intent *i, uint32_t check)
{
    ats_exec *x = ats_tx_stage(io->out[PORT_FEEDBACK]);
    memset(x, 0, sizeof *x);
    x->h = i->h;
    x->h.kind = ATS_KIND_EXEC;
    x->order_id = i->intent_id;
    x->type = ATS_EXEC_REFUSED;
    x->check = check;
    x->account_id = i->account_id;
    x->strategy_id = i->strategy_id;
    x->side = i->side;
    x->reason = i->reason;
}

static void put_order(ats_io *io, const ats_intent *i)
{
    ats_order *o = ats_tx_stage(io->out[PORT_CHAIN]);
    memset(o, 0, sizeof *o);
    o->h = i->h;
    o->h.kind = ATS_KIND_ORDER;
    o->order_id = i->intent_id;
    o->target_order_id = i->target_intent_id;
    o->qty_e9 = i->qty_e9;
    o->limit_e9 = i->limit_e9;
    o->account_id = i->account_id;
    o->strategy_id = i->strategy_id;
    o->reason = i->reason;
    o->action = i->action;
    o->side = i->side;
    o->type = i->type;
    o->tif = i->tif;
    o->intent_flags = i->intent_flags;
    o->bid_e9 = i->bid_e9;
    o->ask_e9 = i->ask_e9;
    o->score = i->score;
    o->stop_e9 = i->stop_e9;
    o->trail_e9 = i->trail_e9;
    o->target_e9 = i->target_e9;
    o->stop_leg_e9 = i->stop_leg_e9;
    o->stop_leg_limit_e9 = i->stop_leg_limit_e9;
    o->parent_id = i->parent_id;
    o->order_class = i->order_class;
    o->algorithm = i->algorithm;
    o->h.stamp_ns[ATS_STAMP_RISK] = ats_stamp_since(o->h.origin_ns, ats_clock_now(io->clock));
}

static void on_intent(risk *r, ats_io *io, const ats_intent *i)
{
    judged *j = &r->judged[r->judged_count];
    ats_count(&r->metrics->intents, 1);
    look_at_switches(r, io, &i->h);
    j->intent = i;
    j->verdict = io->out[PORT_TAP] ? ats_tx_stage(io->out[PORT_TAP]) : &r->unseen[r->judged_count];
    r->judged_count++;
    *j->verdict = (ats_verdict){.h = i->h};
    j->verdict->h.kind = ATS_KIND_VERDICT;
    uint32_t check = ATS_CHECK_PASS;
    if (i->action == ATS_INTENT_CANCEL) {
        j->verdict->intent_id = i->intent_id; /* a cancel never adds exposure: it always passes */
        j->sums = (ats_gate_sums){0};
        ats_gate_cancel(r->gate, i);
        ats_count(&r->metrics->cancels, 1);
    } else {
        check = ats_gate_judge(r->gate, i, &r->switches, j->verdict, &j->sums);
    }
    ats_count(&r->metrics->verdicts[check], 1);
    if (check == ATS_CHECK_PASS)
        put_order(io, i);
    else
        put_refusal(io, i, check);
    tap_events(r, io, &i->h);
}

/* What no order waits for. */
static void explain_judged(risk *r)
{
    for (uint32_t k = 0; k < r->judged_count; k++) {
        const judged *j = &r->judged[k];
        ats_gate_explain(j->verdict, &j->sums);
        add_to_digest(r, j->intent, j->verdict);
    }
    r->judged_count = 0;
}

/* ---- flow --------------------------------------------------------------------------------- */

static void on_control(risk *r, const ats_control *c)
{
    ats_gate_control(r->gate, c);
    if (c->code == ATS_CONTROL_KILL)
        ats_store_release(&r->context->switches->kill, 1); /* partner: look_at_switches, route */
}

static void on_market(risk *r, ats_io *io, const ats_market *m)
{
    r->last_seq = m->h.event_seq;
    if (m->h.kind == ATS_KIND_CONTROL)
        on_control(r, &m->control);
    else
        ats_gate_market(r->gate, m);
    tap_events(r, io, &m->h);
    ats_market *out = ats_io_put(io, PORT_CHAIN, m, ATS_RECORD_MARKET);
    uint32_t now = ats_stamp_since(m->h.origin_ns, ats_clock_now(io->clock));
    out->h.stamp_ns[ATS_STAMP_RISK] = now;
    ats_hop_record(r->context, ATS_HOP_RISK, m->h.stamp_ns[ATS_STAMP_STRATEGY], now);
    r->chain_ended = m->h.kind == ATS_KIND_END;
}

static void on_exec(risk *r, ats_io *io, const ats_exec *x)
{
    ats_gate_exec(r->gate, x);
    ats_io_put(io, PORT_FEEDBACK, x, ATS_RECORD_DERIVED);
    if (x->type == ATS_EXEC_FILL || x->type == ATS_EXEC_BUSTED || x->type == ATS_EXEC_CORRECTED)
        tap_position(r, io, x);
    tap_events(r, io, &x->h);
}

static void on_feedback_end(risk *r, ats_io *io, const ats_market *end)
{
    r->feedback_ended = true;
    ats_io_put(io, PORT_FEEDBACK, end, ATS_RECORD_MARKET);
    if (io->out[PORT_TAP])
        ats_io_put(io, PORT_TAP, end, ATS_RECORD_MARKET);
}

static uint32_t take_feedback(risk *r, ats_io *io)
{
    ats_rx *in = io->in[PORT_FEEDBACK];
    uint64_t n = ats_rx_peek(in), done = 0;
    if (n > ATS_BURST_MAX)
        n = ATS_BURST_MAX;
    while (done < n && ats_io_room(io, PORT_FEEDBACK, 1) &&
           ats_io_room(io, PORT_TAP, TAP_PER_RECORD)) {
        const ats_market *m = ats_rx_slot(in, done++);
        if (m->h.kind == ATS_KIND_EXEC)
            on_exec(r, io, (const ats_exec *)m);
        else
            on_feedback_end(r, io, m);
    }
    if (done)
        ats_rx_release(in, done);
    return (uint32_t)done;
}

static uint32_t take_chain(risk *r, ats_io *io)
{
    ats_rx *in = io->in[PORT_CHAIN];
    uint64_t n = ats_rx_peek(in), done = 0;
    if (n > io->burst)
        n = io->burst;
    while (done < n && ats_io_room(io, PORT_CHAIN, 1) && ats_io_room(io, PORT_FEEDBACK, 1) &&
           ats_io_room(io, PORT_TAP, TAP_PER_RECORD)) {
        const ats_market *m = ats_rx_slot(in, done++);
        if (m->h.kind == ATS_KIND_INTENT)
            on_intent(r, io, (const ats_intent *)m);
        else
            on_market(r, io, m);
    }
    if (done) {
        ats_tx_publish(io->out[PORT_CHAIN]);
        explain_judged(r);
        ats_rx_release(in, done);
        ats_count(&r->metrics->events_in, done);
        ats_count(&r->metrics->batches, 1);
    }
    return (uint32_t)done;
}

static uint32_t risk_work(void *state, ats_io *io)
{
    risk *r = state;
    uint32_t done = take_feedback(r, io) + take_chain(r, io);
    if (done)
        ats_io_publish(io);
    io->ended = r->chain_ended && r->feedback_ended;
    return done;
}

static void risk_housekeep(void *state, ats_io *io)
{
    risk *r = state;
    ats_recorder_poll(r->context->recorders[ATS_HOP_RISK]);
    ats_store_relaxed(&r->metrics->stalls, io->out[PORT_CHAIN]->stalls);
    ats_store_relaxed(&r->metrics->stall_ns, io->out[PORT_CHAIN]->stall_ns);
    ats_store_relaxed(&r->metrics->events_out, io->out[PORT_CHAIN]->published);
    const ats_gate *g = r->gate;
    const ats_portfolio *p = g->portfolio;
    ats_store_relaxed(&r->metrics->orders_open, g->open->count);
    ats_store_relaxed(&r->metrics->latch, g->latch);
    ats_store_relaxed(&r->metrics->without_covariance, g->without_covariance);
    ats_store_relaxed(&r->metrics->fills_unknown, g->fills_unknown);
    ats_store_relaxed(&r->metrics->busts, p->busts + p->corrections);
    ats_store_relaxed(&r->metrics->busts_refused, g->busts_refused);
    ats_store_relaxed(&r->metrics->actions_refused, g->actions_refused);
    ats_store_relaxed(&r->metrics->lots_joined, p->lots->joined);
    if (++r->housekeeps % HOUSEKEEP_CHECK == 0 && !ats_gate_check(g))
        ats_store_release(&r->context->switches->kill, 1); /* partner: look_at_switches, route */
}

static int risk_fini(void *state)
{
    const risk *r = state;
    if (!ats_gate_check(r->gate))
        return ats_error(ATS_EXIT_FAILED, "risk: the running sums of the gate or the portfolio do "
                                          "not agree with its orders and positions");
    return 0;
}

const ats_digest *ats_risk_digest(const void *state)
{
    return &((const risk *)state)->digest;
}

const ats_gate *ats_risk_gate(const void *state)
{
    return ((const risk *)state)->gate;
}

#define BIT(kind) ATS_KIND_BIT(ATS_KIND_##kind)

const ats_stage ats_stage_risk = {
    .name = "risk",
    .in = {{"chain", ATS_KINDS_CHAIN | BIT(INTENT), 0, false},
           {"feedback", BIT(EXEC) | BIT(END), 0, false}},
    .out = {{"chain", ATS_KINDS_CHAIN | BIT(ORDER), ATS_BURST_MAX, false},
            {"feedback", BIT(EXEC) | BIT(END), 2 * ATS_BURST_MAX, false},
            {"tap", BIT(VERDICT) | BIT(POSITION) | BIT(ENV) | BIT(END),
             2 * ATS_BURST_MAX *TAP_PER_RECORD, true}},
    .footprint = risk_footprint,
    .init = risk_init,
    .work = risk_work,
    .housekeep = risk_housekeep,
    .fini = risk_fini,
};
