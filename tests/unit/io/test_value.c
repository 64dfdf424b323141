#include "io/codec/live/value.h"

#include "core/random.h"
#include "core/record.h"
#include "io/codec/msgpack.h"
#include "io/codec/rfc3339.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- times ----------------------------------------------------------------------------------- */

Test(rfc3339, reads_what_vendors_write)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"2021-02-22T15:51:44.208Z", 1614009104208000000},
        {"2021-02-22T15:51:45.335689322Z", 1614009105335689322},
        {"2021-02-22T19:15:00Z", 1614021300000000000},
        {"2022-04-19T13:45:04.981350886-04:00", 1650390304981350886},
        {"2019-01-30T10:33:38.186520297-05:00", 1548862418186520297},
        {"2021-05-28T20:00:00+00:00", 1622232000000000000},
        {"2024-02-29t00:00:00z", 1709164800000000000},
        {"2024-02-29T23:59:59.999999999Z", 1709251199999999999},
        {"2024-01-01T00:30:00+01:00", 1704065400000000000},
        {"2024-01-01T00:00:00.1000000000000Z", 1704067200100000000},
        {"1980-01-01T00:00:00Z", ATS_TIME_MIN_NS},
        {"2199-12-31T23:59:59.999999999Z", ATS_TIME_MAX_NS - 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = 0;
        cr_assert(ats_rfc3339_ns(cases[i].text, strlen(cases[i].text), &ns), "%s", cases[i].text);
        cr_assert_eq(ns, cases[i].ns, "%s: %lld", cases[i].text, (long long)ns);
    }
}

Test(rfc3339, refuses_what_is_none)
{
    static const char *const bad[] = {
        "",
        "2021-02-22",
        "2021-02-22T15:51:44",
        "2021-02-22T15:51:44.Z",
        "2021-02-22T15:51Z",
        "2021-02-22 15:51:44Z",
        "2021-02-30T15:51:44Z",
        "2021-13-01T15:51:44Z",
        "2021-00-01T15:51:44Z",
        "2021-02-00T15:51:44Z",
        "2023-02-29T00:00:00Z",
        "2021-02-22T24:00:00Z",
        "2021-02-22T15:60:44Z",
        "2021-02-22T23:59:60Z",
        "2021-02-22T15:51:44.1234567891Z",
        "2021-02-22T15:51:44+24:00",
        "2021-02-22T15:51:44+0000",
        "2021-02-22T15:51:44+00:00Z",
        "2021-02-22T15:51:44ZZ",
        "2021-02-22T15:51:44.-1Z",
        "1979-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "1980-01-01T00:00:00+00:01",
        "9999-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2021/02/22T15:51:44Z",
        "+021-02-22T15:51:44Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ns = 5;
        char *copy = malloc(strlen(bad[i]) + 1);
        memcpy(copy, bad[i], strlen(bad[i]));
        cr_assert_not(ats_rfc3339_ns(copy, strlen(bad[i]), &ns), "%s", bad[i]);
        cr_assert_eq(ns, 5, "written only when it is one");
        free(copy);
    }
}

/* ---- doubles --------------------------------------------------------------------------------- */

/* The shortest text that reads back, by trying: what Python, Go and JavaScript print. */
static void shortest_text(double x, char out[40])
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, 40, "%.*g", digits, x);
        if (strtod(out, NULL) == x)
            return;
    }
}

static void shortest_float_text(float x, char out[40])
{
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(out, 40, "%.*g", digits, (double)x);
        if (strtof(out, NULL) == x)
            return;
    }
}

static void expect_as_text(const char *text, const ats_value *binary)
{
    ats_value number = {.text = text, .length = (uint32_t)strlen(text), .type = ATS_VALUE_NUMBER};
    int64_t a = -1, b = -1;
    ats_line_reason by_text = ats_value_e9(&number, ATS_VALUE_MAX_E9, &a);
    cr_assert_eq(ats_value_e9(binary, ATS_VALUE_MAX_E9, &b), by_text, "%s", text);
    cr_assert_eq(a, b, "%s: %lld, not %lld", text, (long long)b, (long long)a);
    by_text = ats_value_rounded_e9(&number, ATS_VOLUME_MAX_E9, &a);
    cr_assert_eq(ats_value_rounded_e9(binary, ATS_VOLUME_MAX_E9, &b), by_text, "%s", text);
    cr_assert_eq(a, b, "rounded, %s: %lld, not %lld", text, (long long)b, (long long)a);
}

static void expect_double(double x)
{
    char text[40];
    ats_value value = {.d = x, .type = ATS_VALUE_DOUBLE};
    shortest_text(x, text);
    expect_as_text(text, &value);
}

static void expect_float(float x)
{
    char text[40];
    ats_value value = {.d = (double)x, .type = ATS_VALUE_FLOAT};
    shortest_float_text(x, text);
    expect_as_text(text, &value);
}

Test(value, a_double_is_what_its_text_is)
{
    static const double odd[] = {0.0,
                                 -0.0,
                                 1e-9,
                                 5e-10,
                                 9.999999995e-1,
                                 0.1 + 0.2,
                                 1e9,
                                 1000000001,
                                 8999999999.999999,
                                 9e9,
                                 9.1e9,
                                 1e22,
                                 1e300,
                                 5e-324,
                                 DBL_MAX,
                                 DBL_MIN,
                                 173.03000000000003,
                                 2097152.0,
                                 2097152.1,
                                 4194304.0009765625,
                                 0.0000000005,
                                 0.00000000049999,
                                 -1.5,
                                 -2e9,
                                 0.5,
                                 0.25,
                                 1.0 / 3,
                                 1073741824.0000002,
                                 999999999.9999999};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        expect_double(odd[i]);
    ats_random r;
    ats_random_seed(&r, 11);
    for (uint32_t i = 0; i < 300000; i++) {
        /* Decimals of 0 to 11 digits, their neighbours, and doubles of any size. */
        uint64_t n = ats_random_next(&r) >> (1 + ats_random_below(&r, 60));
        double x = (double)n;
        for (uint64_t k = ats_random_below(&r, 12); k; k--)
            x /= 10; /* not always the nearest: a decimal, or close to one */
        expect_double(x);
        expect_double(nextafter(x, INFINITY));
        char text[48];
        snprintf(text, sizeof text, "%llu.%0*llu", (unsigned long long)(n % 3000000),
                 1 + (int)ats_random_below(&r, 10), (unsigned long long)ats_random_below(&r, 1000));
        expect_double(strtod(text, NULL));
        uint64_t bits = ats_random_next(&r);
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x))
            expect_double(x);
    }
    int64_t out = 3;
    cr_assert_eq(ats_double_e9(NAN, false, &out), ATS_LINE_RANGE);
    cr_assert_eq(ats_double_e9(INFINITY, true, &out), ATS_LINE_RANGE);
    cr_assert_eq(ats_double_e9(-INFINITY, false, &out), ATS_LINE_RANGE);
    cr_assert_eq(out, 3);
}

Test(value, powers_of_two_read_back_from_a_narrower_side)
{
    for (int e = -60; e < 40; e++) {
        expect_double(ldexp(1, e));
        expect_double(nextafter(ldexp(1, e), 0));
        expect_float(ldexpf(1, e));
        expect_float(nextafterf(ldexpf(1, e), 0));
    }
}

Test(value, a_float_is_what_its_text_is)
{
    ats_random r;
    ats_random_seed(&r, 12);
    expect_float(0.1f);
    expect_float(123456789.0f);
    expect_float(8999999488.0f);
    expect_float(FLT_MAX);
    expect_float(FLT_MIN);
    for (uint32_t i = 0; i < 300000; i++) {
        uint32_t bits = (uint32_t)ats_random_next(&r);
        float x;
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x))
            expect_float(x);
        expect_float((float)ats_random_below(&r, 100000000) / 1000);
        expect_float((float)(ats_random_next(&r) >> ats_random_below(&r, 64)));
    }
}

/* ---- numbers as text ------------------------------------------------------------------------- */

Test(value, computed_numbers_are_rounded_half_up)
{
    static const struct {
        const char *text;
        ats_line_reason reason;
        int64_t value;
    } cases[] = {
        {"0", ATS_LINE_OK, 0},
        {"389.062639", ATS_LINE_OK, 389062639000},
        {"1.0000000005", ATS_LINE_OK, 1000000001},
        {"1.00000000049999999999999999", ATS_LINE_OK, 1000000000},
        {"5e-10", ATS_LINE_OK, 1},
        {"4.9e-10", ATS_LINE_OK, 0},
        {"1.5e+3", ATS_LINE_OK, 1500000000000},
        {"0.00000015E3", ATS_LINE_OK, 150000},
        {"9000000000", ATS_LINE_OK, ATS_VOLUME_MAX_E9},
        {"9000000000.0000000001", ATS_LINE_OK, ATS_VOLUME_MAX_E9},
        {"9000000000.0000000005", ATS_LINE_RANGE, 0},
        {"9000000001", ATS_LINE_RANGE, 0},
        {"1e99999999999999999999", ATS_LINE_RANGE, 0},
        {"0e99999999999999999999", ATS_LINE_OK, 0},
        {"1e-99999999999999999999", ATS_LINE_OK, 0},
        {"-0.0000000001", ATS_LINE_OK, 0},
        {"-0.000000001", ATS_LINE_NEGATIVE, 0},
        {"100000000000000000000000000000000000000000", ATS_LINE_RANGE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ats_value v = {.text = cases[i].text,
                       .length = (uint32_t)strlen(cases[i].text),
                       .type = ATS_VALUE_NUMBER};
        int64_t out = 0;
        cr_assert_eq(ats_value_rounded_e9(&v, ATS_VOLUME_MAX_E9, &out), cases[i].reason, "%s",
                     cases[i].text);
        cr_assert_eq(out, cases[i].value, "%s: %lld", cases[i].text, (long long)out);
    }
}

Test(value, integers_keep_their_range)
{
    int64_t out = 7;
    uint64_t id = 7;
    ats_value v = {.u = 1000000000, .type = ATS_VALUE_UINT};
    cr_assert_eq(ats_value_e9(&v, ATS_VALUE_MAX_E9, &out), ATS_LINE_OK);
    cr_assert_eq(out, ATS_VALUE_MAX_E9);
    v.u++;
    cr_assert_eq(ats_value_e9(&v, ATS_VALUE_MAX_E9, &out), ATS_LINE_RANGE);
    v.u = UINT64_MAX;
    cr_assert_eq(ats_value_e9(&v, ATS_VOLUME_MAX_E9, &out), ATS_LINE_RANGE);
    cr_assert_eq(ats_value_u64(&v, UINT64_MAX, &id), ATS_LINE_OK);
    cr_assert_eq(id, UINT64_MAX);
    cr_assert_eq(ats_value_u64(&v, UINT32_MAX, &id), ATS_LINE_RANGE);
    v = (ats_value){.i = INT64_MIN, .type = ATS_VALUE_INT};
    cr_assert_eq(ats_value_e9(&v, ATS_VALUE_MAX_E9, &out), ATS_LINE_RANGE);
    v.i = -1;
    cr_assert_eq(ats_value_e9(&v, ATS_VALUE_MAX_E9, &out), ATS_LINE_NEGATIVE);
    cr_assert_eq(ats_value_u64(&v, UINT64_MAX, &id), ATS_LINE_NUMBER);
    v = (ats_value){.d = 12.0, .type = ATS_VALUE_DOUBLE};
    cr_assert_eq(ats_value_u64(&v, UINT64_MAX, &id), ATS_LINE_OK);
    cr_assert_eq(id, 12);
    v.d = 12.5;
    cr_assert_eq(ats_value_u64(&v, UINT64_MAX, &id), ATS_LINE_NUMBER);
    v.d = NAN;
    cr_assert_eq(ats_value_u64(&v, UINT64_MAX, &id), ATS_LINE_NUMBER);
    v = (ats_value){.type = ATS_VALUE_NULL};
    cr_assert_eq(ats_value_e9(&v, ATS_VALUE_MAX_E9, &out), ATS_LINE_FIELD);
    cr_assert(out == ATS_VALUE_MAX_E9 && id == 12, "a reason leaves what was there");
}

/* ---- MessagePack ----------------------------------------------------------------------------- */

/* The one item of these bytes, in a block of their size. */
static ats_msgpack_token item(const char *bytes, size_t length, ats_msgpack *m)
{
    static void *copy;
    free(copy);
    copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    ats_msgpack_open(m, copy, length);
    return ats_msgpack_next(m);
}
#define ITEM(bytes, m) item((bytes), sizeof(bytes) - 1, (m))

Test(msgpack, reads_every_head)
{
    ats_msgpack m;
    cr_assert(ITEM("\x7f", &m) == ATS_MSGPACK_UINT && m.u == 127);
    cr_assert(ITEM("\xe0", &m) == ATS_MSGPACK_INT && m.i == -32);
    cr_assert_eq(ITEM("\xc0", &m), ATS_MSGPACK_NIL);
    cr_assert_eq(ITEM("\xc1", &m), ATS_MSGPACK_ERROR);
    cr_assert_eq(ITEM("\xc2", &m), ATS_MSGPACK_FALSE);
    cr_assert_eq(ITEM("\xc3", &m), ATS_MSGPACK_TRUE);
    cr_assert(ITEM("\xcc\xff", &m) == ATS_MSGPACK_UINT && m.u == 255);
    cr_assert(ITEM("\xcd\x01\x02", &m) == ATS_MSGPACK_UINT && m.u == 258);
    cr_assert(ITEM("\xce\xff\xff\xff\xff", &m) == ATS_MSGPACK_UINT && m.u == UINT32_MAX);
    cr_assert(ITEM("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", &m) == ATS_MSGPACK_UINT &&
              m.u == UINT64_MAX);
    cr_assert(ITEM("\xd0\x80", &m) == ATS_MSGPACK_INT && m.i == -128);
    cr_assert(ITEM("\xd0\x05", &m) == ATS_MSGPACK_UINT && m.u == 5);
    cr_assert(ITEM("\xd1\xff\xfe", &m) == ATS_MSGPACK_INT && m.i == -2);
    cr_assert(ITEM("\xd2\x80\0\0\0", &m) == ATS_MSGPACK_INT && m.i == INT32_MIN);
    cr_assert(ITEM("\xd3\x80\0\0\0\0\0\0\0", &m) == ATS_MSGPACK_INT && m.i == INT64_MIN);
    cr_assert(ITEM("\xca\x3f\xc0\0\0", &m) == ATS_MSGPACK_FLOAT && m.d == 1.5);
    cr_assert(ITEM("\xcb\x40\x09\x21\xfb\x54\x44\x2d\x18", &m) == ATS_MSGPACK_DOUBLE &&
              m.d == 3.141592653589793);
    cr_assert(ITEM("\xa2hi", &m) == ATS_MSGPACK_STRING && m.length == 2 && m.text[1] == 'i');
    cr_assert(ITEM("\xd9\x02hi", &m) == ATS_MSGPACK_STRING && m.length == 2);
    cr_assert(ITEM("\xda\0\x02hi", &m) == ATS_MSGPACK_STRING && m.length == 2);
    cr_assert(ITEM("\xdb\0\0\0\x02hi", &m) == ATS_MSGPACK_STRING && m.length == 2);
    cr_assert(ITEM("\xc4\x01x", &m) == ATS_MSGPACK_BINARY && m.length == 1);
    cr_assert(ITEM("\xc6\0\0\0\x01x", &m) == ATS_MSGPACK_BINARY && m.length == 1);
    cr_assert(ITEM("\x92\x01\x02", &m) == ATS_MSGPACK_ARRAY && m.length == 2);
    cr_assert(ITEM("\xdc\0\x02\x01\x02", &m) == ATS_MSGPACK_ARRAY && m.length == 2);
    cr_assert(ITEM("\xdd\0\0\0\x01\x02", &m) == ATS_MSGPACK_ARRAY && m.length == 1);
    cr_assert(ITEM("\x81\x01\x02", &m) == ATS_MSGPACK_MAP && m.length == 1);
    cr_assert(ITEM("\xde\0\x01\x01\x02", &m) == ATS_MSGPACK_MAP && m.length == 1);
    cr_assert(ITEM("\xdf\0\0\0\x01\x01\x02", &m) == ATS_MSGPACK_MAP && m.length == 1);
    cr_assert(ITEM("\xd4\x05x", &m) == ATS_MSGPACK_EXT && m.ext_type == 5 && m.length == 1);
    cr_assert(ITEM("\xc7\x01\xfbx", &m) == ATS_MSGPACK_EXT && m.ext_type == -5 && m.length == 1);
    cr_assert_eq(ITEM("", &m), ATS_MSGPACK_END);
}

Test(msgpack, a_count_beyond_the_input_is_an_error)
{
    static const char *const bad[] = {"\xdd\xff\xff\xff\xff",
                                      "\xdf\x7f\xff\xff\xff",
                                      "\xdb\xff\xff\xff\xff",
                                      "\x92\x01",
                                      "\x81\x01",
                                      "\xa5hi",
                                      "\xd7\xff",
                                      "\xcb\x40",
                                      "\xc7",
                                      "\xda",
                                      "\xd8\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ats_msgpack m;
        cr_assert_eq(item(bad[i], strlen(bad[i]), &m), ATS_MSGPACK_ERROR, "%zu", i);
        cr_assert_eq(ats_msgpack_next(&m), ATS_MSGPACK_ERROR, "an error stays one");
        cr_assert_not(ats_msgpack_skip(&m));
    }
}

Test(msgpack, reads_times_of_three_widths)
{
    static const struct {
        const char *bytes;
        size_t length;
        int64_t ns;
    } cases[] = {
        {"\xd7\xff\x00\x00\x00\x48\x60\x40\xf9\xc1", 10, 1614870977000000018},
        {"\xd6\xff\x60\x40\xf9\xc1", 6, 1614870977000000000},
        {"\xc7\x0c\xff\x00\x00\x00\x12\x00\x00\x00\x00\x60\x40\xf9\xc1", 15, 1614870977000000018},
        {"\xc7\x0c\xff\x3b\x9a\xca\x00\x00\x00\x00\x00\x60\x40\xf9\xc1", 15, 0}, /* 1e9 ns */
        {"\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", 15, 0}, /* 1969 */
        {"\xd6\xff\x00\x00\x00\x01", 6, 0},                                      /* 1970 */
        {"\xd6\xfe\x60\x40\xf9\xc1", 6, 0},                                      /* no time */
        {"\xd5\xff\x00\x00", 4, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ats_msgpack m;
        int64_t ns = 0;
        cr_assert_eq(item(cases[i].bytes, cases[i].length, &m), ATS_MSGPACK_EXT);
        cr_assert_eq(ats_msgpack_time(&m, &ns), cases[i].ns != 0, "%zu", i);
        cr_assert_eq(ns, cases[i].ns, "%zu: %lld", i, (long long)ns);
    }
}

Test(msgpack, skips_any_depth)
{
    enum { DEEP = 100000 };
    char *bytes = malloc(DEEP + 1);
    memset(bytes, 0x91, DEEP);
    bytes[DEEP] = 1;
    ats_msgpack m;
    ats_msgpack_open(&m, bytes, DEEP + 1);
    cr_assert(ats_msgpack_skip(&m));
    cr_assert_eq(ats_msgpack_next(&m), ATS_MSGPACK_END);
    ats_msgpack_open(&m, bytes, DEEP);
    cr_assert_not(ats_msgpack_skip(&m), "the innermost is missing");
    free(bytes);
}
