#include "core/affinity.h"
#include "core/clock.h"
#include "core/doctor.h"
#include "core/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SYNCS 32

typedef struct spin {
    int cpu;
    uint32_t spin_ms;
    uint64_t longest_ns, over_10us;
    bool pinned;
} spin;

static void *spin_main(void *argument)
{
    spin *s = argument;
    ats_clock clock;
    if (ats_thread_pin(s->cpu) != 0)
        return NULL;
    s->pinned = true;
    ats_clock_calibrate(&clock);
    uint64_t last = ats_clock_now(&clock), end = last + s->spin_ms * 1000000ull;
    while (last < end) {
        uint64_t now = ats_clock_now(&clock);
        uint64_t gap = now > last ? now - last : 0;
        if (gap > s->longest_ns)
            s->longest_ns = gap;
        s->over_10us += gap > 10000;
        last = now;
    }
    return NULL;
}

int ats_doctor_gaps(int cpu, uint32_t spin_ms, uint64_t *longest_ns, uint64_t *over_10us)
{
    spin s = {.cpu = cpu, .spin_ms = spin_ms};
    pthread_t thread;
    int e = pthread_create(&thread, NULL, spin_main, &s);
    if (e)
        return ats_error_errno(ATS_EXIT_FAILED, e, "thread");
    pthread_join(thread, NULL);
    if (!s.pinned)
        return ats_error(ATS_EXIT_FAILED, "cpu %d: cannot pin to it", cpu);
    *longest_ns = s.longest_ns;
    *over_10us = s.over_10us;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int ats_doctor_sync(const char *folder, uint64_t *median_ns, uint64_t *longest_ns)
{
    static const char block[4096];
    uint64_t took[SYNCS];
    char path[1024];
    int n = snprintf(path, sizeof path, "%s/.ats-doctor-XXXXXX", folder);
    if (n < 0 || n >= (int)sizeof path)
        return ats_error(ATS_EXIT_FAILED, "%s: too long", folder);
    int fd = mkstemp(path);
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot write", folder);
    unlink(path);
    for (int i = 0; i < SYNCS; i++) {
        uint64_t start = ats_clock_monotonic_ns();
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd) != 0) {
            int why = errno;
            close(fd);
            return ats_error_errno(ATS_EXIT_FAILED, why, "%s: cannot write and sync", folder);
        }
        took[i] = ats_clock_monotonic_ns() - start;
    }
    close(fd);
    qsort(took, SYNCS, sizeof took[0], ascending);
    *median_ns = took[SYNCS / 2];
    *longest_ns = took[SYNCS - 1];
    return 0;
}
