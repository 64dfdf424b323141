#include "io/net/loop.h"

#include "core/clock.h"
#include "io/net/loop_parts.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *ats_close_reason_text(ats_close_reason reason)
{
    static const char *const TEXTS[] = {"ended by the peer", "broken", "cannot connect"};
    static_assert(sizeof TEXTS / sizeof *TEXTS == ATS_CLOSE_REASON_COUNT, "a text for each reason");
    return (unsigned)reason < ATS_CLOSE_REASON_COUNT ? TEXTS[reason] : "unknown";
}

/* ---- handles -------------------------------------------------------------------------------- */

static inline ats_conn handle(const ats_loop *loop, uint32_t index)
{
    return (ats_conn)loop->slots[index].generation << 32 | index;
}

/* The slot of a connection that is not gone; NULL: it is. */
static inline ats_loop_slot *find(const ats_loop *loop, ats_conn conn)
{
    uint32_t index = (uint32_t)conn;
    if (index >= loop->options.connections)
        return NULL;
    ats_loop_slot *slot = &loop->slots[index];
    return slot->generation == conn >> 32 && slot->kind != ATS_SLOT_FREE ? slot : NULL;
}

static inline uint32_t index_of(const ats_loop *loop, const ats_loop_slot *slot)
{
    return (uint32_t)(slot - loop->slots);
}

/* ---- what waits for the next settling ------------------------------------------------------- */

static inline void mark_dirty(ats_loop *loop, ats_loop_slot *slot)
{
    if (slot->dirty)
        return;
    slot->dirty = true;
    slot->next_dirty = loop->dirty_first;
    loop->dirty_first = index_of(loop, slot);
}

static void tell_closed(ats_loop *loop, ats_loop_slot *slot, ats_close_reason reason, int errnum)
{
    ats_loop_user *user = slot->user;
    ats_conn conn = handle(loop, index_of(loop, slot));
    ats_loop_drop(loop, conn);
    user->on->closed(user, conn, reason, errnum);
}

/* Gives the user what is held, until it pauses; then, if that was the end, tells it. */
static void give(ats_loop *loop, ats_loop_slot *slot)
{
    ats_conn conn = handle(loop, index_of(loop, slot));
    while (slot->held_first != ATS_LOOP_NO_BUFFER && !slot->paused) {
        uint32_t number = slot->held_first;
        ats_loop_buffer *b = &loop->buffers[number];
        uint32_t n = b->to - b->from;
        ats_loop_data data = {.bytes = ats_loop_payload(loop, number) + b->from,
                              .length = n,
                              .recv_ns = b->recv_ns,
                              .from_kernel = b->from_kernel};
        slot->held_first = b->next; /* so that a drop within the call leaves the bytes alone */
        size_t taken = slot->user->on->data(slot->user, conn, &data);
        if (find(loop, conn) != slot || taken == n) {
            loop->calls->give_back(loop, number);
            if (find(loop, conn) != slot)
                return;
            continue;
        }
        assert(taken < n && slot->paused && "bytes were left by a connection that is not paused");
        b->from += (uint32_t)taken;
        b->next = slot->held_first;
        if (slot->held_first == ATS_LOOP_NO_BUFFER)
            slot->held_last = number;
        slot->held_first = number;
    }
    if (slot->ended && !slot->paused)
        tell_closed(loop, slot, ATS_CLOSE_PEER, 0);
}

static uint32_t feed_starving(ats_loop *loop)
{
    uint32_t left = loop->starving_count, done = 0;
    loop->given_back = false;
    for (uint32_t i = 0; left > 0 && i < loop->options.connections; i++) {
        ats_loop_slot *slot = &loop->slots[i];
        if (!slot->starving)
            continue;
        left--;
        slot->starving = false;
        loop->starving_count--;
        if (!slot->paused)
            loop->calls->arm(loop, i);
        done++;
    }
    return done;
}

/* Writes what is queued; with `all`, also does what calls the user. */
static uint32_t settle(ats_loop *loop, bool all)
{
    uint32_t done = 0;
    uint32_t next = loop->dirty_first;
    loop->dirty_first = ATS_LOOP_NO_SLOT;
    while (next != ATS_LOOP_NO_SLOT) {
        ats_loop_slot *slot = &loop->slots[next];
        next = slot->next_dirty;
        slot->dirty = false;
        if (slot->kind == ATS_SLOT_FREE || slot->closing)
            continue;
        if (!all && (slot->resumed || slot->failure)) {
            mark_dirty(loop, slot);
        } else if (slot->failure) {
            done++;
            tell_closed(loop, slot, ATS_CLOSE_ERROR, slot->failure);
            continue;
        } else if (slot->resumed) {
            ats_conn conn = handle(loop, index_of(loop, slot));
            slot->resumed = false;
            done++;
            give(loop, slot);
            if (find(loop, conn) != slot)
                continue;
            if (!slot->paused)
                loop->calls->arm(loop, index_of(loop, slot));
        }
        if (slot->kind != ATS_SLOT_STREAM || slot->connecting || slot->sending || slot->failure)
            continue;
        if (ats_loop_slot_queued(slot) > 0)
            loop->calls->transmit(loop, index_of(loop, slot));
        if (ats_loop_slot_queued(slot) == 0 && slot->finishing && !slot->shut) {
            slot->shut = true;
            shutdown(slot->fd, SHUT_WR); /* fails where the peer was first: that is told anyway */
        }
    }
    if (all && loop->starving_count > 0 && loop->given_back)
        done += feed_starving(loop);
    return done;
}

static uint32_t fire(ats_loop *loop, uint64_t now_ns)
{
    uint32_t done = 0;
    /* A timer that is set again for now by its own firing waits for the next turn. */
    for (uint32_t most = loop->heap_count; done < most && ats_loop_timer_next(loop) <= now_ns;) {
        ats_loop_timer *timer = loop->heap[1];
        ats_loop_timer_unset(loop, timer);
        timer->fire(timer, now_ns);
        done++;
    }
    return done;
}

/* ---- turns ---------------------------------------------------------------------------------- */

void ats_loop_flush(ats_loop *loop)
{
    settle(loop, false);
    loop->calls->submit(loop);
}

uint32_t ats_loop_work(ats_loop *loop, uint64_t now_ns)
{
    uint32_t done = settle(loop, true);
    done += loop->calls->turn(loop, 0);
    done += fire(loop, now_ns);
    if (done)
        ats_loop_flush(loop);
    return done;
}

uint32_t ats_loop_wait(ats_loop *loop, uint64_t timeout_ns)
{
    uint64_t now = ats_clock_monotonic_ns(), next = ats_loop_timer_next(loop);
    uint32_t done = settle(loop, true);
    if (next <= now || done)
        timeout_ns = 0;
    else if (next - now < timeout_ns)
        timeout_ns = next - now;
    done += loop->calls->turn(loop, timeout_ns);
    done += fire(loop, ats_clock_monotonic_ns());
    ats_loop_flush(loop);
    return done;
}

/* ---- what backends report ------------------------------------------------------------------- */

void ats_loop_stamp(ats_loop_buffer *buffer, struct msghdr *message, int64_t now_ns)
{
    static_assert(CMSG_SPACE(sizeof(struct timespec)) <= ATS_LOOP_CONTROL_BYTES,
                  "a timespec fits the control room");
    buffer->recv_ns = now_ns;
    buffer->from_kernel = false;
    struct cmsghdr *c = message ? CMSG_FIRSTHDR(message) : NULL;
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
        return;
    struct timespec t;
    memcpy(&t, CMSG_DATA(c), sizeof t);
    buffer->recv_ns = (int64_t)t.tv_sec * 1000000000ll + t.tv_nsec;
    buffer->from_kernel = true;
}

void ats_loop_has_connected(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    ats_conn conn = handle(loop, index);
    slot->connecting = false;
    slot->user->on->opened(slot->user, conn);
    if (find(loop, conn) != slot)
        return;
    if (!slot->paused)
        loop->calls->arm(loop, index);
    mark_dirty(loop, slot);
}

void ats_loop_has_received(ats_loop *loop, uint32_t index, uint32_t buffer)
{
    ats_loop_slot *slot = &loop->slots[index];
    ats_loop_buffer *b = &loop->buffers[buffer];
    loop->counters.receives++;
    loop->counters.received_bytes += b->to - b->from;
    b->next = ATS_LOOP_NO_BUFFER;
    if (slot->held_first == ATS_LOOP_NO_BUFFER)
        slot->held_first = buffer;
    else
        loop->buffers[slot->held_last].next = buffer;
    slot->held_last = buffer;
    if (!slot->paused && !slot->resumed)
        give(loop, slot);
}

void ats_loop_has_ended(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    slot->ended = true;
    if (!slot->paused && !slot->resumed)
        give(loop, slot);
}

void ats_loop_has_written(ats_loop *loop, uint32_t index, uint32_t n)
{
    ats_loop_slot *slot = &loop->slots[index];
    slot->queued_from += n;
    loop->counters.sends++;
    loop->counters.sent_bytes += n;
    if (slot->finishing)
        mark_dirty(loop, slot);
}

void ats_loop_has_room(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    if (slot->refused == 0 || slot->finishing ||
        loop->options.send_bytes - ats_loop_slot_queued(slot) < slot->refused)
        return;
    slot->refused = 0;
    if (slot->user->on->writable)
        slot->user->on->writable(slot->user, handle(loop, index));
}

void ats_loop_has_failed(ats_loop *loop, uint32_t index, int errnum)
{
    ats_loop_slot *slot = &loop->slots[index];
    bool made = slot->kind == ATS_SLOT_STREAM && !slot->connecting;
    tell_closed(loop, slot, made ? ATS_CLOSE_ERROR : ATS_CLOSE_CONNECT, errnum);
}

void ats_loop_will_fail(ats_loop *loop, uint32_t index, int errnum)
{
    loop->slots[index].failure = errnum;
    mark_dirty(loop, &loop->slots[index]);
}

void ats_loop_is_ready(ats_loop *loop, uint32_t index, uint32_t events)
{
    ats_loop_slot *slot = &loop->slots[index];
    slot->user->on->ready(slot->user, handle(loop, index), events);
}

/* ---- slots ---------------------------------------------------------------------------------- */

static ats_loop_slot *take_slot(ats_loop *loop, ats_slot_kind kind, ats_loop_user *user, int fd)
{
    if (loop->free_slot == ATS_LOOP_NO_SLOT)
        return NULL;
    ats_loop_slot *slot = &loop->slots[loop->free_slot];
    loop->free_slot = slot->next_free;
    *slot = (ats_loop_slot){.user = user,
                            .ring = slot->ring,
                            .fd = fd,
                            .generation = slot->generation,
                            .kind = kind,
                            .held_first = ATS_LOOP_NO_BUFFER,
                            .held_last = ATS_LOOP_NO_BUFFER,
                            .next_dirty = slot->next_dirty, /* it may still be in that list */
                            .dirty = slot->dirty};
    return slot;
}

void ats_loop_free_slot(ats_loop *loop, uint32_t index)
{
    ats_loop_slot *slot = &loop->slots[index];
    slot->kind = ATS_SLOT_FREE;
    slot->closing = false;
    slot->next_free = loop->free_slot;
    loop->free_slot = index;
}

ats_conn ats_loop_add(ats_loop *loop, ats_slot_kind kind, ats_loop_user *user, int fd)
{
    ats_loop_slot *slot = take_slot(loop, kind, user, fd);
    return slot ? handle(loop, index_of(loop, slot)) : ATS_CONN_NONE;
}

void ats_loop_has_accepted(ats_loop *loop, uint32_t index, int fd)
{
    ats_loop_slot *listener = &loop->slots[index];
    ats_conn conn = ats_loop_add(loop, ATS_SLOT_STREAM, NULL, fd);
    if (conn == ATS_CONN_NONE) {
        loop->counters.accepts_refused++;
        close(fd);
        return;
    }
    loop->counters.accepted++;
    ats_loop_set_options(loop, fd);
    ats_loop_slot *slot = find(loop, conn);
    ats_loop_user *user = listener->user->on->accepted(listener->user, handle(loop, index), conn);
    if (find(loop, conn) != slot)
        return; /* dropped within the call */
    if (!user) {
        ats_loop_drop(loop, conn);
        return;
    }
    slot->user = user;
    if (!slot->paused)
        loop->calls->arm(loop, index_of(loop, slot));
}

void ats_loop_drop(ats_loop *loop, ats_conn conn)
{
    ats_loop_slot *slot = find(loop, conn);
    if (!slot)
        return;
    while (slot->held_first != ATS_LOOP_NO_BUFFER) {
        uint32_t b = slot->held_first;
        slot->held_first = loop->buffers[b].next;
        loop->calls->give_back(loop, b);
    }
    if (slot->starving)
        loop->starving_count--;
    slot->starving = slot->ended = slot->resumed = false;
    slot->generation = slot->generation == UINT32_MAX ? 1 : slot->generation + 1;
    slot->closing = true;
    loop->calls->release(loop, index_of(loop, slot));
}

/* ---- connections ---------------------------------------------------------------------------- */

bool ats_loop_send(ats_loop *loop, ats_conn conn, const void *bytes, size_t n)
{
    ats_loop_slot *slot = find(loop, conn);
    uint32_t size = loop->options.send_bytes;
    assert(n <= size && "larger than the send ring");
    if (!slot || slot->finishing || slot->failure || slot->kind != ATS_SLOT_STREAM)
        return false;
    if (size - ats_loop_slot_queued(slot) < n) {
        ats_loop_await_room(loop, conn, n);
        return false;
    }
    uint32_t at = slot->queued_to & (size - 1);
    size_t straight = n < size - at ? n : size - at;
    memcpy(slot->ring + at, bytes, straight);
    memcpy(slot->ring, (const uint8_t *)bytes + straight, n - straight);
    slot->queued_to += (uint32_t)n;
    mark_dirty(loop, slot);
    return true;
}

void ats_loop_await_room(ats_loop *loop, ats_conn conn, size_t n)
{
    ats_loop_slot *slot = find(loop, conn);
    assert(n <= loop->options.send_bytes && "larger than the send ring");
    if (!slot || slot->kind != ATS_SLOT_STREAM)
        return;
    slot->refused = (uint32_t)n;
    loop->calls->refuse(loop, index_of(loop, slot));
}

size_t ats_loop_room(const ats_loop *loop, ats_conn conn)
{
    const ats_loop_slot *slot = find(loop, conn);
    return slot && slot->kind == ATS_SLOT_STREAM && !slot->finishing
               ? loop->options.send_bytes - ats_loop_slot_queued(slot)
               : 0;
}

size_t ats_loop_queued(const ats_loop *loop, ats_conn conn)
{
    const ats_loop_slot *slot = find(loop, conn);
    return slot ? ats_loop_slot_queued(slot) : 0;
}

void ats_loop_pause(ats_loop *loop, ats_conn conn)
{
    ats_loop_slot *slot = find(loop, conn);
    if (!slot || slot->paused)
        return;
    slot->paused = true;
    slot->resumed = false;
    if (!slot->connecting)
        loop->calls->disarm(loop, index_of(loop, slot));
}

void ats_loop_resume(ats_loop *loop, ats_conn conn)
{
    ats_loop_slot *slot = find(loop, conn);
    if (!slot || !slot->paused)
        return;
    slot->paused = false;
    if (slot->connecting)
        return;
    slot->resumed = true;
    mark_dirty(loop, slot);
}

void ats_loop_finish(ats_loop *loop, ats_conn conn)
{
    ats_loop_slot *slot = find(loop, conn);
    if (!slot || slot->kind != ATS_SLOT_STREAM)
        return;
    slot->finishing = true;
    mark_dirty(loop, slot);
}

void ats_loop_watch_change(ats_loop *loop, ats_conn conn, uint32_t events)
{
    ats_loop_slot *slot = find(loop, conn);
    if (!slot || slot->kind != ATS_SLOT_WATCH || slot->events == events)
        return;
    slot->events = events;
    loop->calls->disarm(loop, index_of(loop, slot));
    loop->calls->arm(loop, index_of(loop, slot));
}

int ats_loop_watched(const ats_loop *loop, ats_conn conn)
{
    const ats_loop_slot *slot = find(loop, conn);
    return slot && slot->kind == ATS_SLOT_WATCH ? slot->fd : -1;
}

bool ats_loop_is_open(const ats_loop *loop, ats_conn conn)
{
    return find(loop, conn) != NULL;
}

const ats_loop_counters *ats_loop_counted(const ats_loop *loop)
{
    return &loop->counters;
}

ats_loop_backend ats_loop_backend_of(const ats_loop *loop)
{
    return loop->uring ? ATS_LOOP_URING : ATS_LOOP_EPOLL;
}

const char *ats_loop_backend_text(const ats_loop *loop)
{
    return loop->text;
}
