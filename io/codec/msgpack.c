#include "io/codec/msgpack.h"

#include "core/record.h"

void ats_msgpack_open(ats_msgpack *m, const void *bytes, size_t length)
{
    *m = (ats_msgpack){.at = bytes, .end = (const uint8_t *)bytes + length};
}

static ats_msgpack_token fail(ats_msgpack *m)
{
    m->failed = true;
    m->at = m->end;
    return ATS_MSGPACK_ERROR;
}

/* Big-endian integers of 1, 2, 4 or 8 bytes. */
static inline uint64_t load(const uint8_t *p, uint32_t bytes)
{
    uint64_t v = 0;
    switch (bytes) {
    case 1:
        return *p;
    case 2: {
        uint16_t two;
        memcpy(&two, p, 2);
        return __builtin_bswap16(two);
    }
    case 4: {
        uint32_t four;
        memcpy(&four, p, 4);
        return __builtin_bswap32(four);
    }
    default:
        memcpy(&v, p, 8);
        return __builtin_bswap64(v);
    }
}

static inline size_t left(const ats_msgpack *m)
{
    return (size_t)(m->end - m->at);
}

/* A length in the next `bytes` bytes. False: cut off. */
static inline bool read_length(ats_msgpack *m, uint32_t bytes)
{
    if (left(m) < bytes)
        return false;
    m->length = (uint32_t)load(m->at, bytes);
    m->at += bytes;
    return true;
}

/* The text of m->length bytes that comes next. */
static inline ats_msgpack_token take_text(ats_msgpack *m, ats_msgpack_token token)
{
    if (left(m) < m->length)
        return fail(m);
    m->text = (const char *)m->at;
    m->at += m->length;
    return token;
}

static ats_msgpack_token take_ext(ats_msgpack *m)
{
    if (left(m) < 1)
        return fail(m);
    m->ext_type = (int8_t)*m->at++;
    return take_text(m, ATS_MSGPACK_EXT);
}

/* Each item is a byte at least: a longer count is damage. */
static inline ats_msgpack_token take_count(ats_msgpack *m, ats_msgpack_token token)
{
    uint64_t items = token == ATS_MSGPACK_MAP ? 2ull * m->length : m->length;
    return items > left(m) ? fail(m) : token;
}

static ats_msgpack_token take_number(ats_msgpack *m, uint8_t head)
{
    uint32_t bytes = head == 0xca ? 4 : head == 0xcb ? 8 : 1u << (head & 3);
    if (left(m) < bytes)
        return fail(m);
    uint64_t raw = load(m->at, bytes);
    m->at += bytes;
    if (head == 0xca) {
        uint32_t bits = (uint32_t)raw;
        float f;
        memcpy(&f, &bits, sizeof f);
        m->d = (double)f;
        return ATS_MSGPACK_FLOAT;
    }
    if (head == 0xcb) {
        memcpy(&m->d, &raw, sizeof m->d);
        return ATS_MSGPACK_DOUBLE;
    }
    m->u = raw;
    if (head < 0xd0)
        return ATS_MSGPACK_UINT;
    uint32_t unused = 64 - 8 * bytes;
    int64_t value = (int64_t)(raw << unused) >> unused;
    m->i = value;
    return value < 0 ? ATS_MSGPACK_INT : ATS_MSGPACK_UINT;
}

/* Heads from 0xc0 to 0xdf. */
static ats_msgpack_token take_long(ats_msgpack *m, uint8_t head)
{
    static const uint8_t ext_bytes[5] = {1, 2, 4, 8, 16};
    switch (head) {
    case 0xc0:
        return ATS_MSGPACK_NIL;
    case 0xc2:
        return ATS_MSGPACK_FALSE;
    case 0xc3:
        return ATS_MSGPACK_TRUE;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return read_length(m, 1u << (head - 0xc4)) ? take_text(m, ATS_MSGPACK_BINARY) : fail(m);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return read_length(m, 1u << (head - 0xc7)) ? take_ext(m) : fail(m);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        m->length = ext_bytes[head - 0xd4];
        return take_ext(m);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return read_length(m, 1u << (head - 0xd9)) ? take_text(m, ATS_MSGPACK_STRING) : fail(m);
    case 0xdc:
    case 0xdd:
        return read_length(m, 2u << (head - 0xdc)) ? take_count(m, ATS_MSGPACK_ARRAY) : fail(m);
    case 0xde:
    case 0xdf:
        return read_length(m, 2u << (head - 0xde)) ? take_count(m, ATS_MSGPACK_MAP) : fail(m);
    case 0xc1: /* never used */
        return fail(m);
    default: /* 0xca..0xd3 */
        return take_number(m, head);
    }
}

ats_msgpack_token ats_msgpack_next(ats_msgpack *m)
{
    if (m->at == m->end)
        return m->failed ? ATS_MSGPACK_ERROR : ATS_MSGPACK_END;
    uint8_t head = *m->at++;
    if (head < 0x80) {
        m->u = head;
        return ATS_MSGPACK_UINT;
    }
    if (head >= 0xe0) {
        m->i = (int8_t)head;
        return ATS_MSGPACK_INT;
    }
    if (head >= 0xc0)
        return take_long(m, head);
    if (head >= 0xa0) {
        m->length = head & 0x1f;
        return take_text(m, ATS_MSGPACK_STRING);
    }
    m->length = head & 0x0f;
    return take_count(m, head < 0x90 ? ATS_MSGPACK_MAP : ATS_MSGPACK_ARRAY);
}

static inline uint64_t inside(const ats_msgpack *m, ats_msgpack_token token)
{
    return token == ATS_MSGPACK_ARRAY ? m->length : token == ATS_MSGPACK_MAP ? 2ull * m->length : 0;
}

bool ats_msgpack_skip_rest(ats_msgpack *m, ats_msgpack_token token)
{
    if (token <= ATS_MSGPACK_END)
        return false;
    uint64_t items = inside(m, token);
    while (items) {
        token = ats_msgpack_next(m);
        if (token <= ATS_MSGPACK_END)
            return false;
        items += inside(m, token) - 1; /* at most the bytes that are left: it cannot wrap */
    }
    return true;
}

bool ats_msgpack_skip(ats_msgpack *m)
{
    return ats_msgpack_skip_rest(m, ats_msgpack_next(m));
}

bool ats_msgpack_time(const ats_msgpack *m, int64_t *ns)
{
    const uint8_t *p = (const uint8_t *)m->text;
    uint64_t fraction = 0;
    int64_t seconds;
    if (m->ext_type != -1)
        return false;
    if (m->length == 4) {
        seconds = (int64_t)load(p, 4);
    } else if (m->length == 8) {
        uint64_t both = load(p, 8);
        fraction = both >> 34;
        seconds = (int64_t)(both & 0x3ffffffffull);
    } else if (m->length == 12) {
        fraction = load(p, 4);
        seconds = (int64_t)load(p + 4, 8);
    } else {
        return false;
    }
    if (fraction >= (uint64_t)ATS_E9 || seconds < ATS_TIME_MIN_NS / ATS_E9 ||
        seconds >= ATS_TIME_MAX_NS / ATS_E9)
        return false;
    *ns = seconds * ATS_E9 + (int64_t)fraction;
    return true;
}
