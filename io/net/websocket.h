/* websocket.h: a WebSocket (RFC 6455), client or server, on a stream. No extensions.
 *
 * Owner: the loop's thread. Whole messages come to `message`, where they were received if they came
 * in one piece. Pings are answered. A connection that is silent for ping_after_ns is pinged; one
 * that stays silent for pong_within_ns more is dead: half-open connections end there. Any byte is a
 * sign of life.
 */
#ifndef ATS_IO_NET_WEBSOCKET_H
#define ATS_IO_NET_WEBSOCKET_H

#include "io/net/stream.h"
#include "io/net/ws_frame.h"
#include "io/net/ws_upgrade.h"

#define ATS_WEBSOCKET_WHY_BYTES 512u

typedef struct ats_websocket ats_websocket;

typedef struct ats_websocket_options {
    uint64_t open_within_ns; /* from connecting to the upgrade; 0: no limit */
    uint64_t ping_after_ns;  /* 0: never */
    uint64_t pong_within_ns;
} ats_websocket_options;

typedef struct ats_websocket_message {
    uint8_t *bytes; /* gone after the call; may be changed */
    size_t length;
    bool binary;
    int64_t recv_ns; /* of the bytes that ended it: see ats_loop_data */
    bool from_kernel;
} ats_websocket_message;

typedef struct ats_websocket_end {
    bool opened;     /* false: it never was a WebSocket */
    bool clean;      /* both sides said close */
    uint16_t code;   /* the peer's, or ours when it broke the protocol; ATS_WS_CUT_OFF: none */
    uint16_t status; /* HTTP status of a refused upgrade; 0: none */
    ats_stream_end stream; /* how the connection beneath ended; ATS_STREAM_PEER when we ended it */
    const char *why;       /* a sentence, or the peer's reason */
} ats_websocket_end;

typedef struct ats_websocket_user ats_websocket_user;

typedef struct ats_websocket_callbacks {
    /* Server: may this request (path and head; *status is 404 or the like if not) open one? NULL:
     * any may. */
    bool (*requested)(ats_websocket_user *user, ats_websocket *ws, const char *path,
                      const char *head, size_t head_bytes, uint16_t *status);
    void (*opened)(ats_websocket_user *user, ats_websocket *ws);
    void (*message)(ats_websocket_user *user, ats_websocket *ws, const ats_websocket_message *m);
    void (*writable)(ats_websocket_user *user, ats_websocket *ws); /* NULL is allowed */
    void (*closed)(ats_websocket_user *user, ats_websocket *ws, const ats_websocket_end *end);
} ats_websocket_callbacks;

/* Whoever owns WebSockets begins with this. */
struct ats_websocket_user {
    const ats_websocket_callbacks *on;
};

/* Memory for one whose messages have at most that many bytes, received and sent; 0: it must be at
 * least ATS_UPGRADE_HEAD_BYTES, since the upgrade is read there. The loop's send ring must hold
 * ATS_STREAM_SEND_ROOM(ATS_WS_HEAD_BYTES + the largest that is sent). */
size_t ats_websocket_footprint(size_t message_bytes);

/* Lays one into memory aligned to 64; it may be opened again after each `closed`. */
ats_websocket *ats_websocket_new(void *memory, size_t message_bytes);

/* Connects and upgrades. `fields`: more header lines ("Name: value\r\n"...), kept by the caller
 * until it is open. `opened` or `closed` follows, never within the call. Three timers of the
 * loop's. 0, or -1 with an error pushed. Cold. */
int ats_websocket_connect(ats_websocket *ws, ats_loop *loop, ats_websocket_user *user, ats_tls *tls,
                          const char *host, const struct sockaddr *address, socklen_t length,
                          const char *path, const char *fields,
                          const ats_websocket_options *options);

/* The server's side, to be called in a listener's `accepted`, and what that is to return. Cold. */
ats_loop_user *ats_websocket_accept(ats_websocket *ws, ats_loop *loop, ats_websocket_user *user,
                                    ats_tls *tls, ats_conn conn,
                                    const ats_websocket_options *options);

/* Sends one message, TEXT or BINARY. All or nothing, as ats_loop_send. Hot. */
bool ats_websocket_send(ats_websocket *ws, ats_ws_opcode opcode, const void *bytes, size_t n);

void ats_websocket_pause(ats_websocket *ws);
void ats_websocket_resume(ats_websocket *ws);

/* Says close; `closed` follows the peer's answer, or five seconds later. reason: at most 123 bytes
 * of UTF-8. */
void ats_websocket_close(ats_websocket *ws, uint16_t code, const char *reason);

/* Closes now, without close frame and without callback. */
void ats_websocket_drop(ats_websocket *ws);

bool ats_websocket_is_open(const ats_websocket *ws);

#endif
