#include "io/codec/rfc3339.h"

#include "calc/calendar.h"
#include "core/record.h"

/* `count` digits as a number, -1 when one is none. */
static int32_t digits(const char *p, uint32_t count)
{
    int32_t value = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t digit = (uint32_t)(unsigned char)p[i] - '0';
        if (digit > 9)
            return -1;
        value = value * 10 + (int32_t)digit;
    }
    return value;
}

static bool read_date(const char *p, int64_t *days)
{
    int32_t year = digits(p, 4), month = digits(p + 5, 2), day = digits(p + 8, 2);
    if (year < 0 || month < 0 || day < 0 || p[4] != '-' || p[7] != '-')
        return false;
    uint32_t date = (uint32_t)(year * 10000 + month * 100 + day);
    if (!ats_date_is_valid(date))
        return false;
    *days = ats_date_days(date);
    return true;
}

/* Z or an offset, up to the end. Seconds that local time is ahead of UTC. */
static bool read_offset(const char *p, size_t length, int64_t *seconds)
{
    *seconds = 0;
    if (length == 1)
        return *p == 'Z' || *p == 'z';
    if (length != 6 || (*p != '+' && *p != '-') || p[3] != ':')
        return false;
    int32_t hour = digits(p + 1, 2), minute = digits(p + 4, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return false;
    *seconds = (hour * 60 + minute) * (*p == '-' ? -60 : 60);
    return true;
}

bool ats_rfc3339_ns(const char *text, size_t length, int64_t *ns)
{
    int64_t days, offset, fraction = 0;
    const char *p = text + 19, *end = text + length;
    if (length < 20 || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':' ||
        !read_date(text, &days))
        return false;
    int32_t hour = digits(text + 11, 2), minute = digits(text + 14, 2),
            second = digits(text + 17, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;
    if (*p == '.') {
        const char *first = ++p;
        for (int64_t unit = ATS_E9 / 10; p < end && digits(p, 1) >= 0; p++, unit /= 10) {
            if (unit == 0 && *p != '0')
                return false;
            fraction += digits(p, 1) * unit;
        }
        if (p == first)
            return false;
    }
    if (!read_offset(p, (size_t)(end - p), &offset))
        return false;
    int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset;
    int64_t value = seconds * ATS_E9 + fraction; /* valid dates end in 2261: it fits */
    if (!ats_time_is_sane(value))
        return false;
    *ns = value;
    return true;
}
