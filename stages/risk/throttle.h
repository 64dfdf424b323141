/* throttle.h: how often: rates, orders seen just now, and entries that repeat.
 *
 * Integers and recorded time only, so that a replay throttles where the run did. Owner: the risk
 * stage. Allocates nothing.
 */
#ifndef ATS_STAGES_RISK_THROTTLE_H
#define ATS_STAGES_RISK_THROTTLE_H

#include "core/record.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- rates: the generic cell rate algorithm (ITU-T I.371) ----------------------------------- */

/* at_ns is the theoretical arrival time of the next request. How far it is ahead of now; a request
 * conforms while that is at most interval * (burst - 1). */
static inline int64_t ats_rate_ahead_ns(int64_t at_ns, int64_t now_ns)
{
    return at_ns > now_ns ? at_ns - now_ns : 0;
}

/* at_ns after one more request. */
static inline int64_t ats_rate_after_ns(int64_t at_ns, int64_t now_ns, int64_t interval_ns)
{
    return (at_ns > now_ns ? at_ns : now_ns) + interval_ns;
}

/* ---- orders seen just now ---------------------------------------------------------------------
 */

/* Four ways a set, so that one look touches one line. A set that is full forgets its oldest order:
 * more than four of the window's orders must fall into one of 1,024 sets, which needs about a
 * thousand orders in the window. Orders are known by a hash of 64 bits. */
#define ATS_RECENT_WAYS 4u
#define ATS_RECENT_SETS 1024u

typedef struct ats_recent_orders {
    struct {
        uint64_t hash[ATS_RECENT_WAYS];
        int64_t at_ns[ATS_RECENT_WAYS];
    } set[ATS_RECENT_SETS];
} ats_recent_orders;

/* Of strategy, symbol, side, size and price. */
uint64_t ats_recent_hash(uint32_t strategy_id, uint32_t symbol_id, uint8_t side, int64_t qty_e9,
                         int64_t px_e9);

/* When an equal order was last seen; 0 = never, or forgotten. */
int64_t ats_recent_find(const ats_recent_orders *recent, uint64_t hash);
void ats_recent_add(ats_recent_orders *recent, uint64_t hash, int64_t now_ns);

/* ---- entries that repeat ------------------------------------------------------------------------
 */

/* A window is counted in eighths: an entry counts for at least the window and at most nine eighths
 * of it. */
#define ATS_REPEAT_STEPS 8u

typedef struct ats_repeat_counter {
    uint32_t key;                         /* strategy, symbol and side; 0 = free */
    uint32_t epoch;                       /* number of the newest step, its low half */
    uint16_t count[ATS_REPEAT_STEPS + 1]; /* by step, the newest at epoch % (STEPS + 1) */
    uint16_t reserved[3];
} ats_repeat_counter;
static_assert(sizeof(ats_repeat_counter) == 32, "two to a line");

/* Counters by hash of their key, eight places to look in; 1 MiB. When all eight are taken the one
 * that has been silent longest is taken over: of 30 strategies in 500 symbols, on one side, 46 of
 * 15,000 (0.3 %) are; on both sides, all within one window, 9 %. */
#define ATS_REPEAT_KEYS   32768u
#define ATS_REPEAT_PROBES 8u

typedef struct ats_repeats {
    alignas(64) ats_repeat_counter counter[ATS_REPEAT_KEYS];
} ats_repeats;

/* The counter of a key, made when it is not there, brought up to now. strategy_id below 2^8,
 * symbol_id below 2^22; step_ns: an eighth of the window. */
ats_repeat_counter *ats_repeats_at(ats_repeats *repeats, uint32_t strategy_id, uint32_t symbol_id,
                                   uint8_t side, int64_t now_ns, int64_t step_ns);
/* Asks for the lines that the two looks will read. */
void ats_throttle_prefetch(const ats_recent_orders *recent, uint64_t hash,
                           const ats_repeats *repeats, uint32_t strategy_id, uint32_t symbol_id,
                           uint8_t side);
uint32_t ats_repeats_sum(const ats_repeat_counter *counter);
void ats_repeats_add(ats_repeat_counter *counter);

/* Nothing of this strategy was seen. Warm: goes through all counters. */
void ats_repeats_forget(ats_repeats *repeats, uint32_t strategy_id);

#endif
