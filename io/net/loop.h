/* loop.h: sockets and timers of one thread.
 *
 * A loop belongs to the thread that opened it; every function here is called from that thread, and
 * so is every callback. All memory is the caller's and is laid out when the loop is opened; after
 * that nothing is allocated.
 *
 * Two backends do the same. io_uring: one armed receive a connection stays armed (multishot) and
 * takes its buffers from a ring that we refill; a look at an idle loop reads two words of shared
 * memory and makes no system call. epoll: where the kernel has no io_uring or forbids it, chosen
 * when the loop is opened; ats_loop_backend_text tells why.
 *
 * Order of writes: what is sent on a connection is copied into its own send ring, and one write is
 * in flight at a time that takes all that lies there in one piece. A short write is followed by one
 * of the rest. (Linked writes would be cut by a short one, and would not be fewer calls.)
 * Registered buffers are not used for sending: without zero-copy they save a page lookup that a
 * copy of a few hundred bytes does not have, and zero-copy pays from about 10 KB.
 *
 * Back-pressure: a user that cannot take more pauses its connection; the loop stops reading the
 * socket, keeps what had been read already (a connection can then hold every receive buffer that
 * had been filled for it), and gives it first after the connection is resumed.
 *
 * Names are resolved before connecting, on a cold thread: io/net/resolve.h.
 */
#ifndef ATS_IO_NET_LOOP_H
#define ATS_IO_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct ats_loop ats_loop;

/* A connection, a listener or a watched descriptor: slot and generation, so that one that is gone
 * is never taken for its successor. Functions answer a stale one as a closed connection. */
typedef uint64_t ats_conn;
#define ATS_CONN_NONE ((ats_conn)0)

typedef enum ats_loop_backend {
    ATS_LOOP_AUTO = 0, /* io_uring where it works, else epoll */
    ATS_LOOP_URING = 1,
    ATS_LOOP_EPOLL = 2
} ats_loop_backend;

typedef struct ats_loop_options {
    ats_loop_backend backend;
    uint32_t connections;     /* slots: connections, listeners and watched descriptors; 1..65536 */
    uint32_t timers;          /* set at a time; 0..65536 */
    uint32_t receive_bytes;   /* of one receive buffer; 64..1 MiB */
    uint32_t receive_buffers; /* of all connections together; a power of two, 2..32768 */
    uint32_t send_bytes;      /* of a connection's send ring; a power of two, 64..64 MiB */
    bool kernel_timestamps;   /* stamp arrivals in the kernel (SO_TIMESTAMPNS) */
} ats_loop_options;

typedef enum ats_close_reason {
    ATS_CLOSE_PEER = 0,    /* the peer ended its side; all it had sent was given before */
    ATS_CLOSE_ERROR = 1,   /* the connection broke: errnum */
    ATS_CLOSE_CONNECT = 2, /* it could not be made, or a listener cannot accept: errnum */
    ATS_CLOSE_REASON_COUNT = 3
} ats_close_reason;

/* "ended by the peer" and so on; a constant. */
const char *ats_close_reason_text(ats_close_reason reason);

/* What arrived. recv_ns is UTC. from_kernel: it is the kernel's stamp of the last segment in these
 * bytes (the network interface's driver handed it over then; the first socket of a machine that
 * asks for stamps gets them some ms later). Otherwise it is CLOCK_REALTIME of the call that found
 * them: all that waited in the socket before that is not in it. */
typedef struct ats_loop_data {
    uint8_t *bytes; /* the receive buffer itself: may be changed, is gone after the call */
    size_t length;
    int64_t recv_ns;
    bool from_kernel;
} ats_loop_data;

/* Whoever owns connections begins with this and gets it back in each callback. Callbacks that
 * cannot come may be NULL. In a callback everything may be called, ats_loop_drop of this and of
 * other connections too, but not ats_loop_work, _wait and _close. */
typedef struct ats_loop_user ats_loop_user;

typedef struct ats_loop_callbacks {
    /* A listener took a connection, which is open. Returns its owner; NULL: drop it. */
    ats_loop_user *(*accepted)(ats_loop_user *user, ats_conn listener, ats_conn conn);
    void (*opened)(ats_loop_user *user, ats_conn conn); /* ats_loop_connect has succeeded */
    /* Returns how many bytes were taken: all, unless the connection was paused in this call; the
     * rest then comes again. What is returned for a dropped connection does not matter. */
    size_t (*data)(ats_loop_user *user, ats_conn conn, const ats_loop_data *data);
    /* A send was refused, and there is room for it now. */
    void (*writable)(ats_loop_user *user, ats_conn conn);
    /* A watched descriptor is ready: POLLIN, POLLOUT, POLLERR, POLLHUP. */
    void (*ready)(ats_loop_user *user, ats_conn conn, uint32_t events);
    /* It is gone; conn is stale. Not called after ats_loop_drop. errnum: 0 where there is none. */
    void (*closed)(ats_loop_user *user, ats_conn conn, ats_close_reason reason, int errnum);
} ats_loop_callbacks;

struct ats_loop_user {
    const ats_loop_callbacks *on;
};

/* A timer lies in its owner's memory and must stay there while it is set. */
typedef struct ats_loop_timer ats_loop_timer;
struct ats_loop_timer {
    void (*fire)(ats_loop_timer *timer, uint64_t now_ns); /* it is unset by then */
    uint64_t deadline_ns;                                 /* CLOCK_MONOTONIC */
    uint32_t place;                                       /* in the heap, from 1; 0: not set */
};

typedef struct ats_loop_counters {
    uint64_t receives, received_bytes;
    uint64_t sends, sent_bytes;
    uint64_t accepted;
    uint64_t accepts_refused; /* no slot was free: closed at once */
    uint64_t starved;         /* times a connection found no receive buffer, and waited for one */
    uint64_t enters;          /* system calls of the backend */
} ats_loop_counters;

/* Bytes for a loop; 0 when the options are out of range. */
size_t ats_loop_footprint(const ats_loop_options *options);

/* Lays a loop into `memory` of ats_loop_footprint bytes, zeroed, aligned to a page. 0 with *out
 * set, or -1 with an error pushed: options out of range, or the backend that was asked for by name
 * does not work here. */
int ats_loop_open(ats_loop **out, void *memory, const ats_loop_options *options);

/* Drops everything without callbacks and waits until the kernel has let go of the memory. NULL is
 * allowed. */
void ats_loop_close(ats_loop *loop);

/* The backend in use, and "io_uring" or "epoll: io_uring_setup: Operation not permitted". */
ats_loop_backend ats_loop_backend_of(const ats_loop *loop);
const char *ats_loop_backend_text(const ats_loop *loop);

/* One turn: submits what was sent, handles what is there, fires the timers due at now_ns
 * (CLOCK_MONOTONIC), submits what those sent. Never waits. Returns how much it did; 0: the stage's
 * runner decides how to wait. Hot. */
uint32_t ats_loop_work(ats_loop *loop, uint64_t now_ns);

/* The same, but sleeps until something happens, the next timer is due, or timeout_ns have passed.
 * Reads the clock itself. For cold threads. */
uint32_t ats_loop_wait(ats_loop *loop, uint64_t timeout_ns);

/* ---- connections ---------------------------------------------------------------------------- */

/* Begins to connect a TCP or Unix stream socket: `opened` or `closed` follows, never within this
 * call. TCP is set to TCP_NODELAY. No time-out of its own: set a timer and drop it. ATS_CONN_NONE
 * with an error pushed: no slot, no socket. Cold. */
ats_conn ats_loop_connect(ats_loop *loop, ats_loop_user *user, const struct sockaddr *address,
                          socklen_t length);

/* Takes over a connected socket, which is set to non-blocking; the loop closes it. Cold. */
ats_conn ats_loop_adopt(ats_loop *loop, ats_loop_user *user, int fd);

/* Listens; port 0 lets the kernel choose. ATS_CONN_NONE with an error pushed. Cold. */
ats_conn ats_loop_listen(ats_loop *loop, ats_loop_user *user, const struct sockaddr *address,
                         socklen_t length);

/* Local TCP port of a connection or listener; 0: none. Cold. */
uint16_t ats_loop_port(const ats_loop *loop, ats_conn conn);

/* Watches a descriptor that someone else reads, writes and closes, for any of POLLIN | POLLOUT, as
 * poll(2) would tell it: again as long as it is so. Before it is closed, drop the watch. Cold. */
ats_conn ats_loop_watch(ats_loop *loop, ats_loop_user *user, int fd, uint32_t events);
void ats_loop_watch_change(ats_loop *loop, ats_conn conn, uint32_t events);

/* The descriptor of a watch; -1: it is gone. */
int ats_loop_watched(const ats_loop *loop, ats_conn conn);

/* Copies n bytes (n <= send_bytes) behind what is queued; they leave at the next ats_loop_flush,
 * _work or _wait, at the latest at the end of the turn in which this was called. All or nothing:
 * false when there is no room (`writable` comes later) or the connection is closed or finishing.
 * Hot. */
bool ats_loop_send(ats_loop *loop, ats_conn conn, const void *bytes, size_t n);

/* Asks for `writable` once n bytes have room, as a refused send of n does. */
void ats_loop_await_room(ats_loop *loop, ats_conn conn, size_t n);

/* Bytes that a send would take now; and that wait to be taken by the kernel. 0 for a closed one. */
size_t ats_loop_room(const ats_loop *loop, ats_conn conn);
size_t ats_loop_queued(const ats_loop *loop, ats_conn conn);

/* Hands to the kernel what was sent so far. For a caller that is not in a callback. Hot. */
void ats_loop_flush(ats_loop *loop);

/* Stops reading, and reads again. Idempotent. After resume, what was kept comes in the next turn.
 */
void ats_loop_pause(ats_loop *loop, ats_conn conn);
void ats_loop_resume(ats_loop *loop, ats_conn conn);

/* Ends our side once all that was queued has left (shutdown(2) of writing); more cannot be sent.
 * The peer's end comes as `closed`; there is no time-out. */
void ats_loop_finish(ats_loop *loop, ats_conn conn);

/* Closes at once; what was queued and not yet written is lost. No callback follows. For a watch the
 * descriptor stays open. */
void ats_loop_drop(ats_loop *loop, ats_conn conn);

bool ats_loop_is_open(const ats_loop *loop, ats_conn conn);
const ats_loop_counters *ats_loop_counted(const ats_loop *loop);

/* ---- timers --------------------------------------------------------------------------------- */

/* Sets a timer, or moves one that is set. Timers of one turn fire in the order of their deadlines.
 * More than `timers` set at a time is a broken invariant. Hot: O(log timers). */
void ats_loop_timer_set(ats_loop *loop, ats_loop_timer *timer, uint64_t deadline_ns);
void ats_loop_timer_unset(ats_loop *loop, ats_loop_timer *timer);

/* Deadline of the first timer; UINT64_MAX: none is set. */
uint64_t ats_loop_timer_next(const ats_loop *loop);

#endif
