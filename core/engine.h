/* engine.h: builds a topology into memory and runs it on threads.
 *
 * Life cycle: build (all memory taken, faulted in, locked) -> start (each thread pins itself and
 * initialises its stages on its own CPU; all are ready; armed) -> the feed passes END in band, each
 * stage ends after END on all its inputs, a thread ends with its last stage -> join. Between
 * "armed" and the end of a thread (signals are blocked on all of them) its stages neither allocate
 * nor, but for sockets of their own and the kernel's part of a YIELD or PARK wait, enter the
 * kernel.
 *
 * A thread runs its stages down the chain, so that one pass carries a lone event from end to end:
 * it meets no stage twice and finds every ring it reads warm. (Upstream last, the usual order for
 * freeing room first, would cost a lone event one pass a stage.) Room is no concern: a pass leaves
 * every ring between fused stages empty, and each is deeper than a burst.
 */
#ifndef ATS_CORE_ENGINE_H
#define ATS_CORE_ENGINE_H

#include "core/clock.h"
#include "core/group.h"
#include "core/memory.h"
#include "core/topology.h"

#include <pthread.h>

/* Called on each chain thread when it is armed and when it has ended; for tests that trap what hot
 * threads must not do. Either may be NULL. */
typedef struct ats_engine_hooks {
    void (*armed)(void *context, const ats_thread_spec *thread);
    void (*ended)(void *context, const ats_thread_spec *thread);
    void *context;
} ats_engine_hooks;

typedef struct ats_engine_spec {
    const ats_topology *topology;
    const ats_thread_map *map;
    const void *configs[ATS_STAGES_MAX]; /* by stage index */
    uint32_t feature_count;              /* floats in a FEATURES record */
    const ats_clock *clock;
    ats_engine_hooks hooks;
} ats_engine_spec;

typedef struct ats_link {
    const ats_link_spec *spec;
    ats_ring *ring;
    ats_tx tx;
    ats_rx rx;
} ats_link;

struct ats_engine;

typedef struct ats_engine_thread {
    struct ats_engine *engine;
    const ats_thread_spec *spec;
    pthread_t handle;
    uint64_t rounds;       /* rounds of the loop so far: the heartbeat */
    uint64_t minor_faults; /* page faults between armed and end */
    uint64_t ready;        /* 1: its stages are initialised, 2: one could not be */
    uint64_t over;         /* 1: the thread has run its last */
    char error[512];       /* why init or fini failed, or "" */
    int exit_code;
} ats_engine_thread;

typedef struct ats_engine {
    ats_engine_spec spec;
    ats_arena arena;
    ats_instance *instances; /* by stage index */
    ats_link *links;         /* by link index */
    ats_group group;
    ats_engine_thread threads[ATS_THREADS_MAX];
    uint64_t go; /* what the threads wait for once initialised: 0 wait, 1 run, 2 give up */
    uint32_t started;
} ats_engine;

/* Checks the topology, takes all memory and connects the links. The spec's pointers must outlive
 * the engine. 0, or -1 with errors pushed and nothing left behind. */
int ats_engine_build(ats_engine *engine, const ats_engine_spec *spec);

/* Starts all threads and returns when every stage is initialised and running; -1 with the reason
 * pushed when one could not be. */
int ats_engine_start(ats_engine *engine);

/* Have all threads ended? Any thread, between start and join. */
bool ats_engine_is_over(const ats_engine *engine);

/* Waits for every thread to end. -1 with the reason pushed when a stage failed in fini. */
int ats_engine_join(ats_engine *engine);

void ats_engine_destroy(ats_engine *engine);

#endif
