/* market.h: what the strategy stage knows of a symbol: quote, last price, how it moves, how much of
 * it trades, and the bars that strategies asked for. Owner: the strategy stage.
 *
 * Volatility: the variance of returns a second, of the price sampled at most once a second, as
 * averages with a time constant of VARIANCE_FAST_S and VARIANCE_SLOW_S (weight dt / (tau + dt), the
 * first-order form of an exponential one); where only bars come, of their closes, with weights of 1
 * in 15 and 1 in 100 bars. Gaps of more than an hour between two samples of quotes are left out: a
 * night is not a second.
 */
#ifndef ATS_STAGES_STRATEGY_MARKET_H
#define ATS_STAGES_STRATEGY_MARKET_H

#include "calc/bar_builder.h"
#include "calc/calendar.h"
#include "core/record.h"
#include "core/symbols.h"
#include "stages/strategy/execution.h"

#define ATS_BAR_PERIODS_MAX 8u

typedef struct ats_symbol_market {
    int64_t bid_e9, ask_e9, bid_size_e9, ask_size_e9;
    int64_t price_e9; /* mid, or the last trade or close; 0 = none yet */
    int64_t bar_ns;   /* length of the finest bars that come; 0 = none do */
    bool untrusted;   /* marked by the feed */
    bool halted;
    bool traded;            /* trades come */
    uint8_t periods_native; /* bit i: ready-made bars of period i come */
    int64_t sampled_ns;
    double sampled_price;
    double variance_fast, variance_slow; /* a second; 0 = not known */
    int64_t volume_ns;
    double volume_waiting, volume_per_s; /* 1e-9 units */
} ats_symbol_market;

typedef struct ats_markets {
    const ats_symbols *symbols;
    const ats_calendar *calendars[2]; /* of equities, of markets that never close */
    ats_segment segments[2];          /* that hold the time in hand */
    ats_symbol_market *symbol;        /* [symbol_count + 1] */
    uint32_t period_count;
    uint32_t periods_s[ATS_BAR_PERIODS_MAX]; /* that are built or passed on, ascending */
    ats_bar_builder_e9 *builders;            /* [symbol_count + 1][period_count] */
} ats_markets;

size_t ats_markets_footprint(uint32_t symbol_count, uint32_t period_count);

/* Lays it into zeroed memory. periods_s: ascending; none: bars pass as they come. equity: the
 * exchange's calendar. */
void ats_markets_init(ats_markets *m, void *memory, const ats_symbols *symbols,
                      const ats_calendar *equity, const uint32_t *periods_s, uint32_t period_count);

/* 0: the exchange's calendar, 1: that of markets that never close. */
static inline uint32_t ats_markets_calendar(const ats_markets *m, uint32_t symbol_id)
{
    uint32_t c = m->symbols->entry[symbol_id].symbol_class;
    return c != ATS_CLASS_EQUITY && c != ATS_CLASS_INDEX;
}

/* Brings the segments up to a time. Bit i of the result: calendar i went into another one. */
uint32_t ats_markets_time(ats_markets *m, int64_t now_ns);

/* Takes a market record of a symbol; *m->segments are up to date. */
void ats_markets_take(ats_markets *m, const ats_market *record);

/* A fill of our own: where no quotes come nothing newer is known of the price. */
void ats_markets_take_fill(ats_markets *m, uint32_t symbol_id, int64_t px_e9);

/* The next bar that is over and wanted, for the caller to pass on until there is none: from a
 * ready-made bar in hand (record, may be NULL), or built and ended at or before now. Returns false
 * when there is none; *next is the caller's, 0 at first. */
bool ats_markets_next_bar(ats_markets *m, uint32_t symbol_id, const ats_bar *record, int64_t now_ns,
                          uint32_t *next, ats_bar_e9 *bar);

/* The market as an algorithm sees it. */
ats_execution_market ats_markets_view(const ats_markets *m, uint32_t symbol_id);

/* Average range of a minute (sqrt(8 / pi) sigma, Parkinson 1980), or of a bar where only bars come;
 * 0 = not known. And the present volatility over its slow average; 0 = not known. */
int64_t ats_markets_range_e9(const ats_markets *m, uint32_t symbol_id);
double ats_markets_volatility_ratio(const ats_markets *m, uint32_t symbol_id);

/* Of one day's return; 0 = not known. */
double ats_markets_day_volatility(const ats_markets *m, uint32_t symbol_id);

#endif
