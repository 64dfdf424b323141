#include "core/clock.h"

#include <stdio.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define CALIBRATION_NS 50000000ull

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

uint64_t ats_clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t ats_clock_wall_ns(void)
{
    return (int64_t)read_clock(CLOCK_REALTIME);
}

void ats_clock_utc_text(int64_t utc_ns, char out[ATS_CLOCK_TEXT_BYTES])
{
    int64_t rest = utc_ns % 1000000000, seconds = utc_ns / 1000000000;
    if (rest < 0) {
        seconds--;
        rest += 1000000000;
    }
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    size_t n = strftime(out, ATS_CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, ATS_CLOCK_TEXT_BYTES - n, ".%09lldZ", (long long)rest);
}

static bool tsc_is_invariant(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007u, &a, &b, &c, &d) && (d & (1u << 8));
#else
    return false;
#endif
}

/* One (TSC, ns) pair whose clock readings lie closest together: an interrupt between them, or a
 * neighbour that takes the core, spoils only the try it hits. */
static void sample(clockid_t id, uint64_t *ticks, uint64_t *ns)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 64 && best > 200; i++) {
        uint64_t before = read_clock(id);
        uint64_t t = ats_clock_ticks();
        uint64_t after = read_clock(id);
        if (after - before < best) {
            best = after - before;
            *ticks = t;
            *ns = before + best / 2;
        }
    }
}

void ats_clock_use_monotonic(ats_clock *clock)
{
    *clock = (ats_clock){0};
}

void ats_clock_calibrate(ats_clock *clock)
{
    ats_clock_use_monotonic(clock);
    if (!tsc_is_invariant())
        return;
    uint64_t ticks0, ns0, ticks1, ns1;
    sample(CLOCK_MONOTONIC_RAW, &ticks0, &ns0);
    struct timespec pause = {0, (long)CALIBRATION_NS};
    nanosleep(&pause, NULL);
    sample(CLOCK_MONOTONIC_RAW, &ticks1, &ns1);
    if (ticks1 <= ticks0 || ns1 <= ns0)
        return;
    clock->ns_per_tick_q32 = (uint64_t)(((unsigned __int128)(ns1 - ns0) << 32) / (ticks1 - ticks0));
    clock->ticks_hz =
        (uint64_t)((unsigned __int128)(ticks1 - ticks0) * 1000000000ull / (ns1 - ns0));
    sample(CLOCK_MONOTONIC, &clock->base_ticks, &clock->base_ns);
}
