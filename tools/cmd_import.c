#include "io/calendar_file.h"
#include "io/import/import.h"
#include "tools/commands.h"
#include "tools/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *output;
    const char *venue;
    int64_t max_bad_ppm;
    const char *actions, *calendar;
    ats_import_bar_options bars;
    bool list;
} options;

static const ats_option OPTIONS[] = {
    {'o', "output", ATS_OPTION_TEXT, offsetof(options, output), NULL, "CAPTURE",
     "the capture to make", 0, 0, false},
    {0, "max-bad", ATS_OPTION_PERCENT, offsetof(options, max_bad_ppm), "0.1%", "PERCENT",
     "bad lines allowed in a file of 1000 lines and more, and at its end", 0, 0, false},
    {0, "venue", ATS_OPTION_TEXT, offsetof(options, venue), NULL, "VENUE",
     "venue of the symbols (taq-csv: US; binance-ws: from the file name)", 0, 0, false},
    {0, "actions", ATS_OPTION_TEXT, offsetof(options, actions), NULL, "FILE",
     "merge in splits and dividends: symbol,ex_date,action,ratio,cash", 0, 0, false},
    {0, "calendar", ATS_OPTION_TEXT, offsetof(options, calendar), NULL, "FILE",
     "market calendar instead of the built-in one", 0, 0, false},
    {0, "columns", ATS_OPTION_TEXT, offsetof(options, bars.columns), NULL, "NAMES",
     "bars: time,open,high,low,close,volume[,symbol]; - skips one", 0, 0, false},
    {0, "time-format", ATS_OPTION_TEXT, offsetof(options, bars.time_format), NULL, "FORMAT",
     "bars: s, ms, us, ns since 1970, or a pattern such as \"%Y-%m-%d %H:%M:%S\"", 0, 0, false},
    {0, "zone", ATS_OPTION_TEXT, offsetof(options, bars.zone), NULL, "ZONE",
     "bars: UTC or America/New_York", 0, 0, false},
    {0, "bar-time", ATS_OPTION_TEXT, offsetof(options, bars.bar_time), NULL, "WHICH",
     "bars: the time is the bar's start or end", 0, 0, false},
    {0, "period", ATS_OPTION_DURATION, offsetof(options, bars.period_ns), NULL, "TIME",
     "bars: length of one, such as 15m; 24h for days", 0, 0, false},
    {0, "symbol", ATS_OPTION_TEXT, offsetof(options, bars.symbol), NULL, "SYMBOL",
     "bars: of rows that name none", 0, 0, false},
    {0, "class", ATS_OPTION_TEXT, offsetof(options, bars.symbol_class), NULL, "CLASS",
     "bars: equity, crypto, fx or index", 0, 0, false},
    {0, "delimiter", ATS_OPTION_TEXT, offsetof(options, bars.delimiter), NULL, "CHARACTER",
     "bars: between columns; tab for a tab", 0, 0, false},
    {0, "header", ATS_OPTION_FLAG, offsetof(options, bars.header), NULL, NULL,
     "bars: the first line is a header", 0, 0, false},
    {0, "no-header", ATS_OPTION_FLAG, offsetof(options, bars.no_header), NULL, NULL,
     "bars: it is none", 0, 0, false},
    {'l', "list", ATS_OPTION_FLAG, offsetof(options, list), NULL, NULL, "name the formats", 0, 0,
     false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

static int list_formats(const ats_cli *cli)
{
    json_t *list = cli->common.json ? json_array() : NULL;
    for (uint32_t i = 0; ats_import_formats[i]; i++) {
        const ats_import_format *f = ats_import_formats[i];
        if (list)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", f->name, "purpose",
                                                  f->purpose, "input", f->input));
        else
            printf("%-12s %s\n%-12s   input: %s\n", f->name, f->purpose, "", f->input);
    }
    int failed = list ? ats_cli_print_json(list) : ats_cli_flush();
    return failed ? ats_cli_fail() : ATS_EXIT_OK;
}

static json_t *reasons_json(const ats_import_counts *c)
{
    json_t *reasons = json_object();
    for (uint32_t r = ATS_LINE_OK + 1; r < ATS_LINE_REASON_COUNT; r++)
        if (c->reason[r])
            json_object_set_new(reasons, ats_line_reason_label(r),
                                json_integer((json_int_t)c->reason[r]));
    return reasons;
}

/* Inputs in the order of their counts: the files, then the actions. */
static const char *input_name(const ats_cli *cli, const options *o, uint32_t i)
{
    return i + 1 < cli->argument_count ? cli->argument[i + 1] : o->actions;
}

static uint32_t input_count(const ats_cli *cli, const options *o)
{
    return cli->argument_count - 1 + (o->actions != NULL);
}

static int print_json(const ats_cli *cli, const ats_import_counts *counts, const options *o,
                      uint64_t records, double seconds)
{
    json_t *files = json_array();
    for (uint32_t i = 0; i < input_count(cli, o); i++) {
        const ats_import_counts *c = &counts[i];
        json_array_append_new(
            files, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "file", input_name(cli, o, i),
                             "lines", (json_int_t)c->lines, "headers", (json_int_t)c->headers,
                             "taken", (json_int_t)c->taken, "records", (json_int_t)c->records,
                             "strangers", (json_int_t)c->strangers, "not_taken", reasons_json(c)));
    }
    return ats_cli_print_json(json_pack("{s:s, s:s, s:I, s:f, s:o}", "format", cli->argument[0],
                                        "capture", o->output, "records", (json_int_t)records,
                                        "wall_s", seconds, "files", files));
}

static void print_text(const ats_cli *cli, const ats_import_counts *counts, const options *o,
                       uint64_t records, double seconds)
{
    uint64_t lines = 0;
    for (uint32_t i = 0; i < input_count(cli, o); i++) {
        const ats_import_counts *c = &counts[i];
        lines += c->lines;
        printf("%s: %llu lines: %llu taken as %llu records", input_name(cli, o, i),
               (unsigned long long)c->lines, (unsigned long long)c->taken,
               (unsigned long long)c->records);
        if (c->headers)
            printf(", %llu header", (unsigned long long)c->headers);
        for (uint32_t r = ATS_LINE_OK + 1; r < ATS_LINE_REASON_COUNT; r++)
            if (c->reason[r])
                printf(", %llu %s", (unsigned long long)c->reason[r], ats_line_reason_label(r));
        if (c->strangers)
            printf(", %llu symbols of no other file (is --venue right?)",
                   (unsigned long long)c->strangers);
        putchar('\n');
    }
    printf("%s: %llu records in %.2f s, %.2f M lines/s\n", o->output, (unsigned long long)records,
           seconds, seconds > 0 ? (double)lines / seconds / 1e6 : 0.0);
}

static int tell(void *context, uint64_t done, uint64_t total, uint64_t records)
{
    return ats_progress_tell(context, done, total, records);
}

static int import(const ats_cli *cli, const options *o, const ats_import_format *format,
                  const ats_calendar *calendar, ats_import_counts *counts)
{
    ats_capture_writer *writer;
    if (ats_output_check(o->output, ATS_OUTPUT_CAPTURE, (const char *const *)cli->argument + 1,
                         cli->argument_count - 1) != 0 ||
        ats_capture_create(&writer, o->output, 0) != 0)
        return -1;
    ats_progress progress;
    ats_progress_start(&progress, cli, "records");
    ats_import_options how = {.max_bad_ppm = (uint32_t)o->max_bad_ppm,
                              .venue = o->venue,
                              .bars = o->bars,
                              .actions = o->actions,
                              .us_equity = calendar,
                              .progress = tell,
                              .context = &progress};
    int failed = ats_import_run(format, (const char *const *)cli->argument + 1,
                                cli->argument_count - 1, &how, writer, counts);
    uint64_t records = ats_capture_written(writer)->records;
    if (!failed && records == 0)
        failed = ats_error(ATS_EXIT_DATA, "%s%s: there is no line that gives a record",
                           cli->argument[1], cli->argument_count > 2 ? " and others" : "");
    if (failed)
        ats_capture_abandon(writer);
    else
        failed = ats_capture_finish(writer);
    double seconds = ats_progress_stop(&progress);
    if (failed)
        return -1;
    if (cli->common.json)
        return print_json(cli, counts, o, records, seconds);
    if (!cli->common.quiet)
        print_text(cli, counts, o, records, seconds);
    return ats_cli_flush();
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    int done = ats_cli_parse(&cli, &ats_command_import, &o, argc, argv);
    if (done)
        return done < 0 ? ats_cli_fail() : ATS_EXIT_OK;
    if (o.list)
        return list_formats(&cli);
    const ats_import_format *format = cli.argument_count ? ats_import_find(cli.argument[0]) : NULL;
    if (cli.argument_count && !format)
        ats_error(ATS_EXIT_USAGE, "%s: no such format; `ats import --list` names them",
                  cli.argument[0]);
    else if (cli.argument_count < 2 || !o.output)
        ats_error(ATS_EXIT_USAGE, "usage: ats import %s", ats_command_import.synopsis);
    if (ats_error_count())
        return ats_cli_fail();
    ats_calendar_table calendar;
    if (ats_calendar_load(&calendar, o.calendar) != 0)
        return ats_cli_fail();
    ats_import_counts *counts = calloc(input_count(&cli, &o), sizeof *counts);
    int failed = counts ? import(&cli, &o, format, &calendar.calendar, counts)
                        : ats_error(ATS_EXIT_FAILED, "import: out of memory");
    free(counts);
    ats_calendar_free(&calendar);
    return failed ? ats_cli_fail() : ATS_EXIT_OK;
}

const ats_command ats_command_import = {
    .name = "import",
    .purpose = "make a capture of other people's data",
    .synopsis = "FORMAT FILE... -o CAPTURE | --list",
    .detail =
        "Files are merged by receive time (event time where none was recorded); at equal times\n"
        "quotes come before trades, then files in the order given. Every line is accounted\n"
        "for. A line of ticks that goes back in time within its file is bad: sort such a file\n"
        "first; files of bars are sorted here. Zip archives are read entry by entry. Corporate\n"
        "actions take effect at 00:00 New York of their ex-date, before any record of it.\n"
        "More bad lines than --max-bad end the import (exit 4) and name the first one.",
    .example = "ats import taq-csv quotes.csv.zst trades.csv.zst -o day.cap",
    .option = OPTIONS,
    .arguments_min = 0,
    .arguments_max = UINT32_MAX,
    .run = run,
};
