/* ats capture check: are captures fit to be used? The checks are those of the feed in a run. */
#include "tools/capture_check.h"

#include "core/file.h"
#include "io/calendar_file.h"
#include "stages/keeper/quality.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_mode(const char *text, ats_data_mode *mode)
{
    if (strcmp(text, "lenient") == 0)
        *mode = ATS_DATA_LENIENT;
    else if (strcmp(text, "strict") == 0)
        *mode = ATS_DATA_STRICT;
    else
        return ats_error(ATS_EXIT_USAGE, "--mode %s: there are lenient and strict", text);
    return 0;
}

static int write_page(const char *path, const json_t *found)
{
    char *page = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&page, &bytes);
    int failed =
        !out ? ats_error(ATS_EXIT_FAILED, "%s: no memory", path) : ats_quality_html(out, found);
    if (out && fclose(out) != 0 && !failed)
        failed = ats_error(ATS_EXIT_FAILED, "%s: no memory", path);
    if (!failed)
        failed = ats_file_replace(path, page, bytes);
    free(page);
    return failed ? -1 : 0;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "-";
}

static long long count_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_symbols(const json_t *found)
{
    const json_t *symbols = json_object_get(found, "symbols"), *s, *n;
    const char *fault;
    size_t i;
    json_array_foreach((json_t *)symbols, i, s)
    {
        printf("%-14s", text_of(s, "symbol"));
        json_object_foreach((json_t *)json_object_get(s, "faults"), fault, n)
            printf(" %s %lld", fault, (long long)json_integer_value(n));
        if (count_of(s, "quarantines"))
            printf("; %lld quarantines, %.1f s", count_of(s, "quarantines"),
                   json_number_value(json_object_get(s, "quarantined_s")));
        putchar('\n');
        if (i == 20) {
            printf("... and more (--json, --html)\n");
            break;
        }
    }
}

static void print_found(const json_t *found)
{
    const json_t *faults = json_object_get(found, "faults"), *f;
    const json_t *input = json_object_get(found, "input");
    size_t i;
    printf("%lld records of %lld symbol%s, %s to %s\n", count_of(input, "records"),
           count_of(input, "symbols"), count_of(input, "symbols") == 1 ? "" : "s",
           text_of(input, "first_at"), text_of(input, "last_at"));
    if (!json_is_true(json_object_get(found, "checked"))) {
        printf("not checked: a tape was checked when it was recorded\n");
        return;
    }
    if (json_array_size(faults) == 0) {
        printf("nothing is wrong with it\n");
        return;
    }
    printf("%-14s %9s  %-16s %-31s what\n", "fault", "count", "action", "first");
    json_array_foreach((json_t *)faults, i, f)
        printf("%-14s %9lld  %-16s %-31s %s\n", text_of(f, "fault"), count_of(f, "count"),
               text_of(f, "action"), text_of(f, "first_at"), text_of(f, "what"));
    putchar('\n');
    print_symbols(found);
}

int ats_capture_check(const ats_cli *cli, const char *mode, const char *html)
{
    const char *const *files = (const char *const *)cli->argument + 1;
    uint32_t file_count = cli->argument_count - 1, quarantined = 0;
    ats_quality_config config;
    ats_market_source source;
    ats_quality_defaults(&config);
    ats_calendar_table calendar = {0};
    if (read_mode(mode, &config.mode) != 0 ||
        ats_market_source_open(&source, files, file_count) != 0)
        return -1;
    json_t *found = NULL;
    if (ats_calendar_load(&calendar, NULL) == 0)
        found = ats_quality_check(&source, &config, &calendar.calendar, files, file_count,
                                  &quarantined);
    ats_calendar_free(&calendar);
    ats_market_source_close(&source);
    if (!found)
        return -1;
    int status = html ? write_page(html, found) : 0;
    if (status == 0 && cli->common.json)
        status = ats_cli_print_json(json_incref(found));
    else if (status == 0 && !cli->common.quiet)
        print_found(found);
    json_decref(found);
    if (status == 0 && ats_cli_flush() != 0)
        status = -1;
    if (status == 0 && quarantined)
        status = ats_error(ATS_EXIT_DATA, "%u of the symbols cannot be trusted all the time",
                           quarantined);
    return status;
}
