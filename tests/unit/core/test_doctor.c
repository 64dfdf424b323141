#include "core/doctor.h"
#include "core/error.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char root[] = "/tmp/ats-doctor-XXXXXX";
static ats_doctor_report report;

static void put(const char *path, const char *text)
{
    char full[512], command[600];
    snprintf(full, sizeof full, "%s%s", root, path);
    snprintf(command, sizeof command, "mkdir -p $(dirname '%s')", full);
    cr_assert_eq(system(command), 0);
    FILE *f = fopen(full, "w");
    cr_assert(f);
    fputs(text, f);
    fclose(f);
}

static void make_root(void)
{
    cr_assert(mkdtemp(root));
}

static void drop_root(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(doctor, .init = make_root, .fini = drop_root);

/* The finding of a check, the first whose text holds `what`. */
static const ats_doctor_finding *finding(const char *check, const char *what)
{
    for (uint32_t i = 0; i < report.count; i++)
        if (strcmp(report.findings[i].check, check) == 0 && strstr(report.findings[i].found, what))
            return &report.findings[i];
    cr_assert_fail("no finding %s with \"%s\"", check, what);
    return NULL;
}

static void expect(const char *check, const char *what, ats_doctor_level level)
{
    const ats_doctor_finding *f = finding(check, what);
    cr_expect_eq(f->level, level, "%s: %s", check, f->found);
    cr_expect_eq(f->advice[0] != 0, level != ATS_DOCTOR_OK, "%s: %s", check, f->advice);
}

static void run(const ats_doctor_thread *threads, uint32_t count)
{
    ats_doctor_run(&report,
                   &(ats_doctor_options){
                       .root = root, .folder = "/tmp", .threads = threads, .thread_count = count});
}

Test(doctor, cpu_lists)
{
    cr_expect(ats_cpu_list_has("2-6,18-22", 2));
    cr_expect(ats_cpu_list_has("2-6,18-22", 22));
    cr_expect_not(ats_cpu_list_has("2-6,18-22", 7));
    cr_expect(ats_cpu_list_has("managed_irq,domain,3", 3));
    cr_expect_not(ats_cpu_list_has("managed_irq,domain,3", 0));
    cr_expect(ats_cpu_list_has("0-14:2", 4));
    cr_expect_not(ats_cpu_list_has("0-14:2", 5));
    cr_expect_not(ats_cpu_list_has("", 0));
    cr_expect_not(ats_cpu_list_has("1-", 1));
    cr_expect_not(ats_cpu_list_has("1x,-3", 1));
    cr_expect_not(ats_cpu_list_has("0-4:0", 0));
    cr_expect_not(ats_cpu_list_has(",,,", 0));
}

#define CPU0 "/sys/devices/system/cpu/cpu0"

/* A host on which everything is wrong. */
Test(doctor, a_bad_host)
{
    const ats_doctor_thread threads[] = {{"hot", 0, ATS_WAIT_SPIN}, {"two", 4000, ATS_WAIT_SPIN}};
    put("/proc/cmdline", "quiet isolcpus=5 nohz_full=5\n");
    put("/proc/cpuinfo", "model name\t: Test CPU\nflags\t\t: fpu tsc\n");
    put("/proc/meminfo", "MemTotal: 1 kB\nHugePages_Total:       0\nHugePages_Free:        0\n");
    put("/proc/swaps", "Filename Type\n/swap file\n");
    put("/proc/irq/9/smp_affinity_list", "0-3\n");
    put("/proc/irq/10/effective_affinity_list", "7\n");
    put("/proc/sys/kernel/io_uring_disabled", "2\n");
    put(CPU0 "/cpufreq/scaling_governor", "powersave\n");
    put(CPU0 "/topology/thread_siblings_list", "0,4000\n");
    put(CPU0 "/cpuidle/state0/latency", "2\n");
    put(CPU0 "/cpuidle/state1/latency", "350\n");
    put(CPU0 "/cpuidle/state1/disable", "0\n");
    put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
    put("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
    put("/sys/devices/system/node/node0/cpulist", "0-3\n");
    put("/sys/devices/system/node/node1/cpulist", "4-4000\n");
    run(threads, 2);
    expect("isolcpus", "not for CPU 0", ATS_DOCTOR_WARN);
    expect("nohz_full", "not for CPU 0", ATS_DOCTOR_WARN);
    expect("rcu_nocbs", "not for CPU 0", ATS_DOCTOR_WARN);
    expect("threads", "two wants CPU 4000", ATS_DOCTOR_FAIL);
    expect("governor", "CPU 0", ATS_DOCTOR_WARN);
    expect("smt", "share a core", ATS_DOCTOR_FAIL);
    expect("c-states", "CPU 0", ATS_DOCTOR_WARN);
    expect("clock source", "hpet", ATS_DOCTOR_WARN);
    expect("tsc", "not known", ATS_DOCTOR_WARN);
    expect("transparent huge pages", "never", ATS_DOCTOR_WARN);
    expect("explicit huge pages", "none", ATS_DOCTOR_WARN);
    expect("swap", "on", ATS_DOCTOR_WARN);
    expect("interrupts", "1 of 2", ATS_DOCTOR_WARN);
    expect("numa", "2 memory nodes", ATS_DOCTOR_WARN);
    expect("io_uring", "not allowed", ATS_DOCTOR_WARN);
    cr_expect_geq(ats_doctor_count(&report, ATS_DOCTOR_FAIL), 2);
}

Test(doctor, a_good_host)
{
    const ats_doctor_thread threads[] = {{"hot", 0, ATS_WAIT_YIELD},
                                         {"side", ATS_CPU_ANY, ATS_WAIT_PARK}};
    put("/proc/cmdline", "isolcpus=managed_irq,domain,0-1 nohz_full=0-1 rcu_nocbs=0\n");
    put("/proc/cpuinfo", "model name\t: Test CPU\nflags\t\t: fpu constant_tsc nonstop_tsc\n");
    put("/proc/meminfo", "HugePages_Total:     256\nHugePages_Free:      200\n");
    put("/proc/irq/9/smp_affinity_list", "8-9\n");
    put(CPU0 "/cpufreq/scaling_governor", "performance\n");
    put(CPU0 "/topology/thread_siblings_list", "0\n");
    put(CPU0 "/cpuidle/state0/latency", "2\n");
    put(CPU0 "/cpuidle/state1/latency", "350\n");
    put(CPU0 "/cpuidle/state1/disable", "1\n");
    put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
    put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    run(threads, 2);
    static const char *const good[] = {"isolcpus", "nohz_full", "rcu_nocbs",
                                       "governor", "smt",       "c-states",
                                       "tsc",      "swap",      "transparent huge pages",
                                       "numa",     "threads",   "explicit huge pages"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        expect(good[i], "", ATS_DOCTOR_OK);
    expect("threads", "side floats", ATS_DOCTOR_OK);
    expect("interrupts", "0 of 1", ATS_DOCTOR_OK);
}

/* Measured times are in a range that only a broken measurement leaves. */
Test(doctor, measurements)
{
    uint64_t longest, over, median, sync_longest;
    int cpu;
    cr_assert_geq(ats_cpus_allowed(&cpu, 1), 1);
    cr_assert_eq(ats_doctor_gaps(cpu, 20, &longest, &over), 0);
    cr_expect_gt(longest, 0);
    cr_expect_lt(longest, 5000000000ull);
    cr_expect_eq(ats_doctor_gaps(4000, 20, &longest, &over), -1);
    ats_error_clear();
    cr_assert_eq(ats_doctor_sync("/tmp", &median, &sync_longest), 0);
    cr_expect_gt(median, 0);
    cr_expect_leq(median, sync_longest);
    cr_expect_eq(ats_doctor_sync("/nonexistent", &median, &sync_longest), -1);
    cr_expect(strstr(ats_error_line(0), "/nonexistent"));
}
