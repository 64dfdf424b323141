/* image.h: a forest compiled for scoring: one block of memory, quantised.
 *
 * ats_forest_compile turns a parsed forest into an image: a single block, 64-byte aligned, with
 * offsets in place of pointers. It can be written to a file, read again, and copied to a GPU as
 * it is. Scorers (scorer.h) read it and never write it.
 *
 * Columns. A row of floats is first quantised into column_count bytes, its ranks. A column is a
 * feature, up to ATS_FOREST_COLUMN_THRESHOLDS distinct ascending thresholds of it, and what stands
 * for a missing value. Its rank q is how many of the thresholds are <= x, or its missing_rank (0 or
 * threshold_count, that of +infinity) when x is NaN: 0..254. A node goes right iff q > its own rank
 * k, k being the index of its threshold within the column: exactly x >= threshold, as IEEE compares
 * (-0 equals 0, infinities and denormals are ordinary values). A feature with more thresholds has
 * several columns, one with nodes of both default directions a column for each. Features that no
 * node uses have none. So a rank is one byte for every model.
 *
 * Columns stand in four runs, each ascending by feature: missing left and at most
 * ATS_FOREST_LINE_THRESHOLDS thresholds; missing left and more; missing right and few; missing
 * right and more (ats_forest_image.run_end). Their thresholds are stored twice: `cuts` for one row
 * (few: one line; more: a line of pivots, the last of each line that follows, then those lines;
 * padded with NaN) and `search` for many (a binary search tree in heap order, 2^search_levels
 * floats, slot 0 unused, padded with NaN).
 *
 * Blocks. Trees stand in blocks of ATS_FOREST_BLOCK_TREES consecutive ones, the last filled up with
 * trees of the one leaf -0 (adding -0 changes no sum). A block has the form that holds its deepest
 * tree:
 *   SMALL    depth 0..3: two mask records, each of eight trees, a byte lane for each (7 nodes in
 *            heap order, one byte unused); 8 leaves a tree.
 *   TOP      depth 4..6: a mask record a tree: 63 nodes as nine fields of seven, the top three
 *            levels in heap order, then under each of their eight exits the next three; 64 leaves.
 *   RECORDS  depth 7..8: the top six levels as in TOP, and a record of two levels at each exit.
 *   ENTRIES  deeper: the top six levels, then at each exit the node where the walk goes on.
 *   NODES    columns that the forms above cannot name: a walk from the root.
 * A mask record is 64 column numbers (their low 8 bits) and 64 ranks k; an absent node is column 0,
 * k 255, which sends every row left. With more than 256 columns each mask record has one 64-bit
 * mask a pair of registers (128 columns) beside it. Beside the records stands each tree's top once
 * more in heap order (`heap`) for scoring rows side by side.
 *
 * nodes/values/roots hold all trees once more in plain form: what every other reader of an image
 * may walk. node.left is of its left child, right = left + 1; a leaf has column 0, rank 255 and
 * itself as left, so that a walk of fixed length stays on it.
 *
 * Compiling, checking and freeing are cold. An image is constant after that: any number of threads
 * read it.
 */
#ifndef ATS_CALC_FOREST_IMAGE_H
#define ATS_CALC_FOREST_IMAGE_H

#include "calc/forest/forest.h"

#include <assert.h>

#define ATS_FOREST_IMAGE_MAGIC       "ATSFRST"
#define ATS_FOREST_IMAGE_VERSION     2u
#define ATS_FOREST_COLUMN_THRESHOLDS 254u /* 255 is a k that no rank exceeds */
#define ATS_FOREST_LINE_THRESHOLDS   16u  /* floats of a cache line */
#define ATS_FOREST_BLOCK_TREES       16u
/* Eight pairs of 64-byte registers. Beyond, a permute a pair costs more than a walk. */
#define ATS_FOREST_MASK_COLUMNS_MAX 1024u
/* Slices of 254 of at most NODES_MAX / 2 thresholds, and one slice begun a feature and direction.
 */
#define ATS_FOREST_COLUMNS_MAX                                                                     \
    (ATS_FOREST_NODES_MAX / 2 / ATS_FOREST_COLUMN_THRESHOLDS + 2 * ATS_FOREST_FEATURES_MAX)

static_assert(ATS_FOREST_COLUMNS_MAX <= 65535, "a column's number is 16 bits");

typedef struct ats_forest_column {
    uint32_t cuts;   /* line of the image (64 bytes each) of its thresholds for one row */
    uint32_t search; /* line of the image of its search tree */
    uint16_t feature;
    uint8_t threshold_count; /* 1..254 */
    uint8_t missing_rank;    /* 0, or threshold_count */
    uint8_t search_levels;   /* 4..8: the fewest with 2^levels - 1 >= threshold_count */
    uint8_t reserved[3];
} ats_forest_column;
static_assert(sizeof(ats_forest_column) == 16, "four columns a line");

typedef struct ats_forest_image_node {
    uint32_t left;
    uint16_t column;
    uint8_t rank; /* right iff q[column] > rank */
    uint8_t leaf; /* 1: a leaf */
} ats_forest_image_node;
static_assert(sizeof(ats_forest_image_node) == 8, "a node is read at once");

typedef enum ats_forest_form {
    ATS_FOREST_SMALL = 0,
    ATS_FOREST_TOP = 1,
    ATS_FOREST_RECORDS = 2,
    ATS_FOREST_ENTRIES = 3,
    ATS_FOREST_NODES = 4,
    ATS_FOREST_FORM_COUNT
} ats_forest_form;

/* Places are lines (64 bytes) from the image's start. */
typedef struct ats_forest_block {
    uint32_t form;   /* ats_forest_form */
    uint32_t steps;  /* ENTRIES, NODES: levels still to walk */
    uint32_t masks;  /* SMALL: 2 mask records of 128 bytes; TOP, RECORDS, ENTRIES: 16 */
    uint32_t pairs;  /* more than 256 columns: uint64_t [records][pair_count]; else 0 */
    uint32_t heap;   /* ats_forest_heap_node [16][8] (SMALL) or [16][64]; slot 0 unused */
    uint32_t leaves; /* SMALL: float [16][8]; TOP: float [16][64]; RECORDS: ats_forest_record
                        [16][64]; ENTRIES: uint32_t node [16][64]; NODES: uint32_t node [16] */
    uint32_t reserved[2];
} ats_forest_block;
static_assert(sizeof(ats_forest_block) == 32, "two blocks a line");

/* A node for 64 rows at once: its rank in each of four bytes (a broadcast of 32 bits is a plain
 * load), and where its column begins when a column takes 64 bytes. */
typedef struct ats_forest_heap_node {
    uint32_t rank_times_4;
    uint32_t column_offset; /* column * 64 */
} ats_forest_heap_node;

/* Levels 7 and 8 under an exit: upper node, its left child, its right child; four leaves. */
typedef struct ats_forest_record {
    struct {
        uint8_t column, rank;
    } node[3];
    uint8_t reserved[2];
    float leaf[4];
} ats_forest_record;
static_assert(sizeof(ats_forest_record) == 24, "column and rank side by side, then the leaves");

typedef struct ats_forest_image {
    char magic[8];
    uint32_t layout_version;
    uint32_t pair_count; /* 128-column pairs in the masks of a record; 0 up to 256 columns */
    uint64_t bytes;      /* of the whole image, a multiple of 64 */
    uint64_t checksum;   /* xxh3-64 of all that follows this field */
    uint32_t tree_count;
    uint32_t block_count; /* tree_count / 16, rounded up */
    uint32_t feature_count;
    uint32_t column_count;
    uint32_t run_end[4]; /* of the columns' four runs */
    uint32_t group_count;
    uint32_t node_count; /* with one more than the forest: the leaf -0 that fills blocks up */
    uint32_t max_depth;
    uint32_t columns;         /* line of ats_forest_column [column_count] */
    uint32_t feature_columns; /* line of uint16_t [feature_count + 1]: where a feature's columns
                                 begin in column_of */
    uint32_t column_of;       /* line of uint16_t [column_count]: columns by feature */
    uint32_t blocks;          /* line of ats_forest_block [block_count] */
    uint32_t groups;          /* line of uint8_t [16 * block_count]: the margin a tree adds to */
    uint32_t nodes;           /* line of ats_forest_image_node [node_count] */
    uint32_t values;          /* line of float [node_count]: of leaves */
    uint32_t roots;           /* line of uint32_t [tree_count] */
    uint32_t depths;          /* line of uint8_t [tree_count] */
    uint32_t reserved[4];
    float base_margin[ATS_FOREST_GROUPS_MAX];
} ats_forest_image;
static_assert(sizeof(ats_forest_image) % 64 == 0, "what follows is aligned");

/* Compiles a forest. The image is the caller's and is released with ats_forest_image_free; it does
 * not refer to the forest. NULL with an error pushed when memory is short. */
ats_forest_image *ats_forest_compile(const ats_forest *forest);

void ats_forest_image_free(ats_forest_image *image);

/* Zeroed memory for an image of so many bytes that is read from somewhere, on huge pages where they
 * pay and are to be had; released with ats_forest_image_free. NULL when memory is short. */
void *ats_forest_image_memory(size_t bytes);

/* Is this block a sound image? It looks at every offset, index and rank, so that a scorer reads
 * nothing outside the block whatever is in it. `block` must be 64-byte aligned. 0, or -1 with an
 * error (ATS_EXIT_DATA) that says what is wrong. */
int ats_forest_image_check(const void *block, size_t bytes);

/* Start of a line of the image. */
static inline const void *ats_forest_image_at(const ats_forest_image *image, uint32_t line)
{
    return (const char *)image + (size_t)line * 64;
}

static inline const ats_forest_column *ats_forest_columns(const ats_forest_image *image)
{
    return ats_forest_image_at(image, image->columns);
}

static inline const ats_forest_block *ats_forest_blocks(const ats_forest_image *image)
{
    return ats_forest_image_at(image, image->blocks);
}

/* Bytes between the ranks of two rows that scoring reads: 64, 128, 256, and beyond that whole pairs
 * of 64-byte registers. */
static inline size_t ats_forest_rank_stride(const ats_forest_image *image)
{
    uint32_t columns = image->column_count;
    return columns <= 64    ? 64
           : columns <= 128 ? 128
           : columns <= 256 ? 256
                            : ((size_t)columns + 127) & ~(size_t)127;
}

#endif
