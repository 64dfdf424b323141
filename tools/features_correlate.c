/* ats features correlate: which features say the same. */
#include "learn/correlation.h"
#include "tools/features.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *pairs_json(const ats_correlation *c, const ats_dataset *d, double threshold)
{
    json_t *pairs = json_array();
    for (uint32_t i = 0; i < c->features; i++)
        for (uint32_t k = i + 1; k < c->features; k++) {
            uint64_t at = (uint64_t)i * c->features + k;
            if (!(fabs(c->spearman[at]) > threshold) && !(fabs(c->pearson[at]) > threshold))
                continue;
            json_array_append_new(
                pairs,
                json_pack("{s:s, s:s, s:o, s:o, s:I}", "a", ats_dataset_name(d, i), "b",
                          ats_dataset_name(d, k), "spearman", number(c->spearman[at]), "pearson",
                          number(c->pearson[at]), "rows", (json_int_t)c->complete[at]));
        }
    return pairs;
}

static json_t *groups_json(const ats_correlation *c, const ats_dataset *d, const uint32_t *group)
{
    json_t *groups = json_array();
    for (uint32_t i = 0; i < c->features; i++) {
        json_t *members = json_array();
        for (uint32_t k = i; k < c->features; k++)
            if (group[k] == i)
                json_array_append_new(members, json_string(ats_dataset_name(d, k)));
        if (json_array_size(members) > 1)
            json_array_append_new(groups, members);
        else
            json_decref(members);
    }
    return groups;
}

static json_t *matrix_json(const ats_correlation *c, const double *of)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < c->features; i++) {
        json_t *row = json_array();
        for (uint32_t k = 0; k < c->features; k++)
            json_array_append_new(row, number(of[(uint64_t)i * c->features + k]));
        json_array_append_new(rows, row);
    }
    return rows;
}

static void print_groups(const ats_correlation *c, const ats_dataset *d, const uint32_t *group,
                         double threshold)
{
    printf("groups with |Spearman| above %.2f, each a chain of pairs:\n", threshold);
    uint32_t shown = 0;
    for (uint32_t i = 0; i < c->features; i++) {
        uint32_t members = 0;
        for (uint32_t k = i; k < c->features; k++)
            members += group[k] == i;
        if (members < 2)
            continue;
        printf("%3u ", ++shown);
        for (uint32_t k = i; k < c->features; k++)
            if (group[k] == i)
                printf(" %s", ats_dataset_name(d, k));
        putchar('\n');
    }
    if (shown == 0)
        printf("  none\n");
}

static void print_nearest(const ats_correlation *c, const ats_dataset *d)
{
    printf("\n%-28s %-28s %9s %9s %9s\n", "feature", "nearest", "Spearman", "Pearson", "rows");
    for (uint32_t i = 0; i < c->features; i++) {
        uint32_t best = i;
        double most = -1;
        for (uint32_t k = 0; k < c->features; k++) {
            double rho = fabs(c->spearman[(uint64_t)i * c->features + k]);
            if (k != i && rho > most) {
                most = rho;
                best = k;
            }
        }
        uint64_t at = (uint64_t)i * c->features + best;
        if (best != i)
            printf("%-28s %-28s %9.4f %9.4f %9llu\n", ats_dataset_name(d, i),
                   ats_dataset_name(d, best), c->spearman[at], c->pearson[at],
                   (unsigned long long)c->complete[at]);
    }
}

static int show(const ats_cli *cli, const ats_correlation *c, const ats_dataset *d,
                double threshold)
{
    uint32_t *group = malloc(c->features * sizeof *group);
    int status = 0;
    if (!group)
        return ats_error(ATS_EXIT_FAILED, "correlate: out of memory");
    ats_correlation_groups(c, c->spearman, threshold, group);
    if (cli->common.json) {
        json_t *names = json_array();
        for (uint32_t i = 0; i < c->features; i++)
            json_array_append_new(names, json_string(ats_dataset_name(d, i)));
        status = ats_cli_print_json(
            json_pack("{s:i, s:I, s:f, s:o, s:o, s:o, s:o, s:o}", "schema", 1, "rows",
                      (json_int_t)d->rows, "threshold", threshold, "features", names, "groups",
                      groups_json(c, d, group), "pairs", pairs_json(c, d, threshold), "spearman",
                      matrix_json(c, c->spearman), "pearson", matrix_json(c, c->pearson)));
    } else {
        printf("%llu rows\n", (unsigned long long)d->rows);
        print_groups(c, d, group, threshold);
        print_nearest(c, d);
    }
    free(group);
    return status;
}

int ats_features_correlate(const ats_cli *cli, const ats_features_options *options)
{
    ats_dataset dataset;
    ats_correlation c;
    if (ats_features_collect(&dataset, cli, options, 0) != 0)
        return -1;
    int status = ats_correlation_make(&c, dataset.x, dataset.rows, dataset.features);
    if (status == 0) {
        status = show(cli, &c, &dataset, (double)options->threshold_e9 / 1e9);
        ats_correlation_free(&c);
    }
    ats_dataset_free(&dataset);
    return status;
}
