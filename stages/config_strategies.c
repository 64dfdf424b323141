/* The list `strategies`: from events to ats_strategy_spec, and back. */
#include "core/word.h"
#include "io/codec/decimal.h"
#include "stages/config_walk.h"
#include "stages/strategy/plugin.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define E9 1e9

static const char *const KEYS[] = {"name",    "plugin",      "symbols",
                                   "capital", "allow_short", "parameters"};
enum { KEY_NAME, KEY_PLUGIN, KEY_SYMBOLS, KEY_CAPITAL, KEY_ALLOW_SHORT, KEY_PARAMETERS, KEY_COUNT };
#define ALLOWED "name, plugin, symbols, capital, allow_short, parameters"

/* ---- reading ------------------------------------------------------------------------------ */

static void fault(ats_walk *w, uint32_t line, const char *name, const char *what)
{
    ats_config_fault_add(w->report, line, "strategies: %s: %s", name, what);
}

/* ".5", "2", "-0.1": exact to nine places. */
static bool read_number(const char *text, double *out)
{
    int64_t value_e9;
    char word[64];
    /* The decimal reader wants a digit before the point. */
    snprintf(word, sizeof word, "%s%s", *text == '.' ? "0" : "", text);
    if (ats_decimal_e9(word, strlen(word), &value_e9) != ATS_DECIMAL_OK)
        return false;
    *out = (double)value_e9 / E9;
    return true;
}

static bool read_parameters(ats_walk *w, ats_strategy_spec *spec)
{
    char name[64];
    uint32_t line;
    int more;
    if (!ats_walk_is(w, YAML_MAPPING_START_EVENT)) {
        fault(w, ats_walk_line(w), "parameters", "must be a mapping of names to numbers");
        return ats_walk_skip(w);
    }
    while ((more = ats_walk_key(w, name, &line)) == 1) {
        uint32_t n = spec->parameter_count;
        if (n == ATS_STRATEGY_PARAMETERS_MAX || strlen(name) >= ATS_STRATEGY_PARAMETER_BYTES ||
            !ats_walk_is(w, YAML_SCALAR_EVENT) ||
            !read_number(ats_walk_text(w), &spec->parameters[n].value)) {
            fault(w, line, name, "must be a number with at most nine decimal places");
            if (!ats_walk_skip(w))
                return false;
            continue;
        }
        memcpy(spec->parameters[n].name, name, strlen(name) + 1); /* its length was looked at */
        spec->parameter_count++;
    }
    return more == 0;
}

static void read_word(ats_walk *w, const char *key, char *out, size_t capacity, uint32_t line)
{
    const char *text = ats_walk_text(w);
    bool sound = *text && strlen(text) < capacity;
    for (const char *p = text; *p; p++)
        sound = sound && (unsigned char)*p >= 0x20 && *p != 0x7f && *p != '"' && *p != '\\';
    if (sound)
        memcpy(out, text, strlen(text) + 1);
    else
        fault(w, line, key, "is empty, too long, or holds a quote or a control character");
}

/* A name is part of file names and of variables. */
static void read_name(ats_walk *w, ats_strategy_spec *spec, uint32_t line)
{
    const char *text = ats_walk_text(w);
    size_t length =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    if (length == 0 || text[length] || length >= sizeof spec->name)
        fault(w, line, "name", "must be 1 to 31 letters, digits, _ and -");
    else
        memcpy(spec->name, text, length + 1);
}

static void read_capital(ats_walk *w, ats_strategy_spec *spec, uint32_t line)
{
    const char *text = ats_walk_text(w);
    size_t length = strlen(text);
    char number[32];
    double percent = 0;
    bool sound = length > 1 && length < sizeof number && text[length - 1] == '%';
    if (sound) {
        snprintf(number, sizeof number, "%.*s", (int)length - 1, text);
        sound = read_number(number, &percent) && percent >= 0.01 && percent <= 1000;
    }
    if (sound)
        spec->capital_bps = (uint32_t)(percent * 100 + 0.5);
    else
        fault(w, line, "capital", "must be a share of equity, 0.01% to 1000%");
}

static bool read_key(ats_walk *w, ats_strategy_spec *spec, const char *name, uint32_t line,
                     uint32_t *seen)
{
    uint32_t k = 0;
    char word[48], hint[64];
    while (k < KEY_COUNT && strcmp(name, KEYS[k]) != 0)
        k++;
    ats_config_quote(name, word);
    if (k == KEY_COUNT) {
        ats_config_hint(name, KEYS, KEY_COUNT, hint, sizeof hint);
        ats_config_fault_add(w->report, line, "strategies: %s: no such key%s; allowed: " ALLOWED,
                             word, hint);
        return ats_walk_skip(w);
    }
    if (*seen & (1u << k))
        fault(w, line, name, "is given twice");
    *seen |= 1u << k;
    if (k == KEY_PARAMETERS)
        return read_parameters(w, spec);
    if (!ats_walk_is(w, YAML_SCALAR_EVENT)) {
        fault(w, line, name, "must be one value");
        return ats_walk_skip(w);
    }
    if (k == KEY_NAME)
        read_name(w, spec, line);
    else if (k == KEY_PLUGIN)
        read_word(w, name, spec->plugin, sizeof spec->plugin, line);
    else if (k == KEY_SYMBOLS)
        read_word(w, name, spec->symbols, sizeof spec->symbols, line);
    else if (k == KEY_CAPITAL)
        read_capital(w, spec, line);
    else if (strcmp(ats_walk_text(w), "true") == 0 || strcmp(ats_walk_text(w), "false") == 0)
        spec->allow_short = ats_walk_text(w)[0] == 't';
    else
        fault(w, line, name, "must be true or false");
    return true;
}

static bool read_strategy(ats_walk *w, ats_strategy_spec *spec)
{
    uint32_t first = ats_walk_line(w), seen = 0, line;
    char name[64];
    int more;
    *spec = (ats_strategy_spec){.capital_bps = 10000, .line = first, .symbols = "all"};
    while ((more = ats_walk_key(w, name, &line)) == 1)
        if (!read_key(w, spec, name, line, &seen))
            return false;
    if (more < 0)
        return false;
    for (uint32_t k = KEY_NAME; k <= KEY_PLUGIN; k++)
        if (!(seen & (1u << k)))
            fault(w, first, KEYS[k], "is missing; a strategy has " ALLOWED);
    return true;
}

bool ats_walk_strategies(ats_walk *w)
{
    ats_config_document *d = w->document;
    if (!ats_walk_is(w, YAML_SEQUENCE_START_EVENT)) {
        fault(w, ats_walk_line(w), "must be a list", "- name: ..., plugin: ...");
        return ats_walk_skip(w);
    }
    if (!d->strategies)
        d->strategies = calloc(ATS_STRATEGIES_MAX, sizeof *d->strategies);
    if (!d->strategies)
        return ats_walk_broken(w, 0, "out of memory");
    d->strategies_given = true;
    for (;;) {
        if (!ats_walk_next(w))
            return false;
        if (ats_walk_is(w, YAML_SEQUENCE_END_EVENT))
            return true;
        if (ats_walk_is(w, YAML_MAPPING_START_EVENT) && d->strategy_count < ATS_STRATEGIES_MAX) {
            if (!read_strategy(w, &d->strategies[d->strategy_count++]))
                return false;
            continue;
        }
        ats_config_fault_add(w->report, ats_walk_line(w),
                             "strategies: must be at most %u mappings of " ALLOWED,
                             ATS_STRATEGIES_MAX);
        if (!ats_walk_skip(w))
            return false;
    }
}

/* ---- checking ----------------------------------------------------------------------------- */

static const ats_strategy_plugin *builtin_named(const char *name)
{
    for (uint32_t i = 0; ats_strategy_builtin(i); i++)
        if (strcmp(ats_strategy_builtin(i)->name, name) == 0)
            return ats_strategy_builtin(i);
    return NULL;
}

static void set_parameter(ats_strategy_spec *spec, const char *name, double value)
{
    uint32_t i = 0;
    while (i < spec->parameter_count && strcmp(spec->parameters[i].name, name) != 0)
        i++;
    if (i == ATS_STRATEGY_PARAMETERS_MAX)
        return;
    if (i == spec->parameter_count)
        snprintf(spec->parameters[spec->parameter_count++].name, ATS_STRATEGY_PARAMETER_BYTES, "%s",
                 name);
    spec->parameters[i].value = value;
}

/* ATS_STRATEGIES_<NAME>_<PARAMETER> stands before the file, as every variable does. */
static void read_environment(ats_strategy_spec *spec, const ats_strategy_plugin *plugin,
                             ats_config_report *report)
{
    char variable[160];
    for (uint32_t i = 0; i < plugin->parameter_count; i++) {
        const char *name = plugin->parameters[i].name;
        double value;
        snprintf(variable, sizeof variable, "ATS_STRATEGIES_%s_%s", spec->name, name);
        for (char *p = variable; *p; p++)
            *p = (char)(*p == '-' ? '_' : toupper((unsigned char)*p));
        const char *text = getenv(variable);
        if (!text)
            continue;
        if (read_number(text, &value))
            set_parameter(spec, name, value);
        else
            ats_config_fault_add(report, 0, "environment %s: is no number", variable);
    }
}

static void check(ats_strategy_spec *spec, ats_config_report *report)
{
    double values[ATS_STRATEGY_PARAMETERS_MAX];
    char why[400], names[256] = "";
    const ats_strategy_plugin *plugin = builtin_named(spec->plugin);
    if (!spec->plugin[0] || strchr(spec->plugin, '/'))
        return; /* missing was told; a shared object is looked into when the run begins */
    if (plugin) {
        read_environment(spec, plugin, report);
        if (ats_strategy_parameters(plugin, spec, values, why, sizeof why) != 0)
            ats_config_fault_add(report, spec->line, "strategies: %s: %s", spec->name, why);
        return;
    }
    size_t at = 0;
    for (uint32_t i = 0; ats_strategy_builtin(i) && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "",
                               ats_strategy_builtin(i)->name);
    ats_config_fault_add(
        report, spec->line,
        "strategies: %s: plugin: %s is none; built in are %s; the path of a shared "
        "object has a /",
        spec->name, spec->plugin, names);
}

void ats_config_strategies_read(ats_run_config *config, const ats_config_document *d,
                                ats_config_report *report)
{
    ats_strategy_settings *s = &config->strategy;
    if (d->strategies_given) {
        s->count = d->strategy_count;
        memcpy(s->strategies, d->strategies, d->strategy_count * sizeof *s->strategies);
    }
    for (uint32_t i = 0; i < s->count; i++) {
        for (uint32_t k = 0; k < i; k++)
            if (s->strategies[i].name[0] &&
                strcmp(s->strategies[i].name, s->strategies[k].name) == 0)
                ats_config_fault_add(report, s->strategies[i].line,
                                     "strategies: %s: is the name of two", s->strategies[i].name);
        check(&s->strategies[i], report);
    }
}

/* ---- writing ------------------------------------------------------------------------------ */

void ats_config_strategies_write(const ats_run_config *config, FILE *out)
{
    char text[ATS_DECIMAL_BYTES];
    const ats_strategy_settings *s = &config->strategy;
    fprintf(out, "\nstrategies:%s\n", s->count ? "" : " []");
    for (uint32_t i = 0; i < s->count; i++) {
        const ats_strategy_spec *spec = &s->strategies[i];
        ats_decimal_print(spec->capital_bps * 10000000ll, text);
        fprintf(out,
                "  - name: \"%s\"\n    plugin: \"%s\"\n    symbols: \"%s\"\n    capital: %s%%\n"
                "    allow_short: %s\n",
                spec->name, spec->plugin, spec->symbols, text,
                spec->allow_short ? "true" : "false");
        if (spec->parameter_count)
            fprintf(out, "    parameters:\n");
        for (uint32_t p = 0; p < spec->parameter_count; p++) {
            double value = spec->parameters[p].value * E9;
            ats_decimal_print((int64_t)(value + (value < 0 ? -0.5 : 0.5)), text);
            fprintf(out, "      %s: %s\n", spec->parameters[p].name, text);
        }
    }
}
