/* confluence.h: several views of a market in one number. Pure; any thread.
 *
 * Each term is a view from -1 (sell) to 1 (buy), NaN when it is not ready or has nothing to say.
 *     score = sum(w_i x_i) / sum(w_i)      over the terms that are ready
 * so it lies in -1..1 too, and a term that is missing does not pull it to 0. A score of few terms
 * is no agreement: below least_share of the whole weight there is none. Each contribution is w_i
 * x_i / sum(w): they add up to the score.
 *
 * Weights by regime: a term's weight is multiplied by its factor for the present label, 1 where
 * none is known. A chance, when a table is given, is what such scores have been worth
 * (calibration.h).
 */
#ifndef ATS_CALC_CONFLUENCE_H
#define ATS_CALC_CONFLUENCE_H

#include "calc/calibration.h"
#include "calc/regime.h"

#include <math.h>

#define ATS_CONFLUENCE_TERMS_MAX 16u

typedef struct ats_confluence_weights {
    uint32_t count;                                            /* terms */
    double weight[ATS_CONFLUENCE_TERMS_MAX];                   /* >= 0 */
    double factor[ATS_REGIME_COUNT][ATS_CONFLUENCE_TERMS_MAX]; /* >= 0; all 0 in a row: as 1 */
    double least_share;                                        /* 0 .. 1 */
} ats_confluence_weights;

typedef struct ats_confluence {
    double score;                                  /* -1 .. 1; NaN: too little is ready */
    double share;                                  /* of the weight that is ready, 0 .. 1 */
    double contribution[ATS_CONFLUENCE_TERMS_MAX]; /* 0 for a term that is not ready */
    double chance; /* that the price rises, 0 .. 1; NaN without a table or a score */
} ats_confluence;

/* view[weights->count]; values beyond -1..1 count as those. regime: a label, or UNKNOWN. table may
 * be NULL. */
void ats_confluence_of(const ats_confluence_weights *weights, const double *view, uint32_t regime,
                       const ats_calibration *table, ats_confluence *out);

/* ---- views -------------------------------------------------------------------------------- */

static inline double ats_view_clamp(double x)
{
    return x > 1.0 ? 1.0 : x < -1.0 ? -1.0 : x;
}
/* An index of 0..100: above the middle buys (momentum). */
static inline double ats_view_of_index(double index)
{
    return ats_view_clamp((index - 50.0) / 50.0);
}
/* A distance in units of its own width, `whole` of them a full view; negative `whole` leans against
 * it (reversion). NaN when there is no width. */
static inline double ats_view_of_distance(double distance, double width, double whole)
{
    return width > 0 ? ats_view_clamp(distance / width / whole) : NAN;
}
/* A model's margin, which has no bound: m / (1 + |m|), which needs no exp. */
static inline double ats_view_of_margin(double margin)
{
    return margin / (1.0 + fabs(margin));
}

#endif
