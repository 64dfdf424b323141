#include "core/doctor.h"
#include "stages/config.h"
#include "tools/commands.h"
#include "tools/doctor_gpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct options {
    const char *config, *folder;
    int64_t spin_ns;
} options;

static const ats_option OPTIONS[] = {
    {'c', "config", ATS_OPTION_TEXT, offsetof(options, config), NULL, "FILE",
     "hold the host to this configuration's thread map", 0, 0, false},
    {0, "folder", ATS_OPTION_TEXT, offsetof(options, folder), ".", "FOLDER",
     "where runs will be written: its disk is measured", 0, 0, false},
    {0, "spin", ATS_OPTION_DURATION, offsetof(options, spin_ns), "500ms", "TIME",
     "how long a thread spins on each CPU to see the gaps; 0ms measures nothing", 0, 0, false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

static uint32_t take_threads(const ats_run_config *config, ats_doctor_thread *threads)
{
    for (uint32_t i = 0; i < config->thread_count; i++) {
        threads[i] =
            (ats_doctor_thread){.cpu = config->threads[i].cpu, .wait = config->threads[i].wait};
        snprintf(threads[i].name, sizeof threads[i].name, "%s", config->threads[i].name);
    }
    return config->thread_count;
}

static void print_table(const ats_doctor_report *report)
{
    static const char *const colors[] = {"\033[32m", "\033[33m", "\033[31m"};
    const char *no_color = getenv("NO_COLOR");
    bool color = isatty(STDOUT_FILENO) && !(no_color && *no_color);
    for (uint32_t i = 0; i < report->count; i++) {
        const ats_doctor_finding *f = &report->findings[i];
        printf("%s%-4s%s  %-22s  %s\n", color ? colors[f->level] : "",
               ats_doctor_level_label(f->level), color ? "\033[0m" : "", f->check, f->found);
        if (f->advice[0])
            printf("      %-22s  -> %s\n", "", f->advice);
    }
    printf("\n%u ok, %u warn, %u fail\n", ats_doctor_count(report, ATS_DOCTOR_OK),
           ats_doctor_count(report, ATS_DOCTOR_WARN), ats_doctor_count(report, ATS_DOCTOR_FAIL));
}

static int print_json(const ats_doctor_report *report)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < report->count; i++) {
        const ats_doctor_finding *f = &report->findings[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "check", f->check, "level",
                                              ats_doctor_level_label(f->level), "found", f->found,
                                              "advice", f->advice));
    }
    return ats_cli_print_json(
        json_pack("{s:i, s:i, s:i, s:o}", "ok", (int)ats_doctor_count(report, ATS_DOCTOR_OK),
                  "warn", (int)ats_doctor_count(report, ATS_DOCTOR_WARN), "fail",
                  (int)ats_doctor_count(report, ATS_DOCTOR_FAIL), "findings", list));
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    ats_run_config config;
    ats_doctor_thread threads[ATS_THREADS_MAX];
    int done = ats_cli_parse(&cli, &ats_command_doctor, &o, argc, argv);
    if (done)
        return done < 0 ? ats_cli_fail() : ATS_EXIT_OK;
    if (o.spin_ns > 60 * 1000000000ll) {
        ats_error(ATS_EXIT_USAGE, "--spin: at most 60s a CPU");
        return ats_cli_fail();
    }
    ats_doctor_options how = {.root = "",
                              .folder = o.folder,
                              .threads = threads,
                              .spin_ms = (uint32_t)(o.spin_ns / 1000000)};
    if (o.config) {
        if (ats_config_load(&config, o.config) != 0)
            return ats_cli_fail();
        how.thread_count = take_threads(&config, threads);
    }
    ats_doctor_report *report = calloc(1, sizeof *report);
    if (!report) {
        ats_error(ATS_EXIT_FAILED, "out of memory");
        return ats_cli_fail();
    }
    ats_doctor_run(report, &how);
    ats_doctor_gpu(report, how.spin_ms > 0);
    int failed = 0;
    if (cli.common.json)
        failed = print_json(report);
    else
        print_table(report);
    bool sick = ats_doctor_count(report, ATS_DOCTOR_FAIL) > 0;
    free(report);
    if (failed || ats_cli_flush() != 0)
        return ats_cli_fail();
    return sick ? ATS_EXIT_FAILED : ATS_EXIT_OK;
}

const ats_command ats_command_doctor = {
    .name = "doctor",
    .purpose = "check the host for low latency and a thread map against it",
    .synopsis = "[-c FILE] [OPTION...]",
    .detail =
        "Reads what the kernel tells and measures disk sync and the gaps of a spinning thread.\n"
        "Each finding is ok, warn (a worse tail) or fail, with what to change. Changes nothing.\n"
        "Exit 0 when nothing fails, 1 otherwise.",
    .example = "ats doctor -c configs/demo.yaml",
    .option = OPTIONS,
    .arguments_min = 0,
    .arguments_max = 0,
    .run = run,
};
