/* rest.h: a REST call in hand, and what its functions share. */
#ifndef ATS_IO_VENUE_ALPACA_REST_H
#define ATS_IO_VENUE_ALPACA_REST_H

#include "io/venue/alpaca/parts.h"
#include "io/venue/alpaca/wire.h"

#define REST_QUERY_MAX   32u
#define REST_QUERY_BYTES 8192u
#define REST_PATH_BYTES  512u

#define REST_CODE_NOT_FOUND  40410000
#define REST_CODE_BAD_PARAMS 42210000

typedef struct rest_call {
    char path[REST_PATH_BYTES];
    char query[REST_QUERY_BYTES]; /* decoded pairs, each ended by NULs */
    const char *name[REST_QUERY_MAX], *value[REST_QUERY_MAX];
    uint32_t count;
    char *arg; /* what stood for the * of the route; "" where there is none */
    json_t *body;
    broker_refusal why;
    int status;      /* of an answer that is no refusal */
    broker_wire raw; /* the answer as text, where it is not a json_t */
} rest_call;

/* What goes into the reply: NULL is no body, or call->raw. A refusal is told by call->why. */
typedef json_t *rest_function(ats_paper *b, rest_call *call);

/* A parameter; NULL where there is none. */
const char *rest_query(const rest_call *call, const char *name);
bool rest_query_is(const rest_call *call, const char *name, const char *value);
/* A time or a date, or a number 1..most; `fallback` where there is none, or with a refusal. */
int64_t rest_query_time(rest_call *call, const char *name, int64_t fallback);
uint64_t rest_query_count(rest_call *call, const char *name, uint64_t fallback, uint64_t most);
/* Is the word one of a list between commas? Without the list: yes. */
bool rest_lists(const rest_call *call, const char *name, const char *word);

/* Refuses; gives NULL. */
json_t *rest_not_found(rest_call *call, const char *what);

/* ---- history.c: calls under /v2/stocks ------------------------------------------------------ */

rest_function rest_history, rest_latest, rest_snapshots;

#endif
