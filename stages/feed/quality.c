#include "stages/feed/quality.h"

#include "calc/sale_condition.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string.h>

#define DAY_NS  (86400ll * ATS_E9)
#define DAY_S   86400u
#define K_OF_Z  14826 /* 1.4826 = 1 / the normal distribution's third quartile */
#define HELD_NS DAY_NS

enum { QUOTES = 0, TRADES = 1 };

void ats_quality_defaults(ats_quality_config *config)
{
    *config = (ats_quality_config){.mode = ATS_DATA_LENIENT,
                                   .outlier_z_e9 = 10 * ATS_E9,
                                   .outlier_floor_bps = 1,
                                   .gap_after_ns = 60 * ATS_E9,
                                   .stale_after_ns = 30 * ATS_E9,
                                   .crossed_after_ns = ATS_E9,
                                   .good_for_ns = 10 * ATS_E9,
                                   .jump_tolerance_bps = 200};
}

size_t ats_quality_footprint(uint32_t symbol_count)
{
    return sizeof(ats_quality) + (symbol_count + 1ull) * sizeof(ats_quality_symbol);
}

static bool is_crypto(uint32_t symbol_class)
{
    return symbol_class == ATS_CLASS_CRYPTO_SPOT || symbol_class == ATS_CLASS_CRYPTO_FUTURE ||
           symbol_class == ATS_CLASS_CRYPTO_INVERSE;
}

void ats_quality_init(ats_quality *q, const ats_quality_config *config,
                      const ats_calendar *calendar, const ats_symbols *symbols,
                      ats_metrics_feed *metrics)
{
    q->config = config;
    q->calendar = calendar;
    q->symbols = symbols;
    q->metrics = metrics;
    q->symbol_count = symbols->count;
    q->k_e4 = (int64_t)((__int128)config->outlier_z_e9 * K_OF_Z / ATS_E9);
    for (uint32_t id = 1; id <= symbols->count; id++) {
        uint32_t class = symbols->entry[id].symbol_class;
        ats_quality_symbol *s = &q->symbol[id];
        s->always_open = is_crypto(class);
        s->equity = class == ATS_CLASS_EQUITY;
        s->has_calendar = calendar && (s->equity || class == ATS_CLASS_INDEX);
    }
}

/* ---- sessions -------------------------------------------------------------------------------- */

static inline const ats_segment *segment_at(ats_quality *q, int64_t now_ns)
{
    if (__builtin_expect(now_ns >= q->segment.end_ns || now_ns < q->segment.start_ns, 0))
        ats_calendar_segment(q->calendar, now_ns, &q->segment);
    return &q->segment;
}

static inline bool is_regular(ats_quality *q, const ats_quality_symbol *s, int64_t now_ns)
{
    if (s->halted)
        return false;
    return s->always_open || (s->has_calendar && segment_at(q, now_ns)->phase == ATS_PHASE_REGULAR);
}

/* Most segments that a silence is followed through: two weeks of them; what is older adds nothing
 * to what is known by then. */
#define SEGMENTS_MAX 64

/* The longest stretch of [from, to) inside one regular session. */
static int64_t regular_stretch(const ats_quality *q, const ats_quality_symbol *s, int64_t from_ns,
                               int64_t to_ns)
{
    int64_t longest = 0;
    if (s->halted)
        return 0;
    if (s->always_open)
        return to_ns - from_ns;
    ats_segment at = q->segment;
    for (int i = 0; s->has_calendar && i < SEGMENTS_MAX && from_ns < to_ns; i++) {
        ats_calendar_segment(q->calendar, from_ns, &at);
        int64_t end_ns = at.end_ns < to_ns ? at.end_ns : to_ns;
        if (at.phase == ATS_PHASE_REGULAR && end_ns - from_ns > longest)
            longest = end_ns - from_ns;
        from_ns = end_ns;
    }
    return longest;
}

/* ---- noting ---------------------------------------------------------------------------------- */

static void hold(ats_quality *q, ats_quality_symbol *s, int64_t now_ns, int64_t for_ns)
{
    if (s->until_ns == 0) {
        s->since_ns = now_ns;
        s->quarantines++;
        ats_count(&q->metrics->symbols_quarantined, 1);
    }
    if (now_ns + for_ns > s->until_ns)
        s->until_ns = now_ns + for_ns;
}

static void let_go(ats_quality *q, ats_quality_symbol *s, int64_t now_ns)
{
    s->quarantined_ns += now_ns - s->since_ns;
    s->until_ns = 0;
    ats_store_relaxed(&q->metrics->symbols_quarantined, q->metrics->symbols_quarantined - 1);
}

static bool quarantines(const ats_quality *q, ats_data_fault fault)
{
    return (ats_data_fault_action(fault, q->config->mode) & ATS_DATA_QUARANTINE) != 0;
}

static ats_quality_example *note_example(ats_quality *q, ats_data_fault fault)
{
    uint32_t n = q->example_count[fault];
    if (n == ATS_QUALITY_EXAMPLES)
        return &q->spare;
    q->example_count[fault]++;
    return &q->example[fault][n];
}

bool ats_quality_note(ats_quality *q, uint32_t symbol_id, ats_data_fault fault, int64_t now_ns,
                      int64_t value_e9, int64_t reference_e9)
{
    if (q->config->mode == ATS_DATA_OFF)
        return true;
    ats_quality_symbol *s = &q->symbol[symbol_id];
    ats_quality_tally *tally = &s->fault[fault];
    if (tally->count++ == 0)
        tally->first_ns = now_ns;
    tally->last_ns = now_ns;
    ats_count(&q->metrics->data_faults[fault], 1);
    *note_example(q, fault) = (ats_quality_example){.at_ns = now_ns,
                                                    .symbol_id = symbol_id,
                                                    .value_e9 = value_e9,
                                                    .reference_e9 = reference_e9};
    if (quarantines(q, fault))
        hold(q, s, now_ns, fault == ATS_DATA_JUMP ? HELD_NS : q->config->good_for_ns);
    return !(ats_data_fault_action(fault, q->config->mode) & ATS_DATA_DROP);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* What a record says, without times and the number of our own: its body. */
static uint64_t content_of(const ats_market *m)
{
    return XXH3_64bits((const char *)m + sizeof m->h, sizeof *m - sizeof m->h);
}

static bool admit_number(ats_quality *q, uint32_t kind, uint64_t number, uint8_t venue,
                         const ats_market *m, int64_t now_ns)
{
    ats_quality_numbers *seen = &q->symbol[m->h.symbol_id].numbers[kind];
    uint64_t key = number << 8 | venue, content = content_of(m);
    for (uint32_t i = 0; i < ATS_QUALITY_NUMBERS; i++)
        if (__builtin_expect(seen->number[i] == key, 0))
            return ats_quality_note(q, m->h.symbol_id,
                                    seen->content[i] == content ? ATS_DATA_DUPLICATE
                                                                : ATS_DATA_RENUMBERED,
                                    now_ns, (int64_t)number, (int64_t)number);
    seen->number[seen->next] = key;
    seen->content[seen->next] = content;
    seen->next = (seen->next + 1) % ATS_QUALITY_NUMBERS;
    return true;
}

/* Two sources may tell of one split; applied twice it would be a jump. An action's number is its
 * ex-date and content; its symbol's trades and actions are remembered together. */
static bool admit_action(ats_quality *q, const ats_market *m, int64_t now_ns)
{
    uint64_t number = XXH3_64bits_withSeed((const char *)m + sizeof m->h, sizeof *m - sizeof m->h,
                                           (uint64_t)m->h.recv_ns);
    return admit_number(q, TRADES, number >> 8 | 1, 0, m, now_ns);
}

static bool admit_unnumbered(ats_quality *q, ats_quality_symbol *s, const ats_market *m,
                             int64_t now_ns)
{
    const ats_market *last = &s->repeated;
    bool same = last->h.kind == m->h.kind && last->h.recv_ns == m->h.recv_ns &&
                last->h.event_ns == m->h.event_ns && last->h.sub == m->h.sub &&
                !memcmp((const char *)last + sizeof m->h, (const char *)m + sizeof m->h,
                        sizeof *m - sizeof m->h);
    s->repeated = *m;
    return !same || ats_quality_note(q, m->h.symbol_id, ATS_DATA_REPEATED, now_ns, now_ns, now_ns);
}

/* ---- prices ---------------------------------------------------------------------------------- */

static void judge(ats_quality *q, uint32_t symbol_id, ats_robust *window, int64_t px_e9,
                  ats_data_fault fault, int64_t now_ns)
{
    if (px_e9 == window->last)
        return;
    if (ats_robust_full(window)) {
        int64_t median = ats_robust_median(window);
        int64_t floor = median / 10000 * q->config->outlier_floor_bps +
                        ats_symbol_tick_e9(&q->symbols->entry[symbol_id], median);
        if (__builtin_expect(ats_robust_is_outlier(window, px_e9, q->k_e4, floor), 0))
            ats_quality_note(q, symbol_id, fault, now_ns, px_e9, median);
    }
    ats_robust_add(window, px_e9);
}

static const struct {
    uint16_t to, from;
} SPLITS[] = {{2, 1}, {3, 1}, {3, 2}, {4, 1}, {5, 1}, {7, 1}, {10, 1}, {20, 1}};
#define SPLIT_COUNT (sizeof SPLITS / sizeof SPLITS[0])

/* Is px x a about close x b? */
static bool near(int64_t px_e9, int64_t a, int64_t close_e9, int64_t b, uint32_t tolerance_bps)
{
    __int128 x = (__int128)px_e9 * a, y = (__int128)close_e9 * b, off = x > y ? x - y : y - x;
    return off * 10000 <= y * tolerance_bps;
}

static void note_jump(ats_quality *q, uint32_t symbol_id, int64_t open_e9, int64_t now_ns,
                      uint16_t to, uint16_t from)
{
    ats_quality_symbol *s = &q->symbol[symbol_id];
    uint32_t n = q->example_count[ATS_DATA_JUMP];
    ats_quality_note(q, symbol_id, ATS_DATA_JUMP, now_ns, open_e9, s->close_e9);
    if (n < ATS_QUALITY_EXAMPLES) {
        q->example[ATS_DATA_JUMP][n].ratio[0] = to;
        q->example[ATS_DATA_JUMP][n].ratio[1] = from;
    }
}

/* The first price of a session against the last of the one before. */
static void judge_open(ats_quality *q, uint32_t symbol_id, int64_t open_e9, int64_t now_ns)
{
    const ats_quality_symbol *s = &q->symbol[symbol_id];
    uint32_t tolerance_bps = q->config->jump_tolerance_bps;
    for (size_t i = 0; i < SPLIT_COUNT; i++) {
        uint16_t to = SPLITS[i].to, from = SPLITS[i].from;
        if (near(open_e9, to, s->close_e9, from, tolerance_bps))
            note_jump(q, symbol_id, open_e9, now_ns, to, from);
        else if (near(open_e9, from, s->close_e9, to, tolerance_bps))
            note_jump(q, symbol_id, open_e9, now_ns, from, to);
    }
}

/* Where the session of a price begins, or -1 when it is outside of regular hours: their prices are
 * no opens and no closes. A bar of a day or more is a session of its own. */
static int64_t session_of(ats_quality *q, const ats_quality_symbol *s, int64_t now_ns,
                          uint32_t period_s)
{
    if (period_s >= DAY_S)
        return now_ns;
    if (!s->has_calendar)
        return now_ns - now_ns % DAY_NS;
    const ats_segment *at = segment_at(q, now_ns);
    return at->phase == ATS_PHASE_REGULAR ? at->open_ns : -1;
}

static void take_price(ats_quality *q, uint32_t symbol_id, int64_t open_e9, int64_t close_e9,
                       int64_t now_ns, uint32_t period_s)
{
    ats_quality_symbol *s = &q->symbol[symbol_id];
    if (!s->equity || q->config->jump_tolerance_bps == 0)
        return;
    int64_t session_ns = session_of(q, s, now_ns, period_s);
    if (session_ns < 0)
        return;
    if (__builtin_expect(session_ns != s->session_ns, 0)) {
        if (s->close_e9)
            judge_open(q, symbol_id, open_e9, now_ns);
        s->session_ns = session_ns;
    }
    s->close_e9 = close_e9;
}

/* ---- trades ---------------------------------------------------------------------------------- */

/* Does its price say where the market is now? Late, averaged and contingent prints do not; trades
 * out of hours do, as far as they came in their turn. */
static bool is_of_the_market(const ats_trade *t)
{
    return t->correction == 0 && (ats_sale_updates(t->condition, false) & ATS_SALE_FLOW);
}

/* Counts trades through a side of the quote that stays as it is. */
static void judge_side(ats_quality *q, ats_quality_symbol *s, const ats_trade *t, int64_t now_ns)
{
    uint8_t side = s->ask_e9 && t->px_e9 > s->ask_e9   ? ATS_SIDE_BUY
                   : s->bid_e9 && t->px_e9 < s->bid_e9 ? ATS_SIDE_SELL
                                                       : ATS_SIDE_NONE;
    if (__builtin_expect(side == ATS_SIDE_NONE, 1)) {
        s->beyond = 0;
        return;
    }
    if (s->beyond == 0 || s->beyond_side != side) {
        s->beyond = 0;
        s->beyond_side = side;
        s->beyond_ns = now_ns;
    }
    s->beyond++;
    if (s->beyond < ATS_QUALITY_BEYOND_TRADES || now_ns - s->beyond_ns < ATS_QUALITY_BEYOND_NS)
        return;
    if (!s->beyond_told)
        ats_quality_note(q, t->h.symbol_id, ATS_DATA_STALE_SIDE, now_ns, t->px_e9,
                         side == ATS_SIDE_BUY ? s->ask_e9 : s->bid_e9);
    else if (quarantines(q, ATS_DATA_STALE_SIDE))
        hold(q, s, now_ns, q->config->good_for_ns);
    s->beyond_told = true;
}

static void judge_quote_age(ats_quality *q, ats_quality_symbol *s, uint32_t symbol_id,
                            int64_t now_ns)
{
    int64_t limit_ns = q->config->stale_after_ns;
    if (limit_ns == 0 || s->quote_ns == 0 || now_ns - s->quote_ns <= limit_ns)
        return;
    if (regular_stretch(q, s, s->quote_ns, now_ns) <= limit_ns)
        return;
    if (!s->stale_told)
        ats_quality_note(q, symbol_id, ATS_DATA_STALE_QUOTE, now_ns, now_ns - s->quote_ns,
                         limit_ns);
    else if (quarantines(q, ATS_DATA_STALE_QUOTE))
        hold(q, s, now_ns, q->config->good_for_ns);
    s->stale_told = true;
}

static void judge_trade(ats_quality *q, ats_quality_symbol *s, const ats_trade *t, int64_t now_ns)
{
    if (t->source == ATS_SOURCE_BINANCE_WS && t->trade_id) {
        if (s->trade_id && t->trade_id > s->trade_id + 1)
            ats_quality_note(q, t->h.symbol_id, ATS_DATA_LOST_TRADES, now_ns, (int64_t)t->trade_id,
                             (int64_t)s->trade_id);
        s->trade_id = t->trade_id > s->trade_id ? t->trade_id : s->trade_id;
    }
    judge_quote_age(q, s, t->h.symbol_id, now_ns);
    if (!is_of_the_market(t))
        return;
    judge(q, t->h.symbol_id, &s->trades, t->px_e9, ATS_DATA_TRADE_OUTLIER, now_ns);
    if (t->trf == 0 || t->trf == ' ')
        judge_side(q, s, t, now_ns);
    take_price(q, t->h.symbol_id, t->px_e9, t->px_e9, now_ns, 0);
}

/* ---- the other kinds ------------------------------------------------------------------------- */

static void take_status(ats_quality *q, ats_quality_symbol *s, const ats_status *status,
                        int64_t now_ns)
{
    if (status->code == ATS_STATUS_HALT) {
        s->halted = true;
        ats_quality_note(q, status->h.symbol_id, ATS_DATA_HALT, now_ns, now_ns, 0);
    } else if (status->code == ATS_STATUS_RESUME) {
        s->halted = false;
        s->quote_ns = 0; /* quotes from before say nothing of what comes */
    }
}

static void leave_state(ats_quality_symbol *s, int64_t now_ns)
{
    int64_t lasted_ns = now_ns - s->state_ns;
    if (s->state == ATS_QUOTE_LOCKED)
        s->locked_ns += lasted_ns;
    if (s->state == ATS_QUOTE_CROSSED) {
        s->crossed_ns += lasted_ns;
        if (lasted_ns > s->longest_crossed_ns)
            s->longest_crossed_ns = lasted_ns;
    }
}

/* A told split or dividend moves the close that the next open is held against. */
static void take_action(ats_quality *q, ats_quality_symbol *s, const ats_corporate_action *a,
                        int64_t now_ns)
{
    if (a->action == 1 && a->ratio_numerator > 0 && a->ratio_denominator > 0) {
        __int128 close = (__int128)s->close_e9 * a->ratio_denominator / a->ratio_numerator;
        s->close_e9 = close > ATS_VALUE_MAX_E9 ? 0 : (int64_t)close;
        s->mids.count = s->trades.count = 0; /* prices of before are of another share */
        s->bid_e9 = s->ask_e9 = 0;
        s->quote_ns = 0;
        leave_state(s, now_ns);
        s->state = 0;
    }
    if (a->action == 2 && a->cash_e9 > 0 && a->cash_e9 < s->close_e9)
        s->close_e9 -= a->cash_e9;
    if (s->until_ns > now_ns + q->config->good_for_ns)
        s->until_ns = now_ns + q->config->good_for_ns; /* a jump is explained */
}

static void judge_bar(ats_quality *q, ats_quality_symbol *s, const ats_bar *b, int64_t now_ns)
{
    judge(q, b->h.symbol_id, &s->trades, b->close_e9, ATS_DATA_TRADE_OUTLIER, now_ns);
    take_price(q, b->h.symbol_id, b->open_e9, b->close_e9, now_ns, b->period_s);
    /* Bars of a day or more follow the calendar, not the clock. */
    s->patience_ns = b->period_s >= DAY_S ? INT64_MAX : 2 * (int64_t)b->period_s * ATS_E9;
}

static void judge_silence(ats_quality *q, ats_quality_symbol *s, uint32_t symbol_id, int64_t now_ns)
{
    int64_t limit_ns = q->config->gap_after_ns, silence_ns = now_ns - s->last_ns;
    if (limit_ns == 0 || s->last_ns == 0)
        return;
    if (s->patience_ns > limit_ns)
        limit_ns = s->patience_ns;
    if (__builtin_expect(silence_ns <= s->longest_silence_ns && silence_ns <= limit_ns, 1))
        return;
    silence_ns = regular_stretch(q, s, s->last_ns, now_ns);
    if (silence_ns > s->longest_silence_ns)
        s->longest_silence_ns = silence_ns;
    if (silence_ns > limit_ns)
        ats_quality_note(q, symbol_id, ATS_DATA_GAP, now_ns, silence_ns, limit_ns);
}

bool ats_quality_admit(ats_quality *q, const ats_market *m)
{
    uint32_t id = m->h.symbol_id;
    int64_t now_ns = m->h.recv_ns > q->now_ns ? m->h.recv_ns : q->now_ns;
    q->now_ns = now_ns;
    if (q->config->mode == ATS_DATA_OFF || id == 0)
        return true;
    ats_quality_symbol *s = &q->symbol[id];
    s->records++;
    if (__builtin_expect(m->h.recv_ns < now_ns, 0))
        ats_quality_note(q, id, ATS_DATA_OUT_OF_ORDER, now_ns, m->h.recv_ns, now_ns);
    judge_silence(q, s, id, now_ns);
    s->last_ns = now_ns;
    /* A quote ends a quarantine; where none come, any record does. */
    if (__builtin_expect(s->until_ns != 0, 0) && s->quote_ns == 0 && now_ns >= s->until_ns &&
        m->h.kind != ATS_KIND_QUOTE)
        let_go(q, s, now_ns);
    bool admitted = true;
    switch (m->h.kind) {
    case ATS_KIND_QUOTE:
        s->quote_ns = now_ns;
        s->stale_told = false;
        admitted = m->quote.venue_seq
                       ? admit_number(q, QUOTES, m->quote.venue_seq, m->quote.venue, m, now_ns)
                       : admit_unnumbered(q, s, m, now_ns);
        break;
    case ATS_KIND_TRADE: {
        uint64_t number = m->trade.trade_id ? m->trade.trade_id : m->trade.venue_seq;
        admitted = number ? admit_number(q, TRADES, number, m->trade.venue, m, now_ns)
                          : admit_unnumbered(q, s, m, now_ns);
        if (admitted)
            judge_trade(q, s, &m->trade, now_ns);
        break;
    }
    case ATS_KIND_BAR:
        admitted = admit_unnumbered(q, s, m, now_ns);
        if (admitted)
            judge_bar(q, s, &m->bar, now_ns);
        break;
    case ATS_KIND_STATUS:
        take_status(q, s, &m->status, now_ns);
        break;
    case ATS_KIND_CORPORATE_ACTION:
        admitted = admit_action(q, m, now_ns);
        if (admitted)
            take_action(q, s, &m->corporate_action, now_ns);
        break;
    default:
        break;
    }
    return admitted;
}

/* ---- quotes as the chain sees them ------------------------------------------------------------
 */

static void judge_crossed(ats_quality *q, ats_quality_symbol *s, const ats_quote *quote,
                          uint8_t state, int64_t now_ns)
{
    uint8_t before = s->state;
    int64_t lasted_ns = now_ns - s->state_ns;
    bool is_long = before == ATS_QUOTE_CROSSED && !s->crossed_told &&
                   lasted_ns > q->config->crossed_after_ns && is_regular(q, s, now_ns);
    if (is_long)
        ats_quality_note(q, quote->h.symbol_id, ATS_DATA_CROSSED_LONG, now_ns, lasted_ns,
                         q->config->crossed_after_ns);
    else if (before == ATS_QUOTE_CROSSED && s->crossed_told &&
             quarantines(q, ATS_DATA_CROSSED_LONG))
        hold(q, s, now_ns, q->config->good_for_ns);
    s->crossed_told |= is_long;
    if (state != before) {
        leave_state(s, now_ns);
        s->state = state;
        s->state_ns = now_ns;
        s->crossed_told = false;
    }
    if (state)
        ats_quality_note(q, quote->h.symbol_id,
                         state == ATS_QUOTE_CROSSED ? ATS_DATA_CROSSED : ATS_DATA_LOCKED, now_ns,
                         quote->bid_e9, quote->ask_e9);
}

void ats_quality_quote(ats_quality *q, ats_quote *quote)
{
    int64_t now_ns = q->now_ns;
    uint32_t id = quote->h.symbol_id;
    if (q->config->mode == ATS_DATA_OFF || id == 0)
        return;
    ats_quality_symbol *s = &q->symbol[id];
    uint8_t state = quote->quote_flags & (ATS_QUOTE_CROSSED | ATS_QUOTE_LOCKED);
    if (__builtin_expect(state | s->state, 0))
        judge_crossed(q, s, quote, state, now_ns);
    if (quote->bid_e9 != s->bid_e9 || quote->ask_e9 != s->ask_e9) {
        s->beyond = 0;
        s->beyond_told = false;
        s->bid_e9 = quote->bid_e9;
        s->ask_e9 = quote->ask_e9;
        if (!(quote->quote_flags & (ATS_QUOTE_ONE_SIDED | ATS_QUOTE_CROSSED)))
            judge(q, id, &s->mids, (quote->bid_e9 + quote->ask_e9) / 2, ATS_DATA_QUOTE_OUTLIER,
                  now_ns);
    }
    if (__builtin_expect(s->until_ns == 0, 1))
        return;
    if (now_ns >= s->until_ns) {
        let_go(q, s, now_ns);
        return;
    }
    quote->quote_flags |= ATS_QUOTE_HALTED;
    ats_count(&q->metrics->quarantined, 1);
}

void ats_quality_finish(ats_quality *q)
{
    int64_t now_ns = q->now_ns;
    if (q->config->mode == ATS_DATA_OFF)
        return;
    for (uint32_t id = 1; id <= q->symbol_count; id++) {
        ats_quality_symbol *s = &q->symbol[id];
        judge_silence(q, s, id, now_ns);
        leave_state(s, now_ns);
        s->state_ns = now_ns;
        if (s->until_ns) {
            s->quarantined_ns += now_ns - s->since_ns;
            s->since_ns = now_ns;
        }
    }
}
