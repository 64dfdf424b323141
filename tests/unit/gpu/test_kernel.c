/* The device's functions, run on the host, give the bits of the plain walk: all shapes, all n. */
#include "gpu/internal.h"

#include "gpu_fixture.h"

#include <math.h>

typedef struct shaped {
    const char *name;
    ats_made_forest shape;
    uint32_t stage_bytes;
} shaped;

static void score_all(const shaped *s, const uint32_t *counts, size_t count)
{
    fixture f;
    ats_gpu *gpu;
    uint32_t slot;
    ats_gpu_config config = simulated_config();
    config.stage_bytes = s->stage_bytes;
    fixture_make(&f, &s->shape);
    cr_assert_eq(ats_gpu_open(&gpu, &config), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_gpu_load(gpu, f.image, &slot), 0, "%s: %s", s->name, ats_error_line(0));
    for (size_t i = 0; i < count; i++) {
        uint32_t n = counts[i], from = ATS_GPU_ROWS_MAX - n;
        cr_assert_eq(fixture_score(&f, gpu, slot, from, n, FAR_NS), ATS_GPU_DONE, "%s, %u rows",
                     s->name, n);
        cr_assert_eq(fixture_score_ranks(&f, gpu, slot, from, n, FAR_NS), ATS_GPU_DONE,
                     "%s, ranks of %u rows", s->name, n);
    }
    ats_gpu_close(gpu);
    fixture_free(&f);
}

Test(kernel, gives_the_bits_of_the_plain_walk_for_every_shape)
{
    static const uint32_t counts[] = {1, 2, 3, 8, 17, 64, 255, 256};
    static const shaped shapes[] = {
        {"one leaf", {1, 0, 1, 1, 0, 1}, UINT32_MAX},
        {"leaves", {9, 0, 3, 3, 0, 2}, UINT32_MAX},
        {"stumps", {100, 1, 8, 1, 0, 3}, UINT32_MAX},
        {"100 x 6", {100, 6, 64, 1, 0, 4}, UINT32_MAX},
        {"500 x 6, part of it staged", {500, 6, 64, 1, 0, 5}, UINT32_MAX},
        {"500 x 6, nothing staged", {500, 6, 64, 1, 0, 6}, 0},
        {"fixed parts are not staged", {500, 3, 64, 1, 0, 7}, 1024},
        {"ragged", {300, 9, 40, 1, 30, 8}, 64u << 10},
        {"deep and thin", {20, 60, 30, 1, 48, 9}, UINT32_MAX},
        {"depth 8", {60, 8, 128, 1, 5, 10}, UINT32_MAX},
        {"7 classes", {210, 5, 20, 7, 10, 11}, UINT32_MAX},
        {"64 classes, some without a tree", {90, 4, 12, 64, 10, 12}, UINT32_MAX},
        {"more trees than leaves have room", {5000, 2, 9, 1, 10, 13}, UINT32_MAX},
        {"many columns", {400, 6, 400, 1, 0, 14}, UINT32_MAX},
        {"one column short of a word", {50, 4, 7, 2, 0, 15}, UINT32_MAX},
        {"few of many features, scattered", {5, 4, 500, 1, 0, 17}, UINT32_MAX},
        {"nearly all features", {60, 5, 300, 1, 0, 18}, UINT32_MAX},
        {"wide", {3, 14, 50, 2, 0, 16}, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        score_all(&shapes[i], counts, sizeof counts / sizeof counts[0]);
}

Test(kernel, gives_the_bits_of_the_plain_walk_for_every_number_of_rows)
{
    uint32_t counts[ATS_GPU_ROWS_MAX];
    shaped s = {"every n", {70, 5, 33, 2, 10, 21}, 16u << 10};
    for (uint32_t n = 1; n <= ATS_GPU_ROWS_MAX; n++)
        counts[n - 1] = n;
    score_all(&s, counts, ATS_GPU_ROWS_MAX);
}

Test(kernel, gives_the_bits_of_the_plain_walk_for_random_forests)
{
    ats_random random;
    ats_random_seed(&random, 99);
    for (uint32_t i = 0; i < 60; i++) {
        uint32_t counts[3];
        for (uint32_t j = 0; j < 3; j++)
            counts[j] = 1 + (uint32_t)ats_random_below(&random, ATS_GPU_ROWS_MAX);
        shaped s = {.name = "random",
                    .shape = {.tree_count = 1 + (uint32_t)ats_random_below(&random, 200),
                              .depth = (uint32_t)ats_random_below(&random, 10),
                              .feature_count = 1 + (uint32_t)ats_random_below(&random, 90),
                              .group_count = 1 + (uint32_t)ats_random_below(&random, 4),
                              .leaf_percent = (uint32_t)ats_random_below(&random, 50),
                              .seed = i},
                    .stage_bytes = (uint32_t)ats_random_below(&random, 100000)};
        score_all(&s, counts, 3);
    }
}

Test(kernel, a_wide_table_is_made_only_where_a_narrow_one_does_not_reach)
{
    static const ats_made_forest shapes[] = {{1, 12, 50, 1, 0, 1}, {1, 13, 50, 1, 0, 1}};
    for (uint32_t i = 0; i < 2; i++) {
        ats_gpu_slot slot = {0};
        fixture f;
        fixture_make(&f, &shapes[i]);
        cr_assert_eq(ats_gpu_slot_fill(&slot, f.image, 1, 1u << 30), 0);
        cr_assert_eq(slot.table->wide, i, "depth %u", shapes[i].depth);
        ats_gpu_slot_clear(&slot);
        fixture_free(&f);
    }
}

/* Every column's ranks, one by one, against the CPU's: at each cut, on both sides of it, and at
 * what IEEE compares in its own way. */
Test(kernel, ranks_values_as_the_cpu_does)
{
    ats_gpu_slot slot = {0};
    fixture f;
    ats_made_forest shape = {400, 6, 9, 1, 0, 31};
    fixture_make(&f, &shape);
    cr_assert_eq(ats_gpu_slot_fill(&slot, f.image, 1, 1u << 30), 0);
    const unsigned char *table = (const unsigned char *)slot.table;
    const ats_gpu_column *columns = (const void *)(table + slot.table->columns_at);
    cr_assert_eq(slot.table->column_count, f.image->column_count);
    for (uint32_t c = 0; c < slot.table->column_count; c++) {
        const float *cuts = (const void *)(table + columns[c].cuts_at);
        uint32_t count = columns[c].cut_count, feature = slot.input[columns[c].input];
        for (uint32_t i = 0; i < count * 3 + 8; i++) {
            const float odd[] = {0.0f,     -0.0f,     1e-45f,  -1e-45f,
                                 INFINITY, -INFINITY, 3.4e38f, -3.4e38f};
            float row[9] = {0};
            const float *rows[] = {row};
            uint8_t ranks[64 * 2] = {0};
            float cut = cuts[i / 3 < count ? i / 3 : 0];
            row[feature] = i >= count * 3 ? odd[i - count * 3]
                           : i % 3 == 0   ? cut
                           : i % 3 == 1   ? nextafterf(cut, INFINITY)
                                          : nextafterf(cut, -INFINITY);
            ats_forest_quantise(f.image, ATS_ISA_PORTABLE, rows, 1, ranks, sizeof ranks);
            cr_assert_eq(ats_gpu_rank(cuts, count, row[feature]), ranks[c], "column %u, x %a", c,
                         (double)row[feature]);
        }
    }
    ats_gpu_slot_clear(&slot);
    fixture_free(&f);
}

/* Inputs are the features that nodes use, and those between where few are missing. */
Test(kernel, inputs_lie_side_by_side_where_that_costs_little)
{
    static const ats_made_forest shapes[] = {{5, 4, 500, 1, 0, 17}, {60, 5, 300, 1, 0, 18}};
    for (uint32_t i = 0; i < 2; i++) {
        ats_gpu_slot slot = {0};
        fixture f;
        bool used[500] = {false};
        fixture_make(&f, &shapes[i]);
        cr_assert_eq(ats_gpu_slot_fill(&slot, f.image, 1, 1u << 30), 0);
        for (uint32_t c = 0; c < f.image->column_count; c++)
            used[ats_forest_columns(f.image)[c].feature] = true;
        uint32_t distinct = 0;
        for (uint32_t feature = 0; feature < 500; feature++)
            distinct += used[feature];
        cr_assert_eq(slot.side_by_side, i == 1);
        cr_assert_eq(slot.input_count == distinct, i == 0);
        cr_assert_leq(slot.input_count * 4, distinct * 5);
        for (uint32_t at = 1; at < slot.input_count; at++)
            cr_assert_gt(slot.input[at], slot.input[at - 1]);
        ats_gpu_slot_clear(&slot);
        fixture_free(&f);
    }
}

/* An image whose nodes share children is no forest; it must not run out of its memory. */
Test(kernel, a_model_that_is_no_tree_is_refused)
{
    ats_gpu_slot slot = {0};
    fixture f;
    ats_made_forest shape = {1, 8, 20, 1, 0, 1};
    fixture_make(&f, &shape);
    ats_forest_image_node *nodes = (void *)((char *)f.image + (size_t)f.image->nodes * 64);
    const uint32_t *root = ats_forest_image_at(f.image, f.image->roots);
    /* Both children lead back to the root. */
    uint32_t first = nodes[root[0]].left;
    nodes[first].left = nodes[first + 1].left = root[0];
    ats_error_clear();
    cr_assert_neq(ats_gpu_slot_fill(&slot, f.image, 1, 1u << 30), 0);
    cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
    cr_assert_null(slot.table);
    fixture_free(&f);
}

/* Bits of the doorbell, told apart. */
Test(kernel, a_doorbell_is_one_word)
{
    uint64_t bell = (uint64_t)0xfedcba98u << 32 | (uint64_t)257 << 20 | 0xabcde;
    cr_assert_eq(ats_gpu_bell_sequence(bell), 0xfedcba98u);
    cr_assert_eq(ats_gpu_bell_rows(bell), 257);
    cr_assert_eq(ats_gpu_bell_load(bell), 0xabcde);
}
