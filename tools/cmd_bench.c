#include "bench/bench.h"
#include "tools/commands.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct options {
    int64_t rounds, rate_e9, duration_ns, trees, depth;
    const char *peers, *write_models;
    bool list;
} options;

static const ats_option OPTIONS[] = {
    {0, "list", ATS_OPTION_FLAG, offsetof(options, list), NULL, NULL, "name the benchmarks", 0, 0,
     false},
    {0, "rounds", ATS_OPTION_INTEGER, offsetof(options, rounds), "15", "N",
     "rounds, each with every contender once", ATS_BENCH_ROUNDS_MIN, ATS_BENCH_ROUNDS_MAX, false},
    {0, "rate", ATS_OPTION_DECIMAL, offsetof(options, rate_e9), "20000", "EVENTS/S",
     "pipeline: open-loop arrivals", 1000000000, 1000000000000000, false},
    {0, "duration", ATS_OPTION_DURATION, offsetof(options, duration_ns), "20s", "TIME",
     "pipeline: of each open-loop row; 20s at the default rate give over 100,000 orders", 0, 0,
     false},
    {0, "trees", ATS_OPTION_INTEGER, offsetof(options, trees), "100", "N",
     "pipeline: of the forest that scores", 1, 2000, false},
    {0, "depth", ATS_OPTION_INTEGER, offsetof(options, depth), "6", "N", "pipeline: of its trees",
     1, 10, false},
    {0, "peers", ATS_OPTION_TEXT, offsetof(options, peers), "build/peers", "DIR",
     "infer: models and compiled peers, where bench/infer_peers.py made them", 0, 0, false},
    {0, "write-models", ATS_OPTION_TEXT, offsetof(options, write_models), NULL, "DIR",
     "infer: train the models, write them there, measure nothing", 0, 0, false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

static int list(const ats_cli *cli)
{
    json_t *names = cli->common.json ? json_array() : NULL;
    for (const ats_bench_module *const *m = ats_bench_modules; *m; m++) {
        if (names)
            json_array_append_new(
                names, json_pack("{s:s, s:s}", "name", (*m)->name, "purpose", (*m)->purpose));
        else
            printf("%-10s %s\n", (*m)->name, (*m)->purpose);
    }
    return names ? ats_cli_print_json(json_pack("{s:o}", "benchmarks", names)) : ats_cli_flush();
}

static int tell(void *context, uint64_t done, uint64_t total)
{
    return ats_progress_tell(context, done, total, done);
}

static int bench(const ats_cli *cli, const options *o, const char *name)
{
    const ats_bench_module *module = ats_bench_find(name);
    if (!module)
        return ats_error(ATS_EXIT_USAGE,
                         "bench %s: no such benchmark; `ats bench --list` names them", name);
    ats_bench_result *result = calloc(1, sizeof *result);
    if (!result)
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    ats_progress progress;
    ats_progress_start(&progress, cli, "runs");
    ats_bench_options how = {.rounds = (uint32_t)o->rounds,
                             .rate = (double)o->rate_e9 / 1e9,
                             .duration_s = (double)o->duration_ns / 1e9,
                             .trees = (uint32_t)o->trees,
                             .depth = (uint32_t)o->depth,
                             .peers = o->peers,
                             .write_models = o->write_models,
                             .progress = tell,
                             .context = &progress};
    int failed = ats_bench_run(module, result, &how);
    ats_progress_stop(&progress);
    if (!failed && cli->common.json) {
        failed = ats_cli_print_json(ats_bench_json(result));
    } else if (!failed) {
        ats_bench_print(result, stdout);
        failed = ats_cli_flush();
    }
    free(result);
    return failed;
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    int done = ats_cli_parse(&cli, &ats_command_bench, &o, argc, argv);
    if (done)
        return done < 0 ? ats_cli_fail() : ATS_EXIT_OK;
    int failed;
    if (o.list)
        failed = list(&cli);
    else if (cli.argument_count == 0)
        failed = ats_error(ATS_EXIT_USAGE, "bench: NAME is missing; `ats bench --list` names them");
    else
        failed = bench(&cli, &o, cli.argument[0]);
    return failed ? ats_cli_fail() : ATS_EXIT_OK;
}

const ats_command ats_command_bench = {
    .name = "bench",
    .purpose = "measure latency and throughput, peers beside",
    .synopsis = "NAME [OPTION...], or --list",
    .detail =
        "Contenders take turns in every round, pinned and warm; their ratios are paired round by\n"
        "round, with a 95 % interval. The gaps that an empty loop sees on the same CPUs stand\n"
        "above the table; they are in every figure and subtracted from none. A quantile of too\n"
        "few samples is left empty.",
    .example = "ats bench ring --json > ring.json",
    .option = OPTIONS,
    .arguments_min = 0,
    .arguments_max = 1,
    .run = run,
};
