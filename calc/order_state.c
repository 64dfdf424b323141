#include "calc/order_state.h"

#include <assert.h>

static const char *const EVENT_LABELS[] = {
    "journaled", "sent",         "cancel_sent", "timed_out",       "accepted", "rejected",
    "fill",      "filled_whole", "canceled",    "cancel_rejected", "expired"};
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
 * CANCEL_REJECTED EXPIRED. A fill is believed in every state in which the order may have reached
 * the broker, also after a cancel, expiry or rejection was reported: money moved. */
static const ats_transition TABLE[ATS_ORDER_STATE_COUNT][ATS_EVENT_COUNT] = {
    [ATS_ORDER_NEW] = {M(JOURNALED), X, X, X, X, X, X, X, X, X, X},
    /* REJECTED here is our own: the kill switch was thrown between journal and wire. */
    [ATS_ORDER_JOURNALED] = {X, M(SENT), X, M(UNKNOWN), X, M(REJECTED), X, X, X, X, X},
    [ATS_ORDER_SENT] = {X, X, M(PENDING_CANCEL), M(UNKNOWN), M(ACCEPTED), M(REJECTED), M(PARTIAL),
                        M(FILLED), M(CANCELED), S, M(EXPIRED)},
    [ATS_ORDER_ACCEPTED] = {X, X, M(PENDING_CANCEL), M(UNKNOWN), S, M(REJECTED), M(PARTIAL),
                            M(FILLED), M(CANCELED), S, M(EXPIRED)},
    [ATS_ORDER_PARTIAL] = {X, X, M(PENDING_CANCEL), M(UNKNOWN), S, X, M(PARTIAL), M(FILLED),
                           M(CANCELED), S, M(EXPIRED)},
    [ATS_ORDER_PENDING_CANCEL] = {X, X, S, M(UNKNOWN), S, M(REJECTED), M(PENDING_CANCEL), M(FILLED),
                                  M(CANCELED), M(ACCEPTED), M(EXPIRED)},
    [ATS_ORDER_UNKNOWN] = {X, X, M(UNKNOWN), S, M(ACCEPTED), M(REJECTED), M(PARTIAL), M(FILLED),
                           M(CANCELED), S, M(EXPIRED)},
    [ATS_ORDER_FILLED] = {X, X, S, S, S, X, X, X, S, S, S},
    [ATS_ORDER_CANCELED] = {X, X, S, S, S, S, M(CANCELED), M(FILLED), S, S, S},
    [ATS_ORDER_REJECTED] = {X, X, S, S, S, S, M(REJECTED), M(FILLED), S, S, S},
    [ATS_ORDER_EXPIRED] = {X, X, S, S, S, S, M(EXPIRED), M(FILLED), S, S, S},
    [ATS_ORDER_REPLACED] = {X, X, S, S, S, S, M(REPLACED), M(FILLED), S, S, S},
    [ATS_ORDER_PENDING_REPLACE] = {X, X, X, X, X, X, X, X, X, X, X},
    [ATS_ORDER_CANCEL_UNKNOWN] = {X, X, X, X, X, X, X, X, X, X, X},
    [ATS_ORDER_REPLACE_UNKNOWN] = {X, X, X, X, X, X, X, X, X, X, X},
    [ATS_ORDER_HELD] = {X, X, X, X, X, X, X, X, X, X, X},
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
