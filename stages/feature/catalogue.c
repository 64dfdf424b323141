#include "stages/feature/catalogue.h"

#include <assert.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#define DEFINITION(id, family, parameters, unit, range, warm_up, inputs, source)                   \
    {#id, family, parameters, unit, range, warm_up, inputs, source},
static const ats_feature_def DEFINITIONS[] = {ATS_FEATURES(DEFINITION)};
static_assert(sizeof(DEFINITIONS) / sizeof(DEFINITIONS[0]) == ATS_FEATURE_COUNT, "a line each");

const ats_feature_def *ats_feature_at(uint32_t i)
{
    assert(i < ATS_FEATURE_COUNT);
    return &DEFINITIONS[i];
}

uint64_t ats_feature_version(void)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    for (uint32_t i = 0; i < ATS_FEATURE_COUNT; i++) {
        const ats_feature_def *d = &DEFINITIONS[i];
        const char *const texts[] = {d->name,  d->family,  d->parameters, d->unit,
                                     d->range, d->warm_up, d->inputs,     d->source};
        for (uint32_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
            XXH3_64bits_update(&state, texts[t], strlen(texts[t]) + 1); /* NUL keeps them apart */
    }
    return XXH3_64bits_digest(&state);
}
