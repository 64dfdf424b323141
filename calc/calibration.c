#include "calc/calibration.h"

#include <math.h>

bool ats_calibration_is_sound(const ats_calibration *t)
{
    if (t->count > ATS_CALIBRATION_KNOTS_MAX)
        return false;
    for (uint32_t i = 0; i < t->count; i++)
        if (!isfinite(t->score[i]) || !(t->chance[i] >= 0.0f && t->chance[i] <= 1.0f) ||
            (i && (t->score[i] <= t->score[i - 1] || t->chance[i] < t->chance[i - 1])))
            return false;
    return true;
}

float ats_calibration_chance(const ats_calibration *t, float score)
{
    uint32_t low = 0, high = t->count - 1;
    if (score != score)
        return 0.5f;
    if (score <= t->score[0])
        return t->chance[0];
    if (score >= t->score[high])
        return t->chance[high];
    while (high - low > 1) { /* score[low] < score < score[high], or equal to score[low] */
        uint32_t middle = (low + high) / 2;
        if (t->score[middle] <= score)
            low = middle;
        else
            high = middle;
    }
    float part = (score - t->score[low]) / (t->score[high] - t->score[low]);
    return t->chance[low] + part * (t->chance[high] - t->chance[low]);
}
