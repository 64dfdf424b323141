#include "calc/calibration.h"

#include <criterion/criterion.h>
#include <math.h>

static const ats_calibration table = {
    .count = 4, .score = {-1.0f, 0.0f, 0.5f, 2.0f}, .chance = {0.125f, 0.5f, 0.5f, 0.75f}};

Test(calibration, is_linear_between_knots_and_flat_outside)
{
    const struct {
        float score, chance;
    } want[] = {{-INFINITY, 0.125f}, {-7.0f, 0.125f}, {-1.0f, 0.125f},  {-0.5f, 0.3125f},
                {-0.0f, 0.5f},       {0.25f, 0.5f},   {0.5f, 0.5f},     {1.25f, 0.625f},
                {2.0f, 0.75f},       {99.0f, 0.75f},  {INFINITY, 0.75f}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        cr_expect_eq(ats_calibration_chance(&table, want[i].score), want[i].chance, "%g",
                     (double)want[i].score);
    cr_expect_eq(ats_calibration_chance(&table, NAN), 0.5f);
}

Test(calibration, one_knot_is_a_constant)
{
    const ats_calibration one = {.count = 1, .score = {3.0f}, .chance = {0.25f}};
    cr_expect_eq(ats_calibration_chance(&one, -9.0f), 0.25f);
    cr_expect_eq(ats_calibration_chance(&one, 9.0f), 0.25f);
}

Test(calibration, never_falls)
{
    float before = 0.0f;
    for (float x = -3.0f; x < 3.0f; x += 0.001f) {
        float chance = ats_calibration_chance(&table, x);
        cr_assert(chance >= before, "at %g", (double)x);
        before = chance;
    }
}

Test(calibration, tells_a_table_that_is_none)
{
    static const ats_calibration bad[] = {
        {.count = ATS_CALIBRATION_KNOTS_MAX + 1},
        {.count = 2, .score = {1.0f, 1.0f}, .chance = {0.1f, 0.2f}},
        {.count = 2, .score = {2.0f, 1.0f}, .chance = {0.1f, 0.2f}},
        {.count = 2, .score = {1.0f, 2.0f}, .chance = {0.2f, 0.1f}},
        {.count = 1, .score = {1.0f}, .chance = {1.5f}},
        {.count = 1, .score = {1.0f}, .chance = {NAN}},
        {.count = 1, .score = {INFINITY}, .chance = {0.5f}},
    };
    cr_expect(ats_calibration_is_sound(&table));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(ats_calibration_is_sound(&bad[i]), "table %zu", i);
}
