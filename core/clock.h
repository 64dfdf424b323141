/* clock.h: the monotonic clock of stamps and waits, and the virtual clock of decisions.
 *
 * ats_clock reads the TSC where it is invariant (about 10 ns) and CLOCK_MONOTONIC elsewhere. It
 * serves stamps, waiting and watchdogs only. What decisions call "now" is the recv_ns of the record
 * in hand: ats_event_clock.
 */
#ifndef ATS_CORE_CLOCK_H
#define ATS_CORE_CLOCK_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef struct ats_clock {
    uint64_t base_ticks; /* TSC at calibration */
    uint64_t base_ns;    /* CLOCK_MONOTONIC at the same moment */
    uint64_t ns_per_tick_q32;
    uint64_t ticks_hz; /* 0: the TSC is not used */
} ats_clock;

/* Calibrates against CLOCK_MONOTONIC_RAW for about 50 ms (error below 2 ppm: the two readings that
 * bracket each TSC read are kept within 1 us). Cold. */
void ats_clock_calibrate(ats_clock *clock);

/* A clock that reads CLOCK_MONOTONIC; for hosts without an invariant TSC, and for tests. */
void ats_clock_use_monotonic(ats_clock *clock);

/* CLOCK_REALTIME in ns. Cold: wall-clock labels of runs and logs, never a decision. */
int64_t ats_clock_wall_ns(void);

uint64_t ats_clock_monotonic_ns(void);

/* UTC ns as RFC 3339, "2018-01-02T14:30:00.123456789Z". Cold. */
#define ATS_CLOCK_TEXT_BYTES 40
void ats_clock_utc_text(int64_t utc_ns, char out[ATS_CLOCK_TEXT_BYTES]);

static inline uint64_t ats_clock_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

/* ns on the monotonic clock. Hot. */
static inline uint64_t ats_clock_now(const ats_clock *clock)
{
    if (__builtin_expect(clock->ticks_hz == 0, 0))
        return ats_clock_monotonic_ns();
    uint64_t ticks = ats_clock_ticks() - clock->base_ticks;
    return clock->base_ns +
           (uint64_t)(((unsigned __int128)ticks * clock->ns_per_tick_q32) >> 32);
}

/* The time of decisions: non-decreasing, moved only by records. */
typedef struct ats_event_clock {
    int64_t now_ns;
} ats_event_clock;

static inline void ats_event_clock_advance(ats_event_clock *clock, int64_t to_ns)
{
    assert(to_ns >= clock->now_ns && "recv_ns went back");
    clock->now_ns = to_ns;
}

#endif
