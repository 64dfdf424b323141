#include "bench/net.h"

#include "bench/net_peer.h"
#include "bench/ring.h"
#include "core/affinity.h"
#include "core/error.h"
#include "io/net/stream.h"

#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A broker's order or a quote as JSON. */
#define MESSAGE_BYTES 256u
/* 10,000 a second: about a fifth of what one connection of these machines carries, so that a
 * message rarely waits for the one before, and a stop of the machine is met by several. */
#define INTERVAL_NS    100000u
#define ROUND_MESSAGES 1000u
#define CONTENDERS     4u
#define OPEN_WITHIN_NS 5000000000ull

typedef enum way { WAY_URING, WAY_EPOLL, WAY_BLOCKING, WAY_POLLING } way;

static const char *const NAMES[CONTENDERS] = {"io_uring", "epoll", "blocking", "polling"};
static const char *const NOTES[CONTENDERS] = {
    "stream on the event loop, worked without pause", "the same",
    "bare recv and send (TLS: SSL_read, SSL_write) that sleep",
    "bare recv and send without waiting"};

/* One connection of a contender's, and a round on it. */
typedef struct client {
    ats_stream_user user;
    ats_stream stream;
    ats_loop *loop;
    ats_tls *tls;
    SSL_CTX *context;
    SSL *ssl;
    int fd;
    way how;
    bool yield, opened, closed;
    const ats_clock *clock;
    ats_histogram *samples;
    uint64_t start_ns, sent, done, bytes;
} client;

/* ---- open loop: message i is due at start + i * interval, whatever became of those before ------
 */

static inline uint64_t due(const client *c, uint64_t i)
{
    return c->start_ns + i * INTERVAL_NS;
}

static inline void arrived(client *c, size_t n, uint64_t now)
{
    for (c->bytes += n; c->bytes >= MESSAGE_BYTES; c->bytes -= MESSAGE_BYTES)
        ats_histogram_record(c->samples, now - due(c, c->done++));
}

static void on_opened(ats_stream_user *user, ats_stream *stream)
{
    (void)stream;
    ((client *)user)->opened = true;
}

static size_t on_data(ats_stream_user *user, ats_stream *stream, const ats_loop_data *data)
{
    client *c = (client *)user;
    (void)stream;
    arrived(c, data->length, ats_clock_now(c->clock));
    return data->length;
}

static void on_closed(ats_stream_user *user, ats_stream *stream, ats_stream_end end,
                      const char *why)
{
    (void)stream, (void)end;
    ((client *)user)->closed = true;
    ats_error(ATS_EXIT_FAILED, "net: %s", why);
}

static const ats_stream_callbacks CALLBACKS = {
    .opened = on_opened, .data = on_data, .closed = on_closed};

static int exchange_on_loop(client *c, const uint8_t *message)
{
    while (c->done < ROUND_MESSAGES && !c->closed) {
        uint64_t now = ats_clock_now(c->clock);
        if (c->sent < ROUND_MESSAGES && now >= due(c, c->sent) &&
            ats_stream_send(&c->stream, message, MESSAGE_BYTES)) {
            c->sent++;
            ats_loop_flush(c->loop);
        }
        if (!ats_loop_work(c->loop, now) && c->yield)
            sched_yield();
    }
    return c->closed ? -1 : 0;
}

static ssize_t bare_send(client *c, const uint8_t *message)
{
    return c->ssl ? SSL_write(c->ssl, message, MESSAGE_BYTES)
                  : send(c->fd, message, MESSAGE_BYTES, MSG_NOSIGNAL);
}

static ssize_t bare_receive(client *c, uint8_t *bytes, size_t n)
{
    if (c->ssl)
        return SSL_read(c->ssl, bytes, (int)n);
    ssize_t got = recv(c->fd, bytes, n, c->how == WAY_POLLING ? MSG_DONTWAIT : 0);
    return got < 0 && errno == EAGAIN ? 0 : got == 0 ? -1 : got;
}

static int exchange_bare(client *c, const uint8_t *message)
{
    uint8_t bytes[16384];
    while (c->done < ROUND_MESSAGES) {
        while (ats_clock_now(c->clock) < due(c, c->sent))
            ats_bench_wait(c->yield);
        if (bare_send(c, message) != (ssize_t)MESSAGE_BYTES)
            return ats_error_errno(ATS_EXIT_FAILED, errno, "net: send");
        for (c->sent++; c->done < c->sent;) {
            ssize_t n = bare_receive(c, bytes, sizeof bytes);
            if (n < 0)
                return ats_error_errno(ATS_EXIT_FAILED, errno, "net: recv");
            if (n == 0 && c->yield)
                sched_yield();
            arrived(c, (size_t)n, ats_clock_now(c->clock));
        }
    }
    return 0;
}

/* ---- connections ---------------------------------------------------------------------------- */

static int open_on_loop(client *c, const ats_bench_net_peer *peer)
{
    ats_loop_options o = {.backend = c->how == WAY_URING ? ATS_LOOP_URING : ATS_LOOP_EPOLL,
                          .connections = 4,
                          .timers = 8,
                          .receive_bytes = 4096,
                          .receive_buffers = 16,
                          .send_bytes = 65536};
    ats_tls_options trust = {.ca_file = peer->root};
    size_t bytes = ats_loop_footprint(&o);
    void *memory = aligned_alloc(4096, bytes);
    if (!memory)
        return ats_error(ATS_EXIT_FAILED, "net: out of memory");
    memset(memory, 0, bytes);
    if (ats_loop_open(&c->loop, memory, &o) != 0) {
        free(memory);
        return -1;
    }
    c->user.on = &CALLBACKS;
    if ((peer->context && ats_tls_client(&c->tls, &trust) != 0) ||
        ats_stream_connect(&c->stream, c->loop, &c->user, c->tls, "localhost",
                           (const struct sockaddr *)&peer->address, sizeof peer->address,
                           OPEN_WITHIN_NS) != 0)
        return -1;
    while (!c->opened && !c->closed)
        ats_loop_wait(c->loop, OPEN_WITHIN_NS);
    return c->opened ? 0 : -1;
}

static int open_bare(client *c, const ats_bench_net_peer *peer)
{
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 ||
        connect(c->fd, (const struct sockaddr *)&peer->address, sizeof peer->address) != 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "net: connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!peer->context)
        return 0;
    c->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_load_verify_locations(c->context, peer->root, NULL);
    SSL_CTX_set_verify(c->context, SSL_VERIFY_PEER, NULL);
    c->ssl = SSL_new(c->context);
    SSL_set_fd(c->ssl, c->fd);
    return SSL_connect(c->ssl) == 1 ? 0 : ats_error(ATS_EXIT_FAILED, "net: TLS handshake");
}

static void close_client(client *c)
{
    if (c->loop) {
        ats_stream_drop(&c->stream);
        ats_loop_close(c->loop);
        free(c->loop);
        ats_tls_free(c->tls);
    }
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    if (c->fd > 0)
        close(c->fd);
}

/* ---- one case ------------------------------------------------------------------------------- */

typedef struct net_case {
    ats_bench_result *result;
    const ats_bench_options *options;
    bool tls;
    const char *name;
    client clients[CONTENDERS];
    ats_histogram *all[CONTENDERS], *round;
    double p50_ns[CONTENDERS][ATS_BENCH_ROUNDS_MAX], took_ns[CONTENDERS];
} net_case;

static int run_round(net_case *n, uint32_t k, uint32_t round, const uint8_t *message)
{
    client *c = &n->clients[k];
    ats_histogram_reset(n->round);
    c->samples = n->round;
    c->sent = c->done = c->bytes = 0;
    c->start_ns = ats_clock_now(c->clock) + INTERVAL_NS;
    int failed = c->loop ? exchange_on_loop(c, message) : exchange_bare(c, message);
    if (failed || round == 0) /* the first one warms */
        return failed;
    n->took_ns[k] += (double)(ats_clock_now(c->clock) - c->start_ns);
    n->p50_ns[k][round - 1] = (double)ats_histogram_value_at(n->round, 50);
    ats_histogram_add(n->all[k], n->round);
    return 0;
}

/* TLS has no contender that polls bare sockets: OpenSSL's own reading is the blocking one. */
static uint32_t contenders(const net_case *n)
{
    return n->tls ? CONTENDERS - 1 : CONTENDERS;
}

static int measure(net_case *n, ats_bench_net_peer *peer)
{
    uint8_t message[MESSAGE_BYTES];
    bool uring = true;
    memset(message, 'q', sizeof message);
    for (uint32_t k = 0; k < contenders(n); k++) {
        client *c = &n->clients[k];
        c->how = (way)k;
        c->clock = &n->result->clock;
        c->yield = n->result->cpu_count < 2;
        if (ats_bench_net_peer_serve(peer) != 0)
            return -1;
        if ((k <= WAY_EPOLL ? open_on_loop(c, peer) : open_bare(c, peer)) == 0)
            continue;
        if (k != WAY_URING || c->loop)
            return -1;
        uring = false;
        ats_bench_say(n->result, "io_uring does not work here (%s): left out.", ats_error_line(0));
        ats_error_clear();
    }
    for (uint32_t round = 0; round <= n->options->rounds; round++)
        for (uint32_t k = uring ? 0 : 1; k < contenders(n); k++)
            if (run_round(n, k, round, message) != 0)
                return -1;
    for (uint32_t k = uring ? 0 : 1; k < contenders(n); k++)
        snprintf(ats_bench_add_row(n->result, n->name, NAMES[k], n->all[k], 1,
                                   1e9 * (double)ats_histogram_total(n->all[k]) / n->took_ns[k])
                     ->note,
                 ATS_BENCH_NOTE_BYTES, "%s", NOTES[k]);
    for (uint32_t k = WAY_EPOLL; uring && k < contenders(n); k++)
        if (k != WAY_BLOCKING) /* its rounds are the machine's time to wake a thread, not its own */
            ats_bench_add_ratio(n->result, n->name, "io_uring", n->p50_ns[WAY_URING], NAMES[k],
                                n->p50_ns[k], n->options->rounds, NAN);
    return 0;
}

static int run_case(ats_bench_result *result, const ats_bench_options *options, bool tls)
{
    size_t bytes = (ats_histogram_footprint() + 63) & ~(size_t)63;
    uint8_t *memory = aligned_alloc(64, (CONTENDERS + 1) * bytes);
    net_case *n = calloc(1, sizeof *n);
    ats_bench_net_peer peer = {.listener = -1};
    int failed = -1;
    if (!memory || !n) {
        ats_error(ATS_EXIT_FAILED, "net: out of memory");
    } else {
        n->result = result;
        n->options = options;
        n->tls = tls;
        n->name = tls ? "echo/256B/tls" : "echo/256B";
        for (uint32_t k = 0; k < CONTENDERS; k++)
            n->all[k] = ats_histogram_new(memory + k * bytes);
        n->round = ats_histogram_new(memory + CONTENDERS * bytes);
        failed = ats_bench_net_peer_open(&peer, tls,
                                         result->cpu_count > 1 ? result->cpus[1] : ATS_CPU_ANY);
        failed = failed || measure(n, &peer) != 0;
        for (uint32_t k = 0; k < CONTENDERS; k++)
            close_client(&n->clients[k]);
        ats_bench_net_peer_close(&peer);
    }
    free(memory);
    free(n);
    return failed ? -1 : 0;
}

static int run(ats_bench_result *result, const ats_bench_options *options)
{
    cpu_set_t before;
    if (sched_getaffinity(0, sizeof before, &before) != 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "net: affinity");
    ats_thread_pin(result->cpus[0]); /* best effort */
    ats_bench_say(result,
                  "10,000 messages a second from their intended times; echo threads of bare "
                  "blocking sockets on the other CPU.");
    int failed = run_case(result, options, false) != 0 || run_case(result, options, true) != 0 ||
                 ats_bench_net_frames(result, options) != 0;
    sched_setaffinity(0, sizeof before, &before);
    return failed ? -1 : 0;
}

const ats_bench_module ats_bench_net = {
    .name = "net",
    .purpose = "event loop, TLS and WebSocket frames against bare sockets, OpenSSL and wslay",
    .run = run,
};
