#include "io/codec/bar.h"

#include "calc/calendar.h"
#include "core/record.h"
#include "io/codec/decimal.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

ats_line_reason ats_bar_number(const char *text, size_t length, int64_t most_e9, int64_t *out)
{
    const char *p = text, *end = text + length;
    bool negative = p < end && *p == '-';
    int64_t value = 0, whole = 0;
    if (memchr(text, 'e', length) || memchr(text, 'E', length)) {
        ats_decimal_result result = ats_decimal_e9(text, length, &value);
        if (result != ATS_DECIMAL_OK)
            return result == ATS_DECIMAL_RANGE       ? ATS_LINE_RANGE
                   : result == ATS_DECIMAL_PRECISION ? ATS_LINE_PRECISION
                                                     : ATS_LINE_NUMBER;
    } else {
        bool large = false, up = false;
        p += negative;
        const char *digits = p;
        for (; p < end && is_digit(*p); p++) {
            large |= whole > most_e9 / ATS_E9;
            whole = large ? 0 : whole * 10 + (*p - '0');
        }
        size_t count = (size_t)(p - digits);
        int64_t unit = ATS_E9;
        value = whole;
        if (p < end && *p == '.') {
            for (p++; p < end && is_digit(*p); p++, count++) {
                if (unit > 1) {
                    unit /= 10;
                    large |= __builtin_mul_overflow(value, 10, &value);
                    large |= __builtin_add_overflow(value, *p - '0', &value);
                } else if (unit == 1) {
                    up = *p >= '5';
                    unit = 0; /* only the tenth digit rounds */
                }
            }
        }
        if (count == 0 || p != end)
            return ATS_LINE_NUMBER;
        if (large || __builtin_mul_overflow(value, unit ? unit : 1, &value) ||
            __builtin_add_overflow(value, up, &value))
            return ATS_LINE_RANGE;
        value = negative ? -value : value;
    }
    if (value < 0)
        return ATS_LINE_NEGATIVE;
    if (value > most_e9)
        return ATS_LINE_RANGE;
    *out = value;
    return ATS_LINE_OK;
}

ats_line_reason ats_bar_ratio(int64_t value_e9, int64_t *numerator, int64_t *denominator)
{
    if (value_e9 <= 0)
        return ATS_LINE_ZERO;
    if (value_e9 > ATS_RATIO_MAX * ATS_E9)
        return ATS_LINE_RANGE;
    int64_t n = value_e9, d = ATS_E9;
    int64_t p0 = 0, q0 = 1, p1 = 1, q1 = 0; /* convergents */
    while (d) {
        int64_t a = n / d, rest = n % d, p2, q2;
        if (__builtin_mul_overflow(a, p1, &p2) || __builtin_add_overflow(p2, p0, &p2) ||
            __builtin_mul_overflow(a, q1, &q2) || __builtin_add_overflow(q2, q0, &q2) ||
            p2 > ATS_RATIO_MAX || q2 > ATS_RATIO_MAX)
            break;
        p0 = p1, q0 = q1, p1 = p2, q1 = q2;
        n = d, d = rest;
    }
    if (p1 < 1 || q1 < 1)
        return ATS_LINE_RANGE;
    *numerator = p1;
    *denominator = q1;
    return ATS_LINE_OK;
}

/* ---- time ------------------------------------------------------------------------------------ */

bool ats_bar_time_format_read(ats_bar_time_format *out, const char *text)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"s", ATS_SECOND_NS}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};
    *out = (ats_bar_time_format){0};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(text, units[i].name) == 0) {
            *out = (ats_bar_time_format){
                .clock = ATS_BAR_UNIX, .unit_ns = units[i].ns, .has_time = true};
            return true;
        }
    uint32_t seen = 0;
    for (const char *p = text; *p; p++) {
        static const char letters[] = "YmdHMSf";
        if (*p != '%')
            continue;
        const char *letter = p[1] ? strchr(letters, p[1]) : NULL;
        if (!letter || seen & 1u << (letter - letters))
            return false;
        seen |= 1u << (letter - letters);
        p++;
    }
    out->pattern = text;
    out->has_time = seen & 8u;
    return (seen & 7u) == 7u && (seen >> 3 == 0 || seen & 8u);
}

static bool take_digits(const char **p, const char *end, int count, int64_t *out)
{
    int64_t value = 0;
    for (int i = 0; i < count; i++, (*p)++) {
        if (*p == end || !is_digit(**p))
            return false;
        value = value * 10 + (**p - '0');
    }
    *out = value;
    return true;
}

static bool take_fraction(const char **p, const char *end, int64_t *ns)
{
    int64_t unit = ATS_SECOND_NS, value = 0;
    for (; *p < end && is_digit(**p) && unit > 1; (*p)++) {
        unit /= 10;
        value += (**p - '0') * unit;
    }
    *ns = value;
    return unit < ATS_SECOND_NS;
}

static bool pattern_time(const char *pattern, const char *text, size_t length, int64_t *ns)
{
    const char *p = text, *end = text + length;
    int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction = 0;
    for (const char *f = pattern; *f; f++) {
        bool ok;
        if (*f != '%') {
            if (p == end || *p++ != *f)
                return false;
            continue;
        }
        switch (*++f) {
        case 'Y':
            ok = take_digits(&p, end, 4, &year);
            break;
        case 'm':
            ok = take_digits(&p, end, 2, &month);
            break;
        case 'd':
            ok = take_digits(&p, end, 2, &day);
            break;
        case 'H':
            ok = take_digits(&p, end, 2, &hour);
            break;
        case 'M':
            ok = take_digits(&p, end, 2, &minute);
            break;
        case 'S':
            ok = take_digits(&p, end, 2, &second);
            break;
        default:
            ok = take_fraction(&p, end, &fraction);
        }
        if (!ok)
            return false;
    }
    uint32_t date = (uint32_t)(year * 10000 + month * 100 + day);
    if (p != end || !ats_date_is_valid(date) || hour > 23 || minute > 59 || second > 59)
        return false;
    *ns = ats_date_ns(date) + (hour * 3600 + minute * 60 + second) * ATS_SECOND_NS + fraction;
    return true;
}

bool ats_bar_time(const ats_bar_time_format *format, const char *text, size_t length, int64_t *ns)
{
    if (format->clock == ATS_BAR_PATTERN)
        return pattern_time(format->pattern, text, length, ns);
    int64_t count;
    return ats_decimal_i64(text, length, &count) == ATS_DECIMAL_OK &&
           !__builtin_mul_overflow(count, format->unit_ns, ns);
}

int ats_bar_split(char *line, size_t length, char delimiter, ats_csv_field *field,
                  uint32_t capacity)
{
    if (delimiter == ',')
        return ats_csv_split(line, length, field, capacity);
    uint32_t count = 0;
    const char *p = line, *end = line + length;
    for (;;) {
        const char *stop = memchr(p, delimiter, (size_t)(end - p));
        if (count == capacity)
            return -1;
        field[count++] = (ats_csv_field){p, (size_t)((stop ? stop : end) - p)};
        if (!stop)
            return (int)count;
        p = stop + 1;
    }
}
