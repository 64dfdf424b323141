/* covariance.h: how risky the positions are together.
 *
 * A matrix of the covariances of daily log returns arrives entry by entry (ATS_CONTROL_COVARIANCE),
 * each with the version it belongs to. It counts from the record that makes it whole: every pair of
 * the symbols that have a variance, once. The variance of a day's profit, sum_ij w_i w_j c_ij, is
 * kept as positions change, and what it would be with another exposure of one symbol takes time in
 * proportion to the positions, not to the matrix.
 *
 * Open orders that may enlarge a position in other symbols count as if all of them filled and moved
 * as one with what is held: their value times their symbol's deviation is added to the root of the
 * variance, sum_ij <= (sqrt(variance of positions) + sum of those)^2. No burst of orders can pass
 * beyond the limit by that.
 *
 * Fixed point: exposures w in whole cents, covariances in 1e-12 (rounded half to even from 1e-18),
 * so the variance is in 1e-16 currency^2, exact. Owner: the risk stage. Allocates nothing.
 */
#ifndef ATS_STAGES_RISK_COVARIANCE_H
#define ATS_STAGES_RISK_COVARIANCE_H

#include "core/record.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Symbols that a matrix can hold: two of 1,024 x 1,024 and the versions of their entries are 20
 * MiB. With more symbols in a run there is no matrix, and what sends one is refused. */
#define ATS_COVARIANCE_SYMBOLS 1024u

/* Positions of which a look reads covariances that lie together, and correlations as bits; twice as
 * many as the configurations of ATS allow. With more it reads them from the matrix, a line each. */
#define ATS_COVARIANCE_SLOTS 64u

/* Largest |entry|: a daily standard deviation of 100 %. */
#define ATS_COVARIANCE_MAX_E18 1000000000000000000ll

/* Largest |exposure| of one symbol, in cents: 1e10 units of currency. */
#define ATS_EXPOSURE_MAX_E2 1000000000000ll

typedef __int128 ats_variance_e16;

typedef enum ats_covariance_answer {
    ATS_COVARIANCE_TAKEN = 0,
    ATS_COVARIANCE_WHOLE = 1,  /* taken, and the version is now in use */
    ATS_COVARIANCE_REFUSED = 2 /* bad entry, one of an older version, or a version that is not whole
                                */
} ats_covariance_answer;

/* One symbol; what a look at it reads lies together. */
typedef struct ats_covariance_symbol {
    alignas(64) int64_t variance; /* own, 1e-12; 0 = not in the matrix in use */
    int64_t deviation;            /* of a daily return, 1e-6, rounded up; in use */
    int64_t exposure;             /* of its position, cents */
    int64_t open;                 /* what open orders may add, cents, >= 0 */
    uint64_t close;               /* a bit a slot: correlated beyond close_bps */
    uint32_t place;               /* in `held` + 1; 0 = no exposure */
    uint32_t told;                /* last version that told its variance */
    uint64_t reserved[2];
    int64_t near[ATS_COVARIANCE_SLOTS]; /* covariance with held[slot], 1e-12 */
} ats_covariance_symbol;

typedef struct ats_covariance {
    uint32_t symbol_count;
    uint32_t capacity; /* symbols of the matrix; 0: there can be none */
    uint32_t version;  /* in use; 0 = none */
    uint32_t coming;   /* version that is being received; 0 = none */
    uint32_t coming_entries, coming_variances;
    uint32_t held_count;
    uint32_t close_bps;
    ats_variance_e16 variance;        /* of positions */
    __int128 open_e8;                 /* sum of open values times deviations, in 1e-8 currency */
    uint64_t long_slots, short_slots; /* a bit a slot: known, and which way */
    ats_covariance_symbol *symbol;    /* [capacity], by symbol_id */
    uint32_t *held;                   /* symbols with an exposure */
    int64_t *slot_exposure;           /* of held[i]; 0 for a symbol that is not known */
    int64_t *value;                   /* [capacity * capacity], symmetric, 1e-12; in use */
    int64_t *next;                    /* the same; being received */
    uint32_t *stamp; /* [capacity * capacity]: version of each entry of `next`, above the diagonal
                      */
} ats_covariance;

size_t ats_covariance_footprint(uint32_t symbol_count);
ats_covariance *ats_covariance_new(void *memory, uint32_t symbol_count);

ats_covariance_answer ats_covariance_take(ats_covariance *c, const ats_control *entry);

/* The limit that ats_covariance_at is asked with from now on. Warm: goes through the matrix's
 * columns of what is held. */
void ats_covariance_limit(ats_covariance *c, uint32_t limit_bps);

/* Is the symbol in the matrix that is in use? */
static inline bool ats_covariance_knows(const ats_covariance *c, uint32_t symbol_id)
{
    return symbol_id < c->capacity && c->symbol[symbol_id].variance != 0;
}

/* The symbol's position is now worth this much, > 0 long, and its open orders may add open_e2 >= 0.
 * Beyond ATS_EXPOSURE_MAX_E2 it is that. */
void ats_covariance_hold(ats_covariance *c, uint32_t symbol_id, int64_t exposure_e2,
                         int64_t open_e2);

/* What one look tells. */
typedef struct ats_covariance_look {
    ats_variance_e16 variance; /* if the symbol's exposure were exposure_e2 */
    __int128 open_e8;          /* of the open orders of all other symbols */
    uint32_t correlated_with;  /* first symbol of the same direction beyond the limit; 0 = none */
    uint32_t correlation_bps;  /* with it, rounded down */
} ats_covariance_look;

/* Fetches the lines that a look at the symbol will touch. */
static inline void ats_covariance_prefetch(const ats_covariance *c, uint32_t symbol_id)
{
    if (symbol_id >= c->capacity)
        return;
    const ats_covariance_symbol *s = &c->symbol[symbol_id];
    __builtin_prefetch(s, 1);
    for (uint32_t i = 0; i < c->held_count && i < ATS_COVARIANCE_SLOTS; i += 8)
        __builtin_prefetch(&s->near[i]);
}

/* For a symbol that is known, whose exposure would be exposure_e2. */
ats_covariance_look ats_covariance_at(const ats_covariance *c, uint32_t symbol_id,
                                      int64_t exposure_e2);

/* Do the running sums agree with a count from scratch? */
bool ats_covariance_check(const ats_covariance *c);

/* Is the standard deviation more than bps / 10000 of this equity (1e-9)? No root, no division. */
bool ats_covariance_exceeds(const ats_covariance_look *look, int64_t equity_e9, uint32_t bps);

/* Standard deviation in 1e-9 currency, rounded down: for a message. */
int64_t ats_covariance_deviation_e9(const ats_covariance_look *look);

#endif
