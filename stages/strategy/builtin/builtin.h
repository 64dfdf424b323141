/* builtin.h: the strategies that come with ATS. Each is a plug-in like any other, in a file of its
 * own, and uses nothing of the engine but ats_strategy.h and the formulas of calc/. */
#ifndef ATS_STAGES_STRATEGY_BUILTIN_H
#define ATS_STAGES_STRATEGY_BUILTIN_H

#include "stages/strategy/ats_strategy.h"

extern const ats_strategy_plugin ats_strategy_model_signal;
extern const ats_strategy_plugin ats_strategy_mean_reversion;
extern const ats_strategy_plugin ats_strategy_swing_trend;
extern const ats_strategy_plugin ats_strategy_confluence;

/* clang-format off */
#define ATS_STRATEGY_BUILTIN                                                                       \
    {&ats_strategy_model_signal, &ats_strategy_mean_reversion, &ats_strategy_swing_trend,          \
     &ats_strategy_confluence}
/* clang-format on */

#endif
