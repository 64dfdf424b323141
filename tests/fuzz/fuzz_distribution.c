/* Any bytes as a distribution file: refused with a reason, or read, and then every value has a bin
 * and what is written reads back to the same. */
#include "core/error.h"
#include "learn/distribution.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    ats_distribution d, again;
    char path[64];
    ats_error_clear();
    if (ats_distribution_parse(&d, "fuzz", (const char *)bytes, n) != 0) {
        assert(ats_error_count() > 0 && d.feature == NULL);
        return 0;
    }
    for (uint32_t i = 0; i < d.feature_count; i++)
        for (uint32_t k = 0; k < d.feature[i].grid_count; k++)
            assert(ats_distribution_bin(&d.feature[i], d.feature[i].grid[k]) <=
                   d.feature[i].edge_count);
    snprintf(path, sizeof path, "/dev/shm/fuzz-distribution-%d.json", (int)getpid());
    if (ats_distribution_write(&d, path) == 0) {
        assert(ats_distribution_read(&again, path) == 0);
        assert(again.rows == d.rows && again.feature_count == d.feature_count);
        ats_distribution_free(&again);
    }
    unlink(path);
    ats_distribution_free(&d);
    return 0;
}
