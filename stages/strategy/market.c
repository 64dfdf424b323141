#include "stages/strategy/market.h"

#include "calc/money.h"
#include "calc/sale_condition.h"
#include "core/memory.h"

#include <math.h>
#include <string.h>

#define SECOND_NS       1000000000ll
#define SAMPLE_NS       SECOND_NS
#define GAP_NS          (3600 * SECOND_NS)
#define DAY_S           86400u
#define VARIANCE_FAST_S 600.0   /* ten minutes: what an order of a minute will meet */
#define VARIANCE_SLOW_S 14400.0 /* most of a session */
#define VOLUME_S        1800.0
#define BARS_FAST       15.0
#define BARS_SLOW       100.0
#define RANGE_OF_SIGMA  1.5957691216057308 /* sqrt(8 / pi) */
#define RANGE_S         60.0

size_t ats_markets_footprint(uint32_t symbol_count, uint32_t period_count)
{
    return ats_whole_lines((symbol_count + 1ull) * sizeof(ats_symbol_market)) +
           ats_whole_lines((symbol_count + 1ull) * period_count * sizeof(ats_bar_builder_e9));
}

void ats_markets_init(ats_markets *m, void *memory, const ats_symbols *symbols,
                      const ats_calendar *equity, const uint32_t *periods_s, uint32_t period_count)
{
    *m = (ats_markets){.symbols = symbols,
                       .calendars = {equity, &ats_calendar_continuous},
                       .symbol = memory,
                       .period_count = period_count};
    m->builders = (void *)((uint8_t *)memory +
                           ats_whole_lines((symbols->count + 1ull) * sizeof(ats_symbol_market)));
    if (period_count)
        memcpy(m->periods_s, periods_s, period_count * sizeof *periods_s);
}

uint32_t ats_markets_time(ats_markets *m, int64_t now_ns)
{
    uint32_t changed = 0;
    for (uint32_t i = 0; i < 2; i++) {
        ats_segment *s = &m->segments[i];
        if (now_ns >= s->start_ns && now_ns < s->end_ns)
            continue;
        ats_calendar_segment(m->calendars[i], now_ns, s);
        changed |= 1u << i;
    }
    return changed;
}

/* ---- statistics --------------------------------------------------------------------------- */

static void average(double *average, double value, double weight)
{
    *average = *average > 0 ? *average + weight * (value - *average) : value;
}

/* A sample of the price, `bars` where it is the close of one. */
static void sample(ats_symbol_market *s, int64_t now_ns, bool bars)
{
    int64_t passed_ns = now_ns - s->sampled_ns;
    double price = (double)s->price_e9;
    if (s->sampled_ns == 0 || (!bars && passed_ns > GAP_NS)) {
        s->sampled_ns = now_ns;
        s->sampled_price = price;
        return;
    }
    if (passed_ns < SAMPLE_NS)
        return;
    double dt = bars ? (double)s->bar_ns / 1e9 : (double)passed_ns / 1e9;
    double change = price / s->sampled_price - 1, variance = change * change / dt;
    average(&s->variance_fast, variance, bars ? 1 / BARS_FAST : dt / (VARIANCE_FAST_S + dt));
    average(&s->variance_slow, variance, bars ? 1 / BARS_SLOW : dt / (VARIANCE_SLOW_S + dt));
    s->sampled_ns = now_ns;
    s->sampled_price = price;
}

static void add_volume(ats_symbol_market *s, int64_t now_ns, int64_t qty_e9)
{
    s->volume_waiting += (double)qty_e9;
    int64_t passed_ns = now_ns - s->volume_ns;
    if (passed_ns < SAMPLE_NS)
        return;
    if (s->volume_ns != 0 && passed_ns < GAP_NS) {
        double dt = (double)passed_ns / 1e9;
        average(&s->volume_per_s, s->volume_waiting / dt, dt / (VOLUME_S + dt));
    }
    s->volume_waiting = 0;
    s->volume_ns = now_ns;
}

/* ---- records ------------------------------------------------------------------------------ */

static bool quoted(const ats_symbol_market *s)
{
    return s->bid_e9 > 0 && s->ask_e9 > 0;
}

static void take_quote(ats_symbol_market *s, const ats_quote *q)
{
    s->bid_e9 = q->bid_e9;
    s->ask_e9 = q->ask_e9;
    s->bid_size_e9 = q->bid_size_e9;
    s->ask_size_e9 = q->ask_size_e9;
    s->untrusted = (q->quote_flags & ATS_QUOTE_HALTED) != 0;
    if (!quoted(s))
        return;
    s->price_e9 = (s->bid_e9 + s->ask_e9) >> 1;
    sample(s, q->h.recv_ns, false);
}

static void add_to_builders(ats_markets *m, uint32_t symbol_id, const ats_bar_e9 *piece)
{
    ats_symbol_market *s = &m->symbol[symbol_id];
    const ats_segment *segment = &m->segments[ats_markets_calendar(m, symbol_id)];
    for (uint32_t i = 0; i < m->period_count; i++) {
        bool finer = piece->period_s == 0 ||
                     (m->periods_s[i] > piece->period_s && m->periods_s[i] % piece->period_s == 0);
        if (finer && !(s->periods_native >> i & 1))
            ats_bar_builder_add(&m->builders[symbol_id * m->period_count + i], segment,
                                m->periods_s[i], piece);
    }
}

static void take_trade(ats_markets *m, const ats_trade *t)
{
    ats_symbol_market *s = &m->symbol[t->h.symbol_id];
    bool regular = m->segments[ats_markets_calendar(m, t->h.symbol_id)].phase == ATS_PHASE_REGULAR;
    uint32_t updates = ats_sale_updates(t->condition, regular);
    if (ats_correction_of(t->correction) != ATS_CORRECTION_PRINT)
        return;
    s->traded = true;
    if (updates & ATS_SALE_VOLUME)
        add_volume(s, t->h.recv_ns, t->qty_e9);
    if (!(updates & ATS_SALE_LAST))
        return;
    if (!quoted(s)) {
        s->price_e9 = t->px_e9;
        sample(s, t->h.recv_ns, false);
    }
    ats_bar_e9 piece = {.start_ns = t->h.recv_ns,
                        .open_e9 = t->px_e9,
                        .high_e9 = t->px_e9,
                        .low_e9 = t->px_e9,
                        .close_e9 = t->px_e9,
                        .volume_e9 = t->qty_e9};
    if (s->bar_ns == 0)
        add_to_builders(m, t->h.symbol_id, &piece);
}

/* The segment in hand is that of the bar's end; a bar that ends a session belongs to the segment
 * before. */
static void build_from_bar(ats_markets *m, const ats_bar *b)
{
    uint32_t calendar = ats_markets_calendar(m, b->h.symbol_id);
    ats_segment now = m->segments[calendar];
    ats_bar_e9 piece = {.start_ns = b->h.event_ns,
                        .open_e9 = b->open_e9,
                        .high_e9 = b->high_e9,
                        .low_e9 = b->low_e9,
                        .close_e9 = b->close_e9,
                        .volume_e9 = b->volume_e9,
                        .period_s = b->period_s};
    if (piece.start_ns < now.start_ns)
        ats_calendar_segment(m->calendars[calendar], piece.start_ns, &m->segments[calendar]);
    add_to_builders(m, b->h.symbol_id, &piece);
    m->segments[calendar] = now;
}

static void take_bar(ats_markets *m, const ats_bar *b)
{
    ats_symbol_market *s = &m->symbol[b->h.symbol_id];
    int64_t period_ns = b->period_s * SECOND_NS;
    for (uint32_t i = 0; i < m->period_count; i++)
        if (m->periods_s[i] == b->period_s)
            s->periods_native |= (uint8_t)(1u << i);
    if (s->bar_ns != 0 && s->bar_ns < period_ns)
        return; /* finer ones come: they say all that this one does */
    s->bar_ns = period_ns;
    if (!quoted(s)) {
        s->price_e9 = b->close_e9;
        sample(s, b->h.recv_ns, true);
    }
    if (!s->traded)
        add_volume(s, b->h.recv_ns, b->volume_e9);
    build_from_bar(m, b);
}

/* The quotes of before mean nothing; the last price goes on in the new unit, so that what is held
 * is worth what it was until the market speaks. */
static void take_split(ats_symbol_market *s, const ats_corporate_action *a)
{
    s->sampled_ns = 0;
    s->bid_e9 = s->ask_e9 = s->bid_size_e9 = s->ask_size_e9 = 0;
    if (s->price_e9 == 0)
        return;
    int64_t price_e9 =
        (int64_t)ats_money_scale(s->price_e9, a->ratio_denominator, a->ratio_numerator);
    s->price_e9 = price_e9 > 0 ? price_e9 : 1;
}

void ats_markets_take(ats_markets *m, const ats_market *record)
{
    ats_symbol_market *s = &m->symbol[record->h.symbol_id];
    switch (record->h.kind) {
    case ATS_KIND_QUOTE:
        take_quote(s, &record->quote);
        return;
    case ATS_KIND_TRADE:
        take_trade(m, &record->trade);
        return;
    case ATS_KIND_BAR:
        take_bar(m, &record->bar);
        return;
    case ATS_KIND_STATUS:
        if (record->status.code == ATS_STATUS_HALT)
            s->halted = true;
        else if (record->status.code == ATS_STATUS_RESUME)
            s->halted = false;
        return;
    case ATS_KIND_CORPORATE_ACTION:
        if (record->corporate_action.action == ATS_ACTION_SPLIT)
            take_split(s, &record->corporate_action);
        return;
    default:
        return;
    }
}

void ats_markets_take_fill(ats_markets *m, uint32_t symbol_id, int64_t px_e9)
{
    ats_symbol_market *s = &m->symbol[symbol_id];
    if (!quoted(s))
        s->price_e9 = px_e9;
}

bool ats_markets_next_bar(ats_markets *m, uint32_t symbol_id, const ats_bar *record, int64_t now_ns,
                          uint32_t *next, ats_bar_e9 *bar)
{
    const ats_symbol_market *s = &m->symbol[symbol_id];
    while (*next < m->period_count) {
        uint32_t i = (*next)++;
        if (!(s->periods_native >> i & 1) &&
            ats_bar_builder_close(&m->builders[symbol_id * m->period_count + i], now_ns, bar))
            return true;
        if (!record || record->period_s != m->periods_s[i])
            continue;
        *next = i + 1;
        goto ready_made;
    }
    if (!record || m->period_count != 0 || *next > m->period_count)
        return false;
    ++*next;
ready_made:
    *bar = (ats_bar_e9){.start_ns = record->h.event_ns,
                        .end_ns = record->h.recv_ns,
                        .open_e9 = record->open_e9,
                        .high_e9 = record->high_e9,
                        .low_e9 = record->low_e9,
                        .close_e9 = record->close_e9,
                        .volume_e9 = record->volume_e9,
                        .period_s = record->period_s};
    return true;
}

/* ---- what others ask ---------------------------------------------------------------------- */

ats_execution_market ats_markets_view(const ats_markets *m, uint32_t symbol_id)
{
    const ats_symbol_market *s = &m->symbol[symbol_id];
    const ats_symbol *symbol = &m->symbols->entry[symbol_id];
    return (ats_execution_market){.bid_e9 = quoted(s) ? s->bid_e9 : 0,
                                  .ask_e9 = quoted(s) ? s->ask_e9 : 0,
                                  .price_e9 = s->price_e9,
                                  .tick_e9 = symbol->tick_e9,
                                  .lot_e9 = ats_symbol_lot_e9(symbol),
                                  .variance_per_s = s->variance_fast,
                                  .volume_per_s = s->volume_per_s,
                                  .bar_ns = s->bar_ns,
                                  .open = m->segments[ats_markets_calendar(m, symbol_id)].phase ==
                                          ATS_PHASE_REGULAR};
}

int64_t ats_markets_range_e9(const ats_markets *m, uint32_t symbol_id)
{
    const ats_symbol_market *s = &m->symbol[symbol_id];
    double span_s = quoted(s) ? RANGE_S : (double)s->bar_ns / 1e9;
    return (int64_t)(RANGE_OF_SIGMA * sqrt(s->variance_fast * span_s) * (double)s->price_e9);
}

double ats_markets_volatility_ratio(const ats_markets *m, uint32_t symbol_id)
{
    const ats_symbol_market *s = &m->symbol[symbol_id];
    return s->variance_slow > 0 ? sqrt(s->variance_fast / s->variance_slow) : 0;
}

double ats_markets_day_volatility(const ats_markets *m, uint32_t symbol_id)
{
    const ats_segment *segment = &m->segments[ats_markets_calendar(m, symbol_id)];
    double session_s = (double)(segment->close_ns - segment->open_ns) / 1e9;
    if (m->symbol[symbol_id].bar_ns >= DAY_S * SECOND_NS)
        session_s = DAY_S; /* a daily bar's variance is counted over a day of 86,400 s */
    return session_s > 0 ? sqrt(m->symbol[symbol_id].variance_slow * session_s) : 0;
}
