/* settings.h: what the strategy stage is configured with: the strategies themselves, and the rules
 * that hold for all of them. Filled in by stages/config.h; validated by then. Money and prices in
 * 1e-9, shares in basis points. */
#ifndef ATS_STAGES_STRATEGY_SETTINGS_H
#define ATS_STAGES_STRATEGY_SETTINGS_H

#include "calc/exits.h"
#include "calc/sizing.h"

#include <stdbool.h>
#include <stdint.h>

#define ATS_STRATEGIES_MAX           64u
#define ATS_STRATEGY_NAME_BYTES      32u
#define ATS_STRATEGY_PLUGIN_BYTES    256u
#define ATS_STRATEGY_SYMBOLS_BYTES   2048u
#define ATS_STRATEGY_PARAMETERS_MAX  32u
#define ATS_STRATEGY_PARAMETER_BYTES 32u

/* One strategy of the list `strategies`. */
typedef struct ats_strategy_spec {
    char name[ATS_STRATEGY_NAME_BYTES];       /* unique */
    char plugin[ATS_STRATEGY_PLUGIN_BYTES];   /* a built-in one's name, or the path of a .so */
    char symbols[ATS_STRATEGY_SYMBOLS_BYTES]; /* texts between blanks, or "all" */
    uint32_t capital_bps;                     /* most of equity that its positions may take */
    bool allow_short;
    uint32_t parameter_count;
    uint32_t line; /* of the file, for messages; 0 = none */
    struct {
        char name[ATS_STRATEGY_PARAMETER_BYTES];
        double value;
    } parameters[ATS_STRATEGY_PARAMETERS_MAX];
} ats_strategy_spec;

/* Two strategies and one symbol. */
typedef enum ats_conflict_policy {
    ATS_CONFLICT_FIRST = 0,    /* the symbol is the first one's until it has left */
    ATS_CONFLICT_SAME_SIDE = 1 /* several may hold it, all long or all short */
} ats_conflict_policy;

/* What guards a position. */
typedef enum ats_protect_policy {
    ATS_PROTECT_STOP = 0,   /* a stop order rests at the broker */
    ATS_PROTECT_WATCH = 1,  /* the engine watches; nothing rests */
    ATS_PROTECT_BRACKET = 2 /* stop and target rest, one cancelling the other */
} ats_protect_policy;

typedef enum ats_algorithm_choice {
    ATS_ALGORITHM_AUTO = 0, /* by impact and urgency */
    ATS_ALGORITHM_DIRECT = 1,
    ATS_ALGORITHM_TWAP = 2,
    ATS_ALGORITHM_ICEBERG = 3,
    ATS_ALGORITHM_SLICE = 4,
    ATS_ALGORITHM_PEG = 5,
    ATS_ALGORITHM_COUNT
} ats_algorithm_choice;
const char *ats_algorithm_label(uint32_t algorithm);

/* Rules for entries and for strategies as a whole. */
typedef struct ats_strategy_rules {
    ats_conflict_policy conflicts;
    ats_protect_policy protect;
    bool rank;               /* wishes of one moment compete; else first come, first served */
    uint32_t max_spread_bps; /* widest spread, of the mid, at which a position is entered */
    uint32_t cooldown_ms;    /* rest of a symbol after an exit or an entry that came to nothing */
    uint32_t avoid_open_s;   /* no entry so soon after the open, and so near the close */
    uint32_t avoid_close_s;
    uint32_t flat_before_close_s; /* left so long before the close; 0 = at no time */
    uint32_t max_positions;
    int64_t call_budget_ns; /* 0: not measured */
    uint32_t overruns_max;  /* a strategy with more of them is suspended */
} ats_strategy_rules;

typedef struct ats_execution_settings {
    uint32_t algorithm;          /* ats_algorithm_choice */
    uint32_t urgent_bps;         /* urgency in 1e-4 above which the spread is paid at once */
    uint32_t impact_bps;         /* size of expected volume, 1e-4, from which an order is sliced */
    uint32_t horizon_s;          /* over which volume is expected */
    uint32_t cross_bps;          /* how far beyond the opposite quote a marketable limit lies */
    uint32_t offset_bps;         /* most that a resting limit lies inside the mid */
    uint32_t timeout_ms;         /* of one order */
    uint32_t accept_partial_bps; /* an entry filled so far is done at its time-out, 1e-4 */
    uint32_t entry_attempts;     /* orders of one entry, each more eager; then it is given up */
    uint32_t exit_attempts;      /* then a market order */
    uint32_t twap_duration_s, twap_slices;
    uint32_t iceberg_display_bps; /* of the whole, 1e-4 */
    uint32_t slice_interval_s;
    uint32_t participation_bps; /* of expected volume, 1e-4: size of a slice */
    uint32_t peg_interval_ms;   /* least time between two prices of a peg */
} ats_execution_settings;

typedef struct ats_strategy_settings {
    ats_strategy_rules rules;
    ats_sizing_settings sizing;
    ats_exit_settings exits;
    ats_execution_settings execution;
    uint32_t count;
    ats_strategy_spec strategies[ATS_STRATEGIES_MAX];
} ats_strategy_settings;

#endif
