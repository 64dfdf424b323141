/* reason.h: why a line of foreign data was not taken, or taken as nothing. */
#ifndef ATS_IO_IMPORT_REASON_H
#define ATS_IO_IMPORT_REASON_H

#include <stdint.h>

/* Bad: something is wrong with the line. Up to ATS_LINE_IGNORED they count against the limit. */
typedef enum ats_line_reason {
    ATS_LINE_OK = 0,
    ATS_LINE_TOO_LONG,     /* beyond ATS_LINE_MAX_BYTES */
    ATS_LINE_SYNTAX,       /* not the grammar of the format: CSV, JSON, number of fields */
    ATS_LINE_TIME,         /* no time, or none that can be */
    ATS_LINE_SYMBOL,       /* no symbol, or none that can be */
    ATS_LINE_NUMBER,       /* a price, size or id that is no number */
    ATS_LINE_RANGE,        /* one beyond what the system computes with */
    ATS_LINE_PRECISION,    /* one with more than nine fraction digits */
    ATS_LINE_NEGATIVE,     /* one below 0 */
    ATS_LINE_ZERO,         /* a trade without price or size */
    ATS_LINE_FIELD,        /* another field that is missing or has no known form */
    ATS_LINE_OUT_OF_ORDER, /* before the line before it, in the same file */
    ATS_LINE_EVENT_SIZE,   /* more levels than an event can carry */
    ATS_LINE_CLOSED_DAY,   /* a daily bar of a day on which its market was closed */
    ATS_LINE_BAR,          /* a bar whose high is below its low, open or close */
    ATS_LINE_IGNORED,      /* well formed and none of ours: heartbeats, replies, other events */
    ATS_LINE_BLANK,        /* empty */
    ATS_LINE_REASON_COUNT
} ats_line_reason;

const char *ats_line_reason_label(uint32_t reason);

#endif
