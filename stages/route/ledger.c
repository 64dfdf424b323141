#include "stages/route/parts.h"

static uint64_t key_of(const route *r, uint32_t symbol_id)
{
    return symbol_id <= r->context->symbols->count ? r->context->symbols->entry[symbol_id].key : 0;
}

static void append(route *r, ats_journal_entry *e)
{
    e->instrument_key = e->symbol_id ? key_of(r, e->symbol_id) : 0;
    e->after_seq = r->last_seq;
    ats_journal_append(r->journal, e);
    ats_count(&r->metrics->journal_bytes, sizeof *e);
}

void route_journal_order(route *r, const ats_order *o, uint64_t order_id, uint8_t event,
                         uint8_t state)
{
    ats_journal_entry e = {.order_id = order_id,
                           .other_id = o->target_order_id,
                           .recv_ns = o->h.recv_ns,
                           .qty_e9 = o->qty_e9,
                           .limit_e9 = o->limit_e9,
                           .stop_e9 = o->stop_e9,
                           .trail_e9 = o->trail_e9,
                           .target_e9 = o->target_e9,
                           .stop_leg_e9 = o->stop_leg_e9,
                           .stop_leg_limit_e9 = o->stop_leg_limit_e9,
                           .intent_flags = o->intent_flags,
                           .account_id = o->account_id,
                           .strategy_id = o->strategy_id,
                           .symbol_id = o->h.symbol_id,
                           .event = event,
                           .state = state,
                           .side = o->side,
                           .type = o->type,
                           .tif = o->tif,
                           .action = o->action,
                           .order_class = o->order_class};
    append(r, &e);
}

void route_journal_exec(route *r, const ats_exec *x, uint8_t event, ats_transition t)
{
    ats_journal_entry e = {.order_id = x->order_id,
                           .other_id = x->ref_order_id,
                           .exec_id = x->exec_id,
                           .ref_exec_id = x->ref_exec_id,
                           .recv_ns = x->h.recv_ns,
                           .last_qty_e9 = x->last_qty_e9,
                           .last_px_e9 = x->last_px_e9,
                           .cum_qty_e9 = x->cum_qty_e9,
                           .fee_e9 = x->fee_e9,
                           .account_id = x->account_id,
                           .strategy_id = x->strategy_id,
                           .symbol_id = x->h.symbol_id,
                           .event = event,
                           .state = t.next,
                           .side = x->side,
                           .transition = t.kind};
    append(r, &e);
}

void route_journal_step(route *r, const ats_order_entry *e, uint8_t event, ats_transition t)
{
    ats_journal_entry entry = {.order_id = e->order_id,
                               .recv_ns = r->now_ns,
                               .qty_e9 = e->qty_e9,
                               .limit_e9 = e->limit_e9,
                               .cum_qty_e9 = e->filled_e9,
                               .account_id = e->account_id,
                               .strategy_id = e->strategy_id,
                               .symbol_id = e->symbol_id,
                               .event = event,
                               .state = t.next,
                               .side = e->side,
                               .type = e->type,
                               .tif = e->tif,
                               .transition = t.kind};
    append(r, &entry);
}

void route_digest_order(route *r, const ats_order *o)
{
    uint64_t words[] = {key_of(r, o->h.symbol_id),
                        (uint64_t)o->h.recv_ns,
                        o->order_id,
                        o->target_order_id,
                        (uint64_t)o->qty_e9,
                        (uint64_t)o->limit_e9,
                        (uint64_t)o->stop_e9,
                        (uint64_t)o->trail_e9,
                        (uint64_t)o->target_e9,
                        (uint64_t)o->stop_leg_e9,
                        (uint64_t)o->stop_leg_limit_e9,
                        (uint64_t)o->intent_flags << 32 | (uint64_t)o->action << 24 |
                            (uint64_t)o->side << 16 | (uint64_t)o->type << 8 | o->tif,
                        o->order_class};
    ats_digest_add(&r->digest, words, sizeof words / sizeof words[0]);
}

static void digest_exec(route *r, const ats_exec *x)
{
    uint64_t words[] = {key_of(r, x->h.symbol_id),
                        (uint64_t)x->h.recv_ns,
                        x->order_id,
                        x->exec_id,
                        x->ref_order_id,
                        x->ref_exec_id,
                        x->type,
                        (uint64_t)x->last_qty_e9,
                        (uint64_t)x->last_px_e9,
                        (uint64_t)x->cum_qty_e9,
                        (uint64_t)x->fee_e9,
                        x->order_state};
    ats_digest_add(&r->digest, words, sizeof words / sizeof words[0]);
}

void route_forward(route *r, ats_io *io, ats_exec *x)
{
    x->after_seq = r->last_seq;
    digest_exec(r, x);
    ats_io_put(io, PORT_FEEDBACK, x, sizeof *x);
    if (io->out[PORT_TAP])
        ats_io_put(io, PORT_TAP, x, sizeof *x);
}
