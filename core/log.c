#include "core/log.h"

#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TAIL_BYTES 24u /* ,"truncated":true}\n */

static const char *const LEVEL_LABELS[] = {"debug", "info", "warn", "error"};
_Static_assert(sizeof(LEVEL_LABELS) / sizeof(LEVEL_LABELS[0]) == ATS_LOG_LEVEL_COUNT,
               "a label a level");

static struct {
    pthread_mutex_t mutex;
    int fd; /* -1: not open */
    ats_log_level min_level;
    uint64_t count[ATS_LOG_LEVEL_COUNT];
    uint64_t lost;
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

typedef struct line {
    char text[ATS_LOG_LINE_BYTES];
    size_t used;
    bool full;
} line;

static void put(line *l, const char *text, size_t n)
{
    if (l->full || n > sizeof l->text - TAIL_BYTES - l->used) {
        l->full = true;
        return;
    }
    memcpy(l->text + l->used, text, n);
    l->used += n;
}

static void put_text(line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* Bytes of the UTF-8 character at s (NUL-terminated), or 0 when there is none: overlong forms,
 * surrogates and values above U+10FFFF are none. */
static size_t utf8_length(const uint8_t *s)
{
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

static void put_string(line *l, const char *text)
{
    const uint8_t *s = (const uint8_t *)(text ? text : "");
    const uint8_t *end = s + strnlen((const char *)s, ATS_LOG_TEXT_BYTES);
    char escape[8];
    put(l, "\"", 1);
    while (s < end) {
        size_t n = utf8_length(s);
        bool c1 = n == 2 && s[0] == 0xc2 && s[1] < 0xa0;
        if (n == 0) {
            put_text(l, "\\ufffd");
            n = 1;
        } else if (*s < 0x20 || *s == 0x7f || c1) {
            /* C1 controls too: terminals act on them. */
            snprintf(escape, sizeof escape, "\\u%04x", c1 ? s[1] : s[0]);
            put_text(l, escape);
        } else {
            if (*s == '"' || *s == '\\')
                put(l, "\\", 1);
            put(l, (const char *)s, n);
        }
        s += n;
    }
    put(l, "\"", 1);
}

static void put_value(line *l, const ats_log_field *f)
{
    char number[48];
    if (f->type == ATS_LOG_STR) {
        put_string(l, f->value.str);
        return;
    }
    if (f->type == ATS_LOG_I64) {
        snprintf(number, sizeof number, "%lld", (long long)f->value.i64);
    } else if (f->type == ATS_LOG_U64) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)f->value.u64);
    } else if (f->type == ATS_LOG_F64 && !isfinite(f->value.f64)) {
        strcpy(number, "null");
    } else if (f->type == ATS_LOG_F64) {
        snprintf(number, sizeof number, "%.17g", f->value.f64);
    } else {
        int64_t v = f->value.i64;
        uint64_t size = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
        snprintf(number, sizeof number, "%s%llu.%09llu", v < 0 ? "-" : "",
                 (unsigned long long)(size / 1000000000), (unsigned long long)(size % 1000000000));
    }
    put_text(l, number);
}

static void put_field(line *l, const ats_log_field *f, bool human)
{
    size_t before = l->used;
    if (human) {
        put(l, " ", 1);
        put_text(l, f->key);
        put(l, "=", 1);
    } else {
        put(l, ",", 1);
        put_string(l, f->key);
        put(l, ":", 1);
    }
    put_value(l, f);
    if (l->full) /* whole fields only */
        l->used = before;
}

static void time_text(char *text, size_t n)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t used = strftime(text, n, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + used, n - used, ".%09ldZ", now.tv_nsec);
}

static void build(line *l, bool human, const char *t, ats_log_level level, const char *event,
                  const ats_log_field *fields, size_t count)
{
    l->used = 0;
    l->full = false;
    put_text(l, human ? "" : "{\"t\":\"");
    put_text(l, t);
    put_text(l, human ? " " : "\",\"level\":\"");
    put_text(l, LEVEL_LABELS[level]);
    put_text(l, human ? " " : "\",\"event\":");
    put_string(l, event);
    for (size_t i = 0; i < count && !l->full; i++)
        put_field(l, &fields[i], human);
    const char *tail =
        human ? (l->full ? " ...\n" : "\n") : (l->full ? ",\"truncated\":true}\n" : "}\n");
    memcpy(l->text + l->used, tail, strlen(tail));
    l->used += strlen(tail);
}

int ats_log_open(const char *path, ats_log_level min_level)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "log %s: cannot open", path);
    ats_log_close();
    pthread_mutex_lock(&state.mutex);
    state.fd = fd;
    state.min_level = min_level;
    pthread_mutex_unlock(&state.mutex);
    return 0;
}

void ats_log_close(void)
{
    pthread_mutex_lock(&state.mutex);
    if (state.fd >= 0)
        close(state.fd);
    state.fd = -1;
    pthread_mutex_unlock(&state.mutex);
}

void ats_log_write(ats_log_level level, const char *event, const ats_log_field *fields,
                   size_t count)
{
    char t[48];
    line l;
    time_text(t, sizeof t);
    pthread_mutex_lock(&state.mutex);
    state.count[level]++;
    if (state.fd >= 0 && level >= state.min_level) {
        build(&l, false, t, level, event, fields, count);
        if (ats_file_write(state.fd, l.text, l.used) != 0)
            state.lost++;
    }
    if (level >= ATS_LOG_WARN) {
        build(&l, true, t, level, event, fields, count);
        if (ats_file_write(STDERR_FILENO, l.text, l.used) != 0)
            state.lost++;
    }
    pthread_mutex_unlock(&state.mutex);
}

uint64_t ats_log_count(ats_log_level level)
{
    pthread_mutex_lock(&state.mutex);
    uint64_t n = state.count[level];
    pthread_mutex_unlock(&state.mutex);
    return n;
}

uint64_t ats_log_lost(void)
{
    pthread_mutex_lock(&state.mutex);
    uint64_t n = state.lost;
    pthread_mutex_unlock(&state.mutex);
    return n;
}
