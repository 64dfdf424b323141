#include "core/clock.h"
#include "io/net/loop_parts.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_A_TURN 64
/* A connection that never runs dry gives the others a turn after this many reads or accepts. */
#define READS_A_TURN 16

static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLERR == POLLERR &&
                  EPOLLHUP == POLLHUP,
              "watches are told poll's bits");

/* ---- what the kernel is asked to tell ------------------------------------------------------- */

static uint32_t wanted(const ats_loop_slot *slot)
{
    if (slot->kind == ATS_SLOT_WATCH)
        return slot->events;
    if (slot->kind == ATS_SLOT_LISTENER)
        return EPOLLIN;
    if (slot->connecting)
        return EPOLLOUT;
    uint32_t events = slot->paused || slot->starving || slot->ended ? 0 : EPOLLIN;
    bool stuck = slot->sending || slot->refused;
    return events | (stuck ? (uint32_t)EPOLLOUT : 0);
}

/* Nothing wanted is nothing registered: EPOLLHUP cannot be masked, and would wake a loop whose
 * connection is paused for ever. */
static void ask(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    uint32_t events = wanted(slot);
    if (events == slot->epoll_events)
        return;
    int operation = events == 0               ? EPOLL_CTL_DEL
                    : slot->epoll_events == 0 ? EPOLL_CTL_ADD
                                              : EPOLL_CTL_MOD;
    struct epoll_event e = {.events = events, .data.u64 = (uint64_t)slot->generation << 32 | index};
    slot->epoll_events = events;
    loop->counters.enters++;
    if (epoll_ctl(loop->epoll_fd, operation, slot->fd, &e) != 0 && operation != EPOLL_CTL_DEL)
        ats_loop_will_fail(loop, index, errno);
}

static void arm(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    if (slot->connecting && slot->epoll_events == 0 &&
        connect(slot->fd, (struct sockaddr *)&slot->peer, slot->peer_length) != 0 &&
        errno != EINPROGRESS) {
        ats_loop_will_fail(loop, index, errno);
        return;
    }
    ask(loop, index);
}

static void disarm(ats_loop *loop, uint32_t index)
{
    ask(loop, index);
}

static void release(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    if (slot->epoll_events)
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, slot->fd, NULL);
    if (slot->kind != ATS_SLOT_WATCH)
        close(slot->fd);
    ats_loop_free_slot(loop, index);
}

static void give_back(ats_loop *loop, uint32_t buffer)
{
    loop->buffers[buffer].next = loop->free_buffer;
    loop->free_buffer = buffer;
    loop->given_back = true;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* One read into a free buffer. The bytes; 0: the end; -1: errno. */
static ssize_t read_once(ats_loop *loop, ats_loop_slot *slot, uint32_t number)
{
    uint8_t *payload = ats_loop_payload(loop, number);
    size_t most = loop->options.receive_bytes;
    ats_loop_buffer *b = &loop->buffers[number];
    loop->counters.enters++;
    if (!loop->options.kernel_timestamps) {
        ssize_t n = recv(slot->fd, payload + loop->payload_at, most, 0);
        if (n > 0)
            ats_loop_stamp(b, NULL, ats_clock_wall_ns());
        return n;
    }
    struct iovec part = {payload + loop->payload_at, most};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = payload,
                             .msg_controllen = ATS_LOOP_CONTROL_BYTES};
    ssize_t n = recvmsg(slot->fd, &message, 0);
    if (n > 0)
        ats_loop_stamp(b, &message, ats_clock_wall_ns());
    return n;
}

static void read_some(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    uint32_t generation = slot->generation;
    for (int i = 0; i < READS_A_TURN && !slot->paused && !slot->resumed; i++) {
        uint32_t number = loop->free_buffer;
        if (number == ATS_LOOP_NO_BUFFER) {
            slot->starving = true;
            loop->starving_count++;
            loop->counters.starved++;
            break;
        }
        ssize_t n = read_once(loop, slot, number);
        if (n > 0) {
            ats_loop_buffer *b = &loop->buffers[number];
            loop->free_buffer = b->next;
            b->from = loop->payload_at;
            b->to = loop->payload_at + (uint32_t)n;
            ats_loop_has_received(loop, index, number);
        } else if (n == 0) {
            ats_loop_has_ended(loop, index);
        } else if (errno != EAGAIN && errno != EINTR) {
            ats_loop_has_failed(loop, index, errno);
        }
        if (slot->generation != generation)
            return;
        /* A short read has emptied the socket; epoll tells of what comes later. */
        if (n < (ssize_t)loop->options.receive_bytes)
            break;
    }
    ask(loop, index);
}

static void accept_some(ats_loop *loop, uint32_t index)
{
    uint32_t generation = loop->slots[index].generation;
    for (int i = 0; i < READS_A_TURN; i++) {
        loop->counters.enters++;
        int fd = accept4(loop->slots[index].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) /* out of descriptors is transient: epoll tells again */
            return;
        ats_loop_has_accepted(loop, index, fd);
        if (loop->slots[index].generation != generation)
            return;
    }
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_some(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    slot->sending = false;
    while (ats_loop_slot_queued(slot) > 0) {
        uint8_t *bytes;
        uint32_t most = ats_loop_slot_piece(loop, slot, &bytes);
        loop->counters.enters++;
        ssize_t n = send(slot->fd, bytes, most, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno == EAGAIN)
                slot->sending = true;
            else
                ats_loop_will_fail(loop, index, errno);
            break;
        }
        ats_loop_has_written(loop, index, (uint32_t)n);
    }
    ask(loop, index);
}

static void submit(ats_loop *loop)
{
    (void)loop; /* writes are system calls of their own */
}

/* ---- turns ---------------------------------------------------------------------------------- */

static void finish_connecting(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    uint32_t generation = slot->generation;
    int why = 0;
    socklen_t length = sizeof why;
    getsockopt(slot->fd, SOL_SOCKET, SO_ERROR, &why, &length);
    if (why)
        ats_loop_has_failed(loop, index, why);
    else
        ats_loop_has_connected(loop, index);
    if (slot->generation == generation)
        ask(loop, index);
}

static void handle_stream(ats_loop *loop, uint32_t index, uint32_t events)
{
    ats_loop_slot *slot = &loop->slots[index];
    uint32_t generation = slot->generation;
    if (slot->connecting) {
        finish_connecting(loop, index);
        return;
    }
    if (events & EPOLLOUT) {
        write_some(loop, index);
        ats_loop_has_room(loop, index);
        if (slot->generation != generation)
            return;
        ask(loop, index);
    }
    if (!slot->paused && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        read_some(loop, index);
}

static uint32_t turn(ats_loop *loop, uint64_t timeout_ns)
{
    struct epoll_event events[EVENTS_A_TURN];
    /* epoll counts in ms; a timer may fire late by less than one, never early and spinning. */
    uint64_t ms = (timeout_ns + 999999) / 1000000;
    int n = epoll_wait(loop->epoll_fd, events, EVENTS_A_TURN, ms > 3600000 ? 3600000 : (int)ms);
    loop->counters.enters++;
    for (int i = 0; i < n; i++) {
        uint32_t index = (uint32_t)events[i].data.u64;
        ats_loop_slot *slot = &loop->slots[index];
        if (slot->generation != events[i].data.u64 >> 32 || slot->kind == ATS_SLOT_FREE)
            continue; /* dropped by a callback of this turn */
        if (slot->kind == ATS_SLOT_WATCH)
            ats_loop_is_ready(loop, index, events[i].events);
        else if (slot->kind == ATS_SLOT_LISTENER)
            accept_some(loop, index);
        else
            handle_stream(loop, index, events[i].events);
    }
    return n > 0 ? (uint32_t)n : 0;
}

static void close_epoll(ats_loop *loop)
{
    close(loop->epoll_fd);
}

static const ats_loop_backend_calls CALLS = {.close = close_epoll,
                                             .arm = arm,
                                             .disarm = disarm,
                                             .transmit = write_some,
                                             .release = release,
                                             .refuse = ask,
                                             .give_back = give_back,
                                             .submit = submit,
                                             .turn = turn};

int ats_loop_epoll_open(ats_loop *loop, ats_loop_why *why)
{
    loop->calls = &CALLS;
    loop->free_buffer = ATS_LOOP_NO_BUFFER;
    for (uint32_t i = loop->options.receive_buffers; i-- > 0;)
        give_back(loop, i);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd >= 0)
        return 0;
    *why = (ats_loop_why){"epoll_create1", errno};
    return -1;
}
