#include "io/net/ws_frame.h"

#include <string.h>

/* ---- UTF-8 ---------------------------------------------------------------------------------- */

/* Length of the valid character at `text`; 0: it is none. */
static size_t character(const uint8_t *text, size_t n)
{
    uint8_t c = text[0];
    size_t length = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (length == 0 || length > n)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    /* The second byte rules out longer forms than needed, surrogates, and beyond U+10FFFF. */
    bool bad = (c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) ||
               (c == 0xf0 && text[1] < 0x90) || (c == 0xf4 && text[1] > 0x8f);
    return bad ? 0 : length;
}

bool ats_utf8_is_valid(const uint8_t *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint64_t word;
        if (n - i >= sizeof word) { /* market data are ASCII: eight at a time */
            memcpy(&word, text + i, sizeof word);
            if (!(word & 0x8080808080808080ull)) {
                i += sizeof word;
                continue;
            }
        }
        size_t length = character(text + i, n - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

/* ---- reading -------------------------------------------------------------------------------- */

void ats_ws_reader_start(ats_ws_reader *r, uint8_t *memory, size_t bytes, bool masked)
{
    *r = (ats_ws_reader){.message = memory, .capacity = bytes, .masked = masked};
}

static int fail(ats_ws_reader *r, uint16_t code, const char *why)
{
    r->fault = code;
    r->why = why;
    return -1;
}

static inline bool is_control(uint8_t first)
{
    return first & 0x08;
}

/* Bytes of the head that begins so. */
static inline uint32_t head_bytes(const uint8_t *head)
{
    uint32_t length = head[1] & 0x7f;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + (head[1] & 0x80 ? 4 : 0);
}

static inline uint64_t payload_bytes(const uint8_t *head)
{
    uint64_t n = head[1] & 0x7f;
    if (n < 126)
        return n;
    uint32_t width = n == 126 ? 2 : 8;
    n = 0;
    for (uint32_t i = 0; i < width; i++)
        n = n << 8 | head[2 + i];
    return n;
}

/* Is a whole head allowed here? 0, or -1. */
static int check_head(ats_ws_reader *r, const uint8_t *head)
{
    uint8_t opcode = head[0] & 0x0f;
    uint64_t n = payload_bytes(head);
    if (head[0] & 0x70)
        return fail(r, ATS_WS_PROTOCOL_ERROR, "a reserved bit is set");
    if (opcode > ATS_WS_PONG || (opcode > ATS_WS_BINARY && opcode < ATS_WS_CLOSE))
        return fail(r, ATS_WS_PROTOCOL_ERROR, "a reserved opcode");
    if ((bool)(head[1] & 0x80) != r->masked)
        return fail(r, ATS_WS_PROTOCOL_ERROR, r->masked ? "not masked" : "masked by a server");
    if (((head[1] & 0x7f) == 126 && n < 126) || ((head[1] & 0x7f) == 127 && n < 65536) || n >> 63)
        return fail(r, ATS_WS_PROTOCOL_ERROR, "a length that is not in its shortest form");
    if (is_control(head[0]))
        return n > ATS_WS_CONTROL_BYTES || !(head[0] & 0x80)
                   ? fail(r, ATS_WS_PROTOCOL_ERROR, "a control frame that is long or in fragments")
                   : 0;
    if ((opcode == ATS_WS_CONTINUATION) != (r->opcode != ATS_WS_CONTINUATION))
        return fail(r, ATS_WS_PROTOCOL_ERROR,
                    opcode ? "a message within a message" : "a continuation of nothing");
    if (n > r->capacity - r->length)
        return fail(r, ATS_WS_TOO_LARGE, "a message larger than allowed");
    return 0;
}

static int check_close(ats_ws_reader *r, ats_ws_event *e)
{
    e->code = ATS_WS_NO_CODE;
    if (e->length == 0)
        return 1;
    e->code = e->length >= 2 ? (uint16_t)(e->bytes[0] << 8 | e->bytes[1]) : 0;
    if (!ats_ws_code_is_sendable(e->code))
        return fail(r, ATS_WS_PROTOCOL_ERROR, "a close with no valid code");
    e->bytes += 2;
    e->length -= 2;
    return ats_utf8_is_valid(e->bytes, e->length)
               ? 1
               : fail(r, ATS_WS_BAD_TEXT, "a close whose reason is not UTF-8");
}

static int finish(ats_ws_reader *r, ats_ws_event *e, ats_ws_opcode opcode, uint8_t *bytes,
                  size_t length)
{
    *e = (ats_ws_event){.opcode = opcode, .bytes = bytes, .length = length};
    if (opcode == ATS_WS_CLOSE)
        return check_close(r, e);
    if (opcode == ATS_WS_TEXT && !ats_utf8_is_valid(bytes, length))
        return fail(r, ATS_WS_BAD_TEXT, "a text that is not UTF-8");
    return 1;
}

/* A final frame that lies whole in the bytes at hand, and is all of its message. Returns 2 when it
 * is something else. */
static int read_in_place(ats_ws_reader *r, uint8_t *bytes, size_t n, size_t *taken,
                         ats_ws_event *event)
{
    if (n < 2 || !(bytes[0] & 0x80) || (bytes[0] & 0x0f) == ATS_WS_CONTINUATION)
        return 2;
    uint32_t head = head_bytes(bytes);
    if (n < head)
        return 2;
    if (check_head(r, bytes) != 0)
        return -1;
    uint64_t payload = payload_bytes(bytes);
    if (n - head < payload)
        return 2;
    uint8_t *start = bytes + head;
    if (r->masked)
        ats_ws_mask(start, start, payload, start - 4, 0);
    *taken += head + payload;
    return finish(r, event, bytes[0] & 0x0f, start, payload);
}

/* Collects a head. 1: it is whole and allowed; 0: more needed; -1. */
static int read_head(ats_ws_reader *r, const uint8_t *bytes, size_t n, size_t *taken)
{
    while (r->head_have < 2 || r->head_have < head_bytes(r->head)) {
        if (*taken == n)
            return 0;
        r->head[r->head_have++] = bytes[(*taken)++];
    }
    if (check_head(r, r->head) != 0)
        return -1;
    r->payload = payload_bytes(r->head);
    r->payload_have = 0;
    r->in_payload = true;
    if (!is_control(r->head[0]) && (r->head[0] & 0x0f) != ATS_WS_CONTINUATION)
        r->opcode = r->head[0] & 0x0f;
    return 1;
}

/* Collects a payload. 1: an event; 0: more needed, or a fragment is through; -1. */
static int read_payload(ats_ws_reader *r, const uint8_t *bytes, size_t n, size_t *taken,
                        ats_ws_event *event)
{
    bool control = is_control(r->head[0]);
    uint8_t *out = control ? r->control : r->message + r->length;
    size_t more = n - *taken < r->payload - r->payload_have
                      ? n - *taken
                      : (size_t)(r->payload - r->payload_have);
    const uint8_t none[4] = {0};
    ats_ws_mask(out + r->payload_have, bytes + *taken, more,
                r->masked ? r->head + head_bytes(r->head) - 4 : none, r->payload_have);
    *taken += more;
    r->payload_have += more;
    if (r->payload_have < r->payload)
        return 0;
    r->in_payload = false;
    r->head_have = 0;
    if (control)
        return finish(r, event, r->head[0] & 0x0f, r->control, (size_t)r->payload);
    r->length += (size_t)r->payload;
    if (!(r->head[0] & 0x80))
        return 0;
    size_t length = r->length;
    ats_ws_opcode opcode = r->opcode;
    r->length = 0;
    r->opcode = ATS_WS_CONTINUATION;
    return finish(r, event, opcode, r->message, length);
}

int ats_ws_read(ats_ws_reader *r, uint8_t *bytes, size_t n, size_t *taken, ats_ws_event *event)
{
    *taken = 0;
    if (r->fault)
        return -1;
    while (*taken < n || (r->in_payload && r->payload_have == r->payload)) {
        if (r->head_have == 0 && !r->in_payload) {
            int done = read_in_place(r, bytes + *taken, n - *taken, taken, event);
            if (done != 2)
                return done;
        }
        int done = r->in_payload ? 1 : read_head(r, bytes, n, taken);
        if (done == 1)
            done = read_payload(r, bytes, n, taken, event);
        if (done != 0)
            return done;
    }
    return 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

void ats_ws_mask(uint8_t *out, const uint8_t *in, size_t n, const uint8_t key[4], size_t at)
{
    uint8_t turned[8];
    for (size_t i = 0; i < 8; i++)
        turned[i] = key[(at + i) % 4];
    uint64_t wide, word;
    memcpy(&wide, turned, sizeof wide);
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        memcpy(&word, in + i, sizeof word);
        word ^= wide;
        memcpy(out + i, &word, sizeof word);
    }
    for (; i < n; i++)
        out[i] = in[i] ^ turned[i % 8];
}

size_t ats_ws_head(uint8_t out[ATS_WS_HEAD_BYTES], ats_ws_opcode opcode, uint64_t length,
                   const uint8_t key[4])
{
    size_t at = 2;
    uint32_t width = length < 126 ? 0 : length < 65536 ? 2 : 8;
    out[0] = (uint8_t)(0x80 | opcode);
    out[1] = (uint8_t)(width == 0 ? length : width == 2 ? 126 : 127);
    for (uint32_t i = width; i-- > 0;)
        out[at++] = (uint8_t)(length >> 8 * i);
    if (key) {
        out[1] |= 0x80;
        memcpy(out + at, key, 4);
        at += 4;
    }
    return at;
}

bool ats_ws_code_is_sendable(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}
