/* correlation.h: which features say the same: Pearson and Spearman correlations of all pairs, and
 * groups of redundant ones.
 *
 * Pairs are complete rows: both values finite. Pearson's r in two passes; Spearman's rho is r of
 * the ranks, equal values sharing the mean of theirs (Spearman 1904; Kendall and Gibbons 1990).
 * Cold; allocates about 20 bytes a value.
 */
#ifndef ATS_LEARN_CORRELATION_H
#define ATS_LEARN_CORRELATION_H

#include <stdint.h>

typedef struct ats_correlation {
    uint32_t features;
    double *pearson;    /* [features][features], symmetric; NaN: a side is constant, or fewer than
                           three complete rows */
    double *spearman;   /* the same */
    uint64_t *complete; /* [features][features] rows of the pair */
} ats_correlation;

/* Of x[rows][features]. 0, or -1 with an error pushed and nothing to free. */
int ats_correlation_make(ats_correlation *c, const float *x, uint64_t rows, uint32_t features);
void ats_correlation_free(ats_correlation *c);

/* Groups by single linkage: features a chain of pairs with |rho| > threshold connects. group[i] is
 * the lowest feature of i's group: i itself when it stands alone. `of` is c->pearson or
 * c->spearman. Returns how many groups have more than one member. */
uint32_t ats_correlation_groups(const ats_correlation *c, const double *of, double threshold,
                                uint32_t *group);

#endif
