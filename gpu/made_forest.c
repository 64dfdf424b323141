#include "gpu/made_forest.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float lattice(ats_random *random)
{
    return (float)((int)ats_random_below(random, 257) - 128) / 64.0f;
}

/* A leaf's value: of either sign and of several sizes, so that the order of a sum shows. */
static float leaf_value(ats_random *random)
{
    static const float scales[] = {1e-3f, 1.0f, 37.0f, 1e4f};
    float fraction = (float)(ats_random_next(random) >> 40) / (float)(1 << 24) - 0.5f;
    return fraction * scales[ats_random_below(random, 4)];
}

static int grow_room(ats_forest *forest, uint32_t *room)
{
    if (forest->node_count + 2 <= *room)
        return 0;
    uint32_t more = *room * 2;
    ats_forest_node *nodes = forest->node_count + 2 > ATS_FOREST_NODES_MAX
                                 ? NULL
                                 : realloc(forest->nodes, more * sizeof *nodes);
    if (!nodes)
        return ats_error(ATS_EXIT_FAILED, "made-up model: too large");
    forest->nodes = nodes;
    *room = more;
    return 0;
}

static void make_leaf(ats_forest *forest, uint32_t at, ats_random *random)
{
    forest->nodes[at] =
        (ats_forest_node){.threshold = NAN, .value = leaf_value(random), .left = at};
}

/* Breadth first: `first` is the first node of a level, and the nodes from there on are unsplit. */
static int make_tree(ats_forest *forest, const ats_made_forest *shape, uint32_t tree,
                     uint32_t *room, ats_random *random)
{
    if (grow_room(forest, room) != 0)
        return -1;
    uint32_t level_first = forest->node_count++;
    forest->root[tree] = level_first;
    make_leaf(forest, level_first, random);
    uint32_t depth = 0;
    for (; depth < shape->depth; depth++) {
        uint32_t level_end = forest->node_count;
        for (uint32_t at = level_first; at < level_end; at++) {
            if (ats_random_below(random, 100) < shape->leaf_percent)
                continue;
            if (grow_room(forest, room) != 0)
                return -1;
            ats_forest_node *node = &forest->nodes[at];
            *node = (ats_forest_node){.threshold = lattice(random),
                                      .left = forest->node_count,
                                      .feature =
                                          (uint16_t)ats_random_below(random, shape->feature_count),
                                      .default_right = (uint16_t)(ats_random_next(random) & 1)};
            make_leaf(forest, forest->node_count++, random);
            make_leaf(forest, forest->node_count++, random);
        }
        if (forest->node_count == level_end)
            break;
        level_first = level_end;
    }
    forest->depth[tree] = (uint8_t)depth;
    forest->max_depth = depth > forest->max_depth ? depth : forest->max_depth;
    return 0;
}

int ats_forest_make(ats_forest *forest, const ats_made_forest *shape)
{
    uint32_t room = 1024;
    ats_random random;
    memset(forest, 0, sizeof *forest);
    if (shape->tree_count < 1 || shape->tree_count > ATS_FOREST_TREES_MAX || shape->depth > 255 ||
        shape->feature_count < 1 || shape->feature_count > ATS_FOREST_FEATURES_MAX ||
        shape->group_count < 1 || shape->group_count > ATS_FOREST_GROUPS_MAX)
        return ats_error(ATS_EXIT_DATA, "made-up model: no such shape");
    ats_random_seed(&random, shape->seed);
    forest->tree_count = shape->tree_count;
    forest->feature_count = shape->feature_count;
    forest->group_count = shape->group_count;
    forest->nodes = malloc(room * sizeof *forest->nodes);
    forest->root = malloc(shape->tree_count * sizeof *forest->root);
    forest->depth = malloc(shape->tree_count);
    forest->group =
        shape->group_count > 1 ? malloc(shape->tree_count * sizeof *forest->group) : NULL;
    bool short_of = !forest->nodes || !forest->root || !forest->depth ||
                    (shape->group_count > 1 && !forest->group);
    if (short_of) {
        ats_forest_free(forest);
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    }
    for (uint32_t g = 0; g < shape->group_count; g++)
        forest->base_margin[g] = leaf_value(&random);
    for (uint32_t tree = 0; tree < shape->tree_count; tree++) {
        if (forest->group)
            forest->group[tree] = (uint16_t)ats_random_below(&random, shape->group_count);
        if (make_tree(forest, shape, tree, &room, &random) != 0) {
            ats_forest_free(forest);
            return -1;
        }
    }
    return 0;
}

void ats_forest_make_row(ats_random *random, float *row, uint32_t feature_count)
{
    for (uint32_t i = 0; i < feature_count; i++) {
        uint64_t draw = ats_random_below(random, 64);
        row[i] = draw < 4    ? NAN
                 : draw == 4 ? INFINITY
                 : draw == 5 ? -INFINITY
                 : draw == 6 ? -0.0f
                 : draw < 32 ? lattice(random)
                             : lattice(random) + 1.0f / 128;
    }
}
