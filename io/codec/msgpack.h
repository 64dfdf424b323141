/* msgpack.h: a pull scanner for MessagePack (github.com/msgpack/msgpack, spec of 2017) that
 * allocates nothing.
 *
 * ats_msgpack_next gives the head of one item after the other; the items of an array, and keys and
 * values of a map, are the items that follow it. Every length is checked against what is left, so
 * a count can never announce more than the input holds. After an error every call gives
 * ATS_MSGPACK_ERROR again. Hot.
 */
#ifndef ATS_IO_CODEC_MSGPACK_H
#define ATS_IO_CODEC_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum ats_msgpack_token {
    ATS_MSGPACK_ERROR = 0,
    ATS_MSGPACK_END, /* nothing is left */
    ATS_MSGPACK_NIL,
    ATS_MSGPACK_FALSE,
    ATS_MSGPACK_TRUE,
    ATS_MSGPACK_UINT,   /* u: any integer >= 0, whatever its width and sign */
    ATS_MSGPACK_INT,    /* i: below 0 */
    ATS_MSGPACK_FLOAT,  /* d */
    ATS_MSGPACK_DOUBLE, /* d */
    ATS_MSGPACK_STRING, /* text, length; not checked to be UTF-8 */
    ATS_MSGPACK_BINARY, /* the same */
    ATS_MSGPACK_ARRAY,  /* length items follow */
    ATS_MSGPACK_MAP,    /* length pairs follow */
    ATS_MSGPACK_EXT     /* text, length; ext_type */
} ats_msgpack_token;

typedef struct ats_msgpack {
    const uint8_t *at; /* next byte to read */
    const uint8_t *end;
    union { /* of the last token */
        uint64_t u;
        int64_t i;
        double d;
        const char *text;
    };
    uint32_t length;
    int8_t ext_type;
    bool failed;
} ats_msgpack;

void ats_msgpack_open(ats_msgpack *m, const void *bytes, size_t length);

ats_msgpack_token ats_msgpack_next(ats_msgpack *m);

/* Passes over the item that comes next with all that it holds, or, when `token` was just read, over
 * the rest of it. false: malformed. No recursion: any depth costs its bytes. */
bool ats_msgpack_skip(ats_msgpack *m);
bool ats_msgpack_skip_rest(ats_msgpack *m, ats_msgpack_token token);

/* The timestamp extension (type -1) in its three widths as UTC ns. The last token was EXT. false:
 * another extension, or a time outside 1980..2199. */
bool ats_msgpack_time(const ats_msgpack *m, int64_t *ns);

#endif
