/* bar_file.h: what the formats of bars share: the resolved layout, and a row to its records. */
#ifndef ATS_IO_IMPORT_BAR_FILE_H
#define ATS_IO_IMPORT_BAR_FILE_H

#include "io/codec/bar.h"
#include "io/import/import.h"

#define ATS_BAR_COLUMNS_MAX 64u

typedef enum ats_bar_column {
    ATS_BAR_TIME,
    ATS_BAR_OPEN,
    ATS_BAR_HIGH,
    ATS_BAR_LOW,
    ATS_BAR_CLOSE,
    ATS_BAR_VOLUME,
    ATS_BAR_SYMBOL,
    ATS_BAR_DIVIDEND, /* cash per share on the ex-date, 0: none */
    ATS_BAR_SPLIT,    /* new shares for one old on the ex-date, 1: none */
    ATS_BAR_COLUMN_COUNT
} ats_bar_column;

typedef struct ats_bar_file {
    ats_bar_time_format time;
    int8_t column[ATS_BAR_COLUMN_COUNT]; /* position in a row, -1: not there */
    uint32_t column_count;               /* of a row; 0: from the header line */
    char delimiter;
    bool has_header, local, bar_end, columns_given, symbol_given;
    uint32_t period_s;
    char symbol[ATS_SYMBOL_TEXT]; /* of rows that name none */
    const ats_calendar *calendar; /* of US equities */
    ats_import_symbols symbols;
} ats_bar_file;

/* Defaults of a format; options of the same name win. */
typedef struct ats_bar_preset {
    const char *columns, *time_format, *zone, *bar_time, *delimiter, *symbol_class, *venue;
    int64_t period_ns;
    bool header;
} ats_bar_preset;

/* Makes file->state of a preset and the options. 0, or -1 with an error pushed that names the
 * option which is missing or wrong. */
int ats_bar_file_open(ats_import_file *file, const ats_import_options *options,
                      const ats_bar_preset *preset);
void ats_bar_file_close(ats_import_file *file);

/* `entry`: each entry of an archive has a header line of its own, where there are any. */
int ats_bar_file_entry(ats_import_file *file, const char *name);

/* `line` of all formats of bars with named columns. */
ats_line_reason ats_bar_file_line(ats_import_file *file, char *text, size_t length);

/* Upper-cases `length` bytes into a symbol; false when they do not fit or are none. */
bool ats_bar_symbol_text(const char *text, size_t length, char out[ATS_SYMBOL_TEXT]);

/* Sets what instruments of a class ("equity", "crypto", "fx", "index") share; venue NULL: "US",
 * "CRYPTO", "FX". 0, or -1 with an error pushed. */
int ats_bar_symbol_like(ats_symbol *like, const char *symbol_class, const char *venue);

/* A bar's prices, volume and time as records take them: OK, or why not. */
ats_line_reason ats_bar_check(const ats_bar *bar);

/* Adds a corporate action of a symbol at 00:00 local time of a date. */
ats_line_reason ats_bar_add_action(ats_import_file *file, const ats_calendar *calendar,
                                   uint32_t symbol_id, uint32_t date,
                                   const ats_corporate_action *action);

/* Name of a path behind its last slash. */
const char *ats_bar_base_name(const char *path);

#endif
