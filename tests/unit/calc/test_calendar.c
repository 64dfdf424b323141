/* Dates and segments on tables made here; the real calendar is held against other people's in
 * tests/unit/io/test_calendar_file.c and tests/python/test_calendar.py. */
#include "calc/calendar.h"
#include "core/record.h"
#include "core/symbols.h"

#include <criterion/criterion.h>
#include <time.h>

#define HOUR_NS (3600 * ATS_SECOND_NS)

/* Against the C library's own conversion, every day of 1700..2261. */
Test(calendar, civil_dates_agree_with_the_c_library)
{
    for (int64_t day = ats_date_days(17000101); day <= ats_date_days(22611231); day++) {
        time_t t = day * 86400;
        struct tm tm;
        gmtime_r(&t, &tm);
        uint32_t date =
            (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
        cr_assert_eq(ats_date_of_days(day), date);
        cr_assert_eq(ats_date_days(date), day);
        cr_assert(ats_date_is_valid(date));
        cr_assert_eq(ats_date_weekday(date), (uint32_t)(tm.tm_wday + 6) % 7);
        cr_assert_eq(ats_date_of_ns(ats_date_ns(date)), date);
        cr_assert_eq(ats_date_of_ns(ats_date_ns(date) + ATS_DAY_NS - 1), date);
    }
}

Test(calendar, days_that_are_none)
{
    const uint32_t none[] = {0,        20230229, 19000229, 20241301, 20240001,
                             20240100, 20240631, 16991231, 22620101, UINT32_MAX};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        cr_expect_not(ats_date_is_valid(none[i]), "%u", none[i]);
    cr_expect(ats_date_is_valid(20000229));
}

static ats_calendar make(ats_session session[3])
{
    int64_t day = ats_date_ns(20240105); /* Friday, Monday, Tuesday; the last one ends early */
    const int64_t start[] = {day, day + 3 * ATS_DAY_NS, day + 4 * ATS_DAY_NS};
    const uint32_t date[] = {20240105, 20240108, 20240109};
    for (int i = 0; i < 3; i++)
        session[i] = (ats_session){start[i] + 9 * HOUR_NS,
                                   start[i] + 14 * HOUR_NS,
                                   start[i] + (i == 2 ? 18 : 21) * HOUR_NS,
                                   start[i] + 25 * HOUR_NS,
                                   date[i],
                                   i == 2};
    return (ats_calendar){.name = "test", .session = session, .count = 3};
}

Test(calendar, segments_of_a_week)
{
    ats_session session[3];
    ats_calendar c = make(session);
    const struct {
        int64_t ns, start_ns, end_ns;
        uint32_t date, phase;
    } expect[] = {
        {session[0].pre_ns - 1, ATS_TIME_MIN_NS, session[0].pre_ns, 0, ATS_PHASE_CLOSED},
        {session[0].pre_ns, session[0].pre_ns, session[0].open_ns, 20240105, ATS_PHASE_PRE},
        {session[0].close_ns - 1, session[0].open_ns, session[0].close_ns, 20240105,
         ATS_PHASE_REGULAR},
        {session[0].close_ns, session[0].close_ns, session[0].post_ns, 20240105, ATS_PHASE_POST},
        {session[0].post_ns, session[0].post_ns, session[1].pre_ns, 20240108, ATS_PHASE_CLOSED},
        {session[2].open_ns, session[2].open_ns, session[2].close_ns, 20240109, ATS_PHASE_REGULAR},
        {session[2].post_ns, session[2].post_ns, ATS_TIME_MAX_NS, 0, ATS_PHASE_CLOSED},
        {0, INT64_MIN, ATS_TIME_MIN_NS, 0, ATS_PHASE_CLOSED},
        {ATS_TIME_MAX_NS, ATS_TIME_MAX_NS, INT64_MAX, 0, ATS_PHASE_CLOSED},
    };
    for (size_t i = 0; i < sizeof expect / sizeof expect[0]; i++)
        for (uint32_t guess = 0; guess < 6; guess++) {
            ats_segment s = {.session = guess == 5 ? UINT32_MAX : guess};
            ats_calendar_segment(&c, expect[i].ns, &s);
            cr_assert_eq(s.start_ns, expect[i].start_ns, "%zu", i);
            cr_assert_eq(s.end_ns, expect[i].end_ns, "%zu", i);
            cr_assert_eq(s.date, expect[i].date, "%zu", i);
            cr_assert_eq(s.phase, expect[i].phase, "%zu", i);
            cr_assert_eq(s.early_close, s.date == 20240109, "%zu", i);
        }
}

Test(calendar, neighbours_and_distances)
{
    ats_session session[3], s = {0};
    ats_calendar c = make(session);
    cr_assert(ats_calendar_on(&c, 20240108, &s) && s.open_ns == session[1].open_ns);
    cr_assert_not(ats_calendar_on(&c, 20240106, &s));
    cr_assert(ats_calendar_next(&c, 20240105, &s) && s.date == 20240108);
    cr_assert(ats_calendar_previous(&c, 20240107, &s) && s.date == 20240105);
    cr_assert_not(ats_calendar_previous(&c, 20240105, &s));
    cr_assert_not(ats_calendar_next(&c, 20240109, &s));
    cr_assert_eq(ats_calendar_days(&c, 20240105, 20240109), 2);
    cr_assert_eq(ats_calendar_days(&c, 20240109, 20240105), 0);
}

Test(calendar, a_continuous_one_trades_every_utc_day)
{
    const ats_calendar *c = ats_calendar_for(ATS_CLASS_CRYPTO_SPOT, NULL);
    cr_assert_eq(c, &ats_calendar_continuous);
    cr_assert_eq(ats_calendar_for(ATS_CLASS_FX, NULL), &ats_calendar_continuous);
    ats_calendar us = {.name = "us"};
    cr_assert_eq(ats_calendar_for(ATS_CLASS_EQUITY, &us), &us);
    cr_assert_eq(ats_calendar_for(ATS_CLASS_INDEX, &us), &us);
    int64_t ns = ats_date_ns(20240229) + 5;
    ats_segment s = {0};
    ats_calendar_segment(c, ns, &s);
    cr_assert_eq(s.start_ns, ns - 5);
    cr_assert_eq(s.end_ns, ns - 5 + ATS_DAY_NS);
    cr_assert_eq(s.open_ns, s.start_ns);
    cr_assert_eq(s.close_ns, s.end_ns);
    cr_assert_eq(s.date, 20240229);
    cr_assert_eq(s.phase, ATS_PHASE_REGULAR);
    ats_session day;
    cr_assert(ats_calendar_next(c, 20240229, &day) && day.date == 20240301);
    cr_assert_eq(ats_calendar_days(c, 20240228, 20240302), 3);
    cr_assert_eq(ats_calendar_utc_ns(c, ns), ns);
}

/* The two odd hours of 2024 in New York, by hand. */
Test(calendar, local_hours_that_come_twice_or_not_at_all)
{
    const ats_utc_offset offset[] = {
        {ats_date_ns(20231105) + 6 * HOUR_NS, -5 * 3600, 0},
        {ats_date_ns(20240310) + 7 * HOUR_NS, -4 * 3600, 0},
        {ats_date_ns(20241103) + 6 * HOUR_NS, -5 * 3600, 0},
    };
    ats_calendar c = {.offset = offset, .offset_count = 3};
    int64_t spring = ats_date_ns(20240310), autumn = ats_date_ns(20241103), half = HOUR_NS / 2;
    cr_expect_eq(ats_calendar_utc_ns(&c, spring + HOUR_NS + half), spring + 6 * HOUR_NS + half);
    cr_expect_eq(ats_calendar_utc_ns(&c, spring + 2 * HOUR_NS + half), spring + 7 * HOUR_NS + half);
    cr_expect_eq(ats_calendar_utc_ns(&c, spring + 3 * HOUR_NS), spring + 7 * HOUR_NS);
    cr_expect_eq(ats_calendar_utc_ns(&c, autumn + half), autumn + 4 * HOUR_NS + half);
    cr_expect_eq(ats_calendar_utc_ns(&c, autumn + HOUR_NS + half), autumn + 5 * HOUR_NS + half);
    cr_expect_eq(ats_calendar_utc_ns(&c, autumn + 2 * HOUR_NS), autumn + 7 * HOUR_NS);
    cr_expect_eq(ats_calendar_offset_s(&c, spring + 7 * HOUR_NS - 1), -5 * 3600);
    cr_expect_eq(ats_calendar_offset_s(&c, spring + 7 * HOUR_NS), -4 * 3600);
}
