/* json.h: a pull scanner for JSON text (RFC 8259) that allocates nothing.
 *
 * ats_json_next gives one token after the other; text and length say where it lies in the input.
 * The grammar is strict: one value, no trailing commas, comments, leading zeros, bare words or
 * control characters; strings must be valid UTF-8 with valid escapes. Depth is bounded. A caller
 * reads the keys that it knows and calls ats_json_skip for all others:
 *
 *     ats_json j;
 *     ats_json_open(&j, text, length);
 *     if (ats_json_next(&j) == ATS_JSON_OBJECT)
 *         while (ats_json_next(&j) == ATS_JSON_KEY)
 *             if (ats_json_is(&j, "price") && ats_json_next(&j) == ATS_JSON_STRING)
 *                 ...
 *             else
 *                 ats_json_skip(&j);
 *     if (ats_json_next(&j) != ATS_JSON_END)
 *         malformed: j.error says why, j.at where
 *
 * After an error every call gives ATS_JSON_ERROR again. Hot.
 */
#ifndef ATS_IO_CODEC_JSON_H
#define ATS_IO_CODEC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ATS_JSON_DEPTH 32u /* no feed nests deeper than 6; also the bits of `objects` */

typedef enum ats_json_token {
    ATS_JSON_ERROR = 0,
    ATS_JSON_END, /* the one value is complete and nothing follows */
    ATS_JSON_OBJECT,
    ATS_JSON_OBJECT_END,
    ATS_JSON_ARRAY,
    ATS_JSON_ARRAY_END,
    ATS_JSON_KEY,    /* text without the quotes, escapes as they stand */
    ATS_JSON_STRING, /* the same */
    ATS_JSON_NUMBER, /* text as it stands */
    ATS_JSON_TRUE,
    ATS_JSON_FALSE,
    ATS_JSON_NULL
} ats_json_token;

typedef struct ats_json {
    const char *at; /* next byte to read */
    const char *end;
    const char *text; /* of the last token: KEY, STRING, NUMBER */
    size_t length;
    const char *error; /* why, when ERROR was given */
    uint32_t objects;  /* bit d: the container at depth d + 1 is an object */
    uint8_t depth;
    uint8_t expect;
    bool escaped; /* the last KEY or STRING holds a backslash */
} ats_json;

void ats_json_open(ats_json *json, const char *text, size_t length);

ats_json_token ats_json_next(ats_json *json);

/* Passes over the value that comes next (after a key, or in an array), or, when `token` was just
 * read, over the rest of it. false: malformed. */
bool ats_json_skip(ats_json *json);
bool ats_json_skip_rest(ats_json *json, ats_json_token token);

/* Is the last KEY or STRING this text? Escapes in it are not resolved: a writer that escapes plain
 * letters of a name is not recognised, and its field is skipped like an unknown one. */
static inline bool ats_json_text_is(const ats_json *json, const char *text, size_t length)
{
    return json->length == length && memcmp(json->text, text, length) == 0;
}
#define ats_json_is(json, literal) ats_json_text_is((json), (literal), sizeof(literal) - 1)

/* Resolves the escapes of the last KEY or STRING into `out`, with a NUL. Returns the bytes without
 * it, or -1 when they do not fit or a surrogate stands alone. */
long ats_json_unescape(const ats_json *json, char *out, size_t capacity);

#endif
