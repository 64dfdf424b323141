#include "learn/feature_info.h"

#include "stages/feature/catalogue.h"

static const ats_catalogue *catalogue(void)
{
    static ats_catalogue c;
    if (c.count == 0)
        ats_catalogue_make(&c, NULL);
    return &c;
}

uint32_t ats_feature_info_count(void)
{
    return catalogue()->count;
}

const char *ats_feature_info_name(uint32_t i)
{
    return catalogue()->feature[i].name;
}

void ats_feature_info_range(uint32_t i, double *low, double *high)
{
    *low = catalogue()->feature[i].low;
    *high = catalogue()->feature[i].high;
}
