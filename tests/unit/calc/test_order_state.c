#include "calc/order_state.h"

#include <criterion/criterion.h>

Test(order_state, every_pair_is_defined)
{
    for (uint32_t s = 0; s < ATS_ORDER_STATE_COUNT; s++) {
        for (uint32_t e = 0; e < ATS_EVENT_COUNT; e++) {
            ats_transition t = ats_order_transition(s, e);
            cr_assert_lt(t.next, ATS_ORDER_STATE_COUNT);
            cr_assert_leq(t.kind, ATS_TRANSITION_IMPOSSIBLE);
            if (t.kind != ATS_TRANSITION_MOVE)
                cr_assert_eq(t.next, s, "only a move changes the state");
        }
    }
    cr_assert_eq(ats_order_transition(99, 0).kind, ATS_TRANSITION_IMPOSSIBLE);
    cr_assert_eq(ats_order_transition(0, 99).kind, ATS_TRANSITION_IMPOSSIBLE);
}

/* Whatever the order of events, a fill is never thrown away once the order may have been sent. */
Test(order_state, a_fill_is_believed_wherever_the_order_may_have_left)
{
    for (uint32_t s = ATS_ORDER_SENT; s < ATS_ORDER_STATE_COUNT; s++) {
        if (s == ATS_ORDER_FILLED)
            continue; /* more than all of it: impossible */
        cr_assert_eq(ats_order_transition(s, ATS_EVENT_PARTIAL_FILL).kind, ATS_TRANSITION_MOVE);
        cr_assert_eq(ats_order_transition(s, ATS_EVENT_FULL_FILL).kind, ATS_TRANSITION_MOVE);
    }
}

Test(order_state, a_final_state_stays_final)
{
    for (uint32_t s = 0; s < ATS_ORDER_STATE_COUNT; s++)
        for (uint32_t e = 0; e < ATS_EVENT_COUNT; e++)
            if (ats_order_is_final(s))
                cr_assert(ats_order_is_final(ats_order_transition(s, e).next));
}

Test(order_state, no_answer_means_unknown_and_never_rejected)
{
    for (uint32_t s = ATS_ORDER_JOURNALED; s <= ATS_ORDER_PENDING_CANCEL; s++)
        cr_assert_eq(ats_order_transition(s, ATS_EVENT_TIMED_OUT).next, ATS_ORDER_UNKNOWN);
    cr_assert_eq(ats_order_transition(ATS_ORDER_UNKNOWN, ATS_EVENT_TIMED_OUT).next,
                 ATS_ORDER_UNKNOWN);
}

Test(order_state, nothing_is_sent_before_it_is_journaled)
{
    cr_assert_eq(ats_order_transition(ATS_ORDER_NEW, ATS_EVENT_SENT).kind,
                 ATS_TRANSITION_IMPOSSIBLE);
    cr_assert_eq(ats_order_transition(ATS_ORDER_JOURNALED, ATS_EVENT_SENT).next, ATS_ORDER_SENT);
}
