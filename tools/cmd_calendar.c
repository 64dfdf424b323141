#include "core/error.h"
#include "io/calendar_file.h"
#include "tools/commands.h"

#include <stdio.h>
#include <string.h>

typedef struct options {
    int64_t year;
    const char *file;
} options;

static const ats_option OPTIONS[] = {
    {'y', "year", ATS_OPTION_INTEGER, offsetof(options, year), NULL, "YEAR",
     "show: the closed and special days of a year", 1980, 2261, false},
    {'f', "file", ATS_OPTION_TEXT, offsetof(options, file), NULL, "FILE",
     "show: this calendar instead of the built-in one", 0, 0, false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

#define DATE_BYTES 16
#define TIME_BYTES 16

static const char *date_text(uint32_t date, char out[DATE_BYTES])
{
    snprintf(out, DATE_BYTES, "%04u-%02u-%02u", date / 10000 % 10000, date / 100 % 100, date % 100);
    return out;
}

/* Local time of day. */
static const char *local_text(const ats_calendar *c, int64_t ns, char out[TIME_BYTES])
{
    int64_t s = ns / ATS_SECOND_NS + ats_calendar_offset_s(c, ns);
    snprintf(out, TIME_BYTES, "%02d:%02d", (int)(s / 3600 % 24), (int)(s / 60 % 60));
    return out;
}

static const char *hours_label(const ats_session *s)
{
    static const char *const labels[] = {"regular hours", "early close", "late open",
                                         "late open, early close"};
    return labels[s->flags & 3];
}

static json_t *session_json(const ats_calendar_table *t, const ats_session *s)
{
    char date[DATE_BYTES];
    const ats_calendar_note *note = ats_calendar_note_on(t, s->date);
    json_t *row =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:i, s:b, s:b}", "date", date_text(s->date, date),
                  "pre_ns", (json_int_t)s->pre_ns, "open_ns", (json_int_t)s->open_ns, "close_ns",
                  (json_int_t)s->close_ns, "post_ns", (json_int_t)s->post_ns, "utc_offset_s",
                  (int)ats_calendar_offset_s(&t->calendar, s->open_ns), "early_close",
                  (s->flags & ATS_SESSION_EARLY_CLOSE) != 0, "late_open",
                  (s->flags & ATS_SESSION_LATE_OPEN) != 0);
    if (note)
        json_object_set_new(row, "reason", json_string(note->reason));
    return row;
}

static int show_date(const ats_cli *cli, const ats_calendar_table *t, uint32_t date)
{
    const ats_calendar *c = &t->calendar;
    const ats_calendar_note *note = ats_calendar_note_on(t, date);
    ats_session s, next;
    char day[DATE_BYTES], at[4][TIME_BYTES];
    bool open = ats_calendar_on(c, date, &s);
    bool more = ats_calendar_next(c, date, &next);
    const char *why = note ? note->reason : ats_date_weekday(date) > 4 ? "weekend" : "";
    if (cli->common.json) {
        json_t *row = open ? session_json(t, &s)
                           : json_pack("{s:s, s:s}", "date", date_text(date, day), "reason", why);
        json_object_set_new(row, "open", json_boolean(open));
        json_object_set_new(row, "next",
                            more ? json_string(date_text(next.date, day)) : json_null());
        return ats_cli_print_json(row);
    }
    if (open)
        printf("%s  %s %s-%s (%s time), pre-market from %s, post-market to %s; %s%s%s\n",
               date_text(date, day), c->name, local_text(c, s.open_ns, at[0]),
               local_text(c, s.close_ns, at[1]), t->zone, local_text(c, s.pre_ns, at[2]),
               local_text(c, s.post_ns, at[3]), hours_label(&s), *why ? ": " : "", why);
    else
        printf("%s  %s closed%s%s\n", date_text(date, day), c->name, *why ? ": " : "", why);
    if (more)
        printf("next session %s\n", date_text(next.date, day));
    return ats_cli_flush();
}

static int show_year(const ats_cli *cli, const ats_calendar_table *t, uint32_t year)
{
    const ats_calendar *c = &t->calendar;
    uint32_t first = year * 10000 + 101, after = year * 10000 + 10101;
    char day[DATE_BYTES], at[2][TIME_BYTES];
    json_t *closed = json_array(), *sessions = json_array();
    if (!cli->common.json)
        printf("%s %u: %u sessions\n", c->name, year, ats_calendar_days(c, first, after));
    for (uint32_t i = 0; i < t->note_count; i++) {
        const ats_calendar_note *n = &t->note[i];
        ats_session s = {0};
        if (n->date < first || n->date >= after)
            continue;
        bool open = ats_calendar_on(c, n->date, &s);
        if (!open)
            json_array_append_new(closed, json_pack("{s:s, s:s}", "date", date_text(n->date, day),
                                                    "reason", n->reason));
        if (cli->common.json)
            continue;
        if (open)
            printf("%s  %s-%s  %s\n", date_text(n->date, day), local_text(c, s.open_ns, at[0]),
                   local_text(c, s.close_ns, at[1]), n->reason);
        else
            printf("%s  closed       %s\n", date_text(n->date, day), n->reason);
    }
    for (uint32_t i = 0; i < c->count; i++)
        if (c->session[i].date >= first && c->session[i].date < after)
            json_array_append_new(sessions, session_json(t, &c->session[i]));
    json_t *all = json_pack("{s:s, s:i, s:o, s:o}", "calendar", c->name, "year", (int)year,
                            "closed", closed, "sessions", sessions);
    if (cli->common.json)
        return ats_cli_print_json(all);
    json_decref(all);
    return ats_cli_flush();
}

static int show_span(const ats_cli *cli, const ats_calendar_table *t)
{
    const ats_calendar *c = &t->calendar;
    char first[DATE_BYTES], last[DATE_BYTES];
    date_text(c->first_date, first);
    date_text(c->last_date, last);
    if (cli->common.json)
        return ats_cli_print_json(json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "calendar", c->name,
                                            "zone", t->zone, "first", first, "last", last,
                                            "sessions", (json_int_t)c->count, "noted_days",
                                            (json_int_t)t->note_count));
    printf("%s  %s, %s to %s: %u sessions, %u days closed or of other hours\n", c->name, t->zone,
           first, last, c->count, t->note_count);
    return ats_cli_flush();
}

static int show(const ats_cli *cli, const options *o)
{
    const char *day = cli->argument_count > 1 ? cli->argument[1] : NULL;
    uint32_t date = day ? ats_date_parse(day, strlen(day)) : 0;
    ats_calendar_table t;
    if (day && (!date || o->year))
        return ats_error(ATS_EXIT_USAGE, "%s: give one date such as 2024-07-03, or --year", day);
    if (ats_calendar_load(&t, o->file) != 0)
        return -1;
    uint32_t asked_first = day ? date : (uint32_t)o->year * 10000 + 101;
    uint32_t asked_last = day ? date : (uint32_t)o->year * 10000 + 1231;
    int failed;
    if ((day || o->year) &&
        (asked_last < t.calendar.first_date || asked_first > t.calendar.last_date))
        failed = ats_error(ATS_EXIT_USAGE, "the calendar speaks for %u to %u only",
                           t.calendar.first_date, t.calendar.last_date);
    else
        failed = day       ? show_date(cli, &t, date)
                 : o->year ? show_year(cli, &t, (uint32_t)o->year)
                           : show_span(cli, &t);
    ats_calendar_free(&t);
    return failed;
}

static int check(const ats_cli *cli, const options *o)
{
    ats_calendar_table t;
    (void)o;
    if (cli->argument_count != 2)
        return ats_error(ATS_EXIT_USAGE, "usage: ats calendar check FILE");
    if (ats_calendar_load(&t, cli->argument[1]) != 0)
        return -1;
    int failed = cli->common.quiet ? 0 : show_span(cli, &t);
    ats_calendar_free(&t);
    return failed;
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    int done = ats_cli_parse(&cli, &ats_command_calendar, &o, argc, argv);
    if (done)
        return done < 0 ? ats_cli_fail() : ATS_EXIT_OK;
    int failed;
    if (strcmp(cli.argument[0], "show") == 0)
        failed = show(&cli, &o);
    else if (strcmp(cli.argument[0], "check") == 0)
        failed = check(&cli, &o);
    else
        failed =
            ats_error(ATS_EXIT_USAGE, "%s: no such action; there are show, check", cli.argument[0]);
    return failed ? ats_cli_fail() : ATS_EXIT_OK;
}

const ats_command ats_command_calendar = {
    .name = "calendar",
    .purpose = "when the US exchanges trade: a day, a year, a calendar file",
    .synopsis = "show [DATE] | check FILE",
    .detail = "show    a date's session, a year's closed and special days (--year), or what the\n"
              "        calendar covers; with --json all sessions of the year, in UTC ns\n"
              "check   reads a calendar file as the program would; exit 3 names what is wrong",
    .example = "ats calendar show 2024-11-29",
    .option = OPTIONS,
    .arguments_min = 1,
    .arguments_max = 2,
    .run = run,
};
