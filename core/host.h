/* host.h: what machine this is and what build, for the records of runs and benchmarks. Cold.
 *
 * Text fields are NUL-terminated and cut to their size; what the machine does not tell is "" and a
 * number that it does not tell is 0. The strings may hold any bytes that the firmware chose:
 * whoever prints them escapes them.
 */
#ifndef ATS_CORE_HOST_H
#define ATS_CORE_HOST_H

#include "core/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define ATS_HOST_TEXT_BYTES 128u

typedef struct ats_host {
    char cpu[ATS_HOST_TEXT_BYTES];           /* model name */
    uint32_t cores;                          /* logical CPUs that are online */
    uint32_t cores_allowed;                  /* of these, the ones this process may run on */
    char kernel[ATS_HOST_TEXT_BYTES];        /* "Linux 6.1.0-13-amd64" */
    char governor[32];                       /* of cpu0; "" where the machine has none to set */
    char isolated_cpus[ATS_HOST_TEXT_BYTES]; /* "2-7"; "" = none */
    uint64_t tsc_hz;                         /* 0: stamps come from CLOCK_MONOTONIC */
    uint64_t memory_bytes;
    bool virtual_machine; /* a hypervisor is below us: its pauses are in every tail */
} ats_host;

/* Reads /proc, /sys and uname(2). `clock` may be NULL: tsc_hz is then 0. Never fails. */
void ats_host_read(ats_host *host, const ats_clock *clock);

/* The build of this program; the strings are constants. */
typedef struct ats_build {
    const char *version;
    const char *commit;   /* "unknown" outside a checkout; ends in "-dirty" with local changes */
    const char *compiler; /* "gcc 12.2.0" */
    const char *isa;      /* widest level of the machine that the run-time choice may use */
    const char *flags;    /* build type, optimisation, -march */
    bool cuda;
} ats_build;

ats_build ats_build_info(void);

#endif
