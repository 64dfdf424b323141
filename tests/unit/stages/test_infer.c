/* Infer alone: what it leaves of an event when there is no model to score its vector. */
#include "tests/unit/stages/stage_fixture.h"

#include "stages/infer/infer.h"

static stage_fixture fixture;

Test(infer, without_a_model_the_market_record_ends_its_event)
{
    const uint8_t kinds[] = {ATS_KIND_QUOTE, ATS_KIND_TRADE, ATS_KIND_BAR};
    stage_fixture_symbol(&fixture, "AAA", ATS_E9 / 100, ATS_E9);
    stage_fixture_context(&fixture);
    ats_infer_config config = {.context = &fixture.context, .batch_limit = 1};
    cr_assert_eq(stage_fixture_start(&fixture, &ats_stage_infer, &config, 256, 256), 0);
    for (size_t i = 0; i < sizeof kinds; i++) {
        /* As feature gives them: the vector has the end of the event. */
        ats_market m = {.h = {.kind = kinds[i], .symbol_id = 1, .event_seq = i + 1}};
        ats_features f = {.h = {.kind = ATS_KIND_FEATURES,
                                .symbol_id = 1,
                                .event_seq = i + 1,
                                .sub = 1,
                                .flags = ATS_FLAG_END_OF_EVENT}};
        stage_fixture_put(&fixture, 0, &m);
        stage_fixture_put(&fixture, 0, &f);
        while (stage_fixture_work(&fixture))
            ;
        const ats_header *out = stage_fixture_take(&fixture, 0);
        cr_assert_eq(out->kind, kinds[i]);
        cr_assert(out->flags & ATS_FLAG_END_OF_EVENT, "%s", ats_kind_label(kinds[i]));
        cr_assert_null(stage_fixture_take(&fixture, 0));
    }
    /* Levels of a book come without vectors; the last one ends the event, and it alone. */
    ats_market level = {.h = {.kind = ATS_KIND_BOOK_LEVEL, .symbol_id = 1}};
    stage_fixture_put(&fixture, 0, &level);
    cr_assert_gt(stage_fixture_work(&fixture), 0);
    cr_assert_not(((const ats_header *)stage_fixture_take(&fixture, 0))->flags &
                  ATS_FLAG_END_OF_EVENT);
    stage_fixture_close(&fixture);
}
