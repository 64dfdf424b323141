/* table.h: a model as a device walks it.
 *
 * Made from a compiled forest (calc/forest/image.h) when it is loaded. A node is a column and a
 * rank k, and a row goes right iff its rank in the column is above k. A row comes as ranks, or as
 * the values of the model's inputs (the features that it uses, ascending); a column's rank is then
 * how many of its cuts are <= the value of its input, or its missing rank when that is NaN.
 *
 *     header | float base[groups] | uint32 group_first[groups + 1] | uint32 tree_first[trees + 1] |
 *     ats_gpu_column columns[] | float cuts[] | uint32 words[]
 *
 * Trees stand by group, within a group in the order of the model's file: a margin adds one run of
 * trees in order. The nodes of a tree are numbered breadth first, children side by side.
 *
 * A narrow tree has a word a node: k in bits 7..0, column in 17..8, distance to the left child in
 * 29..18 (the right one follows it), bit 30 "the left child is a leaf", bit 31 the same of the
 * right; a leaf's word is its value. So a walk of depth d is d loads of nodes and one of the leaf.
 * 500 trees of depth 6 take 254 KB. A wide table, for trees of which a child is 4,096 nodes away
 * or more (about 8,000 nodes), has two words a node: distance and the two bits, then column and k.
 * A tree of one leaf is a node of two equal ones.
 *
 * Fixed parts come first and trees after, so that any prefix of the table that ends behind a tree
 * can be kept in a block's shared memory. Written to be read by C and by CUDA C++ alike.
 */
#ifndef ATS_GPU_TABLE_H
#define ATS_GPU_TABLE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define ATS_GPU_TABLE_MAGIC 0x47535441u /* "ATSG" */

#define ATS_GPU_NARROW_COLUMN_BITS   10
#define ATS_GPU_NARROW_DISTANCE_BITS 12
#define ATS_GPU_LEAF_BIT             30 /* of the left child; the right one's is the next */
#define ATS_GPU_WIDE_DISTANCE_MASK   0x3fffffffu

typedef struct ats_gpu_table {
    uint32_t magic;
    uint32_t load; /* number of the load that brought it: a doorbell must name the same */
    uint32_t bytes;
    uint32_t tree_count;
    uint32_t group_count;
    uint32_t depth;       /* steps of the longest walk, at least 1 */
    uint32_t wide;        /* words a node: 0 = one, 1 = two */
    uint32_t rank_words;  /* of 8 bytes, that a row's ranks fill */
    uint32_t rank_stride; /* words from row to row in the mailbox */
    uint32_t base_at;     /* bytes from the table's start */
    uint32_t group_at;
    uint32_t tree_at; /* tree_first counts words from words_at */
    uint32_t columns_at;
    uint32_t words_at;
    uint16_t column_count;
    uint16_t input_count;
    uint32_t value_stride; /* words from row to row in the mailbox when rows are values */
} ats_gpu_table;
static_assert(sizeof(ats_gpu_table) == 64, "a line");

typedef struct ats_gpu_column {
    uint32_t cuts_at; /* bytes from the table's start */
    uint16_t input;
    uint8_t cut_count;
    uint8_t missing_rank;
} ats_gpu_column;
static_assert(sizeof(ats_gpu_column) == 8, "a column is read at once");

#endif
