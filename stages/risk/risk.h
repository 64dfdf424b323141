/* risk.h: the only door to route. Owns positions, limits and the account.
 *
 * In:  chain (market records, INTENT); feedback (EXEC of route, END).
 * Out: chain (market records, ORDER); feedback (EXEC and refusals, END); tap (VERDICT, POSITION,
 *      ENV), optional.
 *
 * Commands (CONTROL) arrive with the market's records, act at their place among them and pass on.
 * KILL latches FREEZE and throws the kill switch, which route looks at too. The switch is looked at
 * for every intent. Each latch, trip, and limit that changes is an ENV record on the tap, behind
 * the record that caused it. A broken invariant of the gate or the portfolio throws the kill
 * switch.
 */
#ifndef ATS_STAGES_RISK_RISK_H
#define ATS_STAGES_RISK_RISK_H

#include "core/digest.h"
#include "stages/context.h"
#include "stages/risk/gate.h"

typedef struct ats_risk_config {
    const ats_context *context;
    ats_risk_limits limits;
    int64_t start_cash_e9;
    uint32_t account_id;
    uint32_t order_capacity;              /* open orders; a power of two */
    const ats_calendar *calendar;         /* of the equity exchanges; NULL: they never close */
    const ats_reference_table *reference; /* NULL or without entries: none */
} ats_risk_config;

extern const ats_stage ats_stage_risk;

/* After the run. */
const ats_digest *ats_risk_digest(const void *state);
const ats_gate *ats_risk_gate(const void *state);

#endif
