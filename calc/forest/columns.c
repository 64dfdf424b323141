#include "calc/forest/columns.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LINE ATS_FOREST_LINE_THRESHOLDS

static ats_forest_threshold threshold_of(const ats_forest_node *node)
{
    /* -0 + 0 is 0: both zeros are one threshold. */
    return (ats_forest_threshold){.threshold = node->threshold + 0.0f,
                                  .feature = node->feature,
                                  .missing_right = node->default_right != 0};
}

static int by_place(const void *a, const void *b)
{
    const ats_forest_threshold *x = a, *y = b;
    if (x->missing_right != y->missing_right)
        return x->missing_right - y->missing_right;
    if (x->feature != y->feature)
        return x->feature - y->feature;
    return (x->threshold > y->threshold) - (x->threshold < y->threshold);
}

static void collect(ats_forest_column_set *set, const ats_forest *forest)
{
    uint32_t n = 0, kept = 0;
    ats_forest_threshold *t = set->thresholds;
    for (uint32_t i = 0; i < forest->node_count; i++)
        if (forest->nodes[i].left != i)
            t[n++] = threshold_of(&forest->nodes[i]);
    qsort(t, n, sizeof *t, by_place);
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || by_place(&t[kept - 1], &t[i]) != 0)
            t[kept++] = t[i];
    set->threshold_count = kept;
}

/* Thresholds of the same feature and direction from `at` on. */
static uint32_t run_length(const ats_forest_column_set *set, uint32_t at)
{
    const ats_forest_threshold *t = set->thresholds;
    uint32_t n = 1;
    while (at + n < set->threshold_count && t[at + n].feature == t[at].feature &&
           t[at + n].missing_right == t[at].missing_right)
        n++;
    return n;
}

uint32_t ats_forest_search_levels(uint32_t count)
{
    uint32_t levels = 4; /* one line */
    while ((1u << levels) - 1 < count)
        levels++;
    return levels;
}

/* Calls for one of the four runs: 2 * missing right + more thresholds than a line. Writes columns
 * of that run only, so that four passes put them in order. */
static void add_run(ats_forest_column_set *set, uint32_t run)
{
    for (uint32_t at = 0; at < set->threshold_count;) {
        uint32_t left = run_length(set, at);
        uint32_t slices = (left + ATS_FOREST_COLUMN_THRESHOLDS - 1) / ATS_FOREST_COLUMN_THRESHOLDS;
        for (; slices > 0; slices--) {
            ats_forest_threshold *t = &set->thresholds[at];
            uint32_t count = (left + slices - 1) / slices; /* nearly equal slices */
            if (2u * t->missing_right + (count > LINE) == run) {
                uint32_t column = set->column_count++;
                set->first[column] = at;
                set->columns[column] =
                    (ats_forest_column){.feature = t->feature,
                                        .threshold_count = (uint8_t)count,
                                        .missing_rank = t->missing_right ? (uint8_t)count : 0,
                                        .search_levels = (uint8_t)ats_forest_search_levels(count)};
                for (uint32_t i = 0; i < count; i++) {
                    t[i].column = (uint16_t)column;
                    t[i].rank = (uint8_t)i;
                }
            }
            at += count;
            left -= count;
        }
    }
    set->run_end[run] = set->column_count;
}

static uint32_t count_columns(const ats_forest_column_set *set)
{
    uint32_t columns = 0;
    for (uint32_t at = 0, n; at < set->threshold_count; at += n) {
        n = run_length(set, at);
        columns += (n + ATS_FOREST_COLUMN_THRESHOLDS - 1) / ATS_FOREST_COLUMN_THRESHOLDS;
    }
    return columns;
}

int ats_forest_columns_make(ats_forest_column_set *set, const ats_forest *forest)
{
    memset(set, 0, sizeof *set);
    set->thresholds = calloc((size_t)forest->node_count + 1, sizeof *set->thresholds);
    if (!set->thresholds)
        return ats_error(ATS_EXIT_FAILED, "forest columns: out of memory");
    collect(set, forest);
    uint32_t columns = count_columns(set);
    set->first = calloc((size_t)columns + 1, sizeof *set->first);
    set->columns = calloc((size_t)columns + 1, sizeof *set->columns);
    if (!set->first || !set->columns) {
        ats_forest_columns_free(set);
        return ats_error(ATS_EXIT_FAILED, "forest columns: out of memory");
    }
    for (uint32_t run = 0; run < 4; run++)
        add_run(set, run);
    return 0;
}

void ats_forest_columns_free(ats_forest_column_set *set)
{
    free(set->thresholds);
    free(set->first);
    free(set->columns);
    memset(set, 0, sizeof *set);
}

const ats_forest_threshold *ats_forest_columns_find(const ats_forest_column_set *set,
                                                    const ats_forest_node *node)
{
    ats_forest_threshold key = threshold_of(node);
    return bsearch(&key, set->thresholds, set->threshold_count, sizeof key, by_place);
}

/* A line of pivots, the lines, and one of padding where the last is full: the second step may
 * look at the line behind the last pivot. */
size_t ats_forest_cuts_bytes(uint32_t count)
{
    return count <= LINE ? 64 : (size_t)64 * (1 + count / LINE + 1);
}

size_t ats_forest_search_bytes(uint32_t levels)
{
    return sizeof(float) << levels;
}

void ats_forest_cuts_write(float *cuts, const ats_forest_threshold *t, uint32_t count)
{
    size_t n = ats_forest_cuts_bytes(count) / sizeof *cuts;
    float *lines = count <= LINE ? cuts : cuts + LINE;
    for (size_t i = 0; i < n; i++)
        cuts[i] = NAN;
    for (uint32_t i = 0; i < count; i++)
        lines[i] = t[i].threshold;
    if (count > LINE)
        for (uint32_t line = 0; line < count / LINE; line++)
            cuts[line] = t[line * LINE + LINE - 1].threshold;
}

void ats_forest_search_write(float *search, const ats_forest_threshold *t, uint32_t count,
                             uint32_t levels)
{
    search[0] = NAN;
    for (uint32_t level = 0; level < levels; level++)
        for (uint32_t p = 0; p < 1u << level; p++) {
            uint32_t rank = (2 * p + 1) * (1u << (levels - 1 - level)) - 1;
            search[(1u << level) + p] = rank < count ? t[rank].threshold : NAN;
        }
}
