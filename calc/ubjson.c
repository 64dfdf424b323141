#include "calc/ubjson.h"

#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct reader {
    const uint8_t *bytes;
    size_t at, count;
    const char *wrong; /* the first thing that is */
} reader;

static json_t *fail(reader *r, const char *what)
{
    if (!r->wrong)
        r->wrong = what;
    return NULL;
}

static size_t left(const reader *r)
{
    return r->count - r->at;
}

/* The next n <= 8 bytes as a big-endian number. */
static bool take(reader *r, size_t n, uint64_t *out)
{
    if (left(r) < n) {
        fail(r, "the end is missing");
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out = *out << 8 | r->bytes[r->at++];
    return true;
}

static uint8_t marker(reader *r)
{
    uint64_t m = 0;
    /* no-ops may stand anywhere */
    while (take(r, 1, &m) && m == 'N')
        ;
    return r->wrong ? 0 : (uint8_t)m;
}

/* Bytes of a whole number's marker; 0: it is none. */
static size_t width_of(uint8_t type)
{
    switch (type) {
    case 'i':
    case 'U':
        return 1;
    case 'I':
        return 2;
    case 'l':
        return 4;
    case 'L':
        return 8;
    default:
        return 0;
    }
}

static bool take_integer(reader *r, uint8_t type, int64_t *out)
{
    uint64_t raw;
    size_t width = width_of(type);
    if (width == 0) {
        fail(r, "a whole number is wanted");
        return false;
    }
    if (!take(r, width, &raw))
        return false;
    *out = type == 'i'   ? (int8_t)raw
           : type == 'I' ? (int16_t)raw
           : type == 'l' ? (int32_t)raw
                         : (int64_t)raw;
    return true;
}

static bool take_length(reader *r, uint64_t *out)
{
    int64_t n;
    if (!take_integer(r, marker(r), &n))
        return false;
    if (n < 0 || (uint64_t)n > left(r)) {
        fail(r, "a length is more than there is");
        return false;
    }
    *out = (uint64_t)n;
    return true;
}

static json_t *take_text(reader *r)
{
    uint64_t n;
    if (!take_length(r, &n))
        return NULL;
    json_t *text = json_stringn((const char *)r->bytes + r->at, n);
    r->at += n;
    return text ? text : fail(r, "a text is no UTF-8");
}

static json_t *take_real(reader *r, uint8_t type)
{
    uint64_t raw;
    if (!take(r, type == 'd' ? 4 : 8, &raw))
        return NULL;
    double value;
    if (type == 'd') {
        uint32_t bits = (uint32_t)raw;
        float f;
        memcpy(&f, &bits, sizeof f);
        value = (double)f;
    } else {
        memcpy(&value, &raw, sizeof value);
    }
    /* Infinities and NaN are no JSON numbers: null, which no reader of numbers takes for one. */
    json_t *real = json_real(value);
    return real ? real : json_null();
}

static json_t *take_value(reader *r, uint8_t type, uint32_t depth);

/* Elements of a counted array; typed ones have no marker of their own. */
static bool take_counted(reader *r, json_t *array, uint8_t type, uint32_t depth)
{
    uint64_t n;
    if (!take_length(r, &n))
        return false;
    if (type && !width_of(type) && type != 'd' && type != 'D' && type != 'S') {
        fail(r, "an array of this type is not known");
        return false;
    }
    for (uint64_t i = 0; i < n; i++) {
        json_t *value = take_value(r, type ? type : marker(r), depth);
        if (!value || json_array_append_new(array, value) != 0)
            return false;
    }
    return true;
}

static json_t *take_array(reader *r, uint32_t depth)
{
    json_t *array = json_array();
    uint8_t m = marker(r), type = 0;
    bool done = false;
    if (m == '$') {
        type = marker(r);
        m = marker(r);
        if (m != '#')
            fail(r, "a typed array has no count");
    }
    if (m == '#' && !r->wrong) {
        done = take_counted(r, array, type, depth);
    } else {
        for (; m && m != ']' && !r->wrong; m = marker(r)) {
            json_t *value = take_value(r, m, depth);
            if (!value || json_array_append_new(array, value) != 0)
                break;
        }
        done = m == ']';
    }
    if (done && !r->wrong)
        return array;
    json_decref(array);
    return fail(r, "an array has no end");
}

static json_t *take_object(reader *r, uint32_t depth)
{
    json_t *object = json_object();
    uint8_t m = marker(r);
    while (m && m != '}' && !r->wrong) {
        r->at--; /* the marker is that of the key's length */
        json_t *key = take_text(r);
        json_t *value = key ? take_value(r, marker(r), depth) : NULL;
        bool fresh = value && !json_object_get(object, json_string_value(key));
        if (value && !fresh)
            fail(r, "a key is there twice");
        if (!value || !fresh ||
            json_object_set_new(object, json_string_value(key), json_incref(value)) != 0)
            m = 0;
        json_decref(value);
        json_decref(key);
        if (m)
            m = marker(r);
    }
    if (m == '}' && !r->wrong)
        return object;
    json_decref(object);
    return fail(r, "an object has no end");
}

static json_t *take_value(reader *r, uint8_t type, uint32_t depth)
{
    int64_t n;
    if (r->wrong)
        return NULL;
    if (depth == ATS_UBJSON_DEPTH_MAX)
        return fail(r, "it is nested too deeply");
    switch (type) {
    case '{':
        return take_object(r, depth + 1);
    case '[':
        return take_array(r, depth + 1);
    case 'S':
        return take_text(r);
    case 'd':
    case 'D':
        return take_real(r, type);
    case 'T':
        return json_true();
    case 'F':
        return json_false();
    case 'Z':
        return json_null();
    case 'C': {
        uint64_t c;
        return take(r, 1, &c) ? json_integer((json_int_t)c) : NULL;
    }
    default:
        return take_integer(r, type, &n) ? json_integer(n) : NULL;
    }
}

int ats_ubjson_looks_like(const void *bytes, size_t count)
{
    const uint8_t *b = bytes;
    return count > 1 && b[0] == '{' && width_of(b[1]) > 0;
}

json_t *ats_ubjson_parse(const void *bytes, size_t count)
{
    reader r = {.bytes = bytes, .count = count};
    json_t *document = take_value(&r, marker(&r), 0);
    if (document && !r.wrong && left(&r) != 0)
        fail(&r, "something stands behind the document");
    if (document && !r.wrong)
        return document;
    json_decref(document);
    ats_error(ATS_EXIT_DATA, "ubjson: at byte %zu: %s", r.at,
              r.wrong ? r.wrong : "it cannot be read");
    return NULL;
}
