/* parts.h: what the files of the Alpaca broker share. Include io/venue/alpaca/paper.h elsewhere.
 */
#ifndef ATS_IO_VENUE_ALPACA_PARTS_H
#define ATS_IO_VENUE_ALPACA_PARTS_H

#include "io/venue/alpaca/paper.h"

#include <jansson.h>

#define BROKER_CLIENT_ID_BYTES 129u /* 128 and a NUL */
#define BROKER_UUID_BYTES      37u
#define BROKER_TIME_BYTES      40u

typedef enum broker_status {
    BROKER_PENDING_NEW = 0,
    BROKER_ACCEPTED = 1, /* waits for the session */
    BROKER_NEW = 2,
    BROKER_HELD = 3,
    BROKER_PARTIALLY_FILLED = 4,
    BROKER_PENDING_CANCEL = 5,
    BROKER_PENDING_REPLACE = 6,
    BROKER_FILLED = 7, /* over from here on */
    BROKER_CANCELED = 8,
    BROKER_EXPIRED = 9,
    BROKER_REPLACED = 10,
    BROKER_REJECTED = 11,
    BROKER_STATUS_COUNT
} broker_status;

static inline bool broker_is_over(broker_status status)
{
    return status >= BROKER_FILLED;
}

typedef struct broker_order {
    uint64_t order_id; /* 0: no such order */
    uint64_t head_id;  /* of a leg */
    uint64_t replaces, replaced_by;
    uint32_t symbol_id;
    uint8_t side, type, tif, order_class; /* as in core/record.h */
    uint8_t status;                       /* broker_status */
    bool extended;
    uint8_t reserved8[2];
    int64_t qty_e9, filled_e9;
    int64_t notional_e9;
    int64_t limit_e9, stop_e9, trail_e9;
    int64_t trail_percent_e9;                          /* as it was given; 0 = in money */
    int64_t target_e9, stop_leg_e9, stop_leg_limit_e9; /* of a head's legs */
    ats_money_e18 filled_value_e18;
    int64_t submitted_ns, updated_ns, filled_ns, canceled_ns, expired_ns, failed_ns, replaced_ns;
    int64_t cancel_asked_ns;
    char client_id[BROKER_CLIENT_ID_BYTES];
} broker_order;

typedef struct broker_fill {
    uint64_t order_id;
    uint64_t exec_id;
    int64_t at_ns;
    int64_t qty_e9, px_e9, cum_e9, leaves_e9;
} broker_fill;

/* A bar under construction. It is one once it has a price; volume may come before. */
typedef struct broker_bar {
    ats_bar bar;             /* period_s 0: nothing is in it */
    ats_money_e18 value_e18; /* of its prints */
} broker_bar;

static inline bool broker_bar_is_there(const broker_bar *a)
{
    return a->bar.period_s != 0 && a->bar.open_e9 > 0;
}

/* The last known of a symbol. */
typedef struct broker_symbol {
    broker_bar minute, day;
    ats_bar last_minute, previous_day;
    ats_quote quote; /* recv_ns 0: none yet */
    ats_trade trade;
    int64_t last_e9;     /* price of the last trade, or mid */
    int64_t day_last_e9; /* the same at the end of the session before */
} broker_symbol;

struct ats_paper {
    ats_paper_config config;
    ats_venue_sim *sim;
    ats_portfolio *portfolio;
    broker_symbol *symbol; /* [symbol_count + 1] */
    int64_t now_ns;
    int64_t last_equity_e9; /* at the end of the session before */
    int64_t minute_ns;      /* start of the minute that bars are made of */
    ats_segment segment;    /* of the calendar, that holds now */

    broker_order *order; /* [order_capacity], by order id */
    uint64_t order_count, order_capacity;
    uint64_t open_count;
    uint64_t *by_client; /* [client_capacity]: order ids by hash of the client id; 0 = free */
    uint64_t client_count, client_capacity;
    broker_fill *fill;
    uint64_t fill_count, fill_capacity;
    uint64_t event_count; /* updates told that are no fills */

    ats_paper_stream *streams; /* list */
};

/* ---- text.c --------------------------------------------------------------------------------- */

extern const char *const broker_status_text[BROKER_STATUS_COUNT];

/* Values in 1e-9 as JSON text, "1.5"; NULL for 0 where that means none. */
json_t *broker_text_e9(int64_t value_e9);
json_t *broker_text_or_null_e9(int64_t value_e9);
json_t *broker_text_e18(ats_money_e18 value_e18);
/* UTC, RFC 3339; NULL for 0. */
json_t *broker_time_json(int64_t ns);
/* The same in New York's time with its offset, to the second. */
json_t *broker_local_time_json(const ats_paper *b, int64_t ns);

/* Ids. kind keeps those of orders, assets and executions apart. */
enum {
    BROKER_ID_ORDER = 1,
    BROKER_ID_CLIENT = 2, /* of an order that came without one */
    BROKER_ID_ASSET = 3,
    BROKER_ID_EXECUTION = 4,
    BROKER_ID_ACCOUNT = 5
};
void broker_uuid(const ats_paper *b, uint32_t kind, uint64_t number, char out[BROKER_UUID_BYTES]);
/* The number behind a UUID of this kind; 0: it is none of ours. */
uint64_t broker_uuid_number(const ats_paper *b, uint32_t kind, const char *text);
json_t *broker_uuid_json(const ats_paper *b, uint32_t kind, uint64_t number);

bool broker_is_crypto(const ats_paper *b, uint32_t symbol_id);

/* ---- orders.c ------------------------------------------------------------------------------- */

/* A refusal: an HTTP status, Alpaca's code, and its words. */
typedef struct broker_refusal {
    int status; /* 0: none */
    int code;
    char message[200];
    json_t *more; /* keys beside, or NULL; owned by whoever has the refusal */
} broker_refusal;

void broker_refuse(broker_refusal *r, int status, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

broker_order *broker_order_at(const ats_paper *b, uint64_t order_id);
broker_order *broker_order_by_client(const ats_paper *b, const char *client_id);
uint32_t broker_symbol_by_text(const ats_paper *b, const char *text); /* or asset id; 0 = none */

/* Each gives the order that comes of it, or NULL with the refusal filled in. */
broker_order *broker_submit(ats_paper *b, json_t *body, broker_refusal *why);
broker_order *broker_replace(ats_paper *b, broker_order *o, json_t *body, broker_refusal *why);
broker_order *broker_cancel(ats_paper *b, broker_order *o, broker_refusal *why);
/* Leaves a position: a market order of this quantity, 0 = all of it. */
broker_order *broker_close(ats_paper *b, uint32_t symbol_id, int64_t qty_e9, broker_refusal *why);

/* Held less what open orders would sell (of a short position: buy). */
int64_t broker_free_qty_e9(const ats_paper *b, uint32_t symbol_id);

/* ---- answers.c ------------------------------------------------------------------------------ */

/* Does what has fallen due at the venue until now. */
void broker_run_due(ats_paper *b);

/* ---- render.c ------------------------------------------------------------------------------- */

json_t *broker_order_json(const ats_paper *b, const broker_order *o, bool nested);
json_t *broker_account_json(const ats_paper *b);
json_t *broker_position_json(const ats_paper *b, uint32_t symbol_id);
json_t *broker_asset_json(const ats_paper *b, uint32_t symbol_id);
json_t *broker_clock_json(const ats_paper *b);
json_t *broker_session_json(const ats_paper *b, const ats_session *session);
json_t *broker_fill_json(const ats_paper *b, const broker_fill *f);
json_t *broker_refusal_json(broker_refusal *why);

/* Equity times the multiplier less what is held and asked for, >= 0. */
int64_t broker_buying_power_e9(const ats_paper *b);

/* ---- bars.c --------------------------------------------------------------------------------- */

int64_t broker_local_midnight(const ats_paper *b, int64_t ns);

/* Adds a trade or a finer bar to one that starts at start_ns. False: a trade that makes no bar. */
bool broker_bar_add_trade(broker_bar *a, const ats_trade *t, int64_t start_ns, uint32_t period_s);
void broker_bar_add_bar(broker_bar *a, const ats_bar *piece, int64_t start_ns, uint32_t period_s);

void broker_bars_of_trade(ats_paper *b, const ats_trade *t);
void broker_end_minutes(ats_paper *b);

/* ---- streams.c ------------------------------------------------------------------------------ */

/* fill: of "fill" and "partial_fill"; NULL for any other event. */
void broker_tell_update(ats_paper *b, const char *event, const broker_order *o,
                        const broker_fill *fill);
void broker_tell_market(ats_paper *b, const ats_market *m);

#endif
