/* order_state.h: the order state machine, total.
 *
 * Every (state, event) pair is defined. Broker events may come twice, late or in another order than
 * they happened; what cannot be is told apart from what has been seen already. The rules behind the
 * table:
 *
 * - A fill is believed in every state in which the order may have reached the broker, also after a
 *   cancel, an expiry, a replacement or a rejection was reported: money moved.
 * - A final state is left only by the fill that shows it to be wrong, and only for FILLED.
 * - No answer is UNKNOWN, never "failed"; each kind of request has an UNKNOWN of its own, so that
 *   who resolves it knows what was asked.
 * - A leg is HELD from the moment its head leaves until the broker activates it.
 * - A bust or correction changes money, never whether the order works.
 * - What is ours to do and must not be done (send before the journal, replace what is being
 *   cancelled or is over) is impossible, not stale.
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
    ATS_EVENT_REPLACE_SENT = 11,     /* ours, of the order that is to be replaced */
    ATS_EVENT_REPLACED = 12,         /* the broker's, of the old order */
    ATS_EVENT_REPLACE_REJECTED = 13, /* of the old order, which stands */
    ATS_EVENT_TRIGGERED = 14,        /* a stop became a market or limit order */
    ATS_EVENT_HELD = 15,             /* a leg left with its head, or took a held one's place */
    ATS_EVENT_ACTIVATED = 16,        /* the broker's: a held leg rests */
    ATS_EVENT_BUSTED = 17,           /* a fill never was */
    ATS_EVENT_CORRECTED = 18,        /* a fill was another one */
    ATS_EVENT_COUNT
} ats_order_event;
const char *ats_order_event_label(uint32_t event);

typedef enum ats_transition_kind {
    ATS_TRANSITION_MOVE = 0,      /* the state changes, or something is booked in the same state */
    ATS_TRANSITION_STALE = 1,     /* seen before or overtaken: nothing to do */
    ATS_TRANSITION_IMPOSSIBLE = 2 /* cannot happen: count, freeze the symbol, page */
} ats_transition_kind;

typedef struct ats_transition {
    uint8_t next; /* ats_order_state; the same state unless MOVE */
    uint8_t kind; /* ats_transition_kind */
} ats_transition;

/* What an event does in a state. Any value of either is allowed; unknown ones are IMPOSSIBLE.
 * ACCEPTED as the next state of an order that has filled in part means PARTIAL: the caller knows.
 */
ats_transition ats_order_transition(uint32_t state, uint32_t event);

/* Over: nothing more can come but a fill that was late. */
static inline bool ats_order_is_final(uint32_t state)
{
    return state >= ATS_ORDER_FILLED && state <= ATS_ORDER_REPLACED;
}

/* A request of ours is out and not answered: its answer is awaited, or was in vain. */
static inline bool ats_order_is_awaited(uint32_t state)
{
    return state == ATS_ORDER_SENT || state == ATS_ORDER_PENDING_CANCEL ||
           state == ATS_ORDER_PENDING_REPLACE || state == ATS_ORDER_UNKNOWN ||
           state == ATS_ORDER_CANCEL_UNKNOWN || state == ATS_ORDER_REPLACE_UNKNOWN;
}

#endif
