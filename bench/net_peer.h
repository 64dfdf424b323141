/* net_peer.h: what `ats bench net` talks to: blocking echo threads, with TLS or without. */
#ifndef ATS_BENCH_NET_PEER_H
#define ATS_BENCH_NET_PEER_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define ATS_BENCH_NET_PEERS 4u /* connections of one case at most */

typedef struct ats_bench_net_peer {
    int listener, cpu;
    struct sockaddr_in address;
    SSL_CTX *context; /* NULL: plain */
    char root[64];    /* TLS: file of the certificate that clients are to trust; host "localhost" */
    pthread_t threads[ATS_BENCH_NET_PEERS];
    uint32_t count;
} ats_bench_net_peer;

/* Listens on a port of the kernel's choosing. 0, or -1 with an error pushed. */
int ats_bench_net_peer_open(ats_bench_net_peer *peer, bool tls, int cpu);

/* A thread, pinned to the peer's CPU, that takes one connection and returns what comes until it
 * ends. 0, or -1 with an error pushed. */
int ats_bench_net_peer_serve(ats_bench_net_peer *peer);

/* After all connections were closed. */
void ats_bench_net_peer_close(ats_bench_net_peer *peer);

#endif
