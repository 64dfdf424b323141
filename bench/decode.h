/* decode.h: a made-up stream of Alpaca market data, and what decodes it beside our own decoders.
 *
 * Nine messages in ten are quotes, most others trades, a few minute bars, in frames of 1 to 20, as
 * JSON text and as MessagePack of the same values. A contender turns a whole stream into the same
 * records: symbols to ids by the same map, prices and sizes to 1e-9 units, times to ns.
 */
#ifndef ATS_BENCH_DECODE_H
#define ATS_BENCH_DECODE_H

#include "io/codec/live/decoded.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ATS_BENCH_DECODE_SYMBOLS  500u
#define ATS_BENCH_DECODE_MESSAGES 20000u

typedef struct ats_bench_stream {
    char *bytes; /* frames, each followed by its padding */
    uint64_t used, capacity;
    uint64_t payload; /* bytes of the frames alone */
    uint32_t frame_count;
    struct {
        uint32_t at, length, messages;
    } frame[ATS_BENCH_DECODE_MESSAGES];
} ats_bench_stream;

/* A peer's decoder: all frames of the stream into out[], in order. Messages that it gave. */
typedef uint32_t ats_bench_decode_all(const ats_bench_stream *stream, const ats_symbol_map *map,
                                      ats_decoded *out);

/* NULL: not there at build time. */
ats_bench_decode_all *ats_bench_simdjson(void);
ats_bench_decode_all *ats_bench_msgpack_c(void);

/* Both streams of one market, for the symbols SYM000 to SYM499. 0, or -1 with an error pushed. */
int ats_bench_streams_make(ats_bench_stream *json, ats_bench_stream *msgpack);

#ifdef __cplusplus
}
#endif
#endif
