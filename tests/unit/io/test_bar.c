/* Numbers, ratios and times of files of bars, against arithmetic of another kind: 128 bits, the C
 * library. Whole files are held against Python in tests/python/test_bars.py. */
#include "calc/calendar.h"
#include "core/random.h"
#include "core/record.h"
#include "io/codec/bar.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static ats_line_reason number(const char *text, int64_t *out)
{
    *out = -7;
    return ats_bar_number(text, strlen(text), ATS_VOLUME_MAX_E9, out);
}

Test(bar, numbers_round_half_up_at_the_ninth_digit)
{
    static const struct {
        const char *text;
        int64_t e9;
    } good[] = {{"0", 0},
                {"1", ATS_E9},
                {"0.30176705000000004", 301767050},
                {"171.46099999999998", 171461000000},
                {"0.0000000005", 1},
                {"0.00000000049999", 0},
                {"9000000000", ATS_VOLUME_MAX_E9},
                {"9000000000.000000000499", ATS_VOLUME_MAX_E9},
                {"007.5", 7500000000},
                {"1e3", 1000 * ATS_E9},
                {".5", 500000000},
                {"5.", 5 * ATS_E9}};
    int64_t got;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_expect_eq(number(good[i].text, &got), ATS_LINE_OK, "%s", good[i].text);
        cr_expect_eq(got, good[i].e9, "%s: %lld", good[i].text, (long long)got);
    }
}

Test(bar, numbers_that_are_none)
{
    static const struct {
        const char *text;
        ats_line_reason reason;
    } bad[] = {{"", ATS_LINE_NUMBER},
               {".", ATS_LINE_NUMBER},
               {"-", ATS_LINE_NUMBER},
               {"1x", ATS_LINE_NUMBER},
               {" 1", ATS_LINE_NUMBER},
               {"nan", ATS_LINE_NUMBER},
               {"1.2.3", ATS_LINE_NUMBER},
               {"-1", ATS_LINE_NEGATIVE},
               {"9000000000.000000001", ATS_LINE_RANGE},
               {"9000000000.0000000005", ATS_LINE_RANGE},
               {"99999999999999999999999999", ATS_LINE_RANGE},
               {"9223372036.854775807", ATS_LINE_RANGE},
               {"9223372036.854775808", ATS_LINE_RANGE},
               {"1e30", ATS_LINE_RANGE}};
    int64_t got;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(number(bad[i].text, &got), bad[i].reason, "%s: %d", bad[i].text,
                     (int)number(bad[i].text, &got));
        cr_expect_eq(got, -7, "%s", bad[i].text);
    }
}

Test(bar, numbers_agree_with_long_arithmetic)
{
    ats_random r;
    ats_random_seed(&r, 11);
    for (int i = 0; i < 200000; i++) {
        uint64_t whole = ats_random_below(&r, 9000000000ull);
        uint64_t e12 = ats_random_below(&r, 1000000000000ull);
        char text[64];
        int64_t got;
        snprintf(text, sizeof text, "%llu.%012llu", (unsigned long long)whole,
                 (unsigned long long)e12);
        cr_assert_eq(number(text, &got), ATS_LINE_OK, "%s", text);
        cr_assert_eq(got, (int64_t)(whole * 1000000000ull + (e12 + 500) / 1000), "%s", text);
    }
}

Test(bar, ratios_are_exact_where_they_can_be)
{
    static const struct {
        int64_t value_e9, numerator, denominator;
    } known[] = {{7 * ATS_E9, 7, 1}, {1500000000, 3, 2},
                 {100000000, 1, 10}, {1998000000, 999, 500},
                 {333333333, 1, 3}, /* its 1/3e9 is beyond the limit of the parts */
                 {1, 0, 0},          {ATS_RATIO_MAX * ATS_E9, ATS_RATIO_MAX, 1}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        int64_t n = 0, d = 0;
        ats_line_reason reason = ats_bar_ratio(known[i].value_e9, &n, &d);
        cr_expect_eq(reason == ATS_LINE_OK, known[i].numerator != 0, "%zu", i);
        cr_expect_eq(n, known[i].numerator, "%zu: %lld", i, (long long)n);
        cr_expect_eq(d, known[i].denominator, "%zu: %lld", i, (long long)d);
    }
    int64_t n, d;
    cr_expect_eq(ats_bar_ratio(0, &n, &d), ATS_LINE_ZERO);
    cr_expect_eq(ats_bar_ratio(ATS_RATIO_MAX * ATS_E9 + 1, &n, &d), ATS_LINE_RANGE);
}

/* p/q given to nine digits comes back as p/q in lowest terms, for all parts up to 200. */
Test(bar, ratios_come_back)
{
    for (int64_t p = 1; p <= 200; p++)
        for (int64_t q = 1; q <= 200; q++) {
            int64_t n, d;
            cr_assert_eq(ats_bar_ratio((p * ATS_E9 + q / 2) / q, &n, &d), ATS_LINE_OK);
            __int128 off = (__int128)n * q - (__int128)p * d;
            /* The same number, or one that prints as the same nine digits. */
            int64_t again = (int64_t)(((__int128)n * ATS_E9 + d / 2) / d);
            cr_assert(off == 0 || again == (p * ATS_E9 + q / 2) / q, "%lld:%lld", (long long)p,
                      (long long)q);
        }
}

/* Any second of the calendar, printed by printf in four ways; the C library says which it is. */
Test(bar, times_agree_with_the_c_library)
{
    ats_random r;
    ats_random_seed(&r, 12);
    for (int i = 0; i < 40000; i++) {
        static const char *const patterns[] = {"%Y-%m-%d %H:%M:%S", "%Y%m%d %H%M%S",
                                               "%d.%m.%Y %H:%M", "%m/%d/%Y"};
        static const time_t step[] = {1, 1, 60, 86400};
        ats_bar_time_format format;
        struct tm tm;
        time_t t = (time_t)ats_random_below(&r, 4000000000u);
        char text[4][96];
        int64_t ns;
        t -= t % step[i % 4];
        gmtime_r(&t, &tm);
        int y = tm.tm_year + 1900, m = tm.tm_mon + 1, d = tm.tm_mday;
        snprintf(text[0], 96, "%04d-%02d-%02d %02d:%02d:%02d", y, m, d, tm.tm_hour, tm.tm_min,
                 tm.tm_sec);
        snprintf(text[1], 96, "%04d%02d%02d %02d%02d%02d", y, m, d, tm.tm_hour, tm.tm_min,
                 tm.tm_sec);
        snprintf(text[2], 96, "%02d.%02d.%04d %02d:%02d", d, m, y, tm.tm_hour, tm.tm_min);
        snprintf(text[3], 96, "%02d/%02d/%04d", m, d, y);
        cr_assert(ats_bar_time_format_read(&format, patterns[i % 4]));
        cr_assert(ats_bar_time(&format, text[i % 4], strlen(text[i % 4]), &ns), "%s", text[i % 4]);
        cr_assert_eq(ns, (int64_t)t * ATS_SECOND_NS, "%s", text[i % 4]);
    }
}

Test(bar, formats_and_times_that_are_none)
{
    static const char *const formats[] = {"",         "x",           "%Y-%m",     "%Y-%m-%d %M",
                                          "%Y%m%d%Y", "%Y-%m-%d %q", "%Y-%m-%d %"};
    ats_bar_time_format f;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        cr_expect_not(ats_bar_time_format_read(&f, formats[i]), "%s", formats[i]);
    static const char *const times[] = {"2024-02-30 00:00:00",  "2024-01-01 24:00:00",
                                        "2024-01-01 00:60:00",  "2024-01-01 00:00:00x",
                                        "2024-01-01 00:00:0",   "24-01-01 00:00:00",
                                        "2024-13-01 00:00:00",  "",
                                        "2024-01-01 00:00:00.5"};
    int64_t ns;
    cr_assert(ats_bar_time_format_read(&f, "%Y-%m-%d %H:%M:%S"));
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        cr_expect_not(ats_bar_time(&f, times[i], strlen(times[i]), &ns), "%s", times[i]);
    cr_assert(ats_bar_time_format_read(&f, "%Y-%m-%dT%H:%M:%S.%fZ"));
    cr_assert(ats_bar_time(&f, "2024-01-01T00:00:00.25Z", 23, &ns));
    cr_expect_eq(ns, ats_date_ns(20240101) + 250000000);
    cr_assert(ats_bar_time_format_read(&f, "s"));
    cr_expect_not(ats_bar_time(&f, "9223372036854775807", 19, &ns));
}
