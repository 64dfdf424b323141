/* exits.h: where a position is left: distances of stops, targets and trails. Pure; any thread.
 *
 * The stop's distance is a multiple of the average true range (Wilder 1978), less in quiet and more
 * in wild markets, and between two shares of the price:
 *     stop   = clamp(atr * multiple * factor, least * price, most * price)
 *     factor = low_factor when volatility is below low_ratio of its slow average, high_factor when
 *              it is above high_ratio, else 1
 *     target = stop * target multiple (0: none)      trail = atr * trail multiple (0: none)
 */
#ifndef ATS_CALC_EXITS_H
#define ATS_CALC_EXITS_H

#include <stdint.h>

typedef struct ats_exit_settings {
    int64_t atr_multiple_e9;
    int64_t low_factor_e9, high_factor_e9;
    int64_t low_ratio_e9, high_ratio_e9;
    uint32_t min_stop_bps, max_stop_bps; /* of the price */
    int64_t target_multiple_e9;          /* of the stop's distance; 0 = no target */
    int64_t trail_multiple_e9;           /* of the average true range; 0 = no trail */
    uint32_t max_hold_s;                 /* 0: any */
} ats_exit_settings;

typedef struct ats_exit_distances {
    int64_t stop_e9, target_e9, trail_e9; /* per unit; 0 = none */
} ats_exit_distances;

/* atr_e9: average true range, 0 = not known (the least stop then). volatility_ratio: of the present
 * volatility to its slow average, 0 = not known (1 then). */
ats_exit_distances ats_exits_of(const ats_exit_settings *settings, int64_t price_e9, int64_t atr_e9,
                                double volatility_ratio);

#endif
