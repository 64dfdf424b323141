/* evaluation.h: how good a model's scores and chances are on labelled rows. Cold, any thread. */
#ifndef ATS_LEARN_EVALUATION_H
#define ATS_LEARN_EVALUATION_H

#include "learn/dataset.h"
#include "stages/infer/model.h"

/* Scores of all rows of a dataset, scores[rows], as infer computes them. The dataset must have the
 * model's features (ats_model_check). */
void ats_evaluation_scores(ats_model *model, const ats_dataset *dataset, float *scores);

/* Rows in which scores of both signs stand: by_model[count] point to scores[rows]. A score of 0
 * has no sign. */
uint64_t ats_evaluation_split_rows(const float *const *by_model, uint32_t count, uint64_t rows);

/* Rows in which two models' scores have opposite signs. */
uint64_t ats_evaluation_opposed_rows(const float *a, const float *b, uint64_t rows);

/* What a label came to, as an outcome of "up or down": 1 above 0, 0 below. A label of exactly 0
 * counts as half of each, as a tie does in the area under a ROC curve: a chance of up and one of
 * down then add up to 1, and a market in which the price often stands still favours neither. */
static inline double ats_evaluation_outcome(float label)
{
    return label > 0 ? 1.0 : label < 0 ? 0.0 : 0.5;
}

/* Steps of 5 %: chances of returns stand near one half, so ten bins of 10 % tell too little. */
#define ATS_RELIABILITY_BINS 20u

/* Chances are kept this far from 0 and 1 in the logarithmic loss: one float32 step below 1. */
#define ATS_RELIABILITY_LEAST_CHANCE 6e-8

typedef struct ats_reliability_bin {
    uint64_t rows;
    double chance, outcome; /* means of them; 0 without rows */
} ats_reliability_bin;

typedef struct ats_reliability {
    uint64_t rows;
    double brier;    /* mean squared difference of chance and outcome (Brier 1950) */
    double log_loss; /* mean cross entropy, nats */
    double expected_calibration_error; /* mean |chance - outcome| of the bins, weighted by rows
                                          (Naeini, Cooper, Hauskrecht 2015) */
    ats_reliability_bin bin[ATS_RELIABILITY_BINS]; /* equal widths; the last holds 1 */
} ats_reliability;

/* Of chances (0..1) and outcomes (0..1) of n rows, 1 or more. */
void ats_reliability_measure(ats_reliability *out, const float *chance, const double *outcome,
                             uint64_t n);

#endif
