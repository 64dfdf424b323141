#include "core/record.h"

#define LABEL_OF(table, value)                                                                     \
    ((value) < sizeof(table) / sizeof((table)[0]) && (table)[value] ? (table)[value] : "?")

static const char *const KIND_LABELS[] = {
    "none",  "quote",    "trade",    "bar",    "book_level", "status",  "corporate_action",
    "clock", "end",      "features", "signal", "intent",     "verdict", "order",
    "exec",  "position", "control",  "env"};
static_assert(sizeof(KIND_LABELS) / sizeof(KIND_LABELS[0]) == ATS_KIND_COUNT, "a label a kind");

static const char *const REASON_LABELS[] = {
    "none",         "entry_long",  "entry_short",   "exit_signal", "exit_stop",    "exit_time",
    "exit_session", "exit_target", "exit_trailing", "exit_rule",   "exit_flatten", "protect"};
static_assert(sizeof(REASON_LABELS) / sizeof(REASON_LABELS[0]) == ATS_REASON_COUNT,
              "a label a reason");

static const char *const CONTROL_LABELS[] = {"none",    "pause", "resume",    "kill",
                                             "model",   "halt",  "freeze",    "rearm",
                                             "flatten", "limit", "safe_mode", "covariance"};
static_assert(sizeof(CONTROL_LABELS) / sizeof(CONTROL_LABELS[0]) == ATS_CONTROL_COUNT,
              "a label a command");

static const char *const CHECK_LABELS[] = {"pass",
                                           "unknown_symbol",
                                           "malformed",
                                           "instrument",
                                           "killed",
                                           "halt_latch",
                                           "paused",
                                           "strategy_paused",
                                           "tap_credit",
                                           "unreconciled",
                                           "session",
                                           "restricted",
                                           "no_market",
                                           "stale_market",
                                           "halted",
                                           "luld_band",
                                           "crossed",
                                           "tick",
                                           "stop_side",
                                           "leg_price",
                                           "collar",
                                           "drift",
                                           "lot",
                                           "min_qty",
                                           "max_qty",
                                           "min_notional",
                                           "max_notional",
                                           "volume_share",
                                           "duplicate",
                                           "throttle",
                                           "rate_symbol",
                                           "rate_strategy",
                                           "rate",
                                           "self_match",
                                           "replace_target",
                                           "not_reducing",
                                           "position",
                                           "gross",
                                           "net",
                                           "short",
                                           "concentration",
                                           "position_count",
                                           "buying_power",
                                           "settled_cash",
                                           "shortable",
                                           "short_lot",
                                           "short_sale_rule",
                                           "through_zero",
                                           "pattern_day_trade",
                                           "intraday_margin",
                                           "risk_per_trade",
                                           "portfolio_risk",
                                           "correlation",
                                           "drawdown",
                                           "loss_streak",
                                           "day_trades",
                                           "order_table_full"};
static_assert(sizeof(CHECK_LABELS) / sizeof(CHECK_LABELS[0]) == ATS_CHECK_COUNT, "a label a check");

static const char *const ENV_LABELS[] = {"none",
                                         "killed",
                                         "tap_short",
                                         "tap_clear",
                                         "disk_short",
                                         "disk_clear",
                                         "halted",
                                         "frozen",
                                         "rearmed",
                                         "paused",
                                         "resumed",
                                         "throttle",
                                         "drawdown",
                                         "loss_streak",
                                         "safe_mode",
                                         "limit",
                                         "limit_refused",
                                         "covariance",
                                         "covariance_refused",
                                         "action_refused",
                                         "bust_unknown",
                                         "strategy_suspended",
                                         "kill_done"};
static_assert(sizeof(ENV_LABELS) / sizeof(ENV_LABELS[0]) == ATS_ENV_COUNT, "a label a code");

static const char *const ORDER_STATE_LABELS[] = {"new",
                                                 "journaled",
                                                 "sent",
                                                 "accepted",
                                                 "partial",
                                                 "pending_cancel",
                                                 "unknown",
                                                 "filled",
                                                 "canceled",
                                                 "rejected",
                                                 "expired",
                                                 "replaced",
                                                 "pending_replace",
                                                 "cancel_unknown",
                                                 "replace_unknown",
                                                 "held"};
static_assert(sizeof(ORDER_STATE_LABELS) / sizeof(ORDER_STATE_LABELS[0]) == ATS_ORDER_STATE_COUNT,
              "a label a state");

static const char *const EXEC_TYPE_LABELS[] = {
    0,           "accepted",        "rejected", "fill",     "canceled",
    "expired",   "cancel_rejected", "refused",  "replaced", "replace_rejected",
    "triggered", "busted",          "corrected"};
static_assert(sizeof(EXEC_TYPE_LABELS) / sizeof(EXEC_TYPE_LABELS[0]) == ATS_EXEC_TYPE_COUNT,
              "a label a type");

static const char *const SOURCE_LABELS[] = {
    "none", "synth", "taq-csv", "binance-ws", "bar-file", "alpaca", "polygon", "tiingo", "iex"};
static_assert(sizeof(SOURCE_LABELS) / sizeof(SOURCE_LABELS[0]) == ATS_SOURCE_COUNT,
              "a label a source");

static const char *const ORDER_TYPE_LABELS[] = {0,      "limit",      "market",
                                                "stop", "stop_limit", "trailing_stop"};
static const char *const TIF_LABELS[] = {0, "day", "ioc", "fok", "gtc", "opg", "cls"};
static const char *const ORDER_CLASS_LABELS[] = {"simple", "bracket", "oco", "oto"};

const char *ats_order_type_label(uint32_t type)
{
    return LABEL_OF(ORDER_TYPE_LABELS, type);
}

const char *ats_tif_label(uint32_t tif)
{
    return LABEL_OF(TIF_LABELS, tif);
}

const char *ats_order_class_label(uint32_t order_class)
{
    return LABEL_OF(ORDER_CLASS_LABELS, order_class);
}

const char *ats_kind_label(uint32_t kind)
{
    return LABEL_OF(KIND_LABELS, kind);
}

const char *ats_control_label(uint32_t code)
{
    return LABEL_OF(CONTROL_LABELS, code);
}

const char *ats_reason_label(uint32_t reason)
{
    return LABEL_OF(REASON_LABELS, reason);
}

const char *ats_check_label(uint32_t check)
{
    return LABEL_OF(CHECK_LABELS, check);
}

const char *ats_env_label(uint32_t code)
{
    return LABEL_OF(ENV_LABELS, code);
}

const char *ats_order_state_label(uint32_t state)
{
    return LABEL_OF(ORDER_STATE_LABELS, state);
}

const char *ats_exec_type_label(uint32_t type)
{
    return LABEL_OF(EXEC_TYPE_LABELS, type);
}

const char *ats_source_label(uint32_t source)
{
    return LABEL_OF(SOURCE_LABELS, source);
}
