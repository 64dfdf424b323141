/* libmsgpack (msgpack-c): a frame into its tree of objects in a zone that is used again, then the
 * fields of each map by their names. */
#include "bench/decode.h"

#if ATS_HAVE_MSGPACK
#include "io/codec/quote.h"

#include <msgpack.h>
#include <msgpack/timestamp.h>

static int64_t to_e9(const msgpack_object *o)
{
    return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? (int64_t)o->via.u64 * ATS_E9
                                                      : (int64_t)(o->via.f64 * 1e9 + 0.5);
}

static int64_t to_ns(const msgpack_object *o)
{
    msgpack_timestamp t;
    return msgpack_object_to_timestamp(o, &t) ? t.tv_sec * ATS_E9 + t.tv_nsec : 0;
}

static uint8_t to_letter(const msgpack_object *o)
{
    return o->via.str.size == 0 || *o->via.str.ptr == ' ' ? 0 : (uint8_t)*o->via.str.ptr;
}

static void to_conditions(const msgpack_object *o, uint8_t out[4])
{
    memset(out, ' ', 4);
    for (uint32_t i = 0; i < o->via.array.size && i < 4; i++)
        out[i] = (uint8_t)*o->via.array.ptr[i].via.str.ptr;
}

#define PAIR(a, b) ((uint32_t)(unsigned char)(a) << 8 | (uint32_t)(unsigned char)(b))

static uint32_t key_of(const msgpack_object *o)
{
    const char *p = o->via.str.ptr;
    return o->via.str.size == 1 ? PAIR(0, p[0]) : PAIR(p[0], p[1]);
}

static void take_quote(const msgpack_object_map *map, ats_quote *q)
{
    uint8_t condition[4];
    for (uint32_t i = 2; i < map->size; i++) {
        const msgpack_object *v = &map->ptr[i].val;
        switch (key_of(&map->ptr[i].key)) {
        case PAIR('b', 'x'):
            q->bid_venue = to_letter(v);
            break;
        case PAIR('b', 'p'):
            q->bid_e9 = to_e9(v);
            break;
        case PAIR('b', 's'):
            q->bid_size_e9 = to_e9(v);
            break;
        case PAIR('a', 'x'):
            q->ask_venue = to_letter(v);
            break;
        case PAIR('a', 'p'):
            q->ask_e9 = to_e9(v);
            break;
        case PAIR('a', 's'):
            q->ask_size_e9 = to_e9(v);
            break;
        case PAIR(0, 'c'):
            to_conditions(v, condition);
            q->condition = condition[0];
            break;
        case PAIR(0, 't'):
            q->h.event_ns = to_ns(v);
            break;
        }
    }
    q->quote_flags = (uint8_t)(ats_quote_flags(q->bid_e9, q->ask_e9) | ATS_QUOTE_NATIONAL);
    q->source = ATS_SOURCE_ALPACA;
    q->h.kind = ATS_KIND_QUOTE;
}

static void take_trade(const msgpack_object_map *map, ats_trade *t)
{
    for (uint32_t i = 2; i < map->size; i++) {
        const msgpack_object *v = &map->ptr[i].val;
        switch (key_of(&map->ptr[i].key)) {
        case PAIR(0, 'i'):
            t->trade_id = v->via.u64;
            break;
        case PAIR(0, 'x'):
            t->venue = to_letter(v);
            break;
        case PAIR(0, 'p'):
            t->px_e9 = to_e9(v);
            break;
        case PAIR(0, 's'):
            t->qty_e9 = to_e9(v);
            break;
        case PAIR(0, 'c'):
            to_conditions(v, t->condition);
            break;
        case PAIR(0, 't'):
            t->h.event_ns = to_ns(v);
            break;
        }
    }
    t->source = ATS_SOURCE_ALPACA;
    t->h.kind = ATS_KIND_TRADE;
}

static void take_bar(const msgpack_object_map *map, ats_bar *b)
{
    for (uint32_t i = 2; i < map->size; i++) {
        const msgpack_object *v = &map->ptr[i].val;
        switch (key_of(&map->ptr[i].key)) {
        case PAIR(0, 'o'):
            b->open_e9 = to_e9(v);
            break;
        case PAIR(0, 'h'):
            b->high_e9 = to_e9(v);
            break;
        case PAIR(0, 'l'):
            b->low_e9 = to_e9(v);
            break;
        case PAIR(0, 'c'):
            b->close_e9 = to_e9(v);
            break;
        case PAIR(0, 'v'):
            b->volume_e9 = to_e9(v);
            break;
        case PAIR(0, 'n'):
            b->trade_count = (uint32_t)v->via.u64;
            break;
        case PAIR('v', 'w'):
            b->vwap_e9 = to_e9(v);
            break;
        case PAIR(0, 't'):
            b->h.event_ns = to_ns(v);
            break;
        }
    }
    b->period_s = 60;
    b->h.kind = ATS_KIND_BAR;
}

static void take_message(const msgpack_object_map *map, const ats_symbol_map *symbols,
                         ats_decoded *out)
{
    const msgpack_object_str *symbol = &map->ptr[1].val.via.str;
    memset(out, 0, sizeof *out);
    out->h.symbol_id = ats_symbol_map_find_text(symbols, symbol->ptr, symbol->size);
    switch (*map->ptr[0].val.via.str.ptr) {
    case 'q':
        take_quote(map, &out->quote);
        break;
    case 't':
        take_trade(map, &out->trade);
        break;
    default:
        take_bar(map, &out->bar);
    }
}

static uint32_t decode_all(const ats_bench_stream *stream, const ats_symbol_map *symbols,
                           ats_decoded *out)
{
    msgpack_zone zone;
    uint32_t n = 0;
    if (!msgpack_zone_init(&zone, 1u << 16))
        return 0;
    for (uint32_t f = 0; f < stream->frame_count; f++) {
        msgpack_object frame;
        size_t at = 0;
        if (msgpack_unpack(stream->bytes + stream->frame[f].at, stream->frame[f].length, &at, &zone,
                           &frame) < 0)
            break;
        for (uint32_t i = 0; i < frame.via.array.size; i++)
            take_message(&frame.via.array.ptr[i].via.map, symbols, &out[n++]);
        msgpack_zone_clear(&zone);
    }
    msgpack_zone_destroy(&zone);
    return n;
}

ats_bench_decode_all *ats_bench_msgpack_c(void)
{
    return decode_all;
}
#else
ats_bench_decode_all *ats_bench_msgpack_c(void)
{
    return NULL;
}
#endif
