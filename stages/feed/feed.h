/* feed.h: the head of the chain. Takes market records from a source, paces them, checks them,
 * consolidates exchange quotes into the national best bid and offer, inserts CLOCK and CONTROL
 * records, numbers events, and ends the run with END.
 *
 * In:  nothing (the source and the inbox of commands belong to the stage).
 * Out: chain (market and CONTROL records); tape (the same records, optional).
 *
 * Order and time: recv_ns is the record's own, never going back (a record older than its
 * predecessor is moved up to it and counted). A CLOCK record stands at every multiple of
 * clock_interval_ns at which recorded time passes with or without market events, so that timers
 * fire in quiet markets; the multiples depend on the data alone, so all replays have the same.
 *
 * Origin: in a paced run the moment a record was due, whenever it was really released; so a stall
 * counts against every event due in it. At full speed the moment the feed took the record up.
 */
#ifndef ATS_STAGES_FEED_FEED_H
#define ATS_STAGES_FEED_FEED_H

#include "io/market_source.h"
#include "stages/context.h"
#include "stages/feed/quality.h"

typedef enum ats_pace {
    ATS_PACE_MAX = 0,      /* as fast as the chain takes them */
    ATS_PACE_RECORDED = 1, /* at recorded inter-arrival times, divided by speed */
    ATS_PACE_SCHEDULE = 2  /* the i-th event at schedule_ns[i] after the start */
} ats_pace;

typedef struct ats_feed_config {
    const ats_context *context;
    ats_market_source *source; /* open; the feed alone uses it while the engine runs */
    ats_pace pace;
    double speed;                /* RECORDED: 1 = as recorded, 60 = sixty times faster */
    const uint64_t *schedule_ns; /* SCHEDULE: non-decreasing */
    uint64_t schedule_count;     /* the run ends after so many events */
    uint64_t released_max;       /* the run ends after so many records, CLOCK among them; 0 = at the
                                    end of the input. Repeats a run that was stopped. */
    int64_t clock_interval_ns;   /* 0 = no CLOCK records */
    uint32_t burst;              /* most records a call releases, 1..ATS_BURST_MAX */
    uint32_t symbol_count;
    const ats_control_due *commands; /* ascending at_ns; a tape has its own and ignores these */
    uint32_t command_count;
    ats_quality_config quality;   /* all zero: not checked */
    const ats_calendar *calendar; /* of US equities; NULL: none. Exchanges' quotes leave the
                                     national one with the first quote of a new trading date. */
} ats_feed_config;

extern const ats_stage ats_stage_feed;

/* Market events released so far. */
uint64_t ats_feed_events(const void *state);

/* What the checks of the data found. */
const ats_quality *ats_feed_quality(const void *state);

#endif
