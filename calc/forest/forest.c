#include "calc/forest/forest.h"

#include <math.h>
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

static uint32_t leaf_of(const ats_forest *forest, uint32_t tree, const float *row)
{
    uint32_t at = forest->root[tree];
    for (uint32_t depth = forest->depth[tree]; depth-- > 0;)
        at = step(forest->nodes, row, at);
    return at;
}

/* Several margins: XGBoost adds each tree to its own, in file order. */
static void score_groups(const ats_forest *forest, const float *row, float *margins)
{
    memcpy(margins, forest->base_margin, forest->group_count * sizeof *margins);
    for (uint32_t tree = 0; tree < forest->tree_count; tree++)
        margins[forest->group[tree]] += forest->nodes[leaf_of(forest, tree, row)].value;
}

static float score_row(const ats_forest *forest, const float *row)
{
    const ats_forest_node *nodes = forest->nodes;
    float sum = forest->base_margin[0];
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
    for (; tree < forest->tree_count; tree++)
        sum += nodes[leaf_of(forest, tree, row)].value;
    return sum;
}

void ats_forest_score(const ats_forest *forest, const float *const *rows, uint32_t n,
                      float *margins)
{
    if (forest->group)
        for (uint32_t i = 0; i < n; i++)
            score_groups(forest, rows[i], margins + (size_t)i * forest->group_count);
    else
        for (uint32_t i = 0; i < n; i++)
            margins[i] = score_row(forest, rows[i]);
}

static void softmax(const float *margins, uint32_t n, float *out)
{
    float most = margins[0];
    double sum = 0;
    for (uint32_t i = 1; i < n; i++)
        most = margins[i] > most ? margins[i] : most;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = expf(margins[i] - most);
        sum += (double)out[i];
    }
    for (uint32_t i = 0; i < n; i++)
        out[i] /= (float)sum;
}

void ats_forest_predict(const ats_forest *forest, const float *margins, float *out)
{
    uint32_t n = forest->group_count, best = 0;
    for (uint32_t i = 0; i < n; i++) {
        float x = margins[i];
        best = x > margins[best] ? i : best;
        out[i] = forest->output == ATS_FOREST_SIGMOID
                     ? 1.0f / (expf(-x < 88.7f ? -x : 88.7f) + 1.0f + 1e-16f)
                 : forest->output == ATS_FOREST_EXP   ? expf(x)
                 : forest->output == ATS_FOREST_HINGE ? (x > 0 ? 1.0f : 0.0f)
                                                      : x;
    }
    if (forest->output == ATS_FOREST_SOFTMAX)
        softmax(margins, n, out);
    else if (forest->output == ATS_FOREST_ARGMAX)
        out[0] = (float)best;
}

int ats_forest_parse(ats_forest *forest, const void *model, size_t bytes)
{
    return ats_forest_looks_like_lightgbm(model, bytes)
               ? ats_forest_parse_lightgbm(forest, model, bytes)
               : ats_forest_parse_xgboost(forest, model, bytes);
}

void ats_forest_free(ats_forest *forest)
{
    free(forest->nodes);
    free(forest->root);
    free(forest->depth);
    free(forest->group);
    memset(forest, 0, sizeof *forest);
}
