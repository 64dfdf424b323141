/* Bars made of trades: as they go on, for the stream and the snapshots. */
#include "calc/sale_condition.h"
#include "io/venue/alpaca/parts.h"

#include <string.h>

#define MINUTE_NS (60 * ATS_SECOND_NS)

int64_t broker_local_midnight(const ats_paper *b, int64_t ns)
{
    const ats_calendar *c = b->config.calendar;
    if (!c)
        return ns - ns % ATS_DAY_NS;
    int64_t local = ns + ats_calendar_offset_s(c, ns) * ATS_SECOND_NS;
    return ats_calendar_utc_ns(c, local - local % ATS_DAY_NS);
}

static void begin(broker_bar *a, uint32_t symbol_id, int64_t start_ns, uint32_t period_s)
{
    *a = (broker_bar){.bar = {.h = {.kind = ATS_KIND_BAR,
                                    .symbol_id = symbol_id,
                                    .event_ns = start_ns,
                                    .recv_ns = start_ns + period_s * ATS_SECOND_NS},
                              .period_s = period_s}};
}

/* A range that has something in it goes on; the bar of another moment begins anew. */
static bool goes_on(const broker_bar *a, int64_t start_ns)
{
    return a->bar.period_s != 0 && a->bar.h.event_ns == start_ns;
}

static void add_volume(broker_bar *a, int64_t px_e9, int64_t qty_e9, uint32_t trades)
{
    a->bar.volume_e9 += qty_e9;
    a->bar.trade_count += trades;
    a->value_e18 += ats_money_product(px_e9, qty_e9);
    if (a->bar.volume_e9 > 0)
        a->bar.vwap_e9 = (int64_t)(a->value_e18 / a->bar.volume_e9);
}

bool broker_bar_add_trade(broker_bar *a, const ats_trade *t, int64_t start_ns, uint32_t period_s)
{
    /* The session is not asked for: prints of extended hours count as vendors have them. */
    uint32_t updates = ats_sale_updates(t->condition, false);
    ats_bar *bar = &a->bar;
    if (t->px_e9 <= 0 || ats_correction_of(t->correction) != ATS_CORRECTION_PRINT ||
        !(updates & ATS_SALE_VOLUME))
        return false;
    if (!goes_on(a, start_ns))
        begin(a, t->h.symbol_id, start_ns, period_s);
    add_volume(a, t->px_e9, t->qty_e9, 1);
    bool first = bar->open_e9 == 0;
    if (first && !(updates & (ATS_SALE_LAST | ATS_SALE_LAST_IF_FIRST)))
        return true; /* odd lots and the like: volume that waits for a price */
    if (first)
        bar->open_e9 = bar->high_e9 = bar->low_e9 = bar->close_e9 = t->px_e9;
    if (updates & ATS_SALE_HIGH_LOW) {
        bar->high_e9 = t->px_e9 > bar->high_e9 ? t->px_e9 : bar->high_e9;
        bar->low_e9 = t->px_e9 < bar->low_e9 ? t->px_e9 : bar->low_e9;
    }
    if (updates & ATS_SALE_LAST)
        bar->close_e9 = t->px_e9;
    return true;
}

void broker_bar_add_bar(broker_bar *a, const ats_bar *piece, int64_t start_ns, uint32_t period_s)
{
    ats_bar *bar = &a->bar;
    if (!goes_on(a, start_ns)) {
        begin(a, piece->h.symbol_id, start_ns, period_s);
        bar->open_e9 = piece->open_e9;
        bar->high_e9 = piece->high_e9;
        bar->low_e9 = piece->low_e9;
    }
    bar->high_e9 = piece->high_e9 > bar->high_e9 ? piece->high_e9 : bar->high_e9;
    bar->low_e9 = piece->low_e9 < bar->low_e9 ? piece->low_e9 : bar->low_e9;
    bar->close_e9 = piece->close_e9;
    add_volume(a, piece->vwap_e9 ? piece->vwap_e9 : piece->close_e9, piece->volume_e9,
               piece->trade_count);
}

/* A minute is over: what traded in it is told, and the day so far. */
void broker_end_minutes(ats_paper *b)
{
    if (b->now_ns < b->minute_ns + MINUTE_NS)
        return;
    b->minute_ns = b->now_ns - b->now_ns % MINUTE_NS;
    for (uint32_t id = 1; id <= b->config.venue.symbol_count; id++) {
        broker_symbol *s = &b->symbol[id];
        bool traded = broker_bar_is_there(&s->minute);
        if (traded)
            s->last_minute = s->minute.bar;
        s->minute.bar.period_s = 0;
        if (!traded)
            continue;
        broker_tell_market(b, &(ats_market){.bar = s->last_minute});
        if (broker_bar_is_there(&s->day))
            broker_tell_market(b, &(ats_market){.bar = s->day.bar});
    }
}

void broker_bars_of_trade(ats_paper *b, const ats_trade *t)
{
    broker_symbol *s = &b->symbol[t->h.symbol_id];
    int64_t midnight = broker_local_midnight(b, t->h.recv_ns);
    if (broker_bar_is_there(&s->day) && s->day.bar.h.event_ns != midnight)
        s->previous_day = s->day.bar;
    broker_bar_add_trade(&s->minute, t, b->minute_ns, 60);
    broker_bar_add_trade(&s->day, t, midnight, 86400);
}
