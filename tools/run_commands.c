#include "tools/run_commands.h"

#include "core/error.h"
#include "io/lines.h"
#include "stages/config.h"
#include "tools/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8u

/* One line under examination. */
typedef struct line {
    const char *path;
    unsigned long long number;
    const ats_run_config *config;
    const char *word[WORDS_MAX];
    uint32_t words;
} line;

static int refuse(const line *l, const char *what)
{
    return ats_error(ATS_EXIT_DATA, "%s, line %llu: %s", l->path, l->number, what);
}

static void split(line *l, char *text)
{
    char *rest;
    for (char *w = strtok_r(text, " \t", &rest); w && l->words < WORDS_MAX;
         w = strtok_r(NULL, " \t", &rest))
        l->word[l->words++] = w;
}

/* ---- words of a command -----------------------------------------------------------------------
 */

/* "pause", or "pause NAME". */
static int read_strategy(const line *l, ats_control *c)
{
    const ats_strategy_settings *s = &l->config->strategy;
    if (l->words == 1)
        return 0;
    for (uint32_t i = 0; i < s->count && l->words == 2; i++)
        if (strcmp(s->strategies[i].name, l->word[1]) == 0) {
            c->strategy_id = i + 1;
            return 0;
        }
    return refuse(l, "want the command alone, or with the name of one strategy");
}

/* "limit NAME VALUE", or with "until TIME". */
static int read_limit(const line *l, ats_control *c)
{
    char why[256];
    if (l->words != 3 && (l->words != 5 || strcmp(l->word[3], "until") != 0))
        return refuse(l, "want: limit NAME VALUE, or limit NAME VALUE until TIME");
    if (l->words == 5 && ats_moment_read(l->word[4], &c->limit.until_ns) != 0)
        return refuse(l, "the time behind until is none; want 2024-02-01T14:30:00Z (UTC)");
    if (ats_config_limit_read(l->word[1], l->word[2], &c->limit.limit_id, &c->limit.value, why,
                              sizeof why) != 0)
        return refuse(l, why);
    return 0;
}

static int read_switch(const line *l, ats_control *c)
{
    bool on = l->words == 2 && strcmp(l->word[1], "on") == 0;
    if (!on && (l->words != 2 || strcmp(l->word[1], "off") != 0))
        return refuse(l, "want: safe_mode on, or safe_mode off");
    c->limit.value = on;
    return 0;
}

static int read_alone(const line *l, ats_control *c)
{
    (void)c;
    return l->words == 1 ? 0 : refuse(l, "the command stands alone");
}

static const struct {
    uint32_t code; /* its label is the word */
    int (*read)(const line *l, ats_control *c);
} COMMANDS[] = {
    {ATS_CONTROL_PAUSE, read_strategy},   {ATS_CONTROL_RESUME, read_strategy},
    {ATS_CONTROL_KILL, read_alone},       {ATS_CONTROL_HALT, read_alone},
    {ATS_CONTROL_FREEZE, read_alone},     {ATS_CONTROL_REARM, read_alone},
    {ATS_CONTROL_FLATTEN, read_strategy}, {ATS_CONTROL_LIMIT, read_limit},
    {ATS_CONTROL_SAFE_MODE, read_switch},
};

static int read_command(const line *l, ats_control *c)
{
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++)
        if (l->words && strcmp(l->word[0], ats_control_label(COMMANDS[i].code)) == 0) {
            *c = (ats_control){.code = COMMANDS[i].code};
            return COMMANDS[i].read(l, c);
        }
    return refuse(l,
                  "no such command; there are pause, resume, halt, freeze, kill, rearm, flatten, "
                  "limit, safe_mode");
}

/* ---- the file ---------------------------------------------------------------------------------
 */

static int add_line(ats_run_commands *c, line *l, char *text)
{
    char *comma = strchr(text, ',');
    if (c->count == ATS_RUN_COMMANDS_MAX)
        return refuse(l, "more commands than there is room for");
    if (!comma)
        return refuse(l, "want a time, a comma and a command");
    *comma = 0;
    ats_control_due *due = &c->due[c->count];
    if (ats_moment_read(text, &due->at_ns) != 0)
        return refuse(l, "the time is none; want 2024-02-01 or 2024-02-01T14:30:00Z (UTC)");
    if (c->count && due->at_ns < due[-1].at_ns)
        return refuse(l, "earlier than the line before");
    split(l, comma + 1);
    if (read_command(l, &due->command) != 0)
        return -1;
    c->count++;
    return 0;
}

static int read_file(ats_run_commands *c, const ats_run_config *config)
{
    ats_lines *lines;
    char *text;
    size_t length;
    bool too_long;
    int got = 0, status = 0;
    if (ats_lines_open(&lines, config->commands_path) != 0)
        return ats_error(ATS_EXIT_DATA, "run.commands: %s cannot be read", config->commands_path);
    while (status == 0 && (got = ats_lines_next(lines, &text, &length, &too_long)) == 1) {
        line l = {
            .path = config->commands_path, .number = ats_lines_number(lines), .config = config};
        text[length] = 0;
        if (too_long)
            status = refuse(&l, "the line is too long");
        else if (length && *text != '#')
            status = add_line(c, &l, text);
    }
    ats_lines_close(lines);
    return status == 0 && got < 0 ? -1 : status;
}

/* Both are in order: those given come first at equal times. */
static void merge(ats_run_commands *c, const ats_control_due *given, uint32_t given_count)
{
    uint32_t at = c->count + given_count, own = c->count, theirs = given_count;
    c->count = at;
    while (at > 0) {
        bool take_own =
            theirs == 0 || (own > 0 && c->due[own - 1].at_ns >= given[theirs - 1].at_ns);
        at--;
        if (take_own)
            c->due[at] = c->due[--own];
        else
            c->due[at] = given[--theirs];
    }
}

int ats_run_commands_load(ats_run_commands *c, const ats_run_config *config,
                          const ats_control_due *given, uint32_t given_count)
{
    *c = (ats_run_commands){.due =
                                calloc(ATS_RUN_COMMANDS_MAX + (size_t)given_count, sizeof *c->due)};
    if (!c->due)
        return ats_error(ATS_EXIT_FAILED, "run.commands: out of memory");
    if (config->commands_path[0] && read_file(c, config) != 0)
        return -1;
    merge(c, given, given_count);
    return 0;
}

void ats_run_commands_free(ats_run_commands *c)
{
    free(c->due);
    *c = (ats_run_commands){0};
}
