/* bar_builder.h: bars made of trades or of finer bars, in integers.
 *
 * Bars lie on the session's own time: from the start of the calendar's segment in steps of the
 * period, cut off at the segment's end; a bar of a day or longer is the regular session. A stretch
 * without a print makes no bar. Owner: the caller's thread.
 */
#ifndef ATS_CALC_BAR_BUILDER_H
#define ATS_CALC_BAR_BUILDER_H

#include "calc/calendar.h"

typedef struct ats_bar_e9 {
    int64_t start_ns, end_ns; /* end_ns = 0: none */
    int64_t open_e9, high_e9, low_e9, close_e9;
    int64_t volume_e9; /* saturates */
    uint32_t period_s;
    uint32_t reserved;
} ats_bar_e9;

typedef struct ats_bar_builder_e9 {
    ats_bar_e9 bar; /* under construction; end_ns = 0: none */
} ats_bar_builder_e9;

/* Is there a bar that is over at now? Moves it to *out. */
bool ats_bar_builder_close(ats_bar_builder_e9 *builder, int64_t now_ns, ats_bar_e9 *out);

/* Puts a print, or a finer bar's open, high, low and close (all at the price, for a print), into
 * the bar that holds its start. The caller has closed what is over. False when this period has no
 * bar at this time (a daily one outside the regular session). */
bool ats_bar_builder_add(ats_bar_builder_e9 *builder, const ats_segment *segment, uint32_t period_s,
                         const ats_bar_e9 *piece);

#endif
