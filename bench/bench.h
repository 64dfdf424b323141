/* bench.h: what all benchmarks share: rows with quantiles, paired ratios, the noise floor, output.
 *
 * A benchmark interleaves its contenders: every round measures each of them once, so that what the
 * machine does meanwhile meets all. A row holds one contender in one case, all rounds together. A
 * quantile q of fewer than 10/(1-q) samples is left empty. A ratio compares two contenders round by
 * round; its interval is Student's t on the logarithms of the rounds' ratios.
 *
 * A module is one const ats_bench_module and one line in the table of bench/modules.c. Cold, but
 * for the loops of the modules themselves.
 */
#ifndef ATS_BENCH_BENCH_H
#define ATS_BENCH_BENCH_H

#include "core/clock.h"
#include "core/histogram.h"
#include "core/host.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define ATS_BENCH_NAME_BYTES 64u
#define ATS_BENCH_NOTE_BYTES 160u
#define ATS_BENCH_ROWS_MAX   128u
#define ATS_BENCH_ROUNDS_MAX 101u
#define ATS_BENCH_ROUNDS_MIN 9u
#define ATS_BENCH_FLOOR_MS                                                                         \
    250u /* of every CPU that is measured on: sees a 100 Hz tick 25 times                          \
          */

typedef struct ats_bench_row {
    char name[ATS_BENCH_NAME_BYTES]; /* the case: "throughput/128B" */
    char contender[ATS_BENCH_NAME_BYTES];
    uint64_t n;                                     /* samples behind the quantiles */
    double p50_ns, p90_ns, p99_ns, p999_ns, max_ns; /* NaN: too few samples */
    double per_second;
    char note[ATS_BENCH_NOTE_BYTES];
} ats_bench_row;

typedef struct ats_bench_ratio {
    char name[ATS_BENCH_NAME_BYTES];
    char ours[ATS_BENCH_NAME_BYTES], theirs[ATS_BENCH_NAME_BYTES];
    uint32_t rounds;
    double ratio, low, high; /* theirs / ours in time: above 1, ours is faster; 95 % interval */
    double least;            /* the goal for `low`; NaN: none */
    char note[ATS_BENCH_NOTE_BYTES];
} ats_bench_ratio;

typedef struct ats_bench_floor {
    uint64_t n;
    double p50_ns, p999_ns, max_ns;
} ats_bench_floor;

/* What a module fills in. */
typedef struct ats_bench_result {
    const char *name;
    ats_host host;
    ats_build build;
    ats_clock clock;
    int cpus[2];        /* to pin to; equal when there is one only */
    uint32_t cpu_count; /* 1 or 2 */
    ats_bench_floor floor;
    uint32_t row_count, ratio_count;
    ats_bench_row rows[ATS_BENCH_ROWS_MAX];
    ats_bench_ratio ratios[ATS_BENCH_ROWS_MAX];
    char note[1024]; /* what a reader must know: peers left out, one CPU only */
} ats_bench_result;

typedef struct ats_bench_options {
    uint32_t rounds;   /* ATS_BENCH_ROUNDS_MIN..ATS_BENCH_ROUNDS_MAX; modules may take their own */
    double rate;       /* pipeline: events a second, open loop */
    double duration_s; /* pipeline: of each open-loop row */
    uint32_t trees, depth;    /* pipeline: of the forest that scores */
    const char *peers;        /* infer: folder of models and of them as compiled code */
    const char *write_models; /* infer: train, write the models there, and end; NULL: measure */
    /* Told after each step; 1 to stop. May be NULL. */
    int (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
} ats_bench_options;

typedef struct ats_bench_module {
    const char *name, *purpose;
    /* 0, or -1 with errors pushed. */
    int (*run)(ats_bench_result *result, const ats_bench_options *options);
} ats_bench_module;

/* The table, ended by NULL, and a module by name (NULL: none). */
extern const ats_bench_module *const ats_bench_modules[];
const ats_bench_module *ats_bench_find(const char *name);

/* Runs a module: reads host and build, calibrates, chooses CPUs (the last two that this process may
 * use: CPU 0 serves most interrupts), measures the noise floor, then calls it. */
int ats_bench_run(const ats_bench_module *module, ats_bench_result *result,
                  const ats_bench_options *options);

/* Adds a row; its quantiles come from samples (NULL: all empty). scale is what a sample must be
 * divided by to give ns of one operation. Returns the row, whose note the caller may fill in. */
ats_bench_row *ats_bench_add_row(ats_bench_result *result, const char *name, const char *contender,
                                 const ats_histogram *samples, double scale, double per_second);

/* Adds the ratio of two contenders from their times of the same rounds. */
ats_bench_ratio *ats_bench_add_ratio(ats_bench_result *result, const char *name, const char *ours,
                                     const double *ours_ns, const char *theirs,
                                     const double *theirs_ns, uint32_t rounds, double least);

/* Geometric mean of a[i] / b[i] and its 95 % interval (Student's t on the logarithms; count >= 2,
 * all positive). */
void ats_bench_paired(const double *a, const double *b, uint32_t count, double *ratio, double *low,
                      double *high);

/* Fewest samples for quantile q: 10 / (1 - q). */
uint64_t ats_bench_samples_for(double q);

/* Appends a sentence to the result's note. */
void ats_bench_say(ats_bench_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A table for people, and the document of cli.md (new reference; NULL when it cannot be built). */
void ats_bench_print(const ats_bench_result *result, FILE *out);
json_t *ats_bench_json(const ats_bench_result *result);

#endif
