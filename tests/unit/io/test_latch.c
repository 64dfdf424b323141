#include "core/error.h"
#include "io/latch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT (1772461500ll * 1000000000ll)

static char path[64];

static void begin(void)
{
    snprintf(path, sizeof path, "/tmp/ats-test-latch-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    unlink(path);
}

static void end(void)
{
    unlink(path);
}

static void append(uint32_t latch, const char *who, const char *why)
{
    ats_latch_line line = {.at_ns = AT, .latch = latch};
    snprintf(line.who, sizeof line.who, "%s", who);
    snprintf(line.why, sizeof line.why, "%s", why);
    cr_assert_eq(ats_latch_append(path, &line), 0);
}

static ats_latch_line last(void)
{
    ats_latch_line line;
    cr_assert_eq(ats_latch_read(path, &line), 0);
    return line;
}

TestSuite(latch, .init = begin, .fini = end);

Test(latch, the_last_line_holds)
{
    cr_expect_eq(last().latch, 0, "no file, no latch");
    append(1, "runs/one", "halted");
    ats_latch_line line = last();
    cr_expect_eq(line.latch, 1);
    cr_expect_eq(line.at_ns, AT);
    cr_expect_str_eq(line.who, "runs/one");
    cr_expect_str_eq(line.why, "halted");
    append(2, "runs/two", "frozen or killed");
    cr_expect_eq(last().latch, 2);
    append(0, "jane", "positions agree: checked by hand");
    line = last();
    cr_expect_eq(line.latch, 0);
    cr_expect_str_eq(line.why, "positions agree: checked by hand");
}

Test(latch, what_has_no_place_in_a_line_is_replaced)
{
    append(1, "a:b\n#c", "one\nhalt two #3");
    ats_latch_line line = last();
    cr_expect_eq(line.latch, 1);
    cr_expect_str_eq(line.who, "a_b__c");
    cr_expect_str_eq(line.why, "one_halt two _3");
}

/* Whatever is cut off or changed in the last line, the answer is a latch, never "none". */
Test(latch, a_last_line_that_is_torn_or_damaged_counts_as_freeze)
{
    append(1, "runs/one", "halted");
    append(0, "jane", "all is well");
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    char whole[2048];
    int fd = open(path, O_RDWR);
    cr_assert_eq(read(fd, whole, sizeof whole), st.st_size);
    off_t start = (char *)memchr(whole, '\n', (size_t)st.st_size) - whole + 1;
    for (off_t cut = start + 1; cut < st.st_size; cut++) {
        cr_assert_eq(ftruncate(fd, cut), 0);
        cr_expect_eq(last().latch, 2, "cut at %ld", (long)cut);
        cr_assert_eq(pwrite(fd, whole, (size_t)st.st_size, 0), st.st_size);
    }
    for (off_t at = start; at < st.st_size; at++) {
        char flipped = whole[at] ^ 1;
        cr_assert_eq(pwrite(fd, &flipped, 1, at), 1);
        cr_expect_eq(last().latch, 2, "changed at %ld", (long)at);
        cr_assert_eq(pwrite(fd, &whole[at], 1, at), 1);
    }
    cr_expect_eq(last().latch, 0);
    cr_assert_eq(ftruncate(fd, 0), 0);
    cr_expect_eq(last().latch, 2, "an empty file was meant to hold something");
    close(fd);
}

Test(latch, a_file_that_cannot_be_read_or_written_is_an_error)
{
    ats_latch_line line = {.latch = 1};
    cr_expect_eq(ats_latch_append("/tmp/ats-not-there/latch", &line), -1);
    cr_expect_eq(ats_latch_read("/tmp", &line), -1);
}
