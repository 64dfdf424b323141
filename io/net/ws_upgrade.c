#include "io/net/ws_upgrade.h"

#include "io/base64.h"

#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- heads ---------------------------------------------------------------------------------- */

size_t ats_upgrade_head(const char *bytes, size_t n)
{
    const char *found = memmem(bytes, n, "\r\n\r\n", 4);
    return found ? (size_t)(found - bytes) + 4 : 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

const char *ats_upgrade_field(const char *head, size_t n, const char *name, size_t *length)
{
    const char *end = head + n;
    size_t name_length = strlen(name);
    const char *line = memmem(head, n, "\r\n", 2);
    while (line && end - line > 2) {
        line += 2;
        const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!stop)
            return NULL;
        if ((size_t)(stop - line) > name_length && line[name_length] == ':' &&
            strncasecmp(line, name, name_length) == 0) {
            const char *value = line + name_length + 1;
            while (value < stop && is_blank(*value))
                value++;
            while (stop > value && is_blank(stop[-1]))
                stop--;
            *length = (size_t)(stop - value);
            return value;
        }
        line = stop;
    }
    return NULL;
}

/* Is the field there, with this word among those of its list? */
static bool has_word(const char *head, size_t n, const char *name, const char *word)
{
    size_t length, word_length = strlen(word);
    const char *value = ats_upgrade_field(head, n, name, &length);
    const char *end = value ? value + length : NULL;
    while (value && value < end) {
        while (value < end && (is_blank(*value) || *value == ','))
            value++;
        const char *stop = value;
        while (stop < end && *stop != ',' && !is_blank(*stop))
            stop++;
        if ((size_t)(stop - value) == word_length && strncasecmp(value, word, word_length) == 0)
            return true;
        value = stop;
    }
    return false;
}

void ats_upgrade_accept(const char key[ATS_UPGRADE_KEY_BYTES], char out[ATS_UPGRADE_ACCEPT_BYTES])
{
    static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[ATS_UPGRADE_KEY_BYTES + sizeof GUID];
    uint8_t hash[SHA_DIGEST_LENGTH];
    int n = snprintf(text, sizeof text, "%.24s%s", key, GUID);
    SHA1((const uint8_t *)text, (size_t)n, hash);
    out[ats_base64_encode(hash, sizeof hash, out)] = 0;
}

/* ---- the client's side ---------------------------------------------------------------------- */

/* What goes into a line must not end it. */
static bool fits_a_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    return true;
}

/* Each line ends in CR LF, and none of them is empty: that would end the head. */
static bool are_lines(const char *fields)
{
    while (*fields) {
        size_t n = strcspn(fields, "\r\n");
        if (n == 0 || strncmp(fields + n, "\r\n", 2) != 0)
            return false;
        fields += n + 2;
    }
    return true;
}

size_t ats_upgrade_request(char *out, size_t bytes, const char *host, const char *path,
                           const char *fields, const char key[ATS_UPGRADE_KEY_BYTES])
{
    if (!fits_a_line(host) || !fits_a_line(path) || *path != '/' || !are_lines(fields))
        return 0;
    int n = snprintf(out, bytes,
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: %.24s\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                     path, host, key, fields);
    return n > 0 && (size_t)n < bytes ? (size_t)n : 0;
}

/* "HTTP/1.1 101 ...": the status; 0: it is no such line. */
static uint16_t status_of(const char *head, size_t n)
{
    unsigned status = 0;
    if (n < 14 || strncmp(head, "HTTP/1.1 ", 9) != 0)
        return 0;
    for (int i = 9; i < 12; i++) {
        if (head[i] < '0' || head[i] > '9')
            return 0;
        status = status * 10 + (unsigned)(head[i] - '0');
    }
    return head[12] == ' ' || head[12] == '\r' ? (uint16_t)status : 0;
}

const char *ats_upgrade_check_answer(const char *head, size_t n, const char *fields,
                                     const char key[ATS_UPGRADE_KEY_BYTES], uint16_t *status)
{
    char want[ATS_UPGRADE_ACCEPT_BYTES];
    size_t length;
    *status = status_of(head, n);
    if (*status == 0)
        return "the answer is not HTTP/1.1";
    if (*status != 101)
        return "the server does not upgrade";
    if (!has_word(head, n, "Upgrade", "websocket") || !has_word(head, n, "Connection", "upgrade"))
        return "the answer upgrades to something else";
    ats_upgrade_accept(key, want);
    const char *got = ats_upgrade_field(head, n, "Sec-WebSocket-Accept", &length);
    if (!got || length != strlen(want) || memcmp(got, want, length) != 0)
        return "Sec-WebSocket-Accept is not the answer to our key";
    if (ats_upgrade_field(head, n, "Sec-WebSocket-Extensions", &length))
        return "an extension that was not offered";
    if (ats_upgrade_field(head, n, "Sec-WebSocket-Protocol", &length) &&
        !strcasestr(fields, "Sec-WebSocket-Protocol:"))
        return "a subprotocol that was not offered";
    return NULL;
}

/* ---- the server's side ---------------------------------------------------------------------- */

static const char *refuse(uint16_t *status, uint16_t with, const char *why)
{
    *status = with;
    return why;
}

const char *ats_upgrade_check_request(const char *head, size_t n, char path[ATS_UPGRADE_PATH_BYTES],
                                      char key[ATS_UPGRADE_KEY_BYTES], uint16_t *status)
{
    size_t length;
    uint8_t raw[18];
    const char *line_end = memmem(head, n, "\r\n", 2);
    const char *version = line_end ? memmem(head, (size_t)(line_end - head), " HTTP/1.1", 9) : NULL;
    if (!version || version + 9 != line_end)
        return refuse(status, 400, "the request is not HTTP/1.1");
    if (strncmp(head, "GET /", 5) != 0)
        return refuse(status, 405, "only GET opens a WebSocket");
    length = (size_t)(version - head) - 4;
    if (length >= ATS_UPGRADE_PATH_BYTES)
        return refuse(status, 414, "the path is too long");
    memcpy(path, head + 4, length);
    path[length] = 0;
    if (!fits_a_line(path) || strlen(path) != length)
        return refuse(status, 400, "the path holds what no path may");
    if (!ats_upgrade_field(head, n, "Host", &length))
        return refuse(status, 400, "no Host");
    if (!has_word(head, n, "Upgrade", "websocket") || !has_word(head, n, "Connection", "upgrade"))
        return refuse(status, 426, "no WebSocket is asked for");
    const char *value = ats_upgrade_field(head, n, "Sec-WebSocket-Version", &length);
    if (!value || length != 2 || memcmp(value, "13", 2) != 0)
        return refuse(status, 426, "only version 13 is spoken");
    value = ats_upgrade_field(head, n, "Sec-WebSocket-Key", &length);
    if (!value || length != ATS_UPGRADE_KEY_BYTES - 1 ||
        ats_base64_decode(value, length, raw) != 16)
        return refuse(status, 400, "Sec-WebSocket-Key is not 16 bytes");
    memcpy(key, value, length);
    key[length] = 0;
    *status = 101;
    return NULL;
}

size_t ats_upgrade_answer(char *out, size_t bytes, const char key[ATS_UPGRADE_KEY_BYTES])
{
    char accept[ATS_UPGRADE_ACCEPT_BYTES];
    ats_upgrade_accept(key, accept);
    return (size_t)snprintf(out, bytes,
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                            accept);
}

size_t ats_upgrade_refusal(char *out, size_t bytes, uint16_t status)
{
    return (size_t)snprintf(out, bytes,
                            "HTTP/1.1 %u Refused\r\nSec-WebSocket-Version: 13\r\n"
                            "Content-Length: 0\r\nConnection: close\r\n\r\n",
                            status);
}
