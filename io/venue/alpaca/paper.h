/* paper.h: the simulated venue in Alpaca's words: one paper account behind Alpaca's trading and
 * market-data protocols, without sockets.
 *
 * Whoever serves it (tools/cmd_venue.c) hands in market records and time, whole HTTP requests and
 * whole stream messages, and sends what comes back. Matching is that of backtests
 * (io/venue/venue_sim.h); positions and money are calc/portfolio.h. What follows is what the broker
 * adds, and where it is simpler than Alpaca.
 *
 * Ids. An order's UUID holds its number, so no table is needed to find it; a client order id may be
 * used once, for ever. Equal seeds and requests give equal ids.
 *
 * Orders. Every type, class and time in force of X2; quantity or notional (at the market of the
 * moment, down to 1e-9); trail in money or per cent (of the price of the moment: the distance then
 * stays). POST answers with the order as it was taken (pending_new, or accepted outside the
 * session), what becomes of it comes on the stream. Refused at once, with Alpaca's codes: what is
 * malformed, a client order id used before, too little buying power, more than is held and free, a
 * short sale of what cannot be borrowed, an own market or stop order on the other side. PATCH makes
 * a new order; its qty is what is wanted from now on, without what the old one has filled.
 *
 * Account. Buying power is four times equity less the gross value of positions and of open orders
 * that add to them; Regulation T's figures stand beside. Fees are taken from cash with each fill.
 *
 * Owner: one thread. Cold: it allocates, and its JSON is jansson's.
 */
#ifndef ATS_IO_VENUE_ALPACA_PAPER_H
#define ATS_IO_VENUE_ALPACA_PAPER_H

#include "calc/portfolio.h"
#include "io/venue/venue_sim.h"

/* Orders of a run; one more is refused. 300 bytes each. */
#define ATS_PAPER_ORDERS_MAX 1000000u

/* Visits what was recorded of a symbol, in time: records with from_ns <= recv_ns <= to_ns, until
 * `visit` returns false. 0, or -1 with an error pushed. */
typedef int ats_paper_history(void *context, uint32_t symbol_id, int64_t from_ns, int64_t to_ns,
                              bool (*visit)(void *visitor, const ats_market *m), void *visitor);

typedef struct ats_paper_config {
    const ats_symbols *symbols;   /* these three outlive the broker */
    const ats_calendar *calendar; /* of equities; NULL: no sessions */
    const char *key, *secret;     /* what every request and stream must show */
    ats_venue_sim_config venue;   /* symbols and calendar are filled in */
    int64_t cash_e9;              /* at the start */
    uint64_t seed;                /* of ids */
    int64_t start_ns;             /* venue time before the first record */
    ats_paper_history *history;   /* NULL: there is none */
    void *history_context;
} ats_paper_config;

typedef struct ats_paper ats_paper;

/* NULL with an error pushed: no memory. */
ats_paper *ats_paper_new(const ats_paper_config *config);
void ats_paper_free(ats_paper *b);

/* ---- time and market ------------------------------------------------------------------------ */

/* The next record, once it is known and before its time; the record, at its time; time that passes
 * without one. Time never falls. What falls due is done, and told to the streams. */
void ats_paper_foresee(ats_paper *b, const ats_market *next);
void ats_paper_market(ats_paper *b, const ats_market *m);
void ats_paper_advance(ats_paper *b, int64_t now_ns);
int64_t ats_paper_now(const ats_paper *b);

/* ---- REST ----------------------------------------------------------------------------------- */

typedef struct ats_paper_request {
    const char *method; /* "GET" */
    const char *target; /* path and query as in the request line */
    const char *key, *secret;
    const void *body;
    size_t body_bytes;
} ats_paper_request;

typedef struct ats_paper_reply {
    int status;
    char *body; /* NULL: none; the caller frees */
    size_t body_bytes;
} ats_paper_reply;

/* 0, or -1 with an error pushed: no memory. Anything else is told in the reply. */
int ats_paper_rest(ats_paper *b, const ats_paper_request *request, ats_paper_reply *reply);

/* ---- streams -------------------------------------------------------------------------------- */

typedef enum ats_paper_stream_kind {
    ATS_PAPER_STREAM_DATA = 1,   /* /v2/iex, /v2/sip, /v2/test */
    ATS_PAPER_STREAM_UPDATES = 2 /* /stream */
} ats_paper_stream_kind;

typedef struct ats_paper_stream_config {
    ats_paper_stream_kind kind;
    bool msgpack;             /* else JSON */
    const char *key, *secret; /* of the upgrade request's headers; NULL: a message will tell */
    /* A whole message to send. It must not call back into the broker. */
    void (*send)(void *context, const void *bytes, size_t length, bool binary);
    void *context;
} ats_paper_stream_config;

typedef struct ats_paper_stream ats_paper_stream;

/* NULL with an error pushed: no memory. The greeting is sent within. */
ats_paper_stream *ats_paper_stream_open(ats_paper *b, const ats_paper_stream_config *config);

/* A message of the client. False: the connection is to be closed, after what was sent. */
bool ats_paper_stream_message(ats_paper_stream *s, const void *bytes, size_t length);
void ats_paper_stream_close(ats_paper_stream *s);

/* Market messages are gathered, one array a stream, until this sends them. */
void ats_paper_flush(ats_paper *b);

/* ---- for tests and reports ------------------------------------------------------------------ */

const ats_portfolio *ats_paper_portfolio(const ats_paper *b);
uint64_t ats_paper_order_count(const ats_paper *b);
uint64_t ats_paper_open_count(const ats_paper *b);

#endif
