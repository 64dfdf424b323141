#include "bench/decode.h"

#include "bench/bench.h"
#include "bench/decode_module.h"
#include "core/affinity.h"
#include "core/error.h"
#include "io/codec/live/alpaca.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define CONTENDERS_MAX 3u
#define PASSES         5u /* over the stream, a round: about ten milliseconds */

typedef struct contender {
    const char *name, *note;
    ats_bench_decode_all *decode;
} contender;

typedef struct decode_bench {
    ats_bench_result *result;
    const ats_bench_options *options;
    ats_symbol_map map;
    ats_decoded *ours, *theirs; /* what a pass gives */
    ats_histogram *samples[CONTENDERS_MAX];
    double ns[CONTENDERS_MAX][ATS_BENCH_ROUNDS_MAX];
    ats_bench_stream one; /* a frame on its own */
    uint64_t done, total;
} decode_bench;

/* ---- our own --------------------------------------------------------------------------------- */

static uint32_t decode_with(const ats_bench_stream *stream, const ats_symbol_map *map,
                            ats_decoded *out, bool (*next)(ats_decoder *, ats_decoded *),
                            bool general_only)
{
    static ats_decoder d; /* kept from call to call, as a feed keeps it */
    uint32_t n = 0;
    if (d.options.symbols != map || d.options.general_only != general_only)
        ats_decoder_init(&d, &(ats_decoder_options){.symbols = map,
                                                    .quote_lot = 1,
                                                    .national = true,
                                                    .general_only = general_only});
    for (uint32_t f = 0; f < stream->frame_count; f++) {
        ats_decoder_open(&d, stream->bytes + stream->frame[f].at, stream->frame[f].length);
        while (next(&d, &out[n]))
            n++;
    }
    return n;
}

static uint32_t decode_json(const ats_bench_stream *s, const ats_symbol_map *map, ats_decoded *out)
{
    return decode_with(s, map, out, ats_alpaca_json_next, false);
}

static uint32_t decode_general(const ats_bench_stream *s, const ats_symbol_map *map,
                               ats_decoded *out)
{
    return decode_with(s, map, out, ats_alpaca_json_next, true);
}

static uint32_t decode_msgpack_general(const ats_bench_stream *s, const ats_symbol_map *map,
                                       ats_decoded *out)
{
    return decode_with(s, map, out, ats_alpaca_msgpack_next, true);
}

static uint32_t decode_msgpack(const ats_bench_stream *s, const ats_symbol_map *map,
                               ats_decoded *out)
{
    return decode_with(s, map, out, ats_alpaca_msgpack_next, false);
}

/* ---- throughput ------------------------------------------------------------------------------ */

static int tell(decode_bench *b)
{
    b->done++;
    if (b->options->progress && b->options->progress(b->options->context, b->done, b->total))
        return ats_error(ATS_EXIT_INTERRUPTED, "decode: interrupted");
    return 0;
}

/* Both give the same records, to the byte, and all of them. */
static int expect_equal(decode_bench *b, const contender *c, uint32_t count,
                        const ats_bench_stream *stream)
{
    size_t bytes = ATS_BENCH_DECODE_MESSAGES * sizeof *b->ours;
    memset(b->ours, 0xff, bytes);
    uint32_t n = c[0].decode(stream, &b->map, b->ours);
    if (n != ATS_BENCH_DECODE_MESSAGES)
        return ats_error(ATS_EXIT_FAILED, "decode: %u messages of %u", n,
                         ATS_BENCH_DECODE_MESSAGES);
    for (uint32_t k = 1; k < count; k++) {
        memset(b->theirs, 0, bytes);
        if (c[k].decode(stream, &b->map, b->theirs) != n)
            return ats_error(ATS_EXIT_FAILED, "decode: %s gives another number of messages",
                             c[k].name);
        for (uint32_t i = 0; i < n; i++)
            if (memcmp(&b->ours[i], &b->theirs[i], sizeof b->ours[i]) != 0)
                return ats_error(ATS_EXIT_FAILED, "decode: %s gives another record %u", c[k].name,
                                 i);
    }
    return 0;
}

static int throughput(decode_bench *b, const char *name, const contender *c, uint32_t count,
                      const ats_bench_stream *stream, double goal)
{
    if (expect_equal(b, c, count, stream) != 0)
        return -1;
    const double messages = (double)PASSES * ATS_BENCH_DECODE_MESSAGES;
    for (uint32_t round = 0; round < b->options->rounds; round++)
        for (uint32_t i = 0; i < count; i++) {
            uint32_t k = (i + round) % count;
            uint64_t start = ats_clock_now(&b->result->clock);
            for (uint32_t pass = 0; pass < PASSES; pass++)
                c[k].decode(stream, &b->map, b->theirs);
            b->ns[k][round] = (double)(ats_clock_now(&b->result->clock) - start) / messages;
            if (tell(b) != 0)
                return -1;
        }
    for (uint32_t k = 0; k < count; k++) {
        double ns = 0;
        for (uint32_t r = 0; r < b->options->rounds; r++)
            ns += b->ns[k][r] / b->options->rounds;
        ats_bench_row *row = ats_bench_add_row(b->result, name, c[k].name, NULL, 1, 1e9 / ns);
        row->n = (uint64_t)messages * b->options->rounds;
        snprintf(row->note, sizeof row->note, "%.1f ns a message, %.0f MB/s; %s", ns,
                 (double)stream->payload / ATS_BENCH_DECODE_MESSAGES / ns * 1e3, c[k].note);
    }
    for (uint32_t k = 1; k < count; k++)
        ats_bench_add_ratio(b->result, name, c[0].name, b->ns[0], c[k].name, b->ns[k],
                            b->options->rounds, k == count - 1 ? goal : NAN);
    return 0;
}

/* ---- one quote on its own -------------------------------------------------------------------- */

/* Frames of one quote, taken out of the stream's, in place of it. */
static void only_quotes(ats_bench_stream *one, const ats_bench_stream *json)
{
    one->frame_count = 0;
    one->used = 0;
    for (uint32_t f = 0; f < json->frame_count; f++) {
        const char *p = json->bytes + json->frame[f].at + 1;
        if (memcmp(p, "{\"T\":\"q\"", 8) != 0)
            continue;
        size_t length = (size_t)(strchr(p, '}') - p) + 1;
        char *to = one->bytes + one->used;
        to[0] = '[';
        memcpy(to + 1, p, length);
        to[length + 1] = ']';
        memset(to + length + 2, 0, ATS_DECODER_PADDING);
        one->frame[one->frame_count].at = (uint32_t)one->used;
        one->frame[one->frame_count++].length = (uint32_t)length + 2;
        one->used += length + 2 + ATS_DECODER_PADDING;
    }
}

/* A frame that has just been received lies in the cache. */
static void warm(const char *frame, uint32_t length)
{
    for (uint32_t i = 0; i < length; i += ATS_CACHE_LINE)
        __builtin_prefetch(frame + i);
    __asm__ volatile("mfence" ::: "memory");
}

static int latency(decode_bench *b, const contender *c, uint32_t count,
                   const ats_bench_stream *json)
{
    static ats_bench_stream single;
    only_quotes(&b->one, json);
    single = (ats_bench_stream){.bytes = b->one.bytes, .frame_count = 1};
    for (uint32_t k = 0; k < count; k++)
        ats_histogram_reset(b->samples[k]);
    for (uint32_t round = 0; round < b->options->rounds; round++) {
        for (uint32_t f = 0; f < b->one.frame_count; f++)
            for (uint32_t i = 0; i < count; i++) {
                uint32_t k = (i + f) % count;
                single.frame[0] = b->one.frame[f];
                warm(single.bytes + single.frame[0].at, single.frame[0].length);
                uint64_t start = ats_clock_now(&b->result->clock);
                c[k].decode(&single, &b->map, b->theirs);
                ats_histogram_record(b->samples[k], ats_clock_now(&b->result->clock) - start);
            }
        if (tell(b) != 0)
            return -1;
    }
    for (uint32_t k = 0; k < count; k++) {
        ats_bench_row *row =
            ats_bench_add_row(b->result, "latency/json/quote", c[k].name, b->samples[k], 1, 0);
        row->per_second = 1e9 / row->p50_ns;
        snprintf(row->note, sizeof row->note,
                 "one quote in its frame; the clock's reading included");
    }
    return 0;
}

/* ---- the module ------------------------------------------------------------------------------ */

static int run_cases(decode_bench *b, const ats_bench_stream *json, const ats_bench_stream *msgpack)
{
    contender text[CONTENDERS_MAX] = {{"ats", "as the server lays it out", decode_json},
                                      {"ats-general", "any layout", decode_general},
                                      {"simdjson", "On-Demand", ats_bench_simdjson()}};
    contender binary[CONTENDERS_MAX] = {
        {"ats", "in the widths that the server uses", decode_msgpack},
        {"ats-general", "any width and order", decode_msgpack_general},
        {"libmsgpack", "unpacked in a zone", ats_bench_msgpack_c()}};
    uint32_t texts = text[2].decode ? 3 : 2, binaries = binary[2].decode ? 3 : 2;
    if (texts < 3)
        ats_bench_say(b->result, "simdjson was not there at build time: left out.");
    if (binaries < 3)
        ats_bench_say(b->result, "libmsgpack was not there at build time: left out.");
    if (b->result->cpu_count && ats_thread_pin(b->result->cpus[0]) != 0)
        return -1;
    b->total = (uint64_t)b->options->rounds * (texts + binaries + 1);
    return throughput(b, "throughput/json", text, texts, json, texts == 3 ? 1.5 : NAN) != 0 ||
                   throughput(b, "throughput/msgpack", binary, binaries, msgpack,
                              binaries == 3 ? 2.0 : NAN) != 0 ||
                   latency(b, text, texts, json) != 0
               ? -1
               : 0;
}

static int make_map(decode_bench *b, ats_symbols *symbols, void **memory)
{
    for (uint32_t i = 0; i < ATS_BENCH_DECODE_SYMBOLS; i++) {
        ats_symbol s = {.venue = "US", .currency = "USD", .symbol_class = ATS_CLASS_EQUITY};
        snprintf(s.text, sizeof s.text, "SYM%03u", i);
        if (ats_symbols_add(symbols, &s) == 0)
            return -1;
    }
    *memory = malloc(ats_symbol_map_footprint(symbols->count));
    if (!*memory)
        return ats_error(ATS_EXIT_FAILED, "decode: out of memory");
    return ats_symbol_map_build(&b->map, *memory, symbols, NULL);
}

static int run(ats_bench_result *result, const ats_bench_options *options)
{
    decode_bench *b = calloc(1, sizeof *b);
    ats_bench_stream *json = calloc(1, sizeof *json), *msgpack = calloc(1, sizeof *msgpack);
    size_t bytes = (ats_histogram_footprint() + 63) & ~(size_t)63;
    uint8_t *histograms = aligned_alloc(64, CONTENDERS_MAX * bytes);
    ats_symbols symbols = {0};
    void *map_memory = NULL;
    cpu_set_t before;
    int failed = -1;
    if (b) {
        b->ours = aligned_alloc(64, ATS_BENCH_DECODE_MESSAGES * sizeof *b->ours);
        b->theirs = aligned_alloc(64, ATS_BENCH_DECODE_MESSAGES * sizeof *b->theirs);
        b->one.bytes = malloc(ATS_BENCH_DECODE_MESSAGES * 512ull);
    }
    if (!b || !json || !msgpack || !histograms || !b->ours || !b->theirs || !b->one.bytes ||
        sched_getaffinity(0, sizeof before, &before) != 0) {
        ats_error(ATS_EXIT_FAILED, "decode: out of memory");
    } else if (make_map(b, &symbols, &map_memory) == 0 &&
               ats_bench_streams_make(json, msgpack) == 0) {
        b->result = result;
        b->options = options;
        for (uint32_t i = 0; i < CONTENDERS_MAX; i++)
            b->samples[i] = ats_histogram_new(histograms + i * bytes);
        failed = run_cases(b, json, msgpack);
        sched_setaffinity(0, sizeof before, &before); /* the caller's, as it was */
    }
    if (b) {
        free(b->ours);
        free(b->theirs);
        free(b->one.bytes);
    }
    if (json)
        free(json->bytes);
    if (msgpack)
        free(msgpack->bytes);
    free(map_memory);
    ats_symbols_free(&symbols);
    free(histograms);
    free(msgpack);
    free(json);
    free(b);
    return failed;
}

const ats_bench_module ats_bench_decode = {
    .name = "decode",
    .purpose = "messages of a live feed to records, against simdjson and libmsgpack",
    .run = run,
};
