#include "core/error.h"
#include "core/memory.h"
#include "io/venue/alpaca/parts.h"

#include <stdlib.h>
#include <string.h>

/* Fills that a later bust could name; this venue busts none, so the least there is. */
#define FILLS_KEPT 1024u

/* Zeroed, in whole lines; NULL with an error pushed. */
static void *lines(size_t bytes)
{
    void *memory = aligned_alloc(64, ats_whole_lines(bytes));
    if (!memory) {
        ats_error(ATS_EXIT_FAILED, "venue: out of memory");
        return NULL;
    }
    return memset(memory, 0, ats_whole_lines(bytes));
}

ats_paper *ats_paper_new(const ats_paper_config *config)
{
    ats_paper *b = calloc(1, sizeof *b);
    if (!b) {
        ats_error(ATS_EXIT_FAILED, "venue: out of memory");
        return NULL;
    }
    b->config = *config;
    ats_venue_sim_config *venue = &b->config.venue;
    venue->symbols = config->symbols;
    venue->symbol_count = config->symbols->count;
    venue->calendar = config->calendar;
    void *sim = lines(ats_venue_sim_footprint(venue));
    void *portfolio = lines(ats_portfolio_footprint(venue->symbol_count, FILLS_KEPT));
    b->symbol = calloc(venue->symbol_count + 1ull, sizeof *b->symbol);
    if (!sim || !portfolio || !b->symbol) {
        free(sim);
        free(portfolio);
        ats_paper_free(b);
        ats_error(ATS_EXIT_FAILED, "venue: out of memory");
        return NULL;
    }
    b->sim = ats_venue_sim_new(sim, venue);
    b->portfolio = ats_portfolio_new(portfolio, venue->symbol_count, config->cash_e9, FILLS_KEPT);
    b->order_count = ATS_LEG_IDS; /* the first id; below it is none */
    b->now_ns = config->start_ns;
    b->minute_ns = config->start_ns - config->start_ns % (60 * ATS_SECOND_NS);
    b->last_equity_e9 = config->cash_e9;
    return b;
}

void ats_paper_free(ats_paper *b)
{
    if (!b)
        return;
    while (b->streams)
        ats_paper_stream_close(b->streams);
    free(b->sim);
    free(b->portfolio);
    free(b->symbol);
    free(b->order);
    free(b->by_client);
    free(b->fill);
    free(b);
}

/* ---- time ----------------------------------------------------------------------------------- */

/* A session has ended: what everything was worth is what the next one is compared with. */
static void end_session(ats_paper *b)
{
    b->last_equity_e9 = ats_money_round_e9(ats_portfolio_equity(b->portfolio));
    for (uint32_t i = 1; i <= b->config.venue.symbol_count; i++)
        b->symbol[i].day_last_e9 = b->symbol[i].last_e9;
    ats_portfolio_new_day(b->portfolio);
}

static void pass_time(ats_paper *b, int64_t now_ns)
{
    const ats_calendar *calendar =
        b->config.calendar ? b->config.calendar : &ats_calendar_continuous;
    if (now_ns <= b->now_ns)
        return;
    b->now_ns = now_ns;
    broker_end_minutes(b);
    if (now_ns >= b->segment.start_ns && now_ns < b->segment.end_ns)
        return;
    uint32_t date = b->segment.date;
    ats_calendar_segment(calendar, now_ns, &b->segment);
    if (date != 0 && b->segment.date != date)
        end_session(b);
}

void ats_paper_advance(ats_paper *b, int64_t now_ns)
{
    pass_time(b, now_ns);
    broker_run_due(b);
}

int64_t ats_paper_now(const ats_paper *b)
{
    return b->now_ns;
}

/* ---- market --------------------------------------------------------------------------------- */

void ats_paper_foresee(ats_paper *b, const ats_market *next)
{
    ats_venue_sim_foresee(b->sim, next);
}

static void act(ats_paper *b, const ats_corporate_action *c)
{
    uint32_t id = c->h.symbol_id;
    if (c->action == ATS_ACTION_DIVIDEND)
        ats_portfolio_dividend(b->portfolio, id, c->cash_e9);
    else if (c->action == ATS_ACTION_SPLIT && c->ratio_numerator > 0 && c->ratio_denominator > 0)
        ats_portfolio_split(b->portfolio, id, c->ratio_numerator, c->ratio_denominator,
                            ats_symbol_lot_e9(&b->config.symbols->entry[id]));
}

static void note_price(ats_paper *b, uint32_t id, int64_t px_e9)
{
    b->symbol[id].last_e9 = px_e9;
    ats_portfolio_mark(b->portfolio, id, px_e9);
}

static void look_at(ats_paper *b, const ats_market *m)
{
    uint32_t id = m->h.symbol_id;
    broker_symbol *s = &b->symbol[id];
    switch (m->h.kind) {
    case ATS_KIND_QUOTE:
        s->quote = m->quote;
        if (m->quote.bid_e9 > 0 && m->quote.ask_e9 >= m->quote.bid_e9 && s->trade.px_e9 == 0)
            note_price(b, id, m->quote.bid_e9 + (m->quote.ask_e9 - m->quote.bid_e9) / 2);
        break;
    case ATS_KIND_TRADE:
        s->trade = m->trade;
        broker_bars_of_trade(b, &m->trade);
        if (m->trade.px_e9 > 0)
            note_price(b, id, m->trade.px_e9);
        break;
    case ATS_KIND_BAR:
        note_price(b, id, m->bar.close_e9);
        break;
    case ATS_KIND_CORPORATE_ACTION:
        act(b, &m->corporate_action);
        break;
    default:
        break;
    }
}

void ats_paper_market(ats_paper *b, const ats_market *m)
{
    pass_time(b, m->h.recv_ns);
    broker_run_due(b);
    if (m->h.symbol_id == 0 || m->h.symbol_id > b->config.venue.symbol_count)
        return;
    look_at(b, m);
    ats_venue_sim_market(b->sim, m);
    broker_tell_market(b, m);
    broker_run_due(b);
}

/* ---- what it looks like --------------------------------------------------------------------- */

const ats_portfolio *ats_paper_portfolio(const ats_paper *b)
{
    return b->portfolio;
}

uint64_t ats_paper_order_count(const ats_paper *b)
{
    return b->order_count / ATS_LEG_IDS - 1;
}

uint64_t ats_paper_open_count(const ats_paper *b)
{
    return b->open_count;
}
