/* Random intents, fills, marks and commands against a model of its own: lists of orders and fills,
 * from which everything is counted anew after every step. */
#include "gate_fixture.h"

#define SYMBOLS 5
#define MOST    64

typedef struct model_order {
    uint64_t id, twin, head, target; /* 0 = none; target: of a replacement that is not answered */
    uint32_t symbol;
    bool buy, held, second;
    int64_t left, price;
} model_order;

static model_order orders[MOST];
static uint32_t order_count;
static int64_t position[SYMBOLS + 1], mark[SYMBOLS + 1];
static ats_money_e18 cash;
static ats_random rng;

static int64_t below(int64_t n)
{
    return (int64_t)ats_random_below(&rng, (uint64_t)n);
}

static model_order *find(uint64_t id)
{
    if (id == 0)
        return NULL;
    for (uint32_t i = 0; i < order_count; i++)
        if (orders[i].id == id)
            return &orders[i];
    return NULL;
}

static int64_t counted(const model_order *o)
{
    const model_order *twin = find(o->twin);
    int64_t left = o->held || (o->second && twin) ? 0 : o->left;
    if (twin && !o->second && !o->held && twin->left > left)
        left = twin->left;
    const model_order *old = o->target ? find(o->target) : NULL;
    if (old)
        left = left > counted(old) ? left - counted(old) : 0;
    return left;
}

static void drop(uint64_t id)
{
    for (uint32_t i = 0; i < order_count;) {
        if (orders[i].head == id && orders[i].held) {
            orders[i] = orders[--order_count];
            i = 0;
        } else {
            i++;
        }
    }
    model_order *o = find(id);
    if (o)
        *o = orders[--order_count];
}

/* ---- sums from scratch ------------------------------------------------------------------------
 */

typedef struct sums {
    ats_money_e18 gross, shorts, up, down, equity;
    int64_t buys[SYMBOLS + 1], sells[SYMBOLS + 1];
    uint32_t active;
} sums;

static int64_t size(int64_t v)
{
    return v < 0 ? -v : v;
}

static sums recount(void)
{
    sums s = {.equity = cash};
    for (uint32_t i = 0; i < order_count; i++)
        (orders[i].buy ? s.buys : s.sells)[orders[i].symbol] += counted(&orders[i]);
    for (int k = 1; k <= SYMBOLS; k++) {
        int64_t up = position[k] + s.buys[k], down = position[k] - s.sells[k];
        int64_t worst = size(up) > size(down) ? size(up) : size(down);
        s.gross += (ats_money_e18)worst * mark[k];
        s.shorts += down < 0 ? (ats_money_e18)-down * mark[k] : 0;
        s.up += (ats_money_e18)up * mark[k];
        s.down += (ats_money_e18)down * mark[k];
        s.equity += (ats_money_e18)position[k] * mark[k];
        s.active += worst != 0;
    }
    return s;
}

static void compare(int step)
{
    sums s = recount();
    cr_assert(ats_gate_check(gate), "step %d", step);
    cr_assert(s.gross == gate->gross_e18, "step %d", step);
    cr_assert(s.shorts == gate->short_e18, "step %d", step);
    cr_assert(s.up == gate->up_e18 && s.down == gate->down_e18, "step %d", step);
    cr_assert(s.equity == ats_portfolio_equity(gate->portfolio), "step %d", step);
    cr_assert_eq(s.active, gate->active_symbols, "step %d", step);
    cr_assert_eq(order_count, gate->open->count, "step %d", step);
    for (int k = 1; k <= SYMBOLS; k++) {
        cr_assert_eq(s.buys[k], gate->symbol[k].open_buy_e9, "step %d", step);
        cr_assert_eq(s.sells[k], gate->symbol[k].open_sell_e9, "step %d", step);
        cr_assert_eq(position[k], gate->portfolio->holdings[k].qty_e9, "step %d", step);
    }
}

static void within(ats_money_e18 part, ats_money_e18 whole, int64_t bps, const char *what, int step)
{
    cr_assert(part * 10000 <= whole * bps, "%s at step %d", what, step);
}

/* Right after an order passed that may enlarge something, nothing is beyond its limit. */
static void no_limit_is_passed(uint32_t symbol, int step)
{
    const ats_risk_limits *l = &gate->limits;
    sums s = recount();
    int64_t up = position[symbol] + s.buys[symbol], down = position[symbol] - s.sells[symbol];
    int64_t worst = size(up) > size(down) ? size(up) : size(down);
    within((ats_money_e18)worst * mark[symbol], s.equity, l->max_position_bps, "position", step);
    within(s.gross, s.equity, l->max_gross_bps, "gross", step);
    within(s.gross, s.equity, l->buying_power_bps, "buying power", step);
    cr_assert_leq(s.active, l->max_positions, "positions at step %d", step);
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static void add(uint64_t id, const ats_intent *i, bool buys, int64_t price)
{
    orders[order_count++] = (model_order){
        .id = id, .symbol = i->h.symbol_id, .buy = buys, .left = i->qty_e9, .price = price};
}

static void passed(const ats_intent *i, uint64_t id)
{
    bool buys = i->side == ATS_SIDE_BUY;
    add(id, i, buys, verdict.price_e9);
    find(id)->target = i->action == ATS_INTENT_REPLACE ? i->target_intent_id : 0;
    if (i->order_class == ATS_ORDER_CLASS_BRACKET) {
        add(id + ATS_LEG_TARGET, i, !buys, i->target_e9);
        add(id + ATS_LEG_STOP, i, !buys, i->stop_leg_e9);
        find(id + ATS_LEG_TARGET)->twin = id + ATS_LEG_STOP;
        find(id + ATS_LEG_STOP)->twin = id + ATS_LEG_TARGET;
        find(id + ATS_LEG_TARGET)->held = find(id + ATS_LEG_STOP)->held = true;
        find(id + ATS_LEG_TARGET)->head = find(id + ATS_LEG_STOP)->head = id;
        find(id + ATS_LEG_STOP)->second = true;
    } else if (i->order_class == ATS_ORDER_CLASS_OCO) {
        add(id + ATS_LEG_STOP, i, buys, i->stop_leg_e9);
        find(id)->twin = id + ATS_LEG_STOP;
        find(id + ATS_LEG_STOP)->twin = id;
        find(id + ATS_LEG_STOP)->second = true;
    }
}

static ats_intent random_intent(void)
{
    ats_intent i = order(below(2) ? ATS_SIDE_BUY : ATS_SIDE_SELL, (1 + below(60)) * E9, 0);
    i.h.symbol_id = (uint32_t)(1 + below(SYMBOLS));
    const ats_gate_symbol *s = &gate->symbol[i.h.symbol_id];
    bool buys = i.side == ATS_SIDE_BUY;
    int64_t kind = below(10);
    i.limit_e9 = (buys ? s->bid_e9 : s->ask_e9) + (buys ? -1 : 1) * below(100) * CENT;
    if (kind == 0) {
        i.type = ATS_ORDER_MARKET;
        i.limit_e9 = 0;
    } else if (kind == 1) {
        i.type = ATS_ORDER_STOP;
        i.limit_e9 = 0;
        i.stop_e9 = buys ? s->ask_e9 + (1 + below(99)) * CENT : s->bid_e9 - (1 + below(99)) * CENT;
    } else if (kind == 2) {
        i.order_class = ATS_ORDER_CLASS_BRACKET;
        i.target_e9 = i.limit_e9 + (buys ? 5 : -5) * E9;
        i.stop_leg_e9 = i.limit_e9 + (buys ? -5 : 5) * E9;
    } else if (kind == 3) {
        i.order_class = ATS_ORDER_CLASS_OCO;
        i.stop_leg_e9 = buys ? s->ask_e9 + 2 * E9 : s->bid_e9 - 2 * E9;
        i.intent_flags = ATS_INTENT_REDUCE_ONLY;
    } else if (kind <= 5 && order_count) {
        const model_order *o = &orders[below(order_count)];
        i.action = ATS_INTENT_REPLACE;
        i.target_intent_id = o->id;
        i.h.symbol_id = o->symbol;
        i.side = o->buy ? ATS_SIDE_BUY : ATS_SIDE_SELL;
        s = &gate->symbol[o->symbol];
        i.limit_e9 = o->buy ? s->bid_e9 : s->ask_e9;
    } else if (kind <= 7) {
        i.intent_flags = ATS_INTENT_REDUCE_ONLY;
    }
    return i;
}

static void send_one(int step, uint64_t *count)
{
    ats_intent i = random_intent();
    if (decide(i) != ATS_CHECK_PASS) {
        count[verdict.check]++;
        return;
    }
    count[ATS_CHECK_PASS]++;
    int64_t before = position[i.h.symbol_id];
    passed(&i, next_id);
    sums s = recount();
    if (i.intent_flags & ATS_INTENT_REDUCE_ONLY) {
        int64_t after = i.side == ATS_SIDE_BUY ? before + s.buys[i.h.symbol_id]
                                               : before - s.sells[i.h.symbol_id];
        cr_assert(before != 0 && ((after == 0) || (after > 0) == (before > 0)),
                  "through zero at step %d", step);
    } else if (verdict.limit_e9 && i.action == ATS_INTENT_NEW) {
        /* Exposure was measured, for it may have grown. (Of a replacement the order that it
         * replaces may be larger, and from before a limit was tightened.) */
        no_limit_is_passed(i.h.symbol_id, step);
    }
}

static void fill_one(void)
{
    model_order *o = &orders[below(order_count)];
    if (o->held)
        return;
    model_order *twin = find(o->twin);
    int64_t qty = below(3) ? o->left : (1 + below(o->left / E9)) * E9;
    uint64_t id = o->id, twin_id = twin ? twin->id : 0;
    fill(id, qty, o->price);
    if (o->target && !find(o->target))
        o->target = 0;
    int64_t signed_qty = o->buy ? qty : -qty;
    position[o->symbol] += signed_qty;
    cash -= (ats_money_e18)signed_qty * o->price;
    o->left -= qty;
    if (twin)
        twin->left -= qty < twin->left ? qty : twin->left;
    if (o->left == 0) {
        for (uint32_t k = 0; k < order_count; k++) /* its legs wake */
            if (orders[k].head == id)
                orders[k].held = false;
        drop(id);
    }
    if (twin_id && find(twin_id)->left == 0)
        drop(twin_id);
}

static void end_one(void)
{
    model_order *o = &orders[below(order_count)];
    uint64_t id = o->id;
    static const uint32_t TYPES[] = {ATS_EXEC_CANCELED, ATS_EXEC_REJECTED, ATS_EXEC_EXPIRED};
    if (o->target && below(2)) { /* a replacement is answered */
        uint64_t target = o->target;
        model_order *old = find(target);
        ats_exec x = answer_of(target, below(2) ? ATS_EXEC_REPLACED : ATS_EXEC_REPLACE_REJECTED);
        x.h.symbol_id = o->symbol;
        x.ref_order_id = id;
        if (x.type == ATS_EXEC_REPLACED && !old)
            return; /* the broker cannot have: it ended */
        ats_gate_exec(gate, &x);
        if (x.type == ATS_EXEC_REPLACED) {
            model_order *twin = find(old->twin);
            o->target = 0;
            o->twin = old->twin;
            o->second = old->second;
            if (twin)
                twin->twin = id;
            drop(target);
        } else {
            drop(id);
        }
        return;
    }
    answer(id, TYPES[below(3)]);
    drop(id);
}

static void move_one(void)
{
    uint32_t k = (uint32_t)(1 + below(SYMBOLS));
    int64_t bid = gate->symbol[k].bid_e9 + (below(21) - 10) * CENT;
    bid = bid < 50 * E9 ? 50 * E9 : bid > 200 * E9 ? 200 * E9 : bid;
    quote(k, bid, bid + CENT);
    mark[k] = bid + CENT / 2;
}

static void command_one(void)
{
    uint32_t id = below(2) ? ATS_LIMIT_MAX_GROSS : ATS_LIMIT_MAX_POSITION;
    int64_t value = id == ATS_LIMIT_MAX_GROSS ? 1000 + below(6000) : 500 + below(2500);
    control((ats_control){
        .code = ATS_CONTROL_LIMIT,
        .limit = {.value = value, .until_ns = below(2) ? now_ns + 1000000 : 0, .limit_id = id}});
    control((ats_control){.code = ATS_CONTROL_SAFE_MODE, .limit = {.value = below(4) == 0}});
    gate->event_count = 0;
}

Test(gate_property, random_flow_agrees_with_a_recount_and_passes_no_limit, .timeout = 300)
{
    ats_risk_limits l = wide();
    l.max_position_bps = 1500;
    l.max_gross_bps = 4000;
    l.max_net_bps = 3000;
    l.max_short_bps = 5000;
    l.max_positions = 4;
    l.buying_power_bps = 5000;
    open_gate(l);
    ats_random_seed(&rng, 23);
    uint64_t count[ATS_CHECK_COUNT] = {0};
    cash = ats_money_from_e9(100000 * E9);
    for (int k = 1; k <= SYMBOLS; k++)
        mark[k] = 100 * E9 + CENT / 2;
    for (int step = 0; step < 250000; step++) {
        int64_t what = below(100);
        now_ns += 20000;
        if (what < 45)
            send_one(step, count);
        else if (what < 65 && order_count)
            fill_one();
        else if (what < 80 && order_count)
            end_one();
        else if (what < 99)
            move_one();
        else
            command_one();
        compare(step);
        cr_assert_eq(gate->events_lost, 0);
    }
    cr_assert_gt(count[ATS_CHECK_PASS], 10000);
    static const ats_check SEEN[] = {
        ATS_CHECK_SELF_MATCH,     ATS_CHECK_NOT_REDUCING, ATS_CHECK_POSITION,
        ATS_CHECK_GROSS,          ATS_CHECK_NET,          ATS_CHECK_SHORT,
        ATS_CHECK_POSITION_COUNT, ATS_CHECK_THROUGH_ZERO, ATS_CHECK_REPLACE_TARGET};
    for (uint32_t i = 0; i < sizeof SEEN / sizeof SEEN[0]; i++)
        cr_expect_gt(count[SEEN[i]], 50, "%s: %llu", ats_check_label(SEEN[i]),
                     (unsigned long long)count[SEEN[i]]);
}
