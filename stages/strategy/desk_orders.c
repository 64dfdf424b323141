/* Orders out of the desk: ids, the table of what is not final, the outbox. */
#include "stages/strategy/desk.h"

#include <assert.h>
#include <string.h>

static ats_intent *put(ats_desk *d, const ats_slot *slot, uint8_t action)
{
    assert(d->outbox_count <= d->outbox_mask && "an order and its cancel each have a place");
    ats_intent *i = &d->outbox[(d->outbox_head + d->outbox_count++) & d->outbox_mask];
    const ats_symbol_market *m = &d->markets->symbol[slot->symbol];
    memset(i, 0, sizeof *i);
    i->h = d->cause;
    i->h.symbol_id = slot->symbol;
    i->h.kind = ATS_KIND_INTENT;
    i->h.sub = (uint16_t)(d->cause.sub + 1);
    i->h.flags = 0;
    i->bid_e9 = m->bid_e9;
    i->ask_e9 = m->ask_e9;
    i->account_id = d->config.account_id;
    i->strategy_id = slot->strategy + 1;
    i->model_id = slot->model;
    i->score = slot->score;
    i->confidence = slot->confidence;
    i->action = action;
    return i;
}

static ats_order_entry *enter(ats_desk *d, ats_slot *slot, uint64_t id, uint8_t role,
                              int64_t qty_e9)
{
    ats_order_entry *e = ats_order_table_insert(d->orders, id, slot->symbol);
    if (!e)
        return NULL;
    e->qty_e9 = qty_e9;
    e->strategy_id = slot->strategy + 1;
    d->order_role[e - d->orders->pool] = role;
    d->order_slot[e - d->orders->pool] = (uint32_t)(slot - d->slots);
    return e;
}

ats_intent *ats_desk_order(ats_desk *d, ats_slot *slot, uint8_t role, uint8_t side, int64_t qty_e9,
                           uint32_t reason)
{
    assert(qty_e9 > 0);
    ats_order_entry *e = enter(d, slot, d->ids + 1, role, qty_e9);
    if (!e)
        return NULL;
    ats_intent *i = put(d, slot, ATS_INTENT_NEW);
    i->intent_id = ++d->ids;
    i->qty_e9 = qty_e9;
    i->side = side;
    i->reason = reason;
    if (ats_reason_is_exit(reason))
        i->intent_flags = ATS_INTENT_REDUCE_ONLY;
    return i;
}

bool ats_desk_leg(ats_desk *d, ats_slot *slot, const ats_intent *head, uint32_t leg, uint8_t role)
{
    if (!enter(d, slot, head->intent_id + leg, role, head->qty_e9))
        return false;
    d->ids = head->intent_id + ATS_LEG_IDS - 1;
    return true;
}

void ats_desk_cancel(ats_desk *d, ats_slot *slot, uint64_t order_id)
{
    const ats_order_entry *e = ats_order_table_find(d->orders, order_id);
    ats_intent *i = put(d, slot, ATS_INTENT_CANCEL);
    i->intent_id = ++d->ids;
    i->target_intent_id = order_id;
    i->side = slot->qty_e9 < 0 ? ATS_SIDE_BUY : ATS_SIDE_SELL;
    i->qty_e9 = e ? e->qty_e9 : 0;
}

ats_intent *ats_desk_replace(ats_desk *d, ats_slot *slot, uint64_t order_id, int64_t qty_e9,
                             uint32_t reason)
{
    const ats_order_entry *old = ats_order_table_find(d->orders, order_id);
    uint8_t role = old ? d->order_role[old - d->orders->pool] : (uint8_t)ATS_ROLE_NONE;
    if (!old || !enter(d, slot, d->ids + 1, role, qty_e9))
        return NULL;
    ats_intent *i = put(d, slot, ATS_INTENT_REPLACE);
    i->intent_id = ++d->ids;
    i->target_intent_id = order_id;
    i->qty_e9 = qty_e9;
    i->reason = reason;
    if (ats_reason_is_exit(reason))
        i->intent_flags = ATS_INTENT_REDUCE_ONLY;
    return i;
}

const ats_intent *ats_desk_outbox(const ats_desk *d)
{
    return d->outbox_count ? &d->outbox[d->outbox_head] : NULL;
}

void ats_desk_sent(ats_desk *d)
{
    assert(d->outbox_count);
    d->outbox_head = (d->outbox_head + 1) & d->outbox_mask;
    d->outbox_count--;
}
