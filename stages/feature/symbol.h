/* symbol.h: what the feature stage knows of one symbol, and its vector.
 *
 * All updates are O(1), allocate nothing, and see time only as the recv_ns of the record in hand.
 * Bars close when the first record of the symbol at or after their end arrives. Owner: the feature
 * stage; training calls the same functions through the same stage.
 */
#ifndef ATS_STAGES_FEATURE_SYMBOL_H
#define ATS_STAGES_FEATURE_SYMBOL_H

#include "calc/indicators.h"
#include "core/record.h"
#include "stages/feature/catalogue.h"

/* Bars of one period and what is computed from them. */
typedef struct ats_timeframe {
    ats_bar_builder bar;
    ats_rsi rsi;
    ats_atr atr;
    ats_window closes; /* 20 */
    ats_window volumes;
    double last_close, previous_close, close_5_before;
    double last_range, last_volume;
    double recent[5]; /* closes, newest at [bars % 5] */
    uint32_t bars;
} ats_timeframe;

typedef struct ats_symbol_state {
    /* best quotes; 0 = no interest */
    double bid, ask, bid_size, ask_size, mid;
    uint32_t quotes;
    bool two_sided;
    ats_ema mid_fast, mid_slow;
    ats_ema flow, flow_size;
    ats_ema squared_return;
    /* trades */
    double last_price;
    double last_effective_spread;
    int32_t last_tick; /* -1, 0, 1: direction of the last price change */
    uint32_t trades;
    ats_ema signed_size, size, tick;
    /* since midnight UTC */
    int64_t day;
    double traded_value, traded_volume;
    ats_timeframe minute, five_minutes;
} ats_symbol_state;

/* A new best quote. */
void ats_symbol_quote(ats_symbol_state *s, const ats_quote *q);

/* A trade that counts (not cancelled or corrected). */
void ats_symbol_trade(ats_symbol_state *s, const ats_trade *t);

/* Writes ATS_FEATURE_COUNT floats; NaN = not ready. Returns how many are ready. */
uint32_t ats_symbol_vector(const ats_symbol_state *s, float *f);

#endif
