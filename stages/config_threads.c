/* Threads: the presets `fused` and `auto`, and lists. */
#include "stages/config_parts.h"

#include "io/codec/decimal.h"
#include "stages/chain.h"

#include <string.h>

#define CPU_MOST 1023 /* as many as a cpu_set_t names */

/* ---- presets -------------------------------------------------------------------------------- */

static void add(ats_run_config *config, const char *name, int cpu, ats_wait wait,
                ats_chain_stage first, ats_chain_stage last)
{
    ats_thread_config *t = &config->threads[config->thread_count++];
    *t = (ats_thread_config){.cpu = cpu, .wait = wait};
    snprintf(t->name, sizeof t->name, "%s", name);
    for (uint32_t s = first; s <= (uint32_t)last; s++)
        snprintf(t->stages[t->stage_count++], ATS_NAME_BYTES, "%s", ats_chain_stage_name(s));
}

static void clear(ats_run_config *config)
{
    memset(config->threads, 0, sizeof config->threads);
    config->thread_count = 0;
}

/* One CPU: both threads share it, so the hot one gives it up when idle. More: the hot thread spins
 * on the last, away from CPU 0 and its interrupts; the side thread floats over the others, where
 * the scheduler puts it since it parks. */
void ats_config_threads_fused(ats_run_config *config, const int *cpus, int count)
{
    clear(config);
    bool alone = count < 2;
    add(config, "hot", alone ? ATS_CPU_ANY : cpus[count - 1],
        alone ? ATS_WAIT_YIELD : ATS_WAIT_SPIN, ATS_CHAIN_FEED, ATS_CHAIN_ROUTE);
    add(config, "side", ATS_CPU_ANY, ATS_WAIT_PARK, ATS_CHAIN_DRAIN, ATS_CHAIN_DRAIN);
}

/* 1: fused. 2: market side and order side on one each; the side thread must get in between, so they
 * yield. 3..7: the same on the last two, which are theirs, so they spin. 8 and more: a core for
 * feed, feature, infer, for the three that step in simulated time together, and for drain; the
 * first CPU is left to interrupts and everything else. */
void ats_config_threads_auto(ats_run_config *config, const int *cpus, int count)
{
    if (count < 2) {
        ats_config_threads_fused(config, cpus, count);
        return;
    }
    clear(config);
    if (count < 8) {
        ats_wait wait = count == 2 ? ATS_WAIT_YIELD : ATS_WAIT_SPIN;
        add(config, "market", cpus[count - 2], wait, ATS_CHAIN_FEED, ATS_CHAIN_INFER);
        add(config, "orders", cpus[count - 1], wait, ATS_CHAIN_STRATEGY, ATS_CHAIN_ROUTE);
        add(config, "side", ATS_CPU_ANY, ATS_WAIT_PARK, ATS_CHAIN_DRAIN, ATS_CHAIN_DRAIN);
        return;
    }
    add(config, "feed", cpus[1], ATS_WAIT_SPIN, ATS_CHAIN_FEED, ATS_CHAIN_FEED);
    add(config, "feature", cpus[2], ATS_WAIT_SPIN, ATS_CHAIN_FEATURE, ATS_CHAIN_FEATURE);
    add(config, "infer", cpus[3], ATS_WAIT_SPIN, ATS_CHAIN_INFER, ATS_CHAIN_INFER);
    add(config, "orders", cpus[4], ATS_WAIT_SPIN, ATS_CHAIN_STRATEGY, ATS_CHAIN_ROUTE);
    add(config, "side", cpus[5], ATS_WAIT_PARK, ATS_CHAIN_DRAIN, ATS_CHAIN_DRAIN);
}

/* ---- lists ---------------------------------------------------------------------------------- */

typedef struct reading {
    ats_run_config *config;
    ats_config_report *report;
    uint32_t line;
    int thread_of[ATS_CHAIN_STAGE_COUNT]; /* -1: none yet */
} reading;

static bool good_name(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n < 16 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static void read_name(reading *r, ats_thread_config *t, const char *text)
{
    char word[48];
    ats_config_quote(text, word);
    if (!good_name(text)) {
        ats_config_fault_add(r->report, r->line,
                             "run.threads: name: \"%s\"; allowed: 1 to 15 of a-z, 0-9, _ and -",
                             word);
        return;
    }
    for (const ats_thread_config *other = r->config->threads; other < t; other++)
        if (strcmp(other->name, text) == 0)
            ats_config_fault_add(r->report, r->line, "run.threads: name: two threads are called %s",
                                 word);
    snprintf(t->name, sizeof t->name, "%s", text);
}

static void read_cpu(reading *r, ats_thread_config *t, const char *text)
{
    int64_t cpu = ATS_CPU_ANY;
    bool any = strcmp(text, "any") == 0;
    t->cpu = ATS_CPU_ANY;
    if (!any && (ats_decimal_i64(text, strlen(text), &cpu) != ATS_DECIMAL_OK || cpu < 0 ||
                 cpu > CPU_MOST)) {
        char word[48];
        ats_config_quote(text, word);
        ats_config_fault_add(r->report, r->line,
                             "run.threads: cpu: \"%s\"; allowed: 0 to %d, or any", word, CPU_MOST);
        return;
    }
    t->cpu = (int)cpu;
    for (const ats_thread_config *other = r->config->threads; !any && other < t; other++)
        if (other->cpu == t->cpu)
            ats_config_fault_add(r->report, r->line, "run.threads: cpu: %d is given to %s, too",
                                 t->cpu, other->name);
}

static void read_wait(reading *r, ats_thread_config *t, const char *text)
{
    for (uint32_t w = 0; w < ATS_WAIT_COUNT; w++)
        if (strcmp(text, ats_wait_label(w)) == 0) {
            t->wait = (ats_wait)w;
            return;
        }
    char word[48];
    ats_config_quote(text, word);
    ats_config_fault_add(r->report, r->line,
                         "run.threads: wait: \"%s\"; allowed: spin, pause, yield, park", word);
}

static void read_stage(reading *r, ats_thread_config *t, const char *text)
{
    const char *names[ATS_CHAIN_STAGE_COUNT];
    for (uint32_t s = 0; s < ATS_CHAIN_STAGE_COUNT; s++)
        names[s] = ats_chain_stage_name(s);
    int stage = ats_chain_stage_index(text);
    if (stage < 0) {
        char word[48], hint[64];
        ats_config_quote(text, word);
        ats_config_hint(text, names, ATS_CHAIN_STAGE_COUNT, hint, sizeof hint);
        ats_config_fault_add(r->report, r->line,
                             "run.threads: stages: \"%s\" is no stage%s; allowed: feed, feature, "
                             "infer, strategy, risk, route, drain, shadow",
                             word, hint);
        return;
    }
    if (r->thread_of[stage] >= 0) {
        ats_config_fault_add(r->report, r->line, "run.threads: stages: %s is given twice",
                             names[stage]);
        return;
    }
    r->thread_of[stage] = (int)(t - r->config->threads);
    snprintf(t->stages[t->stage_count++], ATS_NAME_BYTES, "%s", names[stage]);
}

static void check_whole(reading *r)
{
    for (uint32_t s = 0; s < ATS_CHAIN_SHADOW; s++) /* the shadow gets one of its own */
        if (r->thread_of[s] < 0)
            ats_config_fault_add(r->report, r->line, "run.threads: no thread runs the stage %s",
                                 ats_chain_stage_name(s));
    int strategy = r->thread_of[ATS_CHAIN_STRATEGY];
    int risk = r->thread_of[ATS_CHAIN_RISK], route = r->thread_of[ATS_CHAIN_ROUTE];
    if (strategy >= 0 && risk >= 0 && route >= 0 && (strategy != risk || risk != route))
        ats_config_fault_add(r->report, r->line,
                             "run.threads: strategy, risk and route must share a thread: the "
                             "simulated venue steps them together");
}

void ats_config_threads_read(ats_run_config *config, const ats_config_document *document,
                             uint32_t line, ats_config_report *report)
{
    reading r = {.config = config, .report = report};
    uint32_t before = report->fault_count;
    clear(config);
    for (uint32_t s = 0; s < ATS_CHAIN_STAGE_COUNT; s++)
        r.thread_of[s] = -1;
    for (uint32_t i = 0; i < document->raw->thread_count; i++) {
        const ats_config_raw_thread *in = &document->raw->threads[i];
        ats_thread_config *t = &config->threads[i];
        r.line = document->thread_line[i];
        read_name(&r, t, in->name ? in->name : "");
        read_cpu(&r, t, in->cpu ? in->cpu : "");
        read_wait(&r, t, in->wait ? in->wait : "");
        for (uint32_t s = 0; s < in->stage_count; s++)
            read_stage(&r, t, in->stages[s] ? in->stages[s] : "");
        if (in->stage_count == 0)
            ats_config_fault_add(report, r.line, "run.threads: stages: %s runs no stage",
                                 t->name[0] ? t->name : "the thread");
        config->thread_count++;
    }
    r.line = line;
    if (report->fault_count == before) /* a slip in a name would be told twice */
        check_whole(&r);
}
