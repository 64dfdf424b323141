/* The stage around the gate: what a record causes on each of its links. */
#include "stage_fixture.h"
#include "stages/risk/risk.h"

#define E9    ATS_E9
#define CENT  10000000ll
#define NOW   (1704205800ll * E9)
#define DEPTH 512u

enum { CHAIN = 0, FEEDBACK = 1, TAP = 2 };

static stage_fixture f;
static ats_risk_config config;

static void start(void)
{
    stage_fixture_symbol(&f, "AAA", CENT, E9);
    stage_fixture_context(&f);
    config = (ats_risk_config){
        .context = &f.context, .start_cash_e9 = 100000 * E9, .account_id = 1, .order_capacity = 64};
    ats_limits_loosest(&config.limits);
    cr_assert_eq(stage_fixture_start(&f, &ats_stage_risk, &config, DEPTH, DEPTH), 0, "%s",
                 ats_error_line(0));
    ats_market m = {.quote = {.h = {.kind = ATS_KIND_QUOTE, .symbol_id = 1, .recv_ns = NOW},
                              .bid_e9 = 100 * E9,
                              .ask_e9 = 100 * E9 + CENT}};
    stage_fixture_put(&f, CHAIN, &m);
    stage_fixture_work(&f);
    cr_assert_not_null(stage_fixture_take(&f, CHAIN));
}

static void send_control(uint32_t code)
{
    ats_control c = {.h = {.kind = ATS_KIND_CONTROL, .recv_ns = NOW, .event_seq = 7}, .code = code};
    stage_fixture_put(&f, CHAIN, &c);
    stage_fixture_work(&f);
    const ats_control *out = stage_fixture_take(&f, CHAIN);
    cr_assert(out && out->h.kind == ATS_KIND_CONTROL && out->code == code, "it passes on");
}

static void send_intent(uint8_t action)
{
    ats_intent i = {.h = {.kind = ATS_KIND_INTENT, .symbol_id = 1, .recv_ns = NOW},
                    .intent_id = 3,
                    .qty_e9 = E9,
                    .limit_e9 = 100 * E9,
                    .strategy_id = 1,
                    .action = action,
                    .side = ATS_SIDE_BUY,
                    .type = ATS_ORDER_LIMIT,
                    .tif = ATS_TIF_DAY,
                    .order_class = ATS_ORDER_CLASS_BRACKET,
                    .target_e9 = 105 * E9,
                    .stop_leg_e9 = 95 * E9,
                    .stop_leg_limit_e9 = 94 * E9,
                    .parent_id = 77,
                    .algorithm = 2,
                    .target_intent_id = action == ATS_INTENT_CANCEL ? 9 : 0};
    stage_fixture_put(&f, CHAIN, &i);
    stage_fixture_work(&f);
}

static ats_env take_env(void)
{
    const ats_env *e = stage_fixture_take(&f, TAP);
    cr_assert(e && e->h.kind == ATS_KIND_ENV);
    return *e;
}

static uint32_t take_verdict(void)
{
    const ats_verdict *v = stage_fixture_take(&f, TAP);
    cr_assert(v && v->h.kind == ATS_KIND_VERDICT);
    return v->check;
}

Test(risk, an_order_carries_all_of_its_intent)
{
    start();
    send_intent(ATS_INTENT_NEW);
    cr_assert_eq(take_verdict(), ATS_CHECK_PASS);
    const ats_order *o = stage_fixture_take(&f, CHAIN);
    cr_assert(o && o->h.kind == ATS_KIND_ORDER);
    cr_expect_eq(o->order_id, 3);
    cr_expect_eq(o->order_class, ATS_ORDER_CLASS_BRACKET);
    cr_expect_eq(o->target_e9, 105 * E9);
    cr_expect_eq(o->stop_leg_e9, 95 * E9);
    cr_expect_eq(o->stop_leg_limit_e9, 94 * E9);
    cr_expect_eq(o->parent_id, 77);
    cr_expect_eq(o->algorithm, 2);
    stage_fixture_close(&f);
}

Test(risk, a_latch_is_on_the_tap_and_refusals_go_back)
{
    start();
    send_control(ATS_CONTROL_FREEZE);
    ats_env e = take_env();
    cr_assert_eq(e.code, ATS_ENV_FROZEN);
    cr_assert_eq(e.after_seq, 7);
    send_intent(ATS_INTENT_NEW);
    cr_assert_eq(take_verdict(), ATS_CHECK_KILLED);
    cr_assert_null(stage_fixture_take(&f, CHAIN));
    const ats_exec *x = stage_fixture_take(&f, FEEDBACK);
    cr_assert(x && x->type == ATS_EXEC_REFUSED && x->check == ATS_CHECK_KILLED);
    send_intent(ATS_INTENT_CANCEL);
    cr_assert_eq(take_verdict(), ATS_CHECK_PASS, "cancels pass");
    const ats_order *o = stage_fixture_take(&f, CHAIN);
    cr_assert(o && o->action == ATS_INTENT_CANCEL && o->target_order_id == 9);
    cr_assert_eq(f.context.metrics->risk.cancels, 1);
    cr_assert_eq(f.context.metrics->risk.environment[ATS_ENV_FROZEN], 1);
    cr_assert_eq(f.context.switches->kill, 0);
    send_control(ATS_CONTROL_REARM);
    cr_assert_eq(take_env().code, ATS_ENV_REARMED);
    send_intent(ATS_INTENT_NEW);
    cr_assert_eq(take_verdict(), ATS_CHECK_PASS);
    stage_fixture_close(&f);
}

Test(risk, kill_throws_the_switch_that_no_command_takes_back)
{
    start();
    send_control(ATS_CONTROL_KILL);
    cr_assert_eq(take_env().code, ATS_ENV_FROZEN);
    cr_assert_eq(f.context.switches->kill, 1);
    send_control(ATS_CONTROL_REARM);
    cr_assert_eq(take_env().code, ATS_ENV_REARMED);
    send_intent(ATS_INTENT_NEW);
    cr_assert_eq(take_env().code, ATS_ENV_KILLED);
    cr_assert_eq(take_verdict(), ATS_CHECK_KILLED);
    stage_fixture_close(&f);
}

Test(risk, fills_and_busts_are_positions_on_the_tap)
{
    start();
    send_intent(ATS_INTENT_NEW);
    ats_exec x = {.h = {.kind = ATS_KIND_EXEC, .symbol_id = 1, .recv_ns = NOW},
                  .order_id = 3,
                  .exec_id = 1,
                  .type = ATS_EXEC_FILL,
                  .side = ATS_SIDE_BUY,
                  .last_qty_e9 = E9,
                  .last_px_e9 = 100 * E9};
    stage_fixture_put(&f, FEEDBACK, &x);
    stage_fixture_work(&f);
    take_verdict();
    const ats_position *p = stage_fixture_take(&f, TAP);
    cr_assert(p && p->h.kind == ATS_KIND_POSITION && p->qty_e9 == E9);
    x.type = ATS_EXEC_BUSTED;
    x.ref_exec_id = 1;
    x.exec_id = 2;
    stage_fixture_put(&f, FEEDBACK, &x);
    stage_fixture_work(&f);
    p = stage_fixture_take(&f, TAP);
    cr_assert(p && p->h.kind == ATS_KIND_POSITION && p->qty_e9 == 0);
    cr_assert_eq(ats_stage_risk.fini(f.state), 0);
    stage_fixture_close(&f);
}

Test(risk, a_limit_that_nobody_set_is_an_error)
{
    start();
    config.limits.max_gross_bps = 0;
    cr_assert_eq(ats_stage_risk.init(f.state, &config, &f.io), -1);
    cr_assert(strstr(ats_error_line(0), "risk.max_gross"));
    stage_fixture_close(&f);
}
