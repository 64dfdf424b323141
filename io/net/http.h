/* http.h: an HTTP client on the loop: libcurl, which owns its memory and sockets. Cold.
 *
 * Owner: the loop's thread. HTTPS is always verified (chain and host; TLS 1.2 or later).
 * Connections are kept and used again; ats_http_warm opens some beforehand, so that no order waits
 * for a handshake. Redirects are not followed: a credential goes where it was sent. Pacing,
 * retrying and giving up are the caller's: calc/token_bucket.h, backoff.h, circuit_breaker.h.
 */
#ifndef ATS_IO_NET_HTTP_H
#define ATS_IO_NET_HTTP_H

#include "io/net/loop.h"

typedef struct ats_http ats_http;

typedef struct ats_http_options {
    const char *ca_file;        /* trusted roots (PEM), these alone; NULL: the system's */
    uint32_t requests;          /* at a time, 1..1024; each may use one of the loop's slots */
    size_t response_bytes;      /* largest head and largest body that are taken */
    uint64_t connect_within_ns; /* until a connection is made, TLS and all; at least 1 ms */
    uint64_t answer_within_ns;  /* from ats_http_send to the last byte; at least 1 ms */
} ats_http_options;

typedef struct ats_http_request {
    const char *method;        /* "GET", "POST", "PATCH", "DELETE", "HEAD" */
    const char *url;           /* "https://..." or "http://..." */
    const char *const *fields; /* header lines without line ends, ended by NULL; NULL: none */
    const void *body;          /* copied */
    size_t body_bytes;
} ats_http_request;

/* An answer, or why there is none. Everything in it is gone after the call. */
typedef struct ats_http_answer {
    uint32_t id;
    uint16_t status; /* 0: there was no answer: `why` */
    const char *why; /* "Timeout was reached"; NULL: there is an answer */
    bool sent;       /* false: the request cannot have reached the server, and may be repeated */
    bool reused;     /* went over a connection that was there already */
    const char *head;
    size_t head_bytes;
    const uint8_t *body; /* NUL after its last byte */
    size_t body_bytes;
    uint64_t took_ns;
} ats_http_answer;

/* Whoever sends requests begins with this. `answered` comes once for each, never within the call;
 * in it everything may be called but ats_http_close. */
typedef struct ats_http_user ats_http_user;
struct ats_http_user {
    void (*answered)(ats_http_user *user, const ats_http_answer *answer);
};

/* Uses one of the loop's timers, and slots as said. 0 with *out set, or -1 with an error pushed. */
int ats_http_open(ats_http **out, ats_loop *loop, const ats_http_options *options);

/* Drops what is under way, without callbacks. NULL is allowed. */
void ats_http_close(ats_http *http);

/* Sends a request. Its id (1 and up), or 0 with an error pushed: too many at a time, or a request
 * that is none. */
uint32_t ats_http_send(ats_http *http, ats_http_user *user, const ats_http_request *request);

/* Opens `count` connections to the URL's server by that many HEAD requests at once; each comes to
 * `answered` like any other. 0, or -1 with an error pushed. */
int ats_http_warm(ats_http *http, ats_http_user *user, const char *url, uint32_t count);

/* A field of an answer's head, without regard to case; NULL: it is not there. */
const char *ats_http_field(const ats_http_answer *answer, const char *name, size_t *length);

/* The same as a whole number, "X-Ratelimit-Remaining: 199". False: not there, or no number. */
bool ats_http_field_number(const ats_http_answer *answer, const char *name, uint64_t *number);

#endif
