/* The V2 encoding of hlog.h, both ways. */
#include "io/hlog.h"

#include "core/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define COOKIE_MASK       0xffffff0fu /* bits 4..7 held a word size in older versions */
#define COOKIE_PLAIN      0x1c849303u
#define COOKIE_COMPRESSED 0x1c849304u
#define HEADER_BYTES      40u
#define WRAPPER_BYTES     8u
#define CELL_BYTES        9u /* the longest 64b9B number */

static uint32_t load_be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t load_be64(const uint8_t *at)
{
    return (uint64_t)load_be32(at) << 32 | load_be32(at + 4);
}

static void store_be32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void store_be64(uint8_t *at, uint64_t v)
{
    store_be32(at, (uint32_t)(v >> 32));
    store_be32(at + 4, (uint32_t)v);
}

/* ----------------------------------------------------------------------------------- encode */

size_t ats_hlog_plain_bound(const ats_histogram_layout *layout)
{
    return HEADER_BYTES + (size_t)layout->cells * CELL_BYTES;
}

size_t ats_hlog_compressed_bound(const ats_histogram_layout *layout)
{
    return WRAPPER_BYTES + compressBound(ats_hlog_plain_bound(layout));
}

/* ZigZag, then groups of 7 bits, low first; a ninth byte holds 8. Returns the bytes used. */
static size_t put_number(uint8_t *at, int64_t n)
{
    uint64_t u = ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
    size_t k = 0;
    for (; k < CELL_BYTES - 1 && u >= 0x80; k++, u >>= 7)
        at[k] = (uint8_t)(u | 0x80);
    at[k++] = (uint8_t)u;
    return k;
}

size_t ats_hlog_encode(const ats_histogram *h, uint8_t *bytes)
{
    uint32_t cells = h->layout.cells;
    while (cells > 1 && ats_load_relaxed(&h->count[cells - 1]) == 0)
        cells--;
    uint8_t *at = bytes + HEADER_BYTES;
    for (uint32_t i = 0; i < cells;) {
        uint64_t n = ats_load_relaxed(&h->count[i++]);
        int64_t number = (int64_t)n;
        if (n == 0) {
            int64_t run = 1;
            for (; i < cells && ats_load_relaxed(&h->count[i]) == 0; i++)
                run++;
            number = run > 1 ? -run : 0;
        }
        at += put_number(at, number);
    }
    store_be32(bytes, COOKIE_PLAIN | 0x10);
    store_be32(bytes + 4, (uint32_t)(at - bytes - HEADER_BYTES));
    store_be32(bytes + 8, 0);
    store_be32(bytes + 12, h->layout.digits);
    store_be64(bytes + 16, h->layout.lowest);
    store_be64(bytes + 24, h->layout.highest);
    store_be64(bytes + 32, 0x3ff0000000000000u); /* 1.0 */
    return (size_t)(at - bytes);
}

int ats_hlog_compress(const uint8_t *plain, size_t n, uint8_t *bytes, size_t capacity,
                      size_t *length)
{
    assert(capacity > WRAPPER_BYTES);
    uLongf packed = capacity - WRAPPER_BYTES;
    int rc = compress2(bytes + WRAPPER_BYTES, &packed, plain, n, Z_DEFAULT_COMPRESSION);
    if (rc != Z_OK)
        return ats_error(ATS_EXIT_FAILED, "histogram: zlib cannot compress it: %s", zError(rc));
    store_be32(bytes, COOKIE_COMPRESSED | 0x10);
    store_be32(bytes + 4, (uint32_t)packed);
    *length = WRAPPER_BYTES + packed;
    return 0;
}

/* ----------------------------------------------------------------------------------- decode */

static int bad(const char *what)
{
    return ats_error(ATS_EXIT_DATA, "histogram: %s", what);
}

/* Reads the 40-byte header into a new histogram and the payload's length. */
static int decode_header(const uint8_t *bytes, ats_histogram **histogram, size_t *payload_bytes)
{
    uint32_t cookie = load_be32(bytes);
    if ((cookie & COOKIE_MASK) != COOKIE_PLAIN)
        return ats_error(ATS_EXIT_DATA, "histogram: cookie %08x is not HdrHistogram V2", cookie);
    if (load_be32(bytes + 8) != 0)
        return bad("a normalizing offset is not supported");
    if (load_be64(bytes + 32) != 0x3ff0000000000000u)
        return bad("a value ratio other than 1 is not supported");
    ats_histogram_layout layout;
    if (!ats_histogram_layout_of(&layout, load_be64(bytes + 16), load_be64(bytes + 24),
                                 load_be32(bytes + 12)))
        return bad("its range and digits make no layout that can be read");
    *payload_bytes = load_be32(bytes + 4);
    if (*payload_bytes > (size_t)layout.cells * CELL_BYTES)
        return bad("its payload is longer than its layout can need");
    void *memory = aligned_alloc(64, (ats_histogram_layout_footprint(&layout) + 63) & ~(size_t)63);
    if (!memory)
        return ats_error(ATS_EXIT_FAILED, "histogram: out of memory");
    *histogram = ats_histogram_layout_new(memory, &layout);
    return 0;
}

/* Reads one number at *at; false when the bytes end inside it. */
static bool get_number(const uint8_t **at, const uint8_t *end, int64_t *n)
{
    uint64_t u = 0;
    for (uint32_t k = 0; k < CELL_BYTES; k++) {
        if (*at == end)
            return false;
        uint64_t byte = *(*at)++;
        if (k == CELL_BYTES - 1 || byte < 0x80) {
            u |= byte << (7 * k);
            break;
        }
        u |= (byte & 0x7f) << (7 * k);
    }
    *n = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
    return true;
}

static int decode_counts(const uint8_t *at, size_t n, ats_histogram *h)
{
    const uint8_t *end = at + n;
    uint64_t total = 0;
    uint64_t cell = 0;
    while (at < end) {
        int64_t number;
        if (!get_number(&at, end, &number))
            return bad("it ends inside a count");
        /* 0 - x, not -x: INT64_MIN has no positive twin. */
        uint64_t span = number < 0 ? 0 - (uint64_t)number : 1;
        if (span > h->layout.cells - cell)
            return bad("its counts overrun its layout");
        if (number > 0) {
            h->count[cell] = (uint64_t)number;
            total += (uint64_t)number;
            if (total > INT64_MAX)
                return bad("its counts overflow");
        }
        cell += span;
    }
    return 0;
}

static int inflate_exactly(z_stream *stream, uint8_t *out, size_t n)
{
    stream->next_out = out;
    stream->avail_out = (uInt)n;
    while (stream->avail_out > 0) {
        int rc = inflate(stream, Z_SYNC_FLUSH);
        if (rc == Z_STREAM_END && stream->avail_out == 0)
            break;
        if (rc != Z_OK)
            return bad("its zlib stream is damaged or too short");
    }
    return 0;
}

/* Nothing may be left, and zlib's checksum is looked at only when the stream ends. */
static int inflate_ends(z_stream *stream)
{
    uint8_t surplus;
    stream->next_out = &surplus;
    stream->avail_out = 1;
    int rc = inflate(stream, Z_FINISH);
    if (rc != Z_STREAM_END || stream->avail_out == 0 || stream->avail_in != 0)
        return bad("its zlib stream is damaged or too long");
    return 0;
}

static int decode_stream(z_stream *stream, ats_histogram **h)
{
    uint8_t header[HEADER_BYTES];
    size_t n;
    if (inflate_exactly(stream, header, sizeof header) != 0 || decode_header(header, h, &n) != 0)
        return -1;
    uint8_t *payload = malloc(n + 1);
    if (!payload)
        return ats_error(ATS_EXIT_FAILED, "histogram: out of memory");
    int result = inflate_exactly(stream, payload, n);
    if (result == 0)
        result = inflate_ends(stream);
    if (result == 0)
        result = decode_counts(payload, n, *h);
    free(payload);
    return result;
}

static int decode_compressed(const uint8_t *bytes, size_t n, ats_histogram **h)
{
    if (load_be32(bytes + 4) != n - WRAPPER_BYTES)
        return bad("its length is not what it says");
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)(bytes + WRAPPER_BYTES),
                       .avail_in = (uInt)(n - WRAPPER_BYTES)};
    if (inflateInit(&stream) != Z_OK)
        return ats_error(ATS_EXIT_FAILED, "histogram: zlib: out of memory");
    int result = decode_stream(&stream, h);
    inflateEnd(&stream);
    return result;
}

static int decode_plain(const uint8_t *bytes, size_t n, ats_histogram **h)
{
    size_t payload_bytes;
    if (n < HEADER_BYTES)
        return bad("it ends inside its header");
    if (decode_header(bytes, h, &payload_bytes) != 0)
        return -1;
    if (payload_bytes != n - HEADER_BYTES)
        return bad("its length is not what it says");
    return decode_counts(bytes + HEADER_BYTES, payload_bytes, *h);
}

int ats_hlog_decode(const uint8_t *bytes, size_t n, ats_histogram **histogram)
{
    *histogram = NULL;
    if (n < WRAPPER_BYTES || n > UINT32_MAX)
        return bad("it ends inside its header");
    bool compressed = (load_be32(bytes) & COOKIE_MASK) == COOKIE_COMPRESSED;
    ats_histogram *h = NULL;
    int result = compressed ? decode_compressed(bytes, n, &h) : decode_plain(bytes, n, &h);
    if (result != 0) {
        free(h);
        return -1;
    }
    *histogram = h;
    return 0;
}
