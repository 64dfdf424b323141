/* simdjson's On-Demand front end, used as its documentation advises: one parser, fields asked for
 * in the order in which they come, padded input in place. Doubles to 1e-9 units by one product,
 * times by a cached minute and its digits: no slower than the rest of the peer's work. */
#include "bench/decode.h"

#if ATS_HAVE_SIMDJSON
#include "io/codec/quote.h"
extern "C" {
#include "io/codec/rfc3339.h"
}

#include <cstring>
#include <simdjson.h>

namespace {

using simdjson::ondemand::object;
using simdjson::ondemand::parser;

int64_t to_e9(double value)
{
    return (int64_t)(value * 1e9 + 0.5);
}

struct minute_cache {
    char text[16];
    int64_t ns;
};

int64_t to_ns(std::string_view text, minute_cache &minute)
{
    if (text.size() < 20 || memcmp(text.data(), minute.text, 16) != 0) {
        char first[] = "0000-00-00T00:00:00Z";
        memcpy(first, text.data(), 16);
        memcpy(minute.text, text.data(), 16);
        if (!ats_rfc3339_ns(first, 20, &minute.ns))
            return 0;
    }
    int64_t ns = ((text[17] - '0') * 10 + (text[18] - '0')) * 1000000000ll, unit = 100000000;
    for (size_t i = 20; i + 1 < text.size(); i++, unit /= 10)
        ns += (text[i] - '0') * unit;
    return minute.ns + ns;
}

uint8_t letter(std::string_view text)
{
    return text[0] == ' ' ? 0 : (uint8_t)text[0];
}

void conditions(object &o, uint8_t out[4])
{
    uint32_t n = 0;
    memset(out, ' ', 4);
    for (auto element : o.find_field("c").get_array())
        if (n < 4)
            out[n++] = (uint8_t)element.get_string().value()[0];
}

void take_quote(object &o, ats_quote *q, minute_cache &minute)
{
    uint8_t condition[4];
    q->bid_venue = letter(o.find_field("bx").get_string());
    q->bid_e9 = to_e9(o.find_field("bp").get_double());
    q->bid_size_e9 = (int64_t)o.find_field("bs").get_uint64() * ATS_E9;
    q->ask_venue = letter(o.find_field("ax").get_string());
    q->ask_e9 = to_e9(o.find_field("ap").get_double());
    q->ask_size_e9 = (int64_t)o.find_field("as").get_uint64() * ATS_E9;
    conditions(o, condition);
    q->condition = condition[0];
    q->h.event_ns = to_ns(o.find_field("t").get_string(), minute);
    q->quote_flags = (uint8_t)(ats_quote_flags(q->bid_e9, q->ask_e9) | ATS_QUOTE_NATIONAL);
    q->source = ATS_SOURCE_ALPACA;
    q->h.kind = ATS_KIND_QUOTE;
}

void take_trade(object &o, ats_trade *t, minute_cache &minute)
{
    t->trade_id = o.find_field("i").get_uint64();
    t->venue = letter(o.find_field("x").get_string());
    t->px_e9 = to_e9(o.find_field("p").get_double());
    t->qty_e9 = (int64_t)o.find_field("s").get_uint64() * ATS_E9;
    conditions(o, t->condition);
    t->h.event_ns = to_ns(o.find_field("t").get_string(), minute);
    t->source = ATS_SOURCE_ALPACA;
    t->h.kind = ATS_KIND_TRADE;
}

void take_bar(object &o, ats_bar *b, minute_cache &minute)
{
    b->open_e9 = to_e9(o.find_field("o").get_double());
    b->high_e9 = to_e9(o.find_field("h").get_double());
    b->low_e9 = to_e9(o.find_field("l").get_double());
    b->close_e9 = to_e9(o.find_field("c").get_double());
    b->volume_e9 = (int64_t)o.find_field("v").get_uint64() * ATS_E9;
    b->trade_count = (uint32_t)o.find_field("n").get_uint64();
    b->vwap_e9 = to_e9(o.find_field("vw").get_double());
    b->h.event_ns = to_ns(o.find_field("t").get_string(), minute);
    b->period_s = 60;
    b->h.kind = ATS_KIND_BAR;
}

uint32_t decode_all(const ats_bench_stream *stream, const ats_symbol_map *map, ats_decoded *out)
{
    static parser p;
    minute_cache minute = {};
    uint32_t n = 0;
    for (uint32_t f = 0; f < stream->frame_count; f++) {
        size_t length = stream->frame[f].length;
        simdjson::padded_string_view view(stream->bytes + stream->frame[f].at, length,
                                          length + ATS_DECODER_PADDING);
        auto document = p.iterate(view);
        for (auto element : document.get_array()) {
            object o = element.get_object();
            std::string_view type = o.find_field("T").get_string();
            std::string_view symbol = o.find_field("S").get_string();
            ats_decoded *m = &out[n++];
            memset(m, 0, sizeof *m);
            m->h.symbol_id = ats_symbol_map_find_text(map, symbol.data(), symbol.size());
            if (type[0] == 'q')
                take_quote(o, &m->quote, minute);
            else if (type[0] == 't')
                take_trade(o, &m->trade, minute);
            else
                take_bar(o, &m->bar, minute);
        }
    }
    return n;
}

} // namespace

ats_bench_decode_all *ats_bench_simdjson(void)
{
    static_assert(ATS_DECODER_PADDING >= simdjson::SIMDJSON_PADDING,
                  "the same padding serves both");
    return decode_all;
}
#else
ats_bench_decode_all *ats_bench_simdjson(void)
{
    return nullptr;
}
#endif
