#include "io/codec/json.h"

enum { VALUE, VALUE_OR_CLOSE, KEY, KEY_OR_CLOSE, COMMA_OR_CLOSE, DONE, FAILED };

void ats_json_open(ats_json *json, const char *text, size_t length)
{
    *json = (ats_json){.at = text, .end = text + length, .text = text, .expect = VALUE};
}

static ats_json_token fail(ats_json *j, const char *why)
{
    if (j->expect != FAILED)
        j->error = why;
    j->expect = FAILED;
    return ATS_JSON_ERROR;
}

/* Bytes of the well-formed UTF-8 sequence at p, 0 when it is none (Unicode 15, table 3-7). */
static size_t utf8_sequence(const unsigned char *p, const unsigned char *end)
{
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
               : p[0] >= 0xe0 && p[0] <= 0xef ? 3
               : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                              : 0;
    if (n == 0 || (size_t)(end - p) < n)
        return 0;
    unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return n;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of the escape at p (a backslash), 0 when it is none. */
static size_t escape_sequence(const char *p, const char *end)
{
    if (end - p < 2)
        return 0;
    if (p[1] != 'u')
        return p[1] && strchr("\"\\/bfnrt", p[1]) ? 2 : 0;
    if (end - p < 6)
        return 0;
    for (int i = 2; i < 6; i++)
        if (hex_digit(p[i]) < 0)
            return 0;
    return 6;
}

/* Does any byte need a look: a quote, a backslash, a control character, not ASCII? Exact for which
 * of the 8 bytes is the first, by the usual carry-free tests. */
static inline uint64_t special_bytes(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101ull, tops = ones << 7;
    uint64_t quote = v ^ (ones * '"'), slash = v ^ (ones * '\\');
    return ((quote - ones) | (slash - ones) | (v - ones * 0x20) | v) & tops;
}

/* The string at j->at (behind its quote) up to its closing quote. */
static bool scan_string(ats_json *j)
{
    const char *p = j->at;
    j->text = p;
    j->escaped = false;
    for (;;) {
        while (j->end - p >= 8) {
            uint64_t v;
            memcpy(&v, p, sizeof v);
            uint64_t special = special_bytes(v);
            if (special) {
                p += __builtin_ctzll(special) / 8;
                break;
            }
            p += 8;
        }
        if (p == j->end) {
            fail(j, "string without an end");
            return false;
        }
        unsigned char c = (unsigned char)*p;
        if (c == '"') {
            j->length = (size_t)(p - j->text);
            j->at = p + 1;
            return true;
        }
        size_t n = 1;
        if (c == '\\') {
            j->escaped = true;
            n = escape_sequence(p, j->end);
        } else if (c < 0x20) {
            n = 0;
        } else if (c >= 0x80) {
            n = utf8_sequence((const unsigned char *)p, (const unsigned char *)j->end);
        }
        if (n == 0) {
            j->at = p;
            fail(j, c == '\\'  ? "unknown escape in a string"
                    : c < 0x20 ? "control character in a string"
                               : "string that is not UTF-8");
            return false;
        }
        p += n;
    }
}

static inline bool is_digit(const char *p, const char *end)
{
    return p < end && (unsigned char)(*p - '0') < 10;
}

static ats_json_token scan_number(ats_json *j)
{
    const char *p = j->at, *end = j->end;
    j->text = p;
    if (*p == '-')
        p++;
    if (!is_digit(p, end))
        return fail(j, "number without digits");
    if (*p == '0')
        p++;
    else
        while (is_digit(p, end))
            p++;
    if (p < end && *p == '.') {
        p++;
        if (!is_digit(p, end))
            return fail(j, "number without digits behind its point");
        while (is_digit(p, end))
            p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (!is_digit(p, end))
            return fail(j, "number without digits in its exponent");
        while (is_digit(p, end))
            p++;
    }
    j->length = (size_t)(p - j->text);
    j->at = p;
    return ATS_JSON_NUMBER;
}

static inline void value_done(ats_json *j)
{
    j->expect = j->depth ? COMMA_OR_CLOSE : DONE;
}

static ats_json_token scan_word(ats_json *j, const char *word, size_t length, ats_json_token token)
{
    if ((size_t)(j->end - j->at) < length || memcmp(j->at, word, length) != 0)
        return fail(j, "unknown word");
    j->at += length;
    return token;
}

static ats_json_token open_container(ats_json *j, bool object)
{
    if (j->depth == ATS_JSON_DEPTH)
        return fail(j, "nested too deeply");
    j->objects = (j->objects & ~(1u << j->depth)) | (uint32_t)object << j->depth;
    j->depth++;
    j->at++;
    j->expect = object ? KEY_OR_CLOSE : VALUE_OR_CLOSE;
    return object ? ATS_JSON_OBJECT : ATS_JSON_ARRAY;
}

static ats_json_token close_container(ats_json *j, bool object)
{
    j->depth--;
    j->at++;
    value_done(j);
    return object ? ATS_JSON_OBJECT_END : ATS_JSON_ARRAY_END;
}

static ats_json_token scan_value(ats_json *j)
{
    ats_json_token token;
    switch (*j->at) {
    case '{':
        return open_container(j, true);
    case '[':
        return open_container(j, false);
    case '"':
        j->at++;
        if (!scan_string(j))
            return ATS_JSON_ERROR;
        token = ATS_JSON_STRING;
        break;
    case 't':
        token = scan_word(j, "true", 4, ATS_JSON_TRUE);
        break;
    case 'f':
        token = scan_word(j, "false", 5, ATS_JSON_FALSE);
        break;
    case 'n':
        token = scan_word(j, "null", 4, ATS_JSON_NULL);
        break;
    default:
        if (*j->at != '-' && !is_digit(j->at, j->end))
            return fail(j, "value expected");
        token = scan_number(j);
    }
    if (token != ATS_JSON_ERROR)
        value_done(j);
    return token;
}

static void skip_blanks(ats_json *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\r' || *j->at == '\t'))
        j->at++;
}

static ats_json_token scan_key(ats_json *j)
{
    if (*j->at != '"')
        return fail(j, "key expected");
    j->at++;
    if (!scan_string(j))
        return ATS_JSON_ERROR;
    skip_blanks(j);
    if (j->at == j->end || *j->at != ':')
        return fail(j, "colon expected");
    j->at++;
    j->expect = VALUE;
    return ATS_JSON_KEY;
}

ats_json_token ats_json_next(ats_json *j)
{
    if (j->expect == FAILED)
        return ATS_JSON_ERROR;
    skip_blanks(j);
    if (j->at == j->end)
        return j->expect == DONE ? ATS_JSON_END : fail(j, "text ends early");
    bool object = j->depth && (j->objects >> (j->depth - 1) & 1);
    bool closes = *j->at == (object ? '}' : ']');
    switch (j->expect) {
    case DONE:
        return fail(j, "something follows the value");
    case COMMA_OR_CLOSE:
        if (closes)
            return close_container(j, object);
        if (*j->at != ',')
            return fail(j, "comma expected");
        j->at++;
        skip_blanks(j);
        if (j->at == j->end)
            return fail(j, "text ends early");
        return object ? scan_key(j) : scan_value(j);
    case KEY_OR_CLOSE:
        return closes ? close_container(j, true) : scan_key(j);
    case VALUE_OR_CLOSE:
        return closes ? close_container(j, false) : scan_value(j);
    default:
        return scan_value(j);
    }
}

bool ats_json_skip_rest(ats_json *j, ats_json_token token)
{
    if (token != ATS_JSON_OBJECT && token != ATS_JSON_ARRAY)
        return token != ATS_JSON_ERROR;
    uint32_t outside = j->depth - 1u;
    while (j->depth > outside)
        if (ats_json_next(j) == ATS_JSON_ERROR)
            return false;
    return true;
}

bool ats_json_skip(ats_json *j)
{
    return ats_json_skip_rest(j, ats_json_next(j));
}

static uint32_t hex4(const char *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 4 | (uint32_t)hex_digit(p[i]);
    return v;
}

static size_t utf8_put(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n] | c);
    return n;
}

/* The character of the \u escape at p, its surrogate pair joined; -1 for one that stands alone. */
static long unicode_escape(const char **p, const char *end)
{
    uint32_t c = hex4(*p + 2);
    *p += 6;
    if (c < 0xd800 || c > 0xdfff)
        return (long)c;
    if (c > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
        return -1;
    uint32_t low = hex4(*p + 2);
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    *p += 6;
    return (long)(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
}

long ats_json_unescape(const ats_json *j, char *out, size_t capacity)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *p = j->text, *end = p + j->length;
    size_t used = 0;
    while (p < end) {
        char bytes[4];
        size_t n = 1;
        if (*p != '\\') {
            bytes[0] = *p++;
        } else if (p[1] != 'u') {
            bytes[0] = to[strchr(from, p[1]) - from];
            p += 2;
        } else {
            long c = unicode_escape(&p, end);
            if (c < 0)
                return -1;
            n = utf8_put((uint32_t)c, bytes);
        }
        if (capacity - used <= n)
            return -1;
        memcpy(out + used, bytes, n);
        used += n;
    }
    if (capacity == 0)
        return -1;
    out[used] = 0;
    return (long)used;
}
