/* gate_case.h: what the files of the gate share. Include stages/risk/gate.h elsewhere. */
#ifndef ATS_STAGES_RISK_GATE_CASE_H
#define ATS_STAGES_RISK_GATE_CASE_H

#include "stages/risk/gate.h"

#define GATE_MS_NS     1000000ll
#define GATE_SECOND_NS 1000000000ll

/* One order under examination. */
typedef struct gate_case {
    ats_gate *g;
    const ats_intent *i;
    ats_gate_symbol *s;
    const ats_gate_switches *switches;
    ats_verdict *v;
    ats_gate_sums *sums;
    const ats_holding *held;
    ats_order_entry *target; /* REPLACE: the order in whose place it is to go; NULL = not found */
    ats_gate_strategy *strategy;
    int64_t now_ns;
    int64_t reference_e9; /* the opposite quote */
    int64_t base_e9;      /* that the collar is measured from */
    int64_t price_e9;     /* that it is judged and reserved at */
    int64_t unit_e9;      /* the dearest of price, reference and mark: values what it adds */
    int64_t grows_e9;     /* by how much the symbol's largest |position| grows; 0 = not at all */
    int64_t shorted_e9;   /* of its quantity: what would be sold short */
    int64_t equity_e9;
    ats_money_e18 notional_e18; /* at price_e9 */
    ats_money_e18 equity_e18;
    ats_money_e18 drawdown_e18;
    uint64_t hash;               /* of what makes a duplicate */
    ats_repeat_counter *repeats; /* of its strategy, symbol and side; NULL: not looked up */
    bool buy;
    bool reduces;
    bool emergency;
    bool equity_class;
    bool resting_limit; /* LIMIT: its limit is what it trades at */
    bool stops;         /* STOP, STOP_LIMIT, TRAILING_STOP */
} gate_case;

static inline int64_t gate_magnitude(int64_t v)
{
    return v < 0 ? -v : v;
}

static inline ats_check gate_refuse(gate_case *c, ats_check check, int64_t measured_e9,
                                    int64_t limit_e9)
{
    c->v->measured_e9 = measured_e9;
    c->v->limit_e9 = limit_e9;
    return check;
}

/* bps of an amount, towards zero; no division of 128 bits. */
static inline int64_t gate_bps_e9(int64_t amount_e9, uint32_t bps)
{
    return amount_e9 / 10000 * bps + amount_e9 % 10000 * bps / 10000;
}

/* Of a share of equity. Cold: divides. */
static inline ats_check gate_refuse_share(gate_case *c, ats_check check, ats_money_e18 measured,
                                          uint32_t bps)
{
    ats_money_e18 limit = c->equity_e18 > 0 ? ats_money_bps(c->equity_e18, bps) : 0;
    return gate_refuse(c, check, ats_money_round_e9(measured), ats_money_round_e9(limit));
}

static inline int64_t gate_tick_e9(const ats_gate_symbol *s, int64_t px_e9)
{
    return ats_symbol_tick_e9(&(ats_symbol){.tick_e9 = s->tick_e9}, px_e9);
}

/* ---- the checks: PASS, or the first refusal of some groups ---------------------------------- */

ats_check gate_check_form(const ats_gate *g, const ats_intent *i);
ats_check gate_check_state(gate_case *c);    /* 1 */
ats_check gate_check_market(gate_case *c);   /* 2 */
ats_check gate_check_price(gate_case *c);    /* 3 */
ats_check gate_check_size(gate_case *c);     /* 4 */
ats_check gate_check_repeats(gate_case *c);  /* 5, 6 */
ats_check gate_check_own(gate_case *c);      /* 7 */
ats_check gate_check_exposure(gate_case *c); /* 8 */
ats_check gate_check_broker(gate_case *c);   /* 9 */
ats_check gate_check_risk(gate_case *c);     /* 10 */
ats_check gate_check_loss(gate_case *c);     /* 11 */

/* ---- exposure.c: what is reserved ----------------------------------------------------------- */

/* The sums of a symbol whose position, open orders or mark have changed. */
void gate_refresh(ats_gate *g, uint32_t symbol_id);

static inline ats_gate_order *gate_order(const ats_gate *g, const ats_order_entry *e)
{
    return &g->order[e - g->open->pool];
}

/* Enters the order, and its legs, and reserves it. There is room. */
void gate_reserve(gate_case *c);

/* Reserves nothing for an open order while its replacement is judged; and again what it needs. */
void gate_unreserve(ats_gate *g, ats_order_entry *e);
void gate_count_again(ats_gate *g, ats_order_entry *e);

void gate_fill_order(ats_gate *g, ats_order_entry *e, int64_t qty_e9);
void gate_end_order(ats_gate *g, ats_order_entry *e);
/* An order that lives on its own replaces nothing any more, once the old one is gone. */
void gate_settle_replacement(ats_gate *g, ats_order_entry *e);
void gate_replaced(ats_gate *g, ats_order_entry *old, uint64_t new_id);
void gate_replace_refused(ats_gate *g, uint32_t symbol_id, uint64_t old_id);

/* Orders that an intent becomes. */
uint32_t gate_order_count(const ats_intent *i);

/* The largest |position| that all open on one side may come to, with its sign. */
static inline int64_t gate_worst_e9(int64_t up_e9, int64_t down_e9)
{
    return gate_magnitude(up_e9) >= gate_magnitude(down_e9) ? up_e9 : down_e9;
}

/* ---- trading_day.c: what time brings -------------------------------------------------------- */

void gate_wake(ats_gate *g, int64_t now_ns);

static inline void gate_time(ats_gate *g, int64_t now_ns)
{
    if (__builtin_expect(now_ns >= g->wake_ns, 0))
        gate_wake(g, now_ns);
}

/* A fill, for settlement and day trades; before the portfolio has booked it. */
void gate_count_day(ats_gate *g, const ats_exec *x, int64_t signed_qty_e9);

/* Does opening this symbol today count towards the pattern-day-trader rule, and is it in force? */
bool gate_pattern_rule_holds(const gate_case *c);
bool gate_intraday_rule_holds(const gate_case *c);

/* Until when a symbol that trips Rule 201 now may not be sold short at the bid. */
int64_t gate_short_restriction_end_ns(const ats_gate *g, int64_t now_ns);

/* Keeps the count of symbols that may become a day trade. */
void gate_watch_day_trade(ats_gate *g, ats_gate_symbol *s);

/* ---- gate.c --------------------------------------------------------------------------------- */

void gate_tell(ats_gate *g, uint32_t code, uint32_t subject, int64_t value);

/* Makes the limits that hold follow from configuration, overrides and safe mode. */
void gate_apply_limits(ats_gate *g);

/* Latches what losses latch. */
void gate_watch_losses(ats_gate *g);

#endif
