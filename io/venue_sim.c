#include "io/venue_sim.h"

#include "calc/money.h"
#include "core/memory.h"

#include <assert.h>
#include <string.h>

typedef enum action_kind { ACTION_ARRIVE = 1, ACTION_CANCEL = 2, ACTION_ANSWER = 3 } action_kind;

/* Something that will happen. The heap orders by (due_ns, turn): equal times in the order in which
 * they were scheduled. */
typedef struct action {
    int64_t due_ns;
    uint64_t turn;
    uint64_t order_id;
    int64_t qty_e9; /* ANSWER: of this fill; ARRIVE: of the order */
    int64_t px_e9;
    int64_t cum_qty_e9;
    int64_t leaves_qty_e9;
    int64_t fee_e9;
    int64_t venue_ns; /* when it happened at the venue */
    uint32_t symbol_id, account_id, strategy_id, reason;
    uint8_t kind;
    uint8_t exec_type;
    uint8_t side, type, tif, liquidity;
    uint16_t reserved;
} action;

typedef struct book {
    int64_t bid_e9, ask_e9, bid_size_e9, ask_size_e9;
    int64_t bid_taken_e9, ask_taken_e9; /* of the displayed sizes, by orders of ours */
    bool halted;
} book;

struct ats_venue_sim {
    ats_venue_sim_config config;
    ats_order_table *orders; /* at the venue: entered and not final */
    book *books;             /* by symbol_id */
    action *pool;
    uint32_t *heap;
    uint32_t *free_list;
    uint32_t count;
    uint32_t capacity;
    uint64_t turns;
    uint64_t exec_ids;
};

/* Actions in flight: an order's arrival and cancel, and of its answers the acceptance, a cancel's
 * and one fill a market record; answers are on their way for a latency only. Eight an order is
 * ample, and ats_venue_sim_room keeps half free for answers. */
static uint32_t action_capacity(const ats_venue_sim_config *c)
{
    return c->order_capacity * 8;
}

size_t ats_venue_sim_footprint(const ats_venue_sim_config *c)
{
    size_t n = action_capacity(c);
    return ats_whole_lines(sizeof(ats_venue_sim)) +
           ats_whole_lines(ats_order_table_footprint(c->order_capacity, c->symbol_count)) +
           ats_whole_lines((c->symbol_count + 1ull) * sizeof(book)) +
           ats_whole_lines(n * sizeof(action)) + 2 * ats_whole_lines(n * sizeof(uint32_t));
}

ats_venue_sim *ats_venue_sim_new(void *memory, const ats_venue_sim_config *c)
{
    ats_venue_sim *v = memory;
    uint8_t *at = (uint8_t *)memory + ats_whole_lines(sizeof *v);
    v->config = *c;
    v->capacity = action_capacity(c);
    v->orders = ats_order_table_new(at, c->order_capacity, c->symbol_count);
    at += ats_whole_lines(ats_order_table_footprint(c->order_capacity, c->symbol_count));
    v->books = (book *)at;
    at += ats_whole_lines((c->symbol_count + 1ull) * sizeof(book));
    v->pool = (action *)at;
    at += ats_whole_lines(v->capacity * sizeof(action));
    v->heap = (uint32_t *)at;
    v->free_list = (uint32_t *)(at + ats_whole_lines(v->capacity * sizeof(uint32_t)));
    for (uint32_t i = 0; i < v->capacity; i++)
        v->free_list[i] = v->capacity - 1 - i;
    return v;
}

/* ---- agenda: a binary heap ---------------------------------------------------------------- */

static bool before(const ats_venue_sim *v, uint32_t a, uint32_t b)
{
    const action *x = &v->pool[a], *y = &v->pool[b];
    return x->due_ns != y->due_ns ? x->due_ns < y->due_ns : x->turn < y->turn;
}

static action *schedule(ats_venue_sim *v, int64_t due_ns, uint8_t kind)
{
    assert(v->count < v->capacity && "the agenda is full although room was asked for");
    uint32_t id = v->free_list[v->capacity - 1 - v->count];
    action *a = &v->pool[id];
    memset(a, 0, sizeof *a);
    a->due_ns = due_ns;
    a->turn = ++v->turns;
    a->kind = kind;
    uint32_t at = v->count++;
    while (at > 0 && before(v, id, v->heap[(at - 1) / 2])) {
        v->heap[at] = v->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    v->heap[at] = id;
    return a;
}

static action pop(ats_venue_sim *v)
{
    uint32_t first = v->heap[0], moved = v->heap[--v->count], at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= v->count)
            break;
        if (child + 1 < v->count && before(v, v->heap[child + 1], v->heap[child]))
            child++;
        if (!before(v, v->heap[child], moved))
            break;
        v->heap[at] = v->heap[child];
        at = child;
    }
    v->heap[at] = moved;
    v->free_list[v->capacity - 1 - v->count] = first;
    return v->pool[first];
}

/* ---- latency ------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

static int64_t latency(const ats_venue_sim *v, uint64_t order_id, uint64_t leg, int64_t base_ns,
                       int64_t jitter_ns)
{
    if (jitter_ns <= 0)
        return base_ns;
    uint64_t r = mix(v->config.seed + 0x9e3779b97f4a7c15ull * (order_id * 16 + leg));
    return base_ns + (int64_t)(r % (uint64_t)jitter_ns);
}

/* ---- answers ------------------------------------------------------------------------------ */

static action *answer(ats_venue_sim *v, const ats_order_entry *e, int64_t now_ns, uint8_t exec_type)
{
    int64_t back_ns = latency(v, e->order_id, 1, v->config.back_base_ns, v->config.back_jitter_ns);
    action *a = schedule(v, now_ns + back_ns, ACTION_ANSWER);
    a->order_id = e->order_id;
    a->symbol_id = e->symbol_id;
    a->account_id = e->account_id;
    a->strategy_id = e->strategy_id;
    a->reason = e->reason;
    a->side = e->side;
    a->exec_type = exec_type;
    a->cum_qty_e9 = e->filled_e9;
    a->leaves_qty_e9 =
        exec_type == ATS_EXEC_ACCEPTED || exec_type == ATS_EXEC_FILL ? e->qty_e9 - e->filled_e9 : 0;
    a->venue_ns = now_ns;
    return a;
}

static void fill(ats_venue_sim *v, ats_order_entry *e, int64_t now_ns, int64_t px_e9,
                 int64_t qty_e9, uint8_t liquidity)
{
    e->filled_e9 += qty_e9;
    action *a = answer(v, e, now_ns, ATS_EXEC_FILL);
    a->qty_e9 = qty_e9;
    a->px_e9 = px_e9;
    a->liquidity = liquidity;
    /* notional (1e-18) x bps (1e-9) / 1e4 / 1e9, and units x fee per unit, both in 1e-18 */
    ats_money_e18 notional = ats_money_product(px_e9, qty_e9);
    ats_money_e18 fee = notional / 10000 * v->config.fee_bps_e9 / ATS_E9 +
                        ats_money_product(v->config.fee_per_unit_e9, qty_e9);
    a->fee_e9 = ats_money_round_e9(fee);
}

static void finish(ats_venue_sim *v, ats_order_entry *e, int64_t now_ns, uint8_t exec_type)
{
    answer(v, e, now_ns, exec_type);
    ats_order_table_remove(v->orders, e);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- matching ----------------------------------------------------------------------------- */

/* What the order may take from the opposite quote now, at *px_e9; 0 = nothing. */
static int64_t takeable(const book *b, const ats_order_entry *e, int64_t *px_e9)
{
    bool buy = e->side == ATS_SIDE_BUY;
    int64_t px = buy ? b->ask_e9 : b->bid_e9;
    int64_t size = buy ? b->ask_size_e9 - b->ask_taken_e9 : b->bid_size_e9 - b->bid_taken_e9;
    if (b->halted || b->bid_e9 == 0 || b->bid_e9 >= b->ask_e9 || size <= 0)
        return 0;
    if (e->type == ATS_ORDER_LIMIT && (buy ? px > e->limit_e9 : px < e->limit_e9))
        return 0;
    *px_e9 = px;
    return smaller(size, e->qty_e9 - e->filled_e9);
}

static void consume(book *b, uint8_t side, int64_t qty_e9)
{
    if (side == ATS_SIDE_BUY)
        b->ask_taken_e9 += qty_e9;
    else
        b->bid_taken_e9 += qty_e9;
}

static void arrive(ats_venue_sim *v, const action *a)
{
    book *b = &v->books[a->symbol_id];
    ats_order_entry *e = ats_order_table_insert(v->orders, a->order_id, a->symbol_id);
    ats_order_entry refused = {.order_id = a->order_id,
                               .qty_e9 = a->qty_e9,
                               .symbol_id = a->symbol_id,
                               .account_id = a->account_id,
                               .strategy_id = a->strategy_id,
                               .reason = a->reason,
                               .side = a->side};
    if (!e || b->halted) {
        answer(v, &refused, a->due_ns, ATS_EXEC_REJECTED);
        if (e)
            ats_order_table_remove(v->orders, e);
        return;
    }
    e->qty_e9 = a->qty_e9;
    e->limit_e9 = a->px_e9;
    e->account_id = a->account_id;
    e->strategy_id = a->strategy_id;
    e->reason = a->reason;
    e->side = a->side;
    e->type = a->type;
    e->tif = a->tif;
    answer(v, e, a->due_ns, ATS_EXEC_ACCEPTED);
    int64_t px_e9 = 0, qty_e9 = takeable(b, e, &px_e9);
    if (e->tif == ATS_TIF_FOK && qty_e9 < e->qty_e9)
        qty_e9 = 0;
    if (qty_e9 > 0) {
        consume(b, e->side, qty_e9);
        fill(v, e, a->due_ns, px_e9, qty_e9, 1);
    }
    if (e->filled_e9 == e->qty_e9)
        ats_order_table_remove(v->orders, e);
    else if (e->tif != ATS_TIF_DAY || e->type == ATS_ORDER_MARKET)
        finish(v, e, a->due_ns, ATS_EXEC_CANCELED);
}

static void cancel(ats_venue_sim *v, const action *a)
{
    ats_order_entry *e = ats_order_table_find(v->orders, a->order_id);
    if (e) {
        finish(v, e, a->due_ns, ATS_EXEC_CANCELED);
        return;
    }
    ats_order_entry gone = {.order_id = a->order_id,
                            .symbol_id = a->symbol_id,
                            .account_id = a->account_id,
                            .strategy_id = a->strategy_id,
                            .side = a->side};
    answer(v, &gone, a->due_ns, ATS_EXEC_CANCEL_REJECTED);
}

/* A resting order that finds the agenda short waits for the next market record. */
static bool answer_room(const ats_venue_sim *v)
{
    return v->count + 4 < v->capacity;
}

static void match_resting(ats_venue_sim *v, uint32_t symbol_id, int64_t now_ns)
{
    book *b = &v->books[symbol_id];
    ats_order_entry *e = ats_order_table_first(v->orders, symbol_id);
    while (e && answer_room(v)) {
        ats_order_entry *next = ats_order_table_next(v->orders, e);
        int64_t px_e9, qty_e9 = takeable(b, e, &px_e9);
        if (qty_e9 > 0) {
            consume(b, e->side, qty_e9);
            fill(v, e, now_ns, e->limit_e9, qty_e9, 2);
            if (e->filled_e9 == e->qty_e9)
                ats_order_table_remove(v->orders, e);
        }
        e = next;
    }
}

static void match_trade(ats_venue_sim *v, const ats_trade *t)
{
    int64_t left_e9 = t->qty_e9;
    ats_order_entry *e = ats_order_table_first(v->orders, t->h.symbol_id);
    while (e && left_e9 > 0 && answer_room(v)) {
        ats_order_entry *next = ats_order_table_next(v->orders, e);
        bool through = e->side == ATS_SIDE_BUY ? t->px_e9 < e->limit_e9 : t->px_e9 > e->limit_e9;
        if (through) {
            int64_t qty_e9 = smaller(left_e9, e->qty_e9 - e->filled_e9);
            left_e9 -= qty_e9;
            fill(v, e, t->h.recv_ns, e->limit_e9, qty_e9, 2);
            if (e->filled_e9 == e->qty_e9)
                ats_order_table_remove(v->orders, e);
        }
        e = next;
    }
}

/* ---- the interface ------------------------------------------------------------------------ */

bool ats_venue_sim_room(const ats_venue_sim *v)
{
    return v->count < v->capacity / 2;
}

void ats_venue_sim_send(ats_venue_sim *v, const ats_order *order)
{
    bool is_new = order->action == ATS_INTENT_NEW;
    uint64_t id = is_new ? order->order_id : order->target_order_id;
    int64_t out_ns = latency(v, order->order_id, 0, v->config.out_base_ns, v->config.out_jitter_ns);
    action *a = schedule(v, order->h.recv_ns + out_ns, is_new ? ACTION_ARRIVE : ACTION_CANCEL);
    a->order_id = id;
    a->qty_e9 = order->qty_e9;
    a->px_e9 = order->limit_e9;
    a->symbol_id = order->h.symbol_id;
    a->account_id = order->account_id;
    a->strategy_id = order->strategy_id;
    a->reason = order->reason;
    a->side = order->side;
    a->type = order->type;
    a->tif = order->tif;
}

void ats_venue_sim_market(ats_venue_sim *v, const ats_market *m)
{
    book *b = &v->books[m->h.symbol_id];
    switch (m->h.kind) {
    case ATS_KIND_QUOTE:
        /* A side quoted at the same price and size is the same one: what we took of it stays taken.
         */
        if (b->bid_e9 != m->quote.bid_e9 || b->bid_size_e9 != m->quote.bid_size_e9)
            b->bid_taken_e9 = 0;
        if (b->ask_e9 != m->quote.ask_e9 || b->ask_size_e9 != m->quote.ask_size_e9)
            b->ask_taken_e9 = 0;
        b->bid_e9 = m->quote.bid_e9;
        b->ask_e9 = m->quote.ask_e9;
        b->bid_size_e9 = m->quote.bid_size_e9;
        b->ask_size_e9 = m->quote.ask_size_e9;
        match_resting(v, m->h.symbol_id, m->h.recv_ns);
        break;
    case ATS_KIND_TRADE:
        if (!b->halted)
            match_trade(v, &m->trade);
        break;
    case ATS_KIND_STATUS:
        if (m->status.code == ATS_STATUS_HALT)
            b->halted = true;
        else if (m->status.code == ATS_STATUS_RESUME)
            b->halted = false;
        break;
    default:
        break;
    }
}

int64_t ats_venue_sim_next_due(const ats_venue_sim *v)
{
    return v->count ? v->pool[v->heap[0]].due_ns : INT64_MAX;
}

static void to_exec(ats_venue_sim *v, const action *a, ats_exec *exec)
{
    memset(exec, 0, sizeof *exec);
    exec->h.kind = ATS_KIND_EXEC;
    exec->h.symbol_id = a->symbol_id;
    exec->h.event_ns = a->venue_ns;
    exec->h.recv_ns = a->due_ns;
    exec->order_id = a->order_id;
    exec->exec_id = ++v->exec_ids;
    exec->last_qty_e9 = a->qty_e9;
    exec->last_px_e9 = a->px_e9;
    exec->cum_qty_e9 = a->cum_qty_e9;
    exec->leaves_qty_e9 = a->leaves_qty_e9;
    exec->fee_e9 = a->fee_e9;
    exec->type = a->exec_type;
    exec->account_id = a->account_id;
    exec->strategy_id = a->strategy_id;
    exec->side = a->side;
    exec->liquidity = a->liquidity;
    exec->reason = a->reason;
}

bool ats_venue_sim_run_due(ats_venue_sim *v, ats_exec *exec)
{
    assert(v->count > 0);
    action a = pop(v);
    if (a.kind == ACTION_ARRIVE)
        arrive(v, &a);
    else if (a.kind == ACTION_CANCEL)
        cancel(v, &a);
    else
        to_exec(v, &a, exec);
    return a.kind == ACTION_ANSWER;
}

bool ats_venue_sim_expire_one(ats_venue_sim *v, int64_t now_ns, ats_exec *exec)
{
    for (uint32_t symbol = 1; symbol <= v->config.symbol_count; symbol++) {
        ats_order_entry *e = ats_order_table_first(v->orders, symbol);
        if (!e)
            continue;
        action a = {.due_ns = now_ns,
                    .venue_ns = now_ns,
                    .order_id = e->order_id,
                    .cum_qty_e9 = e->filled_e9,
                    .symbol_id = symbol,
                    .account_id = e->account_id,
                    .strategy_id = e->strategy_id,
                    .reason = e->reason,
                    .side = e->side,
                    .exec_type = ATS_EXEC_EXPIRED};
        ats_order_table_remove(v->orders, e);
        to_exec(v, &a, exec);
        return true;
    }
    return false;
}
