/* calendar.h: when a market trades. Pure: no I/O, no allocation, no state; any thread.
 *
 * A calendar is a table of sessions, one a trading day, in UTC nanoseconds, made before by
 * io/calendar_file.h from a file that also states New York's offsets, so that a replay never
 * depends on the host's time zone data. Markets that never close (crypto; fx, whose week is left
 * to the data) use ats_calendar_continuous: each UTC day is one regular session, and no table.
 *
 * Dates are the exchange's trading dates as yyyymmdd. Civil dates are those of the proleptic
 * Gregorian calendar; the conversions follow Hinnant, "chrono-compatible low-level date
 * algorithms" (2013).
 */
#ifndef ATS_CALC_CALENDAR_H
#define ATS_CALC_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define ATS_DAY_NS    86400000000000ll
#define ATS_SECOND_NS 1000000000ll

typedef enum ats_phase {
    ATS_PHASE_CLOSED = 0,
    ATS_PHASE_PRE = 1,
    ATS_PHASE_REGULAR = 2,
    ATS_PHASE_POST = 3
} ats_phase;

/* Label of a phase: "closed", "pre", "regular", "post"; "?" for a value that is none. */
const char *ats_phase_label(uint32_t phase);

#define ATS_SESSION_EARLY_CLOSE 1u
#define ATS_SESSION_LATE_OPEN   2u

/* One trading day: [pre, open) before the market, [open, close) regular, [close, post) after it.
 * pre <= open < close <= post; UTC ns. */
typedef struct ats_session {
    int64_t pre_ns, open_ns, close_ns, post_ns;
    uint32_t date;  /* yyyymmdd */
    uint32_t flags; /* ATS_SESSION_* */
} ats_session;

/* From from_ns on, local time = UTC + offset_s. */
typedef struct ats_utc_offset {
    int64_t from_ns;
    int32_t offset_s;
    int32_t reserved;
} ats_utc_offset;

/* The tables belong to whoever made the calendar and outlive it. */
typedef struct ats_calendar {
    char name[16];
    const ats_session *session; /* [count], by time, none overlapping */
    uint32_t count;
    bool continuous;              /* every UTC day is a session; nothing in the table */
    const ats_utc_offset *offset; /* [offset_count], by time; none: UTC */
    uint32_t offset_count;
    uint32_t first_date, last_date; /* what the table speaks for; 0 = everything */
} ats_calendar;

/* The stretch of one phase that holds a time. */
typedef struct ats_segment {
    int64_t start_ns, end_ns;  /* [start, end) */
    int64_t open_ns, close_ns; /* regular session of `date` */
    uint32_t date;
    uint8_t phase; /* ats_phase */
    bool early_close;
    uint32_t session; /* index, for the next lookup */
} ats_segment;

/* Crypto and fx: 24 hours, UTC days. */
extern const ats_calendar ats_calendar_continuous;

/* The calendar of an instrument of this ats_symbol_class: `us_equity` for equities and indices,
 * ats_calendar_continuous for all others. */
const ats_calendar *ats_calendar_for(uint32_t symbol_class, const ats_calendar *us_equity);

/* The segment that holds ns. Total: every ns is in exactly one, and [start, end) of neighbours
 * meet. A CLOSED stretch carries the date, open and close of the NEXT session. Before the first and
 * after the last session of a table, and for times that are not sane (ats_time_is_sane): CLOSED,
 * date 0, open and close 0.
 * In: segment->session is a guess (any value; zero a new segment), and lookups that stay or go on
 * by one session take constant time. Warm: a caller that keeps the segment needs a new one only
 * when ns leaves [start, end). */
void ats_calendar_segment(const ats_calendar *calendar, int64_t ns, ats_segment *segment);

/* The session of a date, the first one after a date, the last one before it. False: there is none
 * in the table, *out unchanged. A continuous calendar has one for every valid date. */
bool ats_calendar_on(const ats_calendar *calendar, uint32_t date, ats_session *out);
bool ats_calendar_next(const ats_calendar *calendar, uint32_t date, ats_session *out);
bool ats_calendar_previous(const ats_calendar *calendar, uint32_t date, ats_session *out);

/* Sessions with from <= date < to; 0 when to <= from. */
uint32_t ats_calendar_days(const ats_calendar *calendar, uint32_t from, uint32_t to);

/* Offset of the exchange's local time at ns, in seconds to add to UTC. Before the first offset of
 * the table that one holds. */
int32_t ats_calendar_offset_s(const ats_calendar *calendar, int64_t ns);

/* UTC of a local time that was taken apart as if it were UTC. An hour that comes twice means its
 * first pass; one that the clocks leave out is counted on from before the change (02:30 is 03:30).
 */
int64_t ats_calendar_utc_ns(const ats_calendar *calendar, int64_t local_ns);

/* ---- civil dates ------------------------------------------------------------------------------
 */

/* Is yyyymmdd a day of the calendar, 1700..2261? All functions below want one that is. */
bool ats_date_is_valid(uint32_t date);

/* Days since 1970-01-01 of a date, and back. */
int64_t ats_date_days(uint32_t date);
uint32_t ats_date_of_days(int64_t days);

/* 00:00 UTC of a date; the UTC date that holds a time. */
int64_t ats_date_ns(uint32_t date);
uint32_t ats_date_of_ns(int64_t ns);

/* 0 = Monday .. 6 = Sunday. */
uint32_t ats_date_weekday(uint32_t date);

/* `count` days later (earlier when negative). */
uint32_t ats_date_add(uint32_t date, int64_t count);

#endif
