#include "tools/cli.h"

#include "core/word.h"
#include "io/codec/decimal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const ats_option COMMON[] = {
    {0, "json", ATS_OPTION_FLAG, offsetof(ats_cli_common, json), NULL, NULL,
     "print one JSON document on stdout", 0, 0, false},
    {'q', "quiet", ATS_OPTION_FLAG, offsetof(ats_cli_common, quiet), NULL, NULL,
     "no progress and no summary", 0, 0, false},
    {0, "no-color", ATS_OPTION_FLAG, offsetof(ats_cli_common, no_color), NULL, NULL,
     "no colour (NO_COLOR in the environment does the same)", 0, 0, false},
    {'h', "help", ATS_OPTION_FLAG, offsetof(ats_cli_common, help), NULL, NULL, "this text", 0, 0,
     false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

/* ---- values ---------------------------------------------------------------------------------- */

static int duration_ns(const char *text, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {{"ns", 1},         {"us", 1000},         {"ms", 1000000},
                 {"s", 1000000000}, {"m", 60000000000ll}, {"h", 3600000000000ll}};
    size_t number = strspn(text, "0123456789.");
    int64_t value_e9;
    if (ats_decimal_e9(text, number, &value_e9) != ATS_DECIMAL_OK)
        return -1;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(text + number, units[i].unit) == 0) {
            __int128 ns = (__int128)value_e9 * units[i].ns / 1000000000;
            if (ns > INT64_MAX)
                return -1;
            *out = (int64_t)ns;
            return 0;
        }
    return -1;
}

static int percent_ppm(const char *text, int64_t *out)
{
    size_t n = strlen(text);
    if (n && text[n - 1] == '%')
        n--;
    int64_t value_e9;
    if (ats_decimal_e9(text, n, &value_e9) != ATS_DECIMAL_OK || value_e9 < 0 ||
        value_e9 > 100 * 1000000000ll || value_e9 % 100000)
        return -1;
    *out = value_e9 / 100000;
    return 0;
}

static int number_value(const ats_option *o, const char *text, int64_t *out)
{
    bool ok = o->type == ATS_OPTION_INTEGER
                  ? ats_decimal_i64(text, strlen(text), out) == ATS_DECIMAL_OK
                  : ats_decimal_e9(text, strlen(text), out) == ATS_DECIMAL_OK;
    if (!ok)
        return ats_error(ATS_EXIT_USAGE, "--%s %s: not a number", o->name, text);
    if ((o->minimum || o->maximum) && (*out < o->minimum || *out > o->maximum)) {
        char low[ATS_DECIMAL_BYTES], high[ATS_DECIMAL_BYTES];
        bool integer = o->type == ATS_OPTION_INTEGER;
        if (integer) {
            snprintf(low, sizeof low, "%lld", (long long)o->minimum);
            snprintf(high, sizeof high, "%lld", (long long)o->maximum);
        } else {
            ats_decimal_print(o->minimum, low);
            ats_decimal_print(o->maximum, high);
        }
        return ats_error(ATS_EXIT_USAGE, "--%s %s: must be within %s and %s", o->name, text, low,
                         high);
    }
    return 0;
}

static int add_to_list(const ats_option *o, ats_option_list *list, const char *text)
{
    if (!*text)
        return ats_error(ATS_EXIT_USAGE, "--%s: is empty", o->name);
    if (list->count == ATS_OPTION_LIST_MAX)
        return ats_error(ATS_EXIT_USAGE, "--%s: given more than %u times", o->name,
                         ATS_OPTION_LIST_MAX);
    list->item[list->count++] = text;
    return 0;
}

static int set_value(const ats_option *o, void *values, const char *text)
{
    void *at = (char *)values + o->offset;
    switch (o->type) {
    case ATS_OPTION_FLAG:
        *(bool *)at = true;
        return 0;
    case ATS_OPTION_TEXT:
        if (!*text)
            return ats_error(ATS_EXIT_USAGE, "--%s: is empty", o->name);
        *(const char **)at = text;
        return 0;
    case ATS_OPTION_LIST:
        return add_to_list(o, at, text);
    case ATS_OPTION_DURATION:
        return duration_ns(text, at) == 0
                   ? 0
                   : ats_error(ATS_EXIT_USAGE,
                               "--%s %s: not a duration; write 500ms, 2.5s, 30m, 6h", o->name,
                               text);
    case ATS_OPTION_PERCENT:
        return percent_ppm(text, at) == 0
                   ? 0
                   : ats_error(ATS_EXIT_USAGE,
                               "--%s %s: not a share; write 0 to 100, in steps of 0.0001", o->name,
                               text);
    default:
        return number_value(o, text, at);
    }
}

/* ---- options --------------------------------------------------------------------------------- */

static const ats_option *find(const ats_option *table, const char *name, size_t length, char letter)
{
    for (; table && table->name; table++)
        if (name ? strlen(table->name) == length && memcmp(table->name, name, length) == 0
                 : table->letter && table->letter == letter)
            return table;
    return NULL;
}

static int unknown_option(const ats_command *command, const char *text)
{
    const ats_option *tables[] = {command->option, COMMON};
    const char *name = text + strspn(text, "-"), *best = NULL;
    size_t least = 3; /* more than two slips is another word */
    for (size_t t = 0; t < 2; t++)
        for (const ats_option *o = tables[t]; o && o->name; o++)
            if (ats_word_distance(name, o->name) < least) {
                least = ats_word_distance(name, o->name);
                best = o->name;
            }
    if (best)
        return ats_error(ATS_EXIT_USAGE, "unknown option %s; did you mean --%s?", text, best);
    return ats_error(ATS_EXIT_USAGE, "unknown option %s; `ats %s --help` lists them", text,
                     command->name);
}

typedef struct parse {
    ats_cli *cli;
    void *values;
    int argc, at;
    char **argv;
    uint64_t seen; /* bit i: option i of the command's table was given */
} parse;

static int take_option(parse *p, char *text)
{
    const ats_command *command = p->cli->command;
    bool is_long = text[1] == '-';
    char *name = text + (is_long ? 2 : 1), *value = NULL;
    size_t length = strlen(name);
    if (is_long && (value = strchr(name, '='))) {
        length = (size_t)(value - name);
        value++;
    } else if (!is_long && length > 1) { /* -ofile */
        value = name + 1;
        length = 1;
    }
    const ats_option *o = find(command->option, is_long ? name : NULL, length, name[0]);
    void *values = p->values;
    if (o) {
        p->seen |= 1ull << (o - command->option);
    } else {
        o = find(COMMON, is_long ? name : NULL, length, name[0]);
        values = &p->cli->common;
    }
    if (!o)
        return unknown_option(command, text);
    if (o->type == ATS_OPTION_FLAG) {
        if (value)
            return ats_error(ATS_EXIT_USAGE, "--%s takes no value", o->name);
        return set_value(o, values, "");
    }
    if (!value) {
        if (p->at + 1 >= p->argc)
            return ats_error(ATS_EXIT_USAGE, "--%s: %s is missing", o->name,
                             o->unit ? o->unit : "its value");
        value = p->argv[++p->at];
    }
    return set_value(o, values, value);
}

static int check_complete(const parse *p)
{
    const ats_cli *cli = p->cli;
    const ats_command *command = cli->command;
    for (const ats_option *o = command->option; o && o->name; o++)
        if (o->required && !(p->seen >> (o - command->option) & 1))
            return ats_error(ATS_EXIT_USAGE, "--%s %s is missing; usage: ats %s %s", o->name,
                             o->unit ? o->unit : "", command->name, command->synopsis);
    if (cli->argument_count < command->arguments_min)
        return ats_error(ATS_EXIT_USAGE, "too few arguments; usage: ats %s %s", command->name,
                         command->synopsis);
    if (cli->argument_count > command->arguments_max)
        return ats_error(ATS_EXIT_USAGE, "%s: one argument too many; usage: ats %s %s",
                         cli->argument[command->arguments_max], command->name, command->synopsis);
    return 0;
}

int ats_cli_parse(ats_cli *cli, const ats_command *command, void *values, int argc, char **argv)
{
    *cli = (ats_cli){.command = command, .argument = argv + 1};
    parse p = {.cli = cli, .values = values, .argc = argc, .at = 1, .argv = argv};
    for (const ats_option *o = command->option; o && o->name; o++)
        if (o->fallback && set_value(o, values, o->fallback) != 0)
            return -1;
    bool options = true;
    for (; p.at < argc; p.at++) {
        char *text = argv[p.at];
        if (options && strcmp(text, "--") == 0) {
            options = false;
        } else if (options && text[0] == '-' && text[1]) {
            if (take_option(&p, text) != 0)
                return -1;
        } else {
            cli->argument[cli->argument_count++] = text;
        }
    }
    if (cli->common.help) {
        ats_cli_help(command);
        return ats_cli_flush() == 0 ? 1 : -1;
    }
    const char *no_color = getenv("NO_COLOR");
    bool terminal = isatty(STDERR_FILENO);
    cli->color = terminal && !cli->common.no_color && !(no_color && *no_color);
    cli->progress = terminal && !cli->common.quiet;
    return check_complete(&p);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void help_options(const ats_option *o)
{
    for (; o && o->name; o++) {
        char left[80];
        snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
                 o->type == ATS_OPTION_FLAG ? "" : " ", o->unit ? o->unit : "");
        printf("  %-30s %s", left, o->help);
        if (o->fallback)
            printf(" [%s]", o->fallback);
        else if (o->required)
            printf(" (required)");
        putchar('\n');
    }
}

void ats_cli_help(const ats_command *command)
{
    printf("ats %s: %s\n\nusage: ats %s %s\n", command->name, command->purpose, command->name,
           command->synopsis);
    if (command->detail)
        printf("\n%s\n", command->detail);
    printf("\noptions (defaults in brackets):\n");
    help_options(command->option);
    help_options(COMMON);
    if (command->example)
        printf("\nexample:\n  %s\n", command->example);
}

int ats_cli_fail(void)
{
    size_t n = ats_error_count();
    ats_exit code = n ? ats_error_code() : ATS_EXIT_FAILED;
    const char *no_color = getenv("NO_COLOR");
    bool color = isatty(STDERR_FILENO) && !(no_color && *no_color);
    fflush(stdout);
    const char *red = color ? "\033[31m" : "", *plain = color ? "\033[0m" : "";
    size_t faults = 0; /* side by side, the first pushed lowest in the stack */
    while (faults < n && ats_error_is_beside(n - 1 - faults))
        faults++;
    for (size_t i = 0; i < faults; i++)
        fprintf(stderr, "%sats:%s %s\n", red, plain, ats_error_line(n - 1 - i));
    if (n > faults || n == 0)
        fprintf(stderr, "%sats:%s ", red, plain);
    for (size_t i = 0; i + faults < n; i++)
        fprintf(stderr, "%s%s", i ? ": " : "", ats_error_line(i));
    if (n > faults || n == 0)
        fprintf(stderr, "%s\n", n ? "" : "failed");
    ats_error_clear();
    return (int)code;
}

int ats_cli_flush(void)
{
    errno = 0;
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    if (failed && errno == EPIPE) {
        clearerr(stdout);
        return 0; /* `ats ... | head`: the reader has what it wanted */
    }
    if (failed)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "standard output");
    return 0;
}

int ats_cli_print_json(json_t *document)
{
    if (!document)
        return ats_error(ATS_EXIT_FAILED,
                         "JSON document: out of memory, or a name that is not UTF-8");
    errno = 0;
    int failed = json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    bool closed = failed && errno == EPIPE;
    json_decref(document);
    if (closed) {
        clearerr(stdout); /* told once is enough: a later flush has nothing to complain of */
        return 0;
    }
    putchar('\n');
    return failed ? ats_error(ATS_EXIT_FAILED, "standard output: cannot write") : ats_cli_flush();
}
