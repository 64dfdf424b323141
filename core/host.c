#include "core/host.h"

#include "core/affinity.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The commit and the flags are given to this file alone (cmake/commit.cmake), so that a new commit
 * compiles one file. */
#ifndef ATS_COMMIT
#define ATS_COMMIT "unknown"
#endif
#ifndef ATS_FLAGS
#define ATS_FLAGS ""
#endif

/* First line of a file without its line break; "" when there is none. */
static void read_line(const char *path, char *text, size_t bytes)
{
    text[0] = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (!fgets(text, (int)bytes, file))
        text[0] = 0;
    fclose(file);
    text[strcspn(text, "\n")] = 0;
}

/* "model name<tab>: AMD ..." of the first CPU, and whether its flags name a hypervisor. */
static void read_cpuinfo(ats_host *host)
{
    char line[8192]; /* the flags of a current CPU are about 2 KiB */
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file)
        return;
    while (fgets(line, sizeof line, file) && line[0] != '\n') {
        char *value = strchr(line, ':');
        if (!value)
            continue;
        value += 1 + (value[1] == ' ');
        value[strcspn(value, "\n")] = 0;
        if (!strncmp(line, "model name", 10))
            snprintf(host->cpu, sizeof host->cpu, "%.*s", (int)sizeof host->cpu - 1, value);
        else if (!strncmp(line, "flags", 5))
            host->virtual_machine = strstr(value, " hypervisor") != NULL;
    }
    fclose(file);
}

void ats_host_read(ats_host *host, const ats_clock *clock)
{
    *host = (ats_host){0};
    read_cpuinfo(host);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    host->cores = online > 0 ? (uint32_t)online : 0;
    int cpus[1024];
    host->cores_allowed = (uint32_t)ats_cpus_allowed(cpus, 1024);
    struct utsname name;
    if (uname(&name) == 0)
        snprintf(host->kernel, sizeof host->kernel, "%.40s %.80s", name.sysname, name.release);
    read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", host->governor,
              sizeof host->governor);
    read_line("/sys/devices/system/cpu/isolated", host->isolated_cpus, sizeof host->isolated_cpus);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0)
        host->memory_bytes = (uint64_t)pages * (uint64_t)page;
    host->tsc_hz = clock ? clock->ticks_hz : 0;
}

static const char *isa_level(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return "x86-64-v4";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("bmi2"))
        return "x86-64-v3";
    return "x86-64-v2";
#elif defined(__aarch64__)
    return "aarch64";
#else
    return "generic";
#endif
}

ats_build ats_build_info(void)
{
    return (ats_build)
    {
        .version = ATS_VERSION, .commit = ATS_COMMIT,
#if defined(__clang__)
        .compiler = "clang " __clang_version__,
#else
        .compiler = "gcc " __VERSION__,
#endif
        .isa = isa_level(), .flags = ATS_FLAGS,
#if defined(ATS_HAVE_CUDA) && ATS_HAVE_CUDA
        .cuda = true,
#endif
    };
}
