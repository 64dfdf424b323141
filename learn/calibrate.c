#include "learn/calibrate.h"

#include "core/error.h"
#include "learn/isotonic.h"

#include <stdlib.h>
#include <string.h>

/* Rows [0, fit_rows) fit, [begin, rows) test. */
static int split(const ats_dataset *d, double share, ats_calibrate_result *r, uint64_t *begin)
{
    if (d->rows == 0)
        return ats_error(ATS_EXIT_DATA, "calibrate: there are no labelled rows");
    int64_t first = d->recv_ns[0], known = 0;
    int64_t boundary = first + (int64_t)((double)(d->recv_ns[d->rows - 1] - first) * share);
    while (r->fit_rows < d->rows && d->recv_ns[r->fit_rows] < boundary) {
        int64_t label_ns = d->label_ns[r->fit_rows++];
        known = label_ns > known ? label_ns : known;
    }
    *begin = r->fit_rows;
    while (*begin < d->rows && d->recv_ns[*begin] <= known)
        ++*begin;
    r->gap_rows = *begin - r->fit_rows;
    r->test_rows = d->rows - *begin;
    if (r->fit_rows < ATS_CALIBRATE_FIT_ROWS_MIN || r->test_rows < ATS_CALIBRATE_TEST_ROWS_MIN)
        return ats_error(ATS_EXIT_DATA,
                         "calibrate: %llu rows to fit and %llu to test are too few (%u and %u are "
                         "the least)",
                         (unsigned long long)r->fit_rows, (unsigned long long)r->test_rows,
                         ATS_CALIBRATE_FIT_ROWS_MIN, ATS_CALIBRATE_TEST_ROWS_MIN);
    r->fit_first_ns = first;
    r->fit_last_ns = d->recv_ns[r->fit_rows - 1];
    r->test_first_ns = d->recv_ns[*begin];
    r->test_last_ns = d->recv_ns[d->rows - 1];
    return 0;
}

/* Outcomes of all rows; what those of the fit come to. */
static int weigh_outcomes(const ats_dataset *d, double *outcome, ats_calibrate_result *r)
{
    uint64_t up = 0;
    for (uint64_t i = 0; i < d->rows; i++)
        outcome[i] = ats_evaluation_outcome(d->y[i]);
    for (uint64_t i = 0; i < r->fit_rows; i++) {
        r->flat_rows += outcome[i] == 0.5;
        up += outcome[i] == 1.0;
    }
    uint64_t down = r->fit_rows - r->flat_rows - up;
    r->base_rate = ((double)up + 0.5 * (double)r->flat_rows) / (double)r->fit_rows;
    if (up && down)
        return 0;
    return ats_error(ATS_EXIT_DATA,
                     "calibrate: %llu labels above 0, %llu below, %llu of exactly 0: there must be "
                     "some of both",
                     (unsigned long long)up, (unsigned long long)down,
                     (unsigned long long)r->flat_rows);
}

static int fit(ats_calibration *table, const float *scores, const double *outcome,
               const ats_calibrate_options *o, ats_calibrate_result *r)
{
    ats_isotonic isotonic;
    if (ats_isotonic_fit(&isotonic, scores, outcome, NULL, r->fit_rows) != 0)
        return -1;
    uint64_t rows_min = o->block_rows_min;
    if (rows_min == 0)
        rows_min = r->fit_rows / 50 > 100 ? r->fit_rows / 50 : 100;
    r->blocks = isotonic.count;
    ats_isotonic_simplify(&isotonic, rows_min, ATS_CALIBRATION_KNOTS_MAX);
    int status = ats_isotonic_table(&isotonic, table);
    ats_isotonic_free(&isotonic);
    return status;
}

int ats_calibrate(ats_calibration *table, ats_calibrate_result *r, ats_model *model,
                  const ats_dataset *d, const ats_calibrate_options *o)
{
    uint64_t begin = 0;
    memset(r, 0, sizeof *r);
    if (split(d, o->fit_share, r, &begin) != 0)
        return -1;
    float *scores = malloc(d->rows * sizeof *scores);
    double *outcome = malloc(d->rows * sizeof *outcome);
    int status = -1;
    if (!scores || !outcome) {
        ats_error(ATS_EXIT_FAILED, "calibrate: out of memory");
    } else if (weigh_outcomes(d, outcome, r) == 0) {
        ats_evaluation_scores(model, d, scores);
        status = fit(table, scores, outcome, o, r);
    }
    if (status == 0) {
        float *chance = scores; /* of the later rows, in the place of their scores */
        for (uint64_t i = begin; i < d->rows; i++)
            chance[i] = ats_calibration_chance(table, scores[i]);
        ats_reliability_measure(&r->table, chance + begin, outcome + begin, r->test_rows);
        for (uint64_t i = begin; i < d->rows; i++)
            chance[i] = (float)r->base_rate;
        ats_reliability_measure(&r->constant, chance + begin, outcome + begin, r->test_rows);
    }
    free(scores), free(outcome);
    return status;
}
