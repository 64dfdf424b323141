/* performance.h: what a run earned and how bumpy the way was.
 *
 * Fed in order of time with what risk saw of the account (equity and how far it was below the day's
 * high), with each fill's traded value and with each round trip's profit; constant memory. The
 * equity of a UTC day is the last one seen in it; a day without an observation keeps the one before
 * it (and is skipped where the market has weekends and it is a Saturday or Sunday). The first
 * day's return is from the starting equity, so n days give n returns.
 *
 *     return         end / start - 1
 *     annual_return  (end / start)^(A / n) - 1, A trading days a year (252 or 365), n days
 *     volatility     s * sqrt(A), s the sample standard deviation (n - 1) of daily returns
 *     sharpe         mean / s * sqrt(A), risk-free rate 0 (Sharpe 1994)
 *     sortino        mean / sqrt(sum(min(r, 0)^2) / n) * sqrt(A), target 0 (Sortino and Price 1994;
 *                    denominator over all n, as Rollinger and Hoffman 2013)
 *     max_drawdown   largest (peak - equity) / peak over all observations, <= 0 as a return. Peaks
 *                    are exact within a day (the gate sees each mark); troughs are those seen when
 *                    something was decided or filled.
 *     calmar         annual_return / |max_drawdown| (Young 1991, over the whole run)
 *     profit_factor  gains / losses of round trips, after fees
 *     win_rate       round trips with a profit after fees / all
 *     turnover       traded value / mean of the observed equity
 *
 * sharpe, sortino, volatility and return agree with quantstats 0.0.62 on daily returns,
 * annual_return with empyrical's (years by count of days, not by the calendar), max_drawdown with
 * the curve itself, its start included. What needs more than there is is "unknown" (NaN): fewer
 * than ATS_PERFORMANCE_DAYS_MIN days for what annualises, no round trip, no loss, no drawdown, no
 * spread of returns, a start that is not above zero.
 */
#ifndef ATS_CALC_PERFORMANCE_H
#define ATS_CALC_PERFORMANCE_H

#include <stdbool.h>
#include <stdint.h>

/* Of fewer daily returns than a trading month has, a Sharpe ratio of 1 a year has a standard error
 * of more than 3.4 (Lo 2002: sqrt((1 + SR^2 / 2) / T) at daily SR, scaled): a number without a
 * meaning. */
#define ATS_PERFORMANCE_DAYS_MIN 21u

typedef struct ats_performance {
    int64_t start_e9;
    int64_t last_e9; /* last equity seen */
    double peak_e9;
    double max_drawdown; /* >= 0 */
    int64_t day;         /* UTC day of last_e9, since the epoch */
    int64_t day_open_e9; /* equity at the end of the day before */
    bool any;            /* an observation was made */
    bool weekends;       /* the market trades on Saturday and Sunday */
    uint64_t days;       /* returns so far, and of them: */
    double mean, m2;     /* Welford 1962 */
    double downside;     /* sum of min(r, 0)^2 */
    uint64_t observations;
    double equity_sum_e9;
    double traded_e9;
    uint64_t trips, winners;
    double gains_e9, losses_e9;
} ats_performance;

typedef struct ats_performance_result {
    double total_return;
    double annual_return;
    double volatility;
    double sharpe;
    double sortino;
    double max_drawdown; /* <= 0 */
    double calmar;
    double profit_factor;
    double win_rate;
    double turnover;
    uint64_t trades; /* round trips */
    uint64_t days;
    uint32_t days_a_year; /* 252 or 365 */
} ats_performance_result;

/* weekends: the market never closes (crypto): 365 days a year, else 252. */
void ats_performance_init(ats_performance *p, int64_t start_equity_e9, bool weekends);

/* The account at a moment, none before the one before: equity, and how far it is below the high of
 * its day (>= 0). */
void ats_performance_observe(ats_performance *p, int64_t recv_ns, int64_t equity_e9,
                             int64_t drawdown_e9);

/* A fill's traded value (price times quantity, its sign does not matter), in 1e-9. */
void ats_performance_fill(ats_performance *p, double notional_e9);

/* A position that came back to zero: profit after fees. */
void ats_performance_trip(ats_performance *p, int64_t profit_e9);

/* Closes the last day and computes. p may not be used after. */
void ats_performance_finish(ats_performance *p, ats_performance_result *result);

#endif
