/* drift.h: how far the features of some rows are from their distribution in training.
 *
 * PSI, population stability index (Lewis 1994; Siddiqi 2006): the sum over bins of
 * (a - e) ln(a / e), a and e the shares of the rows in hand and of the training rows. A bin that is
 * empty on a side has the share ATS_DRIFT_EPSILON there. Missing values are a bin. Below 0.1
 * stable, 0.1 to 0.25 moved, above drifted: the usual bands.
 *
 * KS, two-sample Kolmogorov-Smirnov statistic: the largest distance between the two distribution
 * functions, finite values only; p by the asymptotic Kolmogorov distribution at
 * n m / (n + m). Training is known by its grid of 200 steps, so the statistic is within 1/200 of
 * that of all rows. p takes rows as independent, which ticks are not: it is small too easily, and
 * the bands of PSI decide, not p.
 *
 * Cold; allocates.
 */
#ifndef ATS_LEARN_DRIFT_H
#define ATS_LEARN_DRIFT_H

#include "learn/distribution.h"

#define ATS_DRIFT_EPSILON 1e-4 /* of a row in ten thousand: below what a bin of 1/20 can tell */
#define ATS_DRIFT_MOVED   0.1
#define ATS_DRIFT_DRIFTED 0.25

typedef struct ats_drift_row {
    uint32_t feature;
    double psi;
    double ks, p_value;                 /* NaN where a side has no finite value */
    double missing_before, missing_now; /* shares */
    double median_before, median_now;   /* NaN: no finite value */
} ats_drift_row;

/* Largest distance of the empirical distribution functions of two ascending samples; both counts
 * above 0. Exact, ties included. */
double ats_ks_statistic(const float *a, uint64_t a_count, const float *b, uint64_t b_count);

/* P(D >= statistic) of samples of these sizes, by the asymptotic distribution
 * 2 sum (-1)^(k-1) exp(-2 k^2 n D^2), n = a b / (a + b) (Smirnov 1948). */
double ats_ks_p_value(double statistic, double a_count, double b_count);

/* PSI of counts in the same bins, which sum to a_rows and e_rows (above 0). */
double ats_psi(const uint64_t *actual, uint64_t actual_rows, const uint64_t *expected,
               uint64_t expected_rows, uint32_t bins);

/* Rows [begin, end) of a dataset, begin < end, against a distribution of the same features; out has
 * a row a feature, the most drifted (by PSI) first. -1 with an error pushed: other features
 * (ATS_EXIT_DATA), or no memory. */
int ats_drift(const ats_distribution *d, const ats_dataset *dataset, uint64_t begin, uint64_t end,
              ats_drift_row *out);

#endif
