/* Scripts of faults: what they say, when it is made, and what is wrong with bad ones. */
#include "core/error.h"
#include "io/venue/alpaca/faults.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static ats_venue_faults faults;

static int parse(const char *text)
{
    ats_error_clear();
    return ats_venue_faults_parse(&faults, text, strlen(text), "script");
}

Test(venue_faults, each_is_made_when_it_says)
{
    cr_assert_eq(parse("# what goes wrong\n"
                       "\n"
                       "orders 2 swallow  # the second\n"
                       "orders every 3 status 429\n"
                       "\trequest from 4 late 250ms\r\n"
                       "data 1 mute 1.5s\n"
                       "updates 1 twice"),
                 0, "%s", ats_error_line(0));
    cr_assert_eq(faults.count, 5);
    static const uint8_t ORDERS[] = {ATS_FAULT_NONE, ATS_FAULT_SWALLOW, ATS_FAULT_STATUS,
                                     ATS_FAULT_NONE, ATS_FAULT_NONE,    ATS_FAULT_STATUS};
    for (size_t i = 0; i < sizeof ORDERS; i++)
        cr_assert_eq(ats_venue_faults_next(&faults, ATS_FAULT_ORDERS).kind, ORDERS[i], "%zu", i);
    for (int i = 1; i <= 6; i++) {
        ats_venue_fault f = ats_venue_faults_next(&faults, ATS_FAULT_REQUEST);
        cr_assert_eq(f.kind, i >= 4 ? ATS_FAULT_LATE : ATS_FAULT_NONE);
        cr_assert_eq(f.argument, i >= 4 ? 250000000 : 0);
    }
    cr_assert_eq(ats_venue_faults_next(&faults, ATS_FAULT_DATA).argument, 1500000000);
    cr_assert_eq(ats_venue_faults_next(&faults, ATS_FAULT_UPDATES).kind, ATS_FAULT_TWICE);
    cr_assert_eq(ats_venue_faults_next(&faults, ATS_FAULT_UPDATES).kind, ATS_FAULT_NONE);
    cr_assert_eq(faults.made, 3 + 3 + 2);
}

Test(venue_faults, the_first_of_two_is_made)
{
    cr_assert_eq(parse("data every 2 drop\ndata 4 cut\n"), 0);
    for (int i = 1; i <= 4; i++)
        cr_assert_eq(ats_venue_faults_next(&faults, ATS_FAULT_DATA).kind,
                     i % 2 ? ATS_FAULT_NONE : ATS_FAULT_DROP);
}

Test(venue_faults, a_bad_line_is_named)
{
    static const struct {
        const char *text, *says;
    } CASES[] = {{"\n\nweather 1 rain", "script:3: a line begins with"},
                 {"data", "script:1: then comes which"},
                 {"data 0 drop", "script:1: then comes which"},
                 {"data -1 drop", "script:1: then comes which"},
                 {"data every drop", "script:1: then comes which"},
                 {"data 1", "script:1: then comes drop"},
                 {"data 1 swallow", "script:1: then comes drop"},
                 {"orders 1 drop", "script:1: then comes status"},
                 {"orders 1 status", "script:1: this fault wants one argument"},
                 {"orders 1 swallow 3", "script:1: this fault takes no argument"},
                 {"orders 1 status 200", "script:1: its argument"},
                 {"orders 1 late 2", "script:1: its argument"},
                 {"orders 1 late 2h", "script:1: its argument"},
                 {"orders 1 cut 1 2", "script:1: this fault wants one argument"},
                 {"orders 1 cut 1 2 3 4 5 6 7", "script:1: this fault wants one argument"}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        cr_assert_eq(parse(CASES[i].text), -1, "%s", CASES[i].text);
        cr_assert_eq(strncmp(ats_error_line(0), CASES[i].says, strlen(CASES[i].says)), 0, "%s: %s",
                     CASES[i].text, ats_error_line(0));
    }
    char many[ATS_VENUE_FAULTS_MAX * 16 + 64] = "", line[400];
    for (uint32_t i = 0; i <= ATS_VENUE_FAULTS_MAX; i++)
        strcat(many, "data 1 drop\n");
    cr_assert_eq(parse(many), -1);
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    cr_assert_eq(parse(line), -1);
    cr_assert_eq(ats_venue_faults_load(&faults, "/nonexistent"), -1);
}
