#include "core/random.h"
#include "io/net/resolve.h"
#include "loop_fixture.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

TestSuite(loop, .timeout = 60);

/* ---- the backend ---------------------------------------------------------------------------- */

Test(loop, a_kernel_that_forbids_io_uring_is_told_and_epoll_serves)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof rules / sizeof *rules, .filter = rules};
    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    ats_loop *loop = loop_with(ATS_LOOP_AUTO, OPTIONS);
    cr_expect_eq(ats_loop_backend_of(loop), ATS_LOOP_EPOLL);
    cr_expect_str_eq(ats_loop_backend_text(loop), "epoll: io_uring_setup: Operation not permitted");
    recorder r = new_recorder(loop);
    int peer = connected(loop, &r);
    cr_assert_eq(write(peer, "quote", 5), 5);
    TURN_UNTIL(loop, r.length == 5);
    close_loop(loop);

    ats_loop_options by_name = OPTIONS;
    by_name.backend = ATS_LOOP_URING;
    void *memory = aligned_alloc(4096, ats_loop_footprint(&by_name));
    cr_expect_eq(ats_loop_open(&loop, memory, &by_name), -1, "asked for by name, it is an error");
    cr_expect_not_null(strstr(ats_error_line(0), "io_uring_setup"), "%s", ats_error_line(0));
    cr_expect_null(loop);
    free(memory);
}

Test(loop, the_backend_asked_for_is_the_one_used)
{
    ats_loop *loop = loop_with(ATS_LOOP_URING, OPTIONS);
    cr_expect_eq(ats_loop_backend_of(loop), ATS_LOOP_URING);
    cr_expect_str_eq(ats_loop_backend_text(loop), "io_uring");
    close_loop(loop);
    loop = loop_with(ATS_LOOP_EPOLL, OPTIONS);
    cr_expect_eq(ats_loop_backend_of(loop), ATS_LOOP_EPOLL);
    cr_expect_str_eq(ats_loop_backend_text(loop), "epoll: asked for");
    close_loop(loop);
}

Test(loop, options_out_of_range_are_refused)
{
    struct {
        const char *what;
        ats_loop_options o;
    } bad[] = {
        {"no connection", {0, 0, 0, 4096, 64, 4096, false}},
        {"buffers not a power of two", {0, 1, 0, 4096, 63, 4096, false}},
        {"one buffer", {0, 1, 0, 4096, 1, 4096, false}},
        {"send ring not a power of two", {0, 1, 0, 4096, 64, 5000, false}},
        {"tiny receive buffer", {0, 1, 0, 8, 64, 4096, false}},
        {"no such backend", {3, 1, 0, 4096, 64, 4096, false}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ats_loop *loop;
        cr_expect_eq(ats_loop_footprint(&bad[i].o), 0, "%s", bad[i].what);
        cr_expect_eq(ats_loop_open(&loop, NULL, &bad[i].o), -1, "%s", bad[i].what);
    }
}

Test(loop, an_idle_io_uring_loop_makes_no_system_call)
{
    ats_loop *loop = loop_with(ATS_LOOP_URING, OPTIONS);
    recorder r = new_recorder(loop);
    int peer = connected(loop, &r);
    while (ats_loop_work(loop, 0))
        ;
    uint64_t enters = ats_loop_counted(loop)->enters;
    for (int i = 0; i < 10000; i++)
        ats_loop_work(loop, 0);
    cr_expect_eq(ats_loop_counted(loop)->enters, enters);
    cr_assert_eq(write(peer, "trade", 5), 5);
    for (int i = 0; i < 1000000 && r.length < 5; i++)
        ats_loop_work(loop, 0);
    cr_expect_eq(r.length, 5, "and yet sees what comes");
    cr_expect_leq(ats_loop_counted(loop)->enters, enters + 2);
    close_loop(loop);
}

/* ---- connections ---------------------------------------------------------------------------- */

BOTH(loop, bytes_go_both_ways_and_the_end_is_told)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop);
    int peer = connected(loop, &r);
    cr_assert(ats_loop_send(loop, r.conn, "order", 5));
    ats_loop_flush(loop);
    char text[8];
    cr_assert_eq(recv(peer, text, 5, MSG_WAITALL), 5);
    cr_expect_arr_eq(text, "order", 5);
    cr_assert_eq(write(peer, "fill", 4), 4);
    close(peer);
    TURN_UNTIL(loop, r.closed);
    cr_expect_eq(r.length, 4, "what came before the end is given before it");
    cr_expect_arr_eq(r.bytes, "fill", 4);
    cr_expect_eq(r.reason, ATS_CLOSE_PEER);
    cr_expect_not(ats_loop_send(loop, r.conn, "x", 1), "a stale connection takes nothing");
    cr_expect_eq(ats_loop_room(loop, r.conn), 0);
    close_loop(loop);
}

BOTH(loop, a_refused_connection_is_told_with_its_errno)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop);
    uint16_t port;
    close(peer_listen(&port));
    struct sockaddr_in address = loopback(port);
    r.conn = ats_loop_connect(loop, &r.user, (struct sockaddr *)&address, sizeof address);
    cr_assert_neq(r.conn, ATS_CONN_NONE);
    TURN_UNTIL(loop, r.closed);
    cr_expect_eq(r.opened, 0);
    cr_expect_eq(r.reason, ATS_CLOSE_CONNECT);
    cr_expect_eq(r.errnum, ECONNREFUSED);
    close_loop(loop);
}

BOTH(loop, a_reset_is_told_as_one)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop);
    peer_reset(connected(loop, &r));
    TURN_UNTIL(loop, r.closed);
    cr_expect_eq(r.reason, ATS_CLOSE_ERROR);
    cr_expect_eq(r.errnum, ECONNRESET);
    close_loop(loop);
}

BOTH(loop, a_write_to_a_peer_that_has_gone_fails_once)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop);
    int peer = connected(loop, &r);
    ats_loop_pause(loop, r.conn); /* so that only the write can tell */
    TURN_UNTIL(loop, ats_loop_wait(loop, 0) == 0);
    peer_reset(peer);
    for (int i = 0; i < 100 && !r.closed; i++) {
        ats_loop_send(loop, r.conn, "order", 5);
        ats_loop_wait(loop, SECOND_NS / 100);
    }
    cr_expect_eq(r.closed, 1);
    cr_expect_eq(r.reason, ATS_CLOSE_ERROR);
    cr_expect(r.errnum == EPIPE || r.errnum == ECONNRESET, "%d", r.errnum);
    close_loop(loop);
}

BOTH(loop, a_listener_serves_more_clients_over_time_than_it_has_slots)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop);
    r.echo = true;
    struct sockaddr_in any = loopback(0);
    ats_conn listener = ats_loop_listen(loop, &r.user, (struct sockaddr *)&any, sizeof any);
    uint16_t port = ats_loop_port(loop, listener);
    cr_assert_gt(port, 0);
    char text[8];
    for (uint32_t i = 1; i <= 100; i++) {
        int fd = peer_connect(port);
        cr_assert_eq(write(fd, "ping", 4), 4);
        TURN_UNTIL(loop, r.length == 4 * i);
        cr_assert_eq(recv(fd, text, 4, MSG_WAITALL), 4);
        close(fd);
        TURN_UNTIL(loop, r.closed == i);
    }
    cr_expect_eq(ats_loop_counted(loop)->accepted, 100);
    ats_loop_drop(loop, listener);
    TURN_UNTIL(loop, ats_loop_wait(loop, 0) == 0);
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_expect_eq(connect(fd, (struct sockaddr *)&address, sizeof address), -1,
                 "it listens no more");
    close_loop(loop);
}

BOTH(loop, a_client_too_many_is_closed_and_counted_and_the_others_live)
{
    ats_loop_options options = OPTIONS;
    options.connections = 3; /* the listener and two */
    ats_loop *loop = loop_with(backend, options);
    recorder r = new_recorder(loop);
    struct sockaddr_in any = loopback(0);
    ats_conn listener = ats_loop_listen(loop, &r.user, (struct sockaddr *)&any, sizeof any);
    uint16_t port = ats_loop_port(loop, listener);
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = peer_connect(port);
    TURN_UNTIL(loop, ats_loop_counted(loop)->accepts_refused == 1);
    char byte;
    cr_expect_leq(recv(fds[2], &byte, 1, 0), 0);
    cr_assert_eq(write(fds[0], "a", 1), 1);
    cr_assert_eq(write(fds[1], "b", 1), 1);
    TURN_UNTIL(loop, r.length == 2);
    cr_expect_eq(ats_loop_connect(loop, &r.user, (struct sockaddr *)&any, sizeof any),
                 ATS_CONN_NONE);
    cr_expect_not_null(strstr(ats_error_line(0), "slots"));
    close_loop(loop);
}

BOTH(loop, what_is_dropped_in_its_own_callback_is_gone)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop);
    r.drop_on_data = true;
    int peer = connected(loop, &r);
    cr_assert_eq(write(peer, "1", 1), 1);
    TURN_UNTIL(loop, r.length == 1);
    TURN_UNTIL(loop, ats_loop_wait(loop, 0) == 0);
    cr_expect_not(ats_loop_is_open(loop, r.conn));
    cr_expect_eq(r.closed, 0, "no callback after a drop");
    char byte;
    cr_expect_leq(recv(peer, &byte, 1, 0), 0, "the peer sees the end");
    recorder next = new_recorder(loop);
    int other = connected(loop, &next);
    cr_expect_neq(next.conn, r.conn, "a slot that is used again has another handle");
    ats_loop_drop(loop, r.conn); /* stale: must not touch its successor */
    cr_assert_eq(write(other, "2", 1), 1);
    TURN_UNTIL(loop, next.length == 1);
    close_loop(loop);
}

BOTH(loop, finish_sends_all_that_was_queued_and_then_the_end)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop);
    int peer = connected(loop, &r);
    uint8_t block[65536], got[65536];
    memset(block, 7, sizeof block);
    cr_assert(ats_loop_send(loop, r.conn, block, sizeof block));
    ats_loop_finish(loop, r.conn);
    cr_expect_not(ats_loop_send(loop, r.conn, "x", 1), "nothing after the end");
    size_t n = 0;
    for (ssize_t k = 1; k > 0; n += (size_t)k) {
        while (ats_loop_wait(loop, SECOND_NS / 1000))
            ;
        k = recv(peer, got, sizeof got, 0);
        cr_assert_geq(k, 0);
    }
    cr_expect_eq(n, sizeof block);
    cr_expect_eq(r.closed, 0, "the peer's side is still open");
    close(peer);
    TURN_UNTIL(loop, r.closed);
    cr_expect_eq(r.reason, ATS_CLOSE_PEER);
    close_loop(loop);
}

/* What the kernel still has of a connection (a write that no one takes, a connection that no one
 * answers) ends when it is dropped, and the loop closes. */
BOTH(loop, what_is_stuck_in_the_kernel_is_dropped_with_its_connection)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop), s = new_recorder(loop);
    int peer = connected(loop, &r);
    static uint8_t block[65536];
    for (int quiet = 0; quiet < 20;) {
        quiet = ats_loop_send(loop, r.conn, block, sizeof block) ? 0 : quiet + 1;
        ats_loop_wait(loop, SECOND_NS / 1000);
    }
    cr_assert_gt(ats_loop_queued(loop, r.conn), 0, "the peer reads nothing");

    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int full = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(full, (struct sockaddr *)&address, length), 0);
    cr_assert_eq(listen(full, 0), 0);
    cr_assert_eq(getsockname(full, (struct sockaddr *)&address, &length), 0);
    int takes_the_place = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(takes_the_place, (struct sockaddr *)&address, length), 0);
    s.conn = ats_loop_connect(loop, &s.user, (struct sockaddr *)&address, length);
    for (int i = 0; i < 20; i++)
        ats_loop_wait(loop, SECOND_NS / 1000);
    cr_assert_eq(s.opened + s.closed, 0, "no one answers");

    ats_loop_drop(loop, r.conn);
    ats_loop_drop(loop, s.conn);
    TURN_UNTIL(loop, ats_loop_wait(loop, SECOND_NS / 100) == 0);
    while (recv(peer, block, sizeof block, 0) > 0) /* what the kernel had taken, and the end */
        ;
    recorder next = new_recorder(loop);
    ats_loop_drop(loop, r.conn);
    connected(loop, &next);
    for (uint32_t i = 0; i < 4; i++) /* and once more by closing the loop */
        ats_loop_send(loop, next.conn, block, sizeof block);
    uint64_t begun = ats_clock_monotonic_ns();
    close_loop(loop);
    cr_expect_lt(ats_clock_monotonic_ns() - begun, SECOND_NS);
}

/* ---- order and pressure --------------------------------------------------------------------- */

/* Pieces of odd sizes through a small send ring into a small socket that is read slowly: every
 * write is a short one, and the bytes come in order. */
BOTH(loop, order_survives_short_writes_and_a_slow_reader)
{
    ats_loop_options options = OPTIONS;
    options.send_bytes = 8192;
    ats_loop *loop = loop_with(backend, options);
    recorder r = new_recorder(loop);
    int peer = connected(loop, &r);
    int small = 65536;
    setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    ats_random random;
    ats_random_seed(&random, 1);
    const size_t total = 1u << 20;
    size_t sent = 0, got = 0;
    uint32_t refusals = 0;
    uint8_t piece[8192], taken[3000];
    uint64_t begun = ats_clock_monotonic_ns();
    while (got < total) {
        cr_assert_lt(ats_clock_monotonic_ns() - begun, 30 * SECOND_NS);
        while (sent < total) {
            size_t n = 1 + ats_random_below(&random, sizeof piece);
            n = n < total - sent ? n : total - sent;
            for (size_t i = 0; i < n; i++)
                piece[i] = (uint8_t)((sent + i) * 31 >> 3);
            if (!ats_loop_send(loop, r.conn, piece, n)) {
                refusals++;
                break;
            }
            sent += n;
        }
        ats_loop_wait(loop, 0);
        ssize_t n = recv(peer, taken, 1 + ats_random_below(&random, sizeof taken), MSG_DONTWAIT);
        for (ssize_t i = 0; i < n; i++, got++)
            cr_assert_eq(taken[i], (uint8_t)(got * 31 >> 3), "byte %zu", got);
    }
    cr_expect_gt(refusals, 10);
    cr_expect_gt(r.writable, 10, "room was told");
    cr_expect_eq(ats_loop_counted(loop)->sent_bytes, total);
    close_loop(loop);
}

/* A user that takes a few bytes, pauses, and resumes later: nothing is lost, doubled or turned
 * round, and while it is paused the loop stops reading so that the sender stands. */
BOTH(loop, a_paused_connection_stops_its_sender_and_loses_nothing)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop);
    int peer = connected(loop, &r);
    fcntl(peer, F_SETFL, O_NONBLOCK);
    r.take = 1000;
    uint8_t block[4096];
    size_t sent = 0, stood_at = 0;
    for (int quiet = 0; quiet < 50;) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (uint8_t)((sent + i) * 17 >> 4);
        ssize_t n = write(peer, block, sizeof block);
        sent += n > 0 ? (size_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        ats_loop_wait(loop, n > 0 ? 0 : SECOND_NS / 1000);
    }
    stood_at = sent;
    cr_expect_leq(r.length, 1000, "one call, then the pause");
    cr_expect_lt(stood_at, 64u << 20, "the sender stands");
    cr_expect_leq(ats_loop_counted(loop)->received_bytes, 64 * 4096, "in the loop's own buffers");
    for (int i = 0; r.length < stood_at; i++) {
        cr_assert_lt(i, 200000);
        r.take = i % 7 ? 5000 : 0;
        ats_loop_resume(loop, r.conn);
        ats_loop_wait(loop, SECOND_NS / 100);
    }
    cr_assert_eq(r.length, stood_at);
    for (size_t i = 0; i < stood_at; i++)
        cr_assert_eq(r.bytes[i], (uint8_t)(i * 17 >> 4), "byte %zu", i);
    r.take = 1;
    cr_assert_eq(write(peer, "ab", 2), 2);
    close(peer);
    ats_loop_resume(loop, r.conn);
    TURN_UNTIL(loop, r.length == stood_at + 1);
    for (int i = 0; i < 10; i++)
        ats_loop_wait(loop, SECOND_NS / 1000);
    cr_expect_eq(r.closed, 0, "the end waits behind what is held");
    r.take = 0;
    ats_loop_resume(loop, r.conn);
    TURN_UNTIL(loop, r.closed);
    cr_expect_eq(r.length, stood_at + 2);
    cr_expect_eq(r.reason, ATS_CLOSE_PEER);
    close_loop(loop);
}

BOTH(loop, a_paused_loop_sleeps_though_its_peer_has_gone)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop);
    int peer = connected(loop, &r);
    ats_loop_pause(loop, r.conn);
    close(peer);
    for (int i = 0; i < 10; i++)
        ats_loop_wait(loop, SECOND_NS / 1000);
    uint64_t before = ats_loop_counted(loop)->enters, begun = ats_clock_monotonic_ns();
    ats_loop_wait(loop, SECOND_NS / 20);
    cr_expect_geq(ats_clock_monotonic_ns() - begun, SECOND_NS / 25, "it slept");
    cr_expect_leq(ats_loop_counted(loop)->enters, before + 2);
    ats_loop_resume(loop, r.conn);
    TURN_UNTIL(loop, r.closed);
    close_loop(loop);
}

BOTH(loop, who_finds_no_receive_buffer_gets_one_later)
{
    ats_loop_options options = OPTIONS;
    options.receive_buffers = 2;
    options.receive_bytes = 64;
    ats_loop *loop = loop_with(backend, options);
    recorder a = new_recorder(loop), b = new_recorder(loop);
    int peer_a = connected(loop, &a), peer_b = connected(loop, &b);
    a.take = 1;
    uint8_t block[128] = {0};
    cr_assert_eq(write(peer_a, block, 64), 64);
    TURN_UNTIL(loop, a.length == 1); /* it is paused and holds one of the two */
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(write(peer_b, block, sizeof block), (ssize_t)sizeof block);
        TURN_UNTIL(loop, b.length == sizeof block * (size_t)(i + 1));
    }
    cr_assert_eq(write(peer_a, block, sizeof block), (ssize_t)sizeof block);
    a.take = 0;
    ats_loop_resume(loop, a.conn);
    TURN_UNTIL(loop, a.length == 64 + sizeof block);
    close_loop(loop);
}

BOTH(loop, all_buffers_held_starve_the_others_until_one_comes_back)
{
    ats_loop_options options = OPTIONS;
    options.receive_buffers = 2;
    options.receive_bytes = 64;
    ats_loop *loop = loop_with(backend, options);
    recorder a = new_recorder(loop), b = new_recorder(loop), c = new_recorder(loop);
    int peer_a = connected(loop, &a), peer_b = connected(loop, &b), peer_c = connected(loop, &c);
    uint8_t block[64] = {0};
    a.take = b.take = 1;
    cr_assert_eq(write(peer_a, block, 64), 64);
    cr_assert_eq(write(peer_b, block, 64), 64);
    TURN_UNTIL(loop, a.length == 1 && b.length == 1);
    cr_assert_eq(write(peer_c, block, 64), 64);
    TURN_UNTIL(loop, ats_loop_counted(loop)->starved > 0);
    cr_expect_eq(c.length, 0);
    a.take = 0;
    ats_loop_resume(loop, a.conn);
    TURN_UNTIL(loop, a.length == 64 && c.length == 64);
    close_loop(loop);
}

BOTH(loop, a_byte_at_a_time_is_all_the_bytes)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop);
    int peer = connected(loop, &r), on = 1;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (int i = 0; i < 2000; i++) {
        uint8_t byte = (uint8_t)i;
        cr_assert_eq(write(peer, &byte, 1), 1);
        if (i % 3 == 0)
            ats_loop_work(loop, 0);
    }
    TURN_UNTIL(loop, r.length == 2000);
    for (int i = 0; i < 2000; i++)
        cr_assert_eq(r.bytes[i], (uint8_t)i);
    close_loop(loop);
}

Test(loop, a_literal_and_a_name_are_resolved_and_an_impossible_one_is_an_error)
{
    ats_address found[4];
    cr_assert_eq(ats_resolve("127.0.0.1", 4711, found, 4), 1);
    struct sockaddr_in want = loopback(4711);
    cr_expect_eq(found[0].length, sizeof want);
    cr_expect_arr_eq(&found[0].address, &want, sizeof want);
    cr_expect_geq(ats_resolve("localhost", 1, found, 4), 1);
    cr_expect_eq(ats_resolve("no blanks in names.invalid", 1, found, 4), -1);
    cr_expect_eq(ats_error_code(), ATS_EXIT_UNREACHABLE);
}

/* ---- stamps --------------------------------------------------------------------------------- */

BOTH(loop, the_kernels_stamp_is_of_the_arrival_not_of_the_reading)
{
    ats_loop_options options = OPTIONS;
    options.kernel_timestamps = true;
    ats_loop *loop = loop_with(backend, options);
    recorder r = new_recorder(loop);
    int peer = connected(loop, &r);
    int64_t before = 0, after = 0;
    /* The machine begins to stamp a moment after the first socket has asked. */
    for (size_t i = 1; i < 50 && !r.from_kernel; i++) {
        before = ats_clock_wall_ns();
        cr_assert_eq(write(peer, "quote", 5), 5);
        after = ats_clock_wall_ns();
        usleep(50000);
        TURN_UNTIL(loop, r.length == 5 * i);
    }
    cr_expect(r.from_kernel);
    cr_expect_geq(r.recv_ns, before);
    cr_expect_lt(r.recv_ns, after + 40000000, "%ld ns late", (long)(r.recv_ns - after));
    close_loop(loop);
}

BOTH(loop, without_the_kernels_stamp_it_is_the_reading)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    recorder r = new_recorder(loop);
    int peer = connected(loop, &r);
    cr_assert_eq(write(peer, "quote", 5), 5);
    usleep(20000);
    int64_t before = ats_clock_wall_ns();
    TURN_UNTIL(loop, r.length == 5);
    cr_expect_not(r.from_kernel);
    cr_expect_geq(r.recv_ns, before);
    cr_expect_leq(r.recv_ns, ats_clock_wall_ns());
    close_loop(loop);
}

/* ---- watches -------------------------------------------------------------------------------- */

typedef struct watcher {
    ats_loop_user user;
    uint32_t calls, events;
} watcher;

static void count_ready(ats_loop_user *user, ats_conn conn, uint32_t events)
{
    (void)conn;
    ((watcher *)user)->calls++;
    ((watcher *)user)->events = events;
}

static const ats_loop_callbacks WATCH = {.ready = count_ready};

BOTH(loop, a_watch_tells_again_as_long_as_it_is_so)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    watcher w = {.user = {&WATCH}};
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    ats_conn conn = ats_loop_watch(loop, &w.user, ends[0], POLLIN);
    for (int i = 0; i < 5; i++)
        ats_loop_wait(loop, SECOND_NS / 1000);
    cr_expect_eq(w.calls, 0);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    TURN_UNTIL(loop, w.calls >= 3);
    cr_expect(w.events & POLLIN);
    ats_loop_watch_change(loop, conn, 0);
    TURN_UNTIL(loop, ats_loop_wait(loop, 0) == 0);
    uint32_t calls = w.calls;
    for (int i = 0; i < 5; i++)
        ats_loop_wait(loop, SECOND_NS / 1000);
    cr_expect_eq(w.calls, calls, "nothing is asked for");
    ats_loop_watch_change(loop, conn, POLLIN);
    TURN_UNTIL(loop, w.calls > calls);
    ats_loop_drop(loop, conn);
    TURN_UNTIL(loop, ats_loop_wait(loop, 0) == 0);
    calls = w.calls;
    char byte;
    cr_expect_eq(read(ends[0], &byte, 1), 1, "the descriptor is still its owner's");
    ats_conn both = ats_loop_watch(loop, &w.user, ends[1], POLLOUT);
    TURN_UNTIL(loop, w.calls > calls && w.events & POLLOUT);
    close(ends[0]);
    TURN_UNTIL(loop, w.events & POLLERR);
    ats_loop_drop(loop, both);
    close(ends[1]);
    close_loop(loop);
}

/* ---- timers --------------------------------------------------------------------------------- */

typedef struct alarm_clock {
    ats_loop_timer timer;
    ats_loop *loop;
    uint64_t fired_ns, order;
    struct alarm_clock *kills;
    uint64_t again_ns;
} alarm_clock;

static uint64_t fired;

static void ring(ats_loop_timer *timer, uint64_t now_ns)
{
    alarm_clock *a = (alarm_clock *)timer;
    cr_assert_geq(now_ns, timer->deadline_ns);
    a->fired_ns = timer->deadline_ns;
    a->order = ++fired;
    if (a->kills)
        ats_loop_timer_unset(a->loop, &a->kills->timer);
    if (a->again_ns)
        ats_loop_timer_set(a->loop, timer, timer->deadline_ns + a->again_ns);
}

/* Against a table that is searched for its least each time. */
Test(loop, timers_fire_in_order_however_they_were_set_moved_and_unset)
{
    ats_loop *loop = loop_with(ATS_LOOP_EPOLL, OPTIONS);
    alarm_clock alarms[64];
    uint64_t due[64];
    ats_random random;
    ats_random_seed(&random, 2);
    for (int i = 0; i < 64; i++) {
        alarms[i] = (alarm_clock){.timer.fire = ring, .loop = loop};
        due[i] = UINT64_MAX;
    }
    uint64_t now = 1000;
    for (int step = 0; step < 20000; step++) {
        int i = (int)ats_random_below(&random, 64);
        switch (ats_random_below(&random, 3)) {
        case 0:
            due[i] = now + 1 + ats_random_below(&random, 1000);
            ats_loop_timer_set(loop, &alarms[i].timer, due[i]);
            break;
        case 1:
            ats_loop_timer_unset(loop, &alarms[i].timer);
            due[i] = UINT64_MAX;
            break;
        default:
            now += ats_random_below(&random, 50);
            ats_loop_work(loop, now);
            uint64_t last = 0;
            for (int k = 0; k < 64; k++) {
                cr_assert_eq(alarms[k].fired_ns != 0, due[k] <= now, "timer %d", k);
                if (due[k] > now)
                    continue;
                cr_assert_eq(alarms[k].fired_ns, due[k]);
                for (int m = 0; m < 64; m++)
                    if (alarms[m].fired_ns && alarms[m].order < alarms[k].order)
                        cr_assert_leq(alarms[m].fired_ns, alarms[k].fired_ns);
                last = due[k] > last ? due[k] : last;
            }
            for (int k = 0; k < 64; k++) {
                if (alarms[k].fired_ns)
                    due[k] = UINT64_MAX;
                alarms[k].fired_ns = 0;
            }
        }
        uint64_t least = UINT64_MAX;
        for (int k = 0; k < 64; k++)
            least = due[k] < least ? due[k] : least;
        cr_assert_eq(ats_loop_timer_next(loop), least);
    }
    close_loop(loop);
}

Test(loop, a_firing_timer_may_unset_another_and_set_itself)
{
    ats_loop *loop = loop_with(ATS_LOOP_EPOLL, OPTIONS);
    alarm_clock victim = {.timer.fire = ring, .loop = loop};
    alarm_clock killer = {.timer.fire = ring, .loop = loop, .kills = &victim};
    alarm_clock beat = {.timer.fire = ring, .loop = loop, .again_ns = 10};
    ats_loop_timer_set(loop, &victim.timer, 200);
    ats_loop_timer_set(loop, &killer.timer, 100);
    ats_loop_timer_set(loop, &beat.timer, 90);
    fired = 0;
    ats_loop_work(loop, 300);
    cr_expect_eq(victim.fired_ns, 0);
    cr_expect_eq(killer.fired_ns, 100);
    cr_expect_gt(beat.fired_ns, 0);
    cr_expect_leq(fired, 4, "one that sets itself does not hold the turn for ever");
    close_loop(loop);
}

BOTH(loop, a_wait_ends_when_the_timer_is_due)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    alarm_clock a = {.timer.fire = ring, .loop = loop};
    uint64_t begun = ats_clock_monotonic_ns();
    ats_loop_timer_set(loop, &a.timer, begun + 30000000);
    TURN_UNTIL(loop, a.fired_ns);
    uint64_t took = ats_clock_monotonic_ns() - begun;
    cr_expect_geq(took, 30000000u);
    cr_expect_lt(took, SECOND_NS);
    close_loop(loop);
}
