/* topology.h: which stage feeds which, and which thread runs which.
 *
 * The links are a const table in code; the thread map comes from the configuration. Both are
 * checked together before anything is built, and every fault is reported.
 */
#ifndef ATS_CORE_TOPOLOGY_H
#define ATS_CORE_TOPOLOGY_H

#include "core/affinity.h"
#include "core/stage.h"

#define ATS_STAGES_MAX  16u
#define ATS_LINKS_MAX   24u
#define ATS_THREADS_MAX 16u
#define ATS_NAME_BYTES  32u

/* What a link does when it is full. */
typedef enum ats_full {
    ATS_FULL_MUST_ARRIVE = 0, /* the producer waits: orders, executions, control, tape, audit */
    ATS_FULL_CONFLATE = 1,    /* the producer keeps the newest quote of a symbol: live feeds */
    ATS_FULL_MAY_DROP = 2     /* the newest is dropped and counted: debug taps */
} ats_full;

typedef struct ats_link_spec {
    const char *name;
    uint8_t from, from_port; /* index into the stage table, port of that stage */
    uint8_t to, to_port;
    ats_full full;
    uint32_t depth; /* records; a power of two; the configuration may override it */
} ats_link_spec;

typedef struct ats_topology {
    const ats_stage *const *stages; /* in the order of the chain */
    uint32_t stage_count;
    const ats_link_spec *links;
    uint32_t link_count;
} ats_topology;

typedef struct ats_thread_spec {
    char name[ATS_NAME_BYTES];
    int cpu; /* ATS_CPU_ANY: not pinned */
    ats_wait wait;
    uint32_t priority; /* real-time, 1..99; 0 = ordinary */
    uint32_t stage_count;
    uint8_t stages[ATS_STAGES_MAX]; /* ascending: a thread runs its stages down the chain */
} ats_thread_spec;

typedef struct ats_thread_map {
    uint32_t count;
    ats_thread_spec threads[ATS_THREADS_MAX];
    uint32_t lockstep; /* bit a stage: stages that must share a thread and step as a group */
} ats_thread_map;

/* Checks: every connected port has one producer and one consumer and the kinds match, depths are
 * powers of two that hold the producer's burst, each stage runs on exactly one thread, a lockstep
 * group on one, no CPU is given twice and each is one we may use. Pushes one error a fault (as many
 * as the stack holds) and returns their number. */
int ats_topology_check(const ats_topology *topology, const ats_thread_map *map);

/* Index of a stage by name, or -1. */
int ats_topology_find(const ats_topology *topology, const char *name);

/* Bytes of a slot of this link: its widest kind, whole lines. */
uint32_t ats_link_stride(const ats_topology *topology, const ats_link_spec *link,
                         uint32_t feature_count);

#endif
