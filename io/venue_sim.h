/* venue_sim.h: a simulated venue and broker, exact and deterministic.
 *
 * An order sent at T arrives at T + out latency, an answer is back after the return latency; both
 * are a base plus a jitter that depends only on (seed, order id, leg), so no run's timing changes
 * them.
 *
 * Matching. A marketable order takes the displayed size of the best quote at its price, crossing
 * the spread, and no more than is displayed; what an order took is gone until that side is quoted
 * at another price or size. The rest of an IOC is cancelled, of a FOK nothing is done, a DAY limit
 * rests. A resting limit fills at its own price when the opposite quote reaches it (up to that
 * quote's size) or when a trade prints through it, not at it (up to that trade's size): the
 * conservative rule for an unknown place in the queue. Earlier orders of ours go first. One-sided,
 * locked, crossed and halted markets fill nothing.
 *
 * Fees: per unit and in basis points of the notional, rounded half to even to 1e-9, on each fill.
 *
 * Owner: the route stage. All memory is the caller's; nothing is allocated. Time is the recv_ns of
 * records and of due actions, never a clock.
 */
#ifndef ATS_IO_VENUE_SIM_H
#define ATS_IO_VENUE_SIM_H

#include "calc/order_table.h"
#include "core/record.h"

#include <stdbool.h>

typedef struct ats_venue_sim_config {
    uint64_t seed;
    int64_t out_base_ns; /* order: us to the venue */
    int64_t out_jitter_ns;
    int64_t back_base_ns; /* answer: the venue to us */
    int64_t back_jitter_ns;
    int64_t fee_per_unit_e9;
    int64_t fee_bps_e9;      /* 1e-9 of a basis point: 1 bps = 1e9 */
    uint32_t order_capacity; /* a power of two */
    uint32_t symbol_count;
} ats_venue_sim_config;

typedef struct ats_venue_sim ats_venue_sim;

size_t ats_venue_sim_footprint(const ats_venue_sim_config *config);
ats_venue_sim *ats_venue_sim_new(void *memory, const ats_venue_sim_config *config);

/* Is there room for one more order or cancel in flight? */
bool ats_venue_sim_room(const ats_venue_sim *v);

/* Sends a new order or a cancel at order->h.recv_ns. The caller has asked for room. */
void ats_venue_sim_send(ats_venue_sim *v, const ats_order *order);

/* A quote, trade or status as the venue sees it. */
void ats_venue_sim_market(ats_venue_sim *v, const ats_market *m);

/* When the next action falls due; INT64_MAX = none. */
int64_t ats_venue_sim_next_due(const ats_venue_sim *v);

/* Does the next action. True when it is an answer that arrives at us now, in *exec (order_id,
 * exec_id, type, quantities, price, fee, side, ids; recv_ns and event_ns = now; order_state is not
 * set). */
bool ats_venue_sim_run_due(ats_venue_sim *v, ats_exec *exec);

/* The end of the run: expires the oldest order still resting and answers at once. False when there
 * is none left. */
bool ats_venue_sim_expire_one(ats_venue_sim *v, int64_t now_ns, ats_exec *exec);

#endif
