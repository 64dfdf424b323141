#include "bench/decode.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/random.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_NS 1767623400000000000ll /* 2026-01-05T14:30:00Z */

/* One message before it is written. Prices in cents or tenths of cents. */
typedef struct message {
    char type;
    uint32_t symbol;
    int64_t time_ns;
    double value[7]; /* q: bp ap; t: p; b: o h l c vw */
    int decimals[7]; /* as JSON prints them, without trailing zeros */
    uint64_t whole[2];
    char venue[2];
    uint32_t condition_count;
    char condition[4];
    char tape;
} message;

typedef struct market {
    ats_random random;
    int64_t now_ns;
    uint32_t cents[ATS_BENCH_DECODE_SYMBOLS];
} market;

static uint32_t below(market *m, uint32_t n)
{
    return (uint32_t)ats_random_below(&m->random, n);
}

static void set_price(message *out, uint32_t i, uint64_t units, int decimals)
{
    double scale = 1;
    for (; decimals > 0 && units % 10 == 0; decimals--)
        units /= 10;
    for (int k = 0; k < decimals; k++)
        scale *= 10;
    out->value[i] = (double)units / scale;
    out->decimals[i] = decimals;
}

static void next_quote(market *m, message *out)
{
    static const char venues[] = "QPZNKVXBMJYACDHU";
    uint32_t cents = m->cents[out->symbol], spread = 1 + below(m, 4);
    set_price(out, 0, cents, 2);
    set_price(out, 1, cents + spread, 2);
    for (int i = 0; i < 2; i++) {
        out->whole[i] = below(m, 3) ? 100 * (1 + below(m, 30)) : 1 + below(m, 3000);
        out->venue[i] = venues[below(m, 16)];
    }
    out->condition_count = 1;
    out->condition[0] = 'R';
}

static void next_trade(market *m, message *out)
{
    static const char venues[] = "DDDQPZNKVXBMJYAU";
    bool mid = below(m, 5) == 0; /* between the quotes, in tenths of a cent or finer */
    if (mid)
        set_price(out, 0, m->cents[out->symbol] * 100ull + below(m, 100), 4);
    else
        set_price(out, 0, m->cents[out->symbol], 2);
    out->whole[0] = below(m, 2) ? 1 + below(m, 99) : 100 * (1 + below(m, 20));
    out->whole[1] = below(m, 2) ? 52983525000000ull + below(m, 100000000) : 1 + below(m, 100000);
    out->venue[0] = venues[below(m, 16)];
    out->condition_count = 1 + below(m, 4);
    memcpy(out->condition, "@FTI", 4);
}

static void next_bar(market *m, message *out)
{
    uint32_t cents = m->cents[out->symbol];
    set_price(out, 0, cents, 2);
    set_price(out, 1, cents + below(m, 40), 2);
    set_price(out, 2, cents - below(m, 40), 2);
    set_price(out, 3, cents + 5 - below(m, 10), 2);
    set_price(out, 4, cents * 10000ull + below(m, 10000), 6);
    out->whole[0] = below(m, 200000);
    out->whole[1] = below(m, 2000);
}

static void next_message(market *m, message *out)
{
    static const char tapes[] = "ABC";
    uint32_t dice = below(m, 1000);
    *out = (message){.type = dice < 900 ? 'q' : dice < 992 ? 't' : 'b'};
    out->symbol = below(m, ATS_BENCH_DECODE_SYMBOLS);
    out->tape = tapes[below(m, 3)];
    m->cents[out->symbol] += below(m, 3) - 1;
    m->now_ns += 1 + below(m, 20000);
    out->time_ns = m->now_ns;
    if (out->type == 'q') {
        next_quote(m, out);
    } else if (out->type == 't') {
        next_trade(m, out);
    } else {
        next_bar(m, out);
        out->time_ns -= out->time_ns % 60000000000ll;
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void text(ats_bench_stream *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void text(ats_bench_stream *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    s->used += (uint64_t)vsnprintf(s->bytes + s->used, s->capacity - s->used, format, arguments);
    va_end(arguments);
}

/* As the server writes it: fraction digits without trailing zeros. */
static void time_as_text(ats_bench_stream *s, int64_t ns)
{
    char out[ATS_CLOCK_TEXT_BYTES];
    ats_clock_utc_text(ns, out);
    size_t n = strlen(out) - 1; /* the Z */
    while (out[n - 1] == '0')
        n--;
    text(s, "\"t\":\"%.*sZ\"}", (int)(out[n - 1] == '.' ? n - 1 : n), out);
}

static void conditions_as_text(ats_bench_stream *s, const message *m)
{
    for (uint32_t i = 0; i < m->condition_count; i++)
        text(s, "%s\"%c\"", i ? "," : ",\"c\":[", m->condition[i]);
    text(s, "],\"z\":\"%c\",", m->tape);
}

static void write_json(ats_bench_stream *s, const message *m)
{
    text(s, "{\"T\":\"%c\",\"S\":\"SYM%03u\",", m->type, m->symbol);
    if (m->type == 'q') {
        text(s, "\"bx\":\"%c\",\"bp\":%.*f,\"bs\":%llu,", m->venue[0], m->decimals[0], m->value[0],
             (unsigned long long)m->whole[0]);
        text(s, "\"ax\":\"%c\",\"ap\":%.*f,\"as\":%llu", m->venue[1], m->decimals[1], m->value[1],
             (unsigned long long)m->whole[1]);
        conditions_as_text(s, m);
    } else if (m->type == 't') {
        text(s, "\"i\":%llu,\"x\":\"%c\",\"p\":%.*f,\"s\":%llu", (unsigned long long)m->whole[1],
             m->venue[0], m->decimals[0], m->value[0], (unsigned long long)m->whole[0]);
        conditions_as_text(s, m);
    } else {
        for (uint32_t i = 0; i < 4; i++)
            text(s, "\"%c\":%.*f,", "ohlc"[i], m -> decimals[i], m -> value[i]);
        text(s, "\"v\":%llu,\"n\":%llu,\"vw\":%.*f,", (unsigned long long)m->whole[0],
             (unsigned long long)m->whole[1], m->decimals[4], m->value[4]);
    }
    time_as_text(s, m->time_ns);
}

/* ---- MessagePack ------------------------------------------------------------------------------
 */

static void byte(ats_bench_stream *s, uint32_t value)
{
    s->bytes[s->used++] = (char)value;
}

static void big_endian(ats_bench_stream *s, uint64_t value, uint32_t bytes)
{
    while (bytes--)
        byte(s, (uint32_t)(value >> 8 * bytes) & 0xff);
}

static void short_text(ats_bench_stream *s, const char *letters, uint32_t length)
{
    byte(s, 0xa0 | length);
    memcpy(s->bytes + s->used, letters, length);
    s->used += length;
}
#define KEY(s, literal) short_text((s), (literal), sizeof(literal) - 1)

static void real(ats_bench_stream *s, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    byte(s, 0xcb);
    big_endian(s, bits, 8);
}

static void whole(ats_bench_stream *s, uint64_t value)
{
    if (value < 128) {
        byte(s, (uint32_t)value);
        return;
    }
    uint32_t log = value < 0x100 ? 0 : value < 0x10000 ? 1 : value < 0x100000000ull ? 2 : 3;
    byte(s, 0xcc + log);
    big_endian(s, value, 1u << log);
}

static void write_tail(ats_bench_stream *s, const message *m)
{
    KEY(s, "c");
    byte(s, 0x90 | m->condition_count);
    for (uint32_t i = 0; i < m->condition_count; i++)
        short_text(s, &m->condition[i], 1);
    KEY(s, "z");
    short_text(s, &m->tape, 1);
}

static void write_msgpack(ats_bench_stream *s, const message *m)
{
    char symbol[8];
    int length = snprintf(symbol, sizeof symbol, "SYM%03u", m->symbol % 1000);
    byte(s, m->type == 'q' ? 0x8b : m->type == 't' ? 0x89 : 0x8a);
    KEY(s, "T");
    short_text(s, &m->type, 1);
    KEY(s, "S");
    short_text(s, symbol, (uint32_t)length);
    if (m->type == 'q') {
        KEY(s, "bx");
        short_text(s, &m->venue[0], 1);
        KEY(s, "bp");
        real(s, m->value[0]);
        KEY(s, "bs");
        whole(s, m->whole[0]);
        KEY(s, "ax");
        short_text(s, &m->venue[1], 1);
        KEY(s, "ap");
        real(s, m->value[1]);
        KEY(s, "as");
        whole(s, m->whole[1]);
        write_tail(s, m);
    } else if (m->type == 't') {
        KEY(s, "i");
        whole(s, m->whole[1]);
        KEY(s, "x");
        short_text(s, &m->venue[0], 1);
        KEY(s, "p");
        real(s, m->value[0]);
        KEY(s, "s");
        whole(s, m->whole[0]);
        write_tail(s, m);
    } else {
        for (uint32_t i = 0; i < 4; i++) {
            short_text(s, &"ohlc"[i], 1);
            real(s, m->value[i]);
        }
        KEY(s, "v");
        whole(s, m->whole[0]);
        KEY(s, "n");
        whole(s, m->whole[1]);
        KEY(s, "vw");
        real(s, m->value[4]);
    }
    KEY(s, "t");
    uint64_t ns = (uint64_t)m->time_ns;
    byte(s, 0xd7);
    byte(s, 0xff);
    big_endian(s, (ns % 1000000000u) << 34 | ns / 1000000000u, 8);
}

/* ---- frames ---------------------------------------------------------------------------------- */

static void open_frame(ats_bench_stream *s, uint32_t messages)
{
    s->frame[s->frame_count].at = (uint32_t)s->used;
    s->frame[s->frame_count].messages = messages;
}

static void close_frame(ats_bench_stream *s)
{
    uint32_t length = (uint32_t)s->used - s->frame[s->frame_count].at;
    s->frame[s->frame_count++].length = length;
    s->payload += length;
    memset(s->bytes + s->used, 0, ATS_DECODER_PADDING);
    s->used += ATS_DECODER_PADDING;
}

int ats_bench_streams_make(ats_bench_stream *json, ats_bench_stream *msgpack)
{
    static market m;
    ats_random_seed(&m.random, 42);
    m.now_ns = START_NS;
    for (uint32_t i = 0; i < ATS_BENCH_DECODE_SYMBOLS; i++)
        m.cents[i] = 500 + below(&m, 50000);
    ats_bench_stream *both[2] = {json, msgpack};
    for (int i = 0; i < 2; i++) {
        both[i]->capacity = ATS_BENCH_DECODE_MESSAGES * 512ull;
        both[i]->bytes = malloc(both[i]->capacity);
        if (!both[i]->bytes)
            return ats_error(ATS_EXIT_FAILED, "decode: out of memory");
    }
    for (uint32_t left = ATS_BENCH_DECODE_MESSAGES; left;) {
        uint32_t count = 1 + below(&m, 20);
        count = count < left ? count : left;
        open_frame(json, count);
        open_frame(msgpack, count);
        byte(json, '[');
        byte(msgpack, 0xdc);
        big_endian(msgpack, count, 2);
        for (uint32_t i = 0; i < count; i++) {
            message next;
            next_message(&m, &next);
            if (i)
                byte(json, ',');
            write_json(json, &next);
            write_msgpack(msgpack, &next);
        }
        byte(json, ']');
        close_frame(json);
        close_frame(msgpack);
        left -= count;
    }
    return 0;
}
