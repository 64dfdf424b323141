/* walk.h: walks through an image by plain instructions: what the portable and the AVX2 path share,
 * each compiled with its own. Internal to calc/forest.
 *
 * A step is i = 2 i + (q[column[i]] > rank[i]): two loads, a comparison that sets the carry, an add
 * with carry. The walks of different trees do not depend on each other, so the processor runs as
 * many of them at once as it has room for. */
#ifndef ATS_CALC_FOREST_WALK_H
#define ATS_CALC_FOREST_WALK_H

#include "calc/forest/image.h"

#include <string.h>

#define ATS_WALK_BLOCK ATS_FOREST_BLOCK_TREES

#define ATS_WALK_AT_ONCE 8u

/* Three levels of eight fields; which of its eight exits each leads to. Level by level: the steps
 * of one walk wait for each other, those of eight do not, and a processor looks ahead over a few
 * hundred instructions only. */
static inline void ats_walk_fields(const uint8_t *const field[ATS_WALK_AT_ONCE], const uint8_t *q,
                                   uint32_t exit[ATS_WALK_AT_ONCE])
{
#pragma GCC unroll 8
    for (uint32_t t = 0; t < ATS_WALK_AT_ONCE; t++)
        exit[t] = field[t][64] < q[field[t][0]];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < ATS_WALK_AT_ONCE; t++) {
        const uint8_t *node = field[t] + 1 + exit[t];
        exit[t] = 2 * exit[t] + (node[64] < q[node[0]]);
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < ATS_WALK_AT_ONCE; t++) {
        const uint8_t *node = field[t] + 3 + exit[t];
        exit[t] = 2 * exit[t] + (node[64] < q[node[0]]);
    }
}

/* Six levels of eight mask records; which of its 64 exits each leads to. */
static inline void ats_walk_tops(const uint8_t *records, const uint8_t *q,
                                 uint32_t exit[ATS_WALK_AT_ONCE])
{
    const uint8_t *field[ATS_WALK_AT_ONCE];
    uint32_t top[ATS_WALK_AT_ONCE];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < ATS_WALK_AT_ONCE; t++)
        field[t] = records + 128 * t;
    ats_walk_fields(field, q, top);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < ATS_WALK_AT_ONCE; t++)
        field[t] = records + 128 * t + 7 + 7 * top[t];
    ats_walk_fields(field, q, exit);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < ATS_WALK_AT_ONCE; t++)
        exit[t] += 8 * top[t];
}

/* Exits of a block's 16 trees. */
static inline void ats_walk_exits(const ats_forest_block *block, const uint8_t *masks,
                                  const uint8_t *q, uint32_t exit[ATS_WALK_BLOCK])
{
    for (uint32_t t = 0; t < ATS_WALK_BLOCK; t += ATS_WALK_AT_ONCE) {
        if (block->form != ATS_FOREST_SMALL) {
            ats_walk_tops(masks + 128 * t, q, exit + t);
            continue;
        }
        const uint8_t *field[ATS_WALK_AT_ONCE];
        for (uint32_t i = 0; i < ATS_WALK_AT_ONCE; i++)
            field[i] = masks + 128 * (t / 8) + 8 * i;
        ats_walk_fields(field, q, exit + t);
    }
}

static inline float ats_walk_record(const ats_forest_record *r, const uint8_t *q)
{
    uint32_t upper = r->node[0].rank < q[r->node[0].column];
    uint32_t lower = r->node[1 + upper].rank < q[r->node[1 + upper].column];
    return r->leaf[2 * upper + lower];
}

/* The leaves that 16 nodes lead to after `steps` levels: side by side, because every step waits for
 * the one before. */
static inline void ats_walk_nodes(const ats_forest_image *image, const uint32_t *from,
                                  uint32_t steps, const uint8_t *q, float *out)
{
    const ats_forest_image_node *nodes = ats_forest_image_at(image, image->nodes);
    const float *values = ats_forest_image_at(image, image->values);
    uint32_t at[ATS_WALK_BLOCK];
    memcpy(at, from, sizeof at);
    for (; steps > 0; steps--)
        for (uint32_t t = 0; t < ATS_WALK_BLOCK; t++) {
            const ats_forest_image_node *n = &nodes[at[t]];
            at[t] = n->left + (n->rank < q[n->column]);
        }
    for (uint32_t t = 0; t < ATS_WALK_BLOCK; t++)
        out[t] = values[at[t]];
}

/* With more than 256 columns a mask record names them only with its pairs; then from the roots. */
static inline void ats_walk_roots(const ats_forest_image *image, uint32_t block, const uint8_t *q,
                                  float *out)
{
    const uint32_t *roots = ats_forest_image_at(image, image->roots);
    const uint8_t *depths = ats_forest_image_at(image, image->depths);
    uint32_t from[ATS_WALK_BLOCK], steps = 0;
    for (uint32_t t = 0; t < ATS_WALK_BLOCK; t++) {
        uint32_t tree = block * ATS_WALK_BLOCK + t;
        bool real = tree < image->tree_count;
        from[t] = real ? roots[tree] : image->node_count - 1;
        steps = real && depths[tree] > steps ? depths[tree] : steps;
    }
    ats_walk_nodes(image, from, steps, q, out);
}

/* Leaf values of a block's 16 trees for one row of ranks. */
static inline void ats_walk_block(const ats_forest_image *image, uint32_t index, const uint8_t *q,
                                  float *out)
{
    const ats_forest_block *block = &ats_forest_blocks(image)[index];
    const uint8_t *masks = ats_forest_image_at(image, block->masks);
    const void *leaves = ats_forest_image_at(image, block->leaves);
    uint32_t exit[ATS_WALK_BLOCK];
    if (block->form == ATS_FOREST_NODES) {
        ats_walk_nodes(image, leaves, block->steps, q, out);
        return;
    }
    if (image->pair_count) {
        ats_walk_roots(image, index, q, out);
        return;
    }
    ats_walk_exits(block, masks, q, exit);
    if (block->form == ATS_FOREST_RECORDS) {
        for (uint32_t t = 0; t < ATS_WALK_BLOCK; t++)
            out[t] = ats_walk_record((const ats_forest_record *)leaves + 64 * t + exit[t], q);
    } else if (block->form == ATS_FOREST_ENTRIES) {
        uint32_t from[ATS_WALK_BLOCK];
        for (uint32_t t = 0; t < ATS_WALK_BLOCK; t++)
            from[t] = ((const uint32_t *)leaves)[64 * t + exit[t]];
        ats_walk_nodes(image, from, block->steps, q, out);
    } else {
        uint32_t each = block->form == ATS_FOREST_TOP ? 64 : 8;
        for (uint32_t t = 0; t < ATS_WALK_BLOCK; t++)
            out[t] = ((const float *)leaves)[each * t + exit[t]];
    }
}

/* Margins of n rows of ranks. Block by block, so that a block's nodes serve all rows while they are
 * near. */
static inline void ats_walk_score(const ats_forest_image *image, const uint8_t *ranks,
                                  size_t stride, uint32_t n, float *margins)
{
    const uint8_t *groups = ats_forest_image_at(image, image->groups);
    uint32_t group_count = image->group_count;
    float values[ATS_WALK_BLOCK];
    for (uint32_t i = 0; i < n; i++)
        memcpy(margins + (size_t)i * group_count, image->base_margin, group_count * sizeof *values);
    for (uint32_t b = 0; b < image->block_count; b++)
        for (uint32_t i = 0; i < n; i++) {
            float *to = margins + (size_t)i * group_count;
            ats_walk_block(image, b, ranks + i * stride, values);
            if (group_count == 1) {
                float sum = *to;
                for (uint32_t t = 0; t < ATS_WALK_BLOCK; t++)
                    sum += values[t];
                *to = sum;
            } else {
                for (uint32_t t = 0; t < ATS_WALK_BLOCK; t++)
                    to[groups[b * ATS_WALK_BLOCK + t]] += values[t];
            }
        }
}

#endif
