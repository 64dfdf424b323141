#include "calc/order_state.h"
#include "core/random.h"

#include <criterion/criterion.h>
#include <string.h>

/* The states' letters, in their order. */
static const char LETTERS[] = "NJSAPcUFCRXrpuvH";

/* What each event means in each state, said once more: a letter is the next state, '.' is stale
 * (seen before, overtaken, or asked twice), '!' is impossible. Columns: journaled sent cancel_sent
 * timed_out accepted rejected fill filled_whole canceled cancel_rejected expired replace_sent
 * replaced replace_rejected triggered held activated busted corrected. */
static const char *const MEANING[] = {
    /* Nothing has happened: it can be journaled; a leg leaves with its head. */
    [ATS_ORDER_NEW] = "J!!!!!!!!!!!!!!H!!!",
    /* It can be sent, refused by our own kill switch, or found so after a crash. */
    [ATS_ORDER_JOURNALED] = "!S!U!R!!!!!!!!!!!!!",
    /* Anything may have happened to it. */
    [ATS_ORDER_SENT] = "!!cUARPFC.Xpr.AH!!!",
    /* Works. A rejection after an acceptance does happen. */
    [ATS_ORDER_ACCEPTED] = "!!cU.RPFC.Xpr.A!.!!",
    /* Works and has filled: it cannot be rejected any more. */
    [ATS_ORDER_PARTIAL] = "!!cU.!PFC.Xpr..!.PP",
    /* A refused cancel leaves it working; replacing it now would be our mistake. */
    [ATS_ORDER_PENDING_CANCEL] = "!!.u.RcFCAX!r.c..cc",
    /* Whatever the broker says of it settles it. */
    [ATS_ORDER_UNKNOWN] = "!!U.ARPFC.X!r.AHAUU",
    /* Over: more fills cannot be, busts can. */
    [ATS_ORDER_FILLED] = "!!...!!!...!!..!.FF",
    /* Over, unless a fill had overtaken it. */
    [ATS_ORDER_CANCELED] = "!!....CF...!...!.CC",
    [ATS_ORDER_REJECTED] = "!!....RF...!...!.RR",
    [ATS_ORDER_EXPIRED] = "!!....XF...!...!.XX",
    [ATS_ORDER_REPLACED] = "!!....rF...!...!.rr",
    /* It works on until the broker has said either. */
    [ATS_ORDER_PENDING_REPLACE] = "!!cv.RpFC.X!rAp!.pp",
    /* Alive tells nothing: the cancel may still be on its way. */
    [ATS_ORDER_CANCEL_UNKNOWN] = "!!c..RuFCAX!r.u..uu",
    [ATS_ORDER_REPLACE_UNKNOWN] = "!!c..RvFC.X!rAv!.vv",
    /* A leg: any sign of life from the broker means that it was activated. */
    [ATS_ORDER_HELD] = "!!c..RPFC.Xpr.A.A!!",
};

Test(order_state, every_pair_means_what_is_written_here)
{
    cr_assert_eq(sizeof MEANING / sizeof MEANING[0], ATS_ORDER_STATE_COUNT);
    cr_assert_eq(strlen(LETTERS), ATS_ORDER_STATE_COUNT);
    for (uint32_t s = 0; s < ATS_ORDER_STATE_COUNT; s++) {
        cr_assert_eq(strlen(MEANING[s]), ATS_EVENT_COUNT);
        for (uint32_t e = 0; e < ATS_EVENT_COUNT; e++) {
            ats_transition t = ats_order_transition(s, e);
            char said = t.kind == ATS_TRANSITION_MOVE    ? LETTERS[t.next]
                        : t.kind == ATS_TRANSITION_STALE ? '.'
                                                         : '!';
            cr_expect_eq(said, MEANING[s][e], "%s, %s: %c, not %c", ats_order_state_label(s),
                         ats_order_event_label(e), said, MEANING[s][e]);
            if (t.kind != ATS_TRANSITION_MOVE)
                cr_expect_eq(t.next, s, "only a move changes the state");
        }
    }
    cr_assert_eq(ats_order_transition(99, 0).kind, ATS_TRANSITION_IMPOSSIBLE);
    cr_assert_eq(ats_order_transition(0, 99).kind, ATS_TRANSITION_IMPOSSIBLE);
    cr_assert_str_eq(ats_order_event_label(ATS_EVENT_CORRECTED), "corrected");
    cr_assert_str_eq(ats_order_event_label(ATS_EVENT_COUNT), "?");
}

/* The rules of the header, each over every state that it speaks of. */
Test(order_state, a_fill_is_believed_wherever_the_order_may_have_left)
{
    for (uint32_t s = ATS_ORDER_SENT; s < ATS_ORDER_STATE_COUNT; s++) {
        if (s == ATS_ORDER_FILLED)
            continue; /* more than all of it: impossible */
        cr_assert_eq(ats_order_transition(s, ATS_EVENT_PARTIAL_FILL).kind, ATS_TRANSITION_MOVE);
        cr_assert_eq(ats_order_transition(s, ATS_EVENT_FULL_FILL).next, ATS_ORDER_FILLED);
    }
}

Test(order_state, a_final_state_is_left_only_for_filled_by_a_fill)
{
    for (uint32_t s = 0; s < ATS_ORDER_STATE_COUNT; s++)
        for (uint32_t e = 0; e < ATS_EVENT_COUNT; e++) {
            ats_transition t = ats_order_transition(s, e);
            if (ats_order_is_final(s) && t.next != s) {
                cr_expect_eq(t.next, ATS_ORDER_FILLED);
                cr_expect_eq(e, ATS_EVENT_FULL_FILL);
            }
        }
}

Test(order_state, no_answer_means_unknown_and_never_failed)
{
    const uint32_t waiting[][2] = {{ATS_ORDER_JOURNALED, ATS_ORDER_UNKNOWN},
                                   {ATS_ORDER_SENT, ATS_ORDER_UNKNOWN},
                                   {ATS_ORDER_ACCEPTED, ATS_ORDER_UNKNOWN},
                                   {ATS_ORDER_PARTIAL, ATS_ORDER_UNKNOWN},
                                   {ATS_ORDER_PENDING_CANCEL, ATS_ORDER_CANCEL_UNKNOWN},
                                   {ATS_ORDER_PENDING_REPLACE, ATS_ORDER_REPLACE_UNKNOWN},
                                   {ATS_ORDER_UNKNOWN, ATS_ORDER_UNKNOWN},
                                   {ATS_ORDER_CANCEL_UNKNOWN, ATS_ORDER_CANCEL_UNKNOWN},
                                   {ATS_ORDER_REPLACE_UNKNOWN, ATS_ORDER_REPLACE_UNKNOWN}};
    for (size_t i = 0; i < sizeof waiting / sizeof waiting[0]; i++) {
        ats_transition t = ats_order_transition(waiting[i][0], ATS_EVENT_TIMED_OUT);
        cr_expect_eq(t.next, waiting[i][1]);
        cr_expect_not(ats_order_is_final(t.next));
    }
}

Test(order_state, nothing_is_sent_before_it_is_journaled)
{
    cr_assert_eq(ats_order_transition(ATS_ORDER_NEW, ATS_EVENT_SENT).kind,
                 ATS_TRANSITION_IMPOSSIBLE);
    cr_assert_eq(ats_order_transition(ATS_ORDER_JOURNALED, ATS_EVENT_SENT).next, ATS_ORDER_SENT);
}

/* ---- what a broker may do to its own history ------------------------------------------------ */

/* A true history of an order of ten: some fills, perhaps a bust, then an end. */
typedef struct happening {
    uint8_t event;
    uint8_t qty;
} happening;

static uint32_t make_history(ats_random *random, happening out[24], uint32_t *truth)
{
    uint32_t n = 0, filled = 0;
    out[n++] = (happening){ATS_EVENT_ACCEPTED, 0};
    if (ats_random_below(random, 3) == 0)
        out[n++] = (happening){ATS_EVENT_TRIGGERED, 0};
    while (n < 12 && filled < 10 && ats_random_below(random, 4)) {
        uint32_t qty = 1 + (uint32_t)ats_random_below(random, 10 - filled);
        filled += qty;
        out[n++] =
            (happening){filled == 10 ? ATS_EVENT_FULL_FILL : ATS_EVENT_PARTIAL_FILL, (uint8_t)qty};
    }
    *truth = filled;
    if (filled < 10) {
        const uint8_t ends[] = {ATS_EVENT_CANCELED, ATS_EVENT_EXPIRED, ATS_EVENT_REPLACED};
        out[n++] = (happening){ends[ats_random_below(random, 3)], 0};
    }
    return n;
}

/* Delivered in any order, each once or more often: every fill is booked once (the receiver knows
 * executions by their id), the booked quantity only grows, the order ends, and it ends once unless
 * the last fill shows that its end was FILLED. */
Test(order_state, duplicated_reordered_and_late_events_come_to_one_end)
{
    ats_random random;
    ats_random_seed(&random, 4);
    for (uint32_t round = 0; round < 20000; round++) {
        happening history[24], events[48];
        bool booked[24] = {false};
        uint32_t at[48], truth, count = make_history(&random, history, &truth), n = 0;
        for (uint32_t i = 0; i < count; i++)
            for (uint64_t k = 0; k <= ats_random_below(&random, 3); k++) {
                at[n] = i;
                events[n++] = history[i];
            }
        for (uint32_t i = n; i > 1; i--) {
            uint32_t j = (uint32_t)ats_random_below(&random, i), a = at[i - 1];
            happening h = events[i - 1];
            at[i - 1] = at[j], events[i - 1] = events[j];
            at[j] = a, events[j] = h;
        }
        uint32_t state = ATS_ORDER_SENT, cum = 0, finals = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (events[i].qty && booked[at[i]])
                continue; /* its execution id has been seen */
            /* Whole is what makes the booked quantity whole, not what the broker said then. */
            uint8_t e = events[i].event;
            if (events[i].qty)
                e = cum + events[i].qty == 10 ? ATS_EVENT_FULL_FILL : ATS_EVENT_PARTIAL_FILL;
            ats_transition t = ats_order_transition(state, e);
            cr_assert_neq(t.kind, ATS_TRANSITION_IMPOSSIBLE, "%s in %s", ats_order_event_label(e),
                          ats_order_state_label(state));
            if (events[i].qty) {
                cr_assert_eq(t.kind, ATS_TRANSITION_MOVE);
                booked[at[i]] = true;
                cum += events[i].qty;
            }
            finals += !ats_order_is_final(state) && ats_order_is_final(t.next);
            cr_assert(!ats_order_is_final(state) || ats_order_is_final(t.next));
            state = t.next;
        }
        cr_assert_eq(cum, truth);
        cr_assert_eq(finals, 1);
        cr_assert(ats_order_is_final(state));
        cr_assert_eq(state == ATS_ORDER_FILLED, truth == 10);
    }
}
