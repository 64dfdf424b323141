#include "bench/bench.h"

#include <math.h>
#include <string.h>

/* ---- for people ----------------------------------------------------------------------------- */

/* A time in four digits or "-". */
static const char *time_text(double ns, char out[24])
{
    if (isnan(ns))
        snprintf(out, 24, "-");
    else if (ns < 1000)
        snprintf(out, 24, "%.1f ns", ns);
    else if (ns < 1e6)
        snprintf(out, 24, "%.2f us", ns / 1e3);
    else
        snprintf(out, 24, "%.2f ms", ns / 1e6);
    return out;
}

static void rate_text(double per_second, char out[24])
{
    if (per_second >= 1e6)
        snprintf(out, 24, "%.2f M/s", per_second / 1e6);
    else if (per_second >= 1e3)
        snprintf(out, 24, "%.1f k/s", per_second / 1e3);
    else
        snprintf(out, 24, "%.1f /s", per_second);
}

static void print_row(const ats_bench_row *r, FILE *out)
{
    char p50[24], p90[24], p99[24], p999[24], most[24], rate[24];
    rate_text(r->per_second, rate);
    fprintf(out, "%-30s %-12s %9llu %10s %10s %10s %10s %10s %11s", r->name, r->contender,
            (unsigned long long)r->n, time_text(r->p50_ns, p50), time_text(r->p90_ns, p90),
            time_text(r->p99_ns, p99), time_text(r->p999_ns, p999), time_text(r->max_ns, most),
            rate);
    fprintf(out, "%s%s\n", r->note[0] ? "  " : "", r->note);
}

static void print_ratio(const ats_bench_ratio *r, FILE *out)
{
    fprintf(out, "%-30s %s against %s: %.3f (%.3f to %.3f, %u rounds)", r->name, r->ours, r->theirs,
            r->ratio, r->low, r->high, r->rounds);
    if (!isnan(r->least))
        fprintf(out, "; goal %.2f: %s", r->least, r->low >= r->least ? "met" : "missed");
    fprintf(out, "%s%s\n", r->note[0] ? "; " : "", r->note);
}

void ats_bench_print(const ats_bench_result *r, FILE *out)
{
    char p50[24], p999[24], most[24];
    fprintf(out, "%s on %s, %u CPUs, %s%s; %s, %s\n", r->name, r->host.cpu, r->host.cores,
            r->host.kernel, r->host.virtual_machine ? ", virtual machine" : "", r->build.compiler,
            r->build.isa);
    fprintf(out, "CPU %d", r->cpus[0]);
    if (r->cpu_count == 2)
        fprintf(out, " and %d", r->cpus[1]);
    fprintf(out, "; gaps of an empty loop there: p50 %s, p99.9 %s, longest %s\n\n",
            time_text(r->floor.p50_ns, p50), time_text(r->floor.p999_ns, p999),
            time_text(r->floor.max_ns, most));
    fprintf(out, "%-30s %-12s %9s %10s %10s %10s %10s %10s %11s\n", "case", "contender", "n", "p50",
            "p90", "p99", "p99.9", "max", "rate");
    for (uint32_t i = 0; i < r->row_count; i++)
        print_row(&r->rows[i], out);
    if (r->ratio_count)
        fprintf(out, "\ntime of the other / time of ours, round by round, 95 %% interval (t on "
                     "log-ratios)\n");
    for (uint32_t i = 0; i < r->ratio_count; i++)
        print_ratio(&r->ratios[i], out);
    if (r->note[0])
        fprintf(out, "\n%s\n", r->note);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

/* null for what was not measured. */
static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* Firmware may have written anything: bytes that are no ASCII text become '?'. */
static json_t *text(const char *bytes)
{
    char clean[1024];
    size_t n = 0;
    for (; *bytes && n + 1 < sizeof clean; bytes++)
        clean[n++] = (unsigned char)*bytes < 0x20 || (unsigned char)*bytes > 0x7e ? '?' : *bytes;
    clean[n] = 0;
    return json_string(clean);
}

static json_t *host_json(const ats_host *h)
{
    return json_pack("{s:o, s:i, s:i, s:o, s:o, s:o, s:I, s:I, s:b}", "cpu", text(h->cpu), "cores",
                     (int)h->cores, "cores_allowed", (int)h->cores_allowed, "kernel",
                     text(h->kernel), "governor", text(h->governor), "isolated_cpus",
                     text(h->isolated_cpus), "tsc_hz", (json_int_t)h->tsc_hz, "memory_bytes",
                     (json_int_t)h->memory_bytes, "virtual_machine", h->virtual_machine);
}

static json_t *build_json(const ats_build *b)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "version", text(b->version), "commit",
                     text(b->commit), "compiler", text(b->compiler), "isa", text(b->isa), "flags",
                     text(b->flags), "cuda", b->cuda);
}

static json_t *rows_json(const ats_bench_result *r)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < r->row_count; i++) {
        const ats_bench_row *row = &r->rows[i];
        json_array_append_new(
            rows, json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "case",
                            text(row->name), "contender", text(row->contender), "n",
                            (json_int_t)row->n, "p50_ns", number(row->p50_ns), "p90_ns",
                            number(row->p90_ns), "p99_ns", number(row->p99_ns), "p999_ns",
                            number(row->p999_ns), "max_ns", number(row->max_ns), "per_second",
                            number(row->per_second), "note", text(row->note)));
    }
    return rows;
}

static json_t *ratios_json(const ats_bench_result *r)
{
    json_t *ratios = json_array();
    for (uint32_t i = 0; i < r->ratio_count; i++) {
        const ats_bench_ratio *x = &r->ratios[i];
        json_array_append_new(
            ratios, json_pack("{s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:s, s:o}", "case",
                              text(x->name), "ours", text(x->ours), "theirs", text(x->theirs),
                              "rounds", (int)x->rounds, "ratio", number(x->ratio), "low",
                              number(x->low), "high", number(x->high), "goal", number(x->least),
                              "interval", "95 %, t on log-ratios", "note", text(x->note)));
    }
    return ratios;
}

json_t *ats_bench_json(const ats_bench_result *r)
{
    json_t *cpus = json_array();
    for (uint32_t i = 0; i < r->cpu_count; i++)
        json_array_append_new(cpus, json_integer(r->cpus[i]));
    return json_pack("{s:i, s:s, s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:o, s:o, s:o}", "schema", 1,
                     "bench", r->name, "host", host_json(&r->host), "build", build_json(&r->build),
                     "noise_floor", "p50_ns", number(r->floor.p50_ns), "p999_ns",
                     number(r->floor.p999_ns), "max_ns", number(r->floor.max_ns), "rows",
                     rows_json(r), "ratios", ratios_json(r), "cpus", cpus, "note", text(r->note));
}
