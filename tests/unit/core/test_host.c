/* What machine and build this is, the text of times, and files that are replaced whole. */
#include "core/error.h"
#include "core/file.h"
#include "core/host.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Test(host, tells_what_the_system_tells)
{
    ats_host host;
    ats_clock clock = {.ticks_hz = 123};
    ats_host_read(&host, &clock);
    cr_assert_eq(host.cores, (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
    cr_assert_geq(host.cores, host.cores_allowed);
    cr_assert_gt(host.cores_allowed, 0);
    cr_assert_eq(strncmp(host.kernel, "Linux ", 6), 0, "%s", host.kernel);
    cr_assert_eq(host.tsc_hz, 123);
    cr_assert_gt(host.memory_bytes, 1 << 20);
    ats_host_read(&host, NULL);
    cr_assert_eq(host.tsc_hz, 0);
    ats_build build = ats_build_info();
    cr_assert_str_eq(build.version, ATS_VERSION);
    cr_assert_not_null(strstr(build.flags, "-march="), "%s", build.flags);
    cr_assert_neq(build.commit[0], 0);
}

Test(clock, utc_text)
{
    static const struct {
        int64_t ns;
        const char *text;
    } CASES[] = {{0, "1970-01-01T00:00:00.000000000Z"},
                 {1704205800123456789ll, "2024-01-02T14:30:00.123456789Z"},
                 {951782400000000000ll, "2000-02-29T00:00:00.000000000Z"},
                 {-1, "1969-12-31T23:59:59.999999999Z"},
                 {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
                 {INT64_MIN, "1677-09-21T00:12:43.145224192Z"}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[ATS_CLOCK_TEXT_BYTES];
        ats_clock_utc_text(CASES[i].ns, text);
        cr_assert_str_eq(text, CASES[i].text);
    }
}

Test(file, replaces_whole_or_not_at_all)
{
    char dir[] = "/tmp/ats-file-XXXXXX", path[64], temporary[80], missing[80], text[16] = "";
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/f", dir);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    cr_assert_eq(ats_file_replace(path, "one", 3), 0);
    cr_assert_eq(ats_file_replace(path, "second", 6), 0);
    FILE *file = fopen(path, "r");
    cr_assert_eq(fread(text, 1, sizeof text, file), 6);
    fclose(file);
    cr_assert_str_eq(text, "second");
    cr_assert_neq(access(temporary, F_OK), 0);
    snprintf(missing, sizeof missing, "%s/no/f", dir);
    cr_assert_eq(ats_file_replace(missing, "x", 1), -1);
    ats_error_clear();
    /* The name is taken by a directory: the rename fails, and nothing is left. */
    unlink(path);
    cr_assert_eq(mkdir(path, 0755), 0);
    cr_assert_eq(ats_file_replace(path, "x", 1), -1);
    cr_assert_neq(access(temporary, F_OK), 0);
    rmdir(path);
    rmdir(dir);
}
