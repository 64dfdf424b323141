/* error.h: the error stack of cold code.
 *
 * A cold function that fails pushes what failed and returns -1; each caller that knows more pushes
 * one line on top. The program prints the stack once and exits. The stack is per thread, holds
 * ATS_ERROR_DEPTH lines (further pushes replace the last), allocates nothing, and is never used by
 * hot code, which counts by reason instead.
 */
#ifndef ATS_CORE_ERROR_H
#define ATS_CORE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#define ATS_ERROR_DEPTH                                                                            \
    64 /* a call chain is about 5 deep; the faults of a configuration lie beside */
#define ATS_ERROR_BYTES 512 /* a path, a key and a reason */

/* Exit codes of the program: the contract of the command line. */
typedef enum ats_exit {
    ATS_EXIT_OK = 0,
    ATS_EXIT_FAILED = 1,
    ATS_EXIT_USAGE = 2,
    ATS_EXIT_CONFIG = 3,
    ATS_EXIT_DATA = 4,
    ATS_EXIT_UNREACHABLE = 5,
    ATS_EXIT_REFUSED = 6,
    ATS_EXIT_INTERRUPTED = 130
} ats_exit;

/* Pushes a line on this thread's stack and records `code` as the exit code unless one of an
 * earlier push since the last clear stands. Returns -1, so that `return ats_error(...)` reads. */
int ats_error(ats_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, with ": " and the text of the given errno appended. */
int ats_error_errno(ats_exit code, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for one of several faults that were found side by side: printed on a line of its own, in
 * the order of the pushes. */
int ats_error_beside(ats_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Exit code of the first push since the last clear; ATS_EXIT_OK when the stack is empty. */
ats_exit ats_error_code(void);

/* Lines on the stack, and line i of it: 0 is the outermost (pushed last). */
size_t ats_error_count(void);
const char *ats_error_line(size_t i);

/* Was line i pushed by ats_error_beside? */
bool ats_error_is_beside(size_t i);

void ats_error_clear(void);

#endif
