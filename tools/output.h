/* output.h: a command that makes a file does not make it of something else the user has. */
#ifndef ATS_TOOLS_OUTPUT_H
#define ATS_TOOLS_OUTPUT_H

#include <stdint.h>

typedef enum ats_output_kind {
    ATS_OUTPUT_CAPTURE,
    ATS_OUTPUT_MODEL,
    ATS_OUTPUT_ENSEMBLE,
    ATS_OUTPUT_VECTORS,
    ATS_OUTPUT_HISTORY,
    ATS_OUTPUT_COVARIANCE
} ats_output_kind;

/* May `path` be written? Yes when it does not exist, is empty, or is a file of the same kind; not
 * when it is one of the inputs. 0, or -1 with an error (ATS_EXIT_USAGE) pushed. */
int ats_output_check(const char *path, ats_output_kind kind, const char *const *inputs,
                     uint32_t input_count);

#endif
