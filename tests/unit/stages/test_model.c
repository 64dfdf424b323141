/* Models: ensembles, their confidence, and the table through which they come and go. */
#include "stages/infer/model.h"

#include "core/error.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One split of feature 0 at 0: below it the first value, else the second; one margin a class. */
static ats_forest stump(const float (*values)[2], uint32_t groups)
{
    ats_forest f = {.tree_count = groups,
                    .node_count = 3 * groups,
                    .feature_count = 1,
                    .max_depth = 1,
                    .group_count = groups,
                    .feature_version = 7};
    f.nodes = aligned_alloc(64, (f.node_count * sizeof *f.nodes + 63) & ~(size_t)63);
    f.root = calloc(groups, sizeof *f.root);
    f.depth = calloc(groups, sizeof *f.depth);
    f.group = groups > 1 ? calloc(groups, sizeof *f.group) : NULL;
    for (uint32_t g = 0; g < groups; g++) {
        f.root[g] = 3 * g;
        f.depth[g] = 1;
        if (f.group)
            f.group[g] = (uint16_t)g;
        f.nodes[3 * g] = (ats_forest_node){.threshold = 0.0f, .left = 3 * g + 1};
        for (uint32_t i = 0; i < 2; i++)
            f.nodes[3 * g + 1 + i] =
                (ats_forest_node){.threshold = NAN, .value = values[g][i], .left = 3 * g + 1 + i};
    }
    return f;
}

static ats_forest stump_of(float low, float high)
{
    const float values[1][2] = {{low, high}};
    return stump(values, 1);
}

static const float BELOW[] = {-1.0f}, ABOVE[] = {1.0f};
static const float *const ROWS[] = {BELOW, ABOVE};

Test(model, one_member_gives_its_margin_and_is_sure)
{
    float scores[2], confidences[2];
    ats_forest f = stump_of(-0.3f, 0.7f);
    ats_model *m = ats_model_make(&f, 1, &(ats_model_parts){.sha256 = "abc"});
    cr_assert(m);
    ats_model_score(m, ROWS, NULL, 2, scores, confidences);
    cr_expect_eq(scores[0], -0.3f);
    cr_expect_eq(scores[1], 0.7f);
    cr_expect(confidences[0] == 1.0f && confidences[1] == 1.0f);
    cr_expect_str_eq(m->sha256, "abc");
    ats_model_free(m);
}

Test(model, an_ensemble_weighs_its_members_and_doubts_where_they_differ)
{
    float scores[2], confidences[2];
    ats_forest f[2] = {stump_of(-1.0f, 2.0f), stump_of(-1.0f, -2.0f)};
    const float weights[] = {3.0f, 1.0f}; /* scaled: 3/4, 1/4 */
    ats_model *m = ats_model_make(f, 2, &(ats_model_parts){.weights = weights});
    cr_assert(m);
    ats_model_score(m, ROWS, NULL, 2, scores, confidences);
    cr_expect_eq(scores[0], -1.0f);
    cr_expect_eq(confidences[0], 1.0f, "they say the same");
    cr_expect_eq(scores[1], 1.0f); /* 3/4 * 2 - 1/4 * 2 */
    /* variance 3/4 * 1 + 1/4 * 9 = 3 */
    cr_expect_float_eq(confidences[1], 1.0f / (1.0f + sqrtf(3.0f)), 1e-7f);
    ats_model_free(m);
}

Test(model, calibration_gives_the_chance_that_the_sign_is_right)
{
    float scores[2], confidences[2];
    const ats_calibration table = {.count = 2, .score = {-1.0f, 1.0f}, .chance = {0.25f, 0.875f}};
    ats_forest f = stump_of(-1.0f, 1.0f);
    ats_model *m = ats_model_make(&f, 1, &(ats_model_parts){.calibration = &table});
    cr_assert(m);
    ats_model_score(m, ROWS, NULL, 2, scores, confidences);
    cr_expect_eq(confidences[0], 0.75f, "down is right when up is not");
    cr_expect_eq(confidences[1], 0.875f);
    ats_model_free(m);
}

Test(model, several_classes_score_as_the_last_against_the_first)
{
    float scores[2], confidences[2];
    const float values[3][2] = {{0.5f, -1.0f}, {9.0f, 9.0f}, {-0.25f, 2.0f}};
    ats_forest f = stump(values, 3);
    ats_model *m = ats_model_make(&f, 1, &(ats_model_parts){.isa = ATS_ISA_PORTABLE});
    cr_assert(m);
    ats_model_score(m, ROWS, NULL, 2, scores, confidences);
    cr_expect_eq(scores[0], -0.75f);
    cr_expect_eq(scores[1], 3.0f);
    ats_model_free(m);
}

Test(model, refuses_what_does_not_belong_together)
{
    const float none[] = {1.0f, 0.0f};
    const ats_calibration falling = {.count = 2, .score = {0.0f, 1.0f}, .chance = {0.9f, 0.1f}};
    ats_forest f[2] = {stump_of(0, 0), stump_of(0, 0)};
    f[1].feature_version = 8;
    cr_expect_null(ats_model_make(f, 2, &(ats_model_parts){.isa = ATS_ISA_PORTABLE}));
    cr_expect(strstr(ats_error_line(0), "feature version"), "%s", ats_error_line(0));
    ats_error_clear();
    ats_forest g[2] = {stump_of(0, 0), stump_of(0, 0)};
    cr_expect_null(ats_model_make(g, 2, &(ats_model_parts){.weights = none}));
    cr_expect(strstr(ats_error_line(0), "not above 0"), "%s", ats_error_line(0));
    ats_error_clear();
    ats_forest h = stump_of(0, 0);
    cr_expect_null(ats_model_make(&h, 1, &(ats_model_parts){.calibration = &falling}));
    cr_expect(strstr(ats_error_line(0), "rising"), "%s", ats_error_line(0));
    ats_error_clear();
    cr_expect_null(ats_model_make(NULL, 0, &(ats_model_parts){.isa = ATS_ISA_PORTABLE}));
    ats_error_clear();
}

static ats_model *small(void)
{
    ats_forest f = stump_of(-1.0f, 1.0f);
    return ats_model_make(&f, 1, &(ats_model_parts){.isa = ATS_ISA_PORTABLE});
}

Test(model_table, models_come_in_order_and_leave_when_they_are_done_with)
{
    ats_model_table t = {0};
    cr_assert_eq(ats_model_table_add(&t, small(), 0), 1);
    cr_assert_eq(ats_model_table_add(&t, small(), 0), 2);
    cr_assert_eq(ats_model_table_add(&t, small(), 40), 40);
    cr_expect_eq(ats_model_table_collect(&t), 0);
    cr_expect_eq(ats_model_table_find(&t, 2)->id, 2);
    cr_expect_null(ats_model_table_find(&t, 3));
    cr_expect_null(ats_model_table_find(&t, 0));
    ats_model_table_retire(&t, 2);
    ats_model_table_retire(&t, 3); /* nobody */
    cr_expect_eq(ats_model_table_collect(&t), 1);
    cr_expect_null(ats_model_table_find(&t, 2));
    cr_assert_eq(ats_model_table_add(&t, small(), 0), 41);
    ats_model *again = small();
    cr_expect_eq(ats_model_table_add(&t, again, 40), 0);
    ats_model_free(again);
    ats_error_clear();
    ats_model_table_clear(&t);
}

Test(model_table, is_full_at_its_limit)
{
    ats_model_table t = {0};
    for (uint32_t i = 0; i < ATS_MODELS_MAX; i++)
        cr_assert_neq(ats_model_table_add(&t, small(), 0), 0);
    ats_model *more = small();
    cr_expect_eq(ats_model_table_add(&t, more, 0), 0);
    ats_error_clear();
    ats_model_table_retire(&t, 5);
    cr_expect_eq(ats_model_table_collect(&t), 1);
    cr_expect_neq(ats_model_table_add(&t, more, 0), 0);
    ats_model_table_clear(&t);
}
