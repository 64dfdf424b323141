/* The interval log of hlog.h, written, and the percentile text. */
#include "io/hlog.h"

#include "core/error.h"
#include "core/file.h"
#include "io/base64.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS       1000000
#define LINE_HEAD_BYTES 160 /* tag and three numbers */

/* Seconds with three decimals, rounded to the nearest; text has room for 32. */
static const char *seconds_text(char *text, int64_t ns)
{
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint64_t ms = (size + NS_PER_MS / 2) / NS_PER_MS;
    snprintf(text, 32, "%s%llu.%03llu", ns < 0 && ms ? "-" : "", (unsigned long long)(ms / 1000),
             (unsigned long long)(ms % 1000));
    return text;
}

static int write_header(ats_hlog_writer *w, const char *application)
{
    char seconds[32], date[64], header[512];
    struct tm tm;
    time_t whole = (time_t)(w->base_ns / 1000000000);
    gmtime_r(&whole, &tm);
    strftime(date, sizeof date, "%a %b %d %H:%M:%S UTC %Y", &tm);
    seconds_text(seconds, w->base_ns);
    int n = snprintf(header, sizeof header,
                     "#[Logged with %s]\n"
                     "#[Histogram log format version 1.3]\n"
                     "#[StartTime: %s (seconds since epoch), %s]\n"
                     "#[BaseTime: %s (seconds since epoch)]\n"
                     "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                     "\"Interval_Compressed_Histogram\"\n",
                     application, seconds, date, seconds);
    if (ats_file_write(w->fd, header, (size_t)n) != 0)
        return -1;
    w->offset = (uint64_t)n;
    return 0;
}

static void release(ats_hlog_writer *w)
{
    free(w->plain);
    free(w->compressed);
    free(w->line);
    memset(w, 0, sizeof *w);
    w->fd = -1;
}

int ats_hlog_create(ats_hlog_writer *w, const char *path, const char *application, int64_t start_ns)
{
    memset(w, 0, sizeof *w);
    w->fd = -1;
    ats_histogram_layout layout;
    if (strlen(application) > 80 || strpbrk(application, "\r\n") || start_ns < 0 ||
        !ats_histogram_layout_of(&layout, ATS_HISTOGRAM_LOWEST_NS, ATS_HISTOGRAM_HIGHEST_NS,
                                 ATS_HISTOGRAM_DIGITS))
        return ats_error(ATS_EXIT_FAILED, "latency log %s: bad application name or start", path);
    /* Whole milliseconds, as the header shows it, or every line would be off by the rest. */
    w->base_ns = start_ns / NS_PER_MS * NS_PER_MS;
    size_t compressed_bytes = ats_hlog_compressed_bound(&layout);
    w->plain = malloc(ats_hlog_plain_bound(&layout));
    w->compressed = malloc(compressed_bytes);
    w->line = malloc(LINE_HEAD_BYTES + ATS_BASE64_LENGTH(compressed_bytes) + 1);
    if (!w->plain || !w->compressed || !w->line) {
        release(w);
        return ats_error(ATS_EXIT_FAILED, "latency log %s: out of memory", path);
    }
    w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (w->fd < 0 || write_header(w, application) != 0) {
        int reason = errno;
        if (w->fd >= 0)
            close(w->fd);
        release(w);
        return ats_error_errno(ATS_EXIT_FAILED, reason, "latency log %s: cannot create", path);
    }
    return 0;
}

static bool tag_is_sound(const char *tag)
{
    if (strlen(tag) >= ATS_HLOG_TAG)
        return false;
    for (; *tag; tag++)
        if (!isalnum((unsigned char)*tag) && !strchr("_-.", *tag))
            return false;
    return true;
}

int ats_hlog_append(ats_hlog_writer *w, const char *tag, int64_t start_ns, int64_t end_ns,
                    const ats_histogram *h)
{
    char start[32], length[32];
    size_t packed;
    if (tag && !tag_is_sound(tag))
        return ats_error(ATS_EXIT_FAILED, "latency log: '%.60s' cannot be a tag", tag);
    if (h->layout.cells != ATS_HISTOGRAM_CELLS || h->layout.digits != ATS_HISTOGRAM_DIGITS)
        return ats_error(ATS_EXIT_FAILED, "latency log: a histogram of another layout");
    size_t plain = ats_hlog_encode(h, w->plain);
    if (ats_hlog_compress(w->plain, plain, w->compressed, ats_hlog_compressed_bound(&h->layout),
                          &packed) != 0)
        return -1;
    bool tagged = tag && *tag;
    /* A wall clock that was set back must not give a negative length. */
    int n =
        snprintf(w->line, LINE_HEAD_BYTES, "%s%s%s%s,%s,%.3f,", tagged ? "Tag=" : "",
                 tagged ? tag : "", tagged ? "," : "", seconds_text(start, start_ns - w->base_ns),
                 seconds_text(length, end_ns > start_ns ? end_ns - start_ns : 0),
                 (double)ats_histogram_max(h) / NS_PER_MS);
    size_t bytes = (size_t)n + ats_base64_encode(w->compressed, packed, w->line + n);
    w->line[bytes++] = '\n';
    if (ats_file_write_at(w->fd, w->line, bytes, w->offset) != 0) {
        int reason = errno;
        /* What follows is written over the rest in any case; readers take an unended line as the
         * end. */
        if (ftruncate(w->fd, (off_t)w->offset) != 0)
            ats_error_errno(ATS_EXIT_FAILED, errno, "latency log: cannot cut a half-written line");
        return ats_error_errno(ATS_EXIT_FAILED, reason, "latency log: cannot write");
    }
    w->offset += bytes;
    return 0;
}

int ats_hlog_close(ats_hlog_writer *w)
{
    int reason = close(w->fd) != 0 ? errno : 0;
    release(w);
    return reason ? ats_error_errno(ATS_EXIT_FAILED, reason, "latency log: cannot close") : 0;
}

/* ----------------------------------------------------------------------------- percentiles */

/* The next level, after Java's PercentileIterator. Infinite once rounding stops it short
 * of 100 or at it, where theirs would step for ever. */
static double next_level(double level, uint32_t ticks_per_half)
{
    if (level >= 100)
        return INFINITY;
    double halvings = floor(log(100.0 / (100.0 - level)) / log(2)) + 1;
    double next = level + 100.0 / (ticks_per_half * exp2(halvings));
    return next > level ? next : INFINITY;
}

static void print_row(FILE *out, int digits, double value, double level, uint64_t seen)
{
    fprintf(out, "%12.*f %2.12f %10llu %14.2f\n", digits, value, level / 100.0,
            (unsigned long long)seen, 1 / (1 - level / 100.0));
}

static void print_rows(FILE *out, const ats_histogram *h, uint32_t ticks_per_half, double scale,
                       uint64_t total)
{
    int digits = (int)h->layout.digits;
    uint64_t seen = 0;
    double level = 0, value = 0;
    for (uint32_t i = 0; i < h->layout.cells && seen < total; i++) {
        uint64_t n = ats_load_relaxed(&h->count[i]);
        if (n == 0)
            continue;
        seen += n;
        value = (double)ats_histogram_cell_highest(&h->layout, i) / scale;
        while (100.0 * (double)seen / (double)total >= level) {
            print_row(out, digits, value, level, seen);
            level = next_level(level, ticks_per_half);
            if (seen >= total)
                break;
        }
    }
    if (total)
        fprintf(out, "%12.*f %2.12f %10llu\n", digits, value, 1.0, (unsigned long long)seen);
}

int ats_hgrm_print(FILE *out, const ats_histogram *h, uint32_t ticks_per_half, double scale)
{
    int digits = (int)h->layout.digits;
    uint64_t total = ats_histogram_total(h);
    fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    print_rows(out, h, ticks_per_half ? ticks_per_half : 1, scale, total);
    fprintf(out, "#[Mean    = %12.*f, StdDeviation   = %12.*f]\n", digits,
            ats_histogram_mean(h) / scale, digits, ats_histogram_stddev(h) / scale);
    fprintf(out, "#[Max     = %12.*f, Total count    = %12llu]\n", digits,
            (double)ats_histogram_max(h) / scale, (unsigned long long)total);
    fprintf(out, "#[Buckets = %12u, SubBuckets     = %12u]\n", h->layout.buckets,
            2u << h->layout.half_magnitude);
    if (fflush(out) != 0 || ferror(out))
        return ats_error(ATS_EXIT_FAILED, "percentile text: cannot write");
    return 0;
}

int ats_hgrm_write(const char *path, const ats_histogram *h, uint32_t ticks_per_half, double scale)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot create", path);
    int result = ats_hgrm_print(out, h, ticks_per_half, scale);
    if (fclose(out) != 0 && result == 0)
        result = ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot write", path);
    return result == 0 ? 0 : ats_error(ATS_EXIT_FAILED, "%s: not written", path);
}
