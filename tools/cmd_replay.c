#include "tools/commands.h"
#include "tools/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *config, *run_dir, *repeat, *speed;
    bool fused;
} options;

static const ats_option OPTIONS[] = {
    {'c', "config", ATS_OPTION_TEXT, offsetof(options, config), NULL, "FILE",
     "the configuration; see `ats config check --help`", 0, 0, false},
    {0, "speed", ATS_OPTION_TEXT, offsetof(options, speed), "max", "SPEED",
     "max: as fast as the chain takes it; 1x: as recorded; 60x: sixty times faster", 0, 0, false},
    {0, "fused", ATS_OPTION_FLAG, offsetof(options, fused), NULL, NULL,
     "the chain on one thread, whatever the configuration says", 0, 0, false},
    {0, "run", ATS_OPTION_TEXT, offsetof(options, repeat), NULL, "RUN",
     "repeat a recorded run from its directory, and compare digests", 0, 0, false},
    {0, "run-dir", ATS_OPTION_TEXT, offsetof(options, run_dir), NULL, "DIR",
     "where to put the results; default runs/<UTC time>-replay", 0, 0, false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

/* "max", "1x", "2.5x", "60". */
static int parse_speed(const char *text, ats_run_options *run)
{
    char *end;
    run->pace = ATS_PACE_MAX;
    if (!strcmp(text, "max"))
        return 0;
    run->pace = ATS_PACE_RECORDED;
    run->speed = strtod(text, &end);
    if (end == text || (strcmp(end, "x") != 0 && *end) ||
        !(run->speed >= 1e-3 && run->speed <= 1e6))
        return ats_error(ATS_EXIT_USAGE,
                         "--speed %s: give max, or a factor from 0.001x to 1000000x", text);
    return 0;
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    int parsed = ats_cli_parse(&cli, &ats_command_replay, &o, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? ATS_EXIT_OK : ats_cli_fail();
    ats_run_options run_options = {.command = "replay",
                                   .config_path = o.config,
                                   .inputs = (const char *const *)cli.argument,
                                   .input_count = cli.argument_count,
                                   .run_dir = o.run_dir,
                                   .repeat = o.repeat,
                                   .fused = o.fused};
    if (parse_speed(o.speed, &run_options) != 0)
        return ats_cli_fail();
    bool inputs = cli.argument_count > 0;
    if (o.repeat ? inputs || o.config : !inputs || !o.config) {
        ats_error(ATS_EXIT_USAGE, "give -c FILE and at least one INPUT, or --run RUN alone");
        return ats_cli_fail();
    }
    return ats_run(&cli, &run_options);
}

const ats_command ats_command_replay = {
    .name = "replay",
    .purpose = "run recorded data through the threaded chain",
    .synopsis = "-c FILE [OPTION...] INPUT...\n       ats replay --run RUN [OPTION...]",
    .detail =
        "Captures are read in the order given and must follow each other in time. At full speed "
        "the\n"
        "latencies are those of a queue and say nothing of the chain's own; pace the replay (1x, "
        "60x)\n"
        "or use `ats bench pipeline` for that. Decisions do not depend on speed or threads: the\n"
        "digest says so.",
    .example = "ats replay -c configs/demo.yaml --speed 60x day.cap",
    .option = OPTIONS,
    .arguments_min = 0,
    .arguments_max = 1000,
    .run = run,
};
