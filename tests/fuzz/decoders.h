/* What fuzzers of the live decoders share: symbols, a frame in a block of its size, and what must
 * hold of whatever comes out. */
#ifndef ATS_TESTS_FUZZ_DECODERS_H
#define ATS_TESTS_FUZZ_DECODERS_H

#include "io/codec/live/decoded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ats_symbol_map *fuzz_symbols(void)
{
    static const char *const texts[] = {"AAPL", "AMD",     "SPY",           "A",       "MSFT",
                                        "EEM",  "BRK.A",   "FAKEPACA",      "BTC/USD", "SPCE",
                                        "GTE",  "NTEST.Q", "LONGSYMBOL123", "INAQU",   "IONM"};
    static ats_symbols symbols;
    static ats_symbol_map map;
    if (map.slot)
        return &map;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ats_symbol s = {.venue = "US", .symbol_class = ATS_CLASS_EQUITY};
        snprintf(s.text, sizeof s.text, "%s", texts[i]);
        if (ats_symbols_add(&symbols, &s) == 0)
            abort();
    }
    if (ats_symbol_map_build(&map, malloc(ats_symbol_map_footprint(symbols.count)), &symbols,
                             NULL) != 0)
        abort();
    return &map;
}

static inline ats_decoder fuzz_decoder(bool general_only)
{
    ats_decoder d;
    ats_decoder_init(&d, &(ats_decoder_options){.symbols = fuzz_symbols(),
                                                .quote_lot = 1,
                                                .general_only = general_only});
    return d;
}

static inline void fuzz_value(int64_t value, int64_t most)
{
    if (value < 0 || value > most)
        abort();
}

static inline void fuzz_expect_sound(const ats_decoded *m)
{
    uint32_t kind = m->h.kind;
    if (kind == ATS_DECODED_CONTROL) {
        if (m->control.message >= ATS_MESSAGE_COUNT)
            abort();
        return;
    }
    if (!ats_time_is_sane(m->h.event_ns) || m->h.symbol_id == 0 || m->h.recv_ns != 0 ||
        strcmp(ats_decoded_label(kind), "?") == 0)
        abort();
    if (kind == ATS_KIND_QUOTE) {
        const ats_quote *q = &m->quote;
        fuzz_value(q->bid_e9, ATS_VALUE_MAX_E9);
        fuzz_value(q->ask_e9, ATS_VALUE_MAX_E9);
        fuzz_value(q->bid_size_e9, q->bid_e9 ? ATS_VALUE_MAX_E9 : 0);
        fuzz_value(q->ask_size_e9, q->ask_e9 ? ATS_VALUE_MAX_E9 : 0);
    } else if (kind == ATS_KIND_TRADE) {
        fuzz_value(m->trade.px_e9 - 1, ATS_VALUE_MAX_E9 - 1);
        fuzz_value(m->trade.qty_e9 - 1, ATS_VALUE_MAX_E9 - 1);
    } else if (kind == ATS_KIND_BAR || kind == ATS_DECODED_BAR_UPDATED ||
               kind == ATS_DECODED_BAR_DAILY) {
        fuzz_value(m->bar.volume_e9, ATS_VOLUME_MAX_E9);
        fuzz_value(m->bar.vwap_e9, ATS_VALUE_MAX_E9);
        fuzz_value(m->bar.close_e9, ATS_VALUE_MAX_E9);
    }
}

#define FUZZ_RECORDS 64u

/* Decodes a frame; how many records came (more than FUZZ_RECORDS are counted, not kept). */
static inline uint32_t fuzz_decode(ats_decoder *d, bool (*next)(ats_decoder *, ats_decoded *),
                                   const char *frame, size_t size, ats_decoded out[FUZZ_RECORDS])
{
    uint32_t n = 0;
    ats_decoded spare;
    ats_decoder_open(d, frame, size);
    while (next(d, n < FUZZ_RECORDS ? &out[n] : &spare)) {
        if (n < FUZZ_RECORDS)
            fuzz_expect_sound(&out[n]);
        if (++n > size)
            abort();
    }
    if (d->state != ATS_FRAME_DONE || d->fault.offset > size)
        abort();
    return n;
}

/* Both paths through a decoder must agree in everything. The padding looks like more of the frame.
 */
static inline void fuzz_both_paths(bool (*next)(ats_decoder *, ats_decoded *), const uint8_t *data,
                                   size_t size)
{
    static ats_decoded a[FUZZ_RECORDS], b[FUZZ_RECORDS];
    char *frame = malloc(size + ATS_DECODER_PADDING);
    memcpy(frame, data, size);
    for (size_t i = 0; i < ATS_DECODER_PADDING; i++)
        frame[size + i] = size ? (char)data[i % size] : 0;
    ats_decoder fast = fuzz_decoder(false), general = fuzz_decoder(true);
    uint32_t n = fuzz_decode(&fast, next, frame, size, a);
    if (fuzz_decode(&general, next, frame, size, b) != n)
        abort();
    for (uint32_t i = 0; i < n && i < FUZZ_RECORDS; i++)
        if (memcmp(&a[i], &b[i], sizeof a[i]) != 0)
            abort();
    if (memcmp(fast.refused, general.refused, sizeof fast.refused) != 0 ||
        memcmp(&fast.fault, &general.fault, sizeof fast.fault) != 0 ||
        fast.messages != general.messages || fast.unknown_symbols != general.unknown_symbols)
        abort();
    free(frame);
}

#endif
