#include "io/net/websocket.h"

#include "core/clock.h"
#include "io/base64.h"
#include "io/net/resolve.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

/* A peer on the other side of the earth answers in half a second; a hung one never does. */
#define CLOSE_WITHIN_NS 5000000000ull

/* Masking keys are drawn this many at a time: one call of the generator for 64 messages. */
#define KEYS 64u

typedef enum phase {
    PHASE_IDLE = 0,
    PHASE_UPGRADING = 1,
    PHASE_OPEN = 2,
    PHASE_CLOSING = 3 /* we have said close */
} phase;

struct ats_websocket {
    ats_stream_user stream_user;
    ats_stream stream;
    ats_websocket_user *user;
    ats_websocket_options options;
    ats_loop_timer alive;  /* silence, and the wait for a pong */
    ats_loop_timer finish; /* upgrading, and the wait for a close */
    phase phase;
    bool server, paused, heard, pinged, close_received;
    uint16_t status;
    uint16_t port;       /* client: for the Host field where it is not the scheme's own */
    uint32_t head_bytes; /* upgrading: so much of the head is in `in` */
    const char *fields, *path;
    ats_ws_reader reader;
    uint32_t key_at;
    uint8_t keys[KEYS][4];
    char key[ATS_UPGRADE_KEY_BYTES];
    char why[ATS_WEBSOCKET_WHY_BYTES];
    size_t message_bytes;
    uint8_t *in, *out; /* a message; a frame */
};

static_assert(offsetof(ats_websocket, stream_user) == 0, "a stream's user is the WebSocket");

static size_t whole_lines(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

size_t ats_websocket_footprint(size_t message_bytes)
{
    if (message_bytes < ATS_UPGRADE_HEAD_BYTES || message_bytes > 1u << 30)
        return 0;
    return whole_lines(sizeof(ats_websocket)) + whole_lines(message_bytes) +
           whole_lines(message_bytes + ATS_WS_HEAD_BYTES);
}

ats_websocket *ats_websocket_new(void *memory, size_t message_bytes)
{
    ats_websocket *ws = memory;
    memset(ws, 0, sizeof *ws);
    ws->message_bytes = message_bytes;
    ws->in = (uint8_t *)memory + whole_lines(sizeof *ws);
    ws->out = ws->in + whole_lines(message_bytes);
    return ws;
}

/* ---- ends ----------------------------------------------------------------------------------- */

void ats_websocket_drop(ats_websocket *ws)
{
    if (ws->phase == PHASE_IDLE)
        return;
    ats_loop_timer_unset(ws->stream.loop, &ws->alive);
    ats_loop_timer_unset(ws->stream.loop, &ws->finish);
    ats_stream_drop(&ws->stream);
    ws->phase = PHASE_IDLE;
}

/* Tells the end, once the stream beneath is closed or to be dropped. */
static void end(ats_websocket *ws, uint16_t code, ats_stream_end stream, const char *why)
{
    ats_websocket_end e = {.opened = ws->phase != PHASE_UPGRADING,
                           .clean = ws->phase == PHASE_CLOSING && ws->close_received,
                           .code = code,
                           .status = ws->status,
                           .stream = stream,
                           .why = why};
    ats_loop_flush(ws->stream.loop); /* a last close frame or refusal, if there is room for it */
    ats_websocket_drop(ws);
    ws->user->on->closed(ws->user, ws, &e);
}

/* ---- sending -------------------------------------------------------------------------------- */

static const uint8_t *next_key(ats_websocket *ws)
{
    if (ws->server)
        return NULL;
    if (ws->key_at == KEYS)
        ws->key_at = 0;
    /* Unpredictable, so that no one who chooses our messages can choose what they look like to
     * something between (RFC 6455 section 10.3). */
    if (ws->key_at == 0 && RAND_bytes(&ws->keys[0][0], sizeof ws->keys) != 1)
        return NULL;
    return ws->keys[ws->key_at++];
}

static bool send_frame(ats_websocket *ws, ats_ws_opcode opcode, const void *bytes, size_t n)
{
    const uint8_t *key = next_key(ws);
    assert(n <= ws->message_bytes && "larger than this WebSocket was made for");
    if (!key && !ws->server)
        return false;
    size_t head = ats_ws_head(ws->out, opcode, n, key);
    if (key)
        ats_ws_mask(ws->out + head, bytes, n, key, 0);
    else
        memcpy(ws->out + head, bytes, n);
    return ats_stream_send(&ws->stream, ws->out, head + n);
}

bool ats_websocket_send(ats_websocket *ws, ats_ws_opcode opcode, const void *bytes, size_t n)
{
    return ws->phase == PHASE_OPEN && send_frame(ws, opcode, bytes, n);
}

static void say_close(ats_websocket *ws, uint16_t code, const void *reason, size_t n)
{
    uint8_t payload[ATS_WS_CONTROL_BYTES];
    n = n < sizeof payload - 2 ? n : sizeof payload - 2;
    payload[0] = (uint8_t)(code >> 8);
    payload[1] = (uint8_t)code;
    memcpy(payload + 2, reason, n);
    send_frame(ws, ATS_WS_CLOSE, payload, code == ATS_WS_NO_CODE ? 0 : n + 2);
    ws->phase = PHASE_CLOSING;
    ats_loop_timer_unset(ws->stream.loop, &ws->alive);
    ats_loop_timer_set(ws->stream.loop, &ws->finish, ats_clock_monotonic_ns() + CLOSE_WITHIN_NS);
}

void ats_websocket_close(ats_websocket *ws, uint16_t code, const char *reason)
{
    if (ws->phase == PHASE_OPEN)
        say_close(ws, code, reason, strlen(reason));
    else if (ws->phase == PHASE_UPGRADING)
        ats_websocket_drop(ws);
}

/* ---- upgrading ------------------------------------------------------------------------------ */

static void become_open(ats_websocket *ws)
{
    ats_loop_timer_unset(ws->stream.loop, &ws->finish);
    ws->phase = PHASE_OPEN;
    ats_ws_reader_start(&ws->reader, ws->in, ws->message_bytes, ws->server);
    if (ws->options.ping_after_ns)
        ats_loop_timer_set(ws->stream.loop, &ws->alive,
                           ats_clock_monotonic_ns() + ws->options.ping_after_ns);
    ws->user->on->opened(ws->user, ws);
}

static void refuse(ats_websocket *ws, const char *why)
{
    if (ws->status)
        snprintf(ws->why, sizeof ws->why, "%s (HTTP %u)", why, ws->status);
    else
        snprintf(ws->why, sizeof ws->why, "%s", why);
    end(ws, ATS_WS_CUT_OFF, ATS_STREAM_PEER, ws->why);
}

static void check_request(ats_websocket *ws)
{
    char path[ATS_UPGRADE_PATH_BYTES], text[256];
    const char *head = (const char *)ws->in;
    const char *why = ats_upgrade_check_request(head, ws->head_bytes, path, ws->key, &ws->status);
    if (!why && ws->user->on->requested &&
        !ws->user->on->requested(ws->user, ws, path, head, ws->head_bytes, &ws->status))
        why = "refused";
    size_t n = why ? ats_upgrade_refusal(text, sizeof text, ws->status)
                   : ats_upgrade_answer(text, sizeof text, ws->key);
    ats_stream_send(&ws->stream, text, n);
    if (why)
        refuse(ws, why);
    else
        become_open(ws);
}

/* Collects the head; returns how many of the bytes belong to it. */
static size_t read_head(ats_websocket *ws, const uint8_t *bytes, size_t n)
{
    size_t before = ws->head_bytes;
    size_t more = n < ATS_UPGRADE_HEAD_BYTES - before ? n : ATS_UPGRADE_HEAD_BYTES - before;
    memcpy(ws->in + before, bytes, more);
    size_t head = ats_upgrade_head((const char *)ws->in, before + more);
    ws->head_bytes = (uint32_t)(head ? head : before + more);
    if (!head) {
        if (ws->head_bytes == ATS_UPGRADE_HEAD_BYTES)
            refuse(ws, "a head that does not end");
        return more;
    }
    if (ws->server) {
        check_request(ws);
    } else {
        const char *why =
            ats_upgrade_check_answer((const char *)ws->in, head, ws->fields, ws->key, &ws->status);
        if (why)
            refuse(ws, why);
        else
            become_open(ws);
    }
    return head - before;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void has_closed(ats_websocket *ws, const ats_ws_event *e)
{
    ws->close_received = true;
    ws->status = 0;
    ws->reader.fault = e->code; /* nothing may follow; and what `closed` will tell */
    snprintf(ws->why, sizeof ws->why, "%.*s", (int)e->length, (const char *)e->bytes);
    if (ws->phase == PHASE_OPEN)
        say_close(ws, e->code, e->bytes, e->length);
    if (ws->server) /* the server ends the connection, so that the client's port is free at once */
        ats_stream_finish(&ws->stream);
}

static void handle(ats_websocket *ws, const ats_ws_event *e, const ats_loop_data *data)
{
    if (e->opcode == ATS_WS_CLOSE) {
        has_closed(ws, e);
    } else if (e->opcode == ATS_WS_PING) {
        /* Without room it goes unanswered: the next one tells as much (section 5.5.3). */
        if (ws->phase == PHASE_OPEN)
            send_frame(ws, ATS_WS_PONG, e->bytes, e->length);
    } else if (e->opcode != ATS_WS_PONG) {
        ats_websocket_message m = {.bytes = e->bytes,
                                   .length = e->length,
                                   .binary = e->opcode == ATS_WS_BINARY,
                                   .recv_ns = data->recv_ns,
                                   .from_kernel = data->from_kernel};
        ws->user->on->message(ws->user, ws, &m);
    }
}

static size_t on_data(ats_stream_user *user, ats_stream *stream, const ats_loop_data *data)
{
    ats_websocket *ws = (ats_websocket *)user;
    ats_conn conn = stream->conn;
    size_t at = 0, taken;
    ws->heard = true;
    if (ws->phase == PHASE_UPGRADING)
        at = read_head(ws, data->bytes, data->length);
    while (at < data->length && stream->conn == conn && !ws->paused && !ws->close_received) {
        ats_ws_event e;
        int result = ats_ws_read(&ws->reader, data->bytes + at, data->length - at, &taken, &e);
        at += taken;
        if (result == 1) {
            handle(ws, &e, data);
        } else if (result < 0) {
            if (ws->phase == PHASE_OPEN)
                say_close(ws, ws->reader.fault, ws->reader.why, strlen(ws->reader.why));
            end(ws, ws->reader.fault, ATS_STREAM_PEER, ws->reader.why);
        }
    }
    return ws->paused && stream->conn == conn ? at : data->length;
}

static void on_opened(ats_stream_user *user, ats_stream *stream)
{
    ats_websocket *ws = (ats_websocket *)user;
    if (ws->server)
        return;
    char *text = (char *)ws->out;
    uint8_t raw[16];
    RAND_bytes(raw, sizeof raw);
    ws->key[ats_base64_encode(raw, sizeof raw, ws->key)] = 0;
    char host[ATS_STREAM_HOST_BYTES + 8];
    if (ws->port == (stream->tls ? 443 : 80))
        snprintf(host, sizeof host, "%s", stream->host);
    else
        snprintf(host, sizeof host, "%s:%u", stream->host, ws->port);
    size_t n = ats_upgrade_request(text, ws->message_bytes, host, ws->path, ws->fields, ws->key);
    if (n == 0 || !ats_stream_send(stream, text, n))
        refuse(ws, "a path or header lines that cannot be sent");
}

static void on_writable(ats_stream_user *user, ats_stream *stream)
{
    ats_websocket *ws = (ats_websocket *)user;
    (void)stream;
    if (ws->phase == PHASE_OPEN && ws->user->on->writable)
        ws->user->on->writable(ws->user, ws);
}

static void on_closed(ats_stream_user *user, ats_stream *stream, ats_stream_end how,
                      const char *why)
{
    ats_websocket *ws = (ats_websocket *)user;
    (void)stream;
    if (ws->close_received)
        end(ws, ws->reader.fault, ATS_STREAM_PEER, ws->why);
    else
        end(ws, ATS_WS_CUT_OFF, how, why);
}

static const ats_stream_callbacks CALLBACKS = {
    .opened = on_opened, .data = on_data, .writable = on_writable, .closed = on_closed};

/* ---- time ----------------------------------------------------------------------------------- */

static void look_alive(ats_loop_timer *timer, uint64_t now_ns)
{
    ats_websocket *ws = (ats_websocket *)((char *)timer - offsetof(ats_websocket, alive));
    bool silent = !ws->heard && !ws->paused; /* paused, we would not hear it */
    ws->heard = false;
    if (silent && ws->pinged) {
        end(ws, ATS_WS_CUT_OFF, ATS_STREAM_TIMEOUT, "no answer to a ping");
        return;
    }
    ws->pinged = silent;
    if (silent)
        send_frame(ws, ATS_WS_PING, "", 0);
    ats_loop_timer_set(ws->stream.loop, timer,
                       now_ns + (silent ? ws->options.pong_within_ns : ws->options.ping_after_ns));
}

static void run_out(ats_loop_timer *timer, uint64_t now_ns)
{
    ats_websocket *ws = (ats_websocket *)((char *)timer - offsetof(ats_websocket, finish));
    (void)now_ns;
    if (ws->close_received)
        end(ws, ws->reader.fault, ATS_STREAM_PEER, ws->why);
    else
        end(ws, ATS_WS_CUT_OFF, ATS_STREAM_TIMEOUT,
            ws->phase == PHASE_CLOSING ? "no answer to our close" : "not open in time");
}

/* ---- the user's calls ----------------------------------------------------------------------- */

static void begin(ats_websocket *ws, ats_loop *loop, ats_websocket_user *user, bool server,
                  const ats_websocket_options *options)
{
    assert(ws->phase == PHASE_IDLE && "it is in use");
    ws->stream_user.on = &CALLBACKS;
    ws->user = user;
    ws->options = *options;
    ws->alive = (ats_loop_timer){.fire = look_alive};
    ws->finish = (ats_loop_timer){.fire = run_out};
    ws->phase = PHASE_UPGRADING;
    ws->server = server;
    ws->paused = ws->heard = ws->pinged = ws->close_received = false;
    ws->status = 0;
    ws->head_bytes = 0;
    ws->key_at = 0;
    ws->why[0] = 0;
    if (options->open_within_ns)
        ats_loop_timer_set(loop, &ws->finish, ats_clock_monotonic_ns() + options->open_within_ns);
}

int ats_websocket_connect(ats_websocket *ws, ats_loop *loop, ats_websocket_user *user, ats_tls *tls,
                          const char *host, const struct sockaddr *address, socklen_t length,
                          const char *path, const char *fields,
                          const ats_websocket_options *options)
{
    begin(ws, loop, user, false, options);
    ws->port = ats_address_port(address);
    ws->path = path;
    ws->fields = fields;
    if (ats_stream_connect(&ws->stream, loop, &ws->stream_user, tls, host, address, length, 0) == 0)
        return 0;
    ats_loop_timer_unset(loop, &ws->finish);
    ws->phase = PHASE_IDLE;
    return -1;
}

ats_loop_user *ats_websocket_accept(ats_websocket *ws, ats_loop *loop, ats_websocket_user *user,
                                    ats_tls *tls, ats_conn conn,
                                    const ats_websocket_options *options)
{
    begin(ws, loop, user, true, options);
    ats_loop_user *beneath = ats_stream_accept(&ws->stream, loop, &ws->stream_user, tls, conn, 0);
    if (!beneath) {
        ats_loop_timer_unset(loop, &ws->finish);
        ws->phase = PHASE_IDLE;
    }
    return beneath;
}

void ats_websocket_pause(ats_websocket *ws)
{
    if (ws->phase == PHASE_IDLE)
        return;
    ws->paused = true;
    ats_stream_pause(&ws->stream);
}

void ats_websocket_resume(ats_websocket *ws)
{
    if (ws->phase == PHASE_IDLE || !ws->paused)
        return;
    ws->paused = false;
    ws->heard = true; /* what it said meanwhile has not been looked at */
    ats_stream_resume(&ws->stream);
}

bool ats_websocket_is_open(const ats_websocket *ws)
{
    return ws->phase == PHASE_OPEN;
}
