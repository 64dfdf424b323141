/* made_forest.h: made-up models of a given shape, for measuring where no model is at hand.
 *
 * How long a forest takes depends on its shape and not on what it says. Thresholds are multiples of
 * 1/64 in -2..2, so rows drawn alike meet them exactly as well as pass them.
 */
#ifndef ATS_GPU_MADE_FOREST_H
#define ATS_GPU_MADE_FOREST_H

#include "calc/forest/forest.h"
#include "core/random.h"

#include <stdbool.h>

typedef struct ats_made_forest {
    uint32_t tree_count;
    uint32_t depth; /* of the deepest path; 0: every tree is one leaf */
    uint32_t feature_count;
    uint32_t group_count;
    uint32_t leaf_percent; /* chance that a node above the deepest level is a leaf; 0: full trees */
    uint64_t seed;
} ats_made_forest;

/* A forest of the shape; ats_forest_free releases it. Trees go to groups by chance. -1 with an
 * error pushed when memory is short or the shape is beyond calc/forest's limits. */
int ats_forest_make(ats_forest *forest, const ats_made_forest *shape);

/* A row that the model's thresholds tell apart; one value in 16 is missing (NaN), some are infinite
 * or zero of either sign. */
void ats_forest_make_row(ats_random *random, float *row, uint32_t feature_count);

#endif
