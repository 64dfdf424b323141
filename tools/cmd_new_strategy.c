#include "tools/commands.h"
#include "tools/template_data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 31u /* as long as a strategy's name may be */
#define MARK           "@NAME@"

typedef struct options {
    const char *folder;
} options;

static const ats_option OPTIONS[] = {
    {'o', "output", ATS_OPTION_TEXT, offsetof(options, folder), NULL, "DIR",
     "folder to make; default NAME in the present one", 0, 0, false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

/* ---- writing ----------------------------------------------------------------------------------
 */

/* Text with NAME in every place of the mark. */
static void put(FILE *out, const char *text, const char *end, const char *name)
{
    const char *mark;
    while ((mark = memmem(text, (size_t)(end - text), MARK, strlen(MARK))) != NULL) {
        fwrite(text, 1, (size_t)(mark - text), out);
        fputs(name, out);
        text = mark + strlen(MARK);
    }
    fwrite(text, 1, (size_t)(end - text), out);
}

static FILE *create(const char *folder, const char *name, const char *suffix)
{
    char path[600];
    snprintf(path, sizeof path, "%.480s/%s%s", folder, name, suffix);
    FILE *out = fopen(path, "wx");
    if (!out)
        ats_error_errno(ATS_EXIT_FAILED, errno, "%s", path);
    return out;
}

static int close_file(FILE *out, const char *what)
{
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot be written", what);
    return 0;
}

static int write_file(const char *folder, const char *name, const char *suffix, const char *text,
                      const char *end, const char *word)
{
    FILE *out = create(folder, name, suffix);
    if (!out)
        return -1;
    put(out, text, end, word);
    return close_file(out, suffix);
}

/* The demo's configuration with this strategy in the place of its own. */
static int write_config(const char *folder, const char *name)
{
    const char *config = ats_template_config, *end = ats_template_config_end;
    const char *from = memmem(config, (size_t)(end - config), "\nstrategies:\n", 13);
    const char *to = memmem(config, (size_t)(end - config), "\nstrategy:\n", 11);
    FILE *out;
    if (!from || !to || to < from)
        return ats_error(ATS_EXIT_FAILED, "the built-in configuration has no strategies");
    if ((out = create(folder, name, ".yaml")) == NULL)
        return -1;
    /* The demo's own introduction ends with the first empty line. */
    const char *body = memmem(config, (size_t)(from - config), "\n\n", 2);
    fprintf(
        out,
        "# %s: where it trades and what it may risk. `ats config show %s.yaml` prints what a run\n"
        "# will use.\n",
        name, name);
    put(out, body, from + 1, name);
    put(out, ats_template_strategies, ats_template_strategies_end, name);
    put(out, to, end, name);
    return close_file(out, ".yaml");
}

static int write_all(const char *folder, const char *name)
{
    if (mkdir(folder, 0777) != 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s", folder);
    if (write_file(folder, name, ".c", ats_template_source, ats_template_source_end, name) != 0 ||
        write_file(folder, "Makefile", "", ats_template_makefile, ats_template_makefile_end,
                   name) != 0 ||
        write_file(folder, "ats_strategy", ".h", ats_template_header, ats_template_header_end,
                   name) != 0)
        return -1;
    return write_config(folder, name);
}

/* ---- the command ------------------------------------------------------------------------------
 */

/* A name is a word of C and of a file. */
static int check_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (!length || name[length] || length > NAME_MAX_BYTES || (name[0] >= '0' && name[0] <= '9') ||
        name[0] == '_')
        return ats_error(ATS_EXIT_USAGE,
                         "%s: a name is 1 to %u of a-z, 0-9 and _, and begins with a letter", name,
                         NAME_MAX_BYTES);
    return 0;
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    int parsed = ats_cli_parse(&cli, &ats_command_new_strategy, &o, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? ATS_EXIT_OK : ats_cli_fail();
    const char *name = cli.argument[0], *folder = o.folder ? o.folder : name;
    if (check_name(name) != 0 || write_all(folder, name) != 0)
        return ats_cli_fail();
    if (cli.common.json) {
        if (ats_cli_print_json(
                json_pack("{s:i, s:s, s:s}", "schema", 1, "name", name, "folder", folder)) != 0)
            return ats_cli_fail();
    } else if (!cli.common.quiet) {
        printf("%s: %s.c, ats_strategy.h, Makefile, %s.yaml\n\nnext:\n  cd %s\n  make\n"
               "  ats synth -o day.cap            a made-up market day, if you have none\n"
               "  ats backtest -c %s.yaml day.cap\n",
               folder, name, name, folder, name);
    }
    return ats_cli_flush() != 0 ? ats_cli_fail() : ATS_EXIT_OK;
}

const ats_command ats_command_new_strategy = {
    .name = "new-strategy",
    .purpose = "write a strategy of your own that builds and runs",
    .synopsis = "NAME [OPTION...]",
    .detail =
        "Makes a folder with a strategy in C, the one header it needs, a Makefile and a complete\n"
        "configuration. It trades as it stands; edit NAME.c. docs/writing-a-strategy.md goes\n"
        "through it step by step.",
    .example = "ats new-strategy momentum",
    .option = OPTIONS,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
