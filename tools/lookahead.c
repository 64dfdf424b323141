#include "tools/lookahead.h"

#include "io/audit.h"
#include "tools/record_text.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 512

/* The intents of a run, in order. */
typedef struct decisions {
    ats_intent *intent;
    size_t count, capacity;
    ats_symbols symbols;
} decisions;

typedef struct checking {
    const ats_cli *cli;
    ats_run_options options;
    char folder[PATH_BYTES];
    decisions whole;
    uint32_t differences;
    json_t *cuts;
} checking;

/* ---- reading a run ----------------------------------------------------------------------------
 */

static int keep(decisions *d, const ats_intent *i)
{
    if (d->count == d->capacity) {
        size_t capacity = d->capacity ? 2 * d->capacity : 1024;
        ats_intent *grown = realloc(d->intent, capacity * sizeof *grown);
        if (!grown)
            return ats_error(ATS_EXIT_FAILED, "lookahead: out of memory");
        d->intent = grown;
        d->capacity = capacity;
    }
    d->intent[d->count] = *i;
    /* How long it took is no part of a decision. */
    memset(d->intent[d->count].h.stamp_ns, 0, sizeof d->intent->h.stamp_ns);
    d->intent[d->count++].h.origin_ns = 0;
    return 0;
}

static int read_decisions(const char *run, decisions *d)
{
    char path[PATH_BYTES + 16];
    const void *records;
    uint32_t count;
    int got;
    ats_audit_reader reader;
    snprintf(path, sizeof path, "%.500s/audit.bin", run);
    if (ats_audit_open(&reader, path) != 0)
        return -1;
    while ((got = ats_audit_next(&reader, &records, &count)) == 1)
        for (uint32_t i = 0; i < count; i++) {
            const ats_intent *r = (const ats_intent *)records + i;
            if (r->h.kind == ATS_KIND_INTENT && keep(d, r) != 0)
                got = -1;
        }
    if (got == 0 && d->symbols.count == 0) {
        d->symbols = reader.symbols; /* taken over: texts for messages */
        reader.symbols = (ats_symbols){0};
    }
    ats_audit_reader_close(&reader);
    return got;
}

static void forget(decisions *d)
{
    free(d->intent);
    ats_symbols_free(&d->symbols);
    *d = (decisions){0};
}

/* ---- runs -------------------------------------------------------------------------------------
 */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static int run_once(checking *c, int64_t after_ns, decisions *d)
{
    char path[PATH_BYTES + 8];
    ats_cli quiet = *c->cli;
    ats_run_options o = c->options;
    snprintf(path, sizeof path, "%.500s/run", c->folder);
    quiet.progress = false;
    o.run_dir = path;
    o.silent = true;
    o.disturb_after_ns = after_ns;
    int code = ats_run(&quiet, &o);
    if (code == ATS_EXIT_OK && read_decisions(path, d) != 0)
        code = ats_cli_fail();
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}

/* ---- comparing --------------------------------------------------------------------------------
 */

static size_t count_until(const decisions *d, int64_t ns)
{
    size_t n = 0;
    while (n < d->count && d->intent[n].h.recv_ns <= ns)
        n++;
    return n;
}

static void describe(const decisions *d, size_t i, size_t n, const ats_symbols *symbols, char *out,
                     size_t capacity)
{
    if (i >= n) {
        snprintf(out, capacity, "nothing");
        return;
    }
    const ats_intent *in = &d->intent[i];
    char at[ATS_TIME_TEXT_BYTES];
    ats_time_text(in->h.recv_ns, at);
    snprintf(out, capacity, "%s strategy %u %s %s %s %.9g at %.9g", at, in->strategy_id,
             symbols->entry[in->h.symbol_id].text,
             in->action == ATS_INTENT_CANCEL ? "cancels" : ats_reason_label(in->reason),
             in->side == ATS_SIDE_BUY ? "buy" : "sell", (double)in->qty_e9 / 1e9,
             (double)in->limit_e9 / 1e9);
}

static void compare(checking *c, int64_t cut_ns, const decisions *other)
{
    size_t whole = count_until(&c->whole, cut_ns), cut = count_until(other, cut_ns), i = 0;
    while (i < whole && i < cut &&
           memcmp(&c->whole.intent[i], &other->intent[i], sizeof(ats_intent)) == 0)
        i++;
    bool same = i == whole && i == cut;
    char at[ATS_TIME_TEXT_BYTES], was[200], is[200];
    ats_time_text(cut_ns, at);
    c->differences += !same;
    describe(&c->whole, i, whole, &c->whole.symbols, was, sizeof was);
    describe(other, i, cut, &c->whole.symbols, is, sizeof is);
    json_array_append_new(c->cuts, json_pack("{s:s, s:I, s:b}", "at", at, "decisions",
                                             (json_int_t)whole, "same", same));
    if (c->cli->common.json)
        return;
    printf("%-32s %10zu  %s\n", at, whole, same ? "the same" : "DIFFERENT");
    if (!same)
        printf("  as it is            %s\n  with another future %s\n", was, is);
}

static int check(checking *c)
{
    int code = run_once(c, 0, &c->whole);
    if (code != ATS_EXIT_OK)
        return code;
    if (c->whole.count == 0) {
        ats_error(ATS_EXIT_FAILED, "nothing was decided, so there is nothing to check");
        return ats_cli_fail();
    }
    if (!c->cli->common.json)
        printf("%zu decisions; each line is a run with another future from that moment on\n"
               "%-32s %10s\n",
               c->whole.count, "up to", "decisions");
    for (uint32_t k = 1; k <= ATS_LOOKAHEAD_CUTS && code == ATS_EXIT_OK; k++) {
        decisions other = {0};
        int64_t cut_ns = c->whole.intent[c->whole.count * k / (ATS_LOOKAHEAD_CUTS + 1)].h.recv_ns;
        code = run_once(c, cut_ns, &other);
        if (code == ATS_EXIT_OK)
            compare(c, cut_ns, &other);
        forget(&other);
    }
    return code;
}

int ats_lookahead_check(const ats_cli *cli, const ats_run_options *options)
{
    checking c = {.cli = cli, .options = *options, .cuts = json_array()};
    const char *base = getenv("TMPDIR");
    snprintf(c.folder, sizeof c.folder, "%.400s/ats-lookahead-XXXXXX",
             base && *base ? base : "/tmp");
    if (!mkdtemp(c.folder)) {
        ats_error_errno(ATS_EXIT_FAILED, errno, "%s", c.folder);
        return ats_cli_fail();
    }
    int code = check(&c);
    remove(c.folder);
    forget(&c.whole);
    bool clean = c.differences == 0;
    if (code == ATS_EXIT_OK && cli->common.json)
        code = ats_cli_print_json(
                   json_pack("{s:i, s:b, s:O}", "schema", 1, "clean", clean, "cuts", c.cuts)) == 0
                   ? ATS_EXIT_OK
                   : ats_cli_fail();
    else if (code == ATS_EXIT_OK)
        printf("%s\n", clean ? "no decision rests on what came after it"
                             : "decisions rest on what came after them");
    json_decref(c.cuts);
    if (ats_cli_flush() != 0)
        return ats_cli_fail();
    return code == ATS_EXIT_OK && !clean ? ATS_EXIT_FAILED : code;
}
