#include "tools/output.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    const char *name;
    const char *start; /* how such a file begins */
} KINDS[] = {
    [ATS_OUTPUT_CAPTURE] = {"capture", "\x89\x41TSCAP\n"},
    [ATS_OUTPUT_MODEL] = {"model", "{\"learner\""},
    [ATS_OUTPUT_ENSEMBLE] = {"ensemble of models", "{\"ats_model\""},
    [ATS_OUTPUT_VECTORS] = {"list of vectors", "recv_ns,symbol"},
    [ATS_OUTPUT_HISTORY] = {"history of importance", "{\"schema\":1"},
    [ATS_OUTPUT_COVARIANCE] = {"list of covariances", "symbol_a,symbo"},
};

static int starts_as(const char *path, const char *start)
{
    char found[16] = "";
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t n = fread(found, 1, strlen(start), f);
    fclose(f);
    return n == strlen(start) && memcmp(found, start, n) == 0;
}

int ats_output_check(const char *path, ats_output_kind kind, const char *const *inputs,
                     uint32_t input_count)
{
    struct stat out, in;
    if (stat(path, &out) != 0)
        return 0;
    for (uint32_t i = 0; i < input_count; i++)
        if (stat(inputs[i], &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            return ats_error(ATS_EXIT_USAGE, "%s is also an input; give another output", path);
    if (!S_ISREG(out.st_mode) || (out.st_size != 0 && !starts_as(path, KINDS[kind].start)))
        return ats_error(ATS_EXIT_USAGE, "%s is there and is no %s; give another output", path,
                         KINDS[kind].name);
    return 0;
}
