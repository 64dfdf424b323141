/* stream.h: a connection of a loop, with TLS or without; what it carries is the same to its user.
 *
 * Owner: the loop's thread. An ats_stream is the caller's memory; it may be used again for another
 * connection after `closed` or ats_stream_drop, and must outlive the callback of the loop in which
 * it ended. OpenSSL allocates when a connection is made, and takes and returns two blocks of at
 * most 64 bytes a record after that (3.0; a test holds it to that); records are read from the
 * receive buffer and written to the send ring directly.
 *
 * `opened` comes when the connection is made and, with TLS, the peer has proved who it is. Nothing
 * can be sent before: a credential never leaves for a peer that is not verified.
 */
#ifndef ATS_IO_NET_STREAM_H
#define ATS_IO_NET_STREAM_H

#include "io/net/loop.h"
#include "io/net/tls.h"

#define ATS_STREAM_HOST_BYTES  256u
#define ATS_STREAM_WHY_BYTES   400u
#define ATS_STREAM_PLAIN_BYTES 16384u /* of a TLS record (RFC 8446 section 5.1) */

typedef struct ats_stream ats_stream;

typedef enum ats_stream_end {
    ATS_STREAM_PEER = 0,      /* the peer ended it in order (close_notify, or FIN without TLS) */
    ATS_STREAM_BROKEN = 1,    /* a socket's error, or bytes that are no TLS */
    ATS_STREAM_CUT = 2,       /* TLS: FIN without close_notify; what came last may be missing */
    ATS_STREAM_CONNECT = 3,   /* it could not be made */
    ATS_STREAM_HANDSHAKE = 4, /* TLS: no agreement, or the peer is not who it should be */
    ATS_STREAM_TIMEOUT = 5,   /* not open in time */
    ATS_STREAM_END_COUNT = 6
} ats_stream_end;

typedef struct ats_stream_user ats_stream_user;

typedef struct ats_stream_callbacks {
    void (*opened)(ats_stream_user *user, ats_stream *stream);
    /* As ats_loop_callbacks: returns how much was taken; less than all only when it was paused. */
    size_t (*data)(ats_stream_user *user, ats_stream *stream, const ats_loop_data *data);
    void (*writable)(ats_stream_user *user, ats_stream *stream); /* NULL is allowed */
    /* It is gone. `why` is a sentence: "certificate has expired". */
    void (*closed)(ats_stream_user *user, ats_stream *stream, ats_stream_end end, const char *why);
} ats_stream_callbacks;

/* Whoever owns streams begins with this. */
struct ats_stream_user {
    const ats_stream_callbacks *on;
};

struct ats_stream {
    ats_loop_user loop_user;
    ats_loop *loop;
    ats_conn conn; /* ATS_CONN_NONE: closed */
    ats_stream_user *user;
    ats_tls *tls;       /* NULL: plain */
    struct ssl_st *ssl; /* while a TLS connection lives */
    ats_loop_timer limit, again;
    const uint8_t *cipher, *cipher_end; /* of the receive buffer in hand, not yet read */
    uint32_t plain_from, plain_to;      /* decrypted, not yet taken */
    int64_t recv_ns;
    bool from_kernel, is_open, paused, finishing;
    char host[ATS_STREAM_HOST_BYTES];
    char why[ATS_STREAM_WHY_BYTES];
    uint8_t plain[ATS_STREAM_PLAIN_BYTES];
};

/* Connects to an address; with TLS (tls is not NULL) to the host of that name, which is what its
 * certificate must be for. `opened` or `closed` follows within timeout_ns (0: no limit), never
 * within the call. Uses two of the loop's timers. 0, or -1 with an error pushed. Cold. */
int ats_stream_connect(ats_stream *stream, ats_loop *loop, ats_stream_user *user, ats_tls *tls,
                       const char *host, const struct sockaddr *address, socklen_t length,
                       uint64_t timeout_ns);

/* The server's side, to be called in a listener's `accepted`, and what that is to return; NULL with
 * an error pushed. Without TLS too, `opened` comes later. Cold. */
ats_loop_user *ats_stream_accept(ats_stream *stream, ats_loop *loop, ats_stream_user *user,
                                 ats_tls *tls, ats_conn conn, uint64_t timeout_ns);

/* As ats_loop_send: all of n bytes or false, `writable` to follow. False before `opened`. The send
 * ring must be larger than n and TLS's own bytes (ATS_STREAM_SEND_ROOM). Hot. */
bool ats_stream_send(ats_stream *stream, const void *bytes, size_t n);

/* Room in the send ring that n bytes take at most: TLS 1.2 with CBC adds 5 + 16 + 48 + 16 bytes a
 * record, everything newer less. */
#define ATS_STREAM_SEND_ROOM(n) ((size_t)(n) + ((size_t)(n) / ATS_STREAM_PLAIN_BYTES + 1) * 96)

/* Would n bytes be sent now? */
bool ats_stream_has_room(const ats_stream *stream, size_t n);

void ats_stream_pause(ats_stream *stream);
void ats_stream_resume(ats_stream *stream);

/* Ends our side in order behind what was sent (TLS: close_notify); `closed` follows the peer's. */
void ats_stream_finish(ats_stream *stream);

/* Closes now, without callback; a closed stream is left as it is. */
void ats_stream_drop(ats_stream *stream);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384", "plain"; and whether the session was resumed. Cold. */
const char *ats_stream_protocol(const ats_stream *stream, char *text, size_t bytes);
bool ats_stream_is_resumed(const ats_stream *stream);

#endif
