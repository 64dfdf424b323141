/* desk.h: the positions of each strategy, and every order that makes, guards or leaves one.
 *
 * A *slot* is one strategy in one symbol: its virtual position. Slots of a symbol add up to the
 * account's position. What a slot holds is changed by fills of its own orders alone, so profit is
 * attributed without a rest.
 *
 * A slot goes round:
 *
 *     FLAT ── enter ──> ENTERING ── the parent is done ──> HELD ── an exit ──> LEAVING ──> FLAT,
 * rests └── nothing filled ──> FLAT, rests
 *
 * ENTERING and LEAVING have a parent order at work (execution.h). HELD is guarded: by a stop that
 * rests at the broker, by stop and target of which one cancels the other, or by the engine's own
 * watch, as configured; the watch is there as well whenever nothing rests. A broker that holds the
 * shares for a resting order, and refuses orders against one's own, is why guards rest only while
 * no parent is at work, and are cancelled, and the cancel confirmed, before an exit is sent.
 *
 * Exits are attributed by what was first: stop, trailing stop, target, time, session, the
 * strategy's rule, flatten.
 *
 * An exit is tried until the position is gone: its parent ends in a market order; what is refused
 * or rejected is tried again (ats_slot_wait), for as long as the run goes on.
 *
 * Intents go into an outbox; the stage passes them on as there is room, and takes nothing new
 * before it is empty, so decisions do not depend on room. Owner: the strategy stage.
 */
#ifndef ATS_STAGES_STRATEGY_DESK_H
#define ATS_STAGES_STRATEGY_DESK_H

#include "calc/money.h"
#include "calc/order_table.h"
#include "core/metrics.h"
#include "stages/strategy/market.h"

/* What an order of ours is for. */
typedef enum ats_order_role {
    ATS_ROLE_NONE = 0,
    ATS_ROLE_CHILD = 1, /* of the slot's parent */
    ATS_ROLE_STOP = 2,  /* guards */
    ATS_ROLE_TARGET = 3 /* guards */
} ats_order_role;

/* A resting guard of a slot. */
typedef struct ats_guard {
    uint64_t order;     /* 0 = none */
    uint64_t successor; /* the id that a replace on its way gives it; 0 = none */
    int64_t qty_e9, px_e9;
    int64_t next_qty_e9, next_px_e9; /* of the successor */
    int64_t changed_ns;              /* when it was placed or moved */
    bool leaving;                    /* a cancel is on its way */
    bool live;                       /* the broker has said that it rests */
} ats_guard;

typedef struct ats_slot {
    int64_t qty_e9;         /* > 0 long, < 0 short */
    ats_money_e18 cost_e18; /* total cost of what is held; negative for a short */
    int64_t entry_ns, best_e9;
    int64_t stop_e9, target_e9, trail_e9;         /* 0 = none */
    int64_t stop_distance_e9, target_distance_e9; /* from the entry's average, until it is known */
    int64_t hold_until_ns;                        /* INT64_MAX = any time */
    int64_t rest_until_ns;                        /* no entry before */
    int64_t retry_ns;                             /* no exit and no new guard before */
    int64_t guard_retry_ns;                       /* no new guard before */
    uint32_t refusals;                            /* in a row: each doubles the wait */
    uint32_t strategy, symbol;
    uint32_t parent;       /* place + 1; 0 = none at work */
    uint32_t leave_reason; /* ats_reason of the exit that is wanted; NONE = stay */
    double leave_urgency;
    ats_guard stop, target;
    float score, confidence;
    uint32_t model;
    uint32_t active_at;      /* place in the list of active slots */
    uint32_t next, previous; /* active ones of the symbol; place + 1 */
    bool active;
    bool overnight; /* not left at the end of the day */
    bool trailed;   /* the trail has moved the stop */
    bool emergency;
} ats_slot;

/* A fill, as long as the broker may correct it: as many as the largest account of ours makes in a
 * day. */
#define ATS_DESK_FILLS 16384u

typedef struct ats_desk_fill {
    uint64_t exec_id;
    int64_t qty_e9; /* its sign: bought or sold */
    int64_t px_e9, fee_e9;
} ats_desk_fill;

typedef struct ats_desk_config {
    const ats_strategy_settings *settings;
    const ats_symbols *symbols;
    ats_metrics_strategy *metrics;
    int64_t start_cash_e9;
    uint32_t account_id;
    uint32_t strategy_count;
    uint32_t order_capacity; /* a power of two */
} ats_desk_config;

typedef struct ats_desk {
    ats_desk_config config;
    ats_markets *markets;
    ats_header cause; /* of the record in hand: what is decided now follows from it */
    ats_money_e18 cash_e18;

    ats_slot *slots; /* [strategy_count][symbol_count + 1] */
    uint32_t *active;
    uint32_t active_count;
    uint32_t *first_active; /* by symbol; place + 1 */
    uint32_t position_count;
    ats_money_e18 *flows_e18; /* [strategy_count]: what each has taken in, less what it paid */

    ats_parent *parents; /* [order_capacity] */
    uint32_t *free_parents;
    uint32_t parent_count;
    uint64_t parent_ids;

    ats_order_table *orders; /* all that are not final */
    uint32_t *order_slot;    /* by place in the pool */
    uint8_t *order_role;
    uint64_t ids; /* intent ids given out */

    ats_desk_fill *fills; /* the last ATS_DESK_FILLS, a ring */
    uint64_t fill_count;

    ats_intent *outbox; /* a ring */
    uint32_t outbox_mask, outbox_head, outbox_count;
    bool stopped; /* a kill, halt or freeze was seen: no entries */
    bool frozen;  /* no order passes, a cancel would: guards stay where they are */
    bool ended;   /* END has passed: nothing sent now would be answered */
} ats_desk;

size_t ats_desk_footprint(const ats_desk_config *config);
void ats_desk_init(ats_desk *desk, void *memory, const ats_desk_config *config,
                   ats_markets *markets);

static inline ats_slot *ats_desk_slot(const ats_desk *d, uint32_t strategy, uint32_t symbol_id)
{
    return &d->slots[(size_t)strategy * (d->config.symbols->count + 1) + symbol_id];
}

/* An entry that was sized and checked. */
typedef struct ats_desk_entry {
    uint8_t side;
    int64_t qty_e9;
    int64_t cap_e9; /* worst price; 0 = none */
    int64_t stop_distance_e9, target_distance_e9, trail_e9;
    int64_t hold_ns; /* 0 = any */
    double urgency;
    float score, confidence;
    uint32_t model;
    bool overnight;
} ats_desk_entry;

/* Room for one more entry at work? */
bool ats_desk_has_room(const ats_desk *d);

/* Sends the first order of an entry. The slot is flat and has nothing at work. */
void ats_desk_enter(ats_desk *d, ats_slot *slot, const ats_desk_entry *entry);

/* Wants the slot flat; an entry at work is taken back. False when there is nothing to leave. */
bool ats_desk_leave(ats_desk *d, ats_slot *slot, uint32_t reason, double urgency, bool emergency);

/* Moves the stop of a position. */
void ats_desk_set_stop(ats_desk *d, ats_slot *slot, int64_t stop_e9);

/* Looks at the active slots of a symbol (its price moved), or at all (time passed). */
void ats_desk_look_at_symbol(ats_desk *d, uint32_t symbol_id);
void ats_desk_look_at_all(ats_desk *d);

/* Takes an answer. Returns the slot that it was of, or NULL; *fill_qty_e9 is what it changed the
 * slot's position by, 0 when it was no fill. */
ats_slot *ats_desk_exec(ats_desk *d, const ats_exec *exec, int64_t *fill_qty_e9);

/* A split or dividend of a symbol. */
void ats_desk_action(ats_desk *d, const ats_corporate_action *action);

/* Positions and their money, in 1e-18. */
ats_money_e18 ats_desk_equity(const ats_desk *d);
/* What a strategy has made: realised and unrealised, fees and dividends in it. The profits of all
 * add up to the account's equity less what it began with. */
ats_money_e18 ats_desk_profit(const ats_desk *d, uint32_t strategy);
ats_money_e18 ats_desk_used(const ats_desk *d, uint32_t strategy);

int64_t ats_slot_average_e9(const ats_slot *slot);

/* An intent waiting to be passed on, the oldest; NULL: none. */
const ats_intent *ats_desk_outbox(const ats_desk *d);
void ats_desk_sent(ats_desk *d);

/* ---- between the files of the desk ---------------------------------------------------------- */

/* Puts an order into the outbox; id taken, entered in the table of orders. NULL: no room. */
ats_intent *ats_desk_order(ats_desk *d, ats_slot *slot, uint8_t role, uint8_t side, int64_t qty_e9,
                           uint32_t reason);
/* A leg of the head that was just put out; it takes the ids of all legs. */
bool ats_desk_leg(ats_desk *d, ats_slot *slot, const ats_intent *head, uint32_t leg, uint8_t role);
void ats_desk_cancel(ats_desk *d, ats_slot *slot, uint64_t order_id);
/* A new order in the place of another; the successor has the same role. */
ats_intent *ats_desk_replace(ats_desk *d, ats_slot *slot, uint64_t order_id, int64_t qty_e9,
                             uint32_t reason);

/* Before an exit or a guard that was refused is asked for again: a second, twice as long each time,
 * at most 32; a second always where it must get out at once. A market that is shut for a weekend is
 * then asked some thousand times, not some hundred thousand. */
int64_t ats_slot_wait(ats_slot *slot, int64_t now_ns);

/* What rests for a slot. */
void ats_guard_keep(ats_desk *d, ats_slot *slot); /* makes it what it should be */
/* Does a stop that rests do what the position's stop should? One that lags behind it does not. */
bool ats_guard_covers(const ats_desk *d, const ats_slot *slot);
bool ats_guard_clear(ats_desk *d, ats_slot *slot); /* true once nothing rests */
void ats_guard_forget_successor(ats_slot *slot, const ats_exec *exec);
void ats_guard_answer(ats_slot *slot, uint8_t role, const ats_exec *exec, bool final);

static inline ats_guard *ats_guard_of(ats_slot *slot, uint8_t role)
{
    return role == ATS_ROLE_STOP ? &slot->stop : &slot->target;
}

#endif
