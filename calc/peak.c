#include "calc/peak.h"

#include <math.h>

#define WEIGHT_MOMENTUM 0.4
#define WEIGHT_VOLUME   0.3
#define WEIGHT_PATTERN  0.3
#define SPANS           3u

static const uint32_t SPAN[SPANS] = {5, 10, 20};
#define BARS_NEEDED 41u /* twice the longest span, and the bar before */

static double ago(const ats_peak *p, const double *series, uint32_t back)
{
    return series[(p->count - 1 - back) % ATS_PEAK_BARS];
}

static double share(double x)
{
    return x < 0 ? 0.0 : x > 1 ? 1.0 : x;
}

/* Volume of n bars, the last of them `back` bars ago. */
static double volume_of(const ats_peak *p, uint32_t n, uint32_t back)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += ago(p, p->volume, back + i);
    return sum;
}

static double mark(const ats_peak *p, double side, double rsi, double pattern)
{
    uint32_t tired = 0, thin = 0;
    for (uint32_t i = 0; i < SPANS; i++) {
        uint32_t n = SPAN[i];
        double rate = ago(p, p->close, 0) / ago(p, p->close, n) - 1.0;
        double before = ago(p, p->close, 1) / ago(p, p->close, n + 1) - 1.0;
        bool moved = side * rate > 0;
        tired += moved && side * rate < side * before;
        thin += moved && volume_of(p, n, 0) < volume_of(p, n, n);
    }
    double momentum = 0.5 * share(side * (rsi - 50.0) / 20.0) + 0.5 * tired / SPANS;
    return WEIGHT_MOMENTUM * momentum + WEIGHT_VOLUME * thin / SPANS +
           WEIGHT_PATTERN * share(-side * pattern);
}

ats_peak_marks ats_peak_update(ats_peak *p, double close, double volume, double rsi, double pattern)
{
    uint32_t at = (uint32_t)(p->count++ % ATS_PEAK_BARS);
    p->close[at] = close;
    p->volume[at] = volume;
    if (p->count < BARS_NEEDED || rsi != rsi)
        return (ats_peak_marks){.top = NAN, .bottom = NAN};
    return (ats_peak_marks){.top = mark(p, 1.0, rsi, pattern),
                            .bottom = mark(p, -1.0, rsi, pattern)};
}

void ats_peak_rescale(ats_peak *p, double factor)
{
    for (uint32_t i = 0; i < ATS_PEAK_BARS; i++) {
        p->close[i] *= factor;
        p->volume[i] /= factor;
    }
}
