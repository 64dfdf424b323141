/* Incremental formulas against the same formula from scratch over the whole series. */
#include "calc/indicators.h"
#include "core/random.h"

#include <criterion/criterion.h>

#define N 2000

static double series[N], highs[N], lows[N];

static void make_series(void)
{
    ats_random random;
    ats_random_seed(&random, 31);
    double x = 100;
    for (int i = 0; i < N; i++) {
        x += ((double)(ats_random_next(&random) % 2001) - 1000) / 1000;
        if (ats_random_next(&random) % 10 == 0 && i > 0)
            x = series[i - 1]; /* quiet stretches, too */
        series[i] = x;
        highs[i] = x + (double)(ats_random_next(&random) % 500) / 1000;
        lows[i] = x - (double)(ats_random_next(&random) % 500) / 1000;
    }
}

TestSuite(indicators, .init = make_series);

static void near(double got, double want, int i)
{
    cr_assert(fabs(got - want) <= 1e-9 * (1 + fabs(want)), "at %d: %.17g, from scratch %.17g", i,
              got, want);
}

Test(indicators, ema_and_window)
{
    ats_ema e = {0};
    ats_window w = {0};
    for (int i = 0; i < N; i++) {
        ats_ema_update(&e, series[i], 20);
        ats_window_update(&w, series[i], 20);
        if (i < 19) {
            cr_assert(isnan(ats_ema_value(&e, 20)) && isnan(ats_window_mean(&w, 20)),
                      "not ready is NaN");
            continue;
        }
        double ema = series[0], sum = 0;
        for (int k = 1; k <= i; k++)
            ema += 2.0 / 21 * (series[k] - ema);
        for (int k = i - 19; k <= i; k++)
            sum += series[k];
        near(ats_ema_value(&e, 20), ema, i);
        near(ats_window_mean(&w, 20), sum / 20, i);
    }
}

Test(indicators, rsi_is_wilders)
{
    ats_rsi r = {0};
    for (int i = 0; i < N; i++) {
        ats_rsi_update(&r, series[i], 14);
        if (i < 14) {
            cr_assert(isnan(ats_rsi_value(&r, 14)));
            continue;
        }
        double up = 0, down = 0;
        for (int k = 1; k <= i; k++) {
            double d = series[k] - series[k - 1], u = d > 0 ? d : 0, f = d < 0 ? -d : 0;
            up = k <= 14 ? up + u / 14 : (up * 13 + u) / 14;
            down = k <= 14 ? down + f / 14 : (down * 13 + f) / 14;
        }
        near(ats_rsi_value(&r, 14), 100 - 100 / (1 + up / down), i);
    }
    ats_rsi flat = {0};
    for (int i = 0; i < 20; i++)
        ats_rsi_update(&flat, 7, 14);
    cr_assert_float_eq(ats_rsi_value(&flat, 14), 50, 0, "nothing moved");
}

Test(indicators, atr_is_wilders)
{
    ats_atr a = {0};
    double atr = 0;
    for (int i = 0; i < N; i++) {
        ats_atr_update(&a, highs[i], lows[i], series[i], 14);
        if (i == 0)
            continue;
        double range = fmax(highs[i] - lows[i],
                            fmax(fabs(highs[i] - series[i - 1]), fabs(lows[i] - series[i - 1])));
        atr = i <= 14 ? atr + range / 14 : (atr * 13 + range) / 14;
        if (i < 14)
            cr_assert(isnan(ats_atr_value(&a, 14)));
        else
            near(ats_atr_value(&a, 14), atr, i);
    }
}

Test(indicators, bars_are_aligned_and_close_on_time)
{
    ats_bar_builder b = {0};
    const int64_t minute = 60000000000ll;
    cr_assert_not(ats_bar_is_over(&b, 100 * minute, minute), "there is none yet");
    ats_bar_add(&b, 100 * minute + 59000000000ll, minute, 10, 5);
    cr_assert_eq(b.start_ns, 100 * minute);
    ats_bar_add(&b, 100 * minute + 59500000000ll, minute, 12, 1);
    ats_bar_add(&b, 100 * minute + 59900000000ll, minute, 9, 2);
    cr_assert_not(ats_bar_is_over(&b, 101 * minute - 1, minute));
    cr_assert(ats_bar_is_over(&b, 101 * minute, minute));
    cr_assert(b.open == 10 && b.high == 12 && b.low == 9 && b.close == 9 && b.volume == 8);
}

Test(indicators, order_flow_of_cont_kukanov_stoikov)
{
    /* Bid up: its size arrives. Bid same: the difference. Bid down: its former size leaves. */
    cr_assert_float_eq(ats_order_flow(10, 5, 11, 5, 10.5, 3, 11, 5), 3, 0);
    cr_assert_float_eq(ats_order_flow(10, 5, 11, 5, 10, 8, 11, 5), 3, 0);
    cr_assert_float_eq(ats_order_flow(10, 5, 11, 5, 9.5, 8, 11, 5), -5, 0);
    cr_assert_float_eq(ats_order_flow(10, 5, 11, 5, 10, 5, 10.5, 4), -4, 0);
    cr_assert_float_eq(ats_order_flow(10, 5, 11, 5, 10, 5, 11.5, 4), 5, 0);
}
