/* calibrate.h: fits the table that turns a model's score into a chance, and tells what it is worth.
 *
 * The rows are split by time. The first part fits the table (isotonic.h) of outcomes
 * (ats_evaluation_outcome) on scores; rows that stand before the last label of that part was known
 * are left out; the rest shows how far the table can be believed, beside what a constant does that
 * says the fitted part's mean outcome of every row. Cold; allocates.
 */
#ifndef ATS_LEARN_CALIBRATE_H
#define ATS_LEARN_CALIBRATE_H

#include "learn/evaluation.h"

/* Fewest rows of the two parts: a chance from fewer than a hundred is off by 5 % and more. */
#define ATS_CALIBRATE_FIT_ROWS_MIN  500u
#define ATS_CALIBRATE_TEST_ROWS_MIN 100u

typedef struct ats_calibrate_options {
    double fit_share;        /* of the time range, above 0 and below 1 */
    uint64_t block_rows_min; /* of the fit: a chance that fewer rows speak for is merged. 0: a
                                fiftieth of the rows and at least 100; rows of ticks share their
                                labels with their neighbours, so that a hundred tell little */
} ats_calibrate_options;

typedef struct ats_calibrate_result {
    uint64_t fit_rows, gap_rows, test_rows;
    uint64_t flat_rows; /* of the fit: label exactly 0 */
    int64_t fit_first_ns, fit_last_ns, test_first_ns, test_last_ns;
    double base_rate;                /* mean outcome of the fit's rows */
    uint64_t blocks;                 /* of the fit, before blocks were merged */
    ats_reliability constant, table; /* on the later rows */
} ats_calibrate_result;

/* Fits a table for a model without one (score and margin are the same with and without). 0, or -1
 * with an error pushed (ATS_EXIT_DATA): too few rows, outcomes of one kind only. */
int ats_calibrate(ats_calibration *table, ats_calibrate_result *result, ats_model *model,
                  const ats_dataset *dataset, const ats_calibrate_options *options);

#endif
