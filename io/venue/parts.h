/* parts.h: what the files of the simulated venue share. Include io/venue/venue_sim.h elsewhere. */
#ifndef ATS_IO_VENUE_PARTS_H
#define ATS_IO_VENUE_PARTS_H

#include "io/venue/venue_sim.h"

#define AUCTION_WAIT_NS (300 * ATS_SECOND_NS)

typedef enum action_kind {
    ACTION_ARRIVE = 1, /* a NEW or REPLACE is there */
    ACTION_CANCEL = 2,
    ACTION_ARRIVE_LATE = 3, /* the same from inside a bar, at its end */
    ACTION_CANCEL_LATE = 4,
    ACTION_ASK = 5,
    ACTION_BAR = 6,
    ACTION_ANSWER = 7 /* an answer is with us */
} action_kind;

/* Something that will happen. The heap orders by (due_ns, turn): equal times in the order in which
 * they were scheduled. */
typedef struct action {
    int64_t due_ns;
    uint64_t turn;
    uint64_t family; /* ANSWER: whose stream it is part of */
    uint32_t kind;   /* action_kind */
    uint32_t symbol_id;
    union {
        ats_order order;
        ats_exec exec;
    };
} action;

/* When an order came into a bar's market. */
typedef enum bar_entry { ENTRY_BEFORE = 0, ENTRY_AT_OPEN = 1, ENTRY_INSIDE = 2 } bar_entry;

/* The venue's own side of an order, beside its entry of the order table. */
typedef struct venue_order {
    uint64_t family;   /* the id that the latency of its answers comes from */
    int64_t answer_ns; /* its last answer is there then: later ones come no earlier */
    int64_t end_ns;    /* from then on it is over; INT64_MAX = never */
    int64_t session_open_ns, session_close_ns; /* OPG, CLS: of the session it is for */
    int64_t best_e9;  /* trailing stop: best price since it rests; 0 = none yet */
    int64_t ahead_e9; /* queue before it; -1 = not known */
    bool triggered;
    bool over;     /* ended; removed when the pass over its symbol is done */
    uint8_t entry; /* bar_entry, in the bar in hand */
} venue_order;

typedef struct venue_symbol {
    int64_t bid_e9, ask_e9, bid_size_e9, ask_size_e9;
    int64_t bid_taken_e9, ask_taken_e9; /* of the displayed sizes, by orders of ours */
    int64_t band_low_e9, band_high_e9;  /* LULD; 0 = none */
    int64_t change_e9;                  /* moving average of |change of the mid| */
    int64_t held_e9;                    /* our position: what fills came to */
    int64_t first_e9, last_e9;          /* prices of the session; 0 = none yet */
    int64_t session_open_ns;            /* that first and last belong to */
    ats_segment segment;                /* of the calendar, that holds the time in hand */
    const ats_calendar *calendar;       /* NULL: none */
    ats_bar bar;                        /* in hand */
    int64_t bar_left_e9;
    int64_t bar_end_ns; /* of the last bar */
    uint32_t bar_period_s;
    uint32_t over_count; /* orders to be removed */
    bool halted, quoted, traded, hard_to_borrow;
} venue_symbol;

struct ats_venue_sim {
    ats_venue_sim_config config;
    ats_order_table *orders;
    venue_order *beside;   /* by place in the pool of orders */
    venue_symbol *symbols; /* by symbol_id */
    action *pool;
    uint32_t *heap;
    uint32_t *free_list;
    uint32_t *lost; /* answers that were lost, as they were given; also in pool */
    uint32_t count; /* in the heap */
    uint32_t used;  /* of the pool: count + lost_count */
    uint32_t lost_count;
    uint32_t capacity;
    uint64_t turns;
    uint64_t exec_ids;
    int64_t now_ns;
    int64_t alarm_ns;      /* no order's end_ns is before it; INT64_MAX = none */
    int64_t round_trip_ns; /* longest time from a decision to an order that waited for one answer */
    int64_t tell_ns; /* while a bar is worked out: when its answers come; 0 = after the latency */
    bool closing;    /* END is next: no session comes any more */
    bar_entry entry; /* and what legs are marked with that are activated meanwhile */
};

/* ---- agenda.c ------------------------------------------------------------------------------- */

/* A zeroed action but for its time, or an assertion: room has been asked for. */
action *venue_schedule(ats_venue_sim *v, int64_t due_ns, action_kind kind);
action venue_pop(ats_venue_sim *v);

/* A zeroed answer that does not come until it is asked for. */
action *venue_lose(ats_venue_sim *v);

/* Has all lost answers of a family come at a time, in order. How many. */
uint32_t venue_give_lost(ats_venue_sim *v, uint64_t family, int64_t due_ns);

/* Takes the answer out that was lost first. False when there is none. */
bool venue_find_lost(ats_venue_sim *v, action *out);

/* Room to take up an order or to fill one? What every open order may need at its end stays free. */
bool venue_has_room(const ats_venue_sim *v);

/* ---- answers.c ------------------------------------------------------------------------------ */

/* Uniform 0..9999 below `share`, by (seed, id, salt) alone? */
bool venue_chance(const ats_venue_sim *v, uint64_t id, uint64_t salt, uint32_t share_bps);
int64_t venue_out_latency(const ats_venue_sim *v, uint64_t order_id);
/* There and back again, at the longest. */
int64_t venue_longest_round_trip(const ats_venue_sim_config *c);

/* Schedules an answer to an order (an entry of the table or a stranger's); happened at `at_ns`. The
 * pointer is good for filling in the rest at once. */
ats_exec *venue_answer(ats_venue_sim *v, const ats_order_entry *e, int64_t at_ns, uint32_t type);
void venue_answer_stranger(ats_venue_sim *v, const ats_order *o, uint64_t family, int64_t at_ns,
                           uint32_t type, uint32_t check);

/* What an answer that was asked for brings back. */
void venue_answer_ask(ats_venue_sim *v, uint64_t order_id, int64_t at_ns);

/* ---- orders.c ------------------------------------------------------------------------------- */

static inline venue_order *venue_beside(const ats_venue_sim *v, const ats_order_entry *e)
{
    return &v->beside[e - v->orders->pool];
}

static inline bool venue_is_live(const ats_venue_sim *v, const ats_order_entry *e)
{
    return !venue_beside(v, e)->over && e->state != ATS_ORDER_HELD;
}

ats_order_entry *venue_find(const ats_venue_sim *v, uint64_t order_id); /* NULL: not open */
void venue_arrive(ats_venue_sim *v, const action *a);
void venue_cancel(ats_venue_sim *v, const action *a);

/* Books a fill; at its end the order's legs are activated. */
void venue_fill(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns, int64_t px_e9, int64_t qty_e9,
                uint8_t liquidity);

/* Ends an order, and those that end with it, with this answer. */
void venue_end(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns, uint32_t exec_type);

/* Tells that a stop was triggered. */
void venue_trigger(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns);

/* Removes what ended in the pass that is done. */
void venue_sweep(ats_venue_sim *v, uint32_t symbol_id);

/* What it works as now: ATS_ORDER_MARKET, ATS_ORDER_LIMIT, or 0: a stop that waits. */
uint8_t venue_works_as(const ats_venue_sim *v, const ats_order_entry *e);

/* Price at which a stop that waits is triggered; 0 = not yet known. */
int64_t venue_stop_price(const ats_venue_sim *v, const ats_order_entry *e);

/* ---- sessions.c ----------------------------------------------------------------------------- */

/* Brings the symbol's segment to a time. */
void venue_look_at_calendar(venue_symbol *s, int64_t now_ns);
bool venue_is_regular(const venue_symbol *s);
bool venue_has_sessions(const venue_symbol *s);

/* May the order fill in the phase in hand? */
bool venue_may_trade(const venue_symbol *s, const ats_order_entry *e);

/* Fills in end_ns and the session it is for. False: there is no such session. */
bool venue_plan(ats_venue_sim *v, const venue_symbol *s, const ats_order_entry *e, venue_order *x);

/* A price of the symbol's session, and the auction that it is, if it is one. */
typedef enum auction { AUCTION_NONE, AUCTION_OPEN, AUCTION_CLOSE } auction;
void venue_price(ats_venue_sim *v, uint32_t symbol_id, int64_t px_e9, auction which, int64_t at_ns);

/* Ends what is over by the clock; the alarm is set to the next end. */
void venue_ring_alarm(ats_venue_sim *v);

/* ---- quotes.c ------------------------------------------------------------------------------- */

/* An order has come: takes what it may have. True when the market could be traded with. */
bool venue_take(ats_venue_sim *v, ats_order_entry *e, int64_t at_ns);
void venue_join_queue(ats_venue_sim *v, ats_order_entry *e);
void venue_on_quote(ats_venue_sim *v, const ats_quote *q);
void venue_on_trade(ats_venue_sim *v, const ats_trade *t);

/* ---- bars.c --------------------------------------------------------------------------------- */

/* Does the symbol trade on its bars? */
static inline bool venue_trades_on_bars(const venue_symbol *s)
{
    return s->bar_period_s != 0 && !s->quoted && !s->traded;
}
/* When a request of this moment acts that changes an order: INT64_MIN = at once, as it must unless
 * a bar is forming that is not known yet. */
int64_t venue_end_of_bar(const venue_symbol *s, int64_t sent_ns);
void venue_foresee_bar(ats_venue_sim *v, const ats_bar *bar);
void venue_run_bar(ats_venue_sim *v, const action *a);

/* ---- small things --------------------------------------------------------------------------- */

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t venue_left(const ats_order_entry *e)
{
    return e->qty_e9 - e->filled_e9;
}
/* Is a no worse than b for who has this side: a lower price for a buy? */
static inline bool no_worse(uint8_t side, int64_t a, int64_t b)
{
    return side == ATS_SIDE_BUY ? a <= b : a >= b;
}
static inline int64_t venue_share(int64_t qty_e9, uint32_t bps)
{
    return (int64_t)((__int128)qty_e9 * bps / 10000);
}
int64_t venue_tick(const ats_venue_sim *v, uint32_t symbol_id, int64_t px_e9);

#endif
