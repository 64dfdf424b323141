/* What tests of the live decoders share: symbols, frames of exact size, messages to break. */
#ifndef ATS_TESTS_DECODER_FIXTURE_H
#define ATS_TESTS_DECODER_FIXTURE_H

#include "core/random.h"
#include "io/codec/live/decoded.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const FIXTURE_SYMBOLS[] = {
    "AAPL",     "AMD",  "SPY",  "IONM", "INAQU",   "GOOGL",   "EEM", "BRK.A",
    "FAKEPACA", "MSFT", "SPCE", "GTE",  "NTEST.Q", "BTC/USD", "A",   "LONGSYMBOL123"};
#define FIXTURE_SYMBOL_COUNT (sizeof FIXTURE_SYMBOLS / sizeof FIXTURE_SYMBOLS[0])

typedef struct fixture {
    ats_symbols symbols;
    ats_symbol_map map;
    void *memory;
} fixture;

static fixture *fixture_get(void)
{
    static fixture f;
    if (f.memory)
        return &f;
    for (size_t i = 0; i < FIXTURE_SYMBOL_COUNT; i++) {
        ats_symbol s = {.venue = "US", .currency = "USD", .symbol_class = ATS_CLASS_EQUITY};
        snprintf(s.text, sizeof s.text, "%s", FIXTURE_SYMBOLS[i]);
        cr_assert_eq(ats_symbols_add(&f.symbols, &s), i + 1);
    }
    f.memory = malloc(ats_symbol_map_footprint(f.symbols.count));
    cr_assert_eq(ats_symbol_map_build(&f.map, f.memory, &f.symbols, NULL), 0);
    return &f;
}

static inline uint32_t fixture_id(const char *text)
{
    return ats_symbol_map_find_text(&fixture_get()->map, text, strlen(text));
}

static inline ats_decoder fixture_decoder(void)
{
    ats_decoder d;
    ats_decoder_options options = {
        .symbols = &fixture_get()->map, .quote_lot = 1, .national = true};
    ats_decoder_init(&d, &options);
    return d;
}

/* A copy with nothing readable behind its padding, so that a sanitizer sees what goes further. What
 * the padding holds means nothing, so it looks like more of the frame. */
static char *fixture_frame(const char *text, size_t length)
{
    char *copy = malloc(length + ATS_DECODER_PADDING);
    memcpy(copy, text, length);
    for (size_t i = 0; i < ATS_DECODER_PADDING; i++)
        copy[length + i] = length ? text[i % length] : '[';
    return copy;
}

typedef bool fixture_next(ats_decoder *decoder, ats_decoded *out);

/* Decodes one frame into out[0..most); how many came. The frame is freed: texts of the decoder no
 * longer hold. */
static inline uint32_t fixture_decode(ats_decoder *d, fixture_next *next, const char *text,
                                      size_t length, ats_decoded *out, uint32_t most)
{
    char *frame = fixture_frame(text, length);
    uint32_t n = 0;
    ats_decoder_open(d, frame, length);
    while (n < most && next(d, &out[n]))
        n++;
    free(frame);
    return n;
}

#endif
