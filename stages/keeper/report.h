/* report.h: the report of a run, from what its directory holds: run.json, store.db, latency.hlog,
 * config.yaml. Cold.
 *
 * The page is one file that needs nothing else: no script, no font, no picture from anywhere. Text
 * of the run (symbols, paths, messages) is data: it is escaped, whatever bytes it has.
 */
#ifndef ATS_STAGES_KEEPER_REPORT_H
#define ATS_STAGES_KEEPER_REPORT_H

#include "stages/context.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define ATS_REPORT_POINTS                                                                          \
    400u                     /* most points of a curve: a pixel each on a desk's screen, nearly    \
                              */
#define ATS_REPORT_FILLS 50u /* first and last fills shown */

typedef struct ats_report_interval {
    double at_ns, length_ns; /* UTC */
    double count, p50_ns, p99_ns, max_ns;
} ats_report_interval;

/* A hop over the run. */
typedef struct ats_report_course {
    uint32_t hop;
    size_t count;
    ats_report_interval intervals[2 * ATS_REPORT_POINTS];
} ats_report_course;

#define ATS_REPORT_COURSES 3u

/* A stretch of the equity curve: its last value, and the extremes that it must not hide. */
typedef struct ats_report_equity {
    double at_ns; /* UTC, recorded time */
    double equity, low, high;
    double drawdown; /* deepest, below the highest equity so far, as a share of it: <= 0 */
    double gross, net; /* exposure, as shares of equity */
} ats_report_equity;

typedef struct ats_report_fill {
    char at[40], symbol[32], side[8], reason[24], liquidity[8];
    double qty, price, fee;
} ats_report_fill;

/* Equity at the end of a UTC day. */
typedef struct ats_report_day {
    int64_t day; /* since the epoch */
    double equity;
} ats_report_day;

#define ATS_REPORT_DAYS   16384u /* 44 years without a pause; more are not drawn */
#define ATS_REPORT_TRADES 50u    /* first and last round trips shown */
#define ATS_REPORT_BINS   31u

typedef struct ats_report_trade {
    char entry_at[40], symbol[32], strategy[32], side[8], entry_reason[24], exit_reason[24];
    double held_s, qty, entry_price, exit_price, profit, adverse_bps, favourable_bps;
} ats_report_trade;

/* How many trips came to what, in basis points of their entry. The outer bins hold what lies beyond
 * the 1st and the 99th percentile, too. */
typedef struct ats_report_results {
    double from_bps, to_bps;
    double count[ATS_REPORT_BINS];
    uint64_t trades; /* that ended */
} ats_report_results;

typedef struct ats_report {
    char run_dir[4096];
    json_t *run;                        /* run.json */
    ats_histogram *hops[ATS_HOP_COUNT]; /* whole run; NULL: nothing in the log */
    ats_report_course courses[ATS_REPORT_COURSES];
    const ats_report_course *course; /* the one worth a plot: orders, or signals, or features */
    ats_report_equity equity[ATS_REPORT_POINTS];
    size_t equity_count;
    uint64_t equity_seen; /* points in the store */
    ats_report_fill first[ATS_REPORT_FILLS], last[ATS_REPORT_FILLS];
    size_t first_count, last_count;
    uint64_t fills; /* in the store */
    ats_report_day days[ATS_REPORT_DAYS];
    size_t day_count;
    double exposure; /* mean gross exposure over time, as a share of equity */
    ats_report_trade first_trades[ATS_REPORT_TRADES], last_trades[ATS_REPORT_TRADES];
    size_t first_trade_count, last_trade_count;
    uint64_t trades; /* in the store */
    ats_report_results results;
    char *config;      /* config.yaml, or NULL */
    char missing[512]; /* what could not be read, or "" */
} ats_report;

/* Reads a run directory. Without a run.json that can be read -1 with an error pushed
 * (ATS_EXIT_DATA) and nothing to close; anything else that is missing or damaged is named in
 * `missing` and left out. */
int ats_report_open(ats_report *report, const char *run_dir);
void ats_report_close(ats_report *report);

/* The page. -1 with an error pushed when `out` fails. */
int ats_report_html(FILE *out, const ats_report *report);

/* The same in short, for a terminal: about 25 lines from a run.json document. */
int ats_report_text(FILE *out, const json_t *run, bool color);

/* Reads a run directory and makes its report.html, whole or not at all. */
int ats_report_write(const char *run_dir);

#endif
