#include "stages/config.h"
#include "tools/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *faults_json(const ats_config_report *report)
{
    json_t *list = json_array();
    uint32_t kept = report->fault_count;
    if (kept > ATS_CONFIG_FAULTS_MAX)
        kept = ATS_CONFIG_FAULTS_MAX;
    for (uint32_t i = 0; i < kept; i++)
        json_array_append_new(list, json_pack("{s:i, s:s}", "line", (int)report->faults[i].line,
                                              "fault", report->faults[i].text));
    return list;
}

static int check(const ats_cli *cli, const char *path)
{
    ats_run_config config;
    ats_config_report *report = calloc(1, sizeof *report);
    if (!report)
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    int result = ats_config_load_report(&config, path, report);
    if (cli->common.json && (result == 0 || report->fault_count)) {
        int printed = ats_cli_print_json(
            json_pack("{s:s, s:b, s:i, s:o}", "file", path, "valid", result == 0, "fault_count",
                      (int)report->fault_count, "faults", faults_json(report)));
        result = printed ? printed : result;
    } else if (result == 0 && !cli->common.quiet) {
        printf("%s: valid; %u threads, %u keys\n", path, config.thread_count,
               ats_config_key_count());
        result = ats_cli_flush();
    }
    free(report);
    return result;
}

/* "file:12", "default", "environment". */
static void print_origin(const ats_config_report *report, const char *path, uint32_t k, char *out,
                         size_t capacity)
{
    if (report->origin[k] == ATS_CONFIG_FILE)
        snprintf(out, capacity, "%s:%u", path, report->line[k]);
    else
        snprintf(out, capacity, "%s", ats_config_origin_label(report->origin[k]));
}

static void show_text(const ats_run_config *config, const ats_config_report *report,
                      const char *path)
{
    char value[ATS_CONFIG_VALUE_BYTES], origin[1024];
    const char *section = "";
    for (uint32_t k = 0; k < ats_config_key_count(); k++) {
        if (strcmp(section, ats_config_key_section(k)) != 0)
            printf("%s%s\n", *section ? "\n" : "", ats_config_key_section(k));
        section = ats_config_key_section(k);
        ats_config_key_print(config, k, value);
        print_origin(report, path, k, origin, sizeof origin);
        printf("  %-20s %-16s  %s\n", ats_config_key_name(k), value, origin);
    }
    for (uint32_t i = 0; i < config->thread_count; i++) {
        const ats_thread_config *t = &config->threads[i];
        char cpu[16] = "any";
        if (t->cpu != ATS_CPU_ANY)
            snprintf(cpu, sizeof cpu, "%d", t->cpu);
        printf("    %-18s cpu %-4s %-6s", t->name, cpu, ats_wait_label(t->wait));
        for (uint32_t s = 0; s < t->stage_count; s++)
            printf(" %s", t->stages[s]);
        putchar('\n');
    }
}

static json_t *threads_json(const ats_run_config *config)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < config->thread_count; i++) {
        const ats_thread_config *t = &config->threads[i];
        json_t *stages = json_array();
        for (uint32_t s = 0; s < t->stage_count; s++)
            json_array_append_new(stages, json_string(t->stages[s]));
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:s, s:o}", "name", t->name, "cpu",
                                        t->cpu == ATS_CPU_ANY ? json_null() : json_integer(t->cpu),
                                        "wait", ats_wait_label(t->wait), "stages", stages));
    }
    return list;
}

static json_t *show_json(const ats_run_config *config, const ats_config_report *report,
                         const char *path)
{
    char value[ATS_CONFIG_VALUE_BYTES];
    json_t *keys = json_array();
    for (uint32_t k = 0; k < ats_config_key_count(); k++) {
        ats_config_key_print(config, k, value);
        json_array_append_new(
            keys, json_pack("{s:s, s:s, s:s, s:s, s:i}", "section", ats_config_key_section(k),
                            "key", ats_config_key_name(k), "value", value, "origin",
                            ats_config_origin_label(report->origin[k]), "line",
                            report->origin[k] == ATS_CONFIG_FILE ? (int)report->line[k] : 0));
    }
    return json_pack("{s:s, s:o, s:o}", "file", path, "keys", keys, "threads",
                     threads_json(config));
}

static int show(const ats_cli *cli, const char *path)
{
    ats_run_config config;
    ats_config_report *report = calloc(1, sizeof *report);
    if (!report)
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    int result = ats_config_load_report(&config, path, report);
    if (result == 0 && cli->common.json) {
        result = ats_cli_print_json(show_json(&config, report, path));
    } else if (result == 0) {
        show_text(&config, report, path);
        result = ats_cli_flush();
    }
    free(report);
    return result;
}

static int keys(const ats_cli *cli)
{
    char allowed[160];
    json_t *list = cli->common.json ? json_array() : NULL;
    for (uint32_t k = 0; k < ats_config_key_count(); k++) {
        const char *section = ats_config_key_section(k), *name = ats_config_key_name(k);
        ats_config_key_allowed(k, allowed, sizeof allowed);
        if (list)
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s, s:s}", "section", section, "key", name,
                                            "allowed", allowed, "help", ats_config_key_help(k)));
        else
            printf("%s.%s\n    %s\n    %s\n", section, name, ats_config_key_help(k), allowed);
    }
    return list ? ats_cli_print_json(json_pack("{s:o}", "keys", list)) : ats_cli_flush();
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    int done = ats_cli_parse(&cli, &ats_command_config, NULL, argc, argv);
    if (done)
        return done < 0 ? ats_cli_fail() : ATS_EXIT_OK;
    const char *verb = cli.argument[0];
    const char *path = cli.argument_count > 1 ? cli.argument[1] : NULL;
    int result;
    if (strcmp(verb, "keys") == 0)
        result = keys(&cli);
    else if (strcmp(verb, "check") != 0 && strcmp(verb, "show") != 0)
        result = ats_error(ATS_EXIT_USAGE, "config %s: no such verb; check, show or keys", verb);
    else if (!path)
        result = ats_error(ATS_EXIT_USAGE, "config %s: FILE is missing", verb);
    else
        result = *verb == 'c' ? check(&cli, path) : show(&cli, path);
    return result ? ats_cli_fail() : ATS_EXIT_OK;
}

const ats_command ats_command_config = {
    .name = "config",
    .purpose = "validate a configuration, or print what a run would use",
    .synopsis = "check|show FILE, or keys",
    .detail =
        "check tells every fault with its line and what is allowed; show prints each value and\n"
        "where it came from (the file, the environment, a default); keys lists every key.\n"
        "ATS_<SECTION>_<KEY> in the environment stands before the file.",
    .example = "ats config check configs/demo.yaml",
    .option = NULL,
    .arguments_min = 1,
    .arguments_max = 2,
    .run = run,
};
