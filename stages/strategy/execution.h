/* execution.h: how a parent order is worked: which child order comes next, at what price and when.
 *
 * Pure: an algorithm looks at the parent, at the market and at the time and says what to do; the
 * desk (desk.h) does it. A parent has one child at work at most, so that the sum of what is filled
 * and what is at work never passes its quantity.
 *
 *     direct   one order. Urgent: a limit beyond the opposite quote, immediate or cancel. Patient:
 * a limit inside the mid, at most offset_bps and at most half of the volatility over the order's
 * own time-out away; then at the near side of the quote; then as if urgent. twap     equal parts at
 * equal times (Almgren and Chriss 2001 with no aversion to risk): each at the near side of the
 * quote, what it leaves goes to those that follow, the last crosses. iceberg  shows a part of the
 * whole at the near side of the quote; a new part once it has filled. slice    a share of expected
 * volume each interval, crossing. peg      rests at the near side of the quote and follows it, no
 * more often than its interval.
 *
 * Which one, when the configuration says auto: the order's size over the volume expected in the
 * horizon is its impact; above impact_bps a twap when urgent, an iceberg when not; else direct.
 *
 * Exits end: after exit_attempts orders a market order follows. Entries end: what entry_attempts
 * orders did not fill is given up.
 */
#ifndef ATS_STAGES_STRATEGY_EXECUTION_H
#define ATS_STAGES_STRATEGY_EXECUTION_H

#include "stages/strategy/settings.h"

#include "core/record.h"

/* The market as an algorithm sees it. */
typedef struct ats_execution_market {
    int64_t bid_e9, ask_e9; /* 0: no quotes come, only bars */
    int64_t price_e9;
    int64_t tick_e9; /* 0: that of US equities, which depends on the price */
    int64_t lot_e9;
    double variance_per_s; /* of returns; 0 = not known */
    double volume_per_s;   /* in 1e-9 units; 0 = not known */
    int64_t bar_ns;        /* length of the bars where no quotes come: no order times out sooner */
    bool open;             /* the regular session of its market */
} ats_execution_market;

typedef struct ats_parent {
    uint64_t id; /* 1, 2, ...; 0 = free */
    int64_t qty_e9, filled_e9;
    int64_t cap_e9; /* worst price, 0 = none */
    int64_t start_ns;
    int64_t next_ns;           /* when to look again without being told anything; INT64_MAX = not */
    int64_t decision_price_e9; /* the mid when it was decided */
    uint64_t child;            /* order at work; 0 = none */
    int64_t child_left_e9, child_limit_e9, child_sent_ns;
    uint64_t successor; /* the id that a replace on its way gives the child; 0 = none */
    int64_t successor_limit_e9;
    double urgency; /* 0 .. 1 */
    uint32_t slot;
    uint32_t attempt; /* children sent so far */
    uint32_t reason;  /* ats_reason */
    uint8_t side;
    uint8_t algorithm; /* ats_algorithm_choice, never AUTO */
    uint8_t child_type, child_tif;
    bool exit;
    bool emergency;     /* market orders at once */
    bool child_leaving; /* a cancel or replace of the child is on its way */
    bool give_up;       /* send nothing more */
} ats_parent;

typedef enum ats_step_kind {
    ATS_STEP_WAIT = 0, /* until next_ns, or until something is heard */
    ATS_STEP_SEND = 1,
    ATS_STEP_CANCEL = 2,  /* the child */
    ATS_STEP_REPLACE = 3, /* the child, by one at limit_e9 */
    ATS_STEP_DONE = 4     /* nothing more; what is not filled is left */
} ats_step_kind;

typedef struct ats_step {
    ats_step_kind kind;
    int64_t qty_e9;
    int64_t limit_e9; /* 0: a market order */
    int64_t next_ns;
    uint8_t tif;
} ats_step;

/* The algorithm for an order of this size and urgency. */
uint8_t ats_execution_choose(const ats_execution_settings *settings,
                             const ats_execution_market *market, int64_t qty_e9, double urgency);

/* What to do now. A child whose cancel is on its way always waits. */
ats_step ats_execution_step(const ats_execution_settings *settings, const ats_parent *parent,
                            const ats_execution_market *market, int64_t now_ns);

#endif
