#include "io/synth.h"

#include "core/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_E9 (ATS_E9 / 100)
#define ONE_Q16 65536
#define DAY_NS  (24 * 3600 * ATS_E9)

/* Pressure: phi = 1 - 3/100, noise 0.097: standard deviation 0.097 / sqrt(1 - 0.97^2) = 0.4. */
#define PRESSURE_DECAY_PERCENT 3
#define PRESSURE_NOISE_Q16     6357
#define PRESSURE_MAX_Q16       60000

typedef struct venue_quote {
    int64_t bid_e9, ask_e9, bid_size_e9, ask_size_e9;
} venue_quote;

typedef struct synth_symbol {
    int64_t fair_e9, floor_e9, ceiling_e9;
    int64_t noise_e9; /* standard deviation of one event's step */
    int64_t half_spread_e9;
    int64_t pressure_q16;
    uint64_t venue_seq;
    uint64_t trades;
    uint64_t weight_end; /* of the symbols up to this one: how often it is picked */
    venue_quote quote[ATS_SYNTH_VENUES_MAX];
} synth_symbol;

struct ats_synth {
    ats_synth_options options;
    ats_random random;
    ats_symbols symbols;
    synth_symbol *symbol; /* [0] is id 1 */
    int64_t now_ns;
    int64_t mean_gap_ns;
    uint32_t opened, closed; /* symbols whose session record is out */
};

/* CTA letters of exchanges, and the microseconds their quotes are on the way. */
static const struct {
    char letter;
    int64_t latency_ns;
} VENUES[ATS_SYNTH_VENUES_MAX] = {{'N', 210000}, {'P', 215000}, {'Q', 180000}, {'Z', 320000},
                                  {'V', 510000}, {'K', 330000}, {'Y', 325000}, {'B', 190000}};

static uint64_t square_root(unsigned __int128 v)
{
    uint64_t root = 0;
    for (uint64_t bit = 1ull << 63; bit; bit >>= 1)
        if ((unsigned __int128)(root | bit) * (root | bit) <= v)
            root |= bit;
    return root;
}

static int check(const char *name, uint64_t value, uint64_t low, uint64_t high)
{
    if (value >= low && value <= high)
        return 0;
    return ats_error(ATS_EXIT_USAGE, "synth: %s must be within %llu and %llu", name,
                     (unsigned long long)low, (unsigned long long)high);
}

static int check_options(const ats_synth_options *o)
{
    if (check("symbols", o->symbols, 1, ATS_SYNTH_SYMBOLS_MAX) ||
        check("venues", o->venues, 1, ATS_SYNTH_VENUES_MAX) ||
        check("rate", o->rate, 1, 10000000) || check("volatility", o->volatility_bps, 0, 5000) ||
        check("signal", o->signal_permille, 0, 1000) ||
        check("trades", o->trade_permille, 0, 1000) ||
        check("duration", (uint64_t)o->duration_ns, 1, (uint64_t)DAY_NS) ||
        check("start", (uint64_t)o->start_ns, 1, (uint64_t)INT64_MAX / 2))
        return -1;
    return 0;
}

static int add_symbol(ats_synth *s, uint32_t i, uint64_t weight, uint64_t weights)
{
    ats_symbol entry = {.symbol_class = ATS_CLASS_EQUITY,
                        .tick_e9 = TICK_E9,
                        .lot_e9 = ATS_E9,
                        .round_lot_e9 = 100 * ATS_E9};
    snprintf(entry.text, sizeof entry.text, "SYN%03u", i + 1);
    strcpy(entry.venue, "US");
    strcpy(entry.currency, "USD");
    if (!ats_symbols_add(&s->symbols, &entry))
        return -1;
    const ats_synth_options *o = &s->options;
    synth_symbol *y = &s->symbol[i];
    int64_t dollars = 20 + (int64_t)ats_random_below(&s->random, 380);
    y->fair_e9 = dollars * ATS_E9 + (int64_t)ats_random_below(&s->random, (uint64_t)ATS_E9);
    y->floor_e9 = y->fair_e9 / 4;
    y->ceiling_e9 = y->fair_e9 * 4;
    y->half_spread_e9 = TICK_E9 / 2 + y->fair_e9 / 20000; /* half a tick and half a basis point */
    y->weight_end = weight + (i ? s->symbol[i - 1].weight_end : 0);
    /* A session's events of this symbol, n; a walk of n steps of sd e has sd e * sqrt(n). */
    unsigned __int128 events =
        (unsigned __int128)o->rate * (uint64_t)o->duration_ns / ATS_E9 * weight / weights;
    uint64_t root = square_root(events * 10000);
    y->noise_e9 = y->fair_e9 / 10000 * o->volatility_bps * 100 / (int64_t)(root ? root : 1);
    return 0;
}

int ats_synth_open(ats_synth **out, const ats_synth_options *options)
{
    *out = NULL;
    if (check_options(options) != 0)
        return -1;
    ats_synth *s = calloc(1, sizeof *s);
    if (s)
        s->symbol = calloc(options->symbols, sizeof *s->symbol);
    if (!s || !s->symbol) {
        ats_synth_close(s);
        return ats_error(ATS_EXIT_FAILED, "synth: out of memory");
    }
    s->options = *options;
    ats_random_seed(&s->random, options->seed);
    s->now_ns = options->start_ns;
    s->mean_gap_ns = ATS_E9 / options->rate;
    /* Symbol i is picked like 1 / (i + 4): the first a few times as often as the last. */
    uint64_t weights = 0;
    for (uint32_t i = 0; i < options->symbols; i++)
        weights += 1000000 / (i + 4);
    for (uint32_t i = 0; i < options->symbols; i++)
        if (add_symbol(s, i, 1000000 / (i + 4), weights) != 0) {
            ats_synth_close(s);
            return -1;
        }
    *out = s;
    return 0;
}

void ats_synth_close(ats_synth *s)
{
    if (!s)
        return;
    ats_symbols_free(&s->symbols);
    free(s->symbol);
    free(s);
}

const ats_symbols *ats_synth_symbols(const ats_synth *s)
{
    return &s->symbols;
}

/* 1/2 + 3/2 (2x - 1)^2 over the session, in Q16: its mean is 1, open and close have 2. */
static int64_t activity_q16(const ats_synth *s)
{
    __int128 done = s->now_ns - s->options.start_ns;
    int64_t x = (int64_t)(done * 2 * ONE_Q16 / s->options.duration_ns) - ONE_Q16;
    return ONE_Q16 / 2 + x * x / ONE_Q16 * 3 / 2;
}

static uint32_t pick_symbol(ats_synth *s)
{
    uint32_t low = 0, high = s->options.symbols - 1;
    uint64_t at = ats_random_below(&s->random, s->symbol[high].weight_end);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (s->symbol[middle].weight_end > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void move_fair(ats_synth *s, synth_symbol *y)
{
    int64_t noise = ats_random_bell(&s->random);
    y->pressure_q16 += -y->pressure_q16 * PRESSURE_DECAY_PERCENT / 100 +
                       ats_random_bell(&s->random) * PRESSURE_NOISE_Q16 / ATS_RANDOM_BELL_SD;
    if (y->pressure_q16 > PRESSURE_MAX_Q16)
        y->pressure_q16 = PRESSURE_MAX_Q16;
    if (y->pressure_q16 < -PRESSURE_MAX_Q16)
        y->pressure_q16 = -PRESSURE_MAX_Q16;
    int64_t step = y->noise_e9 * noise / ATS_RANDOM_BELL_SD;
    step += y->noise_e9 * y->pressure_q16 / ONE_Q16 * s->options.signal_permille / 1000;
    y->fair_e9 += step;
    if (y->fair_e9 < y->floor_e9)
        y->fair_e9 = y->floor_e9;
    if (y->fair_e9 > y->ceiling_e9)
        y->fair_e9 = y->ceiling_e9;
}

/* A displayed size: 1..8 round lots, more on the side that the pressure favours. */
static int64_t quoted_size(ats_synth *s, int64_t lean_q16)
{
    int64_t lots = 1 + (int64_t)ats_random_below(&s->random, 8);
    int64_t hundredths = lots * 100 * (ONE_Q16 + lean_q16) / ONE_Q16;
    return (1 + hundredths / 100) * 100 * ATS_E9;
}

static uint32_t pick_venue(ats_synth *s, const synth_symbol *y)
{
    uint32_t count = s->options.venues, first = (uint32_t)ats_random_below(&s->random, count);
    for (uint32_t i = 0; i < count; i++) { /* one whose quote the price has run through */
        uint32_t v = (first + i) % count;
        if (y->quote[v].bid_e9 >= y->fair_e9 || y->quote[v].ask_e9 <= y->fair_e9)
            return v;
    }
    return first;
}

/* An exchange may not post what locks or crosses another's quote (Rule 610(d)); once in a while one
 * locks it all the same. */
static void keep_uncrossed(ats_synth *s, const synth_symbol *y, uint32_t venue, venue_quote *q)
{
    int64_t apart_e9 = ats_random_below(&s->random, 128) ? TICK_E9 : 0;
    for (uint32_t v = 0; v < s->options.venues; v++) {
        const venue_quote *other = &y->quote[v];
        if (v == venue || other->bid_e9 == 0)
            continue;
        if (q->bid_e9 > other->ask_e9 - apart_e9)
            q->bid_e9 = other->ask_e9 - apart_e9;
        if (q->ask_e9 < other->bid_e9 + apart_e9)
            q->ask_e9 = other->bid_e9 + apart_e9;
    }
}

static void make_quote(ats_synth *s, synth_symbol *y, ats_market *out)
{
    uint32_t v = pick_venue(s, y);
    venue_quote *q = &y->quote[v];
    int64_t wider = (int64_t)ats_random_below(&s->random, 1 + v) * TICK_E9 / 2;
    int64_t half = y->half_spread_e9 + wider;
    q->bid_e9 = (y->fair_e9 - half) / TICK_E9 * TICK_E9;
    q->ask_e9 = (y->fair_e9 + half + TICK_E9 - 1) / TICK_E9 * TICK_E9;
    keep_uncrossed(s, y, v, q);
    if (q->bid_e9 < TICK_E9)
        q->bid_e9 = TICK_E9;
    q->bid_size_e9 = quoted_size(s, y->pressure_q16);
    q->ask_size_e9 = quoted_size(s, -y->pressure_q16);
    out->h.kind = ATS_KIND_QUOTE;
    out->h.event_ns -= VENUES[v].latency_ns;
    out->quote.bid_e9 = q->bid_e9;
    out->quote.ask_e9 = q->ask_e9;
    out->quote.bid_size_e9 = q->bid_size_e9;
    out->quote.ask_size_e9 = q->ask_size_e9;
    out->quote.venue_seq = ++y->venue_seq;
    out->quote.source = ATS_SOURCE_SYNTH;
    out->quote.venue = (uint8_t)VENUES[v].letter;
    out->quote.condition = 'R';
}

/* At the best displayed price of the side that is taken; false when nobody quotes it yet. */
static bool make_trade(ats_synth *s, synth_symbol *y, ats_market *out)
{
    int64_t buyers = ONE_Q16 / 2 + y->pressure_q16 * 3 / 10;
    bool buy = (int64_t)(ats_random_next(&s->random) >> 48) < buyers;
    int32_t best = -1;
    for (uint32_t v = 0; v < s->options.venues; v++) {
        const venue_quote *q = &y->quote[v], *b = best < 0 ? NULL : &y->quote[best];
        if (q->ask_e9 && (!b || (buy ? q->ask_e9 < b->ask_e9 : q->bid_e9 > b->bid_e9)))
            best = (int32_t)v;
    }
    if (best < 0)
        return false;
    const venue_quote *q = &y->quote[best];
    bool odd_lot = ats_random_below(&s->random, 10) < 3;
    int64_t shares = odd_lot ? 1 + (int64_t)ats_random_below(&s->random, 99)
                             : 100 * (1 + (int64_t)ats_random_below(&s->random, 5));
    out->h.kind = ATS_KIND_TRADE;
    out->h.event_ns -= VENUES[best].latency_ns;
    out->trade.px_e9 = buy ? q->ask_e9 : q->bid_e9;
    out->trade.qty_e9 = shares * ATS_E9;
    out->trade.trade_id = ++y->trades;
    out->trade.venue_seq = ++y->venue_seq;
    out->trade.source = ATS_SOURCE_SYNTH;
    out->trade.venue = (uint8_t)VENUES[best].letter;
    out->trade.aggressor = buy ? ATS_SIDE_BUY : ATS_SIDE_SELL;
    memset(out->trade.condition, ' ', sizeof out->trade.condition);
    if (odd_lot)
        out->trade.condition[3] = 'I';
    return true;
}

static void make_status(const ats_synth *s, uint32_t id, uint32_t code, ats_market *out)
{
    memset(out, 0, sizeof *out);
    out->h.kind = ATS_KIND_STATUS;
    out->h.flags = ATS_FLAG_END_OF_EVENT;
    out->h.symbol_id = id;
    out->h.event_ns = out->h.recv_ns = s->now_ns;
    out->status.code = code;
    out->status.source = ATS_SOURCE_SYNTH;
}

int ats_synth_next(ats_synth *s, ats_market *out)
{
    int64_t end_ns = s->options.start_ns + s->options.duration_ns;
    if (s->opened < s->options.symbols) {
        make_status(s, ++s->opened, ATS_STATUS_SESSION_OPEN, out);
        return 1;
    }
    if (s->now_ns < end_ns) {
        unsigned __int128 gap = (unsigned __int128)ats_random_exponential_q32(&s->random) *
                                (uint64_t)s->mean_gap_ns * ONE_Q16 / (uint64_t)activity_q16(s);
        s->now_ns += (int64_t)(gap >> 32);
    }
    if (s->now_ns >= end_ns) {
        s->now_ns = end_ns;
        if (s->closed == s->options.symbols)
            return 0;
        make_status(s, ++s->closed, ATS_STATUS_SESSION_CLOSE, out);
        return 1;
    }
    uint32_t i = pick_symbol(s);
    synth_symbol *y = &s->symbol[i];
    memset(out, 0, sizeof *out);
    out->h.symbol_id = i + 1;
    out->h.flags = ATS_FLAG_END_OF_EVENT;
    out->h.event_ns = out->h.recv_ns = s->now_ns;
    move_fair(s, y);
    bool trade = ats_random_below(&s->random, 1000) < s->options.trade_permille;
    if (!trade || !make_trade(s, y, out))
        make_quote(s, y, out);
    return 1;
}
