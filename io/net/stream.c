#include "io/net/stream.h"

#include "core/clock.h"
#include "core/error.h"
#include "io/net/tls_parts.h"

#include <assert.h>
#include <openssl/err.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static_assert(ATS_STREAM_HOST_BYTES == ATS_TLS_HOST_BYTES, "one length of host names");
static_assert(offsetof(ats_stream, loop_user) == 0, "a loop's user is the stream that holds it");

/* ---- ends ----------------------------------------------------------------------------------- */

void ats_stream_drop(ats_stream *s)
{
    if (s->conn == ATS_CONN_NONE)
        return;
    ats_loop_drop(s->loop, s->conn);
    ats_loop_timer_unset(s->loop, &s->limit);
    ats_loop_timer_unset(s->loop, &s->again);
    s->conn = ATS_CONN_NONE;
    s->is_open = false;
    s->plain_from = s->plain_to = 0;
    if (s->ssl) {
        SSL_free(s->ssl);
        s->ssl = NULL;
    }
}

static void end(ats_stream *s, ats_stream_end end)
{
    /* What TLS has to say last (an alert, close_notify) is small and leaves at once, or not at all.
     */
    ats_loop_flush(s->loop);
    ats_stream_drop(s);
    s->user->on->closed(s->user, s, end, s->why);
}

/* The end of a TLS connection by what OpenSSL says. */
static void end_by_fault(ats_stream *s)
{
    long verdict = SSL_get_verify_result(s->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    if (!s->is_open && !s->tls->server && verdict != X509_V_OK)
        snprintf(s->why, sizeof s->why, "%s: %s", s->host, X509_verify_cert_error_string(verdict));
    else
        snprintf(s->why, sizeof s->why, "%s%s%s", s->host, *s->host ? ": " : "",
                 reason ? reason : "TLS failed");
    ERR_clear_error();
    end(s, s->is_open ? ATS_STREAM_BROKEN : ATS_STREAM_HANDSHAKE);
}

/* ---- TLS ------------------------------------------------------------------------------------ */

int ats_stream_transport_read(ats_stream *s, char *out, int most)
{
    size_t n = (size_t)(s->cipher_end - s->cipher);
    n = n < (size_t)most ? n : (size_t)most;
    if (n == 0)
        return 0;
    memcpy(out, s->cipher, n);
    s->cipher += n;
    return (int)n;
}

int ats_stream_transport_write(ats_stream *s, const char *bytes, int n)
{
    return ats_loop_send(s->loop, s->conn, bytes, (size_t)n) ? n : 0;
}

static void become_open(ats_stream *s)
{
    ats_loop_timer_unset(s->loop, &s->limit);
    s->is_open = true;
    s->user->on->opened(s->user, s);
}

/* False: the stream has ended, or waits for the peer. */
static bool shake_hands(ats_stream *s)
{
    ats_conn conn = s->conn;
    ERR_clear_error();
    int result = SSL_do_handshake(s->ssl);
    if (result == 1) {
        become_open(s);
        return s->conn == conn;
    }
    int error = SSL_get_error(s->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        end_by_fault(s);
    return false;
}

/* Gives what is decrypted; false: the stream is dropped or paused. */
static bool give_plain(ats_stream *s)
{
    ats_conn conn = s->conn;
    while (s->plain_from < s->plain_to) {
        if (s->paused)
            return false;
        ats_loop_data data = {.bytes = s->plain + s->plain_from,
                              .length = s->plain_to - s->plain_from,
                              .recv_ns = s->recv_ns,
                              .from_kernel = s->from_kernel};
        size_t taken = s->user->on->data(s->user, s, &data);
        if (s->conn != conn)
            return false;
        assert((taken == data.length || (taken < data.length && s->paused)) &&
               "bytes were left by a stream that is not paused");
        s->plain_from += (uint32_t)taken;
    }
    return !s->paused;
}

/* Decrypts what is in hand, record by record; false: the stream has ended. */
static bool read_records(ats_stream *s)
{
    ats_conn conn = s->conn;
    while (give_plain(s)) {
        ERR_clear_error();
        int n = SSL_read(s->ssl, s->plain, sizeof s->plain);
        if (n > 0) {
            s->plain_from = 0;
            s->plain_to = (uint32_t)n;
            continue;
        }
        int error = SSL_get_error(s->ssl, n);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
            return true;
        if (error == SSL_ERROR_ZERO_RETURN) {
            SSL_shutdown(s->ssl);
            snprintf(s->why, sizeof s->why, "ended by the peer");
            end(s, ATS_STREAM_PEER);
        } else {
            end_by_fault(s);
        }
        return false;
    }
    return s->conn == conn;
}

/* ---- what the loop tells -------------------------------------------------------------------- */

static void on_opened(ats_loop_user *user, ats_conn conn)
{
    ats_stream *s = (ats_stream *)user;
    (void)conn;
    if (s->ssl)
        shake_hands(s);
    else
        become_open(s);
}

static size_t on_data(ats_loop_user *user, ats_conn conn, const ats_loop_data *data)
{
    ats_stream *s = (ats_stream *)user;
    if (!s->ssl) {
        /* Accepted, and its first bytes were faster than the turn that opens it. */
        if (!s->is_open)
            become_open(s);
        if (s->conn != conn || s->paused)
            return 0;
        return s->user->on->data(s->user, s, data);
    }
    s->cipher = data->bytes;
    s->cipher_end = data->bytes + data->length;
    s->recv_ns = data->recv_ns;
    s->from_kernel = data->from_kernel;
    if ((s->is_open || shake_hands(s)) && s->conn == conn)
        read_records(s);
    if (s->conn != conn)
        return 0;
    size_t taken = (size_t)(s->cipher - data->bytes);
    s->cipher = s->cipher_end = NULL;
    return taken;
}

static void on_writable(ats_loop_user *user, ats_conn conn)
{
    ats_stream *s = (ats_stream *)user;
    (void)conn;
    if (!s->is_open && s->ssl)
        shake_hands(s);
    else if (s->user->on->writable)
        s->user->on->writable(s->user, s);
}

static void on_closed(ats_loop_user *user, ats_conn conn, ats_close_reason reason, int errnum)
{
    ats_stream *s = (ats_stream *)user;
    (void)conn;
    ats_stream_end how = reason == ATS_CLOSE_CONNECT ? ATS_STREAM_CONNECT
                         : reason == ATS_CLOSE_ERROR ? ATS_STREAM_BROKEN
                         : !s->ssl || s->finishing   ? ATS_STREAM_PEER
                         : s->is_open                ? ATS_STREAM_CUT
                                                     : ATS_STREAM_HANDSHAKE;
    snprintf(s->why, sizeof s->why, "%s%s%s%s%s", s->host, *s->host ? ": " : "",
             how == ATS_STREAM_CUT         ? "cut off without close_notify"
             : how == ATS_STREAM_HANDSHAKE ? "ended by the peer during the handshake"
                                           : ats_close_reason_text(reason),
             errnum ? ": " : "", errnum ? strerror(errnum) : "");
    end(s, how);
}

static const ats_loop_callbacks CALLBACKS = {
    .opened = on_opened, .data = on_data, .writable = on_writable, .closed = on_closed};

/* ---- what is put off to the next turn ---------------------------------------------------------
 */

static void out_of_time(ats_loop_timer *timer, uint64_t now_ns)
{
    ats_stream *s = (ats_stream *)((char *)timer - offsetof(ats_stream, limit));
    (void)now_ns;
    snprintf(s->why, sizeof s->why, "%s%snot open in time", s->host, *s->host ? ": " : "");
    end(s, ATS_STREAM_TIMEOUT);
}

/* An accepted plain stream is opened; a resumed one is given what was kept. */
static void go_on(ats_loop_timer *timer, uint64_t now_ns)
{
    ats_stream *s = (ats_stream *)((char *)timer - offsetof(ats_stream, again));
    ats_conn conn = s->conn;
    (void)now_ns;
    if (!s->ssl) {
        if (!s->is_open)
            become_open(s);
    } else if (s->is_open && read_records(s) && !s->paused) {
        ats_loop_resume(s->loop, conn);
    }
}

/* ---- the user's calls ----------------------------------------------------------------------- */

static int begin(ats_stream *s, ats_loop *loop, ats_stream_user *user, ats_tls *tls,
                 const char *host, uint64_t timeout_ns)
{
    s->loop_user.on = &CALLBACKS;
    s->loop = loop;
    s->user = user;
    s->tls = tls;
    s->ssl = NULL;
    s->conn = ATS_CONN_NONE;
    s->limit = (ats_loop_timer){.fire = out_of_time};
    s->again = (ats_loop_timer){.fire = go_on};
    s->cipher = s->cipher_end = NULL;
    s->plain_from = s->plain_to = 0;
    s->is_open = s->paused = s->finishing = false;
    s->why[0] = 0;
    if ((size_t)snprintf(s->host, sizeof s->host, "%s", host) >= sizeof s->host)
        return ats_error(ATS_EXIT_CONFIG, "a host name of more than 255 characters");
    if (tls && !(s->ssl = ats_tls_begin(tls, s, s->host)))
        return -1;
    if (timeout_ns)
        ats_loop_timer_set(loop, &s->limit, ats_clock_monotonic_ns() + timeout_ns);
    return 0;
}

int ats_stream_connect(ats_stream *s, ats_loop *loop, ats_stream_user *user, ats_tls *tls,
                       const char *host, const struct sockaddr *address, socklen_t length,
                       uint64_t timeout_ns)
{
    if (begin(s, loop, user, tls, host, timeout_ns) != 0)
        return -1;
    s->conn = ats_loop_connect(loop, &s->loop_user, address, length);
    if (s->conn != ATS_CONN_NONE)
        return 0;
    ats_loop_timer_unset(loop, &s->limit);
    SSL_free(s->ssl);
    s->ssl = NULL;
    return -1;
}

ats_loop_user *ats_stream_accept(ats_stream *s, ats_loop *loop, ats_stream_user *user, ats_tls *tls,
                                 ats_conn conn, uint64_t timeout_ns)
{
    if (begin(s, loop, user, tls, "", timeout_ns) != 0)
        return NULL;
    s->conn = conn;
    if (!tls)
        ats_loop_timer_set(loop, &s->again, 0);
    return &s->loop_user;
}

bool ats_stream_has_room(const ats_stream *s, size_t n)
{
    return s->is_open && !s->finishing &&
           ats_loop_room(s->loop, s->conn) >= (s->ssl ? ATS_STREAM_SEND_ROOM(n) : n);
}

bool ats_stream_send(ats_stream *s, const void *bytes, size_t n)
{
    if (!s->is_open || s->finishing)
        return false;
    if (!s->ssl)
        return ats_loop_send(s->loop, s->conn, bytes, n);
    if (n == 0)
        return true;
    if (!ats_stream_has_room(s, n)) {
        ats_loop_await_room(s->loop, s->conn, ATS_STREAM_SEND_ROOM(n));
        return false;
    }
    ERR_clear_error();
    int written = SSL_write(s->ssl, bytes, (int)n);
    if (written == (int)n)
        return true;
    ERR_clear_error(); /* the peer has broken TLS: reading tells */
    return false;
}

void ats_stream_pause(ats_stream *s)
{
    if (s->conn == ATS_CONN_NONE)
        return;
    s->paused = true;
    ats_loop_pause(s->loop, s->conn);
    if (s->is_open)
        ats_loop_timer_unset(s->loop, &s->again);
}

void ats_stream_resume(ats_stream *s)
{
    if (s->conn == ATS_CONN_NONE || !s->paused)
        return;
    s->paused = false;
    if (s->plain_from < s->plain_to)
        ats_loop_timer_set(s->loop, &s->again, 0);
    else
        ats_loop_resume(s->loop, s->conn);
}

void ats_stream_finish(ats_stream *s)
{
    if (s->conn == ATS_CONN_NONE || s->finishing)
        return;
    if (s->ssl && s->is_open)
        SSL_shutdown(s->ssl);
    s->finishing = true;
    ats_loop_finish(s->loop, s->conn);
}

const char *ats_stream_protocol(const ats_stream *s, char *text, size_t bytes)
{
    if (s->ssl)
        snprintf(text, bytes, "%s %s", SSL_get_version(s->ssl), SSL_get_cipher_name(s->ssl));
    else
        snprintf(text, bytes, "plain");
    return text;
}

bool ats_stream_is_resumed(const ats_stream *s)
{
    return s->ssl && SSL_session_reused(s->ssl);
}
