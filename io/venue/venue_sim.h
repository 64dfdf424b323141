/* venue_sim.h: a simulated broker and venue, exact and deterministic.
 *
 * An order sent at T arrives at T + out latency, an answer is back after the return latency. Both
 * are a base, a jitter that is uniform, and a tail like a lognormal's (median `tail`, sigma 1);
 * they depend only on (seed, order id), so no run's timing changes them, and the answers to an
 * order, its legs and what replaced it keep their order. What follows is what each file does.
 *
 * Sessions (sessions.c). By the calendar of the symbol's class: an order works in the regular
 * session; a LIMIT marked EXTENDED before and after it, too. One that arrives outside waits (IOC
 * and FOK are cancelled). DAY ends at the close (EXTENDED: at the end of the post-market); of a
 * market that never closes the day is UTC's. OPG and CLS trade in the auctions, whole: at the print
 * with the opening (O) or closing (6) sale condition; where there is none within five minutes, at
 * the session's first or last price; on bars at the open of its first or the close of its last one.
 * A limit the auction's price does not meet expires. Without a calendar, and outside its dates, all
 * time is one regular session without end or auctions.
 *
 * Quotes and trades (quotes.c). A marketable order takes the displayed size of the best quote at
 * its price, crossing the spread, and no more than is displayed; what an order took is gone until
 * that side is quoted at another price or size. A MARKET order goes on through `book_levels`
 * assumed levels of the displayed size each, every one further away by a tick, half the spread or
 * the average change of the mid, whichever is most. The rest of an IOC or MARKET order is
 * cancelled, of a FOK nothing is done. A resting limit fills at its own price when the opposite
 * quote reaches it (up to that quote's size) or when a trade prints through it (up to trade_share
 * of that trade). At its price it fills only with `queue` on: it then stands behind what is
 * displayed when it joins (or when its level is first displayed), prints at its price and smaller
 * sizes displayed there bring it forward, and alone at the best price nothing is before it.
 * Earlier orders of ours go first. One-sided, locked, crossed and halted markets fill nothing, and
 * nothing fills beyond a LULD band. Prints that do not trade in their turn (late, averaged) fill
 * and trigger nothing. Stops trigger in the regular session: at a print that forms the last price,
 * or where no prints come when the quote they would trade with is at the stop; then they work as
 * market (until filled) or limit orders. A trailing stop follows the best such price since it
 * rests.
 *
 * Bars (bars.c). A symbol that has had neither quote nor trade trades on its bars, of the finest
 * period seen; ats_venue_sim_foresee is given each before it is due, and the answers of what
 * happened inside come at the bar's end, before the bar itself. An order sent at or before the
 * bar's start, or no later after it than the longest round trip (it followed from the close before,
 * by way of one answer: a stop had to be cancelled first), fills at the open if it is marketable
 * then: latency does not make it miss the open.
 * One sent later waits for the next bar, as do IOC and FOK, which end with the open. A limit needs
 * a trade through its price (low < limit for a buy) and fills at min(open, limit); a stop fills at
 * max(open, stop) plus slippage; a stop-limit fills in the bar that triggers it only if its limit
 * lies beyond its stop. Stops come before targets; a target does not fill in the bar in which its
 * entry filled after the open; a stop may, at its own price. A trailing stop is held against the
 * bar's worst price first, then follows its best, and is held against the close. bar_share of the
 * bar's volume is the most that fills; the rest of an order stays. A cancel or replacement sent
 * inside a bar acts at its end. bar_slippage_bps is added to market and stop fills.
 *
 * Orders (orders.c). Refused: unknown symbols, malformed or halted ones, prices off the tick, a
 * market or stop order of ours on the other side (wash trade), a sale beyond what is held of a
 * symbol that is hard to borrow, and reject_share of all by chance. Brackets, OCO, OTO and REPLACE
 * are as core/record.h says. A split cancels every open order of its symbol; a dividend changes
 * none.
 *
 * Fees: per unit and in basis points of the notional on each fill, and the same again for sales
 * (SEC and TAF are charged so), rounded half to even to 1e-9.
 *
 * Lost answers: lost_share of them never come, nor does anything after them about that order, its
 * legs and what replaced it, until ats_venue_sim_ask; then all come, in order. Orders always
 * arrive.
 *
 * Owner: the route stage. All memory is the caller's; nothing is allocated. Time is the recv_ns of
 * records and of due actions, never a clock.
 */
#ifndef ATS_IO_VENUE_VENUE_SIM_H
#define ATS_IO_VENUE_VENUE_SIM_H

#include "calc/calendar.h"
#include "calc/order_table.h"
#include "core/record.h"
#include "core/symbols.h"

#include <stdbool.h>

#define ATS_VENUE_LEVELS_MAX   16u
#define ATS_HARD_TO_BORROW_MAX 512u /* bytes of the list */

typedef struct ats_venue_sim_config {
    uint64_t seed;
    int64_t out_base_ns; /* order: us to the venue */
    int64_t out_jitter_ns;
    int64_t out_tail_ns;
    int64_t back_base_ns; /* answer: the venue to us */
    int64_t back_jitter_ns;
    int64_t back_tail_ns;
    int64_t fee_per_unit_e9;
    int64_t fee_bps_e9; /* 1e-9 of a basis point: 1 bps = 1e9 */
    int64_t sell_fee_per_unit_e9;
    int64_t sell_fee_bps_e9;
    int64_t
        answer_timeout_ns; /* route: without an answer for so long an order is UNKNOWN; 0 = never */
    int64_t ask_interval_ns; /* route: a resting order is asked for so often; 0 = never */
    uint32_t order_capacity; /* a power of two */
    uint32_t symbol_count;
    uint32_t book_levels;     /* 0..ATS_VENUE_LEVELS_MAX */
    uint32_t trade_share_bps; /* of a trade, that resting orders may take; 0 = all */
    uint32_t bar_share_bps;   /* of a bar's volume; 0 = any size (a vendor's tick count is none) */
    uint32_t bar_slippage_bps;
    uint32_t reject_share_bps;
    uint32_t lost_share_bps;
    bool queue;
    char hard_to_borrow[ATS_HARD_TO_BORROW_MAX]; /* symbols between blanks that cannot be sold short
                                                  */
    const ats_symbols *symbols;   /* ticks and classes; NULL: ticks are not checked, no sessions */
    const ats_calendar *calendar; /* of equities; NULL: no sessions */
} ats_venue_sim_config;

typedef struct ats_venue_sim ats_venue_sim;

/* *config is copied; what it points to must stay. */
size_t ats_venue_sim_footprint(const ats_venue_sim_config *config);
ats_venue_sim *ats_venue_sim_new(void *memory, const ats_venue_sim_config *config);

/* Is there room for one more request in flight? */
bool ats_venue_sim_room(const ats_venue_sim *v);

/* Sends a NEW, CANCEL or REPLACE at order->h.recv_ns. The caller has asked for room. */
void ats_venue_sim_send(ats_venue_sim *v, const ats_order *order);

/* Asks what became of an order: its lost answers come again or, if there are none and it works,
 * ACCEPTED with its quantities. Nothing comes of an order whose answers are on their way. The
 * caller has asked for room. */
void ats_venue_sim_ask(ats_venue_sim *v, uint64_t order_id, int64_t now_ns);

/* A market record as the venue sees it. */
void ats_venue_sim_market(ats_venue_sim *v, const ats_market *m);

/* The next market record, before anything that is due at or before its time is done: a BAR is
 * worked out, END stops what only the calendar would do. Once a record. */
void ats_venue_sim_foresee(ats_venue_sim *v, const ats_market *next);

/* When the next action falls due; INT64_MAX = none. */
int64_t ats_venue_sim_next_due(const ats_venue_sim *v);

/* Does the next action. True when it is an answer that arrives at us now, in *exec (order_id,
 * exec_id, type, quantities, price, fee, side, ids; recv_ns = now, event_ns when it happened;
 * order_state is not set). */
bool ats_venue_sim_run_due(ats_venue_sim *v, ats_exec *exec);

/* The end of the run: gives an answer that was lost or, when there is none, expires the oldest
 * order still open and answers at once. False when there is none left. */
bool ats_venue_sim_expire_one(ats_venue_sim *v, int64_t now_ns, ats_exec *exec);

/* Orders that are open at the venue, held legs among them. */
const ats_order_table *ats_venue_sim_orders(const ats_venue_sim *v);

#endif
