/* ats: the program. One table of commands, by purpose; each lives in a file of its own. */
#include "core/host.h"
#include "tools/commands.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *purpose;
    const ats_command *command[8]; /* ended by NULL */
} GROUPS[] = {
    {"running",
     {&ats_command_replay, &ats_command_backtest, &ats_command_report, &ats_command_rearm,
      &ats_command_venue}},
    {"strategies", {&ats_command_new_strategy, &ats_command_why, &ats_command_covariance}},
    {"market data",
     {&ats_command_import, &ats_command_synth, &ats_command_capture, &ats_command_calendar,
      &ats_command_decode}},
    {"models", {&ats_command_train, &ats_command_models, &ats_command_features}},
    {"machine and settings", {&ats_command_config, &ats_command_doctor, &ats_command_bench}},
};
#define GROUP_COUNT (sizeof GROUPS / sizeof GROUPS[0])

static void print_help(void)
{
    printf("ats: an autonomous trading system\n\nusage: ats COMMAND [OPTION...] [ARGUMENT...]\n");
    for (size_t g = 0; g < GROUP_COUNT; g++) {
        printf("\n%s\n", GROUPS[g].purpose);
        for (const ats_command *const *c = GROUPS[g].command; *c; c++)
            printf("  %-12s %s\n", (*c)->name, (*c)->purpose);
    }
    printf(
        "\n`ats COMMAND --help` shows synopsis, options and an example; `ats --version` what this "
        "build has.\n"
        "\nexit codes: 0 done; 1 failed; 2 usage; 3 configuration invalid; 4 input data invalid;\n"
        "5 a dependency or peer not reachable; 6 refused for safety; 130 interrupted\n");
}

static void print_version(void)
{
    ats_build build = ats_build_info();
    printf("ats %s\ncommit    %s\ncompiler  %s\nisa       %s (this machine)\n", build.version,
           build.commit, build.compiler, build.isa);
    printf("optional ");
#if defined(ATS_HAVE_XGBOOST) && ATS_HAVE_XGBOOST
    printf(" xgboost");
#else
    printf(" no-xgboost");
#endif
#if defined(ATS_HAVE_PQ) && ATS_HAVE_PQ
    printf(" postgresql");
#else
    printf(" no-postgresql");
#endif
#if defined(ATS_HAVE_CUDA) && ATS_HAVE_CUDA
    printf(" cuda");
#else
    printf(" no-cuda");
#endif
    putchar('\n');
}

static const ats_command *find_command(const char *name)
{
    for (size_t g = 0; g < GROUP_COUNT; g++)
        for (const ats_command *const *c = GROUPS[g].command; *c; c++)
            if (strcmp((*c)->name, name) == 0)
                return *c;
    return NULL;
}

int main(int argc, char **argv)
{
    /* A closed pipe is an error of write, told like any other. */
    signal(SIGPIPE, SIG_IGN);
    const char *name = argc > 1 ? argv[1] : "";
    if (argc < 2 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
        strcmp(name, "help") == 0) {
        const ats_command *command = argc > 2 ? find_command(argv[2]) : NULL;
        if (command)
            ats_cli_help(command);
        else
            print_help();
        return ats_cli_flush() != 0 ? ats_cli_fail() : argc < 2 ? ATS_EXIT_USAGE : ATS_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0) {
        print_version();
        return ats_cli_flush() != 0 ? ats_cli_fail() : ATS_EXIT_OK;
    }
    const ats_command *command = find_command(name);
    if (!command) {
        ats_error(ATS_EXIT_USAGE, "%s: no such command; `ats --help` lists them", name);
        return ats_cli_fail();
    }
    return command->run(argc - 1, argv + 1);
}
