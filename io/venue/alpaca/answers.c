/* What the venue answers, in the books and on the streams. */
#include "core/error.h"
#include "io/venue/alpaca/parts.h"

#include <stdlib.h>

static void set_over(ats_paper *b, broker_order *o, broker_status status, int64_t *at_ns)
{
    if (!broker_is_over(o->status))
        b->open_count--;
    o->status = (uint8_t)status;
    o->updated_ns = b->now_ns;
    *at_ns = b->now_ns;
}

static void set_status(const ats_paper *b, broker_order *o, broker_status status)
{
    o->status = (uint8_t)status;
    o->updated_ns = b->now_ns;
}

/* As it was before it was asked for something that is not to be. */
static broker_status working(const broker_order *o)
{
    return o->filled_e9 > 0 ? BROKER_PARTIALLY_FILLED : BROKER_NEW;
}

static const broker_fill *keep_fill(ats_paper *b, const broker_order *o, const ats_exec *x)
{
    if (b->fill_count == b->fill_capacity) {
        uint64_t capacity = b->fill_capacity ? b->fill_capacity * 2 : 1024;
        broker_fill *fill = realloc(b->fill, capacity * sizeof *fill);
        if (!fill)
            return NULL;
        b->fill = fill;
        b->fill_capacity = capacity;
    }
    broker_fill *f = &b->fill[b->fill_count++];
    *f = (broker_fill){.order_id = o->order_id,
                       .exec_id = x->exec_id,
                       .at_ns = b->now_ns,
                       .qty_e9 = x->last_qty_e9,
                       .px_e9 = x->last_px_e9,
                       .cum_e9 = o->filled_e9,
                       .leaves_e9 = o->qty_e9 - o->filled_e9};
    return f;
}

/* What one leg has filled comes off the other, which the venue does without a word. */
static void take_sizes(ats_paper *b, uint32_t symbol_id)
{
    const ats_order_table *open = ats_venue_sim_orders(b->sim);
    const ats_order_entry *e = ats_order_table_first(open, symbol_id);
    for (; e; e = ats_order_table_next(open, e)) {
        broker_order *o = broker_order_at(b, e->order_id);
        if (o && !broker_is_over(o->status))
            o->qty_e9 = e->qty_e9;
    }
}

static void on_fill(ats_paper *b, broker_order *o, const ats_exec *x)
{
    int64_t signed_e9 = o->side == ATS_SIDE_BUY ? x->last_qty_e9 : -x->last_qty_e9;
    o->filled_e9 += x->last_qty_e9;
    o->filled_value_e18 += ats_money_product(x->last_px_e9, x->last_qty_e9);
    ats_portfolio_fill(b->portfolio, o->symbol_id, signed_e9, x->last_px_e9, x->fee_e9, x->exec_id);
    const broker_fill *f = keep_fill(b, o, x);
    bool whole = x->leaves_qty_e9 == 0;
    if (whole)
        set_over(b, o, BROKER_FILLED, &o->filled_ns);
    else if (o->status == BROKER_PENDING_CANCEL || o->status == BROKER_PENDING_REPLACE)
        o->updated_ns = b->now_ns; /* what was asked is still to be answered */
    else
        set_status(b, o, BROKER_PARTIALLY_FILLED);
    broker_tell_update(b, whole ? "fill" : "partial_fill", o, f);
    take_sizes(b, o->symbol_id);
}

static void on_replaced(ats_paper *b, broker_order *o, const ats_exec *x)
{
    broker_order *by = broker_order_at(b, x->ref_order_id);
    o->replaced_by = x->ref_order_id;
    set_over(b, o, BROKER_REPLACED, &o->replaced_ns);
    broker_tell_update(b, "replaced", o, NULL);
    if (by && o->head_id) /* it has taken the leg's place */
        by->head_id = o->head_id;
}

static void on_replace_rejected(ats_paper *b, broker_order *o, const ats_exec *x)
{
    broker_order *by = broker_order_at(b, x->ref_order_id);
    if (!broker_is_over(o->status))
        set_status(b, o, working(o));
    broker_tell_update(b, "order_replace_rejected", o, NULL);
    if (!by)
        return;
    for (uint64_t id = x->ref_order_id; id < x->ref_order_id + ATS_LEG_IDS; id++) {
        by = broker_order_at(b, id);
        if (!by)
            continue;
        set_over(b, by, BROKER_REJECTED, &by->failed_ns);
        broker_tell_update(b, "rejected", by, NULL);
    }
}

static void on_answer(ats_paper *b, const ats_exec *x)
{
    broker_order *o = broker_order_at(b, x->order_id);
    if (!o)
        return;
    switch (x->type) {
    case ATS_EXEC_ACCEPTED:
        if (o->status == BROKER_PENDING_NEW || o->status == BROKER_ACCEPTED ||
            o->status == BROKER_HELD) {
            set_status(b, o, BROKER_NEW);
            broker_tell_update(b, "new", o, NULL);
        }
        break;
    case ATS_EXEC_REJECTED:
        set_over(b, o, BROKER_REJECTED, &o->failed_ns);
        broker_tell_update(b, "rejected", o, NULL);
        break;
    case ATS_EXEC_FILL:
        on_fill(b, o, x);
        break;
    case ATS_EXEC_CANCELED:
        set_over(b, o, BROKER_CANCELED, &o->canceled_ns);
        broker_tell_update(b, "canceled", o, NULL);
        break;
    case ATS_EXEC_EXPIRED:
        set_over(b, o, BROKER_EXPIRED, &o->expired_ns);
        broker_tell_update(b, "expired", o, NULL);
        break;
    case ATS_EXEC_REPLACED:
        on_replaced(b, o, x);
        break;
    case ATS_EXEC_REPLACE_REJECTED:
        on_replace_rejected(b, o, x);
        break;
    case ATS_EXEC_CANCEL_REJECTED:
        if (!broker_is_over(o->status))
            set_status(b, o, working(o));
        broker_tell_update(b, "order_cancel_rejected", o, NULL);
        break;
    default: /* TRIGGERED: Alpaca tells nothing */
        break;
    }
}

void broker_run_due(ats_paper *b)
{
    ats_exec x;
    while (ats_venue_sim_next_due(b->sim) <= b->now_ns)
        if (ats_venue_sim_run_due(b->sim, &x))
            on_answer(b, &x);
}
