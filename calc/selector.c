#include "calc/selector.h"

#include <math.h>

#define WEIGHT_VOLATILITY  0.3
#define WEIGHT_VOLUME      0.2
#define WEIGHT_SPREAD      0.2
#define WEIGHT_PERFORMANCE 0.3

static double within(double x, double least, double most)
{
    return x < least ? least : x > most ? most : x;
}

void ats_selector_add(ats_selector_trades *t, double profit)
{
    if (profit != profit)
        return;
    t->profit[t->count++ % ATS_SELECTOR_TRADES] = within(profit, -1.0, 1.0);
}

double ats_selector_performance(const ats_selector_trades *t)
{
    double sum = 0;
    for (uint32_t i = 0; i < ATS_SELECTOR_TRADES; i++)
        sum += t->profit[i]; /* 0 where there was none */
    return 0.5 + 0.5 * sum / ATS_SELECTOR_TRADES;
}

static double activity(double present, double slow)
{
    return slow > 0 && present >= 0 ? within(present / slow / 2.0, 0.0, 1.0) : NAN;
}

static void add(double part, double weight, double *sum, double *weights)
{
    if (part != part)
        return;
    *sum += weight * part;
    *weights += weight;
}

double ats_selector_mark(const ats_selector_case *c)
{
    double sum = 0, weights = 0;
    double left = c->range > 0 ? 1.0 - c->spread / c->range : NAN;
    add(activity(c->range, c->slow_range), WEIGHT_VOLATILITY, &sum, &weights);
    add(activity(c->volume, c->slow_volume), WEIGHT_VOLUME, &sum, &weights);
    add(left == left ? within(left, 0.0, 1.0) : NAN, WEIGHT_SPREAD, &sum, &weights);
    add(c->performance, WEIGHT_PERFORMANCE, &sum, &weights);
    return weights > 0 ? sum / weights : NAN;
}

uint32_t ats_selector_choose(const double *marks, uint32_t count, uint32_t present, double stay)
{
    uint32_t best = ATS_SELECTOR_NONE;
    for (uint32_t i = 0; i < count; i++)
        if (marks[i] == marks[i] && (best == ATS_SELECTOR_NONE || marks[i] > marks[best]))
            best = i;
    if (best == ATS_SELECTOR_NONE || present >= count || marks[present] != marks[present])
        return best;
    return marks[best] > marks[present] + stay ? best : present;
}
