#include "tools/commands.h"
#include "tools/lookahead.h"

#include <stdio.h>

typedef struct options {
    const char *config, *run_dir;
    bool check_lookahead;
} options;

static const ats_option OPTIONS[] = {
    {'c', "config", ATS_OPTION_TEXT, offsetof(options, config), NULL, "FILE",
     "the configuration; see `ats config check --help`", 0, 0, true},
    {0, "run-dir", ATS_OPTION_TEXT, offsetof(options, run_dir), NULL, "DIR",
     "where to put the results; default runs/<UTC time>-backtest", 0, 0, false},
    {0, "check-lookahead", ATS_OPTION_FLAG, offsetof(options, check_lookahead), NULL, NULL,
     "run again with other data after some moments: what was decided before must not change", 0, 0,
     false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    int parsed = ats_cli_parse(&cli, &ats_command_backtest, &o, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? ATS_EXIT_OK : ats_cli_fail();
    ats_run_options run_options = {.command = "backtest",
                                   .config_path = o.config,
                                   .inputs = (const char *const *)cli.argument,
                                   .input_count = cli.argument_count,
                                   .run_dir = o.run_dir,
                                   .fused = true,
                                   .reference_tape = true,
                                   .pace = ATS_PACE_MAX};
    if (o.check_lookahead && o.run_dir) {
        ats_error(ATS_EXIT_USAGE, "--check-lookahead keeps no run, so it takes no --run-dir");
        return ats_cli_fail();
    }
    return o.check_lookahead ? ats_lookahead_check(&cli, &run_options)
                             : ats_run(&cli, &run_options);
}

const ats_command ats_command_backtest = {
    .name = "backtest",
    .purpose = "the same chain on one thread, at full speed, over many days",
    .synopsis = "-c FILE [OPTION...] INPUT...",
    .detail =
        "The same stages as live and replay, stepped on one thread. The run directory names its\n"
        "input instead of copying it. Captures are read in the order given and must follow each\n"
        "other in time.",
    .example = "ats backtest -c configs/backtest.yaml day1.cap day2.cap",
    .option = OPTIONS,
    .arguments_min = 1,
    .arguments_max = 1000,
    .run = run,
};
