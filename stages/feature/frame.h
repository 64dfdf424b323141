/* frame.h: one timeframe of one symbol: the bar under construction, the bars before it, and the
 * state of every bar family. Owner: the feature stage.
 */
#ifndef ATS_STAGES_FEATURE_FRAME_H
#define ATS_STAGES_FEATURE_FRAME_H

#include "calc/calendar.h"
#include "calc/sale_condition.h"
#include "stages/feature/catalogue.h"

/* A bar under construction. Bars lie on the session's own time: from the start of the segment of
 * the calendar, in steps of the period, cut off at the segment's end; a daily bar is the regular
 * session. A stretch without a print makes no bar. */
typedef struct ats_bar_builder {
    int64_t start_ns, end_ns; /* end_ns = 0: none */
    double open, high, low, close, volume;
    double signed_volume; /* NaN once a ready-made bar is in it */
    bool priced;          /* a print that forms a price has come */
} ats_bar_builder;

typedef struct ats_frame {
    ats_bar_builder builder;
    int64_t period_ns;
    ats_bar_facts last; /* the bar that closed last */
    int64_t starts_ns[ATS_HISTORY];
    ats_bar_history history;
    ats_volume_family volume;
    ats_volatility_family volatility;
    ats_momentum_family momentum;
    ats_trend_family trend;
    ats_band_family band;
    ats_pattern_family pattern;
    ats_flow_family flow;
    ats_benchmark_family benchmark;
    uint64_t index_next, sector_next; /* number of the first bar not yet paired */
} ats_frame;

/* Puts a print (or a ready-made bar's open and close, high and low) into the bar under
 * construction, beginning one where there is none. `updates` as ats_sale_updates gives them. False
 * when this timeframe has no bar at this time (a daily bar outside the regular session). */
bool ats_frame_print(ats_frame *frame, const ats_segment *segment, int64_t ns, double px,
                     double volume, int sign, uint32_t updates);
bool ats_frame_bar(ats_frame *frame, const ats_segment *segment, const ats_price_bar *bar);

/* Closes the bar under construction and updates every family. False when there was nothing to close
 * (prints that form no price, and no bar before to take one from). */
bool ats_frame_close(ats_frame *frame);

/* Pairs what bars it can with the benchmark's frame of the same period. */
void ats_frame_pair(const ats_frame *frame, ats_pairing *pairing, uint64_t *next,
                    const ats_frame *benchmark);

/* Values of all bar families; writes ATS_BAR_FEATURE_COUNT doubles. */
void ats_frame_values(const ats_frame *frame, double *out);

#endif
