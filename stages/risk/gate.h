/* gate.h: the checks that every order passes, in one fixed order, in integers only.
 *
 * The first check that refuses gives the reason; the verdict carries what was measured and the
 * limit. A limit that is not given is a configuration error, never "unlimited". Limits in basis
 * points are of the account's present equity. Open orders count at full size from the moment they
 * pass. An order that cannot make the symbol's position larger than it may become already is not
 * held up by exposure.
 *
 * A reduce-only order (it must bring the position nearer to zero, counting the account's own open
 * orders on that side) skips the pause, the storage check, the age of the market data, duplicates,
 * exposure and the loss limits; its collar is twice as wide.
 *
 * Time is the recv_ns of the intent. Owner: the risk stage. Allocates nothing.
 */
#ifndef ATS_STAGES_RISK_GATE_H
#define ATS_STAGES_RISK_GATE_H

#include "calc/order_table.h"
#include "calc/portfolio.h"
#include "core/symbols.h"

typedef struct ats_risk_limits {
    /* per order */
    uint32_t collar_bps;      /* largest distance of a limit from the opposite quote */
    uint32_t max_data_age_ms; /* of the symbol's last quote */
    int64_t max_order_qty_e9;
    int64_t max_order_notional_e9;
    uint32_t duplicate_window_ms; /* same symbol, side, size and price again */
    uint32_t max_orders_per_s;    /* per account; a fifth is kept for reducing orders */
    uint32_t order_burst;         /* orders at once */
    /* exposure, of equity */
    uint32_t max_position_bps;
    uint32_t max_gross_bps;
    uint32_t max_short_bps;
    uint32_t max_positions;
    /* loss */
    uint32_t max_risk_per_trade_bps; /* stop distance x size */
    uint32_t max_drawdown_bps;       /* of the day's high; latches for the day */
    uint32_t max_loss_streak;        /* losing round trips in a row; for the day */
    uint32_t max_day_trades;         /* fills a day */
} ats_risk_limits;

typedef struct ats_gate_symbol {
    int64_t bid_e9, ask_e9;
    int64_t quote_ns; /* recv_ns of the last quote; 0 = none yet */
    int64_t open_buy_e9, open_sell_e9;
    int64_t last_ns, last_qty_e9, last_limit_e9; /* last order that passed */
    uint8_t last_side;
    uint8_t quote_flags;
    bool halted;
} ats_gate_symbol;

typedef struct ats_gate {
    ats_risk_limits limits;
    const ats_symbols *symbols;
    ats_portfolio *portfolio;
    ats_order_table *open; /* orders that passed and are not final */
    ats_money_e18 open_notional_e18;
    ats_money_e18 open_sell_notional_e18;
    int64_t rate_at_ns; /* theoretical arrival time (GCRA, ITU-T I.371) */
    int64_t day_end_ns; /* the first record at or after it begins a new trading day */
    uint64_t day_fills;
    bool drawdown_latched;
    ats_gate_symbol *symbol; /* by symbol_id */
} ats_gate;

/* What the stage knows from outside the records. */
typedef struct ats_gate_switches {
    bool killed;
    bool paused;
    bool storage_short; /* tape or audit storage cannot take more */
} ats_gate_switches;

size_t ats_gate_footprint(uint32_t symbol_count, uint32_t order_capacity);
ats_gate *ats_gate_new(void *memory, const ats_symbols *symbols, const ats_risk_limits *limits,
                       int64_t start_cash_e9, uint32_t order_capacity);

/* Takes a quote, trade or status. */
void ats_gate_market(ats_gate *g, const ats_market *m);

/* Decides one NEW intent; fills in *verdict (all but its header). A pass reserves the order's full
 * exposure. */
ats_check ats_gate_decide(ats_gate *g, const ats_intent *intent, const ats_gate_switches *switches,
                          ats_verdict *verdict);

/* Takes what the broker says: books fills, releases what an ended order reserved. False when the
 * order is not one that passed here. */
bool ats_gate_exec(ats_gate *g, const ats_exec *exec);

#endif
