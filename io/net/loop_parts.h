/* loop_parts.h: what the parts of the event loop share. Not for its users. */
#ifndef ATS_IO_NET_LOOP_PARTS_H
#define ATS_IO_NET_LOOP_PARTS_H

#include "io/net/loop.h"

#define ATS_LOOP_NO_SLOT   UINT32_MAX
#define ATS_LOOP_NO_BUFFER UINT32_MAX

/* Room in front of a received payload for io_uring_recvmsg_out (16) and a control message that
 * holds a timespec (32), rounded up to a line so that payloads begin on one. */
#define ATS_LOOP_HEAD_BYTES 64u
#define ATS_LOOP_CONTROL_BYTES                                                                     \
    32u /* CMSG_SPACE(sizeof(struct timespec)), asserted where it is used */

typedef enum ats_slot_kind {
    ATS_SLOT_FREE = 0,
    ATS_SLOT_STREAM = 1,
    ATS_SLOT_LISTENER = 2,
    ATS_SLOT_WATCH = 3
} ats_slot_kind;

typedef struct ats_loop_slot {
    ats_loop_user *user;
    uint8_t *ring; /* of send_bytes */
    int fd;
    uint32_t generation;
    ats_slot_kind kind;
    uint32_t queued_from, queued_to; /* free-running; queued_to - queued_from bytes are queued */
    uint32_t refused;                /* bytes of the send that found no room; 0: none */
    uint32_t held_first, held_last;  /* buffers that wait for the user */
    uint32_t next_free, next_dirty;
    uint32_t events;       /* watch: what is asked for; epoll: see epoll_events */
    uint32_t epoll_events; /* epoll: what the kernel was told; 0: not registered */
    uint32_t operations;   /* io_uring: those that the kernel still has */
    int failure;           /* errno of a write that failed; told in the next turn */
    bool connecting, paused, finishing, shut;
    bool ended;     /* the peer's end was read; it is told after the held buffers */
    bool closing;   /* dropped; waits for its operations */
    bool receiving; /* io_uring: receive, accept or poll is armed */
    bool sending;   /* io_uring: a write is in flight */
    bool starving;  /* no receive buffer was there */
    bool dirty;     /* in the dirty list: has something to send or to end */
    bool resumed;   /* in the dirty list: held buffers are to be given */
    socklen_t peer_length;
    struct sockaddr_storage peer; /* connecting: the kernel may read it late */
} ats_loop_slot;

typedef struct ats_loop_buffer {
    uint32_t next;
    uint32_t from, to; /* payload not yet taken, offsets in the buffer */
    bool from_kernel;
    int64_t recv_ns;
} ats_loop_buffer;

/* What a backend does. All are called by loop.c only, on the owner's thread. */
typedef struct ats_loop_backend_calls {
    void (*close)(ats_loop *loop);
    /* Begins what the slot's kind and state ask for: connecting, receiving, accepting, polling. */
    void (*arm)(ats_loop *loop, uint32_t index);
    void (*disarm)(ats_loop *loop, uint32_t index);   /* stops receiving */
    void (*transmit)(ats_loop *loop, uint32_t index); /* begins to write what is queued */
    void (*release)(ats_loop *loop,
                    uint32_t index);                /* dropped: close it, then ats_loop_free_slot */
    void (*refuse)(ats_loop *loop, uint32_t index); /* a send found no room */
    void (*give_back)(ats_loop *loop, uint32_t buffer);
    void (*submit)(ats_loop *loop);
    /* Handles what is there; waits for it for at most timeout_ns (0: not at all). */
    uint32_t (*turn)(ats_loop *loop, uint64_t timeout_ns);
} ats_loop_backend_calls;

struct io_uring;

struct ats_loop {
    const ats_loop_backend_calls *calls;
    ats_loop_options options;
    ats_loop_slot *slots;
    ats_loop_buffer *buffers;
    uint8_t *payloads; /* receive_buffers of buffer_stride bytes */
    size_t buffer_stride;
    uint32_t payload_at; /* where in a buffer a payload begins */
    uint32_t free_slot, free_buffer, dirty_first;
    uint32_t starving_count;
    bool given_back;       /* a buffer, since the starving were last fed */
    ats_loop_timer **heap; /* [1..heap_count] */
    uint32_t heap_count;
    ats_loop_counters counters;
    char text[128];

    int epoll_fd;
    struct io_uring *uring;
    void *uring_memory, *buffer_ring; /* struct io_uring_buf_ring, receive_buffers entries */
    struct msghdr receive_template;
};

/* Why a backend does not work here. */
typedef struct ats_loop_why {
    const char *what;
    int errnum; /* 0: none */
} ats_loop_why;

/* The backends: 0, or -1 with *why filled in. */
int ats_loop_uring_open(ats_loop *loop, ats_loop_why *why);
int ats_loop_epoll_open(ats_loop *loop, ats_loop_why *why);
size_t ats_loop_uring_footprint(void);

static inline uint8_t *ats_loop_payload(const ats_loop *loop, uint32_t buffer)
{
    return loop->payloads + buffer * loop->buffer_stride;
}

static inline uint32_t ats_loop_slot_queued(const ats_loop_slot *slot)
{
    return slot->queued_to - slot->queued_from;
}

/* The first piece of what is queued that lies together. */
static inline uint32_t ats_loop_slot_piece(const ats_loop *loop, const ats_loop_slot *slot,
                                           uint8_t **bytes)
{
    uint32_t at = slot->queued_from & (loop->options.send_bytes - 1);
    uint32_t n = ats_loop_slot_queued(slot), straight = loop->options.send_bytes - at;
    *bytes = slot->ring + at;
    return n < straight ? n : straight;
}

/* What the backends report. Each may call the user, who may drop any connection: look at the slot's
 * generation before going on with it. */
void ats_loop_has_connected(ats_loop *loop, uint32_t index);
void ats_loop_has_accepted(ats_loop *loop, uint32_t index, int fd);
void ats_loop_has_received(ats_loop *loop, uint32_t index, uint32_t buffer);
void ats_loop_has_ended(ats_loop *loop, uint32_t index);
void ats_loop_has_failed(ats_loop *loop, uint32_t index, int errnum);
void ats_loop_has_room(ats_loop *loop, uint32_t index);
void ats_loop_is_ready(ats_loop *loop, uint32_t index, uint32_t events);

/* The same, without calling the user: bytes were written; a write failed, told in the next turn. */
void ats_loop_has_written(ats_loop *loop, uint32_t index, uint32_t n);
void ats_loop_will_fail(ats_loop *loop, uint32_t index, int errnum);

/* A slot for a descriptor; ATS_CONN_NONE: none is free. And the options that our sockets have. */
ats_conn ats_loop_add(ats_loop *loop, ats_slot_kind kind, ats_loop_user *user, int fd);
void ats_loop_set_options(const ats_loop *loop, int fd);

/* A dropped slot may be used again. */
void ats_loop_free_slot(ats_loop *loop, uint32_t index);

/* Fills in a buffer's stamp from a control message; without one it is `now_ns`. */
void ats_loop_stamp(ats_loop_buffer *buffer, struct msghdr *message, int64_t now_ns);

#endif
