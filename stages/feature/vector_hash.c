#include "stages/feature/vector_hash.h"

#include "calc/calendar.h"

#include <inttypes.h>
#include <stdio.h>

json_t *ats_vector_hash_json(const ats_vector_hash *h)
{
    json_t *days = json_array();
    for (uint32_t i = 0; i < h->count; i++) {
        const ats_vector_day *d = &h->day[i];
        char day[16], hash[17];
        uint32_t date = ats_date_of_days(d->day);
        snprintf(day, sizeof day, "%04u-%02u-%02u", date / 10000 % 10000, date / 100 % 100,
                 date % 100);
        snprintf(hash, sizeof hash, "%016" PRIx64, d->hash);
        json_array_append_new(days, json_pack("{s:s, s:I, s:s}", "day", day, "vectors",
                                              (json_int_t)d->vectors, "hash", hash));
    }
    return days;
}
