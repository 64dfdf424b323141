#include "learn/feature_info.h"

#include "stages/feature/catalogue.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

uint32_t ats_feature_info_count(void)
{
    return ATS_FEATURE_COUNT;
}

const char *ats_feature_info_name(uint32_t i)
{
    return ats_feature_at(i)->name;
}

void ats_feature_info_range(uint32_t i, double *low, double *high)
{
    const char *range = ats_feature_at(i)->range;
    *low = -(double)INFINITY;
    *high = (double)INFINITY;
    if (strcmp(range, ">= 0") == 0)
        *low = 0;
    else if (sscanf(range, "%lf..%lf", low, high) != 2)
        *low = -(double)INFINITY;
}
