/* sizing.h: how large a position may be. Pure; any thread.
 *
 * Fixed-fractional sizing (Tharp 1998; Vince 1990): the loss at the stop is a fixed share of
 * equity, quantity = equity * risk / stop distance, then made smaller, never larger, by volatility
 * min(1, target / sigma), sigma the volatility of one day's return (Moreira and Muir 2017 scale by
 * variance; a fund's limit is in volatility) confidence   min(1, confidence / 0.75) where the entry
 * tells one: at 3 in 4 and above whole correlation  1 - penalty * rho, rho the largest correlation
 * with a position held on the same side, below zero counted as zero Kelly        notional <= cap *
 * f * equity, f = p - (1 - p) / b (Kelly 1956; Thorp 2006), p the confidence, b target over stop
 * distance; where both are told and cut to the notional's range, to the money that is free and to
 * whole lots.
 */
#ifndef ATS_CALC_SIZING_H
#define ATS_CALC_SIZING_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ats_sizing_settings {
    int64_t notional_e9;         /* > 0: every position so large, and nothing below but the cuts */
    uint32_t risk_per_trade_bps; /* of equity, lost at the stop */
    int64_t min_notional_e9;     /* a smaller one is not worth its costs: none */
    int64_t max_notional_e9;
    uint32_t volatility_bps;  /* target: of one day's return; 0 = not scaled */
    bool confidence;          /* scale by it? */
    uint32_t kelly_cap_bps;   /* part of the Kelly fraction, 1e-4; 0 = not capped */
    uint32_t correlation_bps; /* penalty at a correlation of 1, 1e-4 */
} ats_sizing_settings;

typedef struct ats_sizing_case {
    int64_t equity_e9;
    int64_t free_e9;            /* money that the strategy may still use */
    int64_t price_e9;           /* > 0 */
    int64_t stop_distance_e9;   /* > 0 */
    int64_t target_distance_e9; /* 0 = not told */
    int64_t lot_e9;
    double day_volatility; /* of one day's return; 0 = not known */
    double confidence;     /* 0 = not told */
    double correlation;    /* largest with what is held on the same side; 0 = not known */
} ats_sizing_case;

/* What cut the size last. */
typedef enum ats_sizing_cut {
    ATS_SIZING_RISK = 0,
    ATS_SIZING_NOTIONAL = 1,
    ATS_SIZING_VOLATILITY = 2,
    ATS_SIZING_CONFIDENCE = 3,
    ATS_SIZING_CORRELATION = 4,
    ATS_SIZING_KELLY = 5,
    ATS_SIZING_MAX = 6,
    ATS_SIZING_FREE = 7,
    ATS_SIZING_TOO_SMALL = 8, /* the result is 0 */
    ATS_SIZING_CUT_COUNT
} ats_sizing_cut;
const char *ats_sizing_cut_label(uint32_t cut);

/* Quantity in 1e-9, whole lots, >= 0; *cut tells what bound it. */
int64_t ats_sizing(const ats_sizing_settings *settings, const ats_sizing_case *c,
                   ats_sizing_cut *cut);

#endif
