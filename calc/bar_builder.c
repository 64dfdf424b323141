#include "calc/bar_builder.h"

#define DAY_S 86400u

bool ats_bar_builder_close(ats_bar_builder_e9 *builder, int64_t now_ns, ats_bar_e9 *out)
{
    if (builder->bar.end_ns == 0 || builder->bar.end_ns > now_ns)
        return false;
    *out = builder->bar;
    builder->bar.end_ns = 0;
    return true;
}

static bool begin(ats_bar_e9 *bar, const ats_segment *segment, uint32_t period_s, int64_t ns)
{
    int64_t period_ns = period_s * ATS_SECOND_NS;
    if (period_s >= DAY_S) {
        if (segment->phase != ATS_PHASE_REGULAR)
            return false;
        *bar = (ats_bar_e9){.start_ns = segment->open_ns, .end_ns = segment->close_ns};
    } else {
        int64_t start_ns = ns - (ns - segment->start_ns) % period_ns, end_ns = start_ns + period_ns;
        *bar = (ats_bar_e9){.start_ns = start_ns,
                            .end_ns = end_ns < segment->end_ns ? end_ns : segment->end_ns};
    }
    bar->period_s = period_s;
    return true;
}

bool ats_bar_builder_add(ats_bar_builder_e9 *builder, const ats_segment *segment, uint32_t period_s,
                         const ats_bar_e9 *piece)
{
    ats_bar_e9 *bar = &builder->bar;
    if (bar->end_ns == 0) {
        if (!begin(bar, segment, period_s, piece->start_ns))
            return false;
        bar->open_e9 = piece->open_e9;
        bar->high_e9 = piece->high_e9;
        bar->low_e9 = piece->low_e9;
    }
    if (piece->high_e9 > bar->high_e9)
        bar->high_e9 = piece->high_e9;
    if (piece->low_e9 < bar->low_e9)
        bar->low_e9 = piece->low_e9;
    bar->close_e9 = piece->close_e9;
    if (__builtin_add_overflow(bar->volume_e9, piece->volume_e9, &bar->volume_e9))
        bar->volume_e9 = INT64_MAX;
    return true;
}
