#include "stages/keeper/analysis_groups.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_NS  86400000000000ll
#define HOUR_NS 3600000000000ll
#define HOURS   24u

/* Latest days of which run.json tells the execution: a year; the store has all. */
#define DAYS_TOLD 366u

/* Round trips of a kind. */
typedef struct trips {
    uint64_t count, open, winners, losers;
    ats_money_e18 profit_e18, gains_e18, losses_e18, fees_e18, dividends_e18;
    ats_money_e18 largest_gain_e18, largest_loss_e18;
    ats_money_e18 entered_e18;
    double held_s; /* of those that ended */
} trips;

/* Executed orders of a kind; each counts once, a parent with all its children. */
typedef struct orders {
    uint64_t count;
    ats_execution_sum sum;
} orders;

typedef struct day_orders {
    int64_t day;
    orders of;
} day_orders;

/* What an order can be made by: the algorithms, and 0 in two kinds. */
enum { MADE_SENT = 0, MADE_GUARD = ATS_ALGORITHM_COUNT, MADE_COUNT };

struct ats_groups {
    const ats_chain *chain;
    uint32_t strategy_count, symbol_count;
    trips all, *trip_strategies, *trip_symbols;
    trips trip_reasons[ATS_REASON_COUNT + 1]; /* the last: open */
    trips trip_hours[HOURS];
    trips trip_models[ATS_MODELS_MAX + 1]; /* [0]: by none, or by one that was not listed */
    const ats_model_use *uses;
    uint32_t use_count;
    orders total, *order_strategies, *order_symbols;
    orders order_made[MADE_COUNT];
    day_orders *days; /* in no order: rows come when their last mid is there */
    size_t day_count;
    bool failed; /* memory was short */
};

ats_groups *ats_groups_new(const ats_chain *chain)
{
    ats_groups *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->chain = chain;
    g->strategy_count = chain->strategies.count;
    g->symbol_count = chain->context.symbols->count;
    uint64_t changes;
    g->uses = ats_infer_uses(ats_chain_state(chain, ATS_CHAIN_INFER), &g->use_count, &changes);
    g->use_count = g->use_count < ATS_MODELS_MAX ? g->use_count : ATS_MODELS_MAX;
    g->trip_strategies = calloc(g->strategy_count + 1ull, sizeof *g->trip_strategies);
    g->trip_symbols = calloc(g->symbol_count + 1ull, sizeof *g->trip_symbols);
    g->order_strategies = calloc(g->strategy_count + 1ull, sizeof *g->order_strategies);
    g->order_symbols = calloc(g->symbol_count + 1ull, sizeof *g->order_symbols);
    if (g->trip_strategies && g->trip_symbols && g->order_strategies && g->order_symbols)
        return g;
    ats_groups_free(g);
    return NULL;
}

void ats_groups_free(ats_groups *g)
{
    if (!g)
        return;
    free(g->trip_strategies);
    free(g->trip_symbols);
    free(g->order_strategies);
    free(g->order_symbols);
    free(g->days);
    free(g);
}

/* ---- adding up ------------------------------------------------------------------------------ */

static void add_trip(trips *t, const ats_round_trip *trip)
{
    bool open = trip->exit_ns == 0;
    t->count++;
    t->open += open;
    t->profit_e18 += trip->profit_e18;
    t->fees_e18 += trip->fees_e18;
    t->dividends_e18 += trip->dividends_e18;
    t->entered_e18 += trip->entered_e18;
    if (open)
        return;
    t->held_s += (double)(trip->exit_ns - trip->entry_ns) * 1e-9;
    if (trip->profit_e18 > 0) {
        t->winners++;
        t->gains_e18 += trip->profit_e18;
    } else if (trip->profit_e18 < 0) {
        t->losers++;
        t->losses_e18 -= trip->profit_e18;
    }
    if (trip->profit_e18 > t->largest_gain_e18)
        t->largest_gain_e18 = trip->profit_e18;
    if (trip->profit_e18 < t->largest_loss_e18)
        t->largest_loss_e18 = trip->profit_e18;
}

/* Place of a model's table. */
static uint32_t model_place(const ats_groups *g, uint32_t model_id)
{
    for (uint32_t i = 0; model_id != 0 && i < g->use_count; i++)
        if (g->uses[i].model_id == model_id)
            return i + 1;
    return 0;
}

void ats_groups_trade(ats_groups *g, const ats_round_trip *trip)
{
    uint32_t reason = trip->exit_reason < ATS_REASON_COUNT ? trip->exit_reason : ATS_REASON_NONE;
    add_trip(&g->all, trip);
    add_trip(&g->trip_strategies[trip->strategy_id], trip);
    add_trip(&g->trip_models[model_place(g, trip->model_id)], trip);
    add_trip(&g->trip_symbols[trip->symbol_id], trip);
    add_trip(&g->trip_reasons[trip->exit_ns ? reason : ATS_REASON_COUNT], trip);
    add_trip(&g->trip_hours[trip->entry_ns % DAY_NS / HOUR_NS], trip);
}

static uint32_t made_by(const ats_execution_order *row)
{
    if (row->algorithm != 0 && row->algorithm < ATS_ALGORITHM_COUNT)
        return row->algorithm;
    bool guards = row->reason == ATS_REASON_EXIT_STOP || row->reason == ATS_REASON_EXIT_TRAILING ||
                  row->reason == ATS_REASON_EXIT_TARGET || row->reason == ATS_REASON_PROTECT;
    return guards && row->parent_id == 0 ? (uint32_t)MADE_GUARD : (uint32_t)MADE_SENT;
}

static const char *made_label(uint32_t made)
{
    return made == MADE_GUARD ? "guard" : made == MADE_SENT ? "sent" : ats_algorithm_label(made);
}

const char *ats_groups_algorithm(const ats_execution_order *row)
{
    return made_label(made_by(row));
}

static orders *day_of(ats_groups *g, int64_t ns)
{
    static orders nowhere;
    int64_t day = ns / DAY_NS;
    for (size_t i = g->day_count; i-- > 0;) /* nearly always the last or the one before */
        if (g->days[i].day == day)
            return &g->days[i].of;
    day_orders *more = realloc(g->days, (g->day_count + 1) * sizeof *more);
    if (!more) {
        g->failed = true;
        return &nowhere;
    }
    g->days = more;
    more[g->day_count] = (day_orders){.day = day};
    return &more[g->day_count++].of;
}

static void add_order(orders *o, const ats_execution_order *row)
{
    o->count++;
    ats_execution_add(&o->sum, &row->sum);
}

void ats_groups_execution(ats_groups *g, const ats_execution_order *row)
{
    if (row->parent_id != 0 && row->order_id != 0)
        return;
    add_order(&g->total, row);
    add_order(&g->order_strategies[row->strategy_id], row);
    add_order(&g->order_symbols[row->symbol_id], row);
    add_order(&g->order_made[made_by(row)], row);
    add_order(day_of(g, row->decided_ns), row);
}

/* ---- as JSON -------------------------------------------------------------------------------- */

static void put(json_t *to, const char *key, json_t *value, bool *failed)
{
    *failed |= json_object_set_new(to, key, value) != 0;
}

static void put_count(json_t *to, const char *key, uint64_t n, bool *failed)
{
    put(to, key, json_integer((json_int_t)n), failed);
}

static void put_real(json_t *to, const char *key, double x, bool *failed)
{
    put(to, key, isfinite(x) ? json_real(x) : json_null(), failed);
}

static void put_money(json_t *to, const char *key, ats_money_e18 m, bool *failed)
{
    put(to, key, json_real((double)ats_money_round_e9(m) / 1e9), failed);
}

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : (double)NAN;
}

static json_t *trips_json(const char *key, const char *name, const trips *t, bool *failed)
{
    json_t *o = json_object();
    uint64_t ended = t->count - t->open;
    if (name)
        put(o, key, json_string(name), failed);
    put_count(o, "trades", t->count, failed);
    put_count(o, "open", t->open, failed);
    put_count(o, "winners", t->winners, failed);
    put_money(o, "profit", t->profit_e18, failed);
    put_money(o, "gains", t->gains_e18, failed);
    put_money(o, "losses", t->losses_e18, failed);
    put_money(o, "fees", t->fees_e18, failed);
    put_money(o, "dividends", t->dividends_e18, failed);
    put_real(o, "win_rate", share((double)t->winners, (double)ended), failed);
    put_real(o, "profit_factor", share((double)t->gains_e18, (double)t->losses_e18), failed);
    put_real(o, "average_gain", share((double)t->gains_e18 * 1e-18, (double)t->winners), failed);
    put_real(o, "average_loss", share(-(double)t->losses_e18 * 1e-18, (double)t->losers), failed);
    put_money(o, "largest_gain", t->largest_gain_e18, failed);
    put_money(o, "largest_loss", t->largest_loss_e18, failed);
    put_real(o, "profit_bps", 1e4 * share((double)t->profit_e18, (double)t->entered_e18), failed);
    put_real(o, "mean_held_s", share(t->held_s, (double)ended), failed);
    return o;
}

static void append(json_t *list, json_t *item, bool *failed)
{
    *failed |= json_array_append_new(list, item) != 0;
}

static const char *strategy_name(const ats_groups *g, uint32_t id)
{
    return g->chain->strategies.instances[id - 1].spec->name;
}

/* A symbol's text, which may not be UTF-8: then it is left as its number. */
static json_t *symbol_text(const ats_groups *g, uint32_t id)
{
    const ats_symbol *s = &g->chain->context.symbols->entry[id];
    json_t *text = json_stringn(s->text, strnlen(s->text, sizeof s->text));
    char number[16];
    snprintf(number, sizeof number, "#%u", id);
    return text ? text : json_string(number);
}

static ats_money_e18 account_profit(const ats_portfolio *p)
{
    return ats_portfolio_equity(p) - p->start_e18 - p->deposits_e18;
}

json_t *ats_groups_attribution(const ats_groups *g, uint64_t refused)
{
    const ats_portfolio *p = ats_risk_gate(ats_chain_state(g->chain, ATS_CHAIN_RISK))->portfolio;
    bool failed = g->failed;
    json_t *o = json_object(), *strategies = json_array(), *symbols = json_array(),
           *reasons = json_array(), *hours = json_array(), *models = json_array();
    ats_money_e18 profit = account_profit(p);
    put_money(o, "profit", profit, &failed);
    put_money(o, "dividends", p->dividends_e18, &failed);
    put_money(o, "borrow", p->borrow_e18, &failed);
    put_money(o, "unattributed", profit - g->all.profit_e18 + p->borrow_e18, &failed);
    put_count(o, "fills_without_strategy", refused, &failed);
    put(o, "trades", trips_json(NULL, NULL, &g->all, &failed), &failed);
    for (uint32_t id = 1; id <= g->strategy_count; id++)
        append(strategies,
               trips_json("strategy", strategy_name(g, id), &g->trip_strategies[id], &failed),
               &failed);
    for (uint32_t id = 1; id <= g->symbol_count; id++)
        if (g->trip_symbols[id].count) {
            json_t *row = trips_json(NULL, NULL, &g->trip_symbols[id], &failed);
            put(row, "symbol", symbol_text(g, id), &failed);
            append(symbols, row, &failed);
        }
    for (uint32_t i = 0; i <= g->use_count; i++)
        if (g->trip_models[i].count)
            append(models,
                   trips_json("model", i ? g->uses[i - 1].sha256 : "none", &g->trip_models[i],
                              &failed),
                   &failed);
    for (uint32_t i = 0; i <= ATS_REASON_COUNT; i++)
        if (g->trip_reasons[i].count)
            append(reasons,
                   trips_json("reason", i < ATS_REASON_COUNT ? ats_reason_label(i) : "open",
                              &g->trip_reasons[i], &failed),
                   &failed);
    for (uint32_t i = 0; i < HOURS; i++)
        if (g->trip_hours[i].count) {
            json_t *row = trips_json(NULL, NULL, &g->trip_hours[i], &failed);
            put_count(row, "hour", i, &failed);
            append(hours, row, &failed);
        }
    put(o, "strategies", strategies, &failed);
    put(o, "models", models, &failed);
    put(o, "symbols", symbols, &failed);
    put(o, "reasons", reasons, &failed);
    put(o, "hours", hours, &failed);
    if (!failed)
        return o;
    json_decref(o);
    return NULL;
}

static json_t *after_json(const ats_execution_sum *s, bool *failed)
{
    static const char *const KEYS[2][ATS_HORIZON_COUNT] = {
        {"took_1s_bps", "took_30s_bps", "took_5m_bps"},
        {"made_1s_bps", "made_30s_bps", "made_5m_bps"}};
    static const char *const ALL[ATS_HORIZON_COUNT] = {"after_1s_bps", "after_30s_bps",
                                                       "after_5m_bps"};
    json_t *o = json_object();
    for (uint32_t h = 0; h < ATS_HORIZON_COUNT; h++) {
        put_real(o, ALL[h], ats_execution_bps(ats_execution_after(s, h)), failed);
        for (uint32_t made = 0; made < 2; made++)
            put_real(o, KEYS[made][h], ats_execution_bps(s->after[made][h]), failed);
    }
    return o;
}

static json_t *before_json(const ats_execution_sum *s, bool *failed)
{
    json_t *o = json_object();
    put_real(o, "before_5m_bps", ats_execution_bps(ats_execution_before(s)), failed);
    put_real(o, "took_5m_bps", ats_execution_bps(s->before[0]), failed);
    put_real(o, "made_5m_bps", ats_execution_bps(s->before[1]), failed);
    return o;
}

static json_t *orders_json(const char *key, const char *name, const orders *of, bool *failed)
{
    static const char *const COST[] = {"decision_cost", "arrival_cost", "mid_cost"};
    static const char *const BPS[] = {"decision_bps", "arrival_bps", "mid_bps"};
    const ats_execution_sum *s = &of->sum;
    ats_money_e18 shortfall = ats_execution_shortfall(s);
    json_t *o = json_object();
    if (name)
        put(o, key, json_string(name), failed);
    put_count(o, "decisions", of->count, failed);
    put_count(o, "orders_sent", s->orders, failed);
    put_count(o, "fills", s->fills, failed);
    put_money(o, "value", s->value_e18, failed);
    put_money(o, "fees", s->fees_e18, failed);
    put_real(o, "fill_rate", share((double)s->filled_e18, (double)s->wanted_e18), failed);
    for (uint32_t b = 0; b < ATS_BENCHMARK_COUNT; b++) {
        put_money(o, COST[b], s->cost[b].money_e18, failed);
        put_real(o, BPS[b], ats_execution_bps(s->cost[b]), failed);
    }
    put_money(o, "opportunity_cost", s->opportunity_e18, failed);
    put_money(o, "shortfall", shortfall, failed);
    put_real(o, "shortfall_bps", 1e4 * share((double)shortfall, (double)s->wanted_e18), failed);
    put(o, "before", before_json(s, failed), failed);
    put(o, "after", after_json(s, failed), failed);
    return o;
}

static int by_day(const void *a, const void *b)
{
    int64_t x = ((const day_orders *)a)->day, y = ((const day_orders *)b)->day;
    return (x > y) - (x < y);
}

json_t *ats_groups_execution_json(const ats_groups *g, const ats_execution_faults *faults)
{
    bool failed = g->failed;
    json_t *o = json_object(), *days = json_array(), *strategies = json_array(),
           *symbols = json_array(), *algorithms = json_array();
    put(o, "total", orders_json(NULL, NULL, &g->total, &failed), &failed);
    if (g->day_count)
        qsort(g->days, g->day_count, sizeof *g->days, by_day);
    size_t first = g->day_count > DAYS_TOLD ? g->day_count - DAYS_TOLD : 0;
    for (size_t i = first; i < g->day_count; i++) {
        char text[16];
        uint32_t date = ats_date_of_ns(g->days[i].day * DAY_NS);
        snprintf(text, sizeof text, "%04u-%02u-%02u", date / 10000 % 10000, date / 100 % 100,
                 date % 100);
        append(days, orders_json("day", text, &g->days[i].of, &failed), &failed);
    }
    for (uint32_t id = 1; id <= g->strategy_count; id++)
        append(strategies,
               orders_json("strategy", strategy_name(g, id), &g->order_strategies[id], &failed),
               &failed);
    for (uint32_t id = 1; id <= g->symbol_count; id++)
        if (g->order_symbols[id].count) {
            json_t *row = orders_json(NULL, NULL, &g->order_symbols[id], &failed);
            put(row, "symbol", symbol_text(g, id), &failed);
            append(symbols, row, &failed);
        }
    for (uint32_t i = 0; i < MADE_COUNT; i++)
        if (g->order_made[i].count)
            append(algorithms, orders_json("algorithm", made_label(i), &g->order_made[i], &failed),
                   &failed);
    put(o, "days", days, &failed);
    put_count(o, "days_before", first, &failed);
    put(o, "strategies", strategies, &failed);
    put(o, "symbols", symbols, &failed);
    put(o, "algorithms", algorithms, &failed);
    put_count(o, "mids_cut", faults->cut, &failed);
    put_count(o, "orders_left_out", faults->lost, &failed);
    put_count(o, "fills_of_unknown_orders", faults->unknown, &failed);
    put_count(o, "decisions_refused", faults->unsent, &failed);
    if (!failed)
        return o;
    json_decref(o);
    return NULL;
}
