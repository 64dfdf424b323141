/* quality.h: is the market data fit to decide on? Checks each record of the input against its
 * symbol's past and counts, drops or quarantines as core/data_fault.h says.
 *
 * All checks are O(1) a record, allocate nothing and see time only as recv_ns; so they find the
 * same in every replay of an input. A run's tape was checked when it was recorded and carries the
 * marks; it is not checked again.
 *
 * Sessions: a crypto symbol always trades. Equities and indices follow the calendar; without one,
 * and for all others, no time is known to be a regular session, so that gaps, stale quotes and long
 * crossed markets are not looked for, and a session is a UTC day.
 *
 * Quarantine (strict): begins with a fault whose action says so; from then on the symbol's quotes
 * carry ATS_QUOTE_HALTED until the first quote (of a symbol without quotes: the first record) at
 * which good_for has passed without such a fault. A
 * jump holds for a day at most, or until a corporate action tells why. The mark travels on quotes:
 * between a fault seen in a trade and the symbol's next quote decisions still see the old one.
 *
 * Owner: the feed stage. The tallies may be read after it has ended.
 */
#ifndef ATS_STAGES_FEED_QUALITY_H
#define ATS_STAGES_FEED_QUALITY_H

#include "calc/calendar.h"
#include "calc/robust.h"
#include "core/data_fault.h"
#include "core/metrics.h"
#include "core/record.h"
#include "core/symbols.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct ats_quality_config {
    ats_data_mode mode;
    int64_t outlier_z_e9;        /* robust z from which a price is an outlier */
    uint32_t outlier_floor_bps;  /* least MAD, of the median; one tick is added */
    int64_t gap_after_ns;        /* 0 = gaps are not looked for */
    int64_t stale_after_ns;      /* 0 = stale quotes are not looked for */
    int64_t crossed_after_ns;    /* how long a market may be crossed */
    int64_t good_for_ns;         /* quarantine ends after so long without a fault */
    uint32_t jump_tolerance_bps; /* of the ratio; 0 = jumps are not looked for */
} ats_quality_config;

/* Trades beyond an unmoving side before it is called stale: a sweep through several levels prints
 * a few trades before the quote that follows it, and prints of other reporting paths come late. */
#define ATS_QUALITY_BEYOND_TRADES 5u
#define ATS_QUALITY_BEYOND_NS     ATS_E9

/* How many numbers of a venue's records are remembered for each kind and symbol: what a feed
 * repeats on its second line comes within a few records. One cache line of numbers. */
#define ATS_QUALITY_NUMBERS 8u

#define ATS_QUALITY_EXAMPLES 8u /* kept of each fault: the first ones */

typedef struct ats_quality_example {
    int64_t at_ns;
    uint32_t symbol_id;
    uint16_t ratio[2];    /* JUMP: the likely split, new shares for old ones */
    int64_t value_e9;     /* what was seen: a price, or ns for faults of time, or an id */
    int64_t reference_e9; /* what it was held against, in the same unit */
} ats_quality_example;

typedef struct ats_quality_tally {
    uint64_t count;
    int64_t first_ns, last_ns;
} ats_quality_tally;

typedef struct ats_quality_numbers {
    uint64_t number[ATS_QUALITY_NUMBERS]; /* with the venue in the low bits; 0 = none */
    uint64_t content[ATS_QUALITY_NUMBERS];
    uint32_t next;
    uint32_t reserved;
} ats_quality_numbers;

typedef struct ats_quality_symbol {
    int64_t last_ns;     /* of any record; 0 = none yet */
    int64_t patience_ns; /* longest silence that is none */
    int64_t until_ns;    /* quarantined to here; 0 = not */
    int64_t since_ns;    /* quarantined since */
    int64_t bid_e9, ask_e9, quote_ns;
    int64_t state_ns;    /* crossed or locked since */
    int64_t beyond_ns;   /* first of the trades beyond a side */
    uint32_t beyond;     /* how many */
    uint8_t beyond_side; /* ATS_SIDE_* of the trades */
    uint8_t state;       /* ATS_QUOTE_CROSSED, _LOCKED or 0 */
    bool halted, always_open, has_calendar, equity;
    bool stale_told, beyond_told, crossed_told;
    int64_t session_ns; /* start of the session of close_e9 */
    int64_t close_e9;   /* last price; 0 = none */
    uint64_t trade_id;  /* the last of a venue that counts by one */
    ats_robust mids, trades;
    ats_quality_numbers numbers[2]; /* quotes, trades */
    ats_market repeated;            /* the last record without a number */

    /* tallies */
    uint64_t records, quarantines;
    int64_t quarantined_ns, crossed_ns, locked_ns, longest_crossed_ns, longest_silence_ns;
    ats_quality_tally fault[ATS_DATA_FAULT_COUNT];
    uint64_t
        apart[8]; /* keeps the lines that every record touches out of each other's cache sets */
} ats_quality_symbol;
static_assert(sizeof(ats_quality_symbol) / ATS_CACHE_LINE % 2 == 1 &&
                  sizeof(ats_quality_symbol) % ATS_CACHE_LINE == 0,
              "an odd number of lines");

typedef struct ats_quality {
    const ats_quality_config *config;
    const ats_symbols *symbols;
    ats_metrics_feed *metrics;
    int64_t k_e4;                 /* z x 14826 */
    int64_t now_ns;               /* of the latest record admitted; 0 = none */
    const ats_calendar *calendar; /* NULL: none */
    ats_segment segment;          /* of the calendar at now_ns */
    uint32_t symbol_count;
    uint32_t example_count[ATS_DATA_FAULT_COUNT];
    ats_quality_example example[ATS_DATA_FAULT_COUNT][ATS_QUALITY_EXAMPLES];
    ats_quality_example spare;   /* where examples beyond those go */
    ats_quality_symbol symbol[]; /* by symbol_id; 0 unused */
} ats_quality;

/* Thresholds as `ats config keys` documents them, lenient. */
void ats_quality_defaults(ats_quality_config *config);

/* Bytes of the state; a multiple of 8. */
size_t ats_quality_footprint(uint32_t symbol_count);

/* In zeroed memory of that size. config, calendar (of US equities; NULL: none), symbols and metrics
 * must outlive it. Cold. */
void ats_quality_init(ats_quality *q, const ats_quality_config *config,
                      const ats_calendar *calendar, const ats_symbols *symbols,
                      ats_metrics_feed *metrics);

/* Notes a fault that the caller found. False when the record is to be dropped. Hot, rare. */
bool ats_quality_note(ats_quality *q, uint32_t symbol_id, ats_data_fault fault, int64_t now_ns,
                      int64_t value_e9, int64_t reference_e9);

/* A sound record as it came, before consolidation, of a sane time. False when it is to be dropped.
 * Hot. */
bool ats_quality_admit(ats_quality *q, const ats_market *m);

/* The quote that was just admitted, as the chain will see it: judges it, and marks it when its
 * symbol is in quarantine. Hot. */
void ats_quality_quote(ats_quality *q, ats_quote *quote);

/* The input is over: what was open (silence, crossed markets, quarantine) is counted to the
 * last record. */
void ats_quality_finish(ats_quality *q);

#endif
