#include "io/venue/alpaca/server.h"

#include "core/error.h"
#include "core/memory.h"
#include "io/net/http_reader.h"
#include "io/net/stream.h"
#include "io/net/websocket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY_MAX        (1u << 20)
#define MESSAGE_MAX     (1u << 17) /* of a client's; an SDK may subscribe thousands of symbols */
#define HANDSHAKE_NS    10000000000ull
#define PING_AFTER_NS   20000000000ull
#define PONG_WITHIN_NS  20000000000ull
#define PIECE_BYTES     16384u
#define CREDENTIAL_SIZE 128u

/* What could not be sent yet. */
typedef struct backlog {
    char *bytes;
    size_t from, to, capacity;
} backlog;

typedef struct rest_connection rest_connection;
struct rest_connection {
    ats_stream_user user;
    ats_stream stream;
    ats_venue_server *server;
    ats_http_reader *reader;
    backlog out;
    bool last; /* nothing is read after this answer */
    bool held; /* the answer waits for the timer */
    ats_loop_timer timer;
    rest_connection *next, *previous;
};

/* A message that waits, behind it its bytes. */
typedef struct waiting {
    uint32_t length;
    bool binary;
} waiting;

typedef struct stream_connection stream_connection;
struct stream_connection {
    ats_websocket_user user;
    ats_websocket *ws; /* behind this struct */
    ats_venue_server *server;
    ats_paper_stream *stream; /* once it is open */
    ats_paper_stream_config config;
    char key[CREDENTIAL_SIZE], secret[CREDENTIAL_SIZE];
    backlog out; /* messages, each after its `waiting` */
    bool closing;
    bool silent;         /* half-open by script */
    uint64_t mute_until; /* nothing is sent before; monotonic ns */
    void *swapped;       /* a message that goes out after the next one; behind its `waiting` */
    ats_loop_timer timer;
    stream_connection *next, *previous;
};

struct ats_venue_server {
    ats_loop_user rest_user, stream_user; /* of the listeners */
    ats_venue_server_config config;
    ats_conn rest, streams;
    rest_connection *rest_list, *rest_dead;
    stream_connection *stream_list, *stream_dead;
    ats_loop_timer sweep;
    ats_venue_counters counted;
};

static ats_venue_server *of_rest(ats_loop_user *user)
{
    return (ats_venue_server *)((char *)user - offsetof(ats_venue_server, rest_user));
}

static ats_venue_server *of_streams(ats_loop_user *user)
{
    return (ats_venue_server *)((char *)user - offsetof(ats_venue_server, stream_user));
}

static uint64_t monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static ats_venue_fault next_fault(ats_venue_server *s, ats_fault_channel channel)
{
    return s->config.faults ? ats_venue_faults_next(s->config.faults, channel)
                            : (ats_venue_fault){.kind = ATS_FAULT_NONE};
}

/* ---- what waits ----------------------------------------------------------------------------- */

static bool put_back(backlog *b, const void *bytes, size_t n)
{
    if (n == 0)
        return true;
    if (b->from == b->to)
        b->from = b->to = 0;
    if (b->to + n > b->capacity) {
        size_t capacity = b->capacity ? b->capacity : PIECE_BYTES;
        while (capacity < b->to + n)
            capacity *= 2;
        char *grown = realloc(b->bytes, capacity);
        if (!grown)
            return false;
        b->bytes = grown;
        b->capacity = capacity;
    }
    memcpy(b->bytes + b->to, bytes, n);
    b->to += n;
    return true;
}

/* ---- ends ----------------------------------------------------------------------------------- */

/* The loop still looks at a connection when it has told that it is closed: its memory is given back
 * when the turn is over. */
static void sweep(ats_venue_server *s)
{
    while (s->rest_dead) {
        rest_connection *c = s->rest_dead;
        s->rest_dead = c->next;
        free(c);
    }
    while (s->stream_dead) {
        stream_connection *c = s->stream_dead;
        s->stream_dead = c->next;
        free(c);
    }
}

static void on_sweep(ats_loop_timer *timer, uint64_t now_ns)
{
    (void)now_ns;
    sweep((ats_venue_server *)((char *)timer - offsetof(ats_venue_server, sweep)));
}

static void sweep_soon(ats_venue_server *s)
{
    s->sweep.fire = on_sweep;
    ats_loop_timer_set(s->config.loop, &s->sweep, monotonic_ns());
}

/* ---- REST ----------------------------------------------------------------------------------- */

static void bury_rest(rest_connection *c)
{
    if (c->previous)
        c->previous->next = c->next;
    else
        c->server->rest_list = c->next;
    if (c->next)
        c->next->previous = c->previous;
    ats_loop_timer_unset(c->server->config.loop, &c->timer);
    ats_http_reader_free(c->reader);
    free(c->out.bytes);
    c->next = c->server->rest_dead;
    c->server->rest_dead = c;
    sweep_soon(c->server);
}

/* Sends what it can; true: nothing waits any more. */
static bool drain(rest_connection *c)
{
    backlog *b = &c->out;
    if (c->held)
        return false;
    while (b->from < b->to) {
        size_t n = b->to - b->from < PIECE_BYTES ? b->to - b->from : PIECE_BYTES;
        if (!ats_stream_send(&c->stream, b->bytes + b->from, n))
            return false;
        b->from += n;
    }
    return true;
}

static void answer(rest_connection *c, int status, const char *body, size_t n)
{
    char head[256];
    bool bodiless = status == 204;
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 %d %s\r\n%s%sContent-Length: %zu\r\nConnection: %s\r\n\r\n",
                          status, ats_http_status_text(status),
                          bodiless ? "" : "Content-Type: application/json; charset=UTF-8\r\n", "",
                          n, c->last ? "close" : "keep-alive");
    if (bodiless) /* RFC 9110 section 8.6: no Content-Length with 204 */
        length = snprintf(head, sizeof head, "HTTP/1.1 204 No Content\r\nConnection: %s\r\n\r\n",
                          c->last ? "close" : "keep-alive");
    c->last |= !put_back(&c->out, head, (size_t)length) || !put_back(&c->out, body, n);
}

static void answer_status(rest_connection *c, int status)
{
    char body[128];
    int n = snprintf(body, sizeof body, "{\"code\":%d,\"message\":\"%s\"}", status * 100000,
                     ats_http_status_text(status));
    answer(c, status, body, (size_t)n);
}

static void hold_ends(ats_loop_timer *timer, uint64_t now_ns);

/* By script: what becomes of the answer that was put back from `begin` on. */
static void spoil(rest_connection *c, const ats_venue_fault *f, size_t begin)
{
    static const char GARBAGE[] = "\x15\x03\x01 this is no HTTP\r\n\r\n";
    size_t whole = c->out.to - begin;
    switch (f->kind) {
    case ATS_FAULT_SWALLOW:
        c->out.to = begin;
        c->last = true;
        break;
    case ATS_FAULT_CUT:
        c->out.to = begin + ((size_t)f->argument < whole ? (size_t)f->argument : whole);
        c->last = true;
        break;
    case ATS_FAULT_GARBAGE:
        c->out.to = begin;
        put_back(&c->out, GARBAGE, sizeof GARBAGE - 1);
        c->last = true;
        break;
    case ATS_FAULT_LATE:
        c->held = true;
        c->timer.fire = hold_ends;
        ats_loop_timer_set(c->server->config.loop, &c->timer,
                           monotonic_ns() + (uint64_t)f->argument);
        break;
    default:
        break;
    }
}

/* Calls that change orders have faults of their own, before those of all calls. */
static ats_venue_fault fault_of(rest_connection *c, const ats_http_received *q)
{
    ats_venue_fault any = next_fault(c->server, ATS_FAULT_REQUEST), own = {.kind = ATS_FAULT_NONE};
    if (strcmp(q->method, "GET") != 0)
        own = next_fault(c->server, ATS_FAULT_ORDERS);
    return own.kind ? own : any;
}

static void serve(rest_connection *c)
{
    const ats_http_received *q = ats_http_reader_received(c->reader);
    const ats_venue_fault fault = fault_of(c, q);
    const ats_paper_request request = {.method = q->method,
                                       .target = q->target,
                                       .key = ats_http_received_field(q, "APCA-API-KEY-ID"),
                                       .secret = ats_http_received_field(q, "APCA-API-SECRET-KEY"),
                                       .body = q->body,
                                       .body_bytes = q->body_bytes};
    ats_paper_reply reply;
    c->server->counted.requests++;
    c->last |= !q->keep_alive || q->upgrade;
    if (fault.kind == ATS_FAULT_STATUS) {
        answer_status(c, (int)fault.argument);
        return;
    }
    if (ats_paper_rest(c->server->config.broker, &request, &reply) != 0) {
        ats_error_clear();
        c->last = true;
    }
    if (c->out.from == c->out.to)
        c->out.from = c->out.to = 0; /* as the answer will find it */
    size_t begin = c->out.to;
    answer(c, reply.status, reply.body, reply.body_bytes);
    spoil(c, &fault, begin);
    free(reply.body);
}

static void serve_bad(rest_connection *c)
{
    c->server->counted.bad_requests++;
    c->last = true;
    answer_status(c, ats_http_reader_status(c->reader));
}

/* What waits goes first; then it reads again, or ends. */
static void go_on(rest_connection *c)
{
    if (!drain(c)) {
        ats_stream_pause(&c->stream);
        return;
    }
    if (c->last)
        ats_stream_finish(&c->stream);
    else
        ats_stream_resume(&c->stream);
}

static void hold_ends(ats_loop_timer *timer, uint64_t now_ns)
{
    rest_connection *c = (rest_connection *)((char *)timer - offsetof(rest_connection, timer));
    (void)now_ns;
    c->held = false;
    go_on(c);
}

static size_t rest_data(ats_stream_user *user, ats_stream *stream, const ats_loop_data *data)
{
    rest_connection *c = (rest_connection *)user;
    size_t at = 0, used;
    (void)stream;
    while (at < data->length && !c->last && c->out.from == c->out.to) {
        switch (ats_http_reader_feed(c->reader, data->bytes + at, data->length - at, &used)) {
        case ATS_HTTP_MORE:
            return data->length;
        case ATS_HTTP_REQUEST:
            at += used;
            serve(c);
            ats_http_reader_next(c->reader);
            break;
        case ATS_HTTP_BAD:
            serve_bad(c);
            break;
        }
        if (!drain(c)) {
            ats_stream_pause(&c->stream);
            return at;
        }
    }
    if (c->last && !c->held) {
        ats_stream_finish(&c->stream);
        return data->length;
    }
    return at;
}

static void rest_writable(ats_stream_user *user, ats_stream *stream)
{
    (void)stream;
    go_on((rest_connection *)user);
}

static void rest_closed(ats_stream_user *user, ats_stream *stream, ats_stream_end end,
                        const char *why)
{
    (void)stream;
    (void)end;
    (void)why;
    bury_rest((rest_connection *)user);
}

static void rest_opened(ats_stream_user *user, ats_stream *stream)
{
    (void)user;
    (void)stream;
}

static const ats_stream_callbacks REST = {
    .opened = rest_opened, .data = rest_data, .writable = rest_writable, .closed = rest_closed};

static ats_loop_user *accept_rest(ats_loop_user *user, ats_conn listener, ats_conn conn)
{
    ats_venue_server *s = of_rest(user);
    rest_connection *c = calloc(1, sizeof *c);
    (void)listener;
    if (!c)
        return NULL;
    c->user.on = &REST;
    c->server = s;
    c->next = s->rest_list;
    if (c->next)
        c->next->previous = c;
    s->rest_list = c;
    c->reader = ats_http_reader_new(BODY_MAX);
    ats_loop_user *taken = c->reader ? ats_stream_accept(&c->stream, s->config.loop, &c->user,
                                                         s->config.tls, conn, HANDSHAKE_NS)
                                     : NULL;
    if (!taken) {
        ats_error_clear();
        bury_rest(c);
    }
    return taken;
}

/* ---- streams -------------------------------------------------------------------------------- */

static void bury_stream(stream_connection *c)
{
    if (c->previous)
        c->previous->next = c->next;
    else
        c->server->stream_list = c->next;
    if (c->next)
        c->next->previous = c->previous;
    if (c->stream)
        ats_paper_stream_close(c->stream);
    ats_loop_timer_unset(c->server->config.loop, &c->timer);
    free(c->swapped);
    free(c->out.bytes);
    c->next = c->server->stream_dead;
    c->server->stream_dead = c;
    sweep_soon(c->server);
}

static void copy_field(const char *head, size_t n, const char *name, char out[CREDENTIAL_SIZE])
{
    size_t length;
    const char *value = ats_upgrade_field(head, n, name, &length);
    snprintf(out, CREDENTIAL_SIZE, "%.*s", value ? (int)length : 0, value ? value : "");
}

static bool stream_requested(ats_websocket_user *user, ats_websocket *ws, const char *path,
                             const char *head, size_t head_bytes, uint16_t *status)
{
    stream_connection *c = (stream_connection *)user;
    static const char *const DATA[] = {"/v2/iex", "/v2/sip", "/v2/test"};
    char type[CREDENTIAL_SIZE];
    (void)ws;
    copy_field(head, head_bytes, "Content-Type", type);
    copy_field(head, head_bytes, "APCA-API-KEY-ID", c->key);
    copy_field(head, head_bytes, "APCA-API-SECRET-KEY", c->secret);
    c->config.msgpack = strstr(type, "application/msgpack") != NULL;
    if (strcmp(path, "/stream") == 0)
        c->config.kind = ATS_PAPER_STREAM_UPDATES;
    for (size_t i = 0; i < sizeof DATA / sizeof DATA[0]; i++)
        if (strcmp(path, DATA[i]) == 0)
            c->config.kind = ATS_PAPER_STREAM_DATA;
    if (c->config.kind)
        return true;
    c->server->counted.streams_refused++;
    *status = 404;
    return false;
}

/* It is behind: what is left of it is told, not kept. */
static void let_go(stream_connection *c)
{
    static const char SLOW[] = "[{\"T\":\"error\",\"code\":407,\"msg\":\"slow client\"}]";
    c->server->counted.streams_slow++;
    c->closing = true;
    if (!c->config.msgpack)
        ats_websocket_send(c->ws, ATS_WS_TEXT, SLOW, sizeof SLOW - 1);
    ats_websocket_close(c->ws, 1008, "slow client");
}

static void queue_message(stream_connection *c, const void *bytes, size_t n, bool binary)
{
    const waiting head = {.length = (uint32_t)n, .binary = binary};
    if (c->closing)
        return;
    c->server->counted.messages++;
    bool none_waits = c->out.from == c->out.to;
    if (none_waits && ats_websocket_send(c->ws, binary ? ATS_WS_BINARY : ATS_WS_TEXT, bytes, n))
        return;
    if (c->out.to - c->out.from + n > ATS_VENUE_BEHIND_BYTES ||
        !put_back(&c->out, &head, sizeof head) || !put_back(&c->out, bytes, n))
        let_go(c);
}

static void cut_off(ats_loop_timer *timer, uint64_t now_ns)
{
    stream_connection *c =
        (stream_connection *)((char *)timer - offsetof(stream_connection, timer));
    (void)now_ns;
    ats_websocket_drop(c->ws);
    bury_stream(c);
}

/* Keeps a message until the next one has gone out. */
static void keep_swapped(stream_connection *c, const void *bytes, size_t n, bool binary)
{
    const waiting head = {.length = (uint32_t)n, .binary = binary};
    char *kept = malloc(sizeof head + n);
    if (!kept)
        return;
    memcpy(kept, &head, sizeof head);
    memcpy(kept + sizeof head, bytes, n);
    c->swapped = kept;
}

static void send_swapped(stream_connection *c)
{
    waiting head;
    char *kept = c->swapped;
    c->swapped = NULL;
    memcpy(&head, kept, sizeof head);
    queue_message(c, kept + sizeof head, head.length, head.binary);
    free(kept);
}

/* What becomes of a message by script. True: it goes out as it is. */
static bool passes_fault(stream_connection *c, const ats_venue_fault *f, const void *bytes,
                         size_t n, bool binary)
{
    static const char GARBAGE[] = "\xc1{\"T\":"; /* a text must be UTF-8: without the first byte */
    switch (f->kind) {
    case ATS_FAULT_TWICE:
        queue_message(c, bytes, n, binary);
        return true;
    case ATS_FAULT_SWAP:
        if (c->swapped)
            return true;
        keep_swapped(c, bytes, n, binary);
        return !c->swapped;
    case ATS_FAULT_GARBAGE:
        queue_message(c, GARBAGE + !binary, sizeof GARBAGE - 1 - !binary, binary);
        return false;
    case ATS_FAULT_CUT:
        c->closing = true;
        c->timer.fire = cut_off;
        ats_loop_timer_set(c->server->config.loop, &c->timer, monotonic_ns());
        return false;
    case ATS_FAULT_MUTE:
        c->mute_until = monotonic_ns() + (uint64_t)f->argument;
        return false;
    case ATS_FAULT_SILENT:
        c->silent = true;
        ats_websocket_pause(c->ws);
        return false;
    default:
        return f->kind != ATS_FAULT_DROP;
    }
}

static void send_message(void *context, const void *bytes, size_t n, bool binary)
{
    stream_connection *c = context;
    bool data = c->config.kind == ATS_PAPER_STREAM_DATA, waits = c->swapped != NULL;
    if (c->silent || (c->mute_until && monotonic_ns() < c->mute_until))
        return;
    ats_venue_fault f = next_fault(c->server, data ? ATS_FAULT_DATA : ATS_FAULT_UPDATES);
    if (passes_fault(c, &f, bytes, n, binary))
        queue_message(c, bytes, n, binary);
    if (waits)
        send_swapped(c);
}

static void stream_writable(ats_websocket_user *user, ats_websocket *ws)
{
    stream_connection *c = (stream_connection *)user;
    backlog *b = &c->out;
    while (b->from < b->to && !c->closing) {
        waiting head;
        memcpy(&head, b->bytes + b->from, sizeof head);
        if (!ats_websocket_send(ws, head.binary ? ATS_WS_BINARY : ATS_WS_TEXT,
                                b->bytes + b->from + sizeof head, head.length))
            return;
        b->from += sizeof head + head.length;
    }
}

static void stream_opened(ats_websocket_user *user, ats_websocket *ws)
{
    stream_connection *c = (stream_connection *)user;
    c->config.key = c->key[0] ? c->key : NULL;
    c->config.secret = c->secret[0] ? c->secret : NULL;
    c->config.send = send_message;
    c->config.context = c;
    c->server->counted.streams++;
    c->stream = ats_paper_stream_open(c->server->config.broker, &c->config);
    if (!c->stream) {
        ats_error_clear();
        c->closing = true;
        ats_websocket_close(ws, 1011, "out of memory");
    }
}

static void stream_message(ats_websocket_user *user, ats_websocket *ws,
                           const ats_websocket_message *m)
{
    stream_connection *c = (stream_connection *)user;
    if (c->closing || ats_paper_stream_message(c->stream, m->bytes, m->length))
        return;
    c->closing = true;
    ats_websocket_close(ws, 1008, "not authorized");
}

static void stream_closed(ats_websocket_user *user, ats_websocket *ws, const ats_websocket_end *end)
{
    (void)ws;
    (void)end;
    bury_stream((stream_connection *)user);
}

static const ats_websocket_callbacks STREAM = {.requested = stream_requested,
                                               .opened = stream_opened,
                                               .message = stream_message,
                                               .writable = stream_writable,
                                               .closed = stream_closed};

static ats_loop_user *accept_stream(ats_loop_user *user, ats_conn listener, ats_conn conn)
{
    static const ats_websocket_options OPTIONS = {
        .open_within_ns = HANDSHAKE_NS,
        .ping_after_ns = PING_AFTER_NS,
        .pong_within_ns = PONG_WITHIN_NS,
    };
    ats_venue_server *s = of_streams(user);
    size_t own = ats_whole_lines(sizeof(stream_connection));
    stream_connection *c =
        aligned_alloc(64, own + ats_whole_lines(ats_websocket_footprint(MESSAGE_MAX)));
    (void)listener;
    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    c->user.on = &STREAM;
    c->server = s;
    c->ws = ats_websocket_new((char *)c + own, MESSAGE_MAX);
    c->next = s->stream_list;
    if (c->next)
        c->next->previous = c;
    s->stream_list = c;
    ats_loop_user *taken =
        ats_websocket_accept(c->ws, s->config.loop, &c->user, s->config.tls, conn, &OPTIONS);
    if (!taken) {
        ats_error_clear();
        bury_stream(c);
    }
    return taken;
}

/* ---- opening and closing -------------------------------------------------------------------- */

static void listener_closed(ats_loop_user *user, ats_conn conn, ats_close_reason reason, int errnum)
{
    (void)user;
    (void)conn;
    (void)reason;
    (void)errnum;
}

static const ats_loop_callbacks REST_LISTENER = {.accepted = accept_rest,
                                                 .closed = listener_closed};
static const ats_loop_callbacks STREAM_LISTENER = {.accepted = accept_stream,
                                                   .closed = listener_closed};

static ats_conn listen_on(ats_venue_server *s, ats_loop_user *user, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ats_conn listener =
        ats_loop_listen(s->config.loop, user, (const struct sockaddr *)&address, sizeof address);
    if (!listener)
        ats_error(ATS_EXIT_FAILED, "127.0.0.1:%u", port);
    return listener;
}

int ats_venue_server_open(ats_venue_server **out, const ats_venue_server_config *config)
{
    ats_venue_server *s = calloc(1, sizeof *s);
    if (!s)
        return ats_error(ATS_EXIT_FAILED, "venue: out of memory");
    s->config = *config;
    s->rest_user.on = &REST_LISTENER;
    s->stream_user.on = &STREAM_LISTENER;
    s->rest = listen_on(s, &s->rest_user, config->rest_port);
    s->streams = s->rest ? listen_on(s, &s->stream_user, config->stream_port) : ATS_CONN_NONE;
    if (!s->streams) {
        ats_venue_server_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

void ats_venue_server_close(ats_venue_server *s)
{
    if (!s)
        return;
    while (s->rest_list) {
        ats_stream_drop(&s->rest_list->stream);
        bury_rest(s->rest_list);
    }
    while (s->stream_list) {
        ats_websocket_drop(s->stream_list->ws);
        bury_stream(s->stream_list);
    }
    ats_loop_timer_unset(s->config.loop, &s->sweep);
    sweep(s);
    if (s->rest)
        ats_loop_drop(s->config.loop, s->rest);
    if (s->streams)
        ats_loop_drop(s->config.loop, s->streams);
    free(s);
}

uint16_t ats_venue_server_rest_port(const ats_venue_server *s)
{
    return ats_loop_port(s->config.loop, s->rest);
}

uint16_t ats_venue_server_stream_port(const ats_venue_server *s)
{
    return ats_loop_port(s->config.loop, s->streams);
}

const ats_venue_counters *ats_venue_server_counted(const ats_venue_server *s)
{
    return &s->counted;
}
