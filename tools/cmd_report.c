/* ats report: the report of a run directory, made again from what the run left in it. */
#include "tools/commands.h"

#include "stages/keeper/report.h"
#include "stages/keeper/summary.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    bool html;
} options;

static const ats_option OPTIONS[] = {{0, "html", ATS_OPTION_FLAG, offsetof(options, html), NULL,
                                      NULL, "write RUN/report.html and print its name", 0, 0,
                                      false},
                                     {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

static int make_page(const ats_cli *cli)
{
    const char *run_dir = cli->argument[0];
    size_t n = strlen(run_dir);
    if (ats_report_write(run_dir) != 0)
        return -1;
    if (!cli->common.quiet)
        printf("%s%sreport.html\n", run_dir, n && run_dir[n - 1] == '/' ? "" : "/");
    return ats_cli_flush();
}

static int print(const ats_cli *cli)
{
    ats_report *report = malloc(sizeof *report);
    if (!report)
        return ats_error(ATS_EXIT_FAILED, "report: no memory");
    if (ats_report_open(report, cli->argument[0]) != 0) {
        free(report);
        return -1;
    }
    json_int_t schema = json_integer_value(json_object_get(report->run, "schema"));
    if (schema != ATS_RUN_SCHEMA) {
        ats_report_close(report);
        free(report);
        return ats_error(ATS_EXIT_DATA, "%s/run.json: of schema %lld; this program reads schema %d",
                         cli->argument[0], (long long)schema, ATS_RUN_SCHEMA);
    }
    bool color = isatty(STDOUT_FILENO) && !cli->common.no_color && !getenv("NO_COLOR");
    int failed = cli->common.json ? ats_cli_print_json(json_incref(report->run))
                                  : ats_report_text(stdout, report->run, color);
    ats_report_close(report);
    free(report);
    return failed ? -1 : ats_cli_flush();
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    int done = ats_cli_parse(&cli, &ats_command_report, &o, argc, argv);
    if (done)
        return done < 0 ? ats_cli_fail() : ATS_EXIT_OK;
    if (o.html && cli.common.json) {
        ats_error(ATS_EXIT_USAGE, "--html and --json: choose one");
        return ats_cli_fail();
    }
    return (o.html ? make_page(&cli) : print(&cli)) != 0 ? ats_cli_fail() : ATS_EXIT_OK;
}

const ats_command ats_command_report = {
    .name = "report",
    .purpose = "the report of a run again, as text, JSON or HTML",
    .synopsis = "RUN [--html|--json]",
    .detail = "RUN is a run directory. Text and JSON are from its run.json; the HTML page is made\n"
              "from run.json, store.db and latency.hlog, replaces RUN/report.html, and needs no\n"
              "network.",
    .example = "ats report runs/20260105T143000Z-replay --html",
    .option = OPTIONS,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
