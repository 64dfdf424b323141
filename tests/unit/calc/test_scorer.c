#include "calc/forest/scorer.h"

#include "core/error.h"
#include "forest_maker.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define ROWS 600u

static const forest_plan PLANS[] = {
    /* name, trees, depth, features, groups, values, used, shape, missing, seed */
    {"single leaf", 1, 0, 3, 1, 10, 0, SHAPE_COMPLETE, 0, 1},
    {"leaves only", 19, 0, 3, 1, 10, 0, SHAPE_COMPLETE, 0, 2},
    {"one stump", 1, 1, 1, 1, 1, 0, SHAPE_COMPLETE, 1, 3},
    {"stumps", 33, 1, 7, 1, 40, 0, SHAPE_COMPLETE, 2, 4},
    {"many small", 2000, 2, 20, 1, 100, 0, SHAPE_RANDOM, 2, 5},
    {"depth 3", 40, 3, 64, 1, 16, 0, SHAPE_COMPLETE, 0, 6},
    {"17 thresholds", 40, 4, 9, 1, 17, 0, SHAPE_RANDOM, 1, 7},
    {"depth 6, a register", 100, 6, 64, 1, 200, 0, SHAPE_COMPLETE, 0, 8},
    {"depth 6, right", 50, 6, 60, 1, 254, 0, SHAPE_COMPLETE, 1, 9},
    {"depth 6, two registers", 60, 6, 64, 1, 100, 0, SHAPE_RANDOM, 2, 10},
    {"depth 6, 80 of 315", 60, 6, 315, 1, 100, 80, SHAPE_RANDOM, 1, 33},
    {"depth 6, 200 of 315", 60, 6, 315, 1, 100, 200, SHAPE_RANDOM, 0, 34},
    {"depth 6, 64 of 315", 60, 6, 315, 1, 100, 64, SHAPE_RANDOM, 0, 11},
    {"depth 6, 120 of 315", 60, 6, 315, 1, 30, 120, SHAPE_COMPLETE, 0, 12},
    {"depth 6, 315", 60, 6, 315, 1, 60, 0, SHAPE_COMPLETE, 0, 13},
    {"depth 6, 630 columns", 130, 6, 315, 1, 30, 0, SHAPE_COMPLETE, 2, 14},
    {"1,024 columns", 140, 6, 1024, 1, 9, 0, SHAPE_COMPLETE, 0, 15},
    {"2,000 columns", 200, 6, 1024, 1, 9, 0, SHAPE_COMPLETE, 2, 16},
    {"small, 400 columns", 300, 3, 400, 1, 9, 0, SHAPE_RANDOM, 0, 17},
    {"thousands of thresholds", 300, 6, 4, 1, 5000, 0, SHAPE_COMPLETE, 2, 18},
    {"255 thresholds", 60, 7, 2, 1, 255, 0, SHAPE_COMPLETE, 0, 19},
    {"depth 7", 20, 7, 64, 1, 80, 0, SHAPE_COMPLETE, 2, 20},
    {"depth 8", 35, 8, 64, 1, 200, 0, SHAPE_COMPLETE, 0, 21},
    {"depth 8, random", 35, 8, 128, 1, 200, 0, SHAPE_RANDOM, 2, 22},
    {"depth 8, 315", 20, 8, 315, 1, 50, 0, SHAPE_COMPLETE, 2, 23},
    {"depth 12", 9, 12, 64, 1, 200, 0, SHAPE_COMPLETE, 2, 24},
    {"depth 12, random", 20, 12, 30, 1, 200, 0, SHAPE_RANDOM, 0, 25},
    {"skewed 40", 50, 40, 64, 1, 200, 0, SHAPE_SKEWED, 2, 26},
    {"skewed 64, 315", 20, 64, 315, 1, 50, 0, SHAPE_SKEWED, 1, 27},
    {"skewed 64, 2,000 columns", 200, 64, 1024, 1, 200, 0, SHAPE_SKEWED, 2, 28},
    {"three classes", 48, 6, 40, 3, 100, 0, SHAPE_RANDOM, 2, 29},
    {"64 classes", 130, 3, 40, 64, 20, 0, SHAPE_RANDOM, 0, 30},
    {"five classes, depth 8", 41, 8, 64, 5, 100, 0, SHAPE_RANDOM, 2, 31},
    {"five classes, depth 12", 21, 12, 64, 5, 100, 0, SHAPE_RANDOM, 2, 32},
};
#define PLAN_COUNT (sizeof PLANS / sizeof PLANS[0])

typedef struct fixture {
    ats_forest forest;
    ats_forest_image *image;
    float *x;
    const float *rows[ROWS];
    float *want; /* [ROWS * group_count] of the plain walk */
    float *got;
} fixture;

static void begin(fixture *f, const forest_plan *plan)
{
    forest_make(&f->forest, plan);
    f->image = ats_forest_compile(&f->forest);
    cr_assert_not_null(f->image, "%s", ats_error_line(0));
    f->x = calloc((size_t)ROWS * plan->features, sizeof *f->x);
    f->want = calloc((size_t)ROWS * plan->groups, sizeof *f->want);
    f->got = calloc((size_t)ROWS * plan->groups, sizeof *f->got);
    forest_rows(plan, f->x, ROWS, plan->seed);
    for (uint32_t i = 0; i < ROWS; i++)
        f->rows[i] = f->x + (size_t)i * plan->features;
    ats_forest_score(&f->forest, f->rows, ROWS, f->want);
}

static void end(fixture *f)
{
    ats_forest_free(&f->forest);
    ats_forest_image_free(f->image);
    free(f->x), free(f->want), free(f->got);
}

/* Rows that differ from the plain walk; their first is told. */
static void expect_equal(const fixture *f, const forest_plan *plan, ats_isa isa, uint32_t from,
                         uint32_t n, const char *how)
{
    for (uint32_t i = 0; i < n * plan->groups; i++)
        cr_assert_eq(memcmp(&f->got[i], &f->want[from * plan->groups + i], sizeof(float)), 0,
                     "%s, %s, %s of %u: row %u is %a and not %a", plan->name, ats_isa_label(isa),
                     how, n, i / plan->groups, (double)f->got[i],
                     (double)f->want[from * plan->groups + i]);
}

static void every_batch(fixture *f, const forest_plan *plan, ats_isa isa)
{
    ats_scorer s;
    cr_assert_eq(ats_scorer_open(&s, f->image, isa), 0);
    for (uint32_t n = 1; n <= ATS_SCORER_ROWS_MAX; n++) {
        uint32_t from = n * 37 % (ROWS - n + 1);
        memset(f->got, 0x5a, sizeof(float) * ROWS * plan->groups);
        ats_scorer_score(&s, f->rows + from, n, f->got);
        expect_equal(f, plan, isa, from, n, "a batch");
        /* Nothing is written behind the last margin. */
        uint32_t behind;
        memcpy(&behind, &f->got[n * plan->groups], sizeof behind);
        cr_assert_eq(behind, 0x5a5a5a5a, "%s, batch of %u", plan->name, n);
    }
    ats_scorer_close(&s);
}

Test(scorer, equals_the_plain_walk_to_the_bit)
{
    fixture f;
    for (size_t p = 0; p < PLAN_COUNT; p++) {
        begin(&f, &PLANS[p]);
        for (ats_isa isa = 0; isa < ATS_ISA_COUNT; isa++)
            if (ats_isa_supported(isa))
                every_batch(&f, &PLANS[p], isa);
        end(&f);
    }
}

/* The rank of x in a column, by its definition. */
static uint8_t rank_by_definition(const ats_forest_image *image, const ats_forest_column *c,
                                  float x)
{
    const float *cuts = ats_forest_image_at(image, c->cuts);
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->threshold_count; i++)
        n += cuts[(c->threshold_count > 16 ? 16 : 0) + i] <= x;
    return x != x ? c->missing_rank : (uint8_t)n;
}

Test(scorer, ranks_are_the_same_bytes_on_every_instruction_set)
{
    fixture f;
    for (size_t p = 0; p < PLAN_COUNT; p++) {
        begin(&f, &PLANS[p]);
        uint32_t columns = f.image->column_count;
        size_t stride = columns + 3; /* not what scoring uses */
        uint8_t *ranks = malloc(70 * stride);
        for (ats_isa isa = 0; isa < ATS_ISA_COUNT; isa++) {
            if (!ats_isa_supported(isa))
                continue;
            memset(ranks, 0xa5, 70 * stride);
            ats_forest_quantise(f.image, isa, f.rows, 70, ranks, stride);
            for (uint32_t i = 0; i < 70; i++) {
                for (uint32_t c = 0; c < columns; c++) {
                    const ats_forest_column *column = &ats_forest_columns(f.image)[c];
                    float x = f.rows[i][column->feature];
                    cr_assert_eq(ranks[i * stride + c], rank_by_definition(f.image, column, x),
                                 "%s, %s: row %u, column %u", PLANS[p].name, ats_isa_label(isa), i,
                                 c);
                }
                cr_assert_eq(ranks[i * stride + columns], 0xa5, "%s: behind row %u", PLANS[p].name,
                             i);
            }
        }
        free(ranks);
        end(&f);
    }
}

Test(scorer, a_memory_of_the_last_row_changes_no_margin)
{
    fixture f;
    ats_random random;
    ats_random_seed(&random, 4);
    for (size_t p = 0; p < PLAN_COUNT; p++) {
        begin(&f, &PLANS[p]);
        uint32_t features = PLANS[p].features;
        for (ats_isa isa = 0; isa < ATS_ISA_COUNT; isa++) {
            ats_scorer s;
            if (!ats_isa_supported(isa))
                continue;
            cr_assert_eq(ats_scorer_open(&s, f.image, isa), 0);
            size_t bytes = ats_forest_row_memory_bytes(f.image);
            cr_assert_eq(bytes % 64, 0);
            void *memory = aligned_alloc(64, bytes);
            ats_forest_row_memory_reset(f.image, memory);
            float *row = malloc(features * sizeof *row);
            memcpy(row, f.rows[0], features * sizeof *row);
            for (uint32_t i = 0; i < 200; i++) {
                /* From nothing changed to everything changed. */
                uint32_t changes = i % 10 == 9 ? 5 * features : maker_below(&random, 4);
                for (uint32_t k = 0; k < changes; k++) {
                    uint32_t feature = maker_below(&random, features);
                    row[feature] = maker_value(&random, &PLANS[p], feature);
                }
                const float *one = row;
                ats_forest_score(&f.forest, &one, 1, f.want);
                ats_scorer_score_row(&s, memory, row, f.got);
                expect_equal(&f, &PLANS[p], isa, 0, 1, "a remembered row");
            }
            free(row);
            free(memory);
            ats_scorer_close(&s);
        }
        end(&f);
    }
}

Test(scorer, scores_ranks_made_elsewhere)
{
    fixture f;
    begin(&f, &PLANS[9]);
    size_t stride = ats_forest_rank_stride(f.image);
    uint8_t *ranks = aligned_alloc(64, 100 * stride);
    memset(ranks, 0xff, 100 * stride); /* what lies behind the columns must not matter */
    ats_forest_quantise(f.image, ATS_ISA_PORTABLE, f.rows, 100, ranks, stride);
    for (ats_isa isa = 0; isa < ATS_ISA_COUNT; isa++) {
        ats_scorer s;
        if (!ats_isa_supported(isa))
            continue;
        cr_assert_eq(ats_scorer_open(&s, f.image, isa), 0);
        ats_scorer_score_ranks(&s, ranks, 100, f.got);
        expect_equal(&f, &PLANS[9], isa, 0, 100, "ranks");
        ats_scorer_close(&s);
    }
    free(ranks);
    end(&f);
}

/* ---- images ---------------------------------------------------------------------------------- */

Test(image, can_be_copied_anywhere)
{
    fixture f;
    for (size_t p = 0; p < PLAN_COUNT; p += 3) {
        begin(&f, &PLANS[p]);
        size_t bytes = f.image->bytes;
        ats_forest_image *copy = aligned_alloc(64, bytes);
        memcpy(copy, f.image, bytes);
        memset(f.image, 0, bytes); /* nothing may point back */
        cr_assert_eq(ats_forest_image_check(copy, bytes), 0, "%s: %s", PLANS[p].name,
                     ats_error_line(0));
        ats_scorer s;
        cr_assert_eq(ats_scorer_open(&s, copy, ats_isa_best()), 0);
        ats_scorer_score(&s, f.rows, 200, f.got);
        expect_equal(&f, &PLANS[p], s.isa, 0, 200, "a copy");
        ats_scorer_close(&s);
        free(copy);
        end(&f);
    }
}

Test(image, compiles_to_the_same_bytes)
{
    fixture f;
    begin(&f, &PLANS[13]);
    ats_forest_image *again = ats_forest_compile(&f.forest);
    cr_assert_eq(again->bytes, f.image->bytes);
    cr_assert_eq(memcmp(again, f.image, again->bytes), 0);
    ats_forest_image_free(again);
    end(&f);
}

Test(image, columns_hold_each_threshold_once)
{
    fixture f;
    for (size_t p = 0; p < PLAN_COUNT; p++) {
        begin(&f, &PLANS[p]);
        const ats_forest_image_node *nodes = ats_forest_image_at(f.image, f.image->nodes);
        for (uint32_t i = 0; i < f.forest.node_count; i++) {
            const ats_forest_node *n = &f.forest.nodes[i];
            if (n->left == i)
                continue;
            const ats_forest_column *c = &ats_forest_columns(f.image)[nodes[i].column];
            const float *cuts = ats_forest_image_at(f.image, c->cuts);
            cr_assert_eq(c->feature, n->feature);
            cr_assert_eq(c->missing_rank, n->default_right ? c->threshold_count : 0);
            cr_assert_eq(cuts[(c->threshold_count > 16 ? 16 : 0) + nodes[i].rank], n->threshold);
        }
        end(&f);
    }
}

/* Any flipped bit is found by the checksum; a block whose checksum was made to fit must be refused
 * too, or be harmless: scored under a sanitizer it reads nothing outside. */
Test(image, refuses_what_is_damaged)
{
    fixture f;
    ats_random random;
    ats_random_seed(&random, 11);
    begin(&f, &PLANS[9]);
    size_t bytes = f.image->bytes;
    uint8_t *copy = aligned_alloc(64, bytes);
    for (size_t length = 0; length < bytes; length += length < 1024 ? 64 : 4096) {
        memcpy(copy, f.image, length);
        cr_assert_neq(ats_forest_image_check(copy, length), 0, "%zu of %zu bytes", length, bytes);
        cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
        ats_error_clear();
    }
    for (uint32_t i = 0; i < 2000; i++) {
        memcpy(copy, f.image, bytes);
        size_t at =
            i < 1000 ? i % sizeof(ats_forest_image) : (size_t)(ats_random_next(&random) % bytes);
        copy[at] ^= (uint8_t)(1u << maker_below(&random, 8));
        cr_assert_neq(ats_forest_image_check(copy, bytes), 0, "byte %zu", at);
        ats_error_clear();
    }
    cr_assert_neq(ats_forest_image_check(copy + 4, bytes - 64), 0, "misaligned");
    free(copy);
    end(&f);
}

#include "calc/forest/checksum.h"

Test(image, whatever_passes_the_check_is_safe_to_score)
{
    fixture f;
    ats_random random;
    uint32_t passed = 0, refused = 0;
    ats_random_seed(&random, 12);
    for (size_t p = 0; p < PLAN_COUNT; p += 2) {
        begin(&f, &PLANS[p]);
        size_t bytes = f.image->bytes;
        ats_forest_image *copy = aligned_alloc(64, bytes);
        for (uint32_t i = 0; i < 60; i++) {
            memcpy(copy, f.image, bytes);
            uint8_t *raw = (uint8_t *)copy;
            for (uint32_t k = 0; k < 1 + i % 3; k++) {
                /* Half of the hits meet the header and the tables at the front. */
                size_t reach = i % 2 ? bytes : (bytes < 8192 ? bytes : 8192);
                raw[32 + ats_random_next(&random) % (reach - 32)] ^=
                    (uint8_t)(1u << maker_below(&random, 8));
            }
            copy->bytes = bytes;
            copy->checksum = ats_forest_image_checksum(copy);
            if (ats_forest_image_check(copy, bytes) != 0) {
                refused++;
                ats_error_clear();
                continue;
            }
            passed++;
            for (ats_isa isa = 0; isa < ATS_ISA_COUNT; isa++) {
                ats_scorer s;
                if (!ats_isa_supported(isa))
                    continue;
                /* The flip may have made groups or features more: margins and rows of the limits.
                 */
                static float margins[64 * ATS_FOREST_GROUPS_MAX];
                static float row[ATS_FOREST_FEATURES_MAX];
                const float *rows[64];
                for (uint32_t r = 0; r < 64; r++)
                    rows[r] = row;
                cr_assert_eq(ats_scorer_open(&s, copy, isa), 0);
                ats_scorer_score(&s, rows, 64, margins);
                ats_scorer_score(&s, rows, 3, margins);
                ats_scorer_close(&s);
            }
        }
        free(copy);
        end(&f);
    }
    cr_assert_gt(passed, 20);
    cr_assert_gt(refused, 100);
}

/* A form that the columns do not call for: batches would read nodes that are not there. */
Test(image, refuses_a_form_that_is_not_its_own)
{
    fixture f;
    for (uint32_t form = 0; form < ATS_FOREST_FORM_COUNT; form += ATS_FOREST_NODES) {
        const forest_plan *plan =
            &PLANS[form == ATS_FOREST_NODES ? 9 : 17]; /* 120, 2,000 columns */
        begin(&f, plan);
        ((ats_forest_block *)(uintptr_t)ats_forest_blocks(f.image))->form = form;
        f.image->checksum = ats_forest_image_checksum(f.image);
        cr_assert_neq(ats_forest_image_check(f.image, f.image->bytes), 0, "%s", plan->name);
        ats_error_clear();
        end(&f);
    }
}

Test(scorer, refuses_an_instruction_set_that_is_none)
{
    fixture f;
    ats_scorer s;
    begin(&f, &PLANS[3]);
    cr_assert_neq(ats_scorer_open(&s, f.image, (ats_isa)7), 0);
    cr_assert(ats_isa_supported(ATS_ISA_PORTABLE));
    cr_assert(ats_isa_supported(ats_isa_best()));
    cr_assert_str_eq(ats_isa_label(ATS_ISA_AVX512), "avx512");
    end(&f);
}
