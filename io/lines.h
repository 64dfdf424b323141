/* lines.h: lines of a text file: plain, zstd-compressed, or all the entries of a zip archive in its
 * order (told apart by content). Cold. */
#ifndef ATS_IO_LINES_H
#define ATS_IO_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A REST book of 5000 levels a side is 0.4 MB; nothing that is one message comes near this. */
#define ATS_LINE_MAX_BYTES (4u << 20)

typedef struct ats_lines ats_lines;

/* 0 with *out set, or -1 with an error pushed. */
int ats_lines_open(ats_lines **out, const char *path);

/* NULL is allowed. */
void ats_lines_close(ats_lines *lines);

/* The next line without its "\n" or "\r\n", in memory that the caller may change until the next
 * call. 1 a line, 0 end, -1 unreadable (error pushed). A line beyond ATS_LINE_MAX_BYTES comes as an
 * empty one with *too_long set. */
int ats_lines_next(ats_lines *lines, char **text, size_t *length, bool *too_long);

/* Name of the archive's entry that the last line came from, NULL where there is no archive. Valid
 * until close; another entry has another pointer. */
const char *ats_lines_entry(const ats_lines *lines);

/* Number of the line that the last call gave, from 1, in its file or entry. */
uint64_t ats_lines_number(const ats_lines *lines);

/* Bytes of the file read so far, and its size: for progress. */
uint64_t ats_lines_read_bytes(const ats_lines *lines);
uint64_t ats_lines_file_bytes(const ats_lines *lines);

#endif
