#include "calc/execution_quality.h"

#include "calc/order_legs.h"

#include <math.h>
#include <string.h>

const int64_t ats_execution_horizons_ns[ATS_HORIZON_COUNT] = {1000000000ll, 30000000000ll,
                                                              300000000000ll};

#define NONE UINT32_MAX

/* Whole seconds of which a symbol's mid is kept: back to the one before a fill, and that one. */
#define PAST_SECONDS (ATS_EXECUTION_BEFORE_S + 1)

/* A row that is not out yet. */
typedef struct work {
    ats_execution_order row;
    uint32_t parent; /* of an order: its parent's place, or NONE */
    uint32_t holds;  /* fills that wait, and of a parent its orders at work */
    bool over;       /* nothing more is sent for it */
    bool stop;       /* it waits for a trigger */
} work;

typedef struct waiting_fill {
    int64_t recv_ns;
    int64_t mid_e9;
    int64_t qty_e9;
    uint32_t order; /* place */
    uint32_t symbol_id;
    uint8_t side;
    uint8_t made;
} waiting_fill;

struct ats_execution_quality {
    ats_execution_config config;
    ats_order_table *orders; /* by id; its places are those of order_work */
    work *order_work, *parent_work;
    uint32_t *free_parents;
    uint32_t parent_count;
    uint32_t *current;  /* [symbol_count + 1][strategy_count]: place of the parent at work + 1 */
    int64_t *price_e9;  /* by symbol */
    uint8_t *quoted;    /* by symbol: its price is a mid */
    int64_t *past_e9;   /* [symbol_count + 1][PAST_SECONDS]: mid at a second's end; 0 = none */
    int64_t *past_s;    /* by symbol: the first second that is not there yet */
    waiting_fill *wait; /* ring */
    uint64_t tail;      /* fills put in */
    uint64_t next[ATS_HORIZON_COUNT]; /* first whose mid of this horizon is not there */
    int64_t now_ns;
    ats_execution_faults faults;
};

/* ---- layout --------------------------------------------------------------------------------- */

typedef struct layout {
    size_t orders, order_work, parent_work, free_parents, current, price, quoted, past, past_s,
        wait, bytes;
} layout;

static size_t take(size_t *at, size_t bytes)
{
    size_t here = *at;
    *at += (bytes + 63) & ~(size_t)63;
    return here;
}

static layout lay_out(const ats_execution_config *c)
{
    size_t at = 0, n = c->capacity, symbols = c->symbol_count + 1ull;
    take(&at, sizeof(ats_execution_quality));
    layout l = {.orders = take(&at, ats_order_table_footprint(c->capacity, c->symbol_count)),
                .order_work = take(&at, n * sizeof(work)),
                .parent_work = take(&at, n * sizeof(work)),
                .free_parents = take(&at, n * sizeof(uint32_t)),
                .current = take(&at, symbols * c->strategy_count * sizeof(uint32_t)),
                .price = take(&at, symbols * sizeof(int64_t)),
                .quoted = take(&at, symbols),
                .past = take(&at, symbols * PAST_SECONDS * sizeof(int64_t)),
                .past_s = take(&at, symbols * sizeof(int64_t)),
                .wait = take(&at, n * sizeof(waiting_fill))};
    l.bytes = at;
    return l;
}

size_t ats_execution_quality_footprint(const ats_execution_config *config)
{
    return lay_out(config).bytes;
}

ats_execution_quality *ats_execution_quality_new(void *memory, const ats_execution_config *config)
{
    layout l = lay_out(config);
    uint8_t *at = memory;
    ats_execution_quality *q = memory;
    q->config = *config;
    q->orders = ats_order_table_new(at + l.orders, config->capacity, config->symbol_count);
    q->order_work = (work *)(at + l.order_work);
    q->parent_work = (work *)(at + l.parent_work);
    q->free_parents = (uint32_t *)(at + l.free_parents);
    q->current = (uint32_t *)(at + l.current);
    q->price_e9 = (int64_t *)(at + l.price);
    q->quoted = at + l.quoted;
    q->past_e9 = (int64_t *)(at + l.past);
    q->past_s = (int64_t *)(at + l.past_s);
    q->wait = (waiting_fill *)(at + l.wait);
    for (uint32_t i = 0; i < config->capacity; i++)
        q->free_parents[i] = config->capacity - 1 - i;
    return q;
}

/* ---- rows ----------------------------------------------------------------------------------- */

void ats_execution_add(ats_execution_sum *to, const ats_execution_sum *from)
{
    to->wanted_e18 += from->wanted_e18;
    to->filled_e18 += from->filled_e18;
    to->value_e18 += from->value_e18;
    to->fees_e18 += from->fees_e18;
    to->opportunity_e18 += from->opportunity_e18;
    to->orders += from->orders;
    to->fills += from->fills;
    for (uint32_t b = 0; b < ATS_BENCHMARK_COUNT; b++) {
        to->cost[b].money_e18 += from->cost[b].money_e18;
        to->cost[b].base_e18 += from->cost[b].base_e18;
    }
    for (uint32_t made = 0; made < 2; made++) {
        to->before[made].money_e18 += from->before[made].money_e18;
        to->before[made].base_e18 += from->before[made].base_e18;
        for (uint32_t h = 0; h < ATS_HORIZON_COUNT; h++) {
            to->after[made][h].money_e18 += from->after[made][h].money_e18;
            to->after[made][h].base_e18 += from->after[made][h].base_e18;
        }
    }
}

double ats_execution_bps(ats_execution_part part)
{
    return part.base_e18 > 0 ? 1e4 * (double)part.money_e18 / (double)part.base_e18 : (double)NAN;
}

/* Money of a move from one price to another on the trade's side. */
static ats_money_e18 moved(uint8_t side, int64_t to_e9, int64_t from_e9, int64_t qty_e9)
{
    ats_money_e18 m = (ats_money_e18)(to_e9 - from_e9) * qty_e9;
    return side == ATS_SIDE_BUY ? m : -m;
}

static void add_part(ats_execution_part *part, uint8_t side, int64_t to_e9, int64_t from_e9,
                     int64_t qty_e9)
{
    part->money_e18 += moved(side, to_e9, from_e9, qty_e9);
    part->base_e18 += ats_money_product(from_e9, qty_e9);
}

static void emit(ats_execution_quality *q, work *w)
{
    ats_execution_order *r = &w->row;
    int64_t left_e9 = r->qty_e9 - r->filled_e9;
    if (r->order_id != 0 && r->parent_id == 0) { /* a guard that did not fill was not wanted */
        if (r->filled_e9 == 0)
            return;
        left_e9 = 0;
        r->qty_e9 = r->filled_e9;
    }
    if (r->decision_e9 > 0) {
        r->sum.wanted_e18 = ats_money_product(r->decision_e9, r->qty_e9);
        r->sum.filled_e18 = ats_money_product(r->decision_e9, r->filled_e9);
        /* What a child leaves, its parent asks for again. */
        if (left_e9 > 0 && r->end_e9 > 0 && r->order_id == 0)
            r->sum.opportunity_e18 = moved(r->side, r->end_e9, r->decision_e9, left_e9);
    }
    q->config.emit(q->config.context, r);
}

static void settle_parent(ats_execution_quality *q, uint32_t place)
{
    work *w = &q->parent_work[place];
    if (!w->over || w->holds != 0)
        return;
    if (w->row.sum.orders != 0)
        emit(q, w);
    else
        q->faults.unsent++;
    memset(w, 0, sizeof *w);
    q->free_parents[q->config.capacity - q->parent_count--] = place;
}

static void settle_order(ats_execution_quality *q, uint32_t place)
{
    work *w = &q->order_work[place];
    if (!w->over || w->holds != 0)
        return;
    uint32_t parent = w->parent;
    emit(q, w);
    memset(w, 0, sizeof *w);
    ats_order_table_remove(q->orders, &q->orders->pool[place]);
    if (parent != NONE) {
        q->parent_work[parent].holds--;
        settle_parent(q, parent);
    }
}

static void end_order(ats_execution_quality *q, uint32_t place, int64_t recv_ns)
{
    work *w = &q->order_work[place];
    int64_t price_e9 = q->price_e9[w->row.symbol_id];
    w->over = true;
    w->row.ended_ns = recv_ns;
    w->row.end_e9 = price_e9;
    if (w->parent != NONE) {
        q->parent_work[w->parent].row.ended_ns = recv_ns;
        q->parent_work[w->parent].row.end_e9 = price_e9;
    }
    settle_order(q, place);
}

/* ---- fills that wait for mids --------------------------------------------------------------- */

static waiting_fill *waiting_at(const ats_execution_quality *q, uint64_t number)
{
    return &q->wait[number & (q->config.capacity - 1)];
}

/* The oldest fill has all that it gets. */
static void let_go(ats_execution_quality *q, uint64_t number)
{
    uint32_t place = waiting_at(q, number)->order;
    q->order_work[place].holds--;
    settle_order(q, place);
}

static void take_mid(ats_execution_quality *q, const waiting_fill *f, uint32_t horizon)
{
    int64_t later_e9 = q->price_e9[f->symbol_id];
    if (f->mid_e9 <= 0 || later_e9 <= 0)
        return;
    work *w = &q->order_work[f->order];
    add_part(&w->row.sum.after[f->made][horizon], f->side, later_e9, f->mid_e9, f->qty_e9);
    if (w->parent != NONE)
        add_part(&q->parent_work[w->parent].row.sum.after[f->made][horizon], f->side, later_e9,
                 f->mid_e9, f->qty_e9);
}

void ats_execution_time(ats_execution_quality *q, int64_t recv_ns)
{
    q->now_ns = recv_ns;
    for (uint32_t h = 0; h < ATS_HORIZON_COUNT; h++)
        while (q->next[h] < q->tail) {
            const waiting_fill *f = waiting_at(q, q->next[h]);
            if (f->recv_ns + ats_execution_horizons_ns[h] >= recv_ns)
                break;
            take_mid(q, f, h);
            if (h == ATS_HORIZON_COUNT - 1)
                let_go(q, q->next[h]);
            q->next[h]++;
        }
}

/* Lets the fill go that has waited longest. False: none waits. */
static bool cut_oldest(ats_execution_quality *q)
{
    uint64_t *last = &q->next[ATS_HORIZON_COUNT - 1];
    if (*last == q->tail)
        return false;
    let_go(q, (*last)++);
    for (uint32_t h = 0; h < ATS_HORIZON_COUNT; h++)
        q->next[h] = q->next[h] < *last ? *last : q->next[h];
    q->faults.cut++;
    return true;
}

uint64_t ats_execution_waiting(const ats_execution_quality *q)
{
    return q->tail - q->next[ATS_HORIZON_COUNT - 1];
}

ats_execution_faults ats_execution_faults_of(const ats_execution_quality *q)
{
    return q->faults;
}

/* ---- mids that were ------------------------------------------------------------------------- */

/* Writes down the price for each second that has ended since; a price that comes just with the end
 * of a second is this second's. */
static void bring_up_past(ats_execution_quality *q, uint32_t symbol_id)
{
    const int64_t ended = (q->now_ns - 1) / ATS_E9;
    int64_t *past_e9 = &q->past_e9[(size_t)symbol_id * PAST_SECONDS];
    int64_t s = q->past_s[symbol_id];
    if (s + PAST_SECONDS <= ended)
        s = ended - PAST_SECONDS + 1;
    for (; s <= ended; s++)
        past_e9[s % PAST_SECONDS] = q->quoted[symbol_id] ? q->price_e9[symbol_id] : 0;
    q->past_s[symbol_id] = s;
}

/* The mid that was known before now by as much as ATS_EXECUTION_BEFORE_S; 0 = none. */
static int64_t past_mid(ats_execution_quality *q, uint32_t symbol_id)
{
    bring_up_past(q, symbol_id);
    int64_t s = q->now_ns / ATS_E9 - ATS_EXECUTION_BEFORE_S;
    return s < 0 ? 0 : q->past_e9[(size_t)symbol_id * PAST_SECONDS + (size_t)s % PAST_SECONDS];
}

void ats_execution_forget(ats_execution_quality *q, uint32_t symbol_id)
{
    if (symbol_id > q->config.symbol_count)
        return;
    bring_up_past(q, symbol_id);
    memset(&q->past_e9[(size_t)symbol_id * PAST_SECONDS], 0, PAST_SECONDS * sizeof(int64_t));
}

/* ---- what comes in -------------------------------------------------------------------------- */

void ats_execution_price(ats_execution_quality *q, uint32_t symbol_id, int64_t price_e9,
                         bool is_mid)
{
    if (symbol_id > q->config.symbol_count || price_e9 <= 0)
        return;
    bring_up_past(q, symbol_id);
    q->price_e9[symbol_id] = price_e9;
    q->quoted[symbol_id] = is_mid;
}

int64_t ats_execution_price_of(const ats_execution_quality *q, uint32_t symbol_id)
{
    return symbol_id <= q->config.symbol_count ? q->price_e9[symbol_id] : 0;
}

static bool is_of(const ats_execution_quality *q, uint32_t strategy_id, uint32_t symbol_id)
{
    return strategy_id >= 1 && strategy_id <= q->config.strategy_count && symbol_id >= 1 &&
           symbol_id <= q->config.symbol_count;
}

static uint32_t *current_of(ats_execution_quality *q, uint32_t strategy_id, uint32_t symbol_id)
{
    return &q->current[(size_t)symbol_id * q->config.strategy_count + strategy_id - 1];
}

static int64_t mid_or_price(const ats_execution_quality *q, uint32_t symbol_id, int64_t bid_e9,
                            int64_t ask_e9)
{
    int64_t mid = ats_execution_mid_e9(bid_e9, ask_e9);
    return mid ? mid : q->price_e9[symbol_id];
}

static void end_current(ats_execution_quality *q, uint32_t *current)
{
    if (*current == 0)
        return;
    uint32_t place = *current - 1;
    *current = 0;
    q->parent_work[place].over = true;
    settle_parent(q, place);
}

static work *begin_parent(ats_execution_quality *q, const ats_intent *i, uint32_t *current)
{
    end_current(q, current);
    while (q->parent_count == q->config.capacity && cut_oldest(q)) {
    }
    if (q->parent_count == q->config.capacity) {
        q->faults.lost++;
        return NULL;
    }
    uint32_t place = q->free_parents[q->config.capacity - 1 - q->parent_count++];
    work *w = &q->parent_work[place];
    *current = place + 1;
    w->parent = NONE;
    w->row =
        (ats_execution_order){.parent_id = i->parent_id,
                              .strategy_id = i->strategy_id,
                              .symbol_id = i->h.symbol_id,
                              .reason = i->reason,
                              .side = i->side,
                              .algorithm = i->algorithm,
                              .decided_ns = i->h.recv_ns,
                              .decision_e9 = mid_or_price(q, i->h.symbol_id, i->bid_e9, i->ask_e9),
                              .qty_e9 = i->qty_e9 + i->parent_left_e9};
    w->row.arrival_e9 = w->row.decision_e9;
    return w;
}

void ats_execution_intent(ats_execution_quality *q, const ats_intent *i)
{
    if (i->parent_id == 0 || i->action == ATS_INTENT_CANCEL ||
        !is_of(q, i->strategy_id, i->h.symbol_id))
        return;
    uint32_t *current = current_of(q, i->strategy_id, i->h.symbol_id);
    work *w = *current ? &q->parent_work[*current - 1] : NULL;
    if (!w || w->row.parent_id != i->parent_id)
        w = begin_parent(q, i, current);
    if (!w)
        return;
    w->row.ended_ns = i->h.recv_ns;
    w->row.end_e9 = mid_or_price(q, i->h.symbol_id, i->bid_e9, i->ask_e9);
}

static ats_order_entry *new_order(ats_execution_quality *q, const ats_order *o)
{
    while (q->orders->count == q->config.capacity && cut_oldest(q)) {
    }
    ats_order_entry *e = ats_order_table_insert(q->orders, o->order_id, o->h.symbol_id);
    if (!e && !ats_order_table_find(q->orders, o->order_id))
        q->faults.lost++;
    return e;
}

static void begin_order(ats_execution_quality *q, const ats_order *o)
{
    ats_order_entry *e = new_order(q, o);
    if (!e)
        return;
    uint32_t current = *current_of(q, o->strategy_id, o->h.symbol_id);
    work *w = &q->order_work[e - q->orders->pool];
    work *parent = current ? &q->parent_work[current - 1] : NULL;
    bool child = parent && o->parent_id != 0 && parent->row.parent_id == o->parent_id;
    w->parent = child ? current - 1 : NONE;
    w->stop = o->type == ATS_ORDER_STOP || o->type == ATS_ORDER_STOP_LIMIT ||
              o->type == ATS_ORDER_TRAILING_STOP;
    int64_t mid = mid_or_price(q, o->h.symbol_id, o->bid_e9, o->ask_e9);
    bool rests = o->parent_id == 0 && o->type == ATS_ORDER_LIMIT &&
                 (o->intent_flags & ATS_INTENT_PROTECTIVE || o->reason == ATS_REASON_EXIT_TARGET);
    w->row = (ats_execution_order){.parent_id = o->parent_id,
                                   .order_id = o->order_id,
                                   .strategy_id = o->strategy_id,
                                   .symbol_id = o->h.symbol_id,
                                   .reason = o->reason,
                                   .side = o->side,
                                   .algorithm = o->algorithm,
                                   .decided_ns = o->h.recv_ns,
                                   .ended_ns = o->h.recv_ns,
                                   .decision_e9 = child                   ? parent->row.decision_e9
                                                  : w->stop && o->stop_e9 ? o->stop_e9
                                                  : rests                 ? o->limit_e9
                                                                          : mid,
                                   .arrival_e9 = w->stop || rests ? 0 : mid,
                                   .qty_e9 = o->qty_e9};
    w->row.sum.orders = 1;
    if (child) {
        parent->holds++;
        parent->row.sum.orders++;
    }
}

void ats_execution_order_sent(ats_execution_quality *q, const ats_order *o)
{
    if (o->action == ATS_INTENT_CANCEL || !is_of(q, o->strategy_id, o->h.symbol_id))
        return;
    ats_order legs[ATS_LEGS_MAX];
    uint32_t n = ats_order_legs(o, legs);
    begin_order(q, o);
    for (uint32_t i = 0; i < n; i++) {
        legs[i].parent_id = 0; /* what guards a position is no part of what entered it */
        legs[i].algorithm = 0;
        begin_order(q, &legs[i]);
    }
}

/* Mids about a fill; 0 = not known. */
typedef struct fill_mids {
    int64_t arrival_e9, at_e9, before_e9;
} fill_mids;

static void add_fill(work *w, const ats_exec *x, fill_mids mid)
{
    ats_execution_order *r = &w->row;
    ats_execution_sum *s = &r->sum;
    r->filled_e9 += x->last_qty_e9;
    s->fills++;
    s->value_e18 += ats_money_product(x->last_px_e9, x->last_qty_e9);
    s->fees_e18 += ats_money_from_e9(x->fee_e9);
    const int64_t benchmark_e9[ATS_BENCHMARK_COUNT] = {r->decision_e9, mid.arrival_e9, mid.at_e9};
    for (uint32_t b = 0; b < ATS_BENCHMARK_COUNT; b++)
        if (benchmark_e9[b] > 0)
            add_part(&s->cost[b], r->side, x->last_px_e9, benchmark_e9[b], x->last_qty_e9);
    if (mid.at_e9 > 0 && mid.before_e9 > 0)
        add_part(&s->before[x->liquidity == 2], r->side, mid.at_e9, mid.before_e9, x->last_qty_e9);
}

static void fill(ats_execution_quality *q, const ats_exec *x, uint32_t place)
{
    work *w = &q->order_work[place];
    if (x->last_qty_e9 <= 0 || x->last_px_e9 <= 0)
        return; /* taken back */
    uint32_t id = w->row.symbol_id;
    int64_t mid_e9 = ats_execution_mid_e9(x->bid_e9, x->ask_e9);
    if (!mid_e9 && q->quoted[id]) /* a broker that does not tell */
        mid_e9 = q->price_e9[id];
    const fill_mids mid = {w->row.arrival_e9, mid_e9, past_mid(q, id)};
    add_fill(w, x, mid);
    if (w->parent != NONE)
        add_fill(&q->parent_work[w->parent], x, mid);
    if (ats_execution_waiting(q) == q->config.capacity)
        cut_oldest(q);
    *waiting_at(q, q->tail++) = (waiting_fill){.recv_ns = x->h.recv_ns,
                                               .mid_e9 = mid_e9,
                                               .qty_e9 = x->last_qty_e9,
                                               .order = place,
                                               .symbol_id = w->row.symbol_id,
                                               .side = w->row.side,
                                               .made = x->liquidity == 2};
    w->holds++;
}

static void forget(ats_execution_quality *q, uint64_t order_id)
{
    ats_order_entry *e = ats_order_table_find(q->orders, order_id);
    if (e)
        end_order(q, (uint32_t)(e - q->orders->pool), q->now_ns);
}

void ats_execution_exec(ats_execution_quality *q, const ats_exec *x)
{
    ats_order_entry *e = ats_order_table_find(q->orders, x->order_id);
    if (!e) {
        q->faults.unknown += x->type == ATS_EXEC_FILL;
        return;
    }
    uint32_t place = (uint32_t)(e - q->orders->pool);
    switch (x->type) {
    case ATS_EXEC_FILL:
        fill(q, x, place);
        if (x->leaves_qty_e9 == 0)
            end_order(q, place, x->h.recv_ns);
        break;
    case ATS_EXEC_TRIGGERED:
        q->order_work[place].row.arrival_e9 = mid_or_price(q, x->h.symbol_id, x->bid_e9, x->ask_e9);
        break;
    case ATS_EXEC_REJECTED:
    case ATS_EXEC_CANCELED:
    case ATS_EXEC_EXPIRED:
    case ATS_EXEC_REPLACED:
        end_order(q, place, x->h.recv_ns);
        break;
    case ATS_EXEC_REPLACE_REJECTED:
        forget(q, x->ref_order_id); /* it never was */
        break;
    default:
        break;
    }
}

void ats_execution_end(ats_execution_quality *q)
{
    uint64_t cut = q->faults.cut;
    while (cut_oldest(q)) {
    }
    q->faults.cut = cut; /* the data ended: no want of room */
    for (uint32_t i = 0; i < q->config.capacity; i++)
        if (q->orders->pool[i].order_id != 0) {
            work *w = &q->order_work[i];
            w->over = true;
            settle_order(q, i);
        }
    size_t places = (q->config.symbol_count + 1ull) * q->config.strategy_count;
    for (size_t i = 0; i < places; i++)
        end_current(q, &q->current[i]);
}
