#include "core/random.h"
#include "io/net/websocket.h"
#include "python_fixture.h"
#include "tls_fixture.h"

TestSuite(websocket, .timeout = 60);

#define MESSAGE_BYTES (1u << 20)

static const ats_loop_options LARGE = {.connections = 16,
                                       .timers = 64,
                                       .receive_bytes = 16384,
                                       .receive_buffers = 64,
                                       .send_bytes = 4u << 20,
                                       .kernel_timestamps = true};
static const ats_websocket_options PATIENT = {.open_within_ns = 10 * SECOND_NS};

/* ---- a user that keeps what it is told ------------------------------------------------------ */

typedef struct ear {
    ats_websocket_user user;
    ats_loop_user listener;
    ats_loop *loop;
    ats_tls *tls;
    ats_websocket *ws;
    const ats_websocket_options *options;
    uint32_t opened, closed, messages, writable;
    size_t length; /* of the last message */
    uint8_t bytes[MESSAGE_BYTES];
    bool binary, echo, pause;
    ats_websocket_end end;
    char why[ATS_WEBSOCKET_WHY_BYTES];
    int64_t recv_ns;
} ear;

static ear a, b;

static bool hear_request(ats_websocket_user *user, ats_websocket *ws, const char *path,
                         const char *head, size_t n, uint16_t *status)
{
    (void)user, (void)ws;
    size_t length;
    cr_assert_not_null(ats_upgrade_field(head, n, "Host", &length));
    *status = 404;
    return strcmp(path, "/") == 0;
}

static void hear_opened(ats_websocket_user *user, ats_websocket *ws)
{
    cr_assert(ats_websocket_is_open(ws));
    ((ear *)user)->opened++;
}

static void hear_message(ats_websocket_user *user, ats_websocket *ws,
                         const ats_websocket_message *m)
{
    ear *e = (ear *)user;
    cr_assert_leq(m->length, sizeof e->bytes);
    e->messages++;
    e->length = m->length;
    e->binary = m->binary;
    e->recv_ns = m->recv_ns;
    memcpy(e->bytes, m->bytes, m->length);
    if (e->echo)
        cr_assert(
            ats_websocket_send(ws, m->binary ? ATS_WS_BINARY : ATS_WS_TEXT, m->bytes, m->length));
    if (e->pause)
        ats_websocket_pause(ws);
}

static void hear_writable(ats_websocket_user *user, ats_websocket *ws)
{
    (void)ws;
    ((ear *)user)->writable++;
}

static void hear_closed(ats_websocket_user *user, ats_websocket *ws, const ats_websocket_end *end)
{
    ear *e = (ear *)user;
    cr_assert_not(ats_websocket_is_open(ws));
    e->closed++;
    e->end = *end;
    snprintf(e->why, sizeof e->why, "%s", end->why);
}

static const ats_websocket_callbacks HEAR = {.requested = hear_request,
                                             .opened = hear_opened,
                                             .message = hear_message,
                                             .writable = hear_writable,
                                             .closed = hear_closed};

static ats_loop_user *hear_accepted(ats_loop_user *listener, ats_conn conn, ats_conn accepted)
{
    ear *e = (ear *)((char *)listener - offsetof(ear, listener));
    (void)conn;
    return ats_websocket_accept(e->ws, e->loop, &e->user, e->tls, accepted, e->options);
}

static const ats_loop_callbacks LISTEN = {.accepted = hear_accepted};

static void start(ear *e, ats_loop *loop, ats_tls *tls, const ats_websocket_options *options)
{
    memset(e, 0, offsetof(ear, bytes));
    *e = (ear){.user = {&HEAR}, .listener = {&LISTEN}, .loop = loop, .tls = tls};
    e->options = options;
    size_t bytes = ats_websocket_footprint(MESSAGE_BYTES);
    e->ws = ats_websocket_new(aligned_alloc(64, bytes), MESSAGE_BYTES);
}

static void stop(ear *e)
{
    ats_websocket_drop(e->ws);
    free(e->ws);
}

static void dial(ear *e, uint16_t port, const char *path, const char *fields)
{
    struct sockaddr_in address = loopback(port);
    cr_assert_eq(ats_websocket_connect(e->ws, e->loop, &e->user, e->tls, "localhost",
                                       (struct sockaddr *)&address, sizeof address, path, fields,
                                       e->options),
                 0, "%s", ats_error_line(0));
}

static uint16_t hang_out(ear *e)
{
    struct sockaddr_in any = loopback(0);
    ats_conn conn = ats_loop_listen(e->loop, &e->listener, (struct sockaddr *)&any, sizeof any);
    return ats_loop_port(e->loop, conn);
}

static void say(ear *e, const char *text)
{
    cr_assert(ats_websocket_send(e->ws, ATS_WS_TEXT, text, strlen(text)));
}

/* ---- Python's websockets as the peer -------------------------------------------------------- */

static void talk_to_python(ats_loop_backend backend, bool secure)
{
    if (secure)
        make_authority();
    python p = run_python("websocket_peer.py", "serve", secure ? in_folder("good.pem") : NULL,
                          secure ? in_folder("good.key") : NULL);
    uint16_t port = python_port(&p);
    ats_loop *loop = loop_with(backend, LARGE);
    ats_tls *tls = secure ? client_that_trusts("root.pem", "http/1.1") : NULL;
    start(&a, loop, tls, &PATIENT);
    dial(&a, port, "/v2/iex", "APCA-API-KEY-ID: key\r\n");
    TURN_UNTIL(loop, a.opened || a.closed);
    cr_assert(a.opened, "%s", a.why);

    char expected[64];
    snprintf(expected, sizeof expected, "key /v2/iex localhost:%u", port);
    say(&a, "headers");
    TURN_UNTIL(loop, a.messages == 1);
    cr_expect_eq(a.length, strlen(expected), "%.*s", (int)a.length, (char *)a.bytes);
    cr_expect_arr_eq(a.bytes, expected, a.length);

    static uint8_t large[900000];
    static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536, sizeof large};
    for (uint32_t i = 0; i < 7; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            large[k] = (uint8_t)(k * 11 >> 3);
        cr_assert(ats_websocket_send(a.ws, ATS_WS_BINARY, large, sizes[i]));
        TURN_UNTIL(loop, a.messages == 2 + i);
        cr_expect(a.binary);
        cr_assert_eq(a.length, sizes[i]);
        cr_expect(a.length == 0 || memcmp(a.bytes, large, a.length) == 0);
    }
    int64_t age = ats_clock_wall_ns() - a.recv_ns;
    cr_expect(age >= 0 && age < (int64_t)(10 * SECOND_NS));

    say(&a, "fragments"); /* with pings between */
    TURN_UNTIL(loop, a.messages == 9);
    cr_expect_not(a.binary);
    cr_expect_arr_eq(a.bytes, "piece 0 \xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xb0 piece 1", 25);
    cr_expect_gt(a.length, 18000);
    say(&a, "ping");
    TURN_UNTIL(loop, a.messages == 10);
    cr_expect_arr_eq(a.bytes, "pong came", 9);
    say(&a, "close");
    TURN_UNTIL(loop, a.closed);
    cr_expect(a.end.opened && a.end.clean);
    cr_expect_eq(a.end.code, 4001);
    cr_expect_str_eq(a.why, "go away");

    /* The same memory again: refused, cut off, and closed by us. */
    a.closed = a.opened = 0;
    dial(&a, port, "/forbidden", "");
    TURN_UNTIL(loop, a.closed);
    cr_expect_not(a.end.opened);
    cr_expect_eq(a.end.status, 403);
    cr_expect_not_null(strstr(a.why, "403"), "%s", a.why);
    a.closed = 0;
    dial(&a, port, "/", "");
    TURN_UNTIL(loop, a.opened);
    say(&a, "drop");
    TURN_UNTIL(loop, a.closed);
    cr_expect_not(a.end.clean);
    cr_expect_eq(a.end.code, ATS_WS_CUT_OFF);
    a.closed = a.opened = 0;
    dial(&a, port, "/", "");
    TURN_UNTIL(loop, a.opened);
    ats_websocket_close(a.ws, ATS_WS_NORMAL, "done");
    cr_expect_not(ats_websocket_send(a.ws, ATS_WS_TEXT, "x", 1), "nothing after close");
    TURN_UNTIL(loop, a.closed);
    cr_expect(a.end.clean, "%s", a.why);
    cr_expect_eq(a.end.code, ATS_WS_NORMAL);
    stop(&a);
    close_loop(loop);
    ats_tls_free(tls);
    end_python(&p);
    if (secure)
        drop_authority();
}

BOTH(websocket, our_client_and_pythons_server)
{
    talk_to_python(backend, false);
}

BOTH(websocket, our_client_and_pythons_server_over_tls)
{
    talk_to_python(backend, true);
}

static void serve_python(ats_loop_backend backend, bool secure)
{
    if (secure)
        make_authority();
    ats_loop *loop = loop_with(backend, LARGE);
    ats_tls *tls = secure ? server_that_shows("good", NULL) : NULL;
    start(&a, loop, tls, &PATIENT);
    a.echo = true;
    char uri[64];
    snprintf(uri, sizeof uri, "%s://localhost:%u/", secure ? "wss" : "ws", hang_out(&a));
    python p =
        run_python("websocket_peer.py", "connect", uri, secure ? in_folder("root.pem") : NULL);
    TURN_UNTIL(loop, a.closed);
    cr_expect(a.end.clean);
    cr_expect_eq(a.end.code, 4002);
    cr_expect_str_eq(a.why, "enough");
    cr_expect_eq(a.messages, 10);
    TURN_UNTIL(loop, a.closed == 2); /* the path that is not there */
    cr_expect_not(a.end.opened);
    cr_expect_eq(a.end.status, 404);
    char text[16] = "";
    cr_expect_not_null(fgets(text, sizeof text, p.says));
    cr_expect_str_eq(text, "ok\n");
    cr_expect_eq(end_python(&p), 0);
    stop(&a);
    close_loop(loop);
    ats_tls_free(tls);
    if (secure)
        drop_authority();
}

BOTH(websocket, pythons_client_and_our_server)
{
    serve_python(backend, false);
}

BOTH(websocket, pythons_client_and_our_server_over_tls)
{
    serve_python(backend, true);
}

/* ---- faults: raw sockets as the peer -------------------------------------------------------- */

#define REQUEST                                                                                    \
    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

/* Reads until the bytes `text` have come, turning the loop. */
static void peer_expect(ats_loop *loop, int fd, const void *text, size_t n)
{
    char got[512];
    size_t have = 0;
    uint64_t begun = ats_clock_monotonic_ns();
    while (have < n || !memmem(got, have, text, n)) {
        ssize_t k = recv(fd, got + have, sizeof got - have, MSG_DONTWAIT);
        have += k > 0 ? (size_t)k : 0;
        ats_loop_wait(loop, SECOND_NS / 1000);
        cr_assert_lt(ats_clock_monotonic_ns() - begun, 5 * SECOND_NS, "%.*s", (int)have, got);
    }
}

BOTH(websocket, a_byte_at_a_time_opens_and_speaks)
{
    ats_loop *loop = loop_with(backend, LARGE);
    start(&a, loop, NULL, &PATIENT);
    int fd = peer_connect(hang_out(&a)), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    static const char frames[] = REQUEST "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
                                         "\x88\x82\x00\x00\x00\x00\x03\xe9";
    for (size_t i = 0; i + 1 < sizeof frames; i++) {
        cr_assert_eq(write(fd, frames + i, 1), 1);
        ats_loop_wait(loop, SECOND_NS / 2000);
    }
    TURN_UNTIL(loop, a.messages == 1);
    cr_expect_arr_eq(a.bytes, "Hello", 5);
    peer_expect(loop, fd, "\x88\x02\x03\xe9", 4);
    close(fd);
    TURN_UNTIL(loop, a.closed);
    cr_expect(a.end.clean);
    cr_expect_eq(a.end.code, 1001);
    stop(&a);
    close_loop(loop);
}

BOTH(websocket, a_breach_is_answered_with_its_code_and_ends_it)
{
    ats_loop *loop = loop_with(backend, LARGE);
    static const struct {
        size_t n;
        const char *frame, *answer;
        uint16_t code;
    } cases[] = {
        {2, "\x81\x00", "\x88\x0e\x03\xea", 1002},                            /* no mask */
        {14, "\x82\xff\0\0\0\0\x40\0\0\0\1\2\3\4", "\x88\x20\x03\xf1", 1009}, /* 1 GiB */
        {8, "\x81\x82\0\0\0\0\xc3\x28", "\x88\x19\x03\xef", 1007},            /* no UTF-8 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(&a, loop, NULL, &PATIENT);
        int fd = peer_connect(hang_out(&a));
        cr_assert_eq(write(fd, REQUEST, strlen(REQUEST)), (ssize_t)strlen(REQUEST));
        TURN_UNTIL(loop, a.opened);
        cr_assert_eq(write(fd, cases[i].frame, cases[i].n), (ssize_t)cases[i].n);
        TURN_UNTIL(loop, a.closed);
        cr_expect_eq(a.end.code, cases[i].code, "%u", a.end.code);
        cr_expect_not(a.end.clean);
        cr_expect_eq(a.messages, 0);
        peer_expect(loop, fd, cases[i].answer + 2, 2);
        close(fd);
        stop(&a);
    }
    close_loop(loop);
}

BOTH(websocket, an_endless_head_is_refused)
{
    ats_loop *loop = loop_with(backend, LARGE);
    start(&a, loop, NULL, &PATIENT);
    int fd = peer_connect(hang_out(&a));
    static char line[ATS_UPGRADE_HEAD_BYTES + 10];
    memset(line, 'x', sizeof line);
    cr_assert_eq(write(fd, line, sizeof line), (ssize_t)sizeof line);
    TURN_UNTIL(loop, a.closed);
    cr_expect_not(a.end.opened);
    cr_expect_not_null(strstr(a.why, "does not end"), "%s", a.why);
    close(fd);
    stop(&a);
    close_loop(loop);
}

BOTH(websocket, a_reset_and_a_refused_connection_are_told)
{
    ats_loop *loop = loop_with(backend, LARGE);
    start(&a, loop, NULL, &PATIENT);
    int fd = peer_connect(hang_out(&a));
    cr_assert_eq(write(fd, REQUEST, strlen(REQUEST)), (ssize_t)strlen(REQUEST));
    TURN_UNTIL(loop, a.opened);
    peer_reset(fd);
    TURN_UNTIL(loop, a.closed);
    cr_expect_eq(a.end.code, ATS_WS_CUT_OFF);
    cr_expect_eq(a.end.stream, ATS_STREAM_BROKEN);
    uint16_t port;
    close(peer_listen(&port));
    a.closed = 0;
    dial(&a, port, "/", "");
    TURN_UNTIL(loop, a.closed);
    cr_expect_eq(a.end.stream, ATS_STREAM_CONNECT);
    cr_expect_not(a.end.opened);
    stop(&a);
    close_loop(loop);
}

/* Half-open: the peer's machine is gone, no FIN came. Here it is a peer that reads nothing and says
 * nothing. One that answers pings lives. */
BOTH(websocket, silence_is_pinged_and_then_ends)
{
    ats_loop *loop = loop_with(backend, LARGE);
    ats_websocket_options options = {.ping_after_ns = SECOND_NS / 50,
                                     .pong_within_ns = SECOND_NS / 50};
    start(&a, loop, NULL, &options);
    int fd = peer_connect(hang_out(&a));
    cr_assert_eq(write(fd, REQUEST, strlen(REQUEST)), (ssize_t)strlen(REQUEST));
    TURN_UNTIL(loop, a.opened);
    uint64_t begun = ats_clock_monotonic_ns();
    TURN_UNTIL(loop, a.closed);
    cr_expect_geq(ats_clock_monotonic_ns() - begun, SECOND_NS / 50);
    cr_expect_eq(a.end.stream, ATS_STREAM_TIMEOUT);
    cr_expect_str_eq(a.why, "no answer to a ping");
    peer_expect(loop, fd, "\x89\x00", 2);
    close(fd);
    stop(&a);

    start(&a, loop, NULL, &options);
    start(&b, loop, NULL, &PATIENT);
    dial(&b, hang_out(&a), "/", "");
    TURN_UNTIL(loop, a.opened && b.opened);
    begun = ats_clock_monotonic_ns();
    while (ats_clock_monotonic_ns() - begun < SECOND_NS / 4)
        ats_loop_wait(loop, SECOND_NS / 100);
    cr_expect_eq(a.closed, 0, "a peer that answers lives: %s", a.why);
    stop(&b);
    stop(&a);
    close_loop(loop);
}

BOTH(websocket, a_server_that_does_not_answer_runs_out_of_time)
{
    ats_loop *loop = loop_with(backend, LARGE);
    ats_websocket_options options = {.open_within_ns = SECOND_NS / 20};
    uint16_t port;
    int listener = peer_listen(&port);
    start(&a, loop, NULL, &options);
    dial(&a, port, "/", "");
    TURN_UNTIL(loop, a.closed);
    cr_expect_eq(a.end.stream, ATS_STREAM_TIMEOUT);
    cr_expect_not(a.end.opened);
    close(listener);
    stop(&a);
    close_loop(loop);
}

/* A reader that pauses at each message stands the sender still, and every message comes once. */
BOTH(websocket, a_slow_reader_loses_nothing)
{
    ats_loop_options options = LARGE;
    options.send_bytes = 65536;
    ats_loop *loop = loop_with(backend, options);
    start(&a, loop, NULL, &PATIENT);
    start(&b, loop, NULL, &PATIENT);
    dial(&b, hang_out(&a), "/", "");
    TURN_UNTIL(loop, a.opened && b.opened);
    a.pause = true;
    static uint8_t message[30000];
    ats_random random;
    ats_random_seed(&random, 10);
    uint32_t sent = 0, refused = 0, seen = 0;
    uint64_t begun = ats_clock_monotonic_ns();
    while (seen < 3000) {
        cr_assert_lt(ats_clock_monotonic_ns() - begun, 30 * SECOND_NS);
        while (sent < 3000) {
            size_t n = 4 + sent * 37 % (sizeof message - 4);
            memcpy(message, &sent, 4);
            if (!ats_websocket_send(b.ws, ATS_WS_BINARY, message, n)) {
                refused++;
                break;
            }
            sent++;
        }
        ats_loop_wait(loop, 0);
        cr_assert_leq(a.messages, seen + 1, "one message, then the pause");
        if (a.messages == seen)
            continue;
        uint32_t number;
        memcpy(&number, a.bytes, 4);
        cr_assert_eq(number, seen);
        cr_assert_eq(a.length, 4 + seen * 37 % (sizeof message - 4));
        seen++;
        if (ats_random_below(&random, 2))
            ats_loop_wait(loop, 0);
        ats_websocket_resume(a.ws);
    }
    cr_expect_gt(refused, 0);
    cr_expect_gt(b.writable, 0);
    stop(&b);
    stop(&a);
    close_loop(loop);
}

Test(websocket, a_message_size_that_cannot_hold_an_upgrade_is_refused)
{
    cr_expect_eq(ats_websocket_footprint(1000), 0);
    cr_expect_gt(ats_websocket_footprint(ATS_UPGRADE_HEAD_BYTES), 0);
}
