#include "bench/bench.h"

#include "core/affinity.h"
#include "core/error.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- statistics ----------------------------------------------------------------------------- */

uint64_t ats_bench_samples_for(double q)
{
    return (uint64_t)ceil(10.0 / (1.0 - q) - 1e-6);
}

/* Student's t, two-sided 95 %, by degrees of freedom; beyond 30 the value of 30 (the interval is
 * then at most 4 % too wide). */
static double t95(uint32_t freedom)
{
    static const double table[31] = {0,     12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
                                     2.306, 2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
                                     2.120, 2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069,
                                     2.064, 2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
    return table[freedom > 30 ? 30 : freedom];
}

void ats_bench_paired(const double *a, const double *b, uint32_t count, double *ratio, double *low,
                      double *high)
{
    double mean = 0, square = 0;
    assert(count >= 2);
    for (uint32_t i = 0; i < count; i++) {
        assert(a[i] > 0 && b[i] > 0);
        mean += log(a[i] / b[i]) / count;
    }
    for (uint32_t i = 0; i < count; i++) {
        double d = log(a[i] / b[i]) - mean;
        square += d * d;
    }
    double half = t95(count - 1) * sqrt(square / (count - 1) / count);
    *ratio = exp(mean);
    *low = exp(mean - half);
    *high = exp(mean + half);
}

static double quantile(const ats_histogram *h, uint64_t n, double q, double scale)
{
    if (!h || n < ats_bench_samples_for(q))
        return NAN;
    return (double)ats_histogram_value_at(h, q * 100) / scale;
}

ats_bench_row *ats_bench_add_row(ats_bench_result *result, const char *name, const char *contender,
                                 const ats_histogram *samples, double scale, double per_second)
{
    assert(result->row_count < ATS_BENCH_ROWS_MAX);
    ats_bench_row *row = &result->rows[result->row_count++];
    uint64_t n = samples ? ats_histogram_total(samples) : 0;
    *row = (ats_bench_row){.n = n,
                           .p50_ns = quantile(samples, n, 0.5, scale),
                           .p90_ns = quantile(samples, n, 0.9, scale),
                           .p99_ns = quantile(samples, n, 0.99, scale),
                           .p999_ns = quantile(samples, n, 0.999, scale),
                           .max_ns = n ? (double)ats_histogram_max(samples) / scale : NAN,
                           .per_second = per_second};
    snprintf(row->name, sizeof row->name, "%s", name);
    snprintf(row->contender, sizeof row->contender, "%s", contender);
    return row;
}

ats_bench_ratio *ats_bench_add_ratio(ats_bench_result *result, const char *name, const char *ours,
                                     const double *ours_ns, const char *theirs,
                                     const double *theirs_ns, uint32_t rounds, double least)
{
    assert(result->ratio_count < ATS_BENCH_ROWS_MAX);
    ats_bench_ratio *r = &result->ratios[result->ratio_count++];
    *r = (ats_bench_ratio){.rounds = rounds, .least = least};
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->ours, sizeof r->ours, "%s", ours);
    snprintf(r->theirs, sizeof r->theirs, "%s", theirs);
    ats_bench_paired(theirs_ns, ours_ns, rounds, &r->ratio, &r->low, &r->high);
    return r;
}

void ats_bench_say(ats_bench_result *result, const char *format, ...)
{
    size_t n = strlen(result->note);
    if (n && n + 2 < sizeof result->note)
        n += (size_t)snprintf(result->note + n, sizeof result->note - n, " ");
    va_list args;
    va_start(args, format);
    vsnprintf(result->note + n, sizeof result->note - n, format, args);
    va_end(args);
}

/* ---- the noise floor ------------------------------------------------------------------------ */

typedef struct floor_run {
    const ats_clock *clock;
    int cpu;
    ats_histogram *gaps;
} floor_run;

static void *floor_main(void *argument)
{
    floor_run *f = argument;
    if (ats_thread_pin(f->cpu) != 0)
        return NULL;
    uint64_t last = ats_clock_now(f->clock), end = last + ATS_BENCH_FLOOR_MS * 1000000ull;
    while (last < end) {
        uint64_t now = ats_clock_now(f->clock);
        ats_histogram_record(f->gaps, now - last);
        last = now;
    }
    return NULL;
}

/* Both CPUs at once, as a benchmark uses them. */
static int measure_floor(ats_bench_result *r)
{
    ats_histogram *gaps[2] = {NULL, NULL};
    floor_run runs[2];
    pthread_t threads[2];
    int started = 0, failed = 0;
    size_t bytes = (ats_histogram_footprint() + 63) & ~(size_t)63;
    for (uint32_t i = 0; i < r->cpu_count; i++) {
        void *memory = aligned_alloc(64, bytes);
        if (!memory)
            failed = ats_error(ATS_EXIT_FAILED, "noise floor: out of memory");
        else
            gaps[i] = ats_histogram_new(memory);
    }
    for (uint32_t i = 0; i < r->cpu_count && !failed; i++) {
        runs[i] = (floor_run){&r->clock, r->cpus[i], gaps[i]};
        int e = pthread_create(&threads[i], NULL, floor_main, &runs[i]);
        if (e)
            failed = ats_error_errno(ATS_EXIT_FAILED, e, "noise floor: thread");
        else
            started++;
    }
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (!failed && r->cpu_count == 2)
        ats_histogram_add(gaps[0], gaps[1]);
    if (!failed)
        r->floor = (ats_bench_floor){
            ats_histogram_total(gaps[0]), (double)ats_histogram_value_at(gaps[0], 50),
            (double)ats_histogram_value_at(gaps[0], 99.9), (double)ats_histogram_max(gaps[0])};
    free(gaps[0]);
    free(gaps[1]);
    return failed;
}

/* ---- running -------------------------------------------------------------------------------- */

const ats_bench_module *ats_bench_find(const char *name)
{
    for (const ats_bench_module *const *m = ats_bench_modules; *m; m++)
        if (strcmp((*m)->name, name) == 0)
            return *m;
    return NULL;
}

int ats_bench_run(const ats_bench_module *module, ats_bench_result *result,
                  const ats_bench_options *options)
{
    int cpus[1024];
    memset(result, 0, sizeof *result);
    result->name = module->name;
    ats_clock_calibrate(&result->clock);
    ats_host_read(&result->host, &result->clock);
    result->build = ats_build_info();
    int count = ats_cpus_allowed(cpus, 1024);
    if (count < 1)
        return ats_error(ATS_EXIT_FAILED, "bench: this process may use no CPU");
    result->cpu_count = count > 1 ? 2 : 1;
    result->cpus[0] = cpus[count - (int)result->cpu_count];
    result->cpus[1] = cpus[count - 1];
    if (count == 1)
        ats_bench_say(result, "One CPU only: threads take turns, and figures across threads are "
                              "those of the scheduler.");
    if (measure_floor(result) != 0)
        return -1;
    return module->run(result, options);
}
