/* volatility.h: estimates of the variance of a bar from its prices.
 *
 * The logarithms are ats_ln_ratio: the same on every host. Single-print bars give 0, a defined
 * value. Each function is one bar's term; the estimate is the mean of the last n terms, under a
 * root.
 */
#ifndef ATS_CALC_INDICATORS_VOLATILITY_H
#define ATS_CALC_INDICATORS_VOLATILITY_H

#include "calc/bar_history.h"
#include "calc/logarithm.h"

/* The bar in logarithms, of which all terms are made. */
typedef struct ats_log_bar {
    double overnight; /* ln(open / previous close) */
    double body;      /* ln(close / open) */
    double up;        /* ln(high / open) */
    double down;      /* ln(low / open) */
} ats_log_bar;

static inline ats_log_bar ats_log_bar_of(double open, double high, double low, double close,
                                         double previous_close)
{
    return (ats_log_bar){.overnight = ats_ln_ratio(open, previous_close),
                         .body = ats_ln_ratio(close, open),
                         .up = ats_ln_ratio(high, open),
                         .down = ats_ln_ratio(low, open)};
}

/* Parkinson, The Extreme Value Method for Estimating the Variance of the Rate of Return, 1980:
 * ln(high / low)^2 / (4 ln 2). */
static inline double ats_parkinson_term(const ats_log_bar *b)
{
    double range = b->up - b->down;
    return range * range * (1.0 / 2.7725887222397811);
}

/* Garman and Klass, On the Estimation of Security Price Volatilities from Historical Data, 1980,
 * the practical form: ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2. */
static inline double ats_garman_klass_term(const ats_log_bar *b)
{
    double range = b->up - b->down;
    return 0.5 * range * range - 0.38629436111989062 * b->body * b->body;
}

/* Rogers and Satchell, Estimating Variance from High, Low and Closing Prices, 1991: free of drift.
 */
static inline double ats_rogers_satchell_term(const ats_log_bar *b)
{
    return b->up * (b->up - b->body) + b->down * (b->down - b->body);
}

/* Yang and Zhang, Drift-Independent Volatility Estimation, 2000: variance of the overnight moves,
 * plus k times that of the bodies, plus (1 - k) Rogers-Satchell; k = 0.34 / (1.34 + (n+1)/(n-1)).
 */
static inline double ats_yang_zhang(double n, double overnight, double overnight2, double body,
                                    double body2, double rogers_satchell)
{
    const double k = 0.34 / (1.34 + (n + 1) / (n - 1));
    double open = (overnight2 - overnight * overnight * (1 / n)) * (1 / (n - 1));
    double close = (body2 - body * body * (1 / n)) * (1 / (n - 1));
    return open + k * close + (1 - k) * (1 / n) * rogers_satchell;
}

/* True range (Wilder 1978): the bar's range with the previous close in it. */
static inline double ats_true_range(double high, double low, double previous_close)
{
    double top = high > previous_close ? high : previous_close;
    double bottom = low < previous_close ? low : previous_close;
    return top - bottom;
}

/* Root of a variance that rounding may have made a hair negative. */
static inline double ats_root(double variance)
{
    return variance > 0 ? sqrt(variance) : variance == variance ? 0.0 : NAN;
}

#endif
