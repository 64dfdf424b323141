#include "io/venue/parts.h"

void venue_look_at_calendar(venue_symbol *s, int64_t now_ns)
{
    if (s->calendar && (now_ns < s->segment.start_ns || now_ns >= s->segment.end_ns))
        ats_calendar_segment(s->calendar, now_ns, &s->segment);
}

/* Times that the calendar does not speak of are one session. */
static bool knows_time(const venue_symbol *s)
{
    return s->calendar && s->segment.date != 0;
}

bool venue_has_sessions(const venue_symbol *s)
{
    return knows_time(s) && !s->calendar->continuous;
}

bool venue_is_regular(const venue_symbol *s)
{
    return !knows_time(s) || s->segment.phase == ATS_PHASE_REGULAR;
}

bool venue_may_trade(const venue_symbol *s, const ats_order_entry *e)
{
    if (venue_is_regular(s))
        return true;
    return (e->intent_flags & ATS_INTENT_EXTENDED) && e->type == ATS_ORDER_LIMIT &&
           s->segment.phase != ATS_PHASE_CLOSED;
}

bool venue_plan(ats_venue_sim *v, const venue_symbol *s, const ats_order_entry *e, venue_order *x)
{
    bool opening = e->tif == ATS_TIF_OPG, closing = e->tif == ATS_TIF_CLS;
    bool extended = (e->intent_flags & ATS_INTENT_EXTENDED) != 0;
    x->end_ns = INT64_MAX;
    if (!knows_time(s) || (e->tif != ATS_TIF_DAY && !opening && !closing))
        return true;
    uint8_t phase = s->segment.phase;
    bool missed = opening ? phase == ATS_PHASE_REGULAR || phase == ATS_PHASE_POST
                          : phase == ATS_PHASE_POST && !(extended && e->tif == ATS_TIF_DAY);
    ats_session session;
    if (!(missed ? ats_calendar_next(s->calendar, s->segment.date, &session)
                 : ats_calendar_on(s->calendar, s->segment.date, &session)))
        return false;
    x->session_open_ns = session.open_ns;
    x->session_close_ns = session.close_ns;
    /* On bars the opening price is known at the first bar's end, of a daily one at the close. */
    if (closing || (opening && venue_trades_on_bars(s)))
        x->end_ns = session.close_ns + AUCTION_WAIT_NS;
    else if (opening)
        x->end_ns = session.open_ns + AUCTION_WAIT_NS;
    else
        x->end_ns = extended ? session.post_ns : session.close_ns;
    v->alarm_ns = smaller(v->alarm_ns, x->end_ns);
    return true;
}

/* ---- auctions ------------------------------------------------------------------------------- */

/* One order at an auction's price: whole, or not at all. */
static void settle(ats_venue_sim *v, ats_order_entry *e, int64_t px_e9, int64_t at_ns)
{
    bool met = px_e9 > 0 && (e->type == ATS_ORDER_MARKET || no_worse(e->side, px_e9, e->limit_e9));
    if (met && !v->symbols[e->symbol_id].halted)
        venue_fill(v, e, at_ns, px_e9, venue_left(e), 1);
    else
        venue_end(v, e, at_ns, ATS_EXEC_EXPIRED);
}

static void run_auction(ats_venue_sim *v, uint32_t symbol_id, auction which, int64_t px_e9,
                        int64_t at_ns)
{
    const venue_symbol *s = &v->symbols[symbol_id];
    uint8_t tif = which == AUCTION_OPEN ? ATS_TIF_OPG : ATS_TIF_CLS;
    ats_order_entry *e = ats_order_table_first(v->orders, symbol_id);
    for (; e; e = ats_order_table_next(v->orders, e))
        if (venue_is_live(v, e) && e->tif == tif &&
            venue_beside(v, e)->session_open_ns == s->segment.open_ns)
            settle(v, e, px_e9, at_ns);
}

void venue_price(ats_venue_sim *v, uint32_t symbol_id, int64_t px_e9, auction which, int64_t at_ns)
{
    venue_symbol *s = &v->symbols[symbol_id];
    if (!venue_has_sessions(s))
        return;
    bool regular = s->segment.phase == ATS_PHASE_REGULAR;
    bool after = s->segment.phase == ATS_PHASE_POST && which == AUCTION_CLOSE;
    if (!regular && !after)
        return;
    if (s->session_open_ns != s->segment.open_ns) {
        s->session_open_ns = s->segment.open_ns;
        s->first_e9 = s->last_e9 = 0;
    }
    if (s->first_e9 == 0)
        s->first_e9 = px_e9;
    s->last_e9 = px_e9;
    if (which != AUCTION_NONE && !s->halted && venue_has_room(v))
        run_auction(v, symbol_id, which, px_e9, at_ns);
}

/* ---- the alarm ------------------------------------------------------------------------------ */

static void end_by_clock(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns)
{
    const venue_symbol *s = &v->symbols[e->symbol_id];
    const venue_order *x = venue_beside(v, e);
    bool opening = e->tif == ATS_TIF_OPG, closing = e->tif == ATS_TIF_CLS;
    if (opening || closing) { /* no print said that it was the auction's */
        int64_t px_e9 = opening ? s->first_e9 : s->last_e9;
        settle(v, e, s->session_open_ns == x->session_open_ns ? px_e9 : 0, at_ns);
    } else {
        venue_end(v, e, at_ns, ATS_EXEC_EXPIRED);
    }
}

void venue_ring_alarm(ats_venue_sim *v)
{
    int64_t until_ns = v->alarm_ns, next_ns = INT64_MAX;
    for (uint32_t id = 1; id <= v->config.symbol_count; id++) {
        ats_order_entry *e = ats_order_table_first(v->orders, id);
        for (; e; e = ats_order_table_next(v->orders, e)) {
            const venue_order *x = venue_beside(v, e);
            if (!x->over && x->end_ns <= until_ns)
                end_by_clock(v, e, v->now_ns);
            if (!x->over)
                next_ns = smaller(next_ns, x->end_ns);
        }
        venue_sweep(v, id);
    }
    v->alarm_ns = next_ns;
}
