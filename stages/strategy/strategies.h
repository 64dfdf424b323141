/* strategies.h: calls the strategies and does what they ask: checks their wishes, ranks those that
 * compete, sizes them, and gives them to the desk.
 *
 * Wishes. With rules.rank off a wish is taken or refused when it is made. With it on, the wishes of
 * one moment (one recv_ns) wait for each other and are taken best first (score, then the strategy's
 * number, then the symbol's), as long as there is money and room: so five hundred daily bars that
 * close together compete, and the first in the file has no advantage.
 *
 * Budget. With rules.call_budget_ns each call is timed; the time decides nothing but whether a
 * strategy is suspended, after more than overruns_max calls that took longer. That is the one
 * decision here that a repeated run need not make the same; an ENV record tells of it.
 *
 * Owner: the strategy stage.
 */
#ifndef ATS_STAGES_STRATEGY_STRATEGIES_H
#define ATS_STAGES_STRATEGY_STRATEGIES_H

#include "core/clock.h"
#include "core/random.h"
#include "stages/context.h"
#include "stages/risk/covariance.h"
#include "stages/strategy/desk.h"
#include "stages/strategy/plugin.h"
#include "stages/trace.h"

#define ATS_WISHES_MAX 1024u

typedef struct ats_strategies ats_strategies;

/* One strategy that runs. */
typedef struct ats_runner {
    ats_strategy_host api; /* what its callbacks are given; api.engine = this */
    ats_strategies *strategies;
    const ats_strategy_instance *instance;
    uint32_t index; /* 0 .. */
    bool paused;    /* by command */
    bool suspended; /* it overran its budget */
    uint32_t overruns;
    uint32_t model;   /* of the signal in hand */
    int64_t timer_ns; /* INT64_MAX = none */
    ats_random random;
} ats_runner;

typedef struct ats_wish {
    ats_entry entry;
    uint32_t runner;
    uint32_t model;
    bool on_bar;
} ats_wish;

typedef struct ats_strategies_config {
    const ats_context *context;
    const ats_strategy_settings *settings;
    const ats_strategy_set *set;
    const ats_calendar *equity_calendar;
    ats_trace *trace; /* NULL: nobody asks */
    int64_t start_cash_e9;
    uint32_t account_id;
    uint32_t order_capacity; /* a power of two */
} ats_strategies_config;

struct ats_strategies {
    ats_strategies_config config;
    ats_markets markets;
    ats_desk desk;
    ats_metrics_strategy *metrics;
    ats_covariance *covariance; /* NULL: sizes do not depend on it */
    const ats_clock *clock;
    uint64_t *wanted[5]; /* by ATS_WANTS bit, then by symbol: a bit a strategy */
    ats_runner *runners;
    ats_wish *wishes;
    uint32_t wish_count;
    ats_header wishes_cause; /* of the moment that they are of */
    int64_t next_timer_ns;
    uint8_t last_kind;  /* of the last market record */
    bool on_bar;        /* the record in hand is a bar, or the score of one */
    uint64_t suspended; /* a bit a strategy: newly so, for the stage to tell */
};

size_t ats_strategies_footprint(const ats_strategies_config *config);
void ats_strategies_init(ats_strategies *strategies, void *memory,
                         const ats_strategies_config *config);

/* A market record, or CLOCK or CONTROL. */
void ats_strategies_market(ats_strategies *strategies, const ats_market *record);
void ats_strategies_signal(ats_strategies *strategies, const ats_signal *signal);
void ats_strategies_exec(ats_strategies *strategies, const ats_exec *exec);

/* When the waiting wishes are due (INT64_MAX: none wait), and takes the best of them. */
int64_t ats_strategies_next_due(const ats_strategies *strategies);
void ats_strategies_run_due(ats_strategies *strategies);

#endif
