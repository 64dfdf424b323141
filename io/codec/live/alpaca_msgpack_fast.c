/* Quotes, trades and minute bars of the widths that the server uses: short texts, doubles, unsigned
 * integers, a time of four or eight bytes. `T` comes first, as in all that the server sends; the
 * other keys in any order, since a switch over a repeating order predicts itself. */
#include "io/codec/live/alpaca.h"
#include "io/codec/live/fast.h"
#include "io/codec/msgpack.h"

#define TAKE(call)                                                                                 \
    do {                                                                                           \
        if (ATS_UNLIKELY((p = (call)) == NULL))                                                    \
            return NULL;                                                                           \
    } while (0)

/* A key of one or two letters as its head and letters. */
#define KEY1(a)    (0xa1u | (uint32_t)(a) << 8)
#define KEY2(a, b) (0xa2u | (uint32_t)(a) << 8 | (uint32_t)(b) << 16)

typedef const unsigned char *bytes;

static inline uint64_t big_endian(bytes p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

/* The key at p, 0 when it is of another kind; *p moves behind it. */
static inline uint32_t take_key(bytes *p)
{
    uint32_t word;
    memcpy(&word, *p, sizeof word);
    uint32_t letters = (word & 0xff) - 0xa0;
    if (letters - 1 > 1)
        return 0;
    *p += 1 + letters;
    return word & (letters == 1 ? 0xffffu : 0xffffffu);
}

/* An unsigned integer of any width. */
static inline bytes take_whole(bytes p, uint64_t *out)
{
    uint32_t head = *p;
    if (head < 0x80) {
        *out = head;
        return p + 1;
    }
    if (ATS_UNLIKELY(head - 0xcc > 3))
        return NULL;
    uint32_t width = 1u << (head - 0xcc);
    *out = big_endian(p + 1) >> (64 - 8 * width);
    return p + 1 + width;
}

/* A price or size in 1e-9 units, as ats_double_e9 has it below 2^21. */
static inline bytes take_e9(bytes p, int64_t *out)
{
    if (*p == 0xcb) {
        uint64_t bits = big_endian(p + 1);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (ATS_UNLIKELY(!(value >= 0 && value < 2097152.0)))
            return NULL;
        int64_t n = (int64_t)(value * 1e9 + 0.5);
        *out = n;
        return (double)n / 1e9 == value ? p + 9 : NULL;
    }
    uint64_t whole;
    p = take_whole(p, &whole);
    if (!p || whole > (uint64_t)(ATS_VALUE_MAX_E9 / ATS_E9))
        return NULL;
    *out = (int64_t)whole * ATS_E9;
    return p;
}

static inline bytes take_letter(bytes p, uint8_t *out)
{
    if (ATS_UNLIKELY(*p != 0xa1 || !ats_fast_letter((char)p[1])))
        return NULL;
    *out = p[1] == ' ' ? 0 : p[1];
    return p + 2;
}

static inline bytes take_conditions(bytes p, uint8_t out[4])
{
    uint32_t count = *p++ - 0x90u;
    uint8_t found[4] = {' ', ' ', ' ', ' '};
    if (ATS_UNLIKELY(count > 4))
        return NULL;
    for (uint32_t i = 0; i < count; i++, p += 2) {
        if (ATS_UNLIKELY(*p != 0xa1 || !ats_fast_letter((char)p[1])))
            return NULL;
        found[i] = p[1];
    }
    memcpy(out, found, sizeof found);
    return p;
}

static inline bytes take_time(bytes p, int64_t *out)
{
    uint64_t seconds, fraction = 0;
    bytes end;
    if (p[0] == 0xd7 && p[1] == 0xff) {
        uint64_t both = big_endian(p + 2);
        fraction = both >> 34;
        seconds = both & 0x3ffffffffull;
        end = p + 10;
    } else if (p[0] == 0xd6 && p[1] == 0xff) {
        seconds = big_endian(p + 2) >> 32;
        end = p + 6;
    } else {
        return NULL;
    }
    if (ATS_UNLIKELY(fraction >= (uint64_t)ATS_E9 ||
                     seconds - ATS_TIME_MIN_NS / ATS_E9 >=
                         (ATS_TIME_MAX_NS - ATS_TIME_MIN_NS) / ATS_E9))
        return NULL;
    *out = (int64_t)seconds * ATS_E9 + (int64_t)fraction;
    return end;
}

static inline bytes take_symbol(const ats_decoder *d, bytes p, uint32_t *id)
{
    uint32_t length = *p++ - 0xa0u;
    uint64_t word[2];
    if (ATS_UNLIKELY(length - 1 > 14 || p[length - 1] == 0)) /* see ats_fast_words */
        return NULL;
    memcpy(word, p, sizeof word);
    uint32_t bits = 8 * (length & 7);
    if (length < 8) {
        word[0] &= (1ull << bits) - 1;
        word[1] = 0;
    } else {
        word[1] &= (1ull << bits) - 1;
    }
    *id = ats_symbol_map_find(d->options.symbols, word[0], word[1], 0);
    return *id ? p + length : NULL;
}

/* Past a value that no record has; text and received-at among them. */
static __attribute__((noinline)) bytes skip(const ats_decoder *d, bytes p)
{
    ats_msgpack m;
    if ((const char *)p > d->end)
        return NULL;
    ats_msgpack_open(&m, p, (size_t)((bytes)d->end - p));
    return ats_msgpack_skip(&m) ? m.at : NULL;
}

/* Members of a message as they come: each reads at most 17 bytes, and none begins behind the frame.
 */
#define MEMBERS(pairs)                                                                             \
    for (uint32_t left_ = (pairs); left_; left_--)                                                 \
        switch ((const char *)p > d->end ? 0 : take_key(&p))

enum { HAS_SYMBOL = 1, HAS_TIME = 2, HAS_A = 4, HAS_B = 8, HAS_C = 16, HAS_D = 32, HAS_E = 64 };

static bytes fast_quote(ats_decoder *d, bytes p, uint32_t pairs, ats_quote *q)
{
    uint8_t condition[4] = {' ', ' ', ' ', ' '}, tape;
    uint32_t has = 0;
    memset(q, 0, sizeof *q);
    MEMBERS(pairs)
    {
    case KEY1('S'):
        TAKE(take_symbol(d, p, &q->h.symbol_id));
        has |= HAS_SYMBOL;
        break;
    case KEY2('b', 'x'):
        TAKE(take_letter(p, &q->bid_venue));
        break;
    case KEY2('b', 'p'):
        TAKE(take_e9(p, &q->bid_e9));
        has |= HAS_A;
        break;
    case KEY2('b', 's'):
        TAKE(take_e9(p, &q->bid_size_e9));
        has |= HAS_B;
        break;
    case KEY2('a', 'x'):
        TAKE(take_letter(p, &q->ask_venue));
        break;
    case KEY2('a', 'p'):
        TAKE(take_e9(p, &q->ask_e9));
        has |= HAS_C;
        break;
    case KEY2('a', 's'):
        TAKE(take_e9(p, &q->ask_size_e9));
        has |= HAS_D;
        break;
    case KEY1('c'):
        TAKE(take_conditions(p, condition));
        break;
    case KEY1('z'):
        TAKE(take_letter(p, &tape));
        break;
    case KEY1('t'):
        TAKE(take_time(p, &q->h.event_ns));
        has |= HAS_TIME;
        break;
    case KEY1('r'):
        TAKE(skip(d, p));
        break;
    default:
        return NULL;
    }
    if (has != (HAS_SYMBOL | HAS_TIME | HAS_A | HAS_B | HAS_C | HAS_D))
        return NULL;
    q->h.kind = ATS_KIND_QUOTE;
    q->source = ATS_SOURCE_ALPACA;
    q->condition = ats_alpaca_quote_condition(condition);
    return ats_decoder_finish_quote(d, q) == ATS_LINE_OK ? p : NULL;
}

static bytes fast_trade(ats_decoder *d, bytes p, uint32_t pairs, ats_trade *t)
{
    uint8_t tape;
    uint32_t has = 0;
    memset(t, 0, sizeof *t);
    memset(t->condition, ' ', sizeof t->condition);
    MEMBERS(pairs)
    {
    case KEY1('S'):
        TAKE(take_symbol(d, p, &t->h.symbol_id));
        has |= HAS_SYMBOL;
        break;
    case KEY1('i'):
        TAKE(take_whole(p, &t->trade_id));
        has |= HAS_A;
        break;
    case KEY1('x'):
        TAKE(take_letter(p, &t->venue));
        break;
    case KEY1('p'):
        TAKE(take_e9(p, &t->px_e9));
        has |= HAS_B;
        break;
    case KEY1('s'):
        TAKE(take_e9(p, &t->qty_e9));
        has |= HAS_C;
        break;
    case KEY1('c'):
        TAKE(take_conditions(p, t->condition));
        break;
    case KEY1('z'):
        TAKE(take_letter(p, &tape));
        break;
    case KEY1('t'):
        TAKE(take_time(p, &t->h.event_ns));
        has |= HAS_TIME;
        break;
    case KEY1('r'):
        TAKE(skip(d, p));
        break;
    default:
        return NULL;
    }
    if (has != (HAS_SYMBOL | HAS_TIME | HAS_A | HAS_B | HAS_C) || t->px_e9 == 0 || t->qty_e9 == 0)
        return NULL;
    t->h.kind = ATS_KIND_TRADE;
    t->source = ATS_SOURCE_ALPACA;
    return p;
}

static bytes fast_bar(ats_decoder *d, bytes p, uint32_t pairs, ats_bar *b)
{
    uint64_t count = 0, volume = 0;
    uint32_t has = 0;
    memset(b, 0, sizeof *b);
    MEMBERS(pairs)
    {
    case KEY1('S'):
        TAKE(take_symbol(d, p, &b->h.symbol_id));
        has |= HAS_SYMBOL;
        break;
    case KEY1('o'):
        TAKE(take_e9(p, &b->open_e9));
        has |= HAS_A;
        break;
    case KEY1('h'):
        TAKE(take_e9(p, &b->high_e9));
        has |= HAS_B;
        break;
    case KEY1('l'):
        TAKE(take_e9(p, &b->low_e9));
        has |= HAS_C;
        break;
    case KEY1('c'):
        TAKE(take_e9(p, &b->close_e9));
        has |= HAS_D;
        break;
    case KEY1('v'):
        TAKE(take_whole(p, &volume));
        has |= HAS_E;
        break;
    case KEY1('n'):
        TAKE(take_whole(p, &count));
        break;
    case KEY2('v', 'w'):
        TAKE(take_e9(p, &b->vwap_e9));
        break;
    case KEY1('t'):
        TAKE(take_time(p, &b->h.event_ns));
        has |= HAS_TIME;
        break;
    case KEY1('r'):
        TAKE(skip(d, p));
        break;
    default:
        return NULL;
    }
    if (has != (HAS_SYMBOL | HAS_TIME | HAS_A | HAS_B | HAS_C | HAS_D | HAS_E) ||
        count > UINT32_MAX || volume > (uint64_t)(ATS_VOLUME_MAX_E9 / ATS_E9))
        return NULL;
    b->h.kind = ATS_KIND_BAR;
    b->volume_e9 = (int64_t)volume * ATS_E9;
    b->trade_count = (uint32_t)count;
    b->period_s = 60;
    return p;
}

const char *ats_alpaca_msgpack_fast(ats_decoder *d, const char *at, ats_decoded *out)
{
    bytes p = (bytes)at;
    uint32_t pairs = p[0] - 0x81u; /* without T, which is here */
    if (pairs > 14 || p[1] != 0xa1 || p[2] != 'T' || p[3] != 0xa1)
        return NULL;
    switch (p[4]) {
    case 'q':
        return (const char *)fast_quote(d, p + 5, pairs, &out->quote);
    case 't':
        return (const char *)fast_trade(d, p + 5, pairs, &out->trade);
    case 'b':
        return (const char *)fast_bar(d, p + 5, pairs, &out->bar);
    default:
        return NULL;
    }
}
