/* value.h: one value of a message, of JSON or of MessagePack, and what it can be read as.
 *
 * Decoders first note where the values of a message lie, whatever their order, then read what its
 * type needs. Both formats meet here, so a message means the same in both. Hot, no allocation.
 *
 * Each reader gives ATS_LINE_OK and writes *out, or a reason and leaves it: FIELD for a value that
 * is missing or null, NUMBER for what is no number, RANGE, PRECISION, NEGATIVE, TIME.
 */
#ifndef ATS_IO_CODEC_LIVE_VALUE_H
#define ATS_IO_CODEC_LIVE_VALUE_H

#include "io/import/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ats_value_type {
    ATS_VALUE_ABSENT = 0,
    ATS_VALUE_NULL,
    ATS_VALUE_FALSE,
    ATS_VALUE_TRUE,
    ATS_VALUE_NUMBER,       /* text */
    ATS_VALUE_STRING,       /* text; JSON: escapes as they stand */
    ATS_VALUE_UINT,         /* u */
    ATS_VALUE_INT,          /* i, below 0 */
    ATS_VALUE_DOUBLE,       /* d */
    ATS_VALUE_FLOAT,        /* d, which is a float */
    ATS_VALUE_TIME,         /* i: UTC ns */
    ATS_VALUE_JSON_LIST,    /* text from '[' to ']' */
    ATS_VALUE_MSGPACK_LIST, /* text: the elements; their number is `count` */
    ATS_VALUE_OBJECT,       /* JSON: text from '{' to '}' */
    ATS_VALUE_MSGPACK_MAP,  /* text: keys and values; the number of pairs is `count` */
    ATS_VALUE_OTHER
} ats_value_type;

typedef struct ats_value {
    union {
        const char *text;
        uint64_t u;
        int64_t i;
        double d;
    };
    uint32_t length; /* of text */
    uint8_t type;    /* ats_value_type */
    bool escaped;    /* STRING of JSON with a backslash */
    uint16_t count;  /* MSGPACK_LIST, MSGPACK_MAP; longer ones are OTHER */
} ats_value;

static inline bool ats_value_is_there(const ats_value *v)
{
    return v->type > ATS_VALUE_NULL;
}

/* A number in 1e-9 units, 0..most_e9, exact: a digit other than 0 behind the ninth fraction digit
 * is PRECISION.
 *
 * A double stands for the shortest decimal text that reads back as it, which is what writers of
 * JSON print for it, so 173.03 is 173.03 in both formats; a float likewise among floats. */
ats_line_reason ats_value_e9(const ats_value *value, int64_t most_e9, int64_t *out);

/* The same where the vendor computes (average prices, sums): digits behind the ninth are rounded,
 * half up, on the decimal text. */
ats_line_reason ats_value_rounded_e9(const ats_value *value, int64_t most_e9, int64_t *out);

/* The same for numbers that may come as text ("1790.86"), as those of orders do, up to
 * ATS_VALUE_MAX_E9; `with_sign`: also below 0. */
ats_line_reason ats_value_amount_e9(const ats_value *value, bool rounded, bool with_sign,
                                    int64_t *out);

/* A double as the shortest decimal says, in 1e-9 units: OK, RANGE (also NaN and infinities),
 * PRECISION; *out may be negative. `rounded`: half up instead of PRECISION. */
ats_line_reason ats_double_e9(double value, bool rounded, int64_t *out);
ats_line_reason ats_float_e9(float value, bool rounded, int64_t *out);

/* A count or an id: digits, or an integer, up to `most`. */
ats_line_reason ats_value_u64(const ats_value *value, uint64_t most, uint64_t *out);

/* One printable letter; missing, null, empty and ' ' are 0. FIELD for anything else. */
ats_line_reason ats_value_letter(const ats_value *value, uint8_t *out);

/* RFC 3339 text, or a time of MessagePack. */
ats_line_reason ats_value_time(const ats_value *value, int64_t *out_ns);

/* Up to four one-letter strings, as ats_trade.condition has them: blanks are ' '. Missing and null
 * are none. FIELD for anything else. */
ats_line_reason ats_value_conditions(const ats_value *value, uint8_t out[4]);

/* Is it this text? */
bool ats_value_text_is(const ats_value *value, const char *text, size_t length);
#define ats_value_is(value, literal) ats_value_text_is((value), (literal), sizeof(literal) - 1)

/* ---- lists ----------------------------------------------------------------------------------- */

typedef struct ats_list {
    const char *at, *end;
    uint32_t left;
    uint8_t type; /* of the value: which format */
} ats_list;

/* False: the value is no list (missing and null are empty ones). */
bool ats_list_open(ats_list *list, const ats_value *value);

/* The next element; false after the last one. Lists that a decoder gave out are well formed. */
bool ats_list_next(ats_list *list, ats_value *element);

/* ---- for scanners ---------------------------------------------------------------------------- */

struct ats_json;
struct ats_msgpack;

/* The value that comes next, with all that it holds passed over. False: malformed. An extension
 * that is no time that can be is OTHER. */
bool ats_value_scan_json(struct ats_json *json, ats_value *out);
bool ats_value_scan_msgpack(struct ats_msgpack *m, ats_value *out);

#endif
