/* server.h: the Alpaca broker on sockets: REST on one port, WebSocket streams on another.
 *
 * Paths of streams: /stream (updates of orders), /v2/iex, /v2/sip, /v2/test (market data). A
 * Content-Type of application/msgpack in the upgrade asks for MessagePack; keys may come in the
 * headers APCA-API-KEY-ID and APCA-API-SECRET-KEY.
 *
 * A client that does not read: answers wait in memory, and its requests are read no further; a
 * stream that is behind by more than ATS_VENUE_BEHIND_BYTES is closed, with a word (407) where that
 * still gets through.
 *
 * Owner: the loop's thread. Cold.
 */
#ifndef ATS_IO_VENUE_ALPACA_SERVER_H
#define ATS_IO_VENUE_ALPACA_SERVER_H

#include "io/net/loop.h"
#include "io/net/tls.h"
#include "io/venue/alpaca/paper.h"
#include "io/venue/alpaca/faults.h"

#define ATS_VENUE_BEHIND_BYTES (16u << 20)

/* Connections that a loop for the server needs slots for, beside its two listeners, and the send
 * ring of each: the largest message is a flush of market data and one more. */
#define ATS_VENUE_CONNECTIONS 64u
#define ATS_VENUE_SEND_BYTES  (1u << 18)
#define ATS_VENUE_TIMERS      (ATS_VENUE_CONNECTIONS * 5u + 5u)

typedef struct ats_venue_server_config {
    ats_paper *broker;
    ats_loop *loop;
    ats_tls *tls;                    /* of a server; NULL: plain */
    ats_venue_faults *faults;        /* what is to go wrong; NULL: nothing */
    uint16_t rest_port, stream_port; /* on 127.0.0.1; 0: the kernel chooses */
} ats_venue_server_config;

typedef struct ats_venue_counters {
    uint64_t requests, bad_requests;
    uint64_t streams, streams_refused, streams_slow;
    uint64_t messages; /* sent on streams */
} ats_venue_counters;

typedef struct ats_venue_server ats_venue_server;

/* 0 with *out set, or -1 with an error pushed: no memory, or a port is taken. */
int ats_venue_server_open(ats_venue_server **out, const ats_venue_server_config *config);
/* Drops every connection. NULL is allowed. */
void ats_venue_server_close(ats_venue_server *server);

uint16_t ats_venue_server_rest_port(const ats_venue_server *server);
uint16_t ats_venue_server_stream_port(const ats_venue_server *server);
const ats_venue_counters *ats_venue_server_counted(const ats_venue_server *server);

#endif
