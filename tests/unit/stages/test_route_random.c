/* Route and the simulated venue under random orders of every type, class and tif in random markets
 * of quotes, trades and bars, with halts, refusals, lost answers and kills. What must hold is
 * checked after every record that comes out; a seed replays any failure. */
#include "tests/unit/stages/stage_fixture.h"

#include "calc/order_legs.h"
#include "calc/order_state.h"
#include "core/random.h"
#include "io/calendar_file.h"
#include "io/market_source.h"
#include "stages/route/route.h"

#include <stdio.h>
#include <unistd.h>

#define E9     ATS_E9
#define CENT   10000000ll
#define MS     1000000ll
#define SEC    ATS_E9
#define OPEN   (1704205800ll * SEC) /* 2024-01-02 09:30 in New York */
#define ORDERS 512u                 /* ids are below it */

enum { CHAIN = 0, FEEDBACK = 0, TAP = 1 };
typedef enum market_kind {
    QUOTES,
    QUOTES_AND_TRADES,
    TRADES,
    BARS,
    MARKET_KINDS,
    RECORDED = MARKET_KINDS /* a tape that the environment names */
} market_kind;

/* What the test knows of an order: what was asked for, and what came back. */
typedef struct known {
    bool sent, leg, final, killed_by_us;
    uint8_t state, role;
    uint32_t tapped;
    uint64_t head;
    int64_t cum_e9, sent_ns;
    ats_order order;
} known;

typedef struct world {
    stage_fixture fixture;
    ats_route_config config;
    ats_journal journal;
    ats_calendar_table calendar;
    char directory[64];
    ats_random random;
    market_kind kind;
    known orders[ORDERS];
    uint64_t next_id, event_seq, last_exec_id, seed;
    int64_t now_ns, mid_e9, halted_from_ns, last_halt_ns, last_resume_ns;
    uint64_t tape_next;
    bool halted, killed, kill_done;
    uint64_t fills, ends, triggers, activations, replaced, unknowns;
} world;

static world w;
static struct {
    uint64_t fills, ends, triggers, activations, replaced, timeouts, kills, rejects;
} total;

static uint64_t below(uint64_t bound)
{
    return ats_random_below(&w.random, bound);
}

#define HOLDS(condition, ...)                                                                      \
    cr_assert(condition, "seed %lu, kind %d: " #condition, (unsigned long)w.seed, (int)w.kind)

/* ---- what must hold ------------------------------------------------------------------------- */

static const known *other_leg(const known *k)
{
    uint64_t id = k->order.order_id, head = k->head ? k->head : id;
    uint8_t class = w.orders[head].order.order_class;
    if (class == ATS_ORDER_CLASS_BRACKET && k->head)
        return &w.orders[head + (k->role == ATS_LEG_TARGET ? ATS_LEG_STOP : ATS_LEG_TARGET)];
    if (class == ATS_ORDER_CLASS_OCO)
        return k->head ? &w.orders[head] : &w.orders[head + ATS_LEG_STOP];
    return NULL;
}

static void check_fill(known *k, const ats_exec *x)
{
    const ats_order *o = &k->order;
    bool limited = o->type == ATS_ORDER_LIMIT || o->type == ATS_ORDER_STOP_LIMIT;
    bool buy = o->side == ATS_SIDE_BUY;
    HOLDS(x->last_qty_e9 > 0 && x->last_px_e9 > 0);
    HOLDS(x->cum_qty_e9 == k->cum_e9 + x->last_qty_e9);
    HOLDS(x->cum_qty_e9 <= o->qty_e9);
    HOLDS(!limited || (buy ? x->last_px_e9 <= o->limit_e9 : x->last_px_e9 >= o->limit_e9));
    HOLDS(!k->final);
    HOLDS(x->h.event_ns <= x->h.recv_ns);
    bool in_halt = w.halted ? x->h.event_ns > w.halted_from_ns
                            : x->h.event_ns > w.last_halt_ns && x->h.event_ns < w.last_resume_ns;
    HOLDS(!in_halt);
    if (k->head && w.orders[k->head].order.order_class != ATS_ORDER_CLASS_OCO)
        HOLDS(w.orders[k->head].state == ATS_ORDER_FILLED);
    k->cum_e9 = x->cum_qty_e9;
    const known *other = other_leg(k);

    if (other &&
        other->sent) /* legs that were replaced have other ids, and quantities of their own */
        HOLDS(k->cum_e9 + other->cum_e9 <= w.orders[k->head ? k->head : o->order_id].order.qty_e9);
    w.fills++;
}

static void check_exec(const ats_exec *x)
{
    HOLDS(x->order_id > 0 && x->order_id < ORDERS);
    known *k = &w.orders[x->order_id];
    HOLDS(k->sent);
    if (x->exec_id) {
        HOLDS(x->exec_id > w.last_exec_id);
        w.last_exec_id = x->exec_id;
    }
    HOLDS(x->h.recv_ns <= w.now_ns);
    if (x->type == ATS_EXEC_FILL)
        check_fill(k, x);
    else if (x->type != ATS_EXEC_CANCEL_REJECTED && x->type != ATS_EXEC_REPLACE_REJECTED)
        HOLDS(!k->final, "told twice that it is over, or more after it");
    if (x->type == ATS_EXEC_REPLACE_REJECTED) {
        known *never = &w.orders[x->ref_order_id];
        HOLDS(never->sent && never->cum_e9 == 0 && !never->final);
        never->final = true;
        for (uint64_t leg = 1; leg < ATS_LEG_IDS; leg++)
            if (w.orders[x->ref_order_id + leg].head == x->ref_order_id)
                w.orders[x->ref_order_id + leg].final = true;
    }
    w.triggers += x->type == ATS_EXEC_TRIGGERED;
    w.replaced += x->type == ATS_EXEC_REPLACED;
    w.activations += x->type == ATS_EXEC_ACCEPTED && k->leg;
    bool moves = x->type != ATS_EXEC_CANCEL_REJECTED && x->type != ATS_EXEC_REPLACE_REJECTED;
    if (moves || !k->final)
        k->state = x->order_state;
    if (ats_order_is_final(x->order_state) && moves) {
        k->final = true;
        w.ends++;
    }
}

static void check_order(const ats_order *o)
{
    known *k = &w.orders[o->order_id];
    if (o->action == ATS_INTENT_CANCEL) {
        const known *target = &w.orders[o->target_order_id];
        bool by_route = o->order_id == o->target_order_id;
        if (by_route) {
            HOLDS(w.killed);
            HOLDS(!target->leg &&
                  !(target->order.intent_flags & (ATS_INTENT_REDUCE_ONLY | ATS_INTENT_PROTECTIVE)));
        }
        return;
    }
    HOLDS(++k->tapped == 1, "one order at the broker for one intent");
    HOLDS(!w.killed, "nothing but cancels leaves after a kill");
}

static void drain_outputs(void)
{
    const ats_header *h;
    while ((h = stage_fixture_take(&w.fixture, TAP)) != NULL) {
        if (h->kind == ATS_KIND_ORDER)
            check_order((const ats_order *)h);
        if (h->kind == ATS_KIND_ENV) {
            HOLDS(w.killed && !w.kill_done);
            w.kill_done = true;
        }
    }
    while ((h = stage_fixture_take(&w.fixture, FEEDBACK)) != NULL)
        if (h->kind == ATS_KIND_EXEC)
            check_exec((const ats_exec *)h);
    const ats_order_table *open = ats_route_orders(w.fixture.state);
    for (uint64_t id = 1; id < w.next_id; id++) { /* what is not known to be over is kept */
        const ats_order_entry *e = ats_order_table_find(open, id);
        if (w.orders[id].sent)
            HOLDS((e != NULL) == !w.orders[id].final, "order %lu", (unsigned long)id);
        w.unknowns += e && e->state == ATS_ORDER_UNKNOWN;
    }
    HOLDS(w.fixture.context.metrics->route.executions_unknown == 0);
    HOLDS(w.killed || w.fixture.context.switches->kill == 0);
    ats_journal_drained(&w.journal, w.journal.header->head - w.journal.header->tail);
}

/* With nothing on its way, both sides know the same orders. */
static void check_quiet(void)
{
    const ats_order_table *ours = ats_route_orders(w.fixture.state);
    const ats_order_table *theirs = ats_venue_sim_orders(ats_route_venue(w.fixture.state));
    if (w.config.venue.lost_share_bps ||
        ats_venue_sim_next_due(ats_route_venue(w.fixture.state)) < w.now_ns + 5 * SEC)
        return;

    HOLDS(ours->count == theirs->count);
    for (uint64_t id = 1; id < w.next_id; id++) {
        const ats_order_entry *a = ats_order_table_find(ours, id);
        const ats_order_entry *b = ats_order_table_find(theirs, id);
        HOLDS((a == NULL) == (b == NULL));
        if (!a)
            continue;
        HOLDS(a->filled_e9 == b->filled_e9 && a->qty_e9 == b->qty_e9);

        HOLDS((a->state == ATS_ORDER_HELD) == (b->state == ATS_ORDER_HELD));
        HOLDS(a->head_id == b->head_id && a->leg == b->leg);
    }
}

/* ---- the world ------------------------------------------------------------------------------ */

static void run_until(int64_t until_ns)
{
    const ats_stage *s = &ats_stage_route;
    for (uint32_t steps = 0; s->next_due(w.fixture.state) <= until_ns; steps++) {
        HOLDS(steps < 1000000);
        int64_t due_ns = s->next_due(w.fixture.state);
        w.now_ns = due_ns > w.now_ns ? due_ns : w.now_ns;
        HOLDS(s->run_due(w.fixture.state, &w.fixture.io) == 1);
        drain_outputs();
    }
}

static void give(const void *record)
{
    const ats_header *h = record;
    if (ATS_KINDS_CHAIN & ATS_KIND_BIT(h->kind))
        ats_stage_route.foresee(w.fixture.state, record);
    run_until(h->kind == ATS_KIND_END ? INT64_MAX - 1 : h->recv_ns);
    if (h->kind != ATS_KIND_END)
        w.now_ns = h->recv_ns;
    stage_fixture_put(&w.fixture, CHAIN, record);
    while (ats_rx_peek(&w.fixture.in_rx[CHAIN]))
        stage_fixture_work(&w.fixture), drain_outputs();
}

static ats_header header(uint8_t kind)
{
    return (ats_header){
        .kind = kind, .symbol_id = 1, .event_seq = ++w.event_seq, .recv_ns = w.now_ns};
}

static void halt(bool on)
{
    ats_market m = {
        .status = {.h = header(ATS_KIND_STATUS), .code = on ? ATS_STATUS_HALT : ATS_STATUS_RESUME}};
    if (on)
        w.halted_from_ns = w.now_ns;
    else
        w.last_halt_ns = w.halted_from_ns, w.last_resume_ns = w.now_ns;
    give(&m);
    w.halted = on;
}

static void walk(void)
{
    w.mid_e9 += ((int64_t)below(9) - 4) * CENT;
    if (w.mid_e9 < 95 * E9)
        w.mid_e9 = 95 * E9;
}

static void one_bar(void)
{
    int64_t start_ns = w.now_ns;
    ats_market m = {.bar = {.h = header(ATS_KIND_BAR), .period_s = 60}};
    m.bar.h.event_ns = start_ns;
    m.bar.h.recv_ns = start_ns + 60 * SEC;
    m.bar.open_e9 = w.mid_e9;
    m.bar.high_e9 = w.mid_e9 + (int64_t)below(30) * CENT;
    m.bar.low_e9 = w.mid_e9 - (int64_t)below(30) * CENT;
    m.bar.close_e9 =
        m.bar.low_e9 + (int64_t)below((uint64_t)((m.bar.high_e9 - m.bar.low_e9) / CENT) + 1) * CENT;
    m.bar.volume_e9 = (int64_t)below(400) * E9;
    w.mid_e9 = m.bar.close_e9;
    give(&m);
}

static void one_tick(void)
{
    bool quote = w.kind == QUOTES || (w.kind == QUOTES_AND_TRADES && below(3));
    ats_market m;
    w.now_ns += (int64_t)below(3000) * MS;
    if (below(60) == 0)
        w.now_ns += (int64_t)below(4 * 3600) * SEC;
    walk();
    if (quote) {
        int64_t odd = below(40) ? CENT : -CENT; /* crossed, at times */
        m = (ats_market){.quote = {.h = header(ATS_KIND_QUOTE),
                                   .bid_e9 = w.mid_e9 - odd,
                                   .ask_e9 = w.mid_e9 + odd * (int64_t)(1 + below(3)),
                                   .bid_size_e9 = (int64_t)below(12) * E9,
                                   .ask_size_e9 = (int64_t)below(12) * E9}};
    } else {
        static const char conditions[] = "    O6TZI";
        m = (ats_market){.trade = {.h = header(ATS_KIND_TRADE),
                                   .px_e9 = w.mid_e9,
                                   .qty_e9 = (int64_t)(1 + below(30)) * E9,
                                   .condition = {(uint8_t)conditions[below(9)], ' ', ' ', ' '}}};
    }
    give(&m);
}

/* The recorded day, or NULL. */
static ats_market *tape;
static uint64_t tape_count;

/* Some of the day's next records, as they were. */
static void recorded(void)
{
    for (uint64_t n = 1 + below(40); n > 0 && w.tape_next < tape_count; n--) {
        ats_market m = tape[w.tape_next++];
        m.h.event_seq = ++w.event_seq;
        m.h.symbol_id = m.h.symbol_id != 0;
        if (m.h.kind == ATS_KIND_END || m.h.kind == ATS_KIND_CONTROL)
            continue;
        if (m.h.kind == ATS_KIND_QUOTE && m.quote.bid_e9 > 0 && m.quote.ask_e9 > 0) {
            w.mid_e9 = (m.quote.bid_e9 + m.quote.ask_e9) / 2;
            w.mid_e9 -= w.mid_e9 % CENT;
        }
        give(&m);
    }
}

static void move_market(void)
{
    if (w.kind == RECORDED) {
        recorded();
        return;
    }
    if (w.halted ? below(4) == 0 : below(50) == 0)
        halt(!w.halted);
    if (w.kind == BARS && !w.halted)
        one_bar();
    else if (w.kind == BARS)
        w.now_ns += 60 * SEC;
    else
        one_tick();
}

/* ---- orders --------------------------------------------------------------------------------- */

static int64_t near(int64_t ticks)
{
    return w.mid_e9 + ((int64_t)below((uint64_t)(2 * ticks + 1)) - ticks) * CENT;
}

static ats_order random_order(void)
{
    ats_order o = {.h = header(ATS_KIND_ORDER),
                   .order_id = w.next_id,
                   .qty_e9 = (int64_t)(1 + below(20)) * E9,
                   .account_id = 7,
                   .strategy_id = 3,
                   .reason = ATS_REASON_ENTRY_LONG,
                   .action = ATS_INTENT_NEW,
                   .side = below(12) ? ATS_SIDE_BUY : ATS_SIDE_SELL,
                   .type = (uint8_t)(1 + below(5)),
                   .tif = below(3) ? ATS_TIF_DAY : (uint8_t)(1 + below(6))};
    o.order_class = below(3) == 0 ? (uint8_t)below(4) : ATS_ORDER_CLASS_SIMPLE;
    bool stop = o.type == ATS_ORDER_STOP || o.type == ATS_ORDER_STOP_LIMIT;
    if (o.type > ATS_ORDER_MARKET && below(10)) /* stops of a tif that has none are refused */
        o.tif = below(2) ? ATS_TIF_DAY : ATS_TIF_GTC;
    if (o.type == ATS_ORDER_LIMIT || o.type == ATS_ORDER_STOP_LIMIT)
        o.limit_e9 = near(12) + (below(30) ? 0 : CENT / 2);
    if (stop)
        o.stop_e9 = near(12);
    if (o.type == ATS_ORDER_TRAILING_STOP)
        o.trail_e9 = (int64_t)(1 + below(20)) * CENT;
    if (o.order_class == ATS_ORDER_CLASS_OCO && below(10))
        o.type = ATS_ORDER_LIMIT, o.limit_e9 = near(12), o.tif = ATS_TIF_DAY;
    int64_t up = (int64_t)(1 + below(15)) * CENT, down = (int64_t)(1 + below(15)) * CENT;
    bool buys = o.side == ATS_SIDE_BUY;
    if (o.order_class == ATS_ORDER_CLASS_BRACKET || o.order_class == ATS_ORDER_CLASS_OTO)
        o.target_e9 = buys ? w.mid_e9 + up : w.mid_e9 - up;
    if (o.order_class == ATS_ORDER_CLASS_BRACKET)
        o.stop_leg_e9 = buys ? w.mid_e9 - down : w.mid_e9 + down;
    if (o.order_class == ATS_ORDER_CLASS_OCO)
        o.stop_leg_e9 = buys ? w.mid_e9 + up : w.mid_e9 - down;
    if (below(5) == 0)
        o.stop_leg_limit_e9 = o.stop_leg_e9;
    const uint32_t flags[] = {0,
                              0,
                              0,
                              ATS_INTENT_REDUCE_ONLY,
                              ATS_INTENT_EXTENDED,
                              ATS_INTENT_PROTECTIVE | ATS_INTENT_REDUCE_ONLY};
    o.intent_flags = flags[below(6)];
    return o;
}

/* An order that was sent, mostly one that is open; 0: there is none. */
static uint64_t some_id(void)
{
    uint64_t found = 0;
    for (uint32_t tries = 0; tries < 8 && w.next_id > 1; tries++) {
        uint64_t id = 1 + below(w.next_id - 1);
        if (w.orders[id].sent && (found == 0 || !w.orders[id].final))
            found = id;
        if (found && !w.orders[found].final)
            break;
    }
    return found;
}

static void know(const ats_order *o, uint64_t head, uint8_t role)
{
    w.orders[o->order_id] = (known){.sent = true,
                                    .leg = head != 0,
                                    .state = head ? ATS_ORDER_HELD : ATS_ORDER_SENT,
                                    .role = role,
                                    .head = head,
                                    .sent_ns = w.now_ns,
                                    .order = *o};
}

static void send_something(void)
{
    if (w.next_id + 2 * ATS_LEG_IDS >= ORDERS)
        return;
    ats_order o = random_order(), legs[ATS_LEGS_MAX];
    uint64_t what = below(10), target = some_id();
    if (what < 5 && target) {
        o.target_order_id = target;
        o.action = what < 3 ? ATS_INTENT_CANCEL : ATS_INTENT_REPLACE;
        o.side = w.orders[o.target_order_id].order.side;
        if (w.orders[o.target_order_id].leg)
            o.order_class = ATS_ORDER_CLASS_SIMPLE;
    }
    uint64_t id = w.next_id;
    w.next_id += ATS_LEG_IDS;
    if (o.action != ATS_INTENT_CANCEL) {
        uint32_t count = ats_order_legs(&o, legs);
        know(&o, 0, 0);
        for (uint32_t i = 0; i < count; i++)
            know(&legs[i], id, ats_order_leg_role(&o, &legs[i]));
    }
    stage_fixture_put(&w.fixture, CHAIN, &o);
    stage_fixture_work(&w.fixture);
    drain_outputs();
}

/* ---- a seed --------------------------------------------------------------------------------- */

static ats_venue_sim_config random_venue(void)
{
    ats_venue_sim_config c = {.seed = w.seed,
                              .out_base_ns = (int64_t)below(500) * MS / 100,
                              .back_base_ns = (int64_t)below(500) * MS / 100,
                              .order_capacity = 1024,
                              .symbol_count = 1,
                              .fee_per_unit_e9 = 500000};
    c.out_jitter_ns = below(2) ? (int64_t)below(100) * MS : 0;
    c.back_jitter_ns = below(2) ? (int64_t)below(100) * MS : 0;
    c.out_tail_ns = below(4) ? 0 : 20 * MS;
    c.back_tail_ns = below(4) ? 0 : 20 * MS;
    c.book_levels = (uint32_t)(below(2) * below(6));
    c.queue = below(2);
    c.trade_share_bps = (uint32_t)(below(2) * (100 + below(9000)));
    c.bar_share_bps = (uint32_t)(below(2) * 1000);
    c.bar_slippage_bps = (uint32_t)below(5);
    c.reject_share_bps = below(4) ? 0 : 1000;
    c.lost_share_bps = below(3) ? 0 : 500;
    c.answer_timeout_ns = below(4) || c.lost_share_bps ? 2 * SEC : 0;
    c.ask_interval_ns = below(2) ? 10 * SEC : 0;
    if (below(4) == 0)
        memcpy(c.hard_to_borrow, "ZZZ AAA", sizeof "ZZZ AAA");
    return c;
}

static void open_world(uint64_t seed)
{
    memset(&w, 0, sizeof w);
    w.seed = seed;
    ats_random_seed(&w.random, seed);
    w.kind = tape ? RECORDED : (market_kind)(seed % MARKET_KINDS);
    w.next_id = 1;
    w.mid_e9 = 100 * E9;
    w.now_ns = OPEN - (below(3) ? 0 : 300 * SEC) + (int64_t)(below(3) == 0) * 23100 * SEC;
    w.last_halt_ns = w.last_resume_ns = -1;
    if (tape) {
        w.tape_next = below(tape_count - tape_count / 50);
        w.now_ns = tape[w.tape_next].h.recv_ns;
    }
    stage_fixture_symbol(&w.fixture, "AAA", CENT, E9);
    stage_fixture_context(&w.fixture);
    snprintf(w.directory, sizeof w.directory, "/tmp/ats-test-random-XXXXXX");
    cr_assert_not_null(mkdtemp(w.directory));
    cr_assert_eq(ats_journal_create(&w.journal, w.directory, "random", 1024), 0);
    cr_assert_eq(ats_calendar_load(&w.calendar, NULL), 0);
    w.config = (ats_route_config){.context = &w.fixture.context,
                                  .journal = &w.journal,
                                  .venue = random_venue(),
                                  .calendar = below(4) ? &w.calendar.calendar : NULL};
    cr_assert_eq(stage_fixture_start(&w.fixture, &ats_stage_route, &w.config, 64, 256), 0);
}

static void close_world(void)
{
    const ats_metrics_route *m = &w.fixture.context.metrics->route;
    total.fills += w.fills;
    total.ends += w.ends;
    total.triggers += w.triggers;
    total.activations += w.activations;
    total.replaced += w.replaced;
    total.timeouts += m->timeouts;
    total.rejects += m->rejects;
    total.kills += w.killed;
    ats_journal_close(&w.journal, true);
    rmdir(w.directory);
    ats_calendar_free(&w.calendar);
    stage_fixture_close(&w.fixture);
}

static char digest[33];

static void run_seed(uint64_t seed)
{
    open_world(seed);
    uint64_t kill_at = below(5) ? UINT64_MAX : below(150);
    for (uint64_t step = 0; step < 150; step++) {
        move_market();
        for (uint64_t n = below(3); n > 0; n--)
            send_something();
        if (step == kill_at) {
            w.killed = true;
            ats_store_release(&w.fixture.context.switches->kill, 1);
        }
        check_quiet();
    }
    ats_market end = {.h = header(ATS_KIND_END)};
    give(&end);
    HOLDS(w.fixture.io.ended);
    const ats_digest *d = ats_route_digest(w.fixture.state);
    ats_digest_text(&d, 1, digest);
    HOLDS(ats_route_orders(w.fixture.state)->count == 0);
    HOLDS(ats_venue_sim_orders(ats_route_venue(w.fixture.state))->count == 0);
    for (uint64_t id = 1; id < w.next_id; id++)
        HOLDS(!w.orders[id].sent || w.orders[id].final, "order %lu", (unsigned long)id);
    close_world();
}

Test(route_random, a_seed_gives_one_digest_and_another_seed_another)
{
    char first[33], before[33] = "";
    for (uint64_t seed = 1; seed <= 40; seed++) {
        run_seed(seed);
        memcpy(first, digest, sizeof first);
        run_seed(seed);
        cr_assert_str_eq(digest, first);
        cr_assert_str_neq(digest, before);
        memcpy(before, first, sizeof before);
    }
}

Test(route_random, a_thousand_seeds_keep_the_invariants, .timeout = 300)
{
    for (uint64_t seed = 1; seed <= 1000; seed++)
        run_seed(seed);
    cr_log_info("%lu fills, %lu ends, %lu triggers, %lu activations, %lu replaced, %lu timeouts, "
                "%lu kills, %lu rejects",
                total.fills, total.ends, total.triggers, total.activations, total.replaced,
                total.timeouts, total.kills, total.rejects);
    /* The worlds are worth something only if all of it happens in them. */
    cr_assert_gt(total.fills, 20000);
    cr_assert_gt(total.triggers, 1000);
    cr_assert_gt(total.activations, 1000);
    cr_assert_gt(total.replaced, 1000);
    cr_assert_gt(total.timeouts, 1000);
    cr_assert_gt(total.kills, 100);
    cr_assert_gt(total.rejects, 1000);
}

/* ATS_TEST_TAPE names the tape of a run over a recorded day (tests/python/test_taq_day.py). */
Test(route_random, a_recorded_day_keeps_the_invariants, .timeout = 600)
{
    const char *path = getenv("ATS_TEST_TAPE");
    ats_market_source source;
    if (!path)
        cr_skip("ATS_TEST_TAPE names no tape");
    cr_assert_eq(ats_market_source_open(&source, &path, 1), 0);
    cr_assert_eq(ats_market_source_load(&source, &tape, &tape_count), 0);
    ats_market_source_close(&source);
    for (uint64_t seed = 1; seed <= 1000; seed++)
        run_seed(seed);
    printf("%lu fills, %lu ends, %lu triggers, %lu activations, %lu replaced, %lu timeouts\n",
           total.fills, total.ends, total.triggers, total.activations, total.replaced,
           total.timeouts);
    cr_expect_gt(total.fills, 10000);
    cr_expect_gt(total.triggers, 500);
    cr_expect_gt(total.activations, 500);
    cr_expect_gt(total.replaced, 500);
    free(tape);
    tape = NULL;
}
