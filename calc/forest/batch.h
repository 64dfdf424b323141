/* batch.h: what goes on below the sixth level when rows are scored side by side: row by row,
 * because which columns a row looks at differs from there on. Internal to calc/forest. */
#ifndef ATS_CALC_FOREST_BATCH_H
#define ATS_CALC_FOREST_BATCH_H

#include "calc/forest/image.h"

/* The records of a tree on their way: most of them are looked at when it comes to the tree, and a
 * model of such trees is larger than the near caches. */
static inline void ats_batch_prefetch_records(const ats_forest_record *records)
{
    const char *line = (const char *)records;
#pragma GCC unroll 8
    for (uint32_t i = 0; i < 64 * sizeof *records; i += 64)
        __builtin_prefetch(line + i, 0, 3);
}

/* Adds what n rows get from levels seven and eight of one tree. exit[i]: row i's exit of its top;
 * ranks: those of column c at ranks + c * pitch. */
static inline void ats_batch_add_records(const ats_forest_record *records, const uint8_t *ranks,
                                         uint32_t pitch, const uint8_t *exit, uint32_t n,
                                         float *sums)
{
#pragma GCC unroll 4
    for (uint32_t i = 0; i < n; i++) {
        const ats_forest_record *r = &records[exit[i]];
        const uint8_t *q = ranks + i;
        uint32_t upper = r->node[0].rank < q[r->node[0].column * pitch];
        uint32_t lower = r->node[1 + upper].rank < q[r->node[1 + upper].column * pitch];
        sums[i] += r->leaf[2 * upper + lower];
    }
}

/* The same for deeper trees, whose walk goes on at nodes entries[exit[i]]; n a multiple of 16. Side
 * by side, because each step waits for the one before. */
static inline void ats_batch_add_entries(const ats_forest_image *image, const uint32_t *entries,
                                         uint32_t steps, const uint8_t *ranks, uint32_t pitch,
                                         const uint8_t *exit, uint32_t n, float *sums)
{
    const ats_forest_image_node *nodes = ats_forest_image_at(image, image->nodes);
    const float *values = ats_forest_image_at(image, image->values);
    for (uint32_t i = 0; i < n; i += 16) {
        uint32_t at[16];
        for (uint32_t k = 0; k < 16; k++)
            at[k] = entries[exit[i + k]];
        for (uint32_t s = 0; s < steps; s++)
            for (uint32_t k = 0; k < 16; k++) {
                const ats_forest_image_node *node = &nodes[at[k]];
                at[k] = node->left + (node->rank < ranks[node->column * pitch + i + k]);
            }
        for (uint32_t k = 0; k < 16; k++)
            sums[i + k] += values[at[k]];
    }
}

#endif
