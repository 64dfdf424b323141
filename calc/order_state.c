#include "calc/order_state.h"

#include <assert.h>

static const char *const EVENT_LABELS[] = {
    "journaled", "sent",         "cancel_sent",  "timed_out",        "accepted",
    "rejected",  "fill",         "filled_whole", "canceled",         "cancel_rejected",
    "expired",   "replace_sent", "replaced",     "replace_rejected", "triggered",
    "held",      "activated",    "busted",       "corrected"};
static_assert(sizeof(EVENT_LABELS) / sizeof(EVENT_LABELS[0]) == ATS_EVENT_COUNT,
              "a label an event");

const char *ats_order_event_label(uint32_t event)
{
    return event < ATS_EVENT_COUNT ? EVENT_LABELS[event] : "?";
}

#define M(state)                                                                                   \
    {                                                                                              \
        ATS_ORDER_##state, ATS_TRANSITION_MOVE                                                     \
    }
#define S                                                                                          \
    {                                                                                              \
        0, ATS_TRANSITION_STALE                                                                    \
    }
#define X                                                                                          \
    {                                                                                              \
        0, ATS_TRANSITION_IMPOSSIBLE                                                               \
    }

/* Columns: JOURNALED SENT CANCEL_SENT TIMED_OUT | ACCEPTED REJECTED PARTIAL FULL CANCELED
 * CANCEL_REJECTED EXPIRED | REPLACE_SENT REPLACED REPLACE_REJECTED | TRIGGERED | HELD ACTIVATED |
 * BUSTED CORRECTED. REJECTED of a JOURNALED order is our own: the kill switch was thrown between
 * journal and wire. */
static const ats_transition TABLE[ATS_ORDER_STATE_COUNT][ATS_EVENT_COUNT] = {
    [ATS_ORDER_NEW] = {M(JOURNALED), X, X, X, X, X, X, X, X, X, X, X, X, X, X, M(HELD), X, X, X},
    [ATS_ORDER_JOURNALED] = {X, M(SENT), X, M(UNKNOWN), X, M(REJECTED), X, X, X, X, X, X, X, X, X,
                             X, X, X, X},
    [ATS_ORDER_SENT] = {X, X, M(PENDING_CANCEL), M(UNKNOWN), M(ACCEPTED), M(REJECTED), M(PARTIAL),
                        M(FILLED), M(CANCELED), S, M(EXPIRED), M(PENDING_REPLACE), M(REPLACED), S,
                        M(ACCEPTED), M(HELD), X, X, X},
    [ATS_ORDER_ACCEPTED] = {X, X, M(PENDING_CANCEL), M(UNKNOWN), S, M(REJECTED), M(PARTIAL),
                            M(FILLED), M(CANCELED), S, M(EXPIRED), M(PENDING_REPLACE), M(REPLACED),
                            S, M(ACCEPTED), X, S, X, X},
    [ATS_ORDER_PARTIAL] = {X, X, M(PENDING_CANCEL), M(UNKNOWN), S, X, M(PARTIAL), M(FILLED),
                           M(CANCELED), S, M(EXPIRED), M(PENDING_REPLACE), M(REPLACED), S, S, X, S,
                           M(PARTIAL), M(PARTIAL)},
    [ATS_ORDER_PENDING_CANCEL] = {X, X, S, M(CANCEL_UNKNOWN), S, M(REJECTED), M(PENDING_CANCEL),
                                  M(FILLED), M(CANCELED), M(ACCEPTED), M(EXPIRED), X, M(REPLACED),
                                  S, M(PENDING_CANCEL), S, S, M(PENDING_CANCEL), M(PENDING_CANCEL)},
    [ATS_ORDER_UNKNOWN] = {X, X, M(UNKNOWN), S, M(ACCEPTED), M(REJECTED), M(PARTIAL), M(FILLED),
                           M(CANCELED), S, M(EXPIRED), X, M(REPLACED), S, M(ACCEPTED), M(HELD),
                           M(ACCEPTED), M(UNKNOWN), M(UNKNOWN)},
    [ATS_ORDER_FILLED] = {X, X, S, S, S, X, X, X, S, S, S, X, X, S, S, X, S, M(FILLED), M(FILLED)},
    [ATS_ORDER_CANCELED] = {X, X, S, S, S, S, M(CANCELED), M(FILLED), S, S, S, X, S, S, S, X, S,
                            M(CANCELED), M(CANCELED)},
    [ATS_ORDER_REJECTED] = {X, X, S, S, S, S, M(REJECTED), M(FILLED), S, S, S, X, S, S, S, X, S,
                            M(REJECTED), M(REJECTED)},
    [ATS_ORDER_EXPIRED] = {X, X, S, S, S, S, M(EXPIRED), M(FILLED), S, S, S, X, S, S, S, X, S,
                           M(EXPIRED), M(EXPIRED)},
    [ATS_ORDER_REPLACED] = {X, X, S, S, S, S, M(REPLACED), M(FILLED), S, S, S, X, S, S, S, X, S,
                            M(REPLACED), M(REPLACED)},
    [ATS_ORDER_PENDING_REPLACE] = {X, X, M(PENDING_CANCEL), M(REPLACE_UNKNOWN), S, M(REJECTED),
                                   M(PENDING_REPLACE), M(FILLED), M(CANCELED), S, M(EXPIRED), X,
                                   M(REPLACED), M(ACCEPTED), M(PENDING_REPLACE), X, S,
                                   M(PENDING_REPLACE), M(PENDING_REPLACE)},
    [ATS_ORDER_CANCEL_UNKNOWN] = {X, X, M(PENDING_CANCEL), S, S, M(REJECTED), M(CANCEL_UNKNOWN),
                                  M(FILLED), M(CANCELED), M(ACCEPTED), M(EXPIRED), X, M(REPLACED),
                                  S, M(CANCEL_UNKNOWN), S, S, M(CANCEL_UNKNOWN), M(CANCEL_UNKNOWN)},
    [ATS_ORDER_REPLACE_UNKNOWN] = {X, X, M(PENDING_CANCEL), S, S, M(REJECTED), M(REPLACE_UNKNOWN),
                                   M(FILLED), M(CANCELED), S, M(EXPIRED), X, M(REPLACED),
                                   M(ACCEPTED), M(REPLACE_UNKNOWN), X, S, M(REPLACE_UNKNOWN),
                                   M(REPLACE_UNKNOWN)},
    [ATS_ORDER_HELD] = {X, X, M(PENDING_CANCEL), S, S, M(REJECTED), M(PARTIAL), M(FILLED),
                        M(CANCELED), S, M(EXPIRED), M(PENDING_REPLACE), M(REPLACED), S, M(ACCEPTED),
                        S, M(ACCEPTED), X, X},
};

ats_transition ats_order_transition(uint32_t state, uint32_t event)
{
    if (state >= ATS_ORDER_STATE_COUNT || event >= ATS_EVENT_COUNT)
        return (ats_transition){(uint8_t)state, ATS_TRANSITION_IMPOSSIBLE};
    ats_transition t = TABLE[state][event];
    if (t.kind != ATS_TRANSITION_MOVE)
        t.next = (uint8_t)state;
    return t;
}
