/* Requests, whole and byte by byte: both read the same, and what is read lies within the bounds. */
#include "io/net/http_reader.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const ats_http_received *a, const ats_http_received *b)
{
    if (strcmp(a->method, b->method) != 0 || strcmp(a->target, b->target) != 0 ||
        a->header_count != b->header_count || a->body_bytes != b->body_bytes ||
        memcmp(a->body, b->body, a->body_bytes) != 0 || a->upgrade != b->upgrade)
        abort();
    for (size_t i = 0; i < a->header_count; i++)
        if (strcmp(a->header[i].name, b->header[i].name) != 0 ||
            strcmp(a->header[i].value, b->header[i].value) != 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ats_http_reader *whole, *torn;
    size_t at = 0, used, step;
    whole = whole ? whole : ats_http_reader_new(256);
    torn = torn ? torn : ats_http_reader_new(256);
    for (;;) {
        ats_http_reader_next(whole);
        ats_http_reader_next(torn);
        ats_http_progress p = ats_http_reader_feed(whole, data + at, size - at, &used), q;
        for (size_t i = at;
             (q = ats_http_reader_feed(torn, data + i, i < size, &step)) == ATS_HTTP_MORE &&
             i < size;
             i++) {
        }
        if (p != q || (p == ATS_HTTP_BAD && ats_http_reader_status(whole) < 400))
            abort();
        if (p != ATS_HTTP_REQUEST)
            return 0;
        look(ats_http_reader_received(whole), ats_http_reader_received(torn));
        if (used == 0 || used > size - at)
            abort();
        at += used;
        if (ats_http_reader_received(whole)->upgrade)
            return 0;
    }
}
