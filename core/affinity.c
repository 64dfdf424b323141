#include "core/affinity.h"

#include "core/error.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#define YIELD_AFTER 64u /* about 3 us of pauses on Zen 4 */
#define PARK_AFTER  16u
/* A side thread's ring holds at least a second, so it need not look more often than this; and where
 * it shares a CPU with a hot thread, each look takes that CPU for a few us. 2,000 looks a second
 * leave the hot thread's p99 alone; 20,000 did not. */
#define PARK_NS 500000

static const char *const WAIT_LABELS[] = {"spin", "pause", "yield", "park"};
static_assert(sizeof(WAIT_LABELS) / sizeof(WAIT_LABELS[0]) == ATS_WAIT_COUNT, "a label a wait");

const char *ats_wait_label(uint32_t wait)
{
    return wait < ATS_WAIT_COUNT ? WAIT_LABELS[wait] : "?";
}

int ats_cpus_allowed(int *cpus, int max)
{
    cpu_set_t set;
    int n = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 0;
    for (int cpu = 0; cpu < CPU_SETSIZE && n < max; cpu++)
        if (CPU_ISSET(cpu, &set))
            cpus[n++] = cpu;
    return n;
}

int ats_thread_pin(int cpu)
{
    if (cpu == ATS_CPU_ANY)
        return 0;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu < 0 || cpu >= CPU_SETSIZE)
        return ats_error(ATS_EXIT_CONFIG, "cpu %d: no such CPU", cpu);
    CPU_SET(cpu, &set);
    int e = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    return e ? ats_error_errno(ATS_EXIT_CONFIG, e, "cpu %d: cannot pin to it", cpu) : 0;
}

int ats_thread_realtime(uint32_t priority)
{
    if (priority == 0)
        return 0;
    struct sched_param parameters = {.sched_priority = (int)priority};
    int e = pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
    return e ? ats_error_errno(ATS_EXIT_CONFIG, e,
                               "real-time priority %u (RLIMIT_RTPRIO, `ulimit -r`)", priority)
             : 0;
}

void ats_thread_name(const char *name)
{
    char text[16];
    snprintf(text, sizeof text, "%s", name);
    pthread_setname_np(pthread_self(), text);
}

void ats_wait_idle(ats_wait wait, uint32_t idle_rounds)
{
    if (wait == ATS_WAIT_SPIN)
        return;
    if (wait == ATS_WAIT_PAUSE ||
        idle_rounds < (wait == ATS_WAIT_PARK ? PARK_AFTER : YIELD_AFTER)) {
        ats_cpu_pause();
        return;
    }
    if (wait == ATS_WAIT_YIELD) {
        sched_yield();
        return;
    }
    struct timespec pause = {0, PARK_NS};
    nanosleep(&pause, NULL);
}
