#include "stages/context.h"

#include <assert.h>

static const char *const HOP_LABELS[] = {"feed",  "feature",         "infer_wait",
                                         "infer", "strategy",        "risk",
                                         "route", "event_to_signal", "event_to_order"};
static_assert(sizeof(HOP_LABELS) / sizeof(HOP_LABELS[0]) == ATS_HOP_COUNT, "a label a hop");

const char *ats_hop_label(uint32_t hop)
{
    return hop < ATS_HOP_COUNT ? HOP_LABELS[hop] : "?";
}

int ats_context_make(ats_context *context, ats_arena *arena, const ats_symbols *symbols)
{
    size_t recorder = (ats_recorder_footprint() + 127) & ~(size_t)127;
    if (ats_arena_create(arena, ATS_HOP_COUNT * recorder + sizeof(ats_metrics) +
                                    sizeof(ats_switches) + ats_control_inbox_footprint() + 4096) !=
        0)
        return -1;
    context->symbols = symbols;
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++)
        context->recorders[hop] = ats_recorder_new(ats_arena_take(arena, recorder, 128));
    context->metrics = ats_arena_take(arena, sizeof(ats_metrics), 128);
    context->switches = ats_arena_take(arena, sizeof(ats_switches), 128);
    context->inbox = ats_control_inbox_new(
        ats_arena_take(arena, ats_control_inbox_footprint(), ATS_GUARD_BYTES));
    return 0;
}
