#include "stages/feature/catalogue.h"

#include "core/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define DAY_S 86400u

/* ---- the rows -------------------------------------------------------------------------------- */

#define ROW(id, parameters, unit, low, high, warm_up, counter, inputs, source, value)              \
    {#id, NULL, parameters, unit, low, high, warm_up, #counter, inputs, source, 0},
#define FAMILY(family, ROWS) static const ats_feature_def family##_rows[] = {ROWS(ROW)};
ATS_TICK_FAMILIES(FAMILY)
ATS_BAR_FAMILIES(FAMILY)
FAMILY(across, ATS_ACROSS_FEATURES)

typedef struct family_rows {
    const char *name;
    const ats_feature_def *row;
    uint32_t count;
} family_rows;
#define ENTRY(family, ROWS)                                                                        \
    {#family, family##_rows, sizeof family##_rows / sizeof family##_rows[0]},
static const family_rows TICK_FAMILIES[] = {ATS_TICK_FAMILIES(ENTRY)};
static const family_rows BAR_FAMILIES[] = {ATS_BAR_FAMILIES(ENTRY)};
static const family_rows ACROSS[] = {{"across", across_rows, ATS_ACROSS_FEATURE_COUNT}};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void add_families(ats_catalogue *c, const family_rows *family, size_t count,
                         uint32_t timeframe_s)
{
    char label[8] = "";
    if (timeframe_s)
        ats_timeframe_label(timeframe_s, label);
    for (size_t f = 0; f < count; f++)
        for (uint32_t r = 0; r < family[f].count; r++) {
            ats_feature_def *def = &c->feature[c->count++];
            *def = family[f].row[r];
            def->family = family[f].name;
            def->timeframe_s = timeframe_s;
            if (timeframe_s)
                snprintf(def->name, sizeof def->name, "%.39s_%.7s", family[f].row[r].name, label);
        }
}

/* ---- the version ------------------------------------------------------------------------------
 */

static uint64_t mix_text(uint64_t hash, const char *text)
{
    return XXH3_64bits_withSeed(text, strlen(text) + 1, hash);
}

static uint64_t version_of(const ats_catalogue *c)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const ats_feature_def *d = &c->feature[i];
        const char *texts[] = {d->name,    d->family, d->parameters, d->unit,
                               d->counter, d->inputs, d->source};
        for (size_t t = 0; t < COUNT(texts); t++)
            hash = mix_text(hash, texts[t]);
        double range[2] = {d->low, d->high};
        hash = XXH3_64bits_withSeed(range, sizeof range, hash);
        hash = XXH3_64bits_withSeed(&d->warm_up, sizeof d->warm_up, hash);
    }
    return mix_text(mix_text(hash, c->options.index), c->options.sectors);
}

/* ---- timeframes -------------------------------------------------------------------------------
 */

static const char *check_timeframes(const ats_feature_options *o)
{
    if (o->timeframe_count == 0 || o->timeframe_count > ATS_TIMEFRAMES_MAX)
        return "must name one to six";
    for (uint32_t k = 0; k < o->timeframe_count; k++) {
        if (o->timeframe_s[k] == 0 || DAY_S % o->timeframe_s[k] != 0)
            return "each must divide a day evenly";
        if (k && o->timeframe_s[k] <= o->timeframe_s[k - 1])
            return "must ascend, each once";
    }
    return NULL;
}

ats_feature_options ats_feature_options_default(void)
{
    return (ats_feature_options){.timeframe_count = 4, .timeframe_s = {60, 300, 900, 3600}};
}

const char *ats_timeframes_read(const char *text, ats_feature_options *options)
{
    ats_feature_options o = *options;
    o.timeframe_count = 0;
    for (const char *at = text; *at;) {
        char *end;
        unsigned long n = strtoul(at, &end, 10);
        unsigned long unit = *end == 's'   ? 1
                             : *end == 'm' ? 60
                             : *end == 'h' ? 3600
                             : *end == 'd' ? DAY_S
                                           : 0;
        if (*at < '0' || *at > '9' || unit == 0 || n == 0 || n > DAY_S ||
            (end[1] != ',' && end[1] != 0) || (end[1] == ',' && end[2] == 0))
            return "is no list such as 1m,5m,15m,1h (s, m, h, d)";
        if (o.timeframe_count == ATS_TIMEFRAMES_MAX)
            return "must name one to six";
        o.timeframe_s[o.timeframe_count++] = n * unit > DAY_S ? DAY_S + 1 : (uint32_t)(n * unit);
        at = end + 1 + (end[1] == ',');
    }
    const char *wrong = check_timeframes(&o);
    if (!wrong)
        *options = o;
    return wrong;
}

int ats_timeframes_parse(const char *text, ats_feature_options *options)
{
    const char *wrong = ats_timeframes_read(text, options);
    return wrong ? ats_error(ATS_EXIT_USAGE, "timeframes \"%s\": %s", text, wrong) : 0;
}

void ats_timeframes_print(const ats_feature_options *options, char text[ATS_TIMEFRAMES_TEXT])
{
    size_t n = 0;
    text[0] = 0;
    for (uint32_t k = 0; k < options->timeframe_count; k++) {
        char label[8];
        ats_timeframe_label(options->timeframe_s[k], label);
        n += (size_t)snprintf(text + n, ATS_TIMEFRAMES_TEXT - n, "%s%s", k ? "," : "", label);
    }
}

void ats_timeframe_label(uint32_t seconds, char label[8])
{
    static const struct {
        uint32_t seconds;
        char letter;
    } UNITS[] = {{DAY_S, 'd'}, {3600, 'h'}, {60, 'm'}};
    for (size_t u = 0; u < COUNT(UNITS); u++)
        if (seconds && seconds % UNITS[u].seconds == 0) {
            snprintf(label, 8, "%u%c", (seconds / UNITS[u].seconds) % 100000, UNITS[u].letter);
            return;
        }
    snprintf(label, 8, "%us", seconds % 1000000);
}

/* ---- the catalogue ------------------------------------------------------------------------------
 */

int ats_catalogue_make(ats_catalogue *c, const ats_feature_options *options)
{
    memset(c, 0, sizeof *c);
    c->options = options ? *options : ats_feature_options_default();
    if (c->options.timeframe_count == 0) {
        ats_feature_options defaults = ats_feature_options_default();
        c->options.timeframe_count = defaults.timeframe_count;
        memcpy(c->options.timeframe_s, defaults.timeframe_s, sizeof defaults.timeframe_s);
    }
    const char *wrong = check_timeframes(&c->options);
    if (wrong)
        return ats_error(ATS_EXIT_USAGE, "timeframes: %s", wrong);
    add_families(c, TICK_FAMILIES, COUNT(TICK_FAMILIES), 0);
    add_families(c, ACROSS, COUNT(ACROSS), 0);
    for (uint32_t k = 0; k < c->options.timeframe_count; k++)
        add_families(c, BAR_FAMILIES, COUNT(BAR_FAMILIES), c->options.timeframe_s[k]);
    c->version = version_of(c);
    return 0;
}

int ats_catalogue_find(const ats_catalogue *c, const char *name)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (!strcmp(c->feature[i].name, name))
            return (int)i;
    return -1;
}

void ats_feature_range_text(const ats_feature_def *f, char text[48])
{
    bool below = isinf(f->low), above = isinf(f->high);
    if (below && above)
        snprintf(text, 48, "any");
    else if (above)
        snprintf(text, 48, ">= %g", f->low);
    else if (below)
        snprintf(text, 48, "<= %g", f->high);
    else
        snprintf(text, 48, "%g to %g", f->low, f->high);
}
