/* route.h: orders to the broker, and what the broker says back.
 *
 * In:  chain (market records, ORDER).
 * Out: feedback (EXEC, END); tap (ORDER, EXEC, END), optional.
 *
 * Every step of an order is appended to the journal before it is taken: JOURNALED before the
 * request leaves, each answer before it is forwarded. The kill switch is looked at again between
 * the two. The order state machine (calc/order_state.h) decides what an answer means; stale ones
 * are counted and go no further, impossible ones are counted and throw the kill switch.
 *
 * The broker here is the simulated venue (io/venue_sim.h): it sees the market as this stage passes
 * it and its answers fall due in recorded time, so strategy, risk and route step as one group
 * (core/group.h). At END every order in flight has been answered; those still resting expire.
 */
#ifndef ATS_STAGES_ROUTE_ROUTE_H
#define ATS_STAGES_ROUTE_ROUTE_H

#include "core/digest.h"
#include "io/journal.h"
#include "io/venue/venue_sim.h"
#include "stages/context.h"

typedef struct ats_route_config {
    const ats_context *context;
    ats_journal *journal; /* open */
    ats_venue_sim_config venue;
} ats_route_config;

extern const ats_stage ats_stage_route;

/* After the run. */
const ats_digest *ats_route_digest(const void *state);

#endif
