/* ats_strategy.h: the interface between ATS and a strategy, version 1.
 *
 * A strategy is a table of callbacks (ats_strategy_plugin), compiled in or loaded from a shared
 * object that exports ats_strategy_plugin_get. This header is all that it needs: it includes
 * nothing of ATS, and copies of it may travel with a strategy.
 *
 * What a strategy does: it is told of the market, of the models' signals, of its fills, of time and
 * of sessions, and asks for positions (enter, leave). What it need not do: sizes, order types,
 * slicing, stops, exits at the end of the day, risk limits. The engine does these for every
 * strategy alike; an entry may carry wishes (a stop's distance, a target, a longest time).
 *
 * Each strategy has positions of its own, one a symbol, which add up to the account's.
 *
 * Rules that keep a run repeatable and quick. A callback decides from its arguments, its state and
 * its parameters alone: no clock, no file, no random numbers but host->random, no thread, no
 * allocation; the engine gives it memory once. It runs on the thread that sends orders: what it
 * takes, every order waits for. A callback that takes longer than strategy.call_budget is counted,
 * and a strategy that does so too often is suspended: it is called no more, and what it holds is
 * left by the engine's own exits.
 *
 * Units: times are ns since the epoch, UTC; prices and quantities integers in 1e-9 (`_e9`), prices
 * in the symbol's currency, quantities in shares, coins or contracts.
 *
 * Compatibility: fields and functions are only ever added at the end of a struct, and `bytes` tells
 * how far it goes. A plug-in built for version 1 runs with every engine that speaks version 1.
 */
#ifndef ATS_STRATEGY_H
#define ATS_STRATEGY_H

#include <stddef.h>
#include <stdint.h>

#define ATS_STRATEGY_ABI 1u
#define ATS_VIEW_E9      1000000000ll

/* What a strategy wants to be told of; a bit each in ats_strategy_plugin.wants. */
#define ATS_WANTS_QUOTES  0x01u
#define ATS_WANTS_TRADES  0x02u
#define ATS_WANTS_BARS    0x04u /* bars of the timeframes it asks for, ready-made or built here */
#define ATS_WANTS_SIGNALS 0x08u
#define ATS_WANTS_ACTIONS 0x10u /* splits and dividends, at 00:00 of the ex-date */

typedef enum ats_view_kind {
    ATS_VIEW_QUOTE = 1,
    ATS_VIEW_TRADE = 2,
    ATS_VIEW_BAR = 3,
    ATS_VIEW_ACTION = 4
} ats_view_kind;

/* A bar; it ended at or before now_ns. */
typedef struct ats_view_bar {
    int64_t start_ns;
    int64_t open_e9, high_e9, low_e9, close_e9;
    int64_t volume_e9;
    int64_t vwap_e9; /* 0 = not known */
    uint32_t period_s;
    uint32_t reserved;
} ats_view_bar;

/* What happened, and the market as it stands. */
typedef struct ats_market_view {
    int64_t now_ns;
    uint32_t symbol;        /* 1 .. symbol_count */
    uint32_t kind;          /* ats_view_kind */
    int64_t bid_e9, ask_e9; /* best quote; 0 = that side has none */
    int64_t bid_size_e9, ask_size_e9;
    int64_t price_e9; /* mid of the quote, or without one the last trade or close */
    int64_t trade_px_e9, trade_qty_e9; /* TRADE */
    uint32_t trade_side;               /* TRADE: 1 bought, 2 sold by who took, 0 not told */
    uint32_t untrusted;                /* the data of this symbol cannot be trusted now */
    ats_view_bar bar;                  /* BAR */
    int64_t split_numerator, split_denominator; /* ACTION: new shares for old ones; 0 = no split */
    int64_t dividend_e9;                        /* ACTION: cash a share */
} ats_market_view;

/* A model's view of a symbol. */
typedef struct ats_signal_view {
    int64_t now_ns;
    uint32_t symbol;
    uint32_t model;
    float score;      /* margin: what the trees sum to, before any transform */
    float confidence; /* 0 .. 1; 1 where the model gives none */
    int64_t bid_e9, ask_e9;
    int64_t bid_size_e9, ask_size_e9;
} ats_signal_view;

#define ATS_VIEW_BUY  1u
#define ATS_VIEW_SELL 2u

/* A fill of this strategy's. */
typedef struct ats_fill_view {
    int64_t now_ns;
    uint32_t symbol;
    uint32_t side; /* ATS_VIEW_BUY or _SELL */
    int64_t qty_e9, px_e9, fee_e9;
    int64_t position_e9; /* after it */
    uint32_t closes;     /* 1: of an exit */
    uint32_t reserved;
} ats_fill_view;

typedef enum ats_view_phase {
    ATS_VIEW_CLOSED = 0,
    ATS_VIEW_PRE = 1,
    ATS_VIEW_REGULAR = 2,
    ATS_VIEW_POST = 3
} ats_view_phase;

/* The exchange's session went into another phase. Markets that never close have one session a UTC
 * day, all of it REGULAR. Symbols of both kinds are told apart by `continuous`. */
typedef struct ats_session_view {
    int64_t now_ns;
    int64_t open_ns, close_ns; /* regular session of `date` */
    uint32_t date;             /* yyyymmdd, the exchange's; CLOSED: of the next session */
    uint32_t phase;            /* ats_view_phase */
    uint32_t continuous;       /* 1: of markets that never close */
    uint32_t reserved;
} ats_session_view;

/* A position of this strategy's. */
typedef struct ats_position_view {
    int64_t qty_e9;     /* > 0 long, < 0 short, 0 none */
    int64_t average_e9; /* price of the entry, rounded towards zero */
    int64_t entry_ns;   /* of the first fill */
    int64_t stop_e9;    /* where the engine leaves it; 0 = no stop */
    int64_t target_e9;  /* 0 = none */
    int64_t best_e9;    /* best price since the entry */
    uint32_t entering;  /* 1: an entry is at work */
    uint32_t leaving;   /* 1: an exit is at work */
} ats_position_view;

/* A wish for a position. Zero means "as configured" everywhere but in symbol and side. */
typedef struct ats_entry {
    uint32_t symbol;
    uint32_t side;              /* ATS_VIEW_BUY or _SELL */
    int64_t qty_e9;             /* 0: sized by the engine (sizing) */
    int64_t limit_e9;           /* worst price; 0: chosen by the engine */
    int64_t atr_e9;             /* the strategy's measure of a bar's range: stops scale with it */
    int64_t stop_distance_e9;   /* from the entry price */
    int64_t target_distance_e9; /* from the entry price */
    int64_t trail_distance_e9;  /* the stop follows the best price at this distance */
    int64_t hold_ns;            /* longest time in the position */
    double score;      /* ranks wishes that compete for the same money; >= 0, larger first */
    double confidence; /* 0 .. 1 of being right; scales the size where configured; 0 = not told */
    double urgency;    /* 0 .. 1: above execution.urgent it pays the spread */
    const char *why;   /* static text for the audit, or NULL */
    uint32_t keep_overnight; /* 1: not left at the end of the day */
    uint32_t reserved;
} ats_entry;

/* What became of a wish. */
typedef enum ats_answer {
    ATS_ANSWER_TAKEN = 0,      /* orders follow */
    ATS_ANSWER_WAITS = 1,      /* for the other wishes of this moment: the best are taken */
    ATS_ANSWER_BAD = 2,        /* symbol, side or a number makes no sense */
    ATS_ANSWER_HELD = 3,       /* this strategy has a position or an order in the symbol */
    ATS_ANSWER_RESTS = 4,      /* the symbol rests after an exit or a failed entry */
    ATS_ANSWER_CONFLICT = 5,   /* another strategy has the symbol (strategy.conflicts) */
    ATS_ANSWER_NO_MARKET = 6,  /* no quote and no bar, or they cannot be trusted */
    ATS_ANSWER_SPREAD = 7,     /* wider than strategy.max_spread_bps */
    ATS_ANSWER_WINDOW = 8,     /* too near the open or the close, or the market is shut */
    ATS_ANSWER_SIZE = 9,       /* no whole lot, or less than sizing.min_notional */
    ATS_ANSWER_CAPITAL = 10,   /* the strategy's share of the account is used up */
    ATS_ANSWER_SHORT = 11,     /* short sales are not allowed to it */
    ATS_ANSWER_SUSPENDED = 12, /* the strategy is paused, or overran its budget */
    ATS_ANSWER_FULL = 13,      /* too many orders are at work */
    ATS_ANSWER_OUTRANKED = 14, /* another wish of the same moment had the place */
    ATS_ANSWER_COUNT
} ats_answer;

/* The engine, as a strategy sees it; valid for the length of a callback. */
typedef struct ats_strategy_host ats_strategy_host;
struct ats_strategy_host {
    uint32_t abi;
    uint32_t bytes; /* sizeof of this struct in the engine */
    void *engine;   /* not for the strategy */
    int64_t now_ns;
    uint32_t strategy; /* number of this one, 1 .. */
    uint32_t symbol_count;

    /* Asks for a position. An ats_answer. */
    uint32_t (*enter)(const ats_strategy_host *host, const ats_entry *entry);
    /* Leaves the position in a symbol, or takes back an entry at work; urgency as in ats_entry, why
     * as well. 1: there was something to leave. */
    uint32_t (*leave)(const ats_strategy_host *host, uint32_t symbol, double urgency,
                      const char *why);
    /* Moves the stop of a position; towards the market or away. 1: there is a position. */
    uint32_t (*set_stop)(const ats_strategy_host *host, uint32_t symbol, int64_t stop_e9);
    void (*position)(const ats_strategy_host *host, uint32_t symbol, ats_position_view *out);
    /* The strategy's own money: its share of the account's equity, and what of it is free. */
    int64_t (*capital_e9)(const ats_strategy_host *host);
    int64_t (*free_capital_e9)(const ats_strategy_host *host);
    /* on_timer at the first record at or after at_ns; one timer a strategy, a new one replaces it;
     * 0: none. */
    void (*set_timer)(const ats_strategy_host *host, int64_t at_ns);
    /* The next number of this strategy's seeded sequence. */
    uint64_t (*random)(const ats_strategy_host *host);
    /* Notes a value that a decision rests on, for `ats why`; name is static text. Costs nothing
     * unless someone asked. */
    void (*explain)(const ats_strategy_host *host, uint32_t symbol, const char *name, double value);
};

typedef struct ats_strategy_parameter {
    const char *name; /* lower case, digits and _ */
    double fallback, least, most;
    const char *help; /* with the unit; one line */
} ats_strategy_parameter;

typedef struct ats_strategy_symbol {
    char text[24];       /* "AAPL" */
    int64_t tick_e9;     /* smallest price step; 0 = that of US equities */
    int64_t lot_e9;      /* smallest quantity step */
    uint32_t continuous; /* 1: trades around the clock */
    uint32_t wanted;     /* 1: configured for this strategy; others are never told of */
} ats_strategy_symbol;

/* What a strategy is set up with. Lives as long as the strategy. */
typedef struct ats_strategy_setup {
    uint32_t abi;
    uint32_t bytes;
    uint32_t symbol_count;
    uint32_t parameter_count;
    const ats_strategy_symbol *symbols; /* [symbol_count + 1], by symbol; [0] is unused */
    const double *parameters;           /* in the order of the plug-in's table */
    uint64_t seed;
} ats_strategy_setup;

typedef struct ats_strategy_plugin {
    uint32_t abi;   /* ATS_STRATEGY_ABI */
    uint32_t bytes; /* sizeof(ats_strategy_plugin) */
    const char *name;
    const char *help; /* one line: what it trades on */
    uint32_t wants;   /* ATS_WANTS_* */
    uint32_t parameter_count;
    const ats_strategy_parameter *parameters;

    /* Bytes of memory for this set-up; it is zeroed and aligned to 64. 0: it cannot run so. */
    size_t (*state_bytes)(const ats_strategy_setup *setup);
    /* 0, or -1 with the reason in why. Allocating is allowed here, freeing is fini's. */
    int (*init)(void *state, const ats_strategy_setup *setup, char *why, size_t why_bytes);
    /* With ATS_WANTS_BARS: seconds of the bars it is told of, up to 8, 0 ends the list. NULL, or an
     * empty list: bars as they come. */
    void (*timeframes)(const void *state, uint32_t out_s[8]);

    /* Callbacks; each may be NULL. */
    void (*on_market)(void *state, const ats_strategy_host *host, const ats_market_view *market);
    void (*on_signal)(void *state, const ats_strategy_host *host, const ats_signal_view *signal);
    void (*on_fill)(void *state, const ats_strategy_host *host, const ats_fill_view *fill);
    void (*on_timer)(void *state, const ats_strategy_host *host);
    void (*on_session)(void *state, const ats_strategy_host *host, const ats_session_view *session);
    void (*fini)(void *state);
} ats_strategy_plugin;

/* What a shared object exports. */
#define ATS_STRATEGY_SYMBOL "ats_strategy_plugin_get"
const ats_strategy_plugin *ats_strategy_plugin_get(void);

#endif
