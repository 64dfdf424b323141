/* http_reader.h: requests of HTTP/1.1 as a server reads them (RFC 9112), over http-parser.
 *
 *     for (;;)
 *         switch (ats_http_reader_feed(reader, bytes, n, &used)) {
 *         case ATS_HTTP_MORE: all was used; come again with what follows
 *         case ATS_HTTP_REQUEST: ats_http_reader_received is whole; after the answer call
 *             ats_http_reader_next, and go on with bytes + used
 *         case ATS_HTTP_BAD: answer ats_http_reader_status and close
 *         }
 *
 * Bounded: a request line, headers and a body beyond what was asked for are answered with 414, 431
 * and 413. Bodies may be chunked. Cold: reading allocates nothing, but opening does. Owner: the
 * caller's thread.
 */
#ifndef ATS_IO_NET_HTTP_READER_H
#define ATS_IO_NET_HTTP_READER_H

#include <stdbool.h>
#include <stddef.h>

#define ATS_HTTP_TARGET_BYTES 8192u
#define ATS_HTTP_HEADERS_MAX  64u
#define ATS_HTTP_HEADER_BYTES 16384u /* of all of them */

typedef struct ats_http_header {
    const char *name, *value;
} ats_http_header;

typedef struct ats_http_received {
    const char *method; /* "GET" */
    const char *target; /* as in the request line */
    ats_http_header header[ATS_HTTP_HEADERS_MAX];
    size_t header_count;
    const char *body;
    size_t body_bytes;
    bool keep_alive;
    bool upgrade; /* asks for another protocol; what follows the headers is that protocol's */
} ats_http_received;

typedef enum ats_http_progress {
    ATS_HTTP_MORE = 0,
    ATS_HTTP_REQUEST = 1,
    ATS_HTTP_BAD = 2
} ats_http_progress;

typedef struct ats_http_reader ats_http_reader;

/* NULL with an error pushed: no memory. */
ats_http_reader *ats_http_reader_new(size_t body_max);
void ats_http_reader_free(ats_http_reader *reader);

/* Reads up to the end of one request; *used bytes were taken. */
ats_http_progress ats_http_reader_feed(ats_http_reader *reader, const void *bytes, size_t n,
                                       size_t *used);
void ats_http_reader_next(ats_http_reader *reader);

/* The request after ATS_HTTP_REQUEST; the status to answer and a word on why after ATS_HTTP_BAD. */
const ats_http_received *ats_http_reader_received(const ats_http_reader *reader);
int ats_http_reader_status(const ats_http_reader *reader);

/* Value of a header (its name in any case); NULL where there is none. */
const char *ats_http_received_field(const ats_http_received *request, const char *name);

/* "Not Found" of 404; "Unknown" of a status that is none. */
const char *ats_http_status_text(int status);

#endif
