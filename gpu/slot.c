/* A loaded model: its table (table.h) and its canaries. Cold. */
#include "gpu/internal.h"

#include "calc/forest/scorer.h"
#include "core/error.h"
#include "core/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct pack {
    const ats_forest_image_node *nodes;
    const float *values;
    uint32_t *queue;   /* image nodes of a tree in the order of their numbers there */
    uint32_t *words;   /* NULL: only measured */
    uint32_t room;     /* nodes of the image: no tree has more */
    uint32_t at;       /* words so far */
    uint32_t farthest; /* distance to a left child, the longest */
    bool wide;
    bool no_tree; /* a node was come upon more often than there are nodes */
} pack;

static void put_node(pack *p, uint32_t word, const ats_forest_image_node *node, uint32_t distance)
{
    uint32_t leaves = 0;
    if (!p->words)
        return;
    for (uint32_t side = 0; side < 2; side++)
        leaves |= (uint32_t)p->nodes[node->left + side].leaf << (ATS_GPU_LEAF_BIT + side);
    uint32_t column_and_rank = (uint32_t)node->column << 8 | node->rank;
    if (p->wide) {
        p->words[word] = leaves | distance;
        p->words[word + 1] = column_and_rank;
    } else {
        p->words[word] = leaves | distance << 18 | column_and_rank;
    }
}

/* A tree of one leaf: column 0, k 255 sends every row left; both children are the leaf. */
static void put_stump(pack *p, uint32_t leaf)
{
    uint32_t step = p->wide ? 2 : 1;
    if (p->words) {
        uint32_t bits;
        memcpy(&bits, &p->values[leaf], sizeof bits);
        p->words[p->at] = 3u << ATS_GPU_LEAF_BIT | (p->wide ? 1u : 1u << 18 | 0xff);
        if (p->wide)
            p->words[p->at + 1] = 0xff;
        p->words[p->at + step] = p->words[p->at + 2 * step] = bits;
    }
    p->at += 3 * step;
}

static void put_tree(pack *p, uint32_t root)
{
    uint32_t step = p->wide ? 2 : 1, count = 1;
    if (p->nodes[root].leaf) {
        put_stump(p, root);
        return;
    }
    p->queue[0] = root;
    for (uint32_t i = 0; i < count; i++) {
        const ats_forest_image_node *node = &p->nodes[p->queue[i]];
        if (node->leaf) {
            if (p->words)
                memcpy(&p->words[p->at + i * step], &p->values[p->queue[i]], 4);
            continue;
        }
        if (count + 2 > p->room) {
            p->no_tree = true;
            return;
        }
        uint32_t distance = count - i;
        p->farthest = distance > p->farthest ? distance : p->farthest;
        put_node(p, p->at + i * step, node, distance);
        p->queue[count++] = node->left;
        p->queue[count++] = node->left + 1;
    }
    p->at += count * step;
}

/* Trees by group, each group's in file order; notes where each begins. */
static void put_trees(pack *p, const ats_forest_image *image, uint32_t *group_first,
                      uint32_t *tree_first)
{
    const uint8_t *group = ats_forest_image_at(image, image->groups);
    const uint32_t *root = ats_forest_image_at(image, image->roots);
    uint32_t n = 0;
    p->at = 0;
    for (uint32_t g = 0; g < image->group_count; g++) {
        if (group_first)
            group_first[g] = n;
        for (uint32_t tree = 0; tree < image->tree_count; tree++) {
            if (group[tree] != g)
                continue;
            if (tree_first)
                tree_first[n] = p->at;
            put_tree(p, root[tree]);
            n++;
        }
    }
    if (group_first)
        group_first[image->group_count] = n;
    if (tree_first)
        tree_first[n] = p->at;
}

/* A column's thresholds, ascending (image.h: behind a line of pivots when there are more than a
 * line of them). */
static const float *cuts_of(const ats_forest_image *image, const ats_forest_column *column)
{
    const float *cuts = ats_forest_image_at(image, column->cuts);
    return cuts +
           (column->threshold_count > ATS_FOREST_LINE_THRESHOLDS ? ATS_FOREST_LINE_THRESHOLDS : 0);
}

/* Inputs that lie side by side in a row are copied twice as fast as scattered ones are picked
 * up; for that a fifth of the traffic may be of features that no node uses. */
static void close_gaps(bool *used, uint32_t count)
{
    uint32_t first = 0, end = count, inputs = 0;
    while (first < end && !used[first])
        first++;
    while (end > first && !used[end - 1])
        end--;
    for (uint32_t i = first; i < end; i++)
        inputs += used[i];
    for (uint32_t i = first; i < end && (end - first) * 4 <= inputs * 5; i++)
        used[i] = true;
}

/* The features whose values the device gets, ascending, and which of them each feature is. */
static int find_inputs(ats_gpu_slot *slot, const ats_forest_image *image, uint16_t *input_of)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    bool used[ATS_FOREST_FEATURES_MAX] = {false};
    slot->input = calloc(ATS_FOREST_FEATURES_MAX, sizeof *slot->input);
    if (!slot->input)
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    for (uint32_t i = 0; i < image->column_count; i++)
        used[columns[i].feature] = true;
    close_gaps(used, image->feature_count);
    slot->input_count = 0;
    for (uint32_t feature = 0; feature < image->feature_count; feature++)
        if (used[feature]) {
            input_of[feature] = (uint16_t)slot->input_count;
            slot->input[slot->input_count++] = (uint16_t)feature;
        }
    uint32_t last = slot->input_count ? slot->input_count - 1 : 0;
    slot->side_by_side = slot->input[last] - slot->input[0] == (int)last;
    return 0;
}

/* Bytes of columns and cuts. */
static uint64_t column_bytes(const ats_forest_image *image)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    uint64_t bytes = image->column_count * sizeof(ats_gpu_column);
    for (uint32_t i = 0; i < image->column_count; i++)
        bytes += columns[i].threshold_count * sizeof(float);
    return bytes;
}

static void put_columns(unsigned char *table, const ats_gpu_table *head,
                        const ats_forest_image *image, const uint16_t *input_of)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    ats_gpu_column *to = (ats_gpu_column *)(void *)(table + head->columns_at);
    uint32_t at = head->columns_at + image->column_count * (uint32_t)sizeof *to;
    for (uint32_t i = 0; i < image->column_count; i++) {
        to[i] = (ats_gpu_column){.cuts_at = at,
                                 .input = input_of[columns[i].feature],
                                 .cut_count = columns[i].threshold_count,
                                 .missing_rank = columns[i].missing_rank};
        memcpy(table + at, cuts_of(image, &columns[i]), 4u * columns[i].threshold_count);
        at += 4u * columns[i].threshold_count;
    }
}

static int build_table(ats_gpu_slot *slot, const ats_forest_image *image, uint32_t load,
                       uint64_t bytes_max, uint32_t *queue)
{
    pack p = {.nodes = ats_forest_image_at(image, image->nodes),
              .values = ats_forest_image_at(image, image->values),
              .queue = queue,
              .room = image->node_count};
    uint16_t input_of[ATS_FOREST_FEATURES_MAX];
    if (find_inputs(slot, image, input_of) != 0)
        return -1;
    put_trees(&p, image, NULL, NULL);
    if (p.no_tree)
        return ats_error(ATS_EXIT_DATA, "model: its nodes form no tree");
    if (p.farthest >= 1u << ATS_GPU_NARROW_DISTANCE_BITS) {
        p.wide = true;
        put_trees(&p, image, NULL, NULL);
    }
    ats_gpu_table head = {.magic = ATS_GPU_TABLE_MAGIC,
                          .load = load,
                          .tree_count = image->tree_count,
                          .group_count = image->group_count,
                          .depth = image->max_depth ? image->max_depth : 1,
                          .wide = p.wide,
                          .rank_words = (image->column_count + 7) / 8,
                          .rank_stride = (uint32_t)(ats_forest_rank_stride(image) / 8),
                          .base_at = sizeof head,
                          .column_count = (uint16_t)image->column_count,
                          .input_count = (uint16_t)slot->input_count,
                          .value_stride = (slot->input_count + 15) / 16 * 8};
    /* A model of constant trees has no column; a row then has one word, which decides nothing. */
    head.rank_words = head.rank_words ? head.rank_words : 1;
    head.rank_stride = head.rank_stride ? head.rank_stride : 8;
    head.value_stride = head.value_stride ? head.value_stride : 8;
    head.group_at = head.base_at + 4 * head.group_count;
    head.tree_at = head.group_at + 4 * (head.group_count + 1);
    head.columns_at = head.tree_at + 4 * (head.tree_count + 1);
    head.words_at = head.columns_at + (uint32_t)column_bytes(image);
    uint64_t bytes = (head.words_at + (uint64_t)p.at * 4 + 7) / 8 * 8;
    if (bytes > bytes_max)
        return ats_error(ATS_EXIT_CONFIG, "model: takes %llu bytes on the device, a slot has %llu",
                         (unsigned long long)bytes, (unsigned long long)bytes_max);
    head.bytes = (uint32_t)bytes;
    slot->table = calloc(1, bytes);
    if (!slot->table)
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    unsigned char *at = (unsigned char *)slot->table;
    *slot->table = head;
    memcpy(at + head.base_at, image->base_margin, 4 * head.group_count);
    put_columns(at, &head, image, input_of);
    p.words = (uint32_t *)(at + head.words_at);
    put_trees(&p, image, (uint32_t *)(at + head.group_at), (uint32_t *)(at + head.tree_at));
    return 0;
}

/* Margins of a row of ranks by the image's own plain nodes: not by the table, which this is to
 * prove right. */
static void score_ranks(const ats_forest_image *image, const uint8_t *rank, float *margins)
{
    const ats_forest_image_node *nodes = ats_forest_image_at(image, image->nodes);
    const float *values = ats_forest_image_at(image, image->values);
    const uint32_t *root = ats_forest_image_at(image, image->roots);
    const uint8_t *group = ats_forest_image_at(image, image->groups);
    memcpy(margins, image->base_margin, image->group_count * sizeof *margins);
    for (uint32_t tree = 0; tree < image->tree_count; tree++) {
        uint32_t at = root[tree];
        while (!nodes[at].leaf)
            at = nodes[at].left + (rank[nodes[at].column] > nodes[at].rank);
        margins[group[tree]] += values[at];
    }
}

/* A value that the model tells apart from others: a threshold of one of the input's columns (of
 * any, where it has none), or what lies beside it; or missing, or infinite. */
static float draw_value(ats_random *random, const ats_forest_image *image, uint32_t feature)
{
    const ats_forest_column *columns = ats_forest_columns(image);
    uint32_t at = (uint32_t)ats_random_below(random, image->column_count);
    uint64_t how = ats_random_below(random, 32);
    for (uint32_t i = 0; i < image->column_count && columns[at].feature != feature; i++)
        at = (at + 1) % image->column_count;
    float cut = cuts_of(image, &columns[at])[ats_random_below(random, columns[at].threshold_count)];
    return how < 2    ? NAN
           : how == 2 ? INFINITY
           : how == 3 ? -INFINITY
           : how < 12 ? cut
           : how < 22 ? nextafterf(cut, -INFINITY)
                      : nextafterf(cut, INFINITY);
}

static int make_canaries(ats_gpu_slot *slot, const ats_forest_image *image, uint32_t load)
{
    float *row = calloc(image->feature_count + 1, sizeof *row);
    slot->canary_value = calloc(ATS_GPU_CANARIES, slot->value_words * 8ull);
    slot->canary_rank = calloc(ATS_GPU_CANARIES, slot->rank_words * 8ull);
    slot->canary_bits = calloc((size_t)ATS_GPU_CANARIES * image->group_count, 4);
    if (!row || !slot->canary_value || !slot->canary_rank || !slot->canary_bits) {
        free(row);
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    }
    ats_random random;
    ats_random_seed(&random, load);
    for (uint32_t i = 0; i < ATS_GPU_CANARIES; i++) {
        uint8_t *rank = (uint8_t *)(slot->canary_rank + (size_t)i * slot->rank_words);
        const float *const rows[] = {row};
        float margins[ATS_GPU_GROUPS_MAX];
        for (uint32_t input = 0; input < slot->input_count; input++) {
            float x = draw_value(&random, image, slot->input[input]);
            row[slot->input[input]] = x;
            memcpy((char *)(slot->canary_value + (size_t)i * slot->value_words) + 4 * input, &x, 4);
        }
        ats_forest_quantise(image, ATS_ISA_PORTABLE, rows, 1, rank, slot->rank_words * 8ull);
        score_ranks(image, rank, margins);
        memcpy(&slot->canary_bits[(size_t)i * image->group_count], margins, 4 * image->group_count);
    }
    free(row);
    return 0;
}

int ats_gpu_slot_fill(ats_gpu_slot *slot, const ats_forest_image *image, uint32_t load,
                      uint64_t bytes_max)
{
    if (image->column_count > ATS_GPU_COLUMNS_MAX)
        return ats_error(ATS_EXIT_CONFIG, "model: has %u columns of ranks, a device takes %u",
                         image->column_count, ATS_GPU_COLUMNS_MAX);
    uint32_t *queue = malloc((size_t)image->node_count * sizeof *queue);
    if (!queue)
        return ats_error(ATS_EXIT_FAILED, "out of memory");
    slot->group_count = image->group_count;
    int failed = build_table(slot, image, load, bytes_max, queue);
    free(queue);
    if (!failed) {
        slot->rank_words = slot->table->rank_stride;
        slot->value_words = slot->table->value_stride;
        failed = make_canaries(slot, image, load);
    }
    if (failed)
        ats_gpu_slot_clear(slot);
    return failed;
}

void ats_gpu_slot_clear(ats_gpu_slot *slot)
{
    free(slot->table);
    free(slot->input);
    free(slot->canary_value);
    free(slot->canary_rank);
    free(slot->canary_bits);
    slot->table = NULL;
    slot->input = NULL;
    slot->canary_value = NULL;
    slot->canary_rank = NULL;
    slot->canary_bits = NULL;
    slot->use = ATS_GPU_SLOT_FREE;
}
