/* Infer alone: what it leaves of an event, and which model scores what. */
#include "tests/unit/stages/chain_run.h"
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

/* A vector of one feature that counts; the rings of the fixture are narrow, so it stands at 0. */
static ats_model *model_of(float value)
{
    ats_forest_node leaf = {.threshold = NAN, .value = value};
    uint32_t root = 0;
    uint8_t depth = 0;
    ats_forest forest = {.nodes = fixture_copy(&leaf, sizeof leaf),
                         .root = fixture_copy(&root, sizeof root),
                         .depth = fixture_copy(&depth, sizeof depth),
                         .tree_count = 1,
                         .node_count = 1,
                         .feature_count = 1,
                         .group_count = 1};
    return ats_model_make(&forest, 1, &(ats_model_parts){.isa = ats_isa_best()});
}

static void put_event(uint64_t seq)
{
    ats_market m = {.h = {.kind = ATS_KIND_QUOTE, .symbol_id = 1, .event_seq = seq}};
    ats_features f = {.h = {.kind = ATS_KIND_FEATURES, .symbol_id = 1, .event_seq = seq, .sub = 1}};
    stage_fixture_put(&fixture, 0, &m);
    stage_fixture_put(&fixture, 0, &f);
}

static void put_command(uint32_t model_id)
{
    ats_market m = {.control = {.h = {.kind = ATS_KIND_CONTROL, .recv_ns = 77},
                                .code = ATS_CONTROL_MODEL,
                                .model_id = model_id}};
    stage_fixture_put(&fixture, 0, &m);
}

Test(infer, a_command_divides_what_two_models_score)
{
    ats_model_table models = {0};
    const ats_signal *s;
    stage_fixture_symbol(&fixture, "AAA", ATS_E9 / 100, ATS_E9);
    stage_fixture_context(&fixture);
    cr_assert_eq(ats_model_table_add(&models, model_of(1.0f), 0), 1);
    cr_assert_eq(ats_model_table_add(&models, model_of(2.0f), 0), 2);
    ats_infer_config config = {.context = &fixture.context,
                               .models = &models,
                               .model_id = 1,
                               .batch_limit = 16,
                               .feature_count = 1};
    cr_assert_eq(stage_fixture_start(&fixture, &ats_stage_infer, &config, 256, 256), 0);
    for (uint64_t i = 1; i <= 3; i++)
        put_event(i);
    put_command(2);
    for (uint64_t i = 4; i <= 5; i++)
        put_event(i);
    put_command(9); /* nobody */
    put_event(6);
    while (stage_fixture_work(&fixture))
        ;
    uint64_t signals = 0;
    while ((s = stage_fixture_take(&fixture, 0)) != NULL) {
        if (s->h.kind != ATS_KIND_SIGNAL)
            continue;
        signals++;
        uint32_t expected = s->h.event_seq <= 3 ? 1 : 2;
        cr_expect_eq(s->model_id, expected, "event %llu", (unsigned long long)s->h.event_seq);
        cr_expect_eq(s->score, (float)expected);
        cr_expect_eq(s->batch, s->h.event_seq <= 3 ? 3u : s->h.event_seq <= 5 ? 2u : 1u);
    }
    cr_expect_eq(signals, 6);
    cr_expect_eq(ats_model_table_collect(&models), 1, "the first is done with");
    cr_expect_null(ats_model_table_find(&models, 1));
    cr_expect_eq(fixture.context.metrics->infer.swaps, 1);
    cr_expect_eq(fixture.context.metrics->infer.swaps_refused, 1);
    uint32_t count;
    uint64_t changes;
    const ats_model_use *uses = ats_infer_uses(fixture.state, &count, &changes);
    cr_assert_eq(count, 2);
    cr_expect_eq(changes, 2);
    cr_expect(uses[0].rows == 3 && uses[1].rows == 3 && uses[1].from_ns == 77);
    stage_fixture_close(&fixture);
    ats_model_table_clear(&models);
}

Test(infer, gives_its_vectors_to_the_shadow_with_their_scores_and_counts_what_it_does_not_take)
{
    ats_model_table models = {0};
    const ats_features *f;
    stage_fixture_symbol(&fixture, "AAA", ATS_E9 / 100, ATS_E9);
    stage_fixture_context(&fixture);
    ats_infer_config config = {.context = &fixture.context,
                               .models = &models,
                               .model_id = ats_model_table_add(&models, model_of(4.0f), 0),
                               .batch_limit = 4,
                               .feature_count = 1};
    cr_assert_eq(stage_fixture_start(&fixture, &ats_stage_infer, &config, 256, 16), 0);
    for (uint64_t i = 1; i <= 40; i++) {
        put_event(i);
        stage_fixture_work(&fixture);
        while (stage_fixture_take(&fixture, 0))
            ;
    }
    ats_market end = {.h = {.kind = ATS_KIND_END}};
    stage_fixture_put(&fixture, 0, &end);
    stage_fixture_work(&fixture);
    for (uint64_t i = 1; i <= 15; i++) { /* 16 slots, the last is END's */
        f = stage_fixture_take(&fixture, 1);
        cr_assert(f && f->h.kind == ATS_KIND_FEATURES);
        cr_expect_eq(f->h.event_seq, i);
        cr_expect_eq(f->live_score, 4.0f);
    }
    f = stage_fixture_take(&fixture, 1);
    cr_assert(f && f->h.kind == ATS_KIND_END);
    cr_expect_eq(fixture.io.out[1]->dropped, 25);
    stage_fixture_close(&fixture);
    ats_model_table_clear(&models);
}
