/* doctor.h: is this host fit for low latency, and does a thread map fit the host?
 *
 * ats_doctor_run looks at what the kernel tells (/proc, /sys, limits), measures what it does not
 * tell (the time of a disk sync, the gaps that a spinning thread sees), and gives one finding a
 * check: what was found, how bad it is, and what to change. It changes nothing. Cold; takes 0.5 s a
 * CPU that is measured, one after the other, so that they do not disturb each other.
 */
#ifndef ATS_CORE_DOCTOR_H
#define ATS_CORE_DOCTOR_H

#include "core/topology.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATS_DOCTOR_FINDINGS_MAX 128u /* 24 checks, two of them once a thread or CPU */

typedef enum ats_doctor_level {
    ATS_DOCTOR_OK = 0,
    ATS_DOCTOR_WARN = 1, /* works, with a worse tail */
    ATS_DOCTOR_FAIL = 2, /* does not work, or not as configured */
    ATS_DOCTOR_LEVEL_COUNT
} ats_doctor_level;
const char *ats_doctor_level_label(uint32_t level);

typedef struct ats_doctor_finding {
    const char *check; /* "governor" */
    ats_doctor_level level;
    char found[200];
    char advice[240]; /* "" when there is nothing to do */
} ats_doctor_finding;

typedef struct ats_doctor_thread {
    char name[ATS_NAME_BYTES];
    int cpu; /* ATS_CPU_ANY: floats */
    ats_wait wait;
} ats_doctor_thread;

typedef struct ats_doctor_options {
    const char *root;   /* in front of /proc and /sys; "" = this host */
    const char *folder; /* where runs are written: its disk is looked at */
    const ats_doctor_thread *threads;
    uint32_t thread_count; /* 0: no thread map; every allowed CPU is looked at */
    uint32_t spin_ms;      /* of each CPU for the gaps; 0 = do not measure anything */
} ats_doctor_options;

typedef struct ats_doctor_report {
    uint32_t count;
    ats_doctor_finding findings[ATS_DOCTOR_FINDINGS_MAX];
} ats_doctor_report;

void ats_doctor_run(ats_doctor_report *report, const ats_doctor_options *options);

/* Adds a finding to a report; a full one loses its last. The finding is the report's: its advice
 * may be written. For checks of what core does not know. */
ats_doctor_finding *ats_doctor_add(ats_doctor_report *report, const char *check,
                                   ats_doctor_level level, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Findings of a level. */
uint32_t ats_doctor_count(const ats_doctor_report *report, ats_doctor_level level);

/* Is cpu in a list as the kernel writes them ("2-6,18-22", "managed_irq,domain,2-6", "0-14:2")?
 * Words and malformed parts match nothing. */
bool ats_cpu_list_has(const char *list, int cpu);

/* ---- what the measuring half gives (doctor_measure.c) -------------------------------------------
 */

/* Longest time between two reads of the clock on a thread that spins on a CPU for spin_ms, and how
 * many were above 10 us. -1 with an error pushed when it cannot be pinned there. */
int ats_doctor_gaps(int cpu, uint32_t spin_ms, uint64_t *longest_ns, uint64_t *over_10us);

/* Median and longest of 32 appends of 4 KiB, each with an fdatasync, to a file in the folder
 * (removed at once). -1 with an error pushed. */
int ats_doctor_sync(const char *folder, uint64_t *median_ns, uint64_t *longest_ns);

#endif
