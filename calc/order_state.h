/* order_state.h: the order state machine, total.
 *
 * Every (state, event) pair is defined. Broker events may come twice, late or in another order than
 * they happened; what cannot be is told apart from what has been seen already.
 */
#ifndef ATS_CALC_ORDER_STATE_H
#define ATS_CALC_ORDER_STATE_H

#include "core/record.h"

#include <stdbool.h>

typedef enum ats_order_event {
    ATS_EVENT_JOURNALED = 0, /* our own steps */
    ATS_EVENT_SENT = 1,
    ATS_EVENT_CANCEL_SENT = 2,
    ATS_EVENT_TIMED_OUT = 3, /* no answer: not known, never "failed" */
    ATS_EVENT_ACCEPTED = 4,  /* the broker's */
    ATS_EVENT_REJECTED = 5,
    ATS_EVENT_PARTIAL_FILL = 6,
    ATS_EVENT_FULL_FILL = 7,
    ATS_EVENT_CANCELED = 8,
    ATS_EVENT_CANCEL_REJECTED = 9,
    ATS_EVENT_EXPIRED = 10,
    ATS_EVENT_COUNT
} ats_order_event;
const char *ats_order_event_label(uint32_t event);

typedef enum ats_transition_kind {
    ATS_TRANSITION_MOVE = 0,      /* the state changes, or a fill is booked in the same state */
    ATS_TRANSITION_STALE = 1,     /* seen before or overtaken: nothing to do */
    ATS_TRANSITION_IMPOSSIBLE = 2 /* cannot happen: count, freeze the symbol, page */
} ats_transition_kind;

typedef struct ats_transition {
    uint8_t next; /* ats_order_state; the same state unless MOVE */
    uint8_t kind; /* ats_transition_kind */
} ats_transition;

/* What an event does in a state. Any value of either is allowed; unknown ones are IMPOSSIBLE. */
ats_transition ats_order_transition(uint32_t state, uint32_t event);

/* No further fill can come. */
static inline bool ats_order_is_final(uint32_t state)
{
    return state >= ATS_ORDER_FILLED && state <= ATS_ORDER_EXPIRED;
}

#endif
