#include "io/capture_format.h"

#include <string.h>

#define ZSTD_STATIC_LINKING_ONLY /* contexts in memory of the caller */
#include <zstd.h>

#define LINE(bytes) (((bytes) + ATS_CACHE_LINE - 1) & ~(size_t)(ATS_CACHE_LINE - 1))

/* Only sub and flags of word 4 may differ from the context's: symbol and kind were checked there.
 */
#define WORD4_VARIES 0xff00ffff00000000ull
static_assert(offsetof(ats_header, sub) == 36 && offsetof(ats_header, kind) == 38 &&
                  offsetof(ats_header, flags) == 39,
              "word 4 is symbol_id u32, sub u16, kind u8, flags u8");

#define CONTEXT_BASE 3 /* word of a context that no column uses: symbol and kind as checked */

static const uint64_t WIDTH_MASK[16] = {0,          0xff,         0xffff,         0xffffff,
                                        0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff,
                                        UINT64_MAX};

size_t ats_capture_decoder_footprint(void)
{
    return LINE(sizeof(ats_capture_decoder)) + LINE(ATS_CAPTURE_TILE_RECORDS * sizeof(ats_market)) +
           LINE(ATS_CAPTURE_BLOCK_RECORDS * sizeof(ats_capture_context)) +
           LINE(ATS_CAPTURE_BLOCK_RECORDS * sizeof(uint16_t)) +
           LINE(ATS_CAPTURE_RAW_MAX + ATS_CAPTURE_RAW_SLACK) + LINE(ZSTD_estimateDCtxSize());
}

ats_capture_decoder *ats_capture_decoder_new(void *memory)
{
    uint8_t *p = memory;
    memset(p, 0, ats_capture_decoder_footprint());
    ats_capture_decoder *d = memory;
    p += LINE(sizeof *d);
    d->tile = (ats_market *)p;
    p += LINE(ATS_CAPTURE_TILE_RECORDS * sizeof(ats_market));
    d->context = (ats_capture_context *)p;
    p += LINE(ATS_CAPTURE_BLOCK_RECORDS * sizeof(ats_capture_context));
    d->value_words = (uint16_t *)p;
    p += LINE(ATS_CAPTURE_BLOCK_RECORDS * sizeof(uint16_t));
    d->raw = p;
    p += LINE(ATS_CAPTURE_RAW_MAX + ATS_CAPTURE_RAW_SLACK);
    d->zstd = ZSTD_initStaticDCtx(p, ZSTD_estimateDCtxSize());
    assert(d->zstd);
    return d;
}

/* ---- hot ---------------------------------------------------------------------------------- */

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Sum of the widths of count records, or UINT64_MAX when one is no width. */
static uint64_t width_sum(const uint8_t *width, uint32_t count)
{
    uint64_t sum = 0;
    uint32_t bad = 0;
    for (uint32_t i = 0; i < count / 2; i++) {
        uint32_t low = width[i] & 15u, high = width[i] >> 4;
        sum += low + high;
        bad |= (low > 8) | (high > 8);
    }
    if (count % 2) { /* the spare nibble is not a record's and must be 0 */
        sum += width[count / 2];
        bad |= width[count / 2] > 8;
    }
    return bad ? UINT64_MAX : sum;
}

static const char *load_contexts(ats_capture_decoder *d, const uint8_t *p, uint32_t symbol_count)
{
    for (uint32_t i = 0; i < d->context_count; i++) {
        uint64_t base = load_u64(p + 8ull * i);
        uint32_t slot = ats_capture_slot(base >> 48 & 0xff);
        if (base & WORD4_VARIES)
            return "context with stray bits";
        if (slot == 0)
            return "record kind that is none";
        if ((uint32_t)base > symbol_count)
            return "symbol that the table does not hold";
        memset(&d->context[i], 0, sizeof d->context[i]);
        d->context[i].word[CONTEXT_BASE] = base;
        d->context[i].word[4] = base;
        d->value_words[i] = ats_capture_value_words[slot];
    }
    return NULL;
}

static const char *load_columns(ats_capture_decoder *d, const uint8_t *p, const uint8_t *end)
{
    uint32_t width_bytes = (d->count + 1) / 2;
    for (uint32_t w = 0; w < ATS_CAPTURE_WORDS; w++) {
        if (!(d->column_mask >> w & 1))
            continue;
        if ((size_t)(end - p) < 12 + (size_t)width_bytes)
            return "column cut short";
        ats_capture_column *column = &d->column[w];
        uint32_t data_bytes;
        column->scale = load_u64(p);
        memcpy(&data_bytes, p + 8, sizeof data_bytes);
        column->width = p + 12;
        column->data = column->width + width_bytes;
        if (data_bytes > (size_t)(end - column->data))
            return "column longer than its block";
        if (width_sum(column->width, d->count) != data_bytes)
            return "column widths that do not add up";
        p = column->data + data_bytes;
    }
    return p == end ? NULL : "bytes left over";
}

const char *ats_capture_decoder_load(ats_capture_decoder *d, const ats_capture_section *section,
                                     const uint8_t *payload, uint32_t symbol_count)
{
    d->count = d->at = 0;
    if (section->count == 0 || section->count > ATS_CAPTURE_BLOCK_RECORDS ||
        section->raw_bytes > ATS_CAPTURE_RAW_MAX || section->raw_bytes < 8)
        return "count or length out of range";
    if (XXH3_64bits(payload, section->payload_bytes) != section->payload_hash)
        return "checksum mismatch";
    size_t raw_bytes =
        ZSTD_decompressDCtx(d->zstd, d->raw, ATS_CAPTURE_RAW_MAX, payload, section->payload_bytes);
    if (ZSTD_isError(raw_bytes) || raw_bytes != section->raw_bytes)
        return "does not decompress to its stated length";
    const uint8_t *p = d->raw, *end = d->raw + raw_bytes;
    memcpy(&d->column_mask, p, 2);
    d->context_bytes = p[2];
    d->event_is_recv = p[3];
    memcpy(&d->context_count, p + 4, 4);
    p += 8;
    if ((d->column_mask & ~ATS_CAPTURE_WORD_MASK) || d->event_is_recv > 1 ||
        (d->event_is_recv && (d->column_mask & 2)))
        return "unknown columns";
    if (d->context_count == 0 || d->context_count > section->count || d->context_bytes < 1 ||
        d->context_bytes > 2)
        return "context count out of range";
    if ((size_t)(end - p) < 8ull * d->context_count + (size_t)d->context_bytes * section->count)
        return "context column cut short";
    const char *wrong = load_contexts(d, p, symbol_count);
    if (wrong)
        return wrong;
    d->context_column = p + 8ull * d->context_count;
    d->count = section->count;
    wrong = load_columns(d, d->context_column + (size_t)d->context_bytes * d->count, end);
    if (wrong) {
        d->count = 0;
        return wrong;
    }
    d->event_seq = 0;
    d->recv_ns = (uint64_t)section->first_recv_ns;
    d->last_recv_ns = section->last_recv_ns;
    return NULL;
}

static inline uint64_t take(const uint8_t **data, uint32_t width, uint64_t scale)
{
    uint64_t z = load_u64(*data) & WIDTH_MASK[width];
    *data += width;
    return (z >> 1 ^ (0 - (z & 1))) * scale;
}

static inline uint32_t width_at(const uint8_t *width, uint32_t i)
{
    return width[i / 2] >> (i % 2 * 4) & 15u;
}

/* Differences against the record before. Returns the value of the last one. */
static uint64_t unpack_stream(ats_capture_decoder *d, uint32_t w, uint64_t value, uint32_t n)
{
    uint64_t *out = (uint64_t *)d->tile + w;
    ats_capture_column *column = &d->column[w];
    if (!(d->column_mask >> w & 1)) {
        for (uint32_t i = 0; i < n; i++)
            out[i * ATS_CAPTURE_WORDS] = value;
        return value;
    }
    const uint8_t *width = column->width + d->at / 2, *data = column->data;
    uint64_t scale = column->scale;
    for (uint32_t i = 0; i < n; i++) {
        value += take(&data, width_at(width, i), scale);
        out[i * ATS_CAPTURE_WORDS] = value;
    }
    column->data = data;
    return value;
}

/* Differences against the record before of the same context. Not 0 when a value is out of range. */
static uint32_t unpack_context(ats_capture_decoder *d, uint32_t w, uint32_t n)
{
    uint64_t *out = (uint64_t *)d->tile + w;
    ats_capture_column *column = &d->column[w];
    const uint8_t *width = column->width + d->at / 2, *data = column->data;
    uint64_t scale = column->scale;
    uint32_t bad = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t id = d->tile_context[i];
        uint64_t *before = &d->context[id].word[w];
        uint64_t value = *before + take(&data, width_at(width, i), scale);
        *before = value;
        out[i * ATS_CAPTURE_WORDS] = value;
        bad |= (uint32_t)!ats_capture_value_fits(value) & (uint32_t)(d->value_words[id] >> w);
    }
    column->data = data;
    return bad & 1;
}

static uint32_t unpack_contexts(ats_capture_decoder *d, uint32_t n)
{
    uint32_t highest = 0;
    if (d->context_bytes == 1) {
        const uint8_t *p = d->context_column + d->at;
        for (uint32_t i = 0; i < n; i++) {
            d->tile_context[i] = p[i];
            highest = p[i] > highest ? p[i] : highest;
        }
    } else {
        memcpy(d->tile_context, d->context_column + 2ull * d->at, 2ull * n);
        for (uint32_t i = 0; i < n; i++)
            highest = d->tile_context[i] > highest ? d->tile_context[i] : highest;
    }
    return highest;
}

/* recv_ns never goes back, and ends where the block's header says. */
static bool times_in_order(const ats_capture_decoder *d, uint64_t before, uint32_t n)
{
    int64_t last = (int64_t)before;
    bool back = false;
    for (uint32_t i = 0; i < n; i++) {
        back |= d->tile[i].h.recv_ns < last;
        last = d->tile[i].h.recv_ns;
    }
    return !back && (d->at + n < d->count || last == d->last_recv_ns);
}

const char *ats_capture_decoder_tile(ats_capture_decoder *d, uint32_t *got)
{
    uint32_t n = d->count - d->at;
    if (n > ATS_CAPTURE_TILE_RECORDS)
        n = ATS_CAPTURE_TILE_RECORDS;
    *got = 0;
    if (n == 0)
        return NULL;
    if (unpack_contexts(d, n) >= d->context_count)
        return "record of an unknown context";
    memset(d->tile, 0, n * sizeof d->tile[0]); /* words without a column are 0 */
    uint64_t recv_before = d->recv_ns;
    d->event_seq = unpack_stream(d, 0, d->event_seq, n);
    d->recv_ns = unpack_stream(d, 2, d->recv_ns, n);
    uint32_t bad = 0;
    for (uint32_t columns = d->column_mask & ~5u; columns; columns &= columns - 1)
        bad |= unpack_context(d, (uint32_t)__builtin_ctz(columns), n);
    uint64_t *word = (uint64_t *)d->tile;
    for (uint32_t i = 0; i < n; i++, word += ATS_CAPTURE_WORDS) {
        uint64_t base = d->context[d->tile_context[i]].word[CONTEXT_BASE];
        word[4] = (word[4] & WORD4_VARIES) | base;
        if (d->event_is_recv)
            word[1] = word[2];
    }
    if (bad)
        return "value beyond the range of prices and sizes";
    if (!times_in_order(d, recv_before, n))
        return "records out of time order";
    d->at += n;
    *got = n;
    return NULL;
}
