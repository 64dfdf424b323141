#include "core/engine.h"

#include "core/error.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Rounds between two looks at the clock for housekeeping: 256 rounds of a busy fused chain are
 * about 250 us, of an idle one a few us. */
#define ROUNDS_PER_LOOK  256u
#define HOUSEKEEP_NS     1000000ull
#define HOUSEKEEP_JITTER 0x3ffffull /* up to 262 us more, so that threads do not fall in step */

static bool in_group(const ats_engine *engine, uint32_t stage)
{
    return (engine->spec.map->lockstep & (1u << stage)) != 0;
}

static size_t aligned(size_t bytes)
{
    return (bytes + ATS_GUARD_BYTES - 1) & ~(size_t)(ATS_GUARD_BYTES - 1);
}

static int total_footprint(const ats_engine_spec *spec, size_t *bytes)
{
    const ats_topology *t = spec->topology;
    *bytes = aligned(t->stage_count * sizeof(ats_instance)) +
             aligned(t->link_count * sizeof(ats_link)) + 2 * ATS_GUARD_BYTES;
    for (uint32_t i = 0; i < t->stage_count; i++) {
        size_t n = t->stages[i]->footprint(spec->configs[i]);
        if (n == 0)
            return ats_error(ATS_EXIT_CONFIG, "stage %s cannot be sized", t->stages[i]->name);
        *bytes += aligned(n);
    }
    for (uint32_t i = 0; i < t->link_count; i++)
        *bytes += aligned(ats_ring_footprint(
            t->links[i].depth, ats_link_stride(t, &t->links[i], spec->feature_count)));
    return 0;
}

static void connect_link(ats_engine *engine, uint32_t i)
{
    const ats_topology *t = engine->spec.topology;
    const ats_link_spec *spec = &t->links[i];
    uint32_t stride = ats_link_stride(t, spec, engine->spec.feature_count);
    ats_link *link = &engine->links[i];
    link->spec = spec;
    link->ring = ats_ring_new(
        ats_arena_take(&engine->arena, ats_ring_footprint(spec->depth, stride), ATS_GUARD_BYTES),
        spec->depth, stride);
    ats_tx_open(&link->tx, link->ring);
    ats_rx_open(&link->rx, link->ring);
    engine->instances[spec->from].io.out[spec->from_port] = &link->tx;
    engine->instances[spec->to].io.in[spec->to_port] = &link->rx;
}

int ats_engine_build(ats_engine *engine, const ats_engine_spec *spec)
{
    memset(engine, 0, sizeof *engine);
    engine->spec = *spec;
    const ats_topology *t = spec->topology;
    size_t bytes;
    if (ats_topology_check(t, spec->map) != 0 || total_footprint(spec, &bytes) != 0 ||
        ats_arena_create(&engine->arena, bytes) != 0)
        return -1;
    engine->instances =
        ats_arena_take(&engine->arena, t->stage_count * sizeof(ats_instance), ATS_GUARD_BYTES);
    engine->links =
        ats_arena_take(&engine->arena, t->link_count * sizeof(ats_link), ATS_GUARD_BYTES);
    for (uint32_t i = 0; i < t->stage_count; i++) {
        ats_instance *instance = &engine->instances[i];
        instance->stage = t->stages[i];
        instance->config = spec->configs[i];
        instance->state = ats_arena_take(&engine->arena, t->stages[i]->footprint(spec->configs[i]),
                                         ATS_GUARD_BYTES);
        instance->io.clock = spec->clock;
        instance->io.burst = ATS_BURST_MAX;
        if (in_group(engine, i)) {
            assert(engine->group.count < ATS_GROUP_MAX);
            engine->group.members[engine->group.count++] = instance;
        }
    }
    for (uint32_t i = 0; i < t->link_count; i++)
        connect_link(engine, i);
    return 0;
}

/* What one thread steps: plain stages, and the group at the place of its first member. */
typedef struct schedule {
    ats_instance *plain[ATS_STAGES_MAX]; /* NULL: the group */
    uint32_t count;
} schedule;

static void make_schedule(ats_engine *engine, const ats_thread_spec *spec, schedule *out)
{
    bool group_placed = false;
    out->count = 0;
    for (uint32_t i = 0; i < spec->stage_count; i++) {
        uint32_t stage = spec->stages[i];
        if (!in_group(engine, stage)) {
            out->plain[out->count++] = &engine->instances[stage];
        } else if (!group_placed) {
            out->plain[out->count++] = NULL;
            group_placed = true;
        }
    }
}

static void housekeep(ats_engine *engine, const ats_thread_spec *spec)
{
    for (uint32_t i = 0; i < spec->stage_count; i++) {
        ats_instance *m = &engine->instances[spec->stages[i]];
        if (m->stage->housekeep)
            m->stage->housekeep(m->state, &m->io);
    }
}

static uint64_t minor_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

/* One pass down the chain. Returns the work done; *live tells how many entries have not ended. */
static uint32_t pass(ats_engine *engine, const schedule *s, uint32_t *live)
{
    uint32_t worked = 0;
    *live = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        ats_instance *m = s->plain[i];
        if (m) {
            if (m->io.ended)
                continue;
            m->io.blocked = false;
            worked += m->stage->work(m->state, &m->io);
            *live += !m->io.ended;
        } else if (!ats_group_ended(&engine->group)) {
            worked += ats_group_work(&engine->group);
            *live += !ats_group_ended(&engine->group);
        }
    }
    return worked;
}

static void loop(ats_engine_thread *thread)
{
    ats_engine *engine = thread->engine;
    schedule s;
    make_schedule(engine, thread->spec, &s);
    uint32_t idle = 0, live = 1, jitter = 2463534242u + thread->spec->stage_count;
    uint64_t round = 0, next_ns = ats_clock_now(engine->spec.clock) + HOUSEKEEP_NS;
    while (live) {
        uint32_t worked = pass(engine, &s, &live);
        if (++round % ROUNDS_PER_LOOK == 0 || idle == ROUNDS_PER_LOOK) {
            uint64_t now_ns = ats_clock_now(engine->spec.clock);
            if (now_ns >= next_ns) {
                jitter ^= jitter << 13, jitter ^= jitter >> 17, jitter ^= jitter << 5;
                next_ns = now_ns + HOUSEKEEP_NS + (jitter & HOUSEKEEP_JITTER);
                ats_store_relaxed(&thread->rounds, round);
                housekeep(engine, thread->spec);
            }
        }
        if (worked) {
            idle = 0;
        } else {
            idle = idle == UINT32_MAX ? idle : idle + 1;
            ats_wait_idle(thread->spec->wait, idle);
        }
    }
    housekeep(engine, thread->spec);
}

/* Keeps the outermost and innermost lines of this thread's error stack for the one that joins. */
static void keep_error(ats_engine_thread *thread)
{
    size_t n = ats_error_count();
    thread->exit_code = (int)ats_error_code();
    if (n > 1)
        snprintf(thread->error, sizeof thread->error, "%.250s: %.250s", ats_error_line(0),
                 ats_error_line(n - 1));
    else
        snprintf(thread->error, sizeof thread->error, "%s",
                 n ? ats_error_line(0) : "a stage failed and gave no reason");
}

static int init_stages(ats_engine_thread *thread)
{
    ats_engine *engine = thread->engine;
    ats_thread_name(thread->spec->name);
    if (ats_thread_pin(thread->spec->cpu) != 0 || ats_thread_realtime(thread->spec->priority) != 0)
        return -1;
    for (uint32_t i = thread->spec->stage_count; i-- > 0;) {
        ats_instance *m = &engine->instances[thread->spec->stages[i]];
        if (m->stage->init(m->state, m->config, &m->io) != 0)
            return ats_error(ATS_EXIT_FAILED, "stage %s cannot start", m->stage->name);
    }
    return 0;
}

/* Until main has seen that all threads are ready, or that one will never be. */
static bool wait_for_go(ats_engine *engine)
{
    uint64_t go;
    uint32_t rounds = 0;
    /* Acquire: partner of the release in ats_engine_start. */
    while ((go = ats_load_acquire(&engine->go)) == 0)
        ats_wait_idle(ATS_WAIT_YIELD, rounds++);
    return go == 1;
}

static void *run_thread(void *argument)
{
    ats_engine_thread *thread = argument;
    ats_engine *engine = thread->engine;
    const ats_engine_hooks *hooks = &engine->spec.hooks;
    bool failed = init_stages(thread) != 0;
    if (failed)
        keep_error(thread);
    ats_store_release(&thread->ready, failed ? 2 : 1); /* partner: the load in ats_engine_start */
    if (!wait_for_go(engine))
        return NULL;
    ats_memory_prefault_stack();
    uint64_t faults = minor_faults();
    if (hooks->armed)
        hooks->armed(hooks->context, thread->spec);
    loop(thread);
    if (hooks->ended)
        hooks->ended(hooks->context, thread->spec);
    thread->minor_faults = minor_faults() - faults;
    for (uint32_t i = 0; i < thread->spec->stage_count; i++) {
        ats_instance *m = &engine->instances[thread->spec->stages[i]];
        if (m->stage->fini && m->stage->fini(m->state) != 0 && !thread->error[0])
            keep_error(thread);
    }
    ats_store_release(&thread->over, 1); /* partner: the load in ats_engine_is_over */
    return NULL;
}

bool ats_engine_is_over(const ats_engine *engine)
{
    for (uint32_t i = 0; i < engine->started; i++)
        if (!ats_load_acquire(&engine->threads[i].over))
            return false;
    return true;
}

static int report_failure(ats_engine *engine)
{
    for (uint32_t i = 0; i < engine->started; i++) {
        ats_engine_thread *t = &engine->threads[i];
        if (t->error[0])
            return ats_error((ats_exit)t->exit_code, "thread %s: %s", t->spec->name, t->error);
    }
    return 0;
}

/* Creates a thread on which every signal is blocked: main takes them. */
static int create_thread(ats_engine_thread *t)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(&t->handle, NULL, run_thread, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return e;
}

/* Ends the threads that wait, and tells why. */
static int give_up(ats_engine *engine)
{
    ats_store_release(&engine->go, 2); /* partner: wait_for_go */
    for (uint32_t i = 0; i < engine->started; i++)
        pthread_join(engine->threads[i].handle, NULL);
    return report_failure(engine);
}

int ats_engine_start(ats_engine *engine)
{
    const ats_thread_map *map = engine->spec.map;
    ats_memory_prefault_code();
    for (uint32_t i = 0; i < map->count; i++) {
        ats_engine_thread *t = &engine->threads[i];
        t->engine = engine;
        t->spec = &map->threads[i];
        int e = create_thread(t);
        if (e) {
            give_up(engine);
            return ats_error_errno(ATS_EXIT_FAILED, e, "thread %s: cannot be created",
                                   t->spec->name);
        }
        engine->started++;
    }
    uint64_t worst = 1;
    for (uint32_t i = 0; i < engine->started; i++) {
        uint64_t ready;
        uint32_t rounds = 0;
        /* Acquire: partner of the release in run_thread. */
        while ((ready = ats_load_acquire(&engine->threads[i].ready)) == 0)
            ats_wait_idle(ATS_WAIT_YIELD, rounds++);
        worst = ready > worst ? ready : worst;
    }
    if (worst != 1)
        return give_up(engine);
    ats_store_release(&engine->go, 1); /* partner: wait_for_go */
    return 0;
}

int ats_engine_join(ats_engine *engine)
{
    for (uint32_t i = 0; i < engine->started; i++)
        pthread_join(engine->threads[i].handle, NULL);
    return report_failure(engine);
}

void ats_engine_destroy(ats_engine *engine)
{
    ats_arena_destroy(&engine->arena);
}
