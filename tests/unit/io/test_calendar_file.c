/* The built-in calendar, and files that are none. */
#include "core/error.h"
#include "core/record.h"
#include "io/calendar_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define HOUR_NS (3600 * ATS_SECOND_NS)

/* Walking from segment end to segment end visits all of 1980..2199 without hole or overlap, each
 * inner point finds its own segment whatever the guess, and phases follow one another. */
Test(calendar_file, segments_tile_time)
{
    ats_calendar_table t;
    cr_assert_eq(ats_calendar_load(&t, NULL), 0);
    int64_t at = ATS_TIME_MIN_NS;
    uint32_t regular = 0, count = 0;
    ats_segment s = {0};
    while (at < ATS_TIME_MAX_NS) {
        ats_calendar_segment(&t.calendar, at, &s);
        cr_assert_eq(s.start_ns, at);
        cr_assert_gt(s.end_ns, s.start_ns);
        const int64_t inner[] = {s.start_ns, s.start_ns + (s.end_ns - s.start_ns) / 2,
                                 s.end_ns - 1};
        for (int i = 0; i < 3; i++) {
            ats_segment again = {.session = count % 13000};
            ats_calendar_segment(&t.calendar, inner[i], &again);
            cr_assert_eq(again.start_ns, s.start_ns);
            cr_assert_eq(again.end_ns, s.end_ns);
            cr_assert_eq(again.phase, s.phase);
            cr_assert_eq(again.date, s.date);
        }
        cr_assert(s.phase != ATS_PHASE_REGULAR || (s.open_ns == at && s.close_ns == s.end_ns));
        regular += s.phase == ATS_PHASE_REGULAR;
        count++;
        at = s.end_ns;
    }
    cr_assert_eq(at, ATS_TIME_MAX_NS);
    cr_assert_eq(regular, t.calendar.count);
    ats_calendar_free(&t);
}

static void expect_session(const ats_calendar_table *t, uint32_t date, double open_h,
                           double close_h, uint32_t flags)
{
    ats_session s = {0};
    cr_assert(ats_calendar_on(&t->calendar, date, &s), "%u", date);
    cr_expect_eq(s.open_ns - ats_date_ns(date), (int64_t)(open_h * 3600) * ATS_SECOND_NS, "%u",
                 date);
    cr_expect_eq(s.close_ns - ats_date_ns(date), (int64_t)(close_h * 3600) * ATS_SECOND_NS, "%u",
                 date);
    cr_expect_eq(s.flags, flags, "%u", date);
}

/* Hours in UTC, worked out by hand: winter is UTC-5, summer UTC-4. */
Test(calendar_file, days_that_are_known)
{
    ats_calendar_table t;
    cr_assert_eq(ats_calendar_load(&t, ""), 0);
    expect_session(&t, 20240308, 14.5, 21, 0); /* the Friday before the clocks go forward */
    expect_session(&t, 20240311, 13.5, 20, 0);
    expect_session(&t, 20241101, 13.5, 20, 0);
    expect_session(&t, 20241104, 14.5, 21, 0);
    expect_session(&t, 20241129, 14.5, 18, ATS_SESSION_EARLY_CLOSE);
    expect_session(&t, 20130703, 13.5, 17, ATS_SESSION_EARLY_CLOSE);
    expect_session(&t, 19850926, 14, 20, 0);
    expect_session(&t, 19850930, 13.5, 20, 0);
    expect_session(&t, 20020911, 16, 20, ATS_SESSION_LATE_OPEN);
    expect_session(&t, 19960108, 16, 19, ATS_SESSION_EARLY_CLOSE | ATS_SESSION_LATE_OPEN);
    const uint32_t closed[] = {19850927, 19940427, 20010911, 20010914, 20040611,
                               20070102, 20121029, 20121030, 20181205, 20250109,
                               20250418, 20220620, 20260703, 20240106};
    ats_session s;
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++)
        cr_expect_not(ats_calendar_on(&t.calendar, closed[i], &s), "%u", closed[i]);
    cr_expect(ats_calendar_on(&t.calendar, 20211231, &s)); /* Rule 7.2: New Year on a Saturday */
    cr_expect(ats_calendar_next(&t.calendar, 20010910, &s) && s.date == 20010917);
    cr_expect_eq(ats_calendar_days(&t.calendar, 20240101, 20250101), 252);
    cr_expect_str_eq(ats_calendar_note_on(&t, 20250109)->reason, "Mourning for Jimmy Carter");
    ats_calendar_free(&t);
}

#define OFFSETS "\"utc_offset\":[{\"from\":\"1979-12-31T00:00:00Z\",\"offset\":\"-05:00\"}]"
#define HEAD    "{\"name\":\"x\",\"zone\":\"Z\",\"first\":\"1980-01-01\",\"last\":\"1980-12-31\","
#define HOURS                                                                                      \
    "\"hours\":[{\"from\":\"1980-01-01\",\"pre\":\"04:00\",\"open\":\"09:30\",\"close\":"          \
    "\"16:00\",\"post\":\"20:00\"}],"
#define DAYS "\"closed\":{},\"special\":{}}"

Test(calendar_file, faults_are_named)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "test:1:"},
        {"[]", "no JSON object"},
        {"{\n\n \"name\": }", "test:3:"},
        {HEAD "\"zebra\":1," HOURS OFFSETS "," DAYS, "zebra"},
        {HEAD OFFSETS "," DAYS, "hours"},
        {HEAD HOURS DAYS, "utc_offset"},
        {HEAD HOURS OFFSETS "}", "closed"},
        {HEAD HOURS OFFSETS ",\"closed\":{\"1980-02-30\":\"x\"},\"special\":{}}", "1980-02-30"},
        {HEAD HOURS OFFSETS ",\"closed\":{\"1981-02-02\":\"x\"},\"special\":{}}", "1981-02-02"},
        {HEAD HOURS OFFSETS ",\"closed\":{\"1980-02-02\":\"x\"},\"special\":{}}", "Saturday"},
        {HEAD HOURS OFFSETS ",\"closed\":{\"1980-02-01\":7},\"special\":{}}", "reason"},
        {HEAD HOURS OFFSETS ",\"closed\":{\"1980-02-01\":\"a\",\"1980-02-01\":\"b\"}}", "test:1"},
        {HEAD HOURS OFFSETS ",\"closed\":{},\"special\":{\"1980-02-01\":{\"reason\":\"x\"}}}",
         "special.1980-02-01"},
        {HEAD HOURS OFFSETS ",\"closed\":{},\"special\":{\"1980-02-01\":{\"close\":\"08:00\","
                            "\"reason\":\"x\"}}}",
         "special.1980-02-01"},
        {HEAD HOURS OFFSETS ",\"closed\":{\"1980-02-01\":\"x\"},\"special\":{\"1980-02-01\":"
                            "{\"close\":\"13:00\",\"reason\":\"x\"}}}",
         "both"},
    };
    ats_calendar_table t;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ats_error_clear();
        cr_assert_eq(ats_calendar_parse(&t, bad[i].text, strlen(bad[i].text), "test"), -1, "%zu",
                     i);
        cr_expect(strstr(ats_error_line(0), bad[i].says) != NULL, "%zu: %s", i, ats_error_line(0));
        cr_expect_null(t.session);
    }
    static const char good[] = HEAD HOURS OFFSETS "," DAYS;
    cr_assert_eq(ats_calendar_parse(&t, good, sizeof good - 1, "test"), 0);
    cr_expect_eq(t.calendar.count, 262); /* weekdays of 1980 */
    ats_calendar_free(&t);
}
