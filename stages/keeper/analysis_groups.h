/* analysis_groups.h: the tables that round trips and executed orders are added up in, and what
 * run.json says of them. Cold; owner: the thread of the analysis. */
#ifndef ATS_STAGES_KEEPER_ANALYSIS_GROUPS_H
#define ATS_STAGES_KEEPER_ANALYSIS_GROUPS_H

#include "calc/execution_quality.h"
#include "calc/trades.h"
#include "stages/chain.h"

#include <jansson.h>

typedef struct ats_groups ats_groups;

/* Tables for the strategies and symbols of a joined chain, which outlives them. NULL: no memory. */
ats_groups *ats_groups_new(const ats_chain *chain);
void ats_groups_free(ats_groups *groups);

void ats_groups_trade(ats_groups *groups, const ats_round_trip *trip);

/* Parents and single orders; children are in their parents and are passed over. */
void ats_groups_execution(ats_groups *groups, const ats_execution_order *row);

/* The name of what made an order: of its algorithm; "guard" for one that waits at the broker for a
 * price of its own, "sent" for any other that no algorithm made. */
const char *ats_groups_algorithm(const ats_execution_order *row);

/* run.json's attribution{} and execution{}; NULL when memory is short. refused: fills that no trip
 * has. */
json_t *ats_groups_attribution(const ats_groups *groups, uint64_t refused);
json_t *ats_groups_execution_json(const ats_groups *groups, const ats_execution_faults *faults);

#endif
