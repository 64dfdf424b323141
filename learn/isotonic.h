/* isotonic.h: isotonic regression: the rising step function that fits weighted points with the
 * least squared error.
 *
 * Pool adjacent violators (Ayer and others 1955; Barlow and others 1972): points in the order of x,
 * those of one x taken together as their weighted mean; neighbours that fall are merged until none
 * does. The fit is unique. It agrees with scikit-learn's IsotonicRegression, whose prediction is
 * linear between the ends of blocks and flat outside, as ats_calibration_chance is.
 *
 * Cold; allocates; O(n log n). Any thread; the fit is the caller's.
 */
#ifndef ATS_LEARN_ISOTONIC_H
#define ATS_LEARN_ISOTONIC_H

#include "calc/calibration.h"

typedef struct ats_isotonic_block {
    float low, high; /* least and greatest x of its points */
    double mean;     /* weighted, of their y */
    double weight;   /* sum */
    uint64_t rows;
} ats_isotonic_block;

/* Blocks ascend in x, and their means rise: each is greater than the one before. */
typedef struct ats_isotonic {
    ats_isotonic_block *block;
    uint64_t count;
} ats_isotonic;

/* Fits y[n] on x[n], n of 1 or more; weight[n], or NULL: all 1. 0, or -1 with an error pushed and
 * nothing to free: no rows, a value that is not finite, a weight that is not above 0
 * (ATS_EXIT_DATA), or memory is short. */
int ats_isotonic_fit(ats_isotonic *fit, const float *x, const double *y, const double *weight,
                     uint64_t n);
void ats_isotonic_free(ats_isotonic *fit);

/* Merges neighbours until every block has `rows_min` rows or there is one, the poorest first, with
 * the neighbour whose merging costs less; then until the table has at most `knots_max` (2 or more)
 * knots, those first that cost least. What a merging costs is what it adds to the squared error. It
 * stays a rising step function, and its weighted mean stays what it was. */
void ats_isotonic_simplify(ats_isotonic *fit, uint64_t rows_min, uint32_t knots_max);

/* Knots that the fit's table has: two a block, one where a block is one x. */
uint64_t ats_isotonic_knots(const ats_isotonic *fit);

/* The fit as a table. Means must be of 0..1, knots at most ATS_CALIBRATION_KNOTS_MAX. 0, or -1 with
 * an error pushed (ATS_EXIT_DATA). */
int ats_isotonic_table(const ats_isotonic *fit, ats_calibration *table);

#endif
