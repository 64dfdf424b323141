/* latch.h: the file in which a latch outlives its run: who set it or took it back, when and why, a
 * line each, the last one holds. Cold.
 *
 *     2026-03-02T14:35:00Z halt runs/20260302T133000Z-run: by command #0123456789abcdef
 *     2026-03-02T15:10:00Z none jane: the feed was down, checked with the broker #fedcba9876543210
 *
 * A line ends in the xxh3 of what stands before it. A last line that is torn or damaged counts as
 * FREEZE: it was meant to be something. Each line is on disk before ats_latch_append returns.
 */
#ifndef ATS_IO_LATCH_H
#define ATS_IO_LATCH_H

#include <stdbool.h>
#include <stdint.h>

#define ATS_LATCH_WHO_BYTES 96u
#define ATS_LATCH_WHY_BYTES 160u

typedef struct ats_latch_line {
    int64_t at_ns;
    uint32_t latch; /* 0 none, 1 halt, 2 freeze: ats_latch of stages/risk/gate.h */
    uint32_t reserved;
    char who[ATS_LATCH_WHO_BYTES]; /* no line end, no ':' */
    char why[ATS_LATCH_WHY_BYTES]; /* no line end, no '#' */
} ats_latch_line;

/* What holds now; a file that is not there holds none. 0, or -1 with an error pushed: it cannot be
 * read. */
int ats_latch_read(const char *path, ats_latch_line *last);

/* Is it one: empty, or its first line begins as one of ours? */
bool ats_latch_is_file(const char *path);

/* Adds a line; characters that have no place in it are written as '_'. 0, or -1 with an error
 * pushed: it is not on disk. */
int ats_latch_append(const char *path, const ats_latch_line *line);

#endif
