/* strategy.h: turns signals into intents.
 *
 * In:  chain (market records, SIGNAL); feedback (EXEC, END).
 * Out: chain (market records, INTENT); tap (INTENT), optional.
 *
 * The built-in strategy, "model threshold": a symbol without a position is bought when the model's
 * margin is at least entry_margin, sold short at or below -entry_margin where shorting is allowed,
 * while the spread is no wider than max_spread_bps. A position is left when the margin turns
 * against it by exit_margin, when the mid is stop_bps worse than the average entry, after
 * max_hold_s, or at flat_at_s of the UTC day, whichever is first. Every order is a limit,
 * immediate-or-cancel, offset_bps beyond the opposite quote: it crosses the spread and never waits.
 * There is one working order a symbol; after one that did not fill whole, and after each exit, the
 * symbol rests for cooldown_ms.
 *
 * Exits are looked for at each quote of the symbol, and at CLOCK records for symbols that are
 * quiet.
 *
 * Thresholds are compared in margin space, so no exp is computed on the chain.
 */
#ifndef ATS_STAGES_STRATEGY_STRATEGY_H
#define ATS_STAGES_STRATEGY_STRATEGY_H

#include "core/digest.h"
#include "stages/context.h"

typedef struct ats_strategy_params {
    float entry_margin;
    float min_confidence; /* least of a signal that opens a position; 0: any */
    float exit_margin;    /* a long leaves at or below -exit_margin */
    int64_t notional_e9;  /* of an entry, in currency */
    uint32_t stop_bps;
    uint32_t max_hold_s;
    uint32_t offset_bps;
    uint32_t max_spread_bps; /* no entry while the spread is wider than this share of the mid */
    uint32_t cooldown_ms;
    int32_t flat_at_s; /* second of the UTC day from which there is no position; -1 = never */
    bool allow_short;
} ats_strategy_params;

typedef struct ats_strategy_config {
    const ats_context *context;
    ats_strategy_params params;
    uint32_t account_id;
    uint32_t strategy_id;
} ats_strategy_config;

extern const ats_stage ats_stage_strategy;

/* After the run: what went into the digest. */
const ats_digest *ats_strategy_digest(const void *state);

#endif
