/* file.h: whole writes and reads on descriptors, for cold code. */
#ifndef ATS_CORE_FILE_H
#define ATS_CORE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes all n bytes, going on after short writes and EINTR. 0, or -1 with errno set; part of the
 * bytes may have been written then. A device that takes nothing counts as ENOSPC. */
int ats_file_write(int fd, const void *bytes, size_t n);

/* The same at an offset, leaving the file position alone. */
int ats_file_write_at(int fd, const void *bytes, size_t n, uint64_t offset);

/* Reads up to n bytes at an offset, fewer only at the end of the file. Bytes read, or -1 with errno
 * set. */
ssize_t ats_file_read_at(int fd, void *bytes, size_t n, uint64_t offset);

/* Copies a file; `to` is made or overwritten. 0, or -1 with an error pushed. */
int ats_file_copy(const char *from, const char *to);

/* Makes or replaces a file in one step: writes path.tmp, syncs it and renames it, so that the name
 * never points to half a file. 0, or -1 with an error pushed and no path.tmp left. */
int ats_file_replace(const char *path, const void *bytes, size_t n);

#endif
