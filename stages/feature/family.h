/* family.h: how a family of features is written, and what all of them are given.
 *
 * A family is one header under family/: its state, its update, and a table with one row a feature:
 *
 *     X(id, parameters, unit, low, high, warm_up, counter, inputs, source, value)
 *
 * id          its name; features of bars get "_<timeframe>" behind
 * parameters  text; "" = none
 * low, high   what it may be, -INFINITY and INFINITY where there is no bound; `ats features check`
 *             holds data to it
 * warm_up     how many of `counter` (a field of ats_seen) must have been seen; until then NaN
 * inputs      the records it is made of
 * source      the formula and who wrote it
 * value       an expression over `self` (the family's state) and what the family is given
 *
 * The row is everything: the registry, the feature version, the documentation and the code that
 * computes the vector come from it. So a feature is added in one file.
 */
#ifndef ATS_STAGES_FEATURE_FAMILY_H
#define ATS_STAGES_FEATURE_FAMILY_H

#include "calc/bar_history.h"
#include "calc/indicators/average.h"
#include "calc/indicators/volatility.h"

#define ATS_BPS 1e4

/* What a warm-up counts. Saturating where the state saturates; never less than was seen, up to it.
 */
typedef struct ats_seen {
    uint64_t quotes;   /* two-sided ones */
    uint64_t trades;   /* that say who pressed the market */
    uint64_t prints;   /* with volume, since the session began */
    uint64_t seconds;  /* whole ones since the first quote */
    uint64_t buckets;  /* of volume */
    uint64_t settled;  /* trades whose later mid is known */
    uint64_t changes;  /* of the mid */
    uint64_t sessions; /* that are over */
    uint64_t segments; /* 1 once the calendar knows the time */
    uint64_t bars;     /* of the timeframe; across timeframes: of the slowest */
    uint64_t paired;   /* bars that the index has too */
    uint64_t sectored; /* bars that the sector has too */
} ats_seen;

/* A bar that has just closed, and what several families need of it. */
typedef struct ats_bar_facts {
    uint64_t i; /* its number: 0, 1, ... */
    int64_t start_ns;
    double open, high, low, close, volume;
    double signed_volume;  /* NaN = sides not known */
    double previous_close; /* of the first bar: its own open */
    double inverse_close;
    double change; /* close - previous close */
    double ret;    /* close / previous close - 1 */
    double typical, previous_typical;
    double true_range;
    ats_log_bar log;
} ats_bar_facts;

/* The code of one row: the value when warm. For `double *out` and `const ats_seen *seen`. */
#define ATS_FEATURE_VALUE(id, parameters, unit, low, high, warm_up, counter, inputs, source,       \
                          value)                                                                   \
    *out++ = seen->counter >= (warm_up) ? (value) : NAN;

#define ATS_FEATURE_ONE(...) +1

/* x / reference - 1, in basis points. NaN without a reference. */
static inline double ats_bps_from(double x, double reference)
{
    return reference > 0 ? (x / reference - 1.0) * ATS_BPS : NAN;
}

/* a / b, and a stated value when b is 0. */
static inline double ats_ratio_or(double a, double b, double otherwise)
{
    return b > 0 ? a / b : otherwise;
}

/* Where x lies between low and high, 0..1 inside; the middle of nothing is 0.5. */
static inline double ats_place(double x, double low, double high)
{
    return high > low ? (x - low) / (high - low) : 0.5;
}

#endif
