/* Prints the parameters of the built-in strategies, for tests/python/test_strategies.py: one a
 * line, plug-in, name, default, least, most, help, tabs between. */
#include "stages/strategy/plugin.h"

#include <stdio.h>

int main(void)
{
    for (uint32_t i = 0; ats_strategy_builtin(i); i++) {
        const ats_strategy_plugin *p = ats_strategy_builtin(i);
        for (uint32_t k = 0; k < p->parameter_count; k++) {
            const ats_strategy_parameter *q = &p->parameters[k];
            printf("%s\t%s\t%.12g\t%.12g\t%.12g\t%s\n", p->name, q->name, q->fallback, q->least,
                   q->most, q->help);
        }
    }
    return 0;
}
