#include "calc/forest.h"

#include <stdlib.h>
#include <string.h>

#define SIDE_BY_SIDE 8u

/* One step down: right when x >= threshold, or when x is missing and the node says so. In a leaf
 * both are false, so the walk stays. */
static inline uint32_t step(const ats_forest_node *nodes, const float *row, uint32_t at)
{
    const ats_forest_node *node = &nodes[at];
    float x = row[node->feature];
    uint32_t right = (uint32_t)(x >= node->threshold) | ((uint32_t)(x != x) & node->default_right);
    return node->left + right;
}

static float score_row(const ats_forest *forest, const float *row)
{
    const ats_forest_node *nodes = forest->nodes;
    float sum = forest->base_margin;
    uint32_t tree = 0;
    for (; tree + SIDE_BY_SIDE <= forest->tree_count; tree += SIDE_BY_SIDE) {
        const uint32_t *root = &forest->root[tree];
        uint32_t a = root[0], b = root[1], c = root[2], d = root[3];
        uint32_t e = root[4], f = root[5], g = root[6], h = root[7];
        for (uint32_t depth = forest->max_depth; depth-- > 0;) {
            a = step(nodes, row, a);
            b = step(nodes, row, b);
            c = step(nodes, row, c);
            d = step(nodes, row, d);
            e = step(nodes, row, e);
            f = step(nodes, row, f);
            g = step(nodes, row, g);
            h = step(nodes, row, h);
        }
        sum += nodes[a].value;
        sum += nodes[b].value;
        sum += nodes[c].value;
        sum += nodes[d].value;
        sum += nodes[e].value;
        sum += nodes[f].value;
        sum += nodes[g].value;
        sum += nodes[h].value;
    }
    for (; tree < forest->tree_count; tree++) {
        uint32_t at = forest->root[tree];
        for (uint32_t depth = forest->depth[tree]; depth-- > 0;)
            at = step(nodes, row, at);
        sum += nodes[at].value;
    }
    return sum;
}

void ats_forest_score(const ats_forest *forest, const float *const *rows, uint32_t n,
                      float *margins)
{
    for (uint32_t i = 0; i < n; i++)
        margins[i] = score_row(forest, rows[i]);
}

void ats_forest_free(ats_forest *forest)
{
    free(forest->nodes);
    free(forest->root);
    free(forest->depth);
    memset(forest, 0, sizeof *forest);
}
