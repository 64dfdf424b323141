#include "stages/feature/symbol.h"

#include "calc/corporate_action.h"

#include <string.h>

static double from_e9(int64_t v_e9)
{
    return (double)v_e9 / 1e9;
}

/* ---- cold ------------------------------------------------------------------------------------ */

static size_t up_to_line(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static size_t state_bytes(const ats_catalogue *c)
{
    return up_to_line(sizeof(ats_symbol_state) + c->options.timeframe_count * sizeof(ats_frame));
}

/* An odd number of lines: the same field of one symbol after the other then falls into every set of
 * a cache, and not into a few. */
size_t ats_symbol_bytes(const ats_catalogue *c)
{
    return (state_bytes(c) + up_to_line(c->count * sizeof(float))) | 64;
}

void ats_symbol_init(ats_symbol_state *s, const ats_catalogue *c, const ats_calendar *calendar,
                     ats_symbol_state *index, ats_symbol_state *sector)
{
    s->price_scale = s->size_scale = 1.0;
    s->frame_count = c->options.timeframe_count;
    for (uint32_t k = 0; k < s->frame_count; k++)
        s->frames[k].period_ns = c->options.timeframe_s[k] * ATS_E9;
    s->calendar = calendar;
    s->index = index;
    s->sector = sector;
    s->next_ns = INT64_MIN; /* the first record finds its segment */
    s->vector = (float *)((char *)s + state_bytes(c));
    for (uint32_t i = 0; i < c->count; i++)
        s->vector[i] = NAN;
}

/* ---- warm: a bar closes ---------------------------------------------------------------------- */

static double sign_of(double x)
{
    return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0;
}

static void update_across(ats_symbol_state *s)
{
    uint32_t n = s->frame_count;
    ats_across a = {0};
    for (uint32_t k = 0; k < n; k++) {
        const ats_frame *f = &s->frames[k];
        a.trend += sign_of(f->trend.ema_20.value - f->trend.ema_50.value) / n;
        a.momentum += (ats_rsi_value(&f->momentum.rsi) - 50) / 50 / n;
        a.direction += sign_of(f->last.change) / n;
        double place = ats_place(f->last.close, f->band.of_20.lowest, f->band.of_20.highest);
        a.position += (2 * place - 1) / n;
    }
    const ats_frame *fast = &s->frames[0], *slow = &s->frames[n - 1];
    a.rsi_difference = ats_rsi_value(&fast->momentum.rsi) - ats_rsi_value(&slow->momentum.rsi);
    double fast_variance = fast->volatility.sum.squared_return * (double)slow->period_ns;
    double slow_variance = slow->volatility.sum.squared_return * (double)fast->period_ns;
    a.volatility_term = sqrt(ats_ratio_or(fast_variance, slow_variance, 1.0));
    s->across = a;
}

static uint64_t slowest_bars(const ats_symbol_state *s)
{
    uint64_t least = s->frames[0].history.count;
    for (uint32_t k = 1; k < s->frame_count; k++)
        least = s->frames[k].history.count < least ? s->frames[k].history.count : least;
    return least;
}

static void put_floats(float *to, const double *from, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = from[i] == from[i] ? (float)from[i] : NAN; /* one NaN, whatever made it */
}

static void update_bar_vector(ats_symbol_state *s, uint32_t closed)
{
    double values[ATS_BAR_FEATURE_COUNT];
    for (uint32_t k = 0; k < s->frame_count; k++) {
        if (!(closed >> k & 1))
            continue;
        ats_frame_values(&s->frames[k], values);
        put_floats(s->vector + ATS_TIMEFRAME_AT(k), values, ATS_BAR_FEATURE_COUNT);
    }
    update_across(s);
    ats_seen seen = {.bars = slowest_bars(s)};
    ats_across_values(&s->across, &seen, values);
    put_floats(s->vector + ATS_ACROSS_AT, values, ATS_ACROSS_FEATURE_COUNT);
    s->vector_ready = 0;
    for (uint32_t i = ATS_ACROSS_AT; i < ATS_TIMEFRAME_AT(s->frame_count); i++)
        s->vector_ready += s->vector[i] == s->vector[i];
}

static void pair_with_benchmarks(ats_symbol_state *s, uint32_t k, int64_t now_ns)
{
    ats_frame *f = &s->frames[k];
    if (s->index) {
        ats_symbol_pass(s->index, now_ns);
        ats_frame_pair(f, &f->benchmark.index, &f->index_next, &s->index->frames[k]);
    }
    if (s->sector) {
        ats_symbol_pass(s->sector, now_ns);
        ats_frame_pair(f, &f->benchmark.sector, &f->sector_next, &s->sector->frames[k]);
    }
}

static void find_next(ats_symbol_state *s)
{
    s->next_ns = s->segment.end_ns;
    for (uint32_t k = 0; k < s->frame_count; k++) {
        int64_t end_ns = s->frames[k].builder.end_ns;
        if (end_ns && end_ns < s->next_ns)
            s->next_ns = end_ns;
    }
}

static void enter_segment(ats_symbol_state *s, int64_t ns)
{
    ats_calendar_segment(s->calendar, ns, &s->segment);
    ats_session_enter(&s->session, &s->segment);
}

static void close_bars(ats_symbol_state *s, int64_t now_ns)
{
    uint32_t closed = 0;
    for (uint32_t k = 0; k < s->frame_count; k++) {
        ats_frame *f = &s->frames[k];
        if (f->builder.end_ns && now_ns >= f->builder.end_ns && ats_frame_close(f)) {
            pair_with_benchmarks(s, k, now_ns);
            closed |= 1u << k;
        }
    }
    if (closed) {
        if (s->book.quotes == 0)
            s->price = s->frames[__builtin_ctz(closed)].last.close;
        update_bar_vector(s, closed);
    }
}

static __attribute__((noinline)) void pass_slow(ats_symbol_state *s, int64_t now_ns)
{
    close_bars(s, now_ns);
    if (now_ns >= s->segment.end_ns || now_ns < s->segment.start_ns)
        enter_segment(s, now_ns);
    find_next(s);
}

/* ---- hot ------------------------------------------------------------------------------------- */

void ats_symbol_pass(ats_symbol_state *s, int64_t now_ns)
{
    if (__builtin_expect(now_ns >= s->next_ns, 0))
        pass_slow(s, now_ns);
}

void ats_symbol_quote(ats_symbol_state *s, const ats_quote *q)
{
    int64_t now_ns = q->h.recv_ns;
    ats_symbol_pass(s, now_ns);
    if (s->book.quotes)
        ats_realised_settle(&s->tape.realised, now_ns, s->book.mid);
    ats_book_update(&s->book, now_ns, from_e9(q->bid_e9) * s->price_scale,
                    from_e9(q->bid_size_e9) * s->size_scale, from_e9(q->ask_e9) * s->price_scale,
                    from_e9(q->ask_size_e9) * s->size_scale);
    if (s->book.two_sided)
        s->price = s->book.mid;
}

/* Puts the print into every timeframe; true when one of them began a bar. */
static void print_to_frames(ats_symbol_state *s, int64_t now_ns, double px, double qty, int sign,
                            uint32_t updates)
{
    for (uint32_t k = 0; k < s->frame_count; k++) {
        ats_bar_builder *b = &s->frames[k].builder;
        bool began = b->end_ns == 0;
        ats_frame_print(&s->frames[k], &s->segment, now_ns, px, qty, sign, updates);
        if (began && b->end_ns && b->end_ns < s->next_ns)
            s->next_ns = b->end_ns;
    }
}

/* Start of the fastest bar that a print at this time goes into. */
static int64_t bar_start(const ats_symbol_state *s, int64_t now_ns)
{
    const ats_frame *f = &s->frames[0];
    if (f->builder.end_ns)
        return f->builder.start_ns;
    int64_t into = now_ns - s->segment.start_ns;
    return now_ns - into % f->period_ns;
}

ats_symbol_result ats_symbol_trade(ats_symbol_state *s, const ats_trade *t)
{
    int64_t now_ns = t->h.recv_ns;
    double px = from_e9(t->px_e9) * s->price_scale, qty = from_e9(t->qty_e9) * s->size_scale;
    ats_symbol_pass(s, now_ns);
    ats_correction correction = ats_correction_of(t->correction);
    if (__builtin_expect(correction != ATS_CORRECTION_PRINT, 0)) {
        if (correction == ATS_CORRECTION_IGNORE)
            return ATS_SYMBOL_IGNORED;
        ats_session_reverse(&s->session, px, qty);
        return ATS_SYMBOL_REVERSED;
    }
    uint32_t updates = ats_sale_updates(t->condition, s->segment.phase == ATS_PHASE_REGULAR);
    bool late = t->h.event_ns != 0 && t->h.event_ns < bar_start(s, now_ns) - ATS_LATE_NS;
    if (late)
        updates &= ATS_SALE_VOLUME;
    bool forms_price = updates & (ATS_SALE_LAST | ATS_SALE_HIGH_LOW);
    s->traded = true;
    int sign = 0;
    if (updates & ATS_SALE_FLOW) {
        if (s->book.quotes)
            ats_realised_settle(&s->tape.realised, now_ns, s->book.mid);
        ats_seconds_pass(&s->book.seconds, now_ns);
        int told = t->aggressor == ATS_SIDE_BUY ? 1 : t->aggressor == ATS_SIDE_SELL ? -1 : 0;
        sign = ats_tape_update(&s->tape, &s->book, now_ns, px, qty, told);
    }
    if (updates & ATS_SALE_VOLUME)
        ats_session_print(&s->session, px, qty, forms_price);
    if (!late && updates)
        print_to_frames(s, now_ns, px, qty, sign, updates);
    return late ? ATS_SYMBOL_LATE : forms_price ? ATS_SYMBOL_TAKEN : ATS_SYMBOL_NO_PRICE;
}

/* ---- warm: ready-made bars, corporate actions ---------------------------------------------------
 */

ats_symbol_result ats_symbol_bar(ats_symbol_state *s, const ats_bar *b)
{
    if (s->traded || (s->bar_period_s && s->bar_period_s != b->period_s) || b->period_s == 0)
        return ATS_SYMBOL_IGNORED;
    s->bar_period_s = b->period_s;
    double px = s->price_scale;
    int64_t now_ns = b->h.recv_ns;
    ats_price_bar bar = {.start_ns =
                             b->h.event_ns ? b->h.event_ns : now_ns - (int64_t)b->period_s * ATS_E9,
                         .open = from_e9(b->open_e9) * px,
                         .high = from_e9(b->high_e9) * px,
                         .low = from_e9(b->low_e9) * px,
                         .close = from_e9(b->close_e9) * px,
                         .volume = from_e9(b->volume_e9) * s->size_scale,
                         .signed_volume = NAN};
    double mean = b->vwap_e9 > 0 ? from_e9(b->vwap_e9) * px : (bar.high + bar.low + bar.close) / 3;
    ats_symbol_pass(s, bar.start_ns);
    ats_session_bar(&s->session, &bar, mean);
    for (uint32_t k = 0; k < s->frame_count; k++)
        if (s->frames[k].period_ns % ((int64_t)b->period_s * ATS_E9) == 0)
            ats_frame_bar(&s->frames[k], &s->segment, &bar);
    find_next(s);
    ats_symbol_pass(s, now_ns);
    return ATS_SYMBOL_TAKEN;
}

ats_symbol_result ats_symbol_action(ats_symbol_state *s, const ats_corporate_action *a)
{
    ats_symbol_pass(s, a->h.recv_ns);
    double last = s->tape.trades ? s->tape.last_price : s->price;
    double factor = ats_action_factor(a, last / s->price_scale);
    if (!(factor > 0))
        return ATS_SYMBOL_IGNORED;
    s->price_scale *= factor;
    if (a->action == ATS_ACTION_SPLIT)
        s->size_scale /= factor;
    return ATS_SYMBOL_TAKEN;
}

/* ---- the vector ---------------------------------------------------------------------------------
 */

static void tick_values(const ats_symbol_state *s, int64_t now_ns, double *out)
{
    ats_seen seen = {.quotes = s->book.two_sided ? s->book.quotes : 0,
                     .trades = s->tape.trades,
                     .prints = s->session.prints,
                     .seconds = s->book.two_sided ? s->book.seconds.seen : 0,
                     .buckets = s->tape.vpin.seen,
                     .settled = s->tape.realised.spread.seen,
                     .changes = s->book.two_sided ? s->book.changes : 0,
                     .sessions = s->session.sessions,
                     .segments = s->segment.date != 0};
    out = ats_book_values(&s->book, &seen, out);
    out = ats_tape_values(&s->tape, &s->book, &seen, out);
    ats_session_values(&s->session, &s->segment, now_ns, s->price > 0 ? s->price : NAN, &seen, out);
}

uint32_t ats_symbol_vector(ats_symbol_state *s, int64_t now_ns)
{
    double values[ATS_TICK_FEATURE_COUNT];
    uint32_t ready = s->vector_ready;
    float *vector = s->vector;
    tick_values(s, now_ns, values);
    for (uint32_t i = 0; i < ATS_TICK_FEATURE_COUNT; i++) {
        vector[i] = values[i] == values[i] ? (float)values[i] : NAN;
        ready += values[i] == values[i];
    }
    return ready;
}

void ats_symbol_values(const ats_symbol_state *s, int64_t now_ns, double *out)
{
    tick_values(s, now_ns, out);
    ats_seen seen = {.bars = slowest_bars(s)};
    ats_across_values(&s->across, &seen, out + ATS_ACROSS_AT);
    for (uint32_t k = 0; k < s->frame_count; k++)
        if (s->frames[k].history.count)
            ats_frame_values(&s->frames[k], out + ATS_TIMEFRAME_AT(k));
        else
            for (uint32_t i = 0; i < ATS_BAR_FEATURE_COUNT; i++)
                out[ATS_TIMEFRAME_AT(k) + i] = NAN;
}
