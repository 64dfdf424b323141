#include "calc/confluence.h"

static double factor_of(const ats_confluence_weights *w, uint32_t regime, uint32_t term)
{
    double all = 0;
    if (regime >= ATS_REGIME_COUNT)
        return 1.0;
    for (uint32_t i = 0; i < w->count; i++)
        all += w->factor[regime][i];
    return all > 0 ? w->factor[regime][term] : 1.0;
}

void ats_confluence_of(const ats_confluence_weights *w, const double *view, uint32_t regime,
                       const ats_calibration *table, ats_confluence *out)
{
    double all = 0, ready = 0, sum = 0;
    *out = (ats_confluence){.score = NAN, .chance = NAN};
    for (uint32_t i = 0; i < w->count; i++) {
        double weight = w->weight[i] * factor_of(w, regime, i);
        all += weight;
        if (view[i] != view[i])
            continue;
        ready += weight;
        out->contribution[i] = weight * ats_view_clamp(view[i]);
    }
    out->share = all > 0 ? ready / all : 0.0;
    if (!(ready > 0) || out->share < w->least_share) {
        for (uint32_t i = 0; i < w->count; i++)
            out->contribution[i] = 0.0;
        return;
    }
    for (uint32_t i = 0; i < w->count; i++) {
        out->contribution[i] /= ready;
        sum += out->contribution[i];
    }
    out->score = ats_view_clamp(sum); /* rounding may pass the end by a hair */
    if (table && table->count)
        out->chance = (double)ats_calibration_chance(table, (float)out->score);
}
