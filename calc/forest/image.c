#include "calc/forest/image.h"

#include "calc/forest/checksum.h"
#include "calc/forest/columns.h"
#include "core/error.h"

#include <stdbool.h>
#include <string.h>

#define BLOCK    ATS_FOREST_BLOCK_TREES
#define LINE     ATS_FOREST_LINE_THRESHOLDS
#define BAD(...) ats_error(ATS_EXIT_DATA, "forest image: " __VA_ARGS__)
/* Does a section lie within the image, behind its header? */
static bool within(const ats_forest_image *h, uint32_t line, uint64_t bytes)
{
    uint64_t from = (uint64_t)line * 64;
    return from >= sizeof *h && from <= h->bytes && bytes <= h->bytes - from;
}

static int check_header(const ats_forest_image *h, size_t bytes)
{
    if (bytes < sizeof *h || memcmp(h->magic, ATS_FOREST_IMAGE_MAGIC, sizeof h->magic) != 0)
        return BAD("%zu bytes that are none", bytes);
    if (h->layout_version != ATS_FOREST_IMAGE_VERSION)
        return BAD("layout %u; this program reads %u", h->layout_version, ATS_FOREST_IMAGE_VERSION);
    if (h->bytes != bytes || bytes % 64)
        return BAD("%zu bytes where %llu are due", bytes, (unsigned long long)h->bytes);
    if (h->checksum != ats_forest_image_checksum(h))
        return BAD("its checksum differs: it is damaged");
    uint32_t pairs = h->column_count > 256 && h->column_count <= ATS_FOREST_MASK_COLUMNS_MAX
                         ? (h->column_count + 127) / 128
                         : 0;
    if (h->tree_count < 1 || h->tree_count > ATS_FOREST_TREES_MAX ||
        h->block_count != (h->tree_count + BLOCK - 1) / BLOCK || h->feature_count < 1 ||
        h->feature_count > ATS_FOREST_FEATURES_MAX || h->column_count > ATS_FOREST_COLUMNS_MAX ||
        h->group_count < 1 || h->group_count > ATS_FOREST_GROUPS_MAX ||
        h->node_count < h->tree_count || h->node_count > ATS_FOREST_NODES_MAX + 1 ||
        h->max_depth > ATS_FOREST_DEPTH_MAX || h->pair_count != pairs)
        return BAD("its counts cannot be");
    if (h->run_end[0] > h->run_end[1] || h->run_end[1] > h->run_end[2] ||
        h->run_end[2] > h->run_end[3] || h->run_end[3] != h->column_count)
        return BAD("its runs of columns cannot be");
    return 0;
}

static int check_sections(const ats_forest_image *h)
{
    const struct {
        uint32_t line;
        uint64_t bytes;
    } sections[] = {
        {h->columns, h->column_count * sizeof(ats_forest_column)},
        {h->feature_columns, (h->feature_count + 1) * sizeof(uint16_t)},
        {h->column_of, h->column_count * sizeof(uint16_t)},
        {h->blocks, h->block_count * sizeof(ats_forest_block)},
        {h->groups, h->block_count * BLOCK},
        {h->nodes, (uint64_t)h->node_count * sizeof(ats_forest_image_node)},
        {h->values, (uint64_t)h->node_count * sizeof(float)},
        {h->roots, h->tree_count * sizeof(uint32_t)},
        {h->depths, h->tree_count},
    };
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        if (!within(h, sections[i].line, sections[i].bytes))
            return BAD("section %zu lies outside", i);
    return 0;
}

/* Cuts and search tree must hold the same ascending thresholds, NaN behind them: a search then ends
 * within them. */
static bool sound_thresholds(const ats_forest_image *h, const ats_forest_column *c)
{
    uint32_t count = c->threshold_count;
    const float *cuts = ats_forest_image_at(h, c->cuts);
    const float *search = ats_forest_image_at(h, c->search);
    const float *lines = count <= LINE ? cuts : cuts + LINE;
    uint32_t room = count <= LINE ? LINE : (count / LINE + 1) * LINE;
    for (uint32_t i = 0; i < room; i++) {
        bool number = lines[i] == lines[i];
        if (number != (i < count) || (number && i > 0 && !(lines[i - 1] < lines[i])))
            return false;
    }
    for (uint32_t i = 0; count > LINE && i < LINE; i++) {
        bool pivot = i < count / LINE;
        if (pivot ? cuts[i] != lines[i * LINE + LINE - 1] : cuts[i] == cuts[i])
            return false;
    }
    for (uint32_t level = 0; level < c->search_levels; level++)
        for (uint32_t p = 0; p < 1u << level; p++) {
            uint32_t rank = (2 * p + 1) * (1u << (c->search_levels - 1 - level)) - 1;
            float x = search[(1u << level) + p];
            if (rank < count ? x != lines[rank] : x == x)
                return false;
        }
    return true;
}

static int check_columns(const ats_forest_image *h)
{
    const ats_forest_column *columns = ats_forest_columns(h);
    const uint16_t *begin = ats_forest_image_at(h, h->feature_columns);
    const uint16_t *of = ats_forest_image_at(h, h->column_of);
    for (uint32_t i = 0; i < h->column_count; i++) {
        const ats_forest_column *c = &columns[i];
        uint32_t run = (uint32_t)(i >= h->run_end[0]) + (i >= h->run_end[1]) + (i >= h->run_end[2]);
        if (c->feature >= h->feature_count || c->threshold_count < 1 ||
            c->threshold_count > ATS_FOREST_COLUMN_THRESHOLDS ||
            c->search_levels != ats_forest_search_levels(c->threshold_count) ||
            c->missing_rank != (run >= 2 ? c->threshold_count : 0) ||
            (c->threshold_count > LINE) != (run % 2 == 1) ||
            !within(h, c->cuts, ats_forest_cuts_bytes(c->threshold_count)) ||
            !within(h, c->search, ats_forest_search_bytes(c->search_levels)) ||
            !sound_thresholds(h, c))
            return BAD("column %u is not sound", i);
    }
    if (begin[0] != 0 || begin[h->feature_count] != h->column_count)
        return BAD("its features do not hold its columns");
    for (uint32_t f = 0; f < h->feature_count; f++) {
        if (begin[f] > begin[f + 1] || begin[f + 1] > h->column_count)
            return BAD("feature %u: its columns are not sound", f);
        for (uint32_t i = begin[f]; i < begin[f + 1]; i++)
            if (of[i] >= h->column_count || columns[of[i]].feature != f)
                return BAD("feature %u: column %u is not its own", f, of[i]);
    }
    return 0;
}

static int check_nodes(const ats_forest_image *h)
{
    const ats_forest_image_node *nodes = ats_forest_image_at(h, h->nodes);
    const uint32_t *roots = ats_forest_image_at(h, h->roots);
    const uint8_t *depths = ats_forest_image_at(h, h->depths);
    const uint8_t *groups = ats_forest_image_at(h, h->groups);
    for (uint32_t i = 0; i < h->node_count; i++) {
        const ats_forest_image_node *n = &nodes[i];
        bool leaf = n->leaf == 1 && n->left == i && n->column == 0 && n->rank == 255;
        bool split = n->leaf == 0 && n->left < h->node_count - 1 && n->column < h->column_count &&
                     n->rank < ATS_FOREST_COLUMN_THRESHOLDS;
        if (!leaf && !split)
            return BAD("node %u is not sound", i);
    }
    for (uint32_t t = 0; t < h->tree_count; t++)
        if (roots[t] >= h->node_count || depths[t] > h->max_depth)
            return BAD("tree %u is not sound", t);
    for (uint32_t t = 0; t < h->block_count * BLOCK; t++)
        if (groups[t] >= h->group_count)
            return BAD("tree %u is of class %u of %u", t, groups[t], h->group_count);
    return 0;
}

/* Every lane of a mask record names a column there is; with pairs, at most one of them. */
static bool sound_masks(const ats_forest_image *h, const ats_forest_block *b, uint32_t records)
{
    const uint8_t *masks = ats_forest_image_at(h, b->masks);
    const uint64_t *pairs = h->pair_count ? ats_forest_image_at(h, b->pairs) : NULL;
    uint32_t columns = h->column_count ? h->column_count : 1;
    for (uint32_t r = 0; r < records; r++)
        for (uint32_t lane = 0; lane < 64; lane++) {
            uint32_t column = masks[r * 128 + lane], named = 0;
            for (uint32_t p = 0; p < h->pair_count; p++)
                if (pairs[r * h->pair_count + p] >> lane & 1) {
                    column = p * 128 + column % 128;
                    named++;
                }
            if (column >= columns || named > 1)
                return false;
        }
    return true;
}

static bool sound_leaves(const ats_forest_image *h, const ats_forest_block *b)
{
    const void *leaves = ats_forest_image_at(h, b->leaves);
    uint32_t columns = h->column_count ? h->column_count : 1;
    uint32_t nodes = b->form == ATS_FOREST_ENTRIES ? BLOCK * 64
                     : b->form == ATS_FOREST_NODES ? BLOCK
                                                   : 0;
    for (uint32_t i = 0; i < nodes; i++)
        if (((const uint32_t *)leaves)[i] >= h->node_count)
            return false;
    for (uint32_t i = 0; b->form == ATS_FOREST_RECORDS && i < BLOCK * 64; i++)
        for (uint32_t n = 0; n < 3; n++)
            if (((const ats_forest_record *)leaves)[i].node[n].column >= columns)
                return false;
    return true;
}

static bool sound_block(const ats_forest_image *h, const ats_forest_block *b)
{
    static const struct {
        uint32_t records, heap_nodes, leaf_bytes;
    } forms[ATS_FOREST_FORM_COUNT] = {
        {2, 8, 32},       {BLOCK, 64, 256}, {BLOCK, 64, 64 * sizeof(ats_forest_record)},
        {BLOCK, 64, 256}, {0, 0, 4},
    };
    uint32_t columns = h->column_count ? h->column_count : 1;
    if (b->form >= ATS_FOREST_FORM_COUNT || b->steps > ATS_FOREST_DEPTH_MAX ||
        (b->form == ATS_FOREST_RECORDS && h->column_count > 256) ||
        (b->form == ATS_FOREST_NODES) != (h->column_count > ATS_FOREST_MASK_COLUMNS_MAX) ||
        !within(h, b->leaves, (uint64_t)BLOCK * forms[b->form].leaf_bytes))
        return false;
    uint32_t records = forms[b->form].records, heap_nodes = BLOCK * forms[b->form].heap_nodes;
    if (records == 0)
        return sound_leaves(h, b);
    if (!within(h, b->masks, records * 128) ||
        !within(h, b->heap, heap_nodes * sizeof(ats_forest_heap_node)) ||
        (h->pair_count && !within(h, b->pairs, records * h->pair_count * sizeof(uint64_t))))
        return false;
    const ats_forest_heap_node *heap = ats_forest_image_at(h, b->heap);
    for (uint32_t i = 0; i < heap_nodes; i++)
        if (heap[i].column_offset % 64 || heap[i].column_offset / 64 >= columns)
            return false;
    return sound_masks(h, b, records) && sound_leaves(h, b);
}

int ats_forest_image_check(const void *block, size_t bytes)
{
    const ats_forest_image *h = block;
    if (((uintptr_t)block & 63) != 0)
        return BAD("it is not aligned to 64 bytes");
    if (check_header(h, bytes) != 0 || check_sections(h) != 0 || check_columns(h) != 0 ||
        check_nodes(h) != 0)
        return -1;
    const ats_forest_block *blocks = ats_forest_blocks(h);
    for (uint32_t b = 0; b < h->block_count; b++)
        if (!sound_block(h, &blocks[b]))
            return BAD("block %u is not sound", b);
    return 0;
}
