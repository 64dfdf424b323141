/* binance.h: decodes one message of Binance's market streams and REST books. Hot: no allocation.
 *
 * Known: bookTicker, trade, depthUpdate (spot, USD-margined and coin-margined futures), in the
 * combined-stream envelope {"stream": ..., "data": {...}} or bare, and the REST depth snapshot.
 * Everything else that is JSON is IGNORED.
 */
#ifndef ATS_IO_CODEC_BINANCE_H
#define ATS_IO_CODEC_BINANCE_H

#include "core/record.h"
#include "core/symbols.h"
#include "io/import/reason.h"

#include <stdbool.h>
#include <stddef.h>

/* A REST book of 5000 levels a side, the most the venue gives, and as much again. ats_header.sub,
 * which counts them, ends at 65535. */
#define ATS_BINANCE_LEVELS 20000u

typedef enum ats_binance_type {
    ATS_BINANCE_NONE = 0,
    ATS_BINANCE_BOOK_TICKER,
    ATS_BINANCE_TRADE,
    ATS_BINANCE_DEPTH_UPDATE,
    ATS_BINANCE_SNAPSHOT
} ats_binance_type;

typedef struct ats_binance_level {
    int64_t px_e9;
    int64_t qty_e9;
} ats_binance_level;

typedef struct ats_binance_message {
    ats_binance_type type;
    char symbol[ATS_SYMBOL_TEXT]; /* "" where the message names none (spot and USD-M snapshots) */
    int64_t event_ns;             /* 0 = none */
    uint64_t first_update_id;     /* U */
    uint64_t last_update_id;      /* u, lastUpdateId */
    uint64_t previous_update_id;  /* pu; 0 = none */
    uint64_t trade_id;
    int64_t px_e9, qty_e9;                            /* trade */
    int64_t bid_e9, bid_size_e9, ask_e9, ask_size_e9; /* book ticker */
    bool buyer_is_maker;
    uint32_t bid_count; /* levels [0, bid_count) are bids, [bid_count, level_count) asks */
    uint32_t level_count;
    ats_binance_level level[ATS_BINANCE_LEVELS];
} ats_binance_message;

/* Decodes text[0..length). OK with the message filled in, IGNORED, or why it is bad. */
ats_line_reason ats_binance_decode(const char *text, size_t length, ats_binance_message *message);

#endif
