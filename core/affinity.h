/* affinity.h: which CPU a thread runs on, and how it waits when there is nothing to do. */
#ifndef ATS_CORE_AFFINITY_H
#define ATS_CORE_AFFINITY_H

#include "core/atomic.h"

#include <stdint.h>

#define ATS_CPU_ANY (-1)

/* What a thread does when a round of its stages found no work. */
typedef enum ats_wait {
    ATS_WAIT_SPIN = 0,  /* nothing: lowest latency, the core is never free */
    ATS_WAIT_PAUSE = 1, /* the CPU's pause: kinder to a sibling thread */
    ATS_WAIT_YIELD = 2, /* pauses, then sched_yield: for more threads than cores */
    ATS_WAIT_PARK = 3,  /* a few pauses, then sleeps 0.5 ms at a time: for side threads */
    ATS_WAIT_COUNT
} ats_wait;
const char *ats_wait_label(uint32_t wait);

/* CPUs this process may run on, ascending; returns how many were written (at most max). */
int ats_cpus_allowed(int *cpus, int max);

/* Pins the calling thread. 0, or -1 with an error pushed. ATS_CPU_ANY leaves it where it is. */
int ats_thread_pin(int cpu);

/* Gives the calling thread real-time priority 1..99 (SCHED_FIFO: it is preempted by nothing below);
 * 0 leaves it as it is. A thread that spins at such a priority needs a CPU of its own. 0, or -1
 * with an error pushed, as when RLIMIT_RTPRIO forbids it. */
int ats_thread_realtime(uint32_t priority);

/* Names the calling thread for top and debuggers (cut at 15 characters). */
void ats_thread_name(const char *name);

/* Waits once, given how many rounds in a row found nothing. SPIN and PAUSE never enter the
 * kernel. */
void ats_wait_idle(ats_wait wait, uint32_t idle_rounds);

#endif
