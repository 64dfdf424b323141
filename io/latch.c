#include "io/latch.h"

#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define LINE_BYTES 512u
#define HASH_BYTES 16u

static const char *const LABELS[] = {"none", "halt", "freeze"};

/* ---- reading ------------------------------------------------------------------------------ */

static void distrust(ats_latch_line *last)
{
    *last = (ats_latch_line){.latch = 2};
    snprintf(last->why, sizeof last->why, "the last line of the file is damaged");
}

/* "2026-03-02T14:35:00Z halt who: why", what the checksum vouched for. */
static int parse(const char *text, ats_latch_line *out)
{
    struct tm t = {0};
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%SZ ", &t);
    const char *colon = at ? strstr(at, ": ") : NULL;
    *out = (ats_latch_line){0};
    for (uint32_t i = 0; colon && i < 3; i++) {
        size_t n = strlen(LABELS[i]);
        if (strncmp(at, LABELS[i], n) != 0 || at[n] != ' ')
            continue;
        out->latch = i;
        out->at_ns = (int64_t)timegm(&t) * 1000000000ll;
        snprintf(out->who, sizeof out->who, "%.*s", (int)(colon - at - (ptrdiff_t)n - 1),
                 at + n + 1);
        snprintf(out->why, sizeof out->why, "%s", colon + 2);
        return 0;
    }
    return -1;
}

/* The line up to its line end, of which the checksum has been cut off; NULL: it is damaged. */
static char *check(char *line, char *end)
{
    char hash[HASH_BYTES + 1];
    char *mark = end - HASH_BYTES - 2; /* the blank before '#' */
    if (end - line < (ptrdiff_t)HASH_BYTES + 2 || memcmp(mark, " #", 2) != 0)
        return NULL;
    snprintf(hash, sizeof hash, "%016llx",
             (unsigned long long)XXH3_64bits(line, (size_t)(mark - line)));
    if (memcmp(hash, mark + 2, HASH_BYTES) != 0)
        return NULL;
    *mark = 0;
    return line;
}

int ats_latch_read(const char *path, ats_latch_line *last)
{
    char tail[2 * LINE_BYTES + 1];
    struct stat st;
    *last = (ats_latch_line){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return ats_error_errno(ATS_EXIT_FAILED, why, "%s", path);
    }
    off_t from = st.st_size > (off_t)(2 * LINE_BYTES) ? st.st_size - (off_t)(2 * LINE_BYTES) : 0;
    ssize_t n = ats_file_read_at(fd, tail, 2 * LINE_BYTES, (uint64_t)from);
    int why = errno;
    close(fd);
    if (n < 0)
        return ats_error_errno(ATS_EXIT_FAILED, why, "%s", path);
    tail[n] = 0;
    if (n == 0) { /* made, and then cut off before its first line */
        distrust(last);
        return 0;
    }
    char *end = tail + n - 1;
    char *line = *end == '\n' ? memrchr(tail, '\n', (size_t)n - 1) : NULL;
    line = *end != '\n' ? NULL : line ? line + 1 : tail;
    if (!line || !(line = check(line, end)) || parse(line, last) != 0)
        distrust(last);
    return 0;
}

bool ats_latch_is_file(const char *path)
{
    char head[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : ats_file_read_at(fd, head, sizeof head - 1, 0);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return n == 0;
    struct tm t;
    const char *state = strptime(head, "%Y-%m-%dT%H:%M:%SZ ", &t);
    for (uint32_t i = 0; state && i < 3; i++)
        if (strncmp(state, LABELS[i], strlen(LABELS[i])) == 0)
            return true;
    return false;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void clean(char *text, const char *banned)
{
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || strchr(banned, *p))
            *p = '_';
}

static size_t format(const ats_latch_line *line, char out[LINE_BYTES])
{
    char at[32], who[ATS_LATCH_WHO_BYTES], why[ATS_LATCH_WHY_BYTES];
    time_t s = (time_t)(line->at_ns / 1000000000ll);
    struct tm t;
    strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&s, &t));
    snprintf(who, sizeof who, "%s", line->who);
    snprintf(why, sizeof why, "%s", line->why);
    clean(who, ":#");
    clean(why, "#");
    int n = snprintf(out, LINE_BYTES - HASH_BYTES - 4, "%s %s %s: %s", at,
                     LABELS[line->latch <= 2 ? line->latch : 2], who, why);
    int more = snprintf(out + n, LINE_BYTES - (size_t)n, " #%016llx\n",
                        (unsigned long long)XXH3_64bits(out, (size_t)n));
    return (size_t)(n + more);
}

/* The name of a new file is on disk once its folder is. */
static int sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return result;
}

/* Was the last line torn? Then the next one begins on a line of its own. */
static int is_torn(int fd)
{
    struct stat st;
    char end;
    return fstat(fd, &st) == 0 && st.st_size > 0 &&
           ats_file_read_at(fd, &end, 1, (uint64_t)st.st_size - 1) == 1 && end != '\n';
}

int ats_latch_append(const char *path, const ats_latch_line *line)
{
    char text[LINE_BYTES];
    size_t n = format(line, text);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s", path);
    int failed = (is_torn(fd) && ats_file_write(fd, "\n", 1) != 0) ||
                 ats_file_write(fd, text, n) != 0 || fdatasync(fd) != 0;
    int why = errno;
    if (close(fd) != 0 || failed)
        return ats_error_errno(ATS_EXIT_FAILED, why, "%s: the latch is not on disk", path);
    return sync_folder(path) == 0 ? 0 : ats_error_errno(ATS_EXIT_FAILED, errno, "%s", path);
}
