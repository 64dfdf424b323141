#include "calc/sizing.h"

#include "core/record.h"

#include <assert.h>

#define BPS         10000.0
#define SURE        0.75 /* confidence from which a position is whole */
#define NO_QUANTITY 0

const char *ats_sizing_cut_label(uint32_t cut)
{
    static const char *const LABELS[] = {"risk",       "notional",    "volatility",
                                         "confidence", "correlation", "kelly",
                                         "max",        "free",        "too_small"};
    static_assert(sizeof LABELS / sizeof LABELS[0] == ATS_SIZING_CUT_COUNT, "a label a cut");
    return cut < ATS_SIZING_CUT_COUNT ? LABELS[cut] : "?";
}

static void shrink(double *notional, double to, ats_sizing_cut why, ats_sizing_cut *cut)
{
    if (to < *notional) {
        *notional = to > 0 ? to : 0;
        *cut = why;
    }
}

static double kelly_fraction(const ats_sizing_case *c)
{
    double b = (double)c->target_distance_e9 / (double)c->stop_distance_e9;
    double f = c->confidence - (1 - c->confidence) / b;
    return f > 0 ? f : 0;
}

/* Notional in 1e-9. */
static double notional_of(const ats_sizing_settings *s, const ats_sizing_case *c,
                          ats_sizing_cut *cut)
{
    double equity = (double)c->equity_e9;
    double risk = equity * s->risk_per_trade_bps / BPS;
    double notional = risk / (double)c->stop_distance_e9 * (double)c->price_e9;
    *cut = ATS_SIZING_RISK;
    if (s->notional_e9 > 0) {
        notional = (double)s->notional_e9;
        *cut = ATS_SIZING_NOTIONAL;
    }
    if (s->volatility_bps && c->day_volatility > 0)
        shrink(&notional, notional * (s->volatility_bps / BPS) / c->day_volatility,
               ATS_SIZING_VOLATILITY, cut);
    if (s->confidence && c->confidence > 0)
        shrink(&notional, notional * c->confidence / SURE, ATS_SIZING_CONFIDENCE, cut);
    if (s->correlation_bps && c->correlation > 0)
        shrink(&notional, notional * (1 - s->correlation_bps / BPS * c->correlation),
               ATS_SIZING_CORRELATION, cut);
    if (s->kelly_cap_bps && c->confidence > 0 && c->target_distance_e9 > 0)
        shrink(&notional, s->kelly_cap_bps / BPS * kelly_fraction(c) * equity, ATS_SIZING_KELLY,
               cut);
    shrink(&notional, (double)s->max_notional_e9, ATS_SIZING_MAX, cut);
    shrink(&notional, (double)c->free_e9, ATS_SIZING_FREE, cut);
    return notional;
}

int64_t ats_sizing(const ats_sizing_settings *s, const ats_sizing_case *c, ats_sizing_cut *cut)
{
    *cut = ATS_SIZING_TOO_SMALL;
    if (c->price_e9 <= 0 || c->stop_distance_e9 <= 0 || c->equity_e9 <= 0 || c->lot_e9 <= 0)
        return NO_QUANTITY;
    ats_sizing_cut bound;
    double notional = notional_of(s, c, &bound);
    double qty = notional / (double)c->price_e9 * (double)ATS_E9;
    if (!(qty > 0))
        return NO_QUANTITY;
    int64_t qty_e9 = qty < (double)ATS_VALUE_MAX_E9 ? (int64_t)qty : ATS_VALUE_MAX_E9;
    qty_e9 -= qty_e9 % c->lot_e9;
    if ((__int128)qty_e9 * c->price_e9 < (__int128)s->min_notional_e9 * ATS_E9 || qty_e9 == 0)
        return NO_QUANTITY;
    *cut = bound;
    return qty_e9;
}
