#include "io/venue/venue_sim.h"

#include "core/memory.h"
#include "io/venue/parts.h"

#include <assert.h>
#include <string.h>

/* Actions in flight. Of an order: its arrival and cancel, and of its answers the acceptances, a
 * trigger, fills and its end; answers are on their way for a latency only. Half of eight an order
 * is for requests (ats_venue_sim_room), fills stop a quarter before the end (venue_has_room), and
 * what remains holds two answers of every order that can be open. */
static uint32_t action_capacity(const ats_venue_sim_config *c)
{
    return c->order_capacity * 8 + 64;
}

size_t ats_venue_sim_footprint(const ats_venue_sim_config *c)
{
    size_t n = action_capacity(c);
    return ats_whole_lines(sizeof(ats_venue_sim)) +
           ats_whole_lines(ats_order_table_footprint(c->order_capacity, c->symbol_count)) +
           ats_whole_lines(c->order_capacity * sizeof(venue_order)) +
           ats_whole_lines((c->symbol_count + 1ull) * sizeof(venue_symbol)) +
           ats_whole_lines(n * sizeof(action)) + 3 * ats_whole_lines(n * sizeof(uint32_t));
}

/* Is the symbol a word of the list? */
static bool is_listed(const char *list, const char *text)
{
    size_t length = strnlen(text, ATS_SYMBOL_TEXT);
    for (const char *at = list; *at;) {
        size_t word = strcspn(at, " ");
        if (word == length && word > 0 && memcmp(at, text, word) == 0)
            return true;
        at += word + strspn(at + word, " ");
    }
    return false;
}

static void open_symbols(ats_venue_sim *v)
{
    const ats_venue_sim_config *c = &v->config;
    for (uint32_t id = 1; c->symbols && id <= c->symbol_count; id++) {
        const ats_symbol *symbol = &c->symbols->entry[id];
        venue_symbol *s = &v->symbols[id];
        s->hard_to_borrow = is_listed(c->hard_to_borrow, symbol->text);
        if (c->calendar)
            s->calendar = ats_calendar_for(symbol->symbol_class, c->calendar);
    }
}

ats_venue_sim *ats_venue_sim_new(void *memory, const ats_venue_sim_config *c)
{
    ats_venue_sim *v = memory;
    uint8_t *at = (uint8_t *)memory + ats_whole_lines(sizeof *v);
    v->config = *c;
    v->capacity = action_capacity(c);
    v->alarm_ns = INT64_MAX;
    v->round_trip_ns = venue_longest_round_trip(c);
    v->orders = ats_order_table_new(at, c->order_capacity, c->symbol_count);
    at += ats_whole_lines(ats_order_table_footprint(c->order_capacity, c->symbol_count));
    v->beside = (venue_order *)at;
    at += ats_whole_lines(c->order_capacity * sizeof(venue_order));
    v->symbols = (venue_symbol *)at;
    at += ats_whole_lines((c->symbol_count + 1ull) * sizeof(venue_symbol));
    v->pool = (action *)at;
    at += ats_whole_lines(v->capacity * sizeof(action));
    v->heap = (uint32_t *)at;
    at += ats_whole_lines(v->capacity * sizeof(uint32_t));
    v->free_list = (uint32_t *)at;
    v->lost = (uint32_t *)(at + ats_whole_lines(v->capacity * sizeof(uint32_t)));
    for (uint32_t i = 0; i < v->capacity; i++)
        v->free_list[i] = v->capacity - 1 - i;
    open_symbols(v);
    return v;
}

int64_t venue_tick(const ats_venue_sim *v, uint32_t symbol_id, int64_t px_e9)
{
    static const ats_symbol none = {.tick_e9 = 0};
    const ats_symbols *table = v->config.symbols;
    return ats_symbol_tick_e9(table ? &table->entry[symbol_id] : &none, px_e9);
}

const ats_order_table *ats_venue_sim_orders(const ats_venue_sim *v)
{
    return v->orders;
}

/* ---- requests ------------------------------------------------------------------------------- */

bool ats_venue_sim_room(const ats_venue_sim *v)
{
    return v->used < v->config.order_capacity * 4;
}

void ats_venue_sim_send(ats_venue_sim *v, const ats_order *order)
{
    bool is_cancel = order->action == ATS_INTENT_CANCEL;
    int64_t due_ns = order->h.recv_ns + venue_out_latency(v, order->order_id);
    action *a = venue_schedule(v, due_ns, is_cancel ? ACTION_CANCEL : ACTION_ARRIVE);
    a->symbol_id = order->h.symbol_id;
    a->order = *order;
}

void ats_venue_sim_ask(ats_venue_sim *v, uint64_t order_id, int64_t now_ns)
{
    action *a = venue_schedule(v, now_ns + v->config.out_base_ns, ACTION_ASK);
    a->order.order_id = order_id;
}

/* ---- the market ----------------------------------------------------------------------------- */

static void on_status(ats_venue_sim *v, const ats_status *status)
{
    venue_symbol *s = &v->symbols[status->h.symbol_id];
    if (status->code == ATS_STATUS_HALT)
        s->halted = true;
    else if (status->code == ATS_STATUS_RESUME)
        s->halted = false;
    if (status->band_low_e9 > 0 || status->band_high_e9 > 0) {
        s->band_low_e9 = status->band_low_e9;
        s->band_high_e9 = status->band_high_e9;
    }
}

static void on_split(ats_venue_sim *v, const ats_corporate_action *split)
{
    ats_order_entry *e = ats_order_table_first(v->orders, split->h.symbol_id);
    for (; e; e = ats_order_table_next(v->orders, e))
        if (!venue_beside(v, e)->over)
            venue_end(v, e, split->h.recv_ns, ATS_EXEC_CANCELED);
    /* What is held is in old shares; whoever keeps the books converts it, and so does this. */
    venue_symbol *s = &v->symbols[split->h.symbol_id];
    if (split->ratio_denominator > 0)
        s->held_e9 =
            (int64_t)((__int128)s->held_e9 * split->ratio_numerator / split->ratio_denominator);
    s->first_e9 = s->last_e9 = s->change_e9 = 0;
}

void ats_venue_sim_market(ats_venue_sim *v, const ats_market *m)
{
    uint32_t id = m->h.symbol_id;
    v->now_ns = larger(v->now_ns, m->h.recv_ns);
    if (id == 0)
        return;
    venue_look_at_calendar(&v->symbols[id], m->h.recv_ns);
    switch (m->h.kind) {
    case ATS_KIND_QUOTE:
        venue_on_quote(v, &m->quote);
        break;
    case ATS_KIND_TRADE:
        venue_on_trade(v, &m->trade);
        break;
    case ATS_KIND_STATUS:
        on_status(v, &m->status);
        break;
    case ATS_KIND_CORPORATE_ACTION:
        if (m->corporate_action.action == ATS_ACTION_SPLIT)
            on_split(v, &m->corporate_action);
        break;
    default:
        break;
    }
    venue_sweep(v, id);
}

void ats_venue_sim_foresee(ats_venue_sim *v, const ats_market *next)
{
    if (next->h.kind == ATS_KIND_BAR)
        venue_foresee_bar(v, &next->bar);
    else if (next->h.kind == ATS_KIND_END)
        v->closing = true;
}

/* ---- time ----------------------------------------------------------------------------------- */

/* The alarm rings a nanosecond late: what the records of its own moment bring comes first, such as
 * the bars that end with the session. */
static int64_t alarm_due(const ats_venue_sim *v)
{
    return v->alarm_ns == INT64_MAX || v->closing ? INT64_MAX : v->alarm_ns + 1;
}

int64_t ats_venue_sim_next_due(const ats_venue_sim *v)
{
    int64_t first_ns = v->count ? v->pool[v->heap[0]].due_ns : INT64_MAX;
    return smaller(first_ns, alarm_due(v));
}

bool ats_venue_sim_run_due(ats_venue_sim *v, ats_exec *exec)
{
    if (v->count == 0 || alarm_due(v) < v->pool[v->heap[0]].due_ns) {
        v->now_ns = larger(v->now_ns, alarm_due(v));
        venue_ring_alarm(v);
        return false;
    }
    action a = venue_pop(v);
    v->now_ns = larger(v->now_ns, a.due_ns);
    switch (a.kind) {
    case ACTION_ARRIVE:
    case ACTION_ARRIVE_LATE:
        venue_arrive(v, &a);
        break;
    case ACTION_CANCEL:
    case ACTION_CANCEL_LATE:
        venue_cancel(v, &a);
        break;
    case ACTION_ASK:
        venue_answer_ask(v, a.order.order_id, a.due_ns);
        break;
    case ACTION_BAR:
        venue_run_bar(v, &a);
        break;
    default:
        *exec = a.exec;
        exec->h.recv_ns = a.due_ns;
        exec->exec_id = ++v->exec_ids;
        return true;
    }
    if (a.symbol_id <= v->config.symbol_count)
        venue_sweep(v, a.symbol_id);
    return false;
}

bool ats_venue_sim_expire_one(ats_venue_sim *v, int64_t now_ns, ats_exec *exec)
{
    action a;
    now_ns = larger(now_ns, v->now_ns); /* what was in flight at the end has come after it */
    bool found = venue_find_lost(v, &a);
    if (found)
        *exec = a.exec;
    for (uint32_t symbol = 1; symbol <= v->config.symbol_count && !found; symbol++) {
        ats_order_entry *e = ats_order_table_first(v->orders, symbol);
        if (!e)
            continue;
        *exec = (ats_exec){.h = {.kind = ATS_KIND_EXEC, .symbol_id = symbol, .event_ns = now_ns},
                           .order_id = e->order_id,
                           .cum_qty_e9 = e->filled_e9,
                           .account_id = e->account_id,
                           .strategy_id = e->strategy_id,
                           .reason = e->reason,
                           .side = e->side,
                           .ref_order_id = e->head_id,
                           .type = ATS_EXEC_EXPIRED};
        ats_order_table_remove(v->orders, e);
        found = true;
    }
    if (found) {
        exec->h.recv_ns = now_ns;
        exec->exec_id = ++v->exec_ids;
    }
    return found;
}
