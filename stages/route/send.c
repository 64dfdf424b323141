#include "stages/route/parts.h"

/* ---- what never leaves ---------------------------------------------------------------------- */

static uint32_t refused_type(const ats_order *o)
{
    return o->action == ATS_INTENT_NEW       ? ATS_EXEC_REJECTED
           : o->action == ATS_INTENT_REPLACE ? ATS_EXEC_REPLACE_REJECTED
                                             : ATS_EXEC_CANCEL_REJECTED;
}

/* Answers an order, or a request about one, that never left. */
static void reject_here(route *r, ats_io *io, const ats_order *o, uint32_t check)
{
    bool is_new = o->action == ATS_INTENT_NEW, replaces = o->action == ATS_INTENT_REPLACE;
    const ats_order_entry *target = ats_order_table_find(r->orders, o->target_order_id);
    uint8_t state = is_new ? ATS_ORDER_REJECTED : target ? target->state : ATS_ORDER_UNKNOWN;
    ats_exec x = {.h = o->h,
                  .order_id = is_new ? o->order_id : o->target_order_id,
                  .type = refused_type(o),
                  .check = check,
                  .account_id = o->account_id,
                  .strategy_id = o->strategy_id,
                  .side = o->side,
                  .order_state = state,
                  .reason = o->reason,
                  .ref_order_id = replaces ? o->order_id : 0};
    x.h.kind = ATS_KIND_EXEC;
    bool about_itself = is_new || replaces;
    route_journal_order(r, o, o->order_id,
                        about_itself ? ATS_EVENT_REJECTED : ATS_EVENT_CANCEL_REJECTED,
                        about_itself ? ATS_ORDER_REJECTED : state);
    ats_count(&r->metrics->rejects, is_new);
    route_forward(r, io, &x);
    ats_order legs[ATS_LEGS_MAX];
    uint32_t count = is_new ? ats_order_legs(o, legs) : 0;
    for (uint32_t i = 0; i < count; i++)
        reject_here(r, io, &legs[i], check);
}

/* ---- what leaves ---------------------------------------------------------------------------- */

static ats_order_entry *remember(route *r, const ats_order *o, uint8_t state)
{
    ats_order_entry *e = ats_order_table_enter(r->orders, o, state);
    if (!e)
        return NULL; /* room was looked at, so the id is taken: cannot be; answers will show */
    ats_store_relaxed(&r->metrics->orders_open, r->orders->count);
    return e;
}

static void remember_all(route *r, const ats_order *o, const ats_order_entry *target)
{
    ats_order legs[ATS_LEGS_MAX];
    uint32_t count = ats_order_legs(o, legs);
    ats_order_entry *e = remember(r, o, ATS_ORDER_SENT);
    if (e && target) {
        e->replaces_id = target->order_id;
        e->head_id = target->head_id;
        e->leg = target->leg;
    }
    if (e)
        route_watch(r, e);
    for (uint32_t i = 0; i < count; i++) {
        route_journal_order(r, &legs[i], legs[i].order_id, ATS_EVENT_HELD, ATS_ORDER_HELD);
        ats_order_entry *leg = remember(r, &legs[i], ATS_ORDER_HELD);
        if (leg) {
            leg->head_id = o->order_id;
            leg->leg = ats_order_leg_role(o, &legs[i]);
        }
    }
}

static void stamp_sent(route *r, ats_io *io, ats_order *o)
{
    o->sent_ns = ats_stamp_since(o->h.origin_ns, ats_clock_now(io->clock));
    ats_hop_record(r->context, ATS_HOP_ROUTE, o->h.stamp_ns[ATS_STAMP_RISK], o->sent_ns);
    ats_hop_record(r->context, ATS_HOP_EVENT_TO_ORDER, 0, o->sent_ns);
}

/* The order that a request is about takes the step, if it can. */
static bool move_target(route *r, ats_order_entry *target, uint8_t event)
{
    ats_transition t = ats_order_transition(target->state, event);
    if (t.kind == ATS_TRANSITION_IMPOSSIBLE)
        return false;
    target->state = t.next;
    route_watch(r, target);
    return true;
}

static void tap_order(ats_io *io, const ats_order *o)
{
    if (io->out[PORT_TAP])
        ats_io_put(io, PORT_TAP, o, sizeof *o);
}

static void send_cancel(route *r, ats_io *io, ats_order *o)
{
    ats_order_entry *target = ats_order_table_find(r->orders, o->target_order_id);
    ats_venue_sim_send(r->venue, o);
    stamp_sent(r, io, o);
    o->state = ATS_ORDER_PENDING_CANCEL;
    if (target)
        move_target(r, target, ATS_EVENT_CANCEL_SENT);
    route_digest_order(r, o);
    ats_count(&r->metrics->cancels, 1);
    tap_order(io, o);
}

static void send_order(route *r, ats_io *io, ats_order *o)
{
    bool replaces = o->action == ATS_INTENT_REPLACE;
    ats_order legs[ATS_LEGS_MAX];
    ats_order_entry *target = replaces ? ats_order_table_find(r->orders, o->target_order_id) : NULL;
    if (r->orders->count + 1 + ats_order_legs(o, legs) > r->orders->capacity) {
        reject_here(r, io, o, ATS_CHECK_ORDER_TABLE_FULL);
        return;
    }
    /* What is over, unknown or being cancelled is not replaced. */
    if (replaces && (!target || !move_target(r, target, ATS_EVENT_REPLACE_SENT))) {
        reject_here(r, io, o, ATS_CHECK_PASS);
        return;
    }
    if (target)
        o->target_cum_qty_e9 = target->filled_e9;
    ats_venue_sim_send(r->venue, o);
    stamp_sent(r, io, o);
    o->state = ATS_ORDER_SENT;
    route_journal_order(r, o, o->order_id, ATS_EVENT_SENT, ATS_ORDER_SENT);
    remember_all(r, o, target);
    route_digest_order(r, o);
    ats_count(replaces ? &r->metrics->replaces : &r->metrics->orders, 1);
    tap_order(io, o);
}

uint32_t route_records_of(const ats_order *o)
{
    ats_order legs[ATS_LEGS_MAX];
    return 1 + ats_order_legs(o, legs);
}

bool route_is_killed(const route *r)
{
    /* Acquire: partner of the release by whoever throws the switch. */
    return ats_load_acquire(&r->context->switches->kill) != 0;
}

void route_on_order(route *r, ats_io *io, const ats_order *in)
{
    ats_order o = *in;
    bool is_cancel = o.action == ATS_INTENT_CANCEL;
    o.route_took_ns = ats_stamp_since(o.h.origin_ns, ats_clock_now(io->clock));
    route_journal_order(r, &o, o.order_id, is_cancel ? ATS_EVENT_CANCEL_SENT : ATS_EVENT_JOURNALED,
                        is_cancel ? ATS_ORDER_PENDING_CANCEL : ATS_ORDER_JOURNALED);
    o.journaled_ns = ats_stamp_since(o.h.origin_ns, ats_clock_now(io->clock));
    if (!is_cancel && route_is_killed(r))
        reject_here(r, io, &o, ATS_CHECK_KILLED);
    else if (!ats_venue_sim_room(r->venue))
        /* Not "wait": what frees the agenda is time, and time waits for this record. */
        reject_here(r, io, &o, ATS_CHECK_ORDER_TABLE_FULL);
    else if (is_cancel)
        send_cancel(r, io, &o);
    else
        send_order(r, io, &o);
}

/* ---- a kill --------------------------------------------------------------------------------- */

/* Protective stops and exits stay; legs that are held go or stay with their heads. */
static bool adds_exposure(const ats_order_entry *e)
{
    return e->order_id != 0 && e->head_id == 0 &&
           !(e->intent_flags & (ATS_INTENT_REDUCE_ONLY | ATS_INTENT_PROTECTIVE));
}

static bool is_asked(const ats_order_entry *e)
{
    return e->state == ATS_ORDER_PENDING_CANCEL || e->state == ATS_ORDER_CANCEL_UNKNOWN;
}

static void cancel_for_kill(route *r, ats_io *io, const ats_order_entry *e)
{
    ats_order o = {.h = {.event_seq = r->last_seq,
                         .recv_ns = r->now_ns,
                         .symbol_id = e->symbol_id,
                         .kind = ATS_KIND_ORDER},
                   .order_id = e->order_id,
                   .target_order_id = e->order_id,
                   .qty_e9 = e->qty_e9,
                   .limit_e9 = e->limit_e9,
                   .account_id = e->account_id,
                   .strategy_id = e->strategy_id,
                   .reason = e->reason,
                   .action = ATS_INTENT_CANCEL,
                   .side = e->side,
                   .type = e->type,
                   .tif = e->tif};
    route_journal_order(r, &o, o.order_id, ATS_EVENT_CANCEL_SENT, ATS_ORDER_PENDING_CANCEL);
    send_cancel(r, io, &o);
    ats_count(&r->metrics->kill_cancels, 1);
    r->kill_asked++;
}

static void report_done(route *r, ats_io *io)
{
    r->kill_done = true;
    if (!io->out[PORT_TAP])
        return;
    ats_env env = {.h = {.event_seq = r->last_seq, .recv_ns = r->now_ns, .kind = ATS_KIND_ENV},
                   .after_seq = r->last_seq,
                   .code = ATS_ENV_KILL_DONE,
                   .value = (int64_t)r->kill_asked};
    ats_io_put(io, PORT_TAP, &env, sizeof env);
}

void route_kill_step(route *r, ats_io *io)
{
    uint32_t asked = 0;
    for (uint32_t looks = 0; looks < KILL_LOOKS && asked < KILL_CANCELS && !r->kill_done; looks++) {
        const ats_order_entry *e = &r->orders->pool[r->kill_at];
        if (adds_exposure(e)) {
            r->kill_open++;
            if (!is_asked(e) && ats_venue_sim_room(r->venue)) {
                cancel_for_kill(r, io, e);
                asked++;
            }
        }
        if (++r->kill_at < r->orders->capacity)
            continue;
        if (r->kill_open == 0)
            report_done(r, io);
        r->kill_at = r->kill_open = 0;
        break; /* what was asked is looked at again with the next record */
    }
}
