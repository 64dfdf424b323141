#include "core/random.h"
#include "io/net/ws_frame.h"
#include "io/net/ws_upgrade.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

TestSuite(ws_frame, .timeout = 60);

#define MESSAGE_MAX 100000u

/* ---- what a reader saw, as one text --------------------------------------------------------- */

typedef struct seen {
    uint8_t *bytes; /* of each event: opcode, code, length, payload */
    size_t length;
    uint16_t fault;
    bool in_text; /* ended within a text */
} seen;

static void see(seen *s, uint8_t opcode, uint16_t code, const void *bytes, size_t n)
{
    s->bytes = realloc(s->bytes, s->length + 11 + n);
    uint8_t *at = s->bytes + s->length;
    uint64_t length = n;
    at[0] = opcode;
    memcpy(at + 1, &code, 2);
    memcpy(at + 3, &length, 8);
    if (n)
        memcpy(at + 11, bytes, n);
    s->length += 11 + n;
}

/* Feeds a copy of the bytes in pieces of at most `piece`. */
static seen read_all(const uint8_t *bytes, size_t n, bool masked, size_t piece, ats_random *random)
{
    seen s = {0};
    ats_ws_reader reader;
    ats_ws_event e;
    uint8_t *memory = malloc(MESSAGE_MAX), *copy = malloc(n + 1);
    memcpy(copy, bytes, n);
    ats_ws_reader_start(&reader, memory, MESSAGE_MAX, masked);
    for (size_t at = 0; at < n && !s.fault;) {
        size_t part = piece == 1 ? 1 : 1 + ats_random_below(random, piece);
        part = part < n - at ? part : n - at;
        for (size_t done = 0, taken; done < part;) {
            int result = ats_ws_read(&reader, copy + at + done, part - done, &taken, &e);
            done += taken;
            if (result < 0) {
                s.fault = reader.fault;
                cr_assert_not_null(reader.why);
                break;
            }
            if (result == 0)
                cr_assert_eq(done, part);
            else
                see(&s, (uint8_t)e.opcode, e.opcode == ATS_WS_CLOSE ? e.code : 0, e.bytes,
                    e.length);
            if (result == 1 && e.opcode == ATS_WS_CLOSE) {
                at = n; /* nothing after a close */
                break;
            }
        }
        at += part;
    }
    s.in_text = reader.opcode == ATS_WS_TEXT;
    free(memory);
    free(copy);
    return s;
}

/* ---- made-up traffic ------------------------------------------------------------------------ */

typedef struct traffic {
    uint8_t *bytes;
    size_t length;
} traffic;

static void add_frame(traffic *t, bool final, uint8_t opcode, const uint8_t *payload, size_t n,
                      bool masked, ats_random *random)
{
    uint8_t head[ATS_WS_HEAD_BYTES], key[4];
    for (int i = 0; i < 4; i++)
        key[i] = (uint8_t)ats_random_next(random);
    size_t h = ats_ws_head(head, opcode, n, masked ? key : NULL);
    if (!final)
        head[0] &= 0x7f;
    t->bytes = realloc(t->bytes, t->length + h + n);
    memcpy(t->bytes + t->length, head, h);
    for (size_t i = 0; i < n; i++)
        t->bytes[t->length + h + i] = payload[i] ^ (masked ? key[i % 4] : 0);
    t->length += h + n;
}

/* Messages of all sizes, in fragments or not, with control frames between; and what they are. */
static traffic make_traffic(ats_random *random, bool masked, uint32_t messages, seen *expected)
{
    static const size_t EDGES[] = {0, 1, 125, 126, 127, 65535, 65536};
    static uint8_t payload[70000];
    traffic t = {0};
    for (uint32_t m = 0; m < messages; m++) {
        bool text = ats_random_below(random, 2);
        size_t n = ats_random_below(random, 3) ? ats_random_below(random, 400)
                                               : EDGES[ats_random_below(random, 7)];
        for (size_t i = 0; i < n; i++)
            payload[i] =
                (uint8_t)(text ? 'a' + ats_random_below(random, 26) : ats_random_next(random));
        uint8_t opcode = text ? ATS_WS_TEXT : ATS_WS_BINARY;
        size_t at = 0;
        do {
            bool last = ats_random_below(random, 2);
            size_t part = last ? n - at : ats_random_below(random, n - at + 1);
            add_frame(&t, last, at == 0 && opcode ? opcode : 0, payload + at, part, masked, random);
            at += part;
            opcode = 0;
            if (last)
                break;
            if (ats_random_below(random, 3) == 0) {
                uint8_t kind = ats_random_below(random, 2) ? ATS_WS_PING : ATS_WS_PONG;
                size_t k = ats_random_below(random, 126);
                uint8_t control[125];
                memset(control, 'p', k);
                add_frame(&t, true, kind, control, k, masked, random);
                see(expected, kind, 0, control, k);
            }
        } while (true);
        see(expected, text ? ATS_WS_TEXT : ATS_WS_BINARY, 0, payload, n);
    }
    return t;
}

Test(ws_frame, what_was_framed_is_read_however_it_is_cut)
{
    ats_random random;
    ats_random_seed(&random, 4);
    static const size_t PIECES[] = {1, 3, 50, 1000, 1u << 20};
    for (int round = 0; round < 60; round++) {
        seen expected = {0};
        bool masked = round % 2;
        traffic t = make_traffic(&random, masked, 12, &expected);
        for (size_t p = 0; p < 5; p++) {
            seen s = read_all(t.bytes, t.length, masked, PIECES[p], &random);
            cr_assert_eq(s.fault, 0);
            cr_assert_eq(s.length, expected.length, "round %d piece %zu", round, PIECES[p]);
            cr_assert_arr_eq(s.bytes, expected.bytes, s.length);
            free(s.bytes);
        }
        free(t.bytes);
        free(expected.bytes);
    }
}

Test(ws_frame, a_whole_message_is_given_where_it_lies)
{
    uint8_t memory[256], bytes[300];
    ats_ws_reader reader;
    ats_ws_event e;
    size_t taken;
    const uint8_t key[4] = {1, 2, 3, 4};
    ats_ws_reader_start(&reader, memory, sizeof memory, true);
    size_t head = ats_ws_head(bytes, ATS_WS_TEXT, 200, key);
    memset(bytes + head, 'q', 200);
    ats_ws_mask(bytes + head, bytes + head, 200, key, 0);
    cr_assert_eq(ats_ws_read(&reader, bytes, head + 200, &taken, &e), 1);
    cr_expect_eq(e.bytes, bytes + head);
    cr_expect_eq(e.bytes[199], 'q');
    cr_expect_eq(taken, head + 200);
}

/* RFC 6455 section 5.7. */
Test(ws_frame, the_standards_examples_are_read_and_written)
{
    ats_random random;
    ats_random_seed(&random, 5);
    static const uint8_t unmasked[] = {0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f};
    static const uint8_t masked[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d,
                                     0x7f, 0x9f, 0x4d, 0x51, 0x58};
    static const uint8_t fragments[] = {0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f};
    seen s = read_all(unmasked, sizeof unmasked, false, 100, &random);
    cr_assert_eq(s.length, 16);
    cr_expect_arr_eq(s.bytes + 11, "Hello", 5);
    free(s.bytes);
    s = read_all(masked, sizeof masked, true, 100, &random);
    cr_assert_eq(s.length, 16);
    cr_expect_arr_eq(s.bytes + 11, "Hello", 5);
    free(s.bytes);
    s = read_all(fragments, sizeof fragments, false, 100, &random);
    cr_assert_eq(s.length, 16);
    cr_expect_arr_eq(s.bytes + 11, "Hello", 5);
    free(s.bytes);
    uint8_t out[ATS_WS_HEAD_BYTES];
    cr_expect_eq(ats_ws_head(out, ATS_WS_BINARY, 256, NULL), 4);
    cr_expect_arr_eq(out, ((uint8_t[]){0x82, 0x7e, 0x01, 0x00}), 4);
    cr_expect_eq(ats_ws_head(out, ATS_WS_BINARY, 65536, NULL), 10);
    cr_expect_arr_eq(out, ((uint8_t[]){0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}), 10);
}

Test(ws_frame, each_breach_has_its_code)
{
    static const struct {
        const char *what;
        uint16_t code;
        bool masked;
        size_t n;
        uint8_t bytes[16];
    } bad[] = {
        {"a reserved bit", 1002, false, 2, {0xc1, 0}},
        {"opcode 3", 1002, false, 2, {0x83, 0}},
        {"opcode 11", 1002, false, 2, {0x8b, 0}},
        {"masked by a server", 1002, false, 6, {0x81, 0x80, 1, 2, 3, 4}},
        {"not masked by a client", 1002, true, 2, {0x81, 0}},
        {"a ping in fragments", 1002, false, 2, {0x09, 0}},
        {"a ping of 126", 1002, false, 4, {0x89, 126, 0, 126}},
        {"continuation of nothing", 1002, false, 2, {0x80, 0}},
        {"a message within one", 1002, false, 4, {0x01, 0, 0x81, 0}},
        {"125 in three bytes", 1002, false, 4, {0x82, 126, 0, 125}},
        {"65535 in nine bytes", 1002, false, 10, {0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255}},
        {"a length of 2^63", 1002, false, 10, {0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}},
        {"larger than allowed", 1009, false, 10, {0x82, 127, 0, 0, 0, 0, 0x7f, 0, 0, 0}},
        {"text that is not UTF-8", 1007, false, 4, {0x81, 2, 0xc0, 0x80}},
        {"a close of one byte", 1002, false, 3, {0x88, 1, 3}},
        {"close 1005", 1002, false, 4, {0x88, 2, 0x03, 0xed}},
        {"close 999", 1002, false, 4, {0x88, 2, 0x03, 0xe7}},
        {"a reason that is not UTF-8", 1007, false, 5, {0x88, 3, 0x03, 0xe8, 0xff}},
    };
    ats_random random;
    ats_random_seed(&random, 6);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (size_t piece = 1; piece <= 16; piece += 15) {
            seen s = read_all(bad[i].bytes, bad[i].n, bad[i].masked, piece, &random);
            cr_expect_eq(s.fault, bad[i].code, "%s: %u", bad[i].what, s.fault);
            cr_expect_eq(s.length, 0, "%s", bad[i].what);
        }
}

/* Three fragments that are each allowed, and too large together. */
Test(ws_frame, fragments_add_up_to_the_largest_message_and_no_further)
{
    ats_random random;
    ats_random_seed(&random, 7);
    static uint8_t payload[40000];
    traffic t = {0};
    add_frame(&t, false, ATS_WS_BINARY, payload, 40000, false, &random);
    add_frame(&t, false, 0, payload, 40000, false, &random);
    add_frame(&t, true, 0, payload, 20001, false, &random);
    seen s = read_all(t.bytes, t.length, false, 5000, &random);
    cr_expect_eq(s.fault, 1009);
    cr_expect_eq(s.length, 0);
    free(s.bytes);
    t.length -= 20001 + 4;
    add_frame(&t, true, 0, payload, 20000, false, &random);
    s = read_all(t.bytes, t.length, false, 5000, &random);
    cr_expect_eq(s.fault, 0);
    cr_expect_eq(s.length, 11 + MESSAGE_MAX);
    free(s.bytes);
    free(t.bytes);
}

/* ---- UTF-8 against glibc's ------------------------------------------------------------------ */

static bool glibc_says(iconv_t converter, const uint8_t *text, size_t n)
{
    char out[64], *to = out, *from = (char *)text;
    size_t room = sizeof out;
    iconv(converter, NULL, NULL, NULL, NULL);
    return iconv(converter, &from, &n, &to, &room) != (size_t)-1;
}

Test(ws_frame, utf8_is_what_glibc_takes_for_it)
{
    iconv_t converter = iconv_open("UTF-32LE", "UTF-8");
    cr_assert_neq(converter, (iconv_t)-1);
    uint8_t text[12];
    for (uint32_t i = 0; i < 1u << 24; i += i < 1u << 16 ? 1 : 7) {
        text[0] = (uint8_t)i;
        text[1] = (uint8_t)(i >> 8);
        text[2] = (uint8_t)(i >> 16);
        size_t n = i < 256 ? 1 : i < 1u << 16 ? 2 : 3;
        cr_assert_eq(ats_utf8_is_valid(text, n), glibc_says(converter, text, n), "%06x", i);
    }
    static const uint8_t leads[] = {0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1,
                                    0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff};
    ats_random random;
    ats_random_seed(&random, 8);
    for (int i = 0; i < 300000; i++) {
        size_t n = 1 + ats_random_below(&random, sizeof text);
        for (size_t k = 0; k < n; k++)
            text[k] = ats_random_below(&random, 3) ? leads[ats_random_below(&random, sizeof leads)]
                                                   : 0x80 + ats_random_below(&random, 64);
        if (ats_random_below(&random, 2))
            memcpy(text, (uint8_t[]){0xf0, 0x9f, 0x92, 0xb0}, n < 4 ? n : 4);
        cr_assert_eq(ats_utf8_is_valid(text, n), glibc_says(converter, text, n));
    }
    iconv_close(converter);
}

/* ---- against wslay -------------------------------------------------------------------------- */

#if ATS_HAVE_WSLAY
#include <wslay/wslay.h>

typedef struct tape {
    const uint8_t *bytes;
    size_t length, at;
    seen seen;
} tape;

static ssize_t give(wslay_event_context_ptr context, uint8_t *out, size_t n, int flags, void *user)
{
    tape *t = user;
    (void)flags;
    n = n < t->length - t->at ? n : t->length - t->at;
    if (n == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(out, t->bytes + t->at, n);
    t->at += n;
    return (ssize_t)n;
}

static ssize_t swallow(wslay_event_context_ptr context, const uint8_t *bytes, size_t n, int flags,
                       void *user)
{
    (void)context, (void)bytes, (void)flags, (void)user;
    return (ssize_t)n;
}

static int no_mask(wslay_event_context_ptr context, uint8_t *out, size_t n, void *user)
{
    (void)context, (void)user;
    memset(out, 0, n);
    return 0;
}

static void receive(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *m,
                    void *user)
{
    (void)context;
    if (m->opcode == WSLAY_CONNECTION_CLOSE) {
        bool coded = m->msg_length >= 2;
        see(&((tape *)user)->seen, m->opcode, coded ? m->status_code : ATS_WS_NO_CODE,
            m->msg + 2 * coded, m->msg_length - 2 * (size_t)coded);
    } else {
        see(&((tape *)user)->seen, m->opcode, 0, m->msg, m->msg_length);
    }
}

static seen wslay_reads(const uint8_t *bytes, size_t n, bool server)
{
    tape t = {bytes, n, 0, {0}};
    struct wslay_event_callbacks callbacks = {.recv_callback = give,
                                              .send_callback = swallow,
                                              .genmask_callback = no_mask,
                                              .on_msg_recv_callback = receive};
    wslay_event_context_ptr context;
    if (server)
        wslay_event_context_server_init(&context, &callbacks, &t);
    else
        wslay_event_context_client_init(&context, &callbacks, &t);
    wslay_event_config_set_max_recv_msg_length(context, MESSAGE_MAX);
    /* A fault fails the call, stops its reading, or queues a close of its own. */
    if (wslay_event_recv(context) != 0)
        t.seen.fault = 1;
    if (!wslay_event_get_close_received(context) && wslay_event_get_close_sent(context))
        t.seen.fault = 1;
    if (!wslay_event_get_read_enabled(context) && !wslay_event_get_close_received(context))
        t.seen.fault = 1;
    wslay_event_context_free(context);
    return t.seen;
}

/* Sound traffic and traffic with a few bytes changed: both see the same messages, and stop at the
 * same fault. */
Test(ws_frame, wslay_reads_the_same)
{
    ats_random random;
    ats_random_seed(&random, 9);
    uint32_t faults = 0, rounds = 4000;
    for (uint32_t round = 0; round < rounds; round++) {
        seen expected = {0};
        bool masked = round % 2;
        traffic t = make_traffic(&random, masked, 3, &expected);
        if (round >= rounds / 4)
            for (uint64_t k = 1 + ats_random_below(&random, 3); k > 0; k--)
                t.bytes[ats_random_below(&random, t.length < 40 ? t.length : 40)] =
                    (uint8_t)ats_random_next(&random);
        seen ours = read_all(t.bytes, t.length, masked, 200, &random);
        seen theirs = wslay_reads(t.bytes, t.length, masked);
        if (!ours.in_text)
            cr_assert_eq(ours.fault != 0, theirs.fault != 0, "round %u: ours %u, wslay %u", round,
                         ours.fault, theirs.fault);
        /* wslay sees a text's bad byte before its last fragment has come, and so before what stood
         * between its fragments: up to a fault, one has seen the beginning of what the other has.
         */
        size_t both = ours.length < theirs.length ? ours.length : theirs.length;
        if (!ours.fault && !ours.in_text)
            cr_assert_eq(ours.length, theirs.length, "round %u", round);
        cr_assert_geq(ours.length, theirs.length, "round %u", round);
        cr_assert(both == 0 || memcmp(ours.bytes, theirs.bytes, both) == 0, "round %u", round);
        faults += ours.fault != 0;
        free(ours.bytes);
        free(theirs.bytes);
        free(expected.bytes);
        free(t.bytes);
    }
    cr_expect_gt(faults, rounds / 4, "%u", faults);
    cr_expect_lt(faults, rounds * 3 / 4, "%u", faults);
}
#endif

/* ---- the upgrade ---------------------------------------------------------------------------- */

#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define ANSWER "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"

Test(ws_frame, the_standards_key_has_the_standards_answer)
{
    char accept[ATS_UPGRADE_ACCEPT_BYTES];
    ats_upgrade_accept(KEY, accept);
    cr_expect_str_eq(accept, ACCEPT);
}

Test(ws_frame, an_answer_is_taken_or_refused_for_its_reason)
{
    static const struct {
        const char *answer, *fields, *why;
        uint16_t status;
    } cases[] = {
        {ANSWER "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", "", NULL, 101},
        {"HTTP/1.1 101 x\r\nupgrade:WebSocket\r\nCONNECTION: keep-alive, UPGRADE\r\n"
         "sec-websocket-accept:\t" ACCEPT " \r\n\r\n",
         "", NULL, 101},
        {ANSWER "Sec-WebSocket-Accept: AAAALMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", "",
         "Sec-WebSocket-Accept", 101},
        {ANSWER "\r\n", "", "Sec-WebSocket-Accept", 101},
        {"HTTP/1.1 401 Unauthorized\r\n\r\n", "", "does not upgrade", 401},
        {"HTTP/1.1 200 OK\r\n\r\n", "", "does not upgrade", 200},
        {"HTTP/1.0 101 x\r\n\r\n", "", "not HTTP/1.1", 0},
        {"HTTP/1.1 1x1 x\r\n\r\n", "", "not HTTP/1.1", 0},
        {"\r\n\r\n", "", "not HTTP/1.1", 0},
        {"HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "", "something else",
         101},
        {"HTTP/1.1 101 x\r\nUpgrade: websocketx\r\nConnection: Upgrade\r\n\r\n", "",
         "something else", 101},
        {ANSWER "Sec-WebSocket-Accept: " ACCEPT
                "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
         "", "extension", 101},
        {ANSWER "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: chat\r\n\r\n", "",
         "subprotocol", 101},
        {ANSWER "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
         "Sec-WebSocket-Protocol: chat\r\n", NULL, 101},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t status;
        size_t n = strlen(cases[i].answer);
        cr_assert_eq(ats_upgrade_head(cases[i].answer, n), n);
        const char *why =
            ats_upgrade_check_answer(cases[i].answer, n, cases[i].fields, KEY, &status);
        cr_expect_eq(why == NULL, cases[i].why == NULL, "%zu: %s", i, why);
        cr_expect(!why || !cases[i].why || strstr(why, cases[i].why), "%zu: %s", i, why);
        cr_expect_eq(status, cases[i].status, "%zu: %u", i, status);
    }
}

Test(ws_frame, a_request_is_understood_by_its_own_server_and_bad_ones_are_not)
{
    char text[1024], path[ATS_UPGRADE_PATH_BYTES], key[ATS_UPGRADE_KEY_BYTES];
    uint16_t status;
    size_t n = ats_upgrade_request(text, sizeof text, "stream.example:8443", "/v2/iex",
                                   "Authorization: Bearer x\r\n", KEY);
    cr_assert_gt(n, 0);
    cr_expect_null(ats_upgrade_check_request(text, n, path, key, &status));
    cr_expect_str_eq(path, "/v2/iex");
    cr_expect_str_eq(key, KEY);
    size_t length;
    const char *value = ats_upgrade_field(text, n, "authorization", &length);
    cr_assert_eq(length, 8);
    cr_expect_arr_eq(value, "Bearer x", 8);
    cr_expect_eq(ats_upgrade_request(text, 50, "h", "/", "", KEY), 0, "no room");
    cr_expect_eq(ats_upgrade_request(text, sizeof text, "h", "/\r\nEvil: 1", "", KEY), 0);
    cr_expect_eq(ats_upgrade_request(text, sizeof text, "h\r\nEvil: 1", "/", "", KEY), 0);
    cr_expect_eq(ats_upgrade_request(text, sizeof text, "h", "/", "A: 1\r\n\r\nbody", KEY), 0);
    cr_expect_eq(ats_upgrade_request(text, sizeof text, "h", "/", "A: 1", KEY), 0);

    static const struct {
        const char *request;
        uint16_t status;
    } bad[] = {
        {"POST / HTTP/1.1\r\nHost: h\r\n\r\n", 405},
        {"GET / HTTP/1.0\r\nHost: h\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 426},
        {"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 8\r\n\r\n",
         426},
        {"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dG9vIHNob3J0\r\n\r\n",
         400},
        {"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\n\r\n",
         400},
        {"garbage\r\n\r\n", 400},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_not_null(
            ats_upgrade_check_request(bad[i].request, strlen(bad[i].request), path, key, &status),
            "%zu", i);
        cr_expect_eq(status, bad[i].status, "%zu: %u", i, status);
    }
}
