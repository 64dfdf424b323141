/* plugin.h: strategies by name: the built-in ones and those of shared objects, checked and set up.
 *
 * Loading a shared object runs its code: it is as much trusted as the program itself. What cannot
 * be loaded, speaks another version, or refuses its set-up is an error before any thread starts.
 * Cold; owner: the thread that builds the chain.
 */
#ifndef ATS_STAGES_STRATEGY_PLUGIN_H
#define ATS_STAGES_STRATEGY_PLUGIN_H

#include "core/symbols.h"
#include "stages/strategy/ats_strategy.h"
#include "stages/strategy/settings.h"

typedef struct ats_strategy_instance {
    const ats_strategy_plugin *plugin;
    const ats_strategy_spec *spec;
    void *library; /* NULL: built in */
    void *state;
    ats_strategy_symbol *symbols; /* [symbol_count + 1] */
    ats_strategy_setup setup;
    double parameters[ATS_STRATEGY_PARAMETERS_MAX];
    uint32_t periods_s[8]; /* of the bars it wants; 0 ends the list */
} ats_strategy_instance;

typedef struct ats_strategy_set {
    uint32_t count;
    uint32_t period_count;
    uint32_t periods_s[8]; /* of all, ascending */
    ats_strategy_instance instances[ATS_STRATEGIES_MAX];
} ats_strategy_set;

/* The built-in ones, by number; NULL behind the last. */
const ats_strategy_plugin *ats_strategy_builtin(uint32_t i);

/* Checks a strategy's parameters against the table of its plug-in, filling in defaults: 0, or -1
 * with the fault in why ("parameters.fast: 900 is too large; 2 to 400"). */
int ats_strategy_parameters(const ats_strategy_plugin *plugin, const ats_strategy_spec *spec,
                            double out[ATS_STRATEGY_PARAMETERS_MAX], char *why, size_t why_bytes);

/* Sets up every strategy of the settings, which outlive the set. seed: of their random numbers;
 * given: the plug-in of strategies that name none, or NULL. 0, or -1 with an error pushed
 * (ATS_EXIT_CONFIG) and nothing left to free. */
int ats_strategies_load(ats_strategy_set *set, const ats_strategy_settings *settings,
                        const ats_symbols *symbols, uint64_t seed,
                        const ats_strategy_plugin *given);
void ats_strategies_free(ats_strategy_set *set);

#endif
