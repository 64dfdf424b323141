/* import.h: makes a capture of other people's data. One table of formats, one merge, one account.
 *
 * Each file is read line by line, and all files are merged by receive time (event time where there
 * is none); at equal times by the format's own rank (TAQ: quotes before trades), then by the order
 * in which the files were named. Within a file the order of its lines stands: a line that goes back
 * in time is dropped and counted as out_of_order, because a merge cannot place it; a file that is
 * not sorted therefore fails soon, and is to be sorted first.
 *
 * Every line is accounted for: taken, or counted by reason. event_seq stays 0: feed assigns it.
 */
#ifndef ATS_IO_IMPORT_IMPORT_H
#define ATS_IO_IMPORT_IMPORT_H

#include "calc/calendar.h"
#include "core/record.h"
#include "io/capture.h"
#include "io/import/reason.h"
#include "io/lines.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0.1 %: ten times what the recorded sets here show of their worst day (none), and far below what a
 * wrong column or a broken recorder gives. */
#define ATS_IMPORT_MAX_BAD_PPM 1000u
/* Lines before the share is looked at: below, one bad line would be above it. */
#define ATS_IMPORT_SETTLE_LINES 1000u

typedef struct ats_import_counts {
    uint64_t lines; /* all, with header lines and blank ones */
    uint64_t headers;
    uint64_t taken; /* lines that became records */
    uint64_t records;
    uint64_t reason[ATS_LINE_REASON_COUNT]; /* [OK] = taken */
    uint64_t strangers; /* of an actions file: symbols that no other file holds */
} ats_import_counts;

/* Records that one file of a sorted format may hold in memory: 2 GiB. */
#define ATS_IMPORT_SORTED_MAX (1u << 24)

/* How bars are written; what is NULL or 0 is left to the format, which says what it needs. */
typedef struct ats_import_bar_options {
    const char *columns;     /* "time,open,high,low,close,volume[,symbol]"; "-" skips one */
    const char *time_format; /* io/codec/bar.h */
    const char *zone;        /* "UTC" or "America/New_York" */
    const char *bar_time;    /* "start" or "end" */
    const char *delimiter;   /* one character, or "tab" */
    const char *symbol;
    const char *symbol_class; /* "equity", "crypto", "fx", "index" */
    int64_t period_ns;        /* whole seconds */
    bool header, no_header;
} ats_import_bar_options;

typedef struct ats_import_options {
    uint32_t max_bad_ppm; /* bad lines allowed, in millionths of all */
    const char *venue;    /* symbols' venue; NULL: the format's own, or from the file name */
    ats_import_bar_options bars;
    const char *actions;           /* file of corporate actions to merge in; NULL: none */
    const ats_calendar *us_equity; /* for daily bars, local times and actions */
    /* Told now and then; not 0 stops the import as interrupted. NULL is allowed. */
    int (*progress)(void *context, uint64_t done_bytes, uint64_t total_bytes, uint64_t records);
    void *context;
} ats_import_options;

/* One line's records, all of one receive time. Owned by the file. */
typedef struct ats_import_event {
    ats_market *record;
    uint32_t count, capacity;
} ats_import_event;

typedef struct ats_import_file ats_import_file;

/* One row of the table. The functions are called by ats_import_run only. */
typedef struct ats_import_format {
    const char *name;
    const char *purpose;
    const char *input;
    /* Files need not be in order of time: each is read whole and its records, every one an event of
     * its own, are sorted by receive time, at equal times corporate actions first, then as they
     * came. */
    bool sorted;
    /* Sets file->state, not NULL (and whatever is known before the first line); error pushed on -1.
     */
    int (*open)(ats_import_file *file, const ats_import_options *options);
    void (*close)(ats_import_file *file);
    /* Told before the first line of each entry of an archive; NULL: of no interest. 0, or -1 with
     * an error pushed. */
    int (*entry)(ats_import_file *file, const char *name);
    /* Decodes one line into file->event. */
    ats_line_reason (*line)(ats_import_file *file, char *text, size_t length);
} ats_import_format;

struct ats_import_file {
    const ats_import_format *format;
    const char *path;
    ats_capture_writer *writer;
    ats_lines *lines;
    void *state;
    uint32_t rank;   /* orders files at equal times: lower first */
    bool has_header; /* the next line is one; cleared by `line` */
    bool fatal;      /* `line` pushed an error that ends the import */
    ats_import_event event;
    int64_t recv_ns; /* of event */
    int64_t last_recv_ns;
    ats_import_counts counts;
    const char *entry_name;  /* of an archive; NULL: none */
    uint64_t first_bad_line; /* 0 = none yet */
    const char *first_bad_entry;
    ats_line_reason first_bad;
    struct ats_import_sorted *sorted; /* all records of a sorted format */
    uint32_t sorted_count, sorted_capacity, sorted_at;
};

/* The formats, ended by NULL: a new one is a file and a line here. */
extern const ats_import_format *const ats_import_formats[];
extern const ats_import_format ats_import_taq_csv;
extern const ats_import_format ats_import_binance_ws;
extern const ats_import_format ats_import_bar_csv;
extern const ats_import_format ats_import_wiki_daily;
extern const ats_import_format ats_import_snowguru;
extern const ats_import_format ats_import_ninjatrader;
extern const ats_import_format ats_import_lean_minute;
extern const ats_import_format ats_import_actions; /* not in the table: --actions */

/* By name; NULL when there is none. */
const ats_import_format *ats_import_find(const char *name);

/* Imports path[0..count) into a writer that is open and empty; symbols are added as they come.
 * counts holds one element a file, and one more for options->actions where that is set. 0, or -1
 * with an error pushed: ATS_EXIT_DATA names the first bad file:line when too much is bad,
 * ATS_EXIT_INTERRUPTED when progress said stop. The writer stays the caller's in every case. */
int ats_import_run(const ats_import_format *format, const char *const *path, uint32_t count,
                   const ats_import_options *options, ats_capture_writer *writer,
                   ats_import_counts *counts);

/* For formats: id of an instrument in the capture, by text and the file's venue; remembers what it
 * looked up. 0 with an error pushed and file->fatal set. */
#define ATS_IMPORT_SYMBOL_SLOTS 1024u
typedef struct ats_import_symbols {
    ats_symbol like; /* what all symbols of the file share; text is ignored */
    struct {
        char text[ATS_SYMBOL_TEXT];
        uint32_t id;
    } slot[ATS_IMPORT_SYMBOL_SLOTS]; /* by hash of the text; the last one asked for stays */
} ats_import_symbols;
uint32_t ats_import_symbol(ats_import_file *file, ats_import_symbols *symbols,
                           const char text[ATS_SYMBOL_TEXT]);

/* For formats: room for one more record in the event, zeroed; NULL out of memory (error pushed). */
ats_market *ats_import_event_add(ats_import_file *file);

#endif
