/* log.h: the structured log, for cold threads only: it formats, locks and calls the kernel. Hot
 * code counts (metrics.h).
 *
 * One log a process. A line is one JSON object, {"t":"2026-01-02T03:04:05.000000006Z",
 * "level":"warn","event":"feed.down","source":"taq",...}, written with one write(2) under a mutex,
 * so lines of different threads never mix. Warnings and errors also go to stderr in a form for
 * people. Text is escaped: any bytes give valid JSON, and no control character reaches a terminal.
 */
#ifndef ATS_CORE_LOG_H
#define ATS_CORE_LOG_H

#include <stddef.h>
#include <stdint.h>

#define ATS_LOG_TEXT_BYTES 1024u /* longer text values are cut */
#define ATS_LOG_LINE_BYTES 8192u /* fields that do not fit are left out: "truncated":true */

typedef enum ats_log_level {
    ATS_LOG_DEBUG,
    ATS_LOG_INFO,
    ATS_LOG_WARN,
    ATS_LOG_ERROR,
    ATS_LOG_LEVEL_COUNT
} ats_log_level;

typedef enum ats_log_type {
    ATS_LOG_STR,
    ATS_LOG_I64,
    ATS_LOG_U64,
    ATS_LOG_F64,
    ATS_LOG_E9
} ats_log_type;

typedef struct ats_log_field {
    const char *key;
    ats_log_type type;
    union {
        const char *str;
        int64_t i64;
        uint64_t u64;
        double f64;
    } value;
} ats_log_field;

/* Opens (appends to, or makes) the log. Lines below min_level are counted and not written. -1 with
 * an error pushed. Before it is open, and after it is closed, only stderr is written. */
int ats_log_open(const char *path, ats_log_level min_level);
void ats_log_close(void);

/* Writes a line. Any cold thread. The strings live until it returns. */
void ats_log_write(ats_log_level level, const char *event, const ats_log_field *fields,
                   size_t count);

/* ats_log(ATS_LOG_INFO, "run.start", ats_log_str("run", id), ats_log_u64("symbols", n)); the first
 * element only keeps the array from being empty. */
#define ats_log(level, event, ...)                                                                 \
    ats_log_write((level), (event), (const ats_log_field[]){{0}, ##__VA_ARGS__} + 1,               \
                  sizeof((const ats_log_field[]){{0}, ##__VA_ARGS__}) / sizeof(ats_log_field) - 1)

static inline ats_log_field ats_log_str(const char *key, const char *value)
{
    return (ats_log_field){.key = key, .type = ATS_LOG_STR, .value.str = value};
}
static inline ats_log_field ats_log_i64(const char *key, int64_t value)
{
    return (ats_log_field){.key = key, .type = ATS_LOG_I64, .value.i64 = value};
}
static inline ats_log_field ats_log_u64(const char *key, uint64_t value)
{
    return (ats_log_field){.key = key, .type = ATS_LOG_U64, .value.u64 = value};
}
/* NaN and the infinities, which JSON has not, become null. */
static inline ats_log_field ats_log_f64(const char *key, double value)
{
    return (ats_log_field){.key = key, .type = ATS_LOG_F64, .value.f64 = value};
}
/* An integer in 1e-9 units, written as an exact decimal number. */
static inline ats_log_field ats_log_e9(const char *key, int64_t value_e9)
{
    return (ats_log_field){.key = key, .type = ATS_LOG_E9, .value.i64 = value_e9};
}

/* Calls at a level, written or not; and lines that the disk refused. */
uint64_t ats_log_count(ats_log_level level);
uint64_t ats_log_lost(void);

#endif
