#include "core/random.h"
#include "tls_fixture.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>

TestSuite(tls, .timeout = 60, .init = make_authority, .fini = drop_authority);

#define CREDENTIAL "APCA-API-SECRET-KEY: hunter2"

/* ---- a server of OpenSSL's own, blocking, on a thread ---------------------------------------- */

typedef struct server {
    const char *show; /* NAME of the chain */
    int newest;       /* protocol version; 0: any */
    int sends;        /* bytes to send after the handshake, then close_notify */
    bool cut;         /* close the socket without close_notify */
    int listener;
    uint16_t port;
    pthread_t thread;
    long application_bytes;   /* decrypted, from the client */
    long application_records; /* records of that type, decrypted or not */
    bool shaken;
    char text[256];
} server;

/* What each record really is: the type within a TLS 1.3 record, the record's own before. */
static void count_records(int sent, int version, int type, const void *bytes, size_t n, SSL *ssl,
                          void *argument)
{
    server *s = argument;
    (void)version;
    (void)ssl;
    bool inner = type == SSL3_RT_INNER_CONTENT_TYPE && n >= 1;
    bool plain = type == SSL3_RT_HEADER && SSL_version(ssl) < TLS1_3_VERSION && n >= 1;
    if (!sent && (inner || plain) && *(const uint8_t *)bytes == SSL3_RT_APPLICATION_DATA)
        s->application_records++;
}

static void *serve(void *argument)
{
    server *s = argument;
    char file[32], block[4096] = {0};
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(context, 0); /* TLS 1.1 at all */
    SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    if (s->newest)
        SSL_CTX_set_max_proto_version(context, s->newest);
    snprintf(file, sizeof file, "%s.pem", s->show);
    SSL_CTX_use_certificate_chain_file(context, in_folder(file));
    snprintf(file, sizeof file, "%s.key", s->show);
    SSL_CTX_use_PrivateKey_file(context, in_folder(file), SSL_FILETYPE_PEM);
    int fd = accept(s->listener, NULL, NULL);
    SSL *ssl = SSL_new(context);
    SSL_set_msg_callback(ssl, count_records);
    SSL_set_msg_callback_arg(ssl, s);
    SSL_set_fd(ssl, fd);
    s->shaken = SSL_accept(ssl) == 1;
    for (int left = s->sends; s->shaken && left > 0; left -= (int)sizeof block)
        SSL_write(ssl, block, left < (int)sizeof block ? left : (int)sizeof block);
    if (s->sends && !s->cut)
        SSL_shutdown(ssl);
    for (int n; !s->cut && (n = SSL_read(ssl, s->text, sizeof s->text - 1)) > 0;)
        s->application_bytes += n;
    SSL_free(ssl);
    close(fd);
    SSL_CTX_free(context);
    return NULL;
}

static void start(server *s)
{
    signal(SIGPIPE, SIG_IGN);
    s->listener = peer_listen(&s->port);
    cr_assert_eq(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void join(server *s)
{
    pthread_join(s->thread, NULL);
    close(s->listener);
}

/* ---- the matrix ----------------------------------------------------------------------------- */

typedef struct bad_peer {
    const char *what, *show, *host, *roots;
    int newest;
    const char *says; /* in `why` */
} bad_peer;

static const bad_peer BAD[] = {
    {"expired", "expired", "localhost", "root.pem", 0, "certificate has expired"},
    {"not yet valid", "early", "localhost", "root.pem", 0, "certificate is not yet valid"},
    {"self-signed", "alone", "localhost", "root.pem", 0, "self-signed certificate"},
    {"another host", "other", "localhost", "root.pem", 0, "hostname mismatch"},
    {"a wildcard above the host", "other", "a.b.desk.example", "root.pem", 0, "hostname mismatch"},
    {"another address", "other", "127.0.0.1", "root.pem", 0, "IP address mismatch"},
    {"TLS 1.1 only", "good", "localhost", "root.pem", TLS1_1_VERSION, "protocol version"},
    {"no intermediate", "short", "localhost", "root.pem", 0, "unable to get local issuer"},
    {"intermediate shown as leaf", "reversed", "localhost", "root.pem", 0, "hostname mismatch"},
    {"signed by a leaf", "below", "localhost", "root.pem", 0, "invalid CA certificate"},
    {"unknown authority", "foreign", "localhost", "root.pem", 0, "self-signed certificate in"},
    {"another root trusted", "good", "localhost", "foreign.pem", 0, "unable to get local issuer"},
    {"expired, TLS 1.2", "expired", "localhost", "root.pem", TLS1_2_VERSION, "has expired"},
    {"another host, TLS 1.2", "other", "localhost", "root.pem", TLS1_2_VERSION, "mismatch"},
    {"the system's roots", "good", "localhost", NULL, 0, "unable to get local issuer"},
};

BOTH(tls, a_bad_peer_is_refused_with_its_reason_and_not_one_byte_of_ours_leaves)
{
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        server s = {.show = BAD[i].show, .newest = BAD[i].newest};
        start(&s);
        ats_loop *loop = loop_with(backend, OPTIONS);
        ats_tls *tls;
        ats_tls_options o = {.ca_file = BAD[i].roots ? in_folder(BAD[i].roots) : NULL};
        cr_assert_eq(ats_tls_client(&tls, &o), 0);
        static stream_recorder r;
        r = (stream_recorder){.credential = CREDENTIAL};
        connect_stream(&r, loop, tls, BAD[i].host, s.port);
        TURN_UNTIL(loop, r.closed);
        cr_expect_not(ats_stream_send(&r.stream, CREDENTIAL, sizeof CREDENTIAL));
        join(&s);
        cr_expect_eq(r.opened, 0, "%s", BAD[i].what);
        cr_expect_eq(r.end, ATS_STREAM_HANDSHAKE, "%s: %s", BAD[i].what, r.why);
        cr_expect_not_null(strstr(r.why, BAD[i].says), "%s: \"%s\"", BAD[i].what, r.why);
        cr_expect_not(s.shaken, "%s", BAD[i].what);
        cr_expect_eq(s.application_bytes, 0, "%s", BAD[i].what);
        cr_expect_eq(s.application_records, 0, "%s", BAD[i].what);
        close_loop(loop);
        ats_tls_free(tls);
    }
}

/* The same harness with nothing wrong: it does see what leaves. */
BOTH(tls, a_good_peer_gets_the_credential)
{
    static const struct {
        const char *show, *host;
        int newest;
    } good[] = {{"good", "localhost", 0},
                {"good", "127.0.0.1", 0},
                {"good", "localhost", TLS1_2_VERSION},
                {"shuffled", "localhost", 0}, /* RFC 8446 4.4.2: the rest may come in any order */
                {"other", "broker.example", 0},
                {"other", "eu.desk.example", 0}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        server s = {.show = good[i].show, .newest = good[i].newest};
        start(&s);
        ats_loop *loop = loop_with(backend, OPTIONS);
        ats_tls *tls = client_that_trusts("root.pem", NULL);
        static stream_recorder r;
        r = (stream_recorder){.credential = CREDENTIAL};
        connect_stream(&r, loop, tls, good[i].host, s.port);
        TURN_UNTIL(loop, r.opened || r.closed);
        cr_assert(r.opened, "%zu: %s", i, r.why);
        char text[64];
        ats_stream_protocol(&r.stream, text, sizeof text);
        cr_expect_not_null(strstr(text, good[i].newest ? "TLSv1.2 " : "TLSv1.3 "), "%s", text);
        ats_stream_finish(&r.stream);
        TURN_UNTIL(loop, r.closed);
        join(&s);
        cr_expect(s.shaken);
        cr_expect_eq(r.end, ATS_STREAM_PEER, "%s", r.why);
        cr_expect_eq(s.application_bytes, (long)strlen(CREDENTIAL));
        cr_expect_eq(s.application_records, 1);
        cr_expect_arr_eq(s.text, CREDENTIAL, strlen(CREDENTIAL));
        close_loop(loop);
        ats_tls_free(tls);
    }
}

Test(tls, a_client_without_a_host_to_expect_does_not_connect)
{
    ats_loop *loop = loop_with(ATS_LOOP_EPOLL, OPTIONS);
    ats_tls *tls = client_that_trusts("root.pem", NULL);
    static stream_recorder r;
    struct sockaddr_in address = loopback(1);
    cr_expect_eq(ats_stream_connect(&r.stream, loop, &r.user, tls, "", (struct sockaddr *)&address,
                                    sizeof address, 0),
                 -1);
    close_loop(loop);
    ats_tls_free(tls);
}

Test(tls, files_that_are_not_what_they_should_be_are_named)
{
    ats_tls *tls;
    ats_tls_options no_roots = {.ca_file = in_folder("missing.pem")};
    cr_expect_eq(ats_tls_client(&tls, &no_roots), -1);
    cr_expect_not_null(strstr(ats_error_line(0), "missing.pem"));
    ats_error_clear();
    ats_tls_options no_key = {.certificate_file = in_folder("good.pem"),
                              .key_file = in_folder("alone.key")};
    cr_expect_eq(ats_tls_server(&tls, &no_key), -1, "a key of another certificate");
    cr_expect_not_null(strstr(ats_error_line(0), "alone.key"));
    ats_error_clear();
    ats_tls_options nothing = {0};
    cr_expect_eq(ats_tls_server(&tls, &nothing), -1);
    cr_expect_eq(ats_error_code(), ATS_EXIT_CONFIG);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static stream_recorder run_against(ats_loop_backend backend, server *s)
{
    start(s);
    ats_loop *loop = loop_with(backend, OPTIONS);
    ats_tls *tls = client_that_trusts("root.pem", NULL);
    static stream_recorder r;
    r = (stream_recorder){0};
    connect_stream(&r, loop, tls, "localhost", s->port);
    TURN_UNTIL(loop, r.closed);
    join(s);
    close_loop(loop);
    ats_tls_free(tls);
    return r;
}

BOTH(tls, an_orderly_end_is_told_from_one_that_was_cut)
{
    server orderly = {.show = "good", .sends = 100000};
    stream_recorder r = run_against(backend, &orderly);
    cr_expect_eq(r.end, ATS_STREAM_PEER, "%s", r.why);
    cr_expect_eq(r.length, 100000);
    server cut = {.show = "good", .sends = 100000, .cut = true};
    r = run_against(backend, &cut);
    cr_expect(r.end == ATS_STREAM_CUT || r.end == ATS_STREAM_BROKEN, "%s", r.why);
    cr_expect_eq(r.opened, 1);
}

BOTH(tls, a_server_that_says_nothing_runs_out_of_time)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    ats_tls *tls = client_that_trusts("root.pem", NULL);
    uint16_t port;
    int listener = peer_listen(&port);
    struct sockaddr_in address = loopback(port);
    static stream_recorder r;
    r = (stream_recorder){.user = {&RECORD_STREAM}};
    cr_assert_eq(ats_stream_connect(&r.stream, loop, &r.user, tls, "localhost",
                                    (struct sockaddr *)&address, sizeof address, SECOND_NS / 20),
                 0);
    TURN_UNTIL(loop, r.closed);
    cr_expect_eq(r.end, ATS_STREAM_TIMEOUT, "%s", r.why);
    cr_expect_not_null(strstr(r.why, "not open in time"));
    close(listener);
    close_loop(loop);
    ats_tls_free(tls);
}

BOTH(tls, a_peer_that_speaks_no_tls_is_refused)
{
    ats_loop *loop = loop_with(backend, OPTIONS);
    ats_tls *tls = client_that_trusts("root.pem", NULL);
    uint16_t port;
    int listener = peer_listen(&port);
    static stream_recorder r;
    r = (stream_recorder){.credential = CREDENTIAL};
    connect_stream(&r, loop, tls, "localhost", port);
    ats_loop_wait(loop, 0);
    int peer = accept(listener, NULL, NULL);
    cr_assert_eq(write(peer, "HTTP/1.1 200 OK\r\n\r\n", 19), 19);
    TURN_UNTIL(loop, r.closed);
    cr_expect_eq(r.end, ATS_STREAM_HANDSHAKE, "%s", r.why);
    close_loop(loop);
    ats_tls_free(tls);
    close(listener);
}

/* ---- both ends ours ------------------------------------------------------------------------- */

typedef struct pair {
    ats_loop *loop;
    ats_tls *client_tls, *server_tls;
    listener_of_streams listener;
    uint16_t port;
} pair;

static stream_recorder here, there;

static void open_pair(pair *p, ats_loop_backend backend, ats_loop_options options,
                      const char *client_alpn, const char *server_alpn)
{
    p->loop = loop_with(backend, options);
    p->client_tls = client_that_trusts("root.pem", client_alpn);
    p->server_tls = server_that_shows("good", server_alpn);
    there = (stream_recorder){.user = {&RECORD_STREAM}};
    here = (stream_recorder){.user = {&RECORD_STREAM}};
    p->port = listen_streams(&p->listener, p->loop, p->server_tls, &there);
}

static void close_pair(pair *p)
{
    ats_stream_drop(&here.stream);
    ats_stream_drop(&there.stream);
    close_loop(p->loop);
    ats_tls_free(p->client_tls);
    ats_tls_free(p->server_tls);
}

BOTH(tls, bytes_go_both_ways_in_order_through_short_writes_and_pauses)
{
    pair p;
    ats_loop_options options = OPTIONS;
    options.kernel_timestamps = true;
    open_pair(&p, backend, options, NULL, NULL);
    connect_stream(&here, p.loop, p.client_tls, "localhost", p.port);
    TURN_UNTIL(p.loop, here.opened && there.opened);
    ats_random random;
    ats_random_seed(&random, 3);
    static uint8_t piece[40000];
    const size_t total = 2u << 20;
    size_t sent = 0;
    uint64_t begun = ats_clock_monotonic_ns();
    while (there.length < total) {
        cr_assert_lt(ats_clock_monotonic_ns() - begun, 30 * SECOND_NS);
        for (bool taken = true; taken && sent < total;) {
            size_t n = 1 + ats_random_below(&random, sizeof piece);
            n = n < total - sent ? n : total - sent;
            for (size_t i = 0; i < n; i++)
                piece[i] = (uint8_t)((sent + i) * 13 >> 4);
            taken = ats_stream_send(&here.stream, piece, n);
            sent += taken ? n : 0;
        }
        there.take = ats_random_below(&random, 4) ? 0 : 1 + ats_random_below(&random, 20000);
        ats_loop_wait(p.loop, 0);
        ats_stream_resume(&there.stream);
    }
    for (size_t i = 0; i < total; i++)
        cr_assert_eq(there.bytes[i], (uint8_t)(i * 13 >> 4), "byte %zu", i);
    cr_expect_gt(here.writable, 0);
    there.take = 0;
    cr_assert(ats_stream_send(&there.stream, "fill", 4));
    TURN_UNTIL(p.loop, here.length == 4);
    cr_expect_arr_eq(here.bytes, "fill", 4);
    cr_expect(there.from_kernel, "the ciphertext's stamp is the plaintext's");
    ats_stream_finish(&here.stream);
    TURN_UNTIL(p.loop, here.closed && there.closed);
    cr_expect_eq(there.end, ATS_STREAM_PEER);
    cr_expect_eq(here.end, ATS_STREAM_PEER);
    close_pair(&p);
}

BOTH(tls, a_second_connection_resumes_the_first_ones_session)
{
    pair p;
    open_pair(&p, backend, OPTIONS, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        here = (stream_recorder){.credential = "hello"};
        there = (stream_recorder){.user = {&RECORD_STREAM}, .echo = true};
        connect_stream(&here, p.loop, p.client_tls, "localhost", p.port);
        TURN_UNTIL(p.loop, here.length == 5); /* the ticket comes with the first bytes */
        cr_expect_eq(ats_stream_is_resumed(&here.stream), i == 1);
        ats_stream_finish(&here.stream);
        TURN_UNTIL(p.loop, here.closed && there.closed);
    }
    close_pair(&p);
}

BOTH(tls, another_protocol_than_the_servers_is_no_agreement)
{
    pair p;
    open_pair(&p, backend, OPTIONS, "http/1.1", "http/1.1");
    connect_stream(&here, p.loop, p.client_tls, "localhost", p.port);
    TURN_UNTIL(p.loop, here.opened && there.opened);
    close_pair(&p);
    open_pair(&p, backend, OPTIONS, "h2", "http/1.1");
    here.credential = CREDENTIAL;
    connect_stream(&here, p.loop, p.client_tls, "localhost", p.port);
    TURN_UNTIL(p.loop, here.closed && there.closed);
    cr_expect_eq(here.opened, 0);
    cr_expect_not_null(strstr(here.why, "no application protocol"), "%s", here.why);
    close_pair(&p);
}

/* OpenSSL 3.0 takes and returns two small blocks a record (its packet writer's); nothing grows. */
static long allocations, largest;

static void *count_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    allocations++;
    largest = (long)n > largest ? (long)n : largest;
    return malloc(n);
}

static void *count_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    allocations++;
    largest = (long)n > largest ? (long)n : largest;
    return realloc(p, n);
}

static void plain_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

/* OpenSSL takes its allocator only before it has allocated anything. */
__attribute__((constructor)) static void count_allocations(void)
{
    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, plain_free) != 1)
        abort();
}

Test(tls, messages_of_an_open_connection_take_no_more_than_two_small_blocks_a_record)
{
    pair p;
    open_pair(&p, ATS_LOOP_AUTO, OPTIONS, NULL, NULL);
    there.echo = true;
    connect_stream(&here, p.loop, p.client_tls, "localhost", p.port);
    TURN_UNTIL(p.loop, here.opened && there.opened);
    char message[300] = "order";
    long before = 0;
    for (size_t i = 1; i <= 1100; i++) {
        cr_assert(ats_stream_send(&here.stream, message, sizeof message));
        TURN_UNTIL(p.loop, here.length == i * sizeof message);
        if (i == 100) {
            before = allocations;
            largest = 0;
        }
    }
    cr_expect_leq(allocations - before, 4 * 2 * 1000, "%ld in 1,000 round trips",
                  allocations - before);
    cr_expect_leq(largest, 64, "%ld bytes", largest);
    cr_expect_gt(before, 0);
    close_pair(&p);
}
