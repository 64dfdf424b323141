/* route.h: orders to the broker, and what the broker says back.
 *
 * In:  chain (market records, ORDER).
 * Out: feedback (EXEC, END); tap (ORDER, EXEC, ENV, END), optional.
 *
 * Every step of an order is appended to the journal before it is taken: JOURNALED before the
 * request leaves, each answer before it is forwarded. The kill switch is looked at again between
 * the two. The order state machine (calc/order_state.h) decides what an answer means; stale ones
 * are counted and go no further, impossible ones are counted and throw the kill switch. Legs are
 * orders of their own from the moment their head leaves: HELD, until the broker activates them.
 *
 * No answer within venue.answer_timeout makes the order UNKNOWN (its cancel or replace: that
 * request), which is a state and no end: the broker is asked, again and again, and what was asked
 * for is never sent a second time. A resting order is asked for every venue.ask_interval, for what
 * was lost without being awaited.
 *
 * Killed, route sends nothing but cancels, and asks by itself to cancel every open order that adds
 * exposure, a few with each record; reduce-only and protective orders and legs stay. When none is
 * left it says so once (ENV, ATS_ENV_KILL_DONE).
 *
 * The broker here is the simulated venue (io/venue/venue_sim.h): it sees the market as this stage
 * passes it and its answers fall due in recorded time, so strategy, risk and route step as one
 * group (core/group.h), which shows it each record before it is due. At END every order in flight
 * has been answered; those still resting expire.
 */
#ifndef ATS_STAGES_ROUTE_ROUTE_H
#define ATS_STAGES_ROUTE_ROUTE_H

#include "core/digest.h"
#include "io/journal.h"
#include "io/venue/venue_sim.h"
#include "stages/context.h"

typedef struct ats_route_config {
    const ats_context *context;
    ats_journal *journal;         /* open */
    ats_venue_sim_config venue;   /* symbols and calendar are filled in by the stage */
    const ats_calendar *calendar; /* of equities; NULL: no sessions */
} ats_route_config;

extern const ats_stage ats_stage_route;

/* After the run, or between two records on the stage's own thread. */
const ats_digest *ats_route_digest(const void *state);
const ats_order_table *ats_route_orders(const void *state);
const ats_venue_sim *ats_route_venue(const void *state);

#endif
