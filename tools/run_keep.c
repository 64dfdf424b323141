#include "tools/run_keep.h"

#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Copies the file that `path` names, if it names one, and puts the copy's name there. */
static int keep(const ats_run_dir *dir, const char *name, char *path, size_t capacity)
{
    char copy[ATS_RUN_PATH_BYTES];
    if (!path[0])
        return 0;
    if (access(path, R_OK) != 0)
        return ats_error_errno(ATS_EXIT_CONFIG, errno, "%s", path);
    ats_run_dir_join(dir, name, copy);
    if (ats_file_copy(path, copy) != 0)
        return -1;
    snprintf(path, capacity, "%s", name);
    return 0;
}

static int keep_strategies(const ats_run_dir *dir, ats_strategy_settings *s)
{
    char folder[ATS_RUN_PATH_BYTES];
    ats_run_dir_join(dir, "strategies", folder);
    for (uint32_t i = 0; i < s->count; i++) {
        ats_strategy_spec *spec = &s->strategies[i];
        char name[ATS_STRATEGY_NAME_BYTES + 24];
        if (!strchr(spec->plugin, '/'))
            continue;
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            return ats_error_errno(ATS_EXIT_FAILED, errno, "%s", folder);
        snprintf(name, sizeof name, "strategies/%s.so", spec->name);
        if (keep(dir, name, spec->plugin, sizeof spec->plugin) != 0)
            return -1;
    }
    return 0;
}

/* The commands, behind the halt that a latch of before stands for. */
static int keep_halt(const ats_run_dir *dir, ats_run_config *kept)
{
    char path[ATS_RUN_PATH_BYTES], line[4096];
    ats_run_dir_join(dir, "commands.csv", path);
    FILE *from = kept->commands_path[0] ? fopen(kept->commands_path, "r") : NULL;
    FILE *to = fopen(path, "w");
    bool failed = !to || (kept->commands_path[0] && !from);
    if (!failed)
        fputs("# the latch of a run before\n1980-01-02,halt\n", to);
    while (!failed && from && fgets(line, sizeof line, from))
        fputs(line, to);
    failed |= (from && ferror(from)) || (to && ferror(to));
    if (from)
        fclose(from);
    if ((to && fclose(to) != 0) || failed)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot be written", path);
    snprintf(kept->commands_path, sizeof kept->commands_path, "commands.csv");
    return 0;
}

int ats_run_keep_files(const ats_run_dir *dir, ats_run_config *kept, bool began_halted)
{
    kept->latch_path[0] = 0; /* the run's own commands say what was latched */
    int commands = began_halted
                       ? keep_halt(dir, kept)
                       : keep(dir, "commands.csv", kept->commands_path, sizeof kept->commands_path);
    if (commands != 0 ||
        keep(dir, "covariance.csv", kept->covariance_path, sizeof kept->covariance_path) != 0 ||
        keep(dir, "reference.csv", kept->reference_path, sizeof kept->reference_path) != 0)
        return -1;
    return keep_strategies(dir, &kept->strategy);
}
