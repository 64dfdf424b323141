/* calendar_file.h: a market calendar from its file. Cold.
 *
 * The file is JSON (docs/calendar.md): the span of dates it speaks for, the weekday hours with the
 * date from which they hold, the offsets of local time from UTC, closed days and days of other
 * hours. The calendar of the US equity exchanges is built into the program, so that it works from
 * any directory; the configuration key calendar.file names another.
 */
#ifndef ATS_IO_CALENDAR_FILE_H
#define ATS_IO_CALENDAR_FILE_H

#include "calc/calendar.h"

#include <stddef.h>

/* A year has 262 weekdays at most; 300 years is what a file may span. */
#define ATS_CALENDAR_SESSIONS_MAX 80000u
#define ATS_CALENDAR_REASON_BYTES 64u
#define ATS_CALENDAR_FILE_BYTES   (4u << 20) /* a hundred times the file of 51 years */

/* Why a day is closed or has other hours. */
typedef struct ats_calendar_note {
    uint32_t date;
    bool closed;
    char reason[ATS_CALENDAR_REASON_BYTES];
} ats_calendar_note;

/* The calendar and the memory it points into. */
typedef struct ats_calendar_table {
    ats_calendar calendar;
    ats_session *session;
    ats_utc_offset *offset;
    ats_calendar_note *note; /* [note_count], by date */
    uint32_t note_count;
    char zone[32];
} ats_calendar_table;

/* Reads a calendar: from `path`, or the built-in one when path is NULL or "". 0, or -1 with an
 * error (ATS_EXIT_CONFIG) pushed that names file and line (JSON) or key. */
int ats_calendar_load(ats_calendar_table *table, const char *path);

/* The same from text; `name` is for messages. */
int ats_calendar_parse(ats_calendar_table *table, const char *text, size_t bytes, const char *name);

/* An all-zero table is empty. */
void ats_calendar_free(ats_calendar_table *table);

/* What the file says of a date, or NULL. */
const ats_calendar_note *ats_calendar_note_on(const ats_calendar_table *table, uint32_t date);

/* "2024-07-03" to yyyymmdd; 0 when it is none. */
uint32_t ats_date_parse(const char *text, size_t length);

#endif
