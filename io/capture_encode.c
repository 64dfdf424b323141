#include "io/capture_format.h"

#include "io/codec/symbol_text.h"

#include <stdlib.h>
#include <string.h>

#define W(type, field) (1u << (offsetof(type, field) / 8))

const uint16_t ats_capture_value_words[ATS_CAPTURE_SLOTS] = {
    [ATS_KIND_QUOTE] = W(ats_quote, bid_e9) | W(ats_quote, ask_e9) | W(ats_quote, bid_size_e9) |
                       W(ats_quote, ask_size_e9),
    [ATS_KIND_TRADE] = W(ats_trade, px_e9) | W(ats_trade, qty_e9),
    [ATS_KIND_BAR] = W(ats_bar, open_e9) | W(ats_bar, high_e9) | W(ats_bar, low_e9) |
                     W(ats_bar, close_e9) | W(ats_bar, vwap_e9),
    [ATS_KIND_BOOK_LEVEL] = W(ats_book_level, px_e9) | W(ats_book_level, qty_e9),
    [ATS_KIND_STATUS] = W(ats_status, band_low_e9) | W(ats_status, band_high_e9),
    [ATS_KIND_CORPORATE_ACTION] = W(ats_corporate_action, cash_e9),
};

bool ats_capture_symbol_sane(const ats_symbol *s)
{
    const struct {
        const char *text;
        size_t bytes;
    } field[] = {
        {s->text, sizeof s->text}, {s->venue, sizeof s->venue}, {s->currency, sizeof s->currency}};
    for (size_t f = 0; f < sizeof field / sizeof field[0]; f++) {
        size_t n = strnlen(field[f].text, field[f].bytes);
        if (n == field[f].bytes || !ats_symbol_text_fits(field[f].text, n))
            return false;
    }
    return s->symbol_class < ATS_CLASS_COUNT && s->tick_e9 >= 0 && s->lot_e9 >= 0 &&
           s->round_lot_e9 >= 0;
}

#define SLOTS      (2 * ATS_CAPTURE_BLOCK_RECORDS) /* of the context table: at most half full */
#define SLOT_SHIFT 51                              /* 64 - log2(SLOTS) */
static_assert(SLOTS == 1u << (64 - SLOT_SHIFT), "slot arithmetic");

struct ats_capture_encoder {
    uint64_t slot_key[SLOTS];
    uint32_t slot_block[SLOTS]; /* which block the key is of: a new block needs no clearing */
    uint16_t slot_context[SLOTS];
    uint32_t block;
    uint32_t context_count;
    uint64_t context_base[ATS_CAPTURE_BLOCK_RECORDS]; /* symbol and kind bits of word 4 */
    uint16_t context_of[ATS_CAPTURE_BLOCK_RECORDS];
    ats_capture_context context[ATS_CAPTURE_BLOCK_RECORDS];
    uint64_t difference[ATS_CAPTURE_WORDS][ATS_CAPTURE_BLOCK_RECORDS];
};

ats_capture_encoder *ats_capture_encoder_new(void)
{
    return calloc(1, sizeof(ats_capture_encoder));
}

void ats_capture_encoder_free(ats_capture_encoder *encoder)
{
    free(encoder);
}

/* What tells streams of one symbol and kind apart: quotes of one exchange follow each other
 * closely, those of two do not; nor do the two sides of a book. */
static uint8_t lane(const ats_market *r)
{
    switch (r->h.kind) {
    case ATS_KIND_QUOTE:
        return r->quote.venue;
    case ATS_KIND_BOOK_LEVEL:
        return r->book_level.side;
    default:
        return 0;
    }
}

static uint32_t context_find(ats_capture_encoder *e, const ats_market *r)
{
    uint64_t base = (uint64_t)r->h.symbol_id | (uint64_t)r->h.kind << 48;
    uint64_t key = base | (uint64_t)lane(r) << 56;
    uint32_t slot = (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> SLOT_SHIFT);
    while (e->slot_block[slot] == e->block) {
        if (e->slot_key[slot] == key)
            return e->slot_context[slot];
        slot = (slot + 1) % SLOTS;
    }
    uint32_t id = e->context_count++;
    e->slot_block[slot] = e->block;
    e->slot_key[slot] = key;
    e->slot_context[slot] = (uint16_t)id;
    e->context_base[id] = base;
    memset(&e->context[id], 0, sizeof e->context[id]);
    e->context[id].word[4] = base;
    return id;
}

/* Greatest common divisor of all differences: the tick, lot or clock step of the column. */
static uint64_t column_scale(const uint64_t *difference, uint32_t count)
{
    uint64_t g = 0;
    for (uint32_t i = 0; i < count && g != 1; i++) {
        int64_t d = (int64_t)difference[i];
        uint64_t a = d < 0 ? 0 - (uint64_t)d : (uint64_t)d;
        if (a == 0 || a == g || (g && a % g == 0))
            continue;
        while (a) {
            uint64_t rest = g % a;
            g = a;
            a = rest;
        }
    }
    /* 0: nothing changes. Beyond INT64_MAX a signed division is not defined, and nothing is won. */
    return g > INT64_MAX ? 1 : g;
}

static inline uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static uint8_t *put(uint8_t *p, const void *bytes, size_t count)
{
    memcpy(p, bytes, count);
    return p + count;
}

/* Writes one column; the caller knows that something in it changes. */
static uint8_t *put_column(uint8_t *p, const uint64_t *difference, uint32_t count, uint64_t scale)
{
    p = put(p, &scale, sizeof scale);
    uint8_t *length_at = p;
    p += sizeof(uint32_t);
    uint8_t *width = p;
    uint32_t width_bytes = (count + 1) / 2;
    memset(width, 0, width_bytes);
    uint8_t *data = p = width + width_bytes;
    for (uint32_t i = 0; i < count; i++) {
        int64_t d = (int64_t)difference[i];
        if (d == 0)
            continue;
        uint64_t z = zigzag(scale == 1 ? d : d / (int64_t)scale);
        uint32_t bytes = (71u - (uint32_t)__builtin_clzll(z)) / 8;
        width[i / 2] |= (uint8_t)(bytes << (i % 2 * 4));
        /* Room for 8 is there: RAW_MAX counts 8 bytes for every difference. */
        memcpy(p, &z, sizeof z);
        p += bytes;
    }
    uint32_t data_bytes = (uint32_t)(p - data);
    memcpy(length_at, &data_bytes, sizeof data_bytes);
    return p;
}

static void take_differences(ats_capture_encoder *e, const ats_market *record, uint32_t count,
                             ats_capture_section *section, bool *event_is_recv)
{
    uint64_t event_seq = 0, recv_ns = (uint64_t)record[0].h.recv_ns;
    uint64_t moved = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t *word = (const uint64_t *)&record[i];
        uint32_t id = context_find(e, &record[i]);
        uint64_t *before = e->context[id].word;
        e->context_of[i] = (uint16_t)id;
        e->difference[0][i] = word[0] - event_seq;
        e->difference[2][i] = word[2] - recv_ns;
        event_seq = word[0];
        recv_ns = word[2];
        moved |= word[1] ^ word[2];
        e->difference[1][i] = word[1] - before[1];
        e->difference[4][i] = word[4] - before[4];
        before[1] = word[1];
        before[4] = word[4];
        for (uint32_t w = 8; w < ATS_CAPTURE_WORDS; w++) {
            e->difference[w][i] = word[w] - before[w];
            before[w] = word[w];
        }
        section->kinds |= (uint16_t)(1u << ats_capture_slot(record[i].h.kind));
        section->symbols_mask |= 1ull << (record[i].h.symbol_id & 63);
    }
    *event_is_recv = moved == 0;
}

uint32_t ats_capture_encode(ats_capture_encoder *e, const ats_market *record, uint32_t count,
                            uint8_t *raw, ats_capture_section *section)
{
    assert(count > 0 && count <= ATS_CAPTURE_BLOCK_RECORDS);
    if (++e->block == 0) { /* 2^32 blocks: stale slots would look current */
        memset(e->slot_block, 0, sizeof e->slot_block);
        e->block = 1;
    }
    e->context_count = 0;
    section->kinds = 0;
    section->symbols_mask = 0;
    section->count = count;
    section->first_recv_ns = record[0].h.recv_ns;
    section->last_recv_ns = record[count - 1].h.recv_ns;
    bool event_is_recv;
    take_differences(e, record, count, section, &event_is_recv);

    uint16_t column_mask = 0;
    uint8_t context_bytes = e->context_count <= 256 ? 1 : 2;
    uint8_t event_byte = event_is_recv;
    uint8_t *p = raw + sizeof column_mask;
    p = put(p, &context_bytes, 1);
    p = put(p, &event_byte, 1);
    p = put(p, &e->context_count, sizeof e->context_count);
    p = put(p, e->context_base, e->context_count * sizeof e->context_base[0]);
    for (uint32_t i = 0; i < count; i++)
        p = put(p, &e->context_of[i], context_bytes);
    for (uint32_t w = 0; w < ATS_CAPTURE_WORDS; w++) {
        if (!(ATS_CAPTURE_WORD_MASK >> w & 1) || (w == 1 && event_is_recv))
            continue;
        uint64_t scale = column_scale(e->difference[w], count);
        if (scale == 0)
            continue;
        column_mask |= (uint16_t)(1u << w);
        p = put_column(p, e->difference[w], count, scale);
    }
    memcpy(raw, &column_mask, sizeof column_mask);
    return (uint32_t)(p - raw);
}
