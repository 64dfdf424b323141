/* parts.h: what the files of the route stage share. Include stages/route/route.h elsewhere. */
#ifndef ATS_STAGES_ROUTE_PARTS_H
#define ATS_STAGES_ROUTE_PARTS_H

#include "calc/order_legs.h"
#include "calc/order_state.h"
#include "stages/route/route.h"
#include "stages/route/watch.h"

#define PORT_CHAIN    0
#define PORT_FEEDBACK 0
#define PORT_TAP      1

/* Of a kill, a record: orders looked at, and asked to cancel. 64 entries lie within 10 KiB; four
 * cancels are over in the microsecond that a record may take, and a market of a hundred records a
 * second then cancels 400. */
#define KILL_LOOKS   64u
#define KILL_CANCELS 4u

typedef struct route {
    const ats_route_config *config;
    const ats_context *context;
    ats_metrics_route *metrics;
    ats_journal *journal;
    ats_venue_sim *venue;
    ats_order_table *orders;
    watch watch;
    uint64_t last_seq;
    int64_t last_ns;     /* of the last chain record */
    int64_t now_ns;      /* of the last record or due action */
    uint32_t kill_at;    /* next entry that a kill looks at */
    uint32_t kill_open;  /* orders that add exposure, seen in this round */
    uint64_t kill_asked; /* cancels since the kill */
    bool kill_done;
    bool closing; /* nothing comes after what is in flight */
    bool ending;
    ats_header end;
    ats_digest digest;
    alignas(ATS_GUARD_BYTES) uint8_t memory[];
} route;

/* ---- ledger.c ------------------------------------------------------------------------------- */

void route_journal_order(route *r, const ats_order *o, uint64_t order_id, uint8_t event,
                         uint8_t state);
void route_journal_exec(route *r, const ats_exec *x, uint8_t event, ats_transition t);
/* A step of ours about an order that is open. */
void route_journal_step(route *r, const ats_order_entry *e, uint8_t event, ats_transition t);
void route_digest_order(route *r, const ats_order *o);

/* Hands an answer on, to feedback and tap. */
void route_forward(route *r, ats_io *io, ats_exec *x);

/* ---- send.c --------------------------------------------------------------------------------- */

/* What an order makes at most at each output, and one more in the journal: itself sent or refused,
 * its legs held or refused. */
uint32_t route_records_of(const ats_order *o);
void route_on_order(route *r, ats_io *io, const ats_order *o);

/* One step of a kill, of which there is one a record: asks to cancel what adds exposure. */
void route_kill_step(route *r, ats_io *io);
bool route_is_killed(const route *r);

/* ---- answer.c ------------------------------------------------------------------------------- */

void route_on_answer(route *r, ats_io *io, ats_exec *x);

/* The order at this place has waited too long. */
void route_on_timeout(route *r, uint32_t place);

/* Sees to it that an order is looked at again as its state wants. */
void route_watch(route *r, const ats_order_entry *e);
void route_forget(route *r, ats_order_entry *e);

#endif
