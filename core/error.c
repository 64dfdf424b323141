#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct {
    char line[ATS_ERROR_DEPTH][ATS_ERROR_BYTES];
    bool beside[ATS_ERROR_DEPTH];
    size_t count;
    ats_exit code;
} stack;

static char *push(ats_exit code)
{
    if (stack.count == 0)
        stack.code = code;
    if (stack.count < ATS_ERROR_DEPTH)
        stack.count++;
    stack.beside[stack.count - 1] = false;
    return stack.line[stack.count - 1];
}

int ats_error(ats_exit code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(push(code), ATS_ERROR_BYTES, format, args);
    va_end(args);
    return -1;
}

int ats_error_beside(ats_exit code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(push(code), ATS_ERROR_BYTES, format, args);
    va_end(args);
    stack.beside[stack.count - 1] = true;
    return -1;
}

int ats_error_errno(ats_exit code, int errnum, const char *format, ...)
{
    char *line = push(code);
    char reason[128];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, ATS_ERROR_BYTES, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < ATS_ERROR_BYTES)
        snprintf(line + n, ATS_ERROR_BYTES - (size_t)n, ": %s",
                 strerror_r(errnum, reason, sizeof reason));
    return -1;
}

ats_exit ats_error_code(void)
{
    return stack.count ? stack.code : ATS_EXIT_OK;
}

size_t ats_error_count(void)
{
    return stack.count;
}

const char *ats_error_line(size_t i)
{
    return i < stack.count ? stack.line[stack.count - 1 - i] : "";
}

bool ats_error_is_beside(size_t i)
{
    return i < stack.count && stack.beside[stack.count - 1 - i];
}

void ats_error_clear(void)
{
    stack.count = 0;
}
