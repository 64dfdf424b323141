/* Thirty strategies on five hundred symbols in one account: three days of five-minute bars with
 * splits and dividends in the middle. What must hold, wherever the run ends: positions of the
 * strategies add up to the account's, cash agrees to the last unit, what each strategy has made
 * adds up to what the account has made, and a second run decides the same. And of wishes that
 * compete for few places, the best are taken. */
#include "core/random.h"
#include "tests/unit/stages/chain_run.h"

#define SYMBOLS     500u
#define STRATEGIES  30u
#define DAYS        3u
#define BARS_A_DAY  78u
#define BAR_S       300
#define START_CASH  1000000
#define PLACES      10u
#define MIDNIGHT_NS (1704171600ll * ATS_E9) /* 2024-01-02 00:00 in New York, a Tuesday */
#define DAY_NS      (86400ll * ATS_E9)
#define OPEN_NS     (34200ll * ATS_E9) /* after midnight */

static ats_market records[SYMBOLS * (DAYS * BARS_A_DAY + 8)];
static uint64_t record_count;
static ats_symbols symbols;
static int failures;

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: ", __FILE__, __LINE__);                                                 \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

/* ---- the days ----------------------------------------------------------------------------- */

typedef struct walk {
    int64_t cents, home; /* it comes back to where it was, in part */
    int64_t step;
} walk;

static void add_action(uint32_t id, int64_t at_ns, ats_random *random, walk *w)
{
    static const int64_t RATIOS[][2] = {{2, 1}, {3, 2}, {1, 2}};
    ats_market *m = &records[record_count++];
    const int64_t *ratio = RATIOS[ats_random_next(random) % 3];
    bool split = ats_random_next(random) % 2;
    *m = (ats_market){.corporate_action = {.h = {.kind = ATS_KIND_CORPORATE_ACTION,
                                                 .symbol_id = id,
                                                 .event_ns = at_ns,
                                                 .recv_ns = at_ns},
                                           .action = split ? ATS_ACTION_SPLIT : ATS_ACTION_DIVIDEND,
                                           .cash_e9 = split ? 0 : 130000000}};
    if (!split)
        return;
    m->corporate_action.ratio_numerator = (uint32_t)ratio[0];
    m->corporate_action.ratio_denominator = (uint32_t)ratio[1];
    w->cents = w->cents * ratio[1] / ratio[0];
    w->home = w->home * ratio[1] / ratio[0];
    w->step = w->step * ratio[1] / ratio[0] + 1;
}

static void add_bar(uint32_t id, int64_t start_ns, ats_random *random, walk *w)
{
    int64_t open = w->cents, high = open, low = open, close = open;
    for (int i = 0; i < 8; i++) {
        int64_t pull = (w->home - close) / 400;
        close += (int64_t)(ats_random_next(random) % (uint64_t)(2 * w->step + 1)) - w->step + pull;
        high = close > high ? close : high;
        low = close < low ? close : low;
    }
    w->cents = close;
    records[record_count++] = (ats_market){
        .bar = {.h = {.kind = ATS_KIND_BAR,
                      .symbol_id = id,
                      .event_ns = start_ns,
                      .recv_ns = start_ns + BAR_S * ATS_E9},
                .open_e9 = open * 10000000,
                .high_e9 = high * 10000000,
                .low_e9 = low * 10000000,
                .close_e9 = close * 10000000,
                .volume_e9 = (int64_t)(10000 + ats_random_next(random) % 90000) * ATS_E9,
                .period_s = BAR_S}};
}

static void make_days(void)
{
    static walk walks[SYMBOLS + 1];
    ats_random random;
    ats_random_seed(&random, 3);
    for (uint32_t id = 1; id <= SYMBOLS; id++) {
        ats_symbol s = {.venue = "US", .currency = "USD", .symbol_class = ATS_CLASS_EQUITY};
        snprintf(s.text, sizeof s.text, "S%u", id);
        ats_symbols_add(&symbols, &s);
        walks[id].cents = walks[id].home = 2000 + (int64_t)(ats_random_next(&random) % 20000);
        walks[id].step = walks[id].cents / 1500 + 1;
    }
    for (uint32_t day = 0; day < DAYS; day++) {
        int64_t midnight_ns = MIDNIGHT_NS + day * DAY_NS;
        for (uint32_t id = 1; day > 0 && id <= SYMBOLS; id++)
            if (ats_random_next(&random) % 8 == 0)
                add_action(id, midnight_ns, &random, &walks[id]);
        for (uint32_t bar = 0; bar < BARS_A_DAY; bar++)
            for (uint32_t id = 1; id <= SYMBOLS; id++)
                add_bar(id, midnight_ns + OPEN_NS + bar * BAR_S * ATS_E9, &random, &walks[id]);
    }
}

/* ---- the strategies ----------------------------------------------------------------------- */

static void parameter(ats_strategy_spec *s, const char *name, double value)
{
    snprintf(s->parameters[s->parameter_count].name, ATS_STRATEGY_PARAMETER_BYTES, "%s", name);
    s->parameters[s->parameter_count++].value = value;
}

static void configure(ats_strategy_spec *s, uint32_t i)
{
    static const char *const PLUGINS[] = {"mean_reversion", "swing_trend", "confluence"};
    const char *plugin = PLUGINS[i % 3];
    double variant = i / 3;
    *s = (ats_strategy_spec){.symbols = "all", .capital_bps = 2000, .allow_short = i % 2};
    snprintf(s->name, sizeof s->name, "%s_%u", plugin, i);
    snprintf(s->plugin, sizeof s->plugin, "%s", plugin);
    parameter(s, "timeframe_s", i % 4 == 3 ? 900 : 300);
    if (i % 3 == 0) {
        parameter(s, "window", 10 + variant);
        parameter(s, "entry_z", 1.5 + variant / 10);
    } else if (i % 3 == 1) {
        parameter(s, "fast", 5 + variant);
        parameter(s, "slow", 20 + variant);
        parameter(s, "max_hold_bars", 5 + 3 * variant);
    } else {
        parameter(s, "entry", 0.3 + variant / 100);
        parameter(s, "timeframe_2_s", 600);
        parameter(s, "optimise_hold", i % 2);
    }
}

static ats_run_config account(void)
{
    ats_run_config c = fixture_config();
    c.start_cash_e9 = START_CASH * ATS_E9;
    c.clock_interval_ns = 60 * ATS_E9;
    ats_limits_loosest(&c.limits);
    c.strategy.rules.conflicts = ATS_CONFLICT_SAME_SIDE;
    c.strategy.rules.protect = ATS_PROTECT_WATCH;
    c.strategy.rules.max_positions = 600;
    c.strategy.exits.max_hold_s = 0;
    c.strategy.execution.entry_attempts = 2;
    c.venue.order_capacity = 4096;
    c.venue.bar_share_bps = 1000;
    c.venue.bar_slippage_bps = 2;
    return c;
}

static ats_run_config all_of_them(void)
{
    ats_run_config c = account();
    c.strategy.count = STRATEGIES;
    for (uint32_t i = 0; i < STRATEGIES; i++)
        configure(&c.strategy.strategies[i], i);
    return c;
}

/* ---- what must hold ----------------------------------------------------------------------- */

static uint32_t traded; /* strategies that made or lost something */
static uint64_t held;   /* slots with a position at the end */
static uint32_t shared; /* symbols that several held at the end */

static void compare_books(ats_chain *chain)
{
    const ats_strategies *s = ats_strategy_strategies(ats_chain_state(chain, ATS_CHAIN_STRATEGY));
    const ats_portfolio *p = ats_risk_gate(ats_chain_state(chain, ATS_CHAIN_RISK))->portfolio;
    ats_money_e18 profit = 0, start = ats_money_from_e9(START_CASH * ATS_E9);
    traded = shared = 0;
    held = 0;
    for (uint32_t id = 1; id <= SYMBOLS; id++) {
        int64_t sum = 0;
        uint32_t holders = 0;
        for (uint32_t k = 0; k < chain->strategies.count; k++) {
            int64_t qty_e9 = ats_desk_slot(&s->desk, k, id)->qty_e9;
            sum += qty_e9;
            holders += qty_e9 != 0;
        }
        held += holders;
        shared += holders > 1;
        CHECK(sum == p->holdings[id].qty_e9, "symbol %u: strategies %lld, account %lld", id,
              (long long)sum, (long long)p->holdings[id].qty_e9);
    }
    for (uint32_t k = 0; k < chain->strategies.count; k++) {
        profit += ats_desk_profit(&s->desk, k);
        traded += ats_desk_profit(&s->desk, k) != 0;
    }
    CHECK(s->desk.cash_e18 == p->cash_e18, "cash differs by %.9f",
          (double)(s->desk.cash_e18 - p->cash_e18) / 1e18);
    CHECK(profit == ats_portfolio_equity(p) - start,
          "profits add up to %.9f, the account's is %.9f", (double)profit / 1e18,
          (double)(ats_portfolio_equity(p) - start) / 1e18);
    CHECK(ats_portfolio_check(p), "the account's own identity");
    CHECK(s->desk.orders->count == 0, "%u orders without an end", s->desk.orders->count);
}

static fixture_run run(const ats_run_config *config, const ats_strategy_plugin *plugin,
                       uint64_t count)
{
    ats_chain_spec spec = {.plugin = plugin};
    fixture_run out = fixture_go(config, &spec, records, count, &symbols);
    CHECK(out.result == 0, "%s", ats_error_count() ? ats_error_line(0) : "the run failed");
    return out;
}

static void thirty_strategies(void)
{
    ats_run_config c = all_of_them();
    char digest[33] = "";
    fixture_after = compare_books;
    for (uint32_t i = 0; i < 4; i++) {
        c.strategy.rules.rank = i >= 2;
        fixture_run out = run(&c, NULL, record_count);
        printf(
            "rank %d: %llu fills, %u strategies traded, %llu positions at the end, %u symbols held "
            "by several, digest %s\n",
            c.strategy.rules.rank, (unsigned long long)out.fills, traded, (unsigned long long)held,
            shared, out.digest);
        /* Ranked, the strategies with the larger scores may leave the others no place. */
        uint32_t least = c.strategy.rules.rank ? STRATEGIES / 3 : STRATEGIES;
        CHECK(traded >= least && out.fills > 1000 && held > 0 && shared > 0, "too little done");
        CHECK(i % 2 == 0 || strcmp(digest, out.digest) == 0, "a second run decided otherwise");
        snprintf(digest, sizeof digest, "%s", out.digest);
    }
    /* In the middle of a day, after a night with actions, and in between. */
    for (uint32_t i = 1; i < 4; i++)
        run(&c, NULL, record_count * i / 4 + 137 * i);
    fixture_after = NULL;
}

/* ---- competing wishes --------------------------------------------------------------------- */

static double score_of(uint32_t symbol)
{
    return 1 +
           symbol * 263 % SYMBOLS; /* 263 and 500 have no common factor: each score is there once */
}

static size_t wish_bytes(const ats_strategy_setup *setup)
{
    (void)setup;
    return 64;
}

static int wish_init(void *state, const ats_strategy_setup *setup, char *why, size_t bytes)
{
    (void)state, (void)setup, (void)why, (void)bytes;
    return 0;
}

static void wish_market(void *state, const ats_strategy_host *host, const ats_market_view *v)
{
    (void)state;
    ats_entry e = {.symbol = v->symbol,
                   .side = ATS_VIEW_BUY,
                   .stop_distance_e9 = v->price_e9 / 2,
                   .score = score_of(v->symbol),
                   .urgency = 1};
    host->enter(host, &e);
}

static const ats_strategy_plugin WISHES = {.abi = ATS_STRATEGY_ABI,
                                           .bytes = sizeof(ats_strategy_plugin),
                                           .name = "wishes",
                                           .wants = ATS_WANTS_BARS,
                                           .state_bytes = wish_bytes,
                                           .init = wish_init,
                                           .on_market = wish_market};

static uint32_t best_held, first_held;

static void count_best(ats_chain *chain)
{
    const ats_portfolio *p = ats_risk_gate(ats_chain_state(chain, ATS_CHAIN_RISK))->portfolio;
    best_held = first_held = 0;
    for (uint32_t id = 1; id <= SYMBOLS; id++) {
        best_held += p->holdings[id].qty_e9 > 0 && score_of(id) > SYMBOLS - PLACES;
        first_held += p->holdings[id].qty_e9 > 0 && id <= PLACES;
    }
    CHECK(p->open_positions == PLACES, "%u positions", p->open_positions);
}

static void the_best_are_taken(void)
{
    ats_run_config c = account();
    c.strategy.count = 1;
    c.strategy.strategies[0] =
        (ats_strategy_spec){.name = "wishes", .symbols = "all", .capital_bps = 10000};
    c.strategy.rules.max_positions = PLACES;
    fixture_after = count_best;
    run(&c, &WISHES, 3 * SYMBOLS);
    CHECK(first_held == PLACES, "first come, first served: %u", first_held);
    c.strategy.rules.rank = true;
    run(&c, &WISHES, 3 * SYMBOLS);
    CHECK(best_held == PLACES, "of the best, %u were taken", best_held);
    fixture_after = NULL;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    fixture_journal_entries = 1u << 20;
    make_days();
    the_best_are_taken();
    thirty_strategies();
    ats_symbols_free(&symbols);
    return failures != 0;
}
