/* limits.h: every limit of the gate, defined once.
 *
 * One table gives the C field, the key of the configuration with its range and help, and what a
 * command (ATS_CONTROL_LIMIT) may change it to. No limit has a default: one that is missing is a
 * configuration error.
 *
 * Basis points and percentages are of the account's present equity unless the help says otherwise.
 * Safe mode halves the limits of size and exposure. A command may tighten a limit as far as its
 * range goes, and loosen it to at most twice what the configuration gave.
 *
 * To add a limit, add a line here and one to each configuration of configs/.
 */
#ifndef ATS_STAGES_RISK_LIMITS_H
#define ATS_STAGES_RISK_LIMITS_H

#include "core/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATS_LIMIT_LARGER_IS_LOOSER  0x01u
#define ATS_LIMIT_SMALLER_IS_LOOSER 0x02u
#define ATS_LIMIT_HALVED            0x04u /* in safe mode */
#define ATS_LIMIT_ZERO_IS_NONE      0x08u /* 0: not checked, so the loosest of all */

/* X(id, field, C type, key, type of the configuration, least, most, flags, help) */
/* clang-format off */
#define ATS_RISK_LIMITS(X)                                                                         \
    X(COLLAR, collar_bps, uint32_t, "collar_bps", U32, 1, 5000, ATS_LIMIT_LARGER_IS_LOOSER,        \
      "largest distance of a limit beyond the opposite quote (of a stop-limit: beyond its stop)")  \
    X(MAX_DRIFT, max_drift_bps, uint32_t, "max_drift_bps", U32, 1, 10000,                          \
      ATS_LIMIT_LARGER_IS_LOOSER,                                                                  \
      "largest move of the market, over drift_window, after which it is still entered")            \
    X(DRIFT_WINDOW, drift_window_s, uint32_t, "drift_window", DURATION_S, 1, 86400,                \
      ATS_LIMIT_SMALLER_IS_LOOSER,                                                                 \
      "age of the price that max_drift_bps is measured from; it may be twice as old")              \
    X(MAX_DATA_AGE, max_data_age_ms, uint32_t, "max_data_age", DURATION_MS, 1, 3600000,            \
      ATS_LIMIT_LARGER_IS_LOOSER, "oldest quote (or bar) on which an order may be entered")        \
    X(MIN_ORDER_QTY, min_order_qty_e9, int64_t, "min_order_qty", DECIMAL, 0, ATS_VALUE_MAX_E9,     \
      ATS_LIMIT_SMALLER_IS_LOOSER, "smallest quantity of an entry, in shares, coins or contracts") \
    X(MAX_ORDER_QTY, max_order_qty_e9, int64_t, "max_order_qty", DECIMAL, 1, ATS_VALUE_MAX_E9,     \
      ATS_LIMIT_LARGER_IS_LOOSER | ATS_LIMIT_HALVED,                                               \
      "largest quantity of one order, in shares, coins or contracts")                              \
    X(MIN_ORDER_NOTIONAL, min_order_notional_e9, int64_t, "min_order_notional", DECIMAL, 0,        \
      ATS_VALUE_MAX_E9, ATS_LIMIT_SMALLER_IS_LOOSER,                                               \
      "smallest quantity x price of an entry, in currency")                                        \
    X(MAX_ORDER_NOTIONAL, max_order_notional_e9, int64_t, "max_order_notional", DECIMAL, 1,        \
      ATS_VALUE_MAX_E9, ATS_LIMIT_LARGER_IS_LOOSER | ATS_LIMIT_HALVED,                             \
      "largest quantity x price of one order, in currency")                                        \
    X(MAX_VOLUME_SHARE, max_volume_share_bps, uint32_t, "max_volume_share", PERCENT, 0, 10000,     \
      ATS_LIMIT_LARGER_IS_LOOSER | ATS_LIMIT_ZERO_IS_NONE,                                         \
      "largest entry, of the symbol's average daily volume in risk.reference; 0%: not checked")    \
    X(DUPLICATE_WINDOW, duplicate_window_ms, uint32_t, "duplicate_window", DURATION_MS, 0,         \
      3600000, ATS_LIMIT_SMALLER_IS_LOOSER,                                                        \
      "the same strategy, symbol, side, size and price again within it is refused; 0s: never")     \
    X(MAX_REPEATS, max_repeats, uint32_t, "max_repeats", U32, 1, 65535, ATS_LIMIT_LARGER_IS_LOOSER,\
      "entries of one strategy, symbol and side in repeat_window; one more stops the strategy")    \
    X(REPEAT_WINDOW, repeat_window_ms, uint32_t, "repeat_window", DURATION_MS, 8, 3600000,         \
      ATS_LIMIT_SMALLER_IS_LOOSER, "time over which max_repeats counts, in steps of an eighth")    \
    X(MAX_ORDERS, max_orders_per_s, uint32_t, "max_orders_per_s", U32, 1, 100000,                  \
      ATS_LIMIT_LARGER_IS_LOOSER,                                                                  \
      "requests a second of the account; a fifth is kept for cancels and orders that reduce")      \
    X(MAX_STRATEGY_ORDERS, max_strategy_orders_per_s, uint32_t, "max_strategy_orders_per_s", U32,  \
      1, 100000, ATS_LIMIT_LARGER_IS_LOOSER, "orders a second of one strategy")                    \
    X(MAX_SYMBOL_ORDERS, max_symbol_orders_per_s, uint32_t, "max_symbol_orders_per_s", U32, 1,     \
      100000, ATS_LIMIT_LARGER_IS_LOOSER, "orders a second of one symbol")                         \
    X(ORDER_BURST, order_burst, uint32_t, "order_burst", U32, 1, 100000,                           \
      ATS_LIMIT_LARGER_IS_LOOSER, "requests at once, for each of the three rates")                 \
    X(MAX_POSITION, max_position_bps, uint32_t, "max_position", PERCENT, 1, 100000,                \
      ATS_LIMIT_LARGER_IS_LOOSER | ATS_LIMIT_HALVED,                                               \
      "largest position in one symbol, of equity")                                                 \
    X(MAX_GROSS, max_gross_bps, uint32_t, "max_gross", PERCENT, 1, 100000,                         \
      ATS_LIMIT_LARGER_IS_LOOSER | ATS_LIMIT_HALVED,                                               \
      "largest sum of all positions without their sign, of equity")                                \
    X(MAX_NET, max_net_bps, uint32_t, "max_net", PERCENT, 1, 100000,                               \
      ATS_LIMIT_LARGER_IS_LOOSER | ATS_LIMIT_HALVED,                                               \
      "largest sum of all positions with their sign, long or short, of equity")                    \
    X(MAX_SHORT, max_short_bps, uint32_t, "max_short", PERCENT, 0, 10000,                          \
      ATS_LIMIT_LARGER_IS_LOOSER, "largest sum of short positions, of what max_gross allows; 0%: " \
      "none")                                                                                      \
    X(MAX_SECTOR, max_sector_bps, uint32_t, "max_sector", PERCENT, 1, 100000,                      \
      ATS_LIMIT_LARGER_IS_LOOSER | ATS_LIMIT_HALVED,                                               \
      "largest sum of positions in one sector of risk.reference, of equity")                       \
    X(MAX_POSITIONS, max_positions, uint32_t, "max_positions", U32, 1, 65536,                      \
      ATS_LIMIT_LARGER_IS_LOOSER, "most symbols held, or being entered, at once")                  \
    X(BUYING_POWER, buying_power_bps, uint32_t, "buying_power", PERCENT, 1, 100000,                \
      ATS_LIMIT_LARGER_IS_LOOSER,                                                                  \
      "what a margin account may hold, of equity (a cash account: its settled cash)")              \
    X(MAINTENANCE_LONG, maintenance_long_bps, uint32_t, "maintenance_long", PERCENT, 0, 10000,     \
      ATS_LIMIT_SMALLER_IS_LOOSER,                                                                 \
      "equity that long positions need, of their value, at every moment of a day")                 \
    X(MAINTENANCE_SHORT, maintenance_short_bps, uint32_t, "maintenance_short", PERCENT, 0, 100000, \
      ATS_LIMIT_SMALLER_IS_LOOSER,                                                                 \
      "equity that short positions need, of their value, at every moment of a day")                \
    X(PATTERN_DAY_TRADES, pattern_day_trades, uint32_t, "pattern_day_trades", U32, 0, 1000000,     \
      ATS_LIMIT_LARGER_IS_LOOSER,                                                                  \
      "day trades in five days of a margin account below pattern_day_equity, before 2026-06-04")   \
    X(PATTERN_DAY_EQUITY, pattern_day_equity_e9, int64_t, "pattern_day_equity", DECIMAL, 0,        \
      ATS_VALUE_MAX_E9, ATS_LIMIT_SMALLER_IS_LOOSER,                                               \
      "equity from which day trades are not counted, in currency")                                 \
    X(MAX_RISK_PER_TRADE, max_risk_per_trade_bps, uint32_t, "max_risk_per_trade", PERCENT, 1,      \
      10000, ATS_LIMIT_LARGER_IS_LOOSER | ATS_LIMIT_HALVED,                                        \
      "stop distance x size of one entry, of equity")                                              \
    X(MAX_PORTFOLIO_RISK, max_portfolio_risk_bps, uint32_t, "max_portfolio_risk", PERCENT, 1,      \
      10000, ATS_LIMIT_LARGER_IS_LOOSER | ATS_LIMIT_HALVED,                                        \
      "standard deviation of a day's profit by the covariance matrix, of equity")                  \
    X(MAX_CORRELATION, max_correlation_bps, uint32_t, "max_correlation", PERCENT, 1, 10000,        \
      ATS_LIMIT_LARGER_IS_LOOSER,                                                                  \
      "largest correlation with a position of the same direction; 100%: any")                      \
    X(MAX_DRAWDOWN, max_drawdown_bps, uint32_t, "max_drawdown", PERCENT, 1, 10000,                 \
      ATS_LIMIT_LARGER_IS_LOOSER,                                                                  \
      "loss from the day's highest equity after which nothing is opened that day")                 \
    X(SAFE_DRAWDOWN, safe_drawdown_bps, uint32_t, "safe_drawdown", PERCENT, 0, 10000,              \
      ATS_LIMIT_LARGER_IS_LOOSER | ATS_LIMIT_ZERO_IS_NONE,                                         \
      "loss from the day's highest equity that turns safe mode on for the day; 0%: none does")     \
    X(MAX_LOSS_STREAK, max_loss_streak, uint32_t, "max_loss_streak", U32, 1, 1000000,              \
      ATS_LIMIT_LARGER_IS_LOOSER,                                                                  \
      "losing round trips in a row after which nothing is opened that day")                        \
    X(MAX_DAY_TRADES, max_day_trades, uint32_t, "max_day_trades", U32, 1, 100000000,               \
      ATS_LIMIT_LARGER_IS_LOOSER, "fills a day")
/* clang-format on */

typedef enum ats_account_type {
    ATS_ACCOUNT_CASH = 0,  /* buys with settled money, sells what it has */
    ATS_ACCOUNT_MARGIN = 1 /* buys on credit, sells short */
} ats_account_type;
const char *ats_account_type_label(uint32_t type);

#define ATS_LIMIT_FIELD(id, field, ctype, ...) ctype field;
typedef struct ats_risk_limits {
    ATS_RISK_LIMITS(ATS_LIMIT_FIELD)
    uint32_t account_type; /* ats_account_type */
} ats_risk_limits;
#undef ATS_LIMIT_FIELD

#define ATS_LIMIT_ID(id, ...) ATS_LIMIT_##id,
typedef enum ats_limit_id { ATS_RISK_LIMITS(ATS_LIMIT_ID) ATS_LIMIT_COUNT } ats_limit_id;
#undef ATS_LIMIT_ID

typedef struct ats_limit {
    const char *name; /* key of the configuration; ends in its unit, or "unit" tells it */
    const char *unit; /* of ats_control.limit.value: "bps", "ms", "s", "1e-9", "count" */
    size_t offset;    /* in ats_risk_limits */
    size_t bytes;     /* 4 or 8 */
    int64_t least, most;
    uint32_t flags; /* ATS_LIMIT_* */
} ats_limit;

/* id < ATS_LIMIT_COUNT; names end at "?" and -1. */
const ats_limit *ats_limit_at(uint32_t id);
const char *ats_limit_label(uint32_t id);
int ats_limit_find(const char *name);

int64_t ats_limit_get(const ats_risk_limits *limits, uint32_t id);
void ats_limit_set(ats_risk_limits *limits, uint32_t id, int64_t value);

/* May a command set this value where the configuration has `configured`? */
bool ats_limit_allows(uint32_t id, int64_t configured, int64_t value);

/* The first limit that is not within its range: its name; NULL when all are. */
const char *ats_limits_check(const ats_risk_limits *limits);

/* Each limit at its loosest, in a margin account: for tests and benchmarks that measure others. */
void ats_limits_loosest(ats_risk_limits *out);

/* What holds: *configured with the values of `override` where `set`, and halved in safe mode. */
typedef struct ats_limit_override {
    int64_t value;
    int64_t until_ns; /* 0: for good */
    bool set;
} ats_limit_override;
void ats_limits_resolve(ats_risk_limits *out, const ats_risk_limits *configured,
                        const ats_limit_override override[ATS_LIMIT_COUNT], bool safe_mode);

#endif
