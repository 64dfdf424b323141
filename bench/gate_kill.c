#include "bench/gate_kill.h"

#include "core/affinity.h"
#include "core/error.h"
#include "core/random.h"
#include "io/journal.h"
#include "stages/chain.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLOWING         500u     /* orders that must have gone before the switch is thrown */
#define LOOK_NS         1000000u /* orders must come in the time before the throw, too */
#define WATCH_NS        5000000u /* five times the goal */
#define GIVE_UP_NS      2000000000u
#define JOURNAL_ENTRIES 1048576u /* no drain takes them out: five for each of the orders */

static ats_run_config one_thread(int cpu)
{
    ats_run_config c = ats_workload_config();
    memset(c.threads, 0, sizeof c.threads);
    c.thread_count = 1;
    c.threads[0].cpu = cpu;
    c.threads[0].wait = ATS_WAIT_SPIN;
    snprintf(c.threads[0].name, ATS_NAME_BYTES, "hot");
    for (uint32_t s = 0; s < ATS_CHAIN_DRAIN; s++)
        snprintf(c.threads[0].stages[c.threads[0].stage_count++], ATS_NAME_BYTES, "%s",
                 ats_chain_stage_name(s));
    return c;
}

/* Until so many orders went, or nothing comes any more. */
static bool wait_for(const ats_clock *clock, const uint64_t *orders, uint64_t count)
{
    uint64_t start = ats_clock_now(clock);
    while (ats_load_relaxed(orders) < count)
        if (ats_clock_now(clock) - start > GIVE_UP_NS)
            return false;
    return true;
}

static int watch(ats_chain *chain, uint64_t seed, uint64_t *last_ns, uint64_t *late_orders)
{
    const ats_clock *clock = &chain->clock;
    const uint64_t *orders = &chain->context.metrics->route.orders;
    ats_random random;
    ats_random_seed(&random, seed);
    uint64_t earlier, until, give_up = ats_clock_now(clock) + GIVE_UP_NS;
    do { /* again where the machine held the chain up meanwhile */
        earlier = ats_load_relaxed(orders);
        until = ats_clock_now(clock) + LOOK_NS + ats_random_below(&random, 1000000);
        while (ats_clock_now(clock) < until)
            ;
    } while (ats_load_relaxed(orders) == earlier && until < give_up);
    uint64_t thrown = ats_clock_now(clock), last = thrown, now = thrown;
    ats_chain_kill(chain);
    uint64_t before = ats_load_relaxed(orders), seen = before;
    while (now - thrown < WATCH_NS) {
        uint64_t count = ats_load_relaxed(orders);
        now = ats_clock_now(clock);
        if (count != seen)
            last = now;
        seen = count;
    }
    *last_ns = last - thrown;
    *late_orders = seen - before;
    return before > earlier ? 0 : ats_error(ATS_EXIT_FAILED, "bench gate: the flood had ended");
}

static int run(ats_chain *chain, const ats_chain_spec *spec, int cpu, uint64_t seed,
               uint64_t *last_ns, uint64_t *late_orders)
{
    cpu_set_t all;
    if (ats_chain_build(chain, spec) != 0)
        return -1;
    int status = ats_chain_start(chain);
    if (status == 0) {
        /* The next chain's threads must be free to go where this one's went. */
        pthread_getaffinity_np(pthread_self(), sizeof all, &all);
        status = ats_thread_pin(cpu);
        bool flows = wait_for(&chain->clock, &chain->context.metrics->route.orders, FLOWING);
        if (flows)
            status = watch(chain, seed, last_ns, late_orders) != 0 ? -1 : status;
        ats_chain_stop(chain);
        status = ats_chain_join(chain) != 0 ? -1 : status;
        pthread_setaffinity_np(pthread_self(), sizeof all, &all);
        if (status == 0 && !flows)
            status = ats_error(ATS_EXIT_FAILED, "bench gate: no orders came");
    }
    ats_chain_destroy(chain);
    return status;
}

int ats_gate_kill_throw(const ats_workload *workload, ats_model *model, const int cpus[2],
                        uint64_t seed, uint64_t *last_ns, uint64_t *late_orders)
{
    ats_market_source source;
    ats_journal journal;
    ats_chain *chain = calloc(1, sizeof *chain);
    ats_run_config config = one_thread(cpus[0]);
    char name[64];
    int status = -1;
    if (!chain)
        return ats_error(ATS_EXIT_FAILED, "bench gate: out of memory");
    snprintf(name, sizeof name, "ats-bench-kill-%d", (int)getpid());
    if (ats_market_source_memory(&source, workload->records, workload->count, &workload->symbols) ==
        0) {
        if (ats_journal_create(&journal, "/dev/shm", name, JOURNAL_ENTRIES) == 0) {
            ats_model_table models = {0}; /* holds the caller's model, so it is not cleared */
            ats_chain_spec spec = {.config = &config,
                                   .plugin = &ats_workload_plugin,
                                   .source = &source,
                                   .pace = ATS_PACE_MAX,
                                   .models = &models,
                                   .model_id = ats_model_table_add(&models, model, 0),
                                   .journal = &journal,
                                   .journal_fd = -1,
                                   .reserve_fd = -1};
            status = run(chain, &spec, cpus[1], seed, last_ns, late_orders);
            ats_journal_close(&journal, true);
        }
        ats_market_source_close(&source);
    }
    free(chain);
    return status;
}
