/* ws_frame.h: frames of RFC 6455, from bytes to messages and back. No I/O, no allocation.
 *
 * A whole, unfragmented message that lies in one receive buffer is given where it lies; anything
 * else is put together in the reader's memory. (wslay, the library for this, copies each message
 * twice and allocates for it: 435 ns against 21 for 200 bytes in `ats bench net`. It is the
 * reference in the tests.)
 */
#ifndef ATS_IO_NET_WS_FRAME_H
#define ATS_IO_NET_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATS_WS_HEAD_BYTES    14u  /* longest head: 2, a length of 8, a mask of 4 */
#define ATS_WS_CONTROL_BYTES 125u /* longest payload of a control frame */

typedef enum ats_ws_opcode {
    ATS_WS_CONTINUATION = 0,
    ATS_WS_TEXT = 1,
    ATS_WS_BINARY = 2,
    ATS_WS_CLOSE = 8,
    ATS_WS_PING = 9,
    ATS_WS_PONG = 10
} ats_ws_opcode;

/* Codes of a close (RFC 6455 section 7.4). */
enum {
    ATS_WS_NORMAL = 1000,
    ATS_WS_GOING_AWAY = 1001,
    ATS_WS_PROTOCOL_ERROR = 1002,
    ATS_WS_NO_CODE = 1005,   /* never sent: the close had none */
    ATS_WS_CUT_OFF = 1006,   /* never sent: there was no close */
    ATS_WS_BAD_TEXT = 1007,  /* not UTF-8 */
    ATS_WS_TOO_LARGE = 1009, /* larger than the reader's memory */
};

/* A message or a control frame. */
typedef struct ats_ws_event {
    ats_ws_opcode opcode; /* TEXT, BINARY, CLOSE, PING or PONG */
    uint16_t code;        /* CLOSE: its code, ATS_WS_NO_CODE without one */
    uint8_t *bytes;       /* payload, unmasked; CLOSE: the reason. Good until the next call */
    size_t length;
} ats_ws_event;

typedef struct ats_ws_reader {
    uint8_t *message; /* the caller's memory */
    size_t capacity;  /* of it: the largest message */
    bool masked;      /* frames must be masked (a server reads) or must not be (a client) */
    uint8_t opcode;   /* of the message in hand; CONTINUATION: none */
    uint8_t head[ATS_WS_HEAD_BYTES];
    uint32_t head_have;
    bool in_payload;
    uint64_t payload, payload_have; /* of the frame in hand */
    size_t length;                  /* of the message in hand */
    uint8_t control[ATS_WS_CONTROL_BYTES];
    uint16_t fault; /* code to close with; 0: none */
    const char *why;
} ats_ws_reader;

void ats_ws_reader_start(ats_ws_reader *reader, uint8_t *memory, size_t bytes, bool masked);

/* Reads on in n bytes, which it may unmask in place. *taken is how many it is through with. 1: an
 * event; call again with the rest. 0: all taken, more needed. -1: the peer broke the protocol:
 * reader->fault and ->why; the reader is done for. */
int ats_ws_read(ats_ws_reader *reader, uint8_t *bytes, size_t n, size_t *taken,
                ats_ws_event *event);

/* Writes the head of a final frame; key NULL: unmasked. Returns its length. */
size_t ats_ws_head(uint8_t out[ATS_WS_HEAD_BYTES], ats_ws_opcode opcode, uint64_t length,
                   const uint8_t key[4]);

/* out[i] = in[i] ^ key[(at + i) % 4]; out may be in. */
void ats_ws_mask(uint8_t *out, const uint8_t *in, size_t n, const uint8_t key[4], size_t at);

/* May a close carry this code? */
bool ats_ws_code_is_sendable(uint16_t code);

/* Is it UTF-8 (RFC 3629: no surrogates, shortest form, at most U+10FFFF)? */
bool ats_utf8_is_valid(const uint8_t *text, size_t n);

#endif
