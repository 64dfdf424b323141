#include "core/doctor.h"

#include "core/error.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CPUS_MAX 1024
#define MIB      (1ull << 20)
#define GIB      (1ull << 30)

static const char *const LEVEL_LABELS[] = {"ok", "warn", "fail"};
static_assert(sizeof LEVEL_LABELS / sizeof LEVEL_LABELS[0] == ATS_DOCTOR_LEVEL_COUNT,
              "a label a level");

const char *ats_doctor_level_label(uint32_t level)
{
    return level < ATS_DOCTOR_LEVEL_COUNT ? LEVEL_LABELS[level] : "?";
}

/* ---- an examination ------------------------------------------------------------------------- */

typedef struct exam {
    ats_doctor_report *report;
    const ats_doctor_options *options;
    int cpus[CPUS_MAX]; /* that matter: those of pinned threads, or all we may use */
    int cpu_count;
    int allowed[CPUS_MAX];
    int allowed_count;
    char cpuinfo[16384]; /* the first CPU's lines are enough */
    char cmdline[8192];
} exam;

__attribute__((format(printf, 4, 0))) static ats_doctor_finding *
add(ats_doctor_report *r, const char *check, ats_doctor_level level, const char *format,
    va_list args)
{
    if (r->count == ATS_DOCTOR_FINDINGS_MAX)
        r->count--;
    ats_doctor_finding *f = &r->findings[r->count++];
    *f = (ats_doctor_finding){.check = check, .level = level};
    vsnprintf(f->found, sizeof f->found, format, args);
    return f;
}

ats_doctor_finding *ats_doctor_add(ats_doctor_report *report, const char *check,
                                   ats_doctor_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ats_doctor_finding *f = add(report, check, level, format, args);
    va_end(args);
    return f;
}

static ats_doctor_finding *find(exam *x, const char *check, ats_doctor_level level,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));

static ats_doctor_finding *find(exam *x, const char *check, ats_doctor_level level,
                                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ats_doctor_finding *f = add(x->report, check, level, format, args);
    va_end(args);
    return f;
}

static void advise(ats_doctor_finding *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void advise(ats_doctor_finding *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(f->advice, sizeof f->advice, format, args);
    va_end(args);
}

/* Reads a small file below the root, without its last newline. False: it is not there. */
static bool read_text(const exam *x, char *out, size_t capacity, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool read_text(const exam *x, char *out, size_t capacity, const char *format, ...)
{
    char path[1024];
    va_list args;
    int n = snprintf(path, sizeof path, "%s", x->options->root);
    out[0] = 0;
    if (n < 0 || n >= (int)sizeof path)
        return false;
    va_start(args, format);
    vsnprintf(path + n, sizeof path - (size_t)n, format, args);
    va_end(args);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t length = 0;
    ssize_t got;
    while (length + 1 < capacity && (got = read(fd, out + length, capacity - 1 - length)) > 0)
        length += (size_t)got;
    close(fd);
    out[length] = 0;
    if (length && out[length - 1] == '\n')
        out[length - 1] = 0;
    return true;
}

bool ats_cpu_list_has(const char *list, int cpu)
{
    while (*list) {
        char *end;
        long first = strtol(list, &end, 10), last, step = 1;
        bool number = end != list && isdigit((unsigned char)*list);
        last = first;
        if (number && *end == '-')
            last = strtol(end + 1, &end, 10);
        if (number && *end == ':') /* "0-14:2", and "0-14:1/2", a group of 1 in every 2 */
            step = strtol(end + 1, &end, 10);
        if (number && *end == '/')
            step = strtol(end + 1, &end, 10);
        if (number && (*end == ',' || !*end) && step > 0 && cpu >= first && cpu <= last &&
            (cpu - first) % step == 0)
            return true;
        list += strcspn(list, ",");
        list += *list == ',';
    }
    return false;
}

/* Text of those of the CPUs that matter for which the test holds; how many. */
static int name_cpus(const exam *x, bool (*holds)(const exam *, int), char *out, size_t capacity)
{
    int count = 0;
    size_t n = 0;
    out[0] = 0;
    for (int i = 0; i < x->cpu_count; i++) {
        if (!holds(x, x->cpus[i]))
            continue;
        count++;
        if (n + 8 < capacity)
            n += (size_t)snprintf(out + n, capacity - n, "%s%d", n ? "," : "", x->cpus[i]);
    }
    return count;
}

static void cpu_text(const exam *x, char *out, size_t capacity)
{
    size_t n = 0;
    out[0] = 0;
    for (int i = 0; i < x->cpu_count && n + 8 < capacity; i++)
        n += (size_t)snprintf(out + n, capacity - n, "%s%d", i ? "," : "", x->cpus[i]);
}

/* ---- processors ----------------------------------------------------------------------------- */

/* Value of "name : value" in /proc/cpuinfo. */
static void cpuinfo_value(const exam *x, const char *name, char *out, size_t capacity)
{
    const char *at = strstr(x->cpuinfo, name);
    const char *colon = at ? strchr(at, ':') : NULL;
    snprintf(out, capacity, "unknown");
    if (colon)
        snprintf(out, capacity, "%.*s", (int)strcspn(colon + 1, "\n"), colon + 1);
    if (*out == ' ')
        memmove(out, out + 1, strlen(out));
}

static void check_cpu(exam *x)
{
    char model[120];
    cpuinfo_value(x, "model name", model, sizeof model);
    ats_doctor_finding *f = find(x, "cpu", x->allowed_count < 2 ? ATS_DOCTOR_WARN : ATS_DOCTOR_OK,
                                 "%s, %d allowed", model, x->allowed_count);
    if (x->allowed_count < 2)
        advise(f, "the chain and the side thread share one CPU: give the process two or more");
}

static void check_kernel_list(exam *x, const char *parameter, const char *why)
{
    char key[32], list[512] = "", cpus[120], missing[120];
    snprintf(key, sizeof key, " %s=", parameter);
    const char *at = strstr(x->cmdline, key);
    if (at)
        snprintf(list, sizeof list, "%.*s", (int)strcspn(at + strlen(key), " "), at + strlen(key));
    size_t n = 0;
    int count = 0;
    missing[0] = 0;
    for (int i = 0; i < x->cpu_count; i++)
        if (!ats_cpu_list_has(list, x->cpus[i])) {
            count++;
            if (n + 8 < sizeof missing)
                n += (size_t)snprintf(missing + n, sizeof missing - n, "%s%d", n ? "," : "",
                                      x->cpus[i]);
        }
    if (x->options->thread_count == 0) {
        find(x, parameter, ATS_DOCTOR_OK, "%s",
             *list ? list : "none (no thread map to hold it to)");
        return;
    }
    if (count == 0) {
        find(x, parameter, ATS_DOCTOR_OK, "%s", *list ? list : "no pinned thread");
        return;
    }
    cpu_text(x, cpus, sizeof cpus);
    advise(find(x, parameter, ATS_DOCTOR_WARN, "not for CPU %s", missing),
           "kernel command line: %s=%s (%s)", parameter, cpus, why);
}

static bool slow_governor(const exam *x, int cpu)
{
    char text[64];
    return read_text(x, text, sizeof text, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor",
                     cpu) &&
           strcmp(text, "performance") != 0;
}

static bool has_governor(const exam *x, int cpu)
{
    char text[64];
    return read_text(x, text, sizeof text, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor",
                     cpu);
}

static void check_governor(exam *x)
{
    char cpus[120];
    if (name_cpus(x, has_governor, cpus, sizeof cpus) == 0)
        find(x, "governor", ATS_DOCTOR_OK, "no frequency scaling is told (a virtual machine?)");
    else if (name_cpus(x, slow_governor, cpus, sizeof cpus) == 0)
        find(x, "governor", ATS_DOCTOR_OK, "performance");
    else
        advise(find(x, "governor", ATS_DOCTOR_WARN, "not performance on CPU %s", cpus),
               "cpupower -c %s frequency-set -g performance", cpus);
}

static void check_turbo(exam *x)
{
    char text[16];
    if (read_text(x, text, sizeof text, "/sys/devices/system/cpu/intel_pstate/no_turbo"))
        find(x, "turbo", ATS_DOCTOR_OK, "%s", *text == '1' ? "off: steady" : "on: faster, steps");
    else if (read_text(x, text, sizeof text, "/sys/devices/system/cpu/cpufreq/boost"))
        find(x, "turbo", ATS_DOCTOR_OK, "%s", *text == '0' ? "off: steady" : "on: faster, steps");
    else
        find(x, "turbo", ATS_DOCTOR_OK, "not told");
}

static bool sibling_online(const exam *x, int cpu)
{
    char list[64];
    if (!read_text(x, list, sizeof list,
                   "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
        return false;
    return strpbrk(list, ",-") != NULL;
}

/* Another CPU of the map is on the same core. */
static bool sibling_in_map(const exam *x, int cpu)
{
    char list[64];
    if (!read_text(x, list, sizeof list,
                   "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
        return false;
    for (int i = 0; i < x->cpu_count; i++)
        if (x->cpus[i] != cpu && ats_cpu_list_has(list, x->cpus[i]))
            return true;
    return false;
}

static void check_smt(exam *x)
{
    char cpus[120];
    bool map = x->options->thread_count > 0;
    if (map && name_cpus(x, sibling_in_map, cpus, sizeof cpus))
        advise(find(x, "smt", ATS_DOCTOR_FAIL, "CPU %s of the thread map share a core", cpus),
               "give each pinned thread a core of its own: "
               "/sys/devices/system/cpu/cpu*/topology/thread_siblings_list names the pairs");
    else if (name_cpus(x, sibling_online, cpus, sizeof cpus))
        advise(find(x, "smt", ATS_DOCTOR_WARN, "CPU %s has a sibling that is on", cpus),
               "take the siblings off: echo 0 > /sys/devices/system/cpu/cpuN/online, or nosmt");
    else
        find(x, "smt", ATS_DOCTOR_OK, "no siblings are on");
}

/* Wake-up time of the deepest sleep that is enabled, us; -1: none is told. */
static long deepest_sleep_us(const exam *x, int cpu)
{
    long most = -1;
    char text[64];
    for (int s = 0; s < 16; s++) {
        if (!read_text(x, text, sizeof text,
                       "/sys/devices/system/cpu/cpu%d/cpuidle/state%d/latency", cpu, s))
            break;
        long us = strtol(text, NULL, 10);
        read_text(x, text, sizeof text, "/sys/devices/system/cpu/cpu%d/cpuidle/state%d/disable",
                  cpu, s);
        if (*text != '1' && us > most)
            most = us;
    }
    return most;
}

static bool sleeps_deeply(const exam *x, int cpu)
{
    return deepest_sleep_us(x, cpu) > 10;
}

static void check_sleep(exam *x)
{
    char cpus[120];
    if (name_cpus(x, sleeps_deeply, cpus, sizeof cpus))
        advise(find(x, "c-states", ATS_DOCTOR_WARN, "CPU %s may sleep with a wake-up above 10 us",
                    cpus),
               "cpupower -c %s idle-set -D 10, or processor.max_cstate=1; a spinning thread never "
               "sleeps, others do",
               cpus);
    else
        find(x, "c-states", ATS_DOCTOR_OK, "no enabled sleep with a wake-up above 10 us is told");
}

static void check_clock(exam *x)
{
    char source[64];
    bool told = read_text(x, source, sizeof source,
                          "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    if (!told || strcmp(source, "tsc") == 0)
        find(x, "clock source", ATS_DOCTOR_OK, "%s", told ? source : "not told");
    else
        advise(
            find(x, "clock source", ATS_DOCTOR_WARN, "%s", source),
            "kernel command line: tsc=reliable clocksource=tsc, where the machine's TSC is sound; "
            "clock_gettime is a system call otherwise on some");
    bool invariant = strstr(x->cpuinfo, "constant_tsc") && strstr(x->cpuinfo, "nonstop_tsc");
    if (invariant)
        find(x, "tsc", ATS_DOCTOR_OK, "invariant");
    else
        advise(find(x, "tsc", ATS_DOCTOR_WARN,
                    "not known to be invariant: stamps use "
                    "CLOCK_MONOTONIC"),
               "a virtual machine can be given it (KVM: -cpu host,+invtsc)");
}

/* ---- memory --------------------------------------------------------------------------------- */

static uint64_t meminfo_value(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void check_pages(exam *x)
{
    char text[8192];
    bool told = read_text(x, text, sizeof text, "/sys/kernel/mm/transparent_hugepage/enabled");
    if (told && strstr(text, "[never]"))
        advise(find(x, "transparent huge pages", ATS_DOCTOR_WARN, "never"),
               "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
    else
        find(x, "transparent huge pages", ATS_DOCTOR_OK, "%.60s", told ? text : "not told");
    read_text(x, text, sizeof text, "/proc/meminfo");
    uint64_t total = meminfo_value(text, "HugePages_Total:");
    uint64_t free_pages = meminfo_value(text, "HugePages_Free:");
    if (total)
        find(x, "explicit huge pages", ATS_DOCTOR_OK, "%llu of %llu free",
             (unsigned long long)free_pages, (unsigned long long)total);
    else
        advise(find(x, "explicit huge pages", ATS_DOCTOR_WARN, "none"),
               "sysctl vm.nr_hugepages=256 (512 MiB of 2 MiB pages); transparent ones serve until "
               "then");
    char swaps[1024];
    bool any = read_text(x, swaps, sizeof swaps, "/proc/swaps") && strchr(swaps, '\n');
    if (any)
        advise(find(x, "swap", ATS_DOCTOR_WARN, "on"),
               "swapoff -a, or vm.swappiness=0: what is not locked can be paged out");
    else
        find(x, "swap", ATS_DOCTOR_OK, "off");
}

static void check_limits(exam *x)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
        char text[48] = "unlimited";
        if (limit.rlim_cur != RLIM_INFINITY)
            snprintf(text, sizeof text, "%llu MiB", (unsigned long long)(limit.rlim_cur / MIB));
        if (limit.rlim_cur >= 512 * MIB)
            find(x, "memory lock limit", ATS_DOCTOR_OK, "%s", text);
        else
            advise(find(x, "memory lock limit", ATS_DOCTOR_WARN, "%s", text),
                   "`ulimit -l unlimited`, or memlock in /etc/security/limits.d: rings and state "
                   "cannot be locked");
    }
    if (getrlimit(RLIMIT_RTPRIO, &limit) == 0) {
        bool some = limit.rlim_cur > 0 || geteuid() == 0;
        ats_doctor_finding *f =
            find(x, "real-time limit", some ? ATS_DOCTOR_OK : ATS_DOCTOR_WARN, "%llu%s",
                 (unsigned long long)limit.rlim_cur, geteuid() == 0 ? " (root)" : "");
        if (!some)
            advise(f, "rtprio 50 in /etc/security/limits.d, for hosts without isolated CPUs");
    }
}

/* ---- interrupts, nodes ---------------------------------------------------------------------- */

static void check_interrupts(exam *x)
{
    char path[1024], list[512];
    int on_chain = 0, total = 0;
    snprintf(path, sizeof path, "%s/proc/irq", x->options->root);
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        if (!read_text(x, list, sizeof list, "/proc/irq/%s/effective_affinity_list",
                       entry->d_name) &&
            !read_text(x, list, sizeof list, "/proc/irq/%s/smp_affinity_list", entry->d_name))
            continue;
        bool ours = false;
        for (int i = 0; i < x->cpu_count; i++)
            ours |= ats_cpu_list_has(list, x->cpus[i]);
        total++;
        on_chain += ours;
    }
    if (folder)
        closedir(folder);
    if (x->options->thread_count && on_chain)
        advise(find(x, "interrupts", ATS_DOCTOR_WARN, "%d of %d may come to the chain's CPUs",
                    on_chain, total),
               "move them: echo LIST > /proc/irq/N/smp_affinity_list, stop irqbalance; or "
               "isolcpus=managed_irq,...");
    else
        find(x, "interrupts", ATS_DOCTOR_OK, "%d of %d on the CPUs looked at", on_chain, total);
}

static void check_nodes(exam *x)
{
    char list[256];
    int nodes = 0;
    for (int node = 0; node < 64; node++) {
        if (!read_text(x, list, sizeof list, "/sys/devices/system/node/node%d/cpulist", node))
            continue;
        bool used = false;
        for (int i = 0; i < x->cpu_count; i++)
            used |= ats_cpu_list_has(list, x->cpus[i]);
        nodes += used;
    }
    if (nodes > 1 && x->options->thread_count)
        advise(find(x, "numa", ATS_DOCTOR_WARN, "the chain spans %d memory nodes", nodes),
               "pin all threads to CPUs of one node: numactl --hardware names them");
    else
        find(x, "numa", ATS_DOCTOR_OK, "%d memory node%s", nodes ? nodes : 1, nodes > 1 ? "s" : "");
}

/* ---- storage, devices ----------------------------------------------------------------------- */

static void check_space(exam *x, const char *check, const char *path, uint64_t least,
                        uint64_t enough, const char *advice)
{
    struct statvfs fs;
    if (statvfs(path, &fs) != 0) {
        advise(find(x, check, ATS_DOCTOR_FAIL, "%s: %s", path, strerror(errno)), "%s", advice);
        return;
    }
    uint64_t bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    ats_doctor_level level = bytes < least    ? ATS_DOCTOR_FAIL
                             : bytes < enough ? ATS_DOCTOR_WARN
                                              : ATS_DOCTOR_OK;
    ats_doctor_finding *f =
        find(x, check, level, "%s: %.1f GiB free", path, (double)bytes / (double)GIB);
    if (level != ATS_DOCTOR_OK)
        advise(f, "%s", advice);
}

static void check_devices(exam *x)
{
    char text[256];
    bool barred =
        read_text(x, text, sizeof text, "/proc/sys/kernel/io_uring_disabled") && *text != '0';
    uint8_t parameters[256] = {0}; /* struct io_uring_params is 120 bytes */
    long fd = barred ? -1 : syscall(SYS_io_uring_setup, 2, parameters);
    if (fd >= 0) {
        close((int)fd);
        find(x, "io_uring", ATS_DOCTOR_OK, "allowed");
        return;
    }
    advise(find(x, "io_uring", ATS_DOCTOR_WARN, "not allowed here%s%s", barred ? "" : ": ",
                barred ? "" : strerror(errno)),
           "sysctl kernel.io_uring_disabled=0; in a container allow its three system calls. Replay "
           "and backtest do not need it");
}

static void check_sync(exam *x)
{
    uint64_t median, longest;
    if (ats_doctor_sync(x->options->folder, &median, &longest) != 0) {
        advise(find(x, "disk sync", ATS_DOCTOR_FAIL, "%s", ats_error_line(0)),
               "runs must be written somewhere: choose another --folder");
        ats_error_clear();
        return;
    }
    ats_doctor_finding *f =
        find(x, "disk sync", median > 20000000 ? ATS_DOCTOR_WARN : ATS_DOCTOR_OK,
             "%.2f ms median, %.2f ms longest of 32", (double)median / 1e6, (double)longest / 1e6);
    if (f->level != ATS_DOCTOR_OK)
        advise(f, "a power loss may take as many ms of the audit trail: use an NVMe disk");
}

static void check_gaps(exam *x)
{
    for (int i = 0; i < x->cpu_count; i++) {
        uint64_t longest, over;
        if (ats_doctor_gaps(x->cpus[i], x->options->spin_ms, &longest, &over) != 0) {
            ats_error_clear(); /* the thread map's own check tells it */
            continue;
        }
        ats_doctor_finding *f =
            find(x, "timer gaps", longest > 100000 ? ATS_DOCTOR_WARN : ATS_DOCTOR_OK,
                 "CPU %d: longest %.1f us, %llu above 10 us in %u ms", x->cpus[i],
                 (double)longest / 1e3, (unsigned long long)over, x->options->spin_ms);
        if (f->level != ATS_DOCTOR_OK)
            advise(f, "something else runs there: isolate the CPU, or (virtual machine) ask for "
                      "dedicated cores");
    }
}

/* ---- the thread map ------------------------------------------------------------------------- */

static bool is_allowed(const exam *x, int cpu)
{
    for (int i = 0; i < x->allowed_count; i++)
        if (x->allowed[i] == cpu)
            return true;
    return false;
}

static void check_threads(exam *x)
{
    const ats_doctor_options *o = x->options;
    int busy = 0;
    for (uint32_t i = 0; i < o->thread_count; i++) {
        const ats_doctor_thread *t = &o->threads[i];
        bool spins = t->wait == ATS_WAIT_SPIN || t->wait == ATS_WAIT_PAUSE;
        busy += spins;
        if (t->cpu != ATS_CPU_ANY && !is_allowed(x, t->cpu))
            advise(find(x, "threads", ATS_DOCTOR_FAIL, "%s wants CPU %d, which is not ours",
                        t->name, t->cpu),
                   "change run.threads, or the process's CPUs (taskset, cpuset, container)");
        else if (spins && t->cpu == ATS_CPU_ANY)
            advise(find(x, "threads", ATS_DOCTOR_WARN, "%s spins and floats", t->name),
                   "pin it, or let it yield or park");
        else if (t->cpu == ATS_CPU_ANY)
            find(x, "threads", ATS_DOCTOR_OK, "%s floats, %s", t->name, ats_wait_label(t->wait));
        else
            find(x, "threads", ATS_DOCTOR_OK, "%s on CPU %d, %s", t->name, t->cpu,
                 ats_wait_label(t->wait));
    }
    if (o->thread_count && busy >= x->allowed_count && o->thread_count > 1)
        advise(find(x, "threads", ATS_DOCTOR_FAIL, "%d threads never rest and %d CPUs are ours",
                    busy, x->allowed_count),
               "the others cannot run: fuse stages (run.threads: fused), or let threads yield");
}

static void choose_cpus(exam *x)
{
    const ats_doctor_options *o = x->options;
    x->allowed_count = ats_cpus_allowed(x->allowed, CPUS_MAX);
    for (uint32_t i = 0; i < o->thread_count; i++)
        if (o->threads[i].cpu != ATS_CPU_ANY)
            x->cpus[x->cpu_count++] = o->threads[i].cpu;
    if (o->thread_count)
        return;
    memcpy(x->cpus, x->allowed, sizeof x->cpus);
    x->cpu_count = x->allowed_count;
}

void ats_doctor_run(ats_doctor_report *report, const ats_doctor_options *options)
{
    exam x = {.report = report, .options = options};
    assert(options->thread_count <= ATS_THREADS_MAX);
    report->count = 0;
    choose_cpus(&x);
    read_text(&x, x.cpuinfo, sizeof x.cpuinfo, "/proc/cpuinfo");
    x.cmdline[0] = ' ';
    read_text(&x, x.cmdline + 1, sizeof x.cmdline - 1, "/proc/cmdline");
    check_cpu(&x);
    check_threads(&x);
    check_kernel_list(&x, "isolcpus", "nothing else is scheduled there");
    check_kernel_list(&x, "nohz_full", "no timer tick while one thread runs");
    check_kernel_list(&x, "rcu_nocbs", "no kernel callbacks there");
    check_governor(&x);
    check_turbo(&x);
    check_smt(&x);
    check_sleep(&x);
    check_clock(&x);
    check_pages(&x);
    check_limits(&x);
    check_interrupts(&x);
    check_nodes(&x);
    check_space(
        &x, "shared memory", "/dev/shm", 64 * MIB, GIB,
        "mount -o remount,size=2G /dev/shm; in a container --shm-size=2g: the order journal "
        "lies there");
    check_space(&x, "disk", options->folder, GIB, 10 * GIB,
                "free some, or choose another --folder");
    check_devices(&x);
    if (options->spin_ms) {
        check_sync(&x);
        check_gaps(&x);
    }
}

uint32_t ats_doctor_count(const ats_doctor_report *report, ats_doctor_level level)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < report->count; i++)
        n += report->findings[i].level == level;
    return n;
}
