/* kernel.h: what one block of a device's threads does with a request.
 *
 * The functions are compiled twice: by nvcc into gpu/kernel.cu, and as plain C into the simulated
 * device, which runs every thread of a phase in turn. So the arithmetic that the tests hold to the
 * bit on the CPU is the arithmetic of the device.
 *
 * Exactness. A margin is its base margin and its trees' leaf values added one after the other in
 * float32 in the order of the model's file; __fadd_rn rounds to nearest, keeps denormals (compiled
 * without -ftz) and is never contracted. Leaves are found in parallel, one thread a (row, tree);
 * the sum of a margin is one thread's. That costs about 4 cycles a tree and cannot be had for less,
 * because no other order gives the same bits; sums of other rows run beside it in other lanes.
 *
 * Division of labour. Row r is block r % blocks's alone: it reads the row itself (each crosses the
 * bus once), ranks it, walks all trees and writes the result itself. The alternative, a share of
 * the trees for each block, would need every row in every block and the leaves carried from block
 * to block through the second-level cache: two trips of about 0.7 us for the 0.9 us saved by
 * keeping all trees in shared memory. So a block keeps the table's first part there (heads,
 * columns, as many trees as fit) and reads the rest through the caches.
 *
 * Rows come as values and are ranked here, one thread a (row, column), because a core takes 5 to 11
 * us to rank 64 rows of 64 features (measured with AVX-512 on a shared Zen 5 core); copying their
 * values into the mailbox takes it 1 us where they lie side by side and 2 where not.
 *
 * Arithmetic of a batch, not a measurement (1.7 GHz, a bus round trip of 1 us at 20 GB/s, 32 blocks
 * of 512 threads, 64 features in 64 columns, 500 trees of depth 6): doorbell seen 0.5 to 1.5 us
 * after it is written; values 1 us, and 0.8 us of transfer for 64 rows (16 KB), 3.2 for 256; ranks
 * 8 steps of a search in shared memory, 0.2 us; walk of 6 levels, 2 shared loads of about 30 cycles
 * each: 0.25 us a round (through the second-level cache, about 250 cycles a level: 1 us), of which
 * 64 rows take 2 (1,000 walks a block) and 256 rows 8, the latter about 2.5 us because
 * shared-memory banks then bound it; sum 500 x 4 cycles = 1.2 us; result 0.5 us. Together about
 * 5.5 us at 64 rows and 10 us at 256, and the CPU's copying, 1 to 2 us and 4 to 9. Rows that come
 * as ranks take a quarter of the transfer and of the copying: about 5 us and 8.
 */
#ifndef ATS_GPU_KERNEL_H
#define ATS_GPU_KERNEL_H

#include "gpu/mailbox.h"
#include "gpu/table.h"

#include <stdbool.h>
#include <string.h>

#ifdef __CUDACC__
#define ATS_DEVICE static __device__ __forceinline__
/* Runs a statement in every thread of the block; the barrier makes what it wrote visible to all. */
#define ATS_GPU_PHASE(threads, statement)                                                          \
    {                                                                                              \
        const uint32_t thread = threadIdx.x;                                                       \
        statement;                                                                                 \
        __syncthreads();                                                                           \
    }
#define ATS_GPU_UNROLL _Pragma("unroll 8") /* loads ahead of the sum that waits for them */
#else
#include "core/atomic.h"
#define ATS_DEVICE static inline
#define ATS_GPU_UNROLL
#define ATS_GPU_PHASE(threads, statement)                                                          \
    for (uint32_t thread = 0; thread < (threads); thread++) {                                      \
        statement;                                                                                 \
    }
#endif

#define ATS_GPU_THREADS    512u  /* of a block */
#define ATS_GPU_LEAVES     4096u /* values between walk and sum: 8 rows x 512 trees */
#define ATS_GPU_MARGINS    256u  /* sums under way in a block: 4 rows of 64 groups */
#define ATS_GPU_RANK_WORDS 1024u /* ranks of the rows in work: 8 rows x 1,024 columns */

/* What the device is told once, when its kernel is started. Addresses are the device's. */
typedef struct ats_gpu_parameters {
    ats_gpu_mailbox *mailbox;
    const unsigned char *tables; /* slot s begins at s * slot_bytes */
    uint64_t slot_bytes;
    uint32_t slot_count;
    uint32_t sequence;    /* of the last request before the start: not to be answered */
    uint32_t stage_bytes; /* shared memory for the table's first part */
    uint32_t idle_ns;     /* a block sleeps so long between two looks at the doorbell */
} ats_gpu_parameters;

/* A block's shared memory; `stage` goes on for parameters.stage_bytes. */
typedef struct ats_gpu_shared {
    uint64_t bell;
    uint32_t asked_load;  /* model of the request before */
    uint32_t staged_load; /* model whose first part lies in `stage`; 0 = none */
    uint32_t staged_bytes;
    uint32_t stage_now;
    float margin[ATS_GPU_MARGINS];
    float leaf[ATS_GPU_LEAVES];
    uint64_t rank[ATS_GPU_RANK_WORDS];
    uint64_t stage[];
} ats_gpu_shared;

/* ---- words that two processors share -----------------------------------------------------------
 */

/* Partner: the CPU's ats_store_release of the doorbell. */
ATS_DEVICE uint64_t ats_gpu_load_acquire(const uint64_t *p)
{
#ifdef __CUDACC__
    uint64_t v;
    __asm__ volatile("ld.acquire.sys.global.u64 %0, [%1];" : "=l"(v) : "l"(p) : "memory");
    return v;
#else
    return ats_load_acquire(p);
#endif
}

/* Ranks: ordered by the doorbell; relaxed because a request that was given up may change under a
 * late reader. */
ATS_DEVICE uint64_t ats_gpu_load_relaxed(const uint64_t *p)
{
#ifdef __CUDACC__
    uint64_t v;
    __asm__ volatile("ld.relaxed.sys.global.u64 %0, [%1];" : "=l"(v) : "l"(p) : "memory");
    return v;
#else
    return ats_load_relaxed(p);
#endif
}

/* Results and faults: value and sequence are one word. Partner: the CPU's ats_load_acquire in
 * ats_gpu_await. On the device relaxed is enough and a fence would cost a trip over the bus: the
 * one thing that must not pass the store are the loads of the table (the CPU may have it
 * overwritten once it has all results), and those have ended: the value depends on them, or they
 * fed shared memory in front of a barrier of the block. The host's twin says the same to its
 * compiler. */
ATS_DEVICE void ats_gpu_store_result(uint64_t *p, uint64_t v)
{
#ifdef __CUDACC__
    __asm__ volatile("st.relaxed.sys.global.u64 [%0], %1;" ::"l"(p), "l"(v) : "memory");
#else
    ats_store_release(p, v);
#endif
}

ATS_DEVICE float ats_gpu_add(float a, float b)
{
#ifdef __CUDACC__
    return __fadd_rn(a, b);
#else
    return a + b;
#endif
}

ATS_DEVICE float ats_gpu_float_of(uint32_t bits)
{
#ifdef __CUDACC__
    return __uint_as_float(bits);
#else
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
#endif
}

ATS_DEVICE uint32_t ats_gpu_bits_of(float f)
{
#ifdef __CUDACC__
    return __float_as_uint(f);
#else
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
#endif
}

/* ---- the doorbell ------------------------------------------------------------------------------
 */

ATS_DEVICE uint32_t ats_gpu_bell_sequence(uint64_t bell)
{
    return (uint32_t)(bell >> 32);
}

ATS_DEVICE uint32_t ats_gpu_bell_rows(uint64_t bell)
{
    return (uint32_t)(bell >> 20) & ATS_GPU_BELL_ROWS;
}

ATS_DEVICE uint32_t ats_gpu_bell_load(uint64_t bell)
{
    return (uint32_t)bell & ATS_GPU_LOADS_MAX;
}

/* ---- a walk ------------------------------------------------------------------------------------
 */

/* The leaf value that a row's ranks lead to. `depth` bounds the walk whatever the table holds; a
 * walk that does not end by then is NaN, which no canary expects. */
ATS_DEVICE float ats_gpu_walk_narrow(const uint32_t *tree, const uint8_t *rank, uint32_t depth)
{
    uint32_t at = 0;
    for (; depth > 0; depth--) {
        uint32_t node = tree[at];
        uint32_t column = node >> 8 & ((1u << ATS_GPU_NARROW_COLUMN_BITS) - 1);
        uint32_t right = rank[column] > (node & 0xff);
        at += (node >> 18 & ((1u << ATS_GPU_NARROW_DISTANCE_BITS) - 1)) + right;
        if (node >> (ATS_GPU_LEAF_BIT + right) & 1)
            return ats_gpu_float_of(tree[at]);
    }
    return ats_gpu_float_of(0x7fc00000u);
}

ATS_DEVICE float ats_gpu_walk_wide(const uint32_t *tree, const uint8_t *rank, uint32_t depth)
{
    uint32_t at = 0;
    for (; depth > 0; depth--) {
        uint32_t distance = tree[2 * at], node = tree[2 * at + 1];
        uint32_t right = rank[node >> 8] > (node & 0xff);
        at += (distance & ATS_GPU_WIDE_DISTANCE_MASK) + right;
        if (distance >> (ATS_GPU_LEAF_BIT + right) & 1)
            return ats_gpu_float_of(tree[2 * at]);
    }
    return ats_gpu_float_of(0x7fc00000u);
}

/* ---- phases of a request, each run by all threads of a block -----------------------------------
 */

/* What a block works on: its rows from `first` on in steps of `blocks`, `rows` of them at a time.
 */
typedef struct ats_gpu_work {
    const ats_gpu_parameters *parameters;
    ats_gpu_shared *shared;
    ats_gpu_table head; /* a copy: nothing of the table is read once the last result is out */
    const unsigned char *fixed; /* where its fixed parts lie: staged or in the device's memory */
    const unsigned char *table; /* all of it, in the device's memory */
    uint32_t threads, blocks;   /* of the device */
    uint32_t sequence;          /* of the request */
    bool values;                /* rows are values, not ranks */
    uint32_t staged_bytes;      /* of this table in shared memory */
    uint32_t first, rows;       /* rows in work now */
    uint32_t tree, tree_count;  /* trees in work now */
} ats_gpu_work;

ATS_DEVICE const uint32_t *ats_gpu_trees(const ats_gpu_work *w)
{
    return (const uint32_t *)(w->fixed + w->head.tree_at);
}

ATS_DEVICE uint32_t ats_gpu_row(const ats_gpu_work *w, uint32_t i)
{
    return w->first + i * w->blocks;
}

/* Start of a part of the table that ends at `end` bytes. */
ATS_DEVICE const unsigned char *ats_gpu_part(const ats_gpu_work *w, uint32_t end)
{
    return end <= w->staged_bytes ? (const unsigned char *)w->shared->stage : w->table;
}

/* Words of the rows in work, from the mailbox to shared memory: ranks to their place, values to
 * where leaves will lie later. */
ATS_DEVICE void ats_gpu_load_rows(const ats_gpu_work *w, uint32_t thread)
{
    ats_gpu_shared *s = w->shared;
    uint32_t stride = w->values ? w->head.value_stride : w->head.rank_stride;
    uint32_t words = w->values ? (w->head.input_count + 1u) / 2 : w->head.rank_words;
    uint64_t *to = w->values ? (uint64_t *)s->leaf : s->rank;
    const float *base = (const float *)(w->fixed + w->head.base_at);
    for (uint32_t i = thread; i < w->rows * words; i += w->threads)
        to[i] = ats_gpu_load_relaxed(
            &w->parameters->mailbox->row[ats_gpu_row(w, i / words) * stride + i % words]);
    for (uint32_t i = thread; i < w->rows * w->head.group_count; i += w->threads)
        s->margin[i] = base[i / w->rows];
}

/* How many of the cuts are <= x, as IEEE compares; their number is below 256. */
ATS_DEVICE uint32_t ats_gpu_rank(const float *cuts, uint32_t count, float x)
{
    uint32_t rank = 0;
    for (uint32_t step = 128; step > 0; step /= 2)
        if (rank + step <= count && cuts[rank + step - 1] <= x)
            rank += step;
    return rank;
}

/* Neighbouring threads take neighbouring columns of a row. */
ATS_DEVICE void ats_gpu_quantise(const ats_gpu_work *w, uint32_t thread)
{
    ats_gpu_shared *s = w->shared;
    uint32_t count = w->head.column_count, inputs = (w->head.input_count + 1u) / 2 * 2;
    const ats_gpu_column *columns =
        (const ats_gpu_column *)(ats_gpu_part(w, w->head.columns_at + count * 8) +
                                 w->head.columns_at);
    for (uint32_t i = thread; i < w->rows * count; i += w->threads) {
        ats_gpu_column column = columns[i % count];
        uint32_t end = column.cuts_at + 4u * column.cut_count;
        const float *cuts = (const float *)(ats_gpu_part(w, end) + column.cuts_at);
        float x = s->leaf[i / count * inputs + column.input];
        uint8_t *rank = (uint8_t *)&s->rank[i / count * w->head.rank_words] + i % count;
        *rank = (uint8_t)(x != x ? column.missing_rank : ats_gpu_rank(cuts, column.cut_count, x));
    }
}

/* Neighbouring threads walk one tree with different rows: the upper nodes are one word to all. */
ATS_DEVICE void ats_gpu_walk_trees(const ats_gpu_work *w, uint32_t thread)
{
    ats_gpu_shared *s = w->shared;
    const ats_gpu_table *head = &w->head;
    const uint32_t *tree_first = ats_gpu_trees(w);
    for (uint32_t i = thread; i < w->rows * w->tree_count; i += w->threads) {
        uint32_t tree = w->tree + i / w->rows;
        const uint8_t *rank = (const uint8_t *)&s->rank[i % w->rows * head->rank_words];
        uint32_t end = head->words_at + 4 * tree_first[tree + 1];
        const uint32_t *words =
            (const uint32_t *)(ats_gpu_part(w, end) + head->words_at) + tree_first[tree];
        s->leaf[i] = head->wide ? ats_gpu_walk_wide(words, rank, head->depth)
                                : ats_gpu_walk_narrow(words, rank, head->depth);
    }
}

/* Adds the leaves at hand to their margins, in order: sum i is that of row i % rows, group
 * i / rows, and one thread's from the first tree to the last. */
ATS_DEVICE void ats_gpu_add_leaves(const ats_gpu_work *w, uint32_t thread)
{
    ats_gpu_shared *s = w->shared;
    const uint32_t *group_first = (const uint32_t *)(w->fixed + w->head.group_at);
    uint32_t end = w->tree + w->tree_count;
    for (uint32_t i = thread; i < w->rows * w->head.group_count; i += w->threads) {
        uint32_t group = i / w->rows, from = group_first[group], to = group_first[group + 1];
        from = from > w->tree ? from : w->tree;
        to = to < end ? to : end;
        const float *leaf = &s->leaf[i % w->rows];
        float sum = s->margin[i];
        ATS_GPU_UNROLL
        for (uint32_t t = from; t < to; t++)
            sum = ats_gpu_add(sum, leaf[(t - w->tree) * w->rows]);
        s->margin[i] = sum;
    }
}

/* By the thread that added: no barrier stands between. */
ATS_DEVICE void ats_gpu_give_results(const ats_gpu_work *w, uint32_t thread)
{
    uint32_t groups = w->head.group_count;
    for (uint32_t i = thread; i < w->rows * groups; i += w->threads) {
        uint32_t word = ats_gpu_row(w, i % w->rows) * groups + i / w->rows;
        ats_gpu_store_result(&w->parameters->mailbox->result[word],
                             (uint64_t)w->sequence << 32 | ats_gpu_bits_of(w->shared->margin[i]));
    }
}

ATS_DEVICE void ats_gpu_stage(const ats_gpu_work *w, uint32_t thread)
{
    const uint64_t *table = (const uint64_t *)w->table;
    for (uint32_t i = thread; i < (w->shared->staged_bytes + 7) / 8; i += w->threads)
        w->shared->stage[i] = table[i];
}

/* Which model lies in shared memory after this: the one that is asked for twice running takes the
 * place of another. One thread's work. */
ATS_DEVICE void ats_gpu_plan_stage(const ats_gpu_work *w, uint32_t load)
{
    ats_gpu_shared *s = w->shared;
    uint32_t room = w->parameters->stage_bytes;
    s->stage_now = 0;
    if (load == s->asked_load && load != s->staged_load) {
        const ats_gpu_table *table = (const ats_gpu_table *)w->table;
        /* Half the first parts are of no use. */
        if (table->columns_at <= room) {
            s->staged_bytes = table->bytes < room ? table->bytes : room / 8 * 8;
            s->staged_load = load;
            s->stage_now = 1;
        }
    }
    s->asked_load = load;
}

ATS_DEVICE uint32_t ats_gpu_least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The rows in work: all trees, as many at a time as their leaves have room. */
ATS_DEVICE void ats_gpu_score_rows(ats_gpu_work *w)
{
    ATS_GPU_PHASE(w->threads, ats_gpu_load_rows(w, thread))
    if (w->values)
        ATS_GPU_PHASE(w->threads, ats_gpu_quantise(w, thread))
    uint32_t trees = w->head.tree_count, room = ATS_GPU_LEAVES / w->rows;
    for (w->tree = 0; w->tree < trees; w->tree += w->tree_count) {
        w->tree_count = ats_gpu_least(room, trees - w->tree);
        ATS_GPU_PHASE(w->threads, ats_gpu_walk_trees(w, thread))
        ATS_GPU_PHASE(w->threads, ats_gpu_add_leaves(w, thread))
    }
    ATS_GPU_PHASE(w->threads, ats_gpu_give_results(w, thread))
}

/* A block's part of a request: scores and answers its rows, or tells the fault. */
ATS_DEVICE void ats_gpu_answer(const ats_gpu_parameters *parameters, ats_gpu_shared *shared,
                               uint32_t block, uint32_t blocks, uint32_t threads, uint64_t bell)
{
    uint32_t rows = ats_gpu_bell_rows(bell), load = ats_gpu_bell_load(bell);
    ats_gpu_work w;
    if (block >= rows)
        return;
    w.parameters = parameters;
    w.shared = shared;
    w.table = parameters->tables + load % parameters->slot_count * parameters->slot_bytes;
    w.threads = threads;
    w.blocks = blocks;
    w.sequence = ats_gpu_bell_sequence(bell);
    w.values = (bell & ATS_GPU_BELL_VALUES) != 0;
    w.first = block;
    /* No thread may look at what lies there before the one that decides it has done so. */
    ATS_GPU_PHASE(threads, if (thread == 0) ats_gpu_plan_stage(&w, load))
    if (shared->stage_now)
        ATS_GPU_PHASE(threads, ats_gpu_stage(&w, thread))
    bool staged = load == shared->staged_load;
    w.staged_bytes = staged ? shared->staged_bytes : 0;
    w.fixed = staged ? (const unsigned char *)shared->stage : w.table;
    w.head = *(const ats_gpu_table *)w.fixed;
    if (rows > ATS_GPU_REQUEST_ROWS || w.head.load != load || w.head.magic != ATS_GPU_TABLE_MAGIC) {
        uint64_t fault = rows > ATS_GPU_REQUEST_ROWS ? ATS_GPU_FAULT_ROWS : ATS_GPU_FAULT_TABLE;
        ATS_GPU_PHASE(threads, if (thread == 0) ats_gpu_store_result(
                                   &parameters->mailbox->fault, (uint64_t)w.sequence << 32 | fault))
        return;
    }
    uint32_t left = (rows - block + blocks - 1) / blocks;
    uint32_t at_once =
        ats_gpu_least(ATS_GPU_RANK_WORDS / w.head.rank_words, ATS_GPU_MARGINS / w.head.group_count);
    if (w.values)
        at_once = ats_gpu_least(at_once, ATS_GPU_LEAVES / (w.head.input_count + 1u));
    for (; left > 0; left -= w.rows, w.first += w.rows * blocks) {
        w.rows = ats_gpu_least(left, at_once);
        ats_gpu_score_rows(&w);
    }
}

#endif
