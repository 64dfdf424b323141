#include "io/latch.h"
#include "tools/commands.h"
#include "tools/record_text.h"

#include <pwd.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

typedef struct options {
    const char *reason;
} options;

static const ats_option OPTIONS[] = {{'r', "reason", ATS_OPTION_TEXT, offsetof(options, reason),
                                      NULL, "TEXT", "why trading may go on; it is kept in the file",
                                      0, 0, true},
                                     {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

static const char *state_text(uint32_t latch)
{
    static const char *const LABELS[] = {"no latch", "HALT", "FREEZE"};
    return LABELS[latch <= 2 ? latch : 2];
}

static int rearm(const char *path, const char *reason)
{
    ats_latch_line line = {.at_ns = (int64_t)time(NULL) * 1000000000ll};
    const struct passwd *user = getpwuid(geteuid());
    snprintf(line.who, sizeof line.who, "%s", user ? user->pw_name : "?");
    snprintf(line.why, sizeof line.why, "%s", reason);
    return ats_latch_append(path, &line);
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    ats_latch_line before;
    char at[ATS_TIME_TEXT_BYTES];
    int parsed = ats_cli_parse(&cli, &ats_command_rearm, &o, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? ATS_EXIT_OK : ats_cli_fail();
    const char *path = cli.argument[0];
    if (access(path, F_OK) != 0) {
        ats_error(ATS_EXIT_FAILED, "%s: there is no such latch file, and so nothing to take back",
                  path);
        return ats_cli_fail();
    }
    if (!ats_latch_is_file(path)) {
        ats_error(ATS_EXIT_DATA, "%s: is no latch file", path);
        return ats_cli_fail();
    }
    if (ats_latch_read(path, &before) != 0)
        return ats_cli_fail();
    if (before.latch != 0 && rearm(path, o.reason) != 0)
        return ats_cli_fail();
    if (!cli.common.quiet && before.latch == 0)
        printf("%s: no latch is set\n", path);
    else if (!cli.common.quiet) {
        ats_time_text(before.at_ns, at);
        printf("%s: %s is taken back; it was set by %s, %s: %s\n", path, state_text(before.latch),
               before.who[0] ? before.who : "nobody known", before.at_ns ? at : "at no known time",
               before.why);
    }
    return ats_cli_flush() != 0 ? ats_cli_fail() : ATS_EXIT_OK;
}

const ats_command ats_command_rearm = {
    .name = "rearm",
    .purpose = "take back a latch that a run has left, by hand and with a reason",
    .synopsis = "FILE --reason TEXT",
    .detail =
        "A run whose configuration names a latch file (risk.latch) leaves in it that it was "
        "halted,\n"
        "frozen or killed. The next one then starts halted (only ways out), or, after a FREEZE or "
        "a\n"
        "kill, does not start (exit 6), until this command was given. The file keeps every line.",
    .example = "ats rearm state/latch --reason \"feed was down; positions agree with the broker\"",
    .option = OPTIONS,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
