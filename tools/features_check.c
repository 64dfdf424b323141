/* ats features check: every value of every vector against its declared range. */
#include "tools/features.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The declared ends are exact in double; a float32 ratio may pass one by half a unit of its last
 * place. */
#define SLACK 1e-6

typedef struct column {
    uint64_t values, not_ready, infinite, out_of_range;
    double low, high; /* declared */
    float least, most;
} column;

typedef struct checking {
    column *columns;
    const ats_catalogue *catalogue;
    uint32_t count;
    uint64_t vectors;
} checking;

static void look(void *context, const ats_features *f)
{
    checking *c = context;
    c->vectors++;
    for (uint32_t i = 0; i < f->count && i < c->count; i++) {
        column *o = &c->columns[i];
        float x = f->f[i];
        if (isnan(x)) {
            o->not_ready++;
            continue;
        }
        if (isinf(x)) {
            o->infinite++;
            continue;
        }
        double slack = SLACK * fmax(1, fabs((double)x));
        o->out_of_range += (double)x < o->low - slack || (double)x > o->high + slack;
        o->least = o->values == 0 || x < o->least ? x : o->least;
        o->most = o->values == 0 || x > o->most ? x : o->most;
        o->values++;
    }
}

static json_t *bound(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *to_json(const checking *c, uint64_t bad)
{
    json_t *features = json_array();
    for (uint32_t i = 0; i < c->count; i++) {
        const column *o = &c->columns[i];
        json_array_append_new(
            features,
            json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "feature",
                      c->catalogue->feature[i].name, "values", (json_int_t)o->values, "not_ready",
                      (json_int_t)o->not_ready, "infinite", (json_int_t)o->infinite, "out_of_range",
                      (json_int_t)o->out_of_range, "low", bound(o->low), "high", bound(o->high),
                      "min", o->values ? json_real((double)o->least) : json_null(), "max",
                      o->values ? json_real((double)o->most) : json_null()));
    }
    return json_pack("{s:i, s:I, s:I, s:o}", "schema", 1, "vectors", (json_int_t)c->vectors, "bad",
                     (json_int_t)bad, "features", features);
}

static void print_text(const checking *c)
{
    printf("%-28s %12s %12s %9s %9s %14s %14s\n", "feature", "values", "not ready", "infinite",
           "outside", "min", "max");
    for (uint32_t i = 0; i < c->count; i++) {
        const column *o = &c->columns[i];
        printf("%-28s %12llu %12llu %9llu %9llu", c->catalogue->feature[i].name,
               (unsigned long long)o->values, (unsigned long long)o->not_ready,
               (unsigned long long)o->infinite, (unsigned long long)o->out_of_range);
        if (o->values)
            printf(" %14.6g %14.6g\n", (double)o->least, (double)o->most);
        else
            printf(" %14s %14s\n", "-", "-");
    }
}

static int check(const ats_cli *cli, const ats_features_options *options, checking *c)
{
    ats_market_source source;
    ats_dataset dataset;
    uint64_t bad = 0;
    if (ats_market_source_open(&source, (const char *const *)cli->argument + 1,
                               cli->argument_count - 1) != 0)
        return -1;
    ats_dataset_options how = {.clock_interval_ns = 1000000000,
                               .catalogue = options->catalogue,
                               .equity_calendar = options->calendar,
                               .visit = look,
                               .visit_context = c};
    int status = ats_dataset_collect(&dataset, &source, &how);
    ats_market_source_close(&source);
    if (status != 0)
        return -1;
    ats_dataset_free(&dataset);
    for (uint32_t i = 0; i < c->count; i++)
        bad += c->columns[i].infinite + c->columns[i].out_of_range;
    if (cli->common.json)
        status = ats_cli_print_json(to_json(c, bad));
    else
        print_text(c);
    if (status == 0 && ats_cli_flush() == 0 && bad)
        status = ats_error(ATS_EXIT_DATA, "%llu values are infinite or outside of their range",
                           (unsigned long long)bad);
    return status;
}

int ats_features_check(const ats_cli *cli, const ats_features_options *options)
{
    checking c = {.catalogue = options->catalogue, .count = options->catalogue->count};
    c.columns = calloc(c.count, sizeof *c.columns);
    if (!c.columns)
        return ats_error(ATS_EXIT_FAILED, "check: out of memory");
    for (uint32_t i = 0; i < c.count; i++) {
        c.columns[i].low = c.catalogue->feature[i].low;
        c.columns[i].high = c.catalogue->feature[i].high;
    }
    int status = check(cli, options, &c);
    free(c.columns);
    return status;
}
