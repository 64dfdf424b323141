/* calibration.h: what a score has been worth: a monotone table from margin to the probability that
 * the label was above 0 (one of exactly 0 counts half), as isotonic regression fits it to scores of
 * data that the model was not trained on (Zadrozny & Elkan 2002). Between knots it is linear,
 * outside them flat.
 *
 * Pure float32 arithmetic in one order, so that every machine gives the same bits.
 */
#ifndef ATS_CALC_CALIBRATION_H
#define ATS_CALC_CALIBRATION_H

#include <stdbool.h>
#include <stdint.h>

/* Knots of a table: an isotonic fit of thousands of rows rarely has more than a few dozen steps. */
#define ATS_CALIBRATION_KNOTS_MAX 256u

typedef struct ats_calibration {
    uint32_t count;                          /* 0: there is none */
    float score[ATS_CALIBRATION_KNOTS_MAX];  /* ascending, distinct */
    float chance[ATS_CALIBRATION_KNOTS_MAX]; /* 0..1, not falling */
} ats_calibration;

/* Is it a table of the form above? */
bool ats_calibration_is_sound(const ats_calibration *table);

/* Probability that the label is above 0, given this margin. The table holds at least one knot; NaN
 * gives 0.5. Bounded work: a binary search. Hot. */
float ats_calibration_chance(const ats_calibration *table, float score);

#endif
