#include "core/error.h"
#include "core/log.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static void open_fresh(ats_log_level min_level)
{
    snprintf(path, sizeof path, "/tmp/ats_log_XXXXXX");
    close(mkstemp(path));
    cr_assert_eq(ats_log_open(path, min_level), 0);
}

static char *read_back(void)
{
    ats_log_close();
    char *text = calloc(1, 1 << 20);
    FILE *file = fopen(path, "r");
    cr_assert_lt(fread(text, 1, 1 << 20, file), 1u << 20);
    fclose(file);
    unlink(path);
    return text;
}

/* The line after its time, which is checked for form only. */
static const char *after_time(const char *line)
{
    cr_assert_eq(strncmp(line, "{\"t\":\"20", 8), 0);
    cr_assert_eq(line[6 + 10], 'T');
    cr_assert_eq(line[6 + 19], '.');
    cr_assert_eq(line[6 + 29], 'Z');
    return line + 6 + 30;
}

Test(log, every_type_is_written_exactly)
{
    open_fresh(ATS_LOG_INFO);
    ats_log(ATS_LOG_INFO, "x", ats_log_str("s", "a\"b\\c\n"), ats_log_i64("i", INT64_MIN),
            ats_log_u64("u", UINT64_MAX), ats_log_f64("f", 0.1), ats_log_f64("n", NAN),
            ats_log_e9("p", -1500000000), ats_log_e9("m", INT64_MIN), ats_log_str("z", NULL));
    char *text = read_back();
    cr_assert_str_eq(after_time(text),
                     "\",\"level\":\"info\",\"event\":\"x\",\"s\":\"a\\\"b\\\\c\\u000a\","
                     "\"i\":-9223372036854775808,\"u\":18446744073709551615,"
                     "\"f\":0.10000000000000001,\"n\":null,\"p\":-1.500000000,"
                     "\"m\":-9223372036.854775808,\"z\":\"\"}\n");
    free(text);
}

Test(log, invalid_utf8_and_controls_are_escaped_and_valid_text_is_kept)
{
    open_fresh(ATS_LOG_DEBUG);
    ats_log(ATS_LOG_DEBUG, "x", ats_log_str("a", "\xc3\xa9\xf0\x9f\x98\x80"),
            ats_log_str("b", "\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82"),
            ats_log_str("c", "\x1b[2J\x7f\xc2\x9b"));
    char *text = read_back();
    cr_assert(strstr(text, "\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\""));
    const char *b = strstr(text, "\"b\":\"") + 5;
    for (int i = 0; i < 12; i++)
        cr_assert_eq(strncmp(b + (size_t)i * 6, "\\ufffd", 6), 0, "byte %d", i);
    cr_assert_eq(b[72], '"');
    cr_assert(strstr(text, "\"c\":\"\\u001b[2J\\u007f\\u009b\""));
    free(text);
}

Test(log, levels_are_filtered_and_counted)
{
    open_fresh(ATS_LOG_ERROR);
    ats_log(ATS_LOG_DEBUG, "no");
    ats_log(ATS_LOG_WARN, "no");
    ats_log(ATS_LOG_ERROR, "yes");
    cr_assert_eq(ats_log_count(ATS_LOG_DEBUG), 1);
    cr_assert_eq(ats_log_count(ATS_LOG_INFO), 0);
    cr_assert_eq(ats_log_count(ATS_LOG_WARN), 1);
    cr_assert_eq(ats_log_count(ATS_LOG_ERROR), 1);
    char *text = read_back();
    cr_assert_str_eq(after_time(text), "\",\"level\":\"error\",\"event\":\"yes\"}\n");
    free(text);
    cr_assert_eq(ats_log_open("/nonexistent/log", ATS_LOG_INFO), -1);
    cr_assert_eq(ats_log_open("/dev/full", ATS_LOG_INFO), 0);
    ats_log(ATS_LOG_INFO, "lost");
    cr_assert_eq(ats_log_lost(), 1);
}

Test(log, a_line_that_does_not_fit_ends_after_a_whole_field_and_says_so)
{
    static char big[4000];
    memset(big, 1, sizeof big - 1);
    open_fresh(ATS_LOG_INFO);
    ats_log(ATS_LOG_INFO, "x", ats_log_u64("n", 7), ats_log_str("a", big), ats_log_str("b", big),
            ats_log_u64("c", 1));
    char *text = read_back();
    size_t n = strlen(text);
    cr_assert_leq(n, ATS_LOG_LINE_BYTES);
    cr_assert_str_eq(text + n - 26, "\\u0001\",\"truncated\":true}\n");
    cr_assert_null(strstr(text, "\"c\":"));
    free(text);
}

static char name_a[] = "a", name_b[] = "b";

static void *log_many(void *name)
{
    for (int i = 0; i < 500; i++)
        ats_log(ATS_LOG_INFO, "t", ats_log_str("who", name), ats_log_i64("i", i));
    return NULL;
}

Test(log, lines_of_two_threads_do_not_mix)
{
    open_fresh(ATS_LOG_INFO);
    pthread_t a, b;
    pthread_create(&a, NULL, log_many, name_a);
    pthread_create(&b, NULL, log_many, name_b);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    char *text = read_back(), *save;
    int lines = 0;
    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save), lines++) {
        after_time(l);
        cr_assert_eq(l[strlen(l) - 1], '}');
    }
    cr_assert_eq(lines, 1000);
    free(text);
}
