/* Which prints form which prices: rows of the tape's tables, and how several conditions combine. */
#include "calc/corporate_action.h"
#include "calc/sale_condition.h"

#include <criterion/criterion.h>
#include <string.h>

static uint32_t updates(const char *text, bool regular)
{
    uint8_t condition[4] = {' ', ' ', ' ', ' '};
    memcpy(condition, text, strlen(text));
    return ats_sale_updates(condition, regular) & ~ATS_SALE_LAST_IF_FIRST;
}

#define ALL (ATS_SALE_LAST | ATS_SALE_HIGH_LOW | ATS_SALE_VOLUME | ATS_SALE_FLOW)

Test(sale_condition, single)
{
    cr_assert_eq(updates("", true), ALL);
    cr_assert_eq(updates("@", true), ALL);
    cr_assert_eq(updates("F", true), ALL, "intermarket sweep");
    cr_assert_eq(updates("6", true), ALL, "closing print");
    cr_assert_eq(updates("I", true), ATS_SALE_VOLUME | ATS_SALE_FLOW, "odd lot");
    cr_assert_eq(updates("Z", true), ATS_SALE_HIGH_LOW | ATS_SALE_VOLUME, "out of sequence");
    cr_assert_eq(updates("4", true), ATS_SALE_HIGH_LOW | ATS_SALE_VOLUME, "derivatively priced");
    cr_assert_eq(updates("7", true), ATS_SALE_VOLUME, "qualified contingent");
    cr_assert_eq(updates("M", true), 0, "official close repeats a print");
    cr_assert_eq(updates("9", true), ATS_SALE_LAST | ATS_SALE_HIGH_LOW, "corrected close");
    uint8_t zeros[4] = {0};
    cr_assert_eq(ats_sale_updates(zeros, true) & ALL, ALL, "a feed without conditions");
}

Test(sale_condition, all_must_let_it)
{
    cr_assert_eq(updates("F I", true), ATS_SALE_VOLUME | ATS_SALE_FLOW);
    cr_assert_eq(updates("4 B", true), ATS_SALE_VOLUME);
    cr_assert_eq(updates("@FTI", true), ATS_SALE_VOLUME);
    cr_assert_eq(updates("#", true), ATS_SALE_VOLUME, "an unknown code sets no price");
}

Test(sale_condition, first_of_the_session)
{
    uint8_t sold[4] = "Z   ", regular[4] = "    ", lot[4] = "I   ", mixed[4] = "ZI  ";
    cr_assert(ats_sale_updates(sold, true) & ATS_SALE_LAST_IF_FIRST);
    cr_assert(ats_sale_updates(regular, true) & ATS_SALE_LAST_IF_FIRST);
    cr_assert_not(ats_sale_updates(lot, true) & ATS_SALE_LAST_IF_FIRST);
    cr_assert_not(ats_sale_updates(mixed, true) & ATS_SALE_LAST_IF_FIRST);
}

Test(sale_condition, extended_hours)
{
    cr_assert_eq(updates("T", true), ATS_SALE_VOLUME);
    cr_assert_eq(updates("T", false), ALL, "an ordinary print of the extended hours");
    cr_assert_eq(updates("TI", false), ATS_SALE_VOLUME | ATS_SALE_FLOW);
    cr_assert_eq(updates("U", false), ATS_SALE_VOLUME, "out of sequence even there");
}

Test(sale_condition, each_code_once)
{
    bool seen[256] = {false};
    for (const ats_sale_condition *c = ats_sale_conditions; c->code; c++) {
        cr_assert_not(seen[(uint8_t)c->code], "%c is there twice", c->code);
        seen[(uint8_t)c->code] = true;
    }
}

Test(correction, kinds)
{
    cr_assert_eq(ats_correction_of(0), ATS_CORRECTION_PRINT);
    cr_assert_eq(ats_correction_of(8), ATS_CORRECTION_PRINT, "live saw it before it was cancelled");
    cr_assert_eq(ats_correction_of(10), ATS_CORRECTION_REVERSE);
    cr_assert_eq(ats_correction_of(12), ATS_CORRECTION_IGNORE);
    cr_assert_eq(ats_correction_of(77), ATS_CORRECTION_IGNORE);
}

Test(corporate_action, factors)
{
    ats_corporate_action split = {
        .action = ATS_ACTION_SPLIT, .ratio_numerator = 4, .ratio_denominator = 1};
    ats_corporate_action dividend = {.action = ATS_ACTION_DIVIDEND, .cash_e9 = 2 * ATS_E9};
    ats_corporate_action unknown = {.action = 9, .cash_e9 = ATS_E9};
    cr_assert_eq(ats_action_factor(&split, 0), 4.0);
    cr_assert_float_eq(ats_action_factor(&dividend, 100), 100.0 / 98, 1e-15);
    cr_assert_eq(ats_action_factor(&dividend, 0), 1.0, "nothing to continue");
    cr_assert_eq(ats_action_factor(&dividend, 2), 0.0, "the whole price");
    cr_assert_eq(ats_action_factor(&unknown, 100), 0.0);
    split.ratio_denominator = 0;
    cr_assert_eq(ats_action_factor(&split, 100), 0.0);
}
