/* record.h: the fixed-size records that cross rings, files and, later, sockets.
 *
 * A record is a 64-byte header and a body. Market records (quote, trade, bar, book level, status,
 * corporate action, clock, end) are 128 bytes; what the chain derives from them (signal, intent,
 * order, exec, position, control, env) is 256. A FEATURES record is a header, a 64-byte body and N
 * floats; its size is fixed when the engine boots. Records hold no pointers and no padding, are
 * little-endian on disk, and may be copied with memcpy.
 *
 * Units: times are nanoseconds since the Unix epoch, UTC, unless the name says otherwise; prices
 * and quantities are signed integers in 1e-9 units (`_e9`), prices in the symbol's currency,
 * quantities in shares, coins or contracts. Floating point appears only in FEATURES, SIGNAL and
 * the score of an INTENT.
 */
#ifndef ATS_CORE_RECORD_H
#define ATS_CORE_RECORD_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "records are little-endian; this host is not"
#endif

#define ATS_E9 1000000000ll

/* Largest |price| and |quantity| a decoder may let through: 1e9 units of currency or shares. A
 * price times a quantity then stays below 1e36 in 1e-18 units, inside a signed 128-bit integer
 * (1.7e38) with room to add a hundred of them. */
#define ATS_VALUE_MAX_E9 (1000000000ll * ATS_E9)

/* Largest volume of a bar: 9e9 units, nearly all that an int64_t holds; single stocks have passed
 * 1e9 shares in a day. Times the largest price that is 9e36 in 1e-18 units, inside 128 bits. */
#define ATS_VOLUME_MAX_E9 (9000000000ll * ATS_E9)

/* Times outside 1980..2199 are damage, not data: the market calendar begins there; seconds, ms and
 * us that were taken for ns lie before it; and no sum of a time and an interval can overflow. */
#define ATS_TIME_MIN_NS (315532800ll * ATS_E9)
#define ATS_TIME_MAX_NS (7258118400ll * ATS_E9)

static inline int ats_time_is_sane(int64_t ns)
{
    return ns >= ATS_TIME_MIN_NS && ns < ATS_TIME_MAX_NS;
}

typedef enum ats_kind {
    ATS_KIND_NONE = 0,
    /* market: 128 bytes */
    ATS_KIND_QUOTE = 1,
    ATS_KIND_TRADE = 2,
    ATS_KIND_BAR = 3,
    ATS_KIND_BOOK_LEVEL = 4,
    ATS_KIND_STATUS = 5,
    ATS_KIND_CORPORATE_ACTION = 6,
    ATS_KIND_CLOCK = 7,
    ATS_KIND_END = 8,
    /* payload: 128 bytes and N floats */
    ATS_KIND_FEATURES = 9,
    /* derived: 256 bytes, but for CONTROL */
    ATS_KIND_SIGNAL = 10,
    ATS_KIND_INTENT = 11,
    ATS_KIND_VERDICT = 12,
    ATS_KIND_ORDER = 13,
    ATS_KIND_EXEC = 14,
    ATS_KIND_POSITION = 15,
    ATS_KIND_CONTROL = 16,
    ATS_KIND_ENV = 17,
    ATS_KIND_COUNT
} ats_kind;

/* Label of a kind, e.g. "quote"; "?" for a value that is none. */
const char *ats_kind_label(uint32_t kind);

#define ATS_KIND_BIT(kind) (1u << (kind))
#define ATS_KINDS_MARKET   0x1feu                                              /* QUOTE .. END */
#define ATS_KINDS_CHAIN    (ATS_KINDS_MARKET | ATS_KIND_BIT(ATS_KIND_CONTROL)) /* what feed sends */
#define ATS_RECORD_MARKET  128u /* bytes of a market record */
#define ATS_RECORD_DERIVED 256u /* bytes of a derived record */
#define ATS_CACHE_LINE     64u

/* Header flags. */
#define ATS_FLAG_END_OF_EVENT  0x01u /* last record of its event */
#define ATS_FLAG_SNAPSHOT      0x02u /* part of a state image, not a change */
#define ATS_FLAG_RECV_IS_EVENT 0x04u /* no receive time was recorded: recv_ns = event_ns */

/* Slots of ats_header.stamp_ns. */
typedef enum ats_stamp {
    ATS_STAMP_FEED = 0,       /* feed handed the record on */
    ATS_STAMP_FEATURE = 1,    /* feature handed it on */
    ATS_STAMP_INFER_TOOK = 2, /* infer took it up */
    ATS_STAMP_INFER = 3,      /* infer handed it on */
    ATS_STAMP_STRATEGY = 4,   /* strategy handed it on */
    ATS_STAMP_RISK = 5,       /* risk handed it on */
    ATS_STAMP_COUNT = 6
} ats_stamp;

typedef struct ats_header {
    uint64_t event_seq; /* 1, 2, ...: assigned by feed, kept through the chain */
    int64_t event_ns;   /* venue's time; 0 = the venue gave none. Data, never a clock. */
    int64_t recv_ns;    /* the time all decisions see: non-decreasing, assigned by feed */
    uint64_t origin_ns; /* wire-in on the monotonic clock; in paced replay, the intended arrival */
    uint32_t symbol_id; /* dense, local to the run; 0 = none */
    uint16_t sub;       /* 0 for the market record, 1, 2, ... for what is derived from it */
    uint8_t kind;       /* ats_kind */
    uint8_t flags;      /* ATS_FLAG_* */
    uint32_t stamp_ns[ATS_STAMP_COUNT]; /* ns since origin_ns, saturating; 0 = not passed */
} ats_header;

/* One exchange's top of book (venue set) or, after consolidation, the national best bid and offer
 * (ATS_QUOTE_NATIONAL set; bid_venue and ask_venue name the exchanges). A side with no interest
 * has price 0 and size 0. */
#define ATS_QUOTE_NATIONAL  0x01u
#define ATS_QUOTE_LOCKED    0x02u /* bid = ask */
#define ATS_QUOTE_CROSSED   0x04u /* bid > ask */
#define ATS_QUOTE_ONE_SIDED 0x08u
#define ATS_QUOTE_HALTED    0x10u
typedef struct ats_quote {
    ats_header h;
    int64_t bid_e9;
    int64_t ask_e9;
    int64_t bid_size_e9;
    int64_t ask_size_e9;
    uint64_t venue_seq; /* the venue's or tape's sequence number; 0 = none */
    uint16_t source;    /* ats_source */
    uint8_t venue;      /* exchange letter (CTA/UTP participant id), or 0 */
    uint8_t bid_venue;
    uint8_t ask_venue;
    uint8_t condition; /* quote condition letter, or 0 */
    uint8_t quote_flags;
    uint8_t reserved8;
    uint64_t reserved[2];
} ats_quote;

#define ATS_SIDE_NONE 0
#define ATS_SIDE_BUY  1
#define ATS_SIDE_SELL 2

typedef struct ats_trade {
    ats_header h;
    int64_t px_e9;
    int64_t qty_e9;
    uint64_t trade_id;
    uint64_t venue_seq;
    uint16_t source;
    uint8_t venue;
    uint8_t aggressor;    /* ATS_SIDE_*: the side that took, NONE = not told */
    uint8_t condition[4]; /* sale conditions as printed, blanks as ' ' */
    uint8_t correction;   /* CTA correction indicator; 0 = good */
    uint8_t trf;          /* reporting facility of an off-exchange print, or 0 */
    uint8_t reserved8[6];
    uint64_t reserved[2];
} ats_trade;

/* event_ns is the start of the bar, recv_ns its end, the first moment at which it could be known. A
 * daily bar of an exchange with sessions starts at the open and ends at the close of its date. */
typedef struct ats_bar {
    ats_header h;
    int64_t open_e9;
    int64_t high_e9;
    int64_t low_e9;
    int64_t close_e9;
    int64_t volume_e9; /* 0..ATS_VOLUME_MAX_E9 */
    int64_t vwap_e9;   /* 0 = not known */
    uint32_t period_s;
    uint32_t trade_count;
    uint64_t reserved;
} ats_bar;

/* One price level of a book: its new total size, 0 = gone. */
typedef struct ats_book_level {
    ats_header h;
    int64_t px_e9;
    int64_t qty_e9;
    uint64_t first_update_id;
    uint64_t last_update_id;
    uint64_t previous_update_id; /* 0 = the feed gives none */
    uint16_t source;
    uint8_t side; /* ATS_SIDE_BUY = bids */
    uint8_t reserved8[5];
    uint64_t reserved[2];
} ats_book_level;

typedef enum ats_status_code {
    ATS_STATUS_NONE = 0,
    ATS_STATUS_SESSION_OPEN = 1,
    ATS_STATUS_SESSION_CLOSE = 2,
    ATS_STATUS_HALT = 3,
    ATS_STATUS_RESUME = 4,
    ATS_STATUS_FEED_DOWN = 5,
    ATS_STATUS_FEED_UP = 6,
    ATS_STATUS_SHORT_RESTRICTED =
        7 /* Rule 201: no short sale at or below the bid, today and the next trading day */
} ats_status_code;

typedef struct ats_status {
    ats_header h;
    uint32_t code; /* ats_status_code */
    uint16_t source;
    uint16_t reserved16;
    int64_t band_low_e9; /* LULD band; 0 = none */
    int64_t band_high_e9;
    uint64_t reserved[5];
} ats_status;

typedef enum ats_action {
    ATS_ACTION_SPLIT = 1,
    ATS_ACTION_DIVIDEND = 2 /* in cash */
} ats_action;

/* Largest part of a split's ratio: real ones stay below 1e4 on both sides. */
#define ATS_RATIO_MAX 1000000

/* Takes effect at recv_ns = 00:00 local time of the exchange on the ex-date, before anything of
 * that date; a whole event. */
typedef struct ats_corporate_action {
    ats_header h;
    uint32_t action; /* ats_action */
    uint32_t reserved32;
    int64_t ratio_numerator;   /* split: new shares, 1..ATS_RATIO_MAX */
    int64_t ratio_denominator; /* split: for this many old ones, 1..ATS_RATIO_MAX */
    int64_t cash_e9;           /* dividend: currency per share, 0..ATS_VALUE_MAX_E9 */
    uint64_t reserved[4];
} ats_corporate_action;

/* CLOCK: time passed with no market event. END: the last record of a run, in band. */
typedef struct ats_clock_record {
    ats_header h;
    uint64_t reserved[8];
} ats_clock_record;

/* FEATURES: the vector of one symbol at END_OF_EVENT; f holds `count` floats, NaN = not ready. */
typedef struct ats_features {
    ats_header h;
    int64_t bid_e9;
    int64_t ask_e9;
    int64_t bid_size_e9;
    int64_t ask_size_e9;
    uint64_t version; /* feature version: models carry the same */
    uint32_t count;
    uint32_t ready;   /* how many are not NaN */
    int64_t price_e9; /* what the vector is of: the mid, or (no quotes) the last price; rounded */
    uint32_t reserved32;
    float live_score; /* on the way to shadow: what the live model gave it */
    float f[];
} ats_features;

/* SIGNAL: one model's view of one symbol. */
typedef struct ats_signal {
    ats_header h;
    int64_t bid_e9;
    int64_t ask_e9;
    int64_t bid_size_e9;
    int64_t ask_size_e9;
    uint64_t feature_version;
    uint32_t model_id;
    uint32_t batch;   /* rows that were scored together */
    float score;      /* margin: what the trees sum to, before any transform */
    float confidence; /* 0..1; 1 where the model gives none */
    uint64_t reserved[17];
} ats_signal;

/* REPLACE asks for a new order (of the id intent_id) in the place of target_intent_id. */
typedef enum ats_intent_action {
    ATS_INTENT_NEW = 1,
    ATS_INTENT_CANCEL = 2,
    ATS_INTENT_REPLACE = 3
} ats_intent_action;

typedef enum ats_order_type {
    ATS_ORDER_LIMIT = 1,
    ATS_ORDER_MARKET = 2,
    ATS_ORDER_STOP = 3,       /* a market order once the stop price trades */
    ATS_ORDER_STOP_LIMIT = 4, /* a limit order once the stop price trades */
    ATS_ORDER_TRAILING_STOP =
        5 /* a stop that follows the best price since it rests, trail_e9 away */
} ats_order_type;
const char *ats_order_type_label(uint32_t type);

typedef enum ats_tif {
    ATS_TIF_DAY = 1,
    ATS_TIF_IOC = 2,
    ATS_TIF_FOK = 3,
    ATS_TIF_GTC = 4,
    ATS_TIF_OPG = 5, /* opening auction only */
    ATS_TIF_CLS = 6  /* closing auction only */
} ats_tif;
const char *ats_tif_label(uint32_t tif);

/* Orders that live and die together. The head carries the prices of its legs, so that all of it
 * passes the gate, or none; a leg's order id is the head's plus ATS_LEG_*, and a strategy's ids
 * leave room for them. Legs rest only after the head has filled whole (until then they are HELD),
 * and are told to by an ACCEPTED of their own; a head that ends otherwise takes them with it, each
 * with an answer of its own, the head's. A fill of one leg takes its quantity off the other,
 * without an answer, until nothing is left of that one and it is CANCELED; a cancel of one cancels
 * the other. The leg of an OCO rests with its head, which is its other leg. calc/order_legs.h makes
 * the legs of a head.
 *
 * A REPLACE is answered with REPLACED of the old order, whose end that is, and ACCEPTED of the new
 * one, or with REPLACE_REJECTED of the old one alone, which stands: the new one then never was. Its
 * quantity is what is still wanted, so it is refused when the old order has filled further than
 * who asked had been told. A leg is replaced by a simple order, which takes its place. */
typedef enum ats_order_class {
    ATS_ORDER_CLASS_SIMPLE = 0,
    ATS_ORDER_CLASS_BRACKET = 1, /* an entry, then a target and a stop, one cancelling the other */
    ATS_ORDER_CLASS_OCO = 2,     /* the head is the target (a limit); its leg is the stop */
    ATS_ORDER_CLASS_OTO = 3      /* an entry, then a target or a stop */
} ats_order_class;
const char *ats_order_class_label(uint32_t order_class);

#define ATS_LEG_TARGET 1u
#define ATS_LEG_STOP   2u
#define ATS_LEG_IDS    3u /* ids that a head with legs takes up, its own among them */

#define ATS_INTENT_REDUCE_ONLY 0x01u /* may only bring a position nearer to zero */
#define ATS_INTENT_EXTENDED    0x02u /* may trade outside the regular session */
#define ATS_INTENT_PROTECTIVE  0x04u /* the stop that guards a position: kill and HALT leave it */
#define ATS_INTENT_EMERGENCY   0x08u /* flatten: reduce-only, before anything else */

typedef enum ats_reason {
    ATS_REASON_NONE = 0,
    ATS_REASON_ENTRY_LONG = 1,
    ATS_REASON_ENTRY_SHORT = 2,
    ATS_REASON_EXIT_SIGNAL = 3,
    ATS_REASON_EXIT_STOP = 4,
    ATS_REASON_EXIT_TIME = 5,
    ATS_REASON_EXIT_SESSION = 6,
    ATS_REASON_EXIT_TARGET = 7,
    ATS_REASON_EXIT_TRAILING = 8,
    ATS_REASON_EXIT_RULE = 9,     /* the strategy's own rule, such as z back at its mean */
    ATS_REASON_EXIT_FLATTEN = 10, /* by command, or by a latch whose policy is to flatten */
    ATS_REASON_PROTECT = 11,      /* a stop placed to rest at the broker */
    ATS_REASON_COUNT
} ats_reason;
const char *ats_reason_label(uint32_t reason);

static inline int ats_reason_is_exit(uint32_t reason)
{
    return reason >= ATS_REASON_EXIT_SIGNAL && reason < ATS_REASON_COUNT;
}

/* INTENT: what a strategy wants. intent_id is dense per run and names the child order for ever. */
typedef struct ats_intent {
    ats_header h;
    uint64_t intent_id;
    uint64_t target_intent_id; /* CANCEL: the intent to cancel */
    int64_t qty_e9;            /* > 0 */
    int64_t limit_e9;          /* LIMIT, STOP_LIMIT: > 0; else 0 */
    int64_t bid_e9;            /* the market the decision saw */
    int64_t ask_e9;
    uint32_t account_id;
    uint32_t strategy_id;
    uint32_t model_id;
    float score;
    uint32_t reason; /* ats_reason */
    uint8_t action;  /* ats_intent_action */
    uint8_t side;    /* ATS_SIDE_* */
    uint8_t type;    /* ats_order_type */
    uint8_t tif;     /* ats_tif */
    uint32_t intent_flags;
    float confidence;          /* of the signal, 0..1 */
    int64_t stop_distance_e9;  /* distance to the protective stop, per unit; 0 = none */
    int64_t stop_e9;           /* STOP, STOP_LIMIT: > 0; else 0 */
    int64_t trail_e9;          /* TRAILING_STOP: > 0; else 0 */
    int64_t target_e9;         /* BRACKET, OCO (head's own limit), OTO: price of the target leg */
    int64_t stop_leg_e9;       /* BRACKET, OCO, OTO: stop price of the stop leg */
    int64_t stop_leg_limit_e9; /* > 0: the stop leg is a stop-limit at this price */
    uint64_t parent_id;     /* intent_id of the parent order that an algorithm slices; 0 = none */
    int64_t parent_left_e9; /* what the parent may still send after this child */
    uint8_t order_class;    /* ats_order_class */
    uint8_t algorithm;      /* what made it: see stages/strategy/execution; 0 = sent as it was */
    uint8_t reserved8[6];
    uint64_t reserved[5];
} ats_intent;

/* The gate's reason codes, in the order in which the gate checks. */
typedef enum ats_check {
    ATS_CHECK_PASS = 0,
    /* the order itself */
    ATS_CHECK_UNKNOWN_SYMBOL,
    ATS_CHECK_MALFORMED,
    ATS_CHECK_INSTRUMENT, /* a kind of instrument whose money is not modelled */
    /* 1: the state of things */
    ATS_CHECK_KILLED,          /* kill switch or FREEZE: no order at all */
    ATS_CHECK_HALT_LATCH,      /* nothing that adds exposure */
    ATS_CHECK_PAUSED,          /* all entries */
    ATS_CHECK_STRATEGY_PAUSED, /* entries of this strategy */
    ATS_CHECK_TAP_CREDIT,      /* tape or audit storage is short: entries wait */
    ATS_CHECK_UNRECONCILED,    /* what the broker holds is not known */
    ATS_CHECK_SESSION,         /* outside the session that the order may trade in */
    ATS_CHECK_RESTRICTED,      /* on the restricted list */
    /* 2: the market */
    ATS_CHECK_NO_MARKET, /* no two-sided quote yet, and no bar */
    ATS_CHECK_STALE_MARKET,
    ATS_CHECK_HALTED,
    ATS_CHECK_LULD_BAND, /* a limit outside the band in which trades may happen */
    ATS_CHECK_CROSSED,   /* locked or crossed: no entries while it lasts */
    /* 3: price */
    ATS_CHECK_TICK,
    ATS_CHECK_STOP_SIDE, /* a stop that the market has passed already */
    ATS_CHECK_LEG_PRICE, /* a leg on the wrong side of its head, or of the market */
    ATS_CHECK_COLLAR,
    ATS_CHECK_DRIFT, /* the market has moved too far for entries */
    /* 4: size */
    ATS_CHECK_LOT,
    ATS_CHECK_MIN_QTY,
    ATS_CHECK_MAX_QTY,
    ATS_CHECK_MIN_NOTIONAL,
    ATS_CHECK_MAX_NOTIONAL,
    ATS_CHECK_VOLUME_SHARE,
    /* 5: again and again */
    ATS_CHECK_DUPLICATE,
    ATS_CHECK_THROTTLE, /* the strategy repeats itself: stopped until a person re-arms */
    /* 6: message rate */
    ATS_CHECK_RATE_SYMBOL,
    ATS_CHECK_RATE_STRATEGY,
    ATS_CHECK_RATE, /* of the account */
    /* 7: own orders */
    ATS_CHECK_SELF_MATCH,
    /* 8: exposure */
    ATS_CHECK_REPLACE_TARGET, /* no such open order, or one that is being replaced already */
    ATS_CHECK_NOT_REDUCING,   /* reduce-only that would not reduce */
    ATS_CHECK_POSITION,
    ATS_CHECK_GROSS,
    ATS_CHECK_NET,
    ATS_CHECK_SHORT,
    ATS_CHECK_CONCENTRATION, /* of a sector */
    ATS_CHECK_POSITION_COUNT,
    /* 9: the broker's rules */
    ATS_CHECK_BUYING_POWER,
    ATS_CHECK_SETTLED_CASH,
    ATS_CHECK_SHORTABLE,
    ATS_CHECK_SHORT_LOT,         /* shorts in whole shares */
    ATS_CHECK_SHORT_SALE_RULE,   /* Rule 201: not at or below the bid */
    ATS_CHECK_THROUGH_ZERO,      /* long to short, or back, in one order */
    ATS_CHECK_PATTERN_DAY_TRADE, /* before 2026-06-04 */
    ATS_CHECK_INTRADAY_MARGIN,   /* from then on */
    /* 10: risk */
    ATS_CHECK_RISK_PER_TRADE,
    ATS_CHECK_PORTFOLIO_RISK,
    ATS_CHECK_CORRELATION,
    /* 11: loss */
    ATS_CHECK_DRAWDOWN,
    ATS_CHECK_LOSS_STREAK,
    ATS_CHECK_DAY_TRADES,
    /* room */
    ATS_CHECK_ORDER_TABLE_FULL,
    ATS_CHECK_COUNT
} ats_check;
const char *ats_check_label(uint32_t check);

/* VERDICT: the gate's answer to one intent, with what it measured. Money is in 1e-9 of the account
 * currency, rounded half to even from 1e-18. */
typedef struct ats_verdict {
    ats_header h;
    uint64_t intent_id;
    uint32_t check; /* ats_check: PASS or the first refusal */
    uint32_t reserved32;
    int64_t measured_e9;  /* of the refusing check, in its limit's unit; of POSITION when passed */
    int64_t limit_e9;     /* that check's limit */
    int64_t reference_e9; /* the market's price for this side; of a stop, its stop */
    int64_t notional_e9;  /* at the price that is reserved */
    int64_t position_e9;  /* held, before this order */
    int64_t open_buy_e9;  /* open orders of the symbol at full size, before this one */
    int64_t open_sell_e9;
    int64_t gross_e9; /* positions and open orders at their worst, before this order */
    int64_t equity_e9;
    int64_t drawdown_e9; /* below the day's high, >= 0 */
    int64_t age_ns;      /* of the market data the gate used */
    int64_t net_e9;      /* sum of positions with their sign */
    int64_t short_e9;    /* short positions and orders at their worst, before this order */
    int64_t cash_e9;
    int64_t price_e9;      /* that the order was judged and reserved at */
    int64_t slow_e9;       /* price that drift was measured from; 0 = none */
    int64_t rate_ahead_ns; /* of the account: how far its requests run ahead of their rate */
    int64_t risk_e9;       /* stop distance x size; the notional without a stop */
    uint32_t positions;    /* symbols held or being entered */
    uint32_t loss_streak;
    uint64_t day_fills;
    uint64_t reserved[2];
} ats_verdict;

typedef enum ats_order_state {
    ATS_ORDER_NEW = 0,
    ATS_ORDER_JOURNALED = 1,
    ATS_ORDER_SENT = 2,
    ATS_ORDER_ACCEPTED = 3,
    ATS_ORDER_PARTIAL = 4,
    ATS_ORDER_PENDING_CANCEL = 5,
    ATS_ORDER_UNKNOWN = 6,
    ATS_ORDER_FILLED = 7,
    ATS_ORDER_CANCELED = 8,
    ATS_ORDER_REJECTED = 9,
    ATS_ORDER_EXPIRED = 10,
    ATS_ORDER_REPLACED = 11,
    ATS_ORDER_PENDING_REPLACE = 12,
    ATS_ORDER_CANCEL_UNKNOWN = 13,  /* a request to cancel was not answered */
    ATS_ORDER_REPLACE_UNKNOWN = 14, /* a request to replace was not answered */
    ATS_ORDER_HELD = 15,            /* a leg whose head has not filled */
    ATS_ORDER_STATE_COUNT
} ats_order_state;
const char *ats_order_state_label(uint32_t state);

/* ORDER: an intent that passed, on its way to the broker, or a request to cancel one. */
typedef struct ats_order {
    ats_header h;
    uint64_t order_id; /* = intent_id: at most one broker order per intent */
    int64_t qty_e9;
    int64_t limit_e9;
    uint32_t account_id;
    uint32_t strategy_id;
    uint32_t reason;
    uint8_t action; /* ats_intent_action */
    uint8_t side;
    uint8_t type;
    uint8_t tif;
    uint32_t state; /* ats_order_state after route took it */
    uint32_t intent_flags;
    int64_t bid_e9; /* the market the decision saw */
    int64_t ask_e9;
    uint32_t route_took_ns; /* route's own stamps, ns since origin_ns */
    uint32_t journaled_ns;
    uint32_t sent_ns;
    float score;
    uint64_t target_order_id; /* CANCEL, REPLACE: the order to cancel or replace */
    int64_t stop_e9;          /* these as in the intent */
    int64_t trail_e9;
    int64_t target_e9;
    int64_t stop_leg_e9;
    int64_t stop_leg_limit_e9;
    uint64_t parent_id;
    uint8_t order_class;
    uint8_t algorithm;
    uint8_t reserved8[6];
    int64_t target_cum_qty_e9; /* REPLACE: how much of the target route had seen filled */
    uint64_t reserved[5];
} ats_order;

typedef enum ats_exec_type {
    ATS_EXEC_ACCEPTED = 1,
    ATS_EXEC_REJECTED = 2,
    ATS_EXEC_FILL = 3,
    ATS_EXEC_CANCELED = 4,
    ATS_EXEC_EXPIRED = 5,
    ATS_EXEC_CANCEL_REJECTED = 6,
    ATS_EXEC_REFUSED = 7,          /* the gate's refusal, on the way back to the strategy */
    ATS_EXEC_REPLACED = 8,         /* order_id is the old order; the new one has its own ACCEPTED */
    ATS_EXEC_REPLACE_REJECTED = 9, /* order_id is the old order, which stands */
    ATS_EXEC_TRIGGERED = 10,       /* a stop became a market or limit order */
    ATS_EXEC_BUSTED = 11,          /* the fill ref_exec_id never was */
    ATS_EXEC_CORRECTED = 12, /* the fill ref_exec_id was last_qty_e9 at last_px_e9 for fee_e9 */
    ATS_EXEC_TYPE_COUNT
} ats_exec_type;
const char *ats_exec_type_label(uint32_t type);

/* EXEC: what the broker says of an order. exec_id is unique; cum_qty never falls. */
typedef struct ats_exec {
    ats_header h;
    uint64_t order_id;
    uint64_t exec_id;
    uint64_t after_seq; /* event_seq of the last chain record route had seen */
    int64_t last_qty_e9;
    int64_t last_px_e9;
    int64_t cum_qty_e9;
    int64_t leaves_qty_e9;
    int64_t fee_e9; /* of this fill, >= 0 is paid */
    uint32_t type;  /* ats_exec_type */
    uint32_t check; /* REFUSED, REJECTED, CANCEL_REJECTED, REPLACE_REJECTED: ats_check; 0 = other */
    uint32_t account_id;
    uint32_t strategy_id;
    uint8_t side;
    uint8_t order_state; /* ats_order_state after this event */
    uint8_t liquidity;   /* 1 took, 2 made */
    uint8_t reserved8;
    uint32_t reason;       /* ats_reason of the intent */
    uint64_t ref_exec_id;  /* BUSTED, CORRECTED: the fill that is meant; the bust has its own id */
    uint64_t ref_order_id; /* REPLACED, REPLACE_REJECTED: the new order; of a leg: its head */
    int64_t bid_e9;        /* FILL: the market when it happened, 0 = not known */
    int64_t ask_e9;
    uint64_t reserved[9];
} ats_exec;

/* POSITION: holding and account after a fill, or at the end. */
typedef struct ats_position {
    ats_header h;
    int64_t qty_e9;
    int64_t average_e9; /* display only: total cost / quantity, rounded */
    int64_t mark_e9;
    int64_t realized_e9;
    int64_t unrealized_e9;
    int64_t fees_e9;
    int64_t equity_e9; /* of the account */
    int64_t cash_e9;
    int64_t gross_e9;
    int64_t net_e9;
    int64_t drawdown_e9;
    uint32_t account_id;
    uint32_t trades; /* fills of the day */
    uint64_t reserved[12];
} ats_position;

typedef enum ats_control_code {
    ATS_CONTROL_PAUSE = 1,
    ATS_CONTROL_RESUME = 2,
    ATS_CONTROL_KILL = 3,
    ATS_CONTROL_MODEL = 4,
    ATS_CONTROL_HALT = 5,        /* latch: nothing that adds exposure */
    ATS_CONTROL_FREEZE = 6,      /* latch: no order at all; cancels pass */
    ATS_CONTROL_REARM = 7,       /* a person takes latches and tripped throttles back */
    ATS_CONTROL_FLATTEN = 8,     /* leave every position (symbol_id 0) or one */
    ATS_CONTROL_LIMIT = 9,       /* another value of a limit until a time */
    ATS_CONTROL_SAFE_MODE = 10,  /* smaller sizes, tighter stops; limit.value 0 = off */
    ATS_CONTROL_COVARIANCE = 11, /* one entry of the covariance of daily returns */
    ATS_CONTROL_COUNT
} ats_control_code;
const char *ats_control_label(uint32_t code);

#define ATS_SHA256_BYTES 32u

/* CONTROL: a command on its way down the chain. Of the market records' size, since it enters at
 * feed and a wider record would widen every slot of the busiest link. */
typedef struct ats_control {
    ats_header h;
    uint32_t code; /* ats_control_code */
    uint32_t account_id;
    uint32_t model_id;    /* MODEL: the one that scores from the next event on */
    uint32_t strategy_id; /* PAUSE, RESUME, FLATTEN: one strategy; 0 = all */
    union {
        uint8_t model_sha256[ATS_SHA256_BYTES]; /* MODEL: of its file, for who reads the tape */
        struct {
            int64_t value; /* in the limit's own unit */
            int64_t
                until_ns; /* recv_ns from which the configured value holds again; 0 = for good */
            uint32_t limit_id; /* see stages/risk/limits.h */
            uint32_t reserved32;
            uint64_t reserved;
        } limit;
        struct {
            int64_t value_e18; /* of daily log returns; on the diagonal a variance */
            uint32_t symbol_a;
            uint32_t symbol_b;
            uint32_t version; /* entries of one matrix carry one; it counts when it is whole */
            uint32_t entries; /* how many the version has */
            uint64_t reserved;
        } covariance;
    };
    uint64_t reserved[2];
} ats_control;

typedef enum ats_env_code {
    ATS_ENV_NONE = 0,
    ATS_ENV_KILLED = 1,
    ATS_ENV_TAP_SHORT = 2,
    ATS_ENV_TAP_CLEAR = 3,
    ATS_ENV_DISK_SHORT = 4,
    ATS_ENV_DISK_CLEAR = 5,
    ATS_ENV_HALTED = 6, /* the latches */
    ATS_ENV_FROZEN = 7,
    ATS_ENV_REARMED = 8,        /* subject: strategy, 0 = all */
    ATS_ENV_PAUSED = 9,         /* subject: strategy, 0 = all */
    ATS_ENV_RESUMED = 10,       /* subject: strategy, 0 = all */
    ATS_ENV_THROTTLE = 11,      /* subject: strategy; value: entries in the window */
    ATS_ENV_DRAWDOWN = 12,      /* nothing is opened this day; value: loss in 1e-9 */
    ATS_ENV_LOSS_STREAK = 13,   /* nothing is opened this day; value: losses in a row */
    ATS_ENV_SAFE_MODE = 14,     /* value: 1 on, 0 off; subject: 1 by drawdown, 0 by hand */
    ATS_ENV_LIMIT = 15,         /* subject: limit; value: what holds now */
    ATS_ENV_LIMIT_REFUSED = 16, /* subject: limit, or what the command said; value: asked for */
    ATS_ENV_COVARIANCE = 17,    /* a matrix is whole and in use; subject: version */
    ATS_ENV_COVARIANCE_REFUSED = 18, /* subject: version; value: 1e-18 */
    ATS_ENV_ACTION_REFUSED = 19,     /* a corporate action that no position can follow */
    ATS_ENV_BUST_UNKNOWN = 20,       /* a bust or correction of a fill that is not known */
    ATS_ENV_STRATEGY_SUSPENDED = 21, /* value: its number; it overran its budget too often */
    ATS_ENV_KILL_DONE = 22, /* route: after a kill no order that adds exposure is open; value = how
                             * many it asked to cancel */
    ATS_ENV_COUNT
} ats_env_code;
const char *ats_env_label(uint32_t code);

/* ENV: something a stage decided from that is not a record; on the tape so that replay sees it. */
typedef struct ats_env {
    ats_header h;
    uint64_t after_seq;
    uint32_t code;  /* ats_env_code */
    uint32_t stage; /* 0 = risk */
    int64_t value;
    uint32_t subject; /* which strategy, limit or version */
    uint32_t reserved32;
    uint64_t reserved[20];
} ats_env;

/* Where a market record came from. */
typedef enum ats_source {
    ATS_SOURCE_NONE = 0,
    ATS_SOURCE_SYNTH = 1,
    ATS_SOURCE_TAQ_CSV = 2,
    ATS_SOURCE_BINANCE_WS = 3,
    ATS_SOURCE_BAR_FILE = 4,
    ATS_SOURCE_ALPACA = 5,
    ATS_SOURCE_POLYGON = 6,
    ATS_SOURCE_TIINGO = 7,
    ATS_SOURCE_IEX = 8,
    ATS_SOURCE_COUNT
} ats_source;
const char *ats_source_label(uint32_t source);

#define ATS_ASSERT_RECORD(type, bytes)                                                             \
    static_assert(sizeof(type) == (bytes), #type " must be " #bytes " bytes");                     \
    static_assert(offsetof(type, h) == 0, #type " must start with its header")

static_assert(sizeof(ats_header) == 64, "header is one cache line");
static_assert(offsetof(ats_header, symbol_id) == 32, "header layout");
static_assert(offsetof(ats_header, stamp_ns) == 40, "header layout");
ATS_ASSERT_RECORD(ats_quote, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_trade, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_bar, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_book_level, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_status, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_corporate_action, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_clock_record, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_features, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_signal, ATS_RECORD_DERIVED);
ATS_ASSERT_RECORD(ats_intent, ATS_RECORD_DERIVED);
ATS_ASSERT_RECORD(ats_verdict, ATS_RECORD_DERIVED);
ATS_ASSERT_RECORD(ats_order, ATS_RECORD_DERIVED);
ATS_ASSERT_RECORD(ats_exec, ATS_RECORD_DERIVED);
ATS_ASSERT_RECORD(ats_position, ATS_RECORD_DERIVED);
ATS_ASSERT_RECORD(ats_control, ATS_RECORD_MARKET);
ATS_ASSERT_RECORD(ats_env, ATS_RECORD_DERIVED);

/* Any record of that size, for code that reads one before it knows its kind. */
typedef union ats_market {
    ats_header h;
    ats_quote quote;
    ats_trade trade;
    ats_bar bar;
    ats_book_level book_level;
    ats_status status;
    ats_corporate_action corporate_action;
    ats_clock_record clock;
    ats_control control;
} ats_market;
static_assert(sizeof(ats_market) == ATS_RECORD_MARKET, "all market records are of one size");

/* Bytes of a record of this kind on a link whose vectors hold feature_count floats: whole lines. */
static inline uint32_t ats_record_bytes(uint32_t kind, uint32_t feature_count)
{
    if (kind <= ATS_KIND_END || kind == ATS_KIND_CONTROL)
        return ATS_RECORD_MARKET;
    if (kind == ATS_KIND_FEATURES)
        return (ATS_RECORD_MARKET + feature_count * (uint32_t)sizeof(float) + 63u) & ~63u;
    return ATS_RECORD_DERIVED;
}

/* Saturating stamp: ns from origin to now. 0 means "not passed", so a passed one is at least 1. */
static inline uint32_t ats_stamp_since(uint64_t origin_ns, uint64_t now_ns)
{
    uint64_t d = now_ns > origin_ns ? now_ns - origin_ns : 1;
    return d > UINT32_MAX ? UINT32_MAX : (uint32_t)d;
}

#endif
