#include "calc/forest/columns.h"

#include "calc/forest/checksum.h"
#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK     ATS_FOREST_BLOCK_TREES
#define HUGE_PAGE (2u << 20)

/* ---- the plan: what goes where --------------------------------------------------------------- */

typedef struct plan {
    const ats_forest *forest;
    ats_forest_column_set set;
    ats_forest_image head;    /* the header to be */
    ats_forest_block *blocks; /* [head.block_count] */
    uint64_t lines;           /* taken so far */
} plan;

static uint32_t take(plan *p, size_t bytes)
{
    uint64_t line = p->lines;
    p->lines += (bytes + 63) / 64;
    return (uint32_t)line;
}

static ats_forest_form form_for(const plan *p, uint32_t depth)
{
    if (p->set.column_count > ATS_FOREST_MASK_COLUMNS_MAX)
        return ATS_FOREST_NODES;
    if (depth <= 6)
        return depth <= 3 ? ATS_FOREST_SMALL : ATS_FOREST_TOP;
    /* A record names its columns in a byte. */
    return depth <= 8 && p->set.column_count <= 256 ? ATS_FOREST_RECORDS : ATS_FOREST_ENTRIES;
}

static const struct {
    uint32_t records, heap_nodes, leaf_bytes; /* of a block; heap nodes and leaves of a tree */
} FORMS[ATS_FOREST_FORM_COUNT] = {
    [ATS_FOREST_SMALL] = {2, 8, 8 * sizeof(float)},
    [ATS_FOREST_TOP] = {BLOCK, 64, 64 * sizeof(float)},
    [ATS_FOREST_RECORDS] = {BLOCK, 64, 64 * sizeof(ats_forest_record)},
    [ATS_FOREST_ENTRIES] = {BLOCK, 64, 64 * sizeof(uint32_t)},
    [ATS_FOREST_NODES] = {0, 0, sizeof(uint32_t)},
};

static void plan_form(plan *p, uint32_t b)
{
    const ats_forest *f = p->forest;
    uint32_t depth = 0;
    for (uint32_t t = b * BLOCK; t < (b + 1) * BLOCK && t < f->tree_count; t++)
        depth = f->depth[t] > depth ? f->depth[t] : depth;
    ats_forest_form form = form_for(p, depth);
    p->blocks[b].form = form;
    p->blocks[b].steps = form == ATS_FOREST_NODES     ? depth
                         : form == ATS_FOREST_ENTRIES ? depth - 6
                                                      : 0;
}

/* The masks of all blocks side by side, which are read from the first to the last; then their
 * leaves, of which a few are; then what only batches read. */
static void plan_blocks(plan *p)
{
    uint32_t count = p->head.block_count, pairs = p->head.pair_count;
    for (uint32_t b = 0; b < count; b++) {
        plan_form(p, b);
        p->blocks[b].masks = take(p, FORMS[p->blocks[b].form].records * 128);
    }
    for (uint32_t b = 0; b < count && pairs; b++)
        p->blocks[b].pairs = take(p, FORMS[p->blocks[b].form].records * pairs * sizeof(uint64_t));
    for (uint32_t b = 0; b < count; b++)
        p->blocks[b].leaves = take(p, BLOCK * FORMS[p->blocks[b].form].leaf_bytes);
    for (uint32_t b = 0; b < count; b++) {
        uint32_t nodes = FORMS[p->blocks[b].form].heap_nodes;
        p->blocks[b].heap = take(p, BLOCK * nodes * sizeof(ats_forest_heap_node));
    }
}

static void plan_image(plan *p)
{
    const ats_forest *f = p->forest;
    ats_forest_image *h = &p->head;
    memcpy(h->magic, ATS_FOREST_IMAGE_MAGIC, sizeof h->magic);
    h->layout_version = ATS_FOREST_IMAGE_VERSION;
    h->tree_count = f->tree_count;
    h->block_count = (f->tree_count + BLOCK - 1) / BLOCK;
    h->feature_count = f->feature_count;
    h->column_count = p->set.column_count;
    h->group_count = f->group_count;
    h->node_count = f->node_count + 1;
    h->max_depth = f->max_depth;
    h->pair_count = h->column_count > 256 && h->column_count <= ATS_FOREST_MASK_COLUMNS_MAX
                        ? (h->column_count + 127) / 128
                        : 0;
    memcpy(h->run_end, p->set.run_end, sizeof h->run_end);
    memcpy(h->base_margin, f->base_margin, sizeof h->base_margin);
    p->lines = sizeof *h / 64;
    h->blocks = take(p, h->block_count * sizeof *p->blocks);
    h->groups = take(p, h->block_count * BLOCK);
    h->columns = take(p, h->column_count * sizeof(ats_forest_column));
    for (uint32_t c = 0; c < h->column_count; c++) {
        ats_forest_column *column = &p->set.columns[c];
        column->cuts = take(p, ats_forest_cuts_bytes(column->threshold_count));
    }
    plan_blocks(p);
    for (uint32_t c = 0; c < h->column_count; c++) {
        ats_forest_column *column = &p->set.columns[c];
        column->search = take(p, ats_forest_search_bytes(column->search_levels));
    }
    h->feature_columns = take(p, ((size_t)h->feature_count + 1) * sizeof(uint16_t));
    h->column_of = take(p, h->column_count * sizeof(uint16_t));
    h->roots = take(p, h->tree_count * sizeof(uint32_t));
    h->depths = take(p, h->tree_count);
    h->values = take(p, h->node_count * sizeof(float));
    h->nodes = take(p, h->node_count * sizeof(ats_forest_image_node));
    h->bytes = p->lines * 64;
}

/* ---- filling it ------------------------------------------------------------------------------ */

typedef struct filler {
    const plan *plan;
    char *base;
    const ats_forest_image_node *nodes;
    const float *values;
} filler;

static void *at(const filler *f, uint32_t line)
{
    return f->base + (size_t)line * 64;
}

static void fill_columns(const filler *f)
{
    const ats_forest_image *h = &f->plan->head;
    const ats_forest_column_set *set = &f->plan->set;
    uint16_t *begin = at(f, h->feature_columns), *of = at(f, h->column_of);
    memcpy(at(f, h->columns), set->columns, h->column_count * sizeof *set->columns);
    uint32_t n = 0;
    for (uint32_t feature = 0; feature < h->feature_count; feature++) {
        begin[feature] = (uint16_t)n;
        for (uint32_t c = 0; c < h->column_count; c++)
            if (set->columns[c].feature == feature)
                of[n++] = (uint16_t)c;
    }
    begin[h->feature_count] = (uint16_t)n;
    for (uint32_t c = 0; c < h->column_count; c++) {
        const ats_forest_column *column = &set->columns[c];
        const ats_forest_threshold *t = &set->thresholds[set->first[c]];
        ats_forest_cuts_write(at(f, column->cuts), t, column->threshold_count);
        ats_forest_search_write(at(f, column->search), t, column->threshold_count,
                                column->search_levels);
    }
}

static void fill_nodes(const filler *f)
{
    const ats_forest *forest = f->plan->forest;
    const ats_forest_image *h = &f->plan->head;
    ats_forest_image_node *nodes = at(f, h->nodes);
    float *values = at(f, h->values);
    for (uint32_t i = 0; i < forest->node_count; i++) {
        const ats_forest_node *from = &forest->nodes[i];
        if (from->left == i) {
            nodes[i] = (ats_forest_image_node){.left = i, .rank = 255, .leaf = 1};
            values[i] = from->value;
            continue;
        }
        const ats_forest_threshold *t = ats_forest_columns_find(&f->plan->set, from);
        nodes[i] =
            (ats_forest_image_node){.left = from->left, .column = t->column, .rank = t->rank};
    }
    uint32_t last = forest->node_count;
    nodes[last] = (ats_forest_image_node){.left = last, .rank = 255, .leaf = 1};
    values[last] = -0.0f;
    memcpy(at(f, h->roots), forest->root, h->tree_count * sizeof(uint32_t));
    memcpy(at(f, h->depths), forest->depth, h->tree_count);
}

/* Where the top of one tree goes. */
typedef struct top {
    uint8_t *columns; /* [64] or, of a small tree, its 8 */
    uint8_t *ranks;   /* 64 behind the columns */
    uint64_t *pairs;  /* NULL: none */
    uint32_t lane;    /* of columns[0] within the mask record */
    ats_forest_heap_node *heap;
    uint32_t levels;    /* 3 or 6 */
    uint32_t exits[64]; /* nodes below */
} top;

/* Place of heap slot i (1..63) among the fields of a mask record. */
static uint32_t field_place(uint32_t i)
{
    if (i < 8)
        return i - 1;
    uint32_t below = 28 - (uint32_t)__builtin_clz(i); /* levels under the exit, 0..2 */
    uint32_t exit = (i >> below) - 8;
    return 7 + 7 * exit + (i - ((8 + exit) << below)) + (1u << below) - 1;
}

/* Recursion ends after `levels` steps. A leaf above stands at every exit below it. */
static void fill_top(const filler *f, top *t, uint32_t node, uint32_t slot, uint32_t level)
{
    const ats_forest_image_node *n = &f->nodes[node];
    if (level == t->levels) {
        t->exits[slot - (1u << level)] = node;
        return;
    }
    if (!n->leaf) {
        uint32_t place = field_place(slot);
        t->columns[place] = (uint8_t)n->column;
        t->ranks[place] = n->rank;
        if (t->pairs)
            t->pairs[n->column / 128] |= 1ull << (t->lane + place);
        t->heap[slot] = (ats_forest_heap_node){.rank_times_4 = n->rank * 0x01010101u,
                                               .column_offset = n->column * 64u};
    }
    fill_top(f, t, n->left, 2 * slot, level + 1);
    fill_top(f, t, n->left + !n->leaf, 2 * slot + 1, level + 1);
}

static void fill_record(const filler *f, uint32_t node, ats_forest_record *r)
{
    const ats_forest_image_node *upper = &f->nodes[node];
    r->node[0].column = (uint8_t)upper->column;
    r->node[0].rank = upper->rank;
    for (uint32_t side = 0; side < 2; side++) {
        uint32_t child = upper->left + (upper->leaf ? 0 : side);
        const ats_forest_image_node *lower = &f->nodes[child];
        r->node[1 + side].column = (uint8_t)lower->column;
        r->node[1 + side].rank = lower->rank;
        r->leaf[2 * side] = f->values[lower->left];
        r->leaf[2 * side + 1] = f->values[lower->left + !lower->leaf];
    }
}

static void fill_leaves(const filler *f, const ats_forest_block *block, uint32_t t,
                        const top *above)
{
    uint32_t exits = 1u << above->levels;
    for (uint32_t e = 0; e < exits; e++) {
        uint32_t node = above->exits[e];
        size_t place = (size_t)t * exits + e;
        if (block->form == ATS_FOREST_RECORDS)
            fill_record(f, node, (ats_forest_record *)at(f, block->leaves) + place);
        else if (block->form == ATS_FOREST_ENTRIES)
            ((uint32_t *)at(f, block->leaves))[place] = node;
        else
            ((float *)at(f, block->leaves))[place] = f->values[node];
    }
}

static void fill_block(const filler *f, uint32_t b)
{
    const plan *p = f->plan;
    const ats_forest_block *block = &p->blocks[b];
    uint32_t records = FORMS[block->form].records, nodes = FORMS[block->form].heap_nodes;
    for (uint32_t r = 0; r < records; r++)
        memset((uint8_t *)at(f, block->masks) + r * 128 + 64, 255, 64);
    for (uint32_t i = 0; i < BLOCK * nodes; i++)
        ((ats_forest_heap_node *)at(f, block->heap))[i].rank_times_4 = UINT32_MAX;
    for (uint32_t t = 0; t < BLOCK; t++) {
        uint32_t tree = b * BLOCK + t;
        uint32_t root =
            tree < p->forest->tree_count ? p->forest->root[tree] : p->head.node_count - 1;
        if (block->form == ATS_FOREST_NODES) {
            ((uint32_t *)at(f, block->leaves))[t] = root;
            continue;
        }
        bool small = block->form == ATS_FOREST_SMALL;
        uint32_t record = small ? t / 8 : t, lane = small ? t % 8 * 8 : 0;
        uint8_t *masks = (uint8_t *)at(f, block->masks) + record * 128 + lane;
        top to = {.columns = masks,
                  .ranks = masks + 64,
                  .lane = lane,
                  .heap = (ats_forest_heap_node *)at(f, block->heap) + (size_t)t * nodes,
                  .levels = small ? 3 : 6};
        if (p->head.pair_count)
            to.pairs = (uint64_t *)at(f, block->pairs) + (size_t)record * p->head.pair_count;
        fill_top(f, &to, root, 1, 0);
        fill_leaves(f, block, t, &to);
    }
}

static void fill_image(const filler *f)
{
    const plan *p = f->plan;
    const ats_forest_image *h = &p->head;
    memcpy(f->base, h, sizeof *h);
    memcpy(at(f, h->blocks), p->blocks, h->block_count * sizeof *p->blocks);
    for (uint32_t t = 0; t < h->tree_count && p->forest->group; t++)
        ((uint8_t *)at(f, h->groups))[t] = (uint8_t)p->forest->group[t];
    fill_columns(f);
    fill_nodes(f);
    for (uint32_t b = 0; b < h->block_count; b++)
        fill_block(f, b);
    ats_forest_image *image = (ats_forest_image *)f->base;
    image->checksum = ats_forest_image_checksum(image);
}

/* Zeroed. Images of a huge page and more lie on huge pages where the kernel has them. */
void *ats_forest_image_memory(size_t bytes)
{
    size_t align = bytes >= HUGE_PAGE / 2 ? HUGE_PAGE : 64;
    size_t size = (bytes + align - 1) / align * align;
    void *memory = aligned_alloc(align, size);
    if (!memory)
        return NULL;
    if (align == HUGE_PAGE)
        madvise(memory, size, MADV_HUGEPAGE); /* a wish: small pages do as well */
    return memset(memory, 0, size);
}

ats_forest_image *ats_forest_compile(const ats_forest *forest)
{
    plan p = {.forest = forest};
    char *base = NULL;
    if (ats_forest_columns_make(&p.set, forest) != 0)
        return NULL;
    p.blocks = calloc((forest->tree_count + BLOCK - 1) / BLOCK, sizeof *p.blocks);
    if (p.blocks) {
        plan_image(&p);
        base = ats_forest_image_memory(p.head.bytes);
    }
    if (base) {
        filler f = {.plan = &p,
                    .base = base,
                    .nodes = (const void *)(base + (size_t)p.head.nodes * 64),
                    .values = (const void *)(base + (size_t)p.head.values * 64)};
        fill_image(&f);
    } else {
        ats_error(ATS_EXIT_FAILED, "forest image: out of memory");
    }
    free(p.blocks);
    ats_forest_columns_free(&p.set);
    return (ats_forest_image *)base;
}

void ats_forest_image_free(ats_forest_image *image)
{
    free(image);
}
