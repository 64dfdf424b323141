/* The interval log of hlog.h, read. */
#include "io/hlog.h"

#include "core/error.h"
#include "io/base64.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Seconds that a log may name, either way: to the year 2096, and the sum of two of them is still a
 * 64-bit number of nanoseconds. */
#define SECONDS_MAX  4e9
#define YEAR_SECONDS (365.0 * 24 * 3600)
#define LINE_FIRST   4096u

typedef struct token {
    const char *at;
    size_t length;
} token;

int ats_hlog_open_stream(ats_hlog_reader *r, FILE *file, const char *name)
{
    memset(r, 0, sizeof *r);
    r->file = file;
    snprintf(r->name, sizeof r->name, "%s", name);
    return 0;
}

int ats_hlog_open(ats_hlog_reader *r, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        memset(r, 0, sizeof *r);
        return ats_error_errno(ATS_EXIT_DATA, errno, "%s: cannot open", path);
    }
    return ats_hlog_open_stream(r, file, path);
}

void ats_hlog_reader_close(ats_hlog_reader *r)
{
    if (r->file)
        fclose(r->file);
    free(r->line);
    free(r->histogram);
    memset(r, 0, sizeof *r);
}

static int wrong(const ats_hlog_reader *r, const char *what)
{
    return ats_error(ATS_EXIT_DATA, "%s:%llu: %s", r->name, (unsigned long long)r->line_number,
                     what);
}

/* Room for one more character and a NUL. */
static int grow_line(ats_hlog_reader *r, size_t length)
{
    if (length + 2 <= r->line_capacity)
        return 0;
    if (length + 2 > ATS_HLOG_LINE_MAX)
        return wrong(r, "a line longer than any histogram needs");
    size_t capacity = r->line_capacity ? r->line_capacity * 2 : LINE_FIRST;
    char *line = realloc(r->line, capacity);
    if (!line)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", r->name);
    r->line = line;
    r->line_capacity = capacity;
    return 0;
}

/* Reads a line without its end into r->line. 1, 0 at the end, or -1. */
static int read_line(ats_hlog_reader *r, size_t *length)
{
    size_t n = 0;
    int c;
    r->line_number++;
    while ((c = getc_unlocked(r->file)) != EOF && c != '\n') {
        if (grow_line(r, n) != 0)
            return -1;
        r->line[n++] = (char)c;
    }
    if (c == EOF)
        return ferror(r->file) ? ats_error(ATS_EXIT_FAILED, "%s: cannot read", r->name) : 0;
    if (grow_line(r, n) != 0)
        return -1;
    if (n && r->line[n - 1] == '\r')
        n--;
    r->line[n] = 0;
    *length = n;
    return 1;
}

static bool is_separator(char c)
{
    return c == ',' || c == ' ' || c == '\t';
}

static token next_token(const char **at, const char *end)
{
    while (*at < end && is_separator(**at))
        (*at)++;
    token t = {.at = *at};
    while (*at < end && !is_separator(**at))
        (*at)++;
    t.length = (size_t)(*at - t.at);
    return t;
}

static bool parse_seconds(token t, double *seconds)
{
    char text[64], *end;
    if (t.length == 0 || t.length >= sizeof text)
        return false;
    memcpy(text, t.at, t.length);
    text[t.length] = 0;
    *seconds = strtod(text, &end);
    return end == text + t.length && fabs(*seconds) <= SECONDS_MAX; /* false for NaN too */
}

/* Whole microseconds: the format has three decimals, and a double of today's epoch only six good
 * ones. */
static int64_t to_ns(double seconds)
{
    return llround(seconds * 1e6) * 1000;
}

static int read_comment(ats_hlog_reader *r, size_t length)
{
    static const char START[] = "#[StartTime:", BASE[] = "#[BaseTime:",
                      VERSION[] = "#[Histogram log format version ";
    const char *end = r->line + length;
    const char *at = r->line;
    if (strncmp(at, START, sizeof START - 1) == 0) {
        at += sizeof START - 1;
        if (!parse_seconds(next_token(&at, end), &r->start_s))
            return wrong(r, "StartTime is no number of seconds");
        r->have_start = true;
    } else if (strncmp(at, BASE, sizeof BASE - 1) == 0) {
        at += sizeof BASE - 1;
        if (!parse_seconds(next_token(&at, end), &r->base_s))
            return wrong(r, "BaseTime is no number of seconds");
        r->have_base = true;
    } else if (strncmp(at, VERSION, sizeof VERSION - 1) == 0) {
        at += sizeof VERSION - 1;
        if (at[0] != '1' || at[1] != '.' || at[2] < '0' || at[2] > '3' || at[3] != ']')
            return wrong(r, "a log version other than 1.0 to 1.3");
    }
    return 0;
}

static int read_histogram(ats_hlog_reader *r, token text)
{
    uint8_t *bytes = malloc(text.length / 4 * 3 + 1);
    if (!bytes)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", r->name);
    ssize_t n = ats_base64_decode(text.at, text.length, bytes);
    free(r->histogram);
    r->histogram = NULL;
    int result = n < 0 ? wrong(r, "the histogram is not Base64")
                       : ats_hlog_decode(bytes, (size_t)n, &r->histogram);
    free(bytes);
    return result == 0 || n < 0 ? result : wrong(r, "the histogram cannot be decoded");
}

static int read_tag(ats_hlog_reader *r, token t, ats_hlog_interval *interval)
{
    t.at += 4;
    t.length -= 4;
    if (t.length >= ATS_HLOG_TAG)
        return wrong(r, "a tag that is too long");
    for (size_t i = 0; i < t.length; i++)
        if (t.at[i] <= ' ' || t.at[i] > '~')
            return wrong(r, "a tag that is not plain text");
    memcpy(interval->tag, t.at, t.length);
    interval->tag[t.length] = 0;
    return 0;
}

static int read_interval(ats_hlog_reader *r, size_t length, ats_hlog_interval *interval)
{
    const char *at = r->line, *end = r->line + length;
    double start, duration;
    interval->tag[0] = 0;
    token t = next_token(&at, end);
    if (t.length >= 4 && memcmp(t.at, "Tag=", 4) == 0) {
        if (read_tag(r, t, interval) != 0)
            return -1;
        t = next_token(&at, end);
    }
    if (!parse_seconds(t, &start))
        return wrong(r, "the start is no number of seconds");
    if (!parse_seconds(next_token(&at, end), &duration) || duration < 0)
        return wrong(r, "the length is no number of seconds");
    next_token(&at, end); /* the maximum is for people: the histogram knows it */
    t = next_token(&at, end);
    if (t.length == 0 || next_token(&at, end).length != 0)
        return wrong(r, "a line is start, length, maximum, histogram");
    if (!r->have_base) {
        bool relative = r->have_start && start < r->start_s - YEAR_SECONDS;
        r->base_s = relative ? r->start_s : 0;
        r->have_base = true;
    }
    if (read_histogram(r, t) != 0)
        return -1;
    interval->start_ns = to_ns(r->base_s) + to_ns(start);
    interval->length_ns = to_ns(duration);
    interval->histogram = r->histogram;
    return 1;
}

int ats_hlog_next(ats_hlog_reader *r, ats_hlog_interval *interval)
{
    static const char LEGEND[] = "\"StartTimestamp\"";
    size_t length = 0;
    int result;
    while ((result = read_line(r, &length)) == 1) {
        if (length == 0 || strncmp(r->line, LEGEND, sizeof LEGEND - 1) == 0)
            continue;
        if (r->line[0] != '#')
            return read_interval(r, length, interval);
        if (read_comment(r, length) != 0)
            return -1;
    }
    return result;
}
