#include "io/codec/live/value.h"

#include "core/record.h"
#include "io/codec/decimal.h"
#include "io/codec/json.h"
#include "io/codec/msgpack.h"
#include "io/codec/rfc3339.h"

#include <string.h>

/* ---- doubles ----------------------------------------------------------------------------------
 *
 * The shortest decimal of x = m * 2^e is n / 10^k for the least k at which the nearest n reads back
 * as x. All integers here: n * 2^-e and m * 10^k stay below 2^90. */

static const uint64_t POWER[11] = {1,       10,       100,       1000,       10000,      100000,
                                   1000000, 10000000, 100000000, 1000000000, 10000000000};

typedef struct binary {
    uint64_t m; /* > 0 */
    int e;
    bool edge; /* a power of two: the next number below is half as far as the one above */
} binary;

/* Does n * 2^s, in the scale of m * 10^k, read back as m? (s = -e) */
static bool reads_back(const binary *x, unsigned __int128 n, uint32_t k, int s)
{
    unsigned __int128 there = n << s, here = (unsigned __int128)x->m * POWER[k];
    unsigned __int128 away = there > here ? there - here : here - there;
    if (there < here && x->edge)
        return 4 * away <= POWER[k];
    return 2 * away < POWER[k] || (2 * away == POWER[k] && x->m % 2 == 0);
}

/* numerator / 2^s, rounded half to even, as all who print the shortest text do. */
static unsigned __int128 nearest(unsigned __int128 numerator, int s)
{
    unsigned __int128 half = (unsigned __int128)1 << (s - 1), n = (numerator + half) >> s;
    bool tie = (numerator & (2 * half - 1)) == half;
    return n - (tie && (n & 1));
}

static ats_line_reason fraction_e9(const binary *x, bool rounded, uint64_t *out)
{
    int s = -x->e;
    if (s > 100) { /* below 2^-47: no ninth digit */
        *out = 0;
        return rounded ? ATS_LINE_OK : ATS_LINE_PRECISION;
    }
    for (uint32_t k = 0; k <= (rounded ? 10u : 9u); k++) {
        unsigned __int128 n = nearest((unsigned __int128)x->m * POWER[k], s);
        if (!reads_back(x, n, k, s))
            continue;
        *out = k <= 9 ? (uint64_t)n * POWER[9 - k] : (uint64_t)((n + 5) / 10);
        return ATS_LINE_OK;
    }
    if (!rounded)
        return ATS_LINE_PRECISION;
    /* Eleven digits or more: the text lies on the same side of any half as x does. */
    *out = (uint64_t)nearest((unsigned __int128)x->m * POWER[9], s);
    return ATS_LINE_OK;
}

/* A float of 2^23 and more is whole, and its text may end in zeros that it does not have. */
static uint64_t whole_text(const binary *x)
{
    uint64_t value = x->m << x->e, ulp = 1ull << x->e;
    for (uint32_t j = 9; j > 0; j--) {
        uint64_t n = (value + POWER[j] / 2) / POWER[j];
        n -= value % POWER[j] == POWER[j] / 2 && n % 2; /* half to even */
        n *= POWER[j];
        uint64_t away = n > value ? n - value : value - n;
        uint64_t scale = n < value && x->edge ? 4 : 2;
        if (scale * away < ulp || (scale * away == ulp && x->m % 2 == 0))
            return n;
    }
    return value;
}

static ats_line_reason binary_e9(const binary *x, bool negative, bool rounded, int64_t *out)
{
    uint64_t magnitude;
    if (x->e > 10 || (x->e < 0 && x->e > -64 && x->m >> -x->e > 9000000000ull))
        return ATS_LINE_RANGE; /* m >= 2^23 where e >= 0: 8.6e9 and more */
    if (x->e >= 0) {
        uint64_t whole = whole_text(x);
        if (whole > 9000000000ull)
            return ATS_LINE_RANGE;
        magnitude = whole * (uint64_t)ATS_E9;
    } else {
        ats_line_reason bad = fraction_e9(x, rounded, &magnitude);
        if (bad != ATS_LINE_OK)
            return bad;
    }
    if (magnitude > (uint64_t)ATS_VOLUME_MAX_E9)
        return ATS_LINE_RANGE;
    *out = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return ATS_LINE_OK;
}

ats_line_reason ats_double_e9(double value, bool rounded, int64_t *out)
{
    /* Below 2^21 a decimal of nine digits that reads back as the value is less than half a unit
     * from value * 1e9 as computed, so the nearest integer is it, and one division tells. */
    if (value >= 0 && value < 2097152.0) {
        int64_t n = (int64_t)(value * 1e9 + 0.5);
        if ((double)n / 1e9 == value) {
            *out = n;
            return ATS_LINE_OK;
        }
        if (!rounded)
            return ATS_LINE_PRECISION;
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t fraction = bits & 0xfffffffffffffull;
    int exponent = (int)(bits >> 52 & 0x7ff);
    if (exponent == 0x7ff)
        return ATS_LINE_RANGE;
    if (exponent == 0 && fraction == 0) {
        *out = 0;
        return ATS_LINE_OK;
    }
    binary x = {exponent ? fraction | 1ull << 52 : fraction, (exponent ? exponent : 1) - 1075,
                fraction == 0 && exponent > 1};
    return binary_e9(&x, bits >> 63, rounded, out);
}

ats_line_reason ats_float_e9(float value, bool rounded, int64_t *out)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t fraction = bits & 0x7fffff;
    int exponent = (int)(bits >> 23 & 0xff);
    if (exponent == 0xff)
        return ATS_LINE_RANGE;
    if (exponent == 0 && fraction == 0) {
        *out = 0;
        return ATS_LINE_OK;
    }
    binary x = {exponent ? fraction | 1u << 23 : fraction, (exponent ? exponent : 1) - 150,
                fraction == 0 && exponent > 1};
    return binary_e9(&x, bits >> 31, rounded, out);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static ats_line_reason decimal_reason(ats_decimal_result result)
{
    static const uint8_t reasons[ATS_DECIMAL_COUNT] = {ATS_LINE_OK, ATS_LINE_NUMBER, ATS_LINE_RANGE,
                                                       ATS_LINE_PRECISION};
    return reasons[result];
}

/* The exponent behind an 'e', clamped: beyond a thousand nothing differs. */
static int64_t exponent_of(const char *p, const char *end)
{
    bool negative = *p == '-';
    int64_t e = 0;
    for (p += *p == '-' || *p == '+'; p < end; p++)
        e = e < 1000 ? e * 10 + (*p - '0') : e;
    return negative ? -e : e;
}

/* A number of JSON's grammar, rounded half up to nine digits. */
static ats_line_reason rounded_text(const char *text, size_t length, int64_t *out)
{
    const char *end = text + length, *p = text + (*text == '-'), *mantissa_end = p;
    int64_t power = 8; /* of the first digit, in 1e-9 units, plus one for each whole digit */
    while (mantissa_end < end && (*mantissa_end | 0x20) != 'e')
        mantissa_end++;
    for (const char *d = p; d < mantissa_end && *d != '.'; d++)
        power++;
    if (mantissa_end < end)
        power += exponent_of(mantissa_end + 1, end);
    unsigned __int128 value = 0;
    bool up = false;
    for (; p < mantissa_end; p++) {
        if (*p == '.')
            continue;
        if (power >= 0) {
            value = value * 10 + (uint64_t)(*p - '0');
            if (value > (uint64_t)ATS_VOLUME_MAX_E9)
                return ATS_LINE_RANGE;
        } else if (power == -1) {
            up = *p >= '5';
        }
        power--;
    }
    for (; power >= 0 && value; power--) {
        value *= 10;
        if (value > (uint64_t)ATS_VOLUME_MAX_E9)
            return ATS_LINE_RANGE;
    }
    value += up;
    *out = *text == '-' ? -(int64_t)value : (int64_t)value;
    return ATS_LINE_OK;
}

static ats_line_reason number_e9(const ats_value *v, bool rounded, int64_t *out)
{
    switch (v->type) {
    case ATS_VALUE_ABSENT:
    case ATS_VALUE_NULL:
        return ATS_LINE_FIELD;
    case ATS_VALUE_NUMBER:
        return rounded ? rounded_text(v->text, v->length, out)
                       : decimal_reason(ats_decimal_e9(v->text, v->length, out));
    case ATS_VALUE_UINT:
        if (v->u > (uint64_t)(ATS_VOLUME_MAX_E9 / ATS_E9))
            return ATS_LINE_RANGE;
        *out = (int64_t)v->u * ATS_E9;
        return ATS_LINE_OK;
    case ATS_VALUE_INT:
        if (v->i < -(ATS_VOLUME_MAX_E9 / ATS_E9))
            return ATS_LINE_RANGE;
        *out = v->i * ATS_E9;
        return ATS_LINE_OK;
    case ATS_VALUE_DOUBLE:
        return ats_double_e9(v->d, rounded, out);
    case ATS_VALUE_FLOAT:
        return ats_float_e9((float)v->d, rounded, out);
    default:
        return ATS_LINE_NUMBER;
    }
}

static ats_line_reason bounded_e9(const ats_value *v, bool rounded, int64_t most_e9, int64_t *out)
{
    int64_t value;
    ats_line_reason bad = number_e9(v, rounded, &value);
    if (bad != ATS_LINE_OK)
        return bad;
    if (value > most_e9 || value < -most_e9)
        return ATS_LINE_RANGE;
    if (value < 0)
        return ATS_LINE_NEGATIVE;
    *out = value;
    return ATS_LINE_OK;
}

ats_line_reason ats_value_e9(const ats_value *v, int64_t most_e9, int64_t *out)
{
    return bounded_e9(v, false, most_e9, out);
}

ats_line_reason ats_value_rounded_e9(const ats_value *v, int64_t most_e9, int64_t *out)
{
    return bounded_e9(v, true, most_e9, out);
}

ats_line_reason ats_value_amount_e9(const ats_value *v, bool rounded, bool with_sign, int64_t *out)
{
    ats_value number = *v;
    int64_t value;
    if (v->type == ATS_VALUE_STRING) {
        /* The text must be a number before it may be rounded; a sign before it is a minus only. */
        if (v->length == 0 || *v->text == '+' ||
            ats_decimal_e9(v->text, v->length, &value) == ATS_DECIMAL_SYNTAX)
            return ATS_LINE_NUMBER;
        number.type = ATS_VALUE_NUMBER;
    }
    ats_line_reason bad = number_e9(&number, rounded, &value);
    if (bad != ATS_LINE_OK)
        return bad;
    if (value > ATS_VALUE_MAX_E9 || value < -ATS_VALUE_MAX_E9)
        return ATS_LINE_RANGE;
    if (value < 0 && !with_sign)
        return ATS_LINE_NEGATIVE;
    *out = value;
    return ATS_LINE_OK;
}

ats_line_reason ats_value_u64(const ats_value *v, uint64_t most, uint64_t *out)
{
    uint64_t value;
    if (!ats_value_is_there(v))
        return ATS_LINE_FIELD;
    if (v->type == ATS_VALUE_NUMBER) {
        ats_line_reason bad = decimal_reason(ats_decimal_u64(v->text, v->length, &value));
        if (bad != ATS_LINE_OK)
            return bad;
    } else if (v->type == ATS_VALUE_UINT) {
        value = v->u;
    } else if (v->type == ATS_VALUE_DOUBLE && v->d >= 0 && v->d <= 9007199254740992.0 &&
               (double)(uint64_t)v->d == v->d) {
        value = (uint64_t)v->d;
    } else {
        return ATS_LINE_NUMBER;
    }
    if (value > most)
        return ATS_LINE_RANGE;
    *out = value;
    return ATS_LINE_OK;
}

/* ---- texts ----------------------------------------------------------------------------------- */

ats_line_reason ats_value_letter(const ats_value *v, uint8_t *out)
{
    if (!ats_value_is_there(v)) {
        *out = 0;
        return ATS_LINE_OK;
    }
    if (v->type != ATS_VALUE_STRING || v->length > 1)
        return ATS_LINE_FIELD;
    char letter = v->length ? *v->text : ' ';
    if (letter < ' ' || letter > '~' || letter == '"' || letter == '\\')
        return ATS_LINE_FIELD;
    *out = letter == ' ' ? 0 : (uint8_t)letter;
    return ATS_LINE_OK;
}

ats_line_reason ats_value_time(const ats_value *v, int64_t *out_ns)
{
    if (!ats_value_is_there(v))
        return ATS_LINE_FIELD;
    if (v->type == ATS_VALUE_TIME) {
        *out_ns = v->i;
        return ATS_LINE_OK;
    }
    if (v->type != ATS_VALUE_STRING || !ats_rfc3339_ns(v->text, v->length, out_ns))
        return ATS_LINE_TIME;
    return ATS_LINE_OK;
}

ats_line_reason ats_value_conditions(const ats_value *v, uint8_t out[4])
{
    ats_list list;
    ats_value element;
    uint8_t found[4] = {' ', ' ', ' ', ' '};
    if (!ats_list_open(&list, v))
        return ATS_LINE_FIELD;
    for (uint32_t i = 0; ats_list_next(&list, &element); i++) {
        uint8_t letter;
        if (i == 4 || element.type != ATS_VALUE_STRING ||
            ats_value_letter(&element, &letter) != ATS_LINE_OK)
            return ATS_LINE_FIELD;
        found[i] = letter ? letter : ' ';
    }
    memcpy(out, found, sizeof found);
    return ATS_LINE_OK;
}

bool ats_value_text_is(const ats_value *v, const char *text, size_t length)
{
    return v->type == ATS_VALUE_STRING && v->length == length && memcmp(v->text, text, length) == 0;
}

/* ---- scanning and lists ---------------------------------------------------------------------- */

bool ats_value_scan_json(ats_json *j, ats_value *out)
{
    static const uint8_t types[] = {
        [ATS_JSON_OBJECT] = ATS_VALUE_OBJECT, [ATS_JSON_ARRAY] = ATS_VALUE_JSON_LIST,
        [ATS_JSON_STRING] = ATS_VALUE_STRING, [ATS_JSON_NUMBER] = ATS_VALUE_NUMBER,
        [ATS_JSON_TRUE] = ATS_VALUE_TRUE,     [ATS_JSON_FALSE] = ATS_VALUE_FALSE,
        [ATS_JSON_NULL] = ATS_VALUE_NULL};
    ats_json_token token = ats_json_next(j);
    if (token < ATS_JSON_OBJECT)
        return false;
    *out = (ats_value){.type = types[token]};
    if (token == ATS_JSON_STRING || token == ATS_JSON_NUMBER) {
        out->text = j->text;
        out->length = (uint32_t)j->length;
        out->escaped = token == ATS_JSON_STRING && j->escaped;
    } else if (token == ATS_JSON_OBJECT || token == ATS_JSON_ARRAY) {
        out->text = j->at - 1;
        if (!ats_json_skip_rest(j, token))
            return false;
        out->length = (uint32_t)(j->at - out->text);
    }
    return true;
}

bool ats_list_open(ats_list *list, const ats_value *v)
{
    *list = (ats_list){.type = v->type};
    if (!ats_value_is_there(v))
        return true;
    if (v->type != ATS_VALUE_JSON_LIST && v->type != ATS_VALUE_MSGPACK_LIST)
        return false;
    list->at = v->text + (v->type == ATS_VALUE_JSON_LIST);
    list->end = v->text + v->length;
    list->left = v->count;
    return true;
}

static const char *behind_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

bool ats_list_next(ats_list *list, ats_value *element)
{
    if (list->at == list->end)
        return false;
    if (list->type == ATS_VALUE_MSGPACK_LIST) {
        ats_msgpack m;
        if (list->left == 0)
            return false;
        list->left--;
        ats_msgpack_open(&m, list->at, (size_t)(list->end - list->at));
        bool found = ats_value_scan_msgpack(&m, element);
        list->at = (const char *)m.at;
        return found;
    }
    list->at = behind_blanks(list->at, list->end);
    if (*list->at == ']')
        return false;
    ats_json j;
    ats_json_open(&j, list->at, (size_t)(list->end - list->at));
    bool found = ats_value_scan_json(&j, element);
    list->at = behind_blanks(j.at, list->end);
    list->at += list->at < list->end && *list->at == ',';
    return found;
}

bool ats_value_scan_msgpack(ats_msgpack *m, ats_value *out)
{
    static const uint8_t types[] = {[ATS_MSGPACK_NIL] = ATS_VALUE_NULL,
                                    [ATS_MSGPACK_FALSE] = ATS_VALUE_FALSE,
                                    [ATS_MSGPACK_TRUE] = ATS_VALUE_TRUE,
                                    [ATS_MSGPACK_UINT] = ATS_VALUE_UINT,
                                    [ATS_MSGPACK_INT] = ATS_VALUE_INT,
                                    [ATS_MSGPACK_FLOAT] = ATS_VALUE_FLOAT,
                                    [ATS_MSGPACK_DOUBLE] = ATS_VALUE_DOUBLE,
                                    [ATS_MSGPACK_STRING] = ATS_VALUE_STRING,
                                    [ATS_MSGPACK_BINARY] = ATS_VALUE_OTHER,
                                    [ATS_MSGPACK_MAP] = ATS_VALUE_MSGPACK_MAP,
                                    [ATS_MSGPACK_ARRAY] = ATS_VALUE_MSGPACK_LIST,
                                    [ATS_MSGPACK_EXT] = ATS_VALUE_TIME};
    ats_msgpack_token token = ats_msgpack_next(m);
    if (token <= ATS_MSGPACK_END)
        return false;
    *out = (ats_value){.u = m->u, .type = types[token]};
    if (token == ATS_MSGPACK_STRING) {
        out->length = m->length;
    } else if (token == ATS_MSGPACK_EXT) {
        if (!ats_msgpack_time(m, &out->i))
            out->type = ATS_VALUE_OTHER;
    } else if (token == ATS_MSGPACK_ARRAY || token == ATS_MSGPACK_MAP) {
        out->text = (const char *)m->at;
        out->count = (uint16_t)m->length;
        if (m->length > UINT16_MAX)
            out->type = ATS_VALUE_OTHER;
        if (!ats_msgpack_skip_rest(m, token))
            return false;
        out->length = (uint32_t)((const char *)m->at - out->text);
    }
    return true;
}
