#include "calc/exits.h"

#include "core/record.h"

static int64_t scaled(int64_t value, int64_t factor_e9)
{
    return (int64_t)((__int128)value * factor_e9 / ATS_E9);
}

static int64_t share(int64_t value, uint32_t bps)
{
    return (int64_t)((__int128)value * bps / 10000);
}

ats_exit_distances ats_exits_of(const ats_exit_settings *s, int64_t price_e9, int64_t atr_e9,
                                double volatility_ratio)
{
    int64_t factor_e9 = ATS_E9;
    if (volatility_ratio > 0 && volatility_ratio * (double)ATS_E9 < (double)s->low_ratio_e9)
        factor_e9 = s->low_factor_e9;
    else if (volatility_ratio * (double)ATS_E9 > (double)s->high_ratio_e9)
        factor_e9 = s->high_factor_e9;
    ats_exit_distances d = {.stop_e9 = scaled(scaled(atr_e9, s->atr_multiple_e9), factor_e9)};
    int64_t least = share(price_e9, s->min_stop_bps), most = share(price_e9, s->max_stop_bps);
    if (d.stop_e9 < least)
        d.stop_e9 = least;
    if (d.stop_e9 > most)
        d.stop_e9 = most;
    d.target_e9 = scaled(d.stop_e9, s->target_multiple_e9);
    d.trail_e9 = scaled(atr_e9, s->trail_multiple_e9);
    return d;
}
