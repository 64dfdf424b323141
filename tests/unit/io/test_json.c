#include "io/codec/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* Drains a document in a copy of exact size, so that a sanitizer sees a read beyond its end. */
static bool accepts_bytes(const char *text, size_t length)
{
    char *copy = malloc(length ? length : 1);
    memcpy(copy, text, length);
    ats_json j;
    ats_json_open(&j, copy, length);
    ats_json_token token;
    while ((token = ats_json_next(&j)) != ATS_JSON_END && token != ATS_JSON_ERROR)
        continue;
    if (token == ATS_JSON_ERROR)
        cr_assert(j.error && ats_json_next(&j) == ATS_JSON_ERROR, "an error stays one");
    ats_json_open(&j, copy, length);
    bool skipped = ats_json_skip(&j) && ats_json_next(&j) == ATS_JSON_END;
    cr_assert_eq(skipped, token == ATS_JSON_END, "skip and next disagree on %.*s", (int)length,
                 text);
    free(copy);
    return token == ATS_JSON_END;
}

/* Cases in the manner of N. Seriot's JSONTestSuite: y_ must be taken, n_ must not. */
Test(json, takes_what_is_json)
{
    static const char *const y[] = {
        "[[]   ]",
        "[\"\"]",
        "[]",
        "[\"a\"]",
        "[false]",
        "[null, 1, \"1\", {}]",
        "[null]",
        "[1\n]",
        " [1]",
        "[1,null,null,null,2]",
        "[2] ",
        "[123e65]",
        "[0e+1]",
        "[0e1]",
        "[ 4]",
        "[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]",
        "[20e1]",
        "[-0]",
        "[-123]",
        "[-1]",
        "[1E22]",
        "[1E-2]",
        "[1E+2]",
        "[123e45]",
        "[123.456e78]",
        "[1e-2]",
        "[1e+2]",
        "[123]",
        "[123.456789]",
        "{\"asd\":\"sdf\", \"dfg\":\"fgh\"}",
        "{\"asd\":\"sdf\"}",
        "{\"a\":\"b\",\"a\":\"c\"}",
        "{}",
        "{\"\":0}",
        "{\"foo\\u0000bar\": 42}",
        "{\"a\":[]}",
        "{\n\"a\": \"b\"\n}",
        "[\"\\u0060\\u012a\\u12AB\"]",
        "[\"\\uD801\\udc37\"]",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
        "[\"\\\\u0000\"]",
        "[\"\\\"\"]",
        "[\"a/*b*/c/*d//e\"]",
        "[\"\\\\a\"]",
        "[\"\xf0\x9f\x98\x80\"]",
        "[\"\xef\xbf\xbf\"]",
        "[\"\x7f\"]",
        "[\"\xe2\x80\xa8\"]",
        "[\"asd \"]",
        "\" \"",
        "\"\"",
        "42",
        "false",
        "true",
        "null",
        "-0.1",
        "\"asd\"",
        "[true]",
        "[\"a\"]\n",
        " [] ",
        "\t{}\r\n"};
    for (size_t i = 0; i < sizeof y / sizeof y[0]; i++)
        cr_assert(accepts_bytes(y[i], strlen(y[i])), "%s", y[i]);
}

Test(json, refuses_what_is_not)
{
    static const char *const n[] = {"",
                                    " ",
                                    "[1 true]",
                                    "[\"\": 1]",
                                    "[\"\"],",
                                    "[,1]",
                                    "[1,,2]",
                                    "[\"x\",,]",
                                    "[\"x\"]]",
                                    "[\"\",]",
                                    "[\"x\"",
                                    "[x",
                                    "[3[4]]",
                                    "[1:2]",
                                    "[,]",
                                    "[-]",
                                    "[   , \"\"]",
                                    "[\"a\",\n4\n,1,",
                                    "[1,]",
                                    "[1,,]",
                                    "[*]",
                                    "[\"\"",
                                    "[1,",
                                    "[1,\n1\n,1",
                                    "[{}",
                                    "[fals]",
                                    "[nul]",
                                    "[tru]",
                                    "[++1234]",
                                    "[+1]",
                                    "[+Inf]",
                                    "[-01]",
                                    "[-1.0.]",
                                    "[-2.]",
                                    "[-NaN]",
                                    "[.-1]",
                                    "[.2e-3]",
                                    "[0.1.2]",
                                    "[0.3e+]",
                                    "[0.3e]",
                                    "[0.e1]",
                                    "[0E+]",
                                    "[0E]",
                                    "[0e]",
                                    "[1.0e+]",
                                    "[1.0e-]",
                                    "[1.0e]",
                                    "[1eE2]",
                                    "[2.e+3]",
                                    "[2.e-3]",
                                    "[9.e+]",
                                    "[Inf]",
                                    "[NaN]",
                                    "[1+2]",
                                    "[0x1]",
                                    "[0x42]",
                                    "[Infinity]",
                                    "[-Infinity]",
                                    "[-foo]",
                                    "[- 1]",
                                    "[-012]",
                                    "[-.123]",
                                    "[-1x]",
                                    "[1ea]",
                                    "[1.]",
                                    "[.123]",
                                    "[1.2a-3]",
                                    "[1.8011670033376514H-308]",
                                    "[012]",
                                    "[\"x\", truth]",
                                    "{[: \"x\"}",
                                    "{\"x\", null}",
                                    "{\"x\"::\"b\"}",
                                    "{\"a\":\"a\" 123}",
                                    "{key: 'value'}",
                                    "{\"a\" b}",
                                    "{:\"b\"}",
                                    "{\"a\":",
                                    "{\"a\"",
                                    "{1:1}",
                                    "{9999E9999:1}",
                                    "{null:null,null:null}",
                                    "{\"id\":0,,,,,}",
                                    "{'a':0}",
                                    "{\"id\":0,}",
                                    "{\"a\":\"b\"}/**/",
                                    "{\"a\":\"b\"}//",
                                    "{\"a\":\"b\",,\"c\":\"d\"}",
                                    "{a: \"b\"}",
                                    "{\"a\":\"a",
                                    "{\"foo\":\"bar\", \"a\"}",
                                    "{\"a\":\"b\"}#",
                                    "[\"\\uD800\\\"]",
                                    "[\"\\u00A\"]",
                                    "[\"\\\\\\\"]",
                                    "[\"\\u\"]",
                                    "[\"\\x00\"]",
                                    "[\"\\a\"]",
                                    "[\"\\",
                                    "[\"\\\x01\"]",
                                    "[\xc3\xa9]",
                                    "[\\u0020\"asd\"]",
                                    "[\\n]",
                                    "\"",
                                    "['single']",
                                    "abc",
                                    "[\"a\nb\"]",
                                    "[\"\t\"]",
                                    "\"\\UA66D\"",
                                    "<.>",
                                    "[<null>]",
                                    "[1]x",
                                    "[True]",
                                    "1]",
                                    "{\"x\": true,",
                                    "[][]",
                                    "]",
                                    "[",
                                    "{",
                                    "{]",
                                    "{\"a\": true} \"x\"",
                                    "[\"a\",\"b\"",
                                    "\xef\xbb\xbf{}",
                                    "[\"\xff\"]",
                                    "[\"\xc0\xaf\"]",
                                    "[\"\xed\xa0\x80\"]",
                                    "[\"\xf4\xbf\xbf\xbf\"]",
                                    "[\"\xe9\"]",
                                    "[\"\x81\"]",
                                    "[\"\xfc\x83\xbf\xbf\xbf\xbf\"]",
                                    "[\"\xe0\x80\x80\"]",
                                    "[\x0c]",
                                    "*",
                                    "{}}"};
    for (size_t i = 0; i < sizeof n / sizeof n[0]; i++)
        cr_assert_not(accepts_bytes(n[i], strlen(n[i])), "%s", n[i]);
    cr_assert_not(accepts_bytes("[\"a\0b\"]", 7));
    cr_assert_not(accepts_bytes("123\0", 4));
}

Test(json, depth_ends_at_its_limit)
{
    char text[4 * ATS_JSON_DEPTH];
    for (uint32_t depth = 1; depth <= ATS_JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        cr_assert_eq(accepts_bytes(text, 2 * depth), depth <= ATS_JSON_DEPTH, "%u", depth);
    }
    char *bomb = malloc(1 << 20);
    memset(bomb, '[', 1 << 20);
    cr_assert_not(accepts_bytes(bomb, 1 << 20));
    free(bomb);
}

Test(json, every_truncation_of_a_document_is_malformed)
{
    const char *text =
        "{\"a\":[1,-2.5e3,true,null],\"b\\u00e9\":{\"c\":\"d\\ud83d\\ude00\xc3\xa9\"}}";
    cr_assert(accepts_bytes(text, strlen(text)));
    for (size_t n = 0; n < strlen(text); n++)
        cr_assert_not(accepts_bytes(text, n), "%zu", n);
}

Test(json, strings_end_where_they_should_at_any_alignment)
{
    char text[64];
    for (int n = 0; n < 40; n++) {
        memset(text, 'x', sizeof text);
        text[0] = '"';
        text[n + 1] = '"';
        ats_json j;
        ats_json_open(&j, text, (size_t)n + 2);
        cr_assert_eq(ats_json_next(&j), ATS_JSON_STRING);
        cr_assert_eq(j.length, (size_t)n);
        cr_assert_eq(ats_json_next(&j), ATS_JSON_END);
        for (int at = 1; at <= n; at++) {
            text[at] = 0x1f;
            cr_assert_not(accepts_bytes(text, (size_t)n + 2), "%d of %d", at, n);
            text[at] = (char)0x80;
            cr_assert_not(accepts_bytes(text, (size_t)n + 2), "%d of %d", at, n);
            text[at] = 'x';
        }
    }
}

Test(json, tokens_come_in_order_with_their_text)
{
    const char *text = "{\"p\": \"1.5\", \"skip\": [{\"p\": 1}, [2]], \"n\": -7}";
    ats_json j;
    ats_json_open(&j, text, strlen(text));
    cr_assert_eq(ats_json_next(&j), ATS_JSON_OBJECT);
    cr_assert_eq(ats_json_next(&j), ATS_JSON_KEY);
    cr_assert(ats_json_is(&j, "p"));
    cr_assert_eq(ats_json_next(&j), ATS_JSON_STRING);
    cr_assert(ats_json_is(&j, "1.5"));
    cr_assert_eq(ats_json_next(&j), ATS_JSON_KEY);
    cr_assert(ats_json_skip(&j));
    cr_assert_eq(ats_json_next(&j), ATS_JSON_KEY);
    cr_assert(ats_json_is(&j, "n"));
    cr_assert_eq(ats_json_next(&j), ATS_JSON_NUMBER);
    cr_assert(ats_json_is(&j, "-7"));
    cr_assert_eq(ats_json_next(&j), ATS_JSON_OBJECT_END);
    cr_assert_eq(ats_json_next(&j), ATS_JSON_END);
}

Test(json, escapes_resolve)
{
    const char *text = "\"a\\n\\u00e9\\ud83d\\ude00\\\"\"";
    char out[32];
    ats_json j;
    ats_json_open(&j, text, strlen(text));
    cr_assert_eq(ats_json_next(&j), ATS_JSON_STRING);
    cr_assert(j.escaped);
    cr_assert_eq(ats_json_unescape(&j, out, sizeof out), 9);
    cr_assert_str_eq(out, "a\n\xc3\xa9\xf0\x9f\x98\x80\"");
    cr_assert_eq(ats_json_unescape(&j, out, 9), -1, "no room for the NUL");
    ats_json_open(&j, "\"\\ud83dx\"", 9);
    cr_assert_eq(ats_json_next(&j), ATS_JSON_STRING);
    cr_assert_eq(ats_json_unescape(&j, out, sizeof out), -1, "half a pair");
}
