/* risk.h: the only door to route. Owns positions, limits and the account.
 *
 * In:  chain (market records, INTENT); feedback (EXEC of route, END).
 * Out: chain (market records, ORDER); feedback (EXEC and refusals, END); tap (VERDICT, POSITION,
 *      ENV), optional.
 *
 * The kill switch is looked at for every intent; the first time it is found thrown an ENV record
 * says so on the tap. A broken invariant of the portfolio throws it.
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
    uint32_t order_capacity; /* open orders; a power of two */
} ats_risk_config;

extern const ats_stage ats_stage_risk;

/* After the run. */
const ats_digest *ats_risk_digest(const void *state);
const ats_gate *ats_risk_gate(const void *state);

#endif
