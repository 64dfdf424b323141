#include "core/clock.h"
#include "io/net/loop_parts.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A burst of writes and re-armed receives between two submissions; when it is full, we submit. */
#define SUBMISSIONS 256
/* Completions that may wait between two turns: a write and several receives a connection. The
 * kernel keeps what does not fit, and we fetch it (IORING_SQ_CQ_OVERFLOW). */
#define COMPLETIONS 4096

#define BUFFER_GROUP 0

static_assert(sizeof(struct io_uring_recvmsg_out) + ATS_LOOP_CONTROL_BYTES <= ATS_LOOP_HEAD_BYTES,
              "the kernel's head of a received message fits before the payload");
static_assert(sizeof(struct io_uring_buf) == 16, "loop.c lays out 16 bytes an entry");

/* user_data of an operation: which slot it is for and what it does. A slot is not used again before
 * the kernel has answered all of its operations, so no generation is needed. */
typedef enum operation {
    OP_CONNECT = 1,
    OP_RECEIVE = 2,
    OP_ACCEPT = 3,
    OP_POLL = 4,
    OP_WRITE = 5,
    OP_CANCEL = 6
} operation;

size_t ats_loop_uring_footprint(void)
{
    return sizeof(struct io_uring);
}

/* ---- submissions ---------------------------------------------------------------------------- */

static void submit(ats_loop *loop)
{
    if (io_uring_sq_ready(loop->uring) == 0)
        return;
    loop->counters.enters++;
    int result = io_uring_submit(loop->uring);
    assert((result >= 0 || result == -EINTR || result == -EAGAIN || result == -EBUSY) &&
           "submitting failed: is this the thread that opened the loop?");
}

static struct io_uring_sqe *prepare(ats_loop *loop)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(loop->uring);
    while (!sqe) {
        submit(loop);
        sqe = io_uring_get_sqe(loop->uring);
    }
    return sqe;
}

static void own(ats_loop *loop, struct io_uring_sqe *sqe, uint32_t index, operation op)
{
    io_uring_sqe_set_data64(sqe, (uint64_t)index << 8 | op);
    loop->slots[index].operations++;
}

static void cancel(ats_loop *loop, uint32_t index, operation op)
{
    struct io_uring_sqe *sqe = prepare(loop);
    io_uring_prep_cancel64(sqe, (uint64_t)index << 8 | op, 0);
    own(loop, sqe, index, OP_CANCEL);
}

static void arm_receive(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    struct io_uring_sqe *sqe = prepare(loop);
    if (loop->options.kernel_timestamps)
        io_uring_prep_recvmsg_multishot(sqe, slot->fd, &loop->receive_template, 0);
    else
        io_uring_prep_recv_multishot(sqe, slot->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    own(loop, sqe, index, OP_RECEIVE);
    slot->receiving = true;
}

static void arm(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    if (slot->kind == ATS_SLOT_STREAM && !slot->connecting) {
        if (!slot->receiving && !slot->starving && !slot->ended)
            arm_receive(loop, index);
        return;
    }
    if (slot->receiving)
        return; /* a watch's poll that is being cancelled is armed anew by its answer */
    if (slot->kind == ATS_SLOT_WATCH && slot->events == 0)
        return;
    struct io_uring_sqe *sqe = prepare(loop);
    slot->receiving = slot->kind != ATS_SLOT_STREAM;
    if (slot->kind == ATS_SLOT_WATCH) {
        io_uring_prep_poll_add(sqe, slot->fd, slot->events);
        own(loop, sqe, index, OP_POLL);
    } else if (slot->kind == ATS_SLOT_LISTENER) {
        io_uring_prep_multishot_accept(sqe, slot->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        own(loop, sqe, index, OP_ACCEPT);
    } else {
        io_uring_prep_connect(sqe, slot->fd, (struct sockaddr *)&slot->peer, slot->peer_length);
        own(loop, sqe, index, OP_CONNECT);
    }
}

static void disarm(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    if (slot->receiving)
        cancel(loop, index, slot->kind == ATS_SLOT_WATCH ? OP_POLL : OP_RECEIVE);
}

static void write_some(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    uint8_t *bytes;
    uint32_t n = ats_loop_slot_piece(loop, slot, &bytes);
    struct io_uring_sqe *sqe = prepare(loop);
    io_uring_prep_send(sqe, slot->fd, bytes, n, MSG_NOSIGNAL);
    own(loop, sqe, index, OP_WRITE);
    slot->sending = true;
}

static void refuse(ats_loop *loop, uint32_t index)
{
    (void)loop; /* a write is in flight or waits to be: its answer tells of room */
    (void)index;
}

/* The descriptor is closed and the slot free when the kernel has answered for all operations. */
static void release(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    if (slot->operations > 0) {
        struct io_uring_sqe *sqe = prepare(loop);
        if (slot->kind == ATS_SLOT_WATCH) /* its descriptor may be in another slot as well */
            io_uring_prep_cancel64(sqe, (uint64_t)index << 8 | OP_POLL, 0);
        else
            io_uring_prep_cancel_fd(sqe, slot->fd, IORING_ASYNC_CANCEL_ALL);
        own(loop, sqe, index, OP_CANCEL);
        submit(loop); /* at once: the owner of a watched descriptor is about to close it */
        return;
    }
    if (slot->kind != ATS_SLOT_WATCH)
        close(slot->fd);
    ats_loop_free_slot(loop, index);
}

static void give_back(ats_loop *loop, uint32_t buffer)
{
    bool message = loop->options.kernel_timestamps;
    uint32_t at = message ? 0 : loop->payload_at;
    struct io_uring_buf_ring *ring = loop->buffer_ring;
    io_uring_buf_ring_add(ring, ats_loop_payload(loop, buffer) + at,
                          loop->options.receive_bytes + (message ? loop->payload_at : 0),
                          (unsigned short)buffer,
                          io_uring_buf_ring_mask(loop->options.receive_buffers), 0);
    io_uring_buf_ring_advance(ring, 1);
    loop->given_back = true;
}

/* ---- completions ---------------------------------------------------------------------------- */

/* Where the payload lies in the buffer that was filled, and its stamp. */
static void unwrap(ats_loop *loop, uint32_t number, int32_t filled, int64_t now_ns)
{
    ats_loop_buffer *b = &loop->buffers[number];
    b->from = loop->payload_at;
    b->to = loop->payload_at + (uint32_t)filled;
    if (!loop->options.kernel_timestamps) {
        ats_loop_stamp(b, NULL, now_ns);
        return;
    }
    struct msghdr *template = &loop->receive_template;
    struct io_uring_recvmsg_out *out =
        io_uring_recvmsg_validate(ats_loop_payload(loop, number), filled, template);
    assert(out && "the kernel wrote less than its own head");
    b->from = (uint32_t)((uint8_t *)io_uring_recvmsg_payload(out, template) - (uint8_t *)out);
    b->to = b->from + io_uring_recvmsg_payload_length(out, filled, template);
    struct msghdr message = {.msg_control = io_uring_recvmsg_cmsg_firsthdr(out, template),
                             .msg_controllen = out->controllen};
    ats_loop_stamp(b, &message, now_ns);
}

static void has_received(ats_loop *loop, uint32_t index, const struct io_uring_cqe *cqe,
                         int64_t now_ns)
{
    ats_loop_slot *slot = &loop->slots[index];
    uint32_t generation = slot->generation;
    int32_t result = cqe->res;
    if (cqe->flags & IORING_CQE_F_BUFFER) {
        uint32_t number = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        ats_loop_buffer *b = &loop->buffers[number];
        if (result > 0 && !slot->closing)
            unwrap(loop, number, result, now_ns);
        if (result > 0 && !slot->closing && b->to > b->from) {
            ats_loop_has_received(loop, index, number);
        } else {
            give_back(loop, number);
            if (result > 0 && !slot->closing && !slot->ended)
                ats_loop_has_ended(loop, index);
        }
    } else if (result == 0 && !slot->closing) {
        ats_loop_has_ended(loop, index);
    }
    if (slot->closing || slot->generation != generation || slot->receiving)
        return;
    if (result == -ENOBUFS) {
        slot->starving = true;
        loop->starving_count++;
        loop->counters.starved++;
    } else if (result < 0 && result != -ECANCELED && result != -EINTR && result != -EAGAIN) {
        ats_loop_has_failed(loop, index, -result);
    } else if (!slot->paused && !slot->ended) {
        arm_receive(loop, index);
    }
}

static void has_accepted(ats_loop *loop, uint32_t index, int32_t result)
{
    ats_loop_slot *slot = &loop->slots[index];
    if (result >= 0 && slot->closing)
        close(result);
    else if (result >= 0)
        ats_loop_has_accepted(loop, index, result);
    if (slot->closing || slot->receiving)
        return;
    if (result == -EINVAL || result == -EBADF)
        ats_loop_has_failed(loop, index, -result);
    else /* out of descriptors and the like: transient */
        arm(loop, index);
}

static void has_polled(ats_loop *loop, uint32_t index, int32_t result)
{
    ats_loop_slot *slot = &loop->slots[index];
    uint32_t generation = slot->generation;
    if (slot->closing)
        return;
    if (result > 0 && ((uint32_t)result & (slot->events | POLLERR | POLLHUP)))
        ats_loop_is_ready(loop, index, (uint32_t)result);
    if (slot->generation == generation && !slot->closing)
        arm(loop, index);
}

static void has_connected(ats_loop *loop, uint32_t index, int32_t result)
{
    if (loop->slots[index].closing)
        return;
    if (result < 0)
        ats_loop_has_failed(loop, index, -result);
    else
        ats_loop_has_connected(loop, index);
}

static void has_written(ats_loop *loop, uint32_t index, int32_t result)
{
    ats_loop_slot *slot = &loop->slots[index];
    slot->sending = false;
    if (slot->closing)
        return;
    if (result < 0 && result != -EINTR && result != -EAGAIN) {
        ats_loop_has_failed(loop, index, -result);
        return;
    }
    if (result > 0)
        ats_loop_has_written(loop, index, (uint32_t)result);
    if (ats_loop_slot_queued(slot) > 0)
        write_some(loop, index);
    ats_loop_has_room(loop, index);
}

static void complete(ats_loop *loop, const struct io_uring_cqe *cqe, int64_t now_ns)
{
    uint64_t data = io_uring_cqe_get_data64(cqe);
    uint32_t index = (uint32_t)(data >> 8);
    ats_loop_slot *slot = &loop->slots[index];
    operation op = (operation)(data & 0xff);
    bool last = !(cqe->flags & IORING_CQE_F_MORE);
    if (last)
        slot->operations--;
    if (last && (op == OP_RECEIVE || op == OP_ACCEPT || op == OP_POLL))
        slot->receiving = false;
    if (op == OP_RECEIVE)
        has_received(loop, index, cqe, now_ns);
    else if (op == OP_WRITE)
        has_written(loop, index, cqe->res);
    else if (op == OP_CONNECT)
        has_connected(loop, index, cqe->res);
    else if (op == OP_ACCEPT)
        has_accepted(loop, index, cqe->res);
    else if (op == OP_POLL)
        has_polled(loop, index, cqe->res);
    if (slot->closing && slot->operations == 0)
        release(loop, index);
}

/* ---- turns ---------------------------------------------------------------------------------- */

/* Lets the kernel take what was prepared and bring what is there. */
static void enter(ats_loop *loop, uint64_t timeout_ns)
{
    struct io_uring *ring = loop->uring;
    if (timeout_ns > 0 && io_uring_cq_ready(ring) == 0) {
        struct __kernel_timespec t = {.tv_sec = (int64_t)(timeout_ns / 1000000000u),
                                      .tv_nsec = (int64_t)(timeout_ns % 1000000000u)};
        struct io_uring_cqe *cqe;
        loop->counters.enters++;
        io_uring_submit_and_wait_timeout(ring, &cqe, 1, &t, NULL);
        return;
    }
    /* Relaxed: only this thread's kernel work sets these bits; what they announce is fetched by the
     * system call. */
    uint32_t flags = __atomic_load_n(ring->sq.kflags, __ATOMIC_RELAXED);
    if (io_uring_sq_ready(ring) == 0 && !(flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)))
        return;
    loop->counters.enters++;
    io_uring_submit_and_get_events(ring);
}

static uint32_t turn(ats_loop *loop, uint64_t timeout_ns)
{
    enter(loop, timeout_ns);
    struct io_uring_cqe *cqe;
    uint32_t n = io_uring_cq_ready(loop->uring);
    int64_t now_ns = n ? ats_clock_wall_ns() : 0;
    for (uint32_t i = 0; i < n && io_uring_peek_cqe(loop->uring, &cqe) == 0; i++) {
        struct io_uring_cqe copy = *cqe; /* a callback may submit, which may overwrite it */
        io_uring_cqe_seen(loop->uring, cqe);
        complete(loop, &copy, now_ns);
    }
    return n;
}

/* ---- opening and closing -------------------------------------------------------------------- */

/* The kernel may write into receive buffers until it has answered every operation. */
static void close_uring(ats_loop *loop)
{
    for (;;) {
        uint32_t waiting = 0;
        for (uint32_t i = 0; i < loop->options.connections; i++)
            waiting += loop->slots[i].operations > 0;
        if (waiting == 0)
            break;
        turn(loop, 10000000);
    }
    io_uring_queue_exit(loop->uring);
}

static const ats_loop_backend_calls CALLS = {.close = close_uring,
                                             .arm = arm,
                                             .disarm = disarm,
                                             .transmit = write_some,
                                             .release = release,
                                             .refuse = refuse,
                                             .give_back = give_back,
                                             .submit = submit,
                                             .turn = turn};

/* Does a receive of ours stay armed and stamp, on this kernel? One byte over a socket pair tells;
 * versions and feature bits do not. */
static int try_receive(ats_loop *loop, ats_loop_why *why)
{
    int pair[2], failed = -1;
    struct io_uring_cqe *cqe;
    struct __kernel_timespec second = {.tv_sec = 1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        *why = (ats_loop_why){"socketpair", errno};
        return -1;
    }
    loop->slots[0].fd = pair[0];
    arm_receive(loop, 0);
    if (send(pair[1], "x", 1, 0) == 1)
        for (int i = 0; i < 2; i++) { /* the byte; then, after the peer's end, the last answer */
            if (io_uring_submit_and_wait_timeout(loop->uring, &cqe, 1, &second, NULL) < 0) {
                *why = (ats_loop_why){"io_uring: no answer to a receive", 0};
                break;
            }
            bool more = cqe->flags & IORING_CQE_F_MORE;
            int32_t result = cqe->res;
            if (cqe->flags & IORING_CQE_F_BUFFER)
                give_back(loop, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
            io_uring_cqe_seen(loop->uring, cqe);
            if (i == 0 && (result < 1 || !more)) {
                *why = (ats_loop_why){"io_uring: no multishot receive", result < 0 ? -result : 0};
                break;
            }
            if (i == 0)
                close(pair[1]);
            pair[1] = -1;
            failed = i == 1 ? 0 : -1;
        }
    if (pair[1] >= 0)
        close(pair[1]);
    close(pair[0]);
    loop->slots[0].operations = 0;
    loop->slots[0].receiving = false;
    return failed;
}

int ats_loop_uring_open(ats_loop *loop, ats_loop_why *why)
{
    loop->uring = loop->uring_memory;
    /* DEFER_TASKRUN (6.1): completions are made when we ask, not in the middle of our work;
     * TASKRUN_FLAG: and a word in shared memory tells when to ask. */
    struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                         IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE |
                                         IORING_SETUP_CLAMP,
                                .cq_entries = COMPLETIONS};
    int failed = io_uring_queue_init_params(SUBMISSIONS, loop->uring, &p);
    if (failed) {
        *why = (ats_loop_why){"io_uring_setup", -failed};
        loop->uring = NULL;
        return -1;
    }
    loop->calls = &CALLS;
    loop->receive_template = (struct msghdr){.msg_controllen = ATS_LOOP_CONTROL_BYTES};
    struct io_uring_buf_reg registration = {.ring_addr = (uint64_t)(uintptr_t)loop->buffer_ring,
                                            .ring_entries = loop->options.receive_buffers,
                                            .bgid = BUFFER_GROUP};
    failed = io_uring_register_buf_ring(loop->uring, &registration, 0);
    if (failed)
        *why = (ats_loop_why){"io_uring_register", -failed};
    if (!failed) {
        io_uring_buf_ring_init(loop->buffer_ring);
        for (uint32_t i = 0; i < loop->options.receive_buffers; i++)
            give_back(loop, i);
        failed = try_receive(loop, why);
    }
    if (failed) {
        io_uring_queue_exit(loop->uring);
        loop->uring = NULL;
        return -1;
    }
    io_uring_register_ring_fd(loop->uring); /* best effort: saves a look-up a call */
    return 0;
}
