#include "stages/strategy/strategies.h"

#include "core/memory.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

static_assert(ATS_STRATEGIES_MAX <= 64, "a bit a strategy");
static_assert(ATS_ANSWER_COUNT == ATS_ENTRY_ANSWERS, "a counter an answer");

enum { WANT_QUOTES, WANT_TRADES, WANT_BARS, WANT_SIGNALS, WANT_ACTIONS, WANT_COUNT };

/* ---- memory ------------------------------------------------------------------------------- */

static ats_desk_config desk_config(const ats_strategies_config *c)
{
    return (ats_desk_config){.settings = c->settings,
                             .symbols = c->context->symbols,
                             .metrics = &c->context->metrics->strategy,
                             .start_cash_e9 = c->start_cash_e9,
                             .account_id = c->account_id,
                             .strategy_count = c->set->count,
                             .order_capacity = c->order_capacity};
}

static size_t mask_bytes(const ats_strategies_config *c)
{
    return ats_whole_lines((c->context->symbols->count + 1ull) * sizeof(uint64_t));
}

static size_t covariance_bytes(const ats_strategies_config *c)
{
    return c->settings->sizing.correlation_bps
               ? ats_covariance_footprint(c->context->symbols->count)
               : 0;
}

size_t ats_strategies_footprint(const ats_strategies_config *c)
{
    ats_desk_config desk = desk_config(c);
    return WANT_COUNT * mask_bytes(c) + ats_whole_lines(c->set->count * sizeof(ats_runner)) +
           ats_whole_lines(ATS_WISHES_MAX * sizeof(ats_wish)) +
           ats_whole_lines(
               ats_markets_footprint(c->context->symbols->count, c->set->period_count)) +
           ats_whole_lines(ats_desk_footprint(&desk)) + covariance_bytes(c);
}

static void set_masks(ats_strategies *h)
{
    for (uint32_t s = 0; s < h->config.set->count; s++) {
        const ats_strategy_instance *in = &h->config.set->instances[s];
        for (uint32_t i = 1; i <= h->config.context->symbols->count; i++)
            for (uint32_t want = 0; want < WANT_COUNT; want++)
                if (in->symbols[i].wanted && (in->plugin->wants >> want & 1))
                    h->wanted[want][i] |= 1ull << s;
    }
}

static void set_runner(ats_strategies *h, uint32_t s);

void ats_strategies_init(ats_strategies *h, void *memory, const ats_strategies_config *c)
{
    uint8_t *at = memory;
    ats_desk_config desk = desk_config(c);
    *h = (ats_strategies){
        .config = *c, .metrics = &c->context->metrics->strategy, .next_timer_ns = INT64_MAX};
    for (uint32_t i = 0; i < WANT_COUNT; i++, at += mask_bytes(c))
        h->wanted[i] = (uint64_t *)at;
    h->runners = (ats_runner *)at;
    at += ats_whole_lines(c->set->count * sizeof(ats_runner));
    h->wishes = (ats_wish *)at;
    at += ats_whole_lines(ATS_WISHES_MAX * sizeof(ats_wish));
    ats_markets_init(&h->markets, at, c->context->symbols, c->equity_calendar, c->set->periods_s,
                     c->set->period_count);
    at += ats_whole_lines(ats_markets_footprint(c->context->symbols->count, c->set->period_count));
    ats_desk_init(&h->desk, at, &desk, &h->markets);
    at += ats_whole_lines(ats_desk_footprint(&desk));
    if (covariance_bytes(c))
        h->covariance = ats_covariance_new(at, c->context->symbols->count);
    set_masks(h);
    for (uint32_t s = 0; s < c->set->count; s++)
        set_runner(h, s);
}

/* ---- wishes ------------------------------------------------------------------------------- */

static ats_runner *runner_of(const ats_strategy_host *api)
{
    return api->engine;
}

static bool is_price(int64_t e9)
{
    return e9 >= 0 && e9 <= ATS_VALUE_MAX_E9;
}

static bool is_sane(const ats_strategies *h, const ats_entry *e)
{
    return e->symbol >= 1 && e->symbol <= h->config.context->symbols->count &&
           (e->side == ATS_VIEW_BUY || e->side == ATS_VIEW_SELL) && e->qty_e9 >= 0 &&
           e->qty_e9 <= ATS_VALUE_MAX_E9 && e->limit_e9 >= 0 && e->limit_e9 <= ATS_VALUE_MAX_E9 &&
           is_price(e->stop_distance_e9) && is_price(e->target_distance_e9) &&
           is_price(e->trail_distance_e9) && is_price(e->atr_e9) && e->hold_ns >= 0 &&
           e->score >= 0 && e->score <= DBL_MAX && e->urgency >= 0 && e->urgency <= 1 &&
           e->confidence >= 0 && e->confidence <= 1;
}

/* Does another strategy stand in the way? */
static bool conflicts(const ats_strategies *h, const ats_runner *r, const ats_entry *e)
{
    bool same_side = h->config.settings->rules.conflicts == ATS_CONFLICT_SAME_SIDE;
    for (uint32_t at = h->desk.first_active[e->symbol]; at; at = h->desk.slots[at - 1].next) {
        const ats_slot *other = &h->desk.slots[at - 1];
        if (other->strategy == r->index)
            continue;
        const ats_parent *p = other->parent ? &h->desk.parents[other->parent - 1] : NULL;
        bool buys = other->qty_e9 > 0 || (other->qty_e9 == 0 && p && p->side == ATS_SIDE_BUY);
        if (!same_side || buys != (e->side == ATS_VIEW_BUY))
            return true;
    }
    return false;
}

static bool in_window(const ats_strategies *h, const ats_wish *w)
{
    const ats_strategy_rules *rules = &h->config.settings->rules;
    if (ats_markets_calendar(&h->markets, w->entry.symbol) != 0)
        return true;
    const ats_segment *s = &h->markets.segments[0];
    int64_t now_ns = h->desk.cause.recv_ns;
    if (s->phase == ATS_PHASE_REGULAR)
        return now_ns >= s->open_ns + rules->avoid_open_s * ATS_SECOND_NS &&
               now_ns < s->close_ns - rules->avoid_close_s * ATS_SECOND_NS;
    /* A bar that ends with the session decides for the next opening; only what may be kept
     * overnight may be bought in the dark. */
    return w->on_bar && w->entry.keep_overnight;
}

/* The market allows an entry: there is one, it can be trusted, and it is not too wide. */
static uint32_t check_market(const ats_strategies *h, const ats_entry *e)
{
    const ats_symbol_market *m = &h->markets.symbol[e->symbol];
    if (m->price_e9 <= 0 || m->untrusted || m->halted)
        return ATS_ANSWER_NO_MARKET;
    if (m->bid_e9 <= 0 || m->ask_e9 <= 0)
        return m->bar_ns ? ATS_ANSWER_TAKEN : ATS_ANSWER_NO_MARKET;
    if (m->ask_e9 <= m->bid_e9)
        return ATS_ANSWER_NO_MARKET; /* locked or crossed: no entries while it lasts */
    /* (ask - bid) / mid <= limit, with mid = (bid + ask) / 2 and no division */
    if ((__int128)(m->ask_e9 - m->bid_e9) * 20000 >
        (__int128)(m->ask_e9 + m->bid_e9) * h->config.settings->rules.max_spread_bps)
        return ATS_ANSWER_SPREAD;
    return ATS_ANSWER_TAKEN;
}

static uint32_t check_wish(const ats_strategies *h, const ats_runner *r, const ats_wish *w)
{
    const ats_entry *e = &w->entry;
    const ats_slot *slot = ats_desk_slot(&h->desk, r->index, e->symbol);
    if (r->paused || r->suspended || h->desk.stopped || h->desk.ended)
        return ATS_ANSWER_SUSPENDED;
    if (slot->qty_e9 != 0 || slot->parent || slot->active)
        return ATS_ANSWER_HELD;
    if (h->desk.cause.recv_ns < slot->rest_until_ns)
        return ATS_ANSWER_RESTS;
    if (e->side == ATS_VIEW_SELL && !r->instance->spec->allow_short)
        return ATS_ANSWER_SHORT;
    if (conflicts(h, r, e))
        return ATS_ANSWER_CONFLICT;
    uint32_t market = check_market(h, e);
    if (market != ATS_ANSWER_TAKEN)
        return market;
    if (!in_window(h, w))
        return ATS_ANSWER_WINDOW;
    if (h->desk.active_count >= h->config.settings->rules.max_positions ||
        !ats_desk_has_room(&h->desk))
        return ATS_ANSWER_FULL;
    return ATS_ANSWER_TAKEN;
}

static int64_t share_of_equity_e9(const ats_strategies *h, const ats_runner *r)
{
    return ats_money_round_e9(ats_desk_equity(&h->desk) / 10000 * r->instance->spec->capital_bps);
}

static int64_t free_capital_e9(const ats_strategies *h, const ats_runner *r)
{
    return share_of_equity_e9(h, r) - ats_money_round_e9(ats_desk_used(&h->desk, r->index));
}

static void explain(const ats_strategies *h, const ats_runner *r, uint32_t symbol, const char *name,
                    const char *text, double value)
{
    const ats_header *cause = &h->desk.cause;
    if (!ats_trace_wants(h->config.trace, symbol, cause->recv_ns) || !name)
        return;
    ats_trace_line line = {.recv_ns = cause->recv_ns,
                           .event_seq = cause->event_seq,
                           .strategy = r->index + 1,
                           .text = text,
                           .value = value};
    for (uint32_t i = 0; i + 1 < sizeof line.name && name[i]; i++)
        line.name[i] = name[i];
    ats_trace_add(h->config.trace, &line);
}

/* Stop, target and trail of an entry: its own wishes, else as configured. */
static void set_distances(const ats_strategies *h, const ats_entry *e, ats_desk_entry *out)
{
    const ats_exit_settings *exits = &h->config.settings->exits;
    int64_t price = h->markets.symbol[e->symbol].price_e9;
    int64_t range = e->atr_e9 ? e->atr_e9 : ats_markets_range_e9(&h->markets, e->symbol);
    ats_exit_distances d =
        ats_exits_of(exits, price, range, ats_markets_volatility_ratio(&h->markets, e->symbol));
    out->stop_distance_e9 = e->stop_distance_e9 ? e->stop_distance_e9 : d.stop_e9;
    out->target_distance_e9 = e->target_distance_e9 ? e->target_distance_e9 : d.target_e9;
    out->trail_e9 = e->trail_distance_e9 ? e->trail_distance_e9 : d.trail_e9;
    out->hold_ns = e->hold_ns ? e->hold_ns : exits->max_hold_s * ATS_SECOND_NS;
}

/* 0 for a symbol that the matrix does not know. */
static double correlation(const ats_covariance *c, uint32_t a, uint32_t b)
{
    if (!ats_covariance_knows(c, a) || !ats_covariance_knows(c, b))
        return 0;
    double own_a = (double)c->symbol[a].variance, own_b = (double)c->symbol[b].variance;
    return (double)c->value[(size_t)a * c->capacity + b] / sqrt(own_a * own_b);
}

/* Largest with what is held, or being entered, on the same side; 0 without a matrix. */
static double largest_correlation(const ats_strategies *h, const ats_entry *e)
{
    double largest = 0;
    for (uint32_t i = 0; h->covariance && i < h->desk.active_count; i++) {
        const ats_slot *slot = &h->desk.slots[h->desk.active[i]];
        const ats_parent *p = slot->parent ? &h->desk.parents[slot->parent - 1] : NULL;
        bool buys = slot->qty_e9 > 0 || (slot->qty_e9 == 0 && p && p->side == ATS_SIDE_BUY);
        double c =
            slot->symbol == e->symbol ? 1 : correlation(h->covariance, slot->symbol, e->symbol);
        if (buys == (e->side == ATS_VIEW_BUY) && c > largest)
            largest = c;
    }
    return largest;
}

static uint32_t size_wish(const ats_strategies *h, const ats_runner *r, const ats_entry *e,
                          ats_desk_entry *out)
{
    int64_t price = h->markets.symbol[e->symbol].price_e9;
    int64_t lot = ats_symbol_lot_e9(&h->config.context->symbols->entry[e->symbol]);
    int64_t free = free_capital_e9(h, r);
    if (e->qty_e9) {
        out->qty_e9 = e->qty_e9 - e->qty_e9 % lot;
        if (ats_money_product(price, out->qty_e9) > ats_money_from_e9(free))
            return ATS_ANSWER_CAPITAL;
        return out->qty_e9 > 0 ? ATS_ANSWER_TAKEN : ATS_ANSWER_SIZE;
    }
    ats_sizing_cut cut;
    ats_sizing_case c = {
        .equity_e9 = ats_money_round_e9(ats_desk_equity(&h->desk)),
        .free_e9 = free,
        .price_e9 = price,
        .stop_distance_e9 = out->stop_distance_e9,
        .target_distance_e9 = out->target_distance_e9,
        .lot_e9 = lot,
        .day_volatility = ats_markets_day_volatility(&h->markets, e->symbol),
        .confidence = e->confidence,
        .correlation = largest_correlation(h, e),
    };
    out->qty_e9 = ats_sizing(&h->config.settings->sizing, &c, &cut);
    explain(h, r, e->symbol, "size", ats_sizing_cut_label(cut), (double)out->qty_e9 / 1e9);
    if (out->qty_e9 > 0)
        return ATS_ANSWER_TAKEN;
    return free < h->config.settings->sizing.min_notional_e9 ? ATS_ANSWER_CAPITAL : ATS_ANSWER_SIZE;
}

/* Takes a wish, or says why not. */
static uint32_t grant(ats_strategies *h, ats_runner *r, const ats_wish *w)
{
    const ats_entry *e = &w->entry;
    uint32_t answer = check_wish(h, r, w);
    if (answer != ATS_ANSWER_TAKEN)
        return answer;
    ats_desk_entry out = {.side = (uint8_t)e->side,
                          .cap_e9 = e->limit_e9,
                          .urgency = e->urgency,
                          .score = (float)e->score,
                          .confidence = (float)e->confidence,
                          .model = w->model,
                          .overnight = e->keep_overnight != 0};
    set_distances(h, e, &out);
    answer = size_wish(h, r, e, &out);
    if (answer == ATS_ANSWER_TAKEN)
        ats_desk_enter(&h->desk, ats_desk_slot(&h->desk, r->index, e->symbol), &out);
    return answer;
}

static void note_answer(ats_strategies *h, const ats_runner *r, const ats_wish *w, uint32_t answer)
{
    ats_count(&h->metrics->wishes[answer], 1);
    explain(h, r, w->entry.symbol, w->entry.why ? w->entry.why : "entry",
            ats_entry_answer_label(answer), w->entry.score);
}

int64_t ats_strategies_next_due(const ats_strategies *h)
{
    /* A nanosecond later: all that comes at the same moment is heard first. */
    return h->wish_count ? h->wishes_cause.recv_ns + 1 : INT64_MAX;
}

static bool ranks_before(const ats_wish *a, const ats_wish *b)
{
    if (a->entry.score != b->entry.score)
        return a->entry.score > b->entry.score;
    if (a->runner != b->runner)
        return a->runner < b->runner;
    return a->entry.symbol < b->entry.symbol;
}

/* Best first: insertion, few at a time and nearly always in no order. */
static void sort_wishes(ats_strategies *h)
{
    for (uint32_t i = 1; i < h->wish_count; i++) {
        ats_wish w = h->wishes[i];
        uint32_t at = i;
        for (; at > 0 && ranks_before(&w, &h->wishes[at - 1]); at--)
            h->wishes[at] = h->wishes[at - 1];
        h->wishes[at] = w;
    }
}

void ats_strategies_run_due(ats_strategies *h)
{
    h->desk.cause = h->wishes_cause;
    sort_wishes(h);
    for (uint32_t i = 0; i < h->wish_count; i++) {
        const ats_wish *w = &h->wishes[i];
        ats_runner *r = &h->runners[w->runner];
        uint32_t answer = grant(h, r, w);
        if (answer == ATS_ANSWER_FULL || answer == ATS_ANSWER_CAPITAL)
            answer = i > 0 ? (uint32_t)ATS_ANSWER_OUTRANKED : answer;
        note_answer(h, r, w, answer);
    }
    h->wish_count = 0;
}

/* ---- what a strategy can ask -------------------------------------------------------------- */

static uint32_t api_enter(const ats_strategy_host *api, const ats_entry *entry)
{
    ats_runner *r = runner_of(api);
    ats_strategies *h = r->strategies;
    if (!entry) {
        ats_count(&h->metrics->wishes[ATS_ANSWER_BAD], 1);
        return ATS_ANSWER_BAD;
    }
    ats_wish w = {.entry = *entry, .runner = r->index, .model = r->model, .on_bar = h->on_bar};
    if (!is_sane(h, entry)) {
        ats_count(&h->metrics->wishes[ATS_ANSWER_BAD], 1);
        return ATS_ANSWER_BAD;
    }
    uint32_t answer = h->config.settings->rules.rank ? check_wish(h, r, &w) : grant(h, r, &w);
    if (answer == ATS_ANSWER_TAKEN && h->config.settings->rules.rank) {
        answer = h->wish_count < ATS_WISHES_MAX ? ATS_ANSWER_WAITS : ATS_ANSWER_FULL;
        if (answer == ATS_ANSWER_WAITS) {
            if (h->wish_count == 0)
                h->wishes_cause = h->desk.cause; /* those of one moment are granted together */
            h->wishes[h->wish_count++] = w;
        }
    }
    note_answer(h, r, &w, answer);
    return answer;
}

static bool known(const ats_strategies *h, uint32_t symbol)
{
    return symbol >= 1 && symbol <= h->config.context->symbols->count;
}

static uint32_t api_leave(const ats_strategy_host *api, uint32_t symbol, double urgency,
                          const char *why)
{
    ats_runner *r = runner_of(api);
    ats_strategies *h = r->strategies;
    if (!known(h, symbol) || !(urgency >= 0 && urgency <= 1))
        return 0;
    ats_slot *slot = ats_desk_slot(&h->desk, r->index, symbol);
    uint32_t reason = r->model ? ATS_REASON_EXIT_SIGNAL : ATS_REASON_EXIT_RULE;
    bool left = ats_desk_leave(&h->desk, slot, reason, urgency, false);
    if (left)
        explain(h, r, symbol, why ? why : "exit", "leaves", urgency);
    return left;
}

static uint32_t api_set_stop(const ats_strategy_host *api, uint32_t symbol, int64_t stop_e9)
{
    ats_runner *r = runner_of(api);
    if (!known(r->strategies, symbol) || stop_e9 <= 0 || stop_e9 > ATS_VALUE_MAX_E9)
        return 0;
    ats_slot *slot = ats_desk_slot(&r->strategies->desk, r->index, symbol);
    if (slot->qty_e9 == 0)
        return 0;
    ats_desk_set_stop(&r->strategies->desk, slot, stop_e9);
    return 1;
}

static void api_position(const ats_strategy_host *api, uint32_t symbol, ats_position_view *out)
{
    const ats_runner *r = runner_of(api);
    *out = (ats_position_view){0};
    if (!known(r->strategies, symbol))
        return;
    const ats_slot *slot = ats_desk_slot(&r->strategies->desk, r->index, symbol);
    const ats_parent *p = slot->parent ? &r->strategies->desk.parents[slot->parent - 1] : NULL;
    *out = (ats_position_view){.qty_e9 = slot->qty_e9,
                               .average_e9 = ats_slot_average_e9(slot),
                               .entry_ns = slot->entry_ns,
                               .stop_e9 = slot->stop_e9,
                               .target_e9 = slot->target_e9,
                               .best_e9 = slot->best_e9,
                               .entering = p && !p->exit,
                               .leaving = slot->leave_reason != ATS_REASON_NONE};
}

static int64_t api_capital(const ats_strategy_host *api)
{
    const ats_runner *r = runner_of(api);
    return share_of_equity_e9(r->strategies, r);
}

static int64_t api_free_capital(const ats_strategy_host *api)
{
    const ats_runner *r = runner_of(api);
    return free_capital_e9(r->strategies, r);
}

static void api_set_timer(const ats_strategy_host *api, int64_t at_ns)
{
    ats_runner *r = runner_of(api);
    r->timer_ns = at_ns > 0 ? at_ns : INT64_MAX;
    if (r->timer_ns < r->strategies->next_timer_ns)
        r->strategies->next_timer_ns = r->timer_ns;
}

static uint64_t api_random(const ats_strategy_host *api)
{
    return ats_random_next(&runner_of(api)->random);
}

static void api_explain(const ats_strategy_host *api, uint32_t symbol, const char *name,
                        double value)
{
    const ats_runner *r = runner_of(api);
    explain(r->strategies, r, symbol, name, NULL, value);
}

static void set_runner(ats_strategies *h, uint32_t s)
{
    ats_runner *r = &h->runners[s];
    *r = (ats_runner){.strategies = h,
                      .instance = &h->config.set->instances[s],
                      .index = s,
                      .timer_ns = INT64_MAX};
    r->api = (ats_strategy_host){.abi = ATS_STRATEGY_ABI,
                                 .bytes = sizeof r->api,
                                 .engine = r,
                                 .strategy = s + 1,
                                 .symbol_count = h->config.context->symbols->count,
                                 .enter = api_enter,
                                 .leave = api_leave,
                                 .set_stop = api_set_stop,
                                 .position = api_position,
                                 .capital_e9 = api_capital,
                                 .free_capital_e9 = api_free_capital,
                                 .set_timer = api_set_timer,
                                 .random = api_random,
                                 .explain = api_explain};
    ats_random_seed(&r->random, r->instance->setup.seed);
}

/* ---- calls -------------------------------------------------------------------------------- */

/* Before and after a callback: the time it took is held against its budget. */
static uint64_t begin_call(ats_strategies *h, ats_runner *r)
{
    r->api.now_ns = h->desk.cause.recv_ns;
    return h->config.settings->rules.call_budget_ns ? ats_clock_now(h->clock) : 0;
}

static void end_call(ats_strategies *h, ats_runner *r, uint64_t began_ns)
{
    const ats_strategy_rules *rules = &h->config.settings->rules;
    if (!began_ns || ats_clock_now(h->clock) - began_ns <= (uint64_t)rules->call_budget_ns)
        return;
    ats_count(&h->metrics->overruns, 1);
    if (++r->overruns > rules->overruns_max && !r->suspended) {
        r->suspended = true;
        h->suspended |= 1ull << r->index;
        ats_count(&h->metrics->suspended, 1);
    }
}

#define FOR_EACH_WANTING(h, want, symbol, r)                                                       \
    for (uint64_t left_ = (h)->wanted[want][symbol]; left_; left_ &= left_ - 1)                    \
        for (ats_runner *r = &(h)->runners[__builtin_ctzll(left_)]; r; r = NULL)

static void call_on_market(ats_strategies *h, ats_runner *r, const ats_market_view *view)
{
    if (!r->instance->plugin->on_market || r->suspended)
        return;
    uint64_t began_ns = begin_call(h, r);
    r->model = 0;
    r->instance->plugin->on_market(r->instance->state, &r->api, view);
    end_call(h, r, began_ns);
}

static ats_market_view view_of(const ats_strategies *h, uint32_t symbol, uint32_t kind)
{
    const ats_symbol_market *m = &h->markets.symbol[symbol];
    return (ats_market_view){.now_ns = h->desk.cause.recv_ns,
                             .symbol = symbol,
                             .kind = kind,
                             .bid_e9 = m->bid_e9,
                             .ask_e9 = m->ask_e9,
                             .bid_size_e9 = m->bid_size_e9,
                             .ask_size_e9 = m->ask_size_e9,
                             .price_e9 = m->price_e9,
                             .untrusted = m->untrusted || m->halted};
}

/* Passes on the bars of a symbol that are over at end_ns. */
static void pass_bars(ats_strategies *h, uint32_t symbol, const ats_bar *record, int64_t end_ns)
{
    uint32_t next = 0;
    ats_bar_e9 bar;
    if (!h->wanted[WANT_BARS][symbol])
        return;
    while (ats_markets_next_bar(&h->markets, symbol, record, end_ns, &next, &bar)) {
        ats_market_view view = view_of(h, symbol, ATS_VIEW_BAR);
        view.bar = (ats_view_bar){
            .start_ns = bar.start_ns,
            .open_e9 = bar.open_e9,
            .high_e9 = bar.high_e9,
            .low_e9 = bar.low_e9,
            .close_e9 = bar.close_e9,
            .volume_e9 = bar.volume_e9,
            .vwap_e9 = record && record->period_s == bar.period_s ? record->vwap_e9 : 0,
            .period_s = bar.period_s};
        h->on_bar = true;
        FOR_EACH_WANTING(h, WANT_BARS, symbol, r)
        call_on_market(h, r, &view);
        h->on_bar = false;
    }
}

static void on_quote(ats_strategies *h, const ats_quote *q)
{
    /* The order of an event's quotes means nothing before its last. */
    if (!(q->h.flags & ATS_FLAG_END_OF_EVENT))
        return;
    ats_desk_look_at_symbol(&h->desk, q->h.symbol_id);
    if (!h->wanted[WANT_QUOTES][q->h.symbol_id])
        return;
    ats_market_view view = view_of(h, q->h.symbol_id, ATS_VIEW_QUOTE);
    FOR_EACH_WANTING(h, WANT_QUOTES, q->h.symbol_id, r)
    call_on_market(h, r, &view);
}

static void on_trade(ats_strategies *h, const ats_trade *t)
{
    const ats_symbol_market *m = &h->markets.symbol[t->h.symbol_id];
    if (m->bid_e9 <= 0 || m->ask_e9 <= 0)
        ats_desk_look_at_symbol(&h->desk, t->h.symbol_id);
    if (!h->wanted[WANT_TRADES][t->h.symbol_id])
        return;
    ats_market_view view = view_of(h, t->h.symbol_id, ATS_VIEW_TRADE);
    view.trade_px_e9 = t->px_e9;
    view.trade_qty_e9 = t->qty_e9;
    view.trade_side = t->aggressor;
    FOR_EACH_WANTING(h, WANT_TRADES, t->h.symbol_id, r)
    call_on_market(h, r, &view);
}

static void on_action(ats_strategies *h, const ats_corporate_action *a)
{
    ats_desk_action(&h->desk, a);
    ats_market_view view = view_of(h, a->h.symbol_id, ATS_VIEW_ACTION);
    view.split_numerator = a->action == ATS_ACTION_SPLIT ? a->ratio_numerator : 0;
    view.split_denominator = a->action == ATS_ACTION_SPLIT ? a->ratio_denominator : 0;
    view.dividend_e9 = a->action == ATS_ACTION_DIVIDEND ? a->cash_e9 : 0;
    FOR_EACH_WANTING(h, WANT_ACTIONS, a->h.symbol_id, r)
    call_on_market(h, r, &view);
}

/* Bars that are over although nothing of their symbol has come since. Where bars come ready-made
 * the last piece of a longer one may still be on its way at the moment of its end. */
static void close_quiet_bars(ats_strategies *h, int64_t now_ns)
{
    if (h->markets.period_count == 0)
        return;
    for (uint32_t i = 1; i <= h->config.context->symbols->count; i++)
        pass_bars(h, i, NULL, h->markets.symbol[i].bar_ns ? now_ns - 1 : now_ns);
}

static void run_timers(ats_strategies *h, int64_t now_ns)
{
    int64_t next = INT64_MAX;
    for (uint32_t s = 0; s < h->config.set->count; s++) {
        ats_runner *r = &h->runners[s];
        if (r->timer_ns <= now_ns) {
            r->timer_ns = INT64_MAX;
            if (r->instance->plugin->on_timer && !r->suspended) {
                uint64_t began_ns = begin_call(h, r);
                r->model = 0;
                r->instance->plugin->on_timer(r->instance->state, &r->api);
                end_call(h, r, began_ns);
            }
        }
        if (r->timer_ns < next)
            next = r->timer_ns;
    }
    h->next_timer_ns = next;
}

static void tell_session(ats_strategies *h, uint32_t calendar)
{
    const ats_segment *s = &h->markets.segments[calendar];
    ats_session_view view = {.now_ns = h->desk.cause.recv_ns,
                             .open_ns = s->open_ns,
                             .close_ns = s->close_ns,
                             .date = s->date,
                             .phase = s->phase,
                             .continuous = calendar};
    for (uint32_t i = 0; i < h->config.set->count; i++) {
        ats_runner *r = &h->runners[i];
        if (!r->instance->plugin->on_session || r->suspended)
            continue;
        uint64_t began_ns = begin_call(h, r);
        r->model = 0;
        r->instance->plugin->on_session(r->instance->state, &r->api, &view);
        end_call(h, r, began_ns);
    }
}

/* ---- commands ----------------------------------------------------------------------------- */

static bool meant(const ats_control *c, uint32_t strategy)
{
    return c->strategy_id == 0 || c->strategy_id == strategy + 1;
}

/* Entries at work are taken back; what is held stays. */
static void take_entries_back(ats_strategies *h, const ats_control *c)
{
    for (uint32_t i = 0; i < h->desk.active_count; i++) {
        const ats_slot *slot = &h->desk.slots[h->desk.active[i]];
        if (slot->parent && !h->desk.parents[slot->parent - 1].exit && meant(c, slot->strategy))
            h->desk.parents[slot->parent - 1].give_up = true;
    }
    ats_desk_look_at_all(&h->desk);
}

/* After a kill the gate goes on refusing; the first answer that says so freezes the desk again. */
static void rearm(ats_strategies *h, const ats_control *c)
{
    if (c->strategy_id == 0)
        h->desk.stopped = h->desk.frozen = false;
    for (uint32_t i = 0; i < h->config.set->count; i++)
        if (meant(c, i)) {
            h->runners[i].suspended = false;
            h->runners[i].overruns = 0;
        }
}

static void flatten(ats_strategies *h, const ats_control *c)
{
    for (uint32_t i = h->desk.active_count; i-- > 0;) {
        if (i >= h->desk.active_count)
            continue;
        ats_slot *slot = &h->desk.slots[h->desk.active[i]];
        if (meant(c, slot->strategy) && (c->h.symbol_id == 0 || c->h.symbol_id == slot->symbol))
            ats_desk_leave(&h->desk, slot, ATS_REASON_EXIT_FLATTEN, 1, true);
    }
}

static void on_control(ats_strategies *h, const ats_control *c)
{
    bool pauses = c->code == ATS_CONTROL_PAUSE, resumes = c->code == ATS_CONTROL_RESUME;
    switch (c->code) {
    case ATS_CONTROL_PAUSE:
    case ATS_CONTROL_RESUME:
        for (uint32_t i = 0; i < h->config.set->count; i++)
            if (meant(c, i))
                h->runners[i].paused = pauses || (h->runners[i].paused && !resumes);
        if (pauses)
            take_entries_back(h, c);
        return;
    case ATS_CONTROL_KILL:
    case ATS_CONTROL_HALT:
    case ATS_CONTROL_FREEZE:
        h->desk.stopped = true;
        h->wish_count = 0;
        take_entries_back(h, c);
        h->desk.frozen |= c->code != ATS_CONTROL_HALT;
        return;
    case ATS_CONTROL_REARM:
        rearm(h, c);
        return;
    case ATS_CONTROL_FLATTEN:
        flatten(h, c);
        return;
    case ATS_CONTROL_COVARIANCE:
        if (h->covariance)
            ats_covariance_take(h->covariance, c);
        return;
    default:
        return;
    }
}

/* ---- records ------------------------------------------------------------------------------ */

/* Each second or so: what is held, and what of it no stop guards at the broker. */
static void count_positions(ats_strategies *h)
{
    uint32_t held = 0, bare = 0;
    for (uint32_t i = 0; i < h->desk.active_count; i++) {
        const ats_slot *slot = &h->desk.slots[h->desk.active[i]];
        held += slot->qty_e9 != 0;
        bare += slot->qty_e9 != 0 && !(slot->stop.order && slot->stop.live);
    }
    ats_store_relaxed(&h->metrics->positions, held);
    ats_store_relaxed(&h->metrics->unprotected, bare);
}

static void on_time(ats_strategies *h, int64_t now_ns)
{
    uint32_t changed = ats_markets_time(&h->markets, now_ns);
    for (uint32_t i = 0; i < 2; i++)
        if (changed >> i & 1)
            tell_session(h, i);
    if (now_ns >= h->next_timer_ns)
        run_timers(h, now_ns);
}

void ats_strategies_market(ats_strategies *h, const ats_market *m)
{
    uint32_t symbol = m->h.symbol_id;
    if (m->h.recv_ns >= ats_strategies_next_due(h))
        ats_strategies_run_due(h); /* with a broker outside nobody else looks at the time */
    h->desk.cause = m->h;
    h->last_kind = m->h.kind;
    on_time(h, m->h.recv_ns);
    switch (m->h.kind) {
    case ATS_KIND_QUOTE:
        pass_bars(h, symbol, NULL, m->h.recv_ns);
        ats_markets_take(&h->markets, m);
        on_quote(h, &m->quote);
        return;
    case ATS_KIND_TRADE:
        pass_bars(h, symbol, NULL, m->h.recv_ns);
        ats_markets_take(&h->markets, m);
        on_trade(h, &m->trade);
        return;
    case ATS_KIND_BAR:
        pass_bars(h, symbol, NULL, m->h.event_ns); /* what was over before it began */
        ats_markets_take(&h->markets, m);
        ats_desk_look_at_symbol(&h->desk, symbol);
        pass_bars(h, symbol, &m->bar, m->h.recv_ns);
        return;
    case ATS_KIND_STATUS:
        ats_markets_take(&h->markets, m);
        return;
    case ATS_KIND_CORPORATE_ACTION:
        ats_markets_take(&h->markets, m);
        on_action(h, &m->corporate_action);
        return;
    case ATS_KIND_CLOCK:
        close_quiet_bars(h, m->h.recv_ns);
        ats_desk_look_at_all(&h->desk);
        count_positions(h);
        return;
    case ATS_KIND_CONTROL:
        on_control(h, &m->control);
        return;
    case ATS_KIND_END:
        h->desk.ended = true;
        return;
    default:
        return;
    }
}

void ats_strategies_signal(ats_strategies *h, const ats_signal *s)
{
    uint32_t symbol = s->h.symbol_id;
    h->desk.cause = s->h;
    h->on_bar = h->last_kind == ATS_KIND_BAR; /* the vector that was scored is of that bar */
    if (!h->wanted[WANT_SIGNALS][symbol])
        return;
    ats_signal_view view = {.now_ns = s->h.recv_ns,
                            .symbol = symbol,
                            .model = s->model_id,
                            .score = s->score,
                            .confidence = s->confidence,
                            .bid_e9 = s->bid_e9,
                            .ask_e9 = s->ask_e9,
                            .bid_size_e9 = s->bid_size_e9,
                            .ask_size_e9 = s->ask_size_e9};
    FOR_EACH_WANTING(h, WANT_SIGNALS, symbol, r)
    {
        if (!r->instance->plugin->on_signal || r->suspended)
            continue;
        uint64_t began_ns = begin_call(h, r);
        r->model = s->model_id;
        r->instance->plugin->on_signal(r->instance->state, &r->api, &view);
        end_call(h, r, began_ns);
    }
    h->on_bar = false;
}

void ats_strategies_exec(ats_strategies *h, const ats_exec *x)
{
    int64_t qty_e9;
    if (x->h.recv_ns >= ats_strategies_next_due(h))
        ats_strategies_run_due(h);
    const ats_slot *slot = ats_desk_exec(&h->desk, x, &qty_e9);
    if (!slot || qty_e9 == 0)
        return;
    ats_runner *r = &h->runners[slot->strategy];
    if (!r->instance->plugin->on_fill || r->suspended)
        return;
    ats_fill_view view = {.now_ns = x->h.recv_ns,
                          .symbol = slot->symbol,
                          .side = qty_e9 > 0 ? ATS_VIEW_BUY : ATS_VIEW_SELL,
                          .qty_e9 = qty_e9 < 0 ? -qty_e9 : qty_e9,
                          .px_e9 = x->last_px_e9,
                          .fee_e9 = x->fee_e9,
                          .position_e9 = slot->qty_e9,
                          .closes = (uint32_t)ats_reason_is_exit(x->reason)};
    uint64_t began_ns = begin_call(h, r);
    r->model = 0;
    r->instance->plugin->on_fill(r->instance->state, &r->api, &view);
    end_call(h, r, began_ns);
}
