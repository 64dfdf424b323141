#include "core/file.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

int ats_file_write(int fd, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    while (n > 0) {
        ssize_t wrote = write(fd, at, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote == 0)
            errno = ENOSPC;
        if (wrote <= 0)
            return -1;
        at += wrote;
        n -= (size_t)wrote;
    }
    return 0;
}

int ats_file_write_at(int fd, const void *bytes, size_t n, uint64_t offset)
{
    const uint8_t *at = bytes;
    while (n > 0) {
        ssize_t wrote = pwrite(fd, at, n, (off_t)offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote == 0)
            errno = ENOSPC;
        if (wrote <= 0)
            return -1;
        at += wrote;
        offset += (uint64_t)wrote;
        n -= (size_t)wrote;
    }
    return 0;
}

ssize_t ats_file_read_at(int fd, void *bytes, size_t n, uint64_t offset)
{
    size_t have = 0;
    while (have < n) {
        ssize_t got = pread(fd, (uint8_t *)bytes + have, n - have, (off_t)(offset + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

int ats_file_replace(const char *path, const void *bytes, size_t n)
{
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >= (int)sizeof temporary)
        return ats_error(ATS_EXIT_FAILED, "%.200s...: path too long", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot be made", temporary);
    bool failed = ats_file_write(fd, bytes, n) != 0 || fsync(fd) != 0;
    int why = errno;
    if (close(fd) != 0 && !failed) {
        failed = true;
        why = errno;
    }
    if (!failed && rename(temporary, path) != 0) {
        failed = true;
        why = errno;
    }
    if (!failed)
        return 0;
    unlink(temporary);
    return ats_error_errno(ATS_EXIT_FAILED, why, "%s: cannot be written", path);
}

int ats_file_copy(const char *from, const char *to)
{
    char buffer[1 << 14];
    ssize_t n = 0;
    uint64_t at = 0;
    int status = 0;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out < 0)
        status = -1;
    while (status == 0 && (n = ats_file_read_at(in, buffer, sizeof buffer, at)) > 0) {
        status = ats_file_write(out, buffer, (size_t)n);
        at += (uint64_t)n;
    }
    int e = status != 0 || n < 0 ? errno : 0;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) != 0 && !e)
        e = errno;
    return e ? ats_error_errno(ATS_EXIT_FAILED, e, "%s: cannot be copied to %s", from, to) : 0;
}
