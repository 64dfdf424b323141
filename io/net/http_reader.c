#include "io/net/http_reader.h"

#include "core/error.h"

#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct ats_http_reader {
    http_parser parser;
    ats_http_received request;
    int status; /* why it is bad; 0: it is not */
    bool done;
    bool in_value; /* the last header's value has begun */
    size_t target_bytes, header_bytes, body_max;
    char target[ATS_HTTP_TARGET_BYTES];
    char headers[ATS_HTTP_HEADER_BYTES];
    char body[]; /* body_max + 1 */
};

static int refuse(ats_http_reader *r, int status)
{
    r->status = status;
    return -1;
}

static int on_url(http_parser *parser, const char *at, size_t n)
{
    ats_http_reader *r = parser->data;
    if (r->target_bytes + n >= sizeof r->target)
        return refuse(r, 414);
    memcpy(r->target + r->target_bytes, at, n);
    r->target_bytes += n;
    r->target[r->target_bytes] = '\0';
    return 0;
}

/* Appends to the text of headers; a NUL follows, and is written over by what continues it. */
static int append(ats_http_reader *r, const char *at, size_t n)
{
    if (r->header_bytes + n + 1 > sizeof r->headers)
        return refuse(r, 431);
    memcpy(r->headers + r->header_bytes, at, n);
    r->header_bytes += n;
    r->headers[r->header_bytes] = '\0';
    return 0;
}

static int on_field(http_parser *parser, const char *at, size_t n)
{
    ats_http_reader *r = parser->data;
    ats_http_received *q = &r->request;
    if (r->in_value || q->header_count == 0) {
        if (q->header_count == ATS_HTTP_HEADERS_MAX || r->header_bytes + 2 > sizeof r->headers)
            return refuse(r, 431);
        r->header_bytes += r->in_value; /* behind the NUL of the value before */
        r->in_value = false;
        q->header[q->header_count++] = (ats_http_header){r->headers + r->header_bytes, ""};
    }
    return append(r, at, n);
}

static int on_value(http_parser *parser, const char *at, size_t n)
{
    ats_http_reader *r = parser->data;
    if (!r->in_value) {
        if (r->header_bytes + 2 > sizeof r->headers)
            return refuse(r, 431);
        r->header_bytes++;
        r->headers[r->header_bytes] = '\0';
        r->request.header[r->request.header_count - 1].value = r->headers + r->header_bytes;
        r->in_value = true;
    }
    return append(r, at, n);
}

static int on_headers(http_parser *parser)
{
    ats_http_reader *r = parser->data;
    bool told = parser->flags & F_CONTENTLENGTH;
    return told && parser->content_length > r->body_max ? refuse(r, 413) : 0;
}

static int on_body(http_parser *parser, const char *at, size_t n)
{
    ats_http_reader *r = parser->data;
    if (r->request.body_bytes + n > r->body_max)
        return refuse(r, 413);
    memcpy(r->body + r->request.body_bytes, at, n);
    r->request.body_bytes += n;
    return 0;
}

/* Blanks behind a value are none of it (RFC 9110 section 5.5). */
static void trim_values(ats_http_reader *r)
{
    for (size_t i = 0; i < r->request.header_count; i++) {
        size_t n = strlen(r->request.header[i].value);
        char *value = n ? r->headers + (r->request.header[i].value - r->headers) : NULL;
        while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'))
            value[--n] = '\0';
    }
}

static int on_complete(http_parser *parser)
{
    ats_http_reader *r = parser->data;
    r->done = true;
    trim_values(r);
    r->body[r->request.body_bytes] = '\0';
    r->request.method = http_method_str(parser->method);
    r->request.target = r->target;
    r->request.body = r->body;
    r->request.keep_alive = http_should_keep_alive(parser);
    r->request.upgrade = parser->upgrade;
    http_parser_pause(parser, 1); /* what follows is another request's */
    return 0;
}

static const http_parser_settings SETTINGS = {.on_url = on_url,
                                              .on_header_field = on_field,
                                              .on_header_value = on_value,
                                              .on_headers_complete = on_headers,
                                              .on_body = on_body,
                                              .on_message_complete = on_complete};

ats_http_reader *ats_http_reader_new(size_t body_max)
{
    ats_http_reader *r = malloc(sizeof *r + body_max + 1);
    if (!r) {
        ats_error(ATS_EXIT_FAILED, "http: out of memory");
        return NULL;
    }
    r->body_max = body_max;
    ats_http_reader_next(r);
    return r;
}

void ats_http_reader_free(ats_http_reader *reader)
{
    free(reader);
}

void ats_http_reader_next(ats_http_reader *r)
{
    http_parser_init(&r->parser, HTTP_REQUEST);
    r->parser.data = r;
    memset(&r->request, 0, sizeof r->request);
    r->status = 0;
    r->done = r->in_value = false;
    r->target_bytes = r->header_bytes = 0;
    r->target[0] = r->headers[0] = r->body[0] = '\0';
}

ats_http_progress ats_http_reader_feed(ats_http_reader *r, const void *bytes, size_t n,
                                       size_t *used)
{
    *used = 0;
    if (r->status)
        return ATS_HTTP_BAD;
    if (r->done)
        return ATS_HTTP_REQUEST;
    *used = n ? http_parser_execute(&r->parser, &SETTINGS, bytes, n) : 0;
    if (r->done)
        return ATS_HTTP_REQUEST;
    enum http_errno error = HTTP_PARSER_ERRNO(&r->parser);
    if (error == HPE_OK)
        return ATS_HTTP_MORE;
    if (r->status == 0)
        r->status = error == HPE_HEADER_OVERFLOW ? 431 : 400;
    return ATS_HTTP_BAD;
}

const ats_http_received *ats_http_reader_received(const ats_http_reader *reader)
{
    return &reader->request;
}

int ats_http_reader_status(const ats_http_reader *reader)
{
    return reader->status;
}

const char *ats_http_received_field(const ats_http_received *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->header[i].name, name) == 0)
            return request->header[i].value;
    return NULL;
}

const char *ats_http_status_text(int status)
{
    switch (status) {
#define STATUS(number, name, text)                                                                 \
    case number:                                                                                   \
        return #text;
        HTTP_STATUS_MAP(STATUS)
#undef STATUS
    default:
        return "Unknown";
    }
}
