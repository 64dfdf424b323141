#include "calc/forest/forest.h"
#include "core/error.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* One split: feature 1 < 0.5 -> 2, else 3; missing goes where `missing_left` says. */
static int parse(ats_forest *f, const char *name, const char *objective, const char *base,
                 const char *trees)
{
    char json[4096];
    snprintf(json, sizeof json,
             "{\"learner\":{\"attributes\":{\"ats_feature_version\":\"00000000000000ab\"},"
             "\"gradient_booster\":{\"name\":\"%s\",\"model\":{\"trees\":[%s]}},"
             "\"learner_model_param\":{\"base_score\":\"%s\",\"num_class\":\"0\","
             "\"num_feature\":\"3\",\"num_target\":\"1\"},\"objective\":{\"name\":\"%s\"}},"
             "\"version\":[1,7,4]}",
             name, trees, base, objective);
    ats_error_clear();
    return ats_forest_parse_xgboost(f, json, strlen(json));
}

#define TREE(left, right, feature, condition, missing)                                             \
    "{\"left_children\":" left ",\"right_children\":" right ",\"split_indices\":" feature          \
    ",\"split_conditions\":" condition ",\"default_left\":" missing "}"
#define STUMP TREE("[1,-1,-1]", "[2,-1,-1]", "[1,0,0]", "[0.5,2,3]", "[1,0,0]")

static float score(const ats_forest *f, float x)
{
    float row[3] = {7, x, 7}, margin;
    const float *rows = row;
    ats_forest_score(f, &rows, 1, &margin);
    return margin;
}

Test(forest, walks_as_xgboost_does)
{
    ats_forest f;
    cr_assert_eq(parse(&f, "gbtree", "reg:squarederror", "1E0", STUMP), 0, "%s", ats_error_line(0));
    cr_assert_eq(f.feature_version, 0xab);
    cr_assert_float_eq(score(&f, 0.4f), 3.0f, 0);
    cr_assert_float_eq(score(&f, 0.5f), 4.0f, 0, "equal goes right");
    cr_assert_float_eq(score(&f, INFINITY), 4.0f, 0);
    cr_assert_float_eq(score(&f, -INFINITY), 3.0f, 0);
    cr_assert_float_eq(score(&f, -0.0f), 3.0f, 0);
    cr_assert_float_eq(score(&f, NAN), 3.0f, 0, "missing goes left here");
    ats_forest_free(&f);
    cr_assert_eq(
        parse(&f, "gbtree", "reg:squarederror", "[5E-1]",
              TREE("[1,-1,-1]", "[2,-1,-1]", "[1,0,0]", "[0.5,2,3]", "[false,false,false]")),
        0);
    cr_assert_float_eq(score(&f, NAN), 3.5f, 0, "missing goes right here");
    ats_forest_free(&f);
}

Test(forest, logistic_base_is_a_probability)
{
    ats_forest f;
    cr_assert_eq(parse(&f, "gbtree", "binary:logistic", "5E-1", STUMP), 0);
    cr_assert_float_eq(f.base_margin[0], 0.0f, 0);
    ats_forest_free(&f);
    cr_assert_neq(parse(&f, "gbtree", "binary:logistic", "1.5", STUMP), 0);
}

Test(forest, sums_trees_in_their_order)
{
    /* In float32, (1 + 1e8) - 1e8 = 0 and 1 + (1e8 - 1e8) = 1: order shows. Nine trees: one group
     * of eight and a rest. */
    ats_forest f;
#define LEAF(v) TREE("[-1]", "[-1]", "[0]", "[" v "]", "[0]")
    const char *nine = LEAF("1") "," LEAF("1e8") "," LEAF("-1e8") "," LEAF("0") "," LEAF(
        "0") "," LEAF("0") "," LEAF("0") "," LEAF("0") "," LEAF("3");
    cr_assert_eq(parse(&f, "gbtree", "reg:squarederror", "0", nine), 0, "%s", ats_error_line(0));
    cr_assert_float_eq(score(&f, 1), 3.0f, 0);
    ats_forest_free(&f);
}

Test(forest, refuses_by_name_what_it_cannot_score)
{
    ats_forest f;
    struct {
        const char *booster, *objective, *base, *trees, *says;
    } cases[] = {
        {"gbtree", "reg:nonsense", "0", STUMP, "reg:nonsense"},
        {"gblinear", "reg:squarederror", "0", STUMP, "gblinear"},
        {"gbtree", "count:poisson", "0", STUMP, "no logarithm"},
        {"gbtree", "reg:squarederror", "[1,2]", STUMP, "base_score"},
        {"gbtree", "reg:squarederror", "x", STUMP, "base_score"},
        {"gbtree", "reg:squarederror", "0", "", "0 trees"},
        {"gbtree", "reg:squarederror", "0", TREE("[1,-1]", "[2,-1]", "[1,0]", "[0.5,2]", "[1,0]"),
         "child"},
        {"gbtree", "reg:squarederror", "0",
         TREE("[1,0,-1]", "[2,0,-1]", "[1,0,0]", "[0.5,2,3]", "[1,0,0]"), "no tree"},
        {"gbtree", "reg:squarederror", "0",
         TREE("[1,-1,-1]", "[2,-1,-1]", "[3,0,0]", "[0.5,2,3]", "[1,0,0]"), "feature 3"},
        {"gbtree", "reg:squarederror", "0",
         TREE("[1,-1,-1]", "[2,-1,-1]", "[1,0]", "[0.5,2,3]", "[1,0,0]"), "unequal length"},
        {"gbtree", "reg:squarederror", "0",
         TREE("[6.8e22,-1,-1]", "[2,-1,-1]", "[1,0,0]", "[0.5,2,3]", "[1,0,0]"), "child"},
        {"gbtree", "reg:squarederror", "0",
         TREE("[1,-1,-1]", "[-7,-1,-1]", "[1,0,0]", "[0.5,2,3]", "[1,0,0]"), "child"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_neq(
            parse(&f, cases[i].booster, cases[i].objective, cases[i].base, cases[i].trees), 0,
            "case %zu", i);
        cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
        cr_assert_not_null(strstr(ats_error_line(0), cases[i].says), "case %zu: %s", i,
                           ats_error_line(0));
    }
}
