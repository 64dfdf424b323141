#include "stages/keeper/keeper.h"

#include "core/error.h"
#include "core/log.h"
#include "io/hlog.h"
#include "io/run_store.h"
#include "stages/keeper/analysis.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_NS  1000000000ll
#define POLL_NS      100000000ll  /* twice in each of drain's flush intervals */
#define RETRY_NS     1000000000ll /* between two tries of a store that fails */
#define BUSY_MS      250 /* for another process's lock: a store that waits is late, not lost */
#define FINISH_TRIES 3   /* at the end, RETRY_NS apart: time for a lock or a full disk to clear */

#define PATH_BYTES 4096
#define DAY_NS     86400000000000ll

typedef struct keeper_hop {
    ats_histogram *total;
    int64_t start_ns, asked_ns; /* UTC: bounds of the interval that is being swapped out */
    bool waiting;               /* for the writer's answer */
} keeper_hop;

/* What performance needs of a symbol. */
typedef struct keeper_symbol {
    int64_t qty_e9;
    int64_t flat_e9; /* realised profit less fees when it was last flat */
} keeper_symbol;

struct ats_keeper {
    char run_dir[PATH_BYTES], run_id[128], command[32], audit_path[PATH_BYTES];
    const ats_chain *chain;
    int64_t interval_ns;
    int64_t started_ns; /* UTC */

    keeper_hop hops[ATS_HOP_COUNT];
    ats_hlog_writer log;
    bool log_open;

    ats_audit_reader audit;
    bool audit_open;
    const void *held; /* a block that has been measured and waits to be stored */
    uint32_t held_count;
    uint64_t held_first;

    ats_run_store *store;
    bool store_failing;
    int64_t store_retry_ns;

    ats_performance performance;
    keeper_symbol *symbols;
    ats_day_row *days; /* equity at the end of each */
    uint32_t day_count;
    ats_bust *busts;
    size_t bust_count;
    uint8_t *traded; /* by symbol: an intent or execution names it */
    ats_keeper_result result;

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stop;       /* under the mutex */
    bool incomplete; /* something did not get into store.db or latency.hlog */
};

/* ---- faults -------------------------------------------------------------------------------- */

/* Counts the failure on this thread's error stack, keeps the first, and empties the stack. */
static void note_error(ats_keeper *k, const char *event, bool tell)
{
    k->result.errors++;
    if (!k->result.error[0])
        snprintf(k->result.error, sizeof k->result.error, "%s", ats_error_line(0));
    if (tell)
        ats_log(ATS_LOG_WARN, event, ats_log_str("error", ats_error_line(0)));
    ats_error_clear();
}

static void store_failed(ats_keeper *k)
{
    note_error(k, "keeper.store", !k->store_failing);
    k->store_failing = true;
    k->store_retry_ns = ats_clock_wall_ns() + RETRY_NS;
}

static void store_worked(ats_keeper *k)
{
    if (k->store_failing)
        ats_log(ATS_LOG_INFO, "keeper.store_back");
    k->store_failing = false;
}

static bool path_of(const ats_keeper *k, const char *name, char path[PATH_BYTES])
{
    return snprintf(path, PATH_BYTES, "%s/%s", k->run_dir, name) < PATH_BYTES;
}

/* ---- the store ----------------------------------------------------------------------------- */

static int open_store(ats_keeper *k)
{
    char path[PATH_BYTES];
    ats_build build = ats_build_info();
    ats_run_row row = {.run_id = k->run_id,
                       .command = k->command,
                       .version = build.version,
                       .commit = build.commit,
                       .started_ns = k->started_ns,
                       .start_equity_e9 = k->chain->risk.start_cash_e9};
    if (!path_of(k, "store.db", path))
        return ats_error(ATS_EXIT_FAILED, "%.200s...: path too long", k->run_dir);
    if (ats_run_store_open(&k->store, path, BUSY_MS) != 0)
        return -1;
    if (ats_run_store_begin(k->store, &row, k->chain->context.symbols) == 0)
        return 0;
    ats_run_store_close(k->store);
    k->store = NULL;
    return -1;
}

/* Is there a store to write to now? Opens it when it is time to try again. */
static bool store_ready(ats_keeper *k)
{
    if (k->store_failing && ats_clock_wall_ns() < k->store_retry_ns)
        return false;
    if (k->store)
        return true;
    if (open_store(k) == 0)
        return true;
    store_failed(k);
    return false;
}

/* Stores the held block. False while it has to wait. */
static bool store_held(ats_keeper *k)
{
    if (!k->held)
        return true;
    if (!store_ready(k))
        return false;
    if (ats_run_store_records(k->store, k->held, k->held_count, k->held_first) != 0) {
        store_failed(k);
        return false;
    }
    store_worked(k);
    k->result.stored += k->held_count;
    k->held = NULL;
    return true;
}

/* ---- performance --------------------------------------------------------------------------- */

/* Memory that ran short: the run goes on, and says that something is missing. */
static void note_shortage(ats_keeper *k)
{
    note_error(k, "keeper.memory", !k->incomplete);
    k->incomplete = true;
}

static void observe(ats_keeper *k, int64_t recv_ns, int64_t equity_e9, int64_t drawdown_e9)
{
    int64_t day = recv_ns / DAY_NS;
    ats_performance_observe(&k->performance, recv_ns, equity_e9, drawdown_e9);
    if (k->day_count == 0 || day > k->days[k->day_count - 1].day) {
        ats_day_row *more = realloc(k->days, (k->day_count + 1) * sizeof *more);
        if (!more) {
            ats_error(ATS_EXIT_FAILED, "keeper: no memory");
            note_shortage(k);
            return;
        }
        k->days = more;
        more[k->day_count++].day = day;
    }
    k->days[k->day_count - 1].equity_e9 = equity_e9;
}

static void measure_position(ats_keeper *k, const ats_position *p)
{
    keeper_symbol *s = &k->symbols[p->h.symbol_id];
    int64_t profit_e9 = p->realized_e9 - p->fees_e9;
    observe(k, p->h.recv_ns, p->equity_e9, p->drawdown_e9);
    /* Flat, or through zero: a round trip ended; the gate books the whole fee to it, too. */
    if (s->qty_e9 != 0 && (p->qty_e9 == 0 || (p->qty_e9 < 0) != (s->qty_e9 < 0))) {
        ats_performance_trip(&k->performance, profit_e9 - s->flat_e9);
        s->flat_e9 = profit_e9;
    }
    s->qty_e9 = p->qty_e9;
}

static void measure_exec(ats_keeper *k, const ats_exec *x)
{
    k->traded[x->h.symbol_id] = 1;
    if (x->type == ATS_EXEC_FILL)
        ats_performance_fill(&k->performance,
                             (double)x->last_px_e9 * (double)x->last_qty_e9 * 1e-9);
    else if ((x->type == ATS_EXEC_BUSTED || x->type == ATS_EXEC_CORRECTED) &&
             ats_busts_add(&k->busts, &k->bust_count, x) != 0)
        note_shortage(k);
}

static void measure(ats_keeper *k, const void *records, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const ats_header *h =
            (const ats_header *)((const uint8_t *)records + (size_t)i * ATS_RECORD_DERIVED);
        if (h->kind == ATS_KIND_POSITION && h->symbol_id != 0) {
            measure_position(k, (const ats_position *)h);
        } else if (h->kind == ATS_KIND_VERDICT) {
            /* The gate's look at the account. A cancel, or an intent without form, has none. */
            const ats_verdict *v = (const ats_verdict *)h;
            if (v->equity_e9 != 0)
                observe(k, h->recv_ns, v->equity_e9, v->drawdown_e9);
        } else if (h->kind == ATS_KIND_EXEC) {
            measure_exec(k, (const ats_exec *)h);
        } else if (h->kind == ATS_KIND_INTENT) {
            k->traded[h->symbol_id] = 1;
        }
    }
}

/* ---- the audit file ------------------------------------------------------------------------ */

/* Next block into `held`, measured. False at the end so far, or for good when the file is damaged.
 */
static bool next_block(ats_keeper *k)
{
    if (!k->audit_open)
        return false;
    uint64_t first = k->audit.read;
    int got = ats_audit_next(&k->audit, &k->held, &k->held_count);
    if (got != 1) {
        k->held = NULL;
        if (got < 0) {
            note_error(k, "keeper.audit", true);
            ats_audit_reader_close(&k->audit);
            k->audit_open = false;
            k->incomplete = true;
        }
        return false;
    }
    k->held_first = first;
    k->result.records += k->held_count;
    measure(k, k->held, k->held_count);
    return true;
}

static void tail_audit(ats_keeper *k)
{
    while (store_held(k) && next_block(k)) {
    }
}

/* ---- latencies ----------------------------------------------------------------------------- */

static void absorb(ats_keeper *k, uint32_t hop, const ats_histogram *interval, int64_t end_ns)
{
    keeper_hop *h = &k->hops[hop];
    if (ats_histogram_total(interval) > 0) {
        ats_histogram_add(h->total, interval);
        if (!k->log_open)
            k->incomplete = true;
        else if (ats_hlog_append(&k->log, ats_hop_label(hop), h->start_ns, end_ns, interval) != 0) {
            note_error(k, "keeper.latency_log", !k->incomplete);
            k->incomplete = true;
        }
    }
    h->start_ns = end_ns;
    h->waiting = false;
}

static void collect_intervals(ats_keeper *k)
{
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++) {
        const ats_histogram *interval;
        if (k->hops[hop].waiting &&
            (interval = ats_recorder_retired(k->chain->context.recorders[hop])) != NULL)
            absorb(k, hop, interval, k->hops[hop].asked_ns);
    }
}

static void ask_for_intervals(ats_keeper *k, int64_t now_ns)
{
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++) {
        keeper_hop *h = &k->hops[hop];
        if (!h->waiting && ats_recorder_request_swap(k->chain->context.recorders[hop])) {
            h->waiting = true;
            h->asked_ns = now_ns;
        }
    }
}

/* The chain's threads are joined: nobody records any more. */
static void take_last_intervals(ats_keeper *k, int64_t now_ns)
{
    collect_intervals(k);
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++)
        absorb(k, hop, ats_recorder_flip_now(k->chain->context.recorders[hop]), now_ns);
}

static void write_distributions(ats_keeper *k)
{
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++) {
        char name[64], path[PATH_BYTES];
        ats_summary_latency_of(&k->result.latency[hop], k->hops[hop].total);
        snprintf(name, sizeof name, "latency-%s.hgrm", ats_hop_label(hop));
        if (k->result.latency[hop].count && path_of(k, name, path) &&
            ats_hgrm_write(path, k->hops[hop].total, 5, 1.0) != 0) {
            note_error(k, "keeper.latency_file", !k->incomplete);
            k->incomplete = true;
        }
    }
}

/* ---- the thread ---------------------------------------------------------------------------- */

static void sample(ats_keeper *k, int64_t now_ns)
{
    ask_for_intervals(k, now_ns);
    if (!store_ready(k))
        return;
    if (ats_run_store_metrics(k->store, now_ns, k->chain->context.metrics) != 0)
        store_failed(k);
}

/* Sleeps for a poll interval. True when the keeper is to end. */
static bool rest(ats_keeper *k)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (k->interval_ns < POLL_NS ? k->interval_ns : POLL_NS);
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&k->mutex);
    while (!k->stop && pthread_cond_timedwait(&k->wake, &k->mutex, &until) == 0) {
    }
    bool stop = k->stop;
    pthread_mutex_unlock(&k->mutex);
    return stop;
}

static void *keep(void *argument)
{
    ats_keeper *k = argument;
    ats_thread_name("keeper");
    uint64_t next_ns = ats_clock_monotonic_ns() + (uint64_t)k->interval_ns;
    while (!rest(k)) {
        collect_intervals(k);
        tail_audit(k);
        if (ats_clock_monotonic_ns() >= next_ns) {
            next_ns += (uint64_t)k->interval_ns;
            sample(k, ats_clock_wall_ns());
        }
    }
    return NULL;
}

static void end_thread(ats_keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->mutex);
    pthread_join(k->thread, NULL);
}

/* ---- start --------------------------------------------------------------------------------- */

static void free_keeper(ats_keeper *k)
{
    if (k->audit_open)
        ats_audit_reader_close(&k->audit);
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++)
        free(k->hops[hop].total);
    free(k->symbols);
    free(k->days);
    free(k->busts);
    free(k->traded);
    pthread_mutex_destroy(&k->mutex);
    pthread_cond_destroy(&k->wake);
    free(k);
}

/* A market that has no weekend: every instrument is a crypto one. */
static bool trades_on_weekends(const ats_symbols *symbols)
{
    for (uint32_t id = 1; id <= symbols->count; id++)
        if (symbols->entry[id].symbol_class != ATS_CLASS_CRYPTO_SPOT &&
            symbols->entry[id].symbol_class != ATS_CLASS_CRYPTO_FUTURE)
            return false;
    return symbols->count > 0;
}

static int take_memory(ats_keeper *k)
{
    const ats_symbols *symbols = k->chain->context.symbols;
    size_t bytes = (ats_histogram_footprint() + 63) & ~(size_t)63;
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++) {
        void *memory = aligned_alloc(64, bytes);
        if (!memory)
            return ats_error(ATS_EXIT_FAILED, "keeper: no memory");
        k->hops[hop].total = ats_histogram_new(memory);
        k->hops[hop].start_ns = k->started_ns;
    }
    k->symbols = calloc(symbols->count + 1ull, sizeof *k->symbols);
    k->traded = calloc(symbols->count + 1ull, 1);
    if (!k->symbols || !k->traded)
        return ats_error(ATS_EXIT_FAILED, "keeper: no memory");
    ats_performance_init(&k->performance, k->chain->risk.start_cash_e9,
                         trades_on_weekends(symbols));
    if (k->chain->feed.source->first_ns)
        observe(k, k->chain->feed.source->first_ns, k->chain->risk.start_cash_e9, 0);
    return 0;
}

/* The audit file's table is the chain's: its ids index our arrays. */
static int open_audit(ats_keeper *k, const char *path)
{
    if (!path)
        return 0;
    if (snprintf(k->audit_path, sizeof k->audit_path, "%s", path) >= PATH_BYTES)
        return ats_error(ATS_EXIT_USAGE, "%.100s...: path too long", path);
    if (ats_audit_open(&k->audit, path) != 0)
        return -1;
    k->audit_open = true;
    if (k->audit.symbols.count != k->chain->context.symbols->count)
        return ats_error(ATS_EXIT_DATA, "%s: is not of this run: %u symbols, not %u", path,
                         k->audit.symbols.count, k->chain->context.symbols->count);
    return 0;
}

static void open_log(ats_keeper *k)
{
    char path[PATH_BYTES];
    if (path_of(k, "latency.hlog", path) &&
        ats_hlog_create(&k->log, path, "ats " ATS_VERSION, k->started_ns) == 0)
        k->log_open = true;
    else
        note_error(k, "keeper.latency_log", true);
}

static int start_thread(ats_keeper *k)
{
    int e = pthread_create(&k->thread, NULL, keep, k);
    return e ? ats_error_errno(ATS_EXIT_FAILED, e, "keeper: no thread") : 0;
}

int ats_keeper_start(ats_keeper **out, const ats_keeper_options *options)
{
    ats_keeper *k = calloc(1, sizeof *k);
    if (!k)
        return ats_error(ATS_EXIT_FAILED, "keeper: no memory");
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&k->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&k->mutex, NULL);
    snprintf(k->run_dir, sizeof k->run_dir, "%s", options->run_dir);
    snprintf(k->run_id, sizeof k->run_id, "%s", options->run_id);
    snprintf(k->command, sizeof k->command, "%s", options->command);
    k->chain = options->chain;
    k->interval_ns = options->interval_ns > 0 ? options->interval_ns : INTERVAL_NS;
    k->started_ns = ats_clock_wall_ns();
    if (take_memory(k) != 0 || open_audit(k, options->audit_path) != 0) {
        free_keeper(k);
        return -1;
    }
    open_log(k);
    store_ready(k);
    if (start_thread(k) != 0) {
        if (k->log_open)
            ats_hlog_close(&k->log);
        ats_run_store_close(k->store);
        free_keeper(k);
        return -1;
    }
    *out = k;
    return 0;
}

/* ---- finish -------------------------------------------------------------------------------- */

static void observe_end(ats_keeper *k, ats_equity_row *row)
{
    const ats_portfolio *p = ats_risk_gate(ats_chain_state(k->chain, ATS_CHAIN_RISK))->portfolio;
    *row = (ats_equity_row){.seq = k->result.records, /* one past the last record's */
                            .recv_ns = k->chain->feed.source->last_ns,
                            .equity_e9 = ats_money_round_e9(ats_portfolio_equity(p)),
                            .cash_e9 = ats_money_round_e9(p->cash_e18),
                            .gross_e9 = ats_money_round_e9(p->gross_e18),
                            .net_e9 = ats_money_round_e9(p->net_e18),
                            .drawdown_e9 = ats_money_round_e9(ats_portfolio_drawdown(p))};
    if (row->recv_ns)
        observe(k, row->recv_ns, row->equity_e9, row->drawdown_e9);
}

/* The last writes of the store, in one go; each may be made again. */
static int store_end(ats_keeper *k, const ats_equity_row *row)
{
    char digest[33];
    int64_t now_ns = ats_clock_wall_ns();
    ats_chain_digest(k->chain, digest);
    return ats_run_store_metrics(k->store, now_ns, k->chain->context.metrics) != 0 ||
           ats_run_store_equity(k->store, row) != 0 ||
           ats_run_store_days(k->store, k->days, k->day_count) != 0 ||
           ats_run_store_end(k->store, now_ns, row->equity_e9, digest) != 0;
}

/* Waits until the store may be tried again, once. */
static void wait_for_store(const ats_keeper *k)
{
    int64_t ns = k->store_retry_ns - ats_clock_wall_ns();
    if (!k->store_failing || ns <= 0)
        return;
    if (ns > RETRY_NS)
        ns = RETRY_NS; /* the wall clock was set back */
    struct timespec rest_ns = {ns / 1000000000, ns % 1000000000};
    nanosleep(&rest_ns, NULL);
}

/* Stores what the audit file still holds; what the store does not take is measured all the same. */
static bool finish_records(ats_keeper *k)
{
    for (uint32_t tries = 0; tries < FINISH_TRIES; tries++) {
        wait_for_store(k);
        tail_audit(k);
        if (!k->held)
            return true;
    }
    while (next_block(k)) {
    }
    return false;
}

static bool finish_run(ats_keeper *k, const ats_equity_row *row)
{
    for (uint32_t tries = 0; tries < FINISH_TRIES; tries++) {
        wait_for_store(k);
        if (!store_ready(k))
            continue;
        if (store_end(k, row) == 0)
            return true;
        store_failed(k);
    }
    return false;
}

static int store_strategies(ats_keeper *k)
{
    const ats_strategy_set *set = &k->chain->strategies;
    ats_strategy_row rows[ATS_STRATEGIES_MAX];
    for (uint32_t i = 0; i < set->count; i++)
        rows[i] = (ats_strategy_row){.strategy_id = i + 1,
                                     .strategy = set->instances[i].spec->name,
                                     .plugin = set->instances[i].spec->plugin};
    return ats_run_store_strategies(k->store, rows, set->count);
}

/* Round trips, attribution and execution quality, from all that was decided. */
static void analyse(ats_keeper *k)
{
    ats_analysis_result found;
    if (!k->audit_open) /* no drain, or a damaged file */
        return;
    if (k->store && store_strategies(k) != 0)
        store_failed(k);
    ats_analysis_input input = {.chain = k->chain,
                                .audit_path = k->audit_path,
                                .busts = k->busts,
                                .bust_count = k->bust_count,
                                .traded = k->traded,
                                .store = k->store};
    bool failed = ats_analyse(&input, &found) != 0;
    if (failed || !found.stored) {
        if (ats_error_count())
            note_error(k, "keeper.analysis", true);
        k->incomplete = true;
    }
    k->result.attribution = found.attribution;
    k->result.execution = found.execution;
}

static void finish_store(ats_keeper *k)
{
    ats_equity_row row;
    bool stored = finish_records(k);
    observe_end(k, &row);
    analyse(k);
    if (!stored || !finish_run(k, &row))
        k->incomplete = true;
    if (ats_run_store_close(k->store) != 0) {
        note_error(k, "keeper.store", true);
        k->incomplete = true;
    }
    k->store = NULL;
}

void ats_keeper_finish(ats_keeper *k, ats_keeper_result *result)
{
    end_thread(k);
    take_last_intervals(k, ats_clock_wall_ns());
    finish_store(k);
    write_distributions(k);
    if (k->log_open && ats_hlog_close(&k->log) != 0) {
        note_error(k, "keeper.latency_log", true);
        k->incomplete = true;
    }
    ats_performance_finish(&k->performance, &k->result.performance);
    k->result.complete = !k->incomplete && k->log_open;
    *result = k->result;
    free_keeper(k);
}

void ats_keeper_abandon(ats_keeper *k)
{
    if (!k)
        return;
    end_thread(k);
    if (k->log_open)
        ats_hlog_close(&k->log);
    ats_run_store_close(k->store);
    free_keeper(k);
}

void ats_keeper_result_free(ats_keeper_result *result)
{
    json_decref(result->attribution);
    json_decref(result->execution);
    result->attribution = result->execution = NULL;
}
