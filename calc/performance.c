#include "calc/performance.h"

#include <math.h>

#define DAY_NS 86400000000000ll

void ats_performance_init(ats_performance *p, int64_t start_equity_e9, bool weekends)
{
    *p = (ats_performance){.start_e9 = start_equity_e9,
                           .last_e9 = start_equity_e9,
                           .peak_e9 = (double)start_equity_e9,
                           .day_open_e9 = start_equity_e9,
                           .weekends = weekends};
}

static int64_t day_of(int64_t recv_ns)
{
    return recv_ns / DAY_NS - (recv_ns % DAY_NS < 0);
}

/* The epoch was a Thursday: days 2 and 3 of it Saturday and Sunday. */
static bool is_weekend(int64_t day)
{
    int64_t weekday = ((day % 7) + 7) % 7;
    return weekday == 2 || weekday == 3;
}

static void add_return(ats_performance *p, double r)
{
    p->days++;
    double away = r - p->mean;
    p->mean += away / (double)p->days;
    p->m2 += away * (r - p->mean);
    p->downside += r < 0 ? r * r : 0;
}

static void close_day(ats_performance *p)
{
    if (p->day_open_e9 > 0)
        add_return(p, (double)p->last_e9 / (double)p->day_open_e9 - 1.0);
    p->day_open_e9 = p->last_e9;
}

void ats_performance_observe(ats_performance *p, int64_t recv_ns, int64_t equity_e9,
                             int64_t drawdown_e9)
{
    int64_t day = day_of(recv_ns);
    if (!p->any)
        p->day = day;
    p->any = true;
    if (day > p->day) {
        close_day(p);
        for (int64_t quiet = p->day + 1; quiet < day; quiet++)
            if (p->weekends || !is_weekend(quiet))
                add_return(p, 0.0);
        p->day = day;
    }
    p->last_e9 = equity_e9;
    double high_e9 = (double)equity_e9 + (double)(drawdown_e9 > 0 ? drawdown_e9 : 0);
    if (high_e9 > p->peak_e9)
        p->peak_e9 = high_e9;
    if (p->peak_e9 > 0) {
        double drawdown = (p->peak_e9 - (double)equity_e9) / p->peak_e9;
        if (drawdown > p->max_drawdown)
            p->max_drawdown = drawdown;
    }
    p->observations++;
    p->equity_sum_e9 += (double)equity_e9;
}

void ats_performance_fill(ats_performance *p, double notional_e9)
{
    p->traded_e9 += fabs(notional_e9);
}

void ats_performance_trip(ats_performance *p, int64_t profit_e9)
{
    p->trips++;
    p->winners += profit_e9 > 0;
    if (profit_e9 > 0)
        p->gains_e9 += (double)profit_e9;
    else
        p->losses_e9 -= (double)profit_e9;
}

/* What annualises. */
static void annualise(const ats_performance *p, ats_performance_result *r)
{
    double a = p->weekends ? 365.0 : 252.0, n = (double)p->days;
    if (p->days < ATS_PERFORMANCE_DAYS_MIN || p->start_e9 <= 0)
        return;
    double growth = (double)p->last_e9 / (double)p->start_e9;
    double s = sqrt(p->m2 / (n - 1.0)), d = sqrt(p->downside / n);
    r->annual_return = growth > 0 ? pow(growth, a / n) - 1.0 : -1.0;
    r->volatility = s * sqrt(a);
    if (s > 0)
        r->sharpe = p->mean / s * sqrt(a);
    if (d > 0)
        r->sortino = p->mean / d * sqrt(a);
    if (p->max_drawdown > 0)
        r->calmar = r->annual_return / p->max_drawdown;
}

void ats_performance_finish(ats_performance *p, ats_performance_result *result)
{
    *result = (ats_performance_result){.total_return = NAN,
                                       .annual_return = NAN,
                                       .volatility = NAN,
                                       .sharpe = NAN,
                                       .sortino = NAN,
                                       .max_drawdown = NAN,
                                       .calmar = NAN,
                                       .profit_factor = NAN,
                                       .win_rate = NAN,
                                       .turnover = NAN,
                                       .trades = p->trips,
                                       .days_a_year = p->weekends ? 365 : 252};
    if (p->any)
        close_day(p);
    result->days = p->days;
    if (p->start_e9 > 0) {
        result->total_return = (double)p->last_e9 / (double)p->start_e9 - 1.0;
        result->max_drawdown = p->max_drawdown > 0 ? -p->max_drawdown : 0.0;
    }
    annualise(p, result);
    if (p->losses_e9 > 0)
        result->profit_factor = p->gains_e9 / p->losses_e9;
    if (p->trips)
        result->win_rate = (double)p->winners / (double)p->trips;
    double mean_e9 =
        p->observations ? p->equity_sum_e9 / (double)p->observations : (double)p->start_e9;
    if (mean_e9 > 0)
        result->turnover = p->traded_e9 / mean_e9;
}
