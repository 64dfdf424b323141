/* ws_upgrade.h: the HTTP/1.1 exchange that opens a WebSocket (RFC 6455 section 4). Text in, text
 * out: no I/O, no allocation. Cold. */
#ifndef ATS_IO_NET_WS_UPGRADE_H
#define ATS_IO_NET_WS_UPGRADE_H

#include <stddef.h>
#include <stdint.h>

#define ATS_UPGRADE_KEY_BYTES    25u   /* 16 random bytes in Base64, and NUL */
#define ATS_UPGRADE_ACCEPT_BYTES 29u   /* a SHA-1 in Base64, and NUL */
#define ATS_UPGRADE_HEAD_BYTES   8192u /* most of a request or an answer; servers allow as much */
#define ATS_UPGRADE_PATH_BYTES   1024u

/* Bytes of the head at the start of n bytes, up to and with its empty line; 0: it is not whole. */
size_t ats_upgrade_head(const char *bytes, size_t n);

/* The value of a field of a head (names without regard to case), without blanks around it; NULL: it
 * is not there. Not NUL-terminated: *length. */
const char *ats_upgrade_field(const char *head, size_t n, const char *name, size_t *length);

/* What the server must answer to a key. */
void ats_upgrade_accept(const char key[ATS_UPGRADE_KEY_BYTES], char out[ATS_UPGRADE_ACCEPT_BYTES]);

/* A client's request. `fields`: more header lines, each with its "\r\n"; "" for none. Returns its
 * length, or 0: it does not fit, or a line break stands where none may. */
size_t ats_upgrade_request(char *out, size_t bytes, const char *host, const char *path,
                           const char *fields, const char key[ATS_UPGRADE_KEY_BYTES]);

/* A client looks at the whole head of an answer. NULL: it is a WebSocket now; else why not. *status
 * is the HTTP status, 0 when there is none. `fields` as in the request: a subprotocol that was not
 * asked for there is refused. */
const char *ats_upgrade_check_answer(const char *head, size_t n, const char *fields,
                                     const char key[ATS_UPGRADE_KEY_BYTES], uint16_t *status);

/* A server looks at the whole head of a request. NULL: it asks for a WebSocket, path and key are
 * filled in; else why it is refused, and *status is the HTTP status to say so with. */
const char *ats_upgrade_check_request(const char *head, size_t n, char path[ATS_UPGRADE_PATH_BYTES],
                                      char key[ATS_UPGRADE_KEY_BYTES], uint16_t *status);

/* A server's answer: 101, or a refusal with that status. Returns its length. */
size_t ats_upgrade_answer(char *out, size_t bytes, const char key[ATS_UPGRADE_KEY_BYTES]);
size_t ats_upgrade_refusal(char *out, size_t bytes, uint16_t status);

#endif
