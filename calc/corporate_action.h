/* corporate_action.h: what a split or dividend does to prices.
 *
 * The factor by which prices after the ex-date are to be multiplied so that they continue those
 * before it: a split of n new shares for d old ones, n / d; a cash dividend, last / (last - cash)
 * with the last price before it (the factor of the Center for Research in Security Prices, CRSP).
 */
#ifndef ATS_CALC_CORPORATE_ACTION_H
#define ATS_CALC_CORPORATE_ACTION_H

#include "core/record.h"

/* last: the last price before the ex-date, in currency; 0 = none yet, then a dividend has nothing
 * to continue (1). 0 when the action means nothing: an unknown kind, an empty ratio, a dividend of
 * the whole price. */
static inline double ats_action_factor(const ats_corporate_action *a, double last)
{
    if (a->action == ATS_ACTION_SPLIT && a->ratio_numerator > 0 && a->ratio_denominator > 0)
        return (double)a->ratio_numerator / (double)a->ratio_denominator;
    if (a->action != ATS_ACTION_DIVIDEND || a->cash_e9 <= 0)
        return 0.0;
    double cash = (double)a->cash_e9 / 1e9;
    if (!(last > 0))
        return 1.0;
    return cash < last ? last / (last - cash) : 0.0;
}

#endif
