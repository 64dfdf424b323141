/* columns.h: the columns of a forest (image.h): which there are, and where a node's threshold is.
 * Cold; used while an image is made. */
#ifndef ATS_CALC_FOREST_COLUMNS_H
#define ATS_CALC_FOREST_COLUMNS_H

#include "calc/forest/image.h"

/* One threshold of one feature and default direction. */
typedef struct ats_forest_threshold {
    float threshold; /* never -0 */
    uint16_t feature;
    uint16_t column;
    uint8_t missing_right;
    uint8_t rank; /* its index within the column */
} ats_forest_threshold;

typedef struct ats_forest_column_set {
    ats_forest_threshold *thresholds; /* [threshold_count] by direction, feature, threshold */
    uint32_t *first;                  /* [column_count] a column's first one */
    ats_forest_column *columns;       /* [column_count] in image order; cuts and search not set */
    uint32_t threshold_count;
    uint32_t column_count;
    uint32_t run_end[4];
} ats_forest_column_set;

/* 0, or -1 with an error pushed (memory). */
int ats_forest_columns_make(ats_forest_column_set *set, const ats_forest *forest);
void ats_forest_columns_free(ats_forest_column_set *set);

/* Where a split's threshold stands. The node must be a split of the forest the set was made of. */
const ats_forest_threshold *ats_forest_columns_find(const ats_forest_column_set *set,
                                                    const ats_forest_node *node);

/* Levels of the search tree of this many thresholds: 4..8. */
uint32_t ats_forest_search_levels(uint32_t threshold_count);

/* Bytes of a column's cuts and of its search tree, and their writing; `thresholds` are the
 * column's own, ascending. */
size_t ats_forest_cuts_bytes(uint32_t threshold_count);
size_t ats_forest_search_bytes(uint32_t search_levels);
void ats_forest_cuts_write(float *cuts, const ats_forest_threshold *thresholds, uint32_t count);
void ats_forest_search_write(float *search, const ats_forest_threshold *thresholds, uint32_t count,
                             uint32_t levels);

#endif
