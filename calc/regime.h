/* regime.h: which kind of market it is: how much prices move, where they go, and with whom.
 *
 * Of the closes of one timeframe, r = ln(close / close before), all standard deviations with n - 1:
 *     volatility   s_20 over s_100: quiet below quiet_ratio, wild above wild_ratio, else normal.
 *                  A window within the other: the ratio is at most sqrt(5)
 *     trend        t = mean_50 / (s_50 / sqrt(50)), the drift in its own standard errors (Student
 *                  1908): up above trend_t, down below -trend_t, else flat
 *     correlation  Pearson's with an index over the last 30 bars that both had; not in the label
 * The label is one of nine. Labels are kept for a while, and how often each followed each: the rows
 * of the matrix, divided by their sums, are the chances of a Markov chain (Hamilton 1989 has the
 * states hidden; here they are observed).
 *
 * O(1) a bar; sums are taken afresh once a lap of their ring. Zeroed memory is empty. Owner: the
 * caller's thread.
 */
#ifndef ATS_CALC_REGIME_H
#define ATS_CALC_REGIME_H

#include <stdbool.h>
#include <stdint.h>

#define ATS_REGIME_VOLATILITY_N  20u
#define ATS_REGIME_SLOW_N        100u
#define ATS_REGIME_TREND_N       50u
#define ATS_REGIME_CORRELATION_N 30u
#define ATS_REGIME_RETURNS       128u /* a power of two > ATS_REGIME_SLOW_N */
#define ATS_REGIME_PAIRS         32u  /* a power of two > ATS_REGIME_CORRELATION_N */
#define ATS_REGIME_HISTORY       64u  /* labels that are kept; a power of two */

/* 3 x volatility + direction. */
typedef enum ats_regime_label {
    ATS_REGIME_QUIET_DOWN = 0,
    ATS_REGIME_QUIET_FLAT = 1,
    ATS_REGIME_QUIET_UP = 2,
    ATS_REGIME_NORMAL_DOWN = 3,
    ATS_REGIME_NORMAL_FLAT = 4,
    ATS_REGIME_NORMAL_UP = 5,
    ATS_REGIME_WILD_DOWN = 6,
    ATS_REGIME_WILD_FLAT = 7,
    ATS_REGIME_WILD_UP = 8,
    ATS_REGIME_COUNT = 9,
    ATS_REGIME_UNKNOWN = 9 /* before 100 returns */
} ats_regime_label;
const char *ats_regime_text(uint32_t label);

static inline bool ats_regime_is_wild(uint32_t label)
{
    return label >= ATS_REGIME_WILD_DOWN && label < ATS_REGIME_COUNT;
}
static inline bool ats_regime_is_flat(uint32_t label)
{
    return label < ATS_REGIME_COUNT && label % 3 == 1;
}

typedef struct ats_regime_settings {
    double quiet_ratio, wild_ratio; /* 0.75 and 1.5 unless there is a reason */
    double trend_t;                 /* 1 */
} ats_regime_settings;
extern const ats_regime_settings ats_regime_defaults;

typedef struct ats_regime_sums {
    double sum, square;
} ats_regime_sums;

typedef struct ats_regime {
    double close;   /* of the bar before; 0 = none */
    uint64_t count; /* returns */
    double returns[ATS_REGIME_RETURNS];
    uint32_t same; /* returns before the last that were equal to it */
    uint32_t own_same, index_same;
    ats_regime_sums fast, trend, slow;
    uint64_t pairs;
    double own[ATS_REGIME_PAIRS], index[ATS_REGIME_PAIRS];
    double own_sum, index_sum, own_square, index_square, product;
    uint32_t label;    /* present */
    bool known;        /* label is one of the nine */
    uint64_t labelled; /* bars with a label */
    uint8_t history[ATS_REGIME_HISTORY];
    uint32_t followed[ATS_REGIME_COUNT][ATS_REGIME_COUNT]; /* [from][to], staying counts */
} ats_regime;

/* A bar has closed. index_return: ln of the index's close over the one before for the same bar; NaN
 * when it had none. The label, ATS_REGIME_UNKNOWN before there is one. close > 0. */
uint32_t ats_regime_update(ats_regime *regime, const ats_regime_settings *settings, double close,
                           double index_return);

/* A split changes the unit of prices: multiplies what is remembered of them. */
void ats_regime_rescale(ats_regime *regime, double factor);

/* Present values; NaN before their window is full. Volatility is of one bar's return. A window
 * without any movement has a ratio of 1 and a t of 0. */
double ats_regime_volatility(const ats_regime *regime);
double ats_regime_ratio(const ats_regime *regime);
double ats_regime_trend(const ats_regime *regime);
double ats_regime_correlation(const ats_regime *regime); /* NaN when one did not move */

/* Label of `back` bars ago, 0 the present one; UNKNOWN further back than is kept. */
uint32_t ats_regime_ago(const ats_regime *regime, uint32_t back);

/* Chance that `to` follows `from` at the next bar; NaN when `from` was never left or kept. */
double ats_regime_chance(const ats_regime *regime, uint32_t from, uint32_t to);

#endif
