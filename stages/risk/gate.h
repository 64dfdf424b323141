/* gate.h: the checks that every order passes, in one fixed order, in integers only.
 *
 * The checks are those of ats_check (core/record.h), in that order; the first that refuses gives
 * the reason, and the verdict carries what was measured and the limit. The limits are those of
 * limits.h. Open orders count at full size from the moment they pass until the broker says that
 * they are over: an order of which nothing is known counts as if it were open.
 *
 * Ways out. A reduce-only order (a protective or emergency one is always reduce-only; it must bring
 * the position nearer to zero, counting the account's own open orders on that side, and never
 * crosses it) skips pauses, HALT, the storage check, the restricted list, the age of the market
 * data, a locked or crossed market, drift, least sizes, the largest notional and volume share,
 * exposure and the loss limits; its collar is twice as wide. An emergency one skips duplicates,
 * throttle and rates as well. FREEZE stops them too. Cancels always pass.
 *
 * Rates. Orders and cancels count against the account's rate. Entries leave the last fifth of the
 * burst to orders that reduce and to cancels. A cancel is never refused here: one beyond the rate
 * makes orders wait, by at most a whole burst; what the broker says of it is route's to handle.
 *
 * Prices. An order is judged and reserved at its limit; a market order at the opposite quote; a
 * stop at its stop price; a trailing stop as far from the opposite quote as it trails. The collar
 * of a stop-limit is measured from its stop. A symbol that has had no quote is judged by the close
 * of its last bar.
 *
 * Legs pass with their head or not at all. Those of a bracket count from the moment their head has
 * filled; of two legs that cancel each other, and of an OCO pair, one counts. A replacement is
 * judged as a new order with the old one's reservation given back; until the broker has answered
 * the larger of the two is reserved.
 *
 * The trading day is the date in New York for a run with equities, the UTC date for one without.
 * Time is the recv_ns of the record in hand. Owner: the risk stage. Allocates nothing.
 */
#ifndef ATS_STAGES_RISK_GATE_H
#define ATS_STAGES_RISK_GATE_H

#include "calc/calendar.h"
#include "calc/order_table.h"
#include "calc/portfolio.h"
#include "calc/reference.h"
#include "core/symbols.h"
#include "stages/risk/covariance.h"
#include "stages/risk/limits.h"
#include "stages/risk/throttle.h"

#include <stdalign.h>

/* Strategies have ids below this: eight times what a large run has. */
#define ATS_GATE_STRATEGIES 256u

/* Latches and trips that one record may cause; limits that fall back at once take several records.
 */
#define ATS_GATE_EVENTS_MAX 8u

/* Days that the pattern-day-trader rule looks back over, today among them (FINRA Rule 4210). */
#define ATS_DAY_TRADE_DAYS 5u

typedef enum ats_latch {
    ATS_LATCH_NONE = 0,
    ATS_LATCH_HALT = 1,  /* nothing that adds exposure */
    ATS_LATCH_FREEZE = 2 /* no order at all */
} ats_latch;
const char *ats_latch_label(uint32_t latch);

/* One symbol. What every order reads comes first; sums at their worst: what the position may come
 * to when all that is open on one side fills. */
typedef struct ats_gate_symbol {
    alignas(64) int64_t bid_e9; /* of a symbol that only has bars: the close, as ask_e9 */
    int64_t ask_e9;
    int64_t market_ns; /* recv_ns of the last quote (or bar); 0 = none yet */
    int64_t open_buy_e9, open_sell_e9;
    int64_t tick_e9; /* 0: by price (ats_symbol_tick_e9) */
    int64_t lot_e9;
    uint8_t quote_flags;
    uint8_t symbol_class;
    uint8_t sector; /* 0 = not known */
    bool halted;
    bool bars_only;
    bool daily_bars;
    bool restricted;
    bool no_credit; /* must be paid for in full */

    int64_t band_low_e9, band_high_e9; /* LULD; 0 = none */
    int64_t slow_e9, slow_ns;          /* the market at least a drift window ago */
    int64_t next_slow_e9, next_slow_ns;
    int64_t rate_at_ns;
    int64_t max_volume_e9; /* largest entry by volume; INT64_MAX = any */

    ats_money_e18 gross_e18; /* largest |position| at its mark */
    ats_money_e18 short_e18; /* of the largest short position */
    ats_money_e18 up_e18;    /* position if all buys fill, with its sign */
    ats_money_e18 down_e18;  /* position if all sells fill, with its sign */

    int64_t short_restricted_until_ns; /* Rule 201 */
    int64_t opened_today_e9;           /* without sign; less what was closed again */
    uint64_t day_traded_by;            /* order that last closed what was opened today */
    uint32_t open_entries;             /* open orders that may open */
    uint32_t open_orders[2];           /* on the buy, on the sell side */
    bool may_day_trade;                /* opened today, or about to be */
    bool not_shortable;
    bool active; /* its largest |position| is not 0 */
} ats_gate_symbol;

/* The gate's side of an open order, by its place in the pool of the table. */
typedef struct ats_gate_order {
    ats_money_e18 counted_e18; /* of a buy: what it may cost */
    int64_t counted_e9;        /* of its quantity in open_buy or open_sell */
    int64_t price_e9;          /* that it is reserved at */
    uint64_t target_id;        /* a replacement that is not answered: of which order */
    uint32_t twin;             /* the one that it cancels, and that cancels it; place + 1 */
    uint32_t legs[2];          /* that wait for it to fill; place + 1 */
    uint32_t head;             /* that it waits for; place + 1 */
    uint8_t held;              /* waits for its head */
    uint8_t second;            /* of a pair: the other one counts */
    uint8_t entry;             /* may open or add to a position */
    uint8_t replaced;          /* a replacement of it is on its way */
} ats_gate_order;
static_assert(sizeof(ats_gate_order) == 64, "one line each");

typedef struct ats_gate_strategy {
    int64_t rate_at_ns;
    bool paused;
    bool tripped; /* by the throttle; until a person re-arms */
} ats_gate_strategy;

/* A latch or trip, for the tap. */
typedef struct ats_gate_event {
    uint32_t code; /* ats_env_code */
    uint32_t subject;
    int64_t value;
} ats_gate_event;

typedef struct ats_gate {
    ats_risk_limits limits;                               /* that hold now */
    ats_money_e18 gross_e18, short_e18, up_e18, down_e18; /* sums over symbols */
    ats_money_e18 no_credit_e18;                          /* part of gross_e18 */
    ats_money_e18 open_cost_e18;                          /* what open buys may cost */
    int64_t rate_at_ns;
    int64_t interval_ns, symbol_interval_ns, strategy_interval_ns; /* of the rates */
    int64_t repeat_step_ns;
    uint32_t short_bps; /* max_short of max_gross, of equity; rounded down */
    int64_t wake_ns;    /* at or after it something is due: a day, a session, a limit */
    uint64_t day_fills;
    uint32_t active_symbols;
    uint32_t latch; /* ats_latch */
    bool paused, reconciled, safe_by_hand, safe_by_drawdown;
    bool drawdown_latched, streak_told;
    bool equities; /* the run has some: the trading day is New York's */
    uint32_t event_count;
    uint32_t day;                            /* date of the trading day */
    uint32_t phase;                          /* ats_phase of the equity exchanges */
    uint32_t day_entries;                    /* equities opened today, or about to be */
    uint32_t day_trades[ATS_DAY_TRADE_DAYS]; /* today's first */
    ats_gate_event events[ATS_GATE_EVENTS_MAX];
    ats_money_e18
        unsettled_e18[2]; /* proceeds that settle on the next session, and the one after */
    ats_money_e18 sector_e18[ATS_SECTORS_MAX + 1];
    const ats_symbols *symbols;
    const ats_reference_table *reference; /* NULL or without entries: none */
    const ats_calendar *calendar;         /* of the equity exchanges */
    ats_portfolio *portfolio;
    ats_order_table *open; /* orders that passed and are not final */
    ats_gate_order *order; /* [open->capacity] */
    ats_covariance *covariance;
    ats_recent_orders *recent;
    ats_repeats *repeats;
    ats_gate_symbol *symbol; /* by symbol_id */
    int64_t day_end_ns;
    ats_segment segment;
    ats_risk_limits configured;
    ats_limit_override overrides[ATS_LIMIT_COUNT];
    uint64_t events_lost;        /* beyond ATS_GATE_EVENTS_MAX; stays 0 */
    uint64_t without_covariance; /* entries in symbols that no matrix knows */
    uint64_t fills_unknown;      /* fills of orders that did not pass here */
    uint64_t busts_refused, actions_refused;
    ats_gate_strategy strategy[ATS_GATE_STRATEGIES];
} ats_gate;

typedef struct ats_gate_config {
    const ats_symbols *symbols;
    ats_risk_limits limits;
    int64_t start_cash_e9;
    uint32_t order_capacity;              /* a power of two */
    uint32_t fills_kept;                  /* for busts; a power of two, ATS_FILLS_KEPT in a run */
    const ats_calendar *calendar;         /* of the equity exchanges; NULL: they never close */
    const ats_reference_table *reference; /* NULL: none */
} ats_gate_config;

/* What the stage knows from outside the records. */
typedef struct ats_gate_switches {
    bool killed;        /* as FREEZE, and one way */
    bool storage_short; /* tape or audit storage cannot take more */
} ats_gate_switches;

size_t ats_gate_footprint(const ats_gate_config *config);

/* Lays a gate into zeroed memory, aligned to 64. It starts reconciled, as a simulated run is. */
ats_gate *ats_gate_new(void *memory, const ats_gate_config *config);

/* Takes any market record: quotes, bars, status, corporate actions; and the time. */
void ats_gate_market(ats_gate *g, const ats_market *m);

/* Takes a command: PAUSE, RESUME, HALT, FREEZE, KILL (as FREEZE), REARM, LIMIT, SAFE_MODE,
 * COVARIANCE; others are not the gate's. REARM takes back the latch, losses in a row and the
 * throttle (strategy_id 0: of all strategies; else only that one's throttle), but neither the
 * day's drawdown nor the kill switch. */
void ats_gate_control(ats_gate *g, const ats_control *c);

/* Sets a latch that was found elsewhere: in the file of a run before, by a stage that distrusts. */
void ats_gate_latch(ats_gate *g, ats_latch latch);

/* Sums as they were at a decision: the verdict shows them, in its unit, to people. */
typedef struct ats_gate_sums {
    ats_money_e18 notional_e18, gross_e18, net_e18, short_e18, cash_e18, equity_e18, drawdown_e18;
    ats_money_e18 risk_e18;
    ats_money_e18 position_e18; /* that POSITION measured */
    uint32_t position_bps;      /* its limit; 0: it was not asked */
} ats_gate_sums;

/* Judges one NEW or REPLACE intent. A pass reserves the order's full exposure. The verdict is not
 * whole before ats_gate_explain has rounded the sums, which no order needs to wait for. */
ats_check ats_gate_judge(ats_gate *g, const ats_intent *intent, const ats_gate_switches *switches,
                         ats_verdict *verdict, ats_gate_sums *sums);
void ats_gate_explain(ats_verdict *verdict, const ats_gate_sums *sums);

/* Both: fills in *verdict, all but its header. */
ats_check ats_gate_decide(ats_gate *g, const ats_intent *intent, const ats_gate_switches *switches,
                          ats_verdict *verdict);

/* A cancel passes: it only counts. */
void ats_gate_cancel(ats_gate *g, const ats_intent *intent);

/* Takes what the broker says: books fills and their busts, releases what an ended order reserved.
 * False when the order is not one that passed here. */
bool ats_gate_exec(ats_gate *g, const ats_exec *exec);

/* Recounts every reservation, exposure and the portfolio from scratch; true when all agree. Warm.
 */
bool ats_gate_check(const ats_gate *g);

#endif
