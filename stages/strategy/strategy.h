/* strategy.h: turns the market and the models' signals into intents.
 *
 * In:  chain (market records, SIGNAL); feedback (EXEC, END).
 * Out: chain (market records, INTENT); tap (INTENT, CONTROL, ENV), optional.
 *
 *     ats_strategy.h  what a strategy is (the interface of plug-ins)
 *     plugin.h        which strategies there are; builtin/ holds those that come with ATS
 *     strategies.h    calls them; checks, ranks and sizes their wishes
 *     desk.h          positions of each strategy; entries, guards, exits
 *     execution.h     how a parent order becomes children
 *     market.h        what is known of each symbol
 *
 * A market record is passed on before anything is decided on it. What a record leads to is passed
 * on whole before the next record or answer is taken, whatever room there is.
 */
#ifndef ATS_STAGES_STRATEGY_STRATEGY_H
#define ATS_STAGES_STRATEGY_STRATEGY_H

#include "core/digest.h"
#include "stages/strategy/strategies.h"

typedef ats_strategies_config ats_strategy_config;

extern const ats_stage ats_stage_strategy;

/* After the run: what went into the digest; what the strategies hold. */
const ats_digest *ats_strategy_digest(const void *state);
const ats_strategies *ats_strategy_strategies(const void *state);

#endif
