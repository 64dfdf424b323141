/* loop_fixture.h: a loop on the backend under test, and plain blocking sockets as its peers. */
#ifndef ATS_TESTS_LOOP_FIXTURE_H
#define ATS_TESTS_LOOP_FIXTURE_H

#include "core/clock.h"
#include "core/error.h"
#include "io/net/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A test of both backends. */
#define BOTH(suite, name)                                                                          \
    static void suite##_##name(ats_loop_backend backend);                                          \
    Test(suite, name##_on_io_uring)                                                                \
    {                                                                                              \
        suite##_##name(ATS_LOOP_URING);                                                            \
    }                                                                                              \
    Test(suite, name##_on_epoll)                                                                   \
    {                                                                                              \
        suite##_##name(ATS_LOOP_EPOLL);                                                            \
    }                                                                                              \
    static void suite##_##name(ats_loop_backend backend)

#define SECOND_NS 1000000000ull

static const ats_loop_options OPTIONS = {.connections = 16,
                                         .timers = 64,
                                         .receive_bytes = 4096,
                                         .receive_buffers = 64,
                                         .send_bytes = 65536};

__attribute__((unused)) static ats_loop *loop_with(ats_loop_backend backend,
                                                   ats_loop_options options)
{
    ats_loop *loop = NULL;
    options.backend = backend;
    size_t bytes = ats_loop_footprint(&options);
    cr_assert_gt(bytes, 0);
    void *memory = aligned_alloc(4096, bytes);
    memset(memory, 0, bytes);
    if (ats_loop_open(&loop, memory, &options) != 0) {
        cr_assert_eq(backend, ATS_LOOP_URING);
        cr_skip_test("no io_uring here: %s", ats_error_line(0));
    }
    return loop;
}

static uint8_t *grown[16]; /* what recorders of this test hold */
static size_t grown_count;

__attribute__((unused)) static void close_loop(ats_loop *loop)
{
    ats_loop_close(loop);
    free(loop);
    while (grown_count)
        free(grown[--grown_count]);
}

__attribute__((unused)) static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Turns the loop until `done` holds; fails the test after ten seconds. */
#define TURN_UNTIL(loop, done)                                                                     \
    do {                                                                                           \
        uint64_t begun_ns = ats_clock_monotonic_ns();                                              \
        while (!(done)) {                                                                          \
            ats_loop_wait((loop), SECOND_NS / 100);                                                \
            cr_assert_lt(ats_clock_monotonic_ns() - begun_ns, 10 * SECOND_NS, "never: %s", #done); \
        }                                                                                          \
    } while (0)

/* ---- a peer: blocking sockets --------------------------------------------------------------- */

__attribute__((unused)) static int peer_listen(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, length), 0);
    cr_assert_eq(listen(fd, 64), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

__attribute__((unused)) static int peer_connect(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

__attribute__((unused)) static void peer_reset(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

/* ---- a user that keeps what it is told ------------------------------------------------------ */

typedef struct recorder {
    ats_loop_user user;
    ats_loop *loop;
    ats_conn conn, accepted;
    uint8_t *bytes;
    size_t length, capacity, place;
    size_t take;     /* most bytes to take of a call before pausing; 0: all, no pause */
    int64_t recv_ns; /* of the last data */
    bool from_kernel;
    uint32_t opened, closed, data_calls, writable, accepts;
    ats_close_reason reason;
    int errnum;
    bool echo, drop_on_data;
} recorder;

static ats_loop_user *record_accept(ats_loop_user *user, ats_conn listener, ats_conn conn)
{
    recorder *r = (recorder *)user;
    (void)listener;
    r->accepts++;
    r->accepted = r->conn = conn;
    return user;
}

static void record_open(ats_loop_user *user, ats_conn conn)
{
    recorder *r = (recorder *)user;
    cr_assert(ats_loop_is_open(r->loop, conn));
    r->opened++;
}

static size_t record_data(ats_loop_user *user, ats_conn conn, const ats_loop_data *data)
{
    recorder *r = (recorder *)user;
    size_t n = data->length;
    cr_assert_gt(n, 0);
    r->data_calls++;
    r->recv_ns = data->recv_ns;
    r->from_kernel = data->from_kernel;
    if (r->take) {
        n = n < r->take ? n : r->take;
        ats_loop_pause(r->loop, conn);
    }
    while (r->length + n > r->capacity) {
        if (r->capacity == 0)
            r->place = grown_count++;
        r->capacity = r->capacity * 2 + 65536;
        r->bytes = grown[r->place] = realloc(r->bytes, r->capacity);
    }
    memcpy(r->bytes + r->length, data->bytes, n);
    r->length += n;
    if (r->echo)
        cr_assert(ats_loop_send(r->loop, conn, data->bytes, n));
    if (r->drop_on_data)
        ats_loop_drop(r->loop, conn);
    return n;
}

static void record_writable(ats_loop_user *user, ats_conn conn)
{
    (void)conn;
    ((recorder *)user)->writable++;
}

static void record_close(ats_loop_user *user, ats_conn conn, ats_close_reason reason, int errnum)
{
    recorder *r = (recorder *)user;
    cr_assert_not(ats_loop_is_open(r->loop, conn), "it is stale by now");
    r->closed++;
    r->reason = reason;
    r->errnum = errnum;
}

static const ats_loop_callbacks RECORD = {.accepted = record_accept,
                                          .opened = record_open,
                                          .data = record_data,
                                          .writable = record_writable,
                                          .closed = record_close};

__attribute__((unused)) static recorder new_recorder(ats_loop *loop)
{
    return (recorder){.user = {&RECORD}, .loop = loop};
}

/* A connection of the loop's and its peer's end. */
__attribute__((unused)) static int connected(ats_loop *loop, recorder *r)
{
    uint16_t port;
    int listener = peer_listen(&port);
    struct sockaddr_in address = loopback(port);
    r->conn = ats_loop_connect(loop, &r->user, (struct sockaddr *)&address, sizeof address);
    cr_assert_neq(r->conn, ATS_CONN_NONE);
    cr_assert_eq(r->opened, 0, "never within the call");
    TURN_UNTIL(loop, r->opened == 1);
    int fd = accept(listener, NULL, NULL);
    cr_assert_geq(fd, 0);
    close(listener);
    return fd;
}

#endif
