#include "stages/config_parts.h"

#include "core/error.h"
#include "core/file.h"
#include "io/calendar_file.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CPUS_MAX 1024

extern char **environ;

static const char *const ORIGIN_LABELS[] = {"default", "file", "environment"};
static_assert(sizeof ORIGIN_LABELS / sizeof ORIGIN_LABELS[0] == ATS_CONFIG_ORIGIN_COUNT,
              "a label an origin");

const char *ats_config_origin_label(uint32_t origin)
{
    return origin < ATS_CONFIG_ORIGIN_COUNT ? ORIGIN_LABELS[origin] : "?";
}

void ats_config_fault_add(ats_config_report *report, uint32_t line, const char *format, ...)
{
    uint32_t i = report->fault_count++;
    if (i >= ATS_CONFIG_FAULTS_MAX)
        return;
    report->faults[i].line = line;
    va_list args;
    va_start(args, format);
    vsnprintf(report->faults[i].text, ATS_CONFIG_FAULT_BYTES, format, args);
    va_end(args);
}

/* ---- one load ------------------------------------------------------------------------------- */

typedef struct loading {
    ats_run_config config;
    ats_config_document document;
    ats_config_report *report;
    const char *name;              /* of the file, for messages */
    bool bad[ATS_CONFIG_KEYS_MAX]; /* told to be wrong: no rule may build on it */
} loading;

static void fill_threads(ats_run_config *config, bool automatic)
{
    int cpus[CPUS_MAX];
    int count = ats_cpus_allowed(cpus, CPUS_MAX);
    if (automatic)
        ats_config_threads_auto(config, cpus, count);
    else
        ats_config_threads_fused(config, cpus, count);
}

void ats_config_defaults(ats_run_config *out)
{
    char why[256];
    memset(out, 0, sizeof *out);
    for (uint32_t k = 0; k < ats_config_key_count(); k++) {
        const ats_config_key *key = ats_config_key_at(k);
        if (!key->fallback || key->type == ATS_CONFIG_THREADS)
            continue;
        int failed = ats_config_key_read(key, key->fallback, out, why, sizeof why);
        assert(!failed && "a default that its own key refuses");
        (void)failed;
    }
    fill_threads(out, false);
}

static void read_threads(loading *l, uint32_t k, const char *text, const char *source,
                         uint32_t line)
{
    if (strcmp(text, "fused") == 0 || strcmp(text, "auto") == 0) {
        fill_threads(&l->config, text[0] == 'a');
        return;
    }
    char word[48];
    ats_config_quote(text, word);
    ats_config_fault_add(l->report, line,
                         "%srun.threads: \"%s\"; allowed: fused, auto, or a list of {name, cpu, "
                         "wait, stages}",
                         source, word);
    l->bad[k] = true;
}

static void read_text(loading *l, uint32_t k, const char *text, const char *source, uint32_t line)
{
    const ats_config_key *key = ats_config_key_at(k);
    char why[256];
    if (key->type == ATS_CONFIG_THREADS) {
        read_threads(l, k, text, source, line);
        return;
    }
    if (ats_config_key_read(key, text, &l->config, why, sizeof why) == 0)
        return;
    ats_config_fault_add(l->report, line, "%s%s.%s: %s", source, key->section, key->name, why);
    l->bad[k] = true;
}

/* ---- the environment ------------------------------------------------------------------------ */

static void variable_of(const char *section, const char *name, char out[96])
{
    snprintf(out, 96, "ATS_%s_%s", section, name);
    for (char *p = out; *p; p++)
        *p = (char)toupper((unsigned char)*p);
}

static const char *from_environment(uint32_t k, char variable[96])
{
    variable_of(ats_config_key_section(k), ats_config_key_name(k), variable);
    return getenv(variable);
}

/* A variable that begins like one of ours and is none: a slip that would leave a limit as it was.
 */
static void check_variable(loading *l, const char *entry)
{
    const char *equals = strchr(entry, '=');
    char word[96], names[ATS_CONFIG_KEYS_MAX][96], variable[96], hint[128], quoted[48];
    const char *list[ATS_CONFIG_KEYS_MAX];
    uint32_t n = 0;
    if (!equals || equals - entry >= (ptrdiff_t)sizeof word)
        return;
    snprintf(word, sizeof word, "%.*s", (int)(equals - entry), entry);
    bool ours = false;
    const char *section;
    for (uint32_t s = 0; (section = ats_config_section(s)); s++) {
        variable_of(section, "", variable);
        ours |= strncmp(word, variable, strlen(variable)) == 0;
    }
    if (!ours)
        return;
    for (uint32_t k = 0; k < ats_config_key_count(); k++) {
        variable_of(ats_config_key_section(k), ats_config_key_name(k), names[n]);
        if (strcmp(word, names[n]) == 0)
            return;
        list[n] = names[n];
        n++;
    }
    ats_config_quote(word, quoted);
    ats_config_hint(word, list, n, hint, sizeof hint);
    ats_config_fault_add(l->report, 0, "environment %s: names no key%s", quoted, hint);
}

/* ---- keys ----------------------------------------------------------------------------------- */

static uint32_t section_line(const loading *l, uint32_t k)
{
    const char *section;
    for (uint32_t s = 0; (section = ats_config_section(s)); s++)
        if (strcmp(section, ats_config_key_section(k)) == 0)
            return l->document.section_line[s] ? l->document.section_line[s] : 1;
    return 1;
}

static void read_from_file(loading *l, uint32_t k)
{
    const ats_config_document *d = &l->document;
    const char *text = d->raw ? d->raw->value[k] : NULL;
    l->report->line[k] = d->line[k];
    if (d->line[k])
        l->report->origin[k] = ATS_CONFIG_FILE;
    if (d->unreadable[k]) {
        l->bad[k] = true;
    } else if (text) {
        read_text(l, k, text, "", d->line[k]);
    } else if (d->line[k] && d->raw && d->raw->thread_count) {
        uint32_t before = l->report->fault_count;
        ats_config_threads_read(&l->config, d, d->line[k], l->report);
        l->bad[k] = l->report->fault_count != before;
    } else if (!d->line[k] && !ats_config_key_at(k)->fallback) {
        char allowed[160];
        ats_config_key_allowed(k, allowed, sizeof allowed);
        ats_config_fault_add(l->report, section_line(l, k),
                             "%s.%s: is missing; a risk limit has no default; allowed: %s",
                             ats_config_key_section(k), ats_config_key_name(k), allowed);
        l->bad[k] = true;
    }
}

static void read_keys(loading *l)
{
    char variable[96], source[128];
    for (uint32_t k = 0; k < ats_config_key_count(); k++) {
        const char *text = from_environment(k, variable);
        if (!text) {
            read_from_file(l, k);
            continue;
        }
        snprintf(source, sizeof source, "environment %s: ", variable);
        l->report->origin[k] = ATS_CONFIG_ENVIRONMENT;
        read_text(l, k, text, source, 0);
    }
    for (char **entry = environ; entry && *entry; entry++)
        if (strncmp(*entry, "ATS_", 4) == 0)
            check_variable(l, *entry);
}

/* ---- rules between keys --------------------------------------------------------------------- */

/* Tells a fault at a key unless that key or the other was wrong by itself. */
static void rule(loading *l, bool holds, const char *section, const char *name,
                 const char *section2, const char *name2, const char *what)
{
    int a = ats_config_key_find(section, name), b = ats_config_key_find(section2, name2);
    assert(a >= 0 && b >= 0);
    if (holds || l->bad[a] || l->bad[b])
        return;
    char left[ATS_CONFIG_VALUE_BYTES], right[ATS_CONFIG_VALUE_BYTES];
    ats_config_key_print(&l->config, (uint32_t)a, left);
    ats_config_key_print(&l->config, (uint32_t)b, right);
    uint32_t line = l->report->line[a] ? l->report->line[a] : l->report->line[b];
    if (a == b)
        ats_config_fault_add(l->report, line, "%s.%s: %s: %s", section, name, left, what);
    else
        ats_config_fault_add(l->report, line, "%s.%s: %s against %s.%s %s: %s", section, name, left,
                             section2, name2, right, what);
}

/* Is some strategy allowed to sell short what the gate never lets through? */
static void check_shorts(loading *l)
{
    const ats_strategy_settings *s = &l->config.strategy;
    const ats_risk_limits *r = &l->config.limits;
    int most = ats_config_key_find("risk", "max_short");
    int type = ats_config_key_find("risk", "account_type");
    for (uint32_t i = 0; i < s->count; i++) {
        const ats_strategy_spec *spec = &s->strategies[i];
        if (spec->allow_short && r->max_short_bps == 0 && !l->bad[most])
            ats_config_fault_add(l->report, spec->line,
                                 "strategies: %s: allow_short: true against risk.max_short 0%%: "
                                 "short sales are asked for and forbidden",
                                 spec->name);
        if (spec->allow_short && r->account_type != ATS_ACCOUNT_MARGIN && !l->bad[type])
            ats_config_fault_add(l->report, spec->line,
                                 "strategies: %s: allow_short: true against risk.account_type: a "
                                 "cash account cannot sell short",
                                 spec->name);
    }
}

static int64_t of_cash(const loading *l, uint32_t bps)
{
    return (int64_t)((__int128)l->config.start_cash_e9 * bps / 10000);
}

/* A strategy that the gate can only refuse is a mistake in one of the two. */
static void check_rules(loading *l)
{
    const ats_run_config *c = &l->config;
    const ats_strategy_settings *s = &c->strategy;
    const ats_risk_limits *r = &c->limits;
    rule(l, s->sizing.notional_e9 <= r->max_order_notional_e9, "sizing", "notional", "risk",
         "max_order_notional", "every entry would be refused");
    rule(l, s->sizing.notional_e9 <= of_cash(l, r->max_position_bps), "sizing", "notional", "risk",
         "max_position", "of account.start_cash this is less: every entry would be refused");
    rule(l, s->sizing.min_notional_e9 <= s->sizing.max_notional_e9, "sizing", "min_notional",
         "sizing", "max_notional", "the least may not be more than the most");
    rule(l, s->sizing.risk_per_trade_bps <= r->max_risk_per_trade_bps, "sizing", "risk_per_trade",
         "risk", "max_risk_per_trade", "entries would be refused");
    rule(l, s->exits.min_stop_bps <= s->exits.max_stop_bps, "exits", "min_stop_bps", "exits",
         "max_stop_bps", "the least may not be more than the most");
    rule(l, s->execution.cross_bps <= r->collar_bps, "execution", "cross_bps", "risk", "collar_bps",
         "every order that crosses would be refused");
    rule(l, s->rules.conflicts == ATS_CONFLICT_FIRST || s->rules.protect == ATS_PROTECT_WATCH,
         "strategy", "conflicts", "strategy", "protect",
         "a broker refuses orders against one's own resting stop: several strategies in a symbol "
         "need protect: watch");
    rule(l, r->max_position_bps <= r->max_gross_bps, "risk", "max_position", "risk", "max_gross",
         "one position may not be larger than all together");
    rule(l, r->min_order_qty_e9 <= r->max_order_qty_e9, "risk", "min_order_qty", "risk",
         "max_order_qty", "every entry would be refused");
    rule(l, r->min_order_notional_e9 <= r->max_order_notional_e9, "risk", "min_order_notional",
         "risk", "max_order_notional", "every entry would be refused");
    rule(l, r->safe_drawdown_bps <= r->max_drawdown_bps, "risk", "safe_drawdown", "risk",
         "max_drawdown", "safe mode would come when nothing is opened any more");
    rule(l, c->clock_interval_ns == 0 || c->clock_interval_ns >= 1000000, "feed", "clock_interval",
         "feed", "clock_interval", "below 1ms CLOCK records would outnumber the market's");
}

/* ---- paths ---------------------------------------------------------------------------------- */

/* Absolute, by the folder of the file; what the path names need not be there yet. */
static void make_absolute(loading *l, char *at, size_t capacity, uint32_t line, const char *what)
{
    char folder[4096], relative[ATS_CONFIG_PATH_BYTES], full[8192];
    snprintf(relative, sizeof relative, "%s", at);
    const char *slash = strrchr(l->name, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - l->name) + 1 : 1,
             slash ? l->name : ".");
    char *real = realpath(folder, NULL);
    if (!real) {
        ats_config_fault_add(l->report, line, "%s: the folder of this file cannot be told: %s",
                             what, strerror(errno));
        return;
    }
    const char *tail = strncmp(relative, "./", 2) == 0 ? relative + 2 : relative;
    int n = snprintf(full, sizeof full, "%s/%s", strcmp(real, "/") == 0 ? "" : real, tail);
    free(real);
    if (n >= (int)capacity)
        ats_config_fault_add(l->report, line,
                             "%s: is longer than %zu bytes with the folder of this file", what,
                             capacity - 1);
    else
        snprintf(at, capacity, "%.*s", (int)capacity - 1, full);
}

static void resolve_path(loading *l, uint32_t k)
{
    const ats_config_key *key = ats_config_key_at(k);
    char *at = (char *)&l->config + key->offset, what[96];
    snprintf(what, sizeof what, "%s.%s", key->section, key->name);
    if (key->type == ATS_CONFIG_PATH && at[0] && at[0] != '/' && !l->bad[k])
        make_absolute(l, at, ATS_CONFIG_PATH_BYTES, l->report->line[k], what);
}

static void resolve_plugins(loading *l)
{
    for (uint32_t i = 0; i < l->config.strategy.count; i++) {
        ats_strategy_spec *spec = &l->config.strategy.strategies[i];
        if (spec->plugin[0] != '/' && strchr(spec->plugin, '/'))
            make_absolute(l, spec->plugin, sizeof spec->plugin, spec->line, "strategies: plugin");
    }
}

/* ---- loading -------------------------------------------------------------------------------- */

/* In the order of the file; what has no line comes last. Insertion: few, and equal lines keep their
 * order. */
static void sort_faults(ats_config_report *report)
{
    uint32_t n = report->fault_count;
    if (n > ATS_CONFIG_FAULTS_MAX)
        n = ATS_CONFIG_FAULTS_MAX;
    for (uint32_t i = 1; i < n; i++) {
        ats_config_fault fault = report->faults[i];
        uint32_t at = i;
        while (at > 0 && report->faults[at - 1].line - 1 > fault.line - 1) {
            report->faults[at] = report->faults[at - 1];
            at--;
        }
        report->faults[at] = fault;
    }
}

static int push_faults(const loading *l)
{
    const ats_config_report *report = l->report;
    uint32_t kept = report->fault_count;
    if (kept > ATS_ERROR_DEPTH - 1)
        kept = ATS_ERROR_DEPTH - 1;
    ats_error_clear();
    for (uint32_t i = 0; i < kept; i++) {
        const ats_config_fault *f = &report->faults[i];
        if (f->line)
            ats_error_beside(ATS_EXIT_CONFIG, "%s:%u: %s", l->name, f->line, f->text);
        else
            ats_error_beside(ATS_EXIT_CONFIG, "%s: %s", l->name, f->text);
    }
    if (report->fault_count > kept)
        ats_error_beside(ATS_EXIT_CONFIG, "%s: and %u faults more", l->name,
                         report->fault_count - kept);
    return -1;
}

int ats_config_load_text(ats_run_config *out, const char *name, const char *text, size_t length,
                         ats_config_report *report)
{
    memset(report, 0, sizeof *report);
    loading *l = calloc(1, sizeof *l);
    if (!l)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", name);
    l->report = report;
    l->name = name;
    ats_config_defaults(&l->config);
    if (length > ATS_CONFIG_FILE_BYTES)
        ats_config_fault_add(report, 0, "is larger than %u bytes: no configuration",
                             ATS_CONFIG_FILE_BYTES);
    else
        ats_config_document_read(&l->document, text, length, report);
    if (length <= ATS_CONFIG_FILE_BYTES && !l->document.malformed) {
        read_keys(l);
        ats_config_strategies_read(&l->config, &l->document, report);
        check_rules(l);
        check_shorts(l);
        for (uint32_t k = 0; k < ats_config_key_count(); k++)
            resolve_path(l, k);
        resolve_plugins(l);
    }
    ats_config_document_free(&l->document);
    sort_faults(report);
    int result = report->fault_count ? push_faults(l) : 0;
    if (result == 0)
        *out = l->config;
    free(l);
    return result;
}

/* One byte more than allowed, so that too much is seen. */
static int read_file(const char *path, char *text, size_t capacity, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
    struct stat st;
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_CONFIG, errno, "%s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return ats_error(ATS_EXIT_CONFIG, "%s: is no file", path);
    }
    ssize_t n = ats_file_read_at(fd, text, capacity, 0);
    int why = errno;
    close(fd);
    if (n < 0)
        return ats_error_errno(ATS_EXIT_CONFIG, why, "%s", path);
    *length = (size_t)n;
    return 0;
}

/* A calendar that cannot be read is told here, not when the run begins. */
static int check_calendar(const ats_run_config *config, const char *path, ats_config_report *report)
{
    int k = ats_config_key_find("calendar", "file");
    ats_calendar_table table;
    if (!config->calendar_path[0])
        return 0;
    if (ats_calendar_load(&table, config->calendar_path) == 0) {
        ats_calendar_free(&table);
        return 0;
    }
    ats_config_fault_add(report, report->line[k], "calendar.file: %s", ats_error_line(0));
    ats_error_clear();
    return ats_error_beside(ATS_EXIT_CONFIG, "%s:%u: %s", path, report->line[k],
                            report->faults[0].text);
}

int ats_config_load_report(ats_run_config *out, const char *path, ats_config_report *report)
{
    size_t length = 0;
    memset(report, 0, sizeof *report);
    char *text = malloc(ATS_CONFIG_FILE_BYTES + 1);
    if (!text)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", path);
    int result = read_file(path, text, ATS_CONFIG_FILE_BYTES + 1, &length);
    if (result == 0)
        result = ats_config_load_text(out, path, text, length, report);
    free(text);
    return result == 0 ? check_calendar(out, path, report) : -1;
}

int ats_config_load(ats_run_config *out, const char *path)
{
    ats_config_report *report = malloc(sizeof *report);
    if (!report)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", path);
    int result = ats_config_load_report(out, path, report);
    free(report);
    return result;
}

int ats_config_limit_read(const char *name, const char *text, uint32_t *limit_id, int64_t *value,
                          char *why, size_t why_bytes)
{
    int key = ats_config_key_find("risk", name), id = ats_limit_find(name);
    ats_run_config *scratch = key >= 0 && id >= 0 ? calloc(1, sizeof *scratch) : NULL;
    if (!scratch) {
        snprintf(why, why_bytes, "%.40s: no such limit; they are the keys of risk", name);
        return -1;
    }
    int status =
        ats_config_key_read(ats_config_key_at((uint32_t)key), text, scratch, why, why_bytes);
    *limit_id = (uint32_t)id;
    *value = ats_limit_get(&scratch->limits, (uint32_t)id);
    free(scratch);
    return status;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_threads(const ats_run_config *config, FILE *out)
{
    fprintf(out, "  threads:\n");
    for (uint32_t i = 0; i < config->thread_count; i++) {
        const ats_thread_config *t = &config->threads[i];
        fprintf(out, "    - name: %s\n      cpu: ", t->name);
        if (t->cpu == ATS_CPU_ANY)
            fprintf(out, "any\n");
        else
            fprintf(out, "%d\n", t->cpu);
        fprintf(out, "      wait: %s\n      stages: [", ats_wait_label(t->wait));
        for (uint32_t s = 0; s < t->stage_count; s++)
            fprintf(out, "%s%s", s ? ", " : "", t->stages[s]);
        fprintf(out, "]\n");
    }
}

int ats_config_write(const ats_run_config *config, FILE *out)
{
    char value[ATS_CONFIG_VALUE_BYTES];
    const char *section = "";
    for (uint32_t k = 0; k < ats_config_key_count(); k++) {
        const ats_config_key *key = ats_config_key_at(k);
        if (strcmp(section, key->section) != 0)
            fprintf(out, "%s%s:\n", *section ? "\n" : "", key->section);
        section = key->section;
        if (key->type == ATS_CONFIG_THREADS) {
            write_threads(config, out);
            continue;
        }
        ats_config_key_print(config, k, value);
        fprintf(out, "  %s: %s\n", key->name, value);
    }
    ats_config_strategies_write(config, out);
    if (fflush(out) != 0 || ferror(out))
        return ats_error_errno(ATS_EXIT_FAILED, errno, "configuration: cannot write");
    return 0;
}
