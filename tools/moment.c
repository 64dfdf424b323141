#include "tools/moment.h"

#include "core/record.h"

#include <time.h>

int ats_moment_read(const char *text, int64_t *ns)
{
    static const char *const FORMS[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, FORMS[i], &tm);
        if (!end || *end)
            continue;
        int64_t s = (int64_t)timegm(&tm); /* of years that would overflow, too */
        if (s < 0 || s >= INT64_MAX / 1000000000ll)
            return -1;
        *ns = s * 1000000000ll;
        return ats_time_is_sane(*ns) ? 0 : -1;
    }
    return -1;
}
