/* tls.h: what TLS connections of one kind share: trust, own certificate, protocol. Cold.
 *
 * OpenSSL. TLS 1.2 and 1.3. A client always verifies: the chain up to a trusted root, its times,
 * and that the certificate is the host's; there is no way to switch it off. The connections
 * themselves are streams: io/net/stream.h.
 */
#ifndef ATS_IO_NET_TLS_H
#define ATS_IO_NET_TLS_H

typedef struct ats_tls ats_tls;

typedef struct ats_tls_options {
    const char *ca_file;          /* trusted roots (PEM), these alone; NULL: the system's */
    const char *certificate_file; /* own chain, leaf first (PEM); a server needs one */
    const char *key_file;         /* its private key (PEM) */
    const char *alpn; /* the one protocol to offer or to accept, "http/1.1"; NULL: none */
} ats_tls_options;

/* 0 with *out set, or -1 with an error pushed that names the file. A client resumes its last
 * session with a host when it connects there again: one context for each endpoint. */
int ats_tls_client(ats_tls **out, const ats_tls_options *options);
int ats_tls_server(ats_tls **out, const ats_tls_options *options);

/* After all streams that use it are closed. NULL is allowed. */
void ats_tls_free(ats_tls *tls);

#endif
