#include "learn/isotonic.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ats_isotonic_free(ats_isotonic *fit)
{
    free(fit->block);
    memset(fit, 0, sizeof *fit);
}

static int by_low(const void *a, const void *b)
{
    float x = ((const ats_isotonic_block *)a)->low, y = ((const ats_isotonic_block *)b)->low;
    return (x > y) - (x < y);
}

/* The block behind joins the one before. */
static void merge(ats_isotonic_block *before, const ats_isotonic_block *behind)
{
    double weight = before->weight + behind->weight;
    /* As a step from the mean: means of equal blocks stay what they are. */
    before->mean += (behind->mean - before->mean) * (behind->weight / weight);
    before->weight = weight;
    before->rows += behind->rows;
    before->high = behind->high;
}

/* Points of one x become one. */
static uint64_t join_ties(ats_isotonic_block *point, uint64_t n)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (kept && point[kept - 1].low == point[i].low)
            merge(&point[kept - 1], &point[i]);
        else
            point[kept++] = point[i];
    }
    return kept;
}

/* Pools in place: what lies before `kept` rises. Equal means are one block. */
static uint64_t pool(ats_isotonic_block *block, uint64_t n)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < n; i++) {
        block[kept++] = block[i];
        while (kept > 1 && block[kept - 2].mean >= block[kept - 1].mean) {
            merge(&block[kept - 2], &block[kept - 1]);
            kept--;
        }
    }
    return kept;
}

int ats_isotonic_fit(ats_isotonic *fit, const float *x, const double *y, const double *weight,
                     uint64_t n)
{
    memset(fit, 0, sizeof *fit);
    if (n == 0)
        return ats_error(ATS_EXIT_DATA, "isotonic: there are no rows");
    for (uint64_t i = 0; i < n; i++)
        if (!isfinite(x[i]) || !isfinite(y[i]) ||
            (weight && (!(weight[i] > 0) || !isfinite(weight[i]))))
            return ats_error(ATS_EXIT_DATA,
                             "isotonic: row %llu is not finite, or its weight is not above 0",
                             (unsigned long long)i);
    fit->block = malloc(n * sizeof *fit->block);
    if (!fit->block)
        return ats_error(ATS_EXIT_FAILED, "isotonic: %llu rows do not fit memory",
                         (unsigned long long)n);
    for (uint64_t i = 0; i < n; i++)
        fit->block[i] = (ats_isotonic_block){x[i], x[i], y[i], weight ? weight[i] : 1.0, 1};
    qsort(fit->block, n, sizeof *fit->block, by_low);
    fit->count = pool(fit->block, join_ties(fit->block, n));
    return 0;
}

/* ---- to fewer blocks ------------------------------------------------------------------------ */

/* What merging block i with the next adds to the squared error. */
static double cost(const ats_isotonic *fit, uint64_t i)
{
    const ats_isotonic_block *a = &fit->block[i], *b = a + 1;
    double apart = b->mean - a->mean;
    return a->weight * b->weight / (a->weight + b->weight) * apart * apart;
}

static void merge_next(ats_isotonic *fit, uint64_t i)
{
    merge(&fit->block[i], &fit->block[i + 1]);
    memmove(&fit->block[i + 1], &fit->block[i + 2],
            (size_t)(fit->count - i - 2) * sizeof *fit->block);
    fit->count--;
}

/* Block with the fewest rows. */
static uint64_t poorest(const ats_isotonic *fit)
{
    uint64_t found = 0;
    for (uint64_t i = 1; i < fit->count; i++)
        if (fit->block[i].rows < fit->block[found].rows)
            found = i;
    return found;
}

static uint64_t cheapest(const ats_isotonic *fit)
{
    uint64_t found = 0;
    double least = INFINITY;
    for (uint64_t i = 0; i + 1 < fit->count; i++) {
        double c = cost(fit, i);
        if (c < least) {
            least = c;
            found = i;
        }
    }
    return found;
}

uint64_t ats_isotonic_knots(const ats_isotonic *fit)
{
    uint64_t knots = 0;
    for (uint64_t i = 0; i < fit->count; i++)
        knots += fit->block[i].high > fit->block[i].low ? 2 : 1;
    return knots;
}

void ats_isotonic_simplify(ats_isotonic *fit, uint64_t rows_min, uint32_t knots_max)
{
    while (fit->count > 1) {
        uint64_t i = poorest(fit);
        if (fit->block[i].rows >= rows_min)
            break;
        bool back = i + 1 == fit->count || (i > 0 && cost(fit, i - 1) < cost(fit, i));
        merge_next(fit, back ? i - 1 : i);
    }
    while (fit->count > 1 && ats_isotonic_knots(fit) > knots_max)
        merge_next(fit, cheapest(fit));
}

/* ---- as a table ----------------------------------------------------------------------------- */

int ats_isotonic_table(const ats_isotonic *fit, ats_calibration *table)
{
    uint64_t knots = ats_isotonic_knots(fit);
    memset(table, 0, sizeof *table);
    if (knots < 1 || knots > ATS_CALIBRATION_KNOTS_MAX)
        return ats_error(ATS_EXIT_DATA, "isotonic: %llu knots; a table has 1 to %u",
                         (unsigned long long)knots, ATS_CALIBRATION_KNOTS_MAX);
    for (uint64_t i = 0; i < fit->count; i++) {
        const ats_isotonic_block *b = &fit->block[i];
        float chance = (float)b->mean;
        table->score[table->count] = b->low;
        table->chance[table->count++] = chance;
        if (b->high > b->low) {
            table->score[table->count] = b->high;
            table->chance[table->count++] = chance;
        }
    }
    return ats_calibration_is_sound(table)
               ? 0
               : ats_error(ATS_EXIT_DATA, "isotonic: the means are no chances of 0 to 1");
}
