#include "io/capture.h"
#include "tools/capture_check.h"
#include "tools/commands.h"
#include "tools/record_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct options {
    int64_t limit;
    const char *symbol;
    const char *kind;
    const char *mode;
    const char *html;
    bool jsonl;
} options;

static const ats_option OPTIONS[] = {
    {'n', "limit", ATS_OPTION_INTEGER, offsetof(options, limit), NULL, "N",
     "cat: stop after N records (0 = all)", 0, INT64_MAX, false},
    {0, "symbol", ATS_OPTION_TEXT, offsetof(options, symbol), NULL, "SYMBOL",
     "cat: only this symbol, as TEXT or VENUE:TEXT", 0, 0, false},
    {0, "kind", ATS_OPTION_TEXT, offsetof(options, kind), NULL, "KIND",
     "cat: only this kind: quote, trade, bar, book_level, status, ...", 0, 0, false},
    {0, "jsonl", ATS_OPTION_FLAG, offsetof(options, jsonl), NULL, NULL,
     "cat: one JSON object a line (--json: one array)", 0, 0, false},
    {0, "mode", ATS_OPTION_TEXT, offsetof(options, mode), "lenient", "MODE",
     "check: lenient, or strict, which fails when a symbol cannot be trusted", 0, 0, false},
    {0, "html", ATS_OPTION_TEXT, offsetof(options, html), NULL, "FILE",
     "check: write a page of what was found", 0, 0, false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

/* Reads what a cut file does not state, so that info tells the same of both. */
static int complete_totals(ats_capture_reader *r)
{
    return r->complete ? 0 : ats_capture_verify(r, &r->content);
}

static json_t *info_json(const ats_capture_reader *r)
{
    json_t *kinds = json_object(), *symbols = json_array();
    for (uint32_t slot = 1; slot < ATS_CAPTURE_SLOTS; slot++)
        if (r->totals.kinds[slot])
            json_object_set_new(kinds, ats_kind_label(ats_capture_slot_kind(slot)),
                                json_integer((json_int_t)r->totals.kinds[slot]));
    for (uint32_t id = 1; id <= r->symbols.count; id++) {
        const ats_symbol *s = &r->symbols.entry[id];
        json_array_append_new(symbols,
                              json_pack("{s:i, s:s, s:s, s:s}", "id", (int)id, "symbol", s->text,
                                        "venue", s->venue, "currency", s->currency));
    }
    char hash[33];
    snprintf(hash, sizeof hash, "%016llx%016llx", (unsigned long long)r->content.high,
             (unsigned long long)r->content.low);
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:I, s:b, s:b, s:I, s:I, s:s, s:o}", "records",
                     (json_int_t)r->totals.records, "symbols", (json_int_t)r->symbols.count,
                     "first_event_at", (json_int_t)r->totals.first_recv_ns, "last_event_at",
                     (json_int_t)r->totals.last_recv_ns, "kinds", kinds, "bytes",
                     (json_int_t)r->map_bytes, "tape", (r->flags & ATS_CAPTURE_TAPE) != 0,
                     "complete", r->complete, "cut_bytes", (json_int_t)r->cut_bytes, "blocks",
                     (json_int_t)r->block_count, "content_xxh3_128", hash, "symbol_table", symbols);
}

static void info_text(const ats_capture_reader *r)
{
    char first[ATS_TIME_TEXT_BYTES], last[ATS_TIME_TEXT_BYTES];
    ats_time_text(r->totals.first_recv_ns, first);
    ats_time_text(r->totals.last_recv_ns, last);
    printf("%s\n", r->path);
    printf("content     %s\n", r->flags & ATS_CAPTURE_TAPE ? "tape: chain input of a run"
                                                           : "raw input, one stream a venue");
    printf("records     %llu in %llu blocks\n", (unsigned long long)r->totals.records,
           (unsigned long long)r->block_count);
    if (r->totals.records) {
        printf("first       %s\nlast        %s\n", first, last);
        printf("bytes       %llu, %.2f a record\n", (unsigned long long)r->map_bytes,
               (double)r->map_bytes / (double)r->totals.records);
    }
    for (uint32_t slot = 1; slot < ATS_CAPTURE_SLOTS; slot++)
        if (r->totals.kinds[slot])
            printf("%-11s %llu\n", ats_kind_label(ats_capture_slot_kind(slot)),
                   (unsigned long long)r->totals.kinds[slot]);
    printf("hash        %016llx%016llx (xxh3-128 of the content)\n",
           (unsigned long long)r->content.high, (unsigned long long)r->content.low);
    printf("symbols     %u:", r->symbols.count);
    for (uint32_t id = 1; id <= r->symbols.count && id <= 32; id++)
        printf(" %s:%s", r->symbols.entry[id].venue, r->symbols.entry[id].text);
    printf("%s\n", r->symbols.count > 32 ? " ..." : "");
    if (!r->complete)
        printf(
            "cut         the end is missing: %llu bytes after the last whole block are not read\n",
            (unsigned long long)r->cut_bytes);
}

static int info(const ats_cli *cli, ats_capture_reader *r, const options *o)
{
    (void)o;
    if (complete_totals(r) != 0)
        return -1;
    if (cli->common.json)
        return ats_cli_print_json(info_json(r));
    info_text(r);
    return ats_cli_flush();
}

/* ---- cat ------------------------------------------------------------------------------------- */

typedef struct filter {
    uint32_t symbol_id; /* 0 = all */
    uint32_t kind;      /* 0 = all */
} filter;

static int find_symbol(const ats_capture_reader *r, const char *name, uint32_t *out)
{
    const char *colon = strchr(name, ':');
    for (uint32_t id = 1; id <= r->symbols.count; id++) {
        const ats_symbol *s = &r->symbols.entry[id];
        if (strcmp(s->text, colon ? colon + 1 : name) != 0)
            continue;
        if (colon && (strlen(s->venue) != (size_t)(colon - name) ||
                      strncmp(s->venue, name, (size_t)(colon - name)) != 0))
            continue;
        if (*out)
            return ats_error(ATS_EXIT_USAGE, "--symbol %s: is on several venues; write %s:%s", name,
                             s->venue, s->text);
        *out = id;
    }
    return *out ? 0
                : ats_error(ATS_EXIT_USAGE, "--symbol %s: not in %s; `ats capture info` lists them",
                            name, r->path);
}

static int read_filter(const ats_capture_reader *r, const options *o, filter *f)
{
    *f = (filter){0};
    if (o->symbol && find_symbol(r, o->symbol, &f->symbol_id) != 0)
        return -1;
    if (!o->kind)
        return 0;
    for (uint32_t slot = 1; slot < ATS_CAPTURE_SLOTS; slot++)
        if (strcmp(ats_kind_label(ats_capture_slot_kind(slot)), o->kind) == 0)
            f->kind = ats_capture_slot_kind(slot);
    return f->kind ? 0
                   : ats_error(ATS_EXIT_USAGE,
                               "--kind %s: none; there are quote, trade, bar, book_level, status, "
                               "corporate_action, clock, end, control",
                               o->kind);
}

typedef enum cat_form { CAT_TEXT, CAT_JSON, CAT_JSONL } cat_form;

static void cat_record(const ats_capture_reader *r, const ats_market *record, cat_form form,
                       bool first)
{
    if (form == CAT_TEXT) {
        ats_record_print(stdout, record, &r->symbols);
        return;
    }
    if (form == CAT_JSON && !first)
        fputs(",\n", stdout);
    ats_record_print_json(stdout, record, &r->symbols);
    if (form == CAT_JSONL)
        putchar('\n');
}

static int cat(const ats_cli *cli, ats_capture_reader *r, const options *o)
{
    filter f;
    if (read_filter(r, o, &f) != 0)
        return -1;
    cat_form form = o->jsonl ? CAT_JSONL : cli->common.json ? CAT_JSON : CAT_TEXT;
    if (form == CAT_TEXT)
        ats_record_print_header(stdout);
    if (form == CAT_JSON)
        fputs("[\n", stdout);
    const ats_market *record;
    int64_t printed = 0;
    int got;
    while ((got = ats_capture_peek(r, &record)) == 1) {
        if ((f.symbol_id && record->h.symbol_id != f.symbol_id) ||
            (f.kind && record->h.kind != f.kind))
            continue;
        cat_record(r, record, form, printed == 0);
        if (++printed == o->limit || ferror(stdout))
            break;
    }
    if (got < 0)
        return ats_error(ATS_EXIT_DATA, "%s: %s", r->path, r->reason);
    if (form == CAT_JSON)
        fputs("\n]\n", stdout);
    return ats_cli_flush();
}

static int verify(const ats_cli *cli, ats_capture_reader *r, const options *o)
{
    (void)o;
    ats_capture_hash hash;
    if (ats_capture_verify(r, &hash) != 0)
        return -1;
    if (!r->complete)
        return ats_error(
            ATS_EXIT_DATA,
            "%s: the end is missing; %llu records are whole, %llu bytes after them not", r->path,
            (unsigned long long)r->totals.records, (unsigned long long)r->cut_bytes);
    if (cli->common.json)
        return ats_cli_print_json(
            json_pack("{s:b, s:I}", "ok", 1, "records", (json_int_t)r->totals.records));
    if (!cli->common.quiet)
        printf("%s: ok, %llu records\n", r->path, (unsigned long long)r->totals.records);
    return ats_cli_flush();
}

static const struct {
    const char *name;
    int (*run)(const ats_cli *cli, ats_capture_reader *reader, const options *o);
} ACTIONS[] = {{"info", info}, {"cat", cat}, {"verify", verify}};

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    int done = ats_cli_parse(&cli, &ats_command_capture, &o, argc, argv);
    if (done)
        return done < 0 ? ats_cli_fail() : ATS_EXIT_OK;
    if (strcmp(cli.argument[0], "check") == 0)
        return ats_capture_check(&cli, o.mode, o.html) ? ats_cli_fail() : ATS_EXIT_OK;
    for (size_t i = 0; i < sizeof ACTIONS / sizeof ACTIONS[0]; i++) {
        if (strcmp(cli.argument[0], ACTIONS[i].name) != 0)
            continue;
        if (cli.argument_count > 2) {
            ats_error(ATS_EXIT_USAGE, "%s takes one capture", cli.argument[0]);
            return ats_cli_fail();
        }
        ats_capture_reader reader;
        if (ats_capture_open(&reader, cli.argument[1]) != 0)
            return ats_cli_fail();
        int failed = ACTIONS[i].run(&cli, &reader, &o);
        ats_capture_close(&reader);
        return failed ? ats_cli_fail() : ATS_EXIT_OK;
    }
    ats_error(ATS_EXIT_USAGE, "%s: no such action; there are info, cat, verify, check",
              cli.argument[0]);
    return ats_cli_fail();
}

const ats_command ats_command_capture = {
    .name = "capture",
    .purpose = "look into captures: what they hold, their records, whether they are whole and good",
    .synopsis = "info|cat|verify|check CAPTURE...",
    .detail =
        "info    counts, times, symbols, hash of the content\n"
        "cat     the records as text with a header line, or as JSON (--json, --jsonl)\n"
        "verify  reads all of it and compares with what the file states; exit 4 if damaged\n"
        "check   the data itself: gaps, duplicates, outliers, stale and crossed quotes, jumps,\n"
        "        as a run's feed checks it, over captures in the order of time",
    .example = "ats capture cat day.cap --symbol AAPL --kind trade --limit 10",
    .option = OPTIONS,
    .arguments_min = 2,
    .arguments_max = 1000,
    .run = run,
};
