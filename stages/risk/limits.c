#include "stages/risk/limits.h"

#include <string.h>

#define UNIT_U32         "count"
#define UNIT_PERCENT     "bps"
#define UNIT_DECIMAL     "1e-9"
#define UNIT_DURATION_MS "ms"
#define UNIT_DURATION_S  "s"

#define ROW(id, field, ctype, key, type, least, most, flags, help)                                 \
    [ATS_LIMIT_##id] = {key,  UNIT_##type, offsetof(ats_risk_limits, field), sizeof(ctype), least, \
                        most, flags},
static const ats_limit LIMITS[] = {ATS_RISK_LIMITS(ROW)};
static_assert(sizeof LIMITS / sizeof LIMITS[0] == ATS_LIMIT_COUNT, "a row a limit");

const char *ats_account_type_label(uint32_t type)
{
    return type == ATS_ACCOUNT_CASH ? "cash" : type == ATS_ACCOUNT_MARGIN ? "margin" : "?";
}

const ats_limit *ats_limit_at(uint32_t id)
{
    return &LIMITS[id];
}

const char *ats_limit_label(uint32_t id)
{
    return id < ATS_LIMIT_COUNT ? LIMITS[id].name : "?";
}

int ats_limit_find(const char *name)
{
    for (uint32_t id = 0; id < ATS_LIMIT_COUNT; id++)
        if (strncmp(LIMITS[id].name, name, 64) == 0)
            return (int)id;
    return -1;
}

int64_t ats_limit_get(const ats_risk_limits *limits, uint32_t id)
{
    const uint8_t *at = (const uint8_t *)limits + LIMITS[id].offset;
    uint32_t small;
    int64_t large;
    if (LIMITS[id].bytes == sizeof small) {
        memcpy(&small, at, sizeof small);
        return small;
    }
    memcpy(&large, at, sizeof large);
    return large;
}

void ats_limit_set(ats_risk_limits *limits, uint32_t id, int64_t value)
{
    uint8_t *at = (uint8_t *)limits + LIMITS[id].offset;
    uint32_t small = (uint32_t)value;
    if (LIMITS[id].bytes == sizeof small)
        memcpy(at, &small, sizeof small);
    else
        memcpy(at, &value, sizeof value);
}

bool ats_limit_allows(uint32_t id, int64_t configured, int64_t value)
{
    const ats_limit *l = &LIMITS[id];
    if (value < l->least || value > l->most)
        return false;
    if (l->flags & ATS_LIMIT_ZERO_IS_NONE) {
        if (configured == 0 || value == 0)
            return configured == 0;
    }
    if (l->flags & ATS_LIMIT_LARGER_IS_LOOSER)
        return value <= 2 * configured;
    return 2 * value >= configured;
}

const char *ats_limits_check(const ats_risk_limits *limits)
{
    for (uint32_t id = 0; id < ATS_LIMIT_COUNT; id++) {
        int64_t value = ats_limit_get(limits, id);
        if (value < LIMITS[id].least || value > LIMITS[id].most)
            return LIMITS[id].name;
    }
    return limits->account_type <= ATS_ACCOUNT_MARGIN ? NULL : "account_type";
}

void ats_limits_loosest(ats_risk_limits *out)
{
    memset(out, 0, sizeof *out);
    out->account_type = ATS_ACCOUNT_MARGIN;
    for (uint32_t id = 0; id < ATS_LIMIT_COUNT; id++) {
        const ats_limit *l = &LIMITS[id];
        ats_limit_set(out, id,
                      l->flags & ATS_LIMIT_ZERO_IS_NONE       ? 0
                      : l->flags & ATS_LIMIT_LARGER_IS_LOOSER ? l->most
                                                              : l->least);
    }
}

void ats_limits_resolve(ats_risk_limits *out, const ats_risk_limits *configured,
                        const ats_limit_override override[ATS_LIMIT_COUNT], bool safe_mode)
{
    *out = *configured;
    for (uint32_t id = 0; id < ATS_LIMIT_COUNT; id++) {
        int64_t value = override[id].set ? override[id].value : ats_limit_get(configured, id);
        if (safe_mode && (LIMITS[id].flags & ATS_LIMIT_HALVED)) {
            value /= 2;
            value = value < LIMITS[id].least ? LIMITS[id].least : value;
        }
        ats_limit_set(out, id, value);
    }
}
