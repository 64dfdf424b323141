/* Messages as Alpaca's server lays them out: no blanks, keys in one order. What comes next is
 * known, so a message is a row of comparisons of eight letters and of wide reads (fast.h) between
 * them; the only thing that one field must wait for is where the one before it ended. */
#include "io/codec/live/alpaca.h"
#include "io/codec/live/fast.h"
#include "io/codec/rfc3339.h"

/* Past the literal, or out of the function. */
#define EXPECT(literal)                                                                            \
    do {                                                                                           \
        if (ATS_UNLIKELY(!ATS_FAST_IS(p, literal)))                                                \
            return NULL;                                                                           \
        p += sizeof(literal) - 1;                                                                  \
    } while (0)

/* Past what a reader takes, or out of the function; a reader may start where the frame ends. */
#define TAKE(call)                                                                                 \
    do {                                                                                           \
        if (ATS_UNLIKELY(p > d->end || (p = (call)) == NULL))                                      \
            return NULL;                                                                           \
    } while (0)

static const char *take_symbol(const ats_decoder *d, const char *p, uint32_t *id)
{
    uint64_t word[2];
    if ((p = ats_fast_words(p, word)) != NULL)
        *id = ats_symbol_map_find(d->options.symbols, word[0], word[1], 0);
    return p && *id ? p : NULL;
}

/* Reads the minute at p anew: once a minute, and where two minutes meet. */
static __attribute__((noinline)) bool new_minute(ats_decoder *d, const char *p)
{
    char text[20] = "0000-00-00T00:00:00Z";
    int64_t ns;
    memcpy(text, p, 16);
    if (text[10] != 'T' || !ats_rfc3339_ns(text, sizeof text, &ns))
        return false;
    memcpy(d->minute_text, p, 16);
    d->minute_ns = ns;
    return true;
}

/* "2021-02-22T15:51:45.335689322Z", with its closing quote; p is behind the opening one. */
static inline const char *take_time(ats_decoder *d, const char *p, int64_t *ns)
{
    int64_t second_ns;
    if (ATS_UNLIKELY(!ats_fast_same16(p, d->minute_text)) && !new_minute(d, p))
        return NULL;
    p += 16;
    if (p > d->end || (p = ats_fast_seconds(p, &second_ns)) == NULL || *p != '"')
        return NULL;
    *ns = d->minute_ns + second_ns;
    return p + 1;
}

/* A printable letter and the literal of seven letters behind it. */
#define LETTER(out, literal)                                                                       \
    do {                                                                                           \
        static_assert(sizeof(literal) == 8, "a letter and seven make a word");                     \
        uint64_t word_ = ats_fast_load(p), want_ = 0;                                              \
        memcpy((char *)&want_ + 1, literal, 7);                                                    \
        if (ATS_UNLIKELY((word_ & ~0xffull) != want_ || !ats_fast_letter(*p)))                     \
            return NULL;                                                                           \
        (out) = *p == ' ' ? 0 : (uint8_t)*p;                                                       \
        p += 8;                                                                                    \
    } while (0)

/* Conditions, tape and time in either order up to the closing brace. */
static inline const char *take_tail(ats_decoder *d, const char *p, uint8_t condition[4],
                                    int64_t *ns)
{
    uint8_t tape;
    if (ATS_FAST_IS(p, ",\"t\":\"")) {
        p += 6;
        TAKE(take_time(d, p, ns));
        EXPECT(",\"c\":[\"");
        TAKE(ats_fast_conditions(p, condition));
        EXPECT("],\"z\":\"");
        if (!ats_fast_letter(*p) || !ATS_FAST_IS(p + 1, "\"}"))
            return NULL;
        return p + 3;
    }
    EXPECT(",\"c\":[\"");
    TAKE(ats_fast_conditions(p, condition));
    EXPECT("],\"z\":\"");
    LETTER(tape, "\",\"t\":\"");
    (void)tape; /* no record has it */
    TAKE(take_time(d, p, ns));
    return *p == '}' ? p + 1 : NULL;
}

static const char *fast_quote(ats_decoder *d, const char *p, ats_quote *q)
{
    uint8_t condition[4], bid_venue, ask_venue;
    uint32_t id;
    int64_t bid, bid_size, ask, ask_size, ns;
    EXPECT(",\"S\":\"");
    TAKE(take_symbol(d, p, &id));
    EXPECT("\",\"bx\":\"");
    LETTER(bid_venue, "\",\"bp\":");
    TAKE(ats_fast_e9(p, &bid));
    EXPECT(",\"bs\":");
    TAKE(ats_fast_e9(p, &bid_size));
    EXPECT(",\"ax\":\"");
    LETTER(ask_venue, "\",\"ap\":");
    TAKE(ats_fast_e9(p, &ask));
    EXPECT(",\"as\":");
    TAKE(ats_fast_e9(p, &ask_size));
    TAKE(take_tail(d, p, condition, &ns));
    memset(q, 0, sizeof *q);
    q->h.event_ns = ns;
    q->h.symbol_id = id;
    q->h.kind = ATS_KIND_QUOTE;
    q->bid_e9 = bid;
    q->ask_e9 = ask;
    q->bid_size_e9 = bid_size;
    q->ask_size_e9 = ask_size;
    q->source = ATS_SOURCE_ALPACA;
    q->bid_venue = bid_venue;
    q->ask_venue = ask_venue;
    q->condition = ats_alpaca_quote_condition(condition);
    return ats_decoder_finish_quote(d, q) == ATS_LINE_OK ? p : NULL;
}

static const char *fast_trade(ats_decoder *d, const char *p, ats_trade *t)
{
    uint8_t condition[4], venue;
    uint32_t id;
    uint64_t trade_id;
    int64_t px, qty, ns;
    EXPECT(",\"S\":\"");
    TAKE(take_symbol(d, p, &id));
    EXPECT("\",\"i\":");
    TAKE(ats_fast_u64(p, &trade_id));
    EXPECT(",\"x\":\"");
    if (!ats_fast_letter(*p))
        return NULL;
    venue = *p == ' ' ? 0 : (uint8_t)*p;
    p++;
    EXPECT("\",\"p\":");
    TAKE(ats_fast_e9(p, &px));
    EXPECT(",\"s\":");
    TAKE(ats_fast_e9(p, &qty));
    TAKE(take_tail(d, p, condition, &ns));
    if (px == 0 || qty == 0)
        return NULL;
    memset(t, 0, sizeof *t);
    t->h.event_ns = ns;
    t->h.symbol_id = id;
    t->h.kind = ATS_KIND_TRADE;
    t->px_e9 = px;
    t->qty_e9 = qty;
    t->trade_id = trade_id;
    t->source = ATS_SOURCE_ALPACA;
    t->venue = venue;
    memcpy(t->condition, condition, sizeof t->condition);
    return p;
}

static const char *fast_bar(ats_decoder *d, const char *p, ats_bar *b)
{
    uint32_t id;
    uint64_t volume, count;
    int64_t open, high, low, close, vwap, ns;
    EXPECT(",\"S\":\"");
    TAKE(take_symbol(d, p, &id));
    EXPECT("\",\"o\":");
    TAKE(ats_fast_e9(p, &open));
    EXPECT(",\"h\":");
    TAKE(ats_fast_e9(p, &high));
    EXPECT(",\"l\":");
    TAKE(ats_fast_e9(p, &low));
    EXPECT(",\"c\":");
    TAKE(ats_fast_e9(p, &close));
    EXPECT(",\"v\":");
    TAKE(ats_fast_u64(p, &volume));
    EXPECT(",\"n\":");
    TAKE(ats_fast_u64(p, &count));
    EXPECT(",\"vw\":");
    TAKE(ats_fast_e9(p, &vwap));
    EXPECT(",\"t\":\"");
    TAKE(take_time(d, p, &ns));
    if (*p != '}' || volume > (uint64_t)(ATS_VOLUME_MAX_E9 / ATS_E9) || count > UINT32_MAX)
        return NULL;
    memset(b, 0, sizeof *b);
    b->h.event_ns = ns;
    b->h.symbol_id = id;
    b->h.kind = ATS_KIND_BAR;
    b->open_e9 = open;
    b->high_e9 = high;
    b->low_e9 = low;
    b->close_e9 = close;
    b->volume_e9 = (int64_t)volume * ATS_E9;
    b->vwap_e9 = vwap;
    b->period_s = 60;
    b->trade_count = (uint32_t)count;
    return p + 1;
}

const char *ats_alpaca_fast(ats_decoder *d, const char *p, ats_decoded *out)
{
    uint64_t head = ats_fast_load(p), want;
    memcpy(&want, "{\"T\":\"q\"", sizeof want);
    if (head == want)
        return fast_quote(d, p + 8, &out->quote);
    if ((head & ~(0xffull << 48)) != (want & ~(0xffull << 48)))
        return NULL;
    return p[6] == 't'   ? fast_trade(d, p + 8, &out->trade)
           : p[6] == 'b' ? fast_bar(d, p + 8, &out->bar)
                         : NULL;
}
