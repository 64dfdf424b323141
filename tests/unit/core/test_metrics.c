#include "core/error.h"
#include "core/metrics.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

Test(metrics, every_number_has_a_row_of_its_own_in_its_owners_block)
{
    /* Mark each number through its row; the rows must cover the blocks without overlap. */
    ats_metrics *m = aligned_alloc(128, sizeof *m);
    memset(m, 0, sizeof *m);
    size_t numbers = 0, previous_end = 0;
    for (size_t i = 0; i < ats_metric_count(); i++) {
        const ats_metric *row = ats_metric_at(i);
        cr_assert_geq(row->offset, previous_end, "%s overlaps", row->field);
        previous_end = row->offset + row->length * sizeof(uint64_t);
        cr_assert_leq(previous_end, sizeof *m);
        for (uint32_t k = 0; k < row->length; k++) {
            cr_assert_eq(ats_metric_value(m, row, k), 0);
            ats_count((uint64_t *)((char *)m + row->offset) + k, ++numbers);
            cr_assert_eq(ats_metric_value(m, row, k), numbers);
        }
    }
    cr_assert_gt(numbers, ATS_CHECK_COUNT + 40);
    free(m);
}

Test(metrics, rows_name_the_fields_they_read)
{
    ats_metrics *m = aligned_alloc(128, sizeof *m);
    memset(m, 0, sizeof *m);
    ats_count(&m->feed.quotes, 3);
    ats_count(&m->feed.stall_ns, 1500000000);
    ats_count(&m->risk.verdicts[ATS_CHECK_COLLAR], 2);
    ats_store_relaxed(&m->route.orders_open, 9);
    ats_count(&m->route.journal_bytes, 77);
    int found = 0;
    for (size_t i = 0; i < ats_metric_count(); i++) {
        const ats_metric *row = ats_metric_at(i);
        if (!strcmp(row->prometheus, "ats_feed_quotes_total"))
            found += ats_metric_value(m, row, 0) == 3 && !strcmp(row->field, "quotes");
        if (!strcmp(row->prometheus, "ats_feed_stall_seconds_total"))
            found += (double)ats_metric_value(m, row, 0) * ats_metric_scale(row) == 1.5 &&
                     !strcmp(row->field, "stall_ns");
        if (!strcmp(row->prometheus, "ats_risk_verdicts_total"))
            found += ats_metric_value(m, row, ATS_CHECK_COLLAR) == 2 &&
                     row->length == ATS_CHECK_COUNT && !strcmp(row->label, "check") &&
                     !strcmp(row->label_of(ATS_CHECK_COLLAR), "collar");
        if (!strcmp(row->prometheus, "ats_route_orders_open"))
            found += ats_metric_value(m, row, 0) == 9 && row->kind == ATS_METRIC_GAUGE;
        if (!strcmp(row->prometheus, "ats_route_journal_bytes_total"))
            found += ats_metric_value(m, row, 0) == 77;
    }
    cr_assert_eq(found, 5);
    free(m);
}

Test(metrics, names_are_legal_and_unique_and_say_their_kind)
{
    for (size_t i = 0; i < ats_metric_count(); i++) {
        const ats_metric *row = ats_metric_at(i);
        cr_assert_eq(strncmp(row->prometheus, "ats_", 4), 0);
        for (const char *c = row->prometheus; *c; c++)
            cr_assert(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
        size_t n = strlen(row->prometheus);
        bool total = n > 6 && !strcmp(row->prometheus + n - 6, "_total");
        cr_assert_eq(total, row->kind == ATS_METRIC_COUNTER);
        cr_assert(strstr(row->prometheus, ats_metric_stage_label(row->stage)));
        cr_assert_eq(row->help[strlen(row->help) - 1], '.');
        cr_assert_null(strpbrk(row->help, "|\n\\"), "help must fit a table and an exposition");
        for (size_t k = 0; k < i; k++)
            cr_assert_str_neq(row->prometheus, ats_metric_at(k)->prometheus);
    }
    cr_assert_str_eq(ats_metric_stage_label(ATS_METRIC_STAGE_COUNT), "?");
}

Test(metrics, the_description_has_a_row_a_metric)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    cr_assert_eq(ats_metrics_describe(out), 0);
    fclose(out);
    size_t lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    cr_assert_eq(lines, ats_metric_count() + 2);
    cr_assert(strstr(text, "| `ats_feed_stall_seconds_total` | counter | seconds |  | feed | "));
    cr_assert(strstr(text, "| `ats_risk_verdicts_total` | counter |  | check | risk | "));
    free(text);
}

Test(metrics, a_full_disk_is_an_error)
{
    FILE *full = fopen("/dev/full", "w");
    cr_assert_not_null(full);
    cr_assert_eq(ats_metrics_describe(full), -1);
    cr_assert_eq(ats_error_code(), ATS_EXIT_FAILED);
    fclose(full);
}
