#include "calc/forest/forest.h"
#include "io/audit.h"
#include "learn/model_file.h"
#include "stages/config.h"
#include "tools/commands.h"
#include "tools/record_text.h"
#include "tools/run.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX      65536u
#define VECTOR_MAX     4096u
#define FEATURES_SHOWN 12u
#define DAY_NS         86400000000000ll

typedef struct options {
    int64_t window_ns;
} options;

static const ats_option OPTIONS[] = {{'w', "window", ATS_OPTION_DURATION,
                                      offsetof(options, window_ns), "1s", "TIME",
                                      "how long before TIME, and after it, to look", 0, 0, false},
                                     {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

/* At one time: first what was heard, then what a strategy saw and was answered, then each intent
 * with its verdict. */
#define ORDER_HEARD  0ull
#define ORDER_SEEN   (1ull << 62)
#define ORDER_WANTED (2ull << 62)

/* What is told, in the order of time. */
typedef struct telling {
    int64_t ns;
    uint64_t order; /* of two at one time; see ORDER_* */
    uint32_t strategy;
    uint32_t reserved;
    char text[240];
} telling;

typedef struct asking {
    const ats_cli *cli;
    const char *run, *symbol;
    int64_t at_ns;
    ats_trace trace;
    ats_catalogue catalogue;
    telling *told;
    size_t count, capacity;
} asking;

/* ---- the question -----------------------------------------------------------------------------
 */

/* 00:00 of a date such as 2024-01-03 that T follows; -1: it is none. */
static int64_t date_ns(const char *text)
{
    struct tm t = {0};
    const char *end = strptime(text, "%Y-%m-%d", &t);
    return end && *end == 'T' ? (int64_t)timegm(&t) * ATS_E9 : -1;
}

static int64_t first_day_ns(const char *run)
{
    char path[600];
    snprintf(path, sizeof path, "%.500s/run.json", run);
    json_t *document = json_load_file(path, 0, NULL);
    const char *first =
        json_string_value(json_object_get(json_object_get(document, "input"), "first_event_at"));
    int64_t ns = first ? date_ns(first) : -1;
    json_decref(document);
    return ns;
}

/* "2024-01-03T14:35:48.25Z", or "14:35:48.25" of the run's first day; UTC. */
static int read_time(asking *a, const char *text)
{
    const char *clock = strchr(text, 'T') ? strchr(text, 'T') + 1 : text;
    int64_t day_ns = clock != text ? date_ns(text) : first_day_ns(a->run);
    int hour, minute, used = 0;
    double second = 0;
    bool sound = sscanf(clock, "%2d:%2d%n", &hour, &minute, &used) == 2 && day_ns > 0;
    if (sound && clock[used] == ':') {
        char *end;
        second = strtod(clock + used + 1, &end);
        sound = end != clock + used + 1 && (!*end || !strcmp(end, "Z"));
    } else if (sound) {
        sound = !clock[used] || !strcmp(clock + used, "Z");
    }
    if (!sound || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
        !(second >= 0 && second < 61))
        return ats_error(
            ATS_EXIT_USAGE,
            "%s: a time is 2024-01-03T14:35:48.25Z, or 14:35:48 of the run's first day "
            "(UTC)",
            text);
    a->at_ns = day_ns + (hour * 3600ll + minute * 60ll) * ATS_E9 + (int64_t)(second * 1e9 + 0.5);
    return 0;
}

/* ---- what is told -----------------------------------------------------------------------------
 */

static telling *tell(asking *a, int64_t ns, uint32_t strategy)
{
    if (a->count == a->capacity) {
        size_t capacity = a->capacity ? 2 * a->capacity : 256;
        telling *grown = realloc(a->told, capacity * sizeof *grown);
        if (!grown)
            return NULL;
        a->told = grown;
        a->capacity = capacity;
    }
    a->told[a->count] = (telling){.ns = ns, .order = ORDER_SEEN + a->count, .strategy = strategy};
    return &a->told[a->count++];
}

static const char *side_text(uint8_t side)
{
    return side == ATS_SIDE_BUY ? "buy" : "sell";
}

static void tell_intent(telling *t, const ats_intent *i)
{
    if (i->action == ATS_INTENT_CANCEL) {
        snprintf(t->text, sizeof t->text, "cancel     order %" PRIu64, i->target_intent_id);
        return;
    }
    double px = (double)(i->limit_e9 ? i->limit_e9 : i->stop_e9) / 1e9;
    snprintf(t->text, sizeof t->text,
             "intent     %" PRIu64 ": %s%s %.9g %s%s %.9g %s, market %.9g / %.9g", i->intent_id,
             i->action == ATS_INTENT_REPLACE ? "replace by " : "", side_text(i->side),
             (double)i->qty_e9 / 1e9, ats_order_type_label(i->type),
             i->order_class ? " with legs" : "", px, ats_reason_label(i->reason),
             (double)i->bid_e9 / 1e9, (double)i->ask_e9 / 1e9);
}

static void tell_verdict(telling *t, const ats_verdict *v)
{
    if (v->check == ATS_CHECK_PASS && v->price_e9 == 0) {
        snprintf(t->text, sizeof t->text, "gate       %" PRIu64 " passes", v->intent_id);
        return; /* a cancel: nothing was measured */
    }
    if (v->check == ATS_CHECK_PASS)
        snprintf(t->text, sizeof t->text,
                 "gate       %" PRIu64 " passes: position %.9g, equity %.2f, drawdown %.2f",
                 v->intent_id, (double)v->position_e9 / 1e9, (double)v->equity_e9 / 1e9,
                 (double)v->drawdown_e9 / 1e9);
    else
        snprintf(t->text, sizeof t->text,
                 "gate       %" PRIu64 " refused by %s: measured %.9g, limit %.9g", v->intent_id,
                 ats_check_label(v->check), (double)v->measured_e9 / 1e9,
                 (double)v->limit_e9 / 1e9);
}

static void tell_exec(telling *t, const ats_exec *x)
{
    if (x->type == ATS_EXEC_FILL)
        snprintf(t->text, sizeof t->text, "fill       %" PRIu64 ": %s %.9g at %.9g, fee %.9g",
                 x->order_id, side_text(x->side), (double)x->last_qty_e9 / 1e9,
                 (double)x->last_px_e9 / 1e9, (double)x->fee_e9 / 1e9);
    else
        snprintf(t->text, sizeof t->text, "broker     %" PRIu64 ": %s", x->order_id,
                 ats_exec_type_label(x->type));
}

static void tell_record(asking *a, const ats_header *h)
{
    const ats_intent *i = (const ats_intent *)h;
    const ats_exec *x = (const ats_exec *)h;
    if (h->kind != ATS_KIND_INTENT && h->kind != ATS_KIND_VERDICT && h->kind != ATS_KIND_EXEC)
        return;
    uint32_t strategy = h->kind == ATS_KIND_INTENT ? i->strategy_id
                        : h->kind == ATS_KIND_EXEC ? x->strategy_id
                                                   : 0;
    telling *t = tell(a, h->recv_ns, strategy);
    if (!t)
        return;
    const ats_verdict *v = (const ats_verdict *)h;
    switch (h->kind) {
    case ATS_KIND_INTENT:
        t->order = ORDER_WANTED + 2 * i->intent_id;
        tell_intent(t, i);
        return;
    case ATS_KIND_VERDICT:
        t->order = ORDER_WANTED + 2 * v->intent_id + 1;
        tell_verdict(t, v);
        return;
    default:
        t->order = ORDER_HEARD + a->count;
        tell_exec(t, x);
        return;
    }
}

static void tell_trace(asking *a)
{
    for (uint32_t i = 0; i < a->trace.count; i++) {
        const ats_trace_line *l = &a->trace.lines[i];
        telling *t = tell(a, l->recv_ns, l->strategy);
        if (t && l->text)
            snprintf(t->text, sizeof t->text, "%-10s %s (%.6g)", l->name, l->text, l->value);
        else if (t)
            snprintf(t->text, sizeof t->text, "%-10s %.9g", l->name, l->value);
    }
}

/* What the run wrote about the symbol in the window. */
static int tell_audit(asking *a)
{
    char path[600];
    const void *records;
    uint32_t count;
    int got;
    ats_audit_reader reader;
    snprintf(path, sizeof path, "%.500s/audit.bin", a->run);
    if (ats_audit_open(&reader, path) != 0)
        return -1;
    while ((got = ats_audit_next(&reader, &records, &count)) == 1)
        for (uint32_t i = 0; i < count; i++) {
            const ats_header *h = (const void *)((const uint8_t *)records + i * ATS_RECORD_DERIVED);
            if (ats_trace_wants(&a->trace, h->symbol_id, h->recv_ns))
                tell_record(a, h);
        }
    ats_audit_reader_close(&reader);
    return got;
}

static int by_time(const void *x, const void *y)
{
    const telling *a = x, *b = y;
    if (a->ns != b->ns)
        return a->ns < b->ns ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* ---- the vector -------------------------------------------------------------------------------
 */

/* Adds how often a model asks for each feature. */
static void count_splits_of(const ats_model_file *file, uint32_t *splits)
{
    ats_forest forest;
    for (uint32_t m = 0; m < file->member_count; m++) {
        if (ats_forest_parse(&forest, file->member[m].bytes, file->member[m].count) != 0)
            continue;
        for (uint32_t i = 0; i < forest.node_count; i++)
            if (forest.nodes[i].left != i && forest.nodes[i].feature < VECTOR_MAX)
                splits[forest.nodes[i].feature]++;
        ats_forest_free(&forest);
    }
}

/* The same for the models that the run kept. */
static void count_splits(const asking *a, uint32_t *splits)
{
    char folder[600], path[900];
    snprintf(folder, sizeof folder, "%.500s/models", a->run);
    DIR *d = opendir(folder);
    const struct dirent *e;
    while (d && (e = readdir(d))) {
        ats_model_file file;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (!strstr(e->d_name, ".json") || ats_model_file_read(&file, path) != 0)
            continue;
        count_splits_of(&file, splits);
        ats_model_file_free(&file);
    }
    if (d)
        closedir(d);
    ats_error_clear(); /* a model that cannot be read has been told of by the run itself */
}

/* The features that the model asks for most, as they were. */
static json_t *vector_json(const asking *a)
{
    static uint32_t splits[VECTOR_MAX];
    json_t *list = json_array();
    count_splits(a, splits);
    for (uint32_t n = 0; n < FEATURES_SHOWN; n++) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < a->trace.vector_count; i++)
            if (splits[i] > splits[best])
                best = i;
        if (splits[best] == 0)
            break;
        float value = a->trace.vector[best];
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:i}", "feature", a->catalogue.feature[best].name, "value",
                            value == value ? json_real((double)value) : json_null(), "splits",
                            (int)splits[best]));
        splits[best] = 0;
    }
    return list;
}

/* ---- the answer -------------------------------------------------------------------------------
 */

static int print_json(const asking *a, json_t *vector)
{
    json_t *lines = json_array();
    for (size_t i = 0; i < a->count; i++)
        json_array_append_new(lines, json_pack("{s:I, s:i, s:s}", "at_ns",
                                               (json_int_t)a->told[i].ns, "strategy",
                                               (int)a->told[i].strategy, "text", a->told[i].text));
    return ats_cli_print_json(json_pack("{s:i, s:s, s:I, s:O, s:o}", "schema", 1, "symbol",
                                        a->symbol, "at_ns", (json_int_t)a->at_ns, "features",
                                        vector, "lines", lines));
}

/* Who decides, and by which numbers: without them a score says nothing. */
static void print_strategies(const asking *a)
{
    static ats_run_config config;
    char path[600];
    snprintf(path, sizeof path, "%.500s/config.yaml", a->run);
    if (ats_config_load(&config, path) != 0) {
        ats_error_clear();
        return; /* the repeated run has read it: gone since */
    }
    for (uint32_t i = 0; i < config.strategy.count; i++) {
        const ats_strategy_spec *spec = &config.strategy.strategies[i];
        const char *file = strrchr(spec->plugin, '/');
        printf("%sstrategy %u  %s (%s)", i ? "" : "\n", i + 1, spec->name,
               file ? file + 1 : spec->plugin);
        for (uint32_t p = 0; p < spec->parameter_count; p++)
            printf("%s %s %g", p ? "," : ":", spec->parameters[p].name, spec->parameters[p].value);
        printf("\n");
    }
}

static void print_text(const asking *a, json_t *vector)
{
    char at[ATS_TIME_TEXT_BYTES];
    size_t n;
    json_t *f;
    ats_time_text(a->at_ns, at);
    printf("%s at %s\n", a->symbol, at);
    if (json_array_size(vector)) {
        ats_time_text(a->trace.vector_ns, at);
        printf("\nfeatures of %s, those that the model asks for most\n", at);
        json_array_foreach(vector, n, f)
        {
            const json_t *value = json_object_get(f, "value");
            if (json_is_null(value))
                printf("  %-28s not ready\n", json_string_value(json_object_get(f, "feature")));
            else
                printf("  %-28s %.6g\n", json_string_value(json_object_get(f, "feature")),
                       json_real_value(value));
        }
    }
    print_strategies(a);
    printf("\n%-31s strategy  what\n", "time");
    for (size_t i = 0; i < a->count; i++) {
        const telling *t = &a->told[i];
        ats_time_text(t->ns, at);
        if (t->strategy)
            printf("%-31s %8u  %s\n", at, t->strategy, t->text);
        else
            printf("%-31s %8s  %s\n", at, "", t->text);
    }
    if (a->count == 0)
        printf("nothing was asked, decided or heard of it in this window: no strategy was told\n"
               "anything that it looks at; --window widens it\n");
    if (a->trace.lost)
        printf("%" PRIu64 " lines more had no room; a smaller --window shows all\n", a->trace.lost);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

/* The run again, with the trace. */
static int repeat(asking *a)
{
    char folder[512], path[560];
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.400s/ats-why-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(folder))
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s", folder);
    snprintf(path, sizeof path, "%s/run", folder);
    ats_cli quiet = *a->cli;
    quiet.progress = false;
    ats_run_options o = {.command = "replay",
                         .repeat = a->run,
                         .run_dir = path,
                         .fused = true,
                         .reference_tape = true,
                         .pace = ATS_PACE_MAX,
                         .trace = &a->trace,
                         .trace_symbol = a->symbol,
                         .trace_catalogue = &a->catalogue,
                         .silent = true};
    int code = ats_run(&quiet, &o);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}

static int answer(asking *a)
{
    tell_trace(a);
    if (tell_audit(a) != 0)
        return -1;
    if (a->count)
        qsort(a->told, a->count, sizeof *a->told, by_time);
    json_t *vector = vector_json(a);
    int status = 0;
    if (a->cli->common.json)
        status = print_json(a, vector);
    else
        print_text(a, vector);
    json_decref(vector);
    return status;
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    int parsed = ats_cli_parse(&cli, &ats_command_why, &o, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? ATS_EXIT_OK : ats_cli_fail();
    asking a = {.cli = &cli, .run = cli.argument[0], .symbol = cli.argument[1]};
    if (read_time(&a, cli.argument[2]) != 0)
        return ats_cli_fail();
    a.trace = (ats_trace){.from_ns = a.at_ns - o.window_ns,
                          .until_ns = a.at_ns + o.window_ns + 1,
                          .lines = calloc(LINES_MAX, sizeof(ats_trace_line)),
                          .capacity = LINES_MAX,
                          .vector = calloc(VECTOR_MAX, sizeof(float)),
                          .vector_capacity = VECTOR_MAX,
                          .vector_until_ns = a.at_ns + 1};
    int code = repeat(&a);
    if (code == ATS_EXIT_OK && (answer(&a) != 0 || ats_cli_flush() != 0))
        code = ats_cli_fail();
    free(a.trace.lines);
    free(a.trace.vector);
    free(a.told);
    return code;
}

const ats_command ats_command_why = {
    .name = "why",
    .purpose = "why a run traded, or did not, at a moment",
    .synopsis = "RUN SYMBOL TIME [OPTION...]",
    .detail =
        "Makes the run again from its own directory and tells what each strategy saw, asked and\n"
        "was answered about one symbol around one moment: features, scores, the strategy's own\n"
        "values, what became of its wishes, sizes, the gate's checks with what they measured, and\n"
        "what the broker said. TIME is UTC: 2024-01-03T14:35:48Z, or 14:35:48 of the first day.",
    .example = "ats why runs/demo SYN001 14:35:48 --window 500ms",
    .option = OPTIONS,
    .arguments_min = 3,
    .arguments_max = 3,
    .run = run,
};
