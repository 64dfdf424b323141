/* tls_parts.h: what tls.c and stream.c share. Not for their users. */
#ifndef ATS_IO_NET_TLS_PARTS_H
#define ATS_IO_NET_TLS_PARTS_H

#include "io/net/stream.h"
#include "io/net/tls.h"

#include <openssl/ssl.h>

#define ATS_TLS_HOST_BYTES 256u /* a DNS name has at most 253 characters */

struct ats_tls {
    SSL_CTX *context;
    BIO_METHOD *transport; /* to and from a stream's loop connection */
    bool server;
    SSL_SESSION *session; /* client: of the last connection to session_host */
    char session_host[ATS_TLS_HOST_BYTES];
    unsigned char alpn[64]; /* length-prefixed, as OpenSSL wants it */
    unsigned alpn_length;
};

/* A connection's TLS state over the stream's transport; a client's is told the host. NULL with an
 * error pushed. */
SSL *ats_tls_begin(ats_tls *tls, ats_stream *stream, const char *host);

/* What the transport calls (stream.c): bytes moved; 0: none now, try again. */
int ats_stream_transport_read(ats_stream *stream, char *out, int most);
int ats_stream_transport_write(ats_stream *stream, const char *bytes, int n);

#endif
