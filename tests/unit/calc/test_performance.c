/* Performance against quantstats 0.0.62 (sharpe, sortino, volatility, comp) and pandas, on 30 daily
 * values made from a congruential generator; and by hand where it differs by definition. */
#include "calc/performance.h"

#include <criterion/criterion.h>
#include <math.h>

#define E9     1000000000ll
#define DAY_NS 86400000000000ll
/* Tuesday 2024-01-02, 15:00 UTC. */
#define START_NS 1704207600000000000ll

/* The i-th business day after the start. */
static int64_t business_day(int i)
{
    int64_t day = 0;
    for (int n = 0; n < i;) {
        day++;
        int weekday = (int)((1 + day) % 7); /* 0 = Monday */
        n += weekday < 5;
    }
    return START_NS + day * DAY_NS;
}

static void feed_days(ats_performance *p, int days)
{
    uint32_t x = 12345;
    int64_t cents = 10000000;
    for (int i = 0; i < days; i++) {
        x = (x * 1103515245u + 12345u) & 0x7fffffffu;
        cents += (int64_t)((x >> 16) % 32768) * 6 - 95000;
        ats_performance_observe(p, business_day(i), cents * (E9 / 100), 0);
    }
}

Test(performance, agrees_with_quantstats_on_thirty_days)
{
    ats_performance p;
    ats_performance_result r;
    ats_performance_init(&p, 100000 * E9, false);
    feed_days(&p, 30);
    ats_performance_finish(&p, &r);
    cr_assert_eq(r.days, 30);
    cr_assert_float_eq(r.sharpe, 2.233590494696055, 1e-9);
    cr_assert_float_eq(r.sortino, 3.5732934597831445, 1e-9);
    cr_assert_float_eq(r.volatility, 0.0791166681736019, 1e-12);
    cr_assert_float_eq(r.total_return, 0.0208854, 1e-12);
    cr_assert_float_eq(r.annual_return, 0.18961584521982466, 1e-9);
    cr_assert_float_eq(r.max_drawdown, -0.016057688992847874, 1e-12);
    cr_assert_float_eq(r.calmar, 0.18961584521982466 / -(-0.016057688992847874), 1e-9);
}

Test(performance, too_few_days_are_not_annualised)
{
    ats_performance p;
    ats_performance_result r;
    for (int days = 0; days <= (int)ATS_PERFORMANCE_DAYS_MIN; days++) {
        ats_performance_init(&p, 100000 * E9, false);
        feed_days(&p, days);
        ats_performance_finish(&p, &r);
        bool enough = days == (int)ATS_PERFORMANCE_DAYS_MIN;
        cr_assert_eq(r.days, (uint64_t)days);
        cr_assert_eq(isfinite(r.sharpe), enough, "%d days", days);
        cr_assert_eq(isfinite(r.volatility), enough);
        cr_assert_eq(isfinite(r.annual_return), enough);
        cr_assert(isfinite(r.total_return));
    }
}

Test(performance, quiet_days_count_and_weekends_do_not)
{
    ats_performance p;
    ats_performance_result r;
    /* Tuesday, then Monday of the next week: Wednesday to Friday were quiet. */
    ats_performance_init(&p, 1000 * E9, false);
    ats_performance_observe(&p, START_NS, 1010 * E9, 0);
    ats_performance_observe(&p, START_NS + 6 * DAY_NS, 1020 * E9, 0);
    ats_performance_finish(&p, &r);
    cr_assert_eq(r.days, 5);
    /* A market without weekends: Saturday and Sunday, too. */
    ats_performance_init(&p, 1000 * E9, true);
    ats_performance_observe(&p, START_NS, 1010 * E9, 0);
    ats_performance_observe(&p, START_NS + 6 * DAY_NS, 1020 * E9, 0);
    ats_performance_finish(&p, &r);
    cr_assert_eq(r.days, 7);
    cr_assert_float_eq(r.total_return, 0.02, 1e-15);
}

Test(performance, drawdown_counts_the_start_and_peaks_between_observations)
{
    ats_performance p;
    ats_performance_result r;
    ats_performance_init(&p, 1000 * E9, false);
    ats_performance_observe(&p, START_NS, 950 * E9, 50 * E9);
    ats_performance_observe(&p, START_NS + 1, 1100 * E9, 0);
    ats_performance_finish(&p, &r);
    cr_assert_float_eq(r.max_drawdown, -0.05, 1e-15, "below the start");
    ats_performance_init(&p, 1000 * E9, false);
    /* The day's high was 1250 when nobody looked: 200 below it is 16 %. */
    ats_performance_observe(&p, START_NS, 1050 * E9, 200 * E9);
    ats_performance_finish(&p, &r);
    cr_assert_float_eq(r.max_drawdown, -0.16, 1e-15);
}

Test(performance, round_trips_and_turnover)
{
    ats_performance p;
    ats_performance_result r;
    ats_performance_init(&p, 1000 * E9, false);
    ats_performance_observe(&p, START_NS, 1000 * E9, 0);
    ats_performance_observe(&p, START_NS + 1, 1100 * E9, 0);
    ats_performance_trip(&p, 90 * E9);
    ats_performance_trip(&p, -30 * E9);
    ats_performance_trip(&p, 30 * E9);
    ats_performance_trip(&p, 0); /* neither won nor lost anything: not won */
    ats_performance_fill(&p, 600e9);
    ats_performance_fill(&p, -450e9);
    ats_performance_finish(&p, &r);
    cr_assert_eq(r.trades, 4);
    cr_assert_float_eq(r.win_rate, 0.5, 1e-15);
    cr_assert_float_eq(r.profit_factor, 4.0, 1e-15);
    cr_assert_float_eq(r.turnover, 1.0, 1e-15);
}

Test(performance, what_cannot_be_known_is_not_a_number)
{
    ats_performance p;
    ats_performance_result r;
    ats_performance_init(&p, 1000 * E9, false);
    ats_performance_finish(&p, &r);
    cr_assert(r.total_return == 0.0 && r.max_drawdown == 0.0 && r.turnover == 0.0);
    cr_assert(isnan(r.win_rate) && isnan(r.profit_factor) && isnan(r.sharpe));
    ats_performance_init(&p, 1000 * E9, false);
    ats_performance_trip(&p, 5 * E9);
    ats_performance_finish(&p, &r);
    cr_assert(isnan(r.profit_factor), "nothing was lost");
    cr_assert_float_eq(r.win_rate, 1.0, 0);
    ats_performance_init(&p, 0, false);
    ats_performance_observe(&p, START_NS, -5 * E9, 0);
    ats_performance_observe(&p, START_NS + 40 * DAY_NS, -9 * E9, 0);
    ats_performance_finish(&p, &r);
    cr_assert(isnan(r.total_return) && isnan(r.sharpe) && isnan(r.turnover));
}

/* A flat curve has no risk to divide by. */
Test(performance, a_flat_curve_has_no_ratio)
{
    ats_performance p;
    ats_performance_result r;
    ats_performance_init(&p, 1000 * E9, false);
    for (int i = 0; i < 30; i++)
        ats_performance_observe(&p, business_day(i), 1000 * E9, 0);
    ats_performance_finish(&p, &r);
    cr_assert_eq(r.volatility, 0.0);
    cr_assert(isnan(r.sharpe) && isnan(r.sortino) && isnan(r.calmar));
}
