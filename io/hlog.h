/* hlog.h: HdrHistogram's V2 encoding, `.hlog` interval logs and `.hgrm` percentile text.
 *
 * The formats are those of the Java library (HistogramLogWriter 1.3, outputPercentileDistribution),
 * so that the plotters and processors of that family read our files. Times are UTC nanoseconds
 * here and seconds in the log; values are nanoseconds, and the log's informative maximum is in
 * milliseconds, as theirs is. Decoders take hostile bytes: any input gives a histogram or an error,
 * in bounded memory. Cold code.
 */
#ifndef ATS_IO_HLOG_H
#define ATS_IO_HLOG_H

#include "core/histogram.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* ------------------------------------------------------------------------------ V2 encoding */

/* Most bytes that a histogram of this layout encodes to: a 40-byte header and 9 bytes a cell; and
 * with the compressed wrapper around it. */
size_t ats_hlog_plain_bound(const ats_histogram_layout *layout);
size_t ats_hlog_compressed_bound(const ats_histogram_layout *layout);

/* Encodes into at least ats_hlog_plain_bound bytes: counts from cell 0 to that of the maximum as
 * ZigZag LEB128 (64b9B), a run of n > 1 zeros as -n. Returns the length. */
size_t ats_hlog_encode(const ats_histogram *h, uint8_t *bytes);

/* Wraps n encoded bytes in zlib into at most `capacity` (ats_hlog_compressed_bound) bytes. -1 with
 * an error pushed when zlib fails. */
int ats_hlog_compress(const uint8_t *plain, size_t n, uint8_t *bytes, size_t capacity,
                      size_t *length);

/* Decodes plain or compressed V2, told apart by the cookie. The histogram is allocated (free() it)
 * with the layout that the bytes name. -1 with an error pushed: another version, a layout that is
 * none or has more than ATS_HISTOGRAM_CELLS_MAX cells, a normalizing offset or a ratio other than
 * 1, counts that overflow or overrun, truncated or surplus bytes. */
int ats_hlog_decode(const uint8_t *bytes, size_t n, ats_histogram **histogram);

/* ----------------------------------------------------------------------------------- writer */

/* Characters of a tag (a hop's name), NUL included. */
#define ATS_HLOG_TAG 48

/* Writer. Owner: one thread. All its memory is taken in ats_hlog_create. */
typedef struct ats_hlog_writer {
    int fd;
    int64_t base_ns; /* UTC; line times are relative to it */
    uint8_t *plain;  /* scratch for one histogram of this program's layout */
    uint8_t *compressed;
    char *line;
    uint64_t offset; /* end of the last whole line in the file */
} ats_hlog_writer;

/* Makes (or empties) the file and writes the header: application, version, StartTime and BaseTime
 * at start_ns, legend. application has no line breaks and at most 80 characters. 0, or -1 with an
 * error pushed and nothing to close. */
int ats_hlog_create(ats_hlog_writer *w, const char *path, const char *application,
                    int64_t start_ns);

/* Appends one interval of this program's layout in one write: the values recorded from start_ns to
 * end_ns (UTC). tag: letters, digits, '_', '-', '.'; NULL or "" for none. -1 with an error pushed:
 * a bad tag, or the disk; a half-written line is cut off again. */
int ats_hlog_append(ats_hlog_writer *w, const char *tag, int64_t start_ns, int64_t end_ns,
                    const ats_histogram *h);

/* Closes and frees in any case. -1 with an error pushed when close(2) reports a failed write. */
int ats_hlog_close(ats_hlog_writer *w);

/* ----------------------------------------------------------------------------------- reader */

/* Longest line: ten times what this program's layout can need. */
#define ATS_HLOG_LINE_MAX (4u << 20)

typedef struct ats_hlog_interval {
    char tag[ATS_HLOG_TAG]; /* "" = none */
    int64_t start_ns;       /* UTC */
    int64_t length_ns;
    const ats_histogram *histogram; /* valid until the next call; any layout */
} ats_hlog_interval;

/* Reader. Owner: one thread. */
typedef struct ats_hlog_reader {
    FILE *file;
    char name[256]; /* for messages */
    char *line;
    size_t line_capacity;
    uint64_t line_number;
    ats_histogram *histogram;
    double start_s; /* of #[StartTime: */
    double base_s;  /* what a line's start is added to */
    bool have_start;
    bool have_base;
} ats_hlog_reader;

/* Opens a log. -1 with an error pushed and nothing to close. */
int ats_hlog_open(ats_hlog_reader *r, const char *path);

/* The same for a stream that the reader takes over and closes. */
int ats_hlog_open_stream(ats_hlog_reader *r, FILE *file, const char *name);

/* Next interval: 1, 0 at the end, or -1 with an error pushed that names file and line. Reads the
 * versions 1.0 to 1.3 of Java and C. Without BaseTime, a start more than 365 days before StartTime
 * is relative to it, else absolute; without either, absolute. A last line without a line break (a
 * log still being written) is the end. */
int ats_hlog_next(ats_hlog_reader *r, ats_hlog_interval *interval);

void ats_hlog_reader_close(ats_hlog_reader *r);

/* ----------------------------------------------------------------------------- percentiles */

/* Writes the percentile distribution in the Java form: values divided by scale (1 = as recorded,
 * 1e6 = milliseconds of nanoseconds), ticks_per_half steps in each half of the distance to 100 %
 * (5 is usual, at least 1). -1 with an error pushed when `out` fails. */
int ats_hgrm_print(FILE *out, const ats_histogram *h, uint32_t ticks_per_half, double scale);

/* The same into a file, made or emptied. */
int ats_hgrm_write(const char *path, const ats_histogram *h, uint32_t ticks_per_half, double scale);

#endif
