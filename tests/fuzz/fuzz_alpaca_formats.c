/* One message, its values taken from the input, written as JSON and as MessagePack: both decoders
 * must give the same record, or refuse it for the same reason. Doubles are written as their
 * shortest text. */
#include "decoders.h"
#include "io/codec/live/alpaca.h"

#include <math.h>
#include <time.h>

typedef struct input {
    const uint8_t *at, *end;
} input;

typedef struct frames {
    char json[2048];
    uint8_t packed[1024];
    size_t json_length, packed_length;
} frames;

static uint64_t take(input *in, uint32_t bytes)
{
    uint64_t v = 0;
    for (; bytes && in->at < in->end; bytes--)
        v = v << 8 | *in->at++;
    return v;
}

static void pack(frames *f, uint64_t value, uint32_t bytes)
{
    while (bytes--)
        f->packed[f->packed_length++] = (uint8_t)(value >> 8 * bytes);
}

static void pack_text(frames *f, const char *text)
{
    pack(f, 0xa0 | strlen(text), 1);
    while (*text)
        pack(f, (uint8_t)*text++, 1);
}

#define JSON(f, ...)                                                                               \
    ((f)->json_length += (size_t)snprintf((f)->json + (f)->json_length,                            \
                                          sizeof(f)->json - (f)->json_length, __VA_ARGS__))

static void put_key(frames *f, const char *key)
{
    JSON(f, "%s\"%s\":", f->json_length > 2 ? "," : "", key);
    pack_text(f, key);
}

static void put_text(frames *f, const char *key, const char *text)
{
    put_key(f, key);
    JSON(f, "\"%s\"", text);
    pack_text(f, text);
}

static void put_double(frames *f, double value)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    JSON(f, "%s", text);
    pack(f, 0xcb, 1);
    pack(f, bits, 8);
}

static void put_whole(frames *f, const char *key, input *in)
{
    uint32_t log = (uint32_t)take(in, 1) & 3;
    uint64_t value = take(in, 1u << log);
    put_key(f, key);
    JSON(f, "%llu", (unsigned long long)value);
    pack(f, 0xcc + log, 1);
    pack(f, value, 1u << log);
}

/* A number in one of the ways in which it can be written; ids and counts are whole. */
static void put_number(frames *f, const char *key, input *in)
{
    static const double scale[] = {1, 10, 100, 10000, 1e6, 1e9, 1e10, 1e12};
    uint32_t how = (uint32_t)take(in, 1);
    if (how < 0x40 || key[strlen(key) - 1] == 'i' || *key == 'n') {
        put_whole(f, key, in);
        return;
    }
    put_key(f, key);
    uint64_t bits = take(in, 8);
    double value = (double)(int64_t)(bits >> 8 * (how >> 3 & 7)) / scale[how & 7];
    if (how < 0x80)
        memcpy(&value, &bits, sizeof value);
    put_double(f, isfinite(value) ? value : 0.1);
}

static void put_letter(frames *f, const char *key, input *in)
{
    char text[2] = {(char)(' ' + take(in, 1) % 95), 0};
    put_text(f, key, *text == '"' || *text == '\\' ? " " : text);
}

static void put_letters(frames *f, const char *key, input *in)
{
    uint32_t count = (uint32_t)take(in, 1) % 6;
    put_key(f, key);
    JSON(f, "[");
    pack(f, 0x90 | count, 1);
    for (uint32_t i = 0; i < count; i++) {
        char text[2] = {(char)('@' + take(in, 1) % 27), 0};
        JSON(f, "%s\"%s\"", i ? "," : "", text);
        pack_text(f, text);
    }
    JSON(f, "]");
}

/* Times as text in JSON, in one of three widths in MessagePack. */
static void put_time(frames *f, input *in)
{
    int64_t seconds = 315532800 + (int64_t)(take(in, 5) % 6942585600ull);
    uint32_t ns = (uint32_t)take(in, 4) % 1000000000u, width = (uint32_t)take(in, 1) % 3;
    time_t t = (time_t)seconds;
    struct tm civil;
    char text[40];
    ns = width == 0 ? 0 : ns;
    gmtime_r(&t, &civil);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &civil);
    put_key(f, "t");
    if (ns)
        JSON(f, "\"%s.%09uZ\"", text, ns);
    else
        JSON(f, "\"%sZ\"", text);
    if (width == 0 && seconds <= UINT32_MAX) {
        pack(f, 0xd6ff, 2);
        pack(f, (uint64_t)seconds, 4);
    } else if (width == 2) {
        pack(f, 0xc70cff, 3);
        pack(f, ns, 4);
        pack(f, (uint64_t)seconds, 8);
    } else {
        pack(f, 0xd7ff, 2);
        pack(f, (uint64_t)ns << 34 | (uint64_t)seconds, 8);
    }
}

static const char *const NUMBERS[4][9] = {{"bp", "bs", "ap", "as"},
                                          {"i", "p", "s"},
                                          {"o", "h", "l", "c", "v", "n", "vw"},
                                          {"oi", "op", "os", "ci", "cp", "cs"}};
static const char *const LETTERS[4][4] = {{"bx", "ax", "z"}, {"x", "z"}, {NULL}, {"x", "z"}};
static const char *const LISTS[4][3] = {{"c"}, {"c"}, {NULL}, {"oc", "cc"}};
static const char *const TYPES[4] = {"q", "t", "b", "c"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const symbols[] = {"AAPL", "BRK.A", "LONGSYMBOL123", "NOPE"};
    frames f = {.json = "[{", .json_length = 2};
    input in = {data, data + size};
    uint32_t kind = (uint32_t)take(&in, 1) % 4, pairs = 3;
    f.packed_length = 2; /* the heads of array and map */
    put_text(&f, "T", TYPES[kind]);
    put_text(&f, "S", symbols[take(&in, 1) % 4]);
    for (uint32_t i = 0; NUMBERS[kind][i]; i++, pairs++)
        put_number(&f, NUMBERS[kind][i], &in);
    for (uint32_t i = 0; LETTERS[kind][i]; i++, pairs++)
        put_letter(&f, LETTERS[kind][i], &in);
    for (uint32_t i = 0; LISTS[kind][i]; i++, pairs++)
        put_letters(&f, LISTS[kind][i], &in);
    put_time(&f, &in);
    JSON(&f, "}]");
    f.packed[0] = 0x91;
    f.packed[1] = (uint8_t)(0x80 | pairs);
    ats_decoder text = fuzz_decoder(false), binary = fuzz_decoder(false);
    static ats_decoded a[FUZZ_RECORDS], b[FUZZ_RECORDS];
    uint32_t n = fuzz_decode(&text, ats_alpaca_json_next, f.json, f.json_length, a);
    if (fuzz_decode(&binary, ats_alpaca_msgpack_next, (char *)f.packed, f.packed_length, b) != n)
        abort();
    if (n && memcmp(a, b, sizeof *a) != 0)
        abort();
    if (memcmp(text.refused, binary.refused, sizeof text.refused) != 0 ||
        text.unknown_symbols != binary.unknown_symbols)
        abort();
    return 0;
}
