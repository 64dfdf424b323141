/* Requests as a server reads them: whole, torn anywhere, several at once, and bad ones. */
#include "io/net/http_reader.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 64u

static ats_http_reader *reader;

static void open_reader(void)
{
    reader = ats_http_reader_new(BODY_MAX);
    cr_assert_not_null(reader);
}

static void close_reader(void)
{
    ats_http_reader_free(reader);
}

TestSuite(http_reader, .init = open_reader, .fini = close_reader);

static const char POST[] = "POST /v2/orders?a=b%20c HTTP/1.1\r\n"
                           "Host: localhost\r\n"
                           "content-TYPE:  application/json \r\n"
                           "Empty:\r\n"
                           "Content-Length: 7\r\n\r\n"
                           "{\"a\":1}";

static void expect_post(void)
{
    const ats_http_received *q = ats_http_reader_received(reader);
    cr_assert_str_eq(q->method, "POST");
    cr_assert_str_eq(q->target, "/v2/orders?a=b%20c");
    cr_assert_eq(q->header_count, 4);
    cr_assert_str_eq(ats_http_received_field(q, "Content-Type"), "application/json");
    cr_assert_str_eq(ats_http_received_field(q, "empty"), "");
    cr_assert_str_eq(ats_http_received_field(q, "HOST"), "localhost");
    cr_assert_null(ats_http_received_field(q, "Accept"));
    cr_assert_eq(q->body_bytes, 7);
    cr_assert_str_eq(q->body, "{\"a\":1}");
    cr_assert(q->keep_alive);
    cr_assert_not(q->upgrade);
}

Test(http_reader, torn_anywhere_it_is_the_same)
{
    size_t n = sizeof POST - 1, used;
    for (size_t at = 0; at <= n; at++) {
        if (at < n && at > 0) {
            cr_assert_eq(ats_http_reader_feed(reader, POST, at, &used), ATS_HTTP_MORE, "%zu", at);
            cr_assert_eq(used, at);
        }
        size_t from = at == n ? 0 : at;
        cr_assert_eq(ats_http_reader_feed(reader, POST + from, n - from, &used), ATS_HTTP_REQUEST);
        cr_assert_eq(used, n - from);
        expect_post();
        ats_http_reader_next(reader);
    }
    for (size_t at = 0; at < n; at++)
        cr_assert_eq(ats_http_reader_feed(reader, POST + at, 1, &used),
                     at == n - 1 ? ATS_HTTP_REQUEST : ATS_HTTP_MORE);
    expect_post();
}

Test(http_reader, several_at_once_come_one_by_one)
{
    char text[4 * sizeof POST];
    snprintf(text, sizeof text, "%sGET /clock HTTP/1.1\r\nConnection: close\r\n\r\n%s", POST, POST);
    const char *at = text;
    size_t left = strlen(text), used;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ats_http_reader_feed(reader, at, left, &used), ATS_HTTP_REQUEST, "%d", i);
        const ats_http_received *q = ats_http_reader_received(reader);
        if (i == 1) {
            cr_assert_str_eq(q->target, "/clock");
            cr_assert_not(q->keep_alive);
        } else {
            expect_post();
        }
        at += used;
        left -= used;
        ats_http_reader_next(reader);
    }
    cr_assert_eq(left, 0);
}

Test(http_reader, a_chunked_body_is_joined)
{
    static const char TEXT[] = "PATCH /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
    size_t used;
    cr_assert_eq(ats_http_reader_feed(reader, TEXT, sizeof TEXT - 1, &used), ATS_HTTP_REQUEST);
    cr_assert_eq(used, sizeof TEXT - 1);
    cr_assert_str_eq(ats_http_reader_received(reader)->body, "abc0123456789");
}

Test(http_reader, an_upgrade_ends_with_its_headers)
{
    static const char TEXT[] = "GET /stream HTTP/1.1\r\nUpgrade: websocket\r\n"
                               "Connection: keep-alive, Upgrade\r\n\r\n\x81\x05";
    size_t used;
    cr_assert_eq(ats_http_reader_feed(reader, TEXT, sizeof TEXT - 1, &used), ATS_HTTP_REQUEST);
    cr_assert_eq(used, sizeof TEXT - 1 - 2);
    cr_assert(ats_http_reader_received(reader)->upgrade);
}

static void expect_bad(const char *text, size_t n, int status)
{
    size_t used;
    cr_assert_eq(ats_http_reader_feed(reader, text, n, &used), ATS_HTTP_BAD, "%.40s", text);
    cr_assert_eq(ats_http_reader_status(reader), status, "%.40s: %d", text,
                 ats_http_reader_status(reader));
    cr_assert_eq(ats_http_reader_feed(reader, "GET", 3, &used), ATS_HTTP_BAD);
    cr_assert_eq(used, 0);
    ats_http_reader_next(reader);
}

Test(http_reader, what_is_bad_is_told_with_a_status)
{
    static char text[4 * ATS_HTTP_HEADER_BYTES];
    expect_bad("HELO mail\r\n\r\n", 13, 400);
    expect_bad("GET / HTTP/1.1\r\nno colon\r\n\r\n", 28, 400);
    expect_bad("GET / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 38, 400);
    expect_bad("POST / HTTP/1.1\r\nContent-Length: 65\r\n\r\n", 39, 413);
    int n = snprintf(text, sizeof text,
                     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "41\r\n%065d\r\n0\r\n\r\n",
                     0);
    expect_bad(text, (size_t)n, 413);
    n = snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\n\r\n", (int)ATS_HTTP_TARGET_BYTES, 0);
    expect_bad(text, (size_t)n, 414);
    n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\na: %0*d\r\n\r\n", (int)ATS_HTTP_HEADER_BYTES,
                 0);
    expect_bad(text, (size_t)n, 431);
    n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n");
    for (uint32_t i = 0; i <= ATS_HTTP_HEADERS_MAX; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "h%u: v\r\n", i);
    expect_bad(text, (size_t)n, 431);
}

Test(http_reader, a_status_has_its_words)
{
    cr_assert_str_eq(ats_http_status_text(404), "Not Found");
    cr_assert_str_eq(ats_http_status_text(207), "Multi-Status");
    cr_assert_str_eq(ats_http_status_text(999), "Unknown");
}
