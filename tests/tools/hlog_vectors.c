/* hlog_vectors: writes what the Python tests decode with a library that this project did not write.
 *
 *     hlog_vectors DIRECTORY SEED VALUES
 *
 * Writes DIRECTORY/values.txt (one "tag value" a line), DIRECTORY/latency.hlog (an interval a tag)
 * and DIRECTORY/latency-TAG.hgrm. Values have uniform magnitudes from 0 to 1 h, some beyond. */
#include "core/error.h"
#include "io/hlog.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const TAGS[] = {"feed", "event_to_order", "empty", "one"};

static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 11;
}

static int write_tag(const char *directory, int tag, uint64_t *state, uint64_t values, FILE *list,
                     ats_hlog_writer *log)
{
    char path[4096];
    ats_histogram *h = ats_histogram_new(aligned_alloc(64, ats_histogram_footprint()));
    uint64_t n = tag == 2 ? 0 : tag == 3 ? 1 : values;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t value = random_next(state) & ((1ull << random_next(state) % 43) - 1);
        ats_histogram_record(h, value);
        fprintf(list, "%s %llu\n", TAGS[tag], (unsigned long long)value);
    }
    const int64_t start_ns = 1700000000123000000 + tag * 1000000000ll;
    snprintf(path, sizeof path, "%s/latency-%s.hgrm", directory, TAGS[tag]);
    int result = ats_hlog_append(log, TAGS[tag], start_ns, start_ns + 1500000000, h);
    if (result == 0)
        result = ats_hgrm_write(path, h, 5, 1);
    free(h);
    return result;
}

static int write_all(const char *directory, uint64_t seed, uint64_t values)
{
    char path[4096];
    ats_hlog_writer log;
    snprintf(path, sizeof path, "%s/latency.hlog", directory);
    if (ats_hlog_create(&log, path, "hlog_vectors", 1700000000123456789) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/values.txt", directory);
    FILE *list = fopen(path, "w");
    int result = list ? 0 : ats_error(ATS_EXIT_FAILED, "%s: cannot create", path);
    uint64_t state = seed;
    for (int tag = 0; tag < 4 && result == 0; tag++)
        result = write_tag(directory, tag, &state, values, list, &log);
    if (list && fclose(list) != 0)
        result = ats_error(ATS_EXIT_FAILED, "%s: cannot write", path);
    return ats_hlog_close(&log) == 0 ? result : -1;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: hlog_vectors DIRECTORY SEED VALUES\n");
        return ATS_EXIT_USAGE;
    }
    if (write_all(argv[1], strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10)) != 0)
        for (size_t i = 0; i < ats_error_count(); i++)
            fprintf(stderr, "%s\n", ats_error_line(i));
    return (int)ats_error_code();
}
