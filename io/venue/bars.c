#include "io/venue/parts.h"

#include <assert.h>

#define DAY_S 86400u

int64_t venue_end_of_bar(const venue_symbol *s, int64_t sent_ns)
{
    if (!venue_trades_on_bars(s) || sent_ns <= s->bar_end_ns || !venue_is_regular(s))
        return INT64_MIN;
    int64_t period_ns = s->bar_period_s * ATS_SECOND_NS;
    if (s->bar_period_s >= DAY_S && venue_has_sessions(s))
        return s->segment.close_ns + 1; /* sessions are not of one length */
    return s->bar_end_ns + (sent_ns - s->bar_end_ns + period_ns - 1) / period_ns * period_ns + 1;
}

void venue_foresee_bar(ats_venue_sim *v, const ats_bar *bar)
{
    venue_symbol *s = &v->symbols[bar->h.symbol_id];
    if (s->quoted || s->traded || bar->period_s == 0 ||
        (s->bar_period_s != 0 && bar->period_s > s->bar_period_s))
        return;
    s->bar_period_s = bar->period_s;
    s->bar = *bar;
    action *a = venue_schedule(v, bar->h.recv_ns, ACTION_BAR);
    a->symbol_id = bar->h.symbol_id;
}

/* ---- prices --------------------------------------------------------------------------------- */

/* bar_slippage_bps worse, on the tick that is further away. */
static int64_t slipped(const ats_venue_sim *v, const ats_order_entry *e, int64_t px_e9)
{
    bool buy = e->side == ATS_SIDE_BUY;
    int64_t slip = venue_share(px_e9, v->config.bar_slippage_bps);
    int64_t tick = venue_tick(v, e->symbol_id, px_e9), off;
    if (slip == 0)
        return px_e9;
    px_e9 += buy ? slip : -slip;
    off = px_e9 % tick;
    if (off)
        px_e9 += buy ? tick - off : -off;
    return larger(px_e9, tick);
}

/* Did the bar trade through a limit? */
static bool is_through(const ats_bar *b, const ats_order_entry *e)
{
    return e->side == ATS_SIDE_BUY ? b->low_e9 < e->limit_e9 : b->high_e9 > e->limit_e9;
}

static bool is_better(uint8_t side, int64_t a, int64_t b)
{
    return a != b && no_worse(side, a, b);
}

/* The bar's price that is worst for who waits with a stop. */
static int64_t extreme_against(const ats_bar *b, const ats_order_entry *e)
{
    return e->side == ATS_SIDE_BUY ? b->high_e9 : b->low_e9;
}

static bool reaches_stop(const ats_venue_sim *v, const ats_order_entry *e, int64_t px_e9)
{
    int64_t stop = venue_stop_price(v, e);
    return stop > 0 && no_worse(e->side, stop, px_e9);
}

static void fill_in_bar(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns, int64_t px_e9,
                        uint8_t liquidity)
{
    venue_symbol *s = &v->symbols[e->symbol_id];
    int64_t qty_e9 = smaller(venue_left(e), s->bar_left_e9);
    if (e->tif == ATS_TIF_FOK && qty_e9 < venue_left(e))
        return;
    if (qty_e9 <= 0 || !venue_has_room(v))
        return;
    if (s->bar_left_e9 != INT64_MAX)
        s->bar_left_e9 -= qty_e9;
    venue_fill(v, e, at_ns, px_e9, qty_e9, liquidity);
}

/* ---- the passes ----------------------------------------------------------------------------- */

/* A stop has been reached at a price, the stop's own or the open beyond it. */
static void fire(ats_venue_sim *v, ats_order_entry *e, int64_t px_e9, int64_t at_ns)
{
    const ats_bar *b = &v->symbols[e->symbol_id].bar;
    venue_trigger(v, e, at_ns);
    if (venue_works_as(v, e) == ATS_ORDER_MARKET)
        fill_in_bar(v, e, at_ns, slipped(v, e, px_e9), 1);
    else if (is_better(e->side, px_e9, e->limit_e9) && is_through(b, e)) {
        int64_t worse = slipped(v, e, px_e9);
        bool beyond = !no_worse(e->side, worse, e->limit_e9);
        fill_in_bar(v, e, at_ns, beyond ? e->limit_e9 : worse, 1);
    }
    /* What of the bar lies before the trigger is not to be had by the limit order that it is now.
     */
    if (v->entry == ENTRY_INSIDE)
        venue_beside(v, e)->entry = ENTRY_INSIDE;
}

static void at_open(ats_venue_sim *v, ats_order_entry *e)
{
    const ats_bar *b = &v->symbols[e->symbol_id].bar;
    int64_t at_ns = b->h.event_ns;
    venue_order *x = venue_beside(v, e);
    switch (venue_works_as(v, e)) {
    case ATS_ORDER_MARKET:
        fill_in_bar(v, e, at_ns, slipped(v, e, b->open_e9), 1);
        break;
    case ATS_ORDER_LIMIT:
        if (is_better(e->side, b->open_e9, e->limit_e9))
            fill_in_bar(v, e, at_ns, b->open_e9, 1);
        break;
    default:
        if (x->best_e9 == 0)
            x->best_e9 = b->open_e9;
        if (reaches_stop(v, e, b->open_e9))
            fire(v, e, b->open_e9, at_ns);
        break;
    }
}

static void at_stop(ats_venue_sim *v, ats_order_entry *e)
{
    const ats_bar *b = &v->symbols[e->symbol_id].bar;
    if (venue_works_as(v, e) == 0 && reaches_stop(v, e, extreme_against(b, e)))
        fire(v, e, venue_stop_price(v, e), b->h.recv_ns);
}

static void at_limit(ats_venue_sim *v, ats_order_entry *e)
{
    const ats_bar *b = &v->symbols[e->symbol_id].bar;
    bool at_once = e->tif == ATS_TIF_IOC || e->tif == ATS_TIF_FOK;
    if (venue_works_as(v, e) == ATS_ORDER_LIMIT && !at_once && is_through(b, e))
        fill_in_bar(v, e, b->h.recv_ns, e->limit_e9, 2);
}

/* The best of the bar may have come after its worst: what follows it is then held against the
 * close, which came last. */
static void at_close(ats_venue_sim *v, ats_order_entry *e)
{
    const ats_bar *b = &v->symbols[e->symbol_id].bar;
    venue_order *x = venue_beside(v, e);
    bool buy = e->side == ATS_SIDE_BUY;
    if (e->type == ATS_ORDER_TRAILING_STOP && !x->triggered) {
        x->best_e9 = x->best_e9 == 0 ? (buy ? b->low_e9 : b->high_e9)
                     : buy           ? smaller(x->best_e9, b->low_e9)
                                     : larger(x->best_e9, b->high_e9);
        if (reaches_stop(v, e, b->close_e9))
            fire(v, e, venue_stop_price(v, e), b->h.recv_ns);
    }
    if (!x->over && (e->tif == ATS_TIF_IOC || e->tif == ATS_TIF_FOK))
        venue_end(v, e, b->h.recv_ns, ATS_EXEC_CANCELED);
}

/* Every order that is part of the bar and came into it no later than `latest`. */
static void pass(ats_venue_sim *v, uint32_t symbol_id, bar_entry earliest, bar_entry latest,
                 void (*step)(ats_venue_sim *, ats_order_entry *))
{
    const venue_symbol *s = &v->symbols[symbol_id];
    int64_t in_time_ns = s->bar.h.event_ns + v->round_trip_ns;
    ats_order_entry *e = ats_order_table_first(v->orders, symbol_id);
    for (; e; e = ats_order_table_next(v->orders, e)) {
        uint8_t entry = venue_beside(v, e)->entry;
        if (venue_is_live(v, e) && e->sent_ns <= in_time_ns && entry >= earliest &&
            entry <= latest && e->tif != ATS_TIF_OPG && e->tif != ATS_TIF_CLS &&
            venue_may_trade(s, e))
            step(v, e);
    }
}

static void reset_entries(ats_venue_sim *v, uint32_t symbol_id)
{
    ats_order_entry *e = ats_order_table_first(v->orders, symbol_id);
    for (; e; e = ats_order_table_next(v->orders, e))
        venue_beside(v, e)->entry = ENTRY_BEFORE;
}

void venue_run_bar(ats_venue_sim *v, const action *a)
{
    uint32_t id = a->symbol_id;
    venue_symbol *s = &v->symbols[id];
    const ats_bar *b = &s->bar;
    uint32_t share = v->config.bar_share_bps;
    s->bar_left_e9 = share ? venue_share(b->volume_e9, share) : INT64_MAX;
    s->bar_end_ns = b->h.recv_ns;
    venue_look_at_calendar(s, b->h.event_ns);
    if (!s->halted) {
        v->tell_ns = b->h.recv_ns;
        bool first = venue_has_sessions(s) && s->session_open_ns != s->segment.open_ns;
        bool last = b->h.recv_ns >= s->segment.close_ns;
        reset_entries(v, id);
        v->entry = ENTRY_AT_OPEN;
        venue_price(v, id, b->open_e9, first ? AUCTION_OPEN : AUCTION_NONE, b->h.event_ns);
        pass(v, id, ENTRY_BEFORE, ENTRY_BEFORE, at_open);
        v->entry = ENTRY_INSIDE;
        pass(v, id, ENTRY_BEFORE, ENTRY_AT_OPEN, at_stop);
        pass(v, id, ENTRY_BEFORE, ENTRY_AT_OPEN, at_limit);
        pass(v, id, ENTRY_INSIDE, ENTRY_INSIDE, at_stop);
        pass(v, id, ENTRY_BEFORE, ENTRY_AT_OPEN, at_close);
        venue_price(v, id, b->close_e9, last ? AUCTION_CLOSE : AUCTION_NONE, b->h.recv_ns);
        v->tell_ns = 0;
        v->entry = ENTRY_BEFORE;
    }
    venue_look_at_calendar(s, a->due_ns);
}
