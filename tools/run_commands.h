/* run_commands.h: commands that a run is given beforehand, from a file (run.commands): what an
 * operator would do at those moments. They enter at feed, are taped, and a repeated run meets them
 * where the run did.
 *
 * Lines of "UTC time,command", in the order of time; empty lines and comments (#) are passed over:
 *
 *     2024-01-03T14:35:00Z,pause                  no strategy opens anything; exits go on
 *     2024-01-03T14:36:00Z,resume momentum        (pause, resume, flatten: all, or one strategy)
 *     2024-01-03T14:40:00Z,halt                   latch: nothing that adds exposure, until rearm
 *     2024-01-03T14:41:00Z,freeze                 latch: no order at all, until rearm
 *     2024-01-03T14:42:00Z,rearm
 *     2024-01-03T14:50:00Z,limit max_position 2% until 2024-01-03T15:00:00Z
 *     2024-01-03T14:51:00Z,safe_mode on
 *     2024-01-03T14:55:00Z,flatten                leave everything
 *     2024-01-03T14:56:00Z,kill                   no order for the rest of the run, whatever comes
 */
#ifndef ATS_TOOLS_RUN_COMMANDS_H
#define ATS_TOOLS_RUN_COMMANDS_H

#include "stages/control.h"
#include "stages/run_config.h"

#define ATS_RUN_COMMANDS_MAX 4096u

typedef struct ats_run_commands {
    ats_control_due *due; /* ascending at_ns; the file's and those given before */
    uint32_t count;
} ats_run_commands;

/* Reads config->commands_path ("": none) and merges it with `given`, of which equal times come
 * first. 0, or -1 with an error pushed that names file and line; free it in any case. */
int ats_run_commands_load(ats_run_commands *commands, const ats_run_config *config,
                          const ats_control_due *given, uint32_t given_count);
void ats_run_commands_free(ats_run_commands *commands);

#endif
