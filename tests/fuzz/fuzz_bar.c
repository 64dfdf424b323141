/* Any bytes as one file of bars, by options or of Lean, or of corporate actions: the importer must
 * end, and what it writes must be sound. The first byte chooses the format. */
#include "core/error.h"
#include "io/calendar_file.h"
#include "io/import/bar_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ats_import_bar_options *options_of(uint8_t how)
{
    static const ats_import_bar_options options[] = {
        {.time_format = "%Y-%m-%d",
         .zone = "America/New_York",
         .bar_time = "start",
         .symbol_class = "equity",
         .period_ns = ATS_DAY_NS},
        {.columns = "time,symbol,open,high,low,close,volume,dividend,split",
         .time_format = "%Y%m%d %H%M%S.%f",
         .zone = "America/New_York",
         .bar_time = "end",
         .symbol_class = "index",
         .delimiter = ";",
         .no_header = true,
         .period_ns = 900 * ATS_SECOND_NS},
        {.columns = "time,open,high,low,close",
         .time_format = "ms",
         .zone = "UTC",
         .bar_time = "end",
         .symbol_class = "crypto",
         .symbol = "X",
         .no_header = true,
         .period_ns = ATS_SECOND_NS},
    };
    return &options[how % 3];
}

static void expect_sound(const ats_market *m)
{
    if (!ats_time_is_sane(m->h.recv_ns) || m->h.symbol_id == 0)
        abort();
    if (m->h.kind == ATS_KIND_BAR) {
        const ats_bar *b = &m->bar;
        if (ats_bar_check(b) != ATS_LINE_OK || b->h.event_ns >= b->h.recv_ns || b->volume_e9 < 0 ||
            b->volume_e9 > ATS_VOLUME_MAX_E9 || b->high_e9 > ATS_VALUE_MAX_E9)
            abort();
        return;
    }
    if (m->h.kind == ATS_KIND_QUOTE) {
        const ats_quote *q = &m->quote;
        if (q->bid_e9 < 0 || q->ask_e9 < 0 || q->bid_e9 > ATS_VALUE_MAX_E9 ||
            q->ask_size_e9 > ATS_VALUE_MAX_E9 || (q->bid_e9 == 0 && q->ask_e9 == 0))
            abort();
        return;
    }
    const ats_corporate_action *a = &m->corporate_action;
    bool split = a->action == ATS_ACTION_SPLIT;
    if (m->h.kind != ATS_KIND_CORPORATE_ACTION || (!split && a->action != ATS_ACTION_DIVIDEND) ||
        (split && (a->ratio_numerator < 1 || a->ratio_numerator > ATS_RATIO_MAX ||
                   a->ratio_denominator < 1 || a->ratio_denominator > ATS_RATIO_MAX)) ||
        a->cash_e9 < 0 || a->cash_e9 > ATS_VALUE_MAX_E9)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ats_calendar_table calendar;
    if (!calendar.session && ats_calendar_load(&calendar, NULL) != 0)
        abort();
    ats_error_clear();
    if (size == 0)
        return 0;
    static const ats_import_format *const formats[] = {&ats_import_bar_csv, &ats_import_actions,
                                                       &ats_import_lean_minute};
    static const char *const entries[] = {"20240304_btcusd_minute_quote.csv",
                                          "20240304_btcusd_minute_trade.csv"};
    const ats_import_format *format = formats[data[0] % 3];
    ats_import_options options = {.us_equity = &calendar.calendar};
    if (format == &ats_import_bar_csv)
        options.bars = *options_of(data[0] / 3);
    char path[64];
    snprintf(path, sizeof path, "/tmp/ats-fuzz-bar-%d", (int)getpid());
    ats_capture_writer *writer;
    if (ats_capture_create(&writer, path, 0) != 0)
        abort();
    ats_import_file file = {.format = format, .path = "fuzz", .writer = writer};
    char *text = malloc(size);
    memcpy(text, data + 1, size - 1);
    char *line = text, *end = text + size - 1;
    if (format->open(&file, &options) == 0 &&
        (format != &ats_import_lean_minute || format->entry(&file, entries[data[0] / 3 % 2]) == 0))
        while (line < end && !file.fatal) {
            char *stop = memchr(line, '\n', (size_t)(end - line));
            size_t length = (size_t)((stop ? stop : end) - line);
            /* On its own, so that reading past the line is seen. */
            char *alone = malloc(length ? length : 1);
            memcpy(alone, line, length);
            file.event.count = 0;
            if (length && format->line(&file, alone, length) == ATS_LINE_OK)
                for (uint32_t i = 0; i < file.event.count; i++)
                    expect_sound(&file.event.record[i]);
            free(alone);
            line += length + 1;
        }
    if (file.state)
        format->close(&file);
    free(file.event.record);
    free(text);
    ats_capture_abandon(writer);
    return 0;
}
