/* record_text.h: market records as text for people and pipes. Cold. */
#ifndef ATS_TOOLS_RECORD_TEXT_H
#define ATS_TOOLS_RECORD_TEXT_H

#include "core/record.h"
#include "core/symbols.h"

#include <stdio.h>

#define ATS_TIME_TEXT_BYTES 40

/* "2018-01-02T14:30:00.123456789Z". */
void ats_time_text(int64_t ns, char out[ATS_TIME_TEXT_BYTES]);

/* One line: the columns that all kinds share, then name=value pairs of the kind. */
void ats_record_print_header(FILE *to);
void ats_record_print(FILE *to, const ats_market *record, const ats_symbols *symbols);

/* A JSON object without a line end; integers as they are stored (_ns, _e9). */
void ats_record_print_json(FILE *to, const ats_market *record, const ats_symbols *symbols);

#endif
