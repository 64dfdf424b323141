#include "stages/context.h"

#include <assert.h>

static const char *const HOP_LABELS[] = {
    "feed", "feature", "infer_wait",      "infer",         "strategy",
    "risk", "route",   "event_to_signal", "event_to_order"};
static_assert(sizeof(HOP_LABELS) / sizeof(HOP_LABELS[0]) == ATS_HOP_COUNT, "a label a hop");

const char *ats_hop_label(uint32_t hop)
{
    return hop < ATS_HOP_COUNT ? HOP_LABELS[hop] : "?";
}
