#include "bench/net_peer.h"

#include "core/affinity.h"
#include "core/error.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a certificate for the day -------------------------------------------------------------- */

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = e && X509_add_ext(certificate, e, -1) == 1;
    X509_EXTENSION_free(e);
    return added;
}

static bool fill_in(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, 2) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) &&
           X509_set_pubkey(certificate, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"bench", -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(certificate, NID_subject_alt_name, "DNS:localhost") &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* Makes it the server's, and a file of it for clients. */
static int identify(ats_bench_net_peer *peer)
{
    X509 *certificate = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    snprintf(peer->root, sizeof peer->root, "/tmp/ats-bench-net-XXXXXX");
    int fd = mkstemp(peer->root);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    bool made = certificate && key && out && fill_in(certificate, key) &&
                PEM_write_X509(out, certificate) == 1 &&
                SSL_CTX_use_certificate(peer->context, certificate) == 1 &&
                SSL_CTX_use_PrivateKey(peer->context, key) == 1;
    if (out && fclose(out) != 0)
        made = false;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made ? 0 : ats_error(ATS_EXIT_FAILED, "net: cannot make a certificate");
}

/* ---- echo ----------------------------------------------------------------------------------- */

static void echo_plain(int fd)
{
    char bytes[16384];
    for (ssize_t n; (n = recv(fd, bytes, sizeof bytes, 0)) > 0;)
        if (send(fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
            return;
}

static void echo_tls(int fd, SSL_CTX *context)
{
    char bytes[16384];
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        for (int n; (n = SSL_read(ssl, bytes, sizeof bytes)) > 0;)
            if (SSL_write(ssl, bytes, n) != n)
                break;
    SSL_free(ssl);
}

static void *serve(void *argument)
{
    ats_bench_net_peer *peer = argument;
    int on = 1;
    if (peer->cpu != ATS_CPU_ANY)
        ats_thread_pin(peer->cpu); /* best effort: where it fails, the scheduler chooses */
    int fd = accept(peer->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (peer->context)
        echo_tls(fd, peer->context);
    else
        echo_plain(fd);
    close(fd);
    return NULL;
}

int ats_bench_net_peer_open(ats_bench_net_peer *peer, bool tls, int cpu)
{
    socklen_t length = sizeof peer->address;
    *peer = (ats_bench_net_peer){
        .cpu = cpu, .address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr *address = (struct sockaddr *)&peer->address;
    if (peer->listener < 0 || bind(peer->listener, address, length) != 0 ||
        listen(peer->listener, ATS_BENCH_NET_PEERS) != 0 ||
        getsockname(peer->listener, address, &length) != 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "net: loopback");
    if (!tls)
        return 0;
    peer->context = SSL_CTX_new(TLS_server_method());
    return peer->context ? identify(peer) : ats_error(ATS_EXIT_FAILED, "net: TLS");
}

int ats_bench_net_peer_serve(ats_bench_net_peer *peer)
{
    int e = pthread_create(&peer->threads[peer->count], NULL, serve, peer);
    if (e)
        return ats_error_errno(ATS_EXIT_FAILED, e, "net: thread");
    peer->count++;
    return 0;
}

void ats_bench_net_peer_close(ats_bench_net_peer *peer)
{
    if (peer->listener >= 0)
        shutdown(peer->listener, SHUT_RDWR); /* wakes a thread that no one came to */
    for (uint32_t i = 0; i < peer->count; i++)
        pthread_join(peer->threads[i], NULL);
    if (peer->listener >= 0)
        close(peer->listener);
    SSL_CTX_free(peer->context);
    if (peer->root[0])
        unlink(peer->root);
}
