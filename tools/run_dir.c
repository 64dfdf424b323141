#include "tools/run_dir.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "stages/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- directories ---------------------------------------------------------------------------- */

void ats_run_dir_join(const ats_run_dir *dir, const char *name, char out[ATS_RUN_PATH_BYTES])
{
    snprintf(out, ATS_RUN_PATH_BYTES, "%.400s/%.100s", dir->path, name);
}

static bool is_empty(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n == 2;
}

static int make_dir(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return 0;
    return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot be made", path);
}

/* Makes the folders above the last part of a path. */
static int make_parents(const char *path)
{
    char parent[ATS_RUN_PATH_BYTES];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
        if (make_dir(parent) != 0)
            return -1;
    }
    return 0;
}

static int make_new_dir(const char *path)
{
    if (make_parents(path) != 0)
        return -1;
    if (mkdir(path, 0777) == 0)
        return 0;
    if (errno == EEXIST && is_empty(path))
        return 0;
    if (errno == EEXIST)
        return ats_error(ATS_EXIT_USAGE, "%s: there is something in it already", path);
    return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot be made", path);
}

/* runs/20260102T030405Z-replay, with -2, -3, ... when that is taken. */
static int make_default(ats_run_dir *dir, const char *command)
{
    time_t now = (time_t)(ats_clock_wall_ns() / 1000000000);
    struct tm utc;
    char stamp[32];
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    if (make_dir("runs") != 0)
        return -1;
    for (int n = 1; n < 1000; n++) {
        snprintf(dir->path, sizeof dir->path, n == 1 ? "runs/%s-%s" : "runs/%s-%s-%d", stamp,
                 command, n);
        if (mkdir(dir->path, 0777) == 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot be made", dir->path);
}

int ats_run_dir_create(ats_run_dir *dir, const char *wanted, const char *command)
{
    static const char *const INSIDE[] = {"journal", "tape", "models"};
    char path[ATS_RUN_PATH_BYTES];
    memset(dir, 0, sizeof *dir);
    dir->journal_fd = dir->reserve_fd = -1;
    if (wanted && strlen(wanted) > 400)
        return ats_error(ATS_EXIT_USAGE, "--run-dir: the path is too long");
    if (wanted) {
        snprintf(dir->path, sizeof dir->path, "%s", wanted);
        size_t n = strlen(dir->path);
        while (n > 1 && dir->path[n - 1] == '/')
            dir->path[--n] = 0;
    }
    if (wanted ? make_new_dir(dir->path) : make_default(dir, command))
        return -1;
    dir->made = true;
    for (size_t i = 0; i < sizeof INSIDE / sizeof INSIDE[0]; i++) {
        ats_run_dir_join(dir, INSIDE[i], path);
        if (make_dir(path) != 0)
            return -1;
    }
    /* Two runs may share a name in different places; the process tells their journals apart. */
    const char *slash = strrchr(dir->path, '/');
    snprintf(dir->id, sizeof dir->id, "%.40s-%d", slash ? slash + 1 : dir->path, (int)getpid());
    ats_run_dir_join(dir, "log.jsonl", path);
    return ats_log_open(path, ATS_LOG_INFO);
}

/* ---- what the chain writes ------------------------------------------------------------------ */

static int open_file(const ats_run_dir *dir, const char *name)
{
    char path[ATS_RUN_PATH_BYTES];
    ats_run_dir_join(dir, name, path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot be made", path);
    return fd;
}

int ats_run_dir_open_files(ats_run_dir *dir, const ats_run_config *config,
                           const ats_market_source *source)
{
    char path[ATS_RUN_PATH_BYTES];
    dir->journal_fd = open_file(dir, "journal/000001.journal");
    dir->reserve_fd = open_file(dir, "journal/reserve");
    if (dir->journal_fd < 0 || dir->reserve_fd < 0)
        return -1;
    int e = posix_fallocate(dir->reserve_fd, 0, ATS_JOURNAL_RESERVE_BYTES);
    if (e)
        return ats_error_errno(ATS_EXIT_FAILED, e, "%s: no room for the journal's reserve",
                               dir->path);
    if (ats_journal_create(&dir->journal, "/dev/shm", dir->id, ATS_JOURNAL_CAPACITY) != 0)
        return -1;
    ats_run_dir_join(dir, "audit.bin", path);
    if (ats_audit_create(&dir->audit, path, &source->symbols, ats_clock_wall_ns()) != 0)
        return -1;
    dir->audit_open = true;
    if (config->tape != ATS_TAPE_FULL)
        return 0;
    ats_run_dir_join(dir, "tape/chain.cap", path);
    if (ats_capture_create(&dir->tape, path, ATS_CAPTURE_TAPE) != 0)
        return -1;
    return ats_capture_add_symbols(dir->tape, &source->symbols);
}

void ats_run_dir_close(ats_run_dir *dir, bool journal_is_safe)
{
    ats_journal_close(&dir->journal, journal_is_safe);
    if (dir->journal_fd >= 0)
        close(dir->journal_fd);
    if (dir->reserve_fd >= 0) {
        char path[ATS_RUN_PATH_BYTES];
        close(dir->reserve_fd);
        ats_run_dir_join(dir, "journal/reserve", path);
        unlink(path); /* only of use while the run writes */
    }
    ats_log_close();
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *place)
{
    (void)st, (void)type, (void)place;
    return remove(path);
}

void ats_run_dir_discard(ats_run_dir *dir)
{
    if (dir->audit_open)
        ats_audit_close(&dir->audit);
    ats_capture_abandon(dir->tape);
    if (dir->made)
        nftw(dir->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* ---- what a replay needs -------------------------------------------------------------------- */

static void hash_text(const ats_capture_hash *hash, char out[33])
{
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, hash->high, hash->low);
}

/* What the file states; of one whose end is missing, what is read of it. */
static int content_text(ats_capture_reader *reader, char out[33])
{
    ats_capture_hash hash = reader->content;
    if (!reader->complete && ats_capture_verify(reader, &hash) != 0)
        return -1;
    hash_text(&hash, out);
    return 0;
}

static int write_inputs(const ats_run_dir *dir, ats_market_source *source)
{
    char path[ATS_RUN_PATH_BYTES], hash[33];
    json_t *list = json_array();
    int status = 0;
    for (uint32_t i = 0; i < source->input_count; i++) {
        ats_capture_reader *reader = &source->inputs[i].reader;
        if (content_text(reader, hash) != 0) {
            status = -1;
            break;
        }
        char *absolute = realpath(reader->path, NULL);
        const char *name = absolute ? absolute : reader->path;
        json_t *input = json_pack("{s:s, s:s, s:I}", "path", name, "content", hash, "records",
                                  (json_int_t)reader->totals.records);
        if (!input || json_array_append_new(list, input) != 0)
            status =
                ats_error(ATS_EXIT_USAGE, "an input's path is not UTF-8: a run could not name it");
        free(absolute);
    }
    json_t *document = json_pack("{s:i, s:o}", "schema", 1, "inputs", list);
    ats_run_dir_join(dir, "tape/inputs.json", path);
    if (status == 0 && (!document || json_dump_file(document, path, JSON_INDENT(2)) != 0))
        status = ats_error(ATS_EXIT_FAILED, "%s: cannot be written", path);
    json_decref(document);
    return status;
}

int ats_run_dir_keep_inputs(ats_run_dir *dir, const ats_run_config *config,
                            ats_market_source *source)
{
    char path[ATS_RUN_PATH_BYTES];
    ats_run_config kept = *config;
    if (config->calendar_path[0]) {
        ats_run_dir_join(dir, "calendar.json", path);
        if (ats_file_copy(config->calendar_path, path) != 0)
            return -1;
        snprintf(kept.calendar_path, sizeof kept.calendar_path, "calendar.json");
    }
    ats_run_dir_join(dir, "config.yaml", path);
    FILE *f = fopen(path, "w");
    if (!f)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s", path);
    int status = ats_config_write(&kept, f);
    if (fclose(f) != 0 && status == 0)
        status = ats_error_errno(ATS_EXIT_FAILED, errno, "%s", path);
    return status == 0 ? write_inputs(dir, source) : -1;
}

/* ---- reading a run back --------------------------------------------------------------------- */

static int check_input(const char *path, const char *expected)
{
    ats_capture_reader *reader = calloc(1, sizeof *reader);
    char hash[33] = "";
    if (!reader)
        return ats_error(ATS_EXIT_FAILED, "input: out of memory");
    int status = ats_capture_open(reader, path);
    if (status == 0) {
        status = content_text(reader, hash);
        ats_capture_close(reader);
    }
    free(reader);
    if (status != 0)
        return ats_error(ATS_EXIT_DATA, "the run's input %s is not to be had", path);
    if (strcmp(hash, expected) != 0)
        return ats_error(ATS_EXIT_DATA, "%s has changed since the run read it: it held %s, now %s",
                         path, expected, hash);
    return 0;
}

int ats_run_dir_inputs(const char *run, char **paths, uint32_t max, uint32_t *count)
{
    char path[ATS_RUN_PATH_BYTES];
    json_error_t error;
    *count = 0;
    snprintf(path, sizeof path, "%.400s/tape/chain.cap", run);
    if (access(path, R_OK) == 0) {
        paths[(*count)++] = strdup(path);
        return 0;
    }
    snprintf(path, sizeof path, "%.400s/tape/inputs.json", run);
    json_t *document = json_load_file(path, 0, &error);
    json_t *list = json_object_get(document, "inputs"), *input;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > max) {
        json_decref(document);
        return ats_error(ATS_EXIT_DATA, "%s: is no run directory with a tape (%s)", run, path);
    }
    int status = 0;
    json_array_foreach(list, i, input)
    {
        const char *name = json_string_value(json_object_get(input, "path"));
        const char *content = json_string_value(json_object_get(input, "content"));
        if (!name || !content)
            status = ats_error(ATS_EXIT_DATA, "%s: input %zu has no path or content", path, i);
        else if (check_input(name, content) != 0)
            status = -1;
        else
            paths[(*count)++] = strdup(name);
        if (status != 0)
            break;
    }
    json_decref(document);
    return status;
}

int ats_run_dir_stop(const char *run, uint64_t *released)
{
    char path[ATS_RUN_PATH_BYTES];
    *released = 0;
    snprintf(path, sizeof path, "%.480s/tape/chain.cap", run);
    if (access(path, F_OK) == 0)
        return 0;
    snprintf(path, sizeof path, "%.480s/run.json", run);
    json_t *document = json_load_file(path, 0, NULL);
    json_t *links = json_object_get(json_object_get(document, "topology"), "links"), *link;
    size_t i;
    bool found = false;
    json_array_foreach(links, i, link)
    {
        const char *name = json_string_value(json_object_get(link, "name"));
        if (name && !strcmp(name, "feed-feature")) {
            json_int_t published = json_integer_value(json_object_get(link, "published"));
            *released = published > 1 ? (uint64_t)published - 1 : 0;
            found = true;
        }
    }
    json_decref(document);
    return found ? 0 : ats_error(ATS_EXIT_DATA, "%s: does not tell where the run stopped", path);
}
