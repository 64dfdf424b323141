#include "tools/run_models.h"

#include "core/error.h"
#include "core/file.h"
#include "io/lines.h"
#include "tools/moment.h"
#include "learn/model_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- loading -------------------------------------------------------------------------------- */

static void note_file(ats_run_models *m, const ats_model *model, const char *path)
{
    ats_run_model_file *f = &m->files[m->file_count++];
    f->id = model->id;
    snprintf(f->path, sizeof f->path, "%s", path);
    memcpy(f->sha256, model->sha256, sizeof f->sha256);
}

/* A model that this run's features fit, or NULL with an error pushed that names the file. */
static ats_model *open_fitting(const ats_run_models *m, const char *path)
{
    ats_model *model = ats_model_open(path, m->isa);
    if (!model || ats_model_check(model, m->feature_count, m->feature_version) == 0)
        return model;
    ats_model_free(model);
    ats_error(ATS_EXIT_CONFIG, "model %s does not fit this run", path);
    return NULL;
}

/* Id of the model that was added, or 0 with an error pushed and the model freed. */
static uint32_t add_model(ats_run_models *m, ats_model *model, uint32_t id)
{
    if ((m->symbol_count && ats_model_remember(model, m->symbol_count) != 0) ||
        ats_run_device_take(&m->device, m->config, model) != 0 ||
        ats_model_table_add(&m->table, model, id) == 0) {
        ats_model_free(model);
        return 0;
    }
    return model->id;
}

static uint32_t add_file(ats_run_models *m, const char *path, uint32_t id)
{
    ats_model *model = open_fitting(m, path);
    if (!model || add_model(m, model, id) == 0)
        return 0;
    ats_run_device_race(&m->device, m->config, model);
    note_file(m, model, path);
    return model->id;
}

/* A path in a file is relative to its folder. */
static int resolve(const char *file, const char *name, char out[ATS_CONFIG_PATH_BYTES])
{
    const char *slash = strrchr(file, '/');
    int folder = *name == '/' || !slash ? 0 : (int)(slash - file + 1);
    int n = snprintf(out, ATS_CONFIG_PATH_BYTES, "%.*s%s", folder, file, name);
    return n < (int)ATS_CONFIG_PATH_BYTES
               ? 0
               : ats_error(ATS_EXIT_DATA, "%s: the path is too long", name);
}

static int add_line(ats_run_models *m, const char *path, uint64_t line, char *text)
{
    char full[ATS_CONFIG_PATH_BYTES];
    char *comma = strchr(text, ',');
    if (!comma || !comma[1])
        return ats_error(ATS_EXIT_DATA, "%s, line %llu: want a time, a comma and a model file",
                         path, (unsigned long long)line);
    *comma = 0;
    ats_control_due *due = &m->commands[m->command_count];
    if (m->command_count == ATS_MODELS_MAX - 1) /* model.path takes one */
        return ats_error(ATS_EXIT_DATA, "%s: more than %u models", path, ATS_MODELS_MAX - 1);
    if (ats_moment_read(text, &due->at_ns) != 0)
        return ats_error(ATS_EXIT_DATA,
                         "%s, line %llu: \"%.40s\" is no time; want 2024-02-01 or "
                         "2024-02-01T14:30:00Z (UTC)",
                         path, (unsigned long long)line, text);
    if (m->command_count && due->at_ns < due[-1].at_ns)
        return ats_error(ATS_EXIT_DATA, "%s, line %llu: earlier than the line before", path,
                         (unsigned long long)line);
    if (resolve(path, comma + 1 + strspn(comma + 1, " \t"), full) != 0)
        return -1;
    uint32_t id = add_file(m, full, 0);
    if (id == 0)
        return ats_error(ATS_EXIT_DATA, "%s, line %llu", path, (unsigned long long)line);
    due->command = (ats_control){.code = ATS_CONTROL_MODEL, .model_id = id};
    memcpy(due->command.model_sha256, ats_model_table_find(&m->table, id)->sha256_bytes,
           ATS_SHA256_BYTES);
    m->command_count++;
    return 0;
}

/* Lines of "time,model file"; empty ones and comments (#) are passed over. */
static int read_schedule(ats_run_models *m, const char *path)
{
    ats_lines *lines;
    char *text;
    size_t length;
    bool too_long;
    int got, status = 0;
    if (ats_lines_open(&lines, path) != 0)
        return ats_error(ATS_EXIT_DATA, "model.schedule %s cannot be read", path);
    while (status == 0 && (got = ats_lines_next(lines, &text, &length, &too_long)) == 1) {
        text[length] = 0;
        if (length && *text != '#')
            status = add_line(m, path, ats_lines_number(lines), text);
    }
    if (status == 0 && got < 0)
        status = -1;
    if (status == 0 && m->command_count == 0)
        status = ats_error(ATS_EXIT_DATA, "model.schedule %s names no model", path);
    ats_lines_close(lines);
    return status;
}

/* What models/index.csv of a run lists, under the ids that its tape speaks of. */
static int read_index(ats_run_models *m, const char *run)
{
    char path[ATS_RUN_PATH_BYTES], file[ATS_RUN_PATH_BYTES + 80], sha256[65];
    unsigned id;
    snprintf(path, sizeof path, "%.450s/models/index.csv", run);
    FILE *f = fopen(path, "r");
    if (!f && errno == ENOENT) /* a run without models, or of a version that had only one */
        return m->config->model_path[0] && add_file(m, m->config->model_path, 1) == 0 ? -1 : 0;
    if (!f)
        return ats_error_errno(ATS_EXIT_DATA, errno, "%s", path);
    int status = 0, got;
    while (status == 0 && (got = fscanf(f, "%u,%64[0-9a-f]\n", &id, sha256)) == 2) {
        snprintf(file, sizeof file, "%.450s/models/%s.json", run, sha256);
        status = add_file(m, file, id) ? 0 : -1;
        if (status == 0 && strcmp(m->files[m->file_count - 1].sha256, sha256) != 0)
            status = ats_error(ATS_EXIT_DATA, "%s is not the file that the run used", file);
    }
    if (status == 0 && got != EOF)
        status = ats_error(ATS_EXIT_DATA, "%s is damaged", path);
    fclose(f);
    return status;
}

static int load_shadow(ats_run_models *m, const char *path)
{
    m->shadow = open_fitting(m, path);
    if (m->shadow)
        note_file(m, m->shadow, path);
    return m->shadow ? 0 : -1;
}

/* A card that never wins is let go: it would only keep a thread and the bus busy. */
static void settle_device(ats_run_models *m)
{
    if (!m->device.device.gpu || m->device.device.use_from != ATS_GPU_NEVER)
        return;
    for (uint32_t i = 0; i < m->file_count; i++) {
        ats_model *model = ats_model_table_find(&m->table, m->files[i].id);
        if (model)
            ats_model_detach(model);
    }
    ats_run_device_close(&m->device);
}

int ats_run_models_load(ats_run_models *m, const ats_run_config *config, uint32_t symbol_count,
                        const char *run)
{
    ats_catalogue catalogue;
    m->isa =
        config->model_isa == ATS_MODEL_ISA_AUTO ? ats_isa_best() : (ats_isa)(config->model_isa - 1);
    m->config = config;
    m->symbol_count = config->model_incremental ? symbol_count : 0;
    if (ats_catalogue_make(&catalogue, &config->features) != 0 ||
        ats_run_device_open(&m->device, config) != 0)
        return -1;
    m->feature_count = catalogue.count;
    m->feature_version = catalogue.version;
    if (run) {
        if (read_index(m, run) != 0)
            return -1;
        m->first_id = config->model_path[0] ? 1 : 0;
    } else {
        if (config->model_path[0] && !(m->first_id = add_file(m, config->model_path, 0)))
            return -1;
        if (config->model_schedule_path[0] && read_schedule(m, config->model_schedule_path) != 0)
            return -1;
    }
    settle_device(m);
    return config->model_shadow_path[0] ? load_shadow(m, config->model_shadow_path) : 0;
}

/* ---- keeping -------------------------------------------------------------------------------- */

static void copy_name(const char *sha256, char name[96])
{
    snprintf(name, 96, "models/%s.json", sha256);
}

/* The file may have changed since it was loaded: the copy must be what was, and takes its name only
 * when it is. */
static int keep_file(const ats_run_dir *dir, const ats_run_model_file *f)
{
    char name[96], path[ATS_RUN_PATH_BYTES], unfinished[ATS_RUN_PATH_BYTES + 8], sha256[65];
    copy_name(f->sha256, name);
    ats_run_dir_join(dir, name, path);
    if (access(path, F_OK) == 0)
        return 0; /* it was kept before, under its hash */
    snprintf(unfinished, sizeof unfinished, "%s.tmp", path);
    if (ats_file_copy(f->path, unfinished) != 0 || ats_model_file_hash(unfinished, sha256) != 0) {
        unlink(unfinished);
        return -1;
    }
    if (strcmp(sha256, f->sha256) != 0) {
        unlink(unfinished);
        return ats_error(ATS_EXIT_DATA, "%s: the model changed while it was read", f->path);
    }
    if (rename(unfinished, path) == 0)
        return 0;
    return ats_error_errno(ATS_EXIT_FAILED, errno, "%s", path);
}

static int list_file(const ats_run_dir *dir, uint32_t id, const char *sha256)
{
    char path[ATS_RUN_PATH_BYTES];
    ats_run_dir_join(dir, "models/index.csv", path);
    FILE *f = fopen(path, "a");
    if (!f)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s", path);
    int bad = fprintf(f, "%u,%s\n", id, sha256) < 0;
    return fclose(f) != 0 || bad ? ats_error_errno(ATS_EXIT_FAILED, errno, "%s", path) : 0;
}

static const char *sha256_of(const ats_run_models *m, uint32_t id)
{
    for (uint32_t i = 0; i < m->file_count; i++)
        if (m->files[i].id == id)
            return m->files[i].sha256;
    return "";
}

static int write_schedule(const ats_run_models *m, const ats_run_dir *dir)
{
    char path[ATS_RUN_PATH_BYTES];
    ats_run_dir_join(dir, "models/schedule.csv", path);
    FILE *f = fopen(path, "w");
    if (!f)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s", path);
    for (uint32_t i = 0; i < m->command_count; i++) {
        char at[32];
        time_t s = (time_t)(m->commands[i].at_ns / 1000000000ll);
        struct tm tm;
        strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&s, &tm));
        fprintf(f, "%s,%s.json\n", at, sha256_of(m, m->commands[i].command.model_id));
    }
    int bad = ferror(f);
    return fclose(f) != 0 || bad ? ats_error_errno(ATS_EXIT_FAILED, errno, "%s", path) : 0;
}

int ats_run_models_keep(const ats_run_models *m, const ats_run_dir *dir, ats_run_config *kept)
{
    kept->model_path[0] = kept->model_shadow_path[0] = 0;
    if (kept->model_schedule_path[0])
        snprintf(kept->model_schedule_path, sizeof kept->model_schedule_path,
                 "models/schedule.csv");
    for (uint32_t i = 0; i < m->file_count; i++) {
        const ats_run_model_file *f = &m->files[i];
        if (keep_file(dir, f) != 0 || (f->id && list_file(dir, f->id, f->sha256) != 0))
            return -1;
        char name[96];
        copy_name(f->sha256, name);
        if (f->id && f->id == m->first_id)
            snprintf(kept->model_path, sizeof kept->model_path, "%s", name);
        if (f->id == 0)
            snprintf(kept->model_shadow_path, sizeof kept->model_shadow_path, "%s", name);
    }
    return m->command_count ? write_schedule(m, dir) : 0;
}

/* ---- while the run goes on ------------------------------------------------------------------ */

uint32_t ats_run_models_collect(ats_run_models *m)
{
    return ats_model_table_collect(&m->table);
}

int ats_run_models_swap(ats_run_models *m, const ats_run_dir *dir, ats_chain *chain,
                        const char *path)
{
    if (m->table.last_id >= ATS_MODELS_MAX)
        return ats_error(ATS_EXIT_FAILED,
                         "model: %u models have scored in this run; with more it "
                         "could not be repeated",
                         ATS_MODELS_MAX);
    ats_model *model = open_fitting(m, path);
    if (!model)
        return -1;
    ats_run_model_file file = {0};
    snprintf(file.path, sizeof file.path, "%s", path);
    memcpy(file.sha256, model->sha256, sizeof file.sha256);
    if (keep_file(dir, &file) != 0) {
        ats_model_free(model);
        return -1;
    }
    uint32_t id = add_model(m, model, 0);
    if (id == 0)
        return -1;
    if (list_file(dir, id, file.sha256) != 0 || ats_chain_swap_model(chain, model) != 0) {
        ats_model_table_retire(&m->table, id); /* infer never heard of it */
        return -1;
    }
    return 0;
}

void ats_run_models_free(ats_run_models *m)
{
    ats_model_table_clear(&m->table);
    ats_model_free(m->shadow);
    ats_run_device_close(&m->device);
}
