#include "stages/strategy/plugin.h"

#include "core/error.h"
#include "stages/strategy/builtin/builtin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ats_strategy_plugin *const BUILTIN[] = ATS_STRATEGY_BUILTIN;

const ats_strategy_plugin *ats_strategy_builtin(uint32_t i)
{
    return i < sizeof BUILTIN / sizeof BUILTIN[0] ? BUILTIN[i] : NULL;
}

/* More is a sum that went wrong, not a state. */
#define STATE_MAX_BYTES (1ull << 32)

/* ---- finding one -------------------------------------------------------------------------- */

static int refuse(const ats_strategy_spec *spec, const char *why)
{
    return ats_error(ATS_EXIT_CONFIG, "strategy %s: %s", spec->name, why);
}

static int check_table(const ats_strategy_spec *spec, const ats_strategy_plugin *p)
{
    char why[360];
    if (!p || p->abi != ATS_STRATEGY_ABI || p->bytes < sizeof *p) {
        snprintf(why, sizeof why, "%s speaks version %u of the interface, this program %u",
                 spec->plugin, p ? p->abi : 0, ATS_STRATEGY_ABI);
        return refuse(spec, why);
    }
    if (!p->name || !p->state_bytes || !p->init ||
        p->parameter_count > ATS_STRATEGY_PARAMETERS_MAX || (p->parameter_count && !p->parameters))
        return refuse(spec,
                      "the plug-in has no name, no state_bytes, no init, or too many parameters");
    return 0;
}

static int open_library(ats_strategy_instance *in)
{
    in->library = dlopen(in->spec->plugin, RTLD_NOW | RTLD_LOCAL);
    if (!in->library)
        return refuse(in->spec, dlerror());
    /* POSIX's way from an object pointer to a function. */
    const ats_strategy_plugin *(*get)(void);
    *(void **)&get = dlsym(in->library, ATS_STRATEGY_SYMBOL);
    if (!get)
        return refuse(in->spec, "the shared object exports no " ATS_STRATEGY_SYMBOL);
    in->plugin = get();
    return check_table(in->spec, in->plugin);
}

static void list_builtin(char *out, size_t capacity)
{
    size_t at = 0;
    out[0] = 0;
    for (uint32_t i = 0; ats_strategy_builtin(i) && at < capacity; i++)
        at += (size_t)snprintf(out + at, capacity - at, "%s%s", i ? ", " : "",
                               ats_strategy_builtin(i)->name);
}

static int find(ats_strategy_instance *in, const ats_strategy_plugin *given)
{
    char names[256], why[400];
    if (strchr(in->spec->plugin, '/'))
        return open_library(in);
    if (given && !in->spec->plugin[0]) {
        in->plugin = given;
        return check_table(in->spec, given);
    }
    for (uint32_t i = 0; ats_strategy_builtin(i); i++)
        if (strcmp(ats_strategy_builtin(i)->name, in->spec->plugin) == 0) {
            in->plugin = ats_strategy_builtin(i);
            return 0;
        }
    list_builtin(names, sizeof names);
    snprintf(why, sizeof why, "no built-in plug-in is called %.64s; there are %s; a path has a /",
             in->spec->plugin, names);
    return refuse(in->spec, why);
}

/* ---- parameters and symbols --------------------------------------------------------------- */

static int parameter_index(const ats_strategy_plugin *plugin, const char *name)
{
    for (uint32_t i = 0; i < plugin->parameter_count; i++)
        if (strcmp(plugin->parameters[i].name, name) == 0)
            return (int)i;
    return -1;
}

int ats_strategy_parameters(const ats_strategy_plugin *plugin, const ats_strategy_spec *spec,
                            double out[ATS_STRATEGY_PARAMETERS_MAX], char *why, size_t why_bytes)
{
    for (uint32_t i = 0; i < plugin->parameter_count; i++)
        out[i] = plugin->parameters[i].fallback;
    for (uint32_t k = 0; k < spec->parameter_count; k++) {
        const char *name = spec->parameters[k].name;
        double value = spec->parameters[k].value;
        int i = parameter_index(plugin, name);
        if (i < 0) {
            size_t at = (size_t)snprintf(
                why, why_bytes, "parameters.%s: %s has no such one; it has", name, plugin->name);
            for (uint32_t n = 0; n < plugin->parameter_count && at < why_bytes; n++)
                at += (size_t)snprintf(why + at, why_bytes - at, "%s %s", n ? "," : "",
                                       plugin->parameters[n].name);
            return -1;
        }
        const ats_strategy_parameter *p = &plugin->parameters[i];
        if (!(value >= p->least && value <= p->most)) {
            snprintf(why, why_bytes, "parameters.%s: %g is out of range; %g to %g: %s", name, value,
                     p->least, p->most, p->help);
            return -1;
        }
        out[i] = value;
    }
    return 0;
}

static bool names(const char *list, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = list; (at = strstr(at, text)) != NULL; at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
            return true;
    return false;
}

static int choose_symbols(ats_strategy_instance *in, const ats_symbols *symbols)
{
    bool all = strcmp(in->spec->symbols, "all") == 0;
    uint32_t wanted = 0;
    in->symbols = calloc(symbols->count + 1ull, sizeof *in->symbols);
    if (!in->symbols)
        return refuse(in->spec, "out of memory");
    for (uint32_t i = 1; i <= symbols->count; i++) {
        const ats_symbol *s = &symbols->entry[i];
        ats_strategy_symbol *out = &in->symbols[i];
        memcpy(out->text, s->text, sizeof out->text);
        out->tick_e9 = s->tick_e9;
        out->lot_e9 = ats_symbol_lot_e9(s);
        out->continuous = s->symbol_class != ATS_CLASS_EQUITY && s->symbol_class != ATS_CLASS_INDEX;
        out->wanted = all || names(in->spec->symbols, s->text);
        wanted += out->wanted;
    }
    /* Not an error: one configuration serves days on which a symbol does not trade. */
    (void)wanted;
    return 0;
}

/* ---- setting up --------------------------------------------------------------------------- */

static int start(ats_strategy_instance *in, const ats_symbols *symbols, uint64_t seed,
                 const ats_strategy_plugin *given)
{
    char why[400] = "";
    if (find(in, given) != 0 || choose_symbols(in, symbols) != 0)
        return -1;
    if (ats_strategy_parameters(in->plugin, in->spec, in->parameters, why, sizeof why) != 0)
        return refuse(in->spec, why);
    in->setup = (ats_strategy_setup){.abi = ATS_STRATEGY_ABI,
                                     .bytes = sizeof in->setup,
                                     .symbol_count = symbols->count,
                                     .parameter_count = in->plugin->parameter_count,
                                     .symbols = in->symbols,
                                     .parameters = in->parameters,
                                     .seed = seed};
    size_t bytes = in->plugin->state_bytes(&in->setup);
    if (bytes == 0 || bytes > STATE_MAX_BYTES)
        return refuse(in->spec, "the plug-in cannot run with these parameters and symbols");
    bytes = (bytes + 63) & ~(size_t)63;
    in->state = aligned_alloc(64, bytes);
    if (!in->state)
        return refuse(in->spec, "out of memory");
    memset(in->state, 0, bytes); /* and so every page is there before the run */
    if (in->plugin->init(in->state, &in->setup, why, sizeof why) != 0) {
        free(in->state);
        in->state = NULL;
        return refuse(in->spec, why[0] ? why : "the plug-in's init failed");
    }
    if ((in->plugin->wants & ATS_WANTS_BARS) && in->plugin->timeframes)
        in->plugin->timeframes(in->state, in->periods_s);
    return 0;
}

/* Keeps the list ascending and without doubles. False when it is full. */
static bool add_period(ats_strategy_set *set, uint32_t period_s)
{
    uint32_t at = 0;
    while (at < set->period_count && set->periods_s[at] < period_s)
        at++;
    if (at < set->period_count && set->periods_s[at] == period_s)
        return true;
    if (period_s > 86400 || set->period_count == sizeof set->periods_s / sizeof set->periods_s[0])
        return false;
    memmove(&set->periods_s[at + 1], &set->periods_s[at],
            (set->period_count - at) * sizeof set->periods_s[0]);
    set->periods_s[at] = period_s;
    set->period_count++;
    return true;
}

int ats_strategies_load(ats_strategy_set *set, const ats_strategy_settings *settings,
                        const ats_symbols *symbols, uint64_t seed, const ats_strategy_plugin *given)
{
    *set = (ats_strategy_set){0};
    for (uint32_t i = 0; i < settings->count; i++) {
        ats_strategy_instance *in = &set->instances[set->count++];
        in->spec = &settings->strategies[i];
        bool sound = start(in, symbols, seed + i, given) == 0;
        for (uint32_t p = 0; sound && p < 8 && in->periods_s[p]; p++)
            if (!add_period(set, in->periods_s[p])) {
                refuse(in->spec,
                       "a timeframe is longer than a day, or more than eight are wanted by all "
                       "strategies together");
                sound = false;
            }
        if (!sound) {
            ats_strategies_free(set);
            return -1;
        }
    }
    return 0;
}

void ats_strategies_free(ats_strategy_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        ats_strategy_instance *in = &set->instances[i];
        if (in->state && in->plugin->fini)
            in->plugin->fini(in->state);
        free(in->state);
        free(in->symbols);
        if (in->library)
            dlclose(in->library);
    }
    *set = (ats_strategy_set){0};
}
