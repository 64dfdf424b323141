#include "io/codec/csv.h"

#include <criterion/criterion.h>
#include <string.h>

static int split(char *line, const char *text, ats_csv_field *field, uint32_t capacity)
{
    strcpy(line, text);
    return ats_csv_split(line, strlen(text), field, capacity);
}

Test(csv, fields_come_apart)
{
    char line[128];
    ats_csv_field f[4];
    cr_assert_eq(split(line, "", f, 4), 1);
    cr_assert_eq(f[0].length, 0);
    cr_assert_eq(split(line, "a,,b ", f, 4), 3);
    cr_assert(ats_csv_is(&f[0], "a") && ats_csv_is(&f[1], "") && ats_csv_is(&f[2], "b "));
    cr_assert_eq(split(line, ",,,", f, 4), 4);
    cr_assert_eq(split(line, ",,,,", f, 4), -1, "one too many");
    cr_assert_eq(split(line, "\"a,b\",\"say \"\"hi\"\"\",\"\"", f, 4), 3);
    cr_assert(ats_csv_is(&f[0], "a,b") && ats_csv_is(&f[1], "say \"hi\"") && ats_csv_is(&f[2], ""));
    cr_assert_eq(split(line, "a,\"\"", f, 4), 2);
    cr_assert_eq(split(line, "a,", f, 2), 2);
}

Test(csv, stray_quotes_are_errors)
{
    static const char *const texts[] = {"\"",    "\"a",      "a\"b",    "\"a\"b",
                                        "a,\"b", "\"a\" ,b", "\"a\"\"", "ab\""};
    char line[64];
    ats_csv_field f[4];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_eq(split(line, texts[i], f, 4), -1, "%s", texts[i]);
}
