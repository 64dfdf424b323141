#include "stages/config_parts.h"

#include "core/record.h"
#include "io/codec/decimal.h"
#include "stages/feature/benchmarks.h"
#include "stages/infer/infer.h"
#include "stages/strategy/execution.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- the table ------------------------------------------------------------------------------ */

#define MS_NS     1000000ll
#define SECOND_NS 1000000000ll
#define HOUR_NS   (3600 * SECOND_NS)
#define DAY_S     86400ll
#define HOUR_MS   3600000ll
#define PERCENT   100ll /* in basis points */

#define AT(field) offsetof(ats_run_config, field)

const char *ats_model_backend_label(uint32_t backend)
{
    static const char *const LABELS[] = {"auto", "cpu", "gpu"};
    return backend <= ATS_BACKEND_GPU ? LABELS[backend] : "?";
}

static const char *tape_label(uint32_t mode)
{
    return mode == ATS_TAPE_FULL ? "full" : "reference";
}

static const char *conflicts_label(uint32_t policy)
{
    return policy == ATS_CONFLICT_FIRST ? "first" : "same_side";
}

static const char *protect_label(uint32_t policy)
{
    static const char *const LABELS[] = {"stop", "watch", "bracket"};
    return policy <= ATS_PROTECT_BRACKET ? LABELS[policy] : "?";
}

static const char *isa_label(uint32_t choice)
{
    return choice == ATS_MODEL_ISA_AUTO ? "auto" : ats_isa_label(choice - 1);
}

/* The limits are defined in stages/risk/limits.h; none has a default. */
#define LIMIT_KEY(id, field, ctype, key, type, least, most, flags, help)                           \
    {"risk", key, ATS_CONFIG_##type, AT(limits.field), least, most, NULL, help},

/* Ranges catch slips of the hand (a limit a thousand times too large), not taste. */
static const ats_config_key KEYS[] = {
    {"account", "start_cash", ATS_CONFIG_DECIMAL, AT(start_cash_e9), ATS_E9, ATS_VALUE_MAX_E9,
     "100000", "cash of the account at the start of a simulated run, in its currency"},
    {"account", "id", ATS_CONFIG_U32, AT(account_id), 1, UINT32_MAX, "1",
     "number of the account; part of every order id"},

    {"model", "path", ATS_CONFIG_PATH, AT(model_path), 0, 0, "",
     "model to score with, relative to this file; \"\" scores nothing"},
    {"model", "schedule", ATS_CONFIG_PATH, AT(model_schedule_path), 0, 0, "",
     "lines of \"UTC time,model file\": from then on that model scores; \"\": none"},
    {"model", "shadow", ATS_CONFIG_PATH, AT(model_shadow_path), 0, 0, "",
     "model on trial: scores beside, decides nothing, and is compared; \"\": none"},
    {"model", "backend", ATS_CONFIG_CHOICE, AT(model_backend), ATS_BACKEND_AUTO, ATS_BACKEND_GPU,
     "auto", "auto: a GPU from as many rows on as it wins by, measured at the start; else the CPU"},
    {"model", "gpu_deadline", ATS_CONFIG_DURATION_NS, AT(gpu_deadline_ns), 5000, SECOND_NS, "100us",
     "time a GPU has for a batch; after it the CPU scores the batch"},
    {"model", "isa", ATS_CONFIG_CHOICE, AT(model_isa), ATS_MODEL_ISA_AUTO, ATS_ISA_COUNT, "auto",
     "instructions to score with; auto: the fastest that this machine has"},
    {"model", "incremental", ATS_CONFIG_BOOL, AT(model_incremental), 0, 1, "false",
     "remember each symbol's last row and quantise only what changed; the scores are the same"},
    {"model", "batch_limit", ATS_CONFIG_U32, AT(batch_limit), 1, ATS_INFER_BATCH_MAX, "16",
     "most waiting vectors that are scored at once; infer never waits for more"},

    {"feed", "clock_interval", ATS_CONFIG_DURATION_NS, AT(clock_interval_ns), 0, HOUR_NS, "1s",
     "a CLOCK record at every multiple of it, so that timers fire in quiet markets; 0s: none"},

    {"calendar", "file", ATS_CONFIG_PATH, AT(calendar_path), 0, 0, "",
     "market calendar, relative to this file; \"\": the built-in one of the US exchanges"},
    {"features", "timeframes", ATS_CONFIG_TIMEFRAMES, AT(features), 0, 0, "1m,5m,15m,1h",
     "bars that features are made of, ascending; a model must have been trained on the same"},
    {"features", "index", ATS_CONFIG_TEXT, AT(features.index), 0, ATS_INDEX_BYTES, "",
     "symbol that the index features are measured against; \"\": none"},
    {"features", "sectors", ATS_CONFIG_SECTORS, AT(features.sectors), 0, ATS_BENCHMARKS_BYTES, "",
     "sector symbols and their members: \"XLK: AAPL MSFT; XLF: JPM\""},

    {"data", "mode", ATS_CONFIG_CHOICE, AT(data.mode), ATS_DATA_LENIENT, ATS_DATA_STRICT, "lenient",
     "strict: a symbol whose data cannot be trusted is not entered until it was good for a while"},
    {"data", "outlier_z", ATS_CONFIG_DECIMAL, AT(data.outlier_z_e9), 3 * ATS_E9, 1000 * ATS_E9,
     "10", "robust z of a price, against its last 31 changes, from which it is an outlier"},
    {"data", "outlier_floor_bps", ATS_CONFIG_U32, AT(data.outlier_floor_bps), 0, 1000, "1",
     "least MAD, of the median; a tick is added, so that a quiet market flags none"},
    {"data", "gap_after", ATS_CONFIG_DURATION_NS, AT(data.gap_after_ns), 0, 24 * HOUR_NS, "60s",
     "silence of a symbol in a regular session that is a gap; 0s: none is"},
    {"data", "stale_after", ATS_CONFIG_DURATION_NS, AT(data.stale_after_ns), 0, 24 * HOUR_NS, "30s",
     "a quote so old while trades go on is stale; 0s: none is"},
    {"data", "crossed_after", ATS_CONFIG_DURATION_NS, AT(data.crossed_after_ns), 0, HOUR_NS, "1s",
     "how long a market may be crossed in a regular session"},
    {"data", "good_for", ATS_CONFIG_DURATION_NS, AT(data.good_for_ns), MS_NS, 24 * HOUR_NS, "10s",
     "time without a fault after which a quarantine ends"},
    {"data", "jump_tolerance_bps", ATS_CONFIG_U32, AT(data.jump_tolerance_bps), 0, 1000, "200",
     "nearness of an open to a split's ratio to the last close that is told; 0: none is"},

    {"strategy", "conflicts", ATS_CONFIG_CHOICE, AT(strategy.rules.conflicts), ATS_CONFLICT_FIRST,
     ATS_CONFLICT_SAME_SIDE, "first",
     "several strategies and one symbol: first, it is the first one's; same_side, all long or all "
     "short"},
    {"strategy", "protect", ATS_CONFIG_CHOICE, AT(strategy.rules.protect), ATS_PROTECT_STOP,
     ATS_PROTECT_BRACKET, "stop",
     "what rests at the broker for a position: a stop, nothing (watch), or stop and target "
     "(bracket)"},
    {"strategy", "rank", ATS_CONFIG_BOOL, AT(strategy.rules.rank), 0, 1, "false",
     "wishes of one moment compete, the best are taken; false: first come, first served"},
    {"strategy", "max_positions", ATS_CONFIG_U32, AT(strategy.rules.max_positions), 1, 65536, "30",
     "most positions and entries at work at once, of all strategies"},
    {"strategy", "max_spread_bps", ATS_CONFIG_U32, AT(strategy.rules.max_spread_bps), 1, 20000,
     "10", "widest spread, of the mid, at which a position is entered"},
    {"strategy", "cooldown", ATS_CONFIG_DURATION_MS, AT(strategy.rules.cooldown_ms), 0,
     24 * HOUR_MS, "500ms",
     "rest of a symbol after an exit and after an entry that came to nothing"},
    {"strategy", "avoid_open", ATS_CONFIG_DURATION_S, AT(strategy.rules.avoid_open_s), 0, 4 * 3600,
     "2m", "no entry so soon after the session's open"},
    {"strategy", "avoid_close", ATS_CONFIG_DURATION_S, AT(strategy.rules.avoid_close_s), 0,
     4 * 3600, "5m", "no entry so near the session's close"},
    {"strategy", "flat_before_close", ATS_CONFIG_DURATION_S, AT(strategy.rules.flat_before_close_s),
     0, 4 * 3600, "15m",
     "positions are left so long before the close, but those meant for days; 0s: never"},
    {"strategy", "call_budget", ATS_CONFIG_DURATION_NS, AT(strategy.rules.call_budget_ns), 0,
     SECOND_NS, "0s", "longest time of one call of a strategy; 0s: not measured"},
    {"strategy", "max_overruns", ATS_CONFIG_U32, AT(strategy.rules.overruns_max), 0, 1000000, "10",
     "a strategy that overran its budget more often opens nothing more"},
    {"sizing", "notional", ATS_CONFIG_DECIMAL, AT(strategy.sizing.notional_e9), 0, ATS_VALUE_MAX_E9,
     "0", "size of every entry, in currency; 0: by risk"},
    {"sizing", "risk_per_trade", ATS_CONFIG_PERCENT, AT(strategy.sizing.risk_per_trade_bps), 1,
     100 * PERCENT, "0.4%", "of equity, what an entry loses at its stop"},
    {"sizing", "min_notional", ATS_CONFIG_DECIMAL, AT(strategy.sizing.min_notional_e9), 0,
     ATS_VALUE_MAX_E9, "1000", "a smaller entry is not made, in currency"},
    {"sizing", "max_notional", ATS_CONFIG_DECIMAL, AT(strategy.sizing.max_notional_e9), 1,
     ATS_VALUE_MAX_E9, "10000", "largest entry, in currency"},
    {"sizing", "volatility", ATS_CONFIG_PERCENT, AT(strategy.sizing.volatility_bps), 0,
     100 * PERCENT, "0%", "entries of symbols that move more in a day are smaller; 0%: not scaled"},
    {"sizing", "confidence", ATS_CONFIG_BOOL, AT(strategy.sizing.confidence), 0, 1, "false",
     "scale an entry by its confidence, whole from 0.75 on"},
    {"sizing", "kelly_cap", ATS_CONFIG_PERCENT, AT(strategy.sizing.kelly_cap_bps), 0, 100 * PERCENT,
     "0%",
     "most of the Kelly fraction of equity, where confidence and target are told; 0%: not capped"},
    {"sizing", "correlation_penalty", ATS_CONFIG_PERCENT, AT(strategy.sizing.correlation_bps), 0,
     100 * PERCENT, "0%",
     "how much smaller at a correlation of 1 with a position of the same side"},
    {"exits", "atr_multiple", ATS_CONFIG_DECIMAL, AT(strategy.exits.atr_multiple_e9), 1,
     100 * ATS_E9, "2", "distance of the stop, of the average true range"},
    {"exits", "low_factor", ATS_CONFIG_DECIMAL, AT(strategy.exits.low_factor_e9), 1, 10 * ATS_E9,
     "0.8", "of that distance in quiet markets"},
    {"exits", "high_factor", ATS_CONFIG_DECIMAL, AT(strategy.exits.high_factor_e9), 1, 10 * ATS_E9,
     "1.2", "of that distance in wild markets"},
    {"exits", "low_ratio", ATS_CONFIG_DECIMAL, AT(strategy.exits.low_ratio_e9), 0, 10 * ATS_E9,
     "0.75", "volatility over its slow average below which a market is quiet"},
    {"exits", "high_ratio", ATS_CONFIG_DECIMAL, AT(strategy.exits.high_ratio_e9), 1, 100 * ATS_E9,
     "1.5", "volatility over its slow average above which a market is wild"},
    {"exits", "min_stop_bps", ATS_CONFIG_U32, AT(strategy.exits.min_stop_bps), 1, 5000, "50",
     "least distance of a stop, of the price"},
    {"exits", "max_stop_bps", ATS_CONFIG_U32, AT(strategy.exits.max_stop_bps), 1, 9000, "300",
     "largest distance of a stop, of the price"},
    {"exits", "target_multiple", ATS_CONFIG_DECIMAL, AT(strategy.exits.target_multiple_e9), 0,
     100 * ATS_E9, "0", "distance of the profit target, of the stop's; 0: no target"},
    {"exits", "trail_multiple", ATS_CONFIG_DECIMAL, AT(strategy.exits.trail_multiple_e9), 0,
     100 * ATS_E9, "0",
     "distance at which the stop follows, of the average true range; 0: it stays"},
    {"exits", "max_hold", ATS_CONFIG_DURATION_S, AT(strategy.exits.max_hold_s), 0, 365 * DAY_S,
     "0s", "longest time in a position; 0s: any"},
    {"execution", "algorithm", ATS_CONFIG_CHOICE, AT(strategy.execution.algorithm),
     ATS_ALGORITHM_AUTO, ATS_ALGORITHM_PEG, "auto",
     "how orders are worked; auto: by impact and urgency"},
    {"execution", "urgent", ATS_CONFIG_PERCENT, AT(strategy.execution.urgent_bps), 0, 100 * PERCENT,
     "70%", "urgency above which the spread is paid at once"},
    {"execution", "impact", ATS_CONFIG_PERCENT, AT(strategy.execution.impact_bps), 1,
     1000 * PERCENT, "10%", "order of the volume expected in the horizon, from which it is sliced"},
    {"execution", "horizon", ATS_CONFIG_DURATION_S, AT(strategy.execution.horizon_s), 1, DAY_S,
     "10m", "time over which volume is expected, and in which an iceberg or slices end"},
    {"execution", "cross_bps", ATS_CONFIG_U32, AT(strategy.execution.cross_bps), 0, 1000, "2",
     "how far beyond the opposite quote the limit of an order that crosses lies"},
    {"execution", "offset_bps", ATS_CONFIG_U32, AT(strategy.execution.offset_bps), 0, 1000, "5",
     "most that a resting limit lies inside the mid"},
    {"execution", "timeout", ATS_CONFIG_DURATION_MS, AT(strategy.execution.timeout_ms), 1,
     24 * HOUR_MS, "60s", "an order that rests longer is cancelled"},
    {"execution", "accept_partial", ATS_CONFIG_PERCENT, AT(strategy.execution.accept_partial_bps),
     0, 100 * PERCENT, "80%", "an entry filled so far is done when its order ends"},
    {"execution", "entry_attempts", ATS_CONFIG_U32, AT(strategy.execution.entry_attempts), 1, 100,
     "2", "orders of one entry, each more eager; then it is given up"},
    {"execution", "exit_attempts", ATS_CONFIG_U32, AT(strategy.execution.exit_attempts), 1, 100,
     "3", "orders of one exit, each more eager; then a market order"},
    {"execution", "twap_duration", ATS_CONFIG_DURATION_S, AT(strategy.execution.twap_duration_s), 1,
     DAY_S, "10m", "time of a TWAP"},
    {"execution", "twap_slices", ATS_CONFIG_U32, AT(strategy.execution.twap_slices), 1, 1000, "10",
     "its parts"},
    {"execution", "iceberg_display", ATS_CONFIG_PERCENT, AT(strategy.execution.iceberg_display_bps),
     1, 100 * PERCENT, "20%", "part of an iceberg that is shown"},
    {"execution", "slice_interval", ATS_CONFIG_DURATION_S, AT(strategy.execution.slice_interval_s),
     1, DAY_S, "30s", "time between two slices"},
    {"execution", "participation", ATS_CONFIG_PERCENT, AT(strategy.execution.participation_bps), 1,
     100 * PERCENT, "10%", "size of a slice, of the volume expected in its interval"},
    {"execution", "peg_interval", ATS_CONFIG_DURATION_MS, AT(strategy.execution.peg_interval_ms), 1,
     HOUR_MS, "1s", "least time between two prices of a peg"},

    {"risk", "account_type", ATS_CONFIG_CHOICE, AT(limits.account_type), ATS_ACCOUNT_CASH,
     ATS_ACCOUNT_MARGIN, NULL,
     "cash: buys with settled money and sells what it has; margin: credit and short sales"},
    ATS_RISK_LIMITS(LIMIT_KEY){"risk", "reference", ATS_CONFIG_PATH, AT(reference_path), 0, 0, "",
                               "table of volumes, sectors and broker's flags by symbol, relative "
                               "to this file; \"\": none"},
    {"risk", "latch", ATS_CONFIG_PATH, AT(latch_path), 0, 0, "",
     "file in which a latch outlives the run, until `ats rearm`; \"\": latches end with the run"},
    {"risk", "covariance", ATS_CONFIG_PATH, AT(covariance_path), 0, 0, "",
     "covariances of daily returns that portfolio risk and correlation begin with; \"\": none"},

    {"venue", "seed", ATS_CONFIG_U64, AT(venue.seed), 0, INT64_MAX, "1",
     "of the simulated venue's latencies, refusals and losses"},
    {"venue", "out_latency", ATS_CONFIG_DURATION_NS, AT(venue.out_base_ns), 0, 60 * SECOND_NS,
     "150us", "an order's way to the simulated venue"},
    {"venue", "out_jitter", ATS_CONFIG_DURATION_NS, AT(venue.out_jitter_ns), 0, 60 * SECOND_NS,
     "100us", "most that is added to it"},
    {"venue", "out_tail", ATS_CONFIG_DURATION_NS, AT(venue.out_tail_ns), 0, SECOND_NS, "0s",
     "median of a lognormal tail that is added, 11 times it at most; 0s: none"},
    {"venue", "back_latency", ATS_CONFIG_DURATION_NS, AT(venue.back_base_ns), 0, 60 * SECOND_NS,
     "150us", "an answer's way back"},
    {"venue", "back_jitter", ATS_CONFIG_DURATION_NS, AT(venue.back_jitter_ns), 0, 60 * SECOND_NS,
     "100us", "most that is added to it"},
    {"venue", "back_tail", ATS_CONFIG_DURATION_NS, AT(venue.back_tail_ns), 0, SECOND_NS, "0s",
     "median of a lognormal tail that is added, 11 times it at most; 0s: none"},
    {"venue", "fee_per_unit", ATS_CONFIG_DECIMAL, AT(venue.fee_per_unit_e9), 0, 1000 * ATS_E9,
     "0.0005", "fee of a fill for each share, coin or contract, in currency"},
    {"venue", "fee_bps", ATS_CONFIG_DECIMAL, AT(venue.fee_bps_e9), 0, 1000 * ATS_E9, "0",
     "fee of a fill in basis points of its notional"},
    {"venue", "sell_fee_per_unit", ATS_CONFIG_DECIMAL, AT(venue.sell_fee_per_unit_e9), 0,
     1000 * ATS_E9, "0", "the same again of a sale (as FINRA's TAF is), in currency"},
    {"venue", "sell_fee_bps", ATS_CONFIG_DECIMAL, AT(venue.sell_fee_bps_e9), 0, 1000 * ATS_E9, "0",
     "the same again of a sale (as the SEC's fee is)"},
    {"venue", "book_levels", ATS_CONFIG_U32, AT(venue.book_levels), 0, ATS_VENUE_LEVELS_MAX, "0",
     "levels of the displayed size that a market order finds beyond it; 0: it takes what is shown"},
    {"venue", "queue", ATS_CONFIG_BOOL, AT(venue.queue), 0, 1, "false",
     "keep a resting order's place in the queue; false: it fills only when traded through"},
    {"venue", "trade_share", ATS_CONFIG_PERCENT, AT(venue.trade_share_bps), 1, 100 * PERCENT,
     "100%", "most of a trade that resting orders take of it"},
    {"venue", "bar_share", ATS_CONFIG_PERCENT, AT(venue.bar_share_bps), 0, 100 * PERCENT, "10%",
     "most of a bar's volume that fills; 0%: any size, for volumes that are tick counts"},
    {"venue", "bar_slippage_bps", ATS_CONFIG_U32, AT(venue.bar_slippage_bps), 0, 1000, "2",
     "how much worse than the bar's price market and stop orders fill"},
    {"venue", "reject_share", ATS_CONFIG_PERCENT, AT(venue.reject_share_bps), 0, 100 * PERCENT,
     "0%", "of orders that are refused by chance"},
    {"venue", "lost_share", ATS_CONFIG_PERCENT, AT(venue.lost_share_bps), 0, 50 * PERCENT, "0%",
     "of answers that do not come until they are asked for"},
    {"venue", "answer_timeout", ATS_CONFIG_DURATION_NS, AT(venue.answer_timeout_ns), 0, HOUR_NS,
     "5s", "an order without an answer for so long is unknown and asked for; 0s: never"},
    {"venue", "ask_interval", ATS_CONFIG_DURATION_NS, AT(venue.ask_interval_ns), 0, 24 * HOUR_NS,
     "30s", "how often a resting order is asked for where answers are lost; 0s: never"},
    {"venue", "hard_to_borrow", ATS_CONFIG_TEXT, AT(venue.hard_to_borrow), 0,
     ATS_HARD_TO_BORROW_MAX, "", "symbols, between blanks, that cannot be sold short"},
    {"venue", "open_orders", ATS_CONFIG_POWER, AT(venue.order_capacity), 16, 65536, "1024",
     "most orders that are open or on their way"},

    {"run", "tape", ATS_CONFIG_CHOICE, AT(tape), ATS_TAPE_FULL, ATS_TAPE_REFERENCE, "full",
     "full: the tape holds the chain input; reference: it names the input files and their hashes"},
    {"run", "commands", ATS_CONFIG_PATH, AT(commands_path), 0, 0, "",
     "lines of \"UTC time,command\", such as pause, halt, flatten or limit; \"\": none"},
    {"run", "realtime_priority", ATS_CONFIG_U32, AT(realtime_priority), 0, 99, "0",
     "SCHED_FIFO priority of pinned threads; 0: ordinary scheduling"},
    {"run", "threads", ATS_CONFIG_THREADS, AT(threads), 0, 0, "fused",
     "which thread runs which stages, where, and how it waits"},
};
#define KEY_COUNT (sizeof KEYS / sizeof KEYS[0])
static_assert(KEY_COUNT <= ATS_CONFIG_KEYS_MAX, "room for every key");

uint32_t ats_config_key_count(void)
{
    return KEY_COUNT;
}

const ats_config_key *ats_config_key_at(uint32_t key)
{
    assert(key < KEY_COUNT);
    return &KEYS[key];
}

const char *ats_config_key_section(uint32_t key)
{
    return ats_config_key_at(key)->section;
}

const char *ats_config_key_name(uint32_t key)
{
    return ats_config_key_at(key)->name;
}

const char *ats_config_key_help(uint32_t key)
{
    return ats_config_key_at(key)->help;
}

int ats_config_key_find(const char *section, const char *name)
{
    for (uint32_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(KEYS[i].section, section) == 0 && strcmp(KEYS[i].name, name) == 0)
            return (int)i;
    return -1;
}

const char *ats_config_section(uint32_t i)
{
    for (uint32_t k = 0; k < KEY_COUNT; k++)
        if (k == 0 || strcmp(KEYS[k].section, KEYS[k - 1].section) != 0)
            if (i-- == 0)
                return KEYS[k].section;
    return NULL;
}

/* ---- text to value -------------------------------------------------------------------------- */

typedef struct unit {
    const char *name;
    int64_t ns;
} unit;

/* Ascending. */
static const unit UNITS[] = {{"ns", 1},        {"us", 1000},          {"ms", MS_NS},
                             {"s", SECOND_NS}, {"m", 60 * SECOND_NS}, {"h", HOUR_NS}};
#define UNIT_COUNT (sizeof UNITS / sizeof UNITS[0])

static int64_t step_ns(ats_config_type type)
{
    return type == ATS_CONFIG_DURATION_NS ? 1 : type == ATS_CONFIG_DURATION_MS ? MS_NS : SECOND_NS;
}

static const char *read_decimal(const char *text, size_t length, int64_t *out)
{
    switch (ats_decimal_e9(text, length, out)) {
    case ATS_DECIMAL_OK:
        return NULL;
    case ATS_DECIMAL_RANGE:
        return "is too large";
    case ATS_DECIMAL_PRECISION:
        return "has more than nine decimal places";
    default:
        return "is not a decimal number";
    }
}

static const char *read_integer(const char *text, int64_t *out)
{
    switch (ats_decimal_i64(text, strlen(text), out)) {
    case ATS_DECIMAL_OK:
        return NULL;
    case ATS_DECIMAL_RANGE:
        return "is too large";
    default:
        return "is not a whole number";
    }
}

/* ".25" in 1e-9. */
static bool read_fraction(const char *text, size_t length, int64_t *out)
{
    char zero[ATS_DECIMAL_BYTES];
    if (length + 2 > sizeof zero)
        return false;
    int n = snprintf(zero, sizeof zero, "0%.*s", (int)length, text);
    return ats_decimal_e9(zero, (size_t)n, out) == ATS_DECIMAL_OK;
}

/* Whole numbers of any size: 60000000000ns is beyond what decimals of money hold. */
static const char *read_duration(const char *text, int64_t step, int64_t *out)
{
    size_t number = strspn(text, "0123456789.");
    int64_t whole_units, fraction_e9 = 0;
    size_t digits = strspn(text, "0123456789");
    if (ats_decimal_i64(text, digits, &whole_units) != ATS_DECIMAL_OK ||
        (number > digits && !read_fraction(text + digits, number - digits, &fraction_e9)))
        return "is not a duration";
    if (!text[number])
        return "has no unit (ns, us, ms, s, m or h)";
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (strcmp(text + number, UNITS[i].name) != 0)
            continue;
        __int128 e9 = ((__int128)whole_units * ATS_E9 + fraction_e9) * UNITS[i].ns;
        __int128 whole = (__int128)step * ATS_E9;
        if (e9 % whole)
            return step == 1       ? "is no whole number of ns"
                   : step == MS_NS ? "is no whole number of ms"
                                   : "is no whole number of s";
        if (e9 / whole > INT64_MAX)
            return "is too large";
        *out = (int64_t)(e9 / whole);
        return NULL;
    }
    return "has an unknown unit (ns, us, ms, s, m or h)";
}

static const char *read_percent(const char *text, int64_t *out)
{
    size_t length = strlen(text);
    int64_t value_e9;
    if (length == 0 || text[length - 1] != '%')
        return "is no percentage";
    const char *why = read_decimal(text, length - 1, &value_e9);
    if (why)
        return why;
    if (value_e9 % (ATS_E9 / PERCENT))
        return "is finer than 0.01%";
    *out = value_e9 / (ATS_E9 / PERCENT);
    return NULL;
}

static bool two_digits(const char *text, int *out)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return false;
    *out = (text[0] - '0') * 10 + text[1] - '0';
    return true;
}

static const char *read_time(const char *text, int64_t *out)
{
    size_t length = strlen(text);
    int h, m, s = 0;
    if (strcmp(text, "never") == 0) {
        *out = -1;
        return NULL;
    }
    if ((length != 5 && length != 8) || !two_digits(text, &h) || text[2] != ':' ||
        !two_digits(text + 3, &m) || (length == 8 && (text[5] != ':' || !two_digits(text + 6, &s))))
        return "is no time of day";
    if (h > 23 || m > 59 || s > 59)
        return "is no time of day";
    *out = h * 3600 + m * 60 + s;
    return NULL;
}

static const struct {
    const char *section, *name;
    const char *(*label)(uint32_t value); /* word of each value from the key's least to its most */
} CHOICES[] = {
    {"model", "backend", ats_model_backend_label},    {"model", "isa", isa_label},
    {"strategy", "conflicts", conflicts_label},       {"strategy", "protect", protect_label},
    {"execution", "algorithm", ats_algorithm_label},  {"data", "mode", ats_data_mode_label},
    {"risk", "account_type", ats_account_type_label}, {"run", "tape", tape_label},
};

static const char *choice_label(const ats_config_key *key, int64_t value)
{
    for (size_t i = 0; i < sizeof CHOICES / sizeof CHOICES[0]; i++)
        if (!strcmp(CHOICES[i].section, key->section) && !strcmp(CHOICES[i].name, key->name))
            return CHOICES[i].label((uint32_t)value);
    assert(!"a choice without words");
    return "?";
}

static const char *read_bool(const char *text, int64_t *out)
{
    *out = strcmp(text, "true") == 0;
    return *out || strcmp(text, "false") == 0 ? NULL : "is neither";
}

static const char *read_choice(const ats_config_key *key, const char *text, int64_t *out)
{
    for (*out = key->least; *out <= key->most; ++*out)
        if (strcmp(text, choice_label(key, *out)) == 0)
            return NULL;
    return "is none of them";
}

static const char *read_number(const ats_config_key *key, const char *text, int64_t *out)
{
    switch (key->type) {
    case ATS_CONFIG_DECIMAL:
    case ATS_CONFIG_MARGIN:
        return read_decimal(text, strlen(text), out);
    case ATS_CONFIG_U32:
    case ATS_CONFIG_POWER:
    case ATS_CONFIG_U64:
        return read_integer(text, out);
    case ATS_CONFIG_DURATION_NS:
    case ATS_CONFIG_DURATION_MS:
    case ATS_CONFIG_DURATION_S:
        return read_duration(text, step_ns(key->type), out);
    case ATS_CONFIG_PERCENT:
        return read_percent(text, out);
    case ATS_CONFIG_BOOL:
        return read_bool(text, out);
    case ATS_CONFIG_CHOICE:
        return read_choice(key, text, out);
    case ATS_CONFIG_TIME_OF_DAY:
        return read_time(text, out);
    default:
        assert(!"a type without numbers");
        return "";
    }
}

/* ---- value in its field --------------------------------------------------------------------- */

static void store(const ats_config_key *key, int64_t value, ats_run_config *config)
{
    char *at = (char *)config + key->offset;
    switch (key->type) {
    case ATS_CONFIG_DECIMAL:
    case ATS_CONFIG_U64:
    case ATS_CONFIG_DURATION_NS:
        memcpy(at, &value, sizeof value);
        return;
    case ATS_CONFIG_MARGIN:
        *(float *)at = (float)((double)value / (double)ATS_E9);
        return;
    case ATS_CONFIG_BOOL:
        *(bool *)at = value != 0;
        return;
    case ATS_CONFIG_TIME_OF_DAY:
        *(int32_t *)at = (int32_t)value;
        return;
    default:
        *(uint32_t *)at = (uint32_t)value;
        return;
    }
}

static int64_t fetch(const ats_config_key *key, const ats_run_config *config)
{
    const char *at = (const char *)config + key->offset;
    int64_t value;
    switch (key->type) {
    case ATS_CONFIG_DECIMAL:
    case ATS_CONFIG_U64:
    case ATS_CONFIG_DURATION_NS:
        memcpy(&value, at, sizeof value);
        return value;
    case ATS_CONFIG_MARGIN:
        return llround((double)*(const float *)at * (double)ATS_E9);
    case ATS_CONFIG_BOOL:
        return *(const bool *)at;
    case ATS_CONFIG_TIME_OF_DAY:
        return *(const int32_t *)at;
    default:
        return *(const uint32_t *)at;
    }
}

/* ---- value to text -------------------------------------------------------------------------- */

/* In the largest unit that divides it, but seconds rather than 1.5m. */
static void print_duration(int64_t ns, char *out, size_t capacity)
{
    size_t i = UNIT_COUNT - 1;
    while (i > 0 && ns % UNITS[i].ns)
        i--;
    if (ns == 0)
        i = 3;
    snprintf(out, capacity, "%lld%s", (long long)(ns / UNITS[i].ns), UNITS[i].name);
}

static void print_number(const ats_config_key *key, int64_t value, char *out, size_t capacity)
{
    switch (key->type) {
    case ATS_CONFIG_DECIMAL:
    case ATS_CONFIG_MARGIN: {
        char text[ATS_DECIMAL_BYTES];
        ats_decimal_print(value, text);
        snprintf(out, capacity, "%s", text);
        return;
    }
    case ATS_CONFIG_DURATION_NS:
    case ATS_CONFIG_DURATION_MS:
    case ATS_CONFIG_DURATION_S:
        print_duration(value * step_ns(key->type), out, capacity);
        return;
    case ATS_CONFIG_PERCENT: {
        char text[ATS_DECIMAL_BYTES];
        ats_decimal_print(value * (ATS_E9 / PERCENT), text);
        snprintf(out, capacity, "%s%%", text);
        return;
    }
    case ATS_CONFIG_BOOL:
        snprintf(out, capacity, "%s", value ? "true" : "false");
        return;
    case ATS_CONFIG_CHOICE:
        snprintf(out, capacity, "%s", choice_label(key, value));
        return;
    case ATS_CONFIG_TIME_OF_DAY:
        if (value < 0)
            snprintf(out, capacity, "never");
        else /* quoted: YAML 1.1 reads 21:00:00 as a number in base 60 */
            snprintf(out, capacity, "\"%02d:%02d:%02d\"", (int)(value / 3600),
                     (int)(value / 60 % 60), (int)(value % 60));
        return;
    default:
        snprintf(out, capacity, "%lld", (long long)value);
        return;
    }
}

static void print_path(const char *path, char *out, size_t capacity)
{
    size_t n = 0;
    out[n++] = '"';
    for (; *path && n + 4 < capacity; path++) {
        if (*path == '"' || *path == '\\')
            out[n++] = '\\';
        out[n++] = *path;
    }
    out[n++] = '"';
    out[n] = 0;
}

void ats_config_key_print(const ats_run_config *config, uint32_t key,
                          char out[ATS_CONFIG_VALUE_BYTES])
{
    const ats_config_key *k = ats_config_key_at(key);
    if (k->type == ATS_CONFIG_TIMEFRAMES) {
        ats_timeframes_print(&config->features, out);
        return;
    }
    if (k->type == ATS_CONFIG_PATH || k->type == ATS_CONFIG_TEXT || k->type == ATS_CONFIG_SECTORS) {
        print_path((const char *)config + k->offset, out, ATS_CONFIG_VALUE_BYTES);
        return;
    }
    if (k->type != ATS_CONFIG_THREADS) {
        print_number(k, fetch(k, config), out, ATS_CONFIG_VALUE_BYTES);
        return;
    }
    size_t n = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < config->thread_count && n < ATS_CONFIG_VALUE_BYTES; i++)
        n += (size_t)snprintf(out + n, ATS_CONFIG_VALUE_BYTES - n, "%s%s", i ? ", " : "",
                              config->threads[i].name);
}

/* "lenient or strict", "auto, cpu or gpu". */
static void list_choices(const ats_config_key *key, char *out, size_t capacity)
{
    size_t n = 0;
    for (int64_t v = key->least; v <= key->most && n < capacity; v++)
        n += (size_t)snprintf(out + n, capacity - n, "%s%s",
                              v == key->least  ? ""
                              : v == key->most ? " or "
                                               : ", ",
                              choice_label(key, v));
}

void ats_config_key_allowed(uint32_t key, char *out, size_t capacity)
{
    static const char *const SHAPE[] = {
        [ATS_CONFIG_DECIMAL] = "a decimal number",
        [ATS_CONFIG_U32] = "a whole number",
        [ATS_CONFIG_POWER] = "a power of two",
        [ATS_CONFIG_U64] = "a whole number",
        [ATS_CONFIG_DURATION_NS] = "a duration such as 150us",
        [ATS_CONFIG_DURATION_MS] = "a duration such as 500ms",
        [ATS_CONFIG_DURATION_S] = "a duration such as 10m",
        [ATS_CONFIG_PERCENT] = "a percentage such as 2%",
        [ATS_CONFIG_MARGIN] = "a decimal number",
        [ATS_CONFIG_BOOL] = "true or false",
        [ATS_CONFIG_TIME_OF_DAY] = "a UTC time such as \"20:55\", or never",
        [ATS_CONFIG_CHOICE] = "one of",
        [ATS_CONFIG_PATH] = "a path in printable UTF-8 of at most 511 bytes in all",
        [ATS_CONFIG_TEXT] = "printable UTF-8",
        [ATS_CONFIG_SECTORS] = "a list such as XLK: AAPL MSFT; XLF: JPM",
        [ATS_CONFIG_TIMEFRAMES] = "a list such as 1m,5m,15m,1h (s, m, h, d; each divides a day)",
        [ATS_CONFIG_THREADS] = "fused, auto, or a list of {name, cpu, wait, stages}",
    };
    static_assert(sizeof SHAPE / sizeof SHAPE[0] == ATS_CONFIG_TYPE_COUNT, "a shape a type");
    const ats_config_key *k = ats_config_key_at(key);
    char least[64], most[64];
    if (k->type == ATS_CONFIG_CHOICE) {
        list_choices(k, out, capacity);
        return;
    }
    if (k->type >= ATS_CONFIG_BOOL) {
        snprintf(out, capacity, "%s", SHAPE[k->type]);
        return;
    }
    print_number(k, k->least, least, sizeof least);
    print_number(k, k->most, most, sizeof most);
    snprintf(out, capacity, "%s to %s (%s)", least, most, SHAPE[k->type]);
}

/* ---- a key ---------------------------------------------------------------------------------- */

static const char *read_text(const char *text, char *out, size_t capacity)
{
    size_t length = strlen(text);
    if (length >= capacity)
        return "is too long";
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return "holds a control character";
    memcpy(out, text, length + 1);
    return NULL;
}

static const char *read_value(const ats_config_key *key, const char *text, ats_run_config *config)
{
    if (key->type == ATS_CONFIG_PATH)
        return read_text(text, (char *)config + key->offset, ATS_CONFIG_PATH_BYTES);
    if (key->type == ATS_CONFIG_SECTORS && ats_sectors_check(text))
        return ats_sectors_check(text);
    if (key->type == ATS_CONFIG_TEXT || key->type == ATS_CONFIG_SECTORS)
        return read_text(text, (char *)config + key->offset, (size_t)key->most);
    if (key->type == ATS_CONFIG_TIMEFRAMES)
        return ats_timeframes_read(text, &config->features);
    int64_t value;
    if (!*text)
        return "is empty";
    const char *why = read_number(key, text, &value);
    if (why)
        return why;
    if (value < key->least)
        return "is too small";
    if (value > key->most)
        return "is too large";
    if (key->type == ATS_CONFIG_POWER && (value & (value - 1)))
        return "is no power of two";
    store(key, value, config);
    return NULL;
}

int ats_config_key_read(const ats_config_key *key, const char *text, ats_run_config *config,
                        char *why, size_t why_bytes)
{
    const char *reason = read_value(key, text, config);
    if (!reason)
        return 0;
    char word[48], allowed[160];
    ats_config_quote(text, word);
    ats_config_key_allowed((uint32_t)(key - KEYS), allowed, sizeof allowed);
    snprintf(why, why_bytes, "%s%s%s; allowed: %s", word, *word ? " " : "", reason, allowed);
    return -1;
}
