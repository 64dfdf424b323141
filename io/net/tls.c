#include "io/net/tls.h"

#include "core/error.h"
#include "io/net/tls_parts.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = ERR_reason_error_string(code);
    ERR_clear_error();
    return ats_error(ATS_EXIT_CONFIG, "TLS: %s: %s", what, why ? why : "unknown fault");
}

/* ---- the transport: OpenSSL reads the receive buffer and writes the send ring ---------------- */

static int transport_read(BIO *bio, char *out, int most)
{
    int n = ats_stream_transport_read(BIO_get_data(bio), out, most);
    BIO_clear_retry_flags(bio);
    if (n > 0)
        return n;
    BIO_set_retry_read(bio);
    return -1;
}

static int transport_write(BIO *bio, const char *bytes, int n)
{
    BIO_clear_retry_flags(bio);
    if (ats_stream_transport_write(BIO_get_data(bio), bytes, n) > 0)
        return n;
    BIO_set_retry_write(bio);
    return -1;
}

static long transport_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH; /* the loop flushes; OpenSSL takes 0 for a failure */
}

static int transport_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *make_transport(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ats stream");
    if (!m)
        return NULL;
    BIO_meth_set_read(m, transport_read);
    BIO_meth_set_write(m, transport_write);
    BIO_meth_set_ctrl(m, transport_control);
    BIO_meth_set_create(m, transport_create);
    return m;
}

/* ---- contexts ------------------------------------------------------------------------------- */

/* Keeps a client's newest session. Returns 1: the reference is ours now. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    ats_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const ats_stream *stream = SSL_get_app_data(ssl);
    SSL_SESSION_free(tls->session);
    tls->session = session;
    memcpy(tls->session_host, stream->host, sizeof tls->session_host);
    return 1;
}

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                           const unsigned char *offered, unsigned offered_length, void *argument)
{
    const ats_tls *tls = argument;
    (void)ssl;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_length, tls->alpn, tls->alpn_length, offered,
                              offered_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int trust(SSL_CTX *context, const ats_tls_options *o)
{
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (o->ca_file && SSL_CTX_load_verify_locations(context, o->ca_file, NULL) != 1)
        return refuse(o->ca_file);
    if (!o->ca_file && SSL_CTX_set_default_verify_paths(context) != 1)
        return refuse("the system's trusted roots");
    return 0;
}

static int certify(SSL_CTX *context, const ats_tls_options *o)
{
    if (SSL_CTX_use_certificate_chain_file(context, o->certificate_file) != 1)
        return refuse(o->certificate_file);
    if (SSL_CTX_use_PrivateKey_file(context, o->key_file, SSL_FILETYPE_PEM) != 1)
        return refuse(o->key_file);
    return 0;
}

static int set_protocol(ats_tls *tls, const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n >= sizeof tls->alpn)
        return ats_error(ATS_EXIT_CONFIG, "TLS: \"%s\" is no protocol name", name);
    tls->alpn[0] = (unsigned char)n;
    memcpy(tls->alpn + 1, name, n);
    tls->alpn_length = (unsigned)n + 1;
    if (tls->server)
        SSL_CTX_set_alpn_select_cb(tls->context, select_protocol, tls);
    else if (SSL_CTX_set_alpn_protos(tls->context, tls->alpn, tls->alpn_length) != 0)
        return refuse("protocol");
    return 0;
}

static int set_up(ats_tls *tls, const ats_tls_options *o)
{
    tls->transport = make_transport();
    tls->context = SSL_CTX_new(tls->server ? TLS_server_method() : TLS_client_method());
    if (!tls->transport || !tls->context)
        return refuse("context");
    SSL_CTX_set_app_data(tls->context, tls);
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_options(tls->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    if (tls->server && (!o->certificate_file || !o->key_file))
        return ats_error(ATS_EXIT_CONFIG, "TLS: a server needs a certificate and its key");
    if (!tls->server) {
        SSL_CTX_set_session_cache_mode(tls->context,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(tls->context, keep_session);
        if (trust(tls->context, o) != 0)
            return -1;
    }
    if (o->certificate_file && certify(tls->context, o) != 0)
        return -1;
    return o->alpn ? set_protocol(tls, o->alpn) : 0;
}

static int make(ats_tls **out, const ats_tls_options *options, bool server)
{
    *out = NULL;
    ats_tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return ats_error(ATS_EXIT_FAILED, "TLS: out of memory");
    tls->server = server;
    if (set_up(tls, options) != 0) {
        ats_tls_free(tls);
        return -1;
    }
    *out = tls;
    return 0;
}

int ats_tls_client(ats_tls **out, const ats_tls_options *options)
{
    return make(out, options, false);
}

int ats_tls_server(ats_tls **out, const ats_tls_options *options)
{
    return make(out, options, true);
}

void ats_tls_free(ats_tls *tls)
{
    if (!tls)
        return;
    SSL_SESSION_free(tls->session);
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->transport);
    free(tls);
}

/* ---- connections ---------------------------------------------------------------------------- */

/* The certificate must be this host's; a name is also told to the server (SNI), an address is not
 * (RFC 6066 section 3). */
static int expect_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    bool literal =
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    if (literal)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 ? 0 : -1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1 ? 0 : -1;
}

SSL *ats_tls_begin(ats_tls *tls, ats_stream *stream, const char *host)
{
    SSL *ssl = SSL_new(tls->context);
    BIO *bio = ssl ? BIO_new(tls->transport) : NULL;
    if (!bio || (!tls->server && (!*host || expect_host(ssl, host) != 0))) {
        refuse(!tls->server && *host ? host : "connection");
        BIO_free(bio);
        SSL_free(ssl);
        return NULL;
    }
    BIO_set_data(bio, stream);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, stream);
    if (tls->server) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    SSL_set_connect_state(ssl);
    if (tls->session && strcmp(tls->session_host, host) == 0)
        SSL_set_session(ssl, tls->session);
    return ssl;
}
