#include "io/calendar_file.h"

#include "core/error.h"
#include "core/file.h"
#include "core/record.h"
#include "io/calendar_data.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHANGES_MAX 64u   /* of the weekday hours */
#define OFFSETS_MAX 4096u /* two a year, and room for calendars that change more often */
#define MINUTE_NS   60000000000ll

typedef struct hours {
    uint32_t from;
    int32_t pre_min, open_min, close_min, post_min; /* of the local day */
} hours;

typedef struct loading {
    const char *name;
    json_t *root;
    ats_calendar_table *table;
    hours change[CHANGES_MAX];
    uint32_t change_count;
    uint32_t first, last;
} loading;

/* ---- scalars --------------------------------------------------------------------------------- */

static bool digits(const char *text, size_t count, uint32_t *out)
{
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    *out = value;
    return true;
}

uint32_t ats_date_parse(const char *text, size_t length)
{
    uint32_t year, month, day;
    if (length != 10 || text[4] != '-' || text[7] != '-' || !digits(text, 4, &year) ||
        !digits(text + 5, 2, &month) || !digits(text + 8, 2, &day))
        return 0;
    uint32_t date = year * 10000 + month * 100 + day;
    return ats_date_is_valid(date) ? date : 0;
}

/* "09:30" in minutes, 24:00 allowed; -1 when it is none. */
static int32_t minutes_of(const char *text)
{
    uint32_t hour, minute;
    if (!text || strlen(text) != 5 || text[2] != ':' || !digits(text, 2, &hour) ||
        !digits(text + 3, 2, &minute) || minute > 59 || hour * 60 + minute > 24 * 60)
        return -1;
    return (int32_t)(hour * 60 + minute);
}

static int fail(const loading *l, const char *key, const char *what)
{
    return ats_error(ATS_EXIT_CONFIG, "%s: %s: %s", l->name, key, what);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int read_date(const loading *l, const char *key, uint32_t *out)
{
    const char *text = text_of(l->root, key);
    *out = text ? ats_date_parse(text, strlen(text)) : 0;
    return *out ? 0 : fail(l, key, "must be a date such as \"2024-07-03\"");
}

/* ---- hours and offsets ----------------------------------------------------------------------- */

static bool in_order(const hours *h)
{
    return h->pre_min >= 0 && h->pre_min <= h->open_min && h->open_min < h->close_min &&
           h->close_min <= h->post_min;
}

static int read_hours(loading *l)
{
    const json_t *list = json_object_get(l->root, "hours");
    size_t count = json_array_size(list);
    if (count == 0 || count > CHANGES_MAX)
        return fail(l, "hours", "must be a list of 1 to 64 objects");
    for (size_t i = 0; i < count; i++) {
        const json_t *row = json_array_get(list, i);
        const char *from = text_of(row, "from");
        hours *h = &l->change[i];
        *h = (hours){.from = from ? ats_date_parse(from, strlen(from)) : 0,
                     .pre_min = minutes_of(text_of(row, "pre")),
                     .open_min = minutes_of(text_of(row, "open")),
                     .close_min = minutes_of(text_of(row, "close")),
                     .post_min = minutes_of(text_of(row, "post"))};
        char key[32];
        snprintf(key, sizeof key, "hours[%zu]", i);
        if (!h->from || (i == 0 ? h->from > l->first : h->from <= h[-1].from))
            return fail(l, key, "`from` must be a date, ascending, the first not after `first`");
        if (!in_order(h))
            return fail(l, key, "needs pre <= open < close <= post, each such as \"09:30\"");
    }
    l->change_count = (uint32_t)count;
    return 0;
}

/* "2024-03-10T07:00:00Z" */
static bool read_moment(const char *text, int64_t *ns)
{
    uint32_t hour, minute, second;
    if (!text || strlen(text) != 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
        text[19] != 'Z' || !digits(text + 11, 2, &hour) || !digits(text + 14, 2, &minute) ||
        !digits(text + 17, 2, &second) || hour > 23 || minute > 59 || second > 59)
        return false;
    uint32_t date = ats_date_parse(text, 10);
    if (!date)
        return false;
    *ns = ats_date_ns(date) + (hour * 3600 + minute * 60 + second) * ATS_SECOND_NS;
    return true;
}

/* "-05:00" in seconds; local time is never more than 15 hours from UTC. */
static bool read_offset(const char *text, int32_t *out)
{
    int32_t minutes = text && (text[0] == '+' || text[0] == '-') ? minutes_of(text + 1) : -1;
    if (minutes < 0 || minutes > 15 * 60)
        return false;
    *out = (text[0] == '-' ? -60 : 60) * minutes;
    return true;
}

static int read_offsets(loading *l)
{
    const json_t *list = json_object_get(l->root, "utc_offset");
    size_t count = json_array_size(list);
    if (count == 0 || count > OFFSETS_MAX)
        return fail(l, "utc_offset", "must be a list of 1 to 4096 objects");
    ats_utc_offset *offset = calloc(count, sizeof *offset);
    if (!offset)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", l->name);
    l->table->offset = offset;
    for (size_t i = 0; i < count; i++) {
        const json_t *row = json_array_get(list, i);
        char key[32];
        snprintf(key, sizeof key, "utc_offset[%zu]", i);
        if (!read_moment(text_of(row, "from"), &offset[i].from_ns) ||
            !read_offset(text_of(row, "offset"), &offset[i].offset_s))
            return fail(l, key, "needs from such as \"2024-03-10T07:00:00Z\", offset \"-04:00\"");
        /* Local times are told apart by one change a day at most. */
        if (i && offset[i].from_ns < offset[i - 1].from_ns + 4 * ATS_DAY_NS)
            return fail(l, key, "must be at least four days after the one before");
    }
    if (offset[0].from_ns > ats_date_ns(l->first))
        return fail(l, "utc_offset[0]", "must not begin after `first`");
    l->table->calendar.offset = offset;
    l->table->calendar.offset_count = (uint32_t)count;
    return 0;
}

/* ---- closed and special days ----------------------------------------------------------------- */

static int by_date(const void *a, const void *b)
{
    const ats_calendar_note *x = a, *y = b;
    return x->date < y->date ? -1 : x->date > y->date;
}

static int add_note(loading *l, const char *section, const char *day, const char *reason)
{
    char key[64];
    snprintf(key, sizeof key, "%s.%.20s", section, day);
    uint32_t date = ats_date_parse(day, strlen(day));
    if (!date || date < l->first || date > l->last)
        return fail(l, key, "is no date within first..last");
    if (ats_date_weekday(date) > 4)
        return fail(l, key, "is a Saturday or Sunday, on which nothing trades anyway");
    if (!reason || !reason[0] || strlen(reason) >= ATS_CALENDAR_REASON_BYTES)
        return fail(l, key, "needs a reason of 1 to 63 bytes");
    ats_calendar_note *note = &l->table->note[l->table->note_count++];
    note->date = date;
    note->closed = strcmp(section, "closed") == 0;
    strcpy(note->reason, reason);
    return 0;
}

static int read_days(loading *l)
{
    json_t *closed = json_object_get(l->root, "closed");
    json_t *special = json_object_get(l->root, "special");
    if (!json_is_object(closed) || !json_is_object(special))
        return fail(l, "closed, special", "must be there, each an object by date");
    size_t count = json_object_size(closed) + json_object_size(special);
    ats_calendar_table *t = l->table;
    t->note = calloc(count ? count : 1, sizeof *t->note);
    if (!t->note)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", l->name);
    const char *day;
    json_t *value;
    json_object_foreach(closed, day, value)
    {
        if (add_note(l, "closed", day, json_string_value(value)) != 0)
            return -1;
    }
    json_object_foreach(special, day, value)
    {
        if (add_note(l, "special", day, text_of(value, "reason")) != 0)
            return -1;
    }
    qsort(t->note, t->note_count, sizeof *t->note, by_date);
    for (uint32_t i = 1; i < t->note_count; i++)
        if (t->note[i].date == t->note[i - 1].date)
            return ats_error(ATS_EXIT_CONFIG, "%s: %u is both closed and special", l->name,
                             t->note[i].date);
    return 0;
}

const ats_calendar_note *ats_calendar_note_on(const ats_calendar_table *table, uint32_t date)
{
    ats_calendar_note key = {.date = date};
    return table->note_count ? bsearch(&key, table->note, table->note_count, sizeof key, by_date)
                             : NULL;
}

/* ---- the sessions ---------------------------------------------------------------------------- */

/* Replaces the hours of a special day. */
static int special_hours(const loading *l, uint32_t date, hours *h, uint32_t *flags)
{
    char day[16], key[32];
    snprintf(day, sizeof day, "%04u-%02u-%02u", date / 10000, date / 100 % 100, date % 100);
    snprintf(key, sizeof key, "special.%s", day);
    const json_t *row = json_object_get(json_object_get(l->root, "special"), day);
    const json_t *open = json_object_get(row, "open"), *close = json_object_get(row, "close");
    int32_t usual_open = h->open_min, usual_close = h->close_min;
    if (!open && !close)
        return fail(l, key, "needs open, close or both");
    if (open)
        h->open_min = minutes_of(json_string_value(open));
    if (close)
        h->close_min = minutes_of(json_string_value(close));
    if (h->open_min < 0 || h->close_min < 0 || !in_order(h))
        return fail(l, key, "needs pre <= open < close <= post, each such as \"13:00\"");
    *flags = (h->close_min < usual_close ? ATS_SESSION_EARLY_CLOSE : 0) |
             (h->open_min > usual_open ? ATS_SESSION_LATE_OPEN : 0);
    return 0;
}

static int add_session(loading *l, uint32_t date, hours h)
{
    ats_calendar *c = &l->table->calendar;
    const ats_calendar_note *note = ats_calendar_note_on(l->table, date);
    uint32_t flags = 0;
    if (note && note->closed)
        return 0;
    if (note && special_hours(l, date, &h, &flags) != 0)
        return -1;
    int64_t day_ns = ats_date_ns(date);
    l->table->session[c->count++] =
        (ats_session){.pre_ns = ats_calendar_utc_ns(c, day_ns + h.pre_min * MINUTE_NS),
                      .open_ns = ats_calendar_utc_ns(c, day_ns + h.open_min * MINUTE_NS),
                      .close_ns = ats_calendar_utc_ns(c, day_ns + h.close_min * MINUTE_NS),
                      .post_ns = ats_calendar_utc_ns(c, day_ns + h.post_min * MINUTE_NS),
                      .date = date,
                      .flags = flags};
    const ats_session *s = &l->table->session[c->count - 1];
    if (s->pre_ns > s->open_ns || s->open_ns >= s->close_ns || s->close_ns > s->post_ns ||
        (c->count > 1 && s->pre_ns < s[-1].post_ns))
        return ats_error(ATS_EXIT_CONFIG, "%s: %u: hours overlap where the clocks change", l->name,
                         date);
    return 0;
}

static int make_sessions(loading *l)
{
    ats_calendar *c = &l->table->calendar;
    int64_t first = ats_date_days(l->first), last = ats_date_days(l->last);
    if ((last - first + 1) * 5 / 7 + 5 > (int64_t)ATS_CALENDAR_SESSIONS_MAX)
        return fail(l, "last", "is more than 300 years after `first`");
    l->table->session = calloc((size_t)(last - first + 1), sizeof *l->table->session);
    if (!l->table->session)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", l->name);
    uint32_t change = 0;
    for (int64_t day = first; day <= last; day++) {
        uint32_t date = ats_date_of_days(day);
        while (change + 1 < l->change_count && l->change[change + 1].from <= date)
            change++;
        if (ats_date_weekday(date) < 5 && add_session(l, date, l->change[change]) != 0)
            return -1;
    }
    c->session = l->table->session;
    return c->count ? 0 : fail(l, "closed", "leaves no session");
}

static int read_all(loading *l)
{
    static const char *const keys[] = {"name",  "zone",       "source", "first",  "last",
                                       "hours", "utc_offset", "closed", "special"};
    const char *key, *name = text_of(l->root, "name"), *zone = text_of(l->root, "zone");
    ats_calendar *c = &l->table->calendar;
    json_t *value;
    json_object_foreach(l->root, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
            known |= strcmp(key, keys[i]) == 0;
        if (!known)
            return ats_error(ATS_EXIT_CONFIG, "%s: %.64s: is no key of a calendar", l->name, key);
    }
    if (!name || !name[0] || strlen(name) >= sizeof c->name)
        return fail(l, "name", "must be text of 1 to 15 bytes");
    if (!zone || !zone[0] || strlen(zone) >= sizeof l->table->zone)
        return fail(l, "zone", "must be text of 1 to 31 bytes, such as America/New_York");
    strcpy(c->name, name);
    strcpy(l->table->zone, zone);
    if (read_date(l, "first", &l->first) != 0 || read_date(l, "last", &l->last) != 0)
        return -1;
    if (l->last < l->first || ats_date_ns(l->first) < ATS_TIME_MIN_NS)
        return fail(l, "first", "must not be before 1980-01-01 or after `last`");
    c->first_date = l->first;
    c->last_date = l->last;
    return read_hours(l) != 0 || read_offsets(l) != 0 || read_days(l) != 0 || make_sessions(l) != 0
               ? -1
               : 0;
}

/* ---- loading --------------------------------------------------------------------------------- */

int ats_calendar_parse(ats_calendar_table *table, const char *text, size_t bytes, const char *name)
{
    *table = (ats_calendar_table){0};
    json_error_t error;
    loading *l = calloc(1, sizeof *l);
    if (!l)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", name);
    l->name = name;
    l->table = table;
    l->root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    int failed = -1;
    if (!l->root)
        ats_error(ATS_EXIT_CONFIG, "%s:%d: %s", name, error.line, error.text);
    else if (!json_is_object(l->root))
        ats_error(ATS_EXIT_CONFIG, "%s:1: is no JSON object", name);
    else
        failed = read_all(l);
    json_decref(l->root);
    free(l);
    if (failed)
        ats_calendar_free(table);
    return failed;
}

int ats_calendar_load(ats_calendar_table *table, const char *path)
{
    *table = (ats_calendar_table){0};
    if (!path || !path[0])
        return ats_calendar_parse(table, ats_calendar_us_equity,
                                  (size_t)(ats_calendar_us_equity_end - ats_calendar_us_equity),
                                  "the built-in calendar");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_CONFIG, errno, "%s: cannot open", path);
    char *text = malloc(ATS_CALENDAR_FILE_BYTES + 1);
    ssize_t bytes = text ? ats_file_read_at(fd, text, ATS_CALENDAR_FILE_BYTES + 1, 0) : 0;
    int failed = -1;
    if (!text)
        ats_error(ATS_EXIT_FAILED, "%s: out of memory", path);
    else if (bytes < 0)
        ats_error_errno(ATS_EXIT_CONFIG, errno, "%s: read", path);
    else if (bytes > (ssize_t)ATS_CALENDAR_FILE_BYTES)
        ats_error(ATS_EXIT_CONFIG, "%s: is larger than %u bytes: no calendar", path,
                  ATS_CALENDAR_FILE_BYTES);
    else
        failed = ats_calendar_parse(table, text, (size_t)bytes, path);
    free(text);
    close(fd);
    return failed;
}

void ats_calendar_free(ats_calendar_table *table)
{
    free(table->session);
    free(table->offset);
    free(table->note);
    *table = (ats_calendar_table){0};
}
