#include "stages/feature/frame.h"

#include <string.h>

#define DAY_NS (86400ll * 1000000000)

/* ---- the bar under construction ------------------------------------------------------------- */

/* Begins the bar that holds ns. False: this timeframe has none there. */
static bool begin(ats_bar_builder *b, int64_t period_ns, const ats_segment *segment, int64_t ns)
{
    if (period_ns >= DAY_NS) {
        if (segment->phase != ATS_PHASE_REGULAR)
            return false;
        *b = (ats_bar_builder){.start_ns = segment->open_ns, .end_ns = segment->close_ns};
        return true;
    }
    int64_t into = ns - segment->start_ns;
    int64_t start = segment->start_ns + into - into % period_ns, end = start + period_ns;
    *b = (ats_bar_builder){.start_ns = start,
                           .end_ns = end < segment->end_ns ? end : segment->end_ns};
    return true;
}

static void take_price(ats_bar_builder *b, double px)
{
    if (!b->priced) {
        b->open = b->high = b->low = b->close = px;
        b->priced = true;
    }
}

bool ats_frame_print(ats_frame *f, const ats_segment *segment, int64_t ns, double px, double volume,
                     int sign, uint32_t updates)
{
    ats_bar_builder *b = &f->builder;
    if (b->end_ns == 0 && !begin(b, f->period_ns, segment, ns))
        return false;
    bool is_last = updates & ATS_SALE_LAST ||
                   (updates & ATS_SALE_LAST_IF_FIRST && !b->priced && f->history.count == 0);
    if (is_last || updates & ATS_SALE_HIGH_LOW)
        take_price(b, px);
    if (updates & ATS_SALE_HIGH_LOW) {
        b->high = px > b->high ? px : b->high;
        b->low = px < b->low ? px : b->low;
    }
    if (is_last)
        b->close = px;
    if (updates & ATS_SALE_VOLUME) {
        b->volume += volume;
        b->signed_volume += sign * volume;
    }
    return true;
}

bool ats_frame_bar(ats_frame *f, const ats_segment *segment, const ats_price_bar *bar)
{
    ats_bar_builder *b = &f->builder;
    if (b->end_ns == 0 && !begin(b, f->period_ns, segment, bar->start_ns))
        return false;
    take_price(b, bar->open);
    b->high = bar->high > b->high ? bar->high : b->high;
    b->low = bar->low < b->low ? bar->low : b->low;
    b->close = bar->close;
    b->volume += bar->volume;
    b->signed_volume = NAN;
    return true;
}

/* ---- closing -------------------------------------------------------------------------------- */

/* Makes f->last the bar under construction. In place: a copy of what has just been written field by
 * field would wait for the writes. */
static void put_facts(ats_frame *f, const ats_bar_builder *b)
{
    ats_bar_facts *facts = &f->last;
    bool first = f->history.count == 0;
    double typical = (b->high + b->low + b->close) * (1.0 / 3);
    facts->previous_close = first ? b->open : facts->close;
    facts->previous_typical = first ? typical : facts->typical;
    facts->change = first ? 0.0 : b->close - facts->close;
    facts->ret = first ? 0.0 : facts->change * facts->inverse_close;
    facts->i = f->history.count;
    facts->start_ns = b->start_ns;
    facts->open = b->open;
    facts->high = b->high;
    facts->low = b->low;
    facts->close = b->close;
    facts->volume = b->volume;
    facts->signed_volume = b->signed_volume;
    facts->inverse_close = 1.0 / b->close;
    facts->typical = typical;
    facts->true_range = ats_true_range(b->high, b->low, facts->previous_close);
    facts->log = ats_log_bar_of(b->open, b->high, b->low, b->close, facts->previous_close);
}

bool ats_frame_close(ats_frame *f)
{
    ats_bar_builder *b = &f->builder;
    if (!b->priced) {
        /* Volume without a price: the price stood where it was. */
        if (f->history.count == 0) {
            b->end_ns = 0;
            return false;
        }
        take_price(b, f->last.close);
    }
    put_facts(f, b);
    const ats_bar_facts *facts = &f->last;
    ats_price_bar bar = {b->start_ns, b->open,   b->high,         b->low,
                         b->close,    b->volume, b->signed_volume};
    f->starts_ns[facts->i % ATS_HISTORY] = b->start_ns;
    ats_bar_history_add(&f->history, &bar);
    ats_volume_update(&f->volume, facts);
    ats_volatility_update(&f->volatility, facts);
    ats_momentum_update(&f->momentum, facts, &f->history);
    ats_trend_update(&f->trend, facts, &f->history);
    ats_band_update(&f->band, facts, &f->history);
    ats_pattern_update(&f->pattern, facts, &f->history);
    ats_flow_update(&f->flow, facts);
    b->end_ns = 0;
    return true;
}

/* ---- beside a benchmark --------------------------------------------------------------------- */

/* Return of the benchmark's bar that starts at start_ns. 1 found, 0 it has no such bar, -1 it has
 * not come that far. */
static int return_at(const ats_frame *f, int64_t start_ns, double *ret)
{
    uint64_t count = f->history.count;
    if (count == 0 || f->starts_ns[(count - 1) % ATS_HISTORY] < start_ns)
        return -1;
    for (uint64_t i = count; i-- > 1 && count - i < ATS_HISTORY;) {
        int64_t at = f->starts_ns[i % ATS_HISTORY];
        if (at < start_ns)
            return 0;
        if (at == start_ns) {
            *ret = f->history.close[i % ATS_HISTORY] / f->history.close[(i - 1) % ATS_HISTORY] - 1;
            return 1;
        }
    }
    return 0;
}

void ats_frame_pair(const ats_frame *f, ats_pairing *pairing, uint64_t *next,
                    const ats_frame *benchmark)
{
    uint64_t count = f->history.count;
    /* A return needs the bar before it, and both must still be in the history. */
    uint64_t first = count > ATS_HISTORY - 1 ? count - (ATS_HISTORY - 1) : 1;
    for (uint64_t i = *next > first ? *next : first; i < count; i++) {
        double theirs;
        int found = return_at(benchmark, f->starts_ns[i % ATS_HISTORY], &theirs);
        if (found < 0) {
            *next = i;
            return;
        }
        double ours =
            f->history.close[i % ATS_HISTORY] / f->history.close[(i - 1) % ATS_HISTORY] - 1;
        if (found)
            ats_pairing_update(pairing, theirs, ours);
    }
    *next = count;
}

/* ---- values ---------------------------------------------------------------------------------- */

void ats_frame_values(const ats_frame *f, double *out)
{
    const ats_bar_facts *b = &f->last;
    const ats_bar_history *h = &f->history;
    ats_seen seen = {.bars = h->count,
                     .paired = f->benchmark.index.count,
                     .sectored = f->benchmark.sector.count};
    out = ats_price_values(b, h, &seen, out);
    out = ats_volume_values(&f->volume, b, &seen, out);
    out = ats_volatility_values(&f->volatility, b, &seen, out);
    out = ats_momentum_values(&f->momentum, b, h, &seen, out);
    out = ats_trend_values(&f->trend, b, &seen, out);
    out = ats_band_values(&f->band, b, f->trend.ema_20.value, f->volatility.atr.value, &seen, out);
    out = ats_pattern_values(&f->pattern, b, &seen, out);
    out = ats_flow_values(&f->flow, b, &seen, out);
    ats_benchmark_values(&f->benchmark, &seen, out);
}
