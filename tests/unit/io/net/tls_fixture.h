/* tls_fixture.h: a certificate authority of the test's own, and a stream's user that records. */
#ifndef ATS_TESTS_TLS_FIXTURE_H
#define ATS_TESTS_TLS_FIXTURE_H

#include "io/net/stream.h"
#include "loop_fixture.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#define DAY_S 86400l

typedef struct identity {
    X509 *certificate;
    EVP_PKEY *key;
} identity;

static char folder[64]; /* of PEM files, gone after the test */

static void extend(X509 *c, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    cr_assert_not_null(e, "%s", value);
    X509_add_ext(c, e, -1);
    X509_EXTENSION_free(e);
}

/* issuer NULL: self-signed. names: "DNS:localhost,IP:127.0.0.1"; NULL: an authority. */
static identity issue(const char *name, const char *names, const identity *issuer, long from_s,
                      long until_s)
{
    static long serial = 1000;
    identity i = {X509_new(), EVP_EC_gen("P-256")};
    const identity *by = issuer ? issuer : &i;
    X509_set_version(i.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(i.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(i.certificate), from_s);
    X509_gmtime_adj(X509_getm_notAfter(i.certificate), until_s);
    X509_set_pubkey(i.certificate, i.key);
    X509_NAME *subject = X509_get_subject_name(i.certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(i.certificate, X509_get_subject_name(by->certificate));
    extend(i.certificate, by->certificate, NID_basic_constraints,
           names ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (names)
        extend(i.certificate, by->certificate, NID_subject_alt_name, names);
    cr_assert_gt(X509_sign(i.certificate, by->key, EVP_sha256()), 0);
    return i;
}

static void drop_identity(identity i)
{
    X509_free(i.certificate);
    EVP_PKEY_free(i.key);
}

static const char *in_folder(const char *name)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Writes NAME.pem with the certificates in that order, and NAME.key with the first one's key. */
static void save(const char *name, size_t count, const identity *const *chain)
{
    char file[64];
    snprintf(file, sizeof file, "%s.pem", name);
    FILE *out = fopen(in_folder(file), "w");
    for (size_t i = 0; i < count; i++)
        PEM_write_X509(out, chain[i]->certificate);
    fclose(out);
    snprintf(file, sizeof file, "%s.key", name);
    out = fopen(in_folder(file), "w");
    PEM_write_PrivateKey(out, chain[0]->key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
}

#define SAVE(name, ...)                                                                            \
    save(name, sizeof((const identity *[]){__VA_ARGS__}) / sizeof(identity *),                     \
         (const identity *[]){__VA_ARGS__})

/* root.pem: the one root that clients trust. The others are what a server may show. */
static void make_authority(void)
{
    snprintf(folder, sizeof folder, "/tmp/ats-test-tls-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    const char *here = "DNS:localhost,IP:127.0.0.1";
    identity root = issue("Test Root", NULL, NULL, -DAY_S, DAY_S);
    identity middle = issue("Test Intermediate", NULL, &root, -DAY_S, DAY_S);
    identity good = issue("good", here, &middle, -DAY_S, DAY_S);
    identity expired = issue("expired", here, &middle, -2 * DAY_S, -DAY_S);
    identity early = issue("early", here, &middle, DAY_S, 2 * DAY_S);
    identity other =
        issue("other", "DNS:broker.example,DNS:*.desk.example", &middle, -DAY_S, DAY_S);
    identity alone = issue("alone", here, NULL, -DAY_S, DAY_S);
    identity foreign_root = issue("Another Root", NULL, NULL, -DAY_S, DAY_S);
    identity foreign = issue("foreign", here, &foreign_root, -DAY_S, DAY_S);
    /* Signed by a leaf, which may sign nothing. */
    identity below_leaf = issue("below", here, &good, -DAY_S, DAY_S);
    SAVE("root", &root);
    SAVE("good", &good, &middle);
    SAVE("shuffled", &good, &root, &middle);
    SAVE("expired", &expired, &middle);
    SAVE("early", &early, &middle);
    SAVE("other", &other, &middle);
    SAVE("alone", &alone);
    SAVE("foreign", &foreign, &foreign_root);
    SAVE("short", &good);
    SAVE("reversed", &middle, &good);
    SAVE("below", &below_leaf, &good, &middle);
    identity all[] = {root,  middle,       good,    expired,    early,
                      other, foreign_root, foreign, below_leaf, alone};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        drop_identity(all[i]);
}

static void drop_authority(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    cr_expect_eq(system(command), 0);
}

/* ---- a user that keeps what it is told ------------------------------------------------------ */

typedef struct listener_of_streams listener_of_streams;

typedef struct stream_recorder {
    ats_stream_user user;
    ats_stream stream;
    uint8_t *bytes;
    size_t length, capacity, place, take;
    uint32_t opened, closed, writable;
    ats_stream_end end;
    char why[ATS_STREAM_WHY_BYTES];
    int64_t recv_ns;
    bool from_kernel, echo;
    const char *credential; /* sent as soon as it is open */
} stream_recorder;

static void stream_opened(ats_stream_user *user, ats_stream *stream)
{
    stream_recorder *r = (stream_recorder *)user;
    r->opened++;
    if (r->credential)
        cr_assert(ats_stream_send(stream, r->credential, strlen(r->credential)));
}

static size_t stream_data(ats_stream_user *user, ats_stream *stream, const ats_loop_data *data)
{
    stream_recorder *r = (stream_recorder *)user;
    size_t n = data->length;
    r->recv_ns = data->recv_ns;
    r->from_kernel = data->from_kernel;
    if (r->take) {
        n = n < r->take ? n : r->take;
        ats_stream_pause(stream);
    }
    while (r->length + n > r->capacity) {
        if (r->capacity == 0)
            r->place = grown_count++;
        r->capacity = r->capacity * 2 + 65536;
        r->bytes = grown[r->place] = realloc(r->bytes, r->capacity);
    }
    memcpy(r->bytes + r->length, data->bytes, n);
    r->length += n;
    if (r->echo)
        cr_assert(ats_stream_send(stream, data->bytes, n));
    return n;
}

static void stream_writable(ats_stream_user *user, ats_stream *stream)
{
    (void)stream;
    ((stream_recorder *)user)->writable++;
}

static void stream_closed(ats_stream_user *user, ats_stream *stream, ats_stream_end end,
                          const char *why)
{
    stream_recorder *r = (stream_recorder *)user;
    cr_assert_eq(stream->conn, ATS_CONN_NONE);
    r->closed++;
    r->end = end;
    snprintf(r->why, sizeof r->why, "%s", why);
}

static const ats_stream_callbacks RECORD_STREAM = {.opened = stream_opened,
                                                   .data = stream_data,
                                                   .writable = stream_writable,
                                                   .closed = stream_closed};

/* Takes one connection of a listener as a stream. */
struct listener_of_streams {
    ats_loop_user user;
    ats_loop *loop;
    ats_tls *tls;
    stream_recorder *next;
};

static ats_loop_user *accept_stream(ats_loop_user *user, ats_conn listener, ats_conn conn)
{
    listener_of_streams *l = (listener_of_streams *)user;
    (void)listener;
    return ats_stream_accept(&l->next->stream, l->loop, &l->next->user, l->tls, conn, 0);
}

static const ats_loop_callbacks ACCEPT_STREAMS = {.accepted = accept_stream};

__attribute__((unused)) static uint16_t listen_streams(listener_of_streams *l, ats_loop *loop,
                                                       ats_tls *tls, stream_recorder *next)
{
    *l = (listener_of_streams){{&ACCEPT_STREAMS}, loop, tls, next};
    struct sockaddr_in any = loopback(0);
    ats_conn conn = ats_loop_listen(loop, &l->user, (struct sockaddr *)&any, sizeof any);
    cr_assert_neq(conn, ATS_CONN_NONE);
    return ats_loop_port(loop, conn);
}

__attribute__((unused)) static void connect_stream(stream_recorder *r, ats_loop *loop, ats_tls *tls,
                                                   const char *host, uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    r->user.on = &RECORD_STREAM;
    cr_assert_eq(ats_stream_connect(&r->stream, loop, &r->user, tls, host,
                                    (struct sockaddr *)&address, sizeof address, 5 * SECOND_NS),
                 0, "%s", ats_error_line(0));
    cr_assert_eq(r->opened + r->closed, 0, "never within the call");
}

__attribute__((unused)) static ats_tls *client_that_trusts(const char *roots, const char *alpn)
{
    ats_tls *tls;
    ats_tls_options o = {.ca_file = in_folder(roots), .alpn = alpn};
    cr_assert_eq(ats_tls_client(&tls, &o), 0, "%s", ats_error_line(0));
    return tls;
}

__attribute__((unused)) static ats_tls *server_that_shows(const char *name, const char *alpn)
{
    ats_tls *tls;
    char certificate[32], key[32];
    snprintf(certificate, sizeof certificate, "%s.pem", name);
    snprintf(key, sizeof key, "%s.key", name);
    ats_tls_options o = {
        .certificate_file = in_folder(certificate), .key_file = in_folder(key), .alpn = alpn};
    cr_assert_eq(ats_tls_server(&tls, &o), 0, "%s", ats_error_line(0));
    return tls;
}

#endif
