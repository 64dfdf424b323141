/* A whole run into a directory, for tests: a synthetic day, the chain with its drain, the keeper.
 */
#ifndef ATS_TESTS_KEEPER_FIXTURE_H
#define ATS_TESTS_KEEPER_FIXTURE_H

#include "tests/unit/stages/chain_run.h"

#include <criterion/criterion.h>

#include "io/synth.h"
#include "stages/keeper/keeper.h"

#include <ftw.h>
#include <sys/stat.h>

typedef struct keeper_run {
    char dir[64];
    ats_market *records;
    uint64_t count;
    ats_symbols symbols;
    ats_market_source source;
    ats_journal journal;
    ats_audit_writer audit;
    ats_model_table models;
    ats_run_config config;
    ats_chain chain;
    ats_keeper_result kept;
    ats_run_summary summary;
} keeper_run;

static inline int keeper_remove(const char *path, const struct stat *s, int type, struct FTW *f)
{
    (void)s, (void)type, (void)f;
    return remove(path);
}

static inline void keeper_market(keeper_run *r, uint32_t seconds)
{
    ats_synth *synth;
    ats_synth_options options = {.seed = 11,
                                 .symbols = 4,
                                 .venues = 3,
                                 .rate = 200,
                                 .start_ns = 1704205800ll * ATS_E9,
                                 .duration_ns = seconds * ATS_E9,
                                 .volatility_bps = 200,
                                 .signal_permille = 300,
                                 .trade_permille = 150};
    cr_assert_eq(ats_synth_open(&synth, &options), 0, "%s", ats_error_line(0));
    r->records = malloc((seconds * 250ull + 4096) * sizeof *r->records);
    while (ats_synth_next(synth, &r->records[r->count]) == 1)
        r->count++;
    const ats_symbols *symbols = ats_synth_symbols(synth);
    for (uint32_t i = 1; i <= symbols->count; i++)
        cr_assert_neq(ats_symbols_add(&r->symbols, &symbols->entry[i]), 0);
    ats_synth_close(synth);
}

/* Builds everything up to a chain that can be started. */
static inline keeper_run *keeper_prepare(uint32_t seconds)
{
    keeper_run *r = calloc(1, sizeof *r);
    char path[128];
    snprintf(r->dir, sizeof r->dir, "/tmp/ats-keeper-XXXXXX");
    cr_assert_not_null(mkdtemp(r->dir));
    keeper_market(r, seconds);
    cr_assert_eq(ats_market_source_memory(&r->source, r->records, r->count, &r->symbols), 0);
    cr_assert_eq(ats_journal_create(&r->journal, "/dev/shm", r->dir + 5, 65536), 0);
    unlink(r->journal.path);
    snprintf(path, sizeof path, "%s/audit", r->dir);
    cr_assert_eq(ats_audit_create(&r->audit, path, &r->source.symbols, 1), 0, "%s",
                 ats_error_line(0));
    r->config = fixture_config();
    r->config.thread_count = 2;
    r->config.threads[1] = (ats_thread_config){.name = "side",
                                               .cpu = ATS_CPU_ANY,
                                               .wait = ATS_WAIT_PARK,
                                               .stage_count = 1,
                                               .stages = {"drain"}};
    ats_chain_spec spec = {.config = &r->config,
                           .source = &r->source,
                           /* Over 0.4 s, so that latencies come in several intervals. */
                           .pace = ATS_PACE_RECORDED,
                           .speed = (double)seconds / 0.4,
                           .models = &r->models,
                           .model_id = ats_model_table_add(&r->models, fixture_model(1.0f), 0),
                           .journal = &r->journal,
                           .audit = &r->audit,
                           .journal_fd = -1,
                           .reserve_fd = -1};
    cr_assert_eq(ats_chain_build(&r->chain, &spec), 0, "%s", ats_error_line(0));
    return r;
}

/* Runs it with a keeper, and collects the summary. */
static inline void keeper_go(keeper_run *r, const char *run_dir)
{
    static const char *const FILES[] = {"synthetic"};
    char path[128];
    ats_keeper *keeper;
    snprintf(path, sizeof path, "%s/audit", r->dir);
    ats_keeper_options options = {.run_dir = run_dir,
                                  .run_id = "test-run",
                                  .command = "replay",
                                  .audit_path = path,
                                  .chain = &r->chain,
                                  .interval_ns = 20000000};
    cr_assert_eq(ats_keeper_start(&keeper, &options), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_chain_start(&r->chain), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_chain_join(&r->chain), 0, "%s", ats_error_line(0));
    ats_keeper_finish(keeper, &r->kept);
    ats_summary_options how = {
        .command = "replay", .files = FILES, .file_count = 1, .kept = &r->kept};
    cr_assert_eq(ats_run_summary_collect(&r->summary, &r->chain, &r->source, &r->config, &how), 0,
                 "%s", ats_error_line(0));
}

static inline void keeper_end(keeper_run *r)
{
    ats_run_summary_free(&r->summary);
    ats_keeper_result_free(&r->kept);
    ats_chain_destroy(&r->chain);
    ats_model_table_clear(&r->models);
    ats_journal_close(&r->journal, false);
    ats_market_source_close(&r->source);
    ats_symbols_free(&r->symbols);
    free(r->records);
    nftw(r->dir, keeper_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(r);
}

#endif
