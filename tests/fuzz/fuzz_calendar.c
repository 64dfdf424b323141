/* Any bytes as a calendar file: refused, or a table whose segments tile time. The first byte says
 * whether the bytes are the file, or are written over the built-in one at a place they choose. */
#include "core/error.h"
#include "core/record.h"
#include "io/calendar_data.h"
#include "io/calendar_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_tiles(const ats_calendar *calendar)
{
    ats_segment s = {0};
    for (int64_t at = ATS_TIME_MIN_NS; at < ATS_TIME_MAX_NS; at = s.end_ns) {
        ats_calendar_segment(calendar, at, &s);
        if (s.start_ns != at || s.end_ns <= at)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t built_in = (size_t)(ats_calendar_us_equity_end - ats_calendar_us_equity);
    ats_calendar_table table;
    ats_error_clear();
    if (size < 3)
        return 0;
    size_t at = (size_t)(data[0] >> 1) * 256 + data[1], count = size - 2;
    bool over = data[0] & 1 && at + count < built_in;
    char *text = malloc(over ? built_in : count);
    if (over)
        memcpy(text, ats_calendar_us_equity, built_in);
    memcpy(text + (over ? at : 0), data + 2, count);
    if (ats_calendar_parse(&table, text, over ? built_in : count, "fuzz") == 0) {
        expect_tiles(&table.calendar);
        ats_calendar_free(&table);
    } else if (ats_error_count() == 0) {
        abort();
    }
    free(text);
    return 0;
}
