/* forest_maker.h: random forests of every shape, and rows that are hard to score, for tests. */
#ifndef ATS_TESTS_FOREST_MAKER_H
#define ATS_TESTS_FOREST_MAKER_H

#include "calc/forest/forest.h"
#include "core/random.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum tree_shape {
    SHAPE_COMPLETE, /* every path as deep as the depth */
    SHAPE_RANDOM,   /* splits end early by chance */
    SHAPE_SKEWED    /* one long path, with a leaf at each step */
} tree_shape;

typedef struct forest_plan {
    const char *name;
    uint32_t trees, depth, features, groups;
    uint32_t values; /* distinct thresholds a feature is drawn from */
    uint32_t used;   /* features that nodes use: the last ones; 0: all */
    tree_shape shape;
    uint32_t missing; /* 0: left, 1: right, 2: either */
    uint32_t seed;
} forest_plan;

static inline uint32_t maker_below(ats_random *r, uint32_t n)
{
    return (uint32_t)(ats_random_next(r) % n);
}

/* Threshold number i of a feature: a few special ones, then a lattice with both signs. */
static inline float maker_threshold(uint32_t feature, uint32_t i)
{
    static const float special[] = {0.0f,    -0.0f,    1e-42f,   -1e-42f,
                                    FLT_MAX, -FLT_MAX, INFINITY, -INFINITY};
    if (i < 8 && feature % 3 == 0)
        return special[i];
    return ((float)i - 60.5f) * 0.013f * (float)(1 + feature % 5);
}

typedef struct maker {
    ats_forest *f;
    const forest_plan *plan;
    ats_random random;
} maker;

static inline uint32_t maker_feature(maker *m)
{
    uint32_t used = m->plan->used ? m->plan->used : m->plan->features;
    return m->plan->features - used + maker_below(&m->random, used);
}

static inline int maker_ends(maker *m, uint32_t depth, int spine)
{
    if (depth >= m->plan->depth)
        return 1;
    if (m->plan->shape == SHAPE_COMPLETE)
        return 0;
    return m->plan->shape == SHAPE_SKEWED ? !spine : maker_below(&m->random, 5) == 0;
}

static inline void maker_node(maker *m, uint32_t tree, uint32_t at, uint32_t depth, int spine)
{
    ats_forest *f = m->f;
    if (depth > f->depth[tree])
        f->depth[tree] = (uint8_t)depth;
    if (maker_ends(m, depth, spine)) {
        float value = ((float)maker_below(&m->random, 200001) - 100000.0f) * 1.7e-4f;
        f->nodes[at] = (ats_forest_node){.threshold = NAN, .value = value, .left = at};
        return;
    }
    uint32_t left = f->node_count, feature = maker_feature(m);
    f->node_count += 2;
    f->nodes[at] = (ats_forest_node){
        .threshold = maker_threshold(feature, maker_below(&m->random, m->plan->values)),
        .left = left,
        .feature = (uint16_t)feature,
        .default_right =
            (uint16_t)(m->plan->missing == 2 ? maker_below(&m->random, 2) : m->plan->missing)};
    int side = (int)maker_below(&m->random, 2);
    maker_node(m, tree, left, depth + 1, spine && side == 0);
    maker_node(m, tree, left + 1, depth + 1, spine && side == 1);
}

static inline void forest_make(ats_forest *f, const forest_plan *plan)
{
    maker m = {.f = f, .plan = plan};
    memset(f, 0, sizeof *f);
    ats_random_seed(&m.random, plan->seed + 1);
    size_t most = plan->shape == SHAPE_SKEWED ? 2 * plan->depth + 1 : (2ull << plan->depth);
    f->nodes = calloc(most * plan->trees, sizeof *f->nodes);
    f->root = calloc(plan->trees, sizeof *f->root);
    f->depth = calloc(plan->trees, sizeof *f->depth);
    f->group = plan->groups > 1 ? calloc(plan->trees, sizeof *f->group) : NULL;
    f->tree_count = plan->trees;
    f->feature_count = plan->features;
    f->group_count = plan->groups;
    for (uint32_t g = 0; g < plan->groups; g++)
        f->base_margin[g] = 0.25f - (float)g;
    for (uint32_t t = 0; t < plan->trees; t++) {
        if (f->group)
            f->group[t] = (uint16_t)maker_below(&m.random, plan->groups);
        f->root[t] = f->node_count++;
        maker_node(&m, t, f->root[t], 0, 1);
        if (f->depth[t] > f->max_depth)
            f->max_depth = f->depth[t];
    }
}

/* A value that a careless comparison gets wrong. */
static inline float maker_value(ats_random *r, const forest_plan *plan, uint32_t feature)
{
    static const float special[] = {NAN,          INFINITY,      -INFINITY, 0.0f,    -0.0f,
                                    FLT_TRUE_MIN, -FLT_TRUE_MIN, 1e-42f,    FLT_MAX, -FLT_MAX};
    float threshold = maker_threshold(feature, maker_below(r, plan->values));
    switch (maker_below(r, 6)) {
    case 0:
        return special[maker_below(r, sizeof special / sizeof special[0])];
    case 1:
        return threshold;
    case 2:
        return nextafterf(threshold, INFINITY);
    case 3:
        return nextafterf(threshold, -INFINITY);
    case 4: /* a NaN that is not the usual one */
        return maker_below(r, 4) ? threshold * 1.5f : -nanf("0x1234");
    default:
        return ((float)maker_below(r, 100000) - 50000.0f) * 1e-4f;
    }
}

static inline void forest_rows(const forest_plan *plan, float *x, uint32_t n, uint32_t seed)
{
    ats_random r;
    ats_random_seed(&r, seed);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t f = 0; f < plan->features; f++)
            x[(size_t)i * plan->features + f] = maker_value(&r, plan, f);
}

#endif
