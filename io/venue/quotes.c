#include "calc/sale_condition.h"
#include "io/venue/parts.h"

/* ---- the book ------------------------------------------------------------------------------- */

static bool is_tradable(const venue_symbol *s)
{
    return !s->halted && s->bid_e9 > 0 && s->bid_e9 < s->ask_e9;
}

static bool is_inside_band(const venue_symbol *s, uint8_t side, int64_t px_e9)
{
    if (side == ATS_SIDE_BUY)
        return s->band_high_e9 == 0 || px_e9 <= s->band_high_e9;
    return s->band_low_e9 == 0 || px_e9 >= s->band_low_e9;
}

/* Distance between the levels that are assumed beyond the displayed one. */
static int64_t level_step(const ats_venue_sim *v, uint32_t symbol_id)
{
    const venue_symbol *s = &v->symbols[symbol_id];
    int64_t tick = venue_tick(v, symbol_id, s->bid_e9);
    int64_t step = larger(larger(tick, (s->ask_e9 - s->bid_e9) / 2), s->change_e9);
    return (step + tick - 1) / tick * tick;
}

/* The opposite side as an order sees it. */
typedef struct ladder {
    int64_t best_e9, size_e9, step_e9;
    int64_t *taken_e9;
    uint32_t levels; /* assumed ones */
} ladder;

static ladder ladder_for(ats_venue_sim *v, const ats_order_entry *e)
{
    venue_symbol *s = &v->symbols[e->symbol_id];
    bool buy = e->side == ATS_SIDE_BUY;
    ladder l = {.best_e9 = buy ? s->ask_e9 : s->bid_e9,
                .size_e9 = buy ? s->ask_size_e9 : s->bid_size_e9,
                .taken_e9 = buy ? &s->ask_taken_e9 : &s->bid_taken_e9};
    if (venue_works_as(v, e) == ATS_ORDER_MARKET && v->config.book_levels > 0) {
        l.levels = v->config.book_levels;
        l.step_e9 = buy ? level_step(v, e->symbol_id) : -level_step(v, e->symbol_id);
    }
    return l;
}

static bool is_in_reach(const ats_venue_sim *v, const ats_order_entry *e, int64_t px_e9)
{
    const venue_symbol *s = &v->symbols[e->symbol_id];
    if (px_e9 <= 0 || !is_inside_band(s, e->side, px_e9))
        return false;
    return venue_works_as(v, e) == ATS_ORDER_MARKET || no_worse(e->side, px_e9, e->limit_e9);
}

/* What lies within reach, up to what the order wants. */
static int64_t reachable(const ats_venue_sim *v, const ats_order_entry *e, const ladder *l)
{
    int64_t last = 0;
    while (last <= l->levels && is_in_reach(v, e, l->best_e9 + last * l->step_e9))
        last++;
    __int128 all = (__int128)l->size_e9 * last - *l->taken_e9;
    return all > venue_left(e) ? venue_left(e) : all > 0 ? (int64_t)all : 0;
}

bool venue_take(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns)
{
    if (!is_tradable(&v->symbols[e->symbol_id]))
        return false;
    ladder l = ladder_for(v, e);
    int64_t want_e9 = reachable(v, e, &l);
    if (e->tif == ATS_TIF_FOK && want_e9 < venue_left(e))
        return true;
    while (want_e9 > 0 && venue_has_room(v)) {
        int64_t level = *l.taken_e9 / l.size_e9;
        __int128 here = (__int128)l.size_e9 * (level + 1) - *l.taken_e9;
        int64_t qty_e9 = here < want_e9 ? (int64_t)here : want_e9;
        *l.taken_e9 += qty_e9;
        want_e9 -= qty_e9;
        venue_fill(v, e, at_ns, l.best_e9 + level * l.step_e9, qty_e9, 1);
    }
    return true;
}

/* ---- the queue ------------------------------------------------------------------------------ */

/* Brings an order's place in line with what is displayed at its price. */
static void look_at_queue(const ats_venue_sim *v, const ats_order_entry *e)
{
    const venue_symbol *s = &v->symbols[e->symbol_id];
    venue_order *x = venue_beside(v, e);
    bool buy = e->side == ATS_SIDE_BUY;
    int64_t best = buy ? s->bid_e9 : s->ask_e9, size = buy ? s->bid_size_e9 : s->ask_size_e9;
    if (!v->config.queue || venue_works_as(v, e) != ATS_ORDER_LIMIT || best <= 0)
        return;
    if (e->limit_e9 == best)
        x->ahead_e9 = x->ahead_e9 < 0 ? size : smaller(x->ahead_e9, size);
    else if (buy ? e->limit_e9 > best : e->limit_e9 < best)
        x->ahead_e9 = 0;
}

void venue_join_queue(ats_venue_sim *v, ats_order_entry *e)
{
    look_at_queue(v, e);
}

/* ---- stops ---------------------------------------------------------------------------------- */

/* A price of the market has come: does it trigger the stop? */
static bool is_triggered(ats_venue_sim *v, ats_order_entry *e, int64_t px_e9)
{
    venue_order *x = venue_beside(v, e);
    bool buy = e->side == ATS_SIDE_BUY;
    if (x->best_e9 == 0 || (buy ? px_e9 < x->best_e9 : px_e9 > x->best_e9))
        x->best_e9 = px_e9;
    return no_worse(e->side, venue_stop_price(v, e), px_e9);
}

static void trigger(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns)
{
    venue_trigger(v, e, at_ns);
    venue_take(v, e, at_ns);
    if (!venue_beside(v, e)->over)
        venue_join_queue(v, e);
}

/* ---- quotes --------------------------------------------------------------------------------- */

static void keep_quote(venue_symbol *s, const ats_quote *q)
{
    if (s->bid_e9 > 0 && s->ask_e9 > 0 && q->bid_e9 > 0 && q->ask_e9 > 0) {
        int64_t change = (q->bid_e9 + q->ask_e9 - s->bid_e9 - s->ask_e9) / 2;
        s->change_e9 += ((change < 0 ? -change : change) - s->change_e9) / 16;
    }
    /* A side quoted at the same price and size is the same one: what we took of it stays taken. */
    if (s->bid_e9 != q->bid_e9 || s->bid_size_e9 != q->bid_size_e9)
        s->bid_taken_e9 = 0;
    if (s->ask_e9 != q->ask_e9 || s->ask_size_e9 != q->ask_size_e9)
        s->ask_taken_e9 = 0;
    s->bid_e9 = q->bid_e9;
    s->ask_e9 = q->ask_e9;
    s->bid_size_e9 = q->bid_size_e9;
    s->ask_size_e9 = q->ask_size_e9;
    s->quoted = true;
}

/* A resting limit that the opposite quote has reached fills at its own price. */
static void meet(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns)
{
    ladder l = ladder_for(v, e);
    int64_t qty_e9 = smaller(l.size_e9 - *l.taken_e9, venue_left(e));
    if (qty_e9 <= 0 || !no_worse(e->side, l.best_e9, e->limit_e9) ||
        !is_inside_band(&v->symbols[e->symbol_id], e->side, e->limit_e9))
        return;
    *l.taken_e9 += qty_e9;
    venue_fill(v, e, at_ns, e->limit_e9, qty_e9, 2);
}

static bool waits_for_auction(const ats_order_entry *e)
{
    return e->tif == ATS_TIF_OPG || e->tif == ATS_TIF_CLS;
}

static void show_quote(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns)
{
    const venue_symbol *s = &v->symbols[e->symbol_id];
    look_at_queue(v, e);
    if (!is_tradable(s) || !venue_may_trade(s, e) || waits_for_auction(e))
        return;
    switch (venue_works_as(v, e)) {
    case 0:
        if (!s->traded && venue_is_regular(s) &&
            is_triggered(v, e, e->side == ATS_SIDE_BUY ? s->ask_e9 : s->bid_e9))
            trigger(v, e, at_ns);
        break;
    case ATS_ORDER_MARKET:
        venue_take(v, e, at_ns);
        if (!venue_beside(v, e)->over && e->type == ATS_ORDER_MARKET)
            venue_end(v, e, at_ns, ATS_EXEC_CANCELED);
        break;
    default:
        meet(v, e, at_ns);
        break;
    }
}

void venue_on_quote(ats_venue_sim *v, const ats_quote *q)
{
    keep_quote(&v->symbols[q->h.symbol_id], q);
    ats_order_entry *e = ats_order_table_first(v->orders, q->h.symbol_id);
    for (; e; e = ats_order_table_next(v->orders, e))
        if (venue_is_live(v, e) && venue_has_room(v))
            show_quote(v, e, q->h.recv_ns);
}

/* ---- trades --------------------------------------------------------------------------------- */

typedef struct print {
    int64_t px_e9, qty_e9, at_ns;
    int64_t left_e9; /* of our share of it */
    bool makes_price, in_turn;
} print;

/* What an order gets of a print at its own price, behind those who came before it. */
static int64_t from_queue(ats_venue_sim *v, ats_order_entry *e, const print *p)
{
    venue_order *x = venue_beside(v, e);
    if (!v->config.queue || x->ahead_e9 < 0)
        return 0;
    int64_t reached_e9 = p->qty_e9 - x->ahead_e9;
    x->ahead_e9 = larger(x->ahead_e9 - p->qty_e9, 0);
    return larger(reached_e9, 0);
}

static void show_print(ats_venue_sim *v, ats_order_entry *e, print *p)
{
    const venue_symbol *s = &v->symbols[e->symbol_id];
    int64_t qty_e9 = 0, px_e9 = e->limit_e9;
    uint8_t works_as = venue_works_as(v, e);
    if (works_as == 0) {
        if (p->makes_price && venue_is_regular(s) && is_triggered(v, e, p->px_e9))
            trigger(v, e, p->at_ns);
        return;
    }
    if (!p->in_turn)
        return;
    if (works_as == ATS_ORDER_MARKET) { /* without quotes a print is all there is to go by */
        qty_e9 = s->quoted ? 0 : p->left_e9;
        px_e9 = p->px_e9;
    } else if (p->px_e9 != px_e9) {
        qty_e9 = no_worse(e->side, p->px_e9, px_e9) ? p->left_e9 : 0;
    } else {
        qty_e9 = smaller(from_queue(v, e, p), p->left_e9);
    }
    qty_e9 = smaller(qty_e9, venue_left(e));
    if (qty_e9 <= 0 || !is_inside_band(s, e->side, px_e9))
        return;
    p->left_e9 -= qty_e9;
    venue_fill(v, e, p->at_ns, px_e9, qty_e9, works_as == ATS_ORDER_MARKET ? 1 : 2);
}

static bool has_condition(const ats_trade *t, uint8_t code)
{
    return t->condition[0] == code || t->condition[1] == code || t->condition[2] == code ||
           t->condition[3] == code;
}

void venue_on_trade(ats_venue_sim *v, const ats_trade *t)
{
    venue_symbol *s = &v->symbols[t->h.symbol_id];
    if (s->halted || ats_correction_of(t->correction) != ATS_CORRECTION_PRINT)
        return;
    uint32_t share = v->config.trade_share_bps, updates;
    updates = ats_sale_updates(t->condition, venue_is_regular(s));
    print p = {.px_e9 = t->px_e9,
               .qty_e9 = t->qty_e9,
               .at_ns = t->h.recv_ns,
               .left_e9 = share ? venue_share(t->qty_e9, share) : t->qty_e9,
               .makes_price = (updates & ATS_SALE_LAST) != 0,
               .in_turn = (updates & ATS_SALE_FLOW) != 0};
    s->traded |= p.makes_price;
    if (p.makes_price || has_condition(t, '6'))
        venue_price(v, t->h.symbol_id, t->px_e9,
                    has_condition(t, 'O')   ? AUCTION_OPEN
                    : has_condition(t, '6') ? AUCTION_CLOSE
                                            : AUCTION_NONE,
                    t->h.recv_ns);
    ats_order_entry *e = ats_order_table_first(v->orders, t->h.symbol_id);
    for (; e; e = ats_order_table_next(v->orders, e))
        if (venue_is_live(v, e) && venue_has_room(v) && venue_may_trade(s, e) &&
            !waits_for_auction(e))
            show_print(v, e, &p);
}
