#include "stages/infer/sample.h"

#include <string.h>

void ats_vector_sample_keep(ats_vector_sample *s, uint64_t number, const ats_features *f)
{
    uint32_t at = s->count;
    if (s->count < ATS_SAMPLE_ROWS) {
        s->count++;
    } else {
        while (s->next < ATS_SAMPLE_ROWS && ats_vector_sample_is_even(s, s->next))
            s->next++;
        if (s->next == ATS_SAMPLE_ROWS) {
            s->stride *= 2;
            s->next = 0;
            if ((number & (s->stride - 1)) != 0)
                return;
            while (ats_vector_sample_is_even(s, s->next)) /* half of them are not */
                s->next++;
        }
        at = s->next++;
    }
    s->number[at] = number;
    s->recv_ns[at] = f->h.recv_ns;
    memcpy(s->x + (size_t)at * s->features, f->f, s->features * sizeof(float));
}
